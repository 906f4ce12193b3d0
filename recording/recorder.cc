// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "recording/recorder.h"

#include <algorithm>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/grammar/ip_address.h"
#include "recording/config_fields.h"
#include "recording/print.h"
#include "recording/transcript.h"

namespace postern::recording {
namespace {

// What an item needs besides its text.
constexpr size_t kOverhead = 64;
// A longer line of the client is several lines of the recording.
constexpr size_t kMaxPiece = 4096;

std::string PrintTls(const TlsInfo& tls) {
  return absl::StrCat(tls.protocol.empty() ? "TLS" : tls.protocol, " ",
                      tls.cipher.empty() ? "-" : tls.cipher,
                      tls.peer_subject.empty() ? "" : " ", tls.peer_subject);
}

// Returns `text` for a comment or a value: in one line of printable octets.
std::string OneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return line;
}

std::string Facts(const SessionInfo& info) {
  std::string out;
  if (info.remote_address) {
    absl::StrAppend(&out, "# client [", ToString(info.remote_address),
                    "]:", info.remote_port, " ", OneLine(info.remote_name),
                    "\n");
  }
  if (info.local_address) {
    absl::StrAppend(&out, "# server [", ToString(info.local_address),
                    "]:", info.local_port, " ", OneLine(info.local_name), "\n");
  }
  if (info.relay_client) out += "# a rule permits the client to relay\n";
  if (info.denied) out += "# a rule denies the client\n";
  return out;
}

}  // namespace

Recording::Recording(Recording&& other) noexcept { *this = std::move(other); }

Recording& Recording::operator=(Recording&& other) noexcept {
  std::swap(head_, other.head_);
  std::swap(items_, other.items_);
  std::swap(end_, other.end_);
  std::swap(memory_, other.memory_);
  std::swap(all_memory_, other.all_memory_);
  return *this;
}

Recording::~Recording() {
  if (all_memory_ == nullptr) return;
  all_memory_->fetch_sub(memory_, std::memory_order_relaxed);
}

Recorder::Recorder(Options options) : options_(std::move(options)) {
  recording_.all_memory_ = options_.memory;
}

void Recorder::OnBegin(const ServerConfig& config, const SessionInfo& info) {
  config_ = &config;
  known_.emplace(config);
  mask_.emplace(&config, options_.bodies);
  session_id_ = info.session_id;
  began_ = options_.now();
  recording_.head_ = absl::StrCat(
      "# Session ", session_id_, " of ", options_.program, ", ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", began_, absl::UTCTimeZone()),
      ".\n", Facts(info), "set recorded true\n",
      FormatFields(config, TranscriptDefaults()));
}

bool Recorder::Fits(size_t size) {
  recording_.memory_ += size;
  const size_t all =
      options_.memory == nullptr
          ? 0
          : options_.memory->fetch_add(size, std::memory_order_relaxed) + size;
  if (recording_.memory_ <= kMaxRecording && all <= options_.most_memory)
    return true;
  full_ = true;
  return false;
}

void Recorder::Add(char kind, std::string text) {
  if (!Fits(text.size() + kOverhead)) return;
  recording_.items_.push_back(
      {kind, std::move(text), 1, options_.now() - began_});
  if (kind != 'R') last_client_ = 0;
}

void Recorder::OnEvent(Event event) {
  if (over()) return;
  switch (event) {
    case Event::kTalkedEarly:
      recording_.head_ += "set talked_early true\n";
      break;
    case Event::kEndOfInput:
      Add(' ', "E:");
      break;
    case Event::kTimedOut:
      AddUnanswered();
      Add(' ', "T:");
      break;
    case Event::kShutdown:
      Add(' ', "D:");
      break;
  }
}

void Recorder::OnTls(const TlsInfo& tls) {
  if (over()) return;
  if (!asked_) {
    absl::StrAppend(&recording_.head_, "set tls ", OneLine(PrintTls(tls)),
                    "\n");
  } else {
    Add(' ', absl::StrCat("TLS: ", OneLine(PrintTls(tls))));
  }
}

