// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/forward/hop_pool.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/xclient.h"
#include "engine/proxied_client.h"
#include "net/proxy_header.h"

namespace postern::delivery {
namespace {

// Returns the PROXY header for `client`, or the empty string if its addresses
// are not known.
std::string HeaderOf(const XClient& client) {
  if (!client.address || !client.address->value ||
      !client.destination_address || !client.destination_address->value) {
    return "";
  }
  const auto port = [](const std::optional<XClientValue<uint16_t>>& port) {
    return port ? port->value : uint16_t{0};
  };
  return net::FormatProxyHeader(
      {client.address->value, port(client.port)},
      {client.destination_address->value, port(client.destination_port)});
}

// After HELO a server offers no XCLIENT. A server that expects no PROXY header
// replies to it as to commands, and the reply to HELO would be one of these.
ClientConfig ConfigFor(const NextHop& hop, ClientConfig config) {
  config.allow_helo = config.allow_helo && !hop.xclient && !hop.proxy;
  return config;
}

}  // namespace

HopPool::HopPool(NextHop hop, ClientConfig config, HopSecurity security,
                 std::vector<std::shared_ptr<HopHealth>> health,
                 HopDriver* driver)
    : hop_(std::move(hop)),
      config_(ConfigFor(hop_, std::move(config))),
      security_(std::move(security)),
      health_(std::move(health)),
      driver_(*driver) {}

HopPool::~HopPool() = default;

std::list<HopPool::Entry>::iterator HopPool::Find(const HopLink* link) {
  return std::find_if(links_.begin(), links_.end(), [link](const Entry& entry) {
    return entry.link.get() == link;
  });
}

void HopPool::SetUsed(Entry* entry, bool used) {
  if (entry->used == used) return;
  entry->used = used;
  HealthOf(*entry->link).counts().used += used ? 1 : -1;
}

void HopPool::Acquire(HopWaiter* waiter, HopUser* user, bool fresh,
                      Time ready_by, size_t first) {
  if (down_) {
    return waiter->OnUnavailable({HopFailure::Kind::kUnreachable,
                                  "cannot be used: this server shuts down",
                                  "shutdown"});
  }
  const Waiting next{waiter, user,     driver_.now() + kMaxWait,
                     fresh,  ready_by, first};
  if (waiting_.empty() && Serve(next)) return;
  ++health_[0]->counts().waits;
  waiting_.push_back(next);
  MakeRoom();
  SetTimer();
}

std::optional<HopFailure> HopPool::RefusalOf(size_t host,
                                             const HopUser& user) const {
  if (!hop_.xclient || security_.account == nullptr) return std::nullopt;
  return health_[host]->RefusalOf(AddressOf(user.client()), driver_.now());
}

HopLink* HopPool::Idle(const HopUser& user) {
  // The one that was used last: the others reach their idle timeout. A server
  // that hangs in the transactions of other connections would hang here, too.
  for (auto entry = links_.rbegin(); entry != links_.rend(); ++entry) {
    if (entry->link->idle() && entry->opening == nullptr &&
        HealthOf(*entry->link).works() &&
        !RefusalOf(entry->link->server(), user)) {
      return entry->link.get();
    }
  }
  return nullptr;
}

bool HopPool::Serve(const Waiting& next) {
  HopLink* const link = Idle(*next.user);
  if (link != nullptr && !next.fresh) {
    SetUsed(&*Find(link), true);
    link->Lend(next.user);
    next.waiter->OnLink(link, link->uses() > 1);
    return true;
  }
  if (links_.size() + resolving_.size() >= kMaxConnections) {
    // OnClosed() serves the waiter.
    for (Entry& entry : links_) {
      if (!entry.link->idle() || entry.opening != nullptr) continue;
      entry.link->Quit();
      break;
    }
    return false;
  }
  std::string header;
  if (hop_.proxy) {
    header = HeaderOf(next.user->client().client);
    if (header.empty()) {
      // With another header the server would decide on this host's address.
      const std::string what =
          "cannot get the address of the client, which is not known";
      next.waiter->OnUnavailable({HopFailure::Kind::kRefused, what, what});
      return true;
    }
  }
  auto opening = std::make_unique<Opening>();
  if (!header.empty()) opening->client = next.user->client();
  opening->header = std::move(header);
  opening->host = next.first;
  opening->waiter = next.waiter;
  opening->user = next.user;
  opening->began = driver_.now();
  opening->until = std::min(driver_.now() + kMaxOpening, next.ready_by);
  opening->ready_by = next.ready_by;
  Open(std::move(opening));
  return true;
}

void HopPool::Cancel(HopWaiter* waiter) {
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                [waiter](const Waiting& each) {
                                  return each.waiter == waiter;
                                }),
                 waiting_.end());
  // A connection that is being opened serves the next waiter.
  for (auto& [key, opening] : resolving_) {
    if (opening->waiter == waiter) opening->waiter = nullptr;
  }
  for (Entry& entry : links_) {
    if (entry.opening != nullptr && entry.opening->waiter == waiter) {
      entry.opening->waiter = nullptr;
    }
  }
}

