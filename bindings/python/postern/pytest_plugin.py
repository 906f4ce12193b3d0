# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A plugin for pytest: the fixture smtp_rig, and transcripts in the report of a
failed test.

    def test_welcome(smtp_rig):
        send_welcome("you@y.example", smtp_rig.host, smtp_rig.port)
        (message,) = smtp_rig.expect_messages(1)
        assert message.mime["Subject"] == "Welcome"

    @pytest.mark.smtp_rig(tls="starttls", users={"joe": "secret"})
    def test_submission(smtp_rig):
        ...

The report of a failed test shows the sessions of this test with each rig that
exists, also with those that the test has made itself. pytest finds the plugin
if the package is installed; otherwise: pytest -p postern.pytest_plugin.
"""

from __future__ import annotations

import weakref
from typing import Any, Dict, Generator, Iterator, Mapping, Optional

import pytest

from postern import _rig
from postern._library import LibraryError

# Of one rig in one report.
_MOST_SESSIONS = 5

# The number of the last session of each rig before the test.
_Numbers = Mapping[_rig.Rig, int]
_BEFORE = pytest.StashKey[_Numbers]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "smtp_rig(**options): the options of the fixture smtp_rig, which are "
        "the arguments of postern.Rig",
    )


@pytest.fixture
def smtp_rig(request: pytest.FixtureRequest) -> Iterator[_rig.Rig]:
    """An SMTP server that keeps what it gets: postern.Rig. The marker smtp_rig
    gives it options."""
    options: Dict[str, Any] = {}
    # The marker of a module, then that of its class, then that of the test.
    for marker in reversed(list(request.node.iter_markers("smtp_rig"))):
        if marker.args:
            pytest.fail(
                "the marker smtp_rig takes only the keyword arguments of "
                f"postern.Rig, not {marker.args[0]!r}",
                pytrace=False,
            )
        options.update(marker.kwargs)
    why = None
    try:
        rig = _rig.Rig(**options)
    except (LibraryError, OSError, TypeError, ValueError) as error:
        why = f"smtp_rig: {error}"
    if why is not None:
        pytest.fail(why, pytrace=False)
    with rig:
        yield rig


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # Rigs of a wider scope have had sessions of other tests.
    before: weakref.WeakKeyDictionary[_rig.Rig, int]
    before = weakref.WeakKeyDictionary()
    for rig in _rig.living_rigs():
        before[rig] = max((each.number for each in rig.sessions), default=0)
    item.stash[_BEFORE] = before


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    none: _Numbers = {}
    before = item.stash.get(_BEFORE, none)
    error = call.excinfo.value if call.excinfo else None
    shown_rig, shown = getattr(error, "postern_shown", (None, None))
    for rig in _rig.living_rigs():
        in_error = shown if rig is shown_rig else None
        text = _describe(rig, before.get(rig), in_error)
        if text:
            report.sections.append((f"SMTP rig {rig.address}", text))


def _describe(
    rig: _rig.Rig, before: Optional[int], shown: Optional[int]
) -> str:
    """Describes the sessions after the number `before`. None: the rig is new.
    The error of the test has the transcript of the session `shown`."""
    sessions = [each for each in rig.sessions if each.number > (before or 0)]
    lines = []
    if not sessions and before is None:
        lines.append("no client has connected")
    if len(sessions) > _MOST_SESSIONS:
        lines.append(f"the last {_MOST_SESSIONS} of {len(sessions)} sessions:")
    for session in sessions[-_MOST_SESSIONS:]:
        lines.append(repr(session))
        if session.number == shown:
            lines.append("its transcript is in the error above")
        else:
            lines.append(_rig.shortened(session.transcript))
    if sessions or before is None:
        lines += [f"fault {line}" for line in rig.unmet_faults]
    return "\n".join(lines)
