// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/explain.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "delivery/forward/hop_loop.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "log/no_log.h"
#include "log/printable.h"
#include "net/descriptor_stream.h"
#include "nlohmann/json.hpp"
#include "policy/check.h"
#include "policy/check_list.h"
#include "policy/decision.h"
#include "policy/greylisting/greylist_file.h"
#include "policy/names/host_names.h"
#include "policy/names/resolver.h"
#include "policy/rule_facts.h"
#include "policy/rules/rule_source.h"
#include "policy/rules/tcp_rules.h"
#include "policy/shared/redis_store.h"
#include "policy/shared/shared_greylist.h"
#include "policy/spf/spf_over_dns.h"
#include "programs/explain/explanation.h"
#include "programs/explain/log_comparison.h"
#include "programs/explain/log_facts.h"
#include "programs/explain/old_log.h"
#include "programs/serve/forward.h"
#include "programs/serve/publish.h"
#include "programs/serve/serve_options.h"
#include "service/destination.h"
#include "service/mail_service.h"
#include "service/named_destination.h"
#include "service/options.h"
#include "service/route_list.h"
#include "transports/stdio.h"

namespace postern::programs {
namespace {

constexpr absl::string_view kProgram = "postern explain";
constexpr int kRefused = 1;
constexpr int kUsage = 100;  // from djb's tools
constexpr int kTemporary = 111;

using From = service::OptionRow::From;
constexpr service::OptionRow kRows[] = {
    {"client", "ADDRESS", "the client's IP address", From::kCommandLine},
    {"client-name", "NAME",
     "the client's host name, as if it were confirmed;\n"
     "default: it is looked up if --host-names is given",
     From::kCommandLine},
    {"name-status", "STATUS",
     "another result of that look-up: none, forged or\n"
     "temporary (DNS did not answer)",
     From::kCommandLine},
    {"rules-text", "FILE",
     "the text that --rules was made from, for line\n"
     "numbers; default: its name without .cdb",
     From::kCommandLine},
    {"set", "NAME=VALUE",
     "a variable, as if the client's rule set it:\n"
     "RELAYCLIENT=; may be repeated",
     From::kCommandLine, true},
    {"auth-user", "NAME", "the user that has authenticated",
     From::kCommandLine},
    {"hello", "NAME", "the name in EHLO; default: the client's",
     From::kCommandLine},
    {"sender", "ADDRESS",
     "the sender, or a path with parameters:\n"
     "\"<a@b.example> SIZE=1000\"; default: <>",
     From::kCommandLine},
    {"listener", "N [1]", "the n-th --listen", From::kCommandLine},
    {"with-tls", "",
     "the connection has TLS; default: only if the\n"
     "listener requires it",
     From::kCommandLine},
    {"log", "LINE|FILE",
     "take client, name, HELO, user, sender and recipient\n"
     "from a line of the log; or compare all decisions in\n"
     "a log of the old server with this configuration:\n"
     "FILE begins with / or ./, or is - for standard input",
     From::kCommandLine},
    {"ask-others", "",
     "for a FILE: ask DNS, programs, policy servers and\n"
     "next hops, too",
     From::kCommandLine},
    {"session", "",
     "serve a session on the terminal instead, and write\n"
     "each decision to standard error",
     From::kCommandLine},
    {"json", "", "write one JSON object", From::kCommandLine},
};

constexpr char kHead[] =
    "Usage: postern explain [OPTION]... --client ADDRESS RECIPIENT...\n"
    "       postern explain [OPTION]... --log LINE|FILE\n"
    "\n"
    "Shows which checks decide about a client's mail, and the replies of the "
    "server.\n"
    "Nothing is stored and nothing is logged.\n"
    "\n";
constexpr char kFoot[] =
    "\n"
    "All options of postern serve are accepted too, so that --config can name "
    "the file\n"
    "of the server: see postern serve --help. Exit code: 0 if all recipients "
    "are\n"
    "accepted, 1 if not, 100 for wrong options, 111 if the configuration "
    "cannot be\n"
    "read. See postern-explain(8).\n";

// What the options ask for.
struct Request {
  ServeOptions serve;
  Inquiry inquiry;
  std::optional<NameStatus> name_status;
  std::vector<std::pair<std::string, std::string>> variables;
  std::string rules_text;      // the text of the rules; empty: not given
  bool looks_up_name = false;  // although there is a name
  size_t listener = 0;
  std::string logged_rule;  // what the line of --log says; empty: unknown
  std::string log_file;     // the log of --log FILE; "-": standard input
  bool asks_others = false;
  bool session = false;
  bool json = false;
};

// What is known of the client, for the output.
struct Facts {
  // Where the rule is written, and its key; empty: no rules.
  std::string rule;
  bool denied = false;
  std::vector<std::pair<std::string, std::string>> variables;
};

// Returns whether the value of --log names a file. No line begins so.
bool IsLogFile(absl::string_view text) {
  return text == "-" || absl::StartsWith(text, "/") ||
         absl::StartsWith(text, "./") || absl::StartsWith(text, "../");
}

void Complain(absl::string_view what) {
  std::fputs(absl::StrCat(kProgram, ": ", what, "\n").c_str(), stderr);
}

int Fail(const absl::Status& status) {
  Complain(status.message());
  return kTemporary;
}

// Returns the address as EHLO has it (RFC 5321 4.1.3).
std::string Literal(const IpAddress& address) {
  const std::string text = ToString(address);
  const bool v6 = absl::StrContains(text, ':');
  return absl::StrCat(v6 ? "[IPv6:" : "[", text, "]");
}

// Returns the path of an address as the log has it: unquoted, and the domain
// follows the last '@'.
std::string PathFromLog(const std::string& address) {
  if (address.empty()) return "<>";
  const size_t at = address.rfind('@');
  if (at == std::string::npos) return FormatPath({address, ""});
  return FormatPath({address.substr(0, at), address.substr(at + 1)});
}

bool HasLineEnd(absl::string_view text) {
  return text.find_first_of(absl::string_view("\r\n\0", 3)) !=
         absl::string_view::npos;
}

// Fills in what the options do not say from a line of the log.
void ReadLog(absl::string_view line, service::Options* given,
             Request* request) {
  auto fields = ReadLogLine(line);
  if (!fields.ok()) {
    given->Mistake(absl::StrCat("--log: ", fields.status().message()));
    return;
  }
  const auto field = [&fields](const char* key) {
    const auto found = fields->find(key);
    return found == fields->end() ? std::string() : found->second;
  };
  Inquiry& inquiry = request->inquiry;
  if (!inquiry.info.remote_address) {
    inquiry.info.remote_address = IpAddress::Parse(field("ip"));
  }
  if (inquiry.info.remote_name.empty()) {
    inquiry.info.remote_name = field("host");
    if (!request->name_status) {
      request->name_status = policy::FindNameStatus(field("host-status"));
    }
    // Without a status, the name may be any.
    if (!request->name_status && !inquiry.info.remote_name.empty()) {
      request->name_status = NameStatus::kUnchecked;
      request->looks_up_name = true;
    }
  }
  if (inquiry.hello.empty()) inquiry.hello = field("helo");
  if (inquiry.user.empty()) inquiry.user = field("user");
  if (inquiry.sender.empty()) inquiry.sender = PathFromLog(field("from"));
  if (inquiry.recipients.empty() && !field("to").empty()) {
    inquiry.recipients = {PathFromLog(field("to"))};
  }
  request->logged_rule = field("rule");
}

std::optional<Request> ReadRequest(int argc, const char* const* argv,
                                   int* exit_code) {
  std::vector<service::OptionRow> rows(ServeOptionRows().begin(),
                                       ServeOptionRows().end());
  for (service::OptionRow& row : rows) {
    if (row.name != "help" && row.name != "version" && row.name != "config") {
      row.help = "";  // postern serve --help shows it
    }
  }
  for (const service::OptionRow& row : service::CheckOptionRows()) {
    rows.push_back(row);
    rows.back().help = "";
  }
  service::Options given(kRows, std::move(rows));
  given.Read({argv, static_cast<size_t>(argc)}, getenv, kDefaultConfig);
  *exit_code = 0;
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return std::nullopt;

  Request request;
  ReadServeOptions(&given, &request.serve);
  Inquiry& inquiry = request.inquiry;
  if (const std::string text = given.Text("client", ""); !text.empty()) {
    inquiry.info.remote_address = IpAddress::Parse(text);
    if (!inquiry.info.remote_address) {
      given.Mistake(absl::StrCat("--client: ", text, " is no IP address"));
    }
  }
  inquiry.info.remote_name =
      absl::AsciiStrToLower(given.Text("client-name", ""));
  if (const std::string text = given.Text("name-status", ""); !text.empty()) {
    request.name_status = given.Choice("name-status", NameStatus::kNone,
                                       {{"none", NameStatus::kNone},
                                        {"forged", NameStatus::kForged},
                                        {"temporary", NameStatus::kTemporary}});
  }
  for (const std::string& text : given.List("set")) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      given.Mistake(absl::StrCat("--set: ", text, " is not NAME=VALUE"));
      continue;
    }
    request.variables.emplace_back(text.substr(0, equals),
                                   text.substr(equals + 1));
  }
  request.rules_text = given.Text("rules-text", "");
  if (!request.rules_text.empty() && request.serve.rules.empty()) {
    given.Mistake("--rules-text has no effect without --rules");
  }
  inquiry.user = given.Text("auth-user", "");
  inquiry.hello = given.Text("hello", "");
  inquiry.sender = given.Text("sender", "");
  inquiry.tls = given.Flag("with-tls");
  request.session = given.Flag("session");
  request.json = given.Flag("json");
  const size_t listeners = std::max<size_t>(1, request.serve.listen.size());
  request.listener = static_cast<size_t>(
      given.Number("listener", 1, 1, static_cast<int>(listeners)) - 1);
  for (const char* recipient : given.operands()) {
    inquiry.recipients.emplace_back(recipient);
  }
  request.asks_others = given.Flag("ask-others");
  if (const std::string line = given.Text("log", ""); IsLogFile(line)) {
    request.log_file = line;
  } else if (!line.empty()) {
    ReadLog(line, &given, &request);
  }
  if (!request.log_file.empty()) {
    for (const absl::string_view name : {"client", "client-name", "name-status",
                                         "auth-user", "sender", "hello"}) {
      if (given.Text(name, "").empty()) continue;
      given.Mistake(absl::StrCat("--", name, ": not with --log FILE"));
    }
    if (!inquiry.recipients.empty() || request.session) {
      given.Mistake("--log FILE takes no recipients and no --session");
    }
    if (!given.Complain(kProgram)) return request;
    *exit_code = kUsage;
    return std::nullopt;
  }
  if (request.asks_others) given.Mistake("--ask-others needs --log FILE");

