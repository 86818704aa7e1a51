"""The verdicts, and the rules that give an attempt at a claim its verdict.

All rules are in :func:`decide` and :func:`fails`. Other modules collect the facts.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.Enum):
    """What a claim ends in."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"

    @property
    def word(self) -> str:
        """The verdict as it is shown, such as ``NOT APPLICABLE``."""
        return self.name.replace("_", " ")

    @property
    def reached(self) -> bool:
        """Whether the evidence decided about the statement: CONFIRMED or REFUTED."""
        return self in (Verdict.CONFIRMED, Verdict.REFUTED)


class Inconclusive(BaseException):
    """The evidence does not suffice for a verdict; the text says why.

    A ``BaseException``, as pytest's own outcomes are, so that a claim's ``except Exception`` does not catch it.
    """


class NotApplicable(BaseException):
    """What a claim asks for does not exist here, such as subinterpreters; the text says what is missing.

    A ``BaseException`` for the same reason as :class:`Inconclusive`.
    """


class Ending(enum.Enum):
    """How a claim's test function ended."""

    RETURNED = enum.auto()
    #: An assertion of the claim's code failed, or its ``pytest.raises`` saw nothing.
    ASSERTION_FAILED = enum.auto()
    #: It raised :class:`Inconclusive`.
    INCONCLUSIVE = enum.auto()
    #: It raised :class:`NotApplicable`, or was skipped.
    NOT_APPLICABLE = enum.auto()
    #: It raised anything else.
    RAISED = enum.auto()


@dataclass(frozen=True)
class Facts:
    """What the verdict of one attempt depends on. Each text is a reason that is shown.

    :param ending: how the test function ended; None if it was not called, or did not return.
    :param ending_reason: what the test function raised.
    :param asserted: whether an assertion of the claim's code held.
    :param unwatched: why assertions of the claim's module cannot be seen.
    :param interference: why a verdict would be worthless; the test function was then not called.
    :param broken: what failed around the call: the set-up, the teardown, a worker process, another plugin.
    :param disturbance: the exception that ended a thread, or a subtest that failed.
    :param xfail: where the claim was marked xfail.
    :param caught: an assertion that failed, but did not end the claim.
    :param unsettled: the first INCONCLUSIVE or NOT APPLICABLE of an instrument, even if it was caught.
    :param failed: what kept an instrument from an answer, such as an actor that raised.
    :param void: the instrument that was asked no question.
    :param threads_left: threads that the claim left running.
    :param unrelated_threads: threads that ran before the claim and may assert something in its code.
    :param gil_changed: how the state of the GIL differs from that at the start.
    :param earlier: the verdicts of earlier attempts.
    """

    ending: Ending | None = None
    ending_reason: str | None = None
    asserted: bool = False
    unwatched: str | None = None
    interference: str | None = None
    broken: str | None = None
    disturbance: str | None = None
    xfail: str | None = None
    caught: str | None = None
    unsettled: Decision | None = None
    failed: str | None = None
    void: str | None = None
    threads_left: str | None = None
    unrelated_threads: str | None = None
    gil_changed: str | None = None
    earlier: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class Decision:
    """A verdict.

    :param reason: why the claim was neither confirmed nor refuted; None if it was.
    """

    verdict: Verdict
    reason: str | None = None


def decide(facts: Facts) -> Decision:
    """Return the verdict on an attempt at a claim.

    What broke the attempt counts first, then the end of the test function, then what voids its verdict.
    """
    for reason in (facts.broken, facts.disturbance, facts.xfail, facts.threads_left):
        if reason is not None:
            return Decision(Verdict.ERROR, reason)
    decision = _undisturbed(facts)
    if any(verdict is not decision.verdict for verdict in facts.earlier):
        words = ", ".join(verdict.word for verdict in (*facts.earlier, decision.verdict))
        return Decision(Verdict.ERROR, f"attempts at the same claim disagree: {words}")
    return decision


def _undisturbed(facts: Facts) -> Decision:
    if facts.interference is not None:
        return Decision(Verdict.INCONCLUSIVE, facts.interference)
    decision = _by_ending(facts)
    returned = facts.ending is Ending.RETURNED
    for reason in (facts.caught, facts.failed):
        if reason is not None and (returned or decision.verdict is not Verdict.ERROR):
            return Decision(Verdict.ERROR, reason)
    if facts.unsettled is not None and (returned or decision.verdict.reached):
        return facts.unsettled
    if not decision.verdict.reached:
        return decision
    if facts.unwatched is not None:
        return Decision(Verdict.ERROR, facts.unwatched)
    if facts.void is not None:
        return Decision(Verdict.ERROR, facts.void)
    if facts.gil_changed is not None:
        return Decision(Verdict.INCONCLUSIVE, facts.gil_changed)
    if facts.unrelated_threads is not None and decision.verdict is Verdict.CONFIRMED:
        return Decision(Verdict.INCONCLUSIVE, facts.unrelated_threads)
    return decision


def _by_ending(facts: Facts) -> Decision:
    if facts.ending is None:
        return Decision(Verdict.ERROR, "the claim did not end")
    if facts.ending is Ending.RETURNED:
        if facts.asserted:
            return Decision(Verdict.CONFIRMED)
        return Decision(Verdict.ERROR, facts.unwatched or _ASSERTED_NOTHING)
    verdict = {
        Ending.ASSERTION_FAILED: Verdict.REFUTED,
        Ending.INCONCLUSIVE: Verdict.INCONCLUSIVE,
        Ending.NOT_APPLICABLE: Verdict.NOT_APPLICABLE,
        Ending.RAISED: Verdict.ERROR,
    }[facts.ending]
    return Decision(verdict, None if verdict.reached else facts.ending_reason or "no reason was given")


_ASSERTED_NOTHING = (
    "the claim returned, and no assertion that could fail held; assert what is claimed (constants do not count; "
    "assertions in another module do if pytest rewrites it: pytest.register_assert_rewrite)"
)


def unexpected(verdict: Verdict, expected: Verdict) -> bool:
    """Return whether a claim ended in another verdict than the expected one: the opposite, or ERROR."""
    return verdict is Verdict.ERROR or (verdict.reached and verdict is not expected)


def fails(verdict: Verdict, expected: Verdict, *, strict: bool) -> bool:
    """Return whether a claim fails the run: its verdict is unexpected, or inconclusive under ``--claims-strict``.

    :param strict: whether an inconclusive claim fails.
    """
    return unexpected(verdict, expected) or (strict and verdict is Verdict.INCONCLUSIVE)
