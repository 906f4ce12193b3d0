// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How a session ends, in each of its states.

#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/server_session.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// A client sends `bytes`. Everything is accepted, except the last question if
// `open`; AUTH LOGIN gets a challenge, PLAIN is granted. Then the session ends
// in one of three ways, with the given result.
struct Row {
  std::string bytes;
  bool open;
  absl::string_view timed_out;
  absl::string_view end_of_input;
  absl::string_view shutdown;
};

constexpr char kRcpt[] = "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n";

class Session {
 public:
  explicit Session(const ServerConfig& config) : session_(config) {}

  void Feed(absl::string_view bytes, bool open) {
    in_ = std::string(bytes);
    while (true) {
      const Step step = session_.Advance(in_);
      in_.erase(0, step.consumed);
      Drain();
      if (step.kind == Step::Kind::kNeedInput ||
          step.kind == Step::Kind::kStartTls) {
        EXPECT_FALSE(open) << "no question was asked";
        return;
      }
      ASSERT_NE(step.kind, Step::Kind::kClosed);
      if (step.kind != Step::Kind::kAsk) continue;
      if (open && in_.empty()) return;
      Answer(*step.ask);
    }
  }

  // Returns what happens: "aborted", reply codes, and the final state.
  std::string Result(void (ServerSession::*event)()) {
    (session_.*event)();
    std::string out;
    while (true) {
      absl::StrAppend(&out, Drain());
      const Step step = session_.Advance(in_);
      in_.erase(0, step.consumed);
      absl::StrAppend(&out, Drain());
      switch (step.kind) {
        case Step::Kind::kAborted:
          out += "aborted ";
          break;
        case Step::Kind::kClosed:
          return out + std::string(CloseReasonName(step.reason));
        case Step::Kind::kNeedInput:
          return out + "wants input";
        case Step::Kind::kWaiting:
          return out + "waits";
        case Step::Kind::kStartTls:
          return out + "wants TLS";
        case Step::Kind::kAsk:
          out += "asks ";
          return out;
        case Step::Kind::kBody:
        case Step::Kind::kNeedFlush:
          break;
      }
    }
  }

 private:
  void Answer(const Ask& ask) {
    if (const auto* begin = std::get_if<AuthBegin>(&ask.what)) {
      if (begin->mechanism == "LOGIN") {
        EXPECT_TRUE(session_.CompleteAuth(ask.id, AuthChallenge{"x"}).ok());
      } else {
        EXPECT_TRUE(session_.CompleteAuth(ask.id, AuthGranted{"x"}).ok());
      }
      return;
    }
    const auto* rcpt = std::get_if<Rcpt>(&ask.what);
    const bool begin = std::holds_alternative<BodyBegin>(ask.what) &&
                       session_.envelope().from.local_part == "evil";
    const bool bad =
        begin || (rcpt != nullptr && rcpt->to.local_part == "evil");
    EXPECT_TRUE(session_
                    .Complete(ask.id, bad ? Verdict::Refuse({550, {}, "no"})
                                          : Verdict::Accept())
                    .ok());
  }
  // Returns the codes of the replies in the output.
  std::string Drain() {
    std::string out;
    const std::string all(session_.Output());
    for (size_t at = 0; at < all.size(); at = all.find('\n', at) + 1) {
      if (all[at + 3] == ' ') absl::StrAppend(&out, all.substr(at, 4));
    }
    session_.OutputWritten(all.size());
    return out;
  }

  ServerSession session_;
  std::string in_;
};

std::string With(absl::string_view more) { return absl::StrCat(kRcpt, more); }

