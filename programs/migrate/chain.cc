// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/chain.h"

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
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/grammar/ip_address.h"
#include "programs/migrate/settings.h"
#include "programs/serve/serve_options.h"
#include "service/config_places.h"
#include "service/config_text.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs::migrate {
namespace {

constexpr size_t npos = std::string::npos;
constexpr size_t kMaxNames = 1000;  // of SiteFiles::List()
// postern-smtpd(8), MEMORY.
constexpr uint64_t kMemory = 4000000;
constexpr uint64_t kMemoryWithTls = 24000000;
// What to do about a certificate that no file of the site names. The options
// have the paths of postern init.
constexpr char kNameCertificate[] =
    "no file of the site names it: put the certificate and its key at the "
    "paths of --tls-cert and --tls-key, or write other paths; if one file has "
    "both, such as servercert.pem, write it at --tls-cert and leave out "
    "--tls-key";

std::string BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path
                                                      : path.substr(slash + 1));
}

// Returns the port number of a service name; nullopt if it is not known.
std::optional<std::string> PortOf(absl::string_view name) {
  uint32_t number = 0;
  if (absl::SimpleAtoi(name, &number)) {
    return number <= 65535 ? std::optional(std::string(name)) : std::nullopt;
  }
  if (name == "smtp" || name == "mail") return "25";
  if (name == "smtps" || name == "ssmtp" || name == "submissions" ||
      name == "urd") {
    return "465";
  }
  if (name == "submission") return "587";
  return std::nullopt;
}

// Returns the host of --listen; nullopt for a name, which DNS would answer.
// The rules and the firewall of a server for IPv4 know no IPv6 client, so only
// a server that listens on IPv6 gets "*". `family` is '4', '6', or 0 if only
// the name says it.
std::optional<std::string> HostOf(absl::string_view name, char family) {
  const bool all_ipv4 =
      name == "0" || name.empty() || name == "0.0.0.0" || name == "*";
  const bool all = name == ":0" || name == "::" || name == "::0";
  if (all_ipv4 || all) {
    if (family == '4') return "0.0.0.0";
    if (family == '6') return "[::]";
    return all ? "*" : "0.0.0.0";
  }
  if (name == "localhost") return family == '6' ? "[::1]" : "127.0.0.1";
  if (!IpAddress::Parse(name)) return std::nullopt;
  return absl::StrContains(name, ':') ? absl::StrCat("[", name, "]")
                                      : std::string(name);
}

// Whether a word is a program of the chain. The directory of qmail-smtpd need
// not be known: postern-smtpd takes its place.
bool IsProgram(const Word& word) {
  return word.known() ? IsChainProgram(BaseName(word.text))
                      : absl::EndsWith(word.text, "/qmail-smtpd");
}

class Chain {
 public:
  Chain(const ServerCommand& command, const SuperService* service,
        const SiteFiles& files)
      : words_(command.words),
        files_(files),
        directory_(command.directory),
        service_(service) {
    setup_.shell = command.shell;
    setup_.removed = command.removed;
    unread_ = command.unread;
    setup_.log_on_output = command.log_on_output;
    setup_.shell_redirections = command.shell_redirections;
    setup_.redirections = command.redirections;
    setup_.pipe = command.pipe;
    setup_.background = command.background;
    for (const Variable& variable : command.environment) {
      environment_.push_back({variable, /*in_front=*/false});
    }
    // postern-smtpd reads the others, and gets them as before.
    for (const Variable& variable : command.inherited) {
      if (MayRequire(variable.name)) {
        environment_.push_back({variable, /*in_front=*/false});
      }
    }
  }

  Setup Map();

  // A program that may be before qmail-smtpd.
  struct Program {
    absl::string_view name;
    // Maps the program at words_[begin]; pos_ is after it. Null: it has
    // `letters` and `arguments`, and the mappings below.
    void (Chain::*map)(size_t begin) = nullptr;
    absl::string_view letters;  // as in getopt(3)
    int arguments = 0;          // words after the options
    bool kept = true;           // before postern-smtpd
    Outcome smtpd_outcome = Outcome::kMaps;
    absl::string_view smtpd;
    Outcome serve_outcome = Outcome::kMaps;
    absl::string_view serve;
  };
  static const Program* Find(absl::string_view name);

 private:
  // One option of a program in the chain.
  struct Given {
    char letter = 0;
    Word value;
    size_t index = 0;  // of the word that has the value, or the option
  };
  // A variable that qmail-smtpd has. `in_front`: a program before it sets the
  // variable, and stays.
  struct Effective {
    Variable variable;
    bool in_front = false;
    bool removed = false;  // by a program before it
  };
  // A program that checks passwords.
  struct Checker {
    std::string spec;  // of --auth
    std::string what;
    std::string second;  // the checker for CRAM-MD5 alone
    Place place;
  };

  const Word& At(size_t i) const { return words_[i]; }
  bool AtEnd() const { return pos_ >= words_.size(); }

  void AddRow(const Place& place, std::string what, Mapping smtpd,
              Mapping serve) {
    setup_.rows.push_back(
        {place, std::move(what), std::move(smtpd), std::move(serve)});
  }
  void AddRow(const Place& place, std::string what, Mapping both) {
    AddRow(place, std::move(what), both, both);
  }
  void Unknown(const Word& word, absl::string_view what) {
    AddRow(word.place, absl::StrCat(what, " ", word.text),
           {Outcome::kUnsupported, word.unknown});
    setup_.LackBoth(word);
  }
  // The programs must not start: the reason is not a value.
  static Word Because(const Place& place, std::string why) {
    Word word;
    word.place = place;
    word.unknown = std::move(why);
    return word;
  }
  void LackServe(const Place& place, std::string why) {
    setup_.LackServe(Because(place, std::move(why)));
  }
  void LackSmtpd(const Place& place, std::string why) {
    setup_.LackSmtpd(Because(place, std::move(why)));
  }
  void LackBoth(const Place& place, std::string why) {
    setup_.LackBoth(Because(place, std::move(why)));
  }
  static Mapping Kept() { return {Outcome::kMaps, "kept"}; }

  // Keeps the words from `begin` to pos_ before postern-smtpd.
  void Keep(size_t begin) {
    setup_.front.insert(setup_.front.end(),
                        words_.begin() + static_cast<std::ptrdiff_t>(begin),
                        words_.begin() + static_cast<std::ptrdiff_t>(pos_));
  }
  std::string Text(size_t begin) const {
    std::vector<std::string> texts;
    for (size_t i = begin; i < pos_; ++i) texts.push_back(words_[i].text);
    return absl::StrJoin(texts, " ");
  }

  // Reads the options after pos_ as getopt(3) does: "c:v" has -c VALUE and -v.
  // Sets `*bad` to an option that `known` does not have.
  std::vector<Given> Options(absl::string_view known, std::string* bad);
  void BadOption(const std::string& program, const std::string& bad);

  void Step();
  void KeepUnknown(size_t begin);
  void MapUser(const Word& user, absl::string_view option);
  void MapListener(const Word& host, const Word& port);
  // Maps host and port of a super-server, and keeps it.
  void MapAddress(size_t begin);
  void MapConnections(const Word& value, const std::string& what);
  void MapLocalName(const Word& value, const std::string& what);
  void MapSoftlimit(size_t begin);
  void MapTcpServer(size_t begin);
  void MapTcpsvd(size_t begin);
  void MapRblsmtpd(size_t begin);
  void MapSetUser(size_t begin);
  void MapEnv(size_t begin);
  void MapEnvdir(size_t begin);
  void ReadEnvdir(const Word& directory, const std::string& what);
  void SetInFront(Variable variable);
  void RemoveInFront(const std::string& name, const std::string& what,
                     const Word& where);
  void MapChpst(size_t begin);
  void MapSpamdykeProgram(size_t begin);
  void MapSpamdykeSetting(const std::string& name, const Word& value,
                          const std::string& level);
  void MapStunnel(size_t begin);
  void MapTcpd(size_t begin);
  void MapFixcrio(size_t begin);
  void MapGreetdelay(size_t begin);
  void MapSmtpd(size_t begin);
  void MapService();
  std::optional<Checker> ReadChecker(const std::vector<Word>& arguments,
                                     const Place& place);
  void MapEnvironment();
  void MapShell();
  void MapLog();
  void MapMemory();
  void AddCertificate();
  void MapRemoved();
  // The options that depend on several parts, when all facts are known.
  void Finish();
  void CheckOptions();
  void FinishAuth();
  void FinishTls();

  std::vector<Word> words_;
  const SiteFiles& files_;
  const std::string directory_;  // see ServerCommand
  std::vector<Word> unread_;     // see ServerCommand
  const SuperService* const service_;
  std::vector<Effective> environment_;
  Setup setup_;
  size_t pos_ = 0;
  bool done_ = false;  // at qmail-smtpd
  // The words of setup_.front with a limit of memory, and their option.
  std::vector<std::pair<size_t, std::string>> memory_;
  char family_ = 0;  // of the addresses, if an option says it: '4' or '6'
  std::optional<Word> rules_;
  // The row about host names. They are looked up only if a rule needs them.
  std::optional<size_t> host_names_row_;
  std::optional<Checker> checker_;           // of qmail-smtpd
  std::optional<Checker> spamdyke_checker_;  // of spamdyke
};

