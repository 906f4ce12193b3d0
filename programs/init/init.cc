// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
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
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "auth/user_file.h"
#include "auth/user_table.h"
#include "engine/grammar/path.h"
#include "engine/grammar/utf8.h"
#include "engine/grammar/wipe.h"
#include "files/content.h"
#include "files/directory_lock.h"
#include "files/paths.h"
#include "files/replacement.h"
#include "log/printable.h"
#include "policy/rules/tcp_rules_text.h"
#include "programs/check/check.h"
#include "programs/init/plan.h"
#include "programs/init/system_user.h"
#include "programs/serve/listen_option.h"
#include "programs/tables/rules.h"
#include "programs/users/password_prompt.h"
#include "programs/users/users.h"
#include "service/destination.h"
#include "service/mail_options.h"
#include "service/options.h"
#include "system/descriptor.h"

namespace postern::programs {
namespace {

constexpr char kProgram[] = "postern init";
// Exit codes of D. J. Bernstein's programs: permanent and temporary failure.
constexpr int kUsage = 100;
constexpr int kTemporary = 111;

constexpr absl::string_view kNone = "none";
constexpr absl::string_view kMaildir = "maildir";
constexpr absl::string_view kSelfSigned = "self-signed";
constexpr absl::string_view kLetsEncrypt = "letsencrypt";

constexpr char kHead[] =
    "Usage: postern init [OPTION]...\n"
    "\n"
    "Asks six questions, writes a configuration of postern serve, and tests "
    "it. "
    "An\n"
    "option answers a question.\n"
    "\n";
constexpr char kFoot[] =
    "\n"
    "No file is replaced without --force. Exit code: 0 if the configuration "
    "has "
    "no\n"
    "error, 1 if postern check finds one, 100 for a wrong answer, 111 if a "
    "file "
    "cannot\n"
    "be written. See postern-init(8).\n";

using From = service::OptionRow::From;
constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    {"host", "NAME", "the name of this host, for control/me",
     From::kCommandLine},
    {"domain", "DOMAIN", "a domain for which mail is accepted; may be repeated",
     From::kCommandLine, true},
    {"deliver", "SPEC",
     "where its mail goes: maildir (the Maildirs of\n"
     "users, in --mail), lmtp:HOST, smtp:HOST or any\n"
     "SPEC of postern serve",
     From::kCommandLine},
    {"certificate", "HOW",
     "self-signed, letsencrypt (of certbot, for --host),\n"
     "none, or FILE[,KEY], PEM files",
     From::kCommandLine},
    {"first-user", "USER",
     "a user who may send mail, such as ann@example.org;\n"
     "none: no submission",
     From::kCommandLine},
    {"password-fd", "N",
     "read the password of --first-user, one line, from\n"
     "this descriptor",
     From::kCommandLine},
    {"relay-from", "NETWORK",
     "clients that may relay without AUTH, such as\n"
     "192.0.2.0/24; none: only users; may be repeated",
     From::kCommandLine, true},
    {"smarthost", "HOST[:PORT]",
     "the server to which mail for other domains is\n"
     "sent; none: such mail is refused",
     From::kCommandLine},
    {"directory", "DIR [/etc/postern]", "the directory of the configuration",
     From::kCommandLine},
    {"mail", "DIR [/var/mail]", "the Maildirs are DIR/DOMAIN/USER",
     From::kCommandLine},
    {"state", "DIR [/var/lib/postern]",
     "with --smarthost or --deliver lmtp: where the\n"
     "server remembers which recipients have a message",
     From::kCommandLine},
    {"system-user", "NAME [postern]",
     "the user of the server; none: the user that\n"
     "starts it",
     From::kCommandLine},
    {"smtp", "ADDRESS [*:25]",
     "where mail from other hosts arrives; none: no such\n"
     "listener",
     From::kCommandLine},
    {"submission", "ADDRESS [*:587]", "where users send mail, with STARTTLS",
     From::kCommandLine},
    {"submissions", "ADDRESS [*:465]",
     "where users send mail, with TLS from the start", From::kCommandLine},
    {"root", "DIR",
     "write below DIR, for the image of another system;\n"
     "its configuration is not tested",
     From::kCommandLine},
    {"yes", "", "ask nothing: what no option answers has its default",
     From::kCommandLine},
    {"force", "", "replace files that exist", From::kCommandLine},
};

int Fail(const absl::Status& status, int code = kTemporary) {
  std::fprintf(stderr, "%s: %s\n", kProgram,
               log::Printable(status.message()).c_str());
  return code;
}

// Asks on standard output and reads a line from standard input. Returns
// `otherwise` for an empty line. kFailedPrecondition if the input ends.
absl::StatusOr<std::string> AskLine(absl::string_view question,
                                    absl::string_view otherwise) {
  std::fputs(absl::StrCat(question, " [", otherwise, "]: ").c_str(), stdout);
  std::fflush(stdout);
  std::string line;
  for (int c = std::getchar(); c != '\n'; c = std::getchar()) {
    if (c == EOF) {
      return absl::FailedPreconditionError(
          "the input ends; use --yes to ask nothing");
    }
    line.push_back(static_cast<char>(c));
  }
  const absl::string_view answer = absl::StripAsciiWhitespace(line);
  return std::string(answer.empty() ? otherwise : answer);
}

std::string OwnHostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return "localhost";
  return name;
}

// Answers the questions: by an option, by the user, or by a default.
class Interview {
 public:
  explicit Interview(service::Options* given)
      : given_(given), asks_(!given->Flag("yes")) {}

