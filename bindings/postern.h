/* Copyright 2026 The postern authors.
   SPDX-License-Identifier: Apache-2.0 */

/* The server's side of SMTP (RFC 5321) and LMTP (RFC 2033), without I/O.

   The program does the I/O: it passes the octets that it has received to
   postern_session_advance() and acts on the step that comes back. There are no
   callbacks, so the program may use any event loop, any threads, and any
   language that can call C. In the tables below, "in" is what has arrived and
   has not been consumed. A short session:

     in                       step                        output then is
     ""                       ASK CONNECTED   accept      220 mx ESMTP
     ""                       NEED_INPUT
     "EHLO c\r\nMAIL FROM..." ASK HELLO       accept      250-mx ... 250 ...
     "MAIL FROM:<s@x>\r\n..." ASK MAIL        accept      250 2.1.0 ok
     "RCPT TO:<u@d>\r\n..."   ASK RCPT        accept      250 2.1.5 ok
     "RCPT TO:<r@e>\r\nDA..." ASK RCPT        refuse      550 5.7.1 not here
     "DATA\r\n"               ASK BODY_BEGIN  accept      354 go ahead
     ""                       NEED_INPUT
     "hi\r\n.\r\nQUIT\r\n"    BODY {"hi\r\n"}
     ".\r\nQUIT\r\n"          ASK BODY_END    accept      250 2.0.0 ok
     "QUIT\r\n"               CLOSED QUIT                 221 2.0.0 mx

   STARTTLS (RFC 3207), then AUTH (RFC 4954). A step marked `-` repeats until
   the program has done what it asks for:

     "STARTTLS\r\n"           ASK START_TLS   accept      220 2.0.0 ready
     ""                       - START_TLS     write the output, shake hands,
                                              postern_session_tls_started()
     "EHLO c\r\n"             ASK HELLO       accept      250-mx ... 250 AUTH...
     "AUTH PLAIN\r\n"         ASK AUTH_BEGIN  challenge   334
     "AHUAcA==\r\n"           ASK AUTH_RESPONSE  grant    235 2.7.0 ok

   The program accepts what it is asked about, so the program decides who may
   relay: a server that accepts each RCPT is an open relay. A program that
   accepts BODY_END promises to deliver the message (RFC 5321 6.1).

   A minimal loop for one connection, with blocking descriptors and without
   timeouts. examples/c_server.c is a complete server with poll(2):

     for (;;) {
       const postern_step* step = postern_session_advance(session, in);
       switch (step->kind) {
         case POSTERN_STEP_ASK:
           verdict = decide(step->ask);
           postern_session_complete(session, postern_ask_id(step->ask),
                                    &verdict, NULL);
           break;
         case POSTERN_STEP_BODY:
           for (size_t i = 0; i < step->body_count; ++i) store(step->body[i]);
           break;
         case POSTERN_STEP_ABORTED:
           forget_the_message();
           break;
         case POSTERN_STEP_NEED_INPUT:
         case POSTERN_STEP_NEED_FLUSH:
         case POSTERN_STEP_CLOSED: ...
       }
       drop_from_input(step->consumed);
       if (needs_output(step->kind)) write_all_output(session);
       if (step->kind == POSTERN_STEP_NEED_INPUT) read_more_input();
       if (step->kind == POSTERN_STEP_CLOSED) break;
     }

   This header is C11 and C++. The library is libpostern.so.0, which needs only
   Abseil and the C++ library. It starts no threads, and reads no clock, file
   or environment variable.

   Threads: a postern_server may be used by several threads at the same time.
   All other objects may be used by one thread at a time. Different sessions are
   independent of each other.

   Lifetimes: the caller frees what a function with "new" or "copy" in its name
   returns. Free functions accept NULL. Octets and structures that a function of
   a session returns belong to the session. They are valid until the next call
   with that session that may change it (its parameter is not const), unless the
   function says something else. The library copies what it is given, except
   the input of postern_session_advance().

   Errors: what a client does wrong never is an error here. It leads to a reply,
   and in some cases to POSTERN_STEP_CLOSED. A function that can fail returns a
   postern_status and takes an optional postern_error, and changes nothing if it
   fails. It returns POSTERN_INVALID_ARGUMENT if a pointer is NULL that must not
   be. All other functions cannot fail. If one of their pointers is NULL, they
   print the name of the function and call abort(). If there is no memory, all
   functions end the process with abort(): no C++ exception leaves the library.

   Compatibility: a program that was linked with version 0.N of the library
   works with each later version 0.M. Symbols have the version with which they
   came (POSTERN_0.1). Structures that the caller fills begin with their size,
   and may get more members at their end. Structures that the library fills may
   get more members, too: a function that writes one takes its size. Enums may
   get more values. An older library refuses a member that it does not know if
   it has a value. postern_bytes, postern_path and postern_reply do not change.

   Not in this interface: the client's side, the C++ interfaces Policy and
   Delivery with their drivers, and passing a session to another process
   (SessionHandoff). They are in libpostern.a. */

