// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Generated dialogues: what a session says, asks and delivers is a function of
// the bytes and of the answers, whatever the cuts, the delays and the order.

#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "tests/replay.h"

namespace postern {
namespace {

constexpr int kDialogues = 3000;
constexpr size_t kWhole = std::string::npos;

using Random = std::mt19937;

// Returns a number below `n`. Not std::uniform_int_distribution, which differs
// between libraries: a seed names one dialogue for good.
size_t Below(Random& random, size_t n) { return random() % n; }

template <size_t n>
std::string Pick(Random& random, const absl::string_view (&words)[n]) {
  return std::string(words[Below(random, n)]);
}

constexpr absl::string_view kGood[] = {
    "EHLO c\r\n",
    "HELO c\r\n",
    "MAIL FROM:<s@x>\r\n",
    "MAIL FROM:<s@x> SIZE=10\r\n",
    "MAIL FROM:<>\r\n",
    "RCPT TO:<a@d>\r\n",
    "RCPT TO:<b@d>\r\n",
    "RCPT TO:<evil1@d>\r\n",
    "RCPT TO:<evil2@d>\r\n",
    "RCPT TO:<slow@d>\r\n",
    "RCPT TO:<fix@d>\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "VRFY u\r\n",
    "HELP\r\n",
};
constexpr absl::string_view kOdd[] = {
    "\r\n",
    "XYZZY\r\n",
    "EHLO\r\n",
    "EHLO bad\r\n",
    "MAIL FROM:<spam@x>\r\n",
    "MAIL FROM:<s@x> SIZE=99999999\r\n",
    "MAIL FROM:<s@x\r\n",
    "RCPT TO:<a@d\r\n",
    "RCPT TO:<>\r\n",
    "RCPT TO:<a@d> X=1\r\n",
    "RCPT TO:<trap@d>\r\n",
    "rcpt to:a@d \r\n",
    "RCPT TO:<evil\n@d>\r\n",
    "NOOP\nQUIT\r\n",
    "NOOP\rQUIT\r\n",
    "QUIT\n\r\n",
    "DATA x\r\n",
    "QUIT x\r\n",
    "EXPN l\r\n",
    "STARTTLS\r\n",
    "\x80\r\n",
    ".\r\n",
};
constexpr absl::string_view kContent[] = {
    "text\r\n",
    "x",
    "\r\n",
    ".",
    "..\r\n",
    ".x\r\n",
    "..",
    "\r\n..\r\n",
    "Received: ",
    "Received: x\r\n",
    "QUIT\r\n",
    "\r\n\r\n",
    "Delivered-To: x\r\n",
    "RCPT TO:<evil1@d>\r\n",
};
constexpr absl::string_view kBare[] = {
    "\n", "\r", "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r", "\n\n.",
};

std::string Content(Random& random) {
  std::string out;
  const bool bare = Below(random, 4) == 0;
  for (size_t i = Below(random, 10); i > 0; --i) {
    out += bare && Below(random, 3) == 0 ? Pick(random, kBare)
                                         : Pick(random, kContent);
  }
  out += Below(random, 8) == 0 ? "" : "\r\n";
  return out + (Below(random, 12) == 0 ? "" : ".\r\n");
}

struct Dialogue {
  ServerConfig config;
  std::string wire;
  WireEnd end;
};

Dialogue Generate(Random& random) {
  Dialogue dialogue;
  ServerConfig& config = dialogue.config;
  config.greeting = "mx";
  config.require_hello = Below(random, 2) == 0;
  config.max_message_size = Below(random, 3) == 0 ? 0 : 40;
  config.max_recipients = 1 + Below(random, 5);
  config.max_line = 1411;
  config.max_output = 4096;
  config.max_errors = 1 + static_cast<int>(Below(random, 30));
  config.max_hops = 1 + static_cast<int>(Below(random, 4));
  config.bare_newlines =
      Below(random, 3) == 0 ? BareNewlines::kNormalize : BareNewlines::kReject;
  std::string& wire = dialogue.wire;
  if (Below(random, 8) != 0) wire += "EHLO c\r\n";
  for (size_t i = Below(random, 30); i > 0; --i) {
    switch (Below(random, 8)) {
      case 0:
      case 1:
      case 2:
        wire += Pick(random, kGood);
        break;
      case 3:
        wire += Pick(random, kOdd);
        break;
      case 4:  // a pipeline of recipients
        for (size_t n = Below(random, 8); n > 0; --n) {
          absl::StrAppend(&wire, "RCPT TO:<",
                          Below(random, 4) == 0 ? "evil" : "r", n, "@d>\r\n");
        }
        break;
      case 5:
        absl::StrAppend(&wire, "DATA\r\n", Content(random));
        break;
      case 6:
        absl::StrAppend(&wire, "RSET\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@d>\r\n",
                        "RCPT TO:<evil@d>\r\nRCPT TO:<b@d>\r\nDATA\r\n",
                        Content(random));
        break;
      case 7:
        if (Below(random, 20) == 0) {
          absl::StrAppend(&wire, std::string(1300 + Below(random, 220), 'x'),
                          "\r\n");
        } else if (Below(random, 20) == 0) {
          wire += Pick(random, {"QUIT\r\n", "GET / HTTP/1.1\r\n"});
        }
        break;
    }
  }
  dialogue.end = static_cast<WireEnd>(Below(random, 3));
  return dialogue;
}

// A verdict of each question's content alone.
std::optional<AnyAnswer> Judge(const Ask& ask, const Envelope& envelope) {
  if (const auto* hello = std::get_if<Hello>(&ask.what)) {
    if (hello->client_name == "bad") {
      return Verdict::Refuse({550, {5, 7, 1}, "bad"});
    }
  } else if (const auto* mail = std::get_if<Mail>(&ask.what)) {
    if (mail->from.local_part == "spam") {
      return Verdict::Refuse({550, {5, 7, 1}, "spam"});
    }
  } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
    const std::string& user = rcpt->to.local_part;
    if (absl::StartsWith(user, "evil")) {
      return Verdict::Refuse({553, {5, 7, 1}, user});
    }
    if (user == "slow") return Verdict::Refuse({450, {4, 2, 0}, "slow"});
    if (user == "trap") return Verdict::Drop({554, {5, 7, 1}, "trap"});
    if (user == "fix") return Verdict::AcceptAs({"fixed", "d"});
  } else if (std::holds_alternative<BodyBegin>(ask.what)) {
    if (envelope.to.size() == 3) {
      return Verdict::Refuse({451, {4, 3, 0}, "three"});
    }
  } else if (const auto* end = std::get_if<BodyEnd>(&ask.what)) {
    if (end->size % 7 == 0) return Verdict::Refuse({554, {5, 6, 0}, "seven"});
  }
  return Verdict::Accept();
}

TEST(InvarianceTest, OutcomesDependOnBytesAndAnswersAlone) {
  size_t messages = 0;
  std::set<std::string> endings;
  std::set<std::string> codes;
  for (int seed = 1; seed <= kDialogues; ++seed) {
    Random random(static_cast<unsigned>(seed));
    const Dialogue dialogue = Generate(random);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ",
                              testing::PrintToString(dialogue.wire)));
    const auto replay = [&](const Manner& manner) {
      return Replay(dialogue.config, {dialogue.wire}, dialogue.end, manner,
                    Judge);
    };
    const auto cuts = [&random] {
      std::vector<size_t> cuts;
      for (int i = 0; i < 20; ++i) cuts.push_back(1 + Below(random, 30));
      return cuts;
    };
    const Outcome want = replay({.cuts = {1}});
    ExpectOneReplyPerCommand(dialogue.config, {dialogue.wire}, want);
    const Manner manners[] = {
        {.cuts = {kWhole}},
        {.cuts = cuts()},
        {.cuts = cuts(), .late = true},
        {.cuts = {kWhole}, .late = true, .max_open_asks = 4},
        {.cuts = cuts(), .late = true, .reversed = true, .max_open_asks = 4},
        {.cuts = {kWhole}, .late = true, .reversed = true, .max_open_asks = 99},
        {.cuts = cuts(), .max_open_asks = 4, .slow_reader = true},
    };
    for (const Manner& manner : manners) {
      SCOPED_TRACE(manner.Describe());
      ASSERT_EQ(replay(manner), want);
    }
    // What the policy has refused gets no mail.
    for (const Message& message : want.messages) {
      EXPECT_FALSE(absl::StrContains(message.envelope, "evil"));
      EXPECT_FALSE(absl::StrContains(message.envelope, "slow"));
      EXPECT_FALSE(absl::StrContains(message.envelope, "<fix@"));
      EXPECT_FALSE(absl::StartsWith(message.envelope, "<spam@"));
      EXPECT_NE(message.content.size() % 7, 0u);
    }
    messages += want.messages.size();
    for (absl::string_view line :
         absl::StrSplit(want.replies, "\r\n", absl::SkipEmpty())) {
      codes.emplace(line.substr(0, 3));
    }
    endings.emplace(want.closed ? CloseReasonName(*want.closed) : "open");
    if (HasFailure()) return;
  }
  // The dialogues are worth something: they bring mail, end in every way, and
  // draw every reply there is.
  EXPECT_GT(messages, size_t{kDialogues} / 3);
  EXPECT_EQ(endings, (std::set<std::string>{"abuse", "open", "peer-gone",
                                            "quit", "refused", "timeout"}));
  EXPECT_EQ(codes, (std::set<std::string>{"214", "220", "221", "250", "252",
                                          "354", "421", "450", "451", "452",
                                          "500", "501", "502", "503", "550",
                                          "552", "553", "554", "555"}));
}

}  // namespace
}  // namespace postern
