"""The section of a claim in a report, by its source."""

from __future__ import annotations

from .record import ClaimResult


def section_of(result: ClaimResult) -> tuple[str, str]:
    """Return the title of a claim's section, and the words after it in the claim's source, which may be empty.

    The source ``article 1.1, definition`` has the section ``article 1.1`` and the words ``definition``, as the part
    before the first comma ends in a number. Any other source is a section as a whole. Without a source, the suite is.
    """
    source = result.source or ""
    place, _, refinement = source.partition(", ")
    if not refinement or not any(map(str.isdigit, place.rpartition(" ")[2])):
        place, refinement = source, ""
    if not place:
        return result.suite, ""
    return (place if place.startswith(result.suite) else f"{result.suite}: {place}"), refinement
