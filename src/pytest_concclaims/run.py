"""A run of claims: puts together what collects, tries and records them."""

from __future__ import annotations

from typing import Any

import pytest

from .collection import ClaimCollection, LastFailedGuard, Plan, make_plan
from .interpreter import Interpreter
from .recorder import Recorder
from .trial import ClaimTrials, ThreadWatch


def register(config: pytest.Config) -> None:
    """Register the plugins that make up a run of claims, in a pytest process or an xdist worker.

    :raises pytest.UsageError: an option or ini setting makes no sense.
    """
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    interpreter = Interpreter.current()
    refusals: list[str] = []
    if workerinput is None:
        plan = make_plan(config)
        config.pluginmanager.register(Recorder(config, plan, interpreter), "concclaims-recorder")
    else:
        plan = Plan.from_json(workerinput["concclaims_plan"])
        if workerinput["concclaims_interpreter"] != interpreter.version_key():
            refusals.append(
                f"the worker {workerinput['workerid']} runs {interpreter.describe()}, and a run record speaks of one "
                f"interpreter; run the claims on each by itself"
            )
    plan.apply(config)
    config.pluginmanager.register(ClaimCollection(config, plan, interpreter, refusals), "concclaims-collection")
    config.pluginmanager.register(LastFailedGuard(), "concclaims-last-failed-guard")
    config.pluginmanager.register(ClaimTrials(config), "concclaims-trials")
    config.pluginmanager.register(ThreadWatch(), "concclaims-thread-watch")
