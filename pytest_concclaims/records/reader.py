"""Run records that come from elsewhere: read whole and checked, or refused with the reason."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..text import cut, harmless
from .record import SCHEMA, SCHEMA_FILE, RunRecord

#: Bytes; the whole article's record has less than one in a hundred of them.
LARGEST = 64 * 1024 * 1024
#: The integers that are read: those that every JSON reader can hold, and that arithmetic with floats takes.
_LARGEST_INTEGER = 2**63


class RecordError(Exception):
    """A file that is no run record, or none that can be read; the text, in one line, names it and says what to do."""


def read_record(path: Path) -> RunRecord:
    """Return the run record in a file.

    :raises RecordError: there is none, it cannot be read, or it is not as its schema says.
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
    """Return the run record that a file's content is.

    :raises RecordError: it is none.
    """
    if len(content) > LARGEST:
        raise RecordError(f"larger than {LARGEST // 2**20} MiB, which no run record is")
    return RunRecord.from_json(_checked(_up_to_date(_parsed(content))))


def _parsed(content: bytes) -> Any:
    if not content.strip():
        raise RecordError("empty; a run that was refused writes no record: run it again with --claims-report")
    try:
        return json.loads(
            content.decode("utf-8"),
            parse_constant=_no_number,
            parse_float=_float,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise RecordError(f"not UTF-8 at byte {error.start + 1:,}, so no run record") from None
    except json.JSONDecodeError as error:
        what = "it ends too early, a part is missing" if error.pos >= len(error.doc.rstrip()) - 1 else error.msg
        raise RecordError(
            f"no JSON at line {error.lineno}, column {error.colno}: {what}; take the file as it was written"
        ) from None
    except RecursionError:
        raise RecordError("nested too deeply for a run record") from None


def _no_number(text: str) -> Any:
    raise RecordError(f"{text}, which is no number in JSON and in no run record")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _no_number(cut(text, 20))
    return value


def _integer(text: str) -> int:
    # Python refuses to convert very long ones, with an error of its own.
    value = int(text) if len(text) < 25 else _LARGEST_INTEGER
    if abs(value) >= _LARGEST_INTEGER:
        raise RecordError(f"{cut(text, 20)}, a number too large for a run record")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise RecordError("an object that has the same key twice, which no run record has")
    return fields


def _up_to_date(data: Any) -> dict[str, Any]:
    """Return the data of a record as the current schema has it."""
    if not isinstance(data, dict) or "schema" not in data or "claims" not in data:
        raise RecordError("JSON, but no run record; a run writes one with pytest --claims --claims-report run.json")
    schema = data["schema"]
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise RecordError(f"of schema {cut(repr(schema), 40)}, which there is not; take the file as it was written")
    if schema > SCHEMA:
        raise RecordError(f"of schema {schema}, and this pytest-concclaims reads up to {SCHEMA}; update it")
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
    """Yield the evidence of a kind of all claims, as far as it looks like some."""
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


#: What turns a record of one schema into one of the next, in place; it may be no record at all.
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
            f"not as a run record is: {cut(harmless(f'{place} {problem}'), 300)}; take the file as it was written"
        ) from None
    except RecursionError:
        raise RecordError("nested too deeply for a run record") from None
    places: dict[str, int] = {}
    for number, claim in enumerate(data["claims"]):
        first = places.setdefault(claim["id"], number)
        if first != number:
            raise RecordError(
                f"not as a run record is: claims[{first}] and claims[{number}] have the same id, "
                f"{cut(harmless(claim['id']), 80)}; take the file as it was written"
            )
    return data


@functools.cache
def _validator() -> Callable[[object], object]:
    import fastjsonschema

    validator: Callable[[object], object] = fastjsonschema.compile(
        json.loads(SCHEMA_FILE.read_text(encoding="utf-8")), use_default=False
    )
    return validator
