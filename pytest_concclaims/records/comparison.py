"""The comparison of two runs: the claims whose verdict or expectation changed."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..verdict import Verdict
from .record import ClaimResult, RunRecord


class Change(enum.Enum):
    """How a claim changed; the value is the word for it."""

    #: From one verdict to the other, or to an error from anything else.
    TURNED = "turned"
    #: No verdict now (inconclusive or not applicable); before, a verdict, an error, or the other of the two.
    UNDECIDED = "undecided"
    #: A verdict now, and none before.
    DECIDED = "decided"
    #: The same verdict as before, or none as before, but another expected verdict.
    EXPECTED_ANEW = "expected anew"
    #: In the old record only.
    GONE = "gone"
    #: In the old record only; the new run may have been asked for other claims.
    NOT_RUN = "not run"
    #: In the new record only.
    NEW = "new"
    SAME = "same"

    @property
    def word(self) -> str:
        """The change as reports show it, such as ``NOT RUN``."""
        return self.value.upper()


_FAILS_IF_STRICT = (Change.UNDECIDED, Change.DECIDED, Change.GONE)


@dataclass(frozen=True)
class Difference:
    """A claim, and how it changed.

    :param before: its result in the old record; None if it is new.
    :param after: its result in the new record; None if it is missing there.
    """

    change: Change
    before: ClaimResult | None
    after: ClaimResult | None

    @property
    def claim(self) -> ClaimResult:
        """The claim's result in the new record; if it is missing there, in the old one."""
        claim = self.after or self.before
        assert claim is not None, "the claim must be in at least one of the two records"
        return claim

    @property
    def other_experiment(self) -> bool:
        """Whether the two results are of different experiments: the statement, the parameters or the code changed."""
        return self.before is not None and self.after is not None and self.before.digest != self.after.digest

    @property
    def renamed(self) -> bool:
        """Whether it is the same experiment under a new id."""
        return self.before is not None and self.after is not None and self.before.id != self.after.id

    @property
    def newly_unexpected(self) -> bool:
        """Whether it changed or is new, and its result is unexpected; that alone does not fail the comparison."""
        return self.change is not Change.SAME and self.after is not None and self.after.unexpected

    def fails(self, *, strict: bool) -> bool:
        """Return whether the change fails the comparison.

        A verdict that turned fails it. A changed expectation fails it if the verdict is unexpected now. A new claim
        never fails it.

        :param strict: whether a lost or new verdict, and a claim that is gone, fail it as well.
        """
        if self.change is Change.EXPECTED_ANEW:
            return self.claim.verdict.reached and self.claim.unexpected
        return self.change is Change.TURNED or (strict and self.change in _FAILS_IF_STRICT)


@dataclass(frozen=True)
class Comparison:
    """Two runs, and how each claim changed.

    :param differences: in the order of the new record; then the claims that only the old one has, in its order.
    """

    old: RunRecord
    new: RunRecord
    differences: tuple[Difference, ...]

    def of(self, change: Change) -> list[Difference]:
        """Return the claims that changed in this way."""
        return [difference for difference in self.differences if difference.change is change]

    @property
    def compared(self) -> list[Difference]:
        """The claims that both records have; if there are none, nothing was compared."""
        return [found for found in self.differences if found.before is not None and found.after is not None]

    @property
    def other_interpreter(self) -> bool:
        """Whether the runs were on different interpreters, or on different builds of one."""
        return self.old.interpreter.version_key() != self.new.interpreter.version_key()

    def fails(self, *, strict: bool) -> bool:
        """Return whether a claim fails the comparison.

        :param strict: as for :meth:`Difference.fails`.
        """
        return any(difference.fails(strict=strict) for difference in self.differences)


def compare(old: RunRecord, new: RunRecord, *, selection: bool = False) -> Comparison:
    """Return how each claim changed.

    Claims are paired by their ids. A claim that only the new record has is paired with one that only the old record
    has if these two alone have the same digest: it is the same experiment under a new id.

    :param selection: whether the new run may have been asked for some of the claims only. Missing claims are then NOT
        RUN, else GONE.
    """
    before = {claim.id: claim for claim in old.claims}
    after = {claim.id for claim in new.claims}
    old_ids = _old_ids(
        [claim for claim in old.claims if claim.id not in after],
        [claim for claim in new.claims if claim.id not in before],
    )
    differences = []
    for claim in new.claims:
        earlier = before.pop(old_ids.get(claim.id, claim.id), None)
        differences.append(Difference(_change(earlier, claim), earlier, claim))
    missing = Change.NOT_RUN if selection else Change.GONE
    differences += [Difference(missing, claim, None) for claim in before.values()]
    return Comparison(old, new, tuple(differences))


def _old_ids(gone: Sequence[ClaimResult], new: Sequence[ClaimResult]) -> dict[str, str]:
    """Return the old id, by the new one, of each new claim that shares its digest with exactly one that is gone."""
    before, after = _alone(gone), _alone(new)
    return {claim.id: before[digest].id for digest, claim in after.items() if digest in before}


def _alone(claims: Sequence[ClaimResult]) -> dict[str, ClaimResult]:
    """Return the claims by their digests, without claims that share a digest."""
    count = Counter(claim.digest for claim in claims)
    return {claim.digest: claim for claim in claims if count[claim.digest] == 1}


def _change(before: ClaimResult | None, after: ClaimResult) -> Change:
    if before is None:
        return Change.NEW
    if before.verdict is after.verdict:
        return Change.SAME if before.expected is after.expected else Change.EXPECTED_ANEW
    if after.verdict is Verdict.ERROR or (before.verdict.reached and after.verdict.reached):
        return Change.TURNED
    return Change.DECIDED if after.verdict.reached else Change.UNDECIDED
