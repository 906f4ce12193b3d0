// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/migrate.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "files/content.h"
#include "files/paths.h"
#include "log/printable.h"
#include "nlohmann/json.hpp"
#include "programs/migrate/chain.h"
#include "programs/migrate/run_script.h"
#include "programs/migrate/setup.h"
#include "programs/migrate/site_files.h"
#include "programs/migrate/super_server.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {
namespace {

using migrate::Outcome;
using migrate::Row;
using migrate::Setup;

constexpr absl::string_view kProgram = "postern migrate";
constexpr int kUnsupportedExit = 1;
constexpr int kUsage = 100;  // from djb's tools
constexpr int kTemporary = 111;
constexpr size_t kMaxScript = size_t{1} << 20;
constexpr absl::string_view kSelf = "/proc/self/exe";

using OptionFrom = service::OptionRow::From;
constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    {"control", "DIR",
     "read the files of /var/qmail/control in DIR, for\n"
     "example a copy of the old server's",
     OptionFrom::kCommandLine},
    {"root", "DIR",
     "read all other files of the site below DIR, which\n"
     "is a copy of the old server's file system",
     OptionFrom::kCommandLine},
    {"bindir", "DIR",
     "the directory of postern and postern-smtpd; that of\n"
     "this program by default",
     OptionFrom::kCommandLine},
    {"format", "FORMAT [text]", "write text or json", OptionFrom::kCommandLine},
    {"server", "N", "the server that --only writes, if FILE starts several",
     OptionFrom::kCommandLine},
    {"only", "PART",
     "write one part of the text: smtpd, serve, config\n"
     "or table",
     OptionFrom::kCommandLine},
};

constexpr char kHead[] =
    "Usage: postern migrate [OPTION]... FILE\n"
    "\n"
    "Reads the run script of a qmail-smtpd, or its file for xinetd or inetd, "
    "with\n"
    "the control files. Writes set-ups of postern-smtpd and postern serve "
    "that\n"
    "replace it, and a table of what maps, differs and is not supported. "
    "Nothing is\n"
    "executed.\n"
    "\n";
constexpr char kFoot[] =
    "\n"
    "Exit code: 0 if nothing is unsupported, 1 if something is, 100 for wrong\n"
    "options, 111 if FILE cannot be read. See postern-migrate(7).\n";

// A server of the file, with its own rows and those of the file.
struct Migration {
  std::vector<Setup> setups;
  std::vector<Row> rows;  // of the whole file
};

std::vector<Row> NoteRows(const std::vector<migrate::Note>& notes) {
  std::vector<Row> rows;
  for (const migrate::Note& note : notes) {
    const bool guard = note.kind == migrate::Note::Kind::kGuard;
    const migrate::Mapping mapping = {
        guard ? Outcome::kMaps : Outcome::kUnsupported,
        guard ? note.why : absl::StrCat("not understood: ", note.why)};
    rows.push_back({note.place, note.text, mapping, mapping});
  }
  return rows;
}

// Adds a server. A command without qmail-smtpd has rows alone.
void AddSetup(Setup setup, Migration* migration) {
  if (setup.has_smtpd) {
    migration->setups.push_back(std::move(setup));
  } else {
    migration->rows.insert(migration->rows.end(), setup.rows.begin(),
                           setup.rows.end());
  }
}

// supervise, runsv and s6-supervise start a script with the name "run" in its
// own directory. docs/migrate.md gives its copies names such as run.2525.
std::string WorkingDirectory(absl::string_view file,
                             const migrate::SiteFiles& files) {
  const absl::string_view name = file.substr(file.rfind('/') + 1);
  return name == "run" || absl::StartsWith(name, "run.")
             ? files.DirectoryOnSite(file)
             : "";
}

// A file of /etc/xinetd.d has the defaults of /etc/xinetd.conf.
void ReadDefaults(const migrate::SiteFiles& files,
                  migrate::SuperServerFile* file) {
  constexpr absl::string_view kMain = "/etc/xinetd.conf";
  const absl::StatusOr<std::string> text = files.Read(kMain);
  std::vector<migrate::XinetdSetting> defaults;
  if (text.ok()) {
    defaults = migrate::ReadXinetd(kMain, *text)
                   .defaults.value_or(std::vector<migrate::XinetdSetting>());
  }
  for (migrate::XinetdSetting& each : defaults) each.inherited = true;
  for (migrate::SuperService& service : file->services) {
    service.knows_defaults = text.ok();
    migrate::AddDefaults(defaults, &service);
  }
}

