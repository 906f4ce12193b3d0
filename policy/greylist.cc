// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/greylist.h"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "log/log.h"
#include "policy/greylisting/greylist_key.h"
#include "policy/greylisting/greylist_options.h"
#include "policy/greylisting/greylist_table.h"
#include "system/bounded_run.h"

namespace postern::policy {
namespace {

class Greylist : public Check {
 public:
  // The table on disk has one lock, so one thread is enough. A disk that hangs
  // then keeps one thread of the pool, and not those of the deliveries. A
  // question to another server needs no thread.
  Greylist(const CheckSetup& setup, bool ignore_outage)
      : run_(system::BoundedRun(setup.run, 1)),
        table_(*setup.greylist),
        ignore_outage_(ignore_outage),
        report_(setup.report) {}

  Opinion Decide(Question* question) const override {
    if (!Asks(*question)) return NoOpinion{};
    if (run_) return AnswersLater{};
    const GreylistKey key = KeyOf(*question);
    return OpinionOf(*question, key, table_.Attempt(key));
  }

  void DecideLater(Question* question, Done done) const override {
    const GreylistKey key = KeyOf(*question);
    table_.AttemptLater(
        key, run_,
        [this, question, key, done = std::move(done)](
            const absl::StatusOr<absl::Duration>& wait) mutable {
          std::move(done)(OpinionOf(*question, key, wait));
        });
  }

 private:
  static bool Asks(const Question& question) {
    const SessionInfo& session = question.session();
    return !MayRelay(session) && session.remote_address.has_value() &&
           FindVariable(session, "NOGREYLIST") == nullptr;
  }

  static GreylistKey KeyOf(const Question& question) {
    return MakeGreylistKey(*question.session().remote_address, question.from(),
                           question.to());
  }

  Opinion OpinionOf(const Question& question, const GreylistKey& key,
                    const absl::StatusOr<absl::Duration>& wait) const {
    if (!wait.ok()) {
      // The line names the session and the message.
      const log::LogScope scope({question.session().session_id,
                                 std::get<Rcpt>(question.ask().what).message});
      return OnOutage(wait.status());
    }
    if (*wait == absl::ZeroDuration()) return NoOpinion{};
    const int64_t seconds =
        absl::ToInt64Seconds(absl::Ceil(*wait, absl::Seconds(1)));
    return Verdict::Refuse({451,
                            {4, 7, 1},
                            absl::StrCat("greylisted, try again in ", seconds,
                                         " seconds (#4.7.1)")})
        .From(key.network);
  }

  Opinion OnOutage(const absl::Status& status) const {
    if (!ignore_outage_) {
      return Verdict::Refuse(
                 {451, {4, 3, 0}, "greylisting does not work now (#4.3.0)"})
          .From(std::string(status.message()));
    }
    report_(absl::StrCat(status.message(), ", ignored"));
    return NoOpinion{};
  }

  const system::Run run_;
  GreylistTable& table_;
  const bool ignore_outage_;
  const log::Report report_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Check>> MakeGreylist(
    const CheckSetup& setup) {
  const std::string option = setup.option ? setup.option("greylist") : "";
  if (option.empty()) return nullptr;
  const auto options = ParseGreylistOptions(option);
  if (!options.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--greylist: ", options.status().message()));
  }
  if (setup.greylist == nullptr) {
    return absl::InvalidArgumentError(
        "--greylist: only postern serve has a table; under tcpserver, use "
        "postgrey and --policy-server");
  }
  return std::make_unique<Greylist>(setup, options->ignore_outage);
}

}  // namespace postern::policy
