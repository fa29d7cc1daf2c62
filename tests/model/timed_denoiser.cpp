// SPDX-License-Identifier: Apache-2.0
#include <proviso/model/timed_denoiser.hpp>

#include <cmath>
#include <vector>

#include <proviso/schedules/masking.hpp>

#include "support/catch.hpp"

using namespace proviso;

namespace {

struct timed_net {
  double seen = -1.0;
  std::vector<float> rows;
  std::size_t vocab_size() const { return 3; }
  token_id mask_token() const { return 2; }
  std::size_t capacity() const { return 8; }
  logits_view<float> score(std::span<const token_id>, std::span<const token_id> canvas, double t) {
    seen = t;
    rows.assign(canvas.size() * 3, 0.0F);
    return {rows.data(), canvas.size(), 3};
  }
};

}  // namespace

static_assert(bounded_denoiser<timed_denoiser<timed_net>>);

TEST_CASE("the time is that at which so much is masked") {
  timed_net net;
  timed_denoiser plain{net};
  plain.score({}, std::vector<token_id>{2, 0, 2, 2});
  CHECK(std::abs(net.seen - 0.75) < 1e-12);
  timed_denoiser squared{net, schedules::polynomial{2.0}};
  squared.score({}, std::vector<token_id>{2, 0, 1, 1});
  CHECK(std::abs(net.seen - 0.5) < 1e-12);
  timed_denoiser linear{net, schedules::linear{}};
  linear.score({}, std::vector<token_id>{2, 2});  // m(1) < 1: later than all times
  CHECK(net.seen == 1.0);
}
