"""The machine that the interpreter runs on, as far as verdicts depend on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """The machine. ``cpu_quota`` is in CPUs, such as 1.5; None: no limit."""

    system: str
    release: str
    architecture: str
    cpus: int
    usable_cpus: int
    cpu_quota: float | None
    load_average: float | None

    @classmethod
    def current(cls) -> Machine:
        """Return the description of this machine, with the CPUs that this process may use."""
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
        """Return the number of usable CPUs, for a header line."""
        text = f"{self.usable_cpus} usable CPU{'' if self.usable_cpus == 1 else 's'}"
        if self.usable_cpus != self.cpus:
            text += f" of {self.cpus}"
        return text if self.cpu_quota is None else f"{text}, quota {self.cpu_quota:g}"


def usable_cpus() -> int:
    """Return the number of CPUs that this process may run on: its affinity, if the system has it."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cgroup_quota(root: Path = Path("/")) -> float | None:
    """Return the limit of Linux control groups on this process's CPU time, in CPUs; None without a limit.

    It is the smallest limit of the group and its parents: ``cpu.max`` of version 2, ``cpu.cfs_quota_us`` divided by
    ``cpu.cfs_period_us`` of version 1 (Linux documentation, cgroup-v2 and sched-bwc).

    :param root: the folder that holds ``proc`` and ``sys``.
    """
    quotas = [(_quota_v2 if unified else _quota_v1)(folder) for folder, unified in _cpu_groups(root)]
    return min((quota for quota in quotas if quota is not None), default=None)


def throttled_seconds(root: Path = Path("/")) -> float:
    """Return for how many seconds Linux control groups have throttled this process's groups so far.

    It is the sum over all groups of ``throttled_usec`` (version 2) or ``throttled_time`` (version 1) in ``cpu.stat``,
    which grows while any process of a group is throttled.

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
    """Yield the folders of the groups that limit this process's CPU time, and whether they are of version 2."""
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
