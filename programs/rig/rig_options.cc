// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/rig_options.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "programs/rig/http_guard.h"
#include "rig/users.h"
#include "service/mail_options.h"
#include "service/options.h"
#include "system/standard_descriptors.h"

namespace postern::programs {
namespace {

constexpr char kProgram[] = "postern rig";
constexpr int kUsageExit = 100;  // from djb's tools

constexpr char kHead[] =
    "Usage: postern rig [OPTION]...\n"
    "\n"
    "Runs an SMTP server for tests: it accepts all mail, delivers none, keeps\n"
    "the messages in memory, shows them on a page and over HTTP, and fails\n"
    "where a test says so. It ends at SIGTERM or SIGINT, with exit code 1 if\n"
    "a fault with times= has applied less often, or if a message could not be\n"
    "written to the directory of --dir.\n"
    "\n";
constexpr char kFoot[] = "\nSee postern-rig(8).\n";

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    service::kConfigRow,
    {"smtp", "ADDRESS [127.0.0.1:1025]",
     "listen for SMTP there; port 0 is a free one"},
    {"http", "ADDRESS [127.0.0.1:8025]",
     "listen for HTTP there; not a Unix socket"},
    {"no-http", "", "no page and no HTTP interface"},
    {"allow-remote", "",
     "let --smtp and --http be addresses that other hosts\n"
     "reach: all who reach them can read and delete mail"},
    {"http-host", "NAME",
     "a name of this host that HTTP requests may use, in\n"
     "addition to localhost and to addresses; may be\nrepeated",
     service::OptionRow::From::kAnywhere, true},
    {"dir", "DIR", "write each message to DIR as NUMBER.eml and .json"},
    service::kRecordRow,
    service::kRecordBodiesRow,
    {"script", "FILE", "faults, one in a line: see postern-rig(8)"},
    {"no-address-faults", "",
     "addresses such as rcpt-450@x.example are ordinary"},
    {"host-name", "NAME [rig.example]",
     "the name of the server in replies and certificates"},
    {"certificate-name", "NAME",
     "another name or address for the certificate; may be\nrepeated",
     service::OptionRow::From::kAnywhere, true},
    {"tls", "MODE [starttls]",
     "starttls: offer it; first: connections begin with\nTLS; none"},
    {"ca-file", "FILE",
     "write the certificate of the authority there, for\nthe client"},
    {"require-tls", "", "refuse mail without TLS"},
    {"auth-user", "NAME:PASSWORD", "a user for AUTH; may be repeated",
     service::OptionRow::From::kAnywhere, true},
    {"auth-token", "NAME:TOKEN",
     "a user for AUTH with OAUTHBEARER and XOAUTH2; may be\nrepeated",
     service::OptionRow::From::kAnywhere, true},
    {"mechanism", "NAME",
     "offer this SASL mechanism; may be repeated; default:\n"
     "all that the users can use",
     service::OptionRow::From::kAnywhere, true},
    {"require-auth", "", "refuse mail without AUTH"},
    {"show-passwords", "", "show passwords in transcripts"},
    {"lmtp", "", "speak LMTP (RFC 2033)"},
    {"max-message-size", "OCTETS [52428800]", "the limit of SIZE; 0: none"},
    {"max-messages", "N [10000]",
     "keep that many messages, and sessions; then drop the\noldest"},
    {"max-megabytes", "N [256]",
     "keep that many MiB of messages; then drop the oldest"},
    {"command-timeout", "SECONDS [300]", "how long a client may be silent"},
    {"ready-fd", "N",
     "write the addresses of SMTP and HTTP there, one per\n"
     "line, when they are open"},
};

// Reads an address for --smtp or --http.
std::optional<net::ListenAddress> ReadAddress(service::Options* given,
                                              absl::string_view option,
                                              absl::string_view otherwise,
                                              bool allow_remote) {
  const std::string text = given->Text(option, otherwise);
  auto address = net::ListenAddress::Parse(text);
  if (!address.ok()) {
    given->Mistake(
        absl::StrCat(given->Place(option), ": ", address.status().message()));
    return std::nullopt;
  }
  if (!allow_remote && !IsLoopback(*address)) {
    given->Mistake(absl::StrCat(
        given->Place(option), ": other hosts can reach ", text,
        ", and a rig has no access control; --allow-remote permits it"));
    return std::nullopt;
  }
  return *std::move(address);
}

// Reads the values NAME:SECRET of an option into `users`, into their member
// `secret`.
void ReadUsers(service::Options* given, absl::string_view option,
               std::string rig::User::*secret, std::vector<rig::User>* users) {
  const std::vector<std::string> values = given->List(option);
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string& value = values[i];
    const size_t colon = value.find(':');
    if (colon == 0 || colon == std::string::npos || colon + 1 == value.size()) {
      given->Mistake(absl::StrCat(given->Place(option, i),
                                  ": not a name, a colon and a secret"));
      continue;
    }
    const std::string name = value.substr(0, colon);
    auto user = std::find_if(users->begin(), users->end(),
                             [&](const auto& u) { return u.name == name; });
    if (user == users->end()) user = users->insert(user, {name, "", ""});
    (*user).*secret = value.substr(colon + 1);
  }
}

