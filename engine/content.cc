// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/content.h"

#include "absl/strings/str_cat.h"

namespace postern {

BodyScanner::Result Content::Take(absl::string_view in) {
  BodyScanner::Result result;
  if (form_ == Form::kBinary) {
    octets_ += in.size();
    octet_slice_ = in;
    result.consumed = in.size();
    result.slices = absl::MakeConstSpan(&octet_slice_, in.empty() ? 0 : 1);
  } else {
    result = scanner_.Scan(in);
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

// A session that rests gives it back after each message: malloc keeps blocks of
// this size at hand.
static_assert(sizeof(Content) <= 1024);

const Reply& TooBig() {
  static const auto* const reply =
      new Reply{552,
                {5, 3, 4},
                "sorry, that message size exceeds my databytes limit (#5.3.4)"};
  return *reply;
}

}  // namespace postern
