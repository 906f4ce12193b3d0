// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/follower.h"

#include <algorithm>
#include <cstdint>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/strictness.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// Removes a reply from `replies` and returns its code, or 0 if there is none.
int TakeReply(absl::string_view* replies) {
  absl::string_view code;
  while (!replies->empty()) {
    const size_t end = replies->find("\r\n");
    if (end == absl::string_view::npos) {
      ADD_FAILURE() << "incomplete line: " << *replies;
      return 0;
    }
    const absl::string_view line = replies->substr(0, end);
    replies->remove_prefix(end + 2);
    SCOPED_TRACE(std::string(line));
    // RFC 4954 4: challenges are not limited to 512 octets.
    if (!absl::StartsWith(line, "334 ")) {
      EXPECT_LE(line.size() + 2, kMaxReplyLine);
    }
    for (char c : line) EXPECT_TRUE(absl::ascii_isprint(c) || c == '\t');
    if (line.size() < 4 || (line[3] != ' ' && line[3] != '-')) {
      ADD_FAILURE() << "not a reply line";
      return 0;
    }
    EXPECT_TRUE(code.empty() || code == line.substr(0, 3));
    code = line.substr(0, 3);
    if (line[3] == ' ') return std::stoi(std::string(code));
  }
  EXPECT_TRUE(code.empty()) << "incomplete reply";
  return 0;
}

bool HasBareNewline(const std::string& content) {
  return absl::StrReplaceAll(content, {{"\r\n", ""}}).find_first_of("\r\n") !=
         std::string::npos;
}

// Returns true if `content`, which has no CRLF.CRLF, ends in a line with a
// single dot between bare newlines, perhaps with a QUIT after it.
bool EndsInBareNewline(absl::string_view content) {
  static const auto* const end =
      new std::regex("([\\s\\S]*[\r\n])?[.](\r\n|\n|\r)(QUIT(\r\n|\n|\r))?",
                     std::regex::icase);
  constexpr size_t kTail = 16;  // std::regex recurses for each octet
  if (content.size() > kTail) content.remove_prefix(content.size() - kTail);
  return std::regex_match(content.begin(), content.end(), *end);
}

// Removes a line from `wire`. Returns false if there is no complete line.
bool TakeLine(absl::string_view* wire, absl::string_view* line) {
  const size_t end = wire->find("\r\n");
  if (end == absl::string_view::npos) return false;
  *line = wire->substr(0, end);
  wire->remove_prefix(end + 2);
  return true;
}

// Walks through a client's bytes and the replies to them: counts the replies to
// each command and finds each message. Knows only the grammar that a client
// needs.
class Follower {
 public:
  Follower(const ServerConfig& config, const Flights& flights,
           const Outcome& outcome)
      : config_(config),
        flights_(flights),
        outcome_(outcome),
        replies_(outcome.replies) {}

  void Follow() {
    refused_ = Take() / 100 == 5;  // the greeting
    absl::string_view line;
    for (const std::string& flight : flights_) {
      wire_ = flight;
      tls_ = false;
      while (!over_ && !tls_ && NextCommand(&line)) {
        if (replies_.empty() && CutShort()) return;
        OnLine(line);
      }
      if (over_ || !tls_ || !wire_.empty()) break;
    }
    if (!over_ && (outcome_.closed == CloseReason::kTimeout ||
                   outcome_.closed == CloseReason::kShutdown)) {
      if (!tls_) OnTimeout();
    }
    EXPECT_EQ(replies_, "") << "more replies than commands";
    EXPECT_EQ(messages_, outcome_.messages.size())
        << "a message that was not sent";
  }

 private:
  bool CutShort() const {
    return outcome_.closed == CloseReason::kRefused ||
           outcome_.closed == CloseReason::kTimeout ||
           outcome_.closed == CloseReason::kShutdown ||
           outcome_.closed == CloseReason::kAbuse;
  }

