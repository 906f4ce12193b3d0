// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Takes bare newlines from clients that are known to send them: the scanner
// with a mail function, the ticket system that nobody can change. What they
// send is stored with CRLF for each; it ends where any message ends, and so
// carries no second one (SMTP smuggling).

#ifndef POSTERN_POLICY_BARE_NEWLINE_EXEMPTIONS_H_
#define POSTERN_POLICY_BARE_NEWLINE_EXEMPTIONS_H_

#include "engine/event.h"
#include "engine/policy.h"
#include "engine/session_info.h"
#include "policy/network_list.h"

namespace postern::policy {

// Accepts everything. A BodyBegin of a client whose address `networks` holds
// is accepted with BareNewlines::kNormalize; for all others, those without an
// address too, bare newlines are what ServerConfig says.
//
// An address is all that counts, so list none that relays for others: what it
// passes on is normalized as well.
//
// Thread-safety: Decide() may be called from any thread at any time, and calls
// `done` before it returns.
class BareNewlineExemptions : public Policy {
 public:
  explicit BareNewlineExemptions(NetworkList networks);

  void Decide(const Ask& ask, const SharedSessionInfo& session,
              Done done) override;

 private:
  const NetworkList networks_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_BARE_NEWLINE_EXEMPTIONS_H_
