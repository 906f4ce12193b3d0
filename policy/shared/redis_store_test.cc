// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/shared/redis_store.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"
#include "net/connecting_socket.h"
#include "net/socket_address.h"
#include "system/descriptor.h"

namespace postern::policy {
namespace {

using std::chrono::milliseconds;

// Long, for what must happen; short, for what must not.
constexpr std::chrono::seconds kPatience{60};
constexpr milliseconds kTimeout{200};

// Returns a socket that listens, with room for `backlog` connections that are
// not accepted.
system::Descriptor Listen(const sockaddr_storage& address, socklen_t size,
                          int backlog) {
  system::Descriptor listener(
      socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(
      bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size),
      0);
  EXPECT_EQ(listen(listener.get(), backlog), 0);
  return listener;
}

system::Descriptor ListenAt(absl::string_view path) {
  sockaddr_storage address = {};
  const socklen_t size = net::MakeUnixAddress(path, &address);
  return Listen(address, size, /*backlog=*/9);
}

// The same at an IPv4 address. Port 0 is replaced by a free port.
system::Descriptor ListenAt(absl::string_view ip, uint16_t* port,
                            int backlog = 9) {
  sockaddr_storage address = {};
  socklen_t size =
      net::MakeSocketAddress(*IpAddress::Parse(ip), *port, &address);
  // The same family as that of a client's socket.
  system::Descriptor listener = Listen(address, size, backlog);
  size = sizeof(address);
  EXPECT_EQ(
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size),
      0);
  std::optional<IpAddress> bound;
  net::ReadSocketAddress(address, &bound, port);
  return listener;
}

// A server that answers each command with the next of its answers. Without one,
// it does what `otherwise` says, or does not answer. "close" closes the
// connection, and "tested" is the answer to the test that each connection
// begins with.
class FakeRedis {
 public:
  using Otherwise = std::function<std::string(const std::string& command)>;

  explicit FakeRedis(std::string path, Otherwise otherwise = nullptr)
      : path_(std::move(path)),
        otherwise_(std::move(otherwise)),
        listener_(ListenAt(path_)),
        thread_([this] { Run(); }) {}
  FakeRedis(system::Descriptor listener, Otherwise otherwise)
      : otherwise_(std::move(otherwise)),
        listener_(std::move(listener)),
        thread_([this] { Run(); }) {}
  ~FakeRedis() {
    shutdown(listener_.get(), SHUT_RDWR);  // ends accept()
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
    }
    thread_.join();
    if (!path_.empty()) unlink(path_.c_str());
  }

  void Answer(std::vector<std::string> answers) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::string& each : answers) answers_.push_back(std::move(each));
  }
  std::vector<std::string> commands() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return commands_;
  }

 private:
  bool over() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return over_;
  }

  void Run() {
    while (true) {
      const system::Descriptor client(
          accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() < 0) return;
      Serve(client.get());
    }
  }

  // The store sends each command of these tests when the one before is
  // answered, or it is one of several equal questions.
  void Serve(int client) {
    std::string input;
    while (true) {
      pollfd readable = {client, POLLIN, 0};
      while (poll(&readable, 1, 10) == 0) {
        if (over()) return;
      }
      char room[4096];
      const ssize_t n = read(client, room, sizeof(room));
      if (n <= 0) return;
      input.append(room, static_cast<size_t>(n));
      // A command begins with '*' at the beginning of a line.
      while (true) {
        const size_t size = CommandSize(input);
        if (size == 0) break;
        std::string answer;
        {
          const std::lock_guard<std::mutex> lock(mutex_);
          commands_.push_back(
              absl::StrReplaceAll(input.substr(0, size), {{"\r\n", " "}}));
          if (!answers_.empty()) {
            answer = std::move(answers_.front());
            answers_.pop_front();
          } else if (otherwise_) {
            answer = otherwise_(commands_.back());
          }
        }
        input.erase(0, size);
        if (answer == "close") return;
        if (answer == "tested") answer = "*1\r\n:1\r\n";
        (void)send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    }
  }

  // Returns the size of the first command, or 0 if it is not complete.
  static size_t CommandSize(absl::string_view input) {
    size_t at = input.find("\r\n");
    if (at == input.npos) return 0;
    int words = std::stoi(std::string(input.substr(1, at - 1)));
    at += 2;
    while (words-- > 0) {
      const size_t end = input.find("\r\n", at);
      if (end == input.npos) return 0;
      at =
          end + 4 + std::stoul(std::string(input.substr(at + 1, end - at - 1)));
    }
    return at <= input.size() ? at : 0;
  }

  const std::string path_;
  const Otherwise otherwise_;
  const system::Descriptor listener_;
  std::mutex mutex_;  // guards the members below
  std::deque<std::string> answers_;
  std::vector<std::string> commands_;
  bool over_ = false;
  std::thread thread_;
};

