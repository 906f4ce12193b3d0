// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The version of postern.

#ifndef POSTERN_SERVICE_VERSION_H_
#define POSTERN_SERVICE_VERSION_H_

#include "absl/strings/string_view.h"

namespace postern::service {

// Returns the version that all programs report: in --version, in metrics, in
// recordings and in the interfaces of `postern rig`. It is what `bazel build
// --embed_label=VERSION` gives (tools/install, tools/deb and tools/release give
// it the output of tools/version), and otherwise the first release of
// CHANGELOG.md. A string literal, valid forever. Any thread may call it.
absl::string_view Version();

}  // namespace postern::service

#endif  // POSTERN_SERVICE_VERSION_H_
