// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/relay_rules.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "engine/verdict.h"
#include "policy/control/bad_mail_from.h"
#include "policy/control/host_list.h"
#include "policy/control/line_set.h"
#include "policy/control/sender_list.h"

namespace postern::policy {
namespace {

// Returns the address that `text` is to whoever reads it from an envelope. A
// '@' with nothing behind it stays in the local part: "u@" must not turn into
// "u", which is a local name.
Path SplitAddress(absl::string_view text) {
  const size_t at = text.rfind('@');
  if (at == absl::string_view::npos || at + 1 == text.size()) {
    return {std::string(text), ""};
  }
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

void Accept(Rule rule, std::string source, Decision* decision) {
  decision->kind = Verdict::Kind::kAccept;
  decision->rule = rule;
  decision->source = std::move(source);
  decision->reply = {250, {2, 1, 5}, "ok"};
}

void Refuse(Rule rule, std::string source, Reply reply, Decision* decision) {
  decision->kind = Verdict::Kind::kRefuse;
  decision->rule = rule;
  decision->source = std::move(source);
  decision->reply = std::move(reply);
}

void Fail(const absl::Status& status, Reply reply, Decision* decision) {
  decision->kind = Verdict::Kind::kDrop;
  decision->rule = Rule::kControlError;
  decision->source = std::string(status.message());
  decision->reply = std::move(reply);
}

// A NUL ends an address in qmail-queue's envelope, so that "u@evil\0@here"
// would be decided on as one address and queued as another; a line end does
// the same to a header or a log.
bool HasControlCharacter(const Path& path) {
  const auto has = [](absl::string_view text) {
    return std::any_of(text.begin(), text.end(), absl::ascii_iscntrl);
  };
  return has(path.local_part) || has(path.domain);
}

Reply NoControlsReply() {
  return {421, {4, 3, 0}, "unable to read controls (#4.3.0)"};
}

}  // namespace

RelayRules::RelayRules(std::shared_ptr<const Controls> controls,
                       std::shared_ptr<const OwnAddresses> own_addresses)
    : controls_(std::move(controls)),
      own_addresses_(std::move(own_addresses)) {}

Decision RelayRules::Decide(const Rcpt& rcpt,
                            const SessionInfo& session) const {
  Decision decision;
  decision.from = rcpt.from;
  decision.to = rcpt.to;
  // The sender has been through this at MAIL, where its envelope comes from
  // this policy; doing it again changes nothing.
  for (Path* path : {&decision.from, &decision.to}) {
    const absl::Status replaced = ReplaceLiteral(path);
    if (!replaced.ok()) {
      Fail(replaced, NoAddressesReply(), &decision);
      return decision;
    }
  }
  Apply(session, &decision);
  return decision;
}

Decision RelayRules::DecideMail(const Mail& mail,
                                const SessionInfo& session) const {
  Decision decision;
  decision.about = Decision::About::kSender;
  decision.from = mail.from;
  const absl::Status replaced = ReplaceLiteral(&decision.from);
  if (!replaced.ok()) {
    Fail(replaced, NoAddressesReply(), &decision);
    return decision;
  }
  absl::StatusOr<bool> allowed = true;
  if (controls_->senders && !session.identity.empty()) {
    allowed = controls_->senders->Allows(session.identity, decision.from);
  }
  if (!allowed.ok()) {
    Fail(allowed.status(), NoControlsReply(), &decision);
  } else if (!*allowed) {
    Refuse(Rule::kSenders, absl::StrCat("user ", session.identity),
           {553, {5, 7, 1}, "sorry, that sender address isn't yours (#5.7.1)"},
           &decision);
  } else {
    decision.kind = Verdict::Kind::kAccept;
    decision.rule = Rule::kSenders;
    decision.reply = {250, {2, 1, 0}, "ok"};
  }
  return decision;
}

bool RelayRules::ReadsDatabase(const Rcpt& rcpt, const SessionInfo& session,
                               bool refuse_remote) const {
  const bool may_relay = session.relay_client || !session.identity.empty();
  if (may_relay && !refuse_remote) return false;
  // An address literal may become localiphost, a domain of its own, and so may
  // what RELAYCLIENT is appended to.
  const bool other =
      session.relay_client || absl::StartsWith(rcpt.to.domain, "[");
  return controls_->rcpthosts.ReadsDatabase(other ? "" : rcpt.to.domain);
}

bool RelayRules::ReadsDatabase(const Mail&, const SessionInfo& session) const {
  return !session.identity.empty() && controls_->senders &&
         controls_->senders->has_database();
}

absl::Status RelayRules::ReplaceLiteral(Path* path) const {
  // What is behind the last '@' is a domain, wherever the path comes from.
  if (path->domain.empty() || absl::StrContains(path->domain, '@')) {
    *path = SplitAddress(path->Address());
  }
  if (!controls_->localiphost) return absl::OkStatus();
  const std::optional<IpAddress> address = ParseIpv4Literal(path->domain);
  if (!address) return absl::OkStatus();
  const absl::StatusOr<bool> ours = own_addresses_->Contains(*address);
  if (!ours.ok()) return ours.status();
  if (*ours) path->domain = *controls_->localiphost;
  return absl::OkStatus();
}

void RelayRules::Apply(const SessionInfo& session, Decision* decision) const {
  if (HasControlCharacter(decision->from) ||
      HasControlCharacter(decision->to)) {
    return Refuse(Rule::kBadAddress, "",
                  {553, {5, 1, 3}, "sorry, that address is not valid (#5.1.3)"},
                  decision);
  }
  std::optional<std::string> sender =
      FindBadSender(controls_->badmailfrom, decision->from);
  if (sender) {
    return Refuse(
        Rule::kBadMailFrom, *std::move(sender),
        {553,
         {5, 7, 1},
         "sorry, your envelope sender is in my badmailfrom list (#5.7.1)"},
        decision);
  }
  if (session.relay_client) {
    const std::string& suffix = *session.relay_client;
    const absl::Status valid = ValidateRelayClient(suffix);
    if (!valid.ok()) return Fail(valid, NoControlsReply(), decision);
    // Appended to the text: ".fix" goes on with the domain, and "@fixme" is a
    // new one.
    decision->to = SplitAddress(absl::StrCat(decision->to.Address(), suffix));
    return Accept(Rule::kRelayClient, "RELAYCLIENT", decision);
  }
  if (!session.identity.empty()) {
    return Accept(Rule::kAuthenticated, absl::StrCat("user ", session.identity),
                  decision);
  }
  ApplyHostLists(session, decision);
}

void RelayRules::RefuseRemote(Decision* decision) const {
  if (decision->rule != Rule::kRelayClient &&
      decision->rule != Rule::kAuthenticated &&
      decision->rule != Rule::kOpenRelay) {
    return;
  }
  const auto& [local_part, domain] = decision->to;
  if (domain.empty() && !absl::StrContains(local_part, '@')) return;
  const absl::StatusOr<std::optional<HostList::Match>> match =
      controls_->rcpthosts.Find(domain);
  if (!match.ok()) return Fail(match.status(), NoControlsReply(), decision);
  if (match->has_value()) return;
  Refuse(Rule::kNoRelay, std::move(decision->source),
         {550,
          {5, 7, 1},
          "sorry, that domain isn't mine, and there is no way to send mail "
          "elsewhere (#5.7.1)"},
         decision);
}

void RelayRules::ApplyHostLists(const SessionInfo& session,
                                Decision* decision) const {
  const auto& [local_part, domain] = decision->to;
  if (domain.empty() && !absl::StrContains(local_part, '@')) {
    return Accept(Rule::kLocalName, "", decision);
  }
  const absl::StatusOr<std::optional<HostList::Match>> match =
      controls_->rcpthosts.Find(domain);
  if (!match.ok()) return Fail(match.status(), NoControlsReply(), decision);
  if (match->has_value()) {
    const Rule rule = (*match)->in == HostList::Match::In::kLines
                          ? Rule::kRcptHosts
                          : Rule::kMoreRcptHosts;
    return Accept(rule, (*match)->source, decision);
  }
  if (controls_->open_relay) return Accept(Rule::kOpenRelay, "", decision);
  if (session.name_status == NameStatus::kTemporary) {
    // Perhaps there is a rule for the name that the client has.
    return Refuse(
        Rule::kNotListed, "host name",
        {451, {4, 4, 3}, "cannot look up your host name for now (#4.4.3)"},
        decision);
  }
  Refuse(Rule::kNotListed, "",
         {553,
          {5, 7, 1},
          "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"},
         decision);
}

absl::Status ValidateRelayClient(absl::string_view value) {
  for (char c : value) {
    if (!absl::ascii_isprint(c)) {
      return absl::InvalidArgumentError(
          "RELAYCLIENT holds a byte that is not printable ASCII");
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
