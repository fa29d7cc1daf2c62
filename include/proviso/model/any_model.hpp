// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <proviso/core/block.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/view.hpp>
#include <proviso/model/concepts.hpp>
#include <proviso/model/explain.hpp>

namespace proviso {
inline namespace v0 {

/// "Without bound", for capacities and rewinds.
inline constexpr std::size_t unlimited = (std::numeric_limits<std::size_t>::max)();

/// A session of any type behind one concrete, move-only type. Cost: one indirect call per operation.
class any_session {
 public:
  any_session() = default;
  template <class S>
  requires(!std::same_as<S, any_session> && session<S>) explicit any_session(S&& s)
      : object_{new S(std::move(s))}, table_{&table_for<S>} {}

  any_session(any_session&& other) noexcept
      : object_{std::exchange(other.object_, nullptr)}, table_{std::exchange(other.table_, nullptr)} {}
  any_session& operator=(any_session&& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(table_, other.table_);
    return *this;
  }
  ~any_session() {
    if (object_ != nullptr) table_->destroy(object_);
  }

  std::size_t length() const { return table_->length(object_); }
  /// Tokens that the session can hold, and how far it can go back; `unlimited` where the type does not say.
  std::size_t capacity() const { return table_->capacity(object_); }
  std::size_t max_rewind() const { return table_->max_rewind(object_); }
  bool says_max_rewind() const noexcept { return table_->says_max_rewind; }
  /// Throws `std::invalid_argument` when the block is more general than the session's type evaluates.
  logits_rows eval(const masked_block& block) { return table_->eval(object_, block); }
  void rewind(std::size_t n) { table_->rewind(object_, n); }
  void keep(std::span<const node_id> path) { table_->keep(object_, path); }

  /// The session itself, where its type is known.
  void* get() const noexcept { return object_; }

  /// The block as the strongest kind that `S` evaluates; throws when that is too weak.
  template <session S>
  static auto evaluate(S& s, const masked_block& block) {
    if constexpr (masked_session<S>) {
      return s.eval(block);
    } else {
      if (!block.visible.empty()) {
        throw std::invalid_argument(
            "proviso: the block has its own visibility mask, but this session has no `eval(masked_block)`");
      }
      if constexpr (tree_session<S>) {
        return s.eval(block.nodes);
      } else {
        if (!block.nodes.is_chain()) {
          throw std::invalid_argument(
              "proviso: the draft is a tree, but this session has no `eval(tree_block)` - use a drafter of chains or "
              "wrap the "
              "model in `proviso::chain_emulation`");
        }
        return s.eval(chain_block{block.nodes.tokens, block.nodes.want});
      }
    }
  }

 private:
  struct table {
    void (*destroy)(void*);
    std::size_t (*length)(const void*);
    std::size_t (*capacity)(const void*);
    std::size_t (*max_rewind)(const void*);
    bool says_max_rewind;
    logits_rows (*eval)(void*, const masked_block&);
    void (*rewind)(void*, std::size_t);
    void (*keep)(void*, std::span<const node_id>);
  };
  template <class S>
  static constexpr table table_for{
      [](void* s) { delete static_cast<S*>(s); },
      [](const void* s) -> std::size_t { return static_cast<const S*>(s)->length(); },
      [](const void* s) -> std::size_t {
        if constexpr (bounded_session<S>) {
          return static_cast<const S*>(s)->capacity();
        } else {
          return static_cast<void>(s), unlimited;
        }
      },
      [](const void* s) -> std::size_t {
        if constexpr (horizon_session<S>) {
          return static_cast<const S*>(s)->max_rewind();
        } else {
          return static_cast<void>(s), unlimited;
        }
      },
      horizon_session<S>,
      [](void* s, const masked_block& block) -> logits_rows { return evaluate(*static_cast<S*>(s), block); },
      [](void* s, std::size_t n) { static_cast<S*>(s)->rewind(n); },
      [](void* s, std::span<const node_id> path) {
        if constexpr (tree_session<S>) {
          static_cast<S*>(s)->keep(path);
        } else {
          static_cast<void>(s), static_cast<void>(path);
          throw std::invalid_argument("proviso: this session has no `keep(path)`");
        }
      }};

  void* object_ = nullptr;
  const table* table_ = nullptr;
};

/// One session's share of a call on many sessions, by concrete types.
struct any_batch_item {
  any_session* session = nullptr;
  masked_block block;
  logits_rows rows{};
};

/// A non-owning reference to a model of any type; the model outlives it.
class model_ref {
 public:
  template <class M>
  requires(!std::same_as<std::remove_cv_t<M>, model_ref>)
      model_ref(M& model)  // NOLINT(google-explicit-constructor): models convert
      : model_{&model}, table_{explained_table<M>()} {}

  std::size_t vocab_size() const { return table_->vocab_size(model_); }
  any_session open() const { return table_->open(model_); }
  /// Whether its sessions evaluate trees.
  bool evaluates_trees() const noexcept { return table_->trees; }
  /// Identity: references to the same object are the same model.
  friend bool operator==(const model_ref& a, const model_ref& b) noexcept {
    return a.model_ == b.model_ && a.table_ == b.table_;
  }

 private:
  friend class model_batch;
  struct table;
  /// The sentence of `explain_model` is the only error for a type that is no model.
  template <class M>
  static const table* explained_table() {
    static_assert(explain_model<M>());
    if constexpr (causal_model<M>) {
      if constexpr (host_logits<decltype(std::declval<session_t<M>&>().eval(chain_block{}))>) return &table_for<M>;
    }
    return nullptr;
  }
  struct table {
    bool trees;
    std::size_t (*vocab_size)(const void*);
    any_session (*open)(void*);
    void* (*open_batch)();
    void (*close_batch)(void*);
    void (*eval)(void*, void*, std::span<any_batch_item>);
  };
  template <class M>
  static constexpr table table_for{tree_model<M>,
                                   [](const void* m) -> std::size_t { return static_cast<const M*>(m)->vocab_size(); },
                                   [](void* m) { return any_session{static_cast<M*>(m)->open()}; },
                                   []() -> void* {
                                     if constexpr (batched_model<M>) {
                                       return new std::vector<batch_item<session_t<M>>>;
                                     } else {
                                       return nullptr;
                                     }
                                   },
                                   [](void* scratch) {
                                     if constexpr (batched_model<M>) {
                                       delete static_cast<std::vector<batch_item<session_t<M>>>*>(scratch);
                                     } else {
                                       static_cast<void>(scratch);
                                     }
                                   },
                                   [](void* m, void* scratch, std::span<any_batch_item> items) {
                                     if constexpr (batched_model<M>) {
                                       using S = session_t<M>;
                                       auto& typed = *static_cast<std::vector<batch_item<S>>*>(scratch);
                                       typed.resize(items.size());
                                       for (std::size_t i = 0; i < items.size(); ++i) {
                                         typed[i].session = static_cast<S*>(items[i].session->get());
                                         typed[i].block = items[i].block;
                                       }
                                       static_cast<M*>(m)->eval(detail::writable(typed));
                                       for (std::size_t i = 0; i < items.size(); ++i) items[i].rows = typed[i].logits;
                                     } else {
                                       static_cast<void>(m), static_cast<void>(scratch);
                                       for (any_batch_item& item : items) item.rows = item.session->eval(item.block);
                                     }
                                   }};

  void* model_;
  const table* table_;
};

/// Calls on many sessions of one model, with memory that is reused from call to call.
class model_batch {
 public:
  explicit model_batch(model_ref model) : model_{model}, scratch_{model.table_->open_batch()} {}
  model_batch(model_batch&& other) noexcept : model_{other.model_}, scratch_{std::exchange(other.scratch_, nullptr)} {}
  model_batch& operator=(model_batch&& other) noexcept {
    std::swap(model_, other.model_);
    std::swap(scratch_, other.scratch_);
    return *this;
  }
  ~model_batch() {
    if (scratch_ != nullptr) model_.table_->close_batch(scratch_);
  }

  const model_ref& model() const noexcept { return model_; }
  /// Whether one call evaluates all items.
  bool together() const noexcept { return scratch_ != nullptr; }
  /// Evaluates every item: in one call of a `batched_model`, else one session after another.
  void eval(std::span<any_batch_item> items) { model_.table_->eval(model_.model_, scratch_, items); }

 private:
  model_ref model_;
  void* scratch_;
};

}  // namespace v0
}  // namespace proviso
