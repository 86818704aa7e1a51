"""What a child of :meth:`Lab.child` runs first; it is run as a script, and imports nothing of this package.

Nor anything that is slow to import, such as ``pathlib``, ``typing`` or ``traceback``.

``child_main.py function FOLDER`` calls what FOLDER/order.pickle asks for, and leaves FOLDER/result.pickle: what
came of it, or at which step but the call itself it failed. Without that file, the function had begun, and the
process ended before it was over.
``child_main.py script COMMAND...`` becomes COMMAND.
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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SIGKILL = 9
#: The exit status that says, should the result not even be written (a full disk): ask nothing of this process.
UNUSABLE = 114


def main() -> None:
    """Run what the command line asks for."""
    _reset_signals()
    forbid_core_dumps()
    die_with_parent()
    mode, *rest = sys.argv[1:]
    if mode == "script":
        os.execv(rest[0], rest)  # noqa: S606  (keeps process id, limits and the death signal)
    sys.argv = [sys.argv[0]]
    _call(rest[0])


def _reset_signals() -> None:
    """Give signals their defaults back: what is ignored or blocked is handed down to a new program."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    by_python = {getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFSZ")}  # every Python ignores them
    for number in signal.valid_signals() - by_python - {signal.SIGKILL, signal.SIGSTOP}:
        # PyPy takes a signal that was ignored from the start for one with its default, so that is set again.
        if signal.getsignal(number) in (signal.SIG_IGN, signal.SIG_DFL):
            with suppress(OSError, ValueError):  # those that threads use for themselves
                signal.signal(number, signal.SIG_DFL)


def forbid_core_dumps() -> None:
    """Let a crash of this process write no core dump."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def die_with_parent() -> None:
    """Have the kernel kill this process should its parent be killed before it can do so (Linux only)."""
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    except (ImportError, OSError, AttributeError):
        return  # a C library without it; the parent still kills at its own end


def _call(folder: str) -> None:
    with _step(folder, "the function could not be imported, or its arguments not be read, in the child"):
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
        with _step(folder, "what the function raised could not be handed over"):
            _leave(folder, "raised", {"text": _text(error), "pickle": _carried(error), "traceback": text})
        raise
    with _step(folder, "what the function returned could not be handed over"):
        _leave(folder, "returned", pickle.dumps(value))


@contextmanager
def _step(folder: str, failure: str) -> Iterator[None]:
    """Tell the parent, if the block fails, that no verdict can rest on how this process ends."""
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
    """Import the function's module from its file where its name does not lead there.

    pytest's import mode ``importlib`` gives test modules names that only it can import.
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
    """Put packages over a module that have no import of their own: unpickling imports them all."""
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
    """Return the exception's pickle, if it survives the journey; many exceptions do not."""
    try:
        content = pickle.dumps(error)
        return content if isinstance(pickle.loads(content), BaseException) else None  # noqa: S301
    except Exception:  # noqa: BLE001  (pickling runs arbitrary code)
        return None


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _leave(folder: str, kind: str, content: object) -> None:
    """Write the result, whole or not at all."""
    unfinished = os.path.join(folder, "result.unfinished")
    with open(unfinished, "wb") as file:
        file.write(pickle.dumps((kind, content)))
    os.replace(unfinished, os.path.join(folder, "result.pickle"))


if __name__ == "__main__":
    main()
