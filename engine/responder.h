// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Connects a ServerSession to the interfaces Policy, Delivery, MailTransaction
// and Authenticator.

#ifndef POSTERN_ENGINE_RESPONDER_H_
#define POSTERN_ENGINE_RESPONDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/grammar/reply.h"
#include "engine/policy.h"
#include "engine/server_session.h"
#include "engine/session_info.h"
#include "engine/session_observer.h"
#include "engine/tls_info.h"
#include "engine/trace_header.h"
#include "engine/verdict.h"

namespace postern {

// Changes the session facts, on the session's thread.
using FactsChange = absl::AnyInvocable<void(SessionInfo&) &&>;

// The mail transaction takes more content. MailTransaction::Write() returned
// false before.
struct TransactionReady {};

// An answer on its way to the session's thread. It can be moved but not copied,
// because a question is answered once.
struct PostedAnswer {
  // What an answer can be. A vector answers for each LMTP recipient. The next
  // two types answer AUTH. The last one is the answer of
  // ResponderOptions::client_changed.
  using What = std::variant<Verdict, std::vector<Verdict>, AuthChallenge,
                            AuthGranted, TransactionReady, FactsChange>;

  // The answer `what` to the question `id`.
  PostedAnswer(RequestId id, What what,
               std::shared_ptr<MailTransaction> transaction = nullptr);
  PostedAnswer(PostedAnswer&& other) noexcept;
  PostedAnswer& operator=(PostedAnswer&& other) noexcept;
  ~PostedAnswer();

  RequestId id;  // not used with TransactionReady
  What what;     // the answer
  // The transaction, if the answer is its own: about a recipient, about the
  // beginning of the content or about the complete message. Null: another
  // interface answers.
  std::shared_ptr<MailTransaction> transaction;
};

// What a Responder uses. The pointers must outlive it and every decision that
// is still open when it is destroyed.
struct ResponderOptions {
  // Decides about clients, senders and recipients. Not null.
  Policy* policy = nullptr;
  // Takes the accepted messages. Not null.
  Delivery* delivery = nullptr;
  // The name after `by` in the Received field, for sessions without a local
  // name. Must live as long as the pointers.
  absl::string_view host_name;
  // Returns the time of a message and its id for logs and the trace field.
  // Called on the session's thread.
  std::function<TraceStamp()> stamp;
  // Takes an answer to the session's thread, where the driver passes it to
  // Answer() below. Copied into each open decision. Called from any thread,
  // also from inside the Responder's methods, and possibly after its
  // destruction.
  std::function<void(PostedAnswer)> post;
  // Called on the session's thread, for logs: for each refusal that the session
  // decided by itself, and for each answer that did not fit its question. Not
  // called for refused content: see Delivery::OnContentRefused(). May be empty.
  std::function<void(const Refusal&, const SessionInfo&)> refused;
  // Called on the session's thread, for logs and counters: for each answer of
  // the policy, and of the delivery about a recipient, that the client will
  // get. Not called for an answer that came too late or did not fit. May be
  // empty.
  std::function<void(const Ask&, const Verdict&, const SessionInfo&)> decided;
  // Called on the session's thread when XCLIENT from a proxy has named another
  // client, before the policy is asked. `client` no longer holds what is known
  // of the proxy, nor what rules grant to the proxy's own address. Calls
  // `found` once, from any thread, before it returns or later. The argument is
  // either a change that adds what is known of the client, which a session that
  // has ended does not apply, or a refusal; then the policy is not asked. May
  // be empty.
  using ClientFound =
      absl::AnyInvocable<void(std::variant<Verdict, FactsChange>) &&>;
  std::function<void(const SharedSessionInfo& client, ClientFound found)>
      client_changed;
  // Runs AUTH. May be null if ServerConfig offers no mechanisms.
  Authenticator* authenticator = nullptr;
  // Whether the Received field names the user, see FormatReceived().
  bool show_user = false;
  // Sees the whole session. Null: nothing does. Called by the Responder and by
  // the ServedSession that owns it.
  SessionObserver* observer = nullptr;
};

// Octets of the header fields that the policy adds to one message
// (Verdict::AddHeader()). A recipient whose acceptance comes after that many
// gets a 452, because a message must not grow with the number of its
// recipients. The client can send to it in another transaction.
inline constexpr size_t kMaxAddedHeader = size_t{64} << 10;

// Responder answers the Asks of one session, and owns its open mail
// transaction. All drivers use it, so that each decision is implemented once.
// Thread-compatible; created and destroyed on the session's thread.
class Responder {
 public:
  // `session` must outlive the responder.
  Responder(ServerSession* session, ResponderOptions options, SessionInfo info);

