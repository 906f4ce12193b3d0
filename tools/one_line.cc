// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The program with which tools/bench compares the start of postern-smtpd: a
// static C++ program that prints one line.

#include <iostream>

int main() {
  std::cout << "220 mx ESMTP\r\n";
  return 0;
}
