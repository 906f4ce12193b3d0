// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of one AUTH exchange, RFC 4954 4, line by line.

#ifndef POSTERN_ENGINE_CLIENT_AUTH_H_
#define POSTERN_ENGINE_CLIENT_AUTH_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern {

// ClientAuth makes the lines of one exchange, each with its CRLF. Its owner
// sends them and passes the replies to it. Bytes are raw: ClientAuth does the
// base64.
//
//   Begin("PLAIN", nullopt)  command() "AUTH PLAIN"
//   OnChallenge("")          ""         challenged(), challenge() ""
//   Respond("\0u\0p")        "AHUAcA=="
//
// If `initial` does not fit into the command line, it answers the first
// challenge, which is then not reported.
class ClientAuth {
 public:
  // kInvalidArgument: `initial` has more than 12,288 octets in base64.
  // `mechanism` must be a word that the server has announced.
  static absl::StatusOr<ClientAuth> Begin(
      absl::string_view mechanism, std::optional<absl::string_view> initial);

  // The first line.
  const std::string& command() const { return command_; }

  // Takes the text of a 334. Returns the line to send at once, or an empty
  // string if there is a challenge() to answer. A challenge that is not valid
  // base64 is answered with "*".
  std::string OnChallenge(absl::string_view text);

  bool challenged() const { return challenged_; }
  // The server's challenge, decoded, until it is answered.
  const std::string& challenge() const { return challenge_; }

  // Return the line that answers challenge(): with bytes, or with "*".
  // kInvalidArgument as in Begin().
  absl::StatusOr<std::string> Respond(absl::string_view bytes);
  std::string Cancel();

  // Returns true after "*": a further challenge would be the server's mistake.
  bool cancelled() const { return cancelled_; }

 private:
  ClientAuth() = default;

  std::string command_;
  std::string initial_;  // as a line; empty: sent, or there is none
  bool challenged_ = false;
  bool cancelled_ = false;
  std::string challenge_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_AUTH_H_
