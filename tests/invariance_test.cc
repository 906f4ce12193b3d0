// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Replays generated sessions. The replies, questions and messages of a session
// depend only on the client's bytes and the answers: not on the sizes of reads,
// on delays, or on the order of answers.

#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/strictness.h"
#include "gtest/gtest.h"
#include "tests/follower.h"
#include "tests/replay.h"

namespace postern {
namespace {

constexpr int kDialogues = 5000;
constexpr size_t kWhole = std::string::npos;

using Random = std::mt19937;

// Returns a number below `n`. std::uniform_int_distribution differs between
// libraries; with this function a seed always gives the same session.
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
    "MAIL FROM:<s@x> BODY=8BITMIME\r\n",
    "MAIL FROM:<s@x> BODY=BINARYMIME\r\n",
    "MAIL FROM:<\xc3\xa9@x> SMTPUTF8\r\n",
    "MAIL FROM:<s@x> RET=HDRS ENVID=a+2Bb AUTH=<>\r\n",
    "MAIL FROM:<s@x> MT-PRIORITY=3 BY=120;R HOLDFOR=9\r\n",
    "MAIL FROM:<s@x> REQUIRETLS\r\n",
    "RCPT TO:<a@d> NOTIFY=NEVER ORCPT=rfc822;a+40d\r\n",
    "RCPT TO:<b@d> RRVS=2026-11-21T00:00:00Z;C\r\n",
    "RCPT TO:<\xc3\xa9@d>\r\n",
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
    "STARTTLS x\r\n",
    "LHLO c\r\n",
    "AUTH\r\n",
    "AUTH CRAM-MD5\r\n",
    "XCLIENT\r\n",
    "XCLIENT ADDR=nowhere\r\n",
    "VRFY \xc3\xa9 SMTPUTF8\r\n",
    "RCPT TO:<mute@d>\r\n",
    "RCPT TO:<a@d> NOTIFY=NEVER\n",
    "EHLO b\xfcro-pc\r\n",
    "HELO\r\n",
    "\x80\r\n",
    ".\r\n",
};
constexpr absl::string_view kAuth[] = {
    "AUTH PLAIN AHUAcA==\r\n",         // granted
    "AUTH PLAIN ZXZpbA==\r\n",         // refused permanently
    "AUTH PLAIN dGVtcA==\r\n",         // refused temporarily
    "AUTH EXTERNAL =\r\n",             // granted
    "AUTH LOGIN\r\nYw==\r\nZw==\r\n",  // two challenges, granted
    "AUTH LOGIN\r\nZXZpbA==\r\n",      // refused
    "AUTH LOGIN\r\n*\r\n",
    "AUTH LOGIN\r\n?\r\n",
    "AUTH LOGIN\r\n\r\n",  // refused
    "AUTH PLAIN a\r\n",
};
constexpr absl::string_view kClients[] = {
    "XCLIENT ADDR=192.0.2.7 NAME=c.example\r\n", "XCLIENT LOGIN=someone\r\n",
    "XCLIENT LOGIN=[UNAVAILABLE] HELO=c PROTO=SMTP\r\n",
    "XCLIENT ADDR=192.0.2.66\r\n",  // refused
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

std::string Bdat(absl::string_view octets, bool last) {
  return absl::StrCat("BDAT ", octets.size(), last ? " LAST\r\n" : "\r\n",
                      octets);
}

// Returns a message in chunks. Most are well-formed; some have no end.
std::string Chunks(Random& random) {
  constexpr absl::string_view kBetween[] = {"RSET\r\n",   "NOOP\r\n",
                                            "DATA\r\n",   "RCPT TO:<a@d>\r\n",
                                            "EHLO c\r\n", "LHLO c\r\n"};
  std::string out;
  for (size_t i = Below(random, 4); i > 0; --i) {
    out += Bdat(Below(random, 4) == 0 ? "" : Content(random), /*last=*/false);
    if (Below(random, 8) == 0) out += Pick(random, kBetween);
  }
  if (Below(random, 10) == 0) return out;
  if (Below(random, 40) == 0) return out + "BDAT 4x LAST\r\nQUIT\r\n";
  return out + Bdat(Below(random, 3) == 0 ? "" : Content(random), true);
}

struct Dialogue {
  ServerConfig config;
  Flights flights = {""};
  WireEnd end;
};

// Returns the first commands of a client, before or after STARTTLS.
std::string Opening(Random& random, const ServerConfig& config) {
  std::string out;
  if (config.xclient && Below(random, 3) == 0) out += Pick(random, kClients);
  if (Below(random, 8) != 0) out += config.lmtp ? "LHLO c\r\n" : "EHLO c\r\n";
  if (config.require_auth || Below(random, 6) == 0) out += Pick(random, kAuth);
  return out;
}

Dialogue Generate(Random& random) {
  Dialogue dialogue;
  ServerConfig& config = dialogue.config;
  config.greeting = "mx";
  config.require_hello = Below(random, 2) == 0;
  config.max_message_size = Below(random, 3) == 0 ? 0 : 40;
  config.max_recipients = 1 + Below(random, 5);
  config.max_line = 1411;
  config.max_output = 4096;
  if (Below(random, 4) == 0) {
    config.max_invalid_recipients = 1 + static_cast<int>(Below(random, 4));
  }
  config.max_errors = 1 + static_cast<int>(Below(random, 30));
  config.max_hops = 1 + static_cast<int>(Below(random, 4));
  config.bare_newlines =
      Below(random, 3) == 0 ? BareNewlines::kNormalize : BareNewlines::kReject;
  config.strictness =
      Below(random, 4) == 0 ? Strictness::kLenient : Strictness::kStrict;
  config.lmtp = Below(random, 4) == 0;
  config.offer_starttls = Below(random, 2) == 0;
  config.require_tls = config.offer_starttls && Below(random, 3) == 0;
  if (Below(random, 2) == 0) {
    config.mechanisms = {"PLAIN", "LOGIN", "EXTERNAL"};
    if (Below(random, 3) != 0)
      config.mechanisms_without_tls = {"PLAIN", "LOGIN"};
    config.require_auth = Below(random, 4) == 0;
    config.max_auth_failures = 1 + static_cast<int>(Below(random, 4));
  }
  config.xclient = Below(random, 3) == 0;
  if (Below(random, 4) == 0) config.extensions = {};
  if (Below(random, 3) != 0) config.carried = ExtensionSet::All();
  if (Below(random, 2) == 0) {
    config.hold_limits.emplace(
        HoldLimits{absl::Hours(1), absl::FromUnixSeconds(1795290976)});
  }
  config.announce_limits = Below(random, 2) == 0;
  config.max_discarded = Below(random, 2) == 0 ? 20 : 1000;
  config.max_messages = static_cast<int>(Below(random, 5));
  config.data_block = 1 + Below(random, 50);
  dialogue.flights[0] = Opening(random, config);
  for (size_t i = Below(random, 30); i > 0; --i) {
    std::string& wire = dialogue.flights.back();
    switch (Below(random, 12)) {
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
      case 8:
        wire += Chunks(random);
        break;
      case 9:
        absl::StrAppend(&wire, "RSET\r\nMAIL FROM:<s@x>",
                        Below(random, 3) == 0 ? " BODY=BINARYMIME" : "",
                        "\r\nRCPT TO:<a@d>\r\nRCPT TO:<b@d>\r\n",
                        Chunks(random));
        break;
      case 10:
        if (Below(random, 3) == 0) wire += "RSET\r\n";
        wire += Below(random, 3) == 0 ? Pick(random, kClients)
                                      : Pick(random, kAuth);
        break;
      case 11:
        if (!config.offer_starttls || Below(random, 2) == 0) break;
        wire += "RSET\r\nSTARTTLS\r\n";
        if (Below(random, 40) == 0) wire += "NOOP\r\n";  // without TLS
        dialogue.flights.push_back(Opening(random, config));
        break;
    }
  }
  dialogue.end = static_cast<WireEnd>(Below(random, 4));
  return dialogue;
}

// Returns the answer to an AUTH response; "g" and "\0u\0p" succeed.
AnyAnswer JudgeAuth(absl::string_view bytes) {
  if (bytes == "c") return AuthChallenge{"again"};
  if (bytes == "g" || absl::StartsWith(bytes, absl::string_view("\0", 1))) {
    return AuthGranted{"user"};
  }
  if (bytes == "temp") return Verdict::Refuse({454, {4, 7, 0}, "later"});
  return Verdict::Refuse({535, {5, 7, 8}, "wrong"});
}

// Returns an answer that depends only on the question and the envelope. If
// `patient`, some questions get no answer.
std::optional<AnyAnswer> Judge(const Ask& ask, const Envelope& envelope,
                               bool lmtp, bool patient) {
  if (const auto* connected = std::get_if<Connected>(&ask.what)) {
    const auto* address = connected->client && connected->client->address
                              ? &connected->client->address->value
                              : nullptr;
    if (address != nullptr && *address == IpAddress::Parse("192.0.2.66")) {
      return Verdict::Refuse({554, {5, 7, 1}, "not you"});
    }
  } else if (const auto* auth = std::get_if<AuthBegin>(&ask.what)) {
    if (auth->mechanism == "EXTERNAL") return AuthGranted{"external"};
    if (!auth->initial_response) return AuthChallenge{"name?"};
    return JudgeAuth(*auth->initial_response);
  } else if (const auto* response = std::get_if<AuthResponse>(&ask.what)) {
    return JudgeAuth(response->bytes);
  } else if (const auto* hello = std::get_if<Hello>(&ask.what)) {
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
    if (user == "mute" && patient) return std::nullopt;
    if (user == "trap") return Verdict::Drop({554, {5, 7, 1}, "trap"});
    if (user == "fix") return Verdict::AcceptAs({"fixed", "d"});
  } else if (std::holds_alternative<BodyBegin>(ask.what)) {
    if (envelope.to.size() == 3) {
      return Verdict::Refuse({451, {4, 3, 0}, "three"});
    }
    if (envelope.to.size() == 4) {
      return Verdict::AcceptWith(BareNewlines::kNormalize);
    }
  } else if (const auto* end = std::get_if<BodyEnd>(&ask.what)) {
    if (end->size % 7 == 0) return Verdict::Refuse({554, {5, 6, 0}, "seven"});
    if (lmtp && end->size % 5 == 2) {
      std::vector<Verdict> each(envelope.to.size(), Verdict::Accept());
      each.back() = Verdict::Refuse({552, {5, 2, 2}, "full"});
      return each;
    }
  }
  return Verdict::Accept();
}

TEST(InvarianceTest, OutcomesDependOnlyOnBytesAndAnswers) {
  size_t messages = 0;
  size_t chunked = 0;
  std::set<std::string> endings;
  std::set<std::string> codes;
  std::set<std::string> asks;
  for (int seed = 1; seed <= kDialogues; ++seed) {
    Random random(static_cast<unsigned>(seed));
    const Dialogue dialogue = Generate(random);
    SCOPED_TRACE(absl::StrCat("seed ", seed, ": ",
                              testing::PrintToString(dialogue.flights)));
    const auto replay = [&](const Manner& manner) {
      return Replay(dialogue.config, dialogue.flights, dialogue.end, manner,
                    [&](const Ask& ask, const Envelope& envelope) {
                      return Judge(ask, envelope, dialogue.config.lmtp,
                                   dialogue.end == WireEnd::kTimedOut);
                    });
    };
    const auto cuts = [&random] {
      std::vector<size_t> cuts;
      for (int i = 0; i < 20; ++i) cuts.push_back(1 + Below(random, 30));
      return cuts;
    };
    const Outcome want = replay({.cuts = {1}});
    ExpectOneReplyPerCommand(dialogue.config, dialogue.flights, want);
    const Manner manners[] = {
        {.cuts = {kWhole}},
        {.cuts = cuts()},
        {.cuts = cuts(), .late = true, .rests = true},
        {.cuts = {kWhole}, .late = true, .max_open_asks = 4},
        {.cuts = cuts(), .late = true, .reversed = true, .max_open_asks = 4},
        {.cuts = {kWhole}, .late = true, .reversed = true, .max_open_asks = 99},
        {.cuts = cuts(), .max_open_asks = 4, .slow_reader = true},
    };
    for (const Manner& manner : manners) {
      SCOPED_TRACE(manner.Describe());
      ASSERT_EQ(replay(manner), want);
    }
    // Refused senders and recipients are in no message.
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
    for (absl::string_view ask : want.asks) {
      asks.emplace(ask.substr(0, ask.find(' ')));
    }
    if (!absl::StrContains(want.replies, "\r\n354 ")) {
      chunked += want.messages.size();
    }
    endings.emplace(want.closed ? CloseReasonName(*want.closed) : "open");
    if (HasFailure()) return;
  }
  // The sessions cover enough: they contain messages, each close reason, each
  // reply code and each kind of question.
  EXPECT_GT(messages, size_t{kDialogues} / 7);
  EXPECT_GT(chunked, size_t{kDialogues} / 50);
  EXPECT_EQ(endings,
            (std::set<std::string>{"abuse", "open", "peer-gone", "quit",
                                   "refused", "shutdown", "timeout"}));
  EXPECT_EQ(codes,
            (std::set<std::string>{
                "214", "220", "221", "235", "250", "252", "334", "354", "421",
                "450", "451", "452", "454", "500", "501", "502", "503", "504",
                "530", "535", "550", "552", "553", "554", "555"}));
  EXPECT_EQ(asks, (std::set<std::string>{"auth", "auth-response", "body-begin",
                                         "body-end", "connected", "ehlo",
                                         "helo", "lhlo", "mail", "rcpt",
                                         "starttls", "verify", "xclient"}));
}

}  // namespace
}  // namespace postern
