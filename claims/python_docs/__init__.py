"""What Python's documentation says about thread safety: one module for each page, or for each section of a long page.

The page "Thread Safety Guarantees" of Python 3.15 speaks of the free-threaded build. What it promises holds with a
GIL as well, so each interpreter runs those claims. What it says may go wrong without a GIL is not applicable
elsewhere.
"""

from __future__ import annotations

#: What a run record has of the suite: the pages, and the words that stand after the section in a claim's source.
DESCRIPTION = {
    "title": "Python's documentation, 3.15",
    "language": "English",
    "about": (
        "Its page on thread safety guarantees says which operations of built-in types are atomic, safe or not safe "
        "on the free-threaded build, and its FAQ lists atomic operations. The claims say so in words of their own."
    ),
    "terms": {"beyond": "Not on the page, but what its readers ask next."},
}
