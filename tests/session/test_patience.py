"""``--claims-patience``: a second attempt at claims that are INCONCLUSIVE, and at no other."""

from __future__ import annotations

import json
from collections.abc import Callable

import fastjsonschema
import pytest

from helpers.claims_project import one_claim, outcomes_of, run_claims
from pytest_concclaims.records.record import SCHEMA_FILE

pytestmark = pytest.mark.plugin

CONFIRMED, REFUTED, INCONCLUSIVE, ERROR = "confirmed", "refuted", "inconclusive", "error"
PATIENCE = "--claims-patience=60"

#: ``tried()`` is the number of the attempt; ``used`` is a fixture that a first attempt leaves in another state.
PRELUDE = """
from pathlib import Path

TRIED = Path(__file__).with_name("tried")

def tried():
    with TRIED.open("a") as file:
        file.write("x")
    return TRIED.stat().st_size

@pytest.fixture
def used():
    return []
"""


@pytest.fixture(scope="module")
def validate() -> Callable[[object], object]:
    """Return what raises if its argument does not hold to the schema."""
    validator: Callable[[object], object] = fastjsonschema.compile(
        json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    )
    return validator


def make(pytester: pytest.Pytester, body: str, *, arguments: str = "lab", marks: str = "", more: str = "") -> None:
    """Make a project named ``demo`` with one claim and its companion."""
    pytester.makepyprojecttoml('[project]\nname = "demo"\n')
    code = one_claim(body, prelude=PRELUDE + more, arguments=arguments, marks=marks)
    pytester.makepyfile(test_claims=f"import pytest\n{code}")


@pytest.mark.parametrize(
    ("body", "verdict", "attempts"),
    [
        ("lab.require(tried() > 1, 'a second attempt')\nassert lab", CONFIRMED, 1),
        ("lab.require(tried() > 1, 'a second attempt')\nassert lab is None", REFUTED, 1),
        ("lab.require(tried() > 1, 'a second attempt')\nint('x')", ERROR, 1),
        ("lab.require(tried() > 2, 'a third attempt')\nassert lab", INCONCLUSIVE, 1),
        ("assert tried() > 1", REFUTED, 0),
        ("assert tried() == 1", CONFIRMED, 0),
        ("if tried() == 1:\n    int('x')\nassert lab", ERROR, 0),
        ("if tried() == 1:\n    pytest.skip('not here')\nassert lab", "not_applicable", 0),
    ],
)
@pytest.mark.parametrize("options", [(), ("--claims-strict",)], ids=["", "strict"])
def test_inconclusive_claim_is_tried_once_more(
    pytester: pytest.Pytester,
    validate: Callable[[object], object],
    options: tuple[str, ...],
    body: str,
    verdict: str,
    attempts: int,
) -> None:
    """The second verdict counts, and the evidence has the first; what was decided stays; pytest has one test."""
    make(pytester, body)
    run = run_claims(pytester, PATIENCE, *options)
    validate(run.record)
    assert run.verdicts == {"snow": verdict, "companion": CONFIRMED}
    earlier = run.evidence("snow", "attempt")
    assert [(piece["verdict"], piece["reason"][:7]) for piece in earlier] == [(INCONCLUSIVE, "not met")] * attempts
    assert [piece["evidence"][0]["kind"] for piece in earlier] == ["requirement"] * attempts
    assert ("an earlier attempt ended INCONCLUSIVE" in run.output) is bool(attempts)
    failing = verdict in (REFUTED, ERROR) or (verdict == INCONCLUSIVE and bool(options))
    assert run.status == int(failing)
    assert sum(outcomes_of(run.result).values()) == 2
    assert run.record is not None
    assert run.record["options"]["patience"] == 60.0


def test_without_patience_there_is_one_attempt(pytester: pytest.Pytester) -> None:
    """It must be asked for."""
    make(pytester, "lab.require(tried() > 1, 'a second attempt')\nassert lab")
    run = run_claims(pytester)
    assert run.verdicts["snow"] == INCONCLUSIVE
    assert not run.evidence("snow", "attempt")
    assert run.record is not None
    assert run.record["options"]["patience"] is None


def test_second_attempt_has_fixtures_of_its_own(pytester: pytest.Pytester) -> None:
    """Changes that the first attempt made in one must not affect the second."""
    make(pytester, "used.append(1)\nlab.require(tried() > 1, 'more')\nassert used == [1]", arguments="lab, used")
    run = run_claims(pytester, PATIENCE)
    assert run.verdicts["snow"] == CONFIRMED


def test_claim_that_is_inconclusive_in_its_set_up_is_tried_again(pytester: pytest.Pytester) -> None:
    """A fixture may require something, too."""
    fixture = "@pytest.fixture\ndef ready(lab):\n    lab.require(tried() > 1, 'a second attempt')\n"
    make(pytester, "assert lab", arguments="lab, ready", more=fixture)
    run = run_claims(pytester, PATIENCE)
    assert run.verdicts["snow"] == CONFIRMED
    assert len(run.evidence("snow", "attempt")) == 1


