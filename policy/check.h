// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One check: a rule that may have a say about a client, a sender or a
// recipient. policy/checks.h walks through a list of them;
// policy/check_list.cc has the list.

#ifndef POSTERN_POLICY_CHECK_H_
#define POSTERN_POLICY_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/delivery.h"
#include "engine/event.h"
#include "engine/grammar/path.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "net/own_addresses.h"
#include "policy/control/controls.h"
#include "system/run.h"

namespace postern::policy {

// When a check is asked.
enum class Stage : uint8_t {
  kConnect,  // before the greeting
  kHello,    // HELO, EHLO
  kMail,
  kRcpt,  // for each recipient
  kData,  // DATA, or the first BDAT
  kVerb,  // a verb of ServerConfig::more_verbs
};
inline constexpr size_t kStages = static_cast<size_t>(Stage::kVerb) + 1;

// Returns "connect", "hello", "mail", "rcpt", "data" or "verb".
absl::string_view StageName(Stage stage);
// Returns the stage of a question; nullopt: no check is asked.
std::optional<Stage> StageOf(const Ask& ask);

// What is known of a check without running it. Constant data: the log, the
// metrics, --help and the manual all take their text from here.
struct CheckRow {
  absl::string_view rule;  // its name in the log and in metrics
  Stage stage = Stage::kRcpt;
  // Whether it may accept a recipient, or a verb. It is asked only while no
  // other check has accepted that one. The others can only refuse, and are
  // always asked: of what they say, an acceptance counts as no opinion.
  bool accepts = false;
  bool later = false;       // whether it may answer later
  absl::string_view needs;  // what it reads besides the session
  absl::string_view help;   // what it does; '\n' begins another line
  // The option that turns it on, without dashes, and its value as --help shows
  // it. Empty: it has no option.
  absl::string_view option = "";
  absl::string_view value = "";
};

// What a check is asked. Used by one thread at a time.
class Question {
 public:
  // Both must outlive it.
  Question(const Ask& ask, const SharedSessionInfo& session);

  const Ask& ask() const { return ask_; }
  const SessionInfo& session() const { return *session_; }
  const SharedSessionInfo& shared_session() const { return session_; }

  // The sender and the recipient, as the envelope will have them. Empty at
  // stages that have none.
  const Path& from() const { return new_from_ ? *new_from_ : *from_; }
  const Path& to() const { return new_to_ ? *new_to_ : *to_; }
  // Put another address into the envelope.
  void set_from(Path path) { new_from_ = std::move(path); }
  void set_to(Path path) { new_to_ = std::move(path); }
  bool renamed_from() const { return new_from_ && !(*new_from_ == *from_); }
  bool renamed_to() const { return new_to_ && !(*new_to_ == *to_); }

  // The rule that has accepted the recipient; empty: none has, so far.
  absl::string_view accepted_by() const { return accepted_by_; }
  void set_accepted_by(absl::string_view rule) { accepted_by_ = rule; }

  // Takes over what has been changed in `other`, about the same question.
  void Continue(Question other);

 private:
  const Ask& ask_;
  const SharedSessionInfo& session_;
  const Path* from_;
  const Path* to_;
  std::optional<Path> new_from_;
  std::optional<Path> new_to_;
  absl::string_view accepted_by_;
};

// What a check says: nothing, that it answers later, or yes or no.
struct NoOpinion {};
struct AnswersLater {};
using Opinion = std::variant<NoOpinion, AnswersLater, Verdict>;

// Returns the answer of a check that cannot tell for now: it refuses with a
// 421, and closes the connection. An outage is never an acceptance, and never a
// refusal for good. `status` is for the log.
Verdict Outage(const absl::Status& status);

// Thread-safety: const methods may be called from any thread at any time.
class Check {
 public:
  using Done = absl::AnyInvocable<void(Opinion) &&>;

  virtual ~Check() = default;

  // Answers `question`, without waiting for anything. AnswersLater{} has
  // DecideLater() called. The answer need not name the rule.
  virtual Opinion Decide(Question* question) const = 0;
  // Answers a question for which Decide() returned AnswersLater{}: calls `done`
  // once, from any thread, and not with AnswersLater{}. The question lives
  // until then.
  virtual void DecideLater(Question* question, Done done) const;
};

// A check that may have to wait for a disk. It does so on the threads of
// `run`; or where it is asked, if there is no `run`.
class BlockingCheck : public Check {
 public:
  explicit BlockingCheck(system::Run run) : run_(std::move(run)) {}

  Opinion Decide(Question* question) const final;
  void DecideLater(Question* question, Done done) const final;

 protected:
  // Returns whether the answer may have to wait.
  virtual bool Waits(const Question& question) const = 0;
  // Answers, and may wait. Never returns AnswersLater{}.
  virtual Opinion Look(Question* question) const = 0;

 private:
  const system::Run run_;
};

// What checks are made of.
struct CheckSetup {
  std::shared_ptr<const Controls> controls;
  std::shared_ptr<const net::OwnAddresses> own_addresses;
  std::shared_ptr<const Delivery> delivery;  // null: it serves everyone
  system::Run run;                           // empty: a check may wait
  // Returns the value of a check's option; empty: it was not given.
  std::function<std::string(absl::string_view option)> option;
};

// An entry of the list of checks.
struct CheckEntry {
  CheckRow row;
  // Returns the check; null: it is not in use. An error names the file or the
  // option.
  absl::StatusOr<std::unique_ptr<const Check>> (*make)(const CheckSetup& setup);
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CHECK_H_
