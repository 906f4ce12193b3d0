// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/proxy_reader.h"

#include <errno.h>
#include <sys/socket.h>

#include <utility>

#include "absl/base/macros.h"
#include "net/proxy_header.h"

namespace postern::transports {

ProxyOutcome ReadProxyHeader(int socket, bool ended, absl::Span<char> room,
                             SessionInfo* info) {
  using Kind = ProxyOutcome::Kind;
  ABSL_HARDENING_ASSERT(room.size() >= net::kMaxProxyHeader);
  const ssize_t seen =
      recv(socket, room.data(), net::kMaxProxyHeader, MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return {Kind::kWait};
  if (seen <= 0) return {Kind::kRefused, "no header"};
  net::ProxyHeader header =
      net::ParseProxyHeader({room.data(), static_cast<size_t>(seen)});
  switch (header.kind) {
    case net::ProxyHeader::Kind::kNeedInput:
      if (ended) return {Kind::kRefused, "an incomplete header"};
      return {Kind::kWait};
    case net::ProxyHeader::Kind::kError:
      return {Kind::kRefused, std::string(header.error)};
    case net::ProxyHeader::Kind::kAddresses:
      info->remote_address = header.source.address;
      info->remote_port = header.source.port;
      info->local_address = header.destination.address;
      info->local_port = header.destination.port;
      break;
    case net::ProxyHeader::Kind::kLocal:
      break;
  }
  if (recv(socket, room.data(), header.size, MSG_DONTWAIT) !=
      static_cast<ssize_t>(header.size)) {
    return {Kind::kRefused, "the header cannot be read"};
  }
  return {Kind::kTaken};
}

}  // namespace postern::transports
