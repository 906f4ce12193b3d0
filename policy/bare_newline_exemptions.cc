// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/bare_newline_exemptions.h"

#include <utility>
#include <variant>

#include "engine/body_scanner.h"
#include "engine/verdict.h"

namespace postern::policy {

BareNewlineExemptions::BareNewlineExemptions(NetworkList networks)
    : networks_(std::move(networks)) {}

void BareNewlineExemptions::Decide(const Ask& ask,
                                   const SharedSessionInfo& session,
                                   Done done) {
  if (std::holds_alternative<BodyBegin>(ask.what) &&
      networks_.Contains(session->remote_address)) {
    return std::move(done)(Verdict::AcceptWith(BareNewlines::kNormalize));
  }
  std::move(done)(Verdict::Accept());
}

}  // namespace postern::policy
