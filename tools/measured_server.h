// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// A server under measurement: a process of our own, on loopback.

#ifndef POSTERN_TOOLS_MEASURED_SERVER_H_
#define POSTERN_TOOLS_MEASURED_SERVER_H_

#include <netinet/in.h>
#include <sys/types.h>
#include <time.h>

#include <string>
#include <vector>

namespace postern::tools {

// Ends a measurement, with errno's text.
[[noreturn]] void Die(const std::string& what);

// Writes a file.
void Put(const std::string& path, const std::string& text);

// Makes FOLDER/control, for a server that takes mail for `host`; returns it.
std::string MakeControls(const std::string& folder, const std::string& host);

// Makes a Maildir.
void MakeMaildir(const std::string& path);

// 127.0.0.1:PORT.
sockaddr_in Loopback(int port);

// A port that was free a moment ago, for a server that prints none.
int FreePort();

// Returns the middle one of an odd number of values.
double Median(std::vector<double> values);

class MeasuredServer {
 public:
  // Starts `arguments`. What it writes to its descriptor `ready` begins with
  // ADDRESS:PORT; with -1 it will listen at `port` soon.
  MeasuredServer(std::string name, std::vector<std::string> arguments,
                 int ready, int port = 0);
  MeasuredServer(const MeasuredServer&) = delete;
  MeasuredServer& operator=(const MeasuredServer&) = delete;
  ~MeasuredServer();

  const std::string& name() const { return name_; }
  int port() const { return port_; }
  pid_t pid() const { return pid_; }

  // CPU time of the whole process so far.
  double CpuMicros() const;

 private:
  std::string name_;
  pid_t pid_ = -1;
  int port_;
  clockid_t clock_ = 0;
};

}  // namespace postern::tools

#endif  // POSTERN_TOOLS_MEASURED_SERVER_H_
