// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/xclient.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/grammar/decimal.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/xtext.h"

namespace postern {
namespace {

bool ReadText(absl::string_view value, std::string* out) {
  *out = std::string(value);
  return !value.empty() && value.size() <= kMaxXClientText &&
         !absl::StrContains(value, "\t");
}

// Postfix writes an IPv6 address with the tag "IPV6:".
bool ReadAddress(absl::string_view value, std::optional<IpAddress>* out) {
  constexpr absl::string_view kTag = "IPV6:";
  const bool tagged = absl::StartsWithIgnoreCase(value, kTag);
  if (tagged) value.remove_prefix(kTag.size());
  *out = IpAddress::Parse(value);
  return *out && absl::StrContains(value, ':') == tagged;
}

bool ReadPort(absl::string_view value, uint16_t* out) {
  const std::optional<uint64_t> port = ParseDecimal(value, 5);
  if (!port || *port == 0 || *port > 65535) return false;
  *out = static_cast<uint16_t>(*port);
  return true;
}

bool ReadProtocol(absl::string_view value, XClientProtocol* out) {
  const bool esmtp = absl::EqualsIgnoreCase(value, "ESMTP");
  *out = esmtp ? XClientProtocol::kEsmtp : XClientProtocol::kSmtp;
  return esmtp || absl::EqualsIgnoreCase(value, "SMTP");
}

// Parses an attribute into a member of XClient. Returns false for a bad value.
template <auto kMember, auto kRead>
bool Read(absl::string_view value, XClient* out) {
  auto& attribute = (out->*kMember).emplace();
  using Kind = decltype(attribute.kind);
  if (absl::EqualsIgnoreCase(value, "[UNAVAILABLE]")) {
    attribute.kind = Kind::kUnavailable;
    return true;
  }
  if (absl::EqualsIgnoreCase(value, "[TEMPUNAVAIL]")) {
    attribute.kind = Kind::kTemporary;
    return true;
  }
  return kRead(value, &attribute.value);
}

struct Row {
  absl::string_view name;
  bool (*read)(absl::string_view value, XClient* out);
};
constexpr Row kRows[] = {
    {"NAME", Read<&XClient::name, ReadText>},
    {"HELO", Read<&XClient::helo, ReadText>},
    {"LOGIN", Read<&XClient::login, ReadText>},
    {"ADDR", Read<&XClient::address, ReadAddress>},
    {"PORT", Read<&XClient::port, ReadPort>},
    {"PROTO", Read<&XClient::protocol, ReadProtocol>},
    {"DESTADDR", Read<&XClient::destination_address, ReadAddress>},
    {"DESTPORT", Read<&XClient::destination_port, ReadPort>},
};

Reply Bad(absl::string_view what) {
  return {501, {5, 5, 4}, absl::StrCat(what, " (#5.5.4)")};
}

}  // namespace

std::variant<XClient, Reply> ParseXClient(absl::string_view argument) {
  XClient out;
  unsigned seen = 0;  // bit n: row n was given
  for (absl::string_view word :
       absl::StrSplit(argument, ' ', absl::SkipEmpty())) {
    const absl::string_view name = word.substr(0, word.find('='));
    unsigned bit = 1;
    const Row* row = nullptr;
    for (const Row& candidate : kRows) {
      if (absl::EqualsIgnoreCase(candidate.name, name)) {
        row = &candidate;
        break;
      }
      bit <<= 1;
    }
    if (row == nullptr) return Bad("unknown XCLIENT attribute");
    if ((seen & bit) != 0) return Bad(absl::StrCat(row->name, " given twice"));
    seen |= bit;
    word.remove_prefix(name.size());
    // An attribute without '=' has no value.
    if (!absl::ConsumePrefix(&word, "=")) {
      return Bad(absl::StrCat("bad ", row->name));
    }
    const std::optional<std::string> value = DecodePrintableXtext(word);
    if (!value || !row->read(*value, &out)) {
      return Bad(absl::StrCat("bad ", row->name));
    }
  }
  if (seen == 0) return Bad("syntax: XCLIENT attribute=value...");
  return out;
}

}  // namespace postern
