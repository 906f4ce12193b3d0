// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/grammar/ip_address.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "system/descriptor.h"

namespace postern::transports {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// How long a test waits for an expected event.
constexpr int kPatience = 20'000;  // milliseconds

// A client that sends what the test says and reads what it expects.
class Client {
 public:
  Client() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_GE(socket_, 0);
  }
  explicit Client(const net::ListenAddress& server) : Client() {
    Connect(server);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { Close(); }

  void Connect(const net::ListenAddress& server) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)),
              0);
  }
  void Close() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }
  // Closes the connection with a reset.
  void Reset() {
    const linger now = {1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    Close();
  }
  void Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void EndOfInput() { shutdown(socket_, SHUT_WR); }

  // Reads up to the end of a reply whose last line begins with `code` and a
  // space. Returns everything that has arrived; "(end)" marks a missing reply.
  std::string Read(absl::string_view code) {
    const std::string last = absl::StrCat(code, " ");
    std::string text;
    while (true) {
      const size_t end = text.rfind("\r\n");
      if (end != std::string::npos && end + 2 == text.size()) {
        const size_t before = end == 0 ? end : text.rfind("\r\n", end - 1);
        const size_t line = before == std::string::npos ? 0 : before + 2;
        if (absl::StartsWith(text.substr(line), last)) return text;
      }
      if (!Receive(&text)) return text + "(end)";
    }
  }
  std::string ReadAll() {
    std::string text;
    while (Receive(&text)) {
    }
    return text;
  }
  int fd() const { return socket_; }

 private:
  bool Receive(std::string* text) {
    pollfd wait = {socket_, POLLIN, 0};
    if (poll(&wait, 1, kPatience) != 1) return false;
    std::array<char, 65536> bytes;
    const ssize_t n = recv(socket_, bytes.data(), bytes.size(), 0);
    if (n <= 0) return false;
    text->append(bytes.data(), static_cast<size_t>(n));
    return true;
  }

  int socket_;
};

// Keeps committed messages. Thread-safe. Passes writes and commits to `run`,
// which may run them on another thread.
class Mailbox : public Delivery {
 public:
  using Run = std::function<void(absl::AnyInvocable<void() &&>)>;
  explicit Mailbox(Run run = nullptr) : run_(std::move(run)) {}

  ExtensionSet carries() const override { return ExtensionSet::All(); }
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    return std::make_unique<Message>(this);
  }

  std::vector<std::string> messages() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return messages_;
  }

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(Mailbox* mailbox) : mailbox_(*mailbox) {}
    std::optional<Verdict> Open(const Envelope&, Policy::Later) override {
      return Verdict::Accept();
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&> ready) override {
      EXPECT_FALSE(full_) << "written to before it was ready";
      for (absl::string_view slice : slices) {
        text_.append(slice.data(), slice.size());
      }
      if (!mailbox_.run_) return true;
      full_ = true;
      mailbox_.run_([this, ready = std::move(ready)]() mutable {
        full_ = false;
        std::move(ready)();
      });
      return false;
    }
    void Commit(Policy::Done done) override {
      auto commit = [&mailbox = mailbox_, text = std::move(text_),
                     done = std::move(done)]() mutable {
        {
          const std::lock_guard<std::mutex> lock(mailbox.mutex_);
          mailbox.messages_.push_back(std::move(text));
        }
        std::move(done)(Verdict::Accept());
      };
      if (!mailbox_.run_) return commit();
      mailbox_.run_(std::move(commit));
    }

   private:
    Mailbox& mailbox_;
    std::atomic<bool> full_{false};
    std::string text_;
  };

  const Run run_;
  std::mutex mutex_;
  std::vector<std::string> messages_;
};

