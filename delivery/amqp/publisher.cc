// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/amqp/publisher.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "system/thread.h"

namespace postern::delivery {
namespace {

// A message is sent on this many connections at most. One that makes the broker
// close the connection would otherwise end all others with it.
constexpr int kMaxTries = 2;
// The longest wait of the library: it sends heartbeats only while it is called.
constexpr absl::Duration kMaxWait = absl::Seconds(1);

absl::Status Unusable(const absl::Status& why) {
  return absl::UnavailableError(IsBrokerRefusal(why) ? "refuses this server"
                                                     : "cannot be reached");
}

}  // namespace

std::string TimeoutWarning(std::chrono::seconds timeout) {
  const AmqpPublisher::Options usual;
  const auto least =
      std::chrono::ceil<std::chrono::seconds>(usual.grace + usual.pause);
  if (timeout >= least) return "";
  return absl::StrCat(
      "timeout=", timeout.count(), " is less than ", least.count(),
      " seconds: clients may get a 451 while the queue elects a leader");
}

AmqpPublisher::AmqpPublisher(Options options) : options_(std::move(options)) {}

void AmqpPublisher::Start() {
  if (started_ || stopping_) return;
  started_ = absl::OkStatus();
  if (!options_.connect) return;
  auto worker =
      system::StartThread("amqp", [this] { Run(&AmqpPublisher::Work); });
  if (!worker.ok()) {
    started_ = worker.status();
    return;
  }
  ++running_;
  worker_ = *std::move(worker);
  auto watcher =
      system::StartThread("amqp timer", [this] { Run(&AmqpPublisher::Watch); });
  if (!watcher.ok()) {
    started_ = watcher.status();
    return;
  }
  ++running_;
  watcher_ = *std::move(watcher);
}

void AmqpPublisher::Run(void (AmqpPublisher::*function)()) {
  (this->*function)();
  const std::lock_guard<std::mutex> lock(mutex_);
  --running_;
  changed_.notify_all();
}

bool AmqpPublisher::Stop(std::chrono::milliseconds patience) {
  Answers answers;
  bool ended = false;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    stopping_ = true;
    if (connection_ != nullptr) connection_->Abort();
    changed_.notify_all();
    ended = changed_.wait_for(lock, patience, [this] { return running_ == 0; });
    const absl::Status over =
        absl::UnavailableError("has not confirmed before the shutdown");
    for (auto& [tag, message] : unconfirmed_) Settle(message, over, &answers);
    FailWaiting(over, &answers);
  }
  Give(std::move(answers));
  return ended;
}

AmqpPublisher::~AmqpPublisher() {
  Stop(std::chrono::milliseconds(0));
  if (worker_.joinable()) worker_.join();
  if (watcher_.joinable()) watcher_.join();
}

absl::Status AmqpPublisher::status() {
  const std::lock_guard<std::mutex> lock(mutex_);
  Start();
  return Status();
}

absl::Status AmqpPublisher::Status() const {
  if (stopping_) {
    return absl::UnavailableError("is not used any more: this server ends");
  }
  if (!started_->ok()) {
    return absl::UnavailableError("is not used: this server has no threads");
  }
  if (!down_.ok()) return Unusable(down_);
  if (blocked_) {
    return absl::UnavailableError("takes no messages now: it lacks resources");
  }
  const auto answered = [](const auto& each) { return !each.second->done; };
  const bool testing =
      !waiting_.empty() || !again_.empty() ||
      !std::all_of(unconfirmed_.begin(), unconfirmed_.end(), answered);
  if (silent_ && testing) {
    return absl::UnavailableError("does not confirm messages");
  }
  if (waiting_.size() + again_.size() >= kMaxWaiting) {
    return absl::ResourceExhaustedError("is too slow");
  }
  return absl::OkStatus();
}

void AmqpPublisher::Publish(std::string queue, AmqpProperties properties,
                            BrokerBody body, Done done) {
  absl::Status status;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Start();
    status = Status();
    if (status.ok() && !options_.connect) {
      status = absl::UnavailableError("is not used by this program");
    }
    if (status.ok()) {
      auto message = std::make_shared<Message>();
      message->queue = std::move(queue);
      message->properties = std::move(properties);
      message->body = std::move(body);
      message->deadline = options_.now() + options_.timeout;
      message->done = std::move(done);
      waiting_.push_back(std::move(message));
      // All messages have the same timeout, so the watcher needs to know only
      // of the first one.
      if (watcher_idle_) changed_.notify_all();
      if (connection_ != nullptr) connection_->Wake();
    }
  }
  if (!status.ok()) std::move(done)(status);
}

