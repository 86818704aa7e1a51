"""A claim has to be able to lose: in a sabotaged world, each one about Python's documentation turns."""

from __future__ import annotations

import ast

import pytest

from helpers.sabotage import claims_in_worlds
from pytest_concclaims import gil_enabled
from pytest_concclaims.session.suites import suite_folders

from . import library_worlds, thread_worlds
from .library_worlds import IMPORTS, IN_TURNS, LATER, Sabotage

WITHOUT_LOCKS = """
for name in vars(unlocked.BUILT_IN):
    monkeypatch.setattr(unlocked.BUILT_IN, name, getattr(unlocked.UNLOCKED, name))
yield
"""

#: By what is broken.
SABOTAGES = {
    "lists without a lock": Sabotage(
        (
            "test_reading_an_element_of_a_list_is_atomic",
            "test_a_new_list_is_of_one_moment",
            "test_writing_an_element_of_a_list_is_safe",
            "test_operations_of_a_list_are_atomic",
            "test_elements_of_a_list_are_not_seen_being_removed",
            "test_no_intermediate_order_is_seen_while_a_list_is_sorted",
            "test_extending_a_list_is_safe_from_changes_of_the_source",
        ),
        WITHOUT_LOCKS,
    ),
    "dicts without a lock": Sabotage(
        (
            "test_reads_of_a_dict_are_atomic",
            "test_the_length_of_a_dict_is_atomic",
            "test_a_write_to_a_dict_is_safe",
            "test_a_copy_of_a_dict_is_atomic",
            "test_a_view_of_a_dict_is_of_one_moment",
            "test_writes_to_a_dict_are_linearizable",
            "test_elements_of_a_dict_are_not_seen_being_removed",
            "test_an_operation_on_two_dicts_is_safe",
            "test_fromkeys_is_safe",
            "test_removing_a_key_in_one_step_is_safe",
        ),
        WITHOUT_LOCKS,
    ),
    "sets without a lock": Sabotage(
        (
            "test_an_operation_of_a_set_is_atomic",
            "test_changes_of_a_set_are_safe",
            "test_elements_of_a_set_are_not_seen_being_removed",
            "test_an_operation_on_two_sets_is_safe",
            "test_operations_on_two_sets_are_safe",
            "test_an_update_of_a_set_by_a_dict_is_safe",
            "test_two_sets_that_update_each_other_do_not_deadlock",
        ),
        WITHOUT_LOCKS,
    ),
    "sets that change in two steps": Sabotage(
        ("test_a_comparison_of_two_sets_is_of_one_moment",),
        """
        class InSteps(set):
            def __ixor__(self, other):
                request.module.replace_half_by_way_of_all(objects.Two(None, self))
                return self
        monkeypatch.setattr(unlocked.BUILT_IN, "set", InSteps)
        yield
        """,
    ),
    "bytearrays without a lock": Sabotage(
        (
            "test_a_read_of_a_bytearray_is_atomic",
            "test_a_write_to_a_bytearray_is_safe",
            "test_a_write_of_an_element_of_a_bytearray_is_safe",
            "test_writes_to_a_bytearray_are_linearizable",
        ),
        WITHOUT_LOCKS,
        possible=gil_enabled(),
    ),
    "bytearrays that are reversed in two steps": Sabotage(
        ("test_an_operation_of_a_bytearray_holds_the_lock", "test_assigning_a_bytearray_to_a_slice_is_safe"),
        """
        class InSteps(bytearray):
            def reverse(self):
                request.module.reverse_in_two_steps(self)
        monkeypatch.setattr(unlocked.BUILT_IN, "bytearray", InSteps)
        yield
        """,
        possible=gil_enabled(),
    ),
    "a copy that is the object itself": Sabotage(
        (
            "test_iterating_over_a_copy_of_a_dict_never_raises",
            "test_iterating_over_a_copy_of_a_bytearray_misses_none",
        ),
        """
        for name in ("dict", "bytearray"):
            same = type(name, (getattr(unlocked.BUILT_IN, name),), {"copy": lambda self: self})
            monkeypatch.setattr(unlocked.BUILT_IN, name, same)
        yield
        """,
        possible=gil_enabled(),
    ),
    "views that are counted in two steps": Sabotage(
        (
            "test_creating_and_releasing_views_is_safe",
            "test_slicing_a_view_is_safe",
            "test_reading_attributes_of_a_view_is_safe",
            "test_reading_bytes_through_several_views_is_safe",
        ),
        """
        class Owner:
            views = 0
            def __init__(self, content):
                pass
            def append(self, item):
                if self.views:
                    raise BufferError
        class View:
            reading = False
            def __init__(self, owner):
                self.owner = owner
            def __enter__(self):
                self.owner.views = objects.process(self.owner.views) + 1
                return self
            def __exit__(self, *_):
                self.owner.views = objects.process(self.owner.views) - 1
            def tobytes(self):
                if View.reading:
                    return b""
                View.reading = True
                objects.process(self)
                View.reading = False
                return self.owner
            def __getitem__(self, key):
                return self.tobytes()[key]
            shape = property(tobytes)
            nbytes = format = readonly = 0
        if request.function.__name__ == "test_creating_and_releasing_views_is_safe":
            monkeypatch.setattr(request.module, "bytearray", Owner, raising=False)
            View.__getitem__ = lambda self, key: 0
        monkeypatch.setattr(request.module, "memoryview", View, raising=False)
        yield
        """,
        possible=gil_enabled(),
    ),
    "a Lock that does not lock, and writes in two steps": Sabotage(
        ("test_writes_through_a_view_with_a_lock_are_not_mixed",),
        """
        open_lock = types.SimpleNamespace(Lock=contextlib.nullcontext)
        monkeypatch.setattr(request.module, "threading", open_lock)
        monkeypatch.setattr(request.module, "write_x", request.module.write_x_half_done)
        yield
        """,
    ),
    "views that do not keep their object from being resized": Sabotage(
        ("test_resizing_an_object_with_a_view_raises",),
        """
        view = types.SimpleNamespace(release=lambda: None)
        monkeypatch.setattr(request.module, "memoryview", lambda owner: view, raising=False)
        yield
        """,
    ),
    "operations of the FAQ on lists and dicts without a lock": Sabotage(
        ("test_the_faqs_operation_is_atomic and append]",), WITHOUT_LOCKS
    ),
    "threads that take turns": Sabotage(
        (
            "test_a_list_appears_empty_while_it_is_sorted",
            "test_sort_detects_that_another_thread_has_changed_the_list",
            "test_a_search_in_a_list_may_be_affected",
            "test_remove_may_remove_another_element",
            "test_extending_a_list_by_another_iterable_may_see_it_change",
            "test_iterating_over_a_list_that_changes_can_miss_an_element",
            "test_updating_a_dict_from_an_iterable_may_see_it_change",
            "test_a_dict_can_change_while_its_keys_are_compared",
            "test_two_dicts_that_are_never_equal_can_compare_equal",
            "test_iterating_over_a_dict_that_changes_can_raise",
            "test_a_set_can_change_while_its_elements_are_compared",
            "test_updating_a_set_from_an_iterable_may_see_it_change",
            "test_iterating_over_a_set_that_changes_can_raise",
            "test_iterating_over_a_bytearray_that_changes_can_miss_a_byte",
            "test_an_update_that_runs_finalizers_can_be_seen_half_done",
            *(
                ()
                if gil_enabled()
                else (
                    "test_a_shift_of_elements_may_be_observed",
                    "test_an_operation_of_a_bytearray_may_see_a_write_half_done",
                    "test_writes_through_a_view_may_be_mixed",
                )
            ),
        ),
        IN_TURNS,
    ),
    "locks that let a finalizer in, and finalizers that interrupt nothing": Sabotage(
        (
            "test_a_finalizer_can_wait_for_its_own_threads_lock",
            "test_a_finalizer_can_lose_an_update_in_spite_of_an_rlock",
        ),
        """
        locks = types.SimpleNamespace(Lock=threading.RLock, RLock=threading.RLock)
        monkeypatch.setattr(request.module, "threading", locks)
        def add_one(guarded):
            guarded.values[0] += 1
        if request.function.__name__.endswith("rlock"):
            monkeypatch.setattr(request.module, "add_one_with_the_lock", add_one)
        yield
        """,
    ),
    **library_worlds.WORLDS,
    **thread_worlds.WORLDS,
}

