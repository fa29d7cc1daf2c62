// SPDX-License-Identifier: Apache-2.0
// labels: threads
#include <proviso/backends/eigen/transformer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include <proviso/model/chain_emulation.hpp>
#include <proviso/testing/check_model.hpp>

#include "instruction_sets.hpp"
#include "random_model.hpp"
#include "support/catch.hpp"

namespace {

using namespace proviso;
using eigen::instruction_set;
using eigen::transformer;
using eigen::transformer_options;
using eigen_test::instruction_sets;

static_assert(masked_model<transformer>);
static_assert(batched_model<transformer>);
static_assert(bounded_session<transformer::session>);
static_assert(!std::copyable<transformer::session>);

transformer_options options(std::size_t threads, instruction_set set = eigen::strongest_instruction_set()) {
  transformer_options o;
  o.threads = threads;
  o.share_above = 0;
  o.kernels = set;
  return o;
}

/// The largest difference, relative to the largest expected logit.
double distance(const logits_view<float>& got, const std::vector<std::vector<float>>& expected) {
  REQUIRE(got.rows() == expected.size());
  double difference = 0.0;
  double largest = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(got.cols() == expected[i].size());
    for (std::size_t j = 0; j < expected[i].size(); ++j) {
      difference = std::max(difference, static_cast<double>(std::fabs(got.row(i)[j] - expected[i][j])));
      largest = std::max(largest, static_cast<double>(std::fabs(expected[i][j])));
    }
  }
  return difference / largest;
}

using row = std::vector<float>;

std::vector<row> rows(const logits_view<float>& view) {
  std::vector<row> result;
  for (std::size_t i = 0; i < view.rows(); ++i) result.emplace_back(view.row(i).begin(), view.row(i).end());
  return result;
}

std::vector<token_id> random_tokens(std::mt19937& source, std::size_t count, std::size_t vocab) {
  std::vector<token_id> tokens(count);
  for (token_id& t : tokens) t = static_cast<token_id>(source() % vocab);
  return tokens;
}

}  // namespace

TEST_CASE("logits agree with the reference models") {
  const std::string folder = "tests/data/models/";
  for (const char* name : {"tied-i8", "untied-f32", "grouped-f16", "wide-heads-bf16", "untied-i8"}) {
    std::ifstream file(folder + name + ".json");
    REQUIRE(file);
    const nlohmann::json reference = nlohmann::json::parse(file);
    for (instruction_set set : instruction_sets()) {
      for (std::size_t threads : {1U, 2U}) {
        transformer model{folder + std::string{reference["model"]}, options(threads, set)};
        for (const auto& c : reference["cases"]) {
          const std::vector<token_id> prefix = c["prefix"];
          const std::vector<token_id> tokens = c["tokens"];
          const std::vector<node_id> parents = c["parents"];
          const std::vector<std::string> visible = c["visible"];
          const std::string kind = c["kind"];
          const std::size_t size = tokens.size();
          std::vector<std::uint64_t> bits(size * ((size + 63) / 64));
          for (std::size_t i = 0; i < size; ++i) {
            for (std::size_t j = 0; j < size; ++j) {
              if (visible[i][j] == '1') bits[i * ((size + 63) / 64) + j / 64] |= std::uint64_t{1} << (j % 64);
            }
          }
          auto session = model.open();
          if (!prefix.empty()) session.eval(chain_block{prefix, 0});
          const auto got = kind == "chain"  ? session.eval(chain_block{tokens, size})
                           : kind == "tree" ? session.eval(tree_block{tokens, parents, size})
                                            : session.eval(masked_block{tree_block{tokens, parents, size}, bits});
          INFO(name << " " << c["name"] << " " << eigen::kernels_of(set).name << " threads " << threads);
          // Int8 weights are multiplied in integers where the processor can: activations of 16 bits.
          const bool integers = std::string{name}.ends_with("-i8") && eigen::kernels_of(set).fix != nullptr;
          CHECK(distance(got, c["logits"]) < (integers ? 4e-4 : 2e-5));
        }
      }
    }
  }
}

