// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One check: one test of a client, a sender, a recipient or another question of
// the session. policy/checks.h runs a list of checks; the list is in
// policy/check_list.cc.

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
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/delivery.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "log/report.h"
#include "net/own_addresses.h"
#include "policy/control/controls.h"
#include "policy/greylisting/greylist_table.h"
#include "policy/names/dns.h"
#include "policy/spf/spf.h"
#include "system/run.h"
#include "system/session_variables.h"

namespace postern::policy {

// The point of a session at which a check is asked.
enum class CheckStage : uint8_t {
  kConnect,  // before the greeting
  kHello,    // HELO, EHLO
  kMail,
  kRcpt,  // for each recipient
  kData,  // DATA, or the first BDAT
  kVerb,  // a verb of ServerConfig::more_verbs
};
inline constexpr size_t kCheckStages =
    static_cast<size_t>(CheckStage::kVerb) + 1;

// Returns "connect", "hello", "mail", "rcpt", "data" or "verb".
absl::string_view StageName(CheckStage stage);
// Returns the stage of a question. Returns nullopt if no check is asked.
std::optional<CheckStage> StageOf(const Ask& ask);

// What is known about a check without running it. Constant data: the log, the
// metrics, --help and the manual page all use these texts.
struct CheckRow {
  absl::string_view rule;  // its name in the log and in metrics
  CheckStage stage = CheckStage::kRcpt;
  // Whether the check may accept a recipient or a verb. Such a check is asked
  // only while no other check has accepted the same one. The other checks can
  // only refuse. They are always asked, and an acceptance from one of them has
  // no effect.
  bool accepts = false;
  bool later = false;       // whether AnswersLater{} is a possible answer
  absl::string_view needs;  // what it reads besides the session facts
  absl::string_view help;   // what it does; '\n' starts a new line
  // The option that turns the check on, without dashes, and the option's value
  // as --help shows it. Empty: the check has no option.
  absl::string_view option = "";
  absl::string_view value = "";
  // The variables that the check reads with FindVariable(), between blanks.
  absl::string_view variables = "";
  // Whether the value is a program, which may be set-user-id.
  bool runs_program = false;
  bool many = false;  // whether the option may be repeated
  bool dns = false;   // whether the check asks CheckSetup::dns
  // Whether the check asks CheckSetup::delivery.
  bool delivery = false;
  // Whether the answer depends on more than the inputs that the relay surface
  // distinguishes (policy/surface/relay_surface.h): on DNS, programs, other
  // servers, patterns, users, the time. The surface does not ask such a check,
  // which is safe because it can only refuse.
  bool outside = false;
};

// A question to the checks of one stage. Used by one thread at a time.
class Question {
 public:
  // `ask` and `session` must outlive the object.
  Question(const Ask& ask, const SharedSessionInfo& session);

  const Ask& ask() const { return ask_; }
  const SessionInfo& session() const { return *session_; }
  const SharedSessionInfo& shared_session() const { return session_; }

  // The sender and the recipient, as they will be in the envelope. Empty at
  // stages that have none, and at DATA if there are several recipients.
  const Path& from() const { return new_from_ ? *new_from_ : *from_; }
  const Path& to() const { return new_to_ ? *new_to_ : *to_; }
  // Replaces the sender or the recipient in the envelope.
  void set_from(Path path) { new_from_ = std::move(path); }
  void set_to(Path path) { new_to_ = std::move(path); }
  // Adds a whole header field, with CRLF, to the message if the recipient is
  // accepted: see Verdict::AddHeader().
  void AddHeader(absl::string_view field) {
    header_.append(field.data(), field.size());
  }
  const std::string& header() const { return header_; }
  bool renamed_from() const { return new_from_ && !(*new_from_ == *from_); }
  bool renamed_to() const { return new_to_ && !(*new_to_ == *to_); }

  // The rule that accepted the recipient or the verb. Empty: none has accepted
  // it yet.
  absl::string_view accepted_by() const { return accepted_by_; }
  void set_accepted_by(absl::string_view rule) { accepted_by_ = rule; }

  // Takes over the changes that `other`, a copy of the same question, has.
  void Continue(Question other);

