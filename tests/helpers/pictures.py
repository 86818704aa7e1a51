"""Evidence to draw, and the parts of pictures: for the tests of charts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from helpers.sample_records import PARALLELISM, RACE
from pytest_concclaims.records.evidence import ParallelismRun, RaceRun

HOSTILE = "<script>alert(1)</script> \x1b[31m \u202e \ud800 \" ' &"


EXTREMES = [0.0, -1.0, 1.0, 5e-324, 1e-322, -1e-322, 1e-300, 1e300, -1e300, 1.7976931348623157e308, 2**62, -(2**62)]


def read(markup: str) -> Element:
    """Return the root element of a picture; text that is not escaped fails to parse."""
    return fromstring(f"<root>{markup}</root>")


def text_of(markup: str) -> str:
    """Return a picture's text on one line."""
    return " ".join("".join(read(markup).itertext()).split())


def parts(markup: str, class_: str) -> list[Element]:
    """Return the elements of a class."""
    return [part for part in read(markup).iter() if class_ in part.get("class", "").split()]


def percentage(part: Element, name: str) -> float:
    """Return an attribute that is a percentage."""
    return float(part.attrib[name].rstrip("%"))


def outcome(text: str, samples: int, overlapping: int, schedules: int = 0) -> dict[str, Any]:
    """Return an outcome as evidence has it."""
    return {"outcome": text, "samples": samples, "overlapping": overlapping, "schedules": schedules}


def race_with(*outcomes: dict[str, Any], **changes: Any) -> RaceRun:
    """Return a race with these outcomes."""
    return replace(RACE, outcomes=list(outcomes), **{"other_outcomes": 0, **changes})


def slices(count: int, **changes: Any) -> ParallelismRun:
    """Return a measurement with this number of slices, each with these changes."""
    return replace(PARALLELISM, slices=[{**PARALLELISM.slices[0], **changes}] * count)
