// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An SMTP server inside a test, on a socket.
//
//   rig::Server server;
//   SendMail("127.0.0.1", server.port());  // the code that is tested
//   const auto messages = server.WaitForMessages(1);
//   ASSERT_EQ(messages.size(), 1u);
//   EXPECT_EQ(messages[0].from(), "you@x.example");

#ifndef POSTERN_RIG_SERVER_H_
#define POSTERN_RIG_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "net/listening_socket.h"
#include "rig/options.h"
#include "rig/rig.h"
#include "transports/server.h"
#include "transports/service.h"

namespace postern::rig {

// Listens from the end of its constructor to its destructor, which closes all
// connections. It has one thread of its own and about five descriptors, and
// shares nothing with other servers of the process. Delays of faults are
// accurate to 0.1 s.
class Server : public Rig, private transports::Service {
 public:
  // Options that cannot be used abort the program.
  explicit Server(Options options = {});
  ~Server();

  // For programs, which report an error instead of ending: options that cannot
  // be used, an address that cannot be bound, no more threads.
  // `prepare` is called before the first session can begin.
  static absl::StatusOr<std::unique_ptr<Server>> Make(
      Options options, absl::FunctionRef<void(Rig&)> prepare = [](Rig&) {});

  // Closes the listening socket and all connections, as the destructor does.
  // Messages, sessions and files stay. Waits of other threads end, because
  // nothing more comes. A second call does nothing. Not thread-safe.
  void Close();

  // The address on which it listens, "127.0.0.1:45678", or "unix:PATH".
  std::string address() const { return listener_.Format(); }
  uint16_t port() const { return listener_.port; }

 private:
  class Host;
  struct NotStarted {};

  Server(Options options, NotStarted);
  absl::Status Start();
  void Admit(size_t listener, SessionInfo info, Admitted done) override;

  net::ListenAddress listener_;
  transports::Server server_;
};

}  // namespace postern::rig

#endif  // POSTERN_RIG_SERVER_H_