void HopPool::Open(std::unique_ptr<Opening> opening) {
  while (opening->host < hop_.hosts.size()) {
    const HopAddress& host = hop_.hosts[opening->host];
    if (!opening->addresses.empty()) {
      HopAddress address = host;
      address.ip = opening->addresses.front();
      opening->addresses.pop_front();
      return Connect(std::move(opening), std::move(address));
    }
    // The client that has gone has no user.
    std::optional<HopFailure> refusal =
        opening->waiter != nullptr ? RefusalOf(opening->host, *opening->user)
                                   : std::nullopt;
    // This begins the test of a server, so it is the last question.
    if (!refusal) refusal = health_[opening->host]->Refusal(driver_.now());
    if (refusal) {
      opening->last = *std::move(refusal);
      ++opening->host;
      continue;
    }
    opening->began = driver_.now();
    if (!host.needs_lookup()) return Connect(std::move(opening), host);
    const int key = next_key_++;
    resolving_[key] = std::move(opening);
    return driver_.Resolve(
        host.name, [this, key, weak = std::weak_ptr<bool>(alive_)](
                       absl::StatusOr<std::vector<IpAddress>> addresses) {
          if (!weak.expired()) OnAddresses(key, std::move(addresses));
        });
  }
  HopWaiter* const waiter = opening->waiter;
  const HopFailure last = opening->last;
  opening.reset();
  ServeWaiters();
  if (waiter != nullptr) waiter->OnUnavailable(last);
}

void HopPool::OnAddresses(int key,
                          absl::StatusOr<std::vector<IpAddress>> addresses) {
  const auto found = resolving_.find(key);
  if (found == resolving_.end()) return;  // Shutdown()
  std::unique_ptr<Opening> opening = std::move(found->second);
  resolving_.erase(found);
  if (!addresses.ok()) {
    HopFailure failure{HopFailure::Kind::kUnreachable,
                       "cannot be found: its name has no address now", ""};
    failure.source = absl::StrCat(hop_.hosts[opening->host].Format(), ": ",
                                  addresses.status().message());
    return GoOn(std::move(opening), failure);
  }
  const size_t count = std::min(addresses->size(), kMaxAddresses);
  opening->addresses.assign(addresses->begin(), addresses->begin() + count);
  Open(std::move(opening));
}

void HopPool::Connect(std::unique_ptr<Opening> opening, HopAddress address) {
  Entry& entry = links_.emplace_back();
  HopTerms terms = TermsFor(opening->host, address);
  entry.opening = std::move(opening);
  entry.link = std::make_shared<HopLink>(
      static_cast<HopLink::Owner*>(this), &driver_, &hop_, &config_,
      entry.opening->host, std::move(address), std::move(terms),
      entry.opening->header, entry.opening->client, entry.opening->ready_by);
  ++HealthOf(*entry.link).counts().open;
  entry.link->Start();
}

HopTerms HopPool::TermsFor(size_t host, const HopAddress& address) const {
  HopTerms terms{.level = hop_.LevelOf(address),
                 .implicit_tls = hop_.implicit_tls,
                 // The name "localhost" may have any address in DNS.
                 .local = address.is_local() && address.is_loopback(),
                 .name = hop_.NameOf(address),
                 .security = security_};
  if (terms.level == TlsLevel::kMay &&
      !health_[host]->MayUseTls(driver_.now())) {
    terms.level = TlsLevel::kNone;
  }
  return terms;
}

