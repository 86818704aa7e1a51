"""Tracers, profilers and debuggers: they slow down some code more than other, and run code of their own."""

from __future__ import annotations

import sys
import threading
from typing import Any

#: The tools that sys.monitoring has numbers for (PEP 669).
_TOOLS = range(6)
_ADVICE = "run it without"
_advice = _ADVICE


def is_traced() -> bool:
    """Return whether a tracer, profiler or debugger is active here, such as that of coverage.

    In this thread, or in the threads that are started from now on.
    """
    # threading.gettrace() and getprofile() are there since 3.10.
    hooks = getattr(threading, "_trace_hook", None), getattr(threading, "_profile_hook", None)
    if any(hook is not None for hook in (sys.gettrace(), sys.getprofile(), *hooks)):
        return True
    monitoring: Any = getattr(sys, "monitoring", None)
    return monitoring is not None and any(monitoring.get_tool(tool) is not None for tool in _TOOLS)


def tracer_advice() -> str:
    """Return what to do where a tracer is in the way: ``run it without``, or what :func:`set_tracer_advice` said."""
    return _advice


def set_tracer_advice(advice: str | None) -> None:
    """Say how the tracer that is active here is switched off, such as ``run it with --no-cov``; None: not known."""
    global _advice
    _advice = advice or _ADVICE
