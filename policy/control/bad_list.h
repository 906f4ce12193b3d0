// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Refused senders or recipients: badmailfrom or badrcptto, and the files of
// patterns that belong to it.

#ifndef POSTERN_POLICY_CONTROL_BAD_LIST_H_
#define POSTERN_POLICY_CONTROL_BAD_LIST_H_

#include <optional>
#include <string>

#include "engine/grammar/path.h"
#include "policy/control/line_set.h"
#include "policy/control/pattern_list.h"

namespace postern::policy {

// Patterns are compared with the result of AsciiAddress(): a domain in UTF-8
// has its xn-- form. They do not apply to the null sender, as in qregex: a
// negated pattern would refuse all bounces.
//
// Thread-safety: immutable once shared.
struct BadList {
  LineSet lines;         // badmailfrom: see bad_mail_from.h
  PatternList patterns;  // badmailfrompatterns
  // badmailfromnorelay: not for clients that may relay.
  PatternList no_relay;

  // Returns "FILE:LINE" of the first entry that refuses `path`, or nullopt.
  // `may_relay` is whether the client may relay.
  std::optional<std::string> Find(const Path& path, bool may_relay) const;

  bool empty() const {
    return lines.empty() && patterns.empty() && no_relay.empty();
  }
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_BAD_LIST_H_
