// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/spf/spf_evaluation.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern::policy {
namespace {

using Kind = SpfTerm::Kind;
using Status = DnsResult::Status;

constexpr int kMaxTerms = 10;
constexpr int kMaxVoidLookups = 2;
constexpr size_t kMaxExchanges = 10;
constexpr size_t kMaxClientNames = 10;
constexpr size_t kMaxName = 253;
constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxReason = 120;

bool AsksDns(Kind kind) {
  switch (kind) {
    case Kind::kInclude:
    case Kind::kA:
    case Kind::kMx:
    case Kind::kPtr:
    case Kind::kExists:
    case Kind::kRedirect:
      return true;
    case Kind::kAll:
    case Kind::kIp4:
    case Kind::kIp6:
    case Kind::kExp:
    case Kind::kUnknownModifier:
      return false;
  }
  return false;
}

SpfResult ResultOf(char qualifier) {
  switch (qualifier) {
    case '-':
      return SpfResult::kFail;
    case '~':
      return SpfResult::kSoftFail;
    case '?':
      return SpfResult::kNeutral;
    default:
      return SpfResult::kPass;
  }
}

// Returns whether DNS can have the name. Master files and c-ares treat a
// backslash as an escape, but macros can produce only the character itself.
bool IsName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty() || label.size() > kMaxLabel) return false;
    for (const char c : label) {
      if (!absl::ascii_isprint(static_cast<unsigned char>(c)) || c == '\\') {
        return false;
      }
    }
  }
  return true;
}

// Returns `text` with each octet replaced by '?' that is not printable ASCII,
// and without the octets after the first `most`.
std::string Printable(absl::string_view text, size_t most) {
  std::string printable(text.substr(0, most));
  for (char& c : printable) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return printable;
}

// Returns whether the first `bits` bits of the addresses are equal. Both are of
// one family, to which `bits` belongs.
bool SamePrefix(const IpAddress& left, const IpAddress& right, int bits) {
  const auto& a = left.bytes();
  const auto& b = right.bytes();
  size_t first = left.v4() ? 12 : 0;
  for (; bits >= 8; bits -= 8, ++first) {
    if (a[first] != b[first]) return false;
  }
  return bits == 0 || ((a[first] ^ b[first]) >> (8 - bits)) == 0;
}

// Returns the address in the data of an A or AAAA record.
IpAddress AddressOf(const std::string& data) {
  std::array<uint8_t, 4> v4 = {};
  IpAddress::Bytes v6 = {};
  if (data.size() == v4.size()) {
    std::copy(data.begin(), data.end(), v4.begin());
    return IpAddress::V4(v4);
  }
  std::copy_n(data.begin(), std::min(data.size(), v6.size()), v6.begin());
  return IpAddress(v6);
}

bool IsInDomain(absl::string_view name, absl::string_view domain) {
  return absl::EqualsIgnoreCase(name, domain) ||
         absl::EndsWithIgnoreCase(name, absl::StrCat(".", domain));
}

// The address as a macro has it (RFC 7208 7.3): an IPv6 address is 32 nibbles
// with dots between them.
std::string MacroAddress(const IpAddress& address) {
  if (address.v4()) return address.ToString();
  std::string labels = ReversedLabels(address);
  labels.pop_back();
  std::reverse(labels.begin(), labels.end());
  return labels;
}

}  // namespace

SpfEvaluation::SpfEvaluation(SpfQuestion question)
    : question_(std::move(question)) {
  const absl::string_view domain = absl::StripSuffix(question_.domain, ".");
  // RFC 7208 4.3: a domain that is not a name of several labels has no policy.
  if (!IsName(domain) || !absl::StrContains(domain, '.') ||
      domain.front() == '[') {
    Finish(SpfResult::kNone, "");
    return;
  }
  frames_.emplace_back().domain = std::string(domain);
  Run();
}

void SpfEvaluation::Answer(const DnsResult& result) {
  const Lookup lookup = *std::move(lookup_);
  lookup_.reset();
  DnsResult& stored = results_[{lookup.name, lookup.type}] = result;
  // RFC 7208 4.6.4: the names come from the client's network, and the others
  // are not used.
  if (lookup.type == DnsAnswer::kPtr &&
      stored.records.size() > kMaxClientNames) {
    stored.records.resize(kMaxClientNames);
  }
  const bool is_void =
      result.status == Status::kNoName || result.status == Status::kNoRecords;
  if (is_void && lookup.type != DnsAnswer::kTxt && !explaining_ &&
      ++void_lookups_ > kMaxVoidLookups) {
    return Finish(
        SpfResult::kPermError,
        absl::StrCat("more than ", kMaxVoidLookups, " lookups have no result"));
  }
  Run();
}

