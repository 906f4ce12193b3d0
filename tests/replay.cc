// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/replay.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <ostream>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/reply.h"
#include "engine/server_session.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// A question and, once it has one, its answer.
struct OpenAsk {
  Ask ask;
  std::optional<Verdict> verdict;
  bool answered = false;
};

// The model's view of a transaction.
struct Transaction {
  Path from;
  std::vector<Path> to;
  size_t rcpts = 0;   // asked
  bool body = false;  // BodyBegin was accepted
  std::string content;
};

// One run of a session, with a model of the transaction beside it: what the
// questions and their answers, in command order, must have come to.
class Run {
 public:
  Run(const ServerConfig& config, absl::string_view wire, WireEnd end,
      const Manner& manner, const Answerer& answerer)
      : config_(config),
        wire_(wire),
        end_(end),
        manner_(manner),
        answerer_(answerer),
        session_(config_) {}

  Outcome Go() {
    // Progress law: a step consumes, asks, ends something or blocks, and each
    // of the drains and reads that unblock it moves a byte at least.
    size_t steps = 64 + 16 * wire_.size();
    while (!testing::Test::HasFatalFailure()) {
      Advance();
      if (outcome_.closed || waits_) break;
      if (steps-- == 0) {
        ADD_FAILURE() << "no end of steps";
        break;
      }
    }
    Drain(session_.Output().size());
    if (outcome_.closed) CheckClosed();
    outcome_.asks.resize(std::min(outcome_.asks.size(), last_ask_));
    return std::move(outcome_);
  }

 private:
  // Takes one step, over a heap block of exactly the bytes in hand that dies
  // behind it: a sanitizer sees what reads too far or is kept too long.
  void Advance() {
    const std::vector<char> block(in_.begin(), in_.end());
    const absl::string_view view(block.data(), block.size());
    const Step step = session_.Advance(view);
    ASSERT_LE(step.consumed, view.size());
    if (std::exchange(abort_due_, false)) {
      EXPECT_EQ(step.kind, Step::Kind::kAborted)
          << "a transaction outlived EHLO";
    }
    EXPECT_GT(session_.ReadTimeout(), absl::ZeroDuration());
    switch (step.kind) {
      case Step::Kind::kNeedInput:
        // Consumption law: a buffer of max_line never fills up.
        EXPECT_LT(view.size() - step.consumed, config_.max_line);
        in_.erase(0, step.consumed);
        Drain(manner_.slow_reader ? 1 : session_.Output().size());
        return Feed();
      case Step::Kind::kNeedFlush:
        ASSERT_GE(session_.Output().size(), config_.max_output);
        Drain(manner_.slow_reader ? 1 : session_.Output().size());
        break;
      case Step::Kind::kWaiting:
        ASSERT_FALSE(open_.empty()) << "waits for nothing";
        in_.erase(0, step.consumed);
        Drain(manner_.slow_reader ? 1 : session_.Output().size());
        return Wait();
      case Step::Kind::kAsk:
        ASSERT_NE(step.ask, nullptr);
        OnAsk(*step.ask);
        break;
      case Step::Kind::kBody:
        OnBody(step, view);
        break;
      case Step::Kind::kAborted:
        EXPECT_TRUE(transaction_.has_value()) << "nothing to abort";
        transaction_.reset();
        break;
      case Step::Kind::kClosed:
        outcome_.closed = step.reason;
        break;
    }
    in_.erase(0, step.consumed);
    if (manner_.slow_reader && !session_.Output().empty()) Drain(1);
  }

  void Feed() {
    if (fed_ < wire_.size()) {
      const size_t cut = manner_.cuts[reads_++ % manner_.cuts.size()];
      const size_t n = std::min(cut, wire_.size() - fed_);
      in_.append(wire_.data() + fed_, n);
      fed_ += n;
      return;
    }
    End();
  }

  void End() {
    EXPECT_FALSE(ended_) << "asks for more behind the end";
    ended_ = true;
    if (end_ == WireEnd::kOpen) waits_ = true;
    if (end_ == WireEnd::kEof) session_.EndOfInput();
    if (end_ == WireEnd::kTimedOut) session_.TimedOut();
  }

