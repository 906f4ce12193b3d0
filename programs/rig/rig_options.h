// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The command line of postern rig.

#ifndef POSTERN_PROGRAMS_RIG_RIG_OPTIONS_H_
#define POSTERN_PROGRAMS_RIG_RIG_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "net/listening_socket.h"
#include "rig/options.h"

namespace postern::programs {

struct RigOptions {
  rig::Options rig;
  std::optional<net::ListenAddress> http;  // nullopt: no HTTP
  std::vector<std::string> http_hosts;     // names that Host may have
  std::string directory;                   // for messages; empty: none
  std::string record;                      // for recordings; empty: none
  bool record_bodies = false;
  std::string script;                      // a file of faults; empty: none
  std::string ca_file;                     // empty: none
  int ready_fd = -1;                       // -1: none
};

// Reads the command line after "rig", the file of --config and the variables
// POSTERN_..., in this order of precedence. Returns nullopt if the program must
// end with `*exit_code`: 0 after --help and --version, 100 after an error. The
// error is on standard error and names the option, or the file and line.
std::optional<RigOptions> ReadRigOptions(int argc, char** argv, int* exit_code);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_RIG_OPTIONS_H_
