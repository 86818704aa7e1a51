"""The summary in the terminal: each claim with its verdict and why, and a count."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from helpers.claims_project import ALL_ENDS, COMPANION, Run, make_project, one_claim, run_claims, run_once
from helpers.sample_records import CLAIM, RACE, SCHEDULED
from pytest_concclaims import Verdict
from pytest_concclaims.interpreter import Interpreter
from pytest_concclaims.records.record import ClaimResult
from pytest_concclaims.reports.interleaving import FEW_LINES, interleaving
from pytest_concclaims.reports.terminal import summary

pytestmark = pytest.mark.plugin


def test_default_summary_has_a_line_for_each_claim_that_needs_no_attention(pytester: pytest.Pytester) -> None:
    """In parts with a count: verdict, statement, and what it rests on."""
    lines = run_once(pytester, ALL_ENDS, columns=80).section
    assert lines[:8] == [
        "As expected (3)",
        "CONFIRMED  Snow is white - seen on two mountains",
        "REFUTED    Snow is black - failed: assert snow == 2 (assert 1 == 2)",
        "CONFIRMED  One is one - asserted: assert one == 1",
        "",
        "Not applicable (1)",
        "NOT APPLICABLE  Snow is a verb - no grammar here",
        "",
    ]


def test_what_needs_attention_comes_last_and_whole(pytester: pytest.Pytester) -> None:
    """What was found, what to do, and how to run it again."""
    lines = run_once(pytester, ALL_ENDS, columns=80).section
    start = lines.index("Inconclusive (1)")
    assert lines[start : start + 5] == [
        "Inconclusive (1)",
        "INCONCLUSIVE  Snow is deep",
        "    not met: a ruler",
        "    to do: run the claim where its requirement is met",
        "    again: pytest --claims test_claims.py::test_inconclusive",
    ]
    start = lines.index("Not as expected (3)")
    heads = [line for line in lines[start + 1 :] if line and not line.startswith(" ")]
    assert [head.split("  ")[0] for head in heads[:3]] == ["REFUTED!", "CONFIRMED!", "ERROR!"]
    assert [line.strip() for line in lines[start + 2 : start + 7]] == [
        "expected CONFIRMED",
        "failed: assert snow == 3 (assert 1 == 3)",
        "to do: correct the code; or, if the statement is known to be wrong here,",
        "mark the claim refuted",
        "again: pytest --claims test_claims.py::test_unexpectedly_refuted",
    ]
    text = " ".join(" ".join(lines[start:]).split())
    for words in (
        "Snow is cold expected REFUTED",
        "to do: if the statement is right here, remove the mark refuted",
        "to do: correct what the error names",
        "demo-error, test_claims.py:",
    ):
        assert words in text


def test_last_line_says_what_was_verified_where_and_how_long(pytester: pytest.Pytester) -> None:
    """And where the reports are; nothing but pytest's own count follows."""
    run = run_once(pytester, ALL_ENDS, "--claims-report=run.svg", columns=250)
    *_, last, counts = run.result.outlines
    interpreter = re.escape(Interpreter.current().describe())
    assert re.fullmatch(
        "8 claims: 3 confirmed, 2 refuted, 1 inconclusive, 1 not applicable, 1 error; 3 not as expected; "
        rf"on {interpreter}, in (less than )?[0-9.]+ s; run record: run.json; report: run.svg",
        last,
    )
    assert re.fullmatch("=* 3 failed, 3 passed, 2 skipped in .* =*", counts)


def test_last_line_wraps_between_its_parts(pytester: pytest.Pytester) -> None:
    """Where it is too long."""
    lines = run_once(pytester, ALL_ENDS, columns=80).section
    start = next(number for number, line in enumerate(lines) if line.startswith("8 claims"))
    assert lines[start] == "8 claims: 3 confirmed, 2 refuted, 1 inconclusive, 1 not applicable, 1 error;"
    assert lines[start + 1].startswith(f"3 not as expected; on {Interpreter.current().describe()[:10]}")


def test_summary_of_a_good_run_says_so(pytester: pytest.Pytester) -> None:
    """Nothing to look at: the last line says that as well."""
    ending = run_once(pytester, one_claim("assert lab")).ending
    assert ending.startswith("2 claims: 2 confirmed, 0 refuted; every verdict as expected; on ")


