// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The values of words: quotes, variables, and the command substitutions that
// reading can answer.

#ifndef POSTERN_PROGRAMS_MIGRATE_SHELL_EXPANSION_H_
#define POSTERN_PROGRAMS_MIGRATE_SHELL_EXPANSION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "programs/migrate/run_script.h"
#include "programs/migrate/shell_state.h"
#include "programs/migrate/site_files.h"

namespace postern::programs::migrate::shell {

class Expansion {
 public:
  // Expands words of `file`. `bash`: its first line names bash. `files` and
  // `state` outlive this object.
  Expansion(absl::string_view file, bool bash, const SiteFiles& files,
            State* state)
      : name_(file), bash_(bash), files_(files), state_(*state) {}

  // Returns the words that `text` becomes: none, one or several.
  std::vector<Word> Expand(absl::string_view text, int line);
  // Returns one word, as in an assignment: nothing divides the value, and
  // nothing is a pattern.
  Word ExpandOne(absl::string_view text, int line);

 private:
  // How an expansion without quotes becomes words.
  enum class Split : uint8_t { kNo, kYes };

  void Append(const Word& part, bool quoted, std::vector<Word>* words,
              bool* open) const;
  void ExpandInto(absl::string_view text, int line, bool quoted, Split split,
                  std::vector<Word>* words, bool* open);
  Word ExpandBraces(absl::string_view inside, int line);
  Word Substitute(absl::string_view command, int line);

  const std::string name_;
  const bool bash_;
  const SiteFiles& files_;
  State& state_;
  int depth_ = 0;  // of ExpandInto(), which is recursive
};

}  // namespace postern::programs::migrate::shell

#endif  // POSTERN_PROGRAMS_MIGRATE_SHELL_EXPANSION_H_
