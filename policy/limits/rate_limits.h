// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How many messages, recipients and octets a client, a user or a sender may
// send to this process in a time.

#ifndef POSTERN_POLICY_LIMITS_RATE_LIMITS_H_
#define POSTERN_POLICY_LIMITS_RATE_LIMITS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/network_list.h"
#include "policy/limits/rate_counter.h"

namespace postern::policy {

// The limits of a server. A limit counts in a sliding window of 13 parts, of
// which 12 are its time. So in no window of that time there are more than
// `most`, and what was taken counts for at most 13/12 of the time: all of a
// limit may come at once, and then again after that time. What is refused is
// not counted.
//
// A count begins when its message or recipient is taken, and not when the
// message is complete.
//
// Memory: at most 300 bytes for each subject that has a count, and `remembered`
// subjects for each limit. Above it, some are removed, and begin again with
// nothing counted. Each limit has one mutex, locked for a lookup. All answers
// are given at once.
class RateLimits : public RateCounter {
 public:
  explicit RateLimits(std::vector<RateLimit> limits,
                      net::NetworkList exempt = {}, size_t remembered = 65536);
  RateLimits(const RateLimits&) = delete;
  RateLimits& operator=(const RateLimits&) = delete;
  ~RateLimits() override;

  std::unique_ptr<RateClaim> Begin(const RateSubject& subject) override;

  // The limits, in the order of Subjects().
  const std::vector<RateLimit>& limits() const { return limits_; }
  // Returns for each limit the text by which it counts `subject`, or nullopt if
  // it does not count it.
  std::vector<std::optional<std::string>> Subjects(
      const RateSubject& subject) const;

  // Returns the number of subjects that have a count, in all limits.
  size_t size() const;

 private:
  class Table;
  class Claim;

  const std::vector<RateLimit> limits_;
  const net::NetworkList exempt_;
  std::vector<std::unique_ptr<Table>> tables_;  // by limit
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIMITS_RATE_LIMITS_H_