class AcceptAll : public Policy {
 public:
  explicit AcceptAll(Mailbox::Run run = nullptr) : run_(std::move(run)) {}
  std::optional<Verdict> Decide(const Ask&, const SharedSessionInfo&,
                                Later later) override {
    if (!run_) return Verdict::Accept();
    run_([done = later()]() mutable { std::move(done)(Verdict::Accept()); });
    return std::nullopt;
  }

 private:
  const Mailbox::Run run_;
};

// One thread that runs the tasks that it gets.
class Worker {
 public:
  Worker() : thread_([this] { Work(); }) {}
  ~Worker() { Finish(); }
  // Runs the remaining tasks and ends the thread. A server must outlive them.
  void Finish() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  void Do(absl::AnyInvocable<void() &&> task) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }

 private:
  void Work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return over_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      auto tasks = std::exchange(tasks_, {});
      lock.unlock();
      for (auto& task : tasks) std::move(task)();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<absl::AnyInvocable<void() &&>> tasks_;
  bool over_ = false;
  std::thread thread_;
};

// Serves all clients in the same way and counts ends.
class Everyone : public Service {
 public:
  Everyone(Policy* policy, Delivery* delivery)
      : policy_(policy), delivery_(delivery) {
    config.greeting = "mx.example";
    config.carried = ExtensionSet::All();
  }

  void Admit(size_t listener, SessionInfo info, Admitted done) override {
    EXPECT_EQ(ToString(info.remote_address), "127.0.0.1");
    EXPECT_NE(info.remote_port, 0);
    EXPECT_EQ(ToString(info.local_address), "127.0.0.1");
    if (admit) return admit(listener, std::move(info), std::move(done));
    std::move(done)({NewHost(), std::nullopt, std::move(info)});
  }
  std::shared_ptr<SessionHost> NewHost() {
    return std::make_shared<Host>(this);
  }

  std::vector<SessionEnd> ends() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ends_;
  }
  void AwaitEnds(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::milliseconds(kPatience),
                                  [&] { return ends_.size() >= count; }));
  }

  void OnListenerFailed(size_t listener, const absl::Status& why) override {
    EXPECT_EQ(listener, 0u);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      failures_.emplace_back(why.message());
    }
    changed_.notify_all();
  }
  // Waits for the first failure of a listener and returns it.
  std::string AwaitFailure() {
    std::unique_lock<std::mutex> lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::milliseconds(kPatience),
                                  [&] { return !failures_.empty(); }));
    return failures_.empty() ? "" : failures_[0];
  }
  size_t failures() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return failures_.size();
  }

  ServerConfig config;
  std::function<void(size_t, SessionInfo, Admitted)> admit;

 private:
  class Host : public SessionHost {
   public:
    explicit Host(Everyone* service) : service_(*service) {}
    const ServerConfig& config() const override { return service_.config; }
    ResponderOptions responder() override {
      ResponderOptions options;
      options.policy = service_.policy_;
      options.delivery = service_.delivery_;
      options.stamp = [] { return TraceStamp{absl::UnixEpoch(), "id"}; };
      return options;
    }
    void OnEnd(const SessionEnd& end, const SessionInfo& info) override {
      EXPECT_EQ(ToString(info.remote_address), "127.0.0.1");
      {
        const std::lock_guard<std::mutex> lock(service_.mutex_);
        service_.ends_.push_back(end);
      }
      service_.changed_.notify_all();
    }

   private:
    Everyone& service_;
  };

  Policy* const policy_;
  Delivery* const delivery_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SessionEnd> ends_;
  std::vector<std::string> failures_;
};

class ServerTest : public testing::Test {
 protected:
  // Starts a server and sets `address_`.
  void Serve(ServerOptions options = {}) {
    if (options.threads == 0) options.threads = 2;
    server_ = std::make_unique<Server>(&service_, options);
    const auto address =
        server_->Listen({IpAddress::Parse("127.0.0.1"), 0, ""});
    ASSERT_TRUE(address.ok()) << address.status();
    address_ = *address;
    ASSERT_TRUE(server_->Start().ok());
  }

