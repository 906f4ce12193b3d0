/* Copyright 2026 The postern authors.
   SPDX-License-Identifier: Apache-2.0 */

/* A complete SMTP server in C, with a process for each client. It listens on a
   free port of 127.0.0.1, prints the port, accepts mail to example.org, and
   prints each message with its Received field. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static char in[16384], *mail, client_name[256], client_address[16];
static size_t in_size, mail_size;
static FILE* content; /* writes to `mail` */
static postern_hello hello;

static int64_t now(void) { /* in milliseconds */
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * (int64_t)1000 + t.tv_nsec / 1000000;
}
static void begin_message(void) {
  char field[POSTERN_RECEIVED_ROOM];
  postern_received received = POSTERN_RECEIVED_INIT;
  received.hello = hello;
  received.hello_name = postern_text(client_name);
  received.remote_address = postern_text(client_address);
  received.host = postern_text("mx.example.org");
  received.id = postern_text("1");
  received.time_s = time(NULL);
  postern_format_received(&received, field, sizeof(field), NULL, NULL);
  rewind(content);
  fputs(field, content);
}
static postern_verdict decide(const postern_ask* ask) {
  const postern_ask_kind kind = postern_ask_get_kind(ask);
  if (kind == POSTERN_ASK_HELLO) {
    hello = postern_ask_hello(ask);
    snprintf(client_name, 256, "%s", postern_ask_argument(ask).data);
  }
  if (kind == POSTERN_ASK_RCPT) {
    const postern_bytes domain = postern_ask_to(ask).domain;  // "": postmaster
    if (domain.size > 0 && strcasecmp(domain.data, "example.org") != 0)
      return postern_refuse(550, 7, 1, "not here");
  }
  if (kind == POSTERN_ASK_BODY_BEGIN) begin_message();
  if (kind == POSTERN_ASK_BODY_END &&
      (fflush(content) != 0 || ferror(content) ||
       write(1, mail, mail_size) != (ssize_t)mail_size))
    return postern_refuse(451, 3, 0, "cannot store the message");
  return postern_accept();
}
static void serve(postern_session* session, struct pollfd client) {
  int64_t progressed = 0, received = now();
  uint64_t progress = ~(uint64_t)0;
  for (bool late = false;;) {
    const postern_bytes unread = {in, in_size};
    const postern_step* step = postern_session_advance(session, unread);
    const postern_step_kind kind = step->kind;
    for (size_t i = 0; i < step->body_count; ++i)
      fwrite(step->body[i].data, 1, step->body[i].size, content);
    memmove(in, in + step->consumed, in_size -= step->consumed);
    if (kind == POSTERN_STEP_ASK) {
      const postern_verdict verdict = decide(step->ask);
      postern_session_complete(session, postern_ask_id(step->ask), &verdict, 0);
    }
    if (kind == POSTERN_STEP_ASK || kind == POSTERN_STEP_BODY) continue;
    const postern_bytes out = postern_session_output(session);
    ssize_t n = send(client.fd, out.data, out.size, MSG_DONTWAIT);
    if (n >= 0) postern_session_output_written(session, (size_t)n);
    if (n < 0 && (errno != EAGAIN || late)) return;
    if (kind == POSTERN_STEP_CLOSED && n == (ssize_t)out.size) return;
    if (kind != POSTERN_STEP_NEED_INPUT && n >= 0) continue;
    if (progress != postern_session_progress(session)) progressed = now();
    progress = postern_session_progress(session);
    int64_t end = progressed + postern_session_read_timeout_ms(session);
    const int64_t idle = postern_session_idle_timeout_ms(session);
    if (idle >= 0 && received + idle < end) end = received + idle;
    client.events = n < (ssize_t)out.size ? POLLOUT : POLLIN;
    const int64_t left = end - now();
    late = left <= 0 || poll(&client, 1, (int)left) == 0;
    if (late) postern_session_timed_out(session);
    if (late || client.events == POLLOUT) continue;
    n = recv(client.fd, in + in_size, sizeof(in) - in_size, 0);
    if (n <= 0) postern_session_end_of_input(session);
    if (n > 0) in_size += (size_t)n, received = now();
  }
}
int main(void) {
  postern_server_config config;
  postern_server_config_init(&config, sizeof(config));
  config.greeting = "mx.example.org";
  postern_server* server = NULL;
  if (postern_server_new(&config, &server, NULL) != POSTERN_OK) return 1;
  struct sockaddr_in at = {.sin_family = AF_INET};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr*)&at, size) != 0 ||
      listen(listener, 64) != 0 ||
      getsockname(listener, (struct sockaddr*)&at, &size) != 0)
    return perror("c_server"), 1;
  dprintf(1, "%d\n", ntohs(at.sin_port));
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN); /* so that no process waits for its parent */
  int fd;                   /* only a child leaves the loop */
  do fd = accept(listener, (struct sockaddr*)&at, &size);
  while (fd < 0 || (fork() != 0 && close(fd) == 0));
  inet_ntop(AF_INET, &at.sin_addr, client_address, sizeof(client_address));
  content = open_memstream(&mail, &mail_size);
  if (content != NULL)
    serve(postern_session_new(server), (struct pollfd){fd, 0, 0});
  /* Input that is not read would reset the connection, and the client might
     lose its last reply. So read until the client closes, for at most 5 s. */
  shutdown(fd, SHUT_WR);
  struct pollfd client = {fd, POLLIN, 0};
  const int64_t end = now() + 5000;
  for (int64_t left; (left = end - now()) > 0;)
    if (poll(&client, 1, (int)left) <= 0 || recv(fd, in, sizeof(in), 0) <= 0)
      break;
  return 0;
}
