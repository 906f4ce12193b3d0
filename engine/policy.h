// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface Policy, which decides who may do what. policy/ has
// implementations; an embedder may have its own.
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
// A policy that cannot answer at once keeps what `later` returns:
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
#include "engine/ask.h"
#include "engine/session_info.h"
#include "engine/verdict.h"

namespace postern {

// Decide() may be called for many sessions at once if the driver has threads:
// an implementation that sessions share must then be thread-safe.
class Policy {
 public:
  // Takes an answer that comes later.
  using Done = absl::AnyInvocable<void(Verdict) &&>;
  // Makes a Done. Call it only if the answer is not given at once, at most once
  // and before Decide() returns: an answer given at once then allocates
  // nothing.
  using Later = absl::FunctionRef<Done()>;

  virtual ~Policy() = default;

  // Decides `ask`, which is never a BodyEnd (MailTransaction answers that) and
  // never a question of AUTH (Authenticator answers those). engine/verdict.h
  // describes which answer fits which question. If an answer does not fit, the
  // client gets a 451.
  //
  // Returns the answer, or nullopt after a call of `later`. The Done that
  // `later` returned must then be called exactly once, with the answer, on any
  // thread. The arguments are valid until Decide() returns: copy what is needed
  // later.
  virtual std::optional<Verdict> Decide(const Ask& ask,
                                        const SharedSessionInfo& session,
                                        Later later) = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_POLICY_H_
