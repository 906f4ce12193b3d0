// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/proxied_client.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/client_command.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/xtext.h"

namespace postern {
namespace {

constexpr absl::string_view kUnavailable = "[UNAVAILABLE]";
constexpr absl::string_view kTemporary = "[TEMPUNAVAIL]";

bool IsText(absl::string_view value) {
  // A server takes words in brackets for the absence of a value.
  return !value.empty() && value.size() <= kMaxXClientText &&
         !absl::EqualsIgnoreCase(value, kUnavailable) &&
         !absl::EqualsIgnoreCase(value, kTemporary) &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return absl::ascii_isprint(static_cast<unsigned char>(c));
         });
}

// Dovecot refuses the command for any other HELO.
bool IsHello(absl::string_view value) {
  if (!IsText(value)) return false;
  if (absl::StartsWith(value, "[") && absl::EndsWith(value, "]")) {
    return IpAddress::ParseLiteral(value.substr(1, value.size() - 2))
        .has_value();
  }
  return absl::ascii_isalnum(static_cast<unsigned char>(value.front())) &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '.' || c == '-';
         });
}

std::string Text(absl::string_view value) {
  return std::string(IsText(value) ? value : kUnavailable);
}

// Returns the value of an attribute, not encoded. `write` returns that of a
// value which is known.
template <typename T, typename Write>
std::string Value(const std::optional<XClientValue<T>>& attribute,
                  Write write) {
  using Kind = typename XClientValue<T>::Kind;
  if (!attribute || attribute->kind == Kind::kUnavailable) {
    return std::string(kUnavailable);
  }
  if (attribute->kind == Kind::kTemporary) return std::string(kTemporary);
  return write(attribute->value);
}

std::string Address(
    const std::optional<XClientValue<std::optional<IpAddress>>>& attribute) {
  return Value(attribute, [](const std::optional<IpAddress>& value) {
    if (!value) return std::string(kUnavailable);
    return absl::StrCat(value->v4() ? "" : "IPV6:", value->ToString());
  });
}

std::string Port(const std::optional<XClientValue<uint16_t>>& attribute) {
  return Value(attribute, [](uint16_t value) {
    return value == 0 ? std::string(kUnavailable) : absl::StrCat(value);
  });
}

struct Row {
  absl::string_view name;
  std::string (*value)(const ProxiedClient& client);
};

constexpr Row kAddr = {"ADDR", [](const ProxiedClient& client) {
                         return Address(client.client.address);
                       }};
constexpr Row kPort = {"PORT", [](const ProxiedClient& client) {
                         return Port(client.client.port);
                       }};
constexpr Row kProto = {
    "PROTO", [](const ProxiedClient& client) {
      return Value(client.client.protocol, [](XClientProtocol value) {
        return std::string(value == XClientProtocol::kSmtp ? "SMTP" : "ESMTP");
      });
    }};
constexpr Row kHelo = {
    "HELO", [](const ProxiedClient& client) {
      return Value(client.client.helo, [](const std::string& value) {
        return IsHello(value) ? value : std::string(kUnavailable);
      });
    }};
constexpr Row kName = {"NAME", [](const ProxiedClient& client) {
                         return Value(client.client.name, Text);
                       }};

// In the order in which the attributes get their place in the line.
constexpr Row kXClient[] = {
    kAddr,
    kPort,
    kProto,
    {"LOGIN",
     [](const ProxiedClient& client) {
       return Value(client.client.login, Text);
     }},
    {"DESTADDR",
     [](const ProxiedClient& client) {
       return Address(client.client.destination_address);
     }},
    {"DESTPORT",
     [](const ProxiedClient& client) {
       return Port(client.client.destination_port);
     }},
    {"SESSION",
     [](const ProxiedClient& client) { return Text(client.session); }},
    kHelo,
    kName,
};
constexpr Row kXForward[] = {
    kAddr,
    kPort,
    kProto,
    {"SOURCE",
     [](const ProxiedClient& client) {
       return std::string(client.local ? "LOCAL" : "REMOTE");
     }},
    {"IDENT", [](const ProxiedClient& client) { return Text(client.session); }},
    kHelo,
    kName,
};

std::string TextOf(absl::string_view verb, const Row& row,
                   const ProxiedClient& client) {
  std::string value = row.value(client);
  // Postfix refuses an XFORWARD with it.
  const bool unknown = verb == "XFORWARD" && value == kTemporary;
  return unknown ? std::string(kUnavailable) : value;
}

// Returns the line, for a server that offers `verb`.
std::string Line(absl::string_view verb, absl::Span<const Row> rows,
                 const ProxiedClient& client, const EhloKeywords& keywords) {
  std::string line(verb);
  // Each of the attributes that follow can be unavailable.
  size_t left = 0;
  const auto least = [](const Row& row) {
    return 1 + row.name.size() + 1 + kUnavailable.size();
  };
  for (const Row& row : rows) {
    if (keywords.HasParameter(verb, row.name)) left += least(row);
  }
  for (const Row& row : rows) {
    if (!keywords.HasParameter(verb, row.name)) continue;
    left -= least(row);
    std::string value = EncodeXtext(TextOf(verb, row, client));
    const size_t size = line.size() + 1 + row.name.size() + 1 + value.size();
    if (size + left + 2 > kMaxClientLine) value = std::string(kUnavailable);
    absl::StrAppend(&line, " ", row.name, "=", value);
  }
  return line + "\r\n";
}

}  // namespace

absl::StatusOr<std::string> XClientLine(const ProxiedClient& client,
                                        const EhloKeywords& keywords) {
  if (!keywords.HasParameter("XCLIENT", "ADDR")) {
    return NotOffered("XCLIENT with ADDR");
  }
  return Line("XCLIENT", kXClient, client, keywords);
}

absl::StatusOr<std::string> XForwardLine(const ProxiedClient& client,
                                         const EhloKeywords& keywords) {
  if (keywords.Parameters("XFORWARD").empty()) return NotOffered("XFORWARD");
  std::string line = Line("XFORWARD", kXForward, client, keywords);
  if (line == "XFORWARD\r\n") return NotOffered("an attribute of XFORWARD");
  return line;
}

std::string HelloOf(const ProxiedClient& client) {
  const auto& helo = client.client.helo;
  if (helo && IsHello(helo->value)) return helo->value;
  const auto& address = client.client.address;
  if (!address || !address->value) return "";
  return absl::StrCat("[", address->value->v4() ? "" : "IPv6:",
                      address->value->ToString(), "]");
}

}  // namespace postern
