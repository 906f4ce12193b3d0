// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/serve_options.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "net/tls_context.h"
#include "policy/check_list.h"
#include "policy/greylisting/greylist_options.h"
#include "programs/serve/systemd.h"
#include "service/certificate_options.h"
#include "service/destination.h"
#include "service/mail_options.h"
#include "service/mail_service.h"
#include "service/options.h"
#include "service/route_list.h"
#include "system/session_variables.h"
#include "system/standard_descriptors.h"

namespace postern::programs {
namespace {

// djb's tools: wrong usage.
constexpr int kUsage = 100;

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    {"config", "FILE",
     "read options from FILE in place of\n"
     "/etc/postern/postern.conf, which is read if it\n"
     "exists; none: read no file. See postern-config(7)",
     service::OptionRow::From::kCommandLine},
    {"listen", "ADDRESS:PORT[,WORD]...",
     "where to listen; may be repeated:\n"
     "192.0.2.1:25, [2001:db8::1]:25, *:25 or\n"
     "unix:PATH, or systemd:NAME, sockets that are\n"
     "passed. WORDs: tls (from the first byte),\n"
     "require-tls (530 before STARTTLS), no-tls (no\n"
     "STARTTLS), proxy (a PROXY header names the\n"
     "client), auth or auth=MECHANISM+MECHANISM...\n"
     "(AUTH is offered), submission (the same, and\n"
     "530 before it), lmtp (LMTP in place of SMTP),\n"
     "deliver=NAME (the mail goes to --deliver NAME=);\n"
     "tls-min=VERSION, ciphers=LIST,\n"
     "cert=FILE, key=FILE, client-ca=FILE or\n"
     "no-client-ca (in place of the options\n"
     "--tls-min, --tls-ciphers and so on); tickets or\n"
     "no-tickets (TLS session tickets; without either:\n"
     "with submission). In a file also a section\n"
     "[listen ADDRESS] with a key for each WORD",
     service::OptionRow::From::kAnywhere, true, true},
    service::kControlRow,
    {"deliver", "[NAME=]SPEC [qmail-queue]",
     "a delivery of mail: see below; may be repeated\n"
     "with names, for --listen ADDRESS,deliver=NAME.\n"
     "In a file also a section [deliver NAME] with the\n"
     "key to = SPEC",
     service::OptionRow::From::kAnywhere, true, true},
    {"rules", "CDB",
     "tcpserver's rules, made by tcprules: who may\n"
     "connect, and relay"},
    {"rules-optional", "", "serve all clients if the file is missing"},
    {"host-names", "",
     "look up clients' host names, and confirm them,\n"
     "for rules that have names"},
    {"resolver", "ADDRESS[:PORT]",
     "a name server for --host-names, --dns-list, --spf\n"
     "and --sender-domain-exists; may be repeated; default:\n"
     "those of /etc/resolv.conf",
     service::OptionRow::From::kAnywhere, true},
    {"silent-deny", "",
     "close connections of denied clients without a\n"
     "reply, as tcpserver does; default: 554"},
    service::kOpenRelayRow,
    service::kSendersRow,
    service::kExtensionSeparatorsRow,
    service::kTlsCertRow,
    service::kTlsKeyRow,
    service::kClientCaRow,
    service::kTlsMinRow,
    service::kTlsCiphersRow,
    {"proxy-from", "NETWORK", "accept PROXY headers from this network",
     service::OptionRow::From::kAnywhere, true},
    {"xclient-from", "NETWORK",
     "offer XCLIENT to hosts of this network, which may\n"
     "then name another client: 192.0.2.0/24",
     service::OptionRow::From::kAnywhere, true},
    {"max-connections", "N [1000]",
     "connections at one time in total; 421 above"},
    {"max-per-client", "N [50]",
     "connections at one time from one IPv4 address or\n"
     "IPv6 /64; 0: no limit"},
    {"max-rate", "N [0]", "new ones per minute from the same; 0: no limit"},
    {"unlimited", "NETWORK", "a network without limits for one client",
     service::OptionRow::From::kAnywhere, true},
    {"rate-limit", "WHO:WHAT=N/TIME",
     "refuse more of WHAT (messages, recipients, bytes)\n"
     "in TIME (30s, 10m, 1h, 1d) of one client, user,\n"
     "sender or sender-domain (450); may be repeated:\n"
     "user:recipients=200/1h",
     service::OptionRow::From::kAnywhere, true},
    {"shared-state", "SERVER[,WORD]...",
     "count --rate-limit, --greylist and failed AUTH\n"
     "attempts together with other servers, in a Redis:\n"
     "redis:HOST[:PORT], redis:unix:PATH or rediss:HOST\n"
     "(TLS), and [,db=N][,auth=FILE][,user=NAME]\n"
     "[,ca=FILE][,prefix=TEXT][,timeout=SECONDS]"},
    {"max-recipients", "N [1000]", "recipients of a message; 452 above"},
    {"max-errors", "N [20]", "refused commands before a session ends (421)"},
    {"max-invalid-recipients", "N [100]",
     "refused recipients before a session ends (421);\n"
     "0: no limit"},
    service::kAuthRow,
    service::kCramMd5Row,
    service::kSaslConfigRow,
    service::kSaslRealmRow,
    service::kAuthInsecureRow,
    service::kAuthOldClientsRow,
    service::kShowUserRow,
    service::kIgnoreAuthzidRow,
    service::kMaxAuthFailuresRow,
    {"max-client-failures", "N [30]",
     "failed AUTH attempts in ten minutes from one IPv4\n"
     "address or IPv6 /64, with outages; 0: no limit"},
    {"max-user-failures", "N [10]",
     "wrong passwords in ten minutes from the same for\n"
     "one user; 0: no limit"},
    service::kAuthDelayRow,
    {"auth-threads", "N [8]", "threads that check passwords"},
    service::kSessionTimeoutRow,
    service::kBareNewlinesRow,
    service::kLenientRow,
    service::kGreetDelayRow,
    service::kMinRateRow,
    service::kRateGraceRow,
    service::kPipeliningRow,
    kRspamdRow,
    kRspamdTimeoutRow,
    kRspamdDownRow,
    kRspamdMaxSizeRow,
    kRspamdPasswordFileRow,
    kRspamdSpoolRow,
    kPartialDeliveryRow,
    service::kLogFormatRow,
    service::kRecordRow,
    service::kRecordBodiesRow,
    {"threads", "N [0]",
     "event loops; 0: one for each processor that the\n"
     "process may use"},
    {"blocking-threads", "N [64]", "threads that wait for disks and programs"},
    {"drain", "N [30]",
     "seconds that sessions may take to end after\n"
     "SIGTERM; after that they are closed"},
    {"ready-fd", "N",
     "write the addresses of the listeners there, one\nper line, when they are "
     "open"},
    {"user", "NAME", "become NAME after the listeners are open"},
    {"pass-environment", "NAME",
     "a variable that child processes inherit, besides\n"
     "PATH, LANG, LC_*, TZ and TMPDIR; may be repeated",
     service::OptionRow::From::kAnywhere, true},
    {"metrics", "ADDRESS:PORT",
     "answer /metrics (Prometheus) and /healthz at this\n"
     "address, over HTTP"},
};

constexpr char kHead[] =
    "Usage: postern serve --listen ADDRESS:PORT [OPTION]...\n"
    "\n"
    "Receives mail by SMTP, and decides for each recipient whether to accept "
    "it.\n"
    "\n";
constexpr char kFoot[] =
    "\n"
    "Each option is also a line of /etc/postern/postern.conf or of --config "
    "FILE\n"
    "(control = /etc/postern) and an environment variable (POSTERN_CONTROL). "
    "After\n"
    "SIGHUP this file, the control files, the certificates and the rules are "
    "read\n"
    "again. SIGTERM ends sessions at their next safe point; "
    "a "
    "second\n"
    "SIGTERM ends the server within a second. See postern(8).\n";

// Adds a mistake for each key of a section that is no word of a listener.
// Returns whether there is one.
bool HasUnknownKey(const service::OptionValue& section,
                   service::Options* given) {
  const std::vector<absl::string_view> words = ListenOption::WordNames();
  bool unknown = false;
  for (const service::OptionValue::Key& key : section.keys) {
    if (std::find(words.begin(), words.end(), key.name) != words.end()) {
      continue;
    }
    unknown = true;
    absl::string_view place = key.place;
    absl::ConsumeSuffix(&place, absl::StrCat(": ", key.name));
    if (given->Has(key.name)) {
      given->Mistake(place, absl::StrCat(key.name,
                                         " is not a key of a listener; write "
                                         "it above the first section"));
      continue;
    }
    const absl::string_view meant = service::MostSimilar(key.name, words);
    given->Mistake(
        place,
        absl::StrCat(
            "unknown key ", key.name, " of a listener",
            meant.empty() ? "" : absl::StrCat("; did you mean ", meant, "?")));
  }
  return unknown;
}

// Returns the networks of an option. Mistakes are added to `given`.
net::NetworkList ReadNetworks(absl::string_view name, service::Options* given) {
  const std::vector<std::string> entries = given->List(name);
  absl::StatusOr<net::NetworkList> list = net::NetworkList::Parse(entries);
  if (list.ok()) return *std::move(list);
  for (size_t i = 0; i < entries.size(); ++i) {
    const absl::Status status = net::Network::Parse(entries[i]).status();
    if (status.ok()) continue;
    given->Mistake(absl::StrCat(given->Place(name, i), ": ", status.message()));
  }
  return {};
}

// Checks the descriptor of --ready-fd. To be called before this process opens
// files, which could have the same descriptor.
void CheckReadyFd(int fd, service::Options* given) {
  if (fd < 0) return;
  absl::Status status;
  if (fd == STDERR_FILENO) {
    status = absl::InvalidArgumentError("descriptor 2 is the log's");
  } else if (fd > STDERR_FILENO && fd <= STDERR_FILENO + CountPassedSockets()) {
    status = absl::InvalidArgumentError(
        absl::StrCat("descriptor ", fd, " is a socket that systemd passes"));
  } else {
    status = system::TakeInheritedOutput(fd);
  }
  if (!status.ok()) {
    given->Mistake(absl::StrCat("--ready-fd: ", status.message()));
  }
}

// Returns the mistake in `spec` itself, which a file or another server cannot
// correct.
absl::Status CheckSpelling(absl::string_view spec) {
  const absl::string_view kind = spec.substr(0, spec.find(':'));
  const absl::Span<const service::DeliveryRow> rows = service::DeliveryRows();
  if (std::none_of(rows.begin(), rows.end(),
                   [kind](const auto& row) { return row.kind == kind; })) {
    return service::CheckDestination(spec);  // its error lists the kinds
  }
  for (const absl::Status& status :
       {service::NextHopOf(spec).status(), service::QueueOf(spec).status()}) {
    if (status.ok() || absl::IsNotFound(status)) continue;
    // As service::MakeDestination() says it.
    return absl::InvalidArgumentError(
        absl::StrCat("delivery \"", spec, "\": ", status.message()));
  }
  return absl::OkStatus();
}

void CheckSpellings(service::Options* given) {
  using service::DestinationOption;
  for (const service::OptionValue& value : given->Values("deliver")) {
    const auto parsed = value.is_section
                            ? DestinationOption::ParseSection(value)
                            : DestinationOption::Parse(value.text);
    if (!parsed.ok()) continue;  // it is named already
    const absl::Status status = CheckSpelling(parsed->spec);
    if (status.ok()) continue;
    given->Mistake(value.PlaceOf(value.is_section
                                     ? absl::StrCat("to: ", status.message())
                                     : std::string(status.message())));
  }
}

// Checks the destinations and the listeners that choose them. `places` are
// those of the listeners.
void CheckDestinations(const ServeOptions& options,
                       const std::vector<std::string>& places,
                       service::Options* given) {
  std::vector<absl::string_view> names;
  for (const service::DestinationOption& each : options.destinations) {
    names.push_back(each.name);
    for (const service::DeliveryRow& row : service::DeliveryRows()) {
      if (each.name != row.kind) continue;
      // In control/routes it could be either.
      given->Mistake(absl::StrCat(given->Place("deliver"), ": \"", each.name,
                                  "\" is a kind of delivery and cannot be a "
                                  "name"));
    }
  }
  for (size_t i = 0; i < options.listen.size(); ++i) {
    const std::string& name = options.listen[i].deliver;
    const std::string where =
        absl::StrCat(places[i], ": ", options.listen[i].Where());
    if (name.empty()) {
      if (!options.deliver.empty()) continue;
      given->Mistake(absl::StrCat(where,
                                  ": needs deliver=NAME, because each "
                                  "--deliver has a name"));
    } else if (std::find(names.begin(), names.end(), name) == names.end()) {
      const absl::string_view meant = service::MostSimilar(name, names);
      given->Mistake(absl::StrCat(
          where, ": no --deliver has the name ", name,
          meant.empty() ? "" : absl::StrCat("; did you mean ", meant, "?")));
    }
  }
  // control/routes may name a destination that no listener has.
  const std::string routes = absl::StrCat(options.control, "/routes");
  if (options.listen.empty() || access(routes.c_str(), F_OK) == 0) return;
  for (const absl::string_view name : names) {
    if (std::any_of(
            options.listen.begin(), options.listen.end(),
            [name](const auto& each) { return each.deliver == name; })) {
      continue;
    }
    given->Mistake(absl::StrCat("--deliver ", name,
                                ": no listener and no route uses it; write "
                                "deliver=",
                                name, " after the address of --listen"));
  }
}

// Checks options that depend on each other. `places` are those of the
// listeners.
void Check(const ServeOptions& options, const std::vector<std::string>& places,
           service::Options* given) {
  CheckDestinations(options, places, given);
  bool auth = false;
  bool certificate = !options.certificates.empty();
  for (size_t i = 0; i < options.listen.size(); ++i) {
    const ListenOption& listen = options.listen[i];
    const std::string where = absl::StrCat(places[i], ": ", listen.Where());
    certificate = certificate || !listen.certificates.empty();
    if (listen.auth && options.auth.specs.empty()) {
      given->Mistake(absl::StrCat(where, ": needs --auth"));
    }
    auth = auth || listen.auth;
    if (listen.HasTls(options)) {
      const absl::Status ciphers = CheckCiphers(options, listen);
      if (!ciphers.ok()) given->Mistake(ciphers.message());
    } else if (listen.WantsTls()) {
      given->Mistake(absl::StrCat(where, ": needs --tls-cert or cert=FILE"));
    }
    // The permissions of a Unix socket control which proxies can connect.
    const bool local = listen.passed.empty() && !listen.address.path.empty();
    if (listen.options.proxy && !local && options.proxies.empty()) {
      given->Mistake(absl::StrCat(where, ": needs --proxy-from"));
    }
  }
  if (!options.auth.specs.empty() && !auth) {
    given->Mistake(absl::StrCat(given->Place("auth"),
                                ": no --listen says submission or auth"));
  }
  service::NeedCertificate(certificate, given);
  if (options.shared_state && options.rate_limits.empty() &&
      !options.greylist && options.auth.specs.empty()) {
    given->Mistake(absl::StrCat(given->Place("shared-state"),
                                ": needs --rate-limit, --greylist or --auth: "
                                "nothing else is shared"));
  }
}

}  // namespace

