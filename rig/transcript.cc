// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/transcript.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/grammar/mechanism.h"

namespace postern::rig {
namespace {

constexpr absl::string_view kMask = "***";

// Returns `octets`, lines of which each may contain a password, without
// passwords: an AUTH command keeps its mechanism, "*" cancels, and nothing is
// left of other lines.
std::string Masked(absl::string_view octets) {
  std::string masked;
  while (!octets.empty()) {
    const size_t end = octets.find('\n');
    const size_t size =
        end == absl::string_view::npos ? octets.size() : end + 1;
    absl::string_view line = octets.substr(0, size);
    octets.remove_prefix(size);
    absl::string_view text = absl::StripTrailingAsciiWhitespace(line);
    const absl::string_view line_end = line.substr(text.size());
    if (text == "*" || text.empty()) {
      absl::StrAppend(&masked, line);
      continue;
    }
    if (absl::StartsWithIgnoreCase(text, "AUTH ")) {
      // A client may leave out the mechanism. Only upper case is one, because
      // base64 would look like one, too.
      const absl::string_view rest = text.substr(5);
      const absl::string_view word = rest.substr(0, rest.find(' '));
      if (IsMechanism(word)) {
        if (word.size() == rest.size()) {
          absl::StrAppend(&masked, line);
          continue;
        }
        absl::StrAppend(&masked, text.substr(0, 6 + word.size()));
      }
    }
    absl::StrAppend(&masked, kMask, line_end);
  }
  return masked;
}

}  // namespace

std::string FormatTranscript(const std::vector<TranscriptEntry>& entries) {
  std::string text;
  for (const TranscriptEntry& entry : entries) {
    const char* side = "";
    switch (entry.kind) {
      case TranscriptEntry::Kind::kClient:
        side = "C: ";
        break;
      case TranscriptEntry::Kind::kServer:
        side = "S: ";
        break;
      case TranscriptEntry::Kind::kEvent:
        side = "-- ";
        break;
    }
    absl::string_view rest = entry.octets;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      const size_t size =
          end == absl::string_view::npos ? rest.size() : end + 1;
      absl::StrAppend(
          &text, absl::StrFormat("%+.3f ", absl::ToDoubleSeconds(entry.time)),
          side, absl::CHexEscape(rest.substr(0, size)), "\n");
      rest.remove_prefix(size);
    }
  }
  return text;
}

void Transcript::Client(absl::string_view octets, size_t secret,
                        absl::Duration time) {
  if (show_passwords_ || secret == 0) {
    return Append(TranscriptEntry::Kind::kClient, octets, time);
  }
  Append(TranscriptEntry::Kind::kClient,
         absl::StrCat(Masked(octets.substr(0, secret)), octets.substr(secret)),
         time);
}

void Transcript::Server(absl::string_view octets, absl::Duration time) {
  Append(TranscriptEntry::Kind::kServer, octets, time);
}

void Transcript::Event(absl::string_view text, absl::Duration time) {
  Append(TranscriptEntry::Kind::kEvent, text, time);
}

void Transcript::Append(TranscriptEntry::Kind kind, absl::string_view octets,
                        absl::Duration time) {
  const std::lock_guard<std::mutex> lock(mutex_);
  octets_ += octets.size();
  written_ += octets.size();
  if (!entries_.empty() && entries_.back().kind == kind &&
      kind != TranscriptEntry::Kind::kEvent && entries_.back().time == time) {
    absl::StrAppend(&entries_.back().octets, octets);
  } else {
    entries_.push_back({kind, time, std::string(octets)});
  }
  // Half is dropped at once, so that the cost is linear in the octets.
  if (octets_ <= most_) return;
  size_t drop = 0;
  while (drop < entries_.size() && octets_ > most_ / 2) {
    octets_ -= entries_[drop++].octets.size();
  }
  entries_.erase(entries_.begin(),
                 entries_.begin() + static_cast<std::ptrdiff_t>(drop));
  shortened_ = true;
}

std::vector<TranscriptEntry> Transcript::Entries() const {
  return EntriesFrom(0);
}

uint64_t Transcript::written() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return written_;
}

std::vector<TranscriptEntry> Transcript::EntriesFrom(uint64_t position) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  // From the end, so that the cost is that of the entries that are returned.
  size_t first = entries_.size();
  uint64_t begin = written_;
  while (first > 0 && begin > position) {
    begin -= entries_[--first].octets.size();
  }
  std::vector<TranscriptEntry> entries;
  if (shortened_ && begin > position) {
    entries.push_back({TranscriptEntry::Kind::kEvent, absl::ZeroDuration(),
                       "earlier octets are dropped"});
  }
  const size_t dropped = entries.size();
  entries.insert(entries.end(),
                 entries_.begin() + static_cast<std::ptrdiff_t>(first),
                 entries_.end());
  if (begin < position && dropped < entries.size()) {
    entries[dropped].octets.erase(0, static_cast<size_t>(position - begin));
  }
  return entries;
}

size_t Transcript::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return octets_;
}

void Transcript::Forget() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<TranscriptEntry>().swap(entries_);
  octets_ = 0;
  shortened_ = true;
}

}  // namespace postern::rig
