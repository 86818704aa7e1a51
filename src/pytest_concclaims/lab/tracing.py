"""Whether somebody watches each line or call: that takes time, and more of some code than of other."""

from __future__ import annotations

import sys
from typing import Any

#: The tools that sys.monitoring has numbers for (PEP 669).
_TOOLS = range(6)


def is_traced() -> bool:
    """Return whether a tracer, profiler or debugger is active in this thread, such as that of coverage."""
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return True
    monitoring: Any = getattr(sys, "monitoring", None)
    return monitoring is not None and any(monitoring.get_tool(tool) is not None for tool in _TOOLS)
