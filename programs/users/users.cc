// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/users/users.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "auth/password_checker.h"
#include "auth/user_edit.h"
#include "auth/user_file.h"
#include "auth/user_table.h"
#include "auth/users.h"
#include "auth/verifier.h"
#include "engine/grammar/wipe.h"
#include "engine/session_info.h"
#include "engine/verdict.h"
#include "programs/users/password_prompt.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {
namespace {

constexpr char kProgram[] = "postern users";
// Exit codes of D. J. Bernstein's programs: permanent and temporary failure.
constexpr int kUsage = 100;
constexpr int kTemporary = 111;
// The exit code of checkpassword for a wrong password.
constexpr int kNo = 1;

constexpr char kHead[] =
    "Usage: postern users COMMAND [OPTION]... FILE [USER]\n"
    "\n"
    "  add FILE USER      set a user's password; add the user if needed\n"
    "  remove FILE USER   remove a user\n"
    "  list FILE          list users, and how their passwords are stored\n"
    "  compile FILE       make FILE.cdb, after FILE was edited by hand\n"
    "  check FILE USER    ask for a password, and print yes or no\n"
    "\n";
constexpr char kFoot[] = "\nSee postern-users(8).\n";

enum class Scheme : uint8_t { kScram, kYescrypt };

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    {"scheme", "SCHEME [scram-sha-256]",
     "how to store a new password: scram-sha-256, or\n"
     "yescrypt, which SCRAM cannot use"},
    {"iterations", "N [65536]",
     "iterations of scram-sha-256: the cost of a check;\n"
     "clients with Cyrus SASL accept at most 65536"},
    {"stdin", "", "read the password, one line, from standard input",
     service::OptionRow::From::kCommandLine},
};

int Fail(const absl::Status& status) {
  std::fputs(absl::StrCat(kProgram, ": ", status.message(), "\n").c_str(),
             stderr);
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
      return kUsage;
    default:
      return kTemporary;
  }
}

// The parsed arguments.
struct Request {
  std::string file;
  std::string user;
  Scheme scheme = Scheme::kScram;
  int iterations = auth::Verifier::kIterations;
  bool from_stdin = false;
};

absl::StatusOr<Secret> NewPassword(const Request& request) {
  if (request.from_stdin) return ReadPassword(STDIN_FILENO);
  return AskNewPassword(request.user);
}

absl::Status SetVerifier(const std::string& file, absl::string_view user,
                         const auth::Verifier& verifier) {
  return auth::EditUsers(file, auth::MissingFile::kIsEmpty,
                         [&](auth::UserFile* users) {
                           users->Set(user, verifier);
                           return absl::OkStatus();
                         });
}

int Add(const Request& request) {
  // Ask first, so that the lock is not held while the user types.
  const absl::StatusOr<Secret> password = NewPassword(request);
  if (!password.ok()) return Fail(password.status());
  absl::StatusOr<auth::Verifier> verifier =
      request.scheme == Scheme::kScram
          ? auth::Verifier::MakeScram(password->text(), request.iterations)
          : auth::Verifier::MakeYescrypt(password->text());
  if (!verifier.ok()) return Fail(verifier.status());
  const absl::Status status =
      SetVerifier(request.file, request.user, *verifier);
  return status.ok() ? 0 : Fail(status);
}

int Remove(const Request& request) {
  const absl::Status status = auth::EditUsers(
      request.file, auth::MissingFile::kIsAnError, [&](auth::UserFile* users) {
        if (users->Remove(request.user)) return absl::OkStatus();
        // The user may be missing in a file that was edited by hand, but still
        // be in its table. Compile the table again, without the user.
        const absl::StatusOr<auth::UserTable> table =
            auth::UserTable::Open(auth::UserTablePath(request.file));
        if (table.ok()) {
          const auto found = table->Find(request.user);
          if (!found.ok() || *found) return absl::OkStatus();
        }
        return absl::NotFoundError(absl::StrCat(
            request.file, ": user ", request.user, ": no such user"));
      });
  return status.ok() ? 0 : Fail(status);
}

