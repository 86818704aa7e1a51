"""Article, section 3.3: the GIL, and who uses how many cores."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pytest_concclaims import Lab, gil_enabled, is_traced, usable_cpus

from . import cores, holding_up
from .threads import in_threads

THREADS_OF_THIS_PROCESS = Path("/proc/self/task")
#: CPU seconds of all workers per second: below the first, one core at most was used; above the second, more than one.
ONE_CORE, SEVERAL_CORES = 1.2, 1.4
#: A longer deadline: the child waits for each of several answers.
LONG_DEADLINE_S = 300.0

without_a_gil = pytest.mark.refuted(
    not gil_enabled(), reason="this interpreter runs without a GIL: a free-threaded build, since 3.13 (PEP 703)"
)
needs_a_gil = pytest.mark.skipif(not gil_enabled(), reason="this interpreter runs without a GIL")


@pytest.mark.claim("Python threads are real threads of the operating system", source="article 3.3")
@pytest.mark.skipif(
    not THREADS_OF_THIS_PROCESS.is_dir(), reason="only Linux lists the threads of a process, in /proc"
)
def test_python_threads_are_threads_of_the_operating_system(lab: Lab) -> None:
    def look_around(number: int, barrier: threading.Barrier) -> tuple[int, set[int]]:
        barrier.wait()  # all are alive
        known = {int(entry.name) for entry in THREADS_OF_THIS_PROCESS.iterdir()}
        barrier.wait()  # all have looked
        return threading.get_native_id(), known

    seen = in_threads(3, look_around)
    threads = {own for own, _ in seen}
    known = set.intersection(*(known for _, known in seen))
    lab.require(os.getpid() in known, "/proc lists this process's threads by the numbers that they have here")
    lab.note(
        f"of {len(seen)} Python threads, the kernel has {len(threads & known)} among the threads of this process"
    )
    assert len(threads & known) == len(seen)


@pytest.mark.claim(
    "A thread has to hold the GIL to run Python code: two never run at the same moment", source="article 3.3"
)
@without_a_gil
def test_two_threads_never_run_python_code_at_the_same_moment(lab: Lab) -> None:
    lab.require(usable_cpus() >= 2, "two CPUs, so that two threads can run at the same moment")
    with lab.alone():
        seen = lab.child(cores.watch).value
    lab.note(
        f"a thread ran Python code for {cores.STRETCHES} stretches of {cores.STRETCH_S * 1000:g} ms without "
        f"releasing the GIL: in {seen.beside_a_thread} of them it saw another thread run; in {seen.beside_a_process} "
        f"of {2 * cores.STRETCHES} it saw another process run"
    )
    lab.require(seen.beside_a_process >= cores.STRETCHES, "the thread sees another process run in most stretches")
    assert seen.beside_a_thread == 0


@pytest.mark.claim(
    "CPU-bound threads use one core at most, however many threads and cores there are", source="article 3.3"
)
@without_a_gil
def test_cpu_bound_threads_use_one_core_at_most(lab: Lab) -> None:
    threads = lab.parallelism(cores.compute, workers=cores.AS_MANY, kind="thread", control="process", shared=True)
    assert threads.below(ONE_CORE, else_above=SEVERAL_CORES)


@pytest.mark.claim("The interpreter gives the GIL up every 100 bytecodes", source="article 3.3")
@pytest.mark.refuted(
    True,
    reason="since 3.2 CPython gives it up when another thread has waited for sys.getswitchinterval(), 5 ms "
    "(docs: sys.setswitchinterval); PyPy looks after 10,000 bytecodes",
)
@needs_a_gil
def test_the_gil_is_given_up_every_100_bytecodes(lab: Lab) -> None:
    with lab.alone():
        possible = cores.rounds_of_a_turn()
        giving_up = cores.turns_of_two_threads(cores.let_others_in)
        turns = cores.turns_of_two_threads()
    lab.note(
        f"while another thread wanted the GIL, a thread typically kept it for {turns.typical:,} rounds of a loop, "
        f"each of several bytecodes; where it gave it up after every {cores.EVERY} rounds, for {giving_up.typical:,}"
    )
    # 400 rounds of several bytecodes each: far more than the claim allows, and far fewer than in a turn of 5 ms.
    slow = is_traced() or possible < 40 * cores.EVERY
    lab.require(not slow, "nothing, such as a debugger, slows down each round")
    lab.require(giving_up.typical <= 4 * cores.EVERY, "turns are short where a thread gives the GIL up")
    assert turns.typical <= 4 * cores.EVERY


def waiting_overlaps(lab: Lab) -> bool:
    waits = cores.two_waits()
    lab.require(len(waits) == 2 and all(wait.is_idle for wait in waits), "both threads waited, without using a CPU")
    both = waits[0].overlaps(waits[1])
    lab.note(f"two threads waited to read from pipes, {'both at the same time' if both else 'one after the other'}")
    return both


def c_code_overlaps(lab: Lab) -> bool:
    threads = lab.parallelism(cores.hash_much, workers=2, kind="thread", control="process")
    return threads.above(SEVERAL_CORES, else_below=ONE_CORE)


WAYS = {"waiting": waiting_overlaps, "C code that lets the GIL go": c_code_overlaps}


@pytest.mark.parametrize("way", WAYS, ids=["waiting", "c-code"])
@pytest.mark.claim("Threads only ever take turns, whatever they do ({way})", source="article 3.3")
@pytest.mark.refuted(
    True,
    reason="a thread releases the GIL while it waits, and so does much C code, such as hashlib for large data "
    "(docs: Thread states and the global interpreter lock; hashlib)",
)
def test_threads_only_ever_take_turns(lab: Lab, way: str) -> None:
    assert not WAYS[way](lab)


@pytest.mark.claim("Processes do use several cores", source="article 3.3")
def test_processes_use_several_cores(lab: Lab) -> None:
    processes = lab.parallelism(cores.compute, workers=2, kind="process", control="process", shared=True)
    assert processes.above(SEVERAL_CORES, else_below=ONE_CORE)


@pytest.mark.claim("Each process has a GIL of its own", source="article 3.3")
@needs_a_gil
def test_each_process_has_a_gil_of_its_own(lab: Lab) -> None:
    threads = lab.parallelism(cores.compute, workers=cores.AS_MANY, kind="thread", control="process", shared=True)
    lab.require(threads.below(ONE_CORE, else_above=SEVERAL_CORES), "threads of one process have one GIL between them")
    processes = lab.parallelism(cores.compute, workers=2, kind="process", control="process", shared=True)
    assert processes.above(SEVERAL_CORES, else_below=ONE_CORE)


@pytest.mark.claim("A busy thread in one process does not hold up a thread in another", source="article 3.3")
def test_a_busy_thread_does_not_hold_up_another_process(lab: Lab) -> None:
    with lab.alone():
        child = lab.child(holding_up.ask_while_busy, deadline=LONG_DEADLINE_S)
    lab.require(not child.timed_out, "the child asks all questions in time")
    seen = child.value
    asked = f"of {holding_up.QUESTIONS} questions by a thread that ran Python code until it had the answer"
    lab.note(
        f"{asked}, another process answered {seen.of_a_process}; a thread of its own process, {seen.of_a_thread}"
    )
    lab.require(
        seen.of_a_process_gil_given_away == holding_up.QUESTIONS,
        "another process gets a CPU while the busy thread gives the GIL away",
    )
    lab.require(
        seen.of_a_process in (0, holding_up.QUESTIONS),
        "while the GIL is kept, the other process answers all questions, or none",
    )
    lab.require(not gil_enabled() or seen.of_a_thread == 0, "the busy thread holds up a thread that shares its GIL")
    assert seen.of_a_process == holding_up.QUESTIONS


@pytest.mark.claim("Each subinterpreter has a GIL of its own", source="article 3.3, beyond")
@needs_a_gil
def test_each_subinterpreter_has_a_gil_of_its_own(lab: Lab) -> None:
    interpreters = lab.parallelism(cores.compute, workers=2, kind="interpreter", control="process")
    threads = lab.parallelism(cores.compute, workers=cores.AS_MANY, kind="thread", control="process", shared=True)
    lab.require(threads.below(ONE_CORE, else_above=SEVERAL_CORES), "threads of one interpreter have one GIL")
    assert interpreters.above(SEVERAL_CORES, else_below=ONE_CORE)