  if (!inquiry.info.remote_address) {
    given.Mistake("--client is missing, or a line with ip= in --log");
  } else if (inquiry.hello.empty()) {
    inquiry.hello = inquiry.info.remote_name.empty()
                        ? Literal(*inquiry.info.remote_address)
                        : inquiry.info.remote_name;
  }
  if (request.session) {
    if (!inquiry.recipients.empty() && given.Text("log", "").empty()) {
      given.Mistake("--session takes no recipients: give them in RCPT");
    }
    if (request.json) given.Mistake("--session and --json exclude each other");
    if (inquiry.tls) given.Mistake("--session has no TLS");
  } else if (inquiry.recipients.empty() && request.logged_rule.empty()) {
    given.Mistake("a recipient is missing, or a line with to= in --log");
  } else if (inquiry.recipients.empty()) {
    const auto checks = policy::CheckList();
    if (std::none_of(checks.begin(), checks.end(), [&](const auto& check) {
          return check.row.stage < policy::CheckStage::kRcpt &&
                 check.row.rule == request.logged_rule;
        })) {
      given.Mistake(
          "--log: the line is about DATA or content, which is not explained");
    }
  }
  if (!inquiry.user.empty() && given.Text("auth-user", "").empty() &&
      !given.IsGiven("listener")) {
    // The line does not name the listener. The user came through one with AUTH.
    const auto& listen = request.serve.listen;
    const auto auth = std::find_if(listen.begin(), listen.end(),
                                   [](const auto& each) { return each.auth; });
    if (auth != listen.end()) {
      request.listener = static_cast<size_t>(auth - listen.begin());
    }
  }
  if (!request.serve.listen.empty() && !inquiry.user.empty() &&
      !request.serve.listen[request.listener].auth) {
    given.Mistake(absl::StrCat("--auth-user: the listener ",
                               request.serve.listen[request.listener].Where(),
                               " does not offer AUTH"));
  }
  std::vector<std::string> texts = inquiry.recipients;
  texts.insert(texts.end(), {inquiry.sender, inquiry.hello, inquiry.user});
  if (std::any_of(texts.begin(), texts.end(), HasLineEnd)) {
    given.Mistake("an address or a name contains a line end");
  }
  if (!given.Complain(kProgram)) return request;
  *exit_code = kUsage;
  return std::nullopt;
}

