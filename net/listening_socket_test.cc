// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/listening_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/socket.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iterator>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::net {
namespace {

std::string MakeFolder() {
  char folder[] = "/tmp/listening_socket_test.XXXXXX";
  EXPECT_NE(mkdtemp(folder), nullptr);
  return folder;
}

TEST(ListeningSocketTest, ParsesAndFormatsAddresses) {
  const struct {
    const char* text;
    ListenAddress address;
  } cases[] = {
      {"127.0.0.1:25", {IpAddress::Parse("127.0.0.1"), 25, ""}},
      {"0.0.0.0:65535", {IpAddress::Parse("0.0.0.0"), 65535, ""}},
      {"[::1]:0", {IpAddress::Parse("::1"), 0, ""}},
      {"[2001:db8::1]:587", {IpAddress::Parse("2001:db8::1"), 587, ""}},
      {"*:2525", {std::nullopt, 2525, ""}},
      {"unix:/run/x.sock", {std::nullopt, 0, "/run/x.sock"}},
  };
  for (const auto& [text, address] : cases) {
    const auto parsed = ListenAddress::Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, address) << text;
    EXPECT_EQ(parsed->Format(), text);
  }
}

TEST(ListeningSocketTest, ParseRefusesOtherText) {
  for (const std::string text : {"",
                                 "25",
                                 ":25",
                                 "127.0.0.1",
                                 "127.0.0.1:",
                                 "127.0.0.1:65536",
                                 "127.0.0.1:+25",
                                 "127.0.0.1: 25",
                                 "127.0.0.1:000025",
                                 "localhost:25",
                                 "::1:25",
                                 "[::1]",
                                 "[::1:25",
                                 "::1]:25",
                                 "[127.0.0.1]:25",
                                 "[]:25",
                                 "[*]:25",
                                 "127.0.0.256:25",
                                 "[fe80::1%lo]:25",
                                 "unix:",
                                 "unix:x"}) {
    const auto parsed = ListenAddress::Parse(text);
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_NE(parsed.status().message().find(text), std::string::npos);
  }
  EXPECT_FALSE(ListenAddress::Parse("unix:/" + std::string(200, 'x')).ok());
}

TEST(ListeningSocketTest, APortChosenByTheSystemCanBeShared) {
  const auto first =
      Listen({IpAddress::Parse("127.0.0.1"), 0, ""}, /*share=*/true);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto bound = BoundAddress(first->get());
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(bound->host, IpAddress::Parse("127.0.0.1"));
  EXPECT_NE(bound->port, 0);
  const auto second = Listen(*bound, /*share=*/true);
  EXPECT_TRUE(second.ok()) << second.status();
  const auto third = Listen(*bound, /*share=*/false);
  EXPECT_FALSE(third.ok());
  EXPECT_NE(third.status().message().find(bound->Format()), std::string::npos);
}

TEST(ListeningSocketTest, AStaleUnixSocketIsReplaced) {
  const std::string folder = MakeFolder();
  const std::string path = folder + "/s";
  auto first = Listen({std::nullopt, 0, path}, false);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto bound = BoundAddress(first->get());
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(bound->path, path);
  EXPECT_FALSE(Listen({std::nullopt, 0, path}, false).ok());  // in use
  first->Reset();
  const auto second = Listen({std::nullopt, 0, path}, false);
  EXPECT_TRUE(second.ok()) << second.status();
  unlink(path.c_str());
  rmdir(folder.c_str());
}

TEST(ListeningSocketTest, AFileThatIsNotASocketStays) {
  const std::string folder = MakeFolder();
  const std::string file = folder + "/file";
  const std::string fifo = folder + "/fifo";
  const std::string link = folder + "/link";
  close(open(file.c_str(), O_CREAT | O_WRONLY, 0600));
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  // A link to a socket on which no server listens.
  auto stale = Listen({std::nullopt, 0, folder + "/stale"}, false);
  ASSERT_TRUE(stale.ok());
  stale->Reset();
  ASSERT_EQ(symlink("stale", link.c_str()), 0);
  for (const std::string& path : {file, fifo, link, folder}) {
    struct stat before = {};
    struct stat after = {};
    ASSERT_EQ(lstat(path.c_str(), &before), 0);
    const auto socket = Listen({std::nullopt, 0, path}, false);
    EXPECT_EQ(socket.status().message(),
              "unix:" + path + ": a file that is not a socket exists");
    ASSERT_EQ(lstat(path.c_str(), &after), 0) << path << " is gone";
    // A new file may have the inode number of a file that was removed.
    EXPECT_EQ(before.st_ino, after.st_ino) << path << " is gone";
    EXPECT_EQ(before.st_mode, after.st_mode) << path << " is gone";
  }
  for (const char* name : {"/file", "/fifo", "/link", "/stale"}) {
    unlink((folder + name).c_str());
  }
  rmdir(folder.c_str());
}