#ifndef POSTERN_H_
#define POSTERN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "postern_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the version of the library, such as "0.1.0": valid forever. */
const char* postern_version(void);

/* Returns the octets of `text` without its NUL. NULL: none. */
static inline postern_bytes postern_text(const char* text) {
  postern_bytes bytes;
  bytes.data = text != NULL ? text : "";
  bytes.size = strlen(bytes.data);
  return bytes;
}

/* ---- Values ------------------------------------------------------------ */

/* A mailbox address of MAIL or RCPT without its source route (RFC 5321
   4.1.2). */
typedef struct postern_path {
  /* Unquoted, with its case preserved (RFC 5321 2.4). Empty for <>. */
  postern_bytes local_part;
  /* Empty for <>, <postmaster> and local names. Compare it without regard to
     case (RFC 5321 2.4). */
  postern_bytes domain;
} postern_path;

/* A reply, RFC 5321 4.2. */
typedef struct postern_reply {
  int code; /* 200 to 599; 0: none */
  /* The enhanced status code, RFC 3463: {5, 7, 1}. {0, 0, 0}: none. One that
     contradicts the code is left out (RFC 2034 4). */
  int enhanced[3];
  /* '\n' separates the lines of a multi-line reply. Octets other than printable
     ASCII and HT become '?', and each line is cut at 512 octets (RFC 5321
     4.5.3.1.5). */
  postern_bytes text;
} postern_reply;

/* The ESMTP extensions that a server may offer in addition to PIPELINING, SIZE,
   8BITMIME and ENHANCEDSTATUSCODES. Each is a promise about every message that
   is accepted with it. */
typedef enum postern_extension POSTERN_INT {
  POSTERN_CHUNKING = 1 << 0,      /* RFC 3030: content that is not lines */
  POSTERN_BINARYMIME = 1 << 1,    /* RFC 3030 3: any octets; needs CHUNKING */
  POSTERN_SMTPUTF8 = 1 << 2,      /* RFC 6531: UTF-8 in addresses and fields */
  POSTERN_DSN = 1 << 3,           /* RFC 3461: RET, ENVID, NOTIFY, ORCPT */
  POSTERN_REQUIRETLS = 1 << 4,    /* RFC 8689: only verified TLS from here */
  POSTERN_MT_PRIORITY = 1 << 5,   /* RFC 6710 */
  POSTERN_DELIVERBY = 1 << 6,     /* RFC 2852 */
  POSTERN_FUTURERELEASE = 1 << 7, /* RFC 4865; needs hold_longest_s */
  POSTERN_RRVS = 1 << 8           /* RFC 7293 */
} postern_extension;

/* How bare newlines (CR without LF, LF without CR) in a message are handled.
   They are never the end of a message, so that none can be smuggled. */
typedef enum postern_bare_newlines POSTERN_INT {
  POSTERN_BARE_NEWLINES_DEFAULT = 0, /* as the postern_server_config says */
  POSTERN_BARE_NEWLINES_REJECT,      /* the message gets a 554 */
  POSTERN_BARE_NEWLINES_NORMALIZE    /* each becomes CRLF */
} postern_bare_newlines;

/* What happens when a client sends something out of turn: before the greeting
   (RFC 5321 3.1), or after a command whose reply it must wait for (RFC 2920
   3.1). */
typedef enum postern_out_of_turn POSTERN_INT {
  POSTERN_OUT_OF_TURN_NOTE = 0, /* only postern_session_has_...() shows it */
  POSTERN_OUT_OF_TURN_REJECT    /* 554 5.5.0, and the connection closes */
} postern_out_of_turn;

/* ---- The server -------------------------------------------------------- */

/* The configuration of sessions. Initialize it with
   postern_server_config_init(), which gives each member the value in brackets,
   and set greeting. Lists of strings have a NULL at their end; NULL is an empty
   list. ServerConfig (engine/server_config.h) explains what each limit
   prevents. */
