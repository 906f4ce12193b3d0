// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/grants.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/ip_address.h"

namespace postern::programs {
namespace {

using Kind = Grant::Kind;

constexpr absl::string_view kBlanks = " \t";
constexpr size_t kMostDomains = 1000;  // that FormatGrants() names
constexpr size_t kMostNamed = 20;      // lines of CompareGrants() about domains
constexpr size_t kMostTexts = 8;       // networks in one line

// The words of the file. "domains" is here once, as kDomains.
struct Word {
  absl::string_view word;
  Kind kind;
  absl::string_view argument;  // empty: none
};
constexpr Word kWords[] = {
    {"address", Kind::kAddress, "a network, an address or a range"},
    {"name", Kind::kName, "a host name, or a suffix that begins with a dot"},
    {"names", Kind::kNames, ""},
    {"ident", Kind::kIdent, "USER@ADDRESS or USER@=NAME"},
    {"users", Kind::kUsers, ""},
    {"proxy", Kind::kProxy, "a network, an address or a range"},
    {"xclient", Kind::kXclient, "a network, an address or a range"},
    {"everyone", Kind::kEveryone, ""},
    {"domain", Kind::kDomain, "a domain, or a suffix that begins with a dot"},
    {"domains", Kind::kDomains, "a number or \"any\""},
};

const Word* FindWord(absl::string_view text) {
  for (const Word& word : kWords) {
    if (word.word == text) return &word;
  }
  return nullptr;
}

absl::string_view WordOf(Kind kind) {
  if (kind == Kind::kAnyDomains) return "domains";
  for (const Word& word : kWords) {
    if (word.kind == kind) return word.word;
  }
  return "";
}

// Writes `text` as one argument: other bytes than visible ASCII, and those that
// mean something in this file or in patterns, become \xNN.
std::string Escape(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '\\' &&
        c != '#' && c != '*') {
      escaped.push_back(c);
    } else {
      absl::StrAppend(
          &escaped, "\\x",
          absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return escaped;
}

// The reverse of Escape(). Returns nullopt if a backslash does not begin \xNN.
std::optional<std::string> Unescape(absl::string_view text) {
  std::string plain;
  while (!text.empty()) {
    if (text[0] != '\\') {
      plain.push_back(text[0]);
      text.remove_prefix(1);
      continue;
    }
    if (text.size() < 4 || text[1] != 'x' || !absl::ascii_isxdigit(text[2]) ||
        !absl::ascii_isxdigit(text[3])) {
      return std::nullopt;
    }
    uint32_t octet = 0;
    if (!absl::SimpleHexAtoi(text.substr(2, 2), &octet)) return std::nullopt;
    plain.push_back(static_cast<char>(octet));
    text.remove_prefix(4);
  }
  return plain;
}

// Removes the comment, which begins at a '#' that begins the line or follows a
// blank.
absl::string_view WithoutComment(absl::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (i == 0 || absl::StrContains(kBlanks, line[i - 1]))) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::string Quote(absl::string_view text) {
  return absl::StrCat("\"", Escape(text), "\"");
}

// Reads `argument` into `grant`. Returns what is wrong, or "".
std::string ReadArgument(absl::string_view argument, Grant* grant) {
  switch (grant->kind) {
    case Kind::kAddress:
    case Kind::kProxy:
    case Kind::kXclient: {
      if (grant->kind != Kind::kAddress &&
          (absl::StartsWith(argument, "/") ||
           absl::StartsWith(argument, "systemd:"))) {
        const std::optional<std::string> path = Unescape(argument);
        if (!path) {
          return absl::StrCat(Quote(argument),
                              ": a backslash must begin \\xNN");
        }
        grant->text = *path;
        return "";
      }
      const auto set = net::AddressSet::Parse(argument);
      if (!set.ok()) {
        return absl::StrCat(
            Quote(argument), " is not a network, an address or a range (",
            argument.find('/') == absl::string_view::npos
                ? "such as 192.0.2.1-192.0.2.9"
                : "the bits after the network's length must be zero",
            ")");
      }
      grant->addresses = *set;
      return "";
    }
    case Kind::kName:
    case Kind::kDomain:
    case Kind::kIdent: {
      const std::optional<std::string> text = Unescape(argument);
      if (!text) {
        return absl::StrCat(Quote(argument), ": a backslash must begin \\xNN");
      }
      if (absl::StrContains(argument, '*')) {
        return absl::StrCat(
            Quote(argument),
            " is a pattern; a suffix begins with a dot: .example.org");
      }
      if (grant->kind == Kind::kDomain) {
        grant->text = AsciiDomain(*text);
      } else if (grant->kind == Kind::kName) {
        if (IpAddress::Parse(*text)) {
          return absl::StrCat(Quote(argument),
                              " is an address: write \"address\"");
        }
        grant->text = absl::AsciiStrToLower(*text);
      } else {
        const size_t at = text->find('@');
        if (at == std::string::npos || at + 1 == text->size()) {
          return absl::StrCat(Quote(argument),
                              " is not USER@ADDRESS or USER@=NAME");
        }
        grant->text = *text;
      }
      return "";
    }
    case Kind::kDomains:
      if (argument == "any") {
        grant->kind = Kind::kAnyDomains;
        return "";
      }
      if (argument.find_first_not_of("0123456789") != absl::string_view::npos ||
          !absl::SimpleAtoi(argument, &grant->count)) {
        return absl::StrCat(Quote(argument), " is not a number or \"any\"");
      }
      return "";
    case Kind::kNames:
    case Kind::kUsers:
    case Kind::kEveryone:
    case Kind::kAnyDomains:
      return "";
  }
  return "";
}

// Parses a line that is not empty. Returns what is wrong, or "".
std::string ParseLine(absl::string_view line, Grant* grant) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(kBlanks), absl::SkipEmpty());
  const Word* const word = FindWord(words[0]);
  if (word == nullptr) {
    return absl::StrCat(
        Quote(words[0]), " is not one of the words ",
        absl::StrJoin(kWords, ", ", [](std::string* out, const Word& each) {
          absl::StrAppend(out, each.word);
        }));
  }
  grant->kind = word->kind;
  if (word->argument.empty()) {
    return words.size() == 1
               ? ""
               : absl::StrCat("nothing may follow ", Quote(word->word),
                              ", but there is ", Quote(words[1]));
  }
  if (words.size() == 1) {
    return absl::StrCat(Quote(word->word), " needs ", word->argument);
  }
  if (words.size() > 2) {
    return absl::StrCat("one ", Quote(word->word),
                        " has one argument: write a line for ",
                        Quote(words[2]));
  }
  return ReadArgument(words[1], grant);
}

// Calls `each` with `text` and with each of its suffixes that begins with a
// dot, the longest first, until it returns true. Returns whether it did.
template <typename Each>
bool AnyCovering(absl::string_view text, Each each) {
  if (each(text)) return true;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '.' && each(text.substr(i))) return true;
  }
  return false;
}

