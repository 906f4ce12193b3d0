// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures the CPU time of postern-smtpd processes:
//
//   smtpd_bench POSTERN-SMTPD ONE-LINE WORK-DIRECTORY
//
// The start is compared with that of ONE-LINE. The two programs start
// alternately, because the noise of the host is larger than the difference.
// Messages are pipelined (MAIL, RCPT, DATA in one segment) on a loopback
// connection. WORK-DIRECTORY is created, gets control files and a Maildir, and
// is not removed.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tools/measured_server.h"

extern char** environ;

namespace postern::tools {
namespace {

double Micros(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
}

// Waits for `pid`; returns its CPU time, user and system, in microseconds.
double Wait(pid_t pid) {
  int status = 0;
  rusage usage = {};
  if (wait4(pid, &status, 0, &usage) != pid) Die("wait4");
  if (status != 0) {
    std::fprintf(stderr, "the program ended with status %d\n", status);
    std::exit(1);
  }
  return Micros(usage.ru_utime) + Micros(usage.ru_stime);
}

// Returns the peak memory of `pid`, in KiB. ru_maxrss is not used, because it
// begins with the parent's memory at the time of the spawn.
long Peak(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/status";
  FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) Die(path);
  char line[256];
  long kib = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    (void)std::sscanf(line, "VmHWM: %ld", &kib);  // only one line matches
  }
  std::fclose(file);
  return kib;
}

pid_t Spawn(std::vector<std::string> args, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ) !=
      0) {
    Die(argv[0]);
  }
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

int Open(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) Die(path);
  return fd;
}

// Runs this process, and processes that it starts from now on, on the first
// `count` processors. If that fails, the figures have more noise.
void UseProcessors(int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < count; ++i) CPU_SET(i, &set);
  (void)sched_setaffinity(0, sizeof(set), &set);
}

// Starts `a` and `b` alternately. Prints the median CPU time of each, and their
// ratio.
void CompareStarts(const std::vector<std::string>& a,
                   const std::vector<std::string>& b,
                   const std::string& input) {
  constexpr int kRounds = 1000;
  const int null = Open("/dev/null", O_WRONLY);
  std::vector<double> times_a, times_b;
  for (int round = 0; round < kRounds; ++round) {
    for (const auto* args : {&a, &b}) {
      const int in = Open(input, O_RDONLY);
      const double micros = Wait(Spawn(*args, in, null));
      (args == &a ? times_a : times_b).push_back(micros);
      close(in);
    }
  }
  close(null);
  const double ma = Median(times_a), mb = Median(times_b);
  std::printf("start (EHLO, QUIT)   %4.0f us, one line %4.0f us, ratio %.2f\n",
              ma, mb, ma / mb);
}

// Measures the system calls that storing a durable message needs: create,
// write, fsync, close, rename, fsync of the directory. Returns the CPU time in
// microseconds per message.
double DurableFloor(const std::string& maildir, int messages, size_t size) {
  const std::string text(size, 'x');
  const pid_t pid = fork();
  if (pid < 0) Die("fork");
  if (pid == 0) {
    const int tmp = Open(maildir + "/tmp", O_RDONLY | O_DIRECTORY);
    const int into = Open(maildir + "/new", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < messages; ++i) {
      const std::string name = "floor." + std::to_string(i);
      const int fd =
          openat(tmp, name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
      if (fd < 0 ||
          write(fd, text.data(), size) != static_cast<ssize_t>(size) ||
          fsync(fd) != 0 || close(fd) != 0 ||
          renameat2(tmp, name.c_str(), into, name.c_str(), RENAME_NOREPLACE) !=
              0 ||
          fsync(into) != 0) {
        _exit(1);
      }
    }
    _exit(0);
  }
  return Wait(pid) / messages;
}

// A client that sends text and reads a number of replies.
class Client {
 public:
  explicit Client(int fd) : fd_(fd) {}

  void Ask(const std::string& text, int replies) {
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t n =
          send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) Die("send");
      sent += static_cast<size_t>(n);
    }
    while (replies > 0) {
      size_t end = 0;
      while (replies > 0 && (end = in_.find("\r\n")) != std::string::npos) {
        if (in_[3] == ' ') --replies;
        if (in_[0] != '2' && in_[0] != '3') {
          std::fprintf(stderr, "%s\n", in_.substr(0, end).c_str());
          std::exit(1);
        }
        in_.erase(0, end + 2);
      }
      if (replies == 0) return;
      char bytes[4096];
      const ssize_t n = recv(fd_, bytes, sizeof(bytes), 0);
      if (n <= 0) Die("recv");
      in_.append(bytes, static_cast<size_t>(n));
    }
  }

 private:
  const int fd_;
  std::string in_;
};

