"""A claim that cannot lose is no claim: in a sabotaged world, each one's verdict turns."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass

import pytest

from helpers.sabotage import END_THE_PROCESS, claims_of_the_article
from pytest_concclaims import gil_enabled
from pytest_concclaims.claims import suite_folders
from pytest_concclaims.lab.parallelism.workers import has_interpreters


@dataclass(frozen=True)
class Sabotage:
    """A world in which something is broken.

    :param name: what is broken, and how.
    :param turned: the functions of the claims that have the other verdict there, in at least one of their forms.
    :param fixture: the body of a fixture that breaks it, for what runs in the test process.
    :param children: code that breaks it in every fresh interpreter that is started.
    :param possible: whether there can be such a world on this interpreter.
    """

    name: str
    turned: tuple[str, ...]
    fixture: str = "yield"
    children: str = ""
    possible: bool = True


SABOTAGES = [
    Sabotage(
        "a thread-local that all threads share",
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
    Sabotage(
        "a Lock that does not lock",
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
    Sabotage(
        "threads that are never switched within a change of the balance",
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
    Sabotage(
        "a Lock that stays locked when the section raises",
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
    Sabotage(
        "a Thread whose join does not wait",
        ("test_a_thread_runs_beside_the_main_thread_and_join_waits_for_it", "test_the_samples_output_order"),
        """
        class Hasty(threading.Thread):
            def join(self, timeout=None):
                pass
        replace_in_claims(monkeypatch, "Thread", Hasty)
        yield
        """,
    ),
    Sabotage(
        "a Process that is a thread",
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
    Sabotage(
        "a Process whose join does not wait",
        ("test_start_returns_while_the_child_runs_and_join_waits_for_its_end",),
        """
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "join", lambda self, timeout=None: None)
        yield
        """,
    ),
    Sabotage(
        "a Process that loses an argument",
        ("test_arguments_reach_the_target",),
        """
        init = multiprocessing.process.BaseProcess.__init__
        def lossy(self, group=None, target=None, name=None, args=(), kwargs={}, **more):
            init(self, group, target, name, args[:-1], kwargs, **more)
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "__init__", lossy)
        yield
        """,
    ),
    Sabotage(
        "threads of which the system knows one only",
        ("test_a_process_can_have_several_threads", "test_python_threads_are_threads_of_the_operating_system"),
        """
        monkeypatch.setattr(threading, "get_native_id", lambda: 1)
        # Here it is not somebody in the process who has replaced it.
        monkeypatch.setattr("pytest_concclaims.session.trial.find_interference", lambda: None)
        yield
        """,
    ),
    Sabotage(
        "globals of which each thread has its own",
        ("test_globals_and_the_objects_they_reach_are_shared",),
        """
        class OwnGlobals(threading.local):
            def __init__(self):
                self.balance, self.bookings = 0, []
        monkeypatch.setattr(request.module, "threads", OwnGlobals())
        yield
        """,
    ),
    Sabotage(
        "a crash that ends nothing",
        ("test_a_thread_that_crashes_takes_the_process_with_it",),
        children="import signal; signal.raise_signal = lambda number: None",
    ),
    Sabotage(
        "an unhandled exception in a thread that ends the process",
        ("test_a_thread_that_raises_takes_the_process_with_it",),
        children=END_THE_PROCESS
        + "import _thread\n"
        + "threading.excepthook = threading.__excepthook__ = _thread._excepthook = end_the_process\n",
    ),
    Sabotage(
        "processes that start like threads, and threads that start slowly and take much memory",
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
    Sabotage(
        "a GIL that is given up every 100 rounds",
        ("test_the_gil_is_given_up_every_100_bytecodes",),
        """
        cores = request.module.cores
        monkeypatch.setattr(cores.turns_of_two_threads, "__defaults__", (cores.let_others_in,))
        yield
        """,
        possible=gil_enabled(),
    ),
    Sabotage(
        "threads that take turns whatever they do",
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
    Sabotage(
        "a GIL for all processes and interpreters",
        (
            "test_processes_use_several_cores",
            "test_each_process_has_a_gil_of_its_own",
            *(("test_each_subinterpreter_has_a_gil_of_its_own",) if has_interpreters() else ()),
        ),
        """
        class Process(threading.Thread):
            exitcode = 0
            def __init__(self, *, target, args, daemon):
                work, there = args  # whoever started a process closes its end of the pipe
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
    Sabotage(
        "a crash that ends all processes around it",
        ("test_a_crashed_child_harms_neither_its_parent_nor_its_siblings",),
        children="""
        import os, signal
        signal.raise_signal = lambda number: os.killpg(0, number)
        os.abort = lambda: signal.raise_signal(signal.SIGABRT)
        """,
    ),
    Sabotage(
        "an executor whose workers know nothing of each other",
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
    Sabotage(
        "a Pool with one worker more",
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
    Sabotage(
        "an apply_async that waits for its task",
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
    Sabotage(
        "a Pool that cannot be closed",
        ("test_a_closed_pool_takes_no_new_task",),
        """
        monkeypatch.setattr(multiprocessing.pool.Pool, "close", lambda self: None)
        yield
        """,
    ),
    Sabotage(
        "a Pool whose workers live as long as it does",
        ("test_no_process_is_added_to_a_closed_pool",),
        """
        init = multiprocessing.pool.Pool.__init__
        def for_ever(self, processes, initializer, initargs, maxtasksperchild, **kwargs):
            init(self, processes, initializer, initargs, **kwargs)
        monkeypatch.setattr(multiprocessing.pool.Pool, "__init__", for_ever)
        yield
        """,
    ),
    Sabotage(
        "a Pool whose join returns at once",
        ("test_pool_join_waits_for_every_task", "test_pool_join_before_close_is_an_error"),
        """
        monkeypatch.setattr(multiprocessing.pool.Pool, "join", lambda self: None)
        yield
        """,
    ),
    Sabotage(
        "a Queue that gives the second of two items first",
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
    Sabotage(
        "a Queue that never blocks",
        ("test_get_waits_for_an_item_or_its_timeout",),
        """
        get = multiprocessing.queues.Queue.get
        monkeypatch.setattr(multiprocessing.queues.Queue, "get", lambda self, *how: get(self, False))
        yield
        """,
    ),
    Sabotage(
        "a Queue that always blocks for a while",
        ("test_get_false_on_an_empty_queue_raises_empty_at_once", "test_get_false_right_after_put_gives_the_item"),
        """
        get = multiprocessing.queues.Queue.get
        def blocking(self, block=True, timeout=None):
            return get(self, True, timeout if block else 0.05 if request.node.name.endswith("at_once") else 60)
        monkeypatch.setattr(multiprocessing.queues.Queue, "get", blocking)
        yield
        """,
    ),
    Sabotage(
        "a terminate that gives the process time to come to its end",
        ("test_the_reader_may_be_terminated_once_the_writer_is_joined",),
        """
        terminate = multiprocessing.process.BaseProcess.terminate
        def terminate_later(self):
            threading.Timer(2, terminate, [self]).start()
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "terminate", terminate_later)
        yield
        """,
    ),
    Sabotage(
        "a terminate that does nothing",
        ("test_an_endless_child_outlives_join_and_is_ended_by_terminate",),
        """
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "terminate", lambda self: None)
        monkeypatch.setitem(request.module.ends.__globals__, "PATIENCE", 1)
        yield
        """,
    ),
    Sabotage(
        "a Queue that carries no sentinel",
        ("test_an_endless_child_can_only_be_ended_by_force",),
        """
        put = multiprocessing.queues.Queue.put
        def put_something(self, item):
            if item is not None:
                put(self, item)
        monkeypatch.setattr(multiprocessing.queues.Queue, "put", put_something)
        monkeypatch.setitem(request.module.ends.__globals__, "PATIENCE", 1)
        yield
        """,
    ),
    Sabotage(
        "processes that share a GIL with the one that starts them",
        ("test_a_busy_thread_does_not_hold_up_another_process",),
        children="import multiprocessing, threading; multiprocessing.Process = threading.Thread",
        possible=gil_enabled(),
    ),
]

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
#: They say what a word means.
DEFINITIONS = {"test_a_process_has_a_pid_of_its_own", "test_a_process_has_at_least_one_thread"}
#: What any sane language does; its other reading is test_globals_and_the_objects_they_reach_are_shared.
REFUTED_BY_EVERY_CALL = {"test_all_variables_are_shared_by_all_threads"}

CONFTEST = """
import multiprocessing.connection, multiprocessing.context, multiprocessing.pool, multiprocessing.process
import multiprocessing.queues, os, sys, threading, time, types
import pytest
from pytest_concclaims.lab.parallelism import slices, workers
from pytest_concclaims.lab.race import power

# Let an absence be settled as soon as it may, and not at the end of a long budget.
power.PLENTY, power.RARER_THAN_GENERIC = power.OVERLAPPING, power.RARER
# In these worlds it is known that there is no parallelism: no control has to show, beside other tests, what could be.
slices.Round.unfit = lambda self, high: None

def replace_in_claims(monkeypatch, name, broken):
    "Replace a name of threading for the claims only: its own code, and pytest's, goes on with the real one."
    real = getattr(threading, name)
    def choose(*args, **kwargs):
        in_claims = "claims.article" in sys._getframe(1).f_globals["__name__"]
        return (broken if in_claims else real)(*args, **kwargs)
    monkeypatch.setattr(threading, name, choose)

@pytest.fixture(autouse=True)
def sabotaged(request, monkeypatch):
"""


def claim_functions() -> set[str]:
    """Return the names of the suite's test functions."""
    return {
        node.name
        for file in suite_folders()["article"].glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=[sabotage.name.replace(" ", "-") for sabotage in SABOTAGES])
def test_a_sabotage_turns_the_verdict(pytester: pytest.Pytester, sabotage: Sabotage) -> None:
    """The claims that speak of what is broken end in the verdict that is not expected."""
    if not sabotage.possible:
        pytest.skip("no such world on this interpreter")
    conftest = CONFTEST + textwrap.indent(textwrap.dedent(sabotage.fixture), "    ")
    # On a busy machine, "never seen" takes longer than anybody would wait for.
    budget = "--claims-budget=60"
    claims = claims_of_the_article(pytester, sabotage.turned, budget, conftest=conftest, children=sabotage.children)
    other = {"confirmed": "refuted", "refuted": "confirmed"}
    turned = {claim["id"].split("[")[0] for claim in claims if claim["verdict"] == other[claim["expected"]]}
    assert turned == {"article-" + name[len("test_") :].replace("_", "-") for name in sabotage.turned}


def test_each_claim_is_seen_with_both_verdicts_or_is_a_definition() -> None:
    """A claim that is added without a world in which it loses is found here."""
    turned = {name for sabotage in SABOTAGES for name in sabotage.turned}
    turned |= BOTH_VERDICTS_AT_ONCE | BOTH_VERDICTS_ACROSS_INTERPRETERS
    assert turned | DEFINITIONS | REFUTED_BY_EVERY_CALL == claim_functions()
