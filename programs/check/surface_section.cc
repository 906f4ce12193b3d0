// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/surface_section.h"

#include <sys/types.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "files/content.h"
#include "files/directory_lock.h"
#include "files/replacement.h"
#include "log/printable.h"
#include "nlohmann/json.hpp"
#include "policy/surface/certificate.h"
#include "programs/check/grants.h"
#include "programs/check/surface_formats.h"
#include "programs/check/surface_grants.h"
#include "programs/check/surface_report.h"

namespace postern::programs {
namespace {

constexpr int kGrown = 1;
constexpr mode_t kMode = 0644;

using From = service::OptionRow::From;
constexpr service::OptionRow kRows[] = {
    {"expect", "FILE",
     "fail if more may relay, or more domains accept\n"
     "mail, than FILE declares",
     From::kCommandLine},
    {"write-expect", "FILE", "write what --expect needs for this configuration",
     From::kCommandLine},
    {"html", "FILE", "write a web page about who may relay",
     From::kCommandLine},
    {"certificate", "FILE", "write the proof, for tools/check-certificate",
     From::kCommandLine},
};

absl::Status ReplaceFile(const std::string& path, absl::string_view content) {
  const absl::StatusOr<files::DirectoryLock> lock =
      files::DirectoryLock::Take(path);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<files::Replacement> file =
      files::Replacement::Begin(path, kMode);
  if (!file.ok()) return file.status();
  const absl::Status written = file->Write(content);
  return written.ok() ? file->Commit() : written;
}

// Adds the comparison with the grants of the file `path` to `section`.
absl::Status Compare(const std::string& path, const std::vector<Grant>& present,
                     Section* section, nlohmann::ordered_json* json) {
  const absl::StatusOr<files::Content> content =
      files::ReadContent(path, kMaxGrantsFile);
  if (!content.ok()) return content.status();
  const auto declared = ParseGrants(path, content->bytes);
  if (!declared.ok()) return declared.status();
  const GrantComparison compared = CompareGrants(present, path, *declared);
  section->text += "\n";
  for (const std::string& growth : compared.growth) {
    absl::StrAppend(&section->text, "grown: ", log::Printable(growth), "\n");
  }
  for (const std::string& note : compared.notes) {
    absl::StrAppend(&section->text, "note: ", log::Printable(note), "\n");
  }
  if (compared.growth.empty()) {
    absl::StrAppend(&section->text, "Expected: ", log::Printable(path),
                    " declares all of this.\n");
  } else {
    section->exit_code = kGrown;
  }
  (*json)["expected"] = {
      {"file", path}, {"grown", compared.growth}, {"notes", compared.notes}};
  return absl::OkStatus();
}

}  // namespace

absl::Span<const service::OptionRow> SurfaceOptionRows() { return kRows; }

SurfaceOptions ReadSurfaceOptions(service::Options* given) {
  SurfaceOptions options;
  options.json = given->Flag("json");
  options.expect = given->Text("expect", "");
  options.write_expect = given->Text("write-expect", "");
  options.page = given->Text("html", "");
  options.certificate = given->Text("certificate", "");
  return options;
}

absl::StatusOr<Section> MakeSurfaceSection(const policy::Surface& surface,
                                           const SurfaceOptions& options,
                                           bool own_senders,
                                           absl::string_view host,
                                           service::Findings* findings) {
  const SurfaceReport report = MakeSurfaceReport(surface, own_senders);
  for (const OpenRelay& open : OpenRelays(report)) {
    findings->Add({.severity = service::Finding::Severity::kWarning,
                   .where = open.source,
                   .what = open.what,
                   .fix = "name the networks of your clients instead"});
  }
  Section section;
  section.text = SurfaceText(report);
  // 100,000 domains make 7 MB of JSON.
  nlohmann::ordered_json json;
  if (options.json) json = SurfaceJson(report);
  if (!options.page.empty()) {
    const absl::Status written =
        ReplaceFile(options.page, SurfacePage(report, host));
    if (!written.ok()) return written;
  }
  if (!options.certificate.empty()) {
    const absl::Status written =
        ReplaceFile(options.certificate, policy::WriteCertificate(surface));
    if (!written.ok()) return written;
  }
  if (!options.expect.empty() || !options.write_expect.empty()) {
    const std::vector<Grant> present = GrantsOf(surface);
    if (!options.expect.empty()) {
      const absl::Status compared =
          Compare(options.expect, present, &section, &json);
      if (!compared.ok()) return compared;
    }
    if (!options.write_expect.empty()) {
      const absl::Status written =
          ReplaceFile(options.write_expect, FormatGrants(present));
      if (!written.ok()) return written;
    }
  }
  if (options.json) {
    section.members.emplace_back("relay_surface", std::move(json));
  }
  return section;
}

}  // namespace postern::programs
