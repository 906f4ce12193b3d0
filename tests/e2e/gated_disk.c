// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A disk that does not answer: preloaded into a program, it has pread(2) of a
// cdb file wait as long as the file $POSTERN_GATE exists.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
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
  while (access(gate, F_OK) == 0) usleep(1000);
}

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
