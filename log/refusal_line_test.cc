// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "log/refusal_line.h"

#include <limits.h>

#include <string>

#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::log {
namespace {

TEST(RefusalLineTest, NamesTheCommandAndTheReply) {
  SessionInfo session;
  session.session_id = "abc";
  session.remote_address = IpAddress::Parse("192.0.2.1");
  const Refusal refusal = {
      .verb = "RCPT",
      .command = "rcpt TO:<u@d> NOTIFY=NEVER",
      .reply = {555, {5, 5, 4}, "unknown parameter (#5.5.4)"},
      .message = 2};
  EXPECT_EQ(LogRefusal(refusal, session, LogStyle()).End(),
            "session=abc id=abc-2 refused ip=192.0.2.1 verb=RCPT "
            "command=\"rcpt TO:<u@d> NOTIFY\\x3dNEVER\" "
            "reply=\"555 5.5.4 unknown parameter (#5.5.4)\"");
}

TEST(RefusalLineTest, TheLongestLineFitsIntoOneWriteToAPipe) {
  SessionInfo session;
  session.session_id = std::string(15, 's');
  session.remote_address =
      IpAddress::Parse("2001:db8:1111:2222:3333:4444:5555:6666");
  const Refusal refusal = {.verb = "STARTTLS",
                           .command = std::string(Refusal::kMaxCommand, '\n'),
                           .reply = {555, {5, 5, 4}, std::string(5000, '\n')},
                           .message = INT_MAX};
  const LogStyle styles[] = {
      {LogFormat::kLogfmt, std::string(1000, '\n'), INT_MAX},
      {LogFormat::kJson, std::string(1000, '\n'), INT_MAX}};
  for (const LogStyle& style : styles) {
    EXPECT_LT(LogRefusal(refusal, session, style).End().size() + 1,
              size_t{PIPE_BUF});
  }
}

}  // namespace
}  // namespace postern::log
