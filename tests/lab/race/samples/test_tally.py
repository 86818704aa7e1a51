"""What was seen: how often, and where first."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Sequence
from typing import Any

import pytest
from pytest_concclaims.lab.race.transport import is_portable

from pytest_concclaims.interpreter import gil_enabled
from pytest_concclaims.lab.failure import Failed
from pytest_concclaims.lab.race.samples.meetings import SWITCH_INTERVAL_S, Meeting
from pytest_concclaims.lab.race.samples.stride import Outcomes
from pytest_concclaims.lab.race.samples.tally import Count, Sighting, Tally

#: The number of different outcomes that are kept apart.
DISTINCT = 10_000


def outcomes(found: Sequence[Any], overlapping: Sequence[int] | None = None) -> Outcomes:
    """Return a stride's outcomes, all of them overlapping unless it is said."""
    return Outcomes(list(found), [1] * len(found) if overlapping is None else list(overlapping))


def tally_of(*strides: Sequence[Any]) -> Tally:
    """Return the tally of some strides whose samples all overlapped."""
    tally = Tally()
    for number, stride in enumerate(strides):
        tally.add(outcomes(stride), Meeting.LEAPFROG, number / 10)
    return tally


class Unpicklable:
    """Hashable and equal to its like, but goes nowhere."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unpicklable) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __reduce__(self) -> str:
        raise TypeError("stays here")


class Unreadable(Unpicklable):
    """Can be pickled, and not be read again."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


class Identical:
    """Can be pickled, but is equal to itself alone; without an address in its words."""

    def __repr__(self) -> str:
        return "<identical>"


class Addressed:
    """Equal to its like; only the address in its words tells them apart."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Addressed)

    def __hash__(self) -> int:
        return 1

    __repr__ = object.__repr__


class Quarrelsome:
    """Cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise LookupError("no comparison")

    __hash__ = object.__hash__


class Drifting(Addressed):
    """Equal to its like, but with a hash of its own."""

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return "<drifting>"


class Shy(Unpicklable):
    """Goes nowhere, and has no words."""

    def __repr__(self) -> str:
        raise LookupError("no words")


# --- counts


def test_counts() -> None:
    """Samples are counted by outcome, and so are those of them that overlapped."""
    tally = Tally()
    tally.add(outcomes(["a", "b", "a", "a"], [1, 0, 0, 1]), Meeting.LEAPFROG, 0.1)
    tally.add(outcomes(["b", "c"], [1, 0]), Meeting.LEAPFROG, 0.2)
    assert (tally.turns, tally.strides) == (2, 2)
    assert tally.total == Count(6, 3)
    assert tally.outcomes == {"a": Count(3, 2), "b": Count(2, 1), "c": Count(1, 0)}
    assert tally.forgotten == {}


def test_count() -> None:
    """Counts add up, each kind of samples to its like."""
    count = Count(5, 2)
    count.add(10, 4)
    count.add_all(Count(1_000, 500))
    assert count == Count(1_015, 506)


def test_strides_are_turns_with_overlap() -> None:
    """Every stride is a turn; it counts as a stride if actors overlapped in it, in one sample or in many."""
    tally = Tally()
    for overlapping in [0, 0], [0, 1], [1, 1]:
        tally.add(outcomes("ab", overlapping), Meeting.LEAPFROG, 0.1)
    assert (tally.turns, tally.strides) == (3, 2)


def test_counts_of_the_stride() -> None:
    """What a stride adds is given back, without what was there before."""
    tally = tally_of(["a", "b"])
    assert tally.add(outcomes(["a", "c", "c"], [0, 1, 0]), Meeting.LEAPFROG, 0.2) == {
        "a": Count(1, 0),
        "c": Count(2, 1),
    }


def test_counts_are_not_shared() -> None:
    """A stride's counts stay what they were when more is counted."""
    tally = Tally()
    counts = tally.add(outcomes(["a"]), Meeting.LEAPFROG, 0.1)
    tally.add(outcomes(["a"]), Meeting.LEAPFROG, 0.2)
    assert counts == {"a": Count(1, 1)}
    assert tally.outcomes == {"a": Count(2, 2)}


def test_stride_without_samples() -> None:
    """A stride that came to nothing is a turn, but nothing overlapped in it."""
    tally = Tally()
    assert tally.add(outcomes([]), Meeting.LEAPFROG, 0.1) == {}
    assert tally == Tally(turns=1)


def test_equal_outcomes_are_one() -> None:
    """Outcomes that are equal, and look the same, are one outcome, as keys of a dictionary are."""
    assert tally_of([1, 1, (1, "a"), (1, "a")]).outcomes == {1: Count(2, 2), (1, "a"): Count(2, 2)}
    assert tally_of([Unpicklable("x"), Unpicklable("x")], [Unpicklable("x")]).outcomes == {
        Unpicklable("x"): Count(3, 3)
    }


