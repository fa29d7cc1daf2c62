// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <proviso/combine/combiner.hpp>
#include <proviso/core/draft.hpp>
#include <proviso/core/function_ref.hpp>
#include <proviso/core/generation.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/law_builder.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/model_slot.hpp>
#include <proviso/core/owner.hpp>
#include <proviso/core/requests.hpp>
#include <proviso/core/task.hpp>
#include <proviso/core/view.hpp>
#include <proviso/decode/target.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {

/// Several models over one vocabulary, combined into one law: a target for `autoregressive` and `speculative`, and the
/// models of `ensemble`. Model `i` of the combiner is the i-th model named here, whatever its role.
///
///     combined{combine::weighted{0.5, 0.5}, base, peer}
///
/// All models evaluate a block at once: their requests are open together, so a driver may overlap them.
/// At temperature 0 the law is the point at the argmax of the combined law.
/// Errors: `std::invalid_argument` when there is no model, when vocabularies differ, or when the combiner is made for
/// another number of models; `std::domain_error` at use when a row is not a law.
/// Cost per law: that of the transforms on every model's row (`law_combiner`) or on one (`row_combiner`), and that of
/// the combiner.
class combined {
 public:
  template <class Combiner, class... Models>
  requires(!std::is_same_v<std::remove_cvref_t<Models>, std::span<const model_ref>> &&
           ...) explicit combined(Combiner how, Models&... models)
      : combined{wrap(std::move(how))} {
    static_assert((explain_causal_model<Models>() && ...));
    slots_.reserve(sizeof...(models));
    (slots_.push_back(model_slot{models}), ...);
    check();
  }
  /// The same for a number of models that is known at run time.
  template <class Combiner>
  combined(Combiner how, std::span<const model_ref> models) : combined{wrap(std::move(how))} {
    for (model_ref model : models) slots_.push_back(model_slot{model});
    check();
  }

  std::size_t size() const noexcept { return slots_.size(); }
  std::size_t vocab_size() const noexcept { return slots_[0].model().vocab_size(); }
  model_slot& slot(std::size_t i) noexcept { return slots_[i]; }

  // As a target

