// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/matchers.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <ostream>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rig/mime.h"

namespace postern::rig {
namespace {

using testing::MatchResultListener;

std::string Quote(const std::string& text) {
  // A long text, such as a body, would hide the rest of the failure.
  constexpr size_t kMost = 500;
  if (text.size() <= kMost) return testing::PrintToString(text);
  return absl::StrCat(testing::PrintToString(text.substr(0, kMost)), "... (",
                      text.size(), " octets)");
}

std::string QuoteAll(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) {
    absl::StrAppend(&all, all.empty() ? "" : ", ", Quote(text));
  }
  return all;
}

// Matches if one of the texts that `find` returns matches `text`.
class AnyText : public testing::MatcherInterface<const Message&> {
 public:
  using Find = std::function<std::vector<std::string>(const Message&)>;

  // `is` and `is_not` describe it before the description of `text`; `has` and
  // `has_none` say what a message has instead.
  struct Words {
    std::string is, is_not, has, has_none;
  };

  AnyText(Words words, TextMatcher text, Find find)
      : words_(std::move(words)),
        text_(std::move(text)),
        find_(std::move(find)) {}

  bool MatchAndExplain(const Message& message,
                       MatchResultListener* listener) const override {
    const std::vector<std::string> texts = find_(message);
    for (const std::string& text : texts) {
      if (text_.Matches(text)) {
        *listener << words_.has << " " << Quote(text);
        return true;
      }
    }
    if (texts.empty()) {
      *listener << words_.has_none;
    } else {
      *listener << words_.has << " " << QuoteAll(texts);
    }
    return false;
  }
  void DescribeTo(std::ostream* out) const override {
    *out << words_.is << " ";
    text_.DescribeTo(out);
  }
  void DescribeNegationTo(std::ostream* out) const override {
    *out << words_.is_not << " ";
    text_.DescribeTo(out);
  }

 private:
  const Words words_;
  const TextMatcher text_;
  const Find find_;
};

// Matches messages or lists of them for which `why_not` returns nothing.
template <typename T>
class Condition : public testing::MatcherInterface<const T&> {
 public:
  using WhyNot = std::function<std::optional<std::string>(const T&)>;

  Condition(std::string is, std::string is_not, WhyNot why_not)
      : is_(std::move(is)),
        is_not_(std::move(is_not)),
        why_not_(std::move(why_not)) {}

  bool MatchAndExplain(const T& value,
                       MatchResultListener* listener) const override {
    const std::optional<std::string> why = why_not_(value);
    if (why) *listener << *why;
    return !why;
  }
  void DescribeTo(std::ostream* out) const override { *out << is_; }
  void DescribeNegationTo(std::ostream* out) const override { *out << is_not_; }

 private:
  const std::string is_;
  const std::string is_not_;
  const WhyNot why_not_;
};

std::vector<std::string> Content(const MimePart* part) {
  if (part == nullptr) return {};
  return {part->content};
}

testing::Matcher<const Message&> Any(AnyText::Words words, TextMatcher text,
                                     AnyText::Find find) {
  return testing::Matcher<const Message&>(
      new AnyText(std::move(words), std::move(text), std::move(find)));
}

}  // namespace

testing::Matcher<const Message&> SentBy(TextMatcher address) {
  return Any({"was sent by an address that", "was not sent by an address that",
              "which was sent by", ""},
             std::move(address), [](const Message& message) {
               return std::vector<std::string>{message.from()};
             });
}

testing::Matcher<const Message&> SentTo(TextMatcher address) {
  return Any({"has a recipient that", "has no recipient that",
              "which was sent to", "which has no recipients"},
             std::move(address),
             [](const Message& message) { return message.to(); });
}

testing::Matcher<const Message&> HasHeader(std::string name,
                                           TextMatcher value) {
  return Any({absl::StrCat("has a field ", name, " that"),
              absl::StrCat("has no field ", name, " that"),
              absl::StrCat("which has ", name, ":"),
              absl::StrCat("which has no field ", name)},
             std::move(value), [name](const Message& message) {
               return ParseMime(message.raw()).Values(name);
             });
}

testing::Matcher<const Message&> HasSubject(TextMatcher value) {
  return HasHeader("Subject", std::move(value));
}

testing::Matcher<const Message&> HasBody(TextMatcher text) {
  return Any({"has a text that", "has no text that", "which has the text",
              "which has no part text/plain"},
             std::move(text), [](const Message& message) {
               return Content(ParseMime(message.raw()).Text());
             });
}

