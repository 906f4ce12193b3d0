// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/destination.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "delivery/amqp/amqp_address.h"
#include "delivery/discard.h"
#include "delivery/forward/next_hop.h"
#include "engine/delivery.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"
#include "policy/control/controls.h"

namespace postern::service {
namespace {

TEST(DestinationTest, SpecNamesADelivery) {
  const struct {
    absl::string_view spec;
    bool serves_remote;
    bool looks_up = false;
    bool blocks = true;
    bool runs_programs = false;
  } cases[] = {
      {"maildir:/m", false},
      {"maildir:/m/%d/%u", false, true},
      {"catch-all:/m/100%%", true},
      {"maildir:C:x", false},  // only the first colon separates
      {"qmail-queue", true, false, true, true},
      {"qmail-queue:/opt/scan", true, false, true, true},
      {"discard", true, false, false},
      {"lmtp:unix:/run/lmtp", true, false, false},
      {"smtp:a.example,[::1]:25", true, false, false},
      {"smtps:a.example,auth=/relay", true, false, false, true},
  };
  for (const auto& c : cases) {
    const auto made = MakeDestination(
        {.spec = c.spec,
         .control = "/q/control",
         .host = "us.example",
         .forward = [](const delivery::NextHop& hop, const std::string&,
                       absl::string_view rule) {
           EXPECT_EQ(rule, hop.lmtp           ? "lmtp"
                           : hop.implicit_tls ? "smtps"
                                              : "smtp");
           return std::make_unique<delivery::Discard>();
         }});
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->delivery->ServesRemote({"u", "d"}), c.serves_remote)
        << c.spec;
    EXPECT_EQ(made->delivery->LooksUpRecipients(), c.looks_up) << c.spec;
    EXPECT_EQ(made->blocks, c.blocks) << c.spec;
    EXPECT_EQ(made->runs_programs, c.runs_programs) << c.spec;
  }
}

TEST(DestinationTest, QueueNeedsALimitOfTheSize) {
  const auto make = [](uint64_t databytes, absl::string_view spec) {
    const auto controls = std::make_shared<policy::Controls>();
    controls->databytes = databytes;
    return MakeDestination({.spec = spec,
                            .controls = controls,
                            .publish = [](const delivery::AmqpAddress& address,
                                          uint64_t size, absl::string_view rule)
                                -> absl::StatusOr<std::unique_ptr<Delivery>> {
                              EXPECT_EQ(address.queue, "mail");
                              EXPECT_EQ(size, 1000u);
                              EXPECT_EQ(rule, address.tls ? "amqps" : "amqp");
                              return std::make_unique<delivery::Discard>();
                            }});
  };
  for (const char* spec :
       {"amqp:mq,queue=mail,auth=/a", "amqps:mq,queue=mail,auth=/a"}) {
    const auto made = make(1000, spec);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_TRUE(made->blocks);
    EXPECT_TRUE(absl::StrContains(make(0, spec).status().message(),
                                  "set control/databytes"));
    EXPECT_TRUE(absl::StrContains(CheckDestination(spec).message(),
                                  "use postern serve"));
    EXPECT_EQ(QueueOf(spec)->queue, "mail");
  }
  EXPECT_TRUE(absl::StrContains(CheckDestination("amqp:mq").message(),
                                "queue=NAME is missing"));
  EXPECT_EQ(QueueOf("maildir:/m").status().code(), absl::StatusCode::kNotFound);
}

TEST(DestinationTest, MaildirsOfRecipientsHaveAliases) {
  for (const char* spec : {"maildir:/m/%u", "maildir:%d/all"}) {
    EXPECT_TRUE(HasMailboxes(spec)) << spec;
  }
  for (const char* spec : {"maildir:/m", "maildir:", "maildir", "maildir:%x",
                           "catch-all:/m/%u", "qmail-queue", "discard", ""}) {
    EXPECT_FALSE(HasMailboxes(spec)) << spec;
  }
  files::TestDirectory folder;
  folder.MakeDirectory("control");
  folder.Write("control/me", "mx.example\n");
  folder.Write("control/rcpthosts", "x.example\n");
  folder.Write("control/aliases",
               "info: ann@x.example, bob+list@x.example\n"
               "all: gone\n");
  folder.MakeMaildir("store/ann");
  folder.MakeMaildir("store/bob");
  auto controls = policy::ReadControls({.directory = folder.File("control"),
                                        .aliases = true,
                                        .extension_separators = "+"});
  ASSERT_TRUE(controls.ok()) << controls.status();
  const std::string spec = absl::StrCat("maildir:", folder.File("store/%u"));
  const auto made =
      MakeDestination({.spec = spec,
                       .host = "mx",
                       .controls = std::make_shared<const policy::Controls>(
                           *std::move(controls))});
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string aliases = folder.File("control/aliases");
  ASSERT_TRUE(made->check);
  const std::vector<std::string> warnings = made->check();
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0],
            absl::StrCat(aliases,
                         ":2: the target gone has no mailbox and no alias."));
  EXPECT_TRUE(absl::StrContains(warnings[1], "postmaster")) << warnings[1];
  const auto transaction =
      made->delivery->Begin({}, std::make_shared<const SessionInfo>());
  const auto decide = [&transaction](const char* user) {
    const auto verdict = transaction->AddRecipient(
        {.to = {user, "x.example"}}, []() -> Policy::Done { return nullptr; });
    return verdict->accepted() ? 250 : verdict->reply()->code;
  };
  EXPECT_EQ(decide("info"), 250);
  EXPECT_EQ(decide("ann+x"), 250);
  EXPECT_EQ(decide("gone"), 550);
  EXPECT_EQ(decide("all"), 451);
  EXPECT_EQ(decide("postmaster"), 451);
}

