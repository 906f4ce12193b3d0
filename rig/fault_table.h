// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The faults of a rig, with their counts, and the calls that add them.

#ifndef POSTERN_RIG_FAULT_TABLE_H_
#define POSTERN_RIG_FAULT_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rig/fault.h"

namespace postern::rig {

// A place in sessions, for Rig::On().
struct Point {
  Stage stage;          // Fault::stage
  std::string pattern;  // Fault::pattern
};
// The places: each is the Stage of this name. A pattern of "" matches
// everything.
inline Point Connect(absl::string_view address = "") {
  return {Stage::kConnect, std::string(address)};
}
inline Point Ehlo(absl::string_view client_name = "") {
  return {Stage::kEhlo, std::string(client_name)};
}
inline Point StartTls() { return {Stage::kStartTls, ""}; }
inline Point Tls() { return {Stage::kTls, ""}; }
inline Point Auth(absl::string_view user = "") {
  return {Stage::kAuth, std::string(user)};
}
inline Point Mail(absl::string_view sender = "") {
  return {Stage::kMail, std::string(sender)};
}
inline Point Rcpt(absl::string_view recipient = "") {
  return {Stage::kRcpt, std::string(recipient)};
}
inline Point Data(absl::string_view recipient = "") {
  return {Stage::kData, std::string(recipient)};
}
inline Point Content(absl::string_view recipient = "") {
  return {Stage::kContent, std::string(recipient)};
}
inline Point EndOfData(absl::string_view recipient = "") {
  return {Stage::kEnd, std::string(recipient)};
}
inline Point Rset() { return {Stage::kRset, ""}; }
inline Point Noop() { return {Stage::kNoop, ""}; }
inline Point Vrfy(absl::string_view argument = "") {
  return {Stage::kVrfy, std::string(argument)};
}
inline Point Help() { return {Stage::kHelp, ""}; }
inline Point Quit() { return {Stage::kQuit, ""}; }

// A fault of a table, with what has happened to it.
struct FaultState {
  int id = 0;       // from 1, and never used again
  Fault fault;      // as it was added, or as Replace() has changed it
  int applied = 0;  // how often
  bool on = true;   // a fault that is off does not apply, and counts nothing

  // Whether an expectation is open: the fault has a number of times, and has
  // applied less often.
  bool unmet() const { return on && applied < fault.times; }
};

// Thread-safe.
class FaultTable {
 public:
  // Returns the number of octets that a recipient would have with this message.
  using Octets = absl::FunctionRef<uint64_t(const std::string& recipient)>;

  // Adds a fault, which must pass CheckFault(). Returns its id.
  int Add(Fault fault);
  void Clear();
  // Replaces all faults, in one step.
  void Assign(std::vector<Fault> faults);
  // Return false if no fault has this id. Replace() forgets the counts, keeps
  // the place in the order, and sets `on` in the same step.
  bool Replace(int id, Fault fault, bool on = true);
  bool SetOn(int id, bool on);
  bool Remove(int id);
  // The faults in the order of Add().
  std::vector<FaultState> List() const;
  // Calls `changed` after each change of List(), on the thread that made it,
  // without a lock. Call it before the first session.
  void OnChange(std::function<void()> changed) {
    changed_ = std::move(changed);
  }

  // Something has happened at `stage`, with these texts to compare patterns
  // with, perhaps none. Returns the fault that applies, and counts it: the
  // first in the order of Add() that matches and whose count includes this
  // occurrence. Each fault that matches counts the occurrence up to there.
  std::optional<Fault> Take(Stage stage, absl::Span<const std::string> subjects,
                            Octets octets);

  // Returns the faults with `times` that have applied less often, with the
  // number of their applications.
  std::vector<std::pair<Fault, int>> Unmet() const;
  // Returns how often faults have applied.
  int applied() const;

 private:
  // The counts of all faults together, about. A fault with `each` that has no
  // room for the count of a further text uses one count for all of these.
  static constexpr size_t kMostCounts = 100000;

  struct Count {
    int seen = 0;
    int applied = 0;
  };
  struct Entry {
    FaultState state;
    std::map<std::string, Count> counts;  // by subject if Fault::each, else ""
  };

  // Returns the fault that applies, with the lock held.
  std::optional<Fault> Find(Stage stage, absl::Span<const std::string> texts,
                            Octets octets);
  Entry* Find(int id);
  // Returns the count of a text, with the lock held.
  Count& CountOf(Entry* entry, const std::string& text);
  void Changed() const {
    if (changed_) changed_();
  }

  std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // guarded by mutex_
  int applied_ = 0;             // guarded by mutex_
  int last_id_ = 0;             // guarded by mutex_
};

// Builds one fault, which takes effect at the end of the statement:
//
//   server.On(Rcpt("a@x.example")).Times(2).Reply(450, "4.7.1 greylisted");
//   server.On(EndOfData()).Skip(1).Delay(absl::Seconds(3)).Close(Cut::kBefore);
//
// A fault that CheckFault() refuses aborts the program with the reason: a test
// without the fault that it describes would prove nothing.
class FaultBuilder {
 public:
  // Adds the fault to `table`, which must outlive the object.
  FaultBuilder(FaultTable* table, Point point) : table_(*table) {
    fault_.stage = point.stage;
    fault_.pattern = std::move(point.pattern);
  }
  FaultBuilder(const FaultBuilder&) = delete;
  FaultBuilder& operator=(const FaultBuilder&) = delete;
  ~FaultBuilder();

  // When it applies: see Fault.
  FaultBuilder& Skip(int occurrences);
  FaultBuilder& Times(int occurrences);
  FaultBuilder& Once() { return Times(1); }
  FaultBuilder& Percent(int of_a_hundred);
  FaultBuilder& Each();
  FaultBuilder& Quota(uint64_t octets);

  // What it does: see Fault. `text` may begin with an enhanced code, and '\n'
  // in it separates lines.
  FaultBuilder& Reply(int code, absl::string_view text = "");
  FaultBuilder& Raw(absl::string_view octets);
  FaultBuilder& Delay(absl::Duration delay);
  FaultBuilder& Stall() { return Delay(absl::InfiniteDuration()); }
  FaultBuilder& Close(Cut cut = Cut::kBefore);
  FaultBuilder& After(uint64_t octets);
  FaultBuilder& Split();
  FaultBuilder& WriteRate(uint32_t octets_per_second);
  FaultBuilder& ReadRate(uint32_t octets_per_second);
  FaultBuilder& Hide(absl::string_view keyword);
  FaultBuilder& Certificate(CertificateKind kind);

 private:
  FaultTable& table_;
  Fault fault_;
};

// Returns the reply with `code` and `text`, which may begin with an enhanced
// code.
Reply MakeReply(int code, absl::string_view text);

}  // namespace postern::rig

#endif  // POSTERN_RIG_FAULT_TABLE_H_
