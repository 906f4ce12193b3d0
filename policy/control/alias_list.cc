// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/alias_list.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/utf8.h"

namespace postern::policy {
namespace {

constexpr absl::string_view kPostmaster = "postmaster";
constexpr absl::string_view kAbuse = "abuse";

// Removes the text up to the first `stop` that is neither quoted nor in an
// address literal from `text`, and also the `stop`. Returns that text without
// blanks around it. Sets `*found` to whether there is a `stop`.
absl::string_view TakeUntil(char stop, absl::string_view* text, bool* found) {
  bool quoted = false;
  bool literal = false;
  size_t end = 0;
  for (; end < text->size(); ++end) {
    const char c = (*text)[end];
    if (quoted) {
      if (c == '\\') ++end;
      if (c == '"') quoted = false;
    } else if (literal) {
      literal = c != ']';
    } else if (c == stop) {
      break;
    } else {
      quoted = c == '"';
      literal = c == '[';
    }
  }
  end = std::min(end, text->size());  // a backslash at the end
  *found = end < text->size();
  const absl::string_view taken = text->substr(0, end);
  text->remove_prefix(*found ? end + 1 : end);
  return absl::StripAsciiWhitespace(taken);
}

// Parses an address without angle brackets. Returns nullopt for anything else,
// also for a source route.
std::optional<Path> ParseAddress(absl::string_view text) {
  if (text.empty() || text.front() == '@') return std::nullopt;
  const std::string bracketed = absl::StrCat("<", text, ">");
  std::optional<ParsedPath> parsed = ParsePath(bracketed, Utf8::kYes);
  if (!parsed || parsed->consumed != bracketed.size() ||
      parsed->path.local_part.empty()) {
    return std::nullopt;
  }
  return std::move(parsed->path);
}

// Returns the key of the alias @DOMAIN.
std::string DomainKey(absl::string_view domain) {
  return absl::StrCat("@", AsciiDomain(domain));
}

// Returns the key of the alias of an address with its domain.
std::string AddressKey(absl::string_view local_part, absl::string_view domain) {
  return AsciiAddress(absl::StrCat(local_part, "@", domain));
}

struct Pattern {
  std::string key;
  std::string domain;  // empty: each local domain
};

std::optional<Pattern> ParsePattern(absl::string_view text) {
  if (absl::StartsWith(text, "@")) {
    const std::optional<Path> any = ParseAddress(absl::StrCat("any", text));
    if (!any) return std::nullopt;
    return Pattern{DomainKey(any->domain), any->domain};
  }
  const std::optional<Path> path = ParseAddress(text);
  if (!path) return std::nullopt;
  if (path->domain.empty()) {
    // The key of "a@b" would be that of the address a@b.
    if (absl::StrContains(path->local_part, '@')) return std::nullopt;
    return Pattern{absl::AsciiStrToLower(path->local_part), ""};
  }
  return Pattern{AddressKey(path->local_part, path->domain), path->domain};
}

// Returns an address without its angle brackets.
std::string Show(const Path& path) {
  const std::string bracketed = FormatPath(path);
  return bracketed.substr(1, bracketed.size() - 2);
}

// Returns whether a pattern has this key.
bool IsKey(absl::string_view key) {
  const size_t at = key.rfind('@');
  std::optional<Pattern> pattern;
  if (at == 0) {
    pattern = ParsePattern(key);
  } else if (at == absl::string_view::npos) {
    pattern = ParsePattern(Show({std::string(key), ""}));
  } else {
    pattern = ParsePattern(Show(
        {std::string(key.substr(0, at)), std::string(key.substr(at + 1))}));
  }
  return pattern && pattern->key == key;
}

std::string RecordSource(const files::Cdb& database, absl::string_view key) {
  return absl::StrCat(database.path(), " key ", key);
}

absl::Status Mistaken(absl::string_view source, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(source, ": ", what));
}

absl::Status TooLong(absl::string_view source) {
  return Mistaken(source, absl::StrCat("more than ", kMaxAliasDepth,
                                       " aliases lead to one another"));
}
absl::Status TooMuch(absl::string_view source) {
  return Mistaken(source, absl::StrCat("the alias expands to more than ",
                                       kMaxExpansion, " addresses"));
}
absl::Status NoTarget(absl::string_view source, const Path& target) {
  return Mistaken(source, absl::StrCat("the target ", Show(target),
                                       " has no mailbox and no alias"));
}
absl::Status NoPostmaster() {
  return absl::FailedPreconditionError(
      "mail for postmaster has no mailbox and no alias, but must be accepted "
      "(RFC 5321 4.5.1): make the mailbox, or write \"postmaster: ADDRESS\" "
      "into control/aliases");
}

}  // namespace

