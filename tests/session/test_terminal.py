"""What a person sees in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from helpers.claims_project import ALL_ENDS, COMPANION, make_project, one_claim, run_claims
from pytest_concclaims.interpreter import Interpreter


def test_header_names_the_interpreter(pytester: pytest.Pytester) -> None:
    """A verdict is about one interpreter: which, and on how many CPUs; and which claims were asked for."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester)
    run.result.stdout.fnmatch_lines(
        [f"concclaims: {Interpreter.current().describe()}, * usable CPU*", "claims: the project's own"]
    )


def test_each_end_has_its_letter_and_the_unexpected_stands_out(pytester: pytest.Pytester) -> None:
    """In the line of dots, a letter for each claim; an exclamation mark calls somebody."""
    make_project(pytester, ALL_ENDS)
    run = run_claims(pytester)
    run.result.stdout.fnmatch_lines(["test_claims.py CRinR!C!E!C *"])


def test_each_end_has_its_word(pytester: pytest.Pytester) -> None:
    """With -v the words, and what was expected instead."""
    make_project(pytester, ALL_ENDS)
    run = run_claims(pytester, "-v")
    run.result.stdout.fnmatch_lines(
        [
            "test_claims.py::test_confirmed CONFIRMED *",
            "test_claims.py::test_refuted REFUTED *",
            "test_claims.py::test_inconclusive INCONCLUSIVE *",
            "test_claims.py::test_not_applicable NOT APPLICABLE *",
            "test_claims.py::test_unexpectedly_refuted REFUTED, expected CONFIRMED *",
            "test_claims.py::test_unexpectedly_confirmed CONFIRMED, expected REFUTED *",
            "test_claims.py::test_error ERROR *",
        ]
    )


def test_pytests_own_categories_stay(pytester: pytest.Pytester) -> None:
    """Its counts and its sections of failures go by passed, failed and skipped."""
    make_project(pytester, ALL_ENDS)
    run = run_claims(pytester, "-rfs")
    run.result.assert_outcomes(passed=3, failed=3, skipped=2)
    run.result.stdout.fnmatch_lines(["*= FAILURES =*", "*_ test_unexpectedly_refuted _*", "*_ test_error _*"])
    run.result.stdout.fnmatch_lines(["SKIPPED ?1? test_claims.py:*: INCONCLUSIVE: *a ruler"])
    run.result.stdout.fnmatch_lines(["SKIPPED ?1? test_claims.py:*: no grammar here"])


def test_summary_has_a_line_for_each_claim_and_counts_last(pytester: pytest.Pytester) -> None:
    """Verdict, statement, source, and why; the last line counts."""
    make_project(pytester, ALL_ENDS)
    lines = run_claims(pytester).section
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
    make_project(pytester, one_claim("assert lab"))
    assert run_claims(pytester).section[-1] == "2 claims: 2 confirmed, 0 refuted; every verdict as expected"


def test_claims_without_a_verdict_are_not_as_expected(pytester: pytest.Pytester) -> None:
    """They are what nobody expects anything of."""
    make_project(pytester, one_claim('lab.require(False, "a ruler")'))
    line = "2 claims: 1 confirmed, 0 refuted, 1 inconclusive; every verdict reached as expected"
    assert " ".join(run_claims(pytester).section[-2:]).endswith(line)


@pytest.mark.parametrize("option", ["-q", "-qq", "-v", "-vv"])
def test_verbosity_chooses_how_much_is_told(pytester: pytest.Pytester, option: str) -> None:
    """-q: the claims, and details of the unexpected; -qq: the count; -v: all evidence, with id and place."""
    make_project(pytester, ALL_ENDS)
    lines = run_claims(pytester, option).section
    text = "\n".join(lines)
    assert lines[-2].startswith("8 claims: ")
    assert ("Snow is white" in text) == (option != "-qq")
    assert ("expected CONFIRMED" in text) == (option != "-qq")
    assert ("seen on two mountains" in text) == option.startswith("-v")
    assert ("demo-confirmed, test_claims.py:" in text) == option.startswith("-v")
    assert (len(lines) == 2) == (option == "-qq")


