// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/named_destination.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace postern::service {
namespace {

// What a NamedTransaction and its answers share.
struct Names {
  const DestinationName name;
  Metrics* const metrics;

  Verdict On(Verdict verdict) const {
    if (verdict.rule().empty()) verdict = std::move(verdict).By(name.rule);
    if (name.name.empty()) return verdict;
    std::string source = verdict.source().empty()
                             ? name.name
                             : absl::StrCat(name.name, ": ", verdict.source());
    return std::move(verdict).From(std::move(source));
  }
  void Count(bool accepted) const {
    if (metrics != nullptr) metrics->CountDestination(name.metric, accepted);
  }
};

class NamedTransaction : public MailTransaction {
 public:
  NamedTransaction(std::unique_ptr<MailTransaction> transaction,
                   std::shared_ptr<const Names> names)
      : transaction_(std::move(transaction)), names_(std::move(names)) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    std::optional<Verdict> verdict =
        transaction_->AddRecipient(rcpt, [&]() -> Policy::Done {
          return [names = names_, done = later()](Verdict answer) mutable {
            std::move(done)(names->On(std::move(answer)));
          };
        });
    if (verdict) verdict = names_->On(*std::move(verdict));
    return verdict;
  }
  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override {
    std::optional<Verdict> verdict =
        transaction_->Open(envelope, [&]() -> Policy::Done {
          return [names = names_, done = later()](Verdict answer) mutable {
            if (!answer.accepted()) names->Count(false);
            std::move(done)(names->On(std::move(answer)));
          };
        });
    if (!verdict) return verdict;
    if (!verdict->accepted()) names_->Count(false);
    return names_->On(*std::move(verdict));
  }
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    return transaction_->Write(slices, std::move(ready));
  }
  void Commit(Policy::Done done) override {
    transaction_->Commit(
        [names = names_, done = std::move(done)](Verdict verdict) mutable {
          names->Count(verdict.accepted());
          std::move(done)(names->On(std::move(verdict)));
        });
  }
  void CommitEach(EachDone done) override {
    transaction_->CommitEach([names = names_, done = std::move(done)](
                                 std::vector<Verdict> verdicts) mutable {
      names->Count(
          std::any_of(verdicts.begin(), verdicts.end(),
                      [](const Verdict& each) { return each.accepted(); }));
      for (Verdict& each : verdicts) each = names->On(std::move(each));
      std::move(done)(std::move(verdicts));
    });
  }
  void OnReplied() override { transaction_->OnReplied(); }

 private:
  const std::unique_ptr<MailTransaction> transaction_;
  const std::shared_ptr<const Names> names_;
};

class NamedDelivery : public Delivery {
 public:
  NamedDelivery(std::shared_ptr<Delivery> delivery,
                std::shared_ptr<const Names> names)
      : delivery_(std::move(delivery)), names_(std::move(names)) {}

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
        delivery_->Begin(envelope, session), names_);
  }
  void OnContentRefused(const Refusal& refusal,
                        const SessionInfo& session) override {
    delivery_->OnContentRefused(refusal, session);
  }

 private:
  const std::shared_ptr<Delivery> delivery_;
  const std::shared_ptr<const Names> names_;
};

}  // namespace

std::shared_ptr<Delivery> NameDestination(std::shared_ptr<Delivery> delivery,
                                          DestinationName name,
                                          Metrics* metrics) {
  return std::make_shared<NamedDelivery>(
      std::move(delivery),
      std::make_shared<const Names>(Names{std::move(name), metrics}));
}

}  // namespace postern::service
