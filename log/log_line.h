// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A line of the log: an event and its fields. Whatever a client sent, the line
// can be read in one way only.
//
//   LogLine("message", style, {"2f4zzk3m80ab", 1})
//       .Word("result", "accept").Number("size", 1234);
//
// In logfmt a field is key=value, and a space separates two fields. Before the
// event the line names the program, its pid, the session and, if the line is
// about a message, the message's id:
//
//   postern: pid=77 session=2f4zzk3m80ab id=2f4zzk3m80ab-1 message
//   result=accept size=1234
//
// (one line)
//
//   - Text() writes what a client sent, as one word. Bytes outside 0x21..0x7e,
//     and '"', '\', '<', '>' and '=', are written as \xNN. An empty text is "".
//   - Sentence() and Answer() write sentences of the server, which may quote a
//     client. They escape the same bytes, except spaces, '<' and '>'. The value
//     is in double quotes if it is empty or contains a space or a '<'.
//   - Addresses are in angle brackets, as in the envelope, but unquoted: the
//     domain follows the last '@'. The address is escaped like a text.
//   - A value that was cut ends in "\...".
//
// So '=' occurs only at the end of a key. A reader that searches for " key="
// with a regular expression, as fail2ban does, finds the fields of the server
// and none that a client made up.
//
// As JSON (RFC 8259), one object:
//
//   {"event":"message","program":"postern","pid":77,"session":"2f4zzk3m80ab",
//   "id":"2f4zzk3m80ab-1","result":"accept","size":1234}
//
// (one line). The strings are the values themselves, in ASCII: other characters
// are written as \uNNNN. What JSON cannot express is escaped as in logfmt,
// inside the string: a '\' is \x5c, a byte that is not UTF-8 is \xNN, and a
// value that was cut ends in \... Two values that were not cut have the same
// text only if they are equal. Addresses have no brackets.

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

// The largest number of bytes that a value takes, including escapes. A line
// with two addresses, four names and two texts stays below PIPE_BUF (4096). A
// write to a pipe up to that size does not mix with the writes of other
// processes.
inline constexpr size_t kMaxLoggedProgram = 64;
inline constexpr size_t kMaxLoggedAddress = 768;
inline constexpr size_t kMaxLoggedName = 256;
inline constexpr size_t kMaxLoggedText = 512;
inline constexpr size_t kNoLogLimit = static_cast<size_t>(-1);

enum class LogFormat : uint8_t { kLogfmt, kJson };

// What all lines of a program have in common. Immutable after construction, so
// thread-safe.
class LogStyle {
 public:
  // Logfmt with nothing before the event: for tests.
  LogStyle() = default;
  LogStyle(LogFormat format, absl::string_view program, int64_t pid);

  LogFormat format() const { return format_; }
  absl::string_view head() const { return head_; }

 private:
  LogFormat format_ = LogFormat::kLogfmt;
  std::string head_;  // before the event; in JSON, after it
};

// The session and the message that a line is about.
struct LogSubject {
  absl::string_view session;  // SessionInfo::session_id; empty: none
  int message = 0;            // the n-th of the session; 0: none
};

// Returns the id of a message: "2f4zzk3m80ab-1". The log, the Received field
// and the reply to the content use the same id.
std::string MessageId(const LogSubject& subject);

// Appends each field when its function is called, so the calls set the order of
// the fields. A key consists of letters and '-' and is written without
// escaping. No key may occur twice in a line.
class LogLine {
 public:
  // `event` is a word, as in Word().
  explicit LogLine(absl::string_view event, const LogStyle& style = LogStyle(),
                   const LogSubject& subject = {});

  // Makes fields without an event, for lines of the same style: see Add().
  static LogLine Fields(const LogStyle& style);
  // Appends the fields of `fields`, on which End() was not called.
  LogLine& Add(const LogLine& fields);

  // A value that the server chose: printable, not empty, and without bytes that
  // Text() escapes.
  LogLine& Word(absl::string_view key, absl::string_view word);
  // Any bytes. Writes at most `limit` bytes, including escapes. `limit` is at
  // least 5.
  LogLine& Text(absl::string_view key, absl::string_view text, size_t limit);
  LogLine& Sentence(absl::string_view key, absl::string_view text,
                    size_t limit);
  LogLine& Address(absl::string_view key, const Path& path,
                   size_t limit = kMaxLoggedAddress);
  // An IP address; an empty text if there is no address.
  LogLine& Ip(absl::string_view key, const std::optional<IpAddress>& address);
  // An IP address and a port: 192.0.2.1:25, [2001:db8::1]:25. Adds no field if
  // there is no address.
  LogLine& Endpoint(absl::string_view key,
                    const std::optional<IpAddress>& address, uint16_t port);
  // The reply as one sentence: "250 2.1.5 ok".
  LogLine& Answer(absl::string_view key, const Reply& reply);
  LogLine& Number(absl::string_view key, uint64_t number);
  // A number and how many were requested: "2/3", or "3" if both are 3. In JSON
  // the number, and a second field KEY-asked if the numbers differ.
  LogLine& Fraction(absl::string_view key, uint64_t number, uint64_t asked);
  // With three decimal places.
  LogLine& Seconds(absl::string_view key, absl::Duration duration);
  // Words separated by commas; in JSON an array of strings.
  LogLine& Words(absl::string_view key,
                 absl::Span<const absl::string_view> words);

  // Returns the line, without a newline. Call it once, as the last function.
  std::string End();

 private:
  explicit LogLine(LogFormat format) : format_(format) {
    text_.reserve(kUsualFields);
  }

  void Key(absl::string_view key);
  bool json() const { return format_ == LogFormat::kJson; }

  // Most sets of fields are shorter, so one allocation holds them.
  static constexpr size_t kUsualFields = 160;

  LogFormat format_;
  std::string text_;
};

// Returns a line that is a sentence: "postern: pid=77 warning: TEXT", or
// without an event "postern: pid=77 TEXT". It has no fields except those before
// the event. In logfmt, bytes outside printable ASCII become '?', and an '='
// that could end a key becomes \x3d. In JSON the text is a string as Text()
// writes it, and an empty event becomes "notice".
std::string SentenceLine(absl::string_view event, absl::string_view text,
                         const LogStyle& style, const LogSubject& subject = {});

}  // namespace postern::log

#endif  // POSTERN_LOG_LOG_LINE_H_
