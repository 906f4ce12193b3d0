// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Known attacks on mail servers, each against a whole session.
//
// S: SMTP smuggling. T: TLS. A: authentication. R: relaying. C: commands and
// their interpretation. M: memory, time and loops. F: failure.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/content/dot_stuffer.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/ip_address.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "engine/trace_header.h"
#include "gtest/gtest.h"
#include "tests/follower.h"
#include "tests/replay.h"

namespace postern {
namespace {

constexpr size_t kWhole = std::string::npos;
constexpr char kHello[] = "EHLO c\r\n";
constexpr char kToRcpt[] = "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n";
// A command that an attacker hides. It must not become a question.
constexpr char kEvil[] = "MAIL FROM:<evil@x>\r\n";

// Returns a literal that may contain NULs.
template <size_t n>
constexpr absl::string_view Bytes(const char (&literal)[n]) {
  return absl::string_view(literal, n - 1);
}

// Returns a configuration that offers everything, also passwords without TLS.
ServerConfig Everything() {
  ServerConfig config;
  config.greeting = "mx";
  config.carried = ExtensionSet::All();
  config.offer_starttls = true;
  config.mechanisms = {"PLAIN", "LOGIN"};
  config.mechanisms_without_tls = {"PLAIN", "LOGIN"};
  return config;
}

// Accepts everything except paths <refused@...>. AUTH succeeds after an initial
// or nonempty response.
std::optional<AnyAnswer> Obliging(const Ask& ask, const Envelope& envelope) {
  if (const auto* auth = std::get_if<AuthBegin>(&ask.what)) {
    if (!auth->initial_response) return AuthChallenge{"who?"};
    return AuthGranted{"someone"};
  }
  if (const auto* auth = std::get_if<AuthResponse>(&ask.what)) {
    if (auth->bytes.empty()) return AuthChallenge{"who else?"};
    return AuthGranted{"someone"};
  }
  if (absl::StrContains(PrintAsk(ask, envelope), "<refused@")) {
    return Verdict::Refuse({550, {5, 1, 1}, "no"});
  }
  return Verdict::Accept();
}

// Returns the outcome of `flights`, and checks that it is the same in all
// manners (S2).
Outcome Send(const ServerConfig& config, const Flights& flights,
             WireEnd end = WireEnd::kOpen,
             const Answerer& answerer = Obliging) {
  const Outcome want = Replay(config, flights, end, {}, answerer);
  const Manner manners[] = {
      {.cuts = {kWhole}},
      {.cuts = {2, 3}, .late = true, .rests = true},
      {.cuts = {7}, .late = true, .reversed = true, .max_open_asks = 4},
      {.cuts = {kWhole}, .late = true, .max_open_asks = 4, .slow_reader = true},
  };
  for (const Manner& manner : manners) {
    SCOPED_TRACE(manner.Describe());
    EXPECT_EQ(Replay(config, flights, end, manner, answerer), want);
  }
  ExpectOneReplyPerCommand(config, flights, want);
  return want;
}

// Returns the replies' codes: "220 250 354".
std::string Codes(const Outcome& outcome) {
  std::vector<absl::string_view> codes;
  for (absl::string_view line :
       absl::StrSplit(outcome.replies, "\r\n", absl::SkipEmpty())) {
    if (line[3] == ' ') codes.push_back(line.substr(0, 3));
  }
  return absl::StrJoin(codes, " ");
}

bool Asked(const Outcome& outcome, absl::string_view words) {
  return std::any_of(
      outcome.asks.begin(), outcome.asks.end(),
      [&](const std::string& ask) { return absl::StrContains(ask, words); });
}

// Returns all words of up to `length` letters, beginning with the empty word.
std::vector<std::string> Words(absl::Span<const std::string> letters,
                               size_t length) {
  std::vector<std::string> words = {""};
  for (size_t from = 0; length > 0; --length) {
    const size_t to = words.size();
    for (; from < to; ++from) {
      for (const std::string& letter : letters) {
        words.push_back(words[from] + letter);
      }
    }
  }
  return words;
}

// ---- S

// LF.LF, LF.CRLF, CRLF.LF, CR.CR, CRLF.CR CRLF, a CR and an LF with a NUL
// between them, and all similar sequences: CVE-2023-51764, -51765, -51766,
// -51747, CVE-2024-27305.
TEST(ThreatTest, S1_OnlyCrlfDotCrlfEndsTheData) {
  const std::string letters[] = {"\r", "\n", std::string(1, '\0')};
  const std::vector<std::string> newlines = Words(letters, 3);
  size_t ends = 0;
  for (BareNewlines mode : {BareNewlines::kReject, BareNewlines::kNormalize}) {
    ServerConfig config = Everything();
    config.bare_newlines = mode;
    for (const std::string& before : newlines) {
      for (const std::string& behind : newlines) {
        const std::string end = absl::StrCat(before, ".", behind);
        SCOPED_TRACE(testing::PrintToString(end));
        const Flights wire = {absl::StrCat(kToRcpt, "DATA\r\nfirst", end, kEvil,
                                           "RSET\r\n\r\n.\r\nQUIT\r\n")};
        const Outcome outcome =
            Replay(config, wire, WireEnd::kOpen, {{kWhole}}, Obliging);
        EXPECT_EQ(Replay(config, wire, WireEnd::kOpen, {}, Obliging), outcome);
        const bool ends_it = absl::EndsWith(end, "\r\n.\r\n");
        // After the end of the message an LF may follow, which is a bare
        // LF in a command.
        const bool goes_on = !absl::StrContains(end, "\r\n.\r\n\n");
        EXPECT_EQ(Asked(outcome, "<evil@x>"), ends_it);
        EXPECT_EQ(outcome.closed,
                  goes_on ? CloseReason::kQuit : CloseReason::kAbuse);
        ends += ends_it ? 1 : 0;
        // Bare newlines are refused or normalized. None is in a message.
        for (const Message& message : outcome.messages) {
          const std::string rest =
              absl::StrReplaceAll(message.content, {{"\r\n", ""}});
          EXPECT_EQ(rest.find_first_of("\r\n"), std::string::npos);
        }
      }
    }
  }
  EXPECT_EQ(ends, 2u * 4);  // any letter, or none, before it
}

// An end of the data, or of a command, that is found only if a read ends there.
TEST(ThreatTest, S2_SizesOfReadsChangeNothing) {
  ServerConfig config = Everything();
  config.xclient = true;
  const Flights wire = {
      absl::StrCat("XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1\r\n", kHello,
                   "AUTH LOGIN\r\ndQ==\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n",
                   "RCPT TO:<refused@d>\r\nDATA\r\n.\r.\r\n..\r\n.\n.\r\n.\r\n",
                   "MAIL FROM:<s@x>\r\nRCPT "
                   "TO:<u@d>\r\nDATA\r\nx.\r\n..x.\r\n..\r\n.\r\n",
                   "MAIL FROM:<>\r\nRCPT TO:<u@d>\r\nBDAT 5\r\n\r\n.\r\n",
                   "BDAT 3 LAST\r\n.\r\nNOOP\r\nSTARTTLS\r\n"),
      absl::StrCat(kHello, "QUIT\r\n")};
  const Outcome want = Send(config, wire);
  EXPECT_EQ(want.closed, CloseReason::kQuit);
  EXPECT_EQ(want.messages.size(), 2u);
  for (size_t cut = 1; cut < wire[0].size(); ++cut) {
    const Manner manner = {.cuts = {cut, kWhole}};
    SCOPED_TRACE(manner.Describe());
    EXPECT_EQ(Replay(config, wire, WireEnd::kOpen, manner, Obliging), want);
  }
}

// A message that is harmless here, but is two messages at the next hop: the
// outbound half of CVE-2023-51764.
TEST(ThreatTest, S3_ForwardedMessageIsOneMessage) {
  const std::string letters[] = {"\r", "\n", "\r\n", ".", "x"};
  ServerConfig config = Everything();
  config.bare_newlines = BareNewlines::kNormalize;
  for (const std::string& content : Words(letters, 5)) {
    SCOPED_TRACE(testing::PrintToString(content));
    const Outcome first = Replay(
        config, {absl::StrCat(kToRcpt, "DATA\r\n", content, "\r\n.\r\n")},
        WireEnd::kOpen, {{kWhole}}, Obliging);
    ASSERT_EQ(first.messages.size(), 1u);
    std::string stuffed;
    DotStuffer stuffer;
    const auto write = [&] {
      while (!stuffer.Piece().empty()) {
        absl::StrAppend(&stuffed, stuffer.Piece());
        stuffer.Written(stuffer.Piece().size());
      }
    };
    ASSERT_TRUE(stuffer.Lend(first.messages[0].content));
    write();
    ASSERT_TRUE(stuffer.End());
    write();
    const Outcome second =
        Replay(Everything(), {absl::StrCat(kToRcpt, "DATA\r\n", stuffed)},
               WireEnd::kOpen, {{kWhole}}, Obliging);
    ASSERT_EQ(second.messages.size(), 1u);
    EXPECT_EQ(second.messages[0].envelope, first.messages[0].envelope);
    EXPECT_EQ(second.messages[0].content, first.messages[0].content);
  }
}

// Sizes that overflow, have a sign or are hexadecimal, so that the chunk is
// executed as commands: CVE-2017-16943, CVE-2017-16944.
TEST(ThreatTest, S4_ChunkOfUnknownSizeClosesTheConnection) {
  for (absl::string_view argument :
       {"-1", "+6", "0x6", "6 LAST LAST", "6 last6", "6,", "", "LAST 6", "6.0",
        "18446744073709551616", "99999999999999999999999", "4294967296 LAST",
        "18446744073709551615 LAST"}) {
    SCOPED_TRACE(std::string(argument));
    const Outcome outcome =
        Send(Everything(),
             {absl::StrCat(kToRcpt, "BDAT ", argument, "\r\n", kEvil)});
    EXPECT_FALSE(Asked(outcome, "evil"));
    EXPECT_EQ(outcome.closed, CloseReason::kAbuse);
    EXPECT_TRUE(outcome.messages.empty());
  }
}

// A refused chunk that is executed as commands.
TEST(ThreatTest, S4_RefusedChunkIsNeverExecutedAsCommands) {
  struct Row {
    absl::string_view way;  // sent before the chunk
    absl::string_view codes;
  };
  constexpr Row rows[] = {
      {"", "220 503 250"},
      {"EHLO c\r\n", "220 250 503 250"},
      {"EHLO c\r\nMAIL FROM:<s@x>\r\n", "220 250 250 503 250"},
      {"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<refused@d>\r\n",
       "220 250 250 550 503 250"},
      // LAST twice.
      {"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT 0 LAST\r\n",
       "220 250 250 250 250 503 250"},
      // The limit applies to the sum of all chunks.
      {"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT "
       "15\r\n123456789012345",
       "220 250 250 250 250 552 250"},
      // DATA between chunks, and a chunk after a refused one.
      {"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nBDAT 0\r\nDATA\r\n"
       "BDAT 31\r\n1234567890123456789012345678901",
       "220 250 250 250 250 503 552 503 250"},
      // Refused by the policy.
      {"EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<full@d>\r\n",
       "220 250 250 250 452 250"},
  };
  const Answerer full = [](const Ask& ask, const Envelope& envelope) {
    const bool no = PrintAsk(ask, envelope) == "body-begin <s@x> <full@d>";
    return no ? Verdict::Refuse({452, {4, 3, 1}, "full"})
              : Obliging(ask, envelope);
  };
  ServerConfig config = Everything();
  config.max_message_size = 30;
  for (const Row& row : rows) {
    const Flights wire = {
        absl::StrCat(row.way, "BDAT 20\r\n", kEvil, "NOOP\r\n")};
    SCOPED_TRACE(wire[0]);
    const Outcome outcome = Send(config, wire, WireEnd::kOpen, full);
    EXPECT_FALSE(Asked(outcome, "evil"));
    EXPECT_EQ(Codes(outcome), row.codes);
  }
  config.extensions = {};
  EXPECT_EQ(Codes(Send(config, {absl::StrCat(kToRcpt, "BDAT 20\r\n", kEvil)})),
            "220 250 250 250 502");
}

TEST(ThreatTest, S4_ChunkThatLooksLikeTheEndIsContent) {
  const std::string chunk = absl::StrCat("x\r\n.\r\n", kEvil);
  const Outcome outcome =
      Send(Everything(), {absl::StrCat(kToRcpt, "BDAT ", chunk.size(), "\r\n",
                                       chunk, "BDAT 5 LAST\r\n\r\n.\r\n")});
  ASSERT_EQ(outcome.messages.size(), 1u);
  EXPECT_EQ(outcome.messages[0].content, chunk + "\r\n.\r\n");
  EXPECT_FALSE(Asked(outcome, "evil"));
}

// ---- T

// Plaintext commands after STARTTLS that the server treats as protected by TLS:
// CVE-2011-0411, CVE-2011-1431, CVE-2021-38371, CVE-2024-34083.
TEST(ThreatTest, T1_PlaintextAfterStartTlsClosesTheConnection) {
  for (absl::string_view injected : {"\n", "x", "EHLO c\r\n", kEvil}) {
    SCOPED_TRACE(std::string(injected));
    const Outcome outcome =
        Send(Everything(), {absl::StrCat(kHello, "STARTTLS\r\n", injected),
                            absl::StrCat(kHello, "MAIL FROM:<s@x>\r\n")});
    EXPECT_EQ(outcome.closed, CloseReason::kAbuse);
    EXPECT_EQ(outcome.asks.back(), "starttls");
    EXPECT_EQ(Codes(outcome), "220 250 220");
  }
}

// RFC 3207 4.2.
TEST(ThreatTest, T2_NothingIsKeptAcrossStartTls) {
  const std::string first =
      absl::StrCat(kHello, "AUTH PLAIN AHUAcA==\r\nSTARTTLS\r\n");
  EXPECT_EQ(Codes(Send(Everything(), {first, "MAIL FROM:<s@x>\r\n"})),
            "220 250 235 220 503");
  // The client is not authenticated any more. It must, and can, be again.
  ServerConfig config = Everything();
  config.require_auth = true;
  EXPECT_EQ(Codes(Send(config, {first, absl::StrCat(kHello, "MAIL FROM:<s@x>",
                                                    "\r\nAUTH PLAIN ",
                                                    "AHUAcA==\r\n")})),
            "220 250 235 220 250 530 235");
  // STARTTLS is refused within a transaction.
  EXPECT_EQ(Codes(Send(Everything(),
                       {absl::StrCat(kToRcpt, "STARTTLS\r\n"), kHello})),
            "220 250 250 250 503");
}

// Plaintext replies that the client treats as protected by TLS.
TEST(ThreatTest, T3_NoOutputBetweenStartTlsAndTheHandshake) {
  const ServerConfig config = Everything();
  ServerSession session(config);
  std::string in = absl::StrCat(kHello, "NOOP\r\nSTARTTLS\r\n");
  Step step = session.Advance(in);
  while (step.kind == Step::Kind::kAsk) {
    ASSERT_TRUE(session.Complete(step.ask->id, Verdict::Accept()).ok());
    in.erase(0, step.consumed);
    step = session.Advance(in);
  }
  ASSERT_EQ(step.kind, Step::Kind::kStartTls);
  EXPECT_TRUE(absl::EndsWith(session.Output(), "\r\n220 2.0.0 ready\r\n"));
  session.OutputWritten(session.Output().size());
  session.Shutdown();
  EXPECT_EQ(session.Advance("").kind, Step::Kind::kStartTls);
  EXPECT_EQ(session.Output(), "");
  session.TimedOut();
  EXPECT_EQ(session.Advance("").kind, Step::Kind::kClosed);
  EXPECT_EQ(session.Output(), "");
}

// A password that is requested or accepted without TLS.
TEST(ThreatTest, T4_AuthIsNeitherOfferedNorAcceptedWithoutTls) {
  ServerConfig config = Everything();
  config.mechanisms_without_tls = {};
  const std::string auth = "AUTH PLAIN AHUAcA==\r\n";
  const Outcome clear = Send(config, {absl::StrCat(kHello, auth, auth)});
  EXPECT_FALSE(absl::StrContains(clear.replies, "AUTH"));
  EXPECT_FALSE(Asked(clear, "auth"));
  EXPECT_EQ(Codes(clear), "220 250 530 530");
  const Outcome tls = Send(config, {absl::StrCat(kHello, "STARTTLS\r\n"),
                                    absl::StrCat(kHello, auth)});
  EXPECT_TRUE(absl::StrContains(tls.replies, "AUTH PLAIN LOGIN"));
  EXPECT_EQ(Codes(tls), "220 250 220 250 235");
}

// A request of a web browser that contains SMTP commands: CVE-2021-3618.
TEST(ThreatTest, T6_WebRequestClosesTheConnection) {
  for (absl::string_view request :
       {"GET /\r\n", "POST / HTTP/1.1\r\n", "post /\r\n", "CONNECT x:25\r\n"}) {
    SCOPED_TRACE(std::string(request));
    const Outcome outcome =
        Send(Everything(), {absl::StrCat(request, "Host: x\r\n\r\n", kToRcpt)});
    EXPECT_EQ(outcome.closed, CloseReason::kAbuse);
    EXPECT_EQ(Codes(outcome), "220 221");
    EXPECT_EQ(outcome.asks, std::vector<std::string>{"connected"});
  }
}

// ---- A

// Commands instead of responses, invalid padding, and overlong lines:
// CVE-2018-6789.
TEST(ThreatTest, A1_InvalidBase64EndsTheExchange) {
  struct Row {
    std::string response;
    absl::string_view code;
  };
  const Row rows[] = {
      {"dQ==", "235"},
      {"", "334"},   // an empty one
      {"=", "501"},  // only for an empty initial response
      {"*", "501"},  // cancelled
      {"**", "501"},
      {"* ", "501"},
      {"dQ", "501"},  // no padding
      {"dQ=", "501"},
      {"dR==", "501"},  // bits after the last octet
      {"d===", "501"},
      {"dQ==dQ==", "501"},
      {" dQ==", "501"},
      {"dQ== ", "501"},
      {"d Q==", "501"},
      {"dQ\r==", "501"},
      {std::string("dQ==\0", 5), "501"},
      {"dQ_-", "501"},  // another alphabet
      {"MAIL FROM:<evil@x>", "501"},
      {"RSET", "235"},  // is base64 as well
      {std::string(12288, 'A'), "235"},
      {std::string(12289, 'A'), "500"},
      {std::string(65536, 'A'), "500"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.response.substr(0, 80));
    const std::string begin = absl::StrCat(kHello, "AUTH PLAIN\r\n");
    const Outcome outcome =
        Send(Everything(), {absl::StrCat(begin, row.response, "\r\n")});
    EXPECT_EQ(Codes(outcome), absl::StrCat("220 250 334 ", row.code));
    EXPECT_FALSE(Asked(outcome, "evil"));
    if (row.code[0] != '5') continue;
    // After its end, commands are executed, and AUTH may begin again.
    EXPECT_EQ(
        Codes(Send(Everything(),
                   {absl::StrCat(begin, row.response, "\r\nRSET\r\n",
                                 "AUTH PLAIN =\r\nMAIL FROM:<s@x>\r\n")})),
        absl::StrCat("220 250 334 ", row.code, " 250 235 250"));
  }
}

// AUTH in states in which parts of the server could disagree about the
// identity.
TEST(ThreatTest, A7_AuthIsAcceptedOnceAndOutsideTransactions) {
  constexpr char kAuth[] = "AUTH PLAIN AHUAcA==\r\n";
  struct Row {
    std::string wire;
    absl::string_view codes;
  };
  const Row rows[] = {
      {kAuth, "220 503"},
      {absl::StrCat("HELO c\r\n", kAuth), "220 250 235"},
      {absl::StrCat(kHello, kAuth, kAuth), "220 250 235 503"},
      {absl::StrCat(kHello, kAuth, kHello, kAuth), "220 250 235 250 503"},
      {absl::StrCat(kHello, "MAIL FROM:<s@x>\r\n", kAuth), "220 250 250 503"},
      {absl::StrCat(kToRcpt, kAuth), "220 250 250 250 503"},
      {absl::StrCat(kToRcpt, "BDAT 0\r\n", kAuth), "220 250 250 250 250 503"},
      {absl::StrCat(kToRcpt, "RSET\r\n", kAuth), "220 250 250 250 250 235"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.wire);
    const Outcome outcome = Send(Everything(), {row.wire});
    EXPECT_EQ(Codes(outcome), row.codes);
    EXPECT_EQ(std::count(outcome.asks.begin(), outcome.asks.end(),
                         "auth PLAIN \\000u\\000p"),
              absl::StrContains(row.codes, "235") ? 1 : 0);
  }
}

// ---- R

// Addresses that mean one domain to the policy and another one to the delivery.
// The address in a question parses to itself.
TEST(ThreatTest, R1_AddressHasOneDomain) {
  struct Row {
    absl::string_view sent;
    absl::string_view asked;  // "": refused
  };
  constexpr Row rows[] = {
      {"<u@d>", "<u@d>"},
      {"<u%evil@d>", "<u%evil@d>"},
      {"<evil!u@d>", "<evil!u@d>"},
      {"<@d:u@evil>", "<u@evil>"},  // the route is not the domain
      {"<@evil,@d:u@e>", "<u@e>"},
      {"<@d:@evil:u@e>", ""},
      {"<@d:>", ""},
      {"<\"u@evil\"@d>", "<\"u@evil\"@d>"},
      {"<\"u\\@evil\"@d>", "<\"u@evil\"@d>"},
      {"<\"u@evil\">", ""},  // the domain could be evil
      {"<u@evil@d>", ""},
      {"<u\\@evil@d>", ""},
      {"<u@d,v@evil>", ""},
      {"<u@d;v@evil>", ""},
      {"<u@d> <v@evil>", ""},
      {"<u@d><v@evil>", ""},
      {"<u@(evil)d>", ""},
      {"<u(@evil)@d>", ""},
      {"<u@d|evil>", ""},
      {"<|evil@d>", "<|evil@d>"},  // an atom in RFC 5321, not a program
      {"<<u@d>>", ""},
      {"<u @d>", ""},
      {"<u@ d>", ""},
      {"<.u@d>", "<\".u\"@d>"},
      {"<u..v@d>", "<\"u..v\"@d>"},
      {"<u@>", ""},
      {"<@d>", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.sent));
    const auto ask = [](absl::string_view address) -> std::string {
      const Outcome outcome =
          Send(Everything(),
               {absl::StrCat(kHello, "MAIL FROM:<s@x>\r\nRCPT TO:", address,
                             "\r\n")});
      if (!absl::StartsWith(outcome.asks.back(), "rcpt ")) return "";
      return outcome.asks.back().substr(5);
    };
    EXPECT_EQ(ask(row.sent), row.asked);
    if (row.asked.empty()) continue;
    EXPECT_EQ(ask(row.asked), row.asked);
  }
}

// Domains that are similar to a local one. The engine does not change them, so
// that the policy can compare them, and refuses those that are ambiguous.
TEST(ThreatTest, R2_QuestionHasTheDomainThatWasSent) {
  struct Row {
    absl::string_view sent;
    bool taken;
  };
  constexpr Row rows[] = {
      {"d", true},
      {"D", true},
      {"d.", true},
      {"d..", false},
      {".d", false},
      {"x.d", true},
      {"xd", true},
      {"d.evil", true},
      {"xn--d-1", true},
      {Bytes("d\0.evil"), false},
      {"d\r.evil", false},
      {"d\n.evil", false},
      {"d%2eevil", false},
      {"d:25", false},
      {"d/evil", false},
      {"[192.0.2.1]", true},
      {"[192.0.2.01]", true},  // RFC 5321 4.1.3: leading zeros are allowed
      {"[3221225985]", false},
      {"[0300.0.2.1]", false},
      {"[192.0.2.1", false},
      {"[192.0.2.1].evil", false},
      {"[IPv6:::ffff:192.0.2.1]", true},
      {"[IPv6:fe80::1%lo]", false},
      {"[::1]", false},
      {"d\xc0\xae"
       "evil",
       false},  // an overlong dot
      {"d\xe3\x80\x82"
       "evil",
       false},                // a full stop in IDNA
      {"\xd0\xb5vil", true},  // looks like an e, but is not ASCII
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(testing::PrintToString(row.sent));
    const Outcome outcome =
        Send(Everything(), {absl::StrCat(kHello, "MAIL FROM:<s@x> SMTPUTF8\r\n",
                                         "RCPT TO:<u@", row.sent, ">\r\n")});
    EXPECT_EQ(Asked(outcome, "rcpt"), row.taken);
    if (row.taken) {
      EXPECT_EQ(outcome.asks.back(), absl::StrCat("rcpt <u@", row.sent, ">"));
    }
  }
}

// An identity that the client only claims.
TEST(ThreatTest, R8_XClientIsExecutedOnlyForConfiguredProxies) {
  const std::string login = "XCLIENT LOGIN=boss ADDR=127.0.0.1\r\n";
  ServerConfig config = Everything();
  config.require_auth = true;
  const Outcome plain = Send(config, {absl::StrCat(login, kHello, login)});
  EXPECT_EQ(Codes(plain), "220 500 250 500");
  EXPECT_FALSE(absl::StrContains(plain.replies, "XCLIENT"));
  EXPECT_FALSE(Asked(plain, "xclient"));
  // AUTH= of MAIL is about the message, not about the client.
  const std::string mail = "MAIL FROM:<s@x> AUTH=boss@d\r\n";
  EXPECT_EQ(Codes(Send(config, {absl::StrCat(kHello, mail)})), "220 250 530");
  config.require_auth = false;
  const Outcome parameter =
      Send(config, {absl::StrCat(kHello, mail, "RSET\r\nAUTH PLAIN =\r\n")});
  EXPECT_EQ(Codes(parameter), "220 250 250 250 235");  // had no identity
  // A configured proxy.
  config.xclient = true;
  config.require_auth = true;
  EXPECT_EQ(Codes(Send(config, {absl::StrCat(login, kHello, kEvil)})),
            "220 220 250 250");
}

// ---- C

// A line that is one command here and two at another server, or vice versa.
TEST(ThreatTest, C1_OnlyCrlfEndsACommand) {
  const std::string evil = absl::StrReplaceAll(kEvil, {{"\r\n", ""}});
  const size_t max_line = Everything().max_line;
  struct Row {
    std::string command;
    absl::string_view codes;
  };
  constexpr absl::string_view kUnknown = "220 250 500 221";
  constexpr absl::string_view kBad = "220 250 501 221";
  constexpr absl::string_view kBareLf = "220 250 500";  // then closed
  const Row rows[] = {
      {absl::StrCat("NOOP\n", evil), kBareLf},
      {absl::StrCat("NOOP\n\r", evil), kBareLf},
      {absl::StrCat("NOOP", Bytes("\0\n"), evil), kBareLf},
      {absl::StrCat("MAIL FROM:<\"evil\n\"@x>"), kBareLf},
      {absl::StrCat("\n", evil), kBareLf},
      {absl::StrCat("DATA\n", evil, "\n.\n", evil), kBareLf},
      {absl::StrCat("BDAT 9 LAST\n", evil), kBareLf},
      {absl::StrCat("NOOP\r", evil), kUnknown},
      {absl::StrCat("NOOP\r\r", evil), kUnknown},
      {absl::StrCat("NOOP", Bytes("\0\r"), evil), kUnknown},
      {absl::StrCat("NOOP\x85", evil), kUnknown},
      {absl::StrCat(evil, "\r"), kBad},
      {absl::StrCat(evil, Bytes("\0")), kBad},
      {absl::StrCat("MAIL FROM:<evil", Bytes("\0"), "@x>"), kBad},
      {absl::StrCat("MAIL FROM:<evil\r@x>"), kBad},
      // Positions at which an overlong line could be cut.
      {absl::StrCat("NOOP ", std::string(max_line - 5, 'x'), evil), kUnknown},
      {absl::StrCat("NOOP ", std::string(max_line - 6, 'x'), "\n", evil),
       kBareLf},
      {absl::StrCat("NOOP ", std::string(2 * max_line, 'x'), "\n", evil),
       kBareLf},
      {absl::StrCat("NOOP ", std::string(2 * max_line - 5, 'x'), evil),
       kUnknown},
      {absl::StrCat("NOOP ", std::string(16384 - 5, 'x'), evil), kUnknown},
      {absl::StrCat("NOOP ", std::string(65536 - 5, 'x'), "\r", evil),
       kUnknown},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(testing::PrintToString(row.command.substr(0, 100)));
    const Outcome outcome =
        Send(Everything(), {absl::StrCat(kHello, row.command, "\r\nQUIT\r\n")});
    EXPECT_EQ(Codes(outcome), row.codes);
    EXPECT_FALSE(Asked(outcome, "evil"));
  }
}

// A bare LF in an AUTH response: the text after it is neither a response nor a
// command.
TEST(ThreatTest, C1_OnlyCrlfEndsAResponse) {
  const std::string auth = absl::StrCat(kHello, "AUTH PLAIN\r\n");
  for (absl::string_view response : {"AHUAcA==\n", "\n", "*\n", "AHU\nAcA=="}) {
    const Outcome outcome =
        Send(Everything(), {absl::StrCat(auth, response, kEvil, "\r\n")});
    EXPECT_EQ(Codes(outcome), "220 250 334 500") << std::string(response);
    EXPECT_EQ(outcome.closed, CloseReason::kAbuse);
    EXPECT_FALSE(Asked(outcome, "evil"));
    EXPECT_FALSE(Asked(outcome, "auth-response"));
  }
}

// Numbers that overflow, have a sign, or have another base: CVE-2005-1513.
TEST(ThreatTest, C2_NumbersAreDecimalAndDoNotOverflow) {
  struct Row {
    absl::string_view number;
    absl::string_view mail;  // MAIL SIZE=
    absl::string_view bdat;  // BDAT
  };
  constexpr Row rows[] = {
      {"0", "250", "250"},
      {"9", "250", "250"},
      {"000000009", "250", "250"},
      {"10", "552", "552"},
      {"2147483648", "552", "552"},
      {"4294967296", "552", "552"},
      {"4294967305", "552", "552"},
      {"9223372036854775808", "552", "552"},
      {"18446744073709551615", "552", "552"},
      {"18446744073709551616", "552", "501"},
      {"18446744073709551625", "552", "501"},
      {"99999999999999999999", "552", "501"},
      {"999999999999999999999", "501", "501"},  // more than 20 digits
      {"", "501", "501"},
      {"-1", "501", "501"},
      {"+1", "501", "501"},
      {"0x9", "501", "501"},
      {"9k", "501", "501"},
      {"1e0", "501", "501"},
      {"9.0", "501", "501"},
  };
  ServerConfig config = Everything();
  config.max_message_size = 9;
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.number));
    EXPECT_EQ(Codes(Send(config, {absl::StrCat(kHello, "MAIL FROM:<s@x> SIZE=",
                                               row.number, "\r\n")})),
              absl::StrCat("220 250 ", row.mail));
    const std::string chunk(9, 'x');
    const Outcome outcome =
        Send(config,
             {absl::StrCat(kToRcpt, "BDAT ", row.number, "\r\n", chunk, "x")});
    const std::string codes = Codes(outcome);
    EXPECT_TRUE(
        absl::StartsWith(codes, absl::StrCat("220 250 250 250 ", row.bdat)))
        << codes;
  }
}

