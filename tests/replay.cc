// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/replay.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <ostream>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "engine/grammar/reply.h"
#include "engine/server_session.h"
#include "gtest/gtest.h"
#include "tests/c_session.h"

namespace postern {
namespace {

// A question and its answer, if it gets one.
struct OpenAsk {
  Ask ask;
  std::optional<AnyAnswer> answer;
  bool answered = false;
};

// Returns true if `answer` closes the session.
bool Drops(const AnyAnswer& answer) {
  const auto drops = [](const Verdict& verdict) {
    return verdict.kind() == Verdict::Kind::kDrop;
  };
  if (const auto* verdict = std::get_if<Verdict>(&answer)) {
    return drops(*verdict);
  }
  const auto* verdicts = std::get_if<std::vector<Verdict>>(&answer);
  return verdicts != nullptr &&
         std::any_of(verdicts->begin(), verdicts->end(), drops);
}

// Returns true if `answer` accepts something.
bool Accepts(const AnyAnswer& answer) {
  if (const auto* verdict = std::get_if<Verdict>(&answer)) {
    return verdict->accepted();
  }
  const auto* verdicts = std::get_if<std::vector<Verdict>>(&answer);
  return verdicts == nullptr ||
         std::any_of(verdicts->begin(), verdicts->end(),
                     [](const Verdict& v) { return v.accepted(); });
}

// The model's view of a transaction.
struct Transaction {
  Path from;
  std::vector<Path> to;
  size_t rcpts = 0;   // asked
  bool body = false;  // BodyBegin was accepted
  BareNewlines bare_newlines = BareNewlines::kReject;
  std::string content;
};

// One run of a session, with a model of its transaction. The model follows from
// the questions and their answers, in the order of commands. `Session` is
// ServerSession or CSession.
template <typename Session>
class Run {
 public:
  Run(const ServerConfig& config, const Flights& flights, WireEnd end,
      const Manner& manner, const Answerer& answerer,
      const recording::Start& start)
      : config_(config),
        start_(start),
        flights_(flights),
        end_(end),
        manner_(manner),
        answerer_(answerer),
        session_(config_) {}

  Outcome Go() {
    if (start_.tls) session_.TlsStarted(*start_.tls);
    if (start_.talked_early) session_.TalkedEarly();
    // Progress: a step consumes input, asks, ends something or blocks, and each
    // read or write that unblocks it moves at least one byte.
    size_t steps = 64;
    for (const std::string& flight : flights_) steps += 16 * flight.size() + 16;
    while (!testing::Test::HasFatalFailure()) {
      Advance();
      if (outcome_.closed || waits_) break;
      if (steps-- == 0) {
        ADD_FAILURE() << "too many steps";
        break;
      }
    }
    Drain(session_.Output().size());
    if (outcome_.closed) CheckClosed();
    EXPECT_LE(outcome_.refusals.size(),
              static_cast<size_t>(config_.max_reported) + 1);
    EXPECT_LE(outcome_.refusals.size(), session_.refused());
    outcome_.asks.resize(std::min(outcome_.asks.size(), last_ask_));
    return std::move(outcome_);
  }

