// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_recipients.h"

#include <errno.h>
#include <string.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "delivery/faulty_file_system.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

class MaildirRecipientsTest : public testing::Test {
 protected:
  MaildirRecipientsTest() {
    directory_.MakeMaildir("d/u");
    directory_.MakeDirectory("d/half/new");
    directory_.Write("d/file", "");
    directory_.MakeDirectory("unmounted");
  }

  // Returns the reply to a recipient, or code 0 for an acceptance.
  Reply Decide(const std::string& pattern, const Path& to) {
    auto location = MaildirLocation::Parse(directory_.File(pattern), "d");
    MaildirRecipients recipients(
        *location,
        [this](absl::string_view line) { reports_.emplace_back(line); },
        files_);
    const Verdict verdict = recipients.Decide(to).verdict;
    EXPECT_EQ(files_.open_count(), 0);
    if (verdict.accepted()) return {};
    EXPECT_EQ(verdict.kind(), Verdict::Kind::kRefuse);
    return verdict.reply().value_or(Reply{});
  }

  files::TestDirectory directory_;
  FaultyFileSystem files_{PosixFileSystem()};
  std::vector<std::string> reports_;
};

TEST_F(MaildirRecipientsTest, RecipientsWithoutAMaildirAreRefused) {
  const struct {
    Path to;
    bool accepted;
  } cases[] = {
      {{"u", "d"}, true},
      {{"U", "D"}, true},
      {{"u", ""}, true},  // in the default domain
      {{"x", "d"}, false},
      {{"u", "x"}, false},
      {{"", "d"}, false},
      {{".", "d"}, false},
      {{"..", "d"}, false},
      {{"../d/u", "d"}, false},
      {{"u/", "d"}, false},
      {{"u", "../d"}, false},
      {{std::string("u\0", 2), "d"}, false},
      {{std::string(300, 'u'), "d"}, false},
      {{std::string(255, 'u'), "d"}, false},
  };
  const Reply refusal{
      550, {5, 1, 1}, "sorry, no mailbox here by that name (#5.1.1)"};
  for (const auto& c : cases) {
    EXPECT_EQ(Decide("%d/%u", c.to), c.accepted ? Reply{} : refusal)
        << c.to.Address();
  }
  EXPECT_TRUE(reports_.empty());  // wrong addresses are not reported
}

TEST_F(MaildirRecipientsTest, FailedLookupIsRefusedTemporarily) {
  for (const int error : {EACCES, EIO, EMFILE, ENFILE, ELOOP}) {
    files_.FailEvery(FaultyFileSystem::Op::kOpen, error);
    EXPECT_EQ(Decide("%d/%u", {"u", "d"}),
              (Reply{451, {4, 3, 0}, "unable to open the mailbox (#4.3.0)"}));
    ASSERT_EQ(reports_.size(), 1u);
    EXPECT_EQ(reports_[0], absl::StrCat("maildir ", directory_.File("d/u"),
                                        ": ", strerror(error)));
    reports_.clear();
  }
}

TEST_F(MaildirRecipientsTest, MissingMailStoreIsATemporaryRefusal) {
  const struct {
    const char* pattern;
    Path to;
    std::string why;  // PATH: the directory of the test
  } cases[] = {
      {"missing/%d/%u",
       {"u", "d"},
       "maildir PATH/missing/d/u: PATH/missing: No such file or directory"},
      {"unmounted/%d/%u",
       {"u", "d"},
       "maildir PATH/unmounted/d/u: PATH/unmounted is empty: is its file "
       "system mounted, or has no Maildir been made in it?"},
      {"%d/%u",
       {"u", "unmounted"},
       "maildir PATH/unmounted/u: PATH/unmounted is empty: is its file system "
       "mounted, or has no Maildir been made in it?"},
      {"%d/%u",
       {"half", "d"},
       "maildir PATH/d/half: PATH/d/half exists, but is no Maildir"},
      {"%d/%u", {"file", "d"}, "maildir PATH/d/file: Not a directory"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Decide(c.pattern, c.to),
              (Reply{451, {4, 3, 0}, "unable to open the mailbox (#4.3.0)"}));
    ASSERT_EQ(reports_.size(), 1u) << c.pattern;
    EXPECT_EQ(reports_[0],
              absl::StrReplaceAll(c.why, {{"PATH", directory_.path()}}));
    reports_.clear();
  }
}

TEST_F(MaildirRecipientsTest, AnExpansionDecides) {
  auto location = MaildirLocation::Parse(directory_.File("%d/%u"), "d");
  const MaildirRecipients recipients(
      *location,
      [this](absl::string_view line) { reports_.emplace_back(line); }, files_,
      [](const Path& to,
         absl::FunctionRef<absl::StatusOr<bool>(const Path&)> has_maildir)
          -> absl::StatusOr<std::vector<Path>> {
        if (to.local_part == "wrong") {
          return absl::FailedPreconditionError("aliases:7: a mistake");
        }
        for (const char* user : {"missing", "u", "half"}) {
          const auto has = has_maildir({user, "d"});
          if (has.ok() != (std::string(user) != "half")) {
            return absl::InternalError(user);
          }
          if (has.ok() && *has != (std::string(user) == "u")) {
            return absl::InternalError(user);
          }
          if (to.local_part == "broken" && !has.ok()) return has.status();
        }
        if (to.local_part == "none") return std::vector<Path>();
        if (to.local_part == "u") return std::vector<Path>{to};
        return std::vector<Path>{{"a", "d"}, {"b", "d"}};
      });
  const auto decide = [&recipients](const char* user) {
    return recipients.Decide({user, "d"});
  };
  EXPECT_TRUE(decide("two").verdict.accepted());
  EXPECT_EQ(decide("two").mailboxes,
            (std::vector<Path>{{"a", "d"}, {"b", "d"}}));
  EXPECT_TRUE(decide("u").verdict.accepted());
  EXPECT_TRUE(decide("u").mailboxes.empty());  // its own
  EXPECT_EQ(decide("none").verdict.reply()->code, 550);
  EXPECT_TRUE(reports_.empty());
  const Verdict wrong = decide("wrong").verdict;
  EXPECT_EQ(wrong.reply(),
            (Reply{451, {4, 3, 5}, "unable to find the mailboxes (#4.3.5)"}));
  EXPECT_EQ(wrong.source(), "aliases:7: a mistake");
  EXPECT_EQ(decide("broken").verdict.reply(),
            (Reply{451, {4, 3, 0}, "unable to open the mailbox (#4.3.0)"}));
  EXPECT_EQ(reports_, (std::vector<std::string>{
                          "aliases:7: a mistake",
                          absl::StrCat("maildir ", directory_.File("d/half"),
                                       ": ", directory_.File("d/half"),
                                       " exists, but is no Maildir")}));
}

TEST_F(MaildirRecipientsTest, ASharedMaildirTakesEveryRecipient) {
  EXPECT_EQ(Decide("no", {"../x", "y"}), Reply{});
  EXPECT_TRUE(files_.calls().empty());
}

}  // namespace
}  // namespace postern::delivery
