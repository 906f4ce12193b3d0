// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/qmail_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "delivery/open_message.h"
#include "delivery/queue_process.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "system/deadline.h"

namespace postern::delivery {
namespace {

std::string StandIn() {
  char* cwd = getcwd(nullptr, 0);
  const std::string path = absl::StrCat(cwd, "/delivery/queue_stand_in");
  free(cwd);
  return path;
}

class QmailQueueTest : public testing::Test {
 protected:
  QmailQueueTest() {
    signal(SIGPIPE, SIG_DFL);
    options_.program = StandIn();
    options_.home = directory_.path();
    options_.now = [] { return absl::FromUnixSeconds(1795262400); };
  }

  // Descriptors that the test program inherited must not reach the queue
  // program.
  static void SetUpTestSuite() {
    ASSERT_EQ(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), 0);
  }

  // After each test there is no zombie, no further descriptor and no pending
  // SIGPIPE.
  ~QmailQueueTest() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
    EXPECT_EQ(files::CountOpenDescriptors(), descriptors_);
    sigset_t pending;
    sigpending(&pending);
    EXPECT_FALSE(sigismember(&pending, SIGPIPE));
  }

  // The message must be destroyed before the next Open().
  Opened Open(const std::string& script) {
    SessionInfo session;
    session.environment = environment_;
    session.environment.emplace_back("STAND_IN", script);
    session.environment.emplace_back("STAND_IN_OUT", directory_.path());
    return OpenMessage(queue_.emplace(options_), envelope_, session);
  }

  // Sends a message of `body` to a stand-in that runs `script`. Returns the
  // reply.
  Reply Deliver(const std::string& script,
                absl::string_view body = "Subject: x\r\n\r\nHello\r\n") {
    QmailQueue queue(options_);
    SessionInfo session;
    session.environment = environment_;
    session.environment.emplace_back("STAND_IN", script);
    session.environment.emplace_back("STAND_IN_OUT", directory_.path());
    Opened opened = OpenMessage(queue, envelope_, session);
    if (auto* refusal = std::get_if<Reply>(&opened)) return *refusal;
    auto& sink = std::get<std::unique_ptr<MailTransaction>>(opened);
    for (; !body.empty();
         body.remove_prefix(std::min<size_t>(16001, body.size()))) {
      EXPECT_TRUE(sink->Write({body.substr(0, 16001)}, [] { FAIL(); }));
    }
    std::optional<Verdict> verdict;
    sink->Commit([&](Verdict v) { verdict = std::move(v); });
    EXPECT_TRUE(verdict) << "not answered";
    EXPECT_TRUE(verdict->reply());
    EXPECT_EQ(verdict->accepted(), verdict->reply()->code == 250);
    return verdict->reply().value_or(Reply{});
  }

  const size_t descriptors_ = files::CountOpenDescriptors();
  files::TestDirectory directory_;
  std::string report_;
  QmailQueueOptions options_{.report = [this](absl::string_view line) {
    report_ = std::string(line);
  }};
  std::optional<QmailQueue> queue_;
  Envelope envelope_{.from = {"s", "example.org"},
                     .to = {{{"u", "d"}}, {{"Post master", ""}}}};
  std::vector<std::pair<std::string, std::string>> environment_;
  // Much larger than a pipe.
  const std::string large_ = [] {
    std::string text;
    for (int i = 0; i < 100000; ++i) absl::StrAppend(&text, "line ", i, "\r\n");
    return text;
  }();
};

bool Is(const Reply& reply, int code, absl::string_view text) {
  return reply.code == code && reply.text == text;
}

TEST_F(QmailQueueTest, MessageAndEnvelopeArriveByteForByte) {
  const Reply reply = Deliver("message envelope exit=0",
                              absl::string_view("a\0\xff\r\nb\rc\r\n\r\n", 12));
  EXPECT_EQ(reply.code, 250);
  EXPECT_EQ(reply.enhanced, (EnhancedCode{2, 0, 0}));
  absl::string_view pid = reply.text;
  EXPECT_TRUE(absl::ConsumePrefix(&pid, "ok 1795262400 qp ")) << reply.text;
  int number = 0;
  EXPECT_TRUE(absl::SimpleAtoi(pid, &number) && number > 1) << reply.text;
  EXPECT_EQ(directory_.Read("message"),
            absl::string_view("a\0\xff\nb\rc\n\n", 9));
  EXPECT_EQ(directory_.Read("envelope"),
            absl::string_view("Fs@example.org\0Tu@d\0TPost master\0\0", 34));
}

