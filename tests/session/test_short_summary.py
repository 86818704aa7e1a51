"""The one line that pytest's short summary has of a claim that failed."""

from __future__ import annotations

import pytest

from helpers.claims_project import one_claim, run_once

pytestmark = pytest.mark.untraced

COUNTER = """
    from types import SimpleNamespace

    def successor(number):
        return number + 1

    def count(state):
        state.value = successor(state.value)

    def value(state):
        return state.value

    def fresh():
        return SimpleNamespace(value=0)
"""


@pytest.mark.parametrize(
    ("question", "finding"),
    [
        ("lab.race(fresh, count, count, observe=value).never(1)", "never(1)"),
        ("lab.race(fresh, count, count, observe=value).always(2)", "always(2)"),
        ("lab.race(fresh, count, count, observe=value).atomic()", "atomic()"),
        ("lab.operations(fresh, count, observe=value, each=1).linearizable()", "linearizable()"),
    ],
)
def test_the_short_summary_has_the_finding(pytester: pytest.Pytester, question: str, finding: str) -> None:
    """And not that something is False, which the line of the assertion says."""
    run = run_once(pytester, one_claim(f"assert {question}", prelude=COUNTER), columns=200)
    (line,) = [line for line in run.result.outlines if "test_claims.py::test_snow - " in line]
    verdict, _, message = line.partition(" test_claims.py::test_snow - ")
    assert verdict == "REFUTED, expected CONFIRMED"
    assert "REFUTED" not in message
    assert finding in message
    assert "seen" in message
    assert "assert" not in message
