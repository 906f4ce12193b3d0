// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What a ServerSession is told once, by whoever runs it.

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
#include "engine/grammar/extension.h"
#include "engine/grammar/strictness.h"

namespace postern {

// What becomes of a client that speaks out of turn: RFC 5321 3.1, RFC 2920 3.1.
// It shows in ServerSession::violations() in each case.
enum class OutOfTurn : uint8_t {
  kNote,    // nothing else
  kReject,  // 554 5.5.0, and the connection closes
};

// What is announced of FUTURERELEASE, RFC 4865 4: the longest time, and the
// latest date, that a message may be held for. Holding to them is for whoever
// decides on Mail: the engine reads HOLDFOR and HOLDUNTIL, and has no clock.
struct HoldLimits {
  absl::Duration longest = absl::ZeroDuration();  // 1 to 999999999 seconds
  absl::Time latest = absl::InfinitePast();       // in the years 1970 to 9999
};

// Plain data, shared by sessions as const&. Each limit says what it stops.
struct ServerConfig {
  // Our name in the greeting and in the replies to HELO, EHLO and QUIT: a
  // domain, perhaps with words behind it (qmail's control/smtpgreeting).
  std::string greeting;

  // Whether MAIL needs a HELO or EHLO first (RFC 5321 4.1.4; both ways
  // conform). qmail-smtpd never asked for one.
  bool require_hello = true;

  // Speak LMTP (RFC 2033): LHLO, and one reply a recipient behind the content.
  bool lmtp = false;

  // The extensions that are offered are those that the operator wants (all of
  // them, unless told otherwise) and that the delivery keeps its part of
  // (Delivery::carries(); none, unless told). CHUNKING needs nothing of it.
  ExtensionSet extensions = ExtensionSet::All();
  ExtensionSet carried;

  // Verbs that the policy answers (Other), and that EHLO and HELP announce:
  // names of VerbTable() rows of Verb::kUnimplemented, such as "ETRN". They are
  // served where VRFY is. The others are 502.
  std::vector<std::string> more_verbs;

  // Announce max_recipients, and max_messages if there is one: RFC 9422.
  bool announce_limits = true;
  // Limits that FUTURERELEASE and DELIVERBY announce. The first is needed for
  // FUTURERELEASE to be offered; DELIVERBY's, RFC 2852 4, is optional, of up
  // to 999999999 seconds.
  std::optional<HoldLimits> hold_limits;
  absl::Duration least_deliver_by = absl::ZeroDuration();

  // Offer STARTTLS (RFC 3207); insist on TLS before any mail: 530. A server on
  // port 25 that is somebody's MX must not insist (RFC 3207 4).
  bool offer_starttls = false;
  bool require_tls = false;

  // SASL mechanisms (RFC 4954), upper case, that are offered under TLS, and
  // without: what shows a password to whoever listens belongs in the first
  // alone. EXTERNAL is offered only to a client with a verified certificate.
  std::vector<std::string> mechanisms;
  std::vector<std::string> mechanisms_in_clear;
  // Insist on authentication before any mail: 530.
  bool require_auth = false;
  // Announce them a second time as "AUTH=", which is all that some clients of
  // the last century know.
  bool old_auth_line = false;

  // Serve XCLIENT: whoever may use it can be any client it likes. For the
  // sessions of one's own proxies, with a ServerConfig of their own.
  bool xclient = false;

  // A client that speaks before it is greeted, and one that sends more behind
  // a command whose reply it should wait for.
  //
  // What `pipelining` sees is what is in hand when the command is served. So
  // kReject is the one setting that lets the cut of the bytes matter.
  OutOfTurn early_talk = OutOfTurn::kNote;
  OutOfTurn pipelining = OutOfTurn::kNote;

  // Octets of content, CRLF counted as two: announced and enforced as SIZE
  // (RFC 1870). 0: no limit, and SIZE is announced without a number.
  uint64_t max_message_size = uint64_t{50} << 20;

  // Recipients of a transaction; 452 beyond. RFC 5321 4.5.3.1.8 asks for 100.
  // Announced as RCPTMAX: so many RCPTs are taken at least, since those that
  // were refused do not count.
  // With kMaxPath it bounds the memory of an envelope.
  size_t max_recipients = 1000;

  // MAIL commands of a session; 452 beyond. 0: no limit.
  int max_messages = 0;

  // Octets of a command line with its CRLF. RFC 5321 4.5.3.1.4 asks for 512
  // and the extensions for up to 2,048. It bounds the driver's input buffer,
  // see InputRoom().
  size_t max_line = 4096;

  // Octets of a line in an AUTH exchange with its CRLF: RFC 4954 4 asks for
  // 12,288. Used only where mechanisms are offered.
  size_t max_auth_line = 12288 + 2;

  // Octets of replies held while the client does not read. It bounds what a
  // client gains by sending commands and never reading.
  size_t max_output = size_t{64} << 10;

  // 5yz replies a client may draw without a message accepted in between (LMTP's
  // replies to one message count as one); the next command draws 421 and the
  // connection closes. It stops guessing of recipients and of relays.
  int max_errors = 20;

  // Refusals of its own that a session reports (ServerSession::TakeRefusals);
  // the others are counted only. A reply of 421, which ends the session, is
  // reported beyond it. It stops clients from filling the log.
  int max_reported = 20;

  // Exchanges of AUTH in a session that end without a 235, for whatever reason:
  // wrong credentials, a backend that fails (454), a client that cancels or
  // sends no base64. The next command draws a 421 and the connection closes.
  // RFC 4954 4 asks for 3 at least. It stops guessing of passwords.
  int max_auth_failures = 3;

  // Octets of a refused BDAT that are read and thrown away (RFC 3030 2). A
  // longer one closes the connection at once. It stops clients from feeding us
  // what nobody wants.
  uint64_t max_discarded = uint64_t{100} << 20;

  // Received and Delivered header lines: RFC 5321 6.3 asks for 100 at least.
  // A message with so many is refused. It stops loops.
  int max_hops = 100;

  // RCPTs of one pipelined group that may be asked at once. More than 1 lets
  // slow decisions overlap; replies are the same.
  size_t max_open_asks = 1;

  BareNewlines bare_newlines = BareNewlines::kReject;

  // What the grammar of commands lets pass: see Strictness for the whole list.
  Strictness strictness = Strictness::kStrict;

  // Longest wait for a command, and for the next block of content: RFC 5321
  // 4.5.3.2.7 asks for five minutes.
  absl::Duration command_timeout = absl::Minutes(5);
  absl::Duration data_timeout = absl::Minutes(5);
  // Octets of content that make such a block. It stops clients that send a
  // byte a minute.
  size_t data_block = 4096;
  // Longest silence after content that looks complete to a client which ends
  // its lines in LF: see ServerSession::IdleTimeout(). Such a client waits for
  // its reply.
  absl::Duration bare_end_timeout = absl::Seconds(10);

  // Returns kInvalidArgument with the field's name if a value cannot be used.
  absl::Status Validate() const;

  // Returns the least size of an input buffer: the longest line.
  size_t InputRoom() const;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_SERVER_CONFIG_H_
