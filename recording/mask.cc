// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/mask.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/command.h"
#include "engine/grammar/base64.h"
#include "engine/grammar/mechanism.h"

namespace postern::recording {
namespace {

// Neither base64 nor a mechanism nor a verb.
constexpr absl::string_view kInvalid = "?";
// A verb that a recording shows although it is unknown: at most this long.
constexpr size_t kShownVerb = 10;
// Fields that count as hops (ServerConfig::max_hops), and QUIT
// (ServerSession::TimedOut()).
constexpr absl::string_view kWords[] = {"received", "delivered", "quit"};
// The prompts of AUTH LOGIN.
constexpr absl::string_view kPrompts[] = {
    "", "Username:", "Password:", absl::string_view("User Name\0", 10),
    absl::string_view("Password\0", 9)};

bool AllOf(absl::string_view text, bool (*is)(unsigned char)) {
  return std::all_of(text.begin(), text.end(), is);
}

// A control character or another octet beyond printable ASCII changes the
// reply, so that one stays.
std::string Invalid(absl::string_view text) {
  std::string masked(kInvalid);
  for (const char c : text) {
    if (absl::ascii_iscntrl(c) && c != '\t') return masked + '\x01';
  }
  return AllOf(text, absl::ascii_isascii) ? masked : masked + '\xff';
}

std::string MaskBase64(absl::string_view text) {
  if (text.empty() || text == "=") return std::string(text);
  return DecodeBase64(text) ? EncodeBase64(kSecret) : Invalid(text);
}

std::string MaskedOctets(absl::string_view octets, absl::string_view kept) {
  std::string masked(octets);
  for (char& c : masked) {
    if (!absl::StrContains(kept, c)) c = 'x';
  }
  return masked;
}

// Whether a line was meant to be `verb`, as the session decides it: a message
// may follow BDAT, and a password AUTH.
bool Means(absl::string_view verb, absl::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return absl::StartsWithIgnoreCase(line, verb);
}

// As the session decides it: BDATX is another verb, BDAT+ is not.
bool MeansBdat(absl::string_view line) {
  if (!Means("BDAT", line)) return false;
  const size_t end = line.find_first_not_of(" \t") + 4;
  return end == line.size() || !absl::ascii_isalnum(line[end]);
}

// Returns the octets of the chunk that follows the BDAT command `line`. If the
// session refuses the line, it ends, and no chunk follows.
uint64_t ChunkSize(absl::string_view line, Strictness strictness) {
  const auto parsed = ParseCommand(line, strictness);
  const auto* const command = std::get_if<postern::Command>(&parsed);
  if (command == nullptr || command->row->verb != Verb::kBdat) return 0;
  const auto bdat = ParseBdat(command->argument);
  const auto* const chunk = std::get_if<Chunk>(&bdat);
  return chunk == nullptr ? 0 : chunk->size;
}

}  // namespace

void ClientMask::ContentAccepted() {
  if (verb_ != Verb::kData) return;
  data_ = true;
  after_crlf_ = true;
  ends_in_cr_ = false;
  line_.clear();
  column_ = 0;
}

void ClientMask::Consumed(absl::string_view octets, size_t secret, Show show) {
  size_t at = 0;
  while (at < octets.size()) {
    absl::string_view rest = octets.substr(at);
    if (chunk_ > 0) {
      rest = rest.substr(0, std::min<uint64_t>(chunk_, rest.size()));
      show(rest.size(), Content(rest));
      chunk_ -= rest.size();
      at += rest.size();
      continue;
    }
    const size_t end = rest.find('\n');
    const bool whole = end != absl::string_view::npos;
    if (whole) rest = rest.substr(0, end + 1);
    at += rest.size();
    if (data_) {
      show(rest.size(), Content(rest));
      FollowContent(rest);
    } else {
      Line(rest, whole, at == secret, show);
    }
  }
}

void ClientMask::FollowContent(absl::string_view line) {
  constexpr absl::string_view kEnd = ".\r\n";
  if (line_.size() <= kEnd.size()) {
    absl::StrAppend(&line_, line.substr(0, kEnd.size() + 1));
  }
  const bool cr_before =
      line.size() > 1 ? line[line.size() - 2] == '\r' : ends_in_cr_;
  ends_in_cr_ = line.back() == '\r';
  if (line.back() != '\n') return;
  if (after_crlf_ && line_ == kEnd) data_ = false;
  after_crlf_ = cr_before;
  ends_in_cr_ = false;
  line_.clear();
}

std::string ClientMask::Content(absl::string_view octets) {
  std::string masked = MaskedContent(octets);
  return bodies_ ? std::string(octets) : masked;
}

std::string ClientMask::MaskedContent(absl::string_view octets) {
  std::string masked(octets);
  for (size_t i = 0; i < masked.size(); ++i) {
    char& c = masked[i];
    if (c == '\r' || c == '\n') {
      column_ = 0;
      continue;
    }
    if (column_ == 0) {
      word_ = {};
      for (const absl::string_view word : kWords) {
        const absl::string_view begin = octets.substr(i, word.size());
        if (absl::StartsWithIgnoreCase(word, begin)) word_ = word;
      }
    }
    const bool dot = column_ == 0 && c == '.';
    const bool name =
        column_ < word_.size() && absl::ascii_tolower(c) == word_[column_];
    if (!name) word_ = {};
    if (!dot && !name) c = 'x';
    ++column_;
  }
  return masked;
}

void ClientMask::Line(absl::string_view line, bool whole, bool secret,
                      Show show) {
  const bool response = response_;
  if (whole) response_ = false;
  const size_t most = response ? config_.max_auth_line : config_.max_line;
  if (overlong_ || !whole || line.size() > most) {
    const bool begins = !std::exchange(overlong_, !whole);
    auth_ = auth_ || response || (begins && Means("AUTH", line));
    std::string masked = MaskedOctets(line, "\r\n");
    // What was meant to be BDAT ends the session.
    if (begins && !response && MeansBdat(line)) {
      const size_t verb = absl::AsciiStrToUpper(line).find("BDAT") + 5;
      const absl::string_view kept = line.substr(0, verb);
      masked =
          absl::StrCat(kept, absl::string_view(masked).substr(kept.size()));
    }
    return show(line.size(), masked);
  }
  absl::string_view text = line;
  absl::ConsumeSuffix(&text, "\n");
  absl::ConsumeSuffix(&text, "\r");
  const absl::string_view eol = line.substr(text.size());
  if (response) {
    return show(line.size(),
                absl::StrCat(text == "*" ? "*" : MaskBase64(text), eol));
  }
  show(line.size(), absl::StrCat(Command(text, secret), eol));
}

std::string ClientMask::Command(absl::string_view text, bool secret) {
  if (Means("AUTH", text)) {
    auth_ = true;
    verb_ = Verb::kAuth;
    return AuthCommand(text);
  }
  const absl::string_view word = text.substr(0, text.find(' '));
  const VerbRow& row = FindVerb(absl::StripTrailingAsciiWhitespace(word));
  if (row.verb == Verb::kUnknown || row.verb == Verb::kWeb || secret) {
    if (MeansBdat(text)) return absl::StrCat("BDAT", Invalid(text));
    if (auth_ && row.verb != Verb::kWeb) return Invalid(text);
    const bool shown =
        word.size() <= kShownVerb &&
        (AllOf(word, absl::ascii_isupper) || AllOf(word, absl::ascii_islower));
    if (!shown) return Invalid(text);
    if (word.size() == text.size()) return std::string(text);
    return absl::StrCat(word, " ", Invalid(text));
  }
  verb_ = row.verb;
  if (verb_ == Verb::kBdat) {
    chunk_ = ChunkSize(text, config_.strictness);
    column_ = 0;
  }
  return std::string(text);
}

std::string ClientMask::AuthCommand(absl::string_view text) const {
  const size_t space = text.find_first_not_of(" \t");
  std::vector<std::string> words = absl::StrSplit(text.substr(space), ' ');
  if (!absl::EqualsIgnoreCase(words[0], "AUTH")) {
    return absl::StrCat(text.substr(0, space), "AUTH", Invalid(text));
  }
  bool mechanism = true;  // the next word is the mechanism
  for (size_t i = 1; i < words.size(); ++i) {
    std::string& word = words[i];
    if (word.empty()) continue;
    if (!std::exchange(mechanism, false)) {
      word = MaskBase64(word);
      continue;
    }
    // A client may leave out the mechanism. So only one that the server knows
    // is shown, because base64 would look like one, too.
    const std::string upper = absl::AsciiStrToUpper(word);
    const auto knows = [&](const std::vector<std::string>& list) {
      return std::find(list.begin(), list.end(), upper) != list.end();
    };
    if (knows(config_.mechanisms) || knows(config_.mechanisms_without_tls)) {
      continue;
    }
    word = IsMechanism(upper) ? "UNKNOWN" : Invalid(word);
  }
  return absl::StrCat(text.substr(0, space), absl::StrJoin(words, " "));
}

std::string ClientMask::Unserved(absl::string_view octets) {
  return data_ || chunk_ > 0 ? MaskedContent(octets)
                             : MaskedOctets(octets, "\r\n");
}

absl::string_view MaskChallenge(absl::string_view bytes) {
  for (const absl::string_view prompt : kPrompts) {
    if (bytes == prompt) return bytes;
  }
  return kSecret;
}

std::string MaskReplyLine(absl::string_view line) {
  constexpr absl::string_view kChallenge = "334 ";
  if (!absl::StartsWith(line, kChallenge)) return std::string(line);
  const absl::string_view text =
      absl::StripSuffix(line.substr(kChallenge.size()), "\r\n");
  const absl::string_view eol = line.substr(kChallenge.size() + text.size());
  const std::optional<std::string> bytes = DecodeBase64(text);
  return absl::StrCat(
      kChallenge, EncodeBase64(bytes ? MaskChallenge(*bytes) : kSecret), eol);
}

Ask MaskAsk(const Ask& ask) {
  const auto mask = [](const std::string& bytes) {
    return std::string(bytes.empty() ? "" : kSecret);
  };
  if (const auto* begin = std::get_if<AuthBegin>(&ask.what)) {
    AuthBegin masked{begin->mechanism, {}};
    if (begin->initial_response) {
      masked.initial_response = mask(*begin->initial_response);
    }
    return {ask.id, std::move(masked)};
  }
  if (const auto* response = std::get_if<AuthResponse>(&ask.what)) {
    return {ask.id, AuthResponse{mask(response->bytes)}};
  }
  return ask;
}

}  // namespace postern::recording