typedef struct postern_server_config {
  size_t struct_size; /* its size, for later versions with more members */

  /* The server's name in the greeting and in the replies to HELO, EHLO and
     QUIT: a domain, optionally followed by words. */
  const char* greeting;
  bool require_hello; /* MAIL needs a HELO or EHLO first [true] */
  bool lmtp; /* RFC 2033: LHLO, and a reply for each recipient [false] */

  /* A sum of postern_extension: what the server offers [POSTERN_CHUNKING]. */
  uint32_t extensions;
  /* Verbs that the program answers (POSTERN_ASK_OTHER) and that EHLO and HELP
     announce: registered verbs that the engine does not serve, such as
     "ETRN". */
  const char* const* more_verbs;
  bool announce_limits; /* LIMITS, RFC 9422 [true] */
  /* FUTURERELEASE: `hold_longest_s` is the longest time for which a message may
     be held, in seconds, and `hold_latest_s` the latest date, in seconds since
     1970. Both are 0: not offered. */
  int64_t hold_longest_s;
  int64_t hold_latest_s;
  int64_t min_deliver_by_s; /* DELIVERBY's limit, RFC 2852 4. 0: none [0] */

  bool offer_starttls; /* RFC 3207 [false] */
  bool require_tls;    /* 530 for mail without TLS [false] */
  /* SASL mechanisms, upper case, that are offered with TLS, and, in
     `mechanisms_without_tls`, those that are offered without. A mechanism that
     sends the password belongs only in the first list. */
  const char* const* mechanisms;
  const char* const* mechanisms_without_tls;
  bool require_auth;  /* 530 for mail without AUTH [false] */
  bool old_auth_line; /* also "AUTH=" in EHLO, for old clients [false] */

  /* Serve XCLIENT of Postfix, and its attribute LOGIN. A client that may use
     XCLIENT can claim any identity: only for sessions of your own proxies. */
  bool xclient;       /* [false] */
  bool xclient_login; /* [true] */

  postern_out_of_turn early_talk; /* [NOTE] */
  /* With REJECT the replies depend on how the input is split. [NOTE] */
  postern_out_of_turn pipelining;

  /* Octets of content, announced as SIZE (RFC 1870). 0: no limit [50 MiB] */
  uint64_t max_message_size;
  /* Accepted recipients of a message; further ones get a 452 [1000] */
  size_t max_recipients;
  int max_messages;     /* MAIL commands in a session. 0: no limit [0] */
  size_t max_line;      /* octets of a command line with its CRLF [4096] */
  size_t max_auth_line; /* of a line in an AUTH exchange [12290] */
  size_t max_output; /* octets of replies that are not written yet [64 KiB] */
  int max_errors;    /* 5yz replies since the last accepted message [20] */
  /* RCPTs that are refused permanently in a session. 0: no limit [0] */
  int max_invalid_recipients;
  int max_reported;       /* refusals of postern_session_next_refusal() [20] */
  int max_auth_failures;  /* AUTH exchanges without a 235 in a session [3] */
  uint64_t max_discarded; /* octets of a refused BDAT that are read [100 MiB] */
  int max_hops;           /* Received and Delivered fields of a message [100] */
  /* RCPTs of one group that may be open questions at once [1] */
  size_t max_open_asks;

  postern_bare_newlines bare_newlines; /* DEFAULT is REJECT [REJECT] */
  /* Accept a command line that ends in LF, HELO without a name, and DSN's
     parameters where DSN is not offered, for printers and old scripts. Such a
     client must not relay for others. [false] */
  bool lenient;

  /* The longest wait for a command, in milliseconds: see
     postern_session_read_timeout_ms() [five minutes] */
  int64_t command_timeout_ms;
  /* The longest wait for the next data_block octets of content [five
     minutes] */
  int64_t data_timeout_ms;
  /* The longest silence after content that looks complete to a client which
     ends its lines in LF: see postern_session_idle_timeout_ms() [ten
     seconds] */
  int64_t bare_newline_timeout_ms;
  size_t data_block; /* octets of content that make a block [4096] */
} postern_server_config;

/* Initializes `config`, whose size is `struct_size`:

     postern_server_config config;
     postern_server_config_init(&config, sizeof(config)); */
void postern_server_config_init(postern_server_config* config,
                                size_t struct_size);

/* A valid configuration, which does not change. */
typedef struct postern_server postern_server;

/* Copies and checks `config`. POSTERN_INVALID_ARGUMENT: a member cannot be
   used; the message names it. */
postern_status postern_server_new(const postern_server_config* config,
                                  postern_server** server,
                                  postern_error* error);

/* Frees the server. Its sessions may still be in use. */
void postern_server_free(postern_server* server);

/* Returns the least size of the buffer of input of a session: the longest line.
   If a step is NEED_INPUT, the input that was not consumed is shorter. */
size_t postern_server_input_room(const postern_server* server);

/* ---- Questions --------------------------------------------------------- */

/* A question that only the program can answer. It belongs to its session, and
   is valid, with all that the functions below return, as long as it is open. A
   question is not open any more when it is answered, or when a call closes the
   session or frees it: postern_session_timed_out(),
   postern_session_talked_early() with POSTERN_OUT_OF_TURN_REJECT, or the answer
   to another question, such as POSTERN_DROP. postern_session_advance() closes
   no session that has an open question; its step CLOSED comes after that call.
   postern_ask_copy() makes a question that lasts. */
typedef struct postern_ask postern_ask;

/* What a session asks. */
typedef enum postern_ask_kind POSTERN_INT {
  /* A client has connected: accept, which greets it, or refuse with a 554,
     after which only QUIT is served (RFC 5321 3.1). After XCLIENT the question
     comes again, see postern_ask_xclient(). */
  POSTERN_ASK_CONNECTED = 0,
  POSTERN_ASK_HELLO,     /* HELO, EHLO, LHLO */
  POSTERN_ASK_START_TLS, /* refuse with a 454 if TLS is not available now */
  /* Answer these two with postern_session_auth_challenge() or
     postern_session_auth_granted(), or refuse: 535 5.7.8 for wrong credentials,
     454 4.7.0 for an outage (RFC 4954 4, 6). */
  POSTERN_ASK_AUTH_BEGIN,
  POSTERN_ASK_AUTH_RESPONSE,
  POSTERN_ASK_MAIL, /* the sender */
  POSTERN_ASK_RCPT, /* the decision about relaying */
  /* DATA, or the first BDAT of a message. If accepted, BODY steps follow, and
     in the end either BODY_END or a step ABORTED. */
  POSTERN_ASK_BODY_BEGIN,
  /* The message is complete. Accept only if it is durable (RFC 5321 6.1). Under
     LMTP: postern_session_complete_each(). */
  POSTERN_ASK_BODY_END,
  POSTERN_ASK_VERIFY, /* VRFY. Accepting without a reply sends a 252 */
  POSTERN_ASK_OTHER   /* a verb of more_verbs */
} postern_ask_kind;