void Recorder::OnRead(size_t n) {
  if (over()) return;
  received_ += n;
  reads_.push_back({received_, recording_.items_.size()});
  Add('R', "");
  if (!full_) recording_.items_.back().count = 0;  // not known yet
}

void Recorder::OnConsumed(absl::string_view octets, size_t secret) {
  if (over()) return;
  mask_->Consumed(octets, secret, [this](size_t sent, absl::string_view shown) {
    if (!over()) Show(sent, shown);
  });
}

// A read may end within octets that are shown with another size. Then it ends
// within those that are shown.
void Recorder::Show(size_t sent, absl::string_view shown) {
  while (!reads_.empty() && reads_.front().end <= consumed_ + sent) {
    const uint64_t within = reads_.front().end - consumed_;
    uint64_t end = shown_ + shown.size();
    if (within < sent) {
      end = shown_ + (sent == shown.size()
                          ? within
                          : std::min<uint64_t>(within, shown.size() - 1));
    }
    recording_.items_[reads_.front().item].count = end - read_;
    read_ = end;
    reads_.pop_front();
  }
  consumed_ += sent;
  shown_ += shown.size();
  while (!shown.empty()) {
    const size_t most = std::min(kMaxPiece - client_.size(), shown.size());
    const size_t size = std::min(shown.find('\n'), most - 1) + 1;
    absl::StrAppend(&client_, shown.substr(0, size));
    shown.remove_prefix(size);
    if (client_.back() == '\n' || client_.size() == kMaxPiece) AddClientLine();
  }
}

void Recorder::AddClientLine() {
  if (client_.empty()) return;
  if (last_client_ > 0 && recording_.items_[last_client_ - 1].text == client_) {
    ++recording_.items_[last_client_ - 1].count;
    client_.clear();
    return;
  }
  Add('C', std::exchange(client_, ""));
  if (!full_) last_client_ = recording_.items_.size();
}

void Recorder::OnAsk(const Ask& ask, const Envelope& envelope) {
  asked_ = true;
  if (over()) return;
  AddClientLine();
  const auto* connected = std::get_if<Connected>(&ask.what);
  OpenAsk open;
  open.id = ask.id;
  open.text = PrintAsk(MaskAsk(ask), envelope);
  open.content = std::holds_alternative<BodyBegin>(ask.what);
  open.client = connected != nullptr && connected->client;
  asks_.push_back(std::move(open));
}

Recorder::OpenAsk* Recorder::Find(RequestId id) {
  if (over()) return nullptr;
  const auto found =
      std::find_if(asks_.begin(), asks_.end(),
                   [id](const OpenAsk& ask) { return ask.id == id; });
  return found == asks_.end() ? nullptr : &*found;
}

void Recorder::Answered(OpenAsk* ask, std::string answer) {
  if (ask->client) {
    const std::string changes = FormatFields(*config_, *known_);
    if (!changes.empty()) {
      known_ = *config_;
      Add(' ', changes.substr(0, changes.size() - 1));
    }
  }
  ask->answer = std::move(answer);
  AddAnswered();
}

void Recorder::AddAnswered() {
  while (!asks_.empty() && !asks_.front().answer.empty() && !full_) {
    const OpenAsk ask = std::move(asks_.front());
    asks_.pop_front();
    Add('A', ask.answer == "accept"
                 ? ask.text
                 : absl::StrCat(ask.text, " => ", ask.answer));
    // No question after it is asked.
    if (ask.drops) asks_.clear();
  }
}

// The first question that has no answer. What follows it has no effect.
void Recorder::AddUnanswered() {
  if (asks_.empty()) return;
  Add('A', absl::StrCat(asks_.front().text, " => silence"));
  asks_.clear();
}