std::vector<Chain::Given> Chain::Options(absl::string_view known,
                                         std::string* bad) {
  std::vector<Given> given;
  while (!AtEnd()) {
    if (!At(pos_).known()) {
      // It is an option, or the host of a super-server: those are the last two
      // words before the next program.
      size_t next = pos_ + 1;
      while (next < words_.size() && !IsProgram(At(next))) {
        ++next;
      }
      if (absl::StrContains(known, 'x') && next - pos_ <= 2) break;
      Unknown(At(pos_), "an option:");
      ++pos_;
      continue;
    }
    const std::string text = At(pos_).text;
    if (text.size() < 2 || text[0] != '-') break;
    const Place place = At(pos_).place;
    ++pos_;
    if (text == "--") break;
    for (size_t i = 1; i < text.size(); ++i) {
      const size_t at = known.find(text[i]);
      if (at == npos || text[i] == ':') {
        *bad = text;
        return given;
      }
      Given option;
      option.letter = text[i];
      option.value.place = place;
      option.index = pos_ - 1;
      if (absl::StartsWith(known.substr(at + 1), ":")) {
        if (i + 1 < text.size()) {
          option.value.text = text.substr(i + 1);
        } else if (!AtEnd()) {
          option.index = pos_;
          option.value = At(pos_++);
        } else {
          *bad = text;
          return given;
        }
        given.push_back(std::move(option));
        break;
      }
      given.push_back(std::move(option));
    }
  }
  return given;
}

void Chain::BadOption(const std::string& program, const std::string& bad) {
  if (bad.empty()) return;
  const Place place = At(std::min(pos_, words_.size()) - 1).place;
  AddRow(
      place, absl::StrCat(program, " ", bad),
      {Outcome::kUnsupported,
       "the option is not known, so the rest of the command is not certain"});
  // stunnel does not stay before postern-smtpd.
  const std::string why = absl::StrCat(program, " ", bad, ": not known");
  LackServe(place, why);
  if (absl::StartsWith(program, "stunnel")) LackSmtpd(place, why);
}

// Maps the user that a program becomes.
void Chain::MapUser(const Word& user, absl::string_view option) {
  std::string name;
  if (user.id == 'u') {
    name = user.user;
  } else if (!user.known()) {
    return Unknown(user, option);
  } else if (std::all_of(user.text.begin(), user.text.end(),
                         absl::ascii_isdigit)) {
    name = files_.UserName(user.text);
  } else {
    name = user.text.substr(0, user.text.find(':'));
  }
  if (name.empty()) {
    Word missing = user;
    missing.unknown =
        absl::StrCat("no user has the number ", user.text, ": add --user NAME");
    setup_.LackServe(missing);
    return AddRow(user.place, absl::StrCat(option, " ", user.text),
                  {Outcome::kMaps, "kept"},
                  {Outcome::kUnsupported,
                   "no user has this number here: add --user NAME"});
  }
  setup_.SetServe("user", name);
  AddRow(user.place, absl::StrCat(option, " ", user.text),
         {Outcome::kMaps, "kept"},
         {Outcome::kMaps,
          absl::StrCat("--user ", name,
                       ", with the groups of this user in /etc/group")});
}

void Chain::MapListener(const Word& host, const Word& port) {
  const Place place = port.place;
  const std::string what = absl::StrCat(host.text, " ", port.text);
  if (!host.known()) return Unknown(host, "the address");
  if (!port.known()) return Unknown(port, "the port");
  const std::optional<std::string> address = HostOf(host.text, family_);
  const std::optional<std::string> number = PortOf(port.text);
  if (!address || !number) {
    return AddRow(place, what, {Outcome::kMaps, "kept"},
                  {Outcome::kUnsupported,
                   "--listen has an IP address and a port number: write them"});
  }
  setup_.listen.push_back(absl::StrCat(*address, ":", *number));
  std::string families;
  if (*address == "*") families = "; on IPv4 and IPv6";
  if (*address == "[::]") families = "; on IPv6 only";
  if (*address == "0.0.0.0") {
    families = absl::StrCat("; on IPv4 only. '*:", *number,
                            "' adds IPv6: the rules and the firewall must "
                            "know it first");
  }
  AddRow(place, what, {Outcome::kMaps, "kept"},
         {Outcome::kMaps,
          absl::StrCat("--listen '", setup_.listen.back(), "'", families)});
}

void Chain::MapAddress(size_t begin) {
  if (pos_ + 2 > words_.size()) {
    const std::string program = BaseName(At(begin).text);
    return AddRow(At(begin).place, program,
                  {Outcome::kUnsupported, "host and port are missing"});
  }
  const Word host = At(pos_++);
  const Word port = At(pos_++);
  Keep(begin);
  MapListener(host, port);
}

void Chain::MapConnections(const Word& value, const std::string& what) {
  uint32_t number = 0;
  if (!absl::SimpleAtoi(value.text.substr(0, value.text.find(':')), &number) ||
      number == 0) {
    return AddRow(value.place, what, Kept(),
                  {Outcome::kUnsupported, "not a number of connections"});
  }
  setup_.SetServe("max-connections", absl::StrCat(number));
  AddRow(value.place, what, Kept(),
         {Outcome::kDiffers,
          absl::StrCat("--max-connections ", number,
                       "; more clients get a 421, and --max-per-client limits "
                       "each to 50")});
}

void Chain::MapLocalName(const Word& value, const std::string& what) {
  const absl::StatusOr<std::string> me = files_.Read("/var/qmail/control/me");
  const bool same = me.ok() && absl::StripAsciiWhitespace(
                                   me->substr(0, me->find('\n'))) == value.text;
  AddRow(value.place, what,
         {Outcome::kMaps, "kept; control/me is in the Received field"},
         {same ? Outcome::kMaps : Outcome::kDiffers,
          "control/me is in the Received field"});
}

void Chain::MapSoftlimit(size_t begin) {
  std::string bad;
  const size_t first = setup_.front.size();
  bool other = false;
  for (const Given& option : Options("a:c:d:f:l:m:o:p:r:s:t:", &bad)) {
    const std::string name =
        absl::StrCat("softlimit -", std::string(1, option.letter));
    if (!absl::StrContains("adm", option.letter)) {
      other = true;
    } else if (!option.value.known()) {
      Unknown(option.value, name);
    } else {
      memory_.emplace_back(first + option.index - begin, name);
    }
  }
  BadOption("softlimit", bad);
  Keep(begin);
  if (other || memory_.empty()) {
    AddRow(At(begin).place, Text(begin), Kept(),
           {Outcome::kDiffers,
            "the limits of one session do not fit a server of all: left out"});
  }
}

// tcpserver and sslserver.
void Chain::MapTcpServer(size_t begin) {
  const std::string program = BaseName(At(begin).text);
  const bool ssl = program == "sslserver";
  std::string bad;
  // The letters of ucspi-tcp, ucspi-tcp6 and its IPv6 patch; and of ucspi-ssl.
  const std::vector<Given> options = Options(
      ssl ? "3dDvVqQhHrR1UXx:t:T:u:g:l:b:B:c:a:C:f:i:I:M:pPoOnNeEsSmz46w:"
          : "1346dDvqQhHrRUXx:t:u:g:l:b:B:c:pPoOI:S",
      &bad);
  bool looks_up = true;
  bool confirms = false;
  bool ident = true;
  bool optional_rules = false;
  bool ucspi_tls = false;
  bool protocol = false;  // sslserver sets SSL_PROTOCOL
  for (const Given& option : options) {
    const Word& value = option.value;
    const std::string what =
        absl::StrCat(program, " -", std::string(1, option.letter),
                     value.text.empty() ? "" : " ", value.text);
    if (!value.known() && option.letter != 'u' && option.letter != 'g') {
      Unknown(value,
              absl::StrCat(program, " -", std::string(1, option.letter)));
      continue;
    }
    switch (option.letter) {
      case 'H':
      case 'h':
        looks_up = option.letter == 'h';
        break;
      case 'P':
      case 'p':
        confirms = option.letter == 'p';
        break;
      case 'R':
      case 'r':
        ident = option.letter == 'r';
        break;
      case 'X':
        optional_rules = true;
        break;
      case 'N':
      case 'n':
        ucspi_tls = option.letter == 'n';
        break;
      case 'E':
      case 'e':
        protocol = option.letter == 'e';
        break;
      case 'x':
        rules_ = value;
        // The directory of postern serve can be another one.
        if (const std::string path = PathFrom(directory_, value.text);
            !path.empty()) {
          rules_->text = path;
        }
        setup_.SetServe("rules", rules_->text);
        AddRow(value.place, what, Kept(),
               {Outcome::kDiffers,
                absl::StrCat("--rules ", rules_->text,
                             "; a denied client gets a 554 (--silent-deny: "
                             "nothing), and SIGHUP reads changed rules")});
        break;
      case 'c':
        MapConnections(value, what);
        break;
      case 'u':
        MapUser(value, absl::StrCat(program, " -u"));
        break;
      case 'g':
        break;  // with -u, and the groups of this user are those of serve
      case 'U':
        AddRow(
            value.place, what, Kept(),
            {setup_.HasServe("user") ? Outcome::kMaps : Outcome::kUnsupported,
             setup_.HasServe("user") ? "--user" : "add --user NAME"});
        if (!setup_.HasServe("user")) {
          LackServe(value.place, absl::StrCat(what, ": add --user NAME"));
        }
        break;
      case 'l':
        MapLocalName(value, what);
        break;
      case 'b':
        AddRow(value.place, what, Kept(),
               {Outcome::kDiffers, "the backlog is 4096"});
        break;
      case 'B':
        AddRow(value.place, what,
               {Outcome::kUnsupported,
                "a line before the greeting breaks SMTP: remove it"});
        break;
      case '4':
      case '6':
        family_ = option.letter;
        AddRow(value.place, what, Kept(),
               {Outcome::kMaps, "the address of --listen says it"});
        break;
      // Without effect on what is accepted: verbosity, options of TCP and IP,
      // the port on descriptor 1, timeouts, and variables about TLS.
      case 'v':
      case 'V':
      case 'q':
      case 'Q':
      case 'd':
      case 'D':
      case 'o':
      case 'O':
      case '1':
      case 't':
      case 'T':
      case 'w':
        break;
      case 's':
      case 'S':
        if (ssl) break;  // variables about certificates
        [[fallthrough]];
      default:
        AddRow(value.place, what, Kept(),
               {Outcome::kUnsupported,
                ssl ? "certificates of clients are not required, and a key "
                      "has no password"
                    : "postern serve has nothing like it"});
        LackServe(value.place,
                  absl::StrCat(what, ": not supported by postern serve"));
        break;
    }
  }
  BadOption(program, bad);
  const Place place = At(begin).place;
  const bool by_name = looks_up && rules_.has_value();
  if (by_name) host_names_row_ = setup_.rows.size();
  AddRow(place,
         absl::StrCat(program, looks_up ? " -h" : " -H", confirms ? " -p" : ""),
         Kept(),
         by_name
             ? Mapping{confirms ? Outcome::kMaps : Outcome::kDiffers,
                       confirms ? "--host-names"
                                : "--host-names; only confirmed names match a "
                                  "rule, as with -p"}
             : Mapping{Outcome::kMaps,
                       "host names are not looked up: no rule needs them"});
  if (ident) {
    AddRow(place, absl::StrCat(program, " -r"), Kept(),
           {Outcome::kDiffers,
            "ident is not asked; rules with user@ do not match"});
  }
  if (optional_rules) {
    setup_.SetServe("rules-optional", "");
    AddRow(place, absl::StrCat(program, " -X"), Kept(),
           {Outcome::kMaps, "--rules-optional"});
  }
  MapAddress(begin);
  if (!ssl) return;
  setup_.facts.tls_by = program;
  setup_.facts.tls_stays = true;
  setup_.facts.ucspi_tls = ucspi_tls;
  setup_.facts.wrapped = !ucspi_tls;
  AddCertificate();
  if (ucspi_tls) {
    AddRow(place, "sslserver -n",
           {Outcome::kMaps, "kept: STARTTLS by UCSPI-TLS"},
           {Outcome::kMaps, "STARTTLS with --tls-cert"});
    return;
  }
  setup_.SetSmtpd("tls-outside", "");
  setup_.AddListenWord("tls");
  AddRow(place, "sslserver",
         protocol ? Mapping{Outcome::kMaps, "kept, with --tls-outside"}
                  : Mapping{Outcome::kUnsupported,
                            "kept, with --tls-outside, which needs the "
                            "variable SSL_PROTOCOL: add -e"},
         {Outcome::kMaps, "--listen ADDRESS,tls"});
}

