// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/user_table.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "auth/digest.h"
#include "engine/grammar/base64.h"
#include "files/cdb_writer.h"

namespace postern::auth {
namespace {

constexpr size_t kSecretSize = 32;
constexpr mode_t kMode = 0600;
constexpr char kSuffix[] = ".cdb";
constexpr char kTextDigest[] = "#text";

// The head of a table. Its text has these fields, separated by blanks.
struct Head {
  std::string secret;
  int iterations = 0;  // of most users that have SCRAM keys
  bool all_scram = true;
  Verifier stand_in;
};

std::string PrintHead(const Head& head) {
  return absl::StrCat(EncodeBase64(head.secret), " ", head.iterations, " ",
                      head.all_scram ? "scram" : "mixed", " ",
                      head.stand_in.text());
}

std::optional<Head> ParseHead(absl::string_view text) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  int iterations = 0;
  if (words.size() != 4 || !absl::SimpleAtoi(words[1], &iterations) ||
      iterations < Verifier::kMinIterations ||
      iterations > Verifier::kMaxIterations ||
      (words[2] != "scram" && words[2] != "mixed")) {
    return std::nullopt;
  }
  std::optional<std::string> secret = DecodeBase64(words[0]);
  absl::StatusOr<Verifier> stand_in = Verifier::Parse(words[3]);
  if (!secret || secret->size() != kSecretSize || !stand_in.ok()) {
    return std::nullopt;
  }
  return Head{.secret = *std::move(secret),
              .iterations = iterations,
              .all_scram = words[2] == "scram",
              .stand_in = *std::move(stand_in)};
}

// Returns the verifier of the first user whose cost() is the most frequent one.
// If `scram`, only verifiers with SCRAM keys count. Returns null if there is
// none.
const Verifier* MostOf(const std::vector<const UserFile::User*>& users,
                       bool scram) {
  absl::flat_hash_map<std::string, size_t> counts;
  size_t most = 0;
  for (const UserFile::User* user : users) {
    if (scram && user->verifier.scram() == nullptr) continue;
    most = std::max(most, ++counts[user->verifier.cost()]);
  }
  for (const UserFile::User* user : users) {
    const auto count = counts.find(user->verifier.cost());
    if (count != counts.end() && count->second == most) return &user->verifier;
  }
  return nullptr;
}

Head HeadOf(const UserFile& file, std::string secret) {
  const std::vector<const UserFile::User*> users = file.users();
  const Verifier nobody(ScramKeys{.iterations = Verifier::kIterations,
                                  .salt = RandomBytes(Verifier::kSaltSize),
                                  .stored_key = RandomBytes(kSha256Size),
                                  .server_key = RandomBytes(kSha256Size)});
  const Verifier* const most = MostOf(users, /*scram=*/false);
  const Verifier* const scram = MostOf(users, /*scram=*/true);
  Head head = {
      .secret = std::move(secret),
      .iterations = (scram != nullptr ? *scram : nobody).scram()->iterations,
      .stand_in = (most != nullptr ? *most : nobody).StandIn()};
  for (const UserFile::User* user : users) {
    head.all_scram = head.all_scram && user->verifier.scram() != nullptr;
  }
  return head;
}

}  // namespace

std::string UserTablePath(absl::string_view path) {
  return absl::EndsWith(path, kSuffix) ? std::string(path)
                                       : absl::StrCat(path, kSuffix);
}

absl::StatusOr<files::Replacement> CompileUsers(const UserFile& users,
                                                absl::string_view path) {
  const std::string table_path = UserTablePath(path);
  const absl::StatusOr<UserTable> old = UserTable::Open(table_path);
  if (!old.ok() && !absl::IsNotFound(old.status()) &&
      !absl::IsDataLoss(old.status())) {
    return old.status();
  }
  const Head head =
      HeadOf(users, old.ok() ? old->secret_ : RandomBytes(kSecretSize));
  std::vector<files::CdbRecord> records = {
      {"", PrintHead(head)}, {kTextDigest, Sha256(users.Print())}};
  for (const UserFile::User* user : users.users()) {
    records.emplace_back(user->name, user->verifier.text());
  }
  absl::StatusOr<files::Replacement> file =
      files::Replacement::Begin(table_path, kMode, path);
  if (!file.ok()) return file.status();
  const absl::Status written = files::WriteCdb(records, &*file);
  if (!written.ok()) {
    return absl::Status(written.code(),
                        absl::StrCat(table_path, ": ", written.message()));
  }
  return file;
}

absl::StatusOr<UserTable> UserTable::Open(absl::string_view path) {
  absl::StatusOr<files::Cdb> cdb = files::Cdb::Open(path);
  if (!cdb.ok()) return cdb.status();
  // The current mode at the path. A race does not matter: a user that opens the
  // file to others can do that at any time.
  struct stat facts = {};
  if (stat(cdb->path().c_str(), &facts) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  const absl::Status checked = CheckPrivate(path, facts);
  if (!checked.ok()) return checked;
  const absl::StatusOr<std::optional<std::string>> text = cdb->Find("");
  if (!text.ok()) return text.status();
  std::optional<Head> head;
  if (*text) head = ParseHead(**text);
  if (!head) {
    return absl::DataLossError(absl::StrCat(
        path,
        ": not a table of users: make one with \"postern users compile\""));
  }
  UserTable table(*std::move(cdb), std::move(head->stand_in));
  table.secret_ = std::move(head->secret);
  table.iterations_ = head->iterations;
  table.all_scram_ = head->all_scram;
  return table;
}

absl::StatusOr<std::optional<Verifier>> UserTable::Find(
    absl::string_view name) const {
  // Keys of special records, which are not valid names (CheckUserName()).
  if (name.empty() || name[0] == '#') return std::nullopt;
  const absl::StatusOr<std::optional<std::string>> text = cdb_.Find(name);
  if (!text.ok()) return text.status();
  if (!*text) return std::nullopt;
  absl::StatusOr<Verifier> verifier = Verifier::Parse(**text);
  if (!verifier.ok()) {
    return absl::DataLossError(absl::StrCat(cdb_.path(), ": user ", name, ": ",
                                            verifier.status().message()));
  }
  return *std::move(verifier);
}

absl::StatusOr<std::string> UserTable::TextDigest() const {
  absl::StatusOr<std::optional<std::string>> text = cdb_.Find(kTextDigest);
  if (!text.ok()) return text.status();
  return (*std::move(text)).value_or("");
}

ScramKeys UserTable::MakeUpKeys(absl::string_view name) const {
  const auto derive = [&](absl::string_view what) {
    return HmacSha256(secret_, absl::StrCat(what, ":", name));
  };
  return {.iterations = iterations_,
          .salt = derive("salt").substr(0, Verifier::kSaltSize),
          .stored_key = derive("stored"),
          .server_key = derive("server")};
}

}  // namespace postern::auth
