// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/shared_rates.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "policy/shared/shared_key.h"

namespace postern::policy {
namespace {

// For each key, ARGV has what is taken, the limit, and the microseconds of a
// slot. Returns {0, SLOT...} if all is taken, and otherwise {KEY, FIRST}: the
// number of the key that has less left, and 1 if it is its first refusal. An
// entry of a much later slot shows that the clock has gone back, and does not
// count.
constexpr char kTake[] = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer = {0}
for i, key in ipairs(KEYS) do
  local width = tonumber(ARGV[3 * i])
  local slot = math.floor(now / width)
  local sum = tonumber(ARGV[3 * i - 2])
  local refused = nil
  local fields = redis.call('HGETALL', key)
  for j = 1, #fields, 2 do
    if fields[j] == 'refused' then
      refused = tonumber(fields[j + 1])
    else
      local age = slot - tonumber(fields[j])
      if age > 12 or age < -1 then
        redis.call('HDEL', key, fields[j])
      else
        sum = sum + tonumber(fields[j + 1])
      end
    end
  end
  if sum > tonumber(ARGV[3 * i - 1]) then
    local first = not refused or slot - refused > 12 or refused > slot
    if first then
      redis.call('HSET', key, 'refused', string.format('%.0f', slot))
      redis.call('PEXPIRE', key, math.ceil(width * 14 / 1000))
    end
    return {i, first and 1 or 0}
  end
  answer[i + 1] = slot
end
for i, key in ipairs(KEYS) do
  redis.call('HINCRBY', key, string.format('%.0f', answer[i + 1]),
             ARGV[3 * i - 2])
  redis.call('PEXPIRE', key, math.ceil(tonumber(ARGV[3 * i]) * 14 / 1000))
end
return answer
)";

// For each key, ARGV has a slot, and what is returned to it.
constexpr char kGiveBack[] = R"(
for i, key in ipairs(KEYS) do
  local count = redis.call('HGET', key, ARGV[2 * i - 1])
  local back = math.min(tonumber(count or 0), tonumber(ARGV[2 * i]))
  if back > 0 then
    redis.call('HINCRBY', key, ARGV[2 * i - 1], string.format('%.0f', -back))
  end
end
return {}
)";

// The slots of a limit's time, as in RateLimits.
constexpr int64_t kParts = 12;

}  // namespace

class SharedRates::Claim : public RateClaim {
 public:
  Claim(SharedRates* rates, std::unique_ptr<RateClaim> local,
        std::vector<std::optional<std::string>> subjects)
      : rates_(*rates),
        local_(std::move(local)),
        subjects_(std::move(subjects)) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() override { Return(std::move(taken_)); }

  std::optional<Answer> Take(absl::Span<const Amount> amounts, int64_t now,
                             Later later) override {
    std::optional<Answer> local = local_->Take(amounts, now, later);
    if (!local || local->refusal || !rates_.store_.works()) return local;
    SharedQuestion question = {.script = kTake};
    std::vector<Taken> parts;
    for (const Amount& amount : amounts) {
      // The script does not look at what is taken by itself.
      if (amount.n == 0) continue;
      for (size_t i = 0; i < subjects_.size(); ++i) {
        const RateLimit& limit = rates_.local_.limits()[i];
        if (limit.what != amount.what || !subjects_[i] ||
            rates_.keys_[i].empty()) {
          continue;
        }
        Taken part = {i,
                      absl::StrCat(rates_.keys_[i], SharedKey(*subjects_[i])),
                      0, amount.n};
        question.keys.push_back(part.key);
        const int64_t width =
            (absl::ToInt64Microseconds(limit.time) + kParts - 1) / kParts;
        for (const uint64_t number :
             {amount.n, limit.most, static_cast<uint64_t>(width)}) {
          question.arguments.push_back(absl::StrCat(number));
        }
        parts.push_back(std::move(part));
      }
    }
    if (parts.empty()) return local;
    rates_.store_.Ask(
        std::move(question),
        // The result of `later` keeps this object alive.
        [this, parts = std::move(parts),
         asked = std::vector<Amount>(amounts.begin(), amounts.end()),
         done = later()](absl::StatusOr<SharedStore::Numbers> numbers) mutable {
          const Answer answer = Read(std::move(parts), numbers);
          if (answer.refusal) {
            for (const Amount& each : asked) {
              local_->GiveBack(each.what, each.n);
            }
          }
          std::move(done)(answer);
        });
    return std::nullopt;
  }

