"""Carrying what a race has found out of the process that it ran in."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any


class _Pickler(pickle.Pickler):
    """Pickles; what both processes know goes by its number: a class defined in a test cannot be pickled."""

    numbers: dict[int, int]

    def persistent_id(self, thing: Any) -> int | None:
        return self.numbers.get(id(thing))


class _Unpickler(pickle.Unpickler):
    known: Sequence[object]

    def persistent_load(self, number: Any) -> object:
        return self.known[number]


def packed(thing: object, known: Sequence[object]) -> bytes:
    """Return a thing's pickle, in which what is known is only named."""
    file = io.BytesIO()
    pickler = _Pickler(file, pickle.HIGHEST_PROTOCOL)
    # Not by a parameter of its own: PyPy's Pickler looks at them before it is initialized.
    pickler.numbers = {id(known_thing): number for number, known_thing in enumerate(known)}
    pickler.dump(thing)
    return file.getvalue()


def unpacked(content: bytes, known: Sequence[object]) -> Any:
    """Return what :func:`packed` was given; by a process to which the same is known."""
    unpickler = _Unpickler(io.BytesIO(content))
    unpickler.known = known
    return unpickler.load()


def travels(thing: object, known: Sequence[object]) -> bool:
    """Return whether a thing can be carried, and is still equal to itself then; that runs code of its own."""
    try:
        copy = unpacked(packed(thing, known), known)
        return bool(copy == thing) and hash(copy) == hash(thing)
    except Exception:  # noqa: BLE001
        return False
