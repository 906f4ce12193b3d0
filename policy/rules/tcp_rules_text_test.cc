// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/tcp_rules_text.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

// Returns "KEY->RECORD" for each rule, with '|' for NUL.
std::vector<std::string> Records(absl::string_view text,
                                 TcpNetworks networks = TcpNetworks::kLiteral) {
  const auto parsed = ParseTcpRules("tcp.smtp", text, networks);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  std::vector<std::string> records;
  if (!parsed.ok()) return records;
  for (const TcpRule& rule : parsed->rules) {
    records.push_back(absl::StrCat(
        rule.key, "->",
        absl::StrReplaceAll(rule.record, {{absl::string_view("\0", 1), "|"}})));
  }
  return records;
}

// tcprules made each of these records. For addresses with a colon, the tcprules
// of ucspi-tcp-ipv6 made them.
TEST(TcpRulesTextTest, RuleBecomesAKeyAndARecord) {
  const struct {
    absl::string_view line;
    std::vector<std::string> records;
  } cases[] = {
      {"1.2.3.4:allow", {"1.2.3.4->"}},
      {"1.2.3.4:deny", {"1.2.3.4->D|"}},
      {":allow", {"->"}},
      {"=:deny", {"=->D|"}},
      {"=host.example:allow", {"=host.example->"}},
      {"joe@=h.example:deny,V=\"1\"", {"joe@=h.example->D|+V=1|"}},
      {"127.:allow,RELAYCLIENT=\"\",RBLSMTPD=\"\"",
       {"127.->+RELAYCLIENT=|+RBLSMTPD=|"}},
      {":allow,RBLSMTPD=\"-no rdns\"", {"->+RBLSMTPD=-no rdns|"}},
      // Trailing blanks do not belong to a line. Leading blanks belong to an
      // address.
      {" 1.2:allow \t ", {" 1.2->"}},
      {"1:allow,A=\"b \"  ", {"1->+A=b |"}},
      // Any character can be the quote, and none is an escape character.
      {"1:allow,X=/a\"b,c/", {"1->+X=a\"b,c|"}},
      {"1:allow,X=aba,Y=bab", {"1->+X=b|+Y=a|"}},
      {"1:allow,A=,b,,B=,c,", {"1->+A=b|+B=c|"}},
      {"1:allow, A==x=", {"1->+ A=x|"}},
      {"1:allow,=qq", {"1->+=|"}},
      {"1:allow,A B=\"1\"", {"1->+A B=1|"}},
      {"1:allow,A\"=\"1\"", {"1->+A\"=1|"}},
      {"1:allow,A:B=\"1:deny\"", {"1->+A:B=1:deny|"}},
      {"1:allow,X=\":allow:deny\"", {"1->+X=:allow:deny|"}},
      {"1:allow,X=\"\\\"", {"1->+X=\\|"}},
      {"1:allow,X=\"\",X=\"2\"", {"1->+X=|+X=2|"}},
      // Ranges.
      {"1.2.3.4-6:deny", {"1.2.3.4->D|", "1.2.3.5->D|", "1.2.3.6->D|"}},
      {"192.168.4-5.:allow", {"192.168.4.->", "192.168.5.->"}},
      {"9-10.:allow", {"9.->", "10.->"}},
      {"7-7:allow", {"7->"}},
      {"1.2.3.254-999.:allow", {"1.2.3.254.->", "1.2.3.255.->"}},
      {"1.2.3.04-05:allow", {"1.2.3.4->", "1.2.3.5->"}},
      {"1.-1:allow", {"1.0->", "1.1->"}},
      {"-:allow", {"0->"}},
      {"10.1-2.3-4.:allow", {"10.1.3-4.->", "10.2.3-4.->"}},
      {"1.2.3.300-400:allow", {}},
      {"1.2.3.7-4:allow", {}},
      {"1.2.3.4-:allow", {}},
      {"=a-b.example:allow", {"=a-b.example->"}},
      {"a-b@1.2.3.4:allow", {"a-b@1.2.3.4->"}},
      {"1@1-2:allow", {"1@1-2->"}},
      // IPv6.
      {"2001:db8::allow", {"2001:db8:->"}},
      {"2001:db8::1:allow", {"2001:db8::1->"}},
      {"::allow", {":->"}},
      {"::1:deny", {"::1->D|"}},
      {"2001:db8::1:deny,X=\":allow\"", {"2001:db8::1->D|+X=:allow|"}},
      {"joe@1::allow", {"joe@1:->"}},
      // Lines that are not rules.
      {"", {}},
      {" \t", {}},
      {"#1:allow", {}},
      {" #1:allow", {" #1->"}},
      {"no colon", {}},
      {"\r", {}},
      {"# \r", {}},
      {absl::string_view("# \0", 3), {}},
      // A literal key that no client has.
      {"1.2.3.0/24:allow", {"1.2.3.0/24->"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.line));
    EXPECT_THAT(Records(c.line), ElementsAreArray(c.records));
    EXPECT_THAT(Records(absl::StrCat(c.line, "\n")),
                ElementsAreArray(c.records));
  }
}