// A simple model of a session in RFC 5321: whether there is a sender, the
// number of recipients, and whether chunks have begun.
class Model {
 public:
  // Returns the code of the reply, and of the second one for content.
  std::string On(absl::string_view command) {
    if (command == "EHLO") {
      greeted_ = true;
      return Forget();
    }
    if (command == "RSET") return Forget();
    if (command == "NOOP") return "250";
    if (command == "QUIT") return "221";
    if (command == "MAIL") return OnMail(true);
    if (command == "MAIL refused") return OnMail(false);
    if (command == "RCPT") return OnRcpt(true);
    if (command == "RCPT refused") return OnRcpt(false);
    const bool can_send = recipients_ > 0 && !broken_;
    if (command == "DATA") {
      if (!can_send || chunks_) return "503";
      ++messages;
      Forget();
      return "354 250";
    }
    if (!can_send) return "503";
    if (command == "BDAT too much") {
      broken_ = true;
      return "552";
    }
    chunks_ = true;
    if (command == "BDAT LAST") {
      ++messages;
      Forget();
    }
    return "250";
  }

  size_t messages = 0;

 private:
  std::string Forget() {
    sender_ = chunks_ = broken_ = false;
    recipients_ = 0;
    return "250";
  }
  std::string OnMail(bool good) {
    if (!greeted_ || sender_) return "503";
    sender_ = good;
    return good ? "250" : "550";
  }
  std::string OnRcpt(bool good) {
    if (!sender_ || chunks_ || broken_) return "503";
    recipients_ += good ? 1 : 0;
    return good ? "250" : "550";
  }

