"""Replay tokens: short texts that name a schedule of a race."""

from __future__ import annotations

import functools
import hashlib
import inspect
import linecache
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from ....interpreter import gil_enabled
from ..experiment import Subject
from ..scenarios import Operation, Scenario
from .run import Schedule
from .watch import BREAKPOINT

_DIGEST_DIGITS = 8
_TOKEN = re.compile(
    r"(?P<interpreter>[a-z]+\d+t?(-nogil)?)(?P<portable>-any)?:(?P<code>[0-9a-f]{8})(@(?P<scenario>[\d.-]+))?"
    r":(?P<schedule>(\d+\.\d+(,\d+\.\d+)*)?)"
)


@dataclass(frozen=True)
class Token:
    """A schedule of a race.

    :param interpreter: the interpreter that ran it; others have other switch points.
    :param portable: whether threads are switched at any instruction, as if there were no GIL.
    :param code: the digest of the race's functions.
    :param scenario: of operations; None if there are none.
    """

    interpreter: str
    portable: bool
    code: str
    schedule: Schedule
    scenario: Scenario | None = None

    def __str__(self) -> str:
        steps = ",".join(f"{step}.{actor}" for step, actor in self.schedule)
        calls = "" if self.scenario is None else "@" + "-".join(".".join(map(str, one)) for one in self.scenario)
        return f"{self.interpreter}{'-any' if self.portable else ''}:{self.code}{calls}:{steps}"

    @classmethod
    def parse(cls, text: str) -> Token:
        """Parse a token.

        :raises ValueError: the text is not a token, or the token is of another interpreter.
        """
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a replay token; copy the one that the report shows beside a witness")
        if match["interpreter"] != this_interpreter():
            raise ValueError(
                f"{text!r} was recorded on {match['interpreter']}, and this is {this_interpreter()}, which has other "
                f"switch points; replay it on {match['interpreter']}"
            )
        pairs = (pair.partition(".") for pair in match["schedule"].split(",") if pair)
        schedule = tuple((int(step), int(actor)) for step, _, actor in pairs)
        threads = match["scenario"].split("-") if match["scenario"] else ()
        scenario = tuple(tuple(int(number) for number in calls.split(".") if number) for calls in threads) or None
        return cls(match["interpreter"], match["portable"] is not None, match["code"], schedule, scenario)


def this_interpreter() -> str:
    """Return the name of this interpreter in tokens, such as ``cpython313`` or ``cpython313t-nogil``."""
    major, minor = sys.version_info[:2]
    threaded = "t" if "t" in getattr(sys, "abiflags", "") else ""
    return f"{sys.implementation.name}{major}{minor}{threaded}{'' if gil_enabled() else '-nogil'}"


def token(subject: Subject, schedule: Schedule, *, portable: bool, scenario: Scenario | None = None) -> Token:
    """Return the token of a schedule."""
    return Token(this_interpreter(), portable, code_digest(subject), schedule, scenario)


def code_digest(subject: Subject) -> str:
    """Return a digest of the source of a race's functions. Lines with ``breakpoint()`` do not count."""
    kind = " in processes" if subject.in_processes else " interrupted" if subject.interrupted else ""
    digest = hashlib.sha256(f"{subject.number} {subject.rounds}{kind}".encode())
    for function in (subject.setup, *(subject.operations or subject.actors), subject.observe):
        for part in _parts(function):
            digest.update(part)
    return digest.hexdigest()[:_DIGEST_DIGITS]


def _parts(function: Any) -> Iterator[bytes]:
    while isinstance(function, (functools.partial, Operation)):
        if isinstance(function, Operation):
            yield repr(function.arguments).encode()
            function = function.function
        else:
            function = function.func
    yield str(getattr(function, "__qualname__", type(function).__qualname__)).encode()
    code: object = getattr(function, "__code__", None)
    source = linecache.getlines(code.co_filename) if isinstance(code, CodeType) else []
    if isinstance(code, CodeType) and source:
        lines = inspect.getblock(source[code.co_firstlineno - 1 :])
        yield from (line.encode() for line in lines if line.strip() != BREAKPOINT)
    else:  # C code, or code without a source file
        yield from _code_parts(code)


def _code_parts(code: object) -> Iterator[bytes]:
    if isinstance(code, CodeType):
        yield code.co_code
        yield repr(code.co_names).encode()
        for constant in code.co_consts:
            # The order of a set differs from process to process.
            yield from () if isinstance(constant, frozenset) else _code_parts(constant)
    else:
        yield repr(code).encode() if type(code) in (int, float, str, bytes, tuple) else b""
