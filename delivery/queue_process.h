// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A qmail-queue program at the other end of three pipes: qmail-queue(8).

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
// may write why it fails to 6. What it writes there is read whenever it would
// otherwise wait for us, and thrown away beyond kMaxErrorText.
//
// One thread at a time. SIGPIPE does no harm, whatever its disposition is.
class QueueProcess {
 public:
  static constexpr size_t kMaxErrorText = 255;  // as notqmail's qmail.c
  enum class Pipe : uint8_t { kMessage, kEnvelope };
  using End = system::ChildProcess::End;
  struct Result : system::ChildProcess::Result {
    std::string error_text;  // from descriptor 6, up to kMaxErrorText
    // Whether the child has read all that was written, of both pipes. False
    // also where /proc, which shows that, is missing.
    bool read_everything = false;
  };

  // Runs `program` without arguments, in the folder `home` (if not empty), with
  // `environment` alone: a name given twice has the last value. A relative
  // program is relative to `home`; there is no search in PATH. SIGPIPE, SIGCHLD
  // and SIGXFSZ are as a program expects them and no signal is blocked. Of our
  // descriptors it inherits 2, and what others have failed to mark
  // close-on-exec.
  //
  // Returns ResourceExhausted where pipes or a process are not to be had, and
  // the kernel's error where the program cannot be run: not there, not
  // executable, `home` not there.
  static absl::StatusOr<std::unique_ptr<QueueProcess>> Start(
      const std::string& program, const std::string& home,
      absl::Span<const std::pair<std::string, std::string>> environment);

  // Waits for the process as Wait() does, with what is left of `reap_timeout`.
  ~QueueProcess();
  QueueProcess(const QueueProcess&) = delete;
  QueueProcess& operator=(const QueueProcess&) = delete;

  // Writes all of `data`. Returns false if the child does not read it: it has
  // closed its end, or `deadline` has passed, which also kills it.
  bool Write(Pipe pipe, absl::string_view data, system::Deadline deadline);
  // Writes `octet`, the last of the pipe, but only if Wait() can know what the
  // child has read of it: not without /proc, or without a free descriptor.
  // Returns whether it is written. (The reading end that shows what is left is
  // opened here, and not before: while there is one, Write() cannot notice that
  // the child has closed its own.)
  bool WriteLast(Pipe pipe, char octet, system::Deadline deadline);
  // Has the child see the pipe's end. Returns whether Wait() can know what the
  // child has read of it, as WriteLast().
  bool Close(Pipe pipe);

  // Closes the pipes and waits until the child has ended, killing it when
  // `deadline` passes. What has not been closed before must not be a whole
  // envelope. Does not wait for the child's own children. At most once.
  Result Wait(system::Deadline deadline);
  // As ChildProcess::OnLateEnd(): for a child that may not be killed.
  void OnLateEnd(std::function<void(system::ChildProcess::Result)> late) {
    child_.OnLateEnd(std::move(late));
  }

  // Until Wait(): the child's process id.
  pid_t pid() const { return child_.pid(); }
  // How long the destructor waits before it kills a child never waited for.
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
  // Waits until an octet fits into the pipe, or the child has closed its end.
  // Returns false if `deadline` has passed, and kills the child.
  bool WaitForRoom(Pipe pipe, system::Deadline deadline);
  bool OpenLeft(Pipe pipe);

  system::ChildProcess child_;
  system::Descriptor message_;
  system::Descriptor envelope_;
  system::Descriptor error_;  // closed at its end
  // Our own reading ends; see WriteLast().
  system::Descriptor message_left_;
  system::Descriptor envelope_left_;
  std::string error_text_;
  absl::Duration reap_timeout_ = absl::InfiniteDuration();
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_QUEUE_PROCESS_H_