  void visit_models(function_ref<void(model_slot&)> f) {
    for (model_slot& s : slots_) f(s);
  }
  template <class Generation>  // see `generation::feed`
  task feed(Generation& g) {
    return feed_from(g, 0);
  }
  /// What every session allows.
  draft_bounds draft_limit(generation& g, std::size_t depth) const {
    draft_bounds least = g.draft_limit(slots_[0], depth);
    for (std::size_t i = 1; i < slots_.size(); ++i) {
      const draft_bounds b = g.draft_limit(slots_[i], depth);
      least.depth = b.depth < least.depth ? b.depth : least.depth;
      least.nodes = b.nodes < least.nodes ? b.nodes : least.nodes;
    }
    return least;
  }
  /// An evaluation of all models; `co_await` gives the rows of each, in the order of the models.
  struct evaluation : task {
    const detail::list<logits_rows>* rows;
    const detail::list<logits_rows>& await_resume() const {
      task::await_resume();
      return *rows;
    }
  };
  template <class Generation>
  evaluation evaluate(Generation& g, const masked_block& block) {
    return {evaluate_from(g, block, 0), &rows_};
  }
  law_view law(generation& g, const detail::list<logits_rows>& rows, const draft& d, node_id node, transform_ref shape,
               law_buffer& out) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      members_[i].scratch.resize(rows[i].cols());
      logits_[i] = rows[i].row(static_cast<std::size_t>(node), detail::writable(members_[i].scratch));
    }
    return law(g, detail::view(logits_), g.at(d, node), shape, out);
  }
  void keep(std::span<const node_id> path) {
    for (model_slot& s : slots_) s.keep(path);
  }

  // Laws of single rows

  /// The law that model `model` has for its row, built before by the same transforms for the same text.
  struct known_law {
    std::size_t model;
    law_view law;
  };
  /// The combined law of one row per model, all at `where`, built in `out`. A law that is known is not built again.
  law_view law(generation& g, std::span<const std::span<const float>> rows, const text_position& where,
               transform_ref shape, law_buffer& out, const known_law& known = {}) {
    out.wide.reserve(vocab_size());
    out.ids.reserve(vocab_size());
    if (how_->takes_rows) {
      mean_.resize(vocab_size());
      how_->combine(rows, detail::writable(mean_));
      return g.law(detail::view(mean_), where, shape, out);
    }
    bool coldest = false;  // temperature 0: the laws before it are combined
    auto softened = [&](law_builder& row, const text_position& at) {
      shape(row, at);
      coldest = coldest || row.is_point();
      row.soften();
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i == known.model && known.law && !known.law.is_point()) {  // a point may be that of temperature 0
        laws_[i] = known.law;
        continue;
      }
      try {
        laws_[i] = g.law(rows[i], where, softened, members_[i].memory);
      } catch (const std::domain_error& fault) {
        throw std::domain_error(std::string{fault.what()} + " (model " + std::to_string(i) + " of the ensemble)");
      }
    }
    const law_view v = how_->combine(detail::view(laws_), out);
    return coldest ? law_view::point(v.argmax()) : v;
  }

 private:
  struct combination {
    explicit combination(bool of_rows) : takes_rows{of_rows} {}
    combination(const combination&) = delete;
    combination& operator=(const combination&) = delete;
    virtual ~combination() = default;
    virtual void check(std::size_t models) const = 0;
    virtual law_view combine(std::span<const law_view>, law_buffer&) const = 0;
    virtual void combine(std::span<const std::span<const float>>, std::span<float>) const = 0;
    const bool takes_rows;
  };
  template <class Combiner>
  struct holder final : combination {
    explicit holder(Combiner c) : combination{!law_combiner<Combiner>}, how{std::move(c)} {}
    void check(std::size_t models) const override {
      if constexpr (requires { how.check(models); }) how.check(models);
    }
    law_view combine(std::span<const law_view> laws, law_buffer& out) const override {
      if constexpr (law_combiner<Combiner>) return how(laws, out);
      return {};
    }
    void combine(std::span<const std::span<const float>> rows, std::span<float> out) const override {
      if constexpr (!law_combiner<Combiner>) how(rows, out);
    }
    Combiner how;
  };
  using owned = detail::owner<const combination>;
  template <class Combiner>
  static owned wrap(Combiner how) {
    static_assert(explain_combiner<Combiner>());
    return owned{new holder<Combiner>{std::move(how)}};
  }
  explicit combined(owned how) : how_{std::move(how)} {}

  void check() {
    if (slots_.empty()) throw std::invalid_argument("proviso: combined: an ensemble needs at least one model");
    for (const model_slot& s : slots_) {
      if (s.model().vocab_size() == vocab_size()) continue;
      throw std::invalid_argument("proviso: combined: the models have different vocabularies (" +
                                  std::to_string(vocab_size()) + " and " + std::to_string(s.model().vocab_size()) +
                                  " tokens)");
    }
    how_->check(size());
    rows_.extend(size());
    logits_.extend(size());
    laws_.extend(size());
    members_.extend(size());
  }

  // Each posts the request of its model and awaits the rest before its own.
  template <class Generation>
  task feed_from(Generation& g, std::size_t i) {
    task own = g.feed(slots_[i], 1);
    own.start();
    if (i + 1 < slots_.size()) co_await feed_from(g, i + 1);
    co_await own;
  }
  template <class Generation>
  task evaluate_from(Generation& g, masked_block block, std::size_t i) {
    request_board::evaluation own = g.evaluate(slots_[i], block);
    if (i + 1 < slots_.size()) co_await evaluate_from(g, block, i + 1);
    rows_[i] = co_await own;
  }

  struct member {
    law_buffer memory;
    detail::list<float> scratch;
  };
  owned how_;
  detail::list<model_slot> slots_;
  detail::list<logits_rows> rows_;
  detail::list<std::span<const float>> logits_;
  detail::list<law_view> laws_;
  detail::list<member> members_;
  detail::list<float> mean_;
};

}  // namespace v0
}  // namespace proviso
