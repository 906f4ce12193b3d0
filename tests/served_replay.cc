// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/served_replay.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/authenticator.h"
#include "engine/delivery.h"
#include "engine/instant.h"
#include "engine/policy.h"
#include "engine/responder.h"
#include "engine/served_session.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

using Next = ServedSession::Next;
using Task = absl::AnyInvocable<void() &&>;

// Answers with an Answerer, at once or later, and records the questions.
class Ports : public Policy, public Delivery, public Authenticator {
 public:
  Ports(const ServerConfig& config, const Answerer& answerer,
        const Chooser& choose, Outcome* outcome)
      : config_(config),
        answerer_(answerer),
        choose_(choose),
        outcome_(*outcome) {}

  std::optional<Verdict> Decide(const Ask& ask, const SharedSessionInfo&,
                                Policy::Later later) override {
    if (const auto* mail = std::get_if<Mail>(&ask.what)) {
      envelope_ = {};
      envelope_.from = mail->from;
    }
    const std::optional<AnyAnswer> answer = Answer(ask);
    if (!answer) {
      lost_.push_back(later());
      return std::nullopt;
    }
    const Verdict verdict = std::get<Verdict>(*answer);
    Learn(ask, verdict);
    if (choose_(3) != 1) return verdict;
    Later([verdict, done = later()]() mutable { std::move(done)(verdict); });
    return std::nullopt;
  }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Transaction>(this);
  }
  void OnContentRefused(const Refusal& refusal, const SessionInfo&) override {
    Refused(refusal);
  }
  void Refused(const Refusal& refusal) {
    outcome_.refusals.push_back(PrintRefusal(refusal));
  }
  std::unique_ptr<AuthExchange> Begin(absl::string_view mechanism,
                                      const SharedSessionInfo&) override {
    return std::make_unique<Exchange>(this, std::string(mechanism));
  }

  // Answers that are late. Each may run at any time, or never.
  std::deque<Task> tasks;
  bool saw_content = false;

 private:
  class Transaction : public MailTransaction {
   public:
    explicit Transaction(Ports* ports) : ports_(*ports) {}
    std::optional<Verdict> Open(const Envelope& envelope,
                                Policy::Later later) override {
      EXPECT_EQ(PrintEnvelope(envelope), PrintEnvelope(ports_.envelope_));
      bare_newlines_ = ports_.bare_newlines_;
      ports_.saw_content = true;
      if (ports_.choose_(3) != 1) return Verdict::Accept();
      ports_.tasks.push_back(
          [done = later()]() mutable { std::move(done)(Verdict::Accept()); });
      return std::nullopt;
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&> ready) override {
      if (std::exchange(received_, false)) return true;  // the Received field
      for (const absl::string_view slice : slices) {
        content_.append(slice.data(), slice.size());
      }
      if (ports_.choose_(3) != 1) return true;
      ports_.tasks.push_back(std::move(ready));
      return false;
    }
    void Commit(Policy::Done done) override {
      Finish([done = std::move(done)](AnyAnswer answer) mutable {
        std::move(done)(std::get<Verdict>(std::move(answer)));
      });
    }
    void CommitEach(EachDone done) override {
      Finish([done = std::move(done)](AnyAnswer answer) mutable {
        if (auto* one = std::get_if<Verdict>(&answer)) {
          std::vector<Verdict> all;
          all.push_back(std::move(*one));
          return std::move(done)(std::move(all));
        }
        std::move(done)(std::get<std::vector<Verdict>>(std::move(answer)));
      });
    }

   private:
    void Finish(absl::AnyInvocable<void(AnyAnswer) &&> done) {
      Ask ask;
      ask.what = BodyEnd{content_.size()};
      std::optional<AnyAnswer> answer = ports_.Answer(ask);
      if (!answer) {
        return ports_.lost_commits_.push_back(std::move(done));
      }
      Envelope to = ports_.envelope_;
      if (const auto* each = std::get_if<std::vector<Verdict>>(&*answer)) {
        for (size_t i = each->size(); i-- > 0;) {
          if (!(*each)[i].accepted()) to.to.erase(to.to.begin() + i);
        }
      } else if (!std::get<Verdict>(*answer).accepted()) {
        to.to.clear();
      }
      Message message{PrintEnvelope(to), content_, bare_newlines_};
      ports_.Later([&ports = ports_, any = !to.to.empty(),
                    message = std::move(message), answer = *std::move(answer),
                    done = std::move(done)]() mutable {
        if (any) ports.outcome_.messages.push_back(std::move(message));
        std::move(done)(std::move(answer));
      });
    }

    Ports& ports_;
    BareNewlines bare_newlines_ = BareNewlines::kReject;
    bool received_ = true;
    std::string content_;
  };

  class Exchange : public AuthExchange {
   public:
    Exchange(Ports* ports, std::string mechanism)
        : ports_(*ports), mechanism_(std::move(mechanism)) {}
    void Start(std::optional<std::string> response, Done done) override {
      Ask ask;
      ask.what = AuthBegin{mechanism_, std::move(response)};
      Move(ask, std::move(done));
    }
    void Respond(std::string response, Done done) override {
      Ask ask;
      ask.what = AuthResponse{std::move(response)};
      Move(ask, std::move(done));
    }

   private:
    void Move(const Ask& ask, Done done) {
      std::optional<AnyAnswer> answer = ports_.Answer(ask);
      if (!answer) return ports_.lost_moves_.push_back(std::move(done));
      ports_.Later(
          [answer = *std::move(answer), done = std::move(done)]() mutable {
            if (auto* verdict = std::get_if<Verdict>(&answer)) {
              std::move(done)(std::move(*verdict));
            } else if (auto* challenge = std::get_if<AuthChallenge>(&answer)) {
              std::move(done)(std::move(*challenge));
            } else {
              std::move(done)(std::get<AuthGranted>(std::move(answer)));
            }
          });
    }

    Ports& ports_;
    const std::string mechanism_;
  };

  std::optional<AnyAnswer> Answer(const Ask& ask) {
    outcome_.asks.push_back(PrintAsk(ask, envelope_));
    return answerer_(ask, envelope_);
  }
  void Learn(const Ask& ask, const Verdict& verdict) {
    if (!verdict.accepted()) return;
    if (std::holds_alternative<Mail>(ask.what)) {
      envelope_.from = verdict.path().value_or(envelope_.from);
    } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
      envelope_.to.push_back({verdict.path().value_or(rcpt->to), {}});
    } else if (std::holds_alternative<BodyBegin>(ask.what)) {
      bare_newlines_ = verdict.bare_newlines().value_or(config_.bare_newlines);
    }
  }
  void Later(Task task) {
    if (choose_(3) == 1) return tasks.push_back(std::move(task));
    std::move(task)();
  }

  const ServerConfig& config_;
  const Answerer& answerer_;
  const Chooser& choose_;
  Outcome& outcome_;
  Envelope envelope_;
  BareNewlines bare_newlines_ = BareNewlines::kReject;
  std::vector<Done> lost_;
  std::vector<absl::AnyInvocable<void(AnyAnswer) &&>> lost_commits_;
  std::vector<AuthExchange::Done> lost_moves_;
};

