// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd/smtpd.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "auth/backend.h"
#include "engine/authenticator.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/reply.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "log/log.h"
#include "log/log_line.h"
#include "net/descriptor_stream.h"
#include "policy/limits/attempt_limits.h"
#include "policy/relay_checks.h"
#include "policy/rule_facts.h"
#include "programs/smtpd/session_tls.h"
#include "service/auth_options.h"
#include "service/destination.h"
#include "service/guarded_authenticator.h"
#include "service/mail_service.h"
#include "service/mail_session.h"
#include "transports/session_id.h"
#include "transports/stdio.h"
#include "transports/ucspi.h"

namespace postern::programs {
namespace {

constexpr int kEnded = 1;  // qmail-smtpd's exit code for every end except QUIT
constexpr int kUsage = 100;

// The session's TLS, for functions without a parameter for it.
const SessionTls* tls_of_session = nullptr;

bool InClear() {
  return tls_of_session == nullptr || tls_of_session->cleartext();
}

// Refuses service in the first and only line (RFC 5321 3.1 permits a greeting
// of 554 or 421). The reason goes only to the log, because it does not concern
// the client.
int RefuseService(const absl::Status& why) {
  log::WriteLog("fatal", why.message());
  if (!InClear()) return kEnded;
  const std::string line =
      FormatReply({421, {4, 3, 0}, "unable to read controls (#4.3.0)"});
  (void)!write(STDOUT_FILENO, line.data(), line.size());  // ends anyway
  return kEnded;
}

// Sends qmail-smtpd's reply without allocating memory. Buffered replies may be
// lost, but the client does not wait for them any more.
void OutOfMemory() {
  constexpr char kReply[] = "421 4.3.0 out of memory (#4.3.0)\r\n";
  if (InClear()) {
    (void)!write(STDOUT_FILENO, kReply, sizeof(kReply) - 1);  // ends anyway
  }
  constexpr absl::string_view kLog =
      "postern-smtpd: fatal: out of memory; softlimit -m 4000000 is enough\n";
  constexpr absl::string_view kJson =
      "{\"event\":\"fatal\",\"program\":\"postern-smtpd\","
      "\"text\":\"out of memory; softlimit -m 4000000 is enough\"}\n";
  const absl::string_view log =
      log::LineStyle().format() == log::LogFormat::kJson ? kJson : kLog;
  log::WriteLogAsIs(log);
  _exit(kEnded);
}

// Returns the Authenticator of the session. A failed attempt delays the only
// thread.
std::shared_ptr<Authenticator> MakeAuthenticator(
    std::shared_ptr<auth::Backend> backend, const SmtpdOptions& options,
    policy::AttemptLimits* no_limits) {
  return std::make_shared<service::GuardedAuthenticator>(
      std::move(backend), service::GuardedAuthenticator::Guard{
                              .limits = no_limits,
                              .delay = absl::Seconds(options.auth.delay),
                              .after =
                                  [](absl::Duration delay, auto task) {
                                    absl::SleepFor(delay);
                                    std::move(task)();
                                  },
                              .now = [] { return int64_t{0}; }});
}

}  // namespace

int RunSmtpd(const SmtpdOptions& options, const SmtpdTlsHooks& hooks) {
  log::SetLogFormat(options.log_format);
  const std::string session =
      options.handoff ? options.handoff->session : transports::NewSessionId();
  log::SetLogSession(session);
  // If the client has disconnected, or a limit on the size of files is reached
  // (softlimit -f), write(2) returns an error and no signal ends the process.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  // Some supervisors start programs with SIGCHLD ignored. Then the queue
  // program's exit code would be lost: a message would be queued and still
  // refused.
  signal(SIGCHLD, SIG_DFL);
  std::set_new_handler(OutOfMemory);

  if (service::NeedsLibraries(options.auth) && !hooks.open_backend) {
    hooks.tls_asked(nullptr);
    return RefuseService(absl::UnavailableError(
        "--auth needs postern-smtpd-tls, which cannot be run"));
  }
  // Before the first octet, because the recording is of the whole session. A
  // session is served even if it cannot be recorded.
  if (!options.record.empty() && !hooks.recorder) {
    hooks.tls_asked(nullptr);
    log::WriteLog("warning",
                  "--record needs postern-smtpd-tls, which cannot be run: the "
                  "session is not recorded");
  }
  SessionTls tls(options, hooks);
  tls_of_session = &tls;
  if (const absl::Status status = tls.Begin(); !status.ok()) {
    return RefuseService(status);
  }

  // Each process has one client, so failures cannot be counted across sessions.
  policy::AttemptLimits no_limits({.of_client = 0, .of_user = 0});
  absl::StatusOr<service::MailService> mail = service::MailService::Make(
      options, {.run = nullptr,
                .open_backend = hooks.open_backend,
                .guard =
                    [&](std::shared_ptr<auth::Backend> backend) {
                      return MakeAuthenticator(std::move(backend), options,
                                               &no_limits);
                    },
                .warns = !options.handoff});  // else they are already logged
  if (!mail.ok()) {
    RefuseService(mail.status());
    return service::CheckDestination(options.deliver).ok() ? kEnded : kUsage;
  }

  SessionInfo info = transports::ReadUcspi(getenv);
  info.session_id = session;
  transports::ReadSocketAddresses(STDIN_FILENO, &info);
  if (info.relay_client) {
    const absl::Status status = policy::ValidateRelayClient(*info.relay_client);
    if (!status.ok()) return RefuseService(status);
  }

  policy::RuleFacts facts = policy::ReadProcessFacts(getenv);
  info.environment = std::move(facts.variables);
  facts.relay_client = info.relay_client;
  const service::MailService::Outlet& outlet = *mail->outlets.front();
  ServerConfig config = outlet.config;
  facts.Change(config, &config);
  config.require_hello = false;  // as in qmail-smtpd
  config.strictness = options.lenient.Of(info.remote_address);
  tls.Configure(&config);
  config.require_auth = options.submission;
  if (mail->backend != nullptr) {
    (void)service::OfferAuth(*mail->backend, options.auth, {},
                             &config);  // all mechanisms
    if (!config.offer_starttls && !tls.first() &&
        config.mechanisms_without_tls.empty()) {
      log::WriteLog("warning",
                    "AUTH is not offered without TLS: see --auth-insecure");
      config.mechanisms.clear();
    }
  }
  if (const absl::Status status = service::CheckConfig(config, options.control);
      !status.ok()) {
    return RefuseService(status);
  }
  service::MailSession mail_session(*mail, outlet);

  transports::StdioOptions stdio;
  stdio.times.write_timeout = mail->controls->timeout;
  stdio.times.handshake_timeout =
      std::min(stdio.times.handshake_timeout, mail->controls->timeout);
  stdio.times.pace = {.min_rate = static_cast<uint64_t>(options.min_rate),
                      .grace = absl::Seconds(options.rate_grace)};
  stdio.times.greet_delay = absl::Seconds(options.greet_delay);
  net::DescriptorStream stream(STDIN_FILENO, STDOUT_FILENO);
  tls.Configure(&stream, &info, &stdio);
  const std::optional<IpAddress> address = info.remote_address;
  ResponderOptions responder = mail_session.responder();
  // A handoff means that this program could not be run at the beginning.
  if (!options.record.empty() && hooks.recorder && !options.handoff) {
    responder.observer = hooks.recorder();
  }
  const SessionEnd result = transports::ServeStdio(
      config, std::move(responder), std::move(info), stdio, &stream);
  if (result.clean) return 0;
  log::LogLine line("session", log::LineStyle(), {session});
  line.Word("end", CloseReasonName(result.reason)).Ip("ip", address);
  if (!result.tls_error.empty()) {
    line.Sentence("tls-error", result.tls_error, log::kMaxLoggedName);
  }
  log::WriteLog(line);
  return kEnded;
}

}  // namespace postern::programs
