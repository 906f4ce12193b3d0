// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/partial/accepted_recipients.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>
#include <variant>

#include "absl/hash/hash.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace postern::delivery {
namespace {

// Marks the file as a table of this kind: "pgpd".
constexpr int64_t kApplicationId = 0x70677064;
constexpr int64_t kVersion = 1;
constexpr int kBusyMilliseconds = 5000;

// `id` orders the rows by the time of their messages.
constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS accepted ("
    "  id INTEGER PRIMARY KEY,"
    "  destination TEXT NOT NULL,"
    "  sender TEXT NOT NULL,"
    "  content BLOB NOT NULL,"
    "  recipient TEXT NOT NULL,"
    "  since INTEGER NOT NULL,"  // seconds since 1970
    "  UNIQUE (destination, sender, content, recipient));";

enum Sql : uint8_t {
  kBegin,
  kCommit,
  kRollback,
  kAll,
  kInsert,
  kDrop,
  kDropMessage,
  kSqlCount
};

constexpr const char* kSql[] = {
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "SELECT destination, sender, content, recipient, since FROM accepted "
    "ORDER BY since, id",
    "INSERT OR IGNORE INTO accepted "
    "(destination, sender, content, recipient, since) "
    "VALUES (?1, ?2, ?3, ?4, ?5)",
    "DELETE FROM accepted WHERE destination = ?1 AND sender = ?2 "
    "AND content = ?3 AND recipient = ?4",
    "DELETE FROM accepted WHERE destination = ?1 AND sender = ?2 "
    "AND content = ?3",
};
static_assert(std::size(kSql) == kSqlCount);

struct Blob {
  absl::string_view octets;
};
using Value = std::variant<int64_t, absl::string_view, Blob>;

// Makes the names in the directory of `file` durable.
absl::Status SyncDirectory(const std::string& file) {
  const size_t slash = file.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                             : file.substr(0, slash);
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, directory);
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, directory);
}

}  // namespace

struct AcceptedRecipients::Database {
  explicit Database(const std::string& the_file) : file(the_file) {}
  ~Database() {
    for (sqlite3_stmt* each : statements) sqlite3_finalize(each);
    sqlite3_close(db);
  }

  absl::Status Error() const {
    const absl::string_view why = sqlite3_errmsg(db);
    switch (sqlite3_errcode(db)) {
      case SQLITE_BUSY:
        return absl::UnavailableError(
            absl::StrCat(file, ": another process uses it"));
      case SQLITE_NOTADB:
      case SQLITE_CORRUPT:
        return absl::DataLossError(
            absl::StrCat(file, ": ", why, "; remove the file, and ", file,
                         "-wal, to begin with an empty table"));
      case SQLITE_FULL:
        return absl::ResourceExhaustedError(absl::StrCat(file, ": ", why));
      default:
        return absl::UnavailableError(absl::StrCat(file, ": ", why));
    }
  }

  absl::Status Execute(const char* sql) {
    return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK
               ? absl::OkStatus()
               : Error();
  }

  absl::StatusOr<int64_t> Number(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    absl::StatusOr<int64_t> number =
        code == SQLITE_ROW
            ? absl::StatusOr<int64_t>(sqlite3_column_int64(statement, 0))
            : Error();
    sqlite3_finalize(statement);
    return number;
  }

  // Runs a statement, and calls `row` for each of its rows.
  absl::Status Run(Sql sql, std::initializer_list<Value> values,
                   const std::function<void(sqlite3_stmt*)>& row = nullptr) {
    sqlite3_stmt*& statement = statements[sql];
    if (statement == nullptr &&
        sqlite3_prepare_v3(db, kSql[sql], -1, SQLITE_PREPARE_PERSISTENT,
                           &statement, nullptr) != SQLITE_OK) {
      return Error();
    }
    int code = SQLITE_OK;
    int index = 0;
    for (const Value& value : values) {
      ++index;
      if (const auto* number = std::get_if<int64_t>(&value)) {
        code |= sqlite3_bind_int64(statement, index, *number);
      } else if (const auto* blob = std::get_if<Blob>(&value)) {
        code |= sqlite3_bind_blob(statement, index, blob->octets.data(),
                                  static_cast<int>(blob->octets.size()),
                                  SQLITE_STATIC);
      } else {
        const auto text = std::get<absl::string_view>(value);
        // An empty view may have a null pointer, which would be NULL.
        code |=
            sqlite3_bind_text(statement, index, text.empty() ? "" : text.data(),
                              static_cast<int>(text.size()), SQLITE_STATIC);
      }
    }
    while (code == SQLITE_OK || code == SQLITE_ROW) {
      code = sqlite3_step(statement);
      if (code == SQLITE_ROW && row) row(statement);
    }
    const absl::Status status =
        code == SQLITE_DONE ? absl::OkStatus() : Error();
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
  }

