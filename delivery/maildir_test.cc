// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "delivery/open_message.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

using Contents = std::vector<std::string>;

class MaildirTest : public testing::Test {
 protected:
  void Create(const std::string& name) { directory_.MakeMaildir(name); }

  std::unique_ptr<Maildir> MakeDelivery(
      const std::string& pattern, uint64_t max_stored = uint64_t{1} << 30,
      absl::Duration store_timeout = absl::Minutes(5)) {
    MaildirOptions options{
        .host = "mx.example.org",
        .now = [] { return absl::FromUnixSeconds(1795262400); },
        .random = [] { return uint64_t{0xc0ffee}; },
        .max_stored = max_stored,
        .store_timeout = store_timeout,
        .report =
            [this](absl::string_view line) { reports_.emplace_back(line); }};
    return std::make_unique<Maildir>(
        *MaildirLocation::Parse(directory_.File(pattern), "default.example"),
        std::move(options));
  }

  // Delivers a message of `pieces`. Returns the reply; code 0: accepted, no
  // reply of its own.
  Reply Deliver(Maildir& maildir, const Envelope& envelope,
                const std::vector<absl::string_view>& pieces) {
    Opened opened = OpenMessage(maildir, envelope, {});
    if (auto* refusal = std::get_if<Reply>(&opened)) return *refusal;
    auto& sink = std::get<std::unique_ptr<MailTransaction>>(opened);
    EXPECT_TRUE(sink->Write(pieces, [] { FAIL() << "called early"; }));
    std::optional<Verdict> verdict;
    sink->Commit([&](Verdict v) { verdict = std::move(v); });
    EXPECT_TRUE(verdict) << "not answered";
    return verdict->reply().value_or(Reply{});
  }

  files::TestDirectory directory_;
  Contents reports_;
  const Envelope one_{.from = {"s", "example.org"}, .to = {{{"u", "d"}}}};
};

constexpr absl::string_view kHead =
    "Return-Path: <s@example.org>\nDelivered-To: u@d\n";

TEST_F(MaildirTest, AMessageArrivesByteForByte) {
  Create("m");
  auto maildir = MakeDelivery("m");
  EXPECT_EQ(Deliver(*maildir, one_,
                    {"Subject: x\r", "\n\r\n", absl::string_view("a\0\xff", 3),
                     "b\rc\r\n"}),
            Reply{});
  EXPECT_EQ(directory_.List("m/new"),
            Contents{absl::StrCat("1795262400.M0P", getpid(),
                                  "Q0_0000000000c0ffee.mx.example.org")});
  EXPECT_EQ(directory_.Contents("m/new"),
            Contents{absl::StrCat(kHead, "Subject: x\n\n",
                                  absl::string_view("a\0\xff"
                                                    "b\rc\n",
                                                    7))});
  EXPECT_TRUE(directory_.List("m/tmp").empty());
  struct stat status {};
  const std::string file =
      directory_.File(absl::StrCat("m/new/", directory_.List("m/new")[0]));
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600);
  EXPECT_EQ(status.st_nlink, 1);
}

TEST_F(MaildirTest, AnEmptyMessageIsAMessage) {
  Create("m");
  auto maildir = MakeDelivery("m");
  EXPECT_EQ(Deliver(*maildir, one_, {}), Reply{});
  EXPECT_EQ(directory_.Contents("m/new"), Contents{std::string(kHead)});
}

TEST_F(MaildirTest, ALargeMessageArrivesWhole) {
  Create("m");
  auto maildir = MakeDelivery("m");
  std::string wire;
  std::string disk(kHead);
  for (int i = 0; i < 100000; ++i) {
    absl::StrAppend(&wire, "line ", i, "\r\n");
    absl::StrAppend(&disk, "line ", i, "\n");
  }
  std::vector<absl::string_view> pieces;
  for (size_t at = 0; at < wire.size(); at += 16381) {
    pieces.push_back(absl::string_view(wire).substr(at, 16381));
  }
  EXPECT_EQ(Deliver(*maildir, one_, pieces), Reply{});
  EXPECT_EQ(directory_.Contents("m/new"), Contents{disk});
}

