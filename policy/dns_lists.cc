// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "policy/dns_lists.h"

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "policy/names/dns.h"

namespace postern::policy {
namespace {

using Status = DnsResult::Status;

// The longest text of a refusal: rblsmtpd cuts it there, too.
constexpr size_t kMaxText = 200;
// With the 64 octets of an IPv6 address before it, a name has at most 253.
constexpr size_t kMaxZone = 189;
constexpr size_t kMaxLabel = 63;

// Returns whether the check judges the client. Relay clients and users are not
// judged, because a list of hosts in dynamic address ranges has most of them.
bool Judges(const SessionInfo& session) { return !MayRelay(session); }

// Returns a refusal with a text of any octets.
Verdict Refusal(bool permanent, absl::string_view text) {
  std::string shown(text.substr(0, kMaxText));
  for (char& c : shown) {
    if (!absl::ascii_isprint(c)) c = '?';
  }
  return permanent ? Verdict::Refuse({553, {5, 7, 1}, std::move(shown)})
                   : Verdict::Refuse({451, {4, 7, 1}, std::move(shown)});
}

class RblSmtpdVariable : public Check {
 public:
  Opinion Decide(Question* question) const override {
    const SessionInfo& session = question->session();
    const std::string* value = FindVariable(session, "RBLSMTPD");
    if (value == nullptr || value->empty() || !Judges(session)) {
      return NoOpinion{};
    }
    absl::string_view text = *value;
    const bool permanent = absl::ConsumePrefix(&text, "-");
    return Refusal(permanent, text).From("RBLSMTPD");
  }
};

// Returns what a list says about a client, by its A records. RFC 5782 2.1: an
// entry is in 127.0.0.0/8. A zone that no longer exists may have an address
// outside of it for each name. 127.255.255.0/24 is the error code of lists that
// do not answer this resolver (Spamhaus and others).
Status StatusByAddress(const DnsResult& result) {
  if (result.status != Status::kFound) return result.status;
  Status status = Status::kNoRecords;
  for (const std::string& address : result.records) {
    if (address[0] != 127) continue;
    if (address[1] != '\xff' || address[2] != '\xff') return Status::kFound;
    status = Status::kTemporary;
  }
  return status;
}

// The questions to all lists about one client, for one recipient. The answers
// arrive on any thread, in any order.
class Survey {
 public:
  using Note = std::function<void(const Question&, const Verdict&)>;

  Survey(const std::vector<DnsList>& lists, const Note& note,
         const Question& question, Check::Done done)
      : lists_(lists),
        note_(note),
        question_(question),
        done_(std::move(done)),
        results_(lists.size()) {}

  static void Begin(std::shared_ptr<Survey> survey, Dns* dns,
                    const IpAddress& address) {
    const std::string labels = ReversedLabels(address);
    // All names are made first, because after the last answer the check, which
    // owns the lists, may be destroyed.
    struct Asked {
      size_t list;
      std::string name;
      DnsAnswer::Type type;
    };
    std::vector<Asked> asked;
    for (size_t i = 0; i < survey->lists_.size(); ++i) {
      const DnsList& list = survey->lists_[i];
      const std::string name = absl::StrCat(labels, list.zone);
      asked.push_back({i, name, DnsAnswer::kA});
      if (HasOwnText(list)) asked.push_back({i, name, DnsAnswer::kTxt});
    }
    for (const Asked& each : asked) {
      dns->Lookup(each.name, each.type,
                  [survey, list = each.list,
                   type = each.type](const DnsResult& result) {
                    survey->OnResult(list, type, result);
                  });
    }
  }

 private:
  struct Results {
    std::optional<DnsResult> a;
    std::optional<DnsResult> txt;
  };

  // Whether the TXT records of the list decide, as with rblsmtpd.
  static bool HasOwnText(const DnsList& list) {
    return !list.allow && !list.text;
  }

  // Whether all results of the next list are there.
  bool IsNextComplete() const {
    return results_[next_].a &&
           (!HasOwnText(lists_[next_]) || results_[next_].txt);
  }

  void OnResult(size_t list, DnsAnswer::Type type, const DnsResult& result) {
    Opinion opinion;
    Check::Done done;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      // After the answer, the question and the lists may be gone.
      if (answered_) return;
      (type == DnsAnswer::kA ? results_[list].a : results_[list].txt) = result;
      std::optional<Opinion> decided;
      while (!decided && next_ < lists_.size() && IsNextComplete()) {
        decided = Take(lists_[next_], results_[next_]);
        ++next_;
      }
      if (!decided && next_ < lists_.size()) return;
      if (decided) opinion = *std::move(decided);
      answered_ = true;
      // This object may live until the slowest list has answered.
      done = std::move(done_);
    }
    std::move(done)(std::move(opinion));
  }

