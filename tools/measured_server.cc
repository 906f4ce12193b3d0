// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tools/measured_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

extern char** environ;

namespace postern::tools {

void Die(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

void Put(const std::string& path, const std::string& text) {
  FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) Die(path);
  const bool written =
      std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) Die(path);
}

void MakeDirectory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) Die(path);
}

namespace {

// Starts the program `arguments`. `actions` may be null.
pid_t Spawn(std::vector<std::string> arguments,
            const posix_spawn_file_actions_t* actions) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  errno = posix_spawnp(&pid, argv[0], actions, nullptr, argv.data(), environ);
  if (errno != 0) Die(arguments[0]);
  return pid;
}

}  // namespace

void RunProgram(std::vector<std::string> arguments) {
  const std::string name = arguments[0];
  const pid_t pid = Spawn(std::move(arguments), nullptr);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) Die(name);
  if (status != 0) {
    std::fprintf(stderr, "%s failed with status %d\n", name.c_str(), status);
    std::exit(1);
  }
}

std::string MakeControls(const std::string& folder, const std::string& host) {
  const std::string control = folder + "/control";
  MakeDirectory(control, 0755);
  Put(control + "/me", "mx.example.org\n");
  Put(control + "/rcpthosts", host + "\n");
  return control;
}

void MakeMaildir(const std::string& path) {
  for (const char* folder : {"", "/tmp", "/new", "/cur"}) {
    MakeDirectory(path + folder, 0700);
  }
}

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    Die("bind");
  }
  close(fd);
  return ntohs(address.sin_port);
}

double Median(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

namespace {

// Returns the CPU time of a process, by its clock.
double MicrosOf(clockid_t clock) {
  timespec used = {};
  clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) * 1e6 +
         static_cast<double>(used.tv_nsec) / 1e3;
}

}  // namespace

MeasuredServer::MeasuredServer(std::string name,
                               std::vector<std::string> arguments, int ready,
                               int port)
    : name_(std::move(name)), port_(port) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) Die("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  if (ready >= 0) posix_spawn_file_actions_adddup2(&actions, ends[1], ready);
  pid_ = Spawn(arguments, &actions);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (ready >= 0) {
    std::array<char, 256> text = {};
    if (read(ends[0], text.data(), text.size() - 1) <= 0) {
      Die(arguments[0] + " did not start");
    }
    port_ = std::atoi(std::strrchr(text.data(), ':') + 1);
  }
  close(ends[0]);
  if (clock_getcpuclockid(pid_, &clock_) != 0) Die("clock");
}

MeasuredServer::~MeasuredServer() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

double MeasuredServer::CpuMicros() const {
  double micros = MicrosOf(clock_);
  if (!children_) return micros;
  const std::string pid = std::to_string(pid_);
  std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
  clockid_t clock = 0;
  for (pid_t child = 0; children >> child;) {
    if (clock_getcpuclockid(child, &clock) == 0) micros += MicrosOf(clock);
  }
  return micros;
}

}  // namespace postern::tools
