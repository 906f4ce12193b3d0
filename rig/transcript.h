// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the client and the server of one session have sent, with times.

#ifndef POSTERN_RIG_TRANSCRIPT_H_
#define POSTERN_RIG_TRANSCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::rig {

// The octets that one side sent without an octet of the other side between
// them, or an event: "TLS", "closed by the server".
struct TranscriptEntry {
  // Who sent the octets; kEvent: neither did.
  enum class Kind : uint8_t { kClient, kServer, kEvent };
  Kind kind = Kind::kClient;  // who sent the octets
  // Since the beginning of the session: when the server served the client's
  // first octet, or could write its own.
  absl::Duration time = absl::ZeroDuration();
  // As sent, with "***" instead of passwords. kEvent: the name of the event.
  std::string octets;
};

// Returns one line for each line of the entries:
//
//   +0.001 S: 220 mx.example ESMTP\r\n
//   +0.002 C: EHLO client.example\r\n
//
// Octets that are not printable ASCII, and '\\', are escaped as in C. A line
// that does not end in CRLF shows what it ends in.
std::string FormatTranscript(const std::vector<TranscriptEntry>& entries);

// A transcript that grows while a session runs. Thread-safe.
//
// Passwords are replaced by "***", unless `show_passwords`. It keeps at most
// `most` octets: then the oldest entries are dropped, and an event says so.
class Transcript {
 public:
  // Without `show_passwords`, credentials are masked. Keeps about `most`
  // octets.
  Transcript(bool show_passwords, size_t most)
      : show_passwords_(show_passwords), most_(most) {}

  // The client has sent `octets`, of which the first `secret` may contain a
  // password.
  void Client(absl::string_view octets, size_t secret, absl::Duration time);
  void Server(absl::string_view octets, absl::Duration time);
  void Event(absl::string_view text, absl::Duration time);

  // The entries that are kept, in order.
  std::vector<TranscriptEntry> Entries() const;
  // The octets that have been added, with those that are dropped: a position
  // for EntriesFrom().
  uint64_t written() const;
  // Returns the entries without the first `position` octets.
  std::vector<TranscriptEntry> EntriesFrom(uint64_t position) const;
  // The octets that are kept.
  size_t size() const;
  // Drops all entries, to free memory for later sessions.
  void Forget() const;
  // Returns FormatTranscript() of the entries.
  std::string Format() const { return FormatTranscript(Entries()); }

 private:
  void Append(TranscriptEntry::Kind kind, absl::string_view octets,
              absl::Duration time);

  const bool show_passwords_;
  const size_t most_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  mutable std::vector<TranscriptEntry> entries_;
  mutable size_t octets_ = 0;
  uint64_t written_ = 0;
  mutable bool shortened_ = false;
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_TRANSCRIPT_H_
