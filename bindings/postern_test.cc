// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the C interface adds to ServerSession: wrong calls, and structures of
// other versions. tests/replay.cc runs whole sessions through it.

#include "bindings/postern.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/grammar/ip_address.h"
#include "engine/server_config.h"
#include "engine/session_info.h"
#include "engine/tls_info.h"
#include "engine/trace_header.h"
#include "gtest/gtest.h"

namespace postern {
namespace {

// One that is compiled with a later version of the header has more members.
template <typename T>
struct Later {
  T known;
  uint64_t added = 0;
};

struct Free {
  void operator()(postern_server* server) const { postern_server_free(server); }
  void operator()(postern_session* session) const {
    postern_session_free(session);
  }
};
using Server = std::unique_ptr<postern_server, Free>;
using Session = std::unique_ptr<postern_session, Free>;

postern_server_config Config() {
  postern_server_config config;
  postern_server_config_init(&config, sizeof(config));
  config.greeting = "mx";
  return config;
}

// Returns the message of the error, or "".
std::string Error(const postern_server_config& config) {
  postern_server* server = nullptr;
  postern_error error = {"unchanged"};
  const postern_status status = postern_server_new(&config, &server, &error);
  if (status == POSTERN_OK) {
    EXPECT_STREQ(error.message, "unchanged");
    postern_server_free(server);
    return "";
  }
  EXPECT_EQ(status, POSTERN_INVALID_ARGUMENT);
  EXPECT_EQ(server, nullptr);
  return error.message;
}

Server MakeServer(const postern_server_config& config = Config()) {
  postern_server* server = nullptr;
  EXPECT_EQ(postern_server_new(&config, &server, nullptr), POSTERN_OK);
  return Server(server);
}

postern_bytes Bytes(absl::string_view text) {
  return {text.data(), text.size()};
}

std::string Text(postern_bytes bytes) {
  return std::string(bytes.data, bytes.size);
}

// A session that has greeted its client, and its last step.
class PosternTest : public testing::Test {
 protected:
  PosternTest() : session_(postern_session_new(MakeServer().get())) {
    Advance();
    EXPECT_EQ(Accept(), POSTERN_OK);
    Advance();
  }

  void Advance() {
    step_ = postern_session_advance(session_.get(), Bytes(in_));
    if (step_->kind == POSTERN_STEP_ASK) id_ = postern_ask_id(step_->ask);
    in_.erase(0, step_->consumed);
  }
  void Send(absl::string_view text) {
    in_.append(text.data(), text.size());
    Advance();
  }
  postern_status Complete(const postern_verdict& verdict) {
    return postern_session_complete(session_.get(), id_, &verdict, &error_);
  }
  postern_status Accept() { return Complete(postern_accept()); }
  std::string Output() {
    std::string out = Text(postern_session_output(session_.get()));
    postern_session_output_written(session_.get(), out.size());
    return out;
  }

