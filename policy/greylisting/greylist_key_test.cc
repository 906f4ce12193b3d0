// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/greylisting/greylist_key.h"

#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace postern::policy {
namespace {

TEST(GreylistKeyTest, ClientIsAnIpv4Slash24OrAnIpv6Slash64) {
  const struct {
    absl::string_view address;
    absl::string_view network;
  } cases[] = {
      {"192.0.2.1", "192.0.2.0/24"},
      {"192.0.2.255", "192.0.2.0/24"},
      {"192.0.3.1", "192.0.3.0/24"},
      {"::ffff:192.0.2.1", "192.0.2.0/24"},
      {"2001:db8::1", "2001:db8::/64"},
      {"2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"},
      {"2001:db8:0:1::1", "2001:db8:0:1::/64"},
      {"::1", "::/64"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(GreylistNetwork(*IpAddress::Parse(c.address)), c.network);
  }
}

TEST(GreylistKeyTest, SenderLosesWhatChangesWithEachMessage) {
  const struct {
    absl::string_view local_part;
    absl::string_view domain;
    absl::string_view sender;
  } cases[] = {
      {"", "", ""},
      {"Ann", "Example.ORG", "ann@example.org"},
      {"postmaster", "", "postmaster"},
      {"news+u=d.example", "list.example", "news@list.example"},
      {"bounce-1234-56", "list.example", "bounce-#-#@list.example"},
      {"bounce-1234a-b2", "list.example", "bounce-1234a-b2@list.example"},
      {"1.2.x_3", "a.example", "#.#.x_3@a.example"},
      {"prvs=0123456789=Ann", "a.example", "ann@a.example"},
      {"prvs=ann=0123abcdef", "a.example", "ann@a.example"},
      {"prvs=0123456789=bob+x", "a.example", "bob@a.example"},
      {"prvs=ann", "a.example", "prvs=ann@a.example"},
      {"prvs=a=b=c", "a.example", "prvs=a=b=c@a.example"},
      {"SRS0=HhHh=T2=a.example=ann", "f.example",
       "srs0=a.example=ann@f.example"},
      {"SRS0+HhHh=T2=a.example=ann=x", "f.example",
       "srs0=a.example=ann=x@f.example"},
      {"SRS1=HhHh=b.example==Gg=T2=a.example=ann", "f.example",
       "srs1=b.example=a.example=ann@f.example"},
      {"srs0=x", "f.example", "srs0=x@f.example"},
      {"srs0", "f.example", "srs0@f.example"},
  };
  for (const auto& c : cases) {
    const Path path{std::string(c.local_part), std::string(c.domain)};
    EXPECT_EQ(GreylistSender(path), c.sender);
  }
}

TEST(GreylistKeyTest, DomainInUtf8EqualsItsALabel) {
  EXPECT_EQ(GreylistAddress({"u",
                             "b\xc3\xbc"
                             "cher.example"}),
            GreylistAddress({"U", "XN--bcher-kva.example"}));
}

TEST(GreylistKeyTest, RecipientKeepsItsExtension) {
  EXPECT_EQ(GreylistAddress({"Ann+12", "D.example"}), "ann+12@d.example");
}

TEST(GreylistKeyTest, LongAddressesAreCut) {
  const std::string name(800, 'a');
  const GreylistKey key = MakeGreylistKey(
      *IpAddress::Parse("192.0.2.1"), {name, "a.example"}, {name, "d.example"});
  EXPECT_EQ(key.sender.size(), kMaxGreylistAddress);
  EXPECT_EQ(key.recipient.size(), kMaxGreylistAddress);
}

}  // namespace
}  // namespace postern::policy
