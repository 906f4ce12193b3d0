// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/greylist.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"

namespace postern::examples {

policy::Opinion Greylist::Decide(policy::Question* question) const {
  const absl::string_view accepted_by = question->accepted_by();
  if (accepted_by == "relayclient" || accepted_by == "authenticated") {
    return policy::NoOpinion{};
  }
  std::string key =
      absl::StrCat(ToString(question->session().remote_address), "\n",
                   absl::AsciiStrToLower(question->from().Address()), "\n",
                   absl::AsciiStrToLower(question->to().Address()));
  const absl::Time now = now_();
  const std::lock_guard<std::mutex> lock(mutex_);
  auto found = first_seen_.find(key);
  if (found == first_seen_.end()) {
    if (first_seen_.size() >= max_entries_) return policy::NoOpinion{};
    found = first_seen_.emplace(std::move(key), now).first;
  }
  const absl::Duration left = found->second + delay_ - now;
  if (left <= absl::ZeroDuration()) return policy::NoOpinion{};
  return Verdict::Refuse(
             {451, {4, 7, 1}, "greylisted, try again later (#4.7.1)"})
      .From(absl::StrCat(absl::ToInt64Seconds(left), " seconds left"));
}

absl::StatusOr<std::unique_ptr<const policy::Check>> MakeGreylist(
    const policy::CheckSetup& setup) {
  const std::string value = setup.option ? setup.option("greylist") : "";
  if (value.empty()) return nullptr;
  int seconds = 0;
  if (!absl::SimpleAtoi(value, &seconds) || seconds < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--greylist: a number of seconds, not \"", value, "\""));
  }
  return std::make_unique<Greylist>(absl::Seconds(seconds));
}

}  // namespace postern::examples
