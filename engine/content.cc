// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace postern {
namespace {

// Removes a line end of any kind from the end of `text`.
bool TakeLineEnd(absl::string_view* text) {
  if (absl::ConsumeSuffix(text, "\n")) {
    absl::ConsumeSuffix(text, "\r");
    return true;
  }
  return absl::ConsumeSuffix(text, "\r");
}

}  // namespace

BodyScanner::Result Content::Take(absl::string_view in) {
  BodyScanner::Result result;
  if (form_ == Form::kBinary) {
    octets_ += in.size();
    octet_slice_ = in;
    result.consumed = in.size();
    result.slices = absl::MakeConstSpan(&octet_slice_, in.empty() ? 0 : 1);
  } else {
    result = scanner_.Scan(in);
    if (form_ == Form::kData) KeepTail(in.substr(0, result.consumed));
  }
  for (absl::string_view slice : result.slices) hops_.Add(slice);
  return result;
}

BodyScanner::Result Content::Finish() {
  return form_ == Form::kText ? scanner_.Finish() : BodyScanner::Result();
}

uint64_t Content::size() const {
  return form_ == Form::kBinary ? octets_ : scanner_.size();
}

bool Content::HasRoomFor(uint64_t octets) const {
  return max_size_ == 0 ||
         (size() <= max_size_ && octets <= max_size_ - size());
}

bool Content::LooksEnded() const {
  absl::string_view text = tail_;
  if (absl::EndsWith(text, "\r") && !scanner_.defect()) return false;
  if (form_ != Form::kData || !TakeLineEnd(&text)) return false;
  if (absl::EndsWithIgnoreCase(text, "QUIT")) {
    text.remove_suffix(4);
    if (!TakeLineEnd(&text)) return false;
  }
  return absl::ConsumeSuffix(&text, ".") &&
         (absl::EndsWith(text, "\n") || absl::EndsWith(text, "\r"));
}

void Content::KeepTail(absl::string_view taken) {
  if (taken.size() >= kTail) {
    taken.remove_prefix(taken.size() - kTail);
    tail_.clear();
  } else {
    const size_t all = tail_.size() + taken.size();
    tail_.erase(0, all - std::min(all, kTail));
  }
  tail_.append(taken.data(), taken.size());
}

std::optional<Reply> Content::Refusal() const {
  std::optional<Reply> refusal;
  if (const auto& defect = scanner_.defect()) {
    refusal.emplace(
        Reply{554,
              {5, 5, 2},
              absl::StrCat("bare ", defect->newline == '\n' ? "LF" : "CR",
                           " in line ", defect->line,
                           " of the message, lines end in CRLF (#5.5.2)")});
    return refusal;
  }
  return ChunkRefusal();
}

std::optional<Reply> Content::ChunkRefusal() const {
  std::optional<Reply> refusal;
  if (hops_.hops() >= max_hops_) {
    refusal.emplace(Reply{
        554, {5, 4, 6}, "too many hops, this message is looping (#5.4.6)"});
  } else if (max_size_ != 0 && size() > max_size_) {
    refusal.emplace(TooBig());
  }
  return refusal;
}

// An idle session frees its Content after each message. malloc keeps blocks of
// this size for fast reuse.
static_assert(sizeof(Content) <= 1024);

const Reply& TooBig() {
  static const auto* const reply =
      new Reply{552,
                {5, 3, 4},
                "sorry, that message size exceeds my databytes limit (#5.3.4)"};
  return *reply;
}

}  // namespace postern
