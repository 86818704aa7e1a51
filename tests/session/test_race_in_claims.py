"""Races in claims: what becomes of the verdict, the record and the run, whatever becomes of the race."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import fastjsonschema
import pytest

from helpers.claims_project import COMPANION, Run, make_project, one_claim, run_claims
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.lab.race import power
from pytest_concclaims.records.record import SCHEMA_FILE

forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")

#: Seconds for each question; it takes as long as it needs, and a machine may be very busy.
BUDGET = "--claims-budget=120"
#: For what is never going to be settled.
SHORT = "--claims-budget=0.1"


@pytest.fixture(autouse=True)
def _settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an absence be settled as soon as it may, and not at the end of a long budget (in runs in this process)."""
    monkeypatch.setattr(power, "OVERLAPPING", 100)
    monkeypatch.setattr(power, "PLENTY", 100)
    monkeypatch.setattr(power, "STRIDES", 3)
    monkeypatch.setattr(power, "SEEN", 5)
    monkeypatch.setattr(power, "RARER", 2)
    monkeypatch.setattr(power, "RARER_THAN_GENERIC", 2)


#: What races in these claims; who counts takes so much time between reading and writing that actors overlap.
RACERS = """
import contextlib, itertools, os, signal, threading, time

numbers = itertools.count()

class Counter:
    def __init__(self):
        self.careful = next(numbers) % 4 == 0
        self.value = 0
        self.lock = threading.Lock()

def increment(counter):
    value = counter.value
    time.sleep(1e-4)
    counter.value = value + 1

def increment_locked(counter):
    with counter.lock:
        increment(counter)

def increment_carelessly(counter):
    with counter.lock if counter.careful else contextlib.nullcontext():
        increment(counter)

def read(counter):
    return counter.value

def nothing(state):
    pass

def fall(state):
    signal.raise_signal(signal.SIGSEGV)

def explode(state):
    raise LookupError("no such account")

def exit_at_once(state):
    os._exit(0)

def hang(state):
    threading.Event().wait()

def unlocked(lab):
    return lab.race(Counter, increment, increment, observe=read)

def locked(lab, control=(increment_carelessly, increment_carelessly)):
    return lab.race(Counter, increment_locked, increment_locked, observe=read, control=control)
"""
#: A claim that comes after the one that a test is about, and must not notice anything of it.
NEXT = """
@pytest.mark.claim("The next one races as well")
def test_next(lab):
    race = unlocked(lab)
    assert race.ever(1)
"""

#: Claims of which each would take a worker with it, if it ran there.
CRASHES_AND_HANGS = """
@pytest.mark.claim("A crash is an error")
def test_crash(lab):
    assert lab.race(Counter, nothing, fall).ever((1, 1))

@pytest.mark.claim("A crash is an outcome where it is asked for")
def test_asked(lab):
    race = lab.race(Counter, nothing, fall)
    assert race.ever(lab.CRASH)

@pytest.mark.claim("Who hangs is an error")
def test_hang(lab):
    assert lab.race(Counter, nothing, hang, deadline=1.0).ever((1, 1))
"""


def racing(pytester: pytest.Pytester, body: str, **options: str) -> None:
    """Make a project with the claim "Snow is white", one that follows, and a companion."""
    code = one_claim(body, prelude=RACERS, **options)
    make_project(pytester, code.replace(COMPANION, NEXT + COMPANION))


def run_racing(pytester: pytest.Pytester, *arguments: str, subprocess: bool = False) -> Run:
    """Run the claims, and check their record."""
    run = run_claims(pytester, *arguments, subprocess=subprocess)
    record_check()(run.record)
    return run


