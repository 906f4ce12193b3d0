// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/filtered_delivery.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "delivery/open_message.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// Records the calls of its transactions, and answers a commit when the test
// says so.
class Recorder : public Delivery {
 public:
  ExtensionSet carries() const override {
    return ExtensionSet({Extension::kDsn});
  }
  bool LooksUpRecipients() const override { return true; }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }

  std::string log;
  std::string text;
  std::optional<Reply> refusal;  // of Open()
  bool opens_later = false;
  Policy::Done opened;
  std::optional<Policy::Done> done;
  std::optional<MailTransaction::EachDone> each;

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(Recorder* recorder) : recorder_(*recorder) {}
    ~Message() override { recorder_.log += "end;"; }
    std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                        Policy::Later) override {
      absl::StrAppend(&recorder_.log, "rcpt ", rcpt.to.local_part, ";");
      return Verdict::Accept();
    }
    std::optional<Verdict> Open(const Envelope& envelope,
                                Policy::Later later) override {
      absl::StrAppend(&recorder_.log, "open ", envelope.to.size(), ";");
      if (recorder_.opens_later) {
        recorder_.opened = later();
        return std::nullopt;
      }
      if (recorder_.refusal) return Verdict::Refuse(*recorder_.refusal);
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&>) override {
      for (absl::string_view slice : slices) {
        recorder_.text.append(slice.data(), slice.size());
      }
      return true;
    }
    void Commit(Policy::Done done) override {
      recorder_.log += "commit;";
      recorder_.done.emplace(std::move(done));
    }
    void CommitEach(EachDone done) override {
      recorder_.log += "each;";
      recorder_.each.emplace(std::move(done));
    }
    void OnReplied() override { recorder_.log += "replied;"; }

   private:
    Recorder& recorder_;
  };
};

class Filter : public ContentFilter {
 public:
  absl::string_view name() const override { return "filter"; }
  absl::Duration timeout() const override { return absl::Seconds(30); }
  FilterAnswer Decide(const Envelope& envelope, const SessionInfo& session,
                      const Spool& content, absl::Duration remaining) override {
    asked = absl::StrCat(envelope.to.size(), " ", session.hello_name, " ",
                         content.size());
    left = remaining;
    seen.resize(content.size());
    EXPECT_EQ(content.Read(0, seen.data(), std::min(seen.size(), size_t{100})),
              static_cast<ssize_t>(std::min(seen.size(), size_t{100})));
    return answer;
  }

  FilterAnswer answer = {.reason = "fine"};
  std::string asked;
  std::string seen;
  absl::Duration left;
};

class FilteredDeliveryTest : public testing::Test {
 protected:
  void Begin(system::Run run = nullptr, size_t recipients = 2) {
    filtered_ = std::make_shared<FilteredDelivery>(shared_, filter_, directory_,
                                                   std::move(run));
    Envelope envelope;
    for (size_t i = 0; i < recipients; ++i) {
      envelope.to.push_back({{absl::StrCat("u", i), "d"}, {}});
    }
    message_ = std::get<std::unique_ptr<MailTransaction>>(
        OpenMessage(*filtered_, envelope, SessionInfo{.hello_name = "client"}));
  }
  void Write(absl::string_view text) {
    EXPECT_TRUE(message_->Write({&text, 1}, [] { ADD_FAILURE(); }));
  }
  void Commit() {
    MailTransaction& committing = *message_;
    committing.Commit(
        [this, keep = std::move(message_)](Verdict verdict) mutable {
          verdicts_.push_back(std::move(verdict));
          message_ = std::move(keep);
        });
  }
  void CommitEach() {
    MailTransaction& committing = *message_;
    committing.CommitEach(
        [this, keep = std::move(message_)](std::vector<Verdict> all) mutable {
          verdicts_ = std::move(all);
          message_ = std::move(keep);
        });
  }
  // Sends a message that is filtered with `edits`; returns what is delivered.
  std::string Deliver(absl::string_view content, HeaderEdits edits) {
    recorder_.text.clear();
    verdicts_.clear();
    filter_->answer.edits = std::move(edits);
    Begin();
    Write(content);
    Commit();
    if (!recorder_.done) return "";
    std::move (*std::exchange(recorder_.done, {}))(Verdict::Accept());
    return recorder_.text;
  }

