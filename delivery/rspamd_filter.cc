// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/rspamd_filter.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "delivery/rspamd_answer.h"
#include "engine/grammar/ip_address.h"
#include "engine/grammar/path.h"
#include "log/log_line.h"

namespace postern::delivery {
namespace {

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(char* text) const { curl_free(text); }
};

template <typename T>
using CurlPtr = std::unique_ptr<T, CurlDeleter>;

// Returns a part of `url`, or the empty string if there is none.
std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  const CurlPtr<char> owner(text);
  return text;
}

// The content as libcurl reads it.
struct Upload {
  const Spool& content;
  uint64_t offset = 0;
};

size_t ReadUpload(char* to, size_t size, size_t count, void* data) {
  Upload& upload = *static_cast<Upload*>(data);
  const ssize_t read = upload.content.Read(upload.offset, to, size * count);
  if (read < 0) return CURL_READFUNC_ABORT;
  upload.offset += static_cast<uint64_t>(read);
  return static_cast<size_t>(read);
}

// Called by libcurl to open a socket, which it would not make close-on-exec.
curl_socket_t OpenSocket(void* data, curlsocktype purpose,
                         curl_sockaddr* address) {
  (void)data;
  (void)purpose;
  const int made = socket(address->family, address->socktype | SOCK_CLOEXEC,
                          address->protocol);
  return made < 0 ? CURL_SOCKET_BAD : made;
}

// Called by libcurl with parts of the answer. A result less than `count` aborts
// the transfer.
size_t Append(char* data, size_t size, size_t count, void* answer) {
  auto* const text = static_cast<std::string*>(answer);
  if (size * count > kMaxRspamdAnswer - text->size()) return 0;
  text->append(data, size * count);
  return count;
}

// Called by libcurl with each line of the answer's header section, before it
// stores the line.
size_t CountHeader(char* line, size_t size, size_t count, void* data) {
  (void)line;
  constexpr size_t kMost = size_t{64} << 10;
  size_t& total = *static_cast<size_t*>(data);
  total += size * count;
  return total > kMost ? 0 : count;
}

absl::Status Unavailable(absl::string_view what) {
  return absl::UnavailableError(what);
}

}  // namespace

absl::StatusOr<RspamdServer> ParseRspamdServer(absl::string_view text) {
  RspamdServer server;
  server.name = std::string(text);
  absl::string_view path = text;
  if (absl::ConsumePrefix(&path, "unix:")) {
    if (!absl::StartsWith(path, "/")) {
      return absl::InvalidArgumentError("not an absolute path after unix:");
    }
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      return absl::InvalidArgumentError("the path of the socket is too long");
    }
    server.socket_path = std::string(path);
    server.url = "http://localhost/checkv2";
    return server;
  }
  // Parses the URL with libcurl, because libcurl connects. Another parser could
  // understand the URL differently.
  const CurlPtr<CURLU> url(curl_url());
  if (url == nullptr) return Unavailable("out of memory");
  if (curl_url_set(url.get(), CURLUPART_URL, server.name.c_str(), 0) !=
      CURLUE_OK) {
    return absl::InvalidArgumentError(
        "not http://HOST:PORT, https://HOST:PORT or unix:PATH");
  }
  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    return absl::InvalidArgumentError("must be http, https or unix:PATH");
  }
  if (!Part(url.get(), CURLUPART_USER).empty() ||
      !Part(url.get(), CURLUPART_PASSWORD).empty()) {
    return absl::InvalidArgumentError("must not contain a user");
  }
  if (Part(url.get(), CURLUPART_PORT).empty()) {
    return absl::InvalidArgumentError("the port is missing");
  }
  if (Part(url.get(), CURLUPART_PATH) != "/" ||
      !Part(url.get(), CURLUPART_QUERY).empty() ||
      !Part(url.get(), CURLUPART_FRAGMENT).empty()) {
    return absl::InvalidArgumentError("must not contain a path");
  }
  if (curl_url_set(url.get(), CURLUPART_PATH, "/checkv2", 0) != CURLUE_OK) {
    return Unavailable("out of memory");
  }
  server.url = Part(url.get(), CURLUPART_URL);
  return server;
}

std::vector<std::string> RspamdRequest(const Envelope& envelope,
                                       const SessionInfo& session,
                                       const RspamdOptions& options) {
  std::vector<std::string> fields;
  const auto add = [&fields](absl::string_view name, absl::string_view value) {
    // For libcurl an empty value means that there is no such field.
    if (value.empty()) return;
    std::string field = absl::StrCat(name, ": ", value);
    for (char& c : field) {
      if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
    }
    fields.push_back(std::move(field));
  };
  add("IP", ToString(session.remote_address));
  add("Helo", session.hello_name);
  if (session.name_status == NameStatus::kConfirmed) {
    add("Hostname", session.remote_name);
  }
  add("From", FormatPath(envelope.from));
  add("User", session.identity);
  add("Queue-Id", log::MessageId({session.session_id, envelope.message}));
  add("MTA-Name", options.host_name);
  if (session.tls != nullptr) {
    add("TLS-Version", session.tls->protocol);
    add("TLS-Cipher", session.tls->cipher);
  }
  add("Password", options.password);
  size_t size = 0;
  for (const Recipient& recipient : envelope.to) {
    const std::string path = FormatPath(recipient.path);
    size += path.size() + sizeof("Rcpt: \r\n");
    if (size > kMaxRspamdRecipients) break;
    add("Rcpt", path);
  }
  return fields;
}

