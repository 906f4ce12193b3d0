// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/filtered_delivery.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "delivery/header_edit.h"
#include "delivery/spool.h"
#include "log/log.h"

namespace postern::delivery {
namespace {

using Clock = std::chrono::steady_clock;

// The content is passed on in pieces of this size.
constexpr size_t kPiece = size_t{64} << 10;

Reply CannotSpool(const absl::Status& why) {
  if (absl::IsResourceExhausted(why)) {
    return {452, {4, 3, 1}, "disk full or over quota (#4.3.1)"};
  }
  return {451, {4, 3, 0}, "unable to hold the message (#4.3.0)"};
}

class FilteredTransaction : public MailTransaction {
 public:
  FilteredTransaction(std::unique_ptr<MailTransaction> transaction,
                      std::shared_ptr<ContentFilter> filter,
                      const std::string& directory, system::Run run,
                      SharedSessionInfo session)
      : transaction_(std::move(transaction)),
        filter_(std::move(filter)),
        run_(std::move(run)),
        session_(std::move(session)),
        content_(directory) {}

  std::optional<Verdict> AddRecipient(const Rcpt& rcpt,
                                      Policy::Later later) override {
    return transaction_->AddRecipient(rcpt, later);
  }

  // The transaction of the delivery is opened after the filter has answered.
  std::optional<Verdict> Open(const Envelope& envelope,
                              Policy::Later) override {
    envelope_ = envelope;
    return Verdict::Accept();
  }

  bool Write(absl::Span<const absl::string_view> slices,
             absl::AnyInvocable<void() &&> ready) override {
    (void)ready;  // is not needed: this returns true
    for (const absl::string_view slice : slices) content_.Append(slice);
    return true;
  }

  void OnReplied() override { transaction_->OnReplied(); }

  // `done` keeps this object alive until it is called.
  void Commit(Policy::Done done) override {
    Filter([this,
            done = std::move(done)](std::optional<Verdict> refusal) mutable {
      if (refusal) return std::move(done)(*std::move(refusal));
      transaction_->Commit([name = filter_->name(), reason = reason_,
                            done = std::move(done)](Verdict verdict) mutable {
        std::move(done)(Name(std::move(verdict), name, reason));
      });
    });
  }

  void CommitEach(EachDone done) override {
    Filter(
        [this, done = std::move(done)](std::optional<Verdict> refusal) mutable {
          if (refusal) {
            std::vector<Verdict> all;
            all.push_back(*std::move(refusal));
            return std::move(done)(std::move(all));
          }
          transaction_->CommitEach(
              [name = filter_->name(), reason = reason_,
               done = std::move(done)](std::vector<Verdict> verdicts) mutable {
                for (Verdict& verdict : verdicts) {
                  verdict = Name(std::move(verdict), name, reason);
                }
                std::move(done)(std::move(verdicts));
              });
        });
  }

 private:
  // Takes the refusal if there is one. Otherwise only the commit is left.
  using Next = absl::AnyInvocable<void(std::optional<Verdict> refusal) &&>;

  // Runs `task` on a thread that may block.
  void Run(absl::AnyInvocable<void() &&> task) {
    if (!run_) return std::move(task)();
    const system::Run run = run_;
    run([session = session_, message = envelope_.message,
         task = std::move(task)]() mutable {
      // Lines that the delivery logs name the session and the message.
      const log::LogScope scope({session->session_id, message});
      std::move(task)();
    });
  }

  // Asks the filter, and passes an accepted message on. `next` keeps this
  // object alive.
  void Filter(Next next) {
    Run([this, since = Clock::now(), next = std::move(next)]() mutable {
      const absl::Duration waited = absl::FromChrono(Clock::now() - since);
      std::optional<Verdict> refusal = Ask(filter_->timeout() - waited);
      if (refusal) return std::move(next)(std::move(refusal));
      Policy::Done opened = [this,
                             next = std::move(next)](Verdict verdict) mutable {
        if (!verdict.accepted()) return std::move(next)(std::move(verdict));
        std::move(next)(Pass());
      };
      std::optional<Verdict> verdict =
          transaction_->Open(envelope_, [&]() -> Policy::Done {
            // Passing the content on blocks, and the answer may come on the
            // thread of an event loop.
            return [this, opened = std::move(opened)](Verdict answer) mutable {
              Run([opened = std::move(opened),
                   answer = std::move(answer)]() mutable {
                std::move(opened)(std::move(answer));
              });
            };
          });
      if (verdict) std::move(opened)(*std::move(verdict));
    });
  }

