// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a header has the same result for all cuts, and asks for no octet
// after itself. Headers of both versions, written from any addresses, ports and
// vectors, parse to these, and so do those that FormatProxyHeader() writes.

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "fuzz/proxy_header_writer.h"
#include "gtest/gtest.h"
#include "net/proxy_header.h"

namespace postern::net {
namespace {

using Kind = ProxyHeader::Kind;

void CheckCut(absl::string_view in, size_t cut) {
  const ProxyHeader whole = ParseProxyHeader(in);
  const ProxyHeader part = ParseProxyHeader(in.substr(0, cut));
  EXPECT_EQ(whole.kind == Kind::kError, !whole.error.empty());
  if (part.kind == Kind::kNeedInput) {
    EXPECT_GT(part.size, std::min(cut, in.size()));
  } else {
    EXPECT_EQ(part, whole);
  }
  if (whole.kind != Kind::kAddresses && whole.kind != Kind::kLocal) return;
  EXPECT_LE(whole.size, std::min(in.size(), kMaxProxyHeader));
  EXPECT_EQ(ParseProxyHeader(in.substr(0, whole.size)), whole);
  EXPECT_EQ(part.kind == Kind::kNeedInput, cut < whole.size);
  EXPECT_LE(part.size, whole.size);
}

std::string TakeAddress(FuzzedDataProvider* input, size_t size) {
  std::string octets = input->ConsumeBytesAsString(size);
  octets.resize(size);
  return octets;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const auto cut = input.ConsumeIntegralInRange<size_t>(0, 5000);
  if (input.ConsumeBool()) {
    CheckCut(input.ConsumeRemainingBytesAsString(), cut);
    return 0;
  }
  ProxyHeaderWriter writer;
  const size_t octets = input.ConsumeBool() ? 4 : 16;
  writer.from = {TakeAddress(&input, octets),
                 input.ConsumeIntegral<uint16_t>()};
  writer.to = {TakeAddress(&input, octets), input.ConsumeIntegral<uint16_t>()};
  std::string header = writer.Version1();
  if (input.ConsumeBool()) {
    while (input.ConsumeBool()) {
      writer.AddVector(input.ConsumeIntegralInRange<char>(4, 127),
                       input.ConsumeRandomLengthString(300));
    }
    header = writer.Version2(/*checksum=*/input.ConsumeBool());
    if (header.size() > kMaxProxyHeader) return 0;
  }
  const ProxyHeader want = {
      .kind = Kind::kAddresses,
      .size = header.size(),
      .source = {writer.from.Address(), writer.from.port},
      .destination = {writer.to.Address(), writer.to.port}};
  const std::string formatted =
      FormatProxyHeader(want.source, want.destination);
  const ProxyHeader again = ParseProxyHeader(formatted);
  EXPECT_EQ(again.size, formatted.size());
  EXPECT_EQ(again.source, want.source);
  EXPECT_EQ(again.destination, want.destination);
  header += input.ConsumeRemainingBytesAsString();
  EXPECT_EQ(ParseProxyHeader(header), want);
  CheckCut(header, cut);
  return 0;
}

}  // namespace postern::net
