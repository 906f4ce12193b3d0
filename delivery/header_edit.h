// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Changes of the header section of a message.

#ifndef POSTERN_DELIVERY_HEADER_EDIT_H_
#define POSTERN_DELIVERY_HEADER_EDIT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::delivery {

// Removes or replaces fields that the message already has.
struct HeaderChange {
  std::string name;  // compared without regard to case
  // Which of the fields of this name: the n-th from the top, counted from 1;
  // with a negative number the n-th from the bottom; 0: all.
  int which = 0;
  // A whole field with its CRLF, which replaces the field in its place. Empty:
  // the field is removed. If there is no such field, it goes to the top.
  std::string replacement;
};

struct HeaderEdits {
  // Whole fields (IsHeader(), engine/grammar/header_field.h), for the top of
  // the message. Empty: none.
  //
  // All fields go to the top, above the Received field of this server: they are
  // trace information (RFC 5321 4.4, RFC 8601 2.1). So a reader can recognize
  // them: whatever is above that Received field comes from this server, and
  // whatever is below it may come from the sender.
  std::string add;
  // They apply to the message as it arrived: `add` is not affected.
  std::vector<HeaderChange> changes;

  bool empty() const { return add.empty() && changes.empty(); }
};

// The longest header section that can be changed, in octets. Exim refuses
// longer ones as well (header_maxsize).
inline constexpr size_t kMaxHeaderSection = size_t{1} << 20;

// Returns the number of octets at the beginning of `text` that are the header
// section, without the empty line after it (RFC 5322 2.2). A line that is
// neither a field nor the continuation of one ends the section, too. Returns
// nullopt if the section may continue after `text`.
std::optional<size_t> HeaderSectionSize(absl::string_view text);

// Returns the header section `section` after the changes, without the empty
// line. Each line of it ends in CRLF, except perhaps the last line of the
// message.
std::string EditHeaderSection(absl::string_view section,
                              const HeaderEdits& edits);

// Returns `name`: `value` as a whole field with its CRLF. Line ends in `value`
// (CRLF, LF or CR) fold the field there (RFC 5322 2.2.3), and a line that does
// not begin with a blank gets a tab: so a value cannot begin another field or
// end the header section. Lines of blanks are left out, other control
// characters become '?', and lines that are too long are folded at a blank.
//
// Returns InvalidArgument if the name is not one (RFC 5322 3.6.8) or has more
// than 128 octets, or if a line of more than kMaxHeaderLine octets has no
// blank.
absl::StatusOr<std::string> MakeHeaderField(absl::string_view name,
                                            absl::string_view value);

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_HEADER_EDIT_H_
