// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The configuration of a ServerSession.

#ifndef POSTERN_ENGINE_SERVER_CONFIG_H_
#define POSTERN_ENGINE_SERVER_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/content/body_scanner.h"
#include "engine/grammar/base64.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/strictness.h"

namespace postern {

// What happens when a client sends something out of turn: RFC 5321 3.1, RFC
// 2920 3.1. In both cases ServerSession::violations() shows it.
enum class OutOfTurn : uint8_t {
  kNote,    // only violations()
  kReject,  // 554 5.5.0, and the connection closes
};

// The limits that FUTURERELEASE announces, RFC 4865 4: the longest time, and
// the latest date, for which a message may be held. The policy enforces them
// when it decides Mail: the engine parses HOLDFOR and HOLDUNTIL, but has no
// clock.
struct HoldLimits {
  absl::Duration longest = absl::ZeroDuration();  // 1 to 999999999 seconds
  absl::Time latest = absl::InfinitePast();       // in the years 1970 to 9999
};

// Plain data, shared by sessions as const&. Each limit states what it prevents.
struct ServerConfig {
  // The server's name in the greeting and in the replies to HELO, EHLO and
  // QUIT: a domain, optionally followed by words (qmail's
  // control/smtpgreeting).
  std::string greeting;

  // Whether MAIL needs a HELO or EHLO first (RFC 5321 4.1.4; both settings
  // conform). qmail-smtpd does not require one.
  bool require_hello = true;

  // Speak LMTP (RFC 2033): LHLO, and one reply for each recipient after the
  // content.
  bool lmtp = false;

  // The server offers the extensions that are in `extensions` (the operator's
  // choice) and in `carried` (Delivery::carries()). CHUNKING does not need to
  // be in `carried`.
  ExtensionSet extensions = ExtensionSet::All();
  ExtensionSet carried;

  // Verbs that the policy answers (Other) and that EHLO and HELP announce:
  // names of VerbTable() rows with Verb::kUnimplemented, such as "ETRN". They
  // are served where VRFY is. The other verbs of this kind get a 502.
  std::vector<std::string> more_verbs;

  // Announce max_recipients, and max_messages if it is set: RFC 9422.
  bool announce_limits = true;
  // The limits that FUTURERELEASE announces. It is offered only if they are
  // set.
  std::optional<HoldLimits> hold_limits;
  // The limit that DELIVERBY announces (RFC 2852 4): at most 999999999 seconds.
  // 0: none.
  absl::Duration min_deliver_by = absl::ZeroDuration();

  // Offer STARTTLS (RFC 3207).
  bool offer_starttls = false;
  // Refuse mail without TLS (530). A server on port 25 that is a public MX must
  // not require TLS (RFC 3207 4).
  bool require_tls = false;

  // SASL mechanisms (RFC 4954), upper case, that are offered with TLS, and, in
  // `mechanisms_without_tls`, those that are offered without TLS. A mechanism
  // that sends the password belongs only in the first list. EXTERNAL is offered
  // only to a client with a verified certificate.
  std::vector<std::string> mechanisms;
  std::vector<std::string> mechanisms_without_tls;
  // Require authentication before any mail (530).
  bool require_auth = false;
  // Announce the mechanisms a second time as "AUTH=", for old clients that
  // understand only that form.
  bool old_auth_line = false;

  // Serve XCLIENT. A client that may use XCLIENT can claim any identity: set it
  // only for sessions of your own proxies, in a separate ServerConfig.
  bool xclient = false;
  // Serve the attribute LOGIN of XCLIENT: the user that the proxy names counts
  // as authenticated. Without it, an XCLIENT that names a user gets a 501.
  bool xclient_login = true;

  // What happens to a client that sends before the greeting, and to one that
  // sends more after a command whose reply it should wait for.
  //
  // `pipelining` is decided by the input that is present when the command is
  // served. So kReject is the only setting with which the replies depend on how
  // the bytes are split.
  OutOfTurn early_talk = OutOfTurn::kNote;
  OutOfTurn pipelining = OutOfTurn::kNote;

