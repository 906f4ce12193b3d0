// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/check.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "log/printable.h"
#include "nlohmann/json.hpp"
#include "programs/check/section.h"
#include "programs/check/server_surface.h"
#include "programs/check/surface_section.h"
#include "programs/serve/preflight.h"
#include "programs/serve/serve_options.h"
#include "service/finding.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {
namespace {

using service::Finding;
using service::Findings;

constexpr absl::string_view kProgram = "postern check";
constexpr int kErrors = 1;
constexpr int kUsage = 100;  // from djb's tools
constexpr int kTemporary = 111;

using From = service::OptionRow::From;
constexpr service::OptionRow kRows[] = {
    {"json", "", "write one JSON object", From::kCommandLine},
};

constexpr char kHead[] =
    "Usage: postern check [OPTION]...\n"
    "\n"
    "Tests a configuration of postern serve, and shows every error and "
    "warning.\n"
    "\n";
constexpr char kFoot[] =
    "\n"
    "All options of postern serve are accepted too, so that --config can name "
    "the file\n"
    "of the server: see postern serve --help. Exit code: 0 if there is no "
    "error, 1 if\n"
    "there is one, 100 for wrong options, 111 if the configuration cannot be "
    "tested.\n"
    "See postern-check(8).\n";

// What the options ask for.
struct Request {
  ServeOptions serve;
  SurfaceOptions surface;
  bool json = false;
};

// Returns `text` without octets that could control a terminal. Backslashes
// stay: most texts have escaped the keys of rules already.
std::string ForTerminal(absl::string_view text) {
  return absl::StrJoin(absl::StrSplit(text, '\\'), "\\",
                       [](std::string* out, absl::string_view part) {
                         out->append(log::Printable(part));
                       });
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "postern check: %s\n",
               ForTerminal(status.message()).c_str());
  return kTemporary;
}

std::optional<Request> ReadRequest(int argc, const char* const* argv,
                                   Findings* findings, int* exit_code) {
  std::vector<service::OptionRow> rows(ServeOptionRows().begin(),
                                       ServeOptionRows().end());
  for (service::OptionRow& row : rows) {
    if (row.name != "help" && row.name != "version" && row.name != "config") {
      row.help = "";  // postern serve --help shows it
    }
  }
  for (const service::OptionRow& row : service::CheckOptionRows()) {
    rows.push_back(row);
    rows.back().help = "";
  }
  rows.insert(rows.begin(), SurfaceOptionRows().begin(),
              SurfaceOptionRows().end());
  service::Options given(kRows, std::move(rows));
  given.Read({argv, static_cast<size_t>(argc)}, getenv, kDefaultConfig);
  *exit_code = 0;
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return std::nullopt;
  Request request;
  request.json = given.Flag("json");
  request.surface = ReadSurfaceOptions(&given);
  if (!given.operands().empty()) {
    given.Mistake(absl::StrCat("unknown argument ", given.operands()[0]));
  }
  if (given.usage_is_wrong() || !given.operands().empty()) {
    given.Complain(kProgram);
    *exit_code = kUsage;
    return std::nullopt;
  }
  ReadServeOptions(&given, &request.serve);
  for (const std::string& mistake : given.mistakes()) {
    findings->AddError(mistake);
  }
  if (given.List("listen").empty()) {
    findings->AddWarning("--listen: no listener, but postern serve needs one");
  }
  return request;
}

absl::string_view Name(Finding::Severity severity) {
  return severity == Finding::Severity::kWarning ? "warning" : "error";
}

Section ReportFindings(const Findings& findings) {
  Section section;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings.all()) {
    absl::StrAppend(&section.text, Name(finding.severity), ": ",
                    ForTerminal(finding.Text()), "\n");
    list.push_back({{"severity", std::string(Name(finding.severity))},
                    {"where", finding.where},
                    {"what", finding.what},
                    {"fix", finding.fix}});
  }
  const size_t warnings = findings.count(Finding::Severity::kWarning);
  const size_t errors = findings.all().size() - warnings;
  absl::StrAppend(&section.text, errors, errors == 1 ? " error, " : " errors, ",
                  warnings, warnings == 1 ? " warning\n" : " warnings\n");
  section.members = {{"findings", std::move(list)},
                     {"errors", errors},
                     {"warnings", warnings}};
  section.exit_code = errors > 0 ? kErrors : 0;
  return section;
}

// Writes the sections to standard output. Returns the exit code.
int Print(const std::vector<Section>& sections, bool json) {
  std::string text;
  nlohmann::ordered_json object;
  int exit_code = 0;
  for (const Section& section : sections) {
    if (!text.empty() && !section.text.empty()) text += "\n";
    text += section.text;
    for (const auto& [name, value] : section.members) object[name] = value;
    exit_code = std::max(exit_code, section.exit_code);
  }
  if (json) {
    // Octets that are not UTF-8 are replaced: names of files may have them.
    text = object.dump(-1, ' ', /*ensure_ascii=*/true,
                       nlohmann::ordered_json::error_handler_t::replace) +
           "\n";
  }
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0) {
    return Fail(absl::ErrnoToStatus(errno, "standard output"));
  }
  return exit_code;
}

}  // namespace

int RunCheck(int argc, const char* const* argv) {
  Findings findings;
  int exit_code = 0;
  const std::optional<Request> request =
      ReadRequest(argc, argv, &findings, &exit_code);
  if (!request) return exit_code;
  // Only options can be wrong so far.
  const bool mistakes = findings.prevent_start();
  const absl::Status tested = TestConfiguration(request->serve, &findings);
  // A later failure does not hide the findings.
  if (!tested.ok()) {
    (void)Print({ReportFindings(findings)}, request->json);
    return Fail(tested);
  }
  // Without the option that has a mistake, the server grants other rights.
  if (mistakes) {
    std::fputs(
        "postern check: no relay surface: it depends on the options, and some "
        "have mistakes\n",
        stderr);
    return Print({ReportFindings(findings)}, request->json);
  }
  // An error that the findings contain may prevent the other section. An error
  // that does not concern it, such as an expired certificate, does not.
  auto server = MakeServerSurface(request->serve);
  if (!server.ok()) {
    const int printed = Print({ReportFindings(findings)}, request->json);
    if (printed == 0) return Fail(server.status());
    std::fprintf(stderr, "postern check: no relay surface: %s\n",
                 ForTerminal(server.status().message()).c_str());
    return printed;
  }
  auto section =
      MakeSurfaceSection(server->surface, request->surface,
                         request->serve.senders, server->host, &findings);
  std::vector<Section> sections;
  sections.push_back(ReportFindings(findings));
  sections.push_back(std::move(server->destinations));
  if (!section.ok()) {
    (void)Print(sections, request->json);
    const int failed = Fail(section.status());
    return absl::IsInvalidArgument(section.status()) ? kUsage : failed;
  }
  sections.push_back(*std::move(section));
  return Print(sections, request->json);
}

}  // namespace postern::programs