TEST_F(QmailQueueTest, NullSenderIsAnEmptyField) {
  envelope_.from = {};
  EXPECT_EQ(Deliver("message envelope", "").code, 250);
  EXPECT_EQ(directory_.Read("message"), "");
  EXPECT_EQ(directory_.Read("envelope"),
            absl::string_view("F\0Tu@d\0TPost master\0\0", 21));
}

TEST_F(QmailQueueTest, LargeMessagesAndEnvelopesArriveWhole) {
  envelope_.to.clear();
  std::string envelope("Fs@example.org\0", 15);
  for (int i = 0; i < 5000; ++i) {
    const std::string user = absl::StrCat(std::string(60, 'u'), i);
    envelope_.to.push_back({{user, "example.org"}, {}});
    absl::StrAppend(&envelope, "T", user, "@example.org",
                    absl::string_view("\0", 1));
  }
  envelope.push_back('\0');
  EXPECT_EQ(Deliver("message envelope exit=0", large_).code, 250);
  std::string disk;
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&disk, "line ", i, "\n");
  EXPECT_TRUE(directory_.Read("message") == disk);
  EXPECT_TRUE(directory_.Read("envelope") == envelope);
}

TEST_F(QmailQueueTest, EachExitCodeHasItsReply) {
  EXPECT_EQ(Deliver("message envelope exit=0").code, 250);
  for (int code = 1; code <= 255; ++code) {
    const Reply reply = Deliver(absl::StrCat("message envelope exit=", code));
    const bool permanent = (code >= 11 && code <= 40) || code == 115;
    EXPECT_EQ(reply.code, permanent ? 554 : 451) << code;
  }
  // One code of each kind; queue_exit_test has all.
  EXPECT_TRUE(Is(Deliver("exit=31"), 554,
                 "mail server permanently rejected message (#5.3.0)"));
  EXPECT_TRUE(Is(Deliver("exit=30"), 554, "qq permanent problem (#5.3.0)"));
  // It reads everything; otherwise the report would say that it did not.
  EXPECT_TRUE(Is(Deliver("message envelope exit=111"), 451,
                 "qq temporary problem (#4.3.0)"));
  EXPECT_TRUE(absl::EndsWith(report_, " exited with 111")) << report_;
  EXPECT_TRUE(Is(Deliver("exit=82"), 451, "qq temporary problem (#4.3.0)"));
}

TEST_F(QmailQueueTest, ProgramKilledByASignalHasCrashed) {
  for (const int signal : {SIGKILL, SIGABRT, SIGTERM}) {
    for (const char* before : {"", "message ", "message envelope "}) {
      EXPECT_TRUE(Is(Deliver(absl::StrCat(before, "kill=", signal)), 451,
                     "qq crashed (#4.3.0)"));
    }
  }
}

TEST_F(QmailQueueTest, ProgramThatStopsReadingHasNotAcceptedTheMessage) {
  const struct {
    const char* script;
    int code;
    absl::string_view text;
  } cases[] = {
      {"exit=0", 451, "qq read error (#4.3.0)"},
      {"part=100000 exit=0", 451, "qq read error (#4.3.0)"},
      {"close=0 envelope exit=0", 451, "qq read error (#4.3.0)"},
      {"exit=31", 554, "mail server permanently rejected message (#5.3.0)"},
      {"part=100000 exit=53", 451, "qq write error or disk full (#4.3.0)"},
      {"part=1 kill=9", 451, "qq crashed (#4.3.0)"},
      {"close=0 envelope exit=54", 451, "qq read error (#4.3.0)"},
  };
  for (const auto& c : cases) {
    const Reply reply = Deliver(c.script, large_);
    EXPECT_EQ(reply.code, c.code) << c.script;
    EXPECT_EQ(reply.text, c.text) << c.script;
  }
  // An incomplete message gets no envelope.
  EXPECT_EQ(Deliver("part=100000 close=0 envelope exit=0", large_).code, 451);
  EXPECT_EQ(directory_.Read("envelope"), "");
  // The program does not read a long envelope.
  envelope_.to.assign(5000, {{std::string(60, 'u'), "example.org"}, {}});
  EXPECT_TRUE(Is(Deliver("message exit=0"), 451, "qq read error (#4.3.0)"));
}

