// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Measures the engine through ServerSession's public API, in CPU time:
//
//   engine_bench
//
// Content is one endless message, made from 64 KiB that stay in the cache. The
// same run measures memchr on the same octets, so that the ratios of different
// hosts can be compared. Each figure is the best of several repetitions,
// because noise only adds time.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/content/body_scanner.h"
#include "engine/content/scan_path.h"
#include "engine/server_config.h"
#include "engine/server_session.h"
#include "engine/step.h"
#include "engine/verdict.h"

namespace {

size_t allocations = 0;

void* Allocate(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(std::max<size_t>(size, 1))) return memory;
  std::abort();
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace postern {
namespace {

[[noreturn]] void Die(absl::string_view what) {
  std::fprintf(stderr, "engine_bench: %s\n", std::string(what).c_str());
  std::exit(1);
}

// A stream of content: `pattern`, repeated without end.
struct Stream {
  std::string name;
  std::string pattern;
  BareNewlines mode = BareNewlines::kReject;
  bool in_header = true;  // false: after an empty line
  ScanPath path = ScanPath::kPortable;
};

// A pattern, as often as it fits into 64 KiB. The octets before it are those
// that the session may not have consumed the last time.
class Loop {
 public:
  explicit Loop(const std::string& pattern) {
    while (octets_.size() + pattern.size() <= kSize) octets_ += pattern;
    octets_.insert(0, octets_.substr(octets_.size() - kLeft));
  }

  absl::string_view Next(size_t left) const {
    if (left > kLeft) Die("too many octets are left");
    return absl::string_view(octets_).substr(kLeft - left);
  }
  size_t size() const { return octets_.size() - kLeft; }

 private:
  static constexpr size_t kSize = size_t{64} << 10;
  static constexpr size_t kLeft = 2;
  std::string octets_;
};

// A driver that accepts everything and discards it.
class Driver {
 public:
  explicit Driver(const ServerConfig& config) : session_(config) {
    Feed("");
    Feed("EHLO c\r\n");
  }

  // Returns how many octets of `in` are not consumed.
  size_t Feed(absl::string_view in) {
    while (true) {
      const Step step = session_.Advance(in);
      in.remove_prefix(step.consumed);
      switch (step.kind) {
        case Step::Kind::kAsk:
          if (!session_.Complete(step.ask->id, Verdict::Accept()).ok()) {
            Die("an answer was not accepted");
          }
          break;
        case Step::Kind::kBody:
          for (absl::string_view slice : step.body) octets_ += slice.size();
          break;
        case Step::Kind::kAborted:
          break;
        case Step::Kind::kNeedInput:
          session_.OutputWritten(session_.Output().size());
          return in.size();
        case Step::Kind::kNeedFlush:
          session_.OutputWritten(session_.Output().size());
          break;
        case Step::Kind::kStartTls:
        case Step::Kind::kWaiting:
        case Step::Kind::kClosed:
          Die("an unexpected step");
      }
    }
  }

  uint64_t octets() const { return octets_; }

 private:
  ServerSession session_;
  uint64_t octets_ = 0;
};

constexpr absl::string_view kEnvelope =
    "MAIL FROM:<sender@client.example> SIZE=1024\r\n"
    "RCPT TO:<recipient@mx.example>\r\n"
    "DATA\r\n";

ServerConfig Config(BareNewlines mode) {
  ServerConfig config;
  config.greeting = "mx.example";
  config.max_message_size = 0;
  config.max_hops = std::numeric_limits<int>::max();
  config.bare_newlines = mode;
  return config;
}

void MeasureStream(benchmark::State& state, const Stream& stream) {
  ForceScanPath(stream.path);
  const ServerConfig config = Config(stream.mode);
  const Loop loop(stream.pattern);
  Driver driver(config);
  driver.Feed(kEnvelope);
  if (!stream.in_header) driver.Feed("Subject: a loop\r\n\r\n");
  size_t left = 0;
  for (auto _ : state) left = driver.Feed(loop.Next(left));
  benchmark::DoNotOptimize(driver.octets());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) *
                          static_cast<int64_t>(loop.size()));
}

void MeasureMemchr(benchmark::State& state, const std::string& pattern) {
  const Loop loop(pattern);
  const absl::string_view octets = loop.Next(0);
  for (auto _ : state) {
    benchmark::DoNotOptimize(octets.data());
    benchmark::DoNotOptimize(std::memchr(octets.data(), 'Q', octets.size()));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) *
                          static_cast<int64_t>(octets.size()));
}