TEST(TcpRulesTextTest, KeepsTheOrderAndTheLineNumbers) {
  const auto parsed = ParseTcpRules("tcp.smtp",
                                    "# mine\n\n10.1-2.:allow\nx\n"
                                    ":deny,A=\"\"\n:allow");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->rules,
              ElementsAre(TcpRule{"10.1.", "", 3}, TcpRule{"10.2.", "", 3},
                          TcpRule{"", std::string("D\0+A=\0", 6), 5},
                          TcpRule{"", "", 6}));
}

TEST(TcpRulesTextTest, ErrorNamesTheLineAndTheColumn) {
  constexpr absl::string_view kNoInstruction =
      "neither :allow nor :deny follows the address";
  constexpr absl::string_view kCarriageReturn =
      "the line ends in a carriage return";
  constexpr absl::string_view kNoComma =
      "only a comma and a variable can follow here";
  constexpr absl::string_view kNoEquals = "a variable has no '='";
  constexpr absl::string_view kNoQuotes =
      "a variable's value is not between two quotes";
  constexpr absl::string_view kDash =
      "the address has a '-' that is not between two numbers";
  constexpr absl::string_view kNul = "the rule contains a NUL";
  const struct {
    absl::string_view line;
    int column;
    absl::string_view what;
  } cases[] = {
      {":", 1, kNoInstruction},
      {"1:", 2, kNoInstruction},
      {"1:Allow", 2, kNoInstruction},
      {"1: allow", 2, kNoInstruction},
      {"1:al", 2, kNoInstruction},
      {"1:al,A=\":b\"", 2, kNoInstruction},
      {"a,b:c", 4, kNoInstruction},
      {"2001:db8::1", 10, kNoInstruction},
      {"1:allow\r", 8, kCarriageReturn},
      {"1:allow,X=\"1\"\r", 14, kCarriageReturn},
      {"1:allow\r ", 8, kCarriageReturn},
      {"1:allowed", 8, kNoComma},
      {"1:deny:allow", 7, kNoComma},
      {"1:allow X=\"1\"", 8, kNoComma},
      {"1:allow,X=\"a\"Y", 14, kNoComma},
      {"1:allow,", 9, kNoEquals},
      {"1:allow,X", 9, kNoEquals},
      {"1:allow,X=\"a\",", 15, kNoEquals},
      {"1:allow,X=", 11, kNoQuotes},
      {"1:allow,X=\"", 11, kNoQuotes},
      {"1:allow,X=a", 11, kNoQuotes},
      {"1:allow,A=\" b ", 11, kNoQuotes},
      {"1:allow,A=\tb\t", 11, kNoQuotes},
      {"a-b:deny", 2, kDash},
      {"a1-2:deny", 3, kDash},
      {"1-2x:deny", 2, kDash},
      {"1-2-3:deny", 2, kDash},
      {"1.+1-2:deny", 5, kDash},
      {"host-a.example:deny", 5, kDash},
      {"2001:1-3:deny", 7, kDash},
      {absl::string_view("1:allow,X=\"a\0D\"", 15), 13, kNul},
      {absl::string_view("1\0:allow", 8), 2, kNul},
      {absl::string_view("1:deny\0", 7), 7, kNul},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.line));
    EXPECT_EQ(
        ParseTcpRules("/c/tcp.smtp", absl::StrCat("#\n2.:deny\n", c.line, "\n"))
            .status(),
        absl::InvalidArgumentError(
            absl::StrCat("/c/tcp.smtp:3:", c.column, ": ", c.what)));
  }
}

