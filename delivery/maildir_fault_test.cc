// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Makes the n-th system call fail, for every n and in many ways. A message is
// accepted if and only if it is durable for all of its recipients.

#include <errno.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "delivery/faulty_file_system.h"
#include "delivery/maildir.h"
#include "delivery/open_message.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using Op = FaultyFileSystem::Op;
using Fault = FaultyFileSystem::Fault;
using Contents = std::vector<std::string>;

// More than one buffer, so that files are written in several calls.
std::string LongLines(absl::string_view end) {
  std::string text;
  for (int i = 0; i < 10000; ++i) absl::StrAppend(&text, "line ", i, end);
  return text;
}

struct Setting {
  int recipients;  // 0: one, which expands to three mailboxes
  bool renames;    // the file system supports RENAME_NOREPLACE
};

class MaildirFaultTest : public testing::TestWithParam<Setting> {
 protected:
  using List = std::vector<Path>;
  struct FileWanted {
    std::string maildir;
    std::string header;  // after Return-Path
  };

  MaildirFaultTest() {
    if (!GetParam().renames) files_.LackRename();
    for (const char* name : {"a", "b", "c"}) {
      directory_.MakeMaildir(name);
    }
    maildir_ = std::make_unique<Maildir>(
        *MaildirLocation::Parse(directory_.File("%u")),
        MaildirOptions{.host = "mx",
                       .expand =
                           [](const Path& to, auto) {
                             if (to.local_part != "all") return List{to};
                             return List{{"b", "d"}, {"a", "d"}, {"c", "d"}};
                           }},
        files_);
    envelope_.from = {"s", "d"};
    if (GetParam().recipients == 0) {
      envelope_.to = {{{"all", "d"}}};
      for (const char* name : {"b", "a", "c"}) {
        files_wanted_.push_back(
            {name, absl::StrCat("X-Original-To: all@d\nDelivered-To: ", name,
                                "@d\n")});
      }
      return;
    }
    // "b" gets two messages: one Maildir, two recipients.
    const std::vector<Recipient> all = {
        {{"b", "d"}}, {{"a", "d"}}, {{"B", "e"}}, {{"c", "d"}}};
    envelope_.to = {all.begin(), all.begin() + GetParam().recipients};
    for (const Recipient& recipient : envelope_.to) {
      files_wanted_.push_back(
          {absl::AsciiStrToLower(recipient.path.local_part),
           absl::StrCat("Delivered-To: ", recipient.path.Address(), "\n")});
    }
  }

  // Returns the reply of Commit() or Open(); code 0: accepted.
  Reply Deliver() {
    Opened opened = OpenMessage(*maildir_, envelope_, {}, Recipients::kAdded);
    if (auto* refusal = std::get_if<Reply>(&opened)) return *refusal;
    auto& sink = std::get<std::unique_ptr<MailTransaction>>(opened);
    for (absl::string_view rest = wire_; !rest.empty();) {
      sink->Write({rest.substr(0, 16384)}, [] { FAIL(); });
      rest.remove_prefix(std::min<size_t>(rest.size(), 16384));
    }
    std::optional<Verdict> verdict;
    sink->Commit([&](Verdict v) {
      verdict = std::move(v);
      calls_at_answer_ = files_.calls().size();
    });
    EXPECT_TRUE(verdict) << "not answered";
    return verdict->reply().value_or(Reply{});
  }

  // Checks the contents of the Maildirs after an answer, then empties them.
  void ExpectDelivered(bool delivered) {
    size_t messages = 0;
    for (const char* name : {"a", "b", "c"}) {
      Contents want;
      for (const FileWanted& file : files_wanted_) {
        if (delivered && file.maildir == name) {
          want.push_back(
              absl::StrCat("Return-Path: <s@d>\n", file.header, disk_));
        }
      }
      std::sort(want.begin(), want.end());
      const std::string in_new = absl::StrCat(name, "/new");
      EXPECT_TRUE(directory_.Contents(in_new) == want) << name;
      messages += want.size();
      EXPECT_TRUE(directory_.List(absl::StrCat(name, "/tmp")).empty()) << name;
      Empty(in_new);
      Empty(absl::StrCat(name, "/tmp"));
    }
    EXPECT_EQ(messages, delivered ? files_wanted_.size() : 0);
  }

  void Empty(const std::string& directory) {
    for (const std::string& name : directory_.List(directory)) {
      (void)RemoveFile(PosixFileSystem(), -1,
                       directory_.File(absl::StrCat(directory, "/", name)));
    }
  }

