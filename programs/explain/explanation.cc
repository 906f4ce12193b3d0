// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/explanation.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/trace_header.h"
#include "programs/explain/dialogue.h"

namespace postern::programs {
namespace {

// Passes recipients to the delivery and stores nothing.
class UnstoredTransaction : public MailTransaction {
 public:
  // Sets `*recipient` to each recipient before it is asked about. Without a
  // transaction, recipients are accepted.
  UnstoredTransaction(std::unique_ptr<MailTransaction> transaction,
                      std::optional<Path>* recipient)
      : transaction_(std::move(transaction)), recipient_(*recipient) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    recipient_ = rcpt.to;
    if (transaction_ == nullptr) return Verdict::Accept();
    return transaction_->AddRecipient(rcpt, later);
  }
  std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
    return Verdict::Refuse(
        {451, {4, 3, 0}, "this is an explanation, no message is stored"});
  }
  // Not called, because Open() refuses.
  bool Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void() &&>) override {
    return true;
  }
  void Commit(Policy::Done done) override {
    std::move(done)(Verdict::Refuse({451, {4, 3, 0}, "no message is stored"}));
  }

 private:
  const std::unique_ptr<MailTransaction> transaction_;
  std::optional<Path>& recipient_;
};

// Grants the one user, whatever the client sends.
class GrantingExchange : public AuthExchange {
 public:
  explicit GrantingExchange(std::string user) : user_(std::move(user)) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    if (!initial_response) return std::move(done)(AuthChallenge{});
    std::move(done)(AuthGranted{user_});
  }
  void Respond(std::string, Done done) override {
    std::move(done)(AuthGranted{user_});
  }

 private:
  const std::string user_;
};

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isascii);
}

// Returns the argument of MAIL or RCPT.
std::string PathArgument(absl::string_view text) {
  if (absl::StartsWith(text, "<")) return std::string(text);
  return absl::StrCat("<", text, ">");
}

}  // namespace

class ExplainedSession::ExplainingPolicy : public Policy {
 public:
  ExplainingPolicy(policy::Checks* checks,
                   std::vector<policy::CheckStep>* steps)
      : checks_(*checks), steps_(*steps) {}

  std::optional<Verdict> Decide(const Ask& ask,
                                const SharedSessionInfo& session,
                                Later later) override {
    return checks_.Explain(ask, session, &steps_, later);
  }

 private:
  policy::Checks& checks_;
  std::vector<policy::CheckStep>& steps_;
};

class ExplainedSession::UnstoredDelivery : public Delivery {
 public:
  UnstoredDelivery(Delivery* delivery, bool asks,
                   std::optional<Path>* recipient)
      : delivery_(*delivery), asks_(asks), recipient_(*recipient) {}

  ExtensionSet carries() const override { return delivery_.carries(); }
  bool ServesRemote(const Path& recipient) const override {
    return delivery_.ServesRemote(recipient);
  }
  bool LooksUpRecipients() const override {
    return delivery_.LooksUpRecipients();
  }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override {
    return std::make_unique<UnstoredTransaction>(
        asks_ ? delivery_.Begin(envelope, session) : nullptr, &recipient_);
  }

 private:
  Delivery& delivery_;
  const bool asks_;
  std::optional<Path>& recipient_;
};

class ExplainedSession::KnownUser : public Authenticator {
 public:
  explicit KnownUser(std::string user) : user_(std::move(user)) {}

  std::unique_ptr<AuthExchange> Begin(absl::string_view,
                                      const SharedSessionInfo&) override {
    return std::make_unique<GrantingExchange>(user_);
  }

 private:
  const std::string user_;
};

ExplainedSession::ExplainedSession(const service::MailService& service,
                                   const service::MailService::Outlet& outlet,
                                   std::string user, bool asks_delivery)
    : service_(service),
      outlet_(outlet),
      user_(std::move(user)),
      policy_(std::make_unique<ExplainingPolicy>(outlet.policy.get(), &steps_)),
      delivery_(std::make_unique<UnstoredDelivery>(outlet.delivery.get(),
                                                   asks_delivery, &recipient_)),
      authenticator_(std::make_unique<KnownUser>(user_)) {}