  bool greeted_ = false;
  bool sender_ = false;
  int recipients_ = 0;
  bool chunks_ = false;  // a chunk was accepted
  bool broken_ = false;  // a chunk was refused
};

// All sequences of four commands, from the beginning of a session and from two
// states that four commands do not reach.
TEST(ThreatTest, C3_EverySequenceOfCommandsMatchesTheModel) {
  struct Letter {
    absl::string_view command;
    absl::string_view wire;
  };
  constexpr Letter letters[] = {
      {"EHLO", "EHLO c\r\n"},
      {"MAIL", "MAIL FROM:<s@x>\r\n"},
      {"MAIL refused", "MAIL FROM:<refused@x>\r\n"},
      {"RCPT", "RCPT TO:<u@d>\r\n"},
      {"RCPT refused", "RCPT TO:<refused@d>\r\n"},
      {"DATA", "DATA\r\n"},
      {"BDAT", "BDAT 6\r\nQUIT\r\n"},
      {"BDAT too much", "BDAT 31\r\nQUIT\r\nQUIT\r\nQUIT\r\nQUIT\r\nQUIT\r\nx"},
      {"BDAT LAST", "BDAT 6 LAST\r\nQUIT\r\n"},
      {"RSET", "RSET\r\n"},
      {"NOOP", "NOOP\r\n"},
      {"QUIT", "QUIT\r\n"},
  };
  constexpr size_t kLetters = sizeof(letters) / sizeof(letters[0]);
  const std::vector<size_t> prefixes[] = {{}, {0, 1, 3}, {0, 1, 3, 6}};
  ServerConfig config = Everything();
  config.max_message_size = 30;  // five chunks
  size_t words = 0;
  size_t messages = 0;
  for (const std::vector<size_t>& prefix : prefixes) {
    for (size_t number = 0; number < kLetters * kLetters * kLetters * kLetters;
         ++number) {
      std::vector<size_t> word = prefix;
      for (size_t n = number, i = 0; i < 4; ++i, n /= kLetters) {
        word.push_back(n % kLetters);
      }
      Model model;
      std::string want = "220";
      std::string wire;
      std::string spelled;
      bool quit = false;
      for (size_t i : word) {
        absl::StrAppend(&spelled, letters[i].command, ", ");
        absl::StrAppend(&wire, letters[i].wire);
        if (quit) continue;
        const std::string codes = model.On(letters[i].command);
        absl::StrAppend(&want, " ", codes);
        quit = codes == "221";
        if (absl::StartsWith(codes, "354")) wire += "QUIT\r\n.\r\n";
      }
      SCOPED_TRACE(spelled);
      const Manner manner = number % 2 == 0
                                ? Manner{.cuts = {kWhole}}
                                : Manner{{5}, true, true, /*max_open_asks=*/4};
      const Outcome outcome =
          Replay(config, {wire}, WireEnd::kOpen, manner, Obliging);
      ASSERT_EQ(Codes(outcome), want);
      ASSERT_EQ(outcome.messages.size(), model.messages);
      ++words;
      messages += model.messages;
    }
  }
  EXPECT_EQ(words, 3u * kLetters * kLetters * kLetters * kLetters);
  EXPECT_GT(messages, 1000u);
}