def test_claims_without_a_verdict_are_not_as_expected(pytester: pytest.Pytester) -> None:
    """No verdict is expected of them."""
    line = "2 claims: 1 confirmed, 0 refuted, 1 inconclusive; every verdict reached is as expected; on "
    assert run_once(pytester, one_claim('lab.require(False, "a ruler")')).ending.startswith(line)


@pytest.mark.parametrize("option", ["-q", "-qq", "-v", "-vv"])
def test_verbosity_chooses_how_much_is_shown(pytester: pytest.Pytester, option: str) -> None:
    """-q: only what is not as expected; -qq: only the count; -v: all that is known of each claim."""
    run = run_once(pytester, ALL_ENDS, option, columns=80)
    text = "\n".join(run.section)
    assert run.ending.startswith("8 claims: ")
    assert ("Snow is white" in text) == ("Snow is deep" in text) == option.startswith("-v")
    assert ("Snow is grey" in text) == ("expected CONFIRMED" in text) == (option != "-qq")
    assert ("- seen on two mountains" in text) == option.startswith("-v")
    assert ("demo-confirmed, test_claims.py:" in text) == option.startswith("-v")
    assert ("[page 1]" in text) == option.startswith("-v")
    assert (len(run.section) <= 3) == (option == "-qq")


LONG = "Snow is " + "very, " * 60 + "white"
#: What is too long for one line, in a claim each.
WIDE = {
    "statement": one_claim("assert lab").replace("Snow is white", LONG),
    "one long word": one_claim("assert lab").replace("Snow is white", "x" * 300),
    "source": one_claim("assert lab").replace('white"', 'white", source="' + "page " * 40 + '"'),
    "reason": one_claim("assert lab is None", marks=f"@pytest.mark.refuted(True, reason={LONG!r})"),
    "note": one_claim(f"lab.note({LONG!r})\nassert lab"),
    "assertion": one_claim(f"assert lab, {LONG!r}"),
    "exception": one_claim(f"raise OSError({LONG!r})"),
    "skip": one_claim(f"pytest.skip({LONG!r})"),
    "requirement": one_claim(f"lab.require(False, {LONG!r})"),
}
WIDE_CLAIMS = "".join(
    code.replace(COMPANION, "").replace("test_snow", f"test_{name.replace(' ', '_')}") for name, code in WIDE.items()
)
NOTHING_REACHED = one_claim("pytest.skip('x')").replace(COMPANION, "")


def wide_run(pytester: pytest.Pytester, code: str, option: str) -> Run:
    """Return the run with an option in a terminal that is less wide with ``-q``."""
    return run_once(pytester, code, option, columns=_width(option))


def _width(option: str) -> int:
    return 50 if option == "-q" else 80


@pytest.mark.parametrize("option", ["-v", "-q"])
@pytest.mark.parametrize("code", [WIDE_CLAIMS + COMPANION, NOTHING_REACHED, ALL_ENDS], ids=["wide", "nothing", "all"])
def test_no_line_of_the_summary_is_wider_than_the_terminal(pytester: pytest.Pytester, code: str, option: str) -> None:
    """Long texts wrap, at 80 columns as at 50, except a command, which is to be copied. There is no escape code."""
    run = wide_run(pytester, code, option)
    lines = [line for line in run.section if not line.startswith("    again: ")]
    assert lines
    assert max(map(len, lines)) <= _width(option)
    assert "\x1b" not in run.output


@pytest.mark.parametrize("columns", [50, 80])
def test_claim_that_is_as_expected_takes_one_line_that_fits(pytester: pytest.Pytester, columns: int) -> None:
    """However long its statement, its reason and its evidence are."""
    lines = run_once(pytester, WIDE_CLAIMS + COMPANION, columns=columns).section
    size = int(lines[0].removeprefix("As expected (").removesuffix(")"))
    assert size >= 5
    assert all(re.match("CONFIRMED|REFUTED", line) for line in lines[1 : size + 1])
    assert lines[size + 1] == ""
    assert max(map(len, lines[: size + 1])) == columns


def test_long_evidence_is_whole_where_it_is_asked_for(pytester: pytest.Pytester) -> None:
    """By -v: the statement and all that was noted; by default, both are cut."""
    code = one_claim(f"lab.note({LONG!r})\nassert lab").replace("Snow is white", LONG)
    short, whole = (" ".join(" ".join(run_once(pytester, code, *opt).section).split()) for opt in ([], ["-v"]))
    assert 0 < short.count("very,") < 60
    assert "..." in short
    assert whole.count("very,") == 2 * 60


