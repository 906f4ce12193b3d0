// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_SYSTEM_REFUSE_KILL_H_
#define POSTERN_SYSTEM_REFUSE_KILL_H_

namespace postern::system {

// Makes the kernel refuse (EPERM) every later kill(2) by the calling thread,
// and by the threads and processes that it starts, as it refuses to kill
// processes of other users. This cannot be undone. Tests of unkillable children
// then need no second user. Returns false if the kernel does not support it.
bool RefuseKill();

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_REFUSE_KILL_H_
