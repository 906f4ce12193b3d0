// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The C interface of the rig.

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bindings/calls.h"
#include "bindings/postern_rig.h"
#include "engine/grammar/extension.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/parameters.h"
#include "engine/session_info.h"
#include "engine/step.h"
#include "engine/tls_info.h"
#include "net/tls_files.h"
#include "rig/fault_script.h"
#include "rig/fault_table.h"
#include "rig/message.h"
#include "rig/options.h"
#include "rig/server.h"
#include "service/version.h"

namespace rig = postern::rig;
using postern::bindings::ForEachStructure;
using postern::bindings::Guard;
using postern::bindings::Null;
using postern::bindings::ReadStructure;

struct postern_rig {
  std::unique_ptr<rig::Server> server;
  std::string address;
  pid_t process = 0;
  std::mutex mutex;
  bool closed = false;  // guarded by mutex
};

struct postern_rig_session {
  rig::SessionFacts facts;
};

struct postern_rig_message {
  rig::Message message;
  postern_rig_session session;
};

struct postern_rig_message_list {
  std::vector<postern_rig_message> messages;
};

struct postern_rig_session_list {
  std::vector<postern_rig_session> sessions;
};

namespace {

bool IsOfThisProcess(const postern_rig* rig) {
  return rig != nullptr && rig->process == getpid();
}

// Returns why this process may not use a rig.
absl::Status CheckProcess(const postern_rig* rig) {
  if (rig == nullptr) return Null("rig");
  if (IsOfThisProcess(rig)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this rig belongs to process ", rig->process,
                   ", which has its thread: make another one after fork(2)"));
}

absl::Status CheckOpen(postern_rig* rig) {
  if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
  const std::lock_guard<std::mutex> lock(rig->mutex);
  if (!rig->closed) return absl::OkStatus();
  return absl::FailedPreconditionError("the rig is closed");
}

// Reports the end of a wait, which closing the rig may have caused.
absl::Status Waited(postern_rig* rig, bool done, bool* reached) {
  if (!done) {
    if (absl::Status status = CheckOpen(rig); !status.ok()) return status;
  }
  if (reached != nullptr) *reached = done;
  return absl::OkStatus();
}

// Writes a copy of `text`, which has no NUL, for postern_rig_text_free().
absl::Status Give(absl::string_view text, char** to) {
  char* const copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) return absl::ResourceExhaustedError("no memory");
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  *to = copy;
  return absl::OkStatus();
}

postern_bytes Bytes(const std::string& text) {
  return {text.c_str(), text.size()};
}

absl::Duration Timeout(int64_t milliseconds) {
  return std::clamp(absl::Milliseconds(milliseconds), absl::ZeroDuration(),
                    absl::Hours(24));
}

std::vector<std::string> Strings(const char* const* list) {
  std::vector<std::string> strings;
  for (; *list != nullptr; ++list) strings.push_back(*list);
  return strings;
}

absl::StatusOr<postern::ExtensionSet> Extensions(const char* const* list) {
  postern::ExtensionSet set;
  for (; *list != nullptr; ++list) {
    bool known = false;
    for (const postern::ExtensionRow& row : postern::kExtensionTable) {
      if (!absl::EqualsIgnoreCase(row.keyword, *list)) continue;
      set = set | postern::ExtensionSet{row.extension};
      known = true;
    }
    if (!known) {
      return absl::InvalidArgumentError(absl::StrCat(
          "extensions: not one that can be chosen: ", *list, "; these can: ",
          absl::StrJoin(postern::kExtensionTable, ", ",
                        [](std::string* out, const postern::ExtensionRow& row) {
                          absl::StrAppend(out, row.keyword);
                        })));
    }
  }
  return set;
}

// Returns a limit of the options, or the default if it is 0.
size_t Limit(uint64_t value, size_t usual) {
  return value == 0 ? usual
                    : static_cast<size_t>(std::min<uint64_t>(value, SIZE_MAX));
}