// The certificate of sslserver is in its environment.
void Chain::AddCertificate() {
  std::string certificate;
  std::string key;
  Place place = At(std::min(pos_, words_.size() - 1)).place;
  for (const Effective& each : environment_) {
    const Variable& variable = each.variable;
    if (!variable.value.known() || each.removed) continue;
    if (variable.name == "CERTFILE" || variable.name == "CERTCHAINFILE") {
      certificate = variable.value.text;
      place = variable.value.place;
    }
    if (variable.name == "KEYFILE") key = variable.value.text;
  }
  if (certificate.empty()) return;  // see FinishTls()
  setup_.SetServe("tls-cert", certificate);
  if (!key.empty() && key != certificate) setup_.SetServe("tls-key", key);
  AddRow(place, absl::StrCat("CERTFILE=", certificate),
         {Outcome::kMaps, "of the super-server"},
         {Outcome::kMaps, absl::StrCat("--tls-cert ", certificate)});
}

// runit's tcpsvd.
void Chain::MapTcpsvd(size_t begin) {
  std::string bad;
  for (const Given& option : Options("c:C:l:i:x:u:hpb:t:EvV", &bad)) {
    const Word& value = option.value;
    const std::string name =
        absl::StrCat("tcpsvd -", std::string(1, option.letter));
    const std::string what =
        absl::StrCat(name, value.text.empty() ? "" : " ", value.text);
    if (!value.known() && option.letter != 'u') {
      Unknown(value, name);
      continue;
    }
    uint32_t number = 0;
    switch (option.letter) {
      case 'u':
        MapUser(value, name);
        break;
      case 'c':
        MapConnections(value, what);
        break;
      case 'C':
        if (absl::SimpleAtoi(value.text.substr(0, value.text.find(':')),
                             &number) &&
            number > 0) {
          setup_.SetServe("max-per-client", absl::StrCat(number));
          AddRow(value.place, what, Kept(),
                 {Outcome::kMaps, absl::StrCat("--max-per-client ", number)});
        } else {
          AddRow(value.place, what, Kept(),
                 {Outcome::kUnsupported, "not a number of connections"});
        }
        break;
      case 'i':
      case 'x':
        AddRow(value.place, what, Kept(),
               {Outcome::kUnsupported,
                "--rules reads tcprules' databases: write these instructions "
                "as rules"});
        LackServe(value.place, absl::StrCat(what, ": write it as rules"));
        break;
      case 'l':
        MapLocalName(value, what);
        break;
      case 'b':
        AddRow(value.place, what, Kept(),
               {Outcome::kDiffers, "the backlog is 4096"});
        break;
      case 'h':
      case 'p':
        AddRow(value.place, what, Kept(),
               {Outcome::kMaps,
                "host names are not looked up: no rule needs them"});
        break;
      default:
        break;  // verbosity, the timeout of a look-up, fewer variables
    }
  }
  BadOption("tcpsvd", bad);
  MapAddress(begin);
}

void Chain::MapRblsmtpd(size_t begin) {
  std::string bad;
  const std::vector<Given> options = Options("bBcCr:a:t:wWiI", &bad);
  const Place place = At(begin).place;
  bool permanent = false;
  bool fail_closed = false;
  std::vector<std::string> lists;
  for (const Given& option : options) {
    if (!option.value.known()) {
      Unknown(option.value, "rblsmtpd -r");
      continue;
    }
    // The options act in their order, as in rblsmtpd.
    if (option.letter == 'b') permanent = true;
    if (option.letter == 'B') permanent = false;
    if (option.letter == 'c') fail_closed = true;
    if (option.letter == 'C') fail_closed = false;
    if (option.letter == 'r') {
      absl::string_view zone = option.value.text;
      const size_t colon = zone.find(':');
      std::string text;
      if (colon != absl::string_view::npos)
        text = std::string(zone.substr(colon));
      zone = zone.substr(0, colon);
      lists.push_back(absl::StrCat(zone, permanent ? ",permanent" : "",
                                   fail_closed ? ",fail-closed" : "", text));
    }
    if (option.letter == 'a') {
      lists.push_back(absl::StrCat("!", option.value.text,
                                   fail_closed ? ",fail-closed" : ""));
    }
    if (absl::StrContains("wWiI", option.letter)) {
      AddRow(option.value.place,
             absl::StrCat("rblsmtpd -", std::string(1, option.letter)), Kept(),
             {Outcome::kUnsupported, "postern serve has nothing like it"});
    }
  }
  BadOption("rblsmtpd", bad);
  std::vector<std::string> shown;
  for (const std::string& list : lists) {
    setup_.AddServe("dns-list", list);
    shown.push_back(absl::StrCat("--dns-list ", list));
  }
  if (lists.empty()) {
    shown.emplace_back("RBLSMTPD of the rules is read; no list is asked");
  }
  Keep(begin);
  AddRow(place, Text(begin), {Outcome::kMaps, "kept"},
         {lists.empty() ? Outcome::kMaps : Outcome::kDiffers,
          absl::StrCat(absl::StrJoin(shown, " "),
                       lists.empty() ? ""
                                     : "; asked for each recipient, so users "
                                       "who authenticate are not refused")});
}

// A program before qmail-smtpd sets a variable. It stays, so the new script
// does not set the variable, too.
void Chain::SetInFront(Variable variable) {
  for (Effective& each : environment_) {
    if (each.variable.name == variable.name) each.removed = true;
  }
  environment_.push_back({std::move(variable), /*in_front=*/true});
}

void Chain::RemoveInFront(const std::string& name, const std::string& what,
                          const Word& where) {
  for (Effective& each : environment_) {
    if (each.variable.name == name) each.removed = true;
  }
  MapRemoval(name, what, where, &setup_);
}

// env [-i] [-u NAME] NAME=VALUE... It stays before postern-smtpd.
void Chain::MapEnv(size_t begin) {
  while (!AtEnd()) {
    const Word word = At(pos_);
    const absl::string_view text = word.text;
    const size_t equals = text.find('=');
    std::string name;
    if (!absl::StartsWith(text, "-") && equals != npos) {
      ++pos_;
      name = std::string(text.substr(0, equals));
      if (!IsVariableName(name) && !word.known()) {
        Unknown(word, "env");
        continue;
      }
      Variable variable = {name, word};
      variable.value.text = std::string(text.substr(equals + 1));
      SetInFront(std::move(variable));
    } else if (!word.known()) {
      Unknown(word, "env");
      ++pos_;
    } else if (!absl::StartsWith(text, "-")) {
      break;
    } else if (text == "--") {
      ++pos_;
    } else if (text == "-" || text == "-i" || text == "--ignore-environment") {
      ++pos_;
      for (Effective& each : environment_) each.removed = true;
      if (setup_.HasServe("rules")) {
        AddRow(word.place, absl::StrCat("env ", text), Kept(),
               {Outcome::kUnsupported,
                "the rules set variables, and this removes them: name a file "
                "of rules without them"});
        LackServe(word.place, "env removes the variables of the rules");
      }
    } else if (text == "-u" || text == "--unset") {
      ++pos_;
      if (AtEnd()) break;
      const Word value = At(pos_++);
      if (!value.known()) {
        Unknown(value, "env -u");
        continue;
      }
      RemoveInFront(value.text, absl::StrCat("env -u ", value.text), value);
    } else if (absl::StartsWith(text, "--unset=") ||
               (absl::StartsWith(text, "-u") && text.size() > 2)) {
      ++pos_;
      name = std::string(text.substr(text[1] == 'u' ? 2 : 8));
      RemoveInFront(name, absl::StrCat("env -u ", name), word);
    } else {
      // -S has more words in itself, and another option may have a value.
      ++pos_;
      AddRow(word.place, absl::StrCat("env ", text),
             {Outcome::kUnsupported,
              "the option of env is not read: write the command without it"});
      LackBoth(word.place, absl::StrCat("env ", text, " is not read"));
      return KeepUnknown(begin);
    }
  }
  Keep(begin);
}

