// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads the files of inetd and xinetd.

#ifndef POSTERN_PROGRAMS_MIGRATE_SUPER_SERVER_H_
#define POSTERN_PROGRAMS_MIGRATE_SUPER_SERVER_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "programs/migrate/run_script.h"

namespace postern::programs::migrate {

// A line of a service of xinetd.
struct XinetdSetting {
  std::string key;
  std::string sign;  // "=", "+=" or "-="
  Word value;
  bool inherited = false;  // from the defaults of /etc/xinetd.conf
};

// One service of xinetd, or one line of inetd.
struct SuperService {
  bool xinetd = false;
  Place place;
  std::string name;       // "smtp", or a port
  std::string head;       // inetd: the fields before the program
  ServerCommand command;  // the program and its arguments
  // xinetd: the other settings, in the order of the file, after the defaults.
  std::vector<XinetdSetting> settings;
  bool knows_defaults = true;
};

struct SuperServerFile {
  std::vector<SuperService> services;
  std::vector<Note> notes;  // lines that are not understood
  // xinetd: nullopt if the file has none.
  std::optional<std::vector<XinetdSetting>> defaults;
};

// Returns whether `text` looks like a file of xinetd, with "service NAME".
bool IsXinetd(absl::string_view text);
// Returns whether the first line of `text` with content looks like a line of
// inetd: seven fields, of which the second is a type of socket.
bool IsInetd(absl::string_view text);

SuperServerFile ReadXinetd(absl::string_view name, absl::string_view text);
SuperServerFile ReadInetd(absl::string_view name, absl::string_view text);

// Puts `defaults` before the settings of `service`, which replace them.
void AddDefaults(const std::vector<XinetdSetting>& defaults,
                 SuperService* service);

}  // namespace postern::programs::migrate

#endif  // POSTERN_PROGRAMS_MIGRATE_SUPER_SERVER_H_
