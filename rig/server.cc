// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/server.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "net/tls_channel.h"
#include "rig/fault.h"
#include "rig/session.h"

namespace postern::rig {
namespace {

// A handshake that does not begin: waits for the client's first octets, then
// sends some octets of its own, or nothing, and waits for the client or closes
// the connection. Octets that are sent before the client's would be read as a
// part of the reply to STARTTLS.
class FailingTls : public net::SecureChannel {
 public:
  FailingTls(net::Channel* below, Fault fault,
             absl::string_view why = "a fault of the handshake")
      : below_(*below), fault_(std::move(fault)), why_(why) {}

  Result Handshake() override {
    std::array<char, 512> room;
    Result read = below_.Read(absl::MakeSpan(room));
    while (read.kind == Result::Kind::kOk) {
      begun_ = true;
      read = below_.Read(absl::MakeSpan(room));
    }
    if (read.kind == Result::Kind::kEnd || !begun_) return read;
    if (fault_.raw && !fault_.raw->empty()) {
      const Result result = below_.Write(*fault_.raw);
      if (result.kind != Result::Kind::kOk) return result;
      fault_.raw->erase(0, result.count);
      if (!fault_.raw->empty()) return {Result::Kind::kWantWrite};
    }
    if (fault_.cut) return {Result::Kind::kEnd};
    return {Result::Kind::kWantRead};
  }
  Result Read(absl::Span<char>) override { return {Result::Kind::kEnd}; }
  Result Write(absl::string_view) override { return {Result::Kind::kEnd}; }
  Result Shutdown() override { return {Result::Kind::kEnd}; }
  TlsInfo info() const override { return {}; }
  std::string error() const override { return why_; }

 private:
  net::Channel& below_;
  Fault fault_;
  const std::string why_;
  bool begun_ = false;  // the client has sent something
};

}  // namespace

class Server::Host : public transports::SessionHost {
 public:
  Host(Server* server, const SessionInfo& info)
      : server_(*server), session_(server->shared(), info) {}

  const ServerConfig& config() const override { return server_.Rig::config(); }
  ResponderOptions responder() override { return session_.responder(); }
  WireFilter* filter() override { return session_.wire(); }
  std::unique_ptr<net::SecureChannel> Secure(net::Channel* below) override {
    const std::optional<Fault> fault = session_.OnHandshake();
    if (fault && !fault->certificate) {
      return std::make_unique<FailingTls>(below, *fault);
    }
    const CertificateKind kind =
        fault ? *fault->certificate : CertificateKind::kValid;
    auto context = server_.certificates().Context(kind);
    if (!context.ok()) {
      // No memory or descriptors, for example: Start() has tried the names. A
      // client must not be able to end the process of the test.
      return std::make_unique<FailingTls>(
          below, Fault{.stage = Stage::kTls, .cut = Cut::kBefore},
          context.status().message());
    }
    return std::make_unique<net::TlsChannel>(*std::move(context), below);
  }
  void OnEnd(const SessionEnd& end, const SessionInfo& info) override {
    session_.OnEnd(end, info);
  }

 private:
  Server& server_;
  Session session_;
};

Server::Server(Options options) : Server(std::move(options), NotStarted()) {
  if (const absl::Status status = Start(); !status.ok()) Die(status.message());
}

Server::Server(Options options, NotStarted)
    : Rig(std::move(options), absl::Now), server_(this, {.threads = 1}) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Make(
    Options options, absl::FunctionRef<void(Rig&)> prepare) {
  std::unique_ptr<Server> server(new Server(std::move(options), NotStarted()));
  prepare(*server);
  if (absl::Status status = server->Start(); !status.ok()) return status;
  return server;
}

absl::Status Server::Start() {
  if (absl::Status status = CheckConfig(); !status.ok()) return status;
  if (options().tls != TlsMode::kNone) {
    // Names that no certificate can have are an error now, not when a client
    // begins TLS.
    const auto context = certificates().Context(CertificateKind::kValid);
    if (!context.ok()) {
      return absl::Status(context.status().code(),
                          absl::StrCat("host_name, certificate_names: ",
                                       context.status().message()));
    }
  }
  const auto address = net::ListenAddress::Parse(options().address);
  if (!address.ok()) return address.status();
  const auto listener =
      server_.Listen(*address, {.tls = options().tls == TlsMode::kFirst});
  if (!listener.ok()) return listener.status();
  listener_ = *listener;
  // The thread takes no signal from the program: Ctrl-C must interrupt the
  // thread that waits for a reply. Signals of faults cannot be blocked.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
    sigdelset(&all, fault);
  }
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const absl::Status started = server_.Start();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

Server::~Server() { Close(); }

void Server::Close() {
  server_.Abandon();
  server_.Join();
  mailbox().Close();
  if (!listener_.path.empty()) (void)unlink(listener_.path.c_str());
  listener_.path.clear();
}

void Server::Admit(size_t, SessionInfo info, Admitted done) {
  auto host = std::make_shared<Host>(this, info);
  std::move(done)({.host = std::move(host), .info = std::move(info)});
}

}  // namespace postern::rig
