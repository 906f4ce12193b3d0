// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/responder.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "engine/answer_check.h"
#include "engine/grammar/header_field.h"

namespace postern {
namespace {

// Returns the value that XCLIENT gives, which is empty if XCLIENT says that
// there is none. Returns `otherwise` if XCLIENT does not mention it.
uint16_t ValueOr(const std::optional<XClientValue<uint16_t>>& given,
                 uint16_t otherwise) {
  return given ? given->value : otherwise;
}
std::string ValueOr(const std::optional<XClientValue<std::string>>& given,
                    absl::string_view otherwise) {
  return given ? given->value : std::string(otherwise);
}

NameStatus Status(XClientValue<std::string>::Kind kind) {
  switch (kind) {
    case XClientValue<std::string>::Kind::kKnown:
      return NameStatus::kConfirmed;
    case XClientValue<std::string>::Kind::kUnavailable:
      return NameStatus::kNone;
    case XClientValue<std::string>::Kind::kTemporary:
      return NameStatus::kTemporary;
  }
  return NameStatus::kNone;
}

}  // namespace

PostedAnswer::PostedAnswer(RequestId id, What what,
                           std::shared_ptr<MailTransaction> transaction)
    : id(id), what(std::move(what)), transaction(std::move(transaction)) {}
PostedAnswer::PostedAnswer(PostedAnswer&& other) noexcept = default;
PostedAnswer& PostedAnswer::operator=(PostedAnswer&& other) noexcept = default;
PostedAnswer::~PostedAnswer() = default;

Responder::Responder(ServerSession* session, ResponderOptions options,
                     SessionInfo info)
    : session_(*session),
      options_(std::move(options)),
      info_(std::make_shared<const SessionInfo>(std::move(info))) {}

SharedSessionInfo Responder::Changed(
    absl::FunctionRef<void(SessionInfo&)> change) const {
  auto info = std::make_shared<SessionInfo>(*info_);
  change(*info);
  return info;
}

void Responder::OnAsk(const Ask& ask) {
  if (session_.violations() != info_->violations) {
    info_ = Changed(
        [this](SessionInfo& info) { info.violations = session_.violations(); });
  }
  if (std::holds_alternative<BodyEnd>(ask.what)) return Commit(ask.id);
  if (std::holds_alternative<AuthBegin>(ask.what) ||
      std::holds_alternative<AuthResponse>(ask.what)) {
    return OnAuth(ask);
  }
  if (const auto* connected = std::get_if<Connected>(&ask.what)) {
    if (connected->client) {
      OnXClient(*connected->client);
      if (options_.client_changed) {
        return options_.client_changed(
            info_, [post = options_.post, id = ask.id](
                       std::variant<Verdict, FactsChange> found) mutable {
              std::visit(
                  [&](auto& each) {
                    post({id, std::move(each)});
                  },
                  found);
            });
      }
    }
  }
  AskPolicy(ask);
}

void Responder::AskPolicy(const Ask& ask) {
  std::optional<Verdict> verdict =
      options_.policy->Decide(ask, info_, [this, &ask]() -> Policy::Done {
        return [post = options_.post, id = ask.id](Verdict answer) {
          post({id, std::move(answer)});
        };
      });
  if (verdict) AnswerVerdict(ask.id, *std::move(verdict));
}

void Responder::OnXClient(const XClient& client) {
  info_ = Changed([&](SessionInfo& info) {
    // What is known of the proxy does not apply to its client.
    info.relay_client.reset();
    info.denied = false;
    info.environment.clear();
    info.remote_info.reset();
    info.tls = session_.tls();
    info.identity = session_.identity();
    info.mechanism.clear();
    info.hello_name = ValueOr(client.helo, "");
    info.hello_verb = Hello::Verb::kHelo;
    if (client.protocol && client.protocol->value == XClientProtocol::kEsmtp) {
      info.hello_verb = Hello::Verb::kEhlo;
    }
    if (client.address) {
      info.remote_address = client.address->value;
      info.remote_port = 0;
      info.remote_name.clear();
      info.name_status = NameStatus::kNone;
    }
    info.remote_port = ValueOr(client.port, info.remote_port);
    if (client.name) {
      info.remote_name = ValueOr(client.name, "");
      // The proxy has looked the name up in both directions.
      info.name_status = Status(client.name->kind);
    }
    if (client.destination_address) {
      info.local_address = client.destination_address->value;
    }
    info.local_port = ValueOr(client.destination_port, info.local_port);
  });
}

void Responder::OnAuth(const Ask& ask) {
  const auto* begin = std::get_if<AuthBegin>(&ask.what);
  if (begin != nullptr) {
    exchange_.reset();
    std::unique_ptr<AuthExchange> exchange;
    if (options_.authenticator != nullptr) {
      exchange = options_.authenticator->Begin(begin->mechanism, info_);
    }
    if (exchange == nullptr) {
      return options_.post({ask.id, Verdict::Refuse(CannotAuthenticate())});
    }
    exchange_ = std::make_shared<Exchange>(
        Exchange{std::move(exchange), begin->mechanism});
  }
  // The answer keeps the exchange alive: the session may be over, or the client
  // may have cancelled, before it comes.
  AuthExchange& exchange = *exchange_->exchange;
  auto done = [post = options_.post, id = ask.id,
               keep = exchange_](AuthAnswer answer) {
    if (auto* verdict = std::get_if<Verdict>(&answer)) {
      post({id, std::move(*verdict)});
    } else if (auto* challenge = std::get_if<AuthChallenge>(&answer)) {
      post({id, std::move(*challenge)});
    } else {
      post({id, std::get<AuthGranted>(std::move(answer))});
    }
  };
  if (begin != nullptr) {
    exchange.Start(begin->initial_response, std::move(done));
  } else {
    exchange.Respond(std::get<AuthResponse>(ask.what).bytes, std::move(done));
  }
}

bool Responder::OnBody(absl::Span<const absl::string_view> slices) {
  return current_->transaction->Write(slices, [post = current_->post] {
    (*post)({RequestId{}, TransactionReady{}});
  });
}

void Responder::ReportRefusals() {
  for (const Refusal& refusal : session_.TakeRefusals()) {
    if (refusal.content) {
      options_.delivery->OnContentRefused(refusal, *info_);
    } else if (options_.refused) {
      options_.refused(refusal, *info_);
    }
  }
}

void Responder::Current::AddHeader(absl::string_view fields, size_t command) {
  for (const absl::string_view field : SplitHeader(fields)) {
    if (header == nullptr) header = std::make_unique<AddedHeader>();
    auto& added = header->fields;
    const auto same = std::find_if(
        added.begin(), added.end(),
        [field](const auto& each) { return each.second == field; });
    if (same != added.end()) {
      same->first = std::min(same->first, command);
      continue;
    }
    added.emplace_back(command, field);
    header->size += field.size();
  }
}

void Responder::OnAborted() {
  current_.reset();
  exchange_.reset();
}

void Responder::TlsStarted(TlsInfo info) {
  if (options_.observer != nullptr) options_.observer->OnTls(info);
  session_.TlsStarted(std::move(info));
  info_ = Changed([this](SessionInfo& facts) {
    facts.tls = session_.tls();
    // RFC 3207 4.2: without TLS, an attacker may have sent this.
    facts.hello_name.clear();
    facts.hello_verb = Hello::Verb::kHelo;
    facts.identity.clear();
    facts.mechanism.clear();
  });
}

void Responder::Answer(PostedAnswer&& answer) {
  if (auto* verdict = std::get_if<Verdict>(&answer.what)) {
    if (answer.transaction == nullptr) {
      return AnswerVerdict(answer.id, std::move(*verdict));
    }
    const Ask* const ask = session_.open_ask(answer.id);
    const bool at_end =
        ask != nullptr && std::holds_alternative<BodyEnd>(ask->what);
    if (ask != nullptr && std::holds_alternative<BodyBegin>(ask->what) &&
        verdict->accepted() && !WriteTrace(answer.id, *verdict)) {
      return;
    }
    const bool content_refused = ask != nullptr &&
                                 std::holds_alternative<BodyBegin>(ask->what) &&
                                 !verdict->accepted();
    const bool given = Give(answer.id, std::move(*verdict));
    if (given && (at_end || content_refused)) answer.transaction->OnReplied();
  } else if (auto* verdicts = std::get_if<std::vector<Verdict>>(&answer.what)) {
    const bool given = AnswerEach(answer.id, std::move(*verdicts));
    if (given) answer.transaction->OnReplied();
  } else if (auto* change = std::get_if<FactsChange>(&answer.what)) {
    const Ask* const ask = session_.open_ask(answer.id);
    if (ask == nullptr) return;
    info_ = Changed([change](SessionInfo& info) { std::move (*change)(info); });
    AskPolicy(*ask);
  } else if (auto* challenge = std::get_if<AuthChallenge>(&answer.what)) {
    AnswerAuth(answer.id, std::move(*challenge));
  } else if (auto* granted = std::get_if<AuthGranted>(&answer.what)) {
    AnswerAuth(answer.id, std::move(*granted));
  }
}

void Responder::AnswerVerdict(RequestId id, Verdict verdict) {
  const Ask* const ask = session_.open_ask(id);
  if (ask == nullptr) return;
  std::shared_ptr<MailTransaction> refused;  // the content
  // An answer that does not fit is Give()'s to refuse.
  if (verdict.accepted()) {
    if (const auto* rcpt = std::get_if<Rcpt>(&ask->what);
        rcpt != nullptr && CheckAnswer(*ask, verdict).ok()) {
      if (!verdict.header().empty() && current_->header != nullptr &&
          current_->header->size >= kMaxAddedHeader) {
        (void)Give(id, Verdict::Refuse({452,
                                        {4, 5, 3},
                                        "too many header fields for one "
                                        "message (#4.5.3)"}));
        return;
      }
      std::optional<Verdict> both =
          AskTransaction(id, *rcpt, std::move(verdict));
      if (!both) return;
      verdict = *std::move(both);
    } else if (std::holds_alternative<BodyBegin>(ask->what) &&
               current_->post == nullptr && CheckAnswer(*ask, verdict).ok()) {
      std::optional<Verdict> both = OpenTransaction(id, std::move(verdict));
      if (!both) return;
      verdict = *std::move(both);
      if (!verdict.accepted()) {
        refused = current_->transaction;
      } else if (!WriteTrace(id, verdict)) {
        return;
      }
    }
  }
  const bool given = Give(id, std::move(verdict));  // never about a BodyEnd
  if (given && refused != nullptr) refused->OnReplied();
}

std::optional<Verdict> Responder::AskTransaction(RequestId id, const Rcpt& rcpt,
                                                 Verdict granted) {
  // Returns what the client gets: the refusal, or the acceptance with its
  // reason.
  const auto join = [](Verdict first, Verdict second) {
    if (!second.accepted()) {
      return first.path() ? std::move(second).About(*first.path()) : second;
    }
    return first.reply() ? first : std::move(first).With(second.reply());
  };
  std::optional<Rcpt> renamed;
  if (granted.path()) {
    renamed.emplace(rcpt).to = *granted.path();
  }
  std::optional<Verdict> verdict = current_->transaction->AddRecipient(
      renamed ? *renamed : rcpt, [&]() -> Policy::Done {
        return [join, post = options_.post, id, granted,
                transaction = current_->transaction](Verdict answer) mutable {
          post({id, join(std::move(granted), std::move(answer)),
                std::move(transaction)});
        };
      });
  if (!verdict) return std::nullopt;
  return join(std::move(granted), *std::move(verdict));
}

bool Responder::Give(RequestId id, Verdict verdict) {
  const Ask* const ask = session_.open_ask(id);
  if (ask == nullptr) return false;
  const bool accepted = verdict.accepted();
  const bool mail = std::holds_alternative<Mail>(ask->what);
  const auto* const rcpt = std::get_if<Rcpt>(&ask->what);
  const size_t command = rcpt == nullptr ? 0 : rcpt->index + 1;
  const bool content = std::holds_alternative<BodyBegin>(ask->what);
  const bool at_end = std::holds_alternative<BodyEnd>(ask->what);
  const bool auth = std::holds_alternative<AuthBegin>(ask->what) ||
                    std::holds_alternative<AuthResponse>(ask->what);
  // A Verdict ends an exchange, whether it fits or not.
  if (auth) exchange_.reset();
  const absl::Status status = CheckAnswer(*ask, verdict);
  if (!status.ok()) {
    // The answer does not fit. The client gets a local error.
    if (content) current_.reset();
    ReplyLocalError(id, status);
    return false;
  }
  SharedSessionInfo greeted;
  if (const auto* hello = std::get_if<Hello>(&ask->what); hello && accepted) {
    greeted = Changed([hello](SessionInfo& info) {
      info.hello_name = hello->client_name;
      info.hello_verb = hello->verb;
    });
  }
  if (options_.decided && !at_end && !auth) {
    options_.decided(*ask, verdict, *info_);
  }
  const std::string header = verdict.header();
  if (options_.observer != nullptr) {
    options_.observer->OnAnswer(id, {&verdict, 1});
  }
  (void)session_.Complete(id, std::move(verdict));  // open, and the answer fits
  if (greeted != nullptr) info_ = std::move(greeted);
  // No content follows, and no kAborted: the next message must not get this
  // transaction.
  if (content && !accepted) current_.reset();
  if (mail && accepted) {
    current_ = std::make_unique<Current>(
        Current{options_.delivery->Begin(session_.envelope(), info_)});
  }
  if (accepted && current_ != nullptr && (mail || command > 0)) {
    current_->AddHeader(header, command);
  }
  return true;
}

bool Responder::AnswerEach(RequestId id, std::vector<Verdict> verdicts) {
  // Complete() takes a single verdict, and only an observer needs it after
  // that.
  std::vector<Verdict> observed;
  if (options_.observer != nullptr) observed = verdicts;
  const absl::Status status =
      verdicts.size() == 1 ? session_.Complete(id, std::move(verdicts[0]))
                           : session_.Complete(id, verdicts);
  if (!status.ok()) {
    ReplyLocalError(id, status);
  } else if (options_.observer != nullptr) {
    options_.observer->OnAnswer(id, observed);
  }
  return status.ok();
}

void Responder::AnswerAuth(RequestId id, AuthAnswer answer) {
  const bool granted = std::holds_alternative<AuthGranted>(answer);
  std::optional<AuthAnswer> observed;
  if (options_.observer != nullptr) observed = answer;
  const absl::Status status = session_.CompleteAuth(id, std::move(answer));
  if (absl::IsNotFound(status)) return;
  if (observed && status.ok()) options_.observer->OnAuthAnswer(id, *observed);
  if (!status.ok()) {
    exchange_.reset();
    Refuse(id, CannotAuthenticate());
  } else if (granted) {
    info_ = Changed([this](SessionInfo& info) {
      info.identity = session_.identity();
      info.mechanism = exchange_->mechanism;
    });
    exchange_.reset();
  }
}

// Replaces an answer that did not fit by one that fits any open question.
void Responder::ReplyLocalError(RequestId id, const absl::Status& status) {
  if (absl::IsNotFound(status)) return;
  const Reply local_error = {451, {4, 3, 0}, "local error (#4.3.0)"};
  const int message = session_.envelope().message;  // may end with the answer
  Refuse(id, local_error);
  if (options_.refused) {
    options_.refused({.reply = local_error, .message = message}, *info_);
  }
}

void Responder::Refuse(RequestId id, Reply reply) {
  Verdict verdict = Verdict::Refuse(std::move(reply));
  if (options_.observer != nullptr) {
    options_.observer->OnAnswer(id, {&verdict, 1});
  }
  (void)session_.Complete(id, std::move(verdict));  // open, and it fits
}

std::optional<Verdict> Responder::OpenTransaction(RequestId id,
                                                  Verdict granted) {
  std::optional<Verdict> verdict =
      current_->transaction->Open(session_.envelope(), [&]() -> Policy::Done {
        return [post = options_.post, id, granted,
                transaction = current_->transaction](Verdict answer) mutable {
          post({id, answer.accepted() ? std::move(granted) : std::move(answer),
                std::move(transaction)});
        };
      });
  if (!verdict) return std::nullopt;
  return verdict->accepted() ? std::move(granted) : *std::move(verdict);
}

bool Responder::WriteTrace(RequestId id, const Verdict& granted) {
  const Envelope& envelope = session_.envelope();
  current_->post =
      std::make_shared<const std::function<void(PostedAnswer)>>(options_.post);
  current_->AddHeader(granted.header(), std::string::npos);
  // RFC 7208 9.1: the Received-SPF field is above the Received field.
  std::string trace;
  if (current_->header != nullptr) {
    // Answers may have come in any order.
    auto& fields = current_->header->fields;
    std::stable_sort(
        fields.begin(), fields.end(),
        [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [command, field] : fields) trace += field;
  }
  trace +=
      FormatReceived(*info_, envelope.parameters.smtp_utf8, options_.host_name,
                     options_.stamp(), options_.show_user);
  const absl::string_view slice = trace;
  return current_->transaction->Write({&slice, 1},
                                      [post = options_.post, id, granted]() {
                                        post({id, granted});
                                      });
}

void Responder::Commit(RequestId id) {
  // The answer keeps the transaction alive: the session may be over before it
  // comes.
  std::shared_ptr<MailTransaction> keep =
      std::move(std::exchange(current_, nullptr)->transaction);
  MailTransaction& transaction = *keep;
  if (!session_.lmtp()) {
    return transaction.Commit(
        [post = options_.post, id,
         keep = std::move(keep)](Verdict verdict) mutable {
          post({id, std::move(verdict), std::move(keep)});
        });
  }
  transaction.CommitEach([post = options_.post, id, keep = std::move(keep)](
                             std::vector<Verdict> verdicts) mutable {
    post({id, std::move(verdicts), std::move(keep)});
  });
}

}  // namespace postern