  void OnAsk(const Ask& ask) {
    EXPECT_LT(open_.size(), manner_.max_open_asks);
    ASSERT_TRUE(ids_.empty() || ask.id > ids_.back()) << "an id used again";
    ids_.push_back(ask.id);
    CheckAsk(ask);
    outcome_.asks.push_back(PrintAsk(ask, session_.envelope()));
    open_.push_back({ask, answerer_(ask, session_.envelope())});
    const std::optional<Verdict>& verdict = open_.back().verdict;
    // With a window, questions behind one that ends the session may have been
    // asked: the only trace that it leaves.
    if (!verdict || verdict->kind() == Verdict::Kind::kDrop) {
      last_ask_ = std::min(last_ask_, outcome_.asks.size());
    }
    CheckMisuse(ask.id);
    if (!manner_.late && verdict) Answer(&open_.back());
  }

  // The model's view of a new question.
  void CheckAsk(const Ask& ask) {
    if (std::holds_alternative<Mail>(ask.what)) {
      EXPECT_FALSE(transaction_.has_value()) << "MAIL within a transaction";
    } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
      ASSERT_TRUE(transaction_.has_value()) << "RCPT without MAIL";
      EXPECT_EQ(rcpt->from, transaction_->from);
      EXPECT_EQ(rcpt->index, transaction_->rcpts++);
    } else if (std::holds_alternative<BodyBegin>(ask.what)) {
      ASSERT_TRUE(transaction_.has_value()) << "DATA without MAIL";
      EXPECT_FALSE(transaction_->to.empty()) << "DATA without RCPT";
      CheckEnvelope();
    } else if (const auto* end = std::get_if<BodyEnd>(&ask.what)) {
      ASSERT_TRUE(transaction_ && transaction_->body);
      EXPECT_EQ(end->size, transaction_->content.size());
      CheckEnvelope();
    }
  }

  void CheckEnvelope() {
    EXPECT_EQ(session_.envelope().from, transaction_->from);
    EXPECT_EQ(session_.envelope().to, transaction_->to);
  }

  // Answers that do not fit are refused and change nothing.
  void CheckMisuse(RequestId id) {
    const std::string before(session_.Output());
    const RequestId wrong{static_cast<uint64_t>(id) + 1};
    EXPECT_TRUE(absl::IsNotFound(session_.Complete(wrong, Verdict::Accept())));
    EXPECT_TRUE(absl::IsInvalidArgument(
        session_.Complete(id, Verdict::Refuse({250, {}, "no"}))));
    EXPECT_TRUE(absl::IsInvalidArgument(
        session_.Complete(id, Verdict::Refuse({421, {}, "no"}))));
    EXPECT_EQ(session_.Output(), before);
  }

  // Answers what is due: the oldest question, or all, the last one first.
  void Wait() {
    bool any = false;
    for (size_t i = 0; i < open_.size(); ++i) {
      OpenAsk& open = open_[manner_.reversed ? open_.size() - 1 - i : i];
      if (open.answered || !open.verdict) continue;
      any = true;
      // The last answer of a reversed round is the first question's, and then
      // everything is taken out of open_.
      const bool last = !manner_.reversed || i + 1 == open_.size();
      Answer(&open);
      if (last) return;
    }
    if (any) return;
    ASSERT_EQ(end_, WireEnd::kTimedOut) << "an answer that never comes";
    if (!ended_) End();
  }

  void Answer(OpenAsk* open) {
    const RequestId id = open->ask.id;
    open->answered = true;
    ASSERT_TRUE(session_.Complete(id, *open->verdict).ok());
    EXPECT_TRUE(absl::IsNotFound(session_.Complete(id, Verdict::Accept())));
    while (!open_.empty() && open_.front().answered) {
      const OpenAsk first = std::move(open_.front());
      open_.pop_front();
      Apply(first.ask, *first.verdict);
      if (first.verdict->kind() == Verdict::Kind::kDrop) open_.clear();
    }
  }

  // What an answer means to the model.
  void Apply(const Ask& ask, const Verdict& verdict) {
    const bool accepted = verdict.accepted();
    if (std::holds_alternative<Hello>(ask.what)) {
      abort_due_ = accepted && transaction_.has_value();
    } else if (const auto* mail = std::get_if<Mail>(&ask.what)) {
      if (!accepted) return;
      transaction_.emplace();
      transaction_->from = verdict.path().value_or(mail->from);
    } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
      if (!accepted) return;
      transaction_->to.push_back(verdict.path().value_or(rcpt->to));
    } else if (std::holds_alternative<BodyBegin>(ask.what)) {
      if (accepted) {
        transaction_->body = true;
      } else {
        transaction_.reset();
      }
    } else if (std::holds_alternative<BodyEnd>(ask.what)) {
      if (accepted) {
        outcome_.messages.push_back(
            {PrintEnvelope({transaction_->from, {}, transaction_->to}),
             transaction_->content});
      }
      transaction_.reset();
    }
  }

  void OnBody(const Step& step, absl::string_view view) {
    ASSERT_TRUE(transaction_ && transaction_->body) << "content for nobody";
    EXPECT_FALSE(step.body.empty());
    for (absl::string_view slice : step.body) {
      EXPECT_FALSE(slice.empty());
      const bool inside = std::greater_equal<>()(slice.data(), view.data()) &&
                          std::less_equal<>()(slice.data() + slice.size(),
                                              view.data() + view.size());
      // Halves of normalized newlines, and copies of what is full of these or
      // of stuffed dots.
      EXPECT_TRUE(inside || slice.size() <= 1024)
          << "a slice of something else";
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
    EXPECT_FALSE(transaction_.has_value()) << "closed without kAborted";
    EXPECT_TRUE(session_.Output().empty());
    // It stays closed, and every answer comes too late.
    for (RequestId id : ids_) {
      EXPECT_TRUE(absl::IsNotFound(session_.Complete(id, Verdict::Accept())));
    }
    session_.TimedOut();
    session_.EndOfInput();
    const Step step = session_.Advance("NOOP\r\n");
    EXPECT_EQ(step.kind, Step::Kind::kClosed);
    EXPECT_EQ(step.reason, outcome_.closed);
    EXPECT_EQ(step.consumed, 0u);
    EXPECT_TRUE(session_.Output().empty());
  }

  const ServerConfig config_;
  const absl::string_view wire_;
  const WireEnd end_;
  const Manner& manner_;
  const Answerer& answerer_;

  ServerSession session_;
  std::string in_;  // read, and not consumed
  size_t fed_ = 0;
  size_t reads_ = 0;
  bool ended_ = false;
  bool waits_ = false;  // for bytes that never come
  std::deque<OpenAsk> open_;
  std::vector<RequestId> ids_;
  size_t last_ask_ = std::string::npos;
  std::optional<Transaction> transaction_;
  bool abort_due_ = false;  // an accepted EHLO ends a transaction
  Outcome outcome_;
};

