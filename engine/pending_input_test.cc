// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/pending_input.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr size_t kMost = 4096;

class PendingInputTest : public testing::Test {
 protected:
  // Reads `bytes`, as far as there is room. Returns how many were read.
  size_t Read(absl::string_view bytes) {
    const absl::Span<char> room = input_.Room(absl::MakeSpan(shared_), kMost);
    const size_t count = std::min(room.size(), bytes.size());
    std::copy_n(bytes.data(), count, room.data());
    input_.Filled(count);
    ++reads_;
    return count;
  }
  bool SharedHolds(absl::string_view text) const {
    return absl::StrContains(absl::string_view(shared_.data(), shared_.size()),
                             text);
  }

  std::vector<char> shared_ = std::vector<char>(2 * kMost);
  PendingInput input_;
  size_t reads_ = 0;
};

TEST_F(PendingInputTest, OwnsNoMemoryIfNothingIsLeftOver) {
  Read("NOOP\r\n");
  EXPECT_EQ(input_.view(), "NOOP\r\n");
  EXPECT_EQ(input_.owned(), 0u);
  input_.Consume(6);
  input_.Keep();
  EXPECT_EQ(input_.owned(), 0u);
  EXPECT_EQ(input_.view(), "");
}

TEST_F(PendingInputTest, OwnsOnlyWhatIsLeftOver) {
  Read("NOOP\r\nQUIT");
  input_.Consume(6);
  input_.Keep();
  EXPECT_EQ(input_.owned(), 4u);
  Read("\r\n");
  EXPECT_EQ(input_.view(), "QUIT\r\n");
  input_.Keep();
  EXPECT_EQ(input_.view(), "QUIT\r\n");
}

TEST_F(PendingInputTest, ViewsKeepTheOctetsInOrder) {
  // Consumes and keeps input in different patterns.
  std::string sent;
  for (int i = 0; i < 1500; ++i) absl::StrAppend(&sent, i, ",");
  for (const size_t chunk : {1, 7, 63, 64, 65, 1000, 4096}) {
    for (const size_t bite : {1, 5, 64, 700, 4096}) {
      for (const size_t rhythm : {1, 2, 5}) {
        std::string served;
        size_t at = 0;
        for (size_t turn = 0; served.size() < sent.size(); ++turn) {
          if (at < sent.size() && input_.view().size() < kMost) {
            at += Read(absl::string_view(sent).substr(at, chunk));
          }
          if (turn % rhythm == 0) input_.Keep();
          const absl::string_view view = input_.view().substr(0, bite);
          served.append(view.data(), view.size());
          input_.Consume(view.size());
          EXPECT_LE(input_.owned(), kMost);
        }
        ASSERT_EQ(served, sent) << chunk << " " << bite << " " << rhythm;
        input_.Keep();
        EXPECT_EQ(input_.owned(), 0u);
      }
    }
  }
}

TEST_F(PendingInputTest, CopiesAreLinearInTheInput) {
  struct Row {
    const char* name;
    size_t chunk;  // octets in each read
    size_t line;   // octets consumed at once
    size_t total;
  };
  for (const Row& row : {Row{"a long line, one octet per read", 1, 4000, 40000},
                         Row{"short lines, one octet per read", 1, 30, 40000},
                         Row{"floods of messages", 4096, 1000, 4000000},
                         Row{"bursts", 3000, 700, 4000000},
                         Row{"all but one octet", 4095, 4095, 4000000}}) {
    SCOPED_TRACE(row.name);
    const std::string bytes(row.chunk, 'x');
    reads_ = 0;
    PendingInput::moved() = 0;
    size_t received = 0;
    while (received < row.total) {
      if (input_.view().size() < kMost) received += Read(bytes);
      // A command is served, and the connection waits for its answer.
      input_.Keep();
      if (input_.view().size() >= row.line) input_.Consume(row.line);
      input_.Keep();
    }
    EXPECT_LE(PendingInput::moved(),
              6 * received + PendingInput::kSmall * reads_);
    input_.Clear();
  }
}

TEST_F(PendingInputTest, MovedPasswordsAreWipedAtTheirOldPlace) {
  const std::string password(100, 'p');
  // In the shared buffer, after consumed octets.
  Read(absl::StrCat("NOOP\r\n", password));
  input_.Consume(6);
  input_.Keep();
  EXPECT_FALSE(SharedHolds("p"));
  // In own memory that grows, and is then moved back.
  Read(password);
  Read(password);
  input_.Consume(200);
  Read("end");
  EXPECT_TRUE(absl::StartsWith(input_.view(), "ppp"));
  input_.Wipe(input_.view().size());
  input_.Consume(input_.view().size());
  input_.Keep();
  // Moved to the front of the shared buffer.
  Read(absl::StrCat("12345", std::string(3, 'q')));
  input_.Consume(5);
  Read("r");
  EXPECT_EQ(input_.view(), "qqqr");
  EXPECT_EQ(std::count(shared_.begin(), shared_.end(), 'q'), 3);
  input_.Clear();
  EXPECT_FALSE(SharedHolds("q"));
  EXPECT_EQ(input_.owned(), 0u);
}

}  // namespace
}  // namespace postern
