// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/forward.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "service/finding.h"

namespace postern::programs {
namespace {

using policy::DnsAnswer;
using policy::DnsResult;

// Answers from a table. Everything else is a temporary failure.
class FakeDns : public policy::Dns {
 public:
  void Lookup(absl::string_view name, DnsAnswer::Type type,
              Done done) override {
    const auto found = results.find({std::string(name), type});
    std::move(done)(found == results.end() ? DnsResult() : found->second);
  }

  std::map<std::pair<std::string, DnsAnswer::Type>, DnsResult> results;
};

std::string Resolved(policy::Dns* dns, const std::string& name) {
  std::string text;
  ResolveWith(dns)(name, [&](absl::StatusOr<std::vector<IpAddress>> found) {
    if (!found.ok()) {
      text = std::string(found.status().message());
      return;
    }
    for (const IpAddress& each : *found) {
      absl::StrAppend(&text, each.ToString(), " ");
    }
  });
  return text;
}

TEST(ForwardTest, AddressesOfANameAreThoseOfBothFamilies) {
  FakeDns dns;
  const DnsResult v4 = {.status = DnsResult::Status::kFound,
                        .records = {std::string("\xc0\x00\x02\x01", 4)}};
  const DnsResult v6 = {.status = DnsResult::Status::kFound,
                        .records = {std::string("\x20\x01\x0d\xb8", 4) +
                                    std::string(11, 0) + "\x01"}};
  const DnsResult none = {.status = DnsResult::Status::kNoRecords};
  dns.results[{"both", DnsAnswer::kA}] = v4;
  dns.results[{"both", DnsAnswer::kAaaa}] = v6;
  dns.results[{"v6", DnsAnswer::kA}] = none;
  dns.results[{"v6", DnsAnswer::kAaaa}] = v6;
  dns.results[{"half", DnsAnswer::kA}] = v4;  // and no answer for AAAA
  dns.results[{"none", DnsAnswer::kA}] = none;
  dns.results[{"none", DnsAnswer::kAaaa}] = none;
  dns.results[{"unknown", DnsAnswer::kA}] = none;
  EXPECT_EQ(Resolved(&dns, "both"), "192.0.2.1 2001:db8::1 ");
  EXPECT_EQ(Resolved(&dns, "v6"), "2001:db8::1 ");
  EXPECT_EQ(Resolved(&dns, "half"), "192.0.2.1 ");
  EXPECT_EQ(Resolved(&dns, "none"), "DNS has no address for it");
  EXPECT_EQ(Resolved(&dns, "unknown"), "no answer from DNS");
}

TEST(ForwardTest, HostsFileHasPriorityOverDns) {
  files::TestDirectory directory;
  directory.Write("hosts",
                  "# a comment\n"
                  "127.0.0.1\tlocalhost mail.example\n"
                  "::1 localhost # and mail.example\n"
                  "bad mail.example\n"
                  "192.0.2.1 MAIL.example other\n");
  const auto addresses = [&](absl::string_view text) {
    const delivery::NextHop hop = WithHostsFile(
        *delivery::NextHop::Parse(delivery::NextHop::Kind::kSmtp, text),
        directory.File("hosts"));
    return absl::StrJoin(hop.hosts, " ",
                         [](std::string* out, const auto& each) {
                           absl::StrAppend(out, each.Format());
                         });
  };
  EXPECT_EQ(addresses("localhost:2525"),
            "localhost:2525 (127.0.0.1) localhost:2525 (::1)");
  EXPECT_EQ(addresses("mail.example,other,third.example,unix:/s"),
            "mail.example:25 (127.0.0.1) mail.example:25 (192.0.2.1) "
            "other:25 (192.0.2.1) third.example:25 unix:/s");
  // The words stay, and the name that the certificate must have.
  const delivery::NextHop hop =
      WithHostsFile(*delivery::NextHop::Parse(delivery::NextHop::Kind::kSmtps,
                                              "other,ca=/ca.pem"),
                    directory.File("hosts"));
  EXPECT_TRUE(hop.implicit_tls);
  EXPECT_EQ(hop.ca_file, "/ca.pem");
  EXPECT_EQ(hop.NameOf(hop.hosts[0]), "other");
  EXPECT_EQ(WithHostsFile(*delivery::NextHop::Parse(
                              delivery::NextHop::Kind::kSmtp, "localhost"),
                          "/nowhere")
                .hosts[0]
                .name,
            "localhost");
}

TEST(ForwardTest, SocketsOfUnusableServersAreFound) {
  for (const std::string path : {"/nowhere/socket", "/dev/null"}) {
    service::Findings findings;
    TestHopSockets("--deliver",
                   *delivery::NextHop::Parse(delivery::NextHop::Kind::kLmtp,
                                             absl::StrCat("unix:", path)),
                   &findings);
    ASSERT_EQ(findings.all().size(), 1u);
    EXPECT_TRUE(absl::StrContains(findings.all()[0].what, path));
    // The next hop may start later.
    EXPECT_FALSE(findings.prevent_start());
  }
}

}  // namespace
}  // namespace postern::programs