// Takes a reply off `replies` and returns its code, 0 where there is none.
int TakeReply(absl::string_view* replies) {
  absl::string_view code;
  while (!replies->empty()) {
    const size_t end = replies->find("\r\n");
    if (end == absl::string_view::npos) {
      ADD_FAILURE() << "half a line: " << *replies;
      return 0;
    }
    const absl::string_view line = replies->substr(0, end);
    replies->remove_prefix(end + 2);
    SCOPED_TRACE(std::string(line));
    EXPECT_LE(line.size() + 2, kMaxReplyLine);
    for (char c : line) EXPECT_TRUE(absl::ascii_isprint(c) || c == '\t');
    if (line.size() < 4 || (line[3] != ' ' && line[3] != '-')) {
      ADD_FAILURE() << "not a reply line";
      return 0;
    }
    EXPECT_TRUE(code.empty() || code == line.substr(0, 3));
    code = line.substr(0, 3);
    if (line[3] == ' ') return std::stoi(std::string(code));
  }
  EXPECT_TRUE(code.empty()) << "half a reply";
  return 0;
}

// Takes a line off `wire`, false where there is no whole one.
bool TakeLine(absl::string_view* wire, absl::string_view* line) {
  const size_t end = wire->find("\r\n");
  if (end == absl::string_view::npos) return false;
  *line = wire->substr(0, end);
  wire->remove_prefix(end + 2);
  return true;
}

}  // namespace