/* How the client has greeted. POSTERN_LHLO: LMTP (RFC 2033 4.1). */
typedef enum postern_hello POSTERN_INT {
  POSTERN_HELO = 0,
  POSTERN_EHLO,
  POSTERN_LHLO
} postern_hello;

/* Returns what is asked. */
postern_ask_kind postern_ask_get_kind(const postern_ask* ask);
/* Returns the number of the question, which is never used again in its
   session. */
uint64_t postern_ask_id(const postern_ask* ask);

/* Each function below names the kinds that it is for. For other kinds it
   returns 0, false or something empty. What they return is valid as long as the
   question. */

/* MAIL, RCPT, BODY_BEGIN: the number of the message, which counts the MAIL
   commands of the session, from 1. */
int postern_ask_message(const postern_ask* ask);
/* MAIL, RCPT, BODY_BEGIN: the sender, with an empty local part for <>. */
postern_path postern_ask_from(const postern_ask* ask);
/* RCPT: the recipient. BODY_BEGIN: the recipient, if there is only one. */
postern_path postern_ask_to(const postern_ask* ask);
/* RCPT: how many RCPTs of this message were asked before. */
size_t postern_ask_index(const postern_ask* ask);
/* BODY_BEGIN: how many recipients were accepted. */
size_t postern_ask_recipient_count(const postern_ask* ask);
/* MAIL, RCPT, BODY_BEGIN: the size that the client has declared with SIZE (RFC
   1870); false if it did not. BODY_END: the octets of the content. */
bool postern_ask_size(const postern_ask* ask, uint64_t* size);
/* HELLO: which verb. */
postern_hello postern_ask_hello(const postern_ask* ask);
/* OTHER: the verb, upper case. */
postern_bytes postern_ask_verb(const postern_ask* ask);
/* HELLO: the client's name as sent. VERIFY, OTHER: the argument as sent. */
postern_bytes postern_ask_argument(const postern_ask* ask);
/* VERIFY: whether the reply may contain UTF-8 (RFC 6531 3.7.4.2). MAIL: the
   parameter SMTPUTF8 (RFC 6531 3.4). */
bool postern_ask_smtp_utf8(const postern_ask* ask);
/* AUTH_BEGIN: the SASL mechanism, upper case, one that was offered. */
postern_bytes postern_ask_mechanism(const postern_ask* ask);
/* AUTH_BEGIN: the initial response; false if there is none. AUTH_RESPONSE: the
   response. Raw octets: the engine does the base64. The session overwrites them
   with zeros when the question is answered. */
bool postern_ask_response(const postern_ask* ask, postern_bytes* response);

/* BODY, RFC 6152. */
typedef enum postern_body_type POSTERN_INT {
  POSTERN_BODY_NONE = 0, /* the client did not give it */
  POSTERN_BODY_7BIT,
  POSTERN_BODY_8BITMIME,  /* RFC 6152 */
  POSTERN_BODY_BINARYMIME /* RFC 3030 3 */
} postern_body_type;

/* RET, RFC 3461 4.3: what a failure notification returns. NONE: not given. */
typedef enum postern_ret POSTERN_INT {
  POSTERN_RET_NONE = 0,
  POSTERN_RET_FULL,
  POSTERN_RET_HDRS
} postern_ret;

/* BY, RFC 2852 4: after that time notify the sender, or return the message.
   NONE: not given. */
typedef enum postern_by POSTERN_INT {
  POSTERN_BY_NONE = 0,
  POSTERN_BY_NOTIFY,
  POSTERN_BY_RETURN
} postern_by;

/* HOLDFOR and HOLDUNTIL, RFC 4865 3. NONE: not given. */
typedef enum postern_hold POSTERN_INT {
  POSTERN_HOLD_NONE = 0,
  POSTERN_HOLD_FOR,  /* hold_s is a number of seconds */
  POSTERN_HOLD_UNTIL /* hold_s is a time, in seconds since 1970, plus hold_ns */
} postern_hold;

/* The parameters of MAIL. A parameter that the client did not give has a
   `has_...` that is false, or is empty or NONE. */
