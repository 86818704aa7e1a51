"""Evidence: what was seen, as typed records that are stored with the verdict.

Each record's class is one ``kind`` of the run record; ``phrase`` puts it in words for a line of a report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Evidence:
    """The base of all kinds."""

    kind: ClassVar[str]

    def phrase(self) -> str:
        """Return what was seen, in a phrase."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON's types."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Note(Evidence):
    """A plain fact that the claim's author had noted down."""

    kind: ClassVar[str] = "note"
    text: str

    def phrase(self) -> str:
        return self.text


@dataclass(frozen=True)
class Requirement(Evidence):
    """A condition for any verdict, and whether it was met."""

    kind: ClassVar[str] = "requirement"
    met: bool
    reason: str

    def phrase(self) -> str:
        return f"{'met' if self.met else 'not met'}: {self.reason}"


@dataclass(frozen=True)
class Assertion(Evidence):
    """An assertion of the claim that was evaluated; ``explanation`` is pytest's, of one that failed."""

    kind: ClassVar[str] = "assertion"
    holds: bool
    expression: str
    location: str
    explanation: str | None = None

    def phrase(self) -> str:
        if self.holds:
            return f"asserted: {self.expression}"
        lines = (self.explanation or "").split("\n")
        # After a message of the author's own, pytest's words begin on a line of theirs.
        seen = next((line for line in lines if line.startswith("assert ")), lines[0])
        return f"failed: {self.expression}" + (f" ({seen})" if seen and seen != self.expression else "")


@dataclass(frozen=True)
class ChildRun(Evidence):
    """A run of :meth:`Lab.child`: durations in seconds, the ends of the output, how the process ended."""

    kind: ClassVar[str] = "child"
    target: str
    exit_code: int | None
    signal: str | None
    timed_out: bool
    deadline: float
    duration: float
    value: str | None
    exception: str | None
    stdout: str
    stderr: str

    def phrase(self) -> str:
        if self.timed_out:
            end = f"was killed at its deadline of {self.deadline:g} s"
        elif self.signal is not None:
            end = f"was ended by {self.signal}"
        elif self.exception is not None:
            end = f"raised {self.exception}"
        elif self.value is not None:
            end = f"returned {self.value}"
        else:
            end = f"exited with {self.exit_code}"
        return f"{self.target} in a fresh interpreter {end}"


_OUTCOMES_TOLD = 4


@dataclass(frozen=True)
class RaceRun(Evidence):
    """A question to :meth:`Lab.race`, and all that the race had seen when it was answered.

    :param question: ``ever``, ``never``, ``always``.
    :param about: the outcome, or the predicate's name.
    :param answer: None if there was none.
    :param seconds: of sampling, all questions to this race together.
    :param seen: samples that witness what was asked about (with ``always``, the opposite).
    :param outcomes: the most frequent, as ``repr``.
    :param other_outcomes: how many more there were.
    :param witness: the first: its outcome, time, sample and the circumstances.
    :param control: what ran in turns with it, and in how many overlapping samples the effect was seen there.
    :param bound: the rate for each overlapping sample, at most, of what was never seen.
    :param confidence: of the bound.
    :param lacking: why there is no answer.
    :param failure: what kept the race from an end: ``kind``, ``text``, and ``details`` such as a traceback.
    """

    kind: ClassVar[str] = "race"
    question: str
    about: str
    answer: bool | None
    actors: Sequence[str]
    rounds: int
    samples: int
    overlapping: int
    strides: int
    seconds: float
    budget: float
    in_process: bool
    seen: int
    outcomes: Sequence[dict[str, Any]]
    other_outcomes: int
    witness: dict[str, Any] | None
    control: dict[str, Any]
    strategies: Sequence[dict[str, Any]]
    bound: float | None
    confidence: float
    lacking: str | None
    failure: dict[str, Any] | None

    def phrase(self) -> str:
        if self.failure is not None:
            return str(self.failure["text"])
        asked = f"{self.question}({self.about})"
        if self.lacking is not None:
            return f"{asked} has no answer: {self.lacking}"
        if self.seen and self.witness is not None:
            first = self.witness
            return (
                f"{asked}: {'another was ' if self.question == 'always' else ''}seen in {self.seen:,} of "
                f"{self.samples:,} samples, first {first['outcome']} after {first['seconds'] * 1000:.1f} ms (sample "
                f"{first['sample']:,}; {first['strategy']}); {self._histogram()}"
            )
        control = "its control" if self.control["matched"] else "a generic control (weaker than one of its own)"
        return (
            f"{asked}: {'no other was ' if self.question == 'always' else 'not '}seen in {self.overlapping:,} "
            f"overlapping samples ({self.strides:,} strides); {control} was seen {self.control['seen']:,} times in "
            f"{self.control['overlapping']:,}. If samples were independent, the rate per overlapping sample in this "
            f"harness would be below {self.bound:.1e} ({self.confidence:.1%}). This is no bound for your program; "
            f"{self._histogram()}"
        )

    def _histogram(self) -> str:
        shown = [f"{item['samples']:,} x {item['outcome']}" for item in self.outcomes[:_OUTCOMES_TOLD]]
        more = len(self.outcomes) - len(shown) + self.other_outcomes
        return f"all outcomes: {', '.join(shown)}" + (f" and {more:,} more" if more else "")


@dataclass(frozen=True)
class Raised(Evidence):
    """An exception that kept the claim from a verdict."""

    kind: ClassVar[str] = "exception"
    where: str
    type: str
    message: str
    traceback: str

    def phrase(self) -> str:
        message = self.message.partition("\n")[0]
        return f"{self.type} in {self.where}: {message}" if message else f"{self.type} in {self.where}"


@dataclass(frozen=True)
class Attempt(Evidence):
    """An earlier attempt at the same claim in this run (somebody asked for reruns)."""

    kind: ClassVar[str] = "attempt"
    verdict: str
    reason: str | None
    evidence: Sequence[dict[str, Any]]

    def phrase(self) -> str:
        return f"an earlier attempt ended {self.verdict.upper().replace('_', ' ')}"


_KINDS: dict[str, type[Evidence]] = {
    cls.kind: cls for cls in (Note, Requirement, Assertion, ChildRun, RaceRun, Raised, Attempt)
}


def from_json(data: dict[str, Any]) -> Evidence:
    """Return the evidence that :meth:`Evidence.to_json` stored."""
    fields = dict(data)
    return _KINDS[fields.pop("kind")](**fields)


def summary_phrase(evidence: Sequence[Evidence]) -> str:
    """Return the evidence in a phrase: what says most about the verdict.

    What stood in the way first; then what the author noted, what instruments saw, and last the assertions.
    A failed assertion stands beside any of these.
    """
    failed = [item for item in evidence if isinstance(item, Assertion) and not item.holds]
    ranks: list[list[Evidence]] = [
        [item for item in evidence if _in_the_way(item)],
        [item for item in evidence if isinstance(item, Note)],
        [item for item in evidence if isinstance(item, (ChildRun, RaceRun))],
        [item for item in evidence if _held(item)] if not failed else [],
    ]
    for found in ranks:
        if found:
            return "; ".join(dict.fromkeys(item.phrase() for item in [*found, *failed]))
    return "; ".join(item.phrase() for item in failed)


def _in_the_way(item: Evidence) -> bool:
    return isinstance(item, (Raised, Attempt)) or (isinstance(item, Requirement) and not item.met)


def _held(item: Evidence) -> bool:
    return isinstance(item, Assertion) and item.holds