  AcceptAll policy_;
  Mailbox mailbox_;
  Everyone service_{&policy_, &mailbox_};
  std::unique_ptr<Server> server_;
  net::ListenAddress address_;
};

constexpr absl::string_view kEnvelope =
    "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<u@d>\r\nDATA\r\n";

TEST_F(ServerTest, ServesASession) {
  Serve();
  Client client(address_);
  EXPECT_EQ(client.Read("220"), "220 mx.example ESMTP\r\n");
  client.Send(kEnvelope);
  EXPECT_THAT(client.Read("354"), HasSubstr("354 go ahead\r\n"));
  client.Send("Subject: x\r\n\r\nHello\r\n.\r\n");
  EXPECT_EQ(client.Read("250"), "250 2.0.0 ok\r\n");
  client.Send("QUIT\r\n");
  EXPECT_EQ(client.ReadAll(), "221 2.0.0 mx.example\r\n");
  ASSERT_EQ(mailbox_.messages().size(), 1u);
  EXPECT_THAT(mailbox_.messages()[0], StartsWith("Received: "));
  EXPECT_THAT(mailbox_.messages()[0],
              HasSubstr("\r\nSubject: x\r\n\r\nHello\r\n"));
  service_.AwaitEnds(1);
  const SessionEnd end = service_.ends()[0];
  EXPECT_EQ(end.reason, CloseReason::kQuit);
  EXPECT_TRUE(end.clean);
  EXPECT_EQ(end.bytes_in, kEnvelope.size() + 30);
  EXPECT_EQ(end.replies, (ReplyCounts{6, 1, 0, 0}));
}

TEST_F(ServerTest, ServesWithManyThreads) {
  constexpr rlim_t kEnough = 2048;  // descriptors; each thread needs some
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_GE(before.rlim_max, kEnough);
  const rlimit enough = {std::max(before.rlim_cur, kEnough), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &enough), 0);
  Serve({.threads = 130});
  EXPECT_EQ(Client(address_).Read("220"), "220 mx.example ESMTP\r\n");
  server_.reset();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(ServerTest, ServesAPipelinedGroup) {
  Serve();
  Client client(address_);
  std::string all;
  for (int i = 0; i < 50; ++i) {
    absl::StrAppend(&all, kEnvelope, "n ", i, "\r\n.\r\n");
  }
  client.Send(absl::StrCat(all, "QUIT\r\n"));
  EXPECT_THAT(client.ReadAll(), testing::EndsWith("221 2.0.0 mx.example\r\n"));
  EXPECT_EQ(mailbox_.messages().size(), 50u);
}

