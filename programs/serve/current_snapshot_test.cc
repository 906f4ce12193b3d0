// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/current_snapshot.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "programs/serve/service_snapshot.h"

namespace postern::programs {
namespace {

std::shared_ptr<const ServiceSnapshot> Make(const std::string& name) {
  auto snapshot = std::make_shared<ServiceSnapshot>();
  snapshot->mail.host_name = name;
  return snapshot;
}

TEST(CurrentSnapshotTest, SessionKeepsItsFirstSnapshot) {
  CurrentSnapshot current(Make("first"));
  const std::shared_ptr<const ServiceSnapshot> of_session = current.Get();
  current.Replace(Make("second"));
  EXPECT_EQ(of_session->mail.host_name, "first");
  EXPECT_EQ(current.Get()->mail.host_name, "second");
}

// Without the lock, a snapshot could be destroyed while a session takes it.
// ThreadSanitizer reports that, and the counts become wrong.
TEST(CurrentSnapshotTest, MayBeReplacedWhileSessionsBegin) {
  const std::string name(64, 'x');
  CurrentSnapshot current(Make(name));
  std::weak_ptr<const ServiceSnapshot> first = current.Get();
  std::atomic<bool> over{false};
  std::vector<std::thread> sessions;
  for (int i = 0; i < 3; ++i) {
    sessions.emplace_back([&] {
      while (!over) {
        const std::shared_ptr<const ServiceSnapshot> snapshot = current.Get();
        if (snapshot->mail.host_name != name)
          ADD_FAILURE() << snapshot->mail.host_name;
      }
    });
  }
  for (int i = 0; i < 20000; ++i) current.Replace(Make(name));
  over = true;
  for (std::thread& session : sessions) session.join();
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(current.Get().use_count(), 2);
}

}  // namespace
}  // namespace postern::programs
