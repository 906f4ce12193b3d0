/* Copyright 2026 The postern authors.
   SPDX-License-Identifier: Apache-2.0 */

/* A test rig: an SMTP server inside the tests of a program that sends mail. It
   accepts everything, keeps what it gets, and fails where the test says so.

     postern_rig* rig = NULL;
     postern_error error;
     if (postern_rig_new(NULL, &rig, &error) != POSTERN_OK) abort();
     postern_rig_add_faults(rig, "rcpt times=1 reply 450 4.7.1 later", NULL,
                            &error);
     send_welcome("127.0.0.1", postern_rig_port(rig));   // what is tested
     bool all = false;
     postern_rig_wait_for_messages(rig, 1, 10000, &all, &error);
     postern_rig_message_list* list = NULL;
     postern_rig_messages(rig, &list, &error);
     ...
     postern_rig_message_list_free(list);
     postern_rig_free(rig);

   This header is C11 and C++. The library is libpostern-rig.so.0.

   Threads: each function may be called on any thread. One object may be used by
   several threads at the same time, but not while its free function runs.

   Lifetimes: an object that a function returns through a pointer to a pointer
   belongs to the caller, who frees it with the function of its type. Free
   functions accept NULL. Messages and sessions are snapshots: they do not
   change, and stay valid after their list and their rig are freed. Only the
   transcript of a session grows until the session ends.

   Errors: a function that can fail returns a postern_status, takes an optional
   postern_error, and changes nothing if it fails. Every such function returns
   POSTERN_INVALID_ARGUMENT if a pointer is NULL that must not be, and
   POSTERN_UNAVAILABLE if there is no memory. Functions that return a value
   directly cannot fail; their first argument must not be NULL. No function ends
   the process, and no C++ exception leaves the library.

   fork(2): a rig belongs to the process that made it, because the child has no
   copy of its thread. In a child, each function that takes a rig and returns a
   postern_status returns POSTERN_FAILED_PRECONDITION, whether it changes the
   rig or only reads. Closing or freeing the rig does nothing, and its address
   and port can be read. Messages, sessions and lists that the parent had are
   copies; only postern_rig_session_transcript() must not be called with them,
   because it may wait forever for the missing thread. A child has the listening
   socket and the connections of the rig open until it ends or calls exec(2), so
   clients may not notice that the parent closes them. A child may make a rig of
   its own.

   Compatibility: a program that was linked with version 0.N of this header
   works with each later version 0.M of the library. Symbols have the version
   with which they came (POSTERN_RIG_0.1). Structures that the caller fills
   begin with their size, and may get more members at their end. */

#ifndef POSTERN_RIG_H_
#define POSTERN_RIG_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the version of the library, such as "0.1.0": valid forever. */
const char* postern_rig_version(void);

/* ---- The rig ----------------------------------------------------------- */

/* An SMTP server inside a test. */
typedef struct postern_rig postern_rig;

/* Whether and how the server uses TLS. */
typedef enum postern_rig_tls POSTERN_INT {
  POSTERN_RIG_TLS_NONE = 0, /* STARTTLS is not offered */
  POSTERN_RIG_TLS_STARTTLS, /* STARTTLS is offered */
  POSTERN_RIG_TLS_FIRST     /* connections begin with TLS (RFC 8314 3.3) */
} postern_rig_tls;

/* A user for AUTH. */
typedef struct postern_rig_user {
  size_t struct_size; /* POSTERN_RIG_USER_INIT sets it */
  const char* name;   /* what the client gives as its user name, not NULL */
  /* For PLAIN, LOGIN, CRAM-MD5 and SCRAM-SHA-256. NULL or "": none is
     correct. */
  const char* password;
  /* For OAUTHBEARER and XOAUTH2. NULL or "": none is correct. */
  const char* token;
} postern_rig_user;

/* For limits of postern_rig_options. */
#define POSTERN_RIG_NO_LIMIT UINT64_MAX

/* Members that are 0, false or NULL have the default. Begin with
   POSTERN_RIG_OPTIONS_INIT. Lists of strings have a NULL at their end. */
