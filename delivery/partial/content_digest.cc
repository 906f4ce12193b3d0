// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/partial/content_digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "absl/strings/match.h"

namespace postern::delivery {
namespace {

constexpr absl::string_view kIgnored[] = {
    "Received", "DKIM-Signature",        "ARC-Authentication-Results",
    "ARC-Seal", "ARC-Message-Signature",
};

constexpr absl::string_view kIdentifying[] = {"Date", "Message-ID"};

// The length of the longest name above.
constexpr size_t kLongest = 26;

bool IsOneOf(absl::Span<const absl::string_view> names,
             absl::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [name](absl::string_view each) {
                       return absl::EqualsIgnoreCase(each, name);
                     });
}

void Must(int result) {
  if (result != 1) std::abort();
}

}  // namespace

struct ContentDigest::Context {
  EVP_MD_CTX* const md = EVP_MD_CTX_new();

  Context() {
    Must(md != nullptr && EVP_DigestInit_ex(md, EVP_sha256(), nullptr) == 1);
  }
  ~Context() { EVP_MD_CTX_free(md); }
};

ContentDigest::ContentDigest() : context_(std::make_unique<Context>()) {}
ContentDigest::~ContentDigest() = default;

absl::Span<const absl::string_view> ContentDigest::IgnoredFields() {
  return kIgnored;
}

void ContentDigest::Count(absl::string_view octets) {
  Must(EVP_DigestUpdate(context_->md, octets.data(), octets.size()));
}

void ContentDigest::EndName(State state) {
  if (state != State::kIgnored) Count(name_);
  name_.clear();
  state_ = state;
}

void ContentDigest::Append(absl::string_view octets) {
  while (!octets.empty()) {
    if (state_ == State::kBody) return Count(octets);
    if (state_ == State::kName) {
      const char c = octets[0];
      if (name_.empty() && (c == ' ' || c == '\t')) {
        EndName(before_);  // a folded line
        continue;
      }
      if (c == '\r' || c == '\n') {
        // The end of the header section, or a line that is no field.
        EndName(State::kBody);
        continue;
      }
      if (c == ':') {
        identified_ |= IsOneOf(kIdentifying, name_);
        EndName(IsOneOf(kIgnored, name_) ? State::kIgnored : State::kCounts);
        continue;
      }
      if (name_.size() == kLongest) {
        EndName(State::kCounts);
        continue;
      }
      name_.push_back(c);
      octets.remove_prefix(1);
      continue;
    }
    // The rest of the line.
    const size_t end = octets.find('\n');
    const absl::string_view line = octets.substr(
        0, end == absl::string_view::npos ? octets.size() : end + 1);
    if (state_ == State::kCounts) Count(line);
    octets.remove_prefix(line.size());
    if (end != absl::string_view::npos) {
      before_ = state_;
      state_ = State::kName;
    }
  }
}

std::string ContentDigest::Finish() {
  Count(name_);
  std::string digest(kSize, '\0');
  unsigned int size = 0;
  Must(EVP_DigestFinal_ex(
      context_->md, reinterpret_cast<unsigned char*>(digest.data()), &size));
  return digest;
}

}  // namespace postern::delivery
