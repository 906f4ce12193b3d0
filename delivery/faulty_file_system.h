// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: a file system that fails on demand and records its calls.

#ifndef POSTERN_DELIVERY_FAULTY_FILE_SYSTEM_H_
#define POSTERN_DELIVERY_FAULTY_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "delivery/file_system.h"

namespace postern::delivery {

// Forwards each call to another file system, except fsync(), which would be
// slow for thousands of messages and shows nothing without a power cut. Unlike
// other file systems it is not thread-safe.
class FaultyFileSystem : public FileSystem {
 public:
  enum class Op : uint8_t {
    kOpen,
    kWrite,
    kRead,
    kCopy,
    kFsync,
    kClose,
    kRename,
    kLink,
    kUnlink,
    kStat,
    kChown,
    kReadDirectory,
  };
  struct Call {
    Op op = Op::kOpen;
    // The path, made of the names that were opened. For a rename or a link, the
    // new path.
    std::string path;
    bool ok = false;
  };
  enum class Fault : uint8_t {
    kOnce,       // the n-th call fails and does nothing
    kAfter,      // the n-th call does its work, then returns the error
    kFromThere,  // the n-th call and all later calls fail
    kShort,      // the n-th call, if it transfers data, transfers one byte
  };

  explicit FaultyFileSystem(FileSystem& real) : real_(real) {}

  // Makes EffectiveUser() return `user`. Chown() only records its arguments, so
  // that a test need not run as root.
  void PretendUser(uid_t user) { user_ = user; }
  // The arguments of the last Chown().
  const std::optional<std::pair<uid_t, gid_t>>& owner() const { return owner_; }

  // Makes every RenameAt() fail with EINVAL from now on, like NFS.
  void LackRename() { lacks_rename_ = true; }

  // Makes the `n`-th call from now, counted from 1, fail with `error`. A close
  // that fails still closes the descriptor, as on Linux. Forgets earlier calls.
  void Fail(size_t n, int error, Fault fault = Fault::kOnce);
  // Makes every call of `op` fail with `error` from now on. Forgets earlier
  // calls.
  void FailEvery(Op op, int error);
  // Makes all calls succeed from now on. Forgets earlier calls.
  void Heal();

  // The call that Fail() made fail; nullopt if it has not been reached.
  const std::optional<Call>& hit() const { return hit_; }
  const std::vector<Call>& calls() const { return calls_; }
  size_t open_count() const { return paths_.size(); }
  size_t most_open() const { return most_open_; }

  int OpenAt(int directory, const std::string& name, int flags,
             mode_t mode) override;
  ssize_t Write(int fd, absl::string_view data) override;
  ssize_t Read(int fd, char* data, size_t size, uint64_t offset) override;
  ssize_t Copy(int from, uint64_t offset, int to, size_t size) override;
  int Fsync(int fd) override;
  int Close(int fd) override;
  int RenameAt(int from_directory, const std::string& from, int to_directory,
               const std::string& to) override;
  int LinkAt(int from_directory, const std::string& from, int to_directory,
             const std::string& to) override;
  int UnlinkAt(int directory, const std::string& name) override;
  int Stat(int fd, struct stat* status) override;
  int Chown(int fd, uid_t owner, gid_t group) override;
  ssize_t ReadDirectory(int fd, char* data, size_t size) override;
  uid_t EffectiveUser() override { return user_; }

 private:
  // Records the next call, and runs `real` or makes the call fail.
  template <typename Real>
  ssize_t Do(Op op, std::string path, Real real);
  // Returns `size`, or at most 1 if Fail() says that the next call is short.
  size_t Shorten(size_t size) const;
  std::string PathOf(int directory, const std::string& name) const;
  void Reset();

  FileSystem& real_;
  bool lacks_rename_ = false;
  uid_t user_ = real_.EffectiveUser();
  std::optional<std::pair<uid_t, gid_t>> owner_;
  size_t nth_ = 0;  // the call that fails; 0: none
  int error_ = 0;
  Fault fault_ = Fault::kOnce;
  std::optional<Op> every_;
  std::vector<Call> calls_;
  std::optional<Call> hit_;
  std::map<int, std::string> paths_;  // of open descriptors
  size_t most_open_ = 0;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FAULTY_FILE_SYSTEM_H_