typedef struct postern_rig_options {
  size_t struct_size; /* sizeof(postern_rig_options) */

  /* The server's name in replies and in its certificate: "rig.example". */
  const char* host_name;
  /* More names and IP addresses for the certificate: localhost and its
     addresses. */
  const char* const* certificate_names;
  /* Where the server listens: "127.0.0.1:0", "[::1]:0", "*:2525" or
     "unix:/PATH". Port 0 is a free port. */
  const char* address;

  int tls;           /* a postern_rig_tls */
  bool require_tls;  /* 530 for mail without TLS */
  bool require_auth; /* 530 for mail without AUTH */
  bool lmtp;         /* RFC 2033 */

  /* The users, of which there are `user_count`; all have the same struct_size.
     AUTH is offered if there are users or mechanisms, also without TLS. */
  const postern_rig_user* users;
  size_t user_count;
  /* SASL mechanisms, in the order of EHLO: "PLAIN", "LOGIN", "CRAM-MD5",
     "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "EXTERNAL". The default is the
     first four, and the next two if a user has a token. EXTERNAL needs no user,
     but postern_rig_client_certificate(). */
  const char* const* mechanisms;

  /* The extensions in EHLO, besides PIPELINING, SIZE, 8BITMIME and
     ENHANCEDSTATUSCODES, such as "SMTPUTF8", "CHUNKING" and "DSN". The default
     is all; an empty list is none. */
  const char* const* extensions;
  /* SIZE, in octets: 50 MiB. */
  uint64_t max_message_size;

  /* Addresses may request faults, such as rcpt-450@x.example: docs/rig.md. */
  bool address_faults;
  /* Transcripts show passwords, instead of ***. */
  bool show_passwords;

  /* What is kept; if there is more, the oldest is dropped. `max_messages` is a
     number of messages, and also of sessions: 10,000. `max_octets` is the size
     of all messages, and also of all transcripts: 256 MiB.
     `max_transcript_octets` is that of the transcript of one session: 4 MiB. */
  uint64_t max_messages;
  uint64_t max_octets;
  uint64_t max_transcript_octets;

  /* How long a client may be silent, in milliseconds: five minutes, as RFC 5321
     4.5.3.2.7 requires. */
  int64_t command_timeout_ms;
} postern_rig_options;

/* The values with which these structures begin:

     postern_rig_user user = POSTERN_RIG_USER_INIT;
     user.name = "joe"; */
#ifdef __cplusplus
#define POSTERN_RIG_USER_INIT \
  { sizeof(postern_rig_user) }
#define POSTERN_RIG_OPTIONS_INIT \
  { sizeof(postern_rig_options) }
#else
#define POSTERN_RIG_USER_INIT \
  { .struct_size = sizeof(postern_rig_user) }
#define POSTERN_RIG_OPTIONS_INIT \
  { .struct_size = sizeof(postern_rig_options) }
#endif

/* Starts a server, which has one thread. It listens when this function returns.
   `options` may be NULL. All that they point to is copied.
   POSTERN_INVALID_ARGUMENT: an option that cannot be used, which the message
   names, or a member of a later version that is not 0. POSTERN_UNAVAILABLE: the
   address cannot be used, or the system lacks a resource. */
postern_status postern_rig_new(const postern_rig_options* options,
                               postern_rig** rig, postern_error* error);

/* Closes the listening socket and all connections. Messages, sessions and the
   files of certificates stay. Other calls may be in progress: waits of other
   threads end now. A second call does nothing. */
void postern_rig_close(postern_rig* rig);

/* Closes the rig, removes its files, and frees it. */
void postern_rig_free(postern_rig* rig);

/* Returns the address on which the server listens, such as "127.0.0.1:45678" or
   "unix:/PATH". Valid until the rig is freed. */
postern_bytes postern_rig_address(const postern_rig* rig);

/* Returns the TCP port. 0: a Unix socket. */
uint16_t postern_rig_port(const postern_rig* rig);

/* ---- Faults ------------------------------------------------------------ */

/* Adds the faults of a script, one in a line: docs/rig.md and
   rig/fault_script.h describe it.

     rcpt for=*@x.example each times=2 reply 450 4.7.1 greylisted
     end skip=1 delay=3s close=inside

   POSTERN_INVALID_ARGUMENT: the script has an error. The message is "NAME:LINE:
   what is wrong"; a NULL as `name` is "faults". Then no fault is added. */
postern_status postern_rig_add_faults(postern_rig* rig, const char* script,
                                      const char* name, postern_error* error);