 private:
  // Makes one step. The input is in a heap block of exactly its size that is
  // freed afterwards, so that AddressSanitizer finds a read past its end and a
  // view that is used too late.
  void Advance() {
    const std::vector<char> block(in_.begin(), in_.end());
    const absl::string_view view(block.data(), block.size());
    EXPECT_EQ(session_.identity(), identity_) << "the wrong identity";
    if (manner_.rests) session_.ReleaseIdleMemory();
    const Step step = session_.Advance(view);
    for (const Refusal& refusal : session_.TakeRefusals()) {
      outcome_.refusals.push_back(PrintRefusal(refusal));
    }
    ASSERT_LE(step.consumed, view.size());
    CheckLimits(view.substr(0, step.consumed));
    if (std::exchange(abort_due_, false)) {
      EXPECT_EQ(step.kind, Step::Kind::kAborted)
          << "EHLO did not end the transaction";
    }
    switch (step.kind) {
      case Step::Kind::kNeedInput:
        // Consumption: a buffer of InputRoom() octets is never full.
        EXPECT_LT(view.size() - step.consumed, config_.InputRoom());
        if (transaction_) CheckEnvelope();
        in_.erase(0, step.consumed);
        Drain(manner_.slow_reader ? 1 : session_.Output().size());
        return Feed();
      case Step::Kind::kNeedFlush:
        ASSERT_GE(session_.Output().size(), config_.max_output);
        Drain(manner_.slow_reader ? 1 : session_.Output().size());
        break;
      case Step::Kind::kWaiting:
        ASSERT_FALSE(open_.empty()) << "waits without a question";
        in_.erase(0, step.consumed);
        Drain(manner_.slow_reader ? 1 : session_.Output().size());
        return Wait();
      case Step::Kind::kAsk:
        ASSERT_NE(step.ask, nullptr);
        OnAsk(*step.ask);
        break;
      case Step::Kind::kBody:
        OnBody(step);
        break;
      case Step::Kind::kAborted:
        EXPECT_TRUE(transaction_ || exchange_) << "nothing to abort";
        transaction_.reset();
        exchange_ = false;
        break;
      case Step::Kind::kStartTls:
        in_.erase(0, step.consumed);
        Drain(session_.Output().size());
        return StartTls();
      case Step::Kind::kClosed:
        outcome_.closed = step.reason;
        break;
    }
    in_.erase(0, step.consumed);
    if (manner_.slow_reader && !session_.Output().empty()) Drain(1);
  }

  // Checks the limits on memory and time. `taken` was consumed.
  void CheckLimits(absl::string_view taken) {
    // A command may get some reply lines, and one for each recipient.
    EXPECT_LE(
        session_.Output().size(),
        config_.max_output + (16 + config_.max_recipients) * kMaxReplyLine);
    EXPECT_GT(session_.ReadTimeout(), absl::ZeroDuration());
    EXPECT_LE(session_.ReadTimeout(),
              std::max(config_.command_timeout, config_.data_timeout));
    EXPECT_GT(session_.IdleTimeout(), absl::ZeroDuration());
    EXPECT_TRUE(session_.IdleTimeout() == absl::InfiniteDuration() ||
                session_.IdleTimeout() <= session_.ReadTimeout());
    // A line may be a command and the end of content, or begin a chunk.
    taken_ += taken.size();
    events_ +=
        2 * static_cast<uint64_t>(std::count(taken.begin(), taken.end(), '\n'));
    EXPECT_LE(session_.progress(), events_ + taken_ / config_.data_block)
        << "octets without progress extend the time";
  }

  absl::string_view flight() const { return flights_[flight_]; }

  void Feed() {
    if (fed_ < flight().size()) {
      const size_t cut = manner_.cuts[reads_++ % manner_.cuts.size()];
      const size_t n = std::min(cut, flight().size() - fed_);
      in_.append(flight().data() + fed_, n);
      fed_ += n;
      return;
    }
    End();
  }

  // Plaintext that the client sends after STARTTLS arrives before the
  // handshake. Without it, TLS starts.
  void StartTls() {
    EXPECT_FALSE(transaction_ || exchange_) << "kept across STARTTLS";
    if (!in_.empty()) return;
    if (fed_ < flight().size()) return Feed();
    if (flight_ + 1 == flights_.size()) return End();
    ++flight_;
    fed_ = 0;
    session_.TlsStarted(flight_ <= start_.starttls.size()
                            ? start_.starttls[flight_ - 1]
                            : recording::DefaultTls());
    ++events_;
    greeted_ = false;
    identity_.clear();
    EXPECT_TRUE(session_.identity().empty()) << "kept across STARTTLS";
    EXPECT_TRUE(session_.Output().empty()) << "output before the handshake";
  }

  void End() {
    if (ended_ && end_ == WireEnd::kShutdown) {
      waits_ = true;
      return;
    }
    EXPECT_FALSE(ended_) << "needs input after the end";
    ended_ = true;
    if (end_ == WireEnd::kOpen || end_ == WireEnd::kBroken) waits_ = true;
    if (end_ == WireEnd::kShutdown) session_.Shutdown();
    if (end_ == WireEnd::kEof) session_.EndOfInput();
    if (end_ == WireEnd::kTimedOut) session_.TimedOut();
  }