net::AddressSet UnionOf(const std::vector<Grant>& grants, Kind kind) {
  std::vector<net::AddressRange> ranges;
  for (const Grant& grant : grants) {
    if (grant.kind != kind) continue;
    for (const net::AddressRange& range : grant.addresses.Ranges()) {
      ranges.push_back(range);
    }
  }
  return net::AddressSet(ranges);
}

std::set<std::string> TextsOf(const std::vector<Grant>& grants, Kind kind) {
  std::set<std::string> texts;
  for (const Grant& grant : grants) {
    if (grant.kind == kind) texts.insert(grant.text);
  }
  return texts;
}

bool Has(const std::vector<Grant>& grants, Kind kind) {
  return std::any_of(grants.begin(), grants.end(),
                     [kind](const Grant& each) { return each.kind == kind; });
}

// Returns the sources of the domains that no "domain" line of `declared`
// covers, by domain. Adds the lines that cover one to `used`.
std::map<std::string, std::string> UncoveredDomains(
    const std::vector<Grant>& present,
    const absl::flat_hash_set<std::string>& declared,
    absl::flat_hash_set<std::string>* used) {
  std::map<std::string, std::string> left;
  for (const Grant& grant : present) {
    if (grant.kind != Kind::kDomain) continue;
    const bool covered = AnyCovering(grant.text, [&](absl::string_view text) {
      const auto found = declared.find(text);
      if (found == declared.end()) return false;
      used->insert(*found);
      return true;
    });
    if (!covered) left.emplace(grant.text, grant.source);
  }
  return left;
}

