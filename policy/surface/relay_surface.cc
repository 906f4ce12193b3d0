// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/surface/relay_surface.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/ask.h"
#include "engine/verdict.h"
#include "policy/check_list.h"
#include "policy/control/control_file.h"
#include "policy/control/pattern_list.h"
#include "policy/surface/client_classes.h"
#include "policy/surface/mail_classes.h"

namespace postern::policy {
namespace {

// The checks of CheckList() that the surface asks.
std::vector<CheckEntry> InnerChecks() {
  std::vector<CheckEntry> checks;
  for (const CheckEntry& entry : CheckList()) {
    if (!entry.row.outside) checks.push_back(entry);
  }
  return checks;
}

// The real checks. Their answers do not come later, because nothing is asked
// that is outside.
class Chain {
 public:
  Chain(std::shared_ptr<Checks> checks) : checks_(std::move(checks)) {}

  absl::StatusOr<Verdict> Decide(Ask ask,
                                 const SharedSessionInfo& session) const {
    std::optional<Verdict> verdict = checks_->Decide(
        ask, session, []() -> Policy::Done { return [](Verdict) {}; });
    if (!verdict) {
      return absl::InternalError("a check of the surface answers later");
    }
    return *std::move(verdict);
  }

 private:
  const std::shared_ptr<Checks> checks_;
};

SurfaceVerdict Describe(const Verdict& verdict, CheckStage stage) {
  SurfaceVerdict described;
  described.accepted = verdict.accepted();
  described.stage = stage;
  described.code = verdict.reply()      ? verdict.reply()->code
                   : verdict.accepted() ? 250
                                        : 550;
  described.rule = std::string(verdict.rule());
  described.source = verdict.source();
  return described;
}

bool Same(const SurfaceVerdict& left, const SurfaceVerdict& right) {
  return left.accepted == right.accepted && left.stage == right.stage &&
         left.code == right.code && left.rule == right.rule;
}

class SurfaceMaker {
 public:
  explicit SurfaceMaker(const SurfaceInput& input) : input_(input) {}

  absl::StatusOr<Surface> Make() {
    absl::Status status = MakeClasses();
    if (status.ok()) status = Run();
    if (!status.ok()) return status;
    return std::move(surface_);
  }

 private:
  absl::Status MakeClasses() {
    surface_.host_names = input_.host_names;
    surface_.ident = input_.ident;
    surface_.anonymous = input_.anonymous;
    surface_.users = input_.users;
    surface_.claimants = input_.claimants;

    ControlOptions options = input_.controls;
    options.senders = false;  // only checks outside read these
    options.aliases = false;
    options.extension_separators.clear();
    auto controls = ReadControls(options);
    if (!controls.ok()) return controls.status();
    surface_.open_relay = controls->open_relay;
    bad_mail_from_patterns_ = !controls->badmailfrom.patterns.empty() ||
                              !controls->badmailfrom.no_relay.empty();
    controls->badmailfrom.patterns = PatternList();
    controls->badmailfrom.no_relay = PatternList();
    controls_ = std::make_shared<const Controls>(*std::move(controls));

    absl::Status status = AddClients(input_, inner_, &surface_);
    if (!status.ok()) return status;
    const auto mail = MailClasses::Make(*controls_, *input_.own_addresses);
    if (!mail.ok()) return mail.status();
    surface_.senders = mail->Senders(&surface_.unreached_senders);
    std::map<std::string, size_t> suffixes;
    status = AddRecipients(*mail, "", &suffixes);
    for (Profile& profile : surface_.profiles) {
      const std::string suffix = profile.relay_client.value_or("");
      if (status.ok() && !suffixes.contains(suffix)) {
        status = AddRecipients(*mail, suffix, &suffixes);
      }
      if (!status.ok()) return status;
      profile.recipients = suffixes[suffix];
    }
    AddOutside();
    return status;
  }

  absl::Status AddRecipients(const MailClasses& mail, const std::string& suffix,
                             std::map<std::string, size_t>* suffixes) {
    auto partition = mail.Recipients(
        suffix, suffix.empty() ? &surface_.unreached_recipients : nullptr);
    if (!partition.ok()) return partition.status();
    (*suffixes)[suffix] = surface_.recipients.size();
    surface_.recipients.push_back(*std::move(partition));
    return absl::OkStatus();
  }

