// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The engine never frees memory that still contains a password, whether AUTH
// succeeds, fails or is not finished. This program searches all memory that it
// frees.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/authenticator.h"
#include "engine/grammar/base64.h"
#include "engine/grammar/wipe.h"
#include "engine/instant.h"
#include "engine/policy.h"
#include "engine/served_session.h"
#include "engine/server_config.h"
#include "engine/session_rig.h"
#include "engine/session_times.h"
#include "gtest/gtest.h"
#include "tests/heap.h"

namespace postern {
namespace {

// One fits into the buffer inside a std::string, the other needs heap memory.
constexpr absl::string_view kShort = "wonder1land";
constexpr absl::string_view kLong =
    "a wonderland that is too long for a string without memory of its own";

// How the exchange answers a response.
enum class Move : uint8_t { kGrant, kRefuse, kWait };

struct World : Policy, Authenticator {
  class Exchange : public AuthExchange {
   public:
    explicit Exchange(World* world) : world_(*world) {}
    void Start(std::optional<std::string> initial_response,
               Done done) override {
      if (!initial_response) return std::move(done)(AuthChallenge{});
      Respond(*std::move(initial_response), std::move(done));
    }
    void Respond(std::string response, Done done) override {
      world_.heard += absl::string_view(response).find(world_.password) !=
                      absl::string_view::npos;
      Wipe(&response);  // required by engine/authenticator.h
      switch (world_.move) {
        case Move::kGrant:
          return std::move(done)(AuthGranted{"alice"});
        case Move::kRefuse:
          return std::move(done)(Verdict::Refuse({535, {5, 7, 8}, "no"}));
        case Move::kWait:
          world_.open = std::move(done);
      }
    }

   private:
    World& world_;
  };

  std::optional<Verdict> Decide(const Ask&, const SharedSessionInfo&,
                                Later) override {
    return Verdict::Accept();
  }
  std::unique_ptr<AuthExchange> Begin(absl::string_view,
                                      const SharedSessionInfo&) override {
    return std::make_unique<Exchange>(this);
  }

  absl::string_view password;
  Move move = Move::kGrant;
  int heard = 0;  // how often the authenticator got the password
  AuthExchange::Done open;
  RigInterfaces ports;  // a delivery that accepts MAIL
};

// Runs a session in which the client sends `says`, `cut` octets at a time, and
// then disconnects. The session gives its read buffer back before each read.
// Checks that `mark` is not in the buffer afterwards.
void Play(World* world, absl::string_view says, size_t cut,
          absl::string_view mark) {
  ServerConfig config;
  config.greeting = "mx";
  config.mechanisms_without_tls = {"PLAIN"};
  config.mechanisms = config.mechanisms_without_tls;
  static std::array<char, ServedSession::kReadAhead> buffer;
  {
    const SessionTimes times;
    ServedSession session(&times, Instant());
    session.Begin(
        config,
        {.policy = world, .delivery = &world->ports, .authenticator = world},
        {});
    while (true) {
      const ServedSession::Next next = session.Advance(Instant());
      if (next.kind == ServedSession::Next::Kind::kBusy) continue;
      if (!next.output.empty()) {
        session.Written(next.output.size());
      } else if (!next.read) {
        break;  // closed, or waits for an answer that never comes
      } else if (says.empty()) {
        session.EndOfInput();
      } else {
        session.ReleaseBuffer();
        const absl::Span<char> room = session.Room(absl::MakeSpan(buffer));
        const size_t n = std::min({cut, says.size(), room.size()});
        std::copy_n(says.data(), n, room.data());
        says.remove_prefix(n);
        session.Received(n);
      }
    }
  }
  EXPECT_EQ(absl::string_view(buffer.data(), buffer.size()).find(mark),
            absl::string_view::npos);
}

TEST(SecretTest, NoFreedMemoryHoldsAPassword) {
  struct {
    const char* before;  // sent before the response
    const char* behind;  // sent after it
    bool heard = true;   // whether the authenticator gets it
  } const kSessions[] = {
      {"EHLO c\r\nAUTH PLAIN ", "\r\nQUIT\r\n"},
      {"EHLO c\r\nAUTH PLAIN\r\n", "\r\nQUIT\r\n"},
      {"EHLO c\r\nAUTH PLAIN\r\n", "\r\n"},
      {"HELO c\r\nAUTH PLAIN ", "\r\nQUIT\r\n"},
      // The engine refuses these AUTH commands.
      {"EHLO c\r\nAUTH PLAIN ", "=\r\nQUIT\r\n", false},
      {"EHLO c\r\nAUTH PLAIN\r\n", "=\r\nQUIT\r\n", false},
      {"EHLO c\r\nAUTH CRAM-MD5 ", "\r\nQUIT\r\n", false},
      {"AUTH PLAIN ", "\r\nQUIT\r\n", false},
      {"EHLO c\r\n AUTH PLAIN ", "\r\nQUIT\r\n", false},
      {"EHLO c\r\nAUTH PLAIN ", "\n", false},
      {"EHLO c\r\nAUTH PLAIN ", "", false},
      {"EHLO c\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN ", "\r\nQUIT\r\n", false},
  };
  for (absl::string_view password : {kShort, kLong}) {
    // The offsets are multiples of three, so that the password has base64
    // digits of its own.
    const std::string plain =
        std::string("\0ab\0cd", 6) + std::string(password) + "\0";
    const std::string base64 = EncodeBase64(plain);
    const std::string marked = EncodeBase64(password.substr(0, 9));
    ASSERT_NE(base64.find(marked), std::string::npos);
    for (const auto& session : kSessions) {
      const std::string says = session.before + base64 + session.behind;
      for (Move move : {Move::kGrant, Move::kRefuse, Move::kWait}) {
        for (size_t cut : {size_t{1}, says.size()}) {
          for (absl::string_view mark : {password, absl::string_view(marked)}) {
            SCOPED_TRACE(says);
            World world;
            world.password = password;
            world.move = move;
            WatchFreed(mark);
            Play(&world, says, cut, mark);
            EXPECT_EQ(FreedWithText(), 0u)
                << static_cast<int>(move) << " by " << cut;
            WatchFreed("");
            EXPECT_EQ(world.heard, session.heard ? 1 : 0);
          }
        }
      }
    }
  }
}

// Proves that the search finds text in freed memory.
TEST(SecretTest, FindsTextInFreedMemory) {
  WatchFreed(kLong);
  { const std::string copy(kLong); }
  EXPECT_EQ(FreedWithText(), 1u);
  WatchFreed("");
}

}  // namespace
}  // namespace postern
