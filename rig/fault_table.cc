// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/fault_table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace postern::rig {

int FaultTable::Add(Fault fault) {
  int id = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    id = ++last_id_;
    entries_.push_back({{id, std::move(fault)}, {}});
  }
  Changed();
  return id;
}

void FaultTable::Clear() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    entries_.clear();
  }
  Changed();
}

void FaultTable::Assign(std::vector<Fault> faults) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    entries_.clear();
    for (Fault& fault : faults) {
      entries_.push_back({{++last_id_, std::move(fault)}, {}});
    }
  }
  Changed();
}

FaultTable::Entry* FaultTable::Find(int id) {
  for (Entry& entry : entries_) {
    if (entry.state.id == id) return &entry;
  }
  return nullptr;
}

bool FaultTable::Replace(int id, Fault fault, bool on) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Entry* const entry = Find(id);
    if (entry == nullptr) return false;
    *entry = {{.id = id, .fault = std::move(fault), .on = on}, {}};
  }
  Changed();
  return true;
}

bool FaultTable::SetOn(int id, bool on) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Entry* const entry = Find(id);
    if (entry == nullptr) return false;
    entry->state.on = on;
  }
  Changed();
  return true;
}

bool FaultTable::Remove(int id) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const size_t removed = std::erase_if(
        entries_, [&](const Entry& entry) { return entry.state.id == id; });
    if (removed == 0) return false;
  }
  Changed();
  return true;
}

std::vector<FaultState> FaultTable::List() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<FaultState> states;
  states.reserve(entries_.size());
  for (const Entry& entry : entries_) states.push_back(entry.state);
  return states;
}

std::optional<Fault> FaultTable::Take(Stage stage,
                                      absl::Span<const std::string> subjects,
                                      Octets octets) {
  const std::string none;
  const absl::Span<const std::string> texts =
      subjects.empty() ? absl::Span<const std::string>(&none, 1) : subjects;
  std::optional<Fault> fault;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    fault = Find(stage, texts, octets);
  }
  if (fault) Changed();
  return fault;
}

std::optional<Fault> FaultTable::Find(Stage stage,
                                      absl::Span<const std::string> texts,
                                      Octets octets) {
  for (Entry& entry : entries_) {
    const Fault& fault = entry.state.fault;
    if (!entry.state.on || fault.stage != stage) continue;
    // With several recipients this is one occurrence, of the first that
    // matches, except where each recipient has its own count.
    for (const std::string& text : texts) {
      if (!Matches(fault.pattern, text)) continue;
      if (fault.quota && octets(text) <= *fault.quota) continue;
      Count& count = CountOf(&entry, text);
      const int64_t occurrence = ++count.seen - int64_t{fault.skip};
      // The share of the occurrences so far grows by a whole one.
      const bool due = occurrence * fault.percent / 100 !=
                       (occurrence - 1) * fault.percent / 100;
      if (occurrence > 0 && due &&
          (fault.times == 0 || count.applied < fault.times)) {
        ++count.applied;
        ++entry.state.applied;
        ++applied_;
        return fault;
      }
      if (!fault.each) break;
    }
  }
  return std::nullopt;
}

FaultTable::Count& FaultTable::CountOf(Entry* entry, const std::string& text) {
  if (!entry->state.fault.each) return entry->counts[""];
  const std::string key = absl::AsciiStrToLower(text);
  if (const auto found = entry->counts.find(key);
      found != entry->counts.end()) {
    return found->second;
  }
  size_t counts = 0;
  for (const Entry& other : entries_) counts += other.counts.size();
  return entry->counts[counts < kMostCounts ? key : ""];
}

std::vector<std::pair<Fault, int>> FaultTable::Unmet() const {
  std::vector<std::pair<Fault, int>> unmet;
  for (FaultState& state : List()) {
    if (state.unmet()) {
      unmet.emplace_back(std::move(state.fault), state.applied);
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

FaultBuilder& FaultBuilder::Percent(int of_a_hundred) {
  fault_.percent = of_a_hundred;
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
