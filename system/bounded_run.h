// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A Run that uses a limited number of the threads of another one.

#ifndef POSTERN_SYSTEM_BOUNDED_RUN_H_
#define POSTERN_SYSTEM_BOUNDED_RUN_H_

#include <cstddef>

#include "system/run.h"

namespace postern::system {

// Returns a Run that passes tasks to `run`, but at most `at_once` (at least 1)
// at one time. Further tasks wait, without a thread, and start in the order of
// the calls. So if the tasks of one kind hang, tasks of other kinds still find
// a thread. An empty `run` gives an empty Run.
//
// Tasks that wait keep the state alive: the result may be destroyed before they
// have run.
Run BoundedRun(Run run, size_t at_once);

}  // namespace postern::system

#endif  // POSTERN_SYSTEM_BOUNDED_RUN_H_
