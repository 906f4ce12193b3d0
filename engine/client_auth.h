// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The client's side of one AUTH, RFC 4954 4: what it says, line by line.

#ifndef POSTERN_ENGINE_CLIENT_AUTH_H_
#define POSTERN_ENGINE_CLIENT_AUTH_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace postern {

// ClientAuth makes the lines of one exchange, each with its CRLF; who sends
// them, and hears the replies, is its owner. Bytes are raw: it does the base64.
//
//   Begin("PLAIN", nullopt)  command() "AUTH PLAIN"
//   OnChallenge("")          ""         challenged(), challenge() ""
//   Respond("\0u\0p")        "AHUAcA=="
//
// If `initial` does not fit behind AUTH, it answers the first challenge, and
// nobody hears of that one.
class ClientAuth {
 public:
  // kInvalidArgument: `initial` is beyond 12,288 octets of base64. `mechanism`
  // must be a word that a server has said.
  static absl::StatusOr<ClientAuth> Begin(
      absl::string_view mechanism, std::optional<absl::string_view> initial);

  // The first line.
  const std::string& command() const { return command_; }

  // Takes the text of a 334. Returns the line to say to it at once, or nothing:
  // then there is a challenge() to answer. One that is no base64 is answered
  // with "*".
  std::string OnChallenge(absl::string_view text);

  bool challenged() const { return challenged_; }
  // What the server has sent, until it is answered.
  const std::string& challenge() const { return challenge_; }

  // Return the answer to challenge(), with bytes or with "*". kInvalidArgument
  // as in Begin().
  absl::StatusOr<std::string> Respond(absl::string_view bytes);
  std::string Cancel();

  // Returns true behind "*": a further challenge would be the server's mistake.
  bool cancelled() const { return cancelled_; }

 private:
  ClientAuth() = default;

  std::string command_;
  std::string initial_;  // the response that did not fit, as a line
  bool challenged_ = false;
  bool cancelled_ = false;
  std::string challenge_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_CLIENT_AUTH_H_
