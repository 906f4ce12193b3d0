// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegated_checks.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "log/log.h"
#include "policy/control/control_file.h"
#include "policy/delegation/policy_answer.h"
#include "policy/delegation/policy_client.h"
#include "policy/delegation/policy_request.h"
#include "policy/delegation/policy_server.h"
#include "policy/delegation/recipient_program.h"
#include "system/bounded_run.h"
#include "system/deadline.h"

namespace postern::policy {
namespace {

// A check that asks another program, and waits for it.
class DelegatedCheck : public Check {
 public:
  DelegatedCheck(const CheckSetup& setup, absl::Duration patience)
      : run_(system::BoundedRun(setup.run, kDelegatedAtOnce)),
        patience_(patience) {}

  Opinion Decide(Question* question) const final {
    if (!Asks(*question)) return NoOpinion{};
    if (run_) return AnswersLater{};
    return Look(question, /*too_late=*/false);
  }

  void DecideLater(Question* question, Done done) const final {
    run_([this, question, waits = system::Deadline(patience_),
          done = std::move(done)]() mutable {
      std::move(done)(LookInScope(question, waits.passed()));
    });
  }

 protected:
  virtual bool Asks(const Question& question) const = 0;
  // Answers the question, and may block. `too_late` means that it has waited
  // for a thread too long to be asked: it counts as an outage.
  virtual Opinion Look(Question* question, bool too_late) const = 0;

 private:
  // The lines that Look() logs name the session and the message.
  Opinion LookInScope(Question* question, bool too_late) const {
    const auto* const rcpt = std::get_if<Rcpt>(&question->ask().what);
    const int message = rcpt != nullptr
                            ? rcpt->message
                            : std::get<BodyBegin>(question->ask().what).message;
    const log::LogScope scope({question->session().session_id, message});
    return Look(question, too_late);
  }

  const system::Run run_;
  const absl::Duration patience_;
};

constexpr absl::string_view kTooLate =
    "too many questions have waited for an answer";

class RcptCheck : public DelegatedCheck {
 public:
  RcptCheck(const CheckSetup& setup, std::string program)
      : DelegatedCheck(setup, kRcptCheckTimeout),
        program_(std::move(program)),
        controls_(setup.controls),
        environment_(setup.environment) {}

 protected:
  bool Asks(const Question& question) const override {
    return Program(question) &&
           (!MayRelay(question.session()) || AsksAboutTrusted(question));
  }
  Opinion Look(Question* question, bool too_late) const override {
    if (too_late) {
      return NoAnswer({4, 3, 0}, "unable to verify recipient (#4.3.0)",
                      absl::StrCat(*Program(*question), ": ", kTooLate));
    }
    // Not Question::accepted_by(): it names the rule of a client that may
    // relay.
    const auto listed = controls_->rcpthosts.Find(question->to().domain);
    if (!listed.ok()) return Outage(listed.status());
    std::optional<Verdict> refusal =
        AskRecipientProgram({.program = *Program(*question),
                             .from = question->from(),
                             .to = question->to(),
                             .listed = listed->has_value(),
                             .environment = environment_,
                             .deadline = system::Deadline(kRcptCheckTimeout)},
                            question->session());
    if (!refusal) return NoOpinion{};
    return *std::move(refusal);
  }

 private:
  // Returns the program for this client, or nullopt if there is none. An empty
  // variable is a program that cannot be run: it does not turn the check off.
  std::optional<std::string> Program(const Question& question) const {
    const std::string* const program =
        FindVariable(question.session(), "RCPTCHECK");
    if (program != nullptr) return *program;
    if (program_.empty()) return std::nullopt;
    return program_;
  }
  bool AsksAboutTrusted(const Question& question) const {
    const std::string* const value =
        FindVariable(question.session(), "RCPTCHECKRELAYCLIENT");
    if (value == nullptr) return false;
    absl::string_view digits = *value;
    return TakeNumber(&digits).value_or(0) != 0;
  }

