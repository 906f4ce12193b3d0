// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf_check.h"

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/reply.h"
#include "policy/control/controls.h"
#include "policy/spf/received_spf.h"

namespace postern::policy {
namespace {

struct ResultRow {
  SpfResult result;
  SpfAction SpfActions::*action;
};
constexpr ResultRow kResults[] = {
    {SpfResult::kFail, &SpfActions::fail},
    {SpfResult::kSoftFail, &SpfActions::softfail},
    {SpfResult::kPermError, &SpfActions::permerror},
    {SpfResult::kTempError, &SpfActions::temperror},
};

constexpr std::pair<absl::string_view, SpfAction> kActions[] = {
    {"accept", SpfAction::kAccept},
    {"refuse", SpfAction::kRefuse},
    {"tempfail", SpfAction::kTempFail},
};

constexpr SpfActions kAcceptAll = {SpfAction::kAccept, SpfAction::kAccept,
                                   SpfAction::kAccept, SpfAction::kAccept};

bool MayRefuse(SpfResult result) {
  for (const ResultRow& row : kResults) {
    if (row.result == result) return true;
  }
  return false;
}

// The domain that is checked.
std::string CheckedDomain(const Question& question) {
  const Path& from = question.from();
  return AsciiDomain(absl::StripSuffix(
      from.null() ? question.session().hello_name : from.domain, "."));
}

// Returns what the log shows: "fail of mailfrom x.example: -all".
std::string Source(const Question& question, const SpfAnswer& answer) {
  std::string source = absl::StrCat(
      SpfResultName(answer.result), " of ",
      question.from().null() ? "helo " : "mailfrom ", CheckedDomain(question));
  if (!answer.reason.empty()) absl::StrAppend(&source, ": ", answer.reason);
  return source;
}

// Returns the refusal after a result that may refuse.
Verdict Refusal(const Question& question, const SpfAnswer& answer,
                bool permanent) {
  const std::string domain = CheckedDomain(question);
  const bool policy = answer.result == SpfResult::kFail ||
                      answer.result == SpfResult::kSoftFail;
  const EnhancedCode enhanced = {static_cast<uint8_t>(permanent ? 5 : 4), 7,
                                 static_cast<uint16_t>(policy ? 23 : 24)};
  std::string text;
  if (policy) {
    text = absl::StrCat(
        "sorry, the SPF policy of ", domain, " does not permit ",
        ToString(question.session().remote_address), " to send its mail");
  } else if (answer.result == SpfResult::kPermError) {
    text = absl::StrCat("sorry, the SPF policy of ", domain, " is invalid");
  } else {
    text =
        absl::StrCat("cannot look up the SPF policy of ", domain, " for now");
  }
  absl::StrAppend(&text, " (#", enhanced.class_, ".7.", enhanced.detail, ")");
  // RFC 7208 8.4: the client must see who says this.
  if (!answer.explanation.empty()) {
    absl::StrAppend(&text, "; the domain explains: ", answer.explanation);
  }
  return Verdict::Refuse({permanent ? 550 : 451, enhanced, std::move(text)})
      .From(Source(question, answer));
}

class SpfCheck : public Check {
 public:
  SpfCheck(SpfActions actions, const CheckSetup& setup)
      : actions_(actions),
        controls_(setup.controls),
        spf_(setup.spf),
        note_(setup.note) {}

  Opinion Decide(Question* question) const override {
    const SessionInfo& session = question->session();
    if (MayRelay(session) || !session.remote_address || !Actions(session)) {
      return NoOpinion{};
    }
    return AnswersLater{};
  }

  void DecideLater(Question* question, Done done) const override {
    const SessionInfo& session = question->session();
    const Path& from = question->from();
    // The session id is unique, but XCLIENT changes the client in a session.
    const Key key = {
        absl::StrJoin({session.session_id, ToString(session.remote_address),
                       session.hello_name, from.Address()},
                      "\n"),
        std::get<Rcpt>(question->ask().what).message};
    std::unique_lock<std::mutex> lock(mutex_);
    Transaction& transaction = transactions_[key];
    if (transaction.answer) {
      const SpfAnswer answer = *transaction.answer;
      lock.unlock();
      return Give(answer, /*first=*/false, question, std::move(done));
    }
    transaction.waiters.push_back({question, std::move(done)});
    if (transaction.waiters.size() > 1) return;
    lock.unlock();
    spf_->Check({.client = *session.remote_address,
                 .local_part = from.local_part,
                 .domain = CheckedDomain(*question),
                 .helo = session.hello_name,
                 .receiver = Receiver(session),
                 .time = absl::ToUnixSeconds(absl::Now())},
                [this, key](const SpfAnswer& answer) {
                  bool first = true;
                  for (Waiter& waiter : Remember(key, answer)) {
                    Give(answer, first, waiter.question,
                         std::move(waiter.done));
                    first = false;
                  }
                });
  }

