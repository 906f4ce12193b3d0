// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/client_session.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Kind = ClientStep::Kind;

constexpr size_t kWhole = std::string::npos;

// What the server waits for, and what it then sends.
struct Turn {
  std::string client;
  std::string server;
};

using Act = std::function<void(ClientSession&)>;

// The script of a session. An act runs when the line of its name is logged.
struct Play {
  std::vector<Turn> turns;
  std::vector<std::pair<std::string, Act>> acts;
  std::vector<std::string> content = {};  // one slice for each LendBody()
  bool lmtp = false;
  bool eof = false;  // after the last turn
  bool allow_helo = true;
};

// Runs a Play, with `cut` server bytes in each Advance() and `written` bytes in
// each write. Returns its log: "1 250" for a reply, "4 skipped", "closed quit",
// "idle", "waits".
class Player {
 public:
  Player(const Play& play, size_t cut, size_t written)
      : play_(play), cut_(cut), written_(written) {
    config_.host_name = "c";
    config_.lmtp = play.lmtp;
    config_.allow_helo = play.allow_helo;
    session_.emplace(config_);
  }

  std::vector<std::string> Go() {
    Log("start");
    Take("");
    while (true) {
      Drain();
      const std::vector<char> block(in_.begin(), in_.end());
      const ClientStep step =
          session_->Advance(absl::string_view(block.data(), block.size()));
      in_.erase(0, step.consumed);
      const uint64_t id = static_cast<uint64_t>(step.command);
      switch (step.kind) {
        case Kind::kReply:
          Log(absl::StrCat(id, " ", step.reply->code));
          break;
        case Kind::kSkipped:
          Log(absl::StrCat(id, " skipped"));
          break;
        case Kind::kChallenge:
          Log(absl::StrCat(id, " challenge ", step.challenge));
          break;
        case Kind::kStartTls:
          EXPECT_TRUE(in_.empty());
          Log(absl::StrCat(id, " starttls"));
          break;
        case Kind::kBodyWanted:
          Lend();
          break;
        case Kind::kNeedFlush:
          EXPECT_FALSE(session_->Output().empty());
          break;
        case Kind::kIdle:
        case Kind::kNeedInput:
          if (!session_->Output().empty() || Feed()) break;
          if (play_.eof && !ended_) {
            ended_ = true;
            session_->EndOfInput();
            break;
          }
          EXPECT_EQ(turn_, play_.turns.size()) << "sent: " << sent_;
          Log(step.kind == Kind::kIdle ? "idle" : "waits");
          return log_;
        case Kind::kClosed:
          EXPECT_TRUE(session_->Output().empty());
          Log(absl::StrCat("closed ", ClientCloseName(step.reason)));
          return log_;
      }
      if (testing::Test::HasFailure()) return log_;
    }
  }

 private:
  void Log(const std::string& line) {
    if (line != "start") log_.push_back(line);
    for (const auto& [when, act] : play_.acts) {
      if (when == line) act(*session_);
    }
  }

  void Drain() {
    while (!session_->Output().empty()) {
      const std::string piece(session_->Output().substr(0, written_));
      session_->OutputWritten(piece.size());
      Take(piece);
    }
  }

  // The server reads. It sends its next replies when it has received all that
  // it waits for. Then the client must have nothing more to send.
  void Take(const std::string& bytes) {
    sent_ += bytes;
    if (turn_ == play_.turns.size()) {
      EXPECT_EQ(sent_, "");
      return;
    }
    const Turn& turn = play_.turns[turn_];
    ASSERT_TRUE(absl::StartsWith(turn.client, sent_))
        << sent_ << " for " << turn.client;
    if (sent_ != turn.client) return;
    EXPECT_EQ(session_->Output(), "") << "after " << sent_;
    sent_.clear();
    wire_ += turn.server;
    ++turn_;
  }

  bool Feed() {
    const size_t n = std::min(cut_, wire_.size());
    in_ += wire_.substr(0, n);
    wire_.erase(0, n);
    return n > 0;
  }

  void Lend() {
    if (slice_ == play_.content.size()) {
      ASSERT_TRUE(session_->EndBody().ok());
      return;
    }
    // Frees what was lent before.
    const std::string& slice = play_.content[slice_++];
    lent_ = std::make_unique<std::vector<char>>(slice.begin(), slice.end());
    (void)session_->LendBody(  // a refusal closes the session
        absl::string_view(lent_->data(), lent_->size()));
  }

  const Play& play_;
  const size_t cut_;
  const size_t written_;
  ClientConfig config_;
  std::optional<ClientSession> session_;
  size_t turn_ = 0;
  std::string sent_;  // sent to the server in this turn
  std::string wire_;  // sent by the server, and not read
  std::string in_;    // read, and not consumed
  bool ended_ = false;
  size_t slice_ = 0;
  std::unique_ptr<std::vector<char>> lent_;
  std::vector<std::string> log_;
};

// Expects `log` for `play` however the bytes are split in both directions.
void Expect(const Play& play, const std::vector<std::string>& log) {
  size_t size = 1;
  for (const Turn& turn : play.turns) size += turn.server.size();
  for (size_t written : {kWhole, size_t{1}, size_t{5}}) {
    for (size_t cut = 1; cut <= size; ++cut) {
      SCOPED_TRACE(absl::StrCat("cut ", cut, ", written ", written));
      ASSERT_EQ(Player(play, cut, written).Go(), log);
      if (testing::Test::HasFailure()) return;
    }
  }
}

const Path kFrom{"s", "x"};

void GiveGreet(ClientSession& session) { session.Greet(); }
void GiveMail(ClientSession& session) {
  ASSERT_TRUE(session.Send(Mail{kFrom}).ok());
}
void GiveRcpt(ClientSession& session, const std::string& user) {
  ASSERT_TRUE(session.Send(Rcpt{{}, {user, "d"}}).ok());
}
void GiveBdat(ClientSession& session) {
  ASSERT_TRUE(session.BeginBody(BodyCommand::kBdat).ok());
}