// Looks the client's host name up, as the server does.
void LookUpName(const Request& request, policy::Resolver* resolver,
                SessionInfo* info) {
  const bool looks_up = request.serve.host_names &&
                        (request.looks_up_name ||
                         (!request.name_status && info->remote_name.empty()));
  if (!looks_up) {
    if (request.name_status) {
      info->name_status = *request.name_status;
    } else if (!info->remote_name.empty()) {
      info->name_status = NameStatus::kConfirmed;
    }
    return;
  }
  policy::HostNames names(resolver);
  std::mutex mutex;
  std::condition_variable found;
  std::optional<policy::HostName> name;
  names.Lookup(*info->remote_address, [&](policy::HostName answer) {
    const std::lock_guard<std::mutex> lock(mutex);
    name = std::move(answer);
    found.notify_one();
  });
  std::unique_lock<std::mutex> lock(mutex);
  found.wait(lock, [&name] { return name.has_value(); });
  info->remote_name = name->name;
  info->name_status = name->status;
}

// Returns the place of the rule that matches, and its key. If the text of the
// rules has changed, a message on standard error says so.
std::string NameRule(const policy::TcpRules& rules, const std::string& text,
                     const policy::TcpRules::Match& match) {
  const auto source = policy::RuleSource::Read(rules, text);
  const std::string warning = source.Warning();
  if (!warning.empty()) Complain(warning);
  if (!match.key) return absl::StrCat(rules.path(), ": no rule");
  const std::string place = source.Place(*match.key);
  if (!source.HasLine(*match.key)) return place;  // it has the key
  return absl::StrCat(place, " key \"", *match.key, "\"");
}

