// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "tests/loopback_choice.h"

#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/orcpt.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/path.h"

namespace postern {
namespace {

constexpr absl::string_view kLocalParts[] = {
    "u", "v", "no", "nobody", "full", "late", "a b", "\"\\", "a@b", "\xC3\xA4"};
constexpr absl::string_view kDomains[] = {"d", "\xC3\xA4.example"};
constexpr absl::string_view kContent[] = {
    "text\r\n", "x", "\r\n", ".", "..\r\n", ".x\r\n", "QUIT\r\n", "\r\n.\r\n"};
constexpr absl::string_view kBare[] = {"\n", "\r", "\r\n.\n", "\n.\r\n"};
constexpr absl::string_view kMechanisms[] = {"PLAIN", "LOGIN", "EXTERNAL"};

class Choice {
 public:
  explicit Choice(const Chooser& choose) : choose_(choose) {}

  Loopback Make() {
    Loopback loopback;
    MakeServer(&loopback);
    loopback.client.lmtp = loopback.server.lmtp;
    loopback.client.max_pipelined = 1 + choose_(9);
    loopback.ehlo = !OneIn(5);
    loopback.handshakes = !OneIn(6);
    if (Flip()) loopback.peer_subject = "CN=c";
    if (loopback.handshakes && OneIn(8)) {
      loopback.meddler = Flip() ? Meddler::kToServer : Meddler::kToClient;
    }
    if (OneIn(8)) loopback.shutdown = 1 + choose_(100);
    for (size_t n = choose_(8); n > 0; --n) loopback.acts.push_back(MakeAct());
    return loopback;
  }

 private:
  // Return false for 0, so that a fuzzer's exhausted input gives a small
  // loopback.
  bool Flip() { return choose_(2) == 1; }
  bool OneIn(size_t n) { return choose_(n) == n - 1; }
  template <size_t n>
  absl::string_view OneOf(const absl::string_view (&words)[n]) {
    return words[choose_(n)];
  }

  void MakeServer(Loopback* loopback) {
    ServerConfig& server = loopback->server;
    server.lmtp = OneIn(3);
    if (Flip()) server.carried = ExtensionSet::All();
    if (OneIn(8)) {
      const size_t row = choose_(std::size(kExtensionTable));
      server.extensions =
          server.extensions - ExtensionSet{kExtensionTable[row].extension};
    }
    if (Flip()) {
      server.hold_limits.emplace();
      server.hold_limits->longest = absl::Hours(1);
      server.hold_limits->latest = absl::FromUnixSeconds(4000000000);
    }
    server.offer_starttls = Flip();
    server.require_tls = server.offer_starttls && OneIn(8);
    if (Flip()) server.mechanisms = {"PLAIN", "LOGIN", "EXTERNAL"};
    if (Flip()) server.mechanisms_without_tls = {"LOGIN", "PLAIN"};
    server.require_auth = !server.mechanisms.empty() && OneIn(8);
    server.max_open_asks = 1 + choose_(4);
    if (OneIn(4)) server.max_message_size = 1 + choose_(60);
    if (OneIn(4)) server.max_recipients = 1 + choose_(3);
    if (OneIn(8)) server.max_errors = 1 + static_cast<int>(choose_(6));
  }

  LoopbackAct MakeAct() {
    switch (choose_(6)) {
      case 0:
      case 1:
      case 2:
        return MakeMail();
      case 3:
        return MakeAuth();
      case 4:
        return LoopbackTls();
      default:
        return LoopbackGreet();
    }
  }

  LoopbackAuth MakeAuth() {
    LoopbackAuth auth;
    auth.mechanism = std::string(OneOf(kMechanisms));
    auth.user = Flip() ? "u" : "\xFF\r\n";
    // The longest does not fit into the line of AUTH.
    const size_t size = choose_(4);
    auth.secret = Flip() ? "wrong" : "s";
    auth.secret.append(size == 3 ? 400 : size, '\0');
    auth.initial = Flip();
    auth.cancel = OneIn(4);
    return auth;
  }

  Path MakePath() {
    return {std::string(OneOf(kLocalParts)),
            std::string(kDomains[OneIn(8) ? 1 : 0])};
  }

  LoopbackMail MakeMail() {
    LoopbackMail mail;
    if (!OneIn(8)) mail.mail.from = MakePath();
    mail.mail.parameters = MakeMailParameters();
    for (size_t n = choose_(5); n > 0; --n) {
      mail.to.push_back({MakePath(), MakeRcptParameters()});
    }
    mail.chunks = Flip();
    mail.content = MakeContent();
    return mail;
  }

  std::string MakeContent() {
    std::string content;
    for (size_t n = choose_(12); n > 0; --n) {
      absl::StrAppend(&content, OneOf(kContent));
    }
    if (OneIn(8)) {
      absl::StrAppend(&content, OneOf(kBare));
      if (Flip()) content += "x";
    }
    if (OneIn(4)) {
      for (size_t n = choose_(6); n > 0; --n) {
        content += static_cast<char>(choose_(256));
      }
    }
    return content;
  }

  MailParameters MakeMailParameters() {
    MailParameters parameters;
    if (OneIn(3)) parameters.size = choose_(80);
    if (Flip()) parameters.body = static_cast<BodyType>(choose_(3));
    parameters.smtp_utf8 = Flip();
    if (!Flip()) return parameters;
    if (Flip()) parameters.ret = Flip() ? Ret::kFull : Ret::kHeaders;
    if (Flip()) parameters.envid = "a+b =c";
    if (Flip()) {
      parameters.auth = Flip() ? Path{"a+b =c", "d"} : Path();
    }
    parameters.require_tls = Flip();
    if (Flip()) parameters.priority = static_cast<int>(choose_(19)) - 9;
    if (Flip()) {
      parameters.deliver_by = DeliverBy{static_cast<int32_t>(choose_(256)) - 99,
                                        DeliverBy::Mode::kNotify, Flip()};
    }
    if (OneIn(3)) parameters.hold = absl::Seconds(1 + choose_(256));
    if (OneIn(3)) {
      parameters.hold =
          absl::FromUnixSeconds(1700000000 + int64_t(choose_(256)));
    }
    return parameters;
  }

  RcptParameters MakeRcptParameters() {
    RcptParameters parameters;
    if (!OneIn(3)) return parameters;
    if (Flip()) parameters.notify = Notify{Flip(), Flip(), Flip()};
    if (Flip()) parameters.orcpt = Orcpt{"rfc822", "a+b =c@d"};
    if (Flip()) {
      parameters.rrvs =
          Rrvs{absl::FromUnixSeconds(1400000000 + int64_t(choose_(256))),
               Flip() ? Rrvs::Action::kContinue : Rrvs::Action::kReject};
    }
    return parameters;
  }

  const Chooser& choose_;
};

}  // namespace

Loopback ChooseLoopback(const Chooser& choose) { return Choice(choose).Make(); }

}  // namespace postern
