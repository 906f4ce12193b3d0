// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "delivery/line_endings.h"
#include "delivery/maildir_reply.h"
#include "delivery/shared_folders.h"
#include "system/deadline.h"

namespace postern::delivery {
namespace {

// Large enough that system calls cost little, small enough for thousands of
// transactions.
constexpr size_t kBufferSize = 32 << 10;
constexpr int kMoreNames = 3;  // further names to try if one is taken

// The engine refuses paths with control characters. If one comes here anyway,
// it must not begin another header line.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (absl::ascii_iscntrl(c)) c = '?';
  }
  return text;
}

// One recipient's file.
struct Letter {
  size_t folder = 0;  // index of its Maildir
  std::string address;
  std::string in_tmp;  // its name in tmp/; empty: has none
  std::string in_new;  // its name in new/; empty: has none
};

struct Letters {
  std::vector<std::string> folders;  // Maildirs; distinct, at least one
  std::vector<Letter> letters;       // sorted by Maildir, at least one
};

// A message that is being stored in its Maildirs.
class MaildirMessage {
  using Folder = SharedFolders::Folder;

 public:
  // The first four must outlive this object.
  MaildirMessage(FileSystem& files, SharedFolders& open_folders,
                 UniqueNames& names, const MaildirOptions& options,
                 const Path& from, Letters to)
      : files_(files),
        open_folders_(open_folders),
        names_(names),
        options_(options),
        return_path_(
            absl::StrCat("Return-Path: ", OneLine(FormatPath(from)), "\n")),
        folders_(std::move(to.folders)),
        letters_(std::move(to.letters)),
        buffer_(kBufferSize) {}

  // Also removes names that a committed message still has in tmp/.
  ~MaildirMessage() { Withdraw(); }

  std::optional<Reply> Open();
  void Write(absl::Span<const absl::string_view> slices);
  Verdict Commit();

 private:
  // These return zero (Create(): a descriptor) or a negative errno. After an
  // error the caller calls Withdraw().
  int Flush();
  bool TooMuch() const;
  int Store();
  int StoreCopy(Letter& letter);
  int Publish(system::Deadline deadline);
  int Move(const Folder& folder, Letter& letter);
  int Create(const Folder& folder, Letter& letter);

  // Opens the Maildir `index`. The result is valid until the next call.
  int Enter(size_t index, Folder** folder);
  // Calls `use` with `name`, then with new names while it returns -EEXIST.
  int TryNames(const std::string& name,
               absl::FunctionRef<int(const std::string&)> use);
  void Withdraw();
  // Reports `error` and returns the reply for it.
  Reply CannotStore(int error) const {
    log::ReportError(options_.report,
                     absl::StrCat("maildir ", folders_[entered_]), error);
    return CannotStoreReply(error);
  }
  std::string Header(const Letter& letter) const {
    return absl::StrCat(return_path_, "Delivered-To: ", letter.address, "\n");
  }

  FileSystem& files_;
  SharedFolders& open_folders_;
  UniqueNames& names_;
  const MaildirOptions& options_;
  const std::string return_path_;
  const std::vector<std::string> folders_;
  std::vector<Letter> letters_;

  std::shared_ptr<Folder> first_folder_;  // open as long as the message
  std::shared_ptr<Folder> other_folder_;  // at most one of the others
  size_t other_index_ = 0;                // index of other_folder_; 0: none
  size_t entered_ = 0;                    // the last argument of Enter()
  int first_file_ = -1;
  LineEndings buffer_;    // of first_file_
  uint64_t written_ = 0;  // to first_file_, header included
  int error_ = 0;         // the first failure: nothing is written after it
};

std::optional<Reply> MaildirMessage::Open() {
  if (int error = open_folders_.Open(folders_[0], &first_folder_); error < 0) {
    (void)CannotStore(error);  // for its report
    return CannotOpenReply();
  }
  first_file_ = Create(*first_folder_, letters_[0]);
  if (first_file_ < 0) return CannotStore(first_file_);
  const std::string header = Header(letters_[0]);
  absl::string_view rest = header;
  while (!buffer_.TakeAsIs(&rest)) {
    if (int error = Flush(); error < 0) return CannotStore(error);
  }
  return std::nullopt;
}