void Chain::MapEnvdir(size_t begin) {
  if (AtEnd()) return Keep(begin);
  const Word directory = At(pos_++);
  Keep(begin);
  ReadEnvdir(directory, BaseName(At(begin).text));
}

// Reads the variables that a program sets from the files of a directory.
void Chain::ReadEnvdir(const Word& directory, const std::string& what) {
  if (!directory.known()) return Unknown(directory, what);
  const std::string path_of_all = PathFrom(directory_, directory.text);
  const auto names =
      path_of_all.empty()
          ? absl::FailedPreconditionError("the directory is not known")
          : files_.List(path_of_all);
  if (!names.ok()) {
    AddRow(directory.place, absl::StrCat(what, " ", directory.text),
           {Outcome::kUnsupported,
            "the directory cannot be read, so its variables are not in this "
            "table"});
    return LackBoth(directory.place,
                    absl::StrCat(what, " ", directory.text,
                                 ": the directory cannot be read"));
  }
  if (names->size() >= kMaxNames) {
    const std::string why = "the directory has too many files";
    AddRow(directory.place, absl::StrCat(what, " ", directory.text),
           {Outcome::kUnsupported, why});
    LackBoth(directory.place,
             absl::StrCat(what, " ", directory.text, ": ", why));
  }
  AddRow(directory.place, absl::StrCat(what, " ", directory.text), Kept(),
         {Outcome::kMaps, "left out: its variables have rows"});
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(path_of_all, "/", name);
    const absl::StatusOr<std::string> text = files_.Read(path);
    Variable variable = {name, {}};
    variable.value.place = {path, 1};
    if (!text.ok()) {
      variable.value.unknown = "the file cannot be read";
    } else if (text->empty()) {
      variable.value.place.line = 0;
      RemoveInFront(name, absl::StrCat(what, " removes ", name),
                    variable.value);
      continue;
    } else {
      variable.value.text = std::string(absl::StripTrailingAsciiWhitespace(
          absl::string_view(*text).substr(0, text->find('\n'))));
    }
    SetInFront(std::move(variable));
  }
}

// runit's chpst.
void Chain::MapChpst(size_t begin) {
  std::string bad;
  const size_t first = setup_.front.size();
  const std::vector<Given> options =
      Options("u:U:e:/:n:l:L:m:d:o:p:f:c:vP012b:", &bad);
  for (const Given& option : options) {
    const Word& value = option.value;
    const std::string what =
        absl::StrCat("chpst -", std::string(1, option.letter), " ", value.text);
    if (option.letter == 'u') {
      MapUser(value, "chpst -u");
    } else if (option.letter == '/') {
      AddRow(value.place, what, {Outcome::kMaps, "kept"},
             {Outcome::kUnsupported, "postern serve does not change its root"});
      LackServe(value.place,
                absl::StrCat(what, ": postern serve does not change its root"));
    } else if (option.letter == 'e') {
      ReadEnvdir(value, "chpst -e");
    } else if (option.letter == 'm' || option.letter == 'd') {
      const std::string name =
          absl::StrCat("chpst -", std::string(1, option.letter));
      if (value.known()) {
        memory_.emplace_back(first + option.index - begin, name);
      } else {
        Unknown(value, name);
      }
    } else if (option.letter == 'b' || option.letter == 'U') {
      // -b is the name of the process, -U sets UID and GID
    } else if (!absl::StrContains("vP012", option.letter)) {
      AddRow(value.place, what, Kept(),
             {Outcome::kDiffers, "left out: the service manager can do it"});
    }
  }
  BadOption("chpst", bad);
  Keep(begin);
}

void Chain::MapSpamdykeProgram(size_t begin) {
  Keep(begin);
  std::vector<std::pair<std::string, Word>> settings;
  std::vector<Word> files;
  const auto long_option = [&](const Word& word) {
    absl::string_view text = word.text;
    absl::ConsumePrefix(&text, "--");
    const size_t equals = text.find('=');
    Word value = word;
    if (equals != absl::string_view::npos) {
      value.text = std::string(text.substr(equals + 1));
    } else {
      value.text.clear();
      // Another word is the value, unless it is an option or a program.
      if (!AtEnd() && !absl::StartsWith(At(pos_).text, "-") &&
          !IsChainProgram(BaseName(At(pos_).text))) {
        value = At(pos_++);
      }
    }
    const std::string name(text.substr(0, equals));
    if (name == "config-file") {
      files.push_back(value);
    } else {
      settings.emplace_back(name, value);
    }
  };
  while (!AtEnd() && absl::StartsWith(At(pos_).text, "-")) {
    const Word word = At(pos_++);
    if (!word.known()) {
      Unknown(word, "spamdyke");
    } else if (absl::StartsWith(word.text, "--")) {
      long_option(word);
    } else if (absl::StartsWith(word.text, "-f")) {
      Word file = word;
      file.text = word.text.substr(2);
      if (file.text.empty() && !AtEnd()) file = At(pos_++);
      files.push_back(file);
    } else {
      AddRow(word.place, absl::StrCat("spamdyke ", word.text),
             {Outcome::kMaps, "kept"},
             {Outcome::kUnsupported, "the short option is not read"});
      LackServe(word.place,
                absl::StrCat("spamdyke ", word.text, " is not read"));
    }
  }
  setup_.front.resize(setup_.front.size() - (pos_ > begin ? 1 : 0));
  Keep(begin);
  for (const Word& file : files) {
    const std::string path =
        file.known() ? PathFrom(directory_, file.text) : "";
    const absl::StatusOr<std::string> text =
        path.empty() ? absl::NotFoundError("not a path") : files_.Read(path);
    if (!text.ok()) {
      AddRow(file.place, absl::StrCat("spamdyke -f ", file.text),
             {Outcome::kMaps, "kept"},
             {Outcome::kUnsupported,
              "the file cannot be read, so its settings are not in this "
              "table"});
      LackServe(file.place, absl::StrCat("spamdyke -f ", file.text,
                                         ": the file cannot be read"));
      continue;
    }
    int number = 0;
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      ++number;
      line = absl::StripAsciiWhitespace(line);
      if (line.empty() || line[0] == '#') continue;
      const size_t equals = line.find('=');
      Word value;
      value.place = {file.text, number};
      if (equals != absl::string_view::npos) {
        value.text =
            std::string(absl::StripAsciiWhitespace(line.substr(equals + 1)));
      }
      settings.emplace_back(absl::StripAsciiWhitespace(line.substr(0, equals)),
                            value);
    }
  }
  std::string level = "ondemand";
  bool has_certificate = false;
  bool without_tls = false;
  for (const auto& [name, value] : settings) {
    if (name == "smtp-auth-level") level = value.text;
    if (name == "tls-certificate-file") has_certificate = true;
    if (name == "tls-level") {
      without_tls = value.text == "none";
      setup_.facts.wrapped = value.text == "smtps";
    }
  }
  Facts& facts = setup_.facts;
  facts.auth_encrypted = absl::EndsWith(level, "-encrypted");
  facts.tls_denied = without_tls;
  if (has_certificate && !without_tls) {
    facts.certificate = true;
    facts.tls_by = "spamdyke";
    facts.tls_stays = true;
  }
  for (const auto& [name, value] : settings) {
    MapSpamdykeSetting(name, value, level);
  }
  AddRow(At(begin).place, "spamdyke",
         {Outcome::kDiffers,
          "kept before postern-smtpd; what it does itself (TLS, AUTH, lists) "
          "postern-smtpd does not see"},
         {Outcome::kDiffers,
          "left out: the rows of its settings follow the "
          "options of postern serve"});
}

void Chain::MapSpamdykeSetting(const std::string& name, const Word& value,
                               const std::string& level) {
  const std::string what = absl::StrCat(name, "=", value.text);
  const Mapping stays = {Outcome::kMaps, "spamdyke stays before postern-smtpd"};
  const bool answers_auth = level != "none" && level != "observe";
  const bool required = absl::StartsWith(level, "always");
  if (name == "config-dir") {
    AddRow(value.place, what, stays,
           {Outcome::kUnsupported,
            "settings for some clients are variables in the rules"});
    LackServe(value.place, absl::StrCat(what, ": write the settings as rules"));
  } else if (name == "smtp-auth-level") {
    if (required) setup_.facts.auth_required = true;  // and spamdyke stays
    AddRow(value.place, what, stays,
           {Outcome::kMaps, required ? "--listen ADDRESS,submission"
                            : answers_auth
                                ? "--listen ADDRESS,auth"
                                : "spamdyke does not answer AUTH itself"});
  } else if (name == "smtp-auth-command") {
    if (!answers_auth) {
      return AddRow(value.place, what, stays,
                    {Outcome::kMaps, "smtp-auth-level turns it off"});
    }
    std::vector<Word> arguments;
    for (const absl::string_view field :
         absl::StrSplit(value.text, ' ', absl::SkipEmpty())) {
      Word word = value;
      word.text = std::string(field);
      arguments.push_back(std::move(word));
    }
    if (arguments.empty()) return;
    spamdyke_checker_ = ReadChecker(arguments, value.place);
  } else if (name == "tls-level" && value.text == "smtps") {
    setup_.AddListenWord("tls");
    AddRow(value.place, what, stays, {Outcome::kMaps, "--listen ADDRESS,tls"});
  } else if (name == "tls-level") {
    AddRow(value.place, what, stays,
           {Outcome::kMaps, setup_.facts.tls_denied
                                ? "without --tls-cert TLS is not offered"
                                : "--tls-cert offers STARTTLS"});
  } else {
    MapSpamdyke(name, value, &setup_);
  }
}

