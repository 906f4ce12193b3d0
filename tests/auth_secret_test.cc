// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The exchanges of auth/ never free memory that still contains a password or a
// token. This program searches all memory that operator delete frees. Memory
// that libraries allocate with malloc (Cyrus SASL, libidn) is not searched.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "auth/bearer_exchange.h"
#include "auth/checkpassword.h"
#include "auth/password_checker.h"
#include "auth/password_exchange.h"
#include "auth/refusal.h"
#include "auth/sasl_backend.h"
#include "auth/saslprep.h"
#include "auth/token_checker.h"
#include "auth/token_command.h"
#include "auth/verifier.h"
#include "engine/authenticator.h"
#include "engine/session_info.h"
#include "gtest/gtest.h"
#include "tests/heap.h"

namespace postern::auth {
namespace {

// Too long for the buffer inside a std::string.
constexpr absl::string_view kSecret =
    "a.wonderland.that.is.too.long.for.a.string.without.memory.of.its.own";
// The same with letters outside ASCII, which SASLprep does not change.
constexpr absl::string_view kUmlauts =
    "\xc3\xa4.w\xc3\xb6nderland.that.is.too.long.for.a.string.of.its.own";

// Accepts no credentials.
struct Nobody : PasswordChecker, TokenChecker {
  AuthAnswer Check(const PasswordCredentials&, const SessionInfo&) override {
    return WrongCredentials();
  }
  AuthAnswer Check(const TokenCredentials&, const SessionInfo&) override {
    return WrongCredentials();
  }
};

// Returns how many blocks that contain `text` are freed while `run` runs.
size_t Freed(absl::string_view text, const std::function<void()>& run) {
  WatchFreed(text);
  run();
  const size_t freed = FreedWithText();
  WatchFreed("");
  return freed;
}

// Runs an exchange with one secret, as the initial response or as a later one.
// Returns how many answers the exchange gave. The responses are made here, so
// that there is no other copy of them.
int Play(AuthExchange* exchange, absl::string_view before,
         absl::string_view secret, absl::string_view after, bool initial,
         absl::string_view name = "") {
  int moves = 0;
  bool more = false;
  const auto done = [&](AuthAnswer answer) {
    ++moves;
    more = std::holds_alternative<AuthChallenge>(answer);
  };
  const auto message = [&] { return absl::StrCat(before, secret, after); };
  if (initial) {
    exchange->Start(message(), done);
  } else {
    exchange->Start(std::nullopt, done);
    if (!name.empty()) exchange->Respond(std::string(name), done);
    exchange->Respond(message(), done);
  }
  if (more) exchange->Respond("", done);
  return moves;
}

TEST(AuthSecretTest, PasswordExchangesWipeResponses) {
  Nobody nobody;
  const auto session = std::make_shared<const SessionInfo>();
  const absl::string_view user("\0alice\0", 7);
  for (const bool initial : {true, false}) {
    EXPECT_EQ(Freed(kSecret,
                    [&] {
                      const auto plain =
                          MakePasswordExchange("PLAIN", &nobody, session);
                      EXPECT_GT(Play(plain.get(), user, kSecret, "", initial),
                                0);
                    }),
              0u);
    EXPECT_EQ(Freed(kSecret,
                    [&] {
                      const auto bearer =
                          MakeBearerExchange("XOAUTH2", &nobody, session);
                      EXPECT_GT(Play(bearer.get(),
                                     "user=a\x01"
                                     "auth=Bearer ",
                                     kSecret, "\x01\x01", initial),
                                0);
                    }),
              0u);
  }
  EXPECT_EQ(Freed(kSecret,
                  [&] {
                    const auto login =
                        MakePasswordExchange("LOGIN", &nobody, session);
                    EXPECT_EQ(
                        Play(login.get(), "", kSecret, "", false, "alice"), 3);
                  }),
            0u);
}

TEST(AuthSecretTest, CheckersWipeCredentials) {
  const std::string secret(kSecret);
  EXPECT_EQ(Freed(kSecret,
                  [&] {
                    Checkpassword checker(
                        {.command = {"/bin/sh", "-c", "cat <&3; exit 1"},
                         .report = [](absl::string_view) {}});
                    checker.Check({"alice", secret, ""}, {});
                  }),
            0u);
  EXPECT_EQ(Freed(kSecret,
                  [&] {
                    TokenCommand checker(
                        {.command = {"/bin/sh", "-c", "cat <&3 >&2; exit 1"},
                         .report = [](absl::string_view) {}});
                    checker.Check({secret, "alice"}, {});
                  }),
            0u);
}

TEST(AuthSecretTest, SaslPrepWipesItsCopies) {
  const std::string umlauts(kUmlauts);
  std::optional<std::string> prepared;
  EXPECT_EQ(Freed(kUmlauts, [&] { prepared = SaslPrep(umlauts); }), 0u);
  EXPECT_EQ(prepared, umlauts);
  prepared.reset();
  // Text that SASLprep refuses.
  const std::string refused = absl::StrCat(kUmlauts, "\x07");
  EXPECT_EQ(Freed(kUmlauts, [&] { prepared = SaslPrep(refused); }), 0u);
  EXPECT_EQ(prepared, std::nullopt);
}

TEST(AuthSecretTest, VerifiersWipePasswords) {
  for (const absl::string_view secret : {kSecret, kUmlauts}) {
    const std::string password(secret);
    EXPECT_EQ(Freed(secret,
                    [&] {
                      const auto scram = Verifier::MakeScram(password, 4096);
                      ASSERT_TRUE(scram.ok());
                      EXPECT_TRUE(*scram->Check(password));
                      const auto crypt = Verifier::MakeYescrypt(password);
                      ASSERT_TRUE(crypt.ok());
                      EXPECT_TRUE(*crypt->Check(password));
                    }),
              0u)
        << secret;
  }
}

TEST(AuthSecretTest, CyrusSaslExchangesWipeResponses) {
  std::string directory = absl::StrCat(testing::TempDir(), "/sasl.XXXXXX");
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  std::ofstream(absl::StrCat(directory, "/postern.conf"))
      << "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: "
      << directory << "/none\nmech_list: PLAIN LOGIN\n";
  const auto backend = SaslBackend::Open(
      {.config_dir = directory, .host_name = "mx.example.org"});
  ASSERT_TRUE(backend.ok()) << backend.status();
  const auto session = std::make_shared<const SessionInfo>();
  const absl::string_view user("\0alice\0", 7);
  for (const bool initial : {true, false}) {
    EXPECT_EQ(Freed(kSecret,
                    [&] {
                      const auto plain = (*backend)->Begin("PLAIN", session);
                      EXPECT_GT(Play(plain.get(), user, kSecret, "", initial),
                                0);
                    }),
              0u)
        << initial;
  }
  EXPECT_EQ(Freed(kSecret,
                  [&] {
                    const auto login = (*backend)->Begin("LOGIN", session);
                    EXPECT_EQ(
                        Play(login.get(), "", kSecret, "", false, "alice"), 3);
                  }),
            0u);
  std::filesystem::remove_all(directory);
}

// Proves that the search finds text in freed memory.
TEST(AuthSecretTest, FindsTextInFreedMemory) {
  EXPECT_EQ(Freed(kSecret, [] { const std::string copy(kSecret); }), 1u);
}

}  // namespace
}  // namespace postern::auth
