// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A simple model of transactions with chunks (RFC 3030) from the client's side.

#ifndef POSTERN_FUZZ_BDAT_MODEL_H_
#define POSTERN_FUZZ_BDAT_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/verdict.h"
#include "gtest/gtest.h"
#include "tests/replay.h"

namespace postern {

// Returns for each command the octets to send, and computes the expected
// messages. The session is after EHLO. The sender is <s@x>, and each recipient
// is <u@d>.
class BdatModel {
 public:
  // With this many recipients the policy refuses the content.
  static constexpr size_t kTooMany = 3;
  // The policy. Expects that no other sender occurs.
  static std::optional<AnyAnswer> Answer(const Ask& ask,
                                         const Envelope& envelope) {
    const auto* mail = std::get_if<postern::Mail>(&ask.what);
    EXPECT_TRUE(mail == nullptr || mail->from.local_part == "s") << "smuggled";
    if (std::holds_alternative<BodyBegin>(ask.what) &&
        envelope.to.size() == kTooMany) {
      return Verdict::Refuse({452, {4, 5, 3}, "too many"});
    }
    return Verdict::Accept();
  }

  explicit BdatModel(uint64_t max_size) : max_size_(max_size) {}

  std::string Mail(bool binary) {
    if (!sender_) binary_ = binary;
    sender_ = true;
    return absl::StrCat("MAIL FROM:<s@x>", binary ? " BODY=BINARYMIME" : "",
                        "\r\n");
  }
  std::string Rcpt() {
    if (sender_ && !chunks_ && !broken_) ++recipients_;
    return "RCPT TO:<u@d>\r\n";
  }
  std::string Rset() {
    End();
    return "RSET\r\n";
  }
  std::string Data() {
    // A refused DATA has no content.
    if (recipients_ == 0 || chunks_ || broken_ || binary_) return "DATA\r\n";
    if (recipients_ == kTooMany) {
      End();
      return "DATA\r\n";
    }
    content_ = "QUIT\r\n";
    Deliver();
    return "DATA\r\nQUIT\r\n.\r\n";
  }
  std::string Bdat(absl::string_view octets, bool last) {
    const std::string wire = absl::StrCat("BDAT ", octets.size(),
                                          last ? " LAST" : "", "\r\n", octets);
    if (recipients_ == 0 || broken_) return wire;
    absl::StrAppend(&content_, octets);
    const bool fits = max_size_ == 0 || content_.size() <= max_size_;
    broken_ = !fits || (!chunks_ && recipients_ == kTooMany);
    chunks_ = true;
    if (last && !broken_ && (binary_ || !HoldsBareNewline())) Deliver();
    if (last) End();
    return wire;
  }

  const std::vector<Message>& messages() const { return messages_; }

 private:
  bool HoldsBareNewline() const {
    return absl::StrReplaceAll(content_, {{"\r\n", ""}})
               .find_first_of("\r\n") != std::string::npos;
  }
  void Deliver() {
    std::string envelope = "<s@x>";
    for (; recipients_ > 0; --recipients_) absl::StrAppend(&envelope, " <u@d>");
    messages_.push_back({envelope, content_});
    End();
  }
  void End() {
    sender_ = binary_ = chunks_ = broken_ = false;
    recipients_ = 0;
    content_.clear();
  }

  const uint64_t max_size_;  // 0: no limit
  std::vector<Message> messages_;
  // The state of the transaction.
  bool sender_ = false;
  bool binary_ = false;
  size_t recipients_ = 0;
  bool chunks_ = false;  // a chunk was sent
  bool broken_ = false;  // a chunk before the last was refused
  std::string content_;
};

}  // namespace postern

#endif  // POSTERN_FUZZ_BDAT_MODEL_H_
