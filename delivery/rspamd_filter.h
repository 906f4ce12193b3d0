// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Asks rspamd about messages, over HTTP.

#ifndef POSTERN_DELIVERY_RSPAMD_FILTER_H_
#define POSTERN_DELIVERY_RSPAMD_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "delivery/content_filter.h"
#include "delivery/rspamd_outcome.h"
#include "engine/ask.h"
#include "engine/session_info.h"
#include "log/report.h"

namespace postern::delivery {

// A worker of rspamd that answers /checkv2: a normal worker, or a controller.
struct RspamdServer {
  std::string name;         // as it was given, for the log
  std::string url;          // of /checkv2
  std::string socket_path;  // of a Unix socket; empty: TCP
};

// Parses "http://HOST:PORT", "https://HOST:PORT" or "unix:PATH", where PATH is
// absolute. A URL has no user and no path. An error says what is wrong.
absl::StatusOr<RspamdServer> ParseRspamdServer(absl::string_view text);

struct RspamdOptions {
  RspamdServer server;
  absl::Duration timeout = absl::Seconds(30);
  // Whether a message is delivered if rspamd does not answer, or if its answer
  // cannot be carried out. Otherwise the message gets a 451.
  bool accept_if_down = false;
  // Larger messages are delivered without a question. In octets.
  uint64_t max_size = uint64_t{50} << 20;
  std::string password;   // for a controller; empty: none
  std::string host_name;  // of this server
  // Takes a line about each message that is delivered because of
  // accept_if_down.
  log::Report report;
  // Called once for each message. Must be thread-safe. May be empty.
  std::function<void(RspamdOutcome)> count;
};

// The largest size in octets of all Rcpt header fields of a request. rspamd
// closes a connection whose request has a header section of more than 80 KiB.
// It does not get the recipients beyond this size.
inline constexpr size_t kMaxRspamdRecipients = size_t{48} << 10;

// Returns the header fields of a request, such as "IP: 192.0.2.1", without line
// ends. Unknown facts are left out. Control characters become '?', so a client
// cannot add a field. Hostname is sent only if it was confirmed in both
// directions. User is the authenticated user.
std::vector<std::string> RspamdRequest(const Envelope& envelope,
                                       const SessionInfo& session,
                                       const RspamdOptions& options);

// Makes one connection for each message. Thread-safe.
class RspamdFilter : public ContentFilter {
 public:
  explicit RspamdFilter(RspamdOptions options);

  absl::string_view name() const override { return "rspamd"; }
  absl::Duration timeout() const override { return options_.timeout; }
  FilterAnswer Decide(const Envelope& envelope, const SessionInfo& session,
                      const Spool& content, absl::Duration remaining) override;

 private:
  absl::StatusOr<std::string> Ask(const Envelope& envelope,
                                  const SessionInfo& session,
                                  const Spool& content,
                                  absl::Duration remaining) const;

  const RspamdOptions options_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_RSPAMD_FILTER_H_