void SpfEvaluation::GiveUp(absl::string_view reason) {
  lookup_.reset();
  if (explaining_) {
    done_ = true;
    return;
  }
  Finish(SpfResult::kTempError, std::string(reason));
}

void SpfEvaluation::Run() {
  while (!done_ && !lookup_) Step();
}

void SpfEvaluation::Step() {
  if (explaining_) return Explain();
  Frame& frame = frames_.back();
  if (!frame.terms) return Load(&frame);
  if (frame.redirects) return FollowRedirect(&frame);
  if (frame.term) return Evaluate(&frame);
  const absl::string_view text = frame.terms->Next();
  if (text.empty()) {
    if (!FindSpfTerm(frame.record, Kind::kRedirect)) {
      return Return(SpfResult::kNeutral, "");
    }
    frame.redirects = CountTerm();
    return;
  }
  const std::optional<SpfTerm> term = SpfTerm::Parse(text);
  if (!term || term->kind >= Kind::kRedirect) return;  // a modifier
  if (AsksDns(term->kind) && !CountTerm()) return;
  frame.term = term;
}

bool SpfEvaluation::CountTerm() {
  if (++terms_ <= kMaxTerms) return true;
  Finish(SpfResult::kPermError,
         absl::StrCat("more than ", kMaxTerms, " terms ask DNS"));
  return false;
}

// RFC 7208 4.4, 4.5 and 4.6.
void SpfEvaluation::Load(Frame* frame) {
  const DnsResult* const texts = Ask(frame->domain, DnsAnswer::kTxt);
  if (texts == nullptr) return;
  if (texts->status == Status::kTemporary) {
    return Finish(SpfResult::kTempError,
                  absl::StrCat("no answer for the record of ", frame->domain));
  }
  const std::string* record = nullptr;
  for (const std::string& text : texts->records) {
    if (!IsSpfRecord(text)) continue;
    if (record != nullptr) {
      return Finish(SpfResult::kPermError,
                    absl::StrCat(frame->domain, " has several records"));
    }
    record = &text;
  }
  if (record == nullptr) {
    if (!frame->referred) return Finish(SpfResult::kNone, "");
    return Finish(SpfResult::kPermError,
                  absl::StrCat(frame->domain, " has no record"));
  }
  if (record->size() > kMaxSpfRecord) {
    return Finish(SpfResult::kPermError,
                  absl::StrCat("the record of ", frame->domain, " has ",
                               record->size(), " octets"));
  }
  // A mistake counts wherever it is, also after a mechanism that matches.
  if (const auto mistake = FindSpfMistake(*record)) {
    return Finish(
        SpfResult::kPermError,
        absl::StrCat("invalid term of ", frame->domain, ": ", *mistake));
  }
  frame->record = *record;
  frame->terms.emplace(frame->record);
  results_.clear();
}

void SpfEvaluation::Evaluate(Frame* frame) {
  const SpfTerm& term = *frame->term;
  if (term.kind == Kind::kInclude) {
    std::optional<std::string> target = Target(*frame, term.domain);
    if (!target) return;
    results_.clear();
    Frame& included = frames_.emplace_back();
    included.domain = *std::move(target);
    included.referred = true;
    return;
  }
  const Match match = MatchMechanism(*frame);
  if (match == Match::kOpen) return;
  results_.clear();
  if (match == Match::kYes) return Return(ResultOf(term.qualifier), term.text);
  frame->term.reset();
}

SpfEvaluation::Match SpfEvaluation::MatchMechanism(const Frame& frame) {
  const SpfTerm& term = *frame.term;
  switch (term.kind) {
    case Kind::kAll:
      return Match::kYes;
    case Kind::kIp4:
    case Kind::kIp6: {
      const bool v4 = term.kind == Kind::kIp4;
      return question_.client.v4() == v4 && term.address->v4() == v4 &&
                     SamePrefix(question_.client, *term.address,
                                v4 ? term.v4_bits : term.v6_bits)
                 ? Match::kYes
                 : Match::kNo;
    }
    default:
      break;
  }
  const std::optional<std::string> target = Target(frame, term.domain);
  if (!target) return Match::kOpen;
  switch (term.kind) {
    case Kind::kA:
      return MatchAddresses(*target, term);
    case Kind::kMx:
      return MatchExchanges(*target, term);
    case Kind::kPtr:
      return MatchNames(*target);
    default:
      break;
  }
  // exists: an A record, whatever the family of the client (RFC 7208 5.7).
  const DnsResult* const addresses = Ask(*target, DnsAnswer::kA);
  if (addresses == nullptr) return Match::kOpen;
  if (addresses->status == Status::kTemporary) {
    Finish(SpfResult::kTempError, absl::StrCat("no answer for ", term.text));
    return Match::kOpen;
  }
  return addresses->status == Status::kFound ? Match::kYes : Match::kNo;
}

