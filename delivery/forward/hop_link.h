// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One connection to a server of a next hop, from connect(2) to its end.

#ifndef POSTERN_DELIVERY_FORWARD_HOP_LINK_H_
#define POSTERN_DELIVERY_FORWARD_HOP_LINK_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "delivery/forward/hop_driver.h"
#include "delivery/forward/hop_security.h"
#include "delivery/forward/next_hop.h"
#include "engine/client_config.h"
#include "engine/client_exchange.h"
#include "engine/client_session.h"
#include "engine/client_step.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/reply.h"
#include "engine/proxied_client.h"
#include "net/timer_wheel.h"
#include "net/tls_channel.h"

namespace postern::delivery {

// Why a next hop did not do its part. It is always an outage: the client gets a
// temporary refusal.
struct HopFailure {
  enum class Kind : uint8_t {
    kUnreachable,  // no connection, or no address
    kRefused,      // the server does not serve this host: a refused greeting
    kBusy,         // too many connections of this process are open
    kShutdown,     // 421
    kLost,         // the connection ended
    kTimeout,      // the server did not reply in time
    kSlow,         // the time of the user is over, but not that of the server
    kProtocol,     // a reply that RFC 5321 does not allow
    kContent,      // the content cannot be sent
    kTls,          // TLS is not offered or fails, or another server replies
    kLogin,        // AUTH is not possible now
    kCredentials,  // the server has refused this server's credentials
  };
  Kind kind = Kind::kLost;
  // What happened, as the end of a sentence that begins with "the next hop". It
  // names no host, because clients get it.
  std::string what;
  // The server and details, for the log.
  std::string source;

  // Returns the 451 for the client.
  Reply ToReply() const;
};

// Returns the address of `client`, if it is known.
inline std::optional<IpAddress> AddressOf(const ProxiedClient& client) {
  const auto& address = client.client.address;
  return address ? address->value : std::nullopt;
}

// What a server does for a transaction, in this order.
enum class HopStage : uint8_t {
  kGreeting,  // it accepts the connection and replies to EHLO and STARTTLS
  kAuth,      // it accepts AUTH, with XCLIENT before it, if the hop has them
  kEnvelope,  // it replies to RCPT, or refuses MAIL
  kMessage,   // it replies to the message
};

// Uses a connection for one mail transaction.
class HopUser {
 public:
  virtual ~HopUser() = default;

