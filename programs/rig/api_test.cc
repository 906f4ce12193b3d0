// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The routes and their description, and the parts of the handlers.

#include "programs/rig/api.h"

#include <time.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "programs/rig/compose.h"
#include "programs/rig/json.h"
#include "programs/rig/mailhog_content.h"
#include "programs/rig/route.h"
#include "rig/fault_table.h"
#include "rig/mailbox.h"
#include "rig/mime.h"

namespace postern::programs {
namespace {

// CPU time of this thread in seconds.
double CpuTime() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) / 1e9;
}

TEST(Routes, AreThoseOfTheDescription) {
  std::set<std::string> described;
  const Json description = Json::parse(OpenApi());
  for (const auto& [path, operations] : description["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      described.insert(absl::StrCat(absl::AsciiStrToUpper(method), " ", path));
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << path;
      std::set<std::string> captures;
      for (const Json& parameter :
           operation.value("parameters", Json::array())) {
        if (parameter["in"] != "path") continue;
        captures.insert(parameter["name"].get<std::string>());
        EXPECT_NE(path.find(absl::StrCat(
                      "{", parameter["name"].get<std::string>(), "}")),
                  std::string::npos)
            << path;
      }
      EXPECT_EQ(captures.size(),
                static_cast<size_t>(std::count(path.begin(), path.end(), '{')))
          << path;
    }
  }
  std::set<std::string> served;
  for (const absl::Span<const Route> table : AllRoutes()) {
    for (const Route& route : table) {
      EXPECT_TRUE(
          served.insert(absl::StrCat(route.method, " ", route.path)).second)
          << route.path << " twice";
    }
  }
  EXPECT_EQ(served, described);
}

// Each $ref of the description names a schema.
void CheckReferences(const Json& json, const Json& schemas) {
  if (json.is_object() && json.contains("$ref")) {
    const auto name = json["$ref"].get<std::string>();
    const std::string prefix = "#/components/schemas/";
    ASSERT_EQ(name.compare(0, prefix.size(), prefix), 0) << name;
    EXPECT_TRUE(schemas.contains(name.substr(prefix.size()))) << name;
  }
  if (!json.is_structured()) return;
  for (const Json& item : json) CheckReferences(item, schemas);
}

TEST(Routes, DescriptionHasItsSchemas) {
  const Json description = Json::parse(OpenApi());
  CheckReferences(description, description["components"]["schemas"]);
}

std::string Found(const char* method, const char* path, HttpRequest* request) {
  request->method = method;
  request->path = path;
  HttpResponse refusal;
  const Route* const route = FindRoute(AllRoutes(), request, &refusal);
  return route == nullptr ? absl::StrCat(refusal.status)
                          : std::string(route->path);
}

TEST(Routes, CaptureSegments) {
  HttpRequest request;
  EXPECT_EQ(Found("GET", "/view/12.html", &request), "/view/{id}.html");
  EXPECT_EQ(request.Capture("id"), "12");
  EXPECT_EQ(Found("GET", "/view/12.txt", &request), "/view/{id}.txt");
  EXPECT_EQ(Found("GET", "/view/.txt", &request), "404");
  EXPECT_EQ(Found("HEAD", "/api/v1/message/1/part/2.1/", &request),
            "/api/v1/message/{id}/part/{part}");
  EXPECT_EQ(request.Capture("part"), "2.1");
  EXPECT_EQ(Found("GET", "/api/v1/message/", &request), "404");
  EXPECT_EQ(Found("POST", "/readyz", &request), "405");
  EXPECT_EQ(Found("GET", "", &request), "404");
}

rig::Message MakeMessage(int number, std::string raw) {
  rig::Message::Data data;
  data.number = number;
  data.received = absl::FromUnixSeconds(1790000000 + number);
  data.from = "from@x.example";
  data.to = {"to@y.example"};
  data.raw = std::move(raw);
  data.session.info = std::make_shared<const SessionInfo>();
  data.session.transcript = std::make_shared<const rig::Transcript>(false, 0);
  return rig::Message(std::make_shared<const rig::Message::Data>(data));
}

TEST(Summary, HasTheRecipientsThatAreInNoField) {
  const rig::Message message =
      MakeMessage(1, "To: A <a@y.example>\r\nFrom: someone\r\n\r\n");
  const Summary summary = Summarize(message, rig::ParseMime(message.raw()));
  ASSERT_EQ(summary.bcc.size(), 1u);
  EXPECT_EQ(summary.bcc[0].address, "to@y.example");
  ASSERT_EQ(summary.to.size(), 1u);
  EXPECT_EQ(summary.to[0].name, "A");
}

