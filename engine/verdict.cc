// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/verdict.h"

namespace postern {

// Out of line, since each would be repeated wherever a Verdict ends.
Verdict::Details::Details() = default;
Verdict::Details::Details(const Details& other) = default;
Verdict::Details::~Details() = default;

Verdict::Verdict(const Verdict& other)
    : kind_(other.kind_),
      rule_(other.rule_),
      details_(other.details_ == nullptr
                   ? nullptr
                   : std::make_unique<Details>(*other.details_)) {}

Verdict& Verdict::operator=(const Verdict& other) {
  return *this = Verdict(other);
}

Verdict::Verdict(Kind kind, Reply reply) : kind_(kind) {
  change().reply = std::move(reply);
}

const Verdict::Details& Verdict::NoDetails() {
  static const Details& none = *new Details;
  return none;
}

Verdict::Details& Verdict::change() {
  if (details_ == nullptr) details_ = std::make_unique<Details>();
  return *details_;
}

Verdict Verdict::From(std::string source) && {
  change().source = std::move(source);
  return std::move(*this);
}

Verdict Verdict::About(Path path) && {
  change().path = std::move(path);
  return std::move(*this);
}

Verdict Verdict::AddHeader(absl::string_view fields) && {
  change().header.append(fields.data(), fields.size());
  return std::move(*this);
}

Verdict Verdict::With(std::optional<Reply> reply) && {
  if (reply || details_ != nullptr) change().reply = std::move(reply);
  return std::move(*this);
}

}  // namespace postern
