// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// No input makes a session hold more memory than ServerConfig allows. Every
// byte that this program allocates is counted, so the driver in this test
// allocates nothing.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/ask.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/reply.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"
#include "tests/heap.h"

namespace postern {
namespace {

// The most that the allocator adds to a block.
constexpr size_t kRound = 32;
// Bytes that a growing string or vector holds for each byte in it: half of it
// may be unused, and while it moves, the old copy exists as well.
constexpr size_t kGrown = 3;
// A Content, a private type of the engine, with its buffer for copies.
constexpr size_t kContent = 2048;
constexpr size_t kEhloLines = 20;

// Returns the most bytes that a session of `config` may hold, including the
// session itself, if its envelope has `recipients` with `octets` of path and
// parameters each. In any session, `recipients` is at most max_recipients and
// `octets` is less than max_line.
size_t MostHeld(const ServerConfig& config, size_t recipients, size_t octets) {
  const size_t line = config.InputRoom();
  // The strings that a line was parsed into; they may have grown.
  const size_t parsed = 2 * line + 4 * kRound;
  // Output that may exceed the limit: the reply to EHLO, a challenge, the
  // replies to a message in LMTP, or those to pipelined RCPTs.
  const size_t replies =
      std::max(config.lmtp ? recipients : 1, config.max_open_asks);
  const size_t burst =
      std::max({kEhloLines * kMaxReplyLine, replies * kMaxReplyLine, line});
  // Written output is removed when it has reached max_output.
  const size_t output = kGrown * (2 * config.max_output + burst);
  const size_t recipient = kGrown * sizeof(Recipient) + 2 * octets + 4 * kRound;
  const size_t ask = sizeof(Ask) + sizeof(std::optional<Verdict>) + parsed;
  // Those of one Advance(), each with a command and a reply.
  const size_t refusals =
      (static_cast<size_t>(config.max_reported) + 1) *
          (kGrown * sizeof(Refusal) + 2 * kMaxReplyLine + 2 * kRound) +
      4 * kRound;
  return sizeof(ServerSession) + kContent + output + refusals +
         parsed +  // MAIL's, in the envelope
         recipients * recipient + config.max_open_asks * ask +
         2 * parsed;  // the current command, and its decoded line
}

// How much of the replies the client reads.
enum class Reading : uint8_t {
  kAll,
  kAllButOne,  // one octet is always left
  kNever,
};

// The answer to AUTH.
enum class Auth : uint8_t { kChallenge, kRefuse };

// Drives a session from a buffer in this object, and counts the session's
// memory.
class Load {
 public:
  Load(const ServerConfig& config, Reading reading, Auth auth)
      : max_open_asks_(config.max_open_asks),
        reading_(reading),
        auth_(auth),
        before_(HeapBytes()) {
    ForgetHeapPeak();
    session_ = std::make_unique<ServerSession>(config);
  }

  // Sends `unit` `times` times, or until the session reads no more.
  void Send(absl::string_view unit, size_t times = 1) {
    for (; times > 0 && !stopped_; --times) {
      if (buffer_.size() - held_ < unit.size()) Run();
      if (stopped_) return;
      ASSERT_LE(unit.size(), buffer_.size() - held_) << "the buffer is full";
      std::memcpy(buffer_.data() + held_, unit.data(), unit.size());
      held_ += unit.size();
    }
    Run();
  }

  void ReleaseIdleMemory() { session_->ReleaseIdleMemory(); }

  size_t Held() const { return HeapBytes() - before_; }
  size_t Most() const { return HeapPeak() - before_; }
  const ServerSession& session() const { return *session_; }

