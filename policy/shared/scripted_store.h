// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A SharedStore for tests.

#ifndef POSTERN_POLICY_SHARED_SCRIPTED_STORE_H_
#define POSTERN_POLICY_SHARED_SCRIPTED_STORE_H_

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policy/shared/shared_store.h"

namespace postern::policy {

// Answers with the next of `answers`, before Ask() returns. Without one, keeps
// the question open in `open`. Thread-compatible.
class ScriptedStore : public SharedStore {
 public:
  bool works() const override { return working; }
  void Ask(SharedQuestion question, Done done) override {
    asked.push_back(absl::StrCat(absl::StrJoin(question.keys, " "), " | ",
                                 absl::StrJoin(question.arguments, " ")));
    if (answers.empty()) {
      open.push_back(std::move(done));
      return;
    }
    absl::StatusOr<Numbers> answer = std::move(answers.front());
    answers.pop_front();
    std::move(done)(std::move(answer));
  }

  bool working = true;
  std::deque<absl::StatusOr<Numbers>> answers;
  std::deque<Done> open;
  std::vector<std::string> asked;  // keys and arguments
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SHARED_SCRIPTED_STORE_H_