// Reads the caller's structure, which may be that of an older header, or of a
// later one if it uses nothing new.
absl::StatusOr<postern_rig_options> Read(const postern_rig_options* given) {
  postern_rig_options options = POSTERN_RIG_OPTIONS_INIT;
  if (given == nullptr) return options;
  const absl::Status status = ReadStructure(
      given, POSTERN_SIZE_TO(postern_rig_options, command_timeout_ms),
      "options", &options);
  if (!status.ok()) return status;
  return options;
}

absl::StatusOr<rig::Options> Convert(const postern_rig_options& from) {
  rig::Options to;
  if (from.host_name != nullptr) to.host_name = from.host_name;
  if (from.certificate_names != nullptr) {
    to.certificate_names = Strings(from.certificate_names);
  }
  if (from.address != nullptr) to.address = from.address;
  switch (from.tls) {
    case POSTERN_RIG_TLS_NONE:
      to.tls = rig::TlsMode::kNone;
      break;
    case POSTERN_RIG_TLS_STARTTLS:
      to.tls = rig::TlsMode::kStartTls;
      break;
    case POSTERN_RIG_TLS_FIRST:
      to.tls = rig::TlsMode::kFirst;
      break;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("tls: no such value: ", from.tls));
  }
  to.require_tls = from.require_tls;
  to.require_auth = from.require_auth;
  to.lmtp = from.lmtp;
  const absl::Status users = ForEachStructure(
      from.users, from.user_count, "users",
      [&to](const postern_rig_user* one, const std::string& which) {
        postern_rig_user user = POSTERN_RIG_USER_INIT;
        const absl::Status status = ReadStructure(
            one, POSTERN_SIZE_TO(postern_rig_user, token), which, &user);
        if (!status.ok()) return status;
        if (user.name == nullptr) return Null(absl::StrCat(which, ".name"));
        to.users.push_back({user.name,
                            user.password != nullptr ? user.password : "",
                            user.token != nullptr ? user.token : ""});
        return absl::OkStatus();
      });
  if (!users.ok()) return users;
  if (from.mechanisms != nullptr) to.mechanisms = Strings(from.mechanisms);
  if (from.extensions != nullptr) {
    const auto extensions = Extensions(from.extensions);
    if (!extensions.ok()) return extensions.status();
    to.extensions = *extensions;
  }
  if (from.max_message_size == POSTERN_RIG_NO_LIMIT) {
    to.max_message_size = 0;
  } else if (from.max_message_size != 0) {
    to.max_message_size = from.max_message_size;
  }
  to.address_faults = from.address_faults;
  to.show_passwords = from.show_passwords;
  to.max_messages = Limit(from.max_messages, to.max_messages);
  to.max_octets = Limit(from.max_octets, to.max_octets);
  to.max_transcript_octets =
      Limit(from.max_transcript_octets, to.max_transcript_octets);
  if (from.command_timeout_ms < 0) {
    return absl::InvalidArgumentError("command_timeout_ms: negative");
  }
  if (from.command_timeout_ms > 0) {
    to.command_timeout = Timeout(from.command_timeout_ms);
  }
  return to;
}

// Closes the rig if it is open. No exception leaves it; returns false if there
// was one.
bool Close(postern_rig* rig) {
  return Guard(nullptr, [rig] {
           const std::lock_guard<std::mutex> lock(rig->mutex);
           if (!rig->closed) rig->server->Close();
           rig->closed = true;
           return absl::OkStatus();
         }) == POSTERN_OK;
}

const postern::SessionInfo& InfoOf(const postern_rig_session* session) {
  return *session->facts.info;
}

// The names of CloseReason, each a std::string with a NUL at its end.
const std::string& EndName(const rig::SessionFacts& facts) {
  static const auto* const kNames = [] {
    auto* const names = new std::array<std::string, postern::kCloseReasons>;
    for (size_t i = 0; i < names->size(); ++i) {
      (*names)[i] = std::string(
          postern::CloseReasonName(static_cast<postern::CloseReason>(i)));
    }
    return names;
  }();
  static const auto* const kNone = new std::string;
  return facts.end ? (*kNames)[static_cast<size_t>(*facts.end)] : *kNone;
}

