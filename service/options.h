// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options of a program: on the command line, in a file, and in the
// environment.
//
//   constexpr OptionRow kRows[] = {
//       {"config", "FILE", "more options", OptionRow::From::kCommandLine},
//       {"max-errors", "N [100]", "refused commands before 421"},
//       {"open-relay", "", "accept mail for every domain"},
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
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "service/config_file.h"

namespace postern::service {

// Returns the entry of `names` that is probably meant by `name`, which none of
// them is: the one that differs in the fewest characters. Empty if none is
// similar. Valid as long as `names`.
absl::string_view MostSimilar(absl::string_view name,
                              absl::Span<const absl::string_view> names);

// One option. Constant data, because a process for one connection has no time
// to build a table first.
struct OptionRow {
  enum class From : uint8_t { kAnywhere, kCommandLine };

  absl::string_view name;  // without dashes
  // As --help shows it, with the default in brackets: "N [100]". Empty: a flag.
  absl::string_view value;
  absl::string_view help;  // '\n' starts a new line; empty: not shown
  From from = From::kAnywhere;
  bool many = false;  // may be repeated, see List()
  // In a file, a section [NAME VALUE] is another form of a value, see Values().
  bool section = false;
};

// Returns the default of a row: what is in the brackets at the end of
// OptionRow::value. Empty if there is none.
absl::string_view DefaultOf(const OptionRow& row);

// Parses the value of a flag: true, yes, on or 1; false, no, off or 0. Returns
// nullopt if it is none of these.
std::optional<bool> ParseFlag(absl::string_view value);

// One value of an option, see Options::Values().
struct OptionValue {
  struct Key {
    std::string name;
    std::string value;
    std::string place;  // "FILE:LINE: NAME"
  };

  std::string text;   // of a section: what follows its name
  std::string place;  // as Options::Place() returns it
  bool is_default = false;
  bool is_section = false;
  std::vector<Key> keys;  // of the section

  // Returns `what` with its place: that of the key whose name `what` begins
  // with, or that of the value.
  std::string PlaceOf(absl::string_view what) const;
};

// Where the given values come from. For texts about them that are written after
// the options were read.
class OptionPlaces {
 public:
  // Returns `text` with the place of the value that it is about. A text about
  // an option begins with "--NAME: " or "--NAME VALUE: ". If the value comes
  // from a file, "FILE:LINE: NAME" replaces "--NAME"; if it comes from a
  // variable, the variable's name does. "--listen: ADDRESS: KEY: " has the
  // place of the key if the listener is a section. Other texts stay.
  std::string At(absl::string_view text) const;

 private:
  friend class Options;

  // Each with the name of its option, which is that of a row.
  std::vector<std::pair<absl::string_view, OptionValue>> values_;
};

// The given options. Keeps views of the command line and of the environment,
// which must outlive the object. Thread-compatible.
//
// An option is `--name value`, `--name=value` or, for a flag, `--name`; or a
// line `name = value` in the file of --config; or a variable POSTERN_NAME, with
// '_' for '-'. The command line overrides the file, and the file overrides the
// environment.
//
// Mistakes are: an unknown option; an option that is given twice in one place,
// unless it may be repeated; and an empty value in any of the three places. An
// empty value has no meaning for any option, and a script's variable that is
// empty by accident must not turn a protection off. All mistakes are kept, so
// that an administrator can correct them at one time.
//
// The grammar of the file is in postern-config(7) and service/config_file.h.
class Options {
 public:
  // `rows` must outlive the object. `more` are added after them. --config must
  // have a row like other options.
  explicit Options(absl::Span<const OptionRow> rows,
                   std::vector<OptionRow> more = {});

  // Reads `arguments` up to the first operand or "--"; then the file, then the
  // variables. The file is `default_file` unless --config names another one or
  // is "none". If it is `default_file`, it may be missing; empty: there is no
  // default. To be called once.
  void Read(absl::Span<const char* const> arguments,
            absl::FunctionRef<const char*(const char*)> getenv,
            absl::string_view default_file = "");

  // Return the value of the option `name`, which must have a row. If the option
  // is not given or its value is a mistake, they return the default of the row,
  // or `otherwise` or false if the row has none.
  std::string Text(absl::string_view name, absl::string_view otherwise) const;
  int Number(absl::string_view name, int otherwise, int min, int max);
  bool Flag(absl::string_view name);
  // Returns all values of an option that may be repeated, from the place that
  // overrides the others. In a variable, blanks separate the values.
  std::vector<std::string> List(absl::string_view name) const;
  // Returns all values of the option `name`, also if it may not be repeated. If
  // it is not given, the only value is the default of the row; if there is no
  // default, the list is empty.
  std::vector<OptionValue> Values(absl::string_view name) const;
  template <typename T>
  T Choice(absl::string_view name, T otherwise,
           std::initializer_list<std::pair<absl::string_view, T>> choices) {
    const std::optional<absl::string_view> value = Value(name);
    const absl::string_view default_word = DefaultOfRow(name);
    std::vector<absl::string_view> words;
    for (const auto& [word, choice] : choices) {
      if (value && *value == word) return choice;
      if (word == default_word) otherwise = choice;
      words.push_back(word);
    }
    if (value) BadChoice(name, words);
    return otherwise;
  }