// Header lines in names that the client or its name server chooses.
TEST(ThreatTest, C4_ClientCannotAddLinesToTheReceivedField) {
  std::string hostile;
  for (int c = 1; c < 256; ++c) hostile += static_cast<char>(c);
  hostile += absl::StrCat(Bytes("\0"), "\r\nBcc: evil@x\r\n\r\n", ");\\(");
  SessionInfo session;
  session.remote_address = IpAddress::Parse("192.0.2.1");
  session.remote_name = hostile;
  session.name_status = NameStatus::kConfirmed;
  session.remote_info = hostile;
  session.hello_name = hostile;
  session.hello_verb = Hello::Verb::kEhlo;
  session.identity = hostile;
  session.tls =
      std::make_shared<const TlsInfo>(TlsInfo{hostile, hostile, hostile});
  const std::string field = FormatReceived(session, /*smtp_utf8=*/true, "mx",
                                           {absl::UnixEpoch(), "id1"});
  const std::vector<std::string> lines = absl::StrSplit(field, "\r\n");
  ASSERT_EQ(lines.size(), 4u) << field;
  EXPECT_EQ(lines[3], "");
  EXPECT_TRUE(absl::StartsWith(lines[0], "Received: from "));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(lines[i][0], i == 0 ? 'R' : '\t') << lines[i];
    for (char c : lines[i].substr(1)) {
      EXPECT_TRUE(c >= ' ' && c <= '~') << lines[i];
    }
  }
  EXPECT_EQ(std::count(field.begin(), field.end(), '('), 1);
  EXPECT_EQ(std::count(field.begin(), field.end(), ')'), 1);
  EXPECT_EQ(std::count(field.begin(), field.end(), ';'), 1);
  // Such a name does not get into a question either.
  for (absl::string_view name : {"a\rb", "a\nb", "a\x1b[2J", "a\xc2\x80"}) {
    EXPECT_FALSE(Asked(
        Send(Everything(), {absl::StrCat("EHLO ", name, "\r\n")}), "ehlo"));
  }
}

