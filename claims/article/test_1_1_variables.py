"""Article, section 1.1: what processes and threads are, and which variables they share."""

from __future__ import annotations

import os
import threading

import pytest

from pytest_concclaims import Lab

from . import processes, threads
from .processes import INITIAL_BALANCE, START_METHODS, another_process
from .threads import in_threads, threads_of_this_process


@pytest.mark.claim("A process is one running program with a pid of its own", source="article 1.1, definition")
def test_a_process_has_a_pid_of_its_own(lab: Lab) -> None:
    other = lab.child(os.getpid)
    assert other.value != os.getpid()


@pytest.mark.claim("A process has at least one thread", source="article 1.1, definition")
def test_a_process_has_at_least_one_thread(lab: Lab) -> None:
    fresh = lab.child(threads_of_this_process)
    assert fresh.value >= 1


@pytest.mark.claim("A process can have several threads", source="article 1.1")
def test_a_process_can_have_several_threads(lab: Lab) -> None:
    def who_am_i(number: int, barrier: threading.Barrier) -> tuple[int, int]:
        barrier.wait()  # all are alive now
        return os.getpid(), threading.get_native_id()

    seen = in_threads(3, who_am_i)
    lab.note(f"{len(seen)} threads at once, in {len({pid for pid, _ in seen})} process")
    assert {pid for pid, _ in seen} == {os.getpid()}
    assert len({thread for _, thread in seen}) == 3


@pytest.mark.parametrize("method", START_METHODS)
@pytest.mark.claim(
    "{method}: each process has its own copy of a variable: a change in one is not seen in another",
    source="article 1.1",
)
def test_each_process_has_its_own_copy_of_a_variable(lab: Lab, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "balance", INITIAL_BALANCE)
    with another_process(lab, method) as other:
        other.set_balance(5)
        seen_here = processes.balance
        processes.balance = 7
        seen_there = other.balance
    lab.note(f"set to 5 there, {seen_here} was seen here; set to 7 here, {seen_there} was seen there")
    assert seen_here == INITIAL_BALANCE
    assert seen_there == 5


@pytest.mark.claim(
    "Processes share what is made to be shared, such as a multiprocessing.Value: a change in one is seen in another",
    source="article 1.1, beyond",
)
def test_processes_share_what_is_made_to_be_shared(lab: Lab) -> None:
    race = lab.race(processes.shared_balance, processes.set_to_5, processes.read, kind="process")
    assert race.ever((None, 5))


@pytest.mark.claim(
    "Two processes that add to one shared number lose updates", source="article 1.1, beyond", budget=10
)
def test_two_processes_that_add_to_one_shared_number_lose_updates(lab: Lab) -> None:
    race = lab.race(
        processes.shared_balance, processes.add_5, processes.add_5, observe=processes.read, kind="process"
    )
    assert race.ever(INITIAL_BALANCE + 5)


IMPORTED_AGAIN = pytest.mark.refuted(
    True,
    reason="only fork copies the parent's memory; spawn and forkserver import the module again, "
    "with its initial value (docs: multiprocessing, contexts and start methods)",
)


@pytest.mark.parametrize(
    "method",
    [method if method == "fork" else pytest.param(method, marks=IMPORTED_AGAIN) for method in START_METHODS],
)
@pytest.mark.claim("{method}: the child's copy starts with the parent's current value", source="article 1.1")
def test_the_childs_copy_starts_with_the_parents_current_value(
    lab: Lab, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "balance", 42)
    with another_process(lab, method) as other:
        seen_there = other.balance
    lab.note(f"{INITIAL_BALANCE} at first, set to 42 before the start: the child saw {seen_there}")
    lab.require(seen_there in (INITIAL_BALANCE, 42), "the child saw the initial value, or the current one")
    assert seen_there == 42


@pytest.mark.claim("All variables are shared by all threads", source="article 1.1, literally")
@pytest.mark.refuted(
    True,
    reason="a function's local variables belong to each call of it, so each thread has its own "
    "(language reference: naming and binding)",
)
def test_all_variables_are_shared_by_all_threads(lab: Lab) -> None:
    def bind_a_local_variable_and_read_it(number: int, barrier: threading.Barrier) -> int:
        variable = number
        barrier.wait()  # both have bound it
        return variable

    seen = in_threads(2, bind_a_local_variable_and_read_it)
    lab.note(f"threads 0 and 1 bound one function's local to their numbers, then read {seen[0]} and {seen[1]}")
    assert seen[0] == seen[1]


@pytest.mark.claim(
    "Globals and the objects they reach are shared: any thread can change them, every thread sees it",
    source="article 1.1, the sound version",
)
def test_globals_and_the_objects_they_reach_are_shared(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "balance", 0)
    monkeypatch.setattr(threads, "bookings", [])

    def change_in_turn_and_look(number: int, barrier: threading.Barrier) -> list[tuple[int, list[int]]]:
        seen = []
        for turn in (0, 1, 2):
            if turn == number:
                threads.balance = 10 + turn
                threads.bookings.append(turn)
            barrier.wait()  # it is changed
            seen.append((threads.balance, list(threads.bookings)))
            barrier.wait()  # all have looked
        return seen

    seen = in_threads(3, change_in_turn_and_look)
    last = (threads.balance, threads.bookings)
    lab.note(f"3 threads changed a global and a list in turn; they saw {seen}, the main thread at last {last}")
    assert seen == [[(10, [0]), (11, [0, 1]), (12, [0, 1, 2])]] * 3
    assert last == (12, [0, 1, 2])