SpfEvaluation::Match SpfEvaluation::MatchAddresses(absl::string_view name,
                                                   const SpfTerm& term) {
  const DnsResult* const addresses = Ask(name, AddressType());
  if (addresses == nullptr) return Match::kOpen;
  if (addresses->status == Status::kTemporary) {
    Finish(SpfResult::kTempError, absl::StrCat("no answer for ", term.text));
    return Match::kOpen;
  }
  return Matches(*addresses, term) ? Match::kYes : Match::kNo;
}

SpfEvaluation::Match SpfEvaluation::MatchExchanges(absl::string_view name,
                                                   const SpfTerm& term) {
  const DnsResult* const exchanges = Ask(name, DnsAnswer::kMx);
  if (exchanges == nullptr) return Match::kOpen;
  if (exchanges->status == Status::kTemporary) {
    Finish(SpfResult::kTempError, absl::StrCat("no answer for ", term.text));
    return Match::kOpen;
  }
  if (exchanges->records.size() > kMaxExchanges) {
    Finish(SpfResult::kPermError,
           absl::StrCat(name, " has more than ", kMaxExchanges, " MX records"));
    return Match::kOpen;
  }
  for (const absl::string_view exchange : exchanges->records) {
    // "10 mx.example"
    const Match match =
        MatchAddresses(exchange.substr(exchange.find(' ') + 1), term);
    if (match != Match::kNo) return match;
  }
  return Match::kNo;
}

// RFC 7208 5.5.
SpfEvaluation::Match SpfEvaluation::MatchNames(absl::string_view name) {
  const std::vector<std::string>* const names = ClientNames();
  if (names == nullptr) return Match::kOpen;
  const bool any = std::any_of(
      names->begin(), names->end(),
      [name](const auto& candidate) { return IsInDomain(candidate, name); });
  return any ? Match::kYes : Match::kNo;
}

// RFC 7208 6.1.
void SpfEvaluation::FollowRedirect(Frame* frame) {
  const std::optional<SpfTerm> redirect =
      FindSpfTerm(frame->record, Kind::kRedirect);
  std::optional<std::string> target = Target(*frame, redirect->domain);
  if (!target) return;
  results_.clear();
  *frame = Frame();
  frame->domain = *std::move(target);
  frame->referred = true;
}

void SpfEvaluation::Return(SpfResult result, absl::string_view reason) {
  if (frames_.size() > 1) {
    // The end of an include (RFC 7208 5.2).
    frames_.pop_back();
    Frame& frame = frames_.back();
    const SpfTerm term = *frame.term;
    frame.term.reset();
    if (result == SpfResult::kPass) {
      Return(ResultOf(term.qualifier), term.text);
    }
    return;
  }
  answer_.domain = frames_.back().domain;
  if (result != SpfResult::kFail) {
    return Finish(result, std::string(reason));
  }
  answer_.result = result;
  answer_.reason = Printable(reason, kMaxReason);
  explaining_ = true;
}

// RFC 7208 6.2. An explanation with a mistake is none.
void SpfEvaluation::Explain() {
  const Frame& frame = frames_.back();
  const std::optional<SpfTerm> exp = FindSpfTerm(frame.record, Kind::kExp);
  if (exp) {
    const std::optional<std::string> target = Target(frame, exp->domain);
    if (!target) return;
    const DnsResult* const texts = Ask(*target, DnsAnswer::kTxt);
    if (texts == nullptr) return;
    if (texts->records.size() == 1 &&
        IsSpfMacroString(texts->records[0], SpfMacroUse::kExplanation)) {
      const std::optional<std::string> text =
          Expand(texts->records[0], SpfMacroUse::kExplanation, frame);
      if (!text) return;
      answer_.explanation = Printable(*text, kMaxSpfExplanation);
    }
  }
  done_ = true;
}

