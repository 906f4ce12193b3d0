// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/message.h"

namespace postern::rig {

size_t Message::cost() const {
  size_t octets = kCost + raw().size() + data_->trace.size();
  for (const std::string& recipient : to()) {
    octets += kRecipientCost + 6 * recipient.size();
  }
  return octets;
}

std::ostream& operator<<(std::ostream& out, const Message& message) {
  out << "message " << message.number() << " from <" << message.from()
      << "> to";
  for (const std::string& to : message.to()) out << " <" << to << ">";
  return out << " (" << message.raw().size() << " octets)";
}

}  // namespace postern::rig
