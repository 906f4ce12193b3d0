// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The Maildirs that messages are on their way to, each open once, so that one
// fsync(2) makes the names of many messages durable.

#ifndef POSTERN_DELIVERY_SHARED_FOLDERS_H_
#define POSTERN_DELIVERY_SHARED_FOLDERS_H_

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "delivery/file_system.h"
#include "delivery/maildir_folder.h"

namespace postern::delivery {

// SharedFolders is thread-safe, and outlives its folders.
class SharedFolders {
 public:
  // Thread-safe. Lives while somebody holds it.
  class Folder {
   public:
    explicit Folder(SharedFolders& shared);
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    int tmp_fd() const { return opened_.tmp_fd(); }
    int new_fd() const { return opened_.new_fd(); }
    // Who owns new/.
    uid_t owner() const { return opened_.owner(); }
    gid_t group() const { return opened_.group(); }

    // Makes durable what was done in new/ before the call, in an fsync(2) that
    // begins behind it: its own, or that of another who waits as well. Returns
    // zero or a negative errno.
    //
    // The kernel tells each open descriptor of lost writes once. So a failure
    // is that of all who hold the folder, now and later: any of them may be who
    // it was about. Whoever opens it anew is not.
    int Sync();

    // How many wait in Sync() for one that has not begun.
    size_t waiting() const;

   private:
    friend class SharedFolders;
    // An fsync(2), for all who come before it begins. The first of them does
    // it.
    struct Round {
      static constexpr int kOpen = 1;  // no result
      size_t members = 0;
      std::atomic<int> result = kOpen;
    };

    SharedFolders& shared_;
    MaildirFolder opened_;
    mutable std::mutex mutex_;
    std::shared_ptr<Round> next_;   // has not begun
    bool running_ = false;          // the one before
    std::condition_variable idle_;  // it is over
    int error_ = 0;                 // the first that there was
  };

  explicit SharedFolders(FileSystem& files) : files_(files) {}
  SharedFolders(const SharedFolders&) = delete;
  SharedFolders& operator=(const SharedFolders&) = delete;

  // As MaildirFolder::Open(); the result is the folder that others hold, where
  // `path` leads to it now.
  int Open(const std::string& path, std::shared_ptr<Folder>* folder);

 private:
  struct Known {
    const Folder* which = nullptr;
    std::weak_ptr<Folder> folder;
  };

  void Forget(const Folder& folder);

  FileSystem& files_;
  std::mutex mutex_;
  // Those that new messages share; guarded by mutex_.
  absl::flat_hash_map<MaildirFolder::Id, Known> open_;
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_SHARED_FOLDERS_H_
