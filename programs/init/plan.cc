// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/init/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "engine/grammar/domain.h"
#include "files/content.h"
#include "net/issued_certificate.h"
#include "service/config_places.h"
#include "service/config_text.h"

namespace postern::programs {
namespace {

constexpr absl::string_view kPostmaster = "postmaster";
constexpr size_t kMaxPem = size_t{1} << 20;
constexpr absl::string_view kLetsEncrypt = "/etc/letsencrypt/live/";
// A certificate that is signed by itself is not renewed by a program.
constexpr int kSelfSignedDays = 3650;

std::string In(const InitAnswers& answers, absl::string_view name) {
  return absl::StrCat(answers.directory, "/", name);
}

absl::StatusOr<net::IssuedCertificate> ReadLetsEncrypt(
    const InitAnswers& answers) {
  const std::string lineage =
      absl::StrCat(answers.root, kLetsEncrypt, answers.host);
  auto chain = files::ReadContent(lineage + "/fullchain.pem", kMaxPem);
  if (!chain.ok()) {
    return absl::Status(
        chain.status().code(),
        absl::StrCat("--certificate letsencrypt: ", chain.status().message(),
                     "; run certbot certonly for ", answers.host, " first"));
  }
  auto key = files::ReadContent(lineage + "/privkey.pem", kMaxPem);
  if (!key.ok()) return key.status();
  return net::IssuedCertificate{std::move(chain->bytes), std::move(key->bytes)};
}

absl::Status AddCertificate(const InitAnswers& answers,
                            std::vector<InitFile>* files) {
  using Certificate = InitAnswers::Certificate;
  absl::StatusOr<net::IssuedCertificate> pem;
  switch (answers.certificate) {
    case Certificate::kNone:
    case Certificate::kFiles:
      return absl::OkStatus();
    case Certificate::kLetsEncrypt:
      pem = ReadLetsEncrypt(answers);
      break;
    case Certificate::kSelfSigned:
      pem = net::IssueCertificate({.common_name = answers.host,
                                   .names = {answers.host},
                                   .last_day = kSelfSignedDays},
                                  /*issuer=*/nullptr);
      break;
  }
  if (!pem.ok()) return pem.status();
  files->push_back({.kind = InitFile::Kind::kDirectory,
                    .path = In(answers, "certificate"),
                    .mode = 0750,
                    .owner = InitFile::Owner::kGroupOfServer});
  files->push_back({.path = CertificatePath(answers),
                    .content = std::move(pem->certificate)});
  files->push_back({.path = KeyPath(answers),
                    .content = std::move(pem->key),
                    .mode = 0640,
                    .owner = InitFile::Owner::kGroupOfServer});
  return absl::OkStatus();
}

// Appends settings to the text of the configuration.
class ConfigWriter {
 public:
  void Comment(absl::string_view text) {
    absl::StrAppend(&text_, "\n# ", absl::StrReplaceAll(text, {{"\n", "\n# "}}),
                    "\n");
    commented_ = true;
  }
  void Set(absl::string_view name, absl::string_view value) {
    auto line = service::FormatSetting(name, value, absl::StrCat("--", name));
    commented_ = false;
    if (line.ok()) {
      text_.append(*line);
    } else {
      status_.Update(line.status());
    }
  }
  void Section(absl::string_view name, absl::string_view value) {
    status_.Update(
        service::FormatSetting(name, value, absl::StrCat("--", name)).status());
    absl::StrAppend(&text_, commented_ ? "" : "\n", "[", name, " ", value,
                    "]\n");
    commented_ = false;
  }
  absl::StatusOr<std::string> Text() const {
    if (!status_.ok()) return status_;
    return text_;
  }

