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

// Thread-compatible. All paths are absolute paths of the site.
class SiteFiles {
 public:
  // Files are read below the directory `root`, which is empty for the host
  // itself. Files of qmail's control directory are read in `control` instead,
  // if it is not empty. With `control` and without `root`, the other files of
  // the site are not known: they are never read on this host.
  SiteFiles(std::string root, std::string control);

  // Returns the path on this host of the file `path`. Symbolic links are
  // followed as on the site: an absolute link, or "..", does not leave the copy
  // of the site. The file need not exist. Returns kFailedPrecondition if the
  // path, or a link on it, names a file of the site that is not known, and for
  // a loop of links.
  absl::StatusOr<std::string> Find(absl::string_view path) const;

  // Returns the content of `path`, at most 1 MiB. The errors are those of
  // Find() and files::ReadContent().
  absl::StatusOr<std::string> Read(absl::string_view path) const;

  // Returns whether it is known if `path` exists. It is not if Find() fails, or
  // if the host refuses to say.
  bool Knows(absl::string_view path) const;

  // Returns whether `path` exists; `kind` is 'f' for a file, 'd' for a
  // directory, and 'e' for either. False if that is not known: see Knows().
  bool Exists(absl::string_view path, char kind) const;

  // Returns the sorted names in the directory `path`, without those that begin
  // with a dot; at most 1,000. Returns the errors of Find(), and the code of
  // errno if the directory cannot be read.
  absl::StatusOr<std::vector<std::string>> List(absl::string_view path) const;

  // Returns whether the host follows the links of `path` to another file than
  // the site does. Only Find() leads to the right file then.
  bool LeavesSite(absl::string_view path) const;

  // Returns the path on the site of the directory of `file`, a file on this
  // host. Empty if it is not a part of the site that is known.
  std::string DirectoryOnSite(absl::string_view file) const;

  // Returns the name of the user with the number `id` in the site's
  // /etc/passwd. Empty if there is none.
  std::string UserName(absl::string_view id) const;

 private:
  // Returns where `path`, which has no links, is on this host; empty if it is
  // not known.
  std::string OnHost(absl::string_view path) const;

  std::string root_;
  std::string control_;
  bool has_root_ = false;
};

// Returns `path` if it is absolute, and otherwise the path below `directory`.
// Empty if `directory`, which is not known, is needed.
std::string PathFrom(absl::string_view directory, absl::string_view path);

}  // namespace postern::programs::migrate

#endif  // POSTERN_PROGRAMS_MIGRATE_SITE_FILES_H_
