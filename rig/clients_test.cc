// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Unmodified clients and what the table of client_faults_test.cc cannot
// express: several messages, commands that clients send on request, mechanisms.

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rig/fault.h"
#include "rig/processes.h"
#include "rig/server.h"

namespace postern::rig {
namespace {

using testing::HasSubstr;

// Runs a shell command. Returns what it has printed, and its exit code.
std::string Shell(const std::string& command) {
  const Ended ended = RunCommand(absl::StrCat(command, " 2>&1"));
  return absl::StrCat(ended.printed, "exit ", ended.exit_code, "\n");
}

// Runs statements of Python. connect() returns an smtplib.SMTP; send(s) sends a
// message to b@y. Prints an exception that ends them.
std::string Python(const Server& server, const std::string& statements) {
  return Shell(absl::StrCat(R"(python3 -c '
import smtplib, ssl
def connect(timeout=20):
  return smtplib.SMTP("127.0.0.1", )",
                            server.port(), R"(, "client.example", timeout)
def send(s, text="hi"):
  return s.sendmail("a@x", ["b@y"], text)
try:
  )",
                            absl::StrReplaceAll(statements, {{"\n", "\n  "}}),
                            R"(
except Exception as e:
  print(type(e).__name__, *e.args)')"));
}

struct Case {
  absl::string_view name;
  std::function<void(Server&)> fault;
  std::string statements;
  std::string printed;  // a part of what Python prints
  Options options;
};

std::vector<Case> Cases() {
  const std::string send = "print(send(connect()))";
  const Options users = {.tls = TlsMode::kStartTls,
                         .users = {{"alice", "secret", ""}}};
  const std::string auth = "print(connect().login(\"alice\", \"secret\")[0])";
  return {
      {"none", [](Server&) {}, send, "{}\n"},
      {"connect by count",
       [](Server& s) { s.On(Connect()).Skip(1).Reply(421, "4.3.2 busy"); },
       "send(connect())\nprint(1)\nconnect()",
       "1\nSMTPConnectError 421 b'4.3.2 busy'"},
      {"ehlo", [](Server& s) { s.On(Ehlo()).Once().Reply(502, "5.5.1 no"); },
       "s = connect()\nprint(s.ehlo()[0], s.helo()[0])", "502 250"},
      {"hidden", [](Server& s) { s.On(Ehlo()).Hide("SIZE"); },
       "s = connect()\ns.ehlo()\nprint(s.has_extn(\"size\"), "
       "s.has_extn(\"pipelining\"))",
       "False True"},
      {"auth works", [](Server&) {}, auth, "235", users},
      {"one recipient",
       [](Server& s) { s.On(Rcpt("c@y")).Reply(550, "5.1.1 no"); },
       "print(connect().sendmail(\"a@x\", [\"b@y\", \"c@y\"], \"hi\"))",
       "{'c@y': (550, b'5.1.1 no')}"},
      {"greylisting",
       [](Server& s) {
         s.On(Rcpt()).Each().Once().Reply(450, "4.7.1 greylisted");
       },
       "try: send(connect())\nexcept Exception as e: print(e)\n" + send,
       "{'b@y': (450, b'4.7.1 greylisted')}\n{}"},
      {"quota",
       [](Server& s) { s.On(EndOfData()).Quota(5).Reply(552, "5.2.2 full"); },
       send + "\n" + send, "{}\nSMTPDataError 552 b'5.2.2 full'"},
      {"rset", [](Server& s) { s.On(Rset()).Reply(500, "5.5.1 no"); },
       "print(connect().rset())", "(500, b'5.5.1 no')"},
      {"noop", [](Server& s) { s.On(Noop()).Reply(421, "4.3.2 busy"); },
       "print(connect().noop())", "(421, b'4.3.2 busy')"},
      {"vrfy", [](Server& s) { s.On(Vrfy("b@y")).Reply(550, "5.1.1 no"); },
       "s = connect()\ns.ehlo()\nprint(s.verify(\"b@y\"))",
       "(550, b'5.1.1 no')"},
      {"help", [](Server& s) { s.On(Help()).Raw("214 none\r\n"); },
       "print(connect().help())", "b'none'"},
      {"quit", [](Server& s) { s.On(Quit()).Reply(421, "4.3.2 busy"); },
       "print(connect().quit())", "(421, b'4.3.2 busy')"},
      {"delay", [](Server& s) { s.On(Rcpt()).Delay(absl::Milliseconds(200)); },
       "import time\nt = time.monotonic()\n" + send +
           "\nprint(time.monotonic() - t > 0.2)",
       "{}\nTrue"},
  };
}

TEST(ClientsTest, PythonMeetsFaultsOfConversations) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    Server server(c.options);
    c.fault(server);
    EXPECT_THAT(Python(server, c.statements), HasSubstr(c.printed));
  }
}

TEST(ClientsTest, PythonVerifiesTheCertificates) {
  constexpr struct {
    CertificateKind kind;
    absl::string_view printed;
  } kCases[] = {
      {CertificateKind::kValid, "TLSv1.3"},
      {CertificateKind::kExpired, "certificate has expired"},
      {CertificateKind::kNotYet, "certificate is not yet valid"},
      {CertificateKind::kSelfSigned, "self-signed certificate"},
      {CertificateKind::kWrongName, "IP address mismatch"},
      {CertificateKind::kUntrusted, "unable to get local issuer certificate"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(CertificateName(c.kind));
    Server server({.tls = TlsMode::kStartTls});
    server.On(Tls()).Certificate(c.kind);
    EXPECT_THAT(Python(server, absl::StrCat(
                                   "c = ssl.create_default_context(cafile=\"",
                                   server.CaFile(),
                                   "\")\ns = connect()\ns.starttls(context=c)\n"
                                   "print(s.sock.version())")),
                HasSubstr(c.printed));
  }
}

TEST(ClientsTest, CurlUsesEachMechanism) {
  for (const absl::string_view mechanism :
       {"PLAIN", "LOGIN", "CRAM-MD5", "OAUTHBEARER", "XOAUTH2"}) {
    SCOPED_TRACE(mechanism);
    Server server({.tls = TlsMode::kFirst,
                   .users = {{"alice", "secret", "token7"}},
                   .mechanisms = {std::string(mechanism)}});
    const std::string result = Shell(absl::StrCat(
        "sh -c 'printf \"Subject: x\\r\\n\\r\\nhi\\r\\n\" | curl -sS -T - "
        "--mail-from a@x --mail-rcpt b@y ",
        absl::EndsWith(mechanism, "2") || absl::StartsWith(mechanism, "O")
            ? "--user alice --oauth2-bearer token7"
            : "--user alice:secret",
        " --cacert ", server.CaFile(), " smtps://127.0.0.1:", server.port(),
        "'"));
    EXPECT_EQ(result, "exit 0\n");
    const auto messages = server.WaitForMessages(1, absl::Seconds(1));
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].session().info->identity, "alice");
    EXPECT_EQ(messages[0].session().info->mechanism, mechanism);
    EXPECT_EQ(messages[0].session().info->tls->protocol, "TLSv1.3");
    const std::string transcript = messages[0].transcript().Format();
    EXPECT_THAT(transcript, HasSubstr("***"));
    EXPECT_THAT(transcript, testing::Not(HasSubstr("token7")));
  }
}

