// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures servers side by side: CPU time of the whole server process for a
// message, or a session, all of them discarding what they get.
//
//   server_bench POSTERN SMTP-FLOOR WORK-FOLDER
//
// Beside postern serve runs the floor (tools/smtp_floor.cc), and Postfix's
// smtp-sink where it is installed. One generator drives them in turn; each
// figure is the median of some rounds. Everything is on loopback.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

extern char** environ;

namespace {

constexpr int kRounds = 5;
constexpr int kConnections = 20;

[[noreturn]] void Die(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

void Put(const std::string& path, const std::string& text) {
  FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) Die(path);
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
}

// What a client sends, and how many replies it then waits for.
struct Turn {
  std::string_view says;
  int replies = 1;
};

struct Scenario {
  const char* name;
  const char* of;  // what the figure is about
  int sessions;
  int messages;  // of a session
  std::vector<Turn> turns;
};

class Server {
 public:
  // Starts `arguments`. What it writes to its descriptor `ready` begins with
  // ADDRESS:PORT; with -1 it will listen at `port` soon.
  Server(std::string name, std::vector<std::string> arguments, int ready,
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
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ) !=
        0) {
      Die(arguments[0]);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (ready >= 0) {
      std::array<char, 256> text = {};
      if (read(ends[0], text.data(), text.size() - 1) <= 0) {
        Die(arguments[0] + " does not serve");
      }
      port_ = std::atoi(std::strrchr(text.data(), ':') + 1);
    }
    close(ends[0]);
    if (clock_getcpuclockid(pid_, &clock_) != 0) Die("clock");
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  const std::string& name() const { return name_; }
  int port() const { return port_; }

  double CpuMicros() const {
    timespec used = {};
    clock_gettime(clock_, &used);
    return static_cast<double>(used.tv_sec) * 1e6 +
           static_cast<double>(used.tv_nsec) / 1e3;
  }

 private:
  std::string name_;
  pid_t pid_ = -1;
  int port_;
  clockid_t clock_ = 0;
};

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// A port that was free a moment ago, for a server that prints none.
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

// Drives sessions of one scenario, some at a time.
class Generator {
 public:
  Generator(const Scenario& scenario, int port)
      : scenario_(scenario),
        address_(Loopback(port)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        to_begin_(scenario.sessions) {}
  ~Generator() { close(epoll_); }

  void Run() {
    for (int i = 0; i < kConnections; ++i) Begin();
    std::array<epoll_event, 64> events;
    while (open_ > 0) {
      const int count = epoll_wait(epoll_, events.data(),
                                   static_cast<int>(events.size()), 30'000);
      if (count <= 0) Die("a server does not answer");
      for (int i = 0; i < count; ++i) {
        Go(static_cast<Session*>(events[static_cast<size_t>(i)].data.ptr));
      }
    }
  }

 private:
  struct Session {
    int socket = -1;
    size_t turn = 0;
    size_t sent = 0;    // of the turn
    int replies = 0;    // still to come
    size_t column = 0;  // in a reply's line
    bool last = false;  // that line ends the reply
  };

  void Begin() {
    if (to_begin_ == 0) return;
    --to_begin_;
    ++open_;
    auto* const session = new Session;
    session->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(session->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(session->socket, reinterpret_cast<sockaddr*>(&address_),
                sizeof(address_)) != 0) {
      Die("connect");
    }
    fcntl(session->socket, F_SETFL, O_NONBLOCK);
    session->replies = scenario_.turns[0].replies;
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = session;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, session->socket, &event) != 0) {
      Die("epoll_ctl");
    }
  }

  void Go(Session* session) {
    while (true) {
      const Turn& turn = scenario_.turns[session->turn];
      while (session->sent < turn.says.size()) {
        const ssize_t n =
            send(session->socket, turn.says.data() + session->sent,
                 turn.says.size() - session->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) Die("send");
        session->sent += static_cast<size_t>(n);
      }
      Listen(session);
      if (session->sent < turn.says.size() || session->replies > 0) return;
      if (++session->turn == scenario_.turns.size()) {
        close(session->socket);
        delete session;
        --open_;
        return Begin();
      }
      session->sent = 0;
      session->replies += scenario_.turns[session->turn].replies;
    }
  }

  void Listen(Session* session) {
    ssize_t n = 0;
    while ((n = recv(session->socket, buffer_.data(), buffer_.size(), 0)) > 0) {
      for (ssize_t i = 0; i < n; ++i) {
        const char c = buffer_[static_cast<size_t>(i)];
        if (session->column == 0 && c != '2' && c != '3') Die("a refusal");
        if (session->column == 3) session->last = c == ' ';
        ++session->column;
        if (c != '\n') continue;
        session->column = 0;
        if (session->last) --session->replies;
      }
      if (static_cast<size_t>(n) < buffer_.size()) return;
    }
    if (n == 0 && session->replies > 0) Die("a server has closed");
  }