  void OnAsk(const Ask& ask) {
    EXPECT_LT(open_.size(), manner_.max_open_asks);
    ASSERT_TRUE(ids_.empty() || ask.id > ids_.back()) << "an id was used twice";
    ids_.push_back(ask.id);
    CheckAsk(ask);
    outcome_.asks.push_back(PrintAsk(ask, session_.envelope()));
    open_.push_back({ask, answerer_(ask, session_.envelope())});
    const std::optional<AnyAnswer>& answer = open_.back().answer;
    // With max_open_asks above 1, questions after one that ends the session may
    // have been asked. They are left out of the outcome.
    if (!answer || Drops(*answer)) {
      last_ask_ = std::min(last_ask_, outcome_.asks.size());
    }
    CheckMisuse(ask.id);
    if (!manner_.late && answer) Answer(&open_.back());
  }

  // The model's view of a new question.
  void CheckAsk(const Ask& ask) {
    if (std::holds_alternative<AuthBegin>(ask.what)) {
      EXPECT_FALSE(transaction_ || exchange_)
          << "AUTH in a transaction or exchange";
      EXPECT_TRUE(session_.identity().empty()) << "AUTH twice";
      exchange_ = true;
    } else if (std::holds_alternative<AuthResponse>(ask.what)) {
      EXPECT_TRUE(exchange_) << "a response without an exchange";
    } else if (const auto* connected = std::get_if<Connected>(&ask.what)) {
      EXPECT_FALSE(transaction_ || exchange_) << "kept across XCLIENT";
      greeted_ = false;
      identity_.clear();
      if (connected->client && connected->client->login) {
        identity_ = connected->client->login->value;
      }
    } else if (std::holds_alternative<Mail>(ask.what)) {
      EXPECT_FALSE(transaction_.has_value()) << "MAIL in a transaction";
      EXPECT_TRUE(greeted_ || !config_.require_hello) << "MAIL before EHLO";
    } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
      ASSERT_TRUE(transaction_.has_value()) << "RCPT without MAIL";
      EXPECT_LT(transaction_->to.size(), config_.max_recipients);
      EXPECT_EQ(rcpt->from, transaction_->from);
      EXPECT_EQ(rcpt->index, transaction_->rcpts++);
    } else if (std::holds_alternative<BodyBegin>(ask.what)) {
      ASSERT_TRUE(transaction_.has_value()) << "content without MAIL";
      EXPECT_FALSE(transaction_->to.empty()) << "content without RCPT";
      CheckEnvelope();
    } else if (const auto* end = std::get_if<BodyEnd>(&ask.what)) {
      ASSERT_TRUE(transaction_ && transaction_->body);
      EXPECT_EQ(end->size, transaction_->content.size());
      CheckEnvelope();
    }
  }

  void CheckEnvelope() {
    EXPECT_EQ(session_.envelope().from, transaction_->from);
    std::vector<Path> to;
    for (const Recipient& recipient : session_.envelope().to) {
      to.push_back(recipient.path);
    }
    EXPECT_EQ(to, transaction_->to);
  }

  // Invalid answers are refused and change nothing.
  void CheckMisuse(RequestId id) {
    const std::string before(session_.Output());
    const RequestId wrong{static_cast<uint64_t>(id) + 1};
    EXPECT_TRUE(absl::IsNotFound(session_.Complete(wrong, Verdict::Accept())));
    EXPECT_TRUE(absl::IsInvalidArgument(
        session_.Complete(id, Verdict::Refuse({250, {}, "no"}))));
    EXPECT_TRUE(absl::IsInvalidArgument(
        session_.Complete(id, Verdict::Refuse({421, {}, "no"}))));
    EXPECT_TRUE(
        absl::IsNotFound(session_.CompleteAuth(wrong, AuthGranted{"someone"})));
    const std::string long_challenge(9217, 'x');
    EXPECT_FALSE(session_.CompleteAuth(id, AuthChallenge{long_challenge}).ok());
    EXPECT_FALSE(session_.CompleteAuth(id, AuthGranted{""}).ok());
    const std::vector<Verdict> many(1 + session_.envelope().to.size(),
                                    Verdict::Accept());
    EXPECT_FALSE(session_.Complete(id, many).ok());
    EXPECT_EQ(session_.Output(), before);
  }

