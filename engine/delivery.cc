// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/delivery.h"

#include <utility>

namespace postern {

void MailTransaction::CommitEach(EachDone done) {
  Commit([done = std::move(done)](Verdict verdict) mutable {
    std::vector<Verdict> verdicts;
    verdicts.push_back(std::move(verdict));
    std::move(done)(std::move(verdicts));
  });
}

}  // namespace postern