class ServedRun {
 public:
  ServedRun(const ServerConfig& config, const SessionTimes& times,
            const Flights& flights, WireEnd end, const Answerer& answerer,
            const Chooser& choose, SessionObserver* observer)
      : config_(config),
        observer_(observer),
        times_(times),
        flights_(flights),
        end_(end),
        choose_(choose),
        ports_(config_, answerer, choose, &served_.outcome),
        session_(&times, now_) {
    looks_for_secret_ = MayLookForSecret();
  }
  // Late answers use the interfaces and the session, so they go first.
  ~ServedRun() { ports_.tasks.clear(); }

  ServedOutcome Go() {
    ResponderOptions options;
    options.policy = &ports_;
    options.delivery = &ports_;
    options.authenticator = &ports_;
    options.stamp = [] { return TraceStamp{absl::UnixEpoch(), "id"}; };
    options.refused = [this](const Refusal& refusal, const SessionInfo&) {
      ports_.Refused(refusal);
    };
    options.observer = observer_;
    session_.Begin(config_, std::move(options), {});
    size_t steps = 4096;
    for (const std::string& flight : flights_) steps += 64 * flight.size();
    while (Act() && !testing::Test::HasFailure()) {
      if (--steps == 0) {
        ADD_FAILURE() << "too many steps";
        break;
      }
    }
    CheckEnd();
    return std::move(served_);
  }

 private:
  absl::string_view flight() const {
    return absl::string_view(flights_[flight_]).substr(fed_);
  }

