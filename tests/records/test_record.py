"""The run record: its schema, and that what is written reads back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import fastjsonschema
import pytest

from helpers.sample_records import CLAIM, EVIDENCE, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records import evidence as evidence_module
from pytest_concclaims.records.evidence import Evidence, Note
from pytest_concclaims.records.record import SCHEMA_FILE, ClaimResult


@pytest.fixture(scope="module")
def validate() -> Callable[[object], object]:
    """Return what raises if its argument does not hold to the schema."""
    validator: Callable[[object], object] = fastjsonschema.compile(
        json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    )
    return validator


@pytest.mark.parametrize("piece", EVIDENCE, ids=lambda piece: piece.kind)
def test_every_kind_of_evidence_holds_to_the_schema_and_survives_the_journey(
    validate: Callable[[object], object], piece: Evidence
) -> None:
    """What is written is as the schema says, and reads back as what it was."""
    claim = replace(CLAIM, evidence=(piece,))
    data = json.loads(record_of(claim).to_text())
    validate(data)
    assert ClaimResult.from_json(data["claims"][0]) == claim


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_holds_to_the_schema(validate: Callable[[object], object], verdict: Verdict) -> None:
    """A reason may be missing only where there is a verdict."""
    claim = replace(CLAIM, verdict=verdict, reason="so it is")
    validate(json.loads(record_of(claim).to_text()))
    without = json.loads(record_of(replace(claim, reason=None)).to_text())
    if verdict.reached:
        validate(without)
    else:
        with pytest.raises(ValueError, match=r"^data"):  # fastjsonschema.JsonSchemaException
            validate(without)


def test_schema_knows_all_kinds_and_describes_all_fields() -> None:
    """A new field or kind of evidence needs its line in the schema."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    definitions = schema["definitions"]
    classes = [cls for cls in vars(evidence_module).values() if isinstance(cls, type) and issubclass(cls, Evidence)]
    kinds = {cls.kind: cls for cls in classes if hasattr(cls, "kind")}
    assert {piece.kind for piece in EVIDENCE} == set(kinds)
    assert [entry["$ref"] for entry in definitions["evidence"]["oneOf"]] == [
        f"#/definitions/{kind}" for kind in kinds
    ]
    for kind, cls in kinds.items():
        assert set(definitions[kind]["properties"]) == {"kind", *(field.name for field in fields(cls))}

    def objects(node: object, place: str) -> None:
        if not isinstance(node, dict):
            return
        if node.get("type") == "object":
            assert "additionalProperties" in node, place
            for name, entry in node["properties"].items():
                assert "description" in entry or "$ref" in entry or "const" in entry, f"{place}.{name}"
        for name, entry in node.items():
            objects(entry, f"{place}.{name}")

    objects(schema, "schema")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("complete"),
        lambda data: data.update(schema=5),
        lambda data: data.update(extra=1),
        lambda data: data.update(started="yesterday"),
        lambda data: data["interpreter"].pop("gil_enabled"),
        lambda data: data["machine"].update(extra=1),
        lambda data: data["options"].update(budget=0),
        lambda data: data["tool"].update(name="other"),
        lambda data: data["claims"][0].update(verdict="maybe"),
        lambda data: data["claims"][0].update(expected="error"),
        lambda data: data["claims"][0].update(digest="x"),
        lambda data: data["claims"][0].pop("location"),
        lambda data: data["claims"][0].pop("nodeid"),
        lambda data: data["claims"][0].pop("code"),
        lambda data: data.update(source_url="javascript:alert(1)"),
        lambda data: data.update(suites=[{"name": "demo"}]),
        lambda data: data["claims"][0]["evidence"][0].update(kind="rumour"),
        lambda data: data["claims"][0]["evidence"][0].update(extra=1),
    ],
)
def test_schema_refuses_what_is_no_record(
    validate: Callable[[object], object], spoil: Callable[[dict[str, Any]], object]
) -> None:
    """The schema is more than an empty promise."""
    data = json.loads(record_of(replace(CLAIM, evidence=(Note("it snows"),))).to_text())
    validate(data)
    spoil(data)
    with pytest.raises(ValueError, match=r"^data"):  # fastjsonschema.JsonSchemaException
        validate(data)
