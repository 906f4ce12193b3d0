// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/limits/rate_limits.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <limits>
#include <mutex>
#include <numeric>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/grammar/decimal.h"
#include "engine/grammar/domain.h"
#include "policy/limits/client_network.h"
#include "policy/limits/limited_table.h"

namespace postern::policy {
namespace {

constexpr absl::string_view kWho[] = {"client", "user", "sender",
                                      "sender-domain"};
constexpr absl::string_view kWhat[] = {"messages", "recipients", "bytes"};
constexpr absl::string_view kWhatOfOne[] = {"message", "recipient", "byte"};

struct Unit {
  char letter;
  uint64_t factor;
  absl::string_view name;
};
constexpr Unit kTimes[] = {{'d', 24 * 60 * 60, "day"},
                           {'h', 60 * 60, "hour"},
                           {'m', 60, "minute"},
                           {'s', 1, "second"}};
constexpr Unit kSizes[] = {
    {'G', 1 << 30, ""}, {'M', 1 << 20, ""}, {'k', 1 << 10, ""}};
constexpr uint64_t kMaxTime = 31 * 24 * 60 * 60;
constexpr uint64_t kMaxMost = uint64_t{1} << 50;

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// Removes the unit at the end of `text` and returns its factor. Returns 0 if
// there is none.
template <size_t n>
uint64_t TakeUnit(const Unit (&units)[n], absl::string_view* text) {
  for (const Unit& unit : units) {
    if (absl::ConsumeSuffix(text, absl::string_view(&unit.letter, 1))) {
      return unit.factor;
    }
  }
  return 0;
}

template <typename E, size_t n>
std::optional<E> Named(const absl::string_view (&names)[n],
                       absl::string_view name) {
  const auto it = std::find(std::begin(names), std::end(names), name);
  if (it == std::end(names)) return std::nullopt;
  return static_cast<E>(it - std::begin(names));
}

}  // namespace

absl::string_view RateWhoName(RateLimit::Who who) {
  return kWho[static_cast<size_t>(who)];
}

absl::string_view RateWhatName(RateLimit::What what) {
  return kWhat[static_cast<size_t>(what)];
}

absl::StatusOr<RateLimit> RateLimit::Parse(absl::string_view text) {
  RateLimit limit;
  const size_t colon = text.find(':');
  const size_t equals = text.find('=');
  const size_t slash = text.find('/');
  if (colon == text.npos || equals == text.npos || slash == text.npos ||
      equals < colon || slash < equals) {
    return Wrong("not WHO:WHAT=N/TIME, as in user:recipients=200/1h");
  }
  const absl::string_view who = text.substr(0, colon);
  const absl::string_view what = text.substr(colon + 1, equals - colon - 1);
  absl::string_view most = text.substr(equals + 1, slash - equals - 1);
  absl::string_view time = text.substr(slash + 1);

  const auto found_who = Named<Who>(kWho, who);
  if (!found_who) {
    return Wrong(absl::StrCat("client, user, sender or sender-domain, not \"",
                              who, "\""));
  }
  limit.who = *found_who;
  const auto found_what = Named<What>(kWhat, what);
  if (!found_what) {
    return Wrong(
        absl::StrCat("messages, recipients or bytes, not \"", what, "\""));
  }
  limit.what = *found_what;

  uint64_t factor = 0;
  if (limit.what == What::kBytes) factor = TakeUnit(kSizes, &most);
  if (factor == 0) factor = 1;
  const auto number = ParseDecimal(most, /*max_digits=*/15);
  if (!number || *number == 0 || *number > kMaxMost / factor) {
    return Wrong(absl::StrCat("not a number above 0: \"",
                              text.substr(equals + 1, slash - equals - 1),
                              "\""));
  }
  limit.most = *number * factor;

  const uint64_t unit = TakeUnit(kTimes, &time);
  const auto times =
      time.empty() ? std::optional<uint64_t>(1) : ParseDecimal(time, 7);
  if (unit == 0 || !times || *times == 0 || *times > kMaxTime / unit) {
    return Wrong(
        absl::StrCat("not a time of at most 31 days, such as 1h or 30m: \"",
                     text.substr(slash + 1), "\""));
  }
  limit.time = absl::Seconds(*times * unit);
  return limit;
}

std::string RateLimit::Amount() const {
  uint64_t number = static_cast<uint64_t>(absl::ToInt64Seconds(time));
  absl::string_view unit = "second";
  for (const Unit& each : kTimes) {
    if (number % each.factor != 0) continue;
    number /= each.factor;
    unit = each.name;
    break;
  }
  const auto index = static_cast<size_t>(what);
  return absl::StrCat(most, " ", most == 1 ? kWhatOfOne[index] : kWhat[index],
                      " in ", number, " ", unit, number == 1 ? "" : "s");
}

// The counts of one limit.
class RateLimits::Table {
 public:
  Table(const RateLimit& limit, size_t remembered)
      : limit(limit),
        // Rounded up: the slots must cover the time.
        width_((absl::ToInt64Nanoseconds(limit.time) + kParts - 1) / kParts),
        remembered_(remembered) {}

