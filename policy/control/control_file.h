// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Reads one of qmail's control files, by qmail's own syntax to the byte.
//
// What the syntax lets pass and an operator hardly means (a file written on
// Windows, a number with a unit) keeps qmail's meaning, since another meaning
// could open a relay, and becomes a warning: a sentence that begins with
// "FILE:LINE: ". A kind of mistake is reported once for a file, at the first
// line that has it: these files can have 100,000 lines.
//
// Every function here returns an error that names the file when it exists and
// cannot be read: no permission, a directory, an I/O error, a loop of symbolic
// links, more than kMaxControlFile octets. Only "no such file" counts as
// missing.

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

// Octets of a control file, at most: a million domains take 20 MiB. A larger
// file cannot be read.
inline constexpr size_t kMaxControlFile = size_t{64} << 20;

// One entry of a list.
struct Line {
  std::string text;  // never empty
  int number = 0;    // in the file, from 1; comments and empty lines count
};

// Reads a file of one value: its first line without trailing spaces and tabs.
// Leading spaces stay, a '#' has no meaning, and a carriage return stays
// (warning). An empty file has the empty value; a missing one has none.
absl::StatusOr<std::optional<std::string>> ReadControlValue(
    absl::string_view path, std::vector<std::string>* warnings);

// Reads a file of one number: the digits its value begins with. Returns
// `missing` where there is no file, or no digit first (warning). What follows
// the digits has no meaning (warning). Too large a number is UINT64_MAX; qmail
// wraps around, which can turn a limit into none.
absl::StatusOr<uint64_t> ReadControlNumber(absl::string_view path,
                                           uint64_t missing,
                                           std::vector<std::string>* warnings);

// Reads a file of one entry a line, in order. Trailing spaces and tabs are
// removed, then empty lines and those that begin with '#' are left out.
// Leading spaces and carriage returns stay (warnings). Returns nullopt where
// there is no file. Linear in the size of the file.
absl::StatusOr<std::optional<std::vector<Line>>> ReadControlList(
    absl::string_view path, std::vector<std::string>* warnings);

// The lines of a file that make the same mistake, for one warning.
class Mistake {
 public:
  // `what` lives as long as this: see FormatWarning().
  explicit Mistake(absl::string_view what) : what_(what) {}

  void Add(int line) {
    if (lines_++ == 0) first_ = line;
  }
  // Adds a warning to `warnings`, if there is such a line in the file `path`.
  void Report(absl::string_view path, std::vector<std::string>* warnings) const;

 private:
  absl::string_view what_;
  int first_ = 0;
  int lines_ = 0;
};

// The keys of a database that make the same mistake, for one warning.
class KeyMistake {
 public:
  void Add(absl::string_view key) {
    if (keys_++ == 0) first_ = std::string(key);
  }
  // Adds the warning "PATH: KIND KEY: WHAT." to `warnings`, if there is such a
  // key. With several it adds how many more there are like the first.
  void Report(absl::string_view path, absl::string_view kind,
              absl::string_view what, std::vector<std::string>* warnings) const;

 private:
  std::string first_;
  int keys_ = 0;
};

// How many records of a database are looked at for mistakes, so that a start
// takes no longer than some tenths of a second for it.
inline constexpr size_t kMaxCheckedRecords = 100000;

// Takes the digits at the front of `text` off it and returns their value, at
// most UINT64_MAX. Returns nullopt, and takes nothing, where there is none.
std::optional<uint64_t> TakeNumber(absl::string_view* text);

// Returns a warning about `line` of the file `path`: "PATH:LINE: WHAT.". With
// `lines` above 1 it adds how many more there are like it.
std::string FormatWarning(absl::string_view path, int line,
                          absl::string_view what, int lines = 1);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_CONTROL_CONTROL_FILE_H_