  // Checks that each file was synced, closed and moved, and then its directory
  // synced, in this order and before the answer, and nothing was synced twice.
  void ExpectDurableOrder() {
    const auto& calls = files_.calls();
    const auto find = [&](Op op, absl::string_view path, size_t from) {
      for (size_t i = from; i < calls.size(); ++i) {
        if (calls[i].op == op && calls[i].ok && calls[i].path == path) return i;
      }
      return calls.size();
    };
    const Op move_op = GetParam().renames ? Op::kRename : Op::kLink;
    size_t moves = 0;
    for (size_t move = 0; move < calls.size(); ++move) {
      if (calls[move].op != move_op) continue;
      ++moves;
      const std::string& path = calls[move].path;
      const size_t at = path.rfind("/new/");
      const std::string tmp =
          absl::StrCat(path.substr(0, at), "/tmp/", path.substr(at + 5));
      const size_t sync = find(Op::kFsync, tmp, 0);
      const size_t closed = find(Op::kClose, tmp, sync);
      const size_t directory = find(Op::kFsync, path.substr(0, at + 4), move);
      EXPECT_LT(sync, closed) << path;
      EXPECT_LT(closed, move) << path;
      EXPECT_LT(directory, calls_at_answer_) << path;
      // Nothing was written after the sync.
      for (size_t i = sync; i < calls.size(); ++i) {
        EXPECT_FALSE(calls[i].path == tmp &&
                     (calls[i].op == Op::kWrite || calls[i].op == Op::kCopy));
      }
    }
    EXPECT_EQ(moves, files_wanted_.size());
    ExpectNoSecondSync();
  }

  void ExpectNoSecondSync() {
    Contents synced;
    for (const auto& call : files_.calls()) {
      if (call.op == Op::kFsync) synced.push_back(call.path);
    }
    std::sort(synced.begin(), synced.end());
    EXPECT_EQ(std::adjacent_find(synced.begin(), synced.end()), synced.end());
  }

  files::TestDirectory directory_;
  FaultyFileSystem files_{PosixFileSystem()};
  std::unique_ptr<Maildir> maildir_;
  Envelope envelope_;
  std::vector<FileWanted> files_wanted_;  // after a delivery
  const std::string wire_ = LongLines("\r\n");
  const std::string disk_ = LongLines("\n");
  size_t calls_at_answer_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Settings, MaildirFaultTest,
                         testing::Values(Setting{1, true}, Setting{4, true},
                                         Setting{0, true}, Setting{1, false},
                                         Setting{4, false}, Setting{0, false}));

// Returns whether `path` is in a tmp/ directory, as an unfinished message is.
bool IsUnderWay(absl::string_view path) {
  return absl::EndsWith(path.substr(0, path.rfind('/')), "/tmp");
}

// Returns whether `op` is repeated after EINTR. fsync and close are not: the
// result of a second call means nothing.
bool SurvivesInterruption(Op op) {
  return op == Op::kOpen || op == Op::kWrite || op == Op::kRead ||
         op == Op::kCopy || op == Op::kUnlink;
}

TEST_P(MaildirFaultTest, AcceptsExactlyWhatIsDurable) {
  const size_t descriptors = files::CountOpenDescriptors();
  for (const Fault fault : {Fault::kOnce, Fault::kAfter}) {
    for (const int error : {EIO, ENOSPC, EDQUOT, EFBIG, EMFILE, EINTR}) {
      size_t n = 1;
      for (;; ++n) {
        SCOPED_TRACE(absl::StrCat("errno ", error, " in call ", n));
        files_.Fail(n, error, fault);
        const Reply reply = Deliver();
        if (!files_.hit()) {
          EXPECT_EQ(reply, Reply{});
          ExpectDurableOrder();
          ExpectDelivered(true);
          break;
        }
        const auto& hit = *files_.hit();
        // A failure to close a directory loses nothing.
        const bool harmless = (hit.op == Op::kClose && !IsUnderWay(hit.path)) ||
                              hit.op == Op::kUnlink ||
                              (error == EINTR && SurvivesInterruption(hit.op));
        SCOPED_TRACE(absl::StrCat(static_cast<int>(hit.op), " ", hit.path));
        if (harmless) {
          EXPECT_EQ(reply, Reply{});
          ExpectDurableOrder();
        } else {
          const bool full =
              (error == ENOSPC || error == EDQUOT || error == EFBIG);
          // A failure to open the first Maildir has another reply.
          const bool first = n <= 4;
          EXPECT_EQ(reply.code, full && !first ? 452 : 451);
          EXPECT_EQ(reply.enhanced, (full && !first ? EnhancedCode{4, 3, 1}
                                                    : EnhancedCode{4, 3, 0}));
          ExpectNoSecondSync();
        }
        ExpectDelivered(harmless);
        EXPECT_EQ(files_.open_count(), 0);
        EXPECT_EQ(files::CountOpenDescriptors(), descriptors);
        if (HasFailure()) return;
        // The next message is accepted.
        files_.Heal();
        EXPECT_EQ(Deliver(), Reply{});
        ExpectDelivered(true);
      }
      EXPECT_GT(n, 10);
    }
  }
}

TEST_P(MaildirFaultTest, ShortWritesAndCopiesAreContinued) {
  for (size_t n = 1;; ++n) {
    files_.Fail(n, 0, Fault::kShort);
    EXPECT_EQ(Deliver(), Reply{}) << n;
    const bool done = !files_.hit();
    ExpectDurableOrder();
    ExpectDelivered(true);
    if (done) break;
  }
}