Migration Read(absl::string_view name, absl::string_view text,
               const migrate::SiteFiles& files) {
  Migration migration;
  const bool xinetd = migrate::IsXinetd(text);
  if (xinetd || migrate::IsInetd(text)) {
    migrate::SuperServerFile file = xinetd ? migrate::ReadXinetd(name, text)
                                           : migrate::ReadInetd(name, text);
    migration.rows = NoteRows(file.notes);
    if (xinetd && !file.defaults) ReadDefaults(files, &file);
    for (const migrate::SuperService& service : file.services) {
      // Other services of the file are not about mail.
      if (std::none_of(service.command.words.begin(),
                       service.command.words.end(), [](const auto& word) {
                         return absl::EndsWith(word.text, "qmail-smtpd");
                       })) {
        continue;
      }
      AddSetup(migrate::MapServer(service.command, &service, files),
               &migration);
    }
    return migration;
  }
  const migrate::RunScript script =
      migrate::ReadRunScript(name, text, files, migrate::IsChainProgram,
                             WorkingDirectory(name, files));
  migration.rows = NoteRows(script.notes);
  for (const migrate::ServerCommand& command : script.servers) {
    AddSetup(migrate::MapServer(command, nullptr, files), &migration);
  }
  return migration;
}

bool IsSupported(const Migration& migration) {
  const auto supported = [](const Row& row) {
    return row.worst() != Outcome::kUnsupported;
  };
  return !migration.setups.empty() &&
         std::all_of(migration.rows.begin(), migration.rows.end(), supported) &&
         std::all_of(migration.setups.begin(), migration.setups.end(),
                     [&](const Setup& setup) {
                       return setup.unknown.empty() &&
                              setup.smtpd_lacks.empty() &&
                              std::all_of(setup.rows.begin(), setup.rows.end(),
                                          supported);
                     });
}

std::string Indent(absl::string_view text) {
  std::string out;
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (const absl::string_view line : lines) {
    absl::StrAppend(&out, line.empty() ? "" : "    ", line, "\n");
  }
  return out;
}

absl::string_view SmtpdTitle(Setup::Form form) {
  switch (form) {
    case Setup::Form::kRunScript:
      return "postern-smtpd, the run script:";
    case Setup::Form::kXinetd:
      return "postern-smtpd, the service of xinetd:";
    case Setup::Form::kInetd:
      return "postern-smtpd, the line of inetd:";
  }
  return "";
}

std::string FormatText(const Migration& migration, absl::string_view only) {
  std::string text;
  int number = 0;
  for (const Setup& setup : migration.setups) {
    ++number;
    if (migration.setups.size() > 1 && only.empty()) {
      absl::StrAppend(&text, "Server ", number, " of ", migration.setups.size(),
                      ".\n\n");
    }
    if (only == "smtpd") absl::StrAppend(&text, migrate::FormatSmtpd(setup));
    if (only == "serve") absl::StrAppend(&text, migrate::FormatServe(setup));
    if (only == "config") absl::StrAppend(&text, migrate::FormatConfig(setup));
    if (!only.empty()) continue;
    absl::StrAppend(
        &text, SmtpdTitle(setup.form), "\n\n",
        Indent(migrate::FormatSmtpd(setup)),
        "\npostern serve, the run script:\n\n",
        Indent(migrate::FormatServe(setup)),
        "\npostern serve, the same as /etc/postern/postern.conf:\n\n",
        Indent(migrate::FormatConfig(setup)), "\n");
  }
  if (migration.setups.empty() && only.empty()) {
    text = "The file has no command that starts qmail-smtpd.\n\n";
  }
  if (!only.empty() && only != "table") return text;
  std::vector<Row> rows = migration.rows;
  for (const Setup& setup : migration.setups) {
    rows.insert(rows.end(), setup.rows.begin(), setup.rows.end());
  }
  // By the file, in the order of the first row about it, and by the line.
  std::vector<std::string> order;
  for (const Row& row : rows) {
    if (std::find(order.begin(), order.end(), row.place.file) == order.end()) {
      order.push_back(row.place.file);
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    const auto rank = [&](const Row& row) {
      return std::make_pair(
          std::find(order.begin(), order.end(), row.place.file) - order.begin(),
          row.place.line);
    };
    return rank(a) < rank(b);
  });
  if (only.empty()) text += "What maps, differs, or is not supported:\n\n";
  return text + migrate::FormatRows(rows);
}

nlohmann::ordered_json RowsJson(const std::vector<Row>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    const auto mapping = [](const migrate::Mapping& each) {
      return nlohmann::ordered_json{
          {"outcome", std::string(migrate::OutcomeText(each.outcome))},
          {"text", each.text}};
    };
    list.push_back({{"file", row.place.file},
                    {"line", row.place.line},
                    {"what", row.what},
                    {"postern_smtpd", mapping(row.smtpd)},
                    {"postern_serve", mapping(row.serve)}});
  }
  return list;
}

