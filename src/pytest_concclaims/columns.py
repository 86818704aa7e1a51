"""The columns of a matrix: runs in the order of their interpreters, each with a name of its own."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .interpreter import Interpreter
from .record import RunRecord
from .reports.text import harmless

_MOST = 40  # characters of a name; those of real interpreters have fewer than half


class Family(enum.Enum):
    """Interpreters that differ in nothing but their version; in the order of the columns."""

    WITH_GIL = ("CPython {}", "{}")
    GIL_ON = ("CPython {} with the GIL on", "{} GIL")
    GIL_OFF = ("CPython {} with the GIL off", "{}")
    PYPY = ("PyPy {}", "PyPy {}")
    OTHER = ("{}", "{}")

    def spoken(self, names: str) -> str:
        """Return the words for the family's interpreters of these versions, in a sentence."""
        return self.value[0].format(names)

    def head(self, name: str) -> str:
        """Return the short head of the column of one of them."""
        return self.value[1].format(name)

    @classmethod
    def of(cls, interpreter: Interpreter) -> Family:
        """Return an interpreter's family."""
        if interpreter.implementation == "pypy":
            return cls.PYPY
        if interpreter.implementation != "cpython":
            return cls.OTHER
        if not interpreter.free_threaded_build:
            return cls.WITH_GIL
        return cls.GIL_ON if interpreter.gil_enabled else cls.GIL_OFF


@dataclass(frozen=True)
class Column:
    """One run, as the matrix names it.

    :param name: within its family: ``3.13``, ``3.13t``; with a number where there are several of that name.
    :param label: as the record has it, with what tells it from the others of that label.
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
        """The version of the language without what only corrects it: (3, 13)."""
        return (*_numbers(self.record.interpreter.version), 0, 0)[:2]

    @property
    def date(self) -> str:
        """The day on which the run started."""
        return _brief(self.record.started.partition("T")[0])


def columns_of(records: Sequence[RunRecord]) -> tuple[Column, ...]:
    """Return the columns for some runs: CPython, free-threaded CPython, PyPy, others; each by version."""
    ordered = [_column(record) for record in sorted(records, key=_order)]
    names = _counts([column.family.head(column.name) for column in ordered])
    labels = _counts([column.label for column in ordered])
    return tuple(
        replace(
            column,
            name=column.name + name,
            label=column.label + label + (_apart(column, ordered) if label else ""),
        )
        for column, name, label in zip(ordered, names, labels)
    )


def _column(record: RunRecord) -> Column:
    interpreter = record.interpreter
    family = Family.of(interpreter)
    label = _brief(interpreter.label)
    if family is Family.OTHER:
        return Column(record, family, label, label)
    name = _brief(".".join(interpreter.version.split(".")[:2]))
    return Column(record, family, f"{name}t" if family in (Family.GIL_ON, Family.GIL_OFF) else name, label)


#: Free-threaded builds of one version stand beside each other.
_RANKS = {Family.WITH_GIL: 0, Family.GIL_ON: 1, Family.GIL_OFF: 1, Family.PYPY: 2, Family.OTHER: 3}


def _order(record: RunRecord) -> tuple[object, ...]:
    interpreter = record.interpreter
    return (
        _RANKS[Family.of(interpreter)],
        interpreter.implementation,
        _version(interpreter.version),
        not interpreter.gil_enabled,
        _version(interpreter.implementation_version),
        record.started,
    )


def _counts(texts: Sequence[str]) -> list[str]:
    """Return for each text that there are several of which of them it is: ``#1``, ``#2``; for others nothing."""
    return [
        f" #{texts[: index + 1].count(text)}" if texts.count(text) > 1 else "" for index, text in enumerate(texts)
    ]


def _brief(text: str) -> str:
    shown = harmless(text)
    if len(shown) > _MOST:
        return f"{shown[: _MOST - 1]}…"
    return shown or "?"


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[0-9.]*", version)
    return tuple(int(part[:9]) for part in (release[0] if release else "").split(".") if part)


def _version(version: str) -> tuple[tuple[int, ...], str, int]:
    """Return what versions are ordered by: alpha, beta and release candidates come before their release."""
    found = re.match(r"[0-9.]*(a|b|rc)([0-9]{1,9})", version)
    stage, number = (found[1], int(found[2])) if found else ("release", 0)
    return _numbers(version), stage, number  # the stages' names happen to be in the order of the alphabet


def _apart(column: Column, columns: Sequence[Column]) -> str:
    """Return what tells a run from the others of its label, in brackets."""
    same = [other.record for other in columns if other.label == column.label]
    ways: list[Callable[[RunRecord], str]] = [
        lambda record: record.interpreter.version,
        lambda record: record.interpreter.implementation_version,
        lambda record: f"{record.machine.system} {record.machine.architecture}",
        lambda record: record.started,
    ]
    way = next((way for way in ways if len({way(record) for record in same}) == len(same)), None)
    return f" ({_brief(way(column.record))})" if way else ""
