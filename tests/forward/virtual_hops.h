// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Next hops for tests, in virtual time: a HopDriver whose connections lead to
// rig::Pipes. TLS is real, in memory.

#ifndef POSTERN_TESTS_FORWARD_VIRTUAL_HOPS_H_
#define POSTERN_TESTS_FORWARD_VIRTUAL_HOPS_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "delivery/forward/hop_driver.h"
#include "net/proxy_header.h"
#include "net/tls_channel.h"
#include "net/tls_context.h"
#include "net/tls_test_client.h"
#include "rig/pipe.h"

namespace postern::delivery {

// Each server has one connection at a time: a new one ends the one before.
class VirtualHops : public HopDriver {
 public:
  // What happens at connect(2).
  enum class State : uint8_t { kUp, kRefuses, kHangs };

  // What a server does in place of its handshake.
  enum class TlsFault : uint8_t {
    kNone,
    kGarbage,
    kCloses,
    kHangs,
    kClosesAfter,  // it closes at the end of its handshake
  };

  explicit VirtualHops(rig::Options options = {}) : options_(options) {}

  // The server at `address`, such as "unix:/a" or "192.0.2.1:25".
  rig::Pipe& At(const std::string& address) {
    auto& server = servers_[address];
    if (server.pipe == nullptr) {
      server.pipe = std::make_unique<rig::Pipe>(options_);
    }
    return *server.pipe;
  }
  void Set(const std::string& address, State state) {
    states_[address] = state;
  }
  void SetName(const std::string& name, std::vector<std::string> addresses) {
    names_[name] = std::move(addresses);
  }
  // The server at `address` takes XCLIENT and XFORWARD, which its faults must
  // announce, and with `proxy` a PROXY header on each connection.
  void TakeClients(const std::string& address, bool proxy) {
    servers_[address].takes_clients = true;
    servers_[address].takes_proxy = proxy;
  }
  // What it has got, in this order: lines of XCLIENT and XFORWARD, "PROXY
  // 192.0.2.1:4711" for a header, "STARTTLS", "TLS" for a handshake, "AUTH",
  // and "MAIL ..." for each MAIL after them.
  const std::vector<std::string>& clients(const std::string& address) {
    return servers_[address].clients;
  }
  // The replies of the server to XCLIENT and XFORWARD. The empty one to XCLIENT
  // greets the client again.
  void SetReplies(const std::string& address, std::string xclient,
                  std::string xforward = "250 2.0.0 ok\r\n") {
    servers_[address].xclient = std::move(xclient);
    servers_[address].xforward = std::move(xforward);
  }
  // Where the server at `address` is.
  void SetPlace(const std::string& address, HopWire::Place place) {
    places_[address] = place;
  }
  // The client reads `octets` next on the connection to `address`, although the
  // server has sent nothing.
  void Inject(const std::string& address, std::string octets) {
    servers_[address].injected = std::move(octets);
  }
  // The connections that were begun, in order.
  const std::vector<std::string>& connects() const { return connects_; }
  // The certificate of all servers. rig::Options::tls says whether they use it.
  void SetTls(std::shared_ptr<const net::TlsContext> context,
              TlsFault fault = TlsFault::kNone) {
    tls_ = std::move(context);
    tls_fault_ = fault;
  }
  // Stops writing: each connection takes only that many octets more.
  void LimitWrites(size_t octets) { writable_ = octets; }

  Time now() const override { return now_; }
  net::TimerWheel& timers() override { return timers_; }
  void Later(Task task) override { later_.push_back(std::move(task)); }
  std::function<void(Task)> Poster() override {
    return [this](Task task) { Later(std::move(task)); };
  }
  std::unique_ptr<HopWire> Connect(const HopAddress& address,
                                   std::function<void()> moved) override {
    HopAddress server = address;
    if (server.ip) server.name.clear();
    const std::string name = server.Format();
    connects_.push_back(name);
    (void)At(name);
    return std::make_unique<Wire>(this, states_[name], places_[name],
                                  &servers_[name], std::move(moved));
  }
  void Resolve(const std::string& name, Resolved done) override {
    const auto found = names_.find(name);
    if (found == names_.end()) {
      return std::move(done)(absl::UnavailableError("no answer from DNS"));
    }
    std::vector<IpAddress> addresses;
    for (const std::string& text : found->second) {
      addresses.push_back(*IpAddress::Parse(text));
    }
    Later([done = std::move(done), addresses]() mutable {
      std::move(done)(addresses);
    });
  }

