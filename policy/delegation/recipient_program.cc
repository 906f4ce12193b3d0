// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/delegation/recipient_program.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/delegation/policy_answer.h"
#include "system/child_process.h"
#include "system/descriptor.h"
#include "system/pipe.h"
#include "system/session_variables.h"

namespace postern::policy {
namespace {

constexpr int kTextFd = 4;
constexpr int kTemporary = 111;
constexpr int kCannotExecute = 120;

const RecipientExit& RowOf(int code) {
  const RecipientExit* temporary = nullptr;
  for (const RecipientExit& row : kRecipientExits) {
    if (row.code == code) return row;
    if (row.code == kTemporary) temporary = &row;
  }
  return *temporary;
}

Verdict Outage(int code, std::string why) {
  const RecipientExit& row = RowOf(code);
  return Verdict::Refuse({row.reply, row.enhanced, std::string(row.text)})
      .From(std::move(why));
}

// Returns the reply of `row`, changed by the program's text.
Reply ReplyOf(const RecipientExit& row, absl::string_view text) {
  text = absl::StripAsciiWhitespace(text.substr(0, text.find('\n')));
  if (std::optional<Reply> reply = ParseRefusal(text, row.text)) {
    return *std::move(reply);
  }
  return {row.reply, row.enhanced, std::string(text.empty() ? row.text : text)};
}

}  // namespace

std::optional<Verdict> AskRecipientProgram(const RecipientQuestion& question,
                                           const SessionInfo& session) {
  const std::string& program = question.program;
  // PATH is not searched, and the working directory is of no use.
  if (!absl::StartsWith(program, "/")) {
    return Outage(kCannotExecute,
                  absl::StrCat("RCPTCHECK is not an absolute path: ", program));
  }
  system::Descriptor text_end;
  system::Descriptor their_text;
  const system::Descriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.is_open() || !system::MakePipe(&text_end, &their_text) ||
      !system::SetNonblocking(text_end)) {
    return Outage(kTemporary, absl::StrCat(program, ": no descriptors"));
  }
  auto environment = system::SessionVariables(question.environment, session);
  environment.emplace_back("SENDER", question.from.Address());
  environment.emplace_back("RECIPIENT", question.to.Address());
  environment.emplace_back("HELO", session.hello_name);
  environment.emplace_back("USE_FD4", "1");
  if (question.listed) environment.emplace_back("RCPTHOSTS", "1");
  const std::pair<int, int> descriptors[] = {
      {null.get(), STDIN_FILENO},
      {STDERR_FILENO, STDOUT_FILENO},
      {their_text.get(), kTextFd},
  };
  auto child = system::ChildProcess::Start({.arguments = {&program, 1},
                                            .environment = environment,
                                            .descriptors = descriptors});
  if (!child.ok()) {
    return Outage(kCannotExecute, std::string(child.status().message()));
  }
  their_text.Reset();
  std::string text;
  const auto read = [&] {
    system::ReadAvailable(kMaxRecipientText, &text_end, &text);
  };
  const auto result = child->Wait(question.deadline, text_end, read);
  std::string how = absl::StrCat(program, ": ", system::DescribeEnd(result));
  if (result.end != system::ChildProcess::End::kExited) {
    return Outage(kTemporary, std::move(how));
  }
  read();  // what came since the last look
  const RecipientExit& row = RowOf(result.code);
  switch (row.kind) {
    case RecipientExit::Kind::kNoOpinion:
      return std::nullopt;
    case RecipientExit::Kind::kRefuse:
      return RefuseWith(ReplyOf(row, text)).From(program);
    case RecipientExit::Kind::kOutage:
      break;
  }
  return Outage(row.code, std::move(how));
}

}  // namespace postern::policy
