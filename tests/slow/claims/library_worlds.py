"""Worlds in which claims about pages of the standard library lose."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from helpers.sabotage import World
from pytest_concclaims import PYPY


@dataclass(frozen=True)
class Sabotage(World):
    """A world in which something is broken, so that all its claims have the other verdict, in one of their forms.

    :param possible: whether there can be such a world on this interpreter.
    """

    possible: bool = True


IN_TURNS = """
turn = threading.Lock()
def in_turn(actor):
    def act(state):
        with turn:
            return actor(state)
    return act
race = Lab.race
monkeypatch.setattr(
    Lab, "race", lambda lab, setup, *actors, **more: race(lab, setup, *map(in_turn, actors), **more)
)
yield
"""

#: Whether flags say what threads inherit, and os.environ can be read again.
SINCE_3_14 = sys.version_info >= (3, 14)

#: By what is broken.
WORLDS = {
    "threads that take turns in the library": Sabotage(
        (
            "test_two_threads_can_leave_the_output_redirected",
            "test_two_threads_can_leave_a_changed_filter",
            "test_insort_can_leave_a_list_unsorted",
            "test_bisect_of_a_list_that_changes",
            "test_an_asyncio_queue_is_not_thread_safe",
            "test_a_separate_test_for_liveness_is_a_race",
            "test_one_of_two_threads_can_be_refused",
            "test_an_update_of_a_shared_number_can_be_lost and thread]",
            *(("test_another_thread_is_in_the_changed_folder",) if sys.version_info >= (3, 11) else ()),
            *(("test_the_environment_can_be_empty_while_it_is_reloaded",) if SINCE_3_14 else ()),
        ),
        IN_TURNS,
    ),
    "a configuration of logging that takes no lock": Sabotage(
        ("test_a_handler_that_takes_the_modules_lock_can_wait_for_ever",),
        """
        monkeypatch.setattr(logging.config, "dictConfig", lambda _: None)
        yield
        """,
    ),
    "modules that nothing adds to": Sabotage(
        ("test_iterating_over_the_modules_can_raise",),
        """
        modules = types.SimpleNamespace(modules=dict.fromkeys("abc"))
        monkeypatch.setattr(request.module, "sys", modules)
        monkeypatch.setattr(request.module, "add", objects.process)
        yield
        """,
    ),
    "files and folders that may be there already": Sabotage(
        ("test_two_threads_that_have_chosen_one_name_make_two",),
        """
        monkeypatch.setattr(tempfile, "_bin_openflags", tempfile._bin_openflags & ~os.O_EXCL)
        make = os.mkdir
        def make_unless_it_is_there(path, mode=0o777):
            with contextlib.suppress(FileExistsError):
                make(path, mode)
        monkeypatch.setattr(os, "mkdir", make_unless_it_is_there)
        yield
        """,
    ),
    "a mktemp with other names in each thread": Sabotage(
        ("test_a_name_of_mktemp_may_be_taken",),
        """
        monkeypatch.setattr(tempfile, "mktemp", lambda dir, **_: f"{dir}/{threading.get_ident()}")
        yield
        """,
    ),
    "random numbers without a lock": Sabotage(
        ("test_each_random_number_goes_to_one_thread", "test_normalvariate_never_returns_one_number_twice"),
        """
        monkeypatch.setattr(request.module, "generator", request.module.unlocked)
        yield
        """,
    ),
    "generators that are one, and a lock that does not lock": Sabotage(
        ("test_generators_share_no_state", "test_gauss_with_a_lock_never_returns_one_number_twice"),
        """
        module = request.module
        monkeypatch.setattr(module, "gauss", lambda generator: generator.random())
        if request.function.__name__ == "test_generators_share_no_state":
            def share(self):
                self.first = self.second = module.with_a_gauss_to_come()
            monkeypatch.setattr(module.Generators, "__init__", share)
        else:
            monkeypatch.setattr(module, "with_a_gauss_to_come", module.unlocked)
            monkeypatch.setattr(module, "threading", types.SimpleNamespace(Lock=contextlib.nullcontext))
        yield
        """,
    ),
    "handlers of logging without a lock": Sabotage(
        ("test_the_output_of_a_handler_is_serialized", "test_a_stream_handler_has_its_lock_while_it_writes"),
        """
        class Open(contextlib.nullcontext):
            def acquire(self, blocking=True):
                return True
            def release(self):
                pass
        monkeypatch.setattr(logging.Handler, "createLock", lambda self: setattr(self, "lock", Open()))
        yield
        """,
    ),
    "loggers without a lock": Sabotage(
        ("test_handlers_that_threads_add_are_added",),
        """
        monkeypatch.setattr(logging.Logger, "addHandler", request.module.OpenLogger.addHandler)
        yield
        """,
    ),
    "buffered objects without a lock": Sabotage(
        ("test_a_buffered_object_is_safe", "test_a_buffered_object_is_not_reentrant"),
        """
        monkeypatch.setattr(request.module.streams, "__defaults__", (request.module.UNLOCKED,))
        yield
        """,
    ),
    "managers that redirect nothing": Sabotage(
        ("test_a_stream_is_redirected_for_all_threads",),
        """
        monkeypatch.setattr(contextlib, "redirect_stdout", contextlib.nullcontext)
        monkeypatch.setattr(contextlib, "redirect_stderr", contextlib.nullcontext)
        yield
        """,
    ),
    "managers that are not reentrant": Sabotage(
        ("test_a_manager_is_reentrant and stdout]", "test_suppress_is_reentrant"),
        """
        class Redirect:
            def __init__(self, target):
                self.target = target
            def __enter__(self):
                self.before, sys.stdout = sys.stdout, self.target
            def __exit__(self, *_):
                sys.stdout = self.before
        class Suppress(contextlib.nullcontext):
            left = 0
            def __exit__(self, *_):
                self.left += 1
                return self.left > 1
        monkeypatch.setattr(contextlib, "redirect_stdout", Redirect)
        monkeypatch.setattr(contextlib, "suppress", Suppress)
        yield
        """,
    ),
    "managers that are reentrant": Sabotage(
        ("test_a_lock_is_reusable_but_not_reentrant", "test_an_exit_stack_is_not_reentrant"),
        """
        class Stack:
            def __init__(self):
                self.stacks = []
            def callback(self, *call):
                self.stacks[-1].callback(*call)
            def __enter__(self):
                self.stacks.append(ExitStack())
            def __exit__(self, *error):
                self.stacks.pop().__exit__(*error)
        ExitStack = contextlib.ExitStack
        module = types.SimpleNamespace(Lock=threading.RLock)
        monkeypatch.setattr(request.module, "threading", module)
        monkeypatch.setattr(request.module, "contextlib", types.SimpleNamespace(ExitStack=Stack))
        yield
        """,
    ),
    "managers that are used otherwise than they are made for": Sabotage(
        ("test_an_exit_stack_is_reusable", "test_a_manager_is_for_a_single_use and file]"),
        """
        class Stack(contextlib.nullcontext):
            def __init__(self):
                super().__init__()
                self.calls = []
            def callback(self, function, argument):
                self.calls.append((function, argument))
            def __exit__(self, *_):
                for function, argument in self.calls:
                    function(argument)
        monkeypatch.setattr(request.module, "contextlib", types.SimpleNamespace(ExitStack=Stack))
        monkeypatch.setattr(request.module, "open", contextlib.nullcontext, raising=False)
        yield
        """,
    ),
    "one decimal context for all threads": Sabotage(
        ("test_each_thread_has_a_context_of_its_own and getcontext]", "test_a_new_thread_begins_with_the_defaults"),
        """
        one = decimal.Context(prec=20)
        monkeypatch.setattr(request.module, "getcontext", lambda: one)
        yield
        """,
    ),
    "context that all threads inherit": Sabotage(
        (
            "test_the_flag_says_what_a_new_thread_begins_with and false]",
            "test_a_filter_in_a_new_thread and false]",
            "test_a_filter_applies_in_its_own_thread_only",
        ),
        children="""
        import contextlib, warnings
        class CatchWarnings(contextlib.nullcontext):
            pass
        warnings.catch_warnings = CatchWarnings
        import decimal
        one = decimal.Context()
        decimal.getcontext = lambda: one
        """,
        possible=SINCE_3_14,
    ),
    "a strong reference that is taken too late": Sabotage(
        ("test_a_strong_reference_is_safe",),
        """
        monkeypatch.setattr(request.module, "get_and_use", request.module.use_late)
        yield
        """,
        possible=not PYPY,
    ),
    "finalizers that are called in two steps": Sabotage(
        ("test_a_finalizer_is_called_once", "test_a_finalizer_is_either_called_or_detached"),
        """
        monkeypatch.setattr(request.module.Finalizer.__init__, "__defaults__", (request.module.Hasty,))
        yield
        """,
    ),
    "callbacks that are called in any thread": Sabotage(
        ("test_call_soon_threadsafe_runs_in_the_loops_thread",),
        """
        real = asyncio.BaseEventLoop.call_soon_threadsafe
        def call(loop, callback, *arguments, **more):
            threading.Thread(target=callback, args=arguments).start()
            return real(loop, lambda: None)
        monkeypatch.setattr(asyncio.BaseEventLoop, "call_soon_threadsafe", call)
        yield
        """,
    ),
    "a loop that notices what other threads do, and does not mind": Sabotage(
        ("test_a_waiting_loop_does_not_notice", "test_debug_mode_notices_another_thread"),
        """
        real = asyncio.BaseEventLoop.call_soon
        def call(loop, callback, *arguments, **more):
            handle = real(loop, callback, *arguments, **more)
            loop._write_to_self()
            return handle
        monkeypatch.setattr(asyncio.BaseEventLoop, "_check_thread", lambda loop: None)
        monkeypatch.setattr(asyncio.BaseEventLoop, "call_soon", call)
        yield
        """,
    ),
    "a future that knows nothing": Sabotage(
        (
            "test_run_coroutine_threadsafe_returns_a_future",
            "test_a_coroutines_exception_is_raised_by_the_future",
            "test_to_cancel_the_future_cancels_the_task",
        ),
        """
        real = asyncio.run_coroutine_threadsafe
        def run(coroutine, loop):
            future = real(coroutine, loop)
            def result(seconds=None):
                return None if future.exception(seconds) else future.result()
            return types.SimpleNamespace(result=result, cancel=lambda: None)
        monkeypatch.setattr(request.module, "PATIENCE_S", 2.0)
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", run)
        yield
        """,
    ),
    "a loop that loses what it is to call": Sabotage(
        ("test_call_soon_threadsafe_is_reentrant",),
        """
        def call(loop, callback, *arguments, **more):
            before = list(loop._ready)
            objects.process(loop)
            loop._ready = collections.deque([*before, asyncio.Handle(callback, arguments, loop)])
        monkeypatch.setattr(asyncio.BaseEventLoop, "call_soon_threadsafe", call)
        yield
        """,
    ),
    "a loop that handles signals in any thread": Sabotage(
        ("test_signals_are_handled_in_the_main_thread",),
        """
        monkeypatch.setattr(asyncio.SelectorEventLoop, "add_signal_handler", lambda *_: None)
        yield
        """,
    ),
    "tasks that are switched elsewhere": Sabotage(
        (
            "test_no_update_is_lost_without_an_await",
            "test_an_update_can_be_lost_at_an_await",
            "test_each_await_suspends_the_task",
        ),
        """
        real, sleep, nothing = request.module.count, asyncio.sleep, request.module.no_suspension
        async def count(steps, between):
            other = (lambda: sleep(0)) if between in (None, nothing) else nothing
            return await real(steps, other)
        monkeypatch.setattr(request.module, "count", count)
        yield
        """,
    ),
    "a thread without the task's context": Sabotage(
        ("test_to_thread_hands_over_the_context",),
        """
        async def to_thread(function):
            return await asyncio.get_running_loop().run_in_executor(None, function)
        monkeypatch.setattr(asyncio, "to_thread", to_thread)
        yield
        """,
    ),
    "an update without the lock": Sabotage(
        ("test_no_update_is_lost_with_get_lock",),
        """
        monkeypatch.setattr(request.module, "add_one_with_the_lock", request.module.add_one)
        yield
        """,
    ),
    "a Lock that its own process has to release": Sabotage(
        ("test_who_may_release_a_lock and lock]",),
        children="""
        import multiprocessing
        multiprocessing.Lock = multiprocessing.RLock
        """,
    ),
    "a queue of which the order is another one": Sabotage(
        ("test_objects_of_one_process_are_received_in_order",),
        children="""
        from multiprocessing.queues import Queue
        put = Queue.put
        Queue.put = lambda self, item: put(self, (item[0], 49 - item[1]))
        """,
    ),
    "a queue that keeps the order": Sabotage(
        ("test_objects_of_two_processes_can_be_received_out_of_order",),
        children="""
        import time
        from multiprocessing.queues import Queue
        from multiprocessing.synchronize import Event
        put, wait = Queue.put, Event.wait
        def put_late(self, item):
            if item == "second":
                time.sleep(2)
            put(self, item)
        Event.wait = lambda self, timeout=None: wait(self, 0.5)
        Queue.put = put_late
        """,
    ),
    "a put that returns when all is done": Sabotage(
        ("test_a_queue_can_be_empty_after_a_put",),
        children="""
        import threading, time
        from multiprocessing.queues import Queue
        put = Queue.put
        def put_and_wait(self, item):
            item.event.set()
            put(self, item)
            while self.empty():
                time.sleep(0.01)
        Queue.put = put_and_wait
        """,
    ),
    "objects that are never large": Sabotage(
        ("test_join_before_get_waits_for_ever",),
        children="""
        from multiprocessing.queues import Queue
        put = Queue.put
        Queue.put = lambda self, item: put(self, item[:1])
        """,
    ),
    "a queue whose thread is always joined": Sabotage(
        ("test_with_cancel_join_thread_a_process_ends",),
        children="""
        from multiprocessing.process import BaseProcess
        from multiprocessing.queues import Queue
        join, start = BaseProcess.join, BaseProcess.start
        def start_daemon(self):
            self.daemon = True
            start(self)
        BaseProcess.start = start_daemon
        BaseProcess.join = lambda self, timeout=None: join(self, 0.5)
        Queue.cancel_join_thread = lambda self: None
        """,
    ),
    "lists that tell their manager of each change": Sabotage(
        ("test_a_change_in_place_is_not_propagated",),
        """
        from multiprocessing.managers import ListProxy
        get = ListProxy.__getitem__
        class Telling(list):
            def append(self, item):
                super().append(item)
                self.store(list(self))
        def get_telling(self, index):
            inner = Telling(get(self, index))
            inner.store = lambda changed: self.__setitem__(index, changed)
            return inner
        monkeypatch.setattr(ListProxy, "__getitem__", get_telling)
        yield
        """,
    ),
    "proxies that change nothing": Sabotage(
        ("test_what_is_stored_again_is_propagated", "test_a_change_of_a_nested_proxy_is_propagated"),
        """
        from multiprocessing.managers import ListProxy
        for name in "__setitem__", "append":
            monkeypatch.setattr(ListProxy, name, lambda *_: None)
        yield
        """,
    ),
    "proxies that mix up answers": Sabotage(
        ("test_two_threads_disturb_each_other_in_a_proxy",),
        """
        from multiprocessing.managers import BaseProxy
        call = BaseProxy._callmethod
        def call_and_mix(self, name, *how):
            answer = call(self, name, *how)
            return "another answer" if name == "put" else answer
        monkeypatch.setattr(BaseProxy, "_callmethod", call_and_mix)
        yield
        """,
    ),
    "pools with a further thread, and no initializer": Sabotage(
        ("test_a_task_that_waits_for_its_own_pool_waits_for_ever", "test_an_initializer_that_raises_breaks_the_pool"),
        """
        real = request.module.ThreadPoolExecutor
        monkeypatch.setattr(request.module, "ThreadPoolExecutor", lambda size, initializer=None: real(size + 1))
        yield
        """,
    ),
    "tasks that do not wait for each other": Sabotage(
        ("test_tasks_that_wait_for_each_other_wait_for_ever",),
        """
        real = request.module.each_other_is_done
        monkeypatch.setattr(request.module, "each_other_is_done", lambda mutual, seconds: real(False, seconds))
        yield
        """,
    ),
    "workers that do not die": Sabotage(
        ("test_the_death_of_a_worker_breaks_the_pool",),
        children="""
        from concurrent.futures import ProcessPoolExecutor
        submit = ProcessPoolExecutor.submit
        ProcessPoolExecutor.submit = lambda self, function, number: submit(self, abs, number)
        """,
    ),
    "functions of atexit that are called at once": Sabotage(
        ("test_threads_of_a_pool_are_joined_before_atexit",),
        children="""
        import atexit
        atexit.register = lambda function, *arguments, **more: function(*arguments, **more)
        """,
    ),
    "futures that forget": Sabotage(
        (
            "test_a_future_is_either_run_or_cancelled",
            "test_a_callback_is_called_once",
            "test_an_exception_of_a_callback_is_ignored",
        ),
        """
        def invoke(future):
            try:
                for callback in future._done_callbacks:
                    callback(future)
            except IndexError:
                logging.getLogger("concurrent.futures").exception("")
        Future = concurrent.futures.Future
        monkeypatch.setattr(Future, "cancel", lambda future: True)
        monkeypatch.setattr(Future, "_invoke_callbacks", invoke)
        monkeypatch.setattr(Future, "add_done_callback", lambda future, call: future._done_callbacks.append(call))
        yield
        """,
    ),
    "handlers that run where the signal comes": Sabotage(
        ("test_a_handler_runs_in_the_main_thread", "test_an_exception_of_a_handler_is_raised_in_the_main_thread"),
        children="""
        import signal
        signal.pthread_kill = lambda thread, number: signal.getsignal(number)(number, None)
        """,
    ),
    "signals that any thread sets": Sabotage(
        ("test_only_the_main_thread_sets_handlers and signal]",),
        """
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        yield
        """,
    ),
    "a Lock that lets its own thread in": Sabotage(
        ("test_a_handler_that_takes_a_lock_can_wait_for_ever",),
        """
        monkeypatch.setattr(request.module, "threading", types.SimpleNamespace(Lock=threading.RLock))
        yield
        """,
    ),
    "calculations in Python": Sabotage(
        ("test_a_calculation_in_c_is_not_interrupted",),
        children="""
        import itertools
        def islice(numbers, steps):
            for _ in range(steps):
                yield next(numbers)
        itertools.islice = islice
        """,
    ),
    "imports without locks": Sabotage(
        ("test_no_incomplete_module_is_seen",),
        children="""
        import importlib, sys
        load = importlib.import_module
        importlib.import_module = lambda name: sys.modules.get(name) or load(name)
        """,
    ),
    "modules that are executed for each import": Sabotage(
        ("test_a_module_is_executed_once",),
        children="""
        import importlib.util
        load = importlib.import_module
        def execute(name):
            if name != "single":
                return load(name)
            spec = importlib.util.find_spec(name)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
        importlib.import_module = execute
        """,
    ),
    "one lock for all imports": Sabotage(
        ("test_a_module_may_wait_for_a_thread_that_imports",),
        children="""
        import builtins, importlib, threading
        lock, load, join, real = threading.RLock(), importlib.import_module, threading.Thread.join, __import__
        def import_module(name):
            with lock:
                return load(name)
        def import_(*arguments, **more):
            with lock:
                return real(*arguments, **more)
        importlib.import_module, builtins.__import__ = import_module, import_
        threading.Thread.join = lambda self, timeout=None: join(self, 0.5 if self.name.endswith("work)") else timeout)
        """,
    ),
    "a reload at once": Sabotage(
        ("test_half_of_a_reload_can_be_seen",),
        children="""
        import importlib.util
        def reload(module):
            new = importlib.util.module_from_spec(module.__spec__)
            new.__spec__.loader.exec_module(new)
            vars(module).update(vars(new))
        importlib.reload = reload
        """,
    ),
    "variables that all contexts share": Sabotage(
        ("test_each_thread_sets_its_own_values",),
        """
        values = ["unset"]
        shared = types.SimpleNamespace(set=values.append, get=lambda: values[-1])
        monkeypatch.setattr(request.module, "variable", shared)
        yield
        """,
    ),
    "contexts that are not entered": Sabotage(
        ("test_a_context_cannot_be_entered_twice", "test_a_context_can_be_entered_again"),
        """
        context = types.SimpleNamespace(run=lambda function, *arguments: function(*arguments))
        monkeypatch.setattr(contextvars, "copy_context", lambda: context)
        yield
        """,
    ),
    "modules that are copied in Python": Sabotage(
        ("test_a_copy_of_the_modules_raises_nothing and copy]",),
        """
        class Modules(dict):
            def copy(self):
                return {objects.process(name) for name in self}
        modules = Modules(dict.fromkeys("abc"))
        monkeypatch.setattr(request.module, "sys", types.SimpleNamespace(modules=modules))
        yield
        """,
    ),
    "connections that do not mind threads, and have no rows": Sabotage(
        ("test_a_connection_belongs_to_its_thread", "test_a_connection_can_be_shared"),
        """
        cursor = types.SimpleNamespace(fetchall=list)
        connection = types.SimpleNamespace(execute=lambda _: cursor, close=lambda: None)
        monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: connection)
        yield
        """,
    ),
    "one errno for all threads": Sabotage(
        ("test_each_thread_has_a_copy_of_errno",),
        """
        numbers = [0]
        monkeypatch.setattr(ctypes, "set_errno", numbers.append)
        monkeypatch.setattr(ctypes, "get_errno", lambda: numbers[-1])
        yield
        """,
    ),
    "a locale for each thread": Sabotage(
        ("test_the_locale_is_that_of_the_process",),
        """
        local = threading.local()
        def setlocale(category, name=None):
            local.name = name or getattr(local, "name", "C")
            return local.name
        of_threads = types.SimpleNamespace(setlocale=setlocale, LC_TIME=0, Error=OSError)
        monkeypatch.setattr(request.module, "locale", of_threads)
        yield
        """,
    ),
    "a file that is written anew": Sabotage(
        ("test_rename_is_atomic",),
        """
        monkeypatch.setattr(request.module, "rename", request.module.rewrite)
        yield
        """,
    ),
    "a scheduler that loses events": Sabotage(
        ("test_a_scheduler_may_be_used_by_threads",),
        """
        class Scheduler(sched.scheduler):
            def enterabs(self, *arguments):
                before = list(self._queue)
                objects.process(self)
                event = super().enterabs(*arguments)
                self._queue[:] = sorted([*before, event])
        monkeypatch.setattr(request.module, "sched", types.SimpleNamespace(scheduler=Scheduler))
        yield
        """,
    ),
    "a shutdown that does not wait": Sabotage(
        ("test_shutdown_in_the_servers_own_thread_waits_for_ever",),
        children="""
        import socketserver
        def shutdown(self):
            self._BaseServer__shutdown_request = True
        socketserver.BaseServer.shutdown = shutdown
        """,
    ),
}

#: Refuted on one interpreter and confirmed on another, as every run across them shows.
BOTH_VERDICTS = {
    "test_gauss_may_return_one_number_twice",
    "test_a_new_context_can_have_half_of_the_changes",
    "test_an_asyncio_lock_is_not_thread_safe",
    "test_logging_in_a_signal_handler_can_wait_for_ever",
    "test_a_text_object_is_not_safe",
    "test_bytes_in_memory_are_safe",
    "test_a_circular_import_by_two_threads_ends",
    "test_a_package_and_its_submodule_can_be_imported_by_two_threads",
}
#: Not applicable before 3.14 or 3.11.
LATER = {
    "test_the_flag_says_what_a_new_thread_begins_with",
    "test_a_filter_in_a_new_thread",
    "test_a_filter_applies_in_its_own_thread_only",
    "test_the_environment_can_be_empty_while_it_is_reloaded",
    "test_another_thread_is_in_the_changed_folder",
}

#: Before the worlds, beside what those of the built-in types need.
IMPORTS = """
import asyncio, collections, concurrent.futures, contextlib, contextvars, ctypes, decimal, logging, os, sched, signal
import sqlite3, sys, tempfile
"""
