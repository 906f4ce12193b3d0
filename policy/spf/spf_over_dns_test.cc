// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf/spf_over_dns.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

using Status = DnsResult::Status;

// Answers when the test says so.
class LateDns : public Dns {
 public:
  void Lookup(absl::string_view name, DnsAnswer::Type, Done done) override {
    asked.emplace_back(name);
    open = std::move(done);
  }
  void Answer(DnsResult result) {
    Done done = *std::move(open);
    open.reset();
    std::move(done)(result);
  }

  std::vector<std::string> asked;
  std::optional<Done> open;
};

class SpfOverDnsTest : public testing::Test {
 protected:
  void Check() {
    spf_.Check(
        {.client = *IpAddress::Parse("192.0.2.1"), .domain = "x.example"},
        [this](const SpfAnswer& answer) {
          EXPECT_FALSE(result_.has_value());
          result_ = answer.result;
        });
  }

  LateDns dns_;
  absl::Duration now_ = absl::Seconds(5);
  SpfOverDns spf_{&dns_, SpfOverDns::kTimeout, [this] { return now_; }};
  std::optional<SpfResult> result_;
};

TEST_F(SpfOverDnsTest, AsksUntilThereIsAnAnswer) {
  Check();
  dns_.Answer({Status::kFound, {"v=spf1 a:y.example -all"}, 60});
  EXPECT_FALSE(result_.has_value());
  dns_.Answer({Status::kFound, {std::string("\xc0\0\x02\x01", 4)}, 60});
  EXPECT_EQ(result_, SpfResult::kPass);
  EXPECT_EQ(dns_.asked, (std::vector<std::string>{"x.example", "y.example"}));
}

// RFC 7208 4.6.4.
TEST_F(SpfOverDnsTest, LookupsThatTakeTooLongAreTempError) {
  Check();
  now_ += SpfOverDns::kTimeout;
  dns_.Answer({Status::kFound, {"v=spf1 a:y.example -all"}, 60});
  EXPECT_EQ(result_, SpfResult::kTempError);
  EXPECT_FALSE(dns_.open.has_value());

  // A result that needs no further lookup counts.
  result_.reset();
  Check();
  now_ += SpfOverDns::kTimeout;
  dns_.Answer({Status::kFound, {"v=spf1 -all"}, 60});
  EXPECT_EQ(result_, SpfResult::kFail);
}

}  // namespace
}  // namespace postern::policy
