"""Cooperation with other plugins: pytest-run-parallel, pytest-timeout and pytest-cov.

It uses their public marks, hooks and options only. For pytest-benchmark, see :mod:`.pytest_benchmark`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from ..lab.threads import OF_TOOLS, running_threads
from ..lab.tracing import set_tracer_advice


def run_once(item: pytest.Item) -> None:
    """Keep pytest-run-parallel from calling a claim in several threads, or several times.

    A claim has threads of its own, and one verdict in a run.
    """
    if item.config.pluginmanager.hasplugin("run-parallel"):
        item.add_marker(pytest.mark.thread_unsafe(reason="a claim has threads of its own"), append=False)
        item.add_marker(pytest.mark.iterations(1), append=False)


def advise_on_coverage(config: pytest.Config) -> None:
    """If pytest-cov is active, let reasons that name a tracer name its option ``--no-cov``."""
    if config.pluginmanager.hasplugin("_cov") and not config.getoption("no_cov", False):
        set_tracer_advice("run it with --no-cov, as pytest-cov is active")
        config.add_cleanup(lambda: set_tracer_advice(None))


# --- pytest-timeout

#: Seconds that a claim has left at least after it has waited; 0 would switch the timer off.
_LEAST_S = 0.001


@dataclass(frozen=True)
class _Timer:
    """The timer of pytest-timeout that runs for an item.

    :param settings: pytest-timeout's; a named tuple.
    :param started: its start, by ``time.monotonic()``.
    :param thread: the thread that set it. No other can set it, as only the main thread can handle signals.
    """

    settings: Any
    started: float
    thread: int


_TIMER = pytest.StashKey[_Timer]()


class TimerWatch:
    """Hooks of pytest-timeout: note the timer that runs, and its thread, which is not the claim's."""

    @pytest.hookimpl(optionalhook=True, wrapper=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> Generator[None, object, object]:
        """Note the timer."""
        before = running_threads()
        item.stash[_TIMER] = _Timer(settings, time.monotonic(), threading.get_ident())
        result = yield
        OF_TOOLS.update(running_threads() - before)
        return result


@contextmanager
def timer_stopped(item: pytest.Item) -> Iterator[None]:
    """Stop the timer of pytest-timeout in the block, in which the claim waits for other runs."""
    timer = item.stash.get(_TIMER, None)
    if timer is None or timer.thread != threading.get_ident():
        yield
        return
    left = max(_LEAST_S, timer.settings.timeout - (time.monotonic() - timer.started))
    item.config.hook.pytest_timeout_cancel_timer(item=item)
    try:
        yield
    finally:
        item.config.hook.pytest_timeout_set_timer(item=item, settings=timer.settings._replace(timeout=round(left, 3)))
