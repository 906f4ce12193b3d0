// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/serve/listen_option.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace postern::programs {
namespace {

constexpr uint16_t kSmtpPort = 25;

struct Word {
  enum class Value : uint8_t { kNone, kMaybe, kAlways };

  absl::string_view name;
  Value value = Value::kNone;
  bool many = false;  // may be repeated
};

constexpr Word kWords[] = {
    {"auth", Word::Value::kMaybe},
    {"cert", Word::Value::kAlways, true},
    {"ciphers", Word::Value::kAlways},
    {"client-ca", Word::Value::kAlways},
    {"deliver", Word::Value::kAlways},
    {"key", Word::Value::kAlways, true},
    {"lmtp"},
    {"no-client-ca"},
    {"no-tickets"},
    {"no-tls"},
    {"proxy"},
    {"require-tls"},
    {"submission"},
    {"tickets"},
    {"tls"},
    {"tls-min", Word::Value::kAlways},
};

// Pairs of words that contradict each other.
constexpr std::pair<absl::string_view, absl::string_view> kContradictions[] = {
    {"client-ca", "no-client-ca"},
    {"tickets", "no-tickets"},
    {"tls", "no-tls"},
    {"require-tls", "no-tls"},
    {"cert", "no-tls"},
    {"ciphers", "no-tls"},
    {"client-ca", "no-tls"},
    {"tickets", "no-tls"},
    {"tls-min", "no-tls"},
};

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// Returns the word with this name, or null.
const Word* FindWord(absl::string_view name) {
  const auto* const word =
      std::find_if(std::begin(kWords), std::end(kWords),
                   [name](const Word& each) { return each.name == name; });
  return word == std::end(kWords) ? nullptr : word;
}

// The words of one listener. Each is valid on its own.
class Words {
 public:
  // Reads WORD or WORD=VALUE.
  static absl::StatusOr<Words> Read(absl::Span<const absl::string_view> texts) {
    Words words;
    for (absl::string_view text : texts) {
      const absl::string_view name = text.substr(0, text.find('='));
      const Word* const word = FindWord(name);
      if (word == nullptr) return Wrong(absl::StrCat("unknown word ", text));
      const bool has_value = name.size() < text.size();
      if (has_value && word->value == Word::Value::kNone) {
        return Wrong(absl::StrCat(name, " has no value: ", text));
      }
      absl::string_view value = text.substr(name.size());
      absl::ConsumePrefix(&value, "=");
      absl::Status status = words.Add(*word, has_value, value);
      if (!status.ok()) return status;
    }
    absl::Status status = words.CheckContradictions();
    if (!status.ok()) return status;
    return words;
  }

  // Reads the keys of a section.
  static absl::StatusOr<Words> Read(const service::OptionValue& section) {
    Words words;
    for (const service::OptionValue::Key& key : section.keys) {
      const Word* const word = FindWord(key.name);
      if (word == nullptr)
        return Wrong(absl::StrCat("unknown word ", key.name));
      const std::optional<bool> flag = service::ParseFlag(key.value);
      absl::Status status;
      if (word->value == Word::Value::kAlways ||
          (word->value == Word::Value::kMaybe && !flag)) {
        status = words.Add(*word, /*has_value=*/true, key.value);
      } else if (!flag) {
        status = Wrong(
            absl::StrCat(key.name, ": yes or no, not \"", key.value, "\""));
      } else if (*flag) {
        status = words.Add(*word, /*has_value=*/false, "");
      } else if (FindWord(absl::StrCat("no-", key.name)) != nullptr) {
        // It could mean that the word is not given, or its opposite.
        status = Wrong(absl::StrCat(key.name, ": cannot be no; write no-",
                                    key.name, " = yes, or leave it out"));
      }
      if (!status.ok()) return status;
    }
    absl::Status status = words.CheckContradictions();
    if (!status.ok()) return status;
    return words;
  }

  bool Has(absl::string_view name) const { return !Values(name).empty(); }

  // Returns the value of the word `name`, or nullopt if it is not given. The
  // value is empty if the word has none.
  std::optional<std::string> Value(absl::string_view name) const {
    const std::vector<std::string> values = Values(name);
    if (values.empty()) return std::nullopt;
    return values[0];
  }

  std::vector<std::string> Values(absl::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [given, value] : given_) {
      if (given == name) values.emplace_back(value);
    }
    return values;
  }

 private:
  absl::Status Add(const Word& word, bool has_value, absl::string_view value) {
    const bool wants = has_value || word.value == Word::Value::kAlways;
    if (wants && value.empty()) {
      return Wrong(absl::StrCat(word.name, ": the value is empty"));
    }
    if (Has(word.name) && !word.many) {
      return Wrong(absl::StrCat(word.name, " is given twice"));
    }
    given_.emplace_back(word.name, value);
    return absl::OkStatus();
  }

