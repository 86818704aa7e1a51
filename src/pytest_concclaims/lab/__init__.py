"""The lab: the instruments that a claim gathers its evidence with.

Knows nothing of pytest: the plugin makes a :class:`Lab` for each claim, and reads its evidence afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, overload

from ..evidence import Evidence, Note, Requirement
from ..verdict import Inconclusive
from .child import Child, run_child

T = TypeVar("T")


class Lab:
    """The instruments of one claim; the ``lab`` fixture.

    Instruments record their own evidence. ``assert`` decides the verdict; :meth:`require` decides whether a
    verdict can be given at all.

    :param budget: seconds for each experiment.
    """

    def __init__(self, *, budget: float) -> None:
        self.budget = budget
        self._evidence: list[Evidence] = []
        self._unsettled: Inconclusive | None = None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What was seen so far, in order."""
        return tuple(self._evidence)

    @property
    def unsettled(self) -> Inconclusive | None:
        """The first :class:`Inconclusive` that an instrument raised: it stands even if it was caught."""
        return self._unsettled

    def note(self, text: str) -> None:
        """Add a plain fact to the evidence; it appears in the reports, and decides nothing.

        :raises TypeError: ``text`` is no text.
        :raises ValueError: ``text`` is empty.
        """
        __tracebackhide__ = True
        self._evidence.append(Note(_words(text, "lab.note(text)")))

    def require(self, condition: object, reason: str) -> None:
        """End the claim INCONCLUSIVE unless a condition is true.

        For what must hold for *any* verdict to be honest: the machine has two cores, the control was seen.
        A requirement that is met before a measurement says nothing about the time of the measurement.

        :param condition: anything; its truth counts.
        :param reason: what is required, as the reason that people read when it is not met.
        :raises Inconclusive: the condition is not true.
        """
        __tracebackhide__ = True
        reason = _words(reason, "lab.require(condition, reason)")
        met = bool(condition)
        self._evidence.append(Requirement(met, reason))
        if not met:
            self._raise(Inconclusive(f"not met: {reason}"))

    @overload
    def child(
        self, target: Callable[..., T], /, *args: object, deadline: float = 30.0, **kwargs: object
    ) -> Child[T]: ...

    @overload
    def child(self, target: str | os.PathLike[str], /, *args: object, deadline: float = 30.0) -> Child[None]: ...

    def child(
        self,
        target: Callable[..., T] | str | os.PathLike[str],
        /,
        *args: object,
        deadline: float = 30.0,
        **kwargs: object,
    ) -> Child[Any]:
        """Run a function or a script in a fresh interpreter of this kind, and wait for its end.

        For whatever may crash, hang, or needs a main module of its own. The child has a session and process
        group of its own; at its end, or at the deadline, all that is left of the group is killed. It writes
        no core dump and has no standard input.

        :param target: a function that can be imported (its arguments, its value and what it raises travel by
            pickle); or a script: a :class:`pathlib.Path` of a file, or its source as text. A script is run
            as ``python script.py ARGS...`` does, in the current folder.
        :param args: the function's arguments; a script's command line.
        :param deadline: seconds after which the child and all that it started are killed.
        :param kwargs: the function's keyword arguments; a script takes none.
        :returns: how it ended. A crash or a passed deadline is an outcome, not an exception.
        :raises TypeError: the target or its arguments cannot be handed to another process.
        :raises ChildError: the function could not be imported there, or what it returned not be handed over.
        :raises ValueError: the deadline is not positive.
        """
        __tracebackhide__ = True
        child = run_child(target, args, kwargs, deadline=deadline)
        self._evidence.append(child.evidence())
        return child

    def _raise(self, unsettled: Inconclusive) -> None:
        __tracebackhide__ = True
        self._unsettled = self._unsettled or unsettled
        raise unsettled


def _words(text: object, call: str) -> str:
    __tracebackhide__ = True
    if not isinstance(text, str):
        raise TypeError(f"{call}: the text is {text!r}; write a sentence for the people who read the verdict")
    if not text.strip():
        raise ValueError(f"{call}: the text is empty; write a sentence for the people who read the verdict")
    return text.strip()