TEST_F(ServerTest, AnswersMayComeFromOtherThreads) {
  Worker worker;
  const auto run = [&worker](auto task) { worker.Do(std::move(task)); };
  AcceptAll policy(run);
  Mailbox mailbox(run);
  Everyone service(&policy, &mailbox);
  Server server(&service, {.threads = 2});
  const auto address = server.Listen({IpAddress::Parse("127.0.0.1"), 0, ""});
  ASSERT_TRUE(address.ok() && server.Start().ok());
  const std::string large(size_t{3} << 20, 'x');
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(*address));
  }
  std::vector<std::thread> senders;
  for (auto& client : clients) {
    senders.emplace_back([&] {
      client->Send(absl::StrCat(kEnvelope, large, "\r\n.\r\nQUIT\r\n"));
      EXPECT_THAT(client->ReadAll(), HasSubstr("\r\n250 2.0.0 ok\r\n221 "));
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(mailbox.messages().size(), 20u);
  for (const std::string& message : mailbox.messages()) {
    EXPECT_THAT(message.substr(message.size() - large.size() - 2),
                large + "\r\n");
  }
  server.Abandon();
  server.Join();
  worker.Finish();
}

TEST_F(ServerTest, AClientMayDisconnectAtAnyTime) {
  Worker worker;
  const auto run = [&worker](auto task) { worker.Do(std::move(task)); };
  AcceptAll policy(run);
  Mailbox mailbox(run);
  Everyone service(&policy, &mailbox);
  Server server(&service, {.threads = 2});
  const auto address = server.Listen({IpAddress::Parse("127.0.0.1"), 0, ""});
  ASSERT_TRUE(address.ok() && server.Start().ok());
  const std::string session = absl::StrCat(kEnvelope, "hello\r\n.\r\nQUIT\r\n");
  for (size_t cut = 0; cut <= session.size(); ++cut) {
    Client client(*address);
    client.Send(session.substr(0, cut));
    if (cut % 2 == 0) client.Reset();
  }
  service.AwaitEnds(session.size() + 1);
  server.Abandon();
  server.Join();
  worker.Finish();
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(ServerTest, RepliesAreSentAfterAnEndOfInput) {
  Serve();
  Client client(address_);
  client.Send(absl::StrCat(kEnvelope, "x\r\n.\r\n"));
  client.EndOfInput();
  EXPECT_THAT(client.ReadAll(), testing::EndsWith("250 2.0.0 ok\r\n"));
  service_.AwaitEnds(1);
  EXPECT_TRUE(service_.ends()[0].clean);
}

TEST_F(ServerTest, ManyPipelinedCommandsGetAllReplies) {
  Serve();
  Client client(address_);
  std::string all = "EHLO c\r\n";
  for (int i = 0; i < 20000; ++i)
    absl::StrAppend(&all, "HELP me with this\r\n");
  std::thread sender([&] { client.Send(absl::StrCat(all, "QUIT\r\n")); });
  EXPECT_THAT(client.ReadAll(), testing::EndsWith("221 2.0.0 mx.example\r\n"));
  sender.join();
}

TEST_F(ServerTest, ASilentClientGetsATimeout) {
  service_.config.command_timeout = absl::Milliseconds(200);
  Serve();
  Client client(address_);
  EXPECT_EQ(client.ReadAll(),
            "220 mx.example ESMTP\r\n421 4.4.2 timeout (#4.4.2)\r\n");
  service_.AwaitEnds(1);
  EXPECT_EQ(service_.ends()[0].reason, CloseReason::kTimeout);
}

TEST_F(ServerTest, ATrickleDoesNotExtendTheCommandTimeout) {
  service_.config.command_timeout = absl::Milliseconds(300);
  Serve();
  Client client(address_);
  client.Read("220");
  std::string all;
  for (int i = 0; i < 1000 && !absl::StrContains(all, "421"); ++i) {
    client.Send("x");
    pollfd wait = {client.fd(), POLLIN, 0};
    if (poll(&wait, 1, 20) == 1) all = client.ReadAll();
  }
  EXPECT_THAT(all, StartsWith("421 4.4.2"));
}

// A line every 20 ms would be enough progress for each timeout.
TEST_F(ServerTest, TooSlowContentIsATimeout) {
  ServerOptions options;
  options.times.pace = {.min_rate = 1'000'000,
                        .grace = absl::Milliseconds(300)};
  service_.config.data_block = 1;
  Serve(options);
  for (absl::string_view begin : {"", "bare\nnewline\r\n"}) {
    Client client(address_);
    client.Send(absl::StrCat(kEnvelope, begin));
    client.Read("354");
    std::string all;
    for (int i = 0; i < 1000 && all.empty(); ++i) {
      client.Send("x\r\n");
      pollfd wait = {client.fd(), POLLIN, 0};
      if (poll(&wait, 1, 20) == 1) all = client.ReadAll();
    }
    EXPECT_EQ(all, "421 4.4.2 timeout (#4.4.2)\r\n");
  }
  service_.AwaitEnds(2);
  EXPECT_EQ(service_.ends()[1].reason, CloseReason::kTimeout);
  EXPECT_TRUE(mailbox_.messages().empty());
}

TEST_F(ServerTest, FastEnoughContentIsServed) {
  ServerOptions options;
  options.times.pace = {.min_rate = 10, .grace = absl::Milliseconds(1)};
  Serve(options);
  Client client(address_);
  client.Send(kEnvelope);
  client.Read("354");
  for (int i = 0; i < 50; ++i) {
    client.Send("0123456789\r\n");
    poll(nullptr, 0, 20);
  }
  client.Send(".\r\nQUIT\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("250 2.0.0 ok\r\n221 "));
}

// The delivery and the policy are slow, not the client.
TEST_F(ServerTest, TimeOfTheServerIsNotTimeOfTheClient) {
  Worker worker;
  const auto run = [&worker](auto task) {
    worker.Do([task = std::move(task)]() mutable {
      poll(nullptr, 0, 30);
      std::move(task)();
    });
  };
  AcceptAll policy(run);
  Mailbox mailbox(run);
  Everyone service(&policy, &mailbox);
  ServerOptions options{.threads = 1};
  options.times.pace = {.min_rate = 100'000'000,
                        .grace = absl::Milliseconds(200)};
  Server server(&service, options);
  const auto address = server.Listen({IpAddress::Parse("127.0.0.1"), 0, ""});
  ASSERT_TRUE(address.ok() && server.Start().ok());
  {
    Client client(*address);
    const std::string large(size_t{4} << 20, 'x');
    client.Send(absl::StrCat(kEnvelope, large, "\r\n.\r\nQUIT\r\n"));
    EXPECT_THAT(client.ReadAll(), HasSubstr("\r\n250 2.0.0 ok\r\n221 "));
  }
  server.Abandon();
  server.Join();
  worker.Finish();
}

TEST_F(ServerTest, ASessionEndsAtItsTimeout) {
  ServerOptions options;
  options.times.session_timeout = absl::Milliseconds(300);
  Serve(options);
  Client client(address_);
  client.Read("220");
  std::string all;
  while (!absl::StrContains(all, "421")) {
    client.Send("NOOP\r\n");
    all = client.Read("250");
  }
  EXPECT_THAT(all, HasSubstr("421 4.4.2"));
}

TEST_F(ServerTest, AMissingAnswerIsATimeout) {
  std::vector<absl::AnyInvocable<void() &&>> never;
  AcceptAll policy([&never](auto task) { never.push_back(std::move(task)); });
  Everyone service(&policy, &mailbox_);
  ServerOptions options;
  options.threads = 1;
  options.times.answer_timeout = absl::Milliseconds(200);
  Server server(&service, options);
  const auto address = server.Listen({IpAddress::Parse("127.0.0.1"), 0, ""});
  ASSERT_TRUE(address.ok() && server.Start().ok());
  Client client(*address);
  EXPECT_EQ(client.ReadAll(), "421 4.4.2 timeout (#4.4.2)\r\n");
  server.Abandon();
  server.Join();
  for (auto& task : never) std::move(task)();  // too late: no effect
}

TEST_F(ServerTest, AClientThatTalksBeforeTheGreetingIsRefused) {
  service_.config.early_talk = OutOfTurn::kReject;
  ServerOptions options;
  options.times.greet_delay = absl::Milliseconds(300);
  Serve(options);
  Client patient(address_);
  Client hasty(address_);
  hasty.Send("EHLO c\r\n");
  EXPECT_THAT(hasty.ReadAll(), StartsWith("554 5.5.0"));
  EXPECT_EQ(patient.Read("220"), "220 mx.example ESMTP\r\n");
}

TEST_F(ServerTest, AServiceMayRefuseOrCloseSilently) {
  service_.admit = [](size_t, SessionInfo info, Service::Admitted done) {
    static std::atomic<int> count{0};
    Admission admission;
    admission.info = std::move(info);
    if (count++ == 0) admission.refusal = Reply{554, {5, 7, 1}, "no"};
    std::move(done)(std::move(admission));
  };
  Serve();
  EXPECT_EQ(Client(address_).ReadAll(), "554 5.7.1 no\r\n");
  EXPECT_EQ(Client(address_).ReadAll(), "");
}

TEST_F(ServerTest, AdmissionMayCompleteOnAnotherThread) {
  Worker worker;
  service_.admit = [&](size_t listener, SessionInfo info,
                       Service::Admitted done) {
    EXPECT_EQ(listener, 0u);
    worker.Do([&, info = std::move(info), done = std::move(done)]() mutable {
      std::move(done)({service_.NewHost(), std::nullopt, std::move(info)});
    });
  };
  Serve();
  Client client(address_);
  client.Send("QUIT\r\n");
  EXPECT_EQ(client.ReadAll(),
            "220 mx.example ESMTP\r\n221 2.0.0 mx.example\r\n");
  server_->Abandon();
  server_->Join();
}

TEST_F(ServerTest, DrainingAnswersClientsInTheAcceptQueue) {
  Server server(&service_, {.threads = 2});
  const auto address = server.Listen({IpAddress::Parse("127.0.0.1"), 0, ""});
  ASSERT_TRUE(address.ok()) << address.status();
  // More than a loop accepts in one batch. All of them are in the queue before
  // the server starts.
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 400; ++i) {
    clients.push_back(std::make_unique<Client>(*address));
  }
  server.Drain();
  ASSERT_TRUE(server.Start().ok());
  int answered = 0;
  for (const auto& client : clients) {
    // Clients that were accepted before the drain also got a greeting.
    answered += absl::StrContains(client->ReadAll(), "421 4.3.2 ") ? 1 : 0;
    client->Close();
  }
  EXPECT_EQ(answered, 400);
  server.Join();
}

TEST_F(ServerTest, DrainingEndsIdleSessionsAndLetsOthersFinish) {
  Serve();
  Client idle(address_);
  idle.Read("220");
  Client busy(address_);
  busy.Read("220");
  busy.Send(kEnvelope);
  busy.Read("354");
  server_->Drain();
  EXPECT_EQ(idle.ReadAll(),
            "421 4.3.2 shutting down, try again later (#4.3.2)\r\n");
  busy.Send("hello\r\n.\r\n");
  EXPECT_EQ(busy.ReadAll(),
            "250 2.0.0 ok\r\n"
            "421 4.3.2 shutting down, try again later (#4.3.2)\r\n");
  idle.Close();
  busy.Close();
  server_->Join();
  EXPECT_EQ(mailbox_.messages().size(), 1u);
  EXPECT_EQ(service_.ends().size(), 2u);
}

TEST_F(ServerTest, AbandoningEndsAllSessions) {
  Serve();
  Client busy(address_);
  busy.Read("220");
  busy.Send(kEnvelope);
  busy.Read("354");
  server_->Abandon();
  server_->Join();
  EXPECT_EQ(busy.ReadAll(), "");
  EXPECT_TRUE(mailbox_.messages().empty());
  ASSERT_EQ(service_.ends().size(), 1u);
  EXPECT_EQ(service_.ends()[0].reason, CloseReason::kShutdown);
}

TEST_F(ServerTest, WithoutDescriptorsNewClientsGet421AndSessionsContinue) {
  Serve({.threads = 1});
  Client first(address_);
  first.Read("220");
  std::array<Client, 5> others;
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  const int next = dup(0);
  close(next);
  const rlimit none = {static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (Client& other : others) other.Connect(address_);
  for (Client& other : others) {
    EXPECT_THAT(other.ReadAll(), StartsWith("421 4.3.2 too many connections"));
  }
  EXPECT_EQ(server_->refused_admission(), others.size());
  first.Send("NOOP\r\n");
  EXPECT_EQ(first.Read("250"), "250 2.0.0 ok\r\n");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  Client again(address_);
  EXPECT_EQ(again.Read("220"), "220 mx.example ESMTP\r\n");
}

// Returns what a refused client gets: its reply, and then an end of input. A
// reset would mean that it may have lost the reply.
std::string ReadToTheEnd(Client* client) {
  std::string text;
  while (true) {
    pollfd wait = {client->fd(), POLLIN, 0};
    if (poll(&wait, 1, kPatience) != 1) return text + "(timeout)";
    std::array<char, 4096> bytes;
    const ssize_t n = recv(client->fd(), bytes.data(), bytes.size(), 0);
    if (n < 0) return text + "(reset)";
    if (n == 0) return text;
    text.append(bytes.data(), static_cast<size_t>(n));
    client->Send("more that was not asked for\r\n");
  }
}

TEST_F(ServerTest, WithFewDescriptorsEachClientGetsAReply) {
  Serve({.threads = 2});
  std::array<Client, 150> clients;
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  const int next = dup(0);
  close(next);
  const rlimit few = {static_cast<rlim_t>(next) + 40, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  for (Client& client : clients) {
    client.Connect(address_);
    client.Send("QUIT\r\n");
  }
  size_t greeted = 0;
  size_t refused = 0;
  for (Client& client : clients) {
    const std::string text = client.ReadAll();
    greeted += absl::StartsWith(text, "220 ");
    refused += absl::StartsWith(text, "421 4.3.2 too many connections");
  }
  EXPECT_EQ(greeted + refused, clients.size());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(Client(address_).Read("220"), "220 mx.example ESMTP\r\n");
}

TEST_F(ServerTest, ClientsLeaveDescriptorsForTheRestOfTheProcess) {
  std::array<Client, 60> clients;
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  const int next = dup(0);
  close(next);
  // The server reads the limit when it starts.
  const rlimit few = {static_cast<rlim_t>(next) + 40, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  Serve({.threads = 2});
  size_t refused = 0;
  for (Client& client : clients) {
    client.Connect(address_);
    const std::string reply = client.Read("220");  // or to the end
    refused += absl::StartsWith(reply, "421 ");
  }
  EXPECT_GT(refused, 0u);
  // The clients stay connected. Of the reserve, two descriptors for each thread
  // and two more, each thread uses at most two for refused clients.
  std::vector<int> files;
  for (int file = dup(0); file >= 0; file = dup(0)) files.push_back(file);
  EXPECT_GE(files.size(), 2u);
  for (const int file : files) close(file);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(ServerTest, ARefusedClientThatTalksEarlyGetsItsReply) {
  service_.admit = [](size_t, SessionInfo info, Service::Admitted done) {
    std::move(done)({nullptr, Reply{554, {5, 7, 1}, "no"}, std::move(info)});
  };
  Serve();
  Client refused(address_);
  refused.Send("EHLO c\r\nMAIL FROM:<>\r\n");
  EXPECT_EQ(ReadToTheEnd(&refused), "554 5.7.1 no\r\n");
}

TEST_F(ServerTest, WithoutADescriptorAClientThatTalksEarlyGetsItsReply) {
  Client refused;
  server_ = std::make_unique<Server>(&service_, ServerOptions{.threads = 1});
  const auto address = server_->Listen({IpAddress::Parse("127.0.0.1"), 0, ""});
  ASSERT_TRUE(address.ok());
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  const int next = dup(0);
  close(next);
  // For one thread four descriptors are reserved, including `next`.
  const rlimit few = {static_cast<rlim_t>(next) + 4, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  ASSERT_TRUE(server_->Start().ok());
  refused.Connect(*address);
  refused.Send("EHLO c\r\nMAIL FROM:<>\r\n");
  EXPECT_THAT(ReadToTheEnd(&refused),
              StartsWith("421 4.3.2 too many connections"));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(ServerTest, AdmissionHasATimeout) {
  std::mutex mutex;
  std::vector<Service::Admitted> open;
  service_.admit = [&](size_t, SessionInfo, Service::Admitted done) {
    const std::lock_guard<std::mutex> lock(mutex);
    open.push_back(std::move(done));
  };
  ServerOptions options;
  options.times.admission_timeout = absl::Milliseconds(200);
  Serve(options);
  Client client(address_);
  EXPECT_EQ(ReadToTheEnd(&client),
            "421 4.3.2 too busy, try again later (#4.3.2)\r\n");
  const std::lock_guard<std::mutex> lock(mutex);
  ASSERT_EQ(open.size(), 1u);
  // Too late: no effect.
  std::move(open[0])({service_.NewHost(), std::nullopt, {}});
  server_->Abandon();
  server_->Join();
}

// If the client does not read, the session timeout still applies, not only the
// five minutes of the timeout for one write.
TEST_F(ServerTest, TheSessionTimeoutAppliesWhileOutputWaits) {
  ServerOptions options;
  options.times.session_timeout = absl::Milliseconds(500);
  options.times.linger = absl::Milliseconds(200);
  Serve(options);
  Client client(address_);
  client.Send("EHLO c\r\n");
  std::string flood;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&flood, "HELP\r\n");
  // Until the server reads no more.
  pollfd wait = {client.fd(), POLLOUT, 0};
  while (poll(&wait, 1, 100) == 1 && service_.ends().empty()) {
    (void)!send(client.fd(), flood.data(), flood.size(),
                MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  service_.AwaitEnds(1);
  const std::vector<SessionEnd> ends = service_.ends();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].reason, CloseReason::kTimeout);
  EXPECT_LT(ends[0].duration, absl::Seconds(10));
}

TEST_F(ServerTest, OnlyASocketThatListensIsAdopted) {
  Server server(&service_, {.threads = 1});
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const int idle = socket(AF_INET, SOCK_STREAM, 0);
  const int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  const struct {
    int socket;
    absl::string_view says;
  } rows[] = {{pipes[0], "is not a socket"},
              {pair[0], "does not listen: it is a connection (Accept=yes"},
              {idle, "does not listen"},
              {datagrams, "is not a stream socket"}};
  for (const auto& row : rows) {
    const auto adopted = server.Adopt(row.socket);
    EXPECT_EQ(adopted.status().code() == absl::StatusCode::kOk, false);
    EXPECT_THAT(adopted.status().message(), HasSubstr(row.says));
    EXPECT_THAT(adopted.status().message(),
                HasSubstr(absl::StrCat("descriptor ", row.socket)));
  }
  for (int fd : {pipes[0], pipes[1], pair[0], pair[1], idle, datagrams}) {
    EXPECT_EQ(close(fd), 0) << "the caller still owns it";
  }
}

// The process that opened the socket may shut it down. Then accept(2) always
// fails, and the descriptor stays readable.
TEST_F(ServerTest, AListenerThatCannotAcceptIsReportedOnce) {
  absl::StatusOr<system::Descriptor> listening =
      net::Listen({IpAddress::Parse("127.0.0.1"), 0, ""}, false);
  ASSERT_TRUE(listening.ok());
  const int socket = listening->Release();  // the server's
  server_ = std::make_unique<Server>(&service_, ServerOptions{.threads = 1});
  const auto adopted = server_->Adopt(socket);
  ASSERT_TRUE(adopted.ok());
  ASSERT_TRUE(server_->Start().ok());
  Client client(*adopted);
  client.Read("220");
  ASSERT_EQ(shutdown(socket, SHUT_RDWR), 0);
  EXPECT_EQ(service_.AwaitFailure(),
            absl::StrCat(adopted->Format(), ": accept: Invalid argument"));
  // Sessions continue, and the failure is reported once.
  client.Send("QUIT\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("221 "));
  server_->Drain();
  server_->Join();
  EXPECT_EQ(service_.failures(), 1u);
}

}  // namespace
}  // namespace postern::transports