TEST(ServerSessionEndTest, EndsCorrectlyInEachState) {
  ServerConfig config;
  config.greeting = "mx";
  config.offer_starttls = true;
  config.mechanisms_without_tls = {"PLAIN", "LOGIN"};
  config.xclient = true;
  config.max_message_size = 10;
  config.max_open_asks = 4;
  const Row rows[] = {
      {"", true, "421 timeout", "waits", "waits"},
      {"", false, "421 timeout", "peer-gone", "421 shutdown"},
      {"EHLO c\r\n", true, "421 timeout", "waits", "waits"},
      {"EHLO c\r\n", false, "421 timeout", "peer-gone", "421 shutdown"},
      {"EHLO c\r\nNOO", false, "421 timeout", "peer-gone", "421 shutdown"},
      {"EHLO c\r\nMAIL FROM:<s@x>\r\n", true, "421 timeout", "waits", "waits"},
      {"EHLO c\r\nMAIL FROM:<s@x>\r\n", false, "421 aborted timeout",
       "aborted peer-gone", "421 aborted shutdown"},
      {kRcpt, true, "421 aborted timeout", "waits", "waits"},
      {kRcpt, false, "421 aborted timeout", "aborted peer-gone",
       "421 aborted shutdown"},
      {With("EHLO d\r\n"), true, "421 aborted timeout", "waits", "waits"},
      {With("VRFY u\r\n"), true, "421 aborted timeout", "waits", "waits"},
      {With("DATA\r\n"), true, "421 aborted timeout", "waits", "waits"},
      {With("DATA\r\n"), false, "421 aborted timeout", "aborted peer-gone",
       "wants input"},
      {With("DATA\r\nhi\r\n"), false, "421 aborted timeout",
       "aborted peer-gone", "wants input"},
      {With("DATA\r\na\nb\r\n"), false, "421 timeout", "peer-gone",
       "wants input"},
      {With("DATA\r\n.\r\n"), true, "421 aborted timeout", "waits", "waits"},
      {With("BDAT 3\r\n"), true, "421 aborted timeout", "waits", "waits"},
      {With("BDAT 3\r\na"), false, "421 aborted timeout", "aborted peer-gone",
       "wants input"},
      {With("BDAT 3\r\na\r\n"), false, "421 aborted timeout",
       "aborted peer-gone", "wants input"},
      {With("BDAT 3\r\na\nb"), false, "421 timeout", "peer-gone",
       "wants input"},
      {With("BDAT 3\r\na\nbBDAT 3\r\n"), false, "421 timeout", "peer-gone",
       "wants input"},
      {With("BDAT 3 LAST\r\na\r\n"), true, "421 aborted timeout", "waits",
       "waits"},
      {With("BDAT 11\r\n"), false, "421 timeout", "peer-gone", "wants input"},
      {With("BDAT 11\r\n12345678901"), false, "421 timeout", "peer-gone",
       "421 shutdown"},
      {With("BDAT 11\r\n12345678901EHLO d\r\n"), true, "421 timeout", "waits",
       "waits"},
      {With("BDAT 11\r\n12345678901BDAT 5 LAST\r\n"), false, "421 timeout",
       "peer-gone", "wants input"},
      {With("BDAT 11 LAST\r\n"), false, "421 timeout", "peer-gone",
       "wants input"},
      {With("BDAT 11 LAST\r\n12345678901"), false, "421 timeout", "peer-gone",
       "421 shutdown"},
      {With("BDAT 3\r\na\r\nBDAT 9\r\n"), false, "421 timeout", "peer-gone",
       "wants input"},
      {"EHLO c\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<u@d>\r\nBDAT 3\r\n", false,
       "421 timeout", "peer-gone", "wants input"},
      {"EHLO c\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<u@d>\r\nBDAT 3 LAST\r\n",
       false, "421 timeout", "peer-gone", "wants input"},
      {"EHLO c\r\nBDAT 3\r\n", false, "421 timeout", "peer-gone",
       "wants input"},
      {"EHLO c\r\nMAIL FROM:<s@x>\r\nBDAT 3 LAST\r\n", false,
       "421 aborted timeout", "aborted peer-gone", "wants input"},
      {"EHLO c\r\nAUTH PLAIN =\r\n", true, "421 aborted timeout", "waits",
       "waits"},
      {"EHLO c\r\nAUTH PLAIN =\r\n", false, "421 timeout", "peer-gone",
       "421 shutdown"},
      {"EHLO c\r\nAUTH LOGIN\r\n", false, "421 aborted timeout",
       "aborted peer-gone", "421 aborted shutdown"},
      {"EHLO c\r\nAUTH LOGIN\r\nYQ==\r\n", true, "421 aborted timeout", "waits",
       "waits"},
      {"EHLO c\r\nSTARTTLS\r\n", true, "421 timeout", "waits", "waits"},
      {"EHLO c\r\nSTARTTLS\r\n", false, "timeout", "peer-gone", "wants TLS"},
      {"XCLIENT ADDR=192.0.2.7\r\n", true, "421 timeout", "waits", "waits"},
      {"XCLIENT ADDR=192.0.2.7\r\n", false, "421 timeout", "peer-gone",
       "421 shutdown"},
  };
  for (const Row& row : rows) {
    const auto result = [&](void (ServerSession::*event)()) {
      Session run(config);
      run.Feed(row.bytes, row.open);
      return run.Result(event);
    };
    EXPECT_EQ(result(&ServerSession::TimedOut), row.timed_out) << row.bytes;
    EXPECT_EQ(result(&ServerSession::EndOfInput), row.end_of_input)
        << row.bytes;
    EXPECT_EQ(result(&ServerSession::Shutdown), row.shutdown) << row.bytes;
  }
}

}  // namespace
}  // namespace postern
