// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/greylisting/greylist_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <variant>

#include "absl/base/optimization.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace postern::policy {
namespace {

// Marks the file as a table of this kind: "pgrl".
constexpr int64_t kApplicationId = 0x7067726c;
constexpr int64_t kVersion = 1;

// What is remembered about a use is at most so old, so that most attempts that
// pass only read. A network counts one success in this time, as in postgrey:
// one message to many recipients is one success.
constexpr int64_t kHour = 60 * 60;

// `id` orders the rows by their last change: the oldest one has the smallest.
// The index of UNIQUE (network, ...) also finds the rows of one network.
constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS attempts ("
    "  id INTEGER PRIMARY KEY,"
    "  network TEXT NOT NULL,"
    "  sender TEXT NOT NULL,"
    "  recipient TEXT NOT NULL,"
    "  first INTEGER NOT NULL,"   // seconds since 1970
    "  passed INTEGER NOT NULL,"  // the same; 0: has not passed
    "  UNIQUE (network, sender, recipient));"
    "CREATE TABLE IF NOT EXISTS networks ("
    "  id INTEGER PRIMARY KEY,"
    "  network TEXT NOT NULL UNIQUE,"
    "  successes INTEGER NOT NULL,"
    "  last INTEGER NOT NULL);";

enum Sql : uint8_t {
  kBegin,
  kCommit,
  kRollback,
  kDataVersion,
  kFindNetwork,
  kInsertNetwork,
  kUpdateNetwork,
  kCountNetworks,
  kDropNetwork,
  kFindAttempt,
  kInsertAttempt,
  kRestartAttempt,
  kPassAttempt,
  kCountAttempts,
  kCountOfNetwork,
  kOldestAttempt,
  kDropAttempt,
  kSqlCount,
};

constexpr const char* kSql[] = {
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "PRAGMA data_version",
    "SELECT id, successes, last FROM networks WHERE network = ?1",
    "INSERT INTO networks (network, successes, last) VALUES (?1, 1, ?2)",
    "UPDATE networks SET id = (SELECT max(id) + 1 FROM networks), "
    "successes = ?2, last = ?3 WHERE id = ?1",
    "SELECT count(*), 0, 0 FROM networks",
    "DELETE FROM networks WHERE id = (SELECT min(id) FROM networks)",
    "SELECT id, first, passed FROM attempts "
    "WHERE network = ?1 AND sender = ?2 AND recipient = ?3",
    "INSERT INTO attempts (network, sender, recipient, first, passed) "
    "VALUES (?1, ?2, ?3, ?4, 0)",
    "UPDATE attempts SET id = (SELECT max(id) + 1 FROM attempts), "
    "first = ?2, passed = 0 WHERE id = ?1",
    "UPDATE attempts SET id = (SELECT max(id) + 1 FROM attempts), "
    "passed = ?2 WHERE id = ?1",
    "SELECT count(*), 0, 0 FROM attempts",
    "SELECT count(*), min(id), 0 FROM attempts WHERE network = ?1",
    "SELECT id, first, passed FROM attempts ORDER BY id LIMIT 1",
    "DELETE FROM attempts WHERE id = ?1",
};
static_assert(std::size(kSql) == kSqlCount);

using Value = std::variant<int64_t, absl::string_view>;
using Row = std::array<int64_t, 3>;

}  // namespace

struct GreylistFile::Database {
  explicit Database(const GreylistOptions& the_options)
      : options(the_options) {}
  ~Database() {
    for (sqlite3_stmt* each : statements) sqlite3_finalize(each);
    sqlite3_close(db);
  }

  absl::Status Error() const {
    return absl::UnavailableError(
        absl::StrCat(options.file, ": ", sqlite3_errmsg(db)));
  }

  absl::Status Execute(const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return Error();
    }
    return absl::OkStatus();
  }

