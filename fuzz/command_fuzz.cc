// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: a parsed MAIL or RCPT line prints to a line that parses to the same
// value. Without SMTPUTF8 that line is ASCII. A line that is accepted without
// extensions means the same with all of them. The number of BDAT prints to the
// text that was sent, without leading zeros. The mechanism of AUTH is the one
// that was sent.

#include <cstdint>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/command.h"
#include "engine/grammar/extension.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

constexpr ParameterRules kAll = {
    {Extension::kBinaryMime, Extension::kSmtpUtf8, Extension::kDsn,
     Extension::kRequireTls, Extension::kMtPriority, Extension::kDeliverBy,
     Extension::kFutureRelease, Extension::kRrvs},
    /*auth_offered=*/true};

bool Same(const Mail& a, const Mail& b) {
  return a.from == b.from && a.parameters == b.parameters;
}
bool Same(const Rcpt& a, const Rcpt& b) {
  return a.to == b.to && a.parameters == b.parameters;
}

// Parses `argument` with ParseMail() or ParseRcpt() and returns what their
// inverse `format` prints, or "" if it was refused.
template <typename T, typename Parse>
std::string Print(absl::string_view argument, Parse parse,
                  std::string (*format)(const T&)) {
  const auto all = parse(argument, kAll);
  const auto plain = parse(argument, ParameterRules());
  const T* value = std::get_if<T>(&all);
  if (const T* same = std::get_if<T>(&plain)) {
    EXPECT_TRUE(value != nullptr && Same(*same, *value));
  }
  if (value == nullptr) return "";
  const std::string line = format(*value);
  const auto command = ParseCommand(line);
  EXPECT_TRUE(std::holds_alternative<Command>(command)) << line;
  const auto again = parse(std::get<Command>(command).argument, kAll);
  const T* back = std::get_if<T>(&again);
  EXPECT_TRUE(back != nullptr && Same(*back, *value)) << line;
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string mail = Print<Mail>(text, ParseMail, FormatMail);
  EXPECT_TRUE(IsAscii(mail) || absl::StrContains(mail, " SMTPUTF8")) << mail;
  for (Utf8 utf8 : {Utf8::kNo, Utf8::kYes}) {
    const auto parse = [utf8](auto text, const auto& rules) {
      return ParseRcpt(text, rules, utf8);
    };
    const std::string rcpt = Print<Rcpt>(text, parse, FormatRcpt);
    EXPECT_TRUE(IsAscii(rcpt) || utf8 == Utf8::kYes) << rcpt;
  }
  const auto bdat = ParseBdat(text);
  if (const auto* chunk = std::get_if<Chunk>(&bdat)) {
    const absl::string_view digits = text.substr(0, text.find(' '));
    EXPECT_TRUE(absl::EndsWith(digits, absl::StrCat(chunk->size)));
    EXPECT_EQ(chunk->last, text.find_first_of("Ll") != text.npos);
  }
  const auto auth = ParseAuth(text);
  const auto* taken = std::get_if<AuthArgument>(&auth);
  EXPECT_TRUE(!taken || absl::StartsWithIgnoreCase(text, taken->mechanism));
  return 0;
}

}  // namespace postern