  void AddOutside() {
    if (bad_mail_from_patterns_) {
      surface_.outside.push_back(
          {.rule = "badmailfrom",
           .by = "badmailfrompatterns, badmailfromnorelay"});
    }
    std::vector<const CheckRow*> rows;
    if (input_.checks != nullptr) {
      rows = input_.checks->InUse();
    } else {
      for (const CheckEntry& entry : CheckList()) rows.push_back(&entry.row);
    }
    for (const CheckRow* row : rows) {
      if (!row->outside) continue;
      const std::optional<std::string> by = UsedBy(*row);
      // A rule may have a row at several stages.
      if (by && std::none_of(surface_.outside.begin(), surface_.outside.end(),
                             [&](const OutsideCheck& other) {
                               return other.rule == row->rule &&
                                      other.by == *by &&
                                      other.accepts == row->accepts;
                             })) {
        surface_.outside.push_back({std::string(row->rule), *by, row->accepts});
      }
    }
  }

  // Returns what turns a check on, or nullopt if nothing does.
  std::optional<std::string> UsedBy(const CheckRow& row) const {
    if (row.rule == "senders") {  // its option belongs to the control files
      if (!input_.controls.senders) return std::nullopt;
      return "--senders";
    }
    const auto& given = input_.check_options;
    const absl::string_view option = OptionOf(row);
    if (!option.empty() &&
        std::find(given.begin(), given.end(), option) != given.end()) {
      return absl::StrCat("--", option);
    }
    std::optional<std::string> variable;
    if (input_.rules != nullptr && !row.variables.empty()) {
      const std::vector<std::string> names =
          absl::StrSplit(row.variables, ' ', absl::SkipEmpty());
      // The rules have been read without an error.
      (void)input_.rules->ForEach(
          [&](absl::string_view, absl::string_view record) {
            const auto match = TcpRules::ParseRecord(record);
            if (!match) return true;
            for (const auto& [name, value] : match->variables) {
              if (std::find(names.begin(), names.end(), name) != names.end()) {
                variable = absl::StrCat("the variable ", name);
              }
            }
            return !variable;
          });
    }
    if (variable) return variable;
    // A check without an option is on because its file exists.
    if (option.empty()) return "";
    return std::nullopt;
  }

  // Returns the option of a check, which another row of its rule may have, or
  // "".
  static absl::string_view OptionOf(const CheckRow& row) {
    if (!row.option.empty()) return row.option;
    for (const CheckEntry& entry : CheckList()) {
      if (entry.row.rule == row.rule && !entry.row.option.empty()) {
        return entry.row.option;
      }
    }
    return "";
  }

  // A session of clients with a profile.
  struct Session {
    size_t profile = 0;
    bool temporary = false;
    bool user = false;
    SharedSessionInfo info;
    std::optional<SurfaceVerdict> refused;  // before MAIL
  };

  absl::StatusOr<Session> Open(size_t index, bool temporary, bool user) const {
    const Profile& profile = surface_.profiles[index];
    Session session{index, temporary, user};
    if (!profile.outage.empty()) {
      session.refused = SurfaceVerdict{.stage = CheckStage::kConnect,
                                       .code = 421,
                                       .rule = "tcprules",
                                       .source = profile.outage};
      return session;
    }
    SessionInfo info;
    info.denied = profile.denied;
    info.relay_client = profile.relay_client;
    info.environment = profile.variables;
    if (temporary) info.name_status = NameStatus::kTemporary;
    if (user) info.identity = "user";
    session.info = std::make_shared<const SessionInfo>(std::move(info));
    const std::pair<Ask, CheckStage> before[] = {
        {{.what = Connected()}, CheckStage::kConnect},
        {{.what = Hello{.client_name = "client.invalid"}}, CheckStage::kHello}};
    for (const auto& [ask, stage] : before) {
      const auto verdict = chain_->Decide(ask, session.info);
      if (!verdict.ok()) return verdict.status();
      if (!verdict->accepted()) {
        session.refused = Describe(*verdict, stage);
        break;
      }
    }
    return session;
  }

  // MAIL of a session, which is refused or has a sender.
  struct Transaction {
    std::optional<SurfaceVerdict> refused;
    Path from;  // in the envelope
  };

