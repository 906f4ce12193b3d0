// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/tables/table_kind.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/utf8.h"
#include "files/cdb.h"
#include "policy/control/alias_list.h"
#include "policy/control/host_list.h"
#include "policy/control/line_set.h"
#include "policy/control/sender_list.h"

namespace postern::programs {
namespace {

using policy::Line;
using policy::Mistake;

constexpr char kBlanks[] = " \t";

// Returns the error `what` about the text of `line` from `offset`.
absl::Status Invalid(absl::string_view path, const Line& line, size_t offset,
                     absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ":", line.number, ":", offset + 1, ": ", what));
}

// Returns an error if `line` contains a control character other than a tab. In
// a key or an address it can never match.
absl::Status CheckCharacters(absl::string_view path, const Line& line) {
  for (size_t i = 0; i < line.text.size(); ++i) {
    if (line.text[i] == '\r') {
      return Invalid(path, line, i, "the line contains a carriage return");
    }
    if (line.text[i] != '\t' && absl::ascii_iscntrl(line.text[i])) {
      return Invalid(path, line, i, "the line contains a control character");
    }
  }
  return absl::OkStatus();
}

// The keys are those of qmail-newmrh, also for entries that never match.
absl::StatusOr<Table> ParseHosts(absl::string_view path,
                                 const std::vector<Line>& lines,
                                 const TableOptions&) {
  Table table;
  Mistake utf8(
      "the entry is not ASCII and can never match: write the domain in its "
      "xn-- form");
  for (const Line& line : lines) {
    const bool ascii =
        std::all_of(line.text.begin(), line.text.end(), absl::ascii_isascii);
    // CheckHostLines() reports other octets beyond ASCII.
    if (!ascii && IsUtf8(line.text)) utf8.Add(line.number);
    table.records.emplace_back(absl::AsciiStrToLower(line.text), "");
  }
  table.warnings = policy::CheckHostLines(path, lines);
  utf8.Report(path, &table.warnings);
  return table;
}

// The form of a line is that of cdbmake-12, with which mkvalidrcptto makes the
// database.
absl::StatusOr<Table> ParseRecipients(absl::string_view path,
                                      const std::vector<Line>& lines,
                                      const TableOptions&) {
  Table table;
  Mistake no_at(
      "the entry has no '@' and matches only a recipient without a domain");
  Mistake no_domain("the entry has no domain after its '@' and never matches");
  Mistake same(
      "an earlier line has the same address, and the first one counts");
  absl::flat_hash_map<std::string, std::string> seen;
  for (const Line& line : lines) {
    const absl::Status checked = CheckCharacters(path, line);
    if (!checked.ok()) return checked;
    const absl::string_view text = line.text;
    if (text.find_first_of(kBlanks) == 0) {
      return Invalid(path, line, 0, "the line begins with white space");
    }
    const std::vector<absl::string_view> words =
        absl::StrSplit(text, absl::ByAnyChar(kBlanks), absl::SkipEmpty());
    if (words.size() > 2) {
      return Invalid(path, line,
                     static_cast<size_t>(words[2].data() - text.data()),
                     "only an address and one word after it form a line");
    }
    const size_t at = words[0].rfind('@');
    if (at == absl::string_view::npos) no_at.Add(line.number);
    if (at + 1 == words[0].size()) no_domain.Add(line.number);
    // AsciiAddress() takes text without '@' for a domain.
    std::string key = at == absl::string_view::npos
                          ? absl::AsciiStrToLower(words[0])
                          : AsciiAddress(words[0]);
    std::string data(words.size() > 1 ? words[1] : "");
    const auto [entry, is_new] = seen.emplace(key, data);
    if (!is_new && entry->second != data) same.Add(line.number);
    table.records.emplace_back(std::move(key), std::move(data));
  }
  no_at.Report(path, &table.warnings);
  no_domain.Report(path, &table.warnings);
  same.Report(path, &table.warnings);
  return table;
}

