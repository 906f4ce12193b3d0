// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Wiping of secrets from memory. Freed memory may be read from a core dump, or
// because of a bug.

#ifndef POSTERN_ENGINE_GRAMMAR_WIPE_H_
#define POSTERN_ENGINE_GRAMMAR_WIPE_H_

#include <cstring>
#include <string>
#include <utility>

namespace postern {

// Overwrites all memory of `text`, including unused capacity, and empties it.
inline void Wipe(std::string* text) {
  text->resize(text->capacity());
  explicit_bzero(text->data(), text->size());
  text->clear();
}

// A text that is wiped on destruction. It cannot be copied, so that a secret
// exists in as few places as possible. The constructor also wipes its argument,
// because moving from a short std::string leaves the bytes in it.
class Secret {
 public:
  Secret() = default;
  // Takes `text` over, and wipes what is left in it.
  explicit Secret(std::string&& text) : text_(std::move(text)) { Wipe(&text); }
  Secret(Secret&& other) noexcept { *this = std::move(other); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Wipe(&text_);
      text_ = std::move(other.text_);
      Wipe(&other.text_);
    }
    return *this;
  }
  ~Secret() { Wipe(&text_); }

  // The text. Valid as long as the object.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_WIPE_H_