 private:
  std::string text_ =
      "# The configuration of postern, written by postern init. The grammar is "
      "in\n"
      "# postern-config(7). All options: postern config show --defaults\n";
  absl::Status status_;
  bool commented_ = false;  // the text ends with a comment
};

absl::StatusOr<std::string> ConfigText(const InitAnswers& answers) {
  ConfigWriter config;
  config.Comment("The directory of me, rcpthosts and other control files.");
  config.Set("control", answers.directory);
  if (!answers.user.empty()) config.Set("user", answers.user);
  config.Comment("Where mail for the domains of rcpthosts goes.");
  config.Set("deliver", answers.deliver.empty()
                            ? absl::StrCat("maildir:", answers.mail, "/%d/%u")
                            : answers.deliver);
  const bool tls = answers.certificate != InitAnswers::Certificate::kNone;
  if (tls) {
    config.Comment("The certificate with its chain, and the key.");
    config.Set("tls-cert", CertificatePath(answers));
    config.Set("tls-key", KeyPath(answers));
  }
  if (!answers.first_user.empty()) {
    config.Comment("The users who may send mail: see postern-users(8).");
    config.Set("auth", absl::StrCat("cdb:", In(answers, "users")));
  }
  if (!answers.networks.empty()) {
    config.Comment(
        "Clients that may relay without AUTH. After a change of the text run:\n"
        "postern rules compile --cidr FILE");
    config.Set("rules", In(answers, "rules.cdb"));
  }
  if (KeepsState(answers)) {
    config.Comment(
        "If only some recipients of a message have got it, the server "
        "remembers here\nwhich, for the client's next attempt.");
    config.Set("partial-delivery", absl::StrCat("retry:", answers.state));
  }
  if (!answers.smtp.empty()) {
    config.Comment("Mail from other hosts.");
    config.Section("listen", answers.smtp);
  }
  if (!answers.first_user.empty()) {
    config.Comment("Mail from users.");
    if (!answers.submissions.empty() && tls) {
      config.Section("listen", answers.submissions);
      config.Set("tls", "yes");
      config.Set("submission", "yes");
    }
    if (!answers.submission.empty()) {
      config.Section("listen", answers.submission);
      config.Set("submission", "yes");
      if (tls) config.Set("require-tls", "yes");
    }
  }
  if (!answers.smarthost.empty()) {
    config.Comment(
        "The server through which mail for other domains leaves. The file "
        "routes\nsends it there.");
    config.Section("deliver", "out");
    config.Set("to", absl::StrCat("smtp:", answers.smarthost));
  }
  return config.Text();
}

}  // namespace

absl::Status CheckHostName(absl::string_view option, absl::string_view name) {
  const bool valid =
      !name.empty() && name.size() <= 253 && name.front() != '.' &&
      name.front() != '-' && name.back() != '.' &&
      !absl::StrContains(name, "..") &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
               c == '.' || c == '_';
      });
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": \"", name, "\" is not the name of a host"));
}

std::string FirstAddress(const InitAnswers& answers) {
  const absl::string_view user =
      answers.first_user.empty() ? kPostmaster : answers.first_user;
  return AsciiAddress(absl::StrContains(user, '@')
                          ? std::string(user)
                          : absl::StrCat(user, "@", answers.domains[0]));
}

std::string FirstMaildir(const InitAnswers& answers) {
  if (!answers.deliver.empty()) return "";
  const std::string address = FirstAddress(answers);
  const size_t at = address.rfind('@');
  return absl::StrCat(answers.mail, "/", address.substr(at + 1), "/",
                      address.substr(0, at));
}

bool KeepsState(const InitAnswers& answers) {
  return !answers.smarthost.empty() ||
         absl::StartsWith(answers.deliver, "lmtp:");
}

std::string CertificatePath(const InitAnswers& answers) {
  using Certificate = InitAnswers::Certificate;
  switch (answers.certificate) {
    case Certificate::kNone:
      return "";
    case Certificate::kFiles:
      return answers.certificate_file;
    case Certificate::kLetsEncrypt:
    case Certificate::kSelfSigned:
      break;
  }
  return In(answers, service::kCertificateFile);
}

