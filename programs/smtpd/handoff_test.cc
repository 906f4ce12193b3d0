// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd/handoff.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <climits>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace postern::programs {
namespace {

constexpr char kText[] =
    "began=81231 session=2f4zzk3m80ab greeted=1 extended=1 errors=3 "
    "auth-failures=2 messages=4 invalid-recipients=6 reported=5 "
    "early-talk=0 pipelining=1 verb=1 hello=client+20.example identity=u "
    "mechanism=PLAIN";

Handoff Full() {
  return {.began = 81231,
          .session = "2f4zzk3m80ab",
          .handoff = {.greeted = true,
                      .extended = true,
                      .identity = "u",
                      .errors = 3,
                      .auth_failures = 2,
                      .messages = 4,
                      .invalid_recipients = 6,
                      .reported = 5,
                      .violations = {.pipelining = true}},
          .hello_verb = Hello::Verb::kEhlo,
          .hello_name = "client .example",
          .mechanism = "PLAIN"};
}

TEST(HandoffTest, FormatsOneLineOfText) {
  EXPECT_EQ(FormatHandoff(Full()), kText);
  const auto read = ParseHandoff(kText);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Full());
}

TEST(HandoffTest, ParsesWhatItFormats) {
  Handoff extreme;
  extreme.began = UINT64_MAX;
  extreme.handoff.errors = extreme.handoff.auth_failures = INT_MAX;
  extreme.handoff.invalid_recipients = INT_MAX;
  extreme.handoff.messages = extreme.handoff.reported = INT_MAX;
  extreme.handoff.violations.early_talk = true;
  extreme.hello_verb = Hello::Verb::kLhlo;
  for (int c = 0; c < 256; ++c) {
    extreme.hello_name += static_cast<char>(c);
  }
  extreme.handoff.identity = extreme.mechanism = extreme.hello_name;
  for (const Handoff& handoff : {Handoff{}, Full(), extreme}) {
    const std::string text = FormatHandoff(handoff);
    for (const char c : text) EXPECT_TRUE(c >= ' ' && c <= '~') << c;
    const auto read = ParseHandoff(text);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, handoff) << text;
  }
}

TEST(HandoffTest, RefusesInvalidText) {
  struct Row {
    absl::string_view from;
    absl::string_view to;
    absl::string_view names;  // the text that the error contains
  };
  constexpr Row kRows[] = {
      {kText, "", "began"},
      {"began=81231 ", "", "began"},
      {"=81231", "", "began"},
      {"=81231", "=-1", "began"},
      {"=81231", "=18446744073709551616", "began"},
      {"greeted=1", "greeted=2", "greeted"},
      {"errors=3", "errors=2147483648", "errors"},
      {"errors=3 auth-failures=2", "auth-failures=2 errors=3", "errors"},
      {"verb=1", "verb=3", "verb"},
      {"+20", "+2", "hello"},
      {" mechanism=PLAIN", "", "mechanism"},
      {"PLAIN", "PLAIN x=1", "after the last"},
      {"PLAIN", "PLAIN=", "mechanism"},
  };
  for (const Row& row : kRows) {
    const std::string text = absl::StrReplaceAll(kText, {{row.from, row.to}});
    const auto read = ParseHandoff(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_TRUE(absl::StrContains(read.status().message(), row.names))
        << text << ": " << read.status();
  }
}

// If the sysctl vm.memfd_noexec is set, the kernel adds the seal F_SEAL_EXEC.
// The test uses another seal instead, which every kernel supports.
TEST(HandoffTest, AcceptsAnAdditionalSeal) {
  const int file = memfd_create("test", MFD_ALLOW_SEALING);
  ASSERT_GE(file, 0);
  const std::string text = FormatHandoff(Full());
  ASSERT_EQ(write(file, text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
  ASSERT_EQ(fcntl(file, F_ADD_SEALS,
                  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
                      F_SEAL_FUTURE_WRITE),
            0);
  const auto read = LoadHandoff(file);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Full());
}

TEST(HandoffTest, StoresTheStateInASealedFile) {
  Handoff large = Full();
  large.hello_name = std::string(4096, '\xff');
  large.handoff.identity = std::string(9216, '\xff');
  for (const Handoff& handoff : {Handoff{}, Full(), large}) {
    auto stored = StoreHandoff(handoff);
    ASSERT_TRUE(stored.ok()) << stored.status();
    const int descriptor = stored->Release();  // LoadHandoff() closes it
    EXPECT_LT(pwrite(descriptor, "x", 1, 0), 0);
    EXPECT_NE(ftruncate(descriptor, 0), 0);
    EXPECT_EQ(fcntl(descriptor, F_GETFD), 0);  // exec(2) does not close it
    const auto read = LoadHandoff(descriptor);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, handoff);
    EXPECT_LT(fcntl(descriptor, F_GETFD), 0) << "a child would inherit it";
  }
}

TEST(HandoffTest, RefusesOtherFiles) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int plain = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_GE(null, 0);
  ASSERT_GE(plain, 0);
  const std::string text = FormatHandoff(Full());
  ASSERT_EQ(write(plain, text.data(), text.size()),
            static_cast<ssize_t>(text.size()));
  for (int descriptor : {null, plain, 1000000}) {
    const auto read = LoadHandoff(descriptor);
    ASSERT_FALSE(read.ok());
    EXPECT_TRUE(absl::StrContains(read.status().message(),
                                  absl::StrCat("descriptor ", descriptor)))
        << read.status();
  }
  EXPECT_EQ(close(null), 0);
  EXPECT_EQ(close(plain), 0);
}

}  // namespace
}  // namespace postern::programs
