// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/mime.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace postern::rig {
namespace {

using testing::ElementsAre;

Mime Parse(absl::string_view text) {
  return ParseMime(absl::StrReplaceAll(text, {{"\n", "\r\n"}}));
}

TEST(MimeTest, FieldsAreDecodedAndUnfolded) {
  const Mime mime = Parse(
      "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\nX-A: one\n two\nx-a: three\n"
      "Content-Type: text/plain\n\nbody\n");
  EXPECT_EQ(mime.Value("subject"), "grüße");
  EXPECT_THAT(mime.Values("X-A"), ElementsAre("one two", "three"));
  EXPECT_EQ(mime.Value("Content-Type"), "text/plain");
  EXPECT_EQ(mime.Values("Content-Type").size(), 1u);
  EXPECT_EQ(mime.Value("none"), "");
  ASSERT_NE(mime.Text(), nullptr);
  EXPECT_EQ(mime.Text()->content, "body\n");
  EXPECT_EQ(mime.Text()->id, "1");
}

TEST(MimeTest, PartsAreDecoded) {
  const Mime mime = Parse(R"(MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

gr=FC=DFe
--a
Content-Type: text/html; charset=utf-8

<b>hi</b>
--a--
--m
Content-Type: image/png; name="=?utf-8?q?=C3=A4.png?="
Content-Disposition: attachment
Content-ID: <x@y>
Content-Transfer-Encoding: base64

AAEC
--m
Content-Type: text/plain
Content-Disposition: attachment; filename=notes.txt

notes
--m--
)");
  ASSERT_EQ(mime.parts.size(), 4u);
  EXPECT_EQ(mime.parts[0].id, "1.1");
  EXPECT_EQ(mime.parts[0].charset, "iso-8859-1");
  EXPECT_EQ(mime.Text(), &mime.parts[0]);
  EXPECT_EQ(mime.Text()->content, "grüße");
  ASSERT_EQ(mime.Html(), &mime.parts[1]);
  EXPECT_EQ(mime.Html()->content, "<b>hi</b>");
  EXPECT_EQ(mime.parts[2].id, "2");
  EXPECT_EQ(mime.parts[2].type, "image/png");
  EXPECT_EQ(mime.parts[2].file_name, "ä.png");
  EXPECT_EQ(mime.parts[2].content_id, "x@y");
  EXPECT_TRUE(mime.parts[2].attachment);
  EXPECT_EQ(mime.parts[2].content, std::string("\0\1\2", 3));
  EXPECT_EQ(mime.parts[3].file_name, "notes.txt");
}

TEST(MimeTest, AnyOctetsAreRead) {
  for (const absl::string_view text :
       {"", "\n", "no header", ": x\n\n", "Content-Type: multipart/mixed\n\nx",
        "Content-Type: ;;\n\nx", "\xff\xfe\n\n\xff"}) {
    (void)Parse(text);
  }
  std::string deep;
  for (int i = 0; i < 2000; ++i) {
    absl::StrAppend(&deep, "Content-Type: multipart/mixed; boundary=b", i,
                    "\n\n--b", i, "\n");
  }
  (void)Parse(deep);
}

}  // namespace
}  // namespace postern::rig