// stunnel 3: stunnel -p CERTIFICATE -l PROGRAM -- PROGRAM ARGUMENTS.
void Chain::MapStunnel(size_t begin) {
  const Place place = At(begin).place;
  std::string certificate;
  std::optional<Word> port;
  std::optional<Word> program;
  std::string bad;
  const std::vector<Given> options =
      Options("A:a:cC:d:D:E:fg:hI:k:l:L:N:n:O:o:P:p:r:R:s:S:t:Tu:v:VW", &bad);
  for (const Given& option : options) {
    const Word& value = option.value;
    const std::string name =
        absl::StrCat("stunnel -", std::string(1, option.letter));
    const std::string what =
        absl::StrCat(name, value.text.empty() ? "" : " ", value.text);
    if (!value.known()) {
      Unknown(value, name);
      continue;
    }
    switch (option.letter) {
      case 'p':
        certificate = value.text;
        break;
      case 'd':
        port = value;
        break;
      case 'l':
        program = value;
        break;
      case 's': {
        MapUser(value, name);
        setup_.rows.back().smtpd = {
            Outcome::kUnsupported,
            absl::StrCat("left out with stunnel: start postern-smtpd as this "
                         "user (setuidgid ",
                         value.text, ")")};
        LackSmtpd(value.place, absl::StrCat(what, ": add setuidgid"));
        break;
      }
      case 'C':
        setup_.SetSmtpd("tls-ciphers", value.text);
        setup_.SetServe("tls-ciphers", value.text);
        AddRow(
            value.place, what,
            {Outcome::kDiffers, absl::StrCat("--tls-ciphers ", value.text,
                                             "; the list applies to TLS 1.2")});
        break;
      case 'v':
        if (value.text == "0") break;
        [[fallthrough]];
      case 'a':
      case 'A':
        AddRow(value.place, what,
               {Outcome::kUnsupported,
                "certificates of clients are not required"});
        LackBoth(
            value.place,
            absl::StrCat(what, ": certificates of clients are not required"));
        break;
      // Without effect on what is accepted: sockets, entropy, the log, the
      // file with the process number, the foreground.
      case 'D':
      case 'E':
      case 'f':
      case 'I':
      case 'O':
      case 'o':
      case 'P':
      case 'R':
      case 'S':
      case 't':
      case 'W':
      case 'V':
      case 'h':
        break;
      default:
        AddRow(value.place, what,
               {Outcome::kUnsupported,
                "left out with stunnel: nothing replaces it"});
        LackBoth(value.place, absl::StrCat(what, ": nothing replaces it"));
        break;
    }
  }
  BadOption("stunnel", bad);
  if (program && AtEnd()) {
    words_.push_back(*program);
  } else if (program && At(pos_ - 1).text == "--") {
    // The first argument is the name of the program again.
    const Place argument = words_[pos_].place;
    words_[pos_] = *program;
    words_[pos_].place = argument;
  }
  setup_.facts.tls_by = "stunnel";
  setup_.facts.wrapped = true;
  setup_.facts.certificate = true;
  setup_.SetSmtpd("tls-wrapped", "");
  setup_.AddListenWord("tls");
  const bool named = !certificate.empty();
  if (named) {
    setup_.SetSmtpd("tls-cert", certificate);
    setup_.SetServe("tls-cert", certificate);
  }  // otherwise see FinishTls()
  const std::string option =
      named ? absl::StrCat("--tls-cert ", certificate) : "--tls-cert";
  AddRow(place, Text(begin),
         {Outcome::kMaps, absl::StrCat("left out: --tls-wrapped ", option)},
         {Outcome::kMaps, absl::StrCat("--listen ADDRESS,tls and ", option)});
  if (port) {
    const size_t colon = port->text.rfind(':');
    Word host = *port;
    host.text = colon == npos ? "0" : port->text.substr(0, colon);
    Word number = *port;
    if (colon != npos) number.text = port->text.substr(colon + 1);
    MapListener(host, number);
    setup_.rows.back().smtpd = {
        Outcome::kUnsupported,
        "stunnel -d listens itself: start postern-smtpd with tcpserver"};
  }
}

// Reads the arguments of a qmail-smtpd that is patched for AUTH.
std::optional<Chain::Checker> Chain::ReadChecker(
    const std::vector<Word>& arguments, const Place& place) {
  std::vector<std::string> texts;
  for (const Word& word : arguments) {
    if (!word.known()) {
      Unknown(word, "the arguments for AUTH:");
      setup_.smtpd_unknown.push_back(word);
      return std::nullopt;
    }
    texts.push_back(word.text);
  }
  Checker found;
  found.place = place;
  found.what = absl::StrJoin(texts, " ");
  const auto refuse = [&](std::string why) {
    AddRow(place, found.what, {Outcome::kUnsupported, std::move(why)});
    return std::nullopt;
  };
  size_t checker = 0;
  if (!absl::StrContains(texts[0], '/')) {
    if (texts.size() < 2) {
      return refuse("this is neither a checker nor a host and a checker");
    }
    checker = 1;
  }
  const std::string program = texts[checker];
  const std::string name = BaseName(program);
  if (!absl::StartsWith(program, "/")) {
    return refuse(absl::StrCat("--auth needs the absolute path of ", program));
  }
  if (name == "true" || name == "false") {
    return refuse("the checker accepts every password: an open relay");
  }
  // Plesk: two pairs, the second for CRAM-MD5.
  size_t end = texts.size();
  for (size_t i = checker + 2; i < texts.size(); ++i) {
    if (absl::StartsWith(texts[i], "/") && BaseName(texts[i - 1]) == "true") {
      end = i;
      found.second = texts[i];
      break;
    }
  }
  const std::vector<std::string> command(
      texts.begin() + static_cast<std::ptrdiff_t>(checker),
      texts.begin() + static_cast<std::ptrdiff_t>(end));
  for (const std::string& each : command) {
    if (absl::StrContains(each, ',')) {
      return refuse(
          "--auth separates arguments by commas, and one has a comma");
    }
  }
  found.spec = absl::StrCat("checkpassword:", absl::StrJoin(command, ","));
  setup_.facts.checker = true;
  return found;
}

void Chain::MapSmtpd(size_t begin) {
  done_ = true;
  if (pos_ < words_.size()) {
    checker_ = ReadChecker(
        {words_.begin() + static_cast<std::ptrdiff_t>(pos_), words_.end()},
        At(begin).place);
    pos_ = words_.size();
  }
}

// Maps what a service of xinetd or a line of inetd sets.
void Chain::MapService() {
  if (service_ == nullptr) return;
  setup_.form = service_->xinetd ? Setup::Form::kXinetd : Setup::Form::kInetd;
  setup_.inetd_head = service_->head;
  Word host;
  host.text = "0";
  Word port;
  port.text = service_->name;
  port.place = service_->place;
  host.place = service_->place;
  const Mapping kept = Kept();
  if (!service_->xinetd) {
    const std::vector<std::string> fields = absl::StrSplit(service_->head, ' ');
    // nowait.40 is the limit for a minute. FreeBSD has /CHILDREN, then
    // /RATE/CHILDREN of a client; 0 is no limit.
    const std::vector<std::string> limits = absl::StrSplit(fields[3], '/');
    static constexpr absl::string_view kLimits[] = {
        "max-connections", "max-rate", "max-per-client"};
    for (size_t i = 1; i < limits.size(); ++i) {
      uint32_t number = 0;
      if (i > 3 || !absl::SimpleAtoi(limits[i], &number)) {
        AddRow(service_->place, fields[3], kept,
               {Outcome::kUnsupported, "the limits are not known"});
      } else if (number > 0) {
        setup_.SetServe(kLimits[i - 1], limits[i]);
        AddRow(
            service_->place, fields[3], kept,
            {Outcome::kDiffers, absl::StrCat("--", kLimits[i - 1], " ", number,
                                             "; more clients get a 421")});
      }
    }
    if (limits[0].find_first_of(".:") != npos) {
      AddRow(service_->place, fields[3], kept,
             {Outcome::kUnsupported,
              "no limit of all new connections in a minute: --max-connections "
              "limits all, and --max-rate those of each client"});
    }
    const size_t colon = fields[0].rfind(':');
    if (colon != npos) {
      host.text = fields[0].substr(0, colon);
      port.text = fields[0].substr(colon + 1);
    }
    if (absl::EndsWith(fields[2], "46")) {
      if (host.text == "0" || host.text == "*") host.text = "::";
    } else if (absl::EndsWith(fields[2], "6")) {
      family_ = '6';
    } else {
      family_ = '4';
    }
    Word user = port;
    user.text = fields[4].substr(0, fields[4].find_first_of(".:"));
    MapListener(host, port);
    MapUser(user, "the user");
    return;
  }
  setup_.form_lines = {absl::StrCat("service ", service_->name), "{"};
  bool ipv6 = false;
  bool ipv6_only = false;
  if (!service_->knows_defaults) {
    const std::string why =
        "/etc/xinetd.conf cannot be read, and its defaults may limit clients";
    AddRow(service_->place, "defaults", kept, {Outcome::kUnsupported, why});
    LackServe(service_->place, why);
  }
  for (const auto& [key, sign, value, inherited] : service_->settings) {
    if (value.text.empty()) continue;
    if (!inherited && key != "enabled" && key != "disabled") {
      setup_.form_lines.push_back(
          absl::StrCat("    ", key, " ", sign, " ", value.text));
    }
    const std::string what = absl::StrCat(key, " = ", value.text);
    uint32_t number = 0;
    if (key == "user") {
      if (value.text == "root") {
        AddRow(value.place, what, kept,
               {Outcome::kDiffers,
                "no --user: the process stays root, because the checker may "
                "need it; --user with a checker that gains privileges itself "
                "is safer"});
      } else {
        MapUser(value, "user");
      }
    } else if (key == "port") {
      port = value;
    } else if (key == "bind" || key == "interface") {
      host = value;
    } else if (key == "v6only") {
      ipv6_only = value.text == "yes";
      AddRow(value.place, what, kept,
             {Outcome::kMaps, "the address of --listen says it"});
    } else if (key == "flags") {
      // Without v6only, the socket of IPv6 takes clients of IPv4, too.
      for (const absl::string_view flag : absl::StrSplit(value.text, ' ')) {
        if (flag == "IPv6") ipv6 = sign != "-=";
        if (flag == "IPv4" && sign != "-=") family_ = '4';
      }
    } else if (key == "disable") {
      AddRow(value.place, what, kept,
             {value.text == "no" ? Outcome::kMaps : Outcome::kDiffers,
              value.text == "no" ? "" : "the service is not started now"});
    } else if (key == "instances" && value.text == "UNLIMITED") {
      AddRow(value.place, what, kept,
             {Outcome::kDiffers, "--max-connections limits them to 1000"});
    } else if (key == "instances" && absl::SimpleAtoi(value.text, &number)) {
      setup_.SetServe("max-connections", value.text);
      AddRow(value.place, what, kept,
             {Outcome::kDiffers, absl::StrCat("--max-connections ", value.text,
                                              "; more clients get a 421")});
    } else if (key == "per_source" && absl::SimpleAtoi(value.text, &number)) {
      setup_.SetServe("max-per-client", value.text);
      AddRow(value.place, what, kept,
             {Outcome::kMaps, absl::StrCat("--max-per-client ", value.text)});
    } else if (key == "only_from" || key == "no_access" ||
               key == "access_times") {
      AddRow(value.place, what, kept,
             {Outcome::kUnsupported, "write it as rules, for --rules"});
      LackServe(value.place, absl::StrCat(what, ": write it as rules"));
    } else if (key == "enabled" || key == "disabled") {
      AddRow(value.place, what, kept,
             {Outcome::kDiffers, "the service manager starts the server"});
    } else if (absl::StartsWith(key, "rlim_")) {
      AddRow(value.place, what, kept,
             {Outcome::kDiffers,
              "the limits of one session do not fit a server of all: left "
              "out"});
    } else if (key == "max_load") {
      AddRow(value.place, what, kept,
             {Outcome::kDiffers, "--max-connections limits the load"});
    } else if (key == "cps") {
      AddRow(value.place, what, kept,
             {Outcome::kUnsupported,
              "no limit of all new connections: --max-rate limits those of "
              "each client"});
    } else if (key == "wait" && value.text == "yes") {
      AddRow(value.place, what,
             {Outcome::kUnsupported, "postern-smtpd serves one connection"});
    } else if (key == "passenv" || key == "env") {
      AddRow(value.place, what, kept,
             {Outcome::kUnsupported, "--pass-environment NAME passes it on"});
    } else if (key != "socket_type" && key != "protocol" && key != "wait" &&
               key != "group" && key != "type" && key != "id" &&
               key != "nice" && key != "umask" &&
               !absl::StartsWith(key, "log_") && key != "groups") {
      AddRow(value.place, what, kept,
             {Outcome::kUnsupported, "this setting of xinetd is not known"});
      LackServe(value.place, absl::StrCat(what, ": not known"));
    }
  }
  if (ipv6 && family_ != '4') {
    if (ipv6_only) family_ = '6';
    if (host.text == "0") host.text = "::";
  }
  MapListener(host, port);
}