namespace {

// The options that a running server can change, besides those of the checks.
// The others are read by parts of the server that exist since its start.
constexpr absl::string_view kReloadable[] = {
    "auth-insecure",
    "auth-old-clients",
    "bare-newlines",
    "client-ca",
    "control",
    "deliver",
    "extension-separators",
    "ignore-authzid",
    "lenient",
    "max-auth-failures",
    "max-errors",
    "max-invalid-recipients",
    "max-recipients",
    "open-relay",
    "pipelining",
    "proxy-from",
    "senders",
    "show-user",
    "silent-deny",
    "tls-cert",
    "tls-ciphers",
    "tls-key",
    "tls-min",
    "xclient-from",
};

// Returns whether the server that `running` describes can change `option`, for
// the configuration `wanted`. `asks_dns` is whether it has a resolver.
bool CanChange(absl::string_view option, const ServeOptions& running,
               const ServeOptions& wanted, bool asks_dns) {
  if (option == "listen") {
    // The sockets stay, and what a connection begins with.
    return std::equal(running.listen.begin(), running.listen.end(),
                      wanted.listen.begin(), wanted.listen.end(),
                      [](const ListenOption& one, const ListenOption& other) {
                        return one.Where() == other.Where() &&
                               one.options.tls == other.options.tls &&
                               one.options.proxy == other.options.proxy;
                      });
  }
  // The threads for AUTH exist only if the server started with it.
  if (option == "auth") {
    return !running.auth.specs.empty() && !wanted.auth.specs.empty();
  }
  if (option == "greylist") return false;  // its table is open
  for (const policy::CheckEntry& check : policy::CheckList()) {
    if (check.row.option == option) {
      return !check.row.dns || asks_dns;
    }
  }
  return std::find(std::begin(kReloadable), std::end(kReloadable), option) !=
         std::end(kReloadable);
}

}  // namespace