  // Makes one thing happen. Returns false at the end.
  bool Act() {
    const Next next = session_.Advance(now_);
    CheckMemory();
    if (next.kind == Next::Kind::kClose) return false;
    if (next.kind == Next::Kind::kBusy) return true;
    EXPECT_LT(session_.deadline(), Instant::Never())
        << "waits without a deadline";
    switch (choose_(9)) {
      case 1:
        Release();
        break;
      case 2:
        Pass(absl::Milliseconds(choose_(2000)));
        return true;
      case 3:
        if (choose_(7) == 7) Pass(session_.deadline() - now_);
        return true;
      case 4:
        if (RunTask()) return true;
        break;
      default:
        break;
    }
    switch (next.kind) {
      case Next::Kind::kTransfer:
        Transfer(next);
        break;
      case Next::Kind::kHandshake:
        Handshake();
        break;
      case Next::Kind::kFinish:
        session_.OutputEnded();
        break;
      case Next::Kind::kDiscard:
        if (choose_(1) == 1) {
          session_.Discarded(choose_(1 << 20));
        } else {
          session_.EndOfInput();
        }
        break;
      case Next::Kind::kTlsQuestion:
        ADD_FAILURE() << "a TLS question";
        break;
      case Next::Kind::kBusy:
      case Next::Kind::kClose:
        break;
    }
    return true;
  }

  void Transfer(const Next& next) {
    if (!next.output.empty() && (!next.read || choose_(3) != 1)) {
      const size_t n = Piece(next.output.size());
      served_.outcome.replies.append(next.output.data(), n);
      return session_.Written(n);
    }
    if (!next.read) {
      if (!RunTask()) Pass(session_.deadline() - now_);
      return;
    }
    if (flight().empty()) return EndOfFlights();
    const absl::Span<char> room = session_.Room(absl::MakeSpan(shared_));
    EXPECT_LE(room.size(), shared_.size());
    if (!ports_.saw_content) {
      EXPECT_LE(room.size(), ServedSession::kReadAhead);
    }
    const size_t n = std::min(room.size(), Piece(flight().size()));
    std::copy_n(flight().data(), n, room.data());
    fed_ += n;
    bytes_in_ += n;
    session_.Received(n);
  }
  size_t Piece(size_t size) {
    const uint32_t piece = choose_(64);
    return piece == 0 ? size : std::min<size_t>(piece, size);
  }

  void Handshake() {
    if (!flight().empty() || flight_ + 1 == flights_.size()) {
      served_.cut_short = true;
      return session_.TlsFailed();
    }
    ++flight_;
    fed_ = 0;
    session_.TlsStarted({"TLSv1.3", "TLS_X", "CN=client"});
  }

  void EndOfFlights() {
    if (end_ == WireEnd::kEof) {
      session_.EndOfInput();
    } else if (end_ == WireEnd::kShutdown && !shut_down_) {
      shut_down_ = true;
      session_.Shutdown();
    } else {
      Pass(session_.deadline() - now_);
    }
  }

  bool RunTask() {
    if (ports_.tasks.empty()) return false;
    const size_t i = choose_(static_cast<uint32_t>(ports_.tasks.size() - 1));
    std::swap(ports_.tasks[i], ports_.tasks.front());
    Task task = std::move(ports_.tasks.front());
    ports_.tasks.pop_front();
    std::move(task)();
    return true;
  }

  void Pass(absl::Duration duration) {
    now_ = now_ + std::max(duration, absl::ZeroDuration());
    const bool over = session_.stage() == SessionStage::kFinish ||
                      session_.stage() == SessionStage::kDiscard;
    if (now_ < session_.deadline()) return;
    // The end of the greeting delay does not end the session.
    if (!over && session_.stage() != SessionStage::kGreetDelay) {
      served_.cut_short = true;
    }
    session_.OnDeadline(now_);
  }

  // Releases the buffer; another session overwrites it.
  void Release() {
    session_.ReleaseBuffer();
    CheckSecret();
    std::fill(shared_.begin(), shared_.end(), '#');
  }

  void CheckMemory() {
    EXPECT_LE(session_.input_memory(), shared_.size());
    if (!ports_.saw_content) {
      EXPECT_LE(session_.input_memory(), ServedSession::kReadAhead);
    }
  }

