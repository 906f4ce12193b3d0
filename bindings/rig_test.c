/* Copyright 2026 The postern authors.
   SPDX-License-Identifier: Apache-2.0 */

/* Tests the C interface of the rig as a C program uses it: this file is
   compiled as strict C11. Prints what is wrong, and ends with 1. */

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bindings/postern_rig.h"

static int failures = 0;

static void fail(int line, const char* what, const char* text) {
  fprintf(stderr, "rig_test.c:%d: %s: %s\n", line, what, text);
  ++failures;
}

#define EXPECT(condition)                                  \
  do {                                                     \
    if (!(condition)) fail(__LINE__, "false", #condition); \
  } while (0)

/* A call that must succeed: the tests that follow need its result. */
#define OK(call)                          \
  do {                                    \
    postern_error why;                    \
    postern_error* const error = &why;    \
    why.message[0] = '\0';                \
    if ((call) != POSTERN_OK) {           \
      fail(__LINE__, #call, why.message); \
      exit(1);                            \
    }                                     \
  } while (0)

/* A call that must fail with a status and a message that contains `part`. */
#define FAILS(call, expected, part)                               \
  do {                                                            \
    postern_error why;                                            \
    postern_error* const error = &why;                            \
    why.message[0] = '\0';                                        \
    if ((call) != (expected)) fail(__LINE__, "status of", #call); \
    if (strstr(why.message, part) == NULL) {                      \
      fail(__LINE__, "message of " #call, why.message);           \
    }                                                             \
  } while (0)

static bool is(postern_bytes bytes, const char* text) {
  /* The NUL that the header promises. */
  return bytes.size == strlen(text) &&
         memcmp(bytes.data, text, bytes.size + 1) == 0;
}

/* Compares a text that the library has written, and frees it. */
static bool text_is(char* text, const char* expected) {
  const bool same = strcmp(text, expected) == 0;
  if (!same) fprintf(stderr, "it is: %s\n", text);
  postern_rig_text_free(text);
  return same;
}

static int connect_to(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) {
    perror("connect");
    exit(1);
  }
  return fd;
}

/* Sends a whole session at once. Writes the server's octets to `replies`. */
static void talk(uint16_t port, const char* octets, char* replies,
                 size_t size) {
  const int fd = connect_to(port);
  if (send(fd, octets, strlen(octets), 0) != (ssize_t)strlen(octets)) exit(1);
  size_t read_so_far = 0;
  for (;;) {
    const ssize_t count =
        recv(fd, replies + read_so_far, size - 1 - read_so_far, 0);
    if (count <= 0) break;
    read_so_far += (size_t)count;
  }
  replies[read_so_far] = '\0';
  close(fd);
}

static const char kSession[] =
    "EHLO client.example\r\n"
    "MAIL FROM:<a@x.example> BODY=8BITMIME ret=hdrs\r\n"
    "RCPT TO:<b@y.example> NOTIFY=NEVER\r\n"
    "RCPT TO:<c@y.example>\r\n"
    "DATA\r\n"
    "Subject: hi\r\n\r\n..dot\r\n.\r\n"
    "QUIT\r\n";

static char replies[4096];

static void message_has_everything(void) {
  postern_rig* rig = NULL;
  OK(postern_rig_new(NULL, &rig, error));
  EXPECT(postern_rig_port(rig) != 0);
  char address[64];
  snprintf(address, sizeof(address), "127.0.0.1:%d",
           (int)postern_rig_port(rig));
  EXPECT(is(postern_rig_address(rig), address));

  talk(postern_rig_port(rig), kSession, replies, sizeof(replies));
  bool reached = false;
  OK(postern_rig_wait_for_messages(rig, 1, 10000, &reached, error));
  EXPECT(reached);
  OK(postern_rig_wait_for_sessions(rig, 1, 10000, &reached, error));
  EXPECT(reached);
  OK(postern_rig_wait_for_messages(rig, 2, 1, &reached, error));
  EXPECT(!reached);
  OK(postern_rig_wait_for_messages(rig, 2, -5, NULL, error));

  postern_rig_message_list* list = NULL;
  OK(postern_rig_messages(rig, &list, error));
  EXPECT(postern_rig_message_list_size(list) == 1);
  EXPECT(postern_rig_message_list_at(list, 1) == NULL);
  postern_rig_message* message = NULL;
  OK(postern_rig_message_copy(postern_rig_message_list_at(list, 0), &message,
                              error));
  postern_rig_session_list* sessions = NULL;
  OK(postern_rig_sessions(rig, &sessions, error));
  EXPECT(postern_rig_session_list_size(sessions) == 1);
  EXPECT(postern_rig_session_list_at(sessions, 1) == NULL);
  postern_rig_session* session = NULL;
  OK(postern_rig_session_copy(postern_rig_session_list_at(sessions, 0),
                              &session, error));
  /* Copies need neither their list nor their rig. */
  postern_rig_session_list_free(sessions);
  postern_rig_message_list_free(list);
  postern_rig_free(rig);

  EXPECT(postern_rig_message_number(message) == 1);
  EXPECT(postern_rig_message_received_us(message) >=
         postern_rig_session_began_us(session));
  EXPECT(postern_rig_session_began_us(session) > INT64_C(1600000000000000));
  EXPECT(is(postern_rig_message_from(message), "a@x.example"));
  char* text = NULL;
  OK(postern_rig_message_parameters(message, &text, error));
  EXPECT(text_is(text, "BODY=8BITMIME RET=HDRS"));
  EXPECT(postern_rig_message_recipient_count(message) == 2);
  EXPECT(is(postern_rig_message_recipient(message, 0), "b@y.example"));
  EXPECT(is(postern_rig_message_recipient(message, 1), "c@y.example"));
  EXPECT(is(postern_rig_message_recipient(message, 2), ""));
  OK(postern_rig_message_recipient_parameters(message, 0, &text, error));
  EXPECT(text_is(text, "NOTIFY=NEVER"));
  OK(postern_rig_message_recipient_parameters(message, 1, &text, error));
  EXPECT(text_is(text, ""));
  FAILS(postern_rig_message_recipient_parameters(message, 2, &text, error),
        POSTERN_NOT_FOUND, "2 recipients");
  EXPECT(is(postern_rig_message_raw(message), "Subject: hi\r\n\r\n.dot\r\n"));
  const postern_bytes trace = postern_rig_message_trace(message);
  EXPECT(strncmp(trace.data, "Received: from client.example", 29) == 0);
  EXPECT(strlen(trace.data) == trace.size);

  const postern_rig_session* const then = postern_rig_message_session(message);
  EXPECT(is(postern_rig_session_end(then), ""));
  EXPECT(is(postern_rig_session_end(session), "quit"));
  EXPECT(postern_rig_session_number(then) == 1);
  EXPECT(postern_rig_session_number(session) == 1);
  OK(postern_rig_session_client_address(session, &text, error));
  EXPECT(text_is(text, "127.0.0.1"));
  EXPECT(postern_rig_session_client_port(session) != 0);
  EXPECT(is(postern_rig_session_hello(session), "client.example"));
  EXPECT(is(postern_rig_session_user(session), ""));
  EXPECT(is(postern_rig_session_mechanism(session), ""));
  EXPECT(is(postern_rig_session_tls_version(session), ""));
  EXPECT(is(postern_rig_session_tls_cipher(session), ""));
  EXPECT(is(postern_rig_session_client_subject(session), ""));
  OK(postern_rig_session_extensions(session, &text, error));
  EXPECT(text_is(text, "8BITMIME DSN PIPELINING"));
  OK(postern_rig_session_transcript(then, &text, error));
  EXPECT(strstr(text, "C: RCPT TO:<b@y.example> NOTIFY=NEVER\\r\\n\n") != NULL);
  EXPECT(strstr(text, "S: 221 2.0.0 rig.example\\r\\n\n") != NULL);
  postern_rig_text_free(text);
  postern_rig_message_free(message);
  postern_rig_session_free(session);
}

static void options_are_used(void) {
  static const char* const names[] = {"mail.example", NULL};
  static const char* const mechanisms[] = {"PLAIN", NULL};
  static const char* const extensions[] = {"chunking", "DSN", NULL};
  static const postern_rig_user users[] = {
      {sizeof(postern_rig_user), "joe", "secret", NULL}};
  postern_rig_options options = POSTERN_RIG_OPTIONS_INIT;
  options.host_name = "lists.example";
  options.certificate_names = names;
  options.address = "127.0.0.1:0";
  options.tls = POSTERN_RIG_TLS_STARTTLS;
  options.require_auth = true;
  options.lmtp = true;
  options.users = users;
  options.user_count = 1;
  options.mechanisms = mechanisms;
  options.extensions = extensions;
  options.max_message_size = 1000;
  options.address_faults = true;
  options.show_passwords = true;
  options.max_messages = 1;
  options.command_timeout_ms = 60000;
  postern_rig* rig = NULL;
  OK(postern_rig_new(&options, &rig, error));
  /* A message, a second one that replaces it, and a fault. */
  talk(postern_rig_port(rig),
       "LHLO c\r\n"
       "MAIL FROM:<a@x>\r\n"
       "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
       "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n.\r\n"
       "MAIL FROM:<a@x>\r\nRCPT TO:<rcpt-450@y>\r\nRCPT TO:<c@y>\r\n"
       "DATA\r\n.\r\nQUIT\r\n",
       replies, sizeof(replies));
  static const char expected[] =
      "220 lists.example LMTP\r\n"
      "250-lists.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
      "250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-DSN\r\n"
      "250-LIMITS RCPTMAX=1000\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n530 5.7.0 ";
  if (strncmp(replies, expected, strlen(expected)) != 0) {
    fail(__LINE__, "replies", replies);
  }
  EXPECT(strstr(replies, "\r\n235 2.7.0 ok\r\n") != NULL);
  EXPECT(strstr(replies, "\r\n450 ") != NULL);
  postern_rig_message_list* list = NULL;
  OK(postern_rig_messages(rig, &list, error));
  EXPECT(postern_rig_message_list_size(list) == 1);
  const postern_rig_message* const message =
      postern_rig_message_list_at(list, 0);
  EXPECT(postern_rig_message_number(message) == 2);
  EXPECT(postern_rig_message_recipient_count(message) == 1);
  const postern_rig_session* const session =
      postern_rig_message_session(message);
  EXPECT(is(postern_rig_session_user(session), "joe"));
  EXPECT(is(postern_rig_session_mechanism(session), "PLAIN"));
  char* text = NULL;
  OK(postern_rig_session_transcript(session, &text, error));
  EXPECT(strstr(text, "AUTH PLAIN AGpvZQBzZWNyZXQ=") != NULL);
  postern_rig_text_free(text);
  postern_rig_message_list_free(list);
  OK(postern_rig_clear(rig, error));
  OK(postern_rig_messages(rig, &list, error));
  EXPECT(postern_rig_message_list_size(list) == 0);
  postern_rig_message_list_free(list);

  OK(postern_rig_ca_certificate(rig, &text, error));
  EXPECT(strncmp(text, "-----BEGIN CERTIFICATE-----\n", 28) == 0);
  char* file = NULL;
  OK(postern_rig_ca_file(rig, &file, error));
  char* certificates[2] = {NULL, NULL};
  char* keys[2] = {NULL, NULL};
  for (int i = 0; i < 2; ++i) {
    OK(postern_rig_client_certificate(rig, i == 0 ? "joe" : "ann",
                                      &certificates[i], &keys[i], error));
    EXPECT(access(certificates[i], R_OK) == 0);
    EXPECT(access(keys[i], R_OK) == 0);
  }
  EXPECT(strcmp(certificates[0], certificates[1]) != 0);
  EXPECT(strcmp(keys[0], keys[1]) != 0);
  FAILS(postern_rig_client_certificate(rig, "", &certificates[0], &keys[0],
                                       error),
        POSTERN_INVALID_ARGUMENT, "1 to 64 octets");
  postern_rig_close(rig);
  EXPECT(access(file, R_OK) == 0);
  postern_rig_free(rig);
  EXPECT(access(file, R_OK) != 0);
  for (int i = 0; i < 2; ++i) {
    EXPECT(access(keys[i], R_OK) != 0);
    postern_rig_text_free(certificates[i]);
    postern_rig_text_free(keys[i]);
  }
  postern_rig_text_free(file);
  postern_rig_text_free(text);
}

static postern_rig* not_made = NULL;

/* postern_rig_new() with one wrong option. */
static postern_status make(postern_rig_options options, postern_error* error) {
  return postern_rig_new(&options, &not_made, error);
}

#define MAKE_FAILS(assignment, expected, part)              \
  do {                                                      \
    postern_rig_options options = POSTERN_RIG_OPTIONS_INIT; \
    options.assignment;                                     \
    FAILS(make(options, error), expected, part);            \
  } while (0)

static void wrong_options_are_errors(void) {
  static const char* const odd_mechanism[] = {"GSSAPI", NULL};
  static const char* const odd_extension[] = {"SIZE", NULL};
  static const postern_rig_user nameless[] = {
      {sizeof(postern_rig_user), NULL, "x", NULL}};
  static const postern_rig_user empty[] = {
      {sizeof(postern_rig_user), "", "x", NULL}};
  static const postern_rig_user sizeless[] = {{0, "joe", "x", NULL}};
  static const postern_rig_user unequal[] = {
      {sizeof(postern_rig_user), "joe", "x", NULL}, {0, "ann", "x", NULL}};
  MAKE_FAILS(struct_size = 0, POSTERN_INVALID_ARGUMENT, "struct_size");
  MAKE_FAILS(host_name = "", POSTERN_INVALID_ARGUMENT, "host_name: ");
  MAKE_FAILS(address = "nowhere", POSTERN_INVALID_ARGUMENT, "nowhere");
  /* Of the network for documentation: no host has it. */
  MAKE_FAILS(address = "192.0.2.1:0", POSTERN_UNAVAILABLE, "192.0.2.1:0");
  MAKE_FAILS(tls = 9, POSTERN_INVALID_ARGUMENT, "tls: ");
  MAKE_FAILS(require_tls = true, POSTERN_INVALID_ARGUMENT, "require_tls: ");
  MAKE_FAILS(require_auth = true, POSTERN_INVALID_ARGUMENT, "require_auth: ");
  MAKE_FAILS(user_count = 1, POSTERN_INVALID_ARGUMENT, "users is NULL");
  MAKE_FAILS(users = nameless;
             options.user_count = 1, POSTERN_INVALID_ARGUMENT, "users[0].name");
  MAKE_FAILS(users = empty;
             options.user_count = 1, POSTERN_INVALID_ARGUMENT, "users: ");
  MAKE_FAILS(users = sizeless; options.user_count = 1, POSTERN_INVALID_ARGUMENT,
                               "users[0]: struct_size is 0");
  MAKE_FAILS(users = unequal; options.user_count = 2, POSTERN_INVALID_ARGUMENT,
                              "users[1]: another struct_size than users[0]");
  MAKE_FAILS(mechanisms = odd_mechanism, POSTERN_INVALID_ARGUMENT, "GSSAPI");
  MAKE_FAILS(extensions = odd_extension, POSTERN_INVALID_ARGUMENT,
             "that can be chosen: SIZE");
  MAKE_FAILS(command_timeout_ms = -1, POSTERN_INVALID_ARGUMENT,
             "command_timeout_ms");
  /* A name that no certificate can have is found now, not in a handshake. */
  static const char* const no_name[] = {"", NULL};
  MAKE_FAILS(certificate_names = no_name;
             options.tls = POSTERN_RIG_TLS_STARTTLS, POSTERN_INVALID_ARGUMENT,
             "certificate_names");
  EXPECT(not_made == NULL);
  /* No message is wanted. */
  EXPECT(postern_rig_new(NULL, NULL, NULL) == POSTERN_INVALID_ARGUMENT);
  FAILS(postern_rig_clear(NULL, error), POSTERN_INVALID_ARGUMENT,
        "rig is NULL");

  /* A member of a later version: 0 is its default, all else is not known. */
  struct {
    postern_rig_options options;
    uint64_t later;
  } longer;
  memset(&longer, 0, sizeof(longer));
  longer.options.struct_size = sizeof(longer);
  postern_rig* rig = NULL;
  OK(postern_rig_new(&longer.options, &rig, error));
  postern_rig_free(rig);
  longer.later = 1;
  FAILS(postern_rig_new(&longer.options, &not_made, error),
        POSTERN_INVALID_ARGUMENT, postern_rig_version());
  /* A message that is too long is cut, and ends. */
  char long_name[1000];
  memset(long_name, 'x', sizeof(long_name));
  long_name[sizeof(long_name) - 1] = '\0';
  postern_rig_options options = POSTERN_RIG_OPTIONS_INIT;
  options.address = long_name;
  postern_error error;
  EXPECT(postern_rig_new(&options, &not_made, &error) ==
         POSTERN_INVALID_ARGUMENT);
  EXPECT(strlen(error.message) == sizeof(error.message) - 1);
}

/* A program that was compiled with a later header has longer structures. */
static void users_of_a_later_version_are_read(void) {
  struct {
    postern_rig_user user;
    const char* later;
  } users[2];
  memset(users, 0, sizeof(users));
  for (int i = 0; i < 2; ++i) {
    users[i].user.struct_size = sizeof(users[i]);
    users[i].user.name = i == 0 ? "joe" : "ann";
    users[i].user.password = i == 0 ? "x" : "secret";
  }
  postern_rig_options options = POSTERN_RIG_OPTIONS_INIT;
  options.users = &users[0].user;
  options.user_count = 2;
  postern_rig* rig = NULL;
  OK(postern_rig_new(&options, &rig, error));
  /* The second one: \0ann\0secret. */
  talk(postern_rig_port(rig),
       "EHLO c\r\nAUTH PLAIN AGFubgBzZWNyZXQ=\r\nQUIT\r\n", replies,
       sizeof(replies));
  EXPECT(strstr(replies, "\r\n235 ") != NULL);
  postern_rig_free(rig);
  users[1].later = "x";
  FAILS(make(options, error), POSTERN_INVALID_ARGUMENT,
        "users[1]: a member is set that version ");
  EXPECT(not_made == NULL);
}

static void faults_apply(void) {
  postern_rig* rig = NULL;
  OK(postern_rig_new(NULL, &rig, error));
  FAILS(postern_rig_add_faults(rig, "# one\nrcpt reply 450\nrcpt repl", NULL,
                               error),
        POSTERN_INVALID_ARGUMENT, "faults:3: not a word of a fault: repl");
  FAILS(postern_rig_add_faults(rig, "rcp", "my.faults", error),
        POSTERN_INVALID_ARGUMENT, "my.faults:1: not a stage: rcp");
  /* The first fault of a script with an error was not added. */
  talk(postern_rig_port(rig), kSession, replies, sizeof(replies));
  EXPECT(strstr(replies, "\r\n450 ") == NULL);

  char* text = NULL;
  OK(postern_rig_add_faults(
      rig, "rcpt for=B@* times=2 reply 450 4.7.1 later\nquit stall", NULL,
      error));
  OK(postern_rig_unmet_faults(rig, &text, error));
  EXPECT(text_is(text,
                 "applied 0 of 2 times: rcpt for=B@* times=2 reply 450 "
                 "4.7.1 later\n"));
  OK(postern_rig_clear_faults(rig, error));
  OK(postern_rig_unmet_faults(rig, &text, error));
  EXPECT(text_is(text, ""));
  OK(postern_rig_add_faults(rig, "rcpt for=b@* times=1 reply 450 4.7.1 later",
                            NULL, error));
  talk(postern_rig_port(rig), kSession, replies, sizeof(replies));
  EXPECT(strstr(replies, "\r\n450 4.7.1 later\r\n250 2.1.5") != NULL);
  OK(postern_rig_unmet_faults(rig, &text, error));
  EXPECT(text_is(text, ""));
  postern_rig_free(rig);
}

static void* wait_for_two(void* rig) {
  bool reached = false;
  OK(postern_rig_wait_for_messages(rig, 2, 60000, &reached, error));
  EXPECT(reached);
  return NULL;
}

static pthread_barrier_t waits_now;

static void* wait_for_a_message(void* rig) {
  (void)pthread_barrier_wait(&waits_now);
  FAILS(postern_rig_wait_for_messages(rig, 1, 3600000, NULL, error),
        POSTERN_FAILED_PRECONDITION, "the rig is closed");
  return NULL;
}

static void* wait_for_sessions(void* rig) {
  (void)pthread_barrier_wait(&waits_now);
  FAILS(postern_rig_wait_for_sessions(rig, 2, 3600000, NULL, error),
        POSTERN_FAILED_PRECONDITION, "the rig is closed");
  return NULL;
}

static void close_ends_the_waits_of_other_threads(void) {
  postern_rig* rig = NULL;
  OK(postern_rig_new(NULL, &rig, error));
  EXPECT(pthread_barrier_init(&waits_now, NULL, 3) == 0);
  pthread_t waiting[2];
  EXPECT(pthread_create(&waiting[0], NULL, wait_for_a_message, rig) == 0);
  EXPECT(pthread_create(&waiting[1], NULL, wait_for_sessions, rig) == 0);
  (void)pthread_barrier_wait(&waits_now);
  /* A whole session: the others have their waits begun when it has ended. */
  talk(postern_rig_port(rig), "QUIT\r\n", replies, sizeof(replies));
  OK(postern_rig_wait_for_sessions(rig, 1, 10000, NULL, error));
  postern_rig_close(rig);
  EXPECT(pthread_join(waiting[0], NULL) == 0);
  EXPECT(pthread_join(waiting[1], NULL) == 0);
  EXPECT(pthread_barrier_destroy(&waits_now) == 0);
  postern_rig_free(rig);
}

static void a_closed_rig_keeps_what_it_has(void) {
  postern_rig* rig = NULL;
  OK(postern_rig_new(NULL, &rig, error));
  pthread_t waiting;
  EXPECT(pthread_create(&waiting, NULL, wait_for_two, rig) == 0);
  talk(postern_rig_port(rig), kSession, replies, sizeof(replies));
  talk(postern_rig_port(rig), kSession, replies, sizeof(replies));
  EXPECT(pthread_join(waiting, NULL) == 0);
  const int open = connect_to(postern_rig_port(rig));
  postern_rig_close(rig);
  /* The end of the connection: nothing more comes after the greeting. */
  char octet = 0;
  while (recv(open, &octet, 1, 0) > 0) {
  }
  close(open);
  postern_rig_close(rig);
  postern_rig_message_list* list = NULL;
  OK(postern_rig_messages(rig, &list, error));
  EXPECT(postern_rig_message_list_size(list) == 2);
  postern_rig_message_list_free(list);
  FAILS(postern_rig_wait_for_messages(rig, 1, 10, NULL, error),
        POSTERN_FAILED_PRECONDITION, "closed");
  FAILS(postern_rig_wait_for_sessions(rig, 1, 10, NULL, error),
        POSTERN_FAILED_PRECONDITION, "closed");
  FAILS(postern_rig_add_faults(rig, "", NULL, error),
        POSTERN_FAILED_PRECONDITION, "closed");
  postern_rig_free(rig);
}

static void a_child_cannot_use_the_rig(void) {
  postern_rig* rig = NULL;
  OK(postern_rig_new(NULL, &rig, error));
  char* file = NULL;
  OK(postern_rig_ca_file(rig, &file, error));
  talk(postern_rig_port(rig), kSession, replies, sizeof(replies));
  postern_rig_message_list* before = NULL;
  OK(postern_rig_messages(rig, &before, error));
  const pid_t child = fork();
  if (child == 0) {
    failures = 0;
    alarm(20); /* a close that waits for the thread would wait forever */
    FAILS(postern_rig_clear(rig, error), POSTERN_FAILED_PRECONDITION, "fork");
    postern_rig_message_list* list = NULL;
    FAILS(postern_rig_messages(rig, &list, error), POSTERN_FAILED_PRECONDITION,
          "fork");
    EXPECT(postern_rig_port(rig) != 0);
    /* What the parent has is a copy. */
    EXPECT(postern_rig_message_list_size(before) == 1);
    EXPECT(is(postern_rig_message_from(postern_rig_message_list_at(before, 0)),
              "a@x.example"));
    postern_rig_close(rig);
    postern_rig_free(rig);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = -1;
  EXPECT(waitpid(child, &status, 0) == child);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT(access(file, R_OK) == 0); /* the child has not removed it */
  postern_rig_message_list_free(before);
  postern_rig_text_free(file);
  talk(postern_rig_port(rig), kSession, replies, sizeof(replies));
  EXPECT(strstr(replies, "\r\n221 ") != NULL);
  postern_rig_free(rig);
}

static void free_functions_accept_null(void) {
  postern_rig_close(NULL);
  postern_rig_free(NULL);
  postern_rig_message_free(NULL);
  postern_rig_session_free(NULL);
  postern_rig_message_list_free(NULL);
  postern_rig_session_list_free(NULL);
  postern_rig_text_free(NULL);
}

static volatile sig_atomic_t other_thread = 0;
static pthread_t main_thread;

static void on_signal(int number) {
  (void)number;
  if (!pthread_equal(pthread_self(), main_thread)) other_thread = 1;
}

/* Signals of the program are for its own threads: Ctrl-C must interrupt the
   thread that waits for a reply. */
static void the_server_takes_no_signals(void) {
  postern_rig* rig = NULL;
  OK(postern_rig_new(NULL, &rig, error));
  main_thread = pthread_self();
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = on_signal;
  EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  EXPECT(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0);
  EXPECT(kill(getpid(), SIGUSR1) == 0);
  /* The thread would take the signal before it serves the session. */
  talk(postern_rig_port(rig), kSession, replies, sizeof(replies));
  EXPECT(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL) == 0);
  EXPECT(!other_thread);
  postern_rig_free(rig);
}

int main(void) {
  EXPECT(postern_rig_version()[0] >= '0' && postern_rig_version()[0] <= '9');
  message_has_everything();
  options_are_used();
  wrong_options_are_errors();
  users_of_a_later_version_are_read();
  faults_apply();
  a_closed_rig_keeps_what_it_has();
  close_ends_the_waits_of_other_threads();
  a_child_cannot_use_the_rig();
  the_server_takes_no_signals();
  free_functions_accept_null();
  return failures == 0 ? 0 : 1;
}