  // Does everything that can happen now.
  void Run() {
    bool first = true;
    while (std::exchange(first, false) || !later_.empty()) {
      for (Task& task : std::exchange(later_, {})) std::move(task)();
      for (Wire* const wire : std::vector<Wire*>(wires_)) {
        if (std::count(wires_.begin(), wires_.end(), wire) > 0) wire->Move();
      }
    }
  }
  // Moves the clock, and returns when `done` returns true. Returns whether it
  // did.
  bool RunUntil(absl::FunctionRef<bool()> done, absl::Duration most) {
    constexpr absl::Duration kStep = absl::Milliseconds(500);
    Run();
    for (; !done(); most -= kStep) {
      if (most <= absl::ZeroDuration()) return false;
      now_ += absl::ToChronoMilliseconds(kStep);
      for (auto& [address, server] : servers_) {
        server.pipe->AdvanceTime(kStep);
      }
      timers_.Advance(now_);
      Run();
    }
    return true;
  }
  void AdvanceTime(absl::Duration duration) {
    (void)RunUntil([] { return false; }, duration);
  }

 private:
  struct Server {
    std::unique_ptr<rig::Pipe> pipe;
    const HopWire* wire = nullptr;  // the last one
    std::string injected;
    bool takes_clients = false;
    bool takes_proxy = false;
    std::vector<std::string> clients = {};
    std::string xclient = {};
    std::string xforward = "250 2.0.0 ok\r\n";
  };

  class Wire : public HopWire, private net::Channel {
   public:
    Wire(VirtualHops* hops, State state, Place place, Server* server,
         std::function<void()> moved)
        : hops_(*hops),
          state_(state),
          place_(place),
          server_(*server),
          pipe_(*server->pipe),
          moved_(std::move(moved)) {
      if (state_ == State::kUp) {
        pipe_.Reconnect();
        server_.wire = this;
      }
      hops_.wires_.push_back(this);
    }
    ~Wire() override {
      if (open()) pipe_.EndOfInput();
      hops_.wires_.erase(
          std::find(hops_.wires_.begin(), hops_.wires_.end(), this));
    }

    void Move() { moved_(); }
    Result::Kind Connected() override {
      switch (state_) {
        case State::kUp:
          return Result::Kind::kOk;
        case State::kRefuses:
          return Result::Kind::kEnd;
        case State::kHangs:
          break;
      }
      return Result::Kind::kWantWrite;
    }
    std::string error() const override { return "Connection refused"; }
    Place place() const override { return place_; }
    net::Channel& channel() override { return *this; }

   private:
    bool open() const { return server_.wire == this; }

    // Returns whether the octets are those of TLS, and moves them between both
    // sides.
    bool MoveTls() {
      if (!server_tls_) {
        if (!pipe_.wants_tls()) return false;
        server_tls_.emplace(hops_.tls_, &memory_);
        if (hops_.tls_fault_ == TlsFault::kGarbage) {
          memory_.to_client = "250 what?\r\n250 what?\r\n";
        }
      }
      const TlsFault fault = hops_.tls_fault_;
      if (fault != TlsFault::kNone && fault != TlsFault::kClosesAfter) {
        return true;
      }
      if (server_tls_->Handshake().kind != Result::Kind::kOk) return true;
      if (!std::exchange(tls_complete_, true)) Note("TLS");
      if (fault == TlsFault::kClosesAfter) return true;
      if (pipe_.wants_tls()) pipe_.StartTls(server_tls_->info());
      std::string room(4096, '\0');
      while (true) {
        const Result read = server_tls_->Read(absl::MakeSpan(room));
        if (read.kind != Result::Kind::kOk) break;
        Serve(absl::string_view(room).substr(0, read.count));
        // XCLIENT has begun another session of a server with implicit TLS.
        if (pipe_.wants_tls()) pipe_.StartTls(server_tls_->info());
      }
      const std::string injected = std::exchange(server_.injected, "");
      if (!injected.empty()) (void)server_tls_->Write(injected);
      for (std::string sent = pipe_.ReceiveWrite(); !sent.empty();
           sent = pipe_.ReceiveWrite()) {
        (void)server_tls_->Write(sent);
      }
      return true;
    }

