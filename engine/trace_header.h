// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Received field that a server adds to a message, RFC 5321 4.4.

#ifndef POSTERN_ENGINE_TRACE_HEADER_H_
#define POSTERN_ENGINE_TRACE_HEADER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/session_info.h"

namespace postern {

// What a Received field says that the embedder supplies: the engine has no
// clock and generates no names.
struct TraceStamp {
  absl::Time time;  // when the message arrived; the field has whole seconds
  std::string id;   // an atom (RFC 5322 3.2.3): letters, digits and '-'
};

// Returns the Received field with CRLF line ends:
//
//   Received: from HELLO (INFO@NAME [ADDRESS])
//           by HOST with ESMTPS id ID tls CIPHER;
//           Sat, 21 Nov 2026 19:56:16 +0000
//
// HOST is session.local_name, or `host` if that is empty. The protocol is a
// word of RFC 3848, or of RFC 6531 4.3 for a message with SMTPUTF8; "tls" is
// from RFC 8314 4.3. Text from the client, its name server or its ident server
// is cut at 255 bytes, and each of its bytes that is not a letter, a digit or
// one of ".@%+/=:-[]" is replaced by '?', as in qmail-smtpd. So it cannot end
// the line or a comment. NAME is "unknown" if there is no host name, or if it
// is forged.
//
// INFO is the ident reply, or with `show_user` the authenticated user, if there
// is one, as in the patches to qmail-smtpd. All recipients of the message can
// see it.
std::string FormatReceived(const SessionInfo& session, bool smtp_utf8,
                           absl::string_view host, const TraceStamp& stamp,
                           bool show_user = false);

}  // namespace postern

#endif  // POSTERN_ENGINE_TRACE_HEADER_H_
