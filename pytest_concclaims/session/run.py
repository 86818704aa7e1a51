"""A run of claims: puts together what collects, tries and records them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import pytest

from ..interpreter import Interpreter
from ..lab.lock import LOCK_DIR, MachineLockError, check_lock_folder
from .collection import ClaimCollection
from .other_plugins import TimerWatch, advise_on_coverage
from .patience import Patience
from .plan import Plan, make_plan
from .recorder import Recorder
from .suites import LastFailedGuard
from .threads import LeftThreads
from .trial import ClaimTrials, ThreadWatch

_PATH_OPTIONS = ("--claims-report", "--claims-baseline")


def register(config: pytest.Config, *, gil: bool) -> None:
    """Register the plugins that make up a run of claims, in a pytest process or an xdist worker.

    :param gil: whether the GIL was on when the interpreter had just started.
    :raises pytest.UsageError: an option, ini setting or flag of the interpreter makes no sense.
    """
    _refuse_what_falsifies(config)
    budget, patience = config.getoption("claims_budget"), config.getoption("claims_patience")
    if patience is not None and patience <= budget:
        raise pytest.UsageError(
            f"--claims-patience {patience:g}: no longer than the first attempt, which has {budget:g} s for each "
            "experiment (--claims-budget); give it more"
        )
    if LOCK_DIR in os.environ:
        try:
            check_lock_folder()
        except MachineLockError as error:
            raise pytest.UsageError(f"{LOCK_DIR}: {error}") from None
    _hear_of_children(config)
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    interpreter = Interpreter.current()
    refusals: list[str] = []
    if workerinput is None:
        _refuse_other_roots(config)
        plan = make_plan(config)
        config.pluginmanager.register(Recorder(config, plan, interpreter), "concclaims-recorder")
    else:
        plan = Plan.from_json(workerinput["concclaims_plan"])
        if workerinput["concclaims_interpreter"] != interpreter.version_key():
            refusals.append(
                f"the worker {workerinput['workerid']} runs {interpreter.describe()}, which is not what pytest "
                f"itself runs on ({workerinput['concclaims_interpreter']}), and a run record speaks of one; "
                "run the claims on each by itself, and set the GIL by PYTHON_GIL: workers do not get the flag -X gil"
            )
    plan.apply(config)
    config.pluginmanager.register(ClaimCollection(config, plan, interpreter, refusals), "concclaims-collection")
    config.pluginmanager.register(LastFailedGuard(), "concclaims-last-failed-guard")
    left = LeftThreads()
    config.pluginmanager.register(ClaimTrials(config, left, gil=gil), "concclaims-trials")
    config.pluginmanager.register(ThreadWatch(left), "concclaims-thread-watch")
    if patience is not None:
        config.pluginmanager.register(Patience(), "concclaims-patience")
    config.pluginmanager.register(TimerWatch(), "concclaims-timer-watch")
    advise_on_coverage(config)


def _refuse_what_falsifies(config: pytest.Config) -> None:
    if sys.flags.optimize:
        raise pytest.UsageError("--claims under python -O or PYTHONOPTIMIZE: assertions are left out; run it without")
    if config.getoption("assertmode", "plain") != "rewrite":
        raise pytest.UsageError(
            "--claims with --assert=plain or -p no:assertion: pytest rewrites no assertion, so none is noted; run it "
            "without"
        )
    if not config.pluginmanager.hasplugin("skipping"):
        raise pytest.UsageError(
            "--claims with -p no:skipping: claims would run where they do not apply; run it without"
        )
    if config.getoption("dist", None) == "each":
        raise pytest.UsageError("--claims with --dist each: a claim has one verdict in a run; use --dist load")


def _refuse_other_roots(config: pytest.Config) -> None:
    """Refuse a path of ours that has made pytest look for the project in another place.

    Before it knows our options, pytest takes each argument that is an existing path for one of tests, and the folder
    above all of them for the project's: claims would be other claims, by other ids, from the second run on.
    """
    if config.getoption("rootdir") or config.getoption("inifilename"):
        return
    folder, arguments = config.invocation_params.dir, config.invocation_params.args
    for option, value in zip(arguments, arguments[1:]):
        if option not in _PATH_OPTIONS or not (folder / value).exists():
            continue
        if folder.resolve() not in (folder / value).resolve().parents:
            raise pytest.UsageError(
                f"{option} {value}: that is outside of {folder}, and pytest, which takes it for the path of a test, "
                f"would look for the project elsewhere; write {option}={value}"
            )


def _hear_of_children(config: pytest.Config) -> None:
    """Undo what the parent did to signals that processes and their parents cannot do without.

    Where SIGCHLD is ignored, every child seems to have exited with 0. Where it is blocked, a fork server never hears
    that a child has ended; where SIGTERM is, no child can be terminated.
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
                "--claims where SIGCHLD is ignored: run it in the main thread, or reset the signal"
            )
        return
    # PyPy takes a signal that was ignored from the start for one with its default, so it is set in any case.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def restore() -> None:
        signal.signal(signal.SIGCHLD, before)

    config.add_cleanup(restore)
