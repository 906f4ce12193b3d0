// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/queue_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "system/pipe.h"

namespace postern::delivery {
namespace {

constexpr int kErrorFd = 6;

// Blocks SIGPIPE in this thread, for programs that do not ignore it: there is
// no MSG_NOSIGNAL for pipes.
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

}  // namespace

absl::StatusOr<std::unique_ptr<QueueProcess>> QueueProcess::Start(
    const std::string& program, const std::string& home,
    absl::Span<const std::pair<std::string, std::string>> environment) {
  system::Descriptor message;
  system::Descriptor envelope;
  system::Descriptor error;
  std::unique_ptr<QueueProcess> process(new QueueProcess);
  absl::Status status = absl::ResourceExhaustedError(program);
  // This process waits in poll(), which has a timeout.
  if (system::MakePipe(&message, &process->message_) &&
      system::MakePipe(&envelope, &process->envelope_) &&
      system::MakePipe(&process->error_, &error) &&
      system::SetNonblocking(process->message_) &&
      system::SetNonblocking(process->envelope_) &&
      system::SetNonblocking(process->error_)) {
    const std::pair<int, int> descriptors[] = {
        {message.get(), STDIN_FILENO},
        {envelope.get(), STDOUT_FILENO},
        {error.get(), kErrorFd},
    };
    auto child = system::ChildProcess::Start({.arguments = {&program, 1},
                                              .home = home,
                                              .environment = environment,
                                              .descriptors = descriptors});
    status = child.status();
    if (child.ok()) process->child_ = *std::move(child);
  }
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("queue program ", status.message()));
  }
  return process;
}

QueueProcess::~QueueProcess() {
  if (pid() >= 0) Wait(system::Deadline(reap_timeout_));
}

bool QueueProcess::Write(Pipe pipe, absl::string_view data,
                         system::Deadline deadline) {
  NoSigpipe guard;
  while (!data.empty()) {
    const ssize_t n = write(end(pipe).get(), data.data(), data.size());
    if (n >= 0) {
      data.remove_prefix(static_cast<size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EPIPE) guard.Raised();
    if (errno != EAGAIN || !WaitForRoom(pipe, deadline)) return false;
  }
  return true;
}

bool QueueProcess::WaitForRoom(Pipe pipe, system::Deadline deadline) {
  while (true) {
    pollfd polled[] = {{end(pipe).get(), POLLOUT, 0},
                       {error_.get(), POLLIN, 0}};
    (void)poll(polled, 2, deadline.Milliseconds());  // on failure: try again
    // Checked also if poll() did not time out: a program that writes error text
    // all the time would keep this loop running.
    if (deadline.passed()) {
      child_.Kill();
      return false;
    }
    // The child may block until its error text is read.
    if (polled[1].revents != 0) ReadErrorText();
    if (polled[0].revents != 0) return true;
  }
}

// Only a reading end shows how much is left in a pipe. Opens one via /proc.
bool QueueProcess::OpenLeft(Pipe pipe) {
  if (!left(pipe).is_open() && end(pipe).is_open()) {
    left(pipe).Reset(
        open(absl::StrCat("/proc/self/fd/", end(pipe).get()).c_str(),
             O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  return left(pipe).is_open();
}

bool QueueProcess::WriteLast(Pipe pipe, char octet, system::Deadline deadline) {
  return WaitForRoom(pipe, deadline) && OpenLeft(pipe) &&
         Write(pipe, {&octet, 1}, deadline);
}

bool QueueProcess::Close(Pipe pipe) {
  const bool known = OpenLeft(pipe);
  end(pipe).Reset();
  return known;
}

QueueProcess::Result QueueProcess::Wait(system::Deadline deadline) {
  (void)Close(Pipe::kMessage);   // a failure clears read_everything
  (void)Close(Pipe::kEnvelope);  // the same
  Result result;
  static_cast<system::ChildProcess::Result&>(result) =
      child_.Wait(deadline, error_, [this] { ReadErrorText(); });
  // The last of the error text. Does not wait for the end of the pipe, because
  // a child of the child may keep it open.
  ReadErrorText();
  result.error_text = std::move(error_text_);
  result.read_everything = true;
  for (const Pipe pipe : {Pipe::kMessage, Pipe::kEnvelope}) {
    if (system::UnreadOctets(left(pipe)) != 0u) result.read_everything = false;
    left(pipe).Reset();
  }
  return result;
}

// Reads the text that is available, without waiting.
void QueueProcess::ReadErrorText() {
  system::ReadAvailable(kMaxErrorText, &error_, &error_text_);
}

}  // namespace postern::delivery
