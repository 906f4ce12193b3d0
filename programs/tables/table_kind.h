// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The kinds of databases in the directory of control files that are made from
// lists of lines.

#ifndef POSTERN_PROGRAMS_TABLES_TABLE_KIND_H_
#define POSTERN_PROGRAMS_TABLES_TABLE_KIND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "files/cdb_writer.h"
#include "policy/control/control_file.h"

namespace postern::programs {

// The records that a text makes.
struct Table {
  std::vector<files::CdbRecord> records;  // in the order of the database
  // Warnings about probable mistakes, in the form of control_file.h.
  std::vector<std::string> warnings;
};

// What a kind needs besides the text.
struct TableOptions {
  // The directory of control files: aliases must be local. Empty: the directory
  // of the text.
  std::string control;
  std::string separators;  // AliasList::Options::separators
};

struct TableKind {
  absl::string_view name;   // of the text; NAME.cdb is the database
  absl::string_view lines;  // what its lines are, for --help
  // Parses the lines that ReadControlList() returned for the file `path`.
  // Returns kInvalidArgument, as "PATH:LINE:COLUMN: WHAT", for the first line
  // with an error, or "PATH:LINE: WHAT" for an alias. COLUMN counts octets from
  // 1.
  absl::StatusOr<Table> (*parse)(absl::string_view path,
                                 const std::vector<policy::Line>& lines,
                                 const TableOptions& options);
};

// Returns all kinds, in the order of --help.
absl::Span<const TableKind> TableKinds();

// Returns the kind `name`, or nullptr if there is none.
const TableKind* FindTableKind(absl::string_view name);

// Reads the file `path`, which contains a text of `kind`. Errors are those of
// TableKind::parse, those of ReadControlList(), and kNotFound; for aliases also
// those of the control files that say what is local.
absl::StatusOr<Table> ReadTable(const TableKind& kind, absl::string_view path,
                                const TableOptions& options = {});

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_TABLES_TABLE_KIND_H_
