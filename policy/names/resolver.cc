// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/resolver.h"

#include <ares.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "system/thread.h"

namespace postern::policy {
namespace {

constexpr size_t kMaxServers = 8;
// The size that every network passes in one packet, so that an answer with many
// names does not need a second question by TCP.
constexpr int kMaxPacket = 1232;

absl::Duration SystemClock() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

absl::Status AresError(absl::string_view what, int status) {
  const std::string text = absl::StrCat(what, ": ", ares_strerror(status));
  return status == ARES_EBADSTR ? absl::InvalidArgumentError(text)
                                : absl::InternalError(text);
}

// Receives an answer. `message` is empty unless `status` is ARES_SUCCESS.
using OnMessage = void (*)(void* arg, int status, absl::string_view message);

// Sends a question for the records of `type` of `name`, and calls `kDone` once,
// possibly before this function returns.
//
// No query function of c-ares is in both of Debian's releases, gives the whole
// answer, and is not deprecated. ares_gethostbyaddr() is in both, but it
// reports a failed server like a name that does not exist. That difference
// decides between 451 and 554.
template <OnMessage kDone>
void Query(ares_channeldata* channel, const char* name, uint16_t type,
           void* arg) {
#if ARES_VERSION >= 0x011c00  // 1.28.0
  const ares_callback_dnsrec done = [](void* asked, ares_status_t status,
                                       size_t /*timeouts*/,
                                       const ares_dns_record_t* record) {
    unsigned char* octets = nullptr;
    size_t size = 0;
    if (status == ARES_SUCCESS) status = ares_dns_write(record, &octets, &size);
    kDone(asked, static_cast<int>(status),
          {reinterpret_cast<const char*>(octets), size});
    ares_free_string(octets);
  };
  const ares_status_t status =
      ares_query_dnsrec(channel, name, ARES_CLASS_IN,
                        static_cast<ares_dns_rec_type_t>(type), done, arg,
                        /*qid=*/nullptr);
  (void)status;  // `done` gets the status, too
#else
  const ares_callback done = [](void* asked, int status, int /*timeouts*/,
                                unsigned char* octets, int size) {
    if (status != ARES_SUCCESS) size = 0;
    kDone(asked, status,
          {reinterpret_cast<const char*>(octets), static_cast<size_t>(size)});
  };
  constexpr int kIn = 1;
  ares_query(channel, name, kIn, type, done, arg);
#endif
}

// Returns the result that c-ares's `status` and `message` are.
DnsResult ResultOf(int status, absl::string_view message,
                   DnsAnswer::Type type) {
  DnsResult result;
  switch (status) {
    case ARES_SUCCESS: {
      std::optional<DnsAnswer> answer = DnsAnswer::Parse(message, type);
      if (!answer) return result;
      result.status = answer->records.empty() ? DnsResult::Status::kNoRecords
                                              : DnsResult::Status::kFound;
      result.records = std::move(answer->records);
      result.ttl = answer->ttl;
      return result;
    }
    case ARES_ENODATA:
      result.status = DnsResult::Status::kNoRecords;
      return result;
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
      result.status = DnsResult::Status::kNoName;
      return result;
    default:
      return result;
  }
}

}  // namespace

// c-ares, and the sockets that it wants to poll. Not movable, because c-ares
// stores its address.
struct Resolver::Channel {
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    if (ares != nullptr) ares_destroy(ares);
  }

  // An ares_sock_state_cb. Without an event, c-ares is about to close the
  // socket.
  static void OnSocketState(void* channel, ares_socket_t socket, int readable,
                            int writable) {
    auto& sockets = static_cast<Channel*>(channel)->sockets;
    const auto is_this = [&](const pollfd& s) { return s.fd == socket; };
    sockets.erase(std::remove_if(sockets.begin(), sockets.end(), is_this),
                  sockets.end());
    const int events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
    if (events != 0) {
      sockets.push_back({socket, static_cast<short>(events), 0});
    }
  }

  ares_channeldata* ares = nullptr;
  std::vector<pollfd> sockets;
};

