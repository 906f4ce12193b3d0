// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Writes headers of the PROXY protocol as its specification describes them,
// without code of the parser.

#ifndef POSTERN_FUZZ_PROXY_HEADER_WRITER_H_
#define POSTERN_FUZZ_PROXY_HEADER_WRITER_H_

#include <arpa/inet.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"

namespace postern::net {

struct ProxyHeaderWriter {
  // An address of 4 or 16 octets. Both ends have the same size.
  struct End {
    std::string octets;
    uint16_t port = 0;

    std::string Text() const {
      char text[INET6_ADDRSTRLEN];
      const int family = octets.size() == 4 ? AF_INET : AF_INET6;
      return inet_ntop(family, octets.data(), text, sizeof(text));
    }
    std::optional<IpAddress> Address() const {
      return IpAddress::Parse(Text());
    }
  };

  static std::string Number(size_t n) {
    return {static_cast<char>(n >> 8), static_cast<char>(n)};
  }

  void AddVector(char type, absl::string_view value) {
    absl::StrAppend(&vectors, std::string(1, type), Number(value.size()),
                    value);
  }

  std::string Version1() const {
    return absl::StrCat("PROXY TCP", v4() ? "4 " : "6 ", from.Text(), " ",
                        to.Text(), " ", from.port, " ", to.port, "\r\n");
  }

  std::string Version2(bool checksum) const {
    std::string block =
        absl::StrCat(from.octets, to.octets, Number(from.port), Number(to.port),
                     vectors, checksum ? std::string("\3\0\4\0\0\0\0", 7) : "");
    std::string header = absl::StrCat(
        absl::string_view("\r\n\r\n\0\r\nQUIT\n\x21", 13),
        std::string(1, v4() ? 0x11 : 0x21), Number(block.size()), block);
    if (!checksum) return header;
    // CRC-32C: the remainder of a division of polynomials, bit by bit.
    uint32_t rest = 0xffffffff;
    for (char c : header) {
      for (int bit = 0; bit < 8; ++bit) {
        const bool odd = ((rest ^ static_cast<unsigned>(c) >> bit) & 1) != 0;
        rest = rest >> 1 ^ (odd ? 0x82f63b78 : 0);
      }
    }
    rest = ~rest;
    return header.replace(header.size() - 4, 4,
                          Number(rest >> 16) + Number(rest & 0xffff));
  }

  bool v4() const { return from.octets.size() == 4; }

  End from;
  End to;
  std::string vectors;
};

}  // namespace postern::net

#endif  // POSTERN_FUZZ_PROXY_HEADER_WRITER_H_
