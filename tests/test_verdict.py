"""The rules that give a claim its verdict, row by row."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from pytest_concclaims.verdict import Decision, Ending, Facts, Verdict, decide, fails, unexpected

CONFIRMED, REFUTED = Decision(Verdict.CONFIRMED), Decision(Verdict.REFUTED)
HELD = Facts(Ending.RETURNED, asserted=True)
FAILED = Facts(Ending.ASSERTION_FAILED)
NOTHING = Facts(Ending.RETURNED)
RAISED = Facts(Ending.RAISED, "KeyError: 'x'")
UNSURE = Facts(Ending.INCONCLUSIVE, "not met: two cores")
SKIPPED = Facts(Ending.NOT_APPLICABLE, "no fork here")


def error(reason: str) -> Decision:
    """Return the decision for an error."""
    return Decision(Verdict.ERROR, reason)


def inconclusive(reason: str) -> Decision:
    """Return the decision that there is none."""
    return Decision(Verdict.INCONCLUSIVE, reason)


NO_ASSERTION = error(
    "the claim returned, and no assertion that could fail held; assert what is claimed (constants do not count; "
    "assertions in another module do if pytest rewrites it: pytest.register_assert_rewrite)"
)
UNSETTLED = Decision(Verdict.INCONCLUSIVE, "not seen")

#: What was seen, one thing beside how the function ended, and what it leads to for each way to end.
ENDINGS = (HELD, FAILED, NOTHING, RAISED, UNSURE, SKIPPED)
ROWS: dict[str, tuple[dict[str, Any], tuple[Decision, ...]]] = {
    "nothing else": (
        {},
        (
            CONFIRMED,
            REFUTED,
            NO_ASSERTION,
            error("KeyError: 'x'"),
            inconclusive("not met: two cores"),
            Decision(Verdict.NOT_APPLICABLE, "no fork here"),
        ),
    ),
    "set-up, teardown or a plugin failed": (
        {"broken": "OSError in teardown"},
        (error("OSError in teardown"),) * 6,
    ),
    "a thread or a subtest failed": ({"disturbance": "ValueError in thread"}, (error("ValueError in thread"),) * 6),
    "it was marked xfail": ({"xfail": "xfail on a claim"}, (error("xfail on a claim"),) * 6),
    "a thread is left running": ({"threads_left": "thread 'x'"}, (error("thread 'x'"),) * 6),
    "interference before the call": ({"interference": "no clock"}, (inconclusive("no clock"),) * 6),
    "a failure was caught": (
        {"caught": "caught: assert x"},
        (
            error("caught: assert x"),
            error("caught: assert x"),
            error("caught: assert x"),
            error("KeyError: 'x'"),
            error("caught: assert x"),
            error("caught: assert x"),
        ),
    ),
    "an instrument has failed, which was caught": (
        {"failed": "actor raised"},
        (
            error("actor raised"),
            error("actor raised"),
            error("actor raised"),
            error("KeyError: 'x'"),
            error("actor raised"),
            error("actor raised"),
        ),
    ),
    "an instrument had no answer, which was caught": (
        {"unsettled": UNSETTLED},
        (
            UNSETTLED,
            UNSETTLED,
            UNSETTLED,
            error("KeyError: 'x'"),
            inconclusive("not met: two cores"),
            Decision(Verdict.NOT_APPLICABLE, "no fork here"),
        ),
    ),
    "an instrument was never asked": (
        {"void": "never asked"},
        (
            error("never asked"),
            error("never asked"),
            NO_ASSERTION,
            error("KeyError: 'x'"),
            inconclusive("not met: two cores"),
            Decision(Verdict.NOT_APPLICABLE, "no fork here"),
        ),
    ),
    "its assertions cannot be seen": (
        {"unwatched": "not rewritten"},
        (
            error("not rewritten"),
            error("not rewritten"),
            error("not rewritten"),
            error("KeyError: 'x'"),
            inconclusive("not met: two cores"),
            Decision(Verdict.NOT_APPLICABLE, "no fork here"),
        ),
    ),
    "the GIL came back": (
        {"gil_changed": "the GIL came back"},
        (
            inconclusive("the GIL came back"),
            inconclusive("the GIL came back"),
            NO_ASSERTION,
            error("KeyError: 'x'"),
            inconclusive("not met: two cores"),
            Decision(Verdict.NOT_APPLICABLE, "no fork here"),
        ),
    ),
    "unrelated threads may assert": (
        {"unrelated_threads": "thread 'late'"},
        (
            inconclusive("thread 'late'"),
            REFUTED,
            NO_ASSERTION,
            error("KeyError: 'x'"),
            inconclusive("not met: two cores"),
            Decision(Verdict.NOT_APPLICABLE, "no fork here"),
        ),
    ),
}
CASES = [
    pytest.param(dataclasses.replace(ending, **more), decision, id=f"{name}, {ending.ending}")
    for name, (more, decisions) in ROWS.items()
    for ending, decision in zip(ENDINGS, decisions)
]


@pytest.mark.parametrize(("facts", "decision"), CASES)
def test_each_row_has_its_verdict(facts: Facts, decision: Decision) -> None:
    """How the function ended, with one more fact."""
    assert decide(facts) == decision


#: Facts, each of which goes before all that come after it.
ORDER = ["broken", "disturbance", "xfail", "threads_left", "interference", "caught", "failed", "unsettled"]
ORDER += ["unwatched", "void", "gil_changed", "unrelated_threads"]


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(ORDER, 2)))
def test_of_two_facts_the_graver_one_decides(first: str, second: str) -> None:
    """Whatever the order in which they were seen."""
    values = {name: UNSETTLED if name == "unsettled" else name for name in (first, second)}
    decision = decide(dataclasses.replace(HELD, **values))  # type: ignore[arg-type]  # as the fields' names say
    assert decision.reason == (UNSETTLED.reason if first == "unsettled" else first)


def test_the_table_has_every_fact() -> None:
    """A fact that is added comes with its rows."""
    fields = {field.name for field in dataclasses.fields(Facts)}
    assert fields == {*ORDER, "ending", "ending_reason", "asserted", "earlier"}
    assert {name for more, _ in ROWS.values() for name in more} == set(ORDER)


def test_what_did_not_end_is_an_error() -> None:
    """A claim of which nothing more is heard."""
    assert decide(Facts()) == error("the claim did not end")


@pytest.mark.parametrize("ending", [UNSURE, SKIPPED, RAISED])
def test_a_reason_is_never_empty(ending: Facts) -> None:
    """People read it."""
    assert decide(dataclasses.replace(ending, ending_reason="")).reason == "no reason was given"


def test_attempts_that_disagree_are_an_error() -> None:
    """A rerun does not turn a claim green; attempts that agree are as good as one."""
    refuted_before = dataclasses.replace(HELD, earlier=(Verdict.REFUTED,))
    assert decide(refuted_before) == error("attempts at the same claim disagree: REFUTED, CONFIRMED")
    assert decide(dataclasses.replace(HELD, earlier=(Verdict.CONFIRMED,) * 2)) == CONFIRMED


@pytest.mark.parametrize("expected", [Verdict.CONFIRMED, Verdict.REFUTED])
@pytest.mark.parametrize("verdict", Verdict)
def test_what_fails_a_run(verdict: Verdict, expected: Verdict) -> None:
    """The other verdict and an error do; no verdict does only where that is not allowed."""
    other = verdict.reached and verdict is not expected
    assert unexpected(verdict, expected) == (other or verdict is Verdict.ERROR)
    assert fails(verdict, expected, strict=False) == unexpected(verdict, expected)
    assert fails(verdict, expected, strict=True) == (unexpected(verdict, expected) or verdict is Verdict.INCONCLUSIVE)