/* Removes all faults. */
postern_status postern_rig_clear_faults(postern_rig* rig, postern_error* error);

/* Writes the faults with `times=` that have applied less often, one in a line:

     applied 1 of 2 times: rcpt times=2 reply 450 4.7.1 later

   An empty text: there are none. The caller frees it: postern_rig_text_free().
   */
postern_status postern_rig_unmet_faults(postern_rig* rig, char** text,
                                        postern_error* error);

/* ---- Messages and sessions --------------------------------------------- */

/* A message that was accepted, a session, and lists of them. */
typedef struct postern_rig_message postern_rig_message;
typedef struct postern_rig_session postern_rig_session;
typedef struct postern_rig_message_list postern_rig_message_list;
typedef struct postern_rig_session_list postern_rig_session_list;

/* Returns the messages that were accepted, in order. */
postern_status postern_rig_messages(postern_rig* rig,
                                    postern_rig_message_list** list,
                                    postern_error* error);

/* Waits until `count` messages were accepted since the last
   postern_rig_clear(), or until `timeout_ms` milliseconds are over. A negative
   timeout is 0; one of more than a day is a day. `*reached` is whether there
   were so many; `reached` may be NULL. POSTERN_FAILED_PRECONDITION: the rig is
   closed, or was closed before there were so many. */
postern_status postern_rig_wait_for_messages(postern_rig* rig, size_t count,
                                             int64_t timeout_ms, bool* reached,
                                             postern_error* error);

/* Returns the sessions so far, also those that have not ended. */
postern_status postern_rig_sessions(postern_rig* rig,
                                    postern_rig_session_list** list,
                                    postern_error* error);

/* The same as postern_rig_wait_for_messages(), for `count` sessions that have
   ended. */
postern_status postern_rig_wait_for_sessions(postern_rig* rig, size_t count,
                                             int64_t timeout_ms, bool* reached,
                                             postern_error* error);

/* Forgets the messages, and the sessions that have ended. */
postern_status postern_rig_clear(postern_rig* rig, postern_error* error);

/* Lists. The result of ..._at() is valid until the list is freed. NULL: there
   is no such index. */
size_t postern_rig_message_list_size(const postern_rig_message_list* list);
const postern_rig_message* postern_rig_message_list_at(
    const postern_rig_message_list* list, size_t index);
void postern_rig_message_list_free(postern_rig_message_list* list);
size_t postern_rig_session_list_size(const postern_rig_session_list* list);
const postern_rig_session* postern_rig_session_list_at(
    const postern_rig_session_list* list, size_t index);
void postern_rig_session_list_free(postern_rig_session_list* list);

/* ---- One message ------------------------------------------------------- */

/* Makes a handle that is independent of the list. It shares the octets. */
postern_status postern_rig_message_copy(const postern_rig_message* message,
                                        postern_rig_message** copy,
                                        postern_error* error);
/* Frees a copy. */
void postern_rig_message_free(postern_rig_message* message);

/* Octets that these functions return are valid as long as the message. */

/* Returns the number of the message: the n-th of the rig, from 1. */
int64_t postern_rig_message_number(const postern_rig_message* message);
/* Returns when the server accepted it: microseconds since 1970, UTC. */
int64_t postern_rig_message_received_us(const postern_rig_message* message);

/* Returns the sender. Empty: the null sender, <>. Addresses have no angle
   brackets and no quotes. */
postern_bytes postern_rig_message_from(const postern_rig_message* message);
/* Writes the parameters of MAIL, in a normal form, with a blank between two:
   "SIZE=120 BODY=8BITMIME SMTPUTF8". The caller frees the text. */
postern_status postern_rig_message_parameters(
    const postern_rig_message* message, char** text, postern_error* error);

/* Returns the number of accepted recipients, and each of them, in order. An
   index that is too large has an empty address. */
size_t postern_rig_message_recipient_count(const postern_rig_message* message);
postern_bytes postern_rig_message_recipient(const postern_rig_message* message,
                                            size_t index);
/* Writes the parameters of that recipient's RCPT, such as "NOTIFY=NEVER". The
   caller frees the text. POSTERN_NOT_FOUND: there is no such recipient. */
postern_status postern_rig_message_recipient_parameters(
    const postern_rig_message* message, size_t index, char** text,
    postern_error* error);

