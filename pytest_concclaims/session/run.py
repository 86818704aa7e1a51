"""The set-up of a run of claims: the plugins that collect, try and record them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

import pytest

from ..interpreter import Interpreter
from ..lab.lock import LOCK_DIR, MachineLockError, check_lock_folder
from .collection import ClaimCollection
from .other_plugins import TimerWatch, advise_on_coverage
from .patience import Patience
from .plan import Plan, make_plan
from .progress import Progress, wants_progress
from .pytest_benchmark import leave_no_empty_storage
from .recorder import Recorder
from .suites import LastFailedGuard
from .threads import LeftThreads, ToolThreads
from .trial import ClaimTrials, ThreadWatch

_PATH_OPTIONS = ("--claims-report", "--claims-baseline")


def register(config: pytest.Config, *, gil: bool) -> None:
    """Register the plugins of a run of claims, in a pytest process or a worker of pytest-xdist.

    :param gil: whether the GIL was on when the interpreter had just started.
    :raises pytest.UsageError: an option, an ini setting or a flag of the interpreter cannot be used for claims.
    """
    _refuse_what_falsifies(config)
    budget, patience = config.getoption("claims_budget"), config.getoption("claims_patience")
    if patience is not None and patience <= budget:
        raise pytest.UsageError(
            f"--claims-patience {patience:g}: must be more than the {budget:g} s that the first attempt has for each "
            "experiment (--claims-budget)"
        )
    if LOCK_DIR in os.environ:
        try:
            check_lock_folder()
        except MachineLockError as error:
            raise pytest.UsageError(f"{LOCK_DIR}: {error}") from None
    _restore_signals(config)
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    interpreter = Interpreter.current()
    refusals: list[str] = []
    if workerinput is None:
        _refuse_other_roots(config)
        plan = make_plan(config)
        leave_no_empty_storage(config)
        config.pluginmanager.register(Recorder(config, plan, interpreter), "concclaims-recorder")
    else:
        plan = Plan.from_json(workerinput["concclaims_plan"])
        if workerinput["concclaims_interpreter"] != interpreter.version_key():
            refusals.append(
                f"the worker {workerinput['workerid']} runs {interpreter.describe()}, but pytest itself "
                f"{workerinput['concclaims_interpreter']}, and a run record is about one interpreter; run the claims "
                "on each interpreter by itself, and set the GIL by PYTHON_GIL, as workers do not get the flag -X gil"
            )
    plan.apply(config)
    config.pluginmanager.register(ClaimCollection(config, plan, interpreter, refusals), "concclaims-collection")
    config.pluginmanager.register(LastFailedGuard(), "concclaims-last-failed-guard")
    progress = _progress(config)
    left = LeftThreads()
    config.pluginmanager.register(ClaimTrials(config, left, progress, gil=gil), "concclaims-trials")
    config.pluginmanager.register(ThreadWatch(left), "concclaims-thread-watch")
    if patience is not None:
        config.pluginmanager.register(Patience(), "concclaims-patience")
    config.pluginmanager.register(TimerWatch(), "concclaims-timer-watch")
    config.pluginmanager.register(ToolThreads(), "concclaims-tool-threads")
    advise_on_coverage(config)


def _progress(config: pytest.Config) -> Progress | None:
    """Return what shows progress in the terminal, None where it is not to be shown."""
    if wants_progress(config):
        with suppress(OSError):  # the claims run without it
            progress = Progress(config)
            config.pluginmanager.register(progress, "concclaims-progress")
            return progress
    return None


def _refuse_what_falsifies(config: pytest.Config) -> None:
    if sys.flags.optimize:
        raise pytest.UsageError(
            "--claims under python -O or PYTHONOPTIMIZE: assertions are left out; run pytest without it"
        )
    if config.getoption("assertmode", "plain") != "rewrite":
        raise pytest.UsageError(
            "--claims with --assert=plain or -p no:assertion: pytest rewrites no assertions, which claims need; run "
            "pytest without it"
        )
    if not config.pluginmanager.hasplugin("skipping"):
        raise pytest.UsageError(
            "--claims with -p no:skipping: claims would run where they do not apply; run pytest without it"
        )
    if config.getoption("dist", None) == "each":
        raise pytest.UsageError("--claims with --dist each: a claim has one verdict in a run; use --dist load")


def _refuse_other_roots(config: pytest.Config) -> None:
    """Refuse a path of a report or baseline that makes pytest take another folder for the project's root.

    Before pytest knows the options of plugins, it takes each argument that is an existing path for one of tests, and
    looks for the root above all of them. From the second run on, claims would have other ids.
    """
    if config.getoption("rootdir") or config.getoption("inifilename"):
        return
    folder, arguments = config.invocation_params.dir, config.invocation_params.args
    for option, value in zip(arguments, arguments[1:]):
        if option not in _PATH_OPTIONS or not (folder / value).exists():
            continue
        if folder.resolve() not in (folder / value).resolve().parents:
            raise pytest.UsageError(
                f"{option} {value}: outside of {folder}, pytest takes this for the path of a test, and another "
                f"folder for the project's root; write {option}={value}"
            )


def _restore_signals(config: pytest.Config) -> None:
    """Unblock SIGCHLD and SIGTERM, and reset SIGCHLD, which pytest's parent may have blocked or ignored.

    If SIGCHLD is ignored, every child seems to have exited with 0. If it is blocked, a fork server is not informed
    of the end of a child. If SIGTERM is blocked, no child can be terminated.
    """
    if not hasattr(signal, "SIGCHLD"):  # Windows
        return
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD, signal.SIGTERM})

    def block_again() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    config.add_cleanup(block_again)
    before = signal.getsignal(signal.SIGCHLD)
    if before not in (signal.SIG_IGN, signal.SIG_DFL):
        return
    if threading.current_thread() is not threading.main_thread():
        if before is signal.SIG_IGN:
            raise pytest.UsageError(
                "--claims while SIGCHLD is ignored: run pytest in the main thread, or reset the signal"
            )
        return
    # PyPy reports the default for a signal that was ignored from the start, so it is set in any case.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def restore() -> None:
        signal.signal(signal.SIGCHLD, before)

    config.add_cleanup(restore)
