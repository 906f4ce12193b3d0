// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Oracle: in a file of any bytes, each value that is found is in the file as a
// record of that key. In an intact file the first record of each key is found,
// and no other key is.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "files/cdb.h"
#include "fuzz/memory_file.h"
#include "gtest/gtest.h"

namespace postern::files {
namespace {

// The file's form of a number: 32 bits, the lowest octet first.
std::string Number(size_t n) {
  std::string bytes;
  while (bytes.size() < 4) bytes += static_cast<char>(n >> 8 * bytes.size());
  return bytes;
}

std::string Damage(FuzzedDataProvider* input, std::string file) {
  for (int n = input->ConsumeIntegralInRange(0, 4); n > 0; --n) {
    const auto at = input->ConsumeIntegralInRange<size_t>(0, file.size() - 1);
    file[at] = input->ConsumeIntegral<char>();
  }
  if (input->ConsumeBool()) {
    file.resize(input->ConsumeIntegralInRange<size_t>(0, file.size()));
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  std::map<std::string, std::optional<std::string>> want;  // if intact
  want[input.ConsumeRandomLengthString(20)];
  std::string sound;
  std::string bytes;
  if (input.ConsumeBool()) {
    MemoryFile::Records records;
    while (input.remaining_bytes() > 24) {  // the rest is for Damage()
      const std::string key = input.ConsumeRandomLengthString(20);
      records.emplace_back(key, input.ConsumeRandomLengthString(20));
      want[key + "x"];
      if (!want[key]) want[key] = records.back().second;
    }
    sound = MemoryFile().WriteCdb(records);
    bytes = Damage(&input, sound);
  } else {
    bytes = input.ConsumeRemainingBytesAsString();
    if (bytes.size() > 2056) want[bytes.substr(2056, bytes[2048])];
  }
  const MemoryFile file(bytes);
  const bool intact = !bytes.empty() && bytes == sound;
  const absl::StatusOr<files::Cdb> cdb = files::Cdb::Open(file.path());
  EXPECT_TRUE(cdb.ok() || !intact) << cdb.status();
  if (!cdb.ok()) return 0;
  for (const auto& [key, data] : want) {
    const auto found = cdb->Find(key);
    EXPECT_TRUE(found.ok() || !intact) << found.status();
    if (!found.ok()) continue;
    EXPECT_TRUE(*found == data || !intact) << key;
    EXPECT_EQ(*cdb->Contains(key), found->has_value());
    if (!found->has_value()) continue;
    EXPECT_TRUE(absl::StrContains(
        bytes, Number(key.size()) + Number((*found)->size()) + key + **found));
  }
  return 0;
}

}  // namespace postern::files
