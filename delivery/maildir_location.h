// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Where a recipient's Maildir is: a folder name that may contain `%u` and `%d`.

#ifndef POSTERN_DELIVERY_MAILDIR_LOCATION_H_
#define POSTERN_DELIVERY_MAILDIR_LOCATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"

namespace postern::delivery {

// `%u` stands for the recipient's local part, `%d` for its domain, both in
// lower case (ASCII), and `%%` for a percent sign:
//
//   /var/mail/%d/%u   u@example.org in /var/mail/example.org/u
//   %u/Maildir        the same in u/Maildir, below the working directory
//   /var/mail/all     everyone's in one place
//
// The local part is folded although RFC 5321 2.4 leaves its case to the host:
// we are the host, and two mailboxes that differ in case alone are a trap.
//
// Nothing a client sends can leave the folder. A value that is empty, begins
// with a dot, is longer than 255 octets or contains a slash or a control
// character names no Maildir at all; it is never repaired into one. The part
// around the values is the administrator's, symbolic links in it included.
class MaildirLocation {
 public:
  // Reads `pattern`. `default_domain` stands in for the domain of a recipient
  // that has none, such as <postmaster>; without it there is no Maildir for
  // those if the pattern has a %d. Returns InvalidArgument for an empty pattern
  // or another character behind a '%'.
  static absl::StatusOr<MaildirLocation> Parse(
      absl::string_view pattern, absl::string_view default_domain = "");

  // Returns the Maildir of `recipient`, or nullopt if it cannot have one.
  // Whether the folder exists is not looked at.
  std::optional<std::string> For(const Path& recipient) const;

  // Returns the directory that every Maildir is in: the pattern up to the first
  // of its components that has a value. "." if that is the first of all.
  const std::string& store() const { return store_; }

  // Returns true if all recipients share one Maildir.
  bool shared() const { return pieces_.size() == 1; }

 private:
  // Literal text, and the value behind it.
  struct Piece {
    std::string text;
    char value = '\0';  // 'u', 'd', or '\0' behind the last piece
  };
  MaildirLocation() = default;

  std::vector<Piece> pieces_;  // one more than there are values
  std::string default_domain_;
  std::string store_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_LOCATION_H_
