// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// ServerSession: the content of a message, after DATA and in BDAT chunks.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
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
                          : intake_->content->HasRoomFor(chunk.size);
  if (!fits) {
    if (!draining()) RefuseMessage(TooBig());
    FailChunk(chunk, TooBig(), Cause::kContent);
    return nullptr;
  }
  intake().chunk = chunk;
  intake_->chunked = true;
  if (first) return asks_.Open(BeginBody());
  state_ = State::kBody;
  return nullptr;
}

BodyBegin ServerSession::BeginBody() const {
  BodyBegin begin;
  begin.from = envelope_->from;
  if (envelope_->to.size() == 1) begin.to = envelope_->to[0].path;
  begin.recipients = envelope_->to.size();
  begin.message = envelope_->message;
  begin.size = envelope_->parameters.size;
  return begin;
}

void ServerSession::RefuseChunk(const Chunk& chunk, Reply reply, Cause cause) {
  intake().chunk = chunk;
  intake_->chunk_cause = cause;
  intake_->refusal = std::make_unique<const Reply>(std::move(reply));
  state_ = State::kDiscardChunk;
  if (chunk.size <= config_.max_discarded) return;
  SayForChunk();
  Close(CloseReason::kAbuse);
}

void ServerSession::SayForChunk() {
  // RFC 2033 4.3: LMTP replies to the last chunk once for each recipient, and
  // not at all if there is none.
  if (intake_->chunk.last && Serves(config_, tls_.get(), Verb::kBdat) &&
      phase() >= Phase::kIdle) {
    SayForMessage(*intake_->refusal);
  } else {
    Say(*intake_->refusal);
  }
  if (intake_->chunk_cause == Cause::kAnswer) return;
  Report(*intake_->refusal, "BDAT", intake_->chunk_cause == Cause::kContent);
}

void ServerSession::FailChunk(const Chunk& chunk, Reply reply, Cause cause) {
  intake().draining = true;
  if (!chunk.last) transaction_ = Transaction::kBroken;
  RefuseChunk(chunk, std::move(reply), cause);
}

std::optional<Step> ServerSession::RunDiscardChunk(absl::string_view in,
                                                   size_t* consumed) {
  const uint64_t octets = std::min<uint64_t>(intake_->chunk.size, in.size());
  intake_->chunk.size -= octets;
  *consumed += static_cast<size_t>(octets);
  CountBlock(octets);
  if (intake_->chunk.size > 0) return WantInput();
  ++progress_;
  intake_->block = 0;
  state_ = State::kCommand;
  SayForChunk();
  if (intake_->chunk.last && intake_->draining &&
      transaction_ != Transaction::kBroken) {
    EndTransaction();
  }
  return std::nullopt;
}

std::optional<Step> ServerSession::RunBody(absl::string_view in,
                                           size_t* consumed) {
  if (intake_->ended) return EndBody();
  BodyScanner::Result taken;
  if (!intake_->chunked) {
    taken = intake_->content->Take(in);
    intake_->ended = taken.end;
  } else if (intake_->chunk.size > 0) {
    taken = intake_->content->Take(
        in.substr(0, static_cast<size_t>(
                         std::min<uint64_t>(intake_->chunk.size, in.size()))));
    intake_->chunk.size -= taken.consumed;
  } else if (intake_->chunk.last) {
    taken = intake_->content->Finish();
    intake_->ended = true;
  } else {
    return EndChunk();
  }
  *consumed += taken.consumed;
  CountBlock(taken.consumed);
  if (!intake_->draining) {
    if (std::optional<Reply> refusal = intake_->content->Refusal()) {
      RefuseMessage(*std::move(refusal));
    }
  }
  if (!intake_->draining && !taken.slices.empty()) {
    return BodyStep(taken.slices);
  }
  if (taken.consumed > 0 || abort_due_ || intake_->ended) return std::nullopt;
  return WantInput();
}

void ServerSession::CountBlock(uint64_t octets) {
  intake_->block += octets;
  if (intake_->block < config_.data_block) return;
  intake_->block = 0;
  ++progress_;
}

std::optional<Step> ServerSession::EndChunk() {
  intake_->block = 0;
  ++progress_;
  state_ = State::kCommand;
  if (const std::optional<Reply> refusal = intake_->content->ChunkRefusal()) {
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
  intake_->ended = false;
  intake_->block = 0;
  ++progress_;
  state_ = State::kCommand;
  if (GivenReply* next = next_reply()) next->content = true;
  if (const std::optional<Reply> refusal = intake_->content->Refusal()) {
    SayForMessage(*refusal);
    Report(*refusal, intake_->chunked ? "BDAT" : "DATA", /*content=*/true);
    EndTransaction();
    return std::nullopt;
  }
  return AskStep(asks_.Open(BodyEnd{intake_->content->size()}));
}

void ServerSession::BodyAccepted(const Verdict& verdict) {
  const Content::Form form =
      !intake_->chunked ? Content::Form::kData
      : envelope_->parameters.body == BodyType::kBinaryMime
          ? Content::Form::kBinary
          : Content::Form::kText;
  const BareNewlines bare_newlines =
      verdict.bare_newlines().value_or(config_.bare_newlines);
  if (intake_->content) examined_ += intake_->content->examined();
  intake_->content.emplace(config_, form, bare_newlines);
  state_ = State::kBody;
  if (!intake_->chunked) Say({354, {}, "go ahead"});
}

void ServerSession::RefuseMessage(Reply reply) {
  intake().refusal = std::make_unique<const Reply>(std::move(reply));
  intake_->refusal_due = true;
  abort_due_ = true;
  intake_->draining = true;
}

}  // namespace postern