// Finds the client's rule, and puts what it says into `info` and `config`.
absl::StatusOr<Facts> ApplyRules(const Request& request, SessionInfo* info,
                                 ServerConfig* config) {
  Facts facts;
  policy::TcpRules::Match match = {.allow = true};
  if (!request.serve.rules.empty()) {
    const auto rules = policy::TcpRules::Open(request.serve.rules);
    if (rules.ok()) {
      auto found = rules->Find(*info);
      if (!found.ok()) return found.status();
      match = *std::move(found);
      facts.rule = NameRule(*rules, request.rules_text, match);
    } else if (!absl::IsNotFound(rules.status()) ||
               !request.serve.rules_optional) {
      return rules.status();
    }
  }
  for (const auto& [name, value] : request.variables) {
    const auto same = [&name = name](const auto& pair) {
      return pair.first == name;
    };
    auto& list = match.variables;
    list.erase(std::remove_if(list.begin(), list.end(), same), list.end());
    list.emplace_back(name, value);
  }
  auto read = policy::ReadRuleFacts(match, info->remote_address);
  if (!read.ok()) return read.status();
  if (!read->strictness) {
    read->strictness = request.serve.lenient.Of(info->remote_address);
  }
  read->Apply(info);
  const ServerConfig listener = *config;
  read->Change(listener, config);
  facts.denied = read->denied;
  facts.variables = read->variables;
  return facts;
}

std::string Listener(const Request& request) {
  if (request.serve.listen.empty()) return "";
  return request.serve.listen[request.listener].Where();
}

absl::string_view Answer(const policy::CheckStep& step) {
  if (!step.asked) return "not asked";
  if (!step.verdict) return "no opinion";
  return step.verdict->accepted() ? "accepts" : "refuses";
}

// Returns the decision of a command in one line, or "" if the reply says all.
std::string Decision(const ExplainedCommand& command) {
  if (!command.decision) return "";
  const Verdict& verdict = *command.decision;
  if (verdict.rule().empty()) return "";
  std::string text = absl::StrCat(
      verdict.accepted() ? "accepted by " : "refused by ", verdict.rule());
  if (!verdict.source().empty()) {
    absl::StrAppend(&text, ": ", log::Printable(verdict.source()));
  }
  if (verdict.accepted() && verdict.path()) {
    absl::StrAppend(&text, ", as <", log::Printable(verdict.path()->Address()),
                    ">");
  }
  return text;
}

// Returns the checks, the decision and the reply of a command, one line each.
std::string FormatCommand(const ExplainedCommand& command) {
  constexpr size_t kRuleWidth = 18;
  constexpr size_t kAnswerWidth = 11;
  std::string text;
  for (const policy::CheckStep& step : command.checks) {
    std::string line = absl::StrCat("  ", step.row->rule, " ");
    if (line.size() < kRuleWidth) line.resize(kRuleWidth, ' ');
    const size_t begin = line.size();
    absl::StrAppend(&line, Answer(step));
    if (step.verdict && !step.verdict->source().empty()) {
      line.resize(begin + kAnswerWidth, ' ');
      absl::StrAppend(&line, log::Printable(step.verdict->source()));
    }
    absl::StrAppend(&text, line, "\n");
  }
  if (command.destination) {
    absl::StrAppend(&text, "  -> ", log::Printable(command.destination->name),
                    ", by ", log::Printable(command.destination->source), "\n");
  }
  if (const std::string decision = Decision(command); !decision.empty()) {
    absl::StrAppend(&text, "  => ", decision, "\n");
  } else if (!command.accepted() && !command.reply.empty()) {
    absl::StrAppend(&text, "  => refused by the protocol\n");
  }
  return text;
}

