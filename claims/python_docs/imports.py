"""What claims about imports run in an interpreter of its own: modules that two threads import at the same time.

That interpreter imports the module, so it imports nothing that would slow it.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

#: Seconds to wait for what should happen at once; a machine may be very busy.
PATIENCE_S = 20.0
#: Seconds between two looks at a thread.
INTERVAL_S = 0.005

#: For the modules: events, the two threads, and the modules that were executed.
events: dict[str, threading.Event] = {}
threads: list[threading.Thread] = []
executed: list[str] = []

#: A line of the modules, which gives them access to this one.
HERE = f"import sys; here = sys.modules[{__name__!r}]; here.executed.append(__name__)\n"


class Imported(NamedTuple):
    """What a thread has imported.

    :param raised: the name of the exception, or "nothing".
    :param is_complete: whether the module was, which is when its last line has run.
    :param number: the ``id`` of the module.
    """

    raised: str
    is_complete: bool
    number: int


def _modules(files: dict[str, str]) -> None:
    """Write modules into a new folder, which they are imported from."""
    folder = Path(tempfile.mkdtemp())
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(HERE + text)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()


def _import(name: str) -> Any:
    return importlib.import_module(name)


def _in_two_threads(*calls: Callable[[], Any]) -> list[Imported]:
    """Return what two calls import, each in a thread of its own; they have to end."""
    imported: dict[int, Imported] = {}

    def act(number: int) -> None:
        try:
            module = calls[number]()
        except Exception as error:  # noqa: BLE001  (it is what the claim is about)
            imported[number] = Imported(type(error).__name__, False, 0)
        else:
            imported[number] = Imported("nothing", hasattr(module, "last_line"), id(module))

    threads[:] = [threading.Thread(target=act, args=(number,), daemon=True) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return [imported.get(number, Imported("it did not return", False, 0)) for number in range(2)]


def _waits_for_a_module(thread: threading.Thread) -> bool:
    """Return whether a thread waits for the lock of a module."""
    frame: Any = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001  (documented)
    while frame is not None:
        if frame.f_code.co_name == "acquire" and "importlib" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def let_the_second_import() -> None:
    """Let the second thread begin its import, and go on when it waits for a lock, or when it has ended.

    In that thread itself, do nothing.
    """
    if threading.current_thread() is threads[1]:
        return
    events["begun"].set()
    deadline, looks = time.monotonic() + PATIENCE_S, 0
    while looks < 2 and time.monotonic() < deadline:
        looks = looks + 1 if _waits_for_a_module(threads[1]) or not threads[1].is_alive() else 0
        time.sleep(INTERVAL_S)


def _import_second(name: str) -> Any:
    events["begun"].wait(PATIENCE_S)
    return _import(name)


def one_module() -> tuple[list[Imported], int]:
    """Let a thread import a module whose import another one has begun; return what both got, and its executions."""
    _modules({"single.py": "here.let_the_second_import()\nlast_line = True"})
    events["begun"] = threading.Event()
    return _in_two_threads(lambda: _import("single"), lambda: _import_second("single")), executed.count("single")


def circular(function: bool) -> list[Imported]:
    """Let two threads import two modules that import each other.

    :param function: whether the modules use ``import_module()``, or the ``import`` statement.
    """
    text = """
here.events[__name__].set()
here.events[{other!r}].wait(20)
{statement}
last_line = True
"""
    for name in ("one", "two"):
        events[name] = threading.Event()
    _modules(
        {
            f"{name}.py": text.format(
                other=other, statement=f"here.importlib.import_module({other!r})" if function else f"import {other}"
            )
            for name, other in (("one", "two"), ("two", "one"))
        }
    )
    return _in_two_threads(lambda: _import("one"), lambda: _import("two"))


class _Finder:
    """A finder of a package whose loader lets the second thread import before anything else."""

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        if name != "parent":
            return None
        file = f"{sys.path[0]}/parent/__init__.py"
        return importlib.util.spec_from_file_location(name, file, loader=_Loader(name, file))


class _Loader(importlib.machinery.SourceFileLoader):
    def create_module(self, spec: object) -> None:
        let_the_second_import()


def parent_and_child() -> list[Imported]:
    """Let one thread import a package that imports its submodule, and another one that submodule.

    The other one begins when the import of the package has, and before it is in ``sys.modules``.
    """
    _modules({"parent/__init__.py": "import parent.child\nlast_line = True", "parent/child.py": "last_line = True"})
    sys.meta_path.insert(0, _Finder())
    events["begun"] = threading.Event()
    return _in_two_threads(lambda: _import("parent"), lambda: _import_second("parent.child"))


def thread_of_a_module() -> list[Imported]:
    """Let a module start a thread that imports another module, and wait for it; return what that thread got."""
    _modules(
        {
            "starter.py": """
def work():
    import other_module
    here.executed.append("imported in the thread")
thread = here.threading.Thread(target=work, daemon=True)
thread.start()
thread.join(20)
if thread.is_alive():
    raise RuntimeError("it waits")
last_line = True
""",
            "other_module.py": "last_line = True",
        }
    )
    return _in_two_threads(lambda: _import("starter"), lambda: _import("other_module"))


def values_during_reload() -> tuple[int, int]:
    """Return the two values of a module that another thread sees while it is reloaded: 1 before, and 2 after."""
    _modules(
        {
            "reloaded.py": """
value = here.executed.count(__name__)
first = value
here.look()
second = value
"""
        }
    )
    global look
    look = lambda: None  # noqa: E731  (it is called by the module)
    module = _import("reloaded")
    seen: list[tuple[int, int]] = []

    def look_in_a_thread() -> None:
        thread = threading.Thread(target=lambda: seen.append((module.first, module.second)))
        thread.start()
        thread.join(PATIENCE_S)

    look = look_in_a_thread
    importlib.reload(module)
    return seen[0]


look: Callable[[], None]
