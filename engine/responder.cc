// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/responder.h"

#include <utility>
#include <variant>

namespace postern {

Responder::Responder(ServerSession* session, ResponderOptions options,
                     SessionInfo info)
    : session_(*session),
      options_(std::move(options)),
      info_(std::make_shared<const SessionInfo>(std::move(info))) {}

void Responder::OnAsk(const Ask& ask) {
  if (std::holds_alternative<BodyEnd>(ask.what)) return Commit(ask.id);
  if (const auto* hello = std::get_if<Hello>(&ask.what)) {
    hello_ = ask.id;
    hello_said_ = *hello;
  } else if (std::holds_alternative<BodyBegin>(ask.what)) {
    body_begin_ = ask.id;
  }
  options_.policy->Decide(ask, info_,
                          [post = options_.post, id = ask.id](Verdict verdict) {
                            post(id, std::move(verdict));
                          });
}

bool Responder::OnBody(absl::Span<const absl::string_view> slices,
                       absl::AnyInvocable<void() &&> ready) {
  return sink_->Write(slices, std::move(ready));
}

void Responder::OnAborted(const Reply* refusal) {
  if (refusal != nullptr && options_.content_refused) {
    options_.content_refused(*refusal);
  }
  sink_.reset();
  body_begin_.reset();
}

void Responder::Answer(RequestId id, Verdict verdict) {
  const bool greeted = hello_ == id && verdict.accepted();
  if (hello_ == id) hello_.reset();
  if (body_begin_ == id) {
    // The transaction may be over and its kAborted not taken yet: then there
    // is nobody to open a sink for, and the answer comes too late.
    if (verdict.accepted() && sink_ == nullptr &&
        !session_.envelope().to.empty()) {
      bool wait = false;
      verdict = OpenSink(id, &wait);
      if (wait) return;
    }
    body_begin_.reset();
  }
  // A late answer draws kNotFound, and an answer that does not fit the Ask is
  // the policy's or the sink's mistake: the client hears of a local error.
  const absl::Status status = session_.Complete(id, std::move(verdict));
  if (!status.ok() && !absl::IsNotFound(status)) {
    (void)session_.Complete(  // this one fits any Ask that is still open
        id, Verdict::Refuse({451, {4, 3, 0}, "local error (#4.3.0)"}));
  }
  if (greeted && status.ok()) {
    auto info = std::make_shared<SessionInfo>(*info_);
    info->hello_name = hello_said_.client_name;
    info->extended = hello_said_.verb == Hello::Verb::kEhlo;
    info_ = std::move(info);
  }
}

// Opens the sink and puts the Received field into it. Sets `wait` where the
// sink has to catch up first: then the same answer comes again through `post`.
Verdict Responder::OpenSink(RequestId id, bool* wait) {
  Delivery::Opened opened =
      options_.delivery->Open(session_.envelope(), *info_);
  if (auto* refusal = std::get_if<Reply>(&opened)) {
    return Verdict::Refuse(std::move(*refusal));
  }
  sink_ = std::get<std::unique_ptr<MessageSink>>(std::move(opened));
  const std::string received =
      FormatReceived(*info_, options_.host_name, options_.stamp());
  const absl::string_view slice = received;
  *wait = !sink_->Write({&slice, 1}, [post = options_.post, id]() {
    post(id, Verdict::Accept());
  });
  return Verdict::Accept();
}

void Responder::Commit(RequestId id) {
  // The answer keeps the sink alive: the session may be gone before it comes.
  std::shared_ptr<MessageSink> sink = std::move(sink_);
  MessageSink& committing = *sink;
  committing.Commit([post = options_.post, id,
                     keep = std::move(sink)](Verdict verdict) mutable {
    post(id, std::move(verdict));
  });
}

}  // namespace postern
