// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern-smtpd, as small as possible: another program does TLS.

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "log/inetd_log.h"
#include "log/log.h"
#include "net/stream_channel.h"
#include "programs/smtpd/exec_sibling.h"
#include "programs/smtpd/handoff.h"
#include "programs/smtpd/smtpd.h"
#include "programs/smtpd/smtpd_options.h"
#include "programs/smtpd/smtpd_tls_hooks.h"
#include "system/standard_descriptors.h"

namespace {

using postern::log::WriteLog;
using postern::programs::ExecSibling;
using postern::programs::Handoff;
using postern::programs::kHandoffOption;
using postern::programs::StoreHandoff;

constexpr int kTemporary = 111;  // from djb's tools: try again later
// The heap grows by this many bytes more than needed. `softlimit -m 3000000`
// leaves no room for the C library's default of 128 KiB.
constexpr int kHeapPad = 4096;

// Becomes postern-smtpd-tls. Returns only on failure, with the reason.
absl::Status BecomeTlsProgram(absl::Span<char* const> arguments,
                              const Handoff* handoff) {
  constexpr absl::string_view kProgram = "postern-smtpd-tls";
  if (handoff == nullptr) return ExecSibling(kProgram, arguments, "");
  const auto stored = StoreHandoff(*handoff);
  if (!stored.ok()) return stored.status();
  return ExecSibling(kProgram, arguments,
                     absl::StrCat("--", kHandoffOption, "=", stored->get()));
}

}  // namespace

// Replaces libstdc++'s handler, which prints the exception's name and needs 46
// KB of code to make it readable. No exception is expected here.
void __gnu_cxx::__verbose_terminate_handler() {
  WriteLog("fatal", "an unexpected exception");
  std::abort();
}

int main(int argc, char** argv) {
  mallopt(M_TOP_PAD, kHeapPad);
  if (!postern::system::OpenStandardDescriptors().ok()) return kTemporary;
  postern::log::KeepLogOffConnection();
  int exit_code = 0;
  const auto options =
      postern::programs::ReadSmtpdOptions(argc, argv, &exit_code);
  if (!options) return exit_code;
  bool said = false;
  postern::programs::SmtpdTlsHooks hooks;
  hooks.tls_asked = [&](const Handoff* handoff) {
    const absl::Status status =
        BecomeTlsProgram({argv, static_cast<size_t>(argc)}, handoff);
    // Log the reason only once, because a client may send STARTTLS many times.
    if (!said)
      WriteLog("tls", absl::StrCat("not available: ", status.message()));
    said = true;
    return false;
  };
  hooks.secure = [](postern::net::StreamChannel*) { return nullptr; };
  // Nothing is buffered, and a process for one connection needs no cleanup.
  _exit(postern::programs::RunSmtpd(*options, hooks));
}