  absl::StatusOr<std::string> Answer(absl::string_view option,
                                     absl::string_view question,
                                     absl::string_view otherwise) {
    const std::string text = given_->Text(option, "");
    if (!text.empty()) return text;
    if (!asks_) return std::string(otherwise);
    return AskLine(question, otherwise);
  }

  absl::StatusOr<std::vector<std::string>> Answers(
      absl::string_view option, absl::string_view question,
      absl::string_view otherwise) {
    std::vector<std::string> list = given_->List(option);
    if (!list.empty()) return list;
    auto line = Answer(option, question, otherwise);
    if (!line.ok()) return line.status();
    return std::vector<std::string>(
        absl::StrSplit(*line, absl::ByAnyChar(" \t"), absl::SkipEmpty()));
  }

  bool asks() const { return asks_; }

 private:
  service::Options* const given_;
  const bool asks_;
};

void ReadCertificate(const std::string& how, InitAnswers* answers) {
  using Certificate = InitAnswers::Certificate;
  if (how == kNone) {
    answers->certificate = Certificate::kNone;
  } else if (how == kSelfSigned) {
    answers->certificate = Certificate::kSelfSigned;
  } else if (how == kLetsEncrypt) {
    answers->certificate = Certificate::kLetsEncrypt;
  } else {
    answers->certificate = Certificate::kFiles;
    const size_t comma = how.find(',');
    answers->certificate_file = how.substr(0, comma);
    if (comma != std::string::npos) answers->key_file = how.substr(comma + 1);
  }
}

// Checks that mail for the first user can be stored in a Maildir.
absl::Status CheckFirstAddress(const InitAnswers& answers) {
  const std::string address = FirstAddress(answers);
  const auto parsed = ParsePath(address, Utf8::kYes);
  // An alias has this address, so it must need no quotes.
  if (!parsed || parsed->consumed != address.size() ||
      parsed->path.Address() != address ||
      absl::StrContains(parsed->path.local_part, '/') ||
      absl::StartsWith(parsed->path.local_part, ".")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--first-user: \"", answers.first_user,
                     "\" cannot be the name of a Maildir"));
  }
  const absl::string_view domain = parsed->path.domain;
  absl::Status status = CheckHostName("--first-user", domain);
  if (!status.ok()) return status;
  if (std::none_of(answers.domains.begin(), answers.domains.end(),
                   [domain](absl::string_view local) {
                     return domain == local || (absl::StartsWith(local, ".") &&
                                                absl::EndsWith(domain, local));
                   })) {
    return absl::InvalidArgumentError(
        absl::StrCat("--first-user: ", domain,
                     " is no domain for which this host receives mail"));
  }
  return absl::OkStatus();
}

// The path is in units, in values of options and below --root.
absl::Status CheckDirectory(absl::string_view option, absl::string_view path) {
  const auto wrong = [=](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": \"", path, "\" ", what));
  };
  if (!absl::StartsWith(path, "/")) return wrong("is not an absolute path");
  for (const char c : path) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
        !absl::StrContains("/._+-", absl::string_view(&c, 1))) {
      return wrong("has a character other than letters, digits, / . _ + -");
    }
  }
  for (const absl::string_view name : absl::StrSplit(path, '/')) {
    if (name == "..") return wrong("contains \"..\"");
  }
  return absl::OkStatus();
}

// The largest networks that one organization has: 10.0.0.0/8 and fc00::/7.
constexpr uint64_t kMaxIpv4Clients = uint64_t{1} << 24;
constexpr int kMinIpv6Prefix = 7;

// Returns whether so many clients match that strangers are among them. `rules`
// are those of `network`, after expansion.
bool HasStrangers(absl::string_view network,
                  const std::vector<policy::TcpRule>& rules) {
  if (absl::StrContains(network, ':')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(network, absl::MaxSplits('/', 1));
    int prefix = 0;
    return absl::SimpleAtoi(parts.second, &prefix) && prefix < kMinIpv6Prefix;
  }
  uint64_t clients = 0;
  for (const policy::TcpRule& rule : rules) {
    // A name that every client or all of a top-level domain has: "=", "=.com".
    if (absl::StartsWith(rule.key, "=")) {
      return !absl::StrContains(absl::StripPrefix(rule.key.substr(1), "."),
                                '.');
    }
    const auto dots = std::count(rule.key.begin(), rule.key.end(), '.');
    if (dots < 4) clients += uint64_t{1} << (8 * (4 - dots));
    // The last number of an address has no dot.
    if (dots == 3 && !absl::EndsWith(rule.key, ".")) clients -= 255;
  }
  return clients > kMaxIpv4Clients;
}

absl::Status CheckNetwork(const std::string& network) {
  // As rules compile will read it. A warning means that no client matches.
  const auto rules = policy::ParseTcpRules(
      "", absl::StrCat(network, ":allow\n"), policy::TcpNetworks::kExpanded);
  if (!rules.ok() || !rules->warnings.empty() || rules->rules.empty() ||
      absl::StrContains(network, '\n')) {
    return absl::InvalidArgumentError(
        absl::StrCat("--relay-from: \"", network,
                     "\" is not a network such as 192.0.2.0/24; each network "
                     "has an option of its own"));
  }
  if (HasStrangers(network, rules->rules)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--relay-from: \"", network,
        "\" has clients of strangers: without AUTH they could send mail to "
        "every domain, an open relay; name the networks of your clients, at "
        "most a /8 of IPv4 or a /7 of IPv6"));
  }
  return absl::OkStatus();
}

