// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/mail_options.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/server_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/control/controls.h"
#include "service/options.h"

namespace postern::service {
namespace {

using ::testing::HasSubstr;

constexpr OptionRow kRows[] = {
    kConfigRow,
    kControlRow,
    kDeliverRow,
    kOpenRelayRow,
    kSendersRow,
    kExtensionSeparatorsRow,
    kSessionTimeoutRow,
    kBareNewlinesRow,
    kLenientRow,
    kGreetDelayRow,
    kMinRateRow,
    kRateGraceRow,
    kPipeliningRow,
    kLogFormatRow,
    kRecordRow,
    kRecordBodiesRow,
    kAuthRow,
    kCramMd5Row,
    kSaslConfigRow,
    kSaslRealmRow,
    kAuthInsecureRow,
    kAuthDelayRow,
    kAuthOldClientsRow,
    kShowUserRow,
    kIgnoreAuthzidRow,
    kMaxAuthFailuresRow,
    {"max-recipients", "N", ""},
    {"max-errors", "N", ""},
    {"max-invalid-recipients", "N", ""},
};

// Reads `arguments` into `options`. Returns the mistake, or "".
std::string Read(std::vector<const char*> arguments, MailOptions* options) {
  Options given(kRows, CheckOptionRows());
  given.Read(arguments, [](const char*) -> const char* { return nullptr; });
  ReadMailOptions(&given, options);
  return std::string(given.status().message());
}

TEST(MailOptionsTest, WithoutOptionsTheDefaultsStay) {
  MailOptions options;
  ASSERT_EQ(Read({}, &options), "");
  EXPECT_EQ(options.control, "/var/qmail/control");
  EXPECT_EQ(options.deliver, "qmail-queue");
  EXPECT_FALSE(options.open_relay);
  EXPECT_TRUE(options.check_options.empty());
  EXPECT_EQ(options.max_recipients, 1000);
  EXPECT_EQ(options.bare_newlines, BareNewlines::kReject);
  EXPECT_EQ(options.log_format, log::LogFormat::kLogfmt);
  EXPECT_EQ(options.record, "");
}

TEST(MailOptionsTest, RecordBodiesNeedsRecord) {
  MailOptions options;
  EXPECT_EQ(Read({"--record", "/r", "--record-bodies"}, &options), "");
  EXPECT_EQ(options.record, "/r");
  EXPECT_TRUE(options.record_bodies);
  EXPECT_NE(Read({"--record-bodies"}, &options), "");
}

TEST(MailOptionsTest, ReadsEachOption) {
  MailOptions options;
  ASSERT_EQ(
      Read({"--control=/c", "--deliver=discard", "--open-relay", "--senders",
            "--extension-separators=+-", "--max-recipients=7", "--max-errors=8",
            "--session-timeout=9", "--bare-newlines=normalize",
            "--lenient=192.0.2.0/24", "--greet-delay=2", "--min-rate=3",
            "--rate-grace=4", "--pipelining=reject", "--log-format=json"},
           &options),
      "");
  EXPECT_EQ(options.control, "/c");
  EXPECT_EQ(options.deliver, "discard");
  EXPECT_TRUE(options.open_relay);
  EXPECT_TRUE(options.senders);
  EXPECT_EQ(options.extension_separators, "+-");
  EXPECT_EQ(options.max_recipients, 7);
  EXPECT_EQ(options.max_errors, 8);
  EXPECT_EQ(options.session_timeout, 9);
  EXPECT_EQ(options.bare_newlines, BareNewlines::kNormalize);
  EXPECT_EQ(options.greet_delay, 2);
  EXPECT_EQ(options.min_rate, 3);
  EXPECT_EQ(options.rate_grace, 4);
  EXPECT_EQ(options.pipelining, OutOfTurn::kReject);
  EXPECT_EQ(options.log_format, log::LogFormat::kJson);
}

TEST(DestinationOptionTest, NameIsBeforeAnEqualsSign) {
  const struct {
    absl::string_view text;
    absl::string_view name;
    absl::string_view spec;
  } cases[] = {
      {"qmail-queue", "", "qmail-queue"},
      {"maildir:/m/a=b", "", "maildir:/m/a=b"},
      {"smtp:a.example,tls=verify", "", "smtp:a.example,tls=verify"},
      {"out=smtp:a.example,tls=verify", "out", "smtp:a.example,tls=verify"},
      {"The_2nd-one=discard", "The_2nd-one", "discard"},
  };
  for (const auto& c : cases) {
    const auto option = DestinationOption::Parse(c.text);
    ASSERT_TRUE(option.ok()) << option.status();
    EXPECT_EQ(option->name, c.name);
    EXPECT_EQ(option->spec, c.spec);
    EXPECT_EQ(option->Format(), c.text);
  }
  EXPECT_EQ(DestinationOption::Parse("discard")->Place(), "--deliver");
  EXPECT_EQ(DestinationOption::Parse("x=discard")->Place(), "--deliver x");
  for (const absl::string_view text :
       {"=discard", "a.b=discard", "a b=discard", "a=", "b\xc3\xbc=discard"}) {
    EXPECT_FALSE(DestinationOption::Parse(text).ok()) << text;
  }
}

TEST(MailOptionsTest, MistakeNamesItsOption) {
  for (const char* const argument :
       {"--max-recipients=0", "--greet-delay=61", "--bare-newlines=repair",
        "--pipelining=perhaps", "--log-format=xml", "--lenient=nowhere",
        "--extension-separators=+@", "--extension-separators=/"}) {
    MailOptions options;
    const std::string name(argument, std::string(argument).find('='));
    EXPECT_THAT(Read({argument}, &options), HasSubstr(name)) << argument;
  }
}

TEST(MailOptionsTest, OptionsAndControlFilesConfigureTheServer) {
  MailOptions options;
  options.max_recipients = 7;
  options.max_errors = 8;
  options.bare_newlines = BareNewlines::kNormalize;
  options.pipelining = OutOfTurn::kReject;
  policy::Controls controls;
  controls.greeting = "mx.example.org";
  controls.databytes = 12345;
  controls.timeout = absl::Seconds(17);
  const ServerConfig config = MakeServerConfig(options, controls);
  EXPECT_EQ(config.greeting, "mx.example.org");
  EXPECT_EQ(config.max_message_size, 12345u);
  EXPECT_EQ(config.max_recipients, 7u);
  EXPECT_EQ(config.max_errors, 8);
  EXPECT_EQ(config.bare_newlines, BareNewlines::kNormalize);
  EXPECT_EQ(config.pipelining, OutOfTurn::kReject);
  EXPECT_EQ(config.command_timeout, absl::Seconds(17));
  EXPECT_EQ(config.data_timeout, absl::Seconds(17));
}

}  // namespace
}  // namespace postern::service
