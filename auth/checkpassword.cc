// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/checkpassword.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "auth/password_exchange.h"
#include "auth/refusal.h"
#include "engine/wipe.h"
#include "system/child_process.h"
#include "system/deadline.h"
#include "system/session_variables.h"

namespace postern::auth {
namespace {

constexpr int kCredentials = 3;     // the descriptor
constexpr size_t kMaxFields = 512;  // octets that a program must read
constexpr int kWrong = 1;           // the exit code

// A descriptor that is closed at its end.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  void Close() { system::CloseDescriptor(&fd_); }

 private:
  int fd_;
};

// Returns the octets that nobody has read of a pipe.
size_t Unread(int fd) {
  int left = 0;
  // Not knowing is as good as unread.
  if (ioctl(fd, FIONREAD, &left) != 0) return kMaxFields;
  return static_cast<size_t>(left);
}

}  // namespace

Checkpassword::Checkpassword(CheckpasswordOptions options)
    : options_(std::move(options)) {}

AuthMove Checkpassword::Check(const Proof& proof, const SessionInfo& session) {
  const auto unable = [this](absl::string_view what) {
    options_.report(absl::StrCat(options_.command[0], ": ", what));
    return CannotTell();
  };
  const bool cram_md5 = !proof.challenge.empty();
  absl::string_view second = proof.secret;
  absl::string_view third;
  if (cram_md5) {
    second = proof.challenge;
    third = proof.secret;
    if (options_.cram_md5 ==
        CheckpasswordOptions::CramMd5::kResponseChallenge) {
      std::swap(second, third);
    }
  }
  std::string text;
  text.reserve(kMaxFields);  // no copy of it is left elsewhere
  if (proof.user.size() + second.size() + third.size() + 3 > kMaxFields) {
    return WrongCredentials();
  }
  for (const absl::string_view field : {proof.user, second, third}) {
    text.append(field.data(), field.size());
    text.push_back('\0');
  }
  const Secret fields(std::move(text));
  // What a program may leave unread: the last field of a password, which is
  // empty, since the interface's own program needs only two.
  const size_t optional = cram_md5 ? 0 : 1;

  int ends[2];
  if (!system::MakePipe(ends)) return unable("no pipe");
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null.get() < 0) return unable("no /dev/null");
  // A new pipe holds 4,096 octets at least.
  if (write(write_end.get(), fields.text().data(), fields.text().size()) !=
      static_cast<ssize_t>(fields.text().size())) {
    return unable("cannot write to a pipe");
  }
  write_end.Close();
  const auto environment = system::SessionVariables(session);
  const std::pair<int, int> descriptors[] = {
      {null.get(), STDIN_FILENO},
      {null.get(), STDOUT_FILENO},
      {read_end.get(), kCredentials},
  };
  auto child = system::ChildProcess::Start({.arguments = options_.command,
                                            .environment = environment,
                                            .descriptors = descriptors});
  if (!child.ok())
    return unable(absl::StatusCodeToString(child.status().code()));
  const auto result = child->Wait(system::Deadline(options_.timeout));
  switch (result.end) {
    case system::ChildProcess::End::kExited:
      break;
    case system::ChildProcess::End::kKilled:
      return unable("has crashed");
    case system::ChildProcess::End::kTimeout:
      return unable("takes too long");
    case system::ChildProcess::End::kLost:
      return unable("its exit code is lost: SIGCHLD is ignored");
  }
  if (result.code == kWrong) return WrongCredentials();
  if (result.code != 0) {
    return unable(absl::StrCat("exit code ", result.code));
  }
  if (Unread(read_end.get()) > optional) {
    return unable("says yes, but has not read the password: is it a checker?");
  }
  return AuthGranted{std::string(proof.user)};
}

CheckpasswordBackend::CheckpasswordBackend(const CheckpasswordOptions& options)
    : cram_md5_(options.cram_md5 != CheckpasswordOptions::CramMd5::kNone),
      host_(options.host),
      checker_(options) {}

std::vector<Mechanism> CheckpasswordBackend::mechanisms() const {
  std::vector<Mechanism> mechanisms;
  if (cram_md5_) mechanisms.push_back({"CRAM-MD5", false});
  mechanisms.push_back({"PLAIN", true});
  mechanisms.push_back({"LOGIN", true});
  return mechanisms;
}

std::unique_ptr<AuthExchange> CheckpasswordBackend::Begin(
    absl::string_view mechanism, const SharedSessionInfo& session) {
  if (mechanism == "CRAM-MD5" && !cram_md5_) return nullptr;
  return MakePasswordExchange(mechanism, &checker_, session, host_);
}

}  // namespace postern::auth
