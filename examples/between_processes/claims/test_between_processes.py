"""Claims about what processes share, each with correct code and with a shortcut.

A "never" about files and databases needs a long budget: each sample starts two processes.
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_concclaims import Lab

#: Budgets in seconds for "never", and where a server answers each request. A witness ends a claim sooner: a shortcut
#: has the long budget so that even a slow machine has time for all schedules with one preemption.
LONG, VERY_LONG = 30, 100


# --- a number in shared memory


def number() -> Any:
    return multiprocessing.Value("i", 0)


def add_with_its_lock(shared: Any) -> None:
    with shared.get_lock():
        shared.value += 1


def add(shared: Any) -> None:
    shared.value += 1


def value_of(shared: Any) -> int:
    return int(shared.value)


@pytest.mark.claim("Two processes that add to a Value under its lock lose nothing", budget=LONG)
def test_adding_under_the_lock_of_a_value_loses_nothing(lab: Lab) -> None:
    race = lab.race(
        number, add_with_its_lock, add_with_its_lock, observe=value_of, control=(add, add), kind="process"
    )
    assert race.never(1)


@pytest.mark.claim("Two processes that add to a Value lose nothing", budget=LONG)
@pytest.mark.refuted(
    True, reason="+= reads and writes, and Value locks each of the two alone (docs: multiprocessing)"
)
def test_shortcut_adding_to_a_value_loses_nothing(lab: Lab) -> None:
    assert lab.race(number, add, add, observe=value_of, kind="process").never(1)


# --- a dict of a manager


def add_to_dict(shared: Any) -> None:
    balance, _ = shared
    balance["of all"] += 1


def add_to_dict_with_a_lock(shared: Any) -> None:
    balance, lock = shared
    with lock:
        balance["of all"] += 1


def balance_of(shared: Any) -> int:
    return int(shared[0]["of all"])


@pytest.mark.claim("Two processes that add to a Manager's dict under a lock lose nothing", budget=VERY_LONG)
def test_adding_to_a_dict_of_a_manager_under_a_lock_loses_nothing(lab: Lab) -> None:
    with multiprocessing.Manager() as manager:
        race = lab.race(
            lambda: (manager.dict({"of all": 0}), multiprocessing.Lock()),
            add_to_dict_with_a_lock,
            add_to_dict_with_a_lock,
            observe=balance_of,
            control=(add_to_dict, add_to_dict),
            kind="process",
        )
        assert race.never(1)


@pytest.mark.claim("Two processes that add to a Manager's dict lose nothing", budget=LONG)
@pytest.mark.refuted(True, reason="the manager's server reads and writes in two requests (docs: multiprocessing)")
def test_shortcut_adding_to_a_dict_of_a_manager_loses_nothing(lab: Lab) -> None:
    with multiprocessing.Manager() as manager:
        race = lab.race(
            lambda: (manager.dict({"of all": 0}), None),
            add_to_dict,
            add_to_dict,
            observe=balance_of,
            kind="process",
        )
        assert race.never(1)


# --- files


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """Return a function that gives a file name in a new folder: a file with a fixed name would be no fresh state."""
    return lambda: os.path.join(tempfile.mkdtemp(dir=tmp_path), "file")  # noqa: PTH118  (few switch points)


LINE = b"one line\n"


@contextmanager
def opened(name: str, flags: int) -> Iterator[int]:
    file = os.open(name, flags)
    try:
        yield file
    finally:
        os.close(file)


def append(name: str) -> None:
    with opened(name, os.O_CREAT | os.O_APPEND | os.O_WRONLY) as file:
        os.write(file, LINE)


def append_in_pieces(name: str) -> None:
    with opened(name, os.O_CREAT | os.O_APPEND | os.O_WRONLY) as file:
        os.write(file, LINE[:4])
        os.write(file, LINE[4:])


def content(name: str) -> bytes:
    return Path(name).read_bytes()


@pytest.mark.claim("Lines that two processes append to a file, each in one write, stay whole", budget=LONG)
def test_lines_that_are_appended_in_one_write_stay_whole(lab: Lab, folder: Any) -> None:
    race = lab.race(
        folder, append, append, observe=content, control=(append_in_pieces, append_in_pieces), kind="process"
    )
    assert race.always(LINE + LINE)


@pytest.mark.claim("Lines that two processes append to a file, each in two writes, stay whole", budget=LONG)
@pytest.mark.refuted(True, reason="each write goes to the end that the file has then (POSIX: open, O_APPEND)")
def test_shortcut_lines_that_are_appended_in_two_writes_stay_whole(lab: Lab, folder: Any) -> None:
    assert lab.race(folder, append_in_pieces, append_in_pieces, observe=content, kind="process").always(LINE + LINE)


def create(name: str) -> bool:
    try:
        with opened(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY):
            return True
    except FileExistsError:
        return False


def create_unless_it_is_there(name: str) -> bool:
    if os.access(name, os.F_OK):
        return False
    with opened(name, os.O_CREAT | os.O_WRONLY):
        return True


@pytest.mark.claim("Of two processes that create a file exclusively, one does", budget=LONG)
def test_one_process_creates_a_file(lab: Lab, folder: Any) -> None:
    race = lab.race(
        folder, create, create, control=(create_unless_it_is_there, create_unless_it_is_there), kind="process"
    )
    assert race.never((True, True))


@pytest.mark.claim("Of two processes that create a file if it is not there, one does", budget=LONG)
@pytest.mark.refuted(True, reason="both may check before one of them creates it; O_EXCL checks and creates at once")
def test_shortcut_one_process_creates_a_file_that_was_not_there(lab: Lab, folder: Any) -> None:
    race = lab.race(folder, create_unless_it_is_there, create_unless_it_is_there, kind="process")
    assert race.never((True, True))


# --- an SQLite database


@pytest.fixture
def database(folder: Any) -> Any:
    """Return a function that makes a database with an empty table."""

    def make() -> str:
        name: str = folder()
        with closing(connected(name)) as connection:
            connection.execute("CREATE TABLE account (id PRIMARY KEY)")
        return name

    return make


def connected(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, timeout=60, isolation_level=None)


def insert_or_ignore(name: str) -> None:
    with closing(connected(name)) as connection:
        connection.execute("INSERT OR IGNORE INTO account VALUES (1)")


def select_then_insert(name: str) -> None:
    with closing(connected(name)) as connection:
        if connection.execute("SELECT 1 FROM account WHERE id = 1").fetchone() is None:
            connection.execute("INSERT INTO account VALUES (1)")


BOTH_DONE = (None, None)


@pytest.mark.claim("Of two processes that INSERT OR IGNORE the same row, none fails", budget=LONG)
def test_insert_or_ignore_does_not_fail(lab: Lab, database: Any) -> None:
    race = lab.race(
        database,
        insert_or_ignore,
        insert_or_ignore,
        control=(select_then_insert, select_then_insert),
        exceptions=sqlite3.IntegrityError,
        kind="process",
    )
    assert race.always(BOTH_DONE)


@pytest.mark.claim("Of two processes that INSERT the same row unless a SELECT finds it, none fails", budget=LONG)
@pytest.mark.refuted(True, reason="both may select before one of them inserts; each statement is a transaction")
def test_shortcut_select_then_insert_does_not_fail(lab: Lab, database: Any) -> None:
    race = lab.race(
        database, select_then_insert, select_then_insert, exceptions=sqlite3.IntegrityError, kind="process"
    )
    assert race.always(BOTH_DONE)
