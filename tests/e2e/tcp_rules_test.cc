// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Compares tcp_rules.h with the programs of ucspi-tcp: generated texts must
// make the same database as with tcprules, octet for octet, and generated
// clients must match the same rule as with tcprulescheck. In expanded networks,
// tcprulescheck must find exactly the clients that the networks contain.

#include "policy/rules/tcp_rules.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "files/cdb_writer.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "net/network_list.h"
#include "policy/rules/tcp_rule_key.h"
#include "policy/rules/tcp_rule_line.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::policy {
namespace {

using Records = files::TestDirectory::Records;

// Returns how many texts to compare with tcprules. 10,000 take minutes:
//   bazel test --test_env=POSTERN_TCP_RULES=10000 //tests/e2e:tcp_rules_test
int Rounds() {
  constexpr int kRounds = 1000;
  const char* const given = getenv("POSTERN_TCP_RULES");
  int rounds = 0;
  return given != nullptr && absl::SimpleAtoi(given, &rounds) ? rounds
                                                              : kRounds;
}

// Runs a program from `input` to `output` and returns its exit code.
int RunProgram(std::vector<std::string> command,
               std::vector<std::string> environment, const std::string& input,
               const std::string& output) {
  const auto pointers = [](std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& string : strings) result.push_back(string.data());
    result.push_back(nullptr);
    return result;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, command[0].c_str(), &actions, nullptr,
                   pointers(command).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(error, 0) << command[0];
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Returns whether a rule of `text` has a colon in its address: what only the
// tcprules of ucspi-tcp-ipv6 accepts.
bool HasColonInAddress(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t end = std::min(line.find(":allow"), line.find(":deny"));
    if (!absl::StartsWith(line, "#") && line.find(':') < end) return true;
  }
  return false;
}

class TcpRulesE2eTest : public testing::Test {
 protected:
  template <typename... Choices>
  std::string Pick(Choices... choices) {
    const std::string all[] = {choices...};
    return all[random_() % sizeof...(choices)];
  }
  bool OneIn(unsigned n) { return random_() % n == 0; }

  std::string Octet() { return Pick("0", "1", "2", "10", "255"); }
  std::string Ip() {
    if (OneIn(2)) return Pick("10.1.2.1", "1.2.10.255");
    return absl::StrCat(Octet(), ".", Octet(), ".", Octet(), ".", Octet());
  }
  std::string Name() {
    return absl::StrCat(Pick("a", "b", "a.b", "127.0", ""),
                        Pick(".b", ".example", ".a.example"));
  }
  std::string Info() { return Pick("joe", "joe", "", "a-b", "x@y"); }

  std::string Range() {
    return absl::StrCat(Pick("0", "1", "2", "9", "", "007", "250", "999"), "-",
                        Pick("1", "2", "3", "", "01", "255", "256", "x"));
  }
  std::string Address() {
    switch (random_() % 10) {
      case 0:
        return Ip();
      case 1:
        return absl::StrCat(Octet(), ".");
      case 2:
        return absl::StrCat(Octet(), ".", Octet(), ".");
      case 3:
        return absl::StrCat("=", Name());
      case 4:
        return absl::StrCat("=.", Pick("b", "example", "a.example"));
      case 5:
        return absl::StrCat(Info(), "@", OneIn(2) ? Ip() : "=" + Name());
      case 6:
        return absl::StrCat(Octet(), ".", Range(), Pick("", ".", ".1", ".1-2"));
      case 7:
        return absl::StrCat(Ip(), Pick("/24", " ", ".", "x", "-3", "-300"));
      case 8:
        return Pick("=", "", "", " ", "1", "=A.B", "=a-b", "-", "1-2");
      default:
        return OneIn(20) ? Pick("2001:db8:", "::1", "a:b") : Ip();
    }
  }
  std::string Variables() {
    std::string text;
    while (OneIn(2)) {
      const std::string quote = Pick("\"", "\"", "\"", "/", "'", ",", "=", "x");
      absl::StrAppend(
          &text, ",", Pick("A", "RELAYCLIENT", "", " B", "C\"", "D:"), "=",
          quote, Pick("", "1", "@fix.me", "a b ", ":deny", "+"), quote);
    }
    return text;
  }
  std::string Line() {
    std::string line =
        absl::StrCat(Address(), ":", Pick("allow", "deny"), Variables());
    if (OneIn(10)) line += Pick(" ", "\t ", "  ");
    if (OneIn(15)) line = Pick("#", "", "# a:allow", "no rule", "\r", "#\r");
    if (OneIn(200)) line += Pick("\r", ",", ",A", ",A=", ",A=x", "x", ":allow");
    if (OneIn(200)) line[random_() % (line.size() + 1)] = ':';
    return line;
  }
  std::string Text() {
    std::string text;
    for (unsigned n = random_() % 30; n > 0; --n) {
      absl::StrAppend(&text, Line(), "\n");
    }
    if (OneIn(2)) text += Line();  // without a line end
    return text;
  }

  // Compiles `text` and returns the exit code.
  int Compile(const std::string& text) {
    folder_.Write("text", text);
    return RunProgram({"tcprules", folder_.File("cdb"), folder_.File("tmp")},
                      {}, folder_.File("text"), "/dev/null");
  }

  // Returns the output of tcprulescheck for `peer`.
  std::string Check(const SessionInfo& peer) {
    std::vector<std::string> environment = {"TCPREMOTEIP=" +
                                            ToString(peer.remote_address)};
    if (!peer.remote_name.empty()) {
      environment.push_back("TCPREMOTEHOST=" + peer.remote_name);
    }
    if (peer.remote_info) {
      environment.push_back("TCPREMOTEINFO=" + *peer.remote_info);
    }
    const int code = RunProgram({"tcprulescheck", folder_.File("cdb")},
                                environment, "/dev/null", folder_.File("said"));
    EXPECT_EQ(code, 0);
    return folder_.Read("said");
  }

