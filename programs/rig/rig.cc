// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "log/log.h"
#include "log/printable.h"
#include "programs/rig/api.h"
#include "programs/rig/events.h"
#include "programs/rig/http_guard.h"
#include "programs/rig/http_server.h"
#include "programs/rig/inbox.h"
#include "programs/rig/json.h"
#include "programs/rig/message_files.h"
#include "recording/recordings.h"
#include "rig/fault_script.h"
#include "rig/server.h"
#include "service/options.h"
#include "service/version.h"
#include "system/descriptor.h"
#include "system/standard_descriptors.h"

namespace postern::programs {
namespace {

constexpr int kUnmet = 1;
constexpr int kTemporary = 111;  // djb's tools: try again
// The body of a request to the send operation: a message of the default
// --max-message-size in base64, with room for its texts. That option does not
// apply to this operation.
constexpr size_t kMostBody = size_t{100} << 20;

int Fail(const absl::Status& status) {
  log::WriteLog("fatal", status.message());
  return kTemporary;
}

absl::Status Named(absl::string_view option, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(option, ": ", status.message()));
}

absl::Status WritePem(const std::string& path, absl::string_view pem) {
  const system::Descriptor file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  const std::string name = absl::StrCat("--ca-file: ", path);
  if (file.get() < 0) return absl::ErrnoToStatus(errno, name);
  return WriteAll(file.get(), pem, name);
}

// The files are written on the thread of SMTP, at the end of each session.
recording::Recordings::Options RecordingOptions(const RigOptions& options) {
  return {.directory = options.record,
          .bodies = options.record_bodies,
          .program = absl::StrCat("postern rig ", service::Version()),
          .now = absl::Now,
          .run = nullptr,
          .report = [](const absl::Status& status) {
            log::WriteLog("warning",
                          absl::StrCat(Named("--record", status).message(),
                                       ": no more sessions are recorded"));
          }};
}

// Serves HTTP, which may be null, until a signal comes.
void Serve(int signals, Events* events, RigApi* api, HttpServer* http) {
  while (true) {
    std::array<pollfd, 3> waits = {
        {{signals, POLLIN, 0},
         {events->descriptor(), POLLIN, 0},
         {http ? http->descriptor() : -1, POLLIN, 0}}};
    const absl::Duration timeout =
        http ? http->timeout() : absl::InfiniteDuration();
    // Rounded up: a wait that ends too early would be repeated many times.
    const int milliseconds =
        timeout == absl::InfiniteDuration()
            ? -1
            : static_cast<int>(std::min<int64_t>(
                  absl::ToInt64Milliseconds(timeout + absl::Microseconds(999)),
                  60'000));
    (void)poll(waits.data(), waits.size(), milliseconds);
    if (waits[0].revents != 0) return;
    if (waits[1].revents != 0) {
      const Events::Batch batch = events->Take();
      if (http != nullptr && batch.any()) api->Publish(batch, http);
    }
    if (http != nullptr) http->Work();
  }
}

// Reports the faults that have applied less often than their script says.
// Returns whether there are any.
bool ReportUnmet(const rig::FaultTable& faults) {
  bool unmet = false;
  for (const rig::FaultState& state : faults.List()) {
    if (!state.unmet()) continue;
    unmet = true;
    // Not as a line of the log, which would escape each '='.
    log::WriteLogAsIs(absl::StrCat(
        "postern rig: applied ", state.applied, " of ", state.fault.times,
        " times: ", log::Printable(rig::FormatFault(state.fault)), "\n"));
  }
  return unmet;
}

}  // namespace

int RunRig(const RigOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  // Before the first thread, so that each thread blocks them.
  sigset_t signals = {};
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const system::Descriptor signal_descriptor(
      signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (signal_descriptor.get() < 0) {
    return Fail(absl::ErrnoToStatus(errno, "signalfd"));
  }

  rig::Options rig_options = options.rig;
  std::vector<rig::Fault> faults;
  if (!options.script.empty()) {
    auto script = rig::ReadFaultScript(options.script);
    if (!script.ok()) return Fail(Named("--script", script.status()));
    faults = *std::move(script);
  }
  if (!options.directory.empty()) {
    const absl::StatusOr<int> first = PrepareDirectory(options.directory);
    if (!first.ok()) return Fail(Named("--dir", first.status()));
    rig_options.first_message = *first;
  }
  std::optional<recording::Recordings> recordings;
  if (!options.record.empty()) {
    const absl::Status status = recording::CheckDirectory(options.record);
    if (!status.ok()) return Fail(Named("--record", status));
    recordings.emplace(RecordingOptions(options));
    rig_options.observe = [&recordings] { return recordings->Record(); };
  }
  const absl::StatusOr<std::unique_ptr<Events>> events = Events::Make();
  if (!events.ok()) return Fail(events.status());

  // Sessions use what follows until the server has been destroyed.
  std::unique_ptr<Inbox> inbox;
  std::atomic<bool> files_failed = false;
  auto smtp = rig::Server::Make(rig_options, [&](rig::Rig& rig) {
    inbox = std::make_unique<Inbox>(&rig.mailbox(), DescribeMessage);
    rig.faults().Assign(std::move(faults));
    rig.mailbox().OnMessage([&](const rig::Message& message) {
      if (!options.directory.empty()) {
        const absl::Status written =
            WriteMessageFiles(options.directory, message);
        if (!written.ok()) {
          log::WriteLog("warning", Named("--dir", written).message());
          files_failed = true;
        }
      }
      (*events)->Removed(inbox->Add(message));
      (*events)->Added(absl::StrCat(message.number()));
    });
    rig.mailbox().OnSession(
        [&](const rig::SessionFacts& facts) { (*events)->Session(facts); });
    rig.faults().OnChange([&] { (*events)->Faults(); });
  });
  if (absl::IsInvalidArgument(smtp.status())) return Fail(smtp.status());
  if (!smtp.ok()) return Fail(Named("--smtp", smtp.status()));
  rig::Server& server = **smtp;
  if (!options.ca_file.empty()) {
    const absl::StatusOr<std::string> pem = server.AuthorityCertificate();
    if (!pem.ok()) return Fail(Named("--ca-file", pem.status()));
    if (const absl::Status written = WritePem(options.ca_file, *pem);
        !written.ok()) {
      return Fail(written);
    }
  }
  RigApi api(&server, server.address(), inbox.get(), events->get());
  std::unique_ptr<HttpServer> http;
  std::string ready = server.address() + "\n";
  if (options.http) {
    auto made = HttpServer::Make(
        *options.http, HttpGuard(*options.http, options.http_hosts), kMostBody,
        [&api](const HttpRequest& request) { return api.Handle(request); });
    if (!made.ok()) return Fail(Named("--http", made.status()));
    http = *std::move(made);
  }
  log::WriteLog(absl::StrCat("listening at ", server.address()));
  if (http != nullptr) {
    const std::string url =
        absl::StrCat("http://", http->address().Format(), "/");
    log::WriteLog(absl::StrCat("page and interface at ", url));
    absl::StrAppend(&ready, url, "\n");
  }
  if (options.ready_fd >= 0) {
    system::WriteInheritedOutput(options.ready_fd, ready);
  }
  Serve(signal_descriptor.get(), events->get(), &api, http.get());
  const bool unmet = ReportUnmet(server.faults());
  return unmet || files_failed ? kUnmet : 0;
}

}  // namespace postern::programs
