// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An embedder's answers to an Ask (engine/ask.h).

#ifndef POSTERN_ENGINE_VERDICT_H_
#define POSTERN_ENGINE_VERDICT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
#include "engine/content/body_scanner.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"

namespace postern {

// The answer to a question: whether to proceed, the reply, and the reason.
class Verdict {
 public:
  // Whether to proceed.
  enum class Kind : uint8_t {
    kAccept,  // proceed
    kRefuse,  // refuse; the session continues
    kDrop,    // refuse, and close the connection
  };

  // A move is cheap, because many functions pass a Verdict on.
  Verdict(const Verdict& other);
  Verdict& operator=(const Verdict& other);
  Verdict(Verdict&& other) noexcept = default;
  Verdict& operator=(Verdict&& other) noexcept = default;
  ~Verdict() = default;

  // Accepts with the engine's usual reply.
  static Verdict Accept() { return Verdict(Kind::kAccept); }
  // Accepts with `reply`, whose code must be 2yz, and 220 for Connected. Not
  // for Hello, StartTls and BodyBegin, whose replies the engine chooses.
  static Verdict Accept(Reply reply) {
    return Verdict(Kind::kAccept, std::move(reply));
  }
  // Accepts a Mail or a Rcpt, and puts `path` into the envelope instead of the
  // path that the client sent, to append RELAYCLIENT's suffix or to replace an
  // address literal of this host. For other Asks the same as Accept().
  static Verdict AcceptAs(Path path) {
    return Verdict(Kind::kAccept).About(std::move(path));
  }
  // Accepts a BodyBegin, and handles bare newlines in this message as
  // `bare_newlines` says instead of ServerConfig: for clients that are known to
  // send them. For other Asks the same as Accept().
  static Verdict AcceptWith(BareNewlines bare_newlines) {
    Verdict verdict(Kind::kAccept);
    verdict.change().bare_newlines = bare_newlines;
    return verdict;
  }
  // Refuses with `reply`, whose code must be 4yz or 5yz.
  static Verdict Refuse(Reply reply) {
    return Verdict(Kind::kRefuse, std::move(reply));
  }
  // Refuses with `reply`, 4yz or 5yz, and closes the connection after it.
  static Verdict Drop(Reply reply) {
    return Verdict(Kind::kDrop, std::move(reply));
  }

  // State the reason, for logs. The client does not get it. `rule` names what
  // decided ("rcpthosts", "maildir"). It is not copied and must be static.
  // `source` says where: a file and line, a path, an error.
  Verdict By(absl::string_view rule) && {
    rule_ = rule;
    return std::move(*this);
  }
  Verdict From(std::string source) &&;
  // Names, for logs, the address that was decided on, if it is not as the
  // client sent it. In an acceptance, the envelope gets this address.
  Verdict About(Path path) &&;

  // In the policy's acceptance of a Mail, a Rcpt or a BodyBegin: adds whole
  // header fields (IsHeader(), engine/grammar/header_field.h) to the message,
  // above its Received field. All recipients of the message get them. A field
  // that the message has already got in this way is not added again.
  Verdict AddHeader(absl::string_view fields) &&;

  // Replaces the reply. nullopt: the engine's usual one.
  Verdict With(std::optional<Reply> reply) &&;

  // What the functions above have set. Views and references are valid as long
  // as the verdict.
  Kind kind() const { return kind_; }
  bool accepted() const { return kind_ == Kind::kAccept; }
  const std::optional<Reply>& reply() const { return details().reply; }
  const std::optional<Path>& path() const { return details().path; }
  std::optional<BareNewlines> bare_newlines() const {
    return details().bare_newlines;
  }
  const std::string& header() const { return details().header; }
  absl::string_view rule() const { return rule_; }
  const std::string& source() const { return details().source; }

 private:
  // What a plain acceptance does not have.
  struct Details {
    Details();
    Details(const Details& other);
    ~Details();

    std::optional<Reply> reply;
    std::optional<Path> path;
    std::optional<BareNewlines> bare_newlines;
    std::string header;
    std::string source;
  };

  explicit Verdict(Kind kind) : kind_(kind) {}
  Verdict(Kind kind, Reply reply);

  const Details& details() const {
    return details_ == nullptr ? NoDetails() : *details_;
  }
  static const Details& NoDetails();
  // Returns the details, to be changed.
  Details& change();

  Kind kind_;
  absl::string_view rule_;            // static; empty: not named
  std::unique_ptr<Details> details_;  // null: none
};

// The answer to a client's step in a SASL exchange, RFC 4954 4: a challenge to
// send, the identity that was authenticated (not empty), or a Verdict that
// refuses. Bytes are raw: the engine does the base64.
struct AuthChallenge {
  // What this challenge reveals to the client about its credentials before the
  // exchange ends. The engine ignores it. Limits and logs of attempts need it,
  // because a client that has learned the result may disconnect.
  enum class Reveals : uint8_t {
    kNothing,
    kRight,  // they are correct: SCRAM's last message (RFC 5802 7)
    kWrong,  // they are wrong: an error before the end (RFC 7628 3.2.2)
  };

  std::string bytes;  // sent to the client in base64, with 334; may be empty
  Reveals reveals = Reveals::kNothing;  // about the client's credentials
};
// The exchange has authenticated a user.
struct AuthGranted {
  // The name of the user, not empty.
  std::string identity;
};
// The answer to AuthBegin and AuthResponse.
using AuthAnswer = std::variant<AuthChallenge, AuthGranted, Verdict>;

}  // namespace postern

#endif  // POSTERN_ENGINE_VERDICT_H_
