"""Tracers, profilers and debuggers, which slow some code more than other, and run code of their own."""

from __future__ import annotations

import sys
import threading
from typing import Any

#: The tool identifiers of sys.monitoring (PEP 669).
_TOOLS = range(6)
_ADVICE = "run it without"
_advice = _ADVICE


def is_traced() -> bool:
    """Return whether a tracer, profiler or debugger is active, such as coverage's.

    That is: in this thread, or in threads that are started from now on.
    """
    # threading.gettrace() and getprofile() exist since 3.10 only.
    hooks = getattr(threading, "_trace_hook", None), getattr(threading, "_profile_hook", None)
    if any(hook is not None for hook in (sys.gettrace(), sys.getprofile(), *hooks)):
        return True
    monitoring: Any = getattr(sys, "monitoring", None)
    return monitoring is not None and any(monitoring.get_tool(tool) is not None for tool in _TOOLS)


def tracer_advice() -> str:
    """Return how to run without the active tracer: ``run it without``, or what :func:`set_tracer_advice` set."""
    return _advice


def set_tracer_advice(advice: str | None) -> None:
    """Set how the active tracer is switched off, such as ``run it with --no-cov``; None if unknown."""
    global _advice
    _advice = advice or _ADVICE
