// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The checks that ask DNS: policy/dns_lists.h and policy/sender_domain.h.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "policy/check.h"
#include "policy/dns_lists.h"
#include "policy/names/dns.h"
#include "policy/sender_domain.h"

namespace postern::policy {
namespace {

using Status = DnsResult::Status;

constexpr absl::string_view kTypes[] = {"A", "MX", "TXT", "AAAA"};

absl::string_view TypeName(DnsAnswer::Type type) {
  switch (type) {
    case DnsAnswer::kA:
      return kTypes[0];
    case DnsAnswer::kMx:
      return kTypes[1];
    case DnsAnswer::kTxt:
      return kTypes[2];
    case DnsAnswer::kAaaa:
      return kTypes[3];
    case DnsAnswer::kPtr:
    case DnsAnswer::kCname:
      break;
  }
  return "";
}

const DnsResult kFailed = {Status::kTemporary};
const DnsResult kNoRecords = {Status::kNoRecords};

DnsResult Found(std::vector<std::string> records) {
  return {Status::kFound, std::move(records), 60};
}

// DNS with a table: "a.example MX". Other names do not exist. Answers at once,
// or when the test says so.
class TableDns : public Dns {
 public:
  void Lookup(absl::string_view name, DnsAnswer::Type type,
              Done done) override {
    const std::string key = absl::StrCat(name, " ", TypeName(type));
    asked.push_back(key);
    if (later) {
      open.push_back({key, std::move(done)});
    } else {
      std::move(done)(Of(key));
    }
  }
  // Answers the open question for `key`.
  void Answer(absl::string_view key) {
    const auto it = std::find_if(
        open.begin(), open.end(),
        [&](const auto& question) { return question.first == key; });
    ASSERT_NE(it, open.end()) << key;
    Done done = std::move(it->second);
    open.erase(it);
    std::move(done)(Of(std::string(key)));
  }

  std::map<std::string, DnsResult> table;
  std::vector<std::string> asked;
  std::vector<std::pair<std::string, Done>> open;
  bool later = false;

 private:
  DnsResult Of(const std::string& key) {
    const auto it = table.find(key);
    return it == table.end() ? DnsResult{Status::kNoName} : it->second;
  }
};

class DnsChecksTest : public testing::Test {
 protected:
  DnsChecksTest() { session_.remote_address = IpAddress::Parse("192.0.2.1"); }

  // Makes a check with the values of its option.
  absl::StatusOr<std::unique_ptr<const Check>> Make(
      absl::StatusOr<std::unique_ptr<const Check>> (*make)(const CheckSetup&),
      std::vector<std::string> values, bool with_dns = true) {
    CheckSetup setup;
    setup.option = [&](absl::string_view) {
      return values.empty() ? "" : values[0];
    };
    setup.values = [&](absl::string_view) { return values; };
    if (with_dns) setup.dns = &dns_;
    setup.note = [this](const Question&, const Verdict& verdict) {
      noted_.push_back(absl::StrCat(verdict.rule(), " ", verdict.source(), " ",
                                    verdict.reply()->text));
    };
    return make(setup);
  }

  // Asks a check: "" without opinion, the reply, or "later".
  std::string Ask(const Check& check) {
    postern::Ask ask;
    ask.what = Rcpt{.from = from_, .to = {"u", "local.example"}};
    // Freed when the answer is there, so that ASan finds later uses.
    auto asked = std::make_unique<postern::Ask>(std::move(ask));
    auto session = std::make_unique<SharedSessionInfo>(
        std::make_shared<const SessionInfo>(session_));
    auto question = std::make_unique<Question>(*asked, *session);
    Opinion opinion = check.Decide(question.get());
    if (!std::holds_alternative<AnswersLater>(opinion)) return Text(opinion);
    late_.reset();
    Question* const raw = question.get();
    check.DecideLater(
        raw, [this, asked = std::move(asked), session = std::move(session),
              question = std::move(question)](Opinion opinion) {
          EXPECT_FALSE(late_.has_value());
          late_ = Text(opinion);
        });
    return late_.value_or("later");
  }

