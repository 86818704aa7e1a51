"""Evidence for verdicts. Each class is one ``kind`` of evidence in the run record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ..text import counted, listed, several
from . import schedules as words


@dataclass(frozen=True)
class Evidence:
    """The base of all kinds."""

    kind: ClassVar[str]

    def phrase(self) -> str:
        """Return the evidence in a phrase, for a line of a report."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return the evidence as JSON's types."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Note(Evidence):
    """A fact from :meth:`Lab.note`."""

    kind: ClassVar[str] = "note"
    text: str

    def phrase(self) -> str:
        return self.text


@dataclass(frozen=True)
class Requirement(Evidence):
    """A condition for a verdict, from :meth:`Lab.require`, and whether it was met."""

    kind: ClassVar[str] = "requirement"
    met: bool
    reason: str

    def phrase(self) -> str:
        return f"{'met' if self.met else 'not met'}: {self.reason}"


@dataclass(frozen=True)
class Assertion(Evidence):
    """An assertion of the claim that ran; ``explanation`` is pytest's, if it failed."""

    kind: ClassVar[str] = "assertion"
    holds: bool
    expression: str
    location: str
    explanation: str | None = None

    def phrase(self) -> str:
        if self.holds:
            return f"asserted: {self.expression}"
        lines = (self.explanation or "").split("\n")
        # If the assertion has a message, pytest's explanation begins on a later line.
        seen = next((line for line in lines if line.startswith("assert ")), lines[0])
        return f"failed: {self.expression}" + (f" ({seen})" if seen and seen != self.expression else "")


@dataclass(frozen=True)
class ChildRun(Evidence):
    """A run of :meth:`Lab.child`.

    :param deadline: seconds.
    :param duration: seconds.
    :param value: the ``repr`` of the return value.
    :param stdout: the end of the output.
    :param stderr: the end of the output.
    """

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
        elif self.exit_code is not None:
            end = f"exited with {self.exit_code}"
        else:
            end = "ended in an unknown way"
        return f"{self.target} in a fresh interpreter {end}"


_MOST_OUTCOMES = 4
#: Stands for a missing reason, in a record that was changed or that another program wrote.
_NO_REASON = "the record does not say why"