std::string Manner::Describe() const {
  return absl::StrCat("cut by ", absl::StrJoin(cuts, ","), late ? ", late" : "",
                      reversed ? ", reversed" : "", ", window ", max_open_asks,
                      slow_reader ? ", slow reader" : "");
}

Outcome Replay(ServerConfig config, absl::string_view wire, WireEnd end,
               const Manner& manner, const Answerer& answerer) {
  config.max_open_asks = manner.max_open_asks;
  EXPECT_TRUE(config.Validate().ok()) << config.Validate();
  return Run(config, wire, end, manner, answerer).Go();
}

void ExpectOneReplyPerCommand(absl::string_view wire, const Outcome& outcome) {
  SCOPED_TRACE(testing::PrintToString(outcome.replies));
  const bool cut_short = outcome.closed == CloseReason::kRefused ||
                         outcome.closed == CloseReason::kTimeout;
  const auto closes = [](int code) { return code == 221 || code == 421; };
  absl::string_view replies = outcome.replies;
  absl::string_view line;
  int code = TakeReply(&replies);  // the greeting
  while (!closes(code) && TakeLine(&wire, &line)) {
    if (replies.empty() && cut_short) return;
    code = TakeReply(&replies);
    EXPECT_NE(code, 0) << "no reply to " << line;
    if (code != 354) continue;
    bool ended = false;
    while (!ended && TakeLine(&wire, &line)) ended = line == ".";
    if (!ended) break;
    code = TakeReply(&replies);
    EXPECT_TRUE(code >= 200 && code / 100 != 3) << "no reply to a message";
  }
  if (outcome.closed == CloseReason::kTimeout && !closes(code)) {
    EXPECT_EQ(TakeReply(&replies), 421);
  }
  EXPECT_EQ(replies, "") << "more replies than commands";
}

std::string PrintAsk(const Ask& ask, const Envelope& envelope) {
  struct Printer {
    const Envelope& envelope;
    std::string operator()(const Connected&) const { return "connected"; }
    std::string operator()(const Hello& hello) const {
      const bool ehlo = hello.verb == Hello::Verb::kEhlo;
      return absl::StrCat(ehlo ? "ehlo " : "helo ", hello.client_name);
    }
    std::string operator()(const Mail& mail) const {
      return absl::StrCat("mail ", FormatPath(mail.from),
                          FormatMailParameters(mail.parameters));
    }
    std::string operator()(const Rcpt& rcpt) const {
      return absl::StrCat("rcpt ", FormatPath(rcpt.to),
                          FormatRcptParameters(rcpt.parameters));
    }
    std::string operator()(const BodyBegin&) const {
      return absl::StrCat("body-begin ", PrintEnvelope(envelope));
    }
    std::string operator()(const BodyEnd& end) const {
      return absl::StrCat("body-end ", end.size);
    }
    std::string operator()(const Verify& verify) const {
      return absl::StrCat("verify ", verify.argument);
    }
  };
  return std::visit(Printer{envelope}, ask.what);
}

std::string PrintEnvelope(const Envelope& envelope) {
  std::string out = FormatPath(envelope.from);
  for (const Path& path : envelope.to) {
    absl::StrAppend(&out, " ", FormatPath(path));
  }
  return out;
}

void PrintTo(const Message& message, std::ostream* out) {
  *out << message.envelope << ": " << testing::PrintToString(message.content);
}

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "\n"
       << outcome.replies << testing::PrintToString(outcome.asks) << "\n"
       << testing::PrintToString(outcome.messages) << "\n"
       << (outcome.closed ? CloseReasonName(*outcome.closed) : "open");
}

}  // namespace postern