  // The answer of lists, in the state of the table.
  std::string AskLists(const std::vector<std::string>& lists) {
    const auto check = Make(MakeDnsLists, lists);
    EXPECT_TRUE(check.ok()) << check.status();
    return Ask(**check);
  }
  std::string AskSenderDomain(absl::string_view domain,
                              const std::string& who = "strangers") {
    const auto check = Make(MakeSenderDomain, {who});
    EXPECT_TRUE(check.ok()) << check.status();
    from_ = {"s", std::string(domain)};
    return Ask(**check);
  }

  static std::string Text(const Opinion& opinion) {
    const auto* verdict = std::get_if<Verdict>(&opinion);
    if (verdict == nullptr) return "";
    EXPECT_FALSE(verdict->accepted());
    const Reply& reply = *verdict->reply();
    return absl::StrCat(reply.code, " ", reply.text);
  }

  TableDns dns_;
  SessionInfo session_;
  Path from_ = {"s", "example.net"};
  std::vector<std::string> noted_;
  std::optional<std::string> late_;
};

// As in rblsmtpd 0.88, except for the error codes of lists.
TEST_F(DnsChecksTest, ListsDecideAsInRblsmtpd) {
  dns_.table = {
      {"1.2.0.192.bl TXT", Found({"listed, ", "see\n\xff"})},
      {"1.2.0.192.bl A", Found({std::string("\177\0\0\2", 4)})},
      {"1.2.0.192.empty TXT", Found({""})},
      {"1.2.0.192.ok A", Found({std::string("\177\0\0\2", 4)})},
      {"1.2.0.192.only-a A", Found({std::string("\177\0\0\2", 4)})},
      {"1.2.0.192.only-a TXT", kNoRecords},
      {"1.2.0.192.parked A", Found({std::string("\300\0\2\7", 4)})},
      {"1.2.0.192.error A", Found({"\177\377\377\376"})},
      {"1.2.0.192.error TXT", Found({"Error: open resolver"})},
      {"1.2.0.192.down TXT", kFailed},
      {"1.2.0.192.down A", kFailed},
      {"1.2.0.192.long TXT", Found({std::string(300, 'x')})},
  };
  const std::string hit = "listed, see??";
  const struct {
    std::vector<std::string> lists;
    std::string want;
  } cases[] = {
      {{"none"}, ""},
      {{"bl"}, "451 " + hit},
      {{"bl."}, "451 " + hit},
      {{"bl,permanent"}, "553 " + hit},
      {{"none", "bl,permanent"}, "553 " + hit},
      {{"only-a"}, ""},
      {{"empty"}, ""},
      {{"long"}, "451 " + std::string(200, 'x')},
      // The order of lists and anti-lists counts.
      {{"!ok", "bl"}, ""},
      {{"bl", "!ok"}, "451 " + hit},
      {{"!none", "bl"}, "451 " + hit},
      {{"bl", "bl,permanent"}, "451 " + hit},
      // After a temporary failure, no refusal is permanent.
      {{"down", "bl,permanent"}, "451 " + hit},
      {{"bl,permanent", "down"}, "553 " + hit},
      {{"down"}, ""},
      {{"down,fail-closed"}, "451 temporary RBL lookup error"},
      {{"bl", "down,fail-closed"}, "451 " + hit},
      {{"!down", "bl"}, ""},
      {{"!down,fail-closed", "bl,permanent"}, "451 " + hit},
      {{"!down,fail-closed"}, ""},
      // By A records.
      {{"bl:Blocked - see http://example/?%IP%"},
       "451 Blocked - see http://example/?192.0.2.1"},
      {{"only-a,permanent:no"}, "553 no"},
      {{"parked:no"}, ""},
      {{"!parked", "bl"}, "451 " + hit},
      {{"error:no", "bl,permanent"}, "451 " + hit},
      {{"error,fail-closed:no"}, "451 temporary RBL lookup error"},
      // The text of an error code refuses no client.
      {{"error,permanent"}, ""},
      {{"error,fail-closed"}, "451 temporary RBL lookup error"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(AskLists(c.lists), c.want) << c.lists[0] << " " << c.lists.size();
  }
}

TEST_F(DnsChecksTest, Ipv6AddressesAreNibbles) {
  session_.remote_address = IpAddress::Parse("2001:db8::cdef:0:1");
  dns_.table = {
      {"1.0.0.0.0.0.0.0.f.e.d.c.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl A",
       Found({std::string("\177\0\0\2", 4)})}};
  EXPECT_EQ(AskLists({"bl:%IP%"}), "451 2001:db8::cdef:0:1");
}

TEST_F(DnsChecksTest, ListsAreAskedInParallelAndCountInTheirOrder) {
  dns_.later = true;
  dns_.table = {{"1.2.0.192.b TXT", Found({"b"})},
                {"1.2.0.192.c TXT", Found({"c"})}};
  const auto check = Make(MakeDnsLists, {"a", "b", "c"});
  ASSERT_TRUE(check.ok());
  EXPECT_EQ(Ask(**check), "later");
  EXPECT_EQ(dns_.asked.size(), 6);  // A and TXT
  dns_.Answer("1.2.0.192.c TXT");
  dns_.Answer("1.2.0.192.c A");
  dns_.Answer("1.2.0.192.b TXT");
  dns_.Answer("1.2.0.192.b A");
  dns_.Answer("1.2.0.192.a TXT");
  EXPECT_FALSE(late_.has_value());
  dns_.Answer("1.2.0.192.a A");
  EXPECT_EQ(late_, "451 b");

  // The first list decides, so the others do not delay the answer. Their
  // answers come when the question and the check no longer exist.
  auto brief = Make(MakeDnsLists, {"b", "a", "c"});
  ASSERT_TRUE(brief.ok());
  EXPECT_EQ(Ask(**brief), "later");
  dns_.Answer("1.2.0.192.b A");
  EXPECT_FALSE(late_.has_value());
  dns_.Answer("1.2.0.192.b TXT");
  EXPECT_EQ(late_, "451 b");
  brief->reset();
  for (const char* name : {"c TXT", "c A", "a TXT", "a A"}) {
    dns_.Answer(absl::StrCat("1.2.0.192.", name));
  }
}

TEST_F(DnsChecksTest, NotedListsHaveNoEffect) {
  dns_.table = {{"1.2.0.192.bl TXT", Found({"text"})},
                {"1.2.0.192.down TXT", kFailed}};
  EXPECT_EQ(AskLists({"bl,note"}), "");
  EXPECT_EQ(noted_, std::vector<std::string>({"dns-list bl text"}));
  EXPECT_EQ(AskLists({"down,note", "bl,permanent"}), "553 text");
  EXPECT_EQ(noted_.size(), 1);
}

// A relay client or user is not refused, and DNS is not asked.
TEST_F(DnsChecksTest, RelayClientsAndUsersAreExempt) {
  const SessionInfo stranger = session_;
  const auto variable = Make(MakeRblSmtpd, {});
  dns_.table = {{"1.2.0.192.bl TXT", Found({"text"})}};
  for (const bool user : {false, true}) {
    session_ = stranger;
    if (user) {
      session_.identity = "alice";
    } else {
      session_.relay_client = "";
    }
    EXPECT_EQ(AskLists({"bl"}), "");
    EXPECT_EQ(AskSenderDomain("none.example"), "");
    EXPECT_EQ(dns_.asked.size(), 0);
    EXPECT_TRUE(
        absl::StartsWith(AskSenderDomain("none.example", "all"), "553"));
    dns_.asked.clear();
    session_.environment = {{"RBLSMTPD", "-no"}};
    EXPECT_EQ(Ask(**variable), "");
  }
  session_ = stranger;
  session_.remote_address.reset();  // a Unix socket
  EXPECT_EQ(AskLists({"bl"}), "");
}

TEST_F(DnsChecksTest, RblsmtpdIsReadAsRblsmtpdDoes) {
  dns_.table = {{"1.2.0.192.bl TXT", Found({"text"})}};
  const struct {
    std::string value;
    std::string want;
  } cases[] = {
      {"", ""},
      {"-no\n", "553 no?"},
      {"no", "451 no"},
      {"-", "553 "},
  };
  const auto variable = Make(MakeRblSmtpd, {});
  ASSERT_TRUE(variable.ok());
  EXPECT_EQ(Ask(**variable), "");
  for (const auto& c : cases) {
    session_.environment = {{"RBLSMTPD", "earlier"}, {"RBLSMTPD", c.value}};
    EXPECT_EQ(Ask(**variable), c.want);
    EXPECT_EQ(AskLists({"bl"}), "");
    EXPECT_EQ(dns_.asked.size(), 0);
  }
}

TEST_F(DnsChecksTest, SenderDomainNeedsADestination) {
  const DnsResult found = Found({"10 mx.example"});
  dns_.table = {
      {"mx.example MX", found},
      {"xn--bcher-kva.example MX", found},
      {"null.example MX", Found({"0 ."})},
      {"both.example MX", Found({"0 .", "10 mx.example"})},
      {"a.example MX", kNoRecords},
      {"a.example A", Found({"four"})},
      {"six.example MX", kNoRecords},
      {"six.example A", kNoRecords},
      {"six.example AAAA", Found({"sixteen octets.."})},
      {"six-half.example MX", kNoRecords},
      {"six-half.example A", kFailed},
      {"six-half.example AAAA", Found({"sixteen octets.."})},
      {"bare.example MX", kNoRecords},
      {"bare.example A", kNoRecords},
      {"bare.example AAAA", kNoRecords},
      {"down.example MX", kFailed},
      {"half.example MX", kNoRecords},
      {"half.example A", kFailed},
      {"half.example AAAA", kNoRecords},
      {"half2.example MX", kNoRecords},
      {"half2.example A", kNoRecords},
      {"half2.example AAAA", kFailed},
  };
  const struct {
    absl::string_view domain;
    absl::string_view code;
  } cases[] = {
      {"mx.example", ""},
      {"mx.example.", ""},
      {"a.example", ""},
      {"six.example", ""},
      {"six-half.example", ""},
      {"both.example", ""},
      {"b\xc3\xbc"
       "cher.example",
       ""},
      {"null.example", "550"},
      {"bare.example", "553"},
      {"none.example", "553"},
      {"down.example", "451"},
      {"half.example", "451"},
      {"half2.example", "451"},
      {"", ""},  // the null sender and local names
      {"[192.0.2.1]", ""},
  };
  for (const auto& c : cases) {
    const std::string answer = AskSenderDomain(c.domain);
    EXPECT_EQ(answer.substr(0, 3), c.code) << c.domain << ": " << answer;
  }
}

TEST_F(DnsChecksTest, ErrorsNameTheOptionAndTheValue) {
  const struct {
    std::string value;
    absl::string_view why;
  } cases[] = {
      {"!", "not a domain"},
      {"a..b", "not a domain"},
      {"bl example", "not a domain"},
      {std::string(200, 'a'), "not a domain"},
      {"bl,never", "not \"never\""},
      {"bl:", "text"},
      {"!bl:text", "refuses no client"},
      {"!bl,permanent", "refuses no client"},
      {"!bl,note", "refuses no client"},
      {"bl,note,permanent", "refuses no client"},
  };
  for (const auto& c : cases) {
    const auto check = Make(MakeDnsLists, {"good.example", c.value});
    ASSERT_FALSE(check.ok()) << c.value;
    for (absl::string_view part : {absl::string_view("--dns-list: "), c.why}) {
      EXPECT_TRUE(absl::StrContains(check.status().message(), part))
          << check.status();
    }
  }
  EXPECT_TRUE(
      Make(MakeDnsLists, std::vector<std::string>(kMaxDnsLists, "a")).ok());
  EXPECT_FALSE(
      Make(MakeDnsLists, std::vector<std::string>(kMaxDnsLists + 1, "a")).ok());
  EXPECT_FALSE(Make(MakeSenderDomain, {"some"}).ok());
  // Without the option, the checks are not in use; without DNS they are errors.
  EXPECT_EQ(*Make(MakeDnsLists, {}, false), nullptr);
  EXPECT_EQ(*Make(MakeSenderDomain, {}, false), nullptr);
  EXPECT_TRUE(absl::StrContains(
      Make(MakeDnsLists, {"a"}, false).status().message(), "rblsmtpd"));
  EXPECT_FALSE(Make(MakeSenderDomain, {"all"}, false).ok());
}

}  // namespace
}  // namespace postern::policy
