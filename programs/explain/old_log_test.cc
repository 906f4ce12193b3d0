// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/explain/old_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "files/test_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "programs/explain/log_comparison.h"

namespace postern::programs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Returns a line's decision as text.
std::string Read(absl::string_view line) {
  const LogLineContent content = ReadOldLogLine(line);
  if (!content.decision) return absl::StrCat("unusable: ", content.unusable);
  const LoggedDecision& decision = *content.decision;
  const absl::string_view words[] = {"accept", "temporary", "permanent",
                                     "refuse"};
  return absl::StrCat(words[static_cast<int>(decision.decided)], " ",
                      ToString(decision.client), " host=", decision.host_name,
                      " helo=", decision.hello, " user=", decision.user, " <",
                      decision.sender, "> <", decision.recipient, "> ",
                      decision.reason);
}

TEST(OldLog, LinesOfEachProgramAreRead) {
  const struct {
    absl::string_view line;
    absl::string_view want;
  } kCases[] = {
      {"@400000004f0a6b1c1a2b3c4d CHKUSER accepted rcpt: from <a@b.example::> "
       "remote <mx.b.example:host.b.example:192.0.2.1> rcpt <u@example.org> : "
       "found existing recipient",
       "accept 192.0.2.1 host=host.b.example helo=mx.b.example user= "
       "<a@b.example> <u@example.org> chkuser accepted rcpt (found existing "
       "recipient)"},
      {"CHKUSER relaying rcpt: from <u@example.org:u@example.org:> remote "
       "<pc:unknown:2001:db8::1> rcpt <x@c.example> : client allowed to relay",
       "accept 2001:db8::1 host= helo=pc user=u@example.org <u@example.org> "
       "<x@c.example> chkuser relaying rcpt (client allowed to relay)"},
      {"CHKUSER rejected rcpt: from <::> remote <x::192.0.2.1> rcpt "
       "<no@example.org> : not existing recipient",
       "refuse 192.0.2.1 host= helo=x user= <> <no@example.org> chkuser "
       "rejected rcpt (not existing recipient)"},
      {"CHKUSER rejected rcpt: from <a@b::> remote <x::192.0.2.1> rcpt "
       "<no@example.org> : temporary DNS problem",
       "temporary 192.0.2.1 host= helo=x user= <a@b> <no@example.org> chkuser "
       "rejected rcpt (temporary DNS problem)"},
      {"CHKUSER rejected sender: from <a@b::> remote <x::192.0.2.1> rcpt <> : "
       "invalid sender MX domain",
       "unusable: about a sender, a message or a session"},
      {"CHKUSER accepted rcpt: from <a@b", "unusable: a value was cut"},
      {"@400000004f0a6b1c1a2b3c4d qmail-smtpd: qlogenvelope: result=rejected "
       "code=553 reason=rblreject detail=zen helo=x mailfrom=a@b.example "
       "rcptto=u@example.org relay=no remoteip=192.0.2.9 remotehost=unknown",
       "permanent 192.0.2.9 host= helo=x user= <a@b.example> <u@example.org> "
       "qlog rejected 553 rblreject"},
      {"qlogenvelope: result=accepted code=250 reason=rcptto rcptto= ",
       "unusable: a decision without a recipient"},
      {"Accept::RCPT::Rcpthosts_Rcptto P:ESMTP S:192.0.2.1:mx.b.example "
       "H:mx.b.example F:a@b.example T:u@example.org",
       "accept 192.0.2.1 host=mx.b.example helo=mx.b.example user= "
       "<a@b.example> <u@example.org> Accept::RCPT::Rcpthosts_Rcptto"},
      {"Reject::SNDR::Invalid_Relay P:SMTP S:2001:db8::5:unknown H:x F:a@b "
       "T:c@d.example",
       "refuse 2001:db8::5 host= helo=x user= <a@b> <c@d.example> "
       "Reject::SNDR::Invalid_Relay"},
      {"Reject::DATA::Virus_Infected S:192.0.2.1:x T:u@example.org",
       "unusable: about a sender, a message or a session"},
      {"Mar  9 11:10:37 mx spamdyke[29207]: DENIED_RDNS_MISSING from: "
       "s@x.example to: u@example.org origin_ip: 203.0.113.66 origin_rdns: "
       "(unknown) auth: (unknown) encryption: (none) reason: (empty)",
       "refuse 203.0.113.66 host= helo= user= <s@x.example> <u@example.org> "
       "spamdyke DENIED_RDNS_MISSING"},
      {"spamdyke[1]: DENIED_GRAYLISTED from: (unknown) to: u@example.org "
       "origin_ip: 203.0.113.66 origin_rdns: h.example auth: bob encryption: "
       "TLS",
       "temporary 203.0.113.66 host=h.example helo= user=bob <> "
       "<u@example.org> spamdyke DENIED_GRAYLISTED"},
      {"spamdyke[1]: TLS_ENCRYPTED from: (unknown) to: (unknown) origin_ip: "
       "0.0.0.0 origin_rdns: (unknown) auth: (unknown)",
       "unusable: about a sender, a message or a session"},
      {"rcpt session=a msg=1 decision=refuse rule=not-listed source=\"\" "
       "reply=\"553 5.7.1 sorry\" ip=192.0.2.3 helo=c from=<a@b.example> "
       "to=<c@d.example>",
       "permanent 192.0.2.3 host= helo=c user= <a@b.example> <c@d.example> "
       "postern not-listed"},
      {"rblsmtpd: 192.0.2.1 pid 7: 451 listed",
       "unusable: rblsmtpd refuses a client before it names a recipient"},
      {"tcpserver: deny 9 x:1:25 y:192.0.2.1::5",
       "unusable: tcpserver denies a connection before it has a recipient"},
      {"tcpserver: status: 1/40", "unusable: "},
      // A client may choose the words that other programs write.
      {"message result=accept ip=192.0.2.1 from=<spamdyke@b.example> "
       "reply=\"250 ok: a from: b\"",
       "unusable: "},
      {"Mar  9 11:10:37 spamdyke postern: session end=quit ip=192.0.2.1 "
       "helo=Accept::RCPT::x reply=\"221 a: b from: c\"",
       "unusable: "},
      {"{\"event\": \"message\", \"from\": \"Reject::RCPT::x@b\"}",
       "unusable: "},
      {"", "unusable: "},
  };
  for (const auto& [line, want] : kCases) EXPECT_EQ(Read(line), want) << line;
}

