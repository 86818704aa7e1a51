"""Evidence as pictures: pure functions of evidence that return markup for a page.

Horizontal positions are percentages, so that a picture fits any width and its text keeps its size. Colours come from
the page's style, by classes. The page has everything that a picture shows in words as well.
"""

from __future__ import annotations

from .costs import costs
from .histogram import control, outcomes
from .lanes import lanes
from .measured import against_threshold
from .slices import slices
from .units import in_seconds

__all__ = ["against_threshold", "control", "costs", "in_seconds", "lanes", "outcomes", "slices"]