void Chain::MapSetUser(size_t begin) {
  if (AtEnd()) return Keep(begin);
  const Word user = At(pos_++);
  Keep(begin);
  MapUser(user, BaseName(At(begin).text));
}

// The files of tcpd have the name of the program that it starts.
void Chain::MapTcpd(size_t begin) {
  Keep(begin);
  // A copy of a site may lack both, although the site has them.
  bool known = files_.Exists("/etc/hosts.allow", 'e') ||
               files_.Exists("/etc/hosts.deny", 'e');
  bool any = false;
  bool named = false;
  for (const absl::string_view path : {"/etc/hosts.allow", "/etc/hosts.deny"}) {
    if (files_.Knows(path) && !files_.Exists(path, 'e')) continue;
    const absl::StatusOr<std::string> text = files_.Read(path);
    known = known && text.ok();
    if (!text.ok()) continue;
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      line = absl::StripAsciiWhitespace(line);
      if (line.empty() || line[0] == '#') continue;
      any = true;
      named = named || absl::StrContains(line, "qmail-smtpd");
    }
  }
  const Place place = At(begin).place;
  const bool renamed =
      !AtEnd() && BaseName(At(pos_).text) == "qmail-smtpd" && (named || !known);
  Mapping smtpd = Kept();
  Mapping serve = {Outcome::kMaps,
                   "/etc/hosts.allow and /etc/hosts.deny have no lines"};
  if (renamed) {
    smtpd = {Outcome::kUnsupported,
             "kept; /etc/hosts.allow and /etc/hosts.deny have the name of the "
             "program: write postern-smtpd in place of qmail-smtpd, or they no "
             "longer apply"};
    LackSmtpd(place, "write postern-smtpd into hosts.allow and hosts.deny");
  }
  if (any || !known) {
    serve = {Outcome::kUnsupported,
             "/etc/hosts.allow and /etc/hosts.deny are not read: write them as "
             "rules"};
    LackServe(place, "tcpd: write hosts.allow and hosts.deny as rules");
  }
  AddRow(place, "tcpd", smtpd, serve);
}

void Chain::MapFixcrio(size_t begin) {
  for (const Option& option :
       {Option{"bare-newlines", "normalize"}, Option{"lenient", "all"}}) {
    setup_.SetSmtpd(option.name, option.value);
    setup_.SetServe(option.name, option.value);
  }
  AddRow(At(begin).place, BaseName(At(begin).text),
         {Outcome::kDiffers,
          "left out: --bare-newlines normalize --lenient all; a bare newline "
          "never ends a message"});
}

void Chain::MapGreetdelay(size_t begin) {
  const Place place = At(begin).place;
  uint32_t seconds = 0;
  if (!AtEnd() && absl::SimpleAtoi(At(pos_).text, &seconds)) {
    const std::string value = At(pos_++).text;
    setup_.SetSmtpd("greet-delay", value);
    setup_.SetServe("greet-delay", value);
    return AddRow(
        place, Text(begin),
        {Outcome::kDiffers,
         absl::StrCat("--greet-delay ", value, ", for relay clients, too")});
  }
  const bool given = std::any_of(
      environment_.begin(), environment_.end(), [](const Effective& each) {
        return each.variable.name == "GREETDELAY" && !each.removed;
      });
  AddRow(place, "greetdelay",
         given ? Mapping{Outcome::kDiffers,
                         "left out: --greet-delay does it, for relay clients, "
                         "too"}
               : Mapping{Outcome::kUnsupported,
                         "left out: GREETDELAY is not in the script; "
                         "--greet-delay N is the same for all clients"});
}

const Chain::Program* Chain::Find(absl::string_view name) {
  constexpr absl::string_view kManager =
      "left out: the service manager can do it";
  constexpr absl::string_view kPopBeforeSmtp =
      "no client may relay because it has read mail: let users authenticate "
      "(--auth)";
  constexpr Outcome kMaps = Outcome::kMaps;
  constexpr Outcome kDiffers = Outcome::kDiffers;
  constexpr Outcome kUnsupported = Outcome::kUnsupported;
  static constexpr Program kPrograms[] = {
      {"softlimit", &Chain::MapSoftlimit},
      {"s6-softlimit", &Chain::MapSoftlimit},
      {"tcpserver", &Chain::MapTcpServer},
      {"sslserver", &Chain::MapTcpServer},
      {"tcpsvd", &Chain::MapTcpsvd},
      {"rblsmtpd", &Chain::MapRblsmtpd},
      {"env", &Chain::MapEnv},
      {"envdir", &Chain::MapEnvdir},
      {"s6-envdir", &Chain::MapEnvdir},
      {"chpst", &Chain::MapChpst},
      {"spamdyke", &Chain::MapSpamdykeProgram},
      {"stunnel", &Chain::MapStunnel},
      {"stunnel3", &Chain::MapStunnel},
      {"qmail-smtpd", &Chain::MapSmtpd},
      {"envuidgid", &Chain::MapSetUser},
      {"setuidgid", &Chain::MapSetUser},
      {"s6-setuidgid", &Chain::MapSetUser},
      {"s6-envuidgid", &Chain::MapSetUser},
      {"fixcrio", &Chain::MapFixcrio},
      {"fixcr", &Chain::MapFixcrio},
      {"greetdelay", &Chain::MapGreetdelay},
      {"setlock", nullptr, "nNxX", 1, true, kMaps, "kept", kDiffers, kManager},
      {"nice", nullptr, "n:", 0, true, kMaps, "kept", kDiffers, kManager},
      {"nohup", nullptr, "", 0, true, kMaps, "kept", kDiffers, kManager},
      {"setsid", nullptr, "cfw", 0, true, kMaps, "kept", kDiffers, kManager},
      {"pgrphack", nullptr, "", 0, true, kMaps, "kept", kDiffers, kManager},
      {"time", nullptr, "apvf:o:", 0, true, kMaps, "kept", kDiffers, kManager},
      {"tcp-env", nullptr, "rRt:", 0, true, kMaps, "kept", kMaps,
       "the server knows the client itself"},
      {"tcpd", &Chain::MapTcpd},
      {"recordio", nullptr, "", 0, false, kDiffers,
       "left out: --record DIR records sessions with masked passwords",
       kDiffers,
       "left out: --record DIR records sessions with masked passwords"},
      {"relay-ctrl-chdir", nullptr, "", 0, true, kMaps, "kept", kUnsupported,
       kPopBeforeSmtp},
      {"relay-ctrl-check", nullptr, "", 0, true, kMaps, "kept", kUnsupported,
       kPopBeforeSmtp},
      {"relay-ctrl-send", nullptr, "", 0, true, kMaps, "kept", kUnsupported,
       kPopBeforeSmtp},
      {"relaylock", nullptr, "", 0, true, kMaps, "kept: RELAYCLIENT is read",
       kUnsupported,
       "no client may relay because it has read mail, and Plesk's list of "
       "networks is not read: let users authenticate, and write the networks "
       "into the file of --rules"},
  };
  for (const Program& program : kPrograms) {
    if (program.name == name) return &program;
  }
  return nullptr;
}

