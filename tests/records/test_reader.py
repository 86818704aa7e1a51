"""Run records that come from elsewhere: read whole, or refused in one line that names the file and what to do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from helpers.sample_records import CLAIM, EVIDENCE, PARALLELISM, RACE, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records import reader
from pytest_concclaims.records.evidence import Attempt, Note
from pytest_concclaims.records.reader import RecordError, parse_record, read_record
from pytest_concclaims.records.record import SCHEMA, RunRecord
from pytest_concclaims.reports.files import write_whole

RECORD = record_of(
    replace(CLAIM, id="a", evidence=tuple(EVIDENCE)),
    replace(CLAIM, id="b", verdict=Verdict.INCONCLUSIVE, reason="a ruler is missing"),
)


def refusal(path: Path) -> str:
    """Return why a file is refused; the reason is one line, with the file's name at its beginning."""
    with pytest.raises(RecordError) as caught:
        read_record(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert text.isprintable()
    assert len(text) < len(str(path)) + 500
    assert caught.value.__cause__ is None
    return text[len(f"{path}: ") :]


def written(tmp_path: Path, content: bytes | str) -> Path:
    """Return a file with this content."""
    file = tmp_path / "run.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return file


def changed(change: Callable[[dict[str, Any]], object], record: RunRecord = RECORD) -> str:
    """Return a record's text after a change."""
    data = json.loads(record.to_text())
    change(data)
    return json.dumps(data)


# --- what is read


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """The same record, from every kind of evidence to each null."""
    file = tmp_path / "run.json"
    write_whole(file, RECORD.to_text())
    read = read_record(file)
    assert read.to_json() == RECORD.to_json()
    assert read.claims == RECORD.claims
    assert read.interpreter == RECORD.interpreter
    assert isinstance(read, RunRecord)


def test_record_without_claims_is_read(tmp_path: Path) -> None:
    """Of a run that selected none."""
    assert read_record(written(tmp_path, record_of().to_text())).claims == ()


#: A record of what there was before races had schedules.
EARLIER = record_of(
    replace(CLAIM, id="a", evidence=tuple(piece for piece in EVIDENCE if getattr(piece, "schedules", None) is None)),
    replace(CLAIM, id="b", evidence=(Attempt("refuted", None, [RACE.to_json()]),)),
)


def of_schema_5(data: dict[str, Any]) -> None:
    """Make a record as it was written before claims had their code."""
    data["schema"] = 5
    del data["source_url"], data["suites"]
    for claim in data["claims"]:
        del claim["code"]


def test_schema_5_is_read_and_has_no_code(tmp_path: Path) -> None:
    """Neither does it say where the source files are, nor what the shipped suites are about."""
    record = replace(
        record_of(replace(CLAIM, code="def test_x(): ...")),
        source_url="https://example.com/o/r/blob/1",
        suites=({"name": "demo", "title": "Weather", "language": "English", "about": "Snow.", "terms": {}},),
    )
    assert read_record(written(tmp_path, record.to_text())) == record
    read = read_record(written(tmp_path, changed(of_schema_5, record)))
    assert read == replace(record, claims=(CLAIM,), source_url=None, suites=())
    assert read.to_json()["schema"] == SCHEMA


def of_schema_3(data: dict[str, Any]) -> None:
    """Make a record as it was written before."""
    of_schema_5(data)
    data["schema"] = 3
    del data["project"], data["options"]["patience"], data["options"]["portable"]
    pieces = [piece for claim in data["claims"] for piece in claim["evidence"]]
    pieces += [nested for piece in pieces if piece["kind"] == "attempt" for nested in piece["evidence"]]
    for race in (piece for piece in pieces if piece["kind"] == "race"):
        del race["schedules"]
        for outcome in race["outcomes"]:
            del outcome["schedules"]
        for name in ("steps", "replay", "remark"):
            del race["witness"][name]
        race["witness"]["pinned"] = True


def test_schema_3_is_read_and_has_no_schedules(tmp_path: Path) -> None:
    """Neither in an earlier attempt; and it no longer says how threads were kept on a CPU."""
    read = read_record(written(tmp_path, changed(of_schema_3, EARLIER)))
    assert read.claims == EARLIER.claims
    assert read.to_json()["schema"] == SCHEMA


@pytest.mark.parametrize(
    "broken", [3, [], {}, [3], [{"kind": "race", "outcomes": 3, "witness": [], "evidence": [3]}]]
)
def test_what_is_no_evidence_is_refused_at_any_age(tmp_path: Path, broken: object) -> None:
    """An update of what is no record is no error of another kind."""

    def spoil(data: dict[str, Any]) -> None:
        data["schema"] = 3
        data["claims"][0]["evidence"] = broken

    if broken == []:
        assert read_record(written(tmp_path, changed(spoil))) is not None
    else:
        assert "not a valid run record" in refusal(written(tmp_path, changed(spoil)))


def test_schema_4_is_read_and_names_no_project(tmp_path: Path) -> None:
    """Nor has it the patience; its parallelism has a speed-up, which is another measurement now."""

    def age(data: dict[str, Any]) -> None:
        data["schema"] = 4
        del data["project"], data["options"]["patience"]
        for piece in data["claims"][0]["evidence"]:
            piece.update({"speed_up": 1.7} if piece["kind"] == "parallelism" else {})

    read = read_record(written(tmp_path, changed(age)))
    assert PARALLELISM in read.claims[0].evidence
    assert (read.project, read.options["patience"]) == (None, None)
    assert read.to_json()["schema"] == SCHEMA


def test_schema_1_is_read_and_has_no_node_ids(tmp_path: Path) -> None:
    """Old records are no worse for their age."""

    def age(data: dict[str, Any]) -> None:
        of_schema_3(data)
        data["schema"] = 1
        del data["interpreter"]["jit_enabled"]
        for claim in data["claims"]:
            del claim["nodeid"]

    read = read_record(written(tmp_path, changed(age, EARLIER)))
    assert [claim.nodeid for claim in read.claims] == [None, None]
    assert [replace(claim, nodeid=CLAIM.nodeid) for claim in read.claims] == list(EARLIER.claims)
    assert read.to_json()["schema"] == SCHEMA


def test_schema_2_is_read_and_knows_nothing_of_a_jit(tmp_path: Path) -> None:
    """As an interpreter that cannot say."""

    def age(data: dict[str, Any]) -> None:
        data["schema"] = 2
        del data["interpreter"]["jit_enabled"]

    read = read_record(written(tmp_path, changed(age)))
    assert read.interpreter == replace(RECORD.interpreter, jit_enabled=None)
    assert read.to_json()["schema"] == SCHEMA


@pytest.mark.parametrize("text", ["\ud800", "\udc80 \x00 \x1b[31m \u202e", "\U0001f40d", "\\ud800", "\ufeff"])
def test_hostile_text_survives_file_and_reading(tmp_path: Path, text: str) -> None:
    """Control characters and lone surrogates break no file."""
    record = record_of(replace(CLAIM, statement=text, evidence=(Note(text),)))
    file = tmp_path / "run.json"
    write_whole(file, record.to_text())
    assert read_record(file).claims == record.claims


# --- what is refused


def test_truncated_record_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    """A part of a record never passes for one."""
    content = RECORD.to_text().encode("utf-8")
    for end in range(1, len(content) - 1, 997):
        reason = refusal(written(tmp_path, content[:end]))
        assert reason.startswith("not JSON at line ")
        assert reason.endswith("use the file that pytest wrote")
    # All but the last brace: the newline after it means nothing.
    assert "the end is missing" in refusal(written(tmp_path, content.rstrip()[:-1]))


def test_record_cut_within_a_character_is_refused(tmp_path: Path) -> None:
    """At the byte where that is."""
    content = record_of(replace(CLAIM, statement="雪")).to_text().encode("utf-8")
    start = content.index("雪".encode())
    assert refusal(written(tmp_path, content[: start + 1])) == f"not a run record: not UTF-8 at byte {start + 1:,}"


@pytest.mark.parametrize("content", ["", " \n\t\n"])
def test_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    """The message says what to do."""
    assert refusal(written(tmp_path, content)).startswith("an empty file; run again with --claims-report")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(bytes(range(256)), id="binary"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0", id="picture"),
        pytest.param(RECORD.to_text().encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xff\xfe", id="byte order mark"),
        pytest.param(b"\xef\xbb\xbf" + RECORD.to_text().encode("utf-8"), id="UTF-8 with a mark"),
    ],
)
def test_what_is_no_utf_8_is_refused(tmp_path: Path, content: bytes) -> None:
    """As no record, and not with an error of Python's."""
    assert refusal(written(tmp_path, content)).startswith(
        ("not a run record: not UTF-8 at byte ", "not JSON at line 1")
    )


def test_utf_16_without_a_mark_is_refused(tmp_path: Path) -> None:
    """It is UTF-8 by its bytes, and no JSON."""
    assert refusal(written(tmp_path, RECORD.to_text().encode("utf-16-le"))).startswith("not JSON at line 1")


@pytest.mark.parametrize("text", ["null", "3", "[]", '"x"', "{}", '{"schema": 2}', '{"claims": []}', "[1e5]"])
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    """The message says how to make a record."""
    reason = refusal(written(tmp_path, text))
    assert reason.startswith("JSON, but not a run record; pytest --claims --claims-report")


@pytest.mark.parametrize("text", ["run", "{'a': 1}", "{} {}", "{,}", "<html></html>", "schema: 2"])
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    """At its place."""
    assert refusal(written(tmp_path, text)).startswith("not JSON at line 1, column ")


@pytest.mark.parametrize("schema", [0, -1, "1", "2", True, None, 2.0, [], {"x": "\x1b"}, "x" * 10_000])
def test_schema_that_there_is_not_is_refused(tmp_path: Path, schema: object) -> None:
    """By name."""
    reason = refusal(written(tmp_path, changed(lambda data: data.update(schema=schema))))
    assert reason.startswith("schema ")
    assert reason.endswith(" does not exist; use the file that pytest wrote")


@pytest.mark.parametrize("schema", [SCHEMA + 1, 99, 2**62])
def test_newer_schema_is_refused_and_says_what_to_update(tmp_path: Path, schema: int) -> None:
    """It was written by a newer version."""
    reason = refusal(written(tmp_path, changed(lambda data: data.update(schema=schema))))
    assert reason == (
        f"schema {schema}; this pytest-concclaims reads schemas up to {SCHEMA}: update pytest-concclaims"
    )


@pytest.mark.parametrize(
    "number",
    ["1e999", "-1e999", "1" + "0" * 400, "-1" + "0" * 400, "9" * 5_000, "NaN", "Infinity", "-Infinity", str(2**63)],
)
@pytest.mark.parametrize("key", ["duration", "schema"])
def test_number_that_no_record_has_is_refused(tmp_path: Path, key: str, number: str) -> None:
    """Anywhere: nothing that comes after has to fear infinities and the like."""
    text = RECORD.to_text().replace(f'"{key}": {json.dumps(RECORD.to_json()[key])}', f'"{key}": {number}')
    reason = refusal(written(tmp_path, text))
    assert "not a number in JSON" in reason or "is too large" in reason


@pytest.mark.parametrize("number", ["1e308", "0.1", "1e-999", "123456789012", "0"])
def test_other_numbers_are_read(tmp_path: Path, number: str) -> None:
    """However they are written."""
    text = RECORD.to_text().replace('"duration": 1.0', f'"duration": {number}')
    assert read_record(written(tmp_path, text)).duration == float(number)


@pytest.mark.parametrize("depth", [200, 5_000, 200_000])
@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_deep_nesting_is_refused(tmp_path: Path, brackets: str, depth: int) -> None:
    """Whether the parser refuses it, the schema, or neither."""
    opening, closing = brackets[:-1], brackets[-1]
    text = opening * depth + "1" + closing * depth
    refusal(written(tmp_path, text))
    refusal(written(tmp_path, RECORD.to_text().replace('"suites": [\n      "article"\n    ]', f'"suites": {text}')))
    refusal(written(tmp_path, RECORD.to_text().replace('"reason": null', f'"reason": {text}')))


@pytest.mark.parametrize("place", ['"schema": 6,', '"complete": true,', '"verdict": "confirmed",', '"kind": "note",'])
def test_duplicate_key_is_refused(tmp_path: Path, place: str) -> None:
    """Readers of JSON do not agree on which of the two counts."""
    text = RECORD.to_text()
    assert place in text
    reason = refusal(written(tmp_path, text.replace(place, place + place, 1)))
    assert "same key twice" in reason


def test_duplicate_id_is_refused(tmp_path: Path) -> None:
    """Records are compared by them; both places are named."""
    reason = refusal(written(tmp_path, changed(lambda data: data["claims"][1].update(id="a"))))
    assert "claims[0] and claims[1] have the same id, a;" in reason


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda data: data.pop("complete"), "complete"),
        (lambda data: data.update(extra=1), "extra"),
        (lambda data: data.update(claims=None), "claims"),
        (lambda data: data.update(claims={}), "claims"),
        (lambda data: data.update(schema=1, claims=[3]), "claims[0]"),
        (lambda data: data.update(duration=-1), "duration"),
        (lambda data: data.update(duration=True), "duration"),
        (lambda data: data["interpreter"].update(label=""), "interpreter.label"),
        (lambda data: data["interpreter"].update(start_methods="fork"), "interpreter.start_methods"),
        (lambda data: data["claims"][1].update(verdict="CONFIRMED"), "claims[1].verdict"),
        (lambda data: data["claims"][1].update(digest="x\x1b\udc80"), "claims[1].digest"),
        (lambda data: data["claims"][1].update(id=""), "claims[1].id"),
        (lambda data: data["claims"][0]["evidence"][0].update(kind="rumour"), "claims[0].evidence[0]"),
        (lambda data: data["claims"][0]["evidence"].append(3), "claims[0].evidence["),
        (lambda data: data["claims"][0].update({"x\n\x1b" * 999: 1}), "claims[0]"),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused_with_its_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], place: str
) -> None:
    """Nothing is guessed, and nothing that is not understood is dropped."""
    reason = refusal(written(tmp_path, changed(change)))
    assert reason.startswith("not a valid run record: ")
    assert place in reason


