// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: an attacker on the network may change, insert, remove or cut what a
// client sends. The server reads only a beginning of what the client has
// written, and all of it if the attacker did nothing.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "net/channel.h"
#include "net/test_certificates.h"
#include "net/tls_channel.h"
#include "net/tls_context.h"
#include "net/tls_test_client.h"

namespace postern::net {
namespace {

void Talk(FuzzedDataProvider input) {
  static const auto context = [] {
    TestCertificates files;
    return *TlsContext::Make({.certificates = {files.Make("mx", {})}});
  }();
  TestWire wire;
  TlsChannel server(context, &wire);
  constexpr int kTls12 = 0x303;
  TlsTestClient client({.max_version = kTls12 + input.ConsumeBool()}, &wire);
  wire.stutter = input.ConsumeBool();
  if (input.ConsumeBool()) wire.step = 1;
  std::string room(1 + input.ConsumeIntegral<uint8_t>(), '\0');
  std::string written, read;
  bool greeted = false, closed = false, touched = false;  // the client's side
  bool accepted = false, ended = false;                   // the server's
  std::string& sent = wire.to_server;
  for (int turns = 0; turns < 40 && !ended; ++turns) {
    const size_t at = input.ConsumeIntegral<uint16_t>() % (sent.size() + 1);
    const int what = input.ConsumeIntegralInRange(0, 9);
    const std::string text = input.ConsumeRandomLengthString(200);
    if (what < 4) touched = true;
    if (what == 0) sent.insert(at, text);
    if (what == 1) sent.erase(at, text.size());
    if (what == 2 && at > 0) sent[at - 1] ^= 1 << (text.size() % 8);
    if (what == 3) wire.client_gone = true;
    greeted = greeted || client.Handshake();
    if (what == 4 && greeted && !closed) client.CloseNotify();
    closed = closed || (what == 4 && greeted);
    if (what > 5 && greeted && !closed && !text.empty()) {
      client.Write(text);
      written += text;
    }
    for (bool idle = turns < 39 && what % 2 != 0; !idle && !ended;) {
      const bool all = sent.empty() && !wire.client_gone;
      const Channel::Result result =
          accepted ? server.Read(absl::MakeSpan(room)) : server.Handshake();
      if (accepted) read.append(room, 0, result.count);
      accepted = accepted || result.kind == Channel::Result::Kind::kOk;
      ended = result.kind == Channel::Result::Kind::kEnd;
      idle = all && result.kind == Channel::Result::Kind::kWantRead;
    }
  }
  EXPECT_EQ(read, written.substr(0, read.size()));
  EXPECT_TRUE(touched || read == written) << server.error();
}

}  // namespace
}  // namespace postern::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  postern::net::Talk({data, size});
  return 0;
}
