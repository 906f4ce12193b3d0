// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A queue program for tests. $STAND_IN is a list of words, which it executes in
// order. It writes results to files in the directory $STAND_IN_OUT.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cstdint>
#include <string>

namespace {

std::string Variable(const char* name) {
  const char* value = getenv(name);
  if (value == nullptr) _exit(97);
  return value;
}

void Save(const char* name, const std::string& contents) {
  const std::string path = Variable("STAND_IN_OUT") + "/" + name;
  FILE* file = fopen(path.c_str(), "w");
  if (file == nullptr) _exit(99);
  fwrite(contents.data(), 1, contents.size(), file);
  fclose(file);
}

// Returns `size` bytes, or fewer at the end of the input.
std::string Read(int fd, size_t size) {
  std::string text;
  char buffer[4096];
  while (text.size() < size) {
    const size_t want = size - text.size();
    const ssize_t n =
        read(fd, buffer, want < sizeof(buffer) ? want : sizeof(buffer));
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

// The signals that this process ignores or blocks, and its descriptors.
std::string Inherited() {
  std::string text;
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, nullptr, &blocked);
  for (int signal = 1; signal < 32; ++signal) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler == SIG_IGN) {
      text += "ignored " + std::to_string(signal) + "\n";
    }
    if (sigismember(&blocked, signal) == 1) {
      text += "blocked " + std::to_string(signal) + "\n";
    }
  }
  for (int fd = 0; fd < 100; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) text += "fd " + std::to_string(fd) + "\n";
  }
  return text;
}

void Do(const std::string& word) {
  const size_t equals = word.find('=');
  const std::string verb = word.substr(0, equals);
  const std::string value =
      equals == std::string::npos ? "" : word.substr(equals + 1);
  const size_t number = strtoul(value.c_str(), nullptr, 10);
  if (verb == "message") {
    Save("message", Read(0, SIZE_MAX));
  } else if (verb == "skim") {  // reads everything, saves only the size
    char buffer[65536];
    size_t total = 0;
    for (ssize_t n; (n = read(0, buffer, sizeof(buffer))) > 0;) total += n;
    Save("size", std::to_string(total));
  } else if (verb == "part") {
    Read(0, number);
  } else if (verb == "close") {
    close(static_cast<int>(number));
  } else if (verb == "envelope") {
    Save("envelope", Read(1, SIZE_MAX));
  } else if (verb == "inherited") {
    Save("inherited", Inherited());
  } else if (verb == "env") {
    const char* found = getenv(value.c_str());
    Save(value.c_str(), found == nullptr ? "(unset)" : found);
  } else if (verb == "cwd") {
    char* cwd = getcwd(nullptr, 0);
    Save("cwd", cwd);
    free(cwd);
  } else if (verb == "error") {  // writes $ERROR as the error text
    const std::string text = Variable("ERROR");
    if (write(6, text.data(), text.size()) < 0) _exit(98);
  } else if (verb == "flood") {  // more than a pipe holds
    const std::string block(1000, 'D');
    for (size_t done = 0; done < number; done += block.size()) {
      if (write(6, block.data(), block.size()) < 0) _exit(98);
    }
  } else if (verb == "orphan") {  // a child that keeps all descriptors open
    int ready[2];
    if (pipe(ready) < 0) _exit(98);
    const pid_t pid = fork();
    if (pid == 0) {
      close(ready[0]);
      close(ready[1]);
      pause();
    }
    Save("orphan", std::to_string(pid));
    close(ready[0]);
    close(ready[1]);
  } else if (verb == "await") {  // waits until that FIFO is written to
    const std::string path = Variable("STAND_IN_OUT") + "/" + value;
    FILE* file = fopen(path.c_str(), "r");
    if (file == nullptr) _exit(99);
    fclose(file);
  } else if (verb == "hang") {
    for (;;) pause();
  } else if (verb == "kill") {
    kill(getpid(), static_cast<int>(number));
  } else if (verb == "exit") {
    _exit(static_cast<int>(number));
  } else {
    _exit(97);
  }
}

}  // namespace

int main(int argc, char** argv) {
  (void)argv;
  if (argc != 1) return 96;
  const char* script = getenv("STAND_IN");
  std::string words = script == nullptr ? "exit=95" : script;
  while (!words.empty()) {
    const size_t space = words.find(' ');
    Do(words.substr(0, space));
    words = space == std::string::npos ? "" : words.substr(space + 1);
  }
  return 0;
}
