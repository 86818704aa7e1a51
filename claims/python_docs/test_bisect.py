"""Documentation, page "bisect"."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pytest_concclaims import Lab

from .objects import process
from .tables import Act

SOURCE = "docs: bisect"


class Ordered:
    """A number whose ``__lt__`` is written in Python: threads can be switched there."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __lt__(self, other: Ordered) -> bool:
        return self.number < other.number


def ordered() -> Any:
    return list(map(Ordered, (1, 3, 5)))


def is_sorted(items: Any) -> bool:
    numbers = [getattr(item, "number", item) for item in items]
    return numbers == sorted(numbers)


#: Without its types, as key= is younger than 3.9.
insort: Any = bisect.insort

INSORTS = [
    pytest.param(
        "insort_left()",
        ordered,
        lambda items: bisect.insort_left(items, Ordered(4)),
        lambda items: bisect.insort_left(items, Ordered(0)),
        id="left",
    ),
    pytest.param(
        "insort_right()",
        ordered,
        lambda items: bisect.insort_right(items, Ordered(4)),
        lambda items: bisect.insort_right(items, Ordered(0)),
        id="right",
    ),
    pytest.param(
        "insort() with a key=",
        lambda: [1, 3, 5],
        lambda items: insort(items, 4, key=process),
        lambda items: insort(items, 0, key=process),
        id="key",
        marks=pytest.mark.skipif(sys.version_info < (3, 10), reason="key= exists since 3.10"),
    ),
]


@pytest.mark.parametrize(("text", "make", "insert", "beside"), INSORTS)
@pytest.mark.claim("{text} is not thread-safe: two threads can leave the list unsorted", source=SOURCE)
def test_insort_can_leave_a_list_unsorted(
    lab: Lab, text: str, make: Callable[[], object], insert: Act, beside: Act
) -> None:
    assert lab.race(make, insert, beside, observe=is_sorted).ever(False)


@pytest.mark.claim(
    "If another thread changes the list meanwhile, what bisect returns is where the item would belong in neither",
    source=SOURCE,
)
def test_bisect_of_a_list_that_changes(lab: Lab) -> None:
    race = lab.race(
        ordered,
        lambda items: bisect.bisect(items, Ordered(4)),
        lambda items: items.clear(),
        exceptions=IndexError,
        observe=lambda _, values: values[0],
    )
    assert not race.always(0, 2)
