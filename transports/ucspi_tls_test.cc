// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "transports/ucspi_tls.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace postern::transports {
namespace {

using Variables = std::map<std::string, std::string>;
using Kind = net::Channel::Result::Kind;

Environment Of(const Variables& variables) {
  return [&variables](const char* name) -> const char* {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  };
}

// The super-server's side of its offer, and the connection without TLS.
class UcspiTlsTest : public testing::Test {
 protected:
  UcspiTlsTest() {
    for (int* pair : {control_, input_, output_, clear_}) {
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    }
    ours_[0] = dup(clear_[0]);
    ours_[1] = dup(clear_[0]);
    close(clear_[0]);
  }
  ~UcspiTlsTest() override {
    // The code under test closes some of them.
    for (int* pair : {control_, input_, output_, ours_}) {
      close(pair[0]);
      close(pair[1]);
    }
    close(clear_[1]);
  }

  Variables Offer() const {
    return {{"SSLCTLFD", absl::StrCat(control_[0])},
            {"SSLREADFD", absl::StrCat(input_[0])},
            {"SSLWRITEFD", absl::StrCat(output_[0])}};
  }

  // Runs the handshake with a super-server that sends `list`, and then shuts
  // the control socket down if `ends` is set.
  Kind Handshake(absl::string_view list, bool ends) {
    EXPECT_EQ(write(control_[1], list.data(), list.size()),
              static_cast<ssize_t>(list.size()));
    if (ends) shutdown(control_[1], SHUT_WR);
    below_.set_deadline(std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(100));
    const Kind kind = channel_.Handshake().kind;
    char asked = 0;
    EXPECT_EQ(recv(control_[1], &asked, 1, MSG_DONTWAIT), 1);
    EXPECT_EQ(asked, 'Y');
    return kind;
  }

