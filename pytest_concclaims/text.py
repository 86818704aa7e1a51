"""Text of unknown origin, made fit to be shown: statements, reasons and outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Things of a list that are named.
_MOST_LISTED = 4


def harmless(text: str) -> str:
    """Return the text on one line, without characters that would steer a terminal or turn its direction."""
    return _visible(" ".join(text.split()))


def harmless_block(text: str) -> str:
    """Return the text with its lines and indentation, but otherwise as :func:`harmless` does."""
    return "\n".join(_visible(line.expandtabs()) for line in text.splitlines())


def cut(text: str, most: int) -> str:
    """Return the text, if it is longer than that with its end left out, and how much that was.

    :param most: characters.
    """
    if len(text) <= most:
        return text
    return f"{text[:most].rstrip()} … ({len(text) - most:,} more characters; the run record has them)"


def counted(number: int, noun: str) -> str:
    """Return a number of things, such as ``1 sample``, ``2 samples``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def several(number: int, noun: str) -> str:
    """Return a number of two or more things, such as ``2 processes``, ``12 threads``."""
    return f"{number:,} {noun}{'es' if noun.endswith('s') else 's'}"


def listed(things: Sequence[str], between: str = ", ") -> str:
    """Return some things as a list, and of many, how many more there are."""
    more = len(things) - _MOST_LISTED
    return between.join(things[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _visible(text: str) -> str:
    """Return the text with each character that is no visible one (controls, bidirectional marks) as its number."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)


def as_markdown(text: str) -> str:
    """Return the text on one line as GitHub-flavoured Markdown that shows it literally, in a table as well.

    What could begin or end markup is escaped; entities keep addresses from becoming links; a word joiner keeps
    ``@name`` and ``#1`` from calling people and issues (GitHub Flavored Markdown Spec, 2.4, 6.1 and 6.9).
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
