// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_SYSTEM_REFUSE_THREADS_H_
#define POSTERN_SYSTEM_REFUSE_THREADS_H_

namespace postern::system {

// Makes the kernel refuse (EAGAIN) to start a thread or a child process from
// the calling thread, as if a limit were reached. Other threads are not
// affected. This cannot be undone, so a test calls it on a thread that it
// started for that. Returns false if the kernel does not support it.
bool RefuseThreads();

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_REFUSE_THREADS_H_
