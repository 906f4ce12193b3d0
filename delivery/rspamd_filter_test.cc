// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/rspamd_filter.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "delivery/rspamd_answer.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/reply.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::delivery {
namespace {

// An HTTP server for one request, on a thread of its own.
class Server {
 public:
  // Writes `answer` once the request is complete, or at once if `hasty`. Then
  // closes the connection, or keeps it open until the end of the test if
  // `silent`.
  struct Manner {
    std::string answer;
    bool hasty = false;
    bool silent = false;
  };

  explicit Server(Manner manner, const std::string& path = "")
      : manner_(std::move(manner)) {
    if (path.empty()) {
      listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address = {};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof(address);
      EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size),
                0);
      EXPECT_EQ(
          getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size),
          0);
      name_ = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port));
    } else {
      listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un address = {};
      address.sun_family = AF_UNIX;
      path.copy(address.sun_path, sizeof(address.sun_path) - 1);
      EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address),
                     sizeof(address)),
                0);
      name_ = absl::StrCat("unix:", path);
    }
    EXPECT_EQ(listen(listener_, 1), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Server() {
    shutdown(listener_, SHUT_RDWR);  // ends accept()
    thread_.join();
    close(listener_);
    if (connection_ >= 0) close(connection_);
  }

  const std::string& name() const { return name_; }
  // The request. Valid after the answer.
  std::string Request() {
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([] {});
    return request_;
  }

 private:
  bool Complete() const {
    const size_t end = request_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const size_t length = request_.find("Content-Length: ");
    if (length == std::string::npos) return true;
    return request_.size() - end - 4 >=
           std::strtoul(request_.c_str() + length + 16, nullptr, 10);
  }

  void Serve() {
    connection_ = accept(listener_, nullptr, nullptr);
    if (connection_ < 0) return;
    char buffer[4096];
    while (!manner_.hasty && !Complete()) {
      const ssize_t count = read(connection_, buffer, sizeof(buffer));
      if (count <= 0) return;
      request_.append(buffer, static_cast<size_t>(count));
    }
    absl::string_view rest = manner_.answer;
    while (!rest.empty()) {
      const ssize_t count =
          send(connection_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count <= 0) break;
      rest.remove_prefix(static_cast<size_t>(count));
    }
    if (manner_.silent) return;
    close(std::exchange(connection_, -1));
  }

  const Manner manner_;
  int listener_ = -1;
  int connection_ = -1;
  std::string name_;
  std::string request_;
  std::thread thread_;
};

std::string Http(absl::string_view body) {
  return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(),
                      "\r\n\r\n", body);
}

constexpr absl::string_view kHam =
    R"({"action":"no action","score":1,"required_score":15})";

class RspamdFilterTest : public testing::Test {
 protected:
  RspamdFilterTest() : content_(folder_.path()) {
    content_.Append("Subject: x\r\n\r\nbody\r\n");
    options_.host_name = "mx.example.org";
    options_.timeout = absl::Seconds(20);
    options_.count = [this](RspamdOutcome outcome) {
      absl::StrAppend(&counted_, kRspamdOutcomes[static_cast<size_t>(outcome)],
                      ";");
    };
    options_.report = log::Report(
        [this](absl::string_view line) { absl::StrAppend(&reported_, line); });
  }

  FilterAnswer Ask(absl::string_view server) {
    return Ask(server, options_.timeout);
  }
  FilterAnswer Ask(absl::string_view server, absl::Duration remaining) {
    const auto parsed = ParseRspamdServer(server);
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    options_.server = *parsed;
    RspamdFilter filter(options_);
    return filter.Decide(envelope_, session_, content_, remaining);
  }

  const files::TestDirectory folder_;
  Spool content_;
  RspamdOptions options_;
  Envelope envelope_ = {.from = {"s", "x.example"},
                        .to = {{{"u", "l.example"}, {}}},
                        .message = 2};
  SessionInfo session_;
  std::string counted_;
  std::string reported_;
};

