// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/page/html_view.h"

#include <time.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "rig/mime.h"

namespace postern::programs {
namespace {

rig::MimePart Image(std::string type, std::string content_id,
                    std::string content) {
  rig::MimePart part;
  part.type = std::move(type);
  part.content_id = std::move(content_id);
  part.content = std::move(content);
  return part;
}

rig::Mime Message(absl::string_view html) {
  rig::Mime mime;
  rig::MimePart part;
  part.type = "text/html";
  part.content = std::string(html);
  mime.parts.push_back(std::move(part));
  mime.parts.push_back(Image("image/png", "a@x", "abc"));
  mime.parts.push_back(Image("text/html", "page@x", "<script>"));
  mime.parts.push_back(Image("image/png\"onerror=\"x", "type@x", "abc"));
  return mime;
}

// Returns the view without its mark.
std::string View(const rig::Mime& mime) {
  const std::string html = HtmlView(mime).value_or("none");
  absl::string_view view = html;
  EXPECT_TRUE(absl::ConsumePrefix(&view, "\xef\xbb\xbf")) << view;
  return std::string(view);
}
std::string View(absl::string_view html) { return View(Message(html)); }

TEST(HtmlView, IsMissingWithoutHtml) {
  EXPECT_EQ(HtmlView(rig::Mime()), std::nullopt);
}

TEST(HtmlView, KeepsOtherText) {
  EXPECT_EQ(View(""), "");
  EXPECT_EQ(View("<p>Cc: a < b, <lin k>"), "<p>Cc: a < b, <lin k>");
}

TEST(HtmlView, ShowsImagesOfTheMessage) {
  constexpr absl::string_view kData = "data:image/png;base64,YWJj";
  EXPECT_EQ(View("<img src=\"cid:a@x\">"),
            absl::StrCat("<img src=\"", kData, "\">"));
  EXPECT_EQ(View("<img src=CID:a%40x>"), absl::StrCat("<img src=", kData, ">"));
  EXPECT_EQ(View("<p style='background:url(cid:a@x)'>cid:a@x"),
            absl::StrCat("<p style='background:url(", kData, ")'>", kData));
}

TEST(HtmlView, ShowsNothingElseByItsContentId) {
  for (const absl::string_view html :
       {"<img src=\"cid:b@x\">", "<img src=\"cid:\">", "<img src=\"cid:a@",
        "<video src=\"cid:page@x\">", "<img src=\"cid:type@x\">",
        "<img src=\"cid:a%4\">", "<p>placid:a@x"}) {
    EXPECT_EQ(View(html), html);
  }
}

TEST(HtmlView, HasNoElementsThatConnect) {
  EXPECT_EQ(View("<link rel=preconnect href=//x.example>"
                 "<LiNk\trel=stylesheet><<link>"),
            "<meta rel=preconnect href=//x.example>"
            "<meta\trel=stylesheet><<meta>");
  EXPECT_EQ(View("<IFRAME src=//x.example></IFRAME><frameset><frame></frameset>"
                 "<object data=a></object><embed src=b><portal></portal>"
                 "<fencedframe></fencedframe>"),
            "<x-iframe src=//x.example></x-iframe>"
            "<x-frameset><x-frame></x-frameset>"
            "<x-object data=a></x-object><wbr src=b><x-portal></x-portal>"
            "<x-fencedframe></x-fencedframe>");
}

TEST(HtmlView, HasLinksThatOpenAWindow) {
  EXPECT_EQ(
      View("<a href=b target=_self>x</a><A\nhref=b><a/href=b><AREA href>"),
      "<a target=\"_blank\" href=b target=_self>x</a>"
      "<a target=\"_blank\"\nhref=b><a target=\"_blank\"/href=b>"
      "<area target=\"_blank\" href>");
  EXPECT_EQ(View("<abbr title=x><a>x</a><a"), "<abbr title=x><a>x</a><a");
}

// The least CPU time, in seconds, to make a view of `count` addresses of images
// without a blank, of a message with as many images.
double ViewTime(int count) {
  rig::Mime mime = Message("");
  std::string html;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&html, "cid:");
    mime.parts.push_back(mime.parts[1]);
    mime.parts.back().content_id = absl::StrCat(i, "@x");
  }
  for (int i = 0; i < count; ++i) absl::StrAppend(&html, " cid:", i, "@y");
  mime.parts[0].content = html;
  const auto now = [] {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_nsec) / 1e9;
  };
  double least = 1e9;
  for (int i = 0; i < 5; ++i) {
    const double begin = now();
    EXPECT_EQ(View(mime), html);
    least = std::min(least, now() - begin);
  }
  return least;
}

TEST(HtmlView, TakesTimeThatGrowsWithTheMessage) {
  // Sixteen times the message. Quadratic time would be 256 times as long.
  EXPECT_LT(ViewTime(16000), 100 * ViewTime(1000));
}

TEST(HtmlView, IsBounded) {
  rig::Mime mime = Message("");
  mime.parts[1].content = std::string(kMostImages / 2 - 100, 'x');
  mime.parts[0].content = "cid:a@x cid:a@x cid:a@x";
  const std::string view = View(mime);
  EXPECT_TRUE(absl::EndsWith(view, " cid:a@x"));
  EXPECT_EQ(view.find("cid:"), view.size() - 7);
}

}  // namespace
}  // namespace postern::programs
