// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A ServerSession that is used through the C interface, bindings/postern.h, so
// that tests of sessions test that interface, too.

#ifndef POSTERN_TESTS_C_SESSION_H_
#define POSTERN_TESTS_C_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "bindings/postern.h"
#include "engine/ask.h"
#include "engine/grammar/reply.h"
#include "engine/server_config.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "engine/verdict.h"

namespace postern {

// Has the functions of ServerSession that tests/replay.cc calls. All that they
// return is made of what the C interface returns, and of nothing else.
class CSession {
 public:
  explicit CSession(const ServerConfig& config);
  CSession(const CSession&) = delete;
  CSession& operator=(const CSession&) = delete;
  ~CSession();

  Step Advance(absl::string_view in);
  absl::Status Complete(RequestId id, const Verdict& verdict);
  absl::Status Complete(RequestId id, absl::Span<const Verdict> verdicts);
  absl::Status CompleteAuth(RequestId id, const AuthAnswer& answer);
  absl::string_view Output() const;
  void OutputWritten(size_t n);
  std::vector<Refusal> TakeRefusals();
  uint32_t refused() const;
  void EndOfInput();
  void TimedOut();
  void Shutdown();
  void TlsStarted(const TlsInfo& info);
  void TalkedEarly();
  void ReleaseIdleMemory();
  absl::Duration ReadTimeout() const;
  absl::Duration IdleTimeout() const;
  uint64_t progress() const;
  // Valid until the next call.
  const Envelope& envelope() const;
  const std::string& identity() const;

 private:
  postern_session* session_ = nullptr;
  // What the last Step points to.
  Ask ask_;
  std::vector<absl::string_view> body_;
  Reply refusal_;
  mutable Envelope envelope_;
  mutable std::string identity_;
};

}  // namespace postern

#endif  // POSTERN_TESTS_C_SESSION_H_
