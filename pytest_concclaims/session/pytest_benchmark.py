"""The bridge to pytest-benchmark: where one of its options is given, it has what a claim measured as well.

pytest-benchmark has no public way to take a measurement that it did not make itself. All that needs its private API
is in this module: ``config._benchmarksession`` with ``disabled``, ``skip`` and ``benchmarks``, and
``stats.Metadata``, which are the same from 5.0.1 to 5.3.1. A later version's are checked before they get anything:
an error at the end of the session would end the whole run.
"""

from __future__ import annotations

import importlib
import os
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ..lab.ratio import Timing


def show(item: pytest.Item, *, claim: str, timings: Sequence[Timing]) -> None:
    """Add what an attempt at a claim measured to pytest-benchmark's session.

    Only where one of pytest-benchmark's options is given, and its session is not disabled. Each timing is a benchmark
    in the claim's group. Its name, ``CLAIM: FUNCTION``, is its full name as well, by which runs are compared: unlike
    a node id, it is the same in all checkouts and on all interpreters. The timings replace those of an earlier
    attempt at the same item. A timing without samples is left out.

    Raises nothing. If pytest-benchmark's private API is not the known one, the run has one warning.

    :param claim: the claim's id.
    :param timings: all timings of the attempt, in the order in which they were measured; further ones of the same
        name get a number.
    """
    if _UNSUPPORTED in item.config.stash:
        return
    try:
        session = _session(item.config)
        if session is not None:
            shown = [_benchmark(item, claim, name, timing) for name, timing in _named(timings) if timing.seconds]
            for benchmark in item.stash.get(_SHOWN, ()):
                session.benchmarks.remove(benchmark)
            for benchmark in shown:
                session.benchmarks.append(benchmark)
            item.stash[_SHOWN] = shown
    except Exception as error:  # noqa: BLE001  (whatever a later version raises, it is not about the claim)
        item.config.stash[_UNSUPPORTED] = True
        _warn(error)


_STORAGE_PREFIX = "file://"


def leave_no_empty_storage(config: pytest.Config) -> None:
    """Remove the folder for saved runs at the end, if this run made it and saved nothing in it.

    pytest-benchmark makes it at each start, before it knows whether there will be anything to save.
    """
    option: str | None = config.getoption("benchmark_storage", None)
    if option is None or ("://" in option and not option.startswith(_STORAGE_PREFIX)):
        return
    folder = Path(option.removeprefix(_STORAGE_PREFIX)).absolute()

    def remove() -> None:
        with suppress(OSError):  # there is something in it, or it is not there
            folder.rmdir()

    if not folder.exists():
        config.add_cleanup(remove)


#: What pytest-benchmark has of an item.
_SHOWN = pytest.StashKey[Sequence[Any]]()
#: Set once this version of pytest-benchmark proved to be an unknown one.
_UNSUPPORTED = pytest.StashKey[bool]()


def _session(config: pytest.Config) -> Any:
    """Return pytest-benchmark's session; None if there is none, or it is to show nothing."""
    # In xdist's workers, 5.0 and 5.1 are not disabled: each would save its own.
    if hasattr(config, "workerinput") or not _is_asked_for(config):
        return None
    session: Any = getattr(config, "_benchmarksession", None)
    if session is None:
        if config.pluginmanager.hasplugin("benchmark"):
            raise LookupError("it has no session")
        return None
    return None if session.disabled or session.skip else session


def _is_asked_for(config: pytest.Config) -> bool:
    """Return whether the command line, the configuration or the environment has an option of pytest-benchmark."""
    variable = os.environ.get("PYTEST_ADDOPTS", "")
    given = [*config.invocation_params.args, *config.getini("addopts"), *shlex.split(variable)]
    return any(str(argument).startswith("--benchmark-") for argument in given)


def _named(timings: Sequence[Timing]) -> Iterator[tuple[str, Timing]]:
    seen: Counter[str] = Counter()
    for timing in timings:
        seen[timing.name] += 1
        yield timing.name if seen[timing.name] == 1 else f"{timing.name} ({seen[timing.name]})", timing


@dataclass(frozen=True)
class _Fixture:
    """What pytest-benchmark takes from its fixture for what was measured with it."""

    name: str
    fullname: str
    group: str
    param: str | None
    params: dict[str, object] | None
    extra_info: dict[str, object] = field(default_factory=dict)
    cprofile_stats: None = None
    has_error: bool = False


def _benchmark(item: pytest.Item, claim: str, name: str, timing: Timing) -> Any:
    """Return a timing as what pytest-benchmark keeps of a benchmark.

    :raises Exception: it has become something else.
    """
    callspec = getattr(item, "callspec", None)
    fixture = _Fixture(
        name=f"{claim}: {name}",
        fullname=f"{claim}: {name}",
        group=claim,
        param=getattr(callspec, "id", None),
        params=getattr(callspec, "params", None),
    )
    # Its options say how its own fixture measures; that one did not measure here.
    benchmark = importlib.import_module("pytest_benchmark.stats").Metadata(
        fixture, iterations=timing.calls, options={}
    )
    for seconds in timing.seconds:
        benchmark.stats.update(seconds)  # its own update would take them for the sum of the calls
    entry = benchmark.as_dict()
    there = (
        *(entry[key] for key in ("name", "fullname", "group")),
        entry["stats"]["data"],
        entry["stats"]["iterations"],
    )
    if there != (fixture.name, fixture.fullname, fixture.group, timing.seconds, timing.calls):
        raise ValueError("it makes something else of what it is given")
    return benchmark


def _warn(error: Exception) -> None:
    version = getattr(sys.modules.get("pytest_benchmark"), "__version__", "(of an unknown version)")
    warning = pytest.PytestWarning(
        f"pytest-benchmark {version} is not supported, so what claims measure does not appear there; their verdicts "
        f"do not depend on it ({type(error).__name__}: {error})"
    )
    try:
        warnings.warn(warning, stacklevel=3)
    except pytest.PytestWarning:  # the filters make it an error, which would end the claim
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(warning, stacklevel=3)
