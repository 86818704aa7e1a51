"""Serialization of findings, from the process that a race ran in to the one that asks."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any


class _Pickler(pickle.Pickler):
    """Pickles; a thing that both processes know goes by its number: a class of a test cannot be pickled."""

    numbers: dict[int, int]

    def persistent_id(self, thing: Any) -> int | None:
        return self.numbers.get(id(thing))


class _Unpickler(pickle.Unpickler):
    known: Sequence[object]

    def persistent_load(self, number: Any) -> object:
        return self.known[number]


def serialized(thing: object, known: Sequence[object]) -> bytes:
    """Return a thing's pickle.

    :param known: things that both processes know; the pickle has their numbers in this sequence.
    """
    file = io.BytesIO()
    pickler = _Pickler(file, pickle.HIGHEST_PROTOCOL)
    # Not by a parameter of its own: PyPy's Pickler looks at them before it is initialized.
    pickler.numbers = {id(known_thing): number for number, known_thing in enumerate(known)}
    pickler.dump(thing)
    return file.getvalue()


def deserialized(content: bytes, known: Sequence[object]) -> Any:
    """Return the thing that was given to :func:`serialized`.

    :param known: the same things, in the same order.
    """
    unpickler = _Unpickler(io.BytesIO(content))
    unpickler.known = known
    return unpickler.load()


def is_portable(thing: object, known: Sequence[object]) -> bool:
    """Return whether a thing survives serialization and is equal to its copy; that runs code of its own."""
    try:
        copy = deserialized(serialized(thing, known), known)
        return bool(copy == thing) and hash(copy) == hash(thing)
    except Exception:  # noqa: BLE001
        return False
