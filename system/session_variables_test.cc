// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "system/session_variables.h"

#include "gtest/gtest.h"

namespace postern::system {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

TEST(SessionVariablesTest, HasNothingWhereNothingIsKnown) {
  EXPECT_EQ(SessionVariables({}), Variables());
}

TEST(SessionVariablesTest, HasWhatTcpserverSets) {
  SessionInfo session;
  session.remote_address = "2001:db8::1";
  session.remote_port = 4711;
  session.local_address = "192.0.2.25";
  session.local_port = 25;
  session.local_name = "mx.example";
  session.remote_name = "client.example";
  session.name_status = NameStatus::kConfirmed;
  EXPECT_EQ(SessionVariables(session),
            (Variables{{"PROTO", "TCP"},
                       {"TCPREMOTEIP", "2001:db8::1"},
                       {"TCPREMOTEPORT", "4711"},
                       {"TCPLOCALIP", "192.0.2.25"},
                       {"TCPLOCALPORT", "25"},
                       {"TCPLOCALHOST", "mx.example"},
                       {"TCPREMOTEHOST", "client.example"}}));
  for (const NameStatus status :
       {NameStatus::kNone, NameStatus::kUnchecked, NameStatus::kTemporary,
        NameStatus::kForged}) {
    session.name_status = status;
    EXPECT_EQ(SessionVariables(session).back().first, "TCPLOCALHOST");
  }
}

TEST(SessionVariablesTest, NamesTheUserWhoMayRelay) {
  SessionInfo session;
  session.identity = "user@example.org";
  session.mechanism = "PLAIN";
  session.remote_info = "liar";
  EXPECT_EQ(SessionVariables(session),
            (Variables{{"TCPREMOTEINFO", "user@example.org"},
                       {"SMTPAUTHUSER", "user@example.org"},
                       {"SMTPAUTHMETHOD", "PLAIN"},
                       {"RELAYCLIENT", ""}}));
}

TEST(SessionVariablesTest, KeepsWhatRulesHaveSet) {
  SessionInfo session;
  session.relay_client = "@fixme";
  session.identity = "user";
  session.environment = {{"TCPREMOTEINFO", "rule"}, {"FOO", ""}};
  EXPECT_EQ(SessionVariables(session), (Variables{{"RELAYCLIENT", "@fixme"},
                                                  {"TCPREMOTEINFO", "user"},
                                                  {"SMTPAUTHUSER", "user"},
                                                  {"TCPREMOTEINFO", "rule"},
                                                  {"FOO", ""}}));
}

}  // namespace
}  // namespace postern::system