typedef struct postern_mail_parameters {
  bool has_size;          /* the client gave SIZE */
  uint64_t size;          /* SIZE, RFC 1870 3, in octets; 0 without has_size */
  postern_body_type body; /* RFC 6152 */
  bool smtp_utf8;         /* RFC 6531 3.4 */
  postern_ret ret;        /* RFC 3461 4.3 */
  postern_bytes envid;    /* ENVID, RFC 3461 4.4, decoded; empty: none */
  bool has_auth;          /* the client gave AUTH */
  /* AUTH, RFC 4954 5: the user that submitted the message, according to the
     client. Empty: <>, or not given. */
  postern_path auth;
  bool require_tls;  /* RFC 8689 2 */
  bool has_priority; /* the client gave MT-PRIORITY */
  int priority;      /* MT-PRIORITY, RFC 6710 5: -9 to 9 */
  postern_by by;     /* RFC 2852 4 */
  int by_seconds;    /* -999999999 to 999999999; negative: already late */
  bool by_trace;     /* notify the sender of each relay */
  postern_hold hold; /* RFC 4865 3 */
  int64_t hold_s;    /* as `hold` says */
  int32_t hold_ns;   /* nanoseconds */
} postern_mail_parameters;

/* RRVS, RFC 7293 3: what a server does that cannot check whether the owner of
   the mailbox has changed. NONE: not given. */
typedef enum postern_rrvs POSTERN_INT {
  POSTERN_RRVS_NONE = 0,
  POSTERN_RRVS_REJECT,
  POSTERN_RRVS_CONTINUE
} postern_rrvs;

/* The parameters of RCPT. */
typedef struct postern_rcpt_parameters {
  /* The client gave NOTIFY, RFC 3461 4.1. All three false: NEVER. */
  bool has_notify;
  bool notify_success; /* notify the sender when the message is delivered */
  bool notify_failure; /* if it cannot be delivered */
  bool notify_delay;   /* if it is late */
  bool has_orcpt;      /* ORCPT, RFC 3461 4.2 */
  postern_bytes orcpt_type;    /* such as "rfc822" */
  postern_bytes orcpt_address; /* decoded; its syntax is not checked */
  postern_rrvs rrvs;           /* RFC 7293 3 */
  int64_t rrvs_since_s;        /* seconds since 1970, plus rrvs_since_ns */
  int32_t rrvs_since_ns;       /* nanoseconds */
} postern_rcpt_parameters;

/* Write the parameters of a MAIL, or of a RCPT, to a structure whose size is
   `struct_size`: postern_ask_mail_parameters(ask, &to, sizeof(to)). */
void postern_ask_mail_parameters(const postern_ask* ask,
                                 postern_mail_parameters* to,
                                 size_t struct_size);
void postern_ask_rcpt_parameters(const postern_ask* ask,
                                 postern_rcpt_parameters* to,
                                 size_t struct_size);

/* Whether an attribute of XCLIENT was sent, and has a value. */
typedef enum postern_xclient_value POSTERN_INT {
  POSTERN_XCLIENT_ABSENT = 0,  /* not sent: what is known stays valid */
  POSTERN_XCLIENT_KNOWN,       /* has a value */
  POSTERN_XCLIENT_UNAVAILABLE, /* [UNAVAILABLE]: there is none */
  POSTERN_XCLIENT_TEMPORARY    /* [TEMPUNAVAIL]: the look-up failed */
} postern_xclient_value;

/* The client, according to a proxy. Before each attribute is whether it has a
   value. Attributes without a value are empty, or 0. Text is printable ASCII,
   and its syntax is not checked. Addresses are as "192.0.2.1" and
   "2001:db8::1", with a NUL at their end. */
typedef struct postern_xclient {
  postern_xclient_value name_value;     /* NAME */
  postern_bytes name;                   /* the client's host name in the DNS */
  postern_xclient_value helo_value;     /* HELO */
  postern_bytes helo;                   /* the argument of HELO or EHLO */
  postern_xclient_value login_value;    /* LOGIN: the user */
  postern_bytes login;                  /* as LOGIN names the user */
  postern_xclient_value address_value;  /* ADDR */
  char address[48];                     /* the client's IP address */
  postern_xclient_value port_value;     /* PORT */
  uint16_t port;                        /* the client's port */
  postern_xclient_value protocol_value; /* PROTO */
  bool esmtp; /* the client greeted the proxy with EHLO */
  postern_xclient_value destination_address_value; /* DESTADDR */
  char destination_address[48]; /* the address to which the client connected */
  postern_xclient_value destination_port_value; /* DESTPORT */
  uint16_t destination_port; /* the port to which the client connected */
} postern_xclient;

/* CONNECTED: writes what a proxy says of the client; false if there is none. */
bool postern_ask_xclient(const postern_ask* ask, postern_xclient* to,
                         size_t struct_size);

/* Copies a question, for a decision that takes time. */
postern_ask* postern_ask_copy(const postern_ask* ask);
/* Frees a copy, and overwrites a password in it. */
void postern_ask_free(postern_ask* copy);

/* ---- Answers ----------------------------------------------------------- */

/* Whether to proceed. */
typedef enum postern_verdict_kind POSTERN_INT {
  POSTERN_ACCEPT = 0, /* proceed */
  POSTERN_REFUSE,     /* refuse; the session continues */
  POSTERN_DROP        /* refuse, and close the connection */
} postern_verdict_kind;

