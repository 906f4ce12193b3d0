// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/matchers.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/session_info.h"
#include "engine/tls_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::rig {
namespace {

using testing::_;
using testing::HasSubstr;
using testing::Not;

constexpr char kText[] =
    "Subject: hello\r\nX-A: one\r\nX-A: two\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\nyou\r\n"
    "--b\r\nContent-Type: text/csv\r\n"
    "Content-Disposition: attachment; filename=a.csv\r\n\r\n1,2\r\n--b--\r\n";

Message Make(std::vector<std::string> to, SessionInfo info = {},
             int session = 1) {
  static int number = 0;
  auto data = std::make_shared<Message::Data>();
  data->number = ++number;
  data->from = "a@x";
  data->to = std::move(to);
  data->raw = kText;
  data->session.number = session;
  data->session.info = std::make_shared<const SessionInfo>(std::move(info));
  data->session.extensions = {"SIZE"};
  return Message(std::move(data));
}

// Returns what a failed expectation says about `value`.
template <typename T>
std::string Failure(const T& value, const testing::Matcher<const T&>& matcher) {
  testing::StringMatchResultListener listener;
  EXPECT_FALSE(matcher.MatchAndExplain(value, &listener));
  return testing::DescribeMatcher<const T&>(matcher) + "; " + listener.str();
}

TEST(MatchersTest, MessageMatches) {
  SessionInfo info;
  info.identity = "alice";
  info.tls = std::make_shared<const TlsInfo>();
  const Message message = Make({"b@y", "c@y"}, info);
  EXPECT_THAT(message, SentBy("a@x"));
  EXPECT_THAT(message, SentTo("c@y"));
  EXPECT_THAT(message, SentTo(HasSubstr("b@")));
  EXPECT_THAT(message, Not(SentTo("d@y")));
  EXPECT_THAT(message, HasSubject("hello"));
  EXPECT_THAT(message, HasHeader("x-a", "two"));
  EXPECT_THAT(message, HasBody("hi\nyou"));
  EXPECT_THAT(message, Not(HasHtml(_)));
  EXPECT_THAT(message, HasAttachment("a.csv"));
  EXPECT_THAT(message, HasAttachment("a.csv", HasSubstr("1,2")));
  EXPECT_THAT(message, OverTls());
  EXPECT_THAT(message, AuthenticatedAs("alice"));
  EXPECT_THAT(message, UsedExtension("SIZE"));
}

TEST(MatchersTest, FailuresShowWhatTheMessageHas) {
  const Message message = Make({"b@y", "c@y"});
  EXPECT_EQ(Failure(message, SentBy("d@x")),
            "was sent by an address that is equal to \"d@x\"; "
            "which was sent by \"a@x\"");
  EXPECT_EQ(Failure(message, SentTo("d@y")),
            "has a recipient that is equal to \"d@y\"; "
            "which was sent to \"b@y\", \"c@y\"");
  EXPECT_EQ(Failure(message, HasSubject("bye")),
            "has a field Subject that is equal to \"bye\"; "
            "which has Subject: \"hello\"");
  EXPECT_EQ(Failure(message, HasHeader("X-B", _)),
            "has a field X-B that is anything; which has no field X-B");
  EXPECT_EQ(Failure(message, HasHeader("X-A", "three")),
            "has a field X-A that is equal to \"three\"; "
            "which has X-A: \"one\", \"two\"");
  EXPECT_EQ(Failure(message, HasBody("bye")),
            "has a text that is equal to \"bye\"; "
            "which has the text \"hi\\nyou\"");
  EXPECT_EQ(Failure(message, HasHtml(_)),
            "has HTML that is anything; which has no part text/html");
  EXPECT_EQ(Failure(message, HasAttachment("b.csv")),
            "has an attachment whose name is equal to \"b.csv\" and whose "
            "content is anything; which has the attachments \"a.csv\"");
  EXPECT_EQ(Failure(message, HasAttachment("a.csv", "3")),
            "has an attachment whose name is equal to \"a.csv\" and whose "
            "content is equal to \"3\"; "
            "which has the attachments \"a.csv with \\\"1,2\\\"\"");
  EXPECT_EQ(Failure(message, OverTls()),
            "was sent over TLS; which was sent without TLS");
  EXPECT_EQ(Failure(message, AuthenticatedAs("bob")),
            "was sent by a user that is equal to \"bob\"; "
            "which was sent without authentication");
  EXPECT_EQ(Failure(message, UsedExtension("DSN")),
            "was sent with an extension that is equal to \"DSN\"; "
            "whose client used \"SIZE\"");
}

TEST(MatchersTest, ListsAreMatched) {
  const std::vector<Message> one = {Make({"b@y", "c@y"}), Make({"d@y"})};
  EXPECT_THAT(one, InOneTransaction({"b@y", "c@y"}));
  EXPECT_THAT(one, InOneSession());
  EXPECT_EQ(Failure(one, InOneTransaction({"b@y", "d@y"})),
            "has one transaction for all of \"b@y\", \"d@y\"; "
            "where 2 messages were sent to them");
  EXPECT_EQ(Failure(one, InOneTransaction({"b@y", "e@y"})),
            "has one transaction for all of \"b@y\", \"e@y\"; "
            "where no message was sent to \"e@y\"");
  const std::vector<Message> two = {Make({"b@y"}), Make({"c@y"}, {}, 2)};
  EXPECT_EQ(Failure(two, InOneSession()),
            "came through one connection; "
            "which came through 2 connections");
}

TEST(MatchersTest, MessageIsPrinted) {
  EXPECT_THAT(testing::PrintToString(Make({"b@y", "c@y"})),
              testing::ContainsRegex("^message [0-9]+ from <a@x> to <b@y> "
                                     "<c@y> \\([0-9]+ octets\\)$"));
}

}  // namespace
}  // namespace postern::rig