 private:
  // Runs the session until it needs input or has stopped.
  void Run() {
    size_t from = 0;
    while (!stopped_) {
      const Step step = session_->Advance(
          absl::string_view(buffer_.data() + from, held_ - from));
      (void)session_->TakeRefusals();  // as drivers do
      from += step.consumed;
      switch (step.kind) {
        case Step::Kind::kNeedInput:
          held_ -= from;
          std::memmove(buffer_.data(), buffer_.data() + from, held_);
          return Read();
        case Step::Kind::kNeedFlush:
          stopped_ = reading_ == Reading::kNever;
          Read();
          break;
        case Step::Kind::kAsk:
          asks_[open_++] = {
              step.ask->id,
              std::holds_alternative<AuthBegin>(step.ask->what) ||
                  std::holds_alternative<AuthResponse>(step.ask->what)};
          if (open_ == max_open_asks_) Answer();
          break;
        case Step::Kind::kWaiting:
          Answer();
          break;
        case Step::Kind::kBody:
        case Step::Kind::kAborted:
          break;
        case Step::Kind::kStartTls:
          session_->TlsStarted(TlsInfo());
          break;
        case Step::Kind::kClosed:
          stopped_ = true;
          break;
      }
    }
  }

  // Answers all questions, the last one first.
  void Answer() {
    while (open_ > 0) {
      const auto [id, auth] = asks_[--open_];
      if (!auth) {
        ASSERT_TRUE(session_->Complete(id, Verdict::Accept()).ok());
      } else if (auth_ == Auth::kRefuse) {
        ASSERT_TRUE(
            session_->Complete(id, Verdict::Refuse({535, {5, 7, 8}, "no"}))
                .ok());
      } else {
        ASSERT_TRUE(session_->CompleteAuth(id, AuthChallenge{"more"}).ok());
      }
    }
  }

  void Read() {
    const size_t size = session_->Output().size();
    if (size == 0 || reading_ == Reading::kNever) return;
    session_->OutputWritten(reading_ == Reading::kAll ? size : size - 1);
  }

