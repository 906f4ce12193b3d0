// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: what a client sends arrives at a server's sink as it was sent, or
// not at all where the server refuses or the content has bare newlines; and
// each command has its own reply. However the bytes are cut: tests/loopback.h.

#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "engine/event.h"
#include "engine/path.h"
#include "gtest/gtest.h"
#include "tests/loopback.h"

namespace postern {
namespace {

// A path of up to three letters that often matter.
Path MakePath(FuzzedDataProvider& input) {
  std::string user;
  for (size_t n = input.ConsumeIntegralInRange<size_t>(1, 3); n > 0; --n) {
    user += input.PickValueInArray({'n', 'o', 'u', ' ', '"', '\\', '@', '.'});
  }
  const Path path{user, "d"};
  const auto parsed = ParsePath(FormatPath(path));
  return parsed && parsed->path == path ? path : Path{"u", "d"};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;  // each byte costs many steps
  FuzzedDataProvider input(data, size);
  Loopback loopback;
  loopback.server.max_errors = 1000;
  loopback.client.max_pipelined = input.ConsumeIntegralInRange<size_t>(1, 9);
  loopback.ehlo = input.ConsumeBool();
  for (size_t n = input.ConsumeIntegralInRange<size_t>(0, 4); n > 0; --n) {
    LoopbackMail mail;
    if (input.ConsumeBool()) mail.mail.from = MakePath(input);
    if (input.ConsumeBool()) {
      mail.mail.parameters.size = input.ConsumeIntegral<uint16_t>();
    }
    for (size_t k = input.ConsumeIntegralInRange<size_t>(0, 4); k > 0; --k) {
      mail.to.push_back(MakePath(input));
    }
    mail.chunks = input.ConsumeBool();
    mail.content = input.ConsumeRandomLengthString();
    loopback.mails.push_back(mail);
  }
  // Behind the input all go byte by byte.
  (void)RunLoopback(loopback, [&](size_t n) {
    return input.ConsumeIntegralInRange<size_t>(0, n - 1);
  });
  return 0;
}

}  // namespace postern
