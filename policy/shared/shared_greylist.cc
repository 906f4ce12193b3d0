// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/shared_greylist.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "policy/shared/shared_key.h"

namespace postern::policy {
namespace {

// KEYS: the network, and the set of all networks. ARGV: "read", "attempt" or
// "pass"; the attempt; and the options, times in seconds. Returns the seconds
// to wait. "pass" records that the attempt passes, whatever is known about it.
constexpr char kAttempt[] = R"(
local now = tonumber(redis.call('TIME')[1])
local network, all = KEYS[1], KEYS[2]
local what, attempt = ARGV[1], ARGV[2]
local delay, window, lifetime, enough, most_attempts, most_networks =
  unpack(ARGV, 3)
delay, window, lifetime = tonumber(delay), tonumber(window), tonumber(lifetime)
local hour = 3600
local writes = what ~= 'read'

local known = redis.call('HMGET', network, 'successes', 'last', attempt)
local successes = tonumber(known[1] or 0)
local last = tonumber(known[2] or 0)

local function changed()
  local keep = window
  if successes > 0 then keep = math.max(window, lifetime) end
  redis.call('EXPIRE', network, keep)
  redis.call('ZADD', all, now, network)
  redis.call('EXPIRE', all, math.max(window, lifetime))
end
local function set_network(count)
  successes, last = count, now
  redis.call('HSET', network, 'successes', successes, 'last', last)
end

if successes >= tonumber(enough) and now - last <= lifetime then
  if writes and (now - last >= hour or last > now) then
    set_network(successes)
    changed()
  end
  return {0}
end

local first, passed = nil, 0
if known[3] then
  first, passed = string.match(known[3], '^(%d+):(%d+)$')
  first, passed = tonumber(first), tonumber(passed)
end
local valid = first and passed > 0 and now - passed <= lifetime
local age = first and now - first or -1
if valid or what == 'pass' or
   (first and passed == 0 and age >= delay and age <= window) then
  if not writes then return {0} end
  local changes = false
  if not valid or now - passed >= hour or passed > now then
    redis.call('HSET', network, attempt, (first or now) .. ':' .. now)
    changes = true
  end
  if successes == 0 or now - last > lifetime then
    set_network(1)
    changes = true
  elseif now - last >= hour then
    set_network(successes + 1)
    changes = true
  elseif last > now then
    set_network(successes)
    changes = true
  end
  if changes then changed() end
  return {0}
end
if first and passed == 0 and age >= 0 and age < delay then
  return {delay - age}
end
if not writes then return {delay} end

-- A new attempt, or one that begins again.
if not first and redis.call('HLEN', network) >= tonumber(most_attempts) + 2 then
  -- Removes a tenth of the attempts, the oldest ones, and not one at a time:
  -- each time all have to be read.
  local fields = redis.call('HGETALL', network)
  local ages = {}
  for i = 1, #fields, 2 do
    local from, to = string.match(fields[i + 1], '^(%d+):(%d+)$')
    if from then
      ages[#ages + 1] = {math.max(tonumber(from), tonumber(to)), fields[i]}
    end
  end
  table.sort(ages, function(a, b) return a[1] < b[1] end)
  for i = 1, math.ceil(#ages / 10) do
    redis.call('HDEL', network, ages[i][2])
  end
end
if not redis.call('ZSCORE', all, network) then
  -- A limit that is lower than before, or a long time without attempts, may
  -- leave many networks to remove. All clients of the store wait for a script.
  local most = 100
  local over = redis.call('ZRANGEBYSCORE', all, '-inf',
                          now - math.max(window, lifetime), 'LIMIT', 0, most)
  if #over > 0 then redis.call('ZREM', all, unpack(over)) end
  local above = redis.call('ZCARD', all) - tonumber(most_networks) + 1
  for i = 1, math.min(above, most) do
    redis.call('DEL', redis.call('ZPOPMIN', all)[1])
  end
end
redis.call('HSET', network, attempt, now .. ':0')
changed()
return {delay}
)";

std::string Seconds(absl::Duration time) {
  return absl::StrCat(absl::ToInt64Seconds(time));
}

// Where a thread waits for an answer.
struct Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<absl::StatusOr<SharedStore::Numbers>> numbers;
};

}  // namespace

SharedGreylist::SharedGreylist(GreylistOptions options, GreylistTable* local,
                               SharedStore* store, Access access)
    : options_(std::move(options)),
      local_(*local),
      store_(*store),
      access_(access) {}

SharedQuestion SharedGreylist::Question(absl::string_view what,
                                        const GreylistKey& key) const {
  return {
      .script = kAttempt,
      .keys = {absl::StrCat("grey:", key.network), "grey"},
      .arguments = {
          std::string(what),
          absl::StrCat(SharedKey(key.sender), ":", SharedKey(key.recipient)),
          Seconds(options_.delay), Seconds(options_.window),
          Seconds(options_.lifetime), absl::StrCat(options_.successes),
          absl::StrCat(options_.max_of_network()),
          absl::StrCat(options_.max_entries)}};
}

void SharedGreylist::Ask(const GreylistKey& key, SharedStore::Done done) {
  const bool writes = access_ == Access::kReadWrite;
  store_.Ask(Question(writes ? "attempt" : "read", key), std::move(done));
}

absl::StatusOr<absl::Duration> SharedGreylist::Attempt(const GreylistKey& key) {
  if (!store_.works()) return local_.Attempt(key);
  const auto waiting = std::make_shared<Waiting>();
  Ask(key, [waiting](absl::StatusOr<SharedStore::Numbers> numbers) {
    const std::lock_guard<std::mutex> lock(waiting->mutex);
    waiting->numbers = std::move(numbers);
    waiting->changed.notify_all();
  });
  std::unique_lock<std::mutex> lock(waiting->mutex);
  waiting->changed.wait(lock, [&] { return waiting->numbers.has_value(); });
  return Decide(key, *waiting->numbers);
}

void SharedGreylist::AttemptLater(const GreylistKey& key,
                                  const system::Run& run, Done done) {
  if (!store_.works()) return local_.AttemptLater(key, run, std::move(done));
  Ask(key, [this, key, run, done = std::move(done)](
               absl::StatusOr<SharedStore::Numbers> numbers) mutable {
    // The local table may block, and the store's thread must not.
    run([this, key, numbers = std::move(numbers),
         done = std::move(done)]() mutable {
      std::move(done)(Decide(key, numbers));
    });
  });
}

absl::StatusOr<absl::Duration> SharedGreylist::Decide(
    const GreylistKey& key,
    const absl::StatusOr<SharedStore::Numbers>& numbers) {
  const bool writes = access_ == Access::kReadWrite;
  if (!numbers.ok() || numbers->size() != 1) return local_.Attempt(key);
  if ((*numbers)[0] <= 0) {
    // The local table is for an outage of the store. Its own outage is reported
    // when it has to decide.
    if (writes) (void)local_.Pass(key);
    return absl::ZeroDuration();
  }
  const absl::StatusOr<absl::Duration> wait = local_.Attempt(key);
  if (wait.ok() && *wait == absl::ZeroDuration()) {
    if (writes) store_.Ask(Question("pass", key), [](const auto&) {});
    return absl::ZeroDuration();
  }
  return absl::Seconds((*numbers)[0]);
}

}  // namespace postern::policy