// A message of 1 KiB from a client that pipelines (RFC 2920 3.1).
void MeasureTransaction(benchmark::State& state) {
  ForceScanPath(CanRun(ScanPath::kAvx2) ? ScanPath::kAvx2
                                        : ScanPath::kPortable);
  const ServerConfig config = Config(BareNewlines::kReject);
  std::string content = "Subject: a short one\r\n\r\n";
  while (content.size() < 1024) content += std::string(62, 'x') + "\r\n";
  content += ".\r\n";
  Driver driver(config);
  const auto message = [&] {
    driver.Feed(kEnvelope);
    driver.Feed(content);
  };
  message();
  const size_t before = allocations;
  for (auto _ : state) message();
  state.counters["allocations"] = static_cast<double>(allocations - before) /
                                  static_cast<double>(state.iterations());
}

// Returns symbols in an order that a branch predictor cannot learn.
std::string Disorder(const std::vector<std::string>& symbols) {
  std::string out = "x";
  uint32_t random = 1;
  while (out.size() < 60000) {
    random = random * 1664525 + 1013904223;
    const std::string& symbol = symbols[(random >> 16) % symbols.size()];
    // Avoid the end of the data.
    if (symbol.front() == '\r' && absl::EndsWith(out, "\r\n.")) out += '.';
    out += symbol;
  }
  return out + "x";
}

std::string Line(absl::string_view start) {
  std::string line(start);
  for (size_t i = line.size(); i < 76; ++i) {
    line += i % 7 == 6 ? ' ' : static_cast<char>('a' + i % 26);
  }
  return line + "\r\n";
}

constexpr char kText[] = "text of 76 columns";
constexpr char kStuffed[] = "every line dot-stuffed";

// Returns streams as from ordinary senders, and streams that are meant to be
// slow: in both modes, on every path, and in the header, which needs more work.
std::vector<Stream> Streams() {
  const BareNewlines reject = BareNewlines::kReject;
  std::vector<Stream> streams = {
      {kText, Line(""), reject, false},
      {absl::StrCat(kText, ", header"), Line(""), reject, true},
      {kStuffed, Line(".."), reject, false},
      {absl::StrCat(kStuffed, ", header"), Line(".."), reject, true},
      {"header lines", Line("X-Field: "), reject, true},
      {"hops", Line("Received: "), reject, true},
      {"lines of 8", "a few..\r\n", reject, false},
  };
  const std::vector<std::pair<std::string, std::string>> kHard = {
      {"x CRLF", "x\r\n"},
      {"r CRLF", "r\r\n"},
      {"received CRLF", "received\r\n"},
      {"received, r", "received\r\nr\r\nreceive\r\ndelivered\r\nd\r\n"},
      {"CRLF", "\r\n"},
      {"..CRLF", "..\r\n"},
      {".x CRLF", ".x\r\n"},
      {"CRLF.CRx", "x\r\n.\rx"},
      {"LF", "\n"},
      {"CR", "\r"},
      {"LF CR", "\n\r"},
      {"x LF", "x\n"},
      {"x CR", "x\r"},
      {"7x LF", "xxxxxxx\n"},
      {"15x LF", "xxxxxxxxxxxxxxx\n"},
      {"dots of 12", "..xxxxxxxx\r\n"},
      {"lines of 76 LF", Line("") + "x\n"},
      {"disorder of newlines", Disorder({"\r", "\n", "x", "x"})},
      {"disorder of all", Disorder({"\r\n", "\r\n.", "\n", "\r", "x", "xyz"})},
      {"disorder of lines", Disorder({"received\r\n", "r\r\n", "..\r\n",
                                      "xxxxxxx\r\n", "x\n", "delivered\n"})},
  };
  for (BareNewlines mode : {BareNewlines::kReject, BareNewlines::kNormalize}) {
    for (const auto& [name, pattern] : kHard) {
      streams.push_back(
          {absl::StrCat(name, mode == reject ? ", reject" : ", normalize"),
           pattern, mode, true});
    }
  }
  std::vector<Stream> all;
  for (ScanPath path : {ScanPath::kAvx2, ScanPath::kPortable}) {
    if (!CanRun(path)) continue;
    for (Stream stream : streams) {
      stream.name += path == ScanPath::kAvx2 ? ", AVX2" : ", portable";
      stream.path = path;
      all.push_back(stream);
    }
  }
  return all;
}