TEST(ListeningSocketTest, CheckHasTheErrorOfListenAndChangesNothing) {
  const std::string folder = MakeFolder();
  const std::string path = folder + "/s";
  const ListenAddress local = {std::nullopt, 0, path};
  EXPECT_TRUE(CheckListen(local).ok());
  struct stat facts = {};
  EXPECT_NE(lstat(path.c_str(), &facts), 0) << "a socket was made";
  auto unix_server = Listen(local, false);
  ASSERT_TRUE(unix_server.ok()) << unix_server.status();
  EXPECT_TRUE(absl::IsAlreadyExists(CheckListen(local)));
  EXPECT_EQ(CheckListen(local), Listen(local, false).status());
  unix_server->Reset();
  EXPECT_TRUE(CheckListen(local).ok());  // stale
  EXPECT_EQ(lstat(path.c_str(), &facts), 0) << "the stale socket is gone";
  unlink(path.c_str());
  const ListenAddress lost = {std::nullopt, 0, folder + "/none/s"};
  EXPECT_FALSE(CheckListen(lost).ok());
  EXPECT_EQ(CheckListen(lost), Listen(lost, false).status());
  const ListenAddress not_a_socket = {std::nullopt, 0, folder};
  EXPECT_EQ(CheckListen(not_a_socket), Listen(not_a_socket, false).status());
  rmdir(folder.c_str());

  const ListenAddress any = {IpAddress::Parse("127.0.0.1"), 0, ""};
  EXPECT_TRUE(CheckListen(any).ok());
  // A server whose threads share the address holds it, too.
  const auto tcp_server = Listen(any, /*share=*/true);
  ASSERT_TRUE(tcp_server.ok()) << tcp_server.status();
  const auto bound = BoundAddress(tcp_server->get());
  ASSERT_TRUE(bound.ok());
  EXPECT_TRUE(absl::IsAlreadyExists(CheckListen(*bound)));
  // TEST-NET-1 is no address of this host.
  const ListenAddress other = {IpAddress::Parse("192.0.2.1"), 0, ""};
  EXPECT_TRUE(absl::IsUnavailable(CheckListen(other))) << CheckListen(other);
  EXPECT_EQ(CheckListen(other), Listen(other, false).status());
}

// Makes `call` fail with `error` on this thread from now on if its first
// argument is `family`.
void Forbid(uint32_t call, uint32_t family, uint32_t error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {std::size(filter), filter};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST(ListeningSocketTest, WithoutIpv6AllAddressesAreThoseOfIpv4) {
  std::thread([] {
    Forbid(SYS_socket, AF_INET6, EAFNOSUPPORT);  // like a kernel without IPv6
    const auto socket = Listen({std::nullopt, 0, ""}, /*share=*/true);
    ASSERT_TRUE(socket.ok()) << socket.status();
    const auto bound = BoundAddress(socket->get());
    ASSERT_TRUE(bound.ok());
    EXPECT_EQ(bound->host, IpAddress::Parse("0.0.0.0"));
    EXPECT_FALSE(Listen({IpAddress::Parse("::1"), 0, ""}, false).ok());
    EXPECT_FALSE(Listen({IpAddress::Parse("::"), 0, ""}, false).ok());
  }).join();
}

// Makes setsockopt(2) keep the receive buffers of this thread's sockets small,
// as if net.core.rmem_max were small and the process had no privileges.
void KeepReceiveBufferSmall() {
  constexpr uint32_t kOption = offsetof(seccomp_data, args) + 2 * 8;
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kOption),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SO_RCVBUFFORCE, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SO_RCVBUF, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),  // reports success
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  sock_fprog program = {std::size(filter), filter};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

// The kernel then chooses the receive buffer again. The send buffer, which a
// client that never reads fills, keeps its size.
TEST(ListeningSocketTest, TheSendBufferKeepsItsSizeIfTheKernelChooses) {
  std::thread([] {
    KeepReceiveBufferSmall();
    const auto socket =
        Listen({IpAddress::Parse("127.0.0.1"), 0, ""}, /*share=*/false);
    ASSERT_TRUE(socket.ok()) << socket.status();
    int locked = 0;
    socklen_t length = sizeof(locked);
    // The option exists since Linux 5.14.
    if (getsockopt(socket->get(), SOL_SOCKET, SO_BUF_LOCK, &locked, &length) ==
        0) {
      EXPECT_EQ(locked, SOCK_SNDBUF_LOCK);
    }
  }).join();
}

TEST(ListeningSocketTest, AllAddressesAreThoseOfBothFamilies) {
  const auto socket = Listen({std::nullopt, 0, ""}, /*share=*/false);
  ASSERT_TRUE(socket.ok()) << socket.status();
  const auto bound = BoundAddress(socket->get());
  ASSERT_TRUE(bound.ok());
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(bound->port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(connect(client, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  close(client);
}

}  // namespace
}  // namespace postern::net
