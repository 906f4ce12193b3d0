// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/relay_checks.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "engine/verdict.h"
#include "policy/control/bad_list.h"
#include "policy/control/host_list.h"
#include "policy/control/sender_list.h"

namespace postern::policy {
namespace {

// A check that needs only the control files.
class ControlCheck : public Check {
 public:
  using Function = Opinion (*)(const Controls&, const Question&);

  ControlCheck(std::shared_ptr<const Controls> controls, Function decide)
      : controls_(std::move(controls)), decide_(decide) {}

  Opinion Decide(Question* question) const override {
    return decide_(*controls_, *question);
  }

 private:
  const std::shared_ptr<const Controls> controls_;
  const Function decide_;
};

MadeCheck Make(const CheckSetup& setup, ControlCheck::Function decide) {
  return std::make_unique<ControlCheck>(setup.controls, decide);
}

class LocalIpHost : public Check {
 public:
  explicit LocalIpHost(const CheckSetup& setup)
      : controls_(setup.controls), own_addresses_(setup.own_addresses) {}

  Opinion Decide(Question* question) const override {
    if (IsName(question->from()) && IsName(question->to())) return NoOpinion{};
    // At RCPT the sender has already been replaced, unless its envelope comes
    // from another source. Replacing it again changes nothing.
    absl::StatusOr<std::optional<Path>> from = Replaced(question->from());
    if (from.ok() && *from) question->set_from(**std::move(from));
    absl::StatusOr<std::optional<Path>> to = Replaced(question->to());
    if (to.ok() && *to) question->set_to(**std::move(to));
    for (const absl::Status& status : {from.status(), to.status()}) {
      if (!status.ok()) {
        return Verdict::Drop(NoAddressesReply())
            .From(std::string(status.message()));
      }
    }
    return NoOpinion{};
  }

 private:
  // Returns whether the domain is a plain name, as most are.
  static bool IsName(const Path& path) {
    return !path.domain.empty() && path.domain.front() != '[' &&
           !absl::StrContains(path.domain, '@');
  }
  // Returns the replacement of `path`, or nullopt if `path` stays.
  absl::StatusOr<std::optional<Path>> Replaced(const Path& path) const {
    std::optional<Path> split;
    // The domain is what follows the last '@', even if a parser split
    // elsewhere.
    if ((path.domain.empty() && absl::StrContains(path.local_part, '@')) ||
        absl::StrContains(path.domain, '@')) {
      split = SplitAddress(path.Address());
    }
    const Path& whole = split ? *split : path;
    if (!controls_->localiphost) return split;
    const std::optional<IpAddress> address =
        net::ParseIpv4Literal(whole.domain);
    if (!address) return split;
    const absl::StatusOr<bool> ours = own_addresses_->Contains(*address);
    if (!ours.ok()) return ours.status();
    if (*ours) split = Path{whole.local_part, *controls_->localiphost};
    return split;
  }

  const std::shared_ptr<const Controls> controls_;
  const std::shared_ptr<const net::OwnAddresses> own_addresses_;
};

class Senders : public BlockingCheck {
 public:
  explicit Senders(const CheckSetup& setup)
      : BlockingCheck(setup.run), controls_(setup.controls) {}

 protected:
  bool Waits(const Question& question) const override {
    return !question.session().identity.empty() &&
           controls_->senders->has_database();
  }
  Opinion Look(Question* question) const override {
    const std::string& user = question->session().identity;
    if (user.empty()) return NoOpinion{};
    const absl::StatusOr<bool> allowed =
        controls_->senders->Allows(user, question->from());
    if (!allowed.ok()) return Outage(allowed.status());
    if (*allowed) return NoOpinion{};
    return Verdict::Refuse({553,
                            {5, 7, 1},
                            "sorry, that sender address isn't yours (#5.7.1)"})
        .From(absl::StrCat("user ", user));
  }

