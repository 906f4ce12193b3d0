// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: whatever DNS answers, an evaluation of SPF ends after kMaxSpfLookups
// lookups of names that DNS can have. A temperror has a failed lookup as its
// cause, and a permerror a reason. What goes into the log, the reply and the
// header field is printable and bounded, and the field is one field.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "engine/grammar/header_field.h"
#include "engine/grammar/utf8.h"
#include "gtest/gtest.h"
#include "policy/names/dns.h"
#include "policy/spf/received_spf.h"
#include "policy/spf/spf_evaluation.h"
#include "policy/spf/spf_macro.h"

namespace postern::policy {
namespace {

using Status = DnsResult::Status;

// Returns what DNS answers: most texts are records.
DnsResult AnyResult(DnsAnswer::Type type, FuzzedDataProvider* input) {
  DnsResult result;
  result.status = input->PickValueInArray(
      {Status::kFound, Status::kFound, Status::kFound, Status::kNoRecords,
       Status::kNoName, Status::kTemporary});
  if (result.status != Status::kFound) return result;
  do {
    std::string text = input->ConsumeRandomLengthString(300);
    switch (type) {
      case DnsAnswer::kA:
        text.resize(4);
        break;
      case DnsAnswer::kAaaa:
        text.resize(16);
        break;
      case DnsAnswer::kMx:
        text.insert(0, "10 ");
        break;
      case DnsAnswer::kTxt:
        if (input->ConsumeBool()) text.insert(0, "v=spf1 ");
        break;
      case DnsAnswer::kPtr:
      case DnsAnswer::kCname:
        break;
    }
    result.records.push_back(std::move(text));
  } while (result.records.size() < 12 &&
           input->ConsumeIntegralInRange<int>(0, 3) == 0);
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const auto text = [&input] { return input.ConsumeRandomLengthString(300); };
  const IpAddress client =
      *IpAddress::Parse(input.ConsumeBool() ? "192.0.2.1" : "2001:db8::1");
  const Path from = {text(), "x.example"};
  const std::string helo = text();
  SpfEvaluation evaluation({.client = client,
                            .local_part = from.local_part,
                            .domain = from.domain,
                            .helo = helo,
                            .receiver = "mx.example"});
  size_t lookups = 0;
  bool failed = false;
  while (evaluation.lookup()) {
    const SpfEvaluation::Lookup lookup = *evaluation.lookup();
    EXPECT_LE(++lookups, kMaxSpfLookups);
    EXPECT_TRUE(!lookup.name.empty() && lookup.name.size() <= 253);
    EXPECT_TRUE(IsPrintableAscii(lookup.name));
    EXPECT_FALSE(absl::StrContains(lookup.name, ".."));
    EXPECT_FALSE(absl::StrContains(lookup.name, '\\'));
    const DnsResult result = AnyResult(lookup.type, &input);
    failed = failed || result.status == Status::kTemporary;
    evaluation.Answer(result);
  }
  const SpfAnswer& answer = evaluation.answer();
  EXPECT_TRUE(failed || answer.result != SpfResult::kTempError);
  EXPECT_TRUE(answer.result != SpfResult::kPermError || !answer.reason.empty());
  EXPECT_TRUE(answer.result == SpfResult::kFail || answer.explanation.empty());
  EXPECT_LE(answer.explanation.size(), kMaxSpfExplanation);
  EXPECT_TRUE(IsPrintableAscii(answer.explanation));
  EXPECT_TRUE(IsPrintableAscii(answer.reason));
  const std::string field = FormatReceivedSpf({.answer = answer,
                                               .client = client,
                                               .from = from,
                                               .helo = helo,
                                               .receiver = "mx.example"});
  EXPECT_TRUE(IsHeader(field));
  EXPECT_EQ(SplitHeader(field).size(), 1u);
  EXPECT_TRUE(IsSpfMacroString(helo) || !IsSpfDomainSpec(helo));
  return 0;
}

}  // namespace postern::policy
