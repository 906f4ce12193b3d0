// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/input_buffer.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace postern::transports {
namespace {

void Read(InputBuffer* buffer, absl::string_view bytes) {
  const absl::Span<char> room = buffer->Room();
  ASSERT_GE(room.size(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  buffer->Filled(bytes.size());
}

TEST(InputBufferTest, TheFirstByteOfTheViewIsTheFirstNotConsumed) {
  InputBuffer buffer(16);
  EXPECT_EQ(buffer.view(), "");
  Read(&buffer, "0123456789");
  buffer.Consume(4);
  EXPECT_EQ(buffer.view(), "456789");
  Read(&buffer, "abcdefghij");  // there is room for all of them again
  EXPECT_EQ(buffer.view(), "456789abcdefghij");
  EXPECT_TRUE(buffer.Room().empty());
  buffer.Consume(16);
  EXPECT_EQ(buffer.Room().size(), 16u);
}

// What stood in the buffer, from the begin of view() on.
std::string Bytes(const InputBuffer& buffer, size_t count) {
  return std::string(buffer.view().data(), count);
}

TEST(InputBufferTest, WipesWhatItIsToldTo) {
  InputBuffer buffer(16);
  Read(&buffer, "passwordNOOP");
  buffer.Wipe(8);
  EXPECT_EQ(Bytes(buffer, 12), std::string(8, '\0') + "NOOP");
  buffer.Consume(8);
  EXPECT_EQ(buffer.view(), "NOOP");
}

// A password that has come in part is moved to the begin, and must not stay
// where it was: Wipe() would not find it there.
TEST(InputBufferTest, NothingOfWhatIsMovedStaysWhereItWas) {
  for (const size_t consumed : {1, 3, 5, 8, 11}) {
    SCOPED_TRACE(consumed);
    InputBuffer buffer(32);
    Read(&buffer, std::string(consumed, '.') + "secret");
    buffer.Consume(consumed);
    (void)buffer.Room();
    ASSERT_EQ(buffer.view(), "secret");
    const std::string all = Bytes(buffer, consumed + 6);
    EXPECT_EQ(all.find_first_of("secrt", 6), std::string::npos);
  }
}

}  // namespace
}  // namespace postern::transports