  struct Answer {
    bool taken = false;
    bool first = false;  // the first refusal; see Refusal
    int64_t slot = 0;    // in which it was taken
  };

  Answer Take(uint64_t subject, uint64_t n, int64_t now) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const int64_t slot = now / width_;
    Window* window = windows_.Find(subject);
    if (window == nullptr) {
      window = &windows_.Add(subject, Window(slot), remembered_,
                             [slot](const Window& window, bool too_many) {
                               return too_many || window.Idle(slot);
                             });
    }
    window->MoveTo(slot);
    // Counts by the window's slot: another thread may have a later time.
    Answer answer{.slot = window->newest};
    if (n > limit.most || window->Sum() > limit.most - n) {
      answer.first = slot - window->refused > kParts;
      if (answer.first) window->refused = window->newest;
      return answer;
    }
    answer.taken = true;
    window->At(window->newest) += n;
    return answer;
  }

  void GiveBack(uint64_t subject, uint64_t n, int64_t slot) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Window* const window = windows_.Find(subject);
    // Removed, or no longer in the window.
    if (window == nullptr || window->newest - slot > kParts) return;
    uint64_t& count = window->At(slot);
    // The window may have been removed and begun again.
    count -= std::min(count, n);
  }

  size_t size() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return windows_.size();
  }

  const RateLimit& limit;

 private:
  // The time of the limit is so many slots. One more slot is counted, of which
  // the time has a part.
  static constexpr int64_t kParts = 12;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min() / 2;

  struct Window {
    explicit Window(int64_t slot) : newest(slot) {}

    uint64_t& At(int64_t slot) {
      return counts[static_cast<size_t>(slot % (kParts + 1))];
    }
    uint64_t Sum() const {
      return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
    }
    // A time that is older than the newest one has no effect.
    void MoveTo(int64_t slot) {
      if (slot - newest > kParts) {
        counts.fill(0);
        newest = slot;
      }
      while (newest < slot) At(++newest) = 0;
    }
    bool Idle(int64_t slot) const {
      return slot - newest > kParts && slot - refused > kParts;
    }

    int64_t newest;
    int64_t refused = kNever;  // the slot of the first refusal
    std::array<uint64_t, kParts + 1> counts = {};
  };

  const int64_t width_;  // of a slot, in nanoseconds
  const size_t remembered_;
  mutable std::mutex mutex_;
  LimitedTable<uint64_t, Window> windows_;  // guarded by mutex_
};

// Has a mutex, because answers about recipients come on any thread.
class RateLimits::Claim : public RateClaim {
 public:
  struct Part {  // of a limit that applies to the subject
    Table* table;
    uint64_t subject;
  };

  explicit Claim(std::vector<Part> parts) : parts_(std::move(parts)) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() override { Return(0); }