void Chain::Step() {
  const Word word = At(pos_);
  if (!word.known() && !IsProgram(word)) {
    Unknown(word, "a program:");
    return KeepUnknown(pos_++);
  }
  const size_t begin = pos_++;
  const std::string name = BaseName(word.text);
  if (name == "exec") return;
  const Program* program = Find(name);
  if (program == nullptr) {
    // Nothing is known about the program: neither its effect nor how many
    // arguments it has.
    AddRow(word.place, word.text,
           {Outcome::kDiffers,
            "kept before postern-smtpd; nothing is known about this program"},
           {Outcome::kUnsupported,
            "left out: nothing is known about this program"});
    // It may refuse clients.
    LackServe(word.place,
              absl::StrCat(word.text, ": nothing is known about this program"));
    return KeepUnknown(begin);
  }
  if (program->map != nullptr) return (this->*program->map)(begin);
  // nice has numbers as options, too.
  const bool number = name == "nice" && !AtEnd() && At(pos_).text.size() > 1 &&
                      At(pos_).text[0] == '-' &&
                      absl::ascii_isdigit(At(pos_).text[1]);
  if (number) ++pos_;
  std::string bad;
  if (!program->letters.empty()) (void)Options(program->letters, &bad);
  BadOption(name, bad);
  pos_ =
      std::min(pos_ + static_cast<size_t>(program->arguments), words_.size());
  if (program->kept) Keep(begin);
  AddRow(word.place, pos_ - begin > 1 ? Text(begin) : name,
         {program->smtpd_outcome, std::string(program->smtpd)},
         {program->serve_outcome, std::string(program->serve)});
}

// Keeps the words from `begin` to the next program that is known.
void Chain::KeepUnknown(size_t begin) {
  while (!AtEnd() && !IsProgram(At(pos_))) {
    ++pos_;
  }
  Keep(begin);
}

void Chain::MapEnvironment() {
  for (const Effective& each : environment_) {
    const Variable& variable = each.variable;
    if (each.removed) {
      // The script sets it, and a program before qmail-smtpd removes it.
      if (!each.in_front && IsVariableName(variable.name)) {
        setup_.environment.push_back(variable);
      }
      continue;
    }
    const Word& value = variable.value;
    bool keep = false;
    bool of_super_server = false;
    for (const absl::string_view name :
         {"CERTFILE", "KEYFILE", "CERTCHAINFILE", "DHFILE", "CAFILE", "CADIR",
          "CIPHERS"}) {
      of_super_server = of_super_server || variable.name == name;
    }
    if (!of_super_server || !value.known()) {
      MapVariable(variable, &setup_, &keep);
    } else {
      keep = true;
      const Mapping smtpd = {Outcome::kMaps, "of the super-server"};
      const std::string what = absl::StrCat(variable.name, "=", value.text);
      if (variable.name == "CIPHERS") {
        setup_.SetServe("tls-ciphers", value.text);
        AddRow(
            value.place, what, smtpd,
            {Outcome::kDiffers, "--tls-ciphers; the list applies to TLS 1.2"});
      }
      if (variable.name == "CAFILE" || variable.name == "CADIR") {
        AddRow(value.place, what, smtpd,
               {Outcome::kUnsupported,
                "certificates of clients are not required"});
      }
    }
    if (keep && !each.in_front) setup_.environment.push_back(variable);
  }
}

// Maps the limits that the shell sets.
void Chain::MapShell() {
  for (const std::vector<Word>& command : setup_.shell) {
    if (command.empty() || command[0].text != "ulimit") continue;
    std::vector<std::string> texts;
    for (const Word& word : command) texts.push_back(word.text);
    AddRow(command[0].place, absl::StrJoin(texts, " "),
           {Outcome::kDiffers,
            "kept; postern-smtpd needs 4,000 KiB of memory, with TLS 24,000"},
           {Outcome::kDiffers,
            "left out: the limits of one session do not fit a server of all"});
  }
}

// Maps where the log goes.
void Chain::MapLog() {
  const auto add = [this](std::string what, const std::vector<Word>& words) {
    for (const Word& word : words) {
      absl::StrAppend(&what, " ", word.text);
      if (word.known()) continue;
      return AddRow(word.place, what, {Outcome::kUnsupported, word.unknown});
    }
    AddRow(words[0].place, what, {Outcome::kMaps, "kept in the run script"});
  };
  const auto add_redirections =
      [&](const std::vector<Redirection>& redirections) {
        for (const Redirection& each : redirections) {
          // Every script has this one.
          if (each.sign == "2>&" && each.target.text == "1") continue;
          add(each.sign, {each.target});
        }
      };
  add_redirections(setup_.shell_redirections);
  add_redirections(setup_.redirections);
  for (const PipedCommand& each : setup_.pipe) {
    if (!each.words.empty()) add("|", each.words);
    add_redirections(each.redirections);
  }
}

void Chain::MapMemory() {
  const uint64_t needed =
      setup_.HasSmtpd("tls-cert") ? kMemoryWithTls : kMemory;
  for (const auto& [index, name] : memory_) {
    Word& word = setup_.front[index];
    uint64_t number = 0;
    // The number may be in the word of the option: -m2000000, =2000000.
    const size_t digits = word.text.find_first_of("0123456789");
    const bool small = digits != npos &&
                       absl::SimpleAtoi(word.text.substr(digits), &number) &&
                       number < needed;
    const std::string old =
        digits == npos ? word.text : word.text.substr(digits);
    if (small) word.text = absl::StrCat(word.text.substr(0, digits), needed);
    AddRow(word.place, absl::StrCat(name, " ", old),
           {small ? Outcome::kDiffers : Outcome::kMaps,
            small ? absl::StrCat("raised to ", needed,
                                 ", see MEMORY in postern-smtpd(8)")
                  : "kept"},
           {Outcome::kDiffers,
            "the limits of one session do not fit a server of all: left out"});
  }
}

// The options of AUTH, and the rows of the checkers.
void Chain::FinishAuth() {
  const Facts& facts = setup_.facts;
  const Place command = words_.empty() ? Place() : words_[0].place;
  const std::optional<Checker>& of_serve =
      spamdyke_checker_ ? spamdyke_checker_ : checker_;
  const bool smtpd_answers = facts.auth_offered() && checker_.has_value();
  const bool serve_answers = facts.auth_offered();
  const bool smtpd_has_tls = setup_.HasSmtpd("tls-cert") ||
                             setup_.HasSmtpd("tls-outside") || facts.ucspi_tls;
  const std::string lacks_auth =
      facts.auth_off ? "AUTH is required, and SMTPAUTH turns it off"
                     : "AUTH is required, and no checker is named: add "
                       "--auth and --submission";
  if (facts.auth_required && !serve_answers) {
    AddRow(command, "AUTH", {Outcome::kUnsupported, lacks_auth});
    LackServe(command, lacks_auth);
  }
  const bool takes_auth =  // and postern-smtpd does not see it
      spamdyke_checker_.has_value();
  bool smtpd_insecure = setup_.HasSmtpd("auth-insecure");
  bool serve_insecure = setup_.HasServe("auth-insecure");
  if (smtpd_answers && !takes_auth) {
    setup_.SetSmtpd("auth", checker_->spec);
    if (facts.auth_required) setup_.SetSmtpd("submission", "");
    if (facts.cram) setup_.SetSmtpd("cram-md5", "response-first");
    if (!smtpd_has_tls && !facts.auth_encrypted) {
      smtpd_insecure = true;
      setup_.SetSmtpd("auth-insecure", "");
    }
  }
  if (facts.auth_required_by_smtpd && !setup_.HasSmtpd("auth")) {
    // Without AUTH, postern-smtpd does not start with it.
    std::vector<Option>& options = setup_.smtpd;
    options.erase(std::remove_if(options.begin(), options.end(),
                                 [](const Option& option) {
                                   return option.name == "submission";
                                 }),
                  options.end());
    if (!takes_auth) {
      LackSmtpd(command, lacks_auth);
    } else {
      const std::string why =
          "AUTH is required, and postern-smtpd does not see that of spamdyke: "
          "let spamdyke require it";
      AddRow(command, "AUTH", {Outcome::kUnsupported, why}, Kept());
      LackSmtpd(command, why);
    }
  }
  if (serve_answers) {
    setup_.SetServe("auth", of_serve->spec);
    setup_.AddListenWord(facts.auth_required ? "submission" : "auth");
    if (facts.cram) setup_.SetServe("cram-md5", "response-first");
    if (!setup_.HasServe("tls-cert") && !facts.auth_encrypted) {
      serve_insecure = true;
      setup_.SetServe("auth-insecure", "");
    }
  }
  for (const std::optional<Checker>* each : {&spamdyke_checker_, &checker_}) {
    if (!each->has_value()) continue;
    const Checker& checker = **each;
    const bool of_spamdyke = each == &spamdyke_checker_;
    const std::string shown = absl::StrCat("--auth ", checker.spec);
    Mapping smtpd = {Outcome::kMaps, shown};
    Mapping serve = {Outcome::kMaps,
                     absl::StrCat(shown, " and --listen ADDRESS,",
                                  facts.auth_required ? "submission" : "auth")};
    if (facts.auth_required) smtpd.text += " --submission";
    if (facts.auth_off) {
      smtpd = {Outcome::kMaps, "left out: SMTPAUTH turns AUTH off"};
      serve = smtpd;
    } else if (of_spamdyke) {
      smtpd = {Outcome::kMaps, "spamdyke stays before postern-smtpd"};
    } else if (takes_auth) {
      smtpd = {Outcome::kMaps, "left out: spamdyke answers AUTH"};
      serve = {Outcome::kMaps, "left out: smtp-auth-command is in use"};
    } else if (!smtpd_has_tls && facts.auth_encrypted) {
      smtpd = {Outcome::kUnsupported,
               absl::StrCat(shown,
                            ", but AUTH is not offered: postern-smtpd does "
                            "not see the TLS of spamdyke")};
    }
    AddRow(checker.place, checker.what, smtpd, serve);
    if (checker.second.empty() || facts.cram || facts.auth_off) continue;
    const auto plain = [](bool insecure) {
      return Mapping{Outcome::kDiffers,
                     absl::StrCat("CRAM-MD5 is not offered: clients use PLAIN "
                                  "or LOGIN",
                                  insecure ? "" : " with TLS")};
    };
    AddRow(checker.place, checker.second, plain(smtpd_insecure),
           plain(serve_insecure));
  }
  if (!facts.auth_offered()) return;
  const bool always_tls = facts.wrapped || facts.auth_encrypted;
  const auto without_tls = [&](bool smtpd, bool answers, bool insecure,
                               bool has_tls) {
    Mapping mapping;
    if (!answers || (smtpd && takes_auth) || setup_.HasSmtpd("require-tls")) {
      mapping.text = "nothing changes";
    } else if (smtpd && insecure && facts.tls_stays) {
      mapping = {Outcome::kDiffers,
                 absl::StrCat("--auth-insecure, because postern-smtpd does not "
                              "see the TLS of ",
                              facts.tls_by)};
    } else if (insecure) {
      mapping = {Outcome::kDiffers,
                 "--auth-insecure, because no certificate is named; with "
                 "--tls-cert, leave it out"};
    } else if (has_tls && !always_tls) {
      mapping = {Outcome::kDiffers,
                 "PLAIN and LOGIN are offered with TLS only; --auth-insecure "
                 "offers them without, as the patches do"};
    } else {
      mapping.text = "nothing changes";
    }
    return mapping;
  };
  const bool by_variable = std::any_of(
      environment_.begin(), environment_.end(), [](const Effective& each) {
        return each.variable.name == "ALLOW_INSECURE_AUTH" && !each.removed &&
               each.variable.value.text != "0";
      });
  if (by_variable) return;
  const Mapping smtpd =
      without_tls(true, smtpd_answers, smtpd_insecure, smtpd_has_tls);
  const Mapping serve = without_tls(false, serve_answers, serve_insecure,
                                    setup_.HasServe("tls-cert"));
  if (smtpd.outcome != Outcome::kMaps || serve.outcome != Outcome::kMaps) {
    AddRow(command, "AUTH without TLS", smtpd, serve);
  }
}

