// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The file with the credentials of this server for another one.
//
//   # for relay.example
//   user=us@example.org
//   password=correct horse battery staple
//
//   user=us@example.org
//   token-command=/usr/local/bin/relay-token,us@example.org
//   mechanism=XOAUTH2

#ifndef POSTERN_AUTH_CLIENT_CREDENTIALS_H_
#define POSTERN_AUTH_CLIENT_CREDENTIALS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/wipe.h"

namespace postern::auth {

struct ClientCredentials {
  // Wipes the password. There is no move: it would leave a copy of a short one.
  ~ClientCredentials() { Wipe(&password); }

  std::string user;
  std::string password;                    // or:
  std::vector<std::string> token_command;  // a program and its arguments
  std::string mechanism;                   // empty: the strongest one

  // Parses the content of `file`, which is a name for errors. A line is
  // KEY=VALUE, empty, or a comment after '#'. The value is the rest of the
  // line, with its spaces. user= and one of password= and token-command= are
  // needed. An error names the file and the line, and contains no value.
  static absl::StatusOr<ClientCredentials> Parse(absl::string_view content,
                                                 absl::string_view file);

  // Reads a file of at most 64 KiB with files::ReadSecret(). `user` is the user
  // of the server, who may own it.
  static absl::StatusOr<ClientCredentials> Read(const std::string& file,
                                                const std::string& user);
};

}  // namespace postern::auth

#endif  // POSTERN_AUTH_CLIENT_CREDENTIALS_H_
