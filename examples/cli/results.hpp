// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <proviso/core/statistics.hpp>

namespace cli {

/// A temperature as it was typed: 0.7, not the 0.699999988 of the nearest float.
inline double temperature_value(float t) { return std::stod(fmt::format("{}", t)); }

/// What one method did on one prompt at one temperature.
struct result {
  std::string method;
  std::string prompt;
  std::string language;
  double temperature = 0.0;
  double seconds = 0.0;
  proviso::statistics stats;
  std::optional<double> speedup;      ///< unknown where plain decoding did not run beside it
  std::optional<bool> same_as_plain;  ///< token by token, with the same seed

  double tokens_per_second() const { return seconds > 0.0 ? static_cast<double>(stats.emitted) / seconds : 0.0; }
};

inline nlohmann::ordered_json to_json(const result& r) {
  nlohmann::ordered_json j;
  j["method"] = r.method;
  j["prompt"] = r.prompt;
  j["language"] = r.language;
  j["temperature"] = r.temperature;
  j["tokens"] = r.stats.emitted;
  j["seconds"] = r.seconds;
  j["tokens_per_second"] = r.tokens_per_second();
  j["speedup"] = nullptr;
  if (r.speedup) j["speedup"] = *r.speedup;
  j["target_calls"] = r.stats.target_calls;
  j["tokens_per_call"] = r.stats.tokens_per_call();
  j["acceptance_rate"] = r.stats.acceptance_rate();
  j["drafted_per_call"] = r.stats.drafted_per_call();
  j["same_as_plain"] = nullptr;
  if (r.same_as_plain) j["same_as_plain"] = *r.same_as_plain;
  return j;
}

/// Figures as the text of a file.
inline std::string text_of(const nlohmann::ordered_json& figures) {
  // Prompts are UTF-8; text that a model made may not be.
  return figures.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace cli
