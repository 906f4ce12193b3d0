// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "net/pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "system/descriptor.h"

namespace postern::net {
namespace {

// No file of certificates is this long. /dev/zero is.
constexpr size_t kMaxSize = size_t{1} << 20;

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPointer = std::unique_ptr<BIO, BioFree>;

BioPointer Reader(absl::string_view bytes) {
  return BioPointer(
      BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// Without this callback OpenSSL would ask at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

// Returns whether the last error is only the end of the file. Clears OpenSSL's
// queue of errors.
bool AtEnd() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM &&
         ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

}  // namespace

void PemFree::operator()(x509_st* certificate) const { X509_free(certificate); }
void PemFree::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

absl::StatusOr<PemFile> PemFile::Read(absl::string_view name) {
  PemFile file(name);
  // O_NONBLOCK: opening a FIFO must not block.
  const system::Descriptor opened(
      open(file.name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!opened.is_open()) return absl::ErrnoToStatus(errno, name);
  struct stat status;
  if (fstat(opened.get(), &status) != 0)
    return absl::ErrnoToStatus(errno, name);
  file.open_to_others_ = (status.st_mode & S_IROTH) != 0;
  // Allocated once at full size. A string that grows would leave unwiped copies
  // in freed memory.
  file.bytes_.resize(kMaxSize + 1);
  size_t size = 0;
  while (size < file.bytes_.size()) {
    const ssize_t count = read(opened.get(), file.bytes_.data() + size,
                               file.bytes_.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, name);
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  if (size > kMaxSize) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": longer than a megabyte"));
  }
  file.bytes_.resize(size);
  return file;
}

PemFile::~PemFile() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

absl::StatusOr<std::vector<CertificatePointer>> PemFile::Certificates() const {
  const BioPointer reader = Reader(bytes_);
  std::vector<CertificatePointer> certificates;
  ERR_clear_error();
  while (X509* next =
             PEM_read_bio_X509(reader.get(), nullptr, &NoPassphrase, nullptr)) {
    certificates.emplace_back(next);
  }
  if (!AtEnd()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name_, ": certificate ", certificates.size() + 1, " cannot be read"));
  }
  if (certificates.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name_, ": the file contains no certificate"));
  }
  return certificates;
}

absl::StatusOr<KeyPointer> PemFile::Key() const {
  const BioPointer reader = Reader(bytes_);
  ERR_clear_error();
  KeyPointer key(
      PEM_read_bio_PrivateKey(reader.get(), nullptr, &NoPassphrase, nullptr));
  if (key != nullptr) return key;
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(
      name_,
      ": the file contains no private key without a passphrase; a key in "
      "another file needs --tls-key or key="));
}

}  // namespace postern::net