TEST_CASE("other storage of the weights changes the logits little") {
  const std::string path = "tests/data/models/untied-f32.safetensors";
  const std::vector<token_id> tokens{1, 5, 9, 17, 33, 2, 40};
  auto exact_model = transformer{path};
  auto exact_session = exact_model.open();
  const auto exact = rows(exact_session.eval(chain_block{tokens, tokens.size()}));
  for (auto [storage, bound] :
       {std::pair{eigen::weight_storage::f16, 2e-3}, std::pair{eigen::weight_storage::i8, 5e-2}}) {
    transformer_options o;
    o.storage = storage;
    transformer model{path, o};
    CHECK(model.streamed_bytes() < exact_model.streamed_bytes());
    auto session = model.open();
    const double d = distance(session.eval(chain_block{tokens, tokens.size()}), exact);
    CHECK(d > 0.0);
    CHECK(d < bound);
  }
  // A model stored as int8 gives nearly the same numbers when its weights are unpacked to floats.
  transformer_options floats;
  floats.storage = eigen::weight_storage::f32;
  transformer packed{"tests/data/models/tied-i8.safetensors"};
  transformer unpacked{"tests/data/models/tied-i8.safetensors", floats};
  auto a = packed.open();
  auto b = unpacked.open();
  CHECK(distance(a.eval(chain_block{tokens, tokens.size()}), rows(b.eval(chain_block{tokens, tokens.size()}))) < 4e-4);
}

TEST_CASE("the transformer keeps the promises of its concepts, bit for bit") {
  const random_model::temporary_file file("odd.safetensors", random_model::content(random_model::odd_shape(), true));
  for (instruction_set set : instruction_sets()) {
    const std::size_t threads = set == eigen::strongest_instruction_set() ? 2 : 1;
    transformer model{file.path(), options(threads, set)};
    const auto report = testing::check_model(model);
    INFO(eigen::kernels_of(set).name << "\n" << report.text());
    CHECK(report.passed());
  }
}

namespace {

/// Compares the rows of random walks with those of one token at a time.
void check_rows(instruction_set set, int rounds) {
  INFO(eigen::name_of(set));
  auto config = random_model::odd_shape();
  config.tie_word_embeddings = false;
  for (bool int8 : {true, false}) {
    const random_model::temporary_file file("identity.safetensors", random_model::content(config, int8, 7));
    transformer one{file.path(), options(1, set)};
    transformer_options some = options(2, set);
    some.share_above = 4 * one.streamed_bytes();  // five rows are shared, four are not
    transformer two{file.path(), int8 ? some : options(2, set)};
    std::mt19937 source{int8 ? 11U : 12U};
    for (int round = 0; round < rounds; ++round) {
      // The truth: one token at a time.
      const std::size_t length = 20 + source() % 120;
      const auto text = random_tokens(source, length, config.vocab_size);
      std::vector<row> expected;
      auto slow = one.open();
      for (std::size_t i = 0; i < length; ++i) {
        expected.push_back(rows(slow.eval(chain_block{std::span{text}.subspan(i, 1), 1}))[0]);
      }

      // Random widths, with refused drafts and trees in between, beside other sessions in one call.
      auto session = two.open();
      auto neighbour = two.open();
      auto other = two.open();
      while (session.length() < length) {
        const std::size_t at = session.length();
        const std::size_t width = std::min(length - at, std::size_t{1} + source() % 70);
        const std::span<const token_id> next = std::span{text}.subspan(at, width);
        const std::size_t want = source() % (width + 1);
        logits_view<float> got;
        switch (source() % 4) {
          case 0: {
            const auto wrong = random_tokens(source, 1 + source() % 8, config.vocab_size);
            session.eval(chain_block{wrong, 1});
            session.rewind(at);
            got = session.eval(chain_block{next, want});
            break;
          }
          case 1: {
            // The text hidden in a tree: behind some wrong nodes, each node of it follows the one before.
            std::vector<token_id> tokens;
            std::vector<node_id> parents;
            std::vector<node_id> path;
            for (token_id token : next) {
              for (std::size_t k = source() % 3; k > 0; --k) {
                tokens.push_back(static_cast<token_id>(source() % config.vocab_size));
                parents.push_back(tokens.size() == 1 ? prefix_node
                                                     : static_cast<node_id>(source() % (tokens.size() - 1)));
              }
              tokens.push_back(token);
              parents.push_back(path.empty() ? prefix_node : path.back());
              path.push_back(static_cast<node_id>(tokens.size() - 1));
            }
            got = session.eval(tree_block{tokens, parents, tokens.size()});
            for (std::size_t i = 0; i < width; ++i) {
              CHECK(rows(got)[static_cast<std::size_t>(path[i])] == expected[at + i]);
            }
            session.keep(path);
            continue;
          }
          case 2: {
            const auto noise = random_tokens(source, 1 + source() % 9, config.vocab_size);
            if (neighbour.length() + 10 > neighbour.capacity()) neighbour.rewind(0);
            if (other.length() + 10 > other.capacity()) other.rewind(0);
            std::vector<batch_item<transformer::session>> items(3);
            items[0] = {&neighbour, chain_block{noise, noise.size()}};
            items[1] = {&session, chain_block{next, want}};
            items[2] = {&other, chain_block{noise, 1}};
            two.eval(items);
            got = items[1].logits;
            break;
          }
          default:
            got = session.eval(chain_block{next, want});
        }
        REQUIRE(got.rows() == want);
        for (std::size_t i = 0; i < want; ++i) CHECK(rows(got)[i] == expected[at + width - want + i]);
      }
    }
  }
}

}  // namespace

