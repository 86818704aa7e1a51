"""The run record: the results of a run of claims, and their JSON (``run-record.schema.json``)."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..interpreter import Interpreter
from ..machine import Machine
from ..verdict import Verdict, fails, unexpected
from .evidence import Evidence, from_json

#: 2 added each claim's node id, and the options that narrow a run; 3 the state of the JIT compiler; 4 the schedules
#: of races and the steps of their witnesses; 5 the project's name, the patience, and the orders and scenarios of
#: races; 6 each claim's code, the address of the source files, and the descriptions of shipped suites.
SCHEMA = 6
SCHEMA_FILE = Path(__file__).with_name("run-record.schema.json")


@dataclass(frozen=True)
class ClaimResult:
    """A claim and its result.

    :param reason: why REFUTED was expected, if it is the verdict; why there is no verdict, if there is none; or None.
    :param duration: seconds, including set-up and teardown.
    :param location: ``file:line``.
    :param nodeid: by which pytest runs this claim alone; None in a record of schema 1, which had none.
    :param code: the source of the test function, and of what that uses of its own file; None if there is no source
        file, and in a record of schema 5 or older.

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
    nodeid: str | None
    code: str | None

    @property
    def unexpected(self) -> bool:
        """Whether the verdict is not the expected one, or the claim is an ERROR."""
        return unexpected(self.verdict, self.expected)

    def fails(self, *, strict: bool) -> bool:
        """Return whether the result fails the run: it is unexpected, or inconclusive in a strict run."""
        return fails(self.verdict, self.expected, strict=strict)

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON's types."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields["verdict"] = self.verdict.value
        fields["expected"] = self.expected.value
        fields["evidence"] = [item.to_json() for item in self.evidence]
        return fields

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ClaimResult:
        """Return the result that :meth:`to_json` returned."""
        fields = dict(data)
        fields["verdict"] = Verdict(fields["verdict"])
        fields["expected"] = Verdict(fields["expected"])
        fields["evidence"] = tuple(from_json(item) for item in fields["evidence"])
        return cls(**fields)


class Standing(enum.IntEnum):
    """The overall result of a run; a higher value is worse."""

    #: Every claim that applies has the expected verdict.
    AS_EXPECTED = 0
    #: Every verdict is the expected one, but some claims were inconclusive or not selected.
    UNDECIDED = 1
    #: Some of the selected claims did not end.
    INCOMPLETE = 2
    #: No claim has a verdict: nothing was verified.
    NO_VERDICT = 3
    #: A verdict is not the expected one, or a claim is an ERROR.
    UNEXPECTED = 4


def count_verdicts(results: Iterable[ClaimResult]) -> dict[Verdict, int]:
    """Return the number of claims with each verdict, including zeros."""
    counts = dict.fromkeys(Verdict, 0)
    for result in results:
        counts[result.verdict] += 1
    return counts


@dataclass(frozen=True)
class RunRecord:
    """The results of one run on one interpreter.

    :param tool: names and versions of this plugin, of pytest, and of plugins that affect a run.
    :param options: the options of the run.
    :param started: the time of its start, ISO 8601 with the offset from UTC.
    :param duration: seconds.
    :param complete: whether every selected claim has ended; false after Ctrl-C, ``-x`` or a crash.
    :param project: the project's name if claims of its own are among these; None if only shipped suites ran.
    :param source_url: the address of the project's files at the commit that ran, without a slash at its end; None if
        it is unknown.
    :param suites: the shipped suites of these claims, each with ``name``, ``title``, ``language`` and ``about`` of
        its source, and ``terms``: the words after the section in a claim's source, with their meanings.
    :param claims: in the order of their collection.
    """

    tool: dict[str, str]
    options: dict[str, Any]
    interpreter: Interpreter
    machine: Machine
    started: str
    duration: float
    complete: bool
    project: str | None
    source_url: str | None
    suites: tuple[dict[str, Any], ...]
    claims: Sequence[ClaimResult]

    @property
    def strict(self) -> bool:
        """Whether an inconclusive claim fails the run."""
        return bool(self.options["strict"])

    @property
    def failing(self) -> tuple[ClaimResult, ...]:
        """The claims that fail the run."""
        return tuple(result for result in self.claims if result.fails(strict=self.strict))

    @property
    def selection(self) -> tuple[str, ...]:
        """The options that narrowed the run, such as ``-k lock``; empty in a record of schema 1."""
        return tuple(self.options["selection"] or ())

    @property
    def standing(self) -> Standing:
        """The overall result of the run."""
        counts = count_verdicts(self.claims)
        if self.failing:
            return Standing.UNEXPECTED
        if not any(count for verdict, count in counts.items() if verdict.reached):
            return Standing.NO_VERDICT
        if not self.complete:
            return Standing.INCOMPLETE
        undecided = counts[Verdict.INCONCLUSIVE] or self.selection
        return Standing.UNDECIDED if undecided else Standing.AS_EXPECTED

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
            "project": self.project,
            "source_url": self.source_url,
            "suites": list(self.suites),
            "claims": [claim.to_json() for claim in self.claims],
        }

    def to_text(self) -> str:
        """Return the record as JSON text."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RunRecord:
        """Return the record that :meth:`to_json` returned. It checks nothing: :mod:`.reader` does."""
        fields = {name: data[name] for name in cls.__dataclass_fields__}
        fields["interpreter"] = Interpreter(
            **{**data["interpreter"], "start_methods": tuple(data["interpreter"]["start_methods"])}
        )
        fields["machine"] = Machine(**data["machine"])
        fields["suites"] = tuple(data["suites"])
        fields["claims"] = tuple(ClaimResult.from_json(claim) for claim in data["claims"])
        return cls(**fields)