ExplainedSession::~ExplainedSession() = default;

ServerConfig ExplainedSession::Config(const ServerConfig& listener) const {
  ServerConfig config = listener;
  config.max_open_asks = 1;  // so that each step belongs to one command
  // Many questions at once are no abuse here.
  config.max_errors = std::numeric_limits<int>::max();
  config.max_invalid_recipients = 0;
  config.mechanisms.clear();
  config.mechanisms_without_tls.clear();
  if (!user_.empty()) {
    config.mechanisms = {"PLAIN"};
    config.mechanisms_without_tls = {"PLAIN"};
  }
  return config;
}

ResponderOptions ExplainedSession::responder(
    std::function<void(const Ask&)> on_decision) {
  ResponderOptions options;
  options.policy = policy_.get();
  options.delivery = delivery_.get();
  options.host_name = service_.host_name;
  options.authenticator = authenticator_.get();
  options.stamp = [] { return TraceStamp{absl::Now(), "explain"}; };
  options.decided = [this, on_decision = std::move(on_decision)](
                        const Ask& ask, const Verdict& verdict,
                        const SessionInfo&) {
    decision_ = verdict;
    if (on_decision) on_decision(ask);
  };
  return options;
}

ExplainedCommand ExplainedSession::Take() {
  ExplainedCommand taken;
  taken.checks = std::exchange(steps_, {});
  taken.decision = std::exchange(decision_, std::nullopt);
  if (const auto path = std::exchange(recipient_, std::nullopt)) {
    taken.destination = service::DestinationOf(service_, outlet_, *path);
  }
  return taken;
}

std::vector<ExplainedCommand> Explain(
    const service::MailService& service,
    const service::MailService::Outlet& outlet, const ServerConfig& listener,
    const Inquiry& inquiry, bool asks_delivery) {
  ExplainedSession session(service, outlet, inquiry.user, asks_delivery);
  const ServerConfig config = session.Config(listener);
  Dialogue dialogue(config, session.responder(), inquiry.info, inquiry.tls);
  std::vector<ExplainedCommand> commands;
  const auto add = [&](std::string command, std::string reply) {
    ExplainedCommand& added = commands.emplace_back(session.Take());
    added.command = std::move(command);
    added.reply = std::string(absl::StripSuffix(reply, "\r\n"));
    return added.accepted();
  };
  if (!add("", dialogue.Greeting())) return commands;

  std::vector<std::string> before = {
      absl::StrCat(config.lmtp ? "LHLO " : "EHLO ", inquiry.hello)};
  if (!inquiry.user.empty()) {
    const std::string response =
        absl::StrCat(std::string(1, '\0'), inquiry.user, std::string(1, '\0'));
    before.push_back(absl::StrCat("AUTH PLAIN ", absl::Base64Escape(response)));
  }
  std::string mail = absl::StrCat("MAIL FROM:", PathArgument(inquiry.sender));
  std::vector<std::string> addresses = inquiry.recipients;
  addresses.push_back(inquiry.sender);
  if (!std::all_of(addresses.begin(), addresses.end(), IsAscii) &&
      !absl::StrContains(absl::AsciiStrToUpper(mail), "SMTPUTF8")) {
    mail += " SMTPUTF8";
  }
  before.push_back(std::move(mail));
  for (std::string& command : before) {
    std::string reply = dialogue.Send(command);
    // The base64 text would look like a password.
    if (absl::StartsWith(command, "AUTH ")) command = "AUTH PLAIN";
    if (!add(std::move(command), std::move(reply))) return commands;
  }
  for (const std::string& recipient : inquiry.recipients) {
    if (dialogue.over()) return commands;
    const std::string command =
        absl::StrCat("RCPT TO:", PathArgument(recipient));
    add(command, dialogue.Send(command));
  }
  return commands;
}

}  // namespace postern::programs