  // Runs a statement that is not in kSql, and returns the text of its first
  // column.
  absl::StatusOr<std::string> Text(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    std::string text;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      const unsigned char* const value = sqlite3_column_text(statement, 0);
      if (value != nullptr) text = reinterpret_cast<const char*>(value);
    }
    absl::Status status;
    if (code != SQLITE_ROW && code != SQLITE_DONE) status = Error();
    sqlite3_finalize(statement);
    if (!status.ok()) return status;
    return text;
  }

  // Runs a statement, and returns its row, if it has one.
  absl::StatusOr<std::optional<Row>> Run(Sql sql,
                                         std::initializer_list<Value> values) {
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
      } else {
        const auto text = std::get<absl::string_view>(value);
        // An empty view may have a null pointer, which would be NULL.
        code |=
            sqlite3_bind_text(statement, index, text.empty() ? "" : text.data(),
                              static_cast<int>(text.size()), SQLITE_STATIC);
      }
    }
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    std::optional<Row> row;
    if (code == SQLITE_ROW) {
      row.emplace();
      for (int i = 0; i < sqlite3_column_count(statement) && i < 3; ++i) {
        (*row)[static_cast<size_t>(i)] = sqlite3_column_int64(statement, i);
      }
    }
    absl::Status status;
    if (code != SQLITE_ROW && code != SQLITE_DONE) status = Error();
    if ((code & 0xff) == SQLITE_BUSY) busy = true;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (!status.ok()) return status;
    return row;
  }
  absl::Status Do(Sql sql, std::initializer_list<Value> values = {}) {
    return Run(sql, values).status();
  }

  absl::Status Open(Access access);
  absl::Status Begin();
  absl::StatusOr<absl::Duration> Attempt(const GreylistKey& key, bool passes,
                                         int64_t now);
  absl::Status CountSuccess(const GreylistKey& key,
                            const std::optional<Row>& network, int64_t now);
  absl::Status MakeRoom(absl::string_view network, int64_t now);
  absl::StatusOr<int64_t*> Known(Sql count, std::optional<int64_t>* cached);

  int64_t lifetime() const { return absl::ToInt64Seconds(options.lifetime); }
  int64_t window() const { return absl::ToInt64Seconds(options.window); }

  const GreylistOptions& options;
  sqlite3* db = nullptr;
  std::array<sqlite3_stmt*, kSqlCount> statements = {};
  bool writes = true;
  bool busy = false;  // another process had the file for kBusy
  // The numbers of rows. nullopt: not known, because another process has
  // written or a transaction has failed.
  std::optional<int64_t> attempts;
  std::optional<int64_t> networks;
  int64_t version = 0;  // of the file, as PRAGMA data_version has it
};

absl::Status GreylistFile::Database::Open(Access access) {
  writes = access == Access::kReadWrite;
  if (writes) {
    // SQLite would create a file that all users can read. It says who writes
    // to whom.
    const int fd = open(options.file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC,
                        S_IRUSR | S_IWUSR);
    if (fd < 0) return absl::ErrnoToStatus(errno, options.file);
    close(fd);
  }
  if (sqlite3_open_v2(options.file.c_str(), &db,
                      (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                          SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return Error();
  }
  sqlite3_busy_timeout(db, static_cast<int>(absl::ToInt64Milliseconds(kBusy)));
  const absl::StatusOr<std::string> id = Text("PRAGMA application_id");
  if (!id.ok()) return id.status();
  const absl::StatusOr<std::string> schema =
      Text("SELECT count(*) FROM sqlite_master");
  if (!schema.ok()) return schema.status();
  const bool ours = *id == absl::StrCat(kApplicationId);
  const bool created = writes && *id == "0" && *schema == "0";
  if (!ours && !created) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.file, ": not a table of greylisting"));
  }
  if (!writes) {
    const absl::StatusOr<std::string> check = Text("PRAGMA quick_check(1)");
    if (!check.ok()) return check.status();
    if (*check == "ok") return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(options.file, ": ", *check));
  }
  // Without a write-ahead log each attempt would wait for the disk twice.
  const absl::StatusOr<std::string> mode = Text("PRAGMA journal_mode = WAL");
  if (!mode.ok()) return mode.status();
  const std::string setup = absl::StrCat(
      "PRAGMA synchronous = NORMAL;"
      "PRAGMA journal_size_limit = 16777216;"
      "BEGIN IMMEDIATE;"
      "PRAGMA application_id = ",
      kApplicationId, "; PRAGMA user_version = ", kVersion, ";", kSchema,
      // The limit may be lower than it was.
      "DELETE FROM attempts WHERE id <= (SELECT id FROM attempts "
      "ORDER BY id DESC LIMIT 1 OFFSET ",
      options.max_entries,
      ");"
      "DELETE FROM networks WHERE id <= (SELECT id FROM networks "
      "ORDER BY id DESC LIMIT 1 OFFSET ",
      options.max_entries, "); COMMIT;");
  return Execute(setup.c_str());
}

