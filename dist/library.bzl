# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

"""The engine as a library for programs that are not built with Bazel."""

_Headers = provider(
    doc = "The headers of a library of ours and of what it uses.",
    fields = {"headers": "a depset of files"},
)

def _ours(label):
    return label.workspace_root == ""

def _headers_impl(target, ctx):
    direct = []
    if _ours(target.label):
        # Public headers include private ones, which are in srcs.
        for attribute in ["hdrs", "srcs"]:
            direct += [
                file
                for file in getattr(ctx.rule.files, attribute, [])
                if file.is_source and file.extension == "h"
            ]
    dependencies = [
        each[_Headers].headers
        for each in getattr(ctx.rule.attr, "deps", [])
        if _Headers in each
    ]
    return [_Headers(headers = depset(direct, transitive = dependencies))]

_headers = aspect(
    implementation = _headers_impl,
    attr_aspects = ["deps"],
)

def _objects(target):
    """Returns our object files that a program which uses `target` needs."""
    objects = []
    for input in target[CcInfo].linking_context.linker_inputs.to_list():
        if not _ours(input.owner):
            continue
        for library in input.libraries:
            objects += library.objects or library.pic_objects or []
    return objects

def _static_library_impl(ctx):
    excluded = {}
    excluded_headers = {}
    for target in ctx.attr.without:
        for file in _objects(target):
            excluded[file] = True
        for file in target[_Headers].headers.to_list():
            excluded_headers[file] = True
    objects = []
    for target in ctx.attr.deps:
        for file in _objects(target):
            if file not in excluded:
                excluded[file] = True
                objects.append(file)

    # "q" appends. "r" would replace an object by another one with the same
    # name from another directory. "D" omits times and users.
    archive = ctx.actions.declare_file("lib%s.a" % ctx.label.name)
    arguments = ctx.actions.args()
    arguments.add("qcsD")
    arguments.add(archive)
    arguments.add_all(objects)
    ctx.actions.run_shell(
        inputs = objects,
        outputs = [archive],
        command = "rm -f $2 && ar \"$@\"",
        arguments = [arguments],
        mnemonic = "StaticLibrary",
    )

    headers = []
    for target in ctx.attr.deps:
        for file in target[_Headers].headers.to_list():
            if file not in excluded_headers:
                excluded_headers[file] = True
                headers.append(file)
    list = ctx.actions.declare_file(ctx.label.name + ".headers")
    names = sorted([file.short_path for file in headers])
    ctx.actions.write(list, "\n".join(names) + "\n")
    return [DefaultInfo(
        files = depset([archive, list]),
        runfiles = ctx.runfiles(files = [archive, list] + headers),
    )]

# Makes lib<name>.a of all objects of ours in `deps` and in what they use, and
# <name>.headers, the names of their headers, except those of `without`.
# The objects are the same files that the programs are linked with. Libraries of
# the system are not part of it; postern.pc.in and postern-config.cmake name
# them.
static_library = rule(
    implementation = _static_library_impl,
    attrs = {
        "deps": attr.label_list(aspects = [_headers], providers = [CcInfo]),
        "without": attr.label_list(aspects = [_headers], providers = [CcInfo]),
    },
)