// Checks the PEM files of --certificate.
absl::Status CheckCertificate(const InitAnswers& answers) {
  if (answers.certificate != InitAnswers::Certificate::kFiles) {
    return absl::OkStatus();
  }
  if (!absl::StartsWith(answers.certificate_file, "/")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--certificate: \"", answers.certificate_file,
        "\" is not self-signed, letsencrypt, none or an absolute path"));
  }
  for (const std::string& path : {answers.certificate_file, KeyPath(answers)}) {
    const std::string place = answers.root + path;
    if (access(place.c_str(), R_OK) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("--certificate: ", place));
    }
  }
  return absl::OkStatus();
}

// Checks the address of a listener. Its words are chosen here.
absl::Status CheckAddress(absl::string_view option,
                          const std::string& address) {
  if (address.empty()) return absl::OkStatus();
  absl::Status status = ListenOption::Parse(address).status();
  if (status.ok() && absl::StrContains(address, ',')) {
    status = absl::InvalidArgumentError(
        absl::StrCat("an address without words is needed: ", address));
  }
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(option, ": ", status.message()));
}

// Checks where mail goes. Files that words name are in another system below
// --root.
absl::Status CheckHops(const InitAnswers& answers) {
  if (!answers.deliver.empty() && answers.root.empty()) {
    absl::Status status = service::NextHopOf(answers.deliver).status();
    if (absl::IsNotFound(status)) {
      status = service::QueueOf(answers.deliver).status();
    }
    if (absl::IsNotFound(status)) {
      status = service::CheckDestination(answers.deliver);
    }
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("--deliver: ", status.message()));
    }
  }
  if (answers.smarthost.empty()) return absl::OkStatus();
  const absl::Status status =
      service::NextHopOf(absl::StrCat("smtp:", answers.smarthost)).status();
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("--smarthost: ", status.message()));
}

absl::Status Check(const InitAnswers& answers) {
  absl::Status status = CheckHostName("--host", answers.host);
  for (const std::string& domain : answers.domains) {
    // A domain with a leading dot stands for all its subdomains. The first one
    // is the domain of the postmaster.
    absl::string_view name = domain;
    if (&domain != &answers.domains[0]) absl::ConsumePrefix(&name, ".");
    status.Update(CheckHostName("--domain", name));
  }
  if (answers.domains.empty()) {
    status.Update(absl::InvalidArgumentError("--domain: at least one"));
  }
  if (!answers.first_user.empty()) {
    status.Update(auth::CheckUserName(answers.first_user));
    if (answers.deliver.empty() && status.ok()) {
      status = CheckFirstAddress(answers);
    }
  }
  for (const std::string& network : answers.networks) {
    status.Update(CheckNetwork(network));
  }
  status.Update(CheckHops(answers));
  status.Update(CheckAddress("--smtp", answers.smtp));
  status.Update(CheckAddress("--submission", answers.submission));
  status.Update(CheckAddress("--submissions", answers.submissions));
  status.Update(CheckCertificate(answers));
  return status;
}

absl::Status CheckDirectories(const InitAnswers& answers) {
  struct stat facts = {};
  if (!answers.root.empty() && stat(answers.root.c_str(), &facts) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("--root: ", answers.root));
  }
  absl::Status status = CheckDirectory("--directory", answers.directory);
  status.Update(CheckDirectory("--mail", answers.mail));
  status.Update(CheckDirectory("--state", answers.state));
  return status;
}

// An option that would be ignored, and what it needs. Constant data.
struct Need {
  absl::string_view option;
  bool (*is_met)(const InitAnswers& answers);
  absl::string_view what;
};

bool HasUser(const InitAnswers& answers) { return !answers.first_user.empty(); }
bool HasSubmission(const InitAnswers& answers) {
  return !answers.submission.empty() || !answers.submissions.empty();
}
bool HasCertificate(const InitAnswers& answers) {
  return answers.certificate != InitAnswers::Certificate::kNone;
}

constexpr Need kNeeds[] = {
    {"password-fd", HasUser, "--first-user"},
    {"submission", HasUser, "--first-user: the listener is for users"},
    {"submissions", HasUser, "--first-user: the listener is for users"},
    {"submissions", HasCertificate, "--certificate: the listener has TLS"},
    {"first-user", HasCertificate,
     "--certificate: users authenticate only with TLS"},
    {"first-user", HasSubmission,
     "a listener for users: --submission or --submissions"},
    {"smarthost",
     [](const InitAnswers& answers) {
       return HasUser(answers) || !answers.networks.empty();
     },
     "--first-user or --relay-from: no one else may send to other domains"},
    {"state", KeepsState,
     "--smarthost or --deliver lmtp: the server remembers nothing there"},
    {"mail", [](const InitAnswers& answers) { return answers.deliver.empty(); },
     "--deliver maildir: no mail is stored there otherwise"},
    {"relay-from",
     [](const InitAnswers& answers) {
       return !answers.smtp.empty() ||
              (HasUser(answers) && HasSubmission(answers));
     },
     "a listener: see --smtp"},
};

// Adds a mistake for each given option that would have no effect.
void CheckNeeds(const InitAnswers& answers, service::Options* given) {
  for (const Need& need : kNeeds) {
    if (given->IsGiven(need.option) && given->Text(need.option, "") != kNone &&
        !need.is_met(answers)) {
      given->Mistake(absl::StrCat("--", need.option, ": has no effect without ",
                                  need.what));
    }
  }
  if (answers.smtp.empty() && !(HasUser(answers) && HasSubmission(answers))) {
    given->Mistake(
        "--smtp: without it the server would have no listener; give "
        "--first-user or an address");
  }
}