postern_bytes TlsBytes(const postern_rig_session* session,
                       std::string postern::TlsInfo::*member) {
  const postern::TlsInfo* const tls = InfoOf(session).tls.get();
  if (tls == nullptr) return {"", 0};
  return Bytes(tls->*member);
}

}  // namespace

// Only these functions are visible outside of the library.
#pragma GCC visibility push(default)
extern "C" {

const char* postern_rig_version(void) {
  return postern::service::Version().data();
}

postern_status postern_rig_new(const postern_rig_options* options,
                               postern_rig** rig, postern_error* error) {
  return Guard(error, [&] {
    if (rig == nullptr) return Null("rig");
    const auto given = Read(options);
    if (!given.ok()) return given.status();
    auto converted = Convert(*given);
    if (!converted.ok()) return converted.status();
    auto server = rig::Server::Make(*std::move(converted));
    if (!server.ok()) return server.status();
    auto made = std::make_unique<postern_rig>();
    made->server = *std::move(server);
    made->address = made->server->address();
    made->process = getpid();
    *rig = made.release();
    return absl::OkStatus();
  });
}

void postern_rig_close(postern_rig* rig) {
  if (IsOfThisProcess(rig)) (void)Close(rig);  // the next call tries again
}

void postern_rig_free(postern_rig* rig) {
  // In a child of fork(2) there is no thread to wait for, and the parent needs
  // the files. A rig whose thread may still run cannot be freed.
  if (IsOfThisProcess(rig) && Close(rig)) delete rig;
}

postern_bytes postern_rig_address(const postern_rig* rig) {
  return Bytes(rig->address);
}

uint16_t postern_rig_port(const postern_rig* rig) {
  return rig->server->port();
}

postern_status postern_rig_add_faults(postern_rig* rig, const char* script,
                                      const char* name, postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckOpen(rig); !status.ok()) return status;
    if (script == nullptr) return Null("script");
    auto faults =
        rig::ParseFaultScript(script, name != nullptr ? name : "faults");
    if (!faults.ok()) return faults.status();
    for (rig::Fault& fault : *faults) rig->server->Add(std::move(fault));
    return absl::OkStatus();
  });
}

postern_status postern_rig_clear_faults(postern_rig* rig,
                                        postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
    rig->server->ClearFaults();
    return absl::OkStatus();
  });
}

postern_status postern_rig_unmet_faults(postern_rig* rig, char** text,
                                        postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
    if (text == nullptr) return Null("text");
    std::string lines;
    for (const auto& [fault, applied] : rig->server->UnmetFaults()) {
      absl::StrAppend(&lines, "applied ", applied, " of ", fault.times,
                      " times: ", rig::FormatFault(fault), "\n");
    }
    return Give(lines, text);
  });
}

postern_status postern_rig_messages(postern_rig* rig,
                                    postern_rig_message_list** list,
                                    postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
    if (list == nullptr) return Null("list");
    auto made = std::make_unique<postern_rig_message_list>();
    for (rig::Message& message : rig->server->messages()) {
      postern_rig_session session = {message.session()};
      made->messages.push_back({std::move(message), std::move(session)});
    }
    *list = made.release();
    return absl::OkStatus();
  });
}

postern_status postern_rig_wait_for_messages(postern_rig* rig, size_t count,
                                             int64_t timeout_ms, bool* reached,
                                             postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckOpen(rig); !status.ok()) return status;
    const bool done =
        rig->server->mailbox().AwaitMessages(count, Timeout(timeout_ms));
    return Waited(rig, done, reached);
  });
}

postern_status postern_rig_sessions(postern_rig* rig,
                                    postern_rig_session_list** list,
                                    postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
    if (list == nullptr) return Null("list");
    auto made = std::make_unique<postern_rig_session_list>();
    for (rig::SessionFacts& facts : rig->server->sessions()) {
      made->sessions.push_back({std::move(facts)});
    }
    *list = made.release();
    return absl::OkStatus();
  });
}