  int Take() {
    const int code = TakeReply(&replies_);
    over_ = over_ || code == 221 || code == 421;
    return code;
  }

  // Removes a command line or an AUTH response from the wire.
  bool NextCommand(absl::string_view* line) {
    const size_t lf = wire_.find('\n');
    if (lf == absl::string_view::npos) return false;
    const bool crlf = lf > 0 && wire_[lf - 1] == '\r';
    *line = wire_.substr(0, crlf ? lf - 1 : lf);
    if (crlf || config_.strictness == Strictness::kLenient) {
      wire_.remove_prefix(lf + 1);
      return true;
    }
    // RFC 5321 2.3.8: a bare LF does not end a line. The session ends.
    if (replies_.empty() && CutShort()) return false;
    const int code = Take();
    EXPECT_TRUE(code == 500 || code == 421) << "the reply to a bare LF";
    EXPECT_TRUE(code != 500 || outcome_.closed == CloseReason::kAbuse);
    over_ = true;
    return false;
  }

  // The session timed out or the server shuts down.
  void OnTimeout() {
    if (absl::StartsWith(replies_, "554") ||
        absl::StartsWith(replies_, "451 4.5.2")) {
      EXPECT_TRUE(outcome_.closed == CloseReason::kTimeout &&
                  EndsInBareNewline(content_))
          << "the reply to an unfinished message";
      EXPECT_FALSE(TakeForMessage());
    } else {
      EXPECT_EQ(Take(), 421);
    }
  }

  void OnLine(absl::string_view line) {
    const std::string verb = absl::AsciiStrToUpper(
        absl::StripTrailingAsciiWhitespace(line.substr(0, line.find(' '))));
    if (verb == "BDAT") return OnBdat(line);
    int code = Take();
    EXPECT_NE(code, 0) << "no reply to " << line;
    if (code == 221) {
      EXPECT_TRUE(verb == "QUIT" || verb == "GET" || verb == "POST" ||
                  verb == "CONNECT")
          << "not the reply to " << line;
    }
    if (code == 354) return OnContent();
    while (code == 334 && NextCommand(&line)) code = Take();
    if (verb == "DATA" && code == 503) {
      EXPECT_TRUE(recipients_ == 0 || broken_ || binary_ || chunked_)
          << "a transaction was lost";
    } else if (verb == "DATA" && (code < 500 || code > 504)) {
      EndTransaction();  // the policy refused the content
    }
    if (verb == "XCLIENT" && (code == 220 || code == 554)) {
      greeted_ = false;
      refused_ = code == 554;
    }
    if (code / 100 != 2) return;
    if (verb == "STARTTLS") {
      tls_ = true;
      greeted_ = false;
    } else if (verb == "RCPT") {
      ++recipients_;
    } else if (verb == "MAIL" || verb == "RSET" || verb == "EHLO" ||
               verb == "HELO" || verb == "LHLO") {
      EndTransaction();
      binary_ = verb == "MAIL" && absl::StrContains(absl::AsciiStrToUpper(line),
                                                    " BODY=BINARYMIME");
      greeted_ = greeted_ || (verb != "MAIL" && verb != "RSET");
    }
  }

  void EndTransaction() {
    recipients_ = 0;
    broken_ = false;
    chunked_ = false;
    chunks_.clear();
  }

  // RFC 2033 4.2: one reply for each recipient. Returns whether any is
  // positive.
  bool TakeForMessage() {
    bool accepted = false;
    for (size_t i = config_.lmtp ? recipients_ : 1; i > 0 && !over_; --i) {
      if (replies_.empty() && CutShort()) break;
      const int code = Take();
      EXPECT_TRUE(code >= 200 && code / 100 != 3 && code != 221)
          << "no reply to a message";
      accepted = accepted || code / 100 == 2;
    }
    return accepted;
  }

