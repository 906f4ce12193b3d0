// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/init/init.h"

#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "auth/user_file.h"
#include "engine/grammar/wipe.h"
#include "files/directory_lock.h"
#include "files/replacement.h"
#include "programs/check/check.h"
#include "programs/init/plan.h"
#include "programs/tables/rules.h"
#include "programs/users/password_prompt.h"
#include "programs/users/users.h"
#include "service/mail_options.h"
#include "service/options.h"

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
     "clients that may relay without AUTH; none: only\n"
     "users may; may be repeated",
     From::kCommandLine, true},
    {"smarthost", "HOST[:PORT]",
     "the server to which mail for other domains is\n"
     "sent; none: such mail is refused",
     From::kCommandLine},
    {"directory", "DIR [/etc/postern]", "the directory of the configuration",
     From::kCommandLine},
    {"mail", "DIR [/var/mail]", "the directory of DOMAIN/USER, the Maildirs",
     From::kCommandLine},
    {"system-user", "NAME [postern]",
     "the user of the server; none: the user that\n"
     "starts it",
     From::kCommandLine},
    {"smtp", "ADDRESS [*:25]", "where mail from other hosts comes; or none",
     From::kCommandLine},
    {"submission", "ADDRESS [*:587]", "where users send mail, with STARTTLS",
     From::kCommandLine},
    {"submissions", "ADDRESS [*:465]",
     "where users send mail, with TLS from the first\n"
     "octet",
     From::kCommandLine},
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
               std::string(status.message()).c_str());
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

absl::Status Check(const InitAnswers& answers) {
  absl::Status status = CheckHostName("--host", answers.host);
  for (const std::string& domain : answers.domains) {
    // A domain with a leading dot stands for all its subdomains.
    absl::string_view name = domain;
    absl::ConsumePrefix(&name, ".");
    status.Update(CheckHostName("--domain", name));
  }
  if (answers.domains.empty()) {
    status.Update(absl::InvalidArgumentError("--domain: at least one"));
  }
  if (!answers.first_user.empty()) {
    status.Update(auth::CheckUserName(answers.first_user));
    if (absl::StrContains(answers.first_user, '/') ||
        absl::StartsWith(answers.first_user, ".")) {
      status.Update(absl::InvalidArgumentError(
          absl::StrCat("--first-user: \"", answers.first_user,
                       "\" cannot be the name of a directory")));
    }
  }
  for (const std::string* path : {&answers.directory, &answers.mail}) {
    if (!absl::StartsWith(*path, "/")) {
      status.Update(absl::InvalidArgumentError(
          absl::StrCat("not an absolute path: ", *path)));
    }
  }
  return status;
}