TEST(ClientsTest, MsmtpUsesScram) {
  Server server({.users = {{"alice", "secret", ""}}});
  EXPECT_EQ(
      Shell(absl::StrCat(
          "sh -c 'echo | msmtp --host=127.0.0.1 --tls=off --user=alice "
          "--auth=scram-sha-256 --passwordeval=\"echo secret\" --from=a@x "
          "--port=",
          server.port(), " b@y'")),
      "exit 0\n");
  const auto messages = server.WaitForMessages(1, absl::Seconds(1));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].session().info->identity, "alice");
  EXPECT_EQ(messages[0].session().info->mechanism, "SCRAM-SHA-256");
}

TEST(ClientsTest, ClientCertificateIsTheUser) {
  Server server({.tls = TlsMode::kStartTls, .mechanisms = {"EXTERNAL"}});
  const net::TlsFiles files = server.ClientCertificate("alice");
  EXPECT_THAT(
      Python(server, absl::StrCat(
                         "c = ssl.create_default_context(cafile=\"",
                         server.CaFile(), "\")\nc.load_cert_chain(\"",
                         files.chain_file, "\", \"", files.key_file,
                         "\")\ns = connect()\ns.starttls(context=c)\ns.ehlo()\n"
                         "print(s.auth(\"EXTERNAL\", lambda c=None: "
                         "\"CN=alice\"))")),
      HasSubstr("(235, "));
}

TEST(ClientsTest, SwaksSeesTheReply) {
  Server server;
  server.On(Rcpt("b@y.example")).Reply(450, "4.7.1 greylisted");
  EXPECT_THAT(Shell(absl::StrCat("swaks --server 127.0.0.1:", server.port(),
                                 " --from a@x.example --to b@y.example"
                                 " --timeout 10s")),
              testing::AllOf(HasSubstr("<** 450 4.7.1 greylisted"),
                             HasSubstr("exit 24\n")));
}

}  // namespace
}  // namespace postern::rig
