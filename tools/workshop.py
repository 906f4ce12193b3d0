# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A copy of the tree for tools/defects, tools/mutants and tools/recipes."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request

TEST_SECONDS = 120


class Workshop:
    """A copy of the tree with its own Bazel server."""

    def __init__(self, top, folder):
        self.tree = folder / "tree"
        self.base = folder / "base"
        self.events = folder / "events.json"
        files = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=top, check=True, capture_output=True, text=True).stdout
        for name in filter(None, files.split("\0")):
            if not (top / name).is_file():
                continue  # deleted, but not committed
            copy = self.tree / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, copy)

    def bazel(self, *arguments, seconds):
        # If this process is killed, the server ends because it is idle.
        command = ["bazel", f"--output_base={self.base}", "--max_idle_secs=300",
                   *arguments]
        with subprocess.Popen(
                command, cwd=self.tree, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace") as child:
            try:
                output, _ = child.communicate(timeout=seconds)
            except BaseException:
                child.terminate()  # the server cancels the command
                raise
        return subprocess.CompletedProcess(command, child.returncode, output)

    def test(self, labels, seconds, test_filter=None, until_one_fails=False):
        """Returns {label: (status, output of the test)} and Bazel's output."""
        self.events.unlink(missing_ok=True)
        done = self.bazel(
            "test", "--noshow_progress", "--test_output=summary",
            "--notest_keep_going" if until_one_fails else "--keep_going",
            f"--test_timeout={TEST_SECONDS}",
            f"--build_event_json_file={self.events}",
            *([f"--test_filter={test_filter}"] if test_filter else []),
            *labels, seconds=seconds)
        results = {}
        lines = self.events.read_text().splitlines() if self.events.exists() else []
        for line in lines:
            event = json.loads(line)
            result = event.get("testResult")
            if not result:
                continue
            printed = ""
            for output in result.get("testActionOutput", []):
                if output["name"] == "test.log":
                    path = urllib.request.url2pathname(
                        urllib.parse.urlparse(output["uri"]).path)
                    printed = pathlib.Path(path).read_text(errors="replace")
            results[event["id"]["testResult"]["label"]] = (result["status"], printed)
        return results, done.stdout

    def close(self):
        try:
            self.bazel("shutdown", seconds=120)
        except subprocess.TimeoutExpired:
            server = self.base / "server" / "server.pid.txt"
            os.kill(int(server.read_text()), signal.SIGKILL)
        for folder, _, _ in os.walk(self.base):
            os.chmod(folder, 0o700)  # Bazel makes directories read-only
