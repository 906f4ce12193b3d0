// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/rig/http_guard.h"

#include <optional>

#include "gtest/gtest.h"
#include "net/listening_socket.h"

namespace postern::programs {
namespace {

net::ListenAddress Address(absl::string_view text) {
  return *net::ListenAddress::Parse(text);
}

bool Accepts(const HttpGuard& guard, const char* host) {
  HttpRequest request;
  request.method = "GET";
  request.path = "/api/v1/messages";
  request.headers["host"] = host;
  const std::optional<HttpResponse> refusal = guard.Refuse(request);
  if (!refusal) return true;
  EXPECT_EQ(refusal->status, 403);
  return false;
}

TEST(HttpGuard, AcceptsLoopbackNamesAlone) {
  const HttpGuard guard(Address("127.0.0.1:8025"), {});
  for (const char* const host :
       {"localhost", "localhost:8025", "LocalHost.", "a.localhost", "127.0.0.1",
        "127.9.9.9:1", "[::1]", "[::1]:8025"}) {
    EXPECT_TRUE(Accepts(guard, host)) << host;
  }
  for (const char* const host :
       {"", "x", "evil.example", "evil.example:8025", "notlocalhost",
        "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1",
        "[::2]", "[::1", "[::1]x", "localhost:80x", "localhost, evil.example",
        "user@localhost", "0.0.0.0"}) {
    EXPECT_FALSE(Accepts(guard, host)) << "a foreign host: " << host;
  }
}

TEST(HttpGuard, AcceptsItsAddressAndItsNames) {
  const HttpGuard one(Address("192.0.2.1:80"),
                      {"Rig.example", "two:8025", "three."});
  EXPECT_TRUE(Accepts(one, "192.0.2.1"));
  EXPECT_TRUE(Accepts(one, "rig.example:80"));
  EXPECT_FALSE(Accepts(one, "192.0.2.2"));
  EXPECT_FALSE(Accepts(one, "a.rig.example"));
  EXPECT_TRUE(Accepts(one, "two"));
  EXPECT_TRUE(Accepts(one, "three:80"));
  EXPECT_FALSE(Accepts(one, ""));
  for (const char* const all : {"0.0.0.0:80", "[::]:80", "*:80"}) {
    const HttpGuard guard(Address(all), {});
    EXPECT_TRUE(Accepts(guard, "192.0.2.2")) << all;
    EXPECT_TRUE(Accepts(guard, "[2001:db8::1]:80")) << all;
    EXPECT_FALSE(Accepts(guard, "evil.example")) << all;
  }
}

TEST(HttpGuard, RefusesOtherOrigins) {
  const HttpGuard guard(Address("127.0.0.1:8025"), {});
  const auto refused = [&](const char* field, const char* value) {
    HttpRequest request;
    request.method = "DELETE";
    request.path = "/api/v1/messages";
    request.headers["host"] = "localhost:8025";
    request.headers[field] = value;
    return guard.Refuse(request).has_value();
  };
  for (const char* const origin :
       {"http://evil.example", "null", "", "http://localhost",
        "http://localhost:8026", "https://localhost:8025",
        "http://127.0.0.1:8025",
        "http://localhost:8025, http://evil.example"}) {
    EXPECT_TRUE(refused("origin", origin)) << "a foreign origin: " << origin;
  }
  EXPECT_FALSE(refused("origin", "http://localhost:8025"));
  for (const char* const site : {"cross-site", "same-site", "other"}) {
    EXPECT_TRUE(refused("sec-fetch-site", site)) << "a foreign site: " << site;
  }
  EXPECT_FALSE(refused("sec-fetch-site", "same-origin"));
  EXPECT_FALSE(refused("sec-fetch-site", "none"));
}

TEST(HttpGuard, KnowsLoopback) {
  EXPECT_TRUE(IsLoopback(Address("127.0.0.1:0")));
  EXPECT_TRUE(IsLoopback(Address("[::1]:0")));
  EXPECT_TRUE(IsLoopback(Address("unix:/run/x")));
  EXPECT_FALSE(IsLoopback(Address("*:0")));
  EXPECT_FALSE(IsLoopback(Address("0.0.0.0:0")));
  EXPECT_FALSE(IsLoopback(Address("[::]:0")));
  EXPECT_FALSE(IsLoopback(Address("192.0.2.1:0")));
}

}  // namespace
}  // namespace postern::programs
