// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// postern-smtpd with OpenSSL, which a static program cannot have.

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/session_observer.h"
#include "log/inetd_log.h"
#include "log/log.h"
#include "net/secure_channel.h"
#include "net/stream_channel.h"
#include "net/tls_channel.h"
#include "net/tls_context.h"
#include "net/tls_settings.h"
#include "programs/smtpd/smtpd.h"
#include "programs/smtpd/smtpd_options.h"
#include "programs/smtpd/smtpd_tls_hooks.h"
#include "recording/recorder.h"
#include "recording/recordings.h"
#include "service/certificate_options.h"
#include "service/library_backends.h"
#include "service/options.h"
#include "service/version.h"
#include "system/standard_descriptors.h"

namespace postern::programs {
namespace {

// The TLS context of one session, made at the first request.
class Tls {
 public:
  explicit Tls(const service::CertificateOptions& options)
      : options_(options) {}

  // Returns whether the context is available. Logs problems only once, because
  // a client may send STARTTLS many times.
  bool Load() {
    if (loaded_) return loaded_->ok();
    loaded_.emplace(Make());
    if (!loaded_->ok()) {
      log::WriteLog(
          "tls", absl::StrCat("not available: ", loaded_->status().message()));
      return false;
    }
    for (const std::string& warning : (**loaded_)->warnings()) {
      log::WriteLog("warning", warning);
    }
    return true;
  }

  // To be called after Load() has returned true.
  std::unique_ptr<net::SecureChannel> MakeChannel(net::StreamChannel* below) {
    return std::make_unique<net::TlsChannel>(**loaded_, below);
  }

 private:
  absl::StatusOr<std::shared_ptr<const net::TlsContext>> Make() const {
    // No tickets, because their key would end with this process.
    net::TlsSettings settings = options_.tls;
    settings.tickets = false;
    const absl::Status ciphers = net::CheckTlsSettings(settings);
    if (!ciphers.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--tls-ciphers: ", ciphers.message()));
    }
    return net::TlsContext::Make(
        {settings, "smtpd", options_.certificates, options_.client_ca});
  }

  const service::CertificateOptions& options_;
  std::optional<absl::StatusOr<std::shared_ptr<const net::TlsContext>>> loaded_;
};

}  // namespace
}  // namespace postern::programs

int main(int argc, char** argv) {
  using postern::programs::Handoff;
  constexpr int kTemporary = 111;  // from djb's tools: try again later
  if (!postern::system::OpenStandardDescriptors().ok()) return kTemporary;
  postern::log::KeepLogOffConnection();
  int exit_code = 0;
  const auto options =
      postern::programs::ReadSmtpdOptions(argc, argv, &exit_code);
  if (!options) return exit_code;
  postern::programs::Tls tls(*options);
  postern::programs::SmtpdTlsHooks hooks;
  hooks.tls_asked = [&tls](const Handoff*) { return tls.Load(); };
  hooks.open_backend = postern::service::OpenLibraryBackend;
  hooks.secure = [&tls](postern::net::StreamChannel* below) {
    return tls.MakeChannel(below);
  };
  std::optional<postern::recording::Recordings> recordings;
  std::unique_ptr<postern::recording::Recorder> recorder;
  hooks.recorder = [&]() -> postern::SessionObserver* {
    recordings.emplace(postern::recording::Recordings::Options{
        .directory = options->record,
        .bodies = options->record_bodies,
        .program = absl::StrCat("postern-smtpd ", postern::service::Version()),
        .now = absl::Now,
        .run = nullptr,
        .report = [](const absl::Status& status) {
          postern::log::WriteLog("warning",
                                 absl::StrCat("--record: ", status.message(),
                                              ": the session is not recorded"));
        }});
    recorder = recordings->Record();
    return recorder.get();
  };
  // Nothing is buffered, and a process for one connection needs no cleanup.
  _exit(postern::programs::RunSmtpd(*options, hooks));
}
