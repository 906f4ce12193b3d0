// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rules.h"

#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/grammar/ip_address.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::policy {
namespace {

SessionInfo Peer(absl::string_view address, absl::string_view name = "",
                 NameStatus status = NameStatus::kConfirmed) {
  SessionInfo peer;
  peer.remote_address = IpAddress::Parse(std::string(address));
  peer.remote_name = std::string(name);
  peer.name_status = status;
  return peer;
}

// Writes '|' as NUL.
std::string Record(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"|", absl::string_view("\0", 1)}});
}

class TcpRulesTest : public testing::Test {
 protected:
  TcpRules Rules(const files::TestDirectory::Records& records) {
    folder_.WriteCdb("tcp.cdb", records);
    absl::StatusOr<TcpRules> rules = TcpRules::Open(folder_.File("tcp.cdb"));
    EXPECT_TRUE(rules.ok()) << rules.status();
    return *std::move(rules);
  }

  files::TestDirectory folder_;
};

TEST_F(TcpRulesTest, WarnsAboutRulesThatNeverMatch) {
  const TcpRules rules = Rules({{"192.0.2.1", ""},
                                {"192.0.2.0/24", ""},
                                {"192.0.2", ""},
                                {"joe@192.0.2.1", ""},
                                {"=a.example", ""},
                                {"=.a.example", "D"},
                                {"10.", "nonsense"},
                                {"", Record("D|")}});
  const auto warnings = rules.Check(/*host_names=*/false);
  ASSERT_TRUE(warnings.ok()) << warnings.status();
  const std::string path = folder_.File("tcp.cdb");
  EXPECT_EQ(*warnings,
            (std::vector<std::string>{
                path + ": rule =.a.example: the record was not made by "
                       "tcprules (and 1 more like it).",
                path + ": rule 192.0.2.0/24: no client can have this address "
                       "(and 1 more like it).",
                path + ": rule joe@192.0.2.1: it never matches: the server "
                       "does not ask ident for a user name.",
                path + ": rule =a.example: it never matches without "
                       "--host-names."}));
  EXPECT_EQ(rules.Check(/*host_names=*/true)->size(), 3u);
}

TEST_F(TcpRulesTest, WarnsAboutVariablesWithoutEffect) {
  const TcpRules rules =
      Rules({{"192.0.2.1", Record("+MAXLOAD=9|+RELAYCLIENT=|")},
             {"192.0.2.2", Record("+MAXLOAD=8|+DATABYTES=5|")},
             {"192.0.2.3", Record("+CHKUSER_START=1|+OURS=1|")},
             {"", Record("+QMAILQUEUE=/q|+POSTERN_BARE_NEWLINES=reject|")}});
  const auto warnings = rules.Check(/*host_names=*/false);
  ASSERT_TRUE(warnings.ok()) << warnings.status();
  const std::string path = folder_.File("tcp.cdb");
  EXPECT_EQ(
      *warnings,
      (std::vector<std::string>{
          path + ": rule 192.0.2.3: the variable CHKUSER_START has no "
                 "effect: it is chkuser's; --deliver maildir: knows its "
                 "mailboxes.",
          path + ": rule 192.0.2.1: the variable MAXLOAD has no effect: it is "
                 "a patch's; --max-connections limits connections (and 1 more "
                 "like it)."}));
}

TEST_F(TcpRulesTest, TextHasTheSameAnswerAsItsDatabase) {
  const auto text = ParseTcpRules("t",
                                  "192.0.2.:allow,N=\"1\"\n"
                                  "192.0.2.:deny\n"
                                  "192.0.2.7:deny\n"
                                  "=.a.example:allow,N=\"4\"\n");
  ASSERT_TRUE(text.ok()) << text.status();
  files::TestDirectory::Records records;
  for (const TcpRule& rule : text->rules) {
    records.emplace_back(rule.key, rule.record);
  }
  const TcpRules database = Rules(records);
  const struct {
    SessionInfo peer;
    int line;  // 0: none
  } cases[] = {{Peer("192.0.2.7", "b.a.example"), 3},
               {Peer("192.0.2.8", "b.a.example"), 1},
               {Peer("10.0.0.1", "b.a.example"), 4},
               {Peer("10.0.0.1", "a.example"), 0},
               {SessionInfo(), 0}};
  for (const auto& c : cases) {
    const TcpRule* const rule = FindTcpRule(text->rules, c.peer);
    EXPECT_EQ(rule == nullptr ? 0 : rule->line, c.line);
    const auto match = database.Find(c.peer);
    ASSERT_TRUE(match.ok()) << match.status();
    EXPECT_EQ(match->key,
              rule == nullptr ? std::nullopt : std::optional(rule->key));
  }
  files::TestDirectory::Records read;
  EXPECT_TRUE(
      database
          .ForEach([&](absl::string_view key, absl::string_view record) {
            read.emplace_back(key, record);
            return true;
          })
          .ok());
  EXPECT_EQ(read, records);
}

