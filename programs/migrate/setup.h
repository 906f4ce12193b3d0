// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The set-up of postern-smtpd and of postern serve that replaces a server, and
// the table of what maps, what differs and what is not supported.

#ifndef POSTERN_PROGRAMS_MIGRATE_SETUP_H_
#define POSTERN_PROGRAMS_MIGRATE_SETUP_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "programs/migrate/run_script.h"

namespace postern::programs::migrate {

enum class Outcome : uint8_t { kMaps, kDiffers, kUnsupported };

absl::string_view OutcomeText(Outcome outcome);

// What becomes of one thing in one set-up.
struct Mapping {
  Outcome outcome = Outcome::kMaps;
  std::string text;  // how, or why not
};

struct Row {
  Place place;
  std::string what;  // of the old server
  Mapping smtpd;
  Mapping serve;

  Outcome worst() const;
};

// An option of a program: a flag has no value.
struct Option {
  std::string name;
  std::string value;
};

// What several parts of the old server decide together. It is complete before
// the options and rows that depend on it are made.
struct Facts {
  bool checker = false;                 // a program checks passwords
  bool auth_off = false;                // a variable turns AUTH off
  bool auth_required = false;           // before mail
  bool auth_required_by_smtpd = false;  // by qmail-smtpd itself
  bool auth_encrypted = false;          // only with TLS, also before the move
  bool cram = false;                    // CRAM-MD5, too

  std::string tls_by;        // the program of the chain that ends TLS
  bool tls_stays = false;    // it stays before postern-smtpd
  bool ucspi_tls = false;    // postern-smtpd asks it to begin TLS
  bool wrapped = false;      // TLS from the first byte
  bool tls_denied = false;   // TLS is not offered
  bool certificate = false;  // the old server has one

  bool auth_offered() const { return checker && !auth_off; }
};

// One server of the old site.
struct Setup {
  // The program that starts the server: the super-server of a run script, or
  // the file of inetd or xinetd.
  enum class Form : uint8_t { kRunScript, kXinetd, kInetd };
  Form form = Form::kRunScript;
  std::string programs;  // the directory of postern and postern-smtpd
  std::vector<std::string> form_lines;  // of a service of xinetd, before server
  std::string inetd_head;               // of a line of inetd

  std::vector<std::vector<Word>> shell;  // see ServerCommand
  std::vector<RemovedVariable> removed;  // by the script
  bool log_on_output = false;
  std::vector<Redirection> shell_redirections;
  std::vector<Redirection> redirections;
  std::vector<PipedCommand> pipe;
  bool background = false;

  // postern-smtpd.
  std::vector<Variable> environment;
  std::vector<Word> front;  // what runs before postern-smtpd
  std::vector<Option> smtpd;
  // Arguments that are not known: they end the script.
  std::vector<Word> smtpd_unknown;
  // What postern-smtpd lacks because a value is not known, or cannot be. See
  // `unknown`.
  std::vector<Word> smtpd_lacks;

  // postern serve.
  std::vector<std::string> listen;        // addresses
  std::vector<std::string> listen_words;  // of each
  std::vector<Option> serve;
  // What postern serve lacks because a value is not known. Without it, the
  // script would start another server than before, for example as root.
  std::vector<Word> unknown;

  std::vector<Row> rows;
  Facts facts;
  bool has_smtpd = true;  // the command has a qmail-smtpd

  // Sets an option, in place of the value that it has.
  void SetSmtpd(absl::string_view name, absl::string_view value);
  void SetServe(absl::string_view name, absl::string_view value);
  // Adds a value of an option that may be repeated.
  void AddServe(absl::string_view name, absl::string_view value);
  void AddListenWord(absl::string_view word);
  bool HasSmtpd(absl::string_view name) const;
  bool HasServe(absl::string_view name) const;
  // A program must not start without the value of `word`, or without what its
  // `unknown` says.
  void LackServe(const Word& word);
  void LackSmtpd(const Word& word);
  void LackBoth(const Word& word);
};

// Returns whether `name` can be the name of a variable in a script.
bool IsVariableName(absl::string_view name);

// Returns what the values `words` lack, one line for each.
std::vector<std::string> UnknownValues(const std::vector<Word>& words);

// Returns the arguments of each program.
std::vector<std::string> SmtpdArguments(const Setup& setup);
std::vector<std::string> ServeArguments(const Setup& setup);

// Returns the run script for postern-smtpd, or the service of xinetd or the
// line of inetd.
std::string FormatSmtpd(const Setup& setup);
// Returns the run script for postern serve.
std::string FormatServe(const Setup& setup);
// Returns postern.conf for postern serve: see postern-config(7).
std::string FormatConfig(const Setup& setup);
// Returns the table.
std::string FormatRows(const std::vector<Row>& rows);

}  // namespace postern::programs::migrate

#endif  // POSTERN_PROGRAMS_MIGRATE_SETUP_H_