// One question. Lookup() makes it. After that it belongs to the thread, except
// for `waiters`.
struct Resolver::Question {
  Question(Resolver* resolver, const Key& what) : owner(resolver), key(what) {}

  DnsAnswer::Type type() const {
    return static_cast<DnsAnswer::Type>(key.second);
  }

  Resolver* const owner;
  const Key key;
  std::vector<Done> waiters;  // guarded by Resolver::mutex_
  // The answer of c-ares.
  int status = ARES_SUCCESS;
  std::string answer;
};

absl::StatusOr<std::unique_ptr<Resolver>> Resolver::Make(Options options) {
  if (options.servers.size() > kMaxServers) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kMaxServers, " name servers"));
  }
  if (options.timeout < absl::Milliseconds(1) ||
      options.timeout > absl::Minutes(1) || options.tries < 1 ||
      options.tries > 10) {
    return absl::InvalidArgumentError(
        "name servers: a timeout of 1 ms to 1 minute and 1 to 10 tries");
  }
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  if (library != ARES_SUCCESS) return AresError("c-ares", library);

  ares_options settings = {};
  settings.flags = ARES_FLAG_EDNS;
  settings.ednspsz = kMaxPacket;
  settings.timeout =
      static_cast<int>(absl::ToInt64Milliseconds(options.timeout));
  settings.tries = options.tries;
  auto channel = std::make_unique<Channel>();
  settings.sock_state_cb = &Channel::OnSocketState;
  settings.sock_state_cb_data = channel.get();
  int which = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS |
              ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
  // c-ares's own cache has no limit except the time to live of the records.
  settings.qcache_max_ttl = 0;
  which |= ARES_OPT_QUERY_CACHE;
#endif
  int status = ares_init_options(&channel->ares, &settings, which);
  if (status != ARES_SUCCESS) return AresError("c-ares", status);
  if (!options.servers.empty()) {
    const std::string servers = absl::StrJoin(options.servers, ",");
    status = ares_set_servers_ports_csv(channel->ares, servers.c_str());
    if (status != ARES_SUCCESS) {
      return AresError(absl::StrCat("name servers ", servers), status);
    }
  }
  system::Descriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) {
    return absl::InternalError(absl::StrCat("eventfd: ", strerror(errno)));
  }
  // Not make_unique, because the constructor is private.
  return std::unique_ptr<Resolver>(
      new Resolver(std::move(options), std::move(channel), std::move(wake)));
}

Resolver::Resolver(Options options, std::unique_ptr<Channel> channel,
                   system::Descriptor wake)
    : options_(std::move(options)),
      channel_(std::move(channel)),
      wake_(std::move(wake)) {}

Resolver::~Resolver() { Stop(); }

void Resolver::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) {
    thread_.join();
  } else {
    CancelAll();
  }
}