TEST_CASE("a row of logits does not depend on width, batch, tree, rewind, keep or threads") {
  for (instruction_set set : instruction_sets()) check_rows(set, set == eigen::strongest_instruction_set() ? 16 : 4);
}

TEST_CASE("features are the rows that the head multiplies") {
  transformer model{"tests/data/models/untied-f32.safetensors"};
  auto session = model.open();
  const std::vector<token_id> tokens{1, 5, 9, 17};
  const auto logits = session.eval(chain_block{tokens, 2});
  const auto features = session.features();
  REQUIRE(features.rows() == 2);
  REQUIRE(features.cols() == model.config().hidden_size);
  const eigen::safetensors file("tests/data/models/untied-f32.safetensors");
  const eigen::tensor* head = file.find("lm_head.weight");
  REQUIRE(head != nullptr);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t v = 0; v < model.vocab_size(); ++v) {
      double sum = 0.0;
      for (std::size_t k = 0; k < features.cols(); ++k) {
        float weight = 0.0F;
        std::memcpy(&weight, head->bytes.data() + 4 * (v * features.cols() + k), 4);
        sum += static_cast<double>(weight) * static_cast<double>(features.row(i)[k]);
      }
      CHECK(std::fabs(sum - static_cast<double>(logits.row(i)[v])) < 1e-4 * (1.0 + std::fabs(sum)));
    }
  }
}

TEST_CASE("lazy rows of logits are those of every row at once, bit for bit") {
  for (const char* name : {"untied-f32", "tied-i8", "grouped-f16"}) {
    const std::string file = std::string{"tests/data/models/"} + name + ".safetensors";
    transformer eager{file, options(2)};
    transformer_options with = options(2);
    with.lazy_logits = true;
    transformer lazy{file, with};
    auto a = eager.open();
    auto b = lazy.open();
    const std::vector<token_id> text{1, 5, 9, 17, 3};
    const std::vector<token_id> nodes{2, 4, 6, 8, 10, 12};
    const std::vector<node_id> parents{-1, 0, 1, 0, 3, 3};
    a.eval(chain_block{text, 0});
    b.eval(chain_block{text, 0});
    for (std::size_t block = 0; block < 2; ++block) {
      const auto all = a.eval(tree_block{nodes, parents, 5});
      auto moved = std::move(b);
      b = std::move(moved);
      const logits_rows asked{b.eval(tree_block{nodes, parents, 5})};
      for (const std::size_t i : {3U, 0U, 3U, 4U}) {  // twice, and not all
        const std::span<const float> got = asked.row(i, {});
        CHECK(std::equal(got.begin(), got.end(), all.row(i).begin(), all.row(i).end()));
      }
      const std::vector<node_id> path{0, 3};
      a.keep(path);
      b.keep(path);
    }
    chain_emulation chains{lazy};  // copies rows
    auto c = chains.open();
    c.eval(chain_block{text, 0});
    const auto copied = c.eval(tree_block{nodes, parents, 5});
    auto d = eager.open();
    d.eval(chain_block{text, 0});
    const auto whole = d.eval(tree_block{nodes, parents, 5});
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(std::equal(copied.row(i).begin(), copied.row(i).end(), whole.row(i).begin(), whole.row(i).end()));
    }
    const auto last = b.eval(chain_block{text, 1});
    const auto expected = a.eval(chain_block{text, 1});
    CHECK(std::equal(last.row(0).begin(), last.row(0).end(), expected.row(0).begin(), expected.row(0).end()));
  }
}

