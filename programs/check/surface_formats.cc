// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/check/surface_formats.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "log/printable.h"
#include "programs/check/grants.h"

namespace postern::programs {
namespace {

using log::Printable;
using Effect = SurfaceGroup::Effect;
using Kind = SurfaceClients::Kind;
using Json = nlohmann::ordered_json;

// What one list of the text may have.
constexpr size_t kMostRows = 40;
constexpr size_t kMostDomainsOfText = 20;
constexpr size_t kMostDomainsOfPage = 1000;
constexpr size_t kMostUnreachedOfText = 20;
constexpr size_t kWidestColumn = 44;

// One line of a table. The first column is aligned. The second one may have
// long paths.
struct Line {
  std::string first;
  std::string second;
};

struct Table {
  std::string title;
  std::vector<Line> lines;
};

std::string Title(const SurfaceGroup& group) {
  switch (group.effect) {
    case Effect::kRelay:
      return "May send to every domain";
    case Effect::kSuffix:
      return absl::StrCat("May send to every recipient, to which ",
                          Printable(group.detail), " is appended",
                          group.local ? " (a domain of this host)" : "");
    case Effect::kLocal:
      return absl::StrCat("May send to ", Printable(group.detail));
    case Effect::kNothing:
      return "May send to no recipient";
    case Effect::kDenied:
      return "Denied";
    case Effect::kOutage:
      return absl::StrCat("Get a 421: ", Printable(group.detail));
  }
  return "";
}

// What restricts or explains the right of the clients.
std::string Remark(const SurfaceClients& clients, const SurfaceReport& report) {
  std::vector<std::string> parts;
  if (clients.TrustsDns()) parts.emplace_back("trusts DNS");
  if (clients.kind == Kind::kIdent) parts.emplace_back("trusts the client");
  if (clients.kind == Kind::kUsers && report.own_senders) {
    parts.emplace_back("only with their own senders");
  }
  if (clients.claimed) parts.emplace_back("only if a proxy names it");
  return absl::StrJoin(parts, ", ");
}

// Returns "by SOURCE (REMARK)".
std::string Reason(const SurfaceClients& clients, const SurfaceReport& report) {
  std::string text;
  if (clients.rules > 1) {
    absl::StrAppend(&text, "by ", clients.rules, " rules, the first is ");
  } else if (!clients.source.empty()) {
    text = "by ";
  }
  text += Printable(clients.source);
  const std::string remark = Remark(clients, report);
  if (remark.empty()) return text;
  return text.empty() ? remark : absl::StrCat(text, " (", remark, ")");
}

// Merges the rows of addresses if there are many, and leaves out the end of the
// other rows. Returns how many rows are left out.
size_t Shorten(std::vector<SurfaceClients>* rows) {
  if (rows->size() <= kMostRows) return 0;
  std::vector<SurfaceClients> shorter;
  std::vector<net::AddressRange> ranges;
  for (SurfaceClients& row : *rows) {
    const bool addresses =
        row.kind == Kind::kAddress || row.kind == Kind::kNetwork;
    if (!addresses || row.claimed) {
      shorter.push_back(std::move(row));
      continue;
    }
    for (const net::AddressRange& range : row.addresses.Ranges()) {
      ranges.push_back(range);
    }
    if (shorter.empty() || shorter[0].kind != Kind::kNetwork) {
      row.kind = Kind::kNetwork;
      shorter.insert(shorter.begin(), std::move(row));
    } else {
      ++shorter[0].rules;
      shorter[0].prefixes.insert(shorter[0].prefixes.end(),
                                 row.prefixes.begin(), row.prefixes.end());
    }
  }
  if (!ranges.empty()) shorter[0].addresses = net::AddressSet(ranges);
  // Other clients and users come last, and must not be left out.
  size_t left_out = 0;
  std::vector<SurfaceClients> kept;
  for (SurfaceClients& row : shorter) {
    const bool always = row.kind == Kind::kOthers || row.kind == Kind::kUsers;
    if (kept.size() < kMostRows || always) {
      kept.push_back(std::move(row));
    } else {
      ++left_out;
    }
  }
  *rows = std::move(kept);
  return left_out;
}

Table GroupTable(const SurfaceGroup& group, const SurfaceReport& report,
                 bool shorten) {
  Table table;
  table.title = Title(group);
  std::vector<SurfaceClients> rows = group.clients;
  const size_t left_out = shorten ? Shorten(&rows) : 0;
  for (const SurfaceClients& row : rows) {
    Line line;
    line.second = Reason(row, report);
    // The reason follows the first of several networks.
    for (std::string& text : WhoTexts(row, shorten ? kMostRows : 0)) {
      line.first = std::move(text);
      table.lines.push_back(line);
      line = Line();
    }
  }
  if (left_out > 0) {
    table.lines.push_back(
        {absl::StrCat("and the clients of ", left_out, " more rules"), ""});
  }
  return table;
}

Table DomainTable(const SurfaceReport& report, size_t most) {
  Table table;
  table.title = "Entries that accept mail from every client";
  const auto add = [&table](const ListedDomain& domain,
                            absl::string_view remark) {
    table.lines.push_back({Printable(domain.entry),
                           absl::StrCat(Printable(domain.source), remark)});
  };
  size_t left = report.domains.size();
  for (const ListedDomain& domain : report.wide_domains) {
    if (table.lines.size() == most) break;
    add(domain, " (a whole top-level domain, or more)");
    --left;
  }
  for (const ListedDomain& domain : report.domains) {
    if (table.lines.size() == most) break;
    if (IsWideDomain(domain.entry)) continue;
    add(domain, "");
    --left;
  }
  if (left > 0) {
    table.lines.push_back({absl::StrCat("and ", left, " more"), ""});
  }
  return table;
}

Table ClaimantTable(const SurfaceReport& report) {
  Table table;
  table.title = "May claim to be any client";
  for (const policy::Claimant& claimant : report.claimants) {
    std::string what = "any address";
    if (claimant.names) absl::StrAppend(&what, ", any host name");
    if (claimant.users) absl::StrAppend(&what, ", any user");
    table.lines.push_back(
        {Printable(claimant.peers),
         absl::StrCat(Printable(claimant.source), ": ", what)});
  }
  return table;
}

Table OutsideTable(const SurfaceReport& report) {
  Table table;
  table.title = "Not part of the proof";
  for (const policy::OutsideCheck& check : report.outside) {
    table.lines.push_back(
        {check.rule,
         absl::StrCat(Printable(check.by), check.by.empty() ? "" : ": ",
                      check.accepts ? "may accept" : "may only refuse")});
  }
  if (report.trusts_dns) {
    table.lines.push_back(
        {"DNS", "decides which client has a host name of a rule"});
  }
  table.lines.push_back(
      {"the next hop", "may read % or ! in a local part as a route"});
  return table;
}

Table UnreachedTable(const SurfaceReport& report, size_t most) {
  Table table;
  table.title = "Never used";
  for (const UnreachedEntry& each : report.unreached) {
    if (table.lines.size() == most) {
      table.lines.push_back(
          {absl::StrCat("and ", report.unreached.size() - most, " more"), ""});
      break;
    }
    table.lines.push_back(
        {absl::StrCat(each.list, " ", Printable(each.entry.entry)),
         absl::StrCat(Printable(each.entry.source), ": ",
                      Printable(each.entry.why))});
  }
  return table;
}

// Sentences that no table has.
std::vector<std::string> Remarks(const SurfaceReport& report) {
  std::vector<std::string> remarks;
  if (report.must_authenticate) {
    remarks.emplace_back(
        "Every listener requires AUTH: the rights are those of authenticated "
        "users.");
  }
  if (report.names_precede) {
    remarks.emplace_back(
        "A rule for a whole host name precedes rules for networks.");
  }
  if (report.refused_senders > 0) {
    remarks.push_back(absl::StrCat(
        "No client may use the senders of ", report.refused_senders,
        report.refused_senders == 1 ? " entry" : " entries",
        " of badmailfrom."));
  }
  for (const std::string& note : report.notes) {
    remarks.push_back(Printable(note));
  }
  return remarks;
}

std::vector<Table> Tables(const SurfaceReport& report, bool shorten) {
  std::vector<Table> tables;
  for (const SurfaceGroup& group : report.groups) {
    tables.push_back(GroupTable(group, report, shorten));
  }
  tables.push_back(
      DomainTable(report, shorten ? kMostDomainsOfText : kMostDomainsOfPage));
  tables.push_back(ClaimantTable(report));
  tables.push_back(UnreachedTable(
      report, shorten ? kMostUnreachedOfText : report.unreached.size()));
  tables.push_back(OutsideTable(report));
  tables.erase(
      std::remove_if(tables.begin(), tables.end(),
                     [](const Table& table) { return table.lines.empty(); }),
      tables.end());
  return tables;
}

// Returns the width of the first column. Some texts may be wider.
size_t Width(const std::vector<Table>& tables) {
  size_t width = 0;
  for (const Table& table : tables) {
    for (const Line& line : table.lines) {
      const size_t size = line.first.size();
      if (size <= kWidestColumn) width = std::max(width, size);
    }
  }
  return width;
}

std::string Escape(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped.push_back(c);
    }
  }
  return escaped;
}

