// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Policy port: who may do what. Implementations live in policy/ and in
// programs that embed postern.
//
//   class OnlyExample : public Policy {
//    public:
//     std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo&,
//                                   Later) override {
//       const auto* rcpt = std::get_if<Rcpt>(&ask.what);
//       if (rcpt == nullptr || rcpt->to.domain == "example.org") {
//         return Verdict::Accept();
//       }
//       return Verdict::Refuse({550, {5, 7, 1}, "not here"});
//     }
//   };
//
// A policy that has to wait for its answer keeps what `later` makes:
//
//       pool_->Run([ask, done = later()]() mutable {
//         std::move(done)(LookUp(ask));
//       });
//       return std::nullopt;

#ifndef POSTERN_ENGINE_POLICY_H_
#define POSTERN_ENGINE_POLICY_H_

#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "engine/event.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern {

// Thread-safety: Decide() may be called for many sessions at once where the
// transport has threads; implementations shared by sessions are thread-safe.
class Policy {
 public:
  // Takes an answer that comes later.
  using Done = absl::AnyInvocable<void(Verdict) &&>;
  // Makes a Done. An answer that is given at once costs no memory, so this is
  // called only for one that is not: at most once, and before Decide() returns.
  using Later = absl::FunctionRef<Done()>;

  virtual ~Policy() = default;

  // Decides `ask`, which is never a BodyEnd (MailTransaction answers that) nor
  // one of AUTH (the Authenticator's). engine/verdict.h says which answer fits
  // which question; for one that does not fit, the client gets a 451.
  //
  // Returns the answer; or nullopt after a call of `later`. What that returned
  // is then called exactly once, with the answer, from any thread. The
  // arguments live until Decide() returns: copy what is needed later.
  virtual std::optional<Verdict> Decide(const Ask& ask,
                                        const SharedSessionInfo& session,
                                        Later later) = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_POLICY_H_
