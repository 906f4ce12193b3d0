// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/next_hop.h"

#include <sys/un.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "net/address_words.h"

namespace postern::delivery {
namespace {

using net::OneOrNone;
using net::ReadPath;

constexpr uint16_t kSmtpPort = 25;
constexpr uint16_t kSmtpsPort = 465;  // RFC 8314 7.3

using Kind = NextHop::Kind;

// RFC 1122 3.2.1.3, RFC 4291 2.5.3.
bool IsLoopback(const IpAddress& address) {
  const IpAddress::Bytes& bytes = address.bytes();
  if (address.v4()) return bytes[12] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1,
                     [](uint8_t each) { return each == 0; }) &&
         bytes.back() == 1;
}

constexpr std::pair<TlsLevel, absl::string_view> kLevels[] = {
    {TlsLevel::kNone, "none"},
    {TlsLevel::kMay, "may"},
    {TlsLevel::kEncrypt, "encrypt"},
    {TlsLevel::kVerify, "verify"},
};

absl::Status Wrong(absl::string_view why) {
  return absl::InvalidArgumentError(why);
}

// Returns whether `name` can be a host name (RFC 1123 2.1). An underscore is
// allowed, because private zones have such names.
bool IsHostName(absl::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty() || label.size() > 63) return false;
    const bool valid = std::all_of(label.begin(), label.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
             c == '_';
    });
    if (!valid) return false;
  }
  // "192.0.2" is a mistyped address and not a name.
  const absl::string_view last = name.substr(name.rfind('.') + 1);
  return !std::all_of(last.begin(), last.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

absl::StatusOr<HopAddress> ParseHost(Kind kind, absl::string_view text) {
  const auto wrong = [text](absl::string_view why) {
    return Wrong(absl::StrCat("\"", text, "\": ", why));
  };
  HopAddress address;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    if (!absl::StartsWith(rest, "/")) return wrong("the path is not absolute");
    if (rest.size() >= sizeof(sockaddr_un::sun_path)) {
      return wrong("the path of a Unix socket has at most 107 octets");
    }
    address.path = std::string(rest);
    return address;
  }
  absl::string_view host = rest.substr(0, rest.find(':'));
  if (absl::ConsumePrefix(&rest, "[")) {
    host = rest.substr(0, rest.find(']'));
    address.ip = IpAddress::Parse(host);
    if (!address.ip || !absl::StrContains(host, ":") ||
        rest.size() == host.size()) {
      return wrong("not an IPv6 address in brackets");
    }
    rest.remove_prefix(host.size() + 1);
  } else {
    rest.remove_prefix(host.size());
    address.ip = IpAddress::Parse(host);
    if (!address.ip) {
      if (absl::StartsWith(host, "/")) {
        return wrong("write a Unix socket as unix:PATH");
      }
      if (!IsHostName(host)) {
        return wrong(
            "the host is not a host name, an IPv4 address or an IPv6 address "
            "in brackets");
      }
      address.name = absl::AsciiStrToLower(host);
    }
  }
  if (rest.empty() && kind != Kind::kLmtp) {
    address.port = kind == Kind::kSmtps ? kSmtpsPort : kSmtpPort;
    return address;
  }
  int port = 0;
  if (!absl::ConsumePrefix(&rest, ":")) return wrong("the port is missing");
  const bool digits = std::all_of(rest.begin(), rest.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!digits || !absl::SimpleAtoi(rest, &port) || port < 1 || port > 65535) {
    return wrong("the port is not a number from 1 to 65535");
  }
  if (kind == Kind::kLmtp && port == kSmtpPort) {
    return wrong("LMTP must not use port 25 (RFC 2033 5)");
  }
  address.port = static_cast<uint16_t>(port);
  return address;
}

absl::Status ReadLevel(absl::string_view value, NextHop* hop) {
  std::string names;
  for (const auto& [level, name] : kLevels) {
    if (name == value) {
      hop->tls = level;
      return absl::OkStatus();
    }
    absl::StrAppend(&names, names.empty() ? "" : ", ", name);
  }
  return Wrong(absl::StrCat("not one of ", names));
}

absl::Status ReadName(absl::string_view value, NextHop* hop) {
  if (!IsHostName(value) && !IpAddress::Parse(value)) {
    return Wrong("not a host name or an address");
  }
  hop->tls_name = absl::AsciiStrToLower(value);
  return absl::OkStatus();
}