void Recorder::OnAnswer(RequestId id, absl::Span<const Verdict> verdicts) {
  OpenAsk* const ask = Find(id);
  if (ask == nullptr) return;
  for (const Verdict& verdict : verdicts) {
    ask->drops = ask->drops || verdict.kind() == Verdict::Kind::kDrop;
  }
  if (ask->content && verdicts[0].accepted()) mask_->ContentAccepted();
  Answered(ask, PrintVerdicts(verdicts));
}

void Recorder::OnAuthAnswer(RequestId id, const AuthAnswer& answer) {
  if (const auto* verdict = std::get_if<Verdict>(&answer)) {
    return OnAnswer(id, {verdict, 1});
  }
  OpenAsk* const ask = Find(id);
  if (ask == nullptr) return;
  if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
    return Answered(ask, absl::StrCat("grant ", granted->identity));
  }
  mask_->Challenged();
  Answered(ask,
           absl::StrCat("challenge ",
                        MaskChallenge(std::get<AuthChallenge>(answer).bytes)));
}

void Recorder::OnReplies(absl::string_view octets) {
  if (over()) return;
  AddClientLine();
  while (!octets.empty() && !full_) {
    const size_t end = octets.find('\n');
    const size_t size =
        end == absl::string_view::npos ? octets.size() : end + 1;
    absl::StrAppend(&server_, octets.substr(0, size));
    octets.remove_prefix(size);
    if (end == absl::string_view::npos) return;
    Add('S', MaskReplyLine(server_));
    server_.clear();
  }
}

void Recorder::OnClosed(CloseReason reason) {
  if (!closed_) closed_ = reason;
}

void Recorder::OnEnd(absl::string_view unserved, CloseReason reason) {
  if (config_ == nullptr || stored_) return;
  if (!full_) {
    AddAnswered();
    if (closed_) {
      if (!unserved.empty()) Show(unserved.size(), mask_->Unserved(unserved));
      AddClientLine();
    } else {
      // The session could still serve this input, and has not.
      AddClientLine();
      AddUnanswered();
      if (!reads_.empty())
        recording_.items_[reads_.front().item].count = shown_ - read_;
      reads_.clear();
      if (!unserved.empty()) {
        Add(' ', absl::StrCat("# not served: ", unserved.size(), " octets"));
      }
    }
  }
  if (full_) {
    recording_.end_ = absl::StrCat("B: ", kRecordingIsFull, "\n");
  } else if (closed_) {
    recording_.end_ = absl::StrCat("X: ", CloseReasonName(*closed_), "\n");
  } else {
    recording_.end_ = absl::StrCat("B: ", CloseReasonName(reason), "\n");
  }
  stored_ = true;
  Recording recording = std::move(recording_);
  if (options_.store) {
    std::move(options_.store)(std::move(recording), session_id_, began_);
  }
}

std::string Recording::Text() const {
  std::string text = head_;
  absl::Duration time = absl::ZeroDuration();
  for (const Item& item : items_) {
    if (item.kind == 'R' && item.count == 0) continue;
    const absl::Duration shown = absl::Trunc(item.time, absl::Milliseconds(1));
    if (shown != time) {
      time = shown;
      absl::StrAppendFormat(&text, "@ %.3f\n", absl::ToDoubleSeconds(time));
    }
    switch (item.kind) {
      case 'R':
        absl::StrAppend(&text, "R: ", item.count, "\n");
        break;
      case ' ':
        absl::StrAppend(&text, item.text, "\n");
        break;
      case 'C':
        if (item.count > 1) absl::StrAppend(&text, "repeat ", item.count, "\n");
        AppendLine('C', item.text, "\r\n", &text);
        break;
      case 'S':
        AppendLine('S', item.text, "\r\n", &text);
        break;
      default:
        AppendLine(item.kind, item.text, "", &text);
    }
  }
  return text + end_;
}

}  // namespace postern::recording