void AmqpPublisher::Work() {
  std::chrono::milliseconds pause = options_.pause;
  // When messages fail, unless a connection has been opened.
  Clock::time_point patience = Clock::now();
  while (true) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return;
    }
    auto connected = options_.connect();
    Answers answers;
    absl::Status why = connected.status();
    if (connected.ok()) {
      std::shared_ptr<BrokerConnection> connection = *std::move(connected);
      bool was_down = false;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopping_) return;
        was_down = !down_.ok();
        down_ = absl::OkStatus();
        blocked_.reset();
        tag_ = 0;
        connection_ = connection;
      }
      if (was_down) Report("the broker works again");
      pause = options_.pause;
      const auto since = Clock::now();
      why = Serve(connection.get());
      patience = Clock::now() + options_.grace;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopping_) return;
        Disconnected(&answers);
      }
      connection.reset();
      Give(std::move(answers));
      Report(absl::StrCat("the connection to the broker has ended: ",
                          why.message()));
      std::unique_lock<std::mutex> lock(mutex_);
      // A broker that closes each connection at once must not keep this thread
      // and itself busy.
      changed_.wait_until(lock, since + options_.pause,
                          [this] { return stopping_; });
      continue;
    }
    if (Clock::now() < patience) {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait_for(lock, options_.pause, [this] { return stopping_; });
      continue;
    }
    bool first = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      first = down_ != why;
      down_ = why;
      FailWaiting(Unusable(why), &answers);
    }
    Give(std::move(answers));
    if (first) {
      Report(
          absl::StrCat("no broker works, messages get a 451: ", why.message()));
    }
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, pause, [this] { return stopping_; });
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
  }
}

absl::Status AmqpPublisher::Serve(BrokerConnection* connection) {
  while (true) {
    bool sent = false;
    if (absl::Status status = SendNext(connection, &sent); !status.ok()) {
      return status;
    }
    auto event = connection->Next(sent ? absl::ZeroDuration() : UntilNext());
    while (event.ok() && *event) {
      Handle(**event);
      event = connection->Next(absl::ZeroDuration());
    }
    if (!event.ok()) return event.status();
  }
}

absl::Status AmqpPublisher::SendNext(BrokerConnection* connection, bool* sent) {
  SharedMessage message;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return absl::CancelledError("shutdown");
    while (!again_.empty() && again_.front()->again <= options_.now()) {
      waiting_.push_back(std::move(again_.front()));
      again_.pop_front();
    }
    if (blocked_ || unconfirmed_.size() >= kMaxUnconfirmed) {
      return absl::OkStatus();
    }
    while (!waiting_.empty() && !waiting_.front()->done) waiting_.pop_front();
    if (waiting_.empty()) return absl::OkStatus();
    message = waiting_.front();
    waiting_.pop_front();
    ++message->tries;
    message->returned = false;
    unconfirmed_[++tag_] = message;
  }
  *sent = true;
  return connection->Publish(message->queue, message->properties,
                             message->body);
}

absl::Duration AmqpPublisher::UntilNext() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (again_.empty()) return kMaxWait;
  return std::clamp(absl::FromChrono(again_.front()->again - options_.now()),
                    absl::Milliseconds(1), kMaxWait);
}

void AmqpPublisher::Handle(const BrokerEvent& event) {
  Answers answers;
  std::string report;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    switch (event.kind) {
      case BrokerEvent::Kind::kAck:
      case BrokerEvent::Kind::kNack:
        if (Confirm(event, &answers)) {
          report = "the broker does not take messages, which get a 451";
        }
        break;
      case BrokerEvent::Kind::kReturn:
        for (auto& [tag, message] : unconfirmed_) {
          if (message->properties.message_id == event.text) {
            message->returned = true;
          }
        }
        break;
      case BrokerEvent::Kind::kBlocked: {
        blocked_ = event.text;
        FailWaiting(Status(), &answers);
        const auto limit = options_.now() + kBlockedTimeout;
        for (auto& [tag, message] : unconfirmed_) {
          message->deadline = std::min(message->deadline, limit);
        }
        changed_.notify_all();
        report = absl::StrCat("the broker takes no messages, which get a 451: ",
                              event.text);
        break;
      }
      case BrokerEvent::Kind::kUnblocked:
        blocked_.reset();
        report = "the broker takes messages again";
        break;
      case BrokerEvent::Kind::kDelivery:
      case BrokerEvent::Kind::kCancelled:
        break;  // there is no consumer
    }
  }
  Give(std::move(answers));
  if (!report.empty()) Report(report);
}