@cache
def record_check() -> Callable[[object], object]:
    """Return a function that raises if a record is not as its schema says; to make it takes time."""
    check: Callable[[object], object] = fastjsonschema.compile(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    return check


def race_of(run: Run, claim: str = "snow") -> dict[str, Any]:
    """Return a claim's evidence of its only race."""
    (race,) = run.evidence(claim, "race")
    return race


def need_xdist(arguments: tuple[str, ...]) -> None:
    """Skip without pytest-xdist, if it is asked for."""
    if "-n" in arguments:
        pytest.importorskip("xdist")


@pytest.mark.parametrize("in_process", [False, True], ids=["forked", "in-process"])
@pytest.mark.parametrize(
    ("body", "verdict", "marks"),
    [
        ("assert unlocked(lab).ever(1)", "confirmed", ""),
        ("assert unlocked(lab).always(2)", "refuted", "@pytest.mark.refuted(True, reason='no lock')"),
        ("assert locked(lab).never(1)", "confirmed", ""),
        ("assert locked(lab).ever(1)", "refuted", "@pytest.mark.refuted(True, reason='a lock')"),
    ],
    ids=["ever", "always", "never", "not-ever"],
)
def test_answer_that_is_asserted_decides_the_verdict(
    pytester: pytest.Pytester, body: str, verdict: str, marks: str, in_process: bool
) -> None:
    """The record has what the answer rests on, in the run's own kind of process."""
    racing(pytester, body, marks=marks)
    run = run_racing(pytester, BUDGET, *(["--claims-in-process"] if in_process else []))
    assert run.status == 0
    assert (run.verdicts["snow"], run.verdicts["companion"]) == (verdict, "confirmed")
    race = race_of(run)
    assert race["answer"] is (verdict == "confirmed")
    assert race["in_process"] is (in_process or not CAN_FORK)
    assert (race["witness"] is not None) is ("unlocked" in body)
    assert (race["failure"], race["lacking"]) == (None, None)
    assert run.record is not None
    assert race["budget"] == run.record["options"]["budget"]
    assert run.record["options"]["in_process"] is in_process


def test_what_was_seen_stands_in_the_summary(pytester: pytest.Pytester) -> None:
    """The figures, beside the verdict."""
    racing(pytester, "assert unlocked(lab).ever(1)")
    run = run_racing(pytester, BUDGET)
    race = race_of(run)
    words = " ".join(" ".join(run.section).split())
    assert f"seen in {race['seen']:,} of {race['samples']:,} samples, first 1 after" in words


def test_race_that_nobody_asserts_is_no_evidence_for_a_verdict(pytester: pytest.Pytester) -> None:
    """An answer that decides nothing: the claim ends in an error."""
    racing(pytester, "unlocked(lab).ever(1)")
    run = run_racing(pytester, BUDGET)
    assert run.status == 1
    assert run.verdicts["snow"] == "error"
    assert race_of(run)["answer"] is True


def test_race_that_is_asserted_itself_is_an_error(pytester: pytest.Pytester) -> None:
    """A question is missing."""
    racing(pytester, "assert unlocked(lab)")
    run = run_racing(pytester, BUDGET)
    assert run.verdicts["snow"] == "error"
    assert "a race is neither true nor false; ask race.ever" in run.claims["snow"]["reason"]


@pytest.mark.parametrize(("strict", "outcome"), [(False, "skipped"), (True, "failed")])
def test_unsettled_race_leaves_the_claim_inconclusive(pytester: pytest.Pytester, strict: bool, outcome: str) -> None:
    """It is skipped, or fails in a strict run; the reason and the figures are on record."""
    racing(pytester, "assert locked(lab, control=(increment_locked,) * 2).never(1)")
    run = run_racing(pytester, SHORT, "-k", "not next", *(["--claims-strict"] if strict else []))
    run.result.assert_outcomes(**{"passed": 1, outcome: 1, "deselected": 1})
    assert run.status == int(strict)
    assert run.verdicts == {"snow": "inconclusive", "companion": "confirmed"}
    race = race_of(run)
    assert (race["answer"], race["control"]["seen"]) == (None, 0)
    assert run.claims["snow"]["reason"].startswith("never(1) has no answer: ")
    assert race["lacking"] in run.claims["snow"]["reason"]


def test_unsettled_race_that_was_caught_leaves_no_verdict(pytester: pytest.Pytester) -> None:
    """Whatever the claim asserts instead."""
    racing(
        pytester,
        """
        try:
            locked(lab, control=(increment_locked,) * 2).never(1)
        except BaseException:
            pass
        assert lab is not None
        """,
    )
    run = run_racing(pytester, SHORT, "-k", "not next")
    assert run.verdicts == {"snow": "inconclusive", "companion": "confirmed"}


@forks
def test_crash_is_an_error_that_nobody_else_notices(pytester: pytest.Pytester) -> None:
    """The record has signal, actors and stacks, and the next claim has its verdict."""
    racing(pytester, "assert lab.race(Counter, nothing, fall).ever((1, 1))")
    run = run_racing(pytester, BUDGET)
    assert run.status == 1
    assert run.verdicts == {"snow": "error", "next": "confirmed", "companion": "confirmed"}
    check_crash(run, "snow")


@forks
def test_crash_that_was_asked_for_decides_the_verdict(pytester: pytest.Pytester) -> None:
    """It is an outcome like any other."""
    racing(pytester, "race = lab.race(Counter, nothing, fall)\nassert race.ever(lab.CRASH)")
    run = run_racing(pytester, BUDGET)
    assert run.status == 0
    assert run.verdicts == {"snow": "confirmed", "next": "confirmed", "companion": "confirmed"}
    assert race_of(run)["witness"]["outcome"] == "lab.CRASH"


def check_crash(run: Run, claim: str) -> None:
    """Check that a claim's reason and evidence say what crashed."""
    assert "the process was ended by SIGSEGV while the race ran (nothing, fall; " in run.claims[claim]["reason"]
    failure = race_of(run, claim)["failure"]
    assert failure["kind"] == "crash"
    assert "in fall" in failure["details"]


def test_crash_in_process_is_no_question(pytester: pytest.Pytester) -> None:
    """Pytest would go with it; so the claim is inconclusive, and nothing runs."""
    racing(pytester, "race = lab.race(Counter, fall, fall, control=(fall, fall))\nassert race.ever(lab.CRASH)")
    run = run_racing(pytester, BUDGET, "--claims-in-process")
    assert run.status == 0
    assert run.verdicts == {"snow": "inconclusive", "next": "confirmed", "companion": "confirmed"}
    assert "--claims-in-process" in run.claims["snow"]["reason"]


@forks
def test_actor_that_leaves_the_process_is_an_error(pytester: pytest.Pytester) -> None:
    """It does not end pytest, with a status that looks like success."""
    racing(pytester, "assert lab.race(Counter, nothing, exit_at_once).ever((1, 1))")
    run = run_racing(pytester, BUDGET, subprocess=True)
    assert run.status == 1
    assert run.verdicts == {"snow": "error", "next": "confirmed", "companion": "confirmed"}
    assert "left with exit status 0 while the race ran (nothing, exit_at_once; " in run.claims["snow"]["reason"]


@forks
def test_actor_that_hangs_is_an_error_with_its_stack(pytester: pytest.Pytester) -> None:
    """It is named, and the next claim has its verdict."""
    racing(pytester, "assert lab.race(Counter, nothing, hang, deadline=1.0).ever((1, 1))")
    run = run_racing(pytester, BUDGET)
    assert run.status == 1
    assert run.verdicts == {"snow": "error", "next": "confirmed", "companion": "confirmed"}
    check_hang(run, "snow")


def check_hang(run: Run, claim: str) -> None:
    """Check that a claim's reason and evidence say what hung."""
    assert "actor hang did not come back within 1 s" in run.claims[claim]["reason"]
    assert "in hang" in race_of(run, claim)["failure"]["details"]


@forks
def test_crashes_and_hangs_in_workers_are_noticed_by_nobody_else(pytester: pytest.Pytester) -> None:
    """No worker of pytest-xdist's is lost; each claim has its verdict, and the record as much as without workers."""
    pytest.importorskip("xdist")
    make_project(pytester, RACERS + CRASHES_AND_HANGS + NEXT + COMPANION)
    run = run_racing(pytester, BUDGET, "-n", "2", subprocess=True)
    assert run.status == 1
    assert run.verdicts == {
        "crash": "error",
        "asked": "confirmed",
        "hang": "error",
        "next": "confirmed",
        "companion": "confirmed",
    }
    check_crash(run, "crash")
    assert race_of(run, "asked")["witness"]["outcome"] == "lab.CRASH"
    check_hang(run, "hang")
    for claim in ("crash", "hang"):
        assert "worker" not in run.claims[claim]["reason"]
    assert "replacing crashed worker" not in run.output


#: By the name of a claim: a race in which something raises, and what is said of it.
CULPRITS = {
    "actor": ("Counter, nothing, explode", "actor explode raised LookupError: no such account"),
    "control": (
        "Counter, nothing, nothing, control=(explode, nothing)",
        "the control's actor explode raised LookupError",
    ),
    "setup": ("lambda: explode(1), nothing, nothing", "setup raised LookupError: no such account"),
    "observe": ("Counter, nothing, nothing, observe=explode", "observe raised LookupError: no such account"),
    "outcome": ("Counter, nothing, nothing, observe=lambda _: []", "the outcome [] cannot be hashed"),
}


def claims_of(races: dict[str, str]) -> str:
    """Return the code of claims with these names, each of which asks a race that is made with these arguments."""
    return "\n".join(
        f'@pytest.mark.claim("The {name} is fine")\ndef test_{name}(lab):\n    assert lab.race({race}).ever((1, 1))\n'
        for name, race in races.items()
    )


@pytest.mark.parametrize("in_process", [False, True], ids=["forked", "in-process"])
def test_whatever_raises_in_a_race_is_an_error(pytester: pytest.Pytester, in_process: bool) -> None:
    """The culprit is named on the first line, the traceback is in the record and in pytest's report."""
    races = {name: race for name, (race, _) in CULPRITS.items()}
    make_project(pytester, RACERS + claims_of(races) + NEXT + COMPANION)
    run = run_racing(pytester, BUDGET, *(["--claims-in-process"] if in_process else []))
    assert run.status == 1
    assert run.verdicts == {**dict.fromkeys(races, "error"), "next": "confirmed", "companion": "confirmed"}
    for name, (race, words) in CULPRITS.items():
        assert words in run.claims[name]["reason"]
        report = report_of(run, name)
        assert words in report
        assert race_of(run, name)["failure"]["text"].startswith(words)
        if "explode" in race:
            assert "in explode" in race_of(run, name)["failure"]["details"]
            assert 'raise LookupError("no such account")' in report


def report_of(run: Run, claim: str) -> str:
    """Return what pytest reports of a claim that failed: from its title to the next."""
    return run.output.partition(f"_ test_{claim} _")[2].partition("\n___")[0]


def test_assertion_in_an_actor_is_no_verdict(pytester: pytest.Pytester) -> None:
    """It fails in a thread, for one sample; the claim must assert what came of all."""
    racing(
        pytester,
        """
        def check(counter):
            assert counter is None
        assert lab.race(Counter, nothing, check).ever((None, None))
        """,
    )
    run = run_racing(pytester, BUDGET)
    assert run.status == 1
    assert run.verdicts["snow"] == "error"
    assert "actor check raised AssertionError" in run.claims["snow"]["reason"]


def test_race_that_makes_no_sense_is_an_error(pytester: pytest.Pytester) -> None:
    """It says so, and nothing runs."""
    mistakes = {
        "alone": ("Counter, nothing", "two actors or more, got 1"),
        "budget": ("Counter, nothing, nothing, budget=0", "budget=0): the budget is a positive number of seconds"),
        "rounds": ("Counter, nothing, nothing, rounds=0", "each actor runs at least once"),
    }
    races = {name: race for name, (race, _) in mistakes.items()}
    make_project(pytester, RACERS + claims_of(races) + COMPANION)
    run = run_racing(pytester, BUDGET)
    assert run.verdicts == {**dict.fromkeys(races, "error"), "companion": "confirmed"}
    for name, (_, words) in mistakes.items():
        assert words in run.claims[name]["reason"]
        assert run.evidence(name, "race") == []


@pytest.mark.parametrize(
    ("arguments", "in_process"),
    [
        (("-W", "error"), False),
        (("-n", "2", "-W", "always"), False),
        (("-W", "error"), True),
    ],
    ids=["error", "xdist", "in-process"],
)
def test_fork_beside_threads_warns_of_nothing(
    pytester: pytest.Pytester, arguments: tuple[str, ...], in_process: bool
) -> None:
    """Python warns of it since 3.12; pytest-xdist's workers have threads, and so may a claim."""
    need_xdist(arguments)
    racing(
        pytester,
        """
        done = threading.Event()
        thread = threading.Thread(target=done.wait)
        thread.start()
        try:
            seen = unlocked(lab).ever(1)
        finally:
            done.set()
            thread.join()
        assert seen
        """,
    )
    options = [BUDGET, *arguments, *(["--claims-in-process"] if in_process else [])]
    run = run_racing(pytester, *options, subprocess=True)
    assert run.status == 0, run.output
    assert run.verdicts == {"snow": "confirmed", "next": "confirmed", "companion": "confirmed"}
    assert "fork()" not in run.output
    assert "warnings" not in run.result.parseoutcomes()


def test_output_of_actors_is_not_lost_or_doubled(pytester: pytest.Pytester) -> None:
    """What is printed in the child is captured with the claim's own, once."""
    racing(
        pytester,
        """
        print("before the race")
        told = []
        def tell(state):
            if not told:
                told.append(1)
                print("in an actor", flush=True)
        answer = lab.race(Counter, nothing, tell).ever((None, None))
        print("after the race")
        assert not answer
        """,
    )
    run = run_racing(pytester, BUDGET)
    assert run.verdicts["snow"] == "refuted"
    lines = run.result.stdout.lines
    for line in ("before the race", "in an actor", "after the race"):
        assert lines.count(line) == 1, line


@pytest.mark.parametrize("in_process", [False, True], ids=["forked", "in-process"])
def test_ctrl_c_in_a_race_stops_the_run(pytester: pytest.Pytester, in_process: bool) -> None:
    """It is no error of the claim's; the record is written, and says that it is not complete."""
    racing(
        pytester,
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)
        here, pressed = os.getpid(), []
        def press(state):
            if not pressed:
                pressed.append(1)
                os.kill(here, signal.SIGINT)
        race = lab.race(Counter, nothing, press, control=(nothing, nothing))
        assert race.never((1, 1))
        """,
    )
    code = (pytester.path / "test_claims.py").read_text(encoding="utf-8")
    first = COMPANION.replace("companion", "before").replace('"One', '"The first one')
    (pytester.path / "test_claims.py").write_text(code.replace("import pytest\n", "import pytest\n" + first, 1))
    run = run_racing(pytester, BUDGET, *(["--claims-in-process"] if in_process else []), subprocess=True)
    assert run.status == 2
    assert run.verdicts == {"before": "confirmed"}
    assert run.record is not None
    assert run.record["complete"] is False
    assert "KeyboardInterrupt" in run.output