absl::Status Resolver::Start() {
  absl::StatusOr<std::thread> thread =
      system::StartThread("names", [this] { Run(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

absl::Duration Resolver::Now() const {
  return options_.clock ? options_.clock() : SystemClock();
}

void Resolver::Lookup(absl::string_view name, DnsAnswer::Type type, Done done) {
  const Key key(absl::AsciiStrToLower(name), type);
  DnsResult result;
  if (absl::StrContains(name, '\0')) {
    // c-ares would look up the name that ends there.
    result.status = DnsResult::Status::kNoName;
  } else {
    const absl::Duration now = Now();
    const std::lock_guard<std::mutex> lock(mutex_);
    ++counts_.lookups;
    const auto cached = cache_.find(key);
    if (cached != cache_.end() && now < cached->second.until) {
      ++counts_.cached;
      result = cached->second.result;
    } else if (stopping_ || IsFull(key)) {
      ++counts_.refused;
    } else {
      std::unique_ptr<Question>& question = questions_[key];
      if (question != nullptr) {
        ++counts_.joined;
      } else {
        question = std::make_unique<Question>(this, key);
        waiting_.push_back(question.get());
        eventfd_write(wake_.get(), 1);
      }
      question->waiters.push_back(std::move(done));
      return;
    }
  }
  std::move(done)(result);
}

bool Resolver::IsFull(const Key& key) const {
  const auto open = questions_.find(key);
  if (open == questions_.end()) return questions_.size() >= options_.most_open;
  return open->second->waiters.size() >= kMaxWaiters;
}

Resolver::Counts Resolver::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  Counts counts = counts_;
  counts.open = questions_.size();
  counts.cache_size = cache_.size();
  return counts;
}

void Resolver::Run() {
  while (true) {
    std::vector<Question*> begun;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) break;
      while (!waiting_.empty() &&
             questions_.size() - waiting_.size() < options_.at_once) {
        begun.push_back(waiting_.front());
        waiting_.pop_front();
      }
      counts_.questions += begun.size();
    }
    for (Question* question : begun) {
      Query<&Resolver::OnAnswer>(channel_->ares, question->key.first.c_str(),
                                 question->key.second, question);
    }
    const std::vector<Question*> ready = std::exchange(ready_, {});
    for (Question* question : ready) {
      Finish(question,
             ResultOf(question->status, question->answer, question->type()));
    }
    // Questions that ended made room, and questions that c-ares refused are
    // already in ready_.
    if (begun.empty() && ready.empty()) Wait();
  }
  CancelAll();
}

void Resolver::CancelAll() {
  ares_cancel(channel_->ares);
  std::vector<Question*> rest;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [key, question] : questions_) {
      rest.push_back(question.get());
    }
  }
  for (Question* question : rest) Finish(question, DnsResult());
}

void Resolver::Wait() {
  // A copy, because c-ares opens and closes sockets while it works.
  std::vector<pollfd> polled = channel_->sockets;
  polled.push_back({wake_.get(), POLLIN, 0});

  timeval left = {};
  int milliseconds = -1;
  if (ares_timeout(channel_->ares, nullptr, &left) != nullptr) {
    milliseconds =
        static_cast<int>(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
  }
  if (poll(polled.data(), polled.size(), milliseconds) < 0) return;  // EINTR

  eventfd_t ignored = 0;
  (void)eventfd_read(wake_.get(),
                     &ignored);  // fails if it is 0, which is harmless
  polled.pop_back();
  for (const pollfd& socket : polled) {
    if (socket.revents == 0) continue;
    const bool write = (socket.revents & POLLOUT) != 0;
    const bool read = (socket.revents & ~POLLOUT) != 0;  // or an error
    ares_process_fd(channel_->ares, read ? socket.fd : ARES_SOCKET_BAD,
                    write ? socket.fd : ARES_SOCKET_BAD);
  }
  // For questions whose timeout has passed.
  ares_process_fd(channel_->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void Resolver::OnAnswer(void* arg, int status, absl::string_view answer) {
  // c-ares must return first, because the answer may cause further questions.
  auto* question = static_cast<Question*>(arg);
  question->status = status;
  question->answer = std::string(answer);
  question->owner->ready_.push_back(question);
}

void Resolver::Finish(Question* question, const DnsResult& result) {
  std::vector<Done> waiters;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiters = std::move(question->waiters);
    if (result.status == DnsResult::Status::kTemporary) {
      ++counts_.failed;
      if (question->status == ARES_ETIMEOUT) ++counts_.timed_out;
    } else {
      ++counts_.answered;
    }
    if (!stopping_) Remember(question->key, result);
    // A copy, because the key is destroyed with the question.
    const Key key = question->key;
    questions_.erase(key);
  }
  for (Done& done : waiters) std::move(done)(result);
}

void Resolver::Remember(const Key& key, const DnsResult& result) {
  size_t octets = 0;
  for (const std::string& record : result.records) {
    octets += sizeof(record) + record.size();
  }
  if (options_.cached == 0 || octets > kMaxCachedOctets) return;
  const absl::Duration until =
      Now() +
      std::clamp(absl::Seconds(result.ttl), options_.min_ttl, options_.max_ttl);
  const bool added = cache_.insert_or_assign(key, Cached{result, until}).second;
  if (!added) return;
  oldest_.push_back(key);
  if (oldest_.size() > options_.cached) {
    cache_.erase(oldest_.front());
    oldest_.pop_front();
  }
}

}  // namespace postern::policy
