// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A question to a policy server, in the protocol of Postfix's
// SMTPD_POLICY_README.

#ifndef POSTERN_POLICY_DELEGATION_POLICY_REQUEST_H_
#define POSTERN_POLICY_DELEGATION_POLICY_REQUEST_H_

#include <string>

#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/path.h"
#include "engine/session_info.h"

namespace postern::policy {

// Returns the request about `rcpt` in the state RCPT: lines of NAME=VALUE and
// an empty line. `from` and `to` are the addresses as the envelope will have
// them. The second function returns the request about a whole envelope, in the
// state DATA.
//
// The attributes and their order are Postfix's. Each value is true or empty.
// Empty, because this server does not know them, are: queue_id, sasl_sender,
// ccert_issuer, both fingerprints, etrn_domain, stress and policy_context.
// Details:
//
// - client_name is a host name that was confirmed in both directions, otherwise
//   "unknown", because policy servers exempt clients by this name. A name that
//   was not confirmed, as from tcpserver, is in reverse_client_name only.
// - client_address is "unknown" for a client of a Unix socket.
// - instance is the id of the message in the log. It is the same for all
//   recipients of one message, and never used again.
// - size is the value of SIZE in MAIL, and 0 without it.
// - recipient_count is 0 before DATA, as in Postfix.
// - recipient is empty at DATA if there are several recipients, as in Postfix.
// - encryption_keysize is known for the usual ciphers, and otherwise 0.
//
// A control character in a value becomes '?': a client must not be able to add
// an attribute or end the request.
std::string FormatPolicyRequest(const Rcpt& rcpt, const Path& from,
                                const Path& to, const SessionInfo& session);
std::string FormatPolicyRequest(const BodyBegin& begin,
                                const SessionInfo& session);

// Returns the key size of an OpenSSL cipher, such as 256 for
// "TLS_AES_256_GCM_SHA384", or 0 if it is not known.
int CipherBits(absl::string_view cipher);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DELEGATION_POLICY_REQUEST_H_