// Reads the names of --http-host. A name that no field Host can have is a
// mistake.
void ReadHosts(service::Options* given, std::vector<std::string>* names) {
  const std::vector<std::string> values = given->List("http-host");
  for (size_t i = 0; i < values.size(); ++i) {
    std::string name = HostName(values[i]);
    const bool plain =
        !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                 absl::StrContains(".-_:", c);
        });
    if (plain) {
      names->push_back(std::move(name));
    } else {
      given->Mistake(absl::StrCat(given->Place("http-host", i),
                                  ": not the name of a host: ", values[i]));
    }
  }
}

void ReadRig(service::Options* given, rig::Options* rig) {
  rig->host_name = given->Text("host-name", rig->host_name);
  const bool is_name =
      rig->host_name.size() <= 255 &&
      std::all_of(rig->host_name.begin(), rig->host_name.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '.' || c == '-';
      });
  if (!is_name) {
    given->Mistake(absl::StrCat(given->Place("host-name"),
                                ": not a host name: ", rig->host_name));
  }
  for (std::string& name : given->List("certificate-name")) {
    rig->certificate_names.push_back(std::move(name));
  }
  rig->tls = given->Choice("tls", rig::TlsMode::kStartTls,
                           {{"starttls", rig::TlsMode::kStartTls},
                            {"first", rig::TlsMode::kFirst},
                            {"none", rig::TlsMode::kNone}});
  rig->require_tls = given->Flag("require-tls");
  rig->require_auth = given->Flag("require-auth");
  rig->lmtp = given->Flag("lmtp");
  rig->show_passwords = given->Flag("show-passwords");
  rig->address_faults = !given->Flag("no-address-faults");
  ReadUsers(given, "auth-user", &rig::User::password, &rig->users);
  ReadUsers(given, "auth-token", &rig::User::token, &rig->users);
  rig->mechanisms = given->List("mechanism");
  for (size_t i = 0; i < rig->mechanisms.size(); ++i) {
    if (rig::Users::Serves(rig->mechanisms[i])) continue;
    given->Mistake(absl::StrCat(given->Place("mechanism", i),
                                ": a rig does not have ", rig->mechanisms[i]));
  }
  if (rig->require_tls && rig->tls == rig::TlsMode::kNone) {
    given->Mistake("--require-tls and --tls none refuse all mail");
  }
  if (rig->require_auth && rig->users.empty() &&
      std::count(rig->mechanisms.begin(), rig->mechanisms.end(), "EXTERNAL") ==
          0) {
    given->Mistake("--require-auth needs --auth-user or --auth-token");
  }
  rig->max_message_size = static_cast<uint64_t>(
      given->Number("max-message-size", 50 << 20, 0, 1000000000));
  rig->max_messages =
      static_cast<size_t>(given->Number("max-messages", 10000, 1, 1000000));
  rig->max_octets =
      static_cast<size_t>(given->Number("max-megabytes", 256, 1, 1 << 20))
      << 20;
  rig->command_timeout =
      absl::Seconds(given->Number("command-timeout", 300, 1, 24 * 60 * 60));
}

}  // namespace

std::optional<RigOptions> ReadRigOptions(int argc, char** argv,
                                         int* exit_code) {
  service::Options given(kRows);
  given.Read({argv, static_cast<size_t>(argc)}, getenv);
  *exit_code = 0;
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return std::nullopt;
  RigOptions options;
  options.ready_fd = given.Number("ready-fd", -1, 1, 1023);
  if (options.ready_fd == STDERR_FILENO) {
    given.Mistake("--ready-fd: descriptor 2 is the log's");
  } else if (options.ready_fd > 0) {
    const absl::Status taken = system::TakeInheritedOutput(options.ready_fd);
    if (!taken.ok()) {
      given.Mistake(absl::StrCat("--ready-fd: ", taken.message()));
    }
  }
  const bool remote = given.Flag("allow-remote");
  const auto smtp = ReadAddress(&given, "smtp", "127.0.0.1:1025", remote);
  if (smtp) options.rig.address = given.Text("smtp", "127.0.0.1:1025");
  const bool no_http = given.Flag("no-http");
  if (!no_http) {
    options.http = ReadAddress(&given, "http", "127.0.0.1:8025", remote);
  } else if (given.IsGiven("http")) {
    given.Mistake("--http and --no-http exclude each other");
  }
  if (options.http && !options.http->path.empty()) {
    given.Mistake(absl::StrCat(given.Place("http"),
                               ": HTTP needs a port, not a Unix socket"));
  }
  ReadHosts(&given, &options.http_hosts);
  options.directory = given.Text("dir", "");
  options.record = given.Text("record", "");
  options.record_bodies = given.Flag("record-bodies");
  if (options.record_bodies && options.record.empty()) {
    given.Mistake("--record-bodies: needs --record");
  }
  options.script = given.Text("script", "");
  options.ca_file = given.Text("ca-file", "");
  ReadRig(&given, &options.rig);
  if (!given.operands().empty()) {
    given.Mistake(absl::StrCat("unknown argument ", given.operands()[0]));
  }
  if (!given.Complain(kProgram)) return options;
  *exit_code = kUsageExit;
  return std::nullopt;
}

}  // namespace postern::programs
