// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A message as MailHog takes it apart.

#ifndef POSTERN_PROGRAMS_RIG_MAILHOG_CONTENT_H_
#define POSTERN_PROGRAMS_RIG_MAILHOG_CONTENT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern::programs {

// Clients of MailHog index its parts and decode them themselves, so the parts
// are those that MailHog finds: undecoded, split at the boundary wherever it
// is. Use rig::ParseMime() for everything else.
struct MailHogContent {
  // The last field of each name, unfolded by removing the line ends alone.
  std::map<std::string, std::string> fields;
  std::string body;
  size_t size = 0;
  bool multipart = false;
  std::vector<MailHogContent> parts;  // of a multipart
};

// Reads any octets. Parts are nested at most ten levels deep, and there are at
// most a thousand; what is beyond that stays in the body.
MailHogContent ParseMailHogContent(absl::string_view octets);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_MAILHOG_CONTENT_H_
