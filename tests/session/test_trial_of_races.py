"""Trials of claims that race: verdict, record and run, however the race ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache

import fastjsonschema
import pytest

from helpers.claims_project import COMPANION, Run, make_project, one_claim, run_claims, run_once
from helpers.racers import NEXT, RACERS, check_crash, check_hang, race_of
from helpers.sample_records import DEADLOCK, SCHEDULED
from pytest_concclaims.lab.processes.forked import CAN_FORK
from pytest_concclaims.records.evidence import RaceRun
from pytest_concclaims.records.record import SCHEMA_FILE, RunRecord
from pytest_concclaims.reports.interleaving import FEW_LINES, interleaving
from pytest_concclaims.reports.terminal import summary

pytestmark = pytest.mark.untraced

interpreter = pytest.mark.interpreter
forks = pytest.mark.skipif(not CAN_FORK, reason="no os.fork here")
each_kind_of_process = pytest.mark.parametrize("in_process", [False, True], ids=["forked", "in-process"])
#: The same, where only what a child does depends on the interpreter.
each_process_forked_here = pytest.mark.parametrize(
    "in_process", [pytest.param(False, marks=interpreter), True], ids=["forked", "in-process"]
)

#: Seconds for each question; it takes as long as it needs, and a machine may be very busy.
BUDGET = "--claims-budget=120"
#: For what is never going to be settled.
SHORT = "--claims-budget=0.1"

#: An absence is settled as soon as it may be, and not at the end of a long budget.
SETTLED_AT_ONCE = """
    from pytest_concclaims.lab.race import references
    from pytest_concclaims.lab.race.samples import power

    for name, value in {
        "OVERLAPPING": 100, "PLENTY": 100, "STRIDES": 3, "PLENTY_OF_STRIDES": 3, "SEEN": 5, "RARER": 2,
        "RARER_THAN_GENERIC": 2,
    }.items():
        assert hasattr(power, name)
        setattr(power, name, value)
    assert references.MOST_THINGS
    references.MOST_THINGS = 300
"""


def claim(name: str, body: str, marks: str = "") -> str:
    """Return the code of a claim with this name."""
    return (
        one_claim(body, marks=marks)
        .replace(COMPANION, "")
        .replace("Snow is white", f"{name} is white")
        .replace("test_snow", f"test_{name}")
    )


def checked(run: Run) -> Run:
    """Return the run after a check that its record is as the schema says."""
    _record_check()(run.record)
    return run


@cache
def _record_check() -> Callable[[object], object]:
    check: Callable[[object], object] = fastjsonschema.compile(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    return check


# --- claims that all end as they are expected to

#: By the name of a claim: what it says, its verdict, and its markers.
ANSWERS = {
    "ever": ("assert unlocked(lab).ever(1)", "confirmed", ""),
    "always": ("assert unlocked(lab).always(2)", "refuted", "@pytest.mark.refuted(True, reason='no lock')"),
    "never": ("assert locked(lab).never(1)", "confirmed", ""),
    "not_ever": ("assert locked(lab).ever(1)", "refuted", "@pytest.mark.refuted(True, reason='a lock')"),
}
BESIDE_A_THREAD = """
done = threading.Event()
thread = threading.Thread(target=done.wait)
thread.start()
try:
    seen = unlocked(lab).ever(1)
finally:
    done.set()
    thread.join()
