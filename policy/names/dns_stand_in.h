// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: a name server on 127.0.0.1 (UDP only) that answers from a table.

#ifndef POSTERN_POLICY_NAMES_DNS_STAND_IN_H_
#define POSTERN_POLICY_NAMES_DNS_STAND_IN_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace postern::policy {

// Thread-safety: any thread may call any method at any time.
class DnsStandIn {
 public:
  enum Type : uint16_t {
    kA = 1,
    kCname = 5,
    kPtr = 12,
    kMx = 15,
    kTxt = 16,
    kAaaa = 28,
  };
  enum class Behaviour : uint8_t {
    kAnswers,
    kSilent,     // sends no answer
    kServFail,   // RCODE 2
    kTruncated,  // sets TC, and there is no TCP server
    kGarbage,    // sends the header, the question and invalid records
  };

  DnsStandIn();
  ~DnsStandIn();

  // Returns "127.0.0.1:PORT".
  std::string server() const;

  // Adds a record of the name `owner`, in lower case. `data` is an address, a
  // name, a preference and a name ("10 mx.example", "0 ."), or a text of at
  // most 255 octets. A name without records is NXDOMAIN. A name without records
  // of the requested type has no data. An answer also contains the records of
  // an alias (CNAME).
  void Add(absl::string_view owner, Type type, absl::string_view data,
           uint32_t ttl = 60);
  // Sets the behaviour for the following questions for `owner`.
  void Behave(absl::string_view owner, Behaviour behaviour);

  // Returns the number of questions for `owner`, or for all names if it is
  // empty.
  size_t questions(absl::string_view owner = "") const;
  // Waits until there have been `count` questions in total.
  void WaitForQuestions(size_t count);

 private:
  struct Record {
    Type type = kA;
    std::string data;  // as sent
    uint32_t ttl = 0;
  };

  void Run();
  // Returns the answer. Empty: no answer is sent.
  std::string Answer(const std::string& query);

  const int socket_;
  mutable std::mutex mutex_;  // guards the members below
  std::condition_variable asked_;
  bool stopping_ = false;
  std::multimap<std::string, Record> records_;
  std::map<std::string, Behaviour> behaviours_;
  std::vector<std::string> questions_;
  std::thread thread_;
};

}  // namespace postern::policy

#endif  // POSTERN_POLICY_NAMES_DNS_STAND_IN_H_
