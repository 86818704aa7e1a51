"""What one more idle thing costs: by a gauge of our own to the byte, and by the real one as far as can be told."""

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
has_gauge = pytest.mark.skipif(gauge() is None, reason="nothing can tell memory here")

MIB = 1 << 20
#: Seconds for a question to the real gauge; one that is settled takes no more than it needs.
LONG = 60.0


@pytest.fixture
def lab() -> Lab:
    """Return a lab without evidence so far."""
    return Lab(budget=LONG)


def last(lab: Lab) -> MemoryRun:
    """Return the evidence of the last question."""
    evidence = lab.evidence[-1]
    assert isinstance(evidence, MemoryRun)
    return evidence


class Computer:
    """A computer whose memory is what is written down here."""

    def __init__(self) -> None:
        self.own = 50 * MIB
        #: What each has alone.
        self.processes: dict[int, int] = {}
        self.unique = True
        #: What objects take of memory that was there before.
        self.in_use = 0
        #: What each process has a part of, with others that were started.
        self.shared = 0
        #: What each has that is resident, with what it shares with this one.
        self.resident: Counter[int] = Counter()
        #: What has happened, in order.
        self.log: list[str] = []
        self.running: list[str] = []
        self._number = 0

    def gauge(self, idle: Container[int]) -> MemoryInUse:
        """Read it."""
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
        """Take down that something was started; return its number."""
        self._number += 1
        self.log.append(f"+{name}")
        self.running.append(name)
        return self._number

    def ended(self, name: str) -> None:
        """Take down that it has ended."""
        self.log.append(f"-{name}")
        self.running.remove(name)

    def thread(self, name: str, size: int) -> Callable[[], AbstractContextManager[None]]:
        """Return what starts something in this process."""

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
        """Return what starts a process, for which this one needs some memory as well."""

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
    """Have a computer of our own."""
    computer = Computer()
    monkeypatch.setattr(lab_module, "gauge", lambda: computer.gauge)
    monkeypatch.setattr(memory, "_objects", computer.fill)
    monkeypatch.setattr(memory, "objects_in_use", lambda: computer.in_use)
    # Nothing looks at this process's own memory, so nothing has to be tidy there.
    monkeypatch.setattr(memory, "gc", SimpleNamespace(collect=lambda: 0))
    monkeypatch.setattr("pytest_concclaims.lab.linux.trim", lambda: None)
    return computer


# --- one kind


def test_thing_in_this_process(lab: Lab, computer: Computer) -> None:
    """It takes what this process takes more: 13 that agree settle on which side of a number that lies."""
    measured = lab.memory(computer.thread("thread", MIB))
    assert measured > MIB // 2
    found = last(lab)
    assert (found.answer, found.samples, found.value) == (True, 13, MIB)
    assert (found.above, found.below, found.error, found.unique) == (13, 0, 1e-3, True)
    assert found.arms == [{"name": "thread", "median": MIB, "bytes": [MIB] * 13}]


def test_asked_again_it_goes_on(lab: Lab, computer: Computer) -> None:
    """What is known already takes nothing more."""
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
    """It takes what it takes alone, and what this process takes more for it."""
    assert lab.memory(computer.process("process", own=1000, its=9 * MIB)) > 8 * MIB
    assert last(lab).value == 9 * MIB + 1000


def test_what_several_processes_share_may_count_or_not(lab: Lab, computer: Computer) -> None:
    """Between what each takes alone and what they have with all that they share there is no answer."""
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
def test_processes_of_the_crowd_are_idle(lab: Lab, computer: Computer, grows: bool) -> None:
    """What they have alone as this process wrote to it, the next thing has not taken; what is new to them, it may."""

    @contextmanager
    def thread() -> Iterator[None]:
        for process in list(computer.processes)[1:]:  # but for the first, which may be a server
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


def test_process_that_was_there_is_no_one_of_the_crowd(lab: Lab, computer: Computer) -> None:
    """A server that takes more for each client is no idle thing: what it takes counts."""
    computer.processes[-1] = 50 * MIB

    def connect() -> None:
        computer.processes[-1] += 3 * MIB

    assert lab.memory(connect) > 2 * MIB
    assert last(lab).value == 3 * MIB


def test_things_are_started_beside_each_other(lab: Lab, computer: Computer) -> None:
    """One is there already when samples begin, all stay until the end, and all have ended then."""
    there: list[int] = []
    start = computer.thread("thread", MIB)

    def start_and_count() -> Any:
        there.append(len(computer.running))
        return start()

    assert lab.memory(start_and_count) > MIB // 2
    assert there == list(range(14))
    assert computer.running == []
    assert computer.log == ["+thread"] * 14 + ["-thread"] * 14


