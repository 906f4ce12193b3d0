// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Everything that qmail-smtpd reads from its control folder, read at once:
// a session sees one state of the files and never half of a change.

#ifndef POSTERN_POLICY_CONTROL_CONTROLS_H_
#define POSTERN_POLICY_CONTROL_CONTROLS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/control/host_list.h"
#include "policy/control/line_set.h"
#include "policy/control/sender_list.h"

namespace postern::policy {

struct ControlOptions {
  std::string directory = "/var/qmail/control";

  // Whether a missing rcpthosts means, as in qmail, that anyone may send
  // anywhere. It permits the absence and nothing else: a list that exists is
  // obeyed, and one that cannot be read is an error.
  bool open_relay = false;

  // Whether to read senders and senders.cdb.
  bool senders = false;

  // Controls::databytes where neither the file nor the variable has a number.
  uint64_t databytes = 0;

  // The value of the environment variable DATABYTES, if it is set.
  std::optional<std::string> databytes_env;
};

// Thread-safety: immutable once shared.
struct Controls {
  std::string me;        // empty: no such file
  std::string greeting;  // smtpgreeting, or me; replies begin with it
  // What stands for an address literal that is ours: localiphost, or me. None
  // where that is missing or no domain name.
  std::optional<std::string> localiphost;
  absl::Duration timeout = absl::Seconds(1200);  // timeoutsmtpd; at least 1 s
  uint64_t databytes = 0;                        // 0: no limit

  HostList rcpthosts;  // with morercpthosts.cdb
  // rcpthosts is missing and ControlOptions::open_relay was set.
  bool open_relay = false;
  LineSet badmailfrom;
  // With senders.cdb. None: users may send as anyone.
  std::optional<SenderList> senders;

  // About what the operator hardly meant; see control_file.h.
  std::vector<std::string> warnings;
};

// Reads the control files in `options.directory`. Returns an error, which
// names the file and where it helps the remedy, if
//   - a file exists and cannot be read, or a database is damaged,
//   - both me and smtpgreeting are missing (kNotFound),
//   - rcpthosts is missing and `options.open_relay` false (kNotFound), or
//   - senders is missing and `options.senders` true (kNotFound).
// morercpthosts.cdb counts only where rcpthosts exists, as in qmail, and
// senders.cdb where senders does.
absl::StatusOr<Controls> ReadControls(const ControlOptions& options);

// Returns warnings about the keys of morercpthosts.cdb and the records of
// senders.cdb; what cannot be read is one, too. Looks at kMaxCheckedRecords of
// each at most: for a server that starts once. A program that serves one client
// has no time for it.
std::vector<std::string> CheckDatabases(const Controls& controls);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_CONTROLS_H_
