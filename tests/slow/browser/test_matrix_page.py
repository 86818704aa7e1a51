"""The page of a matrix in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helpers.sample_records import CLAIM, EVIDENCE, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.interpreter import label_of
from pytest_concclaims.records.evidence import Note
from pytest_concclaims.records.matrix import Matrix, matrix_of
from pytest_concclaims.records.record import ClaimResult, RunRecord
from pytest_concclaims.reports.matrix.page import matrix_page

if TYPE_CHECKING:
    from slow.browser.conftest import Browser

ATTACK = (
    "<script>window.ran = 1; document.title = 'ran'</script><img src=x onerror='window.ran = 1'></details></table>"
    "<style>* { display: none }</style>\u202e" + "W" * 300
)
#: Returns what does not fit the window's width, but for what can be scrolled into sight within its own box.
TOO_WIDE = """
const width = document.documentElement.clientWidth;
const whole = document.documentElement.scrollWidth;
const found = whole > width ? [`the page is ${whole} wide`] : [];
for (const part of document.body.querySelectorAll("*")) {
  const box = part.getBoundingClientRect();
  if (!box.width || part.closest(".unseen, .skip") || part.parentElement.closest(".scroll")) { continue; }
  if (box.left < -0.5 || box.right > width + 0.5) { found.push(`${part.tagName} ${part.className}`); }
}
return found;
"""


def run_on(minor: int, *claims: ClaimResult, gil: bool = True) -> RunRecord:
    """Return a record of CPython 3.x, without the GIL if that is off."""
    record = record_of(*claims)
    version = f"3.{minor}.0"
    interpreter = replace(
        record.interpreter,
        implementation="cpython",
        version=version,
        free_threaded_build=not gil,
        gil_enabled=gil,
        label=label_of("CPython", version, not gil, gil, False),
    )
    return replace(record, interpreter=interpreter)


def matrix() -> Matrix:
    """Return a matrix with each verdict and each kind of evidence, different experiments, and hostile texts."""
    snow = replace(CLAIM, id="snow")
    rain = replace(CLAIM, id="rain[x]", statement="Rain is wet", source="demo 2")
    evil = replace(CLAIM, id="x" * 300, statement=ATTACK, source=ATTACK, reason=ATTACK, verdict=Verdict.INCONCLUSIVE)
    return matrix_of(
        [
            run_on(9, snow, rain, evil, replace(CLAIM, id="hail", digest="1" * 64)),
            run_on(
                10,
                replace(snow, verdict=Verdict.REFUTED, evidence=tuple(EVIDENCE)),
                rain,
                replace(evil, verdict=Verdict.NOT_APPLICABLE),
            ),
            replace(run_on(13, snow, replace(rain, verdict=Verdict.ERROR, reason="x")), complete=False),
            run_on(13, replace(CLAIM, id="hail"), replace(rain, verdict=Verdict.REFUTED), gil=False),
            *(run_on(minor, snow) for minor in (11, 12, 14, 15)),
        ]
    )


@pytest.fixture
def opened(browser: Browser) -> Iterator[Browser]:
    """Show the page; afterwards, see that it has asked for nothing but itself, and that the console is empty."""
    browser.open(matrix_page(matrix()))
    yield browser
    assert {address.partition("#")[0] for address in browser.requests()} <= {
        browser.driver.current_url.partition("#")[0]
    }
    assert browser.complaints() == []


def rows(browser: Browser) -> list[str]:
    """Return the anchors of the claims that the table shows."""
    return [row.get_attribute("data-claim") for row in browser.shown("tr.of-row")]


def test_cell_opens_its_evidence(opened: Browser) -> None:
    """With the keyboard, which goes on from there."""
    cell = opened.one('tr[data-claim="claim-snow"] a.cell.is-refuted')
    assert cell.accessible_name == "REFUTED on CPython 3.10, not as expected, which differs"
    cell.send_keys("\n")
    opened.wait(lambda: opened.run("return document.activeElement.matches('summary')"))
    summary = opened.driver.switch_to.active_element
    assert "REFUTED, expected CONFIRMED" in summary.text
    assert "CPython 3.10" in summary.text
    opened.wait(lambda: len(opened.shown("details.claim[open]")) == 1)
    assert "it snows" in opened.one("details.claim[open] .inside").text
    assert 0 <= summary.rect["y"] - opened.run("return scrollY") < 300


def test_cell_opens_its_evidence_again(opened: Browser) -> None:
    """Though the address stays the same."""
    cell = opened.one('tr[data-claim="claim-snow"] a.cell')
    for _ in range(2):
        cell.send_keys("\n")
        opened.wait(lambda: opened.run("return document.activeElement.matches('details[open] > summary')"))
        opened.driver.switch_to.active_element.send_keys("\n")
        opened.wait(lambda: not opened.shown("details.claim[open]"))


def test_evidence_opens_without_script(browser: Browser) -> None:
    """The browser opens what the address points into; nothing is shown that would need a script."""
    browser.open(matrix_page(matrix()), fragment="on-1-snow", script=False)
    assert len(browser.shown("details.claim[open]")) == 1
    assert not browser.shown("input, button")


def test_address_of_evidence_opens_it(browser: Browser) -> None:
    """Each cell can be linked to."""
    browser.open(matrix_page(matrix()), fragment="on-1-snow")
    browser.wait(lambda: browser.shown("details.claim[open]"))
    assert "CPython 3.10" in browser.one("details.claim[open]").text


def test_filter_and_search(opened: Browser) -> None:
    """They hide rows of the table and their evidence, and say how many are left."""
    everything = rows(opened)
    assert len(everything) == 5
    assert opened.one(".found").text == "4 claims"  # two rows are of two experiments under one id
    opened.one(".only-differing").click()
    assert rows(opened)[0] == "claim-snow"
    assert len(rows(opened)) == 2
    assert opened.one(".found").text == "2 of 4 claims"
    assert len(opened.shown("article.of-claim")) == 2
    opened.one(".matrix-search").send_keys("RAIN demo")
    assert [row.startswith("claim-rain") for row in rows(opened)] == [True]
    opened.one(".matrix-search").send_keys(" nothing")
    assert rows(opened) == []
    opened.one(".show-all").click()
    assert rows(opened) == everything
    assert opened.one(".found").text == "4 claims"


def test_link_to_what_is_filtered_out_shows_it(opened: Browser) -> None:
    """The filter gives way."""
    opened.one(".matrix-search").send_keys("nothing")
    opened.run("location.hash = 'on-0-snow'")
    opened.wait(lambda: opened.shown("details.claim[open]"))
    assert len(rows(opened)) == 5


def test_no_script_of_a_record_runs(opened: Browser) -> None:
    """And its markup is text."""
    assert opened.run("return window.ran") is None
    assert opened.driver.title == "Concurrency claims and interpreters"
    assert opened.all("main img") == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it(browser: Browser, dark: bool) -> None:
    """No violation for axe-core, with evidence open, at a width at which the table scrolls."""
    browser.open(matrix_page(matrix()), width=600, dark=dark, fragment="on-1-snow")
    browser.wait(lambda: browser.shown("details.claim[open]"))
    assert browser.violations() == []


@pytest.mark.parametrize("width", [360, 600, 1200])
def test_nothing_is_wider_than_the_window(browser: Browser, width: int) -> None:
    """But for the tables, in boxes that the keyboard can scroll."""
    browser.open(matrix_page(matrix()), width=width)
    browser.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert browser.run(TOO_WIDE) == []
    box = browser.one(".scroll")
    assert box.get_attribute("tabindex") == "0"
    assert box.accessible_name == "Table of claims and interpreters"


def test_heads_stay_in_sight(browser: Browser) -> None:
    """Of columns and rows, wherever the table is scrolled to."""
    browser.open(matrix_page(matrix()), width=360)
    browser.run(
        "const box = document.querySelector('.scroll'); box.style.maxHeight = '12rem'; box.scrollTo(80, 150);"
    )
    edges = (
        "(part) => { const box = document.querySelector(part).getBoundingClientRect(); return [box.left, box.top]; }"
    )
    box, head, first = browser.run(f"return ['.scroll', '.matrix thead th', 'tr.of-row th'].map({edges})")
    assert abs(head[1] - box[1]) < 3
    assert abs(first[0] - box[0]) < 3


def large() -> str:
    """Return the page of a matrix whose evidence is parsed when it is first shown."""
    claims = [replace(CLAIM, id=f"snow-{number}", evidence=(Note(f"flake {number}"),)) for number in range(800)]
    claims[700] = replace(claims[700], verdict=Verdict.REFUTED, expected=Verdict.REFUTED, reason="it melts")
    changed = [replace(claim, evidence=(Note("sleet"),)) for claim in claims]
    return matrix_page(matrix_of([run_on(9, *claims), run_on(10, *claims), run_on(11, *changed)]))


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_cell_of_a_large_matrix_opens_its_evidence(browser: Browser, script: bool) -> None:
    """The script parses it at that time; without the script, the browser has parsed all."""
    browser.open(large(), fragment="on-2-snow-700", script=script)
    browser.wait(lambda: browser.shown("details.claim[open]"))
    assert "sleet" in browser.one("details.claim[open] .inside").text
    assert len(browser.all("article .inside")) < 800 or not script
    if script:
        browser.one("tr[data-claim='claim-snow-3'] a.cell").send_keys("\n")
        browser.wait(lambda: len(browser.shown("details.claim[open]")) == 2)
        assert "flake 3" in browser.one("#on-0-snow-3").text
        browser.one(".matrix-search").send_keys("snow-799")
        browser.wait(lambda: rows(browser) == ["claim-snow-799"])
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [360, 1200])
def test_everybody_can_use_a_large_matrix(browser: Browser, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No violation for axe-core, which takes minutes for one that is large indeed."""
    monkeypatch.setattr("pytest_concclaims.reports.matrix.page._MOST_PARSED_AT_ONCE", 0)
    browser.open(matrix_page(matrix()), width=width, fragment="on-1-snow")
    browser.wait(lambda: browser.shown("details.claim[open]"))
    assert browser.violations() == []
    assert browser.run(TOO_WIDE) == []


@pytest.mark.parametrize("width", [360, 1200])
def test_heads_of_a_large_matrix_stay_in_sight(browser: Browser, width: int) -> None:
    """Of columns and rows, wherever the table is scrolled to."""
    browser.open(large(), width=width)
    assert browser.run(TOO_WIDE) == []
    browser.run("document.querySelector('.scroll').scrollTo(80, 9000);")
    edges = (
        "(part) => { const box = document.querySelector(part).getBoundingClientRect(); return [box.left, box.top]; }"
    )
    box, head, row = browser.run(f"return ['.scroll', '.matrix thead .first', '#row-claim-snow-200'].map({edges})")
    assert abs(head[0] - box[0]) < 3
    assert abs(head[1] - box[1]) < 3
    assert abs(row[0] - box[0]) < 3