absl::Status GreylistFile::Database::Begin() {
  if (absl::Status status = Do(kBegin); !status.ok()) return status;
  const auto now = Run(kDataVersion, {});
  if (!now.ok()) return now.status();
  if ((**now)[0] != version) {
    version = (**now)[0];
    attempts.reset();
    networks.reset();
  }
  return absl::OkStatus();
}

// Returns the number of rows, which the caller keeps up to date.
absl::StatusOr<int64_t*> GreylistFile::Database::Known(
    Sql count, std::optional<int64_t>* cached) {
  if (!*cached) {
    const auto row = Run(count, {});
    if (!row.ok()) return row.status();
    *cached = (**row)[0];
  }
  return &**cached;
}

// Makes room for one more attempt of `network`.
absl::Status GreylistFile::Database::MakeRoom(absl::string_view network,
                                              int64_t now) {
  const auto known = Known(kCountAttempts, &attempts);
  if (!known.ok()) return known.status();
  const auto drop = [&](int64_t id) {
    --**known;
    return Do(kDropAttempt, {id});
  };
  const auto own = Run(kCountOfNetwork, {network});
  if (!own.ok()) return own.status();
  if ((**own)[0] >= static_cast<int64_t>(options.max_of_network())) {
    return drop((**own)[1]);
  }
  // Removes up to two rows whose time is over, so that the file does not grow
  // to its limit without need.
  for (int step = 0;; ++step) {
    const bool full = **known >= static_cast<int64_t>(options.max_entries);
    if (step >= 2 && !full) return absl::OkStatus();
    const auto oldest = Run(kOldestAttempt, {});
    if (!oldest.ok()) return oldest.status();
    if (!*oldest) return absl::OkStatus();
    const auto [id, first, passed] = **oldest;
    const bool over =
        passed > 0 ? now - passed > lifetime() : now - first > window();
    if (!full && !over) return absl::OkStatus();
    if (absl::Status status = drop(id); !status.ok()) return status;
  }
}