  // Adds the reason of the filter to an acceptance of the delivery.
  static Verdict Name(Verdict verdict, absl::string_view name,
                      const std::string& reason) {
    if (!verdict.accepted()) return verdict;
    if (verdict.rule().empty()) {
      return std::move(verdict).By(name).From(reason);
    }
    if (reason.empty()) return verdict;
    std::string source =
        absl::StrCat(verdict.source(), verdict.source().empty() ? "" : "; ",
                     name, ": ", reason);
    return std::move(verdict).From(std::move(source));
  }

  // Asks the filter, which has `remaining` left. Returns the refusal if there
  // is one.
  std::optional<Verdict> Ask(absl::Duration remaining) {
    if (!content_.status().ok()) return Fail(content_.status());
    FilterAnswer answer =
        filter_->Decide(envelope_, *session_, content_, remaining);
    if (answer.refusal) {
      return Verdict::Refuse(*std::move(answer.refusal))
          .By(filter_->name())
          .From(std::move(answer.reason));
    }
    reason_ = std::move(answer.reason);
    edits_ = std::move(answer.edits);
    return std::nullopt;
  }

  // Passes the content on. Returns the refusal if there is one.
  std::optional<Verdict> Pass() {
    uint64_t offset = 0;
    if (!edits_.empty()) {
      std::optional<Verdict> refusal = PassHeader(edits_, &offset);
      if (refusal) return refusal;
    }
    return PassRest(offset);
  }

  // Passes the changed header section on, and sets `*offset` to its end.
  std::optional<Verdict> PassHeader(const HeaderEdits& edits,
                                    uint64_t* offset) {
    if (edits.changes.empty()) {
      Pass(edits.add);
      return std::nullopt;
    }
    // One octet more than the largest section: the line after it.
    std::string text;
    std::optional<size_t> section;
    while (!section && text.size() < content_.size() &&
           text.size() <= kMaxHeaderSection) {
      // Twice as much each time, because each try reads from the beginning.
      const size_t before = text.size();
      const size_t want = std::max(kPiece, before);
      text.resize(before + want);
      const ssize_t count = content_.Read(before, text.data() + before, want);
      if (count < 0)
        return Fail(absl::UnavailableError("temporary file: cannot be read"));
      text.resize(before + static_cast<size_t>(count));
      section = HeaderSectionSize(text);
    }
    const size_t size = section.value_or(text.size());
    if (size > kMaxHeaderSection) {
      return Verdict::Refuse(
          {554, {5, 6, 0}, "the header section is too long (#5.6.0)"});
    }
    Pass(EditHeaderSection(absl::string_view(text).substr(0, size), edits));
    *offset = size;
    return std::nullopt;
  }

  std::optional<Verdict> PassRest(uint64_t offset) {
    std::string piece(kPiece, '\0');
    while (offset < content_.size()) {
      const ssize_t count = content_.Read(offset, piece.data(), piece.size());
      // The delivery has half a message, which its transaction discards.
      if (count <= 0)
        return Fail(absl::UnavailableError("temporary file: cannot be read"));
      const auto size = static_cast<size_t>(count);
      Pass(absl::string_view(piece).substr(0, size));
      offset += size;
    }
    return std::nullopt;
  }

  void Pass(absl::string_view octets) {
    (void)transaction_->Write({&octets, 1}, [] {});  // true
  }

  std::optional<Verdict> Fail(const absl::Status& why) const {
    return Verdict::Refuse(CannotSpool(why))
        .By(filter_->name())
        .From(std::string(why.message()));
  }

  const std::unique_ptr<MailTransaction> transaction_;
  const std::shared_ptr<ContentFilter> filter_;
  const system::Run run_;
  const SharedSessionInfo session_;
  Envelope envelope_;
  Spool content_;
  std::string reason_;
  HeaderEdits edits_;
};

}  // namespace

std::unique_ptr<MailTransaction> FilteredDelivery::Begin(
    const Envelope& envelope, const SharedSessionInfo& session) {
  return std::make_unique<FilteredTransaction>(
      delivery_->Begin(envelope, session), filter_, directory_, run_, session);
}

}  // namespace postern::delivery
