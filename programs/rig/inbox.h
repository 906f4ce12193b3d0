// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The messages of a rig as HTTP shows them: with what is read, tagged and
// searched.

#ifndef POSTERN_PROGRAMS_RIG_INBOX_H_
#define POSTERN_PROGRAMS_RIG_INBOX_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "programs/rig/search_query.h"
#include "rig/mailbox.h"
#include "rig/message.h"
#include "rig/mime.h"

namespace postern::programs {

// What a list shows of a message. Does not change. A field has at most
// kMostAddresses of its addresses: a message can consist of short ones.
inline constexpr size_t kMostAddresses = 1000;
struct Summary {
  std::string message_id;  // without angle brackets
  std::optional<rig::MimeAddress> from;
  std::vector<rig::MimeAddress> to;
  std::vector<rig::MimeAddress> cc;
  // Those of the field, and the recipients of the envelope that are in no field
  // (as in Mailpit).
  std::vector<rig::MimeAddress> bcc;
  std::vector<rig::MimeAddress> reply_to;
  std::string subject;
  std::string snippet;  // the first 200 octets of the text
  size_t attachments = 0;
  size_t inlines = 0;
};

struct InboxMessage {
  rig::Message message;
  std::shared_ptr<const Summary> summary;
  // What `describe` of the inbox has returned for this message, before it was
  // read or had tags. Made once, because a list may show thousands.
  std::shared_ptr<const std::string> description;
  bool read = false;
  std::vector<std::string> tags;  // sorted

  std::string id() const;
};

// Returns the summary of a message whose parts are `mime`.
Summary Summarize(const rig::Message& message, const rig::Mime& mime);
// The parts that are attachments, and those that the text shows: images for
// example. A part without a name and a Content-ID is neither.
std::vector<const rig::MimePart*> Attachments(const rig::Mime& mime);
std::vector<const rig::MimePart*> Inlines(const rig::Mime& mime);
// The text of HTML, without its elements, scripts and styles.
std::string TextOfHtml(absl::string_view html);
// Returns at most the first `most` octets of UTF-8 text. Does not cut through a
// character.
absl::string_view CutUtf8(absl::string_view text, size_t most);
// The text part, or the text of the HTML part.
std::string TextOf(const rig::Mime& mime);

// Thread-safe. Follows a mailbox: Add() is for Mailbox::OnMessage(). A message
// that the mailbox has dropped because of its limits is gone here, too, from
// the next Add() on.
class Inbox {
 public:
  using Describe = std::function<std::string(const InboxMessage&)>;

  // `mailbox` must outlive the inbox. `describe` is called once for each
  // message, on the thread of Add().
  explicit Inbox(
      rig::Mailbox* mailbox,
      Describe describe = [](const InboxMessage&) { return std::string(); })
      : mailbox_(*mailbox), describe_(std::move(describe)) {}

  // Adds a message. Returns the ids of those that were dropped.
  std::vector<std::string> Add(const rig::Message& message);

  struct Page {
    std::vector<InboxMessage> messages;  // the newest first
    size_t matching = 0;                 // the messages that match the query
    size_t matching_unread = 0;          // and of these, the unread ones
    size_t total = 0;                    // all
    size_t unread = 0;
    std::map<std::string, size_t> tags;  // all; how many messages have each
  };
  // Returns the messages that match all of `terms`, without the newest `start`
  // of them, and at most `limit`. Without terms it does not look at the others.
  Page Find(absl::Span<const SearchTerm> terms, size_t start,
            size_t limit) const;
  // Returns how many match.
  size_t Count(absl::Span<const SearchTerm> terms) const;
  // Returns the messages for which `wanted` is true, like Find(). It must not
  // call the inbox.
  Page FindIf(absl::FunctionRef<bool(const InboxMessage&)> wanted, size_t start,
              size_t limit) const;

  // Returns the message with this id, or with "latest" the newest one.
  std::optional<InboxMessage> Get(absl::string_view id) const;

  // Return the ids of the messages that have changed.
  std::vector<std::string> SetRead(absl::Span<const SearchTerm> terms,
                                   bool read);
  std::vector<std::string> SetRead(absl::Span<const std::string> ids,
                                   bool read);
  // Replaces the tags of messages.
  void SetTags(absl::Span<const std::string> ids,
               absl::Span<const std::string> tags);
  // Replaces a tag, or removes it if `name` is empty. Returns the ids of the
  // messages that had it.
  std::vector<std::string> RenameTag(absl::string_view tag,
                                     absl::string_view name);

  // Remove messages, also from the mailbox. Return the ids.
  std::vector<std::string> Remove(absl::Span<const std::string> ids);
  std::vector<std::string> RemoveMatching(absl::Span<const SearchTerm> terms);

  // The octets of all messages, and counts since the start.
  struct Totals {
    size_t octets = 0;
    size_t accepted = 0;
    size_t accepted_octets = 0;
    size_t removed = 0;
  };
  Totals totals() const;

 private:
  // A message with its texts as SearchText() makes them.
  struct Entry {
    InboxMessage shown;
    std::string from;
    std::string to;
    std::string cc;
    std::string bcc;
    std::string reply_to;
    std::string subject;
    std::string message_id;
    std::string text;
  };

  static bool Matches(const Entry& entry, const SearchTerm& term);
  static bool MatchesAll(const Entry& entry,
                         absl::Span<const SearchTerm> terms);
  Page Select(absl::FunctionRef<bool(const Entry&)> wanted, size_t start,
              size_t limit) const;
  // Adds a message to unread_ and tags_, or with -1 removes it from them.
  void Tally(const InboxMessage& shown, int by);
  Page NewPage() const;
  const Entry* Find(absl::string_view id) const;
  Entry* Find(absl::string_view id) {
    return const_cast<Entry*>(std::as_const(*this).Find(id));
  }
  std::vector<std::string> RemoveIf(absl::FunctionRef<bool(const Entry&)> drop);
  void SetRead(Entry* entry, bool read, std::vector<std::string>* changed);

  rig::Mailbox& mailbox_;
  const Describe describe_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::map<int, Entry> entries_;  // by number
  int unread_ = 0;
  std::map<std::string, size_t> tags_;  // how many messages have each
  Totals totals_;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_INBOX_H_
