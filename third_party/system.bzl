"""Repositories whose content depends on what the system has installed.

Each Debian release has another set of Abseil's libraries, and another folder
of clang's headers. So these rules look at the system instead of naming them.
They run again with each start of Bazel's server. npm_packages alone downloads,
and runs again only if its list of packages has changed.
"""

def _run(repository_ctx, program, arguments, package):
    path = repository_ctx.which(program)
    if not path:
        fail("%s is not installed (Debian package %s)" % (program, package))
    result = repository_ctx.execute([path] + arguments)
    if result.return_code != 0:
        fail("%s %s: %s" % (program, " ".join(arguments), result.stderr))
    return result.stdout.strip()

def _pkg_config(repository_ctx, arguments):
    return _run(repository_ctx, "pkg-config", arguments, "pkgconf")

# Bazel does not see that a header below /usr/include has changed. With this
# definition everything is compiled again for another release of Abseil.
def _abseil_release(repository_ctx):
    return "POSTERN_ABSEIL_RELEASE=" + _pkg_config(
        repository_ctx,
        ["--modversion", "absl_base"],
    )

def _abseil_libraries(repository_ctx):
    modules = repository_ctx.attr.modules
    libraries = _pkg_config(repository_ctx, ["--static", "--libs"] + modules)
    options = []
    for option in libraries.split(" "):
        if option.startswith("-labsl_"):
            option = "-l:lib%s.a" % option[len("-l"):]
        if option:
            options.append(option)
    repository_ctx.file("BUILD", "")
    repository_ctx.file("abseil.bzl", "LINKOPTS = %r\nDEFINES = [%r]\n" % (
        ["-Wl,--start-group"] + options + ["-Wl,--end-group"],
        _abseil_release(repository_ctx),
    ))

# The options that link Abseil's static libraries, as pkg-config has them.
abseil_libraries = repository_rule(
    implementation = _abseil_libraries,
    attrs = {"modules": attr.string_list(mandatory = True)},
    configure = True,
    environ = ["PATH", "PKG_CONFIG_PATH"],
    local = True,
)

def _libfuzzer(repository_ctx):
    folder = _run(
        repository_ctx,
        "clang",
        ["-print-resource-dir"],
        "clang",
    ) + "/include/fuzzer"
    if not repository_ctx.path(folder).exists:
        fail("%s is missing (Debian package libclang-rt-dev)" % folder)
    repository_ctx.symlink(folder, "fuzzer")
    repository_ctx.file("BUILD", """
cc_library(
    name = "fuzzed_data_provider",
    hdrs = ["fuzzer/FuzzedDataProvider.h"],
    includes = ["."],
    visibility = ["//visibility:public"],
)
""")

# FuzzedDataProvider.h, for g++ too: clang alone has its folder in the path.
libfuzzer = repository_rule(
    implementation = _libfuzzer,
    configure = True,
    environ = ["PATH"],
    local = True,
)

def _clang_precompiled(repository_ctx):
    # From standard input, because clang would report the path of a file to
    # Bazel, which does not expect it.
    command = "clang %s -xc++-header - <\"$0\" -o %s.pch"
    options = repository_ctx.attr.options + [
        "-D" + _abseil_release(repository_ctx),
    ]

    # The tests' options are those of the libraries, and these.
    for name, more in [("library", []), ("test", ["-O0", "-U_FORTIFY_SOURCE"])]:
        source = repository_ctx.path(getattr(repository_ctx.attr, name))
        _run(
            repository_ctx,
            "sh",
            ["-c", command % (" ".join(options + more), name), str(source)],
            "clang",
        )
    repository_ctx.file("BUILD", """
cc_library(
    name = "precompiled",
    hdrs = glob(["*.pch"]),
    visibility = ["//visibility:public"],
)
""")