  Session session_;
  std::string in_;
  const postern_step* step_ = nullptr;
  uint64_t id_ = 0;
  postern_error error_ = {};
};
using PosternDeathTest = PosternTest;

TEST(PosternConfigTest, DefaultsAreThoseOfTheEngine) {
  const postern_server_config config = Config();
  const ServerConfig defaults;
  EXPECT_EQ(config.struct_size, sizeof(config));
  EXPECT_EQ(config.max_auth_line, defaults.max_auth_line);
  EXPECT_EQ(config.max_message_size, defaults.max_message_size);
  EXPECT_EQ(config.command_timeout_ms, 300'000);
  EXPECT_EQ(config.bare_newline_timeout_ms, 10'000);
  EXPECT_EQ(config.extensions, static_cast<uint32_t>(POSTERN_CHUNKING));
  EXPECT_EQ(postern_server_input_room(MakeServer().get()),
            defaults.InputRoom());
}

TEST(PosternConfigTest, AnErrorNamesTheMember) {
  EXPECT_EQ(Error(Config()), "");
  postern_server_config config = Config();
  config.greeting = nullptr;
  EXPECT_NE(Error(config).find("greeting"), std::string::npos);
  config = Config();
  config.max_hops = 1;
  config.data_block = 0;
  EXPECT_NE(Error(config).find("data_block"), std::string::npos);
  config = Config();
  config.extensions = 1u << 9;
  EXPECT_EQ(Error(config), "extensions: no such value");
  config = Config();
  config.early_talk = static_cast<postern_out_of_turn>(2);
  EXPECT_EQ(Error(config), "early_talk: no such value");
  config = Config();
  config.bare_newlines = static_cast<postern_bare_newlines>(3);
  EXPECT_EQ(Error(config), "bare_newlines: no such value");
  config = Config();
  config.struct_size = 0;
  EXPECT_EQ(Error(config),
            absl::StrCat("config: struct_size is 0, and must be at least ",
                         sizeof(config)));
}

TEST(PosternConfigTest, NullPointersAreErrors) {
  postern_server* server = nullptr;
  const postern_server_config config = Config();
  postern_error error = {};
  EXPECT_EQ(postern_server_new(nullptr, &server, &error),
            POSTERN_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "config is NULL");
  EXPECT_EQ(postern_server_new(&config, nullptr, &error),
            POSTERN_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "server is NULL");
  EXPECT_EQ(postern_session_complete(nullptr, 1, nullptr, &error),
            POSTERN_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "session is NULL");
  postern_server_free(nullptr);
  postern_session_free(nullptr);
  postern_ask_free(nullptr);
}

// A member that was added later, with a value that this version cannot follow.
TEST(PosternVersionTest, LaterStructuresAreReadIfTheirAdditionsAreZero) {
  Later<postern_server_config> config;
  std::memset(static_cast<void*>(&config), 0xff, sizeof(config));
  postern_server_config_init(&config.known, sizeof(config));
  EXPECT_EQ(config.known.struct_size, sizeof(config));
  EXPECT_EQ(config.added, 0u);
  config.known.greeting = "mx";
  EXPECT_EQ(Error(config.known), "");
  config.added = uint64_t{1} << 63;
  EXPECT_EQ(Error(config.known),
            absl::StrCat("config: a member is set that version ",
                         postern_version(), " does not have"));
}

TEST_F(PosternTest, StructuresThatAreWrittenHaveTheSizeOfTheCaller) {
  Send("EHLO c\r\n");
  EXPECT_EQ(Accept(), POSTERN_OK);
  Send("MAIL FROM:<s@x> SIZE=5\r\n");
  Later<postern_mail_parameters> later;
  std::memset(static_cast<void*>(&later), 0xff, sizeof(later));
  postern_ask_mail_parameters(step_->ask, &later.known, sizeof(later));
  EXPECT_TRUE(later.known.has_size);
  EXPECT_EQ(later.known.size, 5u);
  EXPECT_EQ(later.added, 0u);
  // An earlier one has fewer members.
  postern_mail_parameters earlier;
  std::memset(static_cast<void*>(&earlier), 0x55, sizeof(earlier));
  postern_ask_mail_parameters(step_->ask, &earlier,
                              offsetof(postern_mail_parameters, body));
  EXPECT_EQ(earlier.size, 5u);
  EXPECT_EQ(static_cast<int>(earlier.body), 0x55555555);
}

TEST_F(PosternTest, VerdictsAreCheckedAndChangeNothing) {
  Send("EHLO c\r\n");
  const auto refused = [&](const postern_verdict& verdict) {
    const std::string before = Text(postern_session_output(session_.get()));
    const postern_status status = Complete(verdict);
    EXPECT_EQ(Text(postern_session_output(session_.get())), before);
    EXPECT_NE(postern_session_open_ask(session_.get(), id_), nullptr);
    return status;
  };
  postern_verdict verdict = postern_accept();
  verdict.kind = static_cast<postern_verdict_kind>(3);
  EXPECT_EQ(refused(verdict), POSTERN_INVALID_ARGUMENT);
  EXPECT_STREQ(error_.message, "kind: no such value");
  verdict = postern_accept();
  verdict.struct_size = 8;
  EXPECT_EQ(refused(verdict), POSTERN_INVALID_ARGUMENT);
  verdict = postern_accept();
  verdict.reserved = 1;
  EXPECT_EQ(refused(verdict), POSTERN_INVALID_ARGUMENT);
  verdict = postern_refuse(550, 7, 1, "no");
  verdict.reply.text.data = nullptr;
  EXPECT_EQ(refused(verdict), POSTERN_INVALID_ARGUMENT);
  EXPECT_STREQ(error_.message, "postern_bytes.data is NULL");
  for (const int number : {-1, 1000}) {
    verdict = postern_refuse(550, 7, number, "no");
    EXPECT_EQ(refused(verdict), POSTERN_INVALID_ARGUMENT);
    EXPECT_STREQ(error_.message, "enhanced: a number is out of its range");
  }
  for (const int code : {-1, 0, 250, 421, 600, 1 << 30}) {
    verdict = postern_refuse(550, 7, 1, "no");
    verdict.reply.code = code;
    EXPECT_EQ(refused(verdict), POSTERN_INVALID_ARGUMENT) << code;
  }
  EXPECT_EQ(
      postern_session_auth_granted(session_.get(), id_, Bytes("u"), nullptr),
      POSTERN_FAILED_PRECONDITION);
  EXPECT_EQ(refused(postern_refuse(250, 7, 1, "no")), POSTERN_INVALID_ARGUMENT);
  EXPECT_EQ(Complete(postern_refuse(550, 7, 1, "not here")), POSTERN_OK);
  Advance();
  EXPECT_NE(Output().find("550 5.7.1 not here\r\n"), std::string::npos);
  EXPECT_EQ(Accept(), POSTERN_NOT_FOUND);
}

TEST_F(PosternTest, VerdictsOfManyRecipientsHaveOneSize) {
  postern_verdict verdicts[2] = {postern_accept(), postern_accept()};
  verdicts[1].struct_size += 8;
  EXPECT_EQ(
      postern_session_complete_each(session_.get(), id_, verdicts, 2, &error_),
      POSTERN_INVALID_ARGUMENT);
  EXPECT_STREQ(error_.message,
               "verdicts[1]: another struct_size than verdicts[0]");
  EXPECT_EQ(
      postern_session_complete_each(session_.get(), id_, nullptr, 1, &error_),
      POSTERN_INVALID_ARGUMENT);
}

TEST_F(PosternTest, TlsStartsOnlyWhereItCan) {
  EXPECT_EQ(postern_session_tls_started(session_.get(), nullptr, &error_),
            POSTERN_FAILED_PRECONDITION);
  EXPECT_STREQ(error_.message, "TLS cannot start in the state ungreeted");
  const Session other(postern_session_new(MakeServer().get()));
  postern_tls_info info = POSTERN_TLS_INFO_INIT;
  EXPECT_FALSE(postern_session_tls(other.get(), &info, sizeof(info)));
  info.cipher = postern_text("TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(postern_session_tls_started(other.get(), &info, &error_),
            POSTERN_OK);
  info.cipher = postern_text("");
  EXPECT_TRUE(postern_session_tls(other.get(), &info, sizeof(info)));
  EXPECT_EQ(Text(info.cipher), "TLS_AES_128_GCM_SHA256");
}

// A driver may notice late that there was something before the greeting.
TEST_F(PosternTest, TalkingEarlyIsReportedOnlyInTime) {
  postern_session_talked_early(session_.get());
  EXPECT_FALSE(postern_session_has_talked_early(session_.get()));
  const Session other(postern_session_new(MakeServer().get()));
  EXPECT_EQ(postern_session_advance(other.get(), {nullptr, 0})->kind,
            POSTERN_STEP_ASK);
  postern_session_talked_early(other.get());
  EXPECT_TRUE(postern_session_has_talked_early(other.get()));
}

TEST_F(PosternTest, ACopyOfAQuestionLasts) {
  Send("EHLO c\r\n");
  EXPECT_EQ(Accept(), POSTERN_OK);
  Send("VRFY someone\r\n");
  postern_ask* const copy = postern_ask_copy(step_->ask);
  EXPECT_EQ(Accept(), POSTERN_OK);
  session_.reset();
  EXPECT_EQ(postern_ask_get_kind(copy), POSTERN_ASK_VERIFY);
  EXPECT_EQ(Text(postern_ask_argument(copy)), "someone");
  // What other kinds have is empty.
  EXPECT_EQ(postern_ask_to(copy).domain.size, 0u);
  uint64_t size = 1;
  EXPECT_FALSE(postern_ask_size(copy, &size));
  EXPECT_EQ(size, 0u);
  postern_ask_free(copy);
}

// Calls that close a session drop its questions at once, and not only when the
// next step says so.
TEST_F(PosternTest, AQuestionIsValidWhileItIsOpen) {
  const auto is_open = [&](uint64_t id) {
    return postern_session_open_ask(session_.get(), id) != nullptr;
  };
  Send("EHLO c\r\n");
  EXPECT_EQ(Accept(), POSTERN_OK);
  // Advancing keeps it: the strings are those of the same question.
  Send("VRFY someone-with-a-name-that-needs-memory-of-its-own\r\n");
  const postern_ask* const ask = step_->ask;
  const uint64_t id = id_;
  Send("QUIT\r\n");
  EXPECT_EQ(step_->kind, POSTERN_STEP_WAITING);
  postern_session_end_of_input(session_.get());
  postern_session_shutdown(session_.get());
  Advance();
  EXPECT_EQ(step_->kind, POSTERN_STEP_WAITING);
  ASSERT_TRUE(is_open(id));
  EXPECT_EQ(postern_session_open_ask(session_.get(), id), ask);
  EXPECT_EQ(Text(postern_ask_argument(ask)),
            "someone-with-a-name-that-needs-memory-of-its-own");
  postern_session_timed_out(session_.get());
  EXPECT_FALSE(is_open(id));
  EXPECT_EQ(Accept(), POSTERN_NOT_FOUND);
  Advance();
  EXPECT_EQ(step_->kind, POSTERN_STEP_CLOSED);

  postern_server_config config = Config();
  config.early_talk = POSTERN_OUT_OF_TURN_REJECT;
  config.max_open_asks = 2;
  session_.reset(postern_session_new(MakeServer(config).get()));
  Advance();
  ASSERT_TRUE(is_open(id_));
  postern_session_talked_early(session_.get());
  EXPECT_FALSE(is_open(id_));

  session_.reset(postern_session_new(MakeServer(config).get()));
  in_.clear();
  Advance();
  EXPECT_EQ(Accept(), POSTERN_OK);
  for (const char* line : {"EHLO c\r\n", "MAIL FROM:<>\r\n"}) {
    Send(line);
    EXPECT_EQ(Accept(), POSTERN_OK);
  }
  Send("RCPT TO:<a@x>\r\n");
  const uint64_t first = id_;
  Send("RCPT TO:<b@x>\r\n");
  ASSERT_TRUE(is_open(first));
  ASSERT_TRUE(is_open(id_));
  const uint64_t second = std::exchange(id_, first);
  postern_verdict drop = postern_refuse(550, 7, 1, "no");
  drop.kind = POSTERN_DROP;
  EXPECT_EQ(Complete(drop), POSTERN_OK);
  EXPECT_FALSE(is_open(second));
}

TEST_F(PosternTest, CountsRepliesAndWritesNoMoreThanThereIs) {
  EXPECT_EQ(postern_session_replies(session_.get(), 2), 1u);
  for (const int digit : {-1, 0, 1, 3, 4, 5, 6}) {
    EXPECT_EQ(postern_session_replies(session_.get(), digit), 0u) << digit;
  }
  postern_session_output_written(session_.get(), 1 << 20);
  EXPECT_EQ(postern_session_output(session_.get()).size, 0u);
  EXPECT_STREQ(postern_session_state_name(session_.get()), "ungreeted");
  EXPECT_STREQ(postern_close_reason_name(POSTERN_CLOSE_PEER_GONE), "peer-gone");
  EXPECT_STREQ(postern_close_reason_name(static_cast<postern_close_reason>(99)),
               "");
}

postern_received Received() {
  postern_received received = POSTERN_RECEIVED_INIT;
  received.hello = POSTERN_EHLO;
  received.hello_name = postern_text("client.example");
  received.remote_name = postern_text("pc.example");
  received.remote_address = postern_text("2001:db8::1");
  received.identity = postern_text("alice");
  received.show_user = received.tls = true;
  received.tls_cipher = postern_text("TLS_AES_128_GCM_SHA256");
  received.host = postern_text("mx.example");
  received.id = postern_text("a-1");
  received.time_s = 1795204576;
  return received;
}

TEST(PosternReceivedTest, HasTheFieldOfTheEngine) {
  SessionInfo session;
  session.hello_verb = Hello::Verb::kEhlo;
  session.hello_name = "client.example";
  session.remote_name = "pc.example";
  session.remote_address = IpAddress::Parse("2001:db8::1");
  session.identity = "alice";
  session.tls = std::make_shared<const TlsInfo>(
      TlsInfo{"", "TLS_AES_128_GCM_SHA256", ""});
  const std::string want = FormatReceived(
      session, /*smtp_utf8=*/false, "mx.example",
      {absl::FromUnixSeconds(1795204576), "a-1"}, /*show_user=*/true);
  const postern_received received = Received();
  char buffer[POSTERN_RECEIVED_ROOM];
  size_t size = 0;
  postern_error error;
  ASSERT_EQ(
      postern_format_received(&received, buffer, sizeof(buffer), &size, &error),
      POSTERN_OK);
  EXPECT_EQ(buffer, want);
  EXPECT_EQ(size, want.size());
  EXPECT_EQ(postern_format_received(&received, buffer, size, &size, &error),
            POSTERN_INVALID_ARGUMENT);
  EXPECT_EQ(error.message, absl::StrCat("the field needs room for ", size + 1,
                                        " octets, not ", size));
}

TEST(PosternReceivedTest, TheRoomIsAlwaysEnough) {
  const std::string longest(9999, 'x');
  postern_received received = Received();
  for (postern_bytes* text :
       {&received.hello_name, &received.remote_name, &received.identity,
        &received.tls_cipher, &received.host, &received.id}) {
    *text = Bytes(longest);
  }
  received.remote_address = postern_text("2001:db8:1:2:3333:4444:5555:6666");
  received.smtp_utf8 = true;
  char buffer[POSTERN_RECEIVED_ROOM];
  EXPECT_EQ(postern_format_received(&received, buffer, sizeof(buffer), nullptr,
                                    nullptr),
            POSTERN_OK);
}

TEST(PosternReceivedTest, ErrorsNameTheMember) {
  const auto error = [](const postern_received& received) {
    char buffer[POSTERN_RECEIVED_ROOM];
    postern_error error = {};
    EXPECT_EQ(postern_format_received(&received, buffer, sizeof(buffer),
                                      nullptr, &error),
              POSTERN_INVALID_ARGUMENT);
    return std::string(error.message);
  };
  postern_received received = Received();
  received.remote_address = postern_text("192.0.2.300");
  EXPECT_EQ(error(received), "remote_address: not an IP address: 192.0.2.300");
  received = Received();
  received.host.size = 0;
  EXPECT_EQ(error(received), "host is empty");
  received = Received();
  received.id.size = 0;
  EXPECT_EQ(error(received), "id is empty");
  received = Received();
  received.hello = static_cast<postern_hello>(7);
  EXPECT_EQ(error(received), "hello: no such value");
}

TEST(PosternPathTest, IsFormattedAndCut) {
  const postern_path path = {Bytes("a b"), Bytes("x")};
  char buffer[9] = "zzzzzzzz";
  EXPECT_EQ(postern_format_path(path, buffer, sizeof(buffer)), 9u);
  EXPECT_STREQ(buffer, "<\"a b\"@x");
  EXPECT_EQ(postern_format_path(path, nullptr, 0), 9u);
  EXPECT_EQ(postern_format_path({{nullptr, 0}, {nullptr, 0}}, buffer, 9), 2u);
  EXPECT_STREQ(buffer, "<>");
}

TEST_F(PosternDeathTest, NullPointersEndTheProcess) {
  EXPECT_DEATH((void)postern_session_output(nullptr),
               "libpostern: postern_session_output: session is NULL");
  EXPECT_DEATH((void)postern_ask_id(nullptr),
               "libpostern: postern_ask_id: ask is NULL");
  EXPECT_DEATH((void)postern_session_advance(session_.get(), {nullptr, 1}),
               "data is NULL and size is not 0");
}

}  // namespace
}  // namespace postern
