// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Many clients meet random faults. Whatever happens, a message whose client got
// a 250 is kept, a message that was refused is not, each session ends, and
// nothing of a server remains. The faults come from fixed seeds. So a failure
// of ClientSessionsLoseNothing can be repeated; the client programs of the
// other tests run at the same time, and meet the faults in another order each
// time.

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/fault.h"
#include "rig/fault_script.h"
#include "rig/pipe.h"
#include "rig/pipe_client.h"
#include "rig/processes.h"
#include "rig/server.h"

namespace postern::rig {
namespace {

// Its numbers are the same everywhere, unlike those of the C++ library's
// distributions.
class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  size_t Roll(size_t sides) { return engine_() % sides; }
  template <size_t n>
  const char* Pick(const char* const (&choices)[n]) {
    return choices[Roll(n)];
  }

 private:
  std::mt19937 engine_;
};

// Returns a script of one to four faults. None of them lies about a message: a
// client cannot know more than what the reply to its message says.
// `most_stalls` is how often each fault may let a client wait for its whole
// timeout. 0: always.
std::string RandomScript(Dice& dice, int most_stalls) {
  constexpr const char* kPlaces[] = {
      "connect", "ehlo",    "starttls", "tls",  "auth", "mail", "rcpt", "rcpt",
      "data",    "content", "end",      "rset", "quit", "end",  "data"};
  constexpr const char* kConditions[] = {
      "", "", " skip=1", " skip=3", " times=1", " times=2", " each times=1"};
  constexpr const char* kRefusals[] = {
      "421 4.3.2 busy", "450 4.7.1 later", "451 4.3.0 later", "452 4.3.1 full",
      "550 5.1.1 no",   "552 5.2.2 full",  "554 5.6.0 no"};
  constexpr const char* kEnds[] = {" close=before", " close=inside",
                                   " close=after"};
  std::string script;
  for (size_t n = 1 + dice.Roll(4); n > 0; --n) {
    const absl::string_view place = dice.Pick(kPlaces);
    std::string line(place);
    if (place == "rcpt" && dice.Roll(2) == 0) line += " for=b@*";
    const std::string condition = dice.Pick(kConditions);
    if (!absl::StrContains(condition, "each") ||
        HasSubject(*ParseStage(place))) {
      line += condition;
    }
    if (place == "tls") {
      line += dice.Roll(2) == 0 ? " close=before" : " raw 450 what?\\r\\n";
    } else if (place == "content") {
      absl::StrAppend(&line, " after=", dice.Roll(4000));
      line += dice.Roll(2) == 0 ? " close=before" : " delay=50ms";
    } else if (place == "ehlo" && dice.Roll(2) == 0) {
      line += dice.Roll(2) == 0 ? " hide=PIPELINING" : " hide=STARTTLS";
    } else {
      switch (dice.Roll(7)) {
        case 0:
        case 1:
          absl::StrAppend(&line, " reply ", dice.Pick(kRefusals));
          break;
        case 2:
          line += dice.Pick(kEnds);
          break;
        case 3:
          line += dice.Roll(2) == 0 ? " delay=50ms" : " split";
          break;
        case 4:
          line += " stall";
          if (most_stalls > 0 && !absl::StrContains(line, "times=")) {
            absl::StrAppend(&line, " times=", most_stalls);
          }
          break;
        case 5:
          line += " raw nonsense\\r\\n";
          break;
        case 6:
          // The wrong code. At the end of data it would be a lie.
          line += place == "end" ? " reply 354 go ahead" : " write-rate=4000";
          break;
      }
    }
    absl::StrAppend(&script, line, "\n");
  }
  return script;
}

void AddFaults(const std::string& script, Rig* rig) {
  const auto faults = ParseFaultScript(script, "script");
  ASSERT_TRUE(faults.ok()) << faults.status() << "\n" << script;
  for (const Fault& fault : *faults) rig->Add(fault);
}

Options WithTlsAndUser() {
  return {.tls = TlsMode::kStartTls, .users = {{"alice", "secret", ""}}};
}

// Returns the envelopes of the messages that are kept, by subject. Each message
// was sent once, so no subject occurs twice.
std::map<std::string, std::vector<std::string>> Kept(const Rig& rig) {
  std::map<std::string, std::vector<std::string>> kept;
  for (const Message& message : rig.messages()) {
    const std::pair<absl::string_view, absl::string_view> head =
        absl::StrSplit(message.raw(), absl::MaxSplits("\r\n", 1));
    EXPECT_TRUE(kept.emplace(head.first, message.to()).second) << head.first;
  }
  return kept;
}

TEST(ChaosTest, ClientSessionsLoseNothing) {
  size_t accepted = 0;
  size_t refused = 0;
  size_t unknown = 0;
  for (uint32_t seed = 1; seed <= 1500; ++seed) {
    Dice dice(seed);
    const std::string script = RandomScript(dice, /*most_stalls=*/0);
    SCOPED_TRACE(absl::StrCat("seed ", seed, "\n", script));
    Pipe pipe(WithTlsAndUser());
    AddFaults(script, &pipe);
    std::map<std::string, std::vector<std::string>> promised;
    std::vector<std::string> rejected;
    for (int n = 1; n <= 4; ++n) {
      pipe.Reconnect();
      PipeClient client(&pipe);
      const std::string subject = absl::StrCat("Subject: ", n);
      client.Give(/*tls=*/dice.Roll(2) == 0, /*user=*/dice.Roll(2) == 0,
                  absl::StrCat(subject, "\r\n\r\n",
                               std::string(dice.Roll(5000), 'x'), "\r\n"));
      // Time passes in small steps, so that the client reads each reply when it
      // comes, and gives up only if there is none.
      absl::Duration waited;
      uint64_t progress = client.session().progress();
      while (!client.closed()) {
        pipe.AdvanceTime(absl::Milliseconds(200));
        waited += absl::Milliseconds(200);
        if (waited > absl::Seconds(5)) {
          // Nothing happens any more, so the rest of the timeout can pass.
          pipe.AdvanceTime(client.session().ReadTimeout());
          client.Run();
          if (client.session().progress() == progress) {
            client.session().TimedOut();
          }
        }
        client.Run();
        if (std::exchange(progress, client.session().progress()) != progress) {
          waited = absl::ZeroDuration();
        }
      }
      if (!client.verdict()) {
        ++unknown;
      } else if (*client.verdict() == 250) {
        ++accepted;
        promised[subject] = client.accepted();
      } else {
        ++refused;
        rejected.push_back(subject);
      }
    }
    pipe.Reconnect();  // this ends the session before it
    const auto kept = Kept(pipe);
    for (const auto& [subject, recipients] : promised) {
      const auto found = kept.find(subject);
      ASSERT_NE(found, kept.end()) << subject << " got a 250";
      EXPECT_THAT(recipients, testing::IsSubsetOf(found->second));
    }
    for (const std::string& subject : rejected) {
      EXPECT_EQ(kept.count(subject), 0u) << subject << " was refused";
    }
    const std::vector<SessionFacts> sessions = pipe.sessions();
    for (size_t i = 0; i + 1 < sessions.size(); ++i) {
      EXPECT_TRUE(sessions[i].end) << "session " << i + 1;
    }
  }
  // Each outcome is frequent: the faults are neither all harmless nor all
  // fatal.
  EXPECT_GT(accepted, 1000u);
  EXPECT_GT(refused, 500u);
  EXPECT_GT(unknown, 500u);
}

constexpr int kCount = 24;  // messages of each client program
constexpr const char* kPrograms[] = {
    "python3 -B rig/clients/many.py",
    "node rig/clients/many.js external/npm/node_modules/nodemailer"};

// Runs a client program that sends messages and waits `timeout` (whole seconds)
// for each reply. Returns what it prints: the subject of each message, and
// "accepted", "refused" or "unknown".
std::vector<std::string> RunClients(const std::string& program, int port,
                                    absl::Duration timeout) {
  const Ended ended =
      RunCommand(absl::StrCat(program, " ", port, " ", kCount, " ",
                              absl::ToInt64Seconds(timeout)),
                 absl::Minutes(2));
  EXPECT_EQ(ended.exit_code, 0) << program;
  return absl::StrSplit(ended.printed, '\n', absl::SkipEmpty());
}

// Runs the client programs at the same time against a server with the faults of
// `script`, and checks what it keeps. Returns how often each verdict occurs.
std::map<std::string, int> Verdicts(const std::string& script,
                                    absl::Duration timeout) {
  SCOPED_TRACE(script);
  Server server(WithTlsAndUser());
  AddFaults(script, &server);
  std::array<std::vector<std::string>, std::size(kPrograms)> results;
  std::vector<std::thread> running;
  for (size_t i = 0; i < results.size(); ++i) {
    running.emplace_back([&, i] {
      results[i] = RunClients(kPrograms[i], server.port(), timeout);
    });
  }
  for (std::thread& thread : running) thread.join();
  // The clients are gone, so each session ends.
  const size_t sessions = server.sessions().size();
  EXPECT_EQ(server.WaitForSessions(sessions).size(), sessions);
  const auto kept = Kept(server);
  std::map<std::string, int> verdicts;
  for (const std::vector<std::string>& lines : results) {
    EXPECT_EQ(lines.size(), kCount);
    for (const std::string& line : lines) {
      const std::pair<std::string, std::string> words =
          absl::StrSplit(line, absl::MaxSplits(' ', 1));
      const std::string subject = absl::StrCat("Subject: ", words.first);
      ++verdicts[words.second];
      if (words.second == "accepted") {
        EXPECT_EQ(kept.count(subject), 1u) << line;
      } else if (words.second == "refused") {
        EXPECT_EQ(kept.count(subject), 0u) << line;
      } else {
        EXPECT_EQ(words.second, "unknown") << line;
      }
    }
  }
  return verdicts;
}

// The client programs report each verdict. The order of their messages does not
// change its number, and the timeout is long enough for a slow machine.
TEST(ChaosTest, ClientProgramsReportEachVerdict) {
  EXPECT_THAT(Verdicts("end skip=5 times=6 reply 452 4.3.1 full\n"
                       "end skip=20 times=3 close=before\n",
                       absl::Seconds(60)),
              testing::UnorderedElementsAre(
                  testing::Pair("accepted", 2 * kCount - 6 - 3),
                  testing::Pair("refused", 6), testing::Pair("unknown", 3)));
}

TEST(ChaosTest, ClientProgramsLoseNothing) {
  { const Server server(WithTlsAndUser()); }  // libraries open descriptors
  const size_t descriptors = CountDescriptors();
  const size_t threads = CountThreads();
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    Dice dice(seed);
    // Some refusals in each script: the others may make them impossible, but
    // not in each.
    const std::string script =
        absl::StrCat("rcpt skip=8 times=8 reply 450 4.7.1 later\n",
                     "end skip=5 times=6 reply 452 4.3.1 full\n",
                     RandomScript(dice, /*most_stalls=*/2));
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Verdicts(script, absl::Seconds(2));
  }
  EXPECT_EQ(CountDescriptors(), descriptors);
  EXPECT_EQ(WaitForThreads(threads), threads);
}

}  // namespace
}  // namespace postern::rig
