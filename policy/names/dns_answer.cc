// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/dns_answer.h"

#include <ares.h>

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace postern::policy {
namespace {

constexpr uint16_t kIn = 1;
constexpr int kMaxAliases = 8;

struct Record {
  std::string owner;
  uint16_t type = 0;
  uint16_t klass = 0;
  uint32_t ttl = 0;
  size_t data = 0;  // the position of its data in the message
  size_t size = 0;
};

// Reads a message from its beginning. After invalid data it fails permanently.
class Message {
 public:
  explicit Message(absl::string_view octets) : octets_(octets) {}

  uint16_t Number16() {
    if (!Has(2)) return 0;
    const auto high = static_cast<unsigned char>(octets_[at_++]);
    const auto low = static_cast<unsigned char>(octets_[at_++]);
    return static_cast<uint16_t>(high << 8 | low);
  }

  uint32_t Number32() {
    const uint32_t high = Number16();
    return high << 16 | Number16();
  }

  std::string Name() {
    std::string name;
    char* text = nullptr;
    long size = 0;
    const auto* begin = reinterpret_cast<const unsigned char*>(octets_.data());
    if (!Has(1) ||
        ares_expand_name(begin + at_, begin, static_cast<int>(octets_.size()),
                         &text, &size) != ARES_SUCCESS) {
      ok_ = false;
      return name;
    }
    name = text;
    ares_free_string(text);
    at_ += static_cast<size_t>(size);
    return name;
  }

  void Skip(size_t size) {
    if (Has(size)) at_ += size;
  }

  Record NextRecord() {
    Record record;
    record.owner = Name();
    record.type = Number16();
    record.klass = Number16();
    record.ttl = Number32();
    record.size = Number16();
    record.data = at_;
    Skip(record.size);
    return record;
  }

  // Returns the name that is the data of `record` from octet `skip` to its end.
  std::string NameIn(const Record& record, size_t skip = 0) {
    const size_t after = at_;
    at_ = record.data + skip;
    std::string name = Name();
    if (at_ != record.data + record.size) ok_ = false;
    at_ = after;
    return name;
  }

  // Returns the data of an MX record as text (RFC 1035 3.3.9).
  std::string MxIn(const Record& record) {
    if (record.size < 3) ok_ = false;
    if (!ok_) return "";
    const auto octet = [&](size_t i) {
      return static_cast<unsigned char>(octets_[record.data + i]);
    };
    const int preference = octet(0) << 8 | octet(1);
    const std::string name = NameIn(record, 2);
    return absl::StrCat(preference, " ", name.empty() ? "." : name);
  }

  // Returns the character-strings of a TXT record, joined (RFC 1035 3.3.14).
  std::string TextIn(const Record& record) {
    std::string text;
    absl::string_view left = octets_.substr(record.data, record.size);
    if (left.empty()) ok_ = false;
    while (!left.empty()) {
      const size_t size = static_cast<unsigned char>(left.front());
      left.remove_prefix(1);
      if (left.size() < size) {
        ok_ = false;
        break;
      }
      absl::StrAppend(&text, left.substr(0, size));
      left.remove_prefix(size);
    }
    return text;
  }

  std::string Data(const Record& record, size_t size) {
    if (record.size != size) ok_ = false;
    return std::string(octets_.substr(record.data, record.size));
  }

  bool ok() const { return ok_; }

 private:
  bool Has(size_t size) {
    if (octets_.size() - at_ < size) ok_ = false;
    return ok_;
  }

  const absl::string_view octets_;
  size_t at_ = 0;
  bool ok_ = true;
};

uint32_t Ttl(const Record& record) {
  return record.ttl > 0x7fffffff ? 0 : record.ttl;
}

std::string DataOf(const Record& record, Message* message) {
  switch (record.type) {
    case DnsAnswer::kA:
      return message->Data(record, 4);
    case DnsAnswer::kAaaa:
      return message->Data(record, 16);
    case DnsAnswer::kMx:
      return message->MxIn(record);
    case DnsAnswer::kTxt:
      return message->TextIn(record);
    default:
      return message->NameIn(record);
  }
}

}  // namespace

std::optional<DnsAnswer> DnsAnswer::Parse(absl::string_view octets, Type type) {
  std::optional<DnsAnswer> answer;
  Message message(octets);
  message.Skip(4);  // the id and the flags
  const uint16_t questions = message.Number16();
  const uint16_t count = message.Number16();
  message.Skip(4);  // the counts of the other sections
  if (questions != 1) return answer;
  std::string name = message.Name();
  message.Skip(4);
  std::vector<Record> records;
  for (size_t i = 0; i < count && message.ok(); ++i) {
    records.push_back(message.NextRecord());
  }
  if (!message.ok()) return answer;

  answer.emplace();
  uint32_t ttl = 0x7fffffff;
  for (int alias = 0; alias <= kMaxAliases; ++alias) {
    const Record* further = nullptr;
    for (const Record& record : records) {
      if (record.klass != kIn || !absl::EqualsIgnoreCase(record.owner, name)) {
        continue;
      }
      if (record.type == type) {
        answer->records.push_back(DataOf(record, &message));
        ttl = std::min(ttl, Ttl(record));
      } else if (record.type == kCname) {
        further = &record;
      }
    }
    if (!answer->records.empty() || further == nullptr) break;
    ttl = std::min(ttl, Ttl(*further));
    name = message.NameIn(*further);
  }
  if (!answer->records.empty()) answer->ttl = ttl;
  if (!message.ok()) answer.reset();
  return answer;
}

}  // namespace postern::policy
