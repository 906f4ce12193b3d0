// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Explains what a server replies to a client, and which checks decided. It
// drives a real session with the checks and the delivery of a MailService, so
// it cannot differ from the server.

#ifndef POSTERN_PROGRAMS_EXPLAIN_EXPLANATION_H_
#define POSTERN_PROGRAMS_EXPLAIN_EXPLANATION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/grammar/path.h"
#include "engine/policy.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "policy/checks.h"
#include "service/mail_service.h"
#include "service/route_list.h"

namespace postern::programs {

// The client and the mail that are asked about.
struct Inquiry {
  SessionInfo info;   // its address, name and what rules say; no user, no TLS
  bool tls = false;   // whether the connection has TLS
  std::string user;   // the authenticated user; empty: none
  std::string hello;  // the name in EHLO
  // An address, or a path with parameters as in MAIL and RCPT: "<a@b.example>
  // SIZE=1000".
  std::string sender;
  std::vector<std::string> recipients;
};

// One command, or the connection itself, and how it was decided.
struct ExplainedCommand {
  std::string command;  // as sent, without CRLF; empty for the connection
  std::vector<policy::CheckStep> checks;
  // The answer of the checks, or of the delivery if it decided. nullopt: the
  // protocol decided alone.
  std::optional<Verdict> decision;
  std::string reply;  // all lines, without the last CRLF
  // The destination of the recipient, if the delivery was asked about it.
  std::optional<service::RecipientDestination> destination;

  // Whether the reply is 2yz.
  bool accepted() const { return !reply.empty() && reply[0] == '2'; }
};

// The interfaces of a session that is explained. Nothing is stored: the content
// of a message is refused. AUTH accepts `user` without its password, if there
// is one.
//
// Thread-compatible. Must outlive the session.
class ExplainedSession {
 public:
  // `service` and `outlet` must outlive this object. Without `asks_delivery`,
  // the delivery is not asked about recipients and accepts them.
  ExplainedSession(const service::MailService& service,
                   const service::MailService::Outlet& outlet, std::string user,
                   bool asks_delivery = true);
  ~ExplainedSession();
  ExplainedSession(const ExplainedSession&) = delete;
  ExplainedSession& operator=(const ExplainedSession&) = delete;

  // Returns the listener's configuration for this session: AUTH is offered if
  // there is a user.
  ServerConfig Config(const ServerConfig& listener) const;

  // Returns ResponderOptions without `post`. `on_decision` is called on the
  // session's thread after each decision; it may be empty.
  ResponderOptions responder(
      std::function<void(const Ask&)> on_decision = nullptr);

  // Returns what was decided since the last call. `command` and `reply` are
  // empty.
  ExplainedCommand Take();

 private:
  class ExplainingPolicy;
  class UnstoredDelivery;
  class KnownUser;

  const service::MailService& service_;
  const service::MailService::Outlet& outlet_;
  const std::string user_;
  std::vector<policy::CheckStep> steps_;
  std::optional<Verdict> decision_;
  std::optional<Path> recipient_;  // that the delivery was asked about
  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<Authenticator> authenticator_;
};

// Returns each command of a session of the inquiry, in order: the connection,
// EHLO (LHLO under LMTP), AUTH if there is a user, MAIL, and RCPT for each
// recipient. Ends after the first refusal before RCPT. `listener` must be
// valid. The result refers to the checks of `outlet`, which is that of the
// listener. Without `asks_delivery`, a recipient that the checks accept is
// accepted.
std::vector<ExplainedCommand> Explain(
    const service::MailService& service,
    const service::MailService::Outlet& outlet, const ServerConfig& listener,
    const Inquiry& inquiry, bool asks_delivery = true);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_EXPLAIN_EXPLANATION_H_
