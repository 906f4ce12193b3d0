// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/queue_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <initializer_list>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace postern::delivery {
namespace {

constexpr int kErrorFd = 6;
// How often to look for the end of a child where the kernel cannot tell.
constexpr int kPollMilliseconds = 10;

void CloseFd(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// Makes a pipe whose ends are close-on-exec and above every descriptor that the
// child gets: dup2() of one end onto 0, 1 or 6 must not hit another end. That
// takes two threads, because descriptors are given out in order, but a server
// has them. Returns false without descriptors.
bool MakePipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  for (int i = 0; i < 2; ++i) {
    if (ends[i] > kErrorFd) continue;
    const int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, kErrorFd + 1);
    if (moved < 0) {
      CloseFd(&ends[0]);
      CloseFd(&ends[1]);
      return false;
    }
    close(ends[i]);
    ends[i] = moved;
  }
  return true;
}

// Waiting is done in poll(), which has a timeout. A new pipe has no other flag.
void MakeNonblocking(int fd) { fcntl(fd, F_SETFL, O_NONBLOCK); }

// The environment for the child, as execve(2) takes it.
class ChildEnvironment {
 public:
  explicit ChildEnvironment(
      absl::Span<const std::pair<std::string, std::string>> variables) {
    for (const auto& [name, value] : variables) {
      // Such a name would be another variable's.
      if (name.empty() || name.find('=') != std::string::npos) continue;
      own_[name] = absl::StrCat(name, "=", value);
    }
    for (char** entry = environ; entry != nullptr && *entry != nullptr;
         ++entry) {
      const absl::string_view text = *entry;
      if (own_.count(std::string(text.substr(0, text.find('=')))) == 0) {
        entries_.push_back(*entry);
      }
    }
    for (auto& [name, entry] : own_) entries_.push_back(entry.data());
    entries_.push_back(nullptr);
  }

  char** entries() { return entries_.data(); }

 private:
  std::map<std::string, std::string> own_;
  std::vector<char*> entries_;
};

// posix_spawn's two parameter objects.
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