    Result Read(absl::Span<char> room) override {
      if (!open()) return {Result::Kind::kEnd, 0};
      if (in_.empty() && !tls_complete_) {
        in_ = std::exchange(server_.injected, "");
      }
      // The 220 to STARTTLS precedes TLS.
      if (in_.empty() && !server_tls_) in_ = pipe_.ReceiveWrite();
      if (in_.empty() && MoveTls()) {
        const size_t count = memory_.to_client.copy(room.data(), room.size());
        memory_.to_client.erase(0, count);
        if (count > 0) return {Result::Kind::kOk, count};
        const bool end =
            pipe_.closed() || hops_.tls_fault_ == TlsFault::kGarbage ||
            hops_.tls_fault_ == TlsFault::kCloses ||
            (hops_.tls_fault_ == TlsFault::kClosesAfter && tls_complete_);
        return {end ? Result::Kind::kEnd : Result::Kind::kWantRead, 0};
      }
      if (in_.empty()) {
        return {pipe_.closed() ? Result::Kind::kEnd : Result::Kind::kWantRead,
                0};
      }
      const size_t count = std::min(room.size(), in_.size());
      std::copy_n(in_.data(), count, room.data());
      in_.erase(0, count);
      return {Result::Kind::kOk, count};
    }
    Result Write(absl::string_view bytes) override {
      if (!open() || pipe_.closed()) return {Result::Kind::kEnd, 0};
      const size_t count = std::min(bytes.size(), hops_.writable_);
      if (count == 0) return {Result::Kind::kWantWrite, 0};
      hops_.writable_ -= count;
      // OpenSSL may be the caller, so it is not called here: both sides have
      // the same queue of errors.
      Receive(bytes.substr(0, count));
      return {Result::Kind::kOk, count};
    }
    void Note(std::string what) { server_.clients.push_back(std::move(what)); }
    // The PROXY header precedes TLS.
    void Receive(absl::string_view bytes) {
      std::string rest(bytes);
      if (server_.takes_proxy && !header_) {
        out_.append(bytes.data(), bytes.size());
        const net::ProxyHeader header = net::ParseProxyHeader(out_);
        if (header.kind == net::ProxyHeader::Kind::kNeedInput) return;
        header_ = true;
        if (header.kind == net::ProxyHeader::Kind::kAddresses) {
          Note(absl::StrCat("PROXY ", ToString(header.source.address), ":",
                            header.source.port));
        }
        rest = std::exchange(out_, "").substr(header.size);
      }
      if (server_tls_ || pipe_.wants_tls()) {
        memory_.to_server.append(rest);
      } else {
        Serve(rest);
      }
    }
    // Passes on all but what names a client.
    void Serve(absl::string_view bytes) {
      if (!server_.takes_clients) return pipe_.Send(bytes);
      out_.append(bytes.data(), bytes.size());
      size_t end = 0;
      while ((end = out_.find("\r\n")) != std::string::npos) {
        const std::string line = out_.substr(0, end);
        out_.erase(0, end + 2);
        if (absl::StartsWith(line, "XCLIENT ")) {
          server_.clients.push_back(line);
          if (server_.xclient.empty()) pipe_.Reconnect();
          absl::StrAppend(&server_.injected, server_.xclient);
        } else if (absl::StartsWith(line, "XFORWARD ")) {
          server_.clients.push_back(line);
          absl::StrAppend(&server_.injected, server_.xforward);
        } else {
          if (absl::StartsWith(line, "MAIL ")) Note(line);
          if (absl::StartsWith(line, "AUTH ")) Note("AUTH");
          if (line == "STARTTLS") Note(line);
          pipe_.Send(line + "\r\n");
        }
      }
    }

    VirtualHops& hops_;
    const State state_;
    const Place place_;
    Server& server_;
    rig::Pipe& pipe_;
    const std::function<void()> moved_;
    std::string in_;
    std::string out_;       // an incomplete header or line
    bool header_ = false;   // it had its PROXY header
    net::TestWire memory_;  // of server_tls_
    std::optional<net::TlsChannel> server_tls_;
    bool tls_complete_ = false;  // the handshake
  };

  const rig::Options options_;
  Time now_{std::chrono::hours(1)};
  net::TimerWheel timers_{now_};
  std::map<std::string, Server> servers_;
  std::map<std::string, State> states_;
  std::map<std::string, HopWire::Place> places_;
  std::map<std::string, std::vector<std::string>> names_;
  std::vector<std::string> connects_;
  std::shared_ptr<const net::TlsContext> tls_;
  TlsFault tls_fault_ = TlsFault::kNone;
  size_t writable_ = std::numeric_limits<size_t>::max();
  std::vector<Wire*> wires_;
  std::vector<Task> later_;
};

}  // namespace postern::delivery

#endif  // POSTERN_TESTS_FORWARD_VIRTUAL_HOPS_H_
