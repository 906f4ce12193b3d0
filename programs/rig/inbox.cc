// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/inbox.h"

#include <string.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace postern::programs {
namespace {

using Field = SearchTerm::Field;

constexpr size_t kSnippet = 200;

std::string TextOfAddresses(absl::Span<const rig::MimeAddress> addresses) {
  std::string text;
  for (const rig::MimeAddress& address : addresses) {
    absl::StrAppend(&text, address.name, " ", address.address, " ");
  }
  return SearchText(text);
}

bool Contains(const std::vector<rig::MimeAddress>& addresses,
              absl::string_view address) {
  return std::any_of(addresses.begin(), addresses.end(), [&](const auto& a) {
    return absl::EqualsIgnoreCase(a.address, address);
  });
}

std::vector<rig::MimeAddress> First(
    const std::vector<rig::MimeAddress>& addresses) {
  const size_t count = std::min(addresses.size(), kMostAddresses);
  return {addresses.begin(), addresses.begin() + static_cast<ptrdiff_t>(count)};
}

std::string Collapse(absl::string_view text) {
  std::string result(text);
  absl::RemoveExtraAsciiWhitespace(&result);
  return result;
}

// As absl::StrContains(), and several times as fast in long texts.
bool Has(absl::string_view text, absl::string_view word) {
  return memmem(text.data(), text.size(), word.data(), word.size()) != nullptr;
}

// Appends the character that "&NAME;" stands for. Returns false for others.
bool AppendEntity(absl::string_view name, std::string* text) {
  static constexpr std::pair<absl::string_view, absl::string_view> kNames[] = {
      {"amp", "&"},   {"lt", "<"},   {"gt", ">"},
      {"quot", "\""}, {"apos", "'"}, {"nbsp", " "}};
  for (const auto& [entity, octets] : kNames) {
    if (name != entity) continue;
    absl::StrAppend(text, octets);
    return true;
  }
  if (name.size() < 2 || name[0] != '#') return false;
  uint32_t code = 0;
  const bool hex = name[1] == 'x' || name[1] == 'X';
  const bool read = hex ? absl::SimpleHexAtoi(name.substr(2), &code)
                        : absl::SimpleAtoi(name.substr(1), &code);
  if (!read || code == 0 || code > 0x10FFFF || (code >> 11) == 0x1B) {
    return false;
  }
  if (code < 0x80) {
    *text += static_cast<char>(code);
  } else if (code < 0x800) {
    *text += static_cast<char>(0xC0 | (code >> 6));
    *text += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *text += static_cast<char>(0xE0 | (code >> 12));
    *text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    *text += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    *text += static_cast<char>(0xF0 | (code >> 18));
    *text += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    *text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    *text += static_cast<char>(0x80 | (code & 0x3F));
  }
  return true;
}

}  // namespace

std::string InboxMessage::id() const { return absl::StrCat(message.number()); }

absl::string_view CutUtf8(absl::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) {
    --most;
  }
  return text.substr(0, most);
}

std::vector<const rig::MimePart*> Attachments(const rig::Mime& mime) {
  std::vector<const rig::MimePart*> found;
  for (const rig::MimePart& part : mime.parts) {
    if (part.attachment) found.push_back(&part);
  }
  return found;
}

std::vector<const rig::MimePart*> Inlines(const rig::Mime& mime) {
  std::vector<const rig::MimePart*> found;
  for (const rig::MimePart& part : mime.parts) {
    if (!part.attachment &&
        (!part.file_name.empty() || !part.content_id.empty())) {
      found.push_back(&part);
    }
  }
  return found;
}

