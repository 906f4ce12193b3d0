// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: whatever was sent, the attributes of XCLIENT are within their limits:
// text is printable and not too long. An attribute has a value if and only if
// its value is known; port 0 counts as none.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/xclient.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Text = std::optional<XClientValue<std::string>>;
using Address = std::optional<XClientValue<std::optional<IpAddress>>>;
using Port = std::optional<XClientValue<uint16_t>>;

void CheckText(const Text& text) {
  if (!text) return;
  EXPECT_EQ(text->kind == Text::value_type::Kind::kKnown, !text->value.empty());
  EXPECT_LE(text->value.size(), kMaxXClientText);
  for (char c : text->value) EXPECT_TRUE(c >= ' ' && c <= '~');
}

void CheckAddress(const Address& address) {
  if (!address) return;
  EXPECT_EQ(address->kind == Address::value_type::Kind::kKnown,
            address->value.has_value());
}

void CheckPort(const Port& port) {
  if (!port) return;
  EXPECT_EQ(port->kind == Port::value_type::Kind::kKnown, port->value != 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = ParseXClient(text);
  const auto* client = std::get_if<XClient>(&parsed);
  if (client == nullptr) return 0;
  EXPECT_NE(*client, XClient());
  for (const Text& t : {client->name, client->helo, client->login}) {
    CheckText(t);
  }
  CheckAddress(client->address);
  CheckAddress(client->destination_address);
  CheckPort(client->port);
  CheckPort(client->destination_port);
  return 0;
}

}  // namespace postern