std::string KeyPath(const InitAnswers& answers) {
  if (answers.certificate == InitAnswers::Certificate::kFiles) {
    return answers.key_file.empty() ? answers.certificate_file
                                    : answers.key_file;
  }
  const std::string chain = CertificatePath(answers);
  return chain.empty() ? "" : In(answers, service::kKeyFile);
}

absl::StatusOr<std::vector<InitFile>> PlanFiles(const InitAnswers& answers) {
  std::vector<InitFile> files;
  files.push_back({.kind = InitFile::Kind::kDirectory,
                   .path = answers.directory,
                   .mode = 0755});
  absl::Status status = AddCertificate(answers, &files);
  if (!status.ok()) return status;
  files.push_back({.path = In(answers, "me"), .content = answers.host + "\n"});
  files.push_back({.path = In(answers, "rcpthosts"),
                   .content = absl::StrJoin(answers.domains, "\n") + "\n"});
  if (!answers.networks.empty()) {
    std::string rules = "# Clients that may relay without AUTH.\n";
    for (const std::string& network : answers.networks) {
      absl::StrAppend(&rules, network, ":allow,RELAYCLIENT=\"\"\n");
    }
    files.push_back({.path = In(answers, "rules"),
                     .content = absl::StrCat(rules, ":allow\n")});
  }
  if (!answers.smarthost.empty()) {
    std::string routes =
        "# Mail for these domains goes where \"deliver\" of postern.conf says. "
        "All other\n# mail leaves through the destination \"out\".\n";
    for (const std::string& domain : answers.domains) {
      absl::StrAppend(&routes, domain, ":\n");
    }
    files.push_back({.path = In(answers, "routes"),
                     .content = absl::StrCat(routes, ":out\n")});
  }
  if (KeepsState(answers)) {
    files.push_back({.kind = InitFile::Kind::kDirectory,
                     .path = answers.state,
                     .mode = 0750,
                     .owner = InitFile::Owner::kServer});
  }
  if (answers.deliver.empty()) {
    for (const std::string& domain : answers.domains) {
      // All subdomains: no Maildir has this name.
      if (absl::StartsWith(domain, ".")) continue;
      files.push_back({.kind = InitFile::Kind::kDirectory,
                       .path = absl::StrCat(answers.mail, "/", domain),
                       .mode = 0755,
                       .owner = InitFile::Owner::kServer});
    }
  }
  if (const std::string maildir = FirstMaildir(answers); !maildir.empty()) {
    for (const char* name : {"", "/tmp", "/new", "/cur"}) {
      files.push_back({.kind = InitFile::Kind::kDirectory,
                       .path = maildir + name,
                       .mode = 0700,
                       .owner = InitFile::Owner::kServer});
    }
    files.push_back(
        {.path = In(answers, "aliases"),
         .content = absl::StrCat(
             "# RFC 5321 4.5.1: mail for postmaster must be accepted.\n",
             kPostmaster, ": ", FirstAddress(answers), "\n")});
  }
  auto config = ConfigText(answers);
  if (!config.ok()) return config.status();
  files.push_back(
      {.path = In(answers, "postern.conf"), .content = *std::move(config)});
  return files;
}

std::vector<InitFile> PlanDropIn(const InitAnswers& answers) {
  const auto below =
      [mail = absl::StrCat(answers.mail, "/")](absl::string_view directory) {
        return absl::StartsWith(mail, directory);
      };
  // ReadWritePaths= of the unit.
  if (!answers.deliver.empty() || below("/var/mail/")) return {};
  const bool at_home = below("/home/") || below("/root/");
  constexpr char kDirectory[] = "/etc/systemd/system/postern.service.d";
  return {
      {.kind = InitFile::Kind::kDirectory, .path = kDirectory, .mode = 0755},
      {.path = absl::StrCat(kDirectory, "/mail.conf"),
       .content =
           absl::StrCat("# The Maildirs. Written by postern init.\n[Service]\n",
                        at_home ? "ProtectHome=no\n" : "",
                        "ReadWritePaths=", answers.mail, "\n")}};
}

}  // namespace postern::programs
