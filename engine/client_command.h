// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// MAIL and RCPT command lines for one server.

#ifndef POSTERN_ENGINE_CLIENT_COMMAND_H_
#define POSTERN_ENGINE_CLIENT_COMMAND_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/ehlo_keywords.h"
#include "engine/grammar/utf8.h"

namespace postern {

// Returns the error of a command that needs `what`, which the server does not
// offer.
absl::Status NotOffered(absl::string_view what);

// Return the command with its CRLF, for a server that offers `keywords`. Rcpt's
// `utf8` is whether the MAIL before it had SMTPUTF8. Errors:
//   kInvalidArgument     a server would not parse the line as it is meant. The
//                        server's own parsers check it, so that no path and no
//                        parameter can end the line or add to it
//   kFailedPrecondition  a parameter that this server does not offer
absl::StatusOr<std::string> MailLine(const Mail& mail,
                                     const EhloKeywords& keywords);
absl::StatusOr<std::string> RcptLine(const Rcpt& rcpt, Utf8 utf8,
                                     const EhloKeywords& keywords);

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_COMMAND_H_
