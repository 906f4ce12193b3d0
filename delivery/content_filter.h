// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The interface ContentFilter, which decides about a whole message between the
// end of its content and its delivery: a filter for spam or viruses. See
// delivery/filtered_delivery.h, which asks it.

#ifndef POSTERN_DELIVERY_CONTENT_FILTER_H_
#define POSTERN_DELIVERY_CONTENT_FILTER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/header_edit.h"
#include "delivery/spool.h"
#include "engine/ask.h"
#include "engine/grammar/reply.h"
#include "engine/session_info.h"

namespace postern::delivery {

// What a filter has decided about a message.
struct FilterAnswer {
  // The 4yz or 5yz reply that refuses the message. nullopt: it is delivered.
  std::optional<Reply> refusal;
  // Changes of the header section of a message that is delivered.
  HeaderEdits edits;
  // The reason for the log: "add header, score 7.20 of 15.00". It contains no
  // control characters.
  std::string reason;
};

// Thread-safe: several messages may be in question at the same time.
class ContentFilter {
 public:
  virtual ~ContentFilter() = default;

  // Returns the name of the filter in the log ("rspamd"). It must be static.
  virtual absl::string_view name() const = 0;

  // Returns the longest time between the end of a message and the answer of
  // Decide(), with the wait for a thread.
  virtual absl::Duration timeout() const = 0;

  // Decides about a message. `content` is all of it, as it would be delivered:
  // lines end in CRLF, and the Received field of this server is included. May
  // block, for `remaining` at most. If that is zero or less, the message has
  // waited too long for a thread, and the filter answers as if it were out of
  // order. All arguments are valid until this returns.
  //
  // A filter that cannot decide refuses temporarily, unless its configuration
  // says otherwise.
  virtual FilterAnswer Decide(const Envelope& envelope,
                              const SessionInfo& session, const Spool& content,
                              absl::Duration remaining) = 0;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_CONTENT_FILTER_H_