// Returns the CPU time in microseconds per message.
double Messages(const char* name, const std::vector<std::string>& args,
                int messages, size_t size) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  if (bind(listener, generic, length) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, generic, &length) != 0) {
    Die("listen");
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, generic, length) != 0) Die("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const int server = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (server < 0) Die("accept");
  const pid_t pid = Spawn(args, server, server);
  close(server);
  close(listener);

  std::string body = "Subject: measured\r\n\r\n";
  while (body.size() + 78 < size) body += std::string(76, 'x') + "\r\n";
  if (body.size() + 2 < size) body += std::string(size - body.size() - 2, 'x');
  body += "\r\n.\r\n";
  Client client(fd);
  client.Ask("EHLO client.example\r\n", 2);  // with the greeting
  for (int i = 0; i < messages; ++i) {
    client.Ask(
        "MAIL FROM:<s@example.net>\r\nRCPT TO:<u@example.org>\r\nDATA\r\n", 3);
    client.Ask(body, 1);
  }
  const long peak = Peak(pid);
  client.Ask("QUIT\r\n", 1);
  const double micros = Wait(pid);
  close(fd);
  std::printf("%-20s %8.1f us of CPU a message of %zu octets, peak %ld KiB\n",
              name, micros / messages, size, peak);
  return micros / messages;
}

int Main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr,
                 "usage: smtpd_bench POSTERN-SMTPD ONE-LINE WORK-DIRECTORY\n");
    return 100;
  }
  const std::string smtpd = argv[1], one_line = argv[2], work = argv[3];
  mkdir(work.c_str(), 0755);
  const std::string control = MakeControls(work, "example.org");
  MakeMaildir(work + "/Maildir");
  Put(work + "/session", "EHLO client.example\r\nQUIT\r\n");
  const auto args = [&](const std::string& deliver) {
    return std::vector<std::string>{smtpd, "--control", control, "--deliver",
                                    deliver};
  };
  // Client and server use one processor. With two, the CPU time of the server
  // includes waking its processor from sleep, which is more than its own work.
  UseProcessors(1);
  CompareStarts(args("discard"), {one_line}, work + "/session");
  Messages("discard", args("discard"), 20000, 1024);
  Messages("discard, 10 MiB", args("discard"), 20, 10 << 20);
  // Use all processors, or the server's CPU time includes disk interrupts.
  UseProcessors(CPU_SETSIZE);
  // Alternately, and medians of five: the speed of a disk changes often.
  std::vector<double> durable, floor, ratio;
  for (int i = 0; i < 5; ++i) {
    const std::string maildir = work + "/Maildir" + std::to_string(i);
    MakeMaildir(maildir);
    floor.push_back(DurableFloor(maildir, 500, 1024));
    durable.push_back(
        Messages("Maildir, durable", args("maildir:" + maildir), 500, 1024));
    ratio.push_back(durable.back() / floor.back());
  }
  std::printf(
      "Maildir, durable     %8.1f us, its system calls alone %.1f us, "
      "ratio %.2f\n",
      Median(durable), Median(floor), Median(ratio));
  Messages("discard, 1 GiB", args("discard"), 1, size_t{1} << 30);
  Messages("Maildir, 1 GiB", args("maildir:" + work + "/Maildir"), 1,
           size_t{1} << 30);
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
