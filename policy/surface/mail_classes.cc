// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/surface/mail_classes.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/utf8.h"
#include "policy/control/bad_mail_from.h"
#include "policy/control/host_list.h"
#include "policy/relay_checks.h"

namespace postern::policy {
namespace {

constexpr absl::string_view kUser = "user";
// A domain with more octets is not converted: AsciiDomain().
constexpr size_t kMaxDomain = 255;

// Returns `path` divided after the last '@' of its text.
Path Divided(const Path& path) {
  const bool divided = path.domain.empty()
                           ? !absl::StrContains(path.local_part, '@')
                           : !absl::StrContains(path.domain, '@');
  return divided ? path : SplitAddress(path.Address());
}

bool CanBeSent(const Path& path) {
  const std::string text = FormatPath(path);
  const auto parsed = ParsePath(text, Utf8::kYes);
  return parsed && parsed->path == path && parsed->consumed == text.size();
}

}  // namespace

absl::StatusOr<MailClasses> MailClasses::Make(const Controls& controls,
                                              const net::OwnAddresses& own) {
  MailClasses classes(controls, own);
  const HostList& hosts = controls.rcpthosts;
  for (const Line& line : hosts.lines().lines()) {
    // Of two equal lines, the first one matches.
    if (!classes.names_.insert(line.text).second) continue;
    classes.entries_.push_back(
        {line.text, absl::StrCat(hosts.lines().path(), ":", line.number)});
  }
  if (hosts.database()) {
    absl::flat_hash_set<std::string> keys;
    const absl::Status read = hosts.database()->ForEach(
        [&](absl::string_view key, absl::string_view) {
          if (!keys.emplace(key).second) return true;
          classes.names_.emplace(key);
          classes.entries_.push_back(
              {std::string(key),
               absl::StrCat(hosts.database()->path(), " key ", key), true});
          return true;
        });
    if (!read.ok()) return read;
  }
  for (absl::string_view literal : {"[127.0.0.1]", "[0.0.0.0]"}) {
    const absl::StatusOr<bool> replaced = classes.IsReplaced(literal);
    if (!replaced.ok()) {
      classes.own_known_ = false;
    } else if (*replaced && !classes.own_literal_) {
      classes.own_literal_ = std::string(literal);
    }
  }
  return classes;
}

absl::StatusOr<bool> MailClasses::IsReplaced(absl::string_view domain) const {
  if (!controls_.localiphost) return false;
  const std::optional<IpAddress> address = net::ParseIpv4Literal(domain);
  if (!address) return false;
  return own_.Contains(*address);
}

absl::StatusOr<Path> MailClasses::Effective(const Path& path) const {
  Path divided = Divided(path);
  const absl::StatusOr<bool> replaced = IsReplaced(divided.domain);
  if (!replaced.ok()) return replaced.status();
  if (*replaced) divided.domain = *controls_.localiphost;
  return divided;
}

absl::StatusOr<std::optional<std::string>> MailClasses::SourceOf(
    absl::string_view domain) const {
  const auto match = controls_.rcpthosts.Find(domain);
  if (!match.ok()) return match.status();
  std::optional<std::string> source;
  if (match->has_value()) source = (*match)->source;
  return source;
}

std::string MailClasses::FreshLabel(absl::string_view rest) const {
  std::string label = "host";
  for (int i = 0; names_.contains(absl::StrCat(label, rest)); ++i) {
    label = absl::StrCat("host", i);
  }
  return label;
}

std::vector<std::string> MailClasses::Candidates(
    absl::string_view entry, absl::string_view suffix) const {
  const std::string end = absl::AsciiStrToLower(suffix);
  const bool wildcard = absl::StartsWith(entry, ".");
  std::vector<std::string> domains;
  if (entry.size() <= end.size()) {
    // Each domain ends in the entry, because the suffix does.
    if (wildcard && absl::EndsWith(end, entry)) {
      domains.push_back(FreshLabel(end));
    }
    return domains;
  }
  if (!absl::EndsWith(entry, end)) return domains;
  const std::string rest(entry.substr(0, entry.size() - end.size()));
  if (wildcard) {
    domains.push_back(absl::StrCat(FreshLabel(entry), rest));
    // A key that is not ASCII matches only a domain that is not converted.
    domains.push_back(
        absl::StrCat(std::string(kMaxDomain, 'a') + FreshLabel(entry), rest));
    // ".2.1]" matches an address literal.
    if (absl::EndsWith(entry, "]")) {
      const auto dots = std::count(entry.begin(), entry.end(), '.');
      for (int first = 1; first <= 255 && dots >= 1 && dots <= 3; ++first) {
        std::string literal = absl::StrCat("[", first);
        for (auto i = dots; i < 3; ++i) absl::StrAppend(&literal, ".2");
        domains.push_back(literal + rest);
      }
    }
  }
  domains.push_back(rest);
  return domains;
}

absl::Status MailClasses::Add(Kind kind, Path witness, RecipientPartition* to,
                              const Entry* entry) const {
  RecipientClass& added = to->classes.emplace_back();
  added.kind = kind;
  if (entry != nullptr) {
    added.entry = entry->text;
    added.source = entry->source;
  }
  added.possible = CanBeSent(witness);
  added.envelope = witness;
  const absl::StatusOr<Path> effective = Effective(witness);
  if (effective.ok()) {
    added.envelope =
        to->suffix.empty()
            ? *effective
            : SplitAddress(absl::StrCat(effective->Address(), to->suffix));
    const auto source = SourceOf(added.envelope.domain);
    if (!source.ok()) return source.status();
    added.local = IsLocalName(added.envelope) || source->has_value();
  }
  added.witness = std::move(witness);
  return absl::OkStatus();
}

absl::Status MailClasses::AddEntry(const Entry& entry, RecipientPartition* to,
                                   std::vector<Unreached>* unreached) const {
  std::optional<Path> witness;
  for (const std::string& domain : Candidates(entry.text, to->suffix)) {
    const Path path{std::string(kUser), domain};
    if (domain.empty() || HasControlCharacter(path) ||
        absl::StrContains(domain, '@')) {
      continue;
    }
    const absl::StatusOr<bool> replaced = IsReplaced(domain);
    if (!replaced.ok() || *replaced) continue;
    const auto source = SourceOf(absl::StrCat(domain, to->suffix));
    if (!source.ok()) return source.status();
    if (*source != entry.source) continue;
    const bool can_be_sent = CanBeSent(path);
    if (!witness || can_be_sent) witness = path;
    if (can_be_sent) break;
  }
  if (witness) {
    return Add(entry.database ? Kind::kDatabase : Kind::kLine, *witness, to,
               &entry);
  }
  if (unreached == nullptr) return absl::OkStatus();
  // Find out what matches instead.
  const bool wildcard = absl::StartsWith(entry.text, ".");
  const std::string domain =
      absl::StrCat(wildcard ? FreshLabel(entry.text) : "", entry.text);
  std::string why = "no domain can match it";
  const absl::StatusOr<bool> replaced = IsReplaced(domain);
  const auto source = SourceOf(domain);
  if (!replaced.ok()) {
    why = std::string(replaced.status().message());
  } else if (*replaced) {
    why = "localiphost replaces this address of the host";
  } else if (source.ok() && *source && **source != entry.source) {
    why = absl::StrCat("all its domains match ", **source);
  }
  unreached->push_back({entry.text, entry.source, std::move(why)});
  return absl::OkStatus();
}

absl::Status MailClasses::AddLiterals(RecipientPartition* to) const {
  const auto find = [this](absl::string_view literal) {
    const auto source = SourceOf(literal);
    return source.ok() && !*source;
  };
  // With unknown own addresses, the literals have another kind.
  for (int last = 1; last <= 255 && own_known_; ++last) {
    bool added = false;
    for (absl::string_view network : {"192.0.2", "198.51.100", "10.9.8"}) {
      const std::string literal = absl::StrCat("[", network, ".", last, "]");
      const absl::StatusOr<bool> replaced = IsReplaced(literal);
      if (!replaced.ok() || *replaced || !find(literal)) continue;
      const absl::Status status =
          Add(Kind::kLiteral, {std::string(kUser), literal}, to);
      if (!status.ok()) return status;
      added = true;
      break;
    }
    if (added) break;
  }
  for (size_t last = 1; last <= std::min<size_t>(entries_.size() + 1, 0xffff);
       ++last) {
    const std::string literal =
        absl::StrCat("[IPv6:2001:db8::", absl::Hex(last), "]");
    if (!find(literal)) continue;
    return Add(Kind::kLiteral6, {std::string(kUser), literal}, to);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> MailClasses::Unlisted(
    absl::string_view suffix) const {
  std::string domain = "elsewhere.example";
  for (size_t i = 0; i <= entries_.size() + 1; ++i) {
    const auto source = SourceOf(absl::StrCat(domain, suffix));
    if (!source.ok()) return source.status();
    if (!*source) return domain;
    // Without a dot, only an entry for the whole domain or a part of the suffix
    // matches.
    domain = absl::StrCat("elsewhere", i);
  }
  return std::nullopt;
}

absl::StatusOr<RecipientPartition> MailClasses::Recipients(
    absl::string_view suffix, std::vector<Unreached>* unreached) const {
  RecipientPartition partition{.suffix = std::string(suffix)};
  const std::string user(kUser);
  const auto unlisted = Unlisted(suffix);
  if (!unlisted.ok()) return unlisted.status();
  // The kinds whose domain does not matter need any domain that is no literal.
  const std::string any = unlisted->value_or("elsewhere.example");
  std::vector<std::pair<Kind, Path>> fixed;
  if (!own_known_) {
    fixed.emplace_back(Kind::kUnknownLiteral, Path{user, "[127.0.0.1]"});
  }
  fixed.emplace_back(Kind::kControl, Path{user + "\n", any});
  if (absl::StrContains(suffix, '@')) {
    fixed.emplace_back(Kind::kAll, Path{user, any});
  } else {
    if (own_literal_) {
      fixed.emplace_back(Kind::kOwnLiteral, Path{user, *own_literal_});
    }
    fixed.emplace_back(Kind::kLocalName, Path{user, ""});
    fixed.emplace_back(Kind::kNoDomain, Path{user + "@", ""});
    if (*unlisted) fixed.emplace_back(Kind::kUnlisted, Path{user, **unlisted});
  }
  for (auto& [kind, path] : fixed) {
    const absl::Status status = Add(kind, std::move(path), &partition);
    if (!status.ok()) return status;
  }
  if (!absl::StrContains(suffix, '@')) {
    for (const Entry& entry : entries_) {
      const absl::Status status = AddEntry(entry, &partition, unreached);
      if (!status.ok()) return status;
    }
    if (suffix.empty()) {
      const absl::Status status = AddLiterals(&partition);
      if (!status.ok()) return status;
    }
  }
  std::stable_sort(partition.classes.begin(), partition.classes.end(),
                   [](const RecipientClass& left, const RecipientClass& right) {
                     return left.kind < right.kind;
                   });
  return partition;
}

std::vector<SenderClass> MailClasses::Senders(
    std::vector<Unreached>* unreached) const {
  using SenderKind = SenderClass::Kind;
  const LineSet& list = controls_.badmailfrom.lines;
  std::vector<SenderClass> senders;
  const std::string user(kUser);
  if (!own_known_) {
    senders.push_back({.kind = SenderKind::kUnknownLiteral,
                       .witness = {user, "[127.0.0.1]"}});
  }
  senders.push_back(
      {.kind = SenderKind::kControl, .witness = {user + "\n", "x.example"}});
  absl::flat_hash_set<std::string> seen;
  for (const Line& line : list.lines()) {
    if (!seen.insert(line.text).second) continue;
    const std::string source = absl::StrCat(list.path(), ":", line.number);
    Path witness = SplitAddress(line.text);
    if (witness.local_part.empty()) {
      witness.local_part = user;
      for (int i = 0;
           FindAddress(list, witness) && FindAddress(list, witness) != source;
           ++i) {
        if (i > static_cast<int>(list.lines().size())) break;
        witness.local_part = absl::StrCat(user, i);
      }
    }
    const absl::StatusOr<Path> effective = Effective(witness);
    if (!HasControlCharacter(witness) && effective.ok() &&
        FindAddress(list, *effective) == source) {
      senders.push_back({.kind = SenderKind::kListed,
                         .entry = line.text,
                         .source = source,
                         .witness = std::move(witness)});
    } else if (unreached != nullptr) {
      unreached->push_back({line.text, source, "no sender can match it"});
    }
  }
  if (!FindAddress(list, Path())) {
    senders.push_back({.kind = SenderKind::kNull});
  }
  Path other{user, "elsewhere.example"};
  for (int i = 0; FindAddress(list, other); ++i) {
    other = {user, absl::StrCat("elsewhere", i)};
  }
  senders.push_back({.kind = SenderKind::kOther, .witness = std::move(other)});
  return senders;
}

}  // namespace postern::policy
