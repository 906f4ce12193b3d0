// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/rules/not_read.h"

#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace postern::policy {
namespace {

constexpr absl::string_view kCertificate =
    "a patch's; --tls-cert and --tls-key name the files";
constexpr absl::string_view kKeys = "a patch's; TLS needs no such file";
constexpr absl::string_view kSpfRules =
    "a patch's; --spf reads the sender's policy only";
constexpr absl::string_view kWildcards = "a patch's; write regular expressions";
constexpr absl::string_view kRecipients =
    "a patch's; --validrcptto names a database";
constexpr absl::string_view kMaxRecipients =
    "a patch's; --max-recipients limits them (452)";

// The extensions of qmail-smtpd's patches, by the program that has them.
constexpr NotReadRow kFiles[] = {
    // jms1, sagredo
    {"maxrcpt", kMaxRecipients},
    {"brtlimit", "a patch's; --max-invalid-recipients does it"},
    {"mfcheck", "a patch's; --sender-domain-exists looks them up"},
    {"validrcptto", kRecipients},
    {"morevalidrcptto.cdb", kRecipients},
    {"dnsbllist", "a patch's; --dns-list names the lists"},
    {"dnsblfailclosed", "a patch's; --dns-list ZONE,fail-closed does it"},
    {"rejectrelaytest", "a patch's; write [%!@].*@ into badrcpttopatterns"},
    {"rejectnullsenders", "a patch's; a server must accept bounces"},
    {"smtpplugins", "qmail-spp's; there are no plug-ins"},
    {"policy", "eMPF's; --senders says what users may send as"},
    {"spfbehavior", "a patch's; --spf has an action for each result"},
    {"spfexp", "a patch's; the sender's policy explains refusals"},
    {"spfguess", kSpfRules},
    {"spfrules", kSpfRules},
    // The TLS patches, also in notqmail
    {"servercert.pem", kCertificate},
    {"servercerts", kCertificate},
    {"clientca.pem", "a patch's; --client-ca names the file"},
    {"clientcrl.pem", "a patch's; there are no revocation lists"},
    {"tlsclients", "a patch's; certificates do not permit to relay"},
    {"tlsserverciphers", "a patch's; --tls-ciphers names them"},
    {"tlsservermethod", "a patch's; --tls-min names the version"},
    {"dh512.pem", kKeys},
    {"dh1024.pem", kKeys},
    {"dh2048.pem", kKeys},
    {"dh4096.pem", kKeys},
    {"rsa512.pem", kKeys},
    {"rsa2048.pem", kKeys},
    {"rsa4096.pem", kKeys},
    // s/qmail
    {"badmimetypes.cdb", "s/qmail's; QMAILQUEUE names a filter"},
    {"badloadertypes.cdb", "s/qmail's; QMAILQUEUE names a filter"},
    {"mailfromrules.cdb", "s/qmail's; --senders says what users may send as"},
    {"recipients", "s/qmail's; --validrcptto names a database"},
    {"spfexplain", "s/qmail's; the sender's policy explains refusals"},
    {"spflocalrules", "s/qmail's; --spf reads the sender's policy only"},
    // qmail-ldap, indimail and single patches
    {"badmailpatterns", kWildcards},
    {"badrcptpatterns", kWildcards},
    {"goodmailaddr", "a patch's; no list exempts from badmailfrom"},
    {"goodrcptto", "a patch's; no list exempts from badrcptto"},
    {"goodrcptpatterns", "a patch's; no list exempts from badrcptto"},
    {"badhost", "a patch's; a rule with :deny refuses a client"},
    {"badip", "a patch's; a rule with :deny refuses a client"},
    {"blackholedsender", "a patch's; badmailfrom refuses senders"},
    {"blackholedpatterns", "a patch's; badmailfrompatterns refuses"},
    {"greetdelay", "a patch's; --greet-delay does it"},
    {"maxrecipients", kMaxRecipients},
    {"maxrcptcount", kMaxRecipients},
    {"nodnscheck", "a patch's; --sender-domain-exists looks them up"},
    {"rbllist", "qmail-ldap's; --dns-list names the lists"},
    {"relayclients", "a patch's; a rule sets RELAYCLIENT"},
    {"relaydomains", "a patch's; a rule sets RELAYCLIENT"},
    {"relaymailfrom", "a patch's; a sender's address proves nothing"},
    {"tarpitcount", "a patch's; --max-errors ends sessions"},
    {"tarpitdelay", "a patch's; --max-errors ends sessions"},
};

}  // namespace

absl::Span<const NotReadRow> NotReadFiles() { return kFiles; }

std::optional<std::string> WhyIdle(absl::string_view name) {
  for (const NotReadRow& row : NotReadVariables()) {
    absl::string_view prefix = row.name;
    const bool matches = absl::ConsumeSuffix(&prefix, "*")
                             ? absl::StartsWith(name, prefix)
                             : name == prefix;
    if (matches) return std::string(row.why);
  }
  return std::nullopt;
}

std::vector<std::string> CheckNotRead(
    absl::string_view directory,
    absl::FunctionRef<const char*(const char* name)> environment) {
  std::vector<std::string> warnings;
  for (const NotReadRow& row : NotReadFiles()) {
    const std::string path = absl::StrCat(directory, "/", row.name);
    if (access(path.c_str(), F_OK) != 0) continue;
    warnings.push_back(absl::StrCat(path, ": not read: it is ", row.why, "."));
  }
  for (const NotReadRow& row : NotReadVariables()) {
    if (environment(std::string(row.name).c_str()) == nullptr) continue;
    warnings.push_back(absl::StrCat(
        row.name, ": the variable is not read: it is ", row.why, "."));
  }
  return warnings;
}

std::string FormatNotRead(absl::Span<const NotReadRow> rows) {
  constexpr size_t kWhyColumn = 26;
  std::string text;
  for (const NotReadRow& row : rows) {
    std::string line = absl::StrCat("  ", row.name);
    line.resize(kWhyColumn, ' ');
    absl::StrAppend(&text, line, row.why, "\n");
  }
  return text;
}

}  // namespace postern::policy
