// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Prints the certificate of a directory of control files, for the tests of
// tools/check-certificate, and the CPU time of the surface on standard error:
//
//   print_certificate CONTROL [RULES.cdb] [host-names] [users] [claimed]

#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "net/network_list.h"
#include "net/own_addresses.h"
#include "policy/rules/tcp_rules.h"
#include "policy/surface/certificate.h"
#include "policy/surface/relay_surface.h"

int main(int argc, char** argv) {
  namespace policy = postern::policy;
  policy::SurfaceInput input;
  std::optional<policy::TcpRules> rules;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view word = argv[i];
    if (i == 1) {
      input.controls.directory = argv[i];
    } else if (word == "host-names") {
      input.host_names = true;
    } else if (word == "users") {
      input.users = true;
    } else if (word == "claimed") {
      input.claimants.push_back(
          {.network = *postern::net::Network::Parse("198.51.100.0/24"),
           .peers = "198.51.100.0/24",
           .source = "--xclient-from 198.51.100.0/24",
           .names = true});
    } else if (absl::EndsWith(word, ".cdb")) {
      auto opened = policy::TcpRules::Open(word);
      if (!opened.ok()) return 1;
      rules.emplace(*std::move(opened));
      input.rules = &*rules;
      input.source = policy::RuleSource::Read(*rules);
    }
  }
  input.own_addresses = std::make_shared<postern::net::InterfaceAddresses>();
  const std::clock_t start = std::clock();
  const auto surface = policy::MakeSurface(input);
  if (!surface.ok()) {
    fprintf(stderr, "%s\n", std::string(surface.status().message()).c_str());
    return 1;
  }
  fprintf(stderr, "%.3f seconds\n",
          static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  const std::string text = policy::WriteCertificate(*surface);
  fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}
