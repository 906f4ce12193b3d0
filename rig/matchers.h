// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// GoogleMock matchers for the messages of a rig:
//
//   EXPECT_THAT(server.WaitForMessages(1),
//               ElementsAre(AllOf(SentTo("b@y.example"), HasSubject("hi"),
//                                 HasBody(HasSubstr("welcome")), OverTls())));
//
// Where a matcher takes a text, it takes a value or any matcher of a
// std::string. A failure shows what the message has instead.

#ifndef POSTERN_RIG_MATCHERS_H_
#define POSTERN_RIG_MATCHERS_H_

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "rig/message.h"

namespace postern::rig {

// What a text must be: a string is compared, and any matcher is applied.
using TextMatcher = testing::Matcher<const std::string&>;

// The sender of the envelope, "" for the null sender.
testing::Matcher<const Message&> SentBy(TextMatcher address);
// A recipient of the envelope; Bcc recipients are among them.
testing::Matcher<const Message&> SentTo(TextMatcher address);

// A header field of this name, in any case, has this value: Mime::fields.
testing::Matcher<const Message&> HasHeader(std::string name, TextMatcher value);
testing::Matcher<const Message&> HasSubject(TextMatcher value);
// The first text/plain part that is no attachment, with LF line ends.
testing::Matcher<const Message&> HasBody(TextMatcher text);
// The same for text/html.
testing::Matcher<const Message&> HasHtml(TextMatcher html);
// An attachment with this file name, and with this content.
testing::Matcher<const Message&> HasAttachment(
    TextMatcher file_name, TextMatcher content = testing::_);

// The session used TLS, and authenticated as this user.
testing::Matcher<const Message&> OverTls();
testing::Matcher<const Message&> AuthenticatedAs(TextMatcher user);
// The client used this extension: SessionFacts::extensions.
testing::Matcher<const Message&> UsedExtension(std::string name);

// Of all messages, exactly one has all these recipients, and no other message
// has any of them: the client did not send one message for each recipient.
testing::Matcher<const std::vector<Message>&> InOneTransaction(
    std::vector<std::string> recipients);
// All messages came through one connection.
testing::Matcher<const std::vector<Message>&> InOneSession();

}  // namespace postern::rig

#endif  // POSTERN_RIG_MATCHERS_H_