// A message that fits into a pipe is written even if the program reads nothing.
TEST_F(QmailQueueTest, ShortMessageMustBeReadToo) {
  const Reply unread{451, {4, 3, 0}, "qq read error (#4.3.0)"};
  for (const char* script :
       {"exit=0", "part=5 envelope exit=0", "envelope exit=0", "message exit=0",
        "orphan exit=0"}) {
    EXPECT_EQ(Deliver(script), unread) << script;
    EXPECT_TRUE(
        absl::EndsWith(report_, " exited with 0 before it had read everything"))
        << report_;
    if (absl::StartsWith(script, "orphan")) {
      int pid = 0;
      ASSERT_TRUE(absl::SimpleAtoi(directory_.Read("orphan"), &pid) && pid > 1);
      kill(pid, SIGKILL);
    }
  }
  // Another exit code gives the reason.
  EXPECT_EQ(Deliver("exit=31").code, 554);
  EXPECT_EQ(Deliver("message envelope exit=0").code, 250);
  // An empty message need not be read.
  EXPECT_EQ(Deliver("envelope exit=0", "").code, 250);
}

TEST_F(QmailQueueTest, ARuleChoosesTheProgramOfASession) {
  options_.program = "/nowhere/program";
  environment_ = {{"QMAILQUEUE", "/nowhere/either"}, {"QMAILQUEUE", StandIn()}};
  EXPECT_EQ(Deliver("message envelope env=QMAILQUEUE exit=0").code, 250);
  EXPECT_EQ(directory_.Read("QMAILQUEUE"), StandIn());
  // As for qmail-smtpd, an empty value is a program that cannot be run.
  options_.program = StandIn();
  environment_ = {{"QMAILQUEUE", ""}};
  EXPECT_EQ(Deliver("message envelope exit=0"),
            (Reply{451, {4, 3, 0}, "unable to exec qq (#4.3.0)"}));
}

TEST_F(QmailQueueTest, EnvelopeIsWrittenOnlyAtCommit) {
  for (const bool large : {false, true}) {
    Opened opened = Open("message envelope exit=0");
    auto& sink = std::get<std::unique_ptr<MailTransaction>>(opened);
    const std::string body = large ? large_ : "a\r\n";
    EXPECT_TRUE(sink->Write({body}, [] { FAIL(); }));
    sink.reset();
    EXPECT_EQ(directory_.Read("envelope"), "");
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  }
  Opened opened = Open("message envelope exit=0");  // no Write either
}

TEST_F(QmailQueueTest, TheErrorTextIsUsedWithExitCodes82And88Only) {
  environment_ = {{"ERROR", "Dnope (#5.7.1)"}};
  EXPECT_EQ(Deliver("message envelope error exit=88"),
            (Reply{554, {5, 7, 1}, "nope (#5.7.1)"}));
  EXPECT_TRUE(Is(Deliver("message envelope error exit=81"), 451,
                 "qq internal bug (#4.3.0)"));
  EXPECT_EQ(Deliver("message envelope error exit=82"),
            (Reply{554, {5, 7, 1}, "nope (#5.7.1)"}));
  EXPECT_EQ(Deliver("error exit=82"), (Reply{554, {5, 7, 1}, "nope (#5.7.1)"}));
  EXPECT_TRUE(Is(Deliver("error exit=31"), 554,
                 "mail server permanently rejected message (#5.3.0)"));
  EXPECT_EQ(Deliver("message envelope error exit=0").code, 250);
  environment_ = {{"ERROR", "Zlater"}};
  EXPECT_EQ(Deliver("error exit=82"), (Reply{451, {4, 3, 0}, "later"}));
  environment_ = {{"ERROR", "D1"}};
  EXPECT_TRUE(
      Is(Deliver("error exit=82"), 451, "qq temporary problem (#4.3.0)"));
  // Written in two pieces.
  environment_ = {{"ERROR", "Dno"}};
  EXPECT_EQ(Deliver("error message error exit=82"),
            (Reply{554, {5, 3, 0}, "noDno"}));
}

