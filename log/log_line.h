// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A line of a log: an event and its fields. Whatever a client sent, the line
// has one reading.
//
//   LogLine("message", style, {"2f4zzk3m80ab", 1})
//       .Word("result", "accept").Number("size", 1234);
//
// As logfmt, key=value with blanks between. Before the event stand the program,
// its pid, the session and, where the line is about a message, its id:
//
//   postern: pid=77 session=2f4zzk3m80ab id=2f4zzk3m80ab-1 message
//   result=accept size=1234
//
// (one line)
//
//   - In a text of a client's (Text), bytes outside 0x21..0x7e, and '"', '\',
//     '<', '>' and '=', are written \xNN. It is one word, "" where it is empty.
//   - A sentence (Sentence, Answer) is our own, but may quote a client. It is
//     the same, but for blanks, '<' and '>', which stay; it is between double
//     quotes where it holds a blank or a '<', or nothing.
//   - Addresses are between angle brackets, as in the envelope: unquoted, the
//     domain behind the last '@'. Inside, they are as a text.
//   - A value that has been cut ends in "\...".
//
// So '=' is in no value, but at the end of a key: a reader that looks for
// " key=" with a regular expression, as fail2ban does, finds our fields and
// none that a client made up.
//
// As JSON (RFC 8259), one object:
//
//   {"event":"message","program":"postern","pid":77,"session":"2f4zzk3m80ab",
//   "id":"2f4zzk3m80ab-1","result":"accept","size":1234}
//
// (one line) whose strings are the values themselves, in ASCII: what is not is
// written \uNNNN. What JSON has no words for comes as in logfmt, and is then
// text: a '\' is \x5c, a byte that is not UTF-8 is \xNN, and what has been cut
// ends in \... So one value has one text, and what clients sent can be told
// from what we did to it. Addresses are without brackets.

#ifndef POSTERN_LOG_LOG_LINE_H_
#define POSTERN_LOG_LOG_LINE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"

namespace postern::log {

// The most bytes that a value takes, escapes included. A line with two
// addresses, two names and two texts stays below PIPE_BUF (4096), up to which
// a write to a pipe is not mixed with those of other processes.
inline constexpr size_t kMaxLoggedProgram = 64;
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

// What a line is about.
struct LogSubject {
  absl::string_view session;  // SessionInfo::session_id; empty: none
  int message = 0;            // the n-th of the session; 0: none
};

// Returns the id of a message: "2f4zzk3m80ab-1". In the log, in the Received
// field and in the reply it is the same.
std::string MessageId(const LogSubject& subject);

// LogLine is written as it is filled: the order of calls is that of the fields.
// A key is written as it is: letters and '-', and no key twice.
class LogLine {
 public:
  // `event` is a word, as in Word().
  explicit LogLine(absl::string_view event, const LogStyle& style = LogStyle(),
                   const LogSubject& subject = {});

  // Fields alone, for lines of the same style: see Add().
  static LogLine Fields(const LogStyle& style);
  // The fields of another, in which End() was not called.
  LogLine& Add(const LogLine& fields);

  // A value of ours: printable, not empty, and without what a text escapes.
  LogLine& Word(absl::string_view key, absl::string_view word);
  // Any bytes, of which no more than `limit` are written, escapes included; it
  // is 5 at least.
  LogLine& Text(absl::string_view key, absl::string_view text, size_t limit);
  LogLine& Sentence(absl::string_view key, absl::string_view text,
                    size_t limit);
  LogLine& Address(absl::string_view key, const Path& path);
  // An IP address; an empty text if there is none.
  LogLine& Ip(absl::string_view key, const std::optional<IpAddress>& address);
  // An IP address and a port: 192.0.2.1:25, [2001:db8::1]:25. No field if there
  // is no address.
  LogLine& Endpoint(absl::string_view key,
                    const std::optional<IpAddress>& address, uint16_t port);
  // The reply in one line as a sentence: "250 2.1.5 ok".
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
  explicit LogLine(LogFormat format) : format_(format) {
    text_.reserve(kUsualFields);
  }

  void Key(absl::string_view key);
  bool json() const { return format_ == LogFormat::kJson; }

  // Most fields of another are shorter: they are one piece of memory.
  static constexpr size_t kUsualFields = 160;

  LogFormat format_;
  std::string text_;
};

// Returns a line that is a sentence and has no fields but those before the
// event: "postern: pid=77 warning: TEXT", or without an event "postern: pid=77
// TEXT". Bytes outside printable ASCII become '?', and an '=' that could end a
// key is \x3d. In JSON the text is a string as Text() has it, of the event
// "notice" where there is none.
std::string SentenceLine(absl::string_view event, absl::string_view text,
                         const LogStyle& style, const LogSubject& subject = {});

}  // namespace postern::log

#endif  // POSTERN_LOG_LOG_LINE_H_
