// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/tables/rules.h"

#include <stdlib.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"
#include "engine/session_info.h"
#include "files/cdb_writer.h"
#include "policy/rules/rule_source.h"
#include "policy/rules/tcp_rule_line.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"
#include "programs/tables/report.h"
#include "programs/tables/rule_answer.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {
namespace {

using policy::TcpNetworks;
using policy::TcpRule;
using policy::TcpRules;
using policy::TcpRulesText;

constexpr char kProgram[] = "postern rules";
constexpr int kDenied = 1;

constexpr char kHead[] =
    "Usage: postern rules COMMAND [OPTION]... FILE [CDB | ADDRESS]\n"
    "\n"
    "  compile FILE [CDB]  make CDB, or FILE.cdb, from the text FILE\n"
    "  show CDB            print the rules of a database as text\n"
    "  test FILE ADDRESS   print the rule for a client, and the reason; FILE "
    "is\n"
    "                      a text, or a database whose name ends in .cdb\n"
    "\n";
constexpr char kFoot[] = "\nSee postern-rules(8).\n";

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    {"cidr", "",
     "compile and test: an address with a slash is a\n"
     "network, which becomes several rules",
     service::OptionRow::From::kCommandLine},
    {"host-name", "NAME", "test: the client's host name",
     service::OptionRow::From::kCommandLine},
    {"ident", "USER", "test: the client's user, from an ident server",
     service::OptionRow::From::kCommandLine},
};

// The parsed arguments.
struct Request {
  std::string file;
  std::string database;  // of compile
  TcpNetworks networks = TcpNetworks::kLiteral;
  SessionInfo peer;
};

int Compile(const Request& request) {
  const absl::Status named = CheckNames(request.file, request.database);
  if (!named.ok()) return Fail(kProgram, named);
  absl::StatusOr<TcpRulesText> text =
      policy::ReadTcpRulesText(request.file, request.networks);
  if (!text.ok()) return Fail(kProgram, text.status());
  Warn(kProgram, text->warnings);
  std::vector<files::CdbRecord> records;
  records.reserve(text->rules.size());
  for (TcpRule& rule : text->rules) {
    records.emplace_back(std::move(rule.key), std::move(rule.record));
  }
  const absl::Status status = files::ReplaceCdb(request.database, records);
  return status.ok() ? 0 : Fail(kProgram, status);
}

int Show(const Request& request) {
  const absl::StatusOr<TcpRules> rules = TcpRules::Open(request.file);
  if (!rules.ok()) return Fail(kProgram, rules.status());
  std::string text;
  std::vector<std::string> left_out;
  const absl::Status read = rules->ForEach([&](absl::string_view key,
                                               absl::string_view record) {
    const std::optional<std::string> line = policy::TcpRuleLine(key, record);
    if (line) {
      absl::StrAppend(&text, *line, "\n");
    } else {
      left_out.push_back(absl::StrCat(request.file, ": rule ",
                                      absl::CHexEscape(key),
                                      ": no line of text makes this rule."));
    }
    return true;
  });
  if (!read.ok()) return Fail(kProgram, read);
  Warn(kProgram, left_out);
  const int printed = Print(kProgram, text);
  if (printed != 0) return printed;
  return left_out.empty() ? 0 : kUsage;
}

std::string Place(const std::string& path, const TcpRule& rule) {
  return absl::StrCat(path, ":", rule.line);
}

// Warns if the database of the text `path` has other rules than `text`, which
// was parsed with `networks`. A text that was never compiled may be a draft.
void CompareWithDatabase(const std::string& path, TcpNetworks networks,
                         const TcpRulesText& text) {
  const std::string database_path = DatabaseOf(path);
  const absl::StatusOr<TcpRules> database = TcpRules::Open(database_path);
  if (absl::IsNotFound(database.status())) return;
  const absl::StatusOr<bool> same =
      database.ok() ? policy::MakesDatabase(text.rules, *database)
                    : absl::StatusOr<bool>(database.status());
  if (!same.ok()) return Warn(kProgram, {std::string(same.status().message())});
  if (*same) return;
  const bool expanded = networks == TcpNetworks::kExpanded;
  const absl::StatusOr<TcpRulesText> other = policy::ReadTcpRulesText(
      path, expanded ? TcpNetworks::kLiteral : TcpNetworks::kExpanded);
  const bool other_networks =
      other.ok() &&
      policy::MakesDatabase(other->rules, *database).value_or(false);
  const absl::string_view reason = !other_networks ? "has other rules"
                                   : expanded      ? "was made without --cidr"
                                                   : "was made with --cidr";
  Warn(kProgram, {absl::StrCat(database_path, " ", reason,
                               ". Servers use it as it is.")});
}