@pytest.mark.parametrize("options", [(), ("-v",), ("-ra",), ("-v", "-ra")], ids=" ".join)
@pytest.mark.parametrize(
    ("body", "reason"),
    [("lab.require(False, 'a ruler')", "a ruler"), ("pytest.skip('no grammar here')", "no grammar here")],
)
def test_reason_without_a_verdict_stands_once_in_the_summaries(
    pytester: pytest.Pytester, body: str, reason: str, options: tuple[str, ...]
) -> None:
    """Pytest's short one has the verdict, so that the claims' has the reason; with -v the progress has it, too."""
    run = run_once(pytester, one_claim(body), *options, columns=80)
    lines = [line for line in run.result.outlines if not line.startswith("test_claims.py::test_snow ")]
    assert "\n".join(lines).count(reason) == 1
    word = "INCONCLUSIVE" if "require" in body else "NOT APPLICABLE"
    shorts = [line for line in lines if line.startswith("SKIPPED")]
    assert all(line.endswith(f": {word}") for line in shorts)
    assert len(shorts) == ("-ra" in options)
    progress = [line for line in run.result.outlines if line.startswith("test_claims.py::test_snow ")]
    assert len(progress) == ("-v" in options)
    assert all(line.count(word) == 1 for line in progress)


TEXT = "invalid literal for int() with base 10: 'x'"


@pytest.mark.parametrize(
    "options", [(), ("-v",), ("-ra",), ("-v", "-rA"), ("--tb=no",), ("--tb=line",)], ids=" ".join
)
@pytest.mark.parametrize("place", ["call", "set-up", "teardown"])
def test_text_of_an_error_stands_once(pytester: pytest.Pytester, place: str, options: tuple[str, ...]) -> None:
    """In its traceback, if pytest shows that; else in the summary of the claims."""
    bodies = {"call": "", "set-up": "    int('x')\n    yield", "teardown": "    yield\n    int('x')"}
    prelude = f"@pytest.fixture\ndef broken():\n{bodies[place] or '    yield'}\n"
    body = "int('x')" if place == "call" else "assert lab"
    run = run_once(pytester, one_claim(body, prelude=prelude, arguments="lab, broken"), *options, columns=80)
    # With --tb=line, newer versions of pytest show the message besides.
    assert " ".join(run.output.split()).count(TEXT) in ((1, 2) if options == ("--tb=line",) else (1,))
    assert run.claims["snow"]["reason"].endswith(TEXT)
    shorts = [line for line in run.result.outlines if " test_claims.py::test_snow - " in line]
    assert [line.partition(" ")[0] for line in shorts] == ["ERROR"]
    assert all(line.endswith(" - ValueError") for line in shorts)


def test_reason_that_says_more_than_the_traceback_is_in_the_summary(pytester: pytest.Pytester) -> None:
    """Such as what to do about an assertion elsewhere."""
    prelude = "import unittest.mock"
    run = run_once(pytester, one_claim("unittest.mock.Mock().assert_called()", prelude=prelude), columns=80)
    assert "assert it in the claim's own code" in " ".join(run.output.split())


STRANGE = "Snow\x1b[31m is\x07 red\r\nand\t\x00white\u202e \udc80"
#: The ends of claims with this statement. Of the last one pytest prints what it says, as of any test.
STRANGE_ENDS = {
    "confirmed": "assert lab",
    "refuted": "assert lab is None",
    "skipped": "pytest.skip('x')",
    "in_doubt": "lab.require(False, STRANGE)",
}


@pytest.mark.parametrize("options", [(), ("-v", "-rA")], ids=" ".join)
@pytest.mark.parametrize("name", STRANGE_ENDS)
def test_statement_cannot_steer_the_terminal(pytester: pytest.Pytester, name: str, options: tuple[str, ...]) -> None:
    """Control characters, escape codes, newlines and surrogates are shown, not obeyed."""
    together = [name] if name == "in_doubt" else [end for end in STRANGE_ENDS if end != "in_doubt"]
    code = f"STRANGE = {STRANGE!a}\n"
    for end in together:
        claim = one_claim(f"lab.note(STRANGE)\n{STRANGE_ENDS[end]}").replace('"Snow is white"', "STRANGE")
        code += claim.replace("test_snow", f"test_{end}").replace(COMPANION, "")
    run = run_once(pytester, code + COMPANION, *options)
    assert run.claims[name.replace("_", "-")]["statement"] == STRANGE
    shown = [line for line in run.section if r"Snow\x1b[31m is\x07 red and \x00white\x202e \xdc80" in line]
    assert len([line for line in shown if not line.startswith(" ")]) == len(together)
    if name != "in_doubt":
        assert not set("\x1b\x07\r\x00\u202e\udc80") & set(run.output)


