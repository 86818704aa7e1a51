"""The claims of the article that are about how soon something happens, where each line or call is slowed down."""

from __future__ import annotations

import json

import pytest

from pytest_concclaims import gil_enabled

#: Slows down the claims' own code, as a debugger or a profiler does.
CONFTEST = """
import sys, time
import pytest

def slow_down(frame, event, argument):
    if "claims/article" in frame.f_code.co_filename.replace("\\\\", "/"):
        end = time.perf_counter() + {seconds}
        while time.perf_counter() < end:
            pass
        return slow_down

@pytest.fixture(autouse=True)
def slowed_down():
    sys.{function}(slow_down)
    yield
    sys.{function}(None)
"""


@pytest.mark.parametrize(
    ("claim", "function", "seconds"),
    [
        pytest.param(
            "test_the_gil_is_given_up_every_100_bytecodes",
            "settrace",
            1e-5,
            marks=pytest.mark.skipif(not gil_enabled(), reason="nobody gives up a GIL here"),
        ),
        ("test_get_false_right_after_put_gives_the_item", "settrace", 1e-2),
        ("test_get_false_right_after_put_gives_the_item", "setprofile", 1e-2),
    ],
)
def test_whoever_slows_it_down_confirms_nothing(
    pytester: pytest.Pytester, claim: str, function: str, seconds: float
) -> None:
    """What takes its time then had the time to happen."""
    pytester.makeconftest(CONFTEST.format(function=function, seconds=seconds))
    pytester.runpytest_subprocess("--claims", "article", "-k", claim, "--claims-report=run.json", timeout=300)
    (told,) = json.loads((pytester.path / "run.json").read_text(encoding="utf-8"))["claims"]
    # An empty queue is a witness all the same.
    assert told["verdict"] in ("inconclusive", "refuted")
    assert told["verdict"] == "refuted" or "slows" in told["reason"]
