"""What calls give one after the other: all orders of them are run, each on a fresh state and more than once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, repeat
from typing import Optional

from ...failure import Failed, Failure
from ..experiment import Subject
from ..orders import MOST_ORDERS, Order, Raised, Results, Sequential, order_count, orders
from ..question import comparing, portable
from .explorer import clock
from .story import Visit

#: Runs of calls one after the other, to see that a witness is none by chance.
_STEADY_RUNS = 100
#: Times as long as a run that was seen, time passes before each call to see whether it matters; in these bounds.
_PAUSE_RATIO, _LEAST_PAUSE_S, _MOST_PAUSE_S = 2.0, 0.005, 0.1

#: Runs calls in an order, takes note of the lines, and lets some seconds pass before each call; returns None if one
#: waits for another one, in the kernel or in a loop.
RunInOrder = Callable[[Order, Optional[Callable[[Visit], None]], float], Optional[Results]]


class TooLongError(Exception):
    """In an order of calls, one waits for time to pass, and for so long that the others were let go on."""


class InOrders:
    """Runs the orders of a subject's calls.

    :param timeout: seconds for all orders.
    """

    def __init__(self, subject: Subject, run: RunInOrder, *, timeout: float) -> None:
        self._subject = subject
        self._run = run
        self._timeout = timeout

    def find(self) -> Sequential:
        """Return what the calls give one after the other, each order twice.

        :raises Failed: in each order, a call waits for another one; of operations, in any order.
        """
        counts = [len(calls) for calls in self._subject.calls or ()]
        if order_count(counts) > MOST_ORDERS:
            text = f"the calls have {order_count(counts):,} orders, and {MOST_ORDERS:,} are run at most"
            return Sequential((), f"{text}; let fewer actors do it")
        given: list[tuple[Order, Results]] = []
        is_once = False
        end = clock() + self._timeout
        for order in orders(counts):
            if clock() > end:
                return Sequential((), "the calls, one after the other, take too long; let setup and actors do less")
            visits: tuple[list[Visit], list[Visit]] = ([], [])
            try:
                first, again = (self._run(order, visit.append, 0.0) for visit in visits)
            except TooLongError as error:
                return Sequential((), str(error))
            waits = first is None or again is None  # and where it waits, it does so sooner or later
            once, twice = map(_lines, visits) if waits else visits
            is_once = is_once or once != twice
            if first is not None and again is not None:
                given.append((order, first))
                if not comparing(again, first.__eq__):
                    return Sequential(tuple(given), self._differs(order, first, again))
        if not given:
            names = " and ".join(dict.fromkeys(self._subject.names()))
            text = f"{names}: in each order, a call waits for one that comes later, so nothing is atomic here"
            raise Failed(Failure("raised", f"{text}; ask race.always(...) with the outcomes that are right", ""))
        self._check_come_to_an_end(given)
        return Sequential(tuple(given), once=is_once)

    def again(self, known: Sequential, seconds: float = _MOST_PAUSE_S) -> Sequential:
        """Run orders again, many times: what is random may have given by chance what a run was held against.

        And with time that passes before each call, as it did in that run.

        :param seconds: of that run.
        :returns: what was known; or why that is no ground for any answer, after all.
        """
        if known.lacking is not None:
            return known
        pause = min(max(_PAUSE_RATIO * seconds, _LEAST_PAUSE_S), _MOST_PAUSE_S)
        repeated = itertools.islice(itertools.cycle(known.results), _STEADY_RUNS)
        for (order, before), pause_s in chain(zip(known.results, repeat(pause)), zip(repeated, repeat(0.0))):
            with suppress(TooLongError):  # the machine is busy
                again = self._run(order, None, pause_s)
                if again is not None and not comparing(again, before.__eq__):
                    return replace(known, lacking=self._differs(order, before, again, pause_s))
        return known

    def _check_come_to_an_end(self, given: Sequence[tuple[Order, Results]]) -> None:
        """Refuse an actor of which nothing is known but that it raises: what is asked about may never have run."""
        if self._subject.labels or self._subject.may_break:
            return
        for actor, name in enumerate(self._subject.names()):
            ends = [results.values[actor][0] for _, results in given]
            if all(isinstance(end, Raised) for end in ends):
                text = f"{name}: in each order, {ends[0]}, so that nothing else is known of it"
                raise Failed(Failure("raised", f"{text}; let setup make a state in which it comes to an end", ""))

    def _differs(self, order: Order, first: Results, again: Results, pause_s: float = 0.0) -> str:
        calls = self._subject.calls_in(order)
        if pause_s:
            text = f"{calls} gave {portable(first)}, and with {1000 * pause_s:.0f} ms before each, {portable(again)}"
            return f"what the calls give depends on time: {text}; let setup make the clock that they read"
        before, after = portable(first).text, portable(again).text
        text = f"{calls} gave {portable(first)}, and again {portable(again)}"
        advice = "let them return what can be compared, such as a number or a name"
        if before != after and "0x..." not in before:
            advice = "let setup make a fresh state each time: a new object, a file with a new name"
        return f"the calls do not give the same again one after the other: {text}; {advice}"


def _lines(visits: Iterable[Visit]) -> set[tuple[int, str, int]]:
    return {(visit.actor, visit.file, visit.line) for visit in visits}
