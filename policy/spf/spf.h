// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Sender Policy Framework (RFC 7208): the question whether a host may send mail
// with a domain in its sender, the answer, and the interface of an object that
// answers. A check that asks does not link the evaluation: see spf_over_dns.h.

#ifndef POSTERN_POLICY_SPF_SPF_H_
#define POSTERN_POLICY_SPF_SPF_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"

namespace postern::policy {

// RFC 7208 2.6.
enum class SpfResult : uint8_t {
  kNone,       // the domain has no policy
  kNeutral,    // the domain states nothing about the host
  kPass,       // the host may send mail for the domain
  kFail,       // the host may not
  kSoftFail,   // the host probably may not
  kTempError,  // DNS does not answer now
  kPermError,  // the policy of the domain is invalid
};

// Returns "none", "neutral", "pass", "fail", "softfail", "temperror" or
// "permerror".
absl::string_view SpfResultName(SpfResult result);

// The arguments of check_host(), RFC 7208 4.1.
struct SpfQuestion {
  IpAddress client;
  // The sender. An empty local part stands for "postmaster" (RFC 7208 4.3). The
  // domain is in ASCII.
  std::string local_part;
  std::string domain;
  std::string helo;      // as the client sent it, for the macro h
  std::string receiver;  // the name of this host, for the macro r
  int64_t time = 0;      // in seconds since 1970, for the macro t
};

struct SpfAnswer {
  SpfResult result = SpfResult::kNone;
  // The directive that decided, as it is in the record, such as "-all". Empty:
  // none did. For an error: what is wrong, for the log. Printable ASCII.
  std::string reason;
  // The domain of the record that decided. Empty if there is none.
  std::string domain;
  // For kFail: the explanation of the domain (RFC 7208 6.2), printable ASCII,
  // at most kMaxSpfExplanation octets. Empty: there is none.
  std::string explanation;
};
inline constexpr size_t kMaxSpfExplanation = 200;

// Thread-safety: any thread may call Check() at any time.
class Spf {
 public:
  using Done = absl::AnyInvocable<void(SpfAnswer) &&>;

  virtual ~Spf() = default;

  // Evaluates the policy of the domain, and calls `done` once, possibly before
  // this method returns, otherwise on another thread. `done` must not block.
  virtual void Check(SpfQuestion question, Done done) = 0;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SPF_SPF_H_
