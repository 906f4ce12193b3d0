// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/amqp_address.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "files/secret.h"

namespace postern::delivery {
namespace {

// Bytes of a file of credentials.
constexpr size_t kMaxCredentials = 4096;

absl::Status Wrong(absl::string_view part, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", part, "\": ", why));
}

absl::Status SetPath(absl::string_view value, std::string* path) {
  if (!absl::StartsWith(value, "/")) {
    return absl::InvalidArgumentError("the path is not absolute");
  }
  *path = std::string(value);
  return absl::OkStatus();
}

// One word after the hosts. Constant data.
struct Word {
  absl::string_view name;
  absl::Status (*read)(absl::string_view value, AmqpAddress* address);
};

constexpr Word kWords[] = {
    {"queue",
     [](absl::string_view value, AmqpAddress* address) {
       const bool printable =
           std::all_of(value.begin(), value.end(),
                       [](char c) { return c > ' ' && c < 0x7f; });
       if (value.size() > AmqpAddress::kMaxQueue || !printable ||
           absl::StartsWith(value, "amq.")) {
         return absl::InvalidArgumentError(absl::StrCat(
             "a name has 1 to ", AmqpAddress::kMaxQueue,
             " printable characters, no spaces, and does not begin with amq."));
       }
       address->queue = std::string(value);
       return absl::OkStatus();
     }},
    {"auth",
     [](absl::string_view value, AmqpAddress* address) {
       return SetPath(value, &address->auth);
     }},
    {"vhost",
     [](absl::string_view value, AmqpAddress* address) {
       address->vhost = std::string(value);
       return absl::OkStatus();
     }},
    {"ca",
     [](absl::string_view value, AmqpAddress* address) {
       if (!address->tls) {
         return absl::InvalidArgumentError("only amqps: verifies certificates");
       }
       return SetPath(value, &address->ca);
     }},
    {"spool",
     [](absl::string_view value, AmqpAddress* address) {
       return SetPath(value, &address->spool);
     }},
    {"timeout",
     [](absl::string_view value, AmqpAddress* address) {
       int seconds = 0;
       if (!absl::SimpleAtoi(value, &seconds) || seconds < 1 ||
           seconds > AmqpAddress::kMaxTimeout) {
         return absl::InvalidArgumentError(absl::StrCat(
             "not a number of seconds from 1 to ", AmqpAddress::kMaxTimeout));
       }
       address->timeout = seconds;
       return absl::OkStatus();
     }},
};

// Returns `host` with a port.
std::string WithPort(absl::string_view host, bool tls) {
  const bool has_port = absl::StartsWith(host, "[")
                            ? absl::StrContains(host, "]:")
                            : absl::StrContains(host, ":");
  return has_port ? std::string(host)
                  : absl::StrCat(host, tls ? ":5671" : ":5672");
}

}  // namespace

absl::StatusOr<AmqpAddress> AmqpAddress::Parse(bool tls,
                                               absl::string_view text) {
  AmqpAddress address;
  address.tls = tls;
  std::vector<std::string> hosts;
  std::set<absl::string_view> seen;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const size_t equals = part.find('=');
    if (equals == part.npos) {
      if (!seen.empty()) return Wrong(part, "hosts come before the words");
      if (absl::StartsWith(part, "unix:")) {
        return Wrong(part, "a broker has no Unix socket");
      }
      hosts.push_back(WithPort(part, tls));
      continue;
    }
    const absl::string_view name = part.substr(0, equals);
    const absl::string_view value = part.substr(equals + 1);
    const auto word =
        std::find_if(std::begin(kWords), std::end(kWords),
                     [name](const Word& each) { return each.name == name; });
    if (word == std::end(kWords)) {
      return Wrong(
          part,
          absl::StrCat("not one of the words ",
                       absl::StrJoin(kWords, ", ",
                                     [](std::string* out, const Word& each) {
                                       absl::StrAppend(out, each.name, "=");
                                     })));
    }
    if (!seen.insert(name).second) return Wrong(part, "the word is repeated");
    if (value.empty()) return Wrong(part, "the value is missing");
    const absl::Status read = word->read(value, &address);
    if (!read.ok()) return Wrong(part, read.message());
  }
  if (hosts.empty() || hosts[0].empty() || hosts[0][0] == ':') {
    return absl::InvalidArgumentError(
        "the broker is missing: HOST[:PORT],queue=NAME,auth=FILE");
  }
  auto parsed = NextHop::Parse(NextHop::Kind::kSmtp, absl::StrJoin(hosts, ","));
  if (!parsed.ok()) return parsed.status();
  address.hosts = std::move(parsed->hosts);
  if (address.queue.empty()) {
    return absl::InvalidArgumentError("queue=NAME is missing");
  }
  if (address.auth.empty()) {
    return absl::InvalidArgumentError(
        "auth=FILE is missing: a file with USER:PASSWORD");
  }
  return address;
}

std::string AmqpAddress::Format() const {
  std::string text =
      absl::StrJoin(hosts, ",", [](std::string* out, const HopAddress& each) {
        absl::StrAppend(out, each.Format());
      });
  const AmqpAddress usual;
  absl::StrAppend(&text, ",queue=", queue, ",auth=", auth);
  if (vhost != usual.vhost) absl::StrAppend(&text, ",vhost=", vhost);
  if (ca != usual.ca) absl::StrAppend(&text, ",ca=", ca);
  if (spool != usual.spool) absl::StrAppend(&text, ",spool=", spool);
  if (timeout != usual.timeout) absl::StrAppend(&text, ",timeout=", timeout);
  return text;
}

std::string DeadQueue(const std::string& queue) {
  return absl::StrCat(queue, ".dead");
}
std::string RetryQueue(const std::string& queue, int seconds) {
  return absl::StrCat(queue, ".retry.", seconds);
}

absl::StatusOr<AmqpCredentials> ReadAmqpCredentials(const std::string& path,
                                                    const std::string& user) {
  const auto content = files::ReadSecret(path, kMaxCredentials, user);
  if (!content.ok()) return content.status();
  const auto wrong = [&path](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", why));
  };
  absl::string_view line = *content;
  line = line.substr(0, line.find('\n'));
  const size_t colon = line.find(':');
  if (colon == line.npos || colon == 0 || line.size() + 1 < content->size()) {
    return wrong("not one line USER:PASSWORD");
  }
  // The library takes both as C strings.
  if (line.find('\0') != line.npos) return wrong("a NUL in the line");
  return AmqpCredentials{std::string(line.substr(0, colon)),
                         std::string(line.substr(colon + 1))};
}

}  // namespace postern::delivery
