// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/wire.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace postern::rig {
namespace {

// Returns the reply to EHLO without the lines of `hidden`. The last line of the
// result is its last line, too.
std::string Hide(absl::string_view octets,
                 const std::vector<std::string>& hidden) {
  std::vector<std::string> lines;
  for (const absl::string_view line :
       absl::StrSplit(octets, "\r\n", absl::SkipEmpty())) {
    const absl::string_view text =
        line.substr(std::min<size_t>(4, line.size()));
    const absl::string_view keyword = text.substr(0, text.find_first_of(" ="));
    // The first line is the server's name.
    const bool hides =
        !lines.empty() &&
        std::any_of(hidden.begin(), hidden.end(), [&](const auto& name) {
          return absl::EqualsIgnoreCase(name, keyword);
        });
    if (!hides) lines.emplace_back(line);
  }
  std::string reply;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].size() > 3) lines[i][3] = i + 1 < lines.size() ? '-' : ' ';
    absl::StrAppend(&reply, lines[i], "\r\n");
  }
  return reply;
}

}  // namespace

std::optional<Stage> StageOf(const GivenReply& reply) {
  if (reply.content) return Stage::kEnd;
  if (reply.verb.empty()) {
    // The greeting is the only reply to no command that is an answer.
    if (reply.asked) return Stage::kConnect;
    return std::nullopt;
  }
  if (reply.verb == "AUTH" && reply.code == 334) return std::nullopt;
  if (reply.verb == "HELO" || reply.verb == "LHLO") return Stage::kEhlo;
  if (reply.verb == "BDAT") return Stage::kData;
  return ParseStage(absl::AsciiStrToLower(reply.verb));
}

void Wire::ReadClock(Instant now) {
  if (!std::exchange(started_, true)) began_ = resume_ = granted_ = now;
  now_ = now;
}

void Wire::Event(absl::string_view text) {
  transcript_->Event(text, elapsed());
}

void Wire::PauseReading(absl::Duration duration) { resume_ = now_ + duration; }

void Wire::LimitReading(uint32_t octets_per_second) {
  read_rate_ = octets_per_second;
  granted_ = now_;
  allowed_ = 0;
}

void Wire::CloseNow() {
  closing_ = closes_ = true;
  queue_.clear();
  held_ = 0;
}

void Wire::OnInput(absl::string_view input, size_t secret, Instant now) {
  ReadClock(now);
  transcript_->Client(input, secret, elapsed());
  if (content_ || chunk_) return;
  chunk_ = absl::StartsWithIgnoreCase(input, "BDAT");
  chunked_ = chunked_ || chunk_;
  const size_t line = input.find('\n');
  if (!Output().empty() || !queue_.empty() ||
      (line != absl::string_view::npos && line + 1 < input.size())) {
    pipelined_ = true;
  }
}

void Wire::OnReply(const GivenReply& reply, absl::string_view octets,
                   Instant now) {
  ReadClock(now);
  if (reply.code == 354) content_ = true;
  if (reply.content) content_ = false;
  chunk_ = false;
  const std::optional<Stage> stage = StageOf(reply);
  const std::optional<Fault> fault =
      stage ? find_(*stage, reply) : std::nullopt;
  if (closing_) return;
  Send(fault.value_or(Fault()), std::string(octets));
}

void Wire::Send(const Fault& fault, std::string octets) {
  if (fault.read_rate > 0) LimitReading(fault.read_rate);
  if (!fault.hidden.empty()) octets = Hide(octets, fault.hidden);
  std::optional<Cut> cut = fault.cut;
  if (fault.raw) {
    octets = *fault.raw;
  } else if (fault.reply) {
    octets = FormatReply(*fault.reply);
    if (fault.reply->code == 421 && !cut) cut = Cut::kAfter;
  }
  if (cut == Cut::kBefore) octets.clear();
  if (cut == Cut::kInside) octets.resize(octets.size() / 2);
  last_ = std::max(last_, now_) + fault.delay;
  held_ += octets.size();
  if (fault.split || fault.write_rate > 0) {
    const absl::Duration pause = fault.write_rate > 0
                                     ? absl::Seconds(1) / fault.write_rate
                                     : absl::ZeroDuration();
    for (const char octet : octets) {
      queue_.push_back({std::string(1, octet), last_, /*alone=*/true});
      last_ = last_ + pause;
    }
  } else if (!octets.empty()) {
    queue_.push_back({std::move(octets), last_});
  } else if (fault.delay == absl::InfiniteDuration()) {
    queue_.push_back({"", last_});
  }
  if (!cut) return;
  queue_.push_back({"", last_, /*alone=*/true, /*close=*/true});
  closing_ = true;
}

void Wire::Advance(Instant now) {
  ReadClock(now);
  if (read_rate_ > 0 && now - granted_ >= kTick) {
    const double grant =
        absl::ToDoubleSeconds(now - granted_) * read_rate_ + 0.5;
    if (grant >= 1) {
      // Time without input does not add up to more than a second.
      allowed_ =
          std::min<size_t>(allowed_ + static_cast<size_t>(grant), read_rate_);
      granted_ = now;
    }
  }
  while (!queue_.empty() && queue_.front().at <= now) {
    Piece& piece = queue_.front();
    const bool empty = Output().empty();
    if (!empty && (alone_ || piece.alone)) break;
    if (piece.close) {
      Event("closed by the server");
      CloseNow();
      break;
    }
    if (empty) {
      ready_.clear();
      written_ = 0;
    }
    alone_ = piece.alone;
    transcript_->Server(piece.octets, elapsed());
    held_ -= piece.octets.size();
    absl::StrAppend(&ready_, piece.octets);
    queue_.pop_front();
  }
}

Instant Wire::deadline() const {
  Instant next = Instant::Never();
  if (Output().empty() && !queue_.empty()) next = queue_.front().at;
  if (resume_ > now_) next = std::min(next, resume_);
  if (read_rate_ > 0 && allowed_ == 0) {
    next = std::min(next,
                    granted_ + std::max(kTick, absl::Seconds(1) / read_rate_));
  }
  return next;
}

void Wire::OutputWritten(size_t n) { written_ += n; }

size_t Wire::Room() const {
  if (resume_ > now_ || held_ > kMostHeld) return 0;
  return read_rate_ == 0 ? std::numeric_limits<size_t>::max() : allowed_;
}

void Wire::OnRead(size_t n) {
  if (read_rate_ > 0) allowed_ -= std::min(n, allowed_);
}

}  // namespace postern::rig
