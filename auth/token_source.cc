// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/token_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/grammar/wipe.h"
#include "system/child_process.h"
#include "system/deadline.h"
#include "system/descriptor.h"
#include "system/pipe.h"

namespace postern::auth {
namespace {

// In base64, with a name, it fits into the 12,288 octets of RFC 4954 4.
constexpr size_t kMaxLine = 12'000;

bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("-._~+/=").find(c) != absl::string_view::npos;
}

}  // namespace

absl::StatusOr<BearerToken> AskForToken(const std::vector<std::string>& command,
                                        const system::Variables& environment,
                                        absl::Duration timeout) {
  const auto failed = [&command](absl::string_view why) {
    return absl::UnavailableError(absl::StrCat(command[0], ": ", why));
  };
  system::Descriptor output_end;
  system::Descriptor their_output;
  const system::Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.is_open() || !system::MakePipe(&output_end, &their_output) ||
      !system::SetNonblocking(output_end)) {
    return failed("no descriptors for it");
  }
  const std::pair<int, int> descriptors[] = {
      {null.get(), STDIN_FILENO}, {their_output.get(), STDOUT_FILENO}};
  auto child = system::ChildProcess::Start({.arguments = command,
                                            .home = "",
                                            .environment = environment,
                                            .descriptors = descriptors});
  if (!child.ok()) return absl::UnavailableError(child.status().message());
  their_output.Reset();
  std::string text;
  text.reserve(kMaxLine + 1);  // so that no other copy stays in memory
  const auto read_output = [&] {
    system::ReadAvailable(kMaxLine + 1, &output_end, &text);
  };
  const auto result =
      child->Wait(system::Deadline(timeout), output_end, read_output);
  if (result.end != system::ChildProcess::End::kExited || result.code != 0) {
    return failed(system::DescribeEnd(result));
  }
  read_output();
  const Secret output(std::move(text));
  if (output.text().size() > kMaxLine) return failed("its output is too long");
  const absl::string_view line = absl::StripSuffix(output.text(), "\n");
  const size_t space = std::min(line.find(' '), line.size());
  BearerToken token;
  token.text = std::string(line.substr(0, space));
  if (token.text.empty() ||
      !std::all_of(token.text.begin(), token.text.end(), IsTokenCharacter)) {
    return failed("its output is not one line with a token");
  }
  if (space < line.size()) {
    int seconds = 0;
    if (!absl::SimpleAtoi(line.substr(space + 1), &seconds) || seconds < 1) {
      return failed("what follows the token is not a number of seconds");
    }
    token.lifetime = absl::Seconds(seconds);
  }
  return token;
}

}  // namespace postern::auth
