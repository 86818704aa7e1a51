"""The page of one run: all that the record has is on it, and nothing of it does anything."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import pytest_concclaims.reports.render
from helpers.sample_records import ABSENT, CHILD, CLAIM, EVIDENCE, RACE, RATIO, SCHEDULED, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records.evidence import Attempt, ChildRun, Evidence, Note, Raised
from pytest_concclaims.records.record import ClaimResult, RunRecord
from pytest_concclaims.reports.claim_view import anchor, command
from pytest_concclaims.reports.page import page, sections

HOSTILE = (
    "</script><script>alert(1)</script> <img src=x onerror=alert(1)> {{ 7 * 7 }} \x1b[31m \u202e \ud800 \" ' &amp;"
)
SHOWN = (
    "</script><script>alert(1)</script> <img src=x onerror=alert(1)> {{ 7 * 7 }} \\x1b[31m \\x202e \\xd800 \" ' &amp;"
)
UNCLOSED = {"meta", "input"}


class Reader(HTMLParser):
    """What a page has: elements with their attributes, and text; all elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element; it has no attribute twice."""
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        if tag not in UNCLOSED:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self._open.pop() == tag
        if tag not in ("bdi", "b"):
            self.texts.append(" ")

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        if self._open and self._open[-1] in ("style", "script"):
            self.raw[self._open[-1]] = self.raw.get(self._open[-1], "") + data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All text that is shown, on one line."""
        return " ".join("".join(self.texts).split())

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        """Return the attributes of the elements of a class."""
        return [attributes for _, attributes in self.elements if name in (attributes.get("class") or "").split()]


def read(record: RunRecord) -> Reader:
    """Return what the page of a record has."""
    return Reader(page(record))


def claims(*verdicts: Verdict, expected: Verdict = Verdict.CONFIRMED) -> list[ClaimResult]:
    """Return claims that ended so."""
    return [
        replace(
            CLAIM, id=f"demo-{number}", verdict=verdict, expected=expected, reason=None if verdict.reached else "so"
        )
        for number, verdict in enumerate(verdicts)
    ]


# --- what is on it


@pytest.mark.parametrize("piece", EVIDENCE, ids=lambda piece: str(piece.kind))
def test_each_kind_of_evidence_has_its_phrase(piece: Evidence) -> None:
    """Words say everything that pictures show."""
    assert " ".join(piece.phrase().split()) in read(record_of(replace(CLAIM, evidence=(piece,)))).text


def test_all_kinds_of_evidence_together() -> None:
    """Each is a piece of its own, those of an earlier attempt within it."""
    assert len(read(record_of(replace(CLAIM, evidence=tuple(EVIDENCE)))).with_class("piece")) == len(EVIDENCE) + 1


def test_a_claim_has_all_that_the_record_knows() -> None:
    """Verdict, statement, source, reason, id, place, digest and duration."""
    result = replace(CLAIM, source="chapter 7", verdict=Verdict.REFUTED, expected=Verdict.REFUTED, reason="it melts")
    text = read(record_of(result)).text
    for part in (
        "REFUTED",
        "Snow is white",
        "chapter 7",
        "Why it melts",
        "demo-snow",
        "test_x.py:3",
        "0" * 64,
        "100 ms",
    ):
        assert part in text


def test_outputs_and_tracebacks_keep_their_lines() -> None:
    """And their indentation."""
    child: ChildRun = replace(CHILD, stdout="one\n  two\n", stderr="three")
    raised = Raised("set-up", "OSError", "a\nb", "Traceback:\n  File")
    text = page(record_of(replace(CLAIM, evidence=(child, raised))))
    for block in ("one\n  two", "three", "a\nb", "Traceback:\n  File"):
        assert f"<pre data-find>{block}</pre>" in text


def test_counts_add_up_to_the_claims() -> None:
    """Each verdict with its number, and how many of them are not as expected."""
    results = claims(*Verdict, Verdict.CONFIRMED, Verdict.REFUTED)
    counts = re.findall(r'<label class="count is-(\w+)">.*?<b>(\d+)</b>', page(record_of(*results)), re.DOTALL)
    assert counts == [
        ("confirmed", "2"),
        ("refuted", "2"),
        ("inconclusive", "1"),
        ("not_applicable", "1"),
        ("error", "1"),
        ("unexpected", "3"),
    ]


