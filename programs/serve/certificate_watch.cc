// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/certificate_watch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "service/finding.h"

namespace postern::programs {

CertificateWatch::Seen CertificateWatch::Look(const ServiceSnapshot& current,
                                              absl::Time now) {
  Seen seen;
  auto files = ServiceSnapshot::CertificateFiles(current.options);
  if (files != current.certificate_files) {
    service::Findings findings;
    seen.renewed = ServiceSnapshot::ReadCertificates(current, &findings);
    if (seen.renewed != nullptr) {
      failed_.clear();
      for (const service::Finding& finding : findings.all()) {
        seen.warnings.push_back(current.options.places.At(finding.Text()));
      }
      warned_ = now;  // the findings include the expiry
    } else if (files != failed_) {
      for (const service::Finding& finding : findings.all()) {
        if (finding.severity != service::Finding::Severity::kError) continue;
        seen.warnings.push_back(absl::StrCat(
            current.options.places.At(finding.Text()),
            ": the old certificates stay in use, and the files are read again "
            "every minute"));
      }
      failed_ = std::move(files);
    }
  }
  if (now - warned_ < absl::Hours(24)) return seen;
  warned_ = now;
  for (const net::TlsCertificate* each : current.Certificates()) {
    std::string warning = ExpiryWarning(*each, now);
    if (!warning.empty()) seen.warnings.push_back(std::move(warning));
  }
  return seen;
}

}  // namespace postern::programs
