"""Worlds in which claims about threads, queues, collections, functions and iterators lose."""

from __future__ import annotations

import sys

from pytest_concclaims import PYPY, gil_enabled

from .library_worlds import IN_TURNS, Sabotage

#: By what is broken.
WORLDS = {
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
        ("test_put_of_a_queue_is_not_reentrant",) + (() if PYPY else ("test_put_of_a_simple_queue_is_reentrant",)),
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

#: Refuted on one interpreter and confirmed on another, as every run across them shows.
BOTH_VERDICTS = {
    "test_an_operation_of_an_ordered_dict_is_atomic",
    "test_an_update_of_a_counter_loses_nothing",
    "test_a_factory_in_python_can_run_twice",
    "test_a_factory_in_c_gives_one_list",
    "test_a_cached_property_may_run_twice",
    "test_a_shared_generator_does_not_crash",
    # Here in a sabotaged world on one of them, and refuted on the other.
    "test_put_of_a_simple_queue_is_reentrant",
}
#: Applicable on some interpreters only; the worlds of some are above.
SOMEWHERE = {
    "test_without_a_gil_elements_may_be_seen_twice",
    "test_the_latest_run_sets_a_cached_property",
}
