// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Attacks postern serve on loopback, and measures the effects on other clients
// and on the server.
//
//   attack_bench POSTERN WORK-DIRECTORY [turns|memory|pipeline]
//
// The server has one thread, which the attackers and another client share.
//
//   turns     While attackers keep the server busy, another client repeatedly
//             sends NOOP and waits for the reply. The figures are the time
//             until that reply, and the longest turn that the server reports.
//   memory    Clients send as much as they can and never read. The figures are
//             the memory that each of them adds to the process, and to the
//             kernel's memory for TCP.
//   pipeline  A client sends 3,000 messages to a Maildir: all at once without
//             waiting for replies, 50 at a time, and one after the other. The
//             figure is the CPU time of the process, which should be similar
//             in all three cases.
//
// The directory must contain a certificate: ecdsa.pem and ecdsa.key.

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tools/load.h"
#include "tools/measured_server.h"

namespace postern::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kAttack{5};
constexpr int kMessages = 3000;
constexpr int kBurst = 50;
constexpr int kSilent = 50;  // clients that never read

constexpr std::string_view kEnvelope =
    "MAIL FROM:<sender@client.example>\r\n"
    "RCPT TO:<recipient@local.example>\r\nDATA\r\n";

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    Die("connect");
  }
  return fd;
}

// Returns false if the server has closed the connection.
bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// Reads until the end of a reply that begins with `code`.
void Await(int fd, std::string_view code) {
  std::string text;
  std::array<char, 65536> room;
  while (true) {
    const size_t end = text.rfind("\r\n");
    if (end != std::string::npos && end + 2 == text.size()) {
      const size_t before = end == 0 ? end : text.rfind("\r\n", end - 1);
      const size_t line = before == std::string::npos ? 0 : before + 2;
      if (text.compare(line, code.size() + 1, std::string(code) + " ") == 0) {
        return;
      }
    }
    const ssize_t n = recv(fd, room.data(), room.size(), 0);
    if (n <= 0) Die("a server has closed");
    text.append(room.data(), static_cast<size_t>(n));
  }
}

// Returns the metric `name` of the server whose metrics are at `port`.
double Metric(int port, std::string_view name) {
  const int fd = Connect(port);
  SendAll(fd, "GET /metrics HTTP/1.0\r\n\r\n");
  std::string text;
  std::array<char, 65536> room;
  ssize_t n = 0;
  while ((n = recv(fd, room.data(), room.size(), 0)) > 0) {
    text.append(room.data(), static_cast<size_t>(n));
  }
  close(fd);
  const size_t at = text.find("\n" + std::string(name) + " ");
  if (at == std::string::npos) return 0;  // an older build without it
  return std::strtod(text.c_str() + at + name.size() + 2, nullptr);
}

// Returns the number after `name` in a file of /proc.
double ProcNumber(const std::string& path, std::string_view name) {
  FILE* const file = std::fopen(path.c_str(), "r");
  if (file == nullptr) Die(path);
  std::array<char, 65536> room;
  const size_t size = std::fread(room.data(), 1, room.size(), file);
  std::fclose(file);
  const std::string text(room.data(), size);
  const size_t at = text.find(name);
  if (at == std::string::npos) Die(path);
  return std::strtod(text.c_str() + at + name.size(), nullptr);
}

class Server {
 public:
  Server(const std::string& postern, const std::string& work,
         const std::string& deliver)
      : metrics_(FreePort()),
        process_("postern",
                 {postern,
                  "serve",
                  "--config",
                  "none",
                  "--threads",
                  "1",
                  "--control",
                  MakeControls(work, "local.example"),
                  "--deliver",
                  deliver,
                  "--listen",
                  "127.0.0.1:0",
                  "--ready-fd",
                  "9",
                  "--tls-cert",
                  work + "/ecdsa.pem",
                  "--tls-key",
                  work + "/ecdsa.key",
                  "--max-per-client",
                  "1000",
                  "--metrics",
                  "127.0.0.1:" + std::to_string(metrics_)},
                 9) {}

  int port() const { return process_.port(); }
  double CpuSeconds() const { return process_.CpuMicros() / 1e6; }
  double LongestTurn() const {
    return Metric(metrics_, "postern_longest_turn_seconds");
  }
  double ProcessKilobytes() const {
    return ProcNumber("/proc/" + std::to_string(process_.pid()) + "/status",
                      "VmRSS:");
  }

 private:
  const int metrics_;
  const MeasuredServer process_;
};

