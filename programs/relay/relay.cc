// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/relay/relay.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "delivery/amqp/amqp_address.h"
#include "engine/ask.h"
#include "engine/grammar/reply.h"
#include "log/log.h"
#include "log/log_line.h"
#include "programs/relay/watched_connection.h"
#include "system/thread.h"

namespace postern::programs {
namespace {

using delivery::AmqpProperties;
using delivery::BrokerBody;
using delivery::BrokerEvent;
using delivery::QueuedMessage;

// How often Run() looks at the time and at the signals.
constexpr absl::Duration kTick = absl::Milliseconds(500);
constexpr absl::Duration kSendAgain = absl::Seconds(5);
// Octets of a reply that a header keeps.
constexpr size_t kMaxReply = 500;

BrokerBody BodyOf(std::shared_ptr<const std::string> content) {
  const uint64_t size = content->size();
  return {.size = size,
          .read = [content = std::move(content)](uint64_t offset, char* to,
                                                 size_t room) {
            return static_cast<ssize_t>(content->copy(to, room, offset));
          }};
}

// Returns a reply in one line.
std::string Text(const std::optional<Reply>& reply) {
  if (!reply) return "";
  std::string text = absl::StrCat(reply->code, " ", reply->text);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, kMaxReply);
}

}  // namespace

Relay::Relay(Options options) : options_(std::move(options)) {}