  std::optional<Answer> Take(absl::Span<const Amount> amounts, int64_t now,
                             Later) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const size_t before = taken_.size();
    for (const Amount& amount : amounts) {
      for (const Part& part : parts_) {
        if (part.table->limit.what != amount.what) continue;
        const Table::Answer answer =
            part.table->Take(part.subject, amount.n, now);
        if (!answer.taken) {
          Return(before);
          return Answer{Refusal{&part.table->limit, answer.first}};
        }
        taken_.push_back({part.table, part.subject, answer.slot, amount.n});
      }
    }
    return Answer{};
  }

  void GiveBack(RateLimit::What what, uint64_t n) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const Part& part : parts_) {
      if (part.table->limit.what != what) continue;
      uint64_t left = n;
      for (auto it = taken_.rbegin(); it != taken_.rend() && left > 0; ++it) {
        if (it->table != part.table) continue;
        const uint64_t returned = std::min(left, it->n);
        it->table->GiveBack(it->subject, returned, it->slot);
        it->n -= returned;
        left -= returned;
      }
    }
    while (!taken_.empty() && taken_.back().n == 0) taken_.pop_back();
  }

  void Keep() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    taken_.clear();
  }

 private:
  struct Taken {
    Table* table;
    uint64_t subject;
    int64_t slot;
    uint64_t n;
  };

  // Returns all but the first `kept` of what was taken.
  void Return(size_t kept) {
    for (; taken_.size() > kept; taken_.pop_back()) {
      const Taken& last = taken_.back();
      last.table->GiveBack(last.subject, last.n, last.slot);
    }
  }

  const std::vector<Part> parts_;
  std::mutex mutex_;
  std::vector<Taken> taken_;  // guarded by mutex_
};

RateLimits::RateLimits(std::vector<RateLimit> limits, net::NetworkList exempt,
                       size_t remembered)
    : limits_(std::move(limits)), exempt_(std::move(exempt)) {
  for (const RateLimit& limit : limits_) {
    tables_.push_back(std::make_unique<Table>(limit, remembered));
  }
}

RateLimits::~RateLimits() = default;

std::vector<std::optional<std::string>> RateLimits::Subjects(
    const RateSubject& subject) const {
  const bool exempt = subject.exempt || exempt_.Contains(subject.address);
  // A stranger's sender counts for each client.
  const std::string origin =
      subject.may_relay ? ""
                        : absl::StrCat(ClientNetworkText(subject.address), " ");
  std::vector<std::optional<std::string>> texts(limits_.size());
  for (size_t i = 0; i < limits_.size(); ++i) {
    switch (limits_[i].who) {
      case RateLimit::Who::kClient:
        if (!exempt && subject.address) {
          texts[i] = ClientNetworkText(subject.address);
        }
        break;
      case RateLimit::Who::kUser:
        if (!subject.user.empty()) texts[i] = subject.user;
        break;
      case RateLimit::Who::kSender:
        if (!exempt && !subject.sender.null()) {
          texts[i] = absl::StrCat(
              origin, absl::AsciiStrToLower(subject.sender.local_part), "@",
              AsciiDomain(subject.sender.domain));
        }
        break;
      case RateLimit::Who::kSenderDomain:
        if (!exempt && !subject.sender.domain.empty()) {
          texts[i] = absl::StrCat(origin, AsciiDomain(subject.sender.domain));
        }
        break;
    }
  }
  return texts;
}

std::unique_ptr<RateClaim> RateLimits::Begin(const RateSubject& subject) {
  std::vector<Claim::Part> parts;
  const auto texts = Subjects(subject);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i]) parts.push_back({tables_[i].get(), absl::HashOf(*texts[i])});
  }
  return std::make_unique<Claim>(std::move(parts));
}

size_t RateLimits::size() const {
  size_t sum = 0;
  for (const auto& table : tables_) sum += table->size();
  return sum;
}

}  // namespace postern::policy
