// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/introspect/introspection_endpoint.h"

#include <sys/stat.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "files/test_directory.h"
#include "gtest/gtest.h"

namespace postern::programs {
namespace {

TEST(IntrospectionUrlTest, UrlsMustBeHttpsOrOfThisHost) {
  const struct {
    absl::string_view url;
    bool valid;
  } cases[] = {
      {"https://idp.example/introspect", true},
      {"HTTPS://idp.example:8443/introspect?realm=x", true},
      {"http://127.0.0.1:8080/introspect", true},
      {"http://[::1]/", true},
      {"http://localhost/", true},
      {"http://idp.example/introspect", false},
      {"http://127.0.0.1.example/", false},
      {"http://localhost.example/", false},
      {"http://127.0.0.2/", false},
      {"http://10.0.0.1/", false},
      {"http://127.0.0.1@idp.example/", false},
      {"https://user:secret@idp.example/", false},
      {"https://user@idp.example/", false},
      {"idp.example/introspect", false},
      {"127.0.0.1", false},
      {"ftp://127.0.0.1/", false},
      {"file:///etc/passwd", false},
      {"", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ValidateIntrospectionUrl(c.url).ok(), c.valid)
        << std::string(c.url);
  }
}

TEST(ClientCredentialsTest, AreOneLineOfAPrivateFile) {
  const struct {
    absl::string_view text;
    mode_t mode;
    absl::string_view result;  // "ID SECRET", or a part of the error
  } cases[] = {
      {"id:secret\n", 0600, "id secret"},
      {"id:se:c r\xc3\xbc", 0400, "id se:c r\xc3\xbc"},
      {"id:\n", 0600, "id "},
      {"id:secret\n", 0640, "may read or write it"},
      {"id:secret\n", 0604, "may read or write it"},
      {"id:secret\n", 0602, "may read or write it"},
      {"id:secret\n\n", 0600, "is not one line"},
      {"id:secret\r\n", 0600, "is not one line"},
      {"id\n", 0600, "is not one line"},
      {":secret\n", 0600, "is not one line"},
      {"", 0600, "is not one line"},
  };
  files::TestDirectory folder;
  const std::string path = folder.File("client");
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.text, " ", c.mode));
    folder.Write("client", c.text);
    ASSERT_EQ(chmod(path.c_str(), c.mode), 0);
    const auto client = ReadClientCredentials(path);
    if (client.ok()) {
      EXPECT_EQ(absl::StrCat(client->id.text(), " ", client->secret.text()),
                c.result);
    } else {
      const absl::string_view message = client.status().message();
      EXPECT_TRUE(absl::StartsWith(message, path)) << client.status();
      EXPECT_TRUE(absl::StrContains(message, c.result)) << client.status();
      EXPECT_FALSE(absl::StrContains(message, "secret"));
    }
  }
  EXPECT_TRUE(
      absl::IsNotFound(ReadClientCredentials(folder.File("no")).status()));
}

}  // namespace
}  // namespace postern::programs
