// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/handover.h"

#include <climits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/decimal.h"
#include "engine/xtext.h"

namespace postern::programs {
namespace {

// The names and their order, once for both ways.
template <typename Visitor, typename HandoverType>
void VisitFields(Visitor&& visit, HandoverType& handover) {
  visit("began", handover.began);
  visit("session", handover.session);
  visit("greeted", handover.stood.greeted);
  visit("extended", handover.stood.extended);
  visit("errors", handover.stood.errors);
  visit("auth-failures", handover.stood.auth_failures);
  visit("messages", handover.stood.messages);
  visit("early-talk", handover.stood.violations.early_talk);
  visit("pipelining", handover.stood.violations.pipelining);
  visit("verb", handover.hello_verb);
  visit("hello", handover.hello_name);
  visit("identity", handover.stood.identity);
  visit("mechanism", handover.mechanism);
}

class Writer {
 public:
  void operator()(absl::string_view name, uint64_t value) {
    absl::StrAppend(&text_, text_.empty() ? "" : " ", name, "=", value);
  }
  void operator()(absl::string_view name, bool value) {
    (*this)(name, uint64_t{value});
  }
  void operator()(absl::string_view name, int value) {
    (*this)(name, static_cast<uint64_t>(value));
  }
  void operator()(absl::string_view name, Hello::Verb value) {
    (*this)(name, static_cast<uint64_t>(value));
  }
  void operator()(absl::string_view name, const std::string& value) {
    absl::StrAppend(&text_, " ", name, "=", EncodeXtext(value));
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Reader {
 public:
  explicit Reader(absl::string_view text) : rest_(text) {}

  void operator()(absl::string_view name, uint64_t& value) {
    value = Number(name, UINT64_MAX);
  }
  void operator()(absl::string_view name, bool& value) {
    value = Number(name, 1) != 0;
  }
  void operator()(absl::string_view name, int& value) {
    value = static_cast<int>(Number(name, INT_MAX));
  }
  void operator()(absl::string_view name, Hello::Verb& value) {
    value = static_cast<Hello::Verb>(
        Number(name, static_cast<uint64_t>(Hello::Verb::kLhlo)));
  }
  void operator()(absl::string_view name, std::string& value) {
    const std::optional<std::string> text = DecodeXtext(Field(name));
    if (!text) return Fail(name);
    value = *text;
  }

  absl::Status status() const {
    if (status_.ok() && !rest_.empty()) {
      return absl::InvalidArgumentError("something is behind the last field");
    }
    return status_;
  }

 private:
  absl::string_view Field(absl::string_view name) {
    const absl::string_view field = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(field.size());
    absl::ConsumePrefix(&rest_, " ");
    absl::string_view value = field;
    if (!absl::ConsumePrefix(&value, name) ||
        !absl::ConsumePrefix(&value, "=")) {
      Fail(name);
      return "";
    }
    return value;
  }
  uint64_t Number(absl::string_view name, uint64_t max) {
    const std::optional<uint64_t> number =
        ParseDecimal(Field(name), kMaxDigits);
    if (number && *number <= max) return *number;
    Fail(name);
    return 0;
  }
  void Fail(absl::string_view name) {
    status_.Update(absl::InvalidArgumentError(
        absl::StrCat(name, " is missing, or cannot be")));
  }

  absl::string_view rest_;
  absl::Status status_;
};

}  // namespace

std::string FormatHandover(const Handover& handover) {
  Writer writer;
  VisitFields(writer, handover);
  return writer.text();
}

absl::StatusOr<Handover> ParseHandover(absl::string_view text) {
  Handover handover;
  Reader reader(text);
  VisitFields(reader, handover);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return handover;
}

}  // namespace postern::programs
