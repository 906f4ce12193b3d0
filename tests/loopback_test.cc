// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/loopback.h"

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr int kDialogues = 3000;

// A seed names one dialogue for good: no distributions of the library's.
class Random {
 public:
  explicit Random(int seed) : engine_(static_cast<unsigned>(seed)) {}
  size_t operator()(size_t n) { return engine_() % n; }

 private:
  std::mt19937 engine_;
};

constexpr absl::string_view kLocalParts[] = {"u", "v", "a b", "no", "nobody"};
constexpr absl::string_view kContent[] = {
    "text\r\n", "x", "\r\n", ".", "..\r\n", ".x\r\n", "QUIT\r\n", "\r\n.\r\n",
};
constexpr absl::string_view kBare[] = {"\n", "\r", "\r\n.\n", "\n.\r\n"};

LoopbackMail GenerateMail(Random& random) {
  LoopbackMail mail;
  const auto path = [&](size_t kinds) {
    return Path{std::string(kLocalParts[random(kinds)]), "d"};
  };
  if (random(8) != 0) mail.mail.from = path(random(4) == 0 ? 5 : 3);
  if (random(3) == 0) mail.mail.parameters.size = random(1000);
  if (random(3) == 0) mail.mail.parameters.body = BodyType::k8BitMime;
  for (size_t n = random(5); n > 0; --n) mail.to.push_back(path(5));
  for (size_t n = random(12); n > 0; --n) {
    absl::StrAppend(&mail.content, kContent[random(std::size(kContent))]);
  }
  if (random(20) == 0) {
    absl::StrAppend(&mail.content, kBare[random(std::size(kBare))],
                    random(2) == 0 ? "x" : "");
  }
  mail.chunks = random(2) == 0;
  return mail;
}

TEST(LoopbackTest, WhatIsSentArrivesHoweverItIsCut) {
  size_t messages = 0;
  for (int seed = 1; seed <= kDialogues; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    Loopback loopback;
    loopback.server.max_errors = 1000;
    loopback.client.max_pipelined = 1 + random(8);
    loopback.ehlo = random(4) != 0;
    for (size_t n = random(6); n > 0; --n) {
      loopback.mails.push_back(GenerateMail(random));
    }
    const size_t most = random(2) == 0 ? 4 : 4096;  // bytes at once
    messages += RunLoopback(
        loopback, [&](size_t n) { return random(std::min(n, most)); });
    if (HasFailure()) return;
  }
  EXPECT_GT(messages, size_t{kDialogues} / 2);
}

TEST(LoopbackTest, PassesALargeMessage) {
  Loopback loopback;
  LoopbackMail mail{{{"s", "x"}}, {{"u", "d"}}};
  while (mail.content.size() < size_t{1} << 20) {
    absl::StrAppend(&mail.content, ".", std::string(70, 'x'), "\r\n..\r\n");
  }
  loopback.mails = {mail, mail};
  Random random(1);
  EXPECT_EQ(RunLoopback(loopback, [&](size_t n) { return random(n); }), 2u);
}

}  // namespace
}  // namespace postern
