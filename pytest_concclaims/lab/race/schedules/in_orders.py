"""The results of calls one after the other: in all orders, each on a fresh state and more than once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, repeat
from typing import Optional

from ...failure import Failed, Failure
from ..experiment import Subject
from ..orders import MOST_ORDERS, Order, Raised, Results, Sequential, order_count, orders
from ..question import comparing, portable
from .explorer import clock
from .once import done_once, places
from .story import Visit

#: The pause before each call in a check whether results depend on time: this multiple of a run's time, within bounds.
_PAUSE_RATIO, _MIN_PAUSE_S, _MAX_PAUSE_S = 2.0, 0.005, 0.1

#: Runs calls in an order. Takes what records the lines, and the seconds to pause before each call. Returns None if a
#: call waits for another one, in the kernel or in a loop.
RunInOrder = Callable[[Order, Optional[Callable[[Visit], None]], float], Optional[Results]]


class TooLongError(Exception):
    """A call in an order waits too long for time to pass."""


class InOrders:
    """Runs the orders of a subject's calls.

    :param timeout: seconds for all orders.
    """

    def __init__(self, subject: Subject, run: RunInOrder, *, timeout: float) -> None:
        self._subject = subject
        self._run = run
        self._timeout = timeout

    def find(self) -> Sequential:
        """Run each order twice, and return the results.

        :raises Failed: a call waits for another one in each order, or in any order if the calls are operations; or an
            actor raises in each order.
        """
        counts = [len(calls) for calls in self._subject.calls or ()]
        if order_count(counts) > MOST_ORDERS:
            text = f"the calls have {order_count(counts):,} orders, and at most {MOST_ORDERS:,} can be run"
            return Sequential((), f"{text}; use fewer actors or fewer calls")
        given: list[tuple[Order, Results]] = []
        only_once = None
        end = clock() + self._timeout
        for order in orders(counts):
            if clock() > end:
                return Sequential((), "running the calls in all orders takes too long; let setup and actors do less")
            visits: tuple[list[Visit], list[Visit]] = ([], [])
            try:
                first, again = (self._run(order, visit.append, 0.0) for visit in visits)
            except TooLongError as error:
                return Sequential((), str(error))
            waits = first is None or again is None
            once, twice = map(places, visits)
            if set(once) != set(twice) if waits else once != twice:  # where a call waits, the order of lines varies
                only_once = only_once or done_once(*visits)
            if first is not None and again is not None:
                given.append((order, first))
                if not comparing(again, first.__eq__):
                    return Sequential(tuple(given), self._differs(order, first, again))
        if not given:
            names = " and ".join(dict.fromkeys(self._subject.names()))
            text = f"{names}: in each order, a call waits for a later one, so no order has results to compare with"
            raise Failed(Failure("hang", f"{text}; ask race.always(...) with the correct outcomes", ""))
        self._check_ends(given)
        return Sequential(tuple(given), once=only_once)

    def again(self, known: Sequential, runs: int, seconds: float) -> Sequential:
        """Check results that a witness was compared with, unless they were checked: run the orders again, many times.

        Each order is run with a pause before each call, too: the results may depend on time.

        :param runs: their number.
        :param seconds: that the run of the witness took, at most.
        :returns: the known results; or why they allow no answer.
        """
        if known.checked or known.lacking is not None:
            return known
        pause = min(max(_PAUSE_RATIO * seconds, _MIN_PAUSE_S), _MAX_PAUSE_S)
        repeated = itertools.islice(itertools.cycle(known.results), runs)
        for (order, before), pause_s in chain(zip(known.results, repeat(pause)), zip(repeated, repeat(0.0))):
            with suppress(TooLongError):  # the machine is busy
                again = self._run(order, None, pause_s)
                if again is not None and not comparing(again, before.__eq__):
                    return replace(known, lacking=self._differs(order, before, again, pause_s))
        return replace(known, checked=True)

    def _check_ends(self, given: Sequence[tuple[Order, Results]]) -> None:
        """Refuse an actor that raises in each order: the code in question may never have run."""
        if self._subject.labels or self._subject.may_break:
            return
        for actor, name in enumerate(self._subject.names()):
            ends = [results.values[actor][0] for _, results in given]
            if all(isinstance(end, Raised) for end in ends):
                text = f"{name}: {ends[0]} in each order, so the claim shows nothing else about it"
                raise Failed(Failure("raised", f"{text}; let setup make a state in which it does not raise", ""))

    def _differs(self, order: Order, first: Results, again: Results, pause_s: float = 0.0) -> str:
        calls = self._subject.calls_in(order)
        if pause_s:
            text = f"{calls} gave {portable(first)}, and {portable(again)} with {1000 * pause_s:.0f} ms before each"
            return f"the results depend on time: {text}; let setup make the clock that the calls read"
        before, after = portable(first).text, portable(again).text
        text = f"{calls} gave {portable(first)}, then {portable(again)}"
        advice = "let the calls return values that can be compared, such as a number or a name"
        if before != after and "0x..." not in before:
            advice = "let setup make a fresh state each time: a new object, a file with a new name"
        return f"the same calls in the same order gave different results: {text}; {advice}"
