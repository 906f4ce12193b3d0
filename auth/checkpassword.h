// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A program that knows passwords, by the interface of checkpassword.

#ifndef POSTERN_AUTH_CHECKPASSWORD_H_
#define POSTERN_AUTH_CHECKPASSWORD_H_

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
  // The program, by its path, and its arguments: what it runs when the password
  // is right. At least one: whose exit code would tell else?
  std::vector<std::string> command;

  // CRAM-MD5's two last fields. There are programs for each order, and none of
  // them says so: with the wrong one every login fails.
  enum class CramMd5 : uint8_t {
    kNone,               // not offered: the program knows no CRAM-MD5
    kChallengeResponse,  // cmd5checkpw to 0.2x, cmd5apoppw
    kResponseChallenge,  // cmd5checkpw 0.30, vchkpw, qmail-authuser
  };
  CramMd5 cram_md5 = CramMd5::kNone;

  // See PasswordExchangeOptions (auth/password_exchange.h).
  std::string host;
  bool ignore_authorization_identity = false;

  // How long the program may take before it is killed.
  absl::Duration timeout = absl::Seconds(60);
  // What the program finds in its environment before SessionVariables():
  // system::ServiceVariables() or system::UcspiVariables().
  system::Variables environment;
  log::Report report;
};

// Runs the program for each login: it reads
//
//   user NUL password NUL NUL        or, for CRAM-MD5,
//   user NUL challenge NUL response NUL
//
// from descriptor 3, and runs its arguments if the password is right.
// kCheckerExits (auth/checker_process.h) says what its exit codes mean; after a
// yes the user's name is the identity. An outage, and no end in time, are
// CannotTell() and reported: to the client's user an outage must not look like
// a wrong password. More than 512 octets, which programs may not read, is a no.
//
// A program that says yes and has not read the password knows nothing of it:
// it is /bin/true, or some other mistake, and would make an open relay. That is
// CannotTell(), and reported.
//
// The program finds the session in its environment, /dev/null at descriptors 0
// and 1, and our standard error at 2. Thread-safe.
class Checkpassword : public PasswordChecker {
 public:
  explicit Checkpassword(CheckpasswordOptions options);

  AuthMove Check(const Proof& proof, const SessionInfo& session) override;

 private:
  const CheckpasswordOptions options_;
};

// Offers PLAIN and LOGIN, and CRAM-MD5 first where the program knows it.
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
