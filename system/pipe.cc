// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "system/child_process.h"

namespace postern::system {

// The ends have numbers above the child's descriptors. Otherwise dup2() of one
// end in the child could overwrite another end. That needs two threads, because
// descriptors are given out in order, but a server has several threads.
bool MakePipe(Descriptor* read_end, Descriptor* write_end) {
  int numbers[2];
  if (pipe2(numbers, O_CLOEXEC) < 0) return false;
  Descriptor ends[] = {Descriptor(numbers[0]), Descriptor(numbers[1])};
  for (Descriptor& end : ends) {
    if (end.get() >= ChildProcess::kDescriptors) continue;
    end = Descriptor(
        fcntl(end.get(), F_DUPFD_CLOEXEC, ChildProcess::kDescriptors));
    if (!end.is_open()) return false;
  }
  *read_end = std::move(ends[0]);
  *write_end = std::move(ends[1]);
  return true;
}

bool SetNonblocking(const Descriptor& end) {
  // A new pipe has no other flag.
  return fcntl(end.get(), F_SETFL, O_NONBLOCK) == 0;
}

std::optional<size_t> UnreadOctets(const Descriptor& end) {
  int unread = 0;
  if (ioctl(end.get(), FIONREAD, &unread) != 0) return std::nullopt;
  return static_cast<size_t>(unread);
}

void ReadAvailable(size_t max, Descriptor* end, std::string* output) {
  char buffer[4096];
  while (end->is_open()) {
    const ssize_t count = read(end->get(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return end->Reset();
    output->append(buffer,
                   std::min(static_cast<size_t>(count), max - output->size()));
    if (output->size() == max) return;
  }
}

}  // namespace postern::system