std::string TextOfHtml(absl::string_view html) {
  std::string text;
  size_t at = 0;
  while (at < html.size()) {
    if (html[at] == '<') {
      const absl::string_view rest = html.substr(at);
      absl::string_view end = ">";
      for (const auto& [open, close] :
           {std::pair<absl::string_view, absl::string_view>{"<!--", "-->"},
            {"<script", "</script"},
            {"<style", "</style"},
            {"<title", "</title"}}) {
        if (absl::StartsWithIgnoreCase(rest, open)) end = close;
      }
      const auto length = static_cast<size_t>(
          std::search(rest.begin() + 1, rest.end(), end.begin(), end.end(),
                      [](char is, char lower) {
                        return absl::ascii_tolower(is) == lower;
                      }) -
          rest.begin());
      // "</script" itself is an element that ends at its '>'.
      at += length + (end == ">" || end == "-->" ? end.size() : 0);
      text += ' ';
      continue;
    }
    if (html[at] == '&') {
      const size_t semicolon = html.substr(at, 12).find(';');
      if (semicolon != absl::string_view::npos &&
          AppendEntity(html.substr(at + 1, semicolon - 1), &text)) {
        at += semicolon + 1;
        continue;
      }
    }
    text += html[at++];
  }
  return Collapse(text);
}

std::string TextOf(const rig::Mime& mime) {
  if (const rig::MimePart* const text = mime.Text()) return text->content;
  const rig::MimePart* const html = mime.Html();
  return html != nullptr ? TextOfHtml(html->content) : "";
}

Summary Summarize(const rig::Message& message, const rig::Mime& mime) {
  Summary summary;
  absl::string_view id = "";
  const std::string id_field = mime.Value("Message-ID");
  id = absl::StripAsciiWhitespace(id_field);
  if (absl::StartsWith(id, "<")) id.remove_prefix(1);
  if (absl::EndsWith(id, ">")) id.remove_suffix(1);
  summary.message_id = std::string(id);
  if (!mime.from.empty()) {
    summary.from = mime.from[0];
  } else if (const std::string from = mime.Value("From"); !from.empty()) {
    summary.from = rig::MimeAddress{from, ""};
  }
  summary.to = First(mime.to);
  summary.cc = First(mime.cc);
  summary.bcc = First(mime.bcc);
  summary.reply_to = First(mime.reply_to);
  for (const std::string& to : message.to()) {
    if (!Contains(summary.to, to) && !Contains(summary.cc, to) &&
        !Contains(summary.bcc, to)) {
      summary.bcc.push_back({"", to});
    }
  }
  summary.subject = mime.Value("Subject");
  const rig::MimePart* const html = mime.Html();
  const std::string text =
      Collapse(html != nullptr ? TextOfHtml(html->content) : TextOf(mime));
  summary.snippet = std::string(CutUtf8(text, kSnippet));
  if (summary.snippet.size() < text.size()) summary.snippet += "...";
  summary.attachments = Attachments(mime).size();
  summary.inlines = Inlines(mime).size();
  return summary;
}

std::vector<std::string> Inbox::Add(const rig::Message& message) {
  const rig::Mime mime = rig::ParseMime(message.raw());
  Summary summary = Summarize(message, mime);
  Entry entry{.shown = {.message = message}};
  if (summary.from) entry.from = TextOfAddresses({&*summary.from, 1});
  entry.to = TextOfAddresses(summary.to);
  entry.cc = TextOfAddresses(summary.cc);
  entry.bcc = TextOfAddresses(summary.bcc);
  entry.reply_to = TextOfAddresses(summary.reply_to);
  entry.subject = SearchText(summary.subject);
  entry.message_id = SearchText(summary.message_id);
  std::string text = absl::StrCat(entry.from, " ", entry.subject, " ", entry.to,
                                  " ", entry.cc, " ", entry.bcc, " ",
                                  entry.reply_to, " ", message.from(), " ");
  if (const rig::MimePart* const html = mime.Html()) {
    absl::StrAppend(&text, TextOfHtml(html->content), " ");
  }
  if (const rig::MimePart* const plain = mime.Text()) {
    absl::StrAppend(&text, plain->content, " ");
  }
  for (const rig::MimePart* const part : Attachments(mime)) {
    absl::StrAppend(&text, part->file_name, " ");
  }
  entry.text = SearchText(text);
  entry.shown.summary = std::make_shared<const Summary>(std::move(summary));
  entry.shown.description =
      std::make_shared<const std::string>(describe_(entry.shown));

  std::vector<std::string> dropped;
  const std::lock_guard<std::mutex> lock(mutex_);
  ++totals_.accepted;
  totals_.accepted_octets += message.raw().size();
  totals_.octets += message.raw().size();
  Tally(entry.shown, 1);
  entries_.emplace(message.number(), std::move(entry));
  const int oldest = mailbox_.oldest();
  while (!entries_.empty() && entries_.begin()->first < oldest) {
    const InboxMessage& shown = entries_.begin()->second.shown;
    totals_.octets -= shown.message.raw().size();
    Tally(shown, -1);
    dropped.push_back(shown.id());
    entries_.erase(entries_.begin());
  }
  return dropped;
}