// Ids 1 to 5.
void OneMail(ClientSession& session) {
  GiveGreet(session);
  GiveMail(session);
  GiveRcpt(session, "u");
  ASSERT_TRUE(session.BeginBody().ok());
  session.Quit();
}
// Ids 1 to 7.
void ThreeRecipients(ClientSession& session) {
  GiveGreet(session);
  GiveMail(session);
  for (const char* user : {"u", "v", "w"}) GiveRcpt(session, user);
  ASSERT_TRUE(session.BeginBody().ok());
  session.Quit();
}

const std::string kMailLine = "MAIL FROM:<s@x>\r\n";
const std::string kGroup =
    "MAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nRCPT TO:<v@d>\r\nRCPT TO:<w@d>\r\n"
    "DATA\r\n";
const std::string kPipelining = "250-mx\r\n250 PIPELINING\r\n";

TEST(ClientSessionTest, SendsOneCommandAtATime) {
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", "250-mx\r\n250 SIZE 100\r\n"},
           {kMailLine, "250 2.1.0 ok\r\n"},
           {"RCPT TO:<u@d>\r\n", "250 ok\r\n"},
           {"DATA\r\n", "354 go\r\n"},
           {"hi\r\n..\r\n.\r\n", "250-a\r\n250 b\r\n"},
           {"QUIT\r\n", "221 bye\r\n"}},
          {{"start", OneMail}},
          {"hi\r\n.\r\n"}},
         {"0 220", "1 250", "2 250", "3 250", "4 250", "5 221", "closed quit"});
}

TEST(ClientSessionTest, SendsGroupsWithPipelining) {
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", kPipelining},
           {kGroup, "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n"},
           {"a\r\n..b\r\n.\r\nQUIT\r\n", "250 ok\r\n221 bye\r\n"}},
          {{"start", ThreeRecipients}},
          {"a\r", "\n", "", ".b"}},
         {"0 220", "1 250", "2 250", "3 250", "4 550", "5 250", "6 250",
          "7 221", "closed quit"});
}

TEST(ClientSessionTest, FallsBackToHelo) {
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", "502 5.5.1 what?\r\n"},
           {"HELO c\r\n", "250-PIPELINING\r\n250 PIPELINING\r\n"},
           {kMailLine, "250 ok\r\n"},  // HELO offers nothing
           {"RCPT TO:<u@d>\r\n", "250 ok\r\n"},
           {"DATA\r\n", "354 go\r\n"},
           {".\r\n", "250 ok\r\n"},
           {"QUIT\r\n", "221 bye\r\n"}},
          {{"start", OneMail}}},
         {"0 220", "1 250", "2 250", "3 250", "4 250", "5 221", "closed quit"});
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", "450 later\r\n"},
           {"QUIT\r\n", "221 bye\r\n"}},
          {{"start", OneMail}}},
         {"0 220", "1 450", "2 skipped", "3 skipped", "4 skipped", "5 221",
          "closed quit"});
}

TEST(ClientSessionTest, FallsBackToHeloOnlyIfAllowed) {
  Play play{{{"", "220 mx\r\n"},
             {"EHLO c\r\n", "502 5.5.1 what?\r\n"},
             {"QUIT\r\n", "221 bye\r\n"}},
            {{"start", OneMail}}};
  play.allow_helo = false;
  Expect(play, {"0 220", "1 502", "2 skipped", "3 skipped", "4 skipped",
                "5 221", "closed quit"});
}

const std::string kOffersClient =
    "250-mx\r\n250-PIPELINING\r\n250-XFORWARD ADDR\r\n"
    "250-SMTPUTF8\r\n250 XCLIENT ADDR LOGIN\r\n";
const std::string kXClientLine =
    "XCLIENT ADDR=192.0.2.1 LOGIN=[UNAVAILABLE]\r\n";

ProxiedClient Client() {
  ProxiedClient client;
  client.client.address = XClientValue<std::optional<IpAddress>>{
      .value = IpAddress::Parse("192.0.2.1")};
  return client;
}

// Ids 2 to 7.
void OneMailOfAnotherClient(ClientSession& session) {
  ASSERT_TRUE(session.NameClient(Client()).ok());
  // What was offered is not settled before the next Greet().
  EXPECT_FALSE(session.NameClient(Client()).ok());
  EXPECT_FALSE(session.Send(Mail{{"s", "x"}, {.smtp_utf8 = true}}).ok());
  session.GreetFor(Client());
  GiveMail(session);
  GiveRcpt(session, "u");
  ASSERT_TRUE(session.BeginBody().ok());
  session.Quit();
}

TEST(ClientSessionTest, RestartsForAnotherClient) {
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", kOffersClient},
           {kXClientLine, "220 mx for you\r\n"},
           {"EHLO [192.0.2.1]\r\n", "250 mx\r\n"},
           {kMailLine, "250 ok\r\n"},  // without PIPELINING
           {"RCPT TO:<u@d>\r\n", "250 ok\r\n"},
           {"DATA\r\n", "354 go\r\n"},
           {".\r\n", "250 ok\r\n"},
           {"QUIT\r\n", "221 bye\r\n"}},
          {{"start", GiveGreet}, {"1 250", OneMailOfAnotherClient}}},
         {"0 220", "1 250", "2 220", "3 250", "4 250", "5 250", "6 250",
          "7 221", "closed quit"});
}

// The mail would have the rights of this host.
TEST(ClientSessionTest, SendsNothingAsItselfAfterARefusedXClient) {
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", kOffersClient},
           {kXClientLine, "550 5.7.0 insufficient authorization\r\n"},
           {"QUIT\r\n", "221 bye\r\n"}},
          {{"start", GiveGreet}, {"1 250", OneMailOfAnotherClient}}},
         {"0 220", "1 250", "2 550", "3 skipped", "4 skipped", "5 skipped",
          "6 skipped", "7 221", "closed quit"});
}

TEST(ClientSessionTest, DescribesTheClientOfAMail) {
  const auto give = [](ClientSession& session) {
    ASSERT_TRUE(session.DescribeClient(Client()).ok());
    GiveMail(session);
    GiveRcpt(session, "u");
  };
  for (const std::string reply : {"250 ok", "501 what?", "421 later"}) {
    const bool ends = reply[0] == '4';
    Play play{{{"", "220 mx\r\n"},
               {"EHLO c\r\n", kOffersClient},
               {"XFORWARD ADDR=192.0.2.1\r\nMAIL FROM:<s@x>\r\n"
                "RCPT TO:<u@d>\r\n",
                reply + "\r\n250 ok\r\n250 ok\r\n"}},
              {{"start", GiveGreet}, {"1 250", give}}};
    std::vector<std::string> log = {"0 220", "1 250",
                                    "2 " + reply.substr(0, 3)};
    if (ends) {
      log.push_back("closed shutdown");
    } else {
      log.insert(log.end(), {"3 250", "4 250", "idle"});
    }
    Expect(play, log);
  }
}

