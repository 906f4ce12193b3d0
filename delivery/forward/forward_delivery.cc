// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/forward_delivery.h"

#include <future>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "delivery/forward/forward_transaction.h"
#include "engine/grammar/reply.h"
#include "net/event_loop.h"

namespace postern::delivery {
namespace {

// Uses a ForwardTransaction on its event loop, for callers on other threads.
class RemoteTransaction : public MailTransaction {
 public:
  // `make` is called on the loop.
  using Make = absl::AnyInvocable<std::unique_ptr<MailTransaction>() &&>;

  RemoteTransaction(net::EventLoop* loop, Make make)
      : loop_(*loop), inner_(std::make_shared<Inner>()) {
    loop_.Post([inner = inner_, make = std::move(make)]() mutable {
      inner->transaction = std::move(make)();
    });
  }
  ~RemoteTransaction() override {
    loop_.Post([inner = std::move(inner_)] { inner->transaction.reset(); });
  }

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    loop_.Post([inner = inner_, rcpt, done = later()]() mutable {
      std::optional<Verdict> verdict = inner->transaction->AddRecipient(
          rcpt, [&done]() { return std::move(done); });
      if (verdict) std::move(done)(*std::move(verdict));
    });
    return std::nullopt;
  }

  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override {
    // The envelope is copied: it is valid until this function returns.
    loop_.Post([inner = inner_, envelope, done = later()]() mutable {
      std::optional<Verdict> verdict = inner->transaction->Open(
          envelope, [&done]() { return std::move(done); });
      if (verdict) std::move(done)(*std::move(verdict));
    });
    return std::nullopt;
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    const auto written = std::make_shared<std::promise<void>>();
    const std::future<void> done = written->get_future();
    loop_.Post([written, inner = inner_, slices] {
      const bool more = inner->transaction->Write(
          slices, [written] { written->set_value(); });
      if (more) written->set_value();
    });
    done.wait();
    return true;
  }

  void Commit(Policy::Done done) override {
    loop_.Post([inner = inner_, done = std::move(done)]() mutable {
      inner->transaction->Commit(std::move(done));
    });
  }
  void CommitEach(EachDone done) override {
    loop_.Post([inner = inner_, done = std::move(done)]() mutable {
      inner->transaction->CommitEach(std::move(done));
    });
  }

 private:
  struct Inner {
    std::unique_ptr<MailTransaction> transaction;  // used on the loop only
  };

  net::EventLoop& loop_;
  std::shared_ptr<Inner> inner_;
};

// Refuses each recipient: this process lacks what it needs to forward.
class UnservedTransaction : public MailTransaction {
 public:
  explicit UnservedTransaction(Verdict refusal)
      : refusal_(std::move(refusal)) {}

  std::optional<Verdict> AddRecipient(const Rcpt&, Policy::Later) override {
    return refusal_;
  }
  std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
    return refusal_;
  }
  bool Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void() &&>) override {
    return true;
  }
  void Commit(Policy::Done done) override { std::move(done)(refusal_); }

 private:
  const Verdict refusal_;
};

}  // namespace

ForwardDelivery::ForwardDelivery(Forwarding* forwarding, NextHop hop,
                                 std::string host_name, absl::string_view rule,
                                 Calls calls, HopSecurity security)
    : forwarding_(*forwarding),
      hop_(std::move(hop)),
      security_(std::move(security)),
      config_{.host_name = std::move(host_name), .lmtp = hop_.lmtp},
      rule_(rule),
      calls_(calls),
      registered_(forwarding_.Register(hop_, security_)) {}

ExtensionSet ForwardDelivery::carries() const {
  ExtensionSet carries = {Extension::kSmtpUtf8, Extension::kChunking};
  if (hop_.dsn) carries = carries | ExtensionSet{Extension::kDsn};
  if (hop_.binarymime) carries = carries | ExtensionSet{Extension::kBinaryMime};
  return carries;
}

ProxiedClient ForwardDelivery::ClientOf(const SessionInfo& session) const {
  if (!hop_.xclient && !hop_.xforward && !hop_.proxy) return {};
  using Text = XClientValue<std::string>;
  ProxiedClient client;
  XClient& facts = client.client;
  facts.address = {.value = session.remote_address};
  facts.port = {.value = session.remote_port};
  facts.destination_address = {.value = session.local_address};
  facts.destination_port = {.value = session.local_port};
  if (session.name_status == NameStatus::kConfirmed) {
    facts.name = Text{.value = session.remote_name};
  } else if (session.name_status == NameStatus::kTemporary) {
    facts.name = Text{.kind = Text::Kind::kTemporary};
  }
  if (!session.hello_name.empty()) {
    facts.helo = Text{.value = session.hello_name};
  }
  facts.protocol = {.value = session.hello_verb == Hello::Verb::kHelo
                                 ? XClientProtocol::kSmtp
                                 : XClientProtocol::kEsmtp};
  if (!session.identity.empty()) facts.login = Text{.value = session.identity};
  client.session = session.session_id;
  client.local = !session.identity.empty() || session.relay_client.has_value();
  return client;
}

std::unique_ptr<MailTransaction> ForwardDelivery::Begin(
    const Envelope& envelope, const SharedSessionInfo& session) {
  net::EventLoop* const running = net::EventLoop::Running();
  if (calls_ == Calls::kOnEventLoop && running != nullptr) {
    return std::make_unique<ForwardTransaction>(
        forwarding_.PoolOf(running, hop_, config_, security_), envelope,
        ClientOf(*session), rule_);
  }
  const absl::StatusOr<net::EventLoop*> loop = forwarding_.OwnLoop();
  if (!loop.ok()) {
    return std::make_unique<UnservedTransaction>(
        Verdict::Refuse({451, {4, 3, 0}, "local error (#4.3.0)"})
            .By(rule_)
            .From(std::string(loop.status().message())));
  }
  // The envelope is copied: it is valid until this function returns.
  return std::make_unique<RemoteTransaction>(
      *loop, [&forwarding = forwarding_, loop = *loop, hop = hop_,
              config = config_, security = security_, envelope,
              client = ClientOf(*session), rule = rule_]() {
        return std::make_unique<ForwardTransaction>(
            forwarding.PoolOf(loop, hop, config, security), envelope, client,
            rule);
      });
}

}  // namespace postern::delivery
