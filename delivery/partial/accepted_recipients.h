// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Which recipients have a message that its client will send again.

#ifndef POSTERN_DELIVERY_PARTIAL_ACCEPTED_RECIPIENTS_H_
#define POSTERN_DELIVERY_PARTIAL_ACCEPTED_RECIPIENTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/ask.h"

namespace postern::delivery {

// A message, as far as a client that sends it again does not change it.
struct MessageKey {
  std::string destination;  // names the delivery
  std::string sender;       // Path::Address(), as are recipients
  std::string content;      // ContentDigest::Finish()

  friend bool operator==(const MessageKey&, const MessageKey&) = default;
};

struct AcceptedRecipientsOptions {
  std::string file;  // SQLite adds "-wal" for a second file
  // Clients give up after four to seven days. qmail takes the longest.
  absl::Duration lifetime = absl::Hours(8 * 24);
  // Of all messages together. Beyond it, the oldest message is forgotten, and
  // its recipients get it again.
  size_t max_recipients = 100000;
};

// A table in memory and in a file of SQLite. What Add() and Remove() have
// done survives a killed process and a power cut: each is one transaction that
// is synchronized with the disk.
//
// The file is locked, so one process uses it at a time. Thread-safe. Only Add()
// and Remove() wait for the disk, and they do not make the other functions
// wait.
class AcceptedRecipients {
 public:
  using Clock = std::function<absl::Time()>;

  // Until Open(), the table is empty, and Add() returns an error.
  explicit AcceptedRecipients(AcceptedRecipientsOptions options,
                              Clock now = absl::Now);
  ~AcceptedRecipients();
  AcceptedRecipients(const AcceptedRecipients&) = delete;
  AcceptedRecipients& operator=(const AcceptedRecipients&) = delete;

  // Opens the file, or creates it, and removes what is older than the lifetime.
  // Waits up to five seconds for another process that uses it. An error names
  // the file. Called once, and before other threads use this object.
  absl::Status Open();

  // Returns whether one of `recipients` has a message of `sender`, whatever its
  // content. It may also return true if two triples of a destination, a sender
  // and a recipient have the same hash, or if the youngest of several messages
  // was removed and the others are too old. Costs one look-up if `sender` has
  // no message, and otherwise one for each recipient, however many messages
  // there are.
  bool AnyHas(absl::string_view destination, absl::string_view sender,
              absl::Span<const Recipient> recipients) const;
  // Returns the recipients that have the message.
  std::set<std::string> Of(const MessageKey& message) const;

  // Adds recipients that have the message. Blocks on the disk. After an error,
  // nothing is added.
  absl::Status Add(const MessageKey& message,
                   const std::vector<std::string>& recipients);
  // Removes recipients of the message. Blocks on the disk. After an error, they
  // are in the file, but no longer in memory.
  absl::Status Remove(const MessageKey& message,
                      const std::vector<std::string>& recipients);

  // Returns the number of recipients, of all messages.
  size_t size() const;

 private:
  struct Database;
  struct Entry {
    MessageKey message;
    absl::Time since;  // when the first recipient was added
    std::set<std::string> recipients;
  };
  using Entries = std::list<Entry>;
  struct EntryHash {
    using is_transparent = void;
    size_t operator()(const MessageKey& message) const;
    size_t operator()(Entries::const_iterator entry) const;
  };
  struct EntryEqual {
    using is_transparent = void;
    bool operator()(Entries::const_iterator entry,
                    const MessageKey& message) const;
    bool operator()(Entries::const_iterator a, Entries::const_iterator b) const;
  };
  // The messages of a sender that a recipient has.
  struct Had {
    size_t messages = 0;
    absl::Time newest = absl::InfinitePast();  // not before any of them
  };

  static size_t SenderHash(absl::string_view destination,
                           absl::string_view sender);
  static size_t RecipientHash(size_t sender_hash, absl::string_view recipient);

  // Returns whether a message since `since` is not too old at the time `now`.
  bool Current(absl::Time since, absl::Time now) const;

  // The following need `mutex_`.
  Entries::iterator Find(const MessageKey& message);
  void Insert(const MessageKey& message, absl::Time since,
              absl::Span<const std::string> recipients);
  void Forget(Entries::iterator entry);
  // A recipient is no longer in an entry of a sender.
  void Uncount(size_t sender_hash, absl::string_view recipient);

  // Removes the oldest messages, so that there is room for `more` recipients.
  absl::Status MakeRoom(size_t more);

  const AcceptedRecipientsOptions options_;
  const Clock now_;

  // Locked before `mutex_`, and while the disk is used.
  std::mutex disk_mutex_;
  const std::unique_ptr<Database> database_;  // used under `disk_mutex_`

  mutable std::mutex mutex_;
  Entries entries_;  // the oldest first
  absl::flat_hash_set<Entries::iterator, EntryHash, EntryEqual> by_message_;
  // The number of entries by SenderHash(). Equal hashes are counted together.
  absl::flat_hash_map<size_t, size_t> senders_;
  absl::flat_hash_map<size_t, Had> had_;  // by RecipientHash()
  size_t size_ = 0;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_PARTIAL_ACCEPTED_RECIPIENTS_H_
