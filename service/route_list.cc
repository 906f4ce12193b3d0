// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/route_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "delivery/routed_delivery.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/ip_address.h"
#include "policy/control/control_file.h"
#include "policy/control/host_list.h"
#include "service/destination.h"
#include "service/options.h"

namespace postern::service {
namespace {

// Returns the position of the colon after the domain, or npos. An address
// literal for IPv6 has colons of its own.
size_t ColonOf(absl::string_view line) {
  const size_t literal = absl::StartsWith(line, "[") ? line.find(']') : 0;
  return literal == absl::string_view::npos ? literal : line.find(':', literal);
}

// Returns the kind of delivery with which `text` begins, or null.
const DeliveryRow* KindOf(absl::string_view text) {
  const absl::string_view kind = text.substr(0, text.find(':'));
  for (const DeliveryRow& row : DeliveryRows()) {
    if (row.kind == kind) return &row;
  }
  return nullptr;
}

// Returns the spec of a target in the form of smtproutes: HOST or HOST:PORT,
// where an IPv4 address may be in brackets.
std::string SmtpSpec(absl::string_view text) {
  const size_t end = text.find(']');
  if (absl::StartsWith(text, "[") && end != absl::string_view::npos) {
    const absl::string_view address = text.substr(1, end - 1);
    if (!absl::StrContains(address, ':') && IpAddress::Parse(address)) {
      return absl::StrCat("smtp:", address, text.substr(end + 1));
    }
  }
  return absl::StrCat("smtp:", text);
}

// Returns the destination that `text` names, without its source.
absl::StatusOr<RouteList::Target> ParseTarget(
    absl::string_view text, absl::Span<const DestinationOption> destinations) {
  std::vector<absl::string_view> names;
  for (const DestinationOption& each : destinations) {
    if (each.name.empty()) continue;
    if (each.name == text) return RouteList::Target{each.name, each.spec, ""};
    names.push_back(each.name);
  }
  if (text.find_first_of(" \t") != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text,
        "\" contains a space; a route has no user and no password"));
  }
  std::string spec(text);
  if (const DeliveryRow* const row = KindOf(text); row != nullptr) {
    if (row->kind != "lmtp" && row->kind != "smtp" && row->kind != "smtps") {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", text,
          "\": only lmtp, smtp and smtps can be in this file; write a name",
          ", and --deliver NAME=", text));
    }
  } else if (text.find_first_of(".:[") == absl::string_view::npos) {
    const absl::string_view meant = MostSimilar(text, names);
    return absl::InvalidArgumentError(absl::StrCat(
        "no --deliver has the name ", text,
        meant.empty() ? "" : absl::StrCat(", did you mean ", meant, "?"),
        "; if it is a host, write smtp:", text));
  } else {
    spec = SmtpSpec(text);
  }
  const auto hop = NextHopOf(spec);
  if (!hop.ok()) return hop.status();
  return RouteList::Target{"", std::move(spec), ""};
}

// Adds a warning if the empty domain matches domains of rcpthosts.
void WarnAboutLocal(const RouteList& routes, const policy::Controls& controls,
                    std::vector<std::string>* warnings) {
  const RouteList::Route* const all = routes.Find({"", ""}, "");
  if (all == nullptr || !all->target) return;
  std::vector<std::string> domains;
  for (const policy::Line& line : controls.rcpthosts.lines().lines()) {
    // ".a.example" matches each subdomain.
    const std::string domain =
        line.text[0] == '.' ? absl::StrCat("x", line.text) : line.text;
    if (routes.Find({"", domain}, "") == all) domains.push_back(line.text);
  }
  if (domains.empty()) return;
  warnings->push_back(absl::StrCat(
      all->source, ": the line also takes the mail of ", domains[0],
      domains.size() == 1 ? ""
                          : absl::StrCat(" and ", domains.size() - 1,
                                         domains.size() == 2 ? " more domain"
                                                             : " more domains"),
      " of ", controls.rcpthosts.lines().path(), "; write ", domains[0],
      ": to deliver it as the listener does."));
}

}  // namespace