  const files::TestDirectory folder_;
  std::string directory_ = folder_.path();
  std::shared_ptr<Recorder> shared_ = std::make_shared<Recorder>();
  Recorder& recorder_ = *shared_;
  std::shared_ptr<Filter> filter_ = std::make_shared<Filter>();
  std::shared_ptr<FilteredDelivery> filtered_;
  std::unique_ptr<MailTransaction> message_;
  std::vector<Verdict> verdicts_;
};

TEST_F(FilteredDeliveryTest, MessageIsAcceptedOnlyWhenTheDeliveryHasIt) {
  filter_->answer.edits.add = "X-Spam: Yes\r\n";
  Begin();
  Write("Subject: x\r\n");
  Write("\r\nbody\r\n");
  EXPECT_EQ(recorder_.log, "");  // not before the filter has answered
  Commit();
  EXPECT_EQ(filter_->asked, "2 client 20");
  EXPECT_EQ(filter_->seen, "Subject: x\r\n\r\nbody\r\n");
  EXPECT_EQ(recorder_.log, "open 2;commit;");
  EXPECT_EQ(recorder_.text, "X-Spam: Yes\r\nSubject: x\r\n\r\nbody\r\n");
  ASSERT_TRUE(verdicts_.empty());
  std::move (*recorder_.done)(Verdict::Accept({250, {2, 0, 0}, "stored"}));
  ASSERT_EQ(verdicts_.size(), 1u);
  EXPECT_EQ(verdicts_[0].reply()->text, "stored");
  EXPECT_EQ(verdicts_[0].rule(), "filter");
  EXPECT_EQ(verdicts_[0].source(), "fine");
  message_->OnReplied();
  message_.reset();
  EXPECT_EQ(recorder_.log, "open 2;commit;replied;end;");
}

TEST_F(FilteredDeliveryTest, AcceptanceHasTheReasonsOfBoth) {
  const struct {
    Verdict answer;
    const char* reason;
    const char* rule;
    const char* source;
  } cases[] = {
      {Verdict::Accept(), "fine", "filter", "fine"},
      {Verdict::Accept().By("smtp").From("out: a:25"), "fine", "smtp",
       "out: a:25; filter: fine"},
      {Verdict::Accept().By("maildir"), "fine", "maildir", "filter: fine"},
      {Verdict::Accept().By("smtp").From("a:25"), "", "smtp", "a:25"},
      {Verdict::Refuse({550, {5, 1, 1}, "no"}).By("smtp").From("a:25"), "fine",
       "smtp", "a:25"},
  };
  for (const auto& c : cases) {
    for (const bool each : {false, true}) {
      filter_->answer.reason = c.reason;
      verdicts_.clear();
      Begin();
      Write("x");
      if (each) {
        CommitEach();
        std::move (*recorder_.each)({c.answer});
      } else {
        Commit();
        std::move (*recorder_.done)(c.answer);
      }
      ASSERT_EQ(verdicts_.size(), 1u);
      EXPECT_EQ(verdicts_[0].rule(), c.rule);
      EXPECT_EQ(verdicts_[0].source(), c.source);
    }
  }
}

TEST_F(FilteredDeliveryTest, DeliveryMayRefuse) {
  Begin();
  Write("x");
  Commit();
  std::move (*recorder_.done)(Verdict::Refuse({451, {4, 3, 0}, "disk"}));
  EXPECT_EQ(verdicts_.at(0).reply()->text, "disk");
  EXPECT_EQ(verdicts_[0].rule(), "");

  verdicts_.clear();
  recorder_.refusal = Reply{451, {4, 3, 0}, "cannot open"};
  Begin();
  Write("x");
  Commit();
  EXPECT_EQ(verdicts_.at(0).reply()->text, "cannot open");
  EXPECT_FALSE(verdicts_[0].accepted());
}

