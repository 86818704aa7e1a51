"""The script that a child of :meth:`Lab.child` runs first.

It imports nothing of this package, and nothing that is slow to import, such as ``pathlib``, ``typing`` or
``traceback``.

``child_main.py function FOLDER`` calls the function of FOLDER/order.pickle, and writes FOLDER/result.pickle: what the
call returned or raised, or which step other than the call failed. If that file is missing, the process ended during
the call.
``child_main.py script COMMAND...`` replaces itself by COMMAND.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.path and __file__.startswith(sys.path[0]):
    del sys.path[0]  # this folder: its modules must not hide the standard library's

import importlib
import importlib.util
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SIGKILL = 9
#: The exit status if a step other than the call failed; the result may be missing, for example if the disk is full.
UNUSABLE = 114


def main() -> None:
    """Do what the command line says."""
    _reset_signals()
    forbid_core_dumps()
    die_with_parent()
    mode, *rest = sys.argv[1:]
    if mode == "script":
        os.execv(rest[0], rest)  # noqa: S606  (keeps process id, limits and the death signal)
    sys.argv = [sys.argv[0]]
    _call(rest[0])


def _reset_signals() -> None:
    """Restore the defaults of signals: a new program inherits which ones are ignored or blocked."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    by_python = {getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFSZ")}  # every Python ignores them
    for number in signal.valid_signals() - by_python - {signal.SIGKILL, signal.SIGSTOP}:
        # PyPy reports SIG_DFL for a signal that was ignored from the start, so SIG_DFL is set again.
        if signal.getsignal(number) in (signal.SIG_IGN, signal.SIG_DFL):
            with suppress(OSError, ValueError):  # signals that the C library's threads use
                signal.signal(number, signal.SIG_DFL)


def forbid_core_dumps() -> None:
    """Disable core dumps of this process."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def die_with_parent(prctl: Callable[[int, int], object] | None = None) -> None:
    """Make the kernel kill this process when its parent ends (Linux only): a killed parent cannot do it.

    :param prctl: the C library's function; None to look it up.
    """
    if sys.platform != "linux":
        return
    try:
        if prctl is None:
            import ctypes

            prctl = ctypes.CDLL(None).prctl
        prctl(PR_SET_PDEATHSIG, SIGKILL)
    except (ImportError, OSError, AttributeError):
        return  # no prctl in this C library; a parent that ends normally kills its children


def _call(folder: str) -> None:
    with _step(folder, "the child could not import the function or unpickle its arguments"):
        with open(os.path.join(folder, "order.pickle"), "rb") as file:
            order = pickle.load(file)  # noqa: S301  (written by our parent)
        sys.path[:] = order["sys_path"]
        import_as_parent(order["module"], order["file"])
        function, args, kwargs = pickle.loads(order["call"])  # noqa: S301
    try:
        value = function(*args, **kwargs)
    except SystemExit:
        raise
    except BaseException as error:
        text = _traceback(error)
        with _step(folder, "the function's exception could not be pickled or written"):
            _leave(folder, "raised", {"text": _text(error), "pickle": _carried(error), "traceback": text})
        raise
    with _step(folder, "the function's value could not be pickled or written"):
        _leave(folder, "returned", pickle.dumps(value))


@contextmanager
def _step(folder: str, failure: str) -> Iterator[None]:
    """If the block raises, report that to the parent, and exit: the way this process ends is not evidence."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (pickling and importing run arbitrary code)
        try:
            _leave(folder, "unusable", f"{failure}\n{_traceback(error)}")
        finally:
            os._exit(UNUSABLE)


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def import_as_parent(name: str | None, file: str | None) -> None:
    """Import a function's module from its file, if an import by name would not find that file.

    With the import mode ``importlib``, pytest gives test modules names that only pytest can import.
    """
    if name is None or file is None:
        return
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin is not None and _same_file(spec.origin, file):
        return
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        return
    _provide_packages(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _same_file(path: str, file: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(file)


def _provide_packages(name: str, file: str) -> None:
    """Create those of a module's parent packages that cannot be imported, as unpickling imports them all."""
    packages = name.split(".")[:-1]
    folder = file
    for count in range(len(packages), 0, -1):
        folder = os.path.dirname(folder)
        package = ".".join(packages[:count])
        try:
            importlib.import_module(package)
        except ImportError:
            sys.modules[package] = module = ModuleType(package)
            module.__path__ = [folder]


def _carried(error: BaseException) -> bytes | None:
    """Return the exception's pickle; None if it cannot be pickled or unpickled."""
    try:
        content = pickle.dumps(error)
        return content if isinstance(pickle.loads(content), BaseException) else None  # noqa: S301
    except Exception:  # noqa: BLE001  (pickling runs arbitrary code)
        return None


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _leave(folder: str, kind: str, content: object) -> None:
    """Write the result atomically."""
    unfinished = os.path.join(folder, "result.unfinished")
    with open(unfinished, "wb") as file:
        file.write(pickle.dumps((kind, content)))
    os.replace(unfinished, os.path.join(folder, "result.pickle"))


if __name__ == "__main__":
    main()
