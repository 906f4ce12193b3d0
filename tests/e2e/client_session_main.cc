// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Sends one message with ClientSession over the socket on descriptor 0:
//
//   client_session smtp|lmtp data|bdat FILE FROM TO...
//
// Prints the code of each reply. Exits with 0 if QUIT got its reply.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/ask.h"
#include "engine/client_session.h"
#include "engine/grammar/path.h"

namespace postern {
namespace {

constexpr size_t kPiece = 1000;  // octets of content lent at a time

Path ParseArgument(absl::string_view text) {
  const auto parsed = ParsePath(text);
  return parsed ? parsed->path : Path();
}

bool WriteAll(ClientSession& session) {
  while (!session.Output().empty()) {
    const ssize_t n =
        write(0, session.Output().data(), session.Output().size());
    if (n < 0) return false;
    session.OutputWritten(static_cast<size_t>(n));
  }
  return true;
}

void Read(ClientSession& session, std::string* in) {
  char block[4096];
  const ssize_t n = read(0, block, sizeof(block));
  if (n <= 0) return session.EndOfInput();
  in->append(block, static_cast<size_t>(n));
}

// Runs until the session is closed or, if `greeting`, idle.
std::optional<ClientClose> Run(ClientSession& session, std::string& in,
                               absl::string_view content, bool greeting) {
  while (true) {
    const ClientStep step = session.Advance(in);
    const bool idle = step.kind == ClientStep::Kind::kIdle;
    if (step.kind == ClientStep::Kind::kReply) {
      std::printf("%d\n", step.reply->code);
    }
    in.erase(0, step.consumed);
    switch (step.kind) {
      case ClientStep::Kind::kClosed:
        return step.reason;
      case ClientStep::Kind::kBodyWanted: {
        const size_t n = std::min(kPiece, content.size());
        (void)(n == 0 ? session.EndBody()  // a failure closes the session
                      : session.LendBody(content.substr(0, n)));
        content.remove_prefix(n);
        break;
      }
      case ClientStep::Kind::kNeedFlush:
      case ClientStep::Kind::kNeedInput:
      case ClientStep::Kind::kIdle:
        if (idle && greeting) return {};
        if (!WriteAll(session)) session.EndOfInput();
        if (step.kind != ClientStep::Kind::kNeedFlush) Read(session, &in);
        break;
      case ClientStep::Kind::kReply:
      case ClientStep::Kind::kSkipped:
      case ClientStep::Kind::kChallenge:
      case ClientStep::Kind::kStartTls:
        break;
    }
  }
}

int Main(int argc, char** argv) {
  if (argc < 6) return 100;
  const bool bdat = absl::string_view(argv[2]) == "bdat";
  std::ifstream file(argv[3], std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  ClientConfig config{.host_name = "client.example"};
  config.lmtp = absl::string_view(argv[1]) == "lmtp";
  ClientSession session(config);
  std::string in;
  session.Greet();
  if (Run(session, in, {}, /*greeting=*/true)) return 1;
  bool given = session.Send(Mail{ParseArgument(argv[4]), {}}).ok();
  for (int i = 5; i < argc; ++i) {
    given = given && session.Send(Rcpt{{}, ParseArgument(argv[i])}).ok();
  }
  given =
      given &&
      session.BeginBody(bdat ? BodyCommand::kBdat : BodyCommand::kData).ok();
  if (!given) return 100;
  session.Quit();
  return Run(session, in, content, /*greeting=*/false) == ClientClose::kQuit
             ? 0
             : 1;
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) { return postern::Main(argc, argv); }