TEST_CASE("what a model says about itself") {
  transformer model{"tests/data/models/tied-i8.safetensors"};
  CHECK(model.vocab_size() == 64);
  CHECK(model.end_token() == token_id{2});
  CHECK(std::vector<token_id>(model.mask_tokens().begin(), model.mask_tokens().end()) ==
        std::vector<token_id>{3, 4, 5, 6, 7, 8});
  CHECK(model.config().max_position_embeddings == 128);
  CHECK(model.open().capacity() == 128);
  transformer_options small;
  small.capacity = 10;
  transformer tight{"tests/data/models/tied-i8.safetensors", small};
  CHECK(tight.open().capacity() == 10);
}

TEST_CASE("wrong calls are refused and change nothing") {
  transformer_options small;
  small.capacity = 10;
  transformer model{"tests/data/models/tied-i8.safetensors", small};
  auto session = model.open();
  const std::vector<token_id> tokens{1, 2, 3, 4, 5, 6};
  const auto before = rows(session.eval(chain_block{tokens, 6}));

  const std::vector<token_id> outside{1, 64};
  const std::vector<token_id> negative{-1};
  const std::vector<token_id> two{1, 2};
  const std::vector<node_id> late{-1, 1};
  const std::vector<node_id> few{-1};
  const std::vector<std::uint64_t> bits{1};
  REQUIRE_THROWS_AS(session.eval(chain_block{outside, 1}), std::invalid_argument);
  REQUIRE_THROWS_AS(session.eval(chain_block{negative, 1}), std::invalid_argument);
  REQUIRE_THROWS_AS(session.eval(chain_block{two, 3}), std::invalid_argument);
  REQUIRE_THROWS_AS(session.eval(tree_block{two, late, 1}), std::invalid_argument);
  REQUIRE_THROWS_AS(session.eval(tree_block{two, few, 1}), std::invalid_argument);
  REQUIRE_THROWS_AS(
      session.eval(masked_block{chain_block{two, 1}.tokens.empty() ? tree_block{} : tree_block{two, {}, 1}, bits}),
      std::invalid_argument);
  REQUIRE_THROWS_AS(session.eval(chain_block{tokens, 1}), std::length_error);
  REQUIRE_THROWS_AS(session.rewind(7), std::invalid_argument);
  const std::vector<node_id> gap{0, 2};
  const std::vector<node_id> beyond{0, 1, 2, 3, 4, 5, 6};
  REQUIRE_THROWS_AS(session.keep(gap), std::invalid_argument);
  REQUIRE_THROWS_AS(session.keep(beyond), std::invalid_argument);
  try {
    session.eval(chain_block{outside, 1});
  } catch (const std::invalid_argument& error) {
    CHECK(std::string{error.what()} == "token 64 at index 1 lies outside the vocabulary of 64");
  }
  try {
    session.eval(chain_block{tokens, 1});
  } catch (const std::length_error& error) {
    CHECK(std::string{error.what()} == "the session holds 6 of 10 tokens; a block of 6 does not fit");
  }

  auto fresh = model.open();
  const std::vector<std::uint64_t> blind{1, 0};
  REQUIRE_THROWS_AS(fresh.eval(masked_block{tree_block{two, {}, 1}, blind}), std::invalid_argument);

  CHECK(session.length() == 6);
  auto again = model.open();
  again.eval(chain_block{std::span{tokens}.first(5), 0});
  CHECK(rows(again.eval(chain_block{std::span{tokens}.subspan(5, 1), 1}))[0] == before[5]);
  session.rewind(5);
  CHECK(rows(session.eval(chain_block{std::span{tokens}.subspan(5, 1), 1}))[0] == before[5]);
}