// The six questions.
absl::StatusOr<InitAnswers> Ask(service::Options* given) {
  InitAnswers answers;
  answers.directory = given->Text("directory", "");
  answers.mail = given->Text("mail", "");
  answers.root = given->Text("root", "");
  while (absl::EndsWith(answers.root, "/")) answers.root.pop_back();
  const auto address = [given](absl::string_view name) {
    std::string text = given->Text(name, "");
    return text == kNone ? std::string() : text;
  };
  answers.smtp = address("smtp");
  answers.submission = address("submission");
  answers.submissions = address("submissions");
  answers.user = address("system-user");

  Interview interview(given);
  auto host = interview.Answer("host", "1. Name of this host", OwnHostName());
  if (!host.ok()) return host.status();
  answers.host = absl::AsciiStrToLower(*host);
  const std::string domain =
      absl::StrContains(answers.host, '.')
          ? answers.host.substr(answers.host.find('.') + 1)
          : answers.host;
  auto domains = interview.Answers(
      "domain", "2. Domains for which it receives mail", domain);
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
  absl::Status status = Check(answers);
  if (!status.ok()) return status;
  return answers;
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

// The user of the server, whose group may read the keys.
struct SystemUser {
  uid_t uid = static_cast<uid_t>(-1);  // -1: nothing changes its owner
  gid_t gid = static_cast<gid_t>(-1);
};

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

// Finds the user in the system for which the files are.
absl::StatusOr<SystemUser> FindUser(const InitAnswers& answers) {
  if (answers.user.empty()) return SystemUser();
  const std::string path = absl::StrCat(answers.root, "/etc/passwd");
  if (answers.root.empty()) {
    if (const passwd* const entry = getpwnam(answers.user.c_str())) {
      return SystemUser{entry->pw_uid, entry->pw_gid};
    }
  } else if (const std::unique_ptr<FILE, CloseFile> file{
                 std::fopen(path.c_str(), "re")}) {
    while (const passwd* const entry = fgetpwent(file.get())) {
      if (answers.user != entry->pw_name) continue;
      return SystemUser{entry->pw_uid, entry->pw_gid};
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "--system-user: no such user: ", answers.user,
      "; make it: useradd --system --user-group --no-create-home --shell "
      "/usr/sbin/nologin ",
      answers.user));
}

// Returns an error that names the files which exist.
absl::Status FindOld(const InitAnswers& answers,
                     const std::vector<InitFile>& files) {
  std::vector<std::string> old;
  const auto look = [&](const std::string& path) {
    const std::string place = answers.root + path;
    struct stat facts = {};
    if (lstat(place.c_str(), &facts) == 0) old.push_back(place);
  };
  for (const InitFile& file : files) {
    if (file.kind == InitFile::Kind::kFile) look(file.path);
  }
  if (!answers.first_user.empty()) look(answers.directory + "/users");
  if (old.empty()) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      absl::StrJoin(old, ", "), old.size() == 1 ? ": exists" : ": exist",
      "; use --force to replace them"));
}

// Makes `path` and the directories above it.
absl::Status MakeDirectory(const std::string& path, mode_t mode,
                           const SystemUser& owner) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string above = path.substr(0, slash);
    if (mkdir(above.c_str(), 0755) != 0 && errno != EEXIST) {
      return absl::ErrnoToStatus(errno, above);
    }
  }
  if (mkdir(path.c_str(), mode) != 0) {
    if (errno != EEXIST) return absl::ErrnoToStatus(errno, path);
    struct stat facts = {};
    if (stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) {
      return absl::OkStatus();  // it keeps its mode and owner
    }
    return absl::AlreadyExistsError(absl::StrCat(path, ": not a directory"));
  }
  // The umask does not apply.
  if (chmod(path.c_str(), mode) != 0 ||
      (owner.uid != static_cast<uid_t>(-1) &&
       chown(path.c_str(), owner.uid, owner.gid) != 0)) {
    return absl::ErrnoToStatus(errno, path);
  }
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, const InitFile& file,
                       const SystemUser& user) {
  const auto lock = files::DirectoryLock::Take(path);
  if (!lock.ok()) return lock.status();
  auto replacement = files::Replacement::Begin(path, file.mode);
  if (!replacement.ok()) return replacement.status();
  absl::Status status = replacement->Write(file.content);
  if (!status.ok()) return status;
  // Before the file has its name. fchown(2) may clear bits of the mode.
  if ((file.of_server && user.gid != static_cast<gid_t>(-1) &&
       fchown(replacement->fd(), static_cast<uid_t>(-1), user.gid) != 0) ||
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
    absl::Status status;
    if (file.kind == InitFile::Kind::kDirectory) {
      status =
          MakeDirectory(path, file.mode, file.of_server ? user : SystemUser());
    } else {
      status = WriteFile(path, file, user);
    }
    if (!status.ok()) return status;
    std::printf("  %s\n", path.c_str());
  }
  return absl::OkStatus();
}

// Adds the first user, as postern users add does. The server reads only the
// table.
absl::Status WriteUsers(const InitAnswers& answers, const Secret& password,
                        const SystemUser& user) {
  const std::string path =
      absl::StrCat(answers.root, answers.directory, "/users");
  absl::Status status = SetPassword(path, answers.first_user, password);
  if (!status.ok()) return status;
  for (const std::string& each : {path, path + ".cdb"}) {
    if (user.gid != static_cast<gid_t>(-1) &&
        chown(each.c_str(), static_cast<uid_t>(-1), user.gid) != 0) {
      return absl::ErrnoToStatus(errno, each);
    }
    if (chmod(each.c_str(), 0640) != 0) return absl::ErrnoToStatus(errno, each);
    std::printf("  %s\n", each.c_str());
  }
  return absl::OkStatus();
}

