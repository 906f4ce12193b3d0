// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/sender_domain.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/grammar/domain.h"
#include "policy/names/dns.h"

namespace postern::policy {
namespace {

using Status = DnsResult::Status;

Verdict NoDomain() {
  return Verdict::Refuse(
      {553,
       {5, 1, 8},
       "sorry, the domain of your sender address does not exist (#5.1.8)"});
}

Verdict Unknown(const std::string& domain) {
  return NoAnswer(
      {4, 4, 3},
      "cannot look up the domain of your sender address for now (#4.4.3)",
      domain);
}

// Returns whether the domain says that it takes no mail (RFC 7505): it has no
// other destination.
bool IsNullMx(const std::vector<std::string>& exchanges) {
  return std::all_of(
      exchanges.begin(), exchanges.end(),
      [](const std::string& mx) { return absl::EndsWith(mx, " ."); });
}

class SenderDomain : public Check {
 public:
  SenderDomain(Dns* dns, bool all) : dns_(dns), all_(all) {}

  Opinion Decide(Question* question) const override {
    const SessionInfo& session = question->session();
    if (!all_ && MayRelay(session)) return NoOpinion{};
    const std::string& domain = question->from().domain;
    if (domain.empty() || domain.front() == '[') return NoOpinion{};
    return AnswersLater{};
  }

  void DecideLater(Question* question, Done done) const override {
    const std::string domain =
        AsciiDomain(absl::StripSuffix(question->from().domain, "."));
    Dns* const dns = dns_;
    dns->Lookup(
        domain, DnsAnswer::kMx,
        [dns, domain, done = std::move(done)](const DnsResult& mx) mutable {
          switch (mx.status) {
            case Status::kTemporary:
              return std::move(done)(Unknown(domain));
            case Status::kNoName:
              return std::move(done)(NoDomain().From(domain));
            case Status::kFound:
              if (!IsNullMx(mx.records)) return std::move(done)(NoOpinion{});
              return std::move(done)(
                  Verdict::Refuse({550,
                                   {5, 7, 27},
                                   "sorry, the domain of your sender address "
                                   "does not accept mail (#5.7.27)"})
                      .From(domain));
            case Status::kNoRecords:
              break;
          }
          AskAddresses(dns, domain, std::move(done));
        });
  }

 private:
  // Looks for an A record, and then for an AAAA record. If one lookup fails
  // temporarily, the other one may still find an address.
  static void AskAddresses(Dns* dns, const std::string& domain, Done done) {
    dns->Lookup(
        domain, DnsAnswer::kA,
        [dns, domain, done = std::move(done)](const DnsResult& a) mutable {
          if (a.status == Status::kFound) return std::move(done)(NoOpinion{});
          const bool failed = a.status == Status::kTemporary;
          dns->Lookup(domain, DnsAnswer::kAaaa,
                      [domain, failed,
                       done = std::move(done)](const DnsResult& aaaa) mutable {
                        if (aaaa.status == Status::kFound) {
                          return std::move(done)(NoOpinion{});
                        }
                        const bool unknown =
                            failed || aaaa.status == Status::kTemporary;
                        std::move(done)(unknown ? Unknown(domain)
                                                : NoDomain().From(domain));
                      });
        });
  }

  Dns* const dns_;
  const bool all_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Check>> MakeSenderDomain(
    const CheckSetup& setup) {
  const std::string value = setup.Option("sender-domain-exists");
  if (value.empty()) return nullptr;
  if (value != "strangers" && value != "all") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--sender-domain-exists: strangers or all, not \"", value, "\""));
  }
  if (setup.dns == nullptr) {
    return absl::InvalidArgumentError(
        "--sender-domain-exists: only postern serve asks DNS");
  }
  return std::make_unique<SenderDomain>(setup.dns, value == "all");
}

}  // namespace postern::policy
