// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A program that is run, and its end.

#ifndef POSTERN_SYSTEM_CHILD_PROCESS_H_
#define POSTERN_SYSTEM_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "system/deadline.h"
#include "system/descriptor.h"

namespace postern::system {

// Makes a pipe for a child: its ends are close-on-exec, and above every
// descriptor that a child is given by ChildProcess. Returns false without
// descriptors: then both are as they were.
bool MakePipe(Descriptor* read_end, Descriptor* write_end);

// One thread at a time. Waits by the process's id, so SIGCHLD must not be
// ignored, and no other code may wait for just any child.
class ChildProcess {
 public:
  // The child's descriptors are below this.
  static constexpr int kDescriptors = 10;

  enum class End : uint8_t {
    kExited,   // `code` is the exit code
    kKilled,   // by a signal
    kTimeout,  // by us
    kLeft,     // runs on: it took too long, and may not be killed
    kLost,     // waitpid(2) did not know it: SIGCHLD is ignored
  };
  struct Result {
    End end = End::kLost;
    int code = 0;
  };

  struct Options {
    // The first is the program: there is no search in PATH, and a relative one
    // is relative to `home`.
    absl::Span<const std::string> arguments;
    // The folder that it runs in; empty: ours.
    std::string home;
    // All of its environment: it inherits nothing of ours. A name that is given
    // twice has the last value. See SessionVariables().
    absl::Span<const std::pair<std::string, std::string>> environment;
    // Ours, and what it is for the child, below kDescriptors. Others that are
    // not close-on-exec it inherits.
    absl::Span<const std::pair<int, int>> descriptors;
  };

  // SIGPIPE, SIGCHLD and SIGXFSZ are as a program expects them, and no signal
  // is blocked.
  //
  // Returns ResourceExhausted where a process is not to be had, Unavailable
  // after EndAll(), and the kernel's error where the program cannot be run: not
  // there, not executable, `home` not there. The error names the program.
  static absl::StatusOr<ChildProcess> Start(const Options& options);

  ChildProcess() = default;  // none
  ChildProcess(ChildProcess&& other) noexcept { *this = std::move(other); }
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(killed_, other.killed_);
    std::swap(unkillable_, other.unkillable_);
    std::swap(late_, other.late_);
    return *this;
  }
  // Kills it, and waits until it has ended, unless it may not be killed.
  ~ChildProcess();

  // For the end of this process: kills every child that has not been waited
  // for, and has Start() return Unavailable from now on. Thread-safe.
  struct Ended {
    size_t killed = 0;
    size_t unkillable = 0;  // they have become another user
  };
  static Ended EndAll();

  // Waits until it has ended, and kills it when `deadline` passes. Calls
  // `ready` meanwhile whenever `watched`, if that is a descriptor, can be read
  // or has come to its end. Does not wait for the child's own children. At most
  // once.
  //
  // A set-user-id program may become another user for good (setreuid(2)), whose
  // processes we may not kill. When `deadline` passes, the result is kLeft, and
  // LeftChildren, where there is one, waits for it.
  Result Wait(Deadline deadline, const Descriptor& watched,
              absl::FunctionRef<void()> ready);
  Result Wait(Deadline deadline);

  // Its end will be kTimeout or kLeft, unless it has exited already.
  void Kill();

  // Has `late` called with the end of a child that was left (kLeft), from
  // another thread, as soon as it has ended. Never called without LeftChildren,
  // nor if the child was not left.
  void OnLateEnd(std::function<void(Result)> late) { late_ = std::move(late); }

  // Until Wait(); -1: there is none.
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  bool killed_ = false;
  bool unkillable_ = false;
  std::function<void(Result)> late_;
};

// Waits for the children that ChildProcess::Wait() has left, so that they do
// not stay zombies and their end is known: see ChildReaper. A program that ends
// soon needs none: init(1) reaps them then.
class LeftChildren {
 public:
  virtual ~LeftChildren() = default;
  // Waits for `pid`; `ended` may be empty. Thread-safe.
  virtual void Take(pid_t pid,
                    std::function<void(ChildProcess::Result)> ended) = 0;
};

// From now on children are left to `heir`; null: to no one.
void SetLeftChildren(LeftChildren* heir);

// Returns how a child that was left has ended, or nothing while it runs. Once
// for each; kLost if there is none.
std::optional<ChildProcess::Result> ReapLeft(pid_t pid);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_CHILD_PROCESS_H_
