// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include <unistd.h>

#include "programs/smtpd.h"
#include "programs/smtpd_options.h"

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options =
      postern::programs::ReadSmtpdOptions(argc, argv, &exit_code);
  if (!options) return exit_code;
  // Nothing is buffered, and a process a connection need not tidy up.
  _exit(postern::programs::RunSmtpd(*options));
}
