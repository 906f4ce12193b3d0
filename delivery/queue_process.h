// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A child process with the interface of qmail-queue(8), and its three pipes.

#ifndef POSTERN_DELIVERY_QUEUE_PROCESS_H_
#define POSTERN_DELIVERY_QUEUE_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "system/child_process.h"
#include "system/deadline.h"
#include "system/descriptor.h"

namespace postern::delivery {

// The child reads the message from descriptor 0 and the envelope from 1, and
// may write the reason of a failure to 6. This process reads that text whenever
// it waits for the child, and discards it beyond kMaxErrorText.
//
// Not thread-safe. SIGPIPE is blocked during writes, whatever its disposition.
class QueueProcess {
 public:
  static constexpr size_t kMaxErrorText = 255;  // as notqmail's qmail.c
  enum class Pipe : uint8_t { kMessage, kEnvelope };
  using End = system::ChildProcess::End;
  struct Result : system::ChildProcess::Result {
    std::string error_text;  // from descriptor 6, up to kMaxErrorText
    // Whether the child has read everything that was written to both pipes.
    // False also without /proc, which is needed to find out.
    bool read_everything = false;
  };

  // Runs `program` without arguments, in the directory `home` (if not empty).
  // `environment` is its whole environment; the last value of a name counts. A
  // relative path is relative to `home`; PATH is not searched. SIGPIPE, SIGCHLD
  // and SIGXFSZ have their default actions, and no signal is blocked. The child
  // also inherits descriptor 2, and each descriptor without O_CLOEXEC.
  //
  // Returns ResourceExhausted if a pipe or a process cannot be created, and the
  // kernel's error if the program cannot be run: it does not exist, is not
  // executable, or `home` does not exist.
  static absl::StatusOr<std::unique_ptr<QueueProcess>> Start(
      const std::string& program, const std::string& home,
      absl::Span<const std::pair<std::string, std::string>> environment);

  // If Wait() was not called, waits as it does, for at most `reap_timeout`.
  ~QueueProcess();
  QueueProcess(const QueueProcess&) = delete;
  QueueProcess& operator=(const QueueProcess&) = delete;

  // Writes all of `data`. Returns false if the child has closed its end, or if
  // `deadline` has passed; then the child is killed.
  bool Write(Pipe pipe, absl::string_view data, system::Deadline deadline);
  // Writes `octet`, the last one of the pipe, but only if Wait() will be able
  // to find out what the child has read: that needs /proc and a free
  // descriptor. Returns whether the octet was written. (This process opens the
  // pipe's reading end here and not earlier. While it has that end open,
  // Write() cannot notice that the child has closed its own.)
  bool WriteLast(Pipe pipe, char octet, system::Deadline deadline);
  // Closes the pipe, so that the child reads its end. Returns whether Wait()
  // will be able to find out what the child has read, as in WriteLast().
  bool Close(Pipe pipe);

  // Closes the pipes and waits until the child has ended; kills it when
  // `deadline` passes. A pipe that is still open must not contain a complete
  // envelope. Does not wait for the child's own children. Call at most once.
  Result Wait(system::Deadline deadline);
  // As ChildProcess::OnLateEnd(): for a child that cannot be killed.
  void OnLateEnd(std::function<void(system::ChildProcess::Result)> late) {
    child_.OnLateEnd(std::move(late));
  }

  // The child's process id; -1 after Wait().
  pid_t pid() const { return child_.pid(); }
  // How long the destructor waits for the child before it kills it.
  void set_reap_timeout(absl::Duration timeout) { reap_timeout_ = timeout; }

 private:
  QueueProcess() = default;

  system::Descriptor& end(Pipe pipe) {
    return pipe == Pipe::kMessage ? message_ : envelope_;
  }
  system::Descriptor& left(Pipe pipe) {
    return pipe == Pipe::kMessage ? message_left_ : envelope_left_;
  }
  void ReadErrorText();
  // Waits until an octet fits into the pipe or the child has closed its end. If
  // `deadline` passes first, kills the child and returns false.
  bool WaitForRoom(Pipe pipe, system::Deadline deadline);
  bool OpenLeft(Pipe pipe);

  system::ChildProcess child_;
  system::Descriptor message_;
  system::Descriptor envelope_;
  system::Descriptor error_;  // closed when the child has closed its end
  // Reading ends of this process; see WriteLast().
  system::Descriptor message_left_;
  system::Descriptor envelope_left_;
  std::string error_text_;
  absl::Duration reap_timeout_ = absl::InfiniteDuration();
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_QUEUE_PROCESS_H_
