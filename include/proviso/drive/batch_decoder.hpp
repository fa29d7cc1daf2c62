// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <proviso/core/list.hpp>
#include <proviso/core/stopping.hpp>
#include <proviso/core/view.hpp>
#include <proviso/decode/sequence.hpp>
#include <proviso/drive/answer.hpp>

namespace proviso {
inline namespace v0 {

/// Decodes many sequences together: each tick collects their open requests, groups them by model, and makes one call
/// per model. Sequences join and leave between ticks; targets and drafters' models are batched alike.
///
/// Guarantee: each sequence's text is that of `decoder`, if the model's rows do not depend on the batch. Cost per
/// tick: at most one call per model; nothing is allocated once the largest tick has been seen. A model whose last
/// sequence was removed is forgotten. One thread ticks; `cancel` of a sequence may be called from any between two calls
/// of `add` or `remove`.
class batch_decoder {
 public:
  /// Adds a sequence, opens its sessions, starts it, and returns its name. Throws like `sequence::start`.
  std::size_t add(sequence s, std::span<const token_id> prompt, limits bounds = {}) {
    member m{next_++, std::move(s), {}};
    for (model_slot* slot : m.text.model_slots()) m.sessions.push_back(open_session(*slot));
    m.text.start(prompt, std::move(bounds));
    members_.push_back(std::move(m));
    return members_.back().name;
  }
  template <algorithm A>
  std::size_t add(A algorithm_object, std::span<const token_id> prompt, const limits& bounds = {},
                  std::uint64_t seed = 0, std::uint32_t stream = 0) {
    return add(sequence{std::move(algorithm_object), seed, stream}, prompt, bounds);
  }

  /// Takes a sequence out and frees its sessions. One that is not done ends as `cancelled`, with what it has emitted.
  sequence remove(std::size_t name) {
    const std::size_t i = find(name);
    sequence s = std::move(members_[i].text);
    members_.remove(i);
    s.abandon();
    for (std::size_t g = groups_.size(); g > 0; --g) {
      if (!in_use(groups_[g - 1].batch.model())) groups_.remove(g - 1);
    }
    return s;
  }

  /// To look at a sequence, to cancel it, or to start it again. Valid until the next call of `add` or `remove`.
  sequence& operator[](std::size_t name) { return members_[find(name)].text; }
  std::size_t size() const noexcept { return members_.size(); }
  /// Models that are remembered: those that the sequences have asked so far.
  std::size_t models() const noexcept { return groups_.size(); }

  /// One call per model that has open requests. Returns whether any sequence still runs. When a call on many sessions
  /// throws, its sequences fail; when a model that is called once per session or a policy throws, that sequence fails.
  /// All others get their rows, and then the first exception of the tick passes through; `why()` tells who failed.
  bool tick() {
    for (group& g : groups_) g.clear();
    for (member& m : members_) {
      guarded(m, [&] {
        if (m.text.done()) return;
        for (const request& r : m.text.plan()) {
          group& g = group_of(m.text.model_slots()[r.model]->model());
          if (!g.holds(m, r.model)) g.tasks.push_back({&m, r});
        }
      });
    }
    for (group& g : groups_) {
      if (!g.tasks.empty()) evaluate(g);
    }
    if (fault_) std::rethrow_exception(std::exchange(fault_, nullptr));
    for (const member& m : members_) {
      if (!m.text.done()) return true;
    }
    return false;
  }

  /// Ticks until every sequence is done.
  void run() {
    while (tick()) {
    }
  }

 private:
  struct member {
    std::size_t name;
    sequence text;
    detail::list<any_session> sessions;
  };
  struct open_request {
    member* owner;
    request ask;
    logits_rows rows{};
    std::size_t item = 0;  // its place in a call on many sessions, from 1
  };
  struct group {
    model_batch batch;
    detail::list<open_request> tasks{};
    detail::list<any_batch_item> items{};
    void clear() noexcept {
      tasks.clear();
      items.clear();
    }
    /// A session takes one block per call; later requests to it wait for the next tick.
    bool holds(const member& m, std::size_t model) const noexcept {
      for (std::size_t i = tasks.size(); i > 0 && tasks[i - 1].owner == &m; --i) {
        if (tasks[i - 1].ask.model == model) return true;
      }
      return false;
    }
  };

  group& group_of(model_ref model) {
    for (group& g : groups_) {
      if (g.batch.model() == model) return g;
    }
    groups_.push_back({model_batch{model}});
    return groups_.back();
  }

  /// Runs a part of the tick that concerns one sequence alone; that sequence fails when it throws.
  template <class F>
  void guarded(member& m, F&& part) {
    try {
      part();
    } catch (...) {
      m.text.fail();
      if (!fault_) fault_ = std::current_exception();
    }
  }
  /// Whether the request may still be carried out: an answer or a fault in this tick may have withdrawn it.
  static bool is_open(const open_request& t) noexcept { return t.owner->text.is_open(t.ask.id); }

  void evaluate(group& g) {
    for (open_request& t : g.tasks) {
      if (!is_open(t)) continue;
      guarded(*t.owner, [&] {
        any_session& session = t.owner->sessions[t.ask.model];
        if (!g.batch.together()) {
          t.rows = answer(session, t.ask);
          return;
        }
        trim(session, t.ask);
        if (t.ask.block.size() == 0) return;
        g.items.push_back({&session, t.ask.block});
        t.item = g.items.size();
      });
    }
    if (!g.items.empty()) {
      try {
        g.batch.eval(detail::writable(g.items));
      } catch (...) {
        for (open_request& t : g.tasks) {
          if (t.item > 0) t.owner->text.fail();
        }
        if (!fault_) fault_ = std::current_exception();
      }
    }
    for (open_request& t : g.tasks) {
      if (!is_open(t)) continue;
      guarded(*t.owner, [&] {
        if (t.item > 0) t.rows = g.items[t.item - 1].rows;
        t.owner->text.absorb(t.ask.id, t.rows);
      });
    }
  }
  bool in_use(const model_ref& model) const noexcept {
    for (const member& m : members_) {
      for (const model_slot* slot : m.text.model_slots()) {
        if (slot->model() == model) return true;
      }
    }
    return false;
  }

  std::size_t find(std::size_t name) const {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (members_[i].name == name) return i;
    }
    throw std::invalid_argument("proviso: batch_decoder: there is no sequence " + std::to_string(name));
  }

  detail::list<member> members_;
  detail::list<group> groups_;
  std::exception_ptr fault_;  // the first of this tick
  std::size_t next_ = 0;
};

}  // namespace v0
}  // namespace proviso
