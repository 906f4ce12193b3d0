// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Blocking reads and writes with a deadline, on descriptors that another
// program opened: the socket from tcpserver on 0 and 1, a pipe, a terminal.

#ifndef POSTERN_NET_DESCRIPTOR_STREAM_H_
#define POSTERN_NET_DESCRIPTOR_STREAM_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::net {

// Outcome of one call. kEnd: the end of input, or an error of the descriptor.
enum class Io : uint8_t { kOk, kEnd, kTimeout };

// Never changes the flags of a descriptor: O_NONBLOCK belongs to the open file,
// which other processes may share. Never closes a descriptor, except in
// ReplaceDescriptors().
//
// SIGPIPE must be ignored if the output is not a socket.
class DescriptorStream {
 public:
  // The time at which a call gives up.
  using Deadline = std::chrono::steady_clock::time_point;

  // Turns Nagle's algorithm off if `output` is a TCP socket. Replies are
  // already collected into one write, and with Nagle's algorithm a client's
  // delayed ACK would cost 40 ms.
  DescriptorStream(int input, int output);

  // Reads the bytes that are available into `room`, at least one, and sets
  // `*count`. Returns kEnd at the end of input and for every error.
  Io Read(absl::Span<char> room, Deadline deadline, size_t* count);

  // Writes some of `bytes`, at least one, and sets `*count`.
  Io Write(absl::string_view bytes, Deadline deadline, size_t* count);

  // Ends the output, so that the client reads an end of input. Returns false if
  // the output is not a socket or the connection has ended.
  bool EndOutput();

  // Replaces the stream's two descriptors by `input` and `output`, under the
  // numbers of the old ones, which are closed. Returns false on an error, and
  // if the stream has one descriptor for both. Do not use the stream after
  // that.
  bool ReplaceDescriptors(int input, int output);

 private:
  const int input_;
  const int output_;
  bool output_is_socket_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_DESCRIPTOR_STREAM_H_