TEST_F(QmailQueueTest, TheErrorTextIsCleanAndShort) {
  environment_ = {
      {"ERROR", absl::StrCat("Dno\r\n250 ok\r\n", std::string(400, 'x'))}};
  const Reply reply = Deliver("message envelope error exit=82");
  EXPECT_EQ(reply.code, 554);
  EXPECT_EQ(reply.text, absl::StrCat("no??250 ok??", std::string(242, 'x')));
  EXPECT_EQ(reply.text.size(), 254);
}

TEST_F(QmailQueueTest, LongErrorTextDoesNotBlockTheMessage) {
  for (const char* script : {"flood=300000 message envelope exit=82",
                             "message flood=300000 envelope exit=82",
                             "message envelope flood=300000 exit=82"}) {
    const Reply reply = Deliver(script, large_);
    EXPECT_EQ(reply.code, 554) << script;
    EXPECT_EQ(reply.text, std::string(254, 'D'));
  }
}

TEST_F(QmailQueueTest, ChildrenOfTheProgramAreNotWaitedFor) {
  environment_ = {{"ERROR", "Dno"}};
  for (const char* script : {"orphan message envelope exit=0",
                             "orphan error exit=82", "orphan exit=31"}) {
    // The message fits into the pipe, which the grandchild keeps open.
    const Reply reply = Deliver(script);
    const std::string text = directory_.Read("orphan");
    int pid = 0;
    ASSERT_TRUE(absl::SimpleAtoi(text, &pid) && pid > 1);
    kill(pid, SIGKILL);
    EXPECT_NE(reply.text, "qq timeout (#4.3.0)");
    EXPECT_EQ(reply.code, absl::StrContains(script, "=0") ? 250 : 554);
  }
}

TEST_F(QmailQueueTest, TheProgramRunsAsQmailSmtpdRunsIt) {
  // So that the pipes get other numbers than in the other tests.
  std::vector<int> taken;
  do {
    taken.push_back(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  } while (taken.back() < 12);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  sigset_t hup;
  sigemptyset(&hup);
  sigaddset(&hup, SIGHUP);
  sigprocmask(SIG_BLOCK, &hup, nullptr);
  setenv("INHERITED", "ours", 1);
  options_.environment = {{"SERVICE", "a=b"}, {"REPLACED", "the service's"}};
  environment_ = {{"RULE", "x=y"},
                  {"REPLACED", "first"},
                  {"REPLACED", ""},
                  {"INHERITED=", "smuggled"},
                  {"", "smuggled"}};
  EXPECT_EQ(Deliver("inherited env=RULE env=INHERITED env=REPLACED env=SERVICE "
                    "cwd message envelope exit=0")
                .code,
            250);
  sigprocmask(SIG_UNBLOCK, &hup, nullptr);
  signal(SIGXFSZ, SIG_DFL);
  for (const int fd : taken) close(fd);
  EXPECT_EQ(directory_.Read("inherited"), "fd 0\nfd 1\nfd 2\nfd 6\n");
  EXPECT_EQ(directory_.Read("RULE"), "x=y");
  EXPECT_EQ(directory_.Read("INHERITED"), "(unset)");
  EXPECT_EQ(directory_.Read("SERVICE"), "a=b");
  EXPECT_EQ(directory_.Read("REPLACED"), "");
  char* home = realpath(directory_.path().c_str(), nullptr);
  EXPECT_EQ(directory_.Read("cwd"), home);
  free(home);
}

TEST_F(QmailQueueTest, ARelativeProgramIsBelowHome) {
  ASSERT_EQ(symlink(StandIn().c_str(), directory_.File("queue").c_str()), 0);
  options_.program = "queue";
  EXPECT_EQ(Deliver("message envelope").code, 250);
  options_.program = "./queue";
  EXPECT_EQ(Deliver("message envelope").code, 250);
  options_.program = "sh";  // in PATH, which is not searched
  EXPECT_EQ(Deliver("").code, 451);
  options_.program = StandIn();
  options_.home = "";  // the working directory of this process
  EXPECT_EQ(Deliver("cwd message envelope").code, 250);
  char* cwd = getcwd(nullptr, 0);
  EXPECT_EQ(directory_.Read("cwd"), cwd);
  free(cwd);
}

TEST_F(QmailQueueTest, OpenRefusesIfTheProgramCannotRun) {
  directory_.Write("plain", "#!/bin/sh\n");
  directory_.Write("interpreter", "#!/no/such\n");
  ASSERT_EQ(chmod(directory_.File("interpreter").c_str(), 0700), 0);
  for (const std::string& program :
       {std::string("no"), std::string("plain"), std::string("."),
        std::string(), std::string("interpreter"), std::string("plain/x"),
        StandIn() + " -x", std::string(5000, 'x')}) {
    options_.program = program;
    Opened opened = Open("");
    const std::string file = program.empty() || program[0] == '/'
                                 ? program
                                 : directory_.File(program);
    EXPECT_TRUE(
        absl::StartsWith(report_, absl::StrCat("queue program ", file, ": ")))
        << report_;
    report_.clear();
    ASSERT_TRUE(std::holds_alternative<Reply>(opened)) << program;
    EXPECT_EQ(std::get<Reply>(opened),
              (Reply{451, {4, 3, 0}, "unable to exec qq (#4.3.0)"}));
  }
  options_.program = StandIn();
  options_.home = directory_.File("no");
  EXPECT_TRUE(Is(Deliver(""), 451, "unable to exec qq (#4.3.0)"));
}

TEST_F(QmailQueueTest, OpenRefusesWithoutFreeDescriptors) {
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
  int highest = 0;
  for (int fd = 0; fd < 100; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) highest = fd;
  }
  for (int more = 1; more <= 5; ++more) {
    rlimit few = old;
    few.rlim_cur = static_cast<rlim_t>(highest + more);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    Opened opened = Open("message envelope");
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    ASSERT_TRUE(std::holds_alternative<Reply>(opened)) << more;
    EXPECT_EQ(std::get<Reply>(opened),
              (Reply{451, {4, 3, 0}, "qqt failure (#4.3.0)"}));
  }
  EXPECT_EQ(Deliver("message envelope").code, 250);
}

