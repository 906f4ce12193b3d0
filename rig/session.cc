// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/parameters.h"

namespace postern::rig {
namespace {

// Whether a session can give `code` by itself at `stage`, so that it and its
// client agree on what happened. An acceptance of EHLO, STARTTLS, AUTH and DATA
// has the reply of the engine.
bool Refuses(const Reply& reply) { return reply.code >= 400; }
bool AcceptsWith(Stage stage, const Reply& reply) {
  if (reply.code / 100 != 2) return false;
  return stage == Stage::kMail || stage == Stage::kRcpt ||
         stage == Stage::kEnd || stage == Stage::kVrfy ||
         (stage == Stage::kConnect && reply.code == 220);
}

std::string LocalPart(const std::string& address) {
  return address.substr(0, address.rfind('@'));
}

std::vector<std::string> Addresses(const Envelope& envelope) {
  std::vector<std::string> to;
  for (const Recipient& recipient : envelope.to) {
    to.push_back(recipient.path.Address());
  }
  return to;
}

}  // namespace

// A mail transaction: keeps the content, and commits it to the mailbox.
class Session::Transaction : public MailTransaction {
 public:
  Transaction(Session* session, SharedSessionInfo info)
      : session_(*session), info_(std::move(info)) {}

  std::optional<Verdict> AddRecipient(const postern::Rcpt& rcpt,
                                      Policy::Later) override {
    session_.recipients_.push_back(rcpt.to.Address());
    return Verdict::Accept();
  }
  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later) override {
    data_.envelope = envelope;
    data_.from = envelope.from.Address();
    data_.to = Addresses(envelope);
    if (!session_.ExpectsContent()) return Verdict::Accept();
    if (std::optional<Fault> fault = session_.Take(Stage::kContent, data_.to)) {
      if (fault->read_rate > 0) {
        session_.wire_.LimitReading(fault->read_rate);
      }
      if (fault->cut || fault->delay > absl::ZeroDuration()) {
        fault_ = std::move(fault);
        Apply();
      }
    }
    return Verdict::Accept();
  }
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    // The first call has the Received field.
    std::string& to = std::exchange(traced_, true) ? data_.raw : data_.trace;
    for (const absl::string_view slice : slices) absl::StrAppend(&to, slice);
    Apply();
    return true;
  }
  void Commit(Policy::Done done) override {
    Verdict verdict = session_.Judge(Stage::kEnd, data_.to, data_.raw.size());
    if (verdict.accepted()) {
      data_.session = session_.Facts(info_);
      session_.Commit(std::move(data_));
    }
    std::move(done)(std::move(verdict));
  }
  void CommitEach(EachDone done) override {
    std::vector<Verdict> verdicts;
    std::vector<std::string> accepted;
    for (const std::string& to : data_.to) {
      verdicts.push_back(
          session_.Judge(Stage::kEnd, {&to, 1}, data_.raw.size()));
      if (verdicts.back().accepted()) accepted.push_back(to);
    }
    if (!accepted.empty()) {
      data_.to = std::move(accepted);
      data_.session = session_.Facts(info_);
      session_.Commit(std::move(data_));
    }
    std::move(done)(std::move(verdicts));
  }

 private:
  // Applies the fault of the content if its octet has come.
  void Apply() {
    if (!fault_ || data_.raw.size() < fault_->after) return;
    if (fault_->delay > absl::ZeroDuration()) {
      session_.wire_.PauseReading(fault_->delay);
    }
    if (fault_->cut) {
      session_.wire_.Event("closed by the server");
      session_.wire_.CloseNow();
    }
    fault_.reset();
  }

  Session& session_;
  const SharedSessionInfo info_;
  Message::Data data_;
  std::optional<Fault> fault_;
  bool traced_ = false;
};

// An exchange of the rig's users, with the faults of its last reply.
class Session::Exchange : public AuthExchange {
 public:
  Exchange(Session* session, std::unique_ptr<AuthExchange> exchange)
      : session_(*session), exchange_(std::move(exchange)) {}

  void Start(std::optional<std::string> initial_response, Done done) override {
    exchange_->Start(std::move(initial_response), Wrap(std::move(done)));
  }
  void Respond(std::string response, Done done) override {
    exchange_->Respond(std::move(response), Wrap(std::move(done)));
  }
  absl::string_view user() const override { return exchange_->user(); }