void SpfEvaluation::Finish(SpfResult result, std::string reason) {
  answer_.result = result;
  answer_.reason = Printable(reason, kMaxReason);
  lookup_.reset();
  done_ = true;
}

const DnsResult* SpfEvaluation::Ask(absl::string_view name,
                                    DnsAnswer::Type type) {
  static const DnsResult& no_name = *new DnsResult{Status::kNoName, {}, 0};
  if (!IsName(name)) return &no_name;
  const auto found = results_.find({std::string(name), type});
  if (found != results_.end()) return &found->second;
  lookup_.emplace(Lookup{std::string(name), type});
  return nullptr;
}

const std::vector<std::string>* SpfEvaluation::ClientNames() {
  if (client_names_) return &*client_names_;
  const IpAddress& client = question_.client;
  const DnsResult* const names =
      Ask(absl::StrCat(ReversedLabels(client),
                       client.v4() ? "in-addr.arpa" : "ip6.arpa"),
          DnsAnswer::kPtr);
  if (names == nullptr) return nullptr;
  const SpfTerm whole;  // all bits of the address
  std::vector<std::string> confirmed;
  for (const std::string& name : names->records) {
    const DnsResult* const addresses = Ask(name, AddressType());
    if (addresses == nullptr) return nullptr;
    if (Matches(*addresses, whole)) confirmed.push_back(name);
  }
  client_names_ = std::move(confirmed);
  return &*client_names_;
}

std::optional<std::string> SpfEvaluation::ClientName(absl::string_view domain) {
  const std::vector<std::string>* const names = ClientNames();
  if (names == nullptr) return std::nullopt;
  // RFC 7208 7.3: the domain itself, or else a subdomain, or else any name.
  const std::string* best = nullptr;
  for (const std::string& name : *names) {
    if (absl::EqualsIgnoreCase(name, domain)) return name;
    if (best == nullptr ||
        (IsInDomain(name, domain) && !IsInDomain(*best, domain))) {
      best = &name;
    }
  }
  return best == nullptr ? "unknown" : *best;
}

std::optional<std::string> SpfEvaluation::Target(
    const Frame& frame, absl::string_view domain_spec) {
  if (domain_spec.empty()) return frame.domain;
  std::optional<std::string> name =
      Expand(domain_spec, SpfMacroUse::kRecord, frame);
  if (!name) return std::nullopt;
  absl::string_view cut = absl::StripSuffix(*name, ".");
  while (cut.size() > kMaxName) {
    const size_t dot = cut.find('.');
    if (dot == absl::string_view::npos) break;
    cut.remove_prefix(dot + 1);
  }
  return std::string(cut);
}

std::optional<std::string> SpfEvaluation::Expand(absl::string_view text,
                                                 SpfMacroUse use,
                                                 const Frame& frame) {
  return ExpandSpfMacros(
      text, use, [&](char letter) { return MacroValue(letter, frame); });
}

std::optional<std::string> SpfEvaluation::MacroValue(char letter,
                                                     const Frame& frame) {
  absl::string_view local_part = question_.local_part;
  if (local_part.empty()) local_part = "postmaster";
  switch (letter) {
    case 's':
      return absl::StrCat(local_part, "@", question_.domain);
    case 'l':
      return std::string(local_part);
    case 'o':
      return question_.domain;
    case 'd':
      return frame.domain;
    case 'i':
      return MacroAddress(question_.client);
    case 'p':
      return ClientName(frame.domain);
    case 'v':
      return question_.client.v4() ? "in-addr" : "ip6";
    case 'h':
      return question_.helo;
    case 'c':
      return question_.client.ToString();
    case 'r':
      return question_.receiver.empty() ? "unknown" : question_.receiver;
    case 't':
      return absl::StrCat(question_.time);
    default:
      return "";
  }
}

bool SpfEvaluation::Matches(const DnsResult& addresses,
                            const SpfTerm& term) const {
  const IpAddress& client = question_.client;
  const int bits = client.v4() ? term.v4_bits : term.v6_bits;
  return std::any_of(addresses.records.begin(), addresses.records.end(),
                     [&](const std::string& record) {
                       const IpAddress address = AddressOf(record);
                       return address.v4() == client.v4() &&
                              SamePrefix(client, address, bits);
                     });
}

DnsAnswer::Type SpfEvaluation::AddressType() const {
  return question_.client.v4() ? DnsAnswer::kA : DnsAnswer::kAaaa;
}

}  // namespace postern::policy
