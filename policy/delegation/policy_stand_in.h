// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A policy server for tests. What it does with each request is a function.

#ifndef POSTERN_POLICY_DELEGATION_POLICY_STAND_IN_H_
#define POSTERN_POLICY_DELEGATION_POLICY_STAND_IN_H_

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "system/descriptor.h"

namespace postern::policy {

class PolicyStandIn {
 public:
  struct Action {
    std::string send;      // empty: it does not answer
    bool close = false;    // after `send`
    bool forever = false;  // sends `send` again and again
  };
  // Called on the server's threads, one call at a time.
  using Serve = std::function<Action(const std::string& request)>;

  // Listens at the Unix socket `path`, or on a port of 127.0.0.1 if it is
  // empty.
  explicit PolicyStandIn(Serve serve, const std::string& path = "");
  PolicyStandIn(const PolicyStandIn&) = delete;
  PolicyStandIn& operator=(const PolicyStandIn&) = delete;
  // Closes all connections.
  ~PolicyStandIn();

  // As in --policy-server: "inet:127.0.0.1:PORT" or "unix:PATH".
  const std::string& address() const { return address_; }
  int connections() const;  // accepted so far
  std::vector<std::string> requests() const;
  // Does `action` for all further requests.
  void Answer(const Action& action);
  // Closes the connections that are open, and accepts further ones.
  void CloseConnections();

 private:
  void Accept();
  void Connection(int socket);

  std::string address_;
  system::Descriptor listener_;
  system::Descriptor stop_;  // an eventfd
  mutable std::mutex mutex_;
  Serve serve_;                              // guarded by mutex_
  std::vector<std::string> requests_;        // guarded by mutex_
  std::vector<system::Descriptor> sockets_;  // guarded by mutex_
  std::vector<std::thread> threads_;         // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_DELEGATION_POLICY_STAND_IN_H_
