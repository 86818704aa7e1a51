"""Every record that the schema lets in can be shown: no file leads to a traceback."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from helpers.sample_records import CLAIM, EVIDENCE, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records.evidence import Attempt
from pytest_concclaims.records.reader import parse_record
from pytest_concclaims.records.record import SCHEMA_FILE, RunRecord
from pytest_concclaims.reports.markdown import LARGEST_COMMENT, LEAST, markdown
from pytest_concclaims.reports.page import page
from pytest_concclaims.reports.terminal import ending, summary

SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
TEXTS = [
    "",
    " ",
    "\n\t",
    "-",
    "free drift",
    "above",
    "between",
    "a `b``c|d  e\n# <script>alert(1)</script> &amp; @x #1 $x$",
    "\x1b[31m\x00 \u202e \ud800 \udc80 \U0001f40d",
    "x" * 20_000,
    "1 " * 5_000,
]
# JSON's integers may be written with a point, and its reader makes floats of them.
INTEGERS = [0, 1, 2, 3.0, 1_000, 2**62, 1e300, -1, -(2**62)]
NUMBERS = [*INTEGERS, 0.5, 0.999, 1e-300, 1e-322, -1e-322, 5e-324, 1.7e308, -1.7e308]
VALUES: dict[str, list[Any]] = {
    "string": TEXTS,
    "integer": INTEGERS,
    "number": NUMBERS,
    "boolean": [True, False],
    "null": [None],
}


class Varied:
    """Values in place of those of a record, such as its schema lets in; which ones, a seed decides."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.often = self.chance.choice((0.02, 0.1, 0.3))

    def value(self, schema: dict[str, Any], old: Any) -> Any:
        """Return the value with some of what is in it replaced."""
        schema = resolved(schema)
        if "oneOf" in schema:
            return self._one_of([resolved(one) for one in schema["oneOf"]], old)
        if isinstance(old, dict):
            known = schema["properties"]
            return {name: self.value(known[name], item) if name in known else item for name, item in old.items()}
        now = self.chance.random() < self.often
        if isinstance(old, list):
            kept = old[: schema.get("minItems", 0)] if now else old
            return [self.value(schema["items"], item) for item in kept]
        return self._another(schema, old) if now else old

    def _one_of(self, schemas: list[dict[str, Any]], old: Any) -> Any:
        if schemas[0] == {"type": "null"}:
            return None if old is None or self.chance.random() < self.often else self.value(schemas[1], old)
        return self.value(next(one for one in schemas if one["properties"]["kind"]["const"] == old["kind"]), old)

    def _another(self, schema: dict[str, Any], old: Any) -> Any:
        if schema.keys() & {"const", "pattern", "format"}:
            return old
        if "enum" in schema:
            return self.chance.choice(schema["enum"])
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return self.chance.choice(
            [value for kind in types for value in VALUES.get(kind, [old]) if fits(value, schema)]
        )


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that this one refers to, if it does."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(SCHEMA["definitions"][name]) if name else schema


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Return whether a value is long or large enough, and not too large."""
    if isinstance(value, str):
        return bool(len(value) >= schema.get("minLength", 0))
    if not isinstance(value, (int, float)):
        return True
    return bool(
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and not ("exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"])
        and not ("exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"])
    )


def record_from(seed: int) -> RunRecord:
    """Return a record with claims of all verdicts and evidence of all kinds that has passed the schema."""
    evidence = (*EVIDENCE, Attempt("error", "it broke", [piece.to_json() for piece in EVIDENCE]))
    claims = [
        replace(CLAIM, id=verdict.value, verdict=verdict, reason="so", evidence=evidence) for verdict in Verdict
    ]
    varied = Varied(seed).value(SCHEMA, record_of(*claims).to_json())
    for number, claim in enumerate(varied["claims"]):
        claim["id"] += f" {number}"  # a record has no id twice
        claim["reason"] = claim["reason"] or "so"  # and one that reached no verdict has a reason
    return parse_record(json.dumps(varied).encode("ascii"))


@pytest.mark.parametrize("seed", range(16))
def test_whatever_passes_the_schema_can_be_shown(seed: int) -> None:
    """As a page, as Markdown of any length, and in the terminal, with and without evidence."""
    record = record_from(seed)
    assert page(record).encode("utf-8")
    for most in (LEAST, LARGEST_COMMENT):
        text = markdown(record, most)
        assert text.encode("utf-8")
        assert len(text) <= most
    for verbosity in (0, 1):
        lines = list(summary(record.claims, width=80, verbosity=verbosity, strict=record.strict))
        lines += ending(record.claims, width=80, interpreter=record.interpreter.describe(), seconds=record.duration)
        assert all(span.text.isprintable() for line in lines for span in line)
