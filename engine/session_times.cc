// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/session_times.h"

#include <algorithm>
#include <initializer_list>

namespace postern {
namespace {

using From = TimeRule::From;
using Then = TimeRule::Then;

constexpr uint16_t In(std::initializer_list<SessionStage> stages) {
  uint16_t bits = 0;
  for (const SessionStage stage : stages) {
    bits |= static_cast<uint16_t>(1 << static_cast<int>(stage));
  }
  return bits;
}

// The stages between the greeting and the last reply, in which the session can
// still reply 421.
constexpr uint16_t kServing =
    In({SessionStage::kInput, SessionStage::kFlush, SessionStage::kAnswer,
        SessionStage::kContentBlocked, SessionStage::kTlsQuestion,
        SessionStage::kStartTls});

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
    {"preface", In({SessionStage::kPreface}), From::kEntered,
     [](const TimeFacts& facts) { return facts.times.preface_timeout; },
     Then::kClose},
    {"admission", In({SessionStage::kAdmission}), From::kEntered,
     [](const TimeFacts& facts) { return facts.times.admission_timeout; },
     Then::kRefuse},
    {"handshake", In({SessionStage::kHandshake}), From::kEntered,
     [](const TimeFacts& facts) { return facts.times.handshake_timeout; },
     Then::kClose},
    {"handshake, by the end of the session", In({SessionStage::kHandshake}),
     From::kBegan,
     [](const TimeFacts& facts) { return facts.times.session_timeout; },
     Then::kClose},
    {"greeting", In({SessionStage::kGreetDelay}), From::kEntered,
     [](const TimeFacts& facts) { return facts.times.greet_delay; },
     Then::kGreet},
    {"replies", kServing | In({SessionStage::kLastReply}), From::kOutput,
     [](const TimeFacts& facts) { return facts.times.write_timeout; },
     Then::kClose},
    {"last reply", In({SessionStage::kLastReply}), From::kEntered,
     LastReplyTime, Then::kClose},
    {"linger",
     In({SessionStage::kFinish, SessionStage::kDiscard, SessionStage::kClosed}),
     From::kEntered, [](const TimeFacts& facts) { return facts.times.linger; },
     Then::kClose},
    {"session", kServing | In({SessionStage::kGreetDelay}), From::kBegan,
     [](const TimeFacts& facts) { return facts.times.session_timeout; },
     Then::kTimeOut},
    {"command or content", In({SessionStage::kInput}), From::kProgress,
     [](const TimeFacts& facts) { return facts.session->ReadTimeout(); },
     Then::kTimeOut},
    {"refused content that ends in LF.LF", In({SessionStage::kInput}),
     From::kLastInput,
     [](const TimeFacts& facts) { return facts.session->IdleTimeout(); },
     Then::kTimeOut},
    {"rate of content", In({SessionStage::kInput}), From::kPace,
     [](const TimeFacts&) { return absl::ZeroDuration(); }, Then::kTimeOut},
    {"answer",
     In({SessionStage::kAnswer, SessionStage::kContentBlocked,
         SessionStage::kTlsQuestion}),
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

Instant FirstDeadline(SessionStage stage, const TimeFacts& facts) {
  Instant first = Instant::Never();
  for (const TimeRule& rule : kRules) {
    if (rule.AppliesIn(stage)) first = std::min(first, rule.Deadline(facts));
  }
  return first;
}

}  // namespace postern
