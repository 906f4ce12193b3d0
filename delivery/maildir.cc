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
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "delivery/line_endings.h"
#include "delivery/maildir_reply.h"
#include "delivery/shared_directories.h"
#include "engine/grammar/domain.h"
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

// The file of one mailbox.
struct Letter {
  size_t directory = 0;  // index of its Maildir
  std::string address;   // of the mailbox
  // The addresses of recipients that are not the address of the mailbox.
  std::vector<std::string> originals;
  std::vector<size_t> recipients;  // their indices in the envelope; distinct
  std::string in_tmp;              // its name in tmp/; empty: has none
  std::string in_new;              // its name in new/; empty: has none
  std::optional<Reply> refusal;    // if it will not be stored
};

struct Letters {
  std::vector<std::string> directories;  // Maildirs; distinct, at least one
  std::vector<Letter> letters;           // sorted by Maildir, at least one
  size_t recipients = 0;                 // of the envelope
};

// A message that is being stored in its Maildirs. The content is written to the
// file of one letter, the lead. The others are copies of that file, made after
// its fsync.
class MaildirMessage {
  using Directory = SharedDirectories::Directory;

 public:
  // The first four must outlive this object. If `each`, a letter that cannot be
  // stored prevents only letters without another recipient than its own;
  // otherwise all are stored or none.
  MaildirMessage(FileSystem& files, SharedDirectories& open_directories,
                 UniqueNames& names, const MaildirOptions& options, bool each,
                 const Path& from, Letters to)
      : files_(files),
        open_directories_(open_directories),
        names_(names),
        options_(options),
        each_(each),
        return_path_(
            absl::StrCat("Return-Path: ", OneLine(FormatPath(from)), "\n")),
        directories_(std::move(to.directories)),
        letters_(std::move(to.letters)),
        recipients_(to.recipients),
        buffer_(kBufferSize) {
    for (const Letter& letter : letters_) {
      for (const size_t each : letter.recipients) ++recipients_[each].letters;
    }
  }

  // Also removes names that a committed message still has in tmp/.
  ~MaildirMessage() { Withdraw(); }

  std::optional<Reply> Open();
  void Write(absl::Span<const absl::string_view> slices);
  // Stores the letters that can be stored; if not `each`, all or none.
  void Commit(bool each);

  // After Commit(): returns the verdicts, one for each recipient.
  std::vector<Verdict> Verdicts() const;
  // The same if all letters are stored or none: returns the verdict for all.
  Verdict VerdictOfAll() const;

 private:
  // These return zero (Create(): a descriptor) or a negative errno. After an
  // error the caller calls Withdraw().
  int OpenLead();
  int Flush();
  int StoreCopy(Letter& letter);
  int CopyTo(int file, const Letter& letter);
  int Move(const Directory& directory, Letter& letter);
  int Create(const Directory& directory, Letter& letter);

  bool TooMuch() const;
  void Store();
  // Moves the letters from `begin` to before `end`, which have one Maildir, to
  // new/. Returns whether to continue with others.
  bool Publish(size_t begin, size_t end, system::Deadline deadline);
  // Refuses the lead because of `error`, and makes another letter the lead,
  // with a copy of everything that was written. Returns false if that is
  // impossible.
  bool ReplaceLead(int error);

  // Opens the Maildir `index`. The result is valid until the next call.
  int Enter(size_t index, Directory** directory);
  // Calls `use` with `name`, then with new names while it returns -EEXIST.
  int TryNames(const std::string& name,
               absl::FunctionRef<int(const std::string&)> use);
  void Withdraw();
  void Withdraw(const Directory& directory, Letter& letter);
  // Refuses `letter` because of `error`, and with it its recipients and letters
  // that have no other recipients. Returns whether to continue with others.
  bool Fail(Letter& letter, int error) {
    return Fail(letter, error, CannotStoreReply(error));
  }
  bool Fail(Letter& letter, int error, Reply reply);
  // Refuses `letter` and its recipients, and reports nothing.
  void Refuse(Letter& letter, const Reply& reply);
  // Refuses all letters from `begin` to before `end`, as Fail().
  bool FailAll(size_t begin, size_t end, int error);
  std::string Header(const Letter& letter) const {
    std::string header = return_path_;
    for (const std::string& original : letter.originals) {
      absl::StrAppend(&header, "X-Original-To: ", original, "\n");
    }
    absl::StrAppend(&header, "Delivered-To: ", letter.address, "\n");
    return header;
  }
  Letter& lead() { return letters_[lead_]; }

