// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <proviso/core/draft.hpp>
#include <proviso/core/law.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/types.hpp>

namespace proviso {
inline namespace v0 {

/// The target's laws of one round: each is shaped from its row when a rule first asks for it, and kept.
class law_cache {
 public:
  /// Starts a round with `nodes` rows.
  void clear(std::size_t nodes) {
    entries_.extend(nodes);
    for (entry& e : entries_) e.law = {};
  }
  /// The law after `node`, which `build(buffer)` makes when it is asked for first. Throws `std::domain_error` naming
  /// the position when its row is not a law. Behind a token that ends the text it is the point at that token: the text
  /// stays there, no row is read and no transform is asked.
  template <class Build>
  law_view get(const draft& d, node_id node, Build&& build) {
    if (d.is_closed(node)) return law_view::point(d.token(node));
    entry& e = entries_[static_cast<std::size_t>(node)];
    if (!e.law) {
      const std::size_t held = e.memory();
      try {
        e.law = build(e.buffer);
      } catch (const std::domain_error& fault) {
        throw std::domain_error(std::string{fault.what()} + " (target, position " +
                                std::to_string(d.next_position(node)) + ")");
      }
      if (e.memory() > held) share(e.buffer);
    }
    return e.law;
  }

 private:
  struct entry {
    law_buffer buffer;
    law_view law;
    std::size_t memory() const noexcept { return buffer.weights.capacity() + buffer.wide.capacity(); }
  };
  /// Gives all entries the memory that one needed: later rounds may accept deeper.
  void share(const law_buffer& needed) {
    for (entry& e : entries_) {
      e.buffer.weights.reserve(needed.weights.capacity());
      e.buffer.wide.reserve(needed.wide.capacity());
    }
  }
  detail::list<entry> entries_;
};

}  // namespace v0
}  // namespace proviso