std::string Element(absl::string_view name, absl::string_view text) {
  return absl::StrCat("<", name, ">", Escape(text), "</", name, ">\n");
}

absl::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kIdent:
      return "ident";
    case Kind::kAddress:
      return "address";
    case Kind::kName:
      return "name";
    case Kind::kNetwork:
      return "network";
    case Kind::kSuffix:
      return "suffix";
    case Kind::kAnyName:
      return "any-name";
    case Kind::kOthers:
      return "others";
    case Kind::kUsers:
      return "users";
  }
  return "";
}

absl::string_view EffectName(Effect effect) {
  switch (effect) {
    case Effect::kRelay:
      return "relay";
    case Effect::kSuffix:
      return "suffix";
    case Effect::kLocal:
      return "local";
    case Effect::kNothing:
      return "nothing";
    case Effect::kDenied:
      return "denied";
    case Effect::kOutage:
      return "outage";
  }
  return "";
}

Json ClientsJson(const SurfaceClients& clients) {
  Json json;
  json["kind"] = std::string(KindName(clients.kind));
  if (clients.kind == Kind::kAddress || clients.kind == Kind::kNetwork) {
    json["networks"] = clients.addresses.Texts();
    for (const TextPrefix& prefix : clients.prefixes) {
      json["prefixes"].push_back(
          {{"prefix", prefix.prefix}, {"except", prefix.except}});
    }
  } else if (!clients.name.empty() && clients.kind != Kind::kOthers) {
    json["name"] = clients.name;
  }
  if (!clients.source.empty()) json["source"] = clients.source;
  if (clients.TrustsDns()) json["trusts_dns"] = true;
  if (clients.claimed) json["claimed"] = true;
  if (clients.no_address) json["unix_socket"] = true;
  return json;
}

