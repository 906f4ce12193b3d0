// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file of faults, one in a line:
//
//   # Two attempts for each recipient are refused.
//   rcpt for=*@x.example each times=2 reply 450 4.7.1 greylisted
//   end skip=1 delay=3s close=inside
//   ehlo hide=STARTTLS hide=PIPELINING
//   data raw 250 this is not a 354\r\n
//
// The first word is a stage (StageName()). The other words may have any order:
//
//   for=PATTERN     skip=N   times=N   each   quota=OCTETS      when it applies
//   percent=N
//   delay=DURATION  stall    close=before|inside|after          what it does
//   after=OCTETS    split    write-rate=N     read-rate=N
//   hide=KEYWORD    certificate=KIND
//
// `reply CODE TEXT` and `raw OCTETS` extend to the end of the line. OCTETS and
// TEXT have the escapes of C: \r, \n, \x41. Empty lines, and lines that begin
// with '#', are ignored. fault.h describes each word.

#ifndef POSTERN_RIG_FAULT_SCRIPT_H_
#define POSTERN_RIG_FAULT_SCRIPT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rig/fault.h"

namespace postern::rig {

// Reads the text of a file. kInvalidArgument: "NAME:LINE: what is wrong".
absl::StatusOr<std::vector<Fault>> ParseFaultScript(absl::string_view text,
                                                    absl::string_view name);

// Reads a file. Other errors are those of reading, and name the file.
absl::StatusOr<std::vector<Fault>> ReadFaultScript(const std::string& path);

// Returns the line of a fault that passes CheckFault(), without a newline.
// ParseFaultScript() reads it as the same fault, if its pattern has no blanks
// and its delay is a multiple of a millisecond.
std::string FormatFault(const Fault& fault);

}  // namespace postern::rig

#endif  // POSTERN_RIG_FAULT_SCRIPT_H_
