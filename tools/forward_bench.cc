// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Compares servers that pass each message on to a next hop while it arrives:
// the CPU time of the whole server process for a message, with 20 clients at
// the same time.
//
//   forward_bench POSTERN FORWARD-FLOOR SMTP-FLOOR WORK-DIRECTORY
//
// The servers are postern serve, the floor (tools/forward_floor.cc), and, if
// they are installed, haproxy in TCP mode, which sees no messages and adds no
// Received field, and Postfix with smtpd_proxy_filter, which needs root. The
// next hop of all is tools/smtp_floor.cc. One generator
// uses the servers in turn; each figure is the median of several rounds.
// Everything is on loopback.

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tools/cpu_comparison.h"
#include "tools/load.h"
#include "tools/measured_server.h"

namespace postern::tools {
namespace {

constexpr char kPostfixMain[] = R"(compatibility_level = 3.6
queue_directory = @/queue
data_directory = @/data
maillog_file = @/log
maillog_file_prefixes = @
myhostname = mx.example.org
mydestination = local.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
message_size_limit = 0
default_process_limit = 200
# No process ends while its CPU time is read.
max_use = 1000000
max_idle = 1d
)";
constexpr char kPostfixMaster[] = R"(@ inet n - n - - smtpd
  -o smtpd_proxy_filter=127.0.0.1:HOP
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
)";

std::string Replace(std::string text, const std::string& what,
                    const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos;
       at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// A directory that other users reach, and that ends with this object.
class PublicDirectory {
 public:
  PublicDirectory() {
    if (mkdtemp(path_.data()) == nullptr || chmod(path_.c_str(), 0755) != 0) {
      Die(path_);
    }
  }
  PublicDirectory(const PublicDirectory&) = delete;
  PublicDirectory& operator=(const PublicDirectory&) = delete;
  ~PublicDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    if (error) {
      std::fprintf(stderr, "%s: %s\n", path_.c_str(), error.message().c_str());
    }
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/forward_bench-XXXXXX";
};

// Returns Postfix with its files in `root`, which its user has to reach, as a
// proxy before the next hop at `hop_port`. Null: it is not installed, or this
// is not root.
std::unique_ptr<MeasuredServer> Postfix(const std::string& root,
                                        const std::string& hop_port) {
  const char* const master = "/usr/lib/postfix/sbin/master";
  const passwd* const user = getpwnam("postfix");
  if (access(master, X_OK) != 0 || geteuid() != 0 || user == nullptr) {
    return nullptr;
  }
  // Postfix's user has to reach them.
  umask(022);
  for (const char* folder : {"/etc", "/queue", "/data"}) {
    MakeDirectory(root + folder, 0755);
  }
  const std::string data = root + "/data";
  if (chown(data.c_str(), user->pw_uid, user->pw_gid) != 0) Die(data);
  const int port = FreePort();
  const std::string etc = root + "/etc";
  Put(etc + "/main.cf", Replace(kPostfixMain, "@", root));
  Put(etc + "/master.cf",
      Replace(Replace(kPostfixMaster, "@", "127.0.0.1:" + std::to_string(port)),
              "HOP", hop_port));
  // Makes the directories of the queue.
  RunProgram({"postfix", "-c", etc, "check"});
  auto server = std::make_unique<MeasuredServer>(
      "postfix", std::vector<std::string>{master, "-c", etc, "-d"}, -1, port);
  server->CountChildren();
  usleep(1'000'000);  // it does not report when it listens
  return server;
}

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr,
                 "usage: forward_bench POSTERN FORWARD-FLOOR SMTP-FLOOR "
                 "WORK-DIRECTORY\n");
    return 100;
  }
  const std::string work = argv[4];
  const std::string control = MakeControls(work, "local.example");
  const MeasuredServer hop("hop", std::vector<std::string>{argv[3]}, 1);
  const std::string hop_port = std::to_string(hop.port());

  const PublicDirectory postfix_files;  // outlives the server
  std::vector<std::unique_ptr<MeasuredServer>> servers;
  servers.push_back(std::make_unique<MeasuredServer>(
      "postern",
      std::vector<std::string>{
          argv[1], "serve", "--config", "none", "--threads", "1", "--control",
          control, "--deliver", "smtp:127.0.0.1:" + hop_port, "--listen",
          "127.0.0.1:0", "--max-per-client", "0", "--ready-fd", "9"},
      9));
  servers.push_back(std::make_unique<MeasuredServer>(
      "floor", std::vector<std::string>{argv[2], hop_port}, 1));
  if (const char* const haproxy = "/usr/sbin/haproxy";
      access(haproxy, X_OK) == 0) {
    const int port = FreePort();
    const std::string path = work + "/haproxy.cfg";
    Put(path,
        "global\n nbthread 1\ndefaults\n mode tcp\n timeout connect 10s\n"
        " timeout client 60s\n timeout server 60s\nlisten smtp\n"
        " bind 127.0.0.1:" +
            std::to_string(port) + "\n server hop 127.0.0.1:" + hop_port +
            "\n");
    servers.push_back(std::make_unique<MeasuredServer>(
        "haproxy", std::vector<std::string>{haproxy, "-db", "-f", path}, -1,
        port));
    usleep(500'000);  // it does not report when it listens
  }

  if (auto postfix = Postfix(postfix_files.path(), hop_port)) {
    servers.push_back(std::move(postfix));
  }

  const std::string kilobyte = Content(1024);
  const std::string medium = Content(size_t{100} << 10);
  const std::string large = Content(size_t{10} << 20);
  const std::vector<Scenario> scenarios = {
      {"one message a connection", "message", 2000, 1,
       Session(1, false, kilobyte)},
      {"100 messages a connection", "message", 60, 100,
       Session(100, false, kilobyte)},
      {"messages of 100 KiB", "message", 100, 10, Session(10, false, medium)},
      {"messages of 10 MiB", "message", 10, 4, Session(4, false, large)},
  };
  CompareCpu(servers, scenarios);
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
