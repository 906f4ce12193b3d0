// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Joins a ServerSession to the ports: Policy, Delivery, MessageSink,
// Authenticator.

#ifndef POSTERN_ENGINE_RESPONDER_H_
#define POSTERN_ENGINE_RESPONDER_H_

#include <cstdint>
#include <functional>
#include <memory>
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

// The sink takes more content: MessageSink::Write() has returned false before.
struct SinkReady {};

// What a port says, on its way to the session's thread. It can be moved, and
// not copied: it is one answer.
struct PostedAnswer {
  // The second is LMTP's, the next two are moves of AUTH.
  using What = std::variant<Verdict, std::vector<Verdict>, AuthChallenge,
                            AuthGranted, SinkReady>;

  PostedAnswer(RequestId id, What what,
               std::shared_ptr<MessageSink> sink = nullptr);
  PostedAnswer(PostedAnswer&& other) noexcept;
  PostedAnswer& operator=(PostedAnswer&& other) noexcept;
  ~PostedAnswer();

  RequestId id;  // means nothing with SinkReady
  What what;
  // Whose answer it is, if it is that of a message's end.
  std::shared_ptr<MessageSink> sink;
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
  // Hears that the client is another one, by a proxy's XCLIENT, before the
  // policy is asked. What rules have granted to the proxy's own address is gone
  // from the facts: put in what they say of the client's. May be empty.
  std::function<void(SessionInfo&)> client_changed;
  // Who a client is. Null where ServerConfig offers no mechanisms.
  Authenticator* authenticator = nullptr;
  // Whether the Received field names the user, see FormatReceived().
  bool show_user = false;
};

// Responder answers the Asks of one session, and keeps the sink of its open
// message. Every transport uses it, so that each decision path exists once.
// Thread-compatible; lives and dies on the session's thread.
class Responder {
 public:
  // `session` must outlive the responder.
  Responder(ServerSession* session, ResponderOptions options, SessionInfo info);

  // For Step::Kind::kAsk. The answer comes through `post`.
  void OnAsk(const Ask& ask);
  // For Step::Kind::kBody. As MessageSink::Write(): false stops the flow, until
  // `post` has brought SinkReady.
  bool OnBody(absl::Span<const absl::string_view> slices);
  // For Step::Kind::kAborted.
  void OnAborted();
  // Reports what the session has refused by itself. For each Advance(), after
  // it, and before what its step asks for.
  void OnAdvanced() {
    if (session_.has_refusals()) ReportRefusals();
  }

  // Takes what `post` has brought, and completes the session's Ask. A late
  // answer changes nothing, and neither does SinkReady, which is the driver's.
  void Answer(PostedAnswer&& answer);
  // For ServerSession::TlsStarted().
  void TlsStarted(TlsInfo info);

  // The facts so far.
  const SharedSessionInfo& info() const { return info_; }

 private:
  struct OpenMessage {
    std::shared_ptr<MessageSink> sink;
    // A copy of ResponderOptions::post in two words, so that each call of
    // Write() can keep one without an allocation.
    std::shared_ptr<const std::function<void(PostedAnswer)>> post;
  };
  struct Exchange {
    std::unique_ptr<AuthExchange> moves;
    std::string mechanism;
  };

  enum class Work : uint8_t { kNone, kHello, kBodyBegin, kAuth };

  void Await(Work work, RequestId id) {
    work_ = work;
    work_id_ = id;
  }
  void OnXClient(const XClient& client);
  void OnAuth(const Ask& ask);
  void Commit(RequestId id);
  // Both return whether the client has that reply now.
  bool AnswerVerdict(RequestId id, Verdict verdict);
  bool AnswerEach(RequestId id, std::vector<Verdict> verdicts);
  void AnswerAuth(RequestId id, AuthMove move);
  void ReportRefusals();
  void Excuse(RequestId id, const absl::Status& status);
  Verdict OpenSink(RequestId id, Verdict verdict, bool* wait);
  // Returns a copy of the facts, with `change` made in it.
  SharedSessionInfo Changed(absl::FunctionRef<void(SessionInfo&)> change) const;

  ServerSession& session_;
  const ResponderOptions options_;
  SharedSessionInfo info_;

  // The open question whose answer means work here; there is one at a time.
  Work work_ = Work::kNone;
  RequestId work_id_{};
  SharedSessionInfo greeted_;  // kHello: the facts if it is accepted

  std::unique_ptr<OpenMessage> message_;  // while there is one
  std::shared_ptr<Exchange> exchange_;    // of the open AUTH
};

}  // namespace postern

#endif  // POSTERN_ENGINE_RESPONDER_H_
