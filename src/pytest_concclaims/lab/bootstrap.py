"""What a child of :meth:`Lab.child` runs first; it is run as a script, and imports nothing of this package.

``bootstrap.py function FOLDER`` calls what FOLDER/order.pickle asks for, and leaves FOLDER/result.pickle.
``bootstrap.py script COMMAND...`` becomes COMMAND.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.path and __file__.startswith(sys.path[0]):
    del sys.path[0]  # this folder: its modules must not hide the standard library's

import importlib
import importlib.util
import os
import pickle
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SIGKILL = 9


def main() -> None:
    """Run what the command line asks for."""
    _forbid_core_dumps()
    _die_with_parent()
    mode, *rest = sys.argv[1:]
    if mode == "script":
        os.execv(rest[0], rest)  # noqa: S606  (keeps process id, limits and the death signal)
    sys.argv = [sys.argv[0]]
    _call(Path(rest[0]))


def _forbid_core_dumps() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _die_with_parent() -> None:
    """Have the kernel kill this process should its parent be killed before it can do so (Linux only)."""
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    except (ImportError, OSError, AttributeError):
        return  # a C library without it; the parent still kills at its own end


def _call(folder: Path) -> None:
    order = pickle.loads((folder / "order.pickle").read_bytes())  # noqa: S301  (written by our parent)
    sys.path[:] = order["sys_path"]
    try:
        _import_as_parent(order["module"], order["file"])
        function, args, kwargs = pickle.loads(order["call"])  # noqa: S301
        value = function(*args, **kwargs)
        content = _pickled(value)
    except SystemExit:
        raise
    except BaseException as error:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        _leave(folder, "raised", {"text": _text(error), "pickle": _carried(error), "traceback": text})
        raise
    _leave(folder, "returned", content)


def _import_as_parent(name: str | None, file: str | None) -> None:
    """Import the function's module from its file where its name does not lead there.

    pytest's import mode ``importlib`` gives test modules names that only it can import.
    """
    if name is None or file is None:
        return
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin is not None and Path(spec.origin).resolve() == Path(file).resolve():
        return
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        return
    _provide_packages(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _provide_packages(name: str, file: str) -> None:
    """Put packages over a module that have no import of their own: unpickling imports them all."""
    packages = name.split(".")[:-1]
    for count, folder in zip(range(len(packages), 0, -1), Path(file).parents):
        package = ".".join(packages[:count])
        try:
            importlib.import_module(package)
        except ImportError:
            sys.modules[package] = module = ModuleType(package)
            module.__path__ = [str(folder)]


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception as error:
        raise TypeError(f"what the function returned cannot be handed over: {error}") from error


def _carried(error: BaseException) -> bytes | None:
    """Return the exception's pickle, if it survives the journey; many exceptions do not."""
    try:
        content = pickle.dumps(error)
        return content if isinstance(pickle.loads(content), BaseException) else None  # noqa: S301
    except Exception:  # noqa: BLE001  (pickling runs arbitrary code)
        return None


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _leave(folder: Path, kind: str, content: Any) -> None:
    """Write the result, whole or not at all."""
    unfinished = folder / "result.unfinished"
    unfinished.write_bytes(pickle.dumps((kind, content)))
    unfinished.replace(folder / "result.pickle")


if __name__ == "__main__":
    main()