  // Answers the oldest question, or, if reversed, all, the last one first.
  void Wait() {
    bool any = false;
    for (size_t i = 0; i < open_.size(); ++i) {
      OpenAsk& open = open_[manner_.reversed ? open_.size() - 1 - i : i];
      if (open.answered || !open.answer) continue;
      any = true;
      // The last answer of a reversed round is that of the first question; it
      // removes all questions from open_.
      const bool last = !manner_.reversed || i + 1 == open_.size();
      Answer(&open);
      if (last) return;
    }
    if (any) return;
    ASSERT_TRUE(end_ == WireEnd::kTimedOut || end_ == WireEnd::kBroken)
        << "an answer that never comes";
    if (!ended_) End();
  }

  void Answer(OpenAsk* open) {
    const RequestId id = open->ask.id;
    open->answered = true;
    ASSERT_TRUE(Complete(id, *open->answer).ok());
    ++events_;
    EXPECT_TRUE(absl::IsNotFound(session_.Complete(id, Verdict::Accept())));
    while (!open_.empty() && open_.front().answered) {
      const OpenAsk first = std::move(open_.front());
      open_.pop_front();
      Apply(first.ask, *first.answer);
      if (Drops(*first.answer)) open_.clear();
    }
  }

  absl::Status Complete(RequestId id, const AnyAnswer& answer) {
    if (const auto* verdict = std::get_if<Verdict>(&answer)) {
      return session_.Complete(id, *verdict);
    }
    if (const auto* each = std::get_if<std::vector<Verdict>>(&answer)) {
      return session_.Complete(id, *each);
    }
    if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
      return session_.CompleteAuth(id, *challenge);
    }
    return session_.CompleteAuth(id, std::get<AuthGranted>(answer));
  }

