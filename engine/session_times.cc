// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/session_times.h"

#include <algorithm>
#include <initializer_list>

namespace postern {
namespace {

using From = TimeRule::From;
using Then = TimeRule::Then;

constexpr uint16_t In(std::initializer_list<Stage> stages) {
  uint16_t bits = 0;
  for (const Stage stage : stages) {
    bits |= static_cast<uint16_t>(1 << static_cast<int>(stage));
  }
  return bits;
}

// The stages between the greeting and the last reply, in which the session can
// still reply 421.
constexpr uint16_t kServing =
    In({Stage::kInput, Stage::kFlush, Stage::kAnswer, Stage::kSink,
        Stage::kTlsQuestion, Stage::kStartTls});

// A session that has used up its time still sends its last reply. A client that
// was not admitted had no session.
absl::Duration LastReplyTime(const TimeFacts& facts) {
  if (facts.session == nullptr) return facts.times.linger;
  const absl::Duration used = facts.clocks.entered - facts.clocks.began;
  return std::max(facts.times.session_timeout - used, facts.times.linger);
}

// Rules that close come first: a client that does not read replies would not
// read another one.
constexpr TimeRule kRules[] = {
    {"preface", In({Stage::kPreface}), From::kEntered,
     [](const TimeFacts& facts) { return facts.times.preface_timeout; },
     Then::kClose},
    {"admission", In({Stage::kAdmission}), From::kEntered,
     [](const TimeFacts& facts) { return facts.times.admission_timeout; },
     Then::kTurnAway},
    {"handshake", In({Stage::kHandshake}), From::kEntered,
     [](const TimeFacts& facts) { return facts.times.handshake_timeout; },
     Then::kClose},
    {"handshake, by the end of the session", In({Stage::kHandshake}),
     From::kBegan,
     [](const TimeFacts& facts) { return facts.times.session_timeout; },
     Then::kClose},
    {"greeting", In({Stage::kGreetDelay}), From::kEntered,
     [](const TimeFacts& facts) { return facts.times.greet_delay; },
     Then::kGreet},
    {"replies", kServing | In({Stage::kLastReply}), From::kOutput,
     [](const TimeFacts& facts) { return facts.times.write_timeout; },
     Then::kClose},
    {"last reply", In({Stage::kLastReply}), From::kEntered, LastReplyTime,
     Then::kClose},
    {"linger", In({Stage::kFinish, Stage::kDiscard, Stage::kClosed}),
     From::kEntered, [](const TimeFacts& facts) { return facts.times.linger; },
     Then::kClose},
    {"session", kServing | In({Stage::kGreetDelay}), From::kBegan,
     [](const TimeFacts& facts) { return facts.times.session_timeout; },
     Then::kTimeOut},
    {"command or content", In({Stage::kInput}), From::kProgress,
     [](const TimeFacts& facts) { return facts.session->ReadTimeout(); },
     Then::kTimeOut},
    {"refused content that ends in LF.LF", In({Stage::kInput}),
     From::kLastInput,
     [](const TimeFacts& facts) { return facts.session->IdleTimeout(); },
     Then::kTimeOut},
    {"rate of content", In({Stage::kInput}), From::kPace,
     [](const TimeFacts&) { return absl::ZeroDuration(); }, Then::kTimeOut},
    {"answer", In({Stage::kAnswer, Stage::kSink, Stage::kTlsQuestion}),
     From::kEntered,
     [](const TimeFacts& facts) { return facts.times.answer_timeout; },
     Then::kTimeOut},
};

}  // namespace

Instant TimeRule::Deadline(const TimeFacts& facts) const {
  switch (from) {
    case From::kBegan:
      return facts.clocks.began + lasts(facts);
    case From::kEntered:
      return facts.clocks.entered + lasts(facts);
    case From::kProgress:
      return facts.clocks.progress + lasts(facts);
    case From::kLastInput:
      return facts.clocks.last_input + lasts(facts);
    case From::kOutput:
      if (!facts.output_waits) break;
      return facts.clocks.output + lasts(facts);
    case From::kPace:
      if (facts.pace == nullptr) break;
      return facts.pace->deadline();
  }
  return Instant::Never();
}

absl::Span<const TimeRule> TimeRules() { return kRules; }

Instant FirstDeadline(Stage stage, const TimeFacts& facts) {
  Instant first = Instant::Never();
  for (const TimeRule& rule : kRules) {
    if (rule.AppliesIn(stage)) first = std::min(first, rule.Deadline(facts));
  }
  return first;
}

}  // namespace postern
