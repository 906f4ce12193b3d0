"""A libFuzzer target, and the replay of its corpus as an ordinary test."""

def fuzz_target(name, deps):
    """Declares NAME_fuzz and NAME_corpus_test, both of NAME_fuzz.cc.

    NAME_fuzz links only with --config=fuzz. tools/fuzz runs it.

    Args:
      name: of the target, and of its directory of inputs corpus/NAME.
      deps: the libraries that NAME_fuzz.cc uses, except GoogleTest and
        FuzzedDataProvider.
    """
    source = name + "_fuzz.cc"
    all_deps = deps + [
        "@com_google_googletest//:gtest",
        "@libfuzzer//:fuzzed_data_provider",
    ]
    native.cc_binary(
        name = name + "_fuzz",
        testonly = True,
        srcs = [source],
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = all_deps + [":abort_on_failure"],
    )
    native.cc_test(
        name = name + "_corpus_test",
        size = "small",
        srcs = [source],
        args = ["fuzz/corpus/" + name],
        data = native.glob(["corpus/%s/*" % name]),
        deps = all_deps + [
            ":abort_on_failure",
            ":corpus_main",
        ],
    )