// Keeps the best repetition of each benchmark.
class Best : public benchmark::BenchmarkReporter {
 public:
  struct Figure {
    double gigabytes = 0;  // a second
    double nanoseconds = std::numeric_limits<double>::max();
    double allocations = 0;
  };

  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      Figure& figure = figures_[run.run_name.function_name];
      figure.nanoseconds =
          std::min(figure.nanoseconds, run.GetAdjustedCPUTime());
      const auto bytes = run.counters.find("bytes_per_second");
      if (bytes != run.counters.end()) {
        figure.gigabytes = std::max(figure.gigabytes, bytes->second / 1e9);
      }
      const auto allocated = run.counters.find("allocations");
      if (allocated != run.counters.end()) {
        figure.allocations = allocated->second;
      }
    }
  }

  const Figure& operator[](const std::string& name) { return figures_[name]; }

 private:
  std::map<std::string, Figure> figures_;
};

void PrintGoal(absl::string_view what, double figure, double goal,
               absl::string_view unit, bool met) {
  std::printf("%-52s %8.2f %-12s goal %6g  %s\n", std::string(what).c_str(),
              figure, std::string(unit).c_str(), goal, met ? "met" : "MISSED");
}

void Run(int argc, char** argv) {
  constexpr char kMemchr[] = "memchr";
  constexpr char kTransaction[] = "transaction";
  const std::vector<Stream> streams = Streams();
  std::vector<benchmark::internal::Benchmark*> registered;
  registered.push_back(benchmark::RegisterBenchmark(
      kMemchr,
      [](benchmark::State& state) { MeasureMemchr(state, Line("")); }));
  for (const Stream& stream : streams) {
    registered.push_back(benchmark::RegisterBenchmark(
        stream.name.c_str(),
        [&stream](benchmark::State& state) { MeasureStream(state, stream); }));
  }
  registered.push_back(
      benchmark::RegisterBenchmark(kTransaction, MeasureTransaction));
  for (benchmark::internal::Benchmark* each : registered) {
    each->MinTime(0.02)->Repetitions(9);
  }
  benchmark::Initialize(&argc, argv);
  Best best;
  benchmark::RunSpecifiedBenchmarks(&best);

  const double memchr = best[kMemchr].gigabytes;
  std::printf("%-46s %8s %10s\n", "content", "GB/s", "to memchr");
  std::printf("%-46s %8.1f %10.3f\n", kMemchr, memchr, 1.0);
  const Stream* slowest = &streams.front();
  for (const Stream& stream : streams) {
    const double speed = best[stream.name].gigabytes;
    std::printf("%-46s %8.2f %10.3f\n", stream.name.c_str(), speed,
                speed / memchr);
    if (speed < best[slowest->name].gigabytes) slowest = &stream;
  }

  std::printf("\n");
  const auto goal = [&best](const std::string& name, double goal) {
    const double speed = best[name].gigabytes;
    PrintGoal(name, speed, goal, "GB/s", speed >= goal);
  };
  if (CanRun(ScanPath::kAvx2)) {
    goal(absl::StrCat(kText, ", AVX2"), 20);
    goal(absl::StrCat(kStuffed, ", AVX2"), 5);
  }
  goal(absl::StrCat(kText, ", portable"), 8);
  const double least = best[slowest->name].gigabytes;
  PrintGoal(absl::StrCat("slowest: ", slowest->name), least, 0.5, "GB/s",
            least >= 0.5);
  const Best::Figure& transaction = best[kTransaction];
  PrintGoal("a pipelined message of 1 KiB", transaction.nanoseconds, 1000, "ns",
            transaction.nanoseconds <= 1000);
  PrintGoal("its allocations", transaction.allocations, 0, "",
            transaction.allocations == 0);
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) {
  postern::Run(argc, argv);
  return 0;
}