std::string FormatFacts(const Request& request, const SessionInfo& info,
                        bool tls, const Facts& facts) {
  std::string text;
  const auto line = [&text](absl::string_view name, absl::string_view value) {
    constexpr size_t kWidth = 12;
    std::string begin(name);
    begin.resize(kWidth, ' ');
    absl::StrAppend(&text, begin, log::Printable(value), "\n");
  };
  if (const std::string where = Listener(request); !where.empty()) {
    line("listener", where);
  }
  line("client", ToString(info.remote_address));
  line("host name", info.remote_name.empty()
                        ? std::string(policy::StatusText(info.name_status))
                        : absl::StrCat(info.remote_name, ", ",
                                       policy::StatusText(info.name_status)));
  if (!facts.rule.empty()) {
    line("rule", absl::StrCat(facts.rule, facts.denied ? ": deny" : ""));
  }
  for (const auto& [name, value] : facts.variables) {
    line("variable", absl::StrCat(name, "=\"", value, "\""));
  }
  line("TLS", tls ? "yes" : "no");
  if (!request.inquiry.user.empty()) line("user", request.inquiry.user);
  return text;
}

void PrintText(const Request& request, const SessionInfo& info, bool tls,
               const Facts& facts,
               const std::vector<ExplainedCommand>& commands) {
  std::string text = FormatFacts(request, info, tls, facts);
  for (const ExplainedCommand& command : commands) {
    absl::StrAppend(&text, "\n",
                    command.command.empty() ? "(connection)"
                                            : log::Printable(command.command),
                    "\n", FormatCommand(command));
    for (absl::string_view line : absl::StrSplit(command.reply, "\r\n")) {
      absl::StrAppend(&text, "  ", log::Printable(line), "\n");
    }
  }
  std::fputs(text.c_str(), stdout);
}

// Returns `text` as a JSON string. dump() replaces octets that are not UTF-8.
nlohmann::json Json(absl::string_view text) { return std::string(text); }

void PrintJson(const Request& request, const SessionInfo& info, bool tls,
               const Facts& facts,
               const std::vector<ExplainedCommand>& commands, bool accepted) {
  nlohmann::ordered_json object;
  if (const std::string where = Listener(request); !where.empty()) {
    object["listener"] = where;
  }
  object["client"] = ToString(info.remote_address);
  object["host_name"] = info.remote_name;
  object["host_name_status"] = Json(policy::StatusText(info.name_status));
  object["rule"] = facts.rule;
  object["denied"] = facts.denied;
  object["variables"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : facts.variables) {
    object["variables"][name] = value;
  }
  object["tls"] = tls;
  object["user"] = request.inquiry.user;
  object["accepted"] = accepted;
  object["commands"] = nlohmann::ordered_json::array();
  for (const ExplainedCommand& command : commands) {
    nlohmann::ordered_json item;
    item["command"] = command.command;
    item["checks"] = nlohmann::ordered_json::array();
    for (const policy::CheckStep& step : command.checks) {
      nlohmann::ordered_json check;
      check["check"] = Json(step.row->rule);
      check["answer"] = Json(Answer(step));
      check["source"] = step.verdict ? step.verdict->source() : "";
      item["checks"].push_back(std::move(check));
    }
    if (command.decision) {
      item["decision"] = command.decision->accepted() ? "accept" : "refuse";
      item["by"] = Json(command.decision->rule());
      item["source"] = command.decision->source();
    }
    if (command.destination) {
      item["destination"] = command.destination->name;
      item["destination_source"] = command.destination->source;
    }
    item["reply"] = command.reply;
    object["commands"].push_back(std::move(item));
  }
  std::puts(object
                .dump(-1, ' ', /*ensure_ascii=*/true,
                      nlohmann::ordered_json::error_handler_t::replace)
                .c_str());
}

// Returns the command that asked the question, or its stage.
std::string CommandOf(const Ask& ask) {
  if (const auto* mail = std::get_if<Mail>(&ask.what)) {
    return absl::StrCat("MAIL FROM:<", log::Printable(mail->from.Address()),
                        ">");
  }
  if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
    return absl::StrCat("RCPT TO:<", log::Printable(rcpt->to.Address()), ">");
  }
  const auto stage = policy::StageOf(ask);
  return stage ? absl::StrCat("(", policy::StageName(*stage), ")") : "";
}

