// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checker_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "auth/refusal.h"
#include "system/child_process.h"
#include "system/deadline.h"
#include "system/descriptor.h"
#include "system/pipe.h"
#include "system/session_variables.h"

namespace postern::auth {
namespace {

constexpr int kFields = 3;  // the descriptor

CheckerAnswer Unknown(absl::string_view why) {
  CheckerAnswer answer;
  answer.why = std::string(why);
  return answer;
}

}  // namespace

std::optional<Verdict> RefusalFor(const CheckerAnswer& answer,
                                  absl::string_view program,
                                  const log::Report& report) {
  switch (answer.kind) {
    case CheckerAnswer::Kind::kYes:
      return std::nullopt;
    case CheckerAnswer::Kind::kNo:
      return WrongCredentials();
    case CheckerAnswer::Kind::kUnknown:
      break;
  }
  report(absl::StrCat(program, ": ", answer.why));
  return Outage();
}

CheckerAnswer::Kind KindOfCheckerExit(int code) {
  for (const CheckerExit& row : kCheckerExits) {
    if (row.code == code) return row.kind;
  }
  return CheckerAnswer::Kind::kUnknown;
}

CheckerAnswer AskChecker(const CheckerQuestion& question,
                         const SessionInfo& session) {
  system::Descriptor fields_end;
  system::Descriptor write_end;
  system::Descriptor output_end;
  system::Descriptor their_output;
  if (!system::MakePipe(&fields_end, &write_end)) return Unknown("no pipe");
  if (question.max_output > 0 &&
      (!system::MakePipe(&output_end, &their_output) ||
       !system::SetNonblocking(output_end))) {
    return Unknown("no pipe");
  }
  const system::Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.is_open()) return Unknown("cannot open /dev/null");
  // The program does not run yet. A write of more than the pipe holds would
  // block forever.
  if (!system::SetNonblocking(write_end) ||
      write(write_end.get(), question.fields.data(), question.fields.size()) !=
          static_cast<ssize_t>(question.fields.size())) {
    return Unknown("cannot write to a pipe");
  }
  write_end.Reset();
  const auto environment =
      system::SessionVariables(question.environment, session);
  const std::pair<int, int> descriptors[] = {
      {null.get(), STDIN_FILENO},
      {question.max_output > 0 ? their_output.get() : null.get(),
       STDOUT_FILENO},
      {fields_end.get(), kFields},
  };
  auto child = system::ChildProcess::Start({.arguments = question.command,
                                            .environment = environment,
                                            .descriptors = descriptors});
  if (!child.ok()) {
    // The message begins with the program, which the caller reports as well.
    return Unknown(absl::StripPrefix(child.status().message(),
                                     absl::StrCat(question.command[0], ": ")));
  }
  their_output.Reset();
  CheckerAnswer answer;
  const auto read_output = [&] {
    // One octet more than is allowed shows that there are too many.
    system::ReadAvailable(question.max_output + 1, &output_end, &answer.output);
  };
  const auto result =
      child->Wait(system::Deadline(question.timeout), output_end, read_output);
  if (result.end != system::ChildProcess::End::kExited) {
    return Unknown(system::DescribeEnd(result));
  }
  answer.kind = KindOfCheckerExit(result.code);
  switch (answer.kind) {
    case CheckerAnswer::Kind::kYes:
      break;
    case CheckerAnswer::Kind::kNo:
      answer.output.clear();
      return answer;
    case CheckerAnswer::Kind::kUnknown:
      return Unknown(system::DescribeEnd(result));
  }
  const std::optional<size_t> unread = system::UnreadOctets(fields_end);
  if (!unread || *unread > question.optional) {
    return Unknown(
        "exit code 0, but it has not read the secret: is it a checker?");
  }
  read_output();
  if (answer.output.size() > question.max_output) {
    return Unknown("exit code 0, but its output is too long");
  }
  return answer;
}

}  // namespace postern::auth
