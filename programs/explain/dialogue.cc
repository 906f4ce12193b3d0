// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/dialogue.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "engine/instant.h"
#include "engine/tls_info.h"

namespace postern::programs {
namespace {

using Kind = ServedSession::Next::Kind;

constexpr Instant kNow = Instant(0);

}  // namespace

Dialogue::Dialogue(const ServerConfig& config, ResponderOptions responder,
                   SessionInfo info, bool tls)
    : session_(&times_, kNow, {.tls_first = tls}),
      buffer_(std::max(config.InputRoom(), ServedSession::kReadAhead)) {
  responder.post = [this](PostedAnswer answer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_.push_back(std::move(answer));
    answered_.notify_one();
  };
  session_.Begin(config, std::move(responder), std::move(info));
}

std::string Dialogue::Send(absl::string_view line) {
  absl::StrAppend(&input_, line, "\r\n");
  return Run();
}

std::string Dialogue::Run() {
  std::string output;
  while (!over_) {
    const ServedSession::Next next = session_.Advance(kNow);
    switch (next.kind) {
      case Kind::kTransfer:
        if (!next.output.empty()) {
          absl::StrAppend(&output, next.output);
          session_.Written(next.output.size());
        } else if (!next.read) {
          AwaitAnswers();
        } else if (!input_.empty()) {
          const absl::Span<char> room = session_.Room(absl::MakeSpan(buffer_));
          const size_t n = std::min(room.size(), input_.size());
          memcpy(room.data(), input_.data(), n);
          input_.erase(0, n);
          session_.Received(n);
        } else {
          return output;
        }
        break;
      case Kind::kBusy:
        break;
      case Kind::kHandshake:
        session_.TlsStarted(TlsInfo{.protocol = "TLSv1.3"});
        break;
      case Kind::kFinish:
        session_.OutputEnded();
        break;
      case Kind::kDiscard:
        session_.EndOfInput();
        break;
      case Kind::kTlsQuestion:
        session_.AllowTls(false);
        break;
      case Kind::kClose:
        over_ = true;
        break;
    }
  }
  return output;
}

void Dialogue::AwaitAnswers() {
  std::unique_lock<std::mutex> lock(mutex_);
  answered_.wait(lock, [this] { return !answers_.empty(); });
  std::vector<PostedAnswer> answers = std::exchange(answers_, {});
  lock.unlock();
  for (PostedAnswer& answer : answers) session_.Answer(std::move(answer));
}

}  // namespace postern::programs
