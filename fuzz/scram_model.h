// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A client of SCRAM-SHA-256 as in RFC 5802, and the users of the server.

#ifndef POSTERN_FUZZ_SCRAM_MODEL_H_
#define POSTERN_FUZZ_SCRAM_MODEL_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "auth/digest.h"
#include "auth/scram.h"
#include "auth/scram_keys.h"
#include "engine/authenticator.h"
#include "engine/grammar/base64.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"

namespace postern::auth {

// Each user whose name begins with "a" has the password "pencil". Other names
// get the same keys but are not users.
class ScramModelSource : public ScramSource {
 public:
  std::optional<Found> FindScram(absl::string_view user) override {
    static const ScramKeys* const keys =
        new ScramKeys(DeriveScramKeys("pencil", "a salt", 2));
    return Found{*keys, absl::StartsWith(user, "a") ? std::string(user) : ""};
  }
};

class ScramModelClient {
 public:
  // `gs2` is "n" or "y". `nonce` is valid in RFC 5802. Each extension is
  // ",x=y".
  ScramModelClient(absl::string_view gs2, bool authzid, absl::string_view user,
                   absl::string_view nonce, absl::string_view extensions) {
    const std::string name =
        absl::StrReplaceAll(user, {{"=", "=3D"}, {",", "=2C"}});
    header_ = absl::StrCat(gs2, ",", authzid ? "a=" + name : "", ",");
    bare_ = absl::StrCat("n=", name, ",r=", nonce, extensions);
  }

  std::string First() const { return header_ + bare_; }

  // Returns the answer to the server's first message, which must be
  // well-formed.
  std::string Final(absl::string_view challenge, absl::string_view password,
                    absl::string_view extensions) {
    const std::string nonce(
        challenge.substr(0, challenge.find(",s=")));  // with its "r="
    const std::string without =
        absl::StrCat("c=", EncodeBase64(header_), ",", nonce, extensions);
    const std::string message =
        absl::StrCat(bare_, ",", challenge, ",", without);
    const std::string salted = Pbkdf2Sha256(password, "a salt", 2);
    std::string proof = HmacSha256(salted, "Client Key");
    const std::string signature = HmacSha256(Sha256(proof), message);
    for (size_t i = 0; i < proof.size(); ++i) {
      proof[i] = static_cast<char>(proof[i] ^ signature[i]);
    }
    server_final_ = absl::StrCat(
        "v=",
        EncodeBase64(HmacSha256(HmacSha256(salted, "Server Key"), message)));
    return absl::StrCat(without, ",p=", EncodeBase64(proof));
  }

  // The message that the server must send after the message of Final().
  const std::string& server_final() const { return server_final_; }

 private:
  std::string header_;
  std::string bare_;
  std::string server_final_;
};

// Sends `message`, the first one or another. Returns the only answer.
inline AuthAnswer SendScram(AuthExchange* exchange, const std::string& message,
                            bool first) {
  AuthAnswer answer;
  int calls = 0;
  const auto done = [&](AuthAnswer made) { ++calls, answer = std::move(made); };
  first ? exchange->Start(message, done) : exchange->Respond(message, done);
  EXPECT_EQ(calls, 1);
  return answer;
}

}  // namespace postern::auth

#endif  // POSTERN_FUZZ_SCRAM_MODEL_H_
