// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "rig/certificates.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "system/descriptor.h"

namespace postern::rig {
namespace {

// RFC 5280 A.1, ub-common-name: OpenSSL accepts no longer one.
constexpr size_t kMaxCommonName = 64;

absl::Status WriteAll(int fd, absl::string_view bytes, absl::string_view name) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, name);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

// A file that is only in memory, for libraries that read their input by name.
class MemoryFile {
 public:
  static absl::StatusOr<MemoryFile> Make(absl::string_view bytes) {
    MemoryFile file;
    file.descriptor_ =
        system::Descriptor(memfd_create("postern rig", MFD_CLOEXEC));
    if (!file.descriptor_.is_open()) {
      return absl::ErrnoToStatus(errno, "memfd_create");
    }
    if (absl::Status status = WriteAll(file.descriptor_.get(), bytes, "memfd");
        !status.ok()) {
      return status;
    }
    return file;
  }
  std::string path() const {
    return absl::StrCat("/proc/self/fd/", descriptor_.get());
  }

 private:
  system::Descriptor descriptor_;
};

}  // namespace

Certificates::Certificates(std::vector<std::string> names)
    : names_(std::move(names)) {}

Certificates::~Certificates() {
  if (directory_.empty()) return;
  std::error_code ignored;  // it is a temporary directory
  std::filesystem::remove_all(directory_, ignored);
}

absl::StatusOr<const net::IssuedCertificate*> Certificates::AuthorityLocked() {
  if (!authority_) {
    absl::StatusOr<Issued> made = net::IssueCertificate(
        {.common_name = "postern rig authority", .authority = true}, nullptr);
    if (!made.ok()) return made.status();
    authority_ = *std::move(made);
  }
  return &*authority_;
}

absl::StatusOr<std::string> Certificates::Authority() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto authority = AuthorityLocked();
  if (!authority.ok()) return authority.status();
  return (*authority)->certificate;
}

absl::StatusOr<std::string> Certificates::AuthorityFile() {
  const absl::StatusOr<std::string> pem = Authority();
  if (!pem.ok()) return pem.status();
  const std::lock_guard<std::mutex> lock(mutex_);
  // Once: a client may be reading the file.
  if (authority_file_.empty()) {
    absl::StatusOr<std::string> file = Write("ca.pem", *pem);
    if (!file.ok()) return file.status();
    authority_file_ = *std::move(file);
  }
  return authority_file_;
}

absl::StatusOr<net::TlsFiles> Certificates::Client(absl::string_view name) {
  if (name.empty() || name.size() > kMaxCommonName) {
    return absl::InvalidArgumentError(
        absl::StrCat("the name in a client certificate has 1 to ",
                     kMaxCommonName, " octets"));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto authority = AuthorityLocked();
  if (!authority.ok()) return authority.status();
  const absl::StatusOr<Issued> made = net::IssueCertificate(
      {.common_name = std::string(name), .extended_key_usage = "clientAuth"},
      *authority);
  if (!made.ok()) return made.status();
  // Each certificate has files of its own, also a second one for a name.
  const std::string file = absl::StrCat("client-", ++clients_);
  const absl::StatusOr<std::string> chain =
      Write(file + ".pem", made->certificate);
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<std::string> key = Write(file + ".key", made->key);
  if (!key.ok()) return key.status();
  return net::TlsFiles{*chain, *key};
}

absl::StatusOr<std::string> Certificates::Write(absl::string_view file,
                                                absl::string_view bytes) {
  if (directory_.empty()) {
    std::error_code error;
    std::string name =
        (std::filesystem::temp_directory_path(error) / "postern-rig.XXXXXX")
            .string();
    if (error || mkdtemp(name.data()) == nullptr) {
      return absl::ErrnoToStatus(errno, name);
    }
    directory_ = name;
  }
  const std::string path = absl::StrCat(directory_, "/", file);
  const system::Descriptor opened(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!opened.is_open()) return absl::ErrnoToStatus(errno, path);
  if (absl::Status status = WriteAll(opened.get(), bytes, path); !status.ok()) {
    return status;
  }
  return path;
}

absl::StatusOr<net::IssuedCertificate> Certificates::Make(
    CertificateKind kind) {
  const auto authority = AuthorityLocked();
  if (!authority.ok()) return authority.status();
  net::CertificateRequest request = {.common_name = names_.front(),
                                     .names = names_,
                                     .extended_key_usage = "serverAuth"};
  switch (kind) {
    case CertificateKind::kValid:
      break;
    case CertificateKind::kExpired:
      request.first_day = -30;
      request.last_day = -1;
      break;
    case CertificateKind::kNotYet:
      request.first_day = 1;
      request.last_day = 30;
      break;
    case CertificateKind::kSelfSigned:
      return net::IssueCertificate(request, nullptr);
    case CertificateKind::kWrongName:
      request.common_name = "another-host.example";
      request.names = {request.common_name};
      break;
    case CertificateKind::kUntrusted: {
      const absl::StatusOr<Issued> other = net::IssueCertificate(
          {.common_name = "another authority", .authority = true}, nullptr);
      if (!other.ok()) return other.status();
      return net::IssueCertificate(request, &*other);
    }
  }
  return net::IssueCertificate(request, *authority);
}

absl::StatusOr<std::shared_ptr<const net::TlsContext>> Certificates::Context(
    CertificateKind kind) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto& context = contexts_[static_cast<size_t>(kind)];
  if (context != nullptr) return context;
  const absl::StatusOr<Issued> made = Make(kind);
  if (!made.ok()) return made.status();
  const auto chain = MemoryFile::Make(made->certificate);
  const auto key = MemoryFile::Make(made->key);
  const auto authority = MemoryFile::Make(authority_->certificate);
  for (const auto* file : {&chain, &key, &authority}) {
    if (!file->ok()) return file->status();
  }
  auto loaded = net::TlsContext::Make(
      {{}, "rig", {{chain->path(), key->path()}}, authority->path()});
  if (!loaded.ok()) return loaded.status();
  context = *std::move(loaded);
  return context;
}

}  // namespace postern::rig