  void CheckSecret() {
    if (!looks_for_secret_ || ports_.saw_content) return;
    EXPECT_FALSE(absl::StrContains(
        absl::string_view(shared_.data(), shared_.size()), kServedSecret))
        << "a password stays in the shared buffer";
  }
  // Returns whether each occurrence follows an AUTH, at the end of its line.
  bool MayLookForSecret() const {
    std::string text = "\n";
    for (const std::string& flight : flights_) text += flight;
    if (absl::StrContains(absl::AsciiStrToUpper(text), "BDAT")) return false;
    const std::string auth = absl::StrCat("\nAUTH PLAIN ", kServedSecret, "\r");
    const size_t before = auth.size() - kServedSecret.size() - 1;
    size_t at = 0;
    while ((at = text.find(kServedSecret.front(), at)) != std::string::npos) {
      if (at < before || text.substr(at - before, auth.size()) != auth) {
        return false;
      }
      at += kServedSecret.size();
    }
    return true;
  }

  void CheckEnd() {
    const SessionEnd* const end = session_.end();
    ASSERT_NE(end, nullptr);
    served_.outcome.closed = end->reason;
    EXPECT_EQ(end->bytes_in, bytes_in_);
    EXPECT_EQ(end->bytes_out, served_.outcome.replies.size());
    EXPECT_LE(end->duration, now_ - Instant());
    EXPECT_FALSE(end->clean && !end->flushed);
    const absl::Duration bound =
        std::max(times_.preface_timeout + times_.admission_timeout,
                 times_.session_timeout) +
        3 * times_.linger;
    EXPECT_LE(now_ - Instant(), bound + slack_) << "took too long";
    CheckSecret();
    EXPECT_EQ(session_.input_memory(), 0u);
    // The session stays closed, and answers are too late.
    while (RunTask()) {
    }
    session_.Shutdown();
    session_.Abandon();
    session_.OnDeadline(now_ + absl::Hours(100));
    EXPECT_EQ(session_.Advance(now_).kind, Next::Kind::kClose);
    EXPECT_EQ(session_.end(), end);
  }

  const ServerConfig config_;
  SessionObserver* const observer_;
  const SessionTimes& times_;
  const Flights& flights_;
  const WireEnd end_;
  const Chooser& choose_;
  ServedOutcome served_;
  Ports ports_;
  Instant now_;
  // Deadlines may be noticed late by this much in all.
  const absl::Duration slack_ = absl::Seconds(8);
  // Larger than the input that may be kept outside of content.
  std::vector<char> shared_ =
      std::vector<char>(ServedSession::kReadAhead + 4096, '#');
  size_t flight_ = 0;
  size_t fed_ = 0;
  uint64_t bytes_in_ = 0;
  bool shut_down_ = false;
  bool looks_for_secret_ = false;
  ServedSession session_;
};

template <typename T>
void ExpectBeginning(const std::vector<T>& some, const std::vector<T>& all) {
  ASSERT_LE(some.size(), all.size());
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
}

void ExpectBeginning(absl::string_view some, absl::string_view all) {
  const auto [differs, other] =
      std::mismatch(some.begin(), some.end(), all.begin(), all.end());
  size_t common = static_cast<size_t>(differs - some.begin());
  while (common > 0 && some[common - 1] != '\n') --common;
  if (absl::StartsWith(all.substr(common), some.substr(common))) return;
  const absl::string_view last = some.substr(common);
  const auto is = [last](absl::string_view reply) {
    return absl::StartsWith(last, reply) || absl::StartsWith(reply, last);
  };
  EXPECT_TRUE(is("421 4.4.2 timeout") || is("421 4.3.2 shutting down") ||
              is("554 5.5.2 bare") || is("451 4."))
      << last;
}

}  // namespace

void ExpectBeginning(const Outcome& some, const Outcome& all) {
  ExpectBeginning(some.replies, all.replies);
  ExpectBeginning(some.asks, all.asks);
  ExpectBeginning(some.messages, all.messages);
}

ServedOutcome ServedReplay(ServerConfig config, const SessionTimes& times,
                           const Flights& flights, WireEnd end,
                           const Answerer& answerer, const Chooser& choose,
                           SessionObserver* observer) {
  config.max_open_asks = 1;
  EXPECT_TRUE(config.Validate().ok()) << config.Validate();
  return ServedRun(config, times, flights, end, answerer, choose, observer)
      .Go();
}

}  // namespace postern
