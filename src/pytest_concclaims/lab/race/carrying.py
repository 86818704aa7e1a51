"""Carrying what a race has found out of the process that it ran in."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any


class _Pickler(pickle.Pickler):
    """Pickles; what both processes know goes by its number: a class defined in a test cannot be pickled."""

    def __init__(self, file: io.BytesIO, known: Sequence[object]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._numbers = {id(thing): number for number, thing in enumerate(known)}

    def persistent_id(self, thing: Any) -> int | None:
        return self._numbers.get(id(thing))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, known: Sequence[object]) -> None:
        super().__init__(file)
        self._known = known

    def persistent_load(self, number: Any) -> object:
        return self._known[number]


def packed(thing: object, known: Sequence[object]) -> bytes:
    """Return a thing's pickle, in which what is known is only named."""
    file = io.BytesIO()
    _Pickler(file, known).dump(thing)
    return file.getvalue()


def unpacked(content: bytes, known: Sequence[object]) -> Any:
    """Return what :func:`packed` was given; by a process to which the same is known."""
    return _Unpickler(io.BytesIO(content), known).load()


def travels(thing: object, known: Sequence[object]) -> bool:
    """Return whether a thing can be carried; pickling runs code of its own."""
    try:
        unpacked(packed(thing, known), known)
    except Exception:  # noqa: BLE001
        return False
    return True
