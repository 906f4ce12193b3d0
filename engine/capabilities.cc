// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/capabilities.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/grammar/date_time.h"

namespace postern {
namespace {

// RFC 9422 4.1: 1 to 6 digits, without a leading zero.
constexpr uint64_t kMaxLimit = 999999;

std::string Limits(const ServerConfig& config) {
  std::string out;
  if (config.max_recipients <= kMaxLimit) {
    absl::StrAppend(&out, " RCPTMAX=", config.max_recipients);
  }
  if (config.max_messages > 0 &&
      static_cast<uint64_t>(config.max_messages) <= kMaxLimit) {
    absl::StrAppend(&out, " MAILMAX=", config.max_messages);
  }
  return out.empty() ? out : absl::StrCat("\nLIMITS", out);
}

// Returns the arguments after an extension's keyword.
std::string Arguments(Extension extension, const ServerConfig& config) {
  if (extension == Extension::kDeliverBy &&
      config.min_deliver_by > absl::ZeroDuration()) {
    return absl::StrCat(" ", absl::ToInt64Seconds(config.min_deliver_by));
  }
  if (extension == Extension::kFutureRelease) {
    return absl::StrCat(" ", absl::ToInt64Seconds(config.hold_limits->longest),
                        " ", FormatDateTime(config.hold_limits->latest));
  }
  return "";
}

const std::vector<std::string>& Mechanisms(const ServerConfig& config,
                                           const TlsInfo* tls) {
  return tls != nullptr ? config.mechanisms : config.mechanisms_without_tls;
}

}  // namespace

ExtensionSet OfferedExtensions(const ServerConfig& config, const TlsInfo* tls) {
  ExtensionSet offered =
      config.extensions & (config.carried | ExtensionSet{Extension::kChunking});
  if (!offered.Has(Extension::kChunking)) {
    offered = offered - ExtensionSet{Extension::kBinaryMime};  // RFC 3030 3
  }
  if (tls == nullptr) offered = offered - ExtensionSet{Extension::kRequireTls};
  if (!config.hold_limits) {
    offered = offered - ExtensionSet{Extension::kFutureRelease};
  }
  return offered;
}

bool OffersMechanism(const ServerConfig& config, const TlsInfo* tls,
                     absl::string_view name) {
  const std::vector<std::string>& names = Mechanisms(config, tls);
  // RFC 4422 A: EXTERNAL uses the identity that TLS has verified.
  const bool known = tls != nullptr && !tls->peer_subject.empty();
  return (name != "EXTERNAL" || known) &&
         std::find(names.begin(), names.end(), name) != names.end();
}

bool OffersAuth(const ServerConfig& config, const TlsInfo* tls) {
  for (const std::string& name : Mechanisms(config, tls)) {
    if (OffersMechanism(config, tls, name)) return true;
  }
  return false;
}

bool Serves(const ServerConfig& config, const TlsInfo* tls, Verb verb) {
  switch (verb) {
    case Verb::kHelo:
    case Verb::kEhlo:
      return !config.lmtp;
    case Verb::kLhlo:
      return config.lmtp;
    case Verb::kBdat:
      return OfferedExtensions(config, tls).Has(Extension::kChunking);
    case Verb::kStartTls:
      return config.offer_starttls || tls != nullptr;
    case Verb::kAuth:
      return !config.mechanisms.empty() ||
             !config.mechanisms_without_tls.empty();
    case Verb::kXClient:
      return config.xclient;
    case Verb::kUnimplemented:
      return false;
    case Verb::kMail:
    case Verb::kRcpt:
    case Verb::kData:
    case Verb::kRset:
    case Verb::kNoop:
    case Verb::kVrfy:
    case Verb::kHelp:
    case Verb::kQuit:
    case Verb::kWeb:
    case Verb::kUnknown:
      break;
  }
  return true;
}

Reply HelpReply(const ServerConfig& config, const TlsInfo* tls) {
  std::string verbs;
  for (const VerbRow& row : VerbTable()) {
    if (row.verb == Verb::kHelp) break;
    if (!Serves(config, tls, row.verb)) continue;
    if (row.verb == Verb::kStartTls && tls != nullptr) continue;
    absl::StrAppend(&verbs, verbs.empty() ? "" : " ", row.name);
  }
  for (const std::string& verb : config.more_verbs) {
    absl::StrAppend(&verbs, " ", verb);
  }
  return {214, {2, 0, 0}, std::move(verbs)};
}

Reply EhloReply(const ServerConfig& config, const TlsInfo* tls) {
  std::string text = absl::StrCat(config.greeting,
                                  "\nPIPELINING"  // RFC 2920
                                  "\nSIZE");      // RFC 1870
  // RFC 1870 4 uses "SIZE 0" for no limit, but clients read that as a limit of
  // 0. Without a number, SIZE states no limit.
  if (config.max_message_size != 0) {
    absl::StrAppend(&text, " ", config.max_message_size);
  }
  absl::StrAppend(&text,
                  "\n8BITMIME"               // RFC 6152
                  "\nENHANCEDSTATUSCODES");  // RFC 2034
  const ExtensionSet offered = OfferedExtensions(config, tls);
  for (const ExtensionRow& row : kExtensionTable) {
    if (!offered.Has(row.extension)) continue;
    absl::StrAppend(&text, "\n", row.keyword, Arguments(row.extension, config));
  }
  for (const std::string& verb : config.more_verbs) {
    absl::StrAppend(&text, "\n", verb);
  }
  if (config.announce_limits) text += Limits(config);
  if (config.offer_starttls && tls == nullptr) text += "\nSTARTTLS";
  if (OffersAuth(config, tls)) {
    std::string names;
    for (const std::string& name : Mechanisms(config, tls)) {
      if (!OffersMechanism(config, tls, name)) continue;
      absl::StrAppend(&names, names.empty() ? "" : " ", name);
    }
    absl::StrAppend(&text, "\nAUTH ", names);
    if (config.old_auth_line) absl::StrAppend(&text, "\nAUTH=", names);
  }
  if (config.xclient) {
    absl::StrAppend(&text, "\nXCLIENT NAME ADDR PORT PROTO HELO ",
                    config.xclient_login ? "LOGIN " : "", "DESTADDR DESTPORT");
  }
  return {250, {}, std::move(text)};
}

}  // namespace postern