void HopPool::GoOn(std::unique_ptr<Opening> opening,
                   const HopFailure& failure) {
  opening->last = failure;
  // Nothing else must be tried for a client that has gone, or would go soon.
  const bool give_up =
      driver_.now() >= opening->until || opening->waiter == nullptr;
  if (failure.kind == HopFailure::Kind::kSlow) {
    // It says nothing about this server.
    health_[opening->host]->Ended(opening->began, driver_.now());
  } else if (give_up || opening->addresses.empty()) {
    health_[opening->host]->Failed(failure, HopStage::kGreeting, opening->began,
                                   driver_.now());
    opening->addresses.clear();
    ++opening->host;
  }
  if (failure.kind == HopFailure::Kind::kCredentials) {
    // The other servers know the same account, and each refusal counts.
    for (const std::shared_ptr<HopHealth>& each : health_) {
      each->Failed(failure, HopStage::kGreeting, opening->began, driver_.now());
    }
    opening->addresses.clear();
    opening->host = hop_.hosts.size();
  }
  if (give_up) opening->host = hop_.hosts.size();
  Open(std::move(opening));
}

void HopPool::OnReady(HopLink* link) {
  const auto entry = Find(link);
  HopHealth& health = HealthOf(*link);
  ++health.counts().opened;
  health.Succeeded(
      link->authenticates_each() ? HopStage::kGreeting : HopStage::kAuth,
      driver_.now());
  const std::unique_ptr<Opening> opening = std::move(entry->opening);
  if (opening->waiter == nullptr) {
    health.Ended(opening->began, driver_.now());
    if (!opening->header.empty()) return link->Quit();
    return ServeWaiters();
  }
  SetUsed(&*entry, true);
  link->Lend(opening->user);
  opening->waiter->OnLink(link, /*reused=*/false);
}

void HopPool::OnPassed(HopLink* link, HopStage stage) {
  HealthOf(*link).Succeeded(stage, driver_.now());
}

void HopPool::OnIdle(HopLink* link) {
  const auto entry = Find(link);
  SetUsed(&*entry, false);
  HealthOf(*link).Ended(link->lent(), driver_.now());
  links_.splice(links_.end(), links_, entry);  // used last
  const auto idle =
      std::count_if(links_.begin(), links_.end(),
                    [](const Entry& each) { return each.link->idle(); });
  if (link->uses() >= kMaxUses || down_ ||
      (waiting_.empty() && static_cast<size_t>(idle) > kMaxIdle)) {
    return link->Quit();
  }
  ServeWaiters();
}

void HopPool::OnClosed(HopLink* link, const HopFailure* failure) {
  const auto entry = Find(link);
  std::unique_ptr<Opening> opening = std::move(entry->opening);
  HopHealth& health = HealthOf(*link);
  SetUsed(&*entry, false);
  --health.counts().open;
  if (opening != nullptr && failure != nullptr) ++health.counts().failed;
  driver_.Later([link = std::move(entry->link)]() mutable { link.reset(); });
  links_.erase(entry);
  if (down_) return;
  if (opening != nullptr && failure != nullptr) {
    if (failure->kind == HopFailure::Kind::kTls &&
        link->terms().level == TlsLevel::kMay) {
      health.TlsFailed(driver_.now());
      security_.report(
          absl::StrCat(failure->source, ": it gets mail without TLS for ",
                       HopHealth::kWithoutTls.count(), " minutes"));
      if (opening->waiter != nullptr && driver_.now() < opening->until) {
        return Connect(std::move(opening), link->address());
      }
    }
    return GoOn(std::move(opening), *failure);
  }
  CountEnd(*link, failure);
  ServeWaiters();
}

