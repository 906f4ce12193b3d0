// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/tables/hosts.h"

#include <stdlib.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "files/cdb_writer.h"
#include "policy/control/alias_list.h"
#include "programs/tables/report.h"
#include "programs/tables/table_kind.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {
namespace {

constexpr char kProgram[] = "postern hosts";

constexpr char kHead[] =
    "Usage: postern hosts compile [--kind KIND] FILE [CDB]\n"
    "\n"
    "Makes the database CDB, or FILE.cdb, from the text FILE. The kind is the\n"
    "name of FILE without its directory, or that of --kind. A line contains\n"
    "\n";
constexpr char kFoot[] = "\nSee postern-hosts(8).\n";

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    {"kind", "KIND", "what FILE contains, if its name does not say it",
     service::OptionRow::From::kCommandLine},
    {"control", "DIR",
     "aliases: the control files that say which targets\n"
     "are local; default: the directory of FILE",
     service::OptionRow::From::kCommandLine},
    {"extension-separators", "CHARS",
     "aliases: the value of this option of the server",
     service::OptionRow::From::kCommandLine},
};

std::string Head() {
  std::string head = kHead;
  for (const TableKind& kind : TableKinds()) {
    absl::StrAppend(&head, "  ", kind.name,
                    std::string(18 - kind.name.size(), ' '), kind.lines, "\n");
  }
  return head + "\n";
}

std::string KindNames() {
  std::string names;
  for (const TableKind& kind : TableKinds()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", kind.name);
  }
  return names;
}

int Compile(const TableKind& kind, const std::string& text,
            const std::string& database, const TableOptions& options) {
  const absl::Status named = CheckNames(text, database);
  if (!named.ok()) return Fail(kProgram, named);
  const absl::StatusOr<Table> table = ReadTable(kind, text, options);
  if (!table.ok()) return Fail(kProgram, table.status());
  Warn(kProgram, table->warnings);
  const absl::Status status = files::ReplaceCdb(database, table->records);
  return status.ok() ? 0 : Fail(kProgram, status);
}

}  // namespace

int RunHosts(int argc, const char* const* argv) {
  absl::Span<const char* const> arguments(argv, static_cast<size_t>(argc));
  const bool compile =
      !arguments.empty() && absl::string_view(arguments[0]) == "compile";
  if (compile) arguments.remove_prefix(1);
  service::Options given(kRows);
  given.Read(arguments, getenv);
  if (given.AnswerHelp(kProgram, Head(), kFoot)) return 0;
  const absl::Span<const char* const> operands = given.operands();
  const TableKind* kind = nullptr;
  std::string text;
  if (!compile) {
    given.Mistake("the command is missing: compile");
  } else if (operands.empty() || operands.size() > 2) {
    given.Mistake("compile needs FILE, and takes CDB, after its options");
  } else {
    text = operands[0];
    const size_t slash = text.rfind('/');
    const std::string name = given.Text(
        "kind", text.substr(slash == std::string::npos ? 0 : slash + 1));
    kind = FindTableKind(name);
    if (kind == nullptr) {
      given.Mistake(
          absl::StrCat("--kind: ", name, " is not one of ", KindNames()));
    }
  }
  TableOptions options;
  options.control = given.Text("control", "");
  options.separators = given.Text("extension-separators", "");
  const absl::Status valid = policy::ValidateSeparators(options.separators);
  if (!valid.ok()) {
    given.Mistake(absl::StrCat("--extension-separators: ", valid.message()));
  }
  const bool has_options =
      !options.control.empty() || !options.separators.empty();
  if (kind != nullptr && kind->name != "aliases" && has_options) {
    given.Mistake("--control and --extension-separators are for aliases");
  }
  if (given.Complain(kProgram)) return kUsage;
  return Compile(*kind, text,
                 operands.size() > 1 ? operands[1] : DatabaseOf(text), options);
}

}  // namespace postern::programs