TEST_F(MaildirTest, DroppedTransactionLeavesNoFiles) {
  Create("m");
  const size_t before = files::CountOpenDescriptors();
  auto maildir = MakeDelivery("m");
  {
    Opened opened = OpenMessage(*maildir, one_, {});
    auto& sink = std::get<std::unique_ptr<MailTransaction>>(opened);
    sink->Write({"a\r\n"}, [] {});
    EXPECT_EQ(directory_.List("m/tmp").size(), 1);
    EXPECT_TRUE(directory_.List("m/new").empty());
  }
  EXPECT_TRUE(directory_.List("m/tmp").empty());
  EXPECT_TRUE(directory_.List("m/new").empty());
  EXPECT_EQ(files::CountOpenDescriptors(), before);
}

TEST_F(MaildirTest, EachRecipientGetsAFileThatNamesIt) {
  Create("d/a");
  Create("d/b");
  Create("e/a");
  auto maildir = MakeDelivery("%d/%u");
  const Envelope envelope{.from = {},
                          .to = {{{"a", "d"}},
                                 {{"b", "d"}},
                                 {{"A", "D"}},
                                 {{"a", "e"}},
                                 {{"a", "d"}}}};
  EXPECT_EQ(Deliver(*maildir, envelope, {"x\r\n"}), Reply{});
  for (absl::string_view name : {"d/a", "d/b", "e/a"}) {
    const std::string address =
        absl::StrCat(name.substr(2), "@", name.substr(0, 1));
    EXPECT_EQ(directory_.Contents(absl::StrCat(name, "/new")),
              Contents{absl::StrCat("Return-Path: <>\nDelivered-To: ", address,
                                    "\nx\n")});
    EXPECT_TRUE(directory_.List(absl::StrCat(name, "/tmp")).empty());
  }
}

TEST_F(MaildirTest, ASharedMaildirGetsAFileForEachRecipient) {
  Create("m");
  auto maildir = MakeDelivery("m");
  const Envelope envelope{.from = {"s", "example.org"},
                          .to = {{{"u", "d"}},
                                 {{"a", "d"}},
                                 {{"u", "d"}},
                                 {{"../x", "d"}},
                                 {{"post", ""}}}};
  EXPECT_EQ(Deliver(*maildir, envelope, {"x\r\n"}), Reply{});
  EXPECT_EQ(directory_.Contents("m/new"),
            (Contents{
                "Return-Path: <s@example.org>\nDelivered-To: ../x@d\nx\n",
                "Return-Path: <s@example.org>\nDelivered-To: a@d\nx\n",
                "Return-Path: <s@example.org>\nDelivered-To: post\nx\n",
                "Return-Path: <s@example.org>\nDelivered-To: u@d\nx\n",
            }));
}

// Of the local part "x=a+b@d": the mailboxes a@d and b@d.
absl::StatusOr<std::vector<Path>> ExpandText(
    const Path& to,
    absl::FunctionRef<absl::StatusOr<bool>(const Path&)> has_maildir) {
  (void)has_maildir;  // all exist
  const size_t equals = to.local_part.find('=');
  if (equals == std::string::npos) return std::vector<Path>{to};
  std::vector<Path> mailboxes;
  for (absl::string_view each :
       absl::StrSplit(to.local_part.substr(equals + 1), '+')) {
    mailboxes.push_back({std::string(each), "d"});
  }
  return mailboxes;
}

