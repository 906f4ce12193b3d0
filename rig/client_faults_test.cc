// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What unmodified clients do when they meet each fault. The table in
// docs/rig.md is the test: each row is a fault, each cell what a client makes
// of it. The test writes the table of this run to rig_clients.md in Bazel's
// undeclared outputs.

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "rig/fault.h"
#include "rig/fault_script.h"
#include "rig/processes.h"
#include "rig/server.h"

namespace postern::rig {
namespace {

// The cell of a client that has sent its message and never came to the place of
// the fault.
constexpr absl::string_view kNeverThere = "—";

struct Row {
  std::string line;  // of a fault script
  Fault fault;
  std::vector<std::string> cells;
};

struct Table {
  std::vector<std::string> clients;  // name, blank, version
  std::vector<Row> rows;
};

// Reads the table of docs/rig.md: "| fault | smtplib VERSION | ... |" and its
// rows.
Table ReadTable() {
  std::ifstream file("docs/rig.md");
  Table table;
  for (std::string line; std::getline(file, line);) {
    const bool head = absl::StartsWith(line, "| fault | smtplib ");
    if (!head && (table.clients.empty() || absl::StartsWith(line, "|-"))) {
      continue;
    }
    if (!absl::StartsWith(line, "| ")) break;
    std::vector<std::string> cells;
    for (const absl::string_view cell : absl::StrSplit(line, '|')) {
      cells.emplace_back(absl::StripAsciiWhitespace(cell));
    }
    // There is nothing before the first '|', and nothing after the last one.
    cells = {cells.begin() + 1, cells.end() - 1};
    Row row;
    row.line = cells[0].substr(1, cells[0].size() - 2);
    cells.erase(cells.begin());
    if (head) {
      table.clients = std::move(cells);
      continue;
    }
    EXPECT_EQ(cells.size(), table.clients.size()) << line;
    const auto faults = ParseFaultScript(row.line, "docs/rig.md");
    EXPECT_TRUE(faults.ok() && faults->size() == 1)
        << row.line << ": " << faults.status();
    if (!faults.ok() || cells.size() != table.clients.size()) continue;
    row.fault = faults->front();
    row.cells = std::move(cells);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Returns what the client must do: nothing special, use TLS, or authenticate.
absl::string_view ModeOf(const Fault& fault) {
  const std::string line = FormatFault(fault);
  if (fault.stage == Stage::kTls || fault.stage == Stage::kStartTls ||
      absl::StrContains(line, "hide=STARTTLS")) {
    return "tls";
  }
  if (fault.stage == Stage::kAuth || absl::StrContains(line, "hide=AUTH")) {
    return "auth";
  }
  return "plain";
}

// Runs a shell command that succeeds. Returns what it has printed.
std::string Shell(const std::string& command) {
  Ended ended = RunCommand(command, absl::Minutes(2));
  EXPECT_EQ(ended.exit_code, 0) << command;
  return std::move(ended.printed);
}

// Waits until the sessions have ended, at least one. A client may report
// success before it sends QUIT, and may have had two sessions.
void WaitForItsSessions(const Server& server) {
  const size_t sessions = std::max<size_t>(1, server.sessions().size());
  EXPECT_GE(server.WaitForSessions(sessions).size(), sessions);
}

// Runs a client against a server for each row. Returns its cells.
std::vector<std::string> Meet(const std::string& client, const Table& table) {
  std::vector<std::unique_ptr<Server>> servers;
  const std::string path = absl::StrCat(testing::TempDir(), "/", client);
  std::ofstream input(path);
  for (const Row& row : table.rows) {
    const absl::string_view mode = ModeOf(row.fault);
    Options options;
    if (mode == "tls") options.tls = TlsMode::kStartTls;
    if (mode == "auth") options.users = {{"alice", "secret", ""}};
    Server& server =
        *servers.emplace_back(std::make_unique<Server>(std::move(options)));
    server.Add(row.fault);
    // A client that waits for a reply which never comes must give up soon.
    const bool stalls =
        row.fault.delay == absl::InfiniteDuration() ||
        absl::StartsWith(row.fault.raw.value_or(""), "nonsense");
    input << server.port() << ' ' << mode << ' ' << (stalls ? 2 : 15) << ' '
          << server.CaFile() << '\n';
  }
  input.close();
  const std::string command =
      client == "nodemailer" ? "node --require ./rig/clients/no_dns.js "
                               "rig/clients/nodemailer.js "
                               "external/npm/node_modules/nodemailer"
                             : absl::StrCat("python3 -B rig/clients/send.py ",
                                            absl::AsciiStrToLower(client));
  std::map<int, std::string> outcomes;  // by port
  for (const absl::string_view line :
       absl::StrSplit(Shell(absl::StrCat(command, " <", path)), '\n')) {
    const std::pair<absl::string_view, absl::string_view> words =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    int port = 0;
    if (!absl::SimpleAtoi(words.first, &port)) continue;
    outcomes[port] = std::string(words.second);
  }
  std::vector<std::string> cells;
  for (const auto& server : servers) {
    std::string cell = outcomes[server->port()];
    SCOPED_TRACE(table.rows[cells.size()].line);
    WaitForItsSessions(*server);
    const size_t kept = server->messages().size();
    if (cell == "sent" && server->faults().applied() == 0) {
      cell = std::string(kNeverThere);
    }
    if (cell == "sent" && kept == 0) cell += ", not kept";
    if (!absl::StartsWith(cell, "sent") && cell != kNeverThere && kept > 0) {
      cell += ", kept";
    }
    if (kept > 1) absl::StrAppend(&cell, " ", kept, " times");
    cells.push_back(std::move(cell));
  }
  return cells;
}

// Whether a cell of the document allows what a client has done. "A or B" is for
// a client whose error depends on what it notices first.
bool Allows(absl::string_view cell, absl::string_view outcome) {
  for (const absl::string_view one : absl::StrSplit(cell, " or ")) {
    if (one == outcome) return true;
  }
  return false;
}

// Whether the installed client has the version that the table describes. npm
// pins nodemailer's.
bool HasVersion(const std::string& client, absl::string_view version) {
  const std::map<std::string, const char*> commands = {
      {"smtplib", "python3 --version"},
      {"swaks", "swaks --version"},
      {"msmtp", "msmtp --version"},
      {"curl", "curl --version"},
      {"Postfix", "echo \"Postfix $(postconf -d -h mail_version)\""},
      {"nodemailer",
       "grep '\"version\"' "
       "external/npm/node_modules/nodemailer/package.json"}};
  const std::string printed = Shell(commands.at(client));
  for (const absl::string_view word :
       absl::StrSplit(printed, absl::ByAnyChar(" \n\","))) {
    if (word == version || absl::StartsWith(word, absl::StrCat(version, "."))) {
      return true;
    }
  }
  return false;
}

bool CanRunPostfix() {
  return geteuid() == 0 && getpwnam("postfix") != nullptr &&
         getgrnam("postdrop") != nullptr &&
         access("/usr/sbin/postconf", X_OK) == 0;
}

// A new effect without a row would be a fault that no client has met.
TEST(ClientFaultsTableTest, HasEachPlaceAndEffect) {
  std::string lines;
  for (const Row& row : ReadTable().rows) {
    absl::StrAppend(&lines, "\n", FormatFault(row.fault), "\n");
  }
  for (int i = 0; i < kStages; ++i) {
    const absl::string_view stage = StageName(static_cast<Stage>(i));
    EXPECT_TRUE(absl::StrContains(lines, absl::StrCat("\n", stage, " ")))
        << stage;
  }
  for (const absl::string_view effect : {" reply 4",
                                         " reply 5",
                                         " reply 421",
                                         " reply 2",
                                         " raw ",
                                         " delay=",
                                         " stall",
                                         " close=before",
                                         " close=inside",
                                         " close=after",
                                         " after=",
                                         " split",
                                         " write-rate=",
                                         " read-rate=",
                                         " hide=",
                                         " quota=",
                                         " each",
                                         " certificate=expired",
                                         " certificate=not-yet",
                                         " certificate=self-signed",
                                         " certificate=wrong-name",
                                         " certificate=untrusted"}) {
    EXPECT_TRUE(absl::StrContains(lines, effect)) << effect;
  }
}

class ClientFaultsTest : public testing::TestWithParam<const char*> {};

TEST_P(ClientFaultsTest, DoesWhatTheDocumentSays) {
  const std::string client = GetParam();
  if (client == "Postfix" && !CanRunPostfix()) {
    GTEST_SKIP() << "Postfix is not installed, or this is not root";
  }
  const Table table = ReadTable();
  ASSERT_FALSE(table.rows.empty());
  size_t column = 0;
  while (column < table.clients.size() &&
         !absl::StartsWith(table.clients[column], client + " ")) {
    ++column;
  }
  ASSERT_LT(column, table.clients.size()) << "docs/rig.md has no such column";
  const std::vector<std::string> cells = Meet(client, table);
  // Another release of a client may have other errors, but each must have an
  // outcome, and none may lose a message.
  const bool described =
      HasVersion(client, table.clients[column].substr(client.size() + 1));
  for (size_t i = 0; i < table.rows.size(); ++i) {
    EXPECT_NE(cells[i], "") << table.rows[i].line;
    EXPECT_NE(cells[i], "sent, not kept") << table.rows[i].line;
    EXPECT_TRUE(!described || Allows(table.rows[i].cells[column], cells[i]))
        << table.rows[i].line
        << "\n  docs/rig.md: " << table.rows[i].cells[column] << "\n  "
        << client << ": " << cells[i];
  }
  if (const char* directory = getenv("TEST_UNDECLARED_OUTPUTS_DIR")) {
    std::ofstream(absl::StrCat(directory, "/", client))
        << absl::StrJoin(cells, "\n") << "\n";
  }
  if (!described) {
    GTEST_SKIP() << "this is not " << table.clients[column]
                 << ": what it did is not compared with docs/rig.md";
  }
}

// Returns whether a process has `text` in its command line.
bool HasProcess(absl::string_view text) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string line(std::istreambuf_iterator<char>(file), {});
    if (absl::StrContains(line, text)) return true;
  }
  return false;
}

// A client that takes too long gets SIGTERM from timeout(1).
TEST(PostfixClientTest, EndsWithoutAProcessAtSigterm) {
  if (!CanRunPostfix()) {
    GTEST_SKIP() << "Postfix is not installed, or this is not root";
  }
  Server server;
  server.On(Rcpt()).Stall();
  const std::string name = absl::StrCat("postern-postfix-", server.port(), "-");
  const std::string path = absl::StrCat(testing::TempDir(), "/stalled");
  std::ofstream(path) << server.port() << " plain 60 " << server.CaFile()
                      << '\n';
  Ended ended;
  std::thread client([&] {
    ended = RunCommand(absl::StrCat(
        "sh -c 'echo $$ >", path,
        ".pid; exec python3 -B rig/clients/send.py postfix' <", path));
  });
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (server.sessions().empty() && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(server.sessions().size(), 1u);
  EXPECT_TRUE(HasProcess(name));
  pid_t pid = 0;
  std::ifstream(path + ".pid") >> pid;
  ASSERT_GT(pid, 0);
  EXPECT_EQ(kill(pid, SIGTERM), 0);
  client.join();
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_FALSE(HasProcess(name));
}

INSTANTIATE_TEST_SUITE_P(Each, ClientFaultsTest,
                         testing::Values("smtplib", "swaks", "msmtp", "curl",
                                         "Postfix", "nodemailer"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace postern::rig
