"""The repositories that postern's WORKSPACE needs, also in another WORKSPACE.

All libraries come from Debian packages: nothing of them is downloaded. A
WORKSPACE that has another Abseil, GoogleTest and so on defines these names
itself and does not call this macro.
"""

load(
    "//third_party:system.bzl",
    "abseil_libraries",
    "clang_precompiled",
    "libfuzzer",
    "pkg_config_library",
)

# Directories of third_party, and the names of their repositories.
_LIBRARIES = {
    "absl": "com_google_absl",
    "benchmark": "com_google_benchmark",
    "cares": "cares",
    "coverage": "remote_coverage_tools",
    "curl": "curl",
    "googletest": "com_google_googletest",
    "hiredis": "hiredis",
    "libidn": "libidn",
    "libxcrypt": "libxcrypt",
    "microhttpd": "microhttpd",
    "nlohmann_json": "nlohmann_json",
    "openssl": "openssl",
    "prometheus": "prometheus",
    "rabbitmq": "rabbitmq",
    # Debian's copy of rules_cc is too new for Bazel 4.2, and `bazel test` would
    # download the coverage tools.
    "rules_cc": "rules_cc",
    "sasl": "sasl",
    "sqlite": "sqlite",
    "systemd": "systemd",
    "tinycdb": "tinycdb",
}

def postern_repositories(path):
    """Defines the repositories of postern's dependencies.

    Args:
      path: the directory of postern's source tree: absolute, or relative to the
        WORKSPACE. The path of its local_repository.
    """
    abseil_libraries(
        name = "abseil_libraries",
        modules = [
            "absl_base",
            "absl_any_invocable",
            "absl_cleanup",
            "absl_core_headers",
            "absl_flat_hash_map",
            "absl_flat_hash_set",
            "absl_function_ref",
            "absl_hash",
            "absl_span",
            "absl_status",
            "absl_statusor",
            "absl_str_format",
            "absl_strings",
            "absl_time",
        ],
    )
    for directory, name in _LIBRARIES.items():
        native.local_repository(
            name = name,
            path = path + "/third_party/" + directory,
        )
    for rules in ["java", "proto"]:
        native.local_repository(
            name = "rules_" + rules,
            path = "/usr/share/bazel/rules/" + rules,
        )
    libfuzzer(name = "libfuzzer")

    # The options of --config=fuzz in .bazelrc.
    clang_precompiled(
        name = "clang_precompiled",
        library = "@com_google_absl//precompiled:common.cc",
        options = [
            "-std=c++20",
            "-O1",
            "-DNDEBUG",
            "-DNDEBUG_SANITIZER",
            "-D_FORTIFY_SOURCE=1",
            "-D_GLIBCXX_ASSERTIONS",
            "-fsanitize=fuzzer-no-link,address,undefined",
            "-fstack-protector-strong",
            "-fPIC",
            "-fvisibility=hidden",
        ],
        test = "@com_google_googletest//precompiled:common_test.cc",
    )
    pkg_config_library(
        name = "gmime",
        module = "gmime-3.0",
        package = "libgmime-3.0-dev",
    )
