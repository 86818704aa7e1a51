"""A claim that cannot lose is no claim: in a sabotaged world, each one about Python's documentation turns."""

from __future__ import annotations

import ast
import sys

import pytest

from helpers.sabotage import claims_in_worlds
from pytest_concclaims import PYPY, gil_enabled
from pytest_concclaims.claims import suite_folders

from .library_worlds import BOTH_VERDICTS, IMPORTS, IN_TURNS, LATER, WORLDS, Sabotage

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
            "test_a_new_object_from_a_dict_is_of_one_moment",
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
    **WORLDS,
}

#: Of the pages on modules of the library.
SABOTAGES.update(
    {
        "a Lock that does not lock": Sabotage(
            (
                "test_of_two_threads_one_acquires",
                "test_of_two_threads_one_releases",
                "test_only_the_last_release_of_an_rlock_lets_others_in",
            ),
            """
            class OpenLock:
                def acquire(self, blocking=True, timeout=-1):
                    return True
                def release(self):
                    pass
            locks = ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore")
            monkeypatch.setattr(request.module, "threading", types.SimpleNamespace(**dict.fromkeys(locks, OpenLock)))
            yield
            """,
        ),
        "a Lock that has an owner, an RLock that has none, and a BoundedSemaphore without a bound": Sabotage(
            (
                "test_any_thread_may_release_a_lock",
                "test_only_its_owner_may_release_an_rlock",
                "test_a_bounded_semaphore_is_bounded",
                "test_a_lock_keeps_its_own_thread_out",
                "test_an_rlock_lets_its_own_thread_in",
            ),
            """
            class Owned:
                def __init__(self):
                    self.lock = threading.RLock()
                    self.acquire, self.release = self.lock.acquire, self.lock.release
                def locked(self):
                    return True
                def __enter__(self):
                    return self.acquire()
                def __exit__(self, *_):
                    self.release()
            swapped = types.SimpleNamespace(Lock=Owned, RLock=threading.Lock, BoundedSemaphore=threading.Semaphore)
            monkeypatch.setattr(request.module, "threading", swapped)
            yield
            """,
        ),
        "conditions, events and semaphores that wake one thread, and barriers that wait for none": Sabotage(
            (
                "test_a_release_of_two_lets_two_threads_in",
                "test_notify_all_wakes_all",
                "test_set_of_an_event_wakes_all",
                "test_no_thread_passes_a_barrier_alone",
                "test_a_barrier_numbers_its_threads",
                "test_a_waiting_thread_fails_with_its_barrier",
                "test_a_condition_needs_its_lock",
                "test_an_event_that_is_cleared_at_once_can_be_missed",
            ),
            """
            class Condition(threading.Condition):
                def notify_all(self):
                    self.notify()
                def __init__(self, lock=None):
                    super().__init__(lock)
                    self._is_owned = lambda: True
            class Event(threading.Event):
                def __init__(self):
                    super().__init__()
                    self._cond = Condition(threading.Lock())
                def wait(self, timeout=None):
                    return super().wait(0.2)
            class Semaphore(threading.Semaphore):
                def acquire(self):
                    return super().acquire(timeout=0.2)
                def release(self, n=1):
                    super().release()
            class Barrier:
                def __init__(self, parties):
                    self.n_waiting = 0
                def wait(self, timeout=None):
                    return 0
                abort = reset = wait
            sleepy = types.SimpleNamespace(
                Condition=Condition, Event=Event, Semaphore=Semaphore, Barrier=Barrier, Lock=threading.Lock,
                BrokenBarrierError=threading.BrokenBarrierError,
            )
            monkeypatch.setattr(request.module, "threading", sleepy)
            if request.function.__name__.endswith("missed"):
                monkeypatch.setattr(request.module, "wait", objects.process)
            monkeypatch.setattr(threads, "PATIENCE_S", 0.3)
            monkeypatch.setattr(request.module, "PATIENCE_S", 0.3)
            yield
            """,
        ),
        "a notify that lets others in, and readers that look in the wrong place": Sabotage(
            (
                "test_notify_does_not_release_the_lock",
                "test_a_notification_can_be_missed_without_the_lock",
                "test_no_notification_is_missed_with_the_lock",
            ),
            """
            class Condition(threading.Condition):
                def notify(self):
                    super().notify()
                    self.release()
                    time.sleep(0.1)
                    self.acquire()
            if request.function.__name__.startswith("test_notify"):
                monkeypatch.setattr(request.module, "threading", types.SimpleNamespace(Condition=Condition))
            else:
                monkeypatch.setattr(request.module, "receive", request.module.receive_too_late)
                monkeypatch.setattr(request.module, "receive_too_late", objects.process)
            yield
            """,
        ),
        "threads that can be joined and started at any time": Sabotage(
            (
                "test_a_thread_cannot_join_itself",
                "test_a_thread_that_is_not_started_cannot_be_joined",
                "test_a_thread_cannot_be_started_again",
            ),
            """
            class Lenient:
                def start(self):
                    pass
                def join(self, timeout=None):
                    pass
            lenient = types.SimpleNamespace(Thread=Lenient, current_thread=Lenient)
            monkeypatch.setattr(request.module, "threading", lenient)
            monkeypatch.setattr(request.module, "Idle", Lenient)
            yield
            """,
        ),
        "a start that looks and acts in one step": Sabotage(
            ("test_a_thread_is_started_once",),
            children="""
            import threading
            turn, real = threading.RLock(), threading.Thread.start
            def start(self):
                with turn:
                    real(self)
            threading.Thread.start = start
            """,
        ),
        "threads whose exceptions are written to stderr, and nothing else": Sabotage(
            (
                "test_the_hook_handles_an_uncaught_exception",
                "test_sys_exit_in_a_thread_ends_the_thread_only",
                "test_sys_excepthook_handles_what_the_hook_raises",
            ),
            children="""
            import sys, threading
            threading._make_invoke_excepthook = lambda: lambda thread: print("ended", file=sys.stderr)
            """,
        ),
        "data that no thread has of its own": Sabotage(
            ("test_a_local_is_initialized_in_each_thread", "test_slots_of_a_local_are_shared"),
            """
            class Counting:
                def __init__(self, threads):
                    self.number = 0
                    threads.append(1)
            monkeypatch.setattr(request.module, "Counting", Counting)
            monkeypatch.setattr(request.module, "Slotted", types.SimpleNamespace)
            yield
            """,
        ),
        "threads that run in their starter's context": Sabotage(
            ("test_a_thread_inherits_the_context_on_a_free_threaded_build",),
            """
            monkeypatch.setattr(request.module, "in_a_thread", lambda function: function())
            yield
            """,
        ),
        "iterators of threading without a lock": Sabotage(
            (
                "test_a_serialized_iterator_gives_each_item_once",
                "test_each_iterator_of_a_concurrent_tee_gives_all",
            ),
            """
            bare = types.SimpleNamespace(
                serialize_iterator=iter, synchronized_iterator=lambda f: f, concurrent_tee=itertools.tee
            )
            monkeypatch.setattr(request.module, "library", bare)
            yield
            """,
            possible=sys.version_info >= (3, 15),
        ),
        "queues that do nothing as they should": Sabotage(
            (
                "test_a_queue_keeps_its_order",
                "test_put_waits_for_a_free_slot",
                "test_get_waits_for_an_item",
                "test_join_waits_for_all_tasks",
                "test_task_done_is_counted",
            ),
            """
            class Queue(queue.Queue):
                def __init__(self, maxsize=0):
                    super().__init__()
                def get(self, *how, **more):
                    return super().get(*how, **more) if self.qsize() else None
                def join(self):
                    pass
                task_done = join
            drained = request.module.drained
            monkeypatch.setattr(request.module, "drained", lambda items: drained(items)[::-1])
            monkeypatch.setattr(request.module, "queue", types.SimpleNamespace(Queue=Queue, Full=queue.Full))
            yield
            """,
        ),
        "queues whose shutdown lets those who wait go on": Sabotage(
            ("test_shutdown_unblocks",),
            """
            def go_on(self):
                self.maxsize = 0
                self.put(1)
                self.put(1)
                with self.mutex:
                    self.not_full.notify_all()
            monkeypatch.setattr(queue.Queue, "shutdown", go_on)
            yield
            """,
            possible=sys.version_info >= (3, 13),
        ),
        "what puts and appends takes two steps": Sabotage(
            ("test_put_and_get_are_atomic", "test_a_deque_is_a_queue"),
            """
            def put_twice(items):
                for _ in range(2):
                    getattr(items, "put", getattr(items, "append", None))(2)
                    objects.process(items)
            def size(items):
                return items.qsize() if hasattr(items, "qsize") else len(items)
            for name in ("put", "append"):
                monkeypatch.setattr(request.module, name, put_twice)
            for name in ("get", "pop_left"):
                monkeypatch.setattr(request.module, name, size)
            yield
            """,
        ),
        "a put that changes nothing, and a SimpleQueue with a lock": Sabotage(
            ("test_put_of_a_queue_is_not_reentrant",)
            + (() if PYPY else ("test_put_of_a_simple_queue_is_reentrant",)),
            """
            if not request.function.__name__.endswith("is_reentrant"):
                monkeypatch.setattr(request.module, "put", lambda items: objects.process(items))
            else:
                with_a_lock = types.SimpleNamespace(SimpleQueue=queue._PySimpleQueue)
                monkeypatch.setattr(request.module, "queue", with_a_lock)
            yield
            """,
        ),
        "deques without a lock": Sabotage(
            ("test_an_operation_at_an_end_of_a_deque_is_safe", "test_a_bounded_deque_is_bounded"),
            """
            class Unlocked(list):
                def __init__(self, items, maxlen=None):
                    super().__init__(items)
                def replace(self, make):
                    items = list(self)
                    objects.process(items)
                    self[:] = make(items)
                def append(self, item):
                    self.replace(lambda items: [*items, item])
                def appendleft(self, item):
                    self.replace(lambda items: [item, *items])
                def pop(self):
                    self.replace(lambda items: items[:-1])
                def popleft(self):
                    self.replace(lambda items: items[1:])
            monkeypatch.setattr(request.module, "deque", Unlocked)
            yield
            """,
        ),
        "actors of collections, functions and iterators that take turns": Sabotage(
            (
                "test_a_look_at_a_queue_guarantees_nothing",
                "test_a_first_count_can_be_lost",
                "test_a_lookup_in_a_chain_map_can_miss_a_key",
                "test_a_cached_function_may_be_called_twice",
                "test_a_registered_implementation_is_called",
                "test_a_generator_is_not_entered_twice",
                "test_iterators_of_one_tee_are_not_threadsafe",
            ),
            IN_TURNS,
        ),
        "caches that count wrongly, and keep the first value": Sabotage(
            (
                "test_an_lru_cache_remains_coherent",
                *(("test_the_latest_run_sets_a_cached_property",) if sys.version_info >= (3, 12) else ()),
            ),
            """
            class KeepsTheFirst:
                def __init__(self, function):
                    self.function, self.value = function, None
                def __get__(self, instance, owner=None):
                    value = self.function(instance)
                    self.value = self.value or value
                    return self.value
            import functools
            def forgets(maxsize):
                def decorate(function):
                    cached = functools.lru_cache(maxsize)(function)
                    def call(number):
                        cached.cache_clear()
                        return cached(number)
                    call.cache_info = cached.cache_info
                    return call
                return decorate
            broken = types.SimpleNamespace(lru_cache=forgets, cached_property=KeepsTheFirst)
            monkeypatch.setattr(request.module, "functools", broken)
            yield
            """,
        ),
        "iterators that look and take in two steps": Sabotage(
            ("test_with_a_gil_each_element_is_seen_once", "test_a_generator_gives_no_item_twice"),
            """
            class Numbers:
                def __init__(self):
                    self.number = 0
                def __next__(self):
                    number = self.number
                    objects.process(number)
                    self.number = number + 1
                    return number
            def take(iterator):
                return next(iterator, None), next(iterator, None), objects.process(next(iterator, None)) and None
            monkeypatch.setattr(request.module, "numbers", Numbers)
            monkeypatch.setattr(request.module, "take", take)
            yield
            """,
            possible=gil_enabled(),
        ),
    }
)

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
    "test_writes_to_a_bytearray_are_linearizable",
    "test_an_operation_of_a_bytearray_holds_the_lock",
    "test_assigning_a_bytearray_to_a_slice_is_safe",
    "test_iterating_over_a_copy_of_a_bytearray_misses_none",
    "test_creating_and_releasing_views_is_safe",
    "test_slicing_a_view_is_safe",
    *BOTH_VERDICTS,
    "test_an_operation_of_an_ordered_dict_is_atomic",
    "test_an_update_of_a_counter_loses_nothing",
    "test_a_factory_in_python_can_run_twice",
    "test_a_factory_in_c_gives_one_list",
    "test_a_cached_property_may_run_twice",
    "test_a_shared_generator_does_not_crash",
    # Here in a sabotaged world on some of them.
    "test_put_of_a_simple_queue_is_reentrant",
    "test_the_latest_run_sets_a_cached_property",
}
#: Applicable without a GIL only: there, threads that take turns are their sabotage.
WITHOUT_A_GIL = {
    "test_a_shift_of_elements_may_be_observed",
    "test_membership_may_observe_an_intermediate_state",
    "test_an_operation_of_a_bytearray_may_see_a_write_half_done",
    "test_writes_through_a_view_may_be_mixed",
    "test_without_a_gil_elements_may_be_seen_twice",
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