TEST(ClientSessionTest, NamesNoClientThatTheServerDoesNotOfferToTake) {
  Expect({{{"", "220 mx\r\n"}, {"EHLO c\r\n", "250 mx\r\n"}},
          {{"start",
            [](ClientSession& session) {
              EXPECT_FALSE(session.NameClient(Client()).ok());
              GiveGreet(session);
            }},
           {"1 250",
            [](ClientSession& session) {
              EXPECT_TRUE(absl::IsFailedPrecondition(
                  session.NameClient(Client()).status()));
              EXPECT_TRUE(absl::IsFailedPrecondition(
                  session.DescribeClient(Client()).status()));
            }}}},
         {"0 220", "1 250", "idle"});
}

TEST(ClientSessionTest, SendsOnlyQuitAfterARefusedGreeting) {
  Expect(
      {{{"", "554 no\r\n"}, {"QUIT\r\n", "221 bye\r\n"}}, {{"start", OneMail}}},
      {"0 554", "1 skipped", "2 skipped", "3 skipped", "4 skipped", "5 221",
       "closed quit"});
}

TEST(ClientSessionTest, SkipsCommandsThatCanOnlyFail) {
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", "250 mx\r\n"},
           {kMailLine, "550 no\r\n"},
           {"QUIT\r\n", "221 bye\r\n"}},
          {{"start", OneMail}}},
         {"0 220", "1 250", "2 550", "3 skipped", "4 skipped", "5 221",
          "closed quit"});
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", "250 mx\r\n"},
           {kMailLine, "250 ok\r\n"},
           {"RCPT TO:<u@d>\r\n", "450 no\r\n"},
           {"QUIT\r\n", "221 bye\r\n"}},
          {{"start", OneMail}}},
         {"0 220", "1 250", "2 250", "3 450", "4 skipped", "5 221",
          "closed quit"});
}

// RFC 2920 3.1
TEST(ClientSessionTest, SendsAnEmptyMessageWithoutRecipients) {
  Play play{{{"", "220 mx\r\n"},
             {"EHLO c\r\n", kPipelining},
             {kGroup, "250 ok\r\n550 no\r\n550 no\r\n550 no\r\n354 go\r\n"},
             {".\r\n", "250 queued\r\n"},
             {"QUIT\r\n", "221 bye\r\n"}},
            {{"start", ThreeRecipients}},
            {"never sent\r\n"}};
  const std::vector<std::string> log = {"0 220",     "1 250", "2 250",
                                        "3 550",     "4 550", "5 550",
                                        "6 skipped", "7 221", "closed quit"};
  Expect(play, log);
  play.turns[3].server = "554 no recipients\r\n";
  Expect(play, log);
  // RFC 2033 4.2: LMTP has no reply then.
  play.lmtp = true;
  play.turns[1].client = "LHLO c\r\n";
  play.turns[3].client = ".\r\nQUIT\r\n";
  play.turns[3].server = "221 bye\r\n";
  play.turns.pop_back();
  Expect(play, log);
}

TEST(ClientSessionTest, AcceptsARefusedDataWithoutRecipients) {
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", kPipelining},
           {kGroup, "250 ok\r\n550 no\r\n550 no\r\n550 no\r\n503 who?\r\n"},
           {"QUIT\r\n", "221 bye\r\n"}},
          {{"start", ThreeRecipients}}},
         {"0 220", "1 250", "2 250", "3 550", "4 550", "5 550", "6 503",
          "7 221", "closed quit"});
}