int ServeSession(const service::MailService& service,
                 const service::MailService::Outlet& outlet,
                 const ServerConfig& listener, const Request& request,
                 SessionInfo info, const Facts& facts) {
  std::fputs(FormatFacts(request, info, false, facts).c_str(), stderr);
  ExplainedSession session(service, outlet, request.inquiry.user);
  ServerConfig config = session.Config(listener);
  config.require_tls = false;
  ResponderOptions responder = session.responder([&session](const Ask& ask) {
    const std::string text = FormatCommand(session.Take());
    if (text.empty()) return;
    std::fputs(absl::StrCat(CommandOf(ask), "\n", text).c_str(), stderr);
  });
  responder.refused = [](const Refusal& refusal, const SessionInfo&) {
    std::fprintf(stderr, "  => refused by the protocol: %d %s\n",
                 refusal.reply.code,
                 log::Printable(refusal.reply.text).c_str());
  };
  net::DescriptorStream stream(STDIN_FILENO, STDOUT_FILENO);
  const SessionEnd end = transports::ServeStdio(config, std::move(responder),
                                                std::move(info), {}, &stream);
  return end.clean ? 0 : kRefused;
}

// Leaves out what asks others: a log may have millions of lines, and the
// answers of yesterday are not those of today.
void AskNoOthers(bool asks_others, ServeOptions* serve) {
  // Yesterday's clients would all be new to the greylist of today.
  serve->check_options.erase("greylist");
  serve->greylist.reset();
  if (asks_others) return;
  for (const policy::CheckEntry& check : policy::CheckList()) {
    const policy::CheckRow& row = check.row;
    if (row.dns || row.runs_program || row.rule == "policy-server") {
      serve->check_options.erase(std::string(row.option));
    }
  }
  serve->host_names = false;
}

// Returns whether the delivery asks other hosts about recipients.
bool HasNextHop(const ServeOptions& serve) {
  for (const auto& destination : serve.Destinations()) {
    if (service::NextHopOf(destination.spec).ok()) return true;
  }
  const std::string routes = absl::StrCat(serve.control, "/routes");
  return access(routes.c_str(), F_OK) == 0;
}

Decided DecidedBy(absl::string_view reply) {
  if (absl::StartsWith(reply, "2")) return Decided::kAccept;
  return absl::StartsWith(reply, "5") ? Decided::kPermanent
                                      : Decided::kTemporary;
}

// Answers what the old server has decided.
NewDecision AskAgain(const service::MailService& service,
                     const service::MailService::Outlet& outlet,
                     const Request& request, const ServerConfig& listener,
                     policy::Resolver* resolver, const policy::TcpRules* rules,
                     bool tls, bool asks_delivery, const LoggedDecision& old) {
  Inquiry inquiry = request.inquiry;
  inquiry.info = request.inquiry.info;
  inquiry.tls = tls;
  inquiry.info.remote_address = old.client;
  inquiry.info.remote_name = absl::AsciiStrToLower(old.host_name);
  inquiry.info.name_status = inquiry.info.remote_name.empty()
                                 ? NameStatus::kNone
                                 : NameStatus::kUnchecked;
  if (const auto status = policy::FindNameStatus(old.host_status)) {
    inquiry.info.name_status = *status;
  }
  inquiry.hello = old.hello.empty() || HasLineEnd(old.hello)
                      ? Literal(*old.client)
                      : old.hello;
  inquiry.user = HasLineEnd(old.user) ? "" : old.user;
  inquiry.sender = PathFromLog(old.sender);
  inquiry.recipients = {PathFromLog(old.recipient)};
  ServerConfig config = listener;
  // Every user of the log came through AUTH, of whatever listener.
  Request asked = request;
  asked.looks_up_name = request.asks_others;
  if (request.asks_others) LookUpName(asked, resolver, &inquiry.info);
  policy::TcpRules::Match match = {.allow = true};
  if (rules != nullptr) {
    auto found = rules->Find(inquiry.info);
    if (!found.ok()) {
      return {Decided::kTemporary, std::string(found.status().message())};
    }
    match = *std::move(found);
  }
  for (const auto& variable : request.variables) {
    match.variables.push_back(variable);
  }
  if (!request.asks_others) {
    auto& list = match.variables;
    list.erase(std::remove_if(
                   list.begin(), list.end(),
                   [](const auto& pair) { return pair.first == "RCPTCHECK"; }),
               list.end());
  }
  const auto facts = policy::ReadRuleFacts(match, inquiry.info.remote_address);
  if (!facts.ok()) {
    return {Decided::kTemporary, std::string(facts.status().message())};
  }
  facts->Apply(&inquiry.info);
  const ServerConfig base = config;
  facts->Change(base, &config);
  const std::vector<ExplainedCommand> commands =
      Explain(service, outlet, config, inquiry, asks_delivery);
  const ExplainedCommand& last = commands.back();
  NewDecision decision;
  decision.decided = DecidedBy(last.reply);
  if (last.decision && !last.decision->rule().empty()) {
    decision.reason = std::string(last.decision->rule());
    if (!last.decision->source().empty()) {
      absl::StrAppend(&decision.reason, ": ", last.decision->source());
    }
  } else {
    decision.reason = absl::StrCat("the protocol: ", last.reply);
  }
  return decision;
}

