// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/partial/accepted_recipients.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

MessageKey Key(const std::string& content) {
  return {"lmtp:unix:/lmtp", "s@x.example", content};
}

class AcceptedRecipientsTest : public testing::Test {
 protected:
  AcceptedRecipientsTest() { options_.file = folder_.File("accepted"); }

  absl::Status Open() {
    table_.reset();
    table_ =
        std::make_unique<AcceptedRecipients>(options_, [this] { return now_; });
    return table_->Open();
  }
  bool AnyHas(const std::string& user) const {
    const Recipient recipient = {{user, "d"}, {}};
    return table_->AnyHas("lmtp:unix:/lmtp", "s@x.example", {&recipient, 1});
  }

  files::TestDirectory folder_;
  absl::Time now_ = absl::FromUnixSeconds(1795290976);
  AcceptedRecipientsOptions options_;
  std::unique_ptr<AcceptedRecipients> table_;
};

TEST_F(AcceptedRecipientsTest, KnowsWhatWasAddedAndNotRemoved) {
  ASSERT_TRUE(Open().ok());
  EXPECT_FALSE(AnyHas("a"));
  // Octets of a digest may be anything.
  const MessageKey one = Key(std::string("\0\xff'\n", 4));
  ASSERT_TRUE(table_->Add(one, {"a@d", "b@d"}).ok());
  ASSERT_TRUE(table_->Add(one, {"b@d", "c@d"}).ok());
  ASSERT_TRUE(table_->Add(Key("2"), {"\"x y\"@d", "<>\"'@d"}).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(table_->Of(one), ElementsAre("a@d", "b@d", "c@d"));
    EXPECT_THAT(table_->Of(Key("2")), ElementsAre("\"x y\"@d", "<>\"'@d"));
    EXPECT_THAT(table_->Of(Key("3")), IsEmpty());
    EXPECT_EQ(table_->size(), 5u);
    EXPECT_TRUE(AnyHas("c"));
    EXPECT_FALSE(AnyHas("d"));
    ASSERT_TRUE(Open().ok());
  }
  ASSERT_TRUE(table_->Remove(one, {"a@d", "b@d", "other@d"}).ok());
  ASSERT_TRUE(table_->Remove(Key("3"), {"a@d"}).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(table_->Of(one), ElementsAre("c@d"));
    EXPECT_EQ(table_->size(), 3u);
    ASSERT_TRUE(Open().ok());
  }
  struct stat facts = {};
  ASSERT_EQ(stat(options_.file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
}

TEST_F(AcceptedRecipientsTest, OldMessagesAreForgotten) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(table_->Add(Key("1"), {"a@d"}).ok());
  now_ += options_.lifetime - absl::Hours(1);
  // This does not make it younger: its client has waited since the beginning.
  ASSERT_TRUE(table_->Add(Key("1"), {"b@d"}).ok());
  EXPECT_TRUE(AnyHas("a"));
  now_ += absl::Hours(2);
  EXPECT_FALSE(AnyHas("a"));
  EXPECT_THAT(table_->Of(Key("1")), IsEmpty());
  EXPECT_EQ(table_->size(), 2u);
  ASSERT_TRUE(table_->Add(Key("2"), {"c@d"}).ok());
  EXPECT_EQ(table_->size(), 1u);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(table_->size(), 1u);
  now_ += options_.lifetime + absl::Hours(1);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(AcceptedRecipientsTest, OldestMessageMakesRoom) {
  options_.max_recipients = 4;
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(table_->Add(Key("1"), {"a@d", "b@d"}).ok());
  now_ += absl::Seconds(1);
  ASSERT_TRUE(table_->Add(Key("2"), {"a@d"}).ok());
  ASSERT_TRUE(table_->Add(Key("3"), {"a@d"}).ok());
  EXPECT_EQ(table_->size(), 4u);
  ASSERT_TRUE(table_->Add(Key("4"), {"a@d"}).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(table_->size(), 3u);
    EXPECT_THAT(table_->Of(Key("1")), IsEmpty());
    EXPECT_THAT(table_->Of(Key("2")), ElementsAre("a@d"));
    EXPECT_THAT(table_->Of(Key("4")), ElementsAre("a@d"));
    ASSERT_TRUE(Open().ok());
  }
  options_.max_recipients = 2;  // lower than it was
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(table_->size(), 2u);
  EXPECT_THAT(table_->Of(Key("4")), ElementsAre("a@d"));
}

TEST_F(AcceptedRecipientsTest, RecipientMayHaveSeveralMessages) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(table_->Add(Key("1"), {"a@d"}).ok());
  now_ += absl::Hours(1);
  ASSERT_TRUE(table_->Add(Key("2"), {"a@d", "b@d"}).ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(table_->Remove(Key("1"), {"a@d", "b@d"}).ok());
    EXPECT_TRUE(AnyHas("a"));
    EXPECT_TRUE(AnyHas("b"));
  }
  ASSERT_TRUE(table_->Remove(Key("2"), {"a@d"}).ok());
  EXPECT_FALSE(AnyHas("a"));
  EXPECT_TRUE(AnyHas("b"));
  ASSERT_TRUE(table_->Remove(Key("2"), {"b@d"}).ok());
  EXPECT_FALSE(AnyHas("b"));
  EXPECT_EQ(table_->size(), 0u);
  // The youngest of two messages counts, whichever was added first.
  ASSERT_TRUE(table_->Add(Key("3"), {"b@d"}).ok());
  now_ += absl::Hours(1);
  ASSERT_TRUE(table_->Add(Key("4"), {"a@d"}).ok());
  ASSERT_TRUE(table_->Add(Key("3"), {"a@d"}).ok());
  now_ += options_.lifetime - absl::Minutes(30);
  EXPECT_TRUE(AnyHas("a"));
  EXPECT_FALSE(AnyHas("b"));
}

// An event loop waits for AnyHas() and Of(), so their costs must not depend on
// the number of messages of a sender. Time is counted in calls of the clock.
TEST_F(AcceptedRecipientsTest, LookUpsOfASenderWithManyMessagesAreConstant) {
  int clock_calls = 0;
  AcceptedRecipients table(options_, [&] {
    ++clock_calls;
    return now_;
  });
  ASSERT_TRUE(table.Open().ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(table.Add(Key(absl::StrCat(i)), {"a@d"}).ok());
  }
  const std::vector<Recipient> recipients(10, Recipient{{"b", "d"}, {}});
  clock_calls = 0;
  EXPECT_FALSE(table.AnyHas("lmtp:unix:/lmtp", "s@x.example", recipients));
  EXPECT_EQ(clock_calls, 1);
  EXPECT_FALSE(table.AnyHas("lmtp:unix:/lmtp", "t@x.example", recipients));
  EXPECT_EQ(clock_calls, 1);
  EXPECT_THAT(table.Of(Key("19")), ElementsAre("a@d"));
  EXPECT_EQ(clock_calls, 2);
}

TEST_F(AcceptedRecipientsTest, AnotherProcessCannotUseIt) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(table_->Add(Key("1"), {"a@d"}).ok());
  const pid_t child = fork();
  if (child == 0) {
    AcceptedRecipients other(options_);
    const bool busy = absl::StrContains(other.Open().message(),
                                        "accepted: another process uses it");
    _exit(busy ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(table_->Add(Key("1"), {"b@d"}).ok());
}

TEST_F(AcceptedRecipientsTest, TableThatIsNotOpenHasNothing) {
  AcceptedRecipients table(options_);
  EXPECT_FALSE(table.Add(Key("1"), {"a@d"}).ok());
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(AcceptedRecipientsTest, UnusableFileIsNamed) {
  const auto error = [this] { return std::string(Open().message()); };
  options_.file = folder_.File("missing/accepted");
  EXPECT_TRUE(absl::StrContains(error(), "missing/accepted: No such file"))
      << error();
  options_.file = folder_.File("text");
  folder_.Write("text", std::string(5000, 'x'));
  EXPECT_TRUE(absl::StrContains(error(), "text: file is not a database"))
      << error();
  EXPECT_TRUE(absl::StrContains(error(), "remove the file")) << error();
  options_.file = folder_.File("other");
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(options_.file.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(other, "CREATE TABLE t (x)", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(other);
  EXPECT_TRUE(
      absl::StrContains(error(), "other: not a table of --partial-delivery"))
      << error();
}

}  // namespace
}  // namespace postern::delivery
