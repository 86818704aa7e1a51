"""Claims, as the marks on a test function make them."""

from __future__ import annotations

import enum
import math
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from .digest import code_of, digest_of
from .verdict import Verdict

CLAIM_MARKER = "claim(statement, *, source=None, id=None, budget=None)"
REFUTED_MARKER = "refuted(condition, *, reason)"


@dataclass(frozen=True)
class Claim:
    """One statement, and the test item that tests it.

    :param id: the same in a checkout, in an installed wheel and on all interpreters.
    :param suite: the shipped suite, or the project, that the claim belongs to.
    :param source: where the statement comes from, such as ``article 3.2``.
    :param digest: SHA-256 of the statement and the code that tests it.
    :param expected: the expected verdict on this interpreter.
    :param expected_reason: why REFUTED is expected; None if CONFIRMED is.
    :param location: ``file:line``, to be shown.
    :param nodeid: pytest's node id, by which the claim is run alone.
    :param longer_ids: ids to use if another claim has the same: with the module's name, or its path; none if the
        author gave the id.
    :param budget: seconds for each experiment; None: those of ``--claims-budget``.
    :param code: the source of its test function, and of what that uses of its own file, cut to a fixed size; None if
        there is no source file.
    """

    id: str
    suite: str
    statement: str
    source: str | None
    digest: str
    expected: Verdict
    expected_reason: str | None
    location: str
    nodeid: str
    longer_ids: tuple[str, ...] = ()
    budget: float | None = None
    code: str | None = None


class ClaimError(Exception):
    """A test item that is not a valid claim. The text says what is wrong and what to write instead."""


def is_marked(item: pytest.Item) -> bool:
    """Return whether a test item has the mark ``claim``."""
    return item.get_closest_marker("claim") is not None


def read_claim(item: pytest.Item, suite: str, path: str, root: Path) -> Claim:
    """Return the claim that an item's marks make it.

    :param suite: the suite's or project's name.
    :param path: the item's file, to be shown.
    :param root: the folder above which no code belongs to the claim.
    :raises ClaimError: the marks are not valid, or cannot stand there.
    """
    mark, from_parameter = _claim_mark(item)
    if not isinstance(item, pytest.Function):
        raise ClaimError("only a test function or method can be a claim; write the claim as one")
    if item.get_closest_marker("xfail") is not None:
        raise ClaimError(
            'xfail on a claim: mark the expected verdict with @pytest.mark.refuted(condition, reason="...")'
        )
    if _is_testcase_method(item):
        raise ClaimError(
            "a unittest.TestCase method cannot be a claim, as its runner hides the verdict; "
            "write a function, or a method of a plain class"
        )
    statement, source, explicit_id = _claim_arguments(mark)
    names = _parameter_texts(item)
    reason = _refuted_reason(item)
    statement = _filled_in(statement, names, "the statement")
    if explicit_id is not None:
        ids = [_explicit_id(item, explicit_id, names, from_parameter)]
    else:
        ids = [_own_id(item, suite, place) for place in _places(path)]
    return Claim(
        id=ids[0],
        suite=suite,
        statement=statement,
        source=source,
        digest=digest_of(statement, item.function, names, root, plain=_has_plain_parameters(item)),
        expected=Verdict.CONFIRMED if reason is None else Verdict.REFUTED,
        expected_reason=reason,
        location=path if item.location[1] is None else f"{path}:{item.location[1] + 1}",
        nodeid=item.nodeid,
        longer_ids=tuple(ids[1:]),
        budget=_budget(mark),
        code=code_of(item.function, root),
    )


def _parameter_marks(item: pytest.Item, name: str) -> list[pytest.Mark]:
    callspec = getattr(item, "callspec", None)
    return [] if callspec is None else [mark for mark in callspec.marks if mark.name == name]


def _claim_mark(item: pytest.Item) -> tuple[pytest.Mark, bool]:
    """Return the mark that counts, which is the closest one, and whether it stands on a parameter."""
    on_parameter = _parameter_marks(item, "claim")
    by_node = [[mark for mark in node.own_markers if mark.name == "claim"] for node in item.listchain()]
    on_function = [mark for mark in by_node.pop() if mark not in on_parameter]
    for marks in (on_parameter, on_function, *reversed(by_node)):
        if len(marks) > 1:
            raise ClaimError("two claim marks in one place; a test function tests one statement")
        if marks:
            return marks[0], marks is on_parameter
    raise AssertionError(f"{item.nodeid} has no mark claim")


def _is_testcase_method(item: pytest.Function) -> bool:
    import unittest

    return item.cls is not None and issubclass(item.cls, unittest.TestCase)


def _claim_arguments(mark: pytest.Mark) -> tuple[str, str | None, str | None]:
    unknown = set(mark.kwargs) - {"source", "id", "budget", "statement"}
    given = [*mark.args, *([mark.kwargs["statement"]] if "statement" in mark.kwargs else [])]
    if unknown or len(given) > 1:
        raise ClaimError(f"a claim takes one statement, source=, id= and budget=; write {CLAIM_MARKER}")
    if not given or not isinstance(given[0], str) or not given[0].strip():
        raise ClaimError('a claim needs its statement; write @pytest.mark.claim("What is claimed")')
    for name in ("source", "id"):
        value = mark.kwargs.get(name)
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise ClaimError(f"{name}={value!r} of a claim must be a text that is not empty; or leave it out")
    return given[0].strip(), mark.kwargs.get("source"), mark.kwargs.get("id")