/* The answer to a question. The functions below make the common ones. */
typedef struct postern_verdict {
  size_t struct_size; /* its size, for later versions with more members */
  postern_verdict_kind kind; /* whether to proceed */
  /* REFUSE and DROP need a 4yz or 5yz, but not 421. ACCEPT may have a 2yz, and
     220 for CONNECTED, but not for HELLO, START_TLS and BODY_BEGIN. A code of 0
     is the engine's usual reply. */
  postern_reply reply;
  /* MAIL, RCPT: accept with `path` in the envelope instead of the one that the
     client sent. */
  bool has_path;
  postern_path path; /* not used without has_path */
  /* BODY_BEGIN: accept, and handle bare newlines in this message so. */
  postern_bare_newlines bare_newlines;
  int reserved; /* 0: the place of a later member */
} postern_verdict;

/* Returns a verdict that accepts with the engine's usual reply. */
static inline postern_verdict postern_accept(void) {
  postern_verdict verdict;
  memset(&verdict, 0, sizeof(verdict));
  verdict.struct_size = sizeof(verdict);
  return verdict;
}

/* Returns a verdict that refuses. The enhanced status code has the first digit
   of `code`, so postern_refuse(550, 7, 1, "not here") is "550 5.7.1 not here".
   `text` must stay valid while the verdict is used. */
static inline postern_verdict postern_refuse(int code, int subject, int detail,
                                             const char* text) {
  postern_verdict verdict = postern_accept();
  verdict.kind = POSTERN_REFUSE;
  verdict.reply.code = code;
  verdict.reply.enhanced[0] = code / 100;
  verdict.reply.enhanced[1] = subject;
  verdict.reply.enhanced[2] = detail;
  verdict.reply.text = postern_text(text);
  return verdict;
}

/* ---- The session ------------------------------------------------------- */

/* One SMTP or LMTP connection. */
typedef struct postern_session postern_session;

/* What the program does next. */
typedef enum postern_step_kind POSTERN_INT {
  /* Write the output, then read more. Unconsumed octets stay in front. */
  POSTERN_STEP_NEED_INPUT = 0,
  POSTERN_STEP_NEED_FLUSH, /* write some output first: it is at max_output */
  /* Write the output, then wait: nothing can run before a question that is open
     has its answer. */
  POSTERN_STEP_WAITING,
  POSTERN_STEP_ASK,  /* answer `ask`, now or later */
  POSTERN_STEP_BODY, /* content of a message in `body`, without dot-stuffing */
  /* Discard the envelope and the content, and the AUTH exchange if there is
     one. */
  POSTERN_STEP_ABORTED,
  /* Write the output, do the TLS handshake, call postern_session_tls_started().
     Octets that have arrived before the handshake are plaintext: pass them to
     postern_session_advance(), which then closes the session (RFC 3207 4.2). */
  POSTERN_STEP_START_TLS,
  POSTERN_STEP_CLOSED /* write the output, then close; `reason` says why */
} postern_step_kind;

/* Why a session has ended. */
typedef enum postern_close_reason POSTERN_INT {
  POSTERN_CLOSE_QUIT = 0,  /* QUIT was answered */
  POSTERN_CLOSE_PEER_GONE, /* the end of the input */
  POSTERN_CLOSE_TIMEOUT,   /* postern_session_timed_out() */
  POSTERN_CLOSE_REFUSED,   /* POSTERN_DROP */
  POSTERN_CLOSE_ABUSE,     /* too many errors, a browser, and so on */
  POSTERN_CLOSE_SHUTDOWN   /* postern_session_shutdown() */
} postern_close_reason;

/* What the session has done, and what the program does next. */
typedef struct postern_step {
  postern_step_kind kind; /* what the program does next */
  size_t consumed; /* drop these octets of the input after acting on the step */
  const postern_ask* ask; /* ASK: valid while it is open; otherwise NULL */
  /* BODY: pieces of the input, or of the session. Valid until the next call
     with the session that may change it, and only as long as the input. */
  const postern_bytes* body;
  size_t body_count; /* the number of pieces */
  /* ABORTED because of the content (a bare newline, hops, the size): the reply
     that the message gets, as far as it is known. Otherwise NULL. */
  const postern_reply* refusal;
  postern_close_reason reason; /* CLOSED */
  /* The first octets of the consumed ones that may contain a password:
     overwrite them. `body` is after them. */
  size_t secret;
} postern_step;

/* Makes a session for a client that has just connected. */
postern_session* postern_session_new(const postern_server* server);
void postern_session_free(postern_session* session);

/* Runs the protocol over `in` up to the next thing on which the program must
   act. `in` begins with the first octet that is not consumed, and may grow
   between calls. Costs O(octets that are new), however the input is split. To
   slow a client down, do not call it. The result is never NULL. It is valid
   until the next call of this function with the session. */
const postern_step* postern_session_advance(postern_session* session,
                                            postern_bytes in);