 private:
  Done Wrap(Done done) {
    return [this, done = std::move(done)](AuthAnswer answer) mutable {
      if (std::holds_alternative<AuthChallenge>(answer)) {
        return std::move(done)(std::move(answer));
      }
      const auto* granted = std::get_if<AuthGranted>(&answer);
      const std::string user =
          granted ? granted->identity : std::string(exchange_->user());
      std::optional<Fault> fault = session_.Take(Stage::kAuth, {&user, 1});
      if (fault && fault->reply && Refuses(*fault->reply)) {
        answer = Answer(Stage::kAuth, &fault);
      }
      session_.Expect(Stage::kAuth, std::move(fault));
      std::move(done)(std::move(answer));
    };
  }

  Session& session_;
  const std::unique_ptr<AuthExchange> exchange_;
};

Session::Session(const Shared* shared, const SessionInfo& info)
    : shared_(*shared),
      facts_{.began = shared->now(),
             .info = std::make_shared<const SessionInfo>(info),
             .transcript = std::make_shared<Transcript>(
                 shared->options.show_passwords,
                 shared->options.max_transcript_octets)},
      wire_(std::const_pointer_cast<Transcript>(facts_.transcript),
            [this](Stage stage, const GivenReply& reply) {
              return FindForReply(stage, reply);
            }),
      observer_(shared_.options.observe ? shared_.options.observe() : nullptr) {
  facts_.number = shared_.mailbox.BeginSession(facts_);
}

ExtensionSet Session::Carried() {
  // FUTURERELEASE needs limits that a rig does not have.
  return ExtensionSet::All() - ExtensionSet{Extension::kFutureRelease};
}

ResponderOptions Session::responder() {
  ResponderOptions options;
  options.policy = this;
  options.delivery = this;
  options.authenticator = this;
  options.observer = observer_.get();
  options.host_name = shared_.options.host_name;
  options.stamp = [this] {
    return TraceStamp{shared_.now(), absl::StrCat(facts_.number)};
  };
  return options;
}

std::optional<Fault> Session::Take(Stage stage,
                                   absl::Span<const std::string> subjects,
                                   uint64_t size) {
  std::optional<Fault> fault =
      shared_.faults.Take(stage, subjects, [&](const std::string& recipient) {
        return shared_.mailbox.OctetsFor(recipient) + size;
      });
  if (fault || !shared_.options.address_faults) return fault;
  for (const std::string& subject : subjects) {
    if (stage == Stage::kMail || stage == Stage::kRcpt ||
        stage == Stage::kData || stage == Stage::kEnd) {
      fault = FaultOfAddress(stage, LocalPart(subject));
      if (fault) return fault;
    }
  }
  return std::nullopt;
}

void Session::Expect(Stage stage, std::optional<Fault> fault) {
  expected_.emplace_back(stage, std::move(fault));
}

bool Session::ExpectsContent() const {
  if (expected_.empty() || expected_.back().first != Stage::kData) return true;
  const std::optional<Fault>& fault = expected_.back().second;
  return !fault || (!fault->cut && !fault->reply && !fault->raw &&
                    fault->delay != absl::InfiniteDuration());
}

Verdict Session::Answer(Stage stage, std::optional<Fault>* fault) {
  if (!*fault || !(*fault)->reply) return Verdict::Accept();
  const Reply& reply = *(*fault)->reply;
  std::optional<Reply> taken;
  if (Refuses(reply) || AcceptsWith(stage, reply)) {
    taken = std::exchange((*fault)->reply, std::nullopt);
  }
  if (!taken) return Verdict::Accept();
  if (taken->code == 421) return Verdict::Drop(*std::move(taken));
  if (Refuses(*taken)) return Verdict::Refuse(*std::move(taken));
  return Verdict::Accept(*std::move(taken));
}

Verdict Session::Judge(Stage stage, absl::Span<const std::string> subjects,
                       uint64_t size) {
  std::optional<Fault> fault = Take(stage, subjects, size);
  Verdict verdict = Answer(stage, &fault);
  Expect(stage, std::move(fault));
  return verdict;
}

