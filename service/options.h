// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options of a program: on its command line, in a file, in the environment.
//
//   constexpr OptionRow kRows[] = {
//       {"config", "FILE", "more options", OptionRow::From::kCommandLine},
//       {"max-errors", "N [100]", "refused commands before 421"},
//       {"open-relay", "", "anyone may send anywhere"},
//   };
//   Options options(kRows);
//   options.Read({argv + 1, argv + argc}, getenv);
//   const int max_errors = options.Number("max-errors", 100, 1, 1000000);
//   const bool open_relay = options.Flag("open-relay");
//   if (!options.status().ok()) ...

#ifndef POSTERN_SERVICE_OPTIONS_H_
#define POSTERN_SERVICE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "policy/control/control_file.h"

namespace postern::service {

inline constexpr absl::string_view kVersion = "0.1";

// What there is to give. Constant data: a process a connection has no time to
// build its options first.
struct OptionRow {
  enum class From : uint8_t { kAnywhere, kCommandLine };

  absl::string_view name;   // without dashes
  absl::string_view value;  // as help shows it; empty: a flag
  absl::string_view help;   // '\n' begins another line; empty: not shown
  From from = From::kAnywhere;
  bool many = false;  // may be given many times, see List()
};

// Options holds what was given. It keeps views of the command line and of the
// environment, which must outlive it. Thread-compatible.
//
// An option is `--name value`, `--name=value` or, for a flag, `--name`; a line
// `name = value` of the file that --config names; or a variable POSTERN_NAME,
// with '_' for '-'. The command line wins over the file, and the file over the
// environment.
//
// Mistakes are: an option that is not known; one that is given twice in one
// place, unless it may be given many times; and, in each of the three places,
// an empty value. No option has a meaning for it, and a variable of a script
// that is empty by accident must not turn a protection off.
//
// In the file, a value is all that stands behind the '=', but for white space
// at both ends: no quotes, no comments behind it. Lines that are empty or begin
// with '#' say nothing.
class Options {
 public:
  // `rows` must outlive the object. `more` follow them. --config is an option
  // like others.
  explicit Options(absl::Span<const OptionRow> rows,
                   std::vector<OptionRow> more = {});

  // Reads `arguments` up to the first that is no option, or behind "--"; then
  // the file, then the variables. To be called once.
  void Read(absl::Span<const char* const> arguments,
            absl::FunctionRef<const char*(const char*)> getenv);

  // Return the value of the option `name`, which must have a row, or what is
  // given here where it was not given or is a mistake.
  std::string Text(absl::string_view name, absl::string_view otherwise) const;
  int Number(absl::string_view name, int otherwise, int min, int max);
  bool Flag(absl::string_view name);
  // Returns all values of an option of which there may be many, of the place
  // that counts; in a variable blanks separate them.
  std::vector<std::string> List(absl::string_view name) const;
  template <typename T>
  T Choice(absl::string_view name, T otherwise,
           std::initializer_list<std::pair<absl::string_view, T>> choices) {
    const std::optional<absl::string_view> value = Value(name);
    if (!value) return otherwise;
    std::vector<absl::string_view> words;
    for (const auto& [word, choice] : choices) {
      if (*value == word) return choice;
      words.push_back(word);
    }
    BadChoice(name, words);
    return otherwise;
  }

  // What stands behind the options.
  absl::Span<const char* const> operands() const { return operands_; }

  // The first mistake, with its place: the option, the variable or FILE:LINE.
  const absl::Status& status() const { return status_; }
  // Makes `what` a mistake: for values that only the program can judge.
  void Mistake(absl::string_view what);

  // Returns a line or more for each row.
  std::string Help() const;

  // If --help or --version is given, prints it for `program` and returns true.
  // Help() is between `head` and `foot`.
  bool AnswerHelp(absl::string_view program, absl::string_view head,
                  absl::string_view foot);
  // If there was a mistake, reports it (WriteUsageError()) and returns true.
  bool Complain(absl::string_view program) const;

 private:
  static constexpr size_t npos = static_cast<size_t>(-1);

  enum class Place : uint8_t { kCommandLine, kFile, kEnvironment };
  struct Given {
    Place place = Place::kCommandLine;
    int line = 0;  // of the file
    absl::string_view value;
  };

  void ReadFile();
  void Give(size_t row, const Given& given);
  size_t Row(absl::string_view name) const;  // or npos
  std::optional<absl::string_view> Value(absl::string_view name) const;
  // Returns how the one who gave it calls the option.
  std::string NameOf(size_t row, const Given& given) const;
  void BadValue(absl::string_view name, absl::string_view want);
  void BadChoice(absl::string_view name,
                 absl::Span<const absl::string_view> words);

  std::vector<OptionRow> own_rows_;  // empty, unless there are more
  absl::Span<const OptionRow> rows_;
  std::vector<std::vector<Given>> given_;  // by row
  absl::Span<const char* const> operands_;
  std::string file_;  // its path
  std::vector<policy::Line> lines_;
  absl::Status status_;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_OPTIONS_H_