RspamdFilter::RspamdFilter(RspamdOptions options)
    : options_(std::move(options)) {
  // Otherwise the first request does it. The result is checked there.
  (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

FilterAnswer RspamdFilter::Decide(const Envelope& envelope,
                                  const SessionInfo& session,
                                  const Spool& content,
                                  absl::Duration remaining) {
  const auto count = [this](RspamdOutcome outcome) {
    if (options_.count) options_.count(outcome);
  };
  if (content.size() > options_.max_size) {
    count(RspamdOutcome::kTooLarge);
    return {.reason = absl::StrCat("not examined: more than ",
                                   options_.max_size, " octets")};
  }
  const absl::StatusOr<std::string> json =
      Ask(envelope, session, content, remaining);
  absl::StatusOr<RspamdAnswer> answer =
      json.ok() ? ReadRspamdAnswer(*json) : json.status();
  if (answer.ok()) {
    count(answer->outcome);
    return std::move(answer->answer);
  }
  count(RspamdOutcome::kOutage);
  std::string why =
      absl::StrCat(options_.server.name, ": ", answer.status().message());
  if (!options_.accept_if_down) {
    return {.refusal = Reply{451,
                             {4, 3, 0},
                             "unable to examine the message, try again later "
                             "(#4.3.0)"},
            .reason = std::move(why)};
  }
  options_.report(absl::StrCat(why, ": delivered without an examination"));
  return {.reason = absl::StrCat("not examined: ", why)};
}

absl::StatusOr<std::string> RspamdFilter::Ask(const Envelope& envelope,
                                              const SessionInfo& session,
                                              const Spool& content,
                                              absl::Duration remaining) const {
  if (remaining <= absl::ZeroDuration()) {
    return absl::DeadlineExceededError(
        "too many messages have waited for an answer");
  }
  const CurlPtr<CURL> handle(curl_easy_init());
  CURL* const curl = handle.get();
  if (curl == nullptr) return Unavailable("out of memory");
  // libcurl would add the first, and wait a second for the answer to the
  // second.
  std::vector<std::string> fields = {"Content-Type:", "Expect:"};
  for (std::string& field : RspamdRequest(envelope, session, options_)) {
    fields.push_back(std::move(field));
  }
  CurlPtr<curl_slist> headers;
  for (const std::string& field : fields) {
    // Returns the beginning of the list, and leaves it alone if it fails.
    curl_slist* const longer = curl_slist_append(headers.get(), field.c_str());
    if (longer == nullptr) return Unavailable("out of memory");
    (void)headers.release();
    headers.reset(longer);
  }
  Upload upload = {content};
  std::string answer;
  size_t header_size = 0;
  char error[CURL_ERROR_SIZE] = "";
  bool set = true;
  const auto option = [&](CURLoption name, auto value) {
    set = set && curl_easy_setopt(curl, name, value) == CURLE_OK;
  };
  option(CURLOPT_ERRORBUFFER, error);
  option(CURLOPT_NOSIGNAL, 1L);
  option(CURLOPT_URL, options_.server.url.c_str());
  option(CURLOPT_PROTOCOLS_STR, "http,https");
  if (!options_.server.socket_path.empty()) {
    option(CURLOPT_UNIX_SOCKET_PATH, options_.server.socket_path.c_str());
  }
  option(CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
  option(CURLOPT_NOPROXY, "*");
  option(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  option(CURLOPT_HTTPHEADER, headers.get());
  option(CURLOPT_POST, 1L);
  option(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(content.size()));
  option(CURLOPT_READFUNCTION, ReadUpload);
  option(CURLOPT_READDATA, static_cast<void*>(&upload));
  option(CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(
                                 remaining + absl::Milliseconds(1))));
  option(CURLOPT_HEADERFUNCTION, CountHeader);
  option(CURLOPT_HEADERDATA, static_cast<void*>(&header_size));
  option(CURLOPT_WRITEFUNCTION, Append);
  option(CURLOPT_WRITEDATA, static_cast<void*>(&answer));
  if (!set) return Unavailable("libcurl does not support a required option");
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    return Unavailable(*error != '\0' ? error : curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    return Unavailable(absl::StrCat("HTTP status ", status));
  }
  return answer;
}

}  // namespace postern::delivery
