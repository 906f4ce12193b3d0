// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// An SMTP server for one connection on descriptors 0 and 1, under tcpserver or
// inetd, that stores each message as a file: delivery DIRECTORY
//
// A message with a 250 is on the disk, also after a power cut (RFC 5321 6.1).
// docs/embedding.md explains it.

#include "engine/delivery.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "engine/policy.h"
#include "site.h"

using namespace postern;

class StoredMessage : public MailTransaction {
 public:
  explicit StoredMessage(std::string name)
      : name_(std::move(name)), part_(name_ + ".part") {}
  ~StoredMessage() override {
    if (fd_ >= 0 && close(fd_) == 0 && !stored_) unlink(part_.c_str());
  }

  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later) override {
    fd_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd_ < 0) return Failed();
    std::string head =
        absl::StrCat("Return-Path: <", envelope.from.Address(), ">\r\n");
    for (const Recipient& to : envelope.to) {
      absl::StrAppend(&head, "Delivered-To: ", to.path.Address(), "\r\n");
    }
    const absl::string_view slice = head;
    Write({&slice, 1}, nullptr);
    return Verdict::Accept();
  }
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    for (absl::string_view rest : slices) {
      while (!failed_ && !rest.empty()) {
        const ssize_t n = write(fd_, rest.data(), rest.size());
        failed_ = n < 0;  // Commit() refuses
        rest.remove_prefix(failed_ ? 0 : n);
      }
    }
    return true;
  }
  void Commit(Policy::Done done) override {
    // First the octets, then the name, then the directory that has the name.
    const int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    stored_ = !failed_ && fsync(fd_) == 0 &&
              rename(part_.c_str(), name_.c_str()) == 0 &&
              fsync(directory) == 0;
    std::move(done)(stored_ ? Verdict::Accept() : Failed());
    close(directory);
  }

 private:
  static Verdict Failed() {  // no 5yz: the client tries again
    return Verdict::Refuse({452, {4, 3, 1}, "cannot store the message"});
  }
  const std::string name_, part_;
  int fd_ = -1;
  bool failed_ = false, stored_ = false;
};

class Directory : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope& envelope,
                                         const SharedSessionInfo&) override {
    return std::make_unique<StoredMessage>(absl::StrCat(
        absl::ToUnixMicros(absl::Now()), ".", getpid(), ".", envelope.message));
  }
};

int main(int argc, char** argv) {
  if (argc != 2 || chdir(argv[1]) != 0) {
    perror("usage: delivery DIRECTORY");
    return 2;
  }
  OnlyUs policy;
  Directory directory;
  return ServeOneClient(&policy, &directory);
}
