// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/systemd.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

using ::testing::IsEmpty;
using ::testing::MatchesRegex;

// A test has no variables of the service manager that runs it.
class SystemdTest : public testing::Test {
 protected:
  SystemdTest() { Forget(); }
  ~SystemdTest() override { Forget(); }

  static void Forget() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                             "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) {
      unsetenv(name);
    }
  }
};

TEST_F(SystemdTest, WithoutAServiceManagerNothingHappens) {
  SayReady("x");
  SayReloading();
  SayStopping("x");
  SayAlive();
  EXPECT_EQ(AliveInterval(), absl::InfiniteDuration());
  EXPECT_EQ(CountPassedSockets(), 0);
  EXPECT_THAT(PassedSockets(), IsEmpty());
}

TEST_F(SystemdTest, NotifiesTheServiceManager) {
  const files::TestDirectory folder;
  const std::string path = folder.File("notify");
  const system::Descriptor socket(
      ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)),
            0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  const auto next = [&socket] {
    char text[256];
    const ssize_t size = recv(socket.get(), text, sizeof(text), MSG_DONTWAIT);
    return std::string(text, size < 0 ? 0 : static_cast<size_t>(size));
  };
  SayReady("two listeners");
  EXPECT_EQ(next(), "READY=1\nSTATUS=two listeners");
  SayReloading();
  EXPECT_THAT(next(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
  SayAlive();
  EXPECT_EQ(next(), "WATCHDOG=1");
  SayStopping("draining");
  EXPECT_EQ(next(), "STOPPING=1\nSTATUS=draining");
}

TEST_F(SystemdTest, AliveIntervalIsHalfTheWatchdogTimeout) {
  setenv("WATCHDOG_USEC", "3000000", 1);
  setenv("WATCHDOG_PID", absl::StrCat(getpid()).c_str(), 1);
  EXPECT_EQ(AliveInterval(), absl::Milliseconds(1500));
  setenv("WATCHDOG_PID", absl::StrCat(getpid() + 1).c_str(), 1);
  EXPECT_EQ(AliveInterval(), absl::InfiniteDuration());
}

TEST_F(SystemdTest, SocketsOfAnotherProcessAreIgnored) {
  setenv("LISTEN_FDS", "1", 1);
  setenv("LISTEN_PID", absl::StrCat(getpid() + 1).c_str(), 1);
  EXPECT_EQ(CountPassedSockets(), 0);
  EXPECT_THAT(PassedSockets(), IsEmpty());
}

}  // namespace
}  // namespace postern::programs
