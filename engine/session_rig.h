// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A ServedSession with its interfaces, its client and its clock, for tests.

#ifndef POSTERN_ENGINE_SESSION_RIG_H_
#define POSTERN_ENGINE_SESSION_RIG_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/instant.h"
#include "engine/policy.h"
#include "engine/responder.h"
#include "engine/served_session.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/session_times.h"
#include "engine/verdict.h"
#include "engine/wire_filter.h"

namespace postern {

// Accepts everything at once, unless a test sets `holds` or `delivery_is_full`.
class RigInterfaces : public Policy, public Delivery, public Authenticator {
 public:
  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo&,
                                Later later) override {
    ++asked;
    if (!holds || !holds(ask)) return Verdict::Accept();
    held.push_back(later());
    return std::nullopt;
  }
  ExtensionSet carries() const override { return ExtensionSet::All(); }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }
  std::unique_ptr<AuthExchange> Begin(absl::string_view,
                                      const SharedSessionInfo&) override {
    return std::make_unique<Exchange>();
  }

  // Questions that get no answer yet. `held` has the callbacks for them.
  std::function<bool(const Ask&)> holds;
  std::vector<Done> held;
  // Takes no more content after the Received field, until `ready` is called.
  bool delivery_is_full = false;
  absl::AnyInvocable<void() &&> ready;
  size_t asked = 0;
  std::vector<std::string> messages;  // the committed ones

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(RigInterfaces* ports) : ports_(*ports) {}
    std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&> ready) override {
      const bool first = text_.empty();
      for (const absl::string_view slice : slices) {
        text_.append(slice.data(), slice.size());
      }
      if (first || !ports_.delivery_is_full) return true;
      ports_.ready = std::move(ready);
      return false;
    }
    void Commit(Policy::Done done) override {
      ports_.messages.push_back(text_);
      std::move(done)(Verdict::Accept());
    }

   private:
    RigInterfaces& ports_;
    std::string text_;
  };

  // Sends a challenge, and refuses the response.
  class Exchange : public AuthExchange {
   public:
    void Start(std::optional<std::string>, Done done) override {
      std::move(done)(AuthChallenge{""});
    }
    void Respond(std::string, Done done) override {
      std::move(done)(Verdict::Refuse({535, {5, 7, 8}, "no"}));
    }
  };
};

// A driver and a client without a socket between them, and a clock that only
// the test moves.
class SessionRig {
 public:
  using Next = ServedSession::Next;

  SessionRig() {
    config.greeting = "mx";
    config.offer_starttls = true;
    config.mechanisms = config.mechanisms_without_tls = {"PLAIN"};
    config.max_output = 4096;
  }

  // The connection starts. Call Begin() next, or another method of `session`.
  void Connect() {
    began = now;
    session = std::make_unique<ServedSession>(&times, now, options);
  }
  void Begin() {
    if (session == nullptr) Connect();
    session->Begin(config, Responder(), {}, filter);
    Go();
  }
  ResponderOptions Responder() {
    ResponderOptions options;
    options.policy = options_policy();
    options.delivery = &ports;
    options.authenticator = &ports;
    options.stamp = [] { return TraceStamp{absl::UnixEpoch(), "id"}; };
    return options;
  }

  // Does what the session asks for, as far as the client allows it, and returns
  // what is left to wait for. The test does handshakes and the end of the
  // output.
  Next::Kind Go() {
    while (true) {
      next = session->Advance(now);
      if (next.kind == Next::Kind::kBusy) continue;
      if (!next.output.empty() && takes > 0) {
        const size_t n = std::min(takes, next.output.size());
        replies.append(next.output.data(), n);
        if (takes != kAll) takes -= n;
        session->Written(n);
      } else if (next.read && !client.empty()) {
        const absl::Span<char> room = session->Room(absl::MakeSpan(shared));
        const size_t n = std::min(room.size(), client.size());
        most_read = std::max(most_read, n);
        std::copy_n(client.data(), n, room.data());
        client.erase(0, n);
        session->Received(n);
      } else if (next.read && client_ended) {
        session->EndOfInput();
        client_ended = false;
      } else {
        return next.kind;
      }
    }
  }
  Next::Kind Send(absl::string_view bytes) {
    client.append(bytes.data(), bytes.size());
    return Go();
  }
  // Moves the clock. Only a deadline at the end of `duration` takes effect.
  Next::Kind Pass(absl::Duration duration) {
    now = now + duration;
    if (session->deadline() <= now) session->OnDeadline(now);
    return Go();
  }
  absl::Duration left() const { return session->deadline() - now; }
  std::string TakeReplies() { return std::exchange(replies, {}); }

  static constexpr size_t kAll = ~size_t{0};

  SessionTimes times;
  ServerConfig config;
  ServedSession::Options options;
  RigInterfaces ports;
  Policy* policy = nullptr;  // null: `ports`
  WireFilter* filter = nullptr;
  Instant now = Instant(-1000);
  Instant began;
  std::vector<char> shared = std::vector<char>(size_t{64} << 10);

  std::string client;         // sent, but not read yet
  bool client_ended = false;  // and nothing follows
  size_t takes = kAll;        // octets of replies that the client still reads
  std::string replies;        // what it has read
  size_t most_read = 0;       // octets in the largest read
  Next next;                  // what the session returned last

  // The last member, so that it is destroyed first.
  std::unique_ptr<ServedSession> session;

 private:
  Policy* options_policy() { return policy != nullptr ? policy : &ports; }
};

// The commands up to the content of a message.
inline constexpr absl::string_view kRigEnvelope =
    "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n";

}  // namespace postern

#endif  // POSTERN_ENGINE_SESSION_RIG_H_
