"""The badge: its words, its colour, which is never green without evidence, and its two formats."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from helpers.sample_records import CLAIM, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.cli.main import main
from pytest_concclaims.records.record import RunRecord, Standing
from pytest_concclaims.reports.badge import Badge, badge_of, to_endpoint, to_svg
from pytest_concclaims.reports.files import write_whole

REFUTED = replace(CLAIM, id="r", verdict=Verdict.REFUTED, expected=Verdict.REFUTED, reason="it melts")
UNEXPECTED = replace(CLAIM, id="u", verdict=Verdict.REFUTED)
INCONCLUSIVE = replace(CLAIM, id="i", verdict=Verdict.INCONCLUSIVE, reason="a ruler is missing")
NOT_APPLICABLE = replace(INCONCLUSIVE, id="n", verdict=Verdict.NOT_APPLICABLE)
ERROR = replace(INCONCLUSIVE, id="e", verdict=Verdict.ERROR)
GOOD = record_of(CLAIM, REFUTED)

#: The names that shields.io has for colours.
NAMED = ("brightgreen", "green", "yellow", "yellowgreen", "orange", "red", "blue", "grey", "lightgrey")
SVG = "{http://www.w3.org/2000/svg}"


def other(record: RunRecord, label: str) -> RunRecord:
    """Return the record as if it were another interpreter's."""
    return replace(record, interpreter=replace(record.interpreter, label=label))