TEST_P(MaildirFaultTest, CopiesWithoutCopyFileRangeAreTheSame) {
  for (const int error : {EXDEV, ENOSYS, 0}) {
    files_.FailEvery(Op::kCopy, error);
    EXPECT_EQ(Deliver(), Reply{});
    ExpectDelivered(true);
  }
}

// A disk that fails permanently: no file can be removed any more, and only
// durable messages are accepted.
TEST_P(MaildirFaultTest,
       OnlyDurableMessagesAreAcceptedIfTheDiskFailsPermanently) {
  for (size_t n = 1;; ++n) {
    files_.Fail(n, EIO, Fault::kFromThere);
    const Reply reply = Deliver();
    EXPECT_EQ(files_.open_count(), 0);
    if (!files_.hit()) break;
    const size_t syncs = static_cast<size_t>(std::count_if(
        files_.calls().begin(), files_.calls().end(),
        [](const auto& c) { return c.op == Op::kFsync && c.ok; }));
    // Files and directories; "b" may be one directory for two files.
    const size_t files = files_wanted_.size();
    const size_t all = files + std::min<size_t>(files, 3);
    EXPECT_EQ(reply.code == 0, syncs == all) << n;
    for (const char* name :
         {"a/new", "b/new", "c/new", "a/tmp", "b/tmp", "c/tmp"}) {
      Empty(name);
    }
  }
}

TEST_P(MaildirFaultTest, ReadOnlyFileSystemIsATemporaryRefusal) {
  // The errors of open() in a directory without write permission.
  for (const int error : {EROFS, EACCES, EPERM}) {
    files_.Fail(5, error);
    EXPECT_EQ(
        Deliver(),
        (Reply{451, {4, 3, 0}, "unable to write the message safely (#4.3.0)"}));
    ASSERT_TRUE(files_.hit());
    EXPECT_TRUE(IsUnderWay(files_.hit()->path));
    ExpectDelivered(false);
  }
}

TEST(MaildirDescriptorsTest, DescriptorsDoNotGrowWithRecipients) {
  files::TestDirectory directory;
  FaultyFileSystem files(PosixFileSystem());
  Envelope envelope;
  for (int i = 0; i < 100; ++i) {
    const std::string name = absl::StrCat("u", i);
    directory.MakeMaildir(name);
    envelope.to.push_back({{name, "d"}, {}});
  }
  Maildir maildir(*MaildirLocation::Parse(directory.File("%u")), {}, files);
  Opened opened = OpenMessage(maildir, envelope, {});
  auto& sink = std::get<std::unique_ptr<MailTransaction>>(opened);
  bool accepted = false;
  sink->Commit([&](Verdict verdict) { accepted = verdict.accepted(); });
  EXPECT_TRUE(accepted);
  EXPECT_EQ(files.most_open(), 6);  // as maildir.h says
}

// Otherwise the owners of the Maildirs could not read files that root wrote.
TEST(MaildirOwnerTest, RootGivesEachFileToTheOwnerOfItsMaildir) {
  files::TestDirectory directory;
  directory.MakeMaildir("a");
  directory.MakeMaildir("b");
  struct Owned : FaultyFileSystem {
    using FaultyFileSystem::FaultyFileSystem;
    int Stat(int fd, struct stat* status) override {
      const int result = FaultyFileSystem::Stat(fd, status);
      status->st_uid = user;
      status->st_gid = 7;
      return result;
    }
    int Chown(int fd, uid_t owner, gid_t group) override {
      ++given;
      return FaultyFileSystem::Chown(fd, owner, group);
    }
    uid_t user = 1000;
    int given = 0;
  };
  const auto deliver = [&](Owned& files) {
    Maildir maildir(*MaildirLocation::Parse(directory.File("%u")), {}, files);
    Opened opened =
        OpenMessage(maildir, {.to = {{{"a", "d"}}, {{"b", "d"}}}}, {});
    if (std::holds_alternative<Reply>(opened)) return false;
    bool accepted = false;
    std::get<std::unique_ptr<MailTransaction>>(opened)->Commit(
        [&](const Verdict& verdict) { accepted = verdict.accepted(); });
    return accepted;
  };
  Owned files(PosixFileSystem());
  files.PretendUser(0);
  EXPECT_TRUE(deliver(files));
  EXPECT_EQ(files.given, 2);
  EXPECT_EQ(files.owner(), (std::pair<uid_t, gid_t>{1000, 7}));

  // If chown fails, no file is left that its owner cannot read.
  files.FailEvery(FaultyFileSystem::Op::kChown, EPERM);
  EXPECT_FALSE(deliver(files));
  files.Heal();
  EXPECT_EQ(directory.List("a/new").size() + directory.List("b/new").size(),
            2u);
  EXPECT_TRUE(directory.List("a/tmp").empty());
  EXPECT_EQ(files.open_count(), 0u);

  Owned others(PosixFileSystem());
  others.PretendUser(1000);  // not root: no chown
  EXPECT_TRUE(deliver(others));
  others.PretendUser(0);
  others.user = 0;  // the Maildir belongs to root
  EXPECT_TRUE(deliver(others));
  EXPECT_EQ(others.given, 0);
}

}  // namespace
}  // namespace postern::delivery
