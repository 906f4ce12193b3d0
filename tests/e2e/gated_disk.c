// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Simulates a disk that does not respond. Preloaded into a program, it makes
// pread(2) of a cdb file wait as long as the file $POSTERN_GATE exists. A
// waiting call creates the file $POSTERN_GATE.met. It also continues if it can
// remove the file $POSTERN_GATE.pass. While the file $POSTERN_GATE.step exists,
// the wall clock is one hour fast.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void WaitForGate(int fd) {
  const char* const gate = getenv("POSTERN_GATE");
  char link[64];
  char path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof(path) - 1);
  if (gate == NULL || size < 4 || memcmp(path + size - 4, ".cdb", 4) != 0) {
    return;
  }
  if (access(gate, F_OK) != 0) return;
  char met[4096];
  char pass[4096];
  snprintf(met, sizeof(met), "%s.met", gate);
  snprintf(pass, sizeof(pass), "%s.pass", gate);
  close(open(met, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  while (access(gate, F_OK) == 0 && unlink(pass) != 0) usleep(1000);
}

// Each program calls these, so they must be visible.
#pragma GCC visibility push(default)

ssize_t pread(int fd, void* bytes, size_t size, off_t offset) {
  ssize_t (*const real)(int, void*, size_t, off_t) =
      (ssize_t(*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, "pread");
  WaitForGate(fd);
  return real(fd, bytes, size, offset);
}

ssize_t pread64(int fd, void* bytes, size_t size, off64_t offset) {
  ssize_t (*const real)(int, void*, size_t, off64_t) =
      (ssize_t(*)(int, void*, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
  WaitForGate(fd);
  return real(fd, bytes, size, offset);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  int (*const real)(clockid_t, struct timespec*) =
      (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real(clock, now);
  const char* const gate = getenv("POSTERN_GATE");
  if (clock != CLOCK_REALTIME || gate == NULL) return result;
  char step[4096];
  snprintf(step, sizeof(step), "%s.step", gate);
  if (access(step, F_OK) == 0) now->tv_sec += 3600;
  return result;
}

#pragma GCC visibility pop
