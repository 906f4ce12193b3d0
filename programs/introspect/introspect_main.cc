// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern-introspect: asks an authorization server for the user of a bearer
// token (RFC 7662). It is a program for --auth oauth:PROGRAM.
// auth/token_command.h describes the interface.

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/wipe.h"
#include "programs/introspect/introspection.h"
#include "programs/introspect/introspection_endpoint.h"
#include "service/mail_options.h"
#include "service/options.h"
#include "system/standard_descriptors.h"

namespace postern::programs {
namespace {

constexpr char kProgram[] = "postern-introspect";
constexpr int kNo = 1;
constexpr int kUsage = 100;
constexpr int kTemporary = 111;

constexpr int kFields = 3;                // the descriptor
constexpr size_t kMaxFields = 16 * 1024;  // more than a line of AUTH

constexpr char kHead[] =
    "Usage: postern-introspect --url URL --credentials FILE [OPTION]...\n"
    "\n"
    "Reads TOKEN NUL USER NUL from descriptor 3, asks an authorization server\n"
    "about the token (RFC 7662), and writes the user's name to descriptor 1.\n"
    "Use it as PROGRAM in --auth oauth:PROGRAM.\n"
    "Exit code 0: the token is valid; 1: it is not; 111: temporary failure.\n"
    "\n";
constexpr char kFoot[] = "\nSee postern-introspect(8).\n";

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    service::kConfigRow,
    {"url", "URL", "URL of the server: https, or http to this host"},
    {"credentials", "FILE", "file with one line ID:SECRET for the server"},
    {"ca", "FILE", "CA certificates for the server; PEM"},
    {"audience", "NAME",
     "value that the token's \"aud\" must have; without\n"
     "this option a token for any service is valid"},
    {"require-scope", "SCOPE", "scope that a token must have"},
    {"identity-claim", "NAME [username]",
     "claim with the user's name: username, email, sub"},
    {"timeout", "N [10]", "seconds until a request fails"},
};

int Fail(const absl::Status& status) {
  std::fputs(absl::StrCat(kProgram, ": ", status.message(), "\n").c_str(),
             stderr);
  return absl::IsPermissionDenied(status) ? kNo : kTemporary;
}

// Reads descriptor 3 to its end, and returns what precedes the first NUL. A
// program that leaves octets unread is not accepted as a checker.
absl::StatusOr<Secret> ReadToken() {
  std::string text(kMaxFields, '\0');
  size_t size = 0;
  for (;;) {
    const ssize_t count = read(kFields, &text[size], text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "descriptor 3");
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  const Secret fields(std::move(text));
  const size_t end =
      absl::string_view(fields.text()).substr(0, size).find('\0');
  if (end == absl::string_view::npos || end == 0) {
    return absl::InvalidArgumentError("descriptor 3: no token");
  }
  return Secret(fields.text().substr(0, end));
}

absl::StatusOr<std::string> Run(const IntrospectionEndpoint& endpoint,
                                const std::string& credentials,
                                const IntrospectionRules& rules) {
  const absl::StatusOr<ClientCredentials> client =
      ReadClientCredentials(credentials);
  // Unavailable, because PermissionDenied would mean that the token is invalid.
  if (!client.ok()) return absl::UnavailableError(client.status().message());
  const absl::StatusOr<Secret> token = ReadToken();
  if (!token.ok()) return absl::UnavailableError(token.status().message());
  const absl::StatusOr<std::string> answer =
      Introspect(endpoint, *client, token->text());
  if (!answer.ok()) return answer.status();
  return ReadIntrospection(*answer, rules);
}

int Main(int argc, char** argv) {
  // A core file could contain a token.
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (!system::OpenStandardDescriptors().ok()) return kTemporary;
  service::Options given(kRows);
  given.Read({argv + 1, static_cast<size_t>(argc - 1)}, getenv);
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return 0;
  IntrospectionEndpoint endpoint;
  endpoint.url = given.Text("url", "");
  endpoint.ca_file = given.Text("ca", "");
  endpoint.timeout = absl::Seconds(given.Number("timeout", 10, 1, 600));
  const std::string credentials = given.Text("credentials", "");
  IntrospectionRules rules;
  rules.audience = given.Text("audience", "");
  rules.scope = given.Text("require-scope", "");
  rules.claim = given.Choice<std::string>(
      "identity-claim", rules.claim,
      {{"username", "username"}, {"email", "email"}, {"sub", "sub"}});
  if (const absl::Status status = ValidateIntrospectionUrl(endpoint.url);
      !status.ok()) {
    given.Mistake(absl::StrCat("--url: ", status.message()));
  }
  if (credentials.empty()) given.Mistake("--credentials: is missing");
  if (!given.operands().empty()) given.Mistake("operands are not allowed");
  if (given.Complain(kProgram)) return kUsage;

  const absl::StatusOr<std::string> identity =
      Run(endpoint, credentials, rules);
  if (!identity.ok()) return Fail(identity.status());
  if (std::puts(identity->c_str()) < 0 || std::fflush(stdout) != 0) {
    return kTemporary;
  }
  return 0;
}

}  // namespace
}  // namespace postern::programs

int main(int argc, char** argv) { return postern::programs::Main(argc, argv); }