// The answers that no question asks for.
InitAnswers ReadPlaces(const service::Options& given) {
  InitAnswers answers;
  answers.directory = given.Text("directory", "");
  answers.mail = given.Text("mail", "");
  answers.state = given.Text("state", "");
  answers.root = given.Text("root", "");
  while (absl::EndsWith(answers.root, "/")) answers.root.pop_back();
  const auto address = [&given](absl::string_view name) {
    std::string text = given.Text(name, "");
    return text == kNone ? std::string() : text;
  };
  answers.smtp = address("smtp");
  answers.submission = address("submission");
  answers.submissions = address("submissions");
  answers.user = address("system-user");
  return answers;
}

// Returns the domain of mail that a host probably receives. A host such as
// example.org has the name of its domain: no one receives mail for all of org.
std::string DomainOfHost(const std::string& host) {
  const size_t dot = host.find('.');
  if (dot == std::string::npos ||
      host.find('.', dot + 1) == std::string::npos) {
    return host;
  }
  return host.substr(dot + 1);
}

// The six questions.
absl::Status Ask(service::Options* given, InitAnswers* asked) {
  InitAnswers& answers = *asked;
  Interview interview(given);
  auto host = interview.Answer("host", "1. Name of this host", OwnHostName());
  if (!host.ok()) return host.status();
  answers.host = absl::AsciiStrToLower(*host);
  auto domains =
      interview.Answers("domain", "2. Domains for which it receives mail",
                        DomainOfHost(answers.host));
  if (!domains.ok()) return domains.status();
  for (const std::string& each : *domains) {
    answers.domains.push_back(absl::AsciiStrToLower(each));
  }
  auto deliver = interview.Answer(
      "deliver", "3. Where this mail goes: maildir, lmtp:HOST or smtp:HOST",
      kMaildir);
  if (!deliver.ok()) return deliver.status();
  if (*deliver != kMaildir) answers.deliver = *std::move(deliver);
  const std::string live = absl::StrCat(answers.root, "/etc/letsencrypt/live/",
                                        answers.host, "/fullchain.pem");
  auto certificate = interview.Answer(
      "certificate",
      "4. Certificate: letsencrypt, self-signed, none, or FILE,KEY",
      access(live.c_str(), F_OK) == 0 ? kLetsEncrypt : kSelfSigned);
  if (!certificate.ok()) return certificate.status();
  ReadCertificate(*certificate, &answers);
  auto user = interview.Answer(
      "first-user", "5. First user who sends mail, such as ann@example.org",
      kNone);
  if (!user.ok()) return user.status();
  if (*user != kNone) answers.first_user = *std::move(user);
  auto networks = interview.Answers(
      "relay-from", "6. Networks that may relay without AUTH", kNone);
  if (!networks.ok()) return networks.status();
  if (*networks != std::vector<std::string>{std::string(kNone)}) {
    answers.networks = *std::move(networks);
  }
  if (!answers.first_user.empty() || !answers.networks.empty()) {
    auto smarthost = interview.Answer(
        "smarthost", "   Server to which their mail for other domains is sent",
        kNone);
    if (!smarthost.ok()) return smarthost.status();
    if (*smarthost != kNone) answers.smarthost = *std::move(smarthost);
  }
  return Check(answers);
}

absl::StatusOr<std::optional<Secret>> ReadNewPassword(
    service::Options* given, const InitAnswers& answers) {
  if (answers.first_user.empty()) return std::optional<Secret>();
  const int fd = given->Number("password-fd", -1, 0, 1 << 20);
  if (fd < 0 && given->Flag("yes")) {
    return absl::InvalidArgumentError(
        "--first-user: with --yes its password comes from --password-fd");
  }
  auto password =
      fd < 0 ? AskNewPassword(answers.first_user) : ReadPassword(fd);
  if (!password.ok()) return password.status();
  return std::optional<Secret>(*std::move(password));
}

// Returns an error for a symbolic link below --root in the path of a file: its
// target would be outside of --root. No other process may change the image.
absl::Status CheckRoot(const InitAnswers& answers,
                       const std::vector<InitFile>& files) {
  if (answers.root.empty()) return absl::OkStatus();
  std::vector<std::string> paths = {"/etc/passwd"};
  for (const char* name : {"users", "users.cdb", "rules.cdb"}) {
    paths.push_back(absl::StrCat(answers.directory, "/", name));
  }
  for (const InitFile& file : files) paths.push_back(file.path);
  for (const std::string& path : paths) {
    std::string place = answers.root;
    for (const absl::string_view name :
         absl::StrSplit(path, '/', absl::SkipEmpty())) {
      absl::StrAppend(&place, "/", name);
      struct stat facts = {};
      if (lstat(place.c_str(), &facts) == 0 && S_ISLNK(facts.st_mode)) {
        return absl::FailedPreconditionError(absl::StrCat(
            place, ": is a symbolic link, and --root follows none"));
      }
    }
  }
  return absl::OkStatus();
}

bool Exists(const std::string& path) {
  struct stat facts = {};
  return lstat(path.c_str(), &facts) == 0;
}

// Returns the path of `name` in the directory of the configuration.
std::string PlaceOf(const InitAnswers& answers, absl::string_view name) {
  return absl::StrCat(answers.root, answers.directory, "/", name);
}

