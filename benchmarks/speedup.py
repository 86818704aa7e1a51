"""Whether answers of ``lab.speedup``, and of ``lab.ratio`` about threads, are true, for work of known truth.

    python benchmarks/speedup.py --runs 20             # alone, on a quiet machine
    python benchmarks/speedup.py --runs 20 --hogs 2    # beside two processes that burn CPU time now and then

Some work scales (processes, threads that wait, C code that releases the GIL), some does not (threads that share a
GIL), and some gets slower (a shared lock, a shared dict). Questions with several numbers are asked in turns. An
answer is *wrong* if the truth lies on the other side of the number and its dead zone. Without a GIL, and on PyPy, the
truth is different; where it is known roughly only, so is its range here. The exit status is 1 if an answer was wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

from soak import Condition, hogs_beside

from pytest_concclaims import PYPY, Inconclusive, Lab, gil_enabled
from pytest_concclaims.interpreter import Interpreter
from pytest_concclaims.lab.measurement import Measurement

#: The range of the truth.
Truth = tuple[float, float]

TWICE: Truth = (1.8, 2.1)
ONCE: Truth = (0.7, 1.1)
LESS: Truth = (0.1, 1.1)
HARM: Truth = (0.1, 0.7)

#: The questions: in words, whether it is "above", and the dead zone.
QUESTIONS = (("above 1.5", True, (1.4, 1.6)), ("below 1.3", False, (1.2, 1.4)), ("below 0.8", False, (0.7, 0.9)))

LARGE = bytes(1 << 18)
LOCK = threading.Lock()
NUMBERS = dict.fromkeys(range(10), 0)
#: Calls of the work in each thread of an arm: some milliseconds, so that the start of a thread does not matter.
CALLS = 6000 if PYPY else 200


def compute() -> int:
    """Compute without anything shared."""
    total = 0
    for number in range(1000):
        total += number * number
    return total


def compute_with_lock() -> None:
    """Compute with a lock."""
    with LOCK:
        compute()


def hash_much() -> bytes:
    """Compute in C that releases the GIL."""
    return hashlib.sha256(LARGE).digest()


def look_at_lock() -> None:
    """Ask a shared lock a hundred times whether it is held."""
    for _ in range(100):
        LOCK.locked()


def count_in_dict() -> None:
    """Update a shared dict."""
    for number in range(10):
        NUMBERS[number] += 1


def count_with_lock() -> None:
    """Update a shared dict, with a lock around each update."""
    for number in range(10):
        with LOCK:
            NUMBERS[number] += 1


def wait() -> None:
    """Sleep."""
    time.sleep(0.001)


def in_two_threads() -> None:
    """Compute in two threads, half of the calls in each."""
    threads = [threading.Thread(target=in_turn, args=(CALLS,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_turn(calls: int = 2 * CALLS) -> None:
    """Compute, one call after the other."""
    for _ in range(calls):
        compute()


@dataclass(frozen=True)
class Known:
    """A measurement whose truth is known: with a GIL, on PyPy, and without a GIL."""

    name: str
    measured: Callable[[Lab], Measurement]
    gil: Truth
    pypy: Truth
    free: Truth

    def truth(self) -> Truth:
        """Return the range of the truth on this interpreter."""
        return self.pypy if PYPY else self.gil if gil_enabled() else self.free


def of_workers(work: Callable[[], object], kind: str = "thread") -> Callable[[Lab], Measurement]:
    """Return a function that makes a measurement of two workers."""
    return lambda lab: lab.speedup(work, workers=2, kind=kind)


def of_an_arm(lab: Lab) -> Measurement:
    """Return a measurement of work in two threads, against the same work in turn."""
    return lab.ratio(in_two_threads, in_turn)


KNOWN = (
    Known("processes compute", of_workers(compute, "process"), TWICE, TWICE, TWICE),
    Known("threads wait", of_workers(wait), TWICE, TWICE, TWICE),
    Known("threads hash", of_workers(hash_much), TWICE, TWICE, TWICE),
    Known("threads compute", of_workers(compute), ONCE, ONCE, TWICE),
    Known("threads compute with one lock", of_workers(compute_with_lock), ONCE, LESS, ONCE),
    Known("threads ask one lock", of_workers(look_at_lock), ONCE, LESS, HARM),
    Known("threads update one dict", of_workers(count_in_dict), ONCE, LESS, LESS),
    Known("threads update it with one lock", of_workers(count_with_lock), LESS, LESS, LESS),
    Known(
        "ratio: two threads to in turn", lambda lab: lab.ratio(in_two_threads, in_turn), ONCE, (0.7, 1.4), (0.4, 0.7)
    ),
)


def judge(answer: bool | None, truth: Truth, cut: tuple[float, float], *, above: bool) -> str:
    """Return whether an answer is right, wrong or inconclusive.

    :param cut: the number's dead zone.
    :param above: whether the question was "above", or else "below".
    """
    if answer is None:
        return "inconclusive"
    is_above = answer is above
    if truth[1] < cut[0] if is_above else truth[0] > cut[1]:
        return "WRONG"
    return "right"


@dataclass
class Answers:
    """The answers about one measurement."""

    counts: Counter[str] = field(default_factory=Counter)
    values: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def ask(known: Known, number: int, budget: float, answers: Answers) -> None:
    """Ask one of the questions, and store the answer."""
    _, above, cut = QUESTIONS[number % len(QUESTIONS)]
    lab = Lab(budget=budget)
    measurement = known.measured(lab)
    begin = time.perf_counter()
    answer: bool | None
    try:
        answer = (
            measurement.above(cut[1], else_below=cut[0]) if above else measurement.below(cut[0], else_above=cut[1])
        )
    except Inconclusive:
        answer = None
    answers.seconds.append(time.perf_counter() - begin)
    judged = judge(answer, known.truth(), cut, above=above)
    answers.counts[judged] += 1
    evidence = lab.evidence[-1].to_json()
    if evidence["value"] is not None:
        answers.values.append(evidence["value"])
    if judged == "WRONG" or (judged == "inconclusive" and len(answers.texts) < 2):
        answers.texts.append(f"{judged}: {lab.evidence[-1].phrase()}")


def run(chosen: Sequence[Known], runs: int, budget: float) -> int:
    """Ask about each measurement repeatedly; return the number of wrong answers."""
    print(f"{Interpreter.current().label} {sys.version.split()[0]}: {runs} runs of {len(chosen)}", flush=True)
    found = {known.name: Answers() for known in chosen}
    for number in range(runs):
        for known in chosen:
            ask(known, number, budget, found[known.name])
    total: Counter[str] = Counter()
    for known in chosen:
        answers = found[known.name]
        total += answers.counts
        said = ", ".join(f"{count} {kind}" for kind, count in answers.counts.most_common())
        low, high = known.truth()
        seen = f"{statistics.median(answers.values):.2f}" if answers.values else "nothing"
        spent = statistics.median(answers.seconds)
        print(f"  {known.name:32} truth {low:g} to {high:g}, seen {seen}; {said}; median {spent:.2f} s")
        for text in dict.fromkeys(answers.texts):
            print(f"      {text}")
    print("all: " + ", ".join(f"{count} {kind}" for kind, count in total.most_common()))
    return total["WRONG"]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="number of runs (default: %(default)s)")
    parser.add_argument("--hogs", type=int, default=0, help="number of processes that burn CPU time now and then")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each question (default: %(default)s)")
    parser.add_argument("--only", metavar="TEXT", help="only measurements with this text in their name")
    options = parser.parse_args()
    chosen = [known for known in KNOWN if options.only is None or options.only in known.name]
    if not chosen:
        parser.error(f"--only {options.only}: no name has this text")
    hogs = partial(hogs_beside, Condition("random-hogs", options.hogs), "speedup")
    with hogs() if options.hogs else nullcontext():
        return 1 if run(chosen, options.runs, options.budget) else 0


if __name__ == "__main__":
    sys.exit(main())
