// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_backend.h"

#include <dlfcn.h>
#include <sasl/sasl.h>

#include <cstdint>
#include <filesystem>  // NOLINT(build/c++17)
#include <memory>
#include <mutex>  // NOLINT(build/c++11)
#include <optional>
#include <string>
#include <thread>  // NOLINT(build/c++11)
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "auth/sasl_test_client.h"
#include "auth/sasl_test_site.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace {

// The addresses that the library got for the last connection on this thread.
thread_local std::string last_local;
thread_local std::string last_remote;

}  // namespace

// Replaces the library's own function, which it calls.
extern "C" __attribute__((visibility("default"))) int sasl_server_new(
    const char* service, const char* host, const char* realm, const char* local,
    const char* remote, const sasl_callback_t* callbacks, unsigned flags,
    sasl_conn_t** connection) {
  static const auto library = reinterpret_cast<decltype(&sasl_server_new)>(
      dlsym(RTLD_NEXT, "sasl_server_new"));
  last_local = local == nullptr ? "none" : local;
  last_remote = remote == nullptr ? "none" : remote;
  return library(service, host, realm, local, remote, callbacks, flags,
                 connection);
}

namespace postern::auth {
namespace {

constexpr absl::string_view kPasswordMechanisms[] = {
    "PLAIN",       "LOGIN",         "CRAM-MD5",     "DIGEST-MD5",
    "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};

// The library reads one configuration in a process.
const SaslTestSite& Site() {
  static const SaslTestSite* const site = [] {
    auto* const made = new SaslTestSite;
    made->UseUserFile();
    made->AddUser("alice", "mx.example.org", "wonderland");
    made->AddUser("bob", "mx.example.org", "builder");
    made->AddUser("carol", "other.example", "christmas");
    return made;
  }();
  return *site;
}

class RemovesTheSite : public testing::Environment {
  void TearDown() override { std::filesystem::remove_all(Site().Path()); }
};
testing::Environment* const kRemovesTheSite =
    testing::AddGlobalTestEnvironment(new RemovesTheSite);

// Collects the reports of the backend.
class Reports {
 public:
  log::Report report() {
    return [this](absl::string_view what) {
      const std::lock_guard<std::mutex> lock(mutex_);
      lines_.push_back(std::string(what));
    };
  }
  std::string Take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return absl::StrJoin(std::exchange(lines_, {}), "\n");
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

SharedTlsInfo Tls(TlsInfo info) {
  return std::make_shared<const TlsInfo>(std::move(info));
}

class SaslBackendTest : public testing::Test {
 protected:
  SaslBackendTest() { backend_ = Open({}); }
  // A report that a test does not take is a failure.
  ~SaslBackendTest() override { EXPECT_EQ(reports_.Take(), ""); }

  std::shared_ptr<SaslBackend> Open(SaslOptions options) {
    options.config_dir = Site().Path();
    options.host_name = "mx.example.org";
    options.report = reports_.report();
    absl::StatusOr<std::shared_ptr<SaslBackend>> backend =
        SaslBackend::Open(std::move(options));
    EXPECT_TRUE(backend.ok()) << backend.status();
    return backend.ok() ? *backend : nullptr;
  }

  std::unique_ptr<AuthExchange> Begin(absl::string_view mechanism,
                                      SessionInfo session = {}) {
    return backend_->Begin(
        mechanism, std::make_shared<const SessionInfo>(std::move(session)));
  }

  std::string Login(absl::string_view mechanism, SaslTestUser user,
                    bool initial = true) {
    SaslTestClient client(std::string(mechanism), std::move(user));
    return Play(Begin(mechanism).get(), &client, initial);
  }

  // Sends `messages`, the first one with AUTH if `initial`. Returns the last
  // answer.
  std::string Say(absl::string_view mechanism,
                  const std::vector<std::string>& messages,
                  bool initial = false) {
    const std::unique_ptr<AuthExchange> exchange = Begin(mechanism);
    std::optional<std::string> first;
    if (initial) first.emplace(messages.front());
    AuthAnswer answer = StartNow(exchange.get(), first);
    for (size_t i = initial ? 1 : 0; i < messages.size(); ++i) {
      if (!std::holds_alternative<AuthChallenge>(answer)) {
        return absl::StrCat(Describe(answer), " before the end");
      }
      answer = RespondNow(exchange.get(), messages[i]);
    }
    return Describe(answer);
  }

  Reports reports_;
  std::shared_ptr<SaslBackend> backend_;
};

TEST_F(SaslBackendTest, EachMechanismGivesTheSameIdentity) {
  for (absl::string_view mechanism : kPasswordMechanisms) {
    for (bool initial : {true, false}) {
      const std::string granted = "granted alice@mx.example.org";
      EXPECT_EQ(Login(mechanism, {"alice", "wonderland"}, initial), granted)
          << mechanism;
      EXPECT_EQ(
          Login(mechanism, {"alice@mx.example.org", "wonderland"}, initial),
          granted)
          << mechanism;
    }
  }
}

TEST_F(SaslBackendTest, AllWrongCredentialsGetTheSameReply) {
  for (absl::string_view mechanism : kPasswordMechanisms) {
    for (const SaslTestUser& user : std::vector<SaslTestUser>{
             {"alice", "Wonderland"},
             {"alice", "wonderlan"},
             {"nobody", "wonderland"},
             {"carol", "christmas"},
             {"carol@other.example", "christmas"},  // not in the list of realms
             {"alice@MX.example.org", "wonderland"},
             {"alice@mx.example.org@mx.example.org", "wonderland"}}) {
      EXPECT_EQ(Login(mechanism, user), "535 5.7.8")
          << mechanism << " " << user.name;
    }
  }
}

TEST_F(SaslBackendTest, NoUserMayActAsAnother) {
  for (absl::string_view mechanism : {"PLAIN", "SCRAM-SHA-256", "DIGEST-MD5"}) {
    EXPECT_EQ(Login(mechanism, {"alice", "wonderland", "bob"}), "535 5.7.8")
        << mechanism;
    EXPECT_EQ(Login(mechanism, {"alice", "wonderland", "alice@mx.example.org"}),
              "granted alice@mx.example.org")
        << mechanism;
  }
}

TEST_F(SaslBackendTest, OnlyListedRealmsAreAccepted) {
  backend_ = Open({.realms = {"other.example", "mx.example.org"}});
  for (absl::string_view mechanism : kPasswordMechanisms) {
    EXPECT_EQ(Login(mechanism, {"carol", "christmas"}),
              "granted carol@other.example")
        << mechanism;
    if (mechanism == "DIGEST-MD5") continue;  // its client gets only one realm
    EXPECT_EQ(Login(mechanism, {"alice@mx.example.org", "wonderland"}),
              "granted alice@mx.example.org")
        << mechanism;
  }
}

TEST_F(SaslBackendTest, RefusesMessagesThatDoNotFollowTheMechanism) {
  using namespace std::string_literals;  // NOLINT(build/namespaces)
  const std::string digest(32, '0');
  const std::string big(9000, 'x');
  const struct {
    absl::string_view mechanism;
    bool initial;
    std::vector<std::string> messages;
    std::string reply;
  } kCases[] = {
      {"PLAIN", true, {""}, "501 5.5.2"},
      {"PLAIN", false, {""}, "501 5.5.2"},
      {"PLAIN", true, {"alice"}, "501 5.5.2"},
      {"PLAIN", true, {"\0alice"s}, "501 5.5.2"},
      {"PLAIN", true, {"\0alice\0"s}, "535 5.7.8"},
      {"PLAIN", true, {"\0alice\0wonderland\0"s}, "501 5.5.2"},
      {"PLAIN", true, {"\0alice\0wonderland\0x"s}, "501 5.5.2"},
      {"PLAIN", true, {"\0\0wonderland"s}, "501 5.5.2"},
      {"PLAIN", true, {"\0 \t\0wonderland"s}, "501 5.5.2"},
      {"PLAIN", true, {"\0@\0x"s}, "501 5.5.2"},
      {"PLAIN", true, {"\0@mx.example.org\0x"s}, "501 5.5.2"},
      {"PLAIN", true, {"\0alice\0"s + big}, "535 5.7.8"},
      {"PLAIN", true, {"\0"s + big + "\0x"s}, "501 5.5.2"},
      {"PLAIN", true, {big}, "501 5.5.2"},
      {"LOGIN", false, {"", "x"}, "501 5.5.2"},
      {"LOGIN", false, {"alice", ""}, "535 5.7.8"},
      {"LOGIN", false, {"alice", "wonderland\0"s}, "501 5.5.2"},
      {"LOGIN", false, {"alice\0"s}, "501 5.5.2"},
      {"LOGIN", true, {"alice\0"s}, "501 5.5.2"},
      {"LOGIN", false, {big}, "501 5.5.2"},
      {"LOGIN", false, {big.substr(0, 1020), "x"}, "501 5.5.2"},
      {"LOGIN", true, {"", "", "x"}, "501 5.5.2"},
      {"LOGIN", true, {"carol@other.example", "christmas"}, "535 5.7.8"},
      {"LOGIN", false, {"alice", big}, "501 5.5.2"},
      {"CRAM-MD5", false, {""}, "501 5.5.2"},
      {"CRAM-MD5", false, {"alice"}, "501 5.5.2"},
      {"CRAM-MD5", false, {" " + digest}, "501 5.5.2"},
      {"CRAM-MD5", false, {"alice " + digest}, "535 5.7.8"},
      {"CRAM-MD5", false, {"nobody " + digest}, "535 5.7.8"},
      {"CRAM-MD5", false, {"alice 0"}, "535 5.7.8"},
      {"CRAM-MD5", false, {big + " " + digest}, "501 5.5.2"},
      {"DIGEST-MD5", false, {""}, "535 5.7.8"},
      {"DIGEST-MD5", false, {"x"}, "535 5.7.8"},
      {"DIGEST-MD5", false, {"username=\"alice\""}, "535 5.7.8"},
      {"DIGEST-MD5", false, {big}, "501 5.5.2"},
      {"SCRAM-SHA-256", true, {"x"}, "501 5.5.2"},
      {"SCRAM-SHA-256", true, {"n,,n=,r=abcdefgh"}, "501 5.5.2"},
      {"SCRAM-SHA-256", true, {"n,,n=nobody,r=abcdefgh"}, "535 5.7.8"},
      {"SCRAM-SHA-256", true, {"n,,n=alice,r=abcdefgh", ""}, "501 5.5.2"},
      {"SCRAM-SHA-256", true, {"n,,n=alice,r=abcdefgh", big}, "501 5.5.2"},
      {"SCRAM-SHA-256", true, {"n,,n=" + big + ",r=abcdefgh"}, "501 5.5.2"},
      {"EXTERNAL", true, {""}, "535 5.7.8"},  // no certificate
      {"EXTERNAL", true, {"alice"}, "535 5.7.8"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Say(c.mechanism, c.messages, c.initial), c.reply)
        << c.mechanism << " " << absl::StrJoin(c.messages, " | ").substr(0, 80);
  }
}

TEST_F(SaslBackendTest, IfTheServerIsFirstAnInitialResponseIsRefused) {
  EXPECT_EQ(Say("CRAM-MD5", {""}, /*initial=*/true), "501 5.7.0");
  EXPECT_EQ(Say("CRAM-MD5", {"alice 0"}, /*initial=*/true), "501 5.7.0");
}

TEST_F(SaslBackendTest, TheServersLastDataComesBeforeSuccess) {
  for (absl::string_view last : {"", "x"}) {
    SaslTestClient client("SCRAM-SHA-256", {"alice", "wonderland"});
    const std::unique_ptr<AuthExchange> exchange = Begin("SCRAM-SHA-256");
    AuthAnswer answer = StartNow(exchange.get(), client.initial_response());
    EXPECT_EQ(std::get<AuthChallenge>(answer).reveals,
              AuthChallenge::Reveals::kNothing);
    const auto salt = std::get<AuthChallenge>(answer).bytes;
    answer = RespondNow(exchange.get(), *client.Respond(salt));
    EXPECT_EQ(std::get<AuthChallenge>(answer).reveals,
              AuthChallenge::Reveals::kRight);
    const auto proof = std::get<AuthChallenge>(answer).bytes;
    EXPECT_EQ(proof.substr(0, 2), "v=");
    ASSERT_TRUE(client.Respond(proof).has_value());
    answer = RespondNow(exchange.get(), std::string(last));
    EXPECT_EQ(Describe(answer),
              last.empty() ? "granted alice@mx.example.org" : "501 5.5.2");
  }
}

TEST_F(SaslBackendTest, ExternalAuthenticatesTheWholeSubject) {
  const std::string subject = "emailAddress=alice@example.org,CN=al\\,ice";
  const struct {
    std::optional<std::string> response;
    std::string subject, answer;
  } kCases[] = {
      {"", subject, "granted " + subject},
      {"", "CN=alice,O=Example", "granted CN=alice,O=Example"},
      {subject, subject, "granted " + subject},
      {std::nullopt, subject, "challenge "},
      {"alice", subject, "535 5.7.8"},
      {"alice@example.org", subject, "535 5.7.8"},
      {subject + std::string(1, '\0'), subject, "501 5.5.2"},
      {"", "", "535 5.7.8"},
      {"alice@mx.example.org", "", "535 5.7.8"},
      {"", "CN=" + std::string(2000, 'x'), "501 5.5.2"},
  };
  for (const auto& c : kCases) {
    const std::unique_ptr<AuthExchange> exchange =
        Begin("EXTERNAL", {.tls = Tls({.cipher = "TLS_AES_128_GCM_SHA256",
                                       .peer_subject = c.subject})});
    EXPECT_EQ(Describe(StartNow(exchange.get(), c.response)), c.answer)
        << c.response.value_or("none") << " " << c.subject;
  }
  const std::unique_ptr<AuthExchange> exchange =
      Begin("EXTERNAL", {.tls = Tls({.peer_subject = subject})});
  StartNow(exchange.get(), {});
  EXPECT_EQ(Describe(RespondNow(exchange.get(), "")), "granted " + subject);
}

TEST_F(SaslBackendTest, PassesOnAddressesOfBothFamiliesIfKnown) {
  for (const std::string address : {"", "192.0.2.1", "2001:db8::1"}) {
    for (uint16_t port : {0, 25}) {
      const std::unique_ptr<AuthExchange> exchange = Begin(
          "DIGEST-MD5", {.remote_address = IpAddress::Parse(address),
                         .remote_port = port,
                         .local_address = IpAddress::Parse("198.51.100.7"),
                         .local_port = 587});
      SaslTestClient client("DIGEST-MD5", {"alice", "wonderland"});
      EXPECT_EQ(Play(exchange.get(), &client), "granted alice@mx.example.org")
          << address << " " << port;
      const bool known = port != 0 && !address.empty();
      EXPECT_EQ(last_remote, known ? absl::StrCat(address, ";", port) : "none");
      EXPECT_EQ(last_local, "198.51.100.7;587");
    }
  }
}

TEST_F(SaslBackendTest, ReturnsTheNameThatTheClientClaims) {
  using namespace std::string_literals;  // NOLINT(build/namespaces)
  const std::unique_ptr<AuthExchange> plain = Begin("PLAIN");
  EXPECT_EQ(plain->user(), "");
  StartNow(plain.get(), "\0alice\0wrong"s);
  EXPECT_EQ(plain->user(), "alice@mx.example.org");
  const std::unique_ptr<AuthExchange> login = Begin("LOGIN");
  StartNow(login.get(), {});
  RespondNow(login.get(), " nobody ");
  EXPECT_EQ(login->user(), "nobody@mx.example.org");
  RespondNow(login.get(), "wrong");
  EXPECT_EQ(login->user(), "nobody@mx.example.org");
  const std::unique_ptr<AuthExchange> stranger = Begin("PLAIN");
  StartNow(stranger.get(), "\0eve@elsewhere.example\0wrong"s);
  EXPECT_EQ(stranger->user(), "eve@elsewhere.example");
}

TEST_F(SaslBackendTest, ExchangesAreIndependent) {
  for (absl::string_view mechanism : kPasswordMechanisms) {
    SaslTestClient alice(std::string(mechanism), {"alice", "wonderland"});
    SaslTestClient bob(std::string(mechanism), {"bob", "builder"});
    SaslTestClient eve(std::string(mechanism), {"alice", "wrong"});
    const std::unique_ptr<AuthExchange> first = Begin(mechanism);
    const std::unique_ptr<AuthExchange> second = Begin(mechanism);
    const std::unique_ptr<AuthExchange> third = Begin(mechanism);
    AuthAnswer a = StartNow(first.get(), alice.initial_response());
    AuthAnswer b = StartNow(second.get(), bob.initial_response());
    AuthAnswer e = StartNow(third.get(), eve.initial_response());
    for (int step = 0; step < 5; ++step) {
      const auto go_on = [](AuthExchange* exchange, SaslTestClient* client,
                            AuthAnswer* answer) {
        if (const auto* challenge = std::get_if<AuthChallenge>(answer)) {
          *answer = RespondNow(exchange,
                               client->Respond(challenge->bytes).value_or("-"));
        }
      };
      go_on(third.get(), &eve, &e);
      go_on(second.get(), &bob, &b);
      go_on(first.get(), &alice, &a);
    }
    EXPECT_EQ(Describe(a), "granted alice@mx.example.org") << mechanism;
    EXPECT_EQ(Describe(b), "granted bob@mx.example.org") << mechanism;
    EXPECT_EQ(Describe(e), "535 5.7.8") << mechanism;
  }
}

TEST_F(SaslBackendTest, ExchangesMayEndAtAnyStepAndOutliveTheBackend) {
  for (absl::string_view mechanism : kPasswordMechanisms) {
    for (int steps = 0; steps < 4; ++steps) {
      SaslTestClient client(std::string(mechanism), {"alice", "wonderland"});
      const std::unique_ptr<AuthExchange> exchange =
          Open({})->Begin(mechanism, std::make_shared<const SessionInfo>());
      if (steps == 0) continue;
      AuthAnswer answer = StartNow(exchange.get(), client.initial_response());
      for (int step = 1; step < steps; ++step) {
        const auto* challenge = std::get_if<AuthChallenge>(&answer);
        if (challenge == nullptr) break;
        answer = RespondNow(exchange.get(), *client.Respond(challenge->bytes));
      }
    }
  }
}

TEST_F(SaslBackendTest, OffersMechanismsThatShowNoSecretFirst) {
  std::vector<std::string> names;
  bool shown = false;
  for (const Mechanism& mechanism : backend_->mechanisms()) {
    EXPECT_FALSE(shown && !mechanism.shows_secret) << mechanism.name;
    shown = mechanism.shows_secret;
    EXPECT_EQ(shown, mechanism.name == "PLAIN" || mechanism.name == "LOGIN")
        << mechanism.name;
    EXPECT_NE(mechanism.name, "ANONYMOUS");
    names.push_back(mechanism.name);
  }
  const std::string all = absl::StrCat(" ", absl::StrJoin(names, " "), " ");
  EXPECT_TRUE(absl::StrContains(
      all,
      " SCRAM-SHA-512 SCRAM-SHA-384 SCRAM-SHA-256 SCRAM-SHA-224 SCRAM-SHA-1 "))
      << all;
  for (absl::string_view mechanism : kPasswordMechanisms) {
    EXPECT_TRUE(absl::StrContains(all, absl::StrCat(" ", mechanism, " ")))
        << mechanism;
  }
  EXPECT_TRUE(absl::StrContains(all, " EXTERNAL ")) << all;
}

TEST_F(SaslBackendTest, ServesOnlyWhatItOffers) {
  backend_ = Open({.mechanisms = {"PLAIN"}});
  EXPECT_NE(Begin("PLAIN"), nullptr);
  EXPECT_EQ(Begin("LOGIN"), nullptr);
  EXPECT_EQ(Begin("UNKNOWN"), nullptr);
}

TEST_F(SaslBackendTest, OffersTheListedMechanismsInOrder) {
  std::vector<std::string> names;
  for (const Mechanism& mechanism :
       Open({.mechanisms = {"login", "PLAIN"}})->mechanisms()) {
    names.push_back(mechanism.name);
  }
  EXPECT_EQ(names, std::vector<std::string>({"LOGIN", "PLAIN"}));

  SaslOptions options = {.config_dir = Site().Path(),
                         .host_name = "mx.example.org"};
  for (const char* none : {"ANONYMOUS", "X-NONE", ""}) {
    options.mechanisms = {"PLAIN", none};
    const absl::Status status = SaslBackend::Open(options).status();
    EXPECT_TRUE(absl::IsNotFound(status)) << none << " " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), none)) << status;
  }
  options.host_name = "";
  EXPECT_TRUE(absl::IsInvalidArgument(SaslBackend::Open(options).status()));
}

TEST_F(SaslBackendTest, AMissingOrDamagedFileOfUsersIsAnOutage) {
  const std::string file = Site().Path("sasldb2"), kept = Site().Path("kept");
  for (const char* what : {"missing", "a directory"}) {
    std::filesystem::rename(file, kept);
    const bool missing = std::string(what) == "missing";
    if (!missing) std::filesystem::create_directory(file);
    for (absl::string_view mechanism : kPasswordMechanisms) {
      EXPECT_EQ(Login(mechanism, {"alice", "wonderland"}), "454 4.7.0")
          << mechanism << " " << what;
      const std::string report = reports_.Take();
      EXPECT_TRUE(absl::StrContains(report, mechanism)) << report;
      EXPECT_TRUE(absl::StrContains(report, file)) << report;
      EXPECT_TRUE(absl::StrContains(
          report, missing ? "No such file" : "Is a directory"))
          << report;
      EXPECT_FALSE(absl::StrContains(report, "\n")) << report;
      EXPECT_FALSE(absl::StrContains(report, "wonderland")) << report;
    }
    Open({});
    EXPECT_EQ(absl::StrContains(reports_.Take(), file), missing);
    std::filesystem::remove(file);
    std::filesystem::rename(kept, file);
    EXPECT_EQ(Login("PLAIN", {"alice", "wonderland"}),
              "granted alice@mx.example.org");
  }
}

TEST_F(SaslBackendTest, ServesSeveralThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      for (int login = 0; login < 50; ++login) {
        const absl::string_view mechanism =
            kPasswordMechanisms[(i + login) % std::size(kPasswordMechanisms)];
        const bool right = login % 3 != 0;
        EXPECT_EQ(Login(mechanism, {"bob", right ? "builder" : "Builder"}),
                  right ? "granted bob@mx.example.org" : "535 5.7.8")
            << mechanism;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace postern::auth
