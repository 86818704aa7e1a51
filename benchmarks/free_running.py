"""Threads that run freely on small objects, in several ways, until outcomes are wrong or time is up.

``lab.race`` is compared with this, so this does not use it. Each way runs in a forked process of its own, as an
object may crash or deadlock.

With a GIL, the moment at which a thread is preempted decides. Each thread does a stride: the same states in the same
order. While one is preempted in a state, the others pass through that state; so none may be far ahead. The switch
interval is drawn for each stride: at 1 us, threads are preempted at every switch point, which is slow, and always the
same; at 100 us, seldom. Since CPython 3.11, new code has switch points that it loses when it is specialized, so in
some strides the threads renew their code all the time.

Without a GIL, the threads spin until all have reached a state.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import queue
import random
import select
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NoReturn

from small_objects import SmallObject

from pytest_concclaims import CPYTHON, PYPY, gil_enabled
from pytest_concclaims.lab.linux import sharpen_timers

DEADLOCK = "DEADLOCK"
CRASH = "CRASH"
HANG = "HANG"
#: The range of switch intervals; the decimal exponent is drawn.
SWITCH_INTERVALS_S = (8e-6, 4e-5)
#: Seconds without progress after which it is checked whether the threads are stuck.
CHECK_INTERVAL_S = 0.3
#: Seconds after its time that a child gets to end.
GRACE_S = 20.0
#: Number of wrong outcomes after which a way ends.
ENOUGH = 10
#: Spins after which a thread does not wait any longer for the others, which may have no CPU.
MOST_SPINS = 1_000
#: Maximum of naps of a thread that is far ahead, as the other thread may be blocked.
NAP_S = 2e-5
MOST_NAPS = 50
#: By how many states a thread may be ahead; drawn for each stride.
LEADS = (8, 16, 64, 64)
COLLECTION_INTERVAL_S = 1e-4
#: Modules and classes of the standard library whose code is renewed with that of the object.
STANDARD = (threading.Condition, threading.Event, functools.cached_property, queue.Queue)


@dataclass(frozen=True)
class Way:
    """A way of running threads freely.

    :param sizes: numbers of states of a stride; drawn at random.
    :param meets: whether the threads wait for each other before each state.
    :param cold: whether code is renewed all the time.
    :param jit: whether PyPy compiles.
    :param collects: whether another thread collects garbage all the time. A collection stops all threads, also inside
        critical sections of C code.
    """

    name: str
    sizes: tuple[int, ...]
    meets: bool = False
    cold: bool = False
    jit: bool = True
    collects: bool = False


def ways() -> tuple[Way, ...]:
    """Return the ways that apply to this interpreter."""
    short, long = (1, 8, 32, 100, 400), (100,)
    if not gil_enabled():
        strides = Way("strides", short)
        return (Way("meet", long, meets=True), strides, replace(strides, name="collections", collects=True))
    if PYPY:
        return (Way("interpreted", short, jit=False), Way("compiled", short))
    if CPYTHON and sys.version_info >= (3, 11):
        return (Way("strides", short), Way("new code", short, cold=True))
    return (Way("strides", short),)


@dataclass
class Seen:
    """The outcomes of an object.

    :param outcomes: the count of each outcome, by its ``repr``.
    :param wrong: the count of each wrong outcome.
    :param first_s: seconds until the first wrong one.
    """

    samples: int = 0
    seconds: float = 0.0
    first_s: float | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, more: Seen) -> None:
        """Add the outcomes of another run."""
        if self.first_s is None and more.first_s is not None:
            self.first_s = self.seconds + more.first_s
        self.samples += more.samples
        self.seconds += more.seconds
        self.outcomes += more.outcomes
        self.wrong += more.wrong


def brute_force(what: SmallObject, seconds: float, *, enough: int = ENOUGH) -> dict[str, Seen]:
    """Run threads on an object in each way, until it was wrong ``enough`` times or time is up."""
    found: dict[str, Seen] = {}
    each = seconds / len(ways())
    for way in ways():
        seen = found[way.name] = Seen()
        begin = time.perf_counter()
        while time.perf_counter() - begin < each and sum(seen.wrong.values()) < enough:
            left = each - (time.perf_counter() - begin)
            seen.add(in_child(what, way, left, enough - sum(seen.wrong.values())))
    return found


def in_child(what: SmallObject, way: Way, seconds: float, enough: int) -> Seen:
    """Run one way in a forked process."""
    sys.stdout.flush()
    begin = time.perf_counter()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_child(what, way, seconds, enough, writer)
    os.close(writer)
    with open(reader, "rb") as pipe:  # noqa: PTH123  (a descriptor)
        ready, _, _ = select.select([pipe], [], [], seconds + GRACE_S)
        if not ready:
            os.kill(child, signal.SIGKILL)
        text = pipe.read()
    os.waitpid(child, 0)
    if not text:
        ended = Counter([CRASH if ready else HANG])
        spent = time.perf_counter() - begin
        return Seen(1, spent, spent, ended, ended)
    said = json.loads(text)
    return Seen(
        said["samples"],
        time.perf_counter() - begin,
        said["first_s"],
        Counter(said["outcomes"]),
        Counter(said["wrong"]),
    )


def _be_child(what: SmallObject, way: Way, seconds: float, enough: int, writer: int) -> NoReturn:
    """Run the threads, and send the outcomes to the parent."""
    try:
        sharpen_timers()
        if PYPY and not way.jit:
            import pypyjit  # type: ignore[import-not-found]  # only PyPy has it

            pypyjit.set_param("off")
        seen = Contest(what, way).run(seconds, enough)
        said = {
            "samples": seen.samples,
            "first_s": seen.first_s,
            "outcomes": dict(seen.outcomes),
            "wrong": dict(seen.wrong),
        }
        os.write(writer, json.dumps(said).encode())
    except BaseException:  # noqa: BLE001  (it must not leave the child)
        import traceback

        traceback.print_exc()
    finally:
        os._exit(0)


class Contest:
    """Persistent threads that do one stride after another."""

    def __init__(self, what: SmallObject, way: Way) -> None:
        self.what, self.way = what, way
        self.actors = what.actors
        count = len(self.actors)
        self.draw = random.Random()  # noqa: S311  (not a secret)
        self.go = [threading.Lock() for _ in range(count)]
        self.done = [threading.Lock() for _ in range(count)]
        for lock in (*self.go, *self.done):
            lock.acquire()
        self.states: list[Any] = []
        self.values: list[list[object]] = [[] for _ in range(count)]
        self.arrived = [-1] * count
        self.lead = 0
        self.delays = [0] * count
        self.jitter = [self.draw.randrange(20) for _ in range(1009)]
        self.ids: list[int] = [0] * count
        self.functions = functions_used_by(what) if way.cold else ()
        for me in range(count):
            threading.Thread(target=self._work, args=(me,), daemon=True).start()
        if way.collects:
            gc.freeze()  # so that collections do not look at existing objects
            threading.Thread(target=_collect, daemon=True).start()

    def run(self, seconds: float, enough: int) -> Seen:
        """Do strides until time is up, ``enough`` outcomes were wrong, or the threads are stuck."""
        seen = Seen()
        begin = time.perf_counter()
        while seen.seconds < seconds and sum(seen.wrong.values()) < enough:
            shortest, longest = SWITCH_INTERVALS_S
            sys.setswitchinterval(shortest * (longest / shortest) ** self.draw.random())
            stuck = self._stride(self.draw.choice(self.way.sizes) if self.what.pooled else 1)
            seen.seconds = time.perf_counter() - begin
            for outcome in self._outcomes():
                shown = repr(outcome)
                seen.samples += 1
                seen.outcomes[shown] += 1
                if self.what.is_wrong(outcome):
                    seen.wrong[shown] += 1
            if stuck:
                seen.samples += 1
                seen.outcomes[DEADLOCK] += 1
                seen.wrong[DEADLOCK] += 1
            if seen.wrong and seen.first_s is None:
                seen.first_s = seen.seconds
            if stuck:
                break
        return seen

    def _stride(self, size: int) -> bool:
        """Run the threads on fresh states; return whether they are stuck."""
        what, draw = self.what, self.draw
        self.states = [what.setup() for _ in range(size)]
        count = len(self.actors)
        self.values = [[] for _ in range(count)]
        self.arrived = [-1] * count
        self.lead = draw.choice(LEADS)
        # The thread that starts first needs some microseconds before it can be preempted.
        self.delays = [draw.choice((0, 0, draw.randrange(200))) for _ in range(count)]
        for me in draw.sample(range(count), count):
            self.go[me].release()
        for me in range(count):
            last: list[int] | None = None
            while not self.done[me].acquire(timeout=CHECK_INTERVAL_S):
                now = [len(values) for values in self.values]
                if now == last and all(map(is_asleep, self.ids)):
                    return True
                last = now
        return False

    def _outcomes(self) -> Iterator[object]:
        """Yield the outcomes of states that all actors have finished."""
        for values, state in zip(zip(*self.values), self.states):
            raised = next((value for value in values if isinstance(value, Raised)), None)
            if raised is not None:
                yield raised
            else:
                yield values if self.what.observe is None else self.what.observe(state)

    def _work(self, me: int) -> None:
        """Run as one of the threads."""
        self.ids[me] = threading.get_native_id()
        while True:
            self.go[me].acquire()
            try:
                self._act(me)
            finally:
                self.done[me].release()

    def _act(self, me: int) -> None:
        """Call the actor with each of the states."""
        actor, values, jitter, functions = self.actors[me], self.values[me], self.jitter, self.functions
        offset = self.draw.randrange(500) + me
        for _ in range(self.delays[me]):
            pass
        arrived, neighbour, lead, meets = self.arrived, (me + 1) % len(self.actors), self.lead, self.way.meets
        for number, state in enumerate(self.states):
            arrived[me] = number
            if functions and number % 2 == me % 2:
                renew(*functions)
            if meets:
                self._meet(number)
                for _ in range(jitter[(offset + number) % 1009]):
                    pass
            elif number - arrived[neighbour] > lead:
                self._let_catch_up(number - lead // 2, neighbour)
            try:
                values.append(actor(state))
            except Exception as error:  # noqa: BLE001  (it is an outcome)
                values.append(Raised(type(error).__name__))

    def _meet(self, number: int) -> None:
        """Wait until all threads have reached a state."""
        arrived = self.arrived
        for _ in range(MOST_SPINS):
            if min(arrived) >= number:
                break

    def _let_catch_up(self, number: int, neighbour: int) -> None:
        """Wait until another thread has reached a state: a thread that is far ahead does not overlap with it."""
        for _ in range(MOST_NAPS):
            if self.arrived[neighbour] >= number:
                break
            time.sleep(NAP_S)


def _collect() -> NoReturn:
    """Collect garbage all the time."""
    while True:
        gc.collect()
        time.sleep(COLLECTION_INTERVAL_S)


@dataclass(frozen=True)
class Raised:
    """An outcome: an actor raised an exception."""

    name: str


def is_asleep(native_id: int) -> bool:
    """Return whether a thread of this process sleeps in the kernel; True if unknown."""
    try:
        stat = Path(f"/proc/self/task/{native_id}/stat").read_bytes()
    except OSError:
        return True
    return stat.rpartition(b")")[2].split()[0] == b"S"


# --- new code


def functions_used_by(what: SmallObject) -> tuple[FunctionType, ...]:
    """Return the functions that the actors may call: their own, and those whose names occur in what they may call.

    All special methods are included, as they are called without their names.
    """
    used = {actor: None for actor in what.actors if isinstance(actor, FunctionType)}
    homes: list[ModuleType | type] = [sys.modules[name] for name in {actor.__module__ for actor in used}]
    others = [function for home in (*homes, *STANDARD) for function in functions_of(home)]
    names: set[str] = set()
    while True:
        named = set().union(*(names_in(function.__code__) for function in used))
        if named <= names:
            special = (other for other in others if other.__name__.startswith("__"))
            return (*used, *special)
        names |= named
        used.update((other, None) for other in others if other.__name__ in names)


def names_in(code: CodeType) -> set[str]:
    """Return the names that code looks up, including those of nested code."""
    return set(code.co_names).union(*(names_in(item) for item in code.co_consts if isinstance(item, CodeType)))


def functions_of(home: ModuleType | type) -> Iterator[FunctionType]:
    """Yield the functions that are defined in a module or class."""
    for value in list(vars(home).values()):
        if isinstance(value, FunctionType):
            yield value
        elif isinstance(value, property):
            yield from (part for part in (value.fget, value.fset) if isinstance(part, FunctionType))
        elif isinstance(value, functools.cached_property):
            if isinstance(value.func, FunctionType):
                yield value.func
        elif (
            isinstance(value, type)
            and isinstance(home, ModuleType)
            and value.__module__ == home.__name__
            and value is not SmallObject
        ):
            yield from functions_of(value)


def renew(*functions: FunctionType) -> None:
    """Give functions new copies of their code, which are not specialized."""
    for function in functions:
        function.__code__ = new_code(function.__code__)


def new_code(code: CodeType) -> CodeType:
    """Return a new copy of code, nested code included."""
    constants = tuple(new_code(item) if isinstance(item, CodeType) else item for item in code.co_consts)
    return code.replace(co_consts=constants)
