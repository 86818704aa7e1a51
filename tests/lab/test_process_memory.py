"""The memory of this process and of its descendants, as the system reports it."""

from __future__ import annotations

import gc
import math
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_concclaims.lab import process_memory
from pytest_concclaims.lab.process_memory import (
    Growth,
    MemoryInUse,
    Sizes,
    gauge,
    memory_by_psutil,
    memory_on_linux,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
interpreter = pytest.mark.interpreter
MIB = 1 << 20

#: A process that reads a number, allocates as many bytes, and answers; it ends with its input.
TAKING = """
import sys
taken = []
for line in sys.stdin:
    taken.append(bytearray(b"x") * int(line))
    print("done", flush=True)
"""


class Taking:
    """A child that allocates memory on request."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", TAKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.pid = self._process.pid
        self.take(1)  # it has started

    def take(self, size: int) -> None:
        """Have the child allocate some bytes, and wait until it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{size}\n")
        assert self._process.stdout.readline() == "done\n"

    def end(self) -> None:
        """End the child."""
        self._process.communicate()


@contextmanager
def child() -> Iterator[Taking]:
    """Run a child during the block."""
    taking = Taking()
    try:
        yield taking
    finally:
        taking.end()


def alone(found: MemoryInUse, process: int) -> int:
    """Return the unique set size of a process, which is known here; 0 if there is no such process."""
    sizes = found.started.get(process, Sizes(0, 0, 0))
    assert sizes.unique is not None
    return sizes.unique


# --- differences


def at(own: int, **processes: Sizes | float) -> MemoryInUse:
    """Return memory at one moment; processes are ``p7``, and numbers are of idle processes."""
    by_id = {int(name[1:]): sizes for name, sizes in processes.items()}
    started = {process: sizes for process, sizes in by_id.items() if isinstance(sizes, Sizes)}
    idle = {process: sizes for process, sizes in by_id.items() if not isinstance(sizes, Sizes)}
    return MemoryInUse(own, started, idle)


def has(unique: int | None, proportional: float = 90) -> Sizes:
    """Return the sizes of a process."""
    return Sizes(200, unique, proportional)


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (at(100), at(150), Growth(50, 50)),
        (at(100), at(90), Growth(-10, -10)),
        (at(100), at(110, p7=has(30)), Growth(40, 40)),
        # Memory of several processes may be shared by them.
        (at(100), at(110, p7=has(30, 50), p8=has(10, 20)), Growth(50, 80)),
        (at(100, p7=has(30)), at(100, p7=has(35), p8=has(1)), Growth(6, 6)),
        (at(100, p7=has(30)), at(100, p7=has(10)), Growth(-20, -20)),
        # If the unique set size is unknown, all memory may be shared.
        (at(100), at(110, p7=has(None, 50)), Growth(10, 60)),
        (at(100, p7=has(None, 30)), at(100, p7=has(30, 40)), Growth(0, 10)),
        (at(100), at(100, p7=has(None, math.inf)), Growth(0, math.inf)),
        (at(100, p7=has(None, math.inf)), at(100, p7=has(None, math.inf)), Growth(0, math.inf)),
        (at(100, p7=has(None, math.inf)), at(100, p7=has(30)), Growth(0, math.inf)),
        # An idle process whose memory is shared no longer takes no more; another one may.
        (at(100, p7=has(30)), at(105, p7=200), Growth(5, 5)),
        (at(100, p7=200), at(105, p7=210, p8=has(20)), Growth(25, 35)),
        (at(100, p7=200), at(100, p7=150), Growth(0, 0)),
        (at(100, p7=math.inf), at(100, p7=math.inf), Growth(0, math.inf)),
        # The process that has ended is another one.
        (at(100, p7=has(30)), at(100, p8=has(5)), Growth(5, 5)),
    ],
)
def test_since(before: MemoryInUse, after: MemoryInUse, more: Growth) -> None:
    """It adds up the growth of this process, of new ones, and of older ones."""
    assert after.since(before) == more


def test_difference_of_growths() -> None:
    """Its bounds are as wide as those of both together."""
    assert Growth(10, 12).less(Growth(3, 8)) == Growth(2, 9)


# --- Linux


@interpreter
@linux
def test_child_appears_grows_and_goes() -> None:
    """It has a size while it exists."""
    before = memory_on_linux()
    assert before.own > 0
    with child() as taking:
        assert taking.pid not in before.started
        there = memory_on_linux()
        assert alone(there, taking.pid) > 0
        assert there.started.keys() - before.started.keys() == {taking.pid}
        taking.take(16 * MIB)
        grown = memory_on_linux()
        assert alone(grown, taking.pid) - alone(there, taking.pid) > 12 * MIB
        assert grown.since(there).low > 12 * MIB - MIB
        idle = memory_on_linux({taking.pid})
        assert taking.pid not in idle.started
        assert idle.idle[taking.pid] >= alone(grown, taking.pid)
    assert taking.pid not in memory_on_linux().started


