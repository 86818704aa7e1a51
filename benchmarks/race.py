"""How soon and how often ``lab.race`` sees two threads collide, compared with three other ways.

(a) a fresh pair of threads and a barrier for each sample; (b) the article's own loop, 100,000 rounds in each of two
threads, again and again; (c) persistent threads that wait at a barrier before and after each sample. All use the same
states and actors, in turns within one run. The ratios count, as the absolute numbers depend on the machine.

It also prints how soon each strategy finds what goes wrong inside one call of C code, where no schedule can switch.

``python benchmarks/race.py [TIMES]``: TIMES first witnesses for each (default 20).
"""

from __future__ import annotations

import io
import itertools
import os
import statistics
import sys
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

from pytest_concclaims import Inconclusive, Lab, gil_enabled
from pytest_concclaims.lab.race.samples import search
from pytest_concclaims.lab.race.samples.strategies import strategies_for
from pytest_concclaims.records.evidence import RaceRun

#: Seconds for each measurement of a rate, and how often it is repeated, in turns, as the machine's speed varies.
RATE_S = 1.0
RATE_TIMES = 4
#: Seconds to wait for a witness.
TIMEOUT_S = 10.0
ARTICLES_ROUNDS = 100_000


class Counter:
    """The counter that the actors increase."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


Actor = Callable[[Counter], None]


def read_compute_write(counter: Counter) -> None:
    """Add one, with a call between read and write."""
    counter.value = computed(counter.value + 1)


def computed(value: int) -> int:
    """Return the value; with a GIL, threads can switch at this call."""
    return value


def plain(counter: Counter) -> None:
    """Add one, as one statement."""
    counter.value = counter.value + 1


@dataclass
class Seen:
    """The result of one way.

    :param seconds: until the first witness, or of the whole measurement.
    :param overlapping: samples in which each actor began before the other had finished; None if unknown.
    """

    seconds: float
    samples: int
    overlapping: int | None
    lost: int


def with_lab(actor: Actor, *, seconds: float, until_lost: bool) -> Seen:
    """Use the race instrument."""
    begin = time.perf_counter()
    lab = Lab(budget=seconds)
    while True:
        race = lab.race(Counter, actor, actor, observe=value_of)
        if until_lost:
            race.ever(is_one)
            break
        with suppress(Inconclusive):
            race.never(is_impossible)
        if time.perf_counter() - begin > seconds:
            break
    runs = [evidence for evidence in lab.evidence if isinstance(evidence, RaceRun)]
    lost = sum(item["samples"] for run in runs for item in run.outcomes if item["outcome"] == "1")
    samples, overlapping = sum(run.samples for run in runs), sum(run.overlapping for run in runs)
    return Seen(time.perf_counter() - begin, samples, overlapping, lost)


def value_of(counter: Counter) -> int:
    """Return the outcome of a sample."""
    return counter.value


def is_one(value: int) -> bool:
    """Return whether one of two updates was lost."""
    return value == 1


def is_impossible(value: int) -> bool:
    """Return whether an outcome is one that is never seen."""
    return value < 0


def with_fresh_threads(actor: Actor, *, seconds: float, until_lost: bool) -> Seen:
    """Start a pair of threads for each sample."""
    begin = time.perf_counter()
    samples = lost = 0
    while time.perf_counter() - begin < seconds and not (until_lost and lost):
        counter, barrier = Counter(), threading.Barrier(2)
        run_both(partial(after_barrier, actor, counter, barrier))
        samples += 1
        lost += counter.value != 2
    return Seen(time.perf_counter() - begin, samples, None, lost)


def after_barrier(actor: Actor, counter: Counter, barrier: threading.Barrier) -> None:
    """Call the actor after both threads have reached the barrier."""
    barrier.wait()
    actor(counter)


def with_the_articles_loop(actor: Actor, *, seconds: float, until_lost: bool) -> Seen:
    """Run many rounds in two threads, and check at the end."""
    begin = time.perf_counter()
    samples = lost = 0
    while time.perf_counter() - begin < seconds and not (until_lost and lost):
        counter = Counter()
        run_both(partial(many_rounds, actor, counter))
        samples += 1
        lost += counter.value != 2 * ARTICLES_ROUNDS
    return Seen(time.perf_counter() - begin, samples, None, lost)


def many_rounds(actor: Actor, counter: Counter) -> None:
    """Call the actor as often as the article's example does."""
    for _ in range(ARTICLES_ROUNDS):
        actor(counter)


