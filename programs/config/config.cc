// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/config/config.h"

#include <errno.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "log/printable.h"
#include "programs/serve/serve_options.h"
#include "service/config_text.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {
namespace {

constexpr absl::string_view kProgram = "postern config";
constexpr int kUsage = 100;  // from djb's tools
constexpr int kTemporary = 111;

constexpr char kHead[] =
    "Usage: postern config show [OPTION]...\n"
    "\n"
    "Prints the configuration of postern serve as a configuration file. Each "
    "option\n"
    "has its description, and the place from which its value comes.\n"
    "\n";
constexpr char kFoot[] =
    "\n"
    "All options of postern serve are accepted too: see postern serve --help. "
    "Exit\n"
    "code: 0 if the configuration is printed, 100 for wrong options, 111 if "
    "it cannot\n"
    "be printed. postern check tests a configuration. See "
    "postern-config(7).\n";

using From = service::OptionRow::From;
constexpr service::OptionRow kRows[] = {
    {"changed", "", "print only the options that have a value",
     From::kCommandLine},
    {"defaults", "",
     "print the defaults; no file and no variable is\n"
     "read",
     From::kCommandLine},
};

// Returns the rows of the server, of which --help shows only those that every
// command has.
std::vector<service::OptionRow> ServerRows() {
  std::vector<service::OptionRow> rows(ServeOptionRows().begin(),
                                       ServeOptionRows().end());
  for (const service::OptionRow& row : service::CheckOptionRows()) {
    rows.push_back(row);
  }
  return rows;
}

// The same rows without descriptions, for --help.
std::vector<service::OptionRow> HiddenServerRows() {
  std::vector<service::OptionRow> rows = ServerRows();
  for (service::OptionRow& row : rows) {
    if (row.from == From::kAnywhere) row.help = "";
  }
  return rows;
}

int Complain(absl::string_view what) {
  std::fprintf(stderr, "postern config: %s\n", log::Printable(what).c_str());
  return kTemporary;
}

}  // namespace

int RunConfig(int argc, const char* const* argv) {
  absl::Span<const char* const> arguments(argv, static_cast<size_t>(argc));
  const bool show =
      !arguments.empty() && absl::string_view(arguments[0]) == "show";
  if (show) arguments.remove_prefix(1);
  const bool help = [&] {
    service::Options given(kRows, HiddenServerRows());
    given.Read(arguments, [](const char*) { return nullptr; });
    return given.AnswerHelp(kProgram, kHead, kFoot);
  }();
  if (help) return 0;
  service::Options given(kRows, ServerRows());
  given.Read(arguments, getenv, kDefaultConfig);
  const bool changed = given.Flag("changed");
  const bool defaults = given.Flag("defaults");
  if (!show) {
    given.Mistake(given.operands().empty()
                      ? "the command is missing: postern config show"
                      : absl::StrCat("unknown command ", given.operands()[0],
                                     ": postern config show"));
  }
  if (changed && defaults) {
    given.Mistake("--changed contradicts --defaults");
  }
  if (show && !given.operands().empty()) {
    given.Mistake(absl::StrCat("unknown argument ", given.operands()[0]));
  }
  // Files of credential:NAME are not read here, so any directory will do.
  setenv("CREDENTIALS_DIRECTORY", "/run/credentials", /*overwrite=*/0);
  ServeOptions options;
  if (!defaults) ReadServeOptions(&given, &options);
  if (given.Complain(kProgram)) return kUsage;
  absl::StatusOr<std::string> text;
  if (defaults) {
    text = service::FormatConfig(service::Options(kRows, ServerRows()),
                                 service::ConfigText::kAll);
  } else {
    text = service::FormatConfig(given, changed ? service::ConfigText::kGiven
                                                : service::ConfigText::kAll);
  }
  if (!text.ok()) return Complain(text.status().message());
  std::fputs(text->c_str(), stdout);
  if (std::fflush(stdout) != 0) {
    return Complain(absl::ErrnoToStatus(errno, "standard output").message());
  }
  return 0;
}

}  // namespace postern::programs
