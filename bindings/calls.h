// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// What the C interfaces of the engine and of the rig have in common.

#ifndef POSTERN_BINDINGS_CALLS_H_
#define POSTERN_BINDINGS_CALLS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bindings/postern_types.h"
#include "service/version.h"

namespace postern::bindings {

// The number of octets of structure T to the end of `member`.
#define POSTERN_SIZE_TO(T, member) (offsetof(T, member) + sizeof(T::member))

inline absl::Status Null(absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is NULL"));
}

// Reads a structure that the caller has filled. Its program may have been
// compiled with another version of the header: with an earlier one, in which
// the structure is shorter, and at least `first` octets long, or with a later
// one, in which it is longer. What an earlier one does not have stays as it is
// in `read`. What a later one adds must be 0.
template <typename T>
absl::Status ReadStructure(const T* given, size_t first, absl::string_view name,
                           T* read) {
  if (given == nullptr) return Null(name);
  const size_t size = given->struct_size;
  if (size < first) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": struct_size is ", size, ", and must be at least ", first));
  }
  const char* const octets = reinterpret_cast<const char*>(given);
  for (size_t i = sizeof(T); i < size; ++i) {
    if (octets[i] == 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": a member is set that version ",
                     service::Version(), " does not have"));
  }
  std::memcpy(static_cast<void*>(read), given, std::min(size, sizeof(T)));
  read->struct_size = sizeof(T);
  return absl::OkStatus();
}

// Calls `use` with each of `count` structures in the array `name` of the
// caller, whose version of T may have another size than ours, and with its own
// name, such as "users[1]". Stops if `use`, which reads it with
// ReadStructure(), returns an error, or if the sizes differ, and returns why.
template <typename T, typename Use>
absl::Status ForEachStructure(const T* given, size_t count,
                              absl::string_view name, Use use) {
  if (given == nullptr && count > 0) return Null(name);
  const char* next = reinterpret_cast<const char*>(given);
  for (size_t i = 0; i < count; ++i, next += given->struct_size) {
    const T* const one = reinterpret_cast<const T*>(next);
    const std::string which = absl::StrCat(name, "[", i, "]");
    if (one->struct_size != given->struct_size) {
      return absl::InvalidArgumentError(
          absl::StrCat(which, ": another struct_size than ", name, "[0]"));
    }
    if (absl::Status status = use(one, which); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Writes why a call has failed. `error` may be null.
inline void WriteError(absl::string_view why, postern_error* error) {
  if (error == nullptr) return;
  size_t size = std::min(why.size(), sizeof(error->message) - 1);
  // Not in the middle of a character.
  while (size > 0 && size < why.size() && (why[size] & 0xC0) == 0x80) --size;
  std::memcpy(error->message, why.data(), size);
  error->message[size] = '\0';
}

// Returns the status of C for an error.
inline postern_status StatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return POSTERN_OK;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return POSTERN_INVALID_ARGUMENT;
    case absl::StatusCode::kFailedPrecondition:
      return POSTERN_FAILED_PRECONDITION;
    case absl::StatusCode::kNotFound:
      return POSTERN_NOT_FOUND;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
      return POSTERN_UNAVAILABLE;
    default:
      return POSTERN_INTERNAL;
  }
}

// Returns the status of C. Writes why, if it is an error.
inline postern_status Report(const absl::Status& status, postern_error* error) {
  if (!status.ok()) WriteError(status.message(), error);
  return StatusOf(status.code());
}

// Reports what `body`, which returns an absl::Status, returns or throws. The
// standard library throws if the system lacks memory or threads.
template <typename Body>
postern_status Guard(postern_error* error, Body body) noexcept {
  const auto fail = [error](postern_status status, const char* why) {
    WriteError(why, error);
    return status;
  };
  try {
    return Report(body(), error);
  } catch (const std::bad_alloc&) {
    return fail(POSTERN_UNAVAILABLE, "no memory");
  } catch (const std::system_error& thrown) {
    return fail(POSTERN_UNAVAILABLE, thrown.what());
  } catch (const std::exception& thrown) {
    return fail(POSTERN_INTERNAL, thrown.what());
  } catch (...) {
    return fail(POSTERN_INTERNAL, "an unknown exception");
  }
}

}  // namespace postern::bindings

#endif  // POSTERN_BINDINGS_CALLS_H_
