"""What a claim's ``refuted`` condition may ask about the interpreter that runs it."""

from __future__ import annotations

import sys

#: Whether this is CPython.
CPYTHON = sys.implementation.name == "cpython"
#: Whether this is PyPy.
PYPY = sys.implementation.name == "pypy"


def _free_threaded_build() -> bool:
    # The documented way, sysconfig.get_config_var("Py_GIL_DISABLED"), imports a large generated module; the
    # "t" among the ABI flags is set by the same configure switch. Windows has no sys.abiflags before 3.14.
    if hasattr(sys, "abiflags"):
        return "t" in sys.abiflags
    import sysconfig

    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


#: Whether this interpreter was built so that it can run without the GIL (PEP 703).
FREE_THREADED_BUILD = CPYTHON and _free_threaded_build()


def gil_enabled() -> bool:
    """Return whether a global interpreter lock is in force at this moment.

    A free-threaded build starts without, but the import of an extension module that is not marked as safe
    enables it for the rest of the process. ``True`` wherever the interpreter cannot say otherwise.
    """
    ask = getattr(sys, "_is_gil_enabled", None)  # CPython 3.13 and later
    return True if ask is None else bool(ask())
