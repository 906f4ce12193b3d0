// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/smtpd/handoff.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/grammar/decimal.h"
#include "engine/grammar/xtext.h"

namespace postern::programs {
namespace {

// The names and their order, for the writer and the reader.
template <typename Visitor, typename HandoffType>
void VisitFields(Visitor&& visit, HandoffType& handoff) {
  visit("began", handoff.began);
  visit("session", handoff.session);
  visit("greeted", handoff.handoff.greeted);
  visit("extended", handoff.handoff.extended);
  visit("errors", handoff.handoff.errors);
  visit("auth-failures", handoff.handoff.auth_failures);
  visit("messages", handoff.handoff.messages);
  visit("invalid-recipients", handoff.handoff.invalid_recipients);
  visit("reported", handoff.handoff.reported);
  visit("early-talk", handoff.handoff.violations.early_talk);
  visit("pipelining", handoff.handoff.violations.pipelining);
  visit("verb", handoff.hello_verb);
  visit("hello", handoff.hello_name);
  visit("identity", handoff.handoff.identity);
  visit("mechanism", handoff.mechanism);
}

class Writer {
 public:
  void operator()(absl::string_view name, uint64_t value) {
    absl::StrAppend(&text_, text_.empty() ? "" : " ", name, "=", value);
  }
  void operator()(absl::string_view name, bool value) {
    (*this)(name, uint64_t{value});
  }
  void operator()(absl::string_view name, int value) {
    (*this)(name, static_cast<uint64_t>(value));
  }
  void operator()(absl::string_view name, Hello::Verb value) {
    (*this)(name, static_cast<uint64_t>(value));
  }
  void operator()(absl::string_view name, const std::string& value) {
    absl::StrAppend(&text_, " ", name, "=", EncodeXtext(value));
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Reader {
 public:
  explicit Reader(absl::string_view text) : rest_(text) {}

  void operator()(absl::string_view name, uint64_t& value) {
    value = Number(name, UINT64_MAX);
  }
  void operator()(absl::string_view name, bool& value) {
    value = Number(name, 1) != 0;
  }
  void operator()(absl::string_view name, int& value) {
    value = static_cast<int>(Number(name, INT_MAX));
  }
  void operator()(absl::string_view name, Hello::Verb& value) {
    value = static_cast<Hello::Verb>(
        Number(name, static_cast<uint64_t>(Hello::Verb::kLhlo)));
  }
  void operator()(absl::string_view name, std::string& value) {
    const std::optional<std::string> text = DecodeXtext(Field(name));
    if (!text) return Fail(name);
    value = *text;
  }

  absl::Status status() const {
    if (status_.ok() && !rest_.empty()) {
      return absl::InvalidArgumentError("there is text after the last field");
    }
    return status_;
  }

 private:
  absl::string_view Field(absl::string_view name) {
    const absl::string_view field = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(field.size());
    absl::ConsumePrefix(&rest_, " ");
    absl::string_view value = field;
    if (!absl::ConsumePrefix(&value, name) ||
        !absl::ConsumePrefix(&value, "=")) {
      Fail(name);
      return "";
    }
    return value;
  }
  uint64_t Number(absl::string_view name, uint64_t max) {
    const std::optional<uint64_t> number =
        ParseDecimal(Field(name), kMaxDigits);
    if (number && *number <= max) return *number;
    Fail(name);
    return 0;
  }
  void Fail(absl::string_view name) {
    status_.Update(absl::InvalidArgumentError(
        absl::StrCat(name, " is missing or invalid")));
  }

  absl::string_view rest_;
  absl::Status status_;
};

// With all seals, the reader gets exactly what was written.
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// A name and a user, each octet encoded in up to three, and some numbers.
constexpr off_t kMaxSize = off_t{256} << 10;

absl::Status WriteAll(int descriptor, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return absl::ErrnoToStatus(errno, "handoff: write");
    text.remove_prefix(static_cast<size_t>(n));
  }
  if (fcntl(descriptor, F_ADD_SEALS, kSeals) != 0) {
    return absl::ErrnoToStatus(errno, "handoff: F_ADD_SEALS");
  }
  return absl::OkStatus();
}

}  // namespace

std::string FormatHandoff(const Handoff& handoff) {
  Writer writer;
  VisitFields(writer, handoff);
  return writer.text();
}

absl::StatusOr<Handoff> ParseHandoff(absl::string_view text) {
  Handoff handoff;
  Reader reader(text);
  VisitFields(reader, handoff);
  if (absl::Status status = reader.status(); !status.ok()) return status;
  return handoff;
}

absl::StatusOr<system::Descriptor> StoreHandoff(const Handoff& handoff) {
  system::Descriptor file(memfd_create("postern-handoff", MFD_ALLOW_SEALING));
  if (!file.is_open()) {
    return absl::ErrnoToStatus(errno, "handoff: memfd_create");
  }
  if (absl::Status status = WriteAll(file.get(), FormatHandoff(handoff));
      !status.ok()) {
    return status;
  }
  return file;
}

absl::StatusOr<Handoff> LoadHandoff(int descriptor) {
  struct stat file = {};
  // If vm.memfd_noexec is set, the kernel adds a seal.
  const int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals ||
      fstat(descriptor, &file) != 0 || file.st_size > kMaxSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", descriptor, " does not contain a session"));
  }
  std::string text(static_cast<size_t>(file.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = pread(descriptor, &text[done], text.size() - done,
                            static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return absl::ErrnoToStatus(errno, "handoff: pread");
    done += static_cast<size_t>(n);
  }
  close(descriptor);
  return ParseHandoff(text);
}

}  // namespace postern::programs
