// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/broker.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern::delivery {
namespace {

// The longest text of a broker that is kept.
constexpr size_t kMaxReason = 300;

// AMQP 0-9-1, 1.2.
constexpr int kAccessRefused = 403;
constexpr int kNotFound = 404;
constexpr int kResourceLocked = 405;
constexpr int kPreconditionFailed = 406;
constexpr int kNotAllowed = 530;

}  // namespace

absl::Status BrokerError(int code, absl::string_view text, BrokerStep step) {
  const std::string why =
      absl::StrCat("the broker says: ", text.substr(0, kMaxReason));
  switch (code) {
    case kAccessRefused:
      return absl::PermissionDeniedError(why);
    case kResourceLocked:
    case kPreconditionFailed:
      return absl::FailedPreconditionError(why);
    case kNotFound:
      // Later it says that the leader of a queue is down: after the first step,
      // this program names only what it has declared.
      return step == BrokerStep::kLogin ? absl::NotFoundError(why)
                                        : absl::UnavailableError(why);
    case kNotAllowed:
      // In the first step, the virtual host is missing or closed for the user,
      // or there are too many connections now.
      return step == BrokerStep::kLogin && !absl::StrContains(text, "limit")
                 ? absl::FailedPreconditionError(why)
                 : absl::UnavailableError(why);
    default:
      return absl::UnavailableError(why);
  }
}

}  // namespace postern::delivery