@interpreter
@linux
def test_own_memory_grows() -> None:
    """Memory that this process writes to counts for it, and not for a child."""
    gc.collect()
    before = memory_on_linux()
    with mmap.mmap(-1, 16 * MIB) as taken:
        taken[:] = b"x" * len(taken)
        after = memory_on_linux()
    assert after.own - before.own > 12 * MIB
    assert after.started == before.started


@interpreter
@linux
def test_grandchild_counts() -> None:
    """A process that a child has started counts like a child."""
    source = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {TAKING!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        before = memory_on_linux()
        parent.stdin.write("16777216\n")
        assert parent.stdout.readline() == "done\n"
        after = memory_on_linux()
        others = after.started.keys() - {parent.pid}
        assert any(alone(after, one) - alone(before, one) > 12 * MIB for one in others)
        parent.stdin.close()


@interpreter
@linux
def test_other_processes_do_not_count() -> None:
    """Only descendants count."""
    assert os.getpid() not in memory_on_linux().started
    assert os.getppid() not in memory_on_linux().started


@interpreter
@linux
def test_nothing_stays_open() -> None:
    """Reading memory leaves no open descriptor, on PyPy either."""
    memory_on_linux()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        memory_on_linux()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@interpreter
@linux
@pytest.mark.skipif(not hasattr(os, "waitid"), reason="no os.waitid here")
def test_process_that_has_not_been_waited_for() -> None:
    """A zombie takes nothing, and the sizes of the others are known all the same."""
    unique = memory_on_linux().unique
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        found = memory_on_linux()
        assert found.started.get(process.pid) in (None, Sizes(0, 0, 0))
        assert found.unique is unique


class Proc:
    """A simulated folder ``/proc``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process("self", 1, rss=None)

    def process(
        self, name: object, parent: int, *, rss: int | None = 100, private: int = 10, pss: int = 20, pages: int = 3
    ) -> None:
        """Add a process; its memory is in KiB, None if the system does not report it."""
        folder = self.folder / str(name)
        folder.mkdir()
        (folder / "stat").write_text(f"{name} (a) b (c) S {parent} 1 1")
        (folder / "statm").write_text(f"9 {pages} 1")
        if rss is None:
            return
        lines = ["00400000-7fff00000000 ---p 00000000 00:00 0 [rollup]", f"Rss: {rss} kB", f"Pss: {pss} kB"]
        lines += ["Pss_Anon: 1 kB", "Shared_Clean: 5 kB", f"Private_Clean: {private - 1} kB", "Private_Dirty: 1 kB"]
        (folder / "smaps_rollup").write_text("\n".join(lines) + "\n")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    """Return a simulated ``/proc``, in which this process is number 10."""
    monkeypatch.setattr(process_memory, "_PROC", tmp_path)
    monkeypatch.setattr(os, "getpid", lambda: 10)
    return Proc(tmp_path)


@linux
def test_unique_is_what_is_private(proc: Proc) -> None:
    """Of descendants, clean and dirty private memory counts; of this process, all resident memory."""
    (proc.folder / "self" / "smaps_rollup").write_text("")
    proc.process(10, 1, rss=1000, private=600, pss=700)
    proc.process(11, 10, rss=500, private=50, pss=60)
    proc.process(12, 11, rss=500, private=7, pss=8)
    proc.process(13, 1, rss=500, private=9)
    one, other = Sizes(500 * 1024, 50 * 1024, 60 * 1024), Sizes(500 * 1024, 7 * 1024, 8 * 1024)
    assert memory_on_linux() == MemoryInUse(1000 * 1024, {11: one, 12: other})
    pages = 3 * os.sysconf("SC_PAGESIZE")
    assert memory_on_linux({11}) == MemoryInUse(1000 * 1024, {12: other}, {11: pages})
    assert memory_on_linux().unique


@linux
def test_without_rollups_unique_set_sizes_are_unknown(proc: Proc) -> None:
    """An old kernel, or a sandbox, reports pages only: these are the upper bound, and the record says so."""
    proc.process(10, 1, rss=None, pages=4)
    proc.process(11, 10, rss=None, pages=2)
    page = os.sysconf("SC_PAGESIZE")
    found = memory_on_linux()
    assert found == MemoryInUse(4 * page, {11: Sizes(2 * page, None, 2 * page)})
    assert not found.unique


@linux
def test_process_of_another_user(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its unique set size cannot be read; its pages are the upper bound."""
    (proc.folder / "self" / "smaps_rollup").write_text("")
    proc.process(10, 1, rss=1000)
    proc.process(11, 10, rss=500, private=50)
    proc.process(12, 10, rss=500, private=50, pages=5)
    read = process_memory._read

    def refuse(path: str) -> bytes:
        if Path(path) == proc.folder / "12" / "smaps_rollup":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(process_memory, "_read", refuse)
    found = memory_on_linux()
    pages = 5 * os.sysconf("SC_PAGESIZE")
    assert found.started == {11: Sizes(500 * 1024, 50 * 1024, 20 * 1024), 12: Sizes(pages, None, pages)}
    assert found.unique is False


@linux
@pytest.mark.parametrize("gone", ["stat", "smaps_rollup"])
@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file"), ProcessLookupError(3, "No such process")])
def test_process_that_ends_meanwhile(gone: str, error: OSError, proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may end at any moment."""
    (proc.folder / "self" / "smaps_rollup").write_text("")
    proc.process(10, 1, rss=1000)
    proc.process(11, 10, rss=500, private=50)
    proc.process(12, 10, rss=500, private=50)
    read = process_memory._read

    def vanish(path: str) -> bytes:
        if Path(path) == proc.folder / "12" / gone:
            raise error
        if Path(path) == proc.folder / "12" / "statm":  # a zombie still has this file
            return b"0 0 0"
        return read(path)

    monkeypatch.setattr(process_memory, "_read", vanish)
    assert memory_on_linux() == MemoryInUse(1000 * 1024, {11: Sizes(500 * 1024, 50 * 1024, 20 * 1024)})


# --- psutil


class FakeProcess:
    """A process of psutil."""

    def __init__(self, pid: int, rss: Any, uss: Any) -> None:
        self.pid, self._rss, self._uss = pid, rss, uss
        self.started: list[FakeProcess] = []

    def children(self, *, recursive: bool) -> list[FakeProcess]:
        """Return its children."""
        assert recursive
        return self.started

    def memory_info(self) -> Any:
        """Return its resident memory."""
        return SimpleNamespace(rss=given(self._rss))

    def memory_full_info(self) -> Any:
        """Return its unique set size."""
        return SimpleNamespace(uss=given(self._uss))


def given(size: Any) -> Any:
    """Return a size, or raise it if it is an exception."""
    if isinstance(size, Exception):
        raise size
    return size


class NoSuchProcess(Exception):  # noqa: N818  (psutil's name)
    """A process has ended."""


class ZombieProcess(NoSuchProcess):
    """A process has ended, and was not waited for."""


class AccessDenied(Exception):  # noqa: N818  (psutil's name)
    """A process cannot be read."""


def fake_psutil(*started: FakeProcess) -> Any:
    """Return a psutil with some processes."""
    own = FakeProcess(10, 1000, 600)
    own.started.extend(started)
    return SimpleNamespace(
        Process=lambda: own, NoSuchProcess=NoSuchProcess, ZombieProcess=ZombieProcess, AccessDenied=AccessDenied
    )


def test_psutil_reports_unique_set_sizes() -> None:
    """Of this process, all resident memory counts."""
    found = memory_by_psutil(fake_psutil(FakeProcess(11, 500, 50), FakeProcess(12, 500, 7)))
    assert found == MemoryInUse(1000, {11: Sizes(500, 50, 500), 12: Sizes(500, 7, 500)})


@pytest.mark.parametrize("why", [AccessDenied(), AttributeError("uss")], ids=repr)
def test_psutil_may_not_report_unique_set_sizes(why: Exception) -> None:
    """Resident memory is then the upper bound, and the record says so."""
    found = memory_by_psutil(fake_psutil(FakeProcess(11, 500, 50), FakeProcess(12, 500, why)))
    assert found == MemoryInUse(1000, {11: Sizes(500, 50, 500), 12: Sizes(500, None, 500)})
    assert not found.unique


@pytest.mark.parametrize("gone", [NoSuchProcess(), ZombieProcess()], ids=repr)
def test_psutil_and_a_process_that_ends_meanwhile(gone: Exception) -> None:
    """A process may end meanwhile."""
    found = memory_by_psutil(fake_psutil(FakeProcess(11, gone, gone), FakeProcess(12, 500, 7)))
    assert found == MemoryInUse(1000, {12: Sizes(500, 7, 500)})


def test_psutil_may_report_nothing() -> None:
    """A process of which nothing can be read may have any amount, and the record says so."""
    found = memory_by_psutil(fake_psutil(FakeProcess(11, AccessDenied(), AccessDenied()), FakeProcess(12, 500, 7)))
    assert found == MemoryInUse(1000, {11: Sizes(math.inf, None, math.inf), 12: Sizes(500, 7, 500)})


@interpreter
def test_real_psutil() -> None:
    """It has all names that are used."""
    psutil = pytest.importorskip("psutil")
    with child() as taking:
        before = memory_by_psutil(psutil)
        taking.take(16 * MIB)
        after = memory_by_psutil(psutil)
    assert alone(after, taking.pid) - alone(before, taking.pid) > 12 * MIB


# --- the choice of a gauge


def test_gauge_of_linux_needs_no_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyPy may have no psutil."""
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert gauge() is (memory_on_linux if sys.platform == "linux" else None)


def test_gauge_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is psutil's, or there is none."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert gauge() is None
    monkeypatch.setitem(sys.modules, "psutil", fake_psutil(FakeProcess(11, 500, 50)))
    read = gauge()
    assert read is not None
    assert read(()) == MemoryInUse(1000, {11: Sizes(500, 50, 500)})
    assert read({11}) == MemoryInUse(1000, {}, {11: 500})
