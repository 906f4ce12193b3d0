// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/relay/forwarded_message.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "engine/ask.h"
#include "engine/session_info.h"

namespace postern::programs {
namespace {

constexpr size_t kPiece = size_t{64} << 10;

// Keeps itself alive with the callbacks that it gives away.
class ForwardedMessage : public std::enable_shared_from_this<ForwardedMessage> {
 public:
  ForwardedMessage(net::EventLoop* loop, Envelope envelope,
                   std::shared_ptr<const std::string> content, Forwarded done)
      : loop_(*loop),
        all_(std::move(envelope)),
        content_(std::move(content)),
        verdicts_(all_.to.size()),
        done_(std::move(done)) {}

  void Start(Delivery* delivery) {
    envelope_.from = all_.from;
    envelope_.parameters = all_.parameters;
    envelope_.message = 1;
    transaction_ =
        delivery->Begin(envelope_, std::make_shared<const SessionInfo>());
    open_ = all_.to.size();
    for (size_t i = 0; i < all_.to.size(); ++i) {
      auto verdict = transaction_->AddRecipient(
          {.from = all_.from,
           .to = all_.to[i].path,
           .parameters = all_.to[i].parameters,
           .index = i,
           .message = 1,
           .size = all_.parameters.size},
          [this, i] {
            return [self = shared_from_this(), i](Verdict later) {
              self->OnRecipient(i, std::move(later));
            };
          });
      if (verdict) OnRecipient(i, *std::move(verdict));
    }
  }

 private:
  void OnRecipient(size_t index, Verdict verdict) {
    verdicts_[index] = std::move(verdict);
    if (--open_ > 0) return;
    // Not within the call of the delivery.
    loop_.Later([self = shared_from_this()] { self->Open(); });
  }

  void Open() {
    for (size_t i = 0; i < all_.to.size(); ++i) {
      if (!verdicts_[i]->accepted()) continue;
      accepted_.push_back(i);
      envelope_.to.push_back(all_.to[i]);
    }
    if (accepted_.empty()) return Finish();
    auto verdict = transaction_->Open(envelope_, [this] {
      return [self = shared_from_this()](Verdict later) {
        self->loop_.Later([self, later = std::move(later)]() mutable {
          self->OnOpened(std::move(later));
        });
      };
    });
    if (verdict) OnOpened(*std::move(verdict));
  }

  void OnOpened(Verdict verdict) {
    if (verdict.accepted()) return Write();
    Settle({std::move(verdict)});
  }

  void Write() {
    while (offset_ < content_->size()) {
      const absl::string_view piece =
          absl::string_view(*content_).substr(offset_, kPiece);
      offset_ += piece.size();
      const bool more =
          transaction_->Write({&piece, 1}, [self = shared_from_this()] {
            self->loop_.Post([self] { self->Write(); });
          });
      if (!more) return;
    }
    transaction_->CommitEach(
        [self = shared_from_this()](std::vector<Verdict> verdicts) {
          self->loop_.Post([self, verdicts = std::move(verdicts)]() mutable {
            self->Settle(std::move(verdicts));
          });
        });
  }

  // The accepted recipients get `verdicts`: one for each, or one for all.
  void Settle(std::vector<Verdict> verdicts) {
    for (size_t i = 0; i < accepted_.size(); ++i) {
      verdicts_[accepted_[i]] = verdicts[std::min(i, verdicts.size() - 1)];
    }
    Finish();
  }

  void Finish() {
    transaction_.reset();
    std::vector<Verdict> verdicts;
    for (auto& verdict : verdicts_) verdicts.push_back(*std::move(verdict));
    std::move(done_)(std::move(verdicts));
  }

  net::EventLoop& loop_;
  const Envelope all_;
  const std::shared_ptr<const std::string> content_;
  std::unique_ptr<MailTransaction> transaction_;
  Envelope envelope_;             // with the accepted recipients
  std::vector<size_t> accepted_;  // indices into all_.to
  std::vector<std::optional<Verdict>> verdicts_;
  size_t open_ = 0;  // recipients without a verdict
  size_t offset_ = 0;
  Forwarded done_;
};

}  // namespace

bool HasSmtpLines(absl::string_view content) {
  for (size_t i = content.find_first_of("\r\n"); i != content.npos;
       i = content.find_first_of("\r\n", i)) {
    if (content.substr(i, 2) != "\r\n") return false;
    i += 2;
  }
  return true;
}

void ForwardMessage(net::EventLoop* loop, Delivery* delivery,
                    const delivery::QueuedMessage& message,
                    std::shared_ptr<const std::string> content,
                    Forwarded done) {
  std::make_shared<ForwardedMessage>(loop, message.envelope, std::move(content),
                                     std::move(done))
      ->Start(delivery);
}

}  // namespace postern::programs
