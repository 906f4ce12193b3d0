// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "service/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "files/content.h"
#include "files/paths.h"

namespace postern::service {
namespace {

constexpr absl::string_view kInclude = "include";
constexpr absl::string_view kSuffix = ".conf";

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// Returns the paths of the files of `directory` that an include reads, in the
// order of their octets.
absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& directory) {
  const std::unique_ptr<DIR, CloseDirectory> open(opendir(directory.c_str()));
  if (open == nullptr) return absl::ErrnoToStatus(errno, directory);
  std::vector<std::string> paths;
  errno = 0;
  while (const dirent* const entry = readdir(open.get())) {
    const absl::string_view name = entry->d_name;
    if (name[0] != '.' && absl::EndsWith(name, kSuffix)) {
      paths.push_back(absl::StrCat(directory, "/", name));
    }
  }
  if (errno != 0) return absl::ErrnoToStatus(errno, directory);
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Whether every user of the host may write to a file, or put files into a
// directory: such a user would choose the programs that the server runs.
bool IsWorldWritable(const struct stat& facts) {
  return (facts.st_mode & S_IWOTH) != 0;
}

constexpr absl::string_view kEveryUserMayWrite =
    ": every user may write to it; run chmod o-w";

bool IsControl(char c) {
  return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t';
}

}  // namespace

std::string ConfigFile::PlaceOf(const Setting& setting) const {
  return absl::StrCat(files_[setting.file], ":", setting.line);
}

class ConfigFile::Reader {
 public:
  Reader(ConfigFile* config, std::vector<std::string>* mistakes)
      : config_(config), mistakes_(mistakes) {}

  // `from` is "FILE:LINE: " of the line that includes `path`, or empty.
  void ReadFile(const std::string& path, absl::string_view from) {
    if (config_->files_.size() == kMaxConfigFiles) {
      return Mistake(from, "more than ", kMaxConfigFiles, " files");
    }
    auto content = files::ReadContent(path, kMaxConfigFile);
    if (!content.ok()) {
      // ReadContent() names the path.
      return Mistake(from, absl::IsNotFound(content.status())
                               ? absl::StrCat(path, ": no such file")
                               : std::string(content.status().message()));
    }
    if (S_ISREG(content->facts.st_mode) && IsWorldWritable(content->facts)) {
      return Mistake(from, path, kEveryUserMayWrite);
    }
    const Open file = {content->facts.st_dev, content->facts.st_ino};
    if (std::find(open_.begin(), open_.end(), file) != open_.end()) {
      return Mistake(from, path, " includes itself");
    }
    if (open_.size() == kMaxConfigDepth) {
      return Mistake(from, "more than ", kMaxConfigDepth, " levels of files");
    }
    open_.push_back(file);
    const size_t number = config_->files_.size();
    config_->files_.push_back(path);
    ReadLines(content->bytes, number);
    open_.pop_back();
  }

 private:
  using Open = std::pair<dev_t, ino_t>;

  template <typename... T>
  void Mistake(const T&... text) {
    mistakes_->push_back(absl::StrCat(text...));
  }

  void ReadLines(absl::string_view rest, size_t file) {
    size_t section = npos;  // the index of its entry
    for (int number = 1; !rest.empty(); ++number) {
      const size_t end = rest.find('\n');
      const absl::string_view line =
          absl::StripAsciiWhitespace(rest.substr(0, end));
      rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
      if (line.empty() || line[0] == '#') continue;
      Setting setting;
      setting.file = file;
      setting.line = number;
      if (line[0] == '[') {
        // Also after a mistake: the keys below it belong to no other section.
        section = config_->entries_.size();
        ReadHead(line, &setting);
        config_->entries_.push_back({std::move(setting), true, {}});
        continue;
      }
      if (!ReadSetting(line, &setting)) continue;
      if (setting.key == kInclude) {
        Include(setting);
      } else if (section == npos) {
        config_->entries_.push_back({std::move(setting), false, {}});
      } else {
        config_->entries_[section].settings.push_back(std::move(setting));
      }
    }
  }

  // Reads [KEY VALUE]. After a mistake the key is empty.
  void ReadHead(absl::string_view line, Setting* setting) {
    const std::string place = absl::StrCat(config_->PlaceOf(*setting), ": ");
    if (!absl::ConsumePrefix(&line, "[") || !absl::ConsumeSuffix(&line, "]")) {
      return Mistake(place, "a section is [NAME VALUE]");
    }
    line = absl::StripAsciiWhitespace(line);
    if (!CheckCharacters(line, place)) return;
    const size_t blank = line.find_first_of(" \t");
    if (blank == line.npos) {
      return Mistake(place, "the section [", line,
                     "] has no value: [NAME VALUE]");
    }
    setting->key = std::string(line.substr(0, blank));
    setting->value =
        std::string(absl::StripLeadingAsciiWhitespace(line.substr(blank)));
  }

  bool ReadSetting(absl::string_view line, Setting* setting) {
    const std::string place = absl::StrCat(config_->PlaceOf(*setting), ": ");
    if (!CheckCharacters(line, place)) return false;
    const size_t equals = line.find('=');
    if (equals == line.npos) {
      Mistake(place, "not name=value");
      return false;
    }
    setting->key =
        std::string(absl::StripTrailingAsciiWhitespace(line.substr(0, equals)));
    setting->value =
        std::string(absl::StripAsciiWhitespace(line.substr(equals + 1)));
    return true;
  }

  bool CheckCharacters(absl::string_view line, absl::string_view place) {
    if (std::none_of(line.begin(), line.end(), IsControl)) return true;
    Mistake(place, "the line contains a control character");
    return false;
  }

  void Include(const Setting& setting) {
    const std::string from =
        absl::StrCat(config_->PlaceOf(setting), ": ", kInclude, ": ");
    if (setting.value.empty()) return Mistake(from, "the value is empty");
    std::string path = setting.value;
    if (path[0] != '/') {
      path = absl::StrCat(files::DirectoryOf(config_->files_[setting.file]),
                          "/", path);
    }
    struct stat facts = {};
    if (stat(path.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
      return ReadFile(path, from);
    }
    if (IsWorldWritable(facts)) return Mistake(from, path, kEveryUserMayWrite);
    const auto paths = FilesOf(path);
    if (!paths.ok()) return Mistake(from, paths.status().message());
    for (const std::string& each : *paths) ReadFile(each, from);
  }

  static constexpr size_t npos = static_cast<size_t>(-1);

  ConfigFile* const config_;
  std::vector<std::string>* const mistakes_;
  std::vector<Open> open_;  // the files that are being read
};

ConfigFile ConfigFile::Read(absl::string_view path,
                            std::vector<std::string>* mistakes) {
  ConfigFile config;
  Reader(&config, mistakes).ReadFile(std::string(path), "");
  return config;
}

}  // namespace postern::service
