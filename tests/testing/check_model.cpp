// SPDX-License-Identifier: Apache-2.0
#include <proviso/testing/check_model.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <proviso/testing/archetypes.hpp>
#include <proviso/testing/table_model.hpp>

#include "support/catch.hpp"
#include "support/decoding.hpp"

namespace {

using namespace proviso;
using support::whole_text_model;
using testing::check_model;

enum class model_fault {
  none,
  rewind_one_too_few,
  rewind_one_too_many,
  rewind_keeps_contents,
  rewind_ignored_for_zero,
  parents_ignored,
  keep_wrong_node,
  keep_all_nodes,
  stale_batch,
  batch_shifted,
  mask_ignored,
  first_rows,
  one_row_more,
  shared_cache,
  length_forgets_want_zero,
  chunk_forgets,
  nan_row,
  moved_session_is_empty,
  capacity_one_less
};

/// A table model with one fault.
class broken {
 public:
  broken(testing::table_model& rows, model_fault f, std::size_t capacity = 64)
      : rows_{&rows}, capacity_{capacity}, fault_{f} {}

  class session_type {
   public:
    explicit session_type(broken& model) : model_{&model}, inner_{model.rows_->open()} {}
    session_type(session_type&& other) noexcept : model_{other.model_}, inner_{std::move(other.inner_)} {
      if (has(model_fault::moved_session_is_empty)) inner_.rewind(0);
    }
    session_type& operator=(session_type&& other) noexcept = default;

    std::size_t length() const { return inner_.length() - hidden_; }
    std::size_t capacity() const { return model_->capacity_; }

    logits_view<float> eval(masked_block block) {
      if (has(model_fault::capacity_one_less) && length() + block.size() >= capacity()) throw std::length_error("full");
      if (has(model_fault::parents_ignored)) block.nodes.parents = {};
      if (has(model_fault::mask_ignored)) block.visible = {};
      if (has(model_fault::chunk_forgets) && block.size() > 2) inner_.rewind(0), hidden_ = 0;
      if (has(model_fault::length_forgets_want_zero) && block.nodes.want == 0) hidden_ += block.size();
      if (has(model_fault::shared_cache) && length() > 0) {
        // The tokens of this session lie where another one has written since.
        std::vector<token_id> held = model_->cached_;
        held.resize(length());
        inner_.rewind(0);
        inner_.eval(chain_block{held, 0});
      }
      base_ = inner_.length();
      logits_view<float> rows = inner_.eval(block);
      model_->cached_.assign(inner_.tokens().begin(), inner_.tokens().end());
      if (has(model_fault::first_rows) && block.nodes.want > 0 && block.nodes.want < block.size()) {
        inner_.rewind(base_);
        tree_block all = block.nodes;
        all.want = block.size();
        rows = inner_.eval(all);
        rows = {rows.data(), block.nodes.want, rows.cols()};
      }
      if (has(model_fault::one_row_more)) rows = {rows.data(), rows.rows() + 1, rows.cols()};
      if (has(model_fault::nan_row)) {
        copy_.assign(rows.data(), rows.data() + rows.rows() * rows.cols());
        if (!copy_.empty()) copy_.back() = std::numeric_limits<float>::quiet_NaN();
        rows = {copy_.data(), rows.rows(), rows.cols()};
      }
      return rows;
    }
    void rewind(std::size_t n) {
      if (has(model_fault::rewind_one_too_few) && n > 0 && n < length()) return inner_.rewind(n + 1);
      if (has(model_fault::rewind_one_too_many) && n > 0 && n < length()) return inner_.rewind(n - 1);
      if (has(model_fault::rewind_ignored_for_zero) && n == 0) return;
      if (has(model_fault::rewind_keeps_contents) && n > 0 && n < length()) {
        // The right length, but the cache of the first tokens was shifted by one.
        std::vector<token_id> held(inner_.tokens().begin() + 1, inner_.tokens().end());
        held.resize(n);
        inner_.rewind(0);
        inner_.eval(chain_block{held, 0});
        return;
      }
      inner_.rewind(n);
    }
    void keep(std::span<const node_id> path) {
      if (has(model_fault::keep_all_nodes)) return;
      if (has(model_fault::keep_wrong_node)) {
        const std::vector<token_id> first(inner_.tokens().begin() + static_cast<std::ptrdiff_t>(base_),
                                          inner_.tokens().begin() + static_cast<std::ptrdiff_t>(base_ + path.size()));
        inner_.rewind(base_);
        inner_.eval(chain_block{first, 0});
        return;
      }
      inner_.keep(path);
    }

   private:
    friend class broken;
    bool has(model_fault f) const { return model_->fault_ == f; }
    broken* model_;
    testing::table_model::session_type inner_;
    std::vector<float> copy_;
    std::size_t base_ = 0;
    std::size_t hidden_ = 0;
  };

  std::size_t vocab_size() const { return rows_->vocab_size(); }
  session_type open() { return session_type{*this}; }
  void eval(std::span<batch_item<session_type>> items) {
    for (auto& item : items) item.logits = item.session->eval(item.block);
    if (fault_ == model_fault::stale_batch && ++calls_ > 1 && items[0].block.nodes.want <= last_.rows()) {
      items[0].logits = {last_.data(), items[0].block.nodes.want, last_.cols()};
    }
    if (fault_ == model_fault::batch_shifted && items.size() > 1) std::swap(items[0].logits, items[1].logits);
    if (fault_ != model_fault::stale_batch) return;
    kept_.assign(items[0].logits.data(), items[0].logits.data() + items[0].logits.rows() * items[0].logits.cols());
    last_ = {kept_.data(), items[0].logits.rows(), items[0].logits.cols()};
  }

