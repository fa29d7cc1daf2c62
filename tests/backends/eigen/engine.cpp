// SPDX-License-Identifier: Apache-2.0
#include <proviso/backends/eigen/engine.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <proviso/backends/eigen/transformer.hpp>

#include "random_model.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace proviso;

TEST_CASE("after the first calls an evaluation allocates nothing") {
  const random_model::temporary_file file("steady.safetensors", random_model::content(random_model::odd_shape(), true));
  eigen::transformer_options options;
  options.threads = 2;
  options.share_above = 0;
  eigen::transformer model{file.path(), options};
  auto session = model.open();
  auto other = model.open();
  const std::vector<token_id> tokens{1, 2, 3, 4, 5, 6};
  const std::vector<node_id> parents{-1, 0, 0, 1, 2, 2};
  const std::vector<node_id> path{0, 2, 5};
  std::vector<batch_item<eigen::transformer::session>> items(2);
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      session.rewind(0);
      other.rewind(0);
      session.eval(chain_block{tokens, 6});
      session.eval(tree_block{tokens, parents, 6});
      session.keep(path);
      items[0] = {&session, chain_block{tokens, 2}};
      items[1] = {&other, tree_block{tokens, parents, 1}};
      model.eval(items);
      other.rewind(0);
    }
  };
  rounds(2);
  const float* logits = session.eval(chain_block{tokens, 6}).data();
  const std::size_t before = allocations;
  rounds(100);
  const std::size_t after = allocations;
  CHECK(after == before);
  CHECK(session.eval(chain_block{tokens, 6}).data() == logits);
}

TEST_CASE("kernels that the machine does not run are refused by their name") {
  const random_model::temporary_file file("forced.safetensors", random_model::content(random_model::odd_shape(), true));
  for (eigen::instruction_set set : eigen::all_instruction_sets) {
    eigen::transformer_options options;
    options.kernels = set;
    if (eigen::runs(set)) {
      CHECK_NOTHROW(eigen::transformer{file.path(), options});
      continue;
    }
    try {
      const eigen::transformer model{file.path(), options};
      FAIL("no error for " << eigen::name_of(set));
    } catch (const std::invalid_argument& e) {
      CHECK(std::string{e.what()} ==
            "proviso: this machine does not run the kernels '" + std::string{eigen::name_of(set)} + "'");
    }
  }
}

TEST_CASE("a prompt longer than a pass gives the same rows as its pieces") {
  const random_model::temporary_file file("prompt.safetensors", random_model::content(random_model::odd_shape(), true));
  eigen::transformer model{file.path()};
  std::vector<token_id> prompt(250);
  for (std::size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<token_id>(i * i % 99);
  auto whole = model.open();
  const auto rows = whole.eval(chain_block{prompt, prompt.size()});
  auto pieces = model.open();
  for (std::size_t at = 0; at < prompt.size(); at += 25) {
    const auto part = pieces.eval(chain_block{std::span{prompt}.subspan(at, 25), 25});
    for (std::size_t i = 0; i < 25; ++i) {
      CHECK(std::vector<float>(part.row(i).begin(), part.row(i).end()) ==
            std::vector<float>(rows.row(at + i).begin(), rows.row(at + i).end()));
    }
  }
}