std::string FormatJson(const Migration& migration) {
  nlohmann::ordered_json object;
  object["supported"] = IsSupported(migration);
  object["rows"] = RowsJson(migration.rows);
  object["servers"] = nlohmann::ordered_json::array();
  for (const Setup& setup : migration.setups) {
    object["servers"].push_back(
        {{"postern_smtpd", migrate::FormatSmtpd(setup)},
         {"postern_smtpd_arguments", migrate::SmtpdArguments(setup)},
         {"postern_serve", migrate::FormatServe(setup)},
         {"postern_serve_arguments", migrate::ServeArguments(setup)},
         {"postern_smtpd_unknown", migrate::UnknownValues(setup.smtpd_lacks)},
         {"unknown", migrate::UnknownValues(setup.unknown)},
         {"postern_conf", migrate::FormatConfig(setup)},
         {"rows", RowsJson(setup.rows)}});
  }
  return object.dump(2, ' ', /*ensure_ascii=*/true,
                     nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace

int RunMigrate(int argc, const char* const* argv) {
  service::Options given(kRows);
  given.Read({argv, static_cast<size_t>(argc)}, getenv);
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return 0;
  enum class Format : uint8_t { kText, kJson };
  const Format format =
      given.Choice("format", Format::kText,
                   {{"text", Format::kText}, {"json", Format::kJson}});
  const std::string only = given.Text("only", "");
  for (const absl::string_view part : {"smtpd", "serve", "config", "table"}) {
    if (only == part && format == Format::kJson) {
      given.Mistake("--only is for the text");
    }
  }
  (void)given.Choice("only", 0,
                     {{"smtpd", 0}, {"serve", 0}, {"config", 0}, {"table", 0}});
  const bool writes_set_up = !only.empty() && only != "table";
  const int server = given.Number("server", 0, 1, 1000);
  if (server > 0 && !writes_set_up) {
    given.Mistake("--server: needs --only smtpd, serve or config");
  }
  for (const absl::string_view option : {"root", "control"}) {
    const std::string directory = given.Text(option, "");
    struct stat facts = {};
    if (!directory.empty() &&
        (stat(directory.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))) {
      given.Mistake(
          absl::StrCat("--", option, ": ", directory, ": not a directory"));
    }
  }
  // Inetd and xinetd split words at blanks.
  std::string programs = given.Text("bindir", "");
  if (programs.empty()) {
    programs = files::DirectoryOf(files::ResolvePath(kSelf));
    if (programs == files::DirectoryOf(kSelf)) {
      given.Mistake("--bindir is needed: this program was replaced or removed");
    }
  }
  if (programs[0] != '/' ||
      std::any_of(programs.begin(), programs.end(), absl::ascii_isspace)) {
    given.Mistake(absl::StrCat("--bindir: ", programs,
                               ": not an absolute path without blanks"));
  }
  if (given.operands().size() != 1) {
    given.Mistake(
        "one FILE is needed: a run script, or a file of xinetd or "
        "inetd");
  }
  if (given.Complain(kProgram)) return kUsage;
  const std::string name = given.operands()[0];
  const absl::StatusOr<files::Content> script =
      files::ReadContent(name, kMaxScript);
  if (!script.ok()) {
    std::fprintf(stderr, "%s: %s\n", kProgram.data(),
                 log::Printable(script.status().message()).c_str());
    return kTemporary;
  }
  if (absl::StrContains(script->bytes, '\0')) {
    std::fprintf(stderr, "%s: %s: a program, and not a script: it has a NUL\n",
                 kProgram.data(), log::Printable(name).c_str());
    return kTemporary;
  }
  const migrate::SiteFiles files(given.Text("root", ""),
                                 given.Text("control", ""));
  Migration migration = Read(name, script->bytes, files);
  for (Setup& setup : migration.setups) setup.programs = programs;
  const auto count = static_cast<int>(migration.setups.size());
  if (server > count || (server == 0 && count > 1 && writes_set_up)) {
    std::fprintf(stderr, "%s: %s: the number of servers is %d: --server N\n",
                 kProgram.data(), name.c_str(), count);
    return kUsage;
  }
  if (count == 0 && writes_set_up) {
    std::fprintf(stderr,
                 "%s: %s: no command that starts qmail-smtpd, so there is no "
                 "set-up; --only table says why\n",
                 kProgram.data(), log::Printable(name).c_str());
    return kUnsupportedExit;
  }
  if (server > 0) {
    migration.setups = {std::move(migration.setups[server - 1])};
  }
  const std::string text = format == Format::kJson
                               ? FormatJson(migration)
                               : FormatText(migration, only);
  if (std::fputs(text.c_str(), stdout) == EOF || std::fflush(stdout) != 0) {
    std::fprintf(stderr, "%s: standard output: %s\n", kProgram.data(),
                 std::string(absl::ErrnoToStatus(errno, "").message()).c_str());
    return kTemporary;
  }
  return IsSupported(migration) ? 0 : kUnsupportedExit;
}

}  // namespace postern::programs