  // Returns the result of TcpRules::Find(), in the form of tcprulescheck.
  std::string Find(const SessionInfo& peer) {
    const auto rules = TcpRules::Open(folder_.File("cdb"));
    EXPECT_TRUE(rules.ok()) << rules.status();
    const auto match = rules->Find(peer);
    EXPECT_TRUE(match.ok()) << match.status();
    std::string said =
        match->key ? absl::StrCat("rule ", *match->key, ":\n") : "default:\n";
    if (!match->allow) return said + "deny connection\n";
    for (const auto& [name, value] : match->variables) {
      absl::StrAppend(&said, "set environment variable ", name, "=", value,
                      "\n");
    }
    return said + "allow connection\n";
  }

  SessionInfo Peer() {
    SessionInfo peer;
    peer.remote_address = IpAddress::Parse(Ip());
    if (OneIn(2)) {
      peer.remote_name = Name();
      peer.name_status = NameStatus::kConfirmed;
    }
    if (OneIn(2)) peer.remote_info = Info();
    return peer;
  }

  std::mt19937 random_{20261122};
  files::TestDirectory folder_;
};

TEST_F(TcpRulesE2eTest, TextsMakeTheSameDatabaseAsWithTcprules) {
  const int rounds = Rounds();
  int compiled = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string text = round == 0 ? "" : Text();
    SCOPED_TRACE(text);
    const int code = Compile(text);
    const auto ours = ParseTcpRules("text", text);
    Records records;
    if (ours.ok()) {
      for (const auto& r : ours->rules) records.emplace_back(r.key, r.record);
    }
    ASSERT_EQ(code, ours.ok() && !HasColonInAddress(text) ? 0 : 100)
        << ours.status();
    if (code != 0) continue;
    ++compiled;
    ASSERT_TRUE(files::ReplaceCdb(folder_.File("ours"), records).ok());
    ASSERT_EQ(folder_.Read("ours"), folder_.Read("cdb"));
    // Each rule that a client can have has a line that makes it.
    for (const auto& [key, record] : records) {
      ASSERT_TRUE(!IsTcpRuleKey(key) || TcpRuleLine(key, record)) << key;
    }
  }
  EXPECT_GT(compiled, rounds / 3);
  EXPECT_LT(compiled, rounds * 5 / 6);
}

TEST_F(TcpRulesE2eTest, ExpandedNetworksContainTheSameClientsAsTheirNumbers) {
  int contained = 0;
  int others = 0;
  for (int round = 0; round < 60; ++round) {
    // Networks of addresses that are near each other. Each rule sets N to the
    // length of its network.
    const auto address = [&] {
      return absl::StrCat(Pick("10", "11"), ".", random_() % 4, ".",
                          random_() % 256, ".", random_() % 256);
    };
    std::string text;
    std::vector<net::Network> networks;
    for (int i = 0; i < 8; ++i) {
      const unsigned length = 10 + random_() % 23;
      IpAddress::Bytes bytes = IpAddress::Parse(address())->bytes();
      for (unsigned bit = 96 + length; bit < 128; ++bit) {
        bytes[bit / 8] &= static_cast<uint8_t>(~(0x80U >> bit % 8));
      }
      networks.push_back({IpAddress(bytes), 96 + length});
      absl::StrAppend(&text, networks.back().address.ToString(), "/", length,
                      ":allow,N=\"", length, "\"\n");
    }
    SCOPED_TRACE(text);
    const auto parsed = ParseTcpRules("text", text, TcpNetworks::kExpanded);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    Records records;
    for (const auto& r : parsed->rules) records.emplace_back(r.key, r.record);
    ASSERT_TRUE(files::ReplaceCdb(folder_.File("cdb"), records).ok());
    for (int i = 0; i < 30; ++i) {
      const SessionInfo peer{.remote_address = IpAddress::Parse(address())};
      unsigned longest = 0;
      for (const net::Network& network : networks) {
        if (network.Contains(*peer.remote_address)) {
          longest = std::max(longest, network.bits - 96);
        }
      }
      const std::string said = Check(peer);
      if (longest == 0) {
        ASSERT_EQ(said, "default:\nallow connection\n");
        ++others;
      } else {
        ASSERT_TRUE(absl::StrContains(said, absl::StrCat("N=", longest, "\n")))
            << said << ToString(peer.remote_address);
        ++contained;
      }
    }
  }
  EXPECT_GT(contained, 300);
  EXPECT_GT(others, 300);
}

TEST_F(TcpRulesE2eTest, ClientsMatchTheSameRuleAsWithTcprulescheck) {
  std::vector<std::string> found;
  for (int round = 0; round < 100; ++round) {
    const std::string text = Text();
    SCOPED_TRACE(text);
    if (Compile(text) != 0) continue;
    for (int i = 0; i < 20; ++i) {
      const SessionInfo peer = Peer();
      SCOPED_TRACE(absl::StrCat(peer.remote_info.value_or("(none)"), "@",
                                ToString(peer.remote_address), " ",
                                peer.remote_name));
      found.push_back(Check(peer));
      ASSERT_EQ(Find(peer), found.back());
    }
  }
  // Each kind of key has been found.
  for (absl::string_view said :
       {"default:\n", "rule :\n", "rule =:\n", "rule =.", "rule =a.b", "rule 1",
        "rule joe@1",
        "rule joe@=", "set environment variable A=", "deny connection"}) {
    EXPECT_TRUE(std::any_of(
        found.begin(), found.end(),
        [&](const std::string& text) { return absl::StrContains(text, said); }))
        << std::string(said);
  }
}

}  // namespace
}  // namespace postern::policy
