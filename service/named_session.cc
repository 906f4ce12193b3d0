// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/named_session.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "log/log.h"
#include "log/log_line.h"

namespace postern::service {
namespace {

class NamedTransaction : public MailTransaction {
 public:
  NamedTransaction(std::unique_ptr<MailTransaction> transaction,
                   std::string session, int message)
      : transaction_(std::move(transaction)),
        session_(std::move(session)),
        message_(message) {}
  ~NamedTransaction() override {
    const log::LogScope scope({session_, message_});
    transaction_.reset();
  }

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    const log::LogScope scope({session_, message_});
    return transaction_->AddRecipient(rcpt, later);
  }
  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override {
    const log::LogScope scope({session_, message_});
    return transaction_->Open(envelope, later);
  }
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    const log::LogScope scope({session_, message_});
    return transaction_->Write(slices, std::move(ready));
  }
  void Commit(Policy::Done done) override {
    const std::string session = session_;  // Commit() may destroy this object
    const log::LogScope scope({session, message_});
    transaction_->Commit(std::move(done));
  }
  void CommitEach(EachDone done) override {
    const std::string session = session_;
    const log::LogScope scope({session, message_});
    transaction_->CommitEach(std::move(done));
  }
  void OnReplied() override { transaction_->OnReplied(); }

 private:
  std::unique_ptr<MailTransaction> transaction_;
  const std::string session_;
  const int message_;
};

class NamedDelivery : public Delivery {
 public:
  explicit NamedDelivery(std::shared_ptr<Delivery> delivery)
      : delivery_(std::move(delivery)) {}

  ExtensionSet carries() const override { return delivery_->carries(); }
  bool ServesRemote(const Path& recipient) const override {
    return delivery_->ServesRemote(recipient);
  }
  bool LooksUpRecipients() const override {
    return delivery_->LooksUpRecipients();
  }
  std::unique_ptr<MailTransaction> Begin(
      const Envelope& envelope, const SharedSessionInfo& session) override {
    return std::make_unique<NamedTransaction>(
        delivery_->Begin(envelope, session), session->session_id,
        envelope.message);
  }
  void OnContentRefused(const Refusal& refusal,
                        const SessionInfo& session) override {
    delivery_->OnContentRefused(refusal, session);
  }

 private:
  const std::shared_ptr<Delivery> delivery_;
};

class NamedExchange : public AuthExchange {
 public:
  NamedExchange(std::unique_ptr<AuthExchange> exchange,
                SharedSessionInfo session)
      : exchange_(std::move(exchange)), session_(std::move(session)) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    const SharedSessionInfo session = session_;  // as in NamedTransaction
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

std::shared_ptr<Delivery> NameSessions(std::shared_ptr<Delivery> delivery) {
  return std::make_shared<NamedDelivery>(std::move(delivery));
}

std::shared_ptr<Authenticator> NameSessions(
    std::shared_ptr<Authenticator> authenticator) {
  return std::make_shared<NamedAuthenticator>(std::move(authenticator));
}

}  // namespace postern::service