class RedisStoreTest : public testing::Test {
 protected:
  RedisStoreTest() : path_(absl::StrCat(MakeDirectory(), "/s")) {}
  ~RedisStoreTest() override {
    store_.reset();
    rmdir(path_.substr(0, path_.rfind('/')).c_str());
  }

  void Start(milliseconds timeout = kPatience, RedisAddress address = {}) {
    address.path = path_;
    Start(timeout, RedisAccess{.address = address, .password = "p"});
  }
  void Start(milliseconds timeout, const RedisAccess& access) {
    store_ = std::make_unique<RedisStore>(RedisStore::Options{
        .access = access,
        .timeout = timeout,
        .report =
            [this, prefix = absl::StrCat(access.address.Format(), ": ").size()](
                bool, const std::string& text) {
              const std::lock_guard<std::mutex> lock(mutex_);
              reports_.push_back(text.substr(prefix));
              changed_.notify_all();
            },
        .first_retry = milliseconds(1),
        .last_retry = milliseconds(1)});
    EXPECT_TRUE(store_->Start().ok());
  }

  // Returns what the store reports next.
  std::string NextReport() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, kPatience,
                           [this] { return !reports_.empty(); })) {
      return "no report";
    }
    std::string report = std::move(reports_.front());
    reports_.pop_front();
    return report;
  }

  void Ask() {
    store_->Ask({.script = "s", .keys = {"k"}, .arguments = {"a b"}},
                [this](absl::StatusOr<SharedStore::Numbers> numbers) {
                  const std::lock_guard<std::mutex> lock(mutex_);
                  answers_.push_back(std::move(numbers));
                  changed_.notify_all();
                });
  }
  absl::StatusOr<SharedStore::Numbers> NextAnswer() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, kPatience,
                           [this] { return !answers_.empty(); })) {
      return absl::InternalError("no answer");
    }
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }

  // The path of a socket must be short.
  static std::string MakeDirectory() {
    std::string directory = "/tmp/redis.XXXXXX";
    EXPECT_NE(mkdtemp(directory.data()), nullptr);
    return directory;
  }

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> reports_;
  std::deque<absl::StatusOr<SharedStore::Numbers>> answers_;
  std::unique_ptr<RedisStore> store_;
};

TEST_F(RedisStoreTest, AuthenticatesChoosesTestsAndAsks) {
  FakeRedis redis(path_);
  redis.Answer({"+OK\r\n", "+OK\r\n", "tested", "*2\r\n:0\r\n:-7\r\n"});
  Start(kPatience,
        {.database = 3, .auth = "/p", .user = "mx", .prefix = "mx:"});
  EXPECT_EQ(NextReport(), "works");
  EXPECT_TRUE(store_->works());
  Ask();
  EXPECT_EQ(*NextAnswer(), (SharedStore::Numbers{0, -7}));
  const auto commands = redis.commands();
  ASSERT_EQ(commands.size(), 4u);
  EXPECT_EQ(commands[0], "*3 $4 AUTH $2 mx $1 p ");
  EXPECT_EQ(commands[1], "*2 $6 SELECT $1 3 ");
  EXPECT_TRUE(absl::EndsWith(commands[2], "$1 1 $8 mx:probe $4 1000 "));
  EXPECT_EQ(commands[3], "*5 $4 EVAL $1 s $1 1 $4 mx:k $3 a b ");
}

TEST_F(RedisStoreTest, AnswersInTheOrderOfTheQuestions) {
  FakeRedis redis(path_);
  redis.Answer({"tested", "*1\r\n:1\r\n", "*1\r\n:2\r\n*1\r\n:3\r\n", ""});
  Start();
  for (int i = 0; i < 3; ++i) Ask();
  for (int64_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(*NextAnswer(), SharedStore::Numbers{i});
  }
  EXPECT_EQ(store_->counts().answered, 3u);
}

