"""Progress on a terminal while a claim runs."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from helpers.claims_project import COMPANION, make_project, one_claim, run_claims
from pytest_concclaims.lab.lock import machine_lock
from pytest_concclaims.session.progress_note import columns, cut, note

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals here")

#: Seconds until a test gives up.
_TIMEOUT_S = 60.0
#: Escape codes: colours, those of Python's own line editor, and the progress that newer versions of pytest show in a
#: terminal's tab.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\].*?\x1b\\")


class Watched:
    """A run of pytest in a terminal of 80 columns, and what a person sees there.

    :param arguments: of ``pytest --claims``.
    """

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        import pty

        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "--claims", "-p", "no:rerunfailures", *arguments],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "COLUMNS": "80", "TERM": "xterm", **environment},
            start_new_session=True,
        )
        os.close(slave)
        self.written = ""

    def screen(self) -> str:
        """Return the lines as they stand on the screen."""
        lines = [""]
        column = 0
        for character in _ESCAPES.sub("", self.written):
            if character == "\n":
                lines.append("")
                column = 0
            elif character == "\r":
                column = 0
            elif character == "\b":
                column -= 1
                assert column >= 0
            else:
                lines[-1] = lines[-1][:column] + character + lines[-1][column + 1 :]
                column += 1
        return "\n".join(line.rstrip() for line in lines)

    def wait_for(self, pattern: str) -> str:
        """Return what the pattern matches on the screen, once it does."""
        return self._until(lambda: re.search(pattern, self.screen()))[0]

    def end(self) -> int:
        """Return the exit status, after all has been read."""
        with suppress(OSError):  # Linux says so, other systems have nothing more to read
            self._until(lambda: None)
        return self._process.wait(_TIMEOUT_S)

    def _until(self, found: Callable[[], re.Match[str] | None]) -> re.Match[str]:
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            match = found()
            if match is not None:
                return match
            left = deadline - time.monotonic()
            assert left > 0, self.screen()
            if select.select([self._master], [], [], left)[0]:
                data = os.read(self._master, 4096)
                if not data:
                    raise OSError("the terminal was closed")
                self.written += data.decode("utf-8", "replace")

    def close(self) -> None:
        """End the run."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(_TIMEOUT_S)
        os.close(self._master)


@pytest.fixture
def watch(pytester: pytest.Pytester) -> Iterator[Callable[..., Watched]]:
    """Return what starts a run in the project and has it watched."""
    runs: list[Watched] = []

    def start(*arguments: str, **environment: str) -> Watched:
        runs.append(Watched(pytester.path, *arguments, **environment))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


#: Ends when the test that watches lets it.
WAITS = one_claim(
    """
    print("captured words")
    while not (Path(__file__).parent / "go").exists():
        time.sleep(0.01)
    assert lab
    """,
    prelude="import time\nfrom pathlib import Path",
)


def test_person_who_watches_sees_which_claim_runs_and_for_how_long(
    pytester: pytest.Pytester, watch: Callable[..., Watched]
) -> None:
    """Behind what pytest has written; and when the claim is over, it is as if nothing had stood there."""
    make_project(pytester, WAITS)
    run = watch("-rP")
    run.wait_for(r"test_claims\.py  \(1 s: Snow is white\)")
    run.wait_for(r"test_claims\.py  \([2-9] s: Snow is white\)")
    (pytester.path / "go").touch()
    assert run.end() == 0
    screen = run.screen()
    assert re.search(r"^test_claims\.py CC +\[100%\]$", screen, re.MULTILINE)
    assert not re.search(r"\([0-9]+ s: ", screen)
    captured = screen.partition("Captured stdout call")[2].partition("- claim -")[0]
    assert "captured words" in captured
    assert re.search(r"2 claims: 2 confirmed", screen)


def test_with_v_it_stands_behind_the_name(pytester: pytest.Pytester, watch: Callable[..., Watched]) -> None:
    """The word of the verdict takes its place."""
    make_project(pytester, WAITS)
    run = watch("-v")
    run.wait_for(r"test_claims\.py::test_snow  \([0-9]+ s: Snow is white\)")
    (pytester.path / "go").touch()
    run.end()
    assert re.search(r"^test_claims\.py::test_snow CONFIRMED +\[ 50%\]$", run.screen(), re.MULTILINE)


