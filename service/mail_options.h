// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options about mail, which all programs have.

#ifndef POSTERN_SERVICE_MAIL_OPTIONS_H_
#define POSTERN_SERVICE_MAIL_OPTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

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

struct MailOptions {
  std::string control = "/var/qmail/control";
  std::string deliver = "qmail-queue";
  bool open_relay = false;
  bool senders = false;
  int max_recipients = 1000;
  int max_errors = 20;
  int session_timeout = 4 * 60 * 60;  // seconds
  BareNewlines bare_newlines = BareNewlines::kReject;
  policy::LenientClients lenient;
  // Octets of a message, where neither control/databytes nor DATABYTES says
  // it; 0: no limit.
  uint64_t databytes = uint64_t{50} << 20;
  int greet_delay = 0;  // seconds
  int min_rate = 0;     // octets a second of content; 0: any
  int rate_grace = 30;  // seconds
  OutOfTurn pipelining = OutOfTurn::kNote;
  AuthOptions auth;
  log::LogFormat log_format = log::LogFormat::kLogfmt;
  std::map<std::string, std::string> check_options;  // value by name
  // What the programs that we run find in their environment before what is
  // known of the session.
  system::Variables child_environment;
};

// Their rows, but for those whose defaults differ: --max-recipients and
// --max-errors; and the rows that any program has.
inline constexpr OptionRow kHelpRow = {"help", "", "print this, and end",
                                       OptionRow::From::kCommandLine};
inline constexpr OptionRow kVersionRow = {
    "version", "", "print the version, and end", OptionRow::From::kCommandLine};
inline constexpr OptionRow kConfigRow = {
    "config", "FILE", "read options from FILE, as name=value lines",
    OptionRow::From::kCommandLine};
inline constexpr OptionRow kControlRow = {"control", "DIR [/var/qmail/control]",
                                          "qmail's control directory"};
inline constexpr OptionRow kDeliverRow = {"deliver", "SPEC [qmail-queue]",
                                          "where mail goes: see below"};
inline constexpr OptionRow kOpenRelayRow = {
    "open-relay", "",
    "serve without control/rcpthosts: anyone may\n"
    "send anywhere"};
inline constexpr OptionRow kSendersRow = {
    "senders", "",
    "users may send as what control/senders says is\n"
    "theirs, and as nobody else"};
inline constexpr OptionRow kSessionTimeoutRow = {"session-timeout", "N [14400]",
                                                 "longest session, in seconds"};
inline constexpr OptionRow kBareNewlinesRow = {
    "bare-newlines", "MODE [reject]",
    "a bare CR or LF in a message: reject it, or\n"
    "normalize it to CRLF; neither ever ends a\n"
    "message"};
inline constexpr OptionRow kLenientRow = {
    "lenient", "NETWORK",
    "clients, as often as wanted, whose commands may\n"
    "end in LF, whose HELO may have no name, and\n"
    "whose RET, ENVID, NOTIFY and ORCPT are ignored\n"
    "where DSN is not offered; or all, or none",
    OptionRow::From::kAnywhere, true};
inline constexpr OptionRow kGreetDelayRow = {
    "greet-delay", "N [0]",
    "seconds before the greeting in which a client\n"
    "that speaks is refused; 0: greet at once"};
inline constexpr OptionRow kMinRateRow = {
    "min-rate", "N [0]",
    "octets a second, on average, at which a message\n"
    "must come; 0: any number"};
inline constexpr OptionRow kRateGraceRow = {
    "rate-grace", "N [30]", "seconds of a message before --min-rate counts"};
inline constexpr OptionRow kPipeliningRow = {
    "pipelining", "MODE [note]",
    "a client that does not wait for a reply it\n"
    "needs: note it (nothing happens), or reject it"};

inline constexpr OptionRow kLogFormatRow = {
    "log-format", "FORMAT [logfmt]",
    "lines of the log: logfmt (key=value), or json,\n"
    "an object each"};

// Returns the rows of the options of `checks`.
std::vector<OptionRow> CheckOptionRows(
    absl::Span<const policy::CheckEntry> checks = policy::CheckList());

// Puts what was given into `options`; mistakes are `given`'s.
void ReadMailOptions(
    Options* given, MailOptions* options,
    absl::Span<const policy::CheckEntry> checks = policy::CheckList());

// Returns the configuration of the sessions, without what the delivery carries.
ServerConfig MakeServerConfig(const MailOptions& options,
                              const policy::Controls& controls);

}  // namespace postern::service

#endif  // POSTERN_SERVICE_MAIL_OPTIONS_H_
