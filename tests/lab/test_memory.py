"""The memory of one more idle thing: exactly, by a simulated gauge; and roughly, by the real one."""

from __future__ import annotations

import json
import mmap
import os
import threading
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.waiting import TIMEOUT_S
from pytest_concclaims import Inconclusive, Lab, MeasurementError, NotApplicable
from pytest_concclaims.lab import lab as lab_module
from pytest_concclaims.lab import memory
from pytest_concclaims.lab.memory import Memory
from pytest_concclaims.lab.process_memory import MemoryInUse, Sizes, gauge
from pytest_concclaims.records.evidence import MemoryRun, from_json, in_bytes

pytestmark = [pytest.mark.interpreter, pytest.mark.starts]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")
has_gauge = pytest.mark.skipif(gauge() is None, reason="memory cannot be measured here")

MIB = 1 << 20
#: Seconds for a question to the real gauge; a settled one takes less.
LONG = 60.0


@pytest.fixture
def lab() -> Lab:
    """Return a lab without evidence."""
    return Lab(budget=LONG)


def last(lab: Lab) -> MemoryRun:
    """Return the evidence of the last question."""
    evidence = lab.evidence[-1]
    assert isinstance(evidence, MemoryRun)
    return evidence


class Computer:
    """A simulated computer with known memory."""

    def __init__(self) -> None:
        self.own = 50 * MIB
        #: The memory that each process has alone.
        self.processes: dict[int, int] = {}
        self.unique = True
        #: The memory of objects in memory that the process had before.
        self.in_use = 0
        #: Of each process, the part of memory that it shares with other started processes.
        self.shared = 0
        #: Of each process, the resident memory, with what it shares with this one.
        self.resident: Counter[int] = Counter()
        #: The events, in order.
        self.log: list[str] = []
        self.running: list[str] = []
        self._number = 0

    def gauge(self, idle: Container[int]) -> MemoryInUse:
        """Return the memory in use."""
        started = {
            process: Sizes(self.resident[process], size if self.unique else None, size + self.shared)
            for process, size in self.processes.items()
            if process not in idle
        }
        glanced_at = {process: float(self.resident[process]) for process in self.processes if process in idle}
        return MemoryInUse(self.own, started, glanced_at)

    def fill(self, size: int) -> list[bytes]:
        """Take memory for good."""
        self.own += size
        return []

    def started(self, name: str) -> int:
        """Record that something was started; return its number."""
        self._number += 1
        self.log.append(f"+{name}")
        self.running.append(name)
        return self._number

    def ended(self, name: str) -> None:
        """Record that it has ended."""
        self.log.append(f"-{name}")
        self.running.remove(name)

    def thread(self, name: str, size: int) -> Callable[[], AbstractContextManager[None]]:
        """Return a function that starts something in this process."""

        @contextmanager
        def start() -> Iterator[None]:
            self.started(name)
            self.own += size
            try:
                yield
            finally:
                self.own -= size
                self.ended(name)

        start.__qualname__ = name
        return start

    def process(self, name: str, own: int, its: int) -> Callable[[], AbstractContextManager[None]]:
        """Return a function that starts a process, for which this process needs some memory as well."""

        @contextmanager
        def start() -> Iterator[None]:
            number = self.started(name)
            self.own += own
            self.processes[number] = its
            try:
                yield
            finally:
                del self.processes[number]
                self.own -= own
                self.ended(name)

        start.__qualname__ = name
        return start


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Computer:
    """Return a simulated computer that the gauge reads."""
    computer = Computer()
    monkeypatch.setattr(lab_module, "gauge", lambda: computer.gauge)
    monkeypatch.setattr(memory, "_objects", computer.fill)
    monkeypatch.setattr(memory, "objects_in_use", lambda: computer.in_use)
    # The real memory of this process is not read, so it need not be collected.
    monkeypatch.setattr(memory, "gc", SimpleNamespace(collect=lambda: 0))
    monkeypatch.setattr("pytest_concclaims.lab.linux.trim", lambda: None)
    return computer


# --- one kind


def test_thing_in_this_process(lab: Lab, computer: Computer) -> None:
    """It takes the growth of this process; 13 samples that agree settle on which side of a number that lies."""
    measured = lab.memory(computer.thread("thread", MIB))
    assert measured > MIB // 2
    found = last(lab)
    assert (found.answer, found.samples, found.value) == (True, 13, MIB)
    assert (found.above, found.below, found.error, found.unique) == (13, 0, 1e-3, True)
    assert found.arms == [{"name": "thread", "median": MIB, "bytes": [MIB] * 13}]


