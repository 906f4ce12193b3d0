// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/shared_directories.h"

#include <utility>

namespace postern::delivery {

SharedDirectories::Directory::Directory(SharedDirectories& shared)
    : shared_(shared), opened_(shared.files_) {}

SharedDirectories::Directory::~Directory() { shared_.Forget(*this); }

int SharedDirectories::Directory::Sync() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (error_ < 0) return error_;
  // A running fsync may have begun before the caller's changes.
  const bool first = next_ == nullptr;
  if (first) next_ = std::make_shared<Round>();
  const std::shared_ptr<Round> round = next_;
  ++round->members;
  if (!first) {
    lock.unlock();
    round->result.wait(Round::kOpen);
    return round->result;
  }

  idle_.wait(lock, [this] { return !running_; });
  next_ = nullptr;
  running_ = true;
  lock.unlock();
  const int error = shared_.files_.Fsync(opened_.new_fd());
  if (error < 0) shared_.Forget(*this);
  lock.lock();
  running_ = false;
  if (error_ == 0) error_ = error;
  const int result = error_;
  lock.unlock();
  idle_.notify_one();
  // Without the lock, so that the threads that wake up need not wait for it.
  round->result = result;
  round->result.notify_all();
  return result;
}

size_t SharedDirectories::Directory::waiting() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return next_ == nullptr ? 0 : next_->members;
}

int SharedDirectories::Open(const std::string& path,
                            std::shared_ptr<Directory>* directory) {
  auto opened = std::make_shared<Directory>(*this);
  if (int error = opened->opened_.Open(path); error < 0) return error;
  std::shared_ptr<Directory> shared;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Known& known = open_[opened->opened_.id()];
    shared = known.directory.lock();
    if (shared == nullptr) known = {opened.get(), opened};
  }
  *directory = shared != nullptr ? std::move(shared) : std::move(opened);
  return 0;
}

void SharedDirectories::Forget(const Directory& directory) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = open_.find(directory.opened_.id());
  // Another open Maildir may have the same Id by now.
  if (found != open_.end() && found->second.which == &directory) {
    open_.erase(found);
  }
}

}  // namespace postern::delivery
