// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Connections to a policy server.

#ifndef POSTERN_POLICY_DELEGATION_POLICY_CLIENT_H_
#define POSTERN_POLICY_DELEGATION_POLICY_CLIENT_H_

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "policy/delegation/policy_server.h"
#include "system/deadline.h"
#include "system/descriptor.h"

namespace postern::policy {

// Asks one server. A connection serves one question at a time and is kept for
// the next one: policy servers that are processes start once, not for each
// question.
//
// Thread-safe. Several threads use several connections.
class PolicyClient {
 public:
  // The longest answer, with its empty line.
  static constexpr size_t kMaxAnswer = 8192;
  // The connections that are kept open without a question, and for how long.
  // Postfix keeps them as long.
  static constexpr size_t kMaxIdle = 8;
  static constexpr absl::Duration kIdleTime = absl::Minutes(5);

  explicit PolicyClient(PolicyServer server) : server_(std::move(server)) {}

  const PolicyServer& server() const { return server_; }

  // Sends `request` and returns the answer with its empty line. Blocks, until
  // `deadline` at most.
  //
  // A server may close a connection that it has not used for some time. If a
  // kept connection ends before the first octet of the answer, the request is
  // sent once more, on a new connection.
  //
  // Errors: the kernel's if the server cannot be reached; Unavailable if it
  // closes the connection; DeadlineExceeded; InvalidArgument if the answer is
  // longer than kMaxAnswer, or more follows it, because then it would be
  // unclear which question the next octets answer. After an error the
  // connection is closed.
  absl::StatusOr<std::string> Ask(absl::string_view request,
                                  system::Deadline deadline);

  // Connects, and keeps the connection for the next question. Blocks, until
  // `deadline` at most. Errors are those of Ask().
  absl::Status Reach(system::Deadline deadline);

 private:
  struct Idle {
    system::Descriptor socket;
    absl::Duration since;  // of the monotonic clock
  };

  // Returns a kept connection that works, or none.
  system::Descriptor TakeIdle();
  void Keep(system::Descriptor socket);
  absl::StatusOr<system::Descriptor> Connect(system::Deadline deadline) const;
  // Sets `*begun` if the answer has begun.
  static absl::StatusOr<std::string> Exchange(const system::Descriptor& socket,
                                              absl::string_view request,
                                              system::Deadline deadline,
                                              bool* begun);

  const PolicyServer server_;
  std::mutex mutex_;
  std::vector<Idle> idle_;  // guarded by mutex_; the last used is at the end
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DELEGATION_POLICY_CLIENT_H_