// Client text in a reply that splits the reply or controls a terminal.
TEST(ThreatTest, C6_RepliesDoNotEchoClientTextAndAreNotSplit) {
  const std::string marks[] = {"MARK",   "\x1b[31mMARK", "MARK\r250 ok",
                               "%sMARK", "MARK\n250 ok", "\xc3\xa4MARK"};
  for (const std::string& mark : marks) {
    const Flights wire = {absl::StrCat(
        kHello, mark, "\r\nVRFY ", mark, "\r\nEXPN ", mark, "\r\nNOOP ", mark,
        "\r\nHELP ", mark, "\r\nMAIL FROM:<", mark, "\r\nMAIL FROM:<s@x> ",
        mark, "\r\nMAIL FROM:<s@x>\r\nRCPT TO:<", mark, "\r\nRCPT TO:<u@d> ",
        mark, "=1\r\nAUTH ", mark, "\r\nDATA ", mark, "\r\nEHLO ", mark,
        "\r\n")};
    SCOPED_TRACE(testing::PrintToString(mark));
    const Outcome outcome = Send(Everything(), wire);
    EXPECT_FALSE(absl::StrContains(outcome.replies, "MARK"));
  }
  // A policy's text is always one reply with lines of limited length.
  for (const std::string& text :
       {std::string("no \r\n250 2.0.0 ok"), std::string("\x1b[2J\x80\x7f"),
        std::string("a\n250-b\n250 c"), std::string(3000, 'x'),
        std::string("no\0pe", 5), std::string("\n\n")}) {
    SCOPED_TRACE(testing::PrintToString(text));
    const Outcome outcome =
        Send(Everything(), {kHello}, WireEnd::kOpen,
             [&](const Ask& ask, const Envelope&) -> std::optional<AnyAnswer> {
               if (std::holds_alternative<Connected>(ask.what)) {
                 return Verdict::Accept();
               }
               return Verdict::Refuse({550, {5, 7, 1}, text});
             });
    EXPECT_EQ(Codes(outcome), "220 550");
  }
}

