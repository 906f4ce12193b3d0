// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A session without an observer does not copy the answer about a message. This
// program counts the blocks of freed memory that contain the answer's text.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/delivery.h"
#include "engine/grammar/reply.h"
#include "engine/policy.h"
#include "engine/responder.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "engine/trace_header.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"
#include "tests/heap.h"

namespace postern {
namespace {

// Only logs have it, so the session has no other copy.
constexpr absl::string_view kSource =
    "the source of a verdict that is too long for a string of its own";

class Transaction : public MailTransaction {
 public:
  std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
    return Verdict::Accept();
  }
  bool Write(absl::Span<const absl::string_view>,
             absl::AnyInvocable<void() &&>) override {
    return true;
  }
  void Commit(Policy::Done done) override {
    std::move(done)(Verdict::Accept());
  }
  void CommitEach(EachDone done) override {
    std::vector<Verdict> verdicts;
    verdicts.push_back(Verdict::Accept().From(std::string(kSource)));
    // The blocks before this line are those of the test.
    WatchFreed(kSource);
    std::move(done)(std::move(verdicts));
  }
};

class Accepting : public Policy, public Delivery {
 public:
  std::optional<Verdict> Decide(const Ask&, const SharedSessionInfo&,
                                Later) override {
    return Verdict::Accept();
  }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Transaction>();
  }
};

TEST(VerdictCopyTest, ASingleAnswerOfLmtpIsMoved) {
  ServerConfig config;
  config.greeting = "mx";
  config.lmtp = true;
  ServerSession session(config);
  Accepting accepting;
  std::vector<PostedAnswer> posted;
  ResponderOptions options;
  options.policy = &accepting;
  options.delivery = &accepting;
  options.host_name = "host.example";
  options.stamp = [] { return TraceStamp{absl::UnixEpoch(), "q1"}; };
  options.post = [&posted](PostedAnswer answer) {
    posted.push_back(std::move(answer));
  };
  Responder responder(&session, std::move(options), SessionInfo());
  std::string in =
      "LHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@d>\r\nDATA\r\nhi\r\n.\r\nQUIT"
      "\r\n";
  Step::Kind kind = Step::Kind::kNeedInput;
  for (int steps = 0; kind != Step::Kind::kClosed && steps < 100; ++steps) {
    const Step step = session.Advance(in);
    kind = step.kind;
    responder.OnAdvanced();
    if (kind == Step::Kind::kAsk) responder.OnAsk(*step.ask);
    if (kind == Step::Kind::kBody) {
      EXPECT_TRUE(responder.OnBody(step.body));
    }
    in.erase(0, step.consumed);
    while (!posted.empty()) {
      PostedAnswer answer = std::move(posted.back());
      posted.pop_back();
      responder.Answer(std::move(answer));
    }
  }
  EXPECT_EQ(kind, Step::Kind::kClosed);
  EXPECT_EQ(FreedWithText(), 1u);
  WatchFreed("");
  EXPECT_NE(session.Output().find("250 2.0.0 ok"), absl::string_view::npos);
}

}  // namespace
}  // namespace postern