  // For Step::Kind::kAsk. An answer that is given at once completes the
  // session's Ask before this returns. A later one comes through `post`.
  void OnAsk(const Ask& ask);
  // For Step::Kind::kBody. As with MailTransaction::Write(), false means: pass
  // no more content until `post` has brought TransactionReady.
  bool OnBody(absl::Span<const absl::string_view> slices);
  // For Step::Kind::kAborted.
  void OnAborted();
  // Reports what the session has refused by itself. Call it after each
  // Advance(), before acting on the step.
  void OnAdvanced() {
    if (session_.has_refusals()) ReportRefusals();
  }

  // Takes what `post` has brought, and completes the session's Ask. A late
  // answer changes nothing. TransactionReady changes nothing either: the driver
  // acts on it.
  void Answer(PostedAnswer&& answer);
  // Forwards to ServerSession::TlsStarted(), and updates the session facts.
  void TlsStarted(TlsInfo info);

  // The session facts so far.
  const SharedSessionInfo& info() const { return info_; }
  SessionObserver* observer() const { return options_.observer; }

 private:
  // Header fields for a message. Few messages have any.
  struct AddedHeader {
    // Each distinct field, and the first command that has added it: 0 for
    // MAIL, n for the n-th RCPT.
    std::vector<std::pair<size_t, std::string>> fields;
    size_t size = 0;  // of all fields
  };
  // The open mail transaction.
  struct Current {
    std::shared_ptr<MailTransaction> transaction;
    // Null until the transaction has accepted Open(). A shared copy of
    // ResponderOptions::post, so that each call of Write() can keep it without
    // an allocation.
    std::shared_ptr<const std::function<void(PostedAnswer)>> post;
    // The fields of Verdict::AddHeader() so far. Null: none.
    std::unique_ptr<AddedHeader> header;

    // Adds the fields that `header` does not have yet. `command` as above.
    void AddHeader(absl::string_view fields, size_t command);
  };
  struct Exchange {
    std::unique_ptr<AuthExchange> exchange;
    std::string mechanism;
  };

  void OnXClient(const XClient& client);
  void AskPolicy(const Ask& ask);
  void OnAuth(const Ask& ask);
  void Commit(RequestId id);
  // For an answer of the policy, and for a refusal by an AuthExchange.
  void AnswerVerdict(RequestId id, Verdict verdict);
  // Asks the transaction about `rcpt`, which the policy has accepted with
  // `granted`. Returns the combined verdict, or nullopt if the transaction
  // answers later.
  std::optional<Verdict> AskTransaction(RequestId id, const Rcpt& rcpt,
                                        Verdict granted);
  // Both return whether the client has been given that reply.
  bool Give(RequestId id, Verdict verdict);
  bool AnswerEach(RequestId id, std::vector<Verdict> verdicts);
  void AnswerAuth(RequestId id, AuthAnswer answer);
  void ReportRefusals();
  void ReplyLocalError(RequestId id, const absl::Status& status);
  // Refuses the open question `id` with a reply that fits.
  void Refuse(RequestId id, Reply reply);
  // Opens the transaction for content, which the policy has accepted with
  // `granted`. Returns the combined verdict, or nullopt if the transaction
  // answers later.
  std::optional<Verdict> OpenTransaction(RequestId id, Verdict granted);
  // Writes the added header fields and the Received field. `granted` is the
  // answer to the open question `id`. Returns false if the transaction takes no
  // more content for now; `granted` is then posted again.
  bool WriteTrace(RequestId id, const Verdict& granted);
  // Returns a copy of the session facts with `change` applied.
  SharedSessionInfo Changed(absl::FunctionRef<void(SessionInfo&)> change) const;

  ServerSession& session_;
  const ResponderOptions options_;
  SharedSessionInfo info_;

  std::unique_ptr<Current> current_;    // null: no transaction is open
  std::shared_ptr<Exchange> exchange_;  // of the open AUTH
};

}  // namespace postern

#endif  // POSTERN_ENGINE_RESPONDER_H_
