// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Maildirs that messages are being stored in. Each is open once, so that
// one fsync(2) makes the names of many messages durable.

#ifndef POSTERN_DELIVERY_SHARED_DIRECTORIES_H_
#define POSTERN_DELIVERY_SHARED_DIRECTORIES_H_

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "delivery/file_system.h"
#include "delivery/maildir_directory.h"

namespace postern::delivery {

// Thread-safe. Must outlive the objects that Open() returns.
class SharedDirectories {
 public:
  // An open Maildir, held by shared pointers of its messages. Thread-safe.
  class Directory {
   public:
    // `shared` must outlive it.
    explicit Directory(SharedDirectories& shared);
    ~Directory();
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    // The descriptors of the directories tmp and new. -1: not open.
    int tmp_fd() const { return opened_.tmp_fd(); }
    int new_fd() const { return opened_.new_fd(); }
    // The owner and group of new/.
    uid_t owner() const { return opened_.owner(); }
    gid_t group() const { return opened_.group(); }

    // Makes all changes in new/ before the call durable, with an fsync(2) that
    // begins after the call; callers that wait at the same time share one.
    // Returns zero or a negative errno.
    //
    // The kernel reports a lost write once to each open descriptor, and the
    // write may be that of any message that uses this object. So after a
    // failure every call returns that error, now and later. Open() then returns
    // a new object.
    int Sync();

    // The number of calls of Sync() that wait for an fsync(2) to begin.
    size_t waiting() const;

   private:
    friend class SharedDirectories;
    // An fsync(2) for all callers that arrive before it begins. The first
    // caller makes the system call.
    struct Round {
      static constexpr int kOpen = 1;  // no result yet
      size_t members = 0;
      std::atomic<int> result = kOpen;
    };

    SharedDirectories& shared_;
    MaildirDirectory opened_;
    mutable std::mutex mutex_;
    std::shared_ptr<Round> next_;   // the round that has not begun
    bool running_ = false;          // the round before it runs
    std::condition_variable idle_;  // notified when running_ becomes false
    int error_ = 0;                 // the first error
  };

  // `files` must outlive it.
  explicit SharedDirectories(FileSystem& files) : files_(files) {}
  SharedDirectories(const SharedDirectories&) = delete;
  SharedDirectories& operator=(const SharedDirectories&) = delete;

  // As MaildirDirectory::Open(). If the Maildir at `path` is open already,
  // *directory is the object for it.
  int Open(const std::string& path, std::shared_ptr<Directory>* directory);

 private:
  struct Known {
    const Directory* which = nullptr;
    std::weak_ptr<Directory> directory;
  };

  void Forget(const Directory& directory);

  FileSystem& files_;
  std::mutex mutex_;
  // The objects that Open() may return; guarded by mutex_.
  absl::flat_hash_map<MaildirDirectory::Id, Known> open_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_SHARED_DIRECTORIES_H_