absl::Status ReadFingerprint(absl::string_view value, NextHop* hop) {
  std::string digits = absl::AsciiStrToLower(value);
  digits.erase(std::remove(digits.begin(), digits.end(), ':'), digits.end());
  const bool valid = std::all_of(digits.begin(), digits.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
  if (!valid || digits.size() != 64) {
    return Wrong("not the 64 hexadecimal digits of a SHA-256");
  }
  hop->fingerprints.push_back(std::move(digits));
  return absl::OkStatus();
}

absl::Status CheckLevel(const NextHop& hop) {
  if (hop.implicit_tls && *hop.tls < TlsLevel::kEncrypt) {
    return Wrong("smtps: always uses TLS");
  }
  return absl::OkStatus();
}

// Without verification, the word would have no effect.
absl::Status CheckVerifies(const NextHop& hop) {
  if (hop.tls && *hop.tls != TlsLevel::kVerify) {
    return Wrong(absl::StrCat("contradicts tls=", TlsLevelName(*hop.tls),
                              ": needs ", "tls=verify"));
  }
  return absl::OkStatus();
}

absl::Status CheckByName(const NextHop& hop) {
  if (!hop.fingerprints.empty()) {
    return Wrong(
        "contradicts fingerprint=: a fingerprint alone verifies the server");
  }
  return CheckVerifies(hop);
}

absl::Status CheckAuth(const NextHop& hop) {
  for (const HopAddress& host : hop.hosts) {
    const TlsLevel level = hop.LevelOf(host);
    if (host.is_local() || level == TlsLevel::kVerify) continue;
    return Wrong(absl::StrCat(
        "contradicts tls=", TlsLevelName(level), ": the server ", host.Format(),
        " gets a password only with tls=verify or fingerprint="));
  }
  return absl::OkStatus();
}

using Word = net::AddressWord<NextHop>;

// A word without a value.
template <bool NextHop::*kFlag>
constexpr Word Flag(absl::string_view name,
                    absl::Status (*check)(const NextHop& hop) = nullptr) {
  return {.name = name,
          .has_value = false,
          .read =
              [](absl::string_view, NextHop* hop) {
                hop->*kFlag = true;
                return absl::OkStatus();
              },
          .check = check,
          .format =
              [](const NextHop& hop) {
                return std::vector<std::string>(hop.*kFlag ? 1 : 0);
              }};
}

// A server would look for the address of the header, and not for that of this
// host, among those that may use XCLIENT.
absl::Status CheckXClient(const NextHop& hop) {
  return hop.proxy ? Wrong("contradicts proxy: both name the client")
                   : absl::OkStatus();
}

// The words of a next hop.
constexpr Word kWords[] = {
    {.name = "tls",
     .read = ReadLevel,
     .check = CheckLevel,
     .format =
         [](const NextHop& hop) {
           return OneOrNone(hop.tls ? std::string(TlsLevelName(*hop.tls)) : "");
         }},
    {.name = "name",
     .read = ReadName,
     .check = CheckByName,
     .format = [](const NextHop& hop) { return OneOrNone(hop.tls_name); }},
    {.name = "ca",
     .read = [](absl::string_view value,
                NextHop* hop) { return ReadPath(value, &hop->ca_file); },
     .check = CheckByName,
     .format = [](const NextHop& hop) { return OneOrNone(hop.ca_file); }},
    {.name = "fingerprint",
     .many = true,
     .read = ReadFingerprint,
     .check = CheckVerifies,
     .format = [](const NextHop& hop) { return hop.fingerprints; }},
    {.name = "auth",
     .read = [](absl::string_view value,
                NextHop* hop) { return ReadPath(value, &hop->auth_file); },
     .check = CheckAuth,
     .format = [](const NextHop& hop) { return OneOrNone(hop.auth_file); }},
    Flag<&NextHop::xclient>("xclient", CheckXClient),
    Flag<&NextHop::xforward>("xforward"),
    Flag<&NextHop::proxy>("proxy"),
    Flag<&NextHop::dsn>("dsn"),
    Flag<&NextHop::binarymime>("binarymime"),
};

// Returns whether `part`, which follows a host, is a word and not a host.
bool IsWord(absl::string_view part) {
  if (absl::StartsWith(part, "unix:")) return false;
  return absl::StrContains(part, "=") ||
         net::FindWord<NextHop>(kWords, part) != nullptr;
}

}  // namespace