void MaildirMessage::Write(absl::Span<const absl::string_view> slices) {
  for (absl::string_view slice : slices) {
    while (error_ == 0 && !buffer_.Take(&slice)) {
      error_ = Flush();
      // The disk may be full. Free the space now, not after the rest of the
      // message has arrived.
      if (error_ < 0) Withdraw();
    }
  }
}

Verdict MaildirMessage::Commit() {
  if (error_ == 0 && TooMuch()) {
    Withdraw();
    if (options_.report) {
      options_.report(absl::StrCat("more than ", options_.max_stored,
                                   " octets in the files of ", letters_.size(),
                                   " recipients"));
    }
    return Verdict::Refuse(TooMuchReply());
  }
  if (error_ == 0) error_ = Store();
  if (error_ < 0) {
    Reply reply = CannotStore(error_);
    Withdraw();
    return Verdict::Refuse(std::move(reply));
  }
  for (Letter& letter : letters_) letter.in_new.clear();  // not to be removed
  return Verdict::Accept();
}

int MaildirMessage::Flush() {
  const int error = WriteAll(files_, first_file_, buffer_.pending());
  written_ += buffer_.pending().size();
  buffer_.Clear();
  return error;
}

bool MaildirMessage::TooMuch() const {
  return letters_.size() > 1 && written_ + buffer_.pending().size() >
                                    options_.max_stored / letters_.size();
}

int MaildirMessage::Store() {
  const system::Deadline deadline(options_.store_timeout);
  buffer_.Finish();
  if (int error = Flush(); error < 0) return error;
  if (int error = files_.Fsync(first_file_); error < 0) return error;
  for (size_t i = 1; i < letters_.size(); ++i) {
    if (deadline.passed()) return -ETIMEDOUT;
    if (int error = StoreCopy(letters_[i]); error < 0) return error;
  }
  if (int error = files_.Close(std::exchange(first_file_, -1)); error < 0) {
    return error;
  }
  return Publish(deadline);
}

int MaildirMessage::StoreCopy(Letter& letter) {
  Folder* folder = nullptr;
  if (int error = Enter(letter.folder, &folder); error < 0) return error;
  const int file = Create(*folder, letter);
  if (file < 0) return file;
  const uint64_t body = Header(letters_[0]).size();
  int error = WriteAll(files_, file, Header(letter));
  if (error == 0) {
    error = CopyAll(files_, first_file_, body, file, written_ - body);
  }
  if (error == 0) error = files_.Fsync(file);
  const int closed = files_.Close(file);
  return error < 0 ? error : closed;
}

int MaildirMessage::Publish(system::Deadline deadline) {
  for (size_t i = 0; i < letters_.size();) {
    if (deadline.passed()) return -ETIMEDOUT;
    const size_t index = letters_[i].folder;
    Folder* folder = nullptr;
    if (int error = Enter(index, &folder); error < 0) return error;
    for (; i < letters_.size() && letters_[i].folder == index; ++i) {
      if (int error = Move(*folder, letters_[i]); error < 0) return error;
    }
    if (int error = folder->Sync(); error < 0) return error;
  }
  return 0;
}

int MaildirMessage::Move(const Folder& folder, Letter& letter) {
  const int moved = TryNames(letter.in_tmp, [&](const std::string& name) {
    const int result =
        MoveFile(files_, folder.tmp_fd(), letter.in_tmp, folder.new_fd(), name);
    // After an error the file may have the new name (NFS), so remember it for
    // Withdraw().
    if (result != -EEXIST) letter.in_new = name;
    return result;
  });
  if (moved < 0) return moved;
  // If the name in tmp/ remains, the message is stored all the same. The
  // destructor tries again to remove that name.
  if (moved == 0) letter.in_tmp.clear();
  return 0;
}

