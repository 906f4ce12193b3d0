// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/rspamd_answer.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/reply.h"
#include "nlohmann/json.hpp"

namespace postern::delivery {
namespace {

using Json = nlohmann::json;

// The longest text of a refusal that is taken from the answer.
constexpr size_t kMaxText = 400;
// What is left of a subject that cannot be written. It fits into one line.
constexpr size_t kMaxSubject = 900;

absl::Status Wrong(absl::string_view what, absl::string_view text = "") {
  constexpr size_t kShown = 100;
  if (text.empty()) return absl::InvalidArgumentError(what);
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": ", absl::CHexEscape(text.substr(0, kShown))));
}

// Returns the member `name` of an object, or null if there is none. A null and
// an empty array count as none: Lua's empty tables are arrays.
const Json* Find(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return nullptr;
  return found->is_array() && found->empty() ? nullptr : &*found;
}

absl::string_view Text(const Json& value) {
  return value.get_ref<const std::string&>();
}

// Calls `read` with `value`, or with each element if it is an array.
template <typename Read>
absl::Status ForEach(const Json& value, Read read) {
  if (!value.is_array()) return read(value);
  for (const Json& each : value) {
    if (absl::Status status = read(each); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::optional<Json> Parse(absl::string_view text) {
  bool too_deep = false;
  Json value = Json::parse(
      text.begin(), text.end(),
      [&too_deep](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > kMaxRspamdDepth;
        return !too_deep;  // false: the value is not stored
      },
      /*allow_exceptions=*/false);
  if (too_deep || value.is_discarded()) return std::nullopt;
  return value;
}

// Collects what the answer says.
class Reader {
 public:
  explicit Reader(const Json& answer) : answer_(answer) {}

  absl::StatusOr<RspamdAnswer> Read() && {
    if (absl::Status status = ReadAction(); !status.ok()) return status;
    // A refusal needs no edits, so one that cannot be made does not undo it.
    if (!Refuses()) {
      if (absl::Status status = ReadSignatures(); !status.ok()) return status;
      if (absl::Status status = ReadMilter(); !status.ok()) return status;
    }
    if (absl::Status status = Apply(); !status.ok()) return status;
    return std::move(result_);
  }

 private:
  HeaderEdits& edits() { return result_.answer.edits; }

  absl::Status ReadAction() {
    const Json* const action = Find(answer_, "action");
    if (action == nullptr || !action->is_string()) {
      return Wrong("the answer has no action");
    }
    action_ = Text(*action);
    const auto* const end =
        kRspamdOutcomes + static_cast<size_t>(RspamdOutcome::kTooLarge);
    const auto* const found = std::find(kRspamdOutcomes, end, action_);
    if (found == end) return Wrong("the action is not supported", action_);
    result_.outcome = static_cast<RspamdOutcome>(found - kRspamdOutcomes);
    std::string& reason = result_.answer.reason;
    reason = std::string(action_);
    const Json* const score = Find(answer_, "score");
    const Json* const required = Find(answer_, "required_score");
    if (score != nullptr && score->is_number()) {
      absl::StrAppend(&reason, ", score ", score->get<double>());
      if (required != nullptr && required->is_number()) {
        absl::StrAppend(&reason, " of ", required->get<double>());
      }
    }
    return absl::OkStatus();
  }

  // Returns the member `name` of milter, or null if there is none.
  const Json* MilterMember(const char* name) const {
    const Json* const milter = Find(answer_, "milter");
    if (milter == nullptr || !milter->is_object()) return nullptr;
    return Find(*milter, name);
  }

  // Returns whether the action has its effect.
  bool Applies() const {
    const Json* const no_action = MilterMember("no_action");
    return no_action == nullptr || !no_action->is_boolean() ||
           !no_action->get<bool>();
  }

  // Returns whether the message is refused.
  bool Refuses() const {
    return Applies() && (result_.outcome == RspamdOutcome::kReject ||
                         result_.outcome == RspamdOutcome::kDiscard ||
                         result_.outcome == RspamdOutcome::kSoftReject);
  }

  absl::Status Add(absl::string_view name, absl::string_view value) {
    absl::StatusOr<std::string> field = MakeHeaderField(name, value);
    if (!field.ok()) return field.status();
    if (++added_ > kMaxRspamdFields ||
        edits().add.size() + field->size() > kMaxRspamdHeader) {
      return Wrong("the answer adds too many header fields");
    }
    edits().add += *field;
    return absl::OkStatus();
  }

  absl::Status Remove(absl::string_view name, int which) {
    if (edits().changes.size() >= kMaxRspamdFields) {
      return Wrong("the answer removes too many header fields");
    }
    edits().changes.push_back({std::string(name), which, ""});
    return absl::OkStatus();
  }

  absl::Status ReadSignatures() {
    const Json* const signatures = Find(answer_, "dkim-signature");
    if (signatures == nullptr) return absl::OkStatus();
    return ForEach(*signatures, [this](const Json& each) {
      if (!each.is_string()) return Wrong("dkim-signature is not a string");
      return Add("DKIM-Signature", Text(each));
    });
  }

  absl::Status ReadMilter() {
    const Json* const milter = Find(answer_, "milter");
    if (milter == nullptr) return absl::OkStatus();
    if (!milter->is_object()) return Wrong("milter is not an object");
    for (const char* name : {"change_from", "add_rcpt", "del_rcpt"}) {
      const Json* const member = Find(*milter, name);
      if (member != nullptr && !member->empty()) {
        return Wrong("the envelope cannot be changed", name);
      }
    }
    if (const Json* const remove = Find(*milter, "remove_headers")) {
      if (!remove->is_object()) return Wrong("remove_headers is not an object");
      for (const auto& [name, which] : remove->items()) {
        const absl::Status status =
            ForEach(which, [this, &name = name](const Json& each) {
              return ReadRemoval(name, each);
            });
        if (!status.ok()) return status;
      }
    }
    if (const Json* const add = Find(*milter, "add_headers")) {
      if (!add->is_object()) return Wrong("add_headers is not an object");
      for (const auto& [name, values] : add->items()) {
        const absl::Status status =
            ForEach(values, [this, &name = name](const Json& each) {
              return ReadAddition(name, each);
            });
        if (!status.ok()) return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadRemoval(absl::string_view name, const Json& which) {
    const double number = which.is_number() ? which.get<double>() : 0.5;
    constexpr double kMost = std::numeric_limits<int>::max();
    if (!(number >= -kMost && number <= kMost) ||
        number != static_cast<int>(number)) {
      return Wrong("a member of remove_headers is not a whole number", name);
    }
    return Remove(name, static_cast<int>(number));
  }

  absl::Status ReadAddition(absl::string_view name, const Json& value) {
    const Json* const text = value.is_object() ? Find(value, "value") : &value;
    if (text != nullptr && text->is_number()) return Add(name, text->dump());
    if (text == nullptr || !text->is_string()) {
      return Wrong("a member of add_headers is not a string", name);
    }
    return Add(name, Text(*text));
  }

  // Carries out the action.
  absl::Status Apply() {
    const Json* const marks = MilterMember("spam_header");
    if (!Applies() &&
        (marks == nullptr || result_.outcome != RspamdOutcome::kAddHeader)) {
      return Add("X-Rspamd-Action", action_);
    }
    switch (result_.outcome) {
      case RspamdOutcome::kReject:
      case RspamdOutcome::kDiscard:
        return Refuse({550, {5, 7, 1}, ""},
                      "message refused by the content filter (#5.7.1)");
      case RspamdOutcome::kSoftReject:
        return Refuse({451, {4, 7, 1}, ""}, "try again later (#4.7.1)");
      case RspamdOutcome::kRewriteSubject:
        return RewriteSubject();
      case RspamdOutcome::kAddHeader:
        return Mark(marks);
      case RspamdOutcome::kNoAction:
      case RspamdOutcome::kGreylist:
      case RspamdOutcome::kTooLarge:
      case RspamdOutcome::kOutage:
        break;
    }
    return absl::OkStatus();
  }

  absl::Status Refuse(Reply reply, absl::string_view otherwise) {
    absl::string_view text;
    const Json* const messages = Find(answer_, "messages");
    if (messages != nullptr && messages->is_object()) {
      const Json* const said = Find(*messages, "smtp_message");
      if (said != nullptr && said->is_string()) {
        text = absl::StripAsciiWhitespace(Text(*said));
      }
    }
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
      return absl::ascii_isprint(static_cast<unsigned char>(c));
    });
    if (text.empty() || text.size() > kMaxText || !printable) text = otherwise;
    reply.text = std::string(text);
    result_.answer.refusal = std::move(reply);
    return absl::OkStatus();
  }

  absl::Status RewriteSubject() {
    const Json* const subject = Find(answer_, "subject");
    if (subject == nullptr) return absl::OkStatus();
    if (!subject->is_string()) return Wrong("subject is not a string");
    absl::StatusOr<std::string> field =
        MakeHeaderField("Subject", Text(*subject));
    if (!field.ok() || field->size() > kMaxRspamdHeader) {
      // It contains the sender's own subject, which may be of any length. That
      // must not make an outage.
      field = MakeHeaderField("Subject", Text(*subject).substr(0, kMaxSubject));
    }
    if (!field.ok()) return field.status();
    edits().changes.push_back({"Subject", 1, *std::move(field)});
    return absl::OkStatus();
  }

  // Marks the message as spam, and removes what the sender has written there.
  absl::Status Mark(const Json* marks) {
    constexpr absl::string_view kSpam = "X-Spam";
    const auto mark = [this](absl::string_view name, absl::string_view value) {
      const absl::Status status = Remove(name, 0);
      return status.ok() ? Add(name, value) : status;
    };
    if (marks == nullptr) return mark(kSpam, "Yes");
    if (marks->is_string()) return mark(kSpam, Text(*marks));
    if (!marks->is_object()) return Wrong("spam_header is not a string");
    for (const auto& [name, value] : marks->items()) {
      if (!value.is_string()) return Wrong("spam_header is not a string");
      if (absl::Status status = mark(name, Text(value)); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  const Json& answer_;
  absl::string_view action_;
  size_t added_ = 0;
  RspamdAnswer result_;
};

}  // namespace

absl::StatusOr<RspamdAnswer> ReadRspamdAnswer(absl::string_view json) {
  if (json.size() > kMaxRspamdAnswer) return Wrong("the answer is too long");
  std::optional<Json> answer = Parse(json);
  if (!answer) {
    // rspamd quotes the message, and not all of it needs to be UTF-8. Such an
    // answer must not make a message wait for ever.
    std::string ascii(json);
    for (char& c : ascii) {
      if (!absl::ascii_isascii(static_cast<unsigned char>(c))) c = '?';
    }
    answer = Parse(ascii);
  }
  if (!answer || !answer->is_object()) {
    return Wrong("the answer is not a JSON object");
  }
  return Reader(*answer).Read();
}

}  // namespace postern::delivery