def test_address_is_no_difference() -> None:
    """Where only the address in their words tells equal outcomes apart, they look the same."""
    assert tally_of([Addressed(), Addressed()]).outcomes == {Addressed(): Count(2, 2)}


def test_order_in_a_set_is_no_difference() -> None:
    """Equal sets are one outcome, in whatever order they show what is in them."""
    one, other = frozenset([0, 8]), frozenset([8, 0])
    assert one == other
    assert tally_of([one, other]).outcomes == {one: Count(2, 2)}


@pytest.mark.parametrize(
    ("first", "second"), [(1, True), (1, 1.0), ((1,), (True,)), (0.0, -0.0)], ids=lambda one: repr(one)
)
def test_equal_outcomes_that_look_different(first: object, second: object) -> None:
    """What would be counted as one, and may not be meant so, is refused; nothing of the stride is counted."""
    tally = tally_of(["a"])
    before = copy.deepcopy(tally)
    with pytest.raises(Failed) as caught:
        tally.add(outcomes(["a", first, second]), Meeting.LEAPFROG, 0.2)
    failure = caught.value.failure
    assert (failure.kind, failure.details) == ("raised", "")
    assert failure.text == (
        f"the outcomes {first!r} and {second!r} are equal, and would be counted as one; "
        "let observe give what tells them apart"
    )
    assert tally == before


def test_equal_outcomes_among_many() -> None:
    """Of a long stride it is enough to look at some."""
    with pytest.raises(Failed, match="are equal, and would be counted as one"):
        tally_of([1] * 5_000 + [True] * 5_000)


# --- first sightings


def test_first_sighting() -> None:
    """The first sample of an outcome is kept with its number and its circumstances."""
    tally = Tally()
    tally.add(outcomes(["a", "a", "b"], [0, 1, 1]), Meeting.LEAPFROG, 0.25)
    tally.add(outcomes(["b", "a", "c", "c"], [1, 1, 0, 1]), Meeting.RENDEZVOUS, 0.5)
    interval = SWITCH_INTERVAL_S if gil_enabled() else None
    assert tally.first == {
        "a": Sighting(0.25, 1, "leapfrog", interval, overlapping=False),
        "b": Sighting(0.25, 3, "leapfrog", interval, overlapping=True),
        "c": Sighting(0.5, 6, "spin rendezvous", interval, overlapping=False),
    }


def test_first_sightings_are_in_order() -> None:
    """What was seen first comes first, by sample and over all strides."""
    tally = tally_of("cacb", "zzdae", "fz")
    assert list(tally.first) == ["c", "a", "b", "z", "d", "e", "f"]
    assert [sighting.sample for sighting in tally.first.values()] == [1, 2, 4, 5, 7, 9, 10]


def test_later_sightings_change_nothing() -> None:
    """There is one first time."""
    tally = tally_of("ab")
    before = copy.deepcopy(tally.first)
    tally.add(outcomes("bab"), Meeting.RENDEZVOUS, 9.0)
    assert tally.first == before


# --- what cannot be counted


@pytest.mark.parametrize("culprit", [[1, 2], {"a": 1}, {1}, (0, [1])], ids=repr)
def test_unhashable(culprit: object) -> None:
    """An outcome that cannot be hashed is a failure that shows it, and says what to return instead."""
    tally = tally_of("a")
    before = copy.deepcopy(tally)
    with pytest.raises(Failed) as caught:
        tally.add(outcomes(["a", "b", culprit, [99]]), Meeting.LEAPFROG, 0.2)
    failure = caught.value.failure
    assert failure.kind == "raised"
    assert failure.text.startswith(f"the outcome {culprit!r} cannot be hashed (")
    assert failure.text.endswith("); let it be a tuple or a text")
    assert tally == before


def test_too_many_different_outcomes() -> None:
    """Of more than 10,000 outcomes the first are kept apart; no sample is lost."""
    tally = tally_of(range(DISTINCT - 1))
    tally.add(outcomes(range(DISTINCT - 1, DISTINCT + 3), [1, 0, 1, 1]), Meeting.LEAPFROG, 0.2)
    tally.add(outcomes([0, DISTINCT - 1, DISTINCT, DISTINCT + 50], [1, 1, 1, 0]), Meeting.LEAPFROG, 0.3)
    assert len(tally.outcomes) == DISTINCT
    assert tally.outcomes[0] == Count(2, 2)
    assert tally.outcomes[DISTINCT - 1] == Count(2, 2)
    assert DISTINCT not in tally.outcomes
    assert tally.forgotten == {"other outcomes": Count(5, 3)}
    assert tally.total == Count(DISTINCT + 7, DISTINCT + 5)
    assert (tally.turns, tally.strides) == (3, 3)