  const Scenario& scenario_;
  sockaddr_in address_;
  const int epoll_;
  int to_begin_;
  int open_ = 0;
  std::array<char, 16384> buffer_;
};

std::string Content(size_t size) {
  std::string text = "Subject: a message\r\n\r\n";
  while (text.size() < size) text += std::string(74, 'x') + "\r\n";
  return text + ".\r\n";
}

std::vector<Turn> Session(int messages, bool pipelined,
                          std::string_view content) {
  std::vector<Turn> turns = {{"", 1}, {"EHLO client.example\r\n", 1}};
  for (int i = 0; i < messages; ++i) {
    if (pipelined) {
      turns.push_back(
          {"MAIL FROM:<sender@client.example>\r\n"
           "RCPT TO:<recipient@local.example>\r\nDATA\r\n",
           3});
    } else {
      turns.push_back({"MAIL FROM:<sender@client.example>\r\n"});
      turns.push_back({"RCPT TO:<recipient@local.example>\r\n"});
      turns.push_back({"DATA\r\n"});
    }
    turns.push_back({content});
  }
  turns.push_back({"QUIT\r\n"});
  return turns;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + kRounds / 2, values.end());
  return values[kRounds / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr,
                 "usage: server_bench POSTERN SMTP-FLOOR WORK-FOLDER\n");
    return 100;
  }
  const std::string work = argv[3];
  mkdir((work + "/control").c_str(), 0755);
  Put(work + "/control/me", "mx.example.org\n");
  Put(work + "/control/rcpthosts", "local.example\n");

  std::vector<std::unique_ptr<Server>> servers;
  servers.push_back(std::make_unique<Server>(
      "postern",
      std::vector<std::string>{argv[1], "serve", "--threads", "1", "--control",
                               work + "/control", "--deliver", "discard",
                               "--listen", "127.0.0.1:0", "--ready-fd", "9"},
      9, 0));
  servers.push_back(std::make_unique<Server>(
      "floor", std::vector<std::string>{argv[2]}, 1, 0));
  for (const char* path :
       {"/usr/sbin/smtp-sink", "/usr/lib/postfix/smtp-sink"}) {
    if (access(path, X_OK) != 0) continue;
    const int port = FreePort();
    std::vector<std::string> arguments = {path};
    if (getuid() == 0) {
      arguments.insert(arguments.end(), {"-u", "nobody"});
    }
    arguments.insert(arguments.end(),
                     {"127.0.0.1:" + std::to_string(port), "1000"});
    servers.push_back(
        std::make_unique<Server>("smtp-sink", arguments, -1, port));
    usleep(500'000);  // it says nothing when it listens
    break;
  }

  const std::string kilobyte = Content(1024);
  const std::string large = Content(size_t{10} << 20);
  const std::vector<Scenario> scenarios = {
      {"one message a connection", "message", 2000, 1,
       Session(1, false, kilobyte)},
      {"100 messages a connection", "message", 60, 100,
       Session(100, false, kilobyte)},
      {"the same, pipelined", "message", 100, 100,
       Session(100, true, kilobyte)},
      {"messages of 10 MiB", "message", 20, 4, Session(4, true, large)},
      {"EHLO, QUIT", "session", 4000, 1, Session(0, false, "")},
  };
  std::printf("%-28s", "us of CPU");
  for (const auto& server : servers) {
    std::printf(" %10s", server->name().c_str());
  }
  std::printf("   to the floor\n");
  for (const Scenario& scenario : scenarios) {
    std::vector<std::vector<double>> micros(servers.size());
    for (int round = 0; round < kRounds; ++round) {
      for (size_t i = 0; i < servers.size(); ++i) {
        const double before = servers[i]->CpuMicros();
        Generator(scenario, servers[i]->port()).Run();
        micros[i].push_back((servers[i]->CpuMicros() - before) /
                            scenario.sessions / scenario.messages);
      }
    }
    std::printf("%-28s", scenario.name);
    for (const auto& each : micros) std::printf(" %10.1f", Median(each));
    std::printf("  ");
    for (size_t i = 0; i < servers.size(); ++i) {
      if (i != 1) std::printf(" %6.2f", Median(micros[i]) / Median(micros[1]));
    }
    std::printf("  (a %s)\n", scenario.of);
    std::fflush(stdout);
  }
  return 0;
}
