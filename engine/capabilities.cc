// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/capabilities.h"

#include "absl/strings/str_cat.h"

namespace postern {

Reply EhloReply(const ServerConfig& config) {
  return {250,
          {},
          absl::StrCat(config.greeting,
                       "\nPIPELINING"  // RFC 2920
                       "\nSIZE ",
                       config.max_message_size,    // RFC 1870
                       "\n8BITMIME"                // RFC 6152
                       "\nENHANCEDSTATUSCODES")};  // RFC 2034
}

}  // namespace postern
