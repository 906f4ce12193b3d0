// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/introspect/introspection_endpoint.h"

#include <curl/curl.h>
#include <sys/stat.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "files/content.h"

namespace postern::programs {
namespace {

constexpr size_t kMaxAnswer = 64 * 1024;
// The largest size in bytes of the file of --credentials, which has one line.
constexpr size_t kMaxCredentials = 64 * 1024;

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

// Called by libcurl with parts of the answer. A result less than `count` aborts
// the transfer.
size_t Append(char* data, size_t size, size_t count, void* answer) {
  auto* const text = static_cast<std::string*>(answer);
  if (size * count > kMaxAnswer - text->size()) return 0;
  text->append(data, size * count);
  return count;
}

absl::Status Unavailable(absl::string_view what) {
  return absl::UnavailableError(what);
}

// Returns `text` encoded for application/x-www-form-urlencoded.
absl::StatusOr<Secret> Encode(CURL* handle, absl::string_view text) {
  const CurlPtr<char> escaped(
      curl_easy_escape(handle, text.data(), static_cast<int>(text.size())));
  if (escaped == nullptr) return Unavailable("out of memory");
  return Secret(std::string(escaped.get()));
}

}  // namespace

absl::StatusOr<ClientCredentials> ReadClientCredentials(
    absl::string_view path) {
  absl::StatusOr<files::Content> content =
      files::ReadContent(path, kMaxCredentials);
  if (!content.ok()) return content.status();
  const Secret text(std::move(content->bytes));
  if ((content->facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        path,
        ": users other than its owner may read or write it: run chmod 600"));
  }
  const absl::string_view line = absl::StripSuffix(text.text(), "\n");
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || colon == 0 ||
      absl::StrContains(line, '\n') || absl::StrContains(line, '\r')) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not one line ID:SECRET"));
  }
  ClientCredentials client;
  client.id = Secret(std::string(line.substr(0, colon)));
  client.secret = Secret(std::string(line.substr(colon + 1)));
  return client;
}

absl::Status ValidateIntrospectionUrl(absl::string_view url) {
  // Parses the URL with libcurl, because libcurl connects. Another parser could
  // understand the URL differently.
  const CurlPtr<CURLU> parsed(curl_url());
  if (parsed == nullptr) return Unavailable("out of memory");
  if (curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(), 0) !=
      CURLUE_OK) {
    return absl::InvalidArgumentError("not a URL");
  }
  if (!Part(parsed.get(), CURLUPART_USER).empty() ||
      !Part(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return absl::InvalidArgumentError("must not contain a user");
  }
  const std::string scheme = Part(parsed.get(), CURLUPART_SCHEME);
  const std::string host = Part(parsed.get(), CURLUPART_HOST);
  if (scheme == "https") return absl::OkStatus();
  if (scheme == "http" &&
      (host == "127.0.0.1" || host == "[::1]" || host == "localhost")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("must be https, or http to this host");
}

absl::StatusOr<std::string> Introspect(const IntrospectionEndpoint& endpoint,
                                       const ClientCredentials& client,
                                       absl::string_view token) {
  const CurlPtr<CURL> handle(curl_easy_init());
  CURL* const curl = handle.get();
  if (curl == nullptr) return Unavailable("out of memory");
  // RFC 6749 2.3.1: id and secret are encoded before they are used for Basic.
  const absl::StatusOr<Secret> id = Encode(curl, client.id.text());
  const absl::StatusOr<Secret> secret = Encode(curl, client.secret.text());
  const absl::StatusOr<Secret> encoded = Encode(curl, token);
  for (const auto* each : {&id, &secret, &encoded}) {
    if (!each->ok()) return each->status();
  }
  const Secret form(
      absl::StrCat("token=", encoded->text(), "&token_type_hint=access_token"));
  const CurlPtr<curl_slist> headers(
      curl_slist_append(nullptr, "Accept: application/json"));
  const bool cleartext = absl::StartsWithIgnoreCase(endpoint.url, "http:");
  std::string answer;
  char error[CURL_ERROR_SIZE] = "";
  bool set = headers != nullptr;
  const auto option = [&](CURLoption name, auto value) {
    set = set && curl_easy_setopt(curl, name, value) == CURLE_OK;
  };
  option(CURLOPT_ERRORBUFFER, error);
  option(CURLOPT_NOSIGNAL, 1L);
  option(CURLOPT_URL, endpoint.url.c_str());
  option(CURLOPT_PROTOCOLS_STR, cleartext ? "http" : "https");
  if (cleartext) option(CURLOPT_NOPROXY, "*");
  option(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!endpoint.ca_file.empty()) {
    option(CURLOPT_CAINFO, endpoint.ca_file.c_str());
  }
  option(CURLOPT_HTTPHEADER, headers.get());
  option(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
  option(CURLOPT_USERNAME, id->text().c_str());
  option(CURLOPT_PASSWORD, secret->text().c_str());
  option(CURLOPT_POSTFIELDSIZE, static_cast<long>(form.text().size()));
  option(CURLOPT_POSTFIELDS, form.text().c_str());
  option(CURLOPT_TIMEOUT_MS,
         static_cast<long>(absl::ToInt64Milliseconds(endpoint.timeout)));
  option(CURLOPT_WRITEFUNCTION, Append);
  option(CURLOPT_WRITEDATA, static_cast<void*>(&answer));
  if (!set) return Unavailable("libcurl does not support a required option");
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    return Unavailable(absl::StrCat(
        endpoint.url, ": ", *error != '\0' ? error : curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    return Unavailable(absl::StrCat(endpoint.url, ": HTTP status ", status));
  }
  return answer;
}

}  // namespace postern::programs