TEST_F(MaildirTest, AMailboxGetsOneFileForAllRecipientsThatExpandToIt) {
  for (const char* name : {"a", "b", "c"}) Create(name);
  MaildirOptions options{.host = "mx", .expand = ExpandText};
  Maildir maildir(*MaildirLocation::Parse(directory_.File("%u")), options);
  const Envelope envelope{.to = {{{"x=a+b+A", "d"}},
                                 {{"a", "d"}},
                                 {{"y=b+a", "d"}},
                                 {{"X=a+b+a", "D"}},
                                 {{"c", "e"}},
                                 {{"z=c", "d"}},
                                 {{"c", "f"}}}};
  Opened opened = OpenMessage(maildir, envelope, {}, Recipients::kAdded);
  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<MailTransaction>>(opened));
  auto& message = std::get<std::unique_ptr<MailTransaction>>(opened);
  message->Write({"t\r\n"}, [] {});
  bool accepted = false;
  message->Commit([&](Verdict verdict) { accepted = verdict.accepted(); });
  EXPECT_TRUE(accepted);
  EXPECT_EQ(directory_.Contents("a/new"),
            Contents{"Return-Path: <>\nX-Original-To: x=a+b+A@d\n"
                     "X-Original-To: y=b+a@d\nDelivered-To: a@d\nt\n"});
  EXPECT_EQ(directory_.Contents("b/new"),
            Contents{"Return-Path: <>\nX-Original-To: x=a+b+A@d\n"
                     "X-Original-To: y=b+a@d\nDelivered-To: b@d\nt\n"});
  // Recipients with mailboxes of their own have a file each, as without
  // expansion. z gets no third one.
  EXPECT_EQ(directory_.Contents("c/new"),
            (Contents{"Return-Path: <>\nDelivered-To: c@f\nt\n",
                      "Return-Path: <>\nX-Original-To: z=c@d\n"
                      "Delivered-To: c@e\nt\n"}));
}

TEST_F(MaildirTest, NumberOfMailboxesOfATransactionIsLimited) {
  for (const char* name : {"a", "b", "c"}) Create(name);
  MaildirOptions options{.host = "mx", .expand = ExpandText, .max_expanded = 4};
  Maildir maildir(*MaildirLocation::Parse(directory_.File("%u")), options);
  const auto deliver = [&maildir](std::vector<Recipient> to) {
    Envelope envelope;
    envelope.to = std::move(to);
    Opened opened = OpenMessage(maildir, envelope, {}, Recipients::kAdded);
    const auto* const refusal = std::get_if<Reply>(&opened);
    return refusal == nullptr ? Reply{} : *refusal;
  };
  const Reply refusal{
      452, {4, 5, 3}, "too many mailboxes, try again later (#4.5.3)"};
  EXPECT_EQ(deliver({{{"x=a+b", "d"}}, {{"y=a+c", "d"}}, {{"a", "d"}}}),
            Reply{});
  EXPECT_EQ(deliver({{{"x=a+b", "d"}}, {{"y=a+b+c", "d"}}}), refusal);
  EXPECT_EQ(deliver({{{"x=a+b+c+a+b", "d"}}}), refusal);
}

TEST_F(MaildirTest, ARecipientWithoutDomainIsInTheDefaultDomain) {
  Create("default.example/postmaster");
  auto maildir = MakeDelivery("%d/%u");
  EXPECT_EQ(Deliver(*maildir, {.to = {{{"postmaster", ""}}}}, {}), Reply{});
  EXPECT_EQ(directory_.Contents("default.example/postmaster/new"),
            Contents{"Return-Path: <>\nDelivered-To: postmaster\n"});
}

TEST_F(MaildirTest, AnAddressNeverAddsAHeaderLine) {
  Create("m");
  auto maildir = MakeDelivery("m");
  const Envelope envelope{.from = {"s\nX: y", "d"},
                          .to = {{{"u\r\n\r\n", "d"}}}};
  EXPECT_EQ(Deliver(*maildir, envelope, {"x\r\n"}), Reply{});
  EXPECT_EQ(directory_.Contents("m/new"),
            Contents{"Return-Path: <\"s?X: y\"@d>\nDelivered-To: u????@d\n"
                     "x\n"});
}

TEST_F(MaildirTest, AHeaderMayBeLargerThanTheBuffer) {
  Create("m");
  auto maildir = MakeDelivery("m");
  const std::string user(100000, 'u');
  const Envelope envelope{.from = {"s", "d"}, .to = {{{user, "d"}}}};
  EXPECT_EQ(Deliver(*maildir, envelope, {"x\r\n"}), Reply{});
  EXPECT_EQ(directory_.Contents("m/new"),
            Contents{absl::StrCat("Return-Path: <s@d>\nDelivered-To: ", user,
                                  "@d\nx\n")});
}