absl::Status GreylistFile::Database::CountSuccess(
    const GreylistKey& key, const std::optional<Row>& network, int64_t now) {
  if (!network) {
    const auto known = Known(kCountNetworks, &networks);
    if (!known.ok()) return known.status();
    if (**known >= static_cast<int64_t>(options.max_entries)) {
      if (absl::Status status = Do(kDropNetwork); !status.ok()) return status;
      --**known;
    }
    ++**known;
    return Do(kInsertNetwork, {key.network, now});
  }
  const auto [id, successes, last] = *network;
  if (now - last > lifetime()) return Do(kUpdateNetwork, {id, int64_t{1}, now});
  if (now - last >= kHour) {
    return Do(kUpdateNetwork, {id, successes + 1, now});
  }
  if (last > now) return Do(kUpdateNetwork, {id, successes, now});
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> GreylistFile::Database::Attempt(
    const GreylistKey& key, bool passes, int64_t now) {
  auto network = Run(kFindNetwork, {key.network});
  if (!network.ok()) return network.status();
  if (*network) {
    const auto [id, successes, last] = **network;
    if (successes >= options.successes && now - last <= lifetime()) {
      // Prolongs the whitelisting.
      if (writes && (now - last >= kHour || last > now)) {
        const absl::Status status = Do(kUpdateNetwork, {id, successes, now});
        if (!status.ok()) return status;
      }
      return absl::ZeroDuration();
    }
  }
  if (writes) {
    if (absl::Status status = Begin(); !status.ok()) return status;
    // Another process may have changed the row before the transaction.
    network = Run(kFindNetwork, {key.network});
    if (!network.ok()) return network.status();
  }
  auto found = Run(kFindAttempt, {key.network, key.sender, key.recipient});
  if (!found.ok()) return found.status();
  if (passes && !*found) {
    absl::Status status = MakeRoom(key.network, now);
    if (status.ok()) {
      ++*attempts;
      status =
          Do(kInsertAttempt, {key.network, key.sender, key.recipient, now});
    }
    if (!status.ok()) return status;
    found = Run(kFindAttempt, {key.network, key.sender, key.recipient});
    if (!found.ok()) return found.status();
  }
  absl::Duration wait = options.delay;
  absl::Status status;
  if (*found) {
    const auto [id, first, passed] = **found;
    const int64_t age = now - first;
    const int64_t delay = absl::ToInt64Seconds(options.delay);
    const bool valid = passed > 0 && now - passed <= lifetime();
    if (valid || passes || (passed == 0 && age >= delay && age <= window())) {
      wait = absl::ZeroDuration();
      if (writes && (!valid || now - passed >= kHour || passed > now)) {
        status = Do(kPassAttempt, {id, now});
      }
      if (writes && status.ok()) status = CountSuccess(key, *network, now);
    } else if (passed == 0 && age >= 0 && age < delay) {
      wait = absl::Seconds(delay - age);
    } else if (writes) {
      status = Do(kRestartAttempt, {id, now});
    }
  } else if (writes) {
    status = MakeRoom(key.network, now);
    if (status.ok()) {
      ++*attempts;
      status =
          Do(kInsertAttempt, {key.network, key.sender, key.recipient, now});
    }
  }
  if (writes && status.ok()) status = Do(kCommit);
  if (!status.ok()) return status;
  return wait;
}

GreylistFile::GreylistFile(GreylistOptions options,
                           std::function<absl::Time()> now)
    : options_(std::move(options)), now_(std::move(now)) {}

GreylistFile::~GreylistFile() = default;

absl::Status GreylistFile::Open(Access access) {
  auto database = std::make_unique<Database>(options_);
  if (absl::Status status = database->Open(access); !status.ok()) {
    const int code = sqlite3_errcode(database->db);
    const bool damaged = absl::IsDataLoss(status) || code == SQLITE_NOTADB ||
                         code == SQLITE_CORRUPT;
    if (!damaged) return status;
    return absl::DataLossError(absl::StrCat(
        status.message(), "; remove the file, and ", options_.file, "-wal and ",
        options_.file, "-shm, to begin with an empty table"));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  database_ = std::move(database);
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> GreylistFile::Attempt(const GreylistKey& key) {
  return Record(key, /*passes=*/false);
}

absl::Status GreylistFile::Pass(const GreylistKey& key) {
  return Record(key, /*passes=*/true).status();
}

absl::StatusOr<absl::Duration> GreylistFile::Record(const GreylistKey& key,
                                                    bool passes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (database_ == nullptr) {
    return absl::UnavailableError(
        absl::StrCat(options_.file, ": the table is not open"));
  }
  // Otherwise each attempt in the queue would wait for kBusy again.
  if (std::chrono::steady_clock::now() < busy_until_) {
    return absl::UnavailableError(
        absl::StrCat(options_.file, ": another process has locked the file"));
  }
  database_->busy = false;
  auto wait = database_->Attempt(key, passes, absl::ToUnixSeconds(now_()));
  if (!wait.ok()) {
    if (database_->busy) {
      busy_until_ =
          std::chrono::steady_clock::now() + absl::ToChronoSeconds(kBusy);
    }
    database_->attempts.reset();
    database_->networks.reset();
    // Fails if no transaction has begun, or if SQLite has ended it.
    (void)database_->Do(kRollback);
  }
  return wait;
}

absl::StatusOr<GreylistFile::Size> GreylistFile::Count() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ABSL_HARDENING_ASSERT(database_ != nullptr);
  const auto attempts = database_->Run(kCountAttempts, {});
  if (!attempts.ok()) return attempts.status();
  const auto networks = database_->Run(kCountNetworks, {});
  if (!networks.ok()) return networks.status();
  return Size{static_cast<size_t>((**attempts)[0]),
              static_cast<size_t>((**networks)[0])};
}

}  // namespace postern::policy