@pytest.mark.untraced
def test_it_says_what_an_experiment_may_take(pytester: pytest.Pytester, watch: Callable[..., Watched]) -> None:
    """Which instrument is asked, and its budget; and which other run it waits for."""
    body = "assert lab.ratio(short, long, budget=600) > 2"
    prelude = """
        import time
        from pathlib import Path

        def short():
            while not (Path(__file__).parent / "go").exists():
                time.sleep(0.01)

        def long():
            sum(range(10_000))
    """
    make_project(pytester, one_claim(body, prelude=prelude))
    with machine_lock().held(timeout=_TIMEOUT_S):
        run = watch()
        run.wait_for(r"\([0-9]+ s, wait.* another experiment")
    run.wait_for(r"\([0-9]+ s, lab\.ratio.*, at most 600 s")


def test_ctrl_c_leaves_nothing_behind(pytester: pytest.Pytester, watch: Callable[..., Watched]) -> None:
    """Pytest's own words begin on a line of their own."""
    make_project(pytester, WAITS.replace("assert lab", "raise KeyboardInterrupt"))
    run = watch()
    run.wait_for(r"\(1 s: Snow is white\)")
    (pytester.path / "go").touch()
    assert run.end() == 2
    assert "(1 s: " not in run.screen()
    assert "KeyboardInterrupt" in run.screen()


#: A claim that takes longer than it takes until something is shown.
LONG = one_claim("import time\ntime.sleep(1.5)\nassert lab")


@pytest.mark.parametrize("options", ["-s", "-n 1", "-o log_cli=true", "--setup-show"])
def test_where_something_else_may_write_nothing_is_shown(
    pytester: pytest.Pytester, watch: Callable[..., Watched], options: str
) -> None:
    """Also not by a worker of pytest-xdist."""
    make_project(pytester, LONG)
    run = watch(*options.split())
    assert run.end() == 0
    assert "\b" not in run.written
    assert "s: Snow is white" not in run.written


def test_dumb_terminal_has_none(pytester: pytest.Pytester, watch: Callable[..., Watched]) -> None:
    """It cannot go back."""
    make_project(pytester, LONG)
    run = watch(TERM="dumb")
    assert run.end() == 0
    assert "\b" not in run.written


def test_pipe_has_none(pytester: pytest.Pytester) -> None:
    """As in a CI's log."""
    make_project(pytester, LONG)
    run = run_claims(pytester, subprocess=True)
    assert "\b" not in run.output
    assert "s: Snow is white" not in run.output


def test_claim_does_not_see_the_program_that_draws(pytester: pytest.Pytester, watch: Callable[..., Watched]) -> None:
    """It is no thread and no child of the test process: nothing that a claim measures, forks or waits for."""
    body = """
        assert threading.active_count() == 1
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
    """
    make_project(pytester, one_claim(body, prelude="import os, threading"))
    run = watch()
    assert run.end() == 0, run.screen()


def test_debugger_has_the_terminal_for_itself(pytester: pytest.Pytester, watch: Callable[..., Watched]) -> None:
    """The claim goes on without."""
    make_project(pytester, one_claim("breakpoint()\nassert lab") + COMPANION.replace("companion", "last"))
    run = watch()
    run.wait_for(r"\(Pdb\)$")
    written = len(run.written)
    os.write(run._master, b"import time; time.sleep(1.5)\nc\n")
    assert run.end() == 0
    assert not re.search(r"\([0-9]+ s", run.written[written:])


# --- the note


@pytest.mark.parametrize(
    ("room", "text"),
    [
        (80, " (12 s, lab.race, at most 2 s: Snow is white)"),
        (40, " (12 s, lab.race, at most 2 s)"),
        (44, " (12 s, lab.race, at most 2 s: Snow is w...)"),
        (24, " (12 s, lab.race, at...)"),
        (20, " (12 s)"),
        (6, ""),
    ],
)
def test_note_fits(room: int, text: str) -> None:
    """What is done goes before the statement; without room for both, there is less."""
    assert note(12.3, "lab.race, at most 2 s", "Snow is white", room) == text
    assert len(text) <= room


def test_wide_characters_take_two_columns() -> None:
    """And combining ones none, as on a terminal."""
    assert (columns("雪 is white"), columns("e\u0301")) == (11, 1)
    assert columns(cut("雪" * 20, 11)) <= 11
    assert columns(note(1, "", "雪" * 40, 30)) <= 30