// Each answer is an outage: the question gets an error at once, the log says
// why, and the store works again with the next connection.
TEST_F(RedisStoreTest, WrongAnswersAreOutages) {
  const struct {
    std::string answer;
    absl::string_view report;
  } kCases[] = {
      {"close", "closed the connection"},
      {"garbage\r\n", "sent a reply that no question has; is it a Redis?"},
      {"220 mx.example ESMTP\r\n",
       "sent a reply that no question has; is it a Redis?"},
      {"$2\r\nxx\r\n", "sent a reply that no question has; is it a Redis?"},
      {":1\r\n", "sent a reply that no question has; is it a Redis?"},
      {"$-1\r\n", "sent a reply that no question has; is it a Redis?"},
      {"*2\r\n:1\r\n$1\r\nx\r\n",
       "sent a reply that no question has; is it a Redis?"},
      {"*10000\r\n", "sent a reply that no question has; is it a Redis?"},
      {"*1\r\n*2147483647\r\n",
       "sent a reply that no question has; is it a Redis?"},
      {absl::StrCat("$90000\r\n", std::string(90000, 'x'), "\r\n"),
       "sent a reply that no question has; is it a Redis?"},
      {"-NOAUTH Authentication required.\r\n",
       "NOAUTH Authentication required."},
      {"-READONLY You can't write against a read only replica.\r\n",
       "READONLY You can't write against a read only replica."},
      {"-LOADING x\r\n", "LOADING x"},
      {"-WRONGTYPE x\x1b[2J\r\n", "WRONGTYPE x\\x1b[2J"},
      {"-OOM command not allowed\r\n", "OOM command not allowed"},
  };
  FakeRedis redis(path_);
  for (const auto& c : kCases) redis.Answer({"tested", c.answer});
  redis.Answer({"tested", "*1\r\n:1\r\n"});
  Start();
  EXPECT_EQ(NextReport(), "works");
  for (const auto& c : kCases) {
    Ask();
    EXPECT_FALSE(NextAnswer().ok()) << c.report;
    EXPECT_EQ(NextReport(), c.report);
    EXPECT_EQ(NextReport(), "works");
  }
  Ask();
  EXPECT_EQ(*NextAnswer(), SharedStore::Numbers{1});
  EXPECT_EQ(store_->counts().failed, std::size(kCases));
}

TEST_F(RedisStoreTest, ServerThatHangsCostsOneTimeout) {
  for (const std::string half : {"", "*1\r\n:"}) {
    std::atomic<bool> tests = true;
    FakeRedis redis(path_, [&](const std::string& command) {
      const bool test = absl::StrContains(command, "probe");
      return test && tests ? "tested" : "";
    });
    Start(kTimeout);
    // A busy host may need several attempts.
    while (NextReport() != "works") {
    }
    tests = false;
    redis.Answer({half});
    Ask();
    Ask();
    EXPECT_FALSE(NextAnswer().ok());
    EXPECT_FALSE(NextAnswer().ok());
    EXPECT_EQ(NextReport(), "no answer within 200 ms");
    // Answered before Ask() returns.
    EXPECT_FALSE(store_->works());
    bool answered = false;
    store_->Ask({}, [&](const auto& numbers) { answered = !numbers.ok(); });
    EXPECT_TRUE(answered);
    EXPECT_EQ(store_->counts().skipped, 1u);
    EXPECT_EQ(NextReport(), "a script: no answer in time");
    store_.reset();
    reports_.clear();
  }
}

TEST_F(RedisStoreTest, ServerThatIsNotThereAtTheStart) {
  Start();
  EXPECT_EQ(NextReport(), "cannot connect: No such file or directory");
  EXPECT_FALSE(store_->works());
  // The store may connect before the constructor returns.
  FakeRedis redis(path_, [](const std::string&) { return "tested"; });
  EXPECT_EQ(NextReport(), "works");
}

TEST_F(RedisStoreTest, RefusalAtTheStartNamesTheCommand) {
  FakeRedis redis(path_);
  redis.Answer({"-WRONGPASS invalid\r\n", "+OK\r\n", "-ERR DB index\r\n",
                "+OK\r\n", "+OK\r\n", "-READONLY replica\r\n", "+OK\r\n",
                "+OK\r\n", "tested"});
  Start(kPatience, {.database = 99, .auth = "/p"});
  EXPECT_EQ(NextReport(), "refuses AUTH: WRONGPASS");
  EXPECT_EQ(NextReport(), "refuses SELECT: ERR DB index");
  EXPECT_EQ(NextReport(), "refuses a script: READONLY replica");
  EXPECT_EQ(NextReport(), "works");
}

