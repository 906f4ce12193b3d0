// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/session_variables.h"

#include "engine/grammar/ip_address.h"
#include "gtest/gtest.h"

namespace postern::system {
namespace {

TEST(SessionVariablesTest, IsEmptyIfNothingIsKnown) {
  EXPECT_EQ(SessionVariables({}, {}), Variables());
}

TEST(SessionVariablesTest, SetsTheVariablesOfTcpserver) {
  SessionInfo session;
  session.remote_address = IpAddress::Parse("2001:db8::1");
  session.remote_port = 4711;
  session.local_address = IpAddress::Parse("192.0.2.25");
  session.local_port = 25;
  session.local_name = "mx.example";
  session.remote_name = "client.example";
  session.name_status = NameStatus::kConfirmed;
  EXPECT_EQ(SessionVariables({}, session),
            (Variables{{"PROTO", "TCP"},
                       {"TCPREMOTEIP", "2001:db8::1"},
                       {"TCPREMOTEPORT", "4711"},
                       {"TCPLOCALIP", "192.0.2.25"},
                       {"TCPLOCALPORT", "25"},
                       {"TCPLOCALHOST", "mx.example"},
                       {"TCPREMOTEHOST", "client.example"}}));
  for (const NameStatus status :
       {NameStatus::kNone, NameStatus::kTemporary, NameStatus::kForged}) {
    session.name_status = status;
    EXPECT_EQ(SessionVariables({}, session).back().first, "TCPLOCALHOST");
  }
}

TEST(SessionVariablesTest, PassesOnWhatTheSuperServerSaysAboutTheClient) {
  SessionInfo session;
  session.remote_name = "client.example";
  session.name_status = NameStatus::kUnchecked;
  session.remote_info = "";
  EXPECT_EQ(
      SessionVariables({}, session),
      (Variables{{"TCPREMOTEHOST", "client.example"}, {"TCPREMOTEINFO", ""}}));
}

// The environment of a server, with variables set by accident or by the service
// manager.
constexpr const char* kEnvironment[] = {
    "PATH=/opt/bin",
    "LANG=C",
    "LC_ALL=C.UTF-8",
    "TZ=UTC",
    "TMPDIR=/scratch",
    "HOME=/root",
    "LDAP_URI=ldap://a=b",
    "DKSIGN=/etc/key",
    "RELAYCLIENT=",
    "PROTO=TCP",
    "TCPREMOTEIP=192.0.2.9",
    "TCPREMOTEHOST=friend.example",
    "TCPREMOTEINFO=root",
    "TCPLOCALPORT=25",
    "SMTPAUTHUSER=admin",
    "SMTPAUTHMETHOD=PLAIN",
    "NOTIFY_SOCKET=/run/notify",
    "WATCHDOG_USEC=30000000",
    "WATCHDOG_PID=1",
    "LISTEN_FDS=2",
    "LISTEN_PID=1",
    "LISTEN_FDNAMES=smtp",
    "SSLCTLFD=3",
    "UCSPITLS=",
    "POSTERN_AUTH=/bin/checkpassword",
    "no equals sign",
    nullptr,
};

TEST(SessionVariablesTest, ServiceVariablesContainOnlyWhatProgramsNeed) {
  EXPECT_EQ(ServiceVariables(kEnvironment, {"LDAP_URI", "UNSET"}),
            (Variables{{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                       {"PATH", "/opt/bin"},
                       {"LANG", "C"},
                       {"LC_ALL", "C.UTF-8"},
                       {"TZ", "UTC"},
                       {"TMPDIR", "/scratch"},
                       {"LDAP_URI", "ldap://a=b"}}));
  EXPECT_EQ(ServiceVariables(nullptr, {}),
            (Variables{{"PATH", "/usr/local/bin:/usr/bin:/bin"}}));
}

TEST(SessionVariablesTest, UcspiVariablesContainWhatRulesMayHaveSet) {
  const Variables base = UcspiVariables(kEnvironment);
  EXPECT_EQ(base, (Variables{{"PATH", "/opt/bin"},
                             {"LANG", "C"},
                             {"LC_ALL", "C.UTF-8"},
                             {"TZ", "UTC"},
                             {"TMPDIR", "/scratch"},
                             {"HOME", "/root"},
                             {"LDAP_URI", "ldap://a=b"},
                             {"DKSIGN", "/etc/key"}}));
  // The variables of the session follow.
  SessionInfo session;
  session.relay_client = "";
  Variables all = base;
  all.emplace_back("RELAYCLIENT", "");
  EXPECT_EQ(SessionVariables(base, session), all);
}

TEST(SessionVariablesTest, SetsUserMechanismAndRelayclientAfterAuth) {
  SessionInfo session;
  session.identity = "user@example.org";
  session.mechanism = "PLAIN";
  session.remote_info = "liar";
  EXPECT_EQ(SessionVariables({}, session),
            (Variables{{"TCPREMOTEINFO", "user@example.org"},
                       {"SMTPAUTHUSER", "user@example.org"},
                       {"SMTPAUTHMETHOD", "PLAIN"},
                       {"RELAYCLIENT", ""}}));
}

TEST(SessionVariablesTest, VariablesOfRulesComeLast) {
  SessionInfo session;
  session.relay_client = "@fixme";
  session.identity = "user";
  session.environment = {{"TCPREMOTEINFO", "rule"}, {"FOO", ""}};
  EXPECT_EQ(SessionVariables({}, session), (Variables{{"RELAYCLIENT", "@fixme"},
                                                      {"TCPREMOTEINFO", "user"},
                                                      {"SMTPAUTHUSER", "user"},
                                                      {"TCPREMOTEINFO", "rule"},
                                                      {"FOO", ""}}));
}

}  // namespace
}  // namespace postern::system