bool AsksDns(const ServeOptions& options) {
  if (options.host_names) return true;
  std::vector<std::string> specs;
  for (const auto& destination : options.Destinations()) {
    specs.push_back(destination.spec);
  }
  // The reader of the configuration reports their mistakes.
  std::vector<absl::Status> errors;
  std::vector<std::string> warnings;
  const auto routes = service::ReadRoutes(options, {}, &errors, &warnings);
  if (routes != nullptr) {
    for (const auto& target : routes->targets()) specs.push_back(target.spec);
  }
  for (const std::string& spec : specs) {
    const auto hop = service::NextHopOf(spec);
    if (hop.ok() && hop->has_names()) return true;
  }
  for (const policy::CheckEntry& check : policy::CheckList()) {
    if (check.row.dns &&
        options.check_options.count(std::string(check.row.option)) != 0) {
      return true;
    }
  }
  return false;
}

absl::Status CheckCiphers(const ServeOptions& options,
                          const ListenOption& listen) {
  const absl::Status status = net::CheckTlsSettings(listen.Tls(options));
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      listen.ciphers ? absl::StrCat("--listen: ", listen.Where(),
                                    ": ciphers: ", status.message())
                     : absl::StrCat("--tls-ciphers: ", status.message()));
}

absl::Span<const service::OptionRow> ServeOptionRows() { return kRows; }