postern_status postern_rig_wait_for_sessions(postern_rig* rig, size_t count,
                                             int64_t timeout_ms, bool* reached,
                                             postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckOpen(rig); !status.ok()) return status;
    const bool done =
        rig->server->mailbox().AwaitSessions(count, Timeout(timeout_ms));
    return Waited(rig, done, reached);
  });
}

postern_status postern_rig_clear(postern_rig* rig, postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
    rig->server->Clear();
    return absl::OkStatus();
  });
}

size_t postern_rig_message_list_size(const postern_rig_message_list* list) {
  return list->messages.size();
}

const postern_rig_message* postern_rig_message_list_at(
    const postern_rig_message_list* list, size_t index) {
  return index < list->messages.size() ? &list->messages[index] : nullptr;
}

void postern_rig_message_list_free(postern_rig_message_list* list) {
  delete list;
}

size_t postern_rig_session_list_size(const postern_rig_session_list* list) {
  return list->sessions.size();
}

const postern_rig_session* postern_rig_session_list_at(
    const postern_rig_session_list* list, size_t index) {
  return index < list->sessions.size() ? &list->sessions[index] : nullptr;
}

void postern_rig_session_list_free(postern_rig_session_list* list) {
  delete list;
}

postern_status postern_rig_message_copy(const postern_rig_message* message,
                                        postern_rig_message** copy,
                                        postern_error* error) {
  return Guard(error, [&] {
    if (message == nullptr) return Null("message");
    if (copy == nullptr) return Null("copy");
    *copy = new postern_rig_message(*message);
    return absl::OkStatus();
  });
}

void postern_rig_message_free(postern_rig_message* message) { delete message; }

int64_t postern_rig_message_number(const postern_rig_message* message) {
  return message->message.number();
}

int64_t postern_rig_message_received_us(const postern_rig_message* message) {
  return absl::ToUnixMicros(message->message.received());
}

postern_bytes postern_rig_message_from(const postern_rig_message* message) {
  return Bytes(message->message.from());
}

postern_status postern_rig_message_parameters(
    const postern_rig_message* message, char** text, postern_error* error) {
  return Guard(error, [&] {
    if (message == nullptr) return Null("message");
    if (text == nullptr) return Null("text");
    const std::string parameters =
        postern::FormatMailParameters(message->message.envelope().parameters);
    return Give(absl::StripLeadingAsciiWhitespace(parameters), text);
  });
}

size_t postern_rig_message_recipient_count(const postern_rig_message* message) {
  return message->message.to().size();
}

postern_bytes postern_rig_message_recipient(const postern_rig_message* message,
                                            size_t index) {
  const std::vector<std::string>& to = message->message.to();
  return index < to.size() ? Bytes(to[index]) : postern_bytes{"", 0};
}

postern_status postern_rig_message_recipient_parameters(
    const postern_rig_message* message, size_t index, char** text,
    postern_error* error) {
  return Guard(error, [&] {
    if (message == nullptr) return Null("message");
    if (text == nullptr) return Null("text");
    const auto& to = message->message.envelope().to;
    if (index >= to.size()) {
      return absl::NotFoundError(
          absl::StrCat("the message has ", to.size(), " recipients"));
    }
    const std::string parameters =
        postern::FormatRcptParameters(to[index].parameters);
    return Give(absl::StripLeadingAsciiWhitespace(parameters), text);
  });
}

postern_bytes postern_rig_message_raw(const postern_rig_message* message) {
  return Bytes(message->message.raw());
}

postern_bytes postern_rig_message_trace(const postern_rig_message* message) {
  return Bytes(message->message.trace());
}

const postern_rig_session* postern_rig_message_session(
    const postern_rig_message* message) {
  return &message->session;
}

