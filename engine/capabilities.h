// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a server offers, and the reply to EHLO that announces it: RFC 5321
// 4.1.1.1.

#ifndef POSTERN_ENGINE_CAPABILITIES_H_
#define POSTERN_ENGINE_CAPABILITIES_H_

#include "absl/strings/string_view.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/verb.h"
#include "engine/server_config.h"
#include "engine/tls_info.h"

namespace postern {

// Returns the offered extensions: those of `config`, without any whose
// requirements are not met, such as TLS for REQUIRETLS (RFC 8689 3). `tls` is
// null without TLS.
ExtensionSet OfferedExtensions(const ServerConfig& config, const TlsInfo* tls);

// Return true if a SASL mechanism (upper case), or any mechanism, is offered:
// RFC 4954 3.
bool OffersMechanism(const ServerConfig& config, const TlsInfo* tls,
                     absl::string_view name);
bool OffersAuth(const ServerConfig& config, const TlsInfo* tls);

// Returns true if the server implements `verb`: all of RFC 5321, and of the
// extensions what it announces (RFC 5321 2.2.2), or STARTTLS under TLS, which
// gets a 503.
bool Serves(const ServerConfig& config, const TlsInfo* tls, Verb verb);

// Returns the reply to HELP, which lists the verbs that are served.
Reply HelpReply(const ServerConfig& config, const TlsInfo* tls);

// Returns the reply to an accepted EHLO or LHLO. It announces nothing that
// would get a 500 or 502 (RFC 5321 4.2.4), and the server serves no extension
// that it does not announce (2.2.2).
Reply EhloReply(const ServerConfig& config, const TlsInfo* tls);

}  // namespace postern

#endif  // POSTERN_ENGINE_CAPABILITIES_H_