TEST_F(MaildirTest, InvalidMailboxNamesAreRefused) {
  Create("d/u");
  Create("x");
  auto maildir = MakeDelivery("d/%u");
  for (const std::string& user :
       {std::string("../x"), std::string("."), std::string(".."),
        std::string("a/b"), std::string(), std::string(300, 'u')}) {
    // Alone, and after a recipient who has a Maildir.
    for (const Envelope& envelope :
         {Envelope{.to = {{{user, "d"}}}},
          Envelope{.to = {{{"u", "d"}}, {{user, "d"}}}}}) {
      EXPECT_EQ(Deliver(*maildir, envelope, {"x\r\n"}).code, 550) << user;
    }
  }
  EXPECT_TRUE(directory_.List("x/new").empty());
  EXPECT_TRUE(directory_.List("d/u/new").empty());
  EXPECT_TRUE(directory_.List("d/u/tmp").empty());
}

TEST_F(MaildirTest, SizeOfAllFilesOfAMessageIsLimited) {
  Create("m");
  const Envelope three{.to = {{{"a", "d"}}, {{"b", "d"}}, {{"c", "d"}}}};
  const std::string content = std::string(1000, 'x') + "\r\n";
  // Each file also has a header of about 38 bytes.
  EXPECT_EQ(Deliver(*MakeDelivery("m", 3000), three, {content}),
            (Reply{452,
                   {4, 3, 1},
                   "too large for so many recipients, send it to fewer "
                   "(#4.3.1)"}));
  EXPECT_EQ(reports_,
            Contents{"more than 3000 octets in the files of 3 recipients"});
  EXPECT_TRUE(directory_.List("m/new").empty());
  EXPECT_TRUE(directory_.List("m/tmp").empty());
  EXPECT_EQ(Deliver(*MakeDelivery("m", 3000), one_, {content}), Reply{});
  EXPECT_EQ(Deliver(*MakeDelivery("m", 4000), three, {content}), Reply{});
}

TEST_F(MaildirTest, MessageThatTakesTooLongIsRemoved) {
  Create("m");
  const Envelope two{.to = {{{"a", "d"}}, {{"b", "d"}}}};
  auto maildir = MakeDelivery("m", 1 << 20, absl::ZeroDuration());
  EXPECT_EQ(Deliver(*maildir, two, {"x\r\n"}).code, 451);
  EXPECT_TRUE(directory_.List("m/new").empty());
  EXPECT_TRUE(directory_.List("m/tmp").empty());
}

TEST_F(MaildirTest, AMissingMaildirIsNotCreated) {
  const Reply refusal{451, {4, 3, 0}, "unable to open the mailbox (#4.3.0)"};
  auto maildir = MakeDelivery("m");
  EXPECT_EQ(Deliver(*maildir, one_, {"x\r\n"}), refusal);
  directory_.MakeDirectory("m/tmp");
  EXPECT_EQ(Deliver(*maildir, one_, {"x\r\n"}), refusal);
  EXPECT_EQ(directory_.List("m"), Contents{"tmp"});
  const std::string report = absl::StrCat("maildir ", directory_.File("m"),
                                          ": No such file or directory");
  EXPECT_EQ(reports_, (Contents{report, report}));
  EXPECT_TRUE(directory_.List("m/tmp").empty());
}

TEST_F(MaildirTest, ASymbolicLinkIsNotFollowedOutOfTheMaildir) {
  Create("target");
  directory_.MakeDirectory("m/tmp");
  ASSERT_EQ(symlink("../target/new", directory_.File("m/new").c_str()), 0);
  auto maildir = MakeDelivery("m");
  EXPECT_EQ(Deliver(*maildir, one_, {"x\r\n"}).code, 451);
  EXPECT_TRUE(directory_.List("target/new").empty());
}