  absl::StatusOr<Transaction> Begin(const Session& session,
                                    const Path& from) const {
    if (session.refused) return Transaction{session.refused, from};
    const auto verdict =
        chain_->Decide({.what = Mail{.from = from}}, session.info);
    if (!verdict.ok()) return verdict.status();
    if (!verdict->accepted()) {
      return Transaction{Describe(*verdict, CheckStage::kMail), from};
    }
    return Transaction{std::nullopt, verdict->path().value_or(from)};
  }

  absl::StatusOr<SurfaceVerdict> Send(const Session& session,
                                      const Transaction& transaction,
                                      const RecipientClass& to) const {
    if (transaction.refused) return *transaction.refused;
    const auto verdict = chain_->Decide(
        {.what = Rcpt{.from = transaction.from, .to = to.witness}},
        session.info);
    if (!verdict.ok()) return verdict.status();
    SurfaceVerdict described = Describe(*verdict, CheckStage::kRcpt);
    if (!described.accepted) return described;
    described.to = verdict->path().value_or(to.witness);
    described.local = to.local;
    if (described.to == to.envelope) return described;
    return absl::InternalError(absl::StrCat(
        "the surface expects the address ", to.envelope.Address(),
        " in the envelope, but the checks put ", described.to.Address()));
  }

