// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// check_host() of RFC 7208, without I/O: the caller does the DNS lookups.
//
//   SpfEvaluation evaluation(question);
//   while (evaluation.lookup()) {
//     evaluation.Answer(LookUp(evaluation.lookup()->name, ...));
//   }
//   Use(evaluation.answer());
//
// The records come from the sender of the mail, who may be hostile. One
// evaluation therefore has these limits:
//
//   terms that ask DNS (include, a, mx, ptr, exists, redirect)   10
//   lookups for them without a record                            2
//   MX records of a name; more are an error                      10
//   PTR records that are used                                    10
//   octets of a record; more are an error                        kMaxSpfRecord
//
// The first four are those of RFC 7208 4.6.4. They bound the lookups to
// kMaxSpfLookups, the nesting of records to 11, and the memory to that of 11
// records and of the DNS answers for one term. The time is linear in the size
// of the records and answers.

#ifndef POSTERN_POLICY_SPF_SPF_EVALUATION_H_
#define POSTERN_POLICY_SPF_SPF_EVALUATION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "policy/names/dns.h"
#include "policy/spf/spf.h"
#include "policy/spf/spf_macro.h"
#include "policy/spf/spf_term.h"

namespace postern::policy {

// The record of the domain, 10 terms with at most 11 lookups each, the client's
// names (11), and the explanation.
inline constexpr size_t kMaxSpfLookups = 1 + 10 * 11 + 11 + 1;

// Used by one thread at a time.
class SpfEvaluation {
 public:
  struct Lookup {
    std::string name;
    DnsAnswer::Type type = DnsAnswer::kTxt;
  };

  explicit SpfEvaluation(SpfQuestion question);
  SpfEvaluation(const SpfEvaluation&) = delete;
  SpfEvaluation& operator=(const SpfEvaluation&) = delete;

  // The lookup that the evaluation waits for. nullopt: it is complete.
  const std::optional<Lookup>& lookup() const { return lookup_; }
  // Continues with the result of lookup(), which is present.
  void Answer(const DnsResult& result);
  // Ends the evaluation without the result of lookup(), which is present: the
  // result is kTempError with this reason. If only the explanation is missing,
  // the result is kFail without one.
  void GiveUp(absl::string_view reason);

  // The result, once lookup() is nullopt.
  const SpfAnswer& answer() const { return answer_; }

 private:
  // A record that is being evaluated: the first one, or that of an include.
  struct Frame {
    std::string domain;
    // Whether a term refers to the record, so that it must exist.
    bool referred = false;
    std::string record;
    std::optional<SpfTerms> terms;  // of `record`; nullopt: not loaded yet
    std::optional<SpfTerm> term;    // the mechanism that is being evaluated
    bool redirects = false;         // whether redirect is being evaluated
  };
  enum class Match : uint8_t { kYes, kNo, kOpen };

  void Run();
  void Step();
  void Load(Frame* frame);
  void Evaluate(Frame* frame);
  void FollowRedirect(Frame* frame);
  void Return(SpfResult result, absl::string_view reason);
  void Explain();
  void Finish(SpfResult result, std::string reason);

  // Returns kOpen if a lookup is missing, or if the evaluation has ended.
  Match MatchMechanism(const Frame& frame);
  Match MatchAddresses(absl::string_view name, const SpfTerm& term);
  Match MatchExchanges(absl::string_view name, const SpfTerm& term);
  Match MatchNames(absl::string_view name);

  // Each returns null or nullopt if a lookup is missing.
  const DnsResult* Ask(absl::string_view name, DnsAnswer::Type type);
  const std::vector<std::string>* ClientNames();
  std::optional<std::string> ClientName(absl::string_view domain);
  std::optional<std::string> Target(const Frame& frame,
                                    absl::string_view domain_spec);
  std::optional<std::string> Expand(absl::string_view text, SpfMacroUse use,
                                    const Frame& frame);
  std::optional<std::string> MacroValue(char letter, const Frame& frame);

  bool Matches(const DnsResult& addresses, const SpfTerm& term) const;
  DnsAnswer::Type AddressType() const;
  // Counts a term that asks DNS. Returns false, and ends the evaluation, if
  // there are too many.
  bool CountTerm();

  const SpfQuestion question_;
  std::deque<Frame> frames_;  // not empty until the end
  std::optional<Lookup> lookup_;
  // The results for the current record, mechanism or modifier.
  std::map<std::pair<std::string, DnsAnswer::Type>, DnsResult> results_;
  // The names of the client that its address confirms. nullopt: not looked up.
  std::optional<std::vector<std::string>> client_names_;
  int terms_ = 0;
  int void_lookups_ = 0;
  bool explaining_ = false;
  bool done_ = false;
  SpfAnswer answer_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_SPF_SPF_EVALUATION_H_
