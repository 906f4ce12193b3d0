// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/publish.h"

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "delivery/amqp/amqp_address.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/listening_socket.h"
#include "service/finding.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

// Its own timeout is 30 seconds, and that of a connection otherwise 5.
TEST(TestQueueTest, BrokerThatDoesNotAnswerDelaysTheStartForTheTimeout) {
  std::vector<system::Descriptor> sockets;
  std::string hosts;
  for (int i = 0; i < 4; ++i) {
    auto socket =
        net::Listen(*net::ListenAddress::Parse("127.0.0.1:0"), /*share=*/false);
    ASSERT_TRUE(socket.ok()) << socket.status();
    absl::StrAppend(&hosts, net::BoundAddress(socket->get())->Format(), ",");
    sockets.push_back(*std::move(socket));
  }
  files::TestDirectory directory;
  directory.Write("credentials", "user:password\n");
  const std::string credentials = directory.File("credentials");
  ASSERT_EQ(chmod(credentials.c_str(), 0600), 0);
  const auto address = delivery::AmqpAddress::Parse(
      /*tls=*/false, absl::StrCat(hosts, "queue=mail,auth=", credentials));
  ASSERT_TRUE(address.ok()) << address.status();
  service::Findings findings;
  const absl::Time began = absl::Now();
  TestQueue("--deliver", *address, /*max_size=*/1000, absl::Milliseconds(10),
            &findings);
  EXPECT_LT(absl::Now() - began, absl::Seconds(15));
  ASSERT_EQ(findings.all().size(), 1u);
  EXPECT_EQ(findings.all()[0].severity, service::Finding::Severity::kWarning);
  EXPECT_TRUE(absl::StrContains(findings.all()[0].Text(),
                                "recipients get a 451 until a broker works"))
      << findings.all()[0].Text();
}

}  // namespace
}  // namespace postern::programs