  void GiveBack(RateLimit::What what, uint64_t n) override {
    local_->GiveBack(what, n);
    std::vector<Taken> returned;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (size_t i = 0; i < subjects_.size(); ++i) {
        if (rates_.local_.limits()[i].what != what) continue;
        uint64_t left = n;
        for (auto it = taken_.rbegin(); it != taken_.rend() && left > 0; ++it) {
          if (it->limit != i) continue;
          Taken part = *it;
          part.n = std::min(left, it->n);
          it->n -= part.n;
          left -= part.n;
          if (part.n > 0) returned.push_back(std::move(part));
        }
      }
    }
    Return(std::move(returned));
  }

  void Keep() override {
    local_->Keep();
    const std::lock_guard<std::mutex> lock(mutex_);
    taken_.clear();
  }

 private:
  struct Taken {
    size_t limit = 0;
    std::string key;
    int64_t slot = 0;
    uint64_t n = 0;
  };

  // Returns what the store's answer means. Without one, the local limits have
  // decided already.
  Answer Read(std::vector<Taken> parts,
              const absl::StatusOr<SharedStore::Numbers>& numbers) {
    if (!numbers.ok() || numbers->empty()) return {};
    const int64_t refused = (*numbers)[0];
    if (refused > 0 && static_cast<size_t>(refused) <= parts.size()) {
      const Taken& part = parts[static_cast<size_t>(refused) - 1];
      return {Refusal{&rates_.local_.limits()[part.limit],
                      numbers->size() > 1 && (*numbers)[1] == 1}};
    }
    if (numbers->size() != parts.size() + 1) return {};
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i].slot = (*numbers)[i + 1];
      taken_.push_back(std::move(parts[i]));
    }
    return {};
  }

  void Return(std::vector<Taken> parts) {
    SharedQuestion question = {.script = kGiveBack};
    for (Taken& part : parts) {
      if (part.n == 0) continue;
      question.keys.push_back(std::move(part.key));
      question.arguments.push_back(absl::StrCat(part.slot));
      question.arguments.push_back(absl::StrCat(part.n));
    }
    if (question.keys.empty() || !rates_.store_.works()) return;
    rates_.store_.Ask(std::move(question), [](const auto&) {});
  }

  SharedRates& rates_;
  const std::unique_ptr<RateClaim> local_;
  const std::vector<std::optional<std::string>> subjects_;
  std::mutex mutex_;
  std::vector<Taken> taken_;  // in the store; guarded by mutex_
};

SharedRates::SharedRates(RateLimits* local, SharedStore* store)
    : local_(*local), store_(*store) {
  const std::vector<RateLimit>& limits = local->limits();
  for (size_t i = 0; i < limits.size(); ++i) {
    const RateLimit& limit = limits[i];
    bool decides = true;
    for (size_t j = 0; j < limits.size(); ++j) {
      const RateLimit& other = limits[j];
      if (other.who == limit.who && other.what == limit.what &&
          other.time == limit.time) {
        decides = decides && (limit.most < other.most ||
                              (limit.most == other.most && i <= j));
      }
    }
    keys_.push_back(decides
                        ? absl::StrCat("rate:", RateWhoName(limit.who), ":",
                                       RateWhatName(limit.what), ":",
                                       absl::ToInt64Seconds(limit.time), ":")
                        : "");
  }
}

std::unique_ptr<RateClaim> SharedRates::Begin(const RateSubject& subject) {
  return std::make_unique<Claim>(this, local_.Begin(subject),
                                 local_.Subjects(subject));
}

}  // namespace postern::policy
