// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Alias expansion (RFC 5321 3.9.1) for a delivery that has a mailbox for each
// recipient: control/aliases and aliases.cdb, address extensions, and the
// mailboxes that every domain must have.
//
//   aliases line                       gets the mail of the address before ':'
//   info@x.example: ann@x.example, bob@x.example
//                                      both
//   ann@x.example: ann@x.example, bob@x.example
//                                      ann's own mailbox, and bob
//   hostmaster: ann@x.example          of hostmaster at each local domain
//   @y.example: ann@x.example          of each address at y.example that has
//                                      neither an alias nor a mailbox
//
// A line contains a pattern, a colon, and targets separated by commas. Local
// parts with special characters are quoted, as in SMTP ("a b"@x.example). A
// target without a domain is in the domain of control/me, as is a recipient
// without a domain. In comparisons the case of ASCII letters is ignored, and a
// domain in UTF-8 and its xn-- form match each other (AsciiAddress()).
//
// An alias changes only who gets the mail of a local recipient. It is not asked
// whether a recipient is local: the checks have decided that. Each target must
// be local, because such a delivery cannot send mail on.
//
// The mailboxes of a recipient are found as follows. With separators, such as
// "+", the recipient may have an extension: for user+a+b, the addresses are
// user+a+b, user+a, user. The first rule that finds something decides:
//
//   1. for each of these addresses, the longest first: the alias of the
//      address, the alias without a domain, the mailbox;
//   2. the alias @DOMAIN;
//   3. for abuse: postmaster of the same domain, by 1 (RFC 2142 4);
//   4. for abuse and postmaster: postmaster without a domain, by 1 (RFC 5321
//      4.5.1). If there is none, this is an error: such mail is never refused
//      permanently.
//
// Rule 1 applies to targets as well. An alias that is found for one of its own
// targets is not used again, so this target is a mailbox. Any other way back to
// an alias is a loop, which is an error when the file is read. The catch-all
// alias of rule 2 does not apply to targets: a misspelled target is an error,
// not mail for another mailbox.
//
// The database is read if no line has the pattern. It has one record for each
// pattern: the key is the pattern without quotes, in the form of AsciiAddress()
// ("info@x.example", "hostmaster", "@xn--bcher-kva.example"); the data are the
// targets, as in a line. Of two records with the same key, the first one
// counts. A loop that contains a record is found when it is used.

#ifndef POSTERN_POLICY_CONTROL_ALIAS_LIST_H_
#define POSTERN_POLICY_CONTROL_ALIAS_LIST_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/path.h"
#include "files/cdb.h"
#include "files/cdb_writer.h"
#include "policy/control/control_file.h"
#include "policy/control/host_list.h"

namespace postern::policy {

// The longest chain of aliases, and the largest number of aliases and mailboxes
// together, to which one recipient may expand.
inline constexpr size_t kMaxAliasDepth = 20;
inline constexpr size_t kMaxExpansion = 1000;

// The largest number of addresses that are tried for one recipient because of
// its extension. A client chooses the number of separators, and each address
// costs a look at the disk.
inline constexpr size_t kMaxExtensions = 32;

// Returns whether there is a mailbox for exactly this address, or an error if
// that cannot be decided.
using HasMailbox = absl::FunctionRef<absl::StatusOr<bool>(const Path& address)>;

// Thread-safety: const methods may be called from any thread at any time.
class AliasList {
 public:
  struct Options {
    // The characters that separate a user from an extension; see
    // ValidateSeparators(). Empty: addresses have no extensions.
    std::string separators;
    // control/me: the domain of addresses without a domain. May be empty.
    std::string domain;
  };