/* Answer an open question. Answers may come in any order; replies follow the
   order of the commands. POSTERN_NOT_FOUND: the question is not open any more;
   forget the answer. POSTERN_FAILED_PRECONDITION: this kind of answer does not
   fit the question. POSTERN_INVALID_ARGUMENT: the code of the reply does not
   fit, or a value is out of its range. */
postern_status postern_session_complete(postern_session* session, uint64_t id,
                                        const postern_verdict* verdict,
                                        postern_error* error);
/* BODY_END under LMTP: `count` verdicts, one for each recipient of the
   envelope, in its order. All have the same struct_size. */
postern_status postern_session_complete_each(postern_session* session,
                                             uint64_t id,
                                             const postern_verdict* verdicts,
                                             size_t count,
                                             postern_error* error);
/* AUTH_BEGIN, AUTH_RESPONSE: sends a challenge, at most 9,216 octets (RFC 4954
   4). The next question is AUTH_RESPONSE, unless the client cancels. */
postern_status postern_session_auth_challenge(postern_session* session,
                                              uint64_t id,
                                              postern_bytes challenge,
                                              postern_error* error);
/* AUTH_BEGIN, AUTH_RESPONSE: the client is `identity`, which is not empty. */
postern_status postern_session_auth_granted(postern_session* session,
                                            uint64_t id, postern_bytes identity,
                                            postern_error* error);

/* Returns octets for the client. Partial writes are allowed. */
postern_bytes postern_session_output(const postern_session* session);
/* Reports that the first `size` octets of the output are written. More than
   there are counts as all. */
void postern_session_output_written(postern_session* session, size_t size);

/* The client sends nothing more. The session still serves what it has received;
   when it would need input, CLOSED follows. */
void postern_session_end_of_input(postern_session* session);
/* The client exceeded a timeout. Drops the transaction and the open questions,
   which are not valid any more, replies 421, except where RFC 5321 or RFC 3207
   let the client expect something else, and closes. */
void postern_session_timed_out(postern_session* session);
/* The server shuts down. As soon as no answer is due and no content is in
   progress, the session replies 421 and closes (RFC 5321 3.8). */
void postern_session_shutdown(postern_session* session);

/* The negotiated TLS parameters. */
typedef struct postern_tls_info {
  size_t struct_size;     /* its size, for later versions with more members */
  postern_bytes protocol; /* "TLSv1.3" */
  postern_bytes cipher;   /* "TLS_AES_256_GCM_SHA384" */
  postern_bytes peer_subject; /* of a verified client certificate, else empty */
} postern_tls_info;

/* TLS has started: after the step START_TLS, or before the first
   postern_session_advance() if the connection begins with TLS (RFC 8314 3.3).
   `info` may be NULL. The session forgets what the client has said (RFC 3207
   4.2), but keeps its counts of errors. POSTERN_INVALID_ARGUMENT: struct_size
   is not set. POSTERN_FAILED_PRECONDITION: neither of both moments. */
postern_status postern_session_tls_started(postern_session* session,
                                           const postern_tls_info* info,
                                           postern_error* error);
/* The client has sent something before its greeting (RFC 5321 3.1). Call it
   before the first postern_session_advance(), or while CONNECTED is open; later
   it does nothing. With POSTERN_OUT_OF_TURN_REJECT it replies 554, drops the
   question CONNECTED, which is not valid any more, and closes. */
void postern_session_talked_early(postern_session* session);
/* Outside a transaction and without an open question, frees the memory that is
   kept for reuse: for a session that may wait for a long time. */
void postern_session_release_idle_memory(postern_session* session);

/* Returns how long the client may take for its next command or block of content
   (RFC 5321 4.5.3.2), in milliseconds. Restart the timer whenever
   postern_session_progress() has changed, and only then, so that a client
   cannot extend it with single octets. */
int64_t postern_session_read_timeout_ms(const postern_session* session);
/* Returns how long the program may wait for the next octet, counted from the
   last one, in milliseconds. -1: only the read timeout applies. */
int64_t postern_session_idle_timeout_ms(const postern_session* session);
/* Counts commands, blocks of content and answers. */
uint64_t postern_session_progress(const postern_session* session);

/* ---- What a session knows ---------------------------------------------- */

/* The envelope of the current transaction (RFC 5321 3.3): empty outside of one.
   It does not change between BODY_BEGIN and the answer to BODY_END. Returns the
   number of the message, as postern_ask_message(); 0 outside a transaction. */
int postern_session_message(const postern_session* session);
postern_path postern_session_from(const postern_session* session);
void postern_session_mail_parameters(const postern_session* session,
                                     postern_mail_parameters* to,
                                     size_t struct_size);
/* The accepted recipients, in order. For an index that is too large, `path` is
   empty and no parameter is set. */
size_t postern_session_recipient_count(const postern_session* session);
postern_path postern_session_recipient(const postern_session* session,
                                       size_t index);
void postern_session_rcpt_parameters(const postern_session* session,
                                     size_t index, postern_rcpt_parameters* to,
                                     size_t struct_size);

/* Returns the open question `id`. NULL: it is answered, or an answer would be
   too late. */
const postern_ask* postern_session_open_ask(const postern_session* session,
                                            uint64_t id);
