// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/named_session.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "log/log.h"
#include "log/log_line.h"

namespace postern::service {
namespace {

class NamedSink : public MessageSink {
 public:
  NamedSink(std::unique_ptr<MessageSink> sink, std::string session, int message)
      : sink_(std::move(sink)),
        session_(std::move(session)),
        message_(message) {}
  ~NamedSink() override {
    const log::LogScope scope({session_, message_});
    sink_.reset();
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    const log::LogScope scope({session_, message_});
    return sink_->Write(slices, std::move(ready));
  }
  void Commit(Policy::Done done) override {
    const std::string session = session_;  // this may be gone before it returns
    const log::LogScope scope({session, message_});
    sink_->Commit(std::move(done));
  }
  void CommitEach(EachDone done) override {
    const std::string session = session_;
    const log::LogScope scope({session, message_});
    sink_->CommitEach(std::move(done));
  }
  void OnReplied() override { sink_->OnReplied(); }

 private:
  std::unique_ptr<MessageSink> sink_;
  const std::string session_;
  const int message_;
};

class NamedDelivery : public Delivery {
 public:
  explicit NamedDelivery(std::unique_ptr<Delivery> delivery)
      : delivery_(std::move(delivery)) {}

  ExtensionSet carries() const override { return delivery_->carries(); }
  bool ServesRemote(const Path& recipient) const override {
    return delivery_->ServesRemote(recipient);
  }
  Opened Open(const Envelope& envelope, const SessionInfo& session) override {
    const log::LogScope scope({session.session_id, envelope.message});
    Opened opened = delivery_->Open(envelope, session);
    auto* sink = std::get_if<std::unique_ptr<MessageSink>>(&opened);
    if (sink == nullptr) return opened;
    return std::make_unique<NamedSink>(std::move(*sink), session.session_id,
                                       envelope.message);
  }
  void OnContentRefused(const Refusal& refusal,
                        const SessionInfo& session) override {
    delivery_->OnContentRefused(refusal, session);
  }

 private:
  const std::unique_ptr<Delivery> delivery_;
};

class NamedPolicy : public Policy {
 public:
  explicit NamedPolicy(std::unique_ptr<Policy> policy)
      : policy_(std::move(policy)) {}

  void Decide(const Ask& ask, const SharedSessionInfo& session,
              Done done) override {
    const auto* rcpt = std::get_if<Rcpt>(&ask.what);
    const log::LogScope scope(
        {session->session_id, rcpt == nullptr ? 0 : rcpt->message});
    policy_->Decide(ask, session, std::move(done));
  }

 private:
  const std::unique_ptr<Policy> policy_;
};

class NamedExchange : public AuthExchange {
 public:
  NamedExchange(std::unique_ptr<AuthExchange> exchange,
                SharedSessionInfo session)
      : exchange_(std::move(exchange)), session_(std::move(session)) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    const SharedSessionInfo session = session_;  // as NamedSink
    const log::LogScope scope({session->session_id});
    exchange_->Start(std::move(initial_response), std::move(done));
  }
  void Respond(std::string response, Done done) override {
    const SharedSessionInfo session = session_;
    const log::LogScope scope({session->session_id});
    exchange_->Respond(std::move(response), std::move(done));
  }
  absl::string_view user() const override { return exchange_->user(); }
  absl::string_view requested_identity() const override {
    return exchange_->requested_identity();
  }

 private:
  const std::unique_ptr<AuthExchange> exchange_;
  const SharedSessionInfo session_;
};

class NamedAuthenticator : public Authenticator {
 public:
  explicit NamedAuthenticator(std::shared_ptr<Authenticator> authenticator)
      : authenticator_(std::move(authenticator)) {}

  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override {
    const log::LogScope scope({session->session_id});
    auto exchange = authenticator_->Begin(mechanism, session);
    if (exchange == nullptr) return nullptr;
    return std::make_unique<NamedExchange>(std::move(exchange), session);
  }

 private:
  const std::shared_ptr<Authenticator> authenticator_;
};

}  // namespace

std::unique_ptr<Delivery> NameSessions(std::unique_ptr<Delivery> delivery) {
  return std::make_unique<NamedDelivery>(std::move(delivery));
}

std::unique_ptr<Policy> NameSessions(std::unique_ptr<Policy> policy) {
  return std::make_unique<NamedPolicy>(std::move(policy));
}

std::shared_ptr<Authenticator> NameSessions(
    std::shared_ptr<Authenticator> authenticator) {
  return std::make_shared<NamedAuthenticator>(std::move(authenticator));
}

}  // namespace postern::service
