// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "examples/forwarder.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/client_session.h"

namespace postern::examples {
namespace {

constexpr int kTimeout = 60;  // seconds, for each reply

Reply NoNextHop() {
  return {451, {4, 4, 1}, "the next hop does not answer (#4.4.1)"};
}

class ForwardTransaction : public MailTransaction {
 public:
  // `socket_path` and `config` must outlive this object.
  ForwardTransaction(const std::string& socket_path, const ClientConfig& config,
                     Path from)
      : session_(config), socket_path_(socket_path), from_(std::move(from)) {}
  ~ForwardTransaction() override {
    if (socket_ >= 0) close(socket_);
  }

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later) override {
    if (socket_ < 0 && !Connect()) return Verdict::Refuse(NoNextHop());
    const Reply reply =
        Await(session_.Send(Rcpt{.from = from_, .to = rcpt.to}));
    return Answer(reply).By("forward");
  }
  std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
    const Reply reply = Await(session_.BeginBody());
    return reply.code == 354 ? Verdict::Accept() : Answer(reply);
  }
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    for (absl::string_view slice : slices) {
      // A failure closes the session; Commit() reports it.
      if (session_.LendBody(slice).ok()) (void)Await(CommandId{});
    }
    return true;
  }
  void Commit(Policy::Done done) override {
    const Reply reply =
        session_.EndBody().ok() ? Await(CommandId{}) : NoNextHop();
    std::move(done)(Answer(reply));
  }

 private:
  static Verdict Answer(const Reply& reply) {
    if (reply.code / 100 == 2) return Verdict::Accept(reply);
    if (reply.code < 400 || reply.code == 421) {
      return Verdict::Refuse(NoNextHop());
    }
    return Verdict::Refuse(reply);
  }

  // Connects, sends MAIL and waits for its reply.
  bool Connect() {
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    if (socket_path_.size() >= sizeof(address.sun_path)) return false;
    memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience = {kTimeout, 0};
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
      setsockopt(socket_, SOL_SOCKET, option, &patience, sizeof(patience));
    }
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) != 0) {
      return false;
    }
    session_.Greet();
    return Await(session_.Send(Mail{.from = from_})).code == 250;
  }

  // Runs the session until the reply to `command`, or until the next hop waits
  // for content (354). CommandId{} means any reply. Returns a 451 if the
  // command was not sent or the session failed.
  Reply Await(const absl::StatusOr<CommandId>& command) {
    if (!command.ok()) return NoNextHop();
    while (true) {
      const ClientStep step = session_.Advance(in_);
      std::optional<Reply> reply;
      if (step.kind == ClientStep::Kind::kBodyWanted) {
        reply = Reply{354, {}, ""};
      } else if (step.kind == ClientStep::Kind::kReply &&
                 (step.command == *command || *command == CommandId{})) {
        reply = *step.reply;
      } else if (step.kind == ClientStep::Kind::kClosed ||
                 step.kind == ClientStep::Kind::kIdle ||
                 step.kind == ClientStep::Kind::kSkipped) {
        reply = NoNextHop();
      }
      in_.erase(0, step.consumed);
      if (!Flush()) return NoNextHop();
      if (reply) return *reply;
      if (step.kind == ClientStep::Kind::kNeedInput && !Read()) {
        return NoNextHop();
      }
    }
  }
  bool Flush() {
    while (!session_.Output().empty()) {
      const absl::string_view bytes = session_.Output();
      const ssize_t n = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      session_.OutputWritten(static_cast<size_t>(n));
    }
    return true;
  }
  bool Read() {
    std::array<char, 4096> bytes;
    const ssize_t n = recv(socket_, bytes.data(), bytes.size(), 0);
    if (n > 0) in_.append(bytes.data(), static_cast<size_t>(n));
    return n > 0;
  }

  ClientSession session_;
  const std::string& socket_path_;
  const Path from_;
  int socket_ = -1;
  std::string in_;
};

}  // namespace

std::unique_ptr<MailTransaction> Forwarder::Begin(const Envelope& envelope,
                                                  const SharedSessionInfo&) {
  return std::make_unique<ForwardTransaction>(socket_path_, config_,
                                              envelope.from);
}

}  // namespace postern::examples
