"""``--claims-baseline``: a run that is compared with an earlier one."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from helpers.claims_project import COMPANION, RECORD, Run, make_project, one_claim, run_claims, run_once

pytestmark = pytest.mark.plugin

OLD = "old.json"
CONFIRMED = one_claim("snow = 1\nassert snow == 1")
REFUTED = one_claim("snow = 1\nassert snow == 2", marks="@pytest.mark.refuted(True, reason='it melts')")
INCONCLUSIVE = one_claim("lab.require(False, 'a ruler')")
ERROR = one_claim("int('x')")
NO_COMPANION = CONFIRMED.replace(COMPANION, "")


def run_twice(pytester: pytest.Pytester, before: str, after: str, *options: str, subprocess: bool = False) -> Run:
    """Run claims, and then those that they became, with the first run as the baseline.

    :param subprocess: whether the second run is one: a run here may remember the code of the first.
    """
    make_baseline(pytester, before)
    make_project(pytester, after)
    return run_claims(pytester, f"--claims-baseline={OLD}", *options, subprocess=subprocess)


def make_baseline(pytester: pytest.Pytester, code: str, *, change: Callable[[dict[str, Any]], object] = len) -> None:
    """Make a project, and have the record of a run of its claims as the baseline.

    :param change: what to do to the record before.
    """
    old = deepcopy(run_once(pytester, code).record)
    assert old is not None
    change(old)
    make_project(pytester, code)
    (pytester.path / OLD).write_text(json.dumps(old), encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "status", "strict"),
    [
        pytest.param(CONFIRMED, CONFIRMED, 0, 0, id="same"),
        pytest.param(CONFIRMED, REFUTED, 1, 1, id="turned"),
        pytest.param(REFUTED, CONFIRMED, 1, 1, id="turned-back"),
        pytest.param(CONFIRMED, ERROR, 1, 1, id="error"),
        pytest.param(ERROR, CONFIRMED, 0, 1, id="from-error"),
        pytest.param(INCONCLUSIVE, CONFIRMED, 0, 1, id="from-inconclusive"),
        pytest.param(CONFIRMED, INCONCLUSIVE, 0, 1, id="to-inconclusive"),
        pytest.param(NO_COMPANION, CONFIRMED, 0, 0, id="new"),
        pytest.param(CONFIRMED, NO_COMPANION, 0, 0, id="gone"),
    ],
)
def test_a_verdict_that_turned_fails_the_run(
    pytester: pytest.Pytester, before: str, after: str, status: int, strict: int
) -> None:
    """Also where each verdict is as expected; to and from none fails under --claims-strict."""
    assert run_twice(pytester, before, after).status == status
    assert run_claims(pytester, f"--claims-baseline={OLD}", "--claims-strict").status == strict


def test_what_turned_is_shown_after_the_claims(pytester: pytest.Pytester) -> None:
    """From what, to what and why; and why the run fails though every verdict is as expected."""
    run = run_twice(pytester, CONFIRMED, REFUTED, subprocess=True)
    assert run.status == 1
    run.result.stdout.fnmatch_lines(
        [
            "*= concurrency claims =*",
            f"*= compared with {OLD} =*",
            "then: * 2 claims, pytest-concclaims *",
            "TURNED! *Snow is white",
            "*CONFIRMED -> REFUTED, expected REFUTED now, CONFIRMED before;",
            "*the test was changed since",
            "*because it melts",
            "1 turned; 1 unchanged (1 confirmed); the test of 1 claim was changed since",
            f"Compared with {OLD}, 1 claim turned: the run fails.",
            "2 claims: 1 confirmed, 1 refuted; every verdict as expected;",
            "the run fails, see above; on *",
        ]
    )


@pytest.mark.parametrize("options", [(), ("--claims-strict",)], ids=["lenient", "strict"])
@pytest.mark.parametrize("claims", ["none", "others"])
def test_baseline_without_any_claim_of_the_run_fails_it(
    pytester: pytest.Pytester, claims: str, options: tuple[str, ...]
) -> None:
    """Nothing was compared, and no comparison is not green; the last word says what to do."""

    def rename(old: dict[str, Any]) -> None:
        renamed = [{**claim, "id": f"x-{claim['id']}", "digest": "0" * 64} for claim in old["claims"]]
        old["claims"] = renamed if claims == "others" else []

    make_baseline(pytester, CONFIRMED, change=rename)
    run = run_claims(pytester, f"--claims-baseline={OLD}", *options)
    assert run.status == 1
    run.result.stdout.fnmatch_lines(["nothing to compare: no claim is in both runs; 2 new*"])
    text = " ".join(run.output.split())
    assert f"Nothing was compared with {OLD}, which has none of this run's claims: the run fails." in text
    assert "Name a record of these claims" in text


def test_run_without_claims_is_not_told_of_another_baseline(pytester: pytest.Pytester) -> None:
    """It fails for itself, whatever the baseline has."""
    make_baseline(pytester, CONFIRMED)
    run = run_claims(pytester, f"--claims-baseline={OLD}", "-k", "nowhere")
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "Nothing was compared" not in run.output


def test_verdict_that_turned_behind_another_id_fails_the_run(pytester: pytest.Pytester) -> None:
    """An id on the marker, and a renamed file, leave the experiment what it was."""
    code = one_claim("import os\nassert 'MELTED' not in os.environ")
    make_baseline(pytester, code)
    (pytester.path / "test_claims.py").unlink()
    renamed = code.replace('claim("Snow is white")', 'claim("Snow is white", id="snowy")')
    pytester.makepyfile(test_renamed="import pytest\n" + renamed)
    same = run_claims(pytester, f"--claims-baseline={OLD}", "--claims-strict")
    assert same.status == 0
    same.result.stdout.fnmatch_lines(["no verdict changed; 2 unchanged (2 confirmed);", "1 claim has a new id *"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MELTED", "1")
        run = run_claims(pytester, f"--claims-baseline={OLD}")
    assert run.status == 1
    run.result.stdout.fnmatch_lines(
        ["TURNED! *Snow is white", "*CONFIRMED -> REFUTED, expected CONFIRMED; its id was demo-snow"]
    )
    run.result.stdout.fnmatch_lines([f"Compared with {OLD}, 1 claim turned: the run fails."])


def test_verdict_that_is_not_expected_any_more_fails_the_run(pytester: pytest.Pytester) -> None:
    """The comparison says so beside the run itself; the experiment is the same."""
    expected = one_claim("snow = 1\nassert snow == 1", marks="@pytest.mark.refuted(False, reason='it melts')")
    run = run_twice(pytester, expected, expected.replace("(False", "(True"), subprocess=True)
    assert run.status == 1
    run.result.stdout.fnmatch_lines(
        [
            "EXPECTED ANEW! *Snow is white",
            "*CONFIRMED, expected REFUTED now, CONFIRMED before",
            "1 expected anew (1 not as expected); 1 unchanged (1 confirmed)",
        ]
    )
    text = " ".join(run.output.split())
    assert "1 claim kept the verdict, which is unexpected now: the run fails." in text


def test_nothing_changed_is_said(pytester: pytest.Pytester) -> None:
    """A comparison that was asked for is never silent."""
    run = run_twice(pytester, CONFIRMED, CONFIRMED)
    run.result.stdout.fnmatch_lines(["nothing changed; 2 unchanged (2 confirmed)"])
    run.result.stdout.no_fnmatch_line("*the run fails*")


def test_claims_that_were_not_selected_are_counted_and_not_gone(pytester: pytest.Pytester) -> None:
    """A selection says nothing of the rest, strict or not."""
    make_baseline(pytester, CONFIRMED)
    run = run_claims(pytester, f"--claims-baseline={OLD}", "--claims-strict", "-k", "snow")
    assert run.status == 0
    run.result.stdout.fnmatch_lines(["nothing changed; 1 unchanged (1 confirmed); 1 not run"])


def test_run_may_write_its_record_over_the_baseline(pytester: pytest.Pytester) -> None:
    """It has been read by then: the next run is compared with this one."""
    make_project(pytester, CONFIRMED)
    assert run_claims(pytester).status == 0
    pytester.makepyfile(test_claims="import pytest\n" + REFUTED)
    options = ["--claims", f"--claims-baseline={RECORD}", f"--claims-report={RECORD}"]
    results = [pytester.runpytest_inprocess(*options) for _ in range(2)]
    assert [int(result.ret) for result in results] == [1, 0]
    results[0].stdout.fnmatch_lines(["1 turned; *"])
    results[1].stdout.fnmatch_lines(["nothing changed; *"])


def test_strict_says_what_failed(pytester: pytest.Pytester) -> None:
    """The claim that has a verdict at last fails the run, so there is a word on it."""
    run = run_twice(pytester, INCONCLUSIVE, CONFIRMED, "--claims-strict")
    text = " ".join(run.output.split())
    assert "1 claim lost or gained its verdict: the run fails." in text
    run.result.stdout.fnmatch_lines(["DECIDED! *Snow is white"])


def test_another_interpreter_may_be_the_baseline(pytester: pytest.Pytester) -> None:
    """The summary says so; a verdict that turned fails the run nevertheless."""
    make_baseline(pytester, CONFIRMED, change=lambda old: old["interpreter"].update(implementation_version="2.7.18"))
    run = run_claims(pytester, f"--claims-baseline={OLD}")
    assert run.status == 0
    run.result.stdout.fnmatch_lines(["then: * 2.7.18*", "These are two interpreters: *"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("", "empty"),
        ("{}", "not a run record"),
        ("[", "not JSON at line 1"),
        ('{"schema": 99, "claims": []}', "schema 99"),
    ],
)
def test_baseline_that_cannot_be_read_is_refused_before_anything_runs(
    pytester: pytest.Pytester, content: str | None, reason: str
) -> None:
    """Exit status 4, with the option, the file and the reason."""
    make_project(pytester, CONFIRMED)
    if content is not None:
        (pytester.path / OLD).write_text(content, encoding="utf-8")
    run = run_claims(pytester, f"--claims-baseline={OLD}")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert run.record is None
    run.result.stderr.fnmatch_lines([f"ERROR: --claims-baseline {pytester.path / OLD}: *{reason}*"])


def test_option_does_nothing_without_claims(pytester: pytest.Pytester) -> None:
    """As no other does."""
    pytester.makepyfile("def test_x(): pass")
    result = pytester.runpytest_inprocess("--claims-baseline=nowhere.json")
    result.assert_outcomes(passed=1)


def test_look_at_the_collection_compares_nothing(pytester: pytest.Pytester) -> None:
    """Nothing was run."""
    make_baseline(pytester, CONFIRMED)
    result = pytester.runpytest_inprocess("--claims", f"--claims-baseline={OLD}", "--collect-only")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*compared with*")


def test_baseline_is_found_from_where_pytest_was_started(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As --claims-report is: relative to the current folder, not to the project's."""
    make_baseline(pytester, CONFIRMED)
    below = pytester.mkdir("below")
    monkeypatch.chdir(below)
    result = pytester.runpytest_inprocess("--claims", f"--claims-baseline={Path('..') / OLD}", str(pytester.path))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["nothing changed; *"])