def test_asked_again_it_goes_on(lab: Lab, computer: Computer) -> None:
    """A question that earlier samples answer starts nothing."""
    measured = lab.memory(computer.thread("thread", MIB))
    assert measured > MIB // 2
    log = list(computer.log)
    assert measured < 2 * MIB
    assert not measured > 2 * MIB
    assert measured.between(MIB // 2, 2 * MIB)
    assert measured.above(MIB - 1, else_below=MIB - 2)
    assert last(lab).samples == 13
    assert computer.log == log


def test_process(lab: Lab, computer: Computer) -> None:
    """It takes its unique set size, and the growth of this process."""
    assert lab.memory(computer.process("process", own=1000, its=9 * MIB)) > 8 * MIB
    assert last(lab).value == 9 * MIB + 1000


def test_what_several_processes_share_may_count_or_not(lab: Lab, computer: Computer) -> None:
    """There is no answer between their unique set sizes and what they have with all that they share."""
    start = computer.process("process", own=0, its=MIB)
    computer.shared = 2 * MIB

    @contextmanager
    def start_two() -> Iterator[None]:
        with start(), start():
            yield

    with pytest.raises(Inconclusive):
        lab.memory(start_two, budget=0.05).above(4 * MIB)
    assert lab.memory(start_two) < 8 * MIB
    assert lab.memory(start_two) > MIB
    assert (last(lab).low, last(lab).high) == (2 * MIB, 6 * MIB)
    assert lab.memory(start) < 2 * MIB, "one that was there shares it, so it is not taken for one more"


@pytest.mark.parametrize("grows", [False, True])
def test_processes_of_earlier_samples_are_idle(lab: Lab, computer: Computer, grows: bool) -> None:
    """Memory that became unique to an idle process is not counted for the next thing; new resident memory may be."""

    @contextmanager
    def thread() -> Iterator[None]:
        for process in list(computer.processes)[1:]:  # without the first, which may be a server
            computer.processes[process] += 4 * MIB
            computer.resident[process] += 4 * MIB * grows
        yield

    measured = lab.memory(computer.process("process", own=0, its=MIB), against=thread)
    if grows:
        with pytest.raises(Inconclusive):
            measured.above(0)
    else:
        assert measured > 0
    assert last(lab).arms[1]["median"] == 0


def test_process_from_before_is_not_idle(lab: Lab, computer: Computer) -> None:
    """A server that grows for each client is not idle: its growth counts."""
    computer.processes[-1] = 50 * MIB

    def connect() -> None:
        computer.processes[-1] += 3 * MIB

    assert lab.memory(connect) > 2 * MIB
    assert last(lab).value == 3 * MIB


def test_things_are_started_beside_each_other(lab: Lab, computer: Computer) -> None:
    """One exists before samples begin; all stay until the end, and are ended then."""
    there: list[int] = []
    start = computer.thread("thread", MIB)

    def start_and_count() -> Any:
        there.append(len(computer.running))
        return start()

    assert lab.memory(start_and_count) > MIB // 2
    assert there == list(range(14))
    assert computer.running == []
    assert computer.log == ["+thread"] * 14 + ["-thread"] * 14


def test_first_one_does_not_count(lab: Lab, computer: Computer) -> None:
    """Modules and servers are loaded once, and not for each thing."""
    start = computer.thread("thread", MIB)

    def first_takes_more() -> Any:
        computer.own += 0 if computer.log else 10 * MIB
        return start()

    assert lab.memory(first_takes_more) < 2 * MIB
    assert last(lab).arms[0]["bytes"] == [MIB] * 13


def test_room_that_this_process_has_is_filled_first(
    lab: Lab, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thing that fits into unused memory would seem to take nothing."""
    room = [10 * MIB]

    def take(size: int) -> list[bytes]:
        found = min(size, room[0])
        room[0] -= found
        computer.own += size - found
        return []

    monkeypatch.setattr(memory, "_objects", take)

    @contextmanager
    def start_one() -> Iterator[None]:
        take(MIB)
        yield

    assert lab.memory(start_one) > MIB // 2
    assert last(lab).value == MIB


def test_room_that_cannot_be_filled(lab: Lab, computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing makes this process grow, there is a lower bound only."""
    monkeypatch.setattr(memory, "_objects", lambda _: [])
    assert lab.memory(computer.thread("thread", MIB)).above(MIB // 2)
    assert (last(lab).value, last(lab).high) == (MIB, None)
    for against in (None, computer.thread("other", MIB)):
        with pytest.raises(Inconclusive, match="this process has unused memory"):
            lab.memory(computer.thread("thread", MIB), against=against).below(2 * MIB)
        assert "inf" not in json.dumps(last(lab).to_json(), allow_nan=False)
    assert last(lab).value is None
    assert computer.running == []


def test_objects_in_memory_that_was_there_count_at_most(lab: Lab, computer: Computer) -> None:
    """An object may be in memory that the process had before: that counts for the upper bound only."""
    start = computer.thread("thread", MIB)

    def start_one() -> Any:
        computer.in_use += 8 * MIB
        return start()

    measured = lab.memory(start_one)
    assert answer(measured, 4 * MIB) is None
    assert answer(measured, 8 * MIB) is None, "by the samples that are there"
    assert measured.below(10 * MIB)
    assert measured.above(MIB // 2)
    assert lab.memory(computer.process("process", 0, 16 * MIB), against=start_one).above(4 * MIB)


@pytest.mark.parametrize("against", [False, True])
def test_nothing_is_less_where_memory_is_given_back(lab: Lab, computer: Computer, against: bool) -> None:
    """If memory is returned to the system, what was started may have replaced any amount."""
    start = computer.thread("thread", 8 * MIB)

    def start_one() -> Any:
        computer.own -= 9 * MIB
        return start()

    with pytest.raises(Inconclusive, match="this process returned memory to the system meanwhile"):
        lab.memory(start_one, against=computer.thread("other", 4 * MIB) if against else None).below(MIB)
    assert last(lab).below == 0
    with pytest.raises(Inconclusive, match="this process returned memory to the system meanwhile"):
        assert lab.memory(computer.thread("other", 4 * MIB), against=start_one) > MIB
    assert json.dumps(last(lab).to_json(), allow_nan=False)


def test_things_of_one_name_have_different_names(lab: Lab, computer: Computer) -> None:
    """Functions of one name on one line, or one function twice, have different names in the evidence."""
    lab.memory(computer.thread("thread", MIB), against=computer.thread("thread", 4 * MIB)).below(0)
    assert last(lab).subject.endswith("one more `thread (A)`, minus that of one more `thread (B)`")


@has_gauge
def test_memory_of_ended_threads_is_not_reused(lab: Lab) -> None:
    """A thread would reuse the memory of an ended thread, so that memory is returned to the system before."""
    kept, all_have = [], threading.Barrier(20)

    def work(size: int) -> None:
        taken = [b"1" * size for _ in range(3000)]
        kept.append(b"1" * size)  # it keeps the memory before it from being returned to the system
        all_have.wait(TIMEOUT_S)  # so that each has an arena of its own, if there are enough
        assert taken

    threads = [threading.Thread(target=work, args=(2000,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    @contextmanager
    def thread_with_a_megabyte() -> Iterator[None]:
        ready, end = threading.Event(), threading.Event()

        def hold() -> None:
            held = [b"1" * size for size in range(2000, 2500)]
            ready.set()
            end.wait()
            assert held

        thread = threading.Thread(target=hold)
        thread.start()
        assert ready.wait(TIMEOUT_S)
        try:
            yield
        finally:
            end.set()
            thread.join()

    assert answer(lab.memory(thread_with_a_megabyte), 200 * 1024) is not False


def test_number_of_things_is_limited(lab: Lab, computer: Computer) -> None:
    """The number of things at the same time is limited; another question adds samples."""
    sizes = iter([3 * MIB, *[MIB, 3 * MIB] * 100])

    def start_one() -> Any:
        return computer.thread("thread", next(sizes))()

    measured = lab.memory(start_one)
    for asked in (1, 2):
        with pytest.raises(Inconclusive):
            measured.above(2 * MIB)
        assert last(lab).samples == asked * memory._MOST_STARTED
        assert computer.log.count("+thread") == asked * (1 + memory._MOST_STARTED)
        assert computer.running == []


def test_memory_of_what_has_ended_is_not_taken_off(lab: Lab, computer: Computer) -> None:
    """If a process of other code ends meanwhile, the growth does not become less."""
    start = computer.process("process", own=0, its=MIB)
    computer.processes.update({-number: 100 * MIB for number in range(1, 100)})

    def somebody_ends() -> Any:
        computer.processes.pop(min(computer.processes), None)
        return start()

    measured = lab.memory(somebody_ends)
    assert measured.above(MIB // 2)
    assert last(lab).value == MIB


def test_thing_that_cannot_be_ended(lab: Lab, computer: Computer) -> None:
    """If a function returns no context manager, what it started is not ended."""

    def take() -> None:
        computer.log.append("+")
        computer.own += MIB

    assert lab.memory(take) > MIB // 2
    assert computer.log == ["+"] * 14


def test_memory_that_is_as_much_as_the_number(lab: Lab, computer: Computer) -> None:
    """It lies on neither side, so there is no answer; all that was started is ended."""
    measured = lab.memory(computer.thread("thread", MIB))
    with pytest.raises(Inconclusive, match="resident memory of one more `thread`"):
        measured.above(MIB)
    assert last(lab).answer is None
    assert computer.running == []


def test_budget_is_spent(lab: Lab, computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least one sample is measured, and none begins after the end."""
    now = [0.0]
    monkeypatch.setattr(memory, "clock", lambda: now[0])

    def start_one() -> Any:
        now[0] += 10.0
        return computer.thread("thread", MIB)()

    measured = lab.memory(start_one, budget=35.0)
    with pytest.raises(Inconclusive):
        measured.above(MIB)
    assert last(lab).samples == 3
    measured = lab.memory(start_one, budget=1.0)
    with pytest.raises(Inconclusive):
        measured.above(MIB)
    assert last(lab).samples == 1
    assert computer.running == []


@pytest.mark.parametrize("number", [-MIB, 0, 1, 16 * 1024])
def test_question_that_has_one_answer_at_most(lab: Lab, computer: Computer, number: int) -> None:
    """Nothing takes less than nothing, so the question could not be refuted."""
    with pytest.raises(ValueError, match=r"so nothing lies below it; compare with more than 16 KiB"):
        lab.memory(computer.thread("thread", MIB)).above(number)
    with pytest.raises(ValueError, match="so nothing lies below it"):
        lab.memory(computer.thread("thread", MIB)).below(number)
    assert computer.log == []


def test_no_answer_has_the_numbers_of_samples(lab: Lab, computer: Computer) -> None:
    """Not only the budget ends it: the number of things is limited."""
    with pytest.raises(Inconclusive) as caught:
        lab.memory(computer.thread("thread", MIB), budget=1e9).above(MIB)
    words = "40 were started, the maximum. Of 40 samples, 0 lie above 1.02 MiB, 0 below 0.984 MiB"
    assert words in str(caught.value)


def test_unknown_unique_set_size_is_recorded(lab: Lab, computer: Computer) -> None:
    """If the unique set size is unknown once, the record says so."""
    start = computer.process("process", own=0, its=MIB)

    def start_one() -> Any:
        computer.unique = len(computer.log) != 5
        return start()

    assert lab.memory(start_one) > MIB // 2
    assert last(lab).unique is False


def test_memory_that_may_be_shared_is_not_unique(lab: Lab, computer: Computer) -> None:
    """If unique set sizes are unknown, all resident memory may be shared: it counts for the upper bound only."""
    computer.unique = False
    start = computer.process("process", own=0, its=MIB)
    with pytest.raises(Inconclusive, match="the system does not report the unique set size of a started process"):
        lab.memory(start).above(MIB // 2)
    assert lab.memory(start).below(2 * MIB)
    against = lab.memory(start, against=computer.thread("thread", 2 * MIB))
    assert not against.above(0)


# --- one against the other


def test_against(lab: Lab, computer: Computer) -> None:
    """It is the difference of the two kinds in adjacent pairs."""
    process, thread = computer.process("process", own=10, its=MIB), computer.thread("thread", 1000)
    assert lab.memory(process, against=thread) > 0
    found = last(lab)
    assert found.value == MIB + 10 - 1000
    assert found.arms == [
        {"name": "process", "median": MIB + 10, "bytes": [MIB + 10] * 13},
        {"name": "thread", "median": 1000, "bytes": [1000] * 13},
    ]
    assert found.subject == "resident memory of one more `process`, minus that of one more `thread`"
    assert not lab.memory(thread, against=process) > 0
    assert last(lab).value == 1000 - MIB - 10
    assert computer.running == []


def test_order_is_drawn(lab: Lab, computer: Computer) -> None:
    """Either can come first, and the numbers belong to the right kind."""
    one, other = computer.thread("one", 2 * MIB), computer.thread("other", MIB)
    with pytest.raises(Inconclusive):
        lab.memory(one, against=other).above(MIB)
    starts = [event[1:] for event in computer.log if event[0] == "+"][2:]
    pairs = {tuple(starts[index : index + 2]) for index in range(0, len(starts), 2)}
    assert pairs == {("one", "other"), ("other", "one")}  # 40 equal ones have a probability of 10 ** -11
    sizes = [set(arm["bytes"]) for arm in last(lab).arms]
    assert sizes == [{2 * MIB}, {MIB}]


# --- what goes wrong


def test_start_that_raises(lab: Lab, computer: Computer) -> None:
    """It is an error with a traceback, and all that was started before is ended."""
    start = computer.thread("thread", 5)

    def start_three() -> Any:
        if len(computer.running) == 3:
            raise LookupError("no room")
        return start()

    measured = lab.memory(start_three)
    with pytest.raises(
        MeasurementError, match=r"lab\.memory\(start_three\): start_three raised LookupError: no room"
    ):
        measured.above(MIB)
    assert computer.log == ["+thread"] * 3 + ["-thread"] * 3
    failure = last(lab).failure
    assert failure is not None
    assert "in start_three\n" in failure["details"]
    assert str(Path(memory.__file__).parent) not in failure["details"]
    assert "no room" in str(lab.failed)


@pytest.mark.parametrize("error", [AssertionError("not so"), SystemExit(3)], ids=repr)
def test_start_that_raises_what_is_no_error(lab: Lab, computer: Computer, error: BaseException) -> None:
    """An exception of a start is about that start, and not about the claim."""

    def start_one() -> None:
        raise error

    with pytest.raises(MeasurementError, match=f"start_one raised {type(error).__name__}"):
        lab.memory(start_one).above(MIB)


def test_entering_that_raises(lab: Lab, computer: Computer) -> None:
    """Entering the context is part of the start."""

    @contextmanager
    def start_one() -> Iterator[None]:
        raise LookupError("no room")
        yield

    with pytest.raises(MeasurementError, match="start_one raised LookupError: no room"):
        lab.memory(start_one).above(MIB)


def test_end_that_raises(lab: Lab, computer: Computer) -> None:
    """The error says that it was raised at the end; the others are ended all the same."""
    start = computer.thread("thread", 5)

    @contextmanager
    def start_one() -> Iterator[None]:
        number = len(computer.log)
        with start():
            yield
        if number == 7:
            raise LookupError("it does not want to")

    with pytest.raises(MeasurementError, match="ending what was started raised LookupError: it does not") as caught:
        lab.memory(start_one).above(MIB)
    assert "in start_one\n" in str(caught.value)
    assert computer.running == []


def test_ctrl_c_ends_everything(lab: Lab, computer: Computer) -> None:
    """It is not a failure of what is started."""
    start = computer.thread("thread", 5)

    def start_one() -> Any:
        if len(computer.running) == 3:
            raise KeyboardInterrupt
        return start()

    with pytest.raises(KeyboardInterrupt):
        lab.memory(start_one).above(MIB)
    assert computer.running == []


def test_without_a_gauge(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is NOT APPLICABLE, even if it goes on."""
    monkeypatch.setattr(lab_module, "gauge", lambda: None)
    with pytest.raises(NotApplicable, match="psutil is not installed") as caught:
        lab.memory(object)
    assert lab.unsettled is caught.value


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"start_one": 5}, TypeError, "start_one is 5, which cannot be called"),
        ({"start_one": None}, TypeError, "pass the function itself"),
        ({"against": 5}, TypeError, "against is 5, which cannot be called"),
        ({"budget": 0}, ValueError, r"budget=0\)"),
    ],
)
def test_bad_arguments(
    lab: Lab, computer: Computer, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Invalid arguments are errors at once, with the argument's name."""
    given: dict[str, Any] = {"start_one": computer.thread("thread", 5), **changes}
    with pytest.raises(error, match=words):
        lab.memory(given.pop("start_one"), **given)


# --- words and evidence


def test_words_have_units(lab: Lab, computer: Computer) -> None:
    """Bytes have a suitable unit."""
    measured = lab.memory(computer.process("process", own=0, its=9 * MIB))
    assert repr(measured) == "<lab.memory(process): not measured yet>"
    assert (computer.log, lab.evidence) == ([], ())
    assert measured > MIB
    assert repr(measured) == "<lab.memory(process): 9 MiB (9 MiB to 9 MiB), 13 samples>"
    assert len(lab.evidence) == 1
    assert last(lab).phrase().startswith("resident memory of one more `process`: 9 MiB (9 MiB to 9 MiB); above ")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (-500, "-500 B"),
        (1024, "1 KiB"),
        (-1536, "-1.5 KiB"),
        (9.5 * MIB, "9.5 MiB"),
        (3 * MIB * 1024, "3 GiB"),
    ],
)
def test_bytes_in_words(value: float, words: str) -> None:
    """The units are those of IEC 80000-13."""
    assert in_bytes(value) == words


def test_evidence_can_be_stored(lab: Lab, computer: Computer) -> None:
    """It can be stored as JSON, and read again."""
    assert lab.memory(computer.thread("a", MIB), against=computer.thread("b", 5)) > 0
    assert from_json(json.loads(json.dumps(last(lab).to_json()))) == last(lab)


def test_two_measurements_cannot_be_compared(lab: Lab, computer: Computer) -> None:
    """The error says what to write."""
    one, other = lab.memory(computer.thread("a", 10)), lab.memory(computer.thread("b", 5))
    with pytest.raises(TypeError, match=r"lab\.memory\(start_a, against=start_b\) > 0"):
        assert one > other  # type: ignore[operator]  # types refuse it, too


# --- the real gauge


def answer(measured: Memory, number: float) -> bool | None:
    """Return whether it lies above a number, if that is settled."""
    try:
        return measured > number
    except Inconclusive:
        return None


@contextmanager
def eight_mebibytes() -> Iterator[None]:
    """Allocate them, and write to each page."""
    with mmap.mmap(-1, 8 * MIB) as taken:
        for page in range(0, 8 * MIB, mmap.PAGESIZE):
            taken[page] = 1
        yield


def half_and_double_of_eight() -> tuple[bool, bool]:
    """Return whether they take more than half of that, and less than double."""
    measured = Lab(budget=LONG).memory(eight_mebibytes)
    above_half = measured > 4 * MIB
    below_double = measured < 16 * MIB
    return above_half, below_double


@has_gauge
def test_memory_that_is_touched_is_seen(lab: Lab) -> None:
    """At least half of it counts, and it does not count twice, in an interpreter without much unused memory."""
    assert lab.child(half_and_double_of_eight, deadline=3 * LONG).value == (True, True)


@has_gauge
def test_thread_that_is_idle(lab: Lab) -> None:
    """Threads are started, and have ended at the end."""

    @contextmanager
    def thread() -> Iterator[None]:
        done, begun = threading.Event(), threading.Event()

        def wait() -> None:
            begun.set()
            done.wait(TIMEOUT_S)

        idle = threading.Thread(target=wait)
        idle.start()
        try:
            begun.wait(TIMEOUT_S)
            yield
        finally:
            done.set()
            idle.join()

    before = threading.active_count()
    measured = lab.memory(thread)
    assert answer(measured, 8 * MIB) is not True
    assert threading.active_count() == before


@contextmanager
def forked_child(touched: int) -> Iterator[None]:
    """Fork a child that writes to some memory and waits; it shares much memory with this process."""
    reading, writing = os.pipe()
    waiting, letting_go = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(letting_go)
            taken = bytearray(os.urandom(1)) * touched
            os.write(writing, b"!")
            os.read(waiting, 1)
            del taken
        finally:
            os._exit(0)
    try:
        os.close(writing)
        os.close(waiting)
        assert os.read(reading, 1) == b"!"
        yield
    finally:
        os.close(reading)
        os.close(letting_go)
        os.waitpid(pid, 0)


def children() -> set[int]:
    """Return the children of this process (Linux: proc(5), stat)."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
    return found


@forks
@has_gauge
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_forked_child_takes_what_is_its_own(lab: Lab) -> None:
    """Memory that it shares with this process does not count twice, if the system reports that."""
    before = children()  # such as multiprocessing's, of earlier tests
    shared = bytearray(b"x") * (32 * MIB)
    idle = lab.memory(lambda: forked_child(0))
    above = answer(idle, 24 * MIB)
    assert not last(lab).unique or above is not True
    assert last(lab).failure is None
    busy = lab.memory(lambda: forked_child(8 * MIB))
    assert busy > 6 * MIB
    assert children() <= before
    assert shared
