// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// LMTP: a failure for one recipient's Maildir does not affect the others, and a
// recipient is accepted if and only if its file is durable.

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "delivery/faulty_file_system.h"
#include "delivery/maildir.h"
#include "delivery/open_message.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Fault = FaultyFileSystem::Fault;

// Applies a quota to the files of some directories.
class Quotas : public FaultyFileSystem {
 public:
  Quotas() : FaultyFileSystem(PosixFileSystem()) {}

  // The remaining bytes for all files whose path contains the key, such as
  // "/a/".
  std::map<std::string, uint64_t> left;
  // Whether fsync() fails instead of write(), as on NFS.
  bool at_sync = false;
  // Whether a write that fails also loses the data before it.
  bool loses = false;

  ssize_t Write(int fd, absl::string_view data) override {
    if (!Take(fd, data.size())) return -EDQUOT;
    return FaultyFileSystem::Write(fd, data);
  }
  ssize_t Copy(int from, uint64_t offset, int to, size_t size) override {
    if (!Take(to, size)) return -EDQUOT;
    return FaultyFileSystem::Copy(from, offset, to, size);
  }
  int Fsync(int fd) override {
    for (const auto& [directory, octets] : left) {
      if ((at_sync || loses) && octets == 0 &&
          absl::StrContains(Name(fd), directory)) {
        return -EDQUOT;
      }
    }
    return FaultyFileSystem::Fsync(fd);
  }

 private:
  static std::string Name(int fd) {
    char name[4096];
    const ssize_t size = readlink(absl::StrCat("/proc/self/fd/", fd).c_str(),
                                  name, sizeof(name));
    return std::string(name, size < 0 ? 0 : static_cast<size_t>(size));
  }
  bool Take(int fd, size_t size) {
    const std::string name = Name(fd);
    for (auto& [directory, octets] : left) {
      if (!absl::StrContains(name, directory)) continue;
      const bool fits = octets >= size;
      octets = fits || !loses ? octets : 0;
      if (!fits && !at_sync) return false;
      octets -= std::min<uint64_t>(octets, size);
    }
    return true;
  }
};

// Longer than several buffers.
std::string LongLines(absl::string_view end) {
  std::string text;
  for (int i = 0; i < 10000; ++i) absl::StrAppend(&text, "line ", i, end);
  return text;
}

class MaildirEachTest : public testing::Test {
 protected:
  MaildirEachTest() {
    for (const char* name : {"a", "b", "c"}) directory_.MakeMaildir(name);
    // Two recipients have one Maildir, and two are the same address.
    envelope_.to = {
        {{"a", "d"}}, {{"b", "d"}}, {{"B", "e"}}, {{"c", "d"}}, {{"A", "D"}}};
  }

  // Returns the codes of the replies, one for each recipient; 0: accepted.
  std::vector<int> Deliver(Hello::Verb hello = Hello::Verb::kLhlo) {
    SessionInfo session;
    session.hello_verb = hello;
    Maildir maildir(
        *MaildirLocation::Parse(directory_.File("%u")),
        {.host = "mx",
         .expand = expand_,
         .report = [this](absl::string_view line) { log_.emplace_back(line); }},
        files_);
    Opened opened =
        OpenMessage(maildir, envelope_, std::move(session), recipients_);
    if (auto* refusal = std::get_if<Reply>(&opened)) {
      return std::vector<int>(envelope_.to.size(), refusal->code);
    }
    auto& message = std::get<std::unique_ptr<MailTransaction>>(opened);
    for (absl::string_view rest = wire_; !rest.empty();) {
      message->Write({rest.substr(0, 10000)}, [] { FAIL(); });
      rest.remove_prefix(std::min<size_t>(rest.size(), 10000));
    }
    std::vector<int> codes;
    message->CommitEach([&codes](const std::vector<Verdict>& verdicts) {
      for (const Verdict& verdict : verdicts) {
        codes.push_back(verdict.accepted() ? 0 : verdict.reply()->code);
      }
    });
    return codes;
  }

  // Checks that the accepted recipients have the complete message and the
  // others have nothing. Then empties the Maildirs.
  void ExpectDelivered(const std::vector<int>& codes) {
    ASSERT_EQ(codes.size(), envelope_.to.size());
    for (const char* name : {"a", "b", "c"}) {
      std::vector<std::string> want;
      for (size_t i = 0; i < codes.size(); ++i) {
        const Path& to = envelope_.to[i].path;
        // The last recipient is the same as the first.
        if (codes[i] != 0 || i == 4 ||
            !absl::EqualsIgnoreCase(to.local_part, name)) {
          continue;
        }
        want.push_back(absl::StrCat(
            "Return-Path: <>\nDelivered-To: ", to.Address(), "\n", disk_));
      }
      std::sort(want.begin(), want.end());
      const std::string in_new = absl::StrCat(name, "/new");
      EXPECT_TRUE(directory_.Contents(in_new) == want) << name;
      for (const std::string& file : directory_.List(in_new)) {
        unlink(directory_.File(absl::StrCat(in_new, "/", file)).c_str());
      }
      EXPECT_TRUE(directory_.List(absl::StrCat(name, "/tmp")).empty()) << name;
    }
    EXPECT_EQ(codes[0], codes[4]);
    EXPECT_EQ(files_.open_count(), 0u);
    EXPECT_LE(files_.most_open(), 6u);  // as maildir.h says
  }