// Reads `text` as a file and returns the result.
std::string Compare(absl::string_view text, LogComparison* comparison) {
  files::TestDirectory directory;
  directory.Write("log", text);
  const int file =
      open(absl::StrCat(directory.path(), "/log").c_str(), O_RDONLY);
  EXPECT_GE(file, 0);
  EXPECT_TRUE(comparison->Read(file).ok());
  close(file);
  return comparison->FormatText();
}

std::string Line(int i, absl::string_view decision) {
  return absl::StrCat("rcpt decision=", decision, " rule=r", i,
                      " source=\"\" reply=\"553 x\" ip=192.0.2.1 helo=c "
                      "from=<a@b> to=<u",
                      i, "@example.org>\n");
}

TEST(LogComparison, DifferencesAreGroupedByTheirReasons) {
  LogComparison comparison("log", [](const LoggedDecision&) {
    return NewDecision{Decided::kPermanent, "not-listed"};
  });
  std::string text = "something else\n" + Line(1, "refuse");
  for (int i = 0; i < 5; ++i) text += Line(2, "accept");
  text += "rblsmtpd: 192.0.2.1 pid 7: 451 x\n";
  absl::StrAppend(&text, std::string(LogComparison::kMaxLine + 1, 'x'), "\n",
                  std::string(LogComparison::kMaxLine, 'x'), "\n");
  text += Line(3, "accept");
  text.pop_back();  // the last line may have no end
  const std::string out = Compare(text, &comparison);
  EXPECT_THAT(out, HasSubstr("7 decisions about recipients\n  1 the same\n  6 "
                             "different\n"));
  EXPECT_THAT(out, HasSubstr("5: the old server accepts: postern r2\n"
                             "   postern refuses permanently: not-listed\n"));
  EXPECT_THAT(out, HasSubstr("  1 lines not used: rblsmtpd refuses"));
  EXPECT_THAT(out, HasSubstr("  2 lines about something else\n"));
  EXPECT_THAT(out, HasSubstr("  1 lines not used: longer than 65536 octets"));
  // Three examples, each with its line.
  EXPECT_THAT(out, HasSubstr("    log:3: client 192.0.2.1, from <a@b>, to "
                             "<u2@example.org>\n"));
  EXPECT_THAT(out, HasSubstr("log:5:"));
  EXPECT_THAT(out, Not(HasSubstr("log:6:")));
  EXPECT_TRUE(comparison.differs());
}

TEST(LogComparison, MemoryIsLimited) {
  LogComparison comparison("log", [](const LoggedDecision&) {
    return NewDecision{Decided::kAccept, "rcpthosts"};
  });
  for (int i = 0; i < 1000; ++i) {
    std::string line = Line(i, "refuse");
    line.pop_back();
    comparison.Add(line);
  }
  EXPECT_THAT(comparison.FormatText(),
              HasSubstr(absl::StrCat("\n", 1000 - LogComparison::kMaxGroups,
                                     " differences have other reasons")));
}

TEST(LogComparison, ATemporaryRefusalIsNotAPermanentOne) {
  LogComparison comparison("log", [](const LoggedDecision&) {
    return NewDecision{Decided::kTemporary, "x"};
  });
  comparison.Add(
      "rcpt decision=refuse rule=r source=\"\" reply=\"553 x\" ip=192.0.2.1 "
      "from=<a@b> to=<u@example.org>");
  EXPECT_TRUE(comparison.differs());
  // chkuser does not say which one it was.
  LogComparison other("log", [](const LoggedDecision&) {
    return NewDecision{Decided::kTemporary, "x"};
  });
  other.Add(
      "CHKUSER rejected rcpt: from <::> remote <x::192.0.2.1> rcpt "
      "<no@example.org> : not existing recipient");
  EXPECT_FALSE(other.differs());
}

}  // namespace
}  // namespace postern::programs