  // Takes the lines that ReadControlList() returned for the file `path`, none
  // if it is missing. `more` is nullopt if there is no database. `hosts` has
  // the local domains.
  //
  // Returns an error "PATH:LINE: ..." (kInvalidArgument) for a line that is not
  // of the form PATTERN: TARGETS, a pattern that an earlier line has, a target
  // that is not local, a loop, and an expansion that exceeds the limits. A line
  // that begins with white space is an error: there are no continuation lines.
  // Errors of the databases are returned. Adds warnings about patterns that
  // cannot match. Linear in the size of the file.
  //
  // Returns the first error, or adds at most kMaxErrors to `errors`, one for a
  // line, and returns a list that must not be used.
  static absl::StatusOr<AliasList> Make(absl::string_view path,
                                        const std::vector<Line>& lines,
                                        std::optional<files::Cdb> more,
                                        const HostList& hosts, Options options,
                                        std::vector<std::string>* warnings);
  static AliasList Make(absl::string_view path, const std::vector<Line>& lines,
                        std::optional<files::Cdb> more, const HostList& hosts,
                        Options options, std::vector<std::string>* warnings,
                        std::vector<absl::Status>* errors);

  // Returns the addresses of the mailboxes that get the mail of the local
  // recipient `recipient`: an empty list if there is no such recipient;
  // addresses may repeat. `has_mailbox` is true for each of them.
  //
  // Returns kFailedPrecondition, with the source of the alias (FILE:LINE, or
  // FILE key KEY), for a target without a mailbox or an alias, a record of the
  // database with a mistake, an expansion that exceeds the limits, and
  // postmaster without a mailbox. Other errors are those of `has_mailbox` and
  // of the databases. None of them is a reason to refuse mail permanently.
  absl::StatusOr<std::vector<Path>> Expand(const Path& recipient,
                                           const HostList& hosts,
                                           HasMailbox has_mailbox) const;

  // Returns the records of a database that has the effect of the lines, in
  // their order.
  std::vector<files::CdbRecord> Records() const;

  // Returns warnings about targets without a mailbox or an alias, about records
  // of the database with the mistakes that Make() finds in lines, and about
  // mail for postmaster if no mailbox gets it. Checks at most
  // kMaxCheckedRecords records, and returns at most kMaxAliasWarnings warnings
  // and one with the number of the others. For a server that starts once.
  std::vector<std::string> CheckTargets(const HostList& hosts,
                                        HasMailbox has_mailbox) const;

 private:
  friend class AliasCheck;

  struct Alias {
    std::string key;      // the pattern in the form of AsciiAddress()
    std::string source;   // "FILE:LINE" or "FILE key KEY"; distinct
    std::string targets;  // as in the file
  };
  struct Entry {
    std::string targets;
    int line = 0;
  };

  AliasList(absl::string_view path, Options options)
      : path_(path), options_(std::move(options)) {}

  // Returns the alias with this key, nullopt if there is none, or an error of
  // the database.
  absl::StatusOr<std::optional<Alias>> Find(const std::string& key) const;
  // Returns the alias of `address`, with or without its domain.
  absl::StatusOr<std::optional<Alias>> FindAddress(const Path& address) const;
  // Parses the targets of `alias`. Returns kFailedPrecondition for a mistake in
  // them, or an error of the database of `hosts`.
  absl::StatusOr<std::vector<Path>> Targets(const Alias& alias,
                                            const HostList& hosts) const;
  // Returns `path`, and the addresses without its extensions, the longest
  // first.
  std::vector<Path> Addresses(const Path& path) const;
  absl::string_view DomainOf(const Path& path) const {
    return path.domain.empty() ? options_.domain : path.domain;
  }

  class Walk;

  std::string path_;
  Options options_;
  absl::flat_hash_map<std::string, Entry> lines_;  // by key
  std::vector<std::string> order_;                 // the keys of lines_
  std::optional<files::Cdb> more_;
};

inline constexpr size_t kMaxAliasWarnings = 20;

// Returns an error unless `separators` consists of characters that may separate
// a user from an extension: printable ASCII that a local part may contain
// without quotes, except for letters, digits and '/'.
absl::Status ValidateSeparators(absl::string_view separators);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_ALIAS_LIST_H_