absl::string_view TlsLevelName(TlsLevel level) {
  for (const auto& [each, name] : kLevels) {
    if (each == level) return name;
  }
  return "";
}

bool HopAddress::is_local() const {
  if (!path.empty()) return true;
  if (!name.empty()) return name == "localhost";
  return is_loopback();
}

bool HopAddress::is_loopback() const {
  return !path.empty() || (ip && IsLoopback(*ip));
}

std::string HopAddress::Format() const {
  if (!path.empty()) return absl::StrCat("unix:", path);
  const std::string text = ip ? ip->ToString() : "";
  if (!name.empty()) {
    return absl::StrCat(name, ":", port,
                        ip ? absl::StrCat(" (", text, ")") : "");
  }
  return absl::StrContains(text, ":") ? absl::StrCat("[", text, "]:", port)
                                      : absl::StrCat(text, ":", port);
}

absl::StatusOr<NextHop> NextHop::Parse(Kind kind, absl::string_view text) {
  if (text.empty()) {
    return Wrong(
        kind == Kind::kLmtp    ? "the next hop is missing: lmtp:unix:PATH or "
                                 "lmtp:HOST:PORT"
        : kind == Kind::kSmtps ? "the next hop is missing: smtps:HOST[:PORT]"
                               : "the next hop is missing: smtp:HOST[:PORT]");
  }
  NextHop hop;
  hop.lmtp = kind == Kind::kLmtp;
  hop.implicit_tls = kind == Kind::kSmtps;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  const auto words = std::find_if(parts.begin(), parts.end(), IsWord);
  for (auto part = parts.begin(); part != words; ++part) {
    absl::StatusOr<HopAddress> address = ParseHost(kind, *part);
    if (!address.ok()) return address.status();
    if (std::find(hop.hosts.begin(), hop.hosts.end(), *address) !=
        hop.hosts.end()) {
      return Wrong(absl::StrCat("\"", *part, "\": the same server twice"));
    }
    hop.hosts.push_back(*std::move(address));
  }
  if (hop.hosts.empty()) {
    return Wrong(absl::StrCat("the server is missing before ", *words));
  }
  if (hop.hosts.size() > kMaxHosts) {
    return Wrong(
        absl::StrCat("a next hop has at most ", kMaxHosts, " servers"));
  }
  const absl::Status read =
      net::ReadWords<NextHop>(kWords,
                              absl::MakeConstSpan(parts).subspan(
                                  static_cast<size_t>(words - parts.begin())),
                              &hop);
  if (!read.ok()) return read;
  for (const HopAddress& host : hop.hosts) {
    if (hop.LevelOf(host) == TlsLevel::kVerify && hop.fingerprints.empty() &&
        hop.NameOf(host).empty()) {
      return Wrong(absl::StrCat(
          "\"", host.Format(),
          "\": a Unix socket has no name that its certificate could have: "
          "name= or fingerprint= is missing"));
    }
  }
  return hop;
}

std::string NextHop::Format() const {
  std::string text;
  for (const HopAddress& host : hosts) {
    absl::StrAppend(&text, text.empty() ? "" : ",", host.Format());
  }
  return absl::StrCat(text, net::FormatWords<NextHop>(kWords, *this));
}

bool NextHop::has_names() const {
  return std::any_of(hosts.begin(), hosts.end(), [](const HopAddress& address) {
    return address.needs_lookup();
  });
}

TlsLevel NextHop::LevelOf(const HopAddress& host) const {
  if (tls) return *tls;
  if (implicit_tls || !fingerprints.empty() || !tls_name.empty() ||
      !ca_file.empty()) {
    return TlsLevel::kVerify;
  }
  if (host.is_local()) return TlsLevel::kNone;
  return auth_file.empty() ? TlsLevel::kMay : TlsLevel::kVerify;
}

std::string NextHop::NameOf(const HopAddress& host) const {
  if (!tls_name.empty()) return tls_name;
  if (!host.name.empty()) return host.name;
  return host.ip ? host.ip->ToString() : "";
}

}  // namespace postern::delivery
