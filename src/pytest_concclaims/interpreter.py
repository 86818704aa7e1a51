"""What is running: the interpreter, and the machine as far as it bears on a verdict."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .runtime import FREE_THREADED_BUILD, gil_enabled


@dataclass(frozen=True)
class Interpreter:
    """The interpreter that the verdicts are about.

    ``label`` is short and names what verdicts depend on: ``CPython 3.13t, GIL off``. ``jit_enabled`` is None where
    the interpreter cannot say: before CPython 3.14, and elsewhere.
    """

    implementation: str
    version: str
    implementation_version: str
    build: str
    free_threaded_build: bool
    gil_enabled: bool
    jit_enabled: bool | None
    switch_interval: float | None
    start_methods: tuple[str, ...]
    default_start_method: str
    label: str

    @classmethod
    def current(cls) -> Interpreter:
        """Return the description of the interpreter that runs this."""
        import multiprocessing
        import platform

        name = platform.python_implementation()
        methods = tuple(multiprocessing.get_all_start_methods())
        version = platform.python_version()
        jit = _jit_enabled()
        return cls(
            implementation=sys.implementation.name,
            version=version,
            implementation_version=".".join(map(str, sys.implementation.version[:3])),
            build=" ".join(sys.version.split()),
            free_threaded_build=FREE_THREADED_BUILD,
            gil_enabled=gil_enabled(),
            jit_enabled=jit,
            switch_interval=sys.getswitchinterval() if hasattr(sys, "getswitchinterval") else None,
            start_methods=methods,
            # The first of the list is the platform's default; asking get_start_method() would fix it.
            default_start_method=methods[0],
            label=label_of(name, version, FREE_THREADED_BUILD, gil_enabled(), bool(jit)),
        )

    @property
    def jit_on(self) -> bool:
        """Whether there is a JIT compiler that is known to be on."""
        return bool(self.jit_enabled)

    def version_key(self) -> str:
        """Return a text that differs between interpreters whose verdicts must not go into one record."""
        gil = "on" if self.gil_enabled else "off"
        return f"{self.implementation} {self.implementation_version} {self.build}, GIL {gil}{_jit(self.jit_on)}"

    def describe(self) -> str:
        """Return the words for a header line: implementation, version, build and state of the GIL."""
        name = "".join(self.label.split()[:1]) or self.implementation  # a record's label may be of blanks only
        version = self.version
        if self.implementation_version != self.version:
            version = f"{self.implementation_version} (Python {self.version})"
        build = "free-threaded build, " if self.free_threaded_build else ""
        return f"{name} {version}, {build}GIL {'on' if self.gil_enabled else 'off'}{_jit(self.jit_on)}"


def label_of(name: str, version: str, free_threaded: bool, gil: bool, jit: bool) -> str:
    """Return the short name of a kind of interpreter, for a column's head or a badge."""
    short = ".".join(version.split(".")[:2])
    kind = f"t, GIL {'on' if gil else 'off'}" if free_threaded else ""
    return f"{name} {short}{kind}{_jit(jit)}"


def _jit(on: bool) -> str:
    """Return the words for a JIT compiler that is on, after others; there are none if there is none or it is off."""
    return ", JIT on" if on else ""


def _jit_enabled() -> bool | None:
    """Return whether CPython's JIT compiler is on (docs: sys._jit, PYTHON_JIT)."""
    jit = getattr(sys, "_jit", None)  # CPython 3.14 and later
    return None if jit is None else bool(jit.is_enabled())


@dataclass(frozen=True)
class Machine:
    """What the interpreter runs on. ``cpu_quota`` is in CPUs (1.5: one and a half), None: no limit."""

    system: str
    release: str
    architecture: str
    cpus: int
    usable_cpus: int
    cpu_quota: float | None
    load_average: float | None

    @classmethod
    def current(cls) -> Machine:
        """Return the description of this machine, as this process may use it."""
        import platform

        return cls(
            system=platform.system(),
            release=platform.release(),
            architecture=platform.machine(),
            cpus=os.cpu_count() or 1,
            usable_cpus=usable_cpus(),
            cpu_quota=cgroup_quota(),
            load_average=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        )

    def describe(self) -> str:
        """Return the words for a header line: how many CPUs can be used."""
        text = f"{self.usable_cpus} usable CPU{'' if self.usable_cpus == 1 else 's'}"
        if self.usable_cpus != self.cpus:
            text += f" of {self.cpus}"
        return text if self.cpu_quota is None else f"{text}, quota {self.cpu_quota:g}"


def usable_cpus() -> int:
    """Return the number of CPUs that this process may run on (its affinity, where the system has one)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cgroup_quota(root: Path = Path("/")) -> float | None:
    """Return the CPUs' worth of time that Linux control groups grant this process, None without a limit.

    The strictest limit among the group and its parents: ``cpu.max`` of version 2, ``cpu.cfs_quota_us`` over
    ``cpu.cfs_period_us`` of version 1 (Linux documentation, cgroup-v2 and sched-bwc).

    :param root: the folder that holds ``proc`` and ``sys``.
    """
    quotas = [(_quota_v2 if unified else _quota_v1)(folder) for folder, unified in _cpu_groups(root)]
    return min((quota for quota in quotas if quota is not None), default=None)


def throttled_seconds(root: Path = Path("/")) -> float:
    """Return for how long Linux control groups have held this process back so far, for having used up its quota.

    ``throttled_usec`` of version 2, ``throttled_time`` of version 1 in ``cpu.stat``, of all groups added up: it
    grows while anything of a group is held back.

    :param root: as of :func:`cgroup_quota`.
    """
    total = 0.0
    for folder, _ in _cpu_groups(root):
        try:
            lines = (folder / "cpu.stat").read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        for name, _, value in (line.partition(" ") for line in lines):
            unit = {"throttled_usec": 1e-6, "throttled_time": 1e-9}.get(name)
            if unit is not None and value.isdigit():
                total += int(value) * unit
    return total


def _cpu_groups(root: Path) -> Iterator[tuple[Path, bool]]:
    """Yield the folders of the groups that bear on this process's CPU time, and whether they are of version 2."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        unified = controllers == ""
        if not unified and "cpu" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("" if unified else "cpu")
        group = base / path.strip("/")
        yield from ((folder, unified) for folder in (group, *group.parents) if folder.is_relative_to(base))


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="utf-8"))
        period = int((folder / "cpu.cfs_period_us").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return None if quota < 0 else quota / period
