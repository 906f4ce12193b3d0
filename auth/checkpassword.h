// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Checks passwords with a program that has the interface of checkpassword.

#ifndef POSTERN_AUTH_CHECKPASSWORD_H_
#define POSTERN_AUTH_CHECKPASSWORD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "auth/backend.h"
#include "auth/password_checker.h"
#include "auth/password_exchange.h"
#include "log/report.h"
#include "system/session_variables.h"

namespace postern::auth {

struct CheckpasswordOptions {
  // The path of the program, and its arguments, which are the program that it
  // runs if the password is right. There must be at least one, because its exit
  // code becomes that of the checker.
  std::vector<std::string> command;

  // The order of the last two fields for CRAM-MD5. Programs exist for both
  // orders, and cannot be asked which one they use. With the wrong order each
  // attempt fails.
  enum class CramMd5 : uint8_t {
    kNone,               // not offered: the program does not support CRAM-MD5
    kChallengeResponse,  // cmd5checkpw to 0.2x, cmd5apoppw
    kResponseChallenge,  // cmd5checkpw 0.30, vchkpw, qmail-authuser
  };
  CramMd5 cram_md5 = CramMd5::kNone;

  // See PasswordExchangeOptions (auth/password_exchange.h).
  std::string host;
  bool ignore_authorization_identity = false;

  // The program is killed after this time.
  absl::Duration timeout = absl::Seconds(60);
  // The environment of the program, before SessionVariables():
  // system::ServiceVariables() or system::UcspiVariables().
  system::Variables environment;
  log::Report report;
};

// Runs the program once for each attempt. The program reads
//
//   user NUL password NUL NUL        or, for CRAM-MD5,
//   user NUL challenge NUL response NUL
//
// from descriptor 3, and runs its arguments if the password is right.
// kCheckerExits (auth/checker_process.h) lists its exit codes. After exit code
// 0 the identity is the user's name as sent.
//
// The result is WrongCredentials() if the fields have more than 512 octets,
// because programs may not read more. It is Outage(), and the reason is
// reported, after an outage and after a timeout, because an outage must not
// look like a wrong password. The same applies to a program that exits with 0
// without reading the password: see AskChecker().
//
// The environment of the program describes the session. Its descriptors 0 and 1
// are /dev/null, and descriptor 2 is the standard error of this process.
// Thread-safe.
class Checkpassword : public PasswordChecker {
 public:
  explicit Checkpassword(CheckpasswordOptions options);

  AuthAnswer Check(const PasswordCredentials& credentials,
                   const SessionInfo& session) override;

 private:
  const CheckpasswordOptions options_;
};

// Offers PLAIN and LOGIN, and before them CRAM-MD5 if the program supports it.
class CheckpasswordBackend : public Backend {
 public:
  explicit CheckpasswordBackend(const CheckpasswordOptions& options);

  std::vector<Mechanism> mechanisms() const override;
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

 private:
  const bool cram_md5_;
  const PasswordExchangeOptions exchange_;
  Checkpassword checker_;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CHECKPASSWORD_H_
