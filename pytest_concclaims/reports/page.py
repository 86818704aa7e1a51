"""The page of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..records.record import ClaimResult, RunRecord, Standing, count_verdicts
from ..records.section import section_of
from ..text import counted, cut, harmless
from ..verdict import Verdict
from .claim_view import anchor, of_project, places_of_code
from .html import document, name_of
from .key import descriptions, key

#: With more claims, the evidence of each is parsed when it is first shown.
_MOST_PARSED_AT_ONCE = 500
#: Characters of the options that narrowed a run, in a headline.
_LONGEST_SELECTION = 100


def page(record: RunRecord) -> str:
    """Return a run as one HTML file, which loads nothing."""
    return document(
        "page.html.j2",
        record=record,
        whose=of_project(record.project),
        headline=headline(record),
        remark=_remark(record),
        standing=name_of(record.standing),
        counts=_shown_counts(record),
        failing=len(record.failing),
        lazy=len(record.claims) > _MOST_PARSED_AT_ONCE,
        suites=descriptions([record]),
        key=key([record]),
        sections=sections(record.claims),
        code=places_of_code((result, anchor(result)) for result in record.claims),
        started=record.started.replace("T", " ").replace("+00:00", " UTC"),
        environment=_environment(record),
        total=counted(len(record.claims), "claim"),
    )


def headline(record: RunRecord) -> str:
    """Return the run's standing, in words."""
    standing = record.standing
    if standing is Standing.UNEXPECTED:
        return f"{counted(len(record.failing), 'claim')} not as expected"
    if standing is Standing.NO_VERDICT:
        return "No verdict: nothing was verified"
    if standing is Standing.INCOMPLETE:
        return "Incomplete: not every claim ended"
    if standing is Standing.UNDECIDED:
        undecided = count_verdicts(record.claims)[Verdict.INCONCLUSIVE]
        but = f", but {counted(undecided, 'claim')} undecided" if undecided else ""
        return f"As expected{_in_a_selection(record)}{but}"
    return "Every verdict is as expected"


def _in_a_selection(record: RunRecord) -> str:
    """Return the options that narrowed the run, to follow in a headline; an empty text if there are none."""
    if not record.selection:
        return ""
    return f", in a selection: {harmless(cut(' '.join(record.selection), _LONGEST_SELECTION))}"


def _remark(record: RunRecord) -> str:
    """Return sentences that explain the headline; may be empty."""
    parts = []
    if not record.complete:
        parts.append("The run was stopped, or some of its claims could not be collected. Those are not shown.")
    if record.standing is Standing.UNEXPECTED:
        parts.append("They are open below.")
    if record.standing is Standing.NO_VERDICT:
        parts.append("A run without any verdict fails.")
    if record.standing is Standing.UNDECIDED and count_verdicts(record.claims)[Verdict.INCONCLUSIVE]:
        parts.append("Every verdict that was reached is the expected one. Each other claim says what is missing.")
    if record.selection:
        parts.append("Only a selection of the claims ran. The others are not shown.")
    return " ".join(parts)


def _shown_counts(record: RunRecord) -> list[tuple[Verdict, int]]:
    return [(verdict, count) for verdict, count in count_verdicts(record.claims).items() if count or verdict.reached]


@dataclass
class PageSection:
    """The claims of one section of their source.

    :param claims: each with the words after the section in its source; may be empty.
    """

    title: str
    claims: list[tuple[ClaimResult, str]] = field(default_factory=list)


def sections(claims: Sequence[ClaimResult]) -> list[PageSection]:
    """Return the claims by suite and section, in the order of first appearance; those without a source by suite."""
    found: dict[tuple[str, str], PageSection] = {}
    for result in claims:
        title, refinement = section_of(result)
        found.setdefault((result.suite, title), PageSection(title)).claims.append((result, refinement))
    return list(found.values())


def _selection(record: RunRecord) -> str:
    if record.options["selection"] is None:
        return "unknown (record of schema 1)"
    return " ".join(record.selection) or "none: all claims of the suites and files"


def _second_attempts(patience: float | None) -> str:
    if patience is None:
        return "none"
    return f"for inconclusive claims, with at least {patience:g} s for each experiment"


def _environment(record: RunRecord) -> list[tuple[str, str]]:
    """Return facts about the interpreter, the machine and the options, each with its name."""
    interpreter, machine, options = record.interpreter, record.machine, record.options
    interval = "none" if interpreter.switch_interval is None else f"{interpreter.switch_interval:g} s"
    methods = ", ".join(interpreter.start_methods)
    load = "unknown" if machine.load_average is None else f"{machine.load_average:g}"
    tools = ", ".join(
        f"{name} {version}"
        for name, version in [
            (record.tool["name"], record.tool["version"]),
            *((name, version) for name, version in record.tool.items() if name not in ("name", "version")),
        ]
    )
    return [
        ("Interpreter", interpreter.describe()),
        ("Build", interpreter.build),
        ("Switch interval", interval),
        ("Start methods", f"{methods} (default: {interpreter.default_start_method})"),
        ("System", f"{machine.system} {machine.release}, {machine.architecture}"),
        ("CPUs", machine.describe()),
        ("Load at the start", load),
        ("Tools", tools),
        ("Suites", ", ".join(options["suites"]) or "none"),
        ("Selection", _selection(record)),
        ("Budget", f"{options['budget']:g} s for each experiment without a budget of its own"),
        ("Second attempts", _second_attempts(options["patience"])),
        ("Strict", "yes: an inconclusive claim fails the run" if options["strict"] else "no"),
        ("Experiments ran", "in the test process" if options["in_process"] else "in child processes, where possible"),
        ("Started", record.started),
        ("Duration", f"{record.duration:,.1f} s"),
        ("Complete", "yes" if record.complete else "no"),
    ]
