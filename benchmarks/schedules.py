"""The cost of schedules: ``lab.race``, compared with threads that run freely, and with a bare fork.

    python benchmarks/schedules.py              # 20 times each
    python benchmarks/schedules.py --hogs 2     # beside two processes that burn CPU time

- How many schedules per second run whose actors are never blocked, and how many milliseconds one takes in which an
  actor is blocked.
- How soon the first lost update is seen: by a question to ``lab.race``, forking included, and by threads that run
  freely in a forked child, in turns. The ratio is the median of the pairs' ratios.
- How long the claims of the article's section 3.2 take that a race answers, in a run of pytest.

Absolute numbers depend on the machine. So each is also given as a ratio to a fork, or to the start of an interpreter,
in the same run.
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
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from free_running import in_child, ways
from small_objects import (
    Counter,
    SmallObject,
    function_between,
    same,
    value_of,
    written_in_function,
    written_in_function_locked,
)
from soak import Condition, hogs_beside

from pytest_concclaims import Inconclusive, Lab
from pytest_concclaims.interpreter import Interpreter
from pytest_concclaims.records.evidence import RaceRun

BUDGET_S = 2.0
#: Seconds to wait for a witness of threads that run freely.
TIMEOUT_S = 10.0
CLAIMS = "article/test_3_2_lock.py"
LOST_UPDATE = SmallObject("lost update", Counter, (function_between,) * 2, frozenset({2}), value_of)


def four_times(counter: Counter) -> None:
    """Read, call and write four times: some hundreds of schedules with two preemptions."""
    counter.value = same(counter.value + 1)
    counter.value = same(counter.value + 1)
    counter.value = same(counter.value + 1)
    counter.value = same(counter.value + 1)


def is_impossible(value: int) -> bool:
    """Return whether an outcome is one that no interleaving has, so that all schedules are run."""
    return value < 0


@dataclass(frozen=True)
class Explored:
    """The schedules of one question, by its evidence.

    :param run: number of schedules.
    :param blocked: number of schedules in which an actor was blocked; None if unknown.
    """

    run: int
    seconds: float
    blocked: int | None


def explore(actor: Callable[[Counter], object], about: Callable[[Any], bool], **more: Any) -> Explored | None:
    """Ask whether an outcome never occurs, and return the schedules; None if the evidence has none."""
    lab = Lab(budget=BUDGET_S)
    race = lab.race(Counter, actor, actor, observe=value_of, **more)
    with suppress(Inconclusive):
        race.never(about)
    (evidence,) = (item for item in lab.evidence if isinstance(item, RaceRun))
    schedules: dict[str, Any] | None = getattr(evidence, "schedules", None)
    if not schedules:
        return None
    at_random = schedules["random"]["run"] if schedules["random"] else 0
    return Explored(schedules["run"] + at_random, schedules["seconds"], schedules.get("blocked"))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a function takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def fork_and_wait() -> None:
    """Fork a child that ends at once."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def start_interpreter() -> None:
    """Start this interpreter, and wait until it has ended."""
    subprocess.run([sys.executable, "-c", ""], check=True)


def witness_by_lab() -> None:
    """Ask for a lost update."""
    race = Lab(budget=TIMEOUT_S).race(Counter, *LOST_UPDATE.actors, observe=value_of)
    if not race.ever(LOST_UPDATE.is_wrong):
        raise SystemExit("schedules: lab.race says that no update is ever lost; see truth.py")


def witness_by_free_threads() -> None:
    """Run threads freely until an update is lost."""
    in_child(LOST_UPDATE, ways()[0], TIMEOUT_S, enough=1)


@dataclass(frozen=True)
class Claim:
    """The end of a claim of the article.

    :param by_race: whether a race answered it.
    """

    name: str
    verdict: str
    seconds: float
    by_race: bool


