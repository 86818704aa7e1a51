"""The cost of the plugin for many claims, compared with plain pytest on the same functions.

For functions and for parametrized functions, it prints the CPU seconds of plain pytest, of pytest with the plugin but
without ``--claims``, and of pytest with ``--claims``; their ratios to the first; and the milliseconds and the memory
for each claim. CPU time depends less on other programs than elapsed time.

    python benchmarks/many_claims.py [--claims 5000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_FUNCTION = """
@pytest.mark.claim("Number {0} is itself")
def test_number_{0}():
    x = {0}
    assert x == {0}
"""
_PARAMETRIZED = """
@pytest.mark.claim("{{x}} and {0} are {{x}} and {0}")
@pytest.mark.parametrize("x", range({1}))
def test_numbers_{0}(x):
    assert x + {0} == {0} + x
"""
_PARAMETERS = 100
_KIB = 1024
#: Plain pytest runs the claims as tests. Deselection by the plugin should cost no more than by ``-m``.
_RUNS = {
    "plain": ("-p", "no:concclaims"),
    "plain, -m": ("-p", "no:concclaims", "-m", "not claim"),
    "without": (),
    "with": ("--claims",),
}


def functions(number: int) -> str:
    """Return a module with this number of claims, each a function."""
    return "import pytest\n" + "".join(_FUNCTION.format(index) for index in range(number))


def parametrized(number: int) -> str:
    """Return a module with this number of claims, a hundred of each function."""
    many = range(number // _PARAMETERS)
    return "import pytest\n" + "".join(_PARAMETRIZED.format(index, _PARAMETERS) for index in many)


def cost(folder: Path, options: tuple[str, ...]) -> tuple[float, int]:
    """Return the CPU seconds of a run of pytest, and its maximum resident size in bytes."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:  # noqa: S603  (this script's own command)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 5):
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIB


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=5000, help="number of claims (default: %(default)s)")
    number = parser.parse_args().claims
    for name, code in {"functions": functions(number), "parametrized": parametrized(number)}.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "pyproject.toml").write_text(
                "[tool.pytest.ini_options]\nclaims_suites = []\nmarkers = ['claim: a claim']\n", encoding="utf-8"
            )
            (folder / "test_many.py").write_text(code, encoding="utf-8")
            cost(folder, ("--co",))  # compiles the module
            cost(folder, ("--claims", "--co"))
            costs = {run: cost(folder, options) for run, options in _RUNS.items()}
        seconds, size = costs["plain"]
        print(f"{number:,} claims, {name}:")
        for run, (used, largest) in costs.items():
            each = (
                f"{(used - seconds) / number * 1000:+.2f} ms and {(largest - size) / number / _KIB:+.1f} KiB a claim"
            )
            print(f"  {run:10} {used:6.2f} s, {used / seconds:4.2f} times plain, {each}")


if __name__ == "__main__":
    main()
