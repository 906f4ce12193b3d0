// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: transactions with chunks produce exactly the messages, octet by
// octet, that a model of RFC 3030 predicts, for any content of the chunks.
// Nothing in a chunk is a command. The rules of tests/replay.h hold in each
// manner.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/extension.h"
#include "engine/server_config.h"
#include "fuzz/bdat_model.h"
#include "gtest/gtest.h"
#include "tests/follower.h"
#include "tests/replay.h"

namespace postern {
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static constexpr absl::string_view kPieces[] = {
      "x",        "\xff",      "\r\n",
      ".",        "\r\n.\r\n", "MAIL FROM:<evil@x>\r\n",
      "QUIT\r\n", "RSET\r\n",  "BDAT 9\r\n",
      "\r",       "\n"};
  FuzzedDataProvider input(data, size);
  ServerConfig config = {.greeting = "mx"};
  config.carried = ExtensionSet::All();
  config.lmtp = input.ConsumeBool();
  config.max_errors = config.max_hops = 1 << 20;
  config.max_message_size = input.ConsumeBool() ? 40 : 0;
  // The text after a bare newline in a message does not count.
  const int pieces = config.max_message_size > 0 ? 8 : 10;
  const size_t cut = input.ConsumeIntegralInRange<size_t>(1, 30);
  BdatModel model(config.max_message_size);
  std::string wire = config.lmtp ? "LHLO c\r\n" : "EHLO c\r\n";
  bool cut_short = false;
  while (input.remaining_bytes() > 0 && wire.size() < 2000 && !cut_short) {
    const int action = input.ConsumeIntegralInRange(0, 12);
    if (action == 0) wire += "NOOP\r\n";
    if (action == 1) wire += model.Rset();
    if (action == 2) wire += model.Data();
    if (action == 3 || action == 4) wire += model.Mail(input.ConsumeBool());
    if (action == 5 || action == 6) wire += model.Rcpt();
    if (action == 7) {
      // Either the octets never arrive, or their number is not known.
      cut_short = true;
      wire += input.ConsumeBool() ? "BDAT 9999 LAST" : "BDAT 9 9 LAST";
      wire += "\r\nMAIL FROM:<evil@x>\r\n";
    }
    if (action < 8) continue;
    std::string octets;
    for (int n = input.ConsumeIntegralInRange(0, 6); n > 0; --n) {
      absl::StrAppend(&octets,
                      kPieces[input.ConsumeIntegralInRange(0, pieces)]);
    }
    wire += model.Bdat(octets, input.ConsumeBool());
  }
  const Outcome want =
      Replay(config, {wire}, WireEnd::kOpen, {}, BdatModel::Answer);
  EXPECT_EQ(want.messages, model.messages());
  EXPECT_TRUE(cut_short || !want.closed);
  ExpectOneReplyPerCommand(config, {wire}, want);
  const Manner manners[] = {
      {.cuts = {std::string::npos}},
      {.cuts = {cut, 1, 50}, .late = true, .max_open_asks = 4, .rests = true},
      {{cut}, true, true, 4, /*slow_reader=*/true},
      {.cuts = {cut}, .c_interface = true},
  };
  for (const Manner& manner : manners) {
    EXPECT_EQ(Replay(config, {wire}, WireEnd::kOpen, manner, BdatModel::Answer),
              want);
  }
  return 0;
}

}  // namespace postern