// Returns the paths of all files that are written: `files`, the users and the
// tables.
std::vector<std::string> Places(const InitAnswers& answers,
                                const std::vector<InitFile>& files) {
  std::vector<std::string> places;
  for (const InitFile& file : files) {
    if (file.kind == InitFile::Kind::kFile) {
      places.push_back(answers.root + file.path);
    }
  }
  if (!answers.first_user.empty()) {
    places.push_back(PlaceOf(answers, "users"));
    places.push_back(auth::UserTablePath(places.back()));
  }
  if (!answers.networks.empty()) {
    places.push_back(PlaceOf(answers, "rules.cdb"));
  }
  return places;
}

// Returns an error if `path` is a symbolic link: the target of a link, such as
// a key of certbot, belongs to another program.
absl::Status CheckNoLink(const std::string& path) {
  struct stat facts = {};
  if (lstat(path.c_str(), &facts) != 0 || !S_ISLNK(facts.st_mode)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": is a symbolic link, which is not replaced; remove it first"));
}

// Checks that each of `places` can be written, so that nothing is written if
// one cannot.
absl::Status CheckPlaces(const InitAnswers& answers,
                         const std::vector<std::string>& places, bool force) {
  absl::Status status;
  std::vector<std::string> old;
  const std::string certificate = CertificatePath(answers);
  for (const std::string& place : places) {
    status.Update(CheckNoLink(place));
    if (place == answers.root + certificate) {
      status.Update(CheckNoLink(files::DirectoryOf(place)));
    }
    struct stat facts = {};
    if (lstat(place.c_str(), &facts) != 0) continue;
    old.push_back(place);
    if (!S_ISREG(facts.st_mode)) {
      status.Update(absl::FailedPreconditionError(
          absl::StrCat(place, ": not a regular file")));
    }
  }
  if (status.ok() && !old.empty() && !force) {
    status = absl::AlreadyExistsError(absl::StrCat(
        absl::StrJoin(old, ", "), old.size() == 1 ? ": exists" : ": exist",
        "; use --force to replace them"));
  }
  if (!status.ok() || answers.first_user.empty()) return status;
  const std::string users = PlaceOf(answers, "users");
  status = auth::UserFile::Read(users).status();
  if (!absl::IsNotFound(status)) return status;
  const std::string table = auth::UserTablePath(users);
  if (!Exists(table)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(table, ": has users, but its text ", users,
                   " does not exist; restore the text, or remove the table"));
}