 private:
  // The session with its client and the sender, and the number of the message.
  using Key = std::pair<std::string, int>;
  struct Waiter {
    Question* question;
    Done done;
  };
  struct Transaction {
    std::optional<SpfAnswer> answer;
    std::vector<Waiter> waiters;  // until the answer
  };

  std::optional<SpfActions> Actions(const SessionInfo& session) const {
    const std::string* const value = FindVariable(session, "SPFBEHAVIOR");
    if (value == nullptr) return actions_;
    return ParseSpfBehavior(*value, actions_);
  }

  // Returns the name of this host, as in the Received field.
  std::string Receiver(const SessionInfo& session) const {
    if (!session.local_name.empty()) return session.local_name;
    return controls_->me.empty() ? controls_->greeting : controls_->me;
  }

  // Stores the answer. Returns the questions that have waited for it.
  std::vector<Waiter> Remember(const Key& key, const SpfAnswer& answer) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    Transaction& transaction = transactions_[key];
    transaction.answer = answer;
    std::vector<Waiter> waiters;
    waiters.swap(transaction.waiters);
    answered_.push_back(key);
    if (answered_.size() > kMaxSpfTransactions) {
      transactions_.erase(answered_.front());
      answered_.pop_front();
    }
    return waiters;
  }

  // Answers a question. `first` means that it is the first one of the
  // transaction.
  void Give(const SpfAnswer& answer, bool first, Question* question,
            Done done) const {
    const SessionInfo& session = question->session();
    const SpfAction action = Actions(session)->Of(answer.result);
    if (action != SpfAction::kAccept) {
      return std::move(done)(
          Refusal(*question, answer, action == SpfAction::kRefuse));
    }
    question->AddHeader(FormatReceivedSpf({.answer = answer,
                                           .client = *session.remote_address,
                                           .from = question->from(),
                                           .helo = session.hello_name,
                                           .receiver = Receiver(session)}));
    if (first && note_ && MayRefuse(answer.result)) {
      const bool permanent = answer.result != SpfResult::kTempError;
      note_(*question, Refusal(*question, answer, permanent).By("spf"));
    }
    std::move(done)(NoOpinion{});
  }

  const SpfActions actions_;
  const std::shared_ptr<const Controls> controls_;
  Spf* const spf_;
  const std::function<void(const Question&, const Verdict&)> note_;

  mutable std::mutex mutex_;  // guards the members below
  mutable std::map<Key, Transaction> transactions_;
  mutable std::deque<Key> answered_;  // the oldest first
};

}  // namespace

SpfAction SpfActions::Of(SpfResult result) const {
  for (const ResultRow& row : kResults) {
    if (row.result == result) return this->*row.action;
  }
  return SpfAction::kAccept;
}

absl::StatusOr<SpfActions> ParseSpfActions(absl::string_view value) {
  SpfActions actions;
  if (value == "default") return actions;
  if (value == "accept") return kAcceptAll;
  for (const absl::string_view word : absl::StrSplit(value, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    const ResultRow* result = nullptr;
    for (const ResultRow& row : kResults) {
      if (parts.first == SpfResultName(row.result)) result = &row;
    }
    const SpfAction* action = nullptr;
    for (const auto& [name, known] : kActions) {
      if (parts.second == name) action = &known;
    }
    if (result == nullptr || action == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "default, accept, or RESULT=ACTION with fail, softfail, permerror or "
          "temperror, and accept, refuse or tempfail, not \"",
          word, "\""));
    }
    if (result->result == SpfResult::kTempError &&
        *action == SpfAction::kRefuse) {
      return absl::InvalidArgumentError(
          "temperror=refuse: a failure of DNS is temporary; accept or "
          "tempfail");
    }
    actions.*result->action = *action;
  }
  return actions;
}

std::optional<SpfActions> ParseSpfBehavior(absl::string_view value,
                                           const SpfActions& otherwise) {
  int level = 0;
  if (!absl::SimpleAtoi(value, &level) || level < 0 || level > 6) {
    return otherwise;
  }
  if (level == 0) return std::nullopt;
  SpfActions actions = kAcceptAll;
  if (level >= 2) actions.temperror = SpfAction::kTempFail;
  if (level >= 3) actions.fail = SpfAction::kRefuse;
  if (level >= 4) actions.softfail = SpfAction::kRefuse;
  if (level >= 6) actions.permerror = SpfAction::kRefuse;
  return actions;
}

absl::StatusOr<std::unique_ptr<const Check>> MakeSpf(const CheckSetup& setup) {
  const std::string value = setup.option ? setup.option("spf") : "";
  if (value.empty()) return nullptr;
  const absl::StatusOr<SpfActions> actions = ParseSpfActions(value);
  if (!actions.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--spf: ", actions.status().message()));
  }
  if (setup.spf == nullptr) {
    return absl::InvalidArgumentError(
        "--spf: only postern serve asks DNS; under tcpserver, --policy-server "
        "can ask policyd-spf");
  }
  return std::make_unique<SpfCheck>(*actions, setup);
}

}  // namespace postern::policy
