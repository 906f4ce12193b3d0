// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_SYSTEM_REFUSE_KILL_H_
#define POSTERN_SYSTEM_REFUSE_KILL_H_

namespace postern::system {

// Has the kernel refuse (EPERM) every kill(2) of this process and its children
// from now on, for good, as it refuses those to other users' processes: for
// tests that need no other user. Returns whether it does.
bool RefuseKill();

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_REFUSE_KILL_H_