  const size_t max_open_asks_;
  const Reading reading_;
  const Auth auth_;
  const size_t before_;
  std::unique_ptr<ServerSession> session_;
  bool stopped_ = false;
  std::array<char, size_t{1} << 16> buffer_;
  size_t held_ = 0;  // in buffer_
  std::array<std::pair<RequestId, bool>, 64> asks_;
  size_t open_ = 0;  // in asks_
};

// Returns a configuration that offers everything, with small limits.
ServerConfig Everything() {
  ServerConfig config;
  config.greeting = "mx";
  config.carried = ExtensionSet::All();
  config.hold_limits = {absl::Hours(1), absl::UnixEpoch()};
  config.offer_starttls = true;
  config.mechanisms = {"PLAIN"};
  config.mechanisms_without_tls = {"PLAIN"};
  config.xclient = true;
  config.max_recipients = 1;
  config.max_output = 4096;
  config.max_errors = 1 << 30;
  config.max_auth_failures = 1 << 30;
  config.max_discarded = ~uint64_t{0};
  return config;
}

constexpr char kToRcpt[] = "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n";

TEST(MemoryTest, NoInputMakesASessionExceedTheLimitsOfItsConfig) {
  // Often enough to show a leak of one pointer for each.
  constexpr size_t kShort = 50000;
  constexpr size_t kLong = 4000;
  const std::string kilobyte(1024, 'A');
  const std::string local = std::string(64, 'l');
  struct Row {
    std::string name;
    std::string way;   // sent once
    std::string unit;  // sent repeatedly
    size_t times;
  };
  const Row rows[] = {
      {"an endless command", "", kilobyte, kLong},
      {"an endless EHLO", "EHLO ", kilobyte, kLong},
      {"an endless BDAT", "BDAT ", std::string(1024, '0'), kLong},
      {"a response without end", "EHLO c\r\nAUTH PLAIN\r\n", kilobyte, kLong},
      {"responses without end", "EHLO c\r\nAUTH PLAIN\r\n",
       std::string(12288, 'A') + "\r\n", kLong},
      {"a header line without end", absl::StrCat(kToRcpt, "DATA\r\nX: "),
       kilobyte, kLong},
      {"header lines", absl::StrCat(kToRcpt, "DATA\r\n"), "Received: x\r\n",
       kShort},
      {"a refused message", absl::StrCat(kToRcpt, "DATA\r\n\n"), kilobyte,
       kLong},
      {"dots", absl::StrCat(kToRcpt, "DATA\r\n"), "..\r\n.x\r\n", kShort},
      {"BDAT 0", kToRcpt, "BDAT 0\r\n", kShort},
      {"BDAT 0 LAST", "", "BDAT 0 LAST\r\n", kShort},
      {"the largest BDAT",
       absl::StrCat(kToRcpt, "BDAT 18446744073709551615\r\n"), kilobyte, kLong},
      {"messages", "", absl::StrCat(kToRcpt, "DATA\r\nx\r\n.\r\n"), kLong},
      {"messages in chunks", "",
       absl::StrCat(kToRcpt, "BDAT 1\r\nxBDAT 0 LAST\r\n"), kLong},
      {"NOOP", "", "NOOP\r\n", kShort},
      {"NOOP with words", "", "NOOP " + kilobyte + "\r\n", kLong},
      {"RSET", kToRcpt, "RSET\r\n", kShort},
      {"HELP", "", "HELP\r\n", 8 * kShort},
      {"EHLO", "", "EHLO c\r\n", kShort},
      {"EHLO with long names", "", "EHLO " + kilobyte + "\r\n", kLong},
      {"VRFY", "EHLO c\r\n", "VRFY " + kilobyte + "\r\n", kLong},
      {"no command", "", "\r\n", kShort},
      {"bare newlines", "", "\n\r\n\r\r\n", kShort},
      {"AUTH", "EHLO c\r\n", "AUTH PLAIN AHUAcA==\r\n", kShort},
      {"AUTH without an end", "EHLO c\r\n", "AUTH PLAIN\r\n*\r\n", kShort},
      {"XCLIENT", "",
       "XCLIENT NAME=" + std::string(255, 'n') +
           " LOGIN=" + std::string(255, 'l') + "\r\n",
       kLong},
      {"STARTTLS", "EHLO c\r\n", "STARTTLS\r\n", 1},
      {"MAIL", "EHLO c\r\n",
       absl::StrCat("MAIL FROM:<", local, "@x> AUTH=", local,
                    "@d ENVID=", std::string(100, 'e'), "\r\nRSET\r\n"),
       kLong},
      {"RCPT past the limit", kToRcpt,
       absl::StrCat("RCPT TO:<", local, "@x>\r\n"), kShort},
      {"everything", "",
       absl::StrCat(kToRcpt, "VRFY x\r\nDATA\r\nx\r\n.\r\n", kToRcpt,
                    "BDAT 3\r\nx\r\nBDAT 9 LAST\r\nQUIT\r\nx\r\n", kToRcpt,
                    "RSET\r\nHELP\r\nAUTH PLAIN\r\n*\r\nx\r\n"),
       kLong},
  };
  struct Client {
    bool lmtp;
    Reading reading;
    Auth auth;
  };
  constexpr Client clients[] = {
      {false, Reading::kAll, Auth::kChallenge},
      {false, Reading::kAllButOne, Auth::kRefuse},
      {false, Reading::kNever, Auth::kRefuse},
      {true, Reading::kAll, Auth::kChallenge},
      {true, Reading::kAllButOne, Auth::kRefuse},
  };
  for (const Row& row : rows) {
    for (const Client& client : clients) {
      SCOPED_TRACE(absl::StrCat(row.name, client.lmtp ? ", LMTP" : "",
                                ", reading ",
                                static_cast<int>(client.reading)));
      ServerConfig config = Everything();
      config.lmtp = client.lmtp;
      config.max_open_asks = client.lmtp ? 8 : 1;
      const auto own = [&client](const std::string& text) {
        if (!client.lmtp) return text;
        return absl::StrReplaceAll(text, {{"EHLO", "LHLO"}});
      };
      const std::string way = own(row.way);
      const std::string unit = own(row.unit);
      Load load(config, client.reading, client.auth);
      load.Send(way);
      load.Send(unit, row.times / 2);
      const size_t early = load.Most();
      load.Send(unit, row.times - row.times / 2);
      EXPECT_EQ(load.Most(), early);
      EXPECT_LE(early, MostHeld(config, 1, 512));
    }
  }
}

// The longest paths, with long parameters of RCPT.
TEST(MemoryTest, MemoryOfAnEnvelopeIsLimitedByItsRecipients) {
  std::string label(60, 'd');
  std::string domain;
  while (domain.size() + 61 < 250) absl::StrAppend(&domain, label, ".");
  domain += "x";
  std::string path = std::string(898 - domain.size(), 'l') + "@" + domain;
  const std::string rcpt = absl::StrCat(
      "RCPT TO:<", path, "> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=", "rfc822;",
      std::string(490, 'o'), "\r\n");
  for (size_t recipients : {1, 16, 17, 1000}) {
    ServerConfig config = Everything();
    config.lmtp = true;
    config.max_recipients = recipients;
    Load load(config, Reading::kAll, Auth::kRefuse);
    load.Send("LHLO c\r\nMAIL FROM:<s@x>\r\n");
    load.Send(rcpt, 2 * recipients);
    ASSERT_EQ(load.session().envelope().to.size(), recipients);
    load.Send("DATA\r\nx\r\n.\r\n");
    EXPECT_LE(load.Most(), MostHeld(config, recipients, 1400));
    EXPECT_LT(load.Held(), size_t{64} << 10) << "after the end of the envelope";
  }
}

// The memory that a server needs for each of many idle connections.
TEST(MemoryTest, IdleSessionIsSmall) {
  // The counters of a session that has refused something, as in some rows.
  constexpr size_t kCounters = 48;
  constexpr size_t kSession = sizeof(ServerSession) + kCounters + kRound;
  static_assert(sizeof(ServerSession) <= 376);
  const struct {
    absl::string_view sent;
    size_t held;  // limit in bytes, without the session
  } rows[] = {
      {"", 64},  // the greeting was short
      {"EHLO client.example.org\r\n", 0},
      {"NOOP\r\n", 0},
      {"MAIL FROM:<s@x>\r\nRSET\r\n", 64},
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nx\r\n.\r\n", 96},
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n\nx\r\n.\r\n", 0},
      {"MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT 1 LAST\r\nx", 96},
      {"BDAT 1 LAST\r\nx", 64},  // refused
      {"HELP\r\n", 0},
      {"EHLO half.of.a.comm", 0},
  };
  ServerConfig config;
  config.greeting = "mx.example.org";
  Load load(config, Reading::kAll, Auth::kRefuse);
  size_t held[std::size(rows)] = {};  // a failure would allocate
  for (size_t i = 0; i < std::size(rows); ++i) {
    load.Send(rows[i].sent);
    load.ReleaseIdleMemory();
    held[i] = load.Held();
  }
  for (size_t i = 0; i < std::size(rows); ++i) {
    EXPECT_LE(held[i], kSession + rows[i].held) << "after " << rows[i].sent;
  }
}

TEST(MemoryTest, SessionThatKeepsItsMemoryDoesNotGrowWithMessages) {
  ServerConfig config;
  config.greeting = "mx.example.org";
  Load load(config, Reading::kAll, Auth::kRefuse);
  load.Send("EHLO client.example.org\r\n");
  const absl::string_view mail =
      "MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\nx\r\n.\r\n";
  load.Send(mail);
  const size_t held = load.Held();
  for (int i = 0; i < 100; ++i) load.Send(mail);
  EXPECT_EQ(load.Held(), held);
  EXPECT_LE(held, 4096u);
}

}  // namespace
}  // namespace postern
