// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/inetd_log.h"

#include <errno.h>  // program_invocation_short_name
#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "log/log.h"

namespace postern::log {
namespace {

// Allocates nothing: it also reports that there is no memory.
class Syslog : public LogSink {
 public:
  void Add(absl::string_view line) override {
    line = absl::StripSuffix(line, "\n");
    syslog(LOG_MAIL | LOG_INFO, "%.*s", static_cast<int>(line.size()),
           line.data());
  }
};

// The descriptor that is the connection, at 0 or 1; -1: the log is a log.
int connection = -1;

bool SameSocket(const struct stat& a, const struct stat& b) {
  return S_ISSOCK(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

bool KeepLogOffConnection() {
  static Syslog& sink = *new Syslog;  // never destroyed, as the log is not
  struct stat log = {};
  if (fstat(STDERR_FILENO, &log) != 0) return false;
  connection = -1;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) {
    struct stat facts = {};
    if (fstat(fd, &facts) == 0 && SameSocket(log, facts)) connection = fd;
  }
  if (connection < 0) return false;
  int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
  // Where there is none, as in a bare chroot, what no one can write to: a child
  // must not write to the client, and 2 must not be free for another file.
  if (quiet < 0) quiet = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (quiet >= 0) {
    (void)dup2(quiet, STDERR_FILENO);  // both are open
    close(quiet);
  }
  openlog(program_invocation_short_name, LOG_PID, LOG_MAIL);
  SetLogSink(&sink);
  return true;
}

void GiveConnectionBack() {
  if (connection < 0) return;
  (void)dup2(connection, STDERR_FILENO);  // both are open
  SetLogSink(nullptr);
}

}  // namespace postern::log
