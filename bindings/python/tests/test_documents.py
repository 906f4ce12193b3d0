# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples in Python of docs/rig.md."""

import pathlib
import re


def test_examples_pass(pytester):
    document = pathlib.Path(__file__).with_name("rig.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", document, re.M | re.S)
    assert len(examples) == 2
    # The code that the examples test is that of examples/rig.
    code = pathlib.Path(__file__).with_name("test_welcome.py").read_text("utf-8")
    pytester.makepyfile(
        **{
            f"test_{number}": f"from welcome import send_welcome\n{example}"
            for number, example in enumerate(examples)
        },
        welcome=code,
    )
    result = pytester.runpytest_subprocess(
        "-p", "postern.pytest_plugin", "-p", "no:cacheprovider"
    )
    result.assert_outcomes(passed=2)
