// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Masks what a recording must not contain: passwords, tokens and other
// credentials, and content if it is not recorded. A session that gets the
// masked octets asks the same questions and gives the same replies, except for
// the masked octets themselves.

#ifndef POSTERN_RECORDING_MASK_H_
#define POSTERN_RECORDING_MASK_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/verb.h"
#include "engine/server_config.h"

namespace postern::recording {

// What stands for each secret. Its size says nothing about that of the secret.
inline constexpr absl::string_view kSecret = "********";

// Masks the octets that a session has consumed, in their order. It follows the
// client as the session does: commands, responses of AUTH, and content.
//
// - An AUTH command keeps its mechanism. Each response, also an initial one, is
//   kSecret in base64, or "?" if it is not base64. "=", "*" and an empty line
//   stay.
// - A command with an unknown verb keeps at most the verb, and nothing after an
//   AUTH: the client may believe that it answers a challenge.
// - A line that is too long is masked octet by octet, and keeps its size.
// - Content, without `bodies`: each octet is "x", except for line ends, dots at
//   the beginnings of lines, and words at the beginnings of lines by which the
//   session decides something: the names of the fields that count hops, and
//   QUIT, which may follow a message that ends in a bare LF.
class ClientMask {
 public:
  // Gets the number of octets that the client sent, and what the recording
  // shows of them.
  using Show = absl::FunctionRef<void(size_t sent, absl::string_view shown)>;

  // `config` must outlive the object.
  ClientMask(const ServerConfig* config, bool bodies)
      : config_(*config), bodies_(bodies) {}

  // The session has consumed `octets`, of which the first `secret` may contain
  // a password. Calls `show` for each part of them.
  void Consumed(absl::string_view octets, size_t secret, Show show);
  // Returns what the recording shows of input that the session has not
  // consumed. It is masked, also with `bodies`: commands may follow the content
  // in it.
  std::string Unserved(absl::string_view octets);
  // A question about content is accepted: after DATA, content follows.
  void ContentAccepted();
  // The client gets a challenge of AUTH: its next line is a response.
  void Challenged() { response_ = true; }

 private:
  void Line(absl::string_view line, bool whole, bool secret, Show show);
  std::string Command(absl::string_view text, bool secret);
  std::string AuthCommand(absl::string_view text) const;
  std::string Content(absl::string_view octets);
  std::string MaskedContent(absl::string_view octets);
  // Follows the content of DATA to its end, within or at the end of `line`.
  void FollowContent(absl::string_view line);

  const ServerConfig& config_;
  const bool bodies_;
  Verb verb_ = Verb::kUnknown;  // the last one that is known
  bool auth_ = false;           // the client has sent an AUTH
  bool response_ = false;       // the next line is a response
  bool overlong_ = false;       // within a line that is too long
  uint64_t chunk_ = 0;          // octets of a chunk that follow
  bool data_ = false;           // content of DATA follows
  // Of the line of content so far:
  std::string line_;  // its first octets
  bool ends_in_cr_ = false;
  bool after_crlf_ = true;  // the line before ended in CRLF
  size_t column_ = 0;
  absl::string_view word_;  // the word that it begins with
};

// Masks a line of replies: a challenge of AUTH may allow to guess the password
// offline (RFC 5802 9). The usual prompts for a name and a password stay.
std::string MaskReplyLine(absl::string_view line);
// Returns `bytes` of a challenge as MaskReplyLine() shows it.
absl::string_view MaskChallenge(absl::string_view bytes);

// Returns `ask` without credentials, as it is when a session gets the masked
// octets.
Ask MaskAsk(const Ask& ask);

}  // namespace postern::recording

#endif  // POSTERN_RECORDING_MASK_H_
