// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/host_names.h"

#include <ares.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/grammar/ip_address.h"
#include "policy/names/dns_answer.h"
#include "system/thread.h"

namespace postern::policy {
namespace {

constexpr size_t kMaxServers = 8;
constexpr size_t kMaxCandidates = 10;
constexpr size_t kMaxName = 253;
constexpr size_t kMaxLabel = 63;
// The size that every network passes in one packet, so that an answer with many
// names does not need a second question by TCP.
constexpr int kMaxPacket = 1232;

absl::Duration SystemClock() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

// Returns the name that has the PTR records of `address` (RFC 1035 3.5,
// RFC 3596 2.5).
std::string ReverseName(const IpAddress& address) {
  constexpr absl::string_view kDigits = "0123456789abcdef";
  const auto& bytes = address.bytes();
  std::string name;
  if (address.v4()) {
    for (size_t i = 16; i-- > 12;) absl::StrAppend(&name, bytes[i], ".");
    return name + "in-addr.arpa";
  }
  for (size_t i = 16; i-- > 0;) {
    for (const int nibble : {bytes[i] & 0xf, bytes[i] >> 4}) {
      name += kDigits[static_cast<size_t>(nibble)];
      name += '.';
    }
  }
  return name + "ip6.arpa";
}

bool IsHostName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  bool number = false;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty() || label.size() > kMaxLabel) return false;
    number = true;
    for (char c : label) {
      if (!absl::ascii_isalnum(c) && c != '-' && c != '_') return false;
      number = number && absl::ascii_isdigit(c);
    }
  }
  return !number;
}

// Returns the names in `names` that can be a client's name, in the order in
// which they are tried.
std::vector<std::string> Candidates(std::vector<std::string> names) {
  for (std::string& name : names) absl::AsciiStrToLower(&name);
  names.erase(
      std::remove_if(names.begin(), names.end(),
                     [](const std::string& name) { return !IsHostName(name); }),
      names.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() > kMaxCandidates) names.resize(kMaxCandidates);
  return names;
}

// Returns the octets of `address` as in an A or AAAA record.
std::string Octets(const IpAddress& address) {
  const auto& bytes = address.bytes();
  return std::string(bytes.begin() + (address.v4() ? 12 : 0), bytes.end());
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

}  // namespace

// c-ares, and the sockets that it wants to poll. Not movable, because c-ares
// stores its address.
struct HostNames::Channel {
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

// The state of the search for one client. Lookup() makes it. After that it
// belongs to the thread, except for `waiters`.
struct HostNames::Question {
  Question(HostNames* names, const IpAddress& client)
      : owner(names), address(client) {}

  HostNames* const owner;
  const IpAddress address;
  std::vector<Done> waiters;  // guarded by HostNames::mutex_
  std::optional<std::vector<std::string>>
      candidates;        // absent: the PTR question is open
  size_t candidate = 0;  // the index of the current candidate
  absl::Duration ttl = absl::InfiniteDuration();
  // The last answer of c-ares.
  int status = ARES_SUCCESS;
  std::string answer;
};

absl::StatusOr<std::unique_ptr<HostNames>> HostNames::Open(Options options) {
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
  std::unique_ptr<HostNames> names(
      new HostNames(std::move(options), std::move(channel), std::move(wake)));
  absl::StatusOr<std::thread> thread =
      system::StartThread("names", [names = names.get()] { names->Run(); });
  if (!thread.ok()) return thread.status();
  names->thread_ = *std::move(thread);
  return names;
}

HostNames::HostNames(Options options, std::unique_ptr<Channel> channel,
                     system::Descriptor wake)
    : options_(std::move(options)),
      channel_(std::move(channel)),
      wake_(std::move(wake)) {}

HostNames::~HostNames() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void HostNames::Lookup(const IpAddress& address, Done done) {
  HostName name;
  {
    const absl::Duration now =
        options_.clock ? options_.clock() : SystemClock();
    const std::lock_guard<std::mutex> lock(mutex_);
    ++counts_.lookups;
    const auto cached = cache_.find(address.bytes());
    if (cached != cache_.end() && now < cached->second.until) {
      ++counts_.cached;
      name = cached->second.name;
    } else if (stopping_ || open_ >= options_.most_open) {
      ++counts_.refused;
      name.status = NameStatus::kTemporary;
    } else {
      ++open_;
      std::unique_ptr<Question>& question = questions_[address.bytes()];
      if (question != nullptr) {
        ++counts_.joined;
      } else {
        question = std::make_unique<Question>(this, address);
        waiting_.push_back(question.get());
        eventfd_write(wake_.get(), 1);
      }
      question->waiters.push_back(std::move(done));
      return;
    }
  }
  std::move(done)(std::move(name));
}

HostNames::Counts HostNames::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

void HostNames::Run() {
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
    }
    for (Question* question : begun) {
      Ask(question, ReverseName(question->address), DnsAnswer::kPtr);
    }
    const std::vector<Question*> ready = std::exchange(ready_, {});
    for (Question* question : ready) Continue(question);
    // Searches that ended made room, and questions that c-ares refused are
    // already in ready_.
    if (begun.empty() && ready.empty()) Wait();
  }

  ares_cancel(channel_->ares);
  std::vector<Question*> rest;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [key, question] : questions_) {
      rest.push_back(question.get());
    }
  }
  for (Question* question : rest) {
    Finish(question, {.status = NameStatus::kTemporary});
  }
}

