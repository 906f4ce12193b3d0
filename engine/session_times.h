// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The deadlines of a connection in each stage, as one table of rules.

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

// Timeouts that all connections of a server share. The timeouts for commands
// and content are in ServerConfig, because a client's rules may change them.
struct SessionTimes {
  // For the whole connection, whatever the client does. It limits how long a
  // client that sends one octet a minute can hold the connection.
  absl::Duration session_timeout = absl::Hours(4);
  // For the client to read the replies that are ready. Reading a part of them
  // does not extend it.
  absl::Duration write_timeout = absl::Minutes(5);
  // For a policy, delivery or authenticator to answer. Clients wait ten minutes
  // for the reply to the end of data (RFC 5321 4.5.3.2.6), and five for others.
  absl::Duration answer_timeout = absl::Minutes(8);
  // For what comes before the session: a PROXY header, which a proxy sends at
  // once.
  absl::Duration preface_timeout = absl::Seconds(10);
  // For admission: the client's rules and its host name.
  absl::Duration admission_timeout = absl::Minutes(1);
  // For a TLS handshake.
  absl::Duration handshake_timeout = absl::Minutes(1);
  // For the client to close after a last reply that it may not expect, and for
  // a session that has used up its time to send that reply.
  absl::Duration linger = absl::Seconds(2);
  // For the content of a message.
  PaceOptions pace;
  // How long the greeting is delayed. A client that sends something before it
  // is probably not a mail server; ServerConfig::early_talk says what happens.
  // 0: no delay.
  absl::Duration greet_delay = absl::ZeroDuration();
};

// What a connection waits for. Each comment names who must act.
enum class SessionStage : uint8_t {
  kPreface,         // the client: it must send what comes before the session
  kAdmission,       // the embedder: it decides whether to serve the client
  kHandshake,       // the client: it must complete the TLS handshake
  kGreetDelay,      // nothing: the client must not send during this time
  kRunning,         // nothing: there is work to do
  kInput,           // the client: it must send a command or content
  kFlush,           // the client: it must read replies before more is served
  kAnswer,          // a policy, delivery or authenticator: an Ask is open
  kContentBlocked,  // a mail transaction: it takes no content for now
  kTlsQuestion,     // the driver: it reports whether TLS is available
  kStartTls,        // the client: it must read the 220 to STARTTLS
  kLastReply,       // the client: it must read the last replies
  kFinish,          // the driver: it ends the output
  kDiscard,         // the client: it must close
  kClosed,          // nothing: the connection is over
};
// The number of values of SessionStage.
inline constexpr int kSessionStages =
    static_cast<int>(SessionStage::kClosed) + 1;

// The instants from which the rules count.
struct SessionClocks {
  Instant began;       // the connection was accepted
  Instant entered;     // the stage began
  Instant progress;    // ServerSession::progress() changed, less what the
                       // client had to wait for the server since
  Instant last_input;  // the client's last octets came
  Instant output;      // the replies that wait became due
};

// The input of the rules.
struct TimeFacts {
  const SessionTimes& times;     // the timeouts
  const SessionClocks& clocks;   // the instants from which they count
  const ServerSession* session;  // null: not begun, or over
  const Pace* pace;              // null: no rate is required
  bool output_waits;             // there are unwritten replies
};

// One rule: a connection in one of `stages` ends, or goes on, at a deadline.
struct TimeRule {
  // The instant of SessionClocks from which the rule counts.
  enum class From : uint8_t {
    kBegan,
    kEntered,
    kProgress,
    kLastInput,
    kOutput,  // no deadline if no output waits
    kPace,    // Pace::deadline(); TooSlow() decides whether it applies
  };
  // What happens at the deadline.
  enum class Then : uint8_t {
    kClose,    // closes the connection without another reply
    kRefuse,   // 421; with TLS first, closes without a reply
    kTimeOut,  // ServerSession::TimedOut(): 421, or the message's reply
    kGreet,    // sends the greeting
  };

  // Names the rule, for tests. Static.
  absl::string_view name;
  uint16_t stages = 0;         // one bit for each SessionStage
  From from = From::kEntered;  // the instant from which it counts
  // Returns the time from `from` to the deadline.
  absl::Duration (*lasts)(const TimeFacts& facts) = nullptr;
  Then then = Then::kClose;  // what happens at the deadline

  // Returns whether the rule applies in `stage`.
  bool AppliesIn(SessionStage stage) const {
    return (stages >> static_cast<int>(stage) & 1) != 0;
  }
  // Returns the deadline of this rule in a stage to which it applies.
  Instant Deadline(const TimeFacts& facts) const;
};

// All rules. If several deadlines have passed, the first rule in this list
// applies. Every stage that waits for someone has at least one rule that
// depends on time alone; engine/session_times_test.cc checks this.
absl::Span<const TimeRule> TimeRules();

// Returns the earliest deadline in `stage`. Never() only in kRunning.
Instant FirstDeadline(SessionStage stage, const TimeFacts& facts);

}  // namespace postern

#endif  // POSTERN_ENGINE_SESSION_TIMES_H_
