// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/list_checks.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/domain.h"
#include "engine/grammar/path.h"
#include "engine/verdict.h"
#include "policy/control/bad_list.h"
#include "policy/control/pattern_list.h"

namespace postern::policy {
namespace {

class BadHelo : public Check {
 public:
  explicit BadHelo(const CheckSetup& setup) : controls_(setup.controls) {}

  Opinion Decide(Question* question) const override {
    const SessionInfo& session = question->session();
    const std::string& name = session.hello_name;
    if (name.empty() || FindVariable(session, "NOBADHELO") != nullptr) {
      return NoOpinion{};
    }
    std::optional<std::string> entry = controls_->badhelo.Find(name);
    if (!entry && !MayRelay(session)) {
      entry = controls_->badhelonorelay.Find(name);
    }
    if (!entry) return NoOpinion{};
    return Verdict::Refuse(
               {553,
                {5, 7, 1},
                "sorry, your HELO host name has been denied (#5.7.1)"})
        .From(*std::move(entry));
  }

 private:
  const std::shared_ptr<const Controls> controls_;
};

class BadRcptTo : public Check {
 public:
  explicit BadRcptTo(const CheckSetup& setup) : controls_(setup.controls) {}

  Opinion Decide(Question* question) const override {
    std::optional<std::string> entry = controls_->badrcptto.Find(
        question->to(), MayRelay(question->session()));
    if (!entry) return NoOpinion{};
    return Verdict::Refuse(
               {553,
                {5, 7, 1},
                "sorry, your envelope recipient has been denied (#5.7.1)"})
        .From(*std::move(entry));
  }

 private:
  const std::shared_ptr<const Controls> controls_;
};

class ValidRcptTo : public BlockingCheck {
 public:
  ValidRcptTo(const CheckSetup& setup, std::optional<files::Cdb> database)
      : BlockingCheck(setup.run), database_(std::move(database)) {}

 protected:
  bool Waits(const Question& question) const override {
    const SessionInfo& session = question.session();
    if (MayRelay(session)) return false;
    const std::string* const path = FindVariable(session, "VALIDRCPTTO_CDB");
    return path == nullptr ? database_.has_value() : !path->empty();
  }

  Opinion Look(Question* question) const override {
    if (!Waits(*question)) return NoOpinion{};
    const std::string* const path =
        FindVariable(question->session(), "VALIDRCPTTO_CDB");
    if (path == nullptr) return LookIn(*database_, question->to());
    if (!absl::StartsWith(*path, "/")) {
      return Outage(absl::InvalidArgumentError(
          absl::StrCat("VALIDRCPTTO_CDB is not an absolute path: ", *path)));
    }
    const absl::StatusOr<files::Cdb> database = files::Cdb::Open(*path);
    if (!database.ok()) return Outage(database.status());
    return LookIn(*database, question->to());
  }

 private:
  static Opinion LookIn(const files::Cdb& database, const Path& recipient) {
    // RFC 5321 4.5.1: postmaster of each domain is valid.
    if (absl::EqualsIgnoreCase(recipient.local_part, "postmaster")) {
      return NoOpinion{};
    }
    const absl::StatusOr<bool> valid = IsValidRecipient(database, recipient);
    if (!valid.ok()) return Outage(valid.status());
    if (*valid) return NoOpinion{};
    return Verdict::Refuse({553,
                            {5, 7, 1},
                            "sorry, this recipient is not in my validrcptto "
                            "list (#5.7.1)"})
        .From(database.path());
  }

  const std::optional<files::Cdb> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Check>> MakeBadHelo(
    const CheckSetup& setup) {
  if (setup.controls->badhelo.empty() &&
      setup.controls->badhelonorelay.empty()) {
    return nullptr;
  }
  return std::make_unique<BadHelo>(setup);
}

absl::StatusOr<std::unique_ptr<const Check>> MakeBadRcptTo(
    const CheckSetup& setup) {
  if (setup.controls->badrcptto.empty()) return nullptr;
  return std::make_unique<BadRcptTo>(setup);
}

absl::StatusOr<std::unique_ptr<const Check>> MakeValidRcptTo(
    const CheckSetup& setup) {
  const std::string path = setup.Option("validrcptto");
  std::optional<files::Cdb> database;
  if (!path.empty()) {
    absl::StatusOr<files::Cdb> opened = files::Cdb::Open(path);
    if (!opened.ok()) {
      return absl::Status(
          opened.status().code(),
          absl::StrCat("--validrcptto: ", opened.status().message()));
    }
    database.emplace(*std::move(opened));
  }
  return std::make_unique<ValidRcptTo>(setup, std::move(database));
}

absl::StatusOr<bool> IsValidRecipient(const files::Cdb& database,
                                      const Path& recipient) {
  const std::string address = AsciiAddress(recipient.Address());
  const auto find = [&database](absl::string_view key) {
    return database.Find(key);
  };
  absl::StatusOr<std::optional<std::string>> data = find(address);
  const size_t at = address.rfind('@');
  if (data.ok() && !*data && at != std::string::npos) {
    const absl::string_view domain = absl::string_view(address).substr(at);
    absl::string_view user = absl::string_view(address).substr(0, at);
    for (size_t dash = user.rfind('-');
         data.ok() && !*data && dash != absl::string_view::npos;
         dash = user.rfind('-')) {
      data = find(absl::StrCat(user.substr(0, dash + 1), "default", domain));
      user = user.substr(0, dash);
    }
    if (data.ok() && !*data) data = find(domain);
  }
  if (!data.ok()) return data.status();
  return data->has_value() && !absl::StartsWith(**data, "-");
}

}  // namespace postern::policy