TEST(TextOfHtml, LeavesOutWhatIsNotShown) {
  EXPECT_EQ(TextOfHtml("<p>a&amp;b<br>c</p><script>x('</p>')</script >d"
                       "<!-- <b> --><style>e</style>&#228;&#x1F600;&bad;f<"),
            "a&b c d \xC3\xA4\xF0\x9F\x98\x80&bad;f");
  EXPECT_EQ(TextOfHtml("<script>never closed"), "");
  EXPECT_EQ(TextOfHtml("&#xD800;&#0;&#1114112;"), "&#xD800;&#0;&#1114112;");
}

TEST(Inbox, FollowsTheLimitsOfItsMailbox) {
  rig::Mailbox mailbox(/*most_messages=*/2, /*most_octets=*/1000000);
  Inbox inbox(&mailbox);
  std::vector<std::string> dropped;
  mailbox.OnMessage([&](const rig::Message& message) {
    for (std::string& id : inbox.Add(message)) dropped.push_back(id);
  });
  for (int i = 0; i < 4; ++i) {
    rig::Message::Data data;
    data.raw = absl::StrCat("Subject: ", i, "\r\n\r\n");
    data.session.info = std::make_shared<const SessionInfo>();
    mailbox.Add(std::move(data));
  }
  EXPECT_EQ(dropped, (std::vector<std::string>{"1", "2"}));
  const Inbox::Page page = inbox.Find({}, 0, 10);
  ASSERT_EQ(page.messages.size(), 2u);
  EXPECT_EQ(page.messages[0].id(), "4");
  EXPECT_EQ(page.unread, 2u);
  EXPECT_EQ(inbox.Remove(std::vector<std::string>{"3", "1"}),
            std::vector<std::string>{"3"});
  EXPECT_EQ(inbox.totals().octets, inbox.Get("4")->message.raw().size());
  EXPECT_EQ(mailbox.Messages().size(), 1u);
  EXPECT_EQ(inbox.Find({}, 0, 10).unread, 1u);
}

TEST(Inbox, FindsTheWordsOfItsMessages) {
  rig::Mailbox mailbox(/*most_messages=*/9, /*most_octets=*/1000000);
  Inbox inbox(&mailbox);
  (void)inbox.Add(
      MakeMessage(1,
                  "From: a@x.example\r\nTo: b@y.example\r\nCc: c@y.example\r\n"
                  "Reply-To: d@x.example\r\nMessage-ID: <e@x.example>\r\n"
                  "Subject: Two words\r\n\r\nand a text\r\n"));
  for (const char* const query :
       {"from:a@x", "to:b@y", "cc:c@y", "bcc:to@y", "reply-to:d@x",
        "message-id:e@x", "subject:words", "text", "b@y", "to@y"}) {
    const auto terms = ParseSearchQuery(query, "");
    ASSERT_TRUE(terms.ok()) << query << ": " << terms.status();
    EXPECT_EQ(inbox.Count(*terms), 1u) << query;
  }
  for (const char* const query :
       {"from:b@y", "to:a@x", "cc:to@y", "bcc:b@y", "reply-to:a@x",
        "message-id:d@x", "subject:text", "nothing"}) {
    EXPECT_EQ(inbox.Count(*ParseSearchQuery(query, "")), 0u) << query;
  }
}

TEST(Inbox, CountsWhatRecipientsNeed) {
  // 1,000 recipients of 50 octets need more memory than their message has.
  rig::Mailbox mailbox(/*most_messages=*/100, /*most_octets=*/2'000'000);
  for (int i = 0; i < 10; ++i) {
    rig::Message::Data data;
    data.to.assign(1000, std::string(50, 'x'));
    mailbox.Add(std::move(data));
  }
  EXPECT_EQ(mailbox.Messages().size(), 2u);
}

TEST(Summary, HasAtMostAThousandAddressesOfAField) {
  std::string raw = "To: a@y.example";
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&raw, ",\r\n a", i, "@y");
  const rig::Message message = MakeMessage(1, raw + "\r\n\r\n");
  const rig::Mime mime = rig::ParseMime(message.raw());
  EXPECT_EQ(mime.to.size(), 5001u);
  EXPECT_EQ(Summarize(message, mime).to.size(), 1000u);
}

