// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/controls.h"

#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "files/cdb.h"
#include "policy/control/bad_mail_from.h"
#include "policy/control/control_file.h"

namespace postern::policy {
namespace {

// The largest value of timeoutsmtpd in seconds: 68 years, without overflow.
constexpr uint64_t kLongestTimeout = std::numeric_limits<int32_t>::max();

// Reads control files of one directory into a Controls, with warnings and
// errors.
class ControlReader {
 public:
  ControlReader(const ControlOptions& options, Controls* controls,
                std::vector<absl::Status>* errors)
      : options_(options), controls_(*controls), errors_(*errors) {}

  void ReadNames() {
    const auto me = ReadControlValue(Path("me"), &controls_.warnings);
    const auto greeting =
        ReadControlValue(Path("smtpgreeting"), &controls_.warnings);
    const auto localiphost =
        ReadControlValue(Path("localiphost"), &controls_.warnings);
    for (const auto* value : {&me, &greeting, &localiphost}) {
      if (!value->ok()) errors_.push_back(value->status());
    }
    if (!me.ok() || !greeting.ok() || !localiphost.ok()) return;
    if (!*me && !*greeting) {
      errors_.push_back(absl::NotFoundError(absl::StrCat(
          Path("me"), ": no such file; write this host's name", " into it")));
    }
    controls_.me = me->value_or("");
    controls_.greeting = greeting->value_or(controls_.me);
    if (*localiphost) {
      SetLocalIpHost(Path("localiphost"), **localiphost);
    } else if (*me) {
      SetLocalIpHost(Path("me"), **me);
    }
  }

  void ReadTimeout() {
    const auto missing =
        static_cast<uint64_t>(absl::ToInt64Seconds(controls_.timeout));
    const auto seconds =
        ReadControlNumber(Path("timeoutsmtpd"), missing, &controls_.warnings);
    if (!seconds.ok()) return errors_.push_back(seconds.status());
    controls_.timeout =
        absl::Seconds(std::clamp<uint64_t>(*seconds, 1, kLongestTimeout));
  }

  void ReadRcptHosts() {
    const std::string path = Path("rcpthosts");
    auto lines = ReadControlList(path, &controls_.warnings);
    if (!lines.ok()) return errors_.push_back(lines.status());
    if (!*lines) return AllowMissing(path);
    if (options_.open_relay) {
      controls_.warnings.push_back(absl::StrCat(
          path, ": the file exists, so --open-relay has no effect."));
    }
    for (std::string& warning : CheckHostLines(path, **lines)) {
      controls_.warnings.push_back(std::move(warning));
    }
    auto more = OpenDatabase("morercpthosts.cdb");
    if (!more.ok()) return errors_.push_back(more.status());
    CheckMoreRcptHosts(more->has_value());
    controls_.rcpthosts =
        HostList(LineSet(path, **std::move(lines)), *std::move(more));
    knows_hosts_ = true;
  }

  void ReadSenders() {
    const std::string path = Path("senders");
    if (!options_.senders) {
      if (TimeOf(path)) {
        controls_.warnings.push_back(
            absl::StrCat(path, ": no effect without --senders."));
      }
      return;
    }
    const auto lines = ReadControlList(path, &controls_.warnings);
    if (!lines.ok()) return errors_.push_back(lines.status());
    if (!*lines) {
      return errors_.push_back(absl::NotFoundError(absl::StrCat(
          path, ": no such file; list in it what addresses users may send",
          " from, or leave --senders out")));
    }
    for (std::string& warning : CheckSenderLines(path, **lines)) {
      controls_.warnings.push_back(std::move(warning));
    }
    auto more = OpenDatabase("senders.cdb");
    if (!more.ok()) return errors_.push_back(more.status());
    controls_.senders.emplace(**lines, *std::move(more));
  }

  // After ReadNames() and ReadRcptHosts(): each target must be local.
  void ReadAliases() {
    const std::string path = Path("aliases");
    if (!options_.aliases) {
      if (TimeOf(path)) {
        controls_.warnings.push_back(absl::StrCat(
            path, ": no effect without --deliver maildir:DIR with %u or %d in ",
            "DIR."));
      }
      if (!options_.extension_separators.empty()) {
        controls_.warnings.push_back(
            "--extension-separators: no effect without --deliver maildir:DIR "
            "with %u or %d in DIR.");
      }
      return;
    }
    const auto lines = ReadControlList(path, &controls_.warnings);
    if (!lines.ok()) return errors_.push_back(lines.status());
    auto more = OpenDatabase("aliases.cdb");
    if (!more.ok()) return errors_.push_back(more.status());
    // Otherwise no target would be local.
    if (!knows_hosts_) return;
    controls_.aliases = AliasList::Make(
        path, lines->value_or(std::vector<Line>()), *std::move(more),
        controls_.rcpthosts,
        {.separators = options_.extension_separators, .domain = controls_.me},
        &controls_.warnings, &errors_);
  }

  // Reads badmailfrom or badrcptto, and the patterns that belong to it.
  void ReadBadList(absl::string_view name, BadList* list) {
    const std::string path = Path(name);
    auto lines = ReadControlList(path, &controls_.warnings);
    if (!lines.ok()) {
      errors_.push_back(lines.status());
    } else if (*lines) {
      for (std::string& warning : CheckBadAddressLines(path, **lines)) {
        controls_.warnings.push_back(std::move(warning));
      }
      list->lines = LineSet(path, **std::move(lines));
    }
    ReadPatterns(absl::StrCat(name, "patterns"), &list->patterns);
    ReadPatterns(absl::StrCat(name, "norelay"), &list->no_relay);
  }