int List(const Request& request) {
  const absl::StatusOr<auth::UserFile> users =
      auth::UserFile::Read(request.file);
  if (!users.ok()) return Fail(users.status());
  for (const auth::UserFile::User* user : users->users()) {
    std::puts(absl::StrCat(user->name, "\t", user->verifier.cost()).c_str());
  }
  return 0;
}

int Compile(const Request& request) {
  const absl::Status status =
      auth::EditUsers(request.file, auth::MissingFile::kIsAnError,
                      [](auth::UserFile*) { return absl::OkStatus(); });
  return status.ok() ? 0 : Fail(status);
}

int Check(const Request& request) {
  const absl::StatusOr<Secret> password =
      request.from_stdin
          ? ReadPassword(STDIN_FILENO)
          : AskPassword(absl::StrCat("Password of ", request.user, ": "));
  if (!password.ok()) return Fail(password.status());
  bool told = true;
  auth::Users users(request.file, [&told](absl::string_view what) {
    told = false;
    std::fputs(absl::StrCat(kProgram, ": ", what, "\n").c_str(), stderr);
  });
  const AuthAnswer answer = users.Check(
      {.user = request.user, .secret = password->text()}, SessionInfo());
  if (!told) return kTemporary;
  const bool right = std::holds_alternative<AuthGranted>(answer);
  std::puts(right ? "yes" : "no");
  return right ? 0 : kNo;
}

struct Command {
  absl::string_view name;
  size_t operands = 0;
  int (*run)(const Request&);
};

constexpr Command kCommands[] = {
    {"add", 2, Add},         {"remove", 2, Remove}, {"list", 1, List},
    {"compile", 1, Compile}, {"check", 2, Check},
};

const Command* FindCommand(absl::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<Secret> AskNewPassword(absl::string_view user) {
  absl::StatusOr<Secret> first =
      AskPassword(absl::StrCat("New password of ", user, ": "));
  if (!first.ok()) return first;
  const absl::StatusOr<Secret> second = AskPassword("Once more: ");
  if (!second.ok()) return second.status();
  if (first->text() != second->text()) {
    return absl::InvalidArgumentError("the two passwords are not the same");
  }
  return first;
}

absl::Status SetPassword(const std::string& file, absl::string_view user,
                         const Secret& password) {
  const absl::StatusOr<auth::Verifier> verifier =
      auth::Verifier::MakeScram(password.text(), auth::Verifier::kIterations);
  if (!verifier.ok()) return verifier.status();
  return SetVerifier(file, user, *verifier);
}

int RunUsers(int argc, const char* const* argv) {
  absl::Span<const char* const> arguments(argv, static_cast<size_t>(argc));
  const Command* const command =
      arguments.empty() ? nullptr : FindCommand(arguments[0]);
  if (command != nullptr) arguments.remove_prefix(1);
  service::Options given(kRows);
  given.Read(arguments, getenv);
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return 0;
  Request request;
  request.scheme = given.Choice(
      "scheme", Scheme::kScram,
      {{"scram-sha-256", Scheme::kScram}, {"yescrypt", Scheme::kYescrypt}});
  request.iterations = given.Number("iterations", request.iterations,
                                    auth::Verifier::kMinIterations,
                                    auth::Verifier::kMaxIterations);
  request.from_stdin = given.Flag("stdin");
  const absl::Span<const char* const> operands = given.operands();
  if (command == nullptr) {
    given.Mistake(
        "the command is missing: add, remove, list, compile or check");
  } else if (operands.size() != command->operands) {
    given.Mistake(absl::StrCat(command->name, " needs FILE",
                               command->operands > 1 ? " and USER" : "",
                               " after its options, and nothing else"));
  } else {
    request.file = operands[0];
    if (operands.size() > 1) {
      request.user = operands[1];
      const absl::Status checked = auth::CheckUserName(request.user);
      if (!checked.ok()) given.Mistake(checked.message());
    }
  }
  if (given.Complain(kProgram)) return kUsage;
  return command->run(request);
}

}  // namespace postern::programs
