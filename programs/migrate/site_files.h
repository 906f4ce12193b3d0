// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The files of the site that is migrated. They are only read: nothing is
// executed, created or changed.

#ifndef POSTERN_PROGRAMS_MIGRATE_SITE_FILES_H_
#define POSTERN_PROGRAMS_MIGRATE_SITE_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::programs::migrate {

// Thread-compatible.
class SiteFiles {
 public:
  // Files are read below the directory `root`, which is empty for the host
  // itself. Files of qmail's control directory are read in `control` instead,
  // if it is not empty.
  SiteFiles(std::string root, std::string control);

  // Returns where the file `path` of the site is read: `path` below the root,
  // or a file of the control directory. `path` is absolute.
  std::string Find(absl::string_view path) const;

  // Returns the content of `path`, at most 1 MiB. Follows symbolic links. The
  // errors are those of files::ReadContent(), with `path` in the message.
  absl::StatusOr<std::string> Read(absl::string_view path) const;

  // Returns whether `path` belongs to what is read: with a control directory
  // and without a root, the other files of the site are not known.
  bool Knows(absl::string_view path) const;

  // Returns whether `path` exists; `kind` is 'f' for a file, 'd' for a
  // directory, and 'e' for either.
  bool Exists(absl::string_view path, char kind) const;

  // Returns the sorted names in the directory `path`, without those that begin
  // with a dot; at most 1,000. Empty if it cannot be read.
  std::vector<std::string> List(absl::string_view path) const;

  // Returns the name of the user with the number `id` in the site's
  // /etc/passwd. Empty if there is none.
  std::string UserName(absl::string_view id) const;

 private:
  std::string root_;
  std::string control_;
};

}  // namespace postern::programs::migrate

#endif  // POSTERN_PROGRAMS_MIGRATE_SITE_FILES_H_
