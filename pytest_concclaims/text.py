"""Helpers for texts that are shown: safe display, numbers with nouns, lists, Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: The number of items of a list that are named.
_MOST_LISTED = 4


def harmless(text: str) -> str:
    """Return the text on one line, with control characters and bidirectional marks as their numbers."""
    return _visible(" ".join(text.split()))


def harmless_block(text: str) -> str:
    """Return the text as :func:`harmless` does, but with its lines and indentation."""
    return "\n".join(_visible(line.expandtabs()) for line in text.splitlines())


def cut(text: str, most: int) -> str:
    """Return the text; if it is too long, without its end, and with the number of characters left out.

    :param most: characters that are kept, at most.
    """
    if len(text) <= most:
        return text
    return f"{text[:most].rstrip()} … ({len(text) - most:,} more characters; the run record has them)"


def counted(number: int, noun: str) -> str:
    """Return a number with a noun, such as ``1 sample``, ``2 samples``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def numbered(names: Sequence[str]) -> list[str]:
    """Return the names; of equal ones, each with a number: ``add (1)``, ``add (2)``."""
    return [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, 1)]


def duration(seconds: float) -> str:
    """Return a duration, such as ``0.35 s``, ``28 s``, ``3 min 20 s``."""
    if seconds < 9.95:
        return f"{seconds:.2g} s" if seconds >= 0.01 else "less than 0.01 s"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60:,} min {whole % 60} s"


def several(number: int, noun: str) -> str:
    """Return a number of two or more things, such as ``2 processes``, ``12 threads``."""
    return f"{number:,} {noun}{'es' if noun.endswith('s') else 's'}"


def listed(things: Sequence[str], between: str = ", ") -> str:
    """Return the first items of a list, and the number of the others."""
    more = len(things) - _MOST_LISTED
    return between.join(things[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _visible(text: str) -> str:
    """Return the text with each unprintable character (control, bidirectional mark) as its number."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)


def as_markdown(text: str) -> str:
    """Return the text on one line as GitHub-flavoured Markdown that shows it literally, also in a table.

    Characters that begin or end markup are escaped. Entities keep addresses from becoming links. A word joiner keeps
    ``@name`` and ``#1`` from mentioning people and issues (GitHub Flavored Markdown Spec, 2.4, 6.1 and 6.9).
    """
    return _MARKUP.sub(_literal, harmless(text))


_MARKUP = re.compile(
    r"""
    ^(?P<block>[-+=\#]|\d+(?=[.)](?:\s|$)))  # begins a list or a heading
    |(?P<mark>[\\`*_\[\]|~$])
    |(?P<entity>[<>&]|:(?=\S)|(?<=www)\.)  # a tag, an entity, an address, an emoji
    |(?P<call>[@#])(?=\w)
    """,
    re.VERBOSE | re.IGNORECASE,
)


def _literal(found: re.Match[str]) -> str:
    text = found[0]
    if found["call"] is not None:
        return f"{text}\N{WORD JOINER}"
    if found["block"] is not None:
        return f"{text}\N{WORD JOINER}" if text.isdigit() else f"\\{text}"
    return f"\\{text}" if found["mark"] is not None else f"&#{ord(text)};"
