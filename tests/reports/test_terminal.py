"""The summary in the terminal: each claim with its verdict and why, and a count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.claims_project import ALL_ENDS, COMPANION, Run, one_claim, run_once
from helpers.sample_records import CLAIM, RACE, SCHEDULED
from pytest_concclaims import Verdict
from pytest_concclaims.records.record import ClaimResult
from pytest_concclaims.reports.interleaving import FEW_LINES, interleaving
from pytest_concclaims.reports.terminal import summary

pytestmark = pytest.mark.plugin


def test_summary_has_a_line_for_each_claim_and_counts_last(pytester: pytest.Pytester) -> None:
    """Verdict, statement, source, and why; the last line counts."""
    lines = run_once(pytester, ALL_ENDS).section
    heads = [line for line in lines if not line.startswith(" ")]
    assert [line.split("  ")[0] for line in heads[:-2]] == [
        "CONFIRMED",
        "REFUTED",
        "INCONCLUSIVE",
        "NOT APPLICABLE",
        "REFUTED!",
        "CONFIRMED!",
        "ERROR!",
        "CONFIRMED",
    ]
    assert heads[0].endswith("Snow is white [page 1]")
    # Too long for one line.
    assert lines[-2:] == [
        "8 claims: 3 confirmed, 2 refuted, 1 inconclusive, 1 not applicable, 1 error;",
        "3 not as expected",
    ]
    text = " ".join(" ".join(lines).split())
    for words in (
        "seen on two mountains",
        "because it reflects light",
        "a ruler",
        "no grammar here",
        "Snow is grey expected CONFIRMED",
        "Snow is cold expected REFUTED",
        "ValueError: invalid literal",
    ):
        assert words in text


def test_summary_of_a_good_run_says_so(pytester: pytest.Pytester) -> None:
    """Nothing to look at: the last line says that as well."""
    assert (
        run_once(pytester, one_claim("assert lab")).section[-1]
        == "2 claims: 2 confirmed, 0 refuted; every verdict as expected"
    )


def test_claims_without_a_verdict_are_not_as_expected(pytester: pytest.Pytester) -> None:
    """No verdict is expected of them."""
    line = "2 claims: 1 confirmed, 0 refuted, 1 inconclusive; every verdict reached as expected"
    assert " ".join(run_once(pytester, one_claim('lab.require(False, "a ruler")')).section[-2:]).endswith(line)


@pytest.mark.parametrize("option", ["-q", "-qq", "-v", "-vv"])
def test_verbosity_chooses_how_much_is_told(pytester: pytest.Pytester, option: str) -> None:
    """-q: the claims, and details of the unexpected; -qq: the count; -v: all evidence, with id and place."""
    lines = run_once(pytester, ALL_ENDS, option).section
    text = "\n".join(lines)
    assert lines[-2].startswith("8 claims: ")
    assert ("Snow is white" in text) == (option != "-qq")
    assert ("expected CONFIRMED" in text) == (option != "-qq")
    assert ("seen on two mountains" in text) == option.startswith("-v")
    assert ("demo-confirmed, test_claims.py:" in text) == option.startswith("-v")
    assert (len(lines) == 2) == (option == "-qq")


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
@pytest.mark.parametrize("name", WIDE)
def test_no_line_of_a_claim_is_wider_than_the_terminal(pytester: pytest.Pytester, name: str, option: str) -> None:
    """Long texts wrap, at 80 columns as at 50."""
    section = wide_run(pytester, WIDE_CLAIMS + COMPANION, option).section
    starts = [number for number, line in enumerate(section) if not line.startswith(" ")]
    number = list(WIDE).index(name)
    lines = section[starts[number] : starts[number + 1]]
    assert lines
    assert max(map(len, lines)) <= _width(option)
    if name == "statement":
        assert " ".join(" ".join(lines).split()).count("very,") == 60


@pytest.mark.parametrize("option", ["-v", "-q"])
@pytest.mark.parametrize("code", [WIDE_CLAIMS + COMPANION, NOTHING_REACHED, ALL_ENDS], ids=["wide", "nothing", "all"])
def test_no_line_of_the_summary_is_wider_than_the_terminal(pytester: pytest.Pytester, code: str, option: str) -> None:
    """The counts wrap as well; without colours there is no escape code."""
    run = wide_run(pytester, code, option)
    lines = run.section
    assert lines
    assert max(map(len, lines)) <= _width(option)
    assert "\x1b" not in run.output


def test_long_evidence_is_shortened_unless_asked_for(pytester: pytest.Pytester) -> None:
    """The statement is always whole; of the evidence, the beginning."""
    code = one_claim(f"lab.note({LONG!r})\nassert lab")
    short, whole = (" ".join(" ".join(run_once(pytester, code, *opt).section).split()) for opt in ([], ["-v"]))
    assert 0 < short.count("very,") < 60
    assert "..." in short
    assert whole.count("very,") == 60


def test_reason_is_told_once(pytester: pytest.Pytester) -> None:
    """Also where -v tells all evidence, and the reason is one of it."""
    assert (
        "\n".join(run_once(pytester, one_claim("lab.require(False, 'a ruler')"), "-v").section).count(
            "not met: a ruler"
        )
        == 1
    )


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


# --- the interleaving of a witness

#: One that is longer than a few lines.
LONG_STORY = replace(
    SCHEDULED, witness={**(SCHEDULED.witness or {}), "steps": (SCHEDULED.witness or {})["steps"] * 3}
)
RACED = replace(CLAIM, evidence=(SCHEDULED, LONG_STORY, RACE))


def summarized(claim: ClaimResult, verbosity: int, width: int = 80) -> list[str]:
    """Return the lines of the summary of one claim."""
    return ["".join(span.text for span in line) for line in summary([claim], width=width, verbosity=verbosity)]


def shown(lines: list[str], drawn: list[str]) -> bool:
    """Return whether lines stand together among others, and further left, as they need the room."""
    return "\n".join(f"  {line}" for line in drawn) in "\n".join(lines)


def test_most_telling_lines_of_the_last_witness_are_shown() -> None:
    """That of the question which decided; a witness without a story says no more than its phrase."""
    lines = summarized(RACED, 0)
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
    """As it is with all evidence."""
    few = interleaving(LONG_STORY, 78, FEW_LINES)
    assert not shown(summarized(RACED, -1), few)
    assert shown(summarized(replace(RACED, verdict=Verdict.REFUTED), -1), few)
    assert not shown(summarized(replace(RACED, verdict=Verdict.REFUTED), -2), few)


@pytest.mark.parametrize("width", [10, 40, 50, 80])
def test_no_line_of_an_interleaving_is_wider_than_the_terminal(width: int) -> None:
    """Down to the width below which nothing is drawn narrower."""
    assert max(map(len, summarized(RACED, 1, width))) <= max(width, 42)