 private:
  const Ask& ask_;
  const SharedSessionInfo& session_;
  const Path* from_;
  const Path* to_;
  std::optional<Path> new_from_;
  std::optional<Path> new_to_;
  std::string header_;
  absl::string_view accepted_by_;
};

// Returns the value of a variable that tcpserver's rules have set for the
// client, or null if they have not. If a rule sets it twice, the last value
// counts. It must be in CheckRow::variables, or postern-smtpd does not read it.
const std::string* FindVariable(const SessionInfo& session,
                                absl::string_view name);
// Returns whether the client may relay: RELAYCLIENT is set, or it has
// authenticated.
bool MayRelay(const SessionInfo& session);

// The answer of a check: no opinion, an answer later, or a verdict.
struct NoOpinion {};
struct AnswersLater {};
using Opinion = std::variant<NoOpinion, AnswersLater, Verdict>;

// Returns the verdict of a check that cannot decide because of an outage. It
// refuses with a 421 and closes the connection: an outage is never an
// acceptance and never a permanent refusal. `status` goes to the log.
Verdict Outage(const absl::Status& status);
// Returns the verdict of a check that cannot decide because something else than
// a file does not answer: DNS, a program, a server. It refuses with a 451 and
// `text`, which ends in the enhanced code as qmail's texts do, and the session
// goes on. `source` goes to the log.
Verdict NoAnswer(EnhancedCode code, absl::string_view text, std::string source);

// Thread-safety: const methods may be called from any thread at any time.
class Check {
 public:
  using Done = absl::AnyInvocable<void(Opinion) &&>;

  virtual ~Check() = default;

  // Answers `question` without blocking. After AnswersLater{}, the caller calls
  // DecideLater(). The answer does not need to name the rule.
  virtual Opinion Decide(Question* question) const = 0;
  // Answers a question for which Decide() returned AnswersLater{}: calls `done`
  // exactly once, from any thread, and not with AnswersLater{}. The question
  // lives until then.
  virtual void DecideLater(Question* question, Done done) const;
};

// A check that may block, for example on a disk. It blocks on a thread of
// `run`. If `run` is empty, it blocks the thread that asks.
class BlockingCheck : public Check {
 public:
  explicit BlockingCheck(system::Run run) : run_(std::move(run)) {}

  Opinion Decide(Question* question) const final;
  void DecideLater(Question* question, Done done) const final;

 protected:
  // Returns whether Look() may block.
  virtual bool Waits(const Question& question) const = 0;
  // Answers the question, and may block. Never returns AnswersLater{}.
  virtual Opinion Look(Question* question) const = 0;

 private:
  const system::Run run_;
};

// What the checks are built from.
struct CheckSetup {
  std::shared_ptr<const Controls> controls;
  std::shared_ptr<const net::OwnAddresses> own_addresses;
  std::shared_ptr<const Delivery> delivery;  // null: takes every recipient
  system::Run run;                           // empty: checks may block
  // The environment of programs, before the variables of the session.
  system::Variables environment;
  log::Report report;  // of checks, for the log; called on any thread
  // Returns the value of a check's option, or an empty string if the option is
  // not given.
  std::function<std::string(absl::string_view option)> option;
  // Calls `option`, which may be empty: then no option is given.
  std::string Option(absl::string_view name) const {
    return option ? option(name) : std::string();
  }
  // Returns all values of an option that may be repeated, in their order.
  std::function<std::vector<std::string>(absl::string_view option)> values;
  // Null: the program does not ask DNS, and a check that needs it is an error.
  // Must live until the last answer.
  Dns* dns = nullptr;
  // Null: the program has no table, and --greylist is an error. Must live until
  // the last answer.
  GreylistTable* greylist = nullptr;
  // Null: the program does not evaluate SPF. Must live as long as `dns`.
  Spf* spf = nullptr;
  // Logs and counts a refusal that has no effect, because the check only notes
  // what it would refuse. The verdict names the rule. Thread-safe. May be
  // empty.
  std::function<void(const Question& question, const Verdict& verdict)> note;
};

// An entry of the list of checks.
struct CheckEntry {
  CheckRow row;
  // Returns the check, or null if it is not in use. An error names the file or
  // the option.
  absl::StatusOr<std::unique_ptr<const Check>> (*make)(const CheckSetup& setup);
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CHECK_H_
