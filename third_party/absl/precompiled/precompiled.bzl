# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

"""A precompiled header of g++."""

def precompiled_header(name, src, deps, copts = []):
    """Declares NAME: the file iso646.h.gch/NAME.

    A library's object is the precompiled header if -x declares its source to be
    a header. So Bazel compiles it with the same options as all other sources.

    Args:
      name: of the target.
      src: the source that includes the headers.
      deps: the libraries that it includes.
      copts: options of the sources that will use it.
    """
    native.cc_library(
        name = name + "_library",
        srcs = [src],
        copts = copts + ["-xc++-header"],
        deps = deps,
    )
    native.filegroup(
        name = name + "_object",
        srcs = [name + "_library"],
        output_group = "compilation_outputs",
    )
    native.genrule(
        name = name,
        srcs = [name + "_object"],
        outs = ["iso646.h.gch/" + name],
        cmd = "cp $< $@",
    )