  // Processes the result of the next list. Returns the answer if it decides.
  std::optional<Opinion> Take(const DnsList& list, const Results& results) {
    Status status = StatusByAddress(*results.a);
    if (HasOwnText(list)) {
      // An error code of the list has a text, too. Without one, the A records
      // do not count, as with rblsmtpd.
      const bool error_code =
          results.a->status == Status::kFound && status == Status::kTemporary;
      if (!error_code) status = results.txt->status;
    }
    if (status == Status::kTemporary) {
      if (list.note) return std::nullopt;
      failed_ = true;
      if (list.allow) {
        // The client may be on this list.
        if (!list.fail_closed) return NoOpinion{};
        return std::nullopt;
      }
      if (!list.fail_closed) return std::nullopt;
      // The text of rblsmtpd.
      return NoAnswer({4, 4, 3}, "temporary RBL lookup error",
                      absl::StrCat("no answer from ", list.zone));
    }
    if (status != Status::kFound) return std::nullopt;
    if (list.allow) return NoOpinion{};
    std::string text;
    if (list.text) {
      text = absl::StrReplaceAll(
          *list.text, {{"%IP%", ToString(question_.session().remote_address)}});
    } else {
      for (const std::string& record : results.txt->records) {
        absl::StrAppend(&text, record);
      }
      if (text.empty()) return std::nullopt;
    }
    Verdict verdict = Refusal(list.permanent && !failed_, text).From(list.zone);
    if (!list.note) return verdict;
    if (note_) note_(question_, std::move(verdict).By("dns-list"));
    return std::nullopt;
  }

  const std::vector<DnsList>& lists_;
  const Note& note_;
  const Question& question_;
  Check::Done done_;

  std::mutex mutex_;              // guards the members below
  std::vector<Results> results_;  // by list
  size_t next_ = 0;               // the first list that was not considered
  // A list before could not be looked up. It might have allowed the client, so
  // no refusal is permanent.
  bool failed_ = false;
  bool answered_ = false;
};

class DnsLists : public Check {
 public:
  DnsLists(std::vector<DnsList> lists, const CheckSetup& setup)
      : lists_(std::move(lists)), dns_(setup.dns), note_(setup.note) {}

  Opinion Decide(Question* question) const override {
    const SessionInfo& session = question->session();
    if (!Judges(session) || !session.remote_address ||
        FindVariable(session, "RBLSMTPD") != nullptr) {
      return NoOpinion{};
    }
    return AnswersLater{};
  }

  void DecideLater(Question* question, Done done) const override {
    const IpAddress address = *question->session().remote_address;
    Survey::Begin(
        std::make_shared<Survey>(lists_, note_, *question, std::move(done)),
        dns_, address);
  }

 private:
  const std::vector<DnsList> lists_;
  Dns* const dns_;
  const Survey::Note note_;
};

bool IsZone(absl::string_view zone) {
  if (zone.empty() || zone.size() > kMaxZone) return false;
  for (absl::string_view label : absl::StrSplit(zone, '.')) {
    if (label.empty() || label.size() > kMaxLabel) return false;
    for (char c : label) {
      if (!absl::ascii_isalnum(c) && c != '-' && c != '_') return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<DnsList> ParseDnsList(absl::string_view spec) {
  DnsList list;
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(spec, ": ", what));
  };
  absl::string_view head = spec;
  const size_t colon = spec.find(':');
  if (colon != absl::string_view::npos) {
    head = spec.substr(0, colon);
    list.text = std::string(spec.substr(colon + 1));
    if (list.text->empty()) return wrong("the text after ':' is empty");
  }
  list.allow = absl::ConsumePrefix(&head, "!");
  const std::vector<absl::string_view> words = absl::StrSplit(head, ',');
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "permanent") {
      list.permanent = true;
    } else if (words[i] == "fail-closed") {
      list.fail_closed = true;
    } else if (words[i] == "note") {
      list.note = true;
    } else {
      return wrong(absl::StrCat("permanent, fail-closed or note, not \"",
                                words[i], "\""));
    }
  }
  list.zone = absl::AsciiStrToLower(absl::StripSuffix(words[0], "."));
  if (!IsZone(list.zone)) {
    return wrong(absl::StrCat("not a domain of at most ", kMaxZone,
                              " octets: \"", words[0], "\""));
  }
  if (list.allow && (list.permanent || list.note || list.text)) {
    return wrong(
        "a list with '!' refuses no client, so it has no text, and "
        "neither permanent nor note");
  }
  if (list.note && (list.permanent || list.fail_closed)) {
    return wrong(
        "a list with note refuses no client, so it has neither "
        "permanent nor fail-closed");
  }
  return list;
}

absl::StatusOr<std::unique_ptr<const Check>> MakeRblSmtpd(const CheckSetup&) {
  return std::make_unique<RblSmtpdVariable>();
}

absl::StatusOr<std::unique_ptr<const Check>> MakeDnsLists(
    const CheckSetup& setup) {
  std::vector<DnsList> lists;
  if (!setup.values) return nullptr;
  for (const std::string& spec : setup.values("dns-list")) {
    absl::StatusOr<DnsList> list = ParseDnsList(spec);
    if (!list.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--dns-list: ", list.status().message()));
    }
    lists.push_back(*std::move(list));
  }
  if (lists.empty()) return nullptr;
  if (lists.size() > kMaxDnsLists) {
    return absl::InvalidArgumentError(
        absl::StrCat("--dns-list: more than ", kMaxDnsLists, " lists"));
  }
  if (setup.dns == nullptr) {
    return absl::InvalidArgumentError(
        "--dns-list: only postern serve asks DNS; under tcpserver, run "
        "rblsmtpd before postern-smtpd");
  }
  return std::make_unique<DnsLists>(std::move(lists), setup);
}

}  // namespace postern::policy
