// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Which recipients go to another destination than that of their listener:
// control/routes, in the grammar of qmail's smtproutes.
//
//   routes line                      the recipients go to
//   a.example:relay.example          smtp:relay.example
//   a.example:relay.example:587      smtp:relay.example:587
//   .a.example:[192.0.2.1]           smtp:192.0.2.1, from all subdomains
//   b.example:lmtp:unix:/run/lmtp    this next hop
//   c.example:archive                --deliver archive=...
//   d.example:                       the destination of the listener
//   :relay.example                   smtp:relay.example, from all others
//
// A line has a domain, a colon and a target. The whole domain of the recipient
// is looked up first, then each suffix that begins with a dot, the longest
// first, then the empty domain. So a line for a domain does not match its
// subdomains. Domains are compared as in rcpthosts (host_list.h). An empty
// target means the usual delivery, as in smtproutes: there it is the look-up of
// MX records, here it is the destination of the listener.
//
// Local recipients are looked up, too: qmail-remote, which reads smtproutes,
// never sees them. So the empty domain matches the domains of rcpthosts that
// have no line of their own. ReadRoutes() warns about it.

#ifndef POSTERN_SERVICE_ROUTE_LIST_H_
#define POSTERN_SERVICE_ROUTE_LIST_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/delivery.h"
#include "engine/grammar/path.h"
#include "policy/control/controls.h"
#include "service/mail_options.h"
#include "service/mail_service.h"

namespace postern::service {

// Thread-safety: immutable once shared.
class RouteList {
 public:
  // A destination that a line names. Lines with the same one share it.
  struct Target {
    std::string name;    // of a --deliver; empty: `spec` is a next hop
    std::string spec;    // KIND:VALUE
    std::string source;  // the first line: "FILE:LINE"
  };
  struct Route {
    // An index of targets(). nullopt: the destination of the listener.
    std::optional<size_t> target;
    std::string source;  // "FILE:LINE"
  };

  // Parses the lines of the file `path`. `destinations` are those of the
  // options, whose names targets may have. Adds each mistake to `errors`, at
  // most policy::kMaxErrors, as kInvalidArgument with "FILE:LINE: " at its
  // beginning: a line without a colon, a domain that has two lines, and a
  // target that is invalid, names no destination, or has another kind than lmtp
  // and smtp. Other kinds need a name, because their programs and directories
  // are tested at the start, with the options.
  static RouteList Make(absl::string_view path,
                        const std::vector<policy::Line>& lines,
                        absl::Span<const DestinationOption> destinations,
                        std::vector<absl::Status>* errors);

  // Returns the line for `recipient`, or null if no line matches: then its mail
  // goes to the destination of the listener. `me` is control/me: the domain of
  // a recipient without one.
  const Route* Find(const Path& recipient, absl::string_view me) const;

  const std::vector<Target>& targets() const { return targets_; }
  size_t size() const { return routes_.size(); }

 private:
  std::vector<Target> targets_;
  absl::flat_hash_map<std::string, Route> routes_;  // by AsciiDomain()
};

// Reads the file routes of `options.control`. Returns null if it is missing, or
// if it cannot be read, which is an error. Adds warnings about lines that can
// never match, and about an empty domain that matches domains of
// `controls.rcpthosts`.
std::shared_ptr<const RouteList> ReadRoutes(const MailOptions& options,
                                            const policy::Controls& controls,
                                            std::vector<absl::Status>* errors,
                                            std::vector<std::string>* warnings);

// Returns a delivery that follows `routes`. `own` is the destination of the
// listener, and `targets` are the deliveries of routes->targets(). `me` is
// control/me.
std::shared_ptr<Delivery> FollowRoutes(
    std::shared_ptr<const RouteList> routes, std::string me,
    std::shared_ptr<Delivery> own,
    std::vector<std::shared_ptr<Delivery>> targets);

// The destination of a recipient, and what has chosen it.
struct RecipientDestination {
  std::string name;  // "NAME=SPEC" or "SPEC"
  std::string
      source;  // "FILE:LINE" of the route, "--deliver" or "deliver=NAME"
};

// Returns the destination of `recipient`, as the envelope has it, at a listener
// with `outlet`, which is one of those of `service`.
RecipientDestination DestinationOf(const MailService& service,
                                   const MailService::Outlet& outlet,
                                   const Path& recipient);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_ROUTE_LIST_H_
