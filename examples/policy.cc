// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An SMTP server for one connection on descriptors 0 and 1, under tcpserver or
// inetd: policy DOMAINS RELAY_NETWORK
//
// DOMAINS is a file with a domain in each line. Anybody may send mail to these
// domains, and the clients of RELAY_NETWORK ("192.0.2.0/24") to all others.
// docs/embedding.md explains it.

#include "engine/policy.h"

#include <stdio.h>

#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "delivery/discard.h"
#include "net/network_list.h"
#include "net/thread_pool.h"
#include "site.h"

using namespace postern;

class Relaying : public Policy {
 public:
  Relaying(std::string domains, net::NetworkList may_relay)
      : domains_(std::move(domains)), may_relay_(std::move(may_relay)) {}
  absl::Status Start() { return pool_.Start(/*threads=*/1, "domains"); }

  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo& client,
                                Later later) override {
    const auto* rcpt = std::get_if<Rcpt>(&ask.what);
    if (rcpt == nullptr) return Verdict::Accept();
    // <postmaster>, which each server must accept (RFC 5321 4.5.1).
    if (rcpt->to.domain.empty()) return Verdict::Accept().By("local");
    if (may_relay_.Contains(client->remote_address)) {
      return Verdict::Accept().By("relay-network");
    }
    // A disk may be slow, so another thread reads the file, and answers.
    pool_.Run([this, domain = rcpt->to.domain, done = later()]() mutable {
      std::move(done)(DomainIsOurs(domain));
    });
    return std::nullopt;
  }

 private:
  Verdict DomainIsOurs(const std::string& domain) const {
    std::ifstream file(domains_);
    for (std::string line; std::getline(file, line);) {
      if (absl::EqualsIgnoreCase(line, domain)) {  // RFC 5321 2.4
        return Verdict::Accept().By("domains");
      }
    }
    // A file that cannot be read decides nothing: the client tries again.
    if (!file.eof()) {
      return Verdict::Refuse({451, {4, 3, 0}, "try again later"});
    }
    return Verdict::Refuse({550, {5, 7, 1}, "no relaying for you"})
        .By("domains");
  }

  const std::string domains_;
  const net::NetworkList may_relay_;
  net::ThreadPool pool_;  // its destructor waits for open decisions
};

int main(int argc, char** argv) {
  auto networks = net::NetworkList::Parse({argc == 3 ? argv[2] : ""});
  if (!networks.ok()) {
    fprintf(stderr, "usage: policy DOMAINS RELAY_NETWORK\n%s\n",
            networks.status().ToString().c_str());
    return 2;
  }
  Relaying policy(argv[1], *std::move(networks));
  if (!policy.Start().ok()) return 1;
  delivery::Discard discard;
  return ServeOneClient(&policy, &discard);
}
