// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/loopback_server.h"

#include <cstdint>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/loopback_rules.h"

namespace postern {
namespace {

Verdict Yes(const Path& path) {
  return Verdict::Accept({250, {2, 1, 0}, ReplyTextFor(path)});
}
Verdict No(const Path& path) {
  return Verdict::Refuse({550, {5, 7, 1}, ReplyTextFor(path)});
}
AuthAnswer WrongSecret() {
  return Verdict::Refuse({535, {5, 7, 8}, "who are you?"});
}

}  // namespace

LoopbackServer::LoopbackServer(const Loopback& loopback, const Chooser& choose)
    : loopback_(loopback), choose_(choose), session_(loopback.server) {
  EXPECT_EQ(loopback.server.Validate(), absl::OkStatus());
}

bool LoopbackServer::Run(LoopbackWire& wire) {
  if (++steps_ == loopback_.shutdown) session_.Shutdown();
  if (!open_.empty() && choose_(2) == 0) AnswerOne();
  const Step step = wire.Advance(session_);
  switch (step.kind) {
    case Step::Kind::kAsk:
      open_.push_back(*step.ask);
      awaits_tls_ |= std::holds_alternative<StartTls>(step.ask->what);
      break;
    case Step::Kind::kWaiting:
      EXPECT_FALSE(open_.empty()) << "waits for no answer";
      if (open_.empty()) return false;
      AnswerOne();
      break;
    case Step::Kind::kBody:
      for (absl::string_view slice : step.body) {
        absl::StrAppend(&content_, slice);
      }
      break;
    case Step::Kind::kAborted:
      cut_off_ = in_message_ && step.refusal == nullptr;
      in_message_ = false;
      content_.clear();
      mechanism_.clear();
      break;
    case Step::Kind::kStartTls:
      shakes_hands_ = true;
      return false;
    case Step::Kind::kNeedInput:
    case Step::Kind::kNeedFlush:
      return false;
    case Step::Kind::kClosed:
      closed_ = step.reason;
      if (step.reason == CloseReason::kShutdown) {
        EXPECT_FALSE(cut_off_);
      }
      return false;
  }
  return true;
}

void LoopbackServer::TlsStarted() {
  session_.TlsStarted({"TLSv1.3", "c", loopback_.peer_subject});
  awaits_tls_ = false;
  shakes_hands_ = false;
  EXPECT_EQ(session_.identity(), "");
  EXPECT_TRUE(session_.envelope().from.null());
  EXPECT_TRUE(session_.envelope().to.empty());
}

void LoopbackServer::AnswerOne() {
  const size_t i = choose_(open_.size());
  const Ask ask = std::move(open_[i]);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
  Answer(ask);
}

void LoopbackServer::Answer(const Ask& ask) {
  if (const auto* begin = std::get_if<AuthBegin>(&ask.what)) {
    EXPECT_EQ(mechanism_, "") << "two exchanges at once";
    EXPECT_EQ(session_.CompleteAuth(ask.id, Start(*begin)), absl::OkStatus());
  } else if (const auto* response = std::get_if<AuthResponse>(&ask.what)) {
    EXPECT_EQ(session_.CompleteAuth(ask.id, Respond(response->bytes)),
              absl::OkStatus());
  } else if (std::holds_alternative<BodyEnd>(ask.what)) {
    End(ask);
  } else {
    EXPECT_EQ(session_.Complete(ask.id, Decide(ask)), absl::OkStatus());
  }
}

Verdict LoopbackServer::Decide(const Ask& ask) {
  if (const auto* hello = std::get_if<Hello>(&ask.what)) {
    if (hello->verb == Hello::Verb::kEhlo && !loopback_.ehlo) {
      return Verdict::Refuse({502, {5, 5, 1}, "what is that?"});
    }
  } else if (std::holds_alternative<StartTls>(ask.what)) {
    awaits_tls_ = loopback_.handshakes;
    if (!loopback_.handshakes) {
      return Verdict::Refuse({454, {4, 7, 0}, "no\ncertificate"});
    }
  } else if (const auto* mail = std::get_if<Mail>(&ask.what)) {
    return IsRefused(mail->from) ? No(mail->from) : Yes(mail->from);
  } else if (const auto* rcpt = std::get_if<Rcpt>(&ask.what)) {
    EXPECT_EQ(rcpt->from, session_.envelope().from);
    return IsRefused(rcpt->to) ? No(rcpt->to) : Yes(rcpt->to);
  } else if (std::holds_alternative<BodyBegin>(ask.what)) {
    content_.clear();
    const Path& from = session_.envelope().from;
    if (IsRefusedAtBody(from)) return No(from);
    in_message_ = true;
  }
  return Verdict::Accept();
}

AuthAnswer LoopbackServer::Start(const AuthBegin& begin) {
  mechanism_ = begin.mechanism;
  login_.reset();
  if (begin.initial_response) return Respond(*begin.initial_response);
  return AuthChallenge{mechanism_ == "LOGIN" ? "Username:" : ""};
}

AuthAnswer LoopbackServer::Respond(absl::string_view bytes) {
  if (mechanism_ == "LOGIN" && !login_) {
    login_.emplace(bytes.data(), bytes.size());
    return AuthChallenge{"Password:"};
  }
  const std::string mechanism = std::exchange(mechanism_, "");
  if (mechanism == "PLAIN") return CheckPlain(bytes);
  if (mechanism == "EXTERNAL") return AuthGranted{loopback_.peer_subject};
  EXPECT_EQ(mechanism, "LOGIN");
  if (IsWrongSecret(bytes)) return WrongSecret();
  return AuthGranted{*login_};
}

// RFC 4616 2.
AuthAnswer LoopbackServer::CheckPlain(absl::string_view bytes) const {
  const size_t user = bytes.find('\0');
  const size_t secret = bytes.find('\0', user + 1);
  EXPECT_EQ(user, 0u);
  EXPECT_NE(secret, absl::string_view::npos);
  if (secret == absl::string_view::npos) return WrongSecret();
  if (IsWrongSecret(bytes.substr(secret + 1))) return WrongSecret();
  return AuthGranted{std::string(bytes.substr(1, secret - 1))};
}

void LoopbackServer::End(const Ask& ask) {
  const uint64_t size = std::get<BodyEnd>(ask.what).size;
  EXPECT_EQ(size, content_.size());
  in_message_ = false;
  const bool refused = IsRefused(size);
  LoopbackMessage message{session_.tls() != nullptr,
                          session_.identity(),
                          session_.envelope().from,
                          session_.envelope().parameters,
                          {},
                          std::exchange(content_, "")};
  std::vector<Verdict> verdicts;
  for (const Recipient& to : session_.envelope().to) {
    const bool stored = !refused && !(session_.lmtp() && IsFull(to.path));
    verdicts.push_back(stored ? Yes(to.path) : No(to.path));
    if (stored) message.to.push_back(to);
  }
  if (!message.to.empty()) messages_.push_back(std::move(message));
  const std::string text = ReplyTextFor(size);
  EXPECT_EQ(
      session_.lmtp() ? session_.Complete(ask.id, verdicts)
      : refused
          ? session_.Complete(ask.id, Verdict::Refuse({550, {5, 7, 1}, text}))
          : session_.Complete(ask.id, Verdict::Accept({250, {2, 0, 0}, text})),
      absl::OkStatus());
}

}  // namespace postern
