"""``--claims-patience``: a second, longer attempt at each claim that is INCONCLUSIVE.

The whole of the test runs again, with its set-up and its fixtures: what the first attempt has left in them would be
taken for something that the second one has seen. pytest hears of the second attempt only; its evidence has the first.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol  # what plugins that run a test again use; pytest has no public name for it

from .trial import TRIAL


class Patience:
    """Hook: run an INCONCLUSIVE claim once more; one that has a verdict, or ended in an error, stays as it is."""

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
