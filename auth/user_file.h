// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file of users, as its owner sees it: lines NAME:VERIFIER, empty lines, and
// comments, which begin with '#'.
//
//   # the office
//   anna:SCRAM-SHA-256$65536:...
//   bert@example.org:$y$j9T$...

#ifndef POSTERN_AUTH_USER_FILE_H_
#define POSTERN_AUTH_USER_FILE_H_

#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "auth/verifier.h"

namespace postern::auth {

// Octets of a name: what a line of the log has room for.
inline constexpr size_t kMaxUserName = 255;

// Octets of a file of users, at most: a million users take about as many. A
// larger file cannot be read.
inline constexpr size_t kMaxUserFile = size_t{256} << 20;

// Returns kInvalidArgument, with the reason, if `name` is no user's: empty, too
// long, not what SaslPrep() makes of it, with a ':', a '#' at its front or a
// blank at either end. Names are told apart octet by octet.
absl::Status CheckUserName(absl::string_view name);

// Returns kFailedPrecondition, with what to do, if others than the owner and
// the group of the file may read or write it: whoever reads verifiers can try
// passwords against them, millions a second.
absl::Status CheckPrivate(absl::string_view path, const struct stat& facts);

// Thread-compatible.
class UserFile {
 public:
  // Empty.
  UserFile() = default;

  // Reads `text`. kInvalidArgument says "PATH:LINE: " and what is wrong with
  // it: no name, no verifier (auth/verifier.h), a name that was there before.
  // It shows nothing of a verifier, nor of a line that could be one.
  static absl::StatusOr<UserFile> Parse(absl::string_view text,
                                        absl::string_view path);

  // Reads the file `path`, and checks that it is private. Errors are also those
  // of files::ReadContent().
  static absl::StatusOr<UserFile> Read(absl::string_view path);

  // Returns the file's text. What Parse() has read comes back as it was, but
  // for an end that is missing in the last line.
  std::string Print() const;

  // Gives the user `name`, for which CheckUserName() is OK, this verifier: in
  // the line that the user has, or in a new one at the end.
  void Set(absl::string_view name, Verifier verifier);

  // Takes the user out; returns whether there was one. Comments stay.
  bool Remove(absl::string_view name);

  // Returns the user's verifier, null where there is none. Until the next Set()
  // or Remove().
  const Verifier* Find(absl::string_view name) const;

  struct User {
    std::string name;
    Verifier verifier;
  };
  // In the order of the file. Until the next Set() or Remove().
  std::vector<const User*> users() const;

 private:
  struct Line {
    std::string text;  // where there is no user: a comment, or nothing
    std::optional<User> user;
  };

  std::vector<Line> lines_;
  absl::flat_hash_map<std::string, size_t> index_;  // of users, in lines_
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USER_FILE_H_
