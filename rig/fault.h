// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A fault: one thing that a test server does wrong, and when it does it.

#ifndef POSTERN_RIG_FAULT_H_
#define POSTERN_RIG_FAULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/grammar/reply.h"

namespace postern::rig {

// Where in a session a fault applies. The comment names the text with which
// Fault::pattern is compared.
enum class Stage : uint8_t {
  kConnect,   // the greeting; the client's IP address
  kEhlo,      // EHLO, HELO, LHLO; the name that the client sends
  kStartTls,  // STARTTLS; nothing
  kTls,       // the TLS handshake; nothing
  kAuth,      // the reply that ends an AUTH exchange; the user
  kMail,      // MAIL; the sender
  kRcpt,      // RCPT; the recipient
  kData,      // DATA, or BDAT except the last; each recipient of the envelope
  kContent,   // the octets of a message; each recipient of the envelope
  kEnd,       // the reply to a message; each recipient of the envelope
  kRset,      // RSET; nothing
  kNoop,      // NOOP; nothing
  kVrfy,      // VRFY; its argument
  kHelp,      // HELP; nothing
  kQuit,      // QUIT; nothing
};
// The number of values of Stage.
inline constexpr int kStages = static_cast<int>(Stage::kQuit) + 1;

// Returns the name of a stage in scripts and addresses: "connect", "ehlo",
// "starttls", "tls", "auth", "mail", "rcpt", "data", "content", "end", "rset",
// "noop", "vrfy", "help", "quit".
absl::string_view StageName(Stage stage);
std::optional<Stage> ParseStage(absl::string_view name);

// Whether Fault::pattern is compared with something at this stage.
bool HasSubject(Stage stage);

// Where a connection is closed.
enum class Cut : uint8_t {
  kBefore,  // before the reply
  kInside,  // after the first half of the reply's octets
  kAfter,   // after the reply
};
// "before", "inside", "after".
absl::string_view CutName(Cut cut);

// Which certificate a server presents.
enum class CertificateKind : uint8_t {
  kValid,    // issued by the authority of the CA file, for the server's names
  kExpired,  // the same, but it expired yesterday
  kNotYet,   // the same, but it is valid from tomorrow
  kSelfSigned,  // for the server's names, signed by itself
  kWrongName,   // issued by the authority, for another host
  kUntrusted,   // for the server's names, issued by another authority
};
// The number of values of CertificateKind.
inline constexpr int kCertificateKinds =
    static_cast<int>(CertificateKind::kUntrusted) + 1;
// "valid", "expired", "not-yet", "self-signed", "wrong-name", "untrusted".
absl::string_view CertificateName(CertificateKind kind);

// Plain data.
struct Fault {
  Stage stage = Stage::kRcpt;  // where it applies
  // Compared with the text of the stage, ignoring the case of ASCII letters.
  // '*' matches any number of octets. Empty: matches everything.
  std::string pattern;

  // The fault does not apply to the first `skip` occurrences that match, and
  // then to `times` of them. 0: to all others.
  int skip = 0;
  int times = 0;
  // Of the occurrences after the skipped ones, the fault applies to this many
  // of each hundred, spread evenly: 50 is every second one, 1 the hundredth.
  // From 1 to 100. There is no chance in it: each run is the same.
  int percent = 100;
  // Occurrences are counted separately for each text of the stage: greylisting
  // is `times = 1` with `each`.
  bool each = false;
  // The fault applies only to a recipient whose messages, with this one, have
  // more octets than this. The size of this one is that of the parameter SIZE
  // at kRcpt, and its true size at kEnd, the only stages with a quota.
  std::optional<uint64_t> quota;

  // The reply that replaces the usual one. 421 also closes the connection. If
  // the engine asks its embedder at this stage and the code is a refusal there,
  // the session refuses; otherwise only the octets that the client gets
  // change, and the session continues as if it had given its usual reply.
  std::optional<Reply> reply;
  // These octets replace the usual reply. Only what the client gets changes.
  std::optional<std::string> raw;
  // The reply comes that much later. InfiniteDuration(): never, and the
  // connection stays open. At kContent: nothing is read for that long.
  absl::Duration delay = absl::ZeroDuration();
  // The connection is closed at this point of the reply. nullopt: it is not.
  std::optional<Cut> cut;
  // kContent: `delay` and `cut` apply after that many octets of content.
  uint64_t after = 0;
  // Each octet of the reply is a write of its own.
  bool split = false;
  // The octets of this reply that are sent in a second. 0: no limit.
  uint32_t write_rate = 0;
  // The octets that are read in a second, from now on. 0: no limit.
  uint32_t read_rate = 0;
  // kEhlo: extensions that the reply does not announce, although the server
  // would serve them.
  std::vector<std::string> hidden;
  // kTls: the certificate of this handshake.
  std::optional<CertificateKind> certificate;

  friend bool operator==(const Fault&, const Fault&) = default;
};

// Returns why a fault cannot be used, or the empty string.
std::string CheckFault(const Fault& fault);

// Returns whether `text` matches the pattern of a fault.
bool Matches(absl::string_view pattern, absl::string_view text);

// Returns the fault that the local part of an address requests at `stage`, or
// nullopt. docs/rig.md has the table. `stage` is kMail for a sender, otherwise
// the address is a recipient's.
std::optional<Fault> FaultOfAddress(Stage stage, absl::string_view local_part);

// Reads "3s", "500ms", "2m" or "1h". Returns nullopt for anything else, and for
// more than a day.
std::optional<absl::Duration> ParseDelay(absl::string_view text);

}  // namespace postern::rig

#endif  // POSTERN_RIG_FAULT_H_
