// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/settings.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "policy/check_list.h"
#include "policy/control/controls.h"
#include "policy/rules/not_read.h"
#include "policy/rules/tcp_rules.h"
#include "policy/rules/tcp_rules_text.h"

namespace postern::programs::migrate {
namespace {

constexpr absl::string_view kControl = "/var/qmail/control";

// Where a setting of the old server is.
enum class From : uint8_t { kVariable, kFile, kSpamdyke };

// Which programs have the option.
enum class For : uint8_t { kBoth, kServe };

// How the value of the option is made.
enum class Make : uint8_t {
  kCopy,     // the same value
  kNumber,   // a number; others are not supported
  kNonZero,  // a flag, if the value is a number above 0
  kFlag,     // a flag, if the setting exists
  kPath,     // the path of the control file
};

// A setting that an option replaces. Settings without a row here are those of
// the tables of not_read.h and of the checks.
struct SettingRow {
  From from = From::kVariable;
  absl::string_view name;
  absl::string_view option;  // ",WORD": a word of --listen in postern serve
  absl::string_view value;   // the option's value for kNonZero and kFlag
  For programs = For::kBoth;
  Make make = Make::kCopy;
  absl::string_view differs;  // empty: the option does the same
};

constexpr absl::string_view kWaits =
    "a client that sends before the greeting gets a 554";
constexpr absl::string_view kMaxRcpt =
    "further recipients get a 452; the sender's server sends again for them";
constexpr absl::string_view kSpfBehavior =
    "neutral and none are never refused (RFC 7208 8.2)";

constexpr SettingRow kRows[] = {
    // Variables.
    {From::kVariable, "GREETDELAY", "greet-delay", "", For::kBoth,
     Make::kNumber, kWaits},
    {From::kVariable, "SMTPD_GREETDELAY", "greet-delay", "", For::kBoth,
     Make::kNumber, kWaits},
    {From::kVariable, "MAXRCPT", "max-recipients", "", For::kBoth,
     Make::kNumber, kMaxRcpt},
    {From::kVariable, "MAXRECIPIENTS", "max-recipients", "", For::kBoth,
     Make::kNumber, kMaxRcpt},
    {From::kVariable, "MAXRCPTCOUNT", "max-recipients", "", For::kBoth,
     Make::kNumber, kMaxRcpt},
    {From::kVariable, "REQUIRE_AUTH", "submission", "", For::kBoth,
     Make::kNonZero, ""},
    {From::kVariable, "AUTHREQUIRED", "submission", "", For::kBoth,
     Make::kNonZero, ""},
    {From::kVariable, "AUTH_ALL", "submission", "", For::kBoth, Make::kNonZero,
     ""},
    {From::kVariable, "FORCE_TLS", "require-tls", "", For::kBoth,
     Make::kNonZero, ""},
    {From::kVariable, "FORCETLS", "require-tls", "", For::kBoth, Make::kNonZero,
     "the patch requires TLS before AUTH; the option requires it for all mail"},
    {From::kVariable, "TLSREQUIRED", "require-tls", "", For::kBoth,
     Make::kNonZero, ""},
    {From::kVariable, "SMTPS", "tls-wrapped", "", For::kBoth, Make::kFlag, ""},
    {From::kVariable, "SSL", "tls-wrapped", "", For::kBoth, Make::kNonZero, ""},
    {From::kVariable, "ALLOW_INSECURE_AUTH", "auth-insecure", "", For::kBoth,
     Make::kNonZero, ""},
    {From::kVariable, "TLS_SERVER_CERT", "tls-cert", "", For::kBoth,
     Make::kCopy, ""},
    {From::kVariable, "TLSCIPHERS", "tls-ciphers", "", For::kBoth, Make::kCopy,
     "the list applies to TLS 1.2"},
    {From::kVariable, "MFCHECK", "sender-domain-exists", "strangers",
     For::kServe, Make::kNonZero, "relay clients and users are exempt"},
    {From::kVariable, "MFDNSCHECK", "sender-domain-exists", "strangers",
     For::kServe, Make::kFlag, "relay clients and users are exempt"},
    {From::kVariable, "RETURNMXCHECK", "sender-domain-exists", "strangers",
     For::kServe, Make::kFlag, "relay clients and users are exempt"},
    {From::kVariable, "ALLOW_BARELF", "bare-newlines", "normalize", For::kBoth,
     Make::kNonZero, "a bare newline never ends the message"},
    // Control files.
    {From::kFile, "maxrcpt", "max-recipients", "", For::kBoth, Make::kNumber,
     kMaxRcpt},
    {From::kFile, "maxrecipients", "max-recipients", "", For::kBoth,
     Make::kNumber, kMaxRcpt},
    {From::kFile, "maxrcptcount", "max-recipients", "", For::kBoth,
     Make::kNumber, kMaxRcpt},
    {From::kFile, "brtlimit", "max-invalid-recipients", "", For::kBoth,
     Make::kNumber, "the session ends with a 421"},
    {From::kFile, "greetdelay", "greet-delay", "", For::kBoth, Make::kNumber,
     kWaits},
    {From::kFile, "mfcheck", "sender-domain-exists", "strangers", For::kServe,
     Make::kNonZero, "relay clients and users are exempt"},
    {From::kFile, "servercert.pem", "tls-cert", "", For::kBoth, Make::kPath,
     ""},
    {From::kFile, "clientca.pem", "client-ca", "", For::kBoth, Make::kPath,
     "certificates of clients do not permit to relay"},
    {From::kFile, "tlsserverciphers", "tls-ciphers", "", For::kBoth,
     Make::kCopy, "the list applies to TLS 1.2"},
    // spamdyke. postern-smtpd keeps spamdyke before it.
    {From::kSpamdyke, "greeting-delay-secs", "greet-delay", "", For::kServe,
     Make::kNumber, kWaits},
    {From::kSpamdyke, "max-recipients", "max-recipients", "", For::kServe,
     Make::kNumber, ""},
    {From::kSpamdyke, "tls-certificate-file", "tls-cert", "", For::kServe,
     Make::kCopy, ""},
    {From::kSpamdyke, "tls-privatekey-file", "tls-key", "", For::kServe,
     Make::kCopy, ""},
    {From::kSpamdyke, "tls-cipher-list", "tls-ciphers", "", For::kServe,
     Make::kCopy, "the list applies to TLS 1.2"},
    {From::kSpamdyke, "dns-blacklist-entry", "dns-list", "", For::kServe,
     Make::kCopy, "the client gets a 451 for each recipient"},
    {From::kSpamdyke, "dns-whitelist-entry", "dns-list", "!", For::kServe,
     Make::kCopy, "exempts from DNS lists only"},
    {From::kSpamdyke, "reject-missing-sender-mx", "sender-domain-exists",
     "strangers", For::kServe, Make::kFlag,
     "a domain with an address but without MX is accepted"},
    {From::kSpamdyke, "connection-timeout-secs", "session-timeout", "",
     For::kServe, Make::kNumber, "the session ends with a 421"},
};

// Settings of spamdyke without an effect on what is accepted, and those that
// qmail's own files do in postern serve.
struct SpamdykeRow {
  absl::string_view name;
  Outcome outcome = Outcome::kMaps;
  absl::string_view text;
  bool limits_clients = false;  // postern serve must not start without it
};
constexpr SpamdykeRow kSpamdyke[] = {
    {"log-level", Outcome::kMaps, "the log has each decision"},
    {"log-target", Outcome::kMaps, "the log goes to descriptor 2"},
    {"local-domains-file", Outcome::kMaps, "control/rcpthosts is read"},
    {"qmail-rcpthosts-file", Outcome::kMaps, "control/rcpthosts is read"},
    {"qmail-morercpthosts-cdb", Outcome::kMaps,
     "control/morercpthosts.cdb is read"},
    {"idle-timeout-secs", Outcome::kUnsupported,
     "write the seconds into control/timeoutsmtpd"},
    {"access-file", Outcome::kUnsupported,
     "compile the file with postern rules and name it with --rules", true},
    {"ip-blacklist-entry", Outcome::kUnsupported,
     "write ADDRESS:deny into the file of --rules", true},
    {"ip-blacklist-file", Outcome::kUnsupported,
     "write ADDRESS:deny into the file of --rules", true},
    {"ip-whitelist-entry", Outcome::kUnsupported,
     "write ADDRESS:allow,RBLSMTPD=\"\" into the file of --rules"},
    {"ip-whitelist-file", Outcome::kUnsupported,
     "write ADDRESS:allow,RBLSMTPD=\"\" into the file of --rules"},
    {"sender-blacklist-file", Outcome::kUnsupported,
     "write the senders into control/badmailfrom"},
    {"recipient-blacklist-file", Outcome::kUnsupported,
     "write the recipients into control/badrcptto"},
    {"graylist-dir", Outcome::kUnsupported,
     "--greylist FILE keeps a table of its own; the directories cannot be "
     "read"},
    {"graylist-level", Outcome::kUnsupported,
     "--greylist FILE keeps a table of its own; NOGREYLIST in rules exempts"},
    {"graylist-min-secs", Outcome::kUnsupported, "--greylist FILE,delay=N"},
    {"graylist-max-secs", Outcome::kUnsupported, "--greylist FILE,window=N"},
    {"reject-empty-rdns", Outcome::kUnsupported,
     "no check refuses clients without a host name; --dns-list and --policy-"
     "server can do more"},
    {"reject-unresolvable-rdns", Outcome::kUnsupported,
     "no check refuses clients by their host name"},
    {"reject-ip-in-cc-rdns", Outcome::kUnsupported,
     "no check refuses clients by the form of their host name"},
    {"ip-in-rdns-keyword-blacklist-file", Outcome::kUnsupported,
     "no check refuses clients by the form of their host name"},
};

// Returns the words of --listen for an option of postern-smtpd that a listener
// has in postern serve. Empty for an option of the server.
absl::string_view ListenWord(absl::string_view option) {
  if (option == "submission" || option == "require-tls") return option;
  if (option == "tls-wrapped") return "tls";
  return "";
}

// Returns the value of the option, or nullopt if the value of the setting
// cannot be mapped. Sets `*off` if the setting turns its feature off.
std::optional<std::string> MakeValue(const SettingRow& row,
                                     absl::string_view value, bool* off) {
  uint64_t number = 0;
  switch (row.make) {
    case Make::kCopy:
      if (value.empty()) return std::nullopt;
      return absl::StrCat(row.value, value);
    case Make::kNumber:
      if (!absl::SimpleAtoi(value, &number)) return std::nullopt;
      *off = number == 0;
      return std::string(value);
    case Make::kNonZero:
      if (!absl::SimpleAtoi(value, &number)) return std::nullopt;
      *off = number == 0;
      return std::string(row.value);
    case Make::kFlag:
      *off = row.from == From::kSpamdyke && (value == "no" || value == "none" ||
                                             value == "false" || value == "0");
      return std::string(row.value);
    case Make::kPath:
      return absl::StrCat(kControl, "/", row.name);
  }
  return std::nullopt;
}

bool IsAboutTls(absl::string_view option) {
  return option == "require-tls" || option == "client-ca" ||
         absl::StartsWith(option, "tls-");
}

// Returns what becomes of an option that one of the two programs cannot have
// because of another part of the server; nullopt if it can.
std::optional<Mapping> WhyLeftOut(absl::string_view option, bool smtpd,
                                  const Setup& setup) {
  const Facts& facts = setup.facts;
  if (option == "submission" && !facts.auth_offered()) {
    return Mapping{Outcome::kUnsupported,
                   facts.auth_off
                       ? "AUTH is required, and SMTPAUTH turns it off"
                       : "AUTH is required, and no checker is named: add "
                         "--auth and --submission"};
  }
  if (option == "auth-insecure" && !facts.auth_offered()) {
    return Mapping{Outcome::kMaps, "left out: AUTH is not offered"};
  }
  if (!IsAboutTls(option)) return std::nullopt;
  if (facts.tls_denied && option == "require-tls") {
    return Mapping{Outcome::kUnsupported,
                   "TLS is required, and another variable turns it off"};
  }
  if (facts.tls_denied) {
    return Mapping{Outcome::kMaps, "left out: TLS is not offered"};
  }
  if (option == "require-tls") {
    if (facts.wrapped) {
      return Mapping{Outcome::kMaps,
                     "left out: TLS begins with the connection"};
    }
    if (!smtpd || !facts.tls_stays || facts.ucspi_tls) return std::nullopt;
    return Mapping{Outcome::kUnsupported,
                   absl::StrCat(facts.tls_by,
                                " ends TLS, so postern-smtpd cannot require "
                                "it: let ",
                                facts.tls_by, " do it")};
  }
  if (smtpd && facts.tls_stays) {
    return Mapping{Outcome::kMaps,
                   absl::StrCat("left out: ", facts.tls_by, " ends TLS")};
  }
  if (!facts.certificate && option != "tls-wrapped") {
    return Mapping{Outcome::kMaps,
                   "left out: without a certificate TLS is not offered"};
  }
  return std::nullopt;
}

// Applies `row` to one of the two programs, and returns its mapping.
Mapping ApplyTo(const SettingRow& row, const Word& value,
                const std::string& made, bool smtpd, Setup* setup) {
  if (smtpd && row.programs == For::kServe) {
    if (row.from == From::kSpamdyke) {
      return {Outcome::kMaps, "spamdyke stays before postern-smtpd"};
    }
    return {Outcome::kUnsupported,
            absl::StrCat("only postern serve has --", row.option)};
  }
  if (const auto left_out = WhyLeftOut(row.option, smtpd, *setup)) {
    // AUTH has its line in Chain::FinishAuth().
    if (row.option == "require-tls" &&
        left_out->outcome == Outcome::kUnsupported) {
      Word lacking = value;
      lacking.unknown = left_out->text;
      smtpd ? setup->LackSmtpd(lacking) : setup->LackServe(lacking);
    }
    return *left_out;
  }
  // postern-smtpd reads BRTLIMIT itself.
  const bool set = smtpd && row.option != "max-invalid-recipients"
                       ? setup->HasSmtpd(row.option)
                       : setup->HasServe(row.option);
  if (row.from == From::kFile && set) {
    return {Outcome::kMaps, absl::StrCat("--", row.option,
                                         " is set before, which has priority")};
  }
  const std::string shown =
      absl::StrCat("--", row.option, made.empty() ? "" : " ", made);
  const Outcome outcome =
      row.differs.empty() ? Outcome::kMaps : Outcome::kDiffers;
  const std::string why =
      row.differs.empty() ? "" : absl::StrCat("; ", row.differs);
  if (smtpd) {
    setup->SetSmtpd(row.option, made);
    return {outcome, absl::StrCat(shown, why)};
  }
  const absl::string_view word = ListenWord(row.option);
  if (!word.empty()) {
    setup->AddListenWord(word);
    return {outcome, absl::StrCat("--listen ADDRESS,", word, why)};
  }
  if (row.option == "dns-list") {
    setup->AddServe(row.option, made);
  } else {
    setup->SetServe(row.option, made);
  }
  return {outcome, absl::StrCat(shown, why)};
}

// Applies `row` to the value.
void Apply(const SettingRow& row, const Word& value, std::string what,
           Setup* setup) {
  bool off = false;
  const std::optional<std::string> made = MakeValue(row, value.text, &off);
  Row out = {.place = value.place, .what = std::move(what)};
  if (!made) {
    out.smtpd = {
        Outcome::kUnsupported,
        absl::StrCat("the value is not one that --", row.option, " can have")};
    out.serve = out.smtpd;
    // Without it, more might be accepted than before.
    // spamdyke itself stays before postern-smtpd.
    Word lacking = value;
    lacking.unknown = absl::StrCat(out.what, ": ", out.serve.text);
    setup->LackServe(lacking);
    if (row.from != From::kSpamdyke) setup->LackSmtpd(lacking);
  } else if (off) {
    out.smtpd = {Outcome::kMaps, "it is turned off"};
    out.serve = out.smtpd;
  } else {
    out.smtpd = ApplyTo(row, value, *made, /*smtpd=*/true, setup);
    out.serve = ApplyTo(row, value, *made, /*smtpd=*/false, setup);
  }
  setup->rows.push_back(std::move(out));
}

const SettingRow* FindRow(From from, absl::string_view name) {
  for (const SettingRow& row : kRows) {
    if (row.from == from && row.name == name) return &row;
  }
  return nullptr;
}

// Whether a check reads the variable, or the session does (rule_facts.h).
bool IsRead(absl::string_view name) {
  for (const absl::string_view known :
       {"RELAYCLIENT", "DATABYTES", "QMAILQUEUE", "BRTLIMIT",
        "VALIDRCPTTO_LIMIT"}) {
    if (name == known) return true;
  }
  for (const policy::CheckEntry& check : policy::CheckList()) {
    for (const absl::string_view variable :
         absl::StrSplit(check.row.variables, ' ', absl::SkipEmpty())) {
      if (name == variable) return true;
    }
  }
  return absl::StartsWith(name, "POSTERN_");
}

// Variables of the process itself.
bool IsOfProcess(absl::string_view name) {
  for (const absl::string_view known :
       {"PATH", "HOME", "USER", "UID", "GID", "SHELL", "LANG", "TZ", "LOGNAME",
        "QMAILDUID", "NOFILESGID", "LC_ALL", "GIDLIST"}) {
    if (name == known) return true;
  }
  return false;
}

// The options of postern serve that replace variables which postern-smtpd
// reads.
absl::string_view ServeOptionFor(absl::string_view name) {
  if (name == "VALIDRCPTTO_CDB") return "validrcptto";
  if (name == "RCPTCHECK") return "rcptcheck";
  if (name == "BRTLIMIT" || name == "VALIDRCPTTO_LIMIT") {
    return "max-invalid-recipients";
  }
  return "";
}

// A rule for all clients would let in those that no rule allows, so it is not
// an answer.
std::string InRules(const Variable& variable) {
  return absl::StrCat("add ", variable.name, "=\"", variable.value.text,
                      "\" to each rule that allows, in the file of --rules");
}

void MapSpf(const Word& value, std::string what, Setup* setup) {
  absl::string_view actions;
  if (value.text == "1") actions = "accept";
  if (value.text == "2") {
    actions = "fail=accept,softfail=accept,temperror=tempfail";
  }
  if (value.text == "3") actions = "default";
  if (value.text == "4" || value.text == "5") {
    actions = "fail=refuse,softfail=refuse";
  }
  if (value.text == "6") {
    actions = "fail=refuse,softfail=refuse,permerror=refuse";
  }
  Row row = {.place = value.place, .what = std::move(what)};
  if (value.text == "0") {
    row.smtpd = {Outcome::kMaps, "it is turned off"};
    row.serve = row.smtpd;
  } else if (actions.empty()) {
    row.smtpd = {Outcome::kUnsupported, "the value has no meaning"};
    row.serve = row.smtpd;
  } else {
    const bool differs = value.text == "5" || value.text == "6";
    setup->SetServe("spf", actions);
    row.smtpd = {Outcome::kUnsupported,
                 "only postern serve has --spf; ask policyd-spf with "
                 "--policy-server"};
    row.serve = {differs ? Outcome::kDiffers : Outcome::kMaps,
                 absl::StrCat("--spf ", actions, differs ? "; " : "",
                              differs ? kSpfBehavior : "")};
  }
  setup->rows.push_back(std::move(row));
}

// Whether SMTPAUTH of s/qmail and of sagredo's patch turns AUTH off.
bool IsAuthOff(absl::string_view smtp_auth) {
  return smtp_auth == "-" || smtp_auth == "0";
}

// Maps SMTPAUTH. The facts have its meaning.
void MapSmtpAuth(const Variable& variable, Setup* setup) {
  const absl::string_view text = variable.value.text;
  Row row = {.place = variable.value.place,
             .what = absl::StrCat("SMTPAUTH=", text)};
  const bool required = absl::StartsWith(text, "!");
  const bool cram = absl::StrContains(text, "cram");
  if (IsAuthOff(text)) {
    row.smtpd = {Outcome::kMaps, "AUTH is not offered: no --auth"};
    row.serve = row.smtpd;
  } else if (!setup->facts.checker) {
    row.smtpd = {Outcome::kUnsupported,
                 "AUTH needs a checker: --auth checkpassword:PROGRAM"};
    row.serve = row.smtpd;
  } else {
    const std::string options =
        absl::StrCat(cram ? " and --cram-md5 response-first" : "");
    row.smtpd = {Outcome::kMaps,
                 absl::StrCat(required ? "--submission" : "--auth", options)};
    row.serve = {Outcome::kMaps,
                 absl::StrCat("--listen ADDRESS,",
                              required ? "submission" : "auth", options)};
  }
  setup->rows.push_back(std::move(row));
}

// Whether a variable makes the old server refuse mail that the new ones accept.
bool Requires(absl::string_view name, absl::string_view value) {
  if (name == "SMTPAUTH" || name == "UCSPITLS") {
    return absl::StartsWith(value, "!");
  }
  const SettingRow* row = FindRow(From::kVariable, name);
  bool off = false;
  return row != nullptr &&
         (row->option == "submission" || row->option == "require-tls") &&
         !(MakeValue(*row, value, &off) && off);
}

bool IsNonZero(absl::string_view text) {
  uint64_t number = 0;
  return absl::SimpleAtoi(text, &number) && number > 0;
}

bool DeniesTls(const Variable& variable) {
  return ((variable.name == "DENY_TLS" || variable.name == "DISABLETLS") &&
          IsNonZero(variable.value.text)) ||
         (variable.name == "UCSPITLS" && variable.value.text == "-");
}

}  // namespace

void CollectFacts(const std::vector<Variable>& variables,
                  const SiteFiles& files, Setup* setup) {
  Facts& facts = setup->facts;
  for (const Variable& variable : variables) {
    const Word& value = variable.value;
    if (!value.known()) continue;
    if (variable.name == "SMTPAUTH") {
      facts.auth_off = IsAuthOff(value.text);
      if (absl::StartsWith(value.text, "!")) {
        facts.auth_required = true;
        facts.auth_required_by_smtpd = true;
      }
      facts.cram = absl::StrContains(value.text, "cram");
    }
    if (DeniesTls(variable) && (facts.tls_by.empty() || facts.ucspi_tls)) {
      facts.tls_denied = true;
    }
    const SettingRow* row = FindRow(From::kVariable, variable.name);
    bool off = false;
    if (row == nullptr || !MakeValue(*row, value.text, &off) || off) continue;
    if (row->option == "submission") {
      facts.auth_required = true;
      facts.auth_required_by_smtpd = true;
    }
    if (row->option == "tls-wrapped") facts.wrapped = true;
    if (row->option == "tls-cert") facts.certificate = true;
  }
  const auto names = files.List(kControl);
  if (names.ok() && std::find(names->begin(), names->end(), "servercert.pem") !=
                        names->end()) {
    facts.certificate = true;
  }
  if (setup->HasServe("tls-cert")) facts.certificate = true;
  if (facts.tls_denied) facts.wrapped = false;
}

void MapVariable(const Variable& variable, Setup* setup, bool* keep) {
  *keep = false;
  const Word& value = variable.value;
  Row row = {.place = value.place,
             .what = absl::StrCat(variable.name, "=", value.text)};
  if (!IsVariableName(variable.name)) {
    row.what = variable.name;
    row.smtpd = {Outcome::kUnsupported, "this is not the name of a variable"};
    row.serve = row.smtpd;
    setup->rows.push_back(std::move(row));
    return;
  }
  const bool of_process = IsOfProcess(variable.name);
  if (of_process && value.known()) {
    *keep = true;
    return;
  }
  if (!value.known()) {
    *keep = true;
    row.smtpd = {Outcome::kUnsupported, value.unknown};
    row.serve = of_process
                    ? Mapping{Outcome::kMaps, "left out: it is not needed"}
                    : row.smtpd;
    if (!of_process) setup->LackBoth(value);
    setup->rows.push_back(std::move(row));
    return;
  }
  if (variable.name == "SMTPAUTH") return MapSmtpAuth(variable, setup);
  if (variable.name == "SPFBEHAVIOR") {
    return MapSpf(value, std::move(row.what), setup);
  }
  if (variable.name == "DENY_TLS" || variable.name == "DISABLETLS") {
    if (!IsNonZero(value.text)) {
      row.smtpd = {Outcome::kMaps, "it is turned off"};
    } else if (setup->facts.tls_denied) {
      row.smtpd = {Outcome::kMaps, "without --tls-cert TLS is not offered"};
    } else {
      row.smtpd = {
          Outcome::kMaps,
          absl::StrCat("without effect: ", setup->facts.tls_by, " ends TLS")};
    }
    row.serve = row.smtpd;
    setup->rows.push_back(std::move(row));
    return;
  }
  if (variable.name == "QMAILQUEUE") {
    *keep = true;
    setup->SetServe("deliver", absl::StrCat("qmail-queue:", value.text));
    row.smtpd = {Outcome::kMaps, "the variable is read"};
    row.serve = {Outcome::kMaps,
                 absl::StrCat("--deliver qmail-queue:", value.text)};
    setup->rows.push_back(std::move(row));
    return;
  }
  if (const SettingRow* known = FindRow(From::kVariable, variable.name)) {
    Apply(*known, value, std::move(row.what), setup);
    return;
  }
  if (variable.name == "UCSPITLS") {
    *keep = true;
    row.smtpd = {Outcome::kMaps, "the variable is read"};
    if (absl::StartsWith(value.text, "!")) {
      setup->AddListenWord("require-tls");
      row.serve = {Outcome::kMaps, "--listen ADDRESS,require-tls"};
    } else if (value.text == "-") {
      row.serve = {Outcome::kMaps, "without --tls-cert TLS is not offered"};
    } else if (value.text.empty()) {
      row.serve = {Outcome::kMaps, "--tls-cert offers STARTTLS"};
    } else {
      row.smtpd = {Outcome::kUnsupported,
                   "certificates of clients do not permit to relay"};
      row.serve = row.smtpd;
    }
    setup->rows.push_back(std::move(row));
    return;
  }
  for (const absl::string_view name :
       {"REJECTNULLSENDERS", "DROP_PRE_GREET", "FORCEAUTHMAILFROM",
        "DNSBLFAILCLOSED", "VALIDRCPTTO_LOG"}) {
    if (variable.name != name || value.text != "0") continue;
    row.smtpd = {Outcome::kMaps, "it is turned off"};
    row.serve = row.smtpd;
    setup->rows.push_back(std::move(row));
    return;
  }
  if (IsRead(variable.name)) {
    *keep = true;
    row.smtpd = {Outcome::kMaps, "the variable is read"};
    const absl::string_view option = ServeOptionFor(variable.name);
    if (!option.empty() && !value.text.empty()) {
      setup->SetServe(option, value.text);
      row.serve = {Outcome::kMaps, absl::StrCat("--", option, " ", value.text)};
    } else {
      row.serve = {Outcome::kUnsupported, InRules(variable)};
      // The message refuses all clients.
      if (variable.name == "RBLSMTPD" && !value.text.empty()) {
        Word lacking = value;
        lacking.unknown = absl::StrCat(row.what, ": ", row.serve.text);
        setup->LackServe(lacking);
      }
      if (variable.name == "DATABYTES") {
        row.serve.text = absl::StrCat("write ", value.text,
                                      " into control/databytes, which counts "
                                      "as SIZE does");
      }
    }
    setup->rows.push_back(std::move(row));
    return;
  }
  if (const std::optional<std::string> why = policy::WhyIdle(variable.name)) {
    row.smtpd = {Outcome::kUnsupported, absl::StrCat("it is ", *why)};
    row.serve = row.smtpd;
    setup->rows.push_back(std::move(row));
    return;
  }
  // The queue program may read it. The value may be a secret.
  *keep = true;
  row.what = variable.name;
  setup->AddServe("pass-environment", variable.name);
  row.smtpd = {Outcome::kMaps, "postern does not read it; its programs get it"};
  row.serve = {Outcome::kDiffers,
               absl::StrCat("--pass-environment ", variable.name,
                            ", and export it before the start")};
  setup->rows.push_back(std::move(row));
}

bool MayRequire(absl::string_view name) {
  const SettingRow* row = FindRow(From::kVariable, name);
  return name == "SMTPAUTH" ||
         (row != nullptr &&
          (row->option == "submission" || row->option == "require-tls"));
}

void MapRemoval(absl::string_view name, const std::string& what,
                const Word& where, Setup* setup) {
  Row row = {.place = where.place, .what = what};
  row.smtpd = {Outcome::kMaps, "kept"};
  const bool has_effect =
      IsVariableName(name) && !IsOfProcess(name) && IsRead(name);
  if (!has_effect || !setup->HasServe("rules")) {
    row.serve = {Outcome::kMaps, has_effect
                                     ? "there are no rules that set it"
                                     : "it has no effect on postern serve"};
  } else {
    row.serve = {Outcome::kUnsupported,
                 absl::StrCat("rules of --rules may set ", name,
                              ": name a file of rules without it")};
    Word lacking = where;
    lacking.unknown = absl::StrCat(what, ": ", row.serve.text);
    setup->LackServe(lacking);
  }
  setup->rows.push_back(std::move(row));
}

void MapControlFiles(const SiteFiles& files, Setup* setup) {
  const auto names = files.List(kControl);
  bool leaves = false;
  for (const std::string& name :
       names.ok() ? *names : std::vector<std::string>()) {
    if (files.LeavesSite(absl::StrCat(kControl, "/", name))) {
      leaves = true;
      const Mapping why = {Outcome::kUnsupported,
                           "the link does not lead to a file that is known "
                           "here: copy the file to its place"};
      setup->rows.push_back(
          {{absl::StrCat(kControl, "/", name), 0}, name, why, why});
    }
    const std::string path = absl::StrCat(kControl, "/", name);
    Word value;
    value.place = {path, 0};
    if (const SettingRow* known = FindRow(From::kFile, name)) {
      value.place.line = known->make == Make::kPath ? 0 : 1;
      if (known->make != Make::kPath) {
        const absl::StatusOr<std::string> text = files.Read(path);
        if (!text.ok()) {
          setup->rows.push_back(
              {value.place,
               name,
               {Outcome::kUnsupported, "the file cannot be read"},
               {Outcome::kUnsupported, "the file cannot be read"}});
          continue;
        }
        value.text = std::string(absl::StripAsciiWhitespace(
            absl::string_view(*text).substr(0, text->find('\n'))));
      }
      Apply(*known, value, name, setup);
      continue;
    }
    if (name == "spfbehavior" && setup->HasServe("spf")) {
      const Mapping same = {Outcome::kMaps,
                            "SPFBEHAVIOR of the script has priority"};
      setup->rows.push_back({value.place, name, same, same});
      continue;
    }
    if (name == "spfbehavior") {
      const absl::StatusOr<std::string> text = files.Read(path);
      value.place.line = 1;
      value.text = text.ok() ? std::string(absl::StripAsciiWhitespace(*text))
                             : "unreadable";
      MapSpf(value, name, setup);
      continue;
    }
    for (const policy::NotReadRow& idle : policy::NotReadFiles()) {
      if (idle.name != name) continue;
      const Mapping why = {absl::StrContains(idle.why, "needs no such file")
                               ? Outcome::kMaps
                               : Outcome::kUnsupported,
                           absl::StrCat("it is ", idle.why)};
      setup->rows.push_back({value.place, name, why, why});
    }
  }
  // Errors that would prevent the start, by the reader of the programs.
  std::vector<absl::Status> errors;
  policy::ControlOptions options;
  const absl::StatusOr<std::string> directory = files.Find(kControl);
  // The reader follows links as this host does.
  if (leaves || !directory.ok()) {
    const Mapping why = {Outcome::kUnsupported, "the files are not checked"};
    setup->rows.push_back(
        {{std::string(kControl), 0}, "the control files", why, why});
    return;
  }
  options.directory = *directory;
  const policy::Controls controls = policy::ReadControls(options, &errors);
  // The messages name the files of the site.
  const auto clean = [&](absl::string_view text) {
    return absl::StrReplaceAll(text, {{options.directory, kControl}});
  };
  for (const absl::Status& error : errors) {
    const Mapping why = {Outcome::kUnsupported, clean(error.message())};
    setup->rows.push_back(
        {{std::string(kControl), 0}, "the control files", why, why});
  }
  for (const std::string& warning : controls.warnings) {
    const Mapping why = {Outcome::kMaps, clean(warning)};
    setup->rows.push_back(
        {{std::string(kControl), 0}, "the control files", why, why});
  }
}

bool MapRules(const Word& database, const SiteFiles& files, bool relays,
              Setup* setup) {
  absl::string_view text_path = database.text;
  absl::ConsumeSuffix(&text_path, ".cdb");
  struct Found {
    std::string name;
    Place place;
  };
  std::vector<Found> found;
  std::vector<Word> lacks;
  const auto take = [&](absl::string_view record, const Place& place) {
    const auto match = policy::TcpRules::ParseRecord(record);
    if (!match) return;
    const bool relay_rule = std::any_of(
        match->variables.begin(), match->variables.end(),
        [](const auto& each) { return each.first == "RELAYCLIENT"; });
    for (const auto& [name, value] : match->variables) {
      if ((relays || relay_rule) && Requires(name, value)) {
        Word lacking;
        lacking.place = place;
        lacking.unknown =
            absl::StrCat("a rule lets clients relay that have ", name,
                         ": take RELAYCLIENT away from them");
        lacks.push_back(std::move(lacking));
      }
      if (std::none_of(found.begin(), found.end(), [&name = name](auto& each) {
            return each.name == name;
          })) {
        found.push_back({name, place});
      }
    }
  };
  // tcpserver reads the database. The text has the lines of its rules.
  bool read = false;
  bool by_name = false;
  std::vector<std::pair<std::string, std::string>> compiled_rules;
  const absl::StatusOr<std::string> path = files.Find(database.text);
  if (path.ok()) {
    const auto rules = policy::TcpRules::Open(*path);
    read = rules.ok() &&
           rules
               ->ForEach([&](absl::string_view key, absl::string_view record) {
                 by_name = by_name || absl::StrContains(key, '=');
                 take(record, {database.text, 0});
                 compiled_rules.emplace_back(key, record);
                 return true;
               })
               .ok();
  }
  const absl::StatusOr<std::string> text = files.Read(text_path);
  if (text.ok() && text_path != database.text) {
    const auto rules = policy::ParseTcpRules(text_path, *text);
    const std::vector<Found> compiled = std::exchange(found, {});
    const std::vector<Word> compiled_lacks = std::exchange(lacks, {});
    if (!rules.ok()) lacks = compiled_lacks;
    if (rules.ok()) {
      std::vector<std::pair<std::string, std::string>> text_rules;
      for (const policy::TcpRule& rule : rules->rules) {
        text_rules.emplace_back(rule.key, rule.record);
      }
      std::sort(text_rules.begin(), text_rules.end());
      std::sort(compiled_rules.begin(), compiled_rules.end());
      if (read && text_rules != compiled_rules) {
        for (const Word& each : compiled_lacks) setup->LackBoth(each);
        const Mapping older = {
            Outcome::kDiffers,
            absl::StrCat("the rules in force differ from ", text_path,
                         ", whose lines are below: compile it again")};
        setup->rows.push_back(
            {{database.text, 0}, database.text, older, older});
      }
      for (const policy::TcpRule& rule : rules->rules) {
        by_name = by_name || absl::StrContains(rule.key, '=');
        take(rule.record, {std::string(text_path), rule.line});
      }
    }
    for (const Found& each : compiled) {
      if (std::none_of(found.begin(), found.end(), [&](const Found& other) {
            return other.name == each.name;
          })) {
        found.push_back(each);
      }
    }
    read = read || rules.ok();
  }
  for (const Word& each : lacks) setup->LackBoth(each);
  if (!read) {
    const Mapping why = {
        Outcome::kUnsupported,
        "neither the rules nor their text can be read here, so their variables "
        "are not in this table"};
    setup->rows.push_back({database.place, database.text, why, why});
    Word lacking = database;
    lacking.unknown = absl::StrCat(database.text, " cannot be read");
    setup->LackBoth(lacking);
    return true;
  }
  for (const Found& each : found) {
    const std::optional<std::string> why = policy::WhyIdle(each.name);
    if (!why) {
      const Mapping maps = {Outcome::kMaps,
                            IsRead(each.name)
                                ? "the variable is read"
                                : "postern does not read it; its programs get "
                                  "it"};
      setup->rows.push_back(
          {each.place, absl::StrCat("rule sets ", each.name), maps, maps});
      continue;
    }
    const Mapping idle = {Outcome::kUnsupported, absl::StrCat("it is ", *why)};
    setup->rows.push_back(
        {each.place, absl::StrCat("rule sets ", each.name), idle, idle});
  }
  return by_name;
}

void MapSpamdyke(absl::string_view key, const Word& value, Setup* setup) {
  const std::string what = absl::StrCat(key, "=", value.text);
  if (const SettingRow* row = FindRow(From::kSpamdyke, key)) {
    return Apply(*row, value, what, setup);
  }
  Row row = {
      .place = value.place,
      .what = what,
      .smtpd = {Outcome::kMaps, "spamdyke stays before postern-smtpd"},
      .serve = {Outcome::kUnsupported, "postern serve has no option for it"}};
  if (key == "reject-sender" && value.text == "no-mx") {
    return Apply(*FindRow(From::kSpamdyke, "reject-missing-sender-mx"),
                 Word{.place = value.place}, what, setup);
  }
  if (key == "reject-sender" && value.text == "none") {
    row.serve = {Outcome::kMaps, "it is turned off"};
  } else if (key == "reject-sender") {
    row.serve.text =
        "--senders and control/senders say which senders a user may have";
  }
  bool known_key = absl::StartsWith(key, "reject-");
  for (const absl::string_view prefix :
       {"dns-", "rhs-", "header-", "hostname", "rejection-", "policy-url",
        "full-log-", "run-as-user", "ip-in-rdns-"}) {
    known_key = known_key || absl::StartsWith(key, prefix);
  }
  for (const SpamdykeRow& known : kSpamdyke) {
    if (known.name != key) continue;
    row.serve = {known.outcome, std::string(known.text)};
    known_key = !known.limits_clients;
  }
  if (key == "relay-level" && value.text != "block-all") {
    row.serve = {value.text == "allow-all" ? Outcome::kDiffers : Outcome::kMaps,
                 "--rules and control/rcpthosts say who may relay"};
    known_key = true;
  }
  if (key == "filter-level" && value.text == "normal") {
    row.serve = {Outcome::kMaps, ""};
    known_key = true;
  }
  if (!known_key) {
    Word lacking = value;
    lacking.unknown = absl::StrCat(what, ": ", row.serve.text);
    setup->LackServe(lacking);
  }
  setup->rows.push_back(std::move(row));
}

}  // namespace postern::programs::migrate
