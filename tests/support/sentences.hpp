// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace support {

/// The sentence of the exception that `f` throws.
template <class Exception, class F>
std::string sentence(F&& f) {
  try {
    f();
  } catch (const Exception& e) {
    return e.what();
  }
  return {};
}

inline bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace support
