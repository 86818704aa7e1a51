"""Where a claim stands in a report: the section that its source names, and what the source says beyond it."""

from __future__ import annotations

from .record import ClaimResult


def section_of(result: ClaimResult) -> tuple[str, str]:
    """Return a section's title, and what a claim's source adds to it; either may be what the other is not.

    The source ``article 1.1, definition`` is of the section ``article 1.1``, which ``definition`` refines: before the
    first comma stands a place with a number. Any other source is a section as it is. Without one, it is the suite.
    """
    source = result.source or ""
    place, _, refinement = source.partition(", ")
    if not refinement or not any(map(str.isdigit, place.rpartition(" ")[2])):
        place, refinement = source, ""
    if not place:
        return result.suite, ""
    return (place if place.startswith(result.suite) else f"{result.suite}: {place}"), refinement
