"""How threads are made to meet: which strategies are taken for which interpreter and machine."""

from __future__ import annotations

import itertools

import pytest

from pytest_concclaims.lab.race.samples.strategy import Conditions, Meeting, Strategy, rotation

ACTORS = [2, 3, 8]
EVERYWHERE = [
    Conditions(gil=gil, cores=cores, can_pin=can_pin, jit=jit, pypy=pypy)
    for gil, cores, can_pin, (pypy, jit) in itertools.product(
        [True, False], [0, 1, 2, 3, 64], [True, False], [(False, False), (True, False), (True, True)]
    )
    if gil or not pypy  # PyPy has a GIL
]


def rotations(conditions: Conditions) -> list[tuple[int, tuple[Strategy, ...]]]:
    """Return the strategies for some numbers of actors."""
    return [(actors, rotation(conditions, actors)) for actors in ACTORS]


def described(conditions: Conditions) -> str:
    """Return conditions in words."""
    kind = "PyPy" if conditions.pypy else "GIL" if conditions.gil else "no GIL"
    words = [kind, f"{conditions.cores} cores", "can pin" if conditions.can_pin else "cannot pin"]
    return ", ".join([*words, "JIT"] if conditions.jit else words)


everywhere = pytest.mark.parametrize("conditions", EVERYWHERE, ids=described)


@everywhere
def test_several_that_differ(conditions: Conditions) -> None:
    """No single way to meet is relied on, and the record can tell them apart."""
    for _, strategies in rotations(conditions):
        assert len(set(strategies)) >= 3
        assert len({strategy.name for strategy in strategies}) == len(set(strategies))
        assert len({strategy.meeting for strategy in strategies}) >= 2


@everywhere
def test_nobody_is_pinned_where_that_cannot_be(conditions: Conditions) -> None:
    """Where threads cannot be kept on CPUs, no strategy says that they were; nor where there is just one CPU."""
    for _, strategies in rotations(conditions):
        if not conditions.can_pin or conditions.cores < 2:
            assert not any(strategy.pinned for strategy in strategies)


@everywhere
def test_pinned_and_free(conditions: Conditions) -> None:
    """Where threads can be pinned, each on a core of its own, that is tried, and so is to leave them alone."""
    for actors, strategies in rotations(conditions):
        if conditions.can_pin and conditions.cores >= actors and not (conditions.pypy and not conditions.jit):
            assert {strategy.pinned for strategy in strategies} == {True, False}


@everywhere
def test_spinning_takes_a_core_for_each(conditions: Conditions) -> None:
    """Threads spin for each other only where all of them can run at once."""
    for actors, strategies in rotations(conditions):
        spinning = any(strategy.meeting is Meeting.RENDEZVOUS for strategy in strategies)
        assert spinning is (not conditions.gil and conditions.cores >= actors)


@everywhere
def test_switch_interval_where_there_is_a_gil(conditions: Conditions) -> None:
    """A switch interval is set where there is a GIL, and nowhere else; it is shorter than Python's own."""
    for _, strategies in rotations(conditions):
        for strategy in strategies:
            assert (strategy.switch_interval is not None) is conditions.gil
            assert strategy.switch_interval is None or 0 < strategy.switch_interval < 0.005


@everywhere
def test_compiler_is_touched_on_pypy_only(conditions: Conditions) -> None:
    """The compiler is told something where there is one that may be told, and left alone elsewhere."""
    for _, strategies in rotations(conditions):
        assert {strategy.jit for strategy in strategies} == ({True, False} if conditions.jit else {None})


@everywhere
def test_some_rendezvous_are_staggered(conditions: Conditions) -> None:
    """A window late in one actor meets one early in another only if they do not begin at once."""
    for _, strategies in rotations(conditions):
        meetings = [strategy for strategy in strategies if strategy.meeting is Meeting.RENDEZVOUS]
        assert {strategy.staggered for strategy in meetings} in ({True, False}, set())
        assert not any(strategy.staggered for strategy in strategies if strategy.meeting is not Meeting.RENDEZVOUS)