std::string By(absl::string_view source) {
  return source.empty() ? "" : absl::StrCat(" by ", source);
}

std::string JoinTexts(const net::AddressSet& set) {
  std::vector<std::string> texts = set.Texts();
  const size_t all = texts.size();
  if (all > kMostTexts) texts.resize(kMostTexts);
  std::string joined = absl::StrJoin(texts, ", ");
  if (all > kMostTexts) {
    absl::StrAppend(&joined, " and ", all - kMostTexts, " more networks");
  }
  return joined;
}

// What a grant of each kind permits, for sentences.
absl::string_view Right(Kind kind) {
  switch (kind) {
    case Kind::kProxy:
      return "may name any client address";
    case Kind::kXclient:
      return "may name any client address, host name and user";
    case Kind::kDomain:
    case Kind::kDomains:
    case Kind::kAnyDomains:
      return "get mail from every client";
    default:
      return "may relay";
  }
}

// The holder of a grant, for sentences.
std::string Holder(const Grant& grant) {
  switch (grant.kind) {
    case Kind::kName:
      return absl::StartsWith(grant.text, ".")
                 ? absl::StrCat("clients with a host name below ",
                                Escape(grant.text))
                 : absl::StrCat("the client with the host name ",
                                Escape(grant.text));
    case Kind::kNames:
      return "every client with a confirmed host name";
    case Kind::kIdent:
      return absl::StrCat("the ident name ", Escape(grant.text));
    case Kind::kUsers:
      return "every user";
    case Kind::kEveryone:
      return "every client";
    case Kind::kDomain:
      return absl::StrCat("recipients at ", Escape(grant.text));
    default:
      return grant.text.empty()
                 ? JoinTexts(grant.addresses)
                 : absl::StrCat("each client of ", Escape(grant.text));
  }
}

std::string Undeclared(const Grant& grant, absl::string_view path) {
  return absl::StrCat(Holder(grant), " ", Right(grant.kind), By(grant.source),
                      "; ", path, " does not declare it");
}

// Compares the grants of one kind that have addresses.
void CompareAddresses(const std::vector<Grant>& present, Kind kind,
                      const net::AddressSet& declared, absl::string_view path,
                      std::vector<std::string>* growth) {
  const net::AddressSet missing = UnionOf(present, kind).Minus(declared);
  if (missing.empty()) return;
  for (const Grant& grant : present) {
    if (grant.kind != kind) continue;
    Grant part = grant;
    part.addresses = grant.addresses.Intersection(missing);
    if (!part.addresses.empty()) growth->push_back(Undeclared(part, path));
  }
}

void CompareDomains(const std::vector<Grant>& present, absl::string_view path,
                    const std::vector<Grant>& declared,
                    GrantComparison* result) {
  absl::flat_hash_set<std::string> lines;
  std::optional<uint64_t> most;
  for (const Grant& grant : declared) {
    if (grant.kind == Kind::kAnyDomains) return;
    if (grant.kind == Kind::kDomains) most = grant.count;
    if (grant.kind == Kind::kDomain) lines.insert(grant.text);
  }
  absl::flat_hash_set<std::string> used;
  std::map<std::string, std::string> left =
      UncoveredDomains(present, lines, &used);
  const auto report = [&](const std::string& text, const std::string& source) {
    Grant domain;
    domain.kind = Kind::kDomain;
    domain.text = text;
    domain.source = source;
    result->growth.push_back(Undeclared(domain, path));
  };
  for (auto each = left.begin(); each != left.end();) {
    if (!IsWideDomain(each->first)) {
      ++each;
      continue;
    }
    report(each->first, each->second);
    each = left.erase(each);
  }
  if (left.size() > most.value_or(0)) {
    if (most) {
      result->growth.push_back(
          absl::StrCat(left.size(), " domains without a line get mail from ",
                       "every client; ", path, " declares ", *most));
    } else {
      size_t named = 0;
      for (const auto& [text, source] : left) {
        if (named++ == kMostNamed) break;
        report(text, source);
      }
      if (left.size() > kMostNamed) {
        result->growth.push_back(
            absl::StrCat(left.size() - kMostNamed,
                         " more domains get mail from every client; ", path,
                         " does not declare them"));
      }
    }
  }
  size_t unused = 0;
  for (const Grant& grant : declared) {
    if (grant.kind != Kind::kDomain || used.contains(grant.text)) continue;
    if (unused++ < kMostNamed) {
      result->notes.push_back(absl::StrCat(grant.source, ": domain ",
                                           Escape(grant.text),
                                           ": this domain is not listed"));
    }
  }
  if (unused > kMostNamed) {
    result->notes.push_back(absl::StrCat(path, ": ", unused - kMostNamed,
                                         " more domains are not listed"));
  }
}

}  // namespace

