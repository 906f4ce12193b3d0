// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "engine/verdict.h"

namespace postern {

Verdict::Verdict(const Verdict& other) = default;
Verdict& Verdict::operator=(const Verdict& other) = default;
Verdict::Verdict(Verdict&& other) noexcept = default;
Verdict& Verdict::operator=(Verdict&& other) noexcept = default;
Verdict::~Verdict() = default;

Verdict::Verdict(Kind kind, Reply reply)
    : kind_(kind), reply_(std::move(reply)) {}

Verdict Verdict::From(std::string source) && {
  source_ = std::move(source);
  return std::move(*this);
}

Verdict Verdict::About(Path path) && {
  path_ = std::move(path);
  return std::move(*this);
}

Verdict Verdict::With(std::optional<Reply> reply) && {
  reply_ = std::move(reply);
  return std::move(*this);
}

}  // namespace postern
