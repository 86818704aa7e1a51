"""The article's claims in sabotaged worlds: the verdict of each turns, as a claim has to be able to lose."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import pytest

from helpers.sabotage import END_THE_PROCESS, World, claims_in_worlds
from pytest_concclaims import gil_enabled
from pytest_concclaims.lab.parallelism.workers import has_interpreters
from pytest_concclaims.session.suites import suite_folders


@dataclass(frozen=True)
class Sabotage(World):
    """A world in which something is broken, so that each of its claims has the other verdict, in one of its forms.

    :param possible: whether there can be such a world on this interpreter.
    """

    possible: bool = True


#: The worlds, by what is broken.
SABOTAGES = {
    "a thread-local that all threads share": Sabotage(
        (
            "test_each_thread_reads_back_what_it_bound_itself",
            "test_what_one_thread_binds_is_invisible_to_the_others",
            "test_a_new_thread_does_not_inherit_thread_local_values",
        ),
        """
        monkeypatch.setattr(threading, "local", types.SimpleNamespace)
        yield
        """,
    ),
    "a Lock that does not lock": Sabotage(
        (
            "test_a_lock_never_released_keeps_every_other_thread_out",
            "test_the_balance_is_always_right_with_a_lock",
            "test_only_the_thread_that_holds_the_lock_is_inside",
        ),
        """
        class OpenLock:
            def acquire(self, blocking=True, timeout=-1):
                return True
            def release(self):
                pass
            def __enter__(self):
                return self
            def __exit__(self, *_):
                pass
        replace_in_claims(monkeypatch, "Lock", OpenLock)
        yield
        """,
    ),
    "threads that are never switched within a change of the balance": Sabotage(
        ("test_threads_lose_updates_without_a_lock",),
        """
        def uninterrupted(change):
            def changed(account):
                with account.lock:
                    change(account)
            return changed
        for name in ("change_by_5_with_a_call", "change_by_8_with_a_call"):
            monkeypatch.setattr(request.module, name, uninterrupted(getattr(request.module, name)))
        yield
        """,
    ),
    "a Lock that stays locked when the section raises": Sabotage(
        ("test_the_lock_is_released_even_when_the_section_raises",),
        """
        Lock = threading.Lock
        class StuckLock:
            def __init__(self):
                self.lock = Lock()
            def acquire(self, blocking=True, timeout=-1):
                return self.lock.acquire(blocking, timeout)
            def release(self):
                if sys.exc_info()[0] is None:
                    self.lock.release()
            __enter__ = acquire
            def __exit__(self, *_):
                self.release()
        replace_in_claims(monkeypatch, "Lock", StuckLock)
        yield
        """,
    ),
    "a Thread whose join does not wait": Sabotage(
        ("test_a_thread_runs_beside_the_main_thread_and_join_waits_for_it", "test_the_samples_output_order"),
        """
        class Hasty(threading.Thread):
            def join(self, timeout=None):
                pass
        replace_in_claims(monkeypatch, "Thread", Hasty)
        yield
        """,
    ),
    "a Process that is a thread": Sabotage(
        (
            "test_each_process_has_its_own_copy_of_a_variable",
            "test_a_process_runs_its_target_in_another_process",
            "test_the_childs_parent_is_the_process_that_started_it",
        ),
        """
        class Process(threading.Thread):
            pid, exitcode = os.getpid(), None
            def __init__(self, *, target, args, kwargs):
                super().__init__(target=target, args=args, kwargs=kwargs, daemon=True)
                self.sentinel, self.ended = os.pipe()
            def run(self):
                try:
                    super().run()
                finally:
                    os.close(self.ended)
            def kill(self):
                pass
        for context in multiprocessing.context._concrete_contexts.values():
            monkeypatch.setattr(type(context), "Process", Process)
        yield
        """,
    ),
    "a Process whose join does not wait": Sabotage(
        ("test_start_returns_while_the_child_runs_and_join_waits_for_its_end",),
        """
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "join", lambda self, timeout=None: None)
        yield
        """,
    ),
    "a shared number that each process has a copy of": Sabotage(
        (
            "test_processes_share_what_is_made_to_be_shared",
            "test_two_processes_that_add_to_one_shared_number_lose_updates",
        ),
        """
        monkeypatch.setattr(request.module.processes, "shared_balance", lambda: types.SimpleNamespace(value=100))
        # The effect is absent in this world: schedules settle it, without samples.
        monkeypatch.setattr(Subject, "is_parallel", False)
        yield
        """,
    ),
    "a Process that loses an argument": Sabotage(
        ("test_arguments_reach_the_target",),
        """
        init = multiprocessing.process.BaseProcess.__init__
        def lossy(self, group=None, target=None, name=None, args=(), kwargs={}, **more):
            init(self, group, target, name, args[:-1], kwargs, **more)
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "__init__", lossy)
        yield
        """,
    ),
    "threads of which the system knows one only": Sabotage(
        ("test_a_process_can_have_several_threads", "test_python_threads_are_threads_of_the_operating_system"),
        """
        monkeypatch.setattr(threading, "get_native_id", lambda: 1)
        # This sabotage would be reported as interference.
        monkeypatch.setattr("pytest_concclaims.session.trial.find_interference", lambda: None)
        yield
        """,
    ),
    "globals of which each thread has its own": Sabotage(
        ("test_globals_and_the_objects_they_reach_are_shared",),
        """
        class OwnGlobals(threading.local):
            def __init__(self):
                self.balance, self.bookings = 0, []
        monkeypatch.setattr(request.module, "threads", OwnGlobals())
        yield
        """,
    ),
    "a crash that ends nothing": Sabotage(
        ("test_a_thread_that_crashes_takes_the_process_with_it",),
        children="import signal; signal.raise_signal = lambda number: None",
    ),
    "an unhandled exception in a thread that ends the process": Sabotage(
        ("test_a_thread_that_raises_takes_the_process_with_it",),
        children=END_THE_PROCESS
        + "import _thread\n"
        + "threading.excepthook = threading.__excepthook__ = _thread._excepthook = end_the_process\n",
    ),
    "processes that start like threads, and threads that start slowly and take much memory": Sabotage(
        (
            "test_starting_a_process_takes_longer_than_starting_a_thread",
            "test_a_process_takes_more_memory_than_a_thread",
        ),
        """
        class Process(threading.Thread):
            def kill(self):
                pass
        class Heavy(threading.Thread):
            def start(self):
                self.load = b"x" * (1 << 23)
                time.sleep(0.02)
                super().start()
        for context in multiprocessing.context._concrete_contexts.values():
            monkeypatch.setattr(type(context), "Process", Process)
        replace_in_claims(monkeypatch, "Thread", Heavy)
        yield
        """,
    ),
    "a GIL that is given up every 100 rounds": Sabotage(
        ("test_the_gil_is_given_up_every_100_bytecodes",),
        """
        cores = request.module.cores
        monkeypatch.setattr(cores.turns_of_two_threads, "__defaults__", (cores.let_others_in,))
        yield
        """,
        possible=gil_enabled(),
    ),
    "threads that take turns whatever they do": Sabotage(
        ("test_threads_only_ever_take_turns",),
        """
        class Turn(threading.Thread):
            def start(self):
                super().start()
                self.join()
        turn = threading.Lock()
        def hash_in_turns(hash_much=request.module.cores.hash_much):
            with turn:
                return hash_much()
        def wait_in_turns(descriptor, size):
            time.sleep(0.05)
        replace_in_claims(monkeypatch, "Thread", Turn)
        system = types.SimpleNamespace(pipe=os.pipe, read=wait_in_turns, write=os.write, close=os.close)
        monkeypatch.setattr(request.module.cores, "os", system)
        monkeypatch.setattr(request.module.cores, "hash_much", hash_in_turns)
        yield
        """,
    ),
    "a GIL for all processes and interpreters": Sabotage(
        (
            "test_processes_use_several_cores",
            "test_each_process_has_a_gil_of_its_own",
            *(("test_each_subinterpreter_has_a_gil_of_its_own",) if has_interpreters() else ()),
        ),
        """
        class Process(threading.Thread):
            exitcode = 0
            def __init__(self, *, target, args, daemon):
                work, there = args  # the one that starts a process closes its end of the pipe
                mine = multiprocessing.connection.Connection(os.dup(there.fileno()))
                super().__init__(target=target, args=(work, mine), daemon=daemon)
            def kill(self):
                pass
            close = kill
        for context in multiprocessing.context._concrete_contexts.values():
            monkeypatch.setattr(type(context), "Process", Process)
        monkeypatch.setitem(workers.MEASURED, "interpreter", workers.ThreadWorker)
        yield
        """,
        possible=gil_enabled(),
    ),
    "a crash that ends all processes around it": Sabotage(
        ("test_a_crashed_child_harms_neither_its_parent_nor_its_siblings",),
        children="""
        import os, signal
        signal.raise_signal = lambda number: os.killpg(0, number)
        os.abort = lambda: signal.raise_signal(signal.SIGABRT)
        """,
    ),
    "an executor whose workers know nothing of each other": Sabotage(
        ("test_a_crashed_worker_does_not_harm_the_others_of_its_executor",),
        children="""
        import concurrent.futures
        Executor = concurrent.futures.ProcessPoolExecutor
        class Separate:
            def __init__(self, workers, *how):
                self.executors = [Executor(1, *how) for _ in range(workers)]
                self.next = iter([0])
            def submit(self, task):
                return self.executors[next(self.next, 1)].submit(task)
            def __enter__(self):
                return self
            def __exit__(self, *_):
                for executor in self.executors:
                    executor.shutdown()
        concurrent.futures.ProcessPoolExecutor = Separate
        """,
    ),
    "a Pool with one worker more": Sabotage(
        (
            "test_a_pool_of_four_runs_at_most_four_tasks_at_once",
            "test_five_tasks_in_a_pool_of_four_run_at_the_same_time",
        ),
        """
        init = multiprocessing.pool.Pool.__init__
        def one_more(self, processes, *args, **kwargs):
            init(self, processes + 1, *args, **kwargs)
        monkeypatch.setattr(multiprocessing.pool.Pool, "__init__", one_more)
        yield
        """,
    ),
    "an apply_async that waits for its task": Sabotage(
        ("test_apply_async_returns_before_its_task_has_run",),
        """
        apply_async = multiprocessing.pool.Pool.apply_async
        def wait_for_it(self, *args):
            result = apply_async(self, *args)
            [gate] = self._initargs
            gate.opened.value = 1
            result.wait()
            return result
        monkeypatch.setattr(multiprocessing.pool.Pool, "apply_async", wait_for_it)
        yield
        """,
    ),
    "a Pool that cannot be closed": Sabotage(
        ("test_a_closed_pool_takes_no_new_task",),
        """
        monkeypatch.setattr(multiprocessing.pool.Pool, "close", lambda self: None)
        yield
        """,
    ),
    "a Pool whose workers live as long as it does": Sabotage(
        ("test_no_process_is_added_to_a_closed_pool",),
        """
        init = multiprocessing.pool.Pool.__init__
        def for_ever(self, processes, initializer, initargs, maxtasksperchild, **kwargs):
            init(self, processes, initializer, initargs, **kwargs)
        monkeypatch.setattr(multiprocessing.pool.Pool, "__init__", for_ever)
        yield
        """,
    ),
    "a Pool whose join returns at once": Sabotage(
        ("test_pool_join_waits_for_every_task", "test_pool_join_before_close_is_an_error"),
        """
        monkeypatch.setattr(multiprocessing.pool.Pool, "join", lambda self: None)
        yield
        """,
    ),
    "a Queue that gives the second of two items first": Sabotage(
        ("test_a_queue_carries_objects_between_processes_in_order",),
        """
        get = multiprocessing.queues.Queue.get
        kept = []
        def swapped(self, *how):
            if not kept:
                kept.append(get(self, *how))
                return get(self, *how)
            return kept.pop()
        monkeypatch.setattr(multiprocessing.queues.Queue, "get", swapped)
        yield
        """,
    ),
    "a Queue that never blocks": Sabotage(
        ("test_get_waits_for_an_item_or_its_timeout",),
        """
        get = multiprocessing.queues.Queue.get
        monkeypatch.setattr(multiprocessing.queues.Queue, "get", lambda self, *how: get(self, False))
        yield
        """,
    ),
    "a Queue that always blocks for a while": Sabotage(
        ("test_get_false_on_an_empty_queue_raises_empty_at_once", "test_get_false_right_after_put_gives_the_item"),
        """
        get = multiprocessing.queues.Queue.get
        def blocking(self, block=True, timeout=None):
            return get(self, True, timeout if block else 0.05 if request.node.name.endswith("at_once") else 60)
        monkeypatch.setattr(multiprocessing.queues.Queue, "get", blocking)
        yield
        """,
    ),
    "a terminate that lets the process finish first": Sabotage(
        ("test_the_reader_may_be_terminated_once_the_writer_is_joined",),
        """
        terminate = multiprocessing.process.BaseProcess.terminate
        terminated = []
        monkeypatch.setattr(
            multiprocessing.process.BaseProcess, "terminate", lambda self: terminated.append(self)
        )
        allow = request.module.Reader.allow
        def allow_and_let_it_read(self, items):
            allow(self, items)
            while terminated:
                if self.count.value == request.module.WRITTEN:
                    terminate(terminated.pop())
                time.sleep(0.001)
        monkeypatch.setattr(request.module.Reader, "allow", allow_and_let_it_read)
        yield
        """,
    ),
    "a terminate that does nothing": Sabotage(
        ("test_an_endless_child_outlives_join_and_is_ended_by_terminate",),
        """
        def do_nothing(self):  # then the claim soon sees that it does not end
            monkeypatch.setitem(request.module.ends.__globals__, "WAIT_LIMIT_S", 0.05)
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "terminate", do_nothing)
        yield
        """,
    ),
    "a Queue that carries no sentinel": Sabotage(
        ("test_an_endless_child_can_only_be_ended_by_force",),
        """
        put = multiprocessing.queues.Queue.put
        def put_something(self, item):
            if item is not None:
                put(self, item)
            else:  # then the claim soon sees that the reader does not end
                monkeypatch.setitem(request.module.ends.__globals__, "WAIT_LIMIT_S", 0.05)
        monkeypatch.setattr(multiprocessing.queues.Queue, "put", put_something)
        yield
        """,
    ),
    "processes that share a GIL with the one that starts them": Sabotage(
        ("test_a_busy_thread_does_not_hold_up_another_process",),
        # The clock is quick there: for a missing answer, the claim waits for five seconds of it.
        children="""
        import multiprocessing, threading, time
        multiprocessing.Process = threading.Thread
        perf_counter = time.perf_counter
        time.perf_counter = lambda: 5 * perf_counter()
        """,
        possible=gil_enabled(),
    ),
}

#: Refuted or confirmed by their parameter, on one and the same interpreter.
BOTH_VERDICTS_AT_ONCE = {"test_the_childs_copy_starts_with_the_parents_current_value"}
#: Refuted on one interpreter and confirmed on another, as every run across them shows.
BOTH_VERDICTS_ACROSS_INTERPRETERS = {
    "test_two_threads_without_a_lock_leave_the_balance_wrong",
    "test_two_threads_never_run_python_code_at_the_same_moment",
    "test_cpu_bound_threads_use_one_core_at_most",
    "test_a_pools_default_size_is_the_number_of_cores",
    # Where there are subinterpreters, in a sabotaged world; elsewhere it is not applicable.
    "test_each_subinterpreter_has_a_gil_of_its_own",
}
#: These claims say what a word means.
DEFINITIONS = {"test_a_process_has_a_pid_of_its_own", "test_a_process_has_at_least_one_thread"}
#: It is refuted in any language with local variables; test_globals_and_the_objects_they_reach_are_shared is its sound
#: version.
REFUTED_BY_EVERY_CALL = {"test_all_variables_are_shared_by_all_threads"}

#: Code before the worlds.
PRELUDE = """
import multiprocessing.connection, multiprocessing.context, multiprocessing.pool, multiprocessing.process
import multiprocessing.queues, os, sys, threading, time, types
import pytest
from pytest_concclaims.lab.parallelism import rounds, workers
from pytest_concclaims.lab.race.experiment import Subject
from pytest_concclaims.lab.race.samples import power