TEST(ClientSessionTest, SendsSeveralMails) {
  const auto two = [](ClientSession& session) {
    GiveGreet(session);
    for (int i = 0; i < 2; ++i) {
      GiveMail(session);
      GiveRcpt(session, "u");
      ASSERT_TRUE(session.BeginBody().ok());
    }
    session.Reset();
  };
  const std::string group = kMailLine + "RCPT TO:<u@d>\r\nDATA\r\n";
  Expect({{{"", "220 mx\r\n"},
           {"EHLO c\r\n", kPipelining},
           {group, "250 ok\r\n250 ok\r\n354 go\r\n"},
           {"hi\r\n.\r\n" + group, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
           {".\r\nRSET\r\n", "452 full\r\n250 ok\r\n"}},
          {{"start", two}},
          {"hi"}},
         {"0 220", "1 250", "2 250", "3 250", "4 250", "5 250", "6 250",
          "7 452", "8 250", "idle"});
}

TEST(ClientSessionTest, LimitsPipelinedCommands) {
  ClientConfig config{.host_name = "c", .max_pipelined = 3};
  ClientSession session(config);
  (void)session.Advance("220 mx\r\n");
  session.Greet();
  session.OutputWritten(session.Output().size());
  (void)session.Advance(kPipelining);
  for (int i = 0; i < 5; ++i) session.Reset();
  EXPECT_EQ(session.Output(), "RSET\r\nRSET\r\nRSET\r\n");
  session.OutputWritten(session.Output().size());
  EXPECT_EQ(session.Advance("250 ok\r\n").kind, Kind::kReply);
  EXPECT_EQ(session.Advance("").kind, Kind::kNeedInput);
  EXPECT_EQ(session.Output(), "RSET\r\n");
}

TEST(ClientSessionTest, GetsAReplyForEachRecipientInLmtp) {
  const std::string mails = "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n";
  Play play{{{"", "220 mx\r\n"},
             {"LHLO c\r\n", kPipelining},
             {kGroup, mails + "354 go\r\n"},
             {"hi\r\n.\r\nQUIT\r\n", "250 ok\r\n452 full\r\n221 bye\r\n"}},
            {{"start", ThreeRecipients}},
            {"hi\r\n"},
            /*lmtp=*/true};
  Expect(play, {"0 220", "1 250", "2 250", "3 250", "4 550", "5 250", "3 250",
                "5 452", "7 221", "closed quit"});
  play.turns[3].server = "250 ok\r\n421 bye\r\n";
  Expect(play, {"0 220", "1 250", "2 250", "3 250", "4 550", "5 250", "3 250",
                "5 421", "closed shutdown"});
  play.turns[2].server = mails + "451 later\r\n";
  play.turns[3] = {"QUIT\r\n", "221 bye\r\n"};
  Expect(play, {"0 220", "1 250", "2 250", "3 250", "4 550", "5 250", "6 451",
                "7 221", "closed quit"});
  // RFC 2033 4.1: LMTP has no HELO.
  play.turns = {{"", "220 mx\r\n"},
                {"LHLO c\r\n", "500 what?\r\n"},
                {"QUIT\r\n", "221 bye\r\n"}};
  Expect(play, {"0 220", "1 500", "2 skipped", "3 skipped", "4 skipped",
                "5 skipped", "6 skipped", "7 221", "closed quit"});
}

// Ids 1 to 5, with BDAT.
const std::vector<std::pair<std::string, Act>> kChunkedMail = {
    {"start", GiveGreet}, {"1 250", [](ClientSession& session) {
                             GiveMail(session);
                             GiveRcpt(session, "u");
                             GiveBdat(session);
                             session.Quit();
                           }}};
const std::string kChunking = "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n";
const std::string kShortGroup = kMailLine + "RCPT TO:<u@d>\r\n";

TEST(ClientSessionTest, SendsChunksUnchanged) {
  const std::string bytes("\0\n.\r.\n", 6);
  Play play{{{"", "220 mx\r\n"},
             {"EHLO c\r\n", kChunking},
             {kShortGroup, "250 ok\r\n250 ok\r\n"},
             {absl::StrCat("BDAT 6\r\n", bytes,
                           "BDAT 3\r\n.\r\nBDAT 0 LAST\r\nQUIT\r\n"),
              "250 ok\r\n250 ok\r\n250 queued\r\n221 bye\r\n"}},
            kChunkedMail,
            {bytes, ".\r\n"}};
  const std::vector<std::string> log = {"0 220", "1 250", "2 250",      "3 250",
                                        "4 250", "5 221", "closed quit"};
  Expect(play, log);
  // Without PIPELINING each chunk waits for the one before it.
  play.turns = {{"", "220 mx\r\n"},
                {"EHLO c\r\n", "250-mx\r\n250 CHUNKING\r\n"},
                {kMailLine, "250 ok\r\n"},
                {"RCPT TO:<u@d>\r\n", "250 ok\r\n"},
                {absl::StrCat("BDAT 6\r\n", bytes), "250 ok\r\n"},
                {"BDAT 3\r\n.\r\n", "250 ok\r\n"},
                {"BDAT 0 LAST\r\n", "250 queued\r\n"},
                {"QUIT\r\n", "221 bye\r\n"}};
  Expect(play, log);
  play.content.clear();
  play.turns.erase(play.turns.begin() + 4, play.turns.begin() + 6);
  Expect(play, log);
}

// Without PIPELINING, the LAST is sent after the reply to the chunk before it.
TEST(ClientSessionTest, LastChunkWaitsForTheReplyToTheOneBefore) {
  const ClientConfig config{.host_name = "c"};
  ClientSession session(config);
  session.Greet();
  for (absl::string_view reply :
       {"220 mx\r\n", "250-mx\r\n250 CHUNKING\r\n", "250 ok\r\n"}) {
    (void)session.Advance(reply);
    if (session.offers("CHUNKING") && session.idle()) {
      GiveMail(session);
      GiveRcpt(session, "u");
      GiveBdat(session);
    }
    session.OutputWritten(session.Output().size());
  }
  EXPECT_EQ(session.Advance("250 ok\r\n").kind, Kind::kReply);
  EXPECT_EQ(session.Advance("").kind, Kind::kBodyWanted);
  ASSERT_TRUE(session.LendBody("a").ok());
  ASSERT_TRUE(session.EndBody().ok());
  session.OutputWritten(8);
  session.OutputWritten(1);
  EXPECT_EQ(session.Output(), "");
  EXPECT_EQ(session.Advance("250 ok\r\n").kind, Kind::kNeedFlush);
  EXPECT_EQ(session.Output(), "BDAT 0 LAST\r\n");
}

TEST(ClientSessionTest, StopsAfterARefusedChunk) {
  Play play{{{"", "220 mx\r\n"},
             {"EHLO c\r\n", "250-mx\r\n250 CHUNKING\r\n"},
             {kMailLine, "250 ok\r\n"},
             {"RCPT TO:<u@d>\r\n", "250 ok\r\n"},
             {"BDAT 1\r\na", "250 ok\r\n"},
             {"BDAT 1\r\nb", "452 full\r\n"},
             {"QUIT\r\n", "221 bye\r\n"}},
            kChunkedMail,
            {"a", "b", "c"}};
  const std::vector<std::string> log = {"0 220", "1 250", "2 250",      "3 250",
                                        "4 452", "5 221", "closed quit"};
  Expect(play, log);
  // The chunks that were already sent get replies, too, which do not matter.
  play.turns = {{"", "220 mx\r\n"},
                {"EHLO c\r\n", kChunking},
                {kShortGroup, "250 ok\r\n250 ok\r\n"},
                {"BDAT 1\r\naBDAT 1\r\nbBDAT 1\r\ncBDAT 0 LAST\r\nQUIT\r\n",
                 "250 ok\r\n452 full\r\n503 bad\r\n250 ok\r\n221 bye\r\n"}};
  Expect(play, log);
  // In LMTP the number of replies to a LAST would be unknown.
  play.lmtp = true;
  play.turns = {{"", "220 mx\r\n"},
                {"LHLO c\r\n", kChunking},
                {kShortGroup, "250 ok\r\n250 ok\r\n"},
                {"BDAT 1\r\naBDAT 1\r\nbBDAT 1\r\nc",
                 "250 ok\r\n452 full\r\n503 bad\r\n"},
                {"QUIT\r\n", "221 bye\r\n"}};
  Expect(play, log);
  play.turns[3].server = "250 ok\r\n250 ok\r\n250 ok\r\n";
  play.turns[4] = {"BDAT 0 LAST\r\nQUIT\r\n", "450 u\r\n221 bye\r\n"};
  Expect(play,
         {"0 220", "1 250", "2 250", "3 250", "3 450", "5 221", "closed quit"});
}

TEST(ClientSessionTest, Authenticates) {
  const auto auth = [](absl::string_view mechanism,
                       std::optional<absl::string_view> initial) {
    return [=](ClientSession& session) {
      ASSERT_TRUE(session.Auth(mechanism, initial).ok());
      GiveMail(session);
    };
  };
  const auto respond = [](absl::string_view bytes) {
    return [=](ClientSession& session) {
      ASSERT_TRUE(session.AuthRespond(bytes).ok());
    };
  };
  const Turn hello = {"EHLO c\r\n",
                      "250-mx\r\n250 AUTH PLAIN LOGIN EXTERNAL\r\n"};
  const Turn greeting = {"", "220 mx\r\n"};
  const Turn mail = {kMailLine, "250 ok\r\n"};
  const std::string long_name(400, 'x');
  struct Row {
    std::vector<Turn> turns;
    std::vector<std::pair<std::string, Act>> acts;
    std::vector<std::string> log;
  };
  const Row rows[] = {
      {{{"AUTH PLAIN AHUAcA==\r\n", "235 ok\r\n"}, mail},
       {{"1 250", auth("PLAIN", absl::string_view("\0u\0p", 4))}},
       {"2 235", "3 250", "idle"}},
      {{{"AUTH EXTERNAL =\r\n", "235 ok\r\n"}, mail},
       {{"1 250", auth("EXTERNAL", "")}},
       {"2 235", "3 250", "idle"}},
      {{{"AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"},
        {"dQ==\r\n", "334 UGFzc3dvcmQ6\r\n"},
        {"\r\n", "535 5.7.8 no\r\n"}},
       {{"1 250", auth("LOGIN", {})},
        {"2 challenge Username:", respond("u")},
        {"2 challenge Password:", respond("")}},
       // MAIL was meant to be sent with authentication.
       {"2 challenge Username:", "2 challenge Password:", "2 535", "3 skipped",
        "idle"}},
      {{{"AUTH PLAIN\r\n", "334 \r\n"}, {"*\r\n", "501 ok\r\n"}},
       {{"1 250", auth("PLAIN", {})},
        {"2 challenge ",
         [](ClientSession& session) {
           ASSERT_TRUE(session.AuthCancel().ok());
         }}},
       {"2 challenge ", "2 501", "3 skipped", "idle"}},
      // Invalid base64, and a server that continues after it.
      {{{"AUTH PLAIN\r\n", "334 !!\r\n"}, {"*\r\n", "501 ok\r\n"}},
       {{"1 250", auth("PLAIN", {})}},
       {"2 501", "3 skipped", "idle"}},
      {{{"AUTH PLAIN\r\n", "334 !!\r\n"}, {"*\r\n", "334 !!\r\n"}},
       {{"1 250", auth("PLAIN", {})}},
       {"closed protocol"}},
      // RFC 4954 4: too long for the line, so it answers the first challenge.
      {{{"AUTH PLAIN\r\n", "334\r\n"},
        {absl::StrCat(absl::Base64Escape(long_name), "\r\n"), "235 ok\r\n"},
        mail},
       {{"1 250", auth("PLAIN", long_name)}},
       {"2 235", "3 250", "idle"}},
  };
  for (const Row& row : rows) {
    Play play{{greeting, hello}, {{"start", GiveGreet}}};
    play.turns.insert(play.turns.end(), row.turns.begin(), row.turns.end());
    play.acts.insert(play.acts.end(), row.acts.begin(), row.acts.end());
    std::vector<std::string> log = {"0 220", "1 250"};
    log.insert(log.end(), row.log.begin(), row.log.end());
    Expect(play, log);
  }
}

// Ids 1 to 4. `behind` are the turns after STARTTLS.
Play TlsPlay(const std::string& reply, const std::vector<Turn>& behind) {
  Play play{{{"", "220 mx\r\n"},
             {"EHLO c\r\n", "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"},
             {"STARTTLS\r\n", reply}},
            {{"start", GiveGreet},
             {"1 250",
              [](ClientSession& session) {
                EXPECT_TRUE(session.offers("starttls"));
                ASSERT_TRUE(session.StartTls().ok());
                GiveGreet(session);
                GiveMail(session);
              }},
             {"2 starttls",
              [](ClientSession& session) {
                session.TlsStarted();
                EXPECT_FALSE(session.offers("PIPELINING"));
                EXPECT_FALSE(session.StartTls().ok());
              }},
             {"3 250", [](ClientSession& session) {
                EXPECT_TRUE(session.offers("STARTTLS"));
                EXPECT_FALSE(session.StartTls().ok());  // only once
              }}}};
  play.turns.insert(play.turns.end(), behind.begin(), behind.end());
  return play;
}

TEST(ClientSessionTest, StartsTls) {
  Expect(TlsPlay("220 go\r\n", {{"EHLO c\r\n", "250-x\r\n250 STARTTLS\r\n"},
                                {kMailLine, "250 ok\r\n"}}),
         {"0 220", "1 250", "2 starttls", "3 250", "4 250", "idle"});
  // What was meant to be sent under TLS is not sent without it.
  Expect(TlsPlay("454 no\r\n", {}),
         {"0 220", "1 250", "2 454", "3 skipped", "4 skipped", "idle"});
  Expect(TlsPlay("250 ok\r\n", {}), {"0 220", "1 250", "closed protocol"});
}

// An attacker on the path sends a reply before TLS, to be taken for the
// server's reply to the first command under TLS. If it is not read together
// with the 220, it is never passed to the session.
TEST(ClientSessionTest, RefusesPlaintextAfterTheReplyToStartTls) {
  for (absl::string_view injected : {"250 x\r\n", "2", "\r"}) {
    const Play play = TlsPlay("", {});
    ClientConfig config{.host_name = "c"};
    for (const bool later : {false, true}) {
      ClientSession session(config);
      (void)session.Advance(play.turns[0].server);
      session.Greet();
      session.OutputWritten(session.Output().size());
      (void)session.Advance(play.turns[1].server);
      ASSERT_TRUE(session.StartTls().ok());
      session.OutputWritten(session.Output().size());
      if (later) {
        EXPECT_EQ(session.Advance("220 go\r\n").kind, Kind::kStartTls);
      }
      const ClientStep step =
          session.Advance(absl::StrCat(later ? "" : "220 go\r\n", injected));
      EXPECT_EQ(step.kind, Kind::kClosed);
      EXPECT_EQ(step.reason, ClientClose::kAbuse);
    }
  }
}

TEST(ClientSessionTest, ClosesOnA421AtAnyTime) {
  const std::vector<Turn> turns = {
      {"", "220 mx\r\n"},          {"EHLO c\r\n", "250 mx\r\n"},
      {kMailLine, "250 ok\r\n"},   {"RCPT TO:<u@d>\r\n", "250 ok\r\n"},
      {"DATA\r\n", "354 go\r\n"},  {"hi\r\n.\r\n", "250 ok\r\n"},
      {"QUIT\r\n", "221 bye\r\n"},
  };
  std::vector<std::string> log;
  for (size_t i = 0; i < turns.size(); ++i) {
    Play play{{turns.begin(), turns.begin() + i + 1},
              {{"start", OneMail}},
              {"hi\r\n"}};
    play.turns[i].server = "421 4.3.2 bye\r\n";
    const std::string id = absl::StrCat(i > 4 ? i - 1 : i);
    std::vector<std::string> want = log;
    want.insert(want.end(), {id + " 421", "closed shutdown"});
    Expect(play, want);
    if (i != 4) log.push_back(id + " " + turns[i].server.substr(0, 3));
  }
  Expect({{{"", "220 mx\r\n421 bye\r\n"}}, {}},
         {"0 220", "0 421", "closed shutdown"});
}

TEST(ClientSessionTest, ClosesOnUnexpectedReplies) {
  const Turn greeting = {"", "220 mx\r\n"};
  const Turn hello = {"EHLO c\r\n", "250 mx\r\n"};
  const Turn mail = {kMailLine, "250 ok\r\n"};
  const Turn rcpt = {"RCPT TO:<u@d>\r\n", "250 ok\r\n"};
  const Turn data = {"DATA\r\n", "354 go\r\n"};
  struct Row {
    std::vector<Turn> turns;
    std::vector<std::string> log;  // without the last line
    absl::string_view reason;
  };
  const Row rows[] = {
      {{{"", "354 go\r\n"}}, {}, "protocol"},
      {{{"", "hello\r\n"}}, {}, "protocol"},
      {{{"", std::string(5000, '2')}}, {}, "abuse"},
      {{greeting, {"EHLO c\r\n", "334 x\r\n"}}, {"0 220"}, "protocol"},
      {{greeting, hello, {kMailLine, "354 go\r\n"}},
       {"0 220", "1 250"},
       "protocol"},
      {{greeting, hello, mail, rcpt, {"DATA\r\n", "250 ok\r\n"}},
       {"0 220", "1 250", "2 250", "3 250"},
       "protocol"},
      {{greeting, hello, mail, rcpt, data, {"hi\r\n.\r\n", "354 go\r\n"}},
       {"0 220", "1 250", "2 250", "3 250"},
       "protocol"},
      {{{"", "220 mx\r\n250 x\r\n"}}, {"0 220"}, "protocol"},
  };
  for (const Row& row : rows) {
    std::vector<std::string> log = row.log;
    log.push_back(absl::StrCat("closed ", row.reason));
    // An overlong reply is abuse before all of it has arrived.
    Play play{row.turns, {{"start", OneMail}}, {"hi\r\n"}};
    if (row.turns.size() == 1 && !row.log.empty()) play.acts.clear();
    EXPECT_EQ(Player(play, kWhole, kWhole).Go(), log);
    EXPECT_EQ(Player(play, 7, 3).Go(), log);
  }
}

// A server that replies early has not read the command.
TEST(ClientSessionTest, RefusesAReplyToACommandThatHasNotLeft) {
  const ClientConfig config{.host_name = "c"};
  for (const size_t written : {0, 7, 8}) {
    ClientSession session(config);
    OneMail(session);
    EXPECT_EQ(session.Advance("220 mx\r\n").kind, Kind::kReply);
    session.OutputWritten(written);
    const ClientStep step = session.Advance("250 mx\r\n");
    if (written == 8) {
      EXPECT_EQ(step.kind, Kind::kReply);
    } else {
      EXPECT_EQ(step.reason, ClientClose::kProtocol);
      EXPECT_EQ(session.Output(), "");
    }
  }
}

// A session after the 354.
class BodyTest : public testing::Test {
 protected:
  BodyTest() : session_(config_) {
    OneMail(session_);
    for (absl::string_view reply : {"220 mx\r\n", "250 mx\r\n", "250 ok\r\n",
                                    "250 ok\r\n", "354 go\r\n"}) {
      (void)session_.Advance(reply);
      TakeOutput();
    }
    EXPECT_EQ(session_.Advance("").kind, Kind::kBodyWanted);
  }

  std::string TakeOutput() {
    std::string out;
    while (!session_.Output().empty()) {
      absl::StrAppend(&out, session_.Output());
      session_.OutputWritten(session_.Output().size());
    }
    return out;
  }

  const ClientConfig config_{.host_name = "c"};
  ClientSession session_;
};

TEST_F(BodyTest, AcceptsNoReplyBeforeTheEndHasLeft) {
  ASSERT_TRUE(session_.LendBody("hi\r\n").ok());
  ASSERT_TRUE(session_.EndBody().ok());
  session_.OutputWritten(4);
  ASSERT_EQ(session_.Output(), ".\r\n");
  session_.OutputWritten(2);
  const ClientStep step = session_.Advance("250 queued\r\n");
  ASSERT_EQ(step.kind, Kind::kClosed);
  EXPECT_EQ(step.reason, ClientClose::kProtocol);
  EXPECT_EQ(session_.Output(), "");
}

TEST_F(BodyTest, ReportsARefusalBeforeTheEndAndCloses) {
  ASSERT_TRUE(session_.LendBody("hi\r\n").ok());
  const ClientStep step = session_.Advance("552 too much\r\n");
  ASSERT_EQ(step.kind, Kind::kReply);
  EXPECT_EQ(step.command, CommandId{4});
  EXPECT_EQ(step.reply->text, "too much");
  EXPECT_EQ(session_.Output(), "");
  EXPECT_EQ(session_.Advance("").reason, ClientClose::kProtocol);
}

TEST_F(BodyTest, ABareNewlineInContentClosesWithoutAnEnd) {
  ASSERT_TRUE(session_.LendBody("hi\r").ok());
  EXPECT_EQ(TakeOutput(), "hi");
  EXPECT_EQ(session_.Advance("").kind, Kind::kBodyWanted);
  EXPECT_TRUE(absl::IsInvalidArgument(session_.LendBody(".\n.\r\n")));
  EXPECT_EQ(TakeOutput(), "");
  EXPECT_EQ(session_.Advance("").reason, ClientClose::kContent);
  EXPECT_TRUE(absl::IsFailedPrecondition(session_.LendBody("x\r\n")));
  EXPECT_TRUE(absl::IsFailedPrecondition(session_.EndBody()));
}

TEST_F(BodyTest, ABareCrAtTheEndOfContentClosesWithoutAnEnd) {
  ASSERT_TRUE(session_.LendBody("hi\r").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(session_.EndBody()));
  EXPECT_EQ(TakeOutput(), "");
  EXPECT_EQ(session_.Advance("").reason, ClientClose::kContent);
}

TEST_F(BodyTest, TakesContentOnlyWhenItIsWanted) {
  ASSERT_TRUE(session_.LendBody("hi").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(session_.LendBody("ho")));
  EXPECT_EQ(session_.Advance("").kind, Kind::kNeedFlush);
  EXPECT_EQ(TakeOutput(), "hi");
  ASSERT_TRUE(session_.EndBody().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(session_.EndBody()));
  EXPECT_TRUE(absl::IsFailedPrecondition(session_.LendBody("ho")));
  EXPECT_EQ(TakeOutput(), "\r\n.\r\n");
  EXPECT_EQ(session_.Advance("").kind, Kind::kNeedInput);
}

// The caller owns the body: the pieces point into the lent bytes.
TEST_F(BodyTest, CopiesNoContent) {
  const std::string content = "a\r\n.b\r\n";
  ASSERT_TRUE(session_.LendBody(content).ok());
  EXPECT_EQ(session_.Output().data(), content.data());
  session_.OutputWritten(session_.Output().size());
  EXPECT_EQ(session_.Output().data(), content.data() + 3);
}

TEST_F(BodyTest, CountsBlocksOfContentAsProgress) {
  const std::string content(3 * config_.data_block, 'x');
  ASSERT_TRUE(session_.LendBody(content).ok());
  const uint64_t before = session_.progress();
  session_.OutputWritten(config_.data_block - 1);
  EXPECT_EQ(session_.progress(), before);
  session_.OutputWritten(1);
  EXPECT_EQ(session_.progress(), before + 1);
}

TEST(ClientSessionTest, RefusesWhatTheServerDoesNotOffer) {
  const ClientConfig config{.host_name = "c"};
  ClientSession session(config);
  (void)session.Advance("220 mx\r\n");
  const MailParameters size{.size = 5};
  const MailParameters body{.body = BodyType::k8BitMime};
  const auto nothing = [&] {
    EXPECT_TRUE(absl::IsFailedPrecondition(session.StartTls().status()));
    EXPECT_TRUE(absl::IsFailedPrecondition(
        session.Auth("PLAIN", std::nullopt).status()));
    for (const MailParameters& parameters : {size, body}) {
      EXPECT_TRUE(absl::IsFailedPrecondition(
          session.Send(Mail{kFrom, parameters}).status()));
    }
    EXPECT_TRUE(absl::IsFailedPrecondition(
        session.BeginBody(BodyCommand::kBdat).status()));
    EXPECT_TRUE(absl::IsFailedPrecondition(session.AuthRespond("")));
    EXPECT_TRUE(absl::IsFailedPrecondition(session.AuthCancel()));
    EXPECT_TRUE(absl::IsFailedPrecondition(session.LendBody("x\r\n")));
    EXPECT_TRUE(absl::IsFailedPrecondition(session.EndBody()));
  };
  nothing();
  session.Greet();
  session.OutputWritten(session.Output().size());
  nothing();
  (void)session.Advance(
      "250-mx\r\n250-SIZE\r\n250-8BITMIME\r\n250-STARTTLS\r\n250-CHUNKING\r\n"
      "250-PIPELINING\r\n250 AUTH PLAIN\r\n");
  EXPECT_TRUE(
      absl::IsFailedPrecondition(session.Auth("LOGIN", std::nullopt).status()));
  ASSERT_TRUE(session.Send(Mail{kFrom, size}).ok());
  ASSERT_TRUE(session.Send(Mail{kFrom, body}).ok());
  EXPECT_EQ(session.Output(),
            "MAIL FROM:<s@x> SIZE=5\r\nMAIL FROM:<s@x> BODY=8BITMIME\r\n");
  // While a Greet() is open, the offer is not known.
  session.Greet();
  nothing();
  session.TimedOut();
  nothing();
  EXPECT_TRUE(absl::IsFailedPrecondition(session.Send(Mail{kFrom}).status()));
  EXPECT_EQ(session.Output(), "");
}

TEST(ClientSessionTest, SendsUtf8OnlyWithSmtpUtf8) {
  const ClientConfig config{.host_name = "c"};
  ClientSession session(config);
  (void)session.Advance("220 mx\r\n");
  session.Greet();
  session.OutputWritten(session.Output().size());
  (void)session.Advance("250-mx\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n");
  const Path path{"\xc3\xa4", "d"};
  EXPECT_TRUE(absl::IsInvalidArgument(session.Send(Mail{path}).status()));
  ASSERT_TRUE(session.Send(Mail{kFrom}).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(session.Send(Rcpt{{}, path}).status()));
  session.Reset();
  ASSERT_TRUE(session.Send(Mail{path, {.smtp_utf8 = true}}).ok());
  ASSERT_TRUE(session.Send(Rcpt{{}, path}).ok());
  EXPECT_EQ(session.Output(),
            "MAIL FROM:<s@x>\r\nRSET\r\nMAIL FROM:<\xc3\xa4@d> SMTPUTF8\r\n"
            "RCPT TO:<\xc3\xa4@d>\r\n");
}

// RFC 3030 3
TEST(ClientSessionTest, SendsBinaryContentOnlyInChunks) {
  const ClientConfig config{.host_name = "c"};
  ClientSession session(config);
  (void)session.Advance("220 mx\r\n");
  session.Greet();
  session.OutputWritten(session.Output().size());
  (void)session.Advance("250-mx\r\n250-CHUNKING\r\n250 BINARYMIME\r\n");
  ASSERT_TRUE(session.Send(Mail{kFrom, {.body = BodyType::kBinaryMime}}).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(session.BeginBody().status()));
  EXPECT_TRUE(session.BeginBody(BodyCommand::kBdat).ok());
  ASSERT_TRUE(session.Send(Mail{kFrom}).ok());
  EXPECT_TRUE(session.BeginBody().ok());
}

TEST(ClientSessionTest, CallersCannotAddASecondCommand) {
  const ClientConfig config{.host_name = "c"};
  ClientSession session(config);
  (void)session.Advance("220 mx\r\n");
  session.Greet();
  session.OutputWritten(session.Output().size());
  (void)session.Advance("250-mx\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n");
  const Path path{"u", "d>\r\nRSET\r\n"};
  EXPECT_TRUE(absl::IsInvalidArgument(session.Send(Mail{path}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(session.Send(Rcpt{{}, path}).status()));
  for (absl::string_view mechanism : {"PLAIN\r\nRSET", "", "PLAIN x", "PLAI"}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(
        session.Auth(mechanism, std::nullopt).status()));
  }
  const std::string huge(12288, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(session.Auth("PLAIN", huge).status()));
  EXPECT_EQ(session.Output(), "");
  ASSERT_TRUE(session.Send(Mail{{"u \"v", "d"}}).ok());
  ASSERT_TRUE(session.Send(Mail{}).ok());
  ASSERT_TRUE(session.Send(Rcpt{{}, {"postmaster", ""}}).ok());
  EXPECT_EQ(session.Output(),
            "MAIL FROM:<\"u \\\"v\"@d>\r\nMAIL FROM:<>\r\n"
            "RCPT TO:<postmaster>\r\n");
}

TEST(ClientSessionTest, ClosesWhenTheServerIsGone) {
  Expect(
      {{{"", "220 mx\r\n"}, {"EHLO c\r\n", "250 mx\r\n250"}, {kMailLine, ""}},
       {{"start", OneMail}},
       {},
       false,
       /*eof=*/true},
      {"0 220", "1 250", "closed peer-gone"});
  Expect({{{"", "220 mx\r\n"}}, {}, {}, false, /*eof=*/true},
         {"0 220", "closed peer-gone"});
}

// RFC 5321 4.5.3.2
TEST(ClientSessionTest, ReadTimeoutDependsOnTheCommand) {
  const ClientConfig config{.host_name = "c"};
  ClientSession session(config);
  const auto minutes = [&] {
    return absl::ToInt64Minutes(session.ReadTimeout());
  };
  const auto feed = [&](absl::string_view in) {
    const uint64_t before = session.progress();
    session.OutputWritten(session.Output().size());
    const ClientStep step = session.Advance(in);
    EXPECT_EQ(session.progress(), before + 1) << in;
    return step.kind;
  };
  OneMail(session);
  EXPECT_EQ(minutes(), 5);
  (void)feed("220 mx\r\n");
  EXPECT_EQ(minutes(), 5);
  (void)feed("250 mx\r\n");
  EXPECT_EQ(minutes(), 5);
  (void)feed("250 ok\r\n");
  EXPECT_EQ(minutes(), 5);
  (void)feed("250 ok\r\n");
  EXPECT_EQ(minutes(), 2);
  EXPECT_EQ(feed("354 go\r\n"), Kind::kBodyWanted);
  EXPECT_EQ(minutes(), 3);
  const uint64_t before = session.progress();
  ASSERT_TRUE(session.EndBody().ok());
  EXPECT_EQ(session.progress(), before + 1);
  EXPECT_EQ(minutes(), 3);
  session.OutputWritten(3);
  EXPECT_EQ(minutes(), 10);
  session.TimedOut();
  const ClientStep step = session.Advance("250 ok\r\n");
  EXPECT_EQ(step.kind, Kind::kClosed);
  EXPECT_EQ(step.reason, ClientClose::kTimeout);
  EXPECT_EQ(step.consumed, 0u);
}

// RFC 4954 4. The exchange continues: another response or a cancel is allowed.
TEST(ClientSessionTest, RefusesAnOverlongAuthResponse) {
  ClientConfig config;
  config.host_name = "c";
  ClientSession session(config);
  const auto read = [&session](absl::string_view replies) {
    while (true) {
      const ClientStep step = session.Advance(replies);
      replies.remove_prefix(step.consumed);
      if (step.kind != Kind::kReply) return step.kind;
    }
  };
  const auto take = [&session] {
    std::string out(session.Output());
    session.OutputWritten(out.size());
    return out;
  };
  (void)session.Greet();
  (void)read("220 mx\r\n");
  (void)take();
  (void)read("250-mx\r\n250 AUTH PLAIN\r\n");
  ASSERT_TRUE(session.Auth("PLAIN", std::nullopt).ok());
  (void)read("");
  (void)take();
  ASSERT_EQ(read("334 \r\n"), Kind::kChallenge);
  // 12,288 octets of base64 with the CRLF.
  const std::string longest(9213, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(session.AuthRespond(longest + "x")));
  EXPECT_EQ(take(), "");
  EXPECT_TRUE(session.AuthRespond(longest).ok());
  const std::string line = take();
  EXPECT_EQ(line.size(), 12286u);
  EXPECT_TRUE(absl::EndsWith(line, "\r\n"));
  EXPECT_TRUE(absl::IsFailedPrecondition(session.AuthRespond("")));
}

}  // namespace
}  // namespace postern
