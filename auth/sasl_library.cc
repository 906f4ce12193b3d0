// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/sasl_library.h"

#include <errno.h>
#include <fcntl.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <mutex>  // NOLINT(build/c++11)

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "auth/sasl_callback.h"
#include "auth/user_file.h"
#include "system/descriptor.h"

namespace postern::auth {
namespace {

constexpr char kApplication[] = "postern";
constexpr size_t kMaxMessage = 300;
constexpr size_t kEnoughText = 300;

thread_local SaslLog* log_of_this_thread = nullptr;

int OnLog(void*, int level, const char* message) {
  if (log_of_this_thread != nullptr && message != nullptr) {
    log_of_this_thread->Add(level, message);
  }
  return SASL_OK;
}

// The library keeps a pointer to this array.
const sasl_callback_t kCallbacks[] = {
    {SASL_CB_LOG, SaslCallback(&OnLog), nullptr},
    {SASL_CB_LIST_END, nullptr, nullptr},
};

void UseMutexes() {
  sasl_set_mutex([]() -> void* { return new std::mutex; },
                 [](void* mutex) {
                   static_cast<std::mutex*>(mutex)->lock();
                   return 0;
                 },
                 [](void* mutex) {
                   static_cast<std::mutex*>(mutex)->unlock();
                   return 0;
                 },
                 [](void* mutex) { delete static_cast<std::mutex*>(mutex); });
}

absl::Status CheckConfigDir(const std::string& config_dir) {
  if (absl::StrContains(config_dir, ':')) {
    return absl::InvalidArgumentError(
        absl::StrCat("sasl ", config_dir, ": the directory name contains ':'"));
  }
  const std::string file = absl::StrCat(config_dir, "/", kApplication, ".conf");
  const system::Descriptor opened(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened.is_open()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("sasl ", file));
  }
  return absl::OkStatus();
}

void AddMechanism(server_sasl_mechanism_t* mechanism,
                  sasl_info_callback_stage_t stage, void* list) {
  if (stage != SASL_INFO_LIST_MECH) return;
  const sasl_server_plug_t& plug = *mechanism->plug;
  SaslMechanism found;
  found.name = plug.mech_name;
  found.shows_secret = (plug.security_flags & SASL_SEC_NOPLAINTEXT) == 0;
  found.server_first = (plug.features & SASL_FEAT_SERVER_FIRST) != 0;
  found.hash_bits = 8 * SASL_GET_HASH_STRENGTH(plug.security_flags);
  static_cast<std::vector<SaslMechanism>*>(list)->push_back(found);
}

void CountAuxprop(sasl_auxprop_plug_t*, sasl_info_callback_stage_t stage,
                  void* count) {
  if (stage == SASL_INFO_LIST_MECH) ++*static_cast<int*>(count);
}

struct Options {
  std::string pwcheck_method = "auxprop";  // the library's default
  std::string auxprop_plugin;
  std::string sasldb_path = "/etc/sasldb2";
};
Options* options_to_read = nullptr;

std::string Option(const sasl_utils_t* utils, const char* name,
                   std::string otherwise) {
  const char* value = nullptr;
  if (utils->getopt(utils->getopt_context, nullptr, name, &value, nullptr) ==
          SASL_OK &&
      value != nullptr) {
    return value;
  }
  return otherwise;
}

// Only a plug-in can read the options of the file. This function is passed as a
// plug-in whose initialization fails, so that it is not added.
int ReadOptions(const sasl_utils_t* utils, int, int*, sasl_canonuser_plug_t**,
                const char*) {
  options_to_read->pwcheck_method =
      Option(utils, "pwcheck_method", options_to_read->pwcheck_method);
  options_to_read->auxprop_plugin = Option(utils, "auxprop_plugin", "");
  options_to_read->sasldb_path =
      Option(utils, "sasldb_path", options_to_read->sasldb_path);
  return SASL_NOMECH;
}

}  // namespace