// Finds the mailboxes of one recipient.
class AliasList::Walk {
 public:
  Walk(const AliasList& list, const HostList& hosts, HasMailbox has_mailbox)
      : list_(list), hosts_(hosts), has_mailbox_(has_mailbox) {}

  // Rule 1 (alias_list.h): finds the mailboxes of `path`, a target of the alias
  // with the source `parent`, if that is not empty. Returns false if there are
  // none.
  absl::StatusOr<bool> Resolve(const Path& path, absl::string_view parent) {
    bool by_alias = true;
    for (const Path& address : list_.Addresses(path)) {
      if (by_alias) {
        const auto alias = list_.FindAddress(address);
        if (!alias.ok()) return alias.status();
        if (*alias && (*alias)->source != parent) {
          const absl::Status followed = Follow(**alias);
          if (!followed.ok()) return followed;
          return true;
        }
        by_alias = !*alias;
      }
      const absl::StatusOr<bool> exists = has_mailbox_(address);
      if (!exists.ok()) return exists.status();
      if (*exists) {
        ++size_;
        mailboxes_.push_back(address);
        return true;
      }
    }
    return false;
  }

  absl::Status Follow(const Alias& alias) {
    if (++depth_ > kMaxAliasDepth) return TooLong(alias.source);
    ++size_;
    const auto targets = list_.Targets(alias, hosts_);
    if (!targets.ok()) return targets.status();
    for (const Path& target : *targets) {
      if (size_ >= kMaxExpansion) return TooMuch(alias.source);
      const absl::StatusOr<bool> found = Resolve(target, alias.source);
      if (!found.ok()) return found.status();
      if (!*found) return NoTarget(alias.source, target);
    }
    --depth_;
    return absl::OkStatus();
  }

  std::vector<Path> TakeMailboxes() { return std::move(mailboxes_); }

 private:
  const AliasList& list_;
  const HostList& hosts_;
  const HasMailbox has_mailbox_;
  size_t depth_ = 0;
  size_t size_ = 0;
  std::vector<Path> mailboxes_;
};

// Checks aliases without a look at mailboxes. It assumes that there are none.
// With a mailbox for an address with an extension, an expansion is only
// shorter.
class AliasCheck {
 public:
  AliasCheck(const AliasList& list, const HostList& hosts)
      : list_(list), hosts_(hosts) {}

  // Returns an error for a loop, or an expansion that exceeds the limits.
  // Linear in the size of all aliases for any number of calls.
  absl::Status Check(const AliasList::Alias& alias) {
    const absl::Status status = Measure(alias).status();
    chain_.clear();
    return status;
  }

  // Returns the first alias that applies to a target of `parent`, or nullopt if
  // the target is a mailbox.
  absl::StatusOr<std::optional<AliasList::Alias>> Next(
      const AliasList::Alias& parent, const Path& target) const {
    for (const Path& address : list_.Addresses(target)) {
      auto alias = list_.FindAddress(address);
      if (!alias.ok()) return alias;
      if (!*alias) continue;
      if ((*alias)->source == parent.source) break;
      return alias;
    }
    return std::nullopt;
  }

 private:
  struct Extent {
    size_t size = 1;   // aliases and mailboxes
    size_t depth = 1;  // aliases in the longest chain
  };
  struct Link {
    std::string key;
    std::string source;
  };

