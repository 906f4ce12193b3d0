// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// For tests: a delivery with a reply for each recipient, and a client of it.

#ifndef POSTERN_DELIVERY_PARTIAL_SCRIPTED_DELIVERY_H_
#define POSTERN_DELIVERY_PARTIAL_SCRIPTED_DELIVERY_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "engine/ask.h"
#include "engine/delivery.h"
#include "engine/grammar/reply.h"
#include "engine/policy.h"
#include "engine/verdict.h"
#include "system/run.h"

namespace postern::delivery {

// The engine writes one before the content.
inline constexpr absl::string_view kTrace = "Received: of this attempt\r\n";

// Answers as a next hop with LMTP does.
class ScriptedDelivery : public Delivery {
 public:
  std::unique_ptr<MailTransaction> Begin(const Envelope&,
                                         const SharedSessionInfo&) override {
    ++begun;
    on_begin();
    return std::make_unique<Message>(this);
  }

  // The replies by local part; 250 if there is none.
  std::map<std::string, Reply> at_rcpt;
  std::optional<Reply> at_data;
  std::map<std::string, Reply> at_end;
  // Called for each recipient that is accepted, before the answer.
  std::function<void(const std::string& to, const std::string& content)> store =
      [this](const std::string& to, const std::string& content) {
        stored.push_back(absl::StrCat(to, ": ", content));
      };
  std::vector<std::string> stored;
  std::function<void()> on_begin = [] {};
  std::vector<size_t> indices;  // Rcpt::index of each recipient
  int begun = 0;
  int open = 0;     // transactions
  int replied = 0;  // calls of OnReplied()

 private:
  class Message : public MailTransaction {
   public:
    explicit Message(ScriptedDelivery* owner) : owner_(*owner) {
      ++owner_.open;
    }
    ~Message() override { --owner_.open; }

    std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                        Policy::Later) override {
      owner_.indices.push_back(rcpt.index);
      return Answer(owner_.at_rcpt, rcpt.to.local_part);
    }
    std::optional<Verdict> Open(const Envelope& envelope,
                                Policy::Later later) override {
      for (const Recipient& recipient : envelope.to) {
        to_.push_back(recipient.path.local_part);
      }
      Verdict verdict =
          owner_.at_data ? Verdict::Refuse(*owner_.at_data) : Verdict::Accept();
      if (to_.size() % 2 == 0) return verdict;
      later()(std::move(verdict));  // the other way to answer
      return std::nullopt;
    }
    bool Write(absl::Span<const absl::string_view> slices,
               absl::AnyInvocable<void() &&> ready) override {
      for (const absl::string_view slice : slices) {
        absl::StrAppend(&content_, slice);
      }
      if (to_.size() % 2 == 0) return true;
      std::move(ready)();
      return false;
    }
    void Commit(Policy::Done done) override {
      std::move(done)(std::move(Each().front()));
    }
    void CommitEach(EachDone done) override { std::move(done)(Each()); }
    void OnReplied() override { ++owner_.replied; }

   private:
    static Verdict Answer(const std::map<std::string, Reply>& replies,
                          const std::string& to) {
      const auto found = replies.find(to);
      if (found == replies.end()) {
        return Verdict::Accept({250, {2, 0, 0}, absl::StrCat("ok ", to)});
      }
      return Verdict::Refuse(found->second);
    }
    std::vector<Verdict> Each() {
      std::vector<Verdict> each;
      for (const std::string& to : to_) {
        each.push_back(Answer(owner_.at_end, to));
        if (!each.back().accepted()) continue;
        absl::string_view content = content_;
        if (!absl::ConsumePrefix(&content, kTrace)) content = "no trace header";
        owner_.store(to, std::string(content));
      }
      return each;
    }

    ScriptedDelivery& owner_;
    std::vector<std::string> to_;
    std::string content_;
  };
};

// Runs its tasks when RunAll() is called.
class TaskQueue {
 public:
  system::Run run() {
    return [this](absl::AnyInvocable<void() &&> task) {
      tasks_.push_back(std::move(task));
    };
  }
  void RunAll() {
    while (!tasks_.empty()) {
      absl::AnyInvocable<void()&&> task = std::move(tasks_.front());
      tasks_.pop_front();
      std::move(task)();
    }
  }

 private:
  std::deque<absl::AnyInvocable<void() &&>> tasks_;
};

// An SMTP client, with the session between it and `delivery`.
struct ScriptedClient {
  Delivery* delivery;
  TaskQueue* tasks;
  bool replies = true;  // the client waits for the reply
  bool lmtp = false;
  std::function<void(const Reply&)> on_answer = [](const Reply&) {};

  // Sends a message. Returns the replies: that of a refused RCPT, if all are
  // refused, or of DATA, or of the message.
  std::vector<Reply> SendEach(const std::string& from,
                              const std::vector<std::string>& to,
                              absl::string_view content) const {
    SessionInfo info;
    info.hello_verb = lmtp ? Hello::Verb::kLhlo : Hello::Verb::kEhlo;
    Envelope envelope{.from = {from, "x.example"}};
    std::shared_ptr<MailTransaction> transaction =
        delivery->Begin(envelope, std::make_shared<const SessionInfo>(info));
    std::optional<Verdict> answer;
    const auto later = [&answer]() -> Policy::Done {
      return [&answer](Verdict verdict) { answer = std::move(verdict); };
    };
    for (const std::string& user : to) {
      const Path path = {user, "d.example"};
      answer.reset();
      if (auto verdict = transaction->AddRecipient(
              {.from = envelope.from, .to = path}, later)) {
        answer = std::move(verdict);
      }
      tasks->RunAll();
      if (answer->accepted()) envelope.to.push_back({path, {}});
    }
    if (envelope.to.empty()) return {*answer->reply()};
    answer.reset();
    if (auto verdict = transaction->Open(envelope, later)) {
      answer = std::move(verdict);
    }
    tasks->RunAll();
    if (!answer->accepted()) return {*answer->reply()};
    for (const absl::string_view slice : {kTrace, content}) {
      (void)transaction->Write({&slice, 1}, [] {});
      tasks->RunAll();
    }
    std::vector<Reply> given;
    MailTransaction& committing = *transaction;
    const auto take = [this, &given](const std::vector<Verdict>& verdicts) {
      for (const Verdict& verdict : verdicts) {
        given.push_back(verdict.reply().value_or(Reply{250, {}, ""}));
        on_answer(given.back());
      }
    };
    if (lmtp) {
      committing.CommitEach(
          [take, keep = transaction](std::vector<Verdict> verdicts) {
            take(verdicts);
          });
    } else {
      committing.Commit([take, keep = transaction](Verdict verdict) {
        take({std::move(verdict)});
      });
    }
    tasks->RunAll();
    if (replies) transaction->OnReplied();
    transaction.reset();
    tasks->RunAll();
    return given;
  }
  Reply Send(const std::string& from, const std::vector<std::string>& to,
             absl::string_view content) const {
    const std::vector<Reply> given = SendEach(from, to, content);
    return given.size() == 1 ? given[0] : Reply{};
  }
};

}  // namespace postern::delivery

#endif  // POSTERN_DELIVERY_PARTIAL_SCRIPTED_DELIVERY_H_