  int control_[2];
  int input_[2];
  int output_[2];
  int clear_[2];
  int ours_[2];
  net::DescriptorStream stream_{ours_[0], ours_[1]};
  net::StreamChannel below_{&stream_};
  UcspiTlsChannel channel_{
      {control_[0], input_[0], output_[0], false}, &stream_, &below_};
};

TEST_F(UcspiTlsTest, IsOfferedIfAllDescriptorsAreSet) {
  const struct {
    const char* mode;  // null: not set
    bool offered;
    bool required;
  } kRows[] = {
      {nullptr, true, false},
      {"", true, false},
      {"!", true, true},
      {"-", false, false},
  };
  for (const auto& row : kRows) {
    Variables variables = Offer();
    if (row.mode != nullptr) variables["UCSPITLS"] = row.mode;
    const auto offer = ReadUcspiTls(Of(variables));
    ASSERT_TRUE(offer.ok()) << offer.status();
    ASSERT_EQ(offer->has_value(), row.offered);
    if (!row.offered) continue;
    EXPECT_EQ((*offer)->control, control_[0]);
    EXPECT_EQ((*offer)->input, input_[0]);
    EXPECT_EQ((*offer)->output, output_[0]);
    EXPECT_EQ((*offer)->required, row.required);
    for (const int fd : {control_[0], input_[0], output_[0]}) {
      EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    }
  }
  const Variables kNone[] = {
      {},
      {{"UCSPITLS", ""}},
      {{"UCSPITLS", "-"}},
      {{"UCSPITLS", "-"}, {"SSLREADFD", "not open"}},
  };
  for (const Variables& variables : kNone) {
    const auto offer = ReadUcspiTls(Of(variables));
    ASSERT_TRUE(offer.ok()) << offer.status();
    EXPECT_FALSE(offer->has_value());
  }
}

TEST_F(UcspiTlsTest, AnErrorNamesTheVariable) {
  const int closed = dup(0);
  close(closed);
  const struct {
    const char* name;
    std::string value;  // "none": not set
    const char* named;
  } kRows[] = {
      {"SSLCTLFD", "none", "SSLCTLFD is missing"},
      {"SSLREADFD", "none", "SSLREADFD is missing"},
      {"SSLWRITEFD", "none", "SSLWRITEFD is missing"},
      {"SSLCTLFD", "", "SSLCTLFD: not"},
      {"SSLREADFD", "x", "SSLREADFD: not"},
      {"SSLREADFD", "-1", "SSLREADFD: not"},
      {"SSLREADFD", "2", "SSLREADFD: not"},
      {"SSLWRITEFD", "4294967299", "SSLWRITEFD: not"},
      {"SSLWRITEFD", "99999999999999999999", "SSLWRITEFD: not"},
      {"SSLCTLFD", absl::StrCat(closed), "SSLCTLFD: descriptor"},
      {"UCSPITLS", "?", "UCSPITLS: neither"},
  };
  for (const auto& row : kRows) {
    Variables variables = Offer();
    variables[row.name] = row.value;
    if (row.value == "none") variables.erase(row.name);
    const auto offer = ReadUcspiTls(Of(variables));
    ASSERT_FALSE(offer.ok()) << row.named;
    EXPECT_TRUE(absl::StartsWith(offer.status().message(), row.named))
        << offer.status();
  }
  const Variables alone = {{"UCSPITLS", "!"}};
  EXPECT_TRUE(absl::StrContains(ReadUcspiTls(Of(alone)).status().message(),
                                "UCSPITLS"));
}

TEST_F(UcspiTlsTest, UsesTheDescriptorsOnceTlsIsReady) {
  constexpr absl::string_view kList(
      "SSL_PROTOCOL=TLSv1.3\0SSL_TLS_SNI_SERVERNAME\0"
      "SSL_CIPHER=TLS_AES_256_GCM_SHA384\0",
      78);
  ASSERT_EQ(Handshake(absl::StrCat(kList, absl::string_view("\0", 1)), false),
            Kind::kOk);
  EXPECT_EQ(channel_.info().protocol, "TLSv1.3");
  EXPECT_EQ(channel_.info().cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(channel_.error(), "");
  // What the client sent without TLS is not read.
  EXPECT_EQ(send(clear_[1], "evil", 4, MSG_NOSIGNAL), -1);
  ASSERT_EQ(write(input_[1], "hello", 5), 5);
  std::array<char, 10> room;
  const net::Channel::Result read = channel_.Read(absl::MakeSpan(room));
  ASSERT_EQ(read.kind, Kind::kOk);
  EXPECT_EQ(absl::string_view(room.data(), read.count), "hello");
  EXPECT_EQ(channel_.Write("220").count, 3u);
  EXPECT_EQ(recv(output_[1], room.data(), room.size(), MSG_DONTWAIT), 3);
  // No other process has a copy: the super-server reads the end.
  EXPECT_EQ(recv(control_[1], room.data(), 1, MSG_DONTWAIT), 0);
}

TEST_F(UcspiTlsTest, AcceptsAListThatEndsWithTheSocket) {
  constexpr absl::string_view kList("SSL_PROTOCOL=TLSv1.2\0", 21);
  EXPECT_EQ(Handshake(kList, true), Kind::kOk);
  EXPECT_EQ(channel_.info().protocol, "TLSv1.2");
}

TEST_F(UcspiTlsTest, AcceptsAnEmptyList) {
  EXPECT_EQ(Handshake(absl::string_view("\0", 1), false), Kind::kOk);
  EXPECT_EQ(channel_.info().protocol, "");
}

TEST_F(UcspiTlsTest, FailsIfTheSuperServerClosesTheSocket) {
  EXPECT_EQ(Handshake("", true), Kind::kEnd);
  EXPECT_EQ(channel_.error(), "the super-server did not start TLS");
}

TEST_F(UcspiTlsTest, FailsIfTheListEndsInsideAString) {
  EXPECT_EQ(Handshake("SSL_PROTOCOL=TLS", true), Kind::kEnd);
}

TEST_F(UcspiTlsTest, TimesOutIfTheListDoesNotEnd) {
  EXPECT_EQ(Handshake("SSL_PROTOCOL=TLS", false), Kind::kWantRead);
}

TEST_F(UcspiTlsTest, FailsIfTheListIsTooLong) {
  EXPECT_EQ(
      Handshake(std::string(UcspiTlsChannel::kMaxList + 4096, 'x'), false),
      Kind::kEnd);
  EXPECT_EQ(channel_.error(), "the list of variables is too long");
}

TEST(TlsVariablesTest, IgnoresASubjectThatIsNotVerified) {
  struct Row {
    const char* verify;
    std::string subject;
    std::string want;
  };
  const Row kRows[] = {
      {"SUCCESS", "/CN=client", "/CN=client"},
      {"NONE", "/CN=client", ""},
      {"", "/CN=client", ""},
      {"FAILED:self signed", "/CN=client", ""},
      {"SUCCESS", "/CN=a\nb", ""},
      {"SUCCESS", "/CN=\xc3\xa4", ""},
      {"SUCCESS", std::string(255, 'x'), std::string(255, 'x')},
      {"SUCCESS", std::string(256, 'x'), ""},
  };
  for (const Row& row : kRows) {
    const Variables variables = {{"SSL_CLIENT_VERIFY", row.verify},
                                 {"SSL_CLIENT_S_DN", row.subject}};
    EXPECT_EQ(ReadTlsVariables(Of(variables)).peer_subject, row.want);
  }
  const Variables alone = {{"SSL_CLIENT_S_DN", "/CN=client"}};
  EXPECT_EQ(ReadTlsVariables(Of(alone)).peer_subject, "");
}

}  // namespace
}  // namespace postern::transports