  absl::Status Open() {
    // SQLite would create a file that all users can read.
    const int fd =
        open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) return absl::ErrnoToStatus(errno, file);
    close(fd);
    if (sqlite3_open_v2(file.c_str(), &db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        nullptr) != SQLITE_OK) {
      return Error();
    }
    sqlite3_busy_timeout(db, kBusyMilliseconds);
    // Locked from the first access until the end of the process.
    if (absl::Status status = Execute("PRAGMA locking_mode = EXCLUSIVE");
        !status.ok()) {
      return status;
    }
    const absl::StatusOr<int64_t> id = Number("PRAGMA application_id");
    if (!id.ok()) return id.status();
    const absl::StatusOr<int64_t> tables =
        Number("SELECT count(*) FROM sqlite_master");
    if (!tables.ok()) return tables.status();
    if (*id != kApplicationId && (*id != 0 || *tables != 0)) {
      return absl::FailedPreconditionError(
          absl::StrCat(file, ": not a table of --partial-delivery"));
    }
    // FULL: each transaction is synchronized with the disk.
    const std::string setup = absl::StrCat(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA journal_size_limit = 1048576;"
        "BEGIN IMMEDIATE; PRAGMA application_id = ",
        kApplicationId, "; PRAGMA user_version = ", kVersion, ";", kSchema,
        "COMMIT;");
    if (absl::Status status = Execute(setup.c_str()); !status.ok()) {
      return status;
    }
    return SyncDirectory(file);
  }

  // Runs `work` in one transaction.
  template <typename Work>
  absl::Status Transact(Work work) {
    if (db == nullptr) {
      return absl::UnavailableError(
          absl::StrCat(file, ": the table is not open"));
    }
    absl::Status status = Run(kBegin, {});
    if (!status.ok()) return status;
    status = work();
    if (status.ok()) status = Run(kCommit, {});
    // Fails if SQLite has ended the transaction by itself.
    if (!status.ok()) (void)Run(kRollback, {});
    return status;
  }

  const std::string& file;
  sqlite3* db = nullptr;
  std::array<sqlite3_stmt*, kSqlCount> statements = {};
};

AcceptedRecipients::AcceptedRecipients(AcceptedRecipientsOptions options,
                                       Clock now)
    : options_(std::move(options)),
      now_(std::move(now)),
      database_(std::make_unique<Database>(options_.file)) {}

AcceptedRecipients::~AcceptedRecipients() = default;

absl::Status AcceptedRecipients::Open() {
  const std::lock_guard<std::mutex> disk(disk_mutex_);
  if (absl::Status status = database_->Open(); !status.ok()) return status;
  const absl::Status status =
      database_->Run(kAll, {}, [this](sqlite3_stmt* row) {
        const auto octets = [row](int column) {
          const void* const data = sqlite3_column_blob(row, column);
          const auto size =
              static_cast<size_t>(sqlite3_column_bytes(row, column));
          return data == nullptr
                     ? std::string()
                     : std::string(static_cast<const char*>(data), size);
        };
        const std::string recipient = octets(3);
        const std::lock_guard<std::mutex> lock(mutex_);
        Insert({octets(0), octets(1), octets(2)},
               absl::FromUnixSeconds(sqlite3_column_int64(row, 4)),
               {&recipient, 1});
      });
  if (!status.ok()) return status;
  // Removes what is too old, or too much.
  return MakeRoom(0);
}

size_t AcceptedRecipients::EntryHash::operator()(
    const MessageKey& message) const {
  return absl::HashOf(message.destination, message.sender, message.content);
}

size_t AcceptedRecipients::EntryHash::operator()(
    Entries::const_iterator entry) const {
  return (*this)(entry->message);
}

bool AcceptedRecipients::EntryEqual::operator()(
    Entries::const_iterator entry, const MessageKey& message) const {
  return entry->message == message;
}

bool AcceptedRecipients::EntryEqual::operator()(
    Entries::const_iterator a, Entries::const_iterator b) const {
  return a == b;
}

size_t AcceptedRecipients::SenderHash(absl::string_view destination,
                                      absl::string_view sender) {
  return absl::HashOf(destination, sender);
}

size_t AcceptedRecipients::RecipientHash(size_t sender_hash,
                                         absl::string_view recipient) {
  return absl::HashOf(sender_hash, recipient);
}

bool AcceptedRecipients::Current(absl::Time since, absl::Time now) const {
  return now - since <= options_.lifetime;
}

AcceptedRecipients::Entries::iterator AcceptedRecipients::Find(
    const MessageKey& message) {
  const auto found = by_message_.find(message);
  return found == by_message_.end() ? entries_.end() : *found;
}

