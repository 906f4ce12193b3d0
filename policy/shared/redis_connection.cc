// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/redis_connection.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/ip_address.h"
#include "log/printable.h"
#include "net/socket_address.h"
#include "net/socket_channel.h"
#include "net/tls_channel.h"

namespace postern::policy {
namespace {

using Kind = net::Channel::Result::Kind;
using State = net::ConnectingSocket::State;
using Time = RedisConnection::Time;

// Of a reply's text in the log.
constexpr size_t kMaxText = 200;

// These test what the questions need: usually to write, which is not possible
// at a replica or with a full memory.
constexpr char kWriteProbe[] =
    "redis.call('TIME') "
    "redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) "
    "return {1}";
constexpr char kReadProbe[] =
    "redis.call('TIME') "
    "redis.call('GET', KEYS[1]) "
    "return {1}";

absl::Status Outage(absl::string_view what) {
  return absl::UnavailableError(what);
}

// Waits for `events` of `fd`.
absl::Status Poll(int fd, short events, Time deadline, int wake) {
  std::array<pollfd, 2> watched = {
      {{fd, events, 0}, {wake, POLLIN, 0}}};  // poll(2) ignores -1
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const auto wait = std::clamp<int64_t>(left.count(), 0, 60 * 60 * 1000);
    const int n = poll(watched.data(), watched.size(), static_cast<int>(wait));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "poll");
    if (watched[1].revents != 0) return absl::CancelledError("woken");
    if (n == 0) return absl::DeadlineExceededError("no answer in time");
    return absl::OkStatus();
  }
}

absl::Status WithText(const absl::Status& status, absl::string_view text) {
  return absl::Status(status.code(), absl::StrCat(text, status.message()));
}

// Returns the addresses of a host name. Blocks on DNS.
absl::StatusOr<std::vector<IpAddress>> LookUp(const std::string& host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return Outage(absl::StrCat(
        host, ": ",
        error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error)));
  }
  std::vector<IpAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    sockaddr_storage storage = {};
    memcpy(&storage, each->ai_addr,
           std::min<size_t>(each->ai_addrlen, sizeof(storage)));
    std::optional<IpAddress> address;
    uint16_t port = 0;
    net::ReadSocketAddress(storage, &address, &port);
    if (address) addresses.push_back(*address);
  }
  freeaddrinfo(found);
  return addresses;
}

// Returns the addresses of the server that a connection may be opened to.
absl::StatusOr<std::vector<IpAddress>> AddressesOf(const RedisAccess& access) {
  const std::string& host = access.address.host;
  absl::StatusOr<std::vector<IpAddress>> found;
  if (const auto ip = IpAddress::Parse(host)) {
    found = std::vector{*ip};
  } else {
    found = access.lookup ? access.lookup(host) : LookUp(host);
  }
  if (!found.ok()) return found.status();
  if (found->empty()) return Outage(absl::StrCat(host, ": no address"));
  std::erase_if(*found, [&](const IpAddress& each) {
    return !access.address.MayConnect(each);
  });
  if (found->empty()) {
    return Outage(
        absl::StrCat(host,
                     ": has only addresses of other machines, which get no "
                     "password without TLS"));
  }
  return found;
}

std::string Text(const redisReply& reply) {
  const absl::string_view text(reply.str, static_cast<size_t>(reply.len));
  return log::Printable(text.substr(0, kMaxText));
}

// Returns the code that an error of Redis begins with, as "WRONGPASS", or an
// empty text.
absl::string_view ErrorCode(absl::string_view text) {
  const absl::string_view word = text.substr(0, text.find(' '));
  const bool code = std::all_of(word.begin(), word.end(), absl::ascii_isupper);
  return code ? word : "";
}

absl::Status Unexpected() {
  return Outage("sent a reply that no question has; is it a Redis?");
}

}  // namespace

absl::StatusOr<RedisAccess> ReadRedisAccess(const RedisAddress& address,
                                            const std::string& user) {
  RedisAccess access = {.address = address};
  if (!address.auth.empty()) {
    auto password = ReadRedisPassword(address.auth, user);
    if (!password.ok()) return password.status();
    access.password = *std::move(password);
  }
  if (address.tls) {
    auto context = net::TlsClientContext::Make({.ca_file = address.ca});
    if (!context.ok()) return context.status();
    access.tls = *std::move(context);
  }
  return access;
}

void RedisConnection::ReaderFree::operator()(redisReader* reader) const {
  redisReaderFree(reader);
}

RedisConnection::RedisConnection() : reader_(redisReaderCreate()) {
  ABSL_HARDENING_ASSERT(reader_ != nullptr);
}