void ReadServeOptions(service::Options* given, ServeOptions* options) {
  std::vector<std::string> places;
  for (const service::OptionValue& value : given->Values("listen")) {
    if (HasUnknownKey(value, given)) continue;
    absl::StatusOr<ListenOption> listen =
        value.is_section ? ListenOption::ParseSection(value)
                         : ListenOption::Parse(value.text);
    if (listen.ok()) {
      options->listen.push_back(*std::move(listen));
      places.push_back(value.place);
      continue;
    }
    absl::string_view what = listen.status().message();
    // In a section the line of the key says where it is.
    if (value.is_section && absl::ConsumePrefix(&what, value.text)) {
      absl::ConsumePrefix(&what, ": ");
    }
    given->Mistake(value.PlaceOf(what));
  }
  service::ReadMailOptions(given, options);
  service::ReadDestinations(given, options);
  CheckSpellings(given);
  const std::vector<std::string> passed = given->List("pass-environment");
  for (size_t i = 0; i < passed.size(); ++i) {
    const std::string& name = passed[i];
    const std::string place = given->Place("pass-environment", i);
    if (name.empty() || absl::StrContains(name, '=')) {
      given->Mistake(
          absl::StrCat(place, ": ", name, ": not the name of a variable"));
    } else if (system::IsOfSession(name) || system::IsOfProcess(name)) {
      given->Mistake(absl::StrCat(place, ": ", name,
                                  " is not for the programs of all sessions"));
    }
  }
  options->child_environment = system::ServiceVariables(environ, passed);
  options->rules = given->Text("rules", options->rules);
  options->rules_optional = given->Flag("rules-optional");
  options->silent_deny = given->Flag("silent-deny");
  options->host_names = given->Flag("host-names");
  options->resolvers = given->List("resolver");
  if (const auto found = options->check_options.find("greylist");
      found != options->check_options.end()) {
    auto greylist = policy::ParseGreylistOptions(found->second.front());
    if (greylist.ok()) {
      options->greylist = *std::move(greylist);
    } else {
      given->Mistake(absl::StrCat("--greylist: ", greylist.status().message()));
    }
  }
  service::ReadCertificateOptions(given, options);
  options->proxies = ReadNetworks("proxy-from", given);
  options->xclient_peers = ReadNetworks("xclient-from", given);
  options->limits.in_all =
      static_cast<size_t>(given->Number("max-connections", 1000, 1, 1000000));
  options->limits.from_client =
      static_cast<size_t>(given->Number("max-per-client", 50, 0, 1000000));
  options->limits.per_minute =
      static_cast<size_t>(given->Number("max-rate", 0, 0, 1000000));
  options->limits.exempt = ReadNetworks("unlimited", given);
  for (const std::string& text : given->List("rate-limit")) {
    const auto limit = policy::RateLimit::Parse(text);
    if (limit.ok()) {
      options->rate_limits.push_back(*limit);
    } else {
      given->Mistake(absl::StrCat("--rate-limit: \"", text,
                                  "\": ", limit.status().message()));
    }
  }
  if (const std::string text = given->Text("shared-state", ""); !text.empty()) {
    auto address = policy::RedisAddress::Parse(text);
    if (address.ok()) {
      options->shared_state = *std::move(address);
    } else {
      given->Mistake(absl::StrCat(given->Place("shared-state"), ": ",
                                  address.status().message()));
    }
  }
  options->attempts.of_client =
      static_cast<size_t>(given->Number("max-client-failures", 30, 0, 1000000));
  options->attempts.of_user =
      static_cast<size_t>(given->Number("max-user-failures", 10, 0, 1000000));
  options->attempts.exempt = options->limits.exempt;
  options->auth_threads =
      given->Number("auth-threads", options->auth_threads, 1, 1024);
  options->threads = given->Number("threads", options->threads, 0, 1024);
  options->blocking_threads =
      given->Number("blocking-threads", options->blocking_threads, 1, 1024);
  ReadRspamdOption(given, &options->rspamd);
  ReadPartialOption(given, &options->partial);
  options->drain = given->Number("drain", options->drain, 0, 24 * 60 * 60);
  options->ready_fd = given->Number("ready-fd", options->ready_fd, 1, 1023);
  options->user = given->Text("user", options->user);
  options->rspamd.user = options->user;
  if (const std::string text = given->Text("metrics", ""); !text.empty()) {
    auto address = net::ListenAddress::Parse(text);
    if (address.ok()) {
      options->metrics.emplace(*std::move(address));
    } else {
      given->Mistake(absl::StrCat(given->Place("metrics"), ": ",
                                  address.status().message()));
    }
  }
  options->warnings = given->UnknownVariables(environ);
  options->config_files = given->files();
  Check(*options, places, given);
}

