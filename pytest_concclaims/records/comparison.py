"""Two runs compared: which verdicts turned, and what is no verdict any more; a pure function of their records."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..verdict import Verdict
from .record import ClaimResult, RunRecord


class Change(enum.Enum):
    """How a claim changed; the value is its word."""

    #: From one verdict to the other, or to an error from anything else.
    TURNED = "turned"
    #: No verdict now (inconclusive, not applicable), and something else before, an error included.
    UNDECIDED = "undecided"
    #: A verdict now, and none before.
    DECIDED = "decided"
    #: The same verdict, or none as before, but another one is expected now.
    EXPECTED_ANEW = "expected anew"
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


_FAILS_IF_STRICT = (Change.UNDECIDED, Change.DECIDED, Change.GONE)


@dataclass(frozen=True)
class Difference:
    """A claim, and how it changed.

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

    @property
    def renamed(self) -> bool:
        """Whether it is the same experiment under another id than before."""
        return self.before is not None and self.after is not None and self.before.id != self.after.id

    @property
    def newly_unexpected(self) -> bool:
        """Whether it changed or is new, and did not end as expected; it may not fail for that."""
        return self.change is not Change.SAME and self.after is not None and self.after.unexpected

    def fails(self, *, strict: bool) -> bool:
        """Return whether that fails the comparison.

        A verdict that turned does. That another one is expected does if the verdict, which stayed, is not as expected
        now. A new claim never does.

        :param strict: whether what is no verdict any more, or was none before, or is gone, fails as well.
        """
        if self.change is Change.EXPECTED_ANEW:
            return self.claim.verdict.reached and self.claim.unexpected
        return self.change is Change.TURNED or (strict and self.change in _FAILS_IF_STRICT)


@dataclass(frozen=True)
class Comparison:
    """Two runs, and how each claim changed.

    :param differences: in the order of the new record; then those that only the old one has, in its order.
    """

    old: RunRecord
    new: RunRecord
    differences: tuple[Difference, ...]

    def of(self, change: Change) -> list[Difference]:
        """Return the claims that changed in this way."""
        return [difference for difference in self.differences if difference.change is change]

    @property
    def compared(self) -> list[Difference]:
        """The claims that both records have; without any, nothing was compared."""
        return [found for found in self.differences if found.before is not None and found.after is not None]

    @property
    def other_interpreter(self) -> bool:
        """Whether the two ran on different interpreters, or different builds of one."""
        return self.old.interpreter.version_key() != self.new.interpreter.version_key()

    def fails(self, *, strict: bool) -> bool:
        """Return whether a claim fails it.

        :param strict: as for :meth:`Difference.fails`.
        """
        return any(difference.fails(strict=strict) for difference in self.differences)


def compare(old: RunRecord, new: RunRecord, *, selection: bool = False) -> Comparison:
    """Return how each claim changed.

    Claims are the same if their ids are. Of the others, one that only the new record has is the same as one that only
    the old one has if their digests are equal, and no third has it: the same experiment under another id.

    :param selection: whether the new run may have been asked for some claims only: what it has not was not run, then,
        and is not gone.
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
    """Return the old id, by the new one, of each claim whose digest one that is gone has, and no third."""
    before, after = _alone(gone), _alone(new)
    return {claim.id: before[digest].id for digest, claim in after.items() if digest in before}


def _alone(claims: Sequence[ClaimResult]) -> dict[str, ClaimResult]:
    """Return the claims by their digests, without those that share one."""
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
