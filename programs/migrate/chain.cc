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

namespace postern::programs::migrate {
namespace {

constexpr size_t npos = std::string::npos;
// postern-smtpd(8), MEMORY.
constexpr uint64_t kMemory = 4000000;
constexpr uint64_t kMemoryWithTls = 24000000;
// Where a certificate is expected that the script does not name.
constexpr absl::string_view kCertificate = "/etc/postern/tls.pem";

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
std::optional<std::string> HostOf(absl::string_view name) {
  if (name == "0" || name.empty() || name == "0.0.0.0" || name == ":0" ||
      name == "*") {
    return "*";
  }
  if (name == "localhost") return "127.0.0.1";
  if (!IpAddress::Parse(name)) return std::nullopt;
  return absl::StrContains(name, ':') ? absl::StrCat("[", name, "]")
                                      : std::string(name);
}

class Chain {
 public:
  Chain(const ServerCommand& command, const SuperService* service,
        const SiteFiles& files)
      : words_(command.words), files_(files), service_(service) {
    setup_.shell = command.shell;
    setup_.log_on_output = command.log_on_output;
    environment_ = command.environment;
  }

  Setup Map();

 private:
  // One option of a program in the chain.
  struct Given {
    char letter = 0;
    Word value;
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
    Lack(word);
  }
  // postern serve must not start without the value.
  void Lack(const Word& word) {
    for (const Word& each : setup_.unknown) {
      if (each.place.line == word.place.line && each.unknown == word.unknown) {
        return;
      }
    }
    setup_.unknown.push_back(word);
  }

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
  void MapSoftlimit(size_t begin);
  void MapTcpServer(size_t begin, bool ssl);
  void MapTcpsvd(size_t begin);
  void MapRblsmtpd(size_t begin);
  void MapEnv();
  void MapEnvdir(size_t begin);
  void MapChpst(size_t begin);
  void MapSpamdykeProgram(size_t begin);
  void MapStunnel(size_t begin);
  void MapSmtpd(size_t begin);
  void MapService();
  void MapAuth(const std::vector<Word>& arguments, const Place& place);
  void MapEnvironment();
  void AddCertificate();

