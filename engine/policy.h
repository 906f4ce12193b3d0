// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Policy port: who may do what. Implementations live in policy/ and in
// whatever embeds postern.
//
//   class OnlyExample : public Policy {
//    public:
//     void Decide(const Ask& ask, const SharedSessionInfo&, Done done) override
//     {
//       const auto* rcpt = std::get_if<Rcpt>(&ask.what);
//       if (rcpt == nullptr || rcpt->to.domain == "example.org") {
//         return std::move(done)(Verdict::Accept());
//       }
//       std::move(done)(Verdict::Refuse({550, {5, 7, 1}, "not here"}));
//     }
//   };

#ifndef POSTERN_ENGINE_POLICY_H_
#define POSTERN_ENGINE_POLICY_H_

#include "absl/functional/any_invocable.h"
#include "engine/event.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern {

// Thread-safety: Decide() may be called for many sessions at once where the
// transport has threads; implementations shared by sessions are thread-safe.
class Policy {
 public:
  using Done = absl::AnyInvocable<void(Verdict) &&>;

  virtual ~Policy() = default;

  // Decides `ask`, any kind of it but BodyEnd (which is the sink's to answer)
  // and those of AUTH (which are the Authenticator's). What may answer which is
  // in engine/verdict.h; an answer that does not fit is 451 to the client.
  // Calls `done` exactly once: before returning, later, or from any thread.
  // The arguments live until Decide() returns; copy what is needed later.
  virtual void Decide(const Ask& ask, const SharedSessionInfo& session,
                      Done done) = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_POLICY_H_
