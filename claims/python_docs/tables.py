"""Tables of operations: a row is an experiment of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Act = Callable[[Any], object]


def case(id: str, text: str, operation: Act, beside: Act, *marks: pytest.MarkDecorator) -> Any:  # noqa: A002
    """Return a row: an operation beside another one.

    :param id: what names it in reports, and the operation in evidence.
    :param text: the operation as the documentation writes it.
    """
    return pytest.param(text, named(id, operation), beside, id=id, marks=marks)


def named(name: str, operation: Act) -> Act:
    """Return an operation that evidence calls by this name, and not by its place in a file."""
    operation.__qualname__ = name
    return operation


def operations_of(rows: list[Any]) -> list[Act]:
    """Return the operations of a table's rows."""
    return [row.values[1] for row in rows]


#: The parameters of a test that takes a row.
ROW = ("text", "operation", "beside")
