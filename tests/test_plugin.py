"""What a pytest start costs in an environment that has the plugin, without ``--claims``."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.interpreter, pytest.mark.plugin]

ALLOWED = {
    "pytest_concclaims",
    "pytest_concclaims.options",
    "pytest_concclaims.plugin",
    "pytest_concclaims.reports",
    "pytest_concclaims.reports.formats",
}


def test_the_plugin_imports_nothing_that_pytest_has_not_loaded() -> None:
    """Every pytest start pays for what the plugin's entry point imports."""
    code = (
        "import sys, pytest; before = set(sys.modules); "
        "import pytest_concclaims.plugin; print(*set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(run.stdout.split()) == ALLOWED
