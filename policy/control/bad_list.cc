// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/control/bad_list.h"

#include "engine/grammar/domain.h"
#include "policy/control/bad_mail_from.h"

namespace postern::policy {

std::optional<std::string> BadList::Find(const Path& path,
                                         bool may_relay) const {
  std::optional<std::string> entry = FindAddress(lines, path);
  if (entry || path.null()) return entry;
  const bool asks_no_relay = !may_relay && !no_relay.empty();
  if (patterns.empty() && !asks_no_relay) return std::nullopt;
  const std::string address = AsciiAddress(path.Address());
  entry = patterns.Find(address);
  if (!entry && asks_no_relay) entry = no_relay.Find(address);
  return entry;
}

}  // namespace postern::policy