  absl::StatusOr<Extent> Measure(const AliasList::Alias& alias) {
    const auto known = extents_.find(alias.source);
    if (known != extents_.end()) return known->second;
    chain_.push_back({alias.key, alias.source});
    if (chain_.size() > kMaxAliasDepth) return TooLong(chain_.front().source);
    const auto targets = list_.Targets(alias, hosts_);
    if (!targets.ok()) return targets.status();
    Extent extent;
    for (const Path& target : *targets) {
      const auto next = Next(alias, target);
      if (!next.ok()) return next.status();
      Extent part{.size = 1, .depth = 0};
      if (*next) {
        if (const absl::Status loop = CheckLoop(**next); !loop.ok()) {
          return loop;
        }
        const absl::StatusOr<Extent> measured = Measure(**next);
        if (!measured.ok()) return measured;
        part = *measured;
      }
      extent.size += part.size;
      extent.depth = std::max(extent.depth, part.depth + 1);
      if (extent.size > kMaxExpansion) return TooMuch(alias.source);
      if (extent.depth > kMaxAliasDepth) return TooLong(alias.source);
    }
    chain_.pop_back();
    extents_.emplace(alias.source, extent);
    return extent;
  }

  // Returns an error if `next` is in the chain of aliases that leads to it.
  absl::Status CheckLoop(const AliasList::Alias& next) {
    const auto begin = std::find_if(
        chain_.begin(), chain_.end(),
        [&](const Link& link) { return link.source == next.source; });
    if (begin == chain_.end()) return absl::OkStatus();
    // Each alias of a loop has the same error.
    const auto known = loops_.find(begin->source);
    if (known != loops_.end()) return known->second;
    std::string loop;
    for (auto link = begin; link != chain_.end(); ++link) {
      absl::StrAppend(&loop, link->key, " (", link->source, "), ");
    }
    const absl::Status status = Mistaken(
        begin->source,
        absl::StrCat("aliases lead back to one another: ", loop, next.key));
    for (auto link = begin; link != chain_.end(); ++link) {
      loops_.emplace(link->source, status);
    }
    return status;
  }

  const AliasList& list_;
  const HostList& hosts_;
  std::vector<Link> chain_;
  absl::flat_hash_map<std::string, Extent> extents_;      // by source
  absl::flat_hash_map<std::string, absl::Status> loops_;  // the same
};

absl::StatusOr<AliasList> AliasList::Make(absl::string_view path,
                                          const std::vector<Line>& lines,
                                          std::optional<files::Cdb> more,
                                          const HostList& hosts,
                                          Options options,
                                          std::vector<std::string>* warnings) {
  std::vector<absl::Status> errors;
  AliasList list = Make(path, lines, std::move(more), hosts, std::move(options),
                        warnings, &errors);
  if (!errors.empty()) return errors[0];
  return list;
}

AliasList AliasList::Make(absl::string_view path,
                          const std::vector<Line>& lines,
                          std::optional<files::Cdb> more, const HostList& hosts,
                          Options options, std::vector<std::string>* warnings,
                          std::vector<absl::Status>* errors) {
  const size_t most = errors->size() + kMaxErrors;
  AliasList list(path, std::move(options));
  list.more_ = std::move(more);
  Mistake remote(
      "the domain is not in rcpthosts, so the pattern can never match");
  for (const Line& line : lines) {
    if (errors->size() == most) return list;
    const auto wrong = [&](absl::string_view what) {
      errors->push_back(absl::InvalidArgumentError(
          absl::StrCat(path, ":", line.number, ": ", what)));
    };
    if (absl::ascii_isspace(line.text.front())) {
      wrong("the line begins with white space: an alias is one line");
      continue;
    }
    absl::string_view targets = line.text;
    bool colon = false;
    const absl::string_view text = TakeUntil(':', &targets, &colon);
    std::optional<Pattern> pattern = ParsePattern(text);
    if (!colon || !pattern) {
      wrong(
          "the line is not of the form ADDRESS: ADDRESS, ADDRESS (or USER: "
          "..., or @DOMAIN: ...)");
      continue;
    }
    const auto [entry, added] = list.lines_.try_emplace(pattern->key);
    if (!added) {
      wrong(absl::StrCat("line ", entry->second.line,
                         " has the same address: write all targets into one "
                         "line"));
      continue;
    }
    entry->second = {std::string(targets), line.number};
    list.order_.push_back(pattern->key);
    if (pattern->domain.empty()) continue;
    const auto local = hosts.Find(pattern->domain);
    if (!local.ok()) {
      errors->push_back(local.status());
      return list;
    }
    if (!*local && !EqualDomains(pattern->domain, list.options_.domain)) {
      remote.Add(line.number);
    }
  }
  remote.Report(path, warnings);
  AliasCheck check(list, hosts);
  for (const std::string& key : list.order_) {
    if (errors->size() == most) return list;
    const auto alias = list.Find(key);
    const absl::Status status =
        alias.ok() ? check.Check(**alias) : alias.status();
    if (status.ok()) continue;
    if (!absl::IsFailedPrecondition(status)) {
      errors->push_back(status);
      return list;
    }
    const absl::Status wrong = absl::InvalidArgumentError(status.message());
    // Each alias of a loop, and each that leads to a wrong line, has its error.
    if (std::find(errors->begin(), errors->end(), wrong) == errors->end()) {
      errors->push_back(wrong);
    }
  }
  return list;
}

