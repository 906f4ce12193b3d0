// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/rspamd_option.h"

#include <climits>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern::programs {

void ReadRspamdOption(service::Options* given, RspamdOption* option) {
  const std::string text = given->Text("rspamd", "");
  if (text.empty()) {
    for (const service::OptionRow* row :
         {&kRspamdTimeoutRow, &kRspamdDownRow, &kRspamdMaxSizeRow,
          &kRspamdPasswordFileRow, &kRspamdSpoolRow}) {
      if (given->IsGiven(row->name)) {
        given->Mistake(absl::StrCat("--", row->name, ": needs --rspamd"));
      }
    }
    return;
  }
  absl::StatusOr<delivery::RspamdServer> server =
      delivery::ParseRspamdServer(text);
  if (server.ok()) {
    option->server = *std::move(server);
  } else {
    given->Mistake(absl::StrCat("--rspamd: ", server.status().message()));
  }
  option->timeout = given->Number("rspamd-timeout", option->timeout, 1, 120);
  option->accept_if_down =
      given->Choice("rspamd-down", option->accept_if_down,
                    {{"tempfail", false}, {"accept", true}});
  option->max_size = static_cast<uint64_t>(given->Number(
      "rspamd-max-size", static_cast<int>(option->max_size), 1, INT_MAX));
  option->password_file = given->Text("rspamd-password-file", "");
  option->spool = given->Text("rspamd-spool", option->spool);
  if (!absl::StartsWith(option->spool, "/")) {
    given->Mistake(
        absl::StrCat("--rspamd-spool: not an absolute path: ", option->spool));
  }
}

}  // namespace postern::programs