# The precompiled headers for clang with the options of --config=fuzz, which must
# be the same in .bazelrc. clang does not search for such a file, unlike g++. So
# it needs a path that is the same on all machines, and the directories of
# Bazel's actions have the name of the processor.
clang_precompiled = repository_rule(
    implementation = _clang_precompiled,
    attrs = {
        "library": attr.label(mandatory = True),
        "test": attr.label(mandatory = True),
        "options": attr.string_list(mandatory = True),
    },
    configure = True,
    environ = ["PATH"],
    local = True,
)

# The name that labels have. With modules, Bazel's own name of the repository has
# that of the module and of the rule in front of it.
def _apparent_name(repository_ctx):
    return repository_ctx.name.split("+")[-1].split("~")[-1]

def _pkg_config_library(repository_ctx):
    module = repository_ctx.attr.module
    name = _apparent_name(repository_ctx)
    if not repository_ctx.which("pkg-config"):
        fail("pkg-config is not installed (Debian package pkgconf)")
    query = [repository_ctx.which("pkg-config"), "--cflags-only-I", module]
    result = repository_ctx.execute(query)
    if result.return_code != 0:
        # Only the targets that use the library fail without it.
        repository_ctx.file("BUILD", """
load("@rules_cc//cc:defs.bzl", "cc_library")
genrule(
    name = "missing",
    outs = ["missing.h"],
    cmd = "echo %s is not installed >&2; exit 1",
)
cc_library(
    name = "%s",
    hdrs = ["missing.h"],
    visibility = ["//visibility:public"],
)
""" % (repository_ctx.attr.package, name))
        return
    includes = []
    for option in result.stdout.strip().split(" "):
        if not option.startswith("-I"):
            continue
        folder = "include/%d" % len(includes)
        repository_ctx.symlink(option[len("-I"):], folder)
        includes.append(folder)
    libraries = _pkg_config(repository_ctx, ["--libs", module]).split(" ")
    repository_ctx.file("BUILD", """
load("@rules_cc//cc:defs.bzl", "cc_library")
cc_library(
    name = "%s",
    hdrs = glob(["include/**/*.h"]),
    includes = %r,
    linkopts = %r,
    visibility = ["//visibility:public"],
)
""" % (name, includes, libraries))

# A library whose headers are in directories of their own, as pkg-config has
# them, linked as Debian means it: a fix reaches us without a build. One of the
# directories of GLib belongs to the processor's architecture.
pkg_config_library = repository_rule(
    implementation = _pkg_config_library,
    attrs = {
        "module": attr.string(mandatory = True),
        "package": attr.string(mandatory = True),
    },
    configure = True,
    environ = ["PATH", "PKG_CONFIG_PATH"],
    local = True,
)

def _npm_packages(repository_ctx):
    repository_ctx.symlink(repository_ctx.attr.package, "package.json")
    repository_ctx.symlink(repository_ctx.attr.lock, "package-lock.json")
    npm = repository_ctx.which("npm")
    if not npm:
        fail("npm is not installed (Debian package npm)")

    # The lock file has a checksum of each package.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    result = repository_ctx.execute(
        command,
        environment = {"npm_config_update_notifier": "false"},
    )
    if result.return_code != 0:
        fail("%s: %s" % (" ".join([str(word) for word in command]), result.stderr))
    repository_ctx.file("BUILD", "exports_files([\"node_modules\"])\n")

# The npm packages of a lock file, for tests: the directory node_modules. Without
# npm only the tests that use it fail.
npm_packages = repository_rule(
    implementation = _npm_packages,
    attrs = {
        "lock": attr.label(mandatory = True),
        "package": attr.label(mandatory = True),
    },
)

def _bundled_library(repository_ctx):
    # Relative to this file, so it also works in a module that others use.
    folder = repository_ctx.path(Label("//third_party:BUILD")).dirname
    for child in folder.get_child(repository_ctx.attr.directory).readdir():
        repository_ctx.symlink(child, child.basename)

# A directory of third_party as a repository, for MODULE.bazel, where the path of
# a local_repository would be relative to the module of the embedder.
bundled_library = repository_rule(
    implementation = _bundled_library,
    attrs = {"directory": attr.string(mandatory = True)},
    local = True,
)
