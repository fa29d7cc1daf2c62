// SPDX-License-Identifier: Apache-2.0
#include <proviso/stops/early_commit.hpp>

#include <stdexcept>

#include "support/canvases.hpp"
#include "support/catch.hpp"

using namespace proviso;

namespace {

/// An order that reports what the stop said.
struct ask {
  stops::early_commit stop;
  bool* said;
  void operator()(canvas_step& s) { *said = stop(s); }
};

bool commits(double gap, double first = 0.95) {
  bool said = false;
  support::canvas_trial trial{{2, 0, 2}, {{first, 1.0 - first}, {0.5, 0.5}, {0.1, 0.9}}};
  trial.after(ask{stops::early_commit{gap}, &said});
  return said;
}

}  // namespace

TEST_CASE("early commit waits for every masked position") {
  CHECK(commits(0.79));
  CHECK(!commits(0.81));
  CHECK(!commits(1.0));
  CHECK(!commits(0.79, 0.85));  // the first one is unclear
  CHECK(commits(0.0, 0.5));
  bool said = false;
  support::canvas_trial clear{{2}, {{0.96, 0.04}}};
  clear.after(ask{stops::early_commit{}, &said});
  CHECK(said);
  support::canvas_trial unclear{{2}, {{0.94, 0.06}}};
  unclear.after(ask{stops::early_commit{}, &said});
  CHECK(!said);
  REQUIRE_THROWS_AS(stops::early_commit(1.5), std::invalid_argument);
}
