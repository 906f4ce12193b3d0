// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/destination_section.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "log/printable.h"
#include "nlohmann/json.hpp"
#include "programs/serve/listen_option.h"
#include "service/route_list.h"

namespace postern::programs {
namespace {

// No destination takes only some remote recipients, so any one will do.
constexpr char kRemoteDomain[] = "remote.invalid";

}  // namespace

Section DestinationSection(const ServeOptions& options,
                           const service::MailService& service) {
  Section section;
  if (options.listen.empty()) return section;
  section.text = "Mail goes to:\n";
  nlohmann::ordered_json listeners = nlohmann::ordered_json::array();
  for (const ListenOption& listen : options.listen) {
    const auto outlet = service.OutletTo(listen.deliver);
    if (outlet == nullptr) continue;
    // The last one is the listener's own: see MailService::Outlet.
    const bool remote =
        outlet->reaches.back()->ServesRemote({"u", kRemoteDomain});
    const std::string destination = outlet->destination.Format();
    absl::StrAppend(
        &section.text, "  ", log::Printable(listen.Where()), "  ",
        log::Printable(destination), " (",
        remote ? "local and remote recipients" : "local recipients only",
        ")\n");
    listeners.push_back({{"listener", listen.Where()},
                         {"destination", destination},
                         {"remote", remote}});
  }
  section.members.emplace_back("listeners", std::move(listeners));
  if (service.routes == nullptr) return section;
  nlohmann::ordered_json targets = nlohmann::ordered_json::array();
  absl::StrAppend(&section.text, "  ", service.routes->size(),
                  service.routes->size() == 1 ? " domain" : " domains", " by ",
                  log::Printable(options.control), "/routes:\n");
  for (const service::RouteList::Target& target : service.routes->targets()) {
    const std::string destination =
        service::DestinationOption{.name = target.name, .spec = target.spec}
            .Format();
    absl::StrAppend(&section.text, "    ", log::Printable(destination),
                    ", first in line ",
                    target.source.substr(target.source.rfind(':') + 1), "\n");
    targets.push_back(
        {{"destination", destination}, {"source", target.source}});
  }
  section.members.emplace_back(
      "routes", nlohmann::ordered_json{{"domains", service.routes->size()},
                                       {"destinations", std::move(targets)}});
  return section;
}

}  // namespace postern::programs