def test_colours_mark_the_verdicts(pytester: pytest.Pytester) -> None:
    """With colour the words are coloured, and the unexpected is red."""
    text = "\n".join(run_once(pytester, ALL_ENDS, "--color=yes").section)
    assert "\x1b[32mCONFIRMED " in text
    assert "\x1b[36mREFUTED " in text
    assert "\x1b[31m\x1b[1mREFUTED!" in text
    assert "\x1b[31m\x1b[1mERROR!" in text


@pytest.mark.parametrize(
    ("option", "variables", "coloured"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color=no",), {"FORCE_COLOR": "1"}, False),
        (("--color=yes",), {"NO_COLOR": "1"}, True),
    ],
)
def test_colours_are_pytests_to_decide(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    option: tuple[str, ...],
    variables: dict[str, str],
    coloured: bool,
) -> None:
    """A pipe has none, unless they are asked for."""
    for name in ("PY_COLORS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    make_project(pytester, ALL_ENDS)
    assert ("\x1b[" in run_claims(pytester, *option).output) is coloured


# --- the interleaving of a witness

#: One that is longer than a few lines.
LONG_STORY = replace(
    SCHEDULED, witness={**(SCHEDULED.witness or {}), "steps": (SCHEDULED.witness or {})["steps"] * 3}
)
RACED = replace(CLAIM, evidence=(SCHEDULED, LONG_STORY, RACE))


#: One that needs attention, and so is shown with its evidence.
UNEXPECTED = replace(RACED, verdict=Verdict.REFUTED)


def summarized(claim: ClaimResult, verbosity: int, width: int = 80) -> list[str]:
    """Return the lines of the summary of one claim."""
    return ["".join(span.text for span in line) for line in summary([claim], width=width, verbosity=verbosity)]


def shown(lines: list[str], drawn: list[str]) -> bool:
    """Return whether lines stand together among others, and further left, as they need the room."""
    return "\n".join(f"  {line}" for line in drawn) in "\n".join(lines)


def test_most_telling_lines_of_the_last_witness_are_shown() -> None:
    """That of the question which decided; a witness without a story says no more than its phrase."""
    assert len(summarized(RACED, 0)) == 2, "what is as expected takes one line"
    lines = summarized(UNEXPECTED, 0)
    few = interleaving(LONG_STORY, 78, FEW_LINES)
    assert len(few) == FEW_LINES
    assert shown(lines, few)
    assert not shown(lines, interleaving(SCHEDULED, 78, FEW_LINES))
    assert max(map(len, lines)) <= 80


def test_all_lines_of_all_witnesses_are_shown_with_v() -> None:
    """Each below its phrase."""
    lines = summarized(RACED, 1)
    for race in (SCHEDULED, LONG_STORY):
        assert shown(lines, interleaving(race, 78))


def test_with_q_only_what_is_not_as_expected_shows_its_witness() -> None:
    """And that nothing else is shown."""
    few = interleaving(LONG_STORY, 78, FEW_LINES)
    assert summarized(RACED, -1) == []
    assert shown(summarized(UNEXPECTED, -1), few)
    assert summarized(UNEXPECTED, -2) == []


@pytest.mark.parametrize("width", [10, 40, 50, 80])
def test_no_line_of_an_interleaving_is_wider_than_the_terminal(width: int) -> None:
    """Down to the width below which nothing is drawn narrower."""
    assert max(map(len, summarized(RACED, 1, width))) <= max(width, 42)


@pytest.mark.parametrize(
    ("is_replay", "advice"),
    [(False, "run it on a less busy machine, or for longer"), (True, "run it without --claims-replay")],
)
def test_advice_for_a_race_without_an_answer(*, is_replay: bool, advice: str) -> None:
    """A replay is one schedule, whatever the machine."""
    race = replace(SCHEDULED, answer=None, lacking="too few")
    claim = replace(CLAIM, verdict=Verdict.INCONCLUSIVE, reason="too few", evidence=(race,))
    lines = summary([claim], width=250, verbosity=0, is_replay=is_replay)
    assert advice in "\n".join("".join(span.text for span in line) for line in lines)
