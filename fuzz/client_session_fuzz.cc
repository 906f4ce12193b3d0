// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: for any replies of a server, the client makes the same steps and
// writes the same octets for all cuts. It writes lines of printable ASCII, of
// which only the base64 of AUTH and the choice of attributes of XCLIENT and
// XFORWARD depend on the server. No command has more
// replies than it may have. The unread input is limited. The client closes
// after the server has closed the connection. fuzz/talk.h is the client.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "fuzz/talk.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// Returns whether each word after the verb is an attribute of the client.
bool IsClient(absl::string_view line) {
  for (const absl::string_view word :
       absl::StrSplit(line.substr(line.find(' ') + 1), ' ')) {
    if (word != "ADDR=192.0.2.1" && word != "LOGIN=u+20LOGIN+3Dv" &&
        word != "SOURCE=REMOTE" && !absl::EndsWith(word, "=[UNAVAILABLE]")) {
      return false;
    }
  }
  return line.size() + 2 <= kMaxClientLine;
}

// Returns true for a line that the client may write.
bool IsLine(absl::string_view line) {
  if (absl::StartsWith(line, "XCLIENT ADDR=192.0.2.1") ||
      absl::StartsWith(line, "XFORWARD ")) {
    return IsClient(line);
  }
  for (absl::string_view whole : {"QUIT",
                                  "RSET",
                                  "DATA",
                                  "STARTTLS",
                                  "AUTH PLAIN",
                                  "AUTH LOGIN",
                                  "EHLO c",
                                  "HELO c",
                                  "LHLO c",
                                  "EHLO [192.0.2.1]",
                                  "HELO [192.0.2.1]",
                                  "LHLO [192.0.2.1]",
                                  "MAIL FROM:<s@x>",
                                  "MAIL FROM:<s@x> SIZE=9",
                                  "RCPT TO:<u@d>",
                                  "RCPT TO:<v@d>",
                                  "BDAT 7",
                                  "BDAT 0 LAST",
                                  "hi",
                                  ".",
                                  "..",
                                  "*"}) {
    if (line == whole) return true;
  }
  for (char c : line) {  // base64
    if (!absl::ascii_isalnum(c) && c != '+' && c != '/' && c != '=') {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;  // each byte costs many steps
  FuzzedDataProvider input(data, size);
  ClientConfig config{.host_name = "c", .max_line = 512, .max_reply = 1000};
  config.lmtp = input.ConsumeBool();
  config.max_pipelined = input.ConsumeIntegralInRange<size_t>(1, 9);
  const size_t cut = input.ConsumeIntegralInRange<size_t>(2, 60);
  const std::string wire = input.ConsumeRemainingBytesAsString();

  Talk whole(config, std::string::npos);
  const std::string want = whole.Go(wire);
  for (size_t n : {size_t{1}, cut}) {
    Talk talk(config, n);
    EXPECT_EQ(talk.Go(wire), want);
    EXPECT_EQ(talk.written(), whole.written());
  }
  const std::string& written = whole.written();
  EXPECT_TRUE(written.empty() || absl::EndsWith(written, "\r\n")) << written;
  for (absl::string_view line : absl::StrSplit(written, "\r\n")) {
    EXPECT_TRUE(IsLine(line)) << line;
  }
  return 0;
}

}  // namespace postern
