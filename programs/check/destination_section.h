// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The part of postern check about where the mail of each listener goes.

#ifndef POSTERN_PROGRAMS_CHECK_DESTINATION_SECTION_H_
#define POSTERN_PROGRAMS_CHECK_DESTINATION_SECTION_H_

#include "programs/check/section.h"
#include "programs/serve/serve_options.h"
#include "service/mail_service.h"

namespace postern::programs {

// Returns the destination of each listener, whether it takes remote recipients,
// and the number of routes. Empty if there is no listener.
Section DestinationSection(const ServeOptions& options,
                           const service::MailService& service);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_CHECK_DESTINATION_SECTION_H_