void AcceptedRecipients::Insert(const MessageKey& message, absl::Time since,
                                absl::Span<const std::string> recipients) {
  const size_t sender = SenderHash(message.destination, message.sender);
  auto entry = Find(message);
  if (entry == entries_.end()) {
    entry = entries_.insert(entries_.end(), {message, since, {}});
    by_message_.insert(entry);
    ++senders_[sender];
  }
  for (const std::string& recipient : recipients) {
    if (!entry->recipients.insert(recipient).second) continue;
    ++size_;
    Had& had = had_[RecipientHash(sender, recipient)];
    ++had.messages;
    had.newest = std::max(had.newest, entry->since);
  }
}

void AcceptedRecipients::Uncount(size_t sender_hash,
                                 absl::string_view recipient) {
  --size_;
  const auto had = had_.find(RecipientHash(sender_hash, recipient));
  if (--had->second.messages == 0) had_.erase(had);
}

void AcceptedRecipients::Forget(Entries::iterator entry) {
  const size_t sender =
      SenderHash(entry->message.destination, entry->message.sender);
  for (const std::string& recipient : entry->recipients) {
    Uncount(sender, recipient);
  }
  const auto count = senders_.find(sender);
  if (--count->second == 0) senders_.erase(count);
  by_message_.erase(entry);
  entries_.erase(entry);
}

bool AcceptedRecipients::AnyHas(absl::string_view destination,
                                absl::string_view sender,
                                absl::Span<const Recipient> recipients) const {
  const size_t hash = SenderHash(destination, sender);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!senders_.contains(hash)) return false;
  }
  std::vector<size_t> wanted;
  wanted.reserve(recipients.size());
  for (const Recipient& recipient : recipients) {
    wanted.push_back(RecipientHash(hash, recipient.path.Address()));
  }
  const absl::Time now = now_();
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::any_of(wanted.begin(), wanted.end(), [&](size_t recipient) {
    const auto had = had_.find(recipient);
    return had != had_.end() && Current(had->second.newest, now);
  });
}

std::set<std::string> AcceptedRecipients::Of(const MessageKey& message) const {
  const absl::Time now = now_();
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_message_.find(message);
  if (found == by_message_.end() || !Current((*found)->since, now)) return {};
  return (*found)->recipients;
}

absl::Status AcceptedRecipients::MakeRoom(size_t more) {
  std::vector<MessageKey> drop;
  const absl::Time now = now_();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    size_t left = size_;
    for (const Entry& entry : entries_) {
      if (Current(entry.since, now) && left + more <= options_.max_recipients)
        break;
      left -= entry.recipients.size();
      drop.push_back(entry.message);
    }
  }
  if (drop.empty()) return absl::OkStatus();
  const absl::Status status = database_->Transact([&] {
    for (const MessageKey& message : drop) {
      absl::Status dropped = database_->Run(
          kDropMessage,
          {message.destination, message.sender, Blob{message.content}});
      if (!dropped.ok()) return dropped;
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const MessageKey& message : drop) Forget(Find(message));
  return absl::OkStatus();
}

absl::Status AcceptedRecipients::Add(
    const MessageKey& message, const std::vector<std::string>& recipients) {
  const std::lock_guard<std::mutex> disk(disk_mutex_);
  if (absl::Status status = MakeRoom(recipients.size()); !status.ok()) {
    return status;
  }
  absl::Time since = now_();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (const auto entry = Find(message); entry != entries_.end()) {
      since = entry->since;
    }
  }
  const absl::Status status = database_->Transact([&] {
    for (const std::string& recipient : recipients) {
      absl::Status inserted = database_->Run(
          kInsert, {message.destination, message.sender, Blob{message.content},
                    recipient, absl::ToUnixSeconds(since)});
      if (!inserted.ok()) return inserted;
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  Insert(message, since, recipients);
  return absl::OkStatus();
}

absl::Status AcceptedRecipients::Remove(
    const MessageKey& message, const std::vector<std::string>& recipients) {
  const std::lock_guard<std::mutex> disk(disk_mutex_);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto entry = Find(message);
    if (entry == entries_.end()) return absl::OkStatus();
    const size_t sender = SenderHash(message.destination, message.sender);
    for (const std::string& recipient : recipients) {
      if (entry->recipients.erase(recipient) > 0) Uncount(sender, recipient);
    }
    if (entry->recipients.empty()) Forget(entry);
  }
  return database_->Transact([&] {
    for (const std::string& recipient : recipients) {
      absl::Status dropped =
          database_->Run(kDrop, {message.destination, message.sender,
                                 Blob{message.content}, recipient});
      if (!dropped.ok()) return dropped;
    }
    return absl::OkStatus();
  });
}

size_t AcceptedRecipients::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return size_;
}

}  // namespace postern::delivery
