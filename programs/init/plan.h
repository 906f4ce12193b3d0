// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The answers to the questions of postern init, and the files that follow from
// them.

#ifndef POSTERN_PROGRAMS_INIT_PLAN_H_
#define POSTERN_PROGRAMS_INIT_PLAN_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::programs {

struct InitAnswers {
  // Where the configuration is, and where Maildirs are, as the server sees it.
  std::string directory = "/etc/postern";
  std::string mail = "/var/mail";
  std::string state = "/var/lib/postern";  // see KeepsState()
  // Is put before all paths when files are read or written. Empty: nothing.
  std::string root;

  std::string host;  // of control/me
  // Of control/rcpthosts; at least one. Those after the first may begin with a
  // dot, for all subdomains.
  std::vector<std::string> domains;
  std::string deliver;    // a SPEC of --deliver; empty: Maildirs
  std::string smarthost;  // HOST or HOST:PORT; empty: none
  enum class Certificate { kNone, kFiles, kLetsEncrypt, kSelfSigned };
  Certificate certificate = Certificate::kNone;
  std::string certificate_file;       // of kFiles
  std::string key_file;               // of kFiles; empty: certificate_file
  std::string first_user;             // empty: no submission
  std::vector<std::string> networks;  // that may relay without AUTH
  // The user of the server. Empty: the one that starts it, as with User= of a
  // unit.
  std::string user;
  std::string smtp = "*:25";         // addresses; empty: no such listener
  std::string submission = "*:587";  // only with a first user
  std::string submissions = "*:465";
};

// A file that postern init makes.
struct InitFile {
  enum class Kind : uint8_t { kFile, kDirectory };
  // Whose it is. The system user of the server owns Maildirs. It reads keys as
  // their group, and cannot change them.
  enum class Owner : uint8_t { kCaller, kGroupOfServer, kServer };

  Kind kind = Kind::kFile;
  std::string path;  // without InitAnswers::root
  std::string content;
  mode_t mode = 0644;
  Owner owner = Owner::kCaller;
};

// Checks an answer. Each error begins with the name of the option.
absl::Status CheckHostName(absl::string_view option, absl::string_view name);

// Returns the address of the first user, or of the postmaster if there is no
// first user, in the form of AsciiAddress(): the one by which delivery finds
// the Maildir. A user name without a domain is in the first domain.
std::string FirstAddress(const InitAnswers& answers);

// Returns the directory of the Maildir of the first user, or of the postmaster
// if there is no first user. Empty if mail is not stored in Maildirs.
std::string FirstMaildir(const InitAnswers& answers);

// Returns whether only some recipients of a message may have got it, so that
// the server must remember which until the client's next attempt.
bool KeepsState(const InitAnswers& answers);

// Returns the path of the certificate and that of the key, or two empty ones.
std::string CertificatePath(const InitAnswers& answers);
std::string KeyPath(const InitAnswers& answers);

// Returns the files, in the order in which they are made: the configuration is
// the last one. Reads or makes the certificate. Errors name the option or the
// file.
absl::StatusOr<std::vector<InitFile>> PlanFiles(const InitAnswers& answers);

// Returns the drop-in with which postern.service may write to the Maildirs, and
// its directory. Empty if the unit itself permits it.
std::vector<InitFile> PlanDropIn(const InitAnswers& answers);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_INIT_PLAN_H_