assert seen
"""
CRASH_IS_ASKED = {
    "asked": "race = lab.race(Counter, nothing, fall)\nassert race.ever(lab.CRASH)",
    "asked_of_all": "race = lab.race(Counter, fall, fall, control=(fall, fall))\nassert race.ever(lab.CRASH)",
}
EXPECTED = "".join(
    [
        RACERS,
        *(claim(name, body, marks) for name, (body, _, marks) in ANSWERS.items()),
        claim("beside_a_thread", BESIDE_A_THREAD),
        *(claim(name, body) for name, body in CRASH_IS_ASKED.items()),
        NEXT,
        COMPANION,
    ]
)


def run_expected(pytester: pytest.Pytester, *, in_process: bool) -> Run:
    """Return the run of the claims that end as expected, with warnings as errors."""
    options = [BUDGET, "-W", "error", *(["--claims-in-process"] if in_process else [])]
    return checked(run_once(pytester, EXPECTED, *options, subprocess=True, conftest=SETTLED_AT_ONCE))


@each_process_forked_here
@pytest.mark.parametrize("name", ANSWERS)
def test_answer_that_is_asserted_decides_the_verdict(pytester: pytest.Pytester, name: str, in_process: bool) -> None:
    """The record has what the answer rests on, in the run's own kind of process."""
    body, verdict, _ = ANSWERS[name]
    run = run_expected(pytester, in_process=in_process)
    assert run.status == 0, run.output
    claim_id = name.replace("_", "-")
    assert (run.verdicts[claim_id], run.verdicts["companion"]) == (verdict, "confirmed")
    race = race_of(run, claim_id)
    assert race["answer"] is (verdict == "confirmed")
    assert race["in_process"] is (in_process or not CAN_FORK)
    assert (race["witness"] is not None) is ("unlocked" in body)
    assert (race["failure"], race["lacking"]) == (None, None)
    assert run.record is not None
    assert race["budget"] == run.record["options"]["budget"]
    assert run.record["options"]["in_process"] is in_process


@interpreter
def test_what_was_seen_stands_in_the_summary(pytester: pytest.Pytester) -> None:
    """The figures, beside the verdict, with -v."""
    run = run_expected(pytester, in_process=False)
    assert run.record is not None
    lines = summary(RunRecord.from_json(run.record).claims, width=80, verbosity=1)
    words = " ".join(" ".join(span.text for line in lines for span in line).split())
    assert f"seen in schedule {race_of(run, 'ever')['witness']['sample']} of" in words


@each_process_forked_here
def test_fork_beside_threads_warns_of_nothing(pytester: pytest.Pytester, in_process: bool) -> None:
    """Python warns of it since 3.12, and a claim may have threads."""
    run = run_expected(pytester, in_process=in_process)
    assert run.status == 0, run.output
    assert [run.verdicts[name] for name in ("beside-a-thread", "next", "companion")] == ["confirmed"] * 3
    assert "fork()" not in run.output
    assert "warnings" not in run.result.parseoutcomes()


@interpreter
@forks
def test_crash_that_was_asked_for_decides_the_verdict(pytester: pytest.Pytester) -> None:
    """It is an outcome like any other."""
    run = run_expected(pytester, in_process=False)
    assert run.status == 0, run.output
    assert [run.verdicts[name] for name in ("asked", "next", "companion")] == ["confirmed"] * 3
    assert race_of(run, "asked")["witness"]["outcome"] == "lab.CRASH"


def test_crash_in_process_is_no_question(pytester: pytest.Pytester) -> None:
    """Pytest would go with it; so the claim is inconclusive, and nothing runs."""
    run = run_expected(pytester, in_process=True)
    assert run.status == 0, run.output
    for name in ("asked", "asked-of-all"):
        assert run.verdicts[name] == "inconclusive"
        assert "--claims-in-process" in run.claims[name]["reason"]
    assert [run.verdicts[name] for name in ("next", "companion")] == ["confirmed"] * 2


# --- claims with a mistake, or that something raises in

#: By the name of a claim: a race in which something raises, and what is said of it.
CULPRITS = {
    "actor": ("Counter, nothing, explode", "actor explode raised LookupError: no such account"),
    "control": (
        "Counter, nothing, nothing, control=(explode, nothing)",
        "the control's actor explode raised LookupError",
    ),
    "setup": ("lambda: explode(1), nothing, nothing", "setup raised LookupError: no such account"),
    "observe": ("Counter, nothing, nothing, observe=explode", "observe raised LookupError: no such account"),
    "outcome": ("Counter, nothing, nothing, observe=lambda _: []", "the outcome [] is not hashable"),
}
#: By the name of a claim: a race that makes no sense, and what is said of it.
MISTAKES = {
    "alone": ("Counter, nothing", "at least two actors, got 1"),
    "budget": ("Counter, nothing, nothing, budget=0", "budget=0): must be a positive number of seconds, e.g. 2"),
    "rounds": ("Counter, nothing, nothing, rounds=0", "rounds must be at least 1"),
}
ASSERTS_IN_AN_ACTOR = """
def check(counter):
    assert counter is None
assert lab.race(Counter, nothing, check).ever((None, None))
"""
PRINTS = """
print("before the race")
told = []
def tell(state):
    if not told:
        told.append(1)
        print("in an actor of process", os.getpid(), flush=True)
answer = lab.race(Counter, nothing, tell).ever((None, None))
print("after the race")
assert not answer
"""
MISTAKEN = "".join(
    [
        RACERS,
        claim("unasserted", "unlocked(lab).ever(1)"),
        claim("asserted_itself", "assert unlocked(lab)"),
        *(
            claim(name, f"assert lab.race({race}).ever((1, 1))")
            for name, (race, _) in {**CULPRITS, **MISTAKES}.items()
        ),
        claim("asserts_in_an_actor", ASSERTS_IN_AN_ACTOR),
        claim("prints", PRINTS),
        NEXT,
        COMPANION,
    ]
)