TEST_F(RspamdFilterTest, SendsFactsAndContent) {
  Server server({.answer = Http(kHam)});
  options_.password = "secret";
  envelope_.to.push_back({{"a b", "l.example"}, {}});
  session_.session_id = "abc";
  session_.remote_address = IpAddress::Parse("2001:db8::1");
  session_.hello_name = "client.example";
  session_.remote_name = "host.example";
  session_.name_status = NameStatus::kConfirmed;
  session_.identity = "ann";
  session_.tls = std::make_shared<const TlsInfo>(
      TlsInfo{.protocol = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256"});
  const FilterAnswer answer = Ask(server.name());
  EXPECT_FALSE(answer.refusal);
  EXPECT_EQ(answer.reason, "no action, score 1 of 15");
  EXPECT_EQ(counted_, "no action;");
  const std::string request = server.Request();
  EXPECT_TRUE(absl::StartsWith(request, "POST /checkv2 HTTP/1.1\r\n"));
  EXPECT_TRUE(absl::EndsWith(request, "\r\n\r\nSubject: x\r\n\r\nbody\r\n"));
  for (const absl::string_view field :
       {"IP: 2001:db8::1", "Helo: client.example", "Hostname: host.example",
        "From: <s@x.example>", "User: ann", "Queue-Id: abc-2",
        "MTA-Name: mx.example.org", "TLS-Version: TLSv1.3",
        "TLS-Cipher: TLS_AES_128_GCM_SHA256", "Password: secret",
        "Rcpt: <u@l.example>", "Rcpt: <\"a b\"@l.example>",
        "Content-Length: 20"}) {
    EXPECT_TRUE(absl::StrContains(request, absl::StrCat("\r\n", field, "\r\n")))
        << field << " in " << request;
  }
  for (const absl::string_view field : {"Content-Type", "Expect", "Transfer"}) {
    EXPECT_FALSE(absl::StrContains(request, field)) << request;
  }
}

TEST_F(RspamdFilterTest, ClientsAddNoFields) {
  session_.hello_name = "a\r\nUser: root";
  session_.remote_name = "not.confirmed";
  session_.name_status = NameStatus::kForged;
  envelope_.from = Path{};
  envelope_.to[0].path.local_part = "u\nIP: 127.0.0.1";
  EXPECT_EQ(absl::StrJoin(RspamdRequest(envelope_, session_, options_), "|"),
            "Helo: a??User: root|From: <>|Queue-Id: -2|"
            "MTA-Name: mx.example.org|Rcpt: <\"u?IP: 127.0.0.1\"@l.example>");
}

TEST_F(RspamdFilterTest, ManyRecipientsAreCut) {
  envelope_.to.assign(10000, {{std::string(800, 'u'), "l.example"}, {}});
  size_t size = 0;
  for (const std::string& field :
       RspamdRequest(envelope_, session_, options_)) {
    size += field.size() + 2;
  }
  EXPECT_LT(size, kMaxRspamdRecipients + 200);
  EXPECT_GT(size, kMaxRspamdRecipients - 1000);
}

TEST_F(RspamdFilterTest, UsesUnixSocketsAndLargeContent) {
  std::string body(3 * Spool::kInMemory, 'x');
  content_.Append(body);
  // A socket's path must be short, so it is not in the test's directory.
  char folder[] = "/tmp/rspamd-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = absl::StrCat(folder, "/socket");
  {
    Server server({.answer = Http(kHam)}, path);
    EXPECT_EQ(Ask(server.name()).reason, "no action, score 1 of 15");
    EXPECT_TRUE(absl::EndsWith(server.Request(), body));
  }
  EXPECT_EQ(unlink(path.c_str()), 0);
  EXPECT_EQ(rmdir(folder), 0);
}

TEST_F(RspamdFilterTest, OutageIsATemporaryRefusal) {
  std::string header = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&header, "X-", i, ": ", std::string(100, 'x'), "\r\n");
  }
  const struct {
    absl::string_view name;
    Server::Manner manner;
    absl::string_view why;
  } cases[] = {
      {"closes", {.answer = ""}, ""},
      {"closes before it has read", {.answer = "", .hasty = true}, ""},
      {"truncated",
       {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"},
       ""},
      {"status",
       {.answer = "HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n"},
       "HTTP status 500"},
      {"redirection",
       {.answer = "HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\n"
                  "Content-Length: 0\r\n\r\n"},
       "HTTP status 302"},
      {"no HTTP", {.answer = "{\"action\":\"no action\"}"}, ""},
      {"no JSON", {.answer = Http("<html>")}, "not a JSON object"},
      {"an error", {.answer = Http(R"({"error":"x"})")}, "no action"},
      {"huge", {.answer = Http(std::string(kMaxRspamdAnswer + 1, ' '))}, ""},
      {"huge header", {.answer = header + Http(kHam)}, ""},
      {"field",
       {.answer = Http(R"({"action":"no action","milter":
          {"add_headers":{"A\nB":"x"}}})")},
       "not a name"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.name));
    counted_.clear();
    Server server(c.manner);
    const FilterAnswer answer = Ask(server.name());
    ASSERT_TRUE(answer.refusal);
    EXPECT_EQ(answer.refusal->code, 451);
    EXPECT_TRUE(absl::StartsWith(answer.reason, server.name() + ": "))
        << answer.reason;
    EXPECT_TRUE(absl::StrContains(answer.reason, c.why)) << answer.reason;
    EXPECT_EQ(counted_, "outage;");
    EXPECT_EQ(reported_, "");
  }
}