def claims() -> list[Claim]:
    """Return the ends of the section's claims, in a run of pytest in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "run.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--claims", CLAIMS]
        subprocess.run(  # noqa: S603  (this interpreter)
            [*command, "--claims-report", str(record)], cwd=folder, check=False, stdout=subprocess.DEVNULL
        )
        found = json.loads(record.read_text(encoding="utf-8"))["claims"]
    return [
        Claim(
            item["id"],
            item["verdict"],
            item["duration"],
            any(evidence["kind"] == RaceRun.kind for evidence in item["evidence"]),
        )
        for item in found
    ]


def milliseconds(seconds: Sequence[float]) -> str:
    """Return the median and the maximum of some times, as text."""
    return f"median {1000 * statistics.median(seconds):.1f} ms, longest {1000 * max(seconds):.1f} ms"


def print_schedules(times: int, fork: float) -> None:
    """Measure how long schedules take.

    :param fork: seconds for a fork.
    """
    plain = [explore(four_times, is_impossible) for _ in range(times)]
    some = [item for item in plain if item is not None]
    if not some:
        print("schedules: the evidence has none")
        return
    each = statistics.median(item.seconds / item.run for item in some)
    print(f"schedules without a block: {1 / each:,.0f} a second ({some[0].run:,} a question)")
    print(f"  a fork takes as long as {fork / each:.1f} of them")
    locked = [
        explore(written_in_function_locked, is_impossible, control=(written_in_function,) * 2) for _ in range(times)
    ]
    with_blocks = [item for item in locked if item is not None and item.run]
    if not with_blocks:
        return
    lasted = statistics.median(item.seconds / item.run for item in with_blocks)
    print(f"schedules of a counter with a lock: {1000 * lasted:.2f} ms each, all in all ({with_blocks[0].run:,})")
    blocked = [
        (item.seconds - (item.run - item.blocked) * each) / item.blocked for item in with_blocks if item.blocked
    ]
    if blocked:
        one = statistics.median(blocked)
        print(f"a schedule with a block: {1000 * one:.2f} ms, {one / each:.1f} times as long as one without")


def print_witnesses(times: int, fork: float) -> None:
    """Measure how soon a lost update is seen.

    :param fork: seconds for a fork.
    """
    by_lab, by_free = [], []
    for _ in range(times):
        by_lab.append(timed(witness_by_lab))
        by_free.append(timed(witness_by_free_threads))
    print(f"first lost update, lab.race: {milliseconds(by_lab)}; {statistics.median(by_lab) / fork:.1f} forks")
    print(f"first lost update, free-running threads: {milliseconds(by_free)}")
    ratio = statistics.median(free / lab for lab, free in zip(by_lab, by_free))
    print(f"  free-running threads take {ratio:.1f} times as long as lab.race (median of the pairs)")


def print_claims(times: int, start: float) -> None:
    """Measure what claims take.

    :param start: seconds for the start of an interpreter.
    """
    totals = []
    for _ in range(times):
        found = [claim for claim in claims() if claim.by_race]
        totals.append(sum(claim.seconds for claim in found))
    for claim in found:
        print(f"  {claim.name}: {claim.verdict}, {1000 * claim.seconds:.0f} ms")
    undecided = sum(claim.verdict == "inconclusive" for claim in found)
    total = statistics.median(totals)
    print(
        f"{len(found)} claims of {CLAIMS} together: {total:.2f} s (median of {times}), {total / start:.1f} starts of "
        f"an interpreter; {undecided} inconclusive in the last run"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="repetitions of each (default: %(default)s)")
    parser.add_argument("--claims-times", type=int, default=3, help="runs of pytest (default: %(default)s)")
    parser.add_argument("--hogs", type=int, default=0, help="number of processes that burn CPU time meanwhile")
    options = parser.parse_args()
    with hogs_beside(Condition("hogs", options.hogs), "") if options.hogs else nullcontext():
        fork = statistics.median(timed(fork_and_wait) for _ in range(options.times))
        start = statistics.median(timed(start_interpreter) for _ in range(5))
        print(f"{Interpreter.current().label} {sys.version.split()[0]}, {options.hogs} hogs")
        print(f"a fork {1000 * fork:.2f} ms, the start of an interpreter {1000 * start:.1f} ms")
        print_schedules(options.times, fork)
        print_witnesses(options.times, fork)
        if options.claims_times:
            print_claims(options.claims_times, start)


if __name__ == "__main__":
    main()