  void OnContent() {
    absl::string_view line;
    std::string content;
    content_ = wire_;
    while (TakeLine(&wire_, &line)) {
      if (line == ".") {
        content_ = "";
        if (TakeForMessage()) OnMessage(content);
        return EndTransaction();
      }
      absl::StrAppend(&content, absl::StripPrefix(line, "."), "\r\n");
    }
    wire_ = "";  // the rest is content, not commands
  }

  // `content` was accepted.
  void OnMessage(const std::string& content) {
    ASSERT_LT(messages_, outcome_.messages.size()) << "accepted but lost";
    const Message& message = outcome_.messages[messages_++];
    if (!binary_ && HasBareNewline(content)) {
      EXPECT_EQ(message.bare_newlines, BareNewlines::kNormalize)
          << "a bare newline was accepted";
    } else {
      EXPECT_EQ(message.content, content) << "the content was changed";
    }
  }

  // RFC 3030 2: the chunk has the declared size even if it is refused.
  void OnBdat(absl::string_view line) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t size = 0;
    const bool last = words.size() == 3 &&
                      absl::EqualsIgnoreCase(
                          absl::StripTrailingAsciiWhitespace(words[2]), "LAST");
    const bool good = words.size() >= 2 && words.size() <= 3 &&
                      absl::SimpleAtoi(words[1], &size) &&
                      (words.size() == 2 || last);
    if (!good || size > wire_.size()) {
      // Invalid or incomplete: nothing after it can be checked.
      const size_t due = good && last && config_.lmtp ? recipients_ : 1;
      for (size_t i = 0; i < std::max<size_t>(due, 1); ++i) {
        if (!replies_.empty()) Take();
      }
      over_ = true;
      return;
    }
    const absl::string_view chunk = wire_.substr(0, static_cast<size_t>(size));
    wire_.remove_prefix(chunk.size());
    // RFC 2033 4.3: no reply at all without a recipient. But a BDAT that is not
    // allowed here gets one reply, as any command does.
    const bool offered = config_.extensions.Has(Extension::kChunking);
    const bool stranger = (config_.require_tls || config_.require_auth) &&
                          absl::StartsWith(replies_, "530");
    if (last && config_.lmtp && offered && !stranger && !refused_ &&
        (greeted_ || !config_.require_hello) &&
        !absl::StartsWith(replies_, "421")) {
      if (TakeForMessage()) OnMessage(absl::StrCat(chunks_, chunk));
      if (!broken_) EndTransaction();
      return;
    }
    if (replies_.empty() && CutShort()) return;
    const int code = Take();
    EXPECT_NE(code, 0) << "no reply to " << line;
    if (!offered) return;
    if (code / 100 == 2) {
      chunked_ = true;
      absl::StrAppend(&chunks_, chunk);
      if (last) OnMessage(chunks_);
    }
    if (last) {
      if (!broken_) EndTransaction();
    } else if (code >= 400 && recipients_ > 0) {
      broken_ = true;
    }
  }

  const ServerConfig& config_;
  const Flights& flights_;
  const Outcome& outcome_;
  absl::string_view replies_;
  absl::string_view wire_;
  absl::string_view content_;  // raw content after a 354; empty after its end
  bool over_ = false;          // no further command is checked
  bool tls_ = false;           // STARTTLS was accepted
  bool greeted_ = false;       // EHLO was accepted
  bool refused_ = false;       // a 554 as greeting or after XCLIENT
  size_t recipients_ = 0;
  bool broken_ = false;   // a BDAT without LAST was refused
  bool binary_ = false;   // BODY=BINARYMIME
  bool chunked_ = false;  // a BDAT without LAST was accepted
  std::string chunks_;
  size_t messages_ = 0;
};

}  // namespace

void ExpectOneReplyPerCommand(const ServerConfig& config,
                              const Flights& flights, const Outcome& outcome) {
  SCOPED_TRACE(testing::PrintToString(outcome.replies));
  Follower(config, flights, outcome).Follow();
}

}  // namespace postern