CASES = {
    "good": ([GOOD], "1 confirmed · 1 refuted", "brightgreen"),
    "one": ([record_of(REFUTED)], "0 confirmed · 1 refuted", "brightgreen"),
    "not applicable": ([record_of(CLAIM, NOT_APPLICABLE)], "1 confirmed · 0 refuted", "brightgreen"),
    "inconclusive": ([record_of(CLAIM, INCONCLUSIVE)], "1 confirmed · 0 refuted · 1 inconclusive", "yellow"),
    "unexpected": ([record_of(CLAIM, UNEXPECTED)], "1 confirmed · 1 refuted · 1 not as expected", "red"),
    "error": ([record_of(CLAIM, ERROR)], "1 confirmed · 0 refuted · 1 error · 1 not as expected", "red"),
    "incomplete": ([replace(GOOD, complete=False)], "1 confirmed · 1 refuted · incomplete", "lightgrey"),
    "unexpected and incomplete": (
        [replace(record_of(UNEXPECTED), complete=False)],
        "0 confirmed · 1 refuted · 1 not as expected · incomplete",
        "red",
    ),
    "no claims": ([record_of()], "no verdict", "lightgrey"),
    "no verdict": ([record_of(INCONCLUSIVE, NOT_APPLICABLE)], "no verdict · 1 inconclusive", "lightgrey"),
    "errors only": ([record_of(ERROR, replace(ERROR, id="f"))], "no verdict · 2 errors · 2 not as expected", "red"),
    "two": ([GOOD, other(GOOD, "Jython 2.7")], "2 confirmed · 2 refuted on 2 interpreters", "brightgreen"),
    "two of one": ([GOOD, GOOD], "2 confirmed · 2 refuted", "brightgreen"),
    "one of two without a verdict": (
        [GOOD, other(record_of(), "Jython 2.7")],
        "1 confirmed · 1 refuted on 2 interpreters",
        "lightgrey",
    ),
    "one of two unexpected": (
        [other(record_of(UNEXPECTED), "Jython 2.7"), GOOD],
        "1 confirmed · 2 refuted · 1 not as expected on 2 interpreters",
        "red",
    ),
    "strict": (
        [replace(record_of(CLAIM, INCONCLUSIVE), options={**GOOD.options, "strict": True})],
        "1 confirmed · 0 refuted · 1 inconclusive · 1 not as expected",
        "red",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_words_and_colour(case: str) -> None:
    """The endpoint's JSON holds to shields' rules, and the picture says the same."""
    records, message, colour = CASES[case]
    badge = badge_of(records, "claims")
    fields = json.loads(to_endpoint(badge))
    expected = {"schemaVersion": 1, "label": "claims", "message": message, "color": colour}
    assert fields == expected | ({"isError": True} if colour == "red" else {})
    assert fields["color"] in NAMED
    picture = ET.fromstring(to_svg(badge))
    assert [text.text for text in picture.iter(f"{SVG}text")] == ["claims", message]


@pytest.mark.parametrize("verdict", Verdict)
def test_one_claim_is_green_only_with_the_expected_verdict(verdict: Verdict) -> None:
    """No other end is evidence for anything."""
    badge = badge_of([record_of(replace(CLAIM, verdict=verdict, reason="x"))], "claims")
    assert ("green" in to_endpoint(badge)) == (verdict is Verdict.CONFIRMED)


def test_every_standing_but_the_best_is_not_green_in_the_picture() -> None:
    """Colours are distinguishable there as well."""
    fills = {standing: _fill(to_svg(Badge("claims", "x", standing))) for standing in Standing}
    assert [standing for standing, fill in fills.items() if _is_green(fill)] == [Standing.AS_EXPECTED]
    assert fills[Standing.NO_VERDICT] == fills[Standing.INCOMPLETE]
    assert len(set(fills.values())) == 4


def _fill(svg: str) -> str:
    paths = list(ET.fromstring(svg).iter(f"{SVG}path"))
    return paths[-1].attrib["fill"]


def _is_green(fill: str) -> bool:
    red, green, blue = (int(fill[start : start + 2], 16) for start in (1, 3, 5))
    return green > 1.2 * max(red, blue)


@pytest.mark.parametrize("standing", Standing)
def test_white_text_has_contrast(standing: Standing) -> None:
    """WCAG 2.2, 1.4.3 AA: at least 4.5 to 1."""
    fill = _fill(to_svg(Badge("claims", "x", standing)))
    parts = [int(fill[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5


def test_badge_without_records_is_refused() -> None:
    """There is nothing to say."""
    with pytest.raises(ValueError, match="pass at least one run record"):
        badge_of([], "claims")


HOSTILE = {
    "markup": "</text><script>alert(1)</script>&amp; \"quoted\" 'too'",
    "controls": "a\x00b\x07\x1b[31m\x7f\x85\u2028",
    "newlines": "a\r\nb\tc",
    "surrogates": "\ud800 \udc80",
    "directions": "\u202eabc\u2066",
    "no characters": "\ufffe\uffff\U0001ffff",
    "long": "x" * 100_000,
    "wide": "雪" * 200,
    "CDATA": "]]> <![CDATA[ <!-- -->",
    "empty": "",
    "blank": " \n ",
}


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_no_label_breaks_the_files(tmp_path: Path, label: str) -> None:
    """The picture stays well-formed XML without anything that runs, and the JSON stays JSON in UTF-8."""
    badge = badge_of([GOOD], label)
    for name, text in (("badge.svg", to_svg(badge)), ("badge.json", to_endpoint(badge))):
        text.encode("utf-8")  # a lone surrogate would raise
        write_whole(tmp_path / name, text)
        assert (tmp_path / name).read_bytes() == text.encode("utf-8")
    picture = ET.fromstring(to_svg(badge))
    tags = {element.tag.replace(SVG, "") for element in picture.iter()}
    assert tags == {"svg", "title", "path", "g", "text"}
    shown = [text.text or "" for text in picture.iter(f"{SVG}text")]
    assert shown == [badge.label, badge.message]
    assert picture.attrib["aria-label"] == f"{badge.label}: {badge.message}"
    assert badge.label.isprintable()
    assert len(badge.label) < 200
    fields = json.loads(to_endpoint(badge))
    assert all(isinstance(fields[name], str) for name in ("label", "message"))
    assert fields["label"]
    assert fields["message"]


def test_picture_is_as_wide_as_its_texts() -> None:
    """Both parts have room, one beside the other."""
    picture = ET.fromstring(to_svg(badge_of([GOOD], "claims")))
    first, second = picture.iter(f"{SVG}text")
    left, right = (int(text.attrib["x"]) for text in (first, second))
    assert left + int(first.attrib["textLength"]) < right
    assert right + int(second.attrib["textLength"]) < int(picture.attrib["width"])


# --- the command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with two records in ``runs``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    write_whole(tmp_path / "runs" / "a.json", GOOD.to_text())
    write_whole(tmp_path / "runs" / "b.json", other(record_of(UNEXPECTED), "Jython 2.7").to_text())
    return tmp_path


def test_command_writes_the_badge_of_all_records(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files and folders of them, in both formats; a badge in the folder is no record."""
    assert main(["badge", "runs", "-o", "runs/b.shields.json", "-o", "out/b.svg", "--label", "threads"]) == 0
    fields = json.loads((folder / "runs/b.shields.json").read_text(encoding="utf-8"))
    assert fields["label"] == "threads"
    assert fields["message"] == "1 confirmed · 2 refuted · 1 not as expected on 2 interpreters"
    assert main(["badge", "runs/a.json", "runs/b.json", "-o", "c.svg"]) == 0
    assert "1 confirmed · 2 refuted" in (folder / "c.svg").read_text(encoding="utf-8")
    assert "threads" in (folder / "out/b.svg").read_text(encoding="utf-8")
    output = capsys.readouterr()
    assert output.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs", "-o", "b.png"], "-o b.png: its suffix names no format; end it in .svg or .shields.json"),
        (["runs", "-o", "b.json"], "-o b.json: its suffix names no format"),
        (["runs", "-o", "runs/a.json/b.svg"], "-o runs/a.json/b.svg: cannot be written: "),
        (["nowhere.json", "-o", "b.svg"], "nowhere.json: "),
        (["empty", "-o", "b.svg"], "empty: no run record (*.json) in this folder"),
        (["runs/a.json", "bad.json", "-o", "b.svg"], "bad.json: JSON, but not a run record"),
    ],
)
def test_command_refuses_what_makes_no_badge(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """Exit status 2, one line with the place and the reason, and no file."""
    (folder / "empty").mkdir()
    (folder / "bad.json").write_text("{}", encoding="utf-8")
    assert main(["badge", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"concclaims badge: {said}")
    assert error.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["bad.json", "empty", "runs"]


def test_command_reads_each_run_once_wherever_it_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders are searched below as well, as downloaded artifacts lie, and whatever the case of the suffix."""
    runs = tmp_path / "runs"
    (runs / "one").mkdir(parents=True)
    (runs / "one" / "run.json").write_text(record_of(CLAIM).to_text(), encoding="utf-8")
    second = record_of(replace(CLAIM, verdict=Verdict.REFUTED))
    (runs / "RUN.JSON").write_text(second.to_text(), encoding="utf-8")
    (runs / "badge.shields.json").write_text("{}", encoding="utf-8")
    out = tmp_path / "all.shields.json"
    assert main(["badge", str(runs), str(runs / "RUN.JSON"), "-o", str(out)]) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["message"] == "1 confirmed · 1 refuted · 1 not as expected"
    (runs / "copy.json").write_text(second.to_text(), encoding="utf-8")
    assert main(["badge", str(runs), "-o", str(out)]) == 2
    assert "the same run record" in capsys.readouterr().err


OF_BANK = replace(GOOD, project="bank")


@pytest.mark.parametrize(
    ("records", "label", "shown"),
    [
        ([GOOD], None, "concurrency claims"),
        ([OF_BANK], None, "concurrency claims of bank"),
        ([OF_BANK], "  ", "concurrency claims of bank"),
        ([OF_BANK], "mine", "mine"),
        ([OF_BANK, other(OF_BANK, "Jython 2.7")], None, "concurrency claims of bank"),
        ([OF_BANK, GOOD], None, "concurrency claims"),
        ([OF_BANK, replace(GOOD, project="shop")], None, "concurrency claims"),
    ],
)
def test_label_names_the_project_that_all_runs_are_of(
    records: list[RunRecord], label: str | None, shown: str
) -> None:
    """Unless another one is given."""
    assert badge_of(records, label).label == shown
