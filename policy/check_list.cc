// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/check_list.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "policy/delegated_checks.h"
#include "policy/dns_lists.h"
#include "policy/greylist.h"
#include "policy/list_checks.h"
#include "policy/relay_checks.h"
#include "policy/sender_domain.h"
#include "policy/spf_check.h"

namespace postern::policy {
namespace {

constexpr CheckEntry kChecks[] = {
    {{.rule = "tcprules",
      .stage = CheckStage::kConnect,
      .needs = "--rules",
      .help = "refuses clients that the rules deny"},
     MakeDeniedClients},
    {{.rule = "localiphost",
      .stage = CheckStage::kMail,
      .needs = "localiphost, the interfaces",
      .help = "replaces an address literal of this host\n"
              "with localiphost"},
     MakeLocalIpHost},
    {{.rule = "senders",
      .stage = CheckStage::kMail,
      .later = true,
      .needs = "senders, senders.cdb",
      .help = "with --senders, refuses senders that do not\n"
              "belong to the user",
      .outside = true},
     MakeSenders},
    {{.rule = "localiphost",
      .needs = "localiphost, the interfaces",
      .help = "the same for recipients"},
     MakeLocalIpHost},
    {{.rule = "bad-address",
      .help = "refuses addresses with control characters"},
     MakeBadAddress},
    {{.rule = "badhelo",
      .needs = "badhelo, badhelonorelay",
      .help = "refuses clients with a listed name in HELO or\n"
              "EHLO",
      .variables = "NOBADHELO",
      .outside = true},
     MakeBadHelo},
    {{.rule = "badmailfrom",
      .needs = "badmailfrom, badmailfrompatterns, badmailfromnorelay",
      .help = "refuses listed senders of all clients",
      .variables = "DISABLE_BADMAILFROM"},
     MakeBadMailFrom},
    {{.rule = "badrcptto",
      .needs = "badrcptto, badrcpttopatterns, badrcpttonorelay",
      .help = "refuses listed recipients of all clients",
      .outside = true},
     MakeBadRcptTo},
    {{.rule = "relayclient",
      .accepts = true,
      .needs = "RELAYCLIENT",
      .help = "accepts all recipients of relay clients, and\n"
              "appends the variable's value to them"},
     MakeRelayClient},
    {{.rule = "authenticated",
      .accepts = true,
      .help = "accepts all recipients of authenticated users"},
     MakeAuthenticated},
    {{.rule = "local-name",
      .accepts = true,
      .help = "accepts recipients without a domain"},
     MakeLocalName},
    {{.rule = "rcpthosts",
      .accepts = true,
      .needs = "rcpthosts",
      .help = "accepts listed domains"},
     MakeRcptHosts},
    {{.rule = "morercpthosts",
      .accepts = true,
      .later = true,
      .needs = "morercpthosts.cdb",
      .help = "accepts listed domains"},
     MakeMoreRcptHosts},
    {{.rule = "open-relay",
      .accepts = true,
      .needs = "--open-relay",
      .help = "accepts all recipients if there is no rcpthosts"},
     MakeOpenRelay},
    {{.rule = "not-listed",
      .help = "refuses recipients that no check has\n"
              "accepted"},
     MakeNotListed},
    {{.rule = "no-relay",
      .later = true,
      .needs = "--deliver, rcpthosts",
      .help = "refuses remote recipients if the delivery\n"
              "does not forward mail to them",
      .delivery = true},
     MakeNoRelay},
    {{.rule = "rblsmtpd",
      .needs = "RBLSMTPD",
      .help = "refuses clients whose rule sets RBLSMTPD, as\n"
              "rblsmtpd does",
      .variables = "RBLSMTPD"},
     MakeRblSmtpd},
    {{.rule = "validrcptto",
      .later = true,
      .needs = "the database",
      .help = "refuses recipients that are not in a database,\n"
              "except from clients that may relay",
      .option = "validrcptto",
      .value = "FILE",
      .variables = "VALIDRCPTTO_CDB",
      .outside = true},
     MakeValidRcptTo},
    {{.rule = "dns-list",
      .later = true,
      .needs = "--dns-list, DNS",
      .help = "refuses clients on a DNS list\n"
              "[!]ZONE[,permanent][,fail-closed][,note][:TEXT];\n"
              "may be repeated (postern serve only)",
      .option = "dns-list",
      .value = "LIST",
      .many = true,
      .dns = true,
      .outside = true},
     MakeDnsLists},
    {{.rule = "sender-domain",
      .later = true,
      .needs = "--sender-domain-exists, DNS",
      .help = "refuses senders whose domain does not exist, of\n"
              "strangers (neither relay clients nor users) or\n"
              "of all (postern serve only)",
      .option = "sender-domain-exists",
      .value = "WHO",
      .dns = true,
      .outside = true},
     MakeSenderDomain},
    {{.rule = "spf",
      .later = true,
      .needs = "--spf, SPFBEHAVIOR, DNS",
      .help = "checks whether the client may send for the\n"
              "sender's domain (SPF), and adds Received-SPF:\n"
              "default, accept, or RESULT=ACTION,...\n"
              "(postern serve only)",
      .option = "spf",
      .value = "ACTIONS",
      .variables = "SPFBEHAVIOR",
      .dns = true,
      .outside = true},
     MakeSpf},
    {{.rule = "rcptcheck",
      .later = true,
      .needs = "--rcptcheck, RCPTCHECK",
      .help = "asks a program about recipients",
      .option = "rcptcheck",
      .value = "PROGRAM",
      .variables = "RCPTCHECK RCPTCHECKRELAYCLIENT",
      .runs_program = true,
      .outside = true},
     MakeRcptCheck},
    {{.rule = "policy-server",
      .later = true,
      .needs = "--policy-server",
      .help = "asks policy servers of Postfix about\n"
              "recipients",
      .option = "policy-server",
      .value = "SERVER...",
      .outside = true},
     MakePolicyServers},
    {{.rule = "greylist",
      .later = true,
      .needs = "--greylist",
      .help = "refuses what a client sends for the first time,\n"
              "until it tries again after five minutes;\n"
              "FILE[,delay=N][,window=N][,max-entries=N]\n"
              "[,ignore-outage] (postern serve only)",
      .option = "greylist",
      .value = "FILE",
      .variables = "NOGREYLIST",
      .outside = true},
     MakeGreylist},
    {{.rule = "policy-server",
      .stage = CheckStage::kData,
      .later = true,
      .needs = "--policy-server",
      .help = "asks those with at=data about the envelope",
      .outside = true},
     MakeDataPolicyServers},
};

}  // namespace

absl::Span<const CheckEntry> CheckList() { return kChecks; }

std::string FormatChecks(absl::Span<const CheckEntry> list) {
  constexpr size_t kStageColumn = 2;
  constexpr size_t kRuleColumn = 11;
  constexpr size_t kHelpColumn = 27;
  std::string text;
  for (const CheckEntry& entry : list) {
    const CheckRow& row = entry.row;
    std::string line(kStageColumn, ' ');
    absl::StrAppend(&line, StageName(row.stage));
    line.resize(kRuleColumn, ' ');
    absl::StrAppend(&line, row.rule);
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

}  // namespace postern::policy
