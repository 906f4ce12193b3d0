// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The main part of postern serve.

#ifndef POSTERN_PROGRAMS_SERVE_SERVE_H_
#define POSTERN_PROGRAMS_SERVE_SERVE_H_

#include "absl/time/time.h"
#include "programs/serve/certificate_watch.h"
#include "programs/serve/serve_options.h"

namespace postern::programs {

// Serves until SIGTERM or SIGINT, and returns the exit code: 0, or 111 if the
// server cannot start. The reason is in the log.
// (ServeConfiguration::Read() returns 100 for invalid options.)
//
// `certificate_interval` is how often the server looks whether the files of
// certificates have changed. Tests have a shorter one.
int RunServe(const ServeConfiguration& configuration,
             absl::Duration certificate_interval = CertificateWatch::kInterval);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_SERVE_H_
