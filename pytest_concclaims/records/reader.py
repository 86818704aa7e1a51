"""The reader of run records, which checks each record as a whole and refuses an invalid one."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..text import cut, harmless
from .record import SCHEMA, SCHEMA_FILE, RunRecord

#: The size limit in bytes. A record of the suite ``article`` has less than a hundredth of it.
LARGEST = 64 * 1024 * 1024
#: Integers must be smaller: any JSON reader can hold them, and they can be converted to floats.
_LARGEST_INTEGER = 2**63


class RecordError(Exception):
    """A file that is not a valid run record; the text, in one line, names the file and says what to do."""


def read_record(path: Path) -> RunRecord:
    """Return the run record in a file.

    :raises RecordError: the file cannot be read, or is not a valid run record.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise RecordError(f"{harmless(str(path))}: {error.strerror or error}") from None
    try:
        return parse_record(content)
    except RecordError as error:
        raise RecordError(f"{harmless(str(path))}: {error}") from None


def parse_record(content: bytes) -> RunRecord:
    """Return the run record with this content.

    :raises RecordError: the content is not a valid run record.
    """
    if len(content) > LARGEST:
        raise RecordError(f"not a run record: larger than {LARGEST // 2**20} MiB")
    return RunRecord.from_json(_checked(_up_to_date(_parsed(content))))


def _parsed(content: bytes) -> Any:
    if not content.strip():
        raise RecordError("an empty file; run again with --claims-report to write a record")
    try:
        return json.loads(
            content.decode("utf-8"),
            parse_constant=_no_number,
            parse_float=_float,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise RecordError(f"not a run record: not UTF-8 at byte {error.start + 1:,}") from None
    except json.JSONDecodeError as error:
        what = "the end is missing" if error.pos >= len(error.doc.rstrip()) - 1 else error.msg
        raise RecordError(
            f"not JSON at line {error.lineno}, column {error.colno}: {what}; use the file that pytest wrote"
        ) from None
    except RecursionError:
        raise RecordError("not a run record: nested too deeply") from None


def _no_number(text: str) -> Any:
    raise RecordError(f"not a run record: {text} is not a number in JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _no_number(cut(text, 20))
    return value


def _integer(text: str) -> int:
    # int() raises ValueError for very long texts.
    value = int(text) if len(text) < 25 else _LARGEST_INTEGER
    if abs(value) >= _LARGEST_INTEGER:
        raise RecordError(f"not a run record: the number {cut(text, 20)} is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise RecordError("not a run record: an object has the same key twice")
    return fields


def _up_to_date(data: Any) -> dict[str, Any]:
    """Return the data of a record, converted to the current schema."""
    if not isinstance(data, dict) or "schema" not in data or "claims" not in data:
        raise RecordError("JSON, but not a run record; pytest --claims --claims-report run.json writes one")
    schema = data["schema"]
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise RecordError(f"schema {cut(repr(schema), 40)} does not exist; use the file that pytest wrote")
    if schema > SCHEMA:
        raise RecordError(
            f"schema {schema}; this pytest-concclaims reads schemas up to {SCHEMA}: update pytest-concclaims"
        )
    for version in range(schema, SCHEMA):
        _UPDATES[version](data)
        data["schema"] = version + 1
    return data


def _second(data: dict[str, Any]) -> None:
    """Turn schema 1 into schema 2."""
    options = data.get("options")
    if isinstance(options, dict):
        options["selection"] = None
    claims = data["claims"]
    for claim in claims if isinstance(claims, list) else ():
        if isinstance(claim, dict):
            claim["nodeid"] = None


def _third(data: dict[str, Any]) -> None:
    """Turn schema 2 into schema 3."""
    interpreter = data.get("interpreter")
    if isinstance(interpreter, dict):
        interpreter["jit_enabled"] = None


def _fourth(data: dict[str, Any]) -> None:
    """Turn schema 3 into schema 4."""
    if isinstance(data.get("options"), dict):
        data["options"].setdefault("portable", False)
    for race in _pieces(data, "race"):
        _without_schedules(race)


def _fifth(data: dict[str, Any]) -> None:
    """Turn schema 4 into schema 5."""
    data.setdefault("project", None)
    if isinstance(data.get("options"), dict):
        data["options"].setdefault("patience", None)
    for parallelism in _pieces(data, "parallelism"):
        parallelism.pop("speed_up", None)
    for race in _pieces(data, "race"):
        race["orders"], race["scenarios"], race["interrupted"] = [], None, False
        if isinstance(race.get("witness"), dict):
            race["witness"]["scenario"] = None
        if isinstance(race.get("control"), dict):
            race["control"]["without_locks"] = []


def _sixth(data: dict[str, Any]) -> None:
    """Turn schema 5 into schema 6."""
    data.setdefault("source_url", None)
    data.setdefault("suites", [])
    claims = data["claims"]
    for claim in claims if isinstance(claims, list) else ():
        if isinstance(claim, dict):
            claim.setdefault("code", None)


def _pieces(data: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Yield all evidence of a kind, also within attempts; the data may be invalid."""
    claims = data["claims"]
    holders = list(claims) if isinstance(claims, list) else []
    while holders:
        holder = holders.pop()
        pieces = holder.get("evidence") if isinstance(holder, dict) else None
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, dict) and piece.get("kind") == kind:
                yield piece
            holders.append(piece)  # an attempt holds evidence of its own


def _without_schedules(race: dict[str, Any]) -> None:
    race["schedules"] = None
    outcomes, witness = race.get("outcomes"), race.get("witness")
    for outcome in outcomes if isinstance(outcomes, list) else ():
        if isinstance(outcome, dict):
            outcome["schedules"] = 0
    if isinstance(witness, dict):
        witness.pop("pinned", None)
        witness.update(steps=None, replay=None, remark=None)


#: For each schema, the function that converts a record to the next one, in place. The data may be invalid.
_UPDATES: dict[int, Callable[[dict[str, Any]], None]] = {
    1: _second,
    2: _third,
    3: _fourth,
    4: _fifth,
    5: _sixth,
}


def _checked(data: dict[str, Any]) -> dict[str, Any]:
    import fastjsonschema

    try:
        _validator()(data)
    except fastjsonschema.JsonSchemaValueException as error:
        place, _, problem = error.message.partition(" ")
        place = place.removeprefix("data").lstrip(".") or "it"
        raise RecordError(
            f"not a valid run record: {cut(harmless(f'{place} {problem}'), 300)}; use the file that pytest wrote"
        ) from None
    except RecursionError:
        raise RecordError("not a run record: nested too deeply") from None
    places: dict[str, int] = {}
    for number, claim in enumerate(data["claims"]):
        first = places.setdefault(claim["id"], number)
        if first != number:
            raise RecordError(
                f"not a valid run record: claims[{first}] and claims[{number}] have the same id, "
                f"{cut(harmless(claim['id']), 80)}; use the file that pytest wrote"
            )
    return data


@functools.cache
def _validator() -> Callable[[object], object]:
    import fastjsonschema

    validator: Callable[[object], object] = fastjsonschema.compile(
        json.loads(SCHEMA_FILE.read_text(encoding="utf-8")), use_default=False
    )
    return validator
