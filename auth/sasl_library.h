// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Cyrus SASL, which a process has once: its plug-ins and its configuration.

#ifndef POSTERN_AUTH_SASL_LIBRARY_H_
#define POSTERN_AUTH_SASL_LIBRARY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/backend.h"
#include "log/report.h"

namespace postern::auth {

// A mechanism that is installed.
struct SaslMechanism : Mechanism {
  bool server_first = false;  // has no use for an initial response
  int hash_bits = 0;          // of the hash that it is built on; 0: not said
};

// Thread-safe, and never ended: what ends the library unloads plug-ins that
// other threads may be in, and nothing else in the process could use it again.
class SaslLibrary {
 public:
  // Starts the library for the application "postern", so that its options come
  // from DIR/postern.conf; with an empty `config_dir` from the first that there
  // is of /etc/sasl2/postern.conf, /etc/sasl/postern.conf and those of the
  // plug-ins' folders, and if there is none, all have their defaults. Once it
  // is started it is returned as it is: neither file nor plug-ins are read
  // again. `report` hears, before this returns, what was odd.
  //
  // Fails with
  //   InvalidArgument     for a `config_dir` with a ':', which is a list to the
  //                       library, and for a file that it cannot read as one;
  //   that of the errno   for a file that cannot be opened;
  //   FailedPrecondition  if it was started with another `config_dir`;
  //   Internal            where it does not start.
  static absl::StatusOr<const SaslLibrary*> Start(const std::string& config_dir,
                                                  const log::Report& report);

  // Every mechanism that is installed, in no order.
  const std::vector<SaslMechanism>& mechanisms() const { return mechanisms_; }

  // Returns OK, unless users are looked for in a file (sasldb_path) alone, and
  // that is not there: the library then says of each that there is no such
  // user. May wait for the disk.
  absl::Status CheckUserFile() const;
  // The same for the start of a server, as the user that it serves as. An error
  // too if this process may not read the file, or everyone may: it holds
  // passwords in the clear (CheckPrivate()). OK where postern.conf has
  // passwords checked elsewhere (pwcheck_method) and names no auxprop_plugin:
  // then the file may not be there on purpose.
  absl::Status CheckUserFileAtStart() const;

 private:
  SaslLibrary() = default;
  absl::Status Init(const std::string& config_dir);

  std::vector<SaslMechanism> mechanisms_;
  std::string user_file_;  // empty: users may be elsewhere
  bool wants_user_file_ = false;
};

// Hears what the library logs on this thread while this is there. One at a time
// on a thread. What is logged while there is none is lost, and none of the
// traces, which may hold passwords, is ever heard.
class SaslLog {
 public:
  SaslLog();
  ~SaslLog();
  SaslLog(const SaslLog&) = delete;
  SaslLog& operator=(const SaslLog&) = delete;

  // What was logged, each thing once, with "; " between: printable, with the
  // rest and quotes escaped as in C. No more than 600 octets and what escapes
  // add to them. Names that the client has sent may be in it.
  const std::string& text() const { return text_; }
  // Whether any of it was an error or a warning, and not the client's failure.
  bool has_errors() const { return has_errors_; }

  // For the library's callback.
  void Add(int level, absl::string_view message);

 private:
  std::string text_;
  bool has_errors_ = false;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_LIBRARY_H_
