// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/policy_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "net/socket_address.h"

namespace postern::policy {
namespace {

absl::Duration Now() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

absl::Status TooLate() {
  return absl::DeadlineExceededError("no answer in time");
}

absl::Status Closed() {
  return absl::UnavailableError("it closed the connection");
}

// Waits for `events`, and for errors and the end of the connection.
absl::Status Await(const system::Descriptor& socket, short events,
                   system::Deadline deadline) {
  pollfd polled = {socket.get(), events, 0};
  while (true) {
    const int ready = poll(&polled, 1, deadline.Milliseconds());
    if (ready > 0) return absl::OkStatus();
    if (ready == 0) return TooLate();
    if (errno != EINTR) return absl::ErrnoToStatus(errno, "poll");
  }
}

absl::Status SendAll(const system::Descriptor& socket, absl::string_view text,
                     system::Deadline deadline) {
  while (!text.empty()) {
    const ssize_t n =
        send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      if (absl::Status status = Await(socket, POLLOUT, deadline);
          !status.ok()) {
        return status;
      }
    } else if (errno != EINTR) {
      return absl::ErrnoToStatus(errno, "send");
    }
  }
  return absl::OkStatus();
}

// Returns the number of octets up to the empty line, or npos.
size_t EndOfAnswer(absl::string_view text) {
  if (!text.empty() && text[0] == '\n') return 1;
  const size_t end = text.find("\n\n");
  return end == absl::string_view::npos ? end : end + 2;
}

}  // namespace

absl::StatusOr<std::string> PolicyClient::Ask(absl::string_view request,
                                              system::Deadline deadline) {
  system::Descriptor socket = TakeIdle();
  const bool kept = socket.is_open();
  for (bool again = false;; again = true) {
    if (!socket.is_open()) {
      absl::StatusOr<system::Descriptor> made = Connect(deadline);
      if (!made.ok()) return made.status();
      socket = *std::move(made);
    }
    bool begun = false;
    absl::StatusOr<std::string> answer =
        Exchange(socket, request, deadline, &begun);
    if (answer.ok()) {
      Keep(std::move(socket));
      return answer;
    }
    socket.Reset();
    if (!kept || again || begun || absl::IsDeadlineExceeded(answer.status())) {
      return answer;
    }
  }
}

absl::Status PolicyClient::Reach(system::Deadline deadline) {
  absl::StatusOr<system::Descriptor> socket = Connect(deadline);
  if (!socket.ok()) return socket.status();
  Keep(*std::move(socket));
  return absl::OkStatus();
}

system::Descriptor PolicyClient::TakeIdle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  while (!idle_.empty()) {
    Idle last = std::move(idle_.back());
    idle_.pop_back();
    // If the last one is too old, all are. A connection that has input has been
    // closed, or the server has sent more than it was asked.
    pollfd polled = {last.socket.get(), POLLIN, 0};
    if (Now() - last.since < kIdleTime && poll(&polled, 1, 0) == 0) {
      return std::move(last.socket);
    }
  }
  return system::Descriptor();
}

void PolicyClient::Keep(system::Descriptor socket) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back({std::move(socket), Now()});
}

absl::StatusOr<system::Descriptor> PolicyClient::Connect(
    system::Deadline deadline) const {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  if (server_.address) {
    size = net::MakeSocketAddress(*server_.address, server_.port, &storage);
  } else {
    auto* const local = reinterpret_cast<sockaddr_un*>(&storage);
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, server_.path.c_str(), server_.path.size() + 1);
    size = sizeof(sockaddr_un);
  }
  constexpr int kWait = 10;  // milliseconds
  system::Descriptor socket(::socket(
      storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return absl::ErrnoToStatus(errno, "socket");
  const auto* const address = reinterpret_cast<const sockaddr*>(&storage);
  while (connect(socket.get(), address, size) != 0) {
    if (errno == EINPROGRESS || errno == EINTR) break;
    // The queue of a Unix socket is full. There is no event for the time when
    // it has room.
    if (errno != EAGAIN) return absl::ErrnoToStatus(errno, "connect");
    if (deadline.passed()) return TooLate();
    (void)poll(nullptr, 0, kWait);  // only a pause
  }
  if (absl::Status status = Await(socket, POLLOUT, deadline); !status.ok()) {
    return status;
  }
  int error = 0;
  socklen_t room = sizeof(error);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &room) != 0) {
    error = errno;
  }
  if (error != 0) return absl::ErrnoToStatus(error, "connect");
  return socket;
}

absl::StatusOr<std::string> PolicyClient::Exchange(
    const system::Descriptor& socket, absl::string_view request,
    system::Deadline deadline, bool* begun) {
  if (absl::Status status = SendAll(socket, request, deadline); !status.ok()) {
    return status;
  }
  std::string answer;
  std::array<char, 2048> room;
  while (true) {
    // Also if octets are available: a server that sends without end would keep
    // this loop running.
    if (deadline.passed()) return TooLate();
    const ssize_t n = recv(socket.get(), room.data(), room.size(), 0);
    if (n == 0) return Closed();
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return absl::ErrnoToStatus(errno, "recv");
      if (absl::Status status = Await(socket, POLLIN, deadline); !status.ok()) {
        return status;
      }
      continue;
    }
    *begun = true;
    answer.append(room.data(), static_cast<size_t>(n));
    // First, so that the result does not depend on the pieces in which a long
    // answer arrives.
    if (answer.size() > kMaxAnswer) {
      return absl::InvalidArgumentError("its answer is too long");
    }
    const size_t end = EndOfAnswer(answer);
    if (end == answer.size()) return answer;
    if (end != absl::string_view::npos) {
      return absl::InvalidArgumentError("it sent more than one answer");
    }
  }
}

}  // namespace postern::policy