@dataclass(frozen=True)
class RaceRun(Evidence):
    """A question to :meth:`Lab.race`, and the evidence for its answer.

    :param question: ``ever``, ``never``, ``always``, ``atomic``, ``linearizable``.
    :param about: the outcomes, or the predicates' names; empty for ``atomic`` and ``linearizable``.
    :param answer: None if there is none.
    :param seconds: the time that schedules and samples took.
    :param seen: the number of samples with an outcome that the question is about; for ``always``, ``atomic`` and
        ``linearizable``, with any other outcome.
    :param outcomes: the most frequent outcomes, as ``repr``.
    :param other_outcomes: the number of further outcomes.
    :param witness: the first witness: its outcome, its time, the number of its schedule or sample, the circumstances,
        and its ``steps``, each as of :class:`~.interleaving.Step`; None instead if no schedule shows the outcome.
        Its ``scenario`` is what each thread called, and what that returned; None if there are no operations.
    :param interrupted: whether the second actor is a handler that ran at the switch points of the first one, in its
        thread.
    :param control: the control, the number of its overlapping samples that showed the effect, and the locks that it
        omits. With a handler, no control runs.
    :param orders: for ``atomic``, the outcome of each order in which the actors can run one after the other; for
        ``linearizable``, the same of the scenario that is the witness.
    :param scenarios: the operations, and the shapes of the scenarios that were run; None if there are no operations.
    :param schedules: the schedules that were run; None if there were none.
    :param bound: an upper bound for the rate per overlapping sample of an outcome that was never seen.
    :param confidence: the confidence of the bound.
    :param lacking: why there is no answer.
    :param failure: what ended the race early: ``kind``, ``text``, and ``details`` such as a traceback.
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
    interrupted: bool
    control: dict[str, Any]
    orders: Sequence[dict[str, Any]]
    scenarios: dict[str, Any] | None
    strategies: Sequence[dict[str, Any]]
    schedules: dict[str, Any] | None
    bound: float | None
    confidence: float
    lacking: str | None
    failure: dict[str, Any] | None

    def phrase(self) -> str:
        if self.failure is not None:
            return str(self.failure["text"])
        asked = f"{self.question}({self.about})"
        histogram = self._histogram() if self.samples or self.schedules else None
        if self.lacking is not None or self.answer is None:
            lacking = f"{asked} has no answer: {_NO_REASON if self.lacking is None else self.lacking}"
            return words.joined([lacking, self._tried(), histogram])
        if self.schedules is None:
            return f"{asked}: {self._seen() if self.seen else self._not_seen()}; {self._histogram()}"
        seen = self.seen or self.schedules["seen"]
        parts = [self._seen()] if seen else self._not_seen_in(self.schedules)
        without_gil = words.without_gil(self.schedules)
        if without_gil is not None and self.schedules["portable"]["seen"]:
            parts.insert(1, without_gil)  # near the beginning, where it is read
            without_gil = None
        parts += [words.in_order(self.orders), without_gil, *words.remarks(self.schedules)]
        return f"{asked}: {words.joined([*parts, histogram])}"

    def _tried(self) -> str | None:
        """Return the schedules that were run without an answer."""
        if self.schedules is None or not self.schedules["run"]:
            return None
        random = words.at_random(self.schedules)
        none = self.schedules["seen"] or "none"
        return words.joined([f"{none} of {self._run(self.schedules)}", random and f"none of {random}"])

    def _run(self, schedules: dict[str, Any]) -> str:
        """Return the schedules that were run, in words."""
        if self.scenarios is None:
            return words.tried(schedules)
        return words.of_scenarios(self.scenarios, schedules)

    def _not_seen_in(self, schedules: dict[str, Any]) -> list[str | None]:
        none, random = "no other outcome in" if self._asks_about_others else "none of", words.at_random(schedules)
        return [
            f"{none} {self._run(schedules)}",
            words.switch_points(schedules),
            words.of_control(schedules, self.control_name),
            random and f"{none} {random}",
            self._not_in_samples() if self.samples else None,
        ]

    def _not_in_samples(self) -> str:
        looked = (
            counted(self.overlapping, "overlapping sample") if self.overlapping else counted(self.samples, "sample")
        )
        text = f"nor in {looked} of actors that ran freely"
        if self.bound is None or self.control["seen"] is None:
            return text
        return (
            f"{text} (control: {self.control['seen']:,} in {self.control['overlapping']:,}; if samples were "
            f"independent, a rate below {self.bound:.1e} in this harness, {self.confidence:.1%}; no bound for your "
            "program)"
        )

    def _seen(self) -> str:
        other = "another outcome was " if self._asks_about_others else ""
        remark = f"; {self.witness['remark']}" if self.witness is not None and self.witness["remark"] else ""
        if self.witness is not None and self.schedules is not None and words.in_schedule(self.witness):
            return f"{other}seen in {words.seen_in(self.witness, self.schedules)}{remark}"
        if not self.seen and self.schedules is not None:
            return f"{other}seen in {self.schedules['seen']:,} of {words.tried(self.schedules)}"
        seen = f"{other}seen in {self.seen:,} of {self.samples:,} samples"
        if self.witness is None:
            return seen
        first = self.witness
        return (
            f"{seen}, first {words.found(first)} after {first['seconds'] * 1000:.1f} ms (sample {first['sample']:,}; "
            f"{first['strategy']}){remark}"
        )

    def _not_seen(self) -> str:
        seen = "no other outcome was" if self._asks_about_others else "not"
        control = self.control_name if self.control["matched"] else "a generic control (weaker than one of its own)"
        beside = (
            f"it is unknown whether {control} was seen"
            if self.control["seen"] is None
            else f"{control} was seen {self.control['seen']:,} times in {self.control['overlapping']:,}"
        )
        text = f"{seen} seen in {self.overlapping:,} overlapping samples ({self.strides:,} strides); {beside}"
        if self.bound is None:
            return text
        return (
            f"{text}. If samples were independent, the rate per overlapping sample in this harness would be below "
            f"{self.bound:.1e} ({self.confidence:.1%}). This is no bound for your program"
        )

    @property
    def _asks_about_others(self) -> bool:
        """Return whether a witness is an outcome that the question does not name."""
        return self.question in ("always", "atomic", "linearizable")

    @property
    def control_name(self) -> str:
        """Return a name for the control."""
        if not self.control["matched"]:
            return "a generic control"
        locks = self.control["without_locks"]
        return f"the race without {listed(locks)}" if locks else "its control"

    def _histogram(self) -> str:
        if not self.outcomes:
            return f"{self.other_outcomes:,} outcomes, not in the record" if self.other_outcomes else "no outcomes"
        shown = [
            f"{item['outcome']} ({_times(item['samples'] + item['schedules'])})"
            for item in self.outcomes[:_MOST_OUTCOMES]
        ]
        more = len(self.outcomes) - len(shown) + self.other_outcomes
        return f"all outcomes: {', '.join(shown)}" + (f" and {more:,} more" if more else "")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


@dataclass(frozen=True)
class Measured(Evidence):
    """A comparison of a measured quantity with a number, and what was measured by then.

    :param subject: what was measured, in words.
    :param question: such as ``above 2``.
    :param answer: None if there was none.
    :param cuts: the dead zones of the question, each from low to high: within, there is no answer.
    :param value: the estimate; None if nothing was measured.
    :param low: together with ``high``, the range of the quantity; None if there are too few samples for one.
    :param samples: number of samples behind ``value``.
    :param seconds: of measuring, for all questions to this measurement.
    :param budget: seconds for each question.
    :param lacking: why there is no answer.
    :param failure: what ended the measurement early: ``kind``, ``text``, and ``details`` such as a traceback.
    """

    subject: str
    question: str
    answer: bool | None
    cuts: Sequence[Sequence[float]]
    value: float | None
    low: float | None
    high: float | None
    samples: int
    seconds: float
    budget: float
    lacking: str | None
    failure: dict[str, Any] | None

    def phrase(self) -> str:
        if self.failure is not None:
            return str(self.failure["text"])
        if self.lacking is not None or self.answer is None:
            lacking = _NO_REASON if self.lacking is None else self.lacking
            if self.value is None:
                return f"No answer: {lacking}. Asked: {self.subject}, {self.question}"
            return f"No answer: {lacking}. Measured: {self._seen()}; asked: {self.question}"
        return f"{self.subject if self.value is None else self._seen()}; {self._why()}"

    def _seen(self) -> str:
        """Return what was measured: the subject, the estimate and its range."""
        return f"{self.subject}: {self._estimate(self.shown)}{self._range(self.shown)}"

    def _estimate(self, shown: Callable[[float], str]) -> str:
        return shown(self.value or 0.0)

    def _range(self, shown: Callable[[float], str]) -> str:
        """Return the range in parentheses, after a space; nothing if there is none."""
        return "" if self.low is None or self.high is None else f" ({shown(self.low)} to {shown(self.high)})"

    def _why(self) -> str:
        return f"{'' if self.answer else 'not '}{self.question}"

    @staticmethod
    def shown(value: float) -> str:
        """Return a value of this kind as text, with its unit."""
        return f"{value:.3g}"


@dataclass(frozen=True)
class SignTested(Measured):
    """A comparison of a median with a number, by a sequential sign test.

    :param above: number of samples above the last number of the question.
    :param below: number of samples below the first number of the question.
    :param error: probability that an answer is wrong, for any number of samples.
    """

    above: int
    below: int
    error: float

    #: What a sample is.
    samples_are: ClassVar[str] = "samples"

    def _why(self) -> str:
        above = self.answer is self.question.startswith("above")
        count, side = (self.above, "above") if above else (self.below, "below")
        number = self.limit(self.cuts[-1][1] if above else self.cuts[0][0])
        if self.question.startswith("between"):
            return f"{super()._why()} in {self.samples:,} {self.samples_are} (error rate {self.error:g})"
        return f"{side} {number} in {count:,} of {self.samples:,} {self.samples_are} (error rate {self.error:g})"

    @classmethod
    def limit(cls, value: float) -> str:
        """Return a number that values were compared with, as text."""
        return cls.shown(value)


@dataclass(frozen=True)
class RatioRun(SignTested):
    """A question to :meth:`Lab.ratio`; ``value`` is the median of the pairs' ratios.

    :param arms: what was compared: ``name``, ``calls`` in each sample, the ``median`` and all ``seconds`` of a call.
    """

    kind: ClassVar[str] = "ratio"
    samples_are: ClassVar[str] = "adjacent pairs"
    arms: Sequence[dict[str, Any]]

    def _seen(self) -> str:
        a, b = (arm["name"] for arm in self.arms)
        return f"`{a}` took {self._estimate(self.limit)} times as long as `{b}`{self._range(self.limit)}"

    @staticmethod
    def shown(value: float) -> str:
        return f"{RatioRun.limit(value)} times"

    @classmethod
    def limit(cls, value: float) -> str:
        few = f"{value:.3g}"
        return f"{float(few):,.0f}" if 999.5 <= value < 1e15 else few  # no exponent where people can read it


@dataclass(frozen=True)
class MemoryRun(SignTested):
    """A question to :meth:`Lab.memory`; ``value`` is in bytes.

    :param arms: what was started: ``name``, and the ``median`` and all ``bytes`` that one more took.
    :param unique: whether the system reported the unique set size of each started process.
    """

    kind: ClassVar[str] = "memory"
    arms: Sequence[dict[str, Any]]
    unique: bool

    @staticmethod
    def shown(value: float) -> str:
        return in_bytes(value)


def in_bytes(value: float) -> str:
    """Return a number of bytes as text, in the units of IEC 80000-13."""
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < (1024 if unit == "B" else 999.5):  # three digits, and no exponent
            return f"{value:.3g} {unit}" if unit != "B" else f"{value:.0f} B"
        value /= 1024
    return f"{value:.3g} GiB"


@dataclass(frozen=True)
class WorkersRun(Measured):
    """A question about workers that took turns with a control.

    :param workers: number of workers.
    :param worker_kind: ``thread``, ``process`` or ``interpreter``.
    :param control: the kind of worker of the control.
    :param control_value: the median of the control; ``control_low`` and ``control_high`` are its range.
    :param slices: for each slice, what was measured (``low`` and ``high``); the same of the control ``before`` and
        ``after`` (null if none was run); ``delay``, the part of the time that workers waited for a CPU (null if
        unknown); ``throttled``, whether the CPU quota held workers back; and ``unfit``, why the slice does not count
        (of parallelism: for "less"), or null.
    :param in_process: whether it was measured in the test process.
    """

    workers: int
    worker_kind: str
    control: str
    control_value: float | None
    control_low: float | None
    control_high: float | None
    slices: Sequence[dict[str, Any]]
    in_process: bool

    @property
    def control_name(self) -> str:
        """The control in words, such as ``the control (2 processes)``."""
        return f"the control ({several(self.workers, self.control)})"

    @staticmethod
    def shown(value: float) -> str:
        return f"{value:.2f}"


@dataclass(frozen=True)
class ParallelismRun(WorkersRun):
    """A question to :meth:`Lab.parallelism`; ``value`` is CPU seconds of all workers per second: cores."""

    kind: ClassVar[str] = "parallelism"

    def _seen(self) -> str:
        control = (
            "" if self.control_value is None else f"; {self.control_name} used {self.shown(self.control_value)} cores"
        )
        used = f"{self._estimate(self.shown)} cores{self._range(self.shown)}"
        return f"{self.subject} used {used} in {counted(self.samples, 'slice')}{control}"


@dataclass(frozen=True)
class SpeedupRun(WorkersRun, SignTested):
    """A question to :meth:`Lab.speedup`; ``value`` is how many times as much all workers did as one alone.

    Each of the ``slices`` is a pair: one of one worker, and one of all. ``samples`` is the number that count.
    """

    kind: ClassVar[str] = "speedup"
    samples_are: ClassVar[str] = "rounds"

    def _seen(self) -> str:
        control = (
            ""
            if self.control_value is None
            else f"; {self.control_name} did {self.shown(self.control_value)} times as much"
        )
        times = f"{self._estimate(self.shown)} times as much as one"
        return f"{self.subject} did {times}{self._range(self.shown)}{control}"


@dataclass(frozen=True)
class Raised(Evidence):
    """An exception that prevented a verdict."""

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
    """An earlier attempt at the same claim in this run, before one for ``--claims-patience`` or by a plugin."""

    kind: ClassVar[str] = "attempt"
    verdict: str
    reason: str | None
    evidence: Sequence[dict[str, Any]]

    def phrase(self) -> str:
        return f"an earlier attempt ended {self.verdict.upper().replace('_', ' ')}"


_KINDS: dict[str, type[Evidence]] = {
    cls.kind: cls
    for cls in (
        Note,
        Requirement,
        Assertion,
        ChildRun,
        RaceRun,
        RatioRun,
        MemoryRun,
        ParallelismRun,
        SpeedupRun,
        Raised,
        Attempt,
    )
}


def from_json(data: dict[str, Any]) -> Evidence:
    """Return the evidence that :meth:`Evidence.to_json` returned."""
    fields = dict(data)
    return _KINDS[fields.pop("kind")](**fields)


def summary_phrase(evidence: Sequence[Evidence]) -> str:
    """Return the most important evidence in a phrase.

    It is of the first of these kinds that occur: exceptions and requirements that were not met, notes, experiments,
    assertions. A failed assertion is added to any of these.
    """
    failed = [item for item in evidence if isinstance(item, Assertion) and not item.holds]
    ranks: list[list[Evidence]] = [
        [item for item in evidence if _in_the_way(item)],
        [item for item in evidence if isinstance(item, Note)],
        [item for item in evidence if isinstance(item, (ChildRun, RaceRun, Measured))],
        [item for item in evidence if _held(item)] if not failed else [],
    ]
    for found in ranks:
        if found:
            return "; ".join(dict.fromkeys(item.phrase() for item in [*found, *failed]))
    return "; ".join(item.phrase() for item in failed)


def _in_the_way(item: Evidence) -> bool:
    return isinstance(item, Raised) or (isinstance(item, Requirement) and not item.met)


def _held(item: Evidence) -> bool:
    return isinstance(item, Assertion) and item.holds
