"""The run record: what a run of claims saw, as frozen data, and its JSON (``run-record.schema.json``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .evidence import Evidence, from_json
from .interpreter import Interpreter, Machine
from .verdict import Verdict

SCHEMA = 1
SCHEMA_FILE = Path(__file__).with_name("run-record.schema.json")


@dataclass(frozen=True)
class ClaimResult:
    """A claim, and how it ended.

    :param reason: why REFUTED was expected, where it is the verdict; why there is no verdict, where there is
        none; else None.
    :param duration: seconds, set-up and teardown included.
    :param location: ``file:line``.

    The other fields are those of :class:`~pytest_concclaims.claim.Claim`.
    """

    id: str
    suite: str
    statement: str
    source: str | None
    digest: str
    verdict: Verdict
    expected: Verdict
    reason: str | None
    evidence: tuple[Evidence, ...]
    duration: float
    location: str

    @property
    def unexpected(self) -> bool:
        """Whether this needs somebody's attention: the other verdict, or an error."""
        return self.verdict is Verdict.ERROR or (self.verdict.reached and self.verdict is not self.expected)

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON's types."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields["verdict"] = self.verdict.value
        fields["expected"] = self.expected.value
        fields["evidence"] = [item.to_json() for item in self.evidence]
        return fields

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ClaimResult:
        """Return the result that :meth:`to_json` gave."""
        fields = dict(data)
        fields["verdict"] = Verdict(fields["verdict"])
        fields["expected"] = Verdict(fields["expected"])
        fields["evidence"] = tuple(from_json(item) for item in fields["evidence"])
        return cls(**fields)


@dataclass(frozen=True)
class RunRecord:
    """What one run saw on one interpreter.

    :param tool: names and versions of what ran: this plugin, pytest and the plugins that bear on a run.
    :param options: what the run was asked for.
    :param started: the time of its start, ISO 8601 with the offset from UTC.
    :param duration: seconds.
    :param complete: whether every claim that was selected has ended; false after Ctrl-C, ``-x``, a crash.
    :param claims: in the order of their collection.
    """

    tool: dict[str, str]
    options: dict[str, Any]
    interpreter: Interpreter
    machine: Machine
    started: str
    duration: float
    complete: bool
    claims: Sequence[ClaimResult]

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON's types, as the schema describes them."""
        return {
            "schema": SCHEMA,
            "tool": self.tool,
            "options": self.options,
            "interpreter": asdict(self.interpreter),
            "machine": asdict(self.machine),
            "started": self.started,
            "duration": self.duration,
            "complete": self.complete,
            "claims": [claim.to_json() for claim in self.claims],
        }

    def to_text(self) -> str:
        """Return the record as JSON text."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