  absl::Status CheckContradictions() const {
    for (const auto& [one, other] : kContradictions) {
      if (Has(one) && Has(other)) {
        return Wrong(absl::StrCat(one, " contradicts ", other));
      }
    }
    return absl::OkStatus();
  }

  std::vector<std::pair<absl::string_view, absl::string_view>> given_;
};

absl::Status ReadAddress(absl::string_view text, ListenOption* listen) {
  absl::string_view where = text;
  if (absl::ConsumePrefix(&where, "systemd:") && !where.empty()) {
    listen->passed = std::string(where);
    return absl::OkStatus();
  }
  auto address = net::ListenAddress::Parse(text);
  if (!address.ok()) return address.status();
  listen->address = *std::move(address);
  return absl::OkStatus();
}

absl::Status ReadAuth(const Words& words, ListenOption* listen) {
  listen->require_auth = words.Has("submission");
  listen->auth = listen->require_auth || words.Has("auth");
  const std::string mechanisms = words.Value("auth").value_or("");
  if (mechanisms.empty()) return absl::OkStatus();
  listen->mechanisms = absl::StrSplit(absl::AsciiStrToUpper(mechanisms), '+');
  // An empty list would mean all mechanisms.
  for (const std::string& mechanism : listen->mechanisms) {
    if (!mechanism.empty()) continue;
    return Wrong(absl::StrCat("a mechanism is empty: auth=", mechanisms));
  }
  return absl::OkStatus();
}

absl::Status ReadTls(const Words& words, ListenOption* listen) {
  listen->options.tls = words.Has("tls");
  listen->require_tls = words.Has("require-tls");
  listen->no_tls = words.Has("no-tls");
  if (const auto version = words.Value("tls-min")) {
    listen->min_version = net::ParseTlsVersion(*version);
    if (!listen->min_version) {
      return Wrong(absl::StrCat("tls-min: 1.0, 1.1, 1.2 or 1.3, not \"",
                                *version, "\""));
    }
  }
  listen->ciphers = words.Value("ciphers");
  if (words.Has("tickets")) listen->tickets = true;
  if (words.Has("no-tickets")) listen->tickets = false;
  if (const auto client_ca = words.Value("client-ca")) {
    auto path = service::CredentialPath(*client_ca);
    if (!path.ok()) {
      return Wrong(absl::StrCat("client-ca: ", path.status().message()));
    }
    listen->client_ca = *std::move(path);
  }
  if (words.Has("no-client-ca")) listen->client_ca = "";
  auto certificates = service::PairCertificates(
      words.Values("cert"), words.Values("key"), "cert", "key");
  if (!certificates.ok()) return certificates.status();
  listen->certificates = *std::move(certificates);
  return absl::OkStatus();
}

absl::StatusOr<ListenOption> Make(absl::string_view address,
                                  const absl::StatusOr<Words>& words) {
  ListenOption listen;
  absl::Status status = ReadAddress(address, &listen);
  if (!status.ok()) return status;
  if (words.ok()) {
    listen.options.proxy = words->Has("proxy");
    listen.lmtp = words->Has("lmtp");
    listen.deliver = words->Value("deliver").value_or("");
    if (listen.lmtp && listen.address.port == kSmtpPort) {
      // RFC 2033 5. A server that sends mail to port 25 speaks SMTP.
      status.Update(Wrong("lmtp: port 25 is SMTP's"));
    }
    status.Update(ReadAuth(*words, &listen));
    status.Update(ReadTls(*words, &listen));
  } else {
    status = words.status();
  }
  if (status.ok()) return listen;
  return absl::Status(status.code(),
                      absl::StrCat(address, ": ", status.message()));
}

}  // namespace

absl::StatusOr<ListenOption> ListenOption::Parse(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  return Make(parts[0], Words::Read(absl::MakeConstSpan(parts).subspan(1)));
}

absl::StatusOr<ListenOption> ListenOption::ParseSection(
    const service::OptionValue& section) {
  return Make(section.text, Words::Read(section));
}

std::vector<absl::string_view> ListenOption::WordNames() {
  std::vector<absl::string_view> names;
  for (const Word& word : kWords) names.push_back(word.name);
  return names;
}

std::string ListenOption::Where() const {
  return passed.empty() ? address.Format() : absl::StrCat("systemd:", passed);
}

net::TlsSettings ListenOption::Tls(
    const service::CertificateOptions& options) const {
  return {.min_version = min_version.value_or(options.tls.min_version),
          .ciphers = ciphers.value_or(options.tls.ciphers),
          .tickets = tickets.value_or(require_auth)};
}

const std::vector<net::TlsFiles>& ListenOption::Certificates(
    const service::CertificateOptions& options) const {
  return certificates.empty() ? options.certificates : certificates;
}

const std::string& ListenOption::ClientCa(
    const service::CertificateOptions& options) const {
  return client_ca ? *client_ca : options.client_ca;
}

}  // namespace postern::programs