void HostNames::Wait() {
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

void HostNames::Ask(Question* question, const std::string& name,
                    uint16_t type) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++counts_.questions;
  }
  Query<&HostNames::OnAnswer>(channel_->ares, name.c_str(), type, question);
}

void HostNames::OnAnswer(void* arg, int status, absl::string_view answer) {
  // c-ares must return first: Continue() does the next step.
  auto* question = static_cast<Question*>(arg);
  question->status = status;
  question->answer = std::string(answer);
  question->owner->ready_.push_back(question);
}

void HostNames::Continue(Question* question) {
  const bool v4 = question->address.v4();
  const DnsAnswer::Type forward = v4 ? DnsAnswer::kA : DnsAnswer::kAaaa;
  std::optional<DnsAnswer> answer;
  if (question->status == ARES_SUCCESS) {
    answer = DnsAnswer::Parse(question->answer,
                              question->candidates ? forward : DnsAnswer::kPtr);
  } else if (question->status == ARES_ENODATA ||
             question->status == ARES_ENOTFOUND) {
    answer.emplace();
  }
  if (!answer) {
    Finish(question, {.status = NameStatus::kTemporary});
    return;
  }
  question->ttl = std::min(question->ttl, absl::Seconds(answer->ttl));

  if (!question->candidates) {
    if (answer->records.empty()) {
      Finish(question, {});
      return;
    }
    question->candidates = Candidates(std::move(answer->records));
  } else {
    const std::string& name = (*question->candidates)[question->candidate];
    const std::string client = Octets(question->address);
    if (std::find(answer->records.begin(), answer->records.end(), client) !=
        answer->records.end()) {
      Finish(question, {.name = name, .status = NameStatus::kConfirmed});
      return;
    }
    ++question->candidate;
  }

  if (question->candidate < question->candidates->size()) {
    Ask(question, (*question->candidates)[question->candidate], forward);
    return;
  }
  HostName forged = {.status = NameStatus::kForged};
  if (!question->candidates->empty())
    forged.name = question->candidates->front();
  Finish(question, std::move(forged));
}

void HostNames::Finish(Question* question, HostName name) {
  std::vector<Done> waiters;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiters = std::move(question->waiters);
    open_ -= waiters.size();
    const Key key = question->address.bytes();
    if (name.status != NameStatus::kTemporary) {
      Remember(key, name, question->ttl);
    }
    questions_.erase(key);
  }
  for (Done& done : waiters) std::move(done)(name);
}

void HostNames::Remember(const Key& key, const HostName& name,
                         absl::Duration ttl) {
  if (options_.cached == 0) return;
  const absl::Duration now = options_.clock ? options_.clock() : SystemClock();
  const absl::Duration until =
      now + std::clamp(ttl, options_.min_ttl, options_.max_ttl);
  const bool added = cache_.insert_or_assign(key, Cached{name, until}).second;
  if (!added) return;
  oldest_.push_back(key);
  if (oldest_.size() > options_.cached) {
    cache_.erase(oldest_.front());
    oldest_.pop_front();
  }
}

}  // namespace postern::policy