absl::Status Relay::Run(const delivery::ConnectBroker& connect) {
  absl::Duration pause = absl::Seconds(1);
  bool worked = false;
  std::string reported;
  while (!options_.stopped()) {
    auto connected = Connect(connect);
    if (connected.ok()) connected = Watch(*std::move(connected));
    absl::Status why = connected.status();
    if (connected.ok()) {
      log::WriteLog(absl::StrCat("consuming queue ", options_.queue));
      worked = true;
      reported.clear();
      connection_ = *std::move(connected);
      ++connections_;
      {
        const std::lock_guard<std::mutex> lock(inbox_->mutex);
        inbox_->connection = connection_;
        inbox_->outcomes.clear();
      }
      counts_.connected = true;
      why = Serve();
      counts_.connected = false;
      {
        const std::lock_guard<std::mutex> lock(inbox_->mutex);
        inbox_->connection.reset();
      }
      // The broker delivers these again.
      in_progress_.clear();
      counts_.in_progress = 0;
      waiting_.clear();
      outgoing_.clear();
      unsent_.clear();
      blocked_ = false;
      published_ = 0;
      connection_.reset();
      if (why.ok()) return why;
      pause = absl::Seconds(1);
    } else if (!worked && delivery::IsBrokerRefusal(why)) {
      return why;
    }
    if (reported != why.message()) {
      reported = std::string(why.message());
      log::WriteLog("amqp",
                    absl::StrCat("queue ", options_.queue, ": ", reported));
    }
    Pause(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
  return absl::OkStatus();
}

absl::Duration Relay::Tick() const {
  return std::min(kTick, options_.patience);
}

absl::StatusOr<std::unique_ptr<delivery::BrokerConnection>> Relay::Connect(
    const delivery::ConnectBroker& connect) const {
  std::promise<void> connected;
  auto looking =
      system::StartThread("amqp connect", [this, end = connected.get_future()] {
        const auto tick = absl::ToChronoMilliseconds(Tick());
        absl::Duration left = kLongestConnect;
        for (; left > absl::ZeroDuration(); left -= Tick()) {
          if (end.wait_for(tick) == std::future_status::ready) return;
          (void)options_.stopped();
        }
      });
  if (!looking.ok()) return looking.status();
  auto connection = connect();
  connected.set_value();
  looking->join();
  return connection;
}

void Relay::Pause(absl::Duration pause) const {
  while (pause > absl::ZeroDuration() && !options_.stopped()) {
    const absl::Duration part = std::min(kTick, pause);
    options_.sleep(part);
    pause -= part;
  }
}

absl::StatusOr<std::unique_ptr<delivery::BrokerConnection>> Relay::Watch(
    std::unique_ptr<delivery::BrokerConnection> connection) const {
  return WatchedConnection::Make(
      std::move(connection),
      {.patience = absl::ToChronoMilliseconds(options_.patience),
       .interval = absl::ToChronoMilliseconds(Tick()),
       // As Serve() does between the calls.
       .ended = [this, end = absl::InfiniteFuture()]() mutable {
         if (!options_.stopped()) return false;
         end = std::min(end, options_.now() + options_.drain);
         return options_.now() >= end;
       }});
}

// Returns OK when the relay has ended.
absl::Status Relay::Serve() {
  absl::Time end = absl::InfiniteFuture();
  while (true) {
    if (end == absl::InfiniteFuture() && options_.stopped()) {
      end = options_.now() + options_.drain;
      cancelled_ = true;
      if (absl::Status status = connection_->Cancel(); !status.ok()) {
        return status;
      }
      // What is not begun returns to the queue.
      for (const uint64_t tag : std::exchange(waiting_, {})) {
        in_progress_.erase(tag);
        if (absl::Status status = connection_->Requeue(tag); !status.ok()) {
          return status;
        }
      }
    }
    if (cancelled_ && (in_progress_.empty() || options_.now() >= end)) {
      if (!in_progress_.empty()) {
        log::WriteLog("warning",
                      absl::StrCat(in_progress_.size(),
                                   " messages were not forwarded in time, and "
                                   "return to the queue"));
      }
      return absl::OkStatus();
    }
    counts_.in_progress = in_progress_.size();
    StartWaiting();
    if (absl::Status status = PostponeWaiting(); !status.ok()) return status;
    if (!unsent_.empty() && !blocked_ && options_.now() >= send_again_) {
      for (Outgoing& outgoing : std::exchange(unsent_, {})) {
        --in_progress_.at(outgoing.tag).unconfirmed;  // Send() counts it
        if (absl::Status status = Send(std::move(outgoing)); !status.ok()) {
          return status;
        }
      }
    }
    auto event = connection_->Next(kTick);
    while (event.ok() && *event) {
      if (absl::Status status = Handle(**std::move(event)); !status.ok()) {
        return status;
      }
      event = connection_->Next(absl::ZeroDuration());
    }
    if (!event.ok()) return event.status();
    std::vector<Outcome> outcomes;
    {
      const std::lock_guard<std::mutex> lock(inbox_->mutex);
      outcomes.swap(inbox_->outcomes);
    }
    for (Outcome& outcome : outcomes) {
      if (outcome.connection != connections_) continue;
      if (absl::Status status = OnOutcome(std::move(outcome)); !status.ok()) {
        return status;
      }
    }
  }
}

absl::Status Relay::Handle(BrokerEvent event) {
  switch (event.kind) {
    case BrokerEvent::Kind::kDelivery:
      return OnDelivery(std::move(event));
    case BrokerEvent::Kind::kAck:
    case BrokerEvent::Kind::kNack:
      return OnConfirm(event);
    case BrokerEvent::Kind::kReturn:
      for (auto& [tag, outgoing] : outgoing_) {
        if (outgoing.properties.message_id == event.text &&
            outgoing.queue == event.queue) {
          outgoing.returned = true;
        }
      }
      return absl::OkStatus();
    case BrokerEvent::Kind::kCancelled:
      return absl::UnavailableError("the broker has ended the consumer");
    case BrokerEvent::Kind::kBlocked:
      blocked_ = true;
      log::WriteLog("amqp",
                    absl::StrCat("the broker takes no messages: ", event.text));
      return absl::OkStatus();
    case BrokerEvent::Kind::kUnblocked:
      blocked_ = false;
      log::WriteLog("amqp", "the broker takes messages again");
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Relay::OnDelivery(BrokerEvent event) {
  if (cancelled_) return connection_->Requeue(event.tag);
  InProgress& delivery = in_progress_[event.tag];
  delivery.content = std::make_shared<const std::string>(std::move(event.body));
  delivery.since = options_.now();
  auto message = delivery::DecodeMessage(event.properties);
  absl::Status status = message.status();
  if (status.ok() && !HasSmtpLines(*delivery.content)) {
    status = absl::InvalidArgumentError(
        "the content has lines that do not end in CRLF");
  }
  if (!status.ok()) {
    ++counts_.invalid;
    log::WriteLog(
        log::LogLine("relay", log::LineStyle())
            .Text("message", event.properties.message_id, log::kMaxLoggedName)
            .Word("result", "invalid")
            .Sentence("reason", status.message(), log::kMaxLoggedText));
    AmqpProperties properties = std::move(event.properties);
    properties.headers["x-postern-dead"] = "invalid";
    properties.headers["x-postern-error"] = std::string(status.message());
    delivery::LimitHeaders(&properties.headers);
    return Send({.tag = event.tag,
                 .queue = delivery::DeadQueue(options_.queue),
                 .properties = std::move(properties),
                 .content = delivery.content});
  }
  delivery.message = *std::move(message);
  // An administrator has moved it back from the dead queue.
  delivery.message.dead.clear();
  waiting_.push_back(event.tag);
  return absl::OkStatus();
}

void Relay::StartWaiting() {
  while (!waiting_.empty() && options_.now() >= resume_) {
    const uint64_t tag = waiting_.front();
    waiting_.pop_front();
    const InProgress& delivery = in_progress_.at(tag);
    options_.forward(
        delivery.message, delivery.content,
        [inbox = inbox_, connection = connections_,
         tag](std::vector<Verdict> verdicts) {
          const std::lock_guard<std::mutex> lock(inbox->mutex);
          inbox->outcomes.push_back({connection, tag, std::move(verdicts)});
          if (inbox->connection != nullptr) inbox->connection->Wake();
        });
    // One message at a time tests whether the next hop works again: its outcome
    // ends this pause.
    if (failures_ >= kFailuresInARow) {
      resume_ = options_.now() + kLongestPause;
    }
  }
}

absl::Status Relay::PostponeWaiting() {
  while (!waiting_.empty()) {
    const uint64_t tag = waiting_.front();
    const InProgress& first = in_progress_.at(tag);
    if (options_.now() - first.since < kLongestWait) break;
    waiting_.pop_front();
    absl::Status status =
        Replace(tag, first.message, "the next hop does not work");
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string Relay::RetryQueueAfter(int attempts) const {
  const size_t delay = std::min(static_cast<size_t>(std::max(attempts, 1)) - 1,
                                options_.delays.size() - 1);
  return delivery::RetryQueue(options_.queue, options_.delays[delay]);
}

absl::Status Relay::Replace(uint64_t tag, QueuedMessage message,
                            absl::string_view reply) {
  std::atomic<uint64_t>& count = message.dead.empty()        ? counts_.retried
                                 : message.dead == "expired" ? counts_.expired
                                                             : counts_.refused;
  Report(&count, message, message.dead.empty() ? "retry" : message.dead,
         message.envelope.to.size(), reply);
  const std::string queue = message.dead.empty()
                                ? RetryQueueAfter(message.attempts)
                                : delivery::DeadQueue(options_.queue);
  for (const QueuedMessage& part : delivery::SplitMessage(std::move(message))) {
    absl::Status status = Send({.tag = tag,
                                .queue = queue,
                                .properties = delivery::EncodeMessage(part),
                                .content = in_progress_.at(tag).content});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void Relay::CountOutcome(bool all_failed) {
  if (!all_failed) {
    failures_ = 0;
    resume_ = absl::InfinitePast();
    return;
  }
  ++failures_;
  const int beyond = failures_ - kFailuresInARow;
  if (beyond < 0) return;
  resume_ =
      options_.now() +
      std::min(absl::Seconds(1) * (1 << std::min(beyond, 10)), kLongestPause);
}

absl::Status Relay::OnOutcome(Outcome outcome) {
  const auto found = in_progress_.find(outcome.tag);
  if (found == in_progress_.end()) return absl::OkStatus();
  InProgress& delivery = found->second;
  const QueuedMessage& message = delivery.message;
  QueuedMessage later = message;
  later.envelope.to.clear();
  later.failures.clear();
  ++later.attempts;
  QueuedMessage dead = later;
  size_t accepted = 0;
  std::string reply;
  for (size_t i = 0; i < message.envelope.to.size(); ++i) {
    const Recipient& recipient = message.envelope.to[i];
    const Verdict& verdict = outcome.verdicts[i];
    if (verdict.accepted()) {
      ++accepted;
      reply = Text(verdict.reply());
      continue;
    }
    const bool permanent = verdict.reply() && verdict.reply()->code >= 500;
    QueuedMessage& next = permanent ? dead : later;
    next.envelope.to.push_back(recipient);
    next.failures.push_back({recipient.path, Text(verdict.reply())});
  }
  CountOutcome(/*all_failed=*/accepted == 0 && dead.envelope.to.empty());
  if (accepted > 0) {
    Report(&counts_.delivered, message, "deliver", accepted, reply);
  }
  dead.dead = "refused";
  std::vector<QueuedMessage> parts;
  if (!dead.envelope.to.empty()) parts.push_back(std::move(dead));
  if (!later.envelope.to.empty()) {
    if (options_.now() - message.received >= options_.expiry) {
      later.dead = "expired";
    }
    parts.push_back(std::move(later));
  }
  for (QueuedMessage& part : parts) {
    const std::string first = part.failures[0].reply;
    absl::Status status = Replace(outcome.tag, std::move(part), first);
    if (!status.ok()) return status;
  }
  return MaybeAcknowledge(outcome.tag);
}

absl::Status Relay::Send(Outgoing outgoing) {
  ++in_progress_.at(outgoing.tag).unconfirmed;
  if (blocked_) {
    unsent_.push_back(std::move(outgoing));
    return absl::OkStatus();
  }
  const absl::Status status = connection_->Publish(
      outgoing.queue, outgoing.properties, BodyOf(outgoing.content));
  outgoing_.emplace(++published_, std::move(outgoing));
  return status;
}

absl::Status Relay::OnConfirm(const BrokerEvent& event) {
  auto each =
      event.multiple ? outgoing_.begin() : outgoing_.lower_bound(event.tag);
  while (each != outgoing_.end() && each->first <= event.tag) {
    Outgoing outgoing = std::move(each->second);
    each = outgoing_.erase(each);
    --in_progress_.at(outgoing.tag).unconfirmed;
    // The broker acknowledges what it has returned.
    if (event.kind == BrokerEvent::Kind::kAck && !outgoing.returned) {
      if (absl::Status status = MaybeAcknowledge(outgoing.tag); !status.ok()) {
        return status;
      }
      continue;
    }
    log::WriteLog("warning", absl::StrCat("queue ", outgoing.queue,
                                          " does not take a message: it is "
                                          "sent again"));
    ++in_progress_.at(outgoing.tag).unconfirmed;  // until it is sent again
    outgoing.returned = false;
    unsent_.push_back(std::move(outgoing));
    send_again_ = options_.now() + kSendAgain;
  }
  return absl::OkStatus();
}

absl::Status Relay::MaybeAcknowledge(uint64_t tag) {
  const auto found = in_progress_.find(tag);
  if (found == in_progress_.end() || found->second.unconfirmed > 0) {
    return absl::OkStatus();
  }
  in_progress_.erase(found);
  return connection_->Acknowledge(tag);
}

void Relay::Report(std::atomic<uint64_t>* count, const QueuedMessage& message,
                   absl::string_view result, size_t recipients,
                   absl::string_view reply) const {
  *count += recipients;
  log::WriteLog(log::LogLine("relay", log::LineStyle())
                    .Text("message", message.id, log::kMaxLoggedName)
                    .Word("result", result)
                    .Address("from", message.envelope.from)
                    .Number("recipients", recipients)
                    .Number("attempts", static_cast<uint64_t>(message.attempts))
                    .Seconds("age", options_.now() - message.received)
                    .Sentence("reply", reply, log::kMaxLoggedText));
}

}  // namespace postern::programs