TEST(TcpRulesTextTest, ExpandsNetworks) {
  const struct {
    absl::string_view line;
    std::vector<std::string> records;
  } cases[] = {
      {"192.0.2.0/24:deny", {"192.0.2.->D|"}},
      {"192.0.2.6/31:allow,A=\"b\"", {"192.0.2.6->+A=b|", "192.0.2.7->+A=b|"}},
      {"2001:db8::/32:allow", {"2001:db8:->"}},
      {"2001:db8::/31:allow", {"2001:db8:->", "2001:db9:->"}},
      {"2001:db8::7/128:allow", {"2001:db8::7->"}},
      // Other addresses are as in tcprules.
      {"10.1-2.:allow", {"10.1.->", "10.2.->"}},
      {"joe@192.0.2.0/24:allow", {"joe@192.0.2.0/24->"}},
      {"=a/b.example:allow", {"=a/b.example->"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.line));
    EXPECT_THAT(Records(c.line, TcpNetworks::kExpanded),
                ElementsAreArray(c.records));
  }
}

TEST(TcpRulesTextTest, MostSpecificNetworkIsFirst) {
  EXPECT_THAT(Records("10.0.0.0/14:allow,N=\"14\"\n"
                      "10.0.0.0/15:allow,N=\"15\"\n"
                      "10.0.0.0/16:allow,N=\"16\"\n"
                      "10.0.:allow,N=\"prefix\"\n",
                      TcpNetworks::kExpanded),
              ElementsAre("10.0.->+N=16|", "10.0.->+N=prefix|", "10.0.->+N=15|",
                          "10.1.->+N=15|", "10.0.->+N=14|", "10.1.->+N=14|",
                          "10.2.->+N=14|", "10.3.->+N=14|"));
}

TEST(TcpRulesTextTest, NetworkThatIsWrongIsAnError) {
  const struct {
    absl::string_view address;
    absl::string_view what;
  } cases[] = {
      {"192.0.2.1/24",
       "network '192.0.2.1/24': the address has bits set after the length"},
      {"192.0.2.0/33",
       "network '192.0.2.0/33': the length is not a number from 0 to 32"},
      {"192.0.2./24", "network '192.0.2./24': not an IP address"},
      {" 192.0.2.0/24", "network ' 192.0.2.0/24': not an IP address"},
      {"192.0.2-3.0/24", "network '192.0.2-3.0/24': not an IP address"},
      {"2001:db8::/64",
       "the addresses of rules cannot express this network: they are compared "
       "as text, in which \"::\" is any number of zero groups"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ParseTcpRules("/c/t", absl::StrCat("\n", c.address, ":allow"),
                            TcpNetworks::kExpanded)
                  .status(),
              absl::InvalidArgumentError(absl::StrCat("/c/t:2:1: ", c.what)));
  }
}

TEST(TcpRulesTextTest, NetworksThatContainEachOtherCauseNoWarning) {
  const auto parsed = ParseTcpRules("/c/t",
                                    "10.0.0.0/14:allow\n10.0.0.0/15:deny\n"
                                    "10.1.:allow\n2001:db8::/48:deny\n",
                                    TcpNetworks::kExpanded);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->warnings, IsEmpty());
  const auto twice = ParseTcpRules(
      "/c/t", "10.0.0.0/14:allow\n10.0.0.0/14:deny\n", TcpNetworks::kExpanded);
  ASSERT_TRUE(twice.ok()) << twice.status();
  EXPECT_THAT(twice->warnings,
              ElementsAre("/c/t:2: an earlier line has the same address, and "
                          "the first one counts."));
}

