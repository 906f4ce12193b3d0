// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a server offers, and how EHLO announces it: RFC 5321 4.1.1.1.

#ifndef POSTERN_ENGINE_CAPABILITIES_H_
#define POSTERN_ENGINE_CAPABILITIES_H_

#include "absl/strings/string_view.h"
#include "engine/event.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/verb.h"
#include "engine/server_config.h"

namespace postern {

// Returns the extensions on offer: those of `config`, less what stands on
// another one that is not there, and REQUIRETLS only under TLS (RFC 8689 3).
// `tls` is null for a connection in the clear.
ExtensionSet OfferedExtensions(const ServerConfig& config, const TlsInfo* tls);

// Returns true if a SASL mechanism (upper case), or any, is on offer: RFC 4954
// 3.
bool OffersMechanism(const ServerConfig& config, const TlsInfo* tls,
                     absl::string_view name);
bool OffersAuth(const ServerConfig& config, const TlsInfo* tls);

// Returns true if a server speaks a verb at all: of what is beyond RFC 5321,
// only what it announces (RFC 5321 2.2.2), or STARTTLS that has been done.
bool Serves(const ServerConfig& config, const TlsInfo* tls, Verb verb);

// Returns the reply to HELP: the verbs that are served.
Reply HelpReply(const ServerConfig& config, const TlsInfo* tls);

// Returns the reply to an accepted EHLO or LHLO. Nothing is announced that
// would draw a 500 or 502 (RFC 5321 4.2.4), and nothing beyond RFC 5321 is
// served that is not announced (2.2.2).
Reply EhloReply(const ServerConfig& config, const TlsInfo* tls);

}  // namespace postern

#endif  // POSTERN_ENGINE_CAPABILITIES_H_
