// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The replies of a session, until they are written.

#ifndef POSTERN_ENGINE_REPLY_QUEUE_H_
#define POSTERN_ENGINE_REPLY_QUEUE_H_

#include <cstddef>
#include <string>

#include "absl/base/macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/base64.h"
#include "engine/grammar/reply.h"

namespace postern {

class ReplyQueue {
 public:
  // The longest challenge, which fits into kMaxAuthBase64.
  static constexpr size_t kMaxChallenge = kMaxAuthBase64 / 4 * 3;

  // Written bytes stay in memory until there are `slack` of them. Removing them
  // after each write would move the rest each time.
  explicit ReplyQueue(size_t slack) : slack_(slack) {}

  void Append(const Reply& reply) {
    ABSL_HARDENING_ASSERT(reply.code >= 200 && reply.code < 600);
    ++counts_[static_cast<size_t>(reply.code / 100 - 2)];
    AppendReply(reply, &bytes_);
  }
  // Appends an AUTH challenge. It is not a Reply, because the limit of reply
  // lines (RFC 5321 4.5.3.1.5) does not apply to challenges.
  void AppendChallenge(absl::string_view bytes) {
    ++counts_[1];
    absl::StrAppend(&bytes_, "334 ", EncodeBase64(bytes), "\r\n");
  }

  // Frees memory if everything is written, except the memory for a few replies,
  // which the next ones need again.
  void ReleaseIdleMemory() {
    constexpr size_t kRoom = 64;
    if (bytes_.empty() && bytes_.capacity() > kRoom) bytes_.shrink_to_fit();
  }

  // The bytes that are not written yet, valid until the next non-const call.
  absl::string_view view() const {
    return absl::string_view(bytes_).substr(written_);
  }

  const ReplyCounts& counts() const { return counts_; }

  // Reports that the first `n` bytes of view() are written.
  void Written(size_t n) {
    ABSL_HARDENING_ASSERT(n <= view().size());
    written_ += n;
    if (written_ == bytes_.size()) {
      bytes_.clear();
      written_ = 0;
    } else if (written_ >= slack_) {
      bytes_.erase(0, written_);
      written_ = 0;
    }
  }

 private:
  size_t slack_;
  std::string bytes_;
  size_t written_ = 0;  // bytes at the start of bytes_ that are written
  ReplyCounts counts_ = {};
};

}  // namespace postern

#endif  // POSTERN_ENGINE_REPLY_QUEUE_H_
