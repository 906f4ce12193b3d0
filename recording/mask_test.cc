// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/mask.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/server_config.h"
#include "gtest/gtest.h"

namespace postern::recording {
namespace {

class MaskTest : public testing::Test {
 protected:
  MaskTest() { config_.mechanisms = {"PLAIN", "LOGIN", "XOAUTH2"}; }

  // What is shown of `octets`, which the session consumes at once.
  std::string Shown(ClientMask* mask, absl::string_view octets,
                    size_t secret = 0) {
    std::string shown;
    size_t sent = 0;
    mask->Consumed(octets, secret, [&](size_t size, absl::string_view text) {
      sent += size;
      absl::StrAppend(&shown, text);
    });
    EXPECT_EQ(sent, octets.size());
    return shown;
  }
  std::string Shown(absl::string_view octets) {
    ClientMask mask(&config_, /*bodies=*/false);
    return Shown(&mask, octets);
  }

  ServerConfig config_;
};

TEST_F(MaskTest, AuthKeepsItsMechanism) {
  EXPECT_EQ(Shown("AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"),
            "AUTH PLAIN KioqKioqKio=\r\n");
  EXPECT_EQ(Shown("auth plain AGFubgBzZWNyZXQ=\r\n"),
            "auth plain KioqKioqKio=\r\n");
  EXPECT_EQ(Shown("AUTH LOGIN\r\n"), "AUTH LOGIN\r\n");
  EXPECT_EQ(Shown("AUTH PLAIN =\r\n"), "AUTH PLAIN =\r\n");
  EXPECT_EQ(Shown("AUTH PLAIN secret!\r\n"), "AUTH PLAIN ?\r\n");
  EXPECT_EQ(Shown("AUTH PLAIN c2VjcmV0 c2VjcmV0\r\n"),
            "AUTH PLAIN KioqKioqKio= KioqKioqKio=\r\n");
  // A mechanism that is not offered may be a password.
  EXPECT_EQ(Shown("AUTH SECRET\r\n"), "AUTH UNKNOWN\r\n");
  EXPECT_EQ(Shown("AUTH c2VjcmV0LXBhc3N3b3JkLWxvbmc=\r\n"), "AUTH ?\r\n");
  EXPECT_EQ(Shown("AUTHENTICATE ann secret\r\n"), "AUTH?\r\n");
  EXPECT_EQ(Shown("\tAUTH PLAIN c2VjcmV0\r\n"),
            "\tAUTH PLAIN KioqKioqKio=\r\n");
  // The size says nothing.
  EXPECT_EQ(Shown("AUTH XOAUTH2 c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\r\n"),
            "AUTH XOAUTH2 KioqKioqKio=\r\n");
}

TEST_F(MaskTest, ResponsesAreMasked) {
  ClientMask mask(&config_, false);
  EXPECT_EQ(Shown(&mask, "AUTH LOGIN\r\n"), "AUTH LOGIN\r\n");
  mask.Challenged();
  EXPECT_EQ(Shown(&mask, "YW5u\r\nNOOP\r\n"), "KioqKioqKio=\r\nNOOP\r\n");
  for (const absl::string_view kept : {"*\r\n", "=\r\n", "\r\n"}) {
    mask.Challenged();
    EXPECT_EQ(Shown(&mask, kept), kept);
  }
  mask.Challenged();
  EXPECT_EQ(Shown(&mask, "secret\r\n"), "?\r\n");
  mask.Challenged();
  EXPECT_EQ(Shown(&mask, "QUIT\n"), "KioqKioqKio=\n");  // it is base64
}

TEST_F(MaskTest, UnknownCommandsAreMaskedAfterAuth) {
  ClientMask mask(&config_, false);
  EXPECT_EQ(Shown(&mask, "XSTATE\r\n"), "XSTATE\r\n");
  EXPECT_EQ(Shown(&mask, "PASS secret\r\n"), "PASS ?\r\n");
  EXPECT_EQ(Shown(&mask, "c2VjcmV0\r\n"), "?\r\n");
  EXPECT_EQ(Shown(&mask, "AUTH NONE\r\nNOOP\r\nsecret\r\n"),
            "AUTH UNKNOWN\r\nNOOP\r\n?\r\n");
  EXPECT_EQ(Shown(&mask, "GET /?secret\r\n"), "GET ?\r\n");
}

TEST_F(MaskTest, LongLinesKeepTheirSize) {
  config_.max_line = 600;
  config_.max_auth_line = 600;
  const std::string secret(700, 's');
  EXPECT_EQ(Shown(absl::StrCat("AUTH PLAIN ", secret, "\r\n")),
            absl::StrCat(std::string(711, 'x'), "\r\n"));
  ClientMask mask(&config_, false);
  mask.Challenged();
  // An overlong line is consumed in pieces.
  EXPECT_EQ(Shown(&mask, secret, secret.size()), std::string(700, 'x'));
  EXPECT_EQ(Shown(&mask, "secret\r\n", 8), "xxxxxx\r\n");
  EXPECT_EQ(Shown(&mask, "NOOP\r\n"), "NOOP\r\n");
}

TEST_F(MaskTest, WhatTheSessionCallsSecretIsMasked) {
  ClientMask mask(&config_, false);
  EXPECT_EQ(Shown(&mask, "NOOP\r\nsecret-text\r\n", 19), "NOOP\r\n?\r\n");
}

TEST_F(MaskTest, ContentKeepsItsStructure) {
  ClientMask mask(&config_, false);
  EXPECT_EQ(Shown(&mask, "DATA\r\n"), "DATA\r\n");
  mask.ContentAccepted();
  EXPECT_EQ(Shown(&mask, "Received: from a\r\nSubject: hi.\r\n\r\n..a\r"),
            "Receivedxxxxxxxx\r\nxxxxxxxxxxxx\r\n\r\n.xx\r");
  EXPECT_EQ(Shown(&mask, "\nb\n.\r\n.\r\nQUIT\r\n"), "\nx\n.\r\n.\r\nQUIT\r\n");
  EXPECT_EQ(Shown(&mask, "NOOP\r\n"), "NOOP\r\n");
  // The octets of a chunk are content, whatever the reply is.
  EXPECT_EQ(Shown(&mask, "BDAT 8\r\nAUTH PL\nNOOP\r\n"),
            "BDAT 8\r\nxxxxxxx\nNOOP\r\n");
}

TEST_F(MaskTest, BodiesAreShownIfWanted) {
  ClientMask mask(&config_, /*bodies=*/true);
  EXPECT_EQ(Shown(&mask, "DATA\r\n"), "DATA\r\n");
  mask.ContentAccepted();
  EXPECT_EQ(Shown(&mask, "Hi\r\n.\r\nPASS secret\r\n"),
            "Hi\r\n.\r\nPASS ?\r\n");
}

TEST_F(MaskTest, UnservedInputIsMasked) {
  ClientMask mask(&config_, false);
  EXPECT_EQ(mask.Unserved("AUTH PLAIN c2Vj"), "xxxxxxxxxxxxxxx");
}

// It does not end the session, as a BDAT that cannot be parsed does.
TEST_F(MaskTest, AnotherVerbThatBeginsWithBdatIsNotOne) {
  ClientMask mask(&config_, false);
  EXPECT_EQ(Shown(&mask, "BDATmax_ 4\r\nBDAT9\r\nBDATX 9\r\nBDAT_ 9\r\n"),
            "?\r\n?\r\nBDATX ?\r\nBDAT?\r\n");
}

// The session ends at a BDAT that it cannot parse, and the client's next
// command may be an AUTH.
TEST_F(MaskTest, NoChunkFollowsARefusedBdat) {
  for (const absl::string_view bdat :
       {"BDAT 9 LASTX\r\n", "BDAT +9\r\n", "BDAT -9\r\n", "BDAT 9\x01\r\n",
        "BDAT 9 LAST x\r\n", "BDAT 99999999999999999999\r\n", "BDAT\r\n"}) {
    SCOPED_TRACE(bdat);
    for (const bool bodies : {false, true}) {
      ClientMask mask(&config_, bodies);
      EXPECT_EQ(Shown(&mask, bdat), bdat);
      EXPECT_EQ(Shown(&mask, "AUTH PLAIN c2VjcmV0\r\n"),
                "AUTH PLAIN KioqKioqKio=\r\n");
    }
    ClientMask mask(&config_, /*bodies=*/true);
    EXPECT_EQ(Shown(&mask, bdat), bdat);
    EXPECT_EQ(mask.Unserved("AUTH PLAIN c2VjcmV0\r\n"),
              "xxxxxxxxxxxxxxxxxxx\r\n");
  }
  // The engine accepts white space at the end.
  ClientMask mask(&config_, /*bodies=*/true);
  EXPECT_EQ(Shown(&mask, "BDAT 8 last \t\r\nAUTH PL\nPASS c\r\n"),
            "BDAT 8 last \t\r\nAUTH PL\nPASS ?\r\n");
}

// Content that the session did not consume may have its end, and a password
// after it.
TEST_F(MaskTest, UnservedContentIsMaskedWithBodies) {
  ClientMask data(&config_, /*bodies=*/true);
  EXPECT_EQ(Shown(&data, "DATA\r\n"), "DATA\r\n");
  data.ContentAccepted();
  EXPECT_EQ(Shown(&data, "a\r\n"), "a\r\n");
  EXPECT_EQ(data.Unserved("b\r\n.\r\nAUTH PLAIN c2VjcmV0\r\n"),
            "x\r\n.\r\nxxxxxxxxxxxxxxxxxxx\r\n");
  ClientMask chunk(&config_, /*bodies=*/true);
  EXPECT_EQ(Shown(&chunk, "BDAT 3\r\nb"), "BDAT 3\r\nb");
  EXPECT_EQ(chunk.Unserved("\r\nAUTH PLAIN c2VjcmV0\r\n"),
            "\r\nxxxxxxxxxxxxxxxxxxx\r\n");
}

TEST(MaskReplyLineTest, ChallengesAreMasked) {
  EXPECT_EQ(MaskReplyLine("334 VXNlcm5hbWU6\r\n"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(MaskReplyLine("334 \r\n"), "334 \r\n");
  EXPECT_EQ(MaskReplyLine("334 cj1ub25jZSxzPXNhbHQsaT00MDk2\r\n"),
            "334 KioqKioqKio=\r\n");
  EXPECT_EQ(MaskReplyLine("235 2.7.0 ok\r\n"), "235 2.7.0 ok\r\n");
}

}  // namespace
}  // namespace postern::recording
