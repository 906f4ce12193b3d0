// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Records a session as a transcript (recording/transcript.h), which
// `postern replay` runs again.
//
//   Recorder recorder({.now = ..., .store = ...});
//   ResponderOptions responder = ...;
//   responder.observer = &recorder;
//   served_session.Begin(config, std::move(responder), info);

#ifndef POSTERN_RECORDING_RECORDER_H_
#define POSTERN_RECORDING_RECORDER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/session_observer.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "engine/verdict.h"
#include "recording/mask.h"

namespace postern::recording {

// The octets of one recording in memory, after which it is full: nothing more
// is recorded.
inline constexpr size_t kMaxRecording = size_t{1} << 20;

// The recording of a session that has ended, whose text is not made yet.
//
// Thread-compatible, and independent of the recorder: it may be moved to
// another thread.
class Recording {
 public:
  // A recording without text.
  Recording() = default;
  Recording(Recording&& other) noexcept;
  Recording& operator=(Recording&& other) noexcept;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  // Its octets no longer count in Recorder::Options::memory.
  ~Recording();

  // Returns the text, which may have four times as many octets as there are in
  // memory. Takes a time in proportion to its size, so that an event loop
  // should leave it to another thread.
  std::string Text() const;
  // The octets in memory, about.
  size_t size() const { return head_.size() + memory_ + sizeof(*this); }

 private:
  friend class Recorder;

  // One or more lines of the recording.
  struct Item {
    // 'C', 'S' or 'A': a line of that kind. 'R': a read. ' ': as it is.
    char kind = ' ';
    std::string text;
    uint64_t count = 1;  // how often it comes, or the size of a read
    absl::Duration time;
  };

  std::string head_;
  std::vector<Item> items_;
  std::string end_;    // the last line
  size_t memory_ = 0;  // octets of items_, as they are counted
  std::atomic<size_t>* all_memory_ = nullptr;  // Recorder::Options::memory
};

// Keeps the recording in memory, and passes it on at the end of the session.
// Credentials are masked before they are kept (recording/mask.h). It keeps at
// most kMaxRecording octets and a small overhead for each event.
//
// Thread-compatible: belongs to the session's thread. Does no I/O.
class Recorder : public SessionObserver {
 public:
  struct Options {
    bool bodies = false;  // whether to record content
    // What made the recording, for its title: "postern serve 0.1".
    std::string program;
    std::function<absl::Time()> now;
    // Counts the octets of all recorders of a process, which may be at most
    // `most_memory`; a recorder that would need more is full. Null: no limit.
    // Must outlive the recorder and its recording.
    std::atomic<size_t>* memory = nullptr;
    size_t most_memory = size_t{64} << 20;
    // Takes the recording at the end of the session, on its thread. `began` is
    // the time of the session's beginning. Not called for a session without a
    // beginning.
    absl::AnyInvocable<void(Recording recording, const std::string& session_id,
                            absl::Time began) &&>
        store;
  };

  explicit Recorder(Options options);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void OnBegin(const ServerConfig& config, const SessionInfo& info) override;
  void OnEvent(Event event) override;
  void OnTls(const TlsInfo& tls) override;
  void OnRead(size_t n) override;
  void OnConsumed(absl::string_view octets, size_t secret) override;
  void OnAsk(const Ask& ask, const Envelope& envelope) override;
  void OnAnswer(RequestId id, absl::Span<const Verdict> verdicts) override;
  void OnAuthAnswer(RequestId id, const AuthAnswer& answer) override;
  void OnReplies(absl::string_view octets) override;
  void OnClosed(CloseReason reason) override;
  void OnEnd(absl::string_view unserved, CloseReason reason) override;

 private:
  struct OpenAsk {
    RequestId id{};
    std::string text;    // of the ask
    std::string answer;  // empty: none yet
    bool content = false;
    bool client = false;  // a proxy has named a client
    bool drops = false;
  };
  // A read whose octets are not all consumed.
  struct OpenRead {
    uint64_t end = 0;  // in the client's octets
    size_t item = 0;   // of the recording
  };

  // Returns whether nothing more is recorded.
  bool over() const { return config_ == nullptr || full_ || stored_; }
  // Whether another `size` octets fit. If not, the recording is full.
  bool Fits(size_t size);
  void Add(char kind, std::string text);
  void Show(size_t sent, absl::string_view shown);
  void AddClientLine();
  OpenAsk* Find(RequestId id);
  void Answered(OpenAsk* ask, std::string answer);
  // Adds the questions that are answered, in their order.
  void AddAnswered();
  void AddUnanswered();

  Options options_;
  const ServerConfig* config_ = nullptr;
  std::optional<ServerConfig> known_;  // as the recording has it
  std::optional<ClientMask> mask_;
  std::string session_id_;
  absl::Time began_;
  Recording recording_;
  bool full_ = false;
  bool stored_ = false;
  bool asked_ = false;  // the greeting was asked for

  std::deque<OpenAsk> asks_;
  std::deque<OpenRead> reads_;
  uint64_t received_ = 0;   // octets from the client
  uint64_t consumed_ = 0;   // of these
  uint64_t shown_ = 0;      // as the recording has them
  uint64_t read_ = 0;       // of these, in reads whose size is known
  std::string client_;      // the beginning of a line of the client
  std::string server_;      // the beginning of a line of the server
  size_t last_client_ = 0;  // the index of the last item, if it is a client's
                            // line with only reads after it, plus 1; or 0
  std::optional<CloseReason> closed_;
};

}  // namespace postern::recording

#endif  // POSTERN_RECORDING_RECORDER_H_