// Keeps SIGPIPE from this thread for a while, for programs that do not ignore
// it. Pipes have no MSG_NOSIGNAL.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigset_t pending;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &old_);
  }
  ~NoSigpipe() {
    if (raised_ && !was_pending_) {
      const timespec now{};
      while (sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  void Raised() { raised_ = true; }

 private:
  sigset_t pipe_;
  sigset_t old_;
  bool was_pending_ = false;
  bool raised_ = false;
};

// A descriptor that poll() finds readable once `pid` has ended, or -1 (before
// Linux 5.3).
int OpenProcess(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

}  // namespace

absl::StatusOr<std::unique_ptr<QueueProcess>> QueueProcess::Start(
    const std::string& program, const std::string& home,
    absl::Span<const std::pair<std::string, std::string>> environment) {
  int message[2] = {-1, -1};
  int envelope[2] = {-1, -1};
  int error[2] = {-1, -1};
  std::unique_ptr<QueueProcess> process(new QueueProcess);
  int result = EMFILE;
  if (MakePipe(message) && MakePipe(envelope) && MakePipe(error)) {
    SpawnSettings settings;
    posix_spawn_file_actions_t* actions = &settings.actions;
    posix_spawn_file_actions_adddup2(actions, message[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(actions, envelope[0], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(actions, error[1], kErrorFd);
    if (!home.empty()) {
      posix_spawn_file_actions_addchdir_np(actions, home.c_str());
    }
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    // What servers ignore. A program that inherits it would not notice that we
    // are gone, or could not wait for children of its own.
    for (const int signal : {SIGPIPE, SIGCHLD, SIGXFSZ}) {
      sigaddset(&defaults, signal);
    }
    posix_spawnattr_setsigmask(&settings.attributes, &none);
    posix_spawnattr_setsigdefault(&settings.attributes, &defaults);
    posix_spawnattr_setflags(&settings.attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ChildEnvironment child(environment);
    std::string name = program;
    char* const arguments[] = {name.data(), nullptr};
    result = posix_spawn(&process->pid_, name.c_str(), actions,
                         &settings.attributes, arguments, child.entries());
  }
  CloseFd(&message[0]);
  CloseFd(&envelope[0]);
  CloseFd(&error[1]);
  process->message_fd_ = message[1];
  process->envelope_fd_ = envelope[1];
  process->error_fd_ = error[0];
  if (result != 0) {
    process->pid_ = -1;
    const std::string what = absl::StrCat("queue program ", program);
    // EAGAIN is a limit on processes here, and "try again" everywhere else.
    if (result == EAGAIN) return absl::ResourceExhaustedError(what);
    return absl::ErrnoToStatus(result, what);
  }
  MakeNonblocking(process->message_fd_);
  MakeNonblocking(process->envelope_fd_);
  MakeNonblocking(process->error_fd_);
  return process;
}

QueueProcess::~QueueProcess() {
  if (pid_ >= 0) Wait(Deadline(reap_timeout_));
  Close(Pipe::kMessage);
  Close(Pipe::kEnvelope);
  CloseFd(&error_fd_);
}

bool QueueProcess::Write(Pipe pipe, absl::string_view data, Deadline deadline) {
  NoSigpipe guard;
  while (!data.empty()) {
    const ssize_t n = write(fd(pipe), data.data(), data.size());
    if (n >= 0) {
      data.remove_prefix(static_cast<size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EPIPE) guard.Raised();
    if (errno != EAGAIN) return false;
    pollfd polled[] = {{fd(pipe), POLLOUT, 0}, {error_fd_, POLLIN, 0}};
    const int ready = poll(polled, 2, deadline.Milliseconds());
    // Not only when poll() says so: a flood of error text keeps it busy.
    if (deadline.passed()) {
      Kill();
      return false;
    }
    // It may wait for us to read what is wrong before it reads on.
    if (ready > 0 && polled[1].revents != 0) ReadErrorText();
  }
  return true;
}

void QueueProcess::Close(Pipe pipe) { CloseFd(&fd(pipe)); }

QueueProcess::Result QueueProcess::Wait(Deadline deadline) {
  Close(Pipe::kMessage);
  Close(Pipe::kEnvelope);
  int process_fd = OpenProcess(pid_);
  int status = 0;
  pid_t reaped;
  // After a kill nothing else can come, and nothing else can be done.
  while ((reaped = waitpid(pid_, &status, timed_out_ ? 0 : WNOHANG)) == 0 ||
         (reaped < 0 && errno == EINTR)) {
    pollfd polled[] = {{process_fd, POLLIN, 0}, {error_fd_, POLLIN, 0}};
    const int left = deadline.Milliseconds();
    const bool tick = process_fd < 0 && (left < 0 || left > kPollMilliseconds);
    const int ready = poll(polled, 2, tick ? kPollMilliseconds : left);
    if (deadline.passed()) Kill();
    if (ready > 0 && polled[1].revents != 0) ReadErrorText();
  }
  CloseFd(&process_fd);
  pid_ = -1;
  // What it wrote last. Not to the end of the pipe: a child of the child may
  // hold it open as long as it likes.
  ReadErrorText();

  Result result;
  result.error_text = std::move(error_text_);
  if (reaped < 0) {
    result.end = End::kLost;
  } else if (WIFEXITED(status)) {
    // Even after a timeout: it was done when we lost patience.
    result.end = End::kExited;
    result.code = WEXITSTATUS(status);
  } else {
    result.end = timed_out_ ? End::kTimeout : End::kKilled;
  }
  return result;
}

// Reads what is there, once: whoever writes without end is not waited for.
void QueueProcess::ReadErrorText() {
  char buffer[4096];
  while (error_fd_ >= 0) {
    const ssize_t n = read(error_fd_, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return CloseFd(&error_fd_);
    error_text_.append(buffer, std::min(static_cast<size_t>(n),
                                        kMaxErrorText - error_text_.size()));
    if (error_text_.size() == kMaxErrorText) return;
  }
}

void QueueProcess::Kill() {
  timed_out_ = true;
  kill(pid_, SIGKILL);
}

}  // namespace postern::delivery
