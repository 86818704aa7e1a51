"""What claims about executors run in a program of its own.

Its processes import the module, so it imports nothing that would slow them.
"""

from __future__ import annotations

import os
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from typing import Any

#: A program whose last task takes longer than its main module.
SCRIPT = """
import atexit, time
from concurrent.futures import ThreadPoolExecutor

def task():
    time.sleep(0.2)
    print("task", flush=True)

atexit.register(print, "atexit", flush=True)
ThreadPoolExecutor(1).submit(task)
print("main", flush=True)
"""


def death_of_a_worker() -> list[str]:
    """Return what is raised by a task that ends its process, by one that waited, and by a later submit."""
    with ProcessPoolExecutor(1) as pool:
        futures: list[Any] = [pool.submit(os._exit, 1), pool.submit(abs, -1)]
        return [_error(future.result) for future in futures] + [_error(lambda: pool.submit(abs, -1))]


def _error(call: Any) -> str:
    try:
        call()
    except BrokenExecutor as error:
        return type(error).__name__
    return "none"