// Header fields that crash parsers: CVE-2024-39929, CVE-2026-34752. The engine
// does not parse header fields.
TEST(ThreatTest, C8_ContentIsPassedOnUnchanged) {
  const std::string contents[] = {
      "Content-Type: text/plain; __proto__*0*=x; name*1=y\r\n\r\n",
      "From: \r\n\t\r\n \r\nno field\r\n: nothing\r\n",
      absl::StrCat("X:", Bytes("\0\x01\x7f\xff\xc0\xaf\xed\xa0\x80"), "\r\n"),
      absl::StrCat("X: ", std::string(100000, 'a'), "\r\n"),
      absl::StrCat("Receive", std::string(1000, 'd'), "\r\n"),
      absl::StrCat(
          "\r\n",
          absl::StrJoin(std::vector<std::string>(200, "Received: x"), "\r\n"),
          "\r\n"),
  };
  for (const std::string& content : contents) {
    SCOPED_TRACE(testing::PrintToString(content.substr(0, 80)));
    const Outcome outcome = Send(
        Everything(), {absl::StrCat(kToRcpt, "DATA\r\n", content, ".\r\n")});
    ASSERT_EQ(outcome.messages.size(), 1u);
    EXPECT_EQ(outcome.messages[0].content, content);
  }
}

