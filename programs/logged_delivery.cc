// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/logged_delivery.h"

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/log_value.h"

namespace postern::programs {
namespace {

class LoggedSink : public MessageSink {
 public:
  LoggedSink(std::unique_ptr<MessageSink> sink, MessageStamps* stamps,
             std::string envelope, std::function<void(absl::string_view)> log)
      : sink_(std::move(sink)),
        stamps_(*stamps),
        envelope_(std::move(envelope)),
        log_(std::move(log)) {}
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    for (absl::string_view slice : slices) size_ += slice.size();
    return sink_->Write(slices, std::move(ready));
  }

  void Commit(Policy::Done done) override {
    sink_->Commit([id = stamps_.End(), envelope = std::move(envelope_),
                   size = size_, log = log_,
                   done = std::move(done)](Verdict verdict) mutable {
      if (verdict.accepted() && !verdict.reply()) {
        verdict = Verdict::Accept({250, {2, 0, 0}, absl::StrCat("ok ", id)});
      }
      log(absl::StrCat(
          "message result=", verdict.accepted() ? "accept" : "refuse",
          " id=", id, " size=", size, " ", envelope,
          " reply=", policy::LogReply(*verdict.reply())));
      std::move(done)(std::move(verdict));
    });
  }

 private:
  const std::unique_ptr<MessageSink> sink_;
  MessageStamps& stamps_;
  std::string envelope_;  // as logged
  const std::function<void(absl::string_view)> log_;
  uint64_t size_ = 0;
};

}  // namespace

TraceStamp MessageStamps::Next() {
  static std::atomic<uint64_t> count{0};
  current_.time = absl::Now();
  const int64_t micros = absl::ToUnixMicros(current_.time);
  current_.id = absl::StrCat(absl::Hex(micros / 1000000), ".",
                             absl::Hex(micros % 1000000), ".",
                             absl::Hex(getpid()), ".", absl::Hex(++count));
  return current_;
}

std::string MessageStamps::End() {
  return std::exchange(current_, TraceStamp()).id;
}

Delivery::Opened LoggedDelivery::Open(const Envelope& envelope,
                                      const SessionInfo& session) {
  (void)stamps_.End();  // of a message that was given up
  std::string logged =
      absl::StrCat("rcpts=", envelope.to.size(),
                   " from=", policy::LogAddress(envelope.from));
  Opened opened = delivery_.Open(envelope, session);
  if (const auto* refusal = std::get_if<Reply>(&opened)) {
    log_(absl::StrCat("message result=refuse id=\"\" size=0 ", logged,
                      " reply=", policy::LogReply(*refusal)));
    return opened;
  }
  return std::make_unique<LoggedSink>(
      std::get<std::unique_ptr<MessageSink>>(std::move(opened)), &stamps_,
      std::move(logged), log_);
}

}  // namespace postern::programs
