// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "programs/migrate/super_server.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace postern::programs::migrate {
namespace {

std::vector<std::string> Fields(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
}

// Calls `each` with each line that is neither empty nor a comment, and its
// number.
template <typename Each>
void ForEachLine(absl::string_view text, Each each) {
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    if (!each(line, number)) return;
  }
}

Word MakeWord(absl::string_view text, const Place& place) {
  Word word;
  word.text = std::string(text);
  word.place = place;
  return word;
}

}  // namespace

bool IsXinetd(absl::string_view text) {
  bool found = false;
  ForEachLine(text, [&found](absl::string_view line, int) {
    const std::vector<std::string> fields = Fields(line);
    found = fields[0] == "service" || fields[0] == "defaults";
    return false;  // the first line decides
  });
  return found;
}

bool IsInetd(absl::string_view text) {
  bool found = false;
  ForEachLine(text, [&found](absl::string_view line, int) {
    const std::vector<std::string> fields = Fields(line);
    found =
        fields.size() >= 6 && (fields[1] == "stream" || fields[1] == "dgram");
    return false;
  });
  return found;
}

SuperServerFile ReadXinetd(absl::string_view name, absl::string_view text) {
  SuperServerFile file;
  std::optional<SuperService> service;
  bool defaults = false;
  std::vector<Word> arguments;
  const auto note = [&](int number, absl::string_view line,
                        absl::string_view why) {
    file.notes.push_back({Note::Kind::kNotUnderstood,
                          {std::string(name), number},
                          absl::StrJoin(Fields(line.substr(0, 60)), " "),
                          std::string(why)});
  };
  ForEachLine(text, [&](absl::string_view line, int number) {
    const Place place = {std::string(name), number};
    const std::vector<std::string> fields = Fields(line);
    if (line == "{") return true;
    if (line == "}") {
      if (service) {
        // The first argument is the name of the process, but the program that
        // tcpd runs.
        const bool tcpd =
            !service->command.words.empty() &&
            absl::EndsWith(service->command.words[0].text, "/tcpd");
        for (XinetdSetting& setting : service->settings) {
          std::string& flags = setting.value.text;
          if (setting.key != "flags" || tcpd ||
              !absl::StrContains(flags, "NAMEINARGS")) {
            continue;
          }
          if (!arguments.empty()) arguments.erase(arguments.begin());
          flags = absl::StrReplaceAll(flags, {{"NAMEINARGS", ""}});
          absl::StripAsciiWhitespace(&flags);
        }
        service->command.words.insert(service->command.words.end(),
                                      arguments.begin(), arguments.end());
        file.services.push_back(*std::move(service));
      }
      service.reset();
      arguments.clear();
      defaults = false;
      return true;
    }
    if (fields[0] == "service" && fields.size() >= 2) {
      service.emplace();
      service->xinetd = true;
      service->name = fields[1];
      service->place = place;
      return true;
    }
    const size_t equals = line.find('=');
    if (fields[0] == "defaults") {
      defaults = true;
      if (!file.defaults) file.defaults.emplace();
      return true;
    }
    if ((!defaults && !service) || equals == absl::string_view::npos) {
      note(number, line, "this line of xinetd is not read");
      return true;
    }
    absl::string_view key = line.substr(0, equals);
    const absl::string_view sign = absl::ConsumeSuffix(&key, "+")   ? "+="
                                   : absl::ConsumeSuffix(&key, "-") ? "-="
                                                                    : "=";
    key = absl::StripAsciiWhitespace(key);
    const absl::string_view value =
        absl::StripAsciiWhitespace(line.substr(equals + 1));
    if (defaults) {
      file.defaults->push_back(
          {std::string(key), std::string(sign), MakeWord(value, place)});
    } else if (key == "server") {
      service->command.words.insert(service->command.words.begin(),
                                    MakeWord(value, place));
    } else if (key == "server_args") {
      for (const std::string& field : Fields(value)) {
        arguments.push_back(MakeWord(field, place));
      }
    } else if (key == "env") {
      for (const std::string& field : Fields(value)) {
        const size_t end = field.find('=');
        if (end == std::string::npos) {
          note(number, line, "this is not NAME=VALUE");
          continue;
        }
        service->command.environment.push_back(
            {field.substr(0, end), MakeWord(field.substr(end + 1), place)});
      }
    } else {
      service->settings.push_back(
          {std::string(key), std::string(sign), MakeWord(value, place)});
    }
    return true;
  });
  for (SuperService& each : file.services) {
    if (file.defaults) AddDefaults(*file.defaults, &each);
  }
  return file;
}

void AddDefaults(const std::vector<XinetdSetting>& defaults,
                 SuperService* service) {
  std::vector<XinetdSetting> settings;
  for (const XinetdSetting& each : defaults) {
    if (std::none_of(service->settings.begin(), service->settings.end(),
                     [&](const XinetdSetting& own) {
                       return own.key == each.key && own.sign == "=";
                     })) {
      settings.push_back(each);
    }
  }
  service->settings.insert(service->settings.begin(), settings.begin(),
                           settings.end());
}

SuperServerFile ReadInetd(absl::string_view name, absl::string_view text) {
  SuperServerFile file;
  ForEachLine(text, [&](absl::string_view line, int number) {
    const Place place = {std::string(name), number};
    const std::vector<std::string> fields = Fields(line);
    if (fields.size() < 6) {
      file.notes.push_back({Note::Kind::kNotUnderstood, place,
                            std::string(line.substr(0, 60)),
                            "this line of inetd is not read"});
      return true;
    }
    SuperService service;
    service.place = place;
    service.name = fields[0];
    service.head = absl::StrJoin(fields.begin(), fields.begin() + 5, " ");
    service.command.words.push_back(MakeWord(fields[5], place));
    // Field 6 is the name of the process. tcpd runs that program.
    const bool tcpd = absl::EndsWith(fields[5], "/tcpd");
    for (size_t i = tcpd ? 6 : 7; i < fields.size(); ++i) {
      service.command.words.push_back(MakeWord(fields[i], place));
    }
    file.services.push_back(std::move(service));
    return true;
  });
  return file;
}

}  // namespace postern::programs::migrate