RedisConnection::~RedisConnection() = default;

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Open(
    const RedisAccess& access, std::chrono::milliseconds timeout, int wake) {
  std::unique_ptr<RedisConnection> connection(new RedisConnection());
  absl::Status status = connection->Connect(access, timeout, wake);
  const Time deadline = std::chrono::steady_clock::now() + timeout;
  if (status.ok()) status = connection->Secure(access, deadline, wake);
  if (status.ok()) status = connection->Begin(access, deadline, wake);
  if (!status.ok()) return status;
  return connection;
}

absl::Status RedisConnection::Connect(const RedisAccess& access,
                                      std::chrono::milliseconds timeout,
                                      int wake) {
  const RedisAddress& address = access.address;
  if (!address.path.empty()) {
    socket_.emplace(absl::string_view(address.path));
    return ConnectSocket(std::chrono::steady_clock::now() + timeout, wake);
  }
  const auto addresses = AddressesOf(access);
  if (!addresses.ok()) return addresses.status();
  // After the lookup: a slow name server does not use up the time.
  Time now = std::chrono::steady_clock::now();
  const Time deadline = now + timeout;
  absl::Status status;
  for (size_t i = 0; i < addresses->size(); ++i) {
    socket_.emplace((*addresses)[i], address.port);
    const auto part =
        (deadline - now) / static_cast<int64_t>(addresses->size() - i);
    status = ConnectSocket(now + part, wake);
    if (status.ok() || absl::IsCancelled(status)) return status;
    now = std::min(std::chrono::steady_clock::now(), deadline);
  }
  return status;
}

absl::Status RedisConnection::ConnectSocket(Time deadline, int wake) {
  State state = socket_->Connect();
  while (state == State::kPending) {
    const absl::Status status =
        Poll(socket_->socket(), POLLOUT, deadline, wake);
    if (absl::IsCancelled(status)) return status;
    if (!status.ok()) return WithText(status, "cannot connect: ");
    state = socket_->Check();
  }
  if (state != State::kConnected) {
    return Outage(absl::StrCat("cannot connect: ", strerror(socket_->error())));
  }
  plain_ = std::make_unique<net::SocketChannel>(socket_->socket(), &turn_);
  channel_ = plain_.get();
  return absl::OkStatus();
}

absl::Status RedisConnection::Secure(const RedisAccess& access, Time deadline,
                                     int wake) {
  if (access.tls == nullptr) return absl::OkStatus();
  auto tls = std::make_unique<net::TlsChannel>(access.tls, access.address.host,
                                               plain_.get());
  while (true) {
    turn_.Begin(std::chrono::steady_clock::now());
    const Kind kind = tls->Handshake().kind;
    if (kind == Kind::kOk) break;
    if (kind == Kind::kEnd) {
      return Outage(absl::StrCat("TLS: ", tls->error()));
    }
    const absl::Status status =
        Poll(socket_->socket(), kind == Kind::kWantRead ? POLLIN : POLLOUT,
             deadline, wake);
    if (!status.ok()) return WithText(status, "TLS: ");
  }
  secure_ = std::move(tls);
  channel_ = secure_.get();
  return absl::OkStatus();
}

absl::Status RedisConnection::Begin(const RedisAccess& access, Time deadline,
                                    int wake) {
  const RedisAddress& address = access.address;
  if (!address.auth.empty()) {
    if (address.user.empty()) {
      Send({"AUTH", access.password});
    } else {
      Send({"AUTH", address.user, access.password});
    }
    if (absl::Status status = CallAuth(deadline, wake); !status.ok()) {
      return status;
    }
  }
  if (address.database != 0) {
    Send({"SELECT", absl::StrCat(address.database)});
    const auto reply = Call("SELECT", deadline, wake);
    if (!reply.ok()) return reply.status();
  }
  SendScript(access.read_only ? kReadProbe : kWriteProbe, address.prefix,
             {"probe"}, {"1000"});
  const auto reply = Call("a script", deadline, wake);
  if (!reply.ok()) return reply.status();
  if (reply->numbers != std::vector<int64_t>{1}) return Unexpected();
  return absl::OkStatus();
}

absl::Status RedisConnection::CallAuth(Time deadline, int wake) {
  const auto reply = Await("AUTH", deadline, wake);
  if (!reply.ok()) return reply.status();
  if (!reply->error) return absl::OkStatus();
  // A server that does not know the command repeats its arguments.
  const absl::string_view code = ErrorCode(reply->text);
  return Outage(absl::StrCat("refuses AUTH", code.empty() ? "" : ": ", code));
}

absl::StatusOr<RedisReply> RedisConnection::Call(absl::string_view what,
                                                 Time deadline, int wake) {
  auto reply = Await(what, deadline, wake);
  if (reply.ok() && reply->error) {
    return Outage(absl::StrCat("refuses ", what, ": ", reply->text));
  }
  return reply;
}

