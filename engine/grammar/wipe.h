// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Forgetting secrets: what is freed may be read in a core file, or by a
// mistake.

#ifndef POSTERN_ENGINE_GRAMMAR_WIPE_H_
#define POSTERN_ENGINE_GRAMMAR_WIPE_H_

#include <cstring>
#include <string>
#include <utility>

namespace postern {

// Overwrites all memory of `text`, also behind its end, and empties it.
inline void Wipe(std::string* text) {
  text->resize(text->capacity());
  explicit_bzero(text->data(), text->size());
  text->clear();
}

// A text that is wiped at its end. It cannot be copied: a secret is in as few
// places as can be. Taking one out of a std::string wipes that, since a short
// one leaves its bytes behind when it is moved.
class Secret {
 public:
  Secret() = default;
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

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_WIPE_H_
