"""The columns of a matrix: runs in the order of their interpreters, their names, and how two of them differ."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..interpreter import Interpreter
from ..text import counted, harmless
from .record import RunRecord

#: A version before its release: alpha, beta, release candidate.
_EARLY = re.compile(r"[0-9.]*(a|b|rc)([0-9]{1,9})")
#: Characters of a name. The names of known interpreters have less than half of that.
_LONGEST_NAME = 40


class Family(enum.Enum):
    """Interpreters that differ only in their version; in the order of the columns."""

    WITH_GIL = ("CPython {}", "{}")
    JIT_ON = ("CPython {} with the JIT on", "{} JIT")
    GIL_ON = ("CPython {} with the GIL on", "{} GIL")
    GIL_OFF = ("CPython {} with the GIL off", "{}")
    PYPY = ("PyPy {}", "PyPy {}")
    OTHER = ("{}", "{}")

    def phrase(self, names: str) -> str:
        """Return a phrase for the family's interpreters of these versions, for a sentence."""
        return self.value[0].format(names)

    def head(self, name: str) -> str:
        """Return the short head of a column."""
        return self.value[1].format(name)

    @classmethod
    def of(cls, interpreter: Interpreter) -> Family:
        """Return an interpreter's family."""
        if interpreter.implementation == "pypy":
            return cls.PYPY
        if interpreter.implementation != "cpython":
            return cls.OTHER
        if not interpreter.free_threaded_build:
            return cls.JIT_ON if interpreter.jit_on else cls.WITH_GIL
        return cls.GIL_ON if interpreter.gil_enabled else cls.GIL_OFF


@dataclass(frozen=True)
class Column:
    """One run, and its names in a matrix.

    :param name: its name within its family: ``3.13``, ``3.13t``, before a release ``3.15.0a1``; with a number if
        several runs have that name.
    :param label: the interpreter's label in the record; if several runs have it, with a number and a distinguishing
        suffix.
    """

    record: RunRecord
    family: Family
    name: str
    label: str

    @property
    def head(self) -> str:
        """The short head: ``3.13``, ``3.13t GIL``, ``PyPy 3.11``, with a star if the run is not complete."""
        return self.family.head(self.name) + ("" if self.record.complete else "*")

    @property
    def minor(self) -> tuple[int, ...]:
        """The major and minor version of the language: (3, 13)."""
        return (*_numbers(self.record.interpreter.version), 0, 0)[:2]

    @property
    def version(self) -> str:
        """The whole version: ``3.13.5``; if the implementation has a version of its own, both."""
        interpreter = self.record.interpreter
        language, own = _brief(interpreter.version), _brief(interpreter.implementation_version)
        return language if language.startswith(own) else f"{own} (Python {language})"

    @property
    def title(self) -> str:
        """The label with the whole version."""
        return f"{self.label}, version {self.version}"

    @property
    def machine(self) -> str:
        """The machine: the system, the processor's architecture, and the usable CPUs."""
        machine = self.record.machine
        return f"{_brief(machine.system)} {_brief(machine.architecture)}, {machine.describe()}"

    @property
    def options_text(self) -> str:
        """The options of the run that may affect verdicts."""
        options = self.record.options
        words = [f"budget {_seconds(options['budget'])}"]
        if options["in_process"]:
            words.append("in the test process")
        if self.record.selection:
            words.append(f"only {_brief(' '.join(self.record.selection))}")
        return ", ".join(words)

    @property
    def unexpected(self) -> int:
        """The number of its claims that are not as expected."""
        return sum(result.unexpected for result in self.record.claims)

    @property
    def date(self) -> str:
        """The day on which the run started."""
        return _brief(self.record.started.partition("T")[0])


def columns_of(records: Sequence[RunRecord]) -> tuple[Column, ...]:
    """Return the columns for runs: CPython, free-threaded CPython, PyPy, others; each by version."""
    ordered = [_column(record) for record in sorted(records, key=_order)]
    names = _numbering([column.family.head(column.name) for column in ordered])
    labels = _numbering([column.label for column in ordered])
    return tuple(
        replace(
            column,
            name=column.name + name,
            label=column.label + label + (_distinguishing_suffix(column, ordered) if label else ""),
        )
        for column, name, label in zip(ordered, names, labels)
    )


def _column(record: RunRecord) -> Column:
    interpreter = record.interpreter
    family = Family.of(interpreter)
    label = _brief(interpreter.label)
    if family is Family.OTHER:
        return Column(record, family, label, label)
    name = _brief(_short_version(interpreter.version))
    return Column(record, family, f"{name}t" if family in (Family.GIL_ON, Family.GIL_OFF) else name, label)


def _short_version(version: str) -> str:
    """Return a short version: major and minor of a release; the whole version of a pre-release."""
    early = _EARLY.match(version)
    return early[0] if early else ".".join(version.split(".")[:2])


#: The order of families. Free-threaded builds of one version are neighbours, with the GIL on and off.
_RANKS = {
    Family.WITH_GIL: 0,
    Family.JIT_ON: 1,
    Family.GIL_ON: 2,
    Family.GIL_OFF: 2,
    Family.PYPY: 3,
    Family.OTHER: 4,
}


