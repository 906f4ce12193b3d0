# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

"""A shared library of the objects that the programs are linked with."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _shared(flag):
    """Returns the linker option for a library of the system, shared.

    The programs are linked with Abseil's archives. Debian compiles these
    without -fPIC, so no shared library can contain them.
    """
    if flag.startswith("-l:lib") and flag.endswith(".a"):
        return "-l" + flag[len("-l:lib"):-len(".a")]
    return flag

# Makes a version script of a list of NAME@@VERSION.
_VERSION_SCRIPT = """
awk -F@@ '
  /^#/ { next }
  NF != 2 || !/^[a-z0-9_]+@@[A-Z_]+_[0-9.]+$/ {
    printf "%s:%d: must be NAME@@VERSION: %s\\n", FILENAME, FNR, $0 >"/dev/stderr"
    failed = 1
  }
  $1 in seen {
    printf "%s:%d: listed twice: %s\\n", FILENAME, FNR, $1 >"/dev/stderr"
    failed = 1
  }
  { seen[$1]; names[$2] = names[$2] "    " $1 ";\\n" }
  END {
    rest = "  local:\\n    *;\\n"
    for (version in names) {
      printf "%s {\\n  global:\\n%s%s};\\n", version, names[version], rest
      rest = ""
    }
    exit failed
  }' "$1" >"$2"
"""

def _shared_library_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    objects = {}
    flags = {}
    for target in ctx.attr.deps:
        for input in target[CcInfo].linking_context.linker_inputs.to_list():
            for library in input.libraries:
                for file in library.objects or library.pic_objects or []:
                    objects[file] = True
            for flag in input.user_link_flags:
                flags[_shared(flag)] = True

    # A group is for archives, whose order matters.
    flags = [
        flag
        for flag in flags
        if flag not in ("-Wl,--start-group", "-Wl,--end-group")
    ]

    # The version script: a node for each version, with its functions. Nothing
    # else is exported.
    script = ctx.actions.declare_file(ctx.label.name + ".map")
    ctx.actions.run_shell(
        command = _VERSION_SCRIPT,
        arguments = [ctx.file.symbols.path, script.path],
        inputs = [ctx.file.symbols],
        outputs = [script],
        mnemonic = "VersionScript",
    )

    # Bazel's own function can give a library no name such as libx.so.0.
    library = ctx.actions.declare_file(ctx.label.name)
    variables = cc_common.create_link_variables(
        feature_configuration = features,
        cc_toolchain = toolchain,
        output_file = library.path,
        is_linking_dynamic_library = True,
        is_static_linking_mode = False,
        user_link_flags = ctx.fragments.cpp.linkopts,
    )
    action = "c++-link-dynamic-library"
    arguments = ctx.actions.args()
    arguments.add_all(cc_common.get_memory_inefficient_command_line(
        feature_configuration = features,
        action_name = action,
        variables = variables,
    ))
    # gold exports a hidden symbol if it is unique (a static object of an inline
    # function).
    arguments.add("-fuse-ld=bfd")
    arguments.add("-Wl,-soname," + ctx.label.name)
    arguments.add(script, format = "-Wl,--version-script=%s")

    # Without symbols that nothing defines: those of a forgotten dependency
    # would be an error of the program that uses the library.
    arguments.add_all(["-Wl,-z,defs", "-Wl,--as-needed"])
    arguments.add_all(objects.keys())
    arguments.add_all(flags)
    arguments.add("-lstdc++")
    ctx.actions.run(
        executable = cc_common.get_tool_for_action(
            feature_configuration = features,
            action_name = action,
        ),
        arguments = [arguments],
        env = cc_common.get_environment_variables(
            feature_configuration = features,
            action_name = action,
            variables = variables,
        ),
        inputs = depset(
            objects.keys() + [script],
            transitive = [toolchain.all_files],
        ),
        outputs = [library],
        mnemonic = "SharedLibrary",
    )
    return [DefaultInfo(
        files = depset([library]),
        runfiles = ctx.runfiles(files = [library]),
    )]

# Makes the shared library <name>, which is also its SONAME, of all objects of
# ours in `deps` and in what they use. `symbols` lists the functions that it
# exports, NAME@@VERSION: what is not listed is not exported. Libraries of the
# system stay shared.
shared_library = rule(
    implementation = _shared_library_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "symbols": attr.label(allow_single_file = True, mandatory = True),
        "_cc_toolchain": attr.label(
            default = "@bazel_tools//tools/cpp:current_cc_toolchain",
        ),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