@pytest.mark.parametrize(
    ("results", "complete", "words"),
    [
        (claims(Verdict.CONFIRMED), True, "Every verdict is as expected"),
        (claims(Verdict.CONFIRMED, Verdict.INCONCLUSIVE), True, "As expected, but 1 claim undecided"),
        (claims(Verdict.CONFIRMED), False, "Incomplete: not every claim ended"),
        (claims(Verdict.INCONCLUSIVE), True, "No verdict: nothing was verified"),
        ([], True, "No verdict: nothing was verified"),
        (claims(Verdict.CONFIRMED, Verdict.ERROR, Verdict.REFUTED), True, "2 claims not as expected"),
    ],
)
def test_headline_is_what_the_run_comes_to(results: Sequence[ClaimResult], complete: bool, words: str) -> None:
    """In the page's heading and in the window's title."""
    text = page(replace(record_of(*results), complete=complete))
    assert re.search(rf'<h1 class="headline is-[a-z-]+">{words}</h1>', text)
    assert f"<title>{words} · " in text


@pytest.mark.parametrize(
    ("selection", "verdicts", "words"),
    [
        (["-k lock"], [Verdict.CONFIRMED], "As expected, in a selection: -k lock"),
        (
            ["-k lock", "-m slow"],
            [Verdict.CONFIRMED, Verdict.INCONCLUSIVE],
            "As expected, in a selection: -k lock -m slow, but 1 claim undecided",
        ),
        (["-k lock"], [Verdict.ERROR], "1 claim not as expected"),
    ],
)
def test_a_selection_is_none_of_all_claims(selection: list[str], verdicts: list[Verdict], words: str) -> None:
    """Whatever its verdicts: the page says what narrowed the run, and that there are others."""
    record = record_of(*claims(*verdicts))
    reader = read(replace(record, options={**record.options, "selection": selection}))
    assert f" {words} " in reader.text
    assert "Only a selection of the claims ran. The others are not shown." in reader.text
    assert f"Selection {' '.join(selection)} " in reader.text
    assert "Each other claim says what is missing" not in reader.text or Verdict.INCONCLUSIVE in verdicts


def test_what_narrowed_a_run_is_hostile_and_long() -> None:
    """As any text of a record."""
    record = record_of(CLAIM)
    text = page(replace(record, options={**record.options, "selection": [f"-k {HOSTILE}" + "x" * 500]}))
    heading = re.findall(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)[0]
    assert "&lt;/script&gt;" in heading
    assert "more characters" in heading
    assert len(heading) < 500
    text.encode("utf-8")


def test_schema_1_does_not_tell_what_was_selected() -> None:
    """Which is not that nothing was."""
    record = record_of(CLAIM)
    assert "Selection unknown" in read(replace(record, options={**record.options, "selection": None})).text


@pytest.mark.parametrize(("overlapping", "words"), [(True, "actors overlapped"), (False, "no actors overlapped")])
def test_witness_of_samples_says_whether_actors_overlapped(overlapping: bool, words: str) -> None:
    """What a schedule has given needs no such words."""
    witness = {**(RACE.witness or {}), "overlapping": overlapping}
    text = read(record_of(replace(CLAIM, evidence=(replace(RACE, witness=witness),)))).text
    assert f"leapfrog; {words} " in text
    assert "overlapped" not in read(record_of(replace(CLAIM, evidence=(SCHEDULED,)))).text


def test_schedules_are_told() -> None:
    """How many, where they switched, and what else is to be known of them."""
    text = read(record_of(replace(CLAIM, evidence=(ABSENT,)))).text
    for words in (
        "Schedules 422 schedules with at most two preemptions (more exist: 782 with three), of which none shows it",
        "Switched 14 and 16 switch points of CPython 3.13 with the GIL",
        "At random 100 random ones with three preemptions",
        "Control its control showed it in 16 of 62",
        "Anywhere without a GIL: 2 of 20 schedules show it",
        "Remarks 1 schedule did not repeat; threads that actors started were not scheduled",
    ):
        assert words in text
    assert "Samples" not in text
    assert "of which 1 shows it" in read(record_of(replace(CLAIM, evidence=(SCHEDULED,)))).text
    assert "Schedules" not in read(record_of(replace(CLAIM, evidence=(RACE,)))).text


def test_interleaving_of_a_witness_is_on_the_page() -> None:
    """Its lines, and how to run it again."""
    text = read(record_of(replace(CLAIM, evidence=(SCHEDULED,)))).text
    assert "audit.py:4 lines.append(text) preempted" in text
    assert "replay: --claims-replay 5d-1f-7" in text