def test_teardown_that_fails_ends_it_in_error(pytester: pytest.Pytester) -> None:
    """An attempt is over after its teardown; an error is not tried again."""
    fixture = "@pytest.fixture\ndef left():\n    yield\n    int('x')\n"
    make(pytester, "lab.require(tried() > 1, 'more')\nassert lab", arguments="lab, left", more=fixture)
    run = run_claims(pytester, PATIENCE)
    assert run.verdicts["snow"] == ERROR
    assert not run.evidence("snow", "attempt")


def test_each_set_of_parameters_is_tried_by_itself(pytester: pytest.Pytester) -> None:
    """Each is a claim."""
    marks = "@pytest.mark.parametrize('least', [0, 1])"
    body = "lab.require(tried() > least + 1 or not least, 'more')\nassert lab"
    make(pytester, body, arguments="lab, least", marks=marks)
    run = run_claims(pytester, PATIENCE)
    assert run.verdicts == {"snow[0]": CONFIRMED, "snow[1]": CONFIRMED, "companion": CONFIRMED}
    assert [len(run.evidence(name, "attempt")) for name in ("snow[0]", "snow[1]")] == [0, 1]


def test_experiments_have_the_longer_budget_the_second_time(pytester: pytest.Pytester) -> None:
    """At least that: also those that have a budget of their own, by the claim's marker or by their call."""
    body = """
    first = tried() == 1
    for budget in (None, 3, 70):
        assert lab.race(list, len, len, budget=budget).ever((0, 0))
    lab.require(not first, "a second attempt")
    """
    make(pytester, body)
    file = pytester.path / "test_claims.py"
    code = file.read_text(encoding="utf-8").replace('claim("Snow is white")', 'claim("Snow is white", budget=4)')
    file.write_text(code, encoding="utf-8")
    run = run_claims(pytester, PATIENCE)
    (earlier,) = run.evidence("snow", "attempt")
    assert [piece["budget"] for piece in earlier["evidence"] if piece["kind"] == "race"] == [4.0, 3.0, 70.0]
    assert [piece["budget"] for piece in run.evidence("snow", "race")] == [60.0, 60.0, 70.0]


def test_claims_are_not_rerun_besides(pytester: pytest.Pytester) -> None:
    """Plugins that run a failed test again have no part in it: such a rerun could decide nothing."""
    pytest.importorskip("pytest_rerunfailures")
    make(pytester, "assert tried() > 1")
    run = run_claims(pytester, PATIENCE, "--reruns=2", "-p", "no:xdist")
    assert (run.status, run.verdicts["snow"], run.evidence("snow", "attempt")) == (1, REFUTED, [])


#: Claims that look how much others have measured for them, and add something.
SHARING = """
import pytest

tried = []

@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.claim("Snow is white ({number})")
def test_snow(lab, number):
    lab.note(f"{len(lab._shared)} shared")
    lab._shared[len(lab._shared)] = None
    tried.append(number)
    lab.require(tried != [1, 2], "a second attempt")
    assert number
"""


def test_second_attempt_shares_nothing_with_other_claims(pytester: pytest.Pytester) -> None:
    """Claims of a module share what they measure at the first; those of another module have their own."""
    pytester.makepyprojecttoml('[project]\nname = "demo"\n')
    pytester.makepyfile(test_one=SHARING, test_two=SHARING.replace("[1, 2, 3]", "[1]"))
    run = run_claims(pytester, PATIENCE)
    assert list(run.verdicts.values()) == [CONFIRMED] * 4
    seen = [run.evidence(name, "note")[0]["text"] for name in run.claims]
    assert seen == ["0 shared", "0 shared", "2 shared", "0 shared"]
    (attempt,) = (piece for name in run.claims for piece in run.evidence(name, "attempt"))
    assert attempt["evidence"][0]["text"] == "1 shared"


def test_workers_try_again(pytester: pytest.Pytester) -> None:
    """A worker of pytest-xdist reports the last attempt."""
    make(pytester, "lab.require(tried() > 1, 'a second attempt')\nassert lab")
    run = run_claims(pytester, PATIENCE, "-n", "1", subprocess=True)
    assert (run.status, run.verdicts) == (0, {"snow": CONFIRMED, "companion": CONFIRMED})
    assert len(run.evidence("snow", "attempt")) == 1


def test_patience_that_is_no_longer_than_the_budget_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """The second attempt is to be a longer one."""
    make(pytester, "assert lab")
    run = run_claims(pytester, "--claims-patience=3", "--claims-budget=3")
    assert (run.status, run.record) == (4, None)
    run.result.stderr.fnmatch_lines(["*--claims-patience 3: must be more than the 3 s that the first attempt has*"])
