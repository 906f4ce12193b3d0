// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/proxy_reader.h"

#include <errno.h>
#include <sys/socket.h>

#include <utility>

#include "absl/base/macros.h"
#include "transports/proxy_header.h"

namespace postern::transports {

ProxyOutcome ReadProxyHeader(int socket, bool ended, absl::Span<char> room,
                             SessionInfo* info) {
  using Kind = ProxyOutcome::Kind;
  ABSL_HARDENING_ASSERT(room.size() >= kMaxProxyHeader);
  const ssize_t seen =
      recv(socket, room.data(), kMaxProxyHeader, MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return {Kind::kWait};
  if (seen <= 0) return {Kind::kRefused, "no header"};
  ProxyHeader header =
      ParseProxyHeader({room.data(), static_cast<size_t>(seen)});
  switch (header.kind) {
    case ProxyHeader::Kind::kNeedInput:
      if (ended) return {Kind::kRefused, "an incomplete header"};
      return {Kind::kWait};
    case ProxyHeader::Kind::kError:
      return {Kind::kRefused, std::string(header.error)};
    case ProxyHeader::Kind::kAddresses:
      info->remote_address = header.source.address;
      info->remote_port = header.source.port;
      info->local_address = header.destination.address;
      info->local_port = header.destination.port;
      break;
    case ProxyHeader::Kind::kLocal:
      break;
  }
  if (recv(socket, room.data(), header.size, MSG_DONTWAIT) !=
      static_cast<ssize_t>(header.size)) {
    return {Kind::kRefused, "the header cannot be read"};
  }
  return {Kind::kTaken};
}

}  // namespace postern::transports
