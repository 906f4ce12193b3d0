// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/preflight.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "delivery/file_system.h"
#include "delivery/maildir_directory.h"
#include "delivery/maildir_location.h"
#include "engine/grammar/path.h"
#include "policy/check_list.h"
#include "policy/control/control_file.h"
#include "policy/rules/rule_source.h"
#include "policy/rules/tcp_rules.h"
#include "service/auth_options.h"
#include "service/destination.h"
#include "system/descriptor.h"

namespace postern::service {
namespace {

using Severity = Finding::Severity;

// Returns whether this process, with its effective user, may use `path` for
// `mode`; otherwise errno says why not.
bool May(const std::string& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

// Returns the interpreter that the first line of a script names, or "" if the
// file is not a script.
std::string Interpreter(const std::string& path) {
  const system::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> room;  // the kernel reads as much
  const ssize_t size =
      file.is_open() ? read(file.get(), room.data(), room.size()) : -1;
  if (size < 0) return "";
  absl::string_view line(room.data(), static_cast<size_t>(size));
  if (!absl::ConsumePrefix(&line, "#!")) return "";
  while (absl::ConsumePrefix(&line, " ") || absl::ConsumePrefix(&line, "\t")) {
  }
  return std::string(line.substr(0, line.find_first_of(" \t\n")));
}

// Returns why `path` cannot be run, or "".
std::string WhyNotRun(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0) return strerror(errno);
  if (!S_ISREG(facts.st_mode)) return "it is not a file";
  if (!May(path, X_OK)) return strerror(errno);
  const std::string interpreter = Interpreter(path);
  if (interpreter.empty() || May(interpreter, X_OK)) return "";
  return absl::StrCat("its interpreter ", interpreter, ": ", strerror(errno));
}

// Adds an error if this process cannot store messages in the Maildir `path`,
// or a warning if other Maildirs may work. `place` names the option.
void CheckMaildir(const std::string& place, const std::string& path,
                  Severity severity, Findings* findings) {
  delivery::MaildirDirectory maildir(delivery::PosixFileSystem());
  const int error = maildir.Open(path);
  if (error != 0) {
    findings->Add(
        {severity, place,
         absl::StrCat("maildir ", path, ": ", strerror(-error)),
         error == -ENOENT
             ? absl::StrCat("make it with maildirmake ", path)
             : "the user that the server runs as must own the Maildir"});
    return;
  }
  for (const char* name : {"tmp", "new"}) {
    const std::string directory = absl::StrCat(path, "/", name);
    if (May(directory, W_OK | X_OK)) continue;
    findings->Add({severity, place,
                   absl::StrCat("maildir ", directory, ": ", strerror(errno)),
                   "the user that the server runs as must own the Maildir"});
    return;
  }
}

// Tests the Maildirs that the directory `store` contains.
void CheckStore(const std::string& place,
                const delivery::MaildirLocation& location, Findings* findings) {
  const std::string& store = location.store();
  const auto wrong = [&](Severity severity, absl::string_view why,
                         absl::string_view fix) {
    findings->Add(
        {severity, place,
         absl::StrCat("the directory of the Maildirs, ", store, ": ", why),
         std::string(fix)});
  };
  const auto close = [](DIR* directory) { (void)closedir(directory); };
  const std::unique_ptr<DIR, decltype(close)> directory(opendir(store.c_str()),
                                                        close);
  // To find a Maildir by its name, the server only needs to enter the
  // directory.
  const bool unlisted = directory == nullptr && errno == EACCES;
  if (unlisted && May(store, X_OK)) return;
  if (directory == nullptr || !May(store, X_OK)) {
    const int error = errno;
    return wrong(Severity::kError, strerror(error),
                 error == ENOENT ? "make it, or mount its file system"
                                 : "the user that the server runs as must be "
                                   "able to enter it");
  }
  size_t seen = 0;
  while (const dirent* const entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++seen > kMaxCheckedMaildirs) break;
    // The name is a local part or a domain, or both. If it is something else,
    // there is no Maildir at this path.
    const std::optional<std::string> path = location.For({name, name});
    struct stat facts = {};
    if (!path || stat(absl::StrCat(*path, "/new").c_str(), &facts) != 0) {
      continue;
    }
    CheckMaildir(place, *path, Severity::kWarning, findings);
  }
  if (seen == 0) {
    wrong(Severity::kWarning,
          "it is empty, so every recipient is refused temporarily (451)",
          "make the Maildirs, or mount its file system");
  }
}

// Adds findings about the program that a variable of rules names.
void CheckRuleProgram(const std::string& rules, absl::string_view key,
                      absl::string_view name, const std::string& value,
                      Findings* findings) {
  // A relative QMAILQUEUE depends on the control directory. RCPTCHECK must be
  // absolute.
  if (!absl::StartsWith(value, "/")) return;
  const std::string why = WhyNotRun(value);
  if (why.empty()) return;
  findings->Add({Severity::kFault, rules,
                 absl::StrCat("rule ", key, ": the program of ", name, ", ",
                              value, ": ", why),
                 "install it, or change the rule"});
}

// Compares the database of rules with the text from which it is probably made.
void CompareWithText(const policy::TcpRules& rules, Findings* findings) {
  const policy::RuleSource source = policy::RuleSource::Read(rules);
  const std::string again = absl::StrCat(
      "make the database again with postern rules compile ", source.text());
  findings->AddWarnings(source.text_warnings());
  switch (source.state()) {
    case policy::RuleSource::State::kNoText:
    case policy::RuleSource::State::kUnreadable:  // a text is not needed
    case policy::RuleSource::State::kSame:
      return;
    case policy::RuleSource::State::kInvalid:
      return findings->AddWarning(
          absl::StrCat(source.error(), "; correct the line, and ", again));
    case policy::RuleSource::State::kDiffers:
      return findings->Add(
          {Severity::kWarning, source.text(),
           absl::StrCat("its rules differ from those of ", rules.path(),
                        ", which is the file that is read"),
           again});
  }
}

}  // namespace