bool Inbox::Matches(const Entry& entry, const SearchTerm& term) {
  const absl::string_view word = term.word;
  const InboxMessage& shown = entry.shown;
  switch (term.field) {
    case Field::kText:
      return Has(entry.text, word);
    case Field::kTo:
      return Has(entry.to, word);
    case Field::kFrom:
      return Has(entry.from, word);
    case Field::kCc:
      return Has(entry.cc, word);
    case Field::kBcc:
      return Has(entry.bcc, word);
    case Field::kReplyTo:
      return Has(entry.reply_to, word);
    case Field::kAddressed:
      return Has(entry.to, word) || Has(entry.from, word) ||
             Has(entry.cc, word) || Has(entry.bcc, word) ||
             Has(entry.reply_to, word);
    case Field::kSubject:
      return Has(entry.subject, word);
    case Field::kMessageId:
      return Has(entry.message_id, word);
    case Field::kTag:
      return std::any_of(
          shown.tags.begin(), shown.tags.end(),
          [&](const std::string& tag) { return SearchText(tag) == word; });
    case Field::kRead:
      return shown.read;
    case Field::kTagged:
      return !shown.tags.empty();
    case Field::kAttachment:
      return shown.summary->attachments > 0;
    case Field::kInline:
      return shown.summary->inlines > 0;
    case Field::kSince:
      return shown.message.received() >= term.time;
    case Field::kUntil:
      return shown.message.received() <= term.time;
    case Field::kLarger:
      return shown.message.raw().size() > term.octets;
    case Field::kSmaller:
      return shown.message.raw().size() < term.octets;
  }
  return false;
}

bool Inbox::MatchesAll(const Entry& entry, absl::Span<const SearchTerm> terms) {
  return std::all_of(terms.begin(), terms.end(), [&](const SearchTerm& term) {
    return Matches(entry, term) != term.negated;
  });
}

void Inbox::Tally(const InboxMessage& shown, int by) {
  if (!shown.read) unread_ += by;
  for (const std::string& tag : shown.tags) {
    if ((tags_[tag] += static_cast<size_t>(by)) == 0) tags_.erase(tag);
  }
}

Inbox::Page Inbox::NewPage() const {
  Page page;
  page.total = entries_.size();
  page.unread = static_cast<size_t>(unread_);
  page.tags = tags_;
  return page;
}

Inbox::Page Inbox::Select(absl::FunctionRef<bool(const Entry&)> wanted,
                          size_t start, size_t limit) const {
  Page page = NewPage();
  for (auto it = entries_.rbegin(); it != entries_.rend(); ++it) {
    const Entry& entry = it->second;
    if (!wanted(entry)) continue;
    if (page.matching++ >= start && page.messages.size() < limit) {
      page.messages.push_back(entry.shown);
    }
    if (!entry.shown.read) ++page.matching_unread;
  }
  return page;
}

Inbox::Page Inbox::Find(absl::Span<const SearchTerm> terms, size_t start,
                        size_t limit) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!terms.empty()) {
    return Select([&](const Entry& entry) { return MatchesAll(entry, terms); },
                  start, limit);
  }
  Page page = NewPage();
  page.matching = page.total;
  page.matching_unread = page.unread;
  if (start >= entries_.size()) return page;
  auto it = std::next(entries_.rbegin(), static_cast<ptrdiff_t>(start));
  for (; it != entries_.rend() && page.messages.size() < limit; ++it) {
    page.messages.push_back(it->second.shown);
  }
  return page;
}

