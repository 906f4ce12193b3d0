// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/ucspi_tls.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/decimal.h"
#include "engine/grammar/utf8.h"

namespace postern::transports {
namespace {

constexpr size_t kMaxValue = 255;

// Returns the descriptor whose number is `value`, the value of the variable
// `name`.
absl::StatusOr<int> ReadDescriptor(const char* name, const char* value) {
  const std::optional<uint64_t> number =
      ParseDecimal(value, kMaxDigits, Overflow::kClamp);
  if (!number || *number <= STDERR_FILENO || *number > INT_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": not a descriptor number: ", value));
  }
  const int fd = static_cast<int>(*number);
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": descriptor ", fd, " is not open"));
  }
  return fd;
}

// Returns whether `list` is complete. It ends in an empty string.
bool IsWhole(absl::string_view list) {
  constexpr absl::string_view kEnd("\0\0", 2);
  return absl::StartsWith(list, kEnd.substr(1)) ||
         absl::StrContains(list, kEnd);
}

// Returns the value of `name` in a list of "NAME=value\0", or null. An entry
// without '=' has no value.
const char* Find(const std::string& list, absl::string_view name) {
  for (const char* at = list.c_str(); *at != '\0'; at += strlen(at) + 1) {
    if (absl::StartsWith(at, name) && at[name.size()] == '=') {
      return at + name.size() + 1;
    }
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::optional<UcspiTls>> ReadUcspiTls(
    const Environment& environment) {
  const char* const mode = environment("UCSPITLS");
  const absl::string_view wish = mode == nullptr ? "" : mode;
  if (wish == "-") return std::optional<UcspiTls>();
  if (wish != "" && wish != "!") {
    return absl::InvalidArgumentError(
        absl::StrCat("UCSPITLS: neither empty nor - nor !: ", wish));
  }
  UcspiTls offer;
  offer.required = wish == "!";
  const struct {
    const char* name;
    int* fd;
  } kVariables[] = {{"SSLCTLFD", &offer.control},
                    {"SSLREADFD", &offer.input},
                    {"SSLWRITEFD", &offer.output}};
  const char* missing = nullptr;
  int there = 0;
  for (const auto& variable : kVariables) {
    const char* const value = environment(variable.name);
    if (value == nullptr) {
      missing = variable.name;
      continue;
    }
    ++there;
    const absl::StatusOr<int> fd = ReadDescriptor(variable.name, value);
    if (!fd.ok()) return fd.status();
    *variable.fd = *fd;
  }
  if (there == 0 && !offer.required) return std::optional<UcspiTls>();
  if (missing != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        missing, " is missing, but ",
        there == 0 ? "UCSPITLS is set" : "another of the three is set"));
  }
  return std::optional<UcspiTls>(offer);
}

TlsInfo ReadTlsVariables(const Environment& environment) {
  const auto text = [&environment](const char* name) -> std::string {
    const char* const value = environment(name);
    if (value == nullptr) return "";
    const absl::string_view view(value);
    return view.size() <= kMaxValue && IsPrintableAscii(view) ? value : "";
  };
  TlsInfo info;
  info.protocol = text("SSL_PROTOCOL");
  info.cipher = text("SSL_CIPHER");
  if (text("SSL_CLIENT_VERIFY") == "SUCCESS") {
    info.peer_subject = text("SSL_CLIENT_S_DN");
  }
  return info;
}

UcspiTlsChannel::UcspiTlsChannel(const UcspiTls& offer,
                                 net::DescriptorStream* stream,
                                 net::StreamChannel* below)
    : OutsideTlsChannel({}, below), offer_(offer), stream_(*stream) {}

net::Channel::Result UcspiTlsChannel::Handshake() {
  net::DescriptorStream control(offer_.control, offer_.control);
  size_t count = 0;
  if (control.Write("Y", below_.deadline(), &count) != net::Io::kOk) {
    return Fail("cannot ask the super-server for TLS");
  }
  std::string list;
  std::array<char, 4096> room;
  while (!IsWhole(list)) {
    if (list.size() > kMaxList)
      return Fail("the list of variables is too long");
    switch (control.Read(absl::MakeSpan(room), below_.deadline(), &count)) {
      case net::Io::kOk:
        list.append(room.data(), count);
        break;
      case net::Io::kEnd:
        // The end of the socket may end the list, but not inside a string.
        if (list.empty() || list.back() != '\0') {
          return Fail("the super-server did not start TLS");
        }
        list += '\0';
        break;
      case net::Io::kTimeout:
        return {Result::Kind::kWantRead};
    }
  }
  info_ =
      ReadTlsVariables([&list](const char* name) { return Find(list, name); });
  close(offer_.control);
  if (!stream_.ReplaceDescriptors(offer_.input, offer_.output)) {
    return Fail("the super-server's descriptors cannot be used");
  }
  return {Result::Kind::kOk};
}

net::Channel::Result UcspiTlsChannel::Fail(absl::string_view why) {
  error_ = why;
  return {Result::Kind::kEnd};
}

}  // namespace postern::transports