# In these worlds, effects are absent: a few samples settle that, without a long budget.
power.PLENTY = power.OVERLAPPING = 200
power.PLENTY_OF_STRIDES = power.STRIDES
power.RARER = power.RARER_THAN_GENERIC = 3
# In these worlds, there is no parallelism: no control has to show, beside other tests, what is possible. But a slice
# says nothing if the workers were not at work at the same time.
rounds.Round.unfit = lambda self, high: None if self.measured.seconds else "the workers took turns"

def replace_in_claims(monkeypatch, name, broken):
    "Replace a name of threading for the claims only: threading itself, and pytest, use the real one."
    real = getattr(threading, name)
    def choose(*args, **kwargs):
        in_claims = "claims.article" in sys._getframe(1).f_globals["__name__"]
        return (broken if in_claims else real)(*args, **kwargs)
    monkeypatch.setattr(threading, name, choose)

"""


def claim_functions(modules: str = "test_*.py") -> set[str]:
    """Return the names of the suite's test functions, of the modules that a pattern fits."""
    return {
        node.name
        for file in suite_folders()["article"].glob(modules)
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


#: The parts of the article: the sabotages of each have a run of pytest.
PARTS = {
    "processes and threads": "test_[12]_1_*.py",
    "Pool, Queue and crashes": "test_[12]_[23]_*.py",
    "threads": "test_3_*.py",
}


@pytest.mark.parametrize("part", PARTS)
def test_a_sabotage_turns_the_verdict(pytester: pytest.Pytester, part: str) -> None:
    """The claims about what is broken end in the verdict that is not expected."""
    worlds = {
        broken: sabotage
        for broken, sabotage in SABOTAGES.items()
        if sabotage.possible and sabotage.functions[0] in claim_functions(PARTS[part])
    }
    # On a busy machine, "never seen" takes long.
    found = claims_in_worlds(
        pytester, list(worlds.values()), "--claims-budget=60", "--claims-patience=120", prelude=PRELUDE
    )
    other = {"confirmed": "refuted", "refuted": "confirmed"}
    turned = {
        broken: {claim["id"].split("[")[0] for claim in claims if claim["verdict"] == other[claim["expected"]]}
        for broken, claims in zip(worlds, found)
    }
    assert turned == {
        broken: {"article-" + name[len("test_") :].replace("_", "-") for name in sabotage.functions}
        for broken, sabotage in worlds.items()
    }


def test_each_claim_is_seen_with_both_verdicts_or_is_a_definition() -> None:
    """A new claim needs a world in which it loses."""
    turned = {name for sabotage in SABOTAGES.values() for name in sabotage.functions}
    turned |= BOTH_VERDICTS_AT_ONCE | BOTH_VERDICTS_ACROSS_INTERPRETERS
    assert turned | DEFINITIONS | REFUTED_BY_EVERY_CALL == claim_functions()
    assert set().union(*map(claim_functions, PARTS.values())) == claim_functions()
