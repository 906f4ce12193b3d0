// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The table of greylisting in a file: a database of SQLite.

#ifndef POSTERN_POLICY_GREYLISTING_GREYLIST_FILE_H_
#define POSTERN_POLICY_GREYLISTING_GREYLIST_FILE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "policy/greylisting/greylist_options.h"
#include "policy/greylisting/greylist_table.h"

namespace postern::policy {

// An attempt is a row of `attempts`: its key, when it was first seen and when
// it last passed. A network that has passed is a row of `networks`.
//
//   no row, or its time is over      wait for the delay; the row begins again
//   the delay is not over            wait for the rest of it
//   between delay and window         pass, and remember that it passed
//   has passed in the lifetime       pass
//
// The clock is the wall clock, because rows outlive the process. A time in the
// future shows that the clock has gone back: an attempt that has not passed
// begins again, so it never waits longer than the delay and never gets a pass;
// what has passed stays valid, from now on.
//
// Durability: each attempt is one transaction in a write-ahead log, which is
// not synchronized with the disk for each one. A killed process loses nothing.
// A power cut loses the attempts since the last checkpoint, which the clients
// then repeat; it does not damage the table.
//
// Two processes may use one file, for example the old and the new server during
// a restart. Each waits for the other for at most kBusy. After such a wait
// without success, all attempts are errors for kBusy, without waiting.
//
// Memory: SQLite's cache, 2 MiB. Disk: see docs/limits.md. Thread-safe: one
// mutex, locked while the file is read or written.
class GreylistFile : public GreylistTable {
 public:
  enum class Access : uint8_t {
    kReadWrite,  // creates the file if it is missing
    kReadOnly,   // answers, and records nothing; the file must exist
  };
  static constexpr absl::Duration kBusy = absl::Seconds(5);

  // Until Open(), Attempt() returns an error.
  explicit GreylistFile(GreylistOptions options,
                        std::function<absl::Time()> now = absl::Now);
  ~GreylistFile() override;

  // Opens the file. An error names the file, and says what to do if it is
  // damaged or is not a table of greylisting. Only kReadOnly reads the whole
  // file to find damage, because a server that starts lets clients wait for it.
  // An attempt that finds damage later is an error.
  absl::Status Open(Access access = Access::kReadWrite);

  absl::StatusOr<absl::Duration> Attempt(const GreylistKey& key) override;
  absl::Status Pass(const GreylistKey& key) override;

  // The numbers of rows, for tests.
  struct Size {
    size_t attempts = 0;
    size_t networks = 0;
  };
  absl::StatusOr<Size> Count();

 private:
  struct Database;

  // `passes`: whatever the table says.
  absl::StatusOr<absl::Duration> Record(const GreylistKey& key, bool passes);

  const GreylistOptions options_;
  const std::function<absl::Time()> now_;
  std::mutex mutex_;
  // The members below are guarded by mutex_.
  std::unique_ptr<Database> database_;  // null: not open
  std::chrono::steady_clock::time_point busy_until_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_GREYLISTING_GREYLIST_FILE_H_
