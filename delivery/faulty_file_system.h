// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A file system that fails on demand and remembers what was asked of it.

#ifndef POSTERN_DELIVERY_FAULTY_FILE_SYSTEM_H_
#define POSTERN_DELIVERY_FAULTY_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "delivery/file_system.h"

namespace postern::delivery {

// Forwards to another file system, all but fsync(): a test has no power cuts,
// and thousands of messages. For one thread, unlike others.
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
    // The path as far as it was opened; of a rename or a link, the new one.
    std::string path;
    bool ok = false;
  };
  enum class Fault : uint8_t {
    kOnce,       // the n-th call fails and does nothing
    kAfter,      // the n-th call does its work and then says that it failed
    kFromThere,  // the n-th call fails, and so does every later one
    kShort,      // the n-th call, if it moves data, moves one byte
  };

  explicit FaultyFileSystem(FileSystem& real) : real_(real) {}

  // Says that the process is `user`'s, and does not really change owners: a
  // test need not be root.
  void PretendUser(uid_t user) { user_ = user; }
  // The last owner and group that Chown() was given.
  const std::optional<std::pair<uid_t, gid_t>>& owner() const { return owner_; }

  // Renames nothing from now on, like NFS.
  void LackRename() { lacks_rename_ = true; }

  // Makes the `n`-th call from now, counted from 1, fail with `error`. A close
  // that fails closes nevertheless, as Linux does. Forgets earlier calls.
  void Fail(size_t n, int error, Fault fault = Fault::kOnce);
  // Makes every call of `op` fail with `error` from now on. Forgets calls.
  void FailEvery(Op op, int error);
  // Lets everything succeed from now on. Forgets earlier calls.
  void Heal();

  // The call that Fail() hit, if one did.
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
  // Runs `real` as the next call, or fails it.
  template <typename Real>
  ssize_t Do(Op op, std::string path, Real real);
  // The size of a transfer, made short if its turn has come.
  size_t Shorten(size_t size) const;
  std::string PathOf(int directory, const std::string& name) const;
  void Reset();

  FileSystem& real_;
  bool lacks_rename_ = false;
  uid_t user_ = real_.EffectiveUser();
  std::optional<std::pair<uid_t, gid_t>> owner_;
  size_t nth_ = 0;  // 0: none fails
  int error_ = 0;
  Fault fault_ = Fault::kOnce;
  std::optional<Op> every_;
  std::vector<Call> calls_;
  std::optional<Call> hit_;
  std::map<int, std::string> paths_;  // of what is open
  size_t most_open_ = 0;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_FAULTY_FILE_SYSTEM_H_
