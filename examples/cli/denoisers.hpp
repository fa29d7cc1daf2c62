// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <proviso/backends/eigen/denoiser.hpp>

#include "commands.hpp"
#include "tokenizer.hpp"
#include "zoo.hpp"

namespace cli {

/// A denoiser that `find_model` finds. Errors: `std::runtime_error` naming a file that is missing or malformed;
/// `std::invalid_argument` when it has another vocabulary.
inline proviso::eigen::denoiser load_denoiser(const model_files& files, const tokenizer& words,
                                              const std::string& name) {
  const model_place place = find_model(files, name);
  proviso::eigen::denoiser net{place.file, running(files, place)};
  check_vocabulary(place.file, net.vocab_size(), words);
  return net;
}

}  // namespace cli
