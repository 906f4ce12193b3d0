// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/print.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/parameters.h"
#include "engine/grammar/path.h"
#include "engine/grammar/reply.h"
#include "engine/grammar/xclient.h"

namespace postern::recording {
namespace {

// " NAME=mail.example PORT=25", in the order of the struct.
std::string PrintXClient(const XClient& client) {
  std::string out;
  const auto add = [&out](absl::string_view name, const auto& attribute) {
    if (!attribute) return;
    using Kind = typename std::decay_t<decltype(*attribute)>::Kind;
    absl::StrAppend(&out, " ", name, "=");
    if (attribute->kind == Kind::kKnown) {
      using Value = std::decay_t<decltype(attribute->value)>;
      if constexpr (std::is_same_v<Value, std::optional<IpAddress>>) {
        out += ToString(attribute->value);
      } else {
        absl::StrAppend(&out, attribute->value);
      }
    } else {
      out += attribute->kind == Kind::kUnavailable ? "?" : "later";
    }
  };
  add("NAME", client.name);
  add("HELO", client.helo);
  add("LOGIN", client.login);
  add("ADDR", client.address);
  add("PORT", client.port);
  add("DESTADDR", client.destination_address);
  add("DESTPORT", client.destination_port);
  return out;
}

// "550 5.1.1 no such user". FormatReply() leaves out an enhanced code that
// contradicts the code, and so does this function.
std::string PrintReply(const Reply& reply) {
  char code[kMaxEnhancedCode] = {};
  absl::string_view enhanced;
  const EnhancedCode& given = reply.enhanced;
  if (given.class_ == reply.code / 100 && given.class_ != 3 &&
      given.subject <= 999 && given.detail <= 999) {
    const char* const end = WriteEnhancedCode(given, code);
    enhanced = {code, static_cast<size_t>(end - code)};
  } else {
    const absl::string_view text = reply.text;
    const absl::string_view word = text.substr(0, text.find(' '));
    if (word == kNoEnhancedCode || ParseEnhancedCode(word)) {
      enhanced = kNoEnhancedCode;
    }
  }
  return absl::StrCat(reply.code, " ", enhanced, enhanced.empty() ? "" : " ",
                      reply.text);
}

std::string PrintVerdict(const Verdict& verdict) {
  switch (verdict.kind()) {
    case Verdict::Kind::kRefuse:
      return absl::StrCat("refuse ", PrintReply(*verdict.reply()));
    case Verdict::Kind::kDrop:
      return absl::StrCat("drop ", PrintReply(*verdict.reply()));
    case Verdict::Kind::kAccept:
      break;
  }
  std::string out = "accept";
  if (verdict.path()) {
    absl::StrAppend(&out, " as ", FormatPath(*verdict.path()));
  }
  if (verdict.bare_newlines()) {
    out += *verdict.bare_newlines() == BareNewlines::kNormalize ? " normalized"
                                                                : " rejecting";
  }
  if (verdict.reply()) absl::StrAppend(&out, " ", PrintReply(*verdict.reply()));
  return out;
}

}  // namespace

std::string PrintAsk(const Ask& ask, const Envelope& envelope) {
  struct Printer {
    const Envelope& envelope;
    std::string operator()(const Connected& connected) const {
      if (!connected.client) return "connected";
      return absl::StrCat("xclient", PrintXClient(*connected.client));
    }
    std::string operator()(const Hello& hello) const {
      const absl::string_view verb = hello.verb == Hello::Verb::kEhlo ? "ehlo "
                                     : hello.verb == Hello::Verb::kHelo
                                         ? "helo "
                                         : "lhlo ";
      return absl::StrCat(verb, hello.client_name);
    }
    std::string operator()(const StartTls&) const { return "starttls"; }
    std::string operator()(const AuthBegin& auth) const {
      if (!auth.initial_response) return absl::StrCat("auth ", auth.mechanism);
      return absl::StrCat("auth ", auth.mechanism, " ",
                          Printable(*auth.initial_response));
    }
    std::string operator()(const AuthResponse& response) const {
      return absl::StrCat("auth-response ", Printable(response.bytes));
    }
    static std::string Printable(absl::string_view bytes) {
      return bytes.empty() ? "=" : absl::CEscape(bytes);
    }
    std::string operator()(const Mail& mail) const {
      return absl::StrCat("mail ", FormatPath(mail.from),
                          FormatMailParameters(mail.parameters));
    }
    std::string operator()(const Rcpt& rcpt) const {
      return absl::StrCat("rcpt ", FormatPath(rcpt.to),
                          FormatRcptParameters(rcpt.parameters));
    }
    std::string operator()(const BodyBegin&) const {
      return absl::StrCat("body-begin ", PrintEnvelope(envelope));
    }
    std::string operator()(const BodyEnd& end) const {
      return absl::StrCat("body-end ", end.size);
    }
    std::string operator()(const Other& other) const {
      return absl::StrCat("other ", other.verb, " ", other.argument);
    }
    std::string operator()(const Verify& verify) const {
      return absl::StrCat("verify ", verify.argument,
                          verify.smtp_utf8 ? " SMTPUTF8" : "");
    }
  };
  // An answer follows the first " => ". The question may end in " =>".
  return absl::StrReplaceAll(std::visit(Printer{envelope}, ask.what),
                             {{" =>", " =\\x3e"}});
}

std::string PrintEnvelope(const Envelope& envelope) {
  std::string out = FormatPath(envelope.from);
  for (const Recipient& recipient : envelope.to) {
    absl::StrAppend(&out, " ", FormatPath(recipient.path));
  }
  return out;
}

std::string PrintVerdicts(absl::Span<const Verdict> verdicts) {
  if (verdicts.size() == 1) return PrintVerdict(verdicts[0]);
  std::string out = "each ";
  absl::string_view between;
  for (const Verdict& verdict : verdicts) {
    // The text of a reply may have a "|".
    absl::StrAppend(&out, between,
                    absl::StrReplaceAll(PrintVerdict(verdict),
                                        {{"\\", "\\\\"}, {"|", "\\x7c"}}));
    between = kBetweenVerdicts;
  }
  return out;
}

std::string PrintAnswer(const AnyAnswer& answer) {
  if (const auto* verdict = std::get_if<Verdict>(&answer)) {
    return PrintVerdict(*verdict);
  }
  if (const auto* verdicts = std::get_if<std::vector<Verdict>>(&answer)) {
    return PrintVerdicts(*verdicts);
  }
  if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    return absl::StrCat("challenge ", challenge->bytes);
  }
  return absl::StrCat("grant ", std::get<AuthGranted>(answer).identity);
}

void AppendLine(char kind, absl::string_view octets, absl::string_view eol,
                std::string* out) {
  out->push_back(kind);
  absl::string_view text = octets;
  const bool whole = absl::EndsWith(octets, eol);
  if (whole) text.remove_suffix(eol.size());
  const auto plain = [](char c) { return absl::ascii_isprint(c); };
  if (whole && std::all_of(text.begin(), text.end(), plain) &&
      !absl::EndsWith(text, " ")) {
    absl::StrAppend(out, text.empty() ? ":" : ": ", text, "\n");
    return;
  }
  constexpr absl::string_view kDigits = "0123456789abcdef";
  out->push_back('"');
  for (const char c : octets) {
    if (c == '\r') {
      *out += "\\r";
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (absl::ascii_isprint(c)) {
      out->push_back(c);
    } else {
      const auto octet = static_cast<unsigned char>(c);
      *out += "\\x";
      out->push_back(kDigits[octet >> 4]);
      out->push_back(kDigits[octet & 15]);
    }
  }
  *out += "\"\n";
}

}  // namespace postern::recording