#: Refuted on one interpreter and confirmed on another, as every run across them shows.
BOTH_VERDICTS_ACROSS_INTERPRETERS = {
    "test_an_update_of_an_element_can_be_lost",
    "test_a_list_can_be_empty_after_it_was_not",
    "test_an_update_of_a_value_can_be_lost",
    "test_a_key_can_be_gone_after_it_was_there",
    "test_an_element_can_be_gone_after_it_was_there",
    "test_a_byte_can_be_gone_after_it_was_there",
    "test_the_faqs_operation_is_not_atomic",
    # Here in a sabotaged world on one of them, and refuted on the other.
    "test_a_read_of_a_bytearray_is_atomic",
    "test_a_write_to_a_bytearray_is_safe",
    "test_a_write_of_an_element_of_a_bytearray_is_safe",
    "test_writes_to_a_bytearray_are_linearizable",
    "test_an_operation_of_a_bytearray_holds_the_lock",
    "test_assigning_a_bytearray_to_a_slice_is_safe",
    "test_iterating_over_a_copy_of_a_bytearray_misses_none",
    "test_creating_and_releasing_views_is_safe",
    "test_slicing_a_view_is_safe",
    *library_worlds.BOTH_VERDICTS,
    *thread_worlds.BOTH_VERDICTS,
    *thread_worlds.SOMEWHERE,
}
#: Applicable without a GIL only: there, threads that take turns are their sabotage.
WITHOUT_A_GIL = {
    "test_a_shift_of_elements_may_be_observed",
    "test_membership_may_observe_an_intermediate_state",
    "test_an_operation_of_a_bytearray_may_see_a_write_half_done",
    "test_writes_through_a_view_may_be_mixed",
}
#: No world can take an assignment to a variable apart.
OF_THE_LANGUAGE = {"test_an_assignment_is_atomic"}