absl::StatusOr<std::vector<Path>> AliasList::Expand(
    const Path& recipient, const HostList& hosts,
    HasMailbox has_mailbox) const {
  Walk walk(*this, hosts, has_mailbox);
  absl::StatusOr<bool> found = walk.Resolve(recipient, "");
  if (!found.ok()) return found.status();
  if (*found) return walk.TakeMailboxes();
  const absl::string_view domain = DomainOf(recipient);
  if (!domain.empty()) {
    const auto any = Find(DomainKey(domain));
    if (!any.ok()) return any.status();
    if (*any) {
      const absl::Status followed = walk.Follow(**any);
      if (!followed.ok()) return followed;
      return walk.TakeMailboxes();
    }
  }
  for (const Path& address : Addresses(recipient)) {
    const bool abuse = absl::EqualsIgnoreCase(address.local_part, kAbuse);
    if (!abuse && !absl::EqualsIgnoreCase(address.local_part, kPostmaster)) {
      continue;
    }
    const Path postmaster{std::string(kPostmaster), recipient.domain};
    if (abuse) found = walk.Resolve(postmaster, "");
    if (found.ok() && !*found) {
      found = walk.Resolve({std::string(kPostmaster), ""}, "");
    }
    if (!found.ok()) return found.status();
    if (!*found) return NoPostmaster();
    return walk.TakeMailboxes();
  }
  return std::vector<Path>();
}

std::vector<files::CdbRecord> AliasList::Records() const {
  std::vector<files::CdbRecord> records;
  records.reserve(order_.size());
  for (const std::string& key : order_) {
    const std::string& targets = lines_.at(key).targets;
    records.emplace_back(key, absl::StripAsciiWhitespace(targets));
  }
  return records;
}

std::vector<std::string> AliasList::CheckTargets(const HostList& hosts,
                                                 HasMailbox has_mailbox) const {
  std::vector<std::string> warnings;
  size_t others = 0;
  absl::flat_hash_set<std::string> seen;
  const auto warn = [&](absl::string_view warning) {
    if (!seen.emplace(warning).second) return;
    if (warnings.size() < kMaxAliasWarnings) {
      warnings.push_back(absl::StrCat(warning, "."));
    } else {
      ++others;
    }
  };
  AliasCheck check(*this, hosts);
  const auto check_target = [&](const Alias& alias, const Path& target) {
    const auto next = check.Next(alias, target);
    if (!next.ok()) return next.status();
    if (*next) return absl::OkStatus();
    for (const Path& address : Addresses(target)) {
      const absl::StatusOr<bool> exists = has_mailbox(address);
      if (!exists.ok()) {
        return Mistaken(alias.source,
                        absl::StrCat("the mailbox of the target ", Show(target),
                                     ": ", exists.status().message()));
      }
      if (*exists) return absl::OkStatus();
    }
    return NoTarget(alias.source, target);
  };
  const auto check_alias = [&](const Alias& alias) {
    const absl::Status status = check.Check(alias);
    if (!status.ok()) return warn(status.message());
    const auto targets = Targets(alias, hosts);
    if (!targets.ok()) return warn(targets.status().message());
    for (const Path& target : *targets) {
      const absl::Status found = check_target(alias, target);
      if (!found.ok()) warn(found.message());
    }
  };
  for (const std::string& key : order_) {
    const auto alias = Find(key);
    if (alias.ok()) check_alias(**alias);  // from a line: it is always found
  }
  if (more_) {
    size_t left = kMaxCheckedRecords;
    const absl::Status read =
        more_->ForEach([&](absl::string_view key, absl::string_view targets) {
          if (IsKey(key)) {
            check_alias({std::string(key), RecordSource(*more_, key),
                         std::string(targets)});
          } else {
            warn(absl::StrCat(
                more_->path(), ": key ", absl::Utf8SafeCHexEscape(key),
                ": the key is not an address in lower case with its domain in "
                "xn-- form, and can never match"));
          }
          return --left > 0;
        });
    if (!read.ok()) warn(read.message());
  }
  const auto postmaster =
      Expand({std::string(kPostmaster), ""}, hosts, has_mailbox);
  if (!postmaster.ok()) warn(postmaster.status().message());
  if (others > 0) {
    warnings.push_back(
        absl::StrCat("There are ", others, " more warnings about aliases."));
  }
  return warnings;
}