void CheckProgram(absl::string_view option, const std::string& path,
                  Severity severity, Findings* findings) {
  const std::string why = WhyNotRun(path);
  if (why.empty()) return;
  findings->Add({severity, std::string(option), absl::StrCat(path, ": ", why),
                 "install the program, or name another one"});
}

void CheckPrograms(const MailOptions& options, Findings* findings) {
  for (const AuthSpec& spec : options.auth.specs) {
    if (spec.command.empty()) continue;
    CheckProgram("--auth", spec.command[0], Severity::kError, findings);
    // The checker runs it after a correct password.
    if (spec.kind == AuthSpec::Kind::kCheckpassword &&
        spec.command.size() > 1 && absl::StartsWith(spec.command[1], "/")) {
      // Only a program can be the only argument. Among more arguments, it may
      // be a file for the checker.
      CheckProgram(
          "--auth", spec.command[1],
          spec.command.size() > 2 ? Severity::kWarning : Severity::kError,
          findings);
    }
  }
  for (const policy::CheckEntry& check : policy::CheckList()) {
    if (!check.row.runs_program) continue;
    const auto given =
        options.check_options.find(std::string(check.row.option));
    if (given == options.check_options.end()) continue;
    for (const std::string& program : given->second) {
      CheckProgram(absl::StrCat("--", check.row.option), program,
                   Severity::kError, findings);
    }
  }
}

void CheckDelivery(const MailOptions& options, absl::string_view host,
                   Findings* findings) {
  for (const DestinationOption& destination : options.Destinations()) {
    const std::string place = destination.Place();
    absl::string_view value = destination.spec;
    const absl::string_view kind = value.substr(0, value.find(':'));
    const bool has_value = kind.size() < value.size();
    value.remove_prefix(has_value ? kind.size() + 1 : kind.size());
    if (kind == "qmail-queue") {
      CheckProgram(
          place,
          QueueProgram(has_value ? std::make_optional(value) : std::nullopt,
                       options.control),
          Severity::kError, findings);
    } else if (kind == "maildir" || kind == "catch-all") {
      const auto location = delivery::MaildirLocation::Parse(value, host);
      if (!location.ok()) continue;
      if (location->shared()) {
        CheckMaildir(place, *location->For({}), Severity::kError, findings);
      } else {
        CheckStore(place, *location, findings);
      }
    }
  }
}

void CheckRules(const std::string& path, bool optional, bool host_names,
                Findings* findings) {
  const auto rules = policy::TcpRules::Open(path);
  if (!rules.ok()) {
    const bool missing = absl::IsNotFound(rules.status());
    if (missing && optional) return;
    std::string text(rules.status().message());
    if (missing) {
      absl::StrAppend(&text,
                      "; make it with postern rules compile, or use "
                      "--rules-optional");
    }
    return findings->AddError(text);
  }
  const auto warnings = rules->Check(host_names);
  if (!warnings.ok()) return findings->AddError(warnings.status().message());
  findings->AddWarnings(*warnings);

  size_t records = 0;
  std::set<std::pair<std::string, std::string>> programs;  // that are tested
  const absl::Status read =
      rules->ForEach([&](absl::string_view key, absl::string_view record) {
        ++records;
        const auto match = policy::TcpRules::ParseRecord(record);
        if (match) {
          for (const auto& [name, value] : match->variables) {
            if ((name == "QMAILQUEUE" || name == "RCPTCHECK") &&
                programs.emplace(name, value).second) {
              CheckRuleProgram(path, key, name, value, findings);
            }
          }
        }
        return records <= policy::kMaxCheckedRecords;
      });
  if (!read.ok()) return findings->AddError(read.message());
  if (records <= policy::kMaxCheckedRecords) CompareWithText(*rules, findings);
}

}  // namespace postern::service
