"""Where the time of ``pytest --claims article`` goes, in multiples of one fresh interpreter's start.

    python benchmarks/article.py                  # three runs
    python benchmarks/article.py --runs 1 -n 2    # one run, by two workers of pytest-xdist

It needs an environment with the plugin. Before each run, the interpreter is started some times to do nothing; the
unit is the median of these starts. For each claim, it prints the median over the runs: the whole time, the part of
each instrument, and the rest, which is the claim's own work and its waits, including those for the machine lock. Then
it prints the same for all claims together. A claim without an answer has used up its budget, so it prints how many
there are.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

#: Starts of the interpreter before each run.
STARTS = 10
REST = "the rest"

Claim = dict[str, Any]


def seconds_of(*command: str) -> float:
    """Return the seconds that this interpreter takes for a command."""
    begin = time.perf_counter()
    subprocess.run(  # noqa: S603  (this interpreter)
        [sys.executable, *command], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - begin


def run(workers: int) -> tuple[float, list[Claim]]:
    """Run the claims; return the seconds, and the claims of the run record."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "run.json"
        options = ["-p", "no:cacheprovider", *(["-n", str(workers)] if workers else [])]
        seconds = seconds_of("-m", "pytest", "--claims", "article", f"--claims-report={record}", *options)
        if not record.exists():
            raise SystemExit(f"{sys.executable} -m pytest --claims article: no run record; install the plugin")
        return seconds, json.loads(record.read_text(encoding="utf-8"))["claims"]


def parts_of(claim: Claim) -> Counter[str]:
    """Return the seconds of a claim by instrument, and the rest."""
    parts: Counter[str] = Counter()
    for piece in claim["evidence"]:
        parts[piece["kind"]] += piece.get("seconds", piece.get("duration", 0.0))
    parts[REST] = max(0.0, claim["duration"] - sum(parts.values()))
    return parts


def in_words(parts: Counter[str], unit: float) -> str:
    """Return the parts of a time in multiples of a unit, the greatest first, as text."""
    return ", ".join(f"{part} {seconds / unit:.0f}" for part, seconds in parts.most_common() if seconds >= unit / 2)


def typical(runs: list[Counter[str]]) -> Counter[str]:
    """Return the median of each part over the runs."""
    parts = {part for one in runs for part in one}
    return Counter({part: statistics.median(one[part] for one in runs) for part in parts})


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="number of runs (default: %(default)s)")
    parser.add_argument("-n", type=int, default=0, metavar="WORKERS", help="workers of pytest-xdist (default: none)")
    arguments = parser.parse_args()
    # An installed suite is compiled; one in a checkout only if Python may write bytecode.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    starts: list[float] = []
    seconds: list[float] = []
    found: dict[str, list[Counter[str]]] = {}
    undecided = 0
    for _ in range(arguments.runs):
        starts += [seconds_of("-c", "") for _ in range(STARTS)]
        took, claims = run(arguments.n)
        seconds.append(took)
        for claim in claims:
            found.setdefault(claim["id"].partition("-")[2], []).append(parts_of(claim))
        undecided += sum(claim["verdict"] == "inconclusive" for claim in claims)
    unit = statistics.median(starts)
    medians = {claim: typical(parts) for claim, parts in found.items()}
    for name, parts in sorted(medians.items(), key=lambda one: -sum(one[1].values())):
        if sum(parts.values()) >= unit:
            print(f"{sum(parts.values()) / unit:6.0f}  {name[:100]}: {in_words(parts, unit)}")
    everything: Counter[str] = sum(medians.values(), Counter())
    print(f"{sum(everything.values()) / unit:6.0f}  all claims: {in_words(everything, unit)}")
    whole = statistics.median(seconds)
    print(
        f"{whole / unit:6.0f}  the run, {whole:.1f} s (one start of the interpreter: {unit * 1000:.0f} ms); "
        f"{undecided} of {sum(map(len, found.values()))} claims had no answer"
    )


if __name__ == "__main__":
    main()