def _order(record: RunRecord) -> tuple[object, ...]:
    interpreter = record.interpreter
    return (
        _RANKS[Family.of(interpreter)],
        interpreter.implementation,
        _version(interpreter.version),
        not interpreter.gil_enabled,
        interpreter.jit_on,
        _version(interpreter.implementation_version),
        record.started,
    )


def _numbering(texts: Sequence[str]) -> list[str]:
    """Return a number for each text that occurs several times, such as ``" #1"``; an empty text for the others."""
    return [
        f" #{texts[: index + 1].count(text)}" if texts.count(text) > 1 else "" for index, text in enumerate(texts)
    ]


def _brief(text: str) -> str:
    """Return a text on one line, cut to the length of a name; a question mark if it is empty."""
    shown = harmless(text)
    if len(shown) > _LONGEST_NAME:
        return f"{shown[: _LONGEST_NAME - 1]}…"
    return shown or "?"


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[0-9.]*", version)
    return tuple(int(part[:9]) for part in (release[0] if release else "").split(".") if part)


def _version(version: str) -> tuple[tuple[int, ...], str, int]:
    """Return a sort key for versions: alphas, betas and release candidates come before their release."""
    found = _EARLY.match(version)
    stage, number = (found[1], int(found[2])) if found else ("release", 0)
    return _numbers(version), stage, number  # the names of the stages are in alphabetical order


def _distinguishing_suffix(column: Column, columns: Sequence[Column]) -> str:
    """Return, in brackets, a property by which a run differs from all others with its label."""
    same = [other.record for other in columns if other.label == column.label]
    ways: list[Callable[[RunRecord], str]] = [
        lambda record: record.interpreter.version,
        lambda record: record.interpreter.implementation_version,
        lambda record: f"{record.machine.system} {record.machine.architecture}",
        lambda record: record.started,
    ]
    way = next((way for way in ways if len({way(record) for record in same}) == len(same)), None)
    return f" ({_brief(way(column.record))})" if way else ""


# --- how two runs differ


def _seconds(number: float) -> str:
    return f"{number:.15g} s"


def _cpus(record: RunRecord) -> str:
    return counted(record.machine.usable_cpus, "usable CPU")


def _quota(record: RunRecord) -> str:
    quota = record.machine.cpu_quota
    return "no CPU quota" if quota is None else f"a CPU quota of {quota:.15g}"


#: Circumstances besides the interpreter that may affect verdicts, each with its preposition.
_CIRCUMSTANCES: tuple[tuple[str, Callable[[RunRecord], str]], ...] = (
    ("on", lambda record: _brief(record.machine.system)),
    ("on", lambda record: _brief(record.machine.architecture)),
    ("with", _cpus),
    ("with", _quota),
    ("with", lambda record: f"a budget of {_seconds(record.options['budget'])}"),
    ("with", lambda record: f"experiments in {'the test process' if record.options['in_process'] else 'children'}"),
)


def circumstances(columns: Sequence[Column]) -> list[tuple[str, list[str]]]:
    """Return the circumstances that differ among runs: ``("on", ["Linux", "Windows"])``."""
    found = [(word, list(dict.fromkeys(of(column.record) for column in columns))) for word, of in _CIRCUMSTANCES]
    return [(word, values) for word, values in found if len(values) > 1]


def distance(one: Column, other: Column) -> tuple[int, ...]:
    """Return the distance between two runs; the most important difference comes first."""
    first, second = one.record.interpreter, other.record.interpreter
    return (
        int(first.implementation != second.implementation),
        abs(one.minor[0] - other.minor[0]) * 1000 + abs(one.minor[1] - other.minor[1]),
        (first.free_threaded_build != second.free_threaded_build)
        + (first.gil_enabled != second.gil_enabled)
        + (first.jit_on != second.jit_on),
        len(circumstances([one, other])),
    )


def difference(reference: Column, here: Column) -> str:
    """Return all recorded differences of a run from a reference that may affect verdicts.

    For example ``on PyPy and another version``, or ``between versions`` if only the version differs.
    """
    found = [*_interpreter_differences(reference, here)]
    found += [(word, values[-1]) for word, values in circumstances([reference, here])]
    if not found:
        return "between runs"
    if found == [_ANOTHER_VERSION]:
        return "between versions"
    parts = [(word, [what for other, what in found if other == word]) for word in ("on", "with")]
    return " ".join(f"{word} {' and '.join(whats)}" for word, whats in parts if whats)


_ANOTHER_VERSION = ("on", "another version")


def _interpreter_differences(reference: Column, here: Column) -> Iterator[tuple[str, str]]:
    first, second = reference.record.interpreter, here.record.interpreter
    if first.implementation != second.implementation:
        yield "on", "PyPy" if here.family is Family.PYPY else here.label
    if reference.minor != here.minor:
        yield _ANOTHER_VERSION
    if first.free_threaded_build != second.free_threaded_build:
        yield "on", f"a {'free-threaded' if second.free_threaded_build else 'common'} build"
    if first.gil_enabled != second.gil_enabled:
        yield "with", f"the GIL {'on' if second.gil_enabled else 'off'}"
    if first.jit_on != second.jit_on:
        yield "with", f"the JIT {'on' if second.jit_on else 'off'}"