  files::TestDirectory directory_;
  Quotas files_;
  ExpandRecipient expand_;  // if set: recipients_ is kAdded
  Recipients recipients_ = Recipients::kOfEnvelope;
  Envelope envelope_;
  const std::string wire_ = LongLines("\r\n");
  const std::string disk_ = LongLines("\n");
  std::vector<std::string> log_;
};

TEST_F(MaildirEachTest, FullMailboxIsRefusedOnlyForItsRecipient) {
  const std::vector<int> none = {0, 0, 0, 0, 0};
  const std::vector<int> first = {452, 0, 0, 0, 452};
  const struct {
    std::map<std::string, uint64_t> left;
    std::vector<int> codes;
  } cases[] = {
      {{}, none},
      // The first recipient's file is written while the message arrives.
      {{{"/a/", 0}}, first},
      {{{"/a/", 40}}, first},
      {{{"/a/", 40000}}, first},
      {{{"/a/", 80000}}, first},
      {{{"/b/", 0}}, {0, 452, 452, 0, 0}},
      {{{"/c/", 50000}}, {0, 0, 0, 452, 0}},
      {{{"/a/", 40000}, {"/b/", 0}}, {452, 452, 452, 0, 452}},
      {{{"/a/", 40000}, {"/b/", 70000}}, {452, 452, 452, 0, 452}},
      {{{"/a/", 0}, {"/c/", 0}}, {452, 0, 0, 452, 452}},
      // Space for one of two files.
      {{{"/b/", disk_.size() + 100}}, {0, 0, 452, 0, 0}},
      {{{"/a/", 0}, {"/b/", 0}, {"/c/", 0}}, {452, 452, 452, 452, 452}},
      {{{"/a/", 40000}, {"/b/", 40000}, {"/c/", 40000}},
       {452, 452, 452, 452, 452}},
  };
  for (const auto& c : cases) {
    files_.left = c.left;
    const std::vector<int> codes = Deliver();
    EXPECT_EQ(codes, c.codes);
    ExpectDelivered(codes);
    if (HasFailure()) return;
  }
}

// After an fsync() fails, the content of the file is not reliable.
TEST_F(MaildirEachTest, FileThatIsNotDurableIsNotCopied) {
  files_.at_sync = true;
  files_.left = {{"/a/", 0}};
  std::vector<int> codes = Deliver();
  EXPECT_THAT(codes, Each(452));
  ExpectDelivered(codes);
  files_.left = {{"/c/", 0}};  // none of its files is the source of a copy
  codes = Deliver();
  EXPECT_THAT(codes, ElementsAre(0, 0, 0, 452, 0));
  ExpectDelivered(codes);
}

// The same if write() fails first.
TEST_F(MaildirEachTest, DataThatAFullDiskLosesIsNotCopied) {
  files_.loses = true;
  files_.left = {{"/a/", 40000}};
  const std::vector<int> codes = Deliver();
  EXPECT_THAT(codes, Each(452));
  ExpectDelivered(codes);
}

TEST_F(MaildirEachTest, MissingMaildirIsRefusedOnlyForItsRecipient) {
  for (const char* name : {"a", "b", "c"}) {
    const std::string tmp = directory_.File(absl::StrCat(name, "/tmp"));
    ASSERT_EQ(rmdir(tmp.c_str()), 0);
    std::vector<int> want;
    for (const Recipient& each : envelope_.to) {
      const std::string user = absl::AsciiStrToLower(each.path.local_part);
      want.push_back(user == name ? 451 : 0);
    }
    const std::vector<int> codes = Deliver();
    EXPECT_EQ(codes, want);
    directory_.MakeDirectory(absl::StrCat(name, "/tmp"));
    ExpectDelivered(codes);
  }
  EXPECT_EQ(log_.size(), 3u);
  EXPECT_THAT(log_, Each(HasSubstr("No such file or directory")));
}

// Makes the n-th system call fail, for every n.
TEST_F(MaildirEachTest, AcceptsExactlyWhatIsDurable) {
  for (const Fault fault : {Fault::kOnce, Fault::kAfter}) {
    for (const int error : {EIO, EDQUOT, EMFILE}) {
      for (size_t n = 1;; ++n) {
        SCOPED_TRACE(absl::StrCat("errno ", error, " in call ", n));
        files_.Fail(n, error, fault);
        const std::vector<int> codes = Deliver();
        const bool done = !files_.hit();
        ExpectDelivered(codes);
        if (HasFailure()) return;
        if (done) break;
      }
    }
  }
}