def run_mistaken(pytester: pytest.Pytester, *, in_process: bool) -> Run:
    """Return the run of the claims of which most end in an error."""
    options = [BUDGET, *(["--claims-in-process"] if in_process else [])]
    run = checked(run_once(pytester, MISTAKEN, *options))
    assert run.status == 1
    assert (run.verdicts["next"], run.verdicts["companion"]) == ("confirmed", "confirmed")
    return run


@each_kind_of_process
def test_race_that_is_not_asserted_is_no_evidence_for_a_verdict(pytester: pytest.Pytester, in_process: bool) -> None:
    """An answer that decides nothing: the claim ends in an error."""
    run = run_mistaken(pytester, in_process=in_process)
    assert run.verdicts["unasserted"] == "error"
    assert race_of(run, "unasserted")["answer"] is True


@each_kind_of_process
def test_race_that_is_asserted_itself_is_an_error(pytester: pytest.Pytester, in_process: bool) -> None:
    """A question is missing."""
    run = run_mistaken(pytester, in_process=in_process)
    assert run.verdicts["asserted-itself"] == "error"
    assert "lab.race: a race has no truth value; ask race.ever" in run.claims["asserted-itself"]["reason"]


@each_kind_of_process
@pytest.mark.parametrize("name", CULPRITS)
def test_whatever_raises_in_a_race_is_an_error(pytester: pytest.Pytester, name: str, in_process: bool) -> None:
    """The culprit is named on the first line, the traceback is in the record and in pytest's report."""
    race, words = CULPRITS[name]
    run = run_mistaken(pytester, in_process=in_process)
    assert run.verdicts[name] == "error"
    assert words in run.claims[name]["reason"]
    report = report_of(run, name)
    assert words in report
    assert race_of(run, name)["failure"]["text"].startswith(words)
    if "explode" in race:
        assert "in explode" in race_of(run, name)["failure"]["details"]
        assert 'raise LookupError("no such account")' in report


def report_of(run: Run, name: str) -> str:
    """Return what pytest reports of a claim that failed: from its title to the next."""
    return run.output.partition(f"_ test_{name} _")[2].partition("\n___")[0]


@each_kind_of_process
def test_assertion_in_an_actor_is_no_verdict(pytester: pytest.Pytester, in_process: bool) -> None:
    """It fails in a thread, for one sample; the claim must assert what came of all."""
    run = run_mistaken(pytester, in_process=in_process)
    assert run.verdicts["asserts-in-an-actor"] == "error"
    assert "actor check raised AssertionError" in run.claims["asserts-in-an-actor"]["reason"]


@each_kind_of_process
@pytest.mark.parametrize("name", MISTAKES)
def test_race_that_makes_no_sense_is_an_error(pytester: pytest.Pytester, name: str, in_process: bool) -> None:
    """It says so, and nothing runs."""
    run = run_mistaken(pytester, in_process=in_process)
    assert run.verdicts[name] == "error"
    assert MISTAKES[name][1] in run.claims[name]["reason"]
    assert run.evidence(name, "race") == []


@each_kind_of_process
def test_output_of_actors_is_not_lost_or_doubled(pytester: pytest.Pytester, in_process: bool) -> None:
    """What is printed in a child is captured with the claim's own, once."""
    run = run_mistaken(pytester, in_process=in_process)
    assert run.verdicts["prints"] == "refuted"
    lines = run.result.stdout.lines
    of_actors = [line for line in lines if line.startswith("in an actor of process ")]
    assert of_actors
    for line in ("before the race", *of_actors, "after the race"):
        assert lines.count(line) == 1, line