std::optional<Fault> Session::FindForReply(Stage stage,
                                           const GivenReply& reply) {
  if (stage == Stage::kEnd) {
    // A BDAT that is the last one has only the reply to the message.
    std::erase_if(expected_,
                  [](const auto& e) { return e.first == Stage::kData; });
  }
  if (!reply.asked) {
    // Nothing is known of a command that the engine refuses by itself.
    return Take(stage, {});
  }
  for (auto it = expected_.begin(); it != expected_.end(); ++it) {
    if (it->first != stage) continue;
    std::optional<Fault> fault = std::move(it->second);
    expected_.erase(it);
    return fault;
  }
  return std::nullopt;
}

std::optional<Verdict> Session::Decide(const Ask& ask,
                                       const SharedSessionInfo& info, Later) {
  facts_.info = info;
  if (std::holds_alternative<Connected>(ask.what)) {
    const std::string address =
        info->remote_address ? info->remote_address->ToString() : "";
    return Judge(Stage::kConnect, {&address, 1});
  }
  if (const auto* hello = std::get_if<Hello>(&ask.what)) {
    return Judge(Stage::kEhlo, {&hello->client_name, 1});
  }
  if (std::holds_alternative<postern::StartTls>(ask.what)) {
    Verdict verdict = Judge(Stage::kStartTls, {});
    if (verdict.accepted()) facts_.extensions.insert("STARTTLS");
    return verdict;
  }
  if (const auto* mail = std::get_if<postern::Mail>(&ask.what)) {
    Use(mail->parameters);
    const std::string from = mail->from.Address();
    return Judge(Stage::kMail, {&from, 1});
  }
  if (const auto* rcpt = std::get_if<postern::Rcpt>(&ask.what)) {
    if (rcpt->parameters.notify || rcpt->parameters.orcpt) {
      facts_.extensions.insert("DSN");
    }
    if (rcpt->parameters.rrvs) facts_.extensions.insert("RRVS");
    const std::string to = rcpt->to.Address();
    return Judge(Stage::kRcpt, {&to, 1}, rcpt->size.value_or(0));
  }
  if (std::holds_alternative<BodyBegin>(ask.what)) {
    return Judge(Stage::kData, recipients_);
  }
  if (const auto* verify = std::get_if<Verify>(&ask.what)) {
    return Judge(Stage::kVrfy, {&verify->argument, 1});
  }
  return Verdict::Accept();
}

void Session::Use(const MailParameters& parameters) {
  std::set<std::string>& used = facts_.extensions;
  if (parameters.size) used.insert("SIZE");
  if (parameters.body == BodyType::k8BitMime) used.insert("8BITMIME");
  if (parameters.body == BodyType::kBinaryMime) used.insert("BINARYMIME");
  if (parameters.smtp_utf8) used.insert("SMTPUTF8");
  if (parameters.ret || parameters.envid) used.insert("DSN");
  if (parameters.require_tls) used.insert("REQUIRETLS");
  if (parameters.priority) used.insert("MT-PRIORITY");
  if (parameters.deliver_by) used.insert("DELIVERBY");
}

SessionFacts Session::Facts(const SharedSessionInfo& info) {
  facts_.info = info;
  if (wire_.pipelined()) facts_.extensions.insert("PIPELINING");
  if (wire_.chunked()) facts_.extensions.insert("CHUNKING");
  if (!info->identity.empty()) facts_.extensions.insert("AUTH");
  return facts_;
}

std::unique_ptr<MailTransaction> Session::Begin(const Envelope&,
                                                const SharedSessionInfo& info) {
  recipients_.clear();
  return std::make_unique<Transaction>(this, info);
}

std::unique_ptr<AuthExchange> Session::Begin(absl::string_view mechanism,
                                             const SharedSessionInfo& info) {
  return std::make_unique<Exchange>(
      this, shared_.authenticator.Begin(mechanism, info));
}

void Session::Commit(Message::Data data) {
  data.received = shared_.now();
  data.transcript_begin =
      std::exchange(transcript_begin_, data.session.transcript->written());
  shared_.mailbox.UpdateSession(data.session);
  shared_.mailbox.Add(std::move(data));
}

std::optional<Fault> Session::OnHandshake() { return Take(Stage::kTls, {}); }

void Session::OnEnd(const SessionEnd& end, const SessionInfo& info) {
  SessionFacts facts = Facts(std::make_shared<const SessionInfo>(info));
  facts.end = end.reason;
  if (!end.tls_error.empty()) wire_.Event(absl::StrCat("TLS: ", end.tls_error));
  shared_.mailbox.UpdateSession(facts);
}

}  // namespace postern::rig