// The least time of JSON with `count` names of fields.
double FieldsTime(int count) {
  rig::Mime mime;
  for (int i = 0; i < count; ++i) {
    mime.fields.emplace_back(absl::StrCat("Name-", i), "");
  }
  double least = 1e9;
  for (int i = 0; i < 5; ++i) {
    const double begin = CpuTime();
    EXPECT_EQ(FieldsJson(mime).size(), static_cast<size_t>(count));
    least = std::min(least, CpuTime() - begin);
  }
  return least;
}

TEST(Json, FieldsTakeTimeThatGrowsWithTheirNames) {
  // Sixteen times the names. Quadratic time would be 256 times as long.
  EXPECT_LT(FieldsTime(64000), 60 * FieldsTime(4000));
}

TEST(Json, RequestsHaveLimitedDepth) {
  HttpRequest request;
  const auto reads = [&](int levels) {
    request.body = absl::StrCat(
        "{\"a\": \"[[\\\"[[\", \"b\": ", std::string(levels - 1, '['),
        std::string(levels - 1, ']'), "}");
    return ReadJson(request).has_value();
  };
  EXPECT_TRUE(reads(kDeepestJson));
  EXPECT_FALSE(reads(kDeepestJson + 1));
  EXPECT_FALSE(reads(1'000'000));
  request.body = "[]";
  EXPECT_FALSE(ReadJson(request).has_value());
}

TEST(Faults, AreReplacedAndTurnedOffInOneStep) {
  rig::FaultTable faults;
  rig::Fault fault;
  fault.stage = rig::Stage::kNoop;
  const int id = faults.Add(fault);
  int calls = 0;
  faults.OnChange([&] {
    ++calls;
    EXPECT_FALSE(faults.List()[0].on);
  });
  EXPECT_TRUE(faults.Replace(id, fault, /*on=*/false));
  EXPECT_EQ(calls, 1);
}

// The least time of a search in `count` messages.
double SearchTime(int count) {
  rig::Mailbox mailbox(100000, 1 << 30);
  Inbox inbox(&mailbox);
  const std::string body(1000, 'x');
  for (int i = 1; i <= count; ++i) {
    inbox.Add(MakeMessage(
        i, absl::StrCat("Subject: message ", i, "\r\n\r\n", body, "\r\n")));
  }
  const auto terms = ParseSearchQuery("subject:message nothing", "");
  double least = 1e9;
  for (int i = 0; i < 10; ++i) {
    const double begin = CpuTime();
    EXPECT_EQ(inbox.Find(*terms, 0, 50).matching, 0u);
    EXPECT_EQ(inbox.Find({}, 0, 50).matching, static_cast<size_t>(count));
    least = std::min(least, CpuTime() - begin);
  }
  return least;
}

TEST(Inbox, SearchesInTimeThatGrowsWithTheMessages) {
  // Sixteen times the messages, which no cache holds. A search that compared
  // each with each would take 256 times as long.
  EXPECT_LT(SearchTime(4000), 100 * SearchTime(250));
}

TEST(MailHogContent, SplitsAsMailHogDoes) {
  const MailHogContent content = ParseMailHogContent(
      "Subject: a\r\n b\r\nX: 1\r\nX: 2\r\nno field\r\n"
      "Content-Type: multipart/mixed; boundary=\"b b\"\r\n\r\n"
      "before\r\n--b b\r\nContent-Type: text/plain\r\n\r\none\r\n"
      "--b b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n"
      "--c\r\nA: 1\r\n\r\ntwo\r\n--c--\r\n--b b--\r\nafter");
  EXPECT_EQ(content.fields.at("Subject"), "a b");
  EXPECT_EQ(content.fields.at("X"), "2");
  ASSERT_EQ(content.parts.size(), 2u);
  EXPECT_EQ(content.parts[0].body, "one");
  ASSERT_EQ(content.parts[1].parts.size(), 1u);
  EXPECT_EQ(content.parts[1].parts[0].body, "two");
  EXPECT_EQ(ParseMailHogContent("no header").body, "no header");
}

