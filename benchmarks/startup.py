"""The cost of the plugin for a pytest start without ``--claims``.

It starts pairs, with the plugin and with ``-p no:concclaims``, in random order within each pair. It prints the
medians of the pairs' differences and ratios, in CPU time of the started process. It needs a POSIX system, and an
environment with the plugin: ``python benchmarks/startup.py [PAIRS]``.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def clock() -> float:
    """Return the CPU seconds of children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def start(folder: Path, *options: str) -> float:
    """Return the CPU seconds of one pytest start that collects one test."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    begin = clock()
    # An installed plugin is compiled; one in a checkout only if Python may write bytecode.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(  # noqa: S603  (this interpreter)
        command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return clock() - begin


def main(pairs: int) -> None:
    """Measure, and print the medians."""
    differences, ratios = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_one.py").write_text("def test_one(): pass\n")
        kinds = {"with": (), "without": ("-p", "no:concclaims")}
        for options in kinds.values():
            start(folder, *options)
        for _ in range(pairs):
            order = random.sample(list(kinds), k=2)
            seconds = {kind: start(folder, *kinds[kind]) for kind in order}
            differences.append(1000 * (seconds["with"] - seconds["without"]))
            ratios.append(seconds["with"] / seconds["without"])
    quartiles = statistics.quantiles(differences, n=4)
    print(
        f"{pairs} pairs: the plugin costs {quartiles[1]:.1f} ms [quartiles {quartiles[0]:.1f} to {quartiles[2]:.1f}]"
    )
    print(f"a start with the plugin takes {statistics.median(ratios):.3f} times as long as one without")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
