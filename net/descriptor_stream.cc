// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/descriptor_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace postern::net {
namespace {

// Returns whether `fd` is a socket, of any kind. Turns Nagle's algorithm off if
// it is a TCP socket.
bool PrepareSocket(int fd) {
  int type = 0;
  socklen_t length = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) return false;
  const int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // if TCP
  return true;
}

Io Wait(int fd, short events, DescriptorStream::Deadline deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Io::kTimeout;
    pollfd poller{fd, events, 0};
    const int timeout =
        static_cast<int>(std::min<int64_t>(left.count(), INT_MAX));
    const int ready = poll(&poller, 1, timeout);
    if (ready > 0) return Io::kOk;
    if (ready < 0 && errno != EINTR && errno != EAGAIN) return Io::kEnd;
  }
}

}  // namespace

DescriptorStream::DescriptorStream(int input, int output)
    : input_(input),
      output_(output),
      output_is_socket_(PrepareSocket(output)) {}

Io DescriptorStream::Read(absl::Span<char> room, Deadline deadline,
                          size_t* count) {
  while (true) {
    if (const Io io = Wait(input_, POLLIN, deadline); io != Io::kOk) return io;
    const ssize_t n = read(input_, room.data(), room.size());
    if (n > 0) {
      *count = static_cast<size_t>(n);
      return Io::kOk;
    }
    // EAGAIN: another process made the descriptor non-blocking.
    if (n == 0 || (errno != EINTR && errno != EAGAIN)) return Io::kEnd;
  }
}

Io DescriptorStream::Write(absl::string_view bytes, Deadline deadline,
                           size_t* count) {
  bool wait = !output_is_socket_;
  while (true) {
    if (wait) {
      if (const Io io = Wait(output_, POLLOUT, deadline); io != Io::kOk) {
        return io;
      }
    }
    // Neither call blocks: a pipe that poll(2) calls writable takes PIPE_BUF
    // bytes.
    const ssize_t n = output_is_socket_
                          ? send(output_, bytes.data(), bytes.size(),
                                 MSG_DONTWAIT | MSG_NOSIGNAL)
                          : write(output_, bytes.data(),
                                  std::min<size_t>(bytes.size(), PIPE_BUF));
    if (n > 0) {
      *count = static_cast<size_t>(n);
      return Io::kOk;
    }
    if (n < 0 && errno != EINTR && errno != EAGAIN) return Io::kEnd;
    wait = true;
  }
}

bool DescriptorStream::EndOutput() {
  return output_is_socket_ && shutdown(output_, SHUT_WR) == 0;
}

bool DescriptorStream::ReplaceDescriptors(int input, int output) {
  if (input_ == output_ || dup2(input, input_) < 0 ||
      dup2(output, output_) < 0) {
    return false;
  }
  close(input);
  close(output);
  output_is_socket_ = PrepareSocket(output_);
  return true;
}

}  // namespace postern::net
