// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// All of qmail-smtpd's control files, read at one time. A session uses one
// state of the files and never a part of a change.

#ifndef POSTERN_POLICY_CONTROL_CONTROLS_H_
#define POSTERN_POLICY_CONTROL_CONTROLS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/control/alias_list.h"
#include "policy/control/bad_list.h"
#include "policy/control/host_list.h"
#include "policy/control/pattern_list.h"
#include "policy/control/sender_list.h"

namespace postern::policy {

struct ControlOptions {
  std::string directory = "/var/qmail/control";

  // Whether a missing rcpthosts means, as in qmail, that every client may send
  // to every recipient. This changes only the meaning of a missing file: a list
  // that exists is used, and a list that cannot be read is an error.
  bool open_relay = false;

  // Whether to read senders and senders.cdb.
  bool senders = false;

  // Whether to read aliases and aliases.cdb: the delivery has a mailbox for
  // each recipient.
  bool aliases = false;
  // For `aliases`: see AliasList::Options.
  std::string extension_separators;

  // The default of Controls::databytes, if the file databytes is missing or has
  // no number.
  uint64_t databytes = 0;

  // The value of the environment variable DATABYTES, if it is set. It overrides
  // the file. A value without a number means no limit, as in qmail.
  std::optional<std::string> databytes_env;
};

// Thread-safety: immutable once shared.
struct Controls {
  std::string me;        // empty if the file is missing
  std::string greeting;  // smtpgreeting, or me; greetings begin with it
  // The domain that replaces an address literal of this host: localiphost, or
  // me. nullopt if both are missing or the value is not a domain name.
  std::optional<std::string> localiphost;
  absl::Duration timeout = absl::Seconds(1200);  // timeoutsmtpd; at least 1 s
  uint64_t databytes = 0;                        // 0: no limit

  HostList rcpthosts;  // and morercpthosts.cdb
  // Whether rcpthosts is missing and ControlOptions::open_relay is set.
  bool open_relay = false;
  BadList badmailfrom;         // senders
  BadList badrcptto;           // recipients
  PatternList badhelo;         // the names in HELO and EHLO
  PatternList badhelonorelay;  // the same, not for clients that may relay
  // With senders.cdb. nullopt: users may use every sender.
  std::optional<SenderList> senders;
  // With aliases.cdb. nullopt without ControlOptions::aliases.
  std::optional<AliasList> aliases;

  // Warnings about probable mistakes; see control_file.h.
  std::vector<std::string> warnings;
};

// Reads the control files in `options.directory`. Returns an error that names
// the file, and how to correct it where that helps, if
//   - a file exists and cannot be read, or a database is damaged,
//   - a file of patterns has an invalid line,
//   - both me and smtpgreeting are missing (kNotFound),
//   - rcpthosts is missing and `options.open_relay` is false (kNotFound),
//   - senders is missing and `options.senders` is true (kNotFound), or
//   - aliases has a mistake, see AliasList::Make() (kInvalidArgument).
// morercpthosts.cdb is read only if rcpthosts exists, as in qmail, and
// senders.cdb only if senders is read. aliases and aliases.cdb may both be
// missing.
absl::StatusOr<Controls> ReadControls(const ControlOptions& options);
// Does the same, but adds all errors to `errors`, at most kMaxErrors for a
// file, and returns the rest of the controls. They must not be served with if
// there is an error.
Controls ReadControls(const ControlOptions& options,
                      std::vector<absl::Status>* errors);

// Returns warnings about the keys of morercpthosts.cdb and the records of
// senders.cdb, and about read errors. Checks at most kMaxCheckedRecords records
// of each. For a server that starts once: it takes too long for a program that
// serves one client.
std::vector<std::string> CheckDatabases(const Controls& controls);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_CONTROLS_H_