// Starts TLS and sends content in TLS records of one octet. The records are
// made in memory and sent in large pieces, so that the client needs less CPU
// time than the server.
void SendOctets(int port, const std::atomic<bool>& over) {
  const int fd = Connect(port);
  Await(fd, "220");
  SendAll(fd, "EHLO client.example\r\n");
  Await(fd, "250");
  SendAll(fd, "STARTTLS\r\n");
  Await(fd, "220");
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL* const tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  if (SSL_connect(tls) != 1) Die("a handshake");
  const std::string begin = "EHLO client.example\r\n" + std::string(kEnvelope);
  SSL_write(tls, begin.data(), static_cast<int>(begin.size()));
  std::string replies;
  std::array<char, 4096> room;
  while (replies.find("\r\n354 ") == std::string::npos) {
    const int n = SSL_read(tls, room.data(), static_cast<int>(room.size()));
    if (n <= 0) Die("a server has closed");
    replies.append(room.data(), static_cast<size_t>(n));
  }
  BIO* const memory = BIO_new(BIO_s_mem());
  SSL_set0_wbio(tls, memory);
  for (unsigned column = 0; !over;) {
    for (int i = 0; i < 4096; ++i, ++column) {
      const char octet = "0123456789abcdef\r\n"[column % 18];
      SSL_write(tls, &octet, 1);
    }
    char* records = nullptr;
    const long size = BIO_get_mem_data(memory, &records);
    if (!SendAll(fd, {records, static_cast<size_t>(size)})) break;
    (void)BIO_reset(memory);
  }
  SSL_free(tls);
  SSL_CTX_free(context);
  close(fd);
}

// Sends `text` repeatedly, and discards the replies.
void SendAndRead(int port, std::string_view begin, const std::string& text,
                 const std::atomic<bool>& over) {
  const int fd = Connect(port);
  Await(fd, "220");
  SendAll(fd, begin);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  std::array<char, 65536> room;
  size_t sent = 0;
  while (!over) {
    pollfd wait = {fd, POLLIN | POLLOUT, 0};
    poll(&wait, 1, 100);
    if ((wait.revents & POLLIN) != 0 &&
        recv(fd, room.data(), room.size(), 0) == 0) {
      break;
    }
    const ssize_t n =
        send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n > 0) sent = (sent + static_cast<size_t>(n)) % text.size();
  }
  close(fd);
}

std::string Repeat(std::string_view text, size_t octets) {
  std::string all;
  while (all.size() < octets) all += text;
  return all;
}

void MeasureTurns(const std::string& postern, const std::string& work) {
  using Attack = std::function<void(int port, const std::atomic<bool>& over)>;
  const std::string noops = Repeat("NOOP\r\n", 1 << 20);
  const std::string recipients =
      Repeat("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@local.example>\r\nRSET\r\n",
             1 << 20);
  const std::string content = Repeat("\n.\r\n..\r\n", 1 << 20);
  const struct {
    const char* name;
    int clients;
    Attack attack;
  } rows[] = {
      {"no attack", 0, nullptr},
      {"1 client, TLS records of an octet", 1, SendOctets},
      {"4 clients, TLS records of an octet", 4, SendOctets},
      {"4 clients, NOOP", 4,
       [&](int port, const auto& over) {
         SendAndRead(port, "EHLO c\r\n", noops, over);
       }},
      {"4 clients, recipients", 4,
       [&](int port, const auto& over) {
         SendAndRead(port, "EHLO c\r\n", recipients, over);
       }},
      {"4 clients, content of bare newlines and dots", 4,
       [&](int port, const auto& over) {
         SendAndRead(port, "EHLO c\r\n" + std::string(kEnvelope), content,
                     over);
       }},
  };
  std::printf("%-46s %12s %12s %14s\n", "another client's NOOP, ms", "median",
              "longest", "longest turn");
  for (const auto& row : rows) {
    const Server server(postern, work, "discard");
    const int fd = Connect(server.port());
    Await(fd, "220");
    std::atomic<bool> over{false};
    std::vector<std::thread> attackers;
    for (int i = 0; i < row.clients; ++i) {
      attackers.emplace_back([&] { row.attack(server.port(), over); });
    }
    std::vector<double> waits;
    const Clock::time_point end = Clock::now() + kAttack;
    while (Clock::now() < end) {
      const Clock::time_point begin = Clock::now();
      SendAll(fd, "NOOP\r\n");
      Await(fd, "250");
      waits.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - begin)
              .count());
      usleep(1000);
    }
    const double turn = server.LongestTurn() * 1e3;
    over = true;
    // An attacker may be blocked in send() until the server reads its input.
    for (std::thread& attacker : attackers) attacker.join();
    close(fd);
    std::sort(waits.begin(), waits.end());
    std::printf("%-46s %12.2f %12.2f %14.2f\n", row.name,
                waits[waits.size() / 2], waits.back(), turn);
    std::fflush(stdout);
  }
}