def test_an_incomplete_run_says_so_whatever_its_headline() -> None:
    """The worse news does not hide it."""
    assert "The run was stopped" in read(replace(record_of(*claims(Verdict.ERROR)), complete=False)).text


def open_claims(record: RunRecord) -> list[str | None]:
    """Return the anchors of the claims that are open from the start."""
    return [attributes["id"] for attributes in read(record).with_class("claim") if "open" in attributes]


def test_what_is_not_as_expected_is_open_and_marked() -> None:
    """In words: no colour is needed to see it."""
    record = record_of(*claims(Verdict.CONFIRMED, Verdict.REFUTED, Verdict.ERROR, Verdict.INCONCLUSIVE))
    assert open_claims(record) == ["claim-demo-1", "claim-demo-2"]
    assert "REFUTED, expected CONFIRMED" in read(record).text


def test_in_a_strict_run_the_inconclusive_is_not_as_expected() -> None:
    """As in the run itself, which it fails."""
    record = record_of(*claims(Verdict.CONFIRMED, Verdict.INCONCLUSIVE))
    strict = replace(record, options={**record.options, "strict": True})
    assert open_claims(strict) == ["claim-demo-1"]
    assert "INCONCLUSIVE, which fails a strict run" in read(strict).text


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (claims(Verdict.INCONCLUSIVE)[0], "Why there is no verdict so"),
        (claims(Verdict.ERROR)[0], "What went wrong so"),
        (claims(Verdict.CONFIRMED, expected=Verdict.REFUTED)[0], "Expected REFUTED The evidence says otherwise."),
    ],
)
def test_why_it_ended_so(result: ClaimResult, words: str) -> None:
    """The reason has a heading that says what it is the reason of."""
    assert words in read(record_of(result)).text


def test_a_reason_is_not_said_twice() -> None:
    """Where it is the phrase of a piece of evidence, that refers to it; elsewhere, the phrase stands."""
    reason = replace(RACE, answer=None, lacking="too few samples")
    result = replace(CLAIM, verdict=Verdict.INCONCLUSIVE, reason=reason.phrase(), evidence=(reason, RATIO))
    text = read(record_of(result)).text
    assert text.count("has no answer: too few samples") == 1
    assert "see above" in text
    assert RATIO.phrase() in text


def test_environment_is_there() -> None:
    """What ran, with what versions, on what, when, and what it was asked for."""
    record = record_of(CLAIM)
    text = read(record).text
    for part in (
        record.interpreter.describe(),
        record.interpreter.build,
        record.machine.describe(),
        "pytest-concclaims 1, pytest 9, pytest-xdist 3",
        "2 s for each experiment",
        record.started,
    ):
        assert part in text


def test_a_label_of_blanks_gives_way_to_the_implementation() -> None:
    """The schema lets it in; no interpreter that this plugin has described has one."""
    record = record_of(CLAIM)
    blank = replace(record, interpreter=replace(record.interpreter, label=" ", implementation="rustpython"))
    assert "Interpreter rustpython " in read(blank).text


def test_earlier_attempts_are_shown_within_and_not_without_end() -> None:
    """What is too deep is not dropped silently."""
    attempt = Attempt("error", "the innermost", [])
    for number in range(20):
        attempt = Attempt("error", f"reason {number}", [Note(f"fact {number}").to_json(), attempt.to_json()])
    text = read(record_of(replace(CLAIM, evidence=(attempt,)))).text
    assert "fact 19" in text
    assert "The evidence of this attempt is not shown" in text


# --- sections


def test_claims_stand_by_place_in_their_first_order() -> None:
    """What a source says of a place stands beside the claim; without a source, it is the suite."""
    sources = ["demo 1.1", "demo 1.2, literally", None, "demo 1.1, beyond", "README", "Smith, Jones, and others"]
    results = [replace(CLAIM, id=str(number), source=source) for number, source in enumerate(sources)]
    assert [
        (section.title, [(result.id, aside) for result, aside in section.claims]) for section in sections(results)
    ] == [
        ("demo 1.1", [("0", ""), ("3", "beyond")]),
        ("demo 1.2", [("1", "literally")]),
        ("demo", [("2", "")]),
        ("demo: README", [("4", "")]),
        ("demo: Smith, Jones, and others", [("5", "")]),
    ]


