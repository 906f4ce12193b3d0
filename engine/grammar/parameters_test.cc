// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/parameters.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/grammar/strictness.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr ExtensionSet kAll = {
    Extension::kChunking,  Extension::kBinaryMime,    Extension::kSmtpUtf8,
    Extension::kDsn,       Extension::kRequireTls,    Extension::kMtPriority,
    Extension::kDeliverBy, Extension::kFutureRelease, Extension::kRrvs,
};
constexpr ParameterRules kEverything = {kAll, /*auth_offered=*/true};
constexpr ParameterRules kNothing = {};

// 2026-03-01T12:00:00Z.
const absl::Time kNoon = absl::FromUnixSeconds(1772366400);

DeliverBy By(int32_t seconds, DeliverBy::Mode mode, bool trace = false) {
  return {seconds, mode, trace};
}

TEST(ParametersTest, ParsesMailParameters) {
  struct Case {
    absl::string_view text;
    MailParameters want;
    absl::string_view printed = "";  // if not `text`
  };
  constexpr auto kNotify = DeliverBy::Mode::kNotify;
  constexpr auto kReturn = DeliverBy::Mode::kReturn;
  const std::string envid(100, 'e');
  const std::string longest = " ENVID=" + envid;
  const Case cases[] = {
      {"", {}},
      {" SIZE=0", {.size = 0}},
      {" size=1000 body=8bitmime",
       {.size = 1000, .body = BodyType::k8BitMime},
       " SIZE=1000 BODY=8BITMIME"},
      {" BODY=7BIT", {.body = BodyType::k7Bit}},
      {" BODY=BINARYMIME", {.body = BodyType::kBinaryMime}},
      {" SIZE=18446744073709551615",
       {.size = std::numeric_limits<uint64_t>::max()}},
      {" SIZE=18446744073709551616",  // 2^64 or more: the largest value
       {.size = std::numeric_limits<uint64_t>::max()},
       " SIZE=18446744073709551615"},
      {" SIZE=99999999999999999999",
       {.size = std::numeric_limits<uint64_t>::max()},
       " SIZE=18446744073709551615"},
      {" SMTPUTF8", {.smtp_utf8 = true}},
      {" RET=FULL", {.ret = Ret::kFull}},
      {" ret=hdrs", {.ret = Ret::kHeaders}, " RET=HDRS"},
      {" ENVID=QQ314159", {.envid = "QQ314159"}},
      {" ENVID=a+2Bb+3Dc+20d", {.envid = "a+b=c d"}},
      {longest, {.envid = envid}},
      {" AUTH=<>", {.auth = Path{}}},
      {" AUTH=e+3Dmc2@example.com", {.auth = Path{"e=mc2", "example.com"}}},
      {" AUTH=+22a+20b+22@d", {.auth = Path{"a b", "d"}}, " AUTH=\"a+20b\"@d"},
      {" AUTH=user", {.auth = Path{"user", ""}}},
      {" AUTH=<u@d>", {.auth = Path{"u", "d"}}, " AUTH=u@d"},
      {" AUTH=+3Cu@d+3E", {.auth = Path{"u", "d"}}, " AUTH=u@d"},
      {" REQUIRETLS", {.require_tls = true}},
      {" MT-PRIORITY=-9", {.priority = -9}},
      {" MT-PRIORITY=0", {.priority = 0}},
      {" MT-PRIORITY=9", {.priority = 9}},
      {" BY=120;R", {.deliver_by = By(120, kReturn)}},
      {" BY=+1;rt", {.deliver_by = By(1, kReturn, true)}, " BY=1;RT"},
      {" BY=0;N", {.deliver_by = By(0, kNotify)}},
      {" BY=-999999999;NT", {.deliver_by = By(-999999999, kNotify, true)}},
      {" BY=999999999;N", {.deliver_by = By(999999999, kNotify)}},
      {" HOLDFOR=1", {.hold = absl::Seconds(1)}},
      {" HOLDFOR=999999999", {.hold = absl::Seconds(999999999)}},
      {" HOLDUNTIL=2026-03-01T12:00:00Z", {.hold = kNoon}},
      {" HOLDUNTIL=2026-03-01T13:00:00.5+01:00",
       {.hold = kNoon + absl::Milliseconds(500)},
       " HOLDUNTIL=2026-03-01T12:00:00.5Z"},
      {" SIZE=1 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e AUTH=<> REQUIRETLS "
       "MT-PRIORITY=3 BY=5;N HOLDFOR=7",
       {.size = 1,
        .body = BodyType::k8BitMime,
        .smtp_utf8 = true,
        .ret = Ret::kHeaders,
        .envid = "e",
        .auth = Path{},
        .require_tls = true,
        .priority = 3,
        .deliver_by = By(5, kNotify),
        .hold = absl::Seconds(7)}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    const auto parsed = ParseMailParameters(c.text, kEverything);
    const auto* parameters = std::get_if<MailParameters>(&parsed);
    ASSERT_NE(parameters, nullptr);
    EXPECT_EQ(*parameters, c.want);
    const std::string printed = FormatMailParameters(*parameters);
    EXPECT_EQ(printed, c.printed.empty() ? c.text : c.printed);
    EXPECT_EQ(
        std::get<MailParameters>(ParseMailParameters(printed, kEverything)),
        c.want);
  }
}

TEST(ParametersTest, AcceptsSpaces) {
  for (absl::string_view text : {"", " ", "   ", " SIZE=1", "  SIZE=1  "}) {
    const auto parsed = ParseMailParameters(text, kNothing);
    EXPECT_TRUE(std::holds_alternative<MailParameters>(parsed))
        << std::string(text);
  }
}

TEST(ParametersTest, NamesTheErrorInMailParameters) {
  struct Case {
    absl::string_view text;
    absl::string_view reply;
  };
  const std::string long_envid = " ENVID=" + std::string(101, 'e');
  const Case cases[] = {
      {" SIZE", "bad SIZE (#5.5.4)"},
      {" SIZE=x", "bad SIZE (#5.5.4)"},
      {" SIZE=-1", "bad SIZE (#5.5.4)"},
      {" SIZE=1x", "bad SIZE (#5.5.4)"},
      {" SIZE=123456789012345678901", "bad SIZE (#5.5.4)"},
      {" SIZE=1 SIZE=1", "SIZE given twice (#5.5.4)"},
      {" SIZE=1 size=x", "SIZE given twice (#5.5.4)"},
      {" SIZE=", "syntax error in parameters (#5.5.4)"},
      {" SIZE=1=2", "syntax error in parameters (#5.5.4)"},
      {"SIZE=1", "syntax error in parameters (#5.5.4)"},
      {" =1", "syntax error in parameters (#5.5.4)"},
      {" X_Y=1", "syntax error in parameters (#5.5.4)"},
      {" SIZE=1\tBODY=7BIT", "syntax error in parameters (#5.5.4)"},
      {" SIZE=1\t", "syntax error in parameters (#5.5.4)"},
      {" SIZE=1 \t", "syntax error in parameters (#5.5.4)"},
      {" X-Y=\xc3\xa4", "syntax error in parameters (#5.5.4)"},
      {" \xc3\xa4", "syntax error in parameters (#5.5.4)"},
      {" BODY", "bad BODY (#5.5.4)"},
      {" BODY=9BIT", "bad BODY (#5.5.4)"},
      {" BODY=7BIT BODY=7BIT", "BODY given twice (#5.5.4)"},
      {" SMTPUTF8=1", "bad SMTPUTF8 (#5.5.4)"},
      {" SMTPUTF8 smtputf8", "SMTPUTF8 given twice (#5.5.4)"},
      {" RET", "bad RET (#5.5.4)"},
      {" RET=NONE", "bad RET (#5.5.4)"},
      {" RET=FULL RET=FULL", "RET given twice (#5.5.4)"},
      {" ENVID", "bad ENVID (#5.5.4)"},
      {" ENVID=a+b", "bad ENVID (#5.5.4)"},
      {" ENVID=a+2b", "bad ENVID (#5.5.4)"},
      {" ENVID=a+0D+0Ab", "bad ENVID (#5.5.4)"},
      {" ENVID=\xc3\xa4", "bad ENVID (#5.5.4)"},
      {" ENVID=a ENVID=a", "ENVID given twice (#5.5.4)"},
      {long_envid, "bad ENVID (#5.5.4)"},
      {" AUTH", "bad AUTH (#5.5.4)"},
      {" AUTH=a+b@d", "bad AUTH (#5.5.4)"},
      {" AUTH=<u@d", "bad AUTH (#5.5.4)"},
      {" AUTH=<u@d>x", "bad AUTH (#5.5.4)"},
      {" AUTH=<>x", "bad AUTH (#5.5.4)"},
      {" AUTH=u@d+20x", "bad AUTH (#5.5.4)"},
      {" AUTH=u@", "bad AUTH (#5.5.4)"},
      {" AUTH=+C3+A4@d", "bad AUTH (#5.5.4)"},
      {" AUTH=<> AUTH=<>", "AUTH given twice (#5.5.4)"},
      {" REQUIRETLS=YES", "bad REQUIRETLS (#5.5.4)"},
      {" MT-PRIORITY", "bad MT-PRIORITY (#5.5.4)"},
      {" MT-PRIORITY=10", "bad MT-PRIORITY (#5.5.4)"},
      {" MT-PRIORITY=+1", "bad MT-PRIORITY (#5.5.4)"},
      {" MT-PRIORITY=-0", "bad MT-PRIORITY (#5.5.4)"},
      {" MT-PRIORITY=-", "bad MT-PRIORITY (#5.5.4)"},
      {" BY", "bad BY (#5.5.4)"},
      {" BY=5", "bad BY (#5.5.4)"},
      {" BY=5;", "bad BY (#5.5.4)"},
      {" BY=5;X", "bad BY (#5.5.4)"},
      {" BY=5;T", "bad BY (#5.5.4)"},
      {" BY=5;TR", "bad BY (#5.5.4)"},
      {" BY=5;RTT", "bad BY (#5.5.4)"},
      {" BY=;R", "bad BY (#5.5.4)"},
      {" BY=-+5;N", "bad BY (#5.5.4)"},
      {" BY=1000000000;R", "bad BY (#5.5.4)"},  // ten digits
      {" BY=0;R", "bad BY (#5.5.4)"},           // returned before it is sent
      {" BY=-1;R", "bad BY (#5.5.4)"},
      {" HOLDFOR=0", "bad HOLDFOR (#5.5.4)"},
      {" HOLDFOR=-1", "bad HOLDFOR (#5.5.4)"},
      {" HOLDFOR=1000000000", "bad HOLDFOR (#5.5.4)"},
      {" HOLDUNTIL=2026-03-01", "bad HOLDUNTIL (#5.5.4)"},
      {" HOLDFOR=1 HOLDFOR=1", "HOLDFOR given twice (#5.5.4)"},
      {" HOLDFOR=1 HOLDUNTIL=2026-03-01T12:00:00Z", "bad HOLDUNTIL (#5.5.4)"},
      {" HOLDUNTIL=2026-03-01T12:00:00Z HOLDFOR=1", "bad HOLDFOR (#5.5.4)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    const auto parsed = ParseMailParameters(c.text, kEverything);
    const auto* reply = std::get_if<Reply>(&parsed);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(*reply, (Reply{501, {5, 5, 4}, std::string(c.reply)}));
  }
}

TEST(ParametersTest, ParsesRcptParameters) {
  struct Case {
    absl::string_view text;
    RcptParameters want;
    absl::string_view printed = "";  // if not `text`
  };
  const Case cases[] = {
      {"", {}},
      {" NOTIFY=NEVER", {.notify = Notify{}}},
      {" notify=never", {.notify = Notify{}}, " NOTIFY=NEVER"},
      {" NOTIFY=SUCCESS", {.notify = Notify{.success = true}}},
      {" NOTIFY=FAILURE", {.notify = Notify{.failure = true}}},
      {" NOTIFY=DELAY", {.notify = Notify{.delay = true}}},
      {" NOTIFY=Delay,Failure,Success,Delay",
       {.notify = Notify{true, true, true}},
       " NOTIFY=SUCCESS,FAILURE,DELAY"},
      {" ORCPT=rfc822;e+3Dmc2@d", {.orcpt = Orcpt{"rfc822", "e=mc2@d"}}},
      {" ORCPT=utf-8;\\x{E4}@d", {.orcpt = Orcpt{"utf-8", "\\x{E4}@d"}}},
      {" ORCPT=utf-8;\xc3\xa4@d", {.orcpt = Orcpt{"utf-8", "\xc3\xa4@d"}}},
      {" RRVS=2026-03-01T12:00:00Z",
       {.rrvs = Rrvs{kNoon}},
       " RRVS=2026-03-01T12:00:00Z;R"},
      {" RRVS=2026-03-01T12:00:00Z;R", {.rrvs = Rrvs{kNoon}}},
      {" rrvs=2026-03-01T04:00:00-08:00;c",
       {.rrvs = Rrvs{kNoon, Rrvs::Action::kContinue}},
       " RRVS=2026-03-01T12:00:00Z;C"},
      {" RRVS=2026-03-01T12:00:00Z ORCPT=rfc822;u@d NOTIFY=NEVER",
       {.notify = Notify{},
        .orcpt = Orcpt{"rfc822", "u@d"},
        .rrvs = Rrvs{kNoon}},
       " NOTIFY=NEVER ORCPT=rfc822;u@d RRVS=2026-03-01T12:00:00Z;R"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    const auto parsed = ParseRcptParameters(c.text, kEverything, Utf8::kYes);
    const auto* parameters = std::get_if<RcptParameters>(&parsed);
    ASSERT_NE(parameters, nullptr);
    EXPECT_EQ(*parameters, c.want);
    const std::string printed = FormatRcptParameters(*parameters);
    EXPECT_EQ(printed, c.printed.empty() ? c.text : c.printed);
    EXPECT_EQ(std::get<RcptParameters>(
                  ParseRcptParameters(printed, kEverything, Utf8::kYes)),
              c.want);
  }
}

TEST(ParametersTest, NamesTheErrorInRcptParameters) {
  struct Case {
    absl::string_view text;
    absl::string_view reply;
  };
  const Case cases[] = {
      {"x", "syntax error in parameters (#5.5.4)"},
      {" a=b=c", "syntax error in parameters (#5.5.4)"},
      {" NOTIFY", "bad NOTIFY (#5.5.4)"},
      {" NOTIFY=SOMETIMES", "bad NOTIFY (#5.5.4)"},
      {" NOTIFY=NEVER,DELAY", "bad NOTIFY (#5.5.4)"},
      {" NOTIFY=DELAY,NEVER", "bad NOTIFY (#5.5.4)"},
      {" NOTIFY=DELAY,", "bad NOTIFY (#5.5.4)"},
      {" NOTIFY=,DELAY", "bad NOTIFY (#5.5.4)"},
      {" NOTIFY=DELAY;FAILURE", "bad NOTIFY (#5.5.4)"},
      {" NOTIFY=NEVER NOTIFY=NEVER", "NOTIFY given twice (#5.5.4)"},
      {" ORCPT=u@d", "bad ORCPT (#5.5.4)"},
      {" ORCPT=rfc822;\xc3\xa4@d", "bad ORCPT (#5.5.4)"},
      {" ORCPT=utf-8;\xc3\xa4@d", "bad ORCPT (#5.5.4)"},  // without SMTPUTF8
      {" ORCPT=rfc822;a ORCPT=rfc822;a", "ORCPT given twice (#5.5.4)"},
      {" RRVS", "bad RRVS (#5.5.4)"},
      {" RRVS=2026-03-01", "bad RRVS (#5.5.4)"},
      {" RRVS=2026-03-01T12:00:00Z;", "bad RRVS (#5.5.4)"},
      {" RRVS=2026-03-01T12:00:00Z;X", "bad RRVS (#5.5.4)"},
      {" RRVS=2026-03-01T12:00:00ZC", "bad RRVS (#5.5.4)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.text));
    const auto parsed = ParseRcptParameters(c.text, kEverything, Utf8::kNo);
    const auto* reply = std::get_if<Reply>(&parsed);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(*reply, (Reply{501, {5, 5, 4}, std::string(c.reply)}));
  }
}

// RFC 5321 4.1.1.11: a parameter that is not offered is unknown, whatever its
// value.
TEST(ParametersTest, AcceptsOnlyOfferedParameters) {
  struct Case {
    absl::string_view text;
    ParameterRules needs;
  };
  constexpr ParameterRules kDsn = {{Extension::kDsn}};
  constexpr ParameterRules kFutureRelease = {{Extension::kFutureRelease}};
  const Case mail[] = {
      {" SMTPUTF8", {{Extension::kSmtpUtf8}}},
      {" SMTPUTF8=1", {{Extension::kSmtpUtf8}}},
      {" RET=FULL", kDsn},
      {" RET=NONE", kDsn},
      {" ENVID=e", kDsn},
      {" AUTH=u@d", {{}, /*auth_offered=*/true}},
      {" REQUIRETLS", {{Extension::kRequireTls}}},
      {" MT-PRIORITY=1", {{Extension::kMtPriority}}},
      {" BY=1;N", {{Extension::kDeliverBy}}},
      {" HOLDFOR=1", kFutureRelease},
      {" HOLDUNTIL=2026-03-01T12:00:00Z", kFutureRelease},
  };
  const Case rcpt[] = {
      {" NOTIFY=NEVER", kDsn},
      {" ORCPT=rfc822;u", kDsn},
      {" ORCPT=u", kDsn},
      {" RRVS=2026-03-01T12:00:00Z", {{Extension::kRrvs}}},
  };
  const auto others = [](const ParameterRules& needs) {
    ParameterRules rules = {{}, !needs.auth_offered};
    for (const ExtensionRow& row : kExtensionTable) {
      if (needs.offered.Has(row.extension)) continue;
      rules.offered = rules.offered | ExtensionSet{row.extension};
    }
    return rules;
  };
  // The code of the reply, or 0.
  const auto code = [](const auto& parsed) {
    const auto* reply = std::get_if<Reply>(&parsed);
    return reply == nullptr ? 0 : reply->code;
  };
  for (const Case& c : mail) {
    SCOPED_TRACE(std::string(c.text));
    EXPECT_EQ(code(ParseMailParameters(c.text, others(c.needs))), 555);
    EXPECT_NE(code(ParseMailParameters(c.text, c.needs)), 555);
    EXPECT_EQ(code(ParseRcptParameters(c.text, c.needs, Utf8::kYes)), 555);
  }
  for (const Case& c : rcpt) {
    SCOPED_TRACE(std::string(c.text));
    EXPECT_EQ(code(ParseRcptParameters(c.text, others(c.needs), Utf8::kYes)),
              555);
    EXPECT_NE(code(ParseRcptParameters(c.text, c.needs, Utf8::kYes)), 555);
    EXPECT_EQ(code(ParseMailParameters(c.text, c.needs)), 555);
  }
  const auto unknown = ParseMailParameters(" X-Y=1", kEverything);
  ASSERT_TRUE(std::holds_alternative<Reply>(unknown));
  EXPECT_EQ(std::get<Reply>(unknown),
            (Reply{555, {5, 5, 4}, "unknown parameter (#5.5.4)"}));
  // The keyword is known, and only its value is refused.
  EXPECT_EQ(code(ParseMailParameters(" BODY=BINARYMIME", kNothing)), 501);
}

// AUTH=<> makes no claim, and clients send it to any server.
TEST(ParametersTest, AlwaysAcceptsAnEmptyAuth) {
  const auto parsed = ParseMailParameters(" AUTH=<>", kNothing);
  const auto* parameters = std::get_if<MailParameters>(&parsed);
  ASSERT_NE(parameters, nullptr);
  EXPECT_EQ(parameters->auth, Path());
  for (absl::string_view text : {" AUTH=u@d", " AUTH=<u@d>", " AUTH"}) {
    const auto refused = ParseMailParameters(text, kNothing);
    ASSERT_TRUE(std::holds_alternative<Reply>(refused)) << std::string(text);
    EXPECT_EQ(std::get<Reply>(refused).code, 555) << std::string(text);
  }
}

TEST(ParametersTest, LenientModeIgnoresDsnParameters) {
  constexpr ParameterRules kLenient = {{}, false, Strictness::kLenient};
  const auto mail = ParseMailParameters(
      " RET=FULL SIZE=5 ENVID=a+2 RET=odd BODY=7BIT", kLenient);
  const auto* of_mail = std::get_if<MailParameters>(&mail);
  ASSERT_NE(of_mail, nullptr);
  EXPECT_EQ(*of_mail, (MailParameters{.size = 5, .body = BodyType::k7Bit}));
  const auto rcpt = ParseRcptParameters(
      " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;u@d", kLenient, Utf8::kNo);
  const auto* of_rcpt = std::get_if<RcptParameters>(&rcpt);
  ASSERT_NE(of_rcpt, nullptr);
  EXPECT_EQ(*of_rcpt, RcptParameters());
  // Other parameters are promises, and are not ignored.
  for (absl::string_view text :
       {" SMTPUTF8", " REQUIRETLS", " MT-PRIORITY=1", " BY=1;N", " HOLDFOR=1",
        " AUTH=u@d", " X=1", " NOTIFY=NEVER"}) {
    const auto refused = ParseMailParameters(text, kLenient);
    ASSERT_TRUE(std::holds_alternative<Reply>(refused)) << std::string(text);
    EXPECT_EQ(std::get<Reply>(refused).code, 555) << std::string(text);
  }
  // Bad syntax is still refused.
  EXPECT_TRUE(
      std::holds_alternative<Reply>(ParseMailParameters(" RET=a=b", kLenient)));
  EXPECT_TRUE(std::holds_alternative<Reply>(
      ParseMailParameters(" RET=\xc3\xa4", kLenient)));
  // If DSN is offered, its parameters are parsed.
  constexpr ParameterRules kOffered = {
      {Extension::kDsn}, false, Strictness::kLenient};
  EXPECT_TRUE(
      std::holds_alternative<Reply>(ParseMailParameters(" RET=odd", kOffered)));
}

}  // namespace
}  // namespace postern
