// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: whatever a client says, the request to a policy server has Postfix's
// attributes, each once, and one empty line at its end. Whatever the server
// answers, a refusal is one 4yz or 5yz reply, a header field is one whole
// field, and nothing else but the known words is an answer.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/header_field.h"
#include "engine/grammar/reply.h"
#include "gtest/gtest.h"
#include "policy/delegation/policy_answer.h"
#include "policy/delegation/policy_request.h"

namespace postern::policy {
namespace {

std::vector<std::string> Names(const std::string& request) {
  std::vector<std::string> names;
  for (const absl::string_view line : absl::StrSplit(request, '\n')) {
    names.emplace_back(line.substr(0, line.find('=')));
  }
  return names;
}

void CheckRequest(FuzzedDataProvider* input) {
  static const auto& usual =
      *new std::vector<std::string>(Names(FormatPolicyRequest({}, {}, {}, {})));
  const auto text = [input] { return input->ConsumeRandomLengthString(40); };
  SessionInfo session;
  session.session_id = "abc";
  session.hello_name = text();
  session.remote_name = text();
  session.identity = text();
  session.mechanism = text();
  session.tls =
      std::make_shared<const TlsInfo>(TlsInfo{text(), text(), text()});
  const Path from = {text(), text()};
  const Path to = {text(), text()};
  const std::string request = FormatPolicyRequest({}, from, to, session);
  EXPECT_EQ(Names(request), usual);
  EXPECT_EQ(request.find("\n\n"), request.size() - 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const std::string text = input.ConsumeRandomLengthString(300);
  CheckRequest(&input);
  const absl::StatusOr<PolicyAnswer> answer = ParsePolicyAnswer(text);
  if (!answer.ok()) return 0;
  switch (answer->kind) {
    case PolicyAnswer::Kind::kNoOpinion:
    case PolicyAnswer::Kind::kNote:
      break;
    case PolicyAnswer::Kind::kRefuse: {
      EXPECT_GE(answer->reply.code, 400);
      EXPECT_LT(answer->reply.code, 600);
      const std::string line = FormatReply(answer->reply);
      EXPECT_EQ(line.find('\n'), line.size() - 1);
      EXPECT_FALSE(RefuseWith(answer->reply).accepted());
      break;
    }
    case PolicyAnswer::Kind::kHeader:
      EXPECT_TRUE(IsHeader(answer->text));
      EXPECT_EQ(SplitHeader(answer->text).size(), 1u);
      break;
  }
  return 0;
}

}  // namespace postern::policy