// In the text the lines of a user add up; in the database the first record of a
// user counts. So each user gets one record.
absl::StatusOr<Table> ParseSenders(absl::string_view path,
                                   const std::vector<Line>& lines,
                                   const TableOptions&) {
  Table table;
  absl::flat_hash_map<std::string, size_t> index;  // of records, by user
  for (const Line& line : lines) {
    const absl::Status checked = CheckCharacters(path, line);
    if (!checked.ok()) return checked;
    const absl::string_view text = line.text;
    const size_t colon = text.find(':');
    if (colon == absl::string_view::npos) {
      return Invalid(path, line, text.size(),
                     "no colon follows the user: USER:ADDRESSES");
    }
    if (colon == 0) return Invalid(path, line, 0, "no user precedes the colon");
    const std::vector<absl::string_view> addresses = absl::StrSplit(
        text.substr(colon + 1), absl::ByAnyChar(kBlanks), absl::SkipEmpty());
    if (addresses.empty()) {
      return Invalid(path, line, colon + 1, "no address follows the colon");
    }
    const auto [entry, is_new] =
        index.emplace(text.substr(0, colon), table.records.size());
    if (is_new) table.records.emplace_back(entry->first, "");
    std::string& data = table.records[entry->second].second;
    for (absl::string_view address : addresses) {
      absl::StrAppend(&data, data.empty() ? "" : " ", address);
    }
  }
  table.warnings = policy::CheckSenderLines(path, lines);
  return table;
}

// What makes an address local.
struct LocalNames {
  policy::HostList hosts;
  std::string me;
};

// Reads rcpthosts, morercpthosts.cdb and me in `directory`. An alias of an open
// relay could lead anywhere, so rcpthosts must exist.
absl::StatusOr<LocalNames> ReadLocalNames(const std::string& directory) {
  std::vector<std::string> ignored;  // the server writes these warnings
  const std::string path = absl::StrCat(directory, "/rcpthosts");
  auto lines = policy::ReadControlList(path, &ignored);
  if (!lines.ok()) return lines.status();
  if (!lines->has_value()) {
    return absl::NotFoundError(
        absl::StrCat(path,
                     ": no such file: it says which targets are local; "
                     "name its directory with --control"));
  }
  std::optional<files::Cdb> more;
  auto opened = files::Cdb::Open(absl::StrCat(directory, "/morercpthosts.cdb"));
  if (opened.ok()) {
    more.emplace(*std::move(opened));
  } else if (!absl::IsNotFound(opened.status())) {
    return opened.status();
  }
  auto me = policy::ReadControlValue(absl::StrCat(directory, "/me"), &ignored);
  if (!me.ok()) return me.status();
  return LocalNames{policy::HostList(policy::LineSet(path, **std::move(lines)),
                                     std::move(more)),
                    me->value_or("")};
}

absl::StatusOr<Table> ParseAliases(absl::string_view path,
                                   const std::vector<Line>& lines,
                                   const TableOptions& options) {
  std::string directory = options.control;
  if (directory.empty()) {
    const size_t slash = path.rfind('/');
    directory = slash == absl::string_view::npos
                    ? "."
                    : std::string(path.substr(0, std::max<size_t>(slash, 1)));
  }
  const absl::StatusOr<LocalNames> local = ReadLocalNames(directory);
  if (!local.ok()) return local.status();
  Table table;
  const auto aliases = policy::AliasList::Make(
      path, lines, /*more=*/std::nullopt, local->hosts,
      {.separators = options.separators, .domain = local->me}, &table.warnings);
  if (!aliases.ok()) return aliases.status();
  table.records = aliases->Records();
  return table;
}

constexpr TableKind kKinds[] = {
    {"morercpthosts", "a domain, or a dot and a domain for its subdomains",
     ParseHosts},
    {"validrcptto", "an address or @DOMAIN; a second word \"-\" refuses it",
     ParseRecipients},
    {"senders", "USER:ADDRESSES", ParseSenders},
    {"aliases", "ADDRESS: ADDRESS, ADDRESS", ParseAliases},
};

}  // namespace

absl::Span<const TableKind> TableKinds() { return kKinds; }

const TableKind* FindTableKind(absl::string_view name) {
  for (const TableKind& kind : kKinds) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

absl::StatusOr<Table> ReadTable(const TableKind& kind, absl::string_view path,
                                const TableOptions& options) {
  std::vector<std::string> warnings;
  const absl::StatusOr<std::optional<std::vector<Line>>> lines =
      policy::ReadControlList(path, &warnings);
  if (!lines.ok()) return lines.status();
  if (!lines->has_value()) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  }
  absl::StatusOr<Table> table = kind.parse(path, **lines, options);
  if (!table.ok()) return table;
  table->warnings.insert(table->warnings.begin(), warnings.begin(),
                         warnings.end());
  return table;
}

}  // namespace postern::programs
