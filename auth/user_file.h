// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file of users as an administrator writes it: lines NAME:VERIFIER, empty
// lines, and comments, which begin with '#'.
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

// The largest size of a name in octets: what fits into a line of the log.
inline constexpr size_t kMaxUserName = 255;

// The largest size of a file of users in bytes. A million users need about as
// many. A larger file cannot be read.
inline constexpr size_t kMaxUserFile = size_t{256} << 20;

// Returns kInvalidArgument with the reason if `name` is not a valid name: if it
// is empty or too long, differs from its SaslPrep(), contains ':', begins with
// '#', or has a blank at either end. Names are compared octet by octet.
absl::Status CheckUserName(absl::string_view name);

// Returns kFailedPrecondition with a remedy if users other than the owner and
// the group of the file can read or write it. A user that can read verifiers
// can test millions of passwords a second against them.
absl::Status CheckPrivate(absl::string_view path, const struct stat& facts);

// A file of users in memory. Thread-compatible.
class UserFile {
 public:
  // An empty file.
  UserFile() = default;

  // Parses `text`. The error kInvalidArgument begins with "PATH:LINE: " and
  // says what is wrong: an invalid name, an invalid verifier (auth/verifier.h),
  // or a name that occurs twice. It shows no part of a verifier, nor of a line
  // that could be one.
  static absl::StatusOr<UserFile> Parse(absl::string_view text,
                                        absl::string_view path);

  // Reads the file `path`, and checks that it is private. Also returns the
  // errors of CheckPrivate() and files::ReadContent().
  static absl::StatusOr<UserFile> Read(absl::string_view path);

  // Returns the text of the file. What Parse() has read is unchanged, except
  // that a missing newline at the end is added.
  std::string Print() const;

  // Sets the verifier of the user `name`, for which CheckUserName() must return
  // OK: in the user's line, or in a new line at the end.
  void Set(absl::string_view name, Verifier verifier);

  // Removes the user. Returns true if there was one. Comments stay.
  bool Remove(absl::string_view name);

  // Returns the user's verifier, or null if there is none. Valid until the next
  // Set() or Remove().
  const Verifier* Find(absl::string_view name) const;

  struct User {
    std::string name;
    Verifier verifier;
  };
  // Returns the users in the order of the file. Valid until the next Set() or
  // Remove().
  std::vector<const User*> users() const;

 private:
  struct Line {
    std::string text;  // if there is no user: a comment, or empty
    std::optional<User> user;
  };

  std::vector<Line> lines_;
  absl::flat_hash_map<std::string, size_t> index_;  // of users, in lines_
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_USER_FILE_H_
