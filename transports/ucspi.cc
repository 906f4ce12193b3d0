// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/ucspi.h"

#include <sys/socket.h>

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "net/socket_address.h"

namespace postern::transports {
namespace {

class Variables {
 public:
  explicit Variables(const Environment& environment)
      : environment_(environment) {
    if (const char* proto = environment("PROTO")) proto_ = proto;
  }

  std::optional<std::string> Get(absl::string_view name) const {
    for (const absl::string_view proto :
         {absl::string_view("TCP"), absl::string_view(proto_)}) {
      const char* value = environment_(absl::StrCat(proto, name).c_str());
      if (value != nullptr && *value != '\0') return value;
    }
    return std::nullopt;
  }

  // Debian's ucspi-tcp-ipv6 passes IPv4 clients as IPv4-mapped IPv6 addresses.
  // A link-local address may have a zone ("fe80::1%eth0").
  std::optional<IpAddress> Ip(absl::string_view name) const {
    const std::string text = Get(name).value_or("");
    return IpAddress::Parse(text.substr(0, text.find('%')));
  }

  uint16_t Port(absl::string_view name) const {
    uint32_t port = 0;
    const bool ok = absl::SimpleAtoi(Get(name).value_or(""), &port);
    return ok && port <= 0xffff ? static_cast<uint16_t>(port) : 0;
  }

 private:
  const Environment& environment_;
  std::string proto_;
};

}  // namespace

SessionInfo ReadUcspi(const Environment& environment) {
  const Variables variables(environment);
  SessionInfo info;
  info.remote_address = variables.Ip("REMOTEIP");
  info.remote_port = variables.Port("REMOTEPORT");
  info.local_address = variables.Ip("LOCALIP");
  info.local_port = variables.Port("LOCALPORT");
  info.local_name = variables.Get("LOCALHOST").value_or("");
  info.remote_name = variables.Get("REMOTEHOST").value_or("");
  if (!info.remote_name.empty()) info.name_status = NameStatus::kUnchecked;
  info.remote_info = variables.Get("REMOTEINFO");
  if (const char* relay = environment("RELAYCLIENT")) {
    info.relay_client = relay;
  }
  return info;
}

void ReadSocketAddresses(int fd, SessionInfo* info) {
  sockaddr_storage storage = {};
  socklen_t length = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (!info->remote_address && getpeername(fd, address, &length) == 0) {
    net::ReadSocketAddress(storage, &info->remote_address, &info->remote_port);
  }
  length = sizeof(storage);
  if (!info->local_address && getsockname(fd, address, &length) == 0) {
    net::ReadSocketAddress(storage, &info->local_address, &info->local_port);
  }
}

}  // namespace postern::transports