  std::vector<Word> words_;
  const SiteFiles& files_;
  const SuperService* const service_;
  std::vector<Variable> environment_;
  Setup setup_;
  size_t pos_ = 0;
  bool done_ = false;             // at qmail-smtpd
  bool tls_before_ = false;       // a program before it ends TLS
  std::optional<size_t> memory_;  // the word with softlimit's number
  std::optional<Word> rules_;
  bool has_host_names_ = false;
};

std::vector<Chain::Given> Chain::Options(absl::string_view known,
                                         std::string* bad) {
  std::vector<Given> given;
  while (!AtEnd()) {
    if (!At(pos_).known()) {
      // It is an option, or the host of a super-server: those are the last two
      // words before the next program.
      size_t next = pos_ + 1;
      while (next < words_.size() &&
             !(At(next).known() && IsChainProgram(BaseName(At(next).text)))) {
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
      if (at + 1 < known.size() && known[at + 1] == ':') {
        if (i + 1 < text.size()) {
          option.value.text = text.substr(i + 1);
        } else if (!AtEnd()) {
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
    Lack(missing);
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
  const std::optional<std::string> address = HostOf(host.text);
  const std::optional<std::string> number = PortOf(port.text);
  if (!address || !number) {
    return AddRow(place, what, {Outcome::kMaps, "kept"},
                  {Outcome::kUnsupported,
                   "--listen has an IP address and a port number: write them"});
  }
  setup_.listen.push_back(absl::StrCat(*address, ":", *number));
  const bool both = *address == "*";
  AddRow(place, what, {Outcome::kMaps, "kept"},
         {both ? Outcome::kDiffers : Outcome::kMaps,
          absl::StrCat("--listen '", setup_.listen.back(), "'",
                       both ? "; it listens on IPv6, too" : "")});
}

void Chain::MapSoftlimit(size_t begin) {
  std::string bad;
  std::string memory;
  for (const Given& option : Options("a:c:d:f:l:m:o:p:r:s:t:", &bad)) {
    if (option.letter != 'm' && option.letter != 'a') continue;
    if (!option.value.known()) {
      Unknown(option.value, "softlimit -m");
      continue;
    }
    memory = option.value.text;
  }
  BadOption("softlimit", bad);
  const size_t first = setup_.front.size();
  Keep(begin);
  for (size_t i = first; i < setup_.front.size(); ++i) {
    if (!memory.empty() && absl::EndsWith(setup_.front[i].text, memory)) {
      memory_ = i;
    }
  }
  if (memory.empty()) {
    AddRow(At(begin).place, Text(begin), {Outcome::kMaps, "kept"},
           {Outcome::kDiffers,
            "the limits of one session do not fit a server of all: left out"});
  }
}

void Chain::MapTcpServer(size_t begin, bool ssl) {
  const std::string program = BaseName(At(begin).text);
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
  for (const Given& option : options) {
    const Word& value = option.value;
    const std::string what =
        absl::StrCat(program, " -", std::string(1, option.letter),
                     value.text.empty() ? "" : " ", value.text);
    if (!value.known() && option.letter != 'u' && option.letter != 'g') {
      AddRow(value.place, what, {Outcome::kUnsupported, value.unknown});
      Lack(value);
      continue;
    }
    switch (option.letter) {
      case 'H':
        looks_up = false;
        break;
      case 'h':
        looks_up = true;
        break;
      case 'p':
        confirms = true;
        break;
      case 'P':
        confirms = false;
        break;
      case 'R':
        ident = false;
        break;
      case 'r':
        ident = true;
        break;
      case 'X':
        optional_rules = true;
        break;
      case 'n':
        ucspi_tls = ssl;
        break;
      case 'x':
        rules_ = value;
        setup_.SetServe("rules", value.text);
        AddRow(value.place, what, {Outcome::kMaps, "kept"},
               {Outcome::kDiffers,
                absl::StrCat("--rules ", value.text,
                             "; a denied client gets a 554 (--silent-deny: "
                             "nothing), and SIGHUP reads changed rules")});
        break;
      case 'c': {
        uint32_t number = 0;
        if (!absl::SimpleAtoi(value.text.substr(0, value.text.find(':')),
                              &number) ||
            number == 0) {
          AddRow(value.place, what, {Outcome::kMaps, "kept"},
                 {Outcome::kUnsupported, "not a number of connections"});
          break;
        }
        setup_.SetServe("max-connections", absl::StrCat(number));
        AddRow(value.place, what, {Outcome::kMaps, "kept"},
               {Outcome::kDiffers,
                absl::StrCat("--max-connections ", number,
                             "; more clients get a 421, and "
                             "--max-per-client limits each to 50")});
        break;
      }
      case 'u':
        MapUser(value, absl::StrCat(program, " -u"));
        break;
      case 'U':
        AddRow(
            value.place, what, {Outcome::kMaps, "kept"},
            {setup_.HasServe("user") ? Outcome::kMaps : Outcome::kUnsupported,
             setup_.HasServe("user") ? "--user" : "add --user NAME"});
        break;
      case 'l': {
        const absl::StatusOr<std::string> me =
            files_.Read("/var/qmail/control/me");
        const bool same = me.ok() && absl::StripAsciiWhitespace(me->substr(
                                         0, me->find('\n'))) == value.text;
        AddRow(value.place, what,
               {Outcome::kMaps, "kept; control/me is in the Received field"},
               {same ? Outcome::kMaps : Outcome::kDiffers,
                "control/me is in the Received field"});
        break;
      }
      case 'b':
        AddRow(value.place, what, {Outcome::kMaps, "kept"},
               {Outcome::kDiffers, "the backlog is 4096"});
        break;
      case 'B':
        AddRow(value.place, what,
               {Outcome::kUnsupported,
                "a line before the greeting breaks SMTP: remove it"});
        break;
      default:
        break;  // the log's verbosity, TCP options and ident's timeout
    }
  }
  BadOption(program, bad);
  const Place place = At(begin).place;
  const bool by_name = looks_up && rules_.has_value();
  if (by_name) {
    has_host_names_ = true;
    setup_.SetServe("host-names", "");
  }
  AddRow(place,
         absl::StrCat(program, looks_up ? " -h" : " -H", confirms ? " -p" : ""),
         {Outcome::kMaps, "kept"},
         by_name
             ? Mapping{confirms ? Outcome::kMaps : Outcome::kDiffers,
                       confirms ? "--host-names"
                                : "--host-names; only confirmed names match a "
                                  "rule, as with -p"}
             : Mapping{Outcome::kMaps,
                       "host names are not looked up: no rule needs them"});
  if (ident) {
    AddRow(place, absl::StrCat(program, " -r"), {Outcome::kMaps, "kept"},
           {Outcome::kDiffers,
            "ident is not asked; rules with user@ do not match"});
  }
  if (optional_rules) {
    setup_.SetServe("rules-optional", "");
    AddRow(place, absl::StrCat(program, " -X"), {Outcome::kMaps, "kept"},
           {Outcome::kMaps, "--rules-optional"});
  }
  if (pos_ + 2 > words_.size()) {
    AddRow(place, program,
           {Outcome::kUnsupported, "host and port are missing"});
    return;
  }
  const Word host = At(pos_++);
  const Word port = At(pos_++);
  Keep(begin);
  MapListener(host, port);
  if (!ssl) return;
  tls_before_ = !ucspi_tls;
  AddCertificate();
  if (ucspi_tls) {
    AddRow(place, "sslserver -n",
           {Outcome::kMaps, "kept: STARTTLS by UCSPI-TLS"},
           {Outcome::kMaps, "STARTTLS with --tls-cert"});
    return;
  }
  setup_.SetSmtpd("tls-outside", "");
  setup_.AddListenWord("tls");
  AddRow(place, "sslserver", {Outcome::kMaps, "kept, with --tls-outside"},
         {Outcome::kMaps, "--listen ADDRESS,tls"});
}

// The certificate of sslserver is in its environment.
void Chain::AddCertificate() {
  std::string certificate;
  std::string key;
  Place place = At(std::min(pos_, words_.size() - 1)).place;
  for (const Variable& variable : environment_) {
    if (!variable.value.known()) continue;
    if (variable.name == "CERTFILE" || variable.name == "CERTCHAINFILE") {
      certificate = variable.value.text;
      place = variable.value.place;
    }
    if (variable.name == "KEYFILE") key = variable.value.text;
  }
  if (certificate.empty()) {
    setup_.SetServe("tls-cert", kCertificate);
    AddRow(place, "the certificate", {Outcome::kMaps, "of the super-server"},
           {Outcome::kUnsupported,
            absl::StrCat("the script does not name it: write its path in place "
                         "of ",
                         kCertificate)});
    return;
  }
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
    const std::string what = absl::StrCat(
        "tcpsvd -", std::string(1, option.letter), " ", value.text);
    if (!value.known()) {
      Unknown(value, what);
      continue;
    }
    uint32_t number = 0;
    switch (option.letter) {
      case 'u':
        MapUser(value, "tcpsvd -u");
        break;
      case 'c':
        setup_.SetServe("max-connections", value.text);
        AddRow(
            value.place, what, {Outcome::kMaps, "kept"},
            {Outcome::kDiffers, absl::StrCat("--max-connections ", value.text,
                                             "; more clients get a 421")});
        break;
      case 'C':
        if (absl::SimpleAtoi(value.text.substr(0, value.text.find(':')),
                             &number)) {
          setup_.SetServe("max-per-client", absl::StrCat(number));
          AddRow(value.place, what, {Outcome::kMaps, "kept"},
                 {Outcome::kMaps, absl::StrCat("--max-per-client ", number)});
        }
        break;
      case 'i':
      case 'x':
        AddRow(value.place, what, {Outcome::kMaps, "kept"},
               {Outcome::kUnsupported,
                "--rules reads tcprules' databases: write these instructions "
                "as rules"});
        break;
      default:
        break;
    }
  }
  BadOption("tcpsvd", bad);
  if (pos_ + 2 > words_.size()) {
    AddRow(At(begin).place, "tcpsvd",
           {Outcome::kUnsupported, "host and port are missing"});
    return;
  }
  const Word host = At(pos_++);
  const Word port = At(pos_++);
  Keep(begin);
  MapListener(host, port);
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

// env [-i] [-u NAME] NAME=VALUE... The variables are set before the command.
void Chain::MapEnv() {
  while (!AtEnd()) {
    const Word& word = At(pos_);
    if (word.text == "-" || word.text == "-i") {
      environment_.clear();
      ++pos_;
    } else if (word.text == "-u" && pos_ + 1 < words_.size()) {
      const std::string name = At(pos_ + 1).text;
      environment_.erase(
          std::remove_if(environment_.begin(), environment_.end(),
                         [&](const auto& each) { return each.name == name; }),
          environment_.end());
      pos_ += 2;
    } else if (absl::StrContains(word.text, '=')) {
      const size_t equals = word.text.find('=');
      Variable variable = {word.text.substr(0, equals), word};
      variable.value.text = word.text.substr(equals + 1);
      environment_.push_back(std::move(variable));
      ++pos_;
    } else {
      break;
    }
  }
}

void Chain::MapEnvdir(size_t begin) {
  if (AtEnd()) return;
  const Word directory = At(pos_++);
  if (!directory.known()) return Unknown(directory, "envdir");
  const std::vector<std::string> names = absl::StartsWith(directory.text, "/")
                                             ? files_.List(directory.text)
                                             : std::vector<std::string>();
  if (names.empty()) {
    Keep(begin);
    return AddRow(directory.place, absl::StrCat("envdir ", directory.text),
                  {Outcome::kUnsupported,
                   "the directory cannot be read or is empty, so its variables "
                   "are not in this table"});
  }
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(directory.text, "/", name);
    const absl::StatusOr<std::string> text = files_.Read(path);
    Variable variable = {name, {}};
    variable.value.place = {path, 1};
    if (!text.ok()) {
      variable.value.unknown = "the file cannot be read";
    } else if (text->empty()) {
      continue;  // envdir removes the variable
    } else {
      variable.value.text = std::string(absl::StripTrailingAsciiWhitespace(
          absl::string_view(*text).substr(0, text->find('\n'))));
    }
    environment_.push_back(std::move(variable));
  }
}

// runit's chpst.
void Chain::MapChpst(size_t begin) {
  std::string bad;
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
    } else if (option.letter == 'e') {
      AddRow(value.place, what,
             {Outcome::kUnsupported,
              "the directory is not read, so its variables are not in this "
              "table"});
    } else if (option.letter == 'm' || option.letter == 'd') {
      uint64_t number = 0;
      const bool enough =
          absl::SimpleAtoi(value.text, &number) && number >= kMemory;
      AddRow(value.place, what,
             {enough ? Outcome::kMaps : Outcome::kUnsupported,
              "kept; postern-smtpd needs 4000000, with TLS 24000000"},
             {Outcome::kDiffers,
              "the limits of one session do not fit a server of all: left "
              "out"});
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
    }
  }
  setup_.front.resize(setup_.front.size() - (pos_ > begin ? 1 : 0));
  Keep(begin);
  for (const Word& file : files) {
    const absl::StatusOr<std::string> text =
        file.known() && absl::StartsWith(file.text, "/")
            ? files_.Read(file.text)
            : absl::NotFoundError("not a path");
    if (!text.ok()) {
      AddRow(file.place, absl::StrCat("spamdyke -f ", file.text),
             {Outcome::kMaps, "kept"},
             {Outcome::kUnsupported,
              "the file cannot be read, so its settings are not in this "
              "table"});
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
  for (const auto& [name, value] : settings) {
    if (name == "smtp-auth-level") level = value.text;
  }
  for (const auto& [name, value] : settings) {
    if (name == "config-dir") {
      AddRow(value.place, absl::StrCat(name, "=", value.text),
             {Outcome::kMaps, "spamdyke stays before postern-smtpd"},
             {Outcome::kUnsupported,
              "settings for some clients are variables in the rules"});
    } else if (name == "smtp-auth-command" && level != "none" &&
               level != "observe") {
      std::vector<Word> arguments;
      for (const absl::string_view field :
           absl::StrSplit(value.text, ' ', absl::SkipEmpty())) {
        Word word = value;
        word.text = std::string(field);
        arguments.push_back(std::move(word));
      }
      const std::vector<Option> smtpd = setup_.smtpd;
      MapAuth(arguments, value.place);
      setup_.smtpd = smtpd;
      setup_.rows.back().smtpd = {Outcome::kMaps,
                                  "spamdyke stays before postern-smtpd"};
      if (absl::StartsWith(level, "always")) setup_.AddListenWord("submission");
    } else if (name == "tls-level" && value.text == "smtps") {
      setup_.AddListenWord("tls");
      AddRow(value.place, "tls-level=smtps",
             {Outcome::kMaps, "spamdyke stays before postern-smtpd"},
             {Outcome::kMaps, "--listen ADDRESS,tls"});
    } else {
      MapSpamdyke(name, value, &setup_);
    }
  }
  AddRow(At(begin).place, "spamdyke",
         {Outcome::kDiffers,
          "kept before postern-smtpd; what it does itself (TLS, AUTH, lists) "
          "postern-smtpd does not see"},
         {Outcome::kDiffers,
          "left out: the rows of its settings follow the "
          "options of postern serve"});
}

// stunnel 3: stunnel -p CERTIFICATE -l PROGRAM -- PROGRAM ARGUMENTS.
void Chain::MapStunnel(size_t begin) {
  const Place place = At(begin).place;
  std::string certificate;
  std::optional<Word> port;
  while (!AtEnd() && absl::StartsWith(At(pos_).text, "-")) {
    const Word word = At(pos_++);
    if (word.text == "--") break;
    if (word.text.size() != 2) continue;
    const char letter = word.text[1];
    if (absl::string_view("pldrsgAavCDEnNIPoRStu").find(letter) ==
        absl::string_view::npos) {
      continue;
    }
    if (AtEnd()) break;
    const Word value = At(pos_++);
    if (letter == 'p' && value.known()) certificate = value.text;
    if (letter == 'd') port = value;
    if (letter == 'l' && !AtEnd() && At(pos_).text == "--") {
      ++pos_;
      // -l names the program, and the first argument is its name again.
      if (!AtEnd()) words_[pos_].text = value.text;
      break;
    }
  }
  tls_before_ = true;
  setup_.SetSmtpd("tls-wrapped", "");
  setup_.AddListenWord("tls");
  const bool named = !certificate.empty();
  if (!named) certificate = std::string(kCertificate);
  setup_.SetSmtpd("tls-cert", certificate);
  setup_.SetServe("tls-cert", certificate);
  const std::string missing =
      named ? ""
            : absl::StrCat(
                  "; the script does not name the certificate: write "
                  "its path in place of ",
                  kCertificate);
  const Outcome outcome = named ? Outcome::kMaps : Outcome::kUnsupported;
  AddRow(place, Text(begin),
         {outcome, absl::StrCat("left out: --tls-wrapped --tls-cert ",
                                certificate, missing)},
         {outcome, absl::StrCat("--listen ADDRESS,tls and --tls-cert ",
                                certificate, missing)});
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

// Maps the arguments of a qmail-smtpd that is patched for AUTH.
void Chain::MapAuth(const std::vector<Word>& arguments, const Place& place) {
  std::vector<std::string> texts;
  for (const Word& word : arguments) {
    if (!word.known()) return Unknown(word, "the arguments for AUTH:");
    texts.push_back(word.text);
  }
  const std::string what = absl::StrJoin(texts, " ");
  size_t checker = 0;
  if (!absl::StrContains(texts[0], '/')) {
    if (texts.size() < 2) {
      return AddRow(place, what,
                    {Outcome::kUnsupported,
                     "this is neither a checker nor a host and a checker"});
    }
    checker = 1;
  }
  const std::string program = texts[checker];
  const std::string name = BaseName(program);
  if (!absl::StartsWith(program, "/")) {
    return AddRow(
        place, what,
        {Outcome::kUnsupported,
         absl::StrCat("--auth needs the absolute path of ", program)});
  }
  if (name == "true" || name == "false") {
    return AddRow(place, what,
                  {Outcome::kUnsupported,
                   "the checker accepts every password: an open relay"});
  }
  // Plesk: two pairs, the second for CRAM-MD5.
  size_t end = texts.size();
  std::string second;
  for (size_t i = checker + 2; i < texts.size(); ++i) {
    if (absl::StartsWith(texts[i], "/") && BaseName(texts[i - 1]) == "true") {
      end = i;
      second = texts[i];
      break;
    }
  }
  std::vector<std::string> command(
      texts.begin() + static_cast<std::ptrdiff_t>(checker),
      texts.begin() + static_cast<std::ptrdiff_t>(end));
  for (const std::string& each : command) {
    if (absl::StrContains(each, ',')) {
      return AddRow(place, what,
                    {Outcome::kUnsupported,
                     "--auth separates arguments by commas, and one has a "
                     "comma"});
    }
  }
  const std::string spec =
      absl::StrCat("checkpassword:", absl::StrJoin(command, ","));
  setup_.SetSmtpd("auth", spec);
  setup_.SetServe("auth", spec);
  setup_.AddListenWord("auth");
  AddRow(place, what, {Outcome::kMaps, absl::StrCat("--auth ", spec)},
         {Outcome::kMaps,
          absl::StrCat("--auth ", spec, " and --listen ADDRESS,auth")});
  if (!second.empty()) {
    AddRow(place, second,
           {Outcome::kDiffers,
            "CRAM-MD5 is not offered: clients use PLAIN or LOGIN with TLS"});
  }
}

void Chain::MapSmtpd(size_t begin) {
  done_ = true;
  if (pos_ < words_.size()) {
    MapAuth({words_.begin() + static_cast<std::ptrdiff_t>(pos_), words_.end()},
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
  const Mapping kept = {Outcome::kMaps, "kept"};
  if (!service_->xinetd) {
    const std::vector<std::string> fields = absl::StrSplit(service_->head, ' ');
    // nowait.40 is the limit for a minute.
    if (fields[3].find('.') != npos) {
      AddRow(service_->place, fields[3], kept,
             {Outcome::kDiffers,
              "--max-connections and --max-rate limit connections"});
    }
    const size_t colon = fields[0].rfind(':');
    if (colon != npos) {
      host.text = fields[0].substr(0, colon);
      port.text = fields[0].substr(colon + 1);
    }
    Word user = port;
    user.text = fields[4].substr(0, fields[4].find_first_of(".:"));
    MapListener(host, port);
    MapUser(user, "the user");
    return;
  }
  setup_.form_lines = {absl::StrCat("service ", service_->name), "{"};
  for (const auto& [key, sign, value] : service_->settings) {
    if (value.text.empty()) continue;
    setup_.form_lines.push_back(
        absl::StrCat("    ", key, " ", sign, " ", value.text));
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
    } else if (key == "cps") {
      AddRow(value.place, what, kept,
             {Outcome::kDiffers,
              "--max-rate limits new connections of each client"});
    } else if (key == "wait" && value.text == "yes") {
      AddRow(value.place, what,
             {Outcome::kUnsupported, "postern-smtpd serves one connection"});
    } else if (key == "passenv" || key == "env") {
      AddRow(value.place, what, kept,
             {Outcome::kUnsupported, "--pass-environment NAME passes it on"});
    } else if (key != "socket_type" && key != "protocol" && key != "wait" &&
               key != "group" && key != "flags" && key != "type" &&
               key != "id" && key != "nice" && key != "umask" &&
               !absl::StartsWith(key, "log_") && key != "groups") {
      AddRow(value.place, what, kept,
             {Outcome::kUnsupported, "this setting of xinetd is not known"});
    }
  }
  MapListener(host, port);
}

void Chain::Step() {
  const Word word = At(pos_);
  if (!word.known()) {
    Unknown(word, "a program:");
    return KeepUnknown(pos_++);
  }
  const size_t begin = pos_++;
  const std::string name = BaseName(word.text);
  const Place place = word.place;
  const Mapping kept = {Outcome::kMaps, "kept"};
  if (name == "exec") return;
  if (name == "softlimit" || name == "s6-softlimit") {
    return MapSoftlimit(begin);
  }
  if (name == "tcpserver") return MapTcpServer(begin, false);
  if (name == "sslserver") return MapTcpServer(begin, true);
  if (name == "tcpsvd") return MapTcpsvd(begin);
  if (name == "rblsmtpd") return MapRblsmtpd(begin);
  if (name == "env") return MapEnv();
  if (name == "envdir" || name == "s6-envdir") return MapEnvdir(begin);
  if (name == "chpst") return MapChpst(begin);
  if (name == "spamdyke") return MapSpamdykeProgram(begin);
  if (name == "stunnel" || name == "stunnel3") return MapStunnel(begin);
  if (name == "qmail-smtpd") return MapSmtpd(begin);
  if (name == "envuidgid" || name == "setuidgid" || name == "s6-setuidgid" ||
      name == "s6-envuidgid") {
    if (AtEnd()) return;
    const Word user = At(pos_++);
    Keep(begin);
    MapUser(user, name);
    return;
  }
  if (name == "setlock" || name == "nice" || name == "nohup" ||
      name == "setsid" || name == "pgrphack" || name == "time") {
    std::string bad;
    (void)Options("nNxXn:", &bad);
    if (name == "setlock" && !AtEnd()) ++pos_;
    Keep(begin);
    return AddRow(
        place, Text(begin), kept,
        {Outcome::kDiffers, "left out: the service manager can do it"});
  }
  if (name == "tcp-env") {
    std::string bad;
    (void)Options("rRt:", &bad);
    BadOption(name, bad);
    Keep(begin);
    return AddRow(place, Text(begin), kept,
                  {Outcome::kMaps, "the server knows the client itself"});
  }
  if (name == "tcpd") {
    Keep(begin);
    return AddRow(place, name, kept,
                  {Outcome::kUnsupported,
                   "/etc/hosts.allow is not read: write it as rules"});
  }
  if (name == "fixcrio" || name == "fixcr") {
    setup_.SetSmtpd("bare-newlines", "normalize");
    setup_.SetSmtpd("lenient", "all");
    setup_.SetServe("bare-newlines", "normalize");
    setup_.SetServe("lenient", "all");
    return AddRow(place, name,
                  {Outcome::kDiffers,
                   "left out: --bare-newlines normalize --lenient all; a bare "
                   "newline never ends a message"});
  }
  if (name == "recordio") {
    return AddRow(place, name,
                  {Outcome::kDiffers,
                   "left out: --record DIR records sessions with masked "
                   "passwords"});
  }
  if (name == "greetdelay") {
    const bool given = std::any_of(
        environment_.begin(), environment_.end(),
        [](const Variable& each) { return each.name == "GREETDELAY"; });
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
    return AddRow(place, name,
                  given ? Mapping{Outcome::kDiffers,
                                  "left out: --greet-delay does it, for relay "
                                  "clients, too"}
                        : Mapping{Outcome::kUnsupported,
                                  "left out: GREETDELAY is not in the script; "
                                  "--greet-delay N is the same for all "
                                  "clients"});
  }
  if (name == "relay-ctrl-chdir" || name == "relay-ctrl-check" ||
      name == "relay-ctrl-send") {
    Keep(begin);
    return AddRow(place, name, kept,
                  {Outcome::kUnsupported,
                   "no client may relay because it has read mail: let users "
                   "authenticate (--auth)"});
  }
  if (name == "relaylock") {
    Keep(begin);
    return AddRow(place, name, {Outcome::kMaps, "kept: RELAYCLIENT is read"},
                  {Outcome::kUnsupported,
                   "no client may relay because it has read mail, and Plesk's "
                   "list of networks is not read: let users authenticate, and "
                   "write the networks into the file of --rules"});
  }
  // Nothing is known about the program: neither its effect nor how many
  // arguments it has.
  AddRow(
      place, word.text,
      {Outcome::kDiffers,
       "kept before postern-smtpd; nothing is known about this program"},
      {Outcome::kUnsupported, "left out: nothing is known about this program"});
  KeepUnknown(begin);
}

// Keeps the words from `begin` to the next program that is known.
void Chain::KeepUnknown(size_t begin) {
  while (!AtEnd() &&
         !(At(pos_).known() && IsChainProgram(BaseName(At(pos_).text)))) {
    ++pos_;
  }
  Keep(begin);
}

void Chain::MapEnvironment() {
  for (const Variable& variable : environment_) {
    if (variable.name == "CERTFILE" || variable.name == "KEYFILE" ||
        variable.name == "CERTCHAINFILE" || variable.name == "DHFILE" ||
        variable.name == "CAFILE" || variable.name == "CADIR" ||
        variable.name == "CIPHERS") {
      setup_.environment.push_back(variable);  // sslserver's
      if (variable.name == "CIPHERS" && variable.value.known()) {
        setup_.SetServe("tls-ciphers", variable.value.text);
        AddRow(
            variable.value.place, absl::StrCat("CIPHERS=", variable.value.text),
            {Outcome::kMaps, "of the super-server"},
            {Outcome::kDiffers, "--tls-ciphers; the list applies to TLS 1.2"});
      }
      continue;
    }
    bool keep = false;
    MapVariable(variable, &setup_, &keep);
    if (keep) setup_.environment.push_back(variable);
  }
}

Setup Chain::Map() {
  MapService();
  while (!AtEnd() && !done_) Step();
  if (!done_) {
    const Place place =
        words_.empty() ? Place() : words_[words_.size() - 1].place;
    AddRow(place, words_.empty() ? "" : words_[0].text,
           {Outcome::kUnsupported,
            "the command has no qmail-smtpd; the set-ups below begin it all "
            "the same"});
  }
  MapEnvironment();
  if (rules_ && rules_->known() && !MapRules(*rules_, files_, &setup_) &&
      has_host_names_) {
    auto& serve = setup_.serve;
    serve.erase(std::remove_if(serve.begin(), serve.end(),
                               [](const Option& each) {
                                 return each.name == "host-names";
                               }),
                serve.end());
    for (Row& row : setup_.rows) {
      if (!absl::StartsWith(row.serve.text, "--host-names")) continue;
      row.serve = {Outcome::kMaps,
                   "host names are not looked up: no rule needs them"};
    }
  }
  MapControlFiles(files_, &setup_);

  // What depends on several parts.
  const auto has_smtpd = [this](absl::string_view name) {
    return std::any_of(setup_.smtpd.begin(), setup_.smtpd.end(),
                       [&](const Option& each) { return each.name == name; });
  };
  const auto has_word = [this](absl::string_view word) {
    return std::find(setup_.listen_words.begin(), setup_.listen_words.end(),
                     word) != setup_.listen_words.end();
  };
  const auto erase_word = [this](absl::string_view word) {
    auto& words = setup_.listen_words;
    words.erase(std::remove(words.begin(), words.end(), word), words.end());
  };
  // Takes an option back, and what the table says of it.
  const auto erase = [this](absl::string_view name,
                            std::vector<Option>* options) {
    const auto begin =
        std::remove_if(options->begin(), options->end(),
                       [&](const Option& each) { return each.name == name; });
    if (begin == options->end()) return;
    options->erase(begin, options->end());
    const bool smtpd = options == &setup_.smtpd;
    for (Row& row : setup_.rows) {
      Mapping& mapping = smtpd ? row.smtpd : row.serve;
      const std::string shown = absl::StrCat("--", name);
      if (mapping.text != shown &&
          !absl::StartsWith(mapping.text, shown + " ") &&
          !absl::StartsWith(mapping.text, shown + ";")) {
        continue;
      }
      mapping = {Outcome::kMaps, absl::StrCat("left out: without effect here")};
    }
  };
  const Place command = words_.empty() ? Place() : words_[0].place;
  if (has_word("submission")) erase_word("auth");
  if ((has_word("submission") || has_word("auth")) &&
      !setup_.HasServe("auth")) {
    erase_word("submission");
    erase_word("auth");
    erase("submission", &setup_.smtpd);
    AddRow(command, "AUTH",
           {Outcome::kUnsupported,
            "AUTH is required, and no checker is named: add --auth and "
            "--submission"});
  }
  if (has_word("no-tls")) {
    erase("tls-cert", &setup_.serve);
    erase("tls-key", &setup_.serve);
    erase("tls-cert", &setup_.smtpd);
    erase("require-tls", &setup_.smtpd);
    erase("tls-wrapped", &setup_.smtpd);
    erase("client-ca", &setup_.smtpd);
    erase("client-ca", &setup_.serve);
    erase("tls-ciphers", &setup_.smtpd);
    erase("tls-ciphers", &setup_.serve);
    erase_word("require-tls");
    erase_word("tls");
    erase_word("no-tls");  // nothing offers TLS
  }
  if (tls_before_ && has_smtpd("tls-outside")) {
    // The super-server has the certificate. There is no STARTTLS within TLS.
    erase("tls-cert", &setup_.smtpd);
    erase("require-tls", &setup_.smtpd);
    erase("tls-ciphers", &setup_.smtpd);
    erase("client-ca", &setup_.smtpd);
  }
  if (has_word("tls")) erase_word("require-tls");
  if (has_smtpd("tls-wrapped")) erase("require-tls", &setup_.smtpd);
  const bool wants_tls = has_word("tls") || has_word("require-tls");
  if (wants_tls && !setup_.HasServe("tls-cert")) {
    setup_.SetServe("tls-cert", kCertificate);
    if (!has_smtpd("tls-outside")) setup_.SetSmtpd("tls-cert", kCertificate);
    AddRow(command, "the certificate",
           {Outcome::kUnsupported,
            absl::StrCat("no file of the site names it: write its path in "
                         "place of ",
                         kCertificate)});
  }
  if ((has_smtpd("tls-wrapped") || has_smtpd("require-tls")) &&
      !has_smtpd("tls-cert")) {
    setup_.SetSmtpd("tls-cert", kCertificate);
  }
  for (const absl::string_view name : {"tls-ciphers", "client-ca"}) {
    if (!has_smtpd("tls-cert")) erase(name, &setup_.smtpd);
    if (!setup_.HasServe("tls-cert")) erase(name, &setup_.serve);
  }
  const bool ucspi_tls = std::any_of(
      setup_.front.begin(), setup_.front.end(),
      [](const Word& each) { return BaseName(each.text) == "sslserver"; });
  if (setup_.HasServe("auth") && !setup_.HasServe("tls-cert") &&
      !setup_.HasServe("auth-insecure")) {
    if (has_smtpd("auth") && !ucspi_tls) setup_.SetSmtpd("auth-insecure", "");
    setup_.SetServe("auth-insecure", "");
    AddRow(command, "AUTH without TLS",
           {Outcome::kDiffers,
            "--auth-insecure, because no certificate is named; with "
            "--tls-cert, leave it out"});
  }
  const auto early = [](const Row& row) {
    return absl::StartsWith(row.what, "DROP_PRE_GREET=") ||
           absl::StartsWith(row.what, "DROPRUSHGREET=");
  };
  for (Row& row : setup_.rows) {
    if (!early(row) || !setup_.HasServe("greet-delay")) continue;
    row.smtpd = {Outcome::kMaps, "--greet-delay refuses such clients"};
    row.serve = row.smtpd;
  }
  if (setup_.HasServe("auth") && setup_.HasServe("tls-cert") &&
      !setup_.HasServe("auth-insecure") && !has_word("tls") &&
      !has_word("require-tls")) {
    AddRow(command, "AUTH without TLS",
           {Outcome::kDiffers,
            "PLAIN and LOGIN are offered with TLS only; --auth-insecure offers "
            "them without, as the patches do"});
  }
  if (memory_) {
    Word& word = setup_.front[*memory_];
    const uint64_t needed = has_smtpd("tls-cert") ? kMemoryWithTls : kMemory;
    uint64_t number = 0;
    const size_t digits = word.text.find_first_of("0123456789");
    const bool small = digits != npos &&
                       absl::SimpleAtoi(word.text.substr(digits), &number) &&
                       number < needed;
    const std::string old = word.text;
    if (small) {
      word.text = absl::StrCat(word.text.substr(0, digits), needed);
    }
    AddRow(word.place, absl::StrCat("softlimit ", old),
           {small ? Outcome::kDiffers : Outcome::kMaps,
            small ? absl::StrCat("raised to ", needed,
                                 ", see MEMORY in postern-smtpd(8)")
                  : "kept"},
           {Outcome::kDiffers,
            "the limits of one session do not fit a server of all: left out"});
  }
  if (setup_.listen.empty()) {
    setup_.listen.emplace_back("*:25");
    AddRow(command, "the address",
           {Outcome::kUnsupported,
            "the address is not known: write it in place of *:25"});
    setup_.rows.back().smtpd = {Outcome::kMaps, "kept"};
  }
  return std::move(setup_);
}

}  // namespace

bool IsChainProgram(absl::string_view name) {
  for (const absl::string_view known : {"softlimit",
                                        "s6-softlimit",
                                        "tcpserver",
                                        "sslserver",
                                        "tcpsvd",
                                        "rblsmtpd",
                                        "env",
                                        "envdir",
                                        "s6-envdir",
                                        "chpst",
                                        "spamdyke",
                                        "stunnel",
                                        "stunnel3",
                                        "qmail-smtpd",
                                        "envuidgid",
                                        "setuidgid",
                                        "s6-setuidgid",
                                        "s6-envuidgid",
                                        "setlock",
                                        "nice",
                                        "nohup",
                                        "setsid",
                                        "pgrphack",
                                        "time",
                                        "tcp-env",
                                        "tcpd",
                                        "fixcrio",
                                        "fixcr",
                                        "recordio",
                                        "greetdelay",
                                        "relay-ctrl-chdir",
                                        "relay-ctrl-check",
                                        "relay-ctrl-send",
                                        "relaylock"}) {
    if (name == known) return true;
  }
  return false;
}

Setup MapServer(const ServerCommand& command, const SuperService* service,
                const SiteFiles& files) {
  return Chain(command, service, files).Map();
}

}  // namespace postern::programs::migrate
