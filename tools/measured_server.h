// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server that is measured: a child process on loopback.

#ifndef POSTERN_TOOLS_MEASURED_SERVER_H_
#define POSTERN_TOOLS_MEASURED_SERVER_H_

#include <netinet/in.h>
#include <sys/types.h>
#include <time.h>

#include <string>
#include <vector>

namespace postern::tools {

// Prints `what` and errno's text, and ends the program.
[[noreturn]] void Die(const std::string& what);

// Writes a file.
void Put(const std::string& path, const std::string& text);

// Makes a directory of mode `mode`. It may exist.
void MakeDirectory(const std::string& path, mode_t mode);

// Runs the program `arguments` and waits for its end. An exit code that is not
// 0 ends this program.
void RunProgram(std::vector<std::string> arguments);

// Makes control files for a server that accepts mail for `host`; returns their
// directory.
std::string MakeControls(const std::string& folder, const std::string& host);

// Makes a Maildir.
void MakeMaildir(const std::string& path);

// Returns the address 127.0.0.1:`port`.
sockaddr_in Loopback(int port);

// Returns a port that was free a moment ago, for a server that prints no port.
int FreePort();

// Returns the middle one of an odd number of values.
double Median(std::vector<double> values);

class MeasuredServer {
 public:
  // Starts the program `arguments`. It must write ADDRESS:PORT to its
  // descriptor `ready`. If `ready` is -1, it must listen on `port`.
  MeasuredServer(std::string name, std::vector<std::string> arguments,
                 int ready, int port = 0);
  MeasuredServer(const MeasuredServer&) = delete;
  MeasuredServer& operator=(const MeasuredServer&) = delete;
  ~MeasuredServer();

  const std::string& name() const { return name_; }
  int port() const { return port_; }
  pid_t pid() const { return pid_; }

  // CpuMicros() includes the children of the process from now on. None of them
  // may end while it is used: the time of an ended one would be missing.
  void CountChildren() { children_ = true; }

  // Returns the CPU time of the whole process so far.
  double CpuMicros() const;

 private:
  std::string name_;
  pid_t pid_ = -1;
  int port_;
  clockid_t clock_ = 0;
  bool children_ = false;
};

}  // namespace postern::tools

#endif  // POSTERN_TOOLS_MEASURED_SERVER_H_
