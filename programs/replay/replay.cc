// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/replay/replay.h"

#include <errno.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "files/content.h"
#include "log/printable.h"
#include "recording/replayer.h"
#include "recording/transcript.h"
#include "service/mail_options.h"
#include "service/options.h"

namespace postern::programs {
namespace {

constexpr char kProgram[] = "postern replay";
constexpr int kDiffers = 1;
// Exit codes of D. J. Bernstein's programs: permanent and temporary failure.
constexpr int kUsage = 100;
constexpr int kTemporary = 111;
// Octets of a file. A recording is smaller.
constexpr size_t kMaxFile = size_t{16} << 20;

constexpr char kHead[] =
    "Usage: postern replay [--transcript] FILE\n"
    "\n"
    "Runs a session that --record has recorded, and prints its commands, "
    "states,\n"
    "questions and replies. The exit code is 1 if they are not as recorded.\n"
    "\n";
constexpr char kFoot[] = "\nSee postern-replay(8).\n";

constexpr service::OptionRow kRows[] = {
    service::kHelpRow,
    service::kVersionRow,
    {"transcript", "",
     "print a transcript for tests/transcripts, without\n"
     "times and reads and with the messages",
     service::OptionRow::From::kCommandLine},
};

int Fail(const absl::Status& status, int exit_code) {
  std::fputs(
      absl::StrCat(kProgram, ": ", log::Printable(status.message()), "\n")
          .c_str(),
      stderr);
  return exit_code;
}

int Print(absl::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0) {
    return 0;
  }
  return Fail(absl::ErrnoToStatus(errno, "standard output"), kTemporary);
}

int Run(const std::string& file, bool as_transcript) {
  const absl::StatusOr<files::Content> content =
      files::ReadContent(file, kMaxFile);
  if (!content.ok()) {
    return Fail(content.status(),
                absl::IsNotFound(content.status()) ? kUsage : kTemporary);
  }
  const absl::StatusOr<recording::Transcript> transcript =
      recording::ParseTranscript(content->bytes);
  if (!transcript.ok()) {
    return Fail(absl::InvalidArgumentError(
                    absl::StrCat(file, ": ", transcript.status().message())),
                kUsage);
  }
  const recording::ReplayResult result = recording::Replay(*transcript);
  std::string text = result.text;
  if (as_transcript && result.differences.empty()) {
    absl::StatusOr<std::string> test =
        recording::MakeTest(content->bytes, *transcript, result.messages);
    if (!test.ok()) {
      return Fail(absl::FailedPreconditionError(absl::StrCat(
                      file, ": cannot be a test: ", test.status().message())),
                  kUsage);
    }
    text = *std::move(test);
    // A test cannot say at which moment a connection breaks.
    const auto parsed = recording::ParseTranscript(text);
    if (!parsed.ok() || !recording::Replay(*parsed).differences.empty()) {
      return Fail(absl::FailedPreconditionError(absl::StrCat(
                      file, ": cannot be a test: the connection broke")),
                  kUsage);
    }
  }
  if (!as_transcript || result.differences.empty()) {
    const int exit_code = Print(text);
    if (exit_code != 0) return exit_code;
  }
  for (const std::string& difference : result.differences) {
    (void)Fail(absl::UnknownError(absl::StrCat(file, ": ", difference)), 0);
  }
  return result.differences.empty() ? 0 : kDiffers;
}

}  // namespace

int RunReplay(int argc, const char* const* argv) {
  service::Options given(kRows);
  given.Read({argv, static_cast<size_t>(argc)}, getenv);
  if (given.AnswerHelp(kProgram, kHead, kFoot)) return 0;
  if (given.operands().size() != 1) given.Mistake("needs one FILE");
  const bool as_transcript = given.Flag("transcript");
  if (given.Complain(kProgram)) return kUsage;
  return Run(given.operands()[0], as_transcript);
}

}  // namespace postern::programs
