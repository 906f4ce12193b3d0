// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/listening_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"
#include "net/socket_address.h"
#include "system/descriptor.h"

namespace postern::net {
namespace {

// The queue for a burst of clients. The system's limit is usually smaller.
constexpr int kBacklog = 4096;

constexpr IpAddress kAnyIpv6(IpAddress::Bytes{});

struct Bound {
  sockaddr_storage storage = {};
  socklen_t length = 0;
};

// Returns the address for bind(2), or nullopt if the path is too long.
std::optional<Bound> ToSockaddr(const ListenAddress& address) {
  std::optional<Bound> bound(std::in_place);
  if (!address.path.empty()) {
    auto& to = reinterpret_cast<sockaddr_un&>(bound->storage);
    if (address.path.size() >= sizeof(to.sun_path)) return std::nullopt;
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address.path.data(), address.path.size());
    bound->length = sizeof(to);
    return bound;
  }
  bound->length = MakeSocketAddress(address.host.value_or(kAnyIpv6),
                                    address.port, &bound->storage);
  return bound;
}

bool Set(int socket, int level, int option, int value) {
  return setsockopt(socket, level, option, &value, sizeof(value)) == 0;
}

// Returns whether the socket file that an earlier server left is at the path of
// `bound`. Any other file may be a user's data: it is an error.
absl::StatusOr<bool> HasStaleSocket(const Bound& bound) {
  const auto& to = reinterpret_cast<const sockaddr_un&>(bound.storage);
  struct stat found = {};
  if (lstat(to.sun_path, &found) != 0) return false;  // bind(2) says why
  if (!S_ISSOCK(found.st_mode)) {
    return absl::FailedPreconditionError("a file that is not a socket exists");
  }
  const system::Descriptor probe(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) return absl::ErrnoToStatus(errno, "socket");
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&to),
                 bound.length) != 0 &&
         errno == ECONNREFUSED;
}

// Returns whether sockets can have IPv6 addresses. The kernel may have no IPv6,
// or it may be disabled.
bool HasIpv6() {
  const system::Descriptor probe(
      socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // If there are no descriptors left, the caller's socket(2) reports it.
  if (!probe.is_open()) return errno != EAFNOSUPPORT;
  sockaddr_in6 any = {};
  any.sin6_family = AF_INET6;
  return bind(probe.get(), reinterpret_cast<const sockaddr*>(&any),
              sizeof(any)) == 0 ||
         errno != EADDRNOTAVAIL;
}

// Returns a socket for Listen(), or if not `listens`, for CheckListen().
absl::StatusOr<system::Descriptor> Open(const ListenAddress& address,
                                        bool share, bool listens) {
  const auto failed = [&address](absl::string_view call) {
    const int error = errno;
    const absl::Status status =
        absl::ErrnoToStatus(error, absl::StrCat(address.Format(), ": ", call));
    // Abseil's codes do not tell an address that is in use from one of another
    // host.
    if (error == EADDRINUSE) return absl::AlreadyExistsError(status.message());
    if (error == EADDRNOTAVAIL) return absl::UnavailableError(status.message());
    return status;
  };
  if (address == ListenAddress{.port = address.port} && !HasIpv6()) {
    return Open({.host = IpAddress::V4({0, 0, 0, 0}), .port = address.port},
                share, listens);
  }
  const std::optional<Bound> bound = ToSockaddr(address);
  if (!bound) return absl::InvalidArgumentError(address.Format());
  const int family = bound->storage.ss_family;
  system::Descriptor owner(
      socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int fd = owner.get();
  if (fd < 0) return failed("socket");
  if (family == AF_UNIX) {
    const absl::StatusOr<bool> stale = HasStaleSocket(*bound);
    if (!stale.ok()) {
      return absl::Status(
          stale.status().code(),
          absl::StrCat(address.Format(), ": ", stale.status().message()));
    }
    if (!listens) {
      // bind(2) would make the file.
      const std::string directory =
          address.path.substr(0, address.path.rfind('/') + 1);
      if (faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) !=
          0) {
        return failed("bind");
      }
      struct stat found = {};
      if (!*stale && lstat(address.path.c_str(), &found) == 0) {
        errno = EADDRINUSE;
        return failed("bind");
      }
      return owner;
    }
    // If this fails, bind(2) reports it.
    if (*stale) (void)unlink(address.path.c_str());
  } else if (!Set(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
             (share && !Set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) ||
             !Set(fd, IPPROTO_TCP, TCP_NODELAY, 1) ||
             !Set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) ||
             (family == AF_INET6 &&
              !Set(fd, IPPROTO_IPV6, IPV6_V6ONLY, address.host.has_value()))) {
    return failed("setsockopt");
  }
  // TCP computes the window that it offers from the buffer size, so the size
  // must be set before listen(2).
  if (!LimitBuffers(fd).ok()) return failed("setsockopt");
  if (bind(fd, reinterpret_cast<const sockaddr*>(&bound->storage),
           bound->length) != 0) {
    return failed("bind");
  }
  if (listens && listen(fd, kBacklog) != 0) return failed("listen");
  return owner;
}

}  // namespace