// While it exists, only `spare` more descriptors can be opened.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t spare) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &old_), 0);
    // Take all free numbers up to the highest one in use.
    for (int i = 0; i < 50; ++i) fill_.push_back(open("/dev/null", O_RDONLY));
    rlimit few = old_;
    few.rlim_cur = static_cast<rlim_t>(fill_.back()) + 1 + spare;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~FewDescriptors() {
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &old_), 0);
    for (const int fd : fill_) close(fd);
  }

 private:
  rlimit old_{};
  std::vector<int> fill_;
};

// A descriptor is needed to see that the program has read the whole message.
// Without it the message is refused, so the program must not queue it.
TEST_F(QmailQueueTest, NothingIsQueuedWithoutADescriptorAtTheEndOfTheMessage) {
  for (const rlim_t spare : {0, 1}) {
    Opened opened = Open("message envelope exit=0");
    auto& sink = std::get<std::unique_ptr<MailTransaction>>(opened);
    ASSERT_TRUE(sink->Write({"a\r\n"}, [] { FAIL(); }));
    std::optional<Verdict> verdict;
    {
      const FewDescriptors few(spare);
      sink->Commit([&](Verdict v) { verdict = std::move(v); });
    }
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->reply()->code, spare == 0 ? 451 : 250);
    EXPECT_EQ(directory_.Read("envelope").size(), spare == 0 ? 0u : 34u);
  }
}

// The same for the envelope: another thread may have taken the descriptor that
// closing the message's pipe has freed.
TEST_F(QmailQueueTest, EnvelopeIsNotCompletedWithoutADescriptor) {
  constexpr auto kEnvelope = QueueProcess::Pipe::kEnvelope;
  const std::pair<std::string, std::string> environment[] = {
      {"STAND_IN", "message envelope exit=0"},
      {"STAND_IN_OUT", directory_.path()}};
  for (const rlim_t spare : {0, 1}) {
    auto process =
        QueueProcess::Start(StandIn(), directory_.path(), environment);
    ASSERT_TRUE(process.ok()) << process.status();
    const system::Deadline deadline(absl::Minutes(1));
    EXPECT_TRUE((*process)->Close(QueueProcess::Pipe::kMessage));
    EXPECT_TRUE((*process)->Write(kEnvelope, "Fs", deadline));
    {
      const FewDescriptors few(spare);
      EXPECT_EQ((*process)->WriteLast(kEnvelope, 'x', deadline), spare == 1);
      EXPECT_EQ((*process)->Close(kEnvelope), spare == 1);
    }
    EXPECT_EQ((*process)->Wait(deadline).read_everything, spare == 1);
    EXPECT_EQ(directory_.Read("envelope"), spare == 1 ? "Fsx" : "Fs");
  }
}

