// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/child_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::system {
namespace {

// How often to check for the end of a child if the kernel has no pidfd_open(2).
constexpr int kPollMilliseconds = 10;

// The environment of the child in the form that execve(2) takes.
class ChildEnvironment {
 public:
  explicit ChildEnvironment(
      absl::Span<const std::pair<std::string, std::string>> variables) {
    for (const auto& [name, value] : variables) {
      // A name that contains "=" would set a different variable.
      if (name.empty() || name.find('=') != std::string::npos) continue;
      own_[name] = absl::StrCat(name, "=", value);
    }
    for (auto& [name, entry] : own_) entries_.push_back(entry.data());
    entries_.push_back(nullptr);
  }

  char** entries() { return entries_.data(); }

 private:
  std::map<std::string, std::string> own_;
  std::vector<char*> entries_;
};

// Owns the two parameter objects of posix_spawn(3).
struct SpawnSettings {
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

// Returns a descriptor that poll(2) reports as readable once `pid` has ended,
// or -1 before Linux 5.3.
int OpenProcess(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

// The children that have not been waited for.
class Children {
 public:
  // Never destroyed: a thread may run a child until the process ends.
  static Children& All() {
    static Children& all = *new Children;
    return all;
  }

  bool ended() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ended_;
  }
  void Add(pid_t pid) {
    const std::lock_guard<std::mutex> lock(mutex_);
    pids_.insert(pid);
    if (ended_) (void)kill(pid, SIGKILL);  // started during EndAll()
  }
  void Remove(pid_t pid) {
    const std::lock_guard<std::mutex> lock(mutex_);
    pids_.erase(pid);
  }
  size_t End() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    size_t unkillable = 0;
    for (const pid_t pid : pids_) {
      if (kill(pid, SIGKILL) != 0 && errno == EPERM) ++unkillable;
    }
    return unkillable;
  }

 private:
  std::mutex mutex_;
  bool ended_ = false;    // guarded by mutex_
  std::set<pid_t> pids_;  // guarded by mutex_
};

// The object of SetLeftChildren(). Its mutex is held during a call of that
// object, which therefore exists until the call returns.
class Heir {
 public:
  // Never destroyed: a thread may run a child until the process ends.
  static Heir& Current() {
    static Heir& heir = *new Heir;
    return heir;
  }

  void Set(LeftChildren* object) {
    const std::lock_guard<std::mutex> lock(mutex_);
    object_ = object;
  }
  void Take(pid_t pid, std::function<void(ChildProcess::Result)> ended) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (object_ != nullptr) object_->Take(pid, std::move(ended));
  }

 private:
  std::mutex mutex_;
  LeftChildren* object_ = nullptr;  // guarded by mutex_
};

// Converts a status of waitpid(2).
ChildProcess::Result ResultOf(int status) {
  using End = ChildProcess::End;
  if (WIFEXITED(status)) return {End::kExited, WEXITSTATUS(status)};
  return {End::kKilled};
}

