// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/rspamd.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "delivery/filtered_delivery.h"
#include "delivery/rspamd_filter.h"
#include "delivery/spool.h"
#include "files/secret.h"
#include "log/report.h"

namespace postern::programs {
namespace {

constexpr size_t kMaxPasswordFile = size_t{64} << 10;

absl::StatusOr<std::string> ReadPassword(const RspamdOption& option) {
  const std::string& path = option.password_file;
  const absl::StatusOr<std::string> content =
      files::ReadSecret(path, kMaxPasswordFile, option.user);
  if (!content.ok()) return content.status();
  const absl::string_view line = absl::StripSuffix(*content, "\n");
  if (line.empty() || line.find_first_of(absl::string_view("\r\n\0", 3)) !=
                          absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not one line with a password"));
  }
  return std::string(line);
}

absl::Status WithOption(const service::OptionRow& row,
                        const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("--", row.name, ": ", status.message()));
}

}  // namespace

size_t RspamdAtOnce(int threads) {
  return static_cast<size_t>(std::max(1, threads * 3 / 8));
}

std::function<absl::StatusOr<std::shared_ptr<Delivery>>(
    std::shared_ptr<Delivery>, const std::string& host)>
MakeRspamdWrapper(const RspamdOption& option, service::Metrics* metrics,
                  system::Run run) {
  if (!option.server) return nullptr;
  return [option, metrics, run = std::move(run)](
             std::shared_ptr<Delivery> delivery, const std::string& host)
             -> absl::StatusOr<std::shared_ptr<Delivery>> {
    if (const absl::Status status =
            delivery::Spool::CheckDirectory(option.spool);
        !status.ok()) {
      return WithOption(kRspamdSpoolRow, status);
    }
    delivery::RspamdOptions filter;
    filter.server = *option.server;
    filter.timeout = absl::Seconds(option.timeout);
    filter.accept_if_down = option.accept_if_down;
    filter.max_size = option.max_size;
    filter.host_name = host;
    filter.report = log::ReportToLog("rspamd");
    if (metrics != nullptr) {
      filter.count = [metrics](delivery::RspamdOutcome outcome) {
        metrics->CountRspamd(outcome);
      };
    }
    if (!option.password_file.empty()) {
      absl::StatusOr<std::string> password = ReadPassword(option);
      if (!password.ok()) {
        return WithOption(kRspamdPasswordFileRow, password.status());
      }
      filter.password = *std::move(password);
    }
    return std::make_shared<delivery::FilteredDelivery>(
        std::move(delivery),
        std::make_shared<delivery::RspamdFilter>(std::move(filter)),
        option.spool, run);
  };
}

}  // namespace postern::programs
