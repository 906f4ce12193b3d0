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
std::vector<std::string> Records(absl::string_view text) {
  const auto parsed = ParseTcpRules("tcp.smtp", text);
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

TEST(TcpRulesTextTest, ErrorNamesTheLine) {
  const struct {
    absl::string_view line;
    absl::string_view what;
  } cases[] = {
      {":", "neither :allow nor :deny follows the address"},
      {"1:", "neither :allow nor :deny follows the address"},
      {"1:Allow", "neither :allow nor :deny follows the address"},
      {"1: allow", "neither :allow nor :deny follows the address"},
      {"1:al", "neither :allow nor :deny follows the address"},
      {"2001:db8::1", "neither :allow nor :deny follows the address"},
      {"1:allow\r", "the line ends in a carriage return"},
      {"1:allow,X=\"1\"\r", "the line ends in a carriage return"},
      {"1:allow\r ", "the line ends in a carriage return"},
      {"1:allowed", "only a comma and a variable can follow here"},
      {"1:deny:allow", "only a comma and a variable can follow here"},
      {"1:allow X=\"1\"", "only a comma and a variable can follow here"},
      {"1:allow,X=\"a\"Y", "only a comma and a variable can follow here"},
      {"1:allow,", "a variable has no '='"},
      {"1:allow,X", "a variable has no '='"},
      {"1:allow,X=\"a\",", "a variable has no '='"},
      {"1:allow,X=", "a variable's value is not between two quotes"},
      {"1:allow,X=\"", "a variable's value is not between two quotes"},
      {"1:allow,X=a", "a variable's value is not between two quotes"},
      {"1:allow,A=\" b ", "a variable's value is not between two quotes"},
      {"1:allow,A=\tb\t", "a variable's value is not between two quotes"},
      {"a-b:deny", "the address has a '-' that is not between two numbers"},
      {"a1-2:deny", "the address has a '-' that is not between two numbers"},
      {"1-2x:deny", "the address has a '-' that is not between two numbers"},
      {"1-2-3:deny", "the address has a '-' that is not between two numbers"},
      {"1.+1-2:deny", "the address has a '-' that is not between two numbers"},
      {"host-a.example:deny",
       "the address has a '-' that is not between two numbers"},
      {"2001:1-3:deny",
       "the address has a '-' that is not between two numbers"},
      {absl::string_view("1:allow,X=\"a\0D\"", 15), "the rule contains a NUL"},
      {absl::string_view("1\0:allow", 8), "the rule contains a NUL"},
      {absl::string_view("1:deny\0", 7), "the rule contains a NUL"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.line));
    EXPECT_EQ(
        ParseTcpRules("/c/tcp.smtp", absl::StrCat("#\n2.:deny\n", c.line, "\n"))
            .status(),
        absl::InvalidArgumentError(absl::StrCat("/c/tcp.smtp:3: ", c.what)));
  }
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
       "range 192.0.2-3.)"},
      {"2001:db8::/32:deny",
       "a network with a slash never matches (write 192.0.2. or the "
       "range 192.0.2-3.)"},
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
            absl::ResourceExhaustedError(
                "/c/t:12: the rules up to here need more than 67108864 bytes"));
}

}  // namespace
}  // namespace postern::policy