  FileSystem& files_;
  SharedDirectories& open_directories_;
  UniqueNames& names_;
  const MaildirOptions& options_;
  bool each_;
  const std::string return_path_;
  const std::vector<std::string> directories_;
  std::vector<Letter> letters_;
  struct RecipientState {
    size_t letters = 0;
    const Letter* refused = nullptr;  // the first of them that was refused
  };
  std::vector<RecipientState> recipients_;

  size_t lead_ = 0;  // all letters before it are refused
  std::shared_ptr<Directory> lead_directory_;
  int lead_file_ = -1;
  LineEndings buffer_;    // of lead_file_
  uint64_t written_ = 0;  // to lead_file_, header included

  static constexpr size_t kNone = static_cast<size_t>(-1);
  std::shared_ptr<Directory> other_directory_;  // at most one of the others
  size_t other_index_ = kNone;                  // the index of other_directory_
  int error_ = 0;     // the failure of all letters: nothing is written after it
  int reported_ = 0;  // the last error that was reported
};

std::optional<Reply> MaildirMessage::Open() {
  while (true) {
    const int error = OpenLead();
    if (error == 0) return std::nullopt;
    if (!lead().refusal) (void)Fail(lead(), error);
    const Reply refusal = *lead().refusal;
    if (!each_) return refusal;
    if (lead_file_ >= 0) (void)files_.Close(std::exchange(lead_file_, -1));
    // The refusal of this letter may have refused the next ones.
    while (lead().refusal) {
      if (lead_ + 1 == letters_.size()) return refusal;
      ++lead_;
    }
  }
}

int MaildirMessage::OpenLead() {
  lead_directory_ = nullptr;
  if (int error = open_directories_.Open(directories_[lead().directory],
                                         &lead_directory_);
      error < 0) {
    (void)Fail(lead(), error, CannotOpenReply());
    return error;
  }
  lead_file_ = Create(*lead_directory_, lead());
  if (lead_file_ < 0) return lead_file_;
  const std::string header = Header(lead());
  if (each_) {  // the buffer contains only the content, as ReplaceLead() needs
    written_ = header.size();
    return WriteAll(files_, lead_file_, header);
  }
  absl::string_view rest = header;
  while (!buffer_.TakeAsIs(&rest)) {
    if (int error = Flush(); error < 0) return error;
  }
  return 0;
}

void MaildirMessage::Write(absl::Span<const absl::string_view> slices) {
  for (absl::string_view slice : slices) {
    while (error_ == 0 && !buffer_.Take(&slice)) {
      error_ = Flush();
      if (error_ == 0) continue;
      (void)FailAll(0, letters_.size(), error_);
      // The disk may be full. Free the space now, not after the rest of the
      // message has arrived.
      Withdraw();
    }
  }
}

void MaildirMessage::Commit(bool each) {
  const auto any_refused = [this] {
    return std::any_of(letters_.begin(), letters_.end(),
                       [](const Letter& letter) { return letter.refusal; });
  };
  each_ = each_ && each;
  if (error_ == 0 && TooMuch()) {
    for (Letter& letter : letters_) Refuse(letter, TooMuchReply());
    options_.report(absl::StrCat("more than ", options_.max_stored,
                                 " octets in the files of ", letters_.size(),
                                 " recipients"));
  } else if (error_ == 0 && (each_ || !any_refused())) {
    Store();
  }
  const bool refused = any_refused();
  for (Letter& letter : letters_) {
    // A stored letter must not be removed.
    if (!refused || (each_ && !letter.refusal)) letter.in_new.clear();
  }
  if (refused) Withdraw();
}