// Recipients that expand to several mailboxes.
class MaildirExpandEachTest : public MaildirEachTest {
 protected:
  MaildirExpandEachTest() {
    envelope_.to = {{{"ab", "d"}}, {{"a", "d"}}, {{"bc", "d"}}, {{"c", "d"}}};
    recipients_ = Recipients::kAdded;
    // Without a look at the disk, so that the calls of files_ are those of the
    // message.
    expand_ = [](const Path& to,
                 absl::FunctionRef<absl::StatusOr<bool>(const Path&)>) {
      std::vector<Path> mailboxes;
      for (const char each : to.local_part) {
        mailboxes.push_back({std::string(1, each), to.domain});
      }
      return mailboxes;
    };
  }

  // Checks that a mailbox has the message if and only if one of its recipients
  // is accepted. Then empties the Maildirs.
  void ExpectExpanded(const std::vector<int>& codes) {
    const std::map<std::string, std::vector<size_t>> recipients = {
        {"a", {0, 1}}, {"b", {0, 2}}, {"c", {2, 3}}};
    ASSERT_EQ(codes.size(), envelope_.to.size());
    for (const auto& [name, numbers] : recipients) {
      std::string head = "Return-Path: <>\n";
      bool accepted = false;
      for (const size_t i : numbers) {
        accepted = accepted || codes[i] == 0;
        const Path& to = envelope_.to[i].path;
        if (to.local_part == name) continue;
        absl::StrAppend(&head, "X-Original-To: ", to.Address(), "\n");
      }
      std::vector<std::string> want;
      if (accepted) {
        want.push_back(
            absl::StrCat(head, "Delivered-To: ", name, "@d\n", disk_));
      }
      const std::string in_new = absl::StrCat(name, "/new");
      EXPECT_TRUE(directory_.Contents(in_new) == want) << name;
      for (const std::string& file : directory_.List(in_new)) {
        unlink(directory_.File(absl::StrCat(in_new, "/", file)).c_str());
      }
      EXPECT_TRUE(directory_.List(absl::StrCat(name, "/tmp")).empty()) << name;
    }
    EXPECT_EQ(files_.open_count(), 0u);
    EXPECT_LE(files_.most_open(), 6u);
  }
};

TEST_F(MaildirExpandEachTest, ARecipientIsAcceptedOnlyIfAllItsMailboxesHaveIt) {
  const struct {
    std::map<std::string, uint64_t> left;
    std::vector<int> codes;  // of ab, a, bc, c
  } cases[] = {
      {{}, {0, 0, 0, 0}},
      {{{"/a/", 0}}, {452, 452, 0, 0}},
      {{{"/a/", 80000}}, {452, 452, 0, 0}},
      {{{"/b/", 0}}, {452, 0, 452, 0}},
      {{{"/c/", 50000}}, {0, 0, 452, 452}},
      {{{"/a/", 40000}, {"/c/", 0}}, {452, 452, 452, 452}},
      {{{"/b/", 0}, {"/c/", 0}}, {452, 0, 452, 452}},
  };
  for (const auto& c : cases) {
    files_.left = c.left;
    const std::vector<int> codes = Deliver();
    EXPECT_EQ(codes, c.codes);
    ExpectExpanded(codes);
    if (HasFailure()) return;
  }
  // A mailbox without another recipient gets nothing.
  envelope_.to.pop_back();
  envelope_.to.erase(envelope_.to.begin() + 1);
  files_.left = {{"/b/", 0}};
  EXPECT_THAT(Deliver(), ElementsAre(452, 452));
  for (const char* name : {"a/new", "b/new", "c/new", "a/tmp", "c/tmp"}) {
    EXPECT_TRUE(directory_.List(name).empty()) << name;
  }
}

TEST_F(MaildirExpandEachTest, MissingMaildirIsRefusedForAllThatExpandToIt) {
  const std::vector<int> codes[] = {
      {451, 451, 0, 0}, {451, 0, 451, 0}, {0, 0, 451, 451}};
  for (int i = 0; i < 3; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    const std::string tmp = directory_.File(absl::StrCat(name, "/tmp"));
    ASSERT_EQ(rmdir(tmp.c_str()), 0);
    EXPECT_EQ(Deliver(), codes[i]) << name;
    directory_.MakeDirectory(absl::StrCat(name, "/tmp"));
    ExpectExpanded(codes[i]);
  }
}

TEST_F(MaildirExpandEachTest, AcceptsExactlyWhatIsDurable) {
  for (const Fault fault : {Fault::kOnce, Fault::kAfter}) {
    for (const int error : {EIO, EDQUOT, EMFILE}) {
      for (size_t n = 1;; ++n) {
        SCOPED_TRACE(absl::StrCat("errno ", error, " in call ", n));
        files_.Fail(n, error, fault);
        const std::vector<int> codes = Deliver();
        const bool done = !files_.hit();
        ExpectExpanded(codes);
        if (HasFailure()) return;
        if (done) break;
      }
    }
  }
}

TEST_F(MaildirEachTest, SmtpSendsOneReplyForAllRecipients) {
  files_.left = {{"/c/", 0}};
  EXPECT_THAT(Deliver(Hello::Verb::kEhlo), ElementsAre(452));
  for (const char* name : {"a/new", "b/new", "c/new"}) {
    EXPECT_TRUE(directory_.List(name).empty());
  }
}

}  // namespace
}  // namespace postern::delivery
