// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/crc32c.h"

#include <array>

namespace postern::net {
namespace {

// 0x1edc6f41 with its bits in reverse order.
constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t octet = 0; octet < table.size(); ++octet) {
    uint32_t remainder = octet;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = remainder >> 1 ^ ((remainder & 1) != 0 ? kPolynomial : 0);
    }
    table[octet] = remainder;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

}  // namespace

uint32_t Crc32c(absl::string_view octets, uint32_t before) {
  uint32_t crc = ~before;
  for (char c : octets) {
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return ~crc;
}

}  // namespace postern::net
