// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace cli {

/// Whether the user pressed Ctrl-C; a stop token for `decoder::run`. Pressed a second time, it ends the program.
struct interrupt {
  static void watch() {
    std::signal(SIGINT, [](int) {
      pressed = 1;
      std::signal(SIGINT, SIG_DFL);
    });
  }
  static bool stop_requested() noexcept { return pressed != 0; }
  static constexpr int exit_code = 130;

 private:
  inline static volatile std::sig_atomic_t pressed = 0;
};

}  // namespace cli