/* Returns the number of the message whose content is in progress, or 0. */
uint64_t postern_session_content(const postern_session* session);
/* Returns the user, from AUTH or from a proxy's XCLIENT. Empty: none. */
postern_bytes postern_session_identity(const postern_session* session);
/* Writes the TLS parameters; false if there is no TLS. */
bool postern_session_tls(const postern_session* session, postern_tls_info* to,
                         size_t struct_size);
/* Returns whether the client has sent something before the greeting, or after a
   command whose reply it must wait for. */
bool postern_session_has_talked_early(const postern_session* session);
bool postern_session_has_pipelined(const postern_session* session);
/* Returns true between two commands and outside a transaction, where the end of
   the input loses nothing. */
bool postern_session_idle(const postern_session* session);
/* Returns the name of the state, for logs: "start", "idle", "mail", "content"
   and others. Valid forever. */
const char* postern_session_state_name(const postern_session* session);
/* Returns how many replies of the class `digit` (2, 3, 4 or 5) there were. */
uint32_t postern_session_replies(const postern_session* session, int digit);

/* A 4yz or 5yz reply that the session gave by itself because of the protocol,
   for logs and counters. */
typedef struct postern_refusal {
  /* The verb of the command that the reply answers. Empty: an unknown command,
     a line that is too long, or no command (a timeout, a shutdown). */
  postern_bytes verb;
  /* The command line as sent, without its CRLF and at most 128 octets. It has
     no passwords: an AUTH command is cut after the mechanism. */
  postern_bytes command;
  postern_reply reply; /* as the client gets it */
  int message;         /* as postern_ask_message(); 0 outside a transaction */
  bool content;        /* the reply to a message whose content is refused */
} postern_refusal;

/* Returns the next refusal that was not returned yet, in the order of the
   replies, or NULL. A session returns at most max_reported + 1 refusals. */
const postern_refusal* postern_session_next_refusal(postern_session* session);
/* Counts all refusals of the session by itself, returned or not. */
uint32_t postern_session_refused(const postern_session* session);

/* Returns "quit", "peer-gone", "timeout", "refused", "abuse" or "shutdown", and
   "" for a reason that this version does not have. Valid forever. */
const char* postern_close_reason_name(postern_close_reason reason);

/* ---- Texts ------------------------------------------------------------- */

/* What a Received field says (RFC 5321 4.4). */
typedef struct postern_received {
  size_t struct_size;       /* POSTERN_RECEIVED_INIT sets it */
  postern_bytes hello_name; /* the argument of HELO, EHLO or LHLO */
  postern_hello hello;      /* the command of hello_name */
  /* The client's host name, if the DNS confirms it. Empty: "unknown". */
  postern_bytes remote_name;
  postern_bytes remote_address; /* "192.0.2.1", "2001:db8::1". Empty: none */
  postern_bytes
      identity;   /* the user: a word of RFC 3848, with show_user more */
  bool show_user; /* name the user: all recipients can see it */
  bool tls;       /* the message came through TLS */
  postern_bytes tls_cipher; /* RFC 8314 4.3. Empty: none */
  bool smtp_utf8;           /* RFC 6531 4.3 */
  postern_bytes host;       /* the name of this server */
  postern_bytes id; /* of the message: letters, digits and '-'. Not empty */
  int64_t time_s;   /* seconds since 1970 */
} postern_received;

/* The values with which these structures begin. */
#ifdef __cplusplus
#define POSTERN_RECEIVED_INIT \
  { sizeof(postern_received) }
#define POSTERN_TLS_INFO_INIT \
  { sizeof(postern_tls_info) }
#else
#define POSTERN_RECEIVED_INIT \
  { .struct_size = sizeof(postern_received) }
#define POSTERN_TLS_INFO_INIT \
  { .struct_size = sizeof(postern_tls_info) }
#endif

/* Room for each Received field and its NUL. */
#define POSTERN_RECEIVED_ROOM 2048

/* Writes the Received field that a server adds in front of a message, with its
   CRLF and a NUL at its end, and its size without the NUL to `size`, which may
   be NULL:

     Received: from HELLO_NAME (REMOTE_NAME [REMOTE_ADDRESS])
             by HOST with ESMTPS id ID tls CIPHER;
             Sat, 21 Nov 2026 19:56:16 +0000

   Octets of the client that could end the line or a comment become '?'.
   POSTERN_INVALID_ARGUMENT: struct_size is not set, remote_address is not an
   address, host or id is empty, or the field needs more than `room` octets;
   POSTERN_RECEIVED_ROOM is always enough. */
postern_status postern_format_received(const postern_received* received,
                                       char* buffer, size_t room, size_t* size,
                                       postern_error* error);

/* Writes `path` in angle brackets, quoted where RFC 5321 4.1.2 requires it, as
   MAIL and RCPT have it, with a NUL at its end. If it needs more than `room`
   octets, the text is cut. Returns its size without the NUL, before any cut. */
size_t postern_format_path(postern_path path, char* buffer, size_t room);

#undef POSTERN_INT

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* POSTERN_H_ */