def test_suites_with_the_same_source_are_not_mixed() -> None:
    """Their titles differ."""
    results = [replace(CLAIM, id=suite, suite=suite, source="1.1") for suite in ("a", "b")]
    assert [section.title for section in sections(results)] == ["a: 1.1", "b: 1.1"]


# --- how to run it, how to get there


@pytest.mark.parametrize(
    ("nodeid", "line"),
    [
        ("test_x.py::test_x", "pytest --claims test_x.py::test_x"),
        ("test_x.py::test_x[a b]", "pytest --claims 'test_x.py::test_x[a b]'"),
        ("x.py::t[it's; rm -rf /]", """pytest --claims 'x.py::t[it'"'"'s; rm -rf /]'"""),
        ("x.py::t[\x1b]", None),
        ("x.py::t[a\nb]", None),
        ("--pdb", None),
        (None, None),
    ],
)
def test_command_that_runs_a_claim_alone(nodeid: str | None, line: str | None) -> None:
    """Quoted for a shell; none where it would not do what it says."""
    assert command(replace(CLAIM, nodeid=nodeid)) == line


def test_a_record_that_is_too_old_to_tell_the_command_says_so() -> None:
    """Schema 1 had no node ids."""
    assert "This record is of schema 1" in read(record_of(replace(CLAIM, nodeid=None))).text


def test_each_claim_has_an_anchor_of_its_own() -> None:
    """Whatever the id, and however alike."""
    ids = ["a", "a[x]", "a x ", "a-x-", "a\tx", "A", "ü", "\ud800", "x" * 500, "x" * 501, HOSTILE]
    anchors = [anchor(replace(CLAIM, id=name)) for name in ids]
    assert len(set(anchors)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in anchors)


def test_names_in_the_page_are_there_once_and_links_lead_somewhere() -> None:
    """An anchor leads to one place."""
    elements = read(record_of(*claims(*Verdict))).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [attributes["href"] for tag, attributes in elements if tag == "a"]
    assert targets
    assert all(target and target.removeprefix("#") in ids for target in targets)


# --- what the claims are about, their code, and its address


def test_page_says_what_a_suite_and_words_are_about() -> None:
    """Title, language and subject of the suite's text; the meanings of the words, folded."""
    suite = {"name": "demo", "title": "Weather", "language": "French", "about": "Snow.", "terms": {"beyond": "More."}}
    reader = read(replace(record_of(replace(CLAIM, source="demo 1, beyond")), suites=(suite,)))
    assert "demo stands for Weather , in French. Snow." in reader.text
    assert "beyond More." in reader.text
    assert [attributes for attributes in reader.with_class("meanings") if "open" in attributes] == []


def test_code_of_a_claim_is_folded_and_shown_once() -> None:
    """Parameters make several claims of one function: the others refer to the first."""
    code = "def test_x():\n    assert True"
    text = page(record_of(*(replace(CLAIM, id=f"demo-{number}", code=code) for number in range(3)), CLAIM))
    assert text.count("<pre>def test_x():\n    assert True</pre>") == 1
    assert text.count('The same as that of <a href="#claim-demo-0">demo-0</a>.') == 2
    assert '<details class="code"><summary>test_x.py:3</summary>' in text


@pytest.mark.parametrize(
    ("location", "suite", "address"),
    [
        ("tests/test_x.py:3", "demo", "https://example.com/o/r/blob/1/tests/test_x.py#L3"),
        ("tests/a b#?.py:3", "demo", "https://example.com/o/r/blob/1/tests/a%20b%23%3F.py#L3"),
        ("test_x.py:3", "article", None),
        ("../test_x.py:3", "demo", None),
        ("test_x.py", "demo", None),
    ],
)
def test_test_of_a_projects_claim_links_to_its_source(location: str, suite: str, address: str | None) -> None:
    """If the record has the address of the project's files; a shipped suite is not among these."""
    result = replace(CLAIM, location=location, suite=suite)
    record = replace(record_of(result), project="demo", source_url="https://example.com/o/r/blob/1")
    links = [attributes["href"] for tag, attributes in read(record).elements if tag == "a" and "rel" in attributes]
    assert links == ([] if address is None else [address])
    assert not any("rel" in attributes for _, attributes in read(replace(record, source_url=None)).elements)


# --- hostile and large


