// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The cost of a session is linear in the size of its input: each byte is
// examined a limited number of times, even if it arrives in small pieces.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/strictness.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/step.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr size_t kWindow = 8;

// When the driver answers questions.
enum class Answers : uint8_t {
  kAtOnce,
  kLate,  // only when the session waits, one at a time, the oldest first
  kLast,  // only when the session waits, one at a time, the oldest last
};

// Returns how many bytes the session examined for each byte of `wire`. Each
// step gets the unconsumed input and up to `cut` new bytes. Input also arrives
// while answers are due, as from a driver that reads ahead.
double Examined(const ServerConfig& config, absl::string_view wire, size_t cut,
                Answers answers) {
  ServerSession session(config);
  size_t consumed = 0;
  size_t fed = 0;
  std::vector<std::pair<RequestId, bool>> open;
  const auto answer = [&](size_t i) {
    const auto [id, auth] = open[i];
    open.erase(open.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_TRUE((auth ? session.CompleteAuth(id, AuthChallenge{"x"})
                      : session.Complete(id, Verdict::Accept()))
                    .ok());
  };
  const auto feed = [&] { fed = std::min(fed + cut, wire.size()); };
  while (true) {
    const Step step = session.Advance(wire.substr(consumed, fed - consumed));
    consumed += step.consumed;
    session.OutputWritten(session.Output().size());
    switch (step.kind) {
      case Step::Kind::kNeedInput:
        if (fed == wire.size()) {
          return static_cast<double>(session.examined()) /
                 static_cast<double>(wire.size());
        }
        feed();
        break;
      case Step::Kind::kAsk:
        open.emplace_back(
            step.ask->id,
            std::holds_alternative<AuthBegin>(step.ask->what) ||
                std::holds_alternative<AuthResponse>(step.ask->what));
        if (answers == Answers::kAtOnce) answer(0);
        break;
      case Step::Kind::kWaiting:
        if (fed < wire.size() && fed - consumed < config.InputRoom()) {
          feed();
        } else {
          answer(answers == Answers::kLast ? open.size() - 1 : 0);
        }
        break;
      case Step::Kind::kNeedFlush:
      case Step::Kind::kBody:
      case Step::Kind::kAborted:
        break;
      case Step::Kind::kStartTls:
      case Step::Kind::kClosed:
        ADD_FAILURE() << "the session ended before its input";
        return 0;
    }
  }
}

std::string Repeat(absl::string_view unit, size_t octets) {
  std::string out;
  while (out.size() < octets) absl::StrAppend(&out, unit);
  return out;
}

TEST(LinearTest, EachByteIsExaminedALimitedNumberOfTimes) {
  constexpr size_t kOctets = 40000;
  constexpr char kToMail[] = "EHLO c\r\nMAIL FROM:<s@x>\r\n";
  constexpr char kToRcpt[] = "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n";
  constexpr char kToData[] =
      "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n";
  constexpr char kToBdat[] =
      "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT 50000\r\n";
  const std::string longest(4000, 'x');
  const std::string group = Repeat("RCPT TO:<u@d>\r\n", 7 * 15);
  struct Row {
    std::string name;
    std::string way;   // sent once
    std::string unit;  // sent repeatedly
    double most;       // examinations per byte: as measured, plus a margin
    Strictness strictness = Strictness::kStrict;
  };
  const Row rows[] = {
      {"commands", "", "NOOP\r\n", 1.2},
      {"no commands", "", "\r\n", 1.6},
      {"long commands", "", absl::StrCat("NOOP ", longest, "\r\n"), 1.1},
      {"a line without end", "", "x", 2},
      {"lines too long", "", absl::StrCat(longest, longest, "\r\n"), 1.6},
      {"bare LFs", "", "\n", 2.1, Strictness::kLenient},
      {"bare CRs", "", "\r", 2},
      {"bare LFs and CRs", "", "\n\r", 1.6, Strictness::kLenient},
      {"responses", "EHLO c\r\nAUTH PLAIN\r\n", "AAAA\r\n", 1.2},
      {"long responses", "EHLO c\r\nAUTH PLAIN\r\n",
       std::string(12288, 'A') + "\r\n", 1.1},
      {"a response without end", "EHLO c\r\nAUTH PLAIN\r\n", "A", 2},
      {"text", kToData, "lines of some length\r\n", 1.1},
      {"empty lines", kToData, "\r\n", 1.6},
      {"dots", kToData, ".", 1.1},
      {"lines of dots", kToData, "..\r\n", 1.6},
      {"stuffed dots", kToData, "\r\n.x", 1.6},
      {"nearly the end", kToData, "\r\n.\rx", 2.5},
      {"bare CRs in content", kToData, "\r", 3.1},
      {"bare LFs in content", kToData, "\n", 1.1},
      {"CRs and dots", kToData, "\r.", 1.6},
      {"text in a chunk", kToBdat, "lines of some length\r\n", 1.1},
      {"empty lines in a chunk", kToBdat, "\r\n", 1.1},
      {"dots in a chunk", kToBdat, "\r\n.", 1.1},
      {"bare CRs in a chunk", kToBdat, "\r", 1.1},
      {"chunks of nothing", kToRcpt, "BDAT 0\r\n", 1.2},
      {"chunks of one", kToRcpt, "BDAT 1\r\nx", 1.2},
      {"messages", "EHLO c\r\n",
       "MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n..\r\n.\r\n", 2.6},
      {"RCPTs", kToMail, "RCPT TO:<u@d>\r\n", 1.1},
      {"RCPTs and others", kToMail, "RCPT TO:<u@d>\r\nNOOP\r\n", 1.5},
      {"RCPTs and a long line", kToMail,
       absl::StrCat(group, "NOOP ", longest, "\r\n"), 2},
      {"RCPTs and a line too long", kToMail,
       absl::StrCat(group, "NOOP ", longest, longest, "\r\n"), 2},
      {"RCPTs and bare newlines", kToMail,
       absl::StrCat(group, std::string(4000, '\n'), "\r\n"), 4,
       Strictness::kLenient},
  };
  ServerConfig config;
  config.greeting = "mx";
  config.mechanisms_without_tls = {"PLAIN"};
  config.max_errors = 1 << 30;
  config.max_recipients = 1 << 30;
  config.max_open_asks = kWindow;
  for (const Row& row : rows) {
    const std::string wire = row.way + Repeat(row.unit, kOctets);
    config.strictness = row.strictness;
    for (size_t cut : {1, 2, 7, 64, 4096}) {
      for (Answers answers :
           {Answers::kAtOnce, Answers::kLate, Answers::kLast}) {
        const double each = Examined(config, wire, cut, answers);
        EXPECT_LE(each, row.most) << row.name << " cut by " << cut;
      }
    }
  }
}

}  // namespace
}  // namespace postern