// The certificate, and the words of --listen about TLS.
void Chain::FinishTls() {
  const Facts& facts = setup_.facts;
  const Place command = words_.empty() ? Place() : words_[0].place;
  const auto has_word = [this](absl::string_view word) {
    return std::find(setup_.listen_words.begin(), setup_.listen_words.end(),
                     word) != setup_.listen_words.end();
  };
  const bool smtpd_needs = setup_.HasSmtpd("tls-wrapped") ||
                           (setup_.HasSmtpd("require-tls") && !facts.ucspi_tls);
  const bool serve_needs =
      !facts.tls_denied && (has_word("tls") || has_word("require-tls") ||
                            (facts.auth_encrypted && facts.auth_offered()));
  const bool smtpd_lacks = smtpd_needs && !setup_.HasSmtpd("tls-cert");
  const bool serve_lacks =
      (serve_needs || smtpd_lacks) && !setup_.HasServe("tls-cert");
  if (!smtpd_lacks && !serve_lacks) return;
  const std::string certificate =
      absl::StrCat(service::kConfigDirectory, "/", service::kCertificateFile);
  const std::string key =
      absl::StrCat(service::kConfigDirectory, "/", service::kKeyFile);
  if (smtpd_lacks) {
    setup_.SetSmtpd("tls-cert", certificate);
    setup_.SetSmtpd("tls-key", key);
  }
  if (serve_lacks) {
    setup_.SetServe("tls-cert", certificate);
    setup_.SetServe("tls-key", key);
  }
  const Mapping missing = {Outcome::kUnsupported, kNameCertificate};
  AddRow(command, "the certificate",
         smtpd_lacks
             ? missing
             : Mapping{Outcome::kMaps, "postern-smtpd needs no other one"},
         serve_lacks ? missing : Kept());
}

// Names the options that a program would not start with, or that the form of
// the set-up cannot have.
void Chain::CheckOptions() {
  const Place command = words_.empty() ? Place() : words_[0].place;
  const auto refuse = [&](bool smtpd, const std::string& why) {
    const Mapping mapping = {Outcome::kUnsupported, why};
    if (smtpd) {
      AddRow(command, "the options", mapping, {});
      LackSmtpd(command, why);
    } else {
      AddRow(command, "the options", {}, mapping);
      LackServe(command, why);
    }
  };
  for (const bool smtpd : {true, false}) {
    std::vector<std::string> arguments =
        smtpd ? SmtpdArguments(setup_) : ServeArguments(setup_);
    // Only postern-smtpd has these, and they have no value.
    arguments.erase(std::remove_if(arguments.begin(), arguments.end(),
                                   [](const std::string& argument) {
                                     return argument == "--submission" ||
                                            argument == "--require-tls" ||
                                            argument == "--tls-wrapped" ||
                                            argument == "--tls-outside";
                                   }),
                    arguments.end());
    std::vector<const char*> pointers = {"--config", "none"};
    // Of postern serve, --auth needs a listener.
    if (smtpd && setup_.HasSmtpd("auth")) {
      pointers.insert(pointers.end(), {"--listen", "127.0.0.1:25,auth"});
    }
    for (const std::string& each : arguments) pointers.push_back(each.c_str());
    service::Options given(ServeOptionRows(), service::CheckOptionRows());
    given.Read(pointers, [](const char*) -> const char* { return nullptr; });
    ServeOptions options;
    ReadServeOptions(&given, &options);
    for (const std::string& mistake : given.mistakes()) refuse(smtpd, mistake);
  }
  for (const Option& option : setup_.serve) {
    const absl::Status valid =
        service::FormatSetting(option.name, option.value,
                               absl::StrCat("--", option.name))
            .status();
    if (!valid.ok()) refuse(false, std::string(valid.message()));
  }
  if (setup_.form == Setup::Form::kRunScript) return;
  for (const Option& option : setup_.smtpd) {
    if (std::any_of(option.value.begin(), option.value.end(),
                    absl::ascii_isspace)) {
      refuse(true, absl::StrCat("--", option.name,
                                ": the value has a blank, which divides words "
                                "here: write it into a file for --config"));
    }
  }
}

// The variables that the script takes away, and what may have changed any.
void Chain::MapRemoved() {
  for (const RemovedVariable& each : setup_.removed) {
    AddRow(each.place, each.what, {Outcome::kMaps, "kept in the run script"});
  }
  for (const Word& word : unread_) setup_.LackBoth(word);
}

void Chain::Finish() {
  FinishTls();
  FinishAuth();
  const auto early = [](const Row& row) {
    return absl::StartsWith(row.what, "DROP_PRE_GREET=") ||
           absl::StartsWith(row.what, "DROPRUSHGREET=");
  };
  for (Row& row : setup_.rows) {
    if (!early(row) || !setup_.HasServe("greet-delay")) continue;
    row.smtpd = {Outcome::kMaps, "--greet-delay refuses such clients"};
    row.serve = row.smtpd;
  }
  MapMemory();
  CheckOptions();
  if (!setup_.listen.empty()) return;
  setup_.listen.emplace_back("0.0.0.0:25");
  const Place command = words_.empty() ? Place() : words_[0].place;
  AddRow(command, "the address", Kept(),
         {Outcome::kUnsupported,
          "the address is not known: write it in place of 0.0.0.0:25"});
  LackServe(command, "the address is not known");
}

Setup Chain::Map() {
  MapService();
  while (!AtEnd() && !done_) Step();
  setup_.has_smtpd = done_;
  if (!done_) {
    const Place place = words_.empty() ? Place() : words_[0].place;
    AddRow(place, words_.empty() ? "" : BaseName(words_[0].text),
           {Outcome::kUnsupported,
            "the command does not start qmail-smtpd, so there is no set-up "
            "for it"});
    return std::move(setup_);
  }
  std::vector<Variable> variables;
  for (const Effective& each : environment_) {
    if (!each.removed) variables.push_back(each.variable);
  }
  CollectFacts(variables, files_, &setup_);
  MapEnvironment();
  const bool by_name = !rules_ || !rules_->known() ||
                       MapRules(*rules_, files_,
                                std::any_of(variables.begin(), variables.end(),
                                            [](const Variable& each) {
                                              return each.name == "RELAYCLIENT";
                                            }),
                                &setup_);
  if (host_names_row_ && by_name) {
    setup_.SetServe("host-names", "");
  } else if (host_names_row_) {
    setup_.rows[*host_names_row_].serve = {
        Outcome::kMaps, "host names are not looked up: no rule needs them"};
  }
  MapControlFiles(files_, &setup_);
  MapShell();
  MapLog();
  MapRemoved();
  Finish();
  return std::move(setup_);
}

}  // namespace

bool IsChainProgram(absl::string_view name) {
  return Chain::Find(name) != nullptr;
}

Setup MapServer(const ServerCommand& command, const SuperService* service,
                const SiteFiles& files) {
  return Chain(command, service, files).Map();
}

}  // namespace postern::programs::migrate