bool AmqpPublisher::Confirm(const BrokerEvent& event, Answers* answers) {
  bool begins = false;
  const auto end = unconfirmed_.upper_bound(event.tag);
  auto each = event.multiple ? unconfirmed_.begin()
                             : unconfirmed_.lower_bound(event.tag);
  while (each != end) {
    const SharedMessage message = each->second;
    each = unconfirmed_.erase(each);
    if (event.kind == BrokerEvent::Kind::kNack) {
      begins |= Refused(message, answers);
    } else if (message->returned) {
      // The broker acknowledges what it has thrown away.
      Settle(message, absl::NotFoundError("has no queue for the message"),
             answers);
    } else {
      silent_ = false;
      refusing_until_ = Clock::time_point::min();
      Settle(message, absl::OkStatus(), answers);
    }
  }
  return begins;
}

bool AmqpPublisher::Refused(const SharedMessage& message, Answers* answers) {
  if (!message->done) return false;
  const auto now = options_.now();
  if (!message->refused) message->refused = now;
  message->again = now + options_.pause;
  const bool refusing = now < refusing_until_;
  if (!refusing && now < *message->refused + options_.grace &&
      message->again < message->deadline) {
    --message->tries;  // on the same connection
    again_.push_back(message);
    return false;
  }
  Settle(message, absl::UnavailableError("does not take the message"), answers);
  refusing_until_ = now + options_.grace;
  if (refusing || now < report_again_) return false;
  report_again_ = refusing_until_;
  return true;
}

void AmqpPublisher::Disconnected(Answers* answers) {
  connection_.reset();
  blocked_.reset();
  refusing_until_ = Clock::time_point::min();
  // In their order, before those that have not been sent.
  for (auto each = unconfirmed_.rbegin(); each != unconfirmed_.rend(); ++each) {
    const SharedMessage& message = each->second;
    if (!message->done) continue;
    message->refused.reset();
    if (message->tries < kMaxTries) {
      waiting_.push_front(message);
    } else {
      Settle(message,
             absl::UnavailableError("has closed the connection before its "
                                    "confirm"),
             answers);
    }
  }
  unconfirmed_.clear();
  for (const SharedMessage& message : again_) message->refused.reset();
}

void AmqpPublisher::Settle(const SharedMessage& message, absl::Status status,
                           Answers* answers) {
  if (!message->done) return;
  answers->push_back({*std::move(message->done), std::move(status)});
  message->done.reset();
}

void AmqpPublisher::FailWaiting(const absl::Status& status, Answers* answers) {
  for (const SharedMessage& message : waiting_) {
    Settle(message, status, answers);
  }
  for (const SharedMessage& message : again_) {
    Settle(message, status, answers);
  }
  waiting_.clear();
  again_.clear();
}

AmqpPublisher::Clock::time_point AmqpPublisher::FirstDeadline() const {
  auto first = Clock::time_point::max();
  for (const SharedMessage& message : waiting_) {
    if (message->done) first = std::min(first, message->deadline);
  }
  for (const SharedMessage& message : again_) {
    if (message->done) first = std::min(first, message->deadline);
  }
  for (const auto& [tag, message] : unconfirmed_) {
    if (message->done) first = std::min(first, message->deadline);
  }
  return first;
}

// The thread of the connection may be blocked, because the broker does not
// read. So another thread watches the deadlines.
void AmqpPublisher::Watch() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    const auto first = FirstDeadline();
    if (first == Clock::time_point::max()) {
      watcher_idle_ = true;
      changed_.wait(lock);
      watcher_idle_ = false;
      continue;
    }
    if (const auto left = first - options_.now(); left > left.zero()) {
      changed_.wait_for(lock, left);
      continue;
    }
    Answers answers;
    const absl::Status silence =
        absl::DeadlineExceededError("has not confirmed the message in time");
    const auto now = options_.now();
    bool sent = false;
    for (const SharedMessage& message : waiting_) {
      if (message->deadline <= now) Settle(message, silence, &answers);
    }
    for (const SharedMessage& message : again_) {
      if (message->deadline <= now) Settle(message, silence, &answers);
    }
    for (const auto& [tag, message] : unconfirmed_) {
      if (message->deadline > now || !message->done) continue;
      sent = true;
      Settle(message, silence, &answers);
    }
    const bool first_silence = sent && !blocked_ && !silent_;
    if (sent && !blocked_) {
      silent_ = true;
      // Another broker of the list may be able to confirm.
      if (connection_ != nullptr) connection_->Abort();
    }
    lock.unlock();
    Give(std::move(answers));
    if (first_silence) Report("the broker does not confirm messages in time");
    lock.lock();
  }
}

void AmqpPublisher::Give(Answers answers) {
  for (Answer& answer : answers) {
    std::move(answer.done)(std::move(answer.status));
  }
}

void AmqpPublisher::Report(const std::string& text) const {
  if (options_.report) options_.report(text);
}

}  // namespace postern::delivery
