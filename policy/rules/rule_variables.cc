// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/rule_variables.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace postern::policy {
namespace {

struct Row {
  absl::string_view name;  // a '*' at its end matches any text
  absl::string_view why;
};

// The patches are those collected at qmail.org, jms1's, sagredo's, s/qmail,
// qmail-ldap, chkuser and qmail-spp.
constexpr Row kIdle[] = {
    {"RBLSMTPD", "rblsmtpd's; :deny refuses a client"},
    {"RBLMESSAGE", "rblsmtpd's; :deny refuses a client"},
    {"GREETDELAY", "greetdelay's; --greet-delay is the same for all clients"},
    {"SMTPD_GREETDELAY",
     "a patch's; --greet-delay is the same for all clients"},
    {"DROP_PRE_GREET",
     "a patch's; --greet-delay refuses clients that do not wait"},
    {"DROPRUSHGREET",
     "a patch's; --greet-delay refuses clients that do not wait"},
    {"PROTO", "tcpserver's; the server finds it out"},
    {"TCPLOCALHOST", "tcpserver's; the server finds it out"},
    {"TCPLOCALIP", "tcpserver's; the server finds it out"},
    {"TCPLOCALPORT", "tcpserver's; the server finds it out"},
    {"TCPREMOTEHOST", "tcpserver's; --host-names looks it up"},
    {"TCPREMOTEINFO", "tcpserver's; clients are not asked for it"},
    {"TCPREMOTEIP", "tcpserver's; the server finds it out"},
    {"TCPREMOTEPORT", "tcpserver's; the server finds it out"},
    {"SMTPGREETING",
     "a patch's; control/smtpgreeting is the same for all clients"},
    {"FORCETLS", "a patch's; a listener has it: --listen"},
    {"FORCE_TLS", "a patch's; a listener has it: --listen"},
    {"DENY_TLS", "a patch's; a listener has it: --listen"},
    {"DISABLETLS", "a patch's; a listener has it: --listen"},
    {"TLSREQUIRED", "a patch's; a listener has it: --listen"},
    {"UCSPITLS", "a patch's; a listener has it: --listen"},
    {"SMTPAUTH", "a patch's; a listener has it: --listen and --auth"},
    {"REQUIRE_AUTH", "a patch's; a listener has it: --listen and --auth"},
    {"AUTHREQUIRED", "a patch's; a listener has it: --listen and --auth"},
    {"AUTH_ALL", "a patch's; a listener has it: --listen and --auth"},
    {"AUTH_CDB", "a patch's; --auth names the users"},
    {"PASSWORD_EXPIRES", "a patch's; --auth names the users"},
    {"ALLOW_INSECURE_AUTH",
     "a patch's; --auth-insecure is the same for all clients"},
    {"AUTH_SET_*", "a patch's; users have no variables"},
    {"AUTH_UNSET_*", "a patch's; users have no variables"},
    {"FORCEAUTHMAILFROM", "a patch's; --senders says what users may send as"},
    {"MAXRCPT", "a patch's; --max-recipients is the same for all clients"},
    {"MAXRECIPIENTS",
     "a patch's; --max-recipients is the same for all clients"},
    {"MAXRCPTCOUNT", "a patch's; --max-recipients is the same for all clients"},
    {"DISABLE_MAXRCPT",
     "a patch's; --max-recipients is the same for all clients"},
    {"MAXCONNIP",
     "a patch's; --max-per-client and --unlimited limit connections"},
    {"MAXCONNC",
     "a patch's; --max-per-client and --unlimited limit connections"},
    {"MAXLOAD", "a patch's; --max-connections limits connections"},
    {"TARPITCOUNT", "a patch's; --max-errors ends sessions"},
    {"TARPITDELAY", "a patch's; --max-errors ends sessions"},
    {"RCPTCHECK", "a patch's; no program is asked about recipients"},
    {"CHKUSER_*", "chkuser's; --deliver maildir: knows its mailboxes"},
    {"VALIDRCPTTO_*", "a patch's; --deliver maildir: knows its mailboxes"},
    {"ENABLE_SPP", "qmail-spp's; there are no plug-ins"},
    {"MFCHECK", "a patch's; senders' domains are not looked up"},
    {"MFDNSCHECK", "a patch's; senders' domains are not looked up"},
    {"RETURNMXCHECK", "a patch's; senders' domains are not looked up"},
    {"LOCALMFCHECK", "a patch's; --senders says what users may send as"},
    {"MASQUERADE", "a patch's; --senders says what users may send as"},
    {"SPFBEHAVIOR", "a patch's; SPF is a filter's business"},
    {"SURBL", "a patch's; it is a filter's business"},
    {"QHPSI", "a patch's; QMAILQUEUE names a filter"},
    {"POSTGREY", "a patch's; there is no greylisting"},
    {"RELAYREJ", "a patch's; see the relay decision"},
    {"ALLOW_BARELF", "a patch's; POSTERN_BARE_NEWLINES=normalize does it"},
    {"QMAILSMTPD_LOG_MAIL", "a patch's; the log has each message"},
    {"BADMIMETYPE", "a patch's; QMAILQUEUE names a filter"},
    {"BADLOADERTYPE", "a patch's; QMAILQUEUE names a filter"},
    {"HELOCHECK", "a patch's; names in HELO decide nothing"},
    {"NOBADHELO", "a patch's; names in HELO decide nothing"},
};

}  // namespace

std::optional<std::string> WhyIdle(absl::string_view name) {
  for (const Row& row : kIdle) {
    absl::string_view prefix = row.name;
    const bool matches = absl::ConsumeSuffix(&prefix, "*")
                             ? absl::StartsWith(name, prefix)
                             : name == prefix;
    if (matches) return std::string(row.why);
  }
  return std::nullopt;
}

}  // namespace postern::policy
