"""The templates of pages, and HTML documents made from them, which load nothing.

A page is a template that extends ``document.html.j2`` and fills its blocks. ``claim.html.j2`` has the macros that
show a claim with its evidence.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..records.record import Standing
from ..records.schedules import in_schedule
from ..text import cut, harmless, harmless_block
from . import charts, claim_view

#: Characters of one text that a page shows.
MOST = 10_000

_FOLDER = Path(__file__).with_name("templates")


def document(template: str, **values: object) -> str:
    """Return a page as one file, with its style and its script; its policy allows no others.

    :param template: the name of a template that extends ``document.html.j2``.
    :param values: the template's variables.
    """
    return environment().get_template(template).render(values)


def read(name: str) -> str:
    """Return the text of a file beside the templates."""
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")


def name_of(standing: Standing) -> str:
    """Return a standing's class in pages, such as ``as-expected``."""
    return standing.name.lower().replace("_", "-")


@functools.cache
def environment() -> Environment:
    """Return the environment of the templates: all text is escaped, and an unknown variable is an error.

    The filters ``line`` and ``block`` make text of unknown origin safe to show, and cut it.
    """
    made = Environment(
        loader=PackageLoader(__name__.rpartition(".")[0], "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(line=_line, block=_block, seconds=charts.in_seconds)
    style, script = map(read, ("style.css", "script.js"))
    made.globals.update(
        # Not escaped: browsers decode no entities in these two elements. Both files are of this package.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy=content_security_policy(style, script),
        anchor=claim_view.anchor,
        mark=claim_view.mark,
        why=claim_view.why,
        command=claim_view.command,
        earlier=claim_view.earlier,
        kind_of=claim_view.kind_of,
        schedule_facts=claim_view.schedule_facts,
        source_link=claim_view.source_link,
        in_schedule=in_schedule,
        charts=charts,
    )
    return made


def content_security_policy(style: str, script: str) -> str:
    """Return a content security policy that allows this style and this script, and nothing else.

    It disables attributes such as ``style=`` and ``onclick=``.
    """
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _line(text: str) -> str:
    return harmless(cut(text, MOST))


def _block(text: str) -> str:
    return harmless_block(cut(text, MOST))