postern_status postern_rig_session_copy(const postern_rig_session* session,
                                        postern_rig_session** copy,
                                        postern_error* error) {
  return Guard(error, [&] {
    if (session == nullptr) return Null("session");
    if (copy == nullptr) return Null("copy");
    *copy = new postern_rig_session(*session);
    return absl::OkStatus();
  });
}

void postern_rig_session_free(postern_rig_session* session) { delete session; }

int64_t postern_rig_session_number(const postern_rig_session* session) {
  return session->facts.number;
}

int64_t postern_rig_session_began_us(const postern_rig_session* session) {
  return absl::ToUnixMicros(session->facts.began);
}

postern_status postern_rig_session_client_address(
    const postern_rig_session* session, char** text, postern_error* error) {
  return Guard(error, [&] {
    if (session == nullptr) return Null("session");
    if (text == nullptr) return Null("text");
    return Give(postern::ToString(InfoOf(session).remote_address), text);
  });
}

uint16_t postern_rig_session_client_port(const postern_rig_session* session) {
  return InfoOf(session).remote_port;
}

postern_bytes postern_rig_session_hello(const postern_rig_session* session) {
  return Bytes(InfoOf(session).hello_name);
}

postern_bytes postern_rig_session_user(const postern_rig_session* session) {
  return Bytes(InfoOf(session).identity);
}

postern_bytes postern_rig_session_mechanism(
    const postern_rig_session* session) {
  return Bytes(InfoOf(session).mechanism);
}

postern_bytes postern_rig_session_tls_version(
    const postern_rig_session* session) {
  return TlsBytes(session, &postern::TlsInfo::protocol);
}

postern_bytes postern_rig_session_tls_cipher(
    const postern_rig_session* session) {
  return TlsBytes(session, &postern::TlsInfo::cipher);
}

postern_bytes postern_rig_session_client_subject(
    const postern_rig_session* session) {
  return TlsBytes(session, &postern::TlsInfo::peer_subject);
}

postern_status postern_rig_session_extensions(
    const postern_rig_session* session, char** text, postern_error* error) {
  return Guard(error, [&] {
    if (session == nullptr) return Null("session");
    if (text == nullptr) return Null("text");
    return Give(absl::StrJoin(session->facts.extensions, " "), text);
  });
}

postern_bytes postern_rig_session_end(const postern_rig_session* session) {
  return Bytes(EndName(session->facts));
}

postern_status postern_rig_session_transcript(
    const postern_rig_session* session, char** text, postern_error* error) {
  return Guard(error, [&] {
    if (session == nullptr) return Null("session");
    if (text == nullptr) return Null("text");
    return Give(session->facts.transcript->Format(), text);
  });
}

postern_status postern_rig_ca_certificate(postern_rig* rig, char** text,
                                          postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
    if (text == nullptr) return Null("text");
    const auto pem = rig->server->AuthorityCertificate();
    if (!pem.ok()) return pem.status();
    return Give(*pem, text);
  });
}

postern_status postern_rig_ca_file(postern_rig* rig, char** path,
                                   postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
    if (path == nullptr) return Null("path");
    const auto file = rig->server->certificates().AuthorityFile();
    if (!file.ok()) return file.status();
    return Give(*file, path);
  });
}

postern_status postern_rig_client_certificate(postern_rig* rig,
                                              const char* name,
                                              char** certificate, char** key,
                                              postern_error* error) {
  return Guard(error, [&] {
    if (absl::Status status = CheckProcess(rig); !status.ok()) return status;
    if (name == nullptr) return Null("name");
    if (certificate == nullptr) return Null("certificate");
    if (key == nullptr) return Null("key");
    const auto files = rig->server->certificates().Client(name);
    if (!files.ok()) return files.status();
    char* chain = nullptr;
    if (absl::Status status = Give(files->chain_file, &chain); !status.ok()) {
      return status;
    }
    if (absl::Status status = Give(files->key_file, key); !status.ok()) {
      std::free(chain);
      return status;
    }
    *certificate = chain;
    return absl::OkStatus();
  });
}

void postern_rig_text_free(char* text) { std::free(text); }

}  // extern "C"
#pragma GCC visibility pop
