// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The options about rspamd.

#ifndef POSTERN_PROGRAMS_SERVE_RSPAMD_OPTION_H_
#define POSTERN_PROGRAMS_SERVE_RSPAMD_OPTION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "delivery/rspamd_filter.h"
#include "service/options.h"

namespace postern::programs {

struct RspamdOption {
  std::optional<delivery::RspamdServer> server;  // absent: no filter
  int timeout = 30;                              // seconds
  bool accept_if_down = false;
  uint64_t max_size = uint64_t{50} << 20;  // octets
  std::string password_file;               // empty: no password
  std::string user;            // of --user; the password file may belong to it
  std::string spool = "/tmp";  // directory of temporary files
};

inline constexpr service::OptionRow kRspamdRow = {
    "rspamd", "URL",
    "ask rspamd about each message: http://HOST:PORT,\n"
    "https://HOST:PORT or unix:PATH"};
inline constexpr service::OptionRow kRspamdTimeoutRow = {
    "rspamd-timeout", "N [30]", "seconds for its answer"};
inline constexpr service::OptionRow kRspamdDownRow = {
    "rspamd-down", "MODE [tempfail]",
    "without an answer: tempfail (451), or accept the\n"
    "message without an examination"};
inline constexpr service::OptionRow kRspamdMaxSizeRow = {
    "rspamd-max-size", "N [52428800]",
    "larger messages, in octets, are accepted without\n"
    "an examination"};
inline constexpr service::OptionRow kRspamdPasswordFileRow = {
    "rspamd-password-file", "FILE",
    "a file with one line, the password of rspamd's\n"
    "controller"};
inline constexpr service::OptionRow kRspamdSpoolRow = {
    "rspamd-spool", "DIR [/tmp]",
    "where messages are held meanwhile, if they are\n"
    "larger than 256 KiB"};

// Reads the options above into `option`, and adds mistakes to `given`.
void ReadRspamdOption(service::Options* given, RspamdOption* option);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_SERVE_RSPAMD_OPTION_H_
