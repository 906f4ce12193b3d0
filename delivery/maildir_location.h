// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The path of a recipient's Maildir, from a pattern with `%u` and `%d`.

#ifndef POSTERN_DELIVERY_MAILDIR_LOCATION_H_
#define POSTERN_DELIVERY_MAILDIR_LOCATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"

namespace postern::delivery {

// `%u` is replaced by the recipient's local part with its ASCII letters in
// lower case, `%d` by its domain in the form of AsciiDomain()
// (engine/grammar/domain.h), and `%%` by a percent sign:
//
//   /var/mail/%d/%u   u@example.org is stored in /var/mail/example.org/u, and
//                     u@bücher.example in /var/mail/xn--bcher-kva.example/u
//   %u/Maildir        in u/Maildir, relative to the working directory
//   /var/mail/all     all recipients share one Maildir
//
// RFC 5321 2.4 lets the host of a mailbox decide about the case of its local
// part. This host ignores the case of ASCII letters, because mailboxes that
// differ only in case would be confused. Other characters of a local part in
// UTF-8 (RFC 6531) are not changed: no normal form is made, and no other case
// is ignored. A mailbox is found only by exactly the octets of its directory's
// name.
//
// No value from a client can name a path outside the directory of the pattern:
// a value that is empty, begins with a dot, is longer than 255 octets, is not
// UTF-8, or contains a slash or a control character (also U+0080 to U+009F) has
// no Maildir. Such a value is never changed into a valid one. In UTF-8 no octet
// of another character is a slash or a dot. The administrator chooses the rest
// of the path; it may contain symbolic links.
class MaildirLocation {
 public:
  // Parses `pattern`. `default_domain` is used for recipients without a domain,
  // such as <postmaster>; if it is empty and the pattern has a %d, they have no
  // Maildir. Returns InvalidArgument for an empty pattern, a NUL, or another
  // character after a '%'.
  static absl::StatusOr<MaildirLocation> Parse(
      absl::string_view pattern, absl::string_view default_domain = "");

  // Returns the path of the Maildir of `recipient`, or nullopt if it cannot
  // have one. Does not access the disk.
  std::optional<std::string> For(const Path& recipient) const;

  // Returns the directory that contains all Maildirs: the pattern up to its
  // first component with a value, or without a value, up to its last component.
  // "." if that is the first component.
  const std::string& store() const { return store_; }

  // Returns true if all recipients share one Maildir.
  bool shared() const { return pieces_.size() == 1; }

 private:
  // Literal text, and the value after it.
  struct Piece {
    std::string text;
    char value = '\0';  // 'u', 'd', or '\0' in the last piece
  };
  MaildirLocation() = default;

  std::vector<Piece> pieces_;  // one more than values
  std::string default_domain_;
  std::string store_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_MAILDIR_LOCATION_H_