TEST_F(FilteredDeliveryTest, DeliveryMayOpenLater) {
  recorder_.opens_later = true;
  for (const bool accepts : {true, false}) {
    verdicts_.clear();
    recorder_.text.clear();
    std::vector<absl::AnyInvocable<void() &&>> tasks;
    Begin([&tasks](absl::AnyInvocable<void() &&> task) {
      tasks.push_back(std::move(task));
    });
    Write("x");
    Commit();
    ASSERT_EQ(tasks.size(), 1u);
    std::move(tasks[0])();
    EXPECT_EQ(recorder_.text, "");
    std::move(recorder_.opened)(
        accepts ? Verdict::Accept() : Verdict::Refuse({452, {4, 3, 1}, "no"}));
    // On a thread that may block, not on that of the answer.
    EXPECT_EQ(recorder_.text, "");
    EXPECT_TRUE(verdicts_.empty());
    ASSERT_EQ(tasks.size(), 2u);
    std::move(tasks[1])();
    EXPECT_EQ(recorder_.text, accepts ? "x" : "");
    if (accepts) std::move (*recorder_.done)(Verdict::Accept());
    EXPECT_EQ(verdicts_.at(0).accepted(), accepts);
  }
}

TEST_F(FilteredDeliveryTest, RefusedMessageDoesNotReachTheDelivery) {
  filter_->answer = {.refusal = Reply{550, {5, 7, 1}, "spam"},
                     .reason = "reject"};
  Begin();
  Write("x");
  Commit();
  ASSERT_EQ(verdicts_.size(), 1u);
  EXPECT_FALSE(verdicts_[0].accepted());
  EXPECT_EQ(verdicts_[0].reply()->text, "spam");
  EXPECT_EQ(verdicts_[0].rule(), "filter");
  EXPECT_EQ(verdicts_[0].source(), "reject");
  EXPECT_EQ(recorder_.log, "");
  EXPECT_EQ(recorder_.text, "");
}

TEST_F(FilteredDeliveryTest, EachRecipientHasItsAnswerInLmtp) {
  Begin();
  Write("x");
  CommitEach();
  EXPECT_TRUE(verdicts_.empty());
  std::vector<Verdict> answers;
  answers.push_back(Verdict::Accept());
  answers.push_back(Verdict::Refuse({552, {5, 2, 2}, "full"}).By("maildir"));
  std::move (*recorder_.each)(std::move(answers));
  ASSERT_EQ(verdicts_.size(), 2u);
  EXPECT_EQ(verdicts_[0].rule(), "filter");
  EXPECT_EQ(verdicts_[1].rule(), "maildir");

  verdicts_.clear();
  filter_->answer.refusal = Reply{550, {5, 7, 1}, "spam"};
  Begin();
  Write("x");
  CommitEach();
  ASSERT_EQ(verdicts_.size(), 1u);  // for all recipients
  EXPECT_EQ(verdicts_[0].reply()->text, "spam");
}

TEST_F(FilteredDeliveryTest, RecipientsAreAskedAboutAtOnce) {
  FilteredDelivery filtered(shared_, filter_, directory_, nullptr);
  EXPECT_TRUE(filtered.LooksUpRecipients());
  EXPECT_TRUE(filtered.carries().Has(Extension::kDsn));
  const auto message =
      filtered.Begin({}, std::make_shared<const SessionInfo>());
  EXPECT_TRUE(message
                  ->AddRecipient({.to = {"u", "d"}},
                                 []() -> Policy::Done { std::abort(); })
                  ->accepted());
  EXPECT_EQ(recorder_.log, "rcpt u;");
}