TEST_CASE("a tree is kept or rewound before the next block") {
  transformer model{"tests/data/models/tied-i8.safetensors"};
  auto session = model.open();
  const std::vector<token_id> tokens{1, 2, 3, 4};
  const std::vector<node_id> parents{-1, 0, 0, 2};
  session.eval(tree_block{tokens, parents, 4});
  REQUIRE_THROWS_AS(session.eval(chain_block{tokens, 1}), std::logic_error);
  REQUIRE_THROWS_AS(session.rewind(3), std::logic_error);
  session.rewind(2);
  CHECK(session.length() == 2);
  session.eval(tree_block{tokens, parents, 4});
  session.keep({});
  CHECK(session.length() == 2);
  session.eval(chain_block{tokens, 1});
  CHECK(session.length() == 6);
}

TEST_CASE("faulty batches are refused and change nothing") {
  transformer model{"tests/data/models/tied-i8.safetensors"};
  transformer stranger{"tests/data/models/tied-i8.safetensors"};
  auto a = model.open();
  auto b = model.open();
  auto c = stranger.open();
  const std::vector<token_id> good{1, 2};
  const std::vector<token_id> bad{1, 99};
  using item = batch_item<transformer::session>;
  std::vector<item> repeated{{&a, chain_block{good, 1}}, {&a, chain_block{good, 1}}};
  std::vector<item> foreign{{&a, chain_block{good, 1}}, {&c, chain_block{good, 1}}};
  std::vector<item> missing{{nullptr, chain_block{good, 1}}};
  std::vector<item> faulty{{&a, chain_block{good, 1}}, {&b, chain_block{bad, 1}}};
  for (auto* items : {&repeated, &foreign, &missing, &faulty})
    REQUIRE_THROWS_AS(model.eval(*items), std::invalid_argument);
  try {
    model.eval(faulty);
  } catch (const std::invalid_argument& error) {
    CHECK(std::string{error.what()} == "batch item 1: token 99 at index 1 lies outside the vocabulary of 64");
  }
  CHECK(a.length() == 0);
  CHECK(b.length() == 0);
  std::vector<item> none;
  model.eval(none);
}

TEST_CASE("sessions outlive the model object, move, and work from several threads") {
  const std::vector<token_id> tokens{1, 5, 9, 17};
  auto session = [&] {
    transformer model{"tests/data/models/tied-i8.safetensors"};
    return model.open();
  }();
  const auto expected = rows(session.eval(chain_block{tokens, 4}));
  transformer model{"tests/data/models/tied-i8.safetensors", options(2)};
  transformer copy = model;
  bool same[2] = {true, true};
  const auto work = [&](transformer& mine, bool& result) {
    auto s = mine.open();
    for (int i = 0; i < 50; ++i) {
      s.rewind(0);
      result = result && rows(s.eval(chain_block{tokens, 4})) == expected;
    }
  };
  std::thread first{[&] { work(model, same[0]); }};
  std::thread second{[&] { work(copy, same[1]); }};
  first.join();
  second.join();
  CHECK(same[0]);
  CHECK(same[1]);
}

TEST_CASE("options out of range are refused") {
  const std::string path = "tests/data/models/tied-i8.safetensors";
  transformer_options none;
  none.threads = 0;
  REQUIRE_THROWS_AS(transformer(path, none), std::invalid_argument);
  transformer_options large;
  large.capacity = 129;
  REQUIRE_THROWS_AS(transformer(path, large), std::invalid_argument);
  REQUIRE_THROWS_AS(transformer("tests/data/models/bidirectional-i8.safetensors"), std::invalid_argument);
  REQUIRE_THROWS_AS(transformer("no/such/file.safetensors"), std::runtime_error);
}
