// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options about AUTH, which all servers have.

#ifndef POSTERN_SERVICE_AUTH_OPTIONS_H_
#define POSTERN_SERVICE_AUTH_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"
#include "auth/checkpassword.h"
#include "engine/server_config.h"
#include "service/options.h"

namespace postern::service {

// One --auth: how users are authenticated.
struct AuthSpec {
  enum class Kind : uint8_t { kCheckpassword, kCdb, kSasl, kOauth };
  Kind kind = Kind::kCheckpassword;
  std::string text;                  // as given
  std::string file;                  // kCdb
  std::vector<std::string> command;  // kCheckpassword, kOauth
  std::string host;  // the host name in CRAM-MD5; empty: that of the server
};

struct AuthOptions {
  std::vector<AuthSpec> specs;  // none: no AUTH
  auth::CheckpasswordOptions::CramMd5 cram_md5 =
      auth::CheckpasswordOptions::CramMd5::kNone;
  std::string sasl_config;               // empty: the default of Cyrus SASL
  std::vector<std::string> sasl_realms;  // empty: the host name of the server
  bool insecure = false;
  bool old_clients = false;
  bool show_user = false;
  bool ignore_authzid = false;
  int max_failures = 3;  // in a session
  int delay = 3;         // seconds
};

inline constexpr OptionRow kAuthRow = {
    "auth", "SPEC",
    "how users are authenticated; may be repeated:\n"
    "checkpassword:PROGRAM[,ARGUMENT]..., cdb:FILE\n"
    "(see postern users), oauth:PROGRAM[,ARGUMENT]...\n"
    "(bearer tokens), or sasl (Cyrus SASL)",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kCramMd5Row = {
    "cram-md5", "ORDER [none]",
    "the order in which a checkpassword program reads\n"
    "the data of CRAM-MD5: challenge-first,\n"
    "response-first, or none (no CRAM-MD5)"};
inline constexpr OptionRow kSaslConfigRow = {
    "sasl-config", "DIR",
    "the directory of postern.conf for Cyrus SASL;\n"
    "default: /etc/sasl2"};
inline constexpr OptionRow kSaslRealmRow = {
    "sasl-realm", "REALM",
    "a realm that may follow the @ of a Cyrus SASL\n"
    "user; may be repeated; default: control/me",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kAuthInsecureRow = {
    "auth-insecure", "",
    "offer mechanisms that show a password or a token\n"
    "(PLAIN, LOGIN, OAUTHBEARER, XOAUTH2) also\n"
    "without TLS"};
inline constexpr OptionRow kAuthOldClientsRow = {
    "auth-old-clients", "", "announce AUTH= as well as AUTH, for old clients"};
inline constexpr OptionRow kShowUserRow = {
    "show-user", "", "name the user in the Received field"};
inline constexpr OptionRow kIgnoreAuthzidRow = {
    "ignore-authzid", "",
    "with PLAIN, log in as the user even if the\n"
    "client asks to act as another identity"};
inline constexpr OptionRow kMaxAuthFailuresRow = {
    "max-auth-failures", "N [3]",
    "failed AUTH attempts before a session ends (421)"};
inline constexpr OptionRow kAuthDelayRow = {
    "auth-delay", "N [3]", "seconds before a failed AUTH attempt is refused"};

// Reads the given options into `options`. Mistakes are added to `given`.
void ReadAuthOptions(Options* given, AuthOptions* options);

// Parses a value of --auth. An error explains what is wrong.
absl::StatusOr<AuthSpec> ParseAuthSpec(absl::string_view text);

// Sets the mechanisms of `backend` that `config` offers. Mechanisms that show a
// secret are offered only under TLS, unless the options permit more. If
// `allowed` is not empty, only its mechanisms are offered, in its order; an
// error names the first one that `backend` does not have.
absl::Status OfferAuth(const auth::Backend& backend, const AuthOptions& options,
                       const std::vector<std::string>& allowed,
                       ServerConfig* config);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_AUTH_OPTIONS_H_
