// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/grammar/reply.h"

#include <cstdlib>
#include <new>
#include <string>

#include "gtest/gtest.h"

namespace {

int allocations = 0;

}  // namespace

// Not inlined, because g++ 12 would warn that malloc() and free() mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* block = std::malloc(size)) return block;
  throw std::bad_alloc();
}
// Replaced too, because AddressSanitizer replaces it independently.
[[gnu::noinline]] void* operator new(size_t size,
                                     const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, size_t) noexcept {
  std::free(block);
}

namespace postern {
namespace {

struct Case {
  Reply reply;
  std::string wire;
};

TEST(ReplyTest, FormatsAWellFormedReplyWhateverTheText) {
  const Case cases[] = {
      {{250, {2, 0, 0}, "ok"}, "250 2.0.0 ok\r\n"},
      {{220, {}, "mx ESMTP"}, "220 mx ESMTP\r\n"},
      {{250, {}, "mx\nPIPELINING\nSIZE 1"},
       "250-mx\r\n250-PIPELINING\r\n250 SIZE 1\r\n"},
      {{550, {5, 7, 1}, "one\ntwo"}, "550-5.7.1 one\r\n550 5.7.1 two\r\n"},
      {{354, {3, 0, 0}, "go"}, "354 go\r\n"},      // RFC 2034 4: not on 3yz
      {{451, {5, 1, 1}, "late"}, "451 late\r\n"},  // the classes contradict
      {{550, {5, 1000, 1}, "x"}, "550 x\r\n"},     // more than three digits
      {{250, {}, ""}, "250 \r\n"},
      {{554, {}, "a\rb"}, "554 a?b\r\n"},  // cannot inject a line
      {{554, {}, std::string("a\0b\x80\x7f\tc", 7)}, "554 a?b??\tc\r\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(FormatReply(c.reply), c.wire);
}

TEST(ReplyTest, CutsEachLineAt512Octets) {
  const std::string wire =
      FormatReply({250, {2, 0, 0}, std::string(600, 'a') + "\nend"});
  const size_t end = wire.find("\r\n") + 2;
  EXPECT_EQ(end, kMaxReplyLine);
  EXPECT_EQ(wire.substr(end), "250 2.0.0 end\r\n");
}

TEST(ReplyTest, AppendsWithoutAllocating) {
  const Reply reply{554, {5, 7, 999}, std::string(600, 'a') + "\n\rend"};
  std::string out = "250 ok\r\n";
  out.reserve(2000);
  const int before = allocations;
  AppendReply(reply, &out);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(out, "250 ok\r\n" + FormatReply(reply));
  EXPECT_GT(allocations, before);  // the count works
}

}  // namespace
}  // namespace postern