def _budget(mark: pytest.Mark) -> float | None:
    budget = mark.kwargs.get("budget")
    if budget is None:
        return None
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not 0 < budget < math.inf:
        raise ClaimError(
            f"budget={budget!r} of a claim must be a positive number of seconds, e.g. budget=5; or leave it out"
        )
    return float(budget)


def _refuted_reason(item: pytest.Item) -> str | None:
    """Return the reason of the first ``refuted`` mark that holds, None if none does; check all of them."""
    reasons = [_refuted_arguments(mark) for mark in item.iter_markers("refuted")]
    return next((reason for holds, reason in reasons if holds), None)


def _refuted_arguments(mark: pytest.Mark) -> tuple[bool, str]:
    arguments: dict[str, Any] = dict(mark.kwargs)
    if mark.args:
        arguments.setdefault("condition", mark.args[0])
    reason = arguments.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise ClaimError(f"refuted needs a reason: why is the statement wrong there? Write {REFUTED_MARKER}")
    if len(mark.args) > 1 or set(arguments) != {"condition", "reason"}:
        raise ClaimError(f"refuted takes one condition and a reason; write {REFUTED_MARKER}")
    condition = arguments["condition"]
    if not isinstance(condition, bool):
        raise ClaimError(
            f"the condition of refuted is {condition!r}; it must be True or False, "
            "e.g. sys.version_info >= (3, 13); join several with 'and' and 'or'"
        )
    return condition, reason.strip()


def check_refuted_alone(item: pytest.Item) -> None:
    """Raise :class:`ClaimError` for an item that has the mark ``refuted``, but not the mark ``claim``."""
    if item.get_closest_marker("refuted") is not None:
        raise ClaimError('refuted without claim; add @pytest.mark.claim("What is claimed")')


# --- the parameters' names in a statement


def _parameter_texts(item: pytest.Function) -> dict[str, str]:
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return {}
    return {name: _text(name, value, callspec) for name, value in callspec.params.items()}


#: Types of values that are equal if their texts are.
_PLAIN = (str, int, float, complex, bytes, type(None))


def _has_plain_parameters(item: pytest.Function) -> bool:
    """Return whether the texts of an item's parameters determine their values."""
    callspec = getattr(item, "callspec", None)
    return callspec is None or all(isinstance(value, _PLAIN) for value in callspec.params.values())


def _text(name: str, value: object, callspec: Any) -> str:
    """Return a text for a parameter's value that is the same in each run (a repr may hold an address)."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, _PLAIN):
        return str(value)
    if isinstance(getattr(value, "__name__", None), str):
        return str(value.__name__)  # type: ignore[attr-defined]  # the line above looked
    return f"{name}{callspec.indices[name]}"


def _filled_in(template: str, names: Mapping[str, str], what: str) -> str:
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
        for field in fields:
            if field not in names:
                known = ", ".join(names) or "it has none"
                raise ClaimError(
                    f"{what} names {{{field}}}, which is not a parameter of the test (its parameters: {known}); "
                    "write a literal brace twice: {{ }}"
                )
        return template.format_map(names)
    except ValueError as error:
        raise ClaimError(
            f"{what} is not a valid template ({error}); write a literal brace twice: {{{{ }}}}"
        ) from None


# --- the id


def _explicit_id(item: pytest.Function, given: str, names: Mapping[str, str], from_parameter: bool) -> str:
    if not given.isprintable():
        raise ClaimError(f"id={given!r} of a claim must have printable characters only")
    filled = _filled_in(given, names, "the id")
    # A mark on one parameter, or an id that names parameters, belongs to this item only.
    return filled if from_parameter or filled != given else filled + _parameters(item)


def _places(path: str) -> tuple[Sequence[str], ...]:
    """Return what an id may have of a claim's file: nothing, the module's name, or its path."""
    folder, _, module = path.removesuffix(".py").rpartition("/")
    module = module.removeprefix("test_")
    return (), (module,), (f"{folder}/{module}" if folder else module,)


def _own_id(item: pytest.Function, suite: str, place: Sequence[str]) -> str:
    """Return an id made of names: those of the suite, of the place, of the classes, and of the function."""
    function = (getattr(item, "originalname", None) or item.name).removeprefix("test_").strip("_")
    classes = [node.name.removeprefix("Test") for node in item.listchain() if isinstance(node, pytest.Class)]
    words = [suite, *map(_kebab, [*place, *classes]), function.replace("_", "-")]
    return "-".join(word for word in words if word) + _parameters(item)


def _parameters(item: pytest.Function) -> str:
    callspec = getattr(item, "callspec", None)
    return f"[{callspec.id}]" if callspec is not None and callspec.id else ""


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).strip("_").replace("_", "-").lower()


def distinct(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims, with longer ids for those whose functions' names give them the same id."""
    found = list(claims)
    for length in range(2):
        counts = Counter(claim.id for claim in found)
        found = [
            replace(claim, id=claim.longer_ids[length]) if counts[claim.id] > 1 and claim.longer_ids else claim
            for claim in found
        ]
    return found


def duplicates(claims: Sequence[tuple[str, Claim]]) -> list[str]:
    """Return a message for each id that more than one claim has, with the places.

    :param claims: pairs of node id and claim.
    """
    places: dict[str, list[str]] = {}
    for nodeid, claim in claims:
        places.setdefault(claim.id, []).append(f"{claim.location} ({nodeid})")
    return [
        f'{len(found)} claims have the id "{claim_id}": '
        + " and ".join(found)
        + '; rename one, or give it an id of its own: @pytest.mark.claim("...", id="...")'
        for claim_id, found in places.items()
        if len(found) > 1
    ]