Json DomainsJson(const std::vector<ListedDomain>& domains) {
  Json list = Json::array();
  for (const ListedDomain& domain : domains) {
    list.push_back({{"entry", domain.entry}, {"source", domain.source}});
  }
  return list;
}

constexpr char kStyle[] =
    "body{font:16px/1.4 sans-serif;max-width:60em;margin:auto;padding:0 1em}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "td,th{text-align:left;vertical-align:top;padding:.2em .6em .2em 0;"
    "overflow-wrap:anywhere;border-bottom:1px solid #ccc}\n"
    "th{font-weight:inherit}\n"
    "@media print{body{font-size:10pt}h2{break-after:avoid}"
    "tr{break-inside:avoid}}\n";

}  // namespace

std::string SurfaceText(const SurfaceReport& report) {
  const std::vector<Table> tables = Tables(report, /*shorten=*/true);
  const size_t width = Width(tables);
  std::string text;
  for (const Table& table : tables) {
    absl::StrAppend(&text, table.title, ":\n");
    for (const Line& line : table.lines) {
      absl::StrAppend(&text, "  ", line.first);
      if (!line.second.empty()) {
        const size_t size = line.first.size();
        text.append(size < width ? width - size : 0, ' ');
        absl::StrAppend(&text, "  ", line.second);
      }
      text += "\n";
    }
    text += "\n";
  }
  for (const std::string& remark : Remarks(report)) {
    absl::StrAppend(&text, remark, "\n");
  }
  absl::StrAppend(&text, "Relay surface: ", report.summary, ".\n");
  return text;
}

