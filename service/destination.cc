// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/destination.h"

#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "delivery/discard.h"
#include "delivery/maildir.h"
#include "delivery/maildir_location.h"
#include "delivery/maildir_recipients.h"
#include "delivery/qmail_queue.h"
#include "engine/grammar/path.h"
#include "policy/control/alias_list.h"

namespace postern::service {
namespace {

// Returns the directory that contains the control directory: /var/qmail. The
// path is absolute, so that the log can name files below it.
std::string Home(absl::string_view control) {
  std::string path(control);
  if (!absl::StartsWith(path, "/")) {
    char* const folder = getcwd(nullptr, 0);  // null: it has been removed
    path = absl::StrCat(folder == nullptr ? "." : folder, "/", path);
    free(folder);
  }
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  return path.substr(0, slash == 0 ? 1 : slash);
}

absl::StatusOr<Destination> MakeQmailQueue(
    std::optional<absl::string_view> value, const DestinationSetup& setup) {
  if (value && value->empty()) {
    return absl::InvalidArgumentError(
        "the program is missing: qmail-queue:PROGRAM, or qmail-queue");
  }
  delivery::QmailQueueOptions options;
  options.home = Home(setup.control);
  options.environment = setup.environment;
  options.report = setup.report;
  options.program = QueueProgram(value, setup.control);
  return Destination{
      .delivery = std::make_unique<delivery::QmailQueue>(std::move(options)),
      .runs_programs = true};
}

absl::StatusOr<Destination> MakeMaildirs(absl::string_view kind,
                                         std::optional<absl::string_view> value,
                                         const DestinationSetup& setup) {
  const bool catch_all = kind == "catch-all";
  if (!value || value->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the directory is missing: ", kind, ":DIR"));
  }
  auto location = delivery::MaildirLocation::Parse(*value, setup.host);
  if (!location.ok()) return location.status();
  if (catch_all && !location->shared()) {
    return absl::InvalidArgumentError(
        "a catch-all is one Maildir, without %u and %d");
  }
  delivery::MaildirOptions options{.host = std::string(setup.host),
                                   .catch_all = catch_all,
                                   .report = setup.report};
  Destination destination;
  // The controls have aliases if any destination has mailboxes.
  if (setup.controls != nullptr && setup.controls->aliases && !catch_all &&
      !location->shared()) {
    options.expand = [controls = setup.controls](
                         const Path& recipient,
                         policy::HasMailbox has_maildir) {
      return controls->aliases->Expand(recipient, controls->rcpthosts,
                                       has_maildir);
    };
    destination.check = [controls = setup.controls, location = *location] {
      return controls->aliases->CheckTargets(
          controls->rcpthosts, [&location](const Path& address) {
            return delivery::HasMaildir(location, address);
          });
    };
  }
  destination.delivery = std::make_unique<delivery::Maildir>(
      *std::move(location), std::move(options));
  return destination;
}

absl::StatusOr<Destination> MakeMaildir(std::optional<absl::string_view> value,
                                        const DestinationSetup& setup) {
  return MakeMaildirs("maildir", value, setup);
}
absl::StatusOr<Destination> MakeCatchAll(std::optional<absl::string_view> value,
                                         const DestinationSetup& setup) {
  return MakeMaildirs("catch-all", value, setup);
}

absl::StatusOr<Destination> MakeDiscard(std::optional<absl::string_view> value,
                                        const DestinationSetup&) {
  if (value) return absl::InvalidArgumentError("discard takes no value");
  return Destination{.delivery = std::make_unique<delivery::Discard>(),
                     .blocks = false};
}

absl::StatusOr<Destination> MakeForwarding(
    delivery::NextHop::Kind kind, absl::string_view rule,
    std::optional<absl::string_view> value, const DestinationSetup& setup) {
  auto hop = delivery::NextHop::Parse(kind, value.value_or(""));
  if (!hop.ok()) return hop.status();
  if (!setup.forward) {
    return absl::InvalidArgumentError(
        "this program cannot forward: use postern serve");
  }
  if (setup.host.empty()) {
    return absl::InvalidArgumentError(
        "control/me is missing: it is this server's name for the next hop");
  }
  // The credentials may be a token-command.
  const bool runs_programs = !hop->auth_file.empty();
  absl::StatusOr<std::unique_ptr<Delivery>> made =
      setup.forward(*std::move(hop), std::string(setup.host), rule);
  if (!made.ok()) return made.status();
  return Destination{.delivery = *std::move(made),
                     .blocks = false,
                     .runs_programs = runs_programs,
                     .partial = kind == delivery::NextHop::Kind::kLmtp};
}

absl::StatusOr<Destination> MakeLmtp(std::optional<absl::string_view> value,
                                     const DestinationSetup& setup) {
  return MakeForwarding(delivery::NextHop::Kind::kLmtp, "lmtp", value, setup);
}
absl::StatusOr<Destination> MakeSmtp(std::optional<absl::string_view> value,
                                     const DestinationSetup& setup) {
  return MakeForwarding(delivery::NextHop::Kind::kSmtp, "smtp", value, setup);
}
absl::StatusOr<Destination> MakeSmtps(std::optional<absl::string_view> value,
                                      const DestinationSetup& setup) {
  return MakeForwarding(delivery::NextHop::Kind::kSmtps, "smtps", value, setup);
}

absl::StatusOr<Destination> MakePublishing(
    bool tls, std::optional<absl::string_view> value,
    const DestinationSetup& setup) {
  auto address = delivery::AmqpAddress::Parse(tls, value.value_or(""));
  if (!address.ok()) return address.status();
  if (!setup.publish || setup.controls == nullptr) {
    return absl::InvalidArgumentError(
        "this program cannot publish: use postern serve");
  }
  // A message that is too large would make the broker close the connection,
  // which other messages use as well.
  if (setup.controls->databytes == 0) {
    return absl::InvalidArgumentError(
        "a broker has a limit for the size of messages, so this server needs "
        "one: set control/databytes");
  }
  auto made = setup.publish(*std::move(address), setup.controls->databytes,
                            tls ? "amqps" : "amqp");
  if (!made.ok()) return made.status();
  return Destination{.delivery = *std::move(made)};
}

absl::StatusOr<Destination> MakeAmqp(std::optional<absl::string_view> value,
                                     const DestinationSetup& setup) {
  return MakePublishing(/*tls=*/false, value, setup);
}
absl::StatusOr<Destination> MakeAmqps(std::optional<absl::string_view> value,
                                      const DestinationSetup& setup) {
  return MakePublishing(/*tls=*/true, value, setup);
}

constexpr DeliveryRow kRows[] = {
    {"qmail-queue", "[:PROGRAM]",
     "bin/qmail-queue next to the control directory,\n"
     "or a program with its interface",
     MakeQmailQueue},
    {"maildir", ":DIR",
     "a Maildir for each recipient: %u and %d in DIR\n"
     "are its local part and domain; without them,\n"
     "one Maildir for all local recipients",
     MakeMaildir},
    {"catch-all", ":DIR", "one Maildir for local and remote recipients",
     MakeCatchAll},
    {"lmtp", ":SERVER[,...]",
     "forward to an LMTP server: unix:PATH or HOST:PORT;\n"
     "if it does not work, to the next one;\n"
     "postern serve only; words may follow:\n"
     "tls=none|may|encrypt|verify, name=NAME, ca=FILE,\n"
     "fingerprint=HEX, auth=FILE",
     MakeLmtp},
    {"smtp", ":SERVER[,...]", "the same with SMTP: HOST[:PORT] or unix:PATH",
     MakeSmtp},
    {"smtps", ":SERVER[,...]",
     "the same with SMTP and TLS from the first octet", MakeSmtps},
    {"amqp", ":HOST[,...],WORD[,...]",
     "publish to a quorum queue of RabbitMQ: queue=NAME,\n"
     "auth=FILE and others; postern serve only",
     MakeAmqp},
    {"amqps", ":HOST[,...],WORD[,...]", "the same over TLS", MakeAmqps},
    {"discard", "", "accept and discard mail, for measurements", MakeDiscard},
};

}  // namespace

absl::Span<const DeliveryRow> DeliveryRows() { return kRows; }

absl::StatusOr<Destination> MakeDestination(
    const DestinationSetup& setup, absl::Span<const DeliveryRow> rows) {
  const auto wrong = [&setup](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("delivery \"", setup.spec, "\": ", why));
  };
  if (setup.spec.find('\0') != absl::string_view::npos) {
    return wrong("a NUL in a file name");
  }
  const size_t colon = setup.spec.find(':');
  const absl::string_view kind = setup.spec.substr(0, colon);
  std::optional<absl::string_view> value;
  if (colon != absl::string_view::npos) value = setup.spec.substr(colon + 1);
  std::string kinds;
  for (const DeliveryRow& row : rows) {
    if (row.kind == kind) {
      absl::StatusOr<Destination> made = row.make(value, setup);
      if (!made.ok()) return wrong(made.status().message());
      made->kind = row.kind;
      return made;
    }
    absl::StrAppend(&kinds, kinds.empty() ? "" : ", ", row.kind, row.value);
  }
  if (absl::StrContains(kind, '=')) {
    return wrong("only postern serve has destinations with names");
  }
  return wrong(absl::StrCat("not one of ", kinds));
}

