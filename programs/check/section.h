// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One part of the output of postern check.

#ifndef POSTERN_PROGRAMS_CHECK_SECTION_H_
#define POSTERN_PROGRAMS_CHECK_SECTION_H_

#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"

namespace postern::programs {

struct Section {
  // As text: whole lines.
  std::string text;
  // As JSON: members of the only object.
  std::vector<std::pair<std::string, nlohmann::ordered_json>> members;
  // The program ends with the greatest exit code of its sections.
  int exit_code = 0;
};

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_SECTION_H_