// Opens a directory that exists, to make files in it. In a directory of another
// user, such as that of the server, a symbolic link of that user could lead
// anywhere: only links of root and of this user are followed. Below --root none
// is, because its target would be outside.
absl::StatusOr<system::Descriptor> OpenDirectory(int above, const char* name,
                                                 bool in_root,
                                                 const std::string& path) {
  system::Descriptor found(
      openat(above, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts = {};
  if (!found.is_open() || fstat(found.get(), &facts) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  if (S_ISLNK(facts.st_mode)) {
    if (in_root || (facts.st_uid != 0 && facts.st_uid != geteuid())) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": is a symbolic link"));
    }
    char target[PATH_MAX] = {};
    if (readlinkat(found.get(), "", target, sizeof(target) - 1) < 0) {
      return absl::ErrnoToStatus(errno, path);
    }
    found.Reset(openat(above, target, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!found.is_open()) return absl::ErrnoToStatus(errno, path);
    return found;
  }
  if (S_ISDIR(facts.st_mode)) return found;
  return absl::AlreadyExistsError(absl::StrCat(path, ": not a directory"));
}

// Checks that MakeDirectory() can pass each directory of `wanted` that exists.
absl::Status CheckDirectoryPlace(const std::string& root,
                                 const std::string& wanted) {
  std::string path = root;
  system::Descriptor above(open(root.empty() ? "/" : root.c_str(),
                                O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!above.is_open()) return absl::ErrnoToStatus(errno, root);
  const std::vector<std::string> names =
      absl::StrSplit(wanted, '/', absl::SkipEmpty());
  for (const std::string& name : names) {
    absl::StrAppend(&path, "/", name);
    struct stat facts = {};
    if (fstatat(above.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return absl::OkStatus();
      return absl::ErrnoToStatus(errno, path);
    }
    auto found = OpenDirectory(above.get(), name.c_str(), !root.empty(), path);
    if (!found.ok()) return found.status();
    above = *std::move(found);
  }
  return absl::OkStatus();
}

// Gives a new directory its mode and owner. The umask does not apply.
absl::Status AdoptDirectory(int directory, mode_t mode, const SystemUser& owner,
                            const std::string& path) {
  struct stat facts = {};
  if (directory < 0 || fstat(directory, &facts) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  if (facts.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": another process has replaced it"));
  }
  // fchown(2) may clear bits of the mode.
  if (fchown(directory, owner.uid, owner.gid) != 0 ||
      fchmod(directory, mode) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  return absl::OkStatus();
}

// Makes `file`, a directory, and those above it. A directory that exists keeps
// its mode and owner.
absl::Status MakeDirectory(const std::string& root, const InitFile& file,
                           const SystemUser& owner) {
  std::string path = root;
  system::Descriptor above(open(root.empty() ? "/" : root.c_str(),
                                O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!above.is_open()) return absl::ErrnoToStatus(errno, root);
  const std::vector<std::string> names =
      absl::StrSplit(file.path, '/', absl::SkipEmpty());
  for (size_t i = 0; i < names.size(); ++i) {
    const char* const name = names[i].c_str();
    absl::StrAppend(&path, "/", name);
    if (mkdirat(above.get(), name, 0700) == 0) {
      system::Descriptor made(openat(
          above.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      const bool is_last = i + 1 == names.size();
      absl::Status status =
          AdoptDirectory(made.get(), is_last ? file.mode : 0755,
                         is_last ? owner : SystemUser(), path);
      if (!status.ok()) return status;
      above = std::move(made);
      continue;
    }
    if (errno != EEXIST) return absl::ErrnoToStatus(errno, path);
    auto found = OpenDirectory(above.get(), name, !root.empty(), path);
    if (!found.ok()) return found.status();
    above = *std::move(found);
  }
  return absl::OkStatus();
}

// Writes a file. One that exists keeps its mode, owner and group.
absl::Status WriteFile(const std::string& path, const InitFile& file,
                       const SystemUser& owner) {
  const auto lock = files::DirectoryLock::Take(path);
  if (!lock.ok()) return lock.status();
  const bool is_new = !Exists(path);
  auto replacement = files::Replacement::Begin(path, file.mode);
  if (!replacement.ok()) return replacement.status();
  absl::Status status = replacement->Write(file.content);
  if (!status.ok()) return status;
  if (!is_new) {
    // A new secret is not for everyone who could read the old file.
    struct stat facts = {};
    if (file.owner != InitFile::Owner::kCaller &&
        (fstat(replacement->fd(), &facts) != 0 ||
         fchmod(replacement->fd(), facts.st_mode & file.mode) != 0)) {
      return absl::ErrnoToStatus(errno, path);
    }
    return replacement->Commit();
  }
  // Before the file has its name. fchown(2) may clear bits of the mode.
  if (fchown(replacement->fd(), static_cast<uid_t>(-1), owner.gid) != 0 ||
      fchmod(replacement->fd(), file.mode) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  return replacement->Commit();
}

absl::Status WriteFiles(const InitAnswers& answers,
                        const std::vector<InitFile>& files,
                        const SystemUser& user) {
  for (const InitFile& file : files) {
    const std::string path = answers.root + file.path;
    SystemUser owner;
    if (file.owner != InitFile::Owner::kCaller) owner.gid = user.gid;
    if (file.owner == InitFile::Owner::kServer) owner.uid = user.uid;
    const absl::Status status = file.kind == InitFile::Kind::kDirectory
                                    ? MakeDirectory(answers.root, file, owner)
                                    : WriteFile(path, file, owner);
    if (!status.ok()) return status;
    std::printf("  %s\n", path.c_str());
  }
  return absl::OkStatus();
}

// Lets the group of the server read a file that this command has just made.
// Another user may own the directory and put a link to any file there.
absl::Status ShareFile(const std::string& path, const SystemUser& user) {
  system::Descriptor file(
      open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat facts = {};
  if (!file.is_open() || fstat(file.get(), &facts) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  if (!S_ISREG(facts.st_mode) || facts.st_uid != geteuid() ||
      facts.st_nlink != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": another process has replaced it"));
  }
  // fchown(2) may clear bits of the mode.
  if (fchown(file.get(), static_cast<uid_t>(-1), user.gid) != 0 ||
      fchmod(file.get(), 0640) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  return absl::OkStatus();
}

// Adds the first user, as postern users add does. The server reads only the
// table. Files that exist keep their mode, owner and group.
absl::Status WriteUsers(const InitAnswers& answers, const Secret& password,
                        const SystemUser& user) {
  const std::string path = PlaceOf(answers, "users");
  const bool is_new = !Exists(path);
  absl::Status status = SetPassword(path, answers.first_user, password);
  if (!status.ok()) return status;
  for (const std::string& each : {path, auth::UserTablePath(path)}) {
    std::printf("  %s\n", each.c_str());
    if (!is_new) continue;
    status = ShareFile(each, user);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

constexpr size_t kMaxUnit = size_t{1} << 20;
constexpr absl::string_view kUnit = "postern.service";

std::string ConfigPath(const InitAnswers& answers) {
  return absl::StrCat(answers.directory, "/postern.conf");
}

// Returns the first of the paths DIRECTORY/`name` that exists, or "".
std::string Find(const InitAnswers& answers, absl::string_view name,
                 absl::Span<const char* const> directories) {
  for (const char* const directory : directories) {
    std::string path = absl::StrCat(directory, "/", name);
    if (access((answers.root + path).c_str(), F_OK) == 0) return path;
  }
  return "";
}

// Names the files of an earlier run that are still used.
void PrintOldFiles(const InitAnswers& answers,
                   const std::vector<std::string>& places) {
  // The other files are used only if postern.conf names them.
  for (const char* name : {"routes", "aliases"}) {
    const std::string place = PlaceOf(answers, name);
    if (Exists(place) &&
        std::find(places.begin(), places.end(), place) == places.end()) {
      std::puts(absl::StrCat(place,
                             ": not written now, but the server reads it; "
                             "remove it unless you need it.")
                    .c_str());
    }
  }
}

// The installed unit of the server.
struct Unit {
  std::string path;  // without --root; empty: none
  // Whether it starts a server with this configuration, as its user.
  bool is_for_this = false;
};

Unit FindUnit(const InitAnswers& answers) {
  static constexpr const char* kDirectories[] = {
      "/etc/systemd/system", "/usr/local/lib/systemd/system",
      "/usr/lib/systemd/system", "/lib/systemd/system"};
  Unit unit;
  unit.path = Find(answers, kUnit, kDirectories);
  if (unit.path.empty()) return unit;
  const auto text = files::ReadContent(answers.root + unit.path, kMaxUnit);
  if (!text.ok()) return unit;
  bool reads = false;
  bool is_user = false;
  const std::string file = absl::StrCat(" --config ", ConfigPath(answers));
  for (const absl::string_view line : absl::StrSplit(text->bytes, '\n')) {
    reads |= absl::StartsWith(line, "ExecStart=") && absl::EndsWith(line, file);
    is_user |= line == absl::StrCat("User=", answers.user);
  }
  unit.is_for_this = reads && is_user;
  return unit;
}

// Returns the units of the sockets that the listeners take from systemd.
std::vector<std::string> Sockets(const InitAnswers& answers) {
  std::vector<std::string> units;
  const auto add = [&units](absl::string_view address) {
    if (!absl::ConsumePrefix(&address, "systemd:")) return;
    units.push_back(address == "smtp"
                        ? "postern.socket"
                        : absl::StrCat("postern-", address, ".socket"));
  };
  add(answers.smtp);
  if (!answers.first_user.empty()) {
    add(answers.submission);
    if (answers.certificate != InitAnswers::Certificate::kNone) {
      add(answers.submissions);
    }
  }
  return units;
}

void PrintNotes(const InitAnswers& answers, const Unit& unit) {
  using Certificate = InitAnswers::Certificate;
  std::puts("");
  if (answers.certificate == Certificate::kSelfSigned) {
    std::puts(
        "The certificate is signed by itself, with a new key. Mail servers use "
        "it; mail\nprograms of users warn about it. Replace it with one of an "
        "authority.");
  }
  if (answers.certificate == Certificate::kLetsEncrypt) {
    std::puts(
        "The certificate is a copy of that of certbot. Renewals need the "
        "deploy hook:\nsee LET'S ENCRYPT in postern-init(8).");
  }
  if (answers.certificate == Certificate::kNone &&
      !answers.first_user.empty()) {
    std::puts("Without a certificate users cannot authenticate.");
  }
  if ((HasUser(answers) || !answers.networks.empty()) &&
      answers.smarthost.empty()) {
    const absl::string_view senders = answers.networks.empty() ? "users"
                                      : HasUser(answers)
                                          ? "users and relay clients"
                                          : "relay clients";
    // A Maildir stores mail for local recipients alone.
    std::puts(
        (answers.deliver.empty()
             ? absl::StrCat("Without --smarthost, mail of ", senders,
                            " for other domains is refused.")
             : absl::StrCat("Mail of ", senders, " for other domains goes to ",
                            answers.deliver, ", too."))
            .c_str());
  }
  if (answers.deliver.empty()) {
    std::puts(absl::StrCat("Mail is stored for users whose Maildir exists: ",
                           answers.mail, "/DOMAIN/USER with tmp, new and cur.")
                  .c_str());
  }
  if (unit.path.empty()) return;
  std::string text = absl::StrCat("Unit: ", unit.path, ". ");
  if (!unit.is_for_this) {
    absl::StrAppend(&text,
                    "It is not for this configuration:\nExecStart= needs "
                    "--config ",
                    ConfigPath(answers), ", and User= the user of the server.");
  } else if (Sockets(answers).empty()) {
    text +=
        "It reads this configuration.\nThe server opens its ports itself: the "
        "units postern*.socket stay disabled.";
  } else {
    text += "It reads this configuration.";
  }
  std::puts(text.c_str());
}

// Where a client on this host finds the server.
std::string ServerForTest(const InitAnswers& answers) {
  const absl::string_view address =
      answers.smtp.empty() ? answers.submission : answers.smtp;
  if (address.empty() || absl::StartsWith(address, "systemd:")) {
    return "localhost";
  }
  return absl::StartsWith(address, "*")
             ? absl::StrCat("localhost", address.substr(1))
             : std::string(address);
}

// Returns a word of a command that a shell reads as `text`.
std::string ShellWord(absl::string_view text) {
  const bool is_plain =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               absl::StrContains("%+,-./:=@_", absl::string_view(&c, 1));
      });
  if (is_plain) return std::string(text);
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// Returns the commands with which certbot runs the deploy hook for this
// configuration. None if it does already, or if the hook is not installed.
std::vector<std::string> HookCommands(const InitAnswers& answers,
                                      const SystemUser& user) {
  static constexpr const char* kDirectories[] = {"/usr/local/share/postern",
                                                 "/usr/share/postern"};
  std::string place = "/etc/letsencrypt/renewal-hooks/deploy/postern";
  const InitAnswers defaults;
  const bool is_default =
      answers.directory == defaults.directory && answers.user == kSystemUser;
  // Another configuration may have a hook of its own.
  if (answers.directory != defaults.directory) {
    absl::StrAppend(&place,
                    absl::StrReplaceAll(answers.directory, {{"/", "-"}}));
  }
  const std::string hook =
      Find(answers, "letsencrypt-deploy-hook", kDirectories);
  if (hook.empty() || Exists(answers.root + place)) return {};
  if (is_default) return {absl::StrCat("ln -s ", hook, " ", place)};
  // A symbolic link cannot set variables. A group may have another name than
  // its user.
  const std::string group =
      user.gid == static_cast<gid_t>(-1) ? "" : absl::StrCat(user.gid);
  const std::string line =
      absl::StrCat("POSTERN_TLS=", files::DirectoryOf(CertificatePath(answers)),
                   " POSTERN_GROUP=", group, " exec ", hook);
  return {
      absl::StrCat("printf '%s\\n' '#!/bin/sh' ", ShellWord(line), " >", place),
      absl::StrCat("chmod 755 ", place)};
}

void PrintCommands(const InitAnswers& answers, const SystemUser& owner,
                   const Unit& unit) {
  std::vector<std::string> commands;
  const std::string config = ConfigPath(answers);
  const std::string named =
      config == "/etc/postern/postern.conf" ? "" : " --config " + config;
  if (answers.certificate == InitAnswers::Certificate::kLetsEncrypt) {
    commands = HookCommands(answers, owner);
  }
  if (!unit.is_for_this) {
    commands.push_back(absl::StrCat("postern serve", named));
  } else {
    if (!PlanDropIn(answers).empty()) {
      commands.push_back("systemctl daemon-reload");
    }
    std::vector<std::string> units = Sockets(answers);
    units.emplace_back(kUnit);
    commands.push_back(
        absl::StrCat("systemctl enable --now ", absl::StrJoin(units, " ")));
  }
  const std::string user =
      answers.first_user.empty() ? "postmaster" : answers.first_user;
  commands.push_back(absl::StrCat(
      "swaks --server ", ShellWord(ServerForTest(answers)), " --to ",
      ShellWord(absl::StrContains(user, '@')
                    ? user
                    : absl::StrCat(user, "@", answers.domains[0]))));
  commands.push_back(absl::StrCat("postern check", named));
  std::puts("\nNext:");
  for (const std::string& command : commands) {
    std::puts(absl::StrCat("  ", command).c_str());
  }
}

// Removes the variables that are options of postern serve. A server that a unit
// starts does not have those of this command.
void ClearVariables() {
  std::vector<std::string> names;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const absl::string_view text = *variable;
    if (absl::StartsWith(text, "POSTERN_")) {
      names.emplace_back(text.substr(0, text.find('=')));
    }
  }
  for (const std::string& name : names) unsetenv(name.c_str());
}

// Tests the configuration with postern check, and shows what it prints.
int Test(const InitAnswers& answers) {
  const std::string config = ConfigPath(answers);
  std::printf("\npostern check --config %s\n\n", config.c_str());
  std::fflush(stdout);
  const char* const arguments[] = {"--config", config.c_str()};
  ClearVariables();
  return RunCheck(2, arguments);
}

int Write(const InitAnswers& answers, SystemUser user,
          const std::optional<Secret>& password, bool force) {
  auto files = PlanFiles(answers);
  if (!files.ok()) return Fail(files.status());
  const Unit unit = FindUnit(answers);
  if (unit.is_for_this) {
    std::vector<InitFile> drop_in = PlanDropIn(answers);
    files->insert(files->begin(), drop_in.begin(), drop_in.end());
  }
  absl::Status status = CheckRoot(answers, *files);
  if (!status.ok()) return Fail(status, kUsage);
  const std::vector<std::string> places = Places(answers, *files);
  status = CheckPlaces(answers, places, force);
  if (!status.ok()) return Fail(status, kUsage);
  for (const InitFile& file : *files) {
    if (file.kind != InitFile::Kind::kDirectory) continue;
    status = CheckDirectoryPlace(answers.root, file.path);
    if (!status.ok()) return Fail(status);
  }
  if (user.is_missing) {
    const auto created = CreateSystemUser(answers.user);
    if (!created.ok()) return Fail(created.status());
    user = *created;
  }
  std::puts("Written:");
  // The configuration comes last: a server that reads it finds all files.
  InitFile config = std::move(files->back());
  files->pop_back();
  status = WriteFiles(answers, *files, user);
  if (status.ok() && password) status = WriteUsers(answers, *password, user);
  if (status.ok() && !answers.networks.empty()) {
    const std::string rules = PlaceOf(answers, "rules");
    const char* const arguments[] = {"compile", "--cidr", rules.c_str()};
    if (const int code = RunRules(3, arguments); code != 0) return code;
    std::printf("  %s.cdb\n", rules.c_str());
  }
  if (status.ok()) status = WriteFiles(answers, {std::move(config)}, user);
  if (!status.ok()) return Fail(status);
  PrintNotes(answers, unit);
  PrintOldFiles(answers, places);
  int code = 0;
  if (answers.root.empty()) {
    code = Test(answers);
  } else {
    std::puts("\nNot tested: run postern check in the system of --root.");
  }
  PrintCommands(answers, user, unit);
  return code;
}

}  // namespace

int RunInit(int argc, const char* const* argv) {
  service::Options given(kRows);
  given.Read({argv, static_cast<size_t>(argc)}, getenv);
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return 0;
  if (!given.operands().empty()) {
    given.Mistake(absl::StrCat("unknown argument ", given.operands()[0]));
  }
  const bool force = given.Flag("force");
  if (given.Complain(kProgram)) return kUsage;
  InitAnswers answers = ReadPlaces(given);
  absl::Status status = CheckDirectories(answers);
  if (!status.ok()) return Fail(status, kUsage);
  // No one answers questions for nothing.
  const auto user = FindSystemUser(answers.user, answers.root);
  if (!user.ok()) return Fail(user.status(), kUsage);
  status = Ask(&given, &answers);
  if (!status.ok()) return Fail(status, kUsage);
  CheckNeeds(answers, &given);
  const auto password = ReadNewPassword(&given, answers);
  if (given.Complain(kProgram)) return kUsage;
  if (!password.ok()) return Fail(password.status(), kUsage);
  return Write(answers, *user, *password, force);
}

}  // namespace postern::programs
