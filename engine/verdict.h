// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The embedder's answers to an Ask (engine/event.h).

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

class Verdict {
 public:
  enum class Kind : uint8_t {
    kAccept,  // go on
    kRefuse,  // say no; the session goes on
    kDrop,    // say no and close the connection
  };

  // A move is cheap: many functions pass a Verdict on.
  Verdict(const Verdict& other);
  Verdict& operator=(const Verdict& other);
  Verdict(Verdict&& other) noexcept = default;
  Verdict& operator=(Verdict&& other) noexcept = default;
  ~Verdict() = default;

  // Accepts with the engine's usual reply.
  static Verdict Accept() { return Verdict(Kind::kAccept); }
  // Accepts with `reply`, whose code must be 2yz, and 220 for Connected. Not
  // for Hello, StartTls and BodyBegin, whose replies are the engine's.
  static Verdict Accept(Reply reply) {
    return Verdict(Kind::kAccept, std::move(reply));
  }
  // Accepts a Mail or a Rcpt, and puts `path` into the envelope in place of
  // what the client sent: RELAYCLIENT's suffix, an address literal that is
  // ours. For other Asks the same as Accept().
  static Verdict AcceptAs(Path path) {
    return Verdict(Kind::kAccept).About(std::move(path));
  }
  // Accepts a BodyBegin, and has this message's bare newlines treated in
  // another way than ServerConfig has it: for clients that are known to send
  // them. For other Asks the same as Accept().
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

  // Say why, for logs; the client does not get it. `rule` names what decided
  // ("rcpthosts", "maildir"); the text is not copied and must be static. The
  // source says where: a file and line, a path, an error.
  Verdict By(absl::string_view rule) && {
    rule_ = rule;
    return std::move(*this);
  }
  Verdict From(std::string source) &&;
  // Says for logs which address was decided on, if it is not the client's own
  // text. Of an acceptance, it is the address that the envelope gets.
  Verdict About(Path path) &&;

  // Puts another reply in place of its own; nullopt: the engine's usual one.
  Verdict With(std::optional<Reply> reply) &&;

  Kind kind() const { return kind_; }
  bool accepted() const { return kind_ == Kind::kAccept; }
  const std::optional<Reply>& reply() const { return details().reply; }
  const std::optional<Path>& path() const { return details().path; }
  std::optional<BareNewlines> bare_newlines() const {
    return details().bare_newlines;
  }
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

// The embedder's move in a SASL exchange, RFC 4954 4: a challenge to send, the
// identity that has been proved (not empty), or a Verdict that refuses. Bytes
// are raw: the engine does the base64.
struct AuthChallenge {
  // What the client learns about its credentials from this challenge alone,
  // before the exchange ends. The engine ignores it. Those that limit and log
  // attempts need it: a client that has learned enough may leave.
  enum class Reveals : uint8_t {
    kNothing,
    kRight,  // they are right, as SCRAM's last message shows (RFC 5802 7)
    kWrong,  // they are wrong: an error that comes first (RFC 7628 3.2.2)
  };

  std::string bytes;
  Reveals reveals = Reveals::kNothing;
};
struct AuthGranted {
  std::string identity;
};
using AuthMove = std::variant<AuthChallenge, AuthGranted, Verdict>;

}  // namespace postern

#endif  // POSTERN_ENGINE_VERDICT_H_
