// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The classes of recipients and senders of a relay surface.

#ifndef POSTERN_POLICY_SURFACE_MAIL_CLASSES_H_
#define POSTERN_POLICY_SURFACE_MAIL_CLASSES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"
#include "net/own_addresses.h"
#include "policy/control/controls.h"
#include "policy/surface/relay_surface.h"

namespace postern::policy {

class MailClasses {
 public:
  // Lists the entries of `controls`. Both arguments must outlive the object.
  // Errors are those of files::Cdb::ForEach().
  static absl::StatusOr<MailClasses> Make(const Controls& controls,
                                          const net::OwnAddresses& own);

  // Returns the classes for a value of RELAYCLIENT, without
  // RecipientClass::envelope of those that are refused before it is known. Adds
  // entries that no recipient reaches to `unreached`, unless it is null. Errors
  // are those of HostList::Find().
  absl::StatusOr<RecipientPartition> Recipients(
      absl::string_view suffix, std::vector<Unreached>* unreached) const;
  std::vector<SenderClass> Senders(std::vector<Unreached>* unreached) const;

 private:
  struct Entry {
    std::string text;
    std::string source;
    bool database = false;
  };
  using Kind = RecipientClass::Kind;

  MailClasses(const Controls& controls, const net::OwnAddresses& own)
      : controls_(controls), own_(own) {}

  // Returns whether `domain` is an address literal of this host that is
  // replaced, or an error if that is not known.
  absl::StatusOr<bool> IsReplaced(absl::string_view domain) const;
  // Returns the path as the checks see it, before the suffix. The error of
  // IsReplaced().
  absl::StatusOr<Path> Effective(const Path& path) const;
  absl::StatusOr<std::optional<std::string>> SourceOf(
      absl::string_view domain) const;
  // Returns domains of which one, with the suffix, has `entry` as its first
  // match if any has. Likely ones first.
  std::vector<std::string> Candidates(absl::string_view entry,
                                      absl::string_view suffix) const;
  // Adds a class with this witness. Its envelope is that of the checks.
  absl::Status Add(Kind kind, Path witness, RecipientPartition* to,
                   const Entry* entry = nullptr) const;
  absl::Status AddEntry(const Entry& entry, RecipientPartition* to,
                        std::vector<Unreached>* unreached) const;
  absl::Status AddLiterals(RecipientPartition* to) const;
  // Returns a domain that, with the suffix, no entry matches. nullopt: there is
  // none.
  absl::StatusOr<std::optional<std::string>> Unlisted(
      absl::string_view suffix) const;
  // Returns a label that is not the first label of an entry.
  std::string FreshLabel(absl::string_view rest) const;

  const Controls& controls_;
  const net::OwnAddresses& own_;
  std::vector<Entry> entries_;
  absl::flat_hash_set<std::string> names_;  // the texts of entries_
  std::optional<std::string> own_literal_;
  bool own_known_ = true;  // whether this host's addresses can be listed
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SURFACE_MAIL_CLASSES_H_