RouteList RouteList::Make(absl::string_view path,
                          const std::vector<policy::Line>& lines,
                          absl::Span<const DestinationOption> destinations,
                          std::vector<absl::Status>* errors) {
  RouteList routes;
  size_t left = policy::kMaxErrors;
  absl::flat_hash_map<std::string, size_t> indexes;  // of targets_, by spec
  for (const policy::Line& line : lines) {
    if (left == 0) break;
    const std::string source = absl::StrCat(path, ":", line.number);
    const auto wrong = [&](absl::string_view why) {
      errors->push_back(
          absl::InvalidArgumentError(absl::StrCat(source, ": ", why)));
      --left;
    };
    const size_t colon = ColonOf(line.text);
    if (colon == absl::string_view::npos) {
      wrong("there is no colon: write DOMAIN:TARGET");
      continue;
    }
    const absl::string_view text = absl::string_view(line.text);
    Route route{std::nullopt, source};
    if (const absl::string_view target = text.substr(colon + 1);
        !target.empty()) {
      auto parsed = ParseTarget(target, destinations);
      if (!parsed.ok()) {
        wrong(parsed.status().message());
        continue;
      }
      const auto [index, is_new] =
          indexes.emplace(absl::StrCat(parsed->name, "=", parsed->spec),
                          routes.targets_.size());
      if (is_new) {
        parsed->source = source;
        routes.targets_.push_back(*std::move(parsed));
      }
      route.target = index->second;
    }
    const auto [first, is_new] = routes.routes_.emplace(
        AsciiDomain(text.substr(0, colon)), std::move(route));
    if (!is_new) {
      wrong(absl::StrCat("the domain has another line already: ",
                         first->second.source));
    }
  }
  return routes;
}

const RouteList::Route* RouteList::Find(const Path& recipient,
                                        absl::string_view me) const {
  const std::string domain =
      AsciiDomain(recipient.domain.empty() ? me : recipient.domain);
  for (size_t i = 0; i <= domain.size(); ++i) {
    if (i != 0 && i != domain.size() && domain[i] != '.') continue;
    const auto found = routes_.find(absl::string_view(domain).substr(i));
    if (found != routes_.end()) return &found->second;
  }
  return nullptr;
}

std::shared_ptr<const RouteList> ReadRoutes(
    const MailOptions& options, const policy::Controls& controls,
    std::vector<absl::Status>* errors, std::vector<std::string>* warnings) {
  const std::string path = absl::StrCat(options.control, "/routes");
  const auto lines = policy::ReadControlList(path, warnings);
  if (!lines.ok()) {
    errors->push_back(lines.status());
    return nullptr;
  }
  if (!*lines) return nullptr;
  auto routes = std::make_shared<RouteList>(
      RouteList::Make(path, **lines, options.Destinations(), errors));
  std::vector<policy::Line> domains;
  for (const policy::Line& line : **lines) {
    const std::string domain = line.text.substr(0, ColonOf(line.text));
    if (!domain.empty()) domains.push_back({domain, line.number});
  }
  for (std::string& warning : policy::CheckHostLines(path, domains)) {
    warnings->push_back(std::move(warning));
  }
  WarnAboutLocal(*routes, controls, warnings);
  return routes;
}

std::shared_ptr<Delivery> FollowRoutes(
    std::shared_ptr<const RouteList> routes, std::string me,
    std::shared_ptr<Delivery> own,
    std::vector<std::shared_ptr<Delivery>> targets) {
  // A message has one transaction of each destination, so one that is both is
  // in the list once.
  const auto own_index = static_cast<size_t>(
      std::find(targets.begin(), targets.end(), own) - targets.begin());
  if (own_index == targets.size()) targets.push_back(std::move(own));
  return std::make_shared<delivery::RoutedDelivery>(
      std::move(targets), [routes = std::move(routes), me = std::move(me),
                           own_index](const Path& recipient) {
        const RouteList::Route* const route = routes->Find(recipient, me);
        return route == nullptr ? own_index : route->target.value_or(own_index);
      });
}

RecipientDestination DestinationOf(const MailService& service,
                                   const MailService::Outlet& outlet,
                                   const Path& recipient) {
  RecipientDestination found{
      outlet.destination.Format(),
      outlet.destination.name.empty()
          ? "--deliver"
          : absl::StrCat("deliver=", outlet.destination.name)};
  const RouteList::Route* const route =
      service.routes == nullptr
          ? nullptr
          : service.routes->Find(recipient, service.controls->me);
  if (route == nullptr) return found;
  found.source = route->source;
  if (!route->target) return found;
  const RouteList::Target& target = service.routes->targets()[*route->target];
  found.name =
      DestinationOption{.name = target.name, .spec = target.spec}.Format();
  return found;
}

}  // namespace postern::service
