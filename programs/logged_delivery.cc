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

class LoggedSink : public MessageSink {
 public:
  LoggedSink(std::unique_ptr<MessageSink> sink, MessageStamps* stamps,
             const Envelope& envelope, Metrics* metrics)
      : sink_(std::move(sink)),
        stamps_(*stamps),
        metrics_(metrics),
        from_(envelope.from),
        rcpts_(envelope.to.size()) {}
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    for (absl::string_view slice : slices) size_ += slice.size();
    return sink_->Write(slices, std::move(ready));
  }

  void Commit(Policy::Done done) override {
    sink_->Commit([id = stamps_.End(), from = std::move(from_), rcpts = rcpts_,
                   size = size_, metrics = metrics_,
                   since =
                       metrics_ == nullptr ? Clock::time_point() : Clock::now(),
                   done = std::move(done)](Verdict verdict) mutable {
      if (verdict.accepted() && !verdict.reply()) {
        verdict = Verdict::Accept({250, {2, 0, 0}, absl::StrCat("ok ", id)});
      }
      if (metrics != nullptr) {
        metrics->CountMessage(verdict.accepted());
        metrics->CountDelivery(absl::FromChrono(Clock::now() - since));
      }
      LogMessage(verdict.accepted(), id, size, rcpts, from, *verdict.reply());
      std::move(done)(std::move(verdict));
    });
  }

 private:
  const std::unique_ptr<MessageSink> sink_;
  MessageStamps& stamps_;
  Metrics* const metrics_;
  Path from_;  // until it commits
  const size_t rcpts_;
  uint64_t size_ = 0;
};

}  // namespace

TraceStamp MessageStamps::Next() {
  static std::atomic<uint64_t> count{0};
  static const pid_t process = getpid();
  current_.time = absl::Now();
  const int64_t micros = absl::ToUnixMicros(current_.time);
  current_.id = absl::StrCat(absl::Hex(micros / 1000000), ".",
                             absl::Hex(micros % 1000000), ".",
                             absl::Hex(process), ".", absl::Hex(++count));
  return current_;
}

std::string MessageStamps::End() {
  return std::exchange(current_, TraceStamp()).id;
}

Delivery::Opened LoggedDelivery::Open(const Envelope& envelope,
                                      const SessionInfo& session) {
  (void)stamps_.End();  // of a message that was given up
  Opened opened = delivery_.Open(envelope, session);
  if (const auto* refusal = std::get_if<Reply>(&opened)) {
    if (metrics_ != nullptr) metrics_->CountMessage(/*accepted=*/false);
    LogMessage(/*accepted=*/false, "", 0, envelope.to.size(), envelope.from,
               *refusal);
    return opened;
  }
  return std::make_unique<LoggedSink>(
      std::get<std::unique_ptr<MessageSink>>(std::move(opened)), &stamps_,
      envelope, metrics_);
}

void LogContentRefused(MessageStamps* stamps, const Reply& reply) {
  // A first chunk that is too large is refused before there is a message.
  WriteLog(policy::LogLine("message", LineStyle())
               .Word("result", "refuse")
               .Text("id", stamps->End(), policy::kMaxLoggedName)
               .Answer("reply", reply));
}

}  // namespace postern::programs