// Returns the path of the installed unit `name`, or "".
std::string FindUnit(const InitAnswers& answers, absl::string_view name) {
  for (const char* directory :
       {"/etc/systemd/system", "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    std::string path = absl::StrCat(answers.root, directory, "/", name);
    if (access(path.c_str(), F_OK) == 0) return path;
  }
  return "";
}

void PrintNotes(const InitAnswers& answers) {
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
  if (!answers.first_user.empty() && answers.smarthost.empty()) {
    std::puts(
        "Without --smarthost, mail of users for other domains is refused.");
  }
  if (answers.deliver.empty()) {
    std::puts(absl::StrCat("Mail is stored for users whose Maildir exists: ",
                           answers.mail, "/DOMAIN/USER with tmp, new and cur.")
                  .c_str());
  }
  for (const char* name : {"postern.service", "postern.socket"}) {
    const std::string unit = FindUnit(answers, name);
    if (!unit.empty()) std::puts(absl::StrCat("Unit: ", unit).c_str());
  }
}

void PrintCommands(const InitAnswers& answers) {
  const std::string config = absl::StrCat(answers.directory, "/postern.conf");
  const std::string named =
      config == "/etc/postern/postern.conf" ? "" : " --config " + config;
  std::puts("\nNext:");
  if (FindUnit(answers, "postern.service").empty()) {
    std::puts(absl::StrCat("  postern serve", named).c_str());
  } else {
    std::puts("  systemctl enable --now postern.service");
  }
  std::puts(absl::StrCat("  swaks --server ", answers.host, " --to ",
                         answers.first_user.find('@') != std::string::npos
                             ? answers.first_user
                             : absl::StrCat(answers.first_user.empty()
                                                ? "user"
                                                : answers.first_user,
                                            "@", answers.domains[0]))
                .c_str());
  std::puts(absl::StrCat("  postern check", named).c_str());
}

// Tests the configuration with postern check, and shows what it prints.
int Test(const InitAnswers& answers) {
  const std::string config = absl::StrCat(answers.directory, "/postern.conf");
  std::printf("\npostern check --config %s\n\n", config.c_str());
  std::fflush(stdout);
  const char* const arguments[] = {"--config", config.c_str()};
  return RunCheck(2, arguments);
}

int Write(const InitAnswers& answers, const std::optional<Secret>& password,
          bool force) {
  const auto user = FindUser(answers);
  if (!user.ok()) return Fail(user.status(), kUsage);
  auto files = PlanFiles(answers);
  if (!files.ok()) return Fail(files.status());
  if (absl::Status status = FindOld(answers, *files); !force && !status.ok()) {
    return Fail(status, kUsage);
  }
  std::puts("Written:");
  // The configuration comes last: a server that reads it finds all files.
  InitFile config = std::move(files->back());
  files->pop_back();
  absl::Status status = WriteFiles(answers, *files, *user);
  if (status.ok() && password) status = WriteUsers(answers, *password, *user);
  if (status.ok() && !answers.networks.empty()) {
    const std::string rules =
        absl::StrCat(answers.root, answers.directory, "/rules");
    const char* const arguments[] = {"compile", "--cidr", rules.c_str()};
    if (const int code = RunRules(3, arguments); code != 0) return code;
  }
  if (status.ok()) status = WriteFiles(answers, {std::move(config)}, *user);
  if (!status.ok()) return Fail(status);
  PrintNotes(answers);
  int code = 0;
  if (answers.root.empty()) {
    code = Test(answers);
  } else {
    std::puts("\nNot tested: run postern check in the system of --root.");
  }
  PrintCommands(answers);
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
  const auto answers = Ask(&given);
  if (!answers.ok()) return Fail(answers.status(), kUsage);
  const auto password = ReadNewPassword(&given, *answers);
  if (given.Complain(kProgram)) return kUsage;
  if (!password.ok()) return Fail(password.status(), kUsage);
  return Write(*answers, *password, force);
}

}  // namespace postern::programs