 private:
  testing::table_model* rows_;
  std::vector<float> kept_;
  logits_view<float> last_;
  std::vector<token_id> cached_;
  std::size_t calls_ = 0;
  std::size_t capacity_;
  model_fault fault_;
};

std::string first_failure(model_fault f) {
  testing::table_model rows = whole_text_model(11);
  broken model{rows, f};
  const testing::check_report report = check_model(model);
  for (const auto& c : report.checks) {
    if (!c.passed) return c.name;
  }
  return "";
}
bool fails(model_fault f, const char* name) {
  testing::table_model rows = whole_text_model(11);
  broken model{rows, f};
  const testing::check_report report = check_model(model);
  const auto* c = report.find(name);
  return c != nullptr && !c->passed && !report.passed() && !c->detail.empty();
}

}  // namespace

TEST_CASE("check_model passes a model that keeps every promise") {
  testing::table_model rows = whole_text_model(11);
  const testing::check_report report = check_model(rows);
  INFO(report.text());
  CHECK(report.passed());
  CHECK(report.checks.size() == 12);
  const std::string lines = report.text();
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 12);
  CHECK(report.find("capacity")->skipped);
  for (const char* name :
       {"arithmetic", "rows", "split", "want", "rewind", "sessions", "move", "tree", "keep", "mask", "batch"}) {
    INFO(name);
    REQUIRE(report.find(name) != nullptr);
    CHECK(!report.find(name)->skipped);
  }
  CHECK(rows.counts().open == 0);

  broken fine{rows, model_fault::none};
  const testing::check_report other = check_model(fine);
  INFO(other.text());
  CHECK(other.passed());
  CHECK(!other.find("capacity")->skipped);
}

TEST_CASE("check_model passes the archetypes and skips what they do not offer") {
  testing::table_model rows = whole_text_model(5);
  testing::check_options options;
  options.longest_draft = 3;
  testing::chain_only chain{rows, 3};
  const testing::check_report report = check_model(chain, options);
  INFO(report.text());
  CHECK(report.passed());
  CHECK(report.find("tree")->skipped);
  CHECK(report.find("batch")->skipped);

  testing::short_horizon one{rows, 1};
  CHECK(check_model(one).passed());
  testing::short_horizon zero{rows, 0};
  CHECK(check_model(zero).passed());
  testing::tiny_capacity tiny{rows, 9};
  const testing::check_report small = check_model(tiny);
  INFO(small.text());
  CHECK(small.passed());
  CHECK(!small.find("capacity")->skipped);
  testing::half_rows half{rows};
  CHECK(check_model(half).passed());
  testing::nan_padded padded{rows};
  CHECK(check_model(padded).passed());
}

TEST_CASE("check_model finds each fault and names the check") {
  CHECK(first_failure(model_fault::none) == "");
  CHECK(first_failure(model_fault::rewind_one_too_few) == "rewind");
  CHECK(first_failure(model_fault::rewind_one_too_many) == "rewind");
  CHECK(first_failure(model_fault::rewind_keeps_contents) == "rewind");
  CHECK(first_failure(model_fault::rewind_ignored_for_zero) == "rewind");
  CHECK(first_failure(model_fault::parents_ignored) == "tree");
  CHECK(first_failure(model_fault::keep_wrong_node) == "keep");
  CHECK(first_failure(model_fault::keep_all_nodes) == "keep");
  CHECK(first_failure(model_fault::mask_ignored) == "mask");
  CHECK(first_failure(model_fault::stale_batch) == "batch");
  CHECK(first_failure(model_fault::batch_shifted) == "batch");
  CHECK(first_failure(model_fault::first_rows) == "want");
  CHECK(first_failure(model_fault::one_row_more) == "rows");
  CHECK(first_failure(model_fault::nan_row) == "rows");
  CHECK(first_failure(model_fault::chunk_forgets) == "split");
  CHECK(first_failure(model_fault::shared_cache) == "sessions");
  CHECK(first_failure(model_fault::length_forgets_want_zero) == "want");
  CHECK(first_failure(model_fault::capacity_one_less) == "capacity");
  CHECK(fails(model_fault::moved_session_is_empty, "move"));
}

TEST_CASE("check_model names the first difference and honours the tolerance") {
  testing::table_model rows = whole_text_model(11);
  // Rows that depend a little on the width of the block, as sums in another order do.
  struct drifting {
    testing::table_model* inner;
    struct session_type {
      testing::table_model::session_type inner;
      std::vector<float> copy{};
      std::size_t length() const { return inner.length(); }
      logits_view<float> eval(chain_block block) {
        const logits_view<float> v = inner.eval(block);
        copy.assign(v.data(), v.data() + v.rows() * v.cols());
        for (float& x : copy) x += static_cast<float>(block.tokens.size()) * 1e-5F;
        return {copy.data(), v.rows(), v.cols()};
      }
      void rewind(std::size_t n) { inner.rewind(n); }
    };
    std::size_t vocab_size() const { return inner->vocab_size(); }
    session_type open() { return session_type{inner->open()}; }
  } model{&rows};

  const testing::check_report strict = check_model(model);
  REQUIRE(!strict.passed());
  const testing::check_result& split = *strict.find("split");
  CHECK(split.differs);
  CHECK(split.row == 0);
  CHECK(split.column == 0);
  CHECK(split.got != split.expected);
  CHECK(split.detail.find("row 0, column 0: expected") != std::string::npos);
  CHECK(strict.text().find("FAIL  split: ") != std::string::npos);

  testing::check_options loose;
  loose.tolerance = 1e-3;
  CHECK(check_model(model, loose).passed());
}