 private:
  const std::shared_ptr<const Controls> controls_;
};

Opinion BadAddress(const Controls&, const Question& question) {
  if (!HasControlCharacter(question.from()) &&
      !HasControlCharacter(question.to())) {
    return NoOpinion{};
  }
  return Verdict::Refuse(
      {553, {5, 1, 3}, "sorry, that address is not valid (#5.1.3)"});
}

Opinion BadMailFrom(const Controls& controls, const Question& question) {
  const SessionInfo& session = question.session();
  std::optional<std::string> entry =
      controls.badmailfrom.Find(question.from(), MayRelay(session));
  if (!entry || FindVariable(session, "DISABLE_BADMAILFROM") != nullptr)
    return NoOpinion{};
  return Verdict::Refuse(
             {553,
              {5, 7, 1},
              "sorry, your envelope sender is in my badmailfrom list "
              "(#5.7.1)"})
      .From(*std::move(entry));
}

Opinion RelayClient(const Controls&, const Question& question) {
  const std::optional<std::string>& suffix = question.session().relay_client;
  if (!suffix) return NoOpinion{};
  const absl::Status valid = ValidateRelayClient(*suffix);
  if (!valid.ok()) return Outage(valid);
  if (suffix->empty()) return Verdict::Accept().From("RELAYCLIENT");
  // The value is appended to the text: ".fix" extends the domain, and "@fixme"
  // adds a new domain.
  return Verdict::AcceptAs(
             SplitAddress(absl::StrCat(question.to().Address(), *suffix)))
      .From("RELAYCLIENT");
}

Opinion Authenticated(const Controls&, const Question& question) {
  const std::string& user = question.session().identity;
  if (user.empty()) return NoOpinion{};
  return Verdict::Accept().From(absl::StrCat("user ", user));
}

Opinion LocalName(const Controls&, const Question& question) {
  if (!IsLocalName(question.to())) return NoOpinion{};
  return Verdict::Accept();
}

// Looks `to` up in rcpthosts and morercpthosts.cdb.
Opinion AskHosts(const Controls& controls, const Path& to) {
  const absl::StatusOr<std::optional<HostList::Match>> match =
      controls.rcpthosts.Find(to.domain);
  if (!match.ok()) return Outage(match.status());
  if (!match->has_value()) return NoOpinion{};
  return Verdict::Accept().From((*match)->source);
}

Opinion RcptHosts(const Controls& controls, const Question& question) {
  const Path& to = question.to();
  if (controls.rcpthosts.ReadsDatabase(to.domain)) return NoOpinion{};
  return AskHosts(controls, to);
}

class MoreRcptHosts : public BlockingCheck {
 public:
  explicit MoreRcptHosts(const CheckSetup& setup)
      : BlockingCheck(setup.run), controls_(setup.controls) {}

 protected:
  bool Waits(const Question& question) const override {
    return controls_->rcpthosts.ReadsDatabase(question.to().domain);
  }
  Opinion Look(Question* question) const override {
    if (!Waits(*question)) return NoOpinion{};
    return AskHosts(*controls_, question->to());
  }

 private:
  const std::shared_ptr<const Controls> controls_;
};

Opinion OpenRelay(const Controls& controls, const Question&) {
  if (!controls.open_relay) return NoOpinion{};
  return Verdict::Accept();
}

Opinion NotListed(const Controls&, const Question& question) {
  if (!question.accepted_by().empty()) return NoOpinion{};
  if (question.session().name_status == NameStatus::kTemporary) {
    // A rule for the client's host name might accept the recipient.
    return NoAnswer({4, 4, 3}, "cannot look up your host name for now (#4.4.3)",
                    "host name");
  }
  return Verdict::Refuse(
      {553,
       {5, 7, 1},
       "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"});
}

class NoRelay : public BlockingCheck {
 public:
  explicit NoRelay(const CheckSetup& setup)
      : BlockingCheck(setup.run),
        controls_(setup.controls),
        delivery_(setup.delivery) {}

 protected:
  bool Waits(const Question& question) const override {
    return IsRelayed(question) &&
           controls_->rcpthosts.ReadsDatabase(question.to().domain);
  }
  Opinion Look(Question* question) const override {
    if (!IsRelayed(*question)) return NoOpinion{};
    Opinion listed = AskHosts(*controls_, question->to());
    if (!std::holds_alternative<NoOpinion>(listed)) return listed;
    const std::string& user = question->session().identity;
    const bool relay_client = question->session().relay_client.has_value();
    // The reply is for the client. The log and postern explain are for the
    // administrator, who can change the delivery.
    const std::string grant = relay_client ? "RELAYCLIENT; "
                              : !user.empty()
                                  ? absl::StrCat("user ", user, "; ")
                                  : "";
    return Verdict::Refuse(
               {550,
                {5, 7, 1},
                "sorry, that domain isn't mine, and there is no way to send "
                "mail elsewhere (#5.7.1)"})
        .From(absl::StrCat(grant,
                           "--deliver smtp:SERVER or qmail-queue would send "
                           "it on"));
  }

