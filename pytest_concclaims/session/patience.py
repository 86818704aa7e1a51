"""``--claims-patience``: a second, longer attempt at each claim that is INCONCLUSIVE.

The whole test runs again, with its set-up and fixtures: otherwise, changes that the first attempt made to fixtures
would affect the second one. pytest gets the reports of the second attempt only; its evidence has the first one.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol  # as other plugins that repeat tests do: it has no public name

from .trial import TRIAL


class Patience:
    """Hook: run an INCONCLUSIVE claim once more."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a claim, in place of pytest and of plugins that run tests again."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        trial = item.stash.get(TRIAL, None)
        if trial is not None and trial.goes_on:
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
