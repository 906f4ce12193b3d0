// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Cyrus SASL library, which a process can start once, with its plug-ins and
// its configuration.

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

// An installed mechanism.
struct SaslMechanism : Mechanism {
  bool server_first = false;  // does not accept an initial response
  int hash_bits = 0;          // size of the hash that it uses; 0 if unknown
};

// Thread-safe. The library is never shut down: that would unload plug-ins that
// other threads may be executing, and the process could not start it again.
class SaslLibrary {
 public:
  // Starts the library for the application "postern", so that it reads its
  // options from DIR/postern.conf. If `config_dir` is empty, it uses the first
  // of /etc/sasl2/postern.conf, /etc/sasl/postern.conf and the same name in the
  // directories of plug-ins. If none exists, all options have their defaults.
  // After the first call, returns the same object: neither file nor plug-ins
  // are read again. Calls `report` with the library's warnings before it
  // returns.
  //
  // Returns
  //
  //   InvalidArgument     if `config_dir` contains ':', which separates
  //                       directories for the library, or if the library
  //                       cannot parse the file
  //   that of the errno   if the file cannot be opened
  //   FailedPrecondition  if the library was started with another `config_dir`
  //   Internal            if the library does not start
  static absl::StatusOr<const SaslLibrary*> Start(const std::string& config_dir,
                                                  const log::Report& report);

  // All installed mechanisms, in no particular order.
  const std::vector<SaslMechanism>& mechanisms() const { return mechanisms_; }

  // Returns an error if users are kept only in a file (sasldb_path), and that
  // file is missing. The library would then report each user as unknown. May
  // block on the disk.
  absl::Status CheckUserFile() const;
  // A stricter check for the start of a server, as the user that the server
  // runs as. Also returns an error if this process cannot read the file, or if
  // other users can (CheckPrivate()), because it holds passwords in clear text.
  // Returns OK if postern.conf has passwords checked elsewhere (pwcheck_method)
  // and does not set auxprop_plugin. In that case the file may be missing on
  // purpose.
  absl::Status CheckUserFileAtStart() const;

 private:
  SaslLibrary() = default;
  absl::Status Init(const std::string& config_dir);

  std::vector<SaslMechanism> mechanisms_;
  std::string user_file_;  // empty if users may also be elsewhere
  bool wants_user_file_ = false;
};

// Collects what the library logs on this thread while the object exists. There
// may be one object per thread at a time. Messages that the library logs at
// other times are lost. Trace messages, which may hold passwords, are never
// collected.
class SaslLog {
 public:
  SaslLog();
  ~SaslLog();
  SaslLog(const SaslLog&) = delete;
  SaslLog& operator=(const SaslLog&) = delete;

  // The messages, each once, separated by "; ". Quotes and
  // characters that are not printable are escaped as in C. The text ends with
  // the first message that exceeds 300 octets in total, and each message is cut
  // to 300 octets before escaping. It may contain names that the client has
  // sent.
  const std::string& text() const { return text_; }
  // True if a message was an error or a warning, not only a failed attempt.
  bool has_errors() const { return has_errors_; }

  // Called by the library's callback.
  void Add(int level, absl::string_view message);

 private:
  std::string text_;
  bool has_errors_ = false;
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_LIBRARY_H_