void HopPool::CountEnd(const HopLink& link, const HopFailure* failure) {
  using Kind = HopFailure::Kind;
  const Time now = driver_.now();
  // AUTH of a link that is lent follows XCLIENT.
  if (failure != nullptr && failure->kind == Kind::kCredentials) {
    // As in GoOn().
    for (const std::shared_ptr<HopHealth>& each : health_) {
      each->AuthFailed(*failure, link.client_address(), link.lent(), now);
    }
  } else if (failure != nullptr && failure->kind == Kind::kLogin) {
    HealthOf(link).AuthFailed(*failure, link.client_address(), link.lent(),
                              now);
  } else if (failure != nullptr && failure->kind == Kind::kTimeout) {
    // A server that hangs within a transaction would hang in the next one.
    HealthOf(link).Failed(*failure, link.next(), link.lent(), now);
  } else {
    HealthOf(link).Ended(link.lent(), now);
  }
}

void HopPool::ServeWaiters() {
  if (down_ || waiting_.empty() || std::exchange(serving_, true)) return;
  driver_.Later([this, weak = std::weak_ptr<bool>(alive_)] {
    if (weak.expired()) return;
    serving_ = false;
    // A waiter that gets a failure may wait again.
    for (size_t left = waiting_.size(); left > 0; --left) {
      if (waiting_.empty()) break;
      const Waiting next = waiting_.front();
      waiting_.pop_front();
      if (!Serve(next)) {
        waiting_.push_front(next);
        break;
      }
    }
    if (!down_) SetTimer();
  });
}

void HopPool::MakeRoom() {
  const Time now = driver_.now();
  const size_t open = links_.size() + resolving_.size();
  // Tasks that serve waiters may be pending.
  const size_t room = kMaxConnections - std::min(open, kMaxConnections);
  for (size_t wanted = waiting_.size(); wanted > room; --wanted) {
    HopLink* quiet = nullptr;
    for (const Entry& entry : links_) {
      const std::optional<Time> since = entry.link->quiet_since();
      if (since && now - *since >= kMaxQuiet &&
          (quiet == nullptr || *since < *quiet->quiet_since())) {
        quiet = entry.link.get();
      }
    }
    if (quiet == nullptr) return;
    const std::string what =
        "is busy: other clients waited for a connection while this one was "
        "silent";
    // OnClosed() serves a waiter.
    quiet->Lose({HopFailure::Kind::kBusy, what,
                 absl::StrCat(quiet->host(), ": ", what)});
  }
}

void HopPool::SetTimer() {
  if (waiting_.empty()) return driver_.timers().Disarm(this);
  // A transaction may become quiet at any time.
  constexpr std::chrono::seconds kLook{1};
  driver_.timers().Arm(this,
                       std::min(waiting_.front().until, driver_.now() + kLook));
}

void HopPool::OnTimer() {
  const Time now = driver_.now();
  while (!waiting_.empty() && waiting_.front().until <= now) {
    HopWaiter* const waiter = waiting_.front().waiter;
    waiting_.pop_front();
    const std::string what = absl::StrCat("is busy: all ", kMaxConnections,
                                          " connections to it are "
                                          "in use");
    waiter->OnUnavailable({HopFailure::Kind::kBusy, what,
                           absl::StrCat(hop_.hosts[0].Format(), ": ", what)});
  }
  MakeRoom();
  SetTimer();
}

void HopPool::Shutdown() {
  if (std::exchange(down_, true)) return;
  alive_.reset();
  driver_.timers().Disarm(this);
  const HopFailure failure{HopFailure::Kind::kLost,
                           "was not asked: this server shuts down", "shutdown"};
  std::vector<HopWaiter*> waiters;
  for (const Waiting& each : std::exchange(waiting_, {})) {
    waiters.push_back(each.waiter);
  }
  for (auto& [key, opening] : std::exchange(resolving_, {})) {
    if (opening->waiter != nullptr) waiters.push_back(opening->waiter);
  }
  for (Entry& entry : links_) {
    if (entry.opening != nullptr && entry.opening->waiter != nullptr) {
      waiters.push_back(entry.opening->waiter);
    }
  }
  while (!links_.empty()) {
    const std::shared_ptr<HopLink> link = links_.front().link;
    if (link->idle() && links_.front().opening == nullptr) {
      link->Leave();
    } else {
      link->Lose(failure);
    }
  }
  for (HopWaiter* const waiter : waiters) waiter->OnUnavailable(failure);
}

}  // namespace postern::delivery
