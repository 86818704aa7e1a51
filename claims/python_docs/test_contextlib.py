"""Documentation, page "contextlib"."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pytest_concclaims import Lab

from .objects import process
from .turns import is_kept_out, two_threads

SOURCE = "docs: contextlib"
KINDS = "docs: contextlib, single use, reusable and reentrant context managers"

has_chdir = pytest.mark.skipif(sys.version_info < (3, 11), reason="contextlib.chdir exists since 3.11")


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the claim change the folder of the process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()


@pytest.fixture
def own_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the claim change the standard streams."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())


# --- what is a change of the whole process

STREAMS = [
    pytest.param("redirect_stdout", "stdout", id="stdout"),
    pytest.param("redirect_stderr", "stderr", id="stderr"),
]


@pytest.mark.usefixtures("own_streams")
@pytest.mark.parametrize(("text", "stream"), STREAMS)
@pytest.mark.claim("{text}() redirects what all threads print", source=SOURCE)
def test_a_stream_is_redirected_for_all_threads(lab: Lab, text: str, stream: str) -> None:
    target = io.StringIO()
    with two_threads() as (first, second), contextlib.ExitStack() as stack:
        first(stack.enter_context, getattr(contextlib, text)(target))
        second(lambda: print("text", file=getattr(sys, stream)))
    redirected = target.getvalue() == "text\n"
    lab.note(f"what another thread printed was {'redirected' if redirected else 'not redirected'}")
    assert redirected


def redirect_for_a_while(_: object) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        process(None)


class StandardOutput:
    """The standard output of the process."""

    def __init__(self) -> None:
        self.original = sys.stdout = io.StringIO()

    @property
    def is_restored(self) -> bool:
        return sys.stdout is self.original


@pytest.mark.usefixtures("own_streams")
@pytest.mark.claim("redirect_stdout() is not thread-safe: two threads can leave sys.stdout redirected", source=KINDS)
def test_two_threads_can_leave_the_output_redirected(lab: Lab) -> None:
    race = lab.race(
        StandardOutput, redirect_for_a_while, redirect_for_a_while, observe=lambda output: output.is_restored
    )
    assert race.ever(False)


def change_folder_for_a_while(_: object) -> None:
    with contextlib.chdir("sub"):  # type: ignore[attr-defined,unused-ignore]  # since 3.11
        process(None)


class Folder:
    """The folder of the process."""

    def __init__(self) -> None:
        if Path.cwd().name == "sub":
            os.chdir("..")

    @property
    def is_restored(self) -> bool:
        return Path.cwd().name != "sub"


@has_chdir
@pytest.mark.usefixtures("own_folder")
@pytest.mark.claim(
    "chdir() is not parallel-safe: while one thread is inside, another one does not find a relative path",
    source=SOURCE,
)
def test_another_thread_is_in_the_changed_folder(lab: Lab) -> None:
    race = lab.race(
        Folder,
        change_folder_for_a_while,
        lambda _: os.path.isdir("sub"),  # noqa: PTH112  (of few steps)
        observe=lambda _, values: values[1],
    )
    assert race.ever(False)


# --- reentrant


RLOCK, TARGET = threading.RLock(), io.StringIO()

REENTRANT = [
    pytest.param("RLock", lambda: RLOCK, lambda: is_kept_out(RLOCK), id="rlock"),
    pytest.param(
        "redirect_stdout()", lambda: contextlib.redirect_stdout(TARGET), lambda: sys.stdout is TARGET, id="stdout"
    ),
    pytest.param(
        "redirect_stderr()", lambda: contextlib.redirect_stderr(TARGET), lambda: sys.stderr is TARGET, id="stderr"
    ),
    pytest.param(
        "chdir()",
        lambda: contextlib.chdir(Path("sub").resolve()),  # type: ignore[attr-defined,unused-ignore]  # since 3.11
        lambda: Path.cwd().name == "sub",
        id="chdir",
        marks=has_chdir,
    ),
]


@pytest.mark.usefixtures("own_streams", "own_folder")
@pytest.mark.parametrize(("text", "make", "is_inside"), REENTRANT)
@pytest.mark.claim("{text} is reentrant: a with statement may be within one of the same manager", source=KINDS)
def test_a_manager_is_reentrant(
    lab: Lab, text: str, make: Callable[[], AbstractContextManager[object]], is_inside: Callable[[], bool]
) -> None:
    manager, seen = make(), [is_inside()]
    with manager:
        seen.append(is_inside())
        with manager:
            seen.append(is_inside())
        seen.append(is_inside())
    seen.append(is_inside())
    lab.note(f"in effect before, within the first, the second, the first again, and after: {seen}")
    assert seen == [False, True, True, True, False]


@pytest.mark.claim("suppress() is reentrant", source=KINDS)
def test_suppress_is_reentrant(lab: Lab) -> None:
    manager, reached = contextlib.suppress(KeyError), []
    with manager:
        with manager:
            raise KeyError
        reached.append("the outer block")  # type: ignore[unreachable,unused-ignore]  # it is
        raise KeyError
    lab.note(f"after an exception in the inner block, {reached} went on")
    assert reached == ["the outer block"]


# --- reusable, but not reentrant


@pytest.mark.claim(
    "Lock is reusable, but not reentrant: within its own with statement it cannot be had", source=KINDS
)
def test_a_lock_is_reusable_but_not_reentrant(lab: Lab) -> None:
    lock = threading.Lock()
    entered = []
    for _ in range(2):
        with lock:
            entered.append(lock.acquire(blocking=False))
    lab.note(f"in two with statements, one after the other, acquire() within returned {entered}")
    assert entered == [False, False]


def callbacks(nested: bool) -> list[str]:
    """Return what an ExitStack calls that is entered twice, with the ends of both blocks."""
    called: list[str] = []
    stack = contextlib.ExitStack()
    with stack:
        stack.callback(called.append, "callback of the first")
        if nested:
            with stack:
                stack.callback(called.append, "callback of the second")
            called.append("end of the second")
    called.append("end of the first")
    if not nested:
        with stack:
            stack.callback(called.append, "callback of the second")
        called.append("end of the second")
    return called


@pytest.mark.claim("ExitStack is reusable: a second with statement calls its own callbacks only", source=KINDS)
def test_an_exit_stack_is_reusable(lab: Lab) -> None:
    called = callbacks(nested=False)
    lab.note(", ".join(called))
    assert called == [
        "callback of the first",
        "end of the first",
        "callback of the second",
        "end of the second",
    ]


@pytest.mark.claim(
    "ExitStack is not reentrant: the inner of two with statements calls the callbacks of both", source=KINDS
)
def test_an_exit_stack_is_not_reentrant(lab: Lab) -> None:
    called = callbacks(nested=True)
    lab.note(", ".join(called))
    assert called == [
        "callback of the second",
        "callback of the first",
        "end of the second",
        "end of the first",
    ]


# --- single use


@contextlib.contextmanager
def generated() -> Iterator[None]:
    yield


def opened() -> AbstractContextManager[object]:
    return open(os.devnull)  # noqa: PTH123  (it is closed by the claim)


SINGLE_USE = [
    pytest.param("What @contextmanager makes", generated, (RuntimeError, AttributeError), id="contextmanager"),
    pytest.param("A file", opened, ValueError, id="file"),
]


@pytest.mark.parametrize(("text", "make", "error"), SINGLE_USE)
@pytest.mark.claim("{text} is for a single use: a second with statement raises an exception", source=KINDS)
def test_a_manager_is_for_a_single_use(
    lab: Lab, text: str, make: Callable[[], AbstractContextManager[object]], error: Any
) -> None:
    manager = make()
    with manager:
        pass
    with pytest.raises(error) as raised, manager:
        pass
    lab.note(f"the second with statement raised {raised.value!r}")
