// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "system/child_process.h"
#include "system/deadline.h"
#include "system/descriptor.h"
#include "system/session_variables.h"

namespace postern::auth {
namespace {

constexpr int kFields = 3;  // the descriptor

bool NeverWait(int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK) == 0; }

// Returns how many octets of a pipe have not been read.
size_t Unread(int fd) {
  int left = 0;
  // If this cannot be determined, count all octets as unread.
  if (ioctl(fd, FIONREAD, &left) != 0) {
    return std::numeric_limits<size_t>::max();
  }
  return static_cast<size_t>(left);
}

// Appends the content of a non-blocking pipe to `output`, whose size is limited
// to `max` + 1. Further output is read and discarded, so that the program does
// not block. Closes the pipe at its end.
void ReadOutput(size_t max, system::Descriptor* pipe, std::string* output) {
  char buffer[512];
  while (pipe->is_open()) {
    const ssize_t count = read(pipe->get(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return pipe->Reset();
    output->append(buffer, static_cast<size_t>(count));
    if (output->size() > max) output->resize(max + 1);
  }
}

CheckerAnswer Unknown(absl::string_view why) {
  CheckerAnswer answer;
  answer.why = std::string(why);
  return answer;
}

}  // namespace

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
       !NeverWait(output_end.get()))) {
    return Unknown("no pipe");
  }
  const system::Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.is_open()) return Unknown("cannot open /dev/null");
  // The program does not run yet. A write of more than the pipe holds would
  // block forever.
  if (!NeverWait(write_end.get()) ||
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
    ReadOutput(question.max_output, &output_end, &answer.output);
  };
  const auto result =
      child->Wait(system::Deadline(question.timeout), output_end, read_output);
  switch (result.end) {
    case system::ChildProcess::End::kExited:
      break;
    case system::ChildProcess::End::kKilled:
      return Unknown("was killed by a signal");
    case system::ChildProcess::End::kTimeout:
      return Unknown("took too long and was killed");
    case system::ChildProcess::End::kLeft:
      return Unknown(
          "took too long and still runs: it is another user's process, and "
          "cannot be killed");
    case system::ChildProcess::End::kLost:
      return Unknown("its exit code is lost, because SIGCHLD is ignored");
  }
  answer.kind = KindOfCheckerExit(result.code);
  switch (answer.kind) {
    case CheckerAnswer::Kind::kYes:
      break;
    case CheckerAnswer::Kind::kNo:
      answer.output.clear();
      return answer;
    case CheckerAnswer::Kind::kUnknown:
      return Unknown(absl::StrCat("exit code ", result.code));
  }
  if (Unread(fields_end.get()) > question.optional) {
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
