// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Names for files in a Maildir, http://cr.yp.to/proto/maildir.html.

#ifndef POSTERN_DELIVERY_UNIQUE_NAMES_H_
#define POSTERN_DELIVERY_UNIQUE_NAMES_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace postern::delivery {

// Makes names like `1795298400.M61234P4711Q9_00c0ffee00c0ffee.mx.example.org`:
// seconds, microseconds, process id, a counter, a random number and the host.
// No part comes from a client, so no client can choose a name. Thread-safe if
// `now` and `random` are.
class UniqueNames {
 public:
  // `host` is this host's name; empty: the result of gethostname(2). '/' and
  // ':' are written as \057 and \072, because '/' would name another directory
  // and ':' begins the flags of a message.
  UniqueNames(absl::string_view host, std::function<absl::Time()> now,
              std::function<uint64_t()> random);

  // Returns a name that no other call returns.
  std::string Next();

 private:
  const std::string host_;
  const std::function<absl::Time()> now_;
  const std::function<uint64_t()> random_;
  std::atomic<uint64_t> count_ = 0;
};

// Returns eight bytes of getrandom(2), or zero if that fails: they make a name
// hard to guess, and it is unique without them.
uint64_t SystemRandom();

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_UNIQUE_NAMES_H_