@pytest.mark.parametrize("piece", EVIDENCE, ids=lambda piece: piece.kind)
def test_evidence_without_one_of_its_fields_is_refused(tmp_path: Path, piece: Any) -> None:
    """Of every kind, and every field."""
    for field in piece.to_json():
        data = json.loads(record_of(CLAIM, replace(CLAIM, id="b", evidence=(piece,))).to_text())
        del data["claims"][1]["evidence"][0][field]
        assert "claims[1].evidence[0]" in refusal(written(tmp_path, json.dumps(data)))


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    """In the system's words."""
    assert refusal(tmp_path / "run.json") == os.strerror(2)
    assert refusal(tmp_path) in (os.strerror(21), os.strerror(13))  # Windows: permission denied


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may read all")
def test_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    """In the system's words, too."""
    file = written(tmp_path, RECORD.to_text())
    file.chmod(0)
    assert refusal(file) == os.strerror(13)


def test_name_of_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """The name is text of unknown origin as well."""
    with pytest.raises(RecordError) as caught:
        read_record(tmp_path / "a\x1b[31m\nb.json")
    assert r"a\x1b[31m b.json: " in str(caught.value)


@pytest.mark.parametrize("more", [0, 1])
def test_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    """Before any of it is parsed; one of just that size is read."""
    content = RECORD.to_text().encode("utf-8")
    monkeypatch.setattr(reader, "LARGEST", len(content) - more)
    file = written(tmp_path, content)
    if more:
        assert refusal(file).startswith("not a run record: larger than ")
    else:
        assert read_record(file).claims == RECORD.claims


def test_record_in_memory_is_parsed_by_the_same_rules() -> None:
    """Without a file's name."""
    assert parse_record(RECORD.to_text().encode("utf-8")).claims == RECORD.claims
    with pytest.raises(RecordError, match=r"^an empty file; "):
        parse_record(b"")
