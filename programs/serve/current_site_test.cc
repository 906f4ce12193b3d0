// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/current_site.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "programs/serve/site.h"

namespace postern::programs {
namespace {

std::shared_ptr<const Site> Make(const std::string& name) {
  auto site = std::make_shared<Site>();
  site->host_name = name;
  return site;
}

TEST(CurrentSiteTest, SessionsKeepTheSiteThatTheyBeganWith) {
  CurrentSite current(Make("first"));
  const std::shared_ptr<const Site> of_session = current.Get();
  current.Replace(Make("second"));
  EXPECT_EQ(of_session->host_name, "first");
  EXPECT_EQ(current.Get()->host_name, "second");
}

// Without the lock, a site ends while a session takes it: ThreadSanitizer
// reports it at once, and the counts go wrong.
TEST(CurrentSiteTest, IsReplacedWhileSessionsBegin) {
  const std::string name(64, 'x');
  CurrentSite current(Make(name));
  std::weak_ptr<const Site> first = current.Get();
  std::atomic<bool> over{false};
  std::vector<std::thread> sessions;
  for (int i = 0; i < 3; ++i) {
    sessions.emplace_back([&] {
      while (!over) {
        const std::shared_ptr<const Site> site = current.Get();
        if (site->host_name != name) ADD_FAILURE() << site->host_name;
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