// The rule for a client, from a text.
int TestText(const Request& request) {
  const absl::StatusOr<TcpRulesText> text =
      policy::ReadTcpRulesText(request.file, request.networks);
  if (!text.ok()) return Fail(kProgram, text.status());
  CompareWithDatabase(request.file, request.networks, *text);
  const TcpRule* const rule = policy::FindTcpRule(text->rules, request.peer);
  TcpRules::Match match;
  match.allow = true;
  std::string source;
  if (rule != nullptr) {
    match = TcpRules::ParseRecord(rule->record).value_or(match);
    match.key = rule->key;
    source = Place(request.file, *rule);
  }
  const int printed =
      Print(kProgram, DescribeRule(request.peer, match, source));
  if (printed != 0) return printed;
  return match.allow ? 0 : kDenied;
}

// The rule for a client, from a database.
int TestDatabase(const Request& request) {
  const absl::StatusOr<TcpRules> database = TcpRules::Open(request.file);
  if (!database.ok()) return Fail(kProgram, database.status());
  const absl::StatusOr<TcpRules::Match> match = database->Find(request.peer);
  if (!match.ok()) return Fail(kProgram, match.status());
  const policy::RuleSource source = policy::RuleSource::Read(*database);
  const std::string warning = source.Warning();
  if (!warning.empty()) Warn(kProgram, {warning});
  const int printed =
      Print(kProgram, DescribeRule(request.peer, *match,
                                   match->key && source.HasLine(*match->key)
                                       ? source.Place(*match->key)
                                       : ""));
  if (printed != 0) return printed;
  return match->allow ? 0 : kDenied;
}

int Test(const Request& request) {
  return absl::EndsWith(request.file, policy::kDatabaseSuffix)
             ? TestDatabase(request)
             : TestText(request);
}

struct Command {
  absl::string_view name;
  absl::string_view operands;
  size_t min_operands = 0;
  size_t max_operands = 0;
  int (*run)(const Request&);
};

constexpr Command kCommands[] = {
    {"compile", "FILE and, if wanted, CDB", 1, 2, Compile},
    {"show", "CDB", 1, 1, Show},
    {"test", "FILE and ADDRESS", 2, 2, Test},
};

const Command* FindCommand(absl::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace

int RunRules(int argc, const char* const* argv) {
  absl::Span<const char* const> arguments(argv, static_cast<size_t>(argc));
  const Command* const command =
      arguments.empty() ? nullptr : FindCommand(arguments[0]);
  if (command != nullptr) arguments.remove_prefix(1);
  service::Options given(kRows);
  given.Read(arguments, getenv);
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return 0;
  Request request;
  if (given.Flag("cidr")) request.networks = TcpNetworks::kExpanded;
  request.peer.remote_name = given.Text("host-name", "");
  if (!request.peer.remote_name.empty()) {
    request.peer.name_status = NameStatus::kConfirmed;
  }
  const std::string ident = given.Text("ident", "");
  if (!ident.empty()) request.peer.remote_info = ident;
  const absl::Span<const char* const> operands = given.operands();
  if (command == nullptr) {
    given.Mistake("the command is missing: compile, show or test");
  } else if (operands.size() < command->min_operands ||
             operands.size() > command->max_operands) {
    given.Mistake(absl::StrCat(command->name, " needs ", command->operands,
                               " after its options, and nothing else"));
  } else {
    request.file = operands[0];
    request.database =
        operands.size() > 1 ? operands[1] : DatabaseOf(request.file);
    if (command->run == Test) {
      request.peer.remote_address = IpAddress::Parse(operands[1]);
      if (!request.peer.remote_address) {
        given.Mistake(
            absl::StrCat("ADDRESS: an IP address, not \"", operands[1], "\""));
      }
    }
  }
  if (given.Complain(kProgram)) return kUsage;
  return command->run(request);
}

}  // namespace postern::programs