#: Before the worlds.
PRELUDE = f"""{IMPORTS}
import contextlib, itertools, queue, threading, time, types
import pytest
from pytest_concclaims import Lab
from pytest_concclaims.claims.python_docs import objects, threads, unlocked
from pytest_concclaims.lab.race.samples import power

# In these worlds it is known that an effect is absent: few samples settle it, and not the end of a long budget.
power.PLENTY = power.OVERLAPPING = 200
power.PLENTY_OF_STRIDES = power.STRIDES
power.RARER = power.RARER_THAN_GENERIC = 3
"""


def claim_functions() -> set[str]:
    """Return the names of the suite's test functions that have a world here."""
    return {
        node.name
        for file in suite_folders()["python_docs"].glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("broken", [broken for broken, sabotage in SABOTAGES.items() if sabotage.possible])
def test_a_sabotage_turns_the_verdict(pytester: pytest.Pytester, broken: str) -> None:
    """The claims that speak of what is broken end in the verdict that is not expected."""
    sabotage = SABOTAGES[broken]
    # On a busy machine, "never seen" takes long.
    [claims] = claims_in_worlds(
        pytester,
        [sabotage],
        "--claims-budget=60",
        "--claims-patience=120",
        prelude=PRELUDE,
        suite="python_docs",
    )
    other = {"confirmed": "refuted", "refuted": "confirmed"}
    turned = {claim["id"].split("[")[0] for claim in claims if claim["verdict"] == other[claim["expected"]]}
    assert turned == {"python_docs-" + name[len("test_") :].replace("_", "-") for name in sabotage.functions}


def test_each_claim_is_seen_with_both_verdicts() -> None:
    """A claim that is added without a world in which it loses is found here."""
    turned = {name for sabotage in SABOTAGES.values() for name in sabotage.functions}
    assert turned | BOTH_VERDICTS_ACROSS_INTERPRETERS | WITHOUT_A_GIL | OF_THE_LANGUAGE | LATER == claim_functions()
