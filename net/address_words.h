// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The words of an address of --deliver or --shared-state: the parts after its
// servers, which commas separate.
//
//   auth=/etc/postern/relay,tls=verify,xclient
//
// Each kind of address has a table of its words.

#ifndef POSTERN_NET_ADDRESS_WORDS_H_
#define POSTERN_NET_ADDRESS_WORDS_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace postern::net {

// One row of a table. Constant data. `Address` is what the words are read into.
template <typename Address>
struct AddressWord {
  absl::string_view name;
  bool has_value = true;
  bool many = false;  // may be repeated
  // Reads the value, which is not empty if the word has one. An error says what
  // is wrong with the value.
  absl::Status (*read)(absl::string_view value, Address* address) = nullptr;
  // Reports a contradiction to the other words or to the servers. Called if the
  // word is given, after all words are read. May be null.
  absl::Status (*check)(const Address& address) = nullptr;
  // Returns the values; none if the word is not given. For FormatWords() only.
  std::vector<std::string> (*format)(const Address& address) = nullptr;
};

template <typename Address>
using AddressWords = absl::Span<const AddressWord<Address>>;

// Returns the row of `name`, or null.
template <typename Address>
const AddressWord<Address>* FindWord(AddressWords<Address> words,
                                     absl::string_view name) {
  const auto word = std::find_if(
      words.begin(), words.end(),
      [name](const AddressWord<Address>& each) { return each.name == name; });
  return word == words.end() ? nullptr : &*word;
}

// Reads `parts` into `address`, whose servers are known. An error names the
// part that is wrong, or the words that contradict each other.
template <typename Address>
absl::Status ReadWords(AddressWords<Address> words,
                       absl::Span<const absl::string_view> parts,
                       Address* address) {
  const auto wrong = [](absl::string_view part, absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("\"", part, "\": ", why));
  };
  std::vector<const AddressWord<Address>*> given;
  for (const absl::string_view part : parts) {
    const absl::string_view name = part.substr(0, part.find('='));
    const bool has_value = name.size() < part.size();
    const AddressWord<Address>* const word = FindWord(words, name);
    // The path of a Unix socket may have a "=".
    if (word == nullptr && (!has_value || absl::StartsWith(part, "unix:"))) {
      return wrong(part, "the servers come before the words");
    }
    if (word == nullptr) {
      std::string all;
      for (const AddressWord<Address>& each : words) {
        absl::StrAppend(&all, all.empty() ? "" : ", ", each.name,
                        each.has_value ? "=" : "");
      }
      return absl::InvalidArgumentError(
          absl::StrCat("unknown word \"", part, "\": ", all));
    }
    if (has_value && !word->has_value) {
      return wrong(part, absl::StrCat(name, " has no value"));
    }
    const absl::string_view value =
        has_value ? part.substr(name.size() + 1) : absl::string_view();
    if (word->has_value && value.empty()) {
      return wrong(part, "the value is missing");
    }
    if (!word->many && std::count(given.begin(), given.end(), word) > 0) {
      return wrong(part, absl::StrCat(name, word->has_value ? "=" : "",
                                      " is given twice"));
    }
    given.push_back(word);
    if (const absl::Status read = word->read(value, address); !read.ok()) {
      return wrong(part, read.message());
    }
  }
  for (const AddressWord<Address>* const word : given) {
    if (word->check == nullptr) continue;
    if (const absl::Status checked = word->check(*address); !checked.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          word->name, word->has_value ? "=" : "", ": ", checked.message()));
    }
  }
  return absl::OkStatus();
}

// Returns the words that ReadWords() reads, each after a comma, in the order of
// the table.
template <typename Address>
std::string FormatWords(AddressWords<Address> words, const Address& address) {
  std::string text;
  for (const AddressWord<Address>& word : words) {
    for (const std::string& value : word.format(address)) {
      absl::StrAppend(&text, ",", word.name, word.has_value ? "=" : "", value);
    }
  }
  return text;
}

// For AddressWord::format: a value that is left out if it is the usual one.
inline std::vector<std::string> OneOrNone(const std::string& value,
                                          absl::string_view usual = "") {
  if (value == usual) return {};
  return {value};
}

// For AddressWord::read: sets `*path` to an absolute path.
inline absl::Status ReadPath(absl::string_view value, std::string* path) {
  if (!absl::StartsWith(value, "/")) {
    return absl::InvalidArgumentError("the path is not absolute");
  }
  *path = std::string(value);
  return absl::OkStatus();
}

}  // namespace postern::net

#endif  // POSTERN_NET_ADDRESS_WORDS_H_
