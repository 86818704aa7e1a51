"""Documentation, page "sqlite3"."""

from __future__ import annotations

import sqlite3

import pytest

from pytest_concclaims import Lab

from .turns import two_threads

SOURCE = "docs: sqlite3, connect, check_same_thread"


@pytest.mark.claim(
    "A connection that another thread uses than the one that has made it raises ProgrammingError", source=SOURCE
)
def test_a_connection_belongs_to_its_thread(lab: Lab) -> None:
    with two_threads() as (first, second):
        connection = first(sqlite3.connect, ":memory:")
        first(connection.execute, "SELECT 1")
        with pytest.raises(sqlite3.ProgrammingError) as raised:
            second(connection.execute, "SELECT 1")
        first(connection.close)
    lab.note(f"it raised {raised.value!r}")


@pytest.mark.claim("With check_same_thread=False, another thread can use a connection", source=SOURCE)
def test_a_connection_can_be_shared(lab: Lab) -> None:
    with two_threads() as (first, second):
        connection = first(lambda: sqlite3.connect(":memory:", check_same_thread=False))
        first(connection.execute, "CREATE TABLE numbers (number)")
        second(connection.execute, "INSERT INTO numbers VALUES (1)")
        rows = first(lambda: connection.execute("SELECT number FROM numbers").fetchall())
        second(connection.close)
    lab.note(f"one thread has inserted 1; another one read {rows}")
    assert rows == [(1,)]
