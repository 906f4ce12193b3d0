// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Joins a ServerSession to the ports: Policy, Delivery, MailTransaction,
// Authenticator.

#ifndef POSTERN_ENGINE_RESPONDER_H_
#define POSTERN_ENGINE_RESPONDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/event.h"
#include "engine/grammar/reply.h"
#include "engine/policy.h"
#include "engine/server_session.h"
#include "engine/session_info.h"
#include "engine/trace_header.h"
#include "engine/verdict.h"

namespace postern {

// The transaction takes more content: MailTransaction::Write() has returned
// false before.
struct TransactionReady {};

// What a port says, on its way to the session's thread. It can be moved, and
// not copied: it is one answer.
struct PostedAnswer {
  // The second is LMTP's, the next two are moves of AUTH.
  using What = std::variant<Verdict, std::vector<Verdict>, AuthChallenge,
                            AuthGranted, TransactionReady>;

  PostedAnswer(RequestId id, What what,
               std::shared_ptr<MailTransaction> transaction = nullptr);
  PostedAnswer(PostedAnswer&& other) noexcept;
  PostedAnswer& operator=(PostedAnswer&& other) noexcept;
  ~PostedAnswer();

  RequestId id;  // means nothing with TransactionReady
  What what;
  // The transaction that answers, about a recipient or at the message's end;
  // null: another port does.
  std::shared_ptr<MailTransaction> transaction;
};

// What a Responder needs of the world. The pointers must outlive it and every
// decision that is still open at its end.
struct ResponderOptions {
  Policy* policy = nullptr;
  Delivery* delivery = nullptr;
  // The Received field's `by`, where the session has no local name. Lives as
  // long as they do.
  absl::string_view host_name;
  // Stamps a message: the time, and a name for it in logs and trace. Called on
  // the session's thread.
  std::function<TraceStamp()> stamp;
  // Brings an answer to the session's thread, where the driver gives it to
  // Answer() below. Copied into each open decision; called from any thread,
  // also from inside the Responder's own methods, perhaps after its end.
  std::function<void(PostedAnswer)> post;
  // Called for each refusal of the session's own, and for each answer of a port
  // that did not fit its question, on the session's thread: for a log. Not for
  // content that is refused: see Delivery::OnContentRefused(). May be empty.
  std::function<void(const Refusal&, const SessionInfo&)> refused;
  // Called for each answer of the policy, and of the delivery about a
  // recipient, on the session's thread, when the client is to get it: for a
  // log and for counters, which must not claim a reply that was not given. Not
  // for an answer that came too late or did not fit. May be empty.
  std::function<void(const Ask&, const Verdict&, const SessionInfo&)> decided;
  // Called when a proxy's XCLIENT has named another client, before the policy
  // is asked. What rules have granted to the proxy's own address is gone
  // from the facts: put in what they say of the client's. May be empty.
  std::function<void(SessionInfo&)> client_changed;
  // Who a client is. Null where ServerConfig offers no mechanisms.
  Authenticator* authenticator = nullptr;
  // Whether the Received field names the user, see FormatReceived().
  bool show_user = false;
};

// Responder answers the Asks of one session, and keeps its open transaction.
// Every transport uses it, so that each decision path exists once.
// Thread-compatible; lives and dies on the session's thread.
class Responder {
 public:
  // `session` must outlive the responder.
  Responder(ServerSession* session, ResponderOptions options, SessionInfo info);

  // For Step::Kind::kAsk. An answer that a port gives at once completes the
  // session's Ask before this returns; another comes through `post`.
  void OnAsk(const Ask& ask);
  // For Step::Kind::kBody. As MailTransaction::Write(): false stops the flow,
  // until `post` has brought TransactionReady.
  bool OnBody(absl::Span<const absl::string_view> slices);
  // For Step::Kind::kAborted.
  void OnAborted();
  // Reports what the session has refused by itself. For each Advance(), after
  // it, and before what its step asks for.
  void OnAdvanced() {
    if (session_.has_refusals()) ReportRefusals();
  }

  // Takes what `post` has brought, and completes the session's Ask. A late
  // answer changes nothing, and neither does TransactionReady, which is the
  // driver's.
  void Answer(PostedAnswer&& answer);
  // For ServerSession::TlsStarted().
  void TlsStarted(TlsInfo info);

  // The facts so far.
  const SharedSessionInfo& info() const { return info_; }

 private:
  // The open transaction.
  struct Current {
    std::shared_ptr<MailTransaction> transaction;
    // Null until it is open for content. A copy of ResponderOptions::post in
    // two words, so that each call of Write() can keep one without an
    // allocation.
    std::shared_ptr<const std::function<void(PostedAnswer)>> post;
  };
  struct Exchange {
    std::unique_ptr<AuthExchange> moves;
    std::string mechanism;
  };

  void OnXClient(const XClient& client);
  void OnAuth(const Ask& ask);
  void Commit(RequestId id);
  // The policy's answer, or an AuthExchange's refusal.
  void AnswerVerdict(RequestId id, Verdict verdict);
  // Asks the transaction about `rcpt`, which the policy has `granted`. Returns
  // what both say, or nullopt if the transaction answers later.
  std::optional<Verdict> AskTransaction(RequestId id, const Rcpt& rcpt,
                                        Verdict granted);
  // Both return whether the client has that reply now.
  bool Give(RequestId id, Verdict verdict);
  bool AnswerEach(RequestId id, std::vector<Verdict> verdicts);
  void AnswerAuth(RequestId id, AuthMove move);
  void ReportRefusals();
  void Excuse(RequestId id, const absl::Status& status);
  // Opens the transaction for content, and writes the Received field. Returns
  // false if it has to catch up first: then `verdict` comes again.
  bool OpenTransaction(RequestId id, Verdict* verdict);
  // Returns a copy of the facts, with `change` made in it.
  SharedSessionInfo Changed(absl::FunctionRef<void(SessionInfo&)> change) const;

  ServerSession& session_;
  const ResponderOptions options_;
  SharedSessionInfo info_;

  std::unique_ptr<Current> current_;    // null: no transaction is open
  std::shared_ptr<Exchange> exchange_;  // of the open AUTH
};

}  // namespace postern

#endif  // POSTERN_ENGINE_RESPONDER_H_
