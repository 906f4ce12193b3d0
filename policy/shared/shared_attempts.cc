// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/shared_attempts.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "policy/limits/client_network.h"
#include "policy/shared/shared_key.h"

namespace postern::policy {
namespace {

// KEYS are the buckets of the client and of its user. ARGV: what has happened,
// and for each bucket its limit (0: none) and the microseconds in which it gets
// a token. Returns {1} if the attempt may continue, and otherwise {0}. A bucket
// is overdrawn by one limit at most, whatever the clock does.
constexpr char kAttempt[] = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function bucket(i)
  local limit, cost = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local full = tonumber(redis.call('GET', KEYS[i]) or 0)
  full = math.min(math.max(full, now), now + 2 * cost * limit)
  return limit, cost, full
end
local function has(i)
  local limit, cost, full = bucket(i)
  return limit == 0 or full - now + cost <= cost * limit
end
local function add(i, tokens)
  local limit, cost, full = bucket(i)
  if limit == 0 then return end
  full = math.min(full + tokens * cost, now + 2 * cost * limit)
  if full <= now then
    redis.call('DEL', KEYS[i])
  else
    redis.call('SET', KEYS[i], string.format('%.0f', full), 'PX',
               math.ceil((full - now) / 1000))
  end
end
if ARGV[1] == 'begin' then
  if not has(1) then return {0} end
  add(1, 1)
elseif ARGV[1] == 'failed' then
  add(2, 1)
else
  if not has(2) then return {0} end
  if ARGV[1] == 'succeeded' then
    add(1, -1)
    redis.call('DEL', KEYS[2])
  end
end
return {1}
)";

bool Permits(const absl::StatusOr<SharedStore::Numbers>& numbers) {
  // Without an answer, the local limits decide.
  return !numbers.ok() || *numbers != SharedStore::Numbers{0};
}

}  // namespace

bool SharedAttempts::Skips(const std::optional<IpAddress>& address) const {
  return local_.limits().exempt.Contains(address) || !store_.works();
}

SharedQuestion SharedAttempts::Question(absl::string_view what,
                                        const std::optional<IpAddress>& address,
                                        absl::string_view user) const {
  const AttemptLimits::Limits& limits = local_.limits();
  const std::string client = absl::StrCat("auth:", ClientNetworkText(address));
  SharedQuestion question = {
      .script = kAttempt,
      .keys = {client, absl::StrCat(client, ":", SharedKey(user))},
      .arguments = {std::string(what)}};
  // Clients without an address have no bucket of the client.
  for (const size_t limit : {address ? limits.of_client : 0, limits.of_user}) {
    question.arguments.push_back(absl::StrCat(limit));
    question.arguments.push_back(
        absl::StrCat(limit == 0 ? 0
                                : absl::ToInt64Microseconds(limits.time) /
                                      static_cast<int64_t>(limit)));
  }
  return question;
}

std::optional<bool> SharedAttempts::Begin(
    const std::optional<IpAddress>& address, int64_t now, Later later) {
  if (!local_.Begin(address, now)) return false;
  if (Skips(address) || !address || local_.limits().of_client == 0) return true;
  store_.Ask(Question("begin", address, ""),
             [this, address, done = later()](
                 absl::StatusOr<SharedStore::Numbers> numbers) mutable {
               const bool may = Permits(numbers);
               if (!may) local_.Withdraw(address);
               std::move(done)(may);
             });
  return std::nullopt;
}

std::optional<bool> SharedAttempts::MayTry(
    const std::optional<IpAddress>& address, absl::string_view user,
    int64_t now, Later later) {
  if (!local_.MayTry(address, user, now)) return false;
  if (Skips(address) || local_.limits().of_user == 0) return true;
  store_.Ask(
      Question("may try", address, user),
      [done = later()](absl::StatusOr<SharedStore::Numbers> numbers) mutable {
        std::move(done)(Permits(numbers));
      });
  return std::nullopt;
}

void SharedAttempts::Failed(const std::optional<IpAddress>& address,
                            absl::string_view user, int64_t now) {
  local_.Failed(address, user, now);
  if (Skips(address) || local_.limits().of_user == 0) return;
  store_.Ask(Question("failed", address, user), [](const auto&) {});
}

std::optional<bool> SharedAttempts::Succeeded(
    const std::optional<IpAddress>& address, absl::string_view user,
    int64_t now, Later later) {
  // The store must not forget the failures of an attempt that this server
  // refuses.
  if (!local_.MayTry(address, user, now)) return false;
  if (Skips(address)) return local_.Succeeded(address, user, now);
  store_.Ask(Question("succeeded", address, user),
             [this, address, user = std::string(user), now, done = later()](
                 absl::StatusOr<SharedStore::Numbers> numbers) mutable {
               std::move(done)(Permits(numbers) &&
                               local_.Succeeded(address, user, now));
             });
  return std::nullopt;
}

}  // namespace postern::policy