TEST(MailHogContent, IsLimited) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&deep, "Content-Type: multipart/x; boundary=b", i,
                    ".\r\n\r\n--b", i, ".\r\n");
  }
  (void)ParseMailHogContent(deep);
  std::string wide = "Content-Type: multipart/x; boundary=b\r\n\r\n";
  for (int i = 0; i < 100000; ++i) wide += "--b\r\nx";
  EXPECT_EQ(ParseMailHogContent(wide + "--b--").parts.size(), 1000u);
}

RequestJson Request(const char* text) { return RequestJson::parse(text); }

TEST(Compose, MakesAMessage) {
  const auto data = ComposeMessage(
      Request(R"({"From": {"Email": "a@x.example", "Name": "A \"B\" ä"},
                  "To": [{"Email": "b@y.example"}], "Bcc": ["c@y.example"],
                  "Subject": "äöü and a subject that needs several words ßßßßßß",
                  "Text": "text", "HTML": "<p>",
                  "Attachments": [{"Content": "YWJj", "Filename": "ä.txt"}]})"),
      absl::FromUnixSeconds(0));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->to, (std::vector<std::string>{"b@y.example", "c@y.example"}));
  EXPECT_EQ(data->raw.find("c@y.example"), std::string::npos);
  ASSERT_EQ(data->envelope.to.size(), 2u);
  EXPECT_EQ(data->envelope.to[1].path.Address(), "c@y.example");
  EXPECT_EQ(data->envelope.from.Address(), "a@x.example");
  const rig::Mime mime = rig::ParseMime(data->raw);
  ASSERT_EQ(mime.from.size(), 1u);
  EXPECT_EQ(mime.from[0].name, "A \"B\" \xC3\xA4");
  EXPECT_EQ(mime.Value("Subject"),
            "äöü and a subject that needs several words ßßßßßß");
  ASSERT_NE(mime.Html(), nullptr);
  EXPECT_EQ(mime.Html()->content, "<p>");
  ASSERT_EQ(Attachments(mime).size(), 1u);
  EXPECT_EQ(Attachments(mime)[0]->file_name, "ä.txt");
  EXPECT_EQ(Attachments(mime)[0]->content, "abc");
}

TEST(Compose, AcceptsAddressesThatAreNotAscii) {
  EXPECT_TRUE(ComposeMessage(Request(R"({"From":{"Email":"ä@x"},
                                         "To":[{"Email":"b@y"}]})"),
                             absl::Now())
                  .ok());
}

TEST(Compose, NoMemberAddsALineToTheHeader) {
  for (const char* const text : {
           R"({"From":{"Email":"a@x\r\nX: 1"},"To":[{"Email":"b@y"}]})",
           R"({"From":{"Email":"a@x"},"To":[{"Email":"b@y>\r\nX: 1"}]})",
           R"({"From":{"Email":"a@x"},"To":[{"Email":"b@y"}],
               "Subject":"s\r\nX: 1"})",
           R"({"From":{"Email":"a@x"},"To":[{"Email":"b@y"}],
               "Headers":{"A":"s\nX: 1"}})",
           R"({"From":{"Email":"a@x"},"To":[{"Email":"b@y"}],
               "Headers":{"A: 1\r\nX":"s"}})",
           R"({"From":{"Email":"a@x"},"To":[{"Email":"b@y"}],
               "Headers":{"Bcc":"s"}})",
           R"({"From":{"Email":"a@x"},"To":[{"Email":"b@y"}],
               "Attachments":[{"Content":"","Filename":"f",
                               "ContentType":"a/b\r\nX: 1"}]})",
           R"({"From":{"Email":"a@x"},"To":[{"Email":"b@y"}],
               "Attachments":[{"Content":"","Filename":"f",
                               "ContentID":"a>\r\nX: 1"}]})",
       }) {
    EXPECT_FALSE(ComposeMessage(Request(text), absl::Now()).ok())
        << "a line is added: " << text;
  }
  // These are encoded.
  for (const char* const text : {
           R"({"From":{"Email":"a@x","Name":"n\r\nX: 1"},
               "To":[{"Email":"b@y"}]})",
           R"({"From":{"Email":"a@x"},"To":[{"Email":"b@y"}],
               "Attachments":[{"Content":"","Filename":"f\r\nX: 1"}]})",
       }) {
    const auto data = ComposeMessage(Request(text), absl::Now());
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_EQ(data->raw.find("\nX: 1"), std::string::npos) << data->raw;
  }
}

}  // namespace
}  // namespace postern::programs
