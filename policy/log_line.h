// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A line of a log: an event and its fields, where whatever clients sent leaves
// the line with but one reading.
//
//   LogLine("message", style).Word("result", "accept").Number("size", 1234);
//
// As logfmt, key=value with blanks between, behind the program's name and pid:
//
//   postern: pid=77 message result=accept size=1234
//
//   - Bytes outside 0x20..0x7e, and '"', '\', '<' and '>', are written \xNN.
//   - A value that holds a space, or nothing, is between double quotes.
//   - Addresses are between angle brackets, as in the envelope: unquoted, the
//     domain behind the last '@'. A space in one is written \x20.
//   - A value that has been cut ends in "\...".
//
// As JSON (RFC 8259), one object:
//
//   {"event":"message","program":"postern","pid":77,"result":"accept",
//   "size":1234}
//
// (one line) whose strings are the values themselves, in ASCII: what is not is
// written \uNNNN. What JSON has no words for comes as in logfmt, and is then
// text: a '\' is \x5c, a byte that is not UTF-8 is \xNN, and what has been cut
// ends in \... So one value has one text, and what clients sent can be told
// from what we did to it. Addresses are without brackets.

#ifndef POSTERN_POLICY_LOG_LINE_H_
#define POSTERN_POLICY_LOG_LINE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/path.h"
#include "engine/reply.h"

namespace postern::policy {

// The most bytes that a value takes, escapes included. A line with two
// addresses, two names and two texts stays below PIPE_BUF (4096), up to which
// a write to a pipe is not mixed with those of other processes.
inline constexpr size_t kMaxLoggedAddress = 1024;
inline constexpr size_t kMaxLoggedName = 256;
inline constexpr size_t kMaxLoggedText = 512;
inline constexpr size_t kNoLogLimit = static_cast<size_t>(-1);

enum class LogFormat : uint8_t { kLogfmt, kJson };

// What the lines of a program have in common. Thread-safe, once made.
class LogStyle {
 public:
  // Logfmt, and nothing before the event: for tests.
  LogStyle() = default;
  LogStyle(LogFormat format, absl::string_view program, int64_t pid);

  LogFormat format() const { return format_; }
  absl::string_view head() const { return head_; }

 private:
  LogFormat format_ = LogFormat::kLogfmt;
  std::string head_;  // before the event; in JSON, behind it
};

// LogLine is written as it is filled: the order of calls is that of the fields.
// A key is written as it is: letters and '-', and no key twice.
class LogLine {
 public:
  // `event` is a word, as in Word().
  explicit LogLine(absl::string_view event, const LogStyle& style = LogStyle());

  // A value of ours: printable, not empty, and without what a text escapes.
  LogLine& Word(absl::string_view key, absl::string_view word);
  // Any bytes, of which no more than `limit` are written between the quotes; it
  // is 5 at least.
  LogLine& Text(absl::string_view key, absl::string_view text, size_t limit);
  LogLine& Address(absl::string_view key, const Path& path);
  // The reply in one line as a text: "250 2.1.5 ok".
  LogLine& Answer(absl::string_view key, const Reply& reply);
  LogLine& Number(absl::string_view key, uint64_t number);
  // How many of those that were asked for: "2/3", and "3" where it is all. In
  // JSON the number, and beside it KEY-asked where that differs.
  LogLine& Part(absl::string_view key, uint64_t number, uint64_t asked);
  // With three decimal places.
  LogLine& Seconds(absl::string_view key, absl::Duration duration);
  // Words with commas between, in JSON an array of them.
  LogLine& Words(absl::string_view key,
                 absl::Span<const absl::string_view> words);

  // Returns the line, without a line end. Called once, and last.
  std::string End();

 private:
  void Key(absl::string_view key);
  bool json() const { return format_ == LogFormat::kJson; }

  const LogFormat format_;
  std::string text_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LOG_LINE_H_