bool IsWideDomain(absl::string_view entry) {
  return absl::StartsWith(entry, ".") &&
         !absl::StrContains(absl::StripSuffix(entry.substr(1), "."), '.');
}

absl::StatusOr<std::vector<Grant>> ParseGrants(absl::string_view path,
                                               absl::string_view text) {
  std::vector<Grant> grants;
  int number = 0;
  int domains = 0;  // the line of "domains"
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const std::string place = absl::StrCat(path, ":", number);
    const auto invalid = [&place](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat(place, ": ", what));
    };
    if (absl::EndsWith(line, "\r")) {
      return invalid("the line ends with a carriage return (a DOS line end)");
    }
    line = WithoutComment(line);
    if (line.find_first_not_of(kBlanks) == absl::string_view::npos) continue;
    Grant grant;
    grant.source = place;
    const std::string mistake = ParseLine(line, &grant);
    if (!mistake.empty()) return invalid(mistake);
    if (grant.kind == Kind::kDomains || grant.kind == Kind::kAnyDomains) {
      if (domains != 0) {
        return invalid(
            absl::StrCat("\"domains\" is already in line ", domains));
      }
      domains = number;
    }
    grants.push_back(std::move(grant));
  }
  return grants;
}

std::string FormatGrants(const std::vector<Grant>& grants) {
  std::string text =
      "# What may relay, for postern check --expect: see postern-check(8).\n";
  for (const Kind kind : {Kind::kEveryone, Kind::kUsers, Kind::kNames}) {
    if (Has(grants, kind)) absl::StrAppend(&text, WordOf(kind), "\n");
  }
  const auto add = [&text](Kind kind, absl::string_view argument) {
    absl::StrAppend(&text, WordOf(kind), " ", argument, "\n");
  };
  for (const Kind kind : {Kind::kAddress, Kind::kProxy, Kind::kXclient}) {
    for (const std::string& each : UnionOf(grants, kind).Texts()) {
      add(kind, each);
    }
  }
  for (const Kind kind :
       {Kind::kProxy, Kind::kXclient, Kind::kName, Kind::kIdent}) {
    for (const std::string& each : TextsOf(grants, kind)) {
      if (!each.empty()) add(kind, Escape(each));
    }
  }
  const std::set<std::string> domains = TextsOf(grants, Kind::kDomain);
  absl::flat_hash_set<std::string> lines;
  for (const std::string& each : domains) {
    if (domains.size() > kMostDomains && !IsWideDomain(each)) continue;
    lines.insert(each);
    add(Kind::kDomain, Escape(each));
  }
  absl::flat_hash_set<std::string> ignored;
  const size_t others = UncoveredDomains(grants, lines, &ignored).size();
  if (others > 0) add(Kind::kDomains, absl::StrCat(others));
  if (Has(grants, Kind::kAnyDomains)) add(Kind::kAnyDomains, "any");
  return text;
}