std::vector<Verdict> MaildirMessage::Verdicts() const {
  std::vector<Verdict> verdicts;
  for (const RecipientState& recipient : recipients_) {
    const Letter* const failed = recipient.refused;
    verdicts.push_back(failed == nullptr
                           ? Verdict::Accept()
                           : Verdict::Refuse(*failed->refusal)
                                 .By("maildir")
                                 .From(directories_[failed->directory]));
  }
  return verdicts;
}

Verdict MaildirMessage::VerdictOfAll() const {
  for (const Letter& letter : letters_) {
    if (letter.refusal) return Verdict::Refuse(*letter.refusal);
  }
  return Verdict::Accept();
}

int MaildirMessage::Flush() {
  int error = WriteAll(files_, lead_file_, buffer_.pending());
  while (error < 0 && each_ && ReplaceLead(error)) {
    error = WriteAll(files_, lead_file_, buffer_.pending());
  }
  written_ += buffer_.pending().size();
  buffer_.Clear();
  return error;
}

bool MaildirMessage::ReplaceLead(int error) {
  (void)Fail(lead(), error);
  // The copy reads the lead's file. Its content is reliable only after an
  // fsync: NFS discards data that it cannot write.
  if (files_.Fsync(lead_file_) < 0) return false;
  for (size_t next = lead_ + 1; next < letters_.size(); ++next) {
    Letter& letter = letters_[next];
    if (letter.refusal) continue;
    if (letter.directory == lead().directory) {  // on the same disk
      (void)Fail(letter, error);
      continue;
    }
    std::shared_ptr<Directory> directory;
    if (int failed =
            open_directories_.Open(directories_[letter.directory], &directory);
        failed < 0) {
      (void)Fail(letter, failed, CannotOpenReply());
      continue;
    }
    const int file = Create(*directory, letter);
    const int failed = file < 0 ? file : CopyTo(file, letter);
    if (failed < 0) {
      if (file >= 0) (void)files_.Close(file);  // the file is removed
      (void)Fail(letter, failed);
      Withdraw(*directory, letter);
      continue;
    }
    (void)files_.Close(std::exchange(lead_file_, file));  // it is removed
    Withdraw(*lead_directory_, lead());
    written_ += Header(letter).size() - Header(lead()).size();
    lead_directory_ = std::move(directory);
    lead_ = next;
    return true;
  }
  return false;
}

bool MaildirMessage::TooMuch() const {
  return letters_.size() > 1 && written_ + buffer_.pending().size() >
                                    options_.max_stored / letters_.size();
}

void MaildirMessage::Store() {
  const system::Deadline deadline(options_.store_timeout);
  buffer_.Finish();
  error_ = Flush();
  if (error_ == 0) error_ = files_.Fsync(lead_file_);
  if (error_ < 0) {
    // A file that may not be durable is not copied.
    (void)FailAll(0, letters_.size(), error_);
    return;
  }
  for (size_t i = lead_ + 1; i < letters_.size(); ++i) {
    if (letters_[i].refusal) continue;
    const int error = deadline.passed() ? -ETIMEDOUT : StoreCopy(letters_[i]);
    if (error < 0 && !Fail(letters_[i], error)) return;
  }
  if (int error = files_.Close(std::exchange(lead_file_, -1));
      error < 0 && !Fail(lead(), error)) {
    return;
  }
  for (size_t begin = lead_; begin < letters_.size();) {
    size_t end = begin;
    while (end < letters_.size() &&
           letters_[end].directory == letters_[begin].directory) {
      ++end;
    }
    if (!Publish(begin, end, deadline)) return;
    begin = end;
  }
}

int MaildirMessage::StoreCopy(Letter& letter) {
  Directory* directory = nullptr;
  if (int error = Enter(letter.directory, &directory); error < 0) return error;
  const int file = Create(*directory, letter);
  if (file < 0) return file;
  int error = CopyTo(file, letter);
  if (error == 0) error = files_.Fsync(file);
  const int closed = files_.Close(file);
  return error < 0 ? error : closed;
}