// The value of each rule's variable is the key of the rule.
TEST_F(TcpRulesTest, MostSpecificRuleIsTheWholeAnswer) {
  files::TestDirectory::Records records;
  for (absl::string_view key :
       {"joe@192.0.2.1", "joe@=a.b.example", "192.0.2.1", "=a.b.example",
        "192.0.2.", "192.", "=.b.example", "=.example", "=", "", "127.",
        "2001:db8:", "2001:db8::1"}) {
    records.emplace_back(key, Record(absl::StrCat("+K=", key, "|")));
  }
  const TcpRules rules = Rules(records);
  const struct {
    absl::string_view address;
    absl::string_view name;
    NameStatus status;
    absl::string_view info;  // empty: no ident name
    absl::string_view key;
  } cases[] = {
      {"192.0.2.1", "a.b.example", NameStatus::kConfirmed, "joe",
       "joe@192.0.2.1"},
      {"192.0.2.2", "a.b.example", NameStatus::kConfirmed, "joe",
       "joe@=a.b.example"},
      {"192.0.2.1", "a.b.example", NameStatus::kConfirmed, "jim", "192.0.2.1"},
      {"192.0.2.1", "a.b.example", NameStatus::kConfirmed, "", "192.0.2.1"},
      {"192.0.2.2", "a.b.example", NameStatus::kConfirmed, "", "=a.b.example"},
      {"192.0.2.2", "A.B.Example.", NameStatus::kConfirmed, "", "=a.b.example"},
      // A prefix of the address precedes a suffix of the name.
      {"192.0.2.2", "c.b.example", NameStatus::kConfirmed, "", "192.0.2."},
      {"192.0.3.1", "c.b.example", NameStatus::kConfirmed, "", "192."},
      {"10.0.0.1", "c.b.example", NameStatus::kConfirmed, "", "=.b.example"},
      {"10.0.0.1", "b.example", NameStatus::kConfirmed, "", "=.example"},
      {"10.0.0.1", "example", NameStatus::kConfirmed, "", "="},
      {"10.0.0.1", "", NameStatus::kConfirmed, "", ""},
      // A name that is not confirmed does not count.
      {"10.0.0.1", "a.b.example", NameStatus::kUnchecked, "joe", ""},
      {"10.0.0.1", "a.b.example", NameStatus::kForged, "", ""},
      {"10.0.0.1", "a.b.example", NameStatus::kTemporary, "", ""},
      {"10.0.0.1", "a.b.example", NameStatus::kNone, "", ""},
      // A name is never compared with addresses, even if it looks like one.
      {"10.0.0.1", "127.evil", NameStatus::kConfirmed, "", "="},
      {"10.0.0.1", "127.0.0.1", NameStatus::kConfirmed, "", "="},
      {"10.0.0.1", "192.0.2.1", NameStatus::kConfirmed, "", "="},
      {"10.0.0.1", "x", NameStatus::kConfirmed, "192.0.2.1", "="},
      {"10.0.0.1", "x", NameStatus::kConfirmed, "joe@192.0.2.1", "="},
      {"127.0.0.1", "", NameStatus::kNone, "", "127."},
      {"12.7.0.1", "", NameStatus::kNone, "", ""},
      // An address has one key, however it is written.
      {"::ffff:192.0.2.1", "", NameStatus::kNone, "", "192.0.2.1"},
      {"::ffff:7f00:1", "", NameStatus::kNone, "", "127."},
      {"::127.0.0.1", "", NameStatus::kNone, "", ""},
      {"2001:0DB8::0001", "", NameStatus::kNone, "", "2001:db8::1"},
      {"2001:db8::2", "", NameStatus::kNone, "", "2001:db8:"},
      {"2001:db80::1", "", NameStatus::kNone, "", ""},
  };
  for (const auto& c : cases) {
    SessionInfo peer = Peer(c.address, c.name, c.status);
    if (!c.info.empty()) peer.remote_info = std::string(c.info);
    SCOPED_TRACE(absl::StrCat(c.info, "@", c.address, " ", c.name));
    const auto match = rules.Find(peer);
    ASSERT_TRUE(match.ok()) << match.status();
    EXPECT_EQ(*match, (TcpRules::Match{.allow = true,
                                       .variables = {{"K", std::string(c.key)}},
                                       .key = std::string(c.key)}));
  }
}