# --- claims that are not settled

UNSETTLED = "".join(
    [
        RACERS,
        claim("unsettled", "assert locked(lab, control=(increment_locked,) * 2).never(1)"),
        claim(
            "caught",
            """
            try:
                locked(lab, control=(increment_locked,) * 2).never(1)
            except BaseException:
                pass
            assert lab is not None
            """,
        ),
        COMPANION,
    ]
)


@pytest.mark.parametrize(("strict", "outcome"), [(False, "skipped"), (True, "failed")])
def test_unsettled_race_leaves_the_claim_inconclusive(pytester: pytest.Pytester, strict: bool, outcome: str) -> None:
    """It is skipped, or fails in a strict run; the reason and the figures are on record."""
    run = checked(run_once(pytester, UNSETTLED, SHORT, *(["--claims-strict"] if strict else [])))
    run.result.assert_outcomes(**{"passed": 1, outcome: 2})
    assert run.status == int(strict)
    assert run.verdicts == {"unsettled": "inconclusive", "caught": "inconclusive", "companion": "confirmed"}
    race = race_of(run, "unsettled")
    assert (race["answer"], race["control"]["seen"]) == (None, 0)
    reason = run.claims["unsettled"]["reason"]
    assert reason.startswith("never(1) has no answer: ")
    assert race["lacking"] in reason


def test_unsettled_race_that_was_caught_leaves_no_verdict(pytester: pytest.Pytester) -> None:
    """Whatever the claim asserts instead."""
    run = checked(run_once(pytester, UNSETTLED, SHORT))
    assert (run.verdicts["caught"], run.verdicts["companion"]) == ("inconclusive", "confirmed")


# --- claims whose races end their process, or do not end

#: Each of them comes before a claim that must not notice anything of it.
LOST = {
    "crash": "assert lab.race(Counter, nothing, fall).ever((1, 1))",
    "exit": "assert lab.race(Counter, nothing, exit_at_once).ever((1, 1))",
    "hang": "assert lab.race(Counter, nothing, hang, deadline=0.5).ever((1, 1))",
    "deadlock": "assert lab.race(Counter, nothing, wait_for_nothing).ever((1, 1))",
}


def run_lost(pytester: pytest.Pytester) -> Run:
    """Return the run of the claims whose children are lost, in a process that might be lost with them."""
    code = RACERS
    for name, body in LOST.items():
        code += claim(name, body) + NEXT.replace("test_next", f"test_after_{name}")
    run = checked(run_once(pytester, code + COMPANION, BUDGET, subprocess=True))
    assert run.status == 1
    assert run.verdicts == {
        **dict.fromkeys(LOST, "error"),
        **dict.fromkeys((f"after-{name}" for name in LOST), "confirmed"),
        "companion": "confirmed",
    }
    return run


@interpreter
@forks
def test_crash_is_an_error_that_no_other_claim_notices(pytester: pytest.Pytester) -> None:
    """The record has signal, actors and stacks, and the next claim has its verdict."""
    check_crash(run_lost(pytester), "crash")


@interpreter
@forks
def test_actor_that_leaves_the_process_is_an_error(pytester: pytest.Pytester) -> None:
    """It does not end pytest, with a status that looks like success."""
    reason = run_lost(pytester).claims["exit"]["reason"]
    assert "exited with status 0 while the race ran (nothing, exit_at_once; " in reason


@interpreter
@forks
def test_actor_that_hangs_is_an_error_with_its_stack(pytester: pytest.Pytester) -> None:
    """It is named, and the next claim has its verdict."""
    check_hang(run_lost(pytester), "hang")


@interpreter
@forks
def test_deadlock_is_an_error_with_its_stacks(pytester: pytest.Pytester) -> None:
    """No deadline is awaited, and the next claim has its verdict."""
    run = run_lost(pytester)
    assert "all actors of the race that had not ended waited for each other" in run.claims["deadlock"]["reason"]
    failure = race_of(run, "deadlock")["failure"]
    assert failure["kind"] == "deadlock"
    assert "in wait_for_nothing" in failure["details"]


