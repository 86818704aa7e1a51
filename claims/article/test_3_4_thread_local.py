"""Article, section 3.4: ``threading.local``."""

from __future__ import annotations

import threading

import pytest

from pytest_concclaims import Lab

from .threads import in_another_thread, in_threads

MISSING = "missing"


@pytest.mark.claim("Each thread reads back from a threading.local what it bound there itself", source="article 3.4")
def test_each_thread_reads_back_what_it_bound_itself(lab: Lab) -> None:
    local = threading.local()

    def bind_and_read(number: int, barrier: threading.Barrier) -> int:
        local.student = number
        barrier.wait()  # all have bound it
        return int(local.student)

    seen = in_threads(4, bind_and_read)
    lab.note(f"threads 0 to 3 bound their numbers, and then read {seen}")
    assert seen == [0, 1, 2, 3]


@pytest.mark.claim(
    "What one thread binds in a threading.local is invisible to the others: the attribute is missing",
    source="article 3.4",
)
def test_what_one_thread_binds_is_invisible_to_the_others(lab: Lab) -> None:
    local = threading.local()

    def bind_if_first_and_look(number: int, barrier: threading.Barrier) -> str:
        if number == 0:
            local.student = "bound"
        barrier.wait()  # the first has bound it
        return getattr(local, "student", MISSING)

    first, *others = in_threads(3, bind_if_first_and_look)
    lab.require(first == "bound", "the thread that bound the attribute has it")
    others.append(getattr(local, "student", MISSING))
    lab.note(f"bound in one thread; in two others and the main thread it was {', '.join(others)}")
    assert others == [MISSING] * 3


@pytest.mark.claim(
    "A new thread does not inherit the thread-local values of the thread that started it", source="article 3.4"
)
def test_a_new_thread_does_not_inherit_thread_local_values(lab: Lab) -> None:
    local = threading.local()
    local.student = "bound"
    seen = in_another_thread(lambda: getattr(local, "student", MISSING))
    lab.require(local.student == "bound", "the thread that started it has the attribute")
    lab.note(f"bound before the start; in the new thread it was {seen}")
    assert seen == MISSING
