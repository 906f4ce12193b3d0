// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/stream_channel.h"

namespace postern::net {
namespace {

using Kind = Channel::Result::Kind;

Channel::Result Outcome(Io io, size_t count, Kind late) {
  switch (io) {
    case Io::kOk:
      return {Kind::kOk, count};
    case Io::kEnd:
      return {Kind::kEnd};
    case Io::kTimeout:
      return {late};
  }
  return {Kind::kEnd};
}

}  // namespace

Channel::Result StreamChannel::Read(absl::Span<char> room) {
  size_t count = 0;
  const Io io = stream_.Read(room, deadline_, &count);
  return Outcome(io, count, Kind::kWantRead);
}

Channel::Result StreamChannel::Write(absl::string_view bytes) {
  size_t count = 0;
  const Io io = stream_.Write(bytes, deadline_, &count);
  return Outcome(io, count, Kind::kWantWrite);
}

}  // namespace postern::net
