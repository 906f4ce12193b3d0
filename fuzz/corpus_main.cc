// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Runs a fuzz target with every file of a directory: corpus_test DIRECTORY.
// After a failure, the last name printed is the input that failed. With Bazel's
// --test_filter=NAME it runs only that file.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  LLVMFuzzerInitialize(&argc, &argv);
  const char* const only = std::getenv("TESTBRIDGE_TEST_ONLY");
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (only == nullptr || entry.path().filename() == only) {
      paths.push_back(entry.path());
    }
  }
  // Sorted, so that the same input fails first on every system.
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    std::cout << path.string() << std::endl;
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()),
                           bytes.size());
  }
  return paths.empty() ? 1 : 0;
}
