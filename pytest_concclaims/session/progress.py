"""Progress in the terminal while a claim runs: how long, what it does or waits for, and which claim it is.

The note stands behind what pytest has written last, and is gone before pytest writes again. A program of its own
(:mod:`.progress_note`) draws it once a second, through a descriptor of the terminal that pytest's capturing does not
redirect. A thread of the test process would not do: it would run beside what a claim measures, in a process that a
claim may fork, and among threads that the claim may count.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ..text import harmless
from .collection import CLAIM

_PROGRAM = Path(__file__).with_name("progress_note.py")
#: Options under which pytest itself writes while a test runs, or no test runs at all.
_WRITE_OR_RUN_NOTHING = (
    "log_cli_level",
    "setupshow",
    "setuponly",
    "setupplan",
    "trace",
    "claims_replay",
    "collectonly",
    "showfixtures",
    "show_fixtures_per_test",
)
#: Seconds to wait until the note is gone; it takes less than a millisecond, unless the terminal is held (Ctrl-S).
_GONE_TIMEOUT_S = 2.0


def wants_progress(config: pytest.Config) -> bool:
    """Return whether this process has a terminal to which nothing else writes while a claim runs."""
    if os.name != "posix" or os.environ.get("TERM") == "dumb" or hasattr(config, "workerinput"):
        return False
    if not (sys.executable and config.pluginmanager.hasplugin("terminal")):
        return False
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    if config.getoption("capture", "no") == "no" or config.getoption("dist", "no") != "no":
        return False
    logs = config.pluginmanager.hasplugin("logging") and config.getini("log_cli")
    return not (logs or any(config.getoption(name, None) for name in _WRITE_OR_RUN_NOTHING))


class Progress:
    """Hooks: show at the end of the terminal's line what the current claim does.

    :raises OSError: the program that draws it cannot be started.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._process = os.getpid()
        self._claims: dict[str, str] = {}
        self._doing = ""
        self._runs = False
        orders, self._orders = os.pipe()
        self._gone, gone = os.pipe()
        os.set_blocking(self._orders, False)
        terminal = os.dup(sys.stdout.fileno())
        encoding = sys.stdout.encoding or "ascii"
        try:
            self._starter = subprocess.Popen(  # noqa: S603  (runs this very interpreter)
                [sys.executable, "-I", "-S", str(_PROGRAM), *map(str, (terminal, orders, gone)), encoding],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(terminal, orders, gone),
                start_new_session=True,  # Ctrl-C is for pytest
            )
        except OSError:
            os.close(self._orders)
            os.close(self._gone)
            raise
        finally:
            for descriptor in (terminal, orders, gone):
                os.close(descriptor)
        self._is_open = True
        config.add_cleanup(self.close)

    @property
    def _is_usable(self) -> bool:
        return self._is_open and os.getpid() == self._process  # a claim may have forked the test process

    # --- what the claim does

    def set(self, doing: str) -> None:
        """Show what the claim that runs does, or waits for; empty: nothing in particular."""
        self._doing = doing
        self._send("doing", harmless(doing))

    @contextmanager
    def doing(self, doing: str) -> Iterator[None]:
        """Show what the claim does in the block."""
        with self.kept():
            self.set(doing)
            yield

    @contextmanager
    def kept(self) -> Iterator[None]:
        """After the block, show again what the claim did before."""
        before = self._doing
        try:
            yield
        finally:
            if self._doing != before:
                self.set(before)

    # --- hooks

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the statements; and reap the program that has started the one which draws."""
        self._claims = {item.nodeid: harmless(item.stash[CLAIM].statement) for item in session.items}
        self._starter.wait()

    @pytest.hookimpl(trylast=True)  # pytest writes first
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Start the note."""
        writer = self._config.get_terminal_writer()
        room = writer.fullwidth - writer.width_of_current_line - 1
        self._doing, self._runs = "", True
        self._send("start", str(room), self._claims.get(nodeid, ""))

    @pytest.hookimpl(tryfirst=True)  # pytest writes last
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remove the note before the result is written."""
        if report.when != "setup" or not report.passed:
            self._remove()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Remove the note if the run was stopped."""
        self._remove()

    def pytest_enter_pdb(self) -> None:
        """Leave the terminal to the debugger, which has written behind the note."""
        self._runs = False
        self._send("forget")

    # --- the program that draws

    def _remove(self) -> None:
        """Remove the note, and return when it is gone."""
        if self._runs:
            self._runs = False
            if self._send("stop") and not select.select([self._gone], [], [], _GONE_TIMEOUT_S)[0]:
                self.close()
            elif self._is_usable:
                os.read(self._gone, 1)

    def _send(self, *words: str) -> bool:
        """Give an order; return whether that could be done."""
        if not self._is_usable:
            return False
        try:
            os.write(self._orders, ("\t".join(words) + "\n").encode("utf-8", "replace"))
        except OSError:  # it has ended, or it does not read
            self.close()
            return False
        return True

    def close(self) -> None:
        """End the program; no more progress is shown."""
        if not self._is_usable:
            return
        with suppress(OSError):
            os.write(self._orders, b"end\n")
        self._is_open = False
        os.close(self._orders)
        os.close(self._gone)
        self._starter.wait()
