// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proviso/core/model_slot.hpp>
#include <proviso/core/requests.hpp>
#include <proviso/model/any_model.hpp>

namespace proviso {
inline namespace v0 {

/// Carries out what a request asks of a session before its block is evaluated: keep a path, then rewind.
inline void trim(any_session& session, const request& r) {
  if (r.gather) session.keep(r.path);
  if (session.length() > r.length) session.rewind(r.length);
}

/// Answers a request on its session.
inline logits_rows answer(any_session& session, const request& r) {
  trim(session, r);
  return r.block.size() == 0 ? logits_rows{} : session.eval(r.block);
}

/// A new session for a slot, which learns its bounds and that it is empty.
inline any_session open_session(model_slot& slot) {
  any_session session = slot.model().open();
  slot.restart();
  slot.bounds(session.capacity(), session.max_rewind(), session.says_max_rewind());
  return session;
}

}  // namespace v0
}  // namespace proviso