TEST_F(TcpRulesTest, ReadsRecordsOfTcprules) {
  using Variables = std::vector<std::pair<std::string, std::string>>;
  const struct {
    absl::string_view record;
    bool allow;
    Variables variables;
  } cases[] = {
      {"", true, {}},
      {"D|", false, {}},
      {"+RELAYCLIENT=|+RBLSMTPD=|",
       true,
       {{"RELAYCLIENT", ""}, {"RBLSMTPD", ""}}},
      {"D|+V=1|", false, {{"V", "1"}}},
      {"+X=a\"b,c|", true, {{"X", "a\"b,c"}}},
      {"+X=a=b|", true, {{"X", "a=b"}}},
      {"+X=D|", true, {{"X", "D"}}},
      {"+=x|", true, {{"", "x"}}},
      {"+ A=|", true, {{" A", ""}}},
      {"+X=1|+X=2|", true, {{"X", "1"}, {"X", "2"}}},
      {"++X=\r\n|", true, {{"+X", "\r\n"}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.record));
    const auto match = Rules({{"", Record(c.record)}}).Find(Peer("192.0.2.1"));
    ASSERT_TRUE(match.ok()) << match.status();
    EXPECT_EQ(match->allow, c.allow);
    EXPECT_EQ(match->variables, c.variables);
    EXPECT_EQ(match->key, "");
  }
}

TEST_F(TcpRulesTest, InvalidRecordIsAnError) {
  for (absl::string_view record :
       {"D",  "|",       "||",     "D||",  "D|D|",      "DD|",    "Deny|",
        "d|", "x|",      "X=1|",   "+X=1", "+X=1|+",    "+X=1|Y", "+X|",
        "+|", "+X=1|D|", "+X=1||", " |",   "D|+X=1|+Y", "-X=1|",  "allow"}) {
    SCOPED_TRACE(std::string(record));
    const TcpRules rules = Rules({{"192.0.", Record(record)}, {"", ""}});
    EXPECT_EQ(rules.Find(Peer("192.0.2.1")).status(),
              absl::DataLossError(absl::StrCat(
                  "cdb ", folder_.File("tcp.cdb"),
                  ": key '192.0.': the record was not made by tcprules")));
    // The other rules are not affected.
    EXPECT_TRUE(rules.Find(Peer("10.0.0.1")).ok());
  }
}

TEST_F(TcpRulesTest, ClientWithoutARuleIsAllowed) {
  const TcpRules rules = Rules({{"10.", Record("D|")}, {"=", Record("D|")}});
  const auto match = rules.Find(Peer("192.0.2.1"));
  ASSERT_TRUE(match.ok()) << match.status();
  EXPECT_EQ(*match, (TcpRules::Match{.allow = true}));
  EXPECT_FALSE(rules.Find(Peer("10.0.0.1"))->allow);
  EXPECT_FALSE(rules.Find(Peer("192.0.2.1", "a"))->allow);
  EXPECT_FALSE(TcpRules::Match().allow);
}

TEST_F(TcpRulesTest, FirstOfTwoRulesForOneAddressCounts) {
  const TcpRules rules = Rules({{"10.", Record("D|")}, {"10.", ""}});
  EXPECT_FALSE(rules.Find(Peer("10.0.0.1"))->allow);
}

TEST_F(TcpRulesTest, UnreadableRulesAllowNoClient) {
  const std::string file = folder_.File("tcp.cdb");
  EXPECT_TRUE(absl::IsNotFound(TcpRules::Open(file).status()));
  folder_.Write("tcp.cdb", "");
  EXPECT_EQ(TcpRules::Open(file).status().code(), absl::StatusCode::kDataLoss);
  folder_.MakeDirectory("directory");
  EXPECT_FALSE(TcpRules::Open(folder_.File("directory")).ok());

  // The file is truncated after it was opened, at each possible size. The
  // result is an error or the correct answer.
  const TcpRules rules = Rules({{"192.0.2.1", Record("D|")}});
  for (size_t size = folder_.Read("tcp.cdb").size(); size-- > 0;) {
    ASSERT_EQ(truncate(file.c_str(), static_cast<off_t>(size)), 0);
    const auto match = rules.Find(Peer("192.0.2.1"));
    EXPECT_FALSE(match.ok() && match->allow) << size;
    if (!match.ok()) {
      EXPECT_TRUE(absl::StrContains(match.status().message(), file))
          << match.status();
    }
  }
}

}  // namespace
}  // namespace postern::policy