  void ReadPatterns(absl::string_view name, PatternList* list) {
    const std::string path = Path(name);
    const auto lines = ReadControlList(path, &controls_.warnings);
    if (!lines.ok()) return errors_.push_back(lines.status());
    if (*lines) *list = PatternList::Make(path, **lines, &errors_);
  }

  void ReadDataBytes() {
    const auto bytes = ReadControlNumber(Path("databytes"), options_.databytes,
                                         &controls_.warnings);
    if (!bytes.ok()) return errors_.push_back(bytes.status());
    controls_.databytes = *bytes;
    if (!options_.databytes_env) return;
    // If the variable is set, it overrides the file, even without a number.
    absl::string_view rest = *options_.databytes_env;
    const std::optional<uint64_t> number = TakeNumber(&rest);
    controls_.databytes = number.value_or(0);
    if (!number) {
      controls_.warnings.push_back(
          "The environment's DATABYTES does not begin with a digit: messages "
          "have no size limit.");
    } else if (!rest.empty()) {
      controls_.warnings.push_back(
          absl::StrCat("The text after the number ", *number,
                       " in the environment's DATABYTES is ignored."));
    }
  }

 private:
  std::string Path(absl::string_view name) const {
    return absl::StrCat(options_.directory, "/", name);
  }

  // Returns the time of the last change of the file `path`, or nullopt if there
  // is no such file.
  static std::optional<absl::Time> TimeOf(const std::string& path) {
    struct stat facts;
    if (stat(path.c_str(), &facts) != 0) return std::nullopt;
    return absl::TimeFromTimespec(facts.st_mtim);
  }

  // The text file has no effect. qmail-newmrh makes the database from it.
  void CheckMoreRcptHosts(bool database) {
    const std::string path = Path("morercpthosts");
    const std::optional<absl::Time> text = TimeOf(path);
    if (!text) return;
    if (!database) {
      controls_.warnings.push_back(
          absl::StrCat(path, ": no effect, because there is no ", path,
                       ".cdb (qmail-newmrh ", "makes it)."));
    } else if (TimeOf(absl::StrCat(path, ".cdb")) < text) {
      controls_.warnings.push_back(
          absl::StrCat(path, ": newer than ", path, ".cdb, which is the file ",
                       "that is read (run qmail-newmrh)."));
    }
  }

  // Opens the database `name`. Returns nullopt if it is missing.
  absl::StatusOr<std::optional<files::Cdb>> OpenDatabase(
      absl::string_view name) const {
    absl::StatusOr<files::Cdb> opened = files::Cdb::Open(Path(name));
    std::optional<files::Cdb> database;
    if (opened.ok()) {
      database.emplace(*std::move(opened));
    } else if (!absl::IsNotFound(opened.status())) {
      return opened.status();
    }
    return database;
  }

  // Uses `name`, the value of the file `path`, if an address can end in it.
  // Otherwise no address literal is replaced: with an empty name, u@[127.0.0.1]
  // would become u, a local name that needs no list. With a '@' in the name,
  // the address would belong to another host.
  void SetLocalIpHost(absl::string_view path, const std::string& name) {
    const bool usable =
        !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
          return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
        });
    if (usable) {
      controls_.localiphost = name;
      return;
    }
    controls_.warnings.push_back(
        FormatWarning(path, 1,
                      "the value is not a domain name: address literals of "
                      "this host are not replaced"));
  }

  void AllowMissing(absl::string_view rcpthosts) {
    if (!options_.open_relay) {
      return errors_.push_back(absl::NotFoundError(absl::StrCat(
          rcpthosts, ": no such file; list in it the domains to accept mail",
          " for, or use --open-relay to accept mail for all domains")));
    }
    knows_hosts_ = true;
    controls_.open_relay = true;
    controls_.warnings.push_back(absl::StrCat(
        rcpthosts, ": no such file, and --open-relay is given: mail is",
        " accepted from every client to anywhere."));
  }

  const ControlOptions& options_;
  Controls& controls_;
  std::vector<absl::Status>& errors_;
  bool knows_hosts_ = false;  // rcpthosts could be read
};

}  // namespace

std::vector<std::string> CheckDatabases(const Controls& controls) {
  std::vector<std::string> warnings;
  // A read error concerns only the recipients and users that are looked up in
  // the database, so it does not stop the server.
  const auto add =
      [&warnings](const absl::StatusOr<std::vector<std::string>>& found) {
        if (found.ok()) {
          warnings.insert(warnings.end(), found->begin(), found->end());
        } else {
          warnings.emplace_back(found.status().message());
        }
      };
  const auto& hosts = controls.rcpthosts.database();
  if (hosts) add(CheckHostKeys(*hosts));
  if (controls.senders && controls.senders->database()) {
    add(CheckSenderRecords(*controls.senders->database()));
  }
  return warnings;
}

absl::StatusOr<Controls> ReadControls(const ControlOptions& options) {
  std::vector<absl::Status> errors;
  Controls controls = ReadControls(options, &errors);
  if (!errors.empty()) return errors[0];
  return controls;
}

Controls ReadControls(const ControlOptions& options,
                      std::vector<absl::Status>* errors) {
  Controls controls;
  ControlReader reader(options, &controls, errors);
  reader.ReadNames();
  reader.ReadTimeout();
  reader.ReadRcptHosts();
  reader.ReadBadList("badmailfrom", &controls.badmailfrom);
  reader.ReadBadList("badrcptto", &controls.badrcptto);
  reader.ReadPatterns("badhelo", &controls.badhelo);
  reader.ReadPatterns("badhelonorelay", &controls.badhelonorelay);
  reader.ReadSenders();
  reader.ReadAliases();
  reader.ReadDataBytes();
  return controls;
}

}  // namespace postern::policy