absl::StatusOr<RedisReply> RedisConnection::Await(absl::string_view what,
                                                  Time deadline, int wake) {
  while (true) {
    auto reply = Next();
    if (!reply.ok()) return reply.status();
    if (*reply) return **std::move(reply);
    const absl::Status status = Wait(deadline, wake);
    if (absl::IsDeadlineExceeded(status)) {
      return WithText(status, absl::StrCat(what, ": "));
    }
    if (!status.ok()) return status;
  }
}

void RedisConnection::Send(absl::Span<const absl::string_view> command) {
  std::vector<const char*> words;
  std::vector<size_t> sizes;
  for (const absl::string_view word : command) {
    words.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* formatted = nullptr;
  const int size = redisFormatCommandArgv(
      &formatted, static_cast<int>(words.size()), words.data(), sizes.data());
  ABSL_HARDENING_ASSERT(size > 0);  // fails only if memory is exhausted
  output_.append(formatted, static_cast<size_t>(size));
  redisFreeCommand(formatted);
}

void RedisConnection::SendScript(absl::string_view script,
                                 absl::string_view prefix,
                                 absl::Span<const std::string> keys,
                                 absl::Span<const std::string> arguments) {
  // Not EVALSHA: a Redis that has been restarted, or has another primary, does
  // not know the script. Redis compiles equal scripts once.
  const std::string count = absl::StrCat(keys.size());
  std::vector<std::string> names;
  names.reserve(keys.size());
  for (const std::string& key : keys) {
    names.push_back(absl::StrCat(prefix, key));
  }
  std::vector<absl::string_view> command = {"EVAL", script, count};
  command.insert(command.end(), names.begin(), names.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  Send(command);
}

absl::Status RedisConnection::Lost() const {
  if (secure_ != nullptr && !secure_->error().empty()) {
    return Outage(absl::StrCat("TLS: ", secure_->error()));
  }
  return Outage("closed the connection");
}

bool RedisConnection::MayParse(absl::string_view octets) {
  for (const char c : octets) {
    if (c == '\n') {
      column_ = 0;
      array_ = false;
      continue;
    }
    if (column_ == 0) {
      // No answer has a string, whose octets would not be lines.
      if (c == '$') return false;
      array_ = c == '*';
    } else if (array_ && column_ > kMaxArrayDigits && c != '\r') {
      return false;
    }
    ++column_;
  }
  return true;
}

absl::Status RedisConnection::Transfer(bool* has_read) {
  turn_.Begin(std::chrono::steady_clock::now());
  want_write_ = false;
  while (!output_.empty()) {
    const auto wrote = channel_->Write(output_);
    if (wrote.kind == Kind::kEnd) return Lost();
    if (wrote.kind == Kind::kWantWrite) want_write_ = true;
    if (wrote.kind != Kind::kOk) break;
    output_.erase(0, wrote.count);
  }
  std::array<char, 4096> room;
  while (true) {
    const auto read = channel_->Read(absl::MakeSpan(room));
    if (read.kind == Kind::kEnd) return Lost();
    if (read.kind == Kind::kWantWrite) want_write_ = true;
    if (read.kind != Kind::kOk) return absl::OkStatus();
    *has_read = true;
    fed_ += read.count;
    if (fed_ > kMaxReply ||
        !MayParse(absl::string_view(room.data(), read.count)) ||
        redisReaderFeed(reader_.get(), room.data(), read.count) != REDIS_OK) {
      return Unexpected();
    }
    // The caller takes the replies before more is read.
    if (fed_ + room.size() > kMaxReply) return absl::OkStatus();
  }
}

absl::Status RedisConnection::Wait(Time deadline, int wake) {
  bool has_read = false;
  if (absl::Status status = Transfer(&has_read); !status.ok()) return status;
  while (!has_read) {
    const auto events =
        static_cast<short>(POLLIN | (want_write_ ? POLLOUT : 0));
    absl::Status status = Poll(socket_->socket(), events, deadline, wake);
    if (!status.ok()) return status;
    status = Transfer(&has_read);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<RedisReply>> RedisConnection::Next() {
  void* taken = nullptr;
  if (redisReaderGetReply(reader_.get(), &taken) != REDIS_OK) {
    return Unexpected();
  }
  if (taken == nullptr) return std::nullopt;
  const std::unique_ptr<redisReply, void (*)(void*)> reply(
      static_cast<redisReply*>(taken), freeReplyObject);
  fed_ = 0;
  RedisReply result;
  switch (reply->type) {
    case REDIS_REPLY_ERROR:
      result.error = true;
      result.text = Text(*reply);
      return result;
    case REDIS_REPLY_STATUS:
      return result;
    case REDIS_REPLY_ARRAY:
      for (size_t i = 0; i < reply->elements; ++i) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER) return Unexpected();
        result.numbers.push_back(reply->element[i]->integer);
      }
      return result;
    default:
      return Unexpected();
  }
}

}  // namespace postern::policy