size_t Inbox::Count(absl::Span<const SearchTerm> terms) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (terms.empty()) return entries_.size();
  return static_cast<size_t>(std::count_if(
      entries_.begin(), entries_.end(),
      [&](const auto& entry) { return MatchesAll(entry.second, terms); }));
}

Inbox::Page Inbox::FindIf(absl::FunctionRef<bool(const InboxMessage&)> wanted,
                          size_t start, size_t limit) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Select([&](const Entry& entry) { return wanted(entry.shown); }, start,
                limit);
}

const Inbox::Entry* Inbox::Find(absl::string_view id) const {
  int number = 0;
  if (!absl::SimpleAtoi(id, &number)) return nullptr;
  const auto found = entries_.find(number);
  return found == entries_.end() ? nullptr : &found->second;
}

std::optional<InboxMessage> Inbox::Get(absl::string_view id) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (id == "latest") {
    if (entries_.empty()) return std::nullopt;
    return entries_.rbegin()->second.shown;
  }
  const Entry* const entry = Find(id);
  if (entry == nullptr) return std::nullopt;
  return entry->shown;
}

void Inbox::SetRead(Entry* entry, bool read,
                    std::vector<std::string>* changed) {
  if (entry->shown.read == read) return;
  unread_ += read ? -1 : 1;
  entry->shown.read = read;
  changed->push_back(entry->shown.id());
}

std::vector<std::string> Inbox::SetRead(absl::Span<const SearchTerm> terms,
                                        bool read) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> changed;
  for (auto& [number, entry] : entries_) {
    if (MatchesAll(entry, terms)) SetRead(&entry, read, &changed);
  }
  return changed;
}

std::vector<std::string> Inbox::SetRead(absl::Span<const std::string> ids,
                                        bool read) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> changed;
  for (const std::string& id : ids) {
    if (Entry* const entry = Find(id)) SetRead(entry, read, &changed);
  }
  return changed;
}

void Inbox::SetTags(absl::Span<const std::string> ids,
                    absl::Span<const std::string> tags) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const std::string& id : ids) {
    if (Entry* const entry = Find(id)) {
      const std::set<std::string> sorted(tags.begin(), tags.end());
      Tally(entry->shown, -1);
      entry->shown.tags.assign(sorted.begin(), sorted.end());
      Tally(entry->shown, 1);
    }
  }
}

std::vector<std::string> Inbox::RenameTag(absl::string_view tag,
                                          absl::string_view name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> changed;
  for (auto& [number, entry] : entries_) {
    std::set<std::string> tags(entry.shown.tags.begin(),
                               entry.shown.tags.end());
    if (tags.erase(std::string(tag)) == 0) continue;
    changed.push_back(entry.shown.id());
    if (!name.empty()) tags.insert(std::string(name));
    Tally(entry.shown, -1);
    entry.shown.tags.assign(tags.begin(), tags.end());
    Tally(entry.shown, 1);
  }
  return changed;
}

std::vector<std::string> Inbox::RemoveIf(
    absl::FunctionRef<bool(const Entry&)> drop) {
  std::vector<std::string> ids;
  std::set<int> numbers;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto it = entries_.begin(); it != entries_.end();) {
      const Entry& entry = it->second;
      if (!drop(entry)) {
        ++it;
        continue;
      }
      totals_.octets -= entry.shown.message.raw().size();
      Tally(entry.shown, -1);
      ids.push_back(entry.shown.id());
      numbers.insert(it->first);
      it = entries_.erase(it);
    }
    totals_.removed += ids.size();
  }
  mailbox_.Remove([&](const rig::Message& message) {
    return numbers.count(message.number()) > 0;
  });
  return ids;
}

std::vector<std::string> Inbox::Remove(absl::Span<const std::string> ids) {
  const std::set<std::string> wanted(ids.begin(), ids.end());
  return RemoveIf(
      [&](const Entry& entry) { return wanted.count(entry.shown.id()) > 0; });
}

std::vector<std::string> Inbox::RemoveMatching(
    absl::Span<const SearchTerm> terms) {
  return RemoveIf([&](const Entry& entry) { return MatchesAll(entry, terms); });
}

Inbox::Totals Inbox::totals() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return totals_;
}

}  // namespace postern::programs
