"""Fixtures and hooks of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_concclaims import is_traced
from pytest_concclaims.lab.threads import OF_TOOLS, running_threads

pytest_plugins = ["pytester"]

SLOW = Path(__file__).with_name("slow")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Run the tests of ``slow/``, which take minutes, only if the command line names them."""
    if collection_path != SLOW:
        return None
    named = (Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path == SLOW or SLOW in path.parents for path in named) else True


@pytest.hookimpl(trylast=True)
def pytest_sessionstart() -> None:
    """Let races of these tests disregard the threads of other plugins, as a run of claims does."""
    OF_TOOLS.update(running_threads())


@pytest.fixture(scope="session", autouse=True)
def _not_in_the_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run tests in another folder: ``python -c`` imports from the current one, not the installed package."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    yield
    os.chdir(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what a tracer disturbs, if one is active, such as coverage's."""
    if is_traced():
        for item in items:
            if item.get_closest_marker("untraced") is not None:
                item.add_marker(pytest.mark.skip("a tracer is active"))


@pytest.fixture(autouse=True)
def _no_worker_of_these_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide from the runs under test that these tests run in a worker: pytest-benchmark would warn about it."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture(autouse=True)
def _no_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide from the runs under test that these tests run in GitHub Actions, where they report to the job."""
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _own_machine_lock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give these tests a lock of their own: their experiments do not wait for other experiments on this machine."""
    monkeypatch.setenv("PYTEST_CONCCLAIMS_LOCK_DIR", str(tmp_path_factory.getbasetemp() / "machine-lock"))
