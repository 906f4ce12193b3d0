// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A DescriptorStream as a Channel, for programs that serve one connection.

#ifndef POSTERN_NET_STREAM_CHANNEL_H_
#define POSTERN_NET_STREAM_CHANNEL_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "net/channel.h"
#include "net/descriptor_stream.h"

namespace postern::net {

// Each call waits until it has moved at least one byte or until the deadline.
// kWantRead and kWantWrite mean that the deadline has passed.
class StreamChannel : public Channel {
 public:
  // `stream` must outlive the channel.
  explicit StreamChannel(DescriptorStream* stream) : stream_(*stream) {}

  // Applies to all further calls. Until it is set, each call times out at once.
  void set_deadline(DescriptorStream::Deadline deadline) {
    deadline_ = deadline;
  }
  DescriptorStream::Deadline deadline() const { return deadline_; }

  Result Read(absl::Span<char> room) override;
  Result Write(absl::string_view bytes) override;

 private:
  DescriptorStream& stream_;
  DescriptorStream::Deadline deadline_;
};

}  // namespace postern::net

#endif  // POSTERN_NET_STREAM_CHANNEL_H_
