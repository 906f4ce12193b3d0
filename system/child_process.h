// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a program as a child process and waits for its end.

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

// A child process. Use it from one thread at a time.
//
// It waits for its process id. SIGCHLD must therefore not be ignored, and no
// other code may wait for arbitrary children.
class ChildProcess {
 public:
  // The descriptors that Options::descriptors sets in the child are below this.
  static constexpr int kDescriptors = 10;

  enum class End : uint8_t {
    kExited,   // `code` is the exit code
    kKilled,   // killed by a signal
    kTimeout,  // killed by this object
    kLeft,     // still runs: it took too long, and kill(2) is not permitted
    kLost,     // waitpid(2) did not know the process: SIGCHLD is ignored
  };
  struct Result {
    End end = End::kLost;
    int code = 0;
  };

  struct Options {
    // The first argument is the path of the program. PATH is not searched, and
    // a relative path is relative to `home`.
    absl::Span<const std::string> arguments;
    // The working directory of the child. If empty: that of this process.
    std::string home;
    // The whole environment of the child: it inherits no variable of this
    // process. If a name occurs twice, the last value counts. See
    // SessionVariables().
    absl::Span<const std::pair<std::string, std::string>> environment;
    // Pairs of a descriptor of this process and its number in the child, which
    // is below kDescriptors. The child also inherits all other descriptors below
    // kDescriptors that are not close-on-exec.
    absl::Span<const std::pair<int, int>> descriptors;
  };

  // Starts a program. In the child SIGPIPE, SIGCHLD and SIGXFSZ have their
  // default actions, and no signal is blocked.
  //
  // Returns ResourceExhausted if a limit on processes is reached, Unavailable
  // after EndAll(), and otherwise the kernel's error if the program cannot be
  // run: for example if it or `home` does not exist, or if it is not
  // executable. The error names the program.
  static absl::StatusOr<ChildProcess> Start(const Options& options);

  ChildProcess() = default;  // no process
  ChildProcess(ChildProcess&& other) noexcept { *this = std::move(other); }
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(killed_, other.killed_);
    std::swap(unkillable_, other.unkillable_);
    std::swap(late_, other.late_);
    return *this;
  }
  // Kills the process and waits until it has ended. If kill(2) is not
  // permitted, the process is left: see Wait().
  ~ChildProcess();

  // To be called when this process ends. Kills each child that has not been
  // waited for. Returns the number of children that this process may not kill,
  // because they run as another user. After the call, Start() returns
  // Unavailable. Thread-safe.
  static size_t EndAll();

  // Waits until the process has ended, and kills it when `deadline` passes.
  // Meanwhile calls `ready` whenever the descriptor `watched`, if it is open,
  // is readable or at end of file. Does not wait for the child's own children.
  // To be called at most once.
  //
  // A set-user-id program may change its real user (setreuid(2)). This process
  // may then not be permitted to kill it. If so, the result after `deadline` is
  // kLeft, and the object set by SetLeftChildren(), if there is one, waits for
  // the process.
  Result Wait(Deadline deadline, const Descriptor& watched,
              absl::FunctionRef<void()> ready);
  Result Wait(Deadline deadline);

  // Kills the process. The result of Wait() is then kTimeout or kLeft, unless
  // the process had already exited.
  void Kill();

  // Sets the function that is called with the result of a child that was left
  // (kLeft), as soon as the child has ended. The call comes from another
  // thread. It never comes if the child was not left, or if no LeftChildren is
  // set.
  void OnLateEnd(std::function<void(Result)> late) { late_ = std::move(late); }

  // The process id until Wait(); -1 if there is no process.
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  bool killed_ = false;
  bool unkillable_ = false;
  std::function<void(Result)> late_;
};

// Returns how a child ended, for a log line after the name of its program:
// "exited with 111", "took too long and was killed".
std::string DescribeEnd(const ChildProcess::Result& result);

// Waits for the children that ChildProcess::Wait() has left, so that they do
// not stay zombies and their results become known. ChildReaper implements it. A
// program that ends soon needs none, because init(1) then reaps the children.
class LeftChildren {
 public:
  virtual ~LeftChildren() = default;
  // Waits for `pid`, and calls `ended` with its result unless `ended` is empty.
  // Thread-safe.
  virtual void Take(pid_t pid,
                    std::function<void(ChildProcess::Result)> ended) = 0;
};

// Sets the object that takes each child that is left from now on. Null: no
// object waits for the child. After this function returns, there is no call of
// the previous object, and none begins, so that object may be destroyed. Waits
// for a call that another thread is making. Take() must not call this function.
// Thread-safe.
void SetLeftChildren(LeftChildren* heir);

// Returns the result of a child that was left, or nullopt while it runs. Each
// result is returned once. Returns kLost if there is no such child.
std::optional<ChildProcess::Result> ReapLeft(pid_t pid);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_CHILD_PROCESS_H_