absl::StatusOr<std::optional<AliasList::Alias>> AliasList::Find(
    const std::string& key) const {
  if (const auto line = lines_.find(key); line != lines_.end()) {
    return Alias{key, absl::StrCat(path_, ":", line->second.line),
                 line->second.targets};
  }
  if (!more_) return std::nullopt;
  auto targets = more_->Find(key);
  if (!targets.ok()) return targets.status();
  if (!*targets) return std::nullopt;
  return Alias{key, RecordSource(*more_, key), **std::move(targets)};
}

absl::StatusOr<std::optional<AliasList::Alias>> AliasList::FindAddress(
    const Path& address) const {
  if (lines_.empty() && !more_) return std::nullopt;
  const absl::string_view domain = DomainOf(address);
  if (!domain.empty()) {
    auto alias = Find(AddressKey(address.local_part, domain));
    if (!alias.ok() || *alias) return alias;
  }
  // "a@b"@x.example must not find the alias of a@b.
  if (absl::StrContains(address.local_part, '@')) return std::nullopt;
  return Find(absl::AsciiStrToLower(address.local_part));
}

absl::StatusOr<std::vector<Path>> AliasList::Targets(
    const Alias& alias, const HostList& hosts) const {
  std::vector<Path> targets;
  absl::string_view rest = alias.targets;
  bool more = true;
  while (more) {
    const absl::string_view text = TakeUntil(',', &rest, &more);
    std::optional<Path> target = ParseAddress(text);
    // Other mail servers run programs, write files and send copies for such
    // targets. As addresses they would be accepted and lead nowhere.
    if (!target || absl::StrContains("|/&", target->local_part[0])) {
      return Mistaken(alias.source, absl::StrCat("the target \"",
                                                 absl::Utf8SafeCHexEscape(text),
                                                 "\" is not an address"));
    }
    if (!target->domain.empty() &&
        !EqualDomains(target->domain, options_.domain)) {
      const auto local = hosts.Find(target->domain);
      if (!local.ok()) return local.status();
      if (!*local) {
        return Mistaken(
            alias.source,
            absl::StrCat("the target ", Show(*target),
                         " is not local (its domain is not in rcpthosts), and "
                         "a Maildir cannot send mail on"));
      }
    }
    if (targets.size() == kMaxExpansion) return TooMuch(alias.source);
    targets.push_back(*std::move(target));
  }
  return targets;
}

std::vector<Path> AliasList::Addresses(const Path& path) const {
  std::vector<Path> addresses = {path};
  const absl::string_view user = path.local_part;
  for (size_t i = user.size(); i-- > 1 && addresses.size() < kMaxExtensions;) {
    if (absl::StrContains(options_.separators, user[i])) {
      addresses.push_back({std::string(user.substr(0, i)), path.domain});
    }
  }
  return addresses;
}

absl::Status ValidateSeparators(absl::string_view separators) {
  for (const char c : separators) {
    if (!absl::StrContains("!#$%&'*+-=?^_`{|}~.", c)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", absl::Utf8SafeCHexEscape(absl::string_view(&c, 1)),
                       "' cannot separate a user from an extension: choose "
                       "from + - = . _ # ~ and the like"));
    }
  }
  return absl::OkStatus();
}

}  // namespace postern::policy