TEST_F(MaildirTest, EitherAllRecipientsGetTheMessageOrNone) {
  Create("d/a");
  Create("d/c");
  directory_.MakeDirectory("d/b/tmp");  // no new
  auto maildir = MakeDelivery("%d/%u");
  const size_t before = files::CountOpenDescriptors();
  const Envelope envelope{.to = {{{"a", "d"}}, {{"b", "d"}}, {{"c", "d"}}}};
  EXPECT_EQ(
      Deliver(*maildir, envelope, {"x\r\n"}),
      (Reply{451, {4, 3, 0}, "unable to write the message safely (#4.3.0)"}));
  EXPECT_EQ(reports_, Contents{absl::StrCat("maildir ", directory_.File("d/b"),
                                            ": No such file or directory")});
  for (const char* name : {"d/a/new", "d/a/tmp", "d/b/tmp", "d/c/new"}) {
    EXPECT_TRUE(directory_.List(name).empty()) << name;
  }
  EXPECT_EQ(files::CountOpenDescriptors(), before);
}

TEST_F(MaildirTest, ExistingFilesAreNeitherReplacedNorRemoved) {
  Create("m");
  const auto name = [](int count) {
    return absl::StrCat("1795262400.M0P", getpid(), "Q", count,
                        "_0000000000c0ffee.mx.example.org");
  };
  // Taken in tmp/: three other names are tried.
  for (int i = 0; i < 3; ++i) {
    directory_.Write(absl::StrCat("m/tmp/", name(i)), "other");
  }
  EXPECT_EQ(Deliver(*MakeDelivery("m"), one_, {"x\r\n"}), Reply{});
  EXPECT_EQ(directory_.List("m/new"), Contents{name(3)});
  directory_.Write(absl::StrCat("m/tmp/", name(3)), "other");
  EXPECT_EQ(Deliver(*MakeDelivery("m"), one_, {"x\r\n"}).code, 451);
  EXPECT_EQ(directory_.Contents("m/tmp"),
            (Contents{"other", "other", "other", "other"}));
  // Taken in new/: no file there is replaced or removed.
  Create("n");
  for (int i = 0; i < 3; ++i) {
    directory_.Write(absl::StrCat("n/new/", name(i)), "other");
  }
  EXPECT_EQ(Deliver(*MakeDelivery("n"), one_, {"x\r\n"}), Reply{});
  EXPECT_EQ(directory_.Contents("n/new"),
            (Contents{absl::StrCat(kHead, "x\n"), "other", "other", "other"}));
  EXPECT_EQ(Deliver(*MakeDelivery("n"), one_, {"x\r\n"}).code, 451);
  EXPECT_EQ(directory_.List("n/new").size(), 4);
  EXPECT_TRUE(directory_.List("n/tmp").empty());
}

TEST_F(MaildirTest, TwoTransactionsAtOnceStoreTwoMessages) {
  Create("m");
  auto maildir = MakeDelivery("m");
  Opened a = OpenMessage(*maildir, one_, {});
  Opened b = OpenMessage(*maildir, one_, {});
  auto& first = std::get<std::unique_ptr<MailTransaction>>(a);
  auto& second = std::get<std::unique_ptr<MailTransaction>>(b);
  first->Write({"first\r\n"}, [] {});
  second->Write({"second\r\n"}, [] {});
  int accepted = 0;
  second->Commit([&](Verdict v) { accepted += v.accepted(); });
  first->Commit([&](Verdict v) { accepted += v.accepted(); });
  EXPECT_EQ(accepted, 2);
  EXPECT_EQ(directory_.Contents("m/new"),
            (Contents{absl::StrCat(kHead, "first\n"),
                      absl::StrCat(kHead, "second\n")}));
}

TEST(MaildirServesTest, OnlyACatchAllServesRemoteRecipients) {
  const auto location = MaildirLocation::Parse("/m");
  EXPECT_FALSE(Maildir(*location).ServesRemote({"u", "d"}));
  EXPECT_TRUE(Maildir(*location, {.catch_all = true}).ServesRemote({"u", "d"}));
}

}  // namespace
}  // namespace postern::delivery