 private:
  // Whether the recipient was accepted only because the client may relay,
  // although this host cannot send mail to its domain.
  bool IsRelayed(const Question& question) const {
    const absl::string_view rule = question.accepted_by();
    return (rule == "relayclient" || rule == "authenticated" ||
            rule == "open-relay") &&
           !IsLocalName(question.to()) &&
           !delivery_->ServesRemote(question.to());
  }

  const std::shared_ptr<const Controls> controls_;
  const std::shared_ptr<const Delivery> delivery_;
};

}  // namespace

Path SplitAddress(absl::string_view text) {
  const size_t at = text.rfind('@');
  if (at == absl::string_view::npos || at + 1 == text.size()) {
    return {std::string(text), ""};
  }
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

bool IsLocalName(const Path& path) {
  return path.domain.empty() && !absl::StrContains(path.local_part, '@');
}

// A NUL ends an address in qmail-queue's envelope. Without this check,
// "u@evil\0@here" would be checked as one address and queued as another. A
// newline does the same to a header or a log.
bool HasControlCharacter(const Path& path) {
  const auto has = [](absl::string_view text) {
    return std::any_of(text.begin(), text.end(), absl::ascii_iscntrl);
  };
  return has(path.local_part) || has(path.domain);
}

MadeCheck MakeDeniedClients(const CheckSetup& setup) {
  return Make(setup, [](const Controls&, const Question& question) -> Opinion {
    if (!question.session().denied) return NoOpinion{};
    return Verdict::Drop({554, {5, 7, 1}, "no service for you (#5.7.1)"});
  });
}

MadeCheck MakeLocalIpHost(const CheckSetup& setup) {
  return std::make_unique<LocalIpHost>(setup);
}

MadeCheck MakeSenders(const CheckSetup& setup) {
  if (!setup.controls->senders) return nullptr;
  return std::make_unique<Senders>(setup);
}

MadeCheck MakeBadAddress(const CheckSetup& setup) {
  return Make(setup, BadAddress);
}
MadeCheck MakeBadMailFrom(const CheckSetup& setup) {
  return Make(setup, BadMailFrom);
}
MadeCheck MakeRelayClient(const CheckSetup& setup) {
  return Make(setup, RelayClient);
}
MadeCheck MakeAuthenticated(const CheckSetup& setup) {
  return Make(setup, Authenticated);
}
MadeCheck MakeLocalName(const CheckSetup& setup) {
  return Make(setup, LocalName);
}
MadeCheck MakeRcptHosts(const CheckSetup& setup) {
  return Make(setup, RcptHosts);
}
MadeCheck MakeMoreRcptHosts(const CheckSetup& setup) {
  return std::make_unique<MoreRcptHosts>(setup);
}
MadeCheck MakeOpenRelay(const CheckSetup& setup) {
  return Make(setup, OpenRelay);
}
MadeCheck MakeNotListed(const CheckSetup& setup) {
  return Make(setup, NotListed);
}
MadeCheck MakeNoRelay(const CheckSetup& setup) {
  if (setup.delivery == nullptr) return nullptr;
  return std::make_unique<NoRelay>(setup);
}

absl::Status ValidateRelayClient(absl::string_view value) {
  for (char c : value) {
    if (!absl::ascii_isprint(c)) {
      return absl::InvalidArgumentError(
          "RELAYCLIENT contains a byte that is not printable ASCII");
    }
  }
  if (absl::EndsWith(value, "@")) {
    return absl::InvalidArgumentError("RELAYCLIENT ends in '@'");
  }
  return absl::OkStatus();
}

Reply NoAddressesReply() {
  return {421, {4, 3, 0}, "unable to figure out my IP addresses (#4.3.0)"};
}

}  // namespace postern::policy
