// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The octets between a session of a rig and its client: keeps the transcript,
// and does what faults do to replies.

#ifndef POSTERN_RIG_WIRE_H_
#define POSTERN_RIG_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/instant.h"
#include "engine/server_session.h"
#include "engine/wire_filter.h"
#include "rig/fault.h"
#include "rig/transcript.h"

namespace postern::rig {

// Returns the stage of a reply. nullopt: none, so no fault can change it. A
// challenge of AUTH has none.
std::optional<Stage> StageOf(const GivenReply& reply);

// Thread-compatible.
class Wire : public WireFilter {
 public:
  // Finds the fault of a reply. Called once for each reply that has a stage.
  using Find = std::function<std::optional<Fault>(Stage, const GivenReply&)>;

  // Writes what passes to `transcript`. `find` returns the fault of each reply.
  Wire(std::shared_ptr<Transcript> transcript, Find find)
      : transcript_(std::move(transcript)), find_(std::move(find)) {}

  // Replies are held back, or nothing is read, until then.
  void PauseReading(absl::Duration duration);
  void LimitReading(uint32_t octets_per_second);
  // Closes the connection now. No reply that is not written is sent.
  void CloseNow();
  // Adds an event to the transcript, at the time of the last call.
  void Event(absl::string_view text);

  // The time of the last call.
  Instant now() const { return now_; }
  // The time since the first call.
  absl::Duration elapsed() const { return now_ - began_; }
  // Whether the client has sent a command before it could have the reply to the
  // last one.
  bool pipelined() const { return pipelined_; }
  // Whether it has sent a BDAT command.
  bool chunked() const { return chunked_; }

  void OnInput(absl::string_view input, size_t secret, Instant now) override;
  void OnReply(const GivenReply& reply, absl::string_view octets,
               Instant now) override;
  void Advance(Instant now) override;
  Instant deadline() const override;
  absl::string_view Output() const override {
    return absl::string_view(ready_).substr(written_);
  }
  void OutputWritten(size_t n) override;
  bool holds() const override { return !queue_.empty(); }
  size_t Room() const override;
  void OnRead(size_t n) override;
  bool closes() const override { return closes_; }

 private:
  // A part of the output.
  struct Piece {
    std::string octets;
    Instant at;          // not before then
    bool alone = false;  // is a write of its own
    bool close = false;  // closes the connection
  };
  // The most octets that wait. More commands are not read while there are more.
  static constexpr size_t kMostHeld = size_t{64} << 10;
  // How often a limited rate is applied.
  static constexpr absl::Duration kTick = absl::Milliseconds(50);

  void ReadClock(Instant now);
  void Send(const Fault& fault, std::string octets);

  const std::shared_ptr<Transcript> transcript_;
  const Find find_;
  bool started_ = false;
  Instant began_;
  Instant now_;

  std::deque<Piece> queue_;
  size_t held_ = 0;  // octets in queue_
  // The end of the last piece in queue_. A later reply does not overtake it.
  Instant last_ = Instant(std::numeric_limits<int64_t>::min());
  std::string ready_;
  size_t written_ = 0;    // of ready_
  bool alone_ = false;    // ready_ is a piece that is a write of its own
  bool closing_ = false;  // nothing is added to queue_ any more
  bool closes_ = false;

  Instant resume_;          // nothing is read before then
  uint32_t read_rate_ = 0;  // 0: no limit
  Instant granted_;         // when `allowed_` was computed
  size_t allowed_ = 0;      // octets that may be read, with a limit

  bool content_ = false;  // the client sends content
  bool chunk_ = false;    // its last command was BDAT
  bool pipelined_ = false;
  bool chunked_ = false;
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_WIRE_H_