int MaildirMessage::Create(const Folder& folder, Letter& letter) {
  return TryNames(names_.Next(), [&](const std::string& name) {
    const int file = OpenFile(files_, folder.tmp_fd(), name,
                              O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (file != -EEXIST) letter.in_tmp = name;
    if (file < 0 || files_.EffectiveUser() != 0 || folder.owner() == 0) {
      return file;
    }
    const int error = files_.Chown(file, folder.owner(), folder.group());
    if (error == 0) return file;
    (void)files_.Close(file);  // nothing was written to it
    return error;
  });
}

int MaildirMessage::Enter(size_t index, Folder** folder) {
  entered_ = index;
  if (index != 0 && index != other_index_) {
    other_index_ = 0;
    other_folder_ = nullptr;
    if (int error = open_folders_.Open(folders_[index], &other_folder_);
        error < 0) {
      return error;
    }
    other_index_ = index;
  }
  *folder = index == 0 ? first_folder_.get() : other_folder_.get();
  return 0;
}

int MaildirMessage::TryNames(const std::string& name,
                             absl::FunctionRef<int(const std::string&)> use) {
  int result = use(name);
  for (int i = 0; i < kMoreNames && result == -EEXIST; ++i) {
    result = use(names_.Next());
  }
  return result;
}

void MaildirMessage::Withdraw() {
  // The file is removed below, so an error of close() does not matter.
  if (first_file_ >= 0) (void)files_.Close(std::exchange(first_file_, -1));
  for (Letter& letter : letters_) {
    if (letter.in_new.empty() && letter.in_tmp.empty()) continue;
    Folder* folder = nullptr;
    // A file that cannot be removed stays: in new/ it is a duplicate, in tmp/
    // it is useless.
    if (Enter(letter.folder, &folder) < 0) continue;
    if (!letter.in_new.empty() &&
        RemoveFile(files_, folder->new_fd(), letter.in_new) == 0) {
      letter.in_new.clear();
    }
    if (!letter.in_tmp.empty() &&
        RemoveFile(files_, folder->tmp_fd(), letter.in_tmp) == 0) {
      letter.in_tmp.clear();
    }
  }
}

class MaildirTransaction : public MailTransaction {
 public:
  // All arguments must outlive this object.
  MaildirTransaction(const MaildirLocation& location,
                     const MaildirRecipients& recipients, FileSystem& files,
                     SharedFolders& open_folders, UniqueNames& names,
                     const MaildirOptions& options)
      : location_(location),
        recipients_(recipients),
        files_(files),
        open_folders_(open_folders),
        names_(names),
        options_(options) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later) override {
    return recipients_.Decide(rcpt.to).By("maildir");
  }
  std::optional<Reply> Open(const Envelope& envelope) override;
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    message_->Write(slices);
    return true;
  }
  void Commit(Policy::Done done) override {
    std::move(done)(message_->Commit());
  }

 private:
  const MaildirLocation& location_;
  const MaildirRecipients& recipients_;
  FileSystem& files_;
  SharedFolders& open_folders_;
  UniqueNames& names_;
  const MaildirOptions& options_;
  std::optional<MaildirMessage> message_;  // set by Open()
};

std::optional<Reply> MaildirTransaction::Open(const Envelope& envelope) {
  Letters to;
  absl::flat_hash_set<std::string> addresses;
  absl::flat_hash_map<std::string, size_t> indices;
  for (const Recipient& recipient : envelope.to) {
    const std::optional<std::string> folder = location_.For(recipient.path);
    if (!folder) return NoMailboxReply();
    std::string address = OneLine(recipient.path.Address());
    if (!addresses.insert(absl::AsciiStrToLower(address)).second) continue;
    const auto [at, added] = indices.emplace(*folder, indices.size());
    if (added) to.folders.push_back(*folder);
    to.letters.push_back({.folder = at->second, .address = std::move(address)});
  }
  if (to.letters.empty()) return NoMailboxReply();
  std::stable_sort(
      to.letters.begin(), to.letters.end(),
      [](const Letter& a, const Letter& b) { return a.folder < b.folder; });
  return message_
      .emplace(files_, open_folders_, names_, options_, envelope.from,
               std::move(to))
      .Open();
}

}  // namespace

Maildir::Maildir(MaildirLocation location, MaildirOptions options,
                 FileSystem& files)
    : location_(std::move(location)),
      options_(std::move(options)),
      files_(files),
      recipients_(location_, options_.report, files),
      open_folders_(files),
      names_(options_.host, options_.now, options_.random) {}

std::unique_ptr<MailTransaction> Maildir::Begin(const Envelope&,
                                                const SharedSessionInfo&) {
  return std::make_unique<MaildirTransaction>(location_, recipients_, files_,
                                              open_folders_, names_, options_);
}

}  // namespace postern::delivery
