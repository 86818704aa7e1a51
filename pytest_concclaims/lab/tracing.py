"""Tracers, profilers and debuggers: they slow down some code more than other, and run code of their own."""

from __future__ import annotations

import sys
import threading
from typing import Any

#: The tools that sys.monitoring has numbers for (PEP 669).
_TOOLS = range(6)


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
