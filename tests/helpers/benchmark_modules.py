"""The modules in ``benchmarks/``, which is not a package: they import each other as scripts do."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def benchmark_module(name: str) -> ModuleType:
    """Return a module of that folder; skip the test module if there is none."""
    if not (BENCHMARKS / f"{name}.py").is_file():
        pytest.skip("no benchmarks here", allow_module_level=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module(name)