absl::StatusOr<ListenAddress> ListenAddress::Parse(absl::string_view text) {
  const auto bad = [text] {
    return absl::InvalidArgumentError(absl::StrCat(
        "not ADDRESS:PORT, [ADDRESS]:PORT, *:PORT or unix:PATH: ", text));
  };
  ListenAddress address;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    address.path = std::string(rest);
    if (rest.empty() || rest[0] != '/' || !ToSockaddr(address)) return bad();
    return address;
  }
  const size_t colon = rest.rfind(':');
  if (colon == rest.npos) return bad();
  absl::string_view host = rest.substr(0, colon);
  const absl::string_view port = rest.substr(colon + 1);
  int number = 0;
  if (port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != port.npos ||
      !absl::SimpleAtoi(port, &number) || number > 65535) {
    return bad();
  }
  address.port = static_cast<uint16_t>(number);
  if (host == "*") return address;
  const bool v6 = absl::ConsumePrefix(&host, "[");
  if (v6 != absl::ConsumeSuffix(&host, "]")) return bad();
  if (v6 != absl::StrContains(host, ':')) return bad();
  address.host = IpAddress::Parse(host);
  if (!address.host) return bad();
  return address;
}

std::string ListenAddress::Format() const {
  if (!path.empty()) return absl::StrCat("unix:", path);
  if (!host) return absl::StrCat("*:", port);
  return host->v4() ? absl::StrCat(host->ToString(), ":", port)
                    : absl::StrCat("[", host->ToString(), "]:", port);
}

absl::StatusOr<system::Descriptor> Listen(const ListenAddress& address,
                                          bool share) {
  return Open(address, share, /*listens=*/true);
}

absl::Status CheckListen(const ListenAddress& address) {
  return Open(address, /*share=*/false, /*listens=*/false).status();
}

absl::Status LimitBuffers(int socket) {
  if (!Set(socket, SOL_SOCKET, SO_SNDBUF, kSendBuffer)) {
    return absl::ErrnoToStatus(errno, "setsockopt");
  }
  if (Set(socket, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer)) {
    return absl::OkStatus();
  }
  int allowed = 0;
  socklen_t length = sizeof(allowed);
  if (!Set(socket, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer) ||
      getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &allowed, &length) != 0) {
    return absl::ErrnoToStatus(errno, "setsockopt");
  }
  if (allowed < 2 * kReceiveBuffer) {
    // So small a buffer would make distant clients slow. This option lets the
    // kernel choose the size of this buffer again. It exists since Linux 5.14.
    (void)Set(socket, SOL_SOCKET, SO_BUF_LOCK, SOCK_SNDBUF_LOCK);
  }
  return absl::OkStatus();
}

absl::StatusOr<ListenAddress> BoundAddress(int socket) {
  Bound bound;
  bound.length = sizeof(bound.storage);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&bound.storage),
                  &bound.length) != 0) {
    return absl::ErrnoToStatus(errno, "getsockname");
  }
  ListenAddress address;
  if (bound.storage.ss_family == AF_UNIX) {
    const auto& to = reinterpret_cast<const sockaddr_un&>(bound.storage);
    address.path = to.sun_path;
    return address;
  }
  ReadSocketAddress(bound.storage, &address.host, &address.port);
  if (address.host == kAnyIpv6) address.host.reset();
  return address;
}

}  // namespace postern::net