  // The client, which a server may have to know. Valid until the link is
  // released.
  virtual const ProxiedClient& client() const = 0;
  // The server has taken the client: the session may be given commands. Not
  // called if HopLink::ready() was true after Lend().
  virtual void OnReady() = 0;
  // A step of the session that concerns the transaction: kReply (except 421),
  // kSkipped and kBodyWanted. Returns false if it has nothing to do for
  // kBodyWanted now; HopLink::Wake() asks again. It may release the link.
  virtual bool OnStep(const ClientStep& step) = 0;
  // The connection has ended. The link is released.
  virtual void OnLost(const HopFailure& failure) = 0;
};

// HopLink drives a ClientSession. It greets the server, and then serves one
// HopUser after another. It limits how long the server may take, and never
// blocks.
//
// Thread-compatible. Held by a shared_ptr, because tasks that wake it may
// outlive it.
class HopLink : public std::enable_shared_from_this<HopLink>,
                private net::Timer {
 public:
  // The longest times. A client waits five minutes for the reply to RCPT and
  // ten for the reply to a message (RFC 5321 4.5.3.2), so the next hop must
  // have less. ClientSession::ReadTimeout() applies where it is shorter.
  static constexpr std::chrono::seconds kConnectTimeout{10};
  static constexpr std::chrono::seconds kGreetTimeout{60};
  // Of STARTTLS and the handshake.
  static constexpr std::chrono::seconds kTlsTimeout{30};
  // Of AUTH, with the program that gets a token.
  static constexpr std::chrono::seconds kAuthTimeout{60};
  static constexpr std::chrono::minutes kReplyTimeout{4};
  static constexpr std::chrono::minutes kMessageTimeout{7};
  // If the time of the user ends, the server has hung if it has not replied for
  // this time. Otherwise something else took the time, such as the search for a
  // server.
  static constexpr std::chrono::seconds kHangs{90};
  // Of an unused connection. Servers limit the connections of one client, so
  // they are not kept for long.
  static constexpr std::chrono::seconds kIdleTimeout{10};
  static constexpr std::chrono::seconds kNamingTimeout{60};
  static constexpr std::chrono::seconds kResetTimeout{30};
  static constexpr std::chrono::seconds kQuitTimeout{5};

  class Owner {
   public:
    virtual ~Owner() = default;
    // The server has greeted, TLS has begun and AUTH has succeeded, as far as
    // the HopTerms want them: the link may be used. With XCLIENT, AUTH comes
    // later, in each transaction.
    virtual void OnReady(HopLink* link) = 0;
    // The server has passed a stage of a transaction.
    virtual void OnPassed(HopLink* link, HopStage stage) = 0;
    // A released link may be used again.
    virtual void OnIdle(HopLink* link) = 0;
    // The connection has ended. Destroy the link in HopDriver::Later().
    // `failure` is null if this side ended it.
    virtual void OnClosed(HopLink* link, const HopFailure* failure) = 0;
  };

  // `server` is an index into NextHop::hosts. `address` is an address of this
  // server and needs no lookup. `header` is a PROXY header that names `client`,
  // or empty. With a header, the connection is for this client alone: the EHLO
  // has the name of the client, and the connection ends with its first user. A
  // link that is not ready at `ready_by` fails with kSlow. All pointers must
  // outlive the link.
  HopLink(Owner* owner, HopDriver* driver, const NextHop* hop,
          const ClientConfig* config, size_t server, HopAddress address,
          HopTerms terms, std::string header, ProxiedClient client,
          Time ready_by = Time::max());
  ~HopLink() override;

  // Begins to connect. Owner functions are called later.
  void Start();

  // Give the session commands, and then call Wake().
  ClientSession& session() { return session_; }
  // Continues soon, not before the caller has returned.
  void Wake();

  // Lends the link, which must be idle, to `user` until Release() or
  // HopUser::OnLost(). Names the client first, if the next hop is to know it.
  void Lend(HopUser* user);
  // Whether the user may give commands.
  bool ready() const { return stage_ == Stage::kReady && user_ != nullptr; }
  // Begin and end the content of the user's message. Call these in place of the
  // functions of ClientSession.
  absl::StatusOr<CommandId> BeginBody(BodyCommand framing);
  void EndBody();
  // Reports that the server has passed `stage` of the user's transaction.
  void Passed(HopStage stage);
  enum class Left : uint8_t {
    kClean,     // the server has no transaction
    kEnvelope,  // the server has a sender: RSET follows, and its reply counts
    kContent,   // within a message: the connection has to end
  };
  void Release(Left left);
  // The user must have a reply by then, or the connection ends.
  void set_user_deadline(std::optional<Time> deadline);
  // Sends QUIT and closes.
  void Quit();
  // The same without waiting for the server, if the link is idle: for a process
  // that ends. Otherwise does nothing.
  void Leave();
  // Closes the connection at once. A user gets `failure`.
  void Lose(const HopFailure& failure) { Close(&failure); }

  size_t server() const { return server_; }
  const std::string& host() const { return host_; }  // for the log
  const HopAddress& address() const { return address_; }
  const HopTerms& terms() const { return terms_; }
  bool idle() const { return stage_ == Stage::kReady && user_ == nullptr; }
  bool used() const { return user_ != nullptr; }
  // Since when a user has had the link without any open command. nullopt if
  // that is not so.
  std::optional<Time> quiet_since() const {
    const bool quiet = ready() && !waiting_ && session_.idle();
    return quiet ? std::optional<Time>(since_) : std::nullopt;
  }
  // The number of calls of Lend() so far, and the time of the last one.
  int uses() const { return uses_; }
  Time lent() const { return lent_; }
  // The stage that the server has to pass next in the last transaction.
  HopStage next() const { return next_; }
  // Returns whether AUTH follows XCLIENT, and so depends on the client.
  bool authenticates_each() const {
    return hop_.xclient && terms_.security.account != nullptr;
  }
  // The address of the last client that it was lent to.
  const std::optional<IpAddress>& client_address() const {
    return client_address_;
  }

 private:
  enum class Stage : uint8_t {
    kConnecting,
    kGreeting,
    kStartTls,   // waits for the reply to STARTTLS
    kHandshake,  // of TLS
    // Waits for a ClientExchange, or for the server. With XCLIENT it follows
    // kNaming.
    kAuthenticating,
    kReady,      // idle, or used
    kNaming,     // waits for the replies to XCLIENT and EHLO
    kResetting,  // waits for the reply to RSET
    kQuitting,
    kClosed,
  };
  using Kind = net::Channel::Result::Kind;

  void OnTimer() override;
  void Run();
  // Does one thing. Returns whether to call it again.
  bool Act();
  bool OnReply(const ClientStep& step);
  // Whether a server on another machine has the name of this one in its reply
  // to EHLO. As in Postfix, only on port 25: a server on another port may be a
  // second one with this name on purpose.
  bool LoopsBack(const Reply& hello) const;
  bool OnNamed(const ClientStep& step);
  // The user may give commands. Returns as Act() does.
  bool BecomeReady();
  CommandId Greet() {
    return single_use_ ? session_.GreetFor(client_) : session_.Greet();
  }
  // Returns whether the PROXY header has left.
  bool WriteHeader();
  // The server has replied to EHLO, or to AUTH: does what the terms want next.
  // Returns as Act() does.
  bool Negotiate();
  bool BeginTls();
  bool ContinueHandshake();
  bool BeginAuth();
  void OnExchange(absl::StatusOr<std::unique_ptr<ClientExchange>> begun);
  bool OnChallenge(absl::string_view challenge);
  bool OnAuthReply(const Reply& reply);
  // The octets of the connection, under TLS if it has begun.
  net::Channel& channel();
  bool Transfer();
  // Writes some of `octets`. Returns how many.
  size_t Write(absl::string_view octets);
  // `detail` is only for the log.
  void Fail(HopFailure::Kind kind, std::string what, std::string detail = "");
  void OnSessionClosed(ClientClose reason);
  // Ends the connection. `failure` may be null.
  void Close(const HopFailure* failure);
  Time Deadline() const;
  // Deadline() without ready_by_.
  Time StageDeadline() const;
  // Returns whether the link has never been ready.
  bool opening() const;
  void FailSlow();
  void Enter(Stage stage);

  Owner& owner_;
  HopDriver& driver_;
  const NextHop& hop_;
  const ClientConfig& config_;
  const size_t server_;
  const HopAddress address_;
  const std::string host_;
  const HopTerms terms_;
  const bool single_use_;
  const Time ready_by_;
  std::string header_;          // not written yet
  const ProxiedClient client_;  // that the header names
  std::unique_ptr<HopWire> wire_;
  std::unique_ptr<net::TlsChannel> tls_;  // over wire_
  bool tls_works_ = false;                // a reply has come under TLS
  bool authenticated_ = false;
  std::unique_ptr<ClientExchange> exchange_;
  CommandId auth_{};
  ClientSession session_;
  Stage stage_ = Stage::kConnecting;
  HopUser* user_ = nullptr;
  int uses_ = 0;
  Time lent_;
  HopStage next_ = HopStage::kGreeting;
  std::optional<IpAddress> client_address_;
  std::string in_;
  // Small pieces of content, which leave in one write: a message whose lines
  // begin with dots has a piece for each line. For the session they have left.
  // Commands and the end of the content are never here, so the session knows
  // exactly to what the server can reply.
  std::string out_;
  bool gathering_ = false;  // out_ may get pieces
  bool chunks_ = false;     // they would contain commands: no gathering
  bool input_ended_ = false;
  bool output_failed_ = false;
  bool running_ = false;
  bool waking_ = false;    // a task that calls Run() is pending
  bool waiting_ = false;   // for the server
  uint64_t progress_ = 0;  // ClientSession::progress()
  Time entered_;           // the stage
  Time since_;             // the server makes no progress since then
  std::optional<Time> user_deadline_;
  CommandId hello_{};
  CommandId naming_{};
  bool unnamed_ = false;  // XCLIENT is not offered
  CommandId reset_{};
  std::optional<Reply> shutdown_;  // the 421
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FORWARD_HOP_LINK_H_