  // Asks about each combination of kinds.
  absl::Status Run() {
    auto checks = Checks::Make({.controls = controls_,
                                .own_addresses = input_.own_addresses,
                                .delivery = input_.delivery},
                               inner_);
    if (!checks.ok()) return checks.status();
    chain_.emplace(*std::move(checks));
    const std::vector<const SenderClass*> senders = SenderKinds();
    surface_.verdicts.resize(surface_.profiles.size() * 4 *
                             SenderClass::kKinds * RecipientClass::kKinds);
    // For each partition, the session that asks about all of its classes: if
    // possible, one without a right to relay.
    std::vector<std::optional<Session>> strangers(surface_.recipients.size());
    for (size_t profile = 0; profile < surface_.profiles.size(); ++profile) {
      for (const bool user : {false, true}) {
        if (!surface_.Possible(user)) continue;
        for (const bool temporary : {false, true}) {
          auto session = Open(profile, temporary, user);
          if (!session.ok()) return session.status();
          absl::Status status = RunKinds(*session, senders);
          if (!status.ok()) return status;
          if (session->refused || temporary) continue;
          std::optional<Session>& stranger =
              strangers[surface_.profiles[profile].recipients];
          if (!stranger || Rights(*session) < Rights(*stranger)) {
            stranger = *std::move(session);
          }
        }
      }
    }
    for (const std::optional<Session>& stranger : strangers) {
      if (!stranger) continue;
      const absl::Status status = RunClasses(*stranger);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // How many reasons a session has to relay.
  int Rights(const Session& session) const {
    const Profile& profile = surface_.profiles[session.profile];
    return (session.user ? 1 : 0) + (profile.relay_client ? 1 : 0);
  }

  std::vector<const SenderClass*> SenderKinds() const {
    std::vector<const SenderClass*> kinds(SenderClass::kKinds);
    for (const SenderClass& sender : surface_.senders) {
      const SenderClass*& first = kinds[static_cast<size_t>(sender.kind)];
      if (first == nullptr) first = &sender;
    }
    return kinds;
  }

  std::vector<const RecipientClass*> RecipientKinds(size_t partition) const {
    std::vector<const RecipientClass*> kinds(RecipientClass::kKinds);
    for (const RecipientClass& to : surface_.recipients[partition].classes) {
      const RecipientClass*& first = kinds[static_cast<size_t>(to.kind)];
      if (first == nullptr) first = &to;
    }
    return kinds;
  }

  absl::Status RunKinds(const Session& session,
                        const std::vector<const SenderClass*>& senders) {
    const auto recipients =
        RecipientKinds(surface_.profiles[session.profile].recipients);
    for (const SenderClass* sender : senders) {
      if (sender == nullptr) continue;
      const auto transaction = Begin(session, sender->witness);
      if (!transaction.ok()) return transaction.status();
      for (const RecipientClass* to : recipients) {
        if (to == nullptr) continue;
        auto verdict = Send(session, *transaction, *to);
        if (!verdict.ok()) return verdict.status();
        surface_.verdicts[surface_.VerdictIndex(
            session.profile, session.temporary, session.user, sender->kind,
            to->kind)] = *std::move(verdict);
      }
    }
    return absl::OkStatus();
  }

  // Asks about each class, and compares with the answer for its kind.
  absl::Status RunClasses(const Session& session) {
    const auto& recipients =
        surface_.recipients[surface_.profiles[session.profile].recipients]
            .classes;
    for (size_t from = 0; from < surface_.senders.size(); ++from) {
      const SenderClass& sender = surface_.senders[from];
      const auto transaction = Begin(session, sender.witness);
      if (!transaction.ok()) return transaction.status();
      for (size_t to = 0; to < recipients.size(); ++to) {
        if (sender.kind != SenderClass::Kind::kOther &&
            (to > 0 || sender.kind != SenderClass::Kind::kListed)) {
          break;
        }
        const auto verdict = Send(session, *transaction, recipients[to]);
        if (!verdict.ok()) return verdict.status();
        const SurfaceVerdict found = surface_.Find(
            {session.profile, session.temporary, session.user, from, to});
        if (Same(*verdict, found) && verdict->source == found.source) continue;
        return absl::InternalError(absl::StrCat(
            "the checks distinguish between addresses of one kind: ",
            verdict->rule, " ", verdict->source, " and ", found.rule, " ",
            found.source, " for ", recipients[to].witness.Address()));
      }
    }
    return absl::OkStatus();
  }

  const SurfaceInput& input_;
  Surface surface_;
  const std::vector<CheckEntry> inner_ = InnerChecks();
  std::shared_ptr<const Controls> controls_;
  bool bad_mail_from_patterns_ = false;
  std::optional<Chain> chain_;
};

}  // namespace

absl::StatusOr<Surface> MakeSurface(const SurfaceInput& input) {
  return SurfaceMaker(input).Make();
}

bool Surface::Possible(bool user) const {
  if (!user) return anonymous;
  return users ||
         std::any_of(claimants.begin(), claimants.end(),
                     [](const Claimant& claimant) { return claimant.users; });
}

size_t Surface::VerdictIndex(size_t profile, bool temporary, bool user,
                             SenderClass::Kind sender,
                             RecipientClass::Kind recipient) const {
  size_t index = profile * 2 + (temporary ? 1 : 0);
  index = index * 2 + (user ? 1 : 0);
  index = index * SenderClass::kKinds + static_cast<size_t>(sender);
  return index * RecipientClass::kKinds + static_cast<size_t>(recipient);
}

SurfaceVerdict Surface::Find(const SurfaceQuestion& question) const {
  const auto& partition = recipients[profiles[question.profile].recipients];
  const RecipientClass& to = partition.classes[question.recipient];
  const SenderClass& from = senders[question.sender];
  SurfaceVerdict verdict =
      verdicts[VerdictIndex(question.profile, question.temporary, question.user,
                            from.kind, to.kind)]
          .value_or(SurfaceVerdict());
  // The answer is that of the first class of the kind. Only the source and the
  // address differ.
  if (verdict.rule == "badmailfrom") verdict.source = from.source;
  if (verdict.accepted) {
    if (!to.source.empty() &&
        (verdict.rule == "rcpthosts" || verdict.rule == "morercpthosts")) {
      verdict.source = to.source;
    }
    verdict.to = to.envelope;
    verdict.local = to.local;
  }
  return verdict;
}

bool Surface::Reaches(size_t profile, bool user, size_t recipient) const {
  if (!Possible(user)) return false;
  const auto& to = recipients[profiles[profile].recipients].classes[recipient];
  for (const SenderClass& from : senders) {
    const auto& verdict =
        verdicts[VerdictIndex(profile, false, user, from.kind, to.kind)];
    if (verdict && verdict->accepted) return true;
  }
  return false;
}

bool Surface::Relays(size_t profile, bool user) const {
  const auto& classes = recipients[profiles[profile].recipients].classes;
  for (size_t to = 0; to < classes.size(); ++to) {
    if (!classes[to].local && Reaches(profile, user, to)) return true;
  }
  return false;
}

}  // namespace postern::policy
