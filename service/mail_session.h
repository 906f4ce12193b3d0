// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// One session of a MailService: it answers the questions of the session, and it
// writes the log and counts the metrics.

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

// Logs and counts each decision, each refusal and the outcome of each message.
// Called on the session's thread.
class MailSession : private Authenticator {
 public:
  // `outlet` is one of those of `service`. Both must outlive this object and
  // each answer that is pending when this object is destroyed.
  MailSession(const MailService& service, const MailService::Outlet& outlet);

  // Returns how to answer the session's questions: ResponderOptions without
  // `post`. This object must outlive the Responder.
  ResponderOptions responder();

  // Appends how often the client sent each command, and how often it was
  // accepted: "ehlo=1 mail=2 rcpt=2/3 data=2". "2/3" means two of three.
  // Commands that were not sent are left out. `info` are the session facts at
  // the end of the session.
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
  const MailService::Outlet& outlet_;
  LoggedDelivery delivery_;
  std::array<uint32_t, kCounts> asked_ = {};
  std::array<uint32_t, kCounts> accepted_ = {};
};

}  // namespace postern::service

#endif  // POSTERN_SERVICE_MAIL_SESSION_H_