// A server that does not know AUTH, as one with rename-command or a proxy,
// repeats what it has got.
TEST_F(RedisStoreTest, RefusalOfAuthIsReportedWithoutItsText) {
  FakeRedis redis(path_);
  redis.Answer(
      {"-ERR unknown command `AUTH`, with args beginning with: `p`, \r\n",
       "-'p' is unknown\r\n", "+OK\r\n", "tested"});
  Start(kPatience, {.auth = "/p"});
  EXPECT_EQ(NextReport(), "refuses AUTH: ERR");
  EXPECT_EQ(NextReport(), "refuses AUTH");
  EXPECT_EQ(NextReport(), "works");
}

TEST_F(RedisStoreTest, ReaderWritesNothing) {
  FakeRedis redis(path_);
  redis.Answer({"tested"});
  Start(kPatience, RedisAccess{.address = {.path = path_}, .read_only = true});
  EXPECT_EQ(NextReport(), "works");
  const auto commands = redis.commands();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_TRUE(absl::StrContains(commands[0], "'GET'")) << commands[0];
  EXPECT_FALSE(absl::StrContains(commands[0], "'SET'")) << commands[0];
}

// In DNS, "localhost" may have any address.
TEST_F(RedisStoreTest, LocalhostElsewhereGetsNoPassword) {
  std::vector<IpAddress> addresses = {*IpAddress::Parse("192.0.2.1")};
  Start(kPatience,
        RedisAccess{.address = {.host = "localhost", .auth = "/p"},
                    .password = "p",
                    .lookup = [&](const std::string&) { return addresses; }});
  EXPECT_EQ(NextReport(),
            "localhost: has only addresses of other machines, which get no "
            "password without TLS");
}

// One address drops packets, and the name server takes longer than the whole
// time.
TEST_F(RedisStoreTest, EachAddressHasAPartOfTheTimeAfterTheLookup) {
  uint16_t port = 0;
  FakeRedis redis(ListenAt("127.0.0.1", &port),
                  [](const std::string&) { return "tested"; });
  const system::Descriptor full = ListenAt("127.0.0.2", &port, /*backlog=*/0);
  std::deque<net::ConnectingSocket> waiting;
  pollfd pending = {};
  do {
    waiting.emplace_back(*IpAddress::Parse("127.0.0.2"), port);
    waiting.back().Connect();
    pending = {waiting.back().socket(), POLLOUT, 0};
  } while (poll(&pending, 1, 100) == 1 && waiting.size() < 20);
  ASSERT_LT(waiting.size(), 20u);
  Start(kTimeout, RedisAccess{.address = {.host = "localhost", .port = port},
                              .lookup = [](const std::string&) {
                                std::this_thread::sleep_for(kTimeout);
                                return std::vector{
                                    *IpAddress::Parse("127.0.0.2"),
                                    *IpAddress::Parse("127.0.0.1")};
                              }});
  // A busy host may need several attempts.
  std::string report;
  do {
    report = NextReport();
  } while (report != "works" && report != "no report");
  EXPECT_EQ(report, "works");
}

TEST_F(RedisStoreTest, LaterConnectionsHaveTheNewPassword) {
  FakeRedis redis(path_, [](const std::string& command) -> std::string {
    if (absl::StrContains(command, "EVAL")) return "tested";
    return absl::StrContains(command, "AUTH $3 new") ? "+OK\r\n"
                                                     : "-WRONGPASS x\r\n";
  });
  Start(kPatience, {.auth = "/p"});
  EXPECT_EQ(NextReport(), "refuses AUTH: WRONGPASS");
  store_->SetAccess(
      {.address = {.path = path_, .auth = "/p"}, .password = "new"});
  EXPECT_EQ(NextReport(), "works");
}

TEST_F(RedisStoreTest, StopAnswersWhatIsOpen) {
  FakeRedis redis(path_);
  redis.Answer({"tested"});
  Start();
  Ask();
  EXPECT_TRUE(store_->Stop(kPatience));
  EXPECT_FALSE(NextAnswer().ok());
  EXPECT_FALSE(store_->works());
  Ask();
  EXPECT_FALSE(NextAnswer().ok());
}

TEST_F(RedisStoreTest, OpenQuestionsHaveALimit) {
  FakeRedis redis(path_);
  redis.Answer({"tested"});
  Start();
  for (size_t i = 0; i < RedisStore::kMaxOpen; ++i) Ask();
  EXPECT_EQ(store_->counts().skipped, 0u);
  Ask();
  EXPECT_FALSE(NextAnswer().ok());
  EXPECT_EQ(store_->counts().skipped, 1u);
  EXPECT_TRUE(store_->works());
}

}  // namespace
}  // namespace postern::policy