void MeasureMemory(const std::string& postern, const std::string& work) {
  const struct {
    const char* name;
    std::string begin;
    std::string text;
  } rows[] = {
      {"NOOP", "EHLO c\r\n", Repeat("NOOP\r\n", 1 << 16)},
      {"a message, and then NOOP",
       "EHLO c\r\n" + std::string(kEnvelope) + Content(1 << 20),
       Repeat("NOOP\r\n", 1 << 16)},
  };
  std::printf("\n%-46s %12s %12s\n", "a client that never reads, KiB",
              "process", "kernel");
  for (const auto& row : rows) {
    const Server server(postern, work, "discard");
    const double process = server.ProcessKilobytes();
    const double kernel = ProcNumber("/proc/net/sockstat", "mem ") * 4;
    std::vector<int> clients;
    for (int i = 0; i < kSilent; ++i) {
      const int fd = Connect(server.port());
      // With small buffers, unread replies and input stay with the server.
      const int least = 1;
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
      setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
      SendAll(fd, row.begin);
      clients.push_back(fd);
    }
    // Until no client could send for 200 ms.
    for (int idle = 0; idle < 20;) {
      bool sent = false;
      for (const int fd : clients) {
        sent = send(fd, row.text.data(), row.text.size(),
                    MSG_NOSIGNAL | MSG_DONTWAIT) > 0 ||
               sent;
      }
      idle = sent ? 0 : idle + 1;
      usleep(10'000);
    }
    std::printf(
        "%-46s %12.0f %12.0f\n", row.name,
        (server.ProcessKilobytes() - process) / kSilent,
        (ProcNumber("/proc/net/sockstat", "mem ") * 4 - kernel) / kSilent);
    std::fflush(stdout);
    for (const int fd : clients) close(fd);
  }
}

void MeasurePipelines(const std::string& postern, const std::string& work) {
  const std::string message = std::string(kEnvelope) + Content(1024);
  std::printf("\n%-46s %12s\n", "3,000 messages into a Maildir", "CPU, s");
  for (const int burst : {kMessages, kBurst, 1}) {
    // A new Maildir for each, because a directory with many files is slower.
    const std::string maildir = work + "/maildir" + std::to_string(burst);
    MakeMaildir(maildir);
    const Server server(postern, work, "maildir:" + maildir);
    const double before = server.CpuSeconds();
    const int fd = Connect(server.port());
    Await(fd, "220");
    SendAll(fd, "EHLO client.example\r\n");
    Await(fd, "250");
    for (int sent = 0; sent < kMessages; sent += burst) {
      const std::string all =
          Repeat(message, message.size() * static_cast<size_t>(burst));
      std::thread sender([&] { SendAll(fd, all); });
      // MAIL, RCPT, DATA, and the message.
      int lines = 4 * burst;
      std::array<char, 65536> room;
      while (lines > 0) {
        const ssize_t n = recv(fd, room.data(), room.size(), 0);
        if (n <= 0) Die("a server has closed");
        lines -=
            static_cast<int>(std::count(room.data(), room.data() + n, '\n'));
      }
      sender.join();
    }
    close(fd);
    const std::string name = burst == 1 ? "one after the other"
                             : burst == kMessages
                                 ? "all at once"
                                 : std::to_string(burst) + " at a time";
    std::printf("%-46s %12.2f\n", name.c_str(), server.CpuSeconds() - before);
    std::fflush(stdout);
  }
}

int Main(int argc, char** argv) {
  const std::string_view only = argc == 4 ? argv[3] : "";
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr,
                 "usage: attack_bench POSTERN WORK-DIRECTORY "
                 "[turns|memory|pipeline]\n");
    return 100;
  }
  if (only.empty() || only == "turns") MeasureTurns(argv[1], argv[2]);
  if (only.empty() || only == "memory") MeasureMemory(argv[1], argv[2]);
  if (only.empty() || only == "pipeline") MeasurePipelines(argv[1], argv[2]);
  return 0;
}

}  // namespace
}  // namespace postern::tools

int main(int argc, char** argv) { return postern::tools::Main(argc, argv); }