  // The arguments after the options.
  absl::Span<const char* const> operands() const { return operands_; }

  // The mistakes, each with its place: the option, the variable or FILE:LINE.
  const std::vector<std::string>& mistakes() const { return mistakes_; }
  // The first mistake.
  absl::Status status() const;
  // Whether the command line itself is wrong: an option on it is unknown or
  // lacks its value. Then it is not certain where the options end.
  bool usage_is_wrong() const { return usage_is_wrong_; }
  // Adds a mistake, for values that only the program can check, in the form of
  // OptionPlaces::At().
  void Mistake(absl::string_view what);
  // Adds a mistake in a section, with its place or that of its key.
  void Mistake(absl::string_view place, absl::string_view what);
  // Returns a warning for each variable POSTERN_... of `environment`, which is
  // environ(7), that no option has. It is no mistake, because another program
  // may have such an option.
  std::vector<std::string> UnknownVariables(
      const char* const* environment) const;
  // Returns the place of a value of the option `name`, for a mistake: "--NAME",
  // the variable, or "FILE:LINE: NAME". `index` is that of List().
  std::string Place(absl::string_view name, size_t index = 0) const;

  OptionPlaces places() const;
  // Returns whether the option `name`, which must have a row, is given. A
  // default is not.
  bool IsGiven(absl::string_view name) const { return Value(name).has_value(); }
  // Returns whether the option `name` has a row.
  bool Has(absl::string_view name) const { return Row(name) != npos; }
  // The rows, with those of the constructor's second argument.
  absl::Span<const OptionRow> rows() const { return rows_; }
  // The paths of the files that were read: the file and what it includes.
  std::vector<std::string> files() const;

  // Returns the places of the values that differ from those of `running`, which
  // was read from the same rows: one place for each option, as Place() returns
  // it, or "" if the option is not given any more.
  struct Change {
    absl::string_view option;
    std::string place;
  };
  std::vector<Change> ChangesFrom(const Options& running) const;
  // Replaces the values of the option `name` by those of `running`, which was
  // read from the same rows. The command line and the environment that
  // `running` has read must still exist.
  void Keep(absl::string_view name, const Options& running);

  // Returns one line or more for each row.
  std::string Help() const;

  // If --help or --version is given, prints it for `program` and returns true.
  // Help() is between `head` and `foot`.
  bool AnswerHelp(absl::string_view program, absl::string_view head,
                  absl::string_view foot);
  // If there was a mistake, reports all (WriteUsageError()) and returns true.
  bool Complain(absl::string_view program) const;

 private:
  static constexpr size_t npos = static_cast<size_t>(-1);

  enum class Source : uint8_t { kCommandLine, kFile, kEnvironment };
  struct Given {
    Source source = Source::kCommandLine;
    absl::string_view value;
    // If the source is the file, which `value` and `entry` are parts of.
    std::shared_ptr<const ConfigFile> file;
    const ConfigFile::Entry* entry = nullptr;
  };

  void ReadArguments(absl::Span<const char* const> arguments);
  void ReadFile(absl::string_view default_file);
  void ReadEntry(const ConfigFile::Entry& entry);
  // Returns a mistake about `name`, which no option has, written as `shown`.
  // Sets `*meant` to the row whose name is most similar, or npos.
  std::string Unknown(absl::string_view name, absl::string_view shown,
                      size_t* meant) const;
  void Give(size_t row, const Given& given);
  size_t Row(absl::string_view name) const;  // or npos
  std::optional<absl::string_view> Value(absl::string_view name) const;
  absl::string_view DefaultOfRow(absl::string_view name) const;
  OptionValue ValueOf(size_t row, const Given& given) const;
  // Returns the name of the option in its place: option, variable or file and
  // line.
  std::string NameOf(size_t row, const Given& given) const;
  void BadValue(absl::string_view name, absl::string_view want);
  void BadChoice(absl::string_view name,
                 absl::Span<const absl::string_view> words);

  std::vector<OptionRow> own_rows_;  // empty unless there are more rows
  absl::Span<const OptionRow> rows_;
  std::vector<std::vector<Given>> given_;  // by row
  absl::Span<const char* const> operands_;
  std::shared_ptr<const ConfigFile> config_;  // null: no file was read
  std::vector<std::string> mistakes_;
  bool usage_is_wrong_ = false;
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_OPTIONS_H_