// Writes the letter's header, and a copy of the lead's content.
int MaildirMessage::CopyTo(int file, const Letter& letter) {
  const uint64_t body = Header(lead()).size();
  if (int error = WriteAll(files_, file, Header(letter)); error < 0) {
    return error;
  }
  return CopyAll(files_, lead_file_, body, file, written_ - body);
}

bool MaildirMessage::Publish(size_t begin, size_t end,
                             system::Deadline deadline) {
  const auto refused = [this](size_t i) {
    return letters_[i].refusal.has_value();
  };
  while (begin < end && refused(begin)) ++begin;
  if (begin == end) return true;
  Directory* directory = nullptr;
  const int error = deadline.passed()
                        ? -ETIMEDOUT
                        : Enter(letters_[begin].directory, &directory);
  if (error < 0) return FailAll(begin, end, error);
  for (size_t i = begin; i < end; ++i) {
    if (refused(i)) continue;
    if (int failed = Move(*directory, letters_[i]);
        failed < 0 && !Fail(letters_[i], failed)) {
      return false;
    }
  }
  const int synced = directory->Sync();
  return synced == 0 || FailAll(begin, end, synced);
}

int MaildirMessage::Move(const Directory& directory, Letter& letter) {
  const int moved = TryNames(letter.in_tmp, [&](const std::string& name) {
    const int result = MoveFile(files_, directory.tmp_fd(), letter.in_tmp,
                                directory.new_fd(), name);
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

int MaildirMessage::Create(const Directory& directory, Letter& letter) {
  return TryNames(names_.Next(), [&](const std::string& name) {
    const int file = OpenFile(files_, directory.tmp_fd(), name,
                              O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (file != -EEXIST) letter.in_tmp = name;
    if (file < 0 || files_.EffectiveUser() != 0 || directory.owner() == 0) {
      return file;
    }
    const int error = files_.Chown(file, directory.owner(), directory.group());
    if (error == 0) return file;
    (void)files_.Close(file);  // nothing was written to it
    return error;
  });
}

int MaildirMessage::Enter(size_t index, Directory** directory) {
  if (lead_directory_ != nullptr && index == lead().directory) {
    *directory = lead_directory_.get();
    return 0;
  }
  if (index != other_index_) {
    other_index_ = kNone;
    other_directory_ = nullptr;
    if (int error =
            open_directories_.Open(directories_[index], &other_directory_);
        error < 0) {
      return error;
    }
    other_index_ = index;
  }
  *directory = other_directory_.get();
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
  if (lead_file_ >= 0) (void)files_.Close(std::exchange(lead_file_, -1));
  for (Letter& letter : letters_) {
    if (letter.in_new.empty() && letter.in_tmp.empty()) continue;
    Directory* directory = nullptr;
    if (Enter(letter.directory, &directory) == 0) Withdraw(*directory, letter);
  }
}

// A file that cannot be removed stays: in new/ it is a duplicate, in tmp/ it is
// useless.
void MaildirMessage::Withdraw(const Directory& directory, Letter& letter) {
  if (!letter.in_new.empty() &&
      RemoveFile(files_, directory.new_fd(), letter.in_new) == 0) {
    letter.in_new.clear();
  }
  if (!letter.in_tmp.empty() &&
      RemoveFile(files_, directory.tmp_fd(), letter.in_tmp) == 0) {
    letter.in_tmp.clear();
  }
}

bool MaildirMessage::Fail(Letter& letter, int error, Reply reply) {
  // The same error of several letters in sequence is reported once.
  if (std::exchange(reported_, error) != error) {
    log::ReportError(options_.report,
                     absl::StrCat("maildir ", directories_[letter.directory]),
                     error);
  }
  Refuse(letter, reply);
  if (!each_) return false;
  // All mailboxes of a recipient get the message or none. A mailbox whose
  // recipients are all refused gets nothing, so that the client's next attempt
  // makes no duplicate there.
  const auto refused = [this](size_t each) {
    return recipients_[each].refused != nullptr;
  };
  const auto has_others = [this](size_t each) {
    return recipients_[each].letters > 1;
  };
  if (std::any_of(letter.recipients.begin(), letter.recipients.end(),
                  has_others)) {
    for (Letter& other : letters_) {
      if (!other.refusal && std::all_of(other.recipients.begin(),
                                        other.recipients.end(), refused)) {
        other.refusal = reply;
      }
    }
  }
  return true;
}

void MaildirMessage::Refuse(Letter& letter, const Reply& reply) {
  letter.refusal = reply;
  for (const size_t each : letter.recipients) {
    if (recipients_[each].refused == nullptr) {
      recipients_[each].refused = &letter;
    }
  }
}

bool MaildirMessage::FailAll(size_t begin, size_t end, int error) {
  for (size_t i = begin; i < end; ++i) {
    if (!letters_[i].refusal) (void)Fail(letters_[i], error);
  }
  return each_;
}

// Makes the letters of a message.
class LetterMaker {
 public:
  // `location` must outlive this object.
  explicit LetterMaker(const MaildirLocation& location) : location_(location) {}

  // Adds the recipient with this number, whose mailbox has its own address.
  // Returns false if the address cannot have a Maildir.
  bool Add(size_t number, const Path& recipient) {
    const std::optional<std::string> directory = location_.For(recipient);
    if (!directory) return false;
    std::string address = OneLine(recipient.Address());
    const auto [letter, first] =
        by_address_.emplace(AsciiAddress(address), letters_.size());
    if (first) AddLetter(*directory, std::move(address));
    AddRecipient(letters_[letter->second], number);
    return true;
  }

  // Adds the recipient with this number, which expands to `mailboxes`. Call it
  // after all calls of the other Add().
  bool Add(size_t number, const Path& recipient,
           absl::Span<const Path> mailboxes) {
    const std::string address = OneLine(recipient.Address());
    const std::string key = AsciiAddress(address);
    const bool first = originals_.insert(key).second;
    for (const Path& mailbox : mailboxes) {
      const std::optional<std::string> directory = location_.For(mailbox);
      if (!directory) return false;
      std::string mailbox_address = OneLine(mailbox.Address());
      std::string mailbox_key = AsciiAddress(mailbox_address);
      size_t index = letters_.size();
      if (const auto same = by_address_.find(mailbox_key);
          same != by_address_.end()) {
        index = same->second;
      } else if (const auto other = by_directory_.find(*directory);
                 other != by_directory_.end()) {
        index = other->second;
      } else {
        by_address_.emplace(std::move(mailbox_key), index);
        AddLetter(*directory, std::move(mailbox_address));
      }
      Letter& letter = letters_[index];
      if (AddRecipient(letter, number) && first &&
          key != AsciiAddress(letter.address)) {
        letter.originals.push_back(address);
      }
    }
    return true;
  }

  Letters Take(size_t recipients) {
    return {std::move(directories_), std::move(letters_), recipients};
  }

 private:
  void AddLetter(const std::string& directory, std::string address) {
    const auto [first, added] =
        by_directory_.emplace(directory, letters_.size());
    if (added) directories_.push_back(directory);
    letters_.push_back({.directory = added ? directories_.size() - 1
                                           : letters_[first->second].directory,
                        .address = std::move(address)});
  }

  // Returns false if `letter` already has the recipient. All mailboxes of one
  // recipient are added before the next recipient.
  static bool AddRecipient(Letter& letter, size_t number) {
    if (!letter.recipients.empty() && letter.recipients.back() == number) {
      return false;
    }
    letter.recipients.push_back(number);
    return true;
  }

  const MaildirLocation& location_;
  std::vector<std::string> directories_;
  std::vector<Letter> letters_;
  absl::flat_hash_map<std::string, size_t> by_address_;    // to letters
  absl::flat_hash_map<std::string, size_t> by_directory_;  // to first letters
  absl::flat_hash_set<std::string> originals_;  // recipients that expanded
};

class MaildirTransaction : public MailTransaction {
 public:
  // All arguments must outlive this object.
  MaildirTransaction(const MaildirLocation& location,
                     const MaildirRecipients& recipients, FileSystem& files,
                     SharedDirectories& open_directories, UniqueNames& names,
                     const MaildirOptions& options, bool each)
      : location_(location),
        recipients_(recipients),
        files_(files),
        open_directories_(open_directories),
        names_(names),
        options_(options),
        each_(each) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later) override {
    MaildirRecipients::Decision decision = recipients_.Decide(rcpt.to);
    if (!decision.mailboxes.empty()) {
      expanded_ += decision.mailboxes.size();
      if (expanded_ > options_.max_expanded) {
        expanded_ -= decision.mailboxes.size();
        return Verdict::Refuse(TooManyMailboxesReply()).By("maildir");
      }
      mailboxes_[FormatPath(rcpt.to)] = std::move(decision.mailboxes);
    }
    return std::move(decision.verdict).By("maildir");
  }
  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later later) override;
  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&>) override {
    message_->Write(slices);
    return true;
  }
  void Commit(Policy::Done done) override {
    message_->Commit(/*each=*/false);
    std::move(done)(message_->VerdictOfAll());
  }
  void CommitEach(EachDone done) override {
    message_->Commit(each_);
    std::move(done)(each_ ? message_->Verdicts()
                          : std::vector<Verdict>{message_->VerdictOfAll()});
  }

 private:
  const MaildirLocation& location_;
  const MaildirRecipients& recipients_;
  FileSystem& files_;
  SharedDirectories& open_directories_;
  UniqueNames& names_;
  const MaildirOptions& options_;
  const bool each_;
  // Of the recipients that expand, by address.
  absl::flat_hash_map<std::string, std::vector<Path>> mailboxes_;
  size_t expanded_ = 0;  // the number of paths in mailboxes_, at least
  std::optional<MaildirMessage> message_;  // set by Open()
};

std::optional<Verdict> MaildirTransaction::Open(const Envelope& envelope,
                                                Policy::Later) {
  LetterMaker maker(location_);
  // First the recipients with mailboxes of their own: the others get no second
  // file there.
  for (const bool expanded : {false, true}) {
    for (size_t number = 0; number < envelope.to.size(); ++number) {
      const Path& recipient = envelope.to[number].path;
      const auto found = mailboxes_.find(FormatPath(recipient));
      if (expanded != (found != mailboxes_.end())) continue;
      if (!(expanded ? maker.Add(number, recipient, found->second)
                     : maker.Add(number, recipient))) {
        return Verdict::Refuse(NoMailboxReply());
      }
    }
  }
  Letters to = maker.Take(envelope.to.size());
  if (to.letters.empty()) return Verdict::Refuse(NoMailboxReply());
  std::stable_sort(to.letters.begin(), to.letters.end(),
                   [](const Letter& a, const Letter& b) {
                     return a.directory < b.directory;
                   });
  std::optional<Reply> refusal =
      message_
          .emplace(files_, open_directories_, names_, options_, each_,
                   envelope.from, std::move(to))
          .Open();
  return refusal ? Verdict::Refuse(*std::move(refusal)) : Verdict::Accept();
}

}  // namespace

Maildir::Maildir(MaildirLocation location, MaildirOptions options,
                 FileSystem& files)
    : location_(std::move(location)),
      options_(std::move(options)),
      files_(files),
      recipients_(location_, options_.report, files, options_.expand),
      open_directories_(files),
      names_(options_.host, options_.now, options_.random) {}

std::unique_ptr<MailTransaction> Maildir::Begin(
    const Envelope&, const SharedSessionInfo& session) {
  // LMTP has a reply for each recipient.
  const bool each = session->hello_verb == Hello::Verb::kLhlo;
  return std::make_unique<MaildirTransaction>(location_, recipients_, files_,
                                              open_directories_, names_,
                                              options_, each);
}

}  // namespace postern::delivery
