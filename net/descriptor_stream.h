// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Blocking reads and writes with a deadline, on descriptors that are somebody
// else's: tcpserver's socket on 0 and 1, a pipe, a terminal.

#ifndef POSTERN_NET_DESCRIPTOR_STREAM_H_
#define POSTERN_NET_DESCRIPTOR_STREAM_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::net {

// Outcome of one call.
enum class Io : uint8_t { kOk, kEnd, kTimeout };

// DescriptorStream never changes a descriptor's flags (O_NONBLOCK belongs to
// the open file, which others may share) and never closes one, but in Become().
//
// SIGPIPE must be ignored where the output is not a socket.
class DescriptorStream {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Turns Nagle's algorithm off where `output` is a TCP socket: replies are
  // gathered already, and with it a client's delayed ACK would cost 40 ms.
  DescriptorStream(int input, int output);

  // Reads into `room` what there is, one byte at least: `*count` of it. kEnd
  // at the end of input and for every error of the connection.
  Io Read(absl::Span<char> room, Deadline deadline, size_t* count);

  // Writes some of `bytes`: `*count` of it, at least one byte.
  Io Write(absl::string_view bytes, Deadline deadline, size_t* count);

  // Ends the output, so that the client sees an end of input. Returns false if
  // the output is no socket, or the connection is gone.
  bool EndOutput();

  // Has the descriptors `input` and `output` take the place of the stream's
  // two, with their numbers, and closes the old ones. Returns false if that
  // cannot be: the stream is of no use then.
  bool Become(int input, int output);

 private:
  const int input_;
  const int output_;
  bool output_is_socket_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_DESCRIPTOR_STREAM_H_
