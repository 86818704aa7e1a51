"""What in the test process makes every verdict worthless is seen before a claim runs."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from types import ModuleType
from typing import Any

import pytest

from helpers.claims_project import RECORD, make_project, one_claim, run_claims
from pytest_concclaims.session import interference

CLAIM = one_claim(
    """
    pathlib.Path("ran").touch()
    ran = True
    assert ran
    """,
    prelude="import pathlib",
)


def result_of_snow(pytester: pytest.Pytester) -> dict[str, Any]:
    """Return what the run record says of the first claim."""
    told, _ = json.loads((pytester.path / RECORD).read_text(encoding="utf-8"))["claims"]
    return dict(told)


@pytest.mark.interpreter
def test_nothing_falsifies_here() -> None:
    """A common test process has no verdict to fear for."""
    assert interference.find_interference() is None


@pytest.mark.interpreter
@pytest.mark.parametrize(
    ("module", "name", "what"),
    [
        (time, "perf_counter", "durations cannot be measured"),
        (time, "monotonic", "durations cannot be measured"),
        (time, "sleep", "a claim may not wait where it has to"),
        (threading, "get_ident", "threads may not be Python's own"),
        (threading, "get_native_id", "threads cannot be identified"),
        (os, "getpid", "processes cannot be identified"),
        (os, "getppid", "processes cannot be identified"),
    ],
)
def test_what_everything_rests_on_is_not_to_be_replaced(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, what: str
) -> None:
    """As by freezegun, gevent, or a fixture that saves tests from waiting."""
    function = getattr(module, name)
    with monkeypatch.context() as patched:
        patched.setattr(module, name, lambda *args: function(*args))
        told = interference.find_interference()
    assert told == (f"{module.__name__}.{name} was replaced (by {__name__}), so {what}; run the claims without that")


@pytest.mark.interpreter
def test_clock_that_stands_still_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a library that is loaded before Python."""
    monkeypatch.setattr(interference, "_READINGS", 10)
    assert not interference._goes(lambda: 1.0)
    assert interference._goes(iter(range(10)).__next__)


@pytest.mark.parametrize("where", ["fixture", "module"])
def test_claim_does_not_run_where_it_could_have_no_verdict(pytester: pytest.Pytester, where: str) -> None:
    """It ends INCONCLUSIVE, and a deadline by a clock that stands still never passes."""
    freeze = {
        "fixture": """
            import time, pytest
            @pytest.fixture(autouse=True)
            def frozen(monkeypatch):
                monkeypatch.setattr(time, "monotonic", lambda: 0.0)
                yield
        """,
        "module": "import time; time.sleep = lambda seconds: None",
    }
    make_project(pytester, CLAIM)
    pytester.makeconftest(freeze[where])
    run_claims(pytester, subprocess=True)
    told = result_of_snow(pytester)
    name = {"fixture": "monotonic", "module": "sleep"}[where]
    assert told["verdict"] == "inconclusive"
    assert told["reason"].startswith(f"time.{name} was replaced (by conftest), so ")
    assert not (pytester.path / "ran").exists()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be blocked here")
def test_signals_that_children_cannot_do_without_are_not_blocked(pytester: pytest.Pytester) -> None:
    """A parent that blocks them hands that on."""
    needed = "{signal.SIGCHLD, signal.SIGTERM}"
    body = f"assert not {needed} & signal.pthread_sigmask(signal.SIG_BLOCK, [])"
    make_project(pytester, one_claim(body, prelude="import signal"))
    blocking = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGTERM])\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    pytest_here = ["-m", "pytest", "--claims", f"--claims-report={RECORD}"]
    pytester.run(sys.executable, "-c", blocking, *pytest_here, timeout=120)
    assert result_of_snow(pytester)["verdict"] == "confirmed"


def test_run_in_another_thread_than_the_main_one(pytester: pytest.Pytester) -> None:
    """As an application may run it that has a loop of its own in the main one."""
    make_project(pytester, CLAIM)
    running = (
        "import pytest, threading\n"
        f"run = threading.Thread(target=pytest.main, args=(['--claims', '--claims-report={RECORD}'],))\n"
        "run.start(); run.join()\n"
    )
    pytester.run(sys.executable, "-c", running, timeout=120)
    assert result_of_snow(pytester)["verdict"] == "confirmed"


def test_marks_that_say_where_claims_apply_are_not_to_be_ignored(pytester: pytest.Pytester) -> None:
    """A claim would run where it does not apply."""
    make_project(pytester, CLAIM)
    result = pytester.runpytest_subprocess("--claims", "-p", "no:skipping", timeout=120)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --claims with -p no:skipping: claims would run where they do not apply; *"])
