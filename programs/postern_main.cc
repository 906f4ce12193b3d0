// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include <cstdio>
#include <string>

#include "programs/check/check.h"
#include "programs/config/config.h"
#include "programs/explain/explain.h"
#include "programs/init/init.h"
#include "programs/migrate/migrate.h"
#include "programs/relay/relay_command.h"
#include "programs/replay/replay.h"
#include "programs/rig/rig.h"
#include "programs/rig/rig_options.h"
#include "programs/serve/serve.h"
#include "programs/serve/serve_options.h"
#include "programs/tables/hosts.h"
#include "programs/tables/rules.h"
#include "programs/users/users.h"
#include "service/options.h"
#include "service/version.h"
#include "system/standard_descriptors.h"

namespace {

constexpr int kUsage = 100;  // from djb's tools
constexpr int kTemporary = 111;

constexpr char kHelp[] =
    "Usage: postern COMMAND [OPTION]...\n"
    "\n"
    "  check    test a configuration, and show every error and warning\n"
    "  config   show the configuration of a server\n"
    "  explain  show why mail of a client is accepted or refused\n"
    "  init     ask six questions, and write a configuration\n"
    "  migrate  read a run script of qmail-smtpd, and write the set-up for it\n"
    "  relay    forward messages from a queue of RabbitMQ to a next hop\n"
    "  replay   run a recorded session again, and compare\n"
    "  serve    run a standalone SMTP server that receives mail\n"
    "  users    manage a file of users and passwords for AUTH\n"
    "  rules    make, print and test tcpserver's rules\n"
    "  hosts    make the databases of the control files\n"
    "  rig      run an SMTP server for tests, with a page and faults\n"
    "\n"
    "For the options of a command: postern COMMAND --help. See postern(8).\n";

}  // namespace

int main(int argc, char** argv) {
  if (!postern::system::OpenStandardDescriptors().ok()) return kTemporary;
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "serve") {
    int exit_code = 0;
    const auto configuration = postern::programs::ServeConfiguration::Read(
        {argv + 2, static_cast<size_t>(argc - 2)}, &exit_code);
    return configuration != nullptr
               ? postern::programs::RunServe(*configuration)
               : exit_code;
  }
  if (command == "rig") {
    int exit_code = 0;
    const auto options =
        postern::programs::ReadRigOptions(argc - 2, argv + 2, &exit_code);
    return options ? postern::programs::RunRig(*options) : exit_code;
  }
  if (command == "check") {
    return postern::programs::RunCheck(argc - 2, argv + 2);
  }
  if (command == "config") {
    return postern::programs::RunConfig(argc - 2, argv + 2);
  }
  if (command == "explain") {
    return postern::programs::RunExplain(argc - 2, argv + 2);
  }
  if (command == "init") {
    return postern::programs::RunInit(argc - 2, argv + 2);
  }
  if (command == "migrate") {
    return postern::programs::RunMigrate(argc - 2, argv + 2);
  }
  if (command == "relay") {
    return postern::programs::RunRelay(argc - 2, argv + 2);
  }
  if (command == "replay") {
    return postern::programs::RunReplay(argc - 2, argv + 2);
  }
  if (command == "users") {
    return postern::programs::RunUsers(argc - 2, argv + 2);
  }
  if (command == "rules") {
    return postern::programs::RunRules(argc - 2, argv + 2);
  }
  if (command == "hosts") {
    return postern::programs::RunHosts(argc - 2, argv + 2);
  }
  if (command == "--help" || command == "-h") {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (command == "--version") {
    const std::string version(postern::service::Version());
    std::printf("postern %s\n", version.c_str());
    return 0;
  }
  std::fprintf(stderr, "postern: unknown command \"%s\"\n%s", command.c_str(),
               kHelp);
  return kUsage;
}
