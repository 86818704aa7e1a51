"""Documentation, page "Thread Safety Guarantees", section "Thread safety for memoryview objects"."""

from __future__ import annotations

import sys
import threading
from typing import Any, NamedTuple

import pytest

from pytest_concclaims import Lab, gil_enabled

from .objects import SIZE, without_a_gil

SOURCE = "docs: Thread Safety Guarantees, memoryview"
LENGTH = 50 * SIZE
CONTENT = bytes(range(200))


class Data(NamedTuple):
    """A bytearray, a view of it, and a lock that may guard it."""

    owner: bytearray
    view: memoryview
    lock: threading.Lock


def data() -> Data:
    owner = bytearray(LENGTH)
    return Data(owner, memoryview(owner), threading.Lock())


# --- views


def view_and_release(owner: Any) -> int:
    with memoryview(owner) as view:
        return view[0]


def can_be_resized(owner: Any) -> bool:
    """Return whether there is no view of it."""
    try:
        owner.append(0)
    except BufferError:
        return False
    return True


@pytest.mark.refuted(
    not gil_enabled() and sys.version_info < (3, 14),
    reason="before 3.14, bytearray does not count its views under a lock on the free-threaded build (gh-129107)",
)
@pytest.mark.claim("Creating and releasing memoryviews of one object is safe from several threads", source=SOURCE)
def test_creating_and_releasing_views_is_safe(lab: Lab) -> None:
    seen = lab.race(lambda: bytearray(1), view_and_release, view_and_release, observe=can_be_resized)
    assert seen.atomic()


def take_part_of_a_view(view: Any) -> bytes:
    return bytes(view[10:20])


def is_released(view: Any) -> bool:
    try:
        return bool(view.nbytes < 0)
    except ValueError:
        return True


@pytest.mark.refuted(
    not gil_enabled(),
    reason="without a GIL, views of one buffer are counted without a lock, so the last one can be released while "
    "there are others (gh-155606, gh-127716)",
)
@pytest.mark.claim("Slicing one memoryview of bytes from several threads is safe: it stays usable", source=SOURCE)
def test_slicing_a_view_is_safe(lab: Lab) -> None:
    seen = lab.race(lambda: memoryview(CONTENT), take_part_of_a_view, take_part_of_a_view, observe=is_released)
    assert seen.atomic()


def read_attributes(view: Any) -> tuple[object, ...]:
    return view.shape, view.format, view.nbytes, view.readonly


@pytest.mark.claim("Reading attributes of one memoryview from several threads is safe", source=SOURCE)
def test_reading_attributes_of_a_view_is_safe(lab: Lab) -> None:
    seen = lab.race(lambda: memoryview(CONTENT), read_attributes, read_attributes)
    assert seen.atomic()


@pytest.mark.claim("Reading bytes through several memoryviews at the same time is safe", source=SOURCE)
def test_reading_bytes_through_several_views_is_safe(lab: Lab) -> None:
    seen = lab.race(
        lambda: (memoryview(CONTENT), memoryview(CONTENT)),
        lambda views: views[0].tobytes() == CONTENT,
        lambda views: views[1].tobytes() == CONTENT,
    )
    assert seen.always((True, True))


# --- the data


def write_x(state: Data) -> None:
    state.view[:] = b"x" * LENGTH


def write_y(state: Data) -> None:
    state.view[:] = b"y" * LENGTH


def write_x_with_the_lock(state: Data) -> None:
    with state.lock:
        write_x(state)


def write_y_with_the_lock(state: Data) -> None:
    with state.lock:
        write_y(state)


def written(state: Data) -> str:
    """Return the different bytes that there are at the end."""
    return "".join(sorted(set(state.owner.decode())))


def write_x_half_done(state: Data) -> None:
    state.view[: LENGTH // 2] = b"x" * (LENGTH // 2)
    written(state)
    state.view[LENGTH // 2 :] = b"x" * (LENGTH // 2)


@without_a_gil
@pytest.mark.claim(
    "Writing to the same bytes through a memoryview without a lock may mix what is written", source=SOURCE
)
def test_writes_through_a_view_may_be_mixed(lab: Lab) -> None:
    assert lab.race(data, write_x, write_y, observe=written).ever("xy")


@pytest.mark.claim("Writing to the same bytes through a memoryview with a lock never mixes it", source=SOURCE)
def test_writes_through_a_view_with_a_lock_are_not_mixed(lab: Lab) -> None:
    seen = lab.race(
        data,
        write_x_with_the_lock,
        write_y_with_the_lock,
        observe=written,
        control=(write_x_half_done, write_y),
    )
    assert seen.always("x", "y")


@pytest.mark.claim("Resizing an object while a memoryview of it exists raises BufferError", source=SOURCE)
def test_resizing_an_object_with_a_view_raises(lab: Lab) -> None:
    owner = bytearray(1)
    view = memoryview(owner)
    resized: list[bool] = []
    thread = threading.Thread(target=lambda: resized.append(can_be_resized(owner)))
    thread.start()
    thread.join()
    view.release()
    lab.require(can_be_resized(owner), "once the view is released, the object can be resized")
    lab.note(f"another thread {'could' if resized[0] else 'could not'} resize it while there was a view")
    assert resized == [False]
