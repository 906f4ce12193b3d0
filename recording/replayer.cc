// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/replayer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/server_session.h"
#include "engine/step.h"
#include "recording/print.h"

namespace postern::recording {
namespace {

using Event = Transcript::Event;

// Removes the first line of `octets` and returns it, with its line end if it
// has one.
absl::string_view TakeLine(absl::string_view* octets) {
  const size_t size = std::min(octets->find('\n'), octets->size() - 1) + 1;
  const absl::string_view line = octets->substr(0, size);
  octets->remove_prefix(size);
  return line;
}

// Returns `text` for a terminal.
std::string Plain(std::string text) {
  for (char& c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return text;
}

class Player {
 public:
  explicit Player(const Transcript& transcript)
      : transcript_(transcript), config_(transcript.config), session_(config_) {
    // The next event of a recording may belong to the next question.
    config_.max_open_asks = 1;
  }

  ReplayResult Run() {
    if (transcript_.start.tls) session_.TlsStarted(*transcript_.start.tls);
    if (transcript_.start.talked_early) session_.TalkedEarly();
    while (!over_) Advance();
    DrainOutput();
    Compare();
    return std::move(result_);
  }

 private:
  void Advance() {
    const Step step = session_.Advance(absl::string_view(input_).substr(at_));
    const absl::string_view consumed =
        absl::string_view(input_).substr(at_, step.consumed);
    for (absl::string_view rest = consumed; !rest.empty();) {
      AppendLine('C', TakeLine(&rest), "\r\n", &result_.text);
    }
    ShowState();
    switch (step.kind) {
      case Step::Kind::kNeedInput:
      case Step::Kind::kWaiting:
        Consume(step.consumed);
        DrainOutput();
        return Next();
      case Step::Kind::kNeedFlush:
        DrainOutput();
        break;
      case Step::Kind::kAsk:
        OnAsk(*step.ask);
        break;
      case Step::Kind::kBody:
        for (const absl::string_view slice : step.body) {
          absl::StrAppend(&content_, slice);
        }
        break;
      case Step::Kind::kAborted:
        content_.clear();
        break;
      case Step::Kind::kStartTls:
        Consume(step.consumed);
        DrainOutput();
        return NextAtStartTls();
      case Step::Kind::kClosed:
        DrainOutput();
        result_.closed = std::string(CloseReasonName(step.reason));
        absl::StrAppend(&result_.text, "X: ", *result_.closed, "\n");
        over_ = true;
        break;
    }
    Consume(step.consumed);
  }

  // Octets are erased rarely, so that the cost is linear.
  void Consume(size_t n) {
    at_ += n;
    if (at_ < input_.size() && at_ < input_.size() / 2) return;
    input_.erase(0, at_);
    at_ = 0;
  }

  void ShowState() {
    if (session_.state_name() == state_) return;
    DrainOutput();
    state_ = session_.state_name();
    absl::StrAppend(&result_.text, "= ", state_, "\n");
  }

  void DrainOutput() {
    absl::string_view output = session_.Output();
    absl::StrAppend(&result_.replies, output);
    while (!output.empty()) {
      AppendLine('S', TakeLine(&output), "\r\n", &result_.text);
    }
    session_.OutputWritten(session_.Output().size());
  }

  // The session waits for input, or for an answer that never comes.
  void Next() {
    if (!transcript_.recorded) return NextFlight();
    if (event_ == transcript_.events.size()) return Stop();
    const Event& event = transcript_.events[event_];
    switch (event.kind) {
      case Event::Kind::kRead:
        ++event_;
        return Read(event.n);
      case Event::Kind::kEnd:
        ++event_;
        return End(event.end);
      case Event::Kind::kQuestion:
        Differ(absl::StrCat("the session does not ask ",
                            transcript_.questions[event.n].ask));
        return Stop();
      case Event::Kind::kTls:
        Differ("the session does not start TLS");
        return Stop();
      case Event::Kind::kConfig:
        Differ("the session does not ask about a client of a proxy");
        return Stop();
    }
  }

  void NextFlight() {
    if (waits_) return Stop();
    const std::string& flight = transcript_.flights[flight_];
    if (read_ < flight.size()) return Read(flight.size() - read_);
    if (std::exchange(ended_, true)) return Stop();
    End(transcript_.end);
  }

  void NextAtStartTls() {
    if (!input_.empty()) return;  // the session closes
    if (!transcript_.recorded) {
      if (flight_ + 1 == transcript_.flights.size() ||
          read_ < transcript_.flights[flight_].size()) {
        return NextFlight();
      }
      return StartTls(transcript_.start.starttls[flight_]);
    }
    if (event_ < transcript_.events.size() &&
        transcript_.events[event_].kind == Event::Kind::kTls) {
      return StartTls(transcript_.events[event_++].tls);
    }
    Next();
  }

  void StartTls(const TlsInfo& tls) {
    absl::StrAppend(&result_.text,
                    Plain(absl::StrCat("TLS: ", tls.protocol, " ", tls.cipher,
                                       tls.peer_subject.empty() ? "" : " ",
                                       tls.peer_subject)),
                    "\n");
    session_.TlsStarted(tls);
    ++flight_;
    read_ = 0;
  }

  void Read(size_t n) {
    const std::string& flight = transcript_.flights[flight_];
    const size_t size = std::min(n, flight.size() - read_);
    // The last read of a full recording may lack its octets.
    if (size == 0 && transcript_.broken == kRecordingIsFull) return Stop();
    if (size == 0) {
      Differ("the recording has fewer octets than its reads");
      return Stop();
    }
    input_.append(flight, read_, size);
    read_ += size;
  }

  void End(WireEnd end) {
    switch (end) {
      case WireEnd::kOpen:
        return Stop();
      case WireEnd::kEof:
        result_.text += "E:\n";
        return session_.EndOfInput();
      case WireEnd::kTimedOut:
        result_.text += "T:\n";
        return session_.TimedOut();
      case WireEnd::kShutdown:
        result_.text += "D:\n";
        return session_.Shutdown();
      case WireEnd::kBroken:
        absl::StrAppend(&result_.text, "B: ", Plain(transcript_.broken), "\n");
        return Stop();
    }
  }

  void Stop() { over_ = true; }

  void OnAsk(const Ask& ask) {
    const std::string text = PrintAsk(ask, session_.envelope());
    result_.asks.push_back(text);
    const Transcript::Question* const question = NextQuestion(text);
    if (over_ || unasked_) return;
    const std::optional<AnyAnswer> answer =
        question == nullptr ? AnyAnswer(Verdict::Accept()) : question->answer;
    const std::string shown = answer ? PrintAnswer(*answer) : "silence";
    AppendLine('A',
               shown == "accept" ? text : absl::StrCat(text, " => ", shown), "",
               &result_.text);
    if (!answer) {
      waits_ = !transcript_.recorded && transcript_.end == WireEnd::kOpen;
      return;
    }
    const bool at_end = std::holds_alternative<BodyEnd>(ask.what);
    if (at_end && Accepts(*answer)) result_.messages.push_back(content_);
    if (at_end) content_.clear();
    const absl::Status status = Complete(ask.id, *answer);
    if (status.ok()) return;
    Differ(absl::StrCat("the answer \"", shown, "\" does not fit the question ",
                        text, ": ", status.message()));
    Stop();
  }

  // Returns the recorded question for the question `text`. Null: none, and it
  // is accepted.
  const Transcript::Question* NextQuestion(absl::string_view text) {
    const auto& questions = transcript_.questions;
    if (!transcript_.recorded) {
      if (question_ == questions.size() || questions[question_].ask != text) {
        return nullptr;
      }
      return &questions[question_++];
    }
    for (; event_ < transcript_.events.size(); ++event_) {
      const Event& event = transcript_.events[event_];
      if (event.kind == Event::Kind::kConfig) {
        config_ = transcript_.changes[event.n];
        config_.max_open_asks = 1;
      } else if (event.kind == Event::Kind::kEnd &&
                 event.end == WireEnd::kShutdown) {
        End(event.end);
      } else if (event.kind == Event::Kind::kQuestion) {
        const Transcript::Question& question = questions[event.n];
        ++event_;
        ++question_;
        if (question.ask == text) return &question;
        Differ(absl::StrCat("the session asks ", text, ", recorded is ",
                            question.ask));
        Stop();
        return nullptr;
      } else {
        break;
      }
    }
    // The session ended before this question, while content could not be
    // passed on or replies could not be written.
    if (event_ < transcript_.events.size()) {
      const Event& event = transcript_.events[event_];
      if (event.kind == Event::Kind::kEnd &&
          (event.end == WireEnd::kBroken || event.end == WireEnd::kTimedOut)) {
        result_.asks.pop_back();
        ++event_;
        End(event.end);
        unasked_ = true;
        return nullptr;
      }
    }
    Differ(absl::StrCat("the session asks ", text, ", which is not recorded"));
    Stop();
    return nullptr;
  }

  static bool Accepts(const AnyAnswer& answer) {
    if (const auto* verdict = std::get_if<Verdict>(&answer)) {
      return verdict->accepted();
    }
    const auto* each = std::get_if<std::vector<Verdict>>(&answer);
    return each != nullptr &&
           std::any_of(each->begin(), each->end(),
                       [](const Verdict& v) { return v.accepted(); });
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

  void Differ(std::string what) {
    result_.differences.push_back(std::move(what));
  }

  // Compares the outcome with the transcript.
  void Compare() {
    CompareReplies();
    if (transcript_.broken == kRecordingIsFull) return;
    if (question_ < transcript_.questions.size() &&
        result_.differences.empty()) {
      Differ(absl::StrCat("the session does not ask ",
                          transcript_.questions[question_].ask));
    }
    if (result_.closed != transcript_.closed) {
      Differ(absl::StrCat("the session ", Closed(result_.closed),
                          ", recorded: ", Closed(transcript_.closed)));
    }
    if (!transcript_.recorded && result_.messages != transcript_.messages) {
      Differ("the accepted messages are different");
    }
  }

  static std::string Closed(const std::optional<std::string>& reason) {
    return reason ? absl::StrCat("closes (", *reason, ")") : "stays open";
  }

  // Names the first line that differs. If the connection broke, the replay may
  // have more replies than the session had the time to give. Of a full
  // recording, replies may be missing in the same way.
  void CompareReplies() {
    absl::string_view replayed = result_.replies;
    absl::string_view recorded = transcript_.replies;
    if (transcript_.recorded && transcript_.end == WireEnd::kBroken) {
      replayed = replayed.substr(0, recorded.size());
    }
    if (transcript_.broken == kRecordingIsFull) {
      recorded = recorded.substr(0, replayed.size());
    }
    for (int line = 1; !replayed.empty() || !recorded.empty(); ++line) {
      const absl::string_view is =
          replayed.empty() ? replayed : TakeLine(&replayed);
      const absl::string_view was =
          recorded.empty() ? recorded : TakeLine(&recorded);
      if (is == was) continue;
      std::string what = absl::StrCat("line ", line, " of the replies: ");
      AppendLine('S', is, "\r\n", &what);
      what.back() = ',';
      what += " recorded: ";
      AppendLine('S', was, "\r\n", &what);
      what.pop_back();
      return Differ(std::move(what));
    }
  }

  const Transcript& transcript_;
  ServerConfig config_;
  ServerSession session_;
  ReplayResult result_;
  absl::string_view state_;
  std::string input_;
  size_t at_ = 0;  // what of the input is consumed
  std::string content_;
  size_t event_ = 0;     // the next one
  size_t question_ = 0;  // the next one
  size_t flight_ = 0;
  size_t read_ = 0;       // octets of the flight
  bool ended_ = false;    // the transcript's end has happened
  bool waits_ = false;    // for an answer that never comes
  bool unasked_ = false;  // the last question came too late
  bool over_ = false;
};

}  // namespace

ReplayResult Replay(const Transcript& transcript) {
  return Player(transcript).Run();
}

}  // namespace postern::recording