LONG = "Snow is " + "very, " * 60 + "white"
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
    "nothing reached": one_claim("pytest.skip('x')").replace(COMPANION, ""),
    "all": ALL_ENDS,
}


@pytest.mark.parametrize("option", ["-v", "-q"])
@pytest.mark.parametrize("what", WIDE)
def test_no_line_of_the_summary_is_wider_than_the_terminal(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, what: str, option: str
) -> None:
    """Long texts wrap, at 80 columns as at 50; without colours there is no escape code."""
    width = 50 if option == "-q" else 80
    monkeypatch.setenv("COLUMNS", str(width))
    make_project(pytester, WIDE[what])
    run = run_claims(pytester, option)
    lines = run.section
    assert lines
    assert max(map(len, lines)) <= width
    assert "\x1b" not in run.output
    if what == "statement":
        assert " ".join(" ".join(lines).split()).count("very,") == 60


def test_long_evidence_is_shortened_unless_asked_for(pytester: pytest.Pytester) -> None:
    """The statement is always whole; of the evidence, the beginning."""
    make_project(pytester, one_claim(f"lab.note({LONG!r})\nassert lab"))
    short, whole = (" ".join(" ".join(run_claims(pytester, *options).section).split()) for options in ([], ["-v"]))
    assert 0 < short.count("very,") < 60
    assert "..." in short
    assert whole.count("very,") == 60


def test_reason_is_told_once(pytester: pytest.Pytester) -> None:
    """Also where -v tells all evidence, and the reason is one of it."""
    make_project(pytester, one_claim("lab.require(False, 'a ruler')"))
    assert "\n".join(run_claims(pytester, "-v").section).count("not met: a ruler") == 1


STRANGE = "Snow\x1b[31m is\x07 red\r\nand\t\x00white\u202e \udc80"


@pytest.mark.parametrize("options", [(), ("-v", "-rA")], ids=" ".join)
@pytest.mark.parametrize(
    "body", ["assert lab", "assert lab is None", "lab.require(False, STRANGE)", "pytest.skip('x')"]
)
def test_statement_cannot_steer_the_terminal(pytester: pytest.Pytester, body: str, options: tuple[str, ...]) -> None:
    """Control characters, escape codes, newlines and surrogates are shown, not obeyed."""
    strange = f"STRANGE = {STRANGE!a}"
    make_project(
        pytester,
        one_claim(f"lab.note(STRANGE)\n{body}", prelude=strange).replace('"Snow is white"', "STRANGE"),
    )
    run = run_claims(pytester, *options)
    assert run.claims["snow"]["statement"] == STRANGE
    lines = run.section
    assert any(r"Snow\x1b[31m is\x07 red and \x00white\x202e \xdc80" in line for line in lines)
    if "lab.require" not in body:  # pytest prints what a skip or failure says, as of any test
        assert not set("\x1b\x07\r\x00\u202e\udc80") & set(run.output)


def test_colours_mark_the_verdicts(pytester: pytest.Pytester) -> None:
    """With colour the words are coloured, and the unexpected is red."""
    make_project(pytester, ALL_ENDS)
    text = "\n".join(run_claims(pytester, "--color=yes").section)
    assert "\x1b[32mCONFIRMED " in text
    assert "\x1b[36mREFUTED " in text
    assert "\x1b[31m\x1b[1mREFUTED!" in text
    assert "\x1b[31m\x1b[1mERROR!" in text


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["plain", "xdist"])
def test_order_is_that_of_collection(pytester: pytest.Pytester, options: Sequence[str]) -> None:
    """The summary and the record are in the order of collection, in whatever order the claims ended."""
    numbers = [10, 9, 1]
    make_project(
        pytester,
        f"@pytest.mark.parametrize('n', {numbers})\n@pytest.mark.claim('{{n}} is a number')\n"
        "def test_number(n):\n    assert n < 11\n",
    )
    run = run_claims(pytester, "-q", *options, subprocess=bool(options))
    assert [line.split(maxsplit=1)[1] for line in run.section[:3]] == [f"{n} is a number" for n in numbers]
    assert run.record is not None
    assert [claim["statement"] for claim in run.record["claims"][:3]] == [f"{n} is a number" for n in numbers]
