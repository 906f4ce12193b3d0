// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/logged_delivery.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/log_line.h"
#include "programs/log.h"

namespace postern::programs {
namespace {

using Clock = std::chrono::steady_clock;

void LogMessage(bool accepted, absl::string_view id, uint64_t size,
                size_t rcpts, const Path& from, const Reply& reply) {
  WriteLog(policy::LogLine("message", LineStyle())
               .Word("result", accepted ? "accept" : "refuse")
               .Text("id", id, policy::kMaxLoggedName)
               .Number("size", size)
               .Number("rcpts", rcpts)
               .Address("from", from)
               .Answer("reply", reply));
}

}  // namespace

class LoggedDelivery::Sink : public MessageSink {
 public:
  Sink(std::unique_ptr<MessageSink> sink, LoggedDelivery* delivery,
       const Envelope& envelope)
      : sink_(std::move(sink)),
        delivery_(*delivery),
        from_(envelope.from),
        rcpts_(envelope.to.size()) {}
  ~Sink() override {
    if (committed_ || delivery_.messages_ == nullptr ||
        !delivery_.messages_->interrupted()) {
      return;
    }
    MessagesUnderWay::Log({delivery_.TakeId(), size_, rcpts_, from_});
  }
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    for (absl::string_view slice : slices) size_ += slice.size();
    return sink_->Write(slices, std::move(ready));
  }

  void Commit(Policy::Done done) override {
    Metrics* const metrics = delivery_.metrics_;
    committed_ = true;
    sink_->Commit(
        [message = std::make_unique<MessagesUnderWay::Pending>(
             delivery_.messages_,
             MessageFacts{delivery_.TakeId(), size_, rcpts_, std::move(from_)}),
         metrics,
         since = metrics == nullptr ? Clock::time_point() : Clock::now(),
         done = std::move(done)](Verdict verdict) mutable {
          const MessageFacts& facts = message->facts();
          if (verdict.accepted() && !verdict.reply()) {
            verdict = Verdict::Accept(
                {250, {2, 0, 0}, absl::StrCat("ok ", facts.id)});
          }
          if (metrics != nullptr) {
            metrics->CountMessage(verdict.accepted());
            metrics->CountDelivery(absl::FromChrono(Clock::now() - since));
          }
          if (message->Answer(verdict.accepted())) {
            LogMessage(verdict.accepted(), facts.id, facts.size, facts.rcpts,
                       facts.from, *verdict.reply());
          }
          std::move(done)(std::move(verdict));
        });
  }

 private:
  const std::unique_ptr<MessageSink> sink_;
  LoggedDelivery& delivery_;
  Path from_;  // until it commits
  const size_t rcpts_;
  uint64_t size_ = 0;
  bool committed_ = false;
};

Delivery::Opened LoggedDelivery::Open(const Envelope& envelope,
                                      const SessionInfo& session) {
  (void)TakeId();  // of a message that was given up
  Opened opened = delivery_.Open(envelope, session);
  if (const auto* refusal = std::get_if<Reply>(&opened)) {
    if (metrics_ != nullptr) metrics_->CountMessage(/*accepted=*/false);
    LogMessage(/*accepted=*/false, "", 0, envelope.to.size(), envelope.from,
               *refusal);
    return opened;
  }
  return std::make_unique<Sink>(
      std::get<std::unique_ptr<MessageSink>>(std::move(opened)), this,
      envelope);
}

void LoggedDelivery::OnContentRefused(const Refusal& refusal,
                                      const SessionInfo&) {
  if (metrics_ != nullptr) metrics_->CountMessage(/*accepted=*/false);
  // A first chunk that is too large is refused before there is a message.
  WriteLog(policy::LogLine("message", LineStyle())
               .Word("result", "refuse")
               .Text("id", TakeId(), policy::kMaxLoggedName)
               .Answer("reply", refusal.reply));
}

TraceStamp LoggedDelivery::Stamp() {
  static std::atomic<uint64_t> count{0};
  static const pid_t process = getpid();
  const absl::Time time = absl::Now();
  const int64_t micros = absl::ToUnixMicros(time);
  id_ = absl::StrCat(absl::Hex(micros / 1000000), ".",
                     absl::Hex(micros % 1000000), ".", absl::Hex(process), ".",
                     absl::Hex(++count));
  return {time, id_};
}

}  // namespace postern::programs