  // The largest content in octets, CRLF counted as two, announced and enforced
  // as SIZE (RFC 1870). 0: no limit, and SIZE is announced without a number.
  uint64_t max_message_size = uint64_t{50} << 20;

  // Accepted recipients in one transaction. Further ones get a 452. RFC 5321
  // 4.5.3.1.8 requires at least 100. Announced as RCPTMAX: the server takes at
  // least that many RCPTs, because refused ones do not count. Together with
  // kMaxPath it limits the memory of an envelope.
  size_t max_recipients = 1000;

  // MAIL commands in one session. Further ones get a 452. 0: no limit.
  int max_messages = 0;

  // Octets of a command line with its CRLF. RFC 5321 4.5.3.1.4 requires 512,
  // extensions up to 2,048. It limits the driver's input buffer, see
  // InputRoom().
  size_t max_line = 4096;

  // Octets of a line in an AUTH exchange with its CRLF, at least the default
  // (RFC 4954 4). Used only if mechanisms are offered.
  size_t max_auth_line = kMaxAuthBase64 + 2;

  // Octets of replies that are held while the client does not read. It limits
  // the memory of a client that sends commands and never reads the replies.
  size_t max_output = size_t{64} << 10;

  // 5yz replies since the last accepted message (LMTP's replies to one message
  // count as one). After that many, the next command except QUIT gets a 421 and
  // the connection closes. It prevents guessing of recipients and of open
  // relays.
  int max_errors = 20;

  // RCPTs that the policy or the delivery refuses permanently (5yz) in one
  // session; accepted messages do not reset the count. After that many, the
  // next RCPT gets a 421 and the connection closes. 0: no limit. It prevents
  // guessing of recipients by a client that sends a valid message now and then.
  int max_invalid_recipients = 0;

  // Refusals that a session reports (ServerSession::TakeRefusals). Further ones
  // are only counted, except a 421, which ends the session. It prevents clients
  // from filling the log.
  int max_reported = 20;

  // AUTH exchanges in one session that end without a 235, for any reason: wrong
  // credentials, a backend that fails (454), a client that cancels or sends
  // invalid base64. After that many, the next command except QUIT gets a 421
  // and the connection closes. RFC 4954 4 requires at least 3. It prevents
  // guessing of passwords.
  int max_auth_failures = 3;

  // Octets of a refused BDAT that are read and discarded (RFC 3030 2). A larger
  // one closes the connection at once. It prevents clients from sending
  // unlimited data that is discarded.
  uint64_t max_discarded = uint64_t{100} << 20;

  // Header lines that begin with "Received" or "Delivered". A message with that
  // many is refused. RFC 5321 6.3 requires at least 100. It stops mail loops.
  int max_hops = 100;

  // RCPTs of one pipelined group that may be open questions at once. With more
  // than 1, slow decisions overlap. The replies are the same.
  size_t max_open_asks = 1;

  // What is done with a CR without LF, or a LF without CR, in a message: a
  // second message could be hidden in it. Verdict::AcceptWith() changes this
  // for one message.
  BareNewlines bare_newlines = BareNewlines::kReject;

  // What the command grammar tolerates: see Strictness for the complete list.
  Strictness strictness = Strictness::kStrict;

  // The longest wait for a command. RFC 5321 4.5.3.2.7 requires five minutes.
  absl::Duration command_timeout = absl::Minutes(5);
  // The longest wait for the next `data_block` octets of content.
  absl::Duration data_timeout = absl::Minutes(5);
  // Octets of content that make a block. It stops clients that send one byte a
  // minute.
  size_t data_block = 4096;
  // The longest silence after content that looks complete to a client which
  // ends its lines in LF, because such a client waits for a reply: see
  // ServerSession::IdleTimeout().
  absl::Duration bare_newline_timeout = absl::Seconds(10);

  // Returns kInvalidArgument with the name of the field if a value cannot be
  // used.
  absl::Status Validate() const;

  // Returns the least size of an input buffer, which is the longest line.
  size_t InputRoom() const;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SERVER_CONFIG_H_
