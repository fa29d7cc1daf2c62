// SPDX-License-Identifier: Apache-2.0
// Compiled with options that allow other arithmetic: it is refused with a sentence, or its laws are right.
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include <proviso/core/law.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/core/types.hpp>
#include <proviso/testing/check_arithmetic.hpp>

int main() {
  if (const std::string fault = proviso::testing::check_arithmetic(); !fault.empty()) {
    std::puts(fault.c_str());
    return 1;
  }
  // The law of three logits: read at run time, so that nothing is known when compiling.
  const std::vector<float> logits{0.0F, -1.0F, -2.0F};
  const double expected[] = {0.66524095577476, 0.24472847105479, 0.09003057317038};
  proviso::law_builder builder;
  proviso::law_buffer memory;
  builder.begin(logits, memory);
  const proviso::law_view law = builder.finish();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double error = law(static_cast<proviso::token_id>(i)) - expected[i];
    if (!(error < 1e-6 && error > -1e-6)) {
      std::printf("token %d has %.6f, expected %.6f\n", static_cast<int>(i), law(static_cast<proviso::token_id>(i)),
                  expected[i]);
      return 1;
    }
  }
}