GrantComparison CompareGrants(const std::vector<Grant>& present,
                              absl::string_view path,
                              const std::vector<Grant>& declared) {
  GrantComparison result;
  if (Has(declared, Kind::kEveryone)) {
    if (!Has(present, Kind::kEveryone)) {
      result.notes.push_back(
          absl::StrCat(path,
                       ": everyone: this is not an open relay, and nothing is "
                       "compared because of this line"));
    }
    return result;
  }
  const net::AddressSet xclient = UnionOf(declared, Kind::kXclient);
  CompareAddresses(present, Kind::kAddress, UnionOf(declared, Kind::kAddress),
                   path, &result.growth);
  CompareAddresses(present, Kind::kProxy,
                   UnionOf(declared, Kind::kProxy).Union(xclient), path,
                   &result.growth);
  CompareAddresses(present, Kind::kXclient, xclient, path, &result.growth);

  const std::set<std::string> names = TextsOf(declared, Kind::kName);
  const std::set<std::string> idents = TextsOf(declared, Kind::kIdent);
  const std::set<std::string> xclient_paths = TextsOf(declared, Kind::kXclient);
  std::set<std::string> proxy_paths = TextsOf(declared, Kind::kProxy);
  proxy_paths.insert(xclient_paths.begin(), xclient_paths.end());
  std::set<std::string> used_paths = TextsOf(present, Kind::kProxy);
  for (const std::string& path : TextsOf(present, Kind::kXclient)) {
    used_paths.insert(path);
  }
  absl::flat_hash_set<std::string> used_names;
  absl::flat_hash_set<std::string> used_idents;
  for (const Grant& grant : present) {
    bool covered = true;
    switch (grant.kind) {
      case Kind::kEveryone:
        covered = false;
        break;
      case Kind::kName:
        covered = AnyCovering(grant.text, [&](absl::string_view text) {
          const auto found = names.find(std::string(text));
          if (found == names.end()) return false;
          used_names.insert(*found);
          return true;
        });
        covered = Has(declared, Kind::kNames) || covered;
        break;
      case Kind::kProxy:
        covered = grant.text.empty() || proxy_paths.count(grant.text) > 0;
        break;
      case Kind::kXclient:
        covered = grant.text.empty() || xclient_paths.count(grant.text) > 0;
        break;
      case Kind::kNames:
      case Kind::kUsers:
        covered = Has(declared, grant.kind);
        break;
      case Kind::kIdent:
        covered = idents.count(grant.text) > 0;
        used_idents.insert(grant.text);
        break;
      default:
        break;
    }
    if (!covered) result.growth.push_back(Undeclared(grant, path));
  }
  CompareDomains(present, path, declared, &result);

  const net::AddressSet clients = UnionOf(present, Kind::kAddress);
  const net::AddressSet speakers =
      UnionOf(present, Kind::kProxy).Union(UnionOf(present, Kind::kXclient));
  std::vector<std::string> notes;
  for (const Grant& grant : declared) {
    bool used = true;
    switch (grant.kind) {
      case Kind::kAddress:
        used = !grant.addresses.Intersection(clients).empty();
        break;
      case Kind::kProxy:
      case Kind::kXclient:
        used = grant.text.empty()
                   ? !grant.addresses.Intersection(speakers).empty()
                   : used_paths.count(grant.text) > 0;
        break;
      case Kind::kName:
        used = used_names.contains(grant.text);
        break;
      case Kind::kIdent:
        used = used_idents.contains(grant.text);
        break;
      case Kind::kNames:
        used = Has(present, Kind::kNames) || Has(present, Kind::kName);
        break;
      case Kind::kUsers:
        used = Has(present, Kind::kUsers);
        break;
      default:
        break;
    }
    if (used) continue;
    std::string what(WordOf(grant.kind));
    if (!grant.text.empty()) absl::StrAppend(&what, " ", Escape(grant.text));
    if (!grant.addresses.empty()) {
      absl::StrAppend(&what, " ", JoinTexts(grant.addresses));
    }
    notes.push_back(
        absl::StrCat(grant.source, ": ", what, ": no rule uses this grant"));
  }
  result.notes.insert(result.notes.begin(), notes.begin(), notes.end());
  return result;
}

}  // namespace postern::programs