ServeConfiguration::ServeConfiguration(absl::Span<const char* const> arguments,
                                       absl::string_view default_file)
    : arguments_(arguments),
      default_file_(default_file),
      given_(kRows, service::CheckOptionRows()) {
  given_.Read(arguments, getenv, default_file);
}

void ServeConfiguration::ReadOptions() {
  ReadServeOptions(&given_, &options_);
  if (options_.listen.empty()) given_.Mistake("--listen is missing");
  if (!given_.operands().empty()) {
    given_.Mistake(absl::StrCat("unknown argument ", given_.operands()[0]));
  }
}

std::unique_ptr<const ServeConfiguration> ServeConfiguration::Read(
    absl::Span<const char* const> arguments, int* exit_code,
    absl::string_view default_file) {
  std::unique_ptr<ServeConfiguration> made(
      new ServeConfiguration(arguments, default_file));
  service::Options& given = made->given_;
  *exit_code = 0;
  if (given.AnswerHelp(
          "postern", kHead,
          given.Flag("help") ? absl::StrCat(service::MailHelp(), kFoot) : ""))
    return nullptr;
  CheckReadyFd(given.Number("ready-fd", made->options_.ready_fd, 1, 1023),
               &given);
  made->ReadOptions();
  if (!given.Complain("postern serve")) {
    made->asks_dns_ = AsksDns(made->options_);
    return made;
  }
  *exit_code = kUsage;
  return nullptr;
}

