// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// How long a connection may take, in each stage of its life: all rules about
// time, as one table.

#ifndef POSTERN_ENGINE_SESSION_TIMES_H_
#define POSTERN_ENGINE_SESSION_TIMES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/instant.h"
#include "engine/pace.h"
#include "engine/server_session.h"

namespace postern {

// How long things may take, the same for all connections of a server. The times
// of a command and of content are ServerConfig's, since a client's rules may
// change them.
struct SessionTimes {
  // For the whole connection, whatever the client does: a client that sends one
  // octet a minute holds it no longer than this.
  absl::Duration session_timeout = absl::Hours(4);
  // For the client to take the replies that wait for it. Taking a part of them
  // buys no time.
  absl::Duration write_timeout = absl::Minutes(5);
  // For a policy or a sink to answer. Clients wait ten minutes for the reply to
  // the end of data (RFC 5321 4.5.3.2.6), five for others.
  absl::Duration answer_timeout = absl::Minutes(8);
  // For what comes before the session: a PROXY header, which a proxy sends at
  // once.
  absl::Duration preface_timeout = absl::Seconds(10);
  // For the decision whether to serve the client: its rules and its host name.
  absl::Duration admission_timeout = absl::Minutes(1);
  // For a TLS handshake.
  absl::Duration handshake_timeout = absl::Minutes(1);
  // For the client to close after a last reply that it may not expect, and for
  // a session whose time is up to get that reply out.
  absl::Duration linger = absl::Seconds(2);
  // For the content of a message.
  PaceOptions pace;
  // How long the greeting waits: a client that talks before it is most likely
  // no mail server. ServerConfig::early_talk says what becomes of it. 0: the
  // greeting comes at once.
  absl::Duration greet_delay = absl::ZeroDuration();
};

// What a connection waits for. Each names who can hold the connection there.
enum class Stage : uint8_t {
  kPreface,      // the client: what comes before the session
  kAdmission,    // the embedder: whether the client is served
  kHandshake,    // the client: its part of a TLS handshake
  kGreetDelay,   // the time in which a client must not talk
  kRunning,      // nothing: there is work to do
  kInput,        // the client: a command, or content
  kFlush,        // the client: it must take replies before more is served
  kAnswer,       // a port: an Ask is open
  kSink,         // a sink: it takes no content for now
  kTlsQuestion,  // the driver: whether TLS can be had
  kStartTls,     // the client: it must take the 220 to STARTTLS
  kLastReply,    // the client: it must take the last replies
  kFinish,       // the driver: it ends the output
  kDiscard,      // the client: it must close
  kClosed,       // nothing: it is over
};
inline constexpr int kStages = static_cast<int>(Stage::kClosed) + 1;

// When the things happened that times are counted from.
struct SessionClocks {
  Instant began;       // the connection was accepted
  Instant entered;     // the stage began
  Instant progress;    // ServerSession::progress() changed, less what the
                       // client had to wait for the server since
  Instant last_input;  // the client's last octets came
  Instant output;      // the replies that wait became due
};

// What the rules look at.
struct TimeFacts {
  const SessionTimes& times;
  const SessionClocks& clocks;
  const ServerSession* session;  // null: there is none yet, or any more
  const Pace* pace;              // null: no rate is asked for
  bool output_waits;             // there are replies that are not written
};

// One rule: while a connection is in one of `stages`, it ends at a deadline.
struct TimeRule {
  enum class From : uint8_t {
    kBegan,
    kEntered,
    kProgress,
    kLastInput,
    kOutput,  // no deadline where no output waits
    kPace,    // Pace::deadline(); the rate decides whether it counts
  };
  enum class Then : uint8_t {
    kClose,     // the connection is closed, without another word
    kTurnAway,  // 421, or just the end where TLS comes first
    kTimeOut,   // ServerSession::TimedOut(): 421, or a message's 554
    kGreet,     // the greeting
  };

  absl::string_view name;
  uint16_t stages = 0;  // a bit for each Stage
  From from = From::kEntered;
  // How long from there.
  absl::Duration (*lasts)(const TimeFacts& facts) = nullptr;
  Then then = Then::kClose;

  bool AppliesIn(Stage stage) const {
    return (stages >> static_cast<int>(stage) & 1) != 0;
  }
  // Returns when the rule ends the stage that it applies in.
  Instant Deadline(const TimeFacts& facts) const;
};

// All rules. If several are due, the first of them counts. Every stage in which
// anybody is waited for has one at least that needs no one's help to come due;
// engine/session_times_test.cc walks them.
absl::Span<const TimeRule> TimeRules();

// Returns the earliest deadline in `stage`; Never() in kRunning alone.
Instant FirstDeadline(Stage stage, const TimeFacts& facts);

}  // namespace postern

#endif  // POSTERN_ENGINE_SESSION_TIMES_H_
