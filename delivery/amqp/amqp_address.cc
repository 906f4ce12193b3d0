// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/amqp_address.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "files/secret.h"
#include "net/address_words.h"

namespace postern::delivery {
namespace {

using net::AddressWord;
using net::OneOrNone;
using net::ReadPath;

// Bytes of a file of credentials.
constexpr size_t kMaxCredentials = 4096;

// The values of the words that are not given.
const AmqpAddress& Usual() {
  static const AmqpAddress* const usual = new AmqpAddress;
  return *usual;
}

// The words of a queue.
constexpr AddressWord<AmqpAddress> kWords[] = {
    {.name = "queue",
     .read =
         [](absl::string_view value, AmqpAddress* address) {
           const bool printable =
               std::all_of(value.begin(), value.end(),
                           [](char c) { return c > ' ' && c < 0x7f; });
           if (value.size() > AmqpAddress::kMaxQueue || !printable ||
               absl::StartsWith(value, "amq.")) {
             return absl::InvalidArgumentError(absl::StrCat(
                 "a name has 1 to ", AmqpAddress::kMaxQueue,
                 " printable characters, no spaces, and does not begin with "
                 "amq."));
           }
           address->queue = std::string(value);
           return absl::OkStatus();
         },
     .format = [](const AmqpAddress& a) { return OneOrNone(a.queue); }},
    {.name = "auth",
     .read = [](absl::string_view value,
                AmqpAddress* a) { return ReadPath(value, &a->auth); },
     .format = [](const AmqpAddress& a) { return OneOrNone(a.auth); }},
    {.name = "vhost",
     .read =
         [](absl::string_view value, AmqpAddress* address) {
           address->vhost = std::string(value);
           return absl::OkStatus();
         },
     .format =
         [](const AmqpAddress& a) {
           return OneOrNone(a.vhost, Usual().vhost);
         }},
    {.name = "ca",
     .read = [](absl::string_view value,
                AmqpAddress* a) { return ReadPath(value, &a->ca); },
     .check =
         [](const AmqpAddress& address) {
           return address.tls ? absl::OkStatus()
                              : absl::InvalidArgumentError(
                                    "only amqps: verifies certificates");
         },
     .format = [](const AmqpAddress& a) { return OneOrNone(a.ca); }},
    {.name = "spool",
     .read = [](absl::string_view value,
                AmqpAddress* a) { return ReadPath(value, &a->spool); },
     .format =
         [](const AmqpAddress& a) {
           return OneOrNone(a.spool, Usual().spool);
         }},
    {.name = "timeout",
     .read =
         [](absl::string_view value, AmqpAddress* address) {
           int seconds = 0;
           if (!absl::SimpleAtoi(value, &seconds) || seconds < 1 ||
               seconds > AmqpAddress::kMaxTimeout) {
             return absl::InvalidArgumentError(
                 absl::StrCat("not a number of seconds from 1 to ",
                              AmqpAddress::kMaxTimeout));
           }
           address->timeout = seconds;
           return absl::OkStatus();
         },
     .format =
         [](const AmqpAddress& a) {
           return OneOrNone(absl::StrCat(a.timeout),
                            absl::StrCat(Usual().timeout));
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
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  const auto words = std::find_if(
      parts.begin(), parts.end(),
      [](absl::string_view part) { return absl::StrContains(part, '='); });
  std::vector<std::string> hosts;
  for (auto part = parts.begin(); part != words; ++part) {
    if (absl::StartsWith(*part, "unix:")) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", *part, "\": a broker has no Unix socket"));
    }
    hosts.push_back(WithPort(*part, tls));
  }
  if (absl::Status read = net::ReadWords<AmqpAddress>(
          kWords,
          absl::MakeConstSpan(parts).subspan(
              static_cast<size_t>(words - parts.begin())),
          &address);
      !read.ok()) {
    return read;
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
  return absl::StrCat(text, net::FormatWords<AmqpAddress>(kWords, *this));
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