def run_both(target: Callable[[], None]) -> None:
    """Run a function in two new threads."""
    threads = [threading.Thread(target=target) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def with_a_barrier_for_each_sample(actor: Actor, *, seconds: float, until_lost: bool) -> Seen:
    """Let two persistent threads wait for each other before and after each sample."""
    meeting = Meeting(actor, seconds, until_lost)
    threads = [threading.Thread(target=meeting.take_part, args=(me,)) for me in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Seen(time.perf_counter() - meeting.begin, meeting.samples, meeting.overlapping, meeting.lost)


class Meeting:
    """The samples of (c); overlap is defined as by the race instrument."""

    def __init__(self, actor: Actor, seconds: float, until_lost: bool) -> None:
        self.actor, self.seconds, self.until_lost = actor, seconds, until_lost
        self.barrier = threading.Barrier(2)
        self.counter = Counter()
        self.samples = self.overlapping = self.lost = 0
        self.finished = [0, 0]
        self.open = [False, False]
        self.over = False
        self.begin = time.perf_counter()

    def take_part(self, me: int) -> None:
        """Run as one of the two threads."""
        while not self.over:
            self.barrier.wait()
            self.open[me] = self.finished[1 - me] <= self.samples
            self.actor(self.counter)
            self.finished[me] = self.samples + 1
            self.barrier.wait()
            if me == 0:
                self.look()
            self.barrier.wait()

    def look(self) -> None:
        """Count a sample, and prepare the next."""
        self.samples += 1
        self.overlapping += all(self.open)
        self.lost += self.counter.value != 2
        self.counter = Counter()
        self.over = time.perf_counter() - self.begin > self.seconds or (self.until_lost and self.lost > 0)


WAYS: dict[str, Callable[..., Seen]] = {
    "lab.race": with_lab,
    "(a) fresh threads": with_fresh_threads,
    "(b) the article's loop": with_the_articles_loop,
    "(c) a barrier each": with_a_barrier_for_each_sample,
}


def main(times: int) -> None:
    """Measure and print."""
    gil = gil_enabled()
    print(f"{sys.implementation.name} {sys.version.split()[0]}, GIL {'on' if gil else 'off'}")
    for actor in (read_compute_write,) if gil else (read_compute_write, plain):
        print(f"\n{actor.__name__}: seconds to the first witness, {times} times in turns")
        first: dict[str, list[float]] = {way: [] for way in ("lab.race", "(b) the article's loop")}
        for _ in range(times):
            for way, found in first.items():
                found.append(WAYS[way](actor, seconds=TIMEOUT_S, until_lost=True).seconds)
        for way, found in first.items():
            middle, worst = statistics.median(found), max(found)
            print(f"  {way:24} median {middle * 1000:8.1f} ms, longest {worst * 1000:8.1f} ms")
        ratio = statistics.median(slow / fast for fast, slow in zip(*first.values()))
        print(f"  (b) takes {ratio:.1f} times as long as lab.race (median of the pairs)")
        print_rates(actor)
    print_meetings(times, gil=gil)


def together(parts: list[Seen]) -> Seen:
    """Return the sum of measurements."""
    counts = [part.overlapping for part in parts if part.overlapping is not None]
    return Seen(
        sum(part.seconds for part in parts),
        sum(part.samples for part in parts),
        sum(counts) if counts else None,
        sum(part.lost for part in parts),
    )


def print_rates(actor: Actor) -> None:
    """Measure how many samples each way makes per second."""
    print(f"{actor.__name__}: each way {RATE_TIMES} times for {RATE_S:g} s, in turns")
    parts: dict[str, list[Seen]] = {way: [] for way in WAYS}
    for _ in range(RATE_TIMES):
        for way, function in WAYS.items():
            parts[way].append(function(actor, seconds=RATE_S, until_lost=False))
    seen = {way: together(part) for way, part in parts.items()}
    for way, what in seen.items():
        overlapping = "" if what.overlapping is None else f"{what.overlapping / what.seconds:12,.1f} overlapping/s"
        rates = f"{what.samples / what.seconds:12,.1f} samples/s {overlapping:27}"
        print(f"  {way:24} {rates} {what.lost / what.seconds:10,.1f} lost/s")
    race, fresh, barrier = seen["lab.race"], seen["(a) fresh threads"], seen["(c) a barrier each"]
    samples = (race.samples / race.seconds) / (fresh.samples / fresh.seconds)
    print(f"  lab.race makes {samples:,.0f} times as many samples as (a)")
    assert race.overlapping is not None
    assert barrier.overlapping is not None
    # With no sample at all, the ratio is a lower bound: it is computed with one.
    overlaps = (race.overlapping / race.seconds) / (max(1, barrier.overlapping) / barrier.seconds)
    at_least = "" if barrier.overlapping else "at least "
    print(f"  lab.race makes {at_least}{overlaps:,.0f} times as many overlapping samples as (c)")


# --- what goes wrong inside one call


def text_file() -> io.TextIOWrapper:
    """Return a text file that passes each write to its descriptor."""
    return io.TextIOWrapper(io.FileIO(os.memfd_create("printed"), "r+"), write_through=True)


def printed(file: io.TextIOWrapper) -> bytes:
    """Close a text file, and return what was written."""
    with file:
        return os.pread(file.fileno(), 100, 0)


def is_mixed(content: bytes) -> bool:
    """Return whether parts of one line are inside another line."""
    return content not in (b"a b\nc d\n", b"c d\na b\n")


def sort(texts: list[bytes]) -> int:
    """Sort by a C function that releases the GIL; the list is empty meanwhile."""
    texts.sort(key=zlib.crc32)
    return len(texts)


#: Setup, actors, observe, and the outcome to find.
INSIDE: dict[str, tuple[Any, ...]] = {
    "print of two pieces": (
        text_file,
        (lambda file: print("a", "b", file=file), lambda file: print("c", "d", file=file)),
        printed,
        is_mixed,
    ),
    "len of a list that is sorted": (
        lambda: [bytes(20_000) for _ in range(3)],
        (sort, len),
        None,
        lambda lengths: lengths[1] == 0,
    ),
}
#: Those that a GIL prevents.
TORN: dict[str, tuple[Any, ...]] = {
    "next of a count": (itertools.count, (next, next), None, lambda numbers: numbers[0] == numbers[1])
}


def print_meetings(times: int, *, gil: bool) -> None:
    """Measure how soon each strategy finds what goes wrong inside one call."""
    for name, (setup, actors, observe, sought) in {**INSIDE, **({} if gil else TORN)}.items():
        print(f"\n{name}: seconds of sampling to the first witness, {times} times")
        for strategy in strategies_for(gil=gil, cores=2, actors=2):
            with mock.patch.object(search, "strategies_for", lambda strategy=strategy, **_: (strategy,)):
                found = [seconds_to(sought, setup, actors, observe) for _ in range(times)]
            median, worst = statistics.median(found) * 1000, max(found) * 1000
            print(f"  {strategy.value:24} median {median:8.1f} ms, longest {worst:8.1f} ms")


def seconds_to(sought: Callable[[Any], bool], setup: Any, actors: Any, observe: Any) -> float:
    """Return the seconds of sampling until an outcome is seen."""
    lab = Lab(budget=TIMEOUT_S)
    with suppress(Inconclusive):
        lab.race(setup, *actors, observe=observe).ever(sought)
    (run,) = lab.evidence
    assert isinstance(run, RaceRun)
    return run.seconds if run.seen else float("inf")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
