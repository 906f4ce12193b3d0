// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Compares what a session replies to each verb in each phase with the table
// in docs/architecture.md.

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/verb.h"
#include "engine/server_config.h"
#include "gtest/gtest.h"
#include "tests/replay.h"

namespace postern {
namespace {

using Row = std::vector<std::string>;

// Returns the cells of the Markdown table in `path` whose head begins with
// "verb", head first and without the line under it.
std::vector<Row> ReadTable(const std::string& path) {
  std::vector<Row> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const bool row_of_it =
        absl::StartsWith(line, rows.empty() ? "| verb " : "|");
    if (!row_of_it && !rows.empty()) break;
    if (!row_of_it || absl::StartsWith(line, "|-")) continue;
    Row& row = rows.emplace_back();
    for (absl::string_view cell : absl::StrSplit(line, '|')) {
      row.emplace_back(absl::StripAsciiWhitespace(cell));
    }
    // What is left and right of the outer bars.
    row.erase(row.begin());
    row.pop_back();
  }
  return rows;
}

struct Place {
  absl::string_view name;  // as in the table's head
  Phase phase;
  absl::string_view way;  // what leads there
  bool require_tls = false;
  bool require_auth = false;
};

#define POSTERN_TO_RCPT "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\n"

constexpr Place kPlaces[kPhases] = {
    {"refused", Phase::kRefused, ""},
    {"no-tls", Phase::kTlsRequired, "EHLO c\r\n", /*require_tls=*/true},
    {"ungreeted", Phase::kUngreeted, ""},
    {"no-auth", Phase::kAuthRequired, "EHLO c\r\n", false,
     /*require_auth=*/true},
    {"idle", Phase::kIdle, "EHLO c\r\n"},
    {"mail", Phase::kMail, "EHLO c\r\nMAIL FROM:<s@x>\r\n"},
    {"rcpt", Phase::kRcpt, POSTERN_TO_RCPT},
    {"chunks", Phase::kChunks, POSTERN_TO_RCPT "BDAT 0\r\n"},
    {"broken", Phase::kBroken, POSTERN_TO_RCPT "BDAT 11\r\n12345678901"},
};

// Returns the table's name of a verb's row: one row stands for all verbs that
// are treated alike.
std::string RowName(const VerbRow& row) {
  switch (row.verb) {
    case Verb::kUnimplemented:
      return "unimplemented";
    case Verb::kWeb:
      return "web";
    case Verb::kUnknown:
      return "unknown";
    default:
      return std::string(row.name);
  }
}

// Returns a well-formed command of the verb.
std::string Command(const VerbRow& row) {
  switch (row.verb) {
    case Verb::kMail:
      return "MAIL FROM:<t@y>";
    case Verb::kRcpt:
      return "RCPT TO:<v@e>";
    case Verb::kBdat:
      return "BDAT 0";
    case Verb::kAuth:
      return "AUTH PLAIN AHUAcA==";
    case Verb::kXClient:
      return "XCLIENT PORT=25";
    case Verb::kUnknown:
      return "XYZZY";
    default:
      if (row.argument == Argument::kNone) return std::string(row.name);
      return absl::StrCat(row.name, " c");
  }
}

// Returns the code of the last reply.
std::string LastCode(absl::string_view replies) {
  const std::vector<absl::string_view> lines =
      absl::StrSplit(replies, "\r\n", absl::SkipEmpty());
  return lines.empty() ? "" : std::string(lines.back().substr(0, 3));
}

// Returns what the session says to `row`'s verb at `place`.
std::string Observe(const VerbRow& row, const Place& place) {
  ServerConfig config;
  config.greeting = "mx";
  config.max_message_size = 10;
  config.offer_starttls = true;
  config.mechanisms_without_tls = {"PLAIN"};
  config.xclient = true;
  config.require_tls = place.require_tls;
  config.require_auth = place.require_auth;
  const Outcome outcome = Replay(
      config, {absl::StrCat(place.way, Command(row), "\r\n")}, WireEnd::kOpen,
      {}, [&](const Ask& ask, const Envelope&) -> std::optional<AnyAnswer> {
        if (std::holds_alternative<AuthBegin>(ask.what)) {
          return AuthGranted{"someone"};
        }
        if (place.phase == Phase::kRefused &&
            std::holds_alternative<Connected>(ask.what)) {
          return Verdict::Refuse({554, {}, "no"});
        }
        return Verdict::Accept();
      });
  return LastCode(outcome.replies);
}

TEST(StateMatrixTest, IsAsTheTableSays) {
  const std::vector<Row> rows = ReadTable("docs/architecture.md");
  ASSERT_GT(rows.size(), 1u);
  ASSERT_EQ(rows[0].size(), kPhases + 1u);
  for (int i = 0; i < kPhases; ++i) {
    EXPECT_EQ(kPlaces[i].name, rows[0][i + 1]);
    EXPECT_EQ(static_cast<int>(kPlaces[i].phase), i);
  }
  std::map<std::string, Row> table;
  for (size_t i = 1; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].size(), kPhases + 1u) << rows[i][0];
    EXPECT_TRUE(table.emplace(rows[i][0], rows[i]).second) << rows[i][0];
  }
  std::vector<VerbRow> verbs(VerbTable().begin(), VerbTable().end());
  verbs.push_back(FindVerb("XYZZY"));
  std::map<std::string, Row> seen;
  for (const VerbRow& verb : verbs) {
    Row row = {RowName(verb)};
    for (const Place& place : kPlaces) row.push_back(Observe(verb, place));
    EXPECT_EQ(row, table[row[0]]) << verb.name;
    seen[row[0]] = row;
  }
  EXPECT_EQ(seen, table) << "rows of no verb, or verbs of no row";
}

}  // namespace
}  // namespace postern