testing::Matcher<const Message&> HasHtml(TextMatcher html) {
  return Any({"has HTML that", "has no HTML that", "which has the HTML",
              "which has no part text/html"},
             std::move(html), [](const Message& message) {
               return Content(ParseMime(message.raw()).Html());
             });
}

testing::Matcher<const Message&> HasAttachment(TextMatcher file_name,
                                               TextMatcher content) {
  std::string content_is =
      testing::DescribeMatcher<const std::string&>(content);
  std::string name_is = testing::DescribeMatcher<const std::string&>(file_name);
  return testing::Matcher<const Message&>(new Condition<Message>(
      absl::StrCat("has an attachment whose name ", name_is,
                   " and whose content ", content_is),
      absl::StrCat("has no attachment whose name ", name_is,
                   " and whose content ", content_is),
      [file_name = std::move(file_name), content = std::move(content)](
          const Message& message) -> std::optional<std::string> {
        std::vector<std::string> names;
        for (const MimePart& part : ParseMime(message.raw()).parts) {
          if (!part.attachment) continue;
          names.push_back(part.file_name);
          if (!file_name.Matches(part.file_name)) continue;
          if (content.Matches(part.content)) return std::nullopt;
          names.back() += " with " + Quote(part.content);
        }
        if (names.empty()) return "which has no attachments";
        return absl::StrCat("which has the attachments ", QuoteAll(names));
      }));
}

testing::Matcher<const Message&> OverTls() {
  return testing::Matcher<const Message&>(new Condition<Message>(
      "was sent over TLS", "was sent without TLS",
      [](const Message& message) -> std::optional<std::string> {
        if (message.session().info->tls != nullptr) return std::nullopt;
        return "which was sent without TLS";
      }));
}

testing::Matcher<const Message&> AuthenticatedAs(TextMatcher user) {
  return Any(
      {"was sent by a user that", "was not sent by a user that",
       "which was sent by the user", "which was sent without authentication"},
      std::move(user), [](const Message& message) {
        const std::string& user = message.session().info->identity;
        return user.empty() ? std::vector<std::string>{}
                            : std::vector<std::string>{user};
      });
}

testing::Matcher<const Message&> UsedExtension(std::string name) {
  return Any(
      {"was sent with an extension that", "was sent without an extension that",
       "whose client used", "whose client used no extension"},
      testing::Eq(name), [](const Message& message) {
        const std::set<std::string>& used = message.session().extensions;
        return std::vector<std::string>(used.begin(), used.end());
      });
}

testing::Matcher<const std::vector<Message>&> InOneTransaction(
    std::vector<std::string> recipients) {
  const std::string all = QuoteAll(recipients);
  return testing::Matcher<const std::vector<Message>&>(
      new Condition<std::vector<Message>>(
          absl::StrCat("has one transaction for all of ", all),
          absl::StrCat("does not have one transaction for all of ", all),
          [recipients =
               std::move(recipients)](const std::vector<Message>& messages)
              -> std::optional<std::string> {
            std::vector<std::string> missing = recipients;
            std::vector<std::string> numbers;
            for (const Message& message : messages) {
              bool any = false;
              for (const std::string& to : message.to()) {
                any = any || std::find(recipients.begin(), recipients.end(),
                                       to) != recipients.end();
                std::erase(missing, to);
              }
              if (any) numbers.push_back(absl::StrCat(message.number()));
            }
            if (!missing.empty()) {
              return absl::StrCat("where no message was sent to ",
                                  QuoteAll(missing));
            }
            if (numbers.size() <= 1) return std::nullopt;
            return absl::StrCat("where ", numbers.size(),
                                " messages were sent to them");
          }));
}

testing::Matcher<const std::vector<Message>&> InOneSession() {
  return testing::Matcher<const std::vector<Message>&>(
      new Condition<std::vector<Message>>(
          "came through one connection", "came through several connections",
          [](const std::vector<Message>& messages)
              -> std::optional<std::string> {
            std::set<int> sessions;
            for (const Message& message : messages) {
              sessions.insert(message.session().number);
            }
            if (sessions.size() <= 1) return std::nullopt;
            return absl::StrCat("which came through ", sessions.size(),
                                " connections");
          }));
}

}  // namespace postern::rig