TEST_F(FilteredDeliveryTest, OtherThreadsAskTheFilter) {
  std::deque<absl::AnyInvocable<void() &&>> tasks;
  Begin([&tasks](auto task) { tasks.push_back(std::move(task)); });
  filtered_.reset();  // a reload
  Write("x");
  Commit();
  EXPECT_EQ(filter_->asked, "");
  EXPECT_EQ(tasks.size(), 1u);
  std::move(tasks.front())();
  tasks.clear();
  EXPECT_EQ(filter_->asked, "2 client 1");
  EXPECT_LE(filter_->left, absl::Seconds(30));
  EXPECT_GT(filter_->left, absl::Seconds(1));
  EXPECT_EQ(recorder_.log, "open 2;commit;");
  std::move (*recorder_.done)(Verdict::Accept());
  EXPECT_TRUE(verdicts_.at(0).accepted());
}

TEST_F(FilteredDeliveryTest, MessageThatCannotBeHeldIsRefusedForNow) {
  directory_ = folder_.File("none");
  Begin();
  Write(std::string(Spool::kInMemory + 1, 'x'));
  Commit();
  EXPECT_EQ(verdicts_.at(0).reply()->code, 451);
  EXPECT_EQ(filter_->asked, "");
  EXPECT_EQ(recorder_.log, "");
}

TEST_F(FilteredDeliveryTest, ContentIsTheSameExceptForTheEdits) {
  std::mt19937 random(1);
  const absl::string_view parts[] = {"X-Spam: No\r\n",
                                     "Subject: a\r\n",
                                     "\tfolded: x\r\n",
                                     "\r\n",
                                     "text\r\n",
                                     ":\r\n",
                                     "a",
                                     "b c: d\r\n",
                                     " \r\n",
                                     "\x80\r\n"};
  for (int i = 0; i < 500; ++i) {
    std::string content = "Received: x\r\n";
    const size_t count = random() % 12;
    for (size_t j = 0; j < count; ++j) {
      absl::StrAppend(&content, parts[random() % std::size(parts)]);
    }
    // Some messages are larger than the memory of a Spool.
    if (i % 50 == 0) content.append(Spool::kInMemory, '.');
    SCOPED_TRACE(content.substr(0, 200));
    EXPECT_TRUE(Deliver(content, {}) == content);
    EXPECT_TRUE(Deliver(content, {.add = "A: 1\r\n"}) == "A: 1\r\n" + content);
    EXPECT_TRUE(Deliver(content, {.changes = {{"X-None", 0, ""}}}) == content);
    // Whatever is removed, the rest of the message stays.
    const size_t section = HeaderSectionSize(content).value_or(content.size());
    const std::string less = Deliver(content, {.changes = {{"X-Spam", 0, ""}}});
    EXPECT_TRUE(less == EditHeaderSection(content.substr(0, section),
                                          {.changes = {{"X-Spam", 0, ""}}}) +
                            content.substr(section));
  }
}

TEST_F(FilteredDeliveryTest, LongHeaderSectionIsNotChanged) {
  const std::string line = "X-Long: " + std::string(900, 'x') + "\r\n";
  std::string most;
  while (most.size() + line.size() <= kMaxHeaderSection) most += line;
  const HeaderEdits edits = {.changes = {{"Subject", 0, ""}}};
  EXPECT_TRUE(Deliver(most + "\r\nbody\r\n", edits) == most + "\r\nbody\r\n");
  EXPECT_TRUE(Deliver(most + line + "\r\n", {.add = "A: 1\r\n"}) ==
              "A: 1\r\n" + most + line + "\r\n");
  EXPECT_EQ(Deliver(most + line + "\r\nbody\r\n", edits), "");
  EXPECT_EQ(verdicts_.at(0).reply()->code, 554);
}

}  // namespace
}  // namespace postern::delivery
