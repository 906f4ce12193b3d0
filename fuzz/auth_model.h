// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A simple model of AUTH (RFC 4954) from the client's side.

#ifndef POSTERN_FUZZ_AUTH_MODEL_H_
#define POSTERN_FUZZ_AUTH_MODEL_H_

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/grammar/reply.h"
#include "engine/verdict.h"
#include "tests/replay.h"

namespace postern {

// A line of an exchange and its decoded bytes; nullopt if it is not base64.
struct AuthLine {
  absl::string_view text;
  std::optional<absl::string_view> bytes;
};

inline const std::string kLongest(12288, 'Z');
inline const std::string kTooLong(12289, 'Z');
// The first kInitialLines lines may also be initial responses.
inline constexpr size_t kInitialLines = 9;
inline const AuthLine kAuthLines[] = {
    {"Zw==", "g"},
    {"YzE=", "c1"},
    {"YzI=", "c2"},
    {"ZQ==", "e"},
    {"dA==", "t"},
    {"=", {}},
    {"*", {}},
    {"Zw", {}},
    {"Zh==", {}},  // bits after the last octet
    {"", ""},
    {"Zw== ", {}},
    {" Zw==", {}},
    {"Z\xff==", {}},
    {"MAIL FROM:<s@x>", {}},
    {"RSET", "E$\x93"},
    {kLongest, "e"},
    {kTooLong, {}},
};

// Returns the codes of replies: "220 250 334".
inline std::string CodesOf(absl::string_view replies) {
  std::string codes;
  for (absl::string_view line : absl::StrSplit(replies, "\r\n")) {
    if (line.size() < 4 || line[3] != ' ') continue;
    absl::StrAppend(&codes, codes.empty() ? "" : " ", line.substr(0, 3));
  }
  return codes;
}

// Returns the lines to send, or records them, and collects the expected codes
// of the replies, beginning with the greeting's. The server requires
// authentication before mail.
class AuthModel {
 public:
  static constexpr int kMaxFailures = 3;

  // The policy's answer to `bytes`: depends on whether they begin with "g",
  // "c", "t" or another octet.
  static AnyAnswer Judge(absl::string_view bytes) {
    if (absl::StartsWith(bytes, "g")) return AuthGranted{std::string(bytes)};
    if (absl::StartsWith(bytes, "c")) return AuthChallenge{std::string(bytes)};
    const Reply no = {535, {5, 7, 8}, "no"};
    return absl::StartsWith(bytes, "t") ? Verdict::Drop(no)
                                        : Verdict::Refuse(no);
  }
  static std::optional<AnyAnswer> Answer(const Ask& ask, const Envelope&) {
    if (const auto* begin = std::get_if<AuthBegin>(&ask.what)) {
      return Judge(begin->initial_response.value_or("c"));
    }
    if (const auto* response = std::get_if<AuthResponse>(&ask.what)) {
      return Judge(response->bytes);
    }
    return Verdict::Accept();
  }

  explicit AuthModel(bool cleartext) : cleartext_(cleartext) {}

  std::string Ehlo() {
    const std::string wire = "EHLO c\r\n";
    if (!Command()) return wire;
    greeted_ = true;
    sender_ = false;
    Say("250");
    return wire;
  }
  std::string Rset() {
    const std::string wire = "RSET\r\n";
    if (!Command()) return wire;
    sender_ = false;
    Say("250");
    return wire;
  }
  std::string Mail() {
    const std::string wire = "MAIL FROM:<s@x>\r\n";
    if (!Command()) return wire;
    const bool out_of_place = !greeted_ || sender_;
    Say(out_of_place ? "503" : !known_ ? "530" : "250");
    sender_ = sender_ || (greeted_ && known_);
    return wire;
  }
  // Returns whether TLS protects the following commands.
  bool StartTls() {
    if (!Command()) return false;
    const bool taken = !tls_ && !sender_;
    Say(taken ? "220" : "503");
    if (!taken) return false;
    tls_ = true;
    greeted_ = known_ = false;
    return true;
  }
  // AUTH with or without an initial response. Returns whether lines of an
  // exchange follow.
  bool Auth(absl::string_view mechanism, const AuthLine* initial) {
    if (!Command()) return false;
    if (!greeted_ || known_ || sender_) return Say("503");
    if (!tls_ && !cleartext_) return Say("530");
    if (mechanism != "plain") return Say("504");
    if (initial == nullptr) return Challenge();
    // RFC 4954 4: "=" means an empty response, and only here.
    if (initial->text == "=") return Judged("");
    if (!initial->bytes) return Say("501");
    return Judged(*initial->bytes);
  }
  // A line after a 334. Returns whether more lines follow.
  bool Line(const AuthLine& line) {
    // RFC 4954 4.
    if (line.text.size() > 12288) return Failed("500");
    if (!line.bytes) return Failed("501");
    return Judged(*line.bytes);
  }

  bool closed() const { return closed_; }
  const std::string& codes() const { return codes_; }

 private:
  // Returns whether the server processes a command.
  bool Command() {
    if (failures_ < kMaxFailures) return true;
    closed_ = true;
    return Say("421");
  }
  bool Judged(absl::string_view bytes) {
    const char first = bytes.empty() ? 0 : bytes[0];
    if (first == 'c') return Challenge();
    known_ = first == 'g';
    failures_ += known_ ? 0 : 1;
    closed_ = first == 't';
    return Say(known_ ? "235" : "535");
  }
  bool Challenge() { return !Say("334"); }
  // An exchange that the client does not complete also counts as a failure.
  bool Failed(absl::string_view code) {
    ++failures_;
    return Say(code);
  }
  // Records `code`. Returns false: no line of an exchange follows.
  bool Say(absl::string_view code) {
    absl::StrAppend(&codes_, " ", code);
    return false;
  }

  const bool cleartext_;  // AUTH is offered without TLS
  std::string codes_ = "220";
  int failures_ = 0;
  bool tls_ = false;
  bool greeted_ = false;
  bool known_ = false;   // authenticated
  bool sender_ = false;  // within a transaction
  bool closed_ = false;
};

}  // namespace postern

#endif  // POSTERN_FUZZ_AUTH_MODEL_H_