// Compares the log with the configuration. Returns the exit code.
int CompareLog(const service::MailService& service,
               const service::MailService::Outlet& outlet,
               const Request& request, const ServerConfig& config,
               policy::Resolver* resolver, bool tls) {
  const bool asks_delivery = request.asks_others || !HasNextHop(request.serve);
  std::optional<policy::TcpRules> rules;
  if (!request.serve.rules.empty()) {
    auto opened = policy::TcpRules::Open(request.serve.rules);
    if (opened.ok()) {
      rules.emplace(*std::move(opened));
    } else if (!absl::IsNotFound(opened.status()) ||
               !request.serve.rules_optional) {
      return Fail(opened.status());
    }
  }
  int descriptor = STDIN_FILENO;
  if (request.log_file != "-") {
    descriptor = open(request.log_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      return Fail(absl::ErrnoToStatus(errno, request.log_file));
    }
  }
  LogComparison comparison(
      request.log_file == "-" ? "standard input" : request.log_file,
      [&](const LoggedDecision& old) {
        return AskAgain(service, outlet, request, config, resolver,
                        rules ? &*rules : nullptr, tls, asks_delivery, old);
      });
  const absl::Status read = comparison.Read(descriptor);
  if (descriptor != STDIN_FILENO) close(descriptor);
  if (!read.ok()) return Fail(read);
  const std::string text =
      request.json ? comparison.FormatJson() : comparison.FormatText();
  std::fputs(text.c_str(), stdout);
  if (!request.json && !asks_delivery) {
    std::puts("\nThe next hop was not asked about recipients: --ask-others");
  }
  if (std::fflush(stdout) != 0) {
    return Fail(absl::ErrnoToStatus(errno, "standard output"));
  }
  if (comparison.decisions() == 0) {
    Complain("the log has no decision about a recipient");
    return kTemporary;
  }
  return comparison.differs() ? kRefused : 0;
}

}  // namespace

