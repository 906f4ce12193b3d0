// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/setup.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "log/printable.h"
#include "service/config_text.h"

namespace postern::programs::migrate {
namespace {

constexpr absl::string_view kSmtpd = "/postern-smtpd";
constexpr absl::string_view kServe = "/postern";
constexpr size_t kWidth = 78;
constexpr absl::string_view kUnknownWord = "\"${UNKNOWN:?";

// Quotes a word for sh.
std::string Quote(absl::string_view text) {
  const bool plain =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isalnum(c) ||
               absl::string_view("_./:=,@%+-").find(c) !=
                   absl::string_view::npos;
      });
  if (plain) return std::string(text);
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string UnknownText(const Word& word) {
  return absl::StrCat(word.place.Format(), ": ", word.unknown);
}

// Returns a word of sh. A word that is not known ends the script with a message
// that names its line: any other text could start another server than before.
std::string QuoteWord(const Word& word) {
  if (!word.known()) {
    std::string message = UnknownText(word);
    for (char& c : message) {
      const bool plain =
          absl::ascii_isalnum(c) ||
          absl::string_view(" .:/_-").find(c) != absl::string_view::npos;
      if (!plain) c = ' ';
    }
    return absl::StrCat(kUnknownWord, message, "}\"");
  }
  if (word.id != 0) {
    return absl::StrCat("\"$(id -", std::string(1, word.id), " ",
                        Quote(word.user), ")\"");
  }
  return Quote(word.text);
}

// Returns a command with continued lines.
std::string FormatCommand(const std::vector<std::string>& words) {
  std::string text;
  std::string line;
  for (size_t i = 0; i < words.size(); ++i) {
    // An option stays with its value.
    std::string word = words[i];
    if (absl::StartsWith(word, "-") && i + 1 < words.size() &&
        !absl::StartsWith(words[i + 1], "-") &&
        word.size() + words[i + 1].size() + 5 < kWidth) {
      absl::StrAppend(&word, " ", words[++i]);
    }
    if (!line.empty() && line.size() + 1 + word.size() > kWidth - 2) {
      absl::StrAppend(&text, line, " \\\n");
      line = "  ";
    } else if (!line.empty() && line != "  ") {
      line += ' ';
    }
    line += word;
  }
  return absl::StrCat(text, line, "\n");
}

std::string FormatRedirections(const std::vector<Redirection>& redirections) {
  std::vector<std::string> texts;
  for (const Redirection& each : redirections) {
    texts.push_back(absl::StrCat(each.sign, QuoteWord(each.target)));
  }
  return absl::StrJoin(texts, " ");
}

// Whether the only thing about the log is that descriptor 2 is a copy of
// descriptor 1: then the script begins with it.
bool HasPlainLog(const Setup& setup) {
  const auto plain = [](const Redirection& each) {
    return each.sign == "2>&" && each.target.text == "1";
  };
  return setup.log_on_output && setup.pipe.empty() && !setup.background &&
         std::all_of(setup.shell_redirections.begin(),
                     setup.shell_redirections.end(), plain) &&
         std::all_of(setup.redirections.begin(), setup.redirections.end(),
                     plain);
}

// Returns the lines before the command of the server. `serve`: limits for the
// process of one session are left out.
std::string Head(const Setup& setup, bool serve) {
  std::string text = "#!/bin/sh\n";
  if (HasPlainLog(setup)) {
    text += "exec 2>&1\n";
  } else if (!setup.shell_redirections.empty()) {
    absl::StrAppend(&text, "exec ",
                    FormatRedirections(setup.shell_redirections), "\n");
  }
  for (const std::vector<Word>& command : setup.shell) {
    if (serve && !command.empty() && command[0].text == "ulimit") continue;
    std::vector<std::string> words;
    for (const Word& word : command) words.push_back(QuoteWord(word));
    absl::StrAppend(&text, absl::StrJoin(words, " "), "\n");
  }
  std::vector<std::string> names;
  for (const RemovedVariable& each : setup.removed) names.push_back(each.name);
  if (!names.empty()) {
    absl::StrAppend(&text, "unset ", absl::StrJoin(names, " "), "\n");
  }
  return text;
}

// Begins a script that has unknown words: UNKNOWN must have no value.
std::string UnsetUnknown(const Setup& setup) {
  std::string text = "unset UNKNOWN\n";
  for (const Variable& variable : setup.environment) {
    if (variable.name != "UNKNOWN") continue;
    Word word;
    word.place = variable.value.place;
    word.unknown = "the script sets UNKNOWN: use another name in all lines";
    absl::StrAppend(&text, ": ", QuoteWord(word), "\n");
  }
  return text;
}

// Returns a script of `head` and `rest`, which stops first for each of `lacks`
// that no word of `rest` stops for.
std::string Script(const Setup& setup, std::string head,
                   const std::vector<Word>& lacks, absl::string_view rest) {
  std::string lines;
  for (const Word& word : lacks) {
    const std::string quoted = QuoteWord(word);
    if (absl::StrContains(rest, quoted)) continue;
    absl::StrAppend(&lines, ": ", quoted, "\n");
  }
  if (!lines.empty() || absl::StrContains(rest, kUnknownWord)) {
    head += UnsetUnknown(setup);
  }
  return absl::StrCat(head, lines, rest);
}

// Returns the command that starts the server, with its log.
std::string FormatServer(const Setup& setup, std::vector<std::string> words) {
  if (HasPlainLog(setup) ||
      (setup.redirections.empty() && setup.pipe.empty() && !setup.background)) {
    words.insert(words.begin(), "exec");
    return FormatCommand(words);
  }
  const auto add_redirections =
      [&words](const std::vector<Redirection>& redirections) {
        for (const Redirection& each : redirections) {
          words.push_back(absl::StrCat(each.sign, QuoteWord(each.target)));
        }
      };
  add_redirections(setup.redirections);
  for (const PipedCommand& each : setup.pipe) {
    words.emplace_back("|");
    for (const Word& word : each.words) words.push_back(QuoteWord(word));
    add_redirections(each.redirections);
  }
  if (setup.background) {
    words.emplace_back("&");
  } else if (setup.pipe.empty()) {
    words.insert(words.begin(), "exec");
  }
  return FormatCommand(words);
}

void AddOptions(const std::vector<Option>& options,
                std::vector<std::string>* arguments) {
  for (const Option& option : options) {
    arguments->push_back(absl::StrCat("--", option.name));
    if (!option.value.empty()) arguments->push_back(option.value);
  }
}

void SetOption(absl::string_view name, absl::string_view value,
               std::vector<Option>* options) {
  for (Option& option : *options) {
    if (option.name != name) continue;
    option.value = std::string(value);
    return;
  }
  options->push_back({std::string(name), std::string(value)});
}

void AddUnknown(const Word& word, std::vector<Word>* words) {
  for (const Word& each : *words) {
    if (each.place.file == word.place.file &&
        each.place.line == word.place.line && each.unknown == word.unknown) {
      return;
    }
  }
  words->push_back(word);
}

// Breaks `text` into lines after `indent` blanks.
std::string Fold(absl::string_view text, size_t indent) {
  const std::string blanks(indent, ' ');
  std::string out;
  std::string line;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const absl::string_view word = text.substr(0, end);
    if (!line.empty() && indent + line.size() + 1 + word.size() > kWidth) {
      absl::StrAppend(&out, blanks, line, "\n");
      line.clear();
    }
    if (!line.empty()) line += ' ';
    absl::StrAppend(&line, word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return absl::StrCat(out, blanks, line, "\n");
}

}  // namespace

absl::string_view OutcomeText(Outcome outcome) {
  switch (outcome) {
    case Outcome::kMaps:
      return "maps";
    case Outcome::kDiffers:
      return "differs";
    case Outcome::kUnsupported:
      return "not supported";
  }
  return "";
}

Outcome Row::worst() const { return std::max(smtpd.outcome, serve.outcome); }

void Setup::SetSmtpd(absl::string_view name, absl::string_view value) {
  SetOption(name, value, &smtpd);
}

void Setup::SetServe(absl::string_view name, absl::string_view value) {
  SetOption(name, value, &serve);
}

void Setup::AddServe(absl::string_view name, absl::string_view value) {
  serve.push_back({std::string(name), std::string(value)});
}

void Setup::AddListenWord(absl::string_view word) {
  if (std::find(listen_words.begin(), listen_words.end(), word) ==
      listen_words.end()) {
    listen_words.emplace_back(word);
  }
}

bool Setup::HasSmtpd(absl::string_view name) const {
  return std::any_of(smtpd.begin(), smtpd.end(),
                     [&](const Option& each) { return each.name == name; });
}

bool Setup::HasServe(absl::string_view name) const {
  return std::any_of(serve.begin(), serve.end(),
                     [&](const Option& each) { return each.name == name; });
}

void Setup::LackServe(const Word& word) { AddUnknown(word, &unknown); }

void Setup::LackSmtpd(const Word& word) { AddUnknown(word, &smtpd_lacks); }

void Setup::LackBoth(const Word& word) {
  LackSmtpd(word);
  LackServe(word);
}

bool IsVariableName(absl::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

std::vector<std::string> UnknownValues(const std::vector<Word>& words) {
  std::vector<std::string> values;
  for (const Word& word : words) {
    values.push_back(log::Printable(UnknownText(word)));
  }
  return values;
}

std::vector<std::string> SmtpdArguments(const Setup& setup) {
  std::vector<std::string> arguments;
  AddOptions(setup.smtpd, &arguments);
  return arguments;
}

std::vector<std::string> ServeArguments(const Setup& setup) {
  std::vector<std::string> arguments;
  for (const std::string& address : setup.listen) {
    arguments.emplace_back("--listen");
    std::vector<std::string> parts = {address};
    parts.insert(parts.end(), setup.listen_words.begin(),
                 setup.listen_words.end());
    arguments.push_back(absl::StrJoin(parts, ","));
  }
  AddOptions(setup.serve, &arguments);
  return arguments;
}

std::string FormatSmtpd(const Setup& setup) {
  std::vector<std::string> words;
  for (const Word& word : setup.front) words.push_back(QuoteWord(word));
  std::vector<std::string> arguments;
  for (const std::string& each : SmtpdArguments(setup)) {
    arguments.push_back(Quote(each));
  }
  switch (setup.form) {
    case Setup::Form::kRunScript: {
      std::string text;
      for (const Variable& variable : setup.environment) {
        // Any other name would be a command of the shell.
        if (!IsVariableName(variable.name)) continue;
        absl::StrAppend(&text, "export ", variable.name, "=",
                        QuoteWord(variable.value), "\n");
      }
      words.push_back(Quote(absl::StrCat(setup.programs, kSmtpd)));
      words.insert(words.end(), arguments.begin(), arguments.end());
      for (const Word& word : setup.smtpd_unknown) {
        words.push_back(QuoteWord(word));
      }
      return Script(setup, Head(setup, /*serve=*/false), setup.smtpd_lacks,
                    text + FormatServer(setup, std::move(words)));
    }
    case Setup::Form::kXinetd:
    case Setup::Form::kInetd:
      break;
  }
  // Neither file has quotes: words are separated by blanks.
  std::vector<std::string> plain;
  for (const Word& word : setup.front) plain.push_back(word.text);
  plain.push_back(absl::StrCat(setup.programs, kSmtpd));
  for (const std::string& each : SmtpdArguments(setup)) plain.push_back(each);
  // Neither file can end with a message, so the service is off.
  std::string text;
  for (const std::string& each : UnknownValues(setup.smtpd_lacks)) {
    absl::StrAppend(&text, "# not known: ", each, "\n");
  }
  const bool off = !setup.smtpd_lacks.empty();
  if (setup.form == Setup::Form::kInetd) {
    // The name of the process follows the program. tcpd takes it for the
    // program that it runs.
    const bool tcpd = absl::EndsWith(plain[0], "/tcpd");
    return absl::StrCat(text, off ? "#" : "", setup.inetd_head, " ",
                        tcpd ? "" : plain[0], tcpd ? "" : " ",
                        absl::StrJoin(plain, " "), "\n");
  }
  for (const std::string& line : setup.form_lines) {
    if (off &&
        absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "disable ")) {
      continue;
    }
    absl::StrAppend(&text, line, "\n");
  }
  if (off) text += "    disable = yes\n";
  absl::StrAppend(&text, "    server = ", plain[0], "\n");
  plain.erase(plain.begin());
  if (!plain.empty()) {
    absl::StrAppend(&text, "    server_args = ", absl::StrJoin(plain, " "),
                    "\n");
  }
  if (!setup.environment.empty()) {
    text += "    env =";
    for (const Variable& variable : setup.environment) {
      absl::StrAppend(&text, " ", variable.name, "=", variable.value.text);
    }
    text += "\n";
  }
  return text + "}\n";
}

std::string FormatServe(const Setup& setup) {
  std::vector<std::string> words = {Quote(absl::StrCat(setup.programs, kServe)),
                                    "serve"};
  for (const std::string& each : ServeArguments(setup)) {
    words.push_back(Quote(each));
  }
  return Script(setup, Head(setup, /*serve=*/true), setup.unknown,
                FormatServer(setup, std::move(words)));
}

std::string FormatConfig(const Setup& setup) {
  std::string text;
  const std::vector<std::string> unknown = UnknownValues(setup.unknown);
  if (!unknown.empty()) {
    text +=
        "# Each line \"value-not-known\" is an error: write an option "
        "instead.\n";
  }
  for (const std::string& each : unknown) {
    absl::StrAppend(&text, "value-not-known = ", each, "\n");
  }
  for (const Option& option : setup.serve) {
    if (option.name == "user" && option.value != "postern") {
      text +=
          "# postern.service starts the server as the user postern: there, "
          "leave this line\n# out, or name this user in a drop-in.\n";
    }
    // A value that cannot be in the file is one of `unknown`.
    const auto line = service::FormatSetting(
        option.name, option.value.empty() ? "yes" : option.value, option.name);
    if (line.ok()) text += *line;
  }
  for (const std::string& address : setup.listen) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", "[listen ", address,
                    "]\n");
    for (const std::string& word : setup.listen_words) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos) {
        absl::StrAppend(&text, word, " = yes\n");
      } else {
        absl::StrAppend(&text, word.substr(0, equals), " = ",
                        word.substr(equals + 1), "\n");
      }
    }
  }
  return text;
}

std::string FormatRows(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    absl::StrAppend(&text, log::Printable(row.place.Format()), ": ",
                    log::Printable(row.what), "\n");
    const auto line = [&text](absl::string_view program,
                              const Mapping& mapping) {
      std::string sentence(OutcomeText(mapping.outcome));
      if (!mapping.text.empty()) {
        absl::StrAppend(&sentence, ": ", log::Printable(mapping.text));
      }
      std::string folded = Fold(absl::StrCat(program, " ", sentence), 4);
      absl::StrAppend(&text, folded);
    };
    if (row.smtpd.outcome == row.serve.outcome &&
        row.smtpd.text == row.serve.text) {
      line("both:", row.smtpd);
    } else {
      line("postern-smtpd:", row.smtpd);
      line("postern serve:", row.serve);
    }
  }
  return text;
}

}  // namespace postern::programs::migrate
