// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "bindings/calls.h"

#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bindings/postern_types.h"
#include "gtest/gtest.h"

namespace postern::bindings {
namespace {

// One structure in three versions of a header.
struct First {
  size_t struct_size = sizeof(First);
  int limit = 1;
  int reserved = 0;
};
struct Second {
  size_t struct_size = sizeof(Second);
  int limit = 1;
  int reserved = 0;
  const char* name = "default";
};
struct Third {
  size_t struct_size = sizeof(Third);
  int limit = 1;
  int reserved = 0;
  const char* name = "default";
  const char* more = nullptr;
};
constexpr size_t kFirst = POSTERN_SIZE_TO(First, reserved);

// The library has the second version.
absl::Status Read(const void* given, Second* read) {
  return ReadStructure(static_cast<const Second*>(given), kFirst, "it", read);
}

TEST(ReadStructureTest, StructureOfAnEarlierVersionIsRead) {
  const First given = {.limit = 7};
  Second read;
  ASSERT_TRUE(Read(&given, &read).ok());
  EXPECT_EQ(read.limit, 7);
  EXPECT_STREQ(read.name, "default");
  EXPECT_EQ(read.struct_size, sizeof(Second));
}

TEST(ReadStructureTest, StructureOfALaterVersionIsReadIfItsAdditionIsZero) {
  Third given = {.limit = 7, .name = "n"};
  Second read;
  ASSERT_TRUE(Read(&given, &read).ok());
  EXPECT_EQ(read.limit, 7);
  EXPECT_STREQ(read.name, "n");
  given.more = "x";
  EXPECT_FALSE(Read(&given, &read).ok());
}

TEST(ReadStructureTest, ShorterThanTheFirstVersionIsAnError) {
  First given;
  given.struct_size = kFirst - 1;
  Second read;
  EXPECT_EQ(Read(&given, &read).message(),
            absl::StrCat("it: struct_size is ", kFirst - 1,
                         ", and must be at least ", kFirst));
  EXPECT_EQ(Read(nullptr, &read).message(), "it is NULL");
}

TEST(WriteErrorTest, ALongMessageIsCutBetweenCharacters) {
  for (const std::string& start : {std::string(), std::string("x")}) {
    std::string why = start;
    while (why.size() < 400) why += "\xC3\xA9";
    postern_error error;
    std::memset(&error, 'y', sizeof(error));
    WriteError(why, &error);
    const std::string message = error.message;
    EXPECT_EQ(message, why.substr(0, message.size()));
    EXPECT_GE(message.size(), sizeof(error.message) - 2);
    EXPECT_LT(message.size(), sizeof(error.message));
    EXPECT_EQ((message.size() - start.size()) % 2, 0u);
  }
  WriteError("why", nullptr);
}

TEST(StatusOfTest, EachErrorHasItsStatus) {
  using absl::StatusCode;
  const std::pair<StatusCode, postern_status> rows[] = {
      {StatusCode::kOk, POSTERN_OK},
      {StatusCode::kInvalidArgument, POSTERN_INVALID_ARGUMENT},
      {StatusCode::kOutOfRange, POSTERN_INVALID_ARGUMENT},
      {StatusCode::kFailedPrecondition, POSTERN_FAILED_PRECONDITION},
      {StatusCode::kNotFound, POSTERN_NOT_FOUND},
      {StatusCode::kUnavailable, POSTERN_UNAVAILABLE},
      {StatusCode::kAlreadyExists, POSTERN_UNAVAILABLE},
      {StatusCode::kPermissionDenied, POSTERN_UNAVAILABLE},
      {StatusCode::kResourceExhausted, POSTERN_UNAVAILABLE},
      {StatusCode::kUnknown, POSTERN_INTERNAL},
      {StatusCode::kDataLoss, POSTERN_INTERNAL},
  };
  for (const auto& [code, status] : rows) {
    postern_error error = {"unchanged"};
    EXPECT_EQ(Report(absl::Status(code, "why"), &error), status) << code;
    EXPECT_STREQ(error.message, status == POSTERN_OK ? "unchanged" : "why");
  }
}

TEST(GuardTest, NoExceptionLeavesIt) {
  postern_error error = {};
  const auto guard = [&error](auto body) { return Guard(&error, body); };
  EXPECT_EQ(guard([] { return absl::NotFoundError("not there"); }),
            POSTERN_NOT_FOUND);
  EXPECT_STREQ(error.message, "not there");
  EXPECT_EQ(guard([]() -> absl::Status { throw std::bad_alloc(); }),
            POSTERN_UNAVAILABLE);
  EXPECT_STREQ(error.message, "no memory");
  EXPECT_EQ(
      guard([]() -> absl::Status {
        throw std::system_error(
            std::make_error_code(std::errc::resource_unavailable_try_again),
            "thread");
      }),
      POSTERN_UNAVAILABLE);
  EXPECT_NE(std::string(error.message).find("thread: "), std::string::npos);
  EXPECT_EQ(guard([]() -> absl::Status { throw std::length_error("long"); }),
            POSTERN_INTERNAL);
  EXPECT_STREQ(error.message, "long");
  EXPECT_EQ(guard([]() -> absl::Status { throw 1; }), POSTERN_INTERNAL);
  EXPECT_STREQ(error.message, "an unknown exception");
  EXPECT_EQ(Guard(nullptr, [] { return absl::OkStatus(); }), POSTERN_OK);
}

}  // namespace
}  // namespace postern::bindings