int RunExplain(int argc, const char* const* argv) {
  int exit_code = 0;
  std::optional<Request> request = ReadRequest(argc, argv, &exit_code);
  if (!request) return exit_code;
  // Otherwise lines of checks would be between those of the explanation.
  // Destroyed after the threads of the resolver.
  const log::NoLog no_log;
  // A password is not asked for, so the users are not needed.
  request->serve.auth.specs.clear();
  if (!request->log_file.empty()) {
    AskNoOthers(request->asks_others, &request->serve);
  }
  std::unique_ptr<policy::Resolver> resolver;
  if (AsksDns(request->serve)) {
    auto made = policy::Resolver::Make({.servers = request->serve.resolvers});
    if (!made.ok()) return Fail(made.status());
    resolver = *std::move(made);
    if (absl::Status status = resolver->Start(); !status.ok()) {
      return Fail(status);
    }
  }
  // Nothing is recorded: an explanation is not an attempt.
  std::unique_ptr<policy::GreylistFile> greylist;
  if (request->serve.greylist) {
    greylist = std::make_unique<policy::GreylistFile>(*request->serve.greylist);
    const absl::Status status =
        greylist->Open(policy::GreylistFile::Access::kReadOnly);
    // Each attempt is then an outage, and the explanation shows what follows.
    if (!status.ok()) {
      Complain(request->serve.places.At(
          absl::StrCat("--greylist: ", status.message(),
                       ": shown as if the table did not work")));
    }
  }
  std::unique_ptr<policy::RedisStore> shared;
  std::unique_ptr<policy::SharedGreylist> shared_greylist;
  if (greylist != nullptr && request->serve.shared_state) {
    auto access = policy::ReadRedisAccess(*request->serve.shared_state,
                                          request->serve.user);
    if (!access.ok()) {
      return Fail(absl::Status(
          access.status().code(),
          absl::StrCat("--shared-state: ", access.status().message())));
    }
    access->read_only = true;
    shared = std::make_unique<policy::RedisStore>(policy::RedisStore::Options{
        .access = *std::move(access),
        .timeout =
            absl::ToChronoMilliseconds(request->serve.shared_state->timeout),
        .report = [](bool works, const std::string& text) {
          if (works) return;
          Complain(absl::StrCat("--shared-state: ", text,
                                ": shown as the table of this server says"));
        }});
    if (absl::Status status = shared->Start(); !status.ok()) {
      return Fail(status);
    }
    shared_greylist = std::make_unique<policy::SharedGreylist>(
        *request->serve.greylist, greylist.get(), shared.get(),
        policy::SharedGreylist::Access::kReadOnly);
  }
  policy::SpfOverDns spf(resolver.get());
  delivery::Forwarding forwarding(ResolveWith(resolver.get()));
  // An explanation declares no queues.
  Publishers publishers(request->serve.user, Publishers::Connect::kNever);
  const auto service = service::MailService::Make(
      request->serve,
      {.forward = ForwardWith({.forwarding = &forwarding,
                               .threads = true,
                               .run = [](auto task) { std::move(task)(); },
                               .environment = request->serve.child_environment,
                               .user = request->serve.user}),
       .publish = PublishWith(&publishers),
       .read_routes = service::ReadRoutes,
       .follow_routes = service::FollowRoutes,
       .name_destination = service::NameDestination,
       .dns = resolver.get(),
       .greylist =
           shared_greylist != nullptr
               ? static_cast<policy::GreylistTable*>(shared_greylist.get())
               : greylist.get(),
       .spf = resolver ? &spf : nullptr,
       .warns = false});
  if (!service.ok()) {
    return Fail(
        absl::Status(service.status().code(),
                     request->serve.places.At(service.status().message())));
  }

  const std::shared_ptr<const service::MailService::Outlet> outlet =
      service->OutletTo(request->serve.listen.empty()
                            ? ""
                            : request->serve.listen[request->listener].deliver);
  if (outlet == nullptr) {
    return Fail(absl::InvalidArgumentError(
        "--listen is missing, and each --deliver has a name"));
  }
  ServerConfig config = outlet->config;
  bool tls = request->inquiry.tls;
  if (!request->serve.listen.empty()) {
    const ListenOption& listen = request->serve.listen[request->listener];
    config.lmtp = listen.lmtp;
    config.require_auth = listen.require_auth;
    config.require_tls = listen.require_tls;
    config.offer_starttls =
        listen.HasTls(request->serve) && !listen.options.tls;
    tls = tls || listen.options.tls || listen.require_tls;
  }
  if (!request->log_file.empty()) {
    // A log has the sessions of all listeners: those of users, too.
    config.require_auth = false;
    request->inquiry.info.session_id =
        absl::StrCat("explain", absl::ToUnixMicros(absl::Now()));
    return CompareLog(*service, *outlet, *request, config, resolver.get(), tls);
  }
  SessionInfo info = request->inquiry.info;
  // A policy server takes each run for a session of its own.
  info.session_id = absl::StrCat("explain", absl::ToUnixMicros(absl::Now()));
  LookUpName(*request, resolver.get(), &info);
  const absl::StatusOr<Facts> facts = ApplyRules(*request, &info, &config);
  if (!facts.ok()) return Fail(facts.status());
  if (request->session) {
    return ServeSession(*service, *outlet, config, *request, std::move(info),
                        *facts);
  }

  request->inquiry.info = info;
  request->inquiry.tls = tls;
  std::vector<ExplainedCommand> commands =
      Explain(*service, *outlet, config, request->inquiry);
  if (facts->denied && request->serve.silent_deny) {
    commands[0].reply = "closed without a reply (--silent-deny)";
  }
  const size_t recipients = request->inquiry.recipients.size();
  const bool complete =
      commands.size() ==
      recipients + 3 + (request->inquiry.user.empty() ? 0 : 1);
  const bool accepted =
      complete && std::all_of(commands.begin(), commands.end(),
                              [](const auto& c) { return c.accepted(); });
  if (!request->logged_rule.empty() && !commands.empty()) {
    const std::optional<Verdict>& decision = commands.back().decision;
    const std::string rule(decision ? decision->rule() : "");
    if (rule != request->logged_rule) {
      Complain(absl::StrCat(
          "the line has rule=", log::Printable(request->logged_rule),
          ", and now the rule is ", rule.empty() ? "none" : rule,
          ". The configuration has changed, or the answer of DNS, of another "
          "program or of a Maildir."));
    }
  }
  if (request->json) {
    PrintJson(*request, info, tls, *facts, commands, accepted);
  } else {
    PrintText(*request, info, tls, *facts, commands);
  }
  if (std::fflush(stdout) != 0) {
    return Fail(absl::ErrnoToStatus(errno, "standard output"));
  }
  return accepted ? 0 : kRefused;
}

}  // namespace postern::programs
