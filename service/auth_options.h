// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options about AUTH, which all programs have.

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

// One --auth: who knows the users.
struct AuthSpec {
  enum class Kind : uint8_t { kCheckpassword, kCdb, kSasl, kOauth };
  Kind kind = Kind::kCheckpassword;
  std::string text;                  // as it was given
  std::string file;                  // kCdb
  std::vector<std::string> command;  // kCheckpassword, kOauth
  std::string host;                  // of CRAM-MD5; empty: the site's
};

struct AuthOptions {
  std::vector<AuthSpec> specs;  // none: no AUTH
  auth::CheckpasswordOptions::CramMd5 cram_md5 =
      auth::CheckpasswordOptions::CramMd5::kNone;
  std::string sasl_config;               // empty: the library's own place
  std::vector<std::string> sasl_realms;  // empty: the host's name
  bool insecure = false;
  bool old_clients = false;
  bool show_user = false;
  bool ignore_authzid = false;
  int max_failures = 3;  // in a session
  int delay = 3;         // seconds
};

inline constexpr OptionRow kAuthRow = {
    "auth", "SPEC",
    "who knows the users, as often as wanted:\n"
    "checkpassword:PROGRAM[,ARGUMENT]..., cdb:FILE\n"
    "(see postern users), oauth:PROGRAM[,ARGUMENT]...\n"
    "(bearer tokens), or sasl (Cyrus SASL)",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kCramMd5Row = {
    "cram-md5", "ORDER [none]",
    "what a checkpassword program reads for CRAM-MD5:\n"
    "challenge-first, response-first, or none: it\n"
    "knows no CRAM-MD5"};
inline constexpr OptionRow kSaslConfigRow = {
    "sasl-config", "DIR",
    "where postern.conf of Cyrus SASL is; else\n"
    "/etc/sasl2"};
inline constexpr OptionRow kSaslRealmRow = {
    "sasl-realm", "REALM",
    "what may stand behind the @ of a user of Cyrus\n"
    "SASL, as often as wanted; else control/me",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kAuthInsecureRow = {
    "auth-insecure", "",
    "offer what shows a password or a token (PLAIN,\n"
    "LOGIN, OAUTHBEARER, XOAUTH2) without TLS, too"};
inline constexpr OptionRow kAuthOldClientsRow = {
    "auth-old-clients", "", "announce AUTH= beside AUTH, for old clients"};
inline constexpr OptionRow kShowUserRow = {
    "show-user", "", "name the user in the Received field"};
inline constexpr OptionRow kIgnoreAuthzidRow = {
    "ignore-authzid", "",
    "with PLAIN, log in as the user also where the\n"
    "client asks to act as another identity"};
inline constexpr OptionRow kMaxAuthFailuresRow = {
    "max-auth-failures", "N [3]",
    "failed logins in a session before 421 and its end"};
inline constexpr OptionRow kAuthDelayRow = {
    "auth-delay", "N [3]", "seconds before a failed login is refused"};

// Puts what was given into `options`; mistakes are `given`'s.
void ReadAuthOptions(Options* given, AuthOptions* options);

// Reads the value of --auth.
absl::StatusOr<AuthSpec> ParseAuthSpec(absl::string_view text);

// Has `config` offer what `backend` serves: what shows a secret under TLS only,
// unless the options say otherwise. Of `allowed` alone and in its order, where
// it is not empty; an error names a mechanism of it that `backend` has not.
absl::Status OfferAuth(const auth::Backend& backend, const AuthOptions& options,
                       const std::vector<std::string>& allowed,
                       ServerConfig* config);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_AUTH_OPTIONS_H_