  // Applies an answer to the model.
  void Apply(const Ask& ask, const AnyAnswer& answer) {
    const bool accepted = Accepts(answer);
    const auto path = [&answer](const Path& asked) {
      return std::get<Verdict>(answer).path().value_or(asked);
    };
    if (std::holds_alternative<AuthBegin>(ask.what) ||
        std::holds_alternative<AuthResponse>(ask.what)) {
      exchange_ = std::holds_alternative<AuthChallenge>(answer);
      const auto* granted = std::get_if<AuthGranted>(&answer);
      if (granted != nullptr) identity_ = granted->identity;
    } else if (std::holds_alternative<Hello>(ask.what)) {
      abort_due_ = accepted && transaction_.has_value();
      greeted_ = greeted_ || accepted;
    } else if (const auto* mail = std::get_if<Mail>(&ask.what)) {
      if (!accepted) return;
      transaction_.emplace();
      transaction_->from = path(mail->from);
    } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
      if (!accepted) return;
      transaction_->to.push_back(path(rcpt->to));
    } else if (std::holds_alternative<BodyBegin>(ask.what)) {
      if (accepted) {
        transaction_->body = true;
        transaction_->bare_newlines =
            std::get<Verdict>(answer).bare_newlines().value_or(
                config_.bare_newlines);
      } else {
        transaction_.reset();
      }
    } else if (std::holds_alternative<BodyEnd>(ask.what)) {
      if (accepted) {
        const auto* each = std::get_if<std::vector<Verdict>>(&answer);
        Envelope envelope{transaction_->from, {}, {}};
        for (size_t i = 0; i < transaction_->to.size(); ++i) {
          if (each != nullptr && !(*each)[i].accepted()) continue;
          envelope.to.push_back({transaction_->to[i], {}});
        }
        outcome_.messages.push_back({PrintEnvelope(envelope),
                                     transaction_->content,
                                     transaction_->bare_newlines});
      }
      transaction_.reset();
    }
  }

  void OnBody(const Step& step) {
    ASSERT_TRUE(transaction_ && transaction_->body)
        << "content without a transaction";
    EXPECT_FALSE(step.body.empty());
    for (absl::string_view slice : step.body) {
      EXPECT_FALSE(slice.empty());
      // Slices of the input, or text that the scanner puts in their place.
      transaction_->content.append(slice.data(), slice.size());
    }
  }

  void Drain(size_t n) {
    while (n > 0 && !session_.Output().empty()) {
      const size_t some =
          manner_.slow_reader ? 1 : std::min(n, session_.Output().size());
      const absl::string_view out = session_.Output().substr(0, some);
      outcome_.replies.append(out.data(), out.size());
      session_.OutputWritten(some);
      n -= some;
    }
  }

  void CheckClosed() {
    EXPECT_FALSE(transaction_ || exchange_) << "closed without kAborted";
    EXPECT_TRUE(session_.Output().empty());
    // The session stays closed, and every answer is too late.
    for (RequestId id : ids_) {
      EXPECT_TRUE(absl::IsNotFound(session_.Complete(id, Verdict::Accept())));
    }
    session_.TimedOut();
    session_.EndOfInput();
    session_.Shutdown();
    const Step step = session_.Advance("NOOP\r\n");
    EXPECT_EQ(step.kind, Step::Kind::kClosed);
    EXPECT_EQ(step.reason, outcome_.closed);
    EXPECT_EQ(step.consumed, 0u);
    EXPECT_TRUE(session_.Output().empty());
  }

  const ServerConfig config_;
  const recording::Start& start_;
  const Flights& flights_;
  const WireEnd end_;
  const Manner& manner_;
  const Answerer& answerer_;

  Session session_;
  std::string in_;  // read but not consumed
  size_t flight_ = 0;
  size_t fed_ = 0;  // of this flight
  size_t reads_ = 0;
  bool ended_ = false;
  bool waits_ = false;  // for input that never arrives
  std::deque<OpenAsk> open_;
  std::vector<RequestId> ids_;
  size_t last_ask_ = std::string::npos;
  std::optional<Transaction> transaction_;
  bool exchange_ = false;  // an AUTH exchange is in progress
  bool greeted_ = false;   // EHLO was accepted
  std::string identity_;
  uint64_t taken_ = 0;      // octets
  uint64_t events_ = 0;     // an upper bound of those the session counts
  bool abort_due_ = false;  // an accepted EHLO ends a transaction
  Outcome outcome_;
};

}  // namespace

std::string Manner::Describe() const {
  return absl::StrCat("cut by ", absl::StrJoin(cuts, ","), late ? ", late" : "",
                      reversed ? ", reversed" : "", ", window ", max_open_asks,
                      slow_reader ? ", slow reader" : "",
                      rests ? ", rests" : "",
                      c_interface ? ", C interface" : "");
}

Outcome Replay(ServerConfig config, const Flights& flights, WireEnd end,
               const Manner& manner, const Answerer& answerer,
               const recording::Start& start) {
  config.max_open_asks = manner.max_open_asks;
  EXPECT_TRUE(config.Validate().ok()) << config.Validate();
  if (manner.c_interface) {
    return Run<CSession>(config, flights, end, manner, answerer, start).Go();
  }
  return Run<ServerSession>(config, flights, end, manner, answerer, start).Go();
}

std::string PrintRefusal(const Refusal& refusal) {
  EXPECT_GE(refusal.reply.code, 400);
  EXPECT_LE(refusal.command.size(), Refusal::kMaxCommand);
  return absl::StrCat(
      refusal.verb, " ", refusal.reply.code, " ", refusal.reply.text, ": ",
      absl::CEscape(refusal.command),
      refusal.message == 0 ? "" : absl::StrCat(" #", refusal.message),
      refusal.content ? " content" : "");
}

void PrintTo(const Message& message, std::ostream* out) {
  *out << message.envelope << ": " << testing::PrintToString(message.content);
}

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "\n"
       << outcome.replies << testing::PrintToString(outcome.asks) << "\n"
       << testing::PrintToString(outcome.messages) << "\n"
       << testing::PrintToString(outcome.refusals) << "\n"
       << (outcome.closed ? CloseReasonName(*outcome.closed) : "open");
}

}  // namespace postern