TEST(TcpRulesTextTest, WarnsAboutProbableMistakes) {
  const struct {
    absl::string_view line;
    absl::string_view what;
  } cases[] = {
      {"just words", "the line has no colon and is not a rule"},
      {"\r", "the line has no colon and is not a rule"},
      {"1.2.3.0/24:allow",
       "a network with a slash never matches (write 192.0.2. or the "
       "range 192.0.2-3., or compile with --cidr)"},
      {"2001:db8::/32:deny",
       "a network with a slash never matches (write 192.0.2. or the "
       "range 192.0.2-3., or compile with --cidr)"},
      {" 10.:deny", "the address contains a blank and never matches"},
      {"10. :deny", "the address contains a blank and never matches"},
      {"=a.example\t:deny", "the address contains a blank and never matches"},
      {"=A.example:deny",
       "the address never matches: clients are looked up in lower case"},
      {"2001:DB8::1:deny",
       "the address never matches: clients are looked up in lower case"},
      {"10.0.0:deny",
       "no client has this address (a prefix is 192.0., a name is =a.example)"},
      {"10.0.0.1.:deny",
       "no client has this address (a prefix is 192.0., a name is =a.example)"},
      {"10.0.0.256:deny",
       "no client has this address (a prefix is 192.0., a name is =a.example)"},
      {"a.example:deny",
       "no client has this address (a prefix is 192.0., a name is =a.example)"},
      {"joe@10.:deny",
       "no client has this address (a prefix is 192.0., a name is =a.example)"},
      {"::ffff:192.0.2.1:deny",
       "no client has this address (a prefix is 192.0., a name is =a.example)"},
      {"10.1-2.3-4.:deny",
       "no client has this address (a prefix is 192.0., a name is =a.example)"},
      {"10.0.1-2:deny",
       "no client has this address (a prefix is 192.0., a name is =a.example)"},
      {"10.9-1.:deny",
       "the range is empty: its last number is below its first, or its first "
       "is above 255"},
      {"ok@127.0.0.1:deny",
       "an earlier line has the same address, and the first one counts"},
      {"127.0.0.0-9:deny",
       "an earlier line has the same address, and the first one counts"},
      {"10.0.1-300.:deny",
       "the range ends at 255, which is below its last number"},
      {"10.-7.:deny", "the range lacks a number, which counts as 0"},
      {"1.:allow,A=\"\",A=\"x\"",
       "the rule sets a variable twice, and the last value counts"},
      {"1.:deny,A=\"x\"", "the variables of a :deny have no effect"},
      {"1.:allow,=\"x\"", "a variable's name is empty or contains a blank"},
      {"1.:allow, A=\"x\"", "a variable's name is empty or contains a blank"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.line));
    const auto parsed = ParseTcpRules(
        "/c/t", absl::StrCat("127.0.0.1:allow\nok@127.0.0.1:allow\n", c.line));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_THAT(parsed->warnings,
                ElementsAre(absl::StrCat("/c/t:3: ", c.what, ".")));
  }
}

TEST(TcpRulesTextTest, WarnsOnceAboutEachKindOfMistake) {
  const auto parsed = ParseTcpRules("/c/t",
                                    ":allow, A=\"\",=\"\"\n"
                                    "1.2.3-9:allow\n"
                                    "1.2.4:allow\n"
                                    "1.2.5-6:allow, B=\"\"\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(
      parsed->warnings,
      ElementsAre(
          "/c/t:2: no client has this address (a prefix is 192.0., a name is "
          "=a.example) (and 2 more like it).",
          "/c/t:3: an earlier line has the same address, and the first one "
          "counts (and 1 more like it).",
          "/c/t:1: a variable's name is empty or contains a blank (and 1 more "
          "like it)."));
}

TEST(TcpRulesTextTest, CorrectRulesCauseNoWarning) {
  const auto parsed = ParseTcpRules(
      "/c/t",
      "# a comment\n\n127.0.0.1:allow,RELAYCLIENT=\"\"  \n10.0-255.:allow\n"
      "192.168.1.1-9:deny\n=a-b.example:allow\n=.example:deny\n=:allow\n"
      "Joe@192.0.2.1:allow\njoe@=a.example:allow\n2001:db8::allow\n"
      "2001:db8::1:allow\n:deny\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->warnings, IsEmpty());
  EXPECT_EQ(parsed->rules.size(), 274u);
}

TEST(TcpRulesTextTest, SizeOfTheDatabaseHasALimit) {
  // A line whose rules need `size` bytes each, if the addresses are like
  // "100.".
  const auto line = [](absl::string_view address, size_t size) {
    return absl::StrCat(address, ":allow,A=\"",
                        std::string(size - 24 - 4 - 4, 'x'), "\"\n");
  };
  std::string text;
  for (int i = 0; i < 11; ++i) text += line("100-192.", 65536);
  const size_t left = kMaxTcpRulesSize - 2048 - 11 * 93 * 65536;
  const auto fits = ParseTcpRules("/c/t", text + line("100.", left));
  ASSERT_TRUE(fits.ok()) << fits.status();
  EXPECT_EQ(fits->rules.size(), 11u * 93 + 1);
  EXPECT_EQ(ParseTcpRules("/c/t", text + line("100.", left + 1)).status(),
            absl::InvalidArgumentError(
                "/c/t:12: the rules up to here need more than 67108864 bytes"));
}

}  // namespace
}  // namespace postern::policy
