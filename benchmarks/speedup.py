"""Whether the answers of ``lab.speedup`` are true, and of ``lab.ratio`` about threads: of work with known truth.

    python benchmarks/speedup.py --runs 20             # alone, on a quiet machine
    python benchmarks/speedup.py --runs 20 --hogs 2    # the same beside two processes that come and go

Work that scales (of processes, of threads that wait, of C code that lets the GIL go), that does not (threads with one
GIL between them) and that gets slower (a shared lock, a shared dict) is asked about again and again, in turns with
several numbers. An answer is *wrong* if the truth lies on the other side of the number and its dead zone. Without a
GIL, and on PyPy, the truth is another one; where it is rough, so is its range here. The exit status is 1 if an answer
was wrong.
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

#: Where the truth lies, from the least to the most that it may be.
Truth = tuple[float, float]

TWICE: Truth = (1.8, 2.1)
ONCE: Truth = (0.7, 1.1)
LESS: Truth = (0.1, 1.1)
HARM: Truth = (0.1, 0.7)

#: Numbers to ask about, each with whether it is asked for more than that, and with its dead zone.
QUESTIONS = (("above 1.5", True, (1.4, 1.6)), ("below 1.3", False, (1.2, 1.4)), ("below 0.8", False, (0.7, 0.9)))

LARGE = bytes(1 << 18)
LOCK = threading.Lock()
NUMBERS = dict.fromkeys(range(10), 0)
#: Calls of the work in each thread of an arm: some milliseconds, beside which starting a thread is nothing.
CALLS = 6000 if PYPY else 200


def compute() -> int:
    """Compute, with nothing shared."""
    total = 0
    for number in range(1000):
        total += number * number
    return total


def compute_with_lock() -> None:
    """Compute while no other thread does."""
    with LOCK:
        compute()


def hash_much() -> bytes:
    """Compute in C that lets the GIL go."""
    return hashlib.sha256(LARGE).digest()


def look_at_lock() -> None:
    """Ask a shared lock, which nobody holds, a hundred times."""
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
    """Use no CPU."""
    time.sleep(0.001)


def in_two_threads() -> None:
    """Compute in two threads, each its part."""
    threads = [threading.Thread(target=in_turn, args=(CALLS,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_turn(calls: int = 2 * CALLS) -> None:
    """Compute, one part after the other."""
    for _ in range(calls):
        compute()


@dataclass(frozen=True)
class Known:
    """A measurement of which the truth is known, with a GIL, on PyPy, and without a GIL."""

    name: str
    measured: Callable[[Lab], Measurement]
    gil: Truth
    pypy: Truth
    free: Truth

    def truth(self) -> Truth:
        """Return where it lies on this interpreter."""
        return self.pypy if PYPY else self.gil if gil_enabled() else self.free


def of_workers(work: Callable[[], object], kind: str = "thread") -> Callable[[Lab], Measurement]:
    """Return what makes a measurement of two workers."""
    return lambda lab: lab.speedup(work, workers=2, kind=kind)


def of_an_arm(lab: Lab) -> Measurement:
    """Return a measurement of work in two threads, against the same in turn."""
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
    """Return what an answer is, beside the truth.

    :param cut: the number's dead zone.
    :param above: whether the question was about lying above it, or else below.
    """
    if answer is None:
        return "inconclusive"
    is_above = answer is above
    if truth[1] < cut[0] if is_above else truth[0] > cut[1]:
        return "WRONG"
    return "right"


@dataclass
class Answers:
    """What was said about one of them."""

    counts: Counter[str] = field(default_factory=Counter)
    values: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def ask(known: Known, number: int, budget: float, answers: Answers) -> None:
    """Put the question of a number, and note the answer."""
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
    """Ask about each again and again; return how many answers were wrong."""
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
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--hogs", type=int, default=0, help="processes beside it that burn CPU time now and then")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each question (default: %(default)s)")
    parser.add_argument("--only", metavar="TEXT", help="what has this text in its name")
    options = parser.parse_args()
    chosen = [known for known in KNOWN if options.only is None or options.only in known.name]
    if not chosen:
        parser.error(f"--only {options.only}: no name has this text")
    hogs = partial(hogs_beside, Condition("random-hogs", options.hogs), "speedup")
    with hogs() if options.hogs else nullcontext():
        return 1 if run(chosen, options.runs, options.budget) else 0


if __name__ == "__main__":
    sys.exit(main())
