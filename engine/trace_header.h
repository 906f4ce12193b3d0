// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Received field that a server puts before a message, RFC 5321 4.4.

#ifndef POSTERN_ENGINE_TRACE_HEADER_H_
#define POSTERN_ENGINE_TRACE_HEADER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/session_info.h"

namespace postern {

// When a message came in and what it is called here: the engine has no clock
// and makes up no names.
struct TraceStamp {
  absl::Time time;
  std::string id;  // an atom (RFC 5322 3.2.3): letters, digits and '-'
};

// Returns the Received field with CRLF line ends:
//
//   Received: from HELLO (INFO@NAME [ADDRESS])
//           by HOST with ESMTPS id ID tls CIPHER;
//           Sat, 21 Nov 2026 19:56:16 +0000
//
// `by` says session.local_name, or `host` where that is empty; the protocol
// word is of RFC 3848, and of RFC 6531 4.3 for a message by SMTPUTF8; "tls" is
// of RFC 8314 4.3. Of what the client or its name server have said, every byte
// that is not a letter, a digit or one of ".@%+/=:-[]" is replaced by '?', as
// qmail-smtpd does, and a name is cut at 255 bytes: no text can end the line or
// a comment.
//
// INFO is what ident has said, or with `show_user` the user, where there is
// one, as the patches to qmail-smtpd have it: everyone who gets the message
// sees it.
std::string FormatReceived(const SessionInfo& session, bool smtp_utf8,
                           absl::string_view host, const TraceStamp& stamp,
                           bool show_user = false);

}  // namespace postern

#endif  // POSTERN_ENGINE_TRACE_HEADER_H_
