// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One session of a MailService: how its questions are answered, and what the
// log and the metrics say about them.

#ifndef POSTERN_SERVICE_MAIL_SESSION_H_
#define POSTERN_SERVICE_MAIL_SESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "engine/authenticator.h"
#include "engine/responder.h"
#include "engine/session_info.h"
#include "log/log_line.h"
#include "service/logged_delivery.h"
#include "service/mail_service.h"

namespace postern::service {

// Logs each decision, each refusal and what became of each message; counts all
// of them. Called on the session's thread.
class MailSession : private Authenticator {
 public:
  // `service` must outlive this, and each answer that is due at its end.
  explicit MailSession(const MailService& service);

  // How the session's questions are answered: ResponderOptions without `post`.
  // This must outlive the Responder.
  ResponderOptions responder();

  // Appends what the session has asked, and how much of it was accepted:
  // "ehlo=1 mail=2 rcpt=2/3 data=2"; "2/3" is two of three, and what is 0 is
  // left out. `info` are its facts at its end.
  void AppendCounts(const SessionInfo& info, log::LogLine* line) const;

 private:
  enum Count : uint8_t {
    kHello,
    kStartTls,
    kAuth,
    kMail,
    kRcpt,
    kData,
    kVerify
  };
  static constexpr size_t kCounts = 7;

  void OnDecided(const Ask& ask, const Verdict& verdict,
                 const SessionInfo& info);
  std::unique_ptr<AuthExchange> Begin(
      absl::string_view mechanism, const SharedSessionInfo& session) override;

  const MailService& service_;
  LoggedDelivery delivery_;
  std::array<uint32_t, kCounts> asked_ = {};
  std::array<uint32_t, kCounts> accepted_ = {};
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_MAIL_SESSION_H_
