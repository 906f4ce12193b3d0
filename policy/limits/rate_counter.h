// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interfaces RateCounter and RateClaim, which count what is sent.

#ifndef POSTERN_POLICY_LIMITS_RATE_COUNTER_H_
#define POSTERN_POLICY_LIMITS_RATE_COUNTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"

namespace postern::policy {

// One limit: at most `most` of `what` in any `time`.
struct RateLimit {
  enum class Who : uint8_t { kClient, kUser, kSender, kSenderDomain };
  enum class What : uint8_t { kMessages, kRecipients, kBytes };

  // Parses WHO:WHAT=N/TIME, as in "user:recipients=200/1h". N may end in k, M
  // or G (factors of 1024) for bytes; TIME is a number with s, m, h or d, and
  // without a number it is 1. The error says what is wrong.
  static absl::StatusOr<RateLimit> Parse(absl::string_view text);

  // Returns "200 recipients in 1 hour".
  std::string Amount() const;

  Who who = Who::kClient;
  What what = What::kMessages;
  uint64_t most = 1;
  absl::Duration time = absl::Hours(1);
};

// Returns "client", "user", "sender" or "sender-domain".
absl::string_view RateWhoName(RateLimit::Who who);
// Returns "messages", "recipients" or "bytes".
absl::string_view RateWhatName(RateLimit::What what);

// Who sends. Each kind of limit counts by one of these:
//
//   client          a ClientNetwork: an IPv4 address or an IPv6 /64
//   user            the authenticated user
//   sender          the address in MAIL
//   sender-domain   its domain
//
// Clients without an address have no limit of a client, because one of them
// would use it up for the others. A client can choose its sender, so a sender
// of strangers counts for each client separately: otherwise a stranger could
// use up the limit of another host's user. The null sender has no limit.
struct RateSubject {
  std::optional<IpAddress> address;
  std::string user;  // one text for all spellings of the name; empty: none
  Path sender;
  bool may_relay = false;  // a relay client or an authenticated user
  bool exempt = false;     // the client has only the limits of its user
};

// What one transaction has taken. The destructor returns everything that was
// not kept. Thread-safe. Must not be destroyed while an answer is due.
class RateClaim {
 public:
  struct Amount {
    RateLimit::What what = RateLimit::What::kMessages;
    uint64_t n = 0;
  };
  // Why something is refused.
  struct Refusal {
    const RateLimit* limit = nullptr;  // valid as long as the RateCounter
    // Whether it is the first refusal of this subject by this limit within the
    // limit's time. Such a refusal is logged.
    bool first = false;
  };
  struct Answer {
    std::optional<Refusal> refusal;  // absent: the amounts are taken
  };
  using Done = absl::AnyInvocable<void(Answer) &&>;
  using Later = absl::FunctionRef<Done()>;

  virtual ~RateClaim() = default;

  // Takes all `amounts` from all limits that count them for the subject. If one
  // of them has less left, takes nothing.
  //
  // Returns the answer, or nullopt after a call of `later`. The Done that
  // `later` returned is then called exactly once, on any thread. The arguments
  // are valid until Take() returns.
  virtual std::optional<Answer> Take(absl::Span<const Amount> amounts,
                                     int64_t now, Later later) = 0;
  // Returns `n` of `what`, of what was taken last.
  virtual void GiveBack(RateLimit::What what, uint64_t n) = 0;
  // Keeps what was taken: the message is accepted.
  virtual void Keep() = 0;
};

// Counts what is sent. RateLimits counts what this process gets, and
// policy/shared/shared_rates.h what several servers get. Times are nanoseconds
// of any clock that does not go back; threads may pass times that are slightly
// old. Thread-safe.
class RateCounter {
 public:
  virtual ~RateCounter() = default;

  // Returns a claim that has taken nothing. The counter must outlive it.
  virtual std::unique_ptr<RateClaim> Begin(const RateSubject& subject) = 0;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_RATE_COUNTER_H_