// Like waitpid(2). Removes a child that has ended from the list before it reaps
// the child. After that, the id can belong to another process, which EndAll()
// must not kill.
pid_t Reap(pid_t pid, int* status, int options) {
  siginfo_t ended = {};
  if (waitid(P_PID, static_cast<id_t>(pid), &ended,
             WEXITED | WNOWAIT | options) != 0) {
    return -1;
  }
  if (ended.si_pid == 0) return 0;
  Children::All().Remove(pid);
  return waitpid(pid, status, 0);
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(const Options& options) {
  SpawnSettings settings;
  posix_spawn_file_actions_t* actions = &settings.actions;
  // Without one of these descriptors the program would read and write the file
  // that this process has under the same number, which may be the connection.
  for (const auto& [ours, theirs] : options.descriptors) {
    const int error = posix_spawn_file_actions_adddup2(actions, ours, theirs);
    if (error != 0) {
      return absl::ErrnoToStatus(error, options.arguments[0]);
    }
  }
  // Libraries open descriptors that are not close-on-exec, such as libcurl, and
  // another thread may do so at this moment. A program that inherited a
  // connection would keep it open.
  if (const int error =
          posix_spawn_file_actions_addclosefrom_np(actions, kDescriptors);
      error != 0) {
    return absl::ErrnoToStatus(error, options.arguments[0]);
  }
  if (!options.home.empty()) {
    posix_spawn_file_actions_addchdir_np(actions, options.home.c_str());
  }
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  // This process may ignore these signals. A program that inherited that would
  // not notice that this process has ended, or could not wait for its own
  // children.
  for (const int signal : {SIGPIPE, SIGCHLD, SIGXFSZ}) {
    sigaddset(&defaults, signal);
  }
  posix_spawnattr_setsigmask(&settings.attributes, &none);
  posix_spawnattr_setsigdefault(&settings.attributes, &defaults);
  posix_spawnattr_setflags(&settings.attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (Children::All().ended()) {
    return absl::UnavailableError(
        absl::StrCat(options.arguments[0], ": this process is ending"));
  }
  ChildEnvironment environment(options.environment);
  std::vector<std::string> texts(options.arguments.begin(),
                                 options.arguments.end());
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  ChildProcess process;
  const int error =
      posix_spawn(&process.pid_, arguments[0], actions, &settings.attributes,
                  arguments.data(), environment.entries());
  if (error == 0) {
    Children::All().Add(process.pid_);
    return process;
  }
  process.pid_ = -1;
  // Here EAGAIN means a limit on processes. Other code takes it as "try again".
  if (error == EAGAIN) {
    return absl::ResourceExhaustedError(absl::StrCat(texts[0], ": no process"));
  }
  return absl::ErrnoToStatus(error, texts[0]);
}

size_t ChildProcess::EndAll() { return Children::All().End(); }

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  Kill();
  Wait(Deadline(absl::ZeroDuration()));
}

ChildProcess::Result ChildProcess::Wait(Deadline deadline,
                                        const Descriptor& watched,
                                        absl::FunctionRef<void()> ready) {
  Descriptor process(OpenProcess(pid_));
  int status = 0;
  pid_t reaped;
  // A killed process ends soon, so the loop may block. A process that may not
  // be killed, because it runs as another user, may never end.
  while ((reaped = Reap(pid_, &status,
                        killed_ && !unkillable_ ? 0 : WNOHANG)) == 0 ||
         (reaped < 0 && errno == EINTR)) {
    pollfd polled[] = {{process.get(), POLLIN, 0}, {watched.get(), POLLIN, 0}};
    const int left = deadline.Milliseconds();
    const bool tick =
        !process.is_open() && (left < 0 || left > kPollMilliseconds);
    const int count = poll(polled, 2, tick ? kPollMilliseconds : left);
    if (deadline.passed()) {
      Kill();
      if (unkillable_) {
        // It may have ended since the last check; kill(2) returns EPERM then,
        // too.
        reaped = Reap(pid_, &status, WNOHANG);
        break;
      }
    }
    if (count > 0 && polled[1].revents != 0) ready();
  }
  process.Reset();
  const pid_t pid = std::exchange(pid_, -1);
  if (reaped == 0) {
    Heir::Current().Take(pid, std::move(late_));
    return {End::kLeft};
  }
  if (reaped < 0) {
    Children::All().Remove(pid);  // otherwise Reap() has removed it
    return {End::kLost};
  }
  // An exit counts even after a timeout: the program had finished before the
  // kill.
  const Result result = ResultOf(status);
  if (result.end == End::kKilled && killed_) return {End::kTimeout};
  return result;
}

ChildProcess::Result ChildProcess::Wait(Deadline deadline) {
  return Wait(deadline, Descriptor(), [] {});
}

void ChildProcess::Kill() {
  killed_ = true;
  unkillable_ = kill(pid_, SIGKILL) != 0 && errno == EPERM;
}

std::string DescribeEnd(const ChildProcess::Result& result) {
  switch (result.end) {
    case ChildProcess::End::kExited:
      return absl::StrCat("exited with ", result.code);
    case ChildProcess::End::kKilled:
      return "was killed by a signal";
    case ChildProcess::End::kTimeout:
      return "took too long and was killed";
    case ChildProcess::End::kLeft:
      return "took too long and still runs: it is another user's process, and "
             "cannot be killed";
    case ChildProcess::End::kLost:
      break;
  }
  return "ended, and its exit code is lost, because SIGCHLD is ignored";
}

void SetLeftChildren(LeftChildren* heir) { Heir::Current().Set(heir); }

std::optional<ChildProcess::Result> ReapLeft(pid_t pid) {
  int status = 0;
  const pid_t reaped = Reap(pid, &status, WNOHANG);
  if (reaped == 0) return std::nullopt;
  if (reaped > 0) return ResultOf(status);
  Children::All().Remove(pid);
  return ChildProcess::Result{};
}

}  // namespace postern::system
