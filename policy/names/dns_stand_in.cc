// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/names/dns_stand_in.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "absl/base/optimization.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace postern::policy {
namespace {

constexpr size_t kHeader = 12;

std::string Number16(size_t n) {
  return {static_cast<char>(n >> 8), static_cast<char>(n)};
}

std::string Wire(absl::string_view name) {
  std::string wire;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    absl::StrAppend(&wire, std::string(1, static_cast<char>(label.size())),
                    label);
  }
  return wire + std::string(1, '\0');
}

std::string Data(DnsStandIn::Type type, absl::string_view text) {
  if (type == DnsStandIn::kCname || type == DnsStandIn::kPtr) return Wire(text);
  if (type == DnsStandIn::kTxt) {
    ABSL_HARDENING_ASSERT(text.size() < 256);
    return absl::StrCat(std::string(1, static_cast<char>(text.size())), text);
  }
  if (type == DnsStandIn::kMx) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(text, absl::MaxSplits(' ', 1));
    size_t preference = 0;
    const bool number = absl::SimpleAtoi(parts.first, &preference);
    ABSL_HARDENING_ASSERT(number);
    return Number16(preference) +
           (parts.second == "." ? std::string(1, '\0') : Wire(parts.second));
  }
  std::array<char, 16> octets;
  const bool v4 = type == DnsStandIn::kA;
  const int done = inet_pton(v4 ? AF_INET : AF_INET6, std::string(text).c_str(),
                             octets.data());
  ABSL_HARDENING_ASSERT(done == 1);
  return std::string(octets.data(), v4 ? 4 : 16);
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int OpenSocket() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(0);
  const int bound =
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  ABSL_HARDENING_ASSERT(bound == 0);
  return fd;
}

uint16_t PortOf(int fd) {
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

DnsStandIn::DnsStandIn() : socket_(OpenSocket()), thread_([this] { Run(); }) {}

DnsStandIn::~DnsStandIn() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  // Wakes the thread.
  const sockaddr_in address = Loopback(PortOf(socket_));
  sendto(socket_, "", 0, 0, reinterpret_cast<const sockaddr*>(&address),
         sizeof(address));
  thread_.join();
  close(socket_);
}

std::string DnsStandIn::server() const {
  return absl::StrCat("127.0.0.1:", PortOf(socket_));
}

void DnsStandIn::Add(absl::string_view owner, Type type, absl::string_view data,
                     uint32_t ttl) {
  const std::lock_guard<std::mutex> lock(mutex_);
  records_.emplace(owner, Record{type, Data(type, data), ttl});
}

void DnsStandIn::Behave(absl::string_view owner, Behaviour behaviour) {
  const std::lock_guard<std::mutex> lock(mutex_);
  behaviours_[std::string(owner)] = behaviour;
}

size_t DnsStandIn::questions(absl::string_view owner) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (owner.empty()) return questions_.size();
  return static_cast<size_t>(
      std::count(questions_.begin(), questions_.end(), owner));
}

void DnsStandIn::WaitForQuestions(size_t count) {
  std::unique_lock<std::mutex> lock(mutex_);
  asked_.wait(lock, [&] { return questions_.size() >= count; });
}

void DnsStandIn::Run() {
  while (true) {
    std::array<char, 1500> packet;
    sockaddr_in from = {};
    socklen_t size = sizeof(from);
    const ssize_t got = recvfrom(socket_, packet.data(), packet.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return;
    if (got <= static_cast<ssize_t>(kHeader)) continue;
    const std::string answer =
        Answer(std::string(packet.data(), static_cast<size_t>(got)));
    asked_.notify_all();
    if (answer.empty()) continue;
    sendto(socket_, answer.data(), answer.size(), 0,
           reinterpret_cast<const sockaddr*>(&from), size);
  }
}

std::string DnsStandIn::Answer(const std::string& query) {
  std::string name;
  size_t at = kHeader;
  while (query[at] != '\0') {
    const auto size = static_cast<size_t>(query[at]);
    absl::StrAppend(&name, name.empty() ? "" : ".", query.substr(at + 1, size));
    at += 1 + size;
  }
  const auto type = static_cast<Type>(query[at + 2]);  // all are below 256
  const std::string question = query.substr(kHeader, at + 5 - kHeader);
  questions_.push_back(name);
  if (query[at + 4] != 1) name.clear();  // all records are of class IN

  const auto behaviour = behaviours_.find(name);
  const Behaviour does =
      behaviour == behaviours_.end() ? Behaviour::kAnswers : behaviour->second;
  int rcode = records_.count(name) == 0 ? 3 : 0;
  std::string records;
  size_t count = 0;
  switch (does) {
    case Behaviour::kAnswers: {
      std::string alias;
      do {
        const auto [begin, end] = records_.equal_range(name);
        alias.clear();
        for (auto it = begin; it != end; ++it) {
          const Record& record = it->second;
          if (record.type != type && record.type != kCname) continue;
          absl::StrAppend(&records, Wire(name), Number16(record.type),
                          Number16(1), Number16(record.ttl >> 16),
                          Number16(record.ttl & 0xffff),
                          Number16(record.data.size()), record.data);
          ++count;
          if (record.type != kCname) continue;
          for (size_t i = 0; record.data[i] != '\0';) {
            const auto size = static_cast<size_t>(record.data[i]);
            absl::StrAppend(&alias, alias.empty() ? "" : ".",
                            record.data.substr(i + 1, size));
            i += 1 + size;
          }
        }
        name = alias;
      } while (!name.empty());
      break;
    }
    case Behaviour::kSilent:
      return "";
    case Behaviour::kServFail:
      rcode = 2;
      break;
    case Behaviour::kTruncated:
      rcode = 0;
      break;
    case Behaviour::kGarbage:
      rcode = 0;
      count = 1;
      records = "\xc0\xff no record";  // a pointer to a missing position
      break;
  }
  const bool truncated = does == Behaviour::kTruncated;
  return absl::StrCat(query.substr(0, 2),
                      Number16(0x8180 | (truncated ? 0x0200U : 0U) |
                               static_cast<unsigned>(rcode)),
                      Number16(1), Number16(count), Number16(0), Number16(0),
                      question, records);
}

}  // namespace postern::policy