def test_stride_tells_of_all_its_outcomes() -> None:
    """Who asks while it happens hears of an outcome that is not kept apart, too."""
    tally = tally_of(range(DISTINCT))
    assert tally.add(outcomes(["late", "late", 5]), Meeting.LEAPFROG, 0.2) == {"late": Count(2, 2), 5: Count(1, 1)}


def test_exactly_as_many_as_are_kept() -> None:
    """10,000 different outcomes are not too many, and each has its first sighting."""
    tally = tally_of(range(DISTINCT), range(DISTINCT))
    assert len(tally.outcomes) == len(tally.first) == DISTINCT
    assert set(map(repr, tally.outcomes.values())) == {repr(Count(2, 2))}
    assert tally.forgotten == {}


# --- what is_portable


def test_portable() -> None:
    """What can be pickled is_portable as it is: outcomes, sightings, totals; the order stays, too."""
    tally = tally_of(["b", ("a", 1), None], [KeyError, "b"])
    there = pickle.loads(pickle.dumps(tally.portable()))
    assert there == tally
    assert list(there.first) == list(tally.first)


@pytest.mark.parametrize("kind", [Unpicklable, Unreadable])
def test_unpicklable_outcomes_are_forgotten(kind: type[Unpicklable]) -> None:
    """What cannot be carried to another process is known by its ``repr`` alone; no sample is lost."""
    tally = Tally()
    tally.add(outcomes(["a", kind("x"), kind("y"), kind("x")], [1, 1, 0, 0]), Meeting.LEAPFROG, 0.1)
    there = pickle.loads(pickle.dumps(tally.portable()))
    assert there.outcomes == {"a": Count(1, 1)}
    assert list(there.first) == ["a"]
    assert there.forgotten == {"<x>": Count(2, 1), "<y>": Count(1, 0)}
    assert there.total == Count(4, 2)
    assert (there.turns, there.strides) == (1, 1)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(Identical(), "<identical>"), (Drifting(), "<drifting>"), (math.nan, "nan")],
    ids=["identity", "hash", "nan"],
)
def test_outcomes_that_change_on_the_way_are_forgotten(outcome: Any, words: str) -> None:
    """What can be pickled, but is not equal to itself then, or hashed otherwise, would be another outcome."""
    tally = tally_of(["a", outcome])
    there = pickle.loads(pickle.dumps(tally.portable()))
    assert there.outcomes == {"a": Count(1, 1)}
    assert list(there.first) == ["a"]
    assert there.forgotten == {words: Count(1, 1)}
    assert there.total == Count(2, 2)


@pytest.mark.parametrize("kind", [Identical, Unpicklable])
def test_known_outcomes_travel(kind: Any) -> None:
    """What the other process knows as well is only named, and so it is the same there."""
    known = kind("x") if kind is Unpicklable else kind()
    assert is_portable(known, [known])
    assert is_portable((1, known), ["another", known])
    assert not is_portable(known, [])
    kept = tally_of(["a", known]).portable([known])
    assert list(kept.outcomes) == list(kept.first) == ["a", known]
    assert kept.forgotten == {}


def test_comparison_that_raises_does_not_travel() -> None:
    """Whether it is the same then runs code of the outcome's own; what that raises is an answer, too."""
    assert is_portable((1, "a", None), [])
    assert not is_portable(Quarrelsome(), [])


def test_portable_leaves_the_tally_alone() -> None:
    """Who goes on sampling here keeps what cannot travel."""
    tally = tally_of(["a", Unpicklable("x")])
    before = list(tally.outcomes), dict(tally.first), copy.deepcopy(tally.forgotten)
    tally.portable()
    assert (list(tally.outcomes), tally.first, tally.forgotten) == before


def test_outcomes_of_one_repr_are_forgotten_together() -> None:
    """Different outcomes that look the same are counted together."""
    tally = tally_of([Unpicklable("x"), Unreadable("x"), lambda: None])
    alike = [name for name in tally.portable().forgotten if name == "<x>"]
    assert alike == ["<x>"]
    assert sum(count.samples for count in tally.portable().forgotten.values()) == 3


def test_outcome_without_a_repr_is_forgotten() -> None:
    """A ``repr`` that raises costs no sample, either."""
    forgotten = tally_of([Shy("x"), Shy("x"), "a"]).portable().forgotten
    assert forgotten == {"<Shy without a repr>": Count(2, 2)}


def test_forgotten_samples_add_up_from_process_to_process() -> None:
    """What was forgotten before is kept, and what is forgotten now is added to it."""
    there = pickle.loads(pickle.dumps(tally_of([Unpicklable("x"), "a"]).portable()))
    there.add(outcomes([Unpicklable("x"), Unpicklable("y")]), Meeting.LEAPFROG, 0.2)
    back = pickle.loads(pickle.dumps(there.portable()))
    assert back.forgotten == {"<x>": Count(2, 2), "<y>": Count(1, 1)}
    assert back.total == Count(4, 4)
    assert back.first["a"].sample == 2
