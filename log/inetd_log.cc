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

// Allocates no memory, because it also reports that memory is exhausted.
class Syslog : public LogSink {
 public:
  void Add(absl::string_view line) override {
    line = absl::StripSuffix(line, "\n");
    syslog(LOG_MAIL | LOG_INFO, "%.*s", static_cast<int>(line.size()),
           line.data());
  }
};

// The descriptor, 0 or 1, that is the connection. -1: descriptor 2 is a log.
int connection = -1;

bool SameSocket(const struct stat& a, const struct stat& b) {
  return S_ISSOCK(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

bool KeepLogOffConnection() {
  static Syslog& sink = *new Syslog;  // never destroyed: see log.cc
  struct stat log = {};
  if (fstat(STDERR_FILENO, &log) != 0) return false;
  connection = -1;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) {
    struct stat facts = {};
    if (fstat(fd, &facts) == 0 && SameSocket(log, facts)) connection = fd;
  }
  if (connection < 0) return false;
  int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
  // A chroot may have no /dev/null. A directory, which no process can write to,
  // replaces it: children must not write to the client, and descriptor 2 must
  // not be free for another file.
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