nlohmann::ordered_json SurfaceJson(const SurfaceReport& report) {
  Json json;
  json["summary"] = report.summary;
  json["groups"] = Json::array();
  for (const SurfaceGroup& group : report.groups) {
    Json each;
    each["effect"] = std::string(EffectName(group.effect));
    each["text"] = EffectText(group);
    if (group.effect == Effect::kSuffix) {
      each["suffix"] = group.detail;
      each["local"] = group.local;
    }
    each["clients"] = Json::array();
    for (const SurfaceClients& clients : group.clients) {
      each["clients"].push_back(ClientsJson(clients));
    }
    json["groups"].push_back(std::move(each));
  }
  json["must_authenticate"] = report.must_authenticate;
  json["own_senders"] = report.own_senders;
  json["refused_senders"] = report.refused_senders;
  json["domains"] = DomainsJson(report.domains);
  json["wide_domains"] = DomainsJson(report.wide_domains);
  json["claimants"] = Json::array();
  for (const policy::Claimant& claimant : report.claimants) {
    json["claimants"].push_back({{"peers", claimant.peers},
                                 {"source", claimant.source},
                                 {"names", claimant.names},
                                 {"users", claimant.users}});
  }
  json["outside"] = Json::array();
  for (const policy::OutsideCheck& check : report.outside) {
    json["outside"].push_back({{"rule", check.rule},
                               {"by", check.by},
                               {"may_accept", check.accepts}});
  }
  json["trusts_dns"] = report.trusts_dns;
  json["unreached"] = Json::array();
  for (const UnreachedEntry& each : report.unreached) {
    json["unreached"].push_back({{"list", each.list},
                                 {"entry", each.entry.entry},
                                 {"source", each.entry.source},
                                 {"why", each.entry.why}});
  }
  json["notes"] = report.notes;
  return json;
}

std::string SurfacePage(const SurfaceReport& report, absl::string_view host) {
  const std::string title = absl::StrCat("Relay surface of ", Printable(host));
  std::string summary = absl::StrCat(report.summary, ".");
  summary[0] = absl::ascii_toupper(static_cast<unsigned char>(summary[0]));
  std::string page = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n",
      Element("title", title), "<style>\n", kStyle, "</style>\n</head>\n",
      "<body>\n", Element("h1", title), Element("p", summary));
  for (const Table& table : Tables(report, /*shorten=*/false)) {
    absl::StrAppend(&page, "<section>\n", Element("h2", table.title),
                    "<table>\n");
    for (const Line& line : table.lines) {
      absl::StrAppend(&page, "<tr><th scope=\"row\">", Escape(line.first),
                      "</th><td>", Escape(line.second), "</td></tr>\n");
    }
    absl::StrAppend(&page, "</table>\n</section>\n");
  }
  for (const std::string& remark : Remarks(report)) {
    absl::StrAppend(&page, Element("p", remark));
  }
  absl::StrAppend(&page, "</body>\n</html>\n");
  return page;
}

}  // namespace postern::programs