TEST_F(QmailQueueTest, PipesMayHaveTheDescriptorNumbersOfTheChild) {
  std::vector<int> saved;
  for (const int fd : {0, 1, 3, 4, 5, 6, 7}) {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 50);
    if (copy >= 0) close(fd);
    saved.push_back(copy);
  }
  environment_ = {{"ERROR", "Dno"}};
  const Reply accepted = Deliver("inherited message envelope exit=0", "a\r\n");
  const Reply refused = Deliver("message error exit=82", "a\r\n");
  const int numbers[] = {0, 1, 3, 4, 5, 6, 7};
  for (size_t i = 0; i < saved.size(); ++i) {
    if (saved[i] < 0) continue;
    dup2(saved[i], numbers[i]);
    close(saved[i]);
  }
  EXPECT_EQ(accepted.code, 250);
  EXPECT_EQ(refused, (Reply{554, {5, 3, 0}, "no"}));
  EXPECT_EQ(directory_.Read("message"), "a\n");
  EXPECT_EQ(directory_.Read("envelope"),
            absl::string_view("Fs@example.org\0Tu@d\0TPost master\0\0", 34));
  EXPECT_EQ(directory_.Read("inherited"), "fd 0\nfd 1\nfd 2\nfd 6\n");
}

TEST_F(QmailQueueTest, AProgramThatHangsIsKilled) {
  options_.queue_timeout = absl::Milliseconds(50);
  // Does not exit; does not read the envelope; does not read the message.
  for (const char* script : {"message envelope hang", "message hang", "hang"}) {
    EXPECT_EQ(Deliver(script), (Reply{451, {4, 3, 0}, "qq timeout (#4.3.0)"}));
    EXPECT_EQ(Deliver(script, large_),
              (Reply{451, {4, 3, 0}, "qq timeout (#4.3.0)"}));
  }
  // Nor does it block the destructor of an abandoned message.
  Opened opened = Open("message hang");
}

TEST_F(QmailQueueTest, InfiniteTimeoutIsAllowed) {
  options_.queue_timeout = absl::InfiniteDuration();
  EXPECT_EQ(Deliver("message envelope exit=0", large_).code, 250);
}

TEST_F(QmailQueueTest, InterruptedSystemCallsAreRepeated) {
  struct sigaction action {};
  struct sigaction old {};
  action.sa_handler = [](int) {};  // no SA_RESTART
  sigaction(SIGALRM, &action, &old);
  itimerval often{{0, 200}, {0, 200}};
  setitimer(ITIMER_REAL, &often, nullptr);
  const Reply accepted = Deliver("message envelope exit=0", large_);
  const Reply refused = Deliver("message envelope flood=300000 exit=82");
  often = {};
  setitimer(ITIMER_REAL, &often, nullptr);
  sigaction(SIGALRM, &old, nullptr);
  EXPECT_EQ(accepted.code, 250) << accepted.text;
  EXPECT_EQ(refused.code, 554);
}

TEST_F(QmailQueueTest, ALostExitCodeIsNotAnAcceptance) {
  signal(SIGCHLD, SIG_IGN);
  const Reply reply = Deliver("message envelope exit=0");
  signal(SIGCHLD, SIG_DFL);
  EXPECT_EQ(reply, (Reply{451, {4, 3, 0}, "qq waitpid surprise (#4.3.0)"}));
}

TEST_F(QmailQueueTest, EachMessageHasAProgramOfItsOwn) {
  const Reply first = Deliver("message envelope");
  const Reply second = Deliver("message envelope");
  EXPECT_EQ(first.code, 250);
  EXPECT_EQ(second.code, 250);
  EXPECT_NE(first.text, second.text);
}

TEST_F(QmailQueueTest, AddressWithANulIsRefused) {
  for (const bool sender : {true, false}) {
    envelope_ = {.to = {{{"u", "d"}}}};
    (sender ? envelope_.from : envelope_.to[0].path).local_part =
        std::string("a\0Tb", 4);
    EXPECT_EQ(Deliver("message envelope").code, 553);
  }
}

}  // namespace
}  // namespace postern::delivery
