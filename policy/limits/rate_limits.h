// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How many messages, recipients and octets a client, a user or a sender may
// send in a time.

#ifndef POSTERN_POLICY_LIMITS_RATE_LIMITS_H_
#define POSTERN_POLICY_LIMITS_RATE_LIMITS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "net/network_list.h"
#include "policy/limits/limited_table.h"

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

// The limits of a server. A limit counts in a sliding window of 13 parts, of
// which 12 are its time. So in no window of that time there are more than
// `most`, and what was taken counts for at most 13/12 of the time: all of a
// limit may come at once, and then again after that time. What is refused is
// not counted.
//
// A count begins when its message or recipient is taken, and not when the
// message is complete.
//
// Times are nanoseconds of any clock that does not go back; threads may pass
// times that are slightly old. Thread-safe: one mutex for each limit, locked
// for a lookup. Memory: at most 300 bytes for each subject that has a count,
// and `remembered` subjects for each limit. Above it, some are removed, and
// begin again with nothing counted.
class RateLimits {
 public:
  using What = RateLimit::What;

  // Why something is refused.
  struct Refusal {
    const RateLimit* limit = nullptr;  // valid as long as the RateLimits
    // Whether it is the first refusal of this subject by this limit within the
    // limit's time. Such a refusal is logged.
    bool first = false;
  };

  class Claim;

  explicit RateLimits(std::vector<RateLimit> limits,
                      net::NetworkList exempt = {}, size_t remembered = 65536);
  RateLimits(const RateLimits&) = delete;
  RateLimits& operator=(const RateLimits&) = delete;
  ~RateLimits();

  // Returns a claim that has taken nothing. The RateLimits must outlive it.
  Claim Begin(const RateSubject& subject);

  // Returns the number of subjects that have a count, in all limits.
  size_t size() const;

 private:
  class Table;

  const net::NetworkList exempt_;
  std::vector<std::unique_ptr<Table>> tables_;
};

// What one transaction has taken. Its destructor returns everything that was
// not kept, on any thread. Used by one thread at a time.
class RateLimits::Claim {
 public:
  Claim(Claim&& other) noexcept = default;
  Claim& operator=(Claim&& other) = delete;
  ~Claim();

  // Takes `n` of `what` from all limits that count it for the subject. If one
  // of them has less left, takes nothing and returns the reason.
  std::optional<Refusal> Take(What what, uint64_t n, int64_t now);
  // Returns `n` of `what`, of what was taken last.
  void GiveBack(What what, uint64_t n);
  // Keeps what was taken: the message is accepted.
  void Keep() { taken_.clear(); }

 private:
  friend class RateLimits;
  struct Part {  // of a limit that applies to the subject
    Table* table;
    uint64_t subject;
  };
  struct Taken {
    Table* table;
    uint64_t subject;
    int64_t slot;
    uint64_t n;
  };

  explicit Claim(std::vector<Part> parts) : parts_(std::move(parts)) {}

  std::vector<Part> parts_;
  std::vector<Taken> taken_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_RATE_LIMITS_H_
