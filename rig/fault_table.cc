// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/fault_table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::rig {

void FaultTable::Add(Fault fault) {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.push_back({std::move(fault), {}, 0});
}

void FaultTable::Clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.clear();
}

std::optional<Fault> FaultTable::Take(Stage stage,
                                      absl::Span<const std::string> subjects,
                                      Octets octets) {
  const std::string none;
  const absl::Span<const std::string> texts =
      subjects.empty() ? absl::Span<const std::string>(&none, 1) : subjects;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (Entry& entry : entries_) {
    const Fault& fault = entry.fault;
    if (fault.stage != stage) continue;
    // With several recipients this is one occurrence, of the first that
    // matches, except where each recipient has its own count.
    for (const std::string& text : texts) {
      if (!Matches(fault.pattern, text)) continue;
      if (fault.quota && octets(text) <= *fault.quota) continue;
      int& seen = entry.seen[fault.each ? absl::AsciiStrToLower(text) : ""];
      ++seen;
      const bool applies =
          seen > fault.skip &&
          (fault.times == 0 || seen <= fault.skip + fault.times);
      if (applies) {
        ++entry.applied;
        ++applied_;
        return fault;
      }
      if (!fault.each) break;
    }
  }
  return std::nullopt;
}

std::vector<std::pair<Fault, int>> FaultTable::Unmet() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::pair<Fault, int>> unmet;
  for (const Entry& entry : entries_) {
    if (entry.applied < entry.fault.times) {
      unmet.emplace_back(entry.fault, entry.applied);
    }
  }
  return unmet;
}

int FaultTable::applied() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return applied_;
}

FaultBuilder::~FaultBuilder() {
  if (const std::string why = CheckFault(fault_); !why.empty()) {
    std::fprintf(stderr, "postern::rig: a fault at %s: %s\n",
                 std::string(StageName(fault_.stage)).c_str(), why.c_str());
    std::abort();
  }
  table_.Add(std::move(fault_));
}

FaultBuilder& FaultBuilder::Skip(int occurrences) {
  fault_.skip = occurrences;
  return *this;
}

FaultBuilder& FaultBuilder::Times(int occurrences) {
  fault_.times = occurrences;
  return *this;
}

FaultBuilder& FaultBuilder::Each() {
  fault_.each = true;
  return *this;
}

FaultBuilder& FaultBuilder::Quota(uint64_t octets) {
  fault_.quota = octets;
  return *this;
}

FaultBuilder& FaultBuilder::Reply(int code, absl::string_view text) {
  fault_.reply = MakeReply(code, text);
  return *this;
}

FaultBuilder& FaultBuilder::Raw(absl::string_view octets) {
  fault_.raw = std::string(octets);
  return *this;
}

FaultBuilder& FaultBuilder::Delay(absl::Duration delay) {
  fault_.delay = delay;
  return *this;
}

FaultBuilder& FaultBuilder::Close(Cut cut) {
  fault_.cut = cut;
  return *this;
}

FaultBuilder& FaultBuilder::After(uint64_t octets) {
  fault_.after = octets;
  return *this;
}

FaultBuilder& FaultBuilder::Split() {
  fault_.split = true;
  return *this;
}

FaultBuilder& FaultBuilder::WriteRate(uint32_t octets_per_second) {
  fault_.write_rate = octets_per_second;
  return *this;
}

FaultBuilder& FaultBuilder::ReadRate(uint32_t octets_per_second) {
  fault_.read_rate = octets_per_second;
  return *this;
}

FaultBuilder& FaultBuilder::Hide(absl::string_view keyword) {
  fault_.hidden.push_back(absl::AsciiStrToUpper(keyword));
  return *this;
}

FaultBuilder& FaultBuilder::Certificate(CertificateKind kind) {
  fault_.certificate = kind;
  return *this;
}

Reply MakeReply(int code, absl::string_view text) {
  postern::Reply reply{code, {}, ""};
  const absl::string_view first = text.substr(0, text.find(' '));
  if (const auto enhanced = ParseEnhancedCode(first);
      enhanced && enhanced->class_ == code / 100) {
    reply.enhanced = *enhanced;
    text.remove_prefix(std::min(first.size() + 1, text.size()));
  }
  reply.text = std::string(text);
  return reply;
}

}  // namespace postern::rig