def test_what_the_first_one_takes_along_does_not_count(lab: Lab, computer: Computer) -> None:
    """Modules and servers come once, and not for one more."""
    start = computer.thread("thread", MIB)

    def first_takes_more() -> Any:
        computer.own += 0 if computer.log else 10 * MIB
        return start()

    assert lab.memory(first_takes_more) < 2 * MIB
    assert last(lab).arms[0]["bytes"] == [MIB] * 13


def test_room_that_this_process_has_is_filled_first(
    lab: Lab, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What finds room in memory that is not in use would seem to cost nothing."""
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


def test_room_that_has_no_end(lab: Lab, computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing makes this process grow, what is seen is taken at least; how much at most is not known."""
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
    """Nothing is said to take less than they do, nor more: the memory may be theirs or another's."""
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
    """What has come in its place may be any amount."""
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


def test_things_of_one_name_are_told_apart(lab: Lab, computer: Computer) -> None:
    """They are on one line, or the same."""
    lab.memory(computer.thread("thread", MIB), against=computer.thread("thread", 4 * MIB)).below(0)
    assert last(lab).subject.endswith("one more `thread (A)`, minus that of one more `thread (B)`")


@has_gauge
def test_memory_that_ended_threads_have_left_is_not_taken_for_none(lab: Lab) -> None:
    """A thread finds it, and does not make the process grow: it is given back to the system before."""
    kept, all_have = [], threading.Barrier(20)

    def work(size: int) -> None:
        taken = [b"1" * size for _ in range(3000)]
        kept.append(b"1" * size)  # it keeps the memory before it from being given back
        all_have.wait(TIMEOUT_S)  # so that each has an arena of its own, as far as there are enough
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


def test_crowd_has_an_end(lab: Lab, computer: Computer) -> None:
    """The number of those beside each other is limited; what is lacking comes with the next question."""
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
    """A process that ends meanwhile, which other code has started, makes nothing smaller."""
    start = computer.process("process", own=0, its=MIB)
    computer.processes.update({-number: 100 * MIB for number in range(1, 100)})

    def somebody_ends() -> Any:
        computer.processes.pop(min(computer.processes), None)
        return start()

    measured = lab.memory(somebody_ends)
    assert measured.above(MIB // 2)
    assert last(lab).value == MIB


def test_thing_that_cannot_be_ended(lab: Lab, computer: Computer) -> None:
    """A function that returns no context manager has started something for good."""

    def take() -> None:
        computer.log.append("+")
        computer.own += MIB

    assert lab.memory(take) > MIB // 2
    assert computer.log == ["+"] * 14


def test_memory_that_is_as_much_as_the_number(lab: Lab, computer: Computer) -> None:
    """It lies neither above nor below, so there is no answer, and everything has ended."""
    measured = lab.memory(computer.thread("thread", MIB))
    with pytest.raises(Inconclusive, match="resident memory of one more `thread`"):
        measured.above(MIB)
    assert last(lab).answer is None
    assert computer.running == []


def test_budget_is_spent(lab: Lab, computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sample there is in any case, and none after the end."""
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
    """Nothing takes less than nothing: what asks for that could not lose."""
    with pytest.raises(ValueError, match=r"so nothing lies below it; compare with more than 16 KiB"):
        lab.memory(computer.thread("thread", MIB)).above(number)
    with pytest.raises(ValueError, match="so nothing lies below it"):
        lab.memory(computer.thread("thread", MIB)).below(number)
    assert computer.log == []


def test_no_answer_says_how_many_lie_where(lab: Lab, computer: Computer) -> None:
    """What ends it is not always the time: no more than some are started beside each other."""
    with pytest.raises(Inconclusive) as caught:
        lab.memory(computer.thread("thread", MIB), budget=1e9).above(MIB)
    words = "40 were started, the maximum. Of 40 samples, 0 lie above 1.02 MiB, 0 below 0.984 MiB"
    assert words in str(caught.value)


def test_it_is_said_that_something_was_not_told(lab: Lab, computer: Computer) -> None:
    """Where the system does not tell what is unique, once is enough for the record to say so."""
    start = computer.process("process", own=0, its=MIB)

    def start_one() -> Any:
        computer.unique = len(computer.log) != 5
        return start()

    assert lab.memory(start_one) > MIB // 2
    assert last(lab).unique is False


def test_what_a_process_may_share_is_no_memory_of_its_own(lab: Lab, computer: Computer) -> None:
    """Where the system does not tell, all that is resident may be shared: it is taken at most, and not at least."""
    computer.unique = False
    start = computer.process("process", own=0, its=MIB)
    with pytest.raises(Inconclusive, match="the system does not report the unique set size of a started process"):
        lab.memory(start).above(MIB // 2)
    assert lab.memory(start).below(2 * MIB)
    against = lab.memory(start, against=computer.thread("thread", 2 * MIB))
    assert not against.above(0)


# --- one against the other


def test_against(lab: Lab, computer: Computer) -> None:
    """It is the difference of the two in adjacent pairs, of which each has both kinds."""
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
    """Now the one comes first, and now the other; the figures are not mixed up by that."""
    one, other = computer.thread("one", 2 * MIB), computer.thread("other", MIB)
    with pytest.raises(Inconclusive):
        lab.memory(one, against=other).above(MIB)
    starts = [event[1:] for event in computer.log if event[0] == "+"][2:]
    pairs = {tuple(starts[index : index + 2]) for index in range(0, len(starts), 2)}
    assert pairs == {("one", "other"), ("other", "one")}  # all 40 alike: once in 10 ** 11 runs
    sizes = [set(arm["bytes"]) for arm in last(lab).arms]
    assert sizes == [{2 * MIB}, {MIB}]


# --- what goes wrong


def test_start_that_raises(lab: Lab, computer: Computer) -> None:
    """It is an error with a traceback, and all that was started before has ended."""
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
    """It speaks of one start and not of the claim."""

    def start_one() -> None:
        raise error

    with pytest.raises(MeasurementError, match=f"start_one raised {type(error).__name__}"):
        lab.memory(start_one).above(MIB)


def test_entering_that_raises(lab: Lab, computer: Computer) -> None:
    """A context manager belongs to the start."""

    @contextmanager
    def start_one() -> Iterator[None]:
        raise LookupError("no room")
        yield

    with pytest.raises(MeasurementError, match="start_one raised LookupError: no room"):
        lab.memory(start_one).above(MIB)


def test_end_that_raises(lab: Lab, computer: Computer) -> None:
    """It is told as what it is, and the others are ended all the same."""
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
    """It is no failure of what is started, and passes."""
    start = computer.thread("thread", 5)

    def start_one() -> Any:
        if len(computer.running) == 3:
            raise KeyboardInterrupt
        return start()

    with pytest.raises(KeyboardInterrupt):
        lab.memory(start_one).above(MIB)
    assert computer.running == []


def test_nothing_can_tell(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim does not apply, even if it goes on."""
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
    """What makes no sense is said at once, by name."""
    given: dict[str, Any] = {"start_one": computer.thread("thread", 5), **changes}
    with pytest.raises(error, match=words):
        lab.memory(given.pop("start_one"), **given)


# --- words and records


def test_words_have_units(lab: Lab, computer: Computer) -> None:
    """Bytes are told in the unit that suits."""
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


def test_evidence_travels(lab: Lab, computer: Computer) -> None:
    """It is JSON, and comes back as it was."""
    assert lab.memory(computer.thread("a", MIB), against=computer.thread("b", 5)) > 0
    assert from_json(json.loads(json.dumps(last(lab).to_json()))) == last(lab)


def test_two_measurements_cannot_be_compared(lab: Lab, computer: Computer) -> None:
    """The words say how it is done."""
    one, other = lab.memory(computer.thread("a", 10)), lab.memory(computer.thread("b", 5))
    with pytest.raises(TypeError, match=r"lab\.memory\(start_a, against=start_b\) > 0"):
        assert one > other


# --- the real gauge


def answer(measured: Memory, number: float) -> bool | None:
    """Return whether it lies above a number, as far as that can be told."""
    try:
        return measured > number
    except Inconclusive:
        return None


@contextmanager
def eight_mebibytes() -> Iterator[None]:
    """Take them, and touch each page."""
    with mmap.mmap(-1, 8 * MIB) as taken:
        for page in range(0, 8 * MIB, mmap.PAGESIZE):
            taken[page] = 1
        yield


def half_and_double_of_eight() -> tuple[bool, bool]:
    """Return whether they take more than half of it, and less than double."""
    measured = Lab(budget=LONG).memory(eight_mebibytes)
    above_half = measured > 4 * MIB
    below_double = measured < 16 * MIB
    return above_half, below_double


@has_gauge
def test_memory_that_is_touched_is_seen(lab: Lab) -> None:
    """Half of it at least is seen, and it is not seen twice: by an interpreter without much unused memory."""
    assert lab.child(half_and_double_of_eight, deadline=3 * LONG).value == (True, True)


@has_gauge
def test_thread_that_is_idle(lab: Lab) -> None:
    """Threads are started, counted, and have ended at the end."""

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
    """Fork a child that touches some memory of its own and waits; this process has plenty that it shares."""
    told, telling = os.pipe()
    waiting, letting_go = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(letting_go)
            taken = bytearray(os.urandom(1)) * touched
            os.write(telling, b"!")
            os.read(waiting, 1)
            del taken
        finally:
            os._exit(0)
    try:
        os.close(telling)
        os.close(waiting)
        assert os.read(told, 1) == b"!"
        yield
    finally:
        os.close(told)
        os.close(letting_go)
        os.waitpid(pid, 0)


def children() -> set[int]:
    """Return the children of this process, as far as the system tells (Linux: proc(5), stat)."""
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
    """What it shares with this process is not counted a second time, where the system can tell."""
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
