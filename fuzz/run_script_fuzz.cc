// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: postern migrate understands or names every line of a script. A line
// that is named is in a note of this file that begins at the line or before it.
// A value that is known contains no NUL, has a limit, and does not depend on
// what is read without an answer: a second reading is the same. Words of a
// server are in lines of the script. No file is read outside the site, which
// does not exist here, so no substitution has an answer except those of users.
// A variable that the server has is not one that the script removes.

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "programs/migrate/run_script.h"
#include "programs/migrate/site_files.h"

namespace postern::programs::migrate {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const SiteFiles files("/nonexistent/site", "");
  const auto is_server = [](absl::string_view name) {
    return name == "tcpserver" || name == "env";
  };
  const RunScript script =
      ReadRunScript("run", text, files, is_server, "/service");
  const auto lines = static_cast<int>(script.lines.size());
  int first_note = lines + 1;
  for (const Note& note : script.notes) {
    EXPECT_EQ(note.place.file, "run");
    EXPECT_TRUE(note.place.line >= 1 && note.place.line <= lines);
    EXPECT_FALSE(note.why.empty());
    if (note.kind == Note::Kind::kNotUnderstood) {
      first_note = std::min(first_note, note.place.line);
    }
  }
  for (int i = 0; i < lines; ++i) {
    EXPECT_NE(script.lines[i], LineState::kUnseen) << i + 1 << "\n" << text;
    if (script.lines[i] == LineState::kNamed) {
      EXPECT_LE(first_note, i + 1);
    }
  }
  const RunScript again =
      ReadRunScript("run", text, files, is_server, "/service");
  EXPECT_EQ(script.servers.size(), again.servers.size());
  for (size_t i = 0; i < script.servers.size(); ++i) {
    const ServerCommand& server = script.servers[i];
    EXPECT_EQ(server.words.size(), again.servers[i].words.size());
    EXPECT_FALSE(server.words.empty());
    for (const RemovedVariable& removed : server.removed) {
      for (const Variable& variable : server.environment) {
        EXPECT_NE(removed.name, variable.name);
      }
    }
    for (const Word& word : server.unread) {
      EXPECT_FALSE(word.known());
      EXPECT_TRUE(word.place.line >= 1 && word.place.line <= lines);
    }
    for (const Word& word : server.words) {
      EXPECT_LE(word.text.size(), size_t{1} << 17);
      EXPECT_TRUE(word.place.line >= 1 && word.place.line <= lines);
      EXPECT_EQ(word.id != 0, word.known() && !word.user.empty());
      // Nothing here has an answer.
      if (word.known() && word.id == 0 && !absl::StrContains(text, '\'') &&
          !absl::StrContains(text, '\\')) {
        EXPECT_FALSE(absl::StrContains(word.text, "$("));
      }
    }
  }
  return 0;
}

}  // namespace postern::programs::migrate