std::string QueueProgram(std::optional<absl::string_view> value,
                         absl::string_view control) {
  std::string program(value.value_or("bin/qmail-queue"));
  // An empty value counts as well, as in qmail-smtpd.
  if (const char* variable = getenv("QMAILQUEUE")) program = variable;
  if (program.empty() || program[0] == '/') return program;
  return absl::StrCat(Home(control), "/", program);
}

bool HasMailboxes(absl::string_view spec) {
  if (!absl::ConsumePrefix(&spec, "maildir:")) return false;
  const auto location = delivery::MaildirLocation::Parse(spec);
  return location.ok() && !location->shared();
}

absl::StatusOr<delivery::NextHop> NextHopOf(absl::string_view spec) {
  using Kind = delivery::NextHop::Kind;
  constexpr std::pair<absl::string_view, Kind> kKinds[] = {
      {"lmtp:", Kind::kLmtp}, {"smtp:", Kind::kSmtp}, {"smtps:", Kind::kSmtps}};
  for (const auto& [prefix, kind] : kKinds) {
    if (absl::ConsumePrefix(&spec, prefix)) {
      return delivery::NextHop::Parse(kind, spec);
    }
  }
  return absl::NotFoundError(
      "not a next hop: lmtp:SERVER, smtp:SERVER or smtps:SERVER");
}

absl::StatusOr<delivery::AmqpAddress> QueueOf(absl::string_view spec) {
  const bool tls = absl::ConsumePrefix(&spec, "amqps:");
  if (!tls && !absl::ConsumePrefix(&spec, "amqp:")) {
    return absl::NotFoundError("not a queue: amqp:HOST,queue=NAME,auth=FILE");
  }
  return delivery::AmqpAddress::Parse(tls, spec);
}

absl::Status CheckDestination(absl::string_view spec) {
  return MakeDestination({.spec = spec}).status();
}

std::string FormatDeliveries(absl::Span<const DeliveryRow> rows) {
  constexpr size_t kHelpColumn = 27;
  std::string text;
  for (const DeliveryRow& row : rows) {
    std::string line = absl::StrCat("  ", row.kind, row.value);
    if (line.size() >= kHelpColumn) {
      absl::StrAppend(&text, line, "\n");
      line.clear();
    }
    for (absl::string_view help : absl::StrSplit(row.help, '\n')) {
      line.resize(kHelpColumn, ' ');
      absl::StrAppend(&text, line, help, "\n");
      line.clear();
    }
  }
  return text;
}

}  // namespace postern::service
