"""A claim that measures, and checks of its evidence."""

from __future__ import annotations

from .claims_project import Run, one_claim

#: Two functions, one of which takes longer on any machine.
LONG_AND_SHORT = """
import time
def long(): time.sleep(0.003)
def short(): pass
"""
LONGER = one_claim("assert lab.ratio(long, short) > 2", prelude=LONG_AND_SHORT)


def check_ratio(run: Run, claim: str) -> None:
    """Check that a claim was confirmed because ``long`` takes longer than ``short``."""
    assert run.verdicts[claim] == "confirmed"
    (evidence,) = run.evidence(claim, "ratio")
    answer = {name: evidence[name] for name in ("answer", "question", "above", "below")}
    assert answer == {"answer": True, "question": "above 2", "above": 13, "below": 0}
    assert [arm["name"] for arm in evidence["arms"]] == ["long", "short"]
    assert [len(arm["seconds"]) for arm in evidence["arms"]] == [13, 13]