TEST(DestinationTest, ErrorQuotesTheSpecAndTheReason) {
  // The start of the list: a new delivery may follow.
  constexpr absl::string_view kAll =
      "not one of qmail-queue[:PROGRAM], maildir:DIR, catch-all:DIR, ";
  const struct {
    std::string spec;
    absl::string_view why;
  } cases[] = {
      {"", kAll},
      {"maildir", "the directory is missing: maildir:DIR"},
      {"maildir:", "the directory is missing: maildir:DIR"},
      {"maildir:/m/%x", "only %u, %d and %%"},
      {std::string("maildir:/m\0", 11), "a NUL"},
      {"catch-all:", "the directory is missing: catch-all:DIR"},
      {"catch-all:/m/%u", "without %u and %d"},
      {"qmail-queue:", "the program is missing"},
      {"discard:", "takes no value"},
      {"discard:x", "takes no value"},
      {"lmtp", "the next hop is missing"},
      {"smtp:", "the next hop is missing"},
      {"lmtp:/run/lmtp", "write a Unix socket as unix:PATH"},
      {"lmtp:a b", "the host is not a host name"},
      {"lmtp:unix:/run/lmtp", "this program cannot forward"},
      {"smtps:", "smtps:HOST[:PORT]"},
      {"smtp:a.example,tls=always", "not one of none, may, encrypt, verify"},
      {"Maildir:/m", kAll},
      {"/m", kAll},
  };
  for (const auto& c : cases) {
    const absl::Status status = CheckDestination(c.spec);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << c.spec;
    EXPECT_TRUE(absl::StrContains(status.message(), c.why)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.spec)) << status;
  }
}

TEST(DestinationTest, NextHopIsThatOfTheSpec) {
  EXPECT_TRUE(NextHopOf("lmtp:unix:/l")->lmtp);
  EXPECT_EQ(NextHopOf("smtp:a.example")->hosts[0].Format(), "a.example:25");
  EXPECT_EQ(NextHopOf("smtps:a.example")->hosts[0].Format(), "a.example:465");
  for (const char* spec : {"lmtp:", "lmtp:x", "maildir:/m", "smtps:", ""}) {
    EXPECT_FALSE(NextHopOf(spec).ok()) << spec;
  }
}

TEST(DestinationTest, HelpHasEachKind) {
  const std::string text = FormatDeliveries(DeliveryRows());
  for (const DeliveryRow& row : DeliveryRows()) {
    EXPECT_TRUE(absl::StrContains(text, "\n  " + std::string(row.kind) +
                                            std::string(row.value)) ||
                absl::StartsWith(text, "  " + std::string(row.kind)))
        << row.kind;
  }
}

TEST(DestinationTest, HelpBeginsInOneColumn) {
  EXPECT_EQ(FormatDeliveries({{"pipe", ":12345678901234567890", "one\ntwo"},
                              {"pipe", ":1234567890123456789", "three"}}),
            "  pipe:12345678901234567890\n"
            "                           one\n"
            "                           two\n"
            "  pipe:1234567890123456789 three\n");
}

}  // namespace
}  // namespace postern::service