// Ambiguous names: invalid UTF-8, and 8-bit octets without SMTPUTF8.
TEST(ThreatTest, C9_NonAsciiAddressesAreUtf8AndNeedSmtpUtf8) {
  struct Row {
    absl::string_view name;
    bool good;
  };
  constexpr Row rows[] = {
      {"\xc3\xa4", true},      {"\xf0\x9f\x92\xa9", true},
      {"\xc3", false},                               // cut short
      {"\xa4", false},         {"\xc0\xaf", false},  // overlong
      {"\xe0\x80\xaf", false}, {"\xf0\x80\x80\xaf", false},
      {"\xed\xa0\x80", false},                               // surrogates
      {"\xed\xbf\xbf", false}, {"\xf4\x90\x80\x80", false},  // beyond U+10FFFF
      {"\xff", false},         {"\xc2\x85", false},          // NEL
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(testing::PrintToString(row.name));
    const std::string mail =
        absl::StrCat(kHello, "MAIL FROM:<", row.name, "@x>");
    const std::string rcpt = absl::StrCat("RCPT TO:<", row.name, "@d>\r\n");
    EXPECT_EQ(Asked(Send(Everything(), {mail + " SMTPUTF8\r\n"}), "mail"),
              row.good);
    EXPECT_FALSE(Asked(Send(Everything(), {mail + "\r\n"}), "mail"));
    EXPECT_EQ(
        Asked(
            Send(Everything(),
                 {absl::StrCat(kHello, "MAIL FROM:<s@x> SMTPUTF8\r\n", rcpt)}),
            "rcpt"),
        row.good);
    EXPECT_FALSE(Asked(
        Send(Everything(), {absl::StrCat(kHello, "MAIL FROM:<s@x>\r\n", rcpt)}),
        "rcpt"));
  }
}