@each_kind_of_process
def test_ctrl_c_in_a_race_stops_the_run(pytester: pytest.Pytester, in_process: bool) -> None:
    """It is no error of the claim's; the record is written, and says that it is not complete."""
    body = """
        signal.signal(signal.SIGINT, signal.default_int_handler)
        here, pressed = os.getpid(), []
        def press(state):
            if not pressed:
                pressed.append(1)
                os.kill(here, signal.SIGINT)
        race = lab.race(Counter, nothing, press, control=(nothing, nothing))
        assert race.never((1, 1))
        """
    first = COMPANION.replace("companion", "before").replace('"One', '"The first one')
    make_project(pytester, RACERS + first + claim("snow", body) + NEXT + COMPANION)
    options = [BUDGET, *(["--claims-in-process"] if in_process else [])]
    run = checked(run_claims(pytester, *options, subprocess=True))
    assert run.status == 2
    assert run.verdicts == {"before": "confirmed"}
    assert run.record is not None
    assert run.record["complete"] is False
    assert "KeyboardInterrupt" in run.output


# --- the interleaving of a witness

#: Claims that are not as expected, with races as an instrument would have recorded them.
WITNESSED = (
    "from helpers.sample_records import DEADLOCK, SCHEDULED\n"
    + claim("lost", "lab._record(SCHEDULED)\nassert lab is None")
    + claim("deadlocked", "lab._record(DEADLOCK)\nraise OSError(DEADLOCK.failure['text'])")
    + claim("as_expected", "lab._record(SCHEDULED)\nassert lab")
    + COMPANION
)


@pytest.mark.parametrize("options", [(), ("-v",)], ids=["few lines", "all lines"])
@pytest.mark.parametrize(("name", "race"), [("lost", SCHEDULED), ("deadlocked", DEADLOCK)], ids=["refuted", "error"])
def test_failure_shows_the_interleaving_once(
    pytester: pytest.Pytester, name: str, race: RaceRun, options: tuple[str, ...]
) -> None:
    """In the summary: the most telling lines, with -v all; the record has all anyway."""
    run = checked(run_once(pytester, WITNESSED, *options, columns=80))
    unexpected = "\n".join(run.section).partition("Not as expected (2)")[2]
    part = next(part for part in re.split(r"\n(?=\S)", unexpected) if f"{name} is white" in part)
    drawn = interleaving(race, 78, None if options else FEW_LINES)
    assert "\n".join(f"  {line}" for line in drawn) in part
    assert run.output.count("\n".join(f"  {line}" for line in drawn)) == (
        1 if race is DEADLOCK else 1 + bool(options)
    )
    assert race_of(run, name)["witness"] == race.witness


def test_what_is_as_expected_has_its_interleaving_with_v(pytester: pytest.Pytester) -> None:
    """By default, it takes one line."""
    run = run_once(pytester, WITNESSED, "-v", columns=80)
    assert "test_as_expected _" not in run.output
    text = "\n".join(run.section).partition("as_expected is white")[2]
    assert "\n".join(f"  {line}" for line in interleaving(SCHEDULED, 78)) in text


STARTS_A_THREAD = """
import threading

never = threading.Event()


def start():
    threading.Thread(target=never.wait, name="Ada", daemon=True).start()
"""


@interpreter
@forks
def test_thread_that_a_conftest_file_starts_is_missed_in_races(pytester: pytest.Pytester) -> None:
    """Actors may wait for it. A thread of a plugin has nothing to do with them."""
    make_project(pytester, one_claim("assert lab.race(list, len, len).always((0, 0))"))
    pytester.makepyfile(
        starts=STARTS_A_THREAD, plugin="import starts\n\n\ndef pytest_configure():\n    starts.start()"
    )
    run = run_claims(pytester, "-p", "plugin", subprocess=True)
    assert run.verdicts["snow"] == "confirmed"
    pytester.makeconftest("import starts\nstarts.start()")
    run = run_claims(pytester, subprocess=True)
    assert run.verdicts["snow"] == "inconclusive"
    assert "thread 'Ada' ran before the race" in run.claims["snow"]["reason"]