@everywhere
def test_only_chasers_nap(conditions: Conditions) -> None:
    """A nap belongs to a chase."""
    for _, strategies in rotations(conditions):
        assert all(strategy.nap == 0 or strategy.meeting is Meeting.CHASE for strategy in strategies)


def test_first_with_gil() -> None:
    """Under a GIL, on several cores, leaping over each other finds most: it comes first, on whatever core is free."""
    first = rotation(Conditions(gil=True, cores=2, can_pin=True), 2)[0]
    assert (first.meeting, first.pinned) == (Meeting.LEAPFROG, False)


@pytest.mark.parametrize("cores", [0, 1])
def test_one_core_with_gil(cores: int) -> None:
    """On one core, threads must sleep to let others run; a quota of less than one CPU is no more than one core."""
    strategies = rotation(Conditions(gil=True, cores=cores, can_pin=True), 2)
    first = strategies[0]
    assert first.meeting is Meeting.CHASE
    assert all(strategy.nap > 0 for strategy in strategies if strategy.meeting is Meeting.CHASE)
    assert strategies == rotation(Conditions(gil=True, cores=1, can_pin=False), 2)


def test_first_without_gil() -> None:
    """Without a GIL, with a core for each, a rendezvous finds most."""
    first = rotation(Conditions(gil=False, cores=2, can_pin=True), 2)[0]
    assert (first.meeting, first.pinned) == (Meeting.RENDEZVOUS, True)


@pytest.mark.parametrize(("cores", "actors"), [(0, 2), (1, 2), (2, 3), (7, 8)])
def test_more_actors_than_cores_without_gil(cores: int, actors: int) -> None:
    """With fewer cores than actors, chasers nap so that all get to run, and none is pinned."""
    strategies = rotation(Conditions(gil=False, cores=cores, can_pin=True), actors)
    assert strategies[0].meeting is Meeting.CHASE
    assert strategies[0].nap > 0
    assert not any(strategy.pinned for strategy in strategies)


@pytest.mark.parametrize(("cores", "actors"), [(2, 2), (3, 3), (8, 8)])
def test_exactly_enough_cores_without_gil(cores: int, actors: int) -> None:
    """A core for each is enough."""
    exact = rotation(Conditions(gil=False, cores=cores, can_pin=True), actors)
    assert exact == rotation(Conditions(gil=False, cores=64, can_pin=True), actors)


def test_pypy_mostly_interprets() -> None:
    """PyPy's compiled code switches at the ends of loops only: most is found without its compiler, not all."""
    strategies = rotation(Conditions(gil=True, cores=2, can_pin=True, jit=True, pypy=True), 2)
    assert strategies[0].jit is False
    assert sum(strategy.jit is False for strategy in strategies) > sum(bool(strategy.jit) for strategy in strategies)


@pytest.mark.parametrize("actors", ACTORS)
def test_any_number_of_actors_on_pypy(actors: int) -> None:
    """PyPy's GIL is the same for two actors and for many."""
    conditions = Conditions(gil=True, cores=64, can_pin=False, jit=True, pypy=True)
    assert rotation(conditions, actors) == rotation(conditions, 2)


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        (Strategy(Meeting.DRIFT), "free drift"),
        (Strategy(Meeting.RENDEZVOUS, pinned=True), "spin rendezvous, pinned"),
        (Strategy(Meeting.RENDEZVOUS, staggered=True), "spin rendezvous, staggered"),
        (Strategy(Meeting.LEAPFROG, 1e-6), "leapfrog, switch interval 1e-06 s"),
        (Strategy(Meeting.CHASE, 2e-4, nap=3e-5), "chase, switch interval 0.0002 s, naps of 3e-05 s"),
        (Strategy(Meeting.LEAPFROG, 1e-4, jit=True), "leapfrog, switch interval 0.0001 s, JIT on"),
        (
            Strategy(Meeting.CHASE, 1e-4, pinned=True, nap=1e-4, jit=False),
            "chase, switch interval 0.0001 s, pinned, naps of 0.0001 s, JIT off",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_name(strategy: Strategy, name: str) -> None:
    """A strategy's name says all that makes it."""
    assert strategy.name == name
