// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/users/password_prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

// The signals with which a terminal or an operator ends or stops the process.
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

volatile sig_atomic_t caught_signal = 0;

void Catch(int signal) { caught_signal = signal; }

// Blocks kSignals while it exists, except in Wait(). The destructor raises a
// signal that came meanwhile.
class HeldSignals {
 public:
  HeldSignals() {
    caught_signal = 0;
    sigset_t held;
    sigemptyset(&held);
    struct sigaction action = {};
    action.sa_handler = Catch;
    for (size_t i = 0; i < std::size(kSignals); ++i) {
      sigaddset(&held, kSignals[i]);
      sigaction(kSignals[i], nullptr, &before_[i]);
      // A signal that is ignored, as under nohup, stays ignored.
      if (before_[i].sa_handler == SIG_IGN) continue;
      sigaction(kSignals[i], &action, nullptr);
    }
    sigprocmask(SIG_BLOCK, &held, &mask_);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() {
    for (size_t i = 0; i < std::size(kSignals); ++i) {
      sigaction(kSignals[i], &before_[i], nullptr);
    }
    if (caught_signal != 0) raise(caught_signal);
    sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }

  // Waits for input. Returns false if a signal came first.
  bool Wait(int fd) const {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    while (caught_signal == 0) {
      if (ppoll(&wanted, 1, nullptr, &mask_) > 0) return true;
      if (errno != EINTR) return true;  // read(2) reports the error
    }
    return false;
  }

 private:
  struct sigaction before_[std::size(kSignals)] = {};
  sigset_t mask_;
};

// Reads a line from `fd`, one octet at a time, so that nothing after it is
// consumed. Calls `wait` before each octet. Returns nullopt if `wait` returns
// false.
template <typename Wait>
absl::StatusOr<std::optional<Secret>> ReadLine(int fd, Wait wait) {
  std::string line;
  line.reserve(kMaxPassword + 1);  // so that no other copy stays in memory
  const absl::Cleanup wipe = [&line] { Wipe(&line); };
  while (true) {
    if (!wait()) return std::optional<Secret>();
    char c = '\0';
    const ssize_t got = read(fd, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read the password");
    if (got == 0 && line.empty()) {
      return absl::InvalidArgumentError("no password: the input has ended");
    }
    if (got == 0 || c == '\n') break;
    if (line.size() == kMaxPassword) {
      return absl::InvalidArgumentError("the password is too long");
    }
    line += c;
  }
  // From a file with CRLF line ends. No client could send a CR.
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) return absl::InvalidArgumentError("the password is empty");
  return std::optional<Secret>(Secret(std::move(line)));
}

void Print(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = write(fd, text.data(), text.size());
    if (wrote < 0 && errno != EINTR) return;  // the read will fail as well
    if (wrote > 0) text.remove_prefix(static_cast<size_t>(wrote));
  }
}

// Asks once. Returns nullopt if a signal came, after it has had its effect.
absl::StatusOr<std::optional<Secret>> AskOnce(int tty,
                                              absl::string_view prompt) {
  const HeldSignals signals;
  struct termios before;
  if (tcgetattr(tty, &before) != 0) {
    return absl::ErrnoToStatus(errno, "/dev/tty");
  }
  struct termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
  silent.c_lflag |= ICANON | ISIG;
  // TCSAFLUSH discards what was typed before the prompt.
  if (tcsetattr(tty, TCSAFLUSH, &silent) != 0) {
    return absl::ErrnoToStatus(errno, "/dev/tty");
  }
  Print(tty, prompt);
  absl::StatusOr<std::optional<Secret>> line =
      ReadLine(tty, [&] { return signals.Wait(tty); });
  Print(tty, "\n");  // the user's newline was not echoed
  (void)tcsetattr(tty, TCSAFLUSH, &before);  // an error cannot be handled
  return line;
}

}  // namespace

absl::StatusOr<Secret> AskPassword(absl::string_view prompt) {
  const system::Descriptor tty(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!tty.is_open()) {
    return absl::FailedPreconditionError(
        "no terminal for the password: use --stdin");
  }
  while (true) {
    absl::StatusOr<std::optional<Secret>> line = AskOnce(tty.get(), prompt);
    if (!line.ok()) return line.status();
    if (*line) return **std::move(line);
  }
}

absl::StatusOr<Secret> ReadPassword(int fd) {
  absl::StatusOr<std::optional<Secret>> line =
      ReadLine(fd, [] { return true; });
  if (!line.ok()) return line.status();
  return **std::move(line);
}

}  // namespace postern::programs