// ---- M

// Memory that one client can occupy: CVE-2005-1513, CVE-2020-28017. memory_test
// checks how much.
TEST(ThreatTest, M1_InputAndOutputAreLimited) {
  ServerConfig config = Everything();
  config.max_recipients = 3;
  config.max_errors = 2;
  std::string rcpts;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&rcpts, "RCPT TO:<u@d>\r\n");
  const Outcome outcome =
      Send(config, {absl::StrCat(kHello, "MAIL FROM:<s@x>\r\n", rcpts)});
  EXPECT_EQ(outcome.asks.size(), 3u + 3);
  EXPECT_TRUE(absl::EndsWith(Codes(outcome), " 452 452 452"));
  // Too many errors end a session, and unread replies stop it from reading.
  EXPECT_EQ(Codes(Send(config, {"x\r\nx\r\nx\r\nx\r\n"})), "220 500 500 421");
  config.max_output = 4096;
  ServerSession session(config);
  ASSERT_TRUE(
      session.Complete(session.Advance("").ask->id, Verdict::Accept()).ok());
  std::string noops;
  for (int i = 0; i < 1000; ++i) noops += "NOOP\r\n";
  const Step step = session.Advance(noops);
  EXPECT_EQ(step.kind, Step::Kind::kNeedFlush);
  EXPECT_LT(step.consumed, noops.size() / 2);
  EXPECT_LT(session.Output().size(), config.max_output + 512);
}

// Single octets, sent slowly, in a command and in content.
TEST(ThreatTest, M2_SlowOctetsDoNotExtendTheTimeout) {
  const std::string places[] = {
      "", absl::StrCat(kHello, "AUTH PLAIN\r\n"),
      absl::StrCat(kToRcpt, "DATA\r\n"), absl::StrCat(kToRcpt, "BDAT 4000\r\n"),
      absl::StrCat(kHello, "BDAT 4000\r\n")};  // a discarded chunk
  for (const std::string& place : places) {
    SCOPED_TRACE(place);
    ServerConfig config = Everything();
    config.command_timeout = absl::Seconds(300);
    config.data_timeout = absl::Seconds(200);
    ServerSession session(config);
    std::string in = place;
    Step step = session.Advance(in);
    const auto run = [&] {
      while (step.kind == Step::Kind::kAsk) {
        const bool auth = std::holds_alternative<AuthBegin>(step.ask->what);
        const RequestId id = step.ask->id;
        ASSERT_TRUE((auth ? session.CompleteAuth(id, AuthChallenge{})
                          : session.Complete(id, Verdict::Accept()))
                        .ok());
        in.erase(0, step.consumed);
        step = session.Advance(in);
      }
      in.erase(0, step.consumed);
    };
    run();
    const uint64_t progress = session.progress();
    const bool content = absl::StrContains(place, "DAT");
    for (int i = 0; i < 3000; ++i) {
      in += 'x';
      step = session.Advance(in);
      in.erase(0, step.consumed);
      ASSERT_EQ(session.progress(), progress);
      ASSERT_EQ(session.ReadTimeout(),
                content ? config.data_timeout : config.command_timeout);
    }
    session.OutputWritten(session.Output().size());
    session.TimedOut();
    EXPECT_TRUE(absl::StartsWith(session.Output(), "421 4.4.2 "));
  }
}

TEST(ThreatTest, M3_LoopingMessageIsRefused) {
  for (absl::string_view hop : {"Received: x\r\n", "Delivered-To: x\r\n"}) {
    std::string header;
    for (int i = 0; i < 99; ++i) absl::StrAppend(&header, hop);
    for (bool looping : {false, true}) {
      if (looping) absl::StrAppend(&header, hop);
      EXPECT_EQ(
          Codes(Send(Everything(),
                     {absl::StrCat(kToRcpt, "DATA\r\n", header, ".\r\n")})),
          looping ? "220 250 250 250 354 554" : "220 250 250 250 354 250");
      EXPECT_EQ(Codes(Send(Everything(),
                           {absl::StrCat(kToRcpt, "BDAT ", header.size(),
                                         " LAST\r\n", header)})),
                looping ? "220 250 250 250 554" : "220 250 250 250 250");
    }
  }
}

// ---- F

// An incomplete message that is accepted when the connection breaks.
TEST(ThreatTest, F1_OnlyACompleteMessageIsAccepted) {
  for (absl::string_view content :
       {"DATA\r\na\r\n..b\r\n.\r\n", "BDAT 3\r\na\r\nBDAT 4 LAST\r\nb\r\n.",
        "BDAT 2\r\n\r\nBDAT 0 LAST\r\n"}) {
    const std::string wire = absl::StrCat(kToRcpt, content);
    for (WireEnd end : {WireEnd::kOpen, WireEnd::kEof, WireEnd::kTimedOut,
                        WireEnd::kShutdown}) {
      for (size_t n = 0; n <= wire.size(); ++n) {
        SCOPED_TRACE(
            absl::StrCat(wire.substr(0, n), " end ", static_cast<int>(end)));
        const Outcome outcome =
            Replay(Everything(), {wire.substr(0, n)}, end,
                   {.cuts = {n % 3 == 0 ? 1 : kWhole}}, Obliging);
        EXPECT_EQ(outcome.messages.size(), n == wire.size() ? 1u : 0u);
        EXPECT_EQ(Asked(outcome, "body-end"), n == wire.size());
      }
    }
  }
}

}  // namespace
}  // namespace postern
