// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd.h"
#include "programs/smtpd_options.h"

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options =
      postern::programs::ReadSmtpdOptions(argc, argv, &exit_code);
  return options ? postern::programs::RunSmtpd(*options) : exit_code;
}