  const std::string program_;  // of the option; empty: none
  const std::shared_ptr<const Controls> controls_;
  const std::vector<std::pair<std::string, std::string>> environment_;
};

class PolicyServers : public DelegatedCheck {
 public:
  PolicyServers(const CheckSetup& setup,
                std::vector<std::unique_ptr<PolicyClient>> clients,
                absl::Duration patience)
      : DelegatedCheck(setup, patience),
        clients_(std::move(clients)),
        report_(setup.report) {}

 protected:
  bool Asks(const Question& question) const override {
    return std::any_of(
        clients_.begin(), clients_.end(),
        [&](const auto& client) { return Asks(client->server(), question); });
  }
  Opinion Look(Question* question, bool too_late) const override {
    const auto* const rcpt = std::get_if<Rcpt>(&question->ask().what);
    const std::string request =
        rcpt != nullptr
            ? FormatPolicyRequest(*rcpt, question->from(), question->to(),
                                  question->session())
            : FormatPolicyRequest(std::get<BodyBegin>(question->ask().what),
                                  question->session());
    for (const std::unique_ptr<PolicyClient>& client : clients_) {
      const PolicyServer& server = client->server();
      if (!Asks(server, *question)) continue;
      absl::StatusOr<PolicyAnswer> answer =
          too_late ? absl::UnavailableError(kTooLate)
                   : Ask(client.get(), request);
      if (!answer.ok()) {
        std::string why =
            absl::StrCat(server.name, ": ", answer.status().message());
        if (!server.ignore_outage) {
          return NoAnswer({4, 3, 5}, "unable to ask a policy server (#4.3.5)",
                          std::move(why));
        }
        report_(absl::StrCat(why, ", ignored"));
        continue;
      }
      switch (answer->kind) {
        case PolicyAnswer::Kind::kNoOpinion:
          break;
        case PolicyAnswer::Kind::kRefuse:
          return RefuseWith(std::move(answer->reply)).From(server.name);
        case PolicyAnswer::Kind::kHeader:
          question->AddHeader(answer->text);
          break;
        case PolicyAnswer::Kind::kNote:
          report_(absl::StrCat(server.name, ": ", answer->text));
          break;
      }
    }
    return NoOpinion{};
  }

 private:
  static bool Asks(const PolicyServer& server, const Question& question) {
    return server.all_clients || !MayRelay(question.session());
  }
  static absl::StatusOr<PolicyAnswer> Ask(PolicyClient* client,
                                          const std::string& request) {
    const absl::StatusOr<std::string> answer =
        client->Ask(request, system::Deadline(client->server().timeout));
    if (!answer.ok()) return answer.status();
    return ParsePolicyAnswer(*answer);
  }

  const std::vector<std::unique_ptr<PolicyClient>> clients_;
  const log::Report report_;
};

// Makes the check for the servers of one stage, or null if there are none.
absl::StatusOr<std::unique_ptr<const Check>> MakeServersOf(
    const CheckSetup& setup, bool at_data) {
  const std::string option = setup.Option("policy-server");
  if (option.empty()) return nullptr;
  absl::StatusOr<std::vector<PolicyServer>> servers =
      ParsePolicyServers(option);
  if (!servers.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--policy-server: ", servers.status().message()));
  }
  absl::Duration patience;
  std::vector<std::unique_ptr<PolicyClient>> clients;
  for (PolicyServer& server : *servers) {
    if (server.at_data != at_data) continue;
    patience = std::max(patience, server.timeout);
    clients.push_back(std::make_unique<PolicyClient>(std::move(server)));
  }
  if (clients.empty()) return nullptr;
  return std::make_unique<PolicyServers>(setup, std::move(clients), patience);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Check>> MakeRcptCheck(
    const CheckSetup& setup) {
  std::string program = setup.Option("rcptcheck");
  if (!program.empty() && !absl::StartsWith(program, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--rcptcheck: not an absolute path: ", program));
  }
  return std::make_unique<RcptCheck>(setup, std::move(program));
}

absl::StatusOr<std::unique_ptr<const Check>> MakePolicyServers(
    const CheckSetup& setup) {
  return MakeServersOf(setup, /*at_data=*/false);
}

absl::StatusOr<std::unique_ptr<const Check>> MakeDataPolicyServers(
    const CheckSetup& setup) {
  return MakeServersOf(setup, /*at_data=*/true);
}

}  // namespace postern::policy
