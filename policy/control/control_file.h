// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads one of qmail's control files, with exactly qmail's syntax.
//
// Some content is valid, but the administrator probably does not mean it: a
// file with Windows line ends, a number with a unit. Such content keeps qmail's
// meaning, because another meaning could open a relay. It causes a warning: a
// sentence that begins with "FILE:LINE: ". Each kind of mistake is reported
// once per file, at its first line, because these files can have 100,000 lines.
//
// If a file exists and cannot be read, each function here returns an error that
// names the file. Reasons are: no permission, a directory, an I/O error, a loop
// of symbolic links, or more than kMaxControlFile bytes. A file is missing only
// if the error is "no such file".

#ifndef POSTERN_POLICY_CONTROL_CONTROL_FILE_H_
#define POSTERN_POLICY_CONTROL_CONTROL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern::policy {

// The largest control file that can be read, in bytes. A million domains need
// 20 MiB.
inline constexpr size_t kMaxControlFile = size_t{64} << 20;

// The largest number of errors of one file that are collected.
inline constexpr size_t kMaxErrors = 20;

// One entry of a list.
struct Line {
  std::string text;  // never empty
  int number = 0;    // in the file, from 1, including comments and empty lines
};

// Reads a file with one value: its first line without trailing spaces and tabs.
// Leading spaces stay, '#' has no special meaning, and a carriage return stays
// (warning). An empty file has an empty value. Returns nullopt if the file is
// missing.
absl::StatusOr<std::optional<std::string>> ReadControlValue(
    absl::string_view path, std::vector<std::string>* warnings);

// Reads a file with one number: the digits at the beginning of its value.
// Returns `missing` if the file is missing, or if its value does not begin with
// a digit (warning). Text after the digits is ignored (warning). A number that
// is too large becomes UINT64_MAX; qmail wraps around, which can turn a limit
// into no limit.
absl::StatusOr<uint64_t> ReadControlNumber(absl::string_view path,
                                           uint64_t missing,
                                           std::vector<std::string>* warnings);

// Reads a file with one entry per line, in order. Trailing spaces and tabs are
// removed. Then empty lines and lines that begin with '#' are left out. Leading
// spaces and carriage returns stay (warnings). Returns nullopt if the file is
// missing. Linear in the size of the file.
absl::StatusOr<std::optional<std::vector<Line>>> ReadControlList(
    absl::string_view path, std::vector<std::string>* warnings);

// Collects the lines of a file with the same mistake for one warning.
class Mistake {
 public:
  // `what` must outlive this object. FormatWarning() explains it.
  explicit Mistake(absl::string_view what) : what_(what) {}

  void Add(int line) {
    if (lines_++ == 0) first_ = line;
  }
  // Adds a warning about the file `path` to `warnings` if there is such a line.
  void Report(absl::string_view path, std::vector<std::string>* warnings) const;

 private:
  absl::string_view what_;
  int first_ = 0;
  int lines_ = 0;
};

// Collects the keys of a database with the same mistake for one warning.
class KeyMistake {
 public:
  void Add(absl::string_view key) {
    if (keys_++ == 0) first_ = std::string(key);
  }
  // Adds the warning "PATH: KIND KEY: WHAT." to `warnings` if there is such a
  // key. If there are several, the warning contains the number of the others.
  void Report(absl::string_view path, absl::string_view kind,
              absl::string_view what, std::vector<std::string>* warnings) const;

 private:
  std::string first_;
  int keys_ = 0;
};

// The largest number of records of a database that are checked for mistakes.
// This limits the check to some tenths of a second at the start.
inline constexpr size_t kMaxCheckedRecords = 100000;

// Removes the digits at the beginning of `text` and returns their value, at
// most UINT64_MAX. Returns nullopt and removes nothing if there is no digit.
std::optional<uint64_t> TakeNumber(absl::string_view* text);

// Returns a warning about `line` of the file `path`: "PATH:LINE: WHAT.". If
// `lines` is above 1, the warning contains the number of the other lines.
std::string FormatWarning(absl::string_view path, int line,
                          absl::string_view what, int lines = 1);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_CONTROL_FILE_H_
