"""Two runs compared: which verdicts turned, and what is no verdict any more; a pure function of their records."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .record import ClaimResult, RunRecord
from .verdict import Verdict


class Change(enum.Enum):
    """What became of a claim; the value is its word."""

    #: From one verdict to the other, or to an error from anything else.
    TURNED = "turned"
    #: No verdict now (inconclusive, not applicable), and something else before, an error included.
    UNDECIDED = "undecided"
    #: A verdict now, and none before.
    DECIDED = "decided"
    #: In the old record only.
    GONE = "gone"
    #: In the old record only, and the new run had perhaps not been asked for it.
    NOT_RUN = "not run"
    #: In the new record only.
    NEW = "new"
    SAME = "same"

    @property
    def word(self) -> str:
        """The change as it is shown to people, such as ``NOT RUN``."""
        return self.value.upper()

    def fails(self, *, strict: bool) -> bool:
        """Return whether a claim of which that became fails the comparison."""
        return self is Change.TURNED or (strict and self in _FAILS_IF_STRICT)


_FAILS_IF_STRICT = (Change.UNDECIDED, Change.DECIDED, Change.GONE)


@dataclass(frozen=True)
class Difference:
    """A claim in both records.

    :param before: how it ended in the old one; None if it is new.
    :param after: how it ended in the new one; None if it is not there any more.
    """

    change: Change
    before: ClaimResult | None
    after: ClaimResult | None

    @property
    def claim(self) -> ClaimResult:
        """The claim, as the newest record that has it has it."""
        claim = self.after or self.before
        assert claim is not None, "a claim is in one of the two records at least"
        return claim

    @property
    def other_experiment(self) -> bool:
        """Whether what was compared are two experiments: the claim's statement, parameters or code changed."""
        return self.before is not None and self.after is not None and self.before.digest != self.after.digest


@dataclass(frozen=True)
class Comparison:
    """Two runs, and what became of each claim.

    :param differences: in the order of the new record; then those that only the old one has, in its order.
    """

    old: RunRecord
    new: RunRecord
    differences: tuple[Difference, ...]

    def of(self, change: Change) -> list[Difference]:
        """Return the claims of which that became."""
        return [difference for difference in self.differences if difference.change is change]

    @property
    def other_interpreter(self) -> bool:
        """Whether the two ran on different interpreters, or different builds of one."""
        return self.old.interpreter.version_key() != self.new.interpreter.version_key()

    def fails(self, *, strict: bool) -> bool:
        """Return whether a verdict turned.

        :param strict: whether what is no verdict any more, or was none before, or is gone, fails as well.
        """
        return any(difference.change.fails(strict=strict) for difference in self.differences)


def compare(old: RunRecord, new: RunRecord, *, selection: bool = False) -> Comparison:
    """Return what became of each claim.

    :param selection: whether the new run may have been asked for some claims only: what it has not was not run, then,
        and is not gone.
    """
    before = {claim.id: claim for claim in old.claims}
    differences = []
    for claim in new.claims:
        earlier = before.pop(claim.id, None)
        differences.append(Difference(_change(earlier, claim), earlier, claim))
    missing = Change.NOT_RUN if selection else Change.GONE
    differences += [Difference(missing, claim, None) for claim in before.values()]
    return Comparison(old, new, tuple(differences))


def _change(before: ClaimResult | None, after: ClaimResult) -> Change:
    if before is None:
        return Change.NEW
    if before.verdict is after.verdict:
        return Change.SAME
    if after.verdict is Verdict.ERROR or (before.verdict.reached and after.verdict.reached):
        return Change.TURNED
    return Change.DECIDED if after.verdict.reached else Change.UNDECIDED
