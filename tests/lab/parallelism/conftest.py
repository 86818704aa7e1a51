"""Fixtures of these tests."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from helpers.simulated_workers import Simulate, simulation
from helpers.waiting import TIMEOUT_S


@pytest.fixture
def nothing_left() -> Callable[[], AbstractContextManager[None]]:
    """Return a context that asserts that its block leaves no thread, child process or open descriptor."""
    return _nothing_left


@contextmanager
def _nothing_left() -> Iterator[None]:
    gc.collect()
    before = _there()
    yield
    end = time.monotonic() + TIMEOUT_S
    while _there() != before:  # the system may report the end a little later
        assert time.monotonic() < end, f"there were {before} before, and are {_there()} now"
        gc.collect()
        time.sleep(0.01)


def _there() -> dict[str, object]:
    there: dict[str, object] = {"threads": threading.active_count()}
    here = Path("/proc/self")
    if (here / "fd").is_dir():
        there["open"] = len(list((here / "fd").iterdir()))
    if (here / "task").is_dir():
        there["tasks"] = len(list((here / "task").iterdir()))
        there["children"] = sorted(" ".join(file.read_text() for file in here.glob("task/*/children")).split())
    return there


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch) -> Simulate:
    """Return a function that makes a simulated machine, whose workers the instruments use."""
    return simulation(monkeypatch)
