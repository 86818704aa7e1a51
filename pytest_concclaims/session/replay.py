"""The schedules that ``--claims-replay`` names, by claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..lab.race.schedules.replay import Token
from ..records.evidence import Evidence, RaceRun
from ..records.reader import RecordError, read_record


@dataclass(frozen=True)
class Replay:
    """The schedules to run again.

    :param tokens: for each claim.
    :param by_claim: the tokens of a run record's claims, by the claims' ids; None if there is no record.
    """

    tokens: tuple[Token, ...] = ()
    by_claim: Mapping[str, Sequence[Token]] | None = None

    @classmethod
    def of(cls, option: Path | Token | None) -> Replay:
        """Return the schedules of the option's value.

        :raises pytest.UsageError: the run record cannot be read, or has no valid token.
        """
        if option is None:
            return cls()
        if isinstance(option, Token):
            return cls((option,))
        try:
            claims = read_record(option).claims
            by_claim = {claim.id: _tokens(claim.evidence) for claim in claims}
        except (RecordError, ValueError) as error:
            raise pytest.UsageError(f"--claims-replay: {error}") from None
        if not any(by_claim.values()):
            raise pytest.UsageError(
                f"--claims-replay {option}: no claim in this record has a witness with a schedule"
            )
        return cls(by_claim=by_claim)

    def tokens_of(self, claim: str) -> Sequence[Token]:
        """Return the schedules of a claim."""
        return self.tokens if self.by_claim is None else self.by_claim.get(claim, ())

    def leaves_out(self, claim: str) -> bool:
        """Return whether a run record is replayed that has no schedule for a claim."""
        return self.by_claim is not None and not self.by_claim.get(claim)


def _tokens(evidence: Sequence[Evidence]) -> list[Token]:
    witnesses = [piece.witness for piece in evidence if isinstance(piece, RaceRun)]
    return [Token.parse(witness["replay"]) for witness in witnesses if witness and witness["replay"]]
