// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/loopback.h"

#include <algorithm>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/loopback_choice.h"
#include "tests/loopback_rules.h"

namespace postern {
namespace {

constexpr int kDialogues = 6000;

// A seed always gives the same session: the library's distributions do not.
class Random {
 public:
  explicit Random(int seed) : engine_(static_cast<unsigned>(seed)) {}
  size_t operator()(size_t n) { return engine_() % n; }

 private:
  std::mt19937 engine_;
};

TEST(LoopbackTest, MessagesArriveInPiecesOfAnySize) {
  size_t messages = 0;
  for (int seed = 1; seed <= kDialogues; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Random random(seed);
    const Loopback loopback =
        ChooseLoopback([&](size_t n) { return random(n); });
    const size_t most = random(2) == 0 ? 4 : 4096;  // bytes per read or write
    messages += RunLoopback(
        loopback, [&](size_t n) { return random(std::min(n, most)); });
    if (HasFailure()) return;
  }
  // Most messages are refused, for one of many reasons.
  EXPECT_GT(messages, size_t{kDialogues} / 4);
}

TEST(LoopbackTest, PassesALargeMessage) {
  Loopback loopback;
  LoopbackMail mail{{{"s", "x"}, {}}, {{{"u", "d"}, {}}}, {}};
  while (mail.content.size() < size_t{1} << 20 ||
         IsRefused(mail.content.size())) {
    absl::StrAppend(&mail.content, ".", std::string(70, 'x'), "\r\n..\r\n");
  }
  loopback.acts = {mail, mail};
  Random random(1);
  EXPECT_EQ(RunLoopback(loopback, [&](size_t n) { return random(n); }), 2u);
}

}  // namespace
}  // namespace postern
