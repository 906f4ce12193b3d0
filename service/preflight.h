// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Tests what a server needs while it serves, before it serves: the programs
// that it runs, its mailboxes, and the rules for its clients. Without these
// tests, clients would be the first to find a mistake.
//
// Each function tests as the user of this process, changes nothing, blocks on
// the disk, and asks no other host.

#ifndef POSTERN_SERVICE_PREFLIGHT_H_
#define POSTERN_SERVICE_PREFLIGHT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "service/finding.h"
#include "service/mail_options.h"

namespace postern::service {

// Adds a finding of `severity` if this process cannot run the program `path`:
// it does not exist, is not a file, is not executable, or is a script whose
// interpreter cannot be run. `option` names the program.
void CheckProgram(absl::string_view option, const std::string& path,
                  Finding::Severity severity, Findings* findings);

// Tests all programs that the options name: those of --auth and of checks.
void CheckPrograms(const MailOptions& options, Findings* findings);

// Tests each destination: the queue program, or the directory of the Maildirs
// and at most kMaxCheckedMaildirs of them. `host` is control/me.
// MakeDestination() returns the mistakes of the option itself.
void CheckDelivery(const MailOptions& options, absl::string_view host,
                   Findings* findings);
inline constexpr size_t kMaxCheckedMaildirs = 1000;

// Tests the database of tcpserver's rules: see TcpRules::Check(). Also tests
// the programs that rules name, and whether the database is made from the text
// next to it. If `optional`, the file may be missing.
void CheckRules(const std::string& path, bool optional, bool host_names,
                Findings* findings);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_PREFLIGHT_H_
