"""Replay tokens: what they contain, and which texts are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import Any

import pytest

from pytest_concclaims.lab.race.experiment import Subject
from pytest_concclaims.lab.race.schedules.replay import Token, code_digest, this_interpreter, token
from pytest_concclaims.lab.race.schedules.run import Schedule

pytestmark = pytest.mark.interpreter


def subject_of(code: str, rounds: int = 1) -> Subject:
    """Return a race with an actor of this code."""
    names: dict[str, Any] = {}
    exec(compile(code, "account.py", "exec"), names)
    return Subject("race", list, (names["deposit"], len), None, rounds)


DEPOSIT = "def deposit(account):\n    account.append(1)\n"


@pytest.mark.parametrize("schedule", [(), ((1, 1),), ((2, 1), (300, 0), (301, 3))], ids=len)
@pytest.mark.parametrize("portable", [False, True])
def test_token_can_be_read_again(schedule: Schedule, portable: bool) -> None:
    """Parsing its text gives an equal token."""
    made = token(subject_of(DEPOSIT), schedule, portable=portable)
    assert Token.parse(str(made)) == made
    assert (made.schedule, made.portable) == (schedule, portable)


def test_token_is_one_short_word() -> None:
    """A user can copy it with a double click, and type it."""
    text = str(token(subject_of(DEPOSIT), ((2, 1), (30, 0)), portable=False))
    assert text.startswith(f"{this_interpreter()}:")
    assert text.endswith(":2.1,30.0")
    assert len(text) < 50
    assert not set(text) & set(" \"'$\\*?&;|")


@pytest.mark.parametrize(
    "text", ["", "run.json", "cpython313", "cpython313:zz:1.1", "cpython313:0123abcd:1-1", "cpython313:0123abcd:1"]
)
def test_text_that_is_not_a_token_is_refused(text: str) -> None:
    """The message says where to find a token."""
    with pytest.raises(ValueError, match="is not a replay token; copy the one"):
        Token.parse(text)


@pytest.mark.parametrize("other", ["cpython38", "cpython399t", "cpython399t-nogil", "jython27"])
def test_token_of_another_interpreter_is_refused_by_name(other: str) -> None:
    """That interpreter has other switch points."""
    with pytest.raises(ValueError, match=f"recorded on {other}, and this is {this_interpreter()}, "):
        Token.parse(f"{other}:0123abcd:2.1")


@pytest.mark.parametrize(
    "changed",
    [
        DEPOSIT.replace("1", "2"),
        DEPOSIT.replace("append", "remove"),
        DEPOSIT + "    account.append(1)\n",
        "def deposit(account):\n    def inner():\n        return 1\n    account.append(inner())\n",
    ],
    ids=["constant", "name", "line", "inner"],
)
def test_changed_code_has_another_digest(changed: str) -> None:
    """Its schedules are not those of the old code."""
    assert code_digest(subject_of(changed)) != code_digest(subject_of(DEPOSIT))
    assert code_digest(subject_of(DEPOSIT, rounds=2)) != code_digest(subject_of(DEPOSIT))


def test_digest_does_not_depend_on_the_place_of_the_code() -> None:
    """Lines above it, comments, and earlier runs do not matter."""
    subject = subject_of(DEPOSIT)
    digest = code_digest(subject)
    for _ in range(100):  # until the code is specialized
        subject.actors[0]([])
    assert code_digest(subject) == digest == code_digest(subject_of("# an account\n\n" + DEPOSIT))


def test_digest_of_a_partial_is_that_of_its_function() -> None:
    """Also if partials are nested."""
    one, other = subject_of(DEPOSIT), subject_of(DEPOSIT.replace("1", "2"))

    def with_partial(subject: Subject) -> str:
        return code_digest(Subject("race", list, (partial(partial(subject.actors[0])), len), None))

    assert with_partial(one) == code_digest(one)
    assert with_partial(other) != with_partial(one)


_DIGEST_OF_A_SET = """
from pytest_concclaims.lab.race.experiment import Subject
from pytest_concclaims.lab.race.schedules.replay import code_digest
def deposit(account):
    return account in {"one", "two", "three", "four", "five"}
print(code_digest(Subject("race", list, (deposit, deposit), None)))
"""


@pytest.mark.starts
def test_digest_does_not_depend_on_the_order_of_a_set() -> None:
    """The order differs from process to process."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DIGEST_OF_A_SET],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(digests) == 1
    assert digests != {""}