/* Returns the octets that the client sent: lines end in CRLF, the dots of DATA
   are removed, and there is no Received field before them. */
postern_bytes postern_rig_message_raw(const postern_rig_message* message);
/* Returns the Received field that a server would add, with its CRLF. */
postern_bytes postern_rig_message_trace(const postern_rig_message* message);

/* Returns the session, as it was when the message was accepted: valid as long
   as the message. */
const postern_rig_session* postern_rig_message_session(
    const postern_rig_message* message);

/* ---- One session ------------------------------------------------------- */

/* Makes a handle that is independent of the list or the message. */
postern_status postern_rig_session_copy(const postern_rig_session* session,
                                        postern_rig_session** copy,
                                        postern_error* error);
/* Frees a copy. */
void postern_rig_session_free(postern_rig_session* session);

/* Octets that these functions return are valid as long as the session. */

/* Returns the number of the session: the n-th of the rig, from 1. */
int64_t postern_rig_session_number(const postern_rig_session* session);
/* Returns when it began: microseconds since 1970, UTC. */
int64_t postern_rig_session_began_us(const postern_rig_session* session);

/* Writes the client's IP address. Empty: a Unix socket. The caller frees it. */
postern_status postern_rig_session_client_address(
    const postern_rig_session* session, char** text, postern_error* error);
uint16_t postern_rig_session_client_port(const postern_rig_session* session);

/* Returns the name in EHLO, HELO or LHLO. Empty: there was none yet. */
postern_bytes postern_rig_session_hello(const postern_rig_session* session);

/* Return the authenticated user and the SASL mechanism. Empty: no AUTH. */
postern_bytes postern_rig_session_user(const postern_rig_session* session);
postern_bytes postern_rig_session_mechanism(const postern_rig_session* session);

/* Return the version of TLS, such as "TLSv1.3", its cipher, and the subject of
   the client's certificate, if there was a valid one. Empty: no TLS. */
postern_bytes postern_rig_session_tls_version(
    const postern_rig_session* session);
postern_bytes postern_rig_session_tls_cipher(
    const postern_rig_session* session);
postern_bytes postern_rig_session_client_subject(
    const postern_rig_session* session);

/* Writes the extensions that the client has used, in upper case, with a blank
   between two: "PIPELINING SIZE STARTTLS". PIPELINING: it sent a command before
   it could have the reply to the last one. The caller frees the text. */
postern_status postern_rig_session_extensions(
    const postern_rig_session* session, char** text, postern_error* error);

/* Returns how the session ended: "quit", "peer-gone", "timeout", "refused",
   "abuse" or "shutdown". Empty: it had not ended. */
postern_bytes postern_rig_session_end(const postern_rig_session* session);

/* Writes the transcript of the session to its end so far, one line for each
   line of either side, with the seconds since the beginning:

     +0.001 S: 220 rig.example ESMTP\r\n
     +0.002 C: EHLO client.example\r\n

   Octets that are not printable ASCII have the escapes of C, so the text has no
   NUL. It says so if the rig has dropped octets. The caller frees the text. */
postern_status postern_rig_session_transcript(
    const postern_rig_session* session, char** text, postern_error* error);

/* ---- TLS --------------------------------------------------------------- */

/* Writes the certificate of the authority that signs the server's certificate,
   PEM. Makes no file. The caller frees the text. */
postern_status postern_rig_ca_certificate(postern_rig* rig, char** text,
                                          postern_error* error);
/* Writes the path of a file with it, for the client. The file is there until
   the rig is freed. The caller frees the text. POSTERN_UNAVAILABLE or
   POSTERN_INTERNAL: the file cannot be written. */
postern_status postern_rig_ca_file(postern_rig* rig, char** path,
                                   postern_error* error);
/* Makes a certificate of this authority for a client, for EXTERNAL, and writes
   the paths of its file and of the file of its key. Its user is its subject,
   "CN=" and `name`. The files are there until the rig is freed. The caller
   frees both texts. POSTERN_INVALID_ARGUMENT: the name has not 1 to 64
   octets. */
postern_status postern_rig_client_certificate(postern_rig* rig,
                                              const char* name,
                                              char** certificate, char** key,
                                              postern_error* error);

/* Frees a text that one of the functions above has written. */
void postern_rig_text_free(char* text);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* POSTERN_RIG_H_ */
