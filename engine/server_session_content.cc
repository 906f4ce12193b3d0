// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The content of a message: behind DATA, and in the chunks of BDAT.

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/capabilities.h"
#include "engine/server_session.h"

namespace postern {
namespace {

Step BodyStep(absl::Span<const absl::string_view> slices) {
  Step step;
  step.kind = Step::Kind::kBody;
  step.body = slices;
  return step;
}

}  // namespace

const Ask* ServerSession::OnBdat(const Chunk& chunk) {
  const Phase now = phase();
  if (now != Phase::kRefused && !Serves(config_, tls_.get(), Verb::kBdat)) {
    RefuseChunk(chunk, NotServed(Verb::kBdat), Cause::kProtocol);
    return nullptr;
  }
  if (!FindVerb("BDAT").AllowedIn(now)) {
    RefuseChunk(chunk, OutOfSequence(Verb::kBdat, now), Cause::kProtocol);
    return nullptr;
  }
  const bool first = transaction_ == Transaction::kOpen;
  const uint64_t limit = config_.max_message_size;
  const bool fits = first ? limit == 0 || chunk.size <= limit
                          : content_->HasRoomFor(chunk.size);
  if (!fits) {
    if (!draining_) RefuseMessage(TooBig());
    FailChunk(chunk, TooBig(), Cause::kContent);
    return nullptr;
  }
  chunk_ = chunk;
  chunked_ = true;
  if (first) return asks_.Open(BodyBegin{});
  state_ = State::kBody;
  return nullptr;
}

void ServerSession::RefuseChunk(const Chunk& chunk, Reply reply, Cause cause) {
  chunk_ = chunk;
  chunk_cause_ = cause;
  refusal_ = std::make_unique<const Reply>(std::move(reply));
  state_ = State::kSwallow;
  if (chunk.size <= config_.max_discarded) return;
  SayForChunk();
  Close(CloseReason::kAbuse);
}

void ServerSession::SayForChunk() {
  // RFC 2033 4.3: LMTP answers the last chunk for each recipient, and where
  // there is none, not at all.
  if (chunk_.last && Serves(config_, tls_.get(), Verb::kBdat) &&
      phase() >= Phase::kIdle) {
    SayForMessage(*refusal_);
  } else {
    Say(*refusal_);
  }
  if (chunk_cause_ == Cause::kAnswer) return;
  Report(*refusal_, "BDAT", chunk_cause_ == Cause::kContent);
}

void ServerSession::FailChunk(const Chunk& chunk, Reply reply, Cause cause) {
  draining_ = true;
  if (!chunk.last) transaction_ = Transaction::kBroken;
  RefuseChunk(chunk, std::move(reply), cause);
}

std::optional<Step> ServerSession::RunSwallow(absl::string_view in,
                                              size_t* consumed) {
  const uint64_t octets = std::min<uint64_t>(chunk_.size, in.size());
  chunk_.size -= octets;
  *consumed += static_cast<size_t>(octets);
  CountBlock(octets);
  if (chunk_.size > 0) return WantInput();
  ++progress_;
  block_ = 0;
  state_ = State::kCommand;
  SayForChunk();
  if (chunk_.last && draining_ && transaction_ != Transaction::kBroken) {
    EndTransaction();
  }
  return std::nullopt;
}

std::optional<Step> ServerSession::RunBody(absl::string_view in,
                                           size_t* consumed) {
  if (body_ended_) return EndBody();
  BodyScanner::Result taken;
  if (!chunked_) {
    taken = content_->Take(in);
    body_ended_ = taken.end;
  } else if (chunk_.size > 0) {
    taken = content_->Take(in.substr(
        0, static_cast<size_t>(std::min<uint64_t>(chunk_.size, in.size()))));
    chunk_.size -= taken.consumed;
  } else if (chunk_.last) {
    taken = content_->Finish();
    body_ended_ = true;
  } else {
    return EndChunk();
  }
  *consumed += taken.consumed;
  CountBlock(taken.consumed);
  if (!draining_) {
    if (std::optional<Reply> refusal = content_->Refusal()) {
      RefuseMessage(*std::move(refusal));
    }
  }
  if (!draining_ && !taken.slices.empty()) return BodyStep(taken.slices);
  if (taken.consumed > 0 || abort_due_ || body_ended_) return std::nullopt;
  return WantInput();
}

void ServerSession::CountBlock(uint64_t octets) {
  block_ += octets;
  if (block_ < config_.data_block) return;
  block_ = 0;
  ++progress_;
}

std::optional<Step> ServerSession::EndChunk() {
  block_ = 0;
  ++progress_;
  state_ = State::kCommand;
  if (const std::optional<Reply> refusal = content_->ChunkRefusal()) {
    transaction_ = Transaction::kBroken;
    Say(*refusal);
    Report(*refusal, "BDAT", /*content=*/true);
  } else {
    transaction_ = Transaction::kChunks;
    Say({250, {2, 0, 0}, "ok"});
  }
  return std::nullopt;
}

std::optional<Step> ServerSession::EndBody() {
  body_ended_ = false;
  block_ = 0;
  ++progress_;
  state_ = State::kCommand;
  if (const std::optional<Reply> refusal = content_->Refusal()) {
    SayForMessage(*refusal);
    Report(*refusal, chunked_ ? "BDAT" : "DATA", /*content=*/true);
    EndTransaction();
    return std::nullopt;
  }
  return AskStep(asks_.Open(BodyEnd{content_->size()}));
}

void ServerSession::BodyAccepted(const Verdict& verdict) {
  const Content::Form form =
      !chunked_ ? Content::Form::kData
      : envelope_->parameters.body == BodyType::kBinaryMime
          ? Content::Form::kBinary
          : Content::Form::kText;
  const BareNewlines bare_newlines =
      verdict.bare_newlines().value_or(config_.bare_newlines);
  if (content_ == nullptr) {
    content_ = std::make_unique<Content>(config_, form, bare_newlines);
  } else {
    examined_ += content_->examined();
    *content_ = Content(config_, form, bare_newlines);
  }
  state_ = State::kBody;
  if (!chunked_) Say({354, {}, "go ahead"});
}

void ServerSession::RefuseMessage(Reply reply) {
  refusal_ = std::make_unique<const Reply>(std::move(reply));
  refusal_due_ = true;
  abort_due_ = true;
  draining_ = true;
}

}  // namespace postern