def record_with(text: str) -> RunRecord:
    """Return a record in which this is each text that may be any."""
    result = replace(
        CLAIM,
        id=text,
        suite=text,
        statement=text,
        source=text,
        reason=text,
        location=text,
        nodeid=text,
        code=text,
        verdict=Verdict.REFUTED,
        expected=Verdict.REFUTED,
        evidence=(
            Note(text),
            replace(CHILD, target=text, stdout=text, stderr=text),
            Raised(text, text, text, text),
            Attempt("error", text, [Note(text).to_json()]),
        ),
    )
    record = record_of(result)
    return replace(
        record,
        tool={**record.tool, text: text},
        project=text,
        source_url="https://example.com/o/r/blob/1",
        suites=({"name": text, "title": text, "language": text, "about": text, "terms": {text: text}},),
        started=text,
        interpreter=replace(record.interpreter, label=text, build=text, default_start_method=text),
        machine=replace(record.machine, system=text),
    )


def test_hostile_texts_are_shown_and_do_nothing() -> None:
    """Each as it stands, with what cannot be seen as its number; the page has the elements of any other."""
    reader = read(record_with(HOSTILE))
    assert reader.text.count(SHOWN) > 15
    assert [tag for tag, _ in reader.elements] == [tag for tag, _ in read(record_with("plain \x1b")).elements]
    assert not re.search("[\x00-\x08\x1b\u202e\ud800-\udfff]", page(record_with(HOSTILE)))


def test_nothing_but_the_pages_own_script_runs() -> None:
    """No handler and no style in an attribute, no address but of the page, and a policy that forbids the rest."""
    reader = read(record_with(HOSTILE))
    for tag, attributes in reader.elements:
        assert [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset")] == []
        if "href" in attributes:
            assert tag == "a"
            assert (attributes["href"] or "").startswith(("#", "https://example.com/"))
    assert not re.search(r"@import|url\(", reader.raw["style"])


def test_policy_names_the_style_and_script_that_are_there() -> None:
    """By their digests: a browser would let nothing else run, and these it does."""
    reader = read(record_of(CLAIM))
    (policy,) = (
        attributes["content"] or ""
        for _, attributes in reader.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(reader.raw[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")


def test_long_texts_are_cut_and_say_so() -> None:
    """And by how much."""
    result = replace(CLAIM, statement="s" * 50_000, evidence=(replace(CHILD, stdout="o" * 50_000),))
    text = page(record_of(result))
    assert text.count("… (40,000 more characters; the run record has them)") >= 2
    assert len(text) < 100_000


def test_many_claims_are_not_much_text() -> None:
    """Two kilobytes for a piece of evidence are few enough."""
    results = [replace(CLAIM, id=f"c{number}", evidence=tuple(EVIDENCE)) for number in range(20)]
    assert len(page(record_of(*results))) - len(page(record_of())) < 20 * len(EVIDENCE) * 2_000


def test_the_same_record_gives_the_same_page() -> None:
    """There is nothing in it of when or where it was made."""
    record = record_of(*claims(*Verdict))
    assert page(record) == page(RunRecord.from_json(record.to_json()))


def test_without_the_script_nothing_is_there_that_needs_it() -> None:
    """Buttons and fields are hidden until the script runs; all claims are there."""
    reader = read(record_of(CLAIM))
    for tag, attributes in reader.elements:
        if tag in ("button", "input"):
            within = "clear" in (attributes.get("class") or "") or "search" in (attributes.get("class") or "")
            assert within or "hidden" in attributes  # these two are in a part that is hidden
    assert all("hidden" not in attributes for attributes in reader.with_class("claim"))


def test_templates_are_beside_the_code() -> None:
    """An installed package has them, as it has the folder."""
    folder = Path(pytest_concclaims.reports.__file__).with_name("templates")
    assert {"document.html.j2", "page.html.j2", "claim.html.j2", "style.css", "script.js"} <= {
        file.name for file in folder.iterdir()
    }


def test_project_is_named_in_title_and_head() -> None:
    """As text; and nothing is where only shipped suites ran."""
    named = page(replace(record_of(CLAIM), project="<b>"))
    assert named.count("oncurrency claims of &lt;b&gt;") == 2
    assert "oncurrency claims of" not in page(record_of(CLAIM))


def test_second_attempts_are_said_to_have_been_asked_for() -> None:
    """With their budget."""
    record = record_of(CLAIM)
    text = read(replace(record, options={**record.options, "patience": 20.0})).text
    assert "for inconclusive claims, with at least 20 s for each experiment" in text