TEST_F(RspamdFilterTest, WaitsForALimitedTime) {
  Server silent({.answer = "", .silent = true});
  FilterAnswer answer = Ask(silent.name(), absl::Milliseconds(50));
  EXPECT_EQ(answer.refusal->code, 451);
  Server half({.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
               .silent = true});
  answer = Ask(half.name(), absl::Milliseconds(50));
  EXPECT_EQ(answer.refusal->code, 451);
  // It has waited too long for a thread.
  Server fine({.answer = Http(kHam)});
  answer = Ask(fine.name(), absl::ZeroDuration());
  EXPECT_EQ(answer.refusal->code, 451);
  EXPECT_TRUE(absl::StrContains(answer.reason, "too many messages"))
      << answer.reason;
}

TEST_F(RspamdFilterTest, OutageCanBeAccepted) {
  options_.accept_if_down = true;
  const std::string nowhere = std::string("unix:/nonexistent/rspamd");
  const FilterAnswer answer = Ask(nowhere);
  EXPECT_FALSE(answer.refusal);
  EXPECT_TRUE(answer.edits.empty());
  EXPECT_TRUE(absl::StartsWith(answer.reason,
                               absl::StrCat("not examined: ", nowhere, ": ")))
      << answer.reason;
  EXPECT_TRUE(absl::EndsWith(reported_, ": delivered without an examination"));
  EXPECT_EQ(counted_, "outage;");
}

TEST_F(RspamdFilterTest, LargeMessagesAreNotExamined) {
  options_.max_size = content_.size() - 1;
  const FilterAnswer answer = Ask(std::string("unix:/nonexistent/rspamd"));
  EXPECT_FALSE(answer.refusal);
  EXPECT_EQ(answer.reason, "not examined: more than 19 octets");
  EXPECT_EQ(counted_, "too-large;");
  Server server({.answer = Http(kHam)});
  options_.max_size = content_.size();
  EXPECT_EQ(Ask(server.name()).reason, "no action, score 1 of 15");
}

TEST(RspamdServerTest, AddressesAreUrlsOrSockets) {
  const struct {
    std::string text;
    absl::string_view result;  // the URL and the socket, or a part of the error
  } cases[] = {
      {"http://127.0.0.1:11333", "http://127.0.0.1:11333/checkv2 "},
      {"http://[::1]:11333/", "http://[::1]:11333/checkv2 "},
      {"https://rspamd.example:443", "https://rspamd.example:443/checkv2 "},
      {"unix:/run/rspamd.sock", "http://localhost/checkv2 /run/rspamd.sock"},
      {"http://127.0.0.1", "the port is missing"},
      {"http://127.0.0.1:1/checkv2", "must not contain a path"},
      {"http://127.0.0.1:1/?a", "must not contain a path"},
      {"http://127.0.0.1:1/#a", "must not contain a path"},
      {"http://user@127.0.0.1:1", "must not contain a user"},
      {"ftp://127.0.0.1:1", "must be http"},
      {"127.0.0.1:11333", "not http://"},
      {"unix:run/x", "not an absolute path"},
      {"unix:/" + std::string(107, 'x'), "too long"},
      {"", "not http://"},
      {"http://127.0.0.1:1\r\nX: y", "not http://"},
  };
  for (const auto& c : cases) {
    const auto server = ParseRspamdServer(c.text);
    if (server.ok()) {
      EXPECT_EQ(absl::StrCat(server->url, " ", server->socket_path), c.result);
      EXPECT_EQ(server->name, c.text);
    } else {
      EXPECT_TRUE(absl::StrContains(server.status().message(), c.result))
          << c.text << ": " << server.status();
    }
  }
}

}  // namespace
}  // namespace postern::delivery
