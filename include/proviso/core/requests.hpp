// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include <proviso/core/block.hpp>
#include <proviso/core/list.hpp>
#include <proviso/core/logits.hpp>
#include <proviso/core/view.hpp>

namespace proviso {
inline namespace v0 {

/// One evaluation that a sequence asks for. A driver, on the session of model `model`:
/// 1. when `gather` is set, calls `keep(path)`: these nodes of the block evaluated last stay;
/// 2. when the session is longer than `length`, calls `rewind(length)`;
/// 3. when `block` has tokens, evaluates it,
/// and then hands the rows to `sequence::absorb(id, rows)`. All spans stay valid until then.
struct request {
  std::size_t id = 0;      ///< names the request to `absorb`
  std::size_t model = 0;   ///< index into the models of the sequence
  bool gather = false;
  std::span<const node_id> path;
  std::size_t length = 0;
  masked_block block;
  void* awaiting = nullptr;  ///< of the sequence; drivers leave it alone
};

/// The open requests of one sequence: algorithms post them, drivers answer them in any order.
class request_board {
 public:
  /// An evaluation that was posted; `co_await` gives its rows, which stay valid until the next request to the same
  /// model. It stays where it was created: post it, then await it in the same scope. One that is destroyed without
  /// an answer is withdrawn, and sets `lost`: the driver may or may not have evaluated it.
  class evaluation {
   public:
    evaluation(request_board& board, const request& r, bool& lost) : board_{board}, lost_{lost} {
      id_ = board_.post(r, this);
    }
    evaluation(const evaluation&) = delete;
    evaluation& operator=(const evaluation&) = delete;
    ~evaluation() {
      if (answered_) return;
      board_.withdraw(id_);
      lost_ = true;
    }

    bool await_ready() const noexcept { return answered_; }
    void await_suspend(std::coroutine_handle<> awaiter) noexcept { awaiter_ = awaiter; }
    logits_rows await_resume() const noexcept { return rows_; }

   private:
    friend class request_board;
    request_board& board_;
    bool& lost_;
    std::size_t id_ = 0;
    std::coroutine_handle<> awaiter_ = nullptr;
    logits_rows rows_;
    bool answered_ = false;
  };

  /// Requests that wait for an answer, oldest first.
  std::span<const request> open() const noexcept { return detail::view(open_); }

  /// A name that no other request of this board has.
  std::size_t new_id() noexcept { return next_id_++; }

  /// Answers a request and resumes whoever awaits it. Throws `std::invalid_argument` when `id` is not open or the
  /// rows are not the wanted ones over `vocab` tokens.
  void answer(std::size_t id, const logits_rows& rows, std::size_t vocab) {
    const std::size_t i = find(id);
    if (i == open_.size()) {
      throw std::invalid_argument("proviso: absorb: this request is not open (answered twice, or of another sequence)");
    }
    const request& r = open_[i];
    const std::size_t want = r.block.nodes.want;
    if (rows.rows() != want || (want > 0 && rows.cols() != vocab)) {
      throw std::invalid_argument("proviso: absorb: model " + std::to_string(r.model) + " returned " +
                                  std::to_string(rows.rows()) + " x " + std::to_string(rows.cols()) +
                                  " logits where " + std::to_string(want) + " x " + std::to_string(vocab) +
                                  " are wanted");
    }
    auto* waiting = static_cast<evaluation*>(r.awaiting);
    open_.remove(i);
    waiting->rows_ = rows;
    waiting->answered_ = true;
    if (waiting->awaiter_) waiting->awaiter_.resume();
  }

 private:
  std::size_t post(request r, evaluation* waiting) {
    r.id = new_id();
    r.awaiting = waiting;
    open_.push_back(r);
    return r.id;
  }
  void withdraw(std::size_t id) noexcept {
    if (const std::size_t i = find(id); i < open_.size()) open_.remove(i);
  }
  std::size_t find(std::size_t id) const noexcept {
    std::size_t i = 0;
    while (i < open_.size() && open_[i].id != id) ++i;
    return i;
  }

  detail::list<request> open_;
  std::size_t next_id_ = 1;
};

}  // namespace v0
}  // namespace proviso