absl::StatusOr<const SaslLibrary*> SaslLibrary::Start(
    const std::string& config_dir, const log::Report& report) {
  struct Started {
    std::mutex mutex;
    const SaslLibrary* library = nullptr;
    std::string config_dir;
  };
  static Started* const started = new Started;

  const std::lock_guard<std::mutex> lock(started->mutex);
  if (started->library == nullptr) {
    std::unique_ptr<SaslLibrary> library(new SaslLibrary);
    const SaslLog log;
    const absl::Status status = library->Init(config_dir);
    if (!status.ok()) {
      if (log.text().empty()) return status;
      return absl::Status(status.code(),
                          absl::StrCat(status.message(), ": ", log.text()));
    }
    if (log.has_errors()) report(absl::StrCat("sasl: ", log.text()));
    started->library = library.release();
    started->config_dir = config_dir;
  }
  if (started->config_dir != config_dir) {
    return absl::FailedPreconditionError(absl::StrCat(
        "sasl ", config_dir,
        ": this process already uses the configuration directory \"",
        started->config_dir, "\""));
  }
  return started->library;
}

absl::Status SaslLibrary::Init(const std::string& config_dir) {
  if (!config_dir.empty()) {
    const absl::Status checked = CheckConfigDir(config_dir);
    if (!checked.ok()) return checked;
    std::string path = config_dir;  // the library copies it
    if (sasl_set_path(SASL_PATH_TYPE_CONFIG, path.data()) != SASL_OK) {
      return absl::InternalError("sasl: no memory");
    }
  }
  UseMutexes();
  const int result = sasl_server_init(kCallbacks, kApplication);
  if (result != SASL_OK) {
    const std::string text = absl::StrCat(
        "sasl ", config_dir, config_dir.empty() ? "" : "/", kApplication,
        ".conf: ", sasl_errstring(result, nullptr, nullptr));
    return result == SASL_CONFIGERR ? absl::InvalidArgumentError(text)
                                    : absl::InternalError(text);
  }
  sasl_server_plugin_info(nullptr, &AddMechanism, &mechanisms_);

  Options options;
  options_to_read = &options;
  sasl_canonuser_add_plugin("postern-options", &ReadOptions);
  options_to_read = nullptr;
  int sources = 0;
  auxprop_plugin_info(nullptr, &CountAuxprop, &sources);
  if (options.auxprop_plugin == "sasldb" ||
      (options.auxprop_plugin.empty() && sources == 1)) {
    user_file_ = options.sasldb_path;
    wants_user_file_ = !options.auxprop_plugin.empty() ||
                       absl::StrContains(options.pwcheck_method, "auxprop");
  }
  return absl::OkStatus();
}

absl::Status SaslLibrary::CheckUserFile() const {
  struct stat facts;
  if (user_file_.empty() || stat(user_file_.c_str(), &facts) == 0) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("sasldb ", user_file_));
}

absl::Status SaslLibrary::CheckUserFileAtStart() const {
  if (!wants_user_file_) return absl::OkStatus();
  const system::Descriptor file(open(user_file_.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts = {};
  if (!file.is_open() || fstat(file.get(), &facts) != 0) {
    return absl::ErrnoToStatus(errno, user_file_);
  }
  return CheckPrivate(user_file_, facts);
}

SaslLog::SaslLog() { log_of_this_thread = this; }
SaslLog::~SaslLog() { log_of_this_thread = nullptr; }

void SaslLog::Add(int level, absl::string_view message) {
  if (level < SASL_LOG_ERR || level > SASL_LOG_WARN) return;
  if (level != SASL_LOG_FAIL) has_errors_ = true;
  if (text_.size() >= kEnoughText) return;
  const std::string line =
      absl::CHexEscape(absl::StripSuffix(message.substr(0, kMaxMessage), "\n"));
  if (absl::StrContains(text_, line)) return;
  absl::StrAppend(&text_, text_.empty() ? "" : "; ", line);
}

}  // namespace postern::auth
