"""The description of the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_concclaims.machine import Machine, cgroup_quota, throttled_seconds, usable_cpus


@pytest.mark.interpreter
def test_current_machine() -> None:
    """The description fits this machine."""
    found = Machine.current()
    assert found.cpus == os.cpu_count()
    assert 1 <= found.usable_cpus <= found.cpus
    assert found.cpu_quota is None or found.cpu_quota > 0
    assert found.system
    assert found.architecture


@pytest.mark.interpreter
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes have no affinity here")
def test_usable_cpus() -> None:
    """The CPUs count that this process may run on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert usable_cpus() == len(before)


@pytest.mark.parametrize(
    ("cpus", "usable", "quota", "words"),
    [
        (1, 1, None, "1 usable CPU"),
        (4, 4, None, "4 usable CPUs"),
        (4, 1, None, "1 usable CPU of 4"),
        (4, 2, 1.5, "2 usable CPUs of 4, quota 1.5"),
        (4, 4, 2.0, "4 usable CPUs, quota 2"),
    ],
)
def test_machine_in_words(cpus: int, usable: int, quota: float | None, words: str) -> None:
    """The header's words name the CPUs that can be used."""
    machine = Machine("Linux", "6.1", "x86_64", cpus, usable, quota, load_average=0.5)
    assert machine.describe() == words


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        (
            "0::/user/app\n",
            {
                "sys/fs/cgroup/user/app/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/user/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/other/cpu.max": "100000 100000\n",
            },
            2.0,
        ),
        (
            "0::/user/app\n",
            {
                "sys/fs/cgroup/user/app/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/user/cpu.max": "max 100000\n",
                "sys/fs/cgroup/cpu.max": "300000 100000\n",
            },
            0.5,
        ),
        # The parents of this folder are no groups.
        ("0::/\n", {"sys/fs/cpu.max": "100000 100000\n"}, None),
        # Another container's view: the group's own path does not exist here.
        ("0::/../../app\n", {"sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1.0),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "nonsense\n"}, None),
        (
            "5:memory:/user\n4:cpu,cpuacct:/user\n",
            {
                "sys/fs/cgroup/cpu/user/cpu.cfs_quota_us": "25000\n",
                "sys/fs/cgroup/cpu/user/cpu.cfs_period_us": "50000\n",
            },
            0.5,
        ),
        (
            "4:cpu:/docker/1234\n0::/system\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            3.0,
        ),
        (
            "4:cpu:/\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        (
            "3:cpuset:/\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        (None, {"sys/fs/cgroup/cpu.max": "100000 100000\n"}, None),
    ],
    ids=[
        "version 2",
        "version 2 without a limit",
        "version 2 without the controller",
        "parent stricter",
        "child stricter",
        "root",
        "foreign path",
        "nonsense",
        "version 1",
        "version 1 in a container",
        "version 1 without a limit",
        "other controller",
        "no control groups",
    ],
)
def test_quota(tmp_path: Path, groups: str | None, files: dict[str, str], quota: float | None) -> None:
    """The quota is the strictest one among the process's control group and its parents."""
    for path, text in {**({"proc/self/cgroup": groups} if groups is not None else {}), **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert cgroup_quota(tmp_path) == quota


@pytest.mark.parametrize(
    ("groups", "files", "seconds"),
    [
        (
            "0::/\n",
            {"sys/fs/cgroup/cpu.stat": "usage_usec 7000000\nnr_periods 9\nnr_throttled 2\nthrottled_usec 1500000\n"},
            1.5,
        ),
        ("0::/\n", {"sys/fs/cgroup/cpu.stat": "usage_usec 7000000\nuser_usec 1\nsystem_usec 2\n"}, 0.0),
        ("0::/\n", {}, 0.0),
        (
            "0::/user/app\n",
            {
                "sys/fs/cgroup/user/app/cpu.stat": "throttled_usec 250000\n",
                "sys/fs/cgroup/user/cpu.stat": "throttled_usec 500000\n",
                "sys/fs/cgroup/other/cpu.stat": "throttled_usec 4000000\n",
            },
            0.75,
        ),
        # The parents of this folder are no groups.
        ("0::/\n", {"sys/fs/cpu.stat": "throttled_usec 1000000\n"}, 0.0),
        (
            "5:memory:/user\n4:cpu,cpuacct:/user\n",
            {
                "sys/fs/cgroup/cpu/user/cpu.stat": "nr_periods 9\nnr_throttled 2\nthrottled_time 1500000000\n",
                "sys/fs/cgroup/memory/user/cpu.stat": "throttled_time 4000000000\n",
            },
            1.5,
        ),
        ("4:cpu:/user\n", {"sys/fs/cgroup/cpu/cpu.stat": "throttled_time 500000000\n"}, 0.5),
        ("3:cpuset:/\n", {"sys/fs/cgroup/cpu/cpu.stat": "throttled_time 500000000\n"}, 0.0),
        ("0::/\n", {"sys/fs/cgroup/cpu.stat": "\nnonsense\nthrottled_usec\nthrottled_usec much\na b c\n"}, 0.0),
        (None, {"sys/fs/cgroup/cpu.stat": "throttled_usec 1000000\n"}, 0.0),
    ],
    ids=[
        "version 2",
        "version 2 without the controller",
        "no file",
        "all groups added up",
        "root",
        "version 1",
        "version 1, parent alone",
        "other controller",
        "nonsense",
        "no control groups",
    ],
)
def test_throttled_seconds(tmp_path: Path, groups: str | None, files: dict[str, str], seconds: float) -> None:
    """Of the process's control group and its parents, it is for how long they were held back, in seconds."""
    for path, text in {**({"proc/self/cgroup": groups} if groups is not None else {}), **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert throttled_seconds(tmp_path) == pytest.approx(seconds)


def test_throttled_seconds_grow_while_it_is_held_back(tmp_path: Path) -> None:
    """The difference between two readings counts, whichever group it is in."""
    for path, text in {
        "proc/self/cgroup": "0::/user/app\n",
        "sys/fs/cgroup/user/app/cpu.stat": "throttled_usec 10\n",
        "sys/fs/cgroup/user/cpu.stat": "throttled_usec 3000000000\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    before = throttled_seconds(tmp_path)
    assert throttled_seconds(tmp_path) == before
    (tmp_path / "sys/fs/cgroup/user/app/cpu.stat").write_text("throttled_usec 11\n")
    assert throttled_seconds(tmp_path) > before


@pytest.mark.interpreter
def test_throttled_seconds_of_this_process() -> None:
    """Whatever this machine has, it is a number, and does not shrink."""
    first = throttled_seconds()
    assert 0 <= first <= throttled_seconds()
