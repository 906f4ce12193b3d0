// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_library.h"

#include <sasl/sasl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "auth/sasl_test_site.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// The library starts once per process, so the errors are tested before the
// success.
TEST(SaslLibraryTest, StartsOnceAndReportsErrorsOfItsFile) {
  const SaslTestSite site, other;
  const auto start = [](const std::string& folder) {
    return SaslLibrary::Start(folder, nullptr).status();
  };

  absl::Status status = start(site.Path("none"));
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_EQ(status.message().find(
                absl::StrCat("sasl ", site.Path("none"), "/postern.conf: ")),
            0)
      << status;

  EXPECT_TRUE(absl::IsInvalidArgument(start("/etc:/tmp")));

  site.Write("postern.conf", "no option at all\n");
  status = start(site.Path());
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_NE(status.message().find(site.Path("postern.conf")), std::string::npos)
      << status;

  site.UseUserFile();
  other.UseUserFile();
  const auto library = SaslLibrary::Start(site.Path(), nullptr);
  ASSERT_TRUE(library.ok()) << library.status();
  EXPECT_EQ(*SaslLibrary::Start(site.Path(), nullptr), *library);
  status = start(other.Path());
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;

  status = (*library)->CheckUserFile();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_NE(status.message().find(site.Path("sasldb2")), std::string::npos);
  site.AddUser("alice", "mx.example.org", "wonderland");
  EXPECT_TRUE((*library)->CheckUserFile().ok());

  ASSERT_EQ(chmod(site.Path("sasldb2").c_str(), 0640), 0);
  status = (*library)->CheckUserFileAtStart();
  EXPECT_TRUE(status.ok()) << status;
  ASSERT_EQ(chmod(site.Path("sasldb2").c_str(), 0644), 0);
  EXPECT_TRUE((*library)->CheckUserFile().ok());
  status = (*library)->CheckUserFileAtStart();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find(
                site.Path("sasldb2: other users can read or write it")),
            std::string::npos)
      << status;
  ASSERT_EQ(unlink(site.Path("sasldb2").c_str()), 0);
  EXPECT_TRUE(absl::IsNotFound((*library)->CheckUserFileAtStart()));
}

TEST(SaslLogTest, CollectsFailuresButNoTraces) {
  SaslLog log;
  log.Add(SASL_LOG_PASS, "password wonderland");
  log.Add(SASL_LOG_TRACE, "trace");
  log.Add(SASL_LOG_DEBUG, "debug");
  log.Add(SASL_LOG_NOTE, "note");
  log.Add(SASL_LOG_NONE, "none");
  EXPECT_EQ(log.text(), "");
  log.Add(SASL_LOG_FAIL, "no such socket\n");
  EXPECT_FALSE(log.has_errors());
  log.Add(SASL_LOG_FAIL, "no such socket");
  log.Add(SASL_LOG_ERR, "user \"a\r\nb\"");
  EXPECT_TRUE(log.has_errors());
  EXPECT_EQ(log.text(), "no such socket; user \\\"a\\r\\nb\\\"");
  for (int i = 0; i < 100; ++i) {
    log.Add(SASL_LOG_WARN, absl::StrCat(i, std::string(5000, 'x')));
  }
  EXPECT_LE(log.text().size(), 602u);
}

}  // namespace
}  // namespace postern::auth
