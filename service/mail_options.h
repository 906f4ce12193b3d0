// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options about mail, which all servers have.

#ifndef POSTERN_SERVICE_MAIL_OPTIONS_H_
#define POSTERN_SERVICE_MAIL_OPTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/server_config.h"
#include "log/log_line.h"
#include "policy/check_list.h"
#include "policy/control/controls.h"
#include "policy/rules/lenient_clients.h"
#include "service/auth_options.h"
#include "service/options.h"
#include "system/session_variables.h"

namespace postern::service {

// A destination: where a program delivers mail.
struct DestinationOption {
  std::string name;  // empty: the destination without a name
  std::string spec;  // KIND or KIND:VALUE; see service/destination.h

  // Parses [NAME=]SPEC. Returns kInvalidArgument if there is a name that is not
  // made of ASCII letters, digits, '-' and '_'.
  static absl::StatusOr<DestinationOption> Parse(absl::string_view text);

  // Parses the section [deliver NAME]. Errors are those of Parse(), and about a
  // key other than one `to`.
  static absl::StatusOr<DestinationOption> ParseSection(
      const OptionValue& section);

  // Returns "--deliver" or "--deliver NAME", for messages.
  std::string Place() const;
  // Returns "SPEC" or "NAME=SPEC".
  std::string Format() const;
};

struct MailOptions {
  OptionPlaces places;  // of these options, and of the others of the program
  std::string control = "/var/qmail/control";
  // The spec of the destination without a name. Empty: every destination has a
  // name.
  std::string deliver = "qmail-queue";
  // The destinations with names, which only postern serve has.
  std::vector<DestinationOption> destinations;
  bool open_relay = false;
  bool senders = false;
  std::string extension_separators;  // policy::AliasList::Options
  int max_recipients = 1000;
  int max_errors = 20;
  int max_invalid_recipients = 100;   // 0: no limit
  int session_timeout = 4 * 60 * 60;  // seconds
  BareNewlines bare_newlines = BareNewlines::kReject;
  policy::LenientClients lenient;
  // Octets of a message, if neither control/databytes nor DATABYTES sets it. 0:
  // no limit.
  uint64_t databytes = uint64_t{50} << 20;
  int greet_delay = 0;  // seconds
  int min_rate = 0;     // octets a second of content; 0: any
  int rate_grace = 30;  // seconds
  OutOfTurn pipelining = OutOfTurn::kNote;
  AuthOptions auth;
  log::LogFormat log_format = log::LogFormat::kLogfmt;
  std::string record;  // the directory of recordings; empty: none
  bool record_bodies = false;
  std::map<std::string, std::vector<std::string>> check_options;  // by name
  // The environment of the programs that the server runs. The variables of the
  // session follow it.
  system::Variables child_environment;

  // Returns all destinations: first the one without a name, if there is one.
  std::vector<DestinationOption> Destinations() const;
};

// The rows of these options, except for --max-recipients, --max-errors and
// --max-invalid-recipients, whose defaults differ; and the rows that every
// program has.
inline constexpr OptionRow kHelpRow = {"help", "", "print this help and exit",
                                       OptionRow::From::kCommandLine};
inline constexpr OptionRow kVersionRow = {
    "version", "", "print the version and exit", OptionRow::From::kCommandLine};
inline constexpr OptionRow kConfigRow = {
    "config", "FILE", "read options from FILE: postern-config(7)",
    OptionRow::From::kCommandLine};
inline constexpr OptionRow kControlRow = {"control", "DIR [/var/qmail/control]",
                                          "qmail's control directory"};
inline constexpr OptionRow kDeliverRow = {"deliver", "SPEC [qmail-queue]",
                                          "the delivery of mail: see below"};
inline constexpr OptionRow kOpenRelayRow = {
    "open-relay", "",
    "serve without control/rcpthosts: every client may\n"
    "send to every recipient"};
inline constexpr OptionRow kSendersRow = {
    "senders", "",
    "users may only use the senders that\n"
    "control/senders lists for them"};
inline constexpr OptionRow kExtensionSeparatorsRow = {
    "extension-separators", "CHARS",
    "characters after which the rest of a local part\n"
    "is an extension: with +, ann+x is ann if there is\n"
    "no Maildir and no alias for ann+x"};
inline constexpr OptionRow kSessionTimeoutRow = {"session-timeout", "N [14400]",
                                                 "longest session, in seconds"};
inline constexpr OptionRow kBareNewlinesRow = {
    "bare-newlines", "MODE [reject]",
    "for a bare CR or LF in a message: reject the\n"
    "message, or normalize it to CRLF; it never ends\n"
    "the message"};
inline constexpr OptionRow kLenientRow = {
    "lenient", "NETWORK",
    "clients whose commands may end in LF, whose HELO\n"
    "may have no name, and whose RET, ENVID, NOTIFY\n"
    "and ORCPT are ignored if DSN is not offered; or\n"
    "all, or none; may be repeated",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kGreetDelayRow = {
    "greet-delay", "N [0]",
    "seconds to wait before the greeting; a client\n"
    "that sends in this time is refused; 0: no wait"};
inline constexpr OptionRow kMinRateRow = {
    "min-rate", "N [0]",
    "the lowest average rate of a message, in octets\n"
    "per second; 0: no limit"};
inline constexpr OptionRow kRateGraceRow = {
    "rate-grace", "N [30]", "seconds of a message before --min-rate applies"};
inline constexpr OptionRow kPipeliningRow = {
    "pipelining", "MODE [note]",
    "for a client that does not wait for a reply that\n"
    "it needs: note it (no effect), or reject it"};

inline constexpr OptionRow kLogFormatRow = {
    "log-format", "FORMAT [logfmt]",
    "format of log lines: logfmt (key=value), or json\n"
    "(one object per line)"};

inline constexpr OptionRow kRecordRow = {
    "record", "DIR",
    "record each session in a file of DIR, with masked\n"
    "credentials, for postern replay"};
inline constexpr OptionRow kRecordBodiesRow = {
    "record-bodies", "", "record the content of messages, too"};

// Returns the rows of the options of `checks`.
std::vector<OptionRow> CheckOptionRows(
    absl::Span<const policy::CheckEntry> checks = policy::CheckList());

// Reads the given options into `options`. Mistakes are added to `given`.
void ReadMailOptions(
    Options* given, MailOptions* options,
    absl::Span<const policy::CheckEntry> checks = policy::CheckList());

// Reads all values of --deliver, an option that may be repeated, and the
// sections [deliver NAME] into `options`. Mistakes are added to `given`.
void ReadDestinations(Options* given, MailOptions* options);

// Returns the configuration of sessions, without the extensions that the
// delivery carries.
ServerConfig MakeServerConfig(const MailOptions& options,
                              const policy::Controls& controls);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_MAIL_OPTIONS_H_