std::unique_ptr<const ServeConfiguration> ServeConfiguration::ReadAgain(
    service::Findings* findings) const {
  std::unique_ptr<ServeConfiguration> made(
      new ServeConfiguration(arguments_, default_file_));
  made->asks_dns_ = asks_dns_;
  service::Options& given = made->given_;
  if (!given_.files().empty() && given.files().empty()) {
    given.Mistake(absl::StrCat(given_.files()[0],
                               ": the file does not exist any more; restore "
                               "it, or restart the server without it"));
  }
  // All mistakes of the file are errors, also about options that stay.
  made->ReadOptions();
  std::vector<std::string> kept;
  if (given.mistakes().empty()) {
    const ServeOptions wanted = std::exchange(made->options_, ServeOptions());
    for (const auto& [option, place] : given.ChangesFrom(given_)) {
      if (CanChange(option, options_, wanted, asks_dns_)) continue;
      kept.push_back(
          absl::StrCat(place.empty() ? given_.Place(option) : place,
                       place.empty() ? ": is not set any more, which" : ":",
                       " takes effect after a restart"));
      given.Keep(option, given_);
    }
    made->ReadOptions();
  }
  for (const std::string& mistake : given.mistakes()) {
    findings->AddError(mistake);
  }
  if (!given.mistakes().empty()) return nullptr;
  findings->AddWarnings(kept);
  return made;
}

}  // namespace postern::programs
