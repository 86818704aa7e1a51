"""The page of a run in a real browser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from helpers.sample_records import CHILD, CLAIM, EVIDENCE, PARALLELISM, RACE, RATIO, SCHEDULED, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records.evidence import Note
from pytest_concclaims.records.record import RunRecord
from pytest_concclaims.reports.page import page

if TYPE_CHECKING:
    from slow.browser.conftest import Browser

ATTACK = (
    "<script>window.ran = 1; document.title = 'ran'</script><img src=x onerror='window.ran = 1'></details>"
    "<style>* { display: none }</style><a href='javascript:window.ran = 1'>x</a>"
)
MANY = replace(
    RATIO,
    arms=[
        {"name": "quick", "calls": 64, "median": 1e-6, "seconds": [1e-6 + 1e-8 * number for number in range(200)]},
        {"name": "slow" * 40, "calls": 1, "median": 0.2, "seconds": [0.2]},
    ],
)
WIDE = replace(
    RACE,
    outcomes=[
        {"outcome": "13", "samples": 123_456_789, "overlapping": 98_765_432, "schedules": 12_345},
        {"outcome": "['" + "x" * 300 + "']", "samples": 1, "overlapping": 0, "schedules": 0},
    ],
)
#: Three actors, names and source without a place to break, and each thing that can become of an actor.
STORY = replace(
    SCHEDULED,
    actors=["deposit_" + "5" * 60, "deposit_8", "x"],
    witness={
        **(SCHEDULED.witness or {}),
        "steps": [
            *(SCHEDULED.witness or {})["steps"],
            {"actor": 2, "file": "y" * 90, "line": 12_345, "text": "z" * 120, "event": "raised " + "E" * 50},
        ],
    },
)
SLICES = replace(PARALLELISM, slices=[{**PARALLELISM.slices[0], "unfit": "waited", "throttled": True}] * 40)


def results() -> RunRecord:
    """Return a record with each verdict, each kind of evidence, and texts that would break a page."""
    return record_of(
        replace(CLAIM, id="snow", evidence=(Note("it glitters"), *EVIDENCE, MANY, WIDE, SLICES, STORY)),
        replace(
            CLAIM,
            id="rain[x]",
            statement="Rain is dry",
            verdict=Verdict.REFUTED,
            expected=Verdict.REFUTED,
            reason="it is wet",
        ),
        replace(CLAIM, id="hail", statement="Hail is soft", verdict=Verdict.REFUTED),
        replace(CLAIM, id="fog", statement="Fog is thick", verdict=Verdict.INCONCLUSIVE, reason="the sensor froze"),
        replace(CLAIM, id="sun", statement="The sun shines", verdict=Verdict.NOT_APPLICABLE, reason="at night"),
        replace(
            CLAIM,
            id="x" * 300,
            statement=ATTACK,
            source=ATTACK,
            verdict=Verdict.ERROR,
            reason=ATTACK,
            evidence=(replace(CHILD, stdout=ATTACK * 20),),
        ),
        replace(
            CLAIM,
            id="rtl",
            statement="\u202eabc هذا بيان عن الخيوط " + "W" * 400,
            source="demo 2.1, literally",
            nodeid="t.py::" + "y" * 300,
        ),
    )


@pytest.fixture
def opened(browser: Browser) -> Iterator[Browser]:
    """Show the page; afterwards, see that it has asked for nothing but itself, and that the console is empty."""
    browser.open(page(results()))
    yield browser
    assert browser.complaints() == []
    requests = browser.requests()
    assert requests
    assert all(address.startswith("file:") and ".html" in address for address in requests)


def statements(browser: Browser) -> list[str]:
    """Return the statements that can be seen, each up to its third word."""
    return [" ".join(element.text.split()[:3]) for element in browser.shown(".statement")]


def test_all_claims_are_shown_at_first(opened: Browser) -> None:
    """Those that are not as expected are open."""
    assert len(statements(opened)) == 7
    assert opened.one(".status").text == "7 claims"
    script = "return [...document.querySelectorAll('.claim[open]')].map(claim => claim.dataset.verdict)"
    assert opened.run(script) == ["refuted", "error"]


def test_verdicts_filter(opened: Browser) -> None:
    """One or several of them. The number is shown; empty sections are hidden."""
    opened.one(".by-verdict[value=refuted]").click()
    opened.wait(lambda: opened.one(".status").text == "2 of 7 claims")
    assert statements(opened) == ["Rain is dry", "Hail is soft"]
    assert [heading.text for heading in opened.shown("section.claims h2")] == ["demo"]
    opened.one(".by-verdict[value=inconclusive]").click()
    opened.wait(lambda: opened.one(".status").text == "3 of 7 claims")
    opened.one(".by-unexpected").click()
    opened.wait(lambda: statements(opened) == ["Hail is soft"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("RAIN dry", ["Rain is dry"]),
        ("sensor froze", ["Fog is thick"]),
        ("glitters", ["Snow is white"]),
        ("rain[x]", ["Rain is dry"]),
        ("literally", ["\\x202eabc هذا بيان"]),
        ("rain thick", []),
    ],
    ids=["statement", "reason", "evidence", "id", "source", "none"],
)
def test_search_finds_statement_reason_evidence_and_id(opened: Browser, words: str, found: list[str]) -> None:
    """All of the words, in any case."""
    opened.one(".search").send_keys(words)
    opened.wait(lambda: statements(opened) == found)
    assert bool(opened.shown(".nothing")) == (not found)


def test_all_claims_can_be_had_back(opened: Browser) -> None:
    """When none fits, there is a button."""
    opened.one(".search").send_keys("blizzard")
    opened.wait(lambda: opened.shown(".clear"))
    opened.one(".clear").click()
    opened.wait(lambda: len(statements(opened)) == 7)


def test_a_claim_opens_by_keyboard(opened: Browser) -> None:
    """Enter on its line."""
    assert not opened.shown("#claim-fog .inside")
    opened.one("#claim-fog summary").send_keys("\ue007")
    opened.wait(lambda: opened.shown("#claim-fog .inside"))


def test_all_open_and_close(opened: Browser) -> None:
    """Of those that are shown; the button says which it does."""
    button = opened.one(".open-all")
    button.click()
    opened.wait(lambda: len(opened.shown(".inside")) == 7 and button.text == "Close all")
    button.click()
    opened.wait(lambda: not opened.shown(".inside") and button.text == "Open all")


def test_an_address_opens_its_claim(opened: Browser) -> None:
    """Also where it is filtered out."""
    opened.one(".search").send_keys("dry")
    opened.wait(lambda: statements(opened) == ["Rain is dry"])
    opened.run("location.hash = 'claim-fog'")
    opened.wait(lambda: opened.shown("#claim-fog .inside"))
    assert opened.run("return document.activeElement.closest('.claim').id") == "claim-fog"


def test_a_page_opens_at_its_address(browser: Browser) -> None:
    """A link from elsewhere leads to the claim, open, and in sight."""
    browser.open(page(results()), fragment="claim-sun")
    browser.wait(lambda: browser.shown("#claim-sun .inside"))
    top, height = browser.run(
        "const box = document.querySelector('#claim-sun summary').getBoundingClientRect();"
        "const bar = document.querySelector('.controls').getBoundingClientRect();"
        "return [box.top - bar.bottom, innerHeight - box.bottom]"
    )
    assert top >= 0
    assert height >= 0


def background(browser: Browser) -> str:
    """Return the page's colour."""
    return str(browser.run("return getComputedStyle(document.body).backgroundColor"))


def test_dark_where_the_reader_prefers_it(browser: Browser) -> None:
    """And a button changes that, here and now."""
    text = page(results())
    browser.open(text)
    light = background(browser)
    browser.open(text, dark=True)
    dark = background(browser)
    assert dark != light
    button = browser.one(".theme")
    assert button.text == "Light"
    button.click()
    browser.wait(lambda: background(browser) == light and button.text == "Dark")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_nobody_is_shut_out(browser: Browser, dark: bool, width: int) -> None:
    """axe-core finds nothing, with all claims open: contrast, names, landmarks, order of headings."""
    browser.open(page(results()), dark=dark, width=width)
    browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert browser.violations() == []


@pytest.mark.parametrize("opens", [False, True], ids=["closed", "open"])
@pytest.mark.parametrize("width", [360, 480, 1200])
def test_nothing_is_cut_or_scrolls_sideways(browser: Browser, opens: bool, width: int) -> None:
    """On a phone, with texts that have no place to break, and in pictures."""
    browser.open(page(results()), width=width)
    if opens:
        browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert browser.cut() == []


@pytest.mark.parametrize("width", [360, 480])
def test_numbers_stand_below_outcomes_on_a_phone(browser: Browser, width: int) -> None:
    """A row of a table is a block: an outcome and its bar have the full width, and each number has its name."""
    both = replace(WIDE, samples=1, schedules=SCHEDULED.schedules)
    browser.open(page(record_of(replace(CLAIM, evidence=(both, SLICES)))), width=width)
    browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    widths = browser.run(
        "return [...document.querySelectorAll('.histogram tbody th, .histogram .bar, .numbers td')]"
        ".map(part => part.getBoundingClientRect().width / part.closest('.seen').getBoundingClientRect().width)"
    )
    assert min(widths) > 0.9
    name = "return getComputedStyle(document.querySelector('{}'), '::{}').content"
    assert browser.run(name.format(".histogram .number", "after")) == '" schedules"'
    assert browser.run(name.format(".in-numbers td", "before")) == '"measured: "'


def test_thousands_of_claims_open_at_once(browser: Browser) -> None:
    """Evidence out of sight is not parsed. An address, a search and a reader without the script find it."""
    claims = [replace(CLAIM, id=f"snow-{number}", evidence=(SCHEDULED,)) for number in range(2_000)]
    claims[1_500] = replace(claims[1_500], evidence=(Note("it glitters & 'melts' <fast>"),))
    text = page(record_of(*claims))
    browser.open(text)
    browser.one(".open-all").click()
    browser.wait(lambda: browser.one(".open-all").text == "Close all" and browser.shown(".lanes"))
    assert len(browser.all(".lanes")) < 200
    browser.run("location.hash = 'claim-snow-1990'")
    browser.wait(lambda: browser.run("return document.activeElement.closest('.claim')?.id") == "claim-snow-1990")
    assert 0 <= browser.run("return document.activeElement.getBoundingClientRect().top") < 400
    assert browser.shown("#claim-snow-1990 .lanes")
    assert browser.shown("#claim-snow-1990 .copy")
    browser.one(".search").send_keys("& 'melts' <fast>")
    browser.wait(lambda: browser.one(".status").text == "1 of 2,000 claims")
    browser.wait(lambda: browser.shown("#claim-snow-1500 .phrase"))
    assert browser.complaints() == []
    browser.open(text, script=False)
    browser.one("#claim-snow-3 summary").click()
    browser.wait(lambda: browser.shown("#claim-snow-3 .lanes"))


def test_key_and_code_are_folded(browser: Browser) -> None:
    """A click opens them, also without the script."""
    browser.open(page(record_of(replace(CLAIM, code="def test_x(): ..."))), script=False)
    browser.one("#claim-demo-snow > summary").click()
    for part in (".meanings", ".code"):
        assert not browser.shown(f"{part} > :not(summary)")
        browser.one(f"{part} > summary").click()
        assert browser.shown(f"{part} > :not(summary)")
    assert browser.one(".code pre").text == "def test_x(): ..."


def test_arrows_lead_from_lane_to_lane(browser: Browser) -> None:
    """From the middle of the lane that an actor is switched away from to the middle of the next one."""
    browser.open(page(record_of(replace(CLAIM, evidence=(SCHEDULED,)))))
    browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    script = (
        "const middle = (part) => { const box = part.getBoundingClientRect(); return (box.left + box.right) / 2; };"
        "const heads = [...document.querySelectorAll('.lanes thead th')].map(middle);"
        "return [heads, [...document.querySelectorAll('.lanes .head path')].map(middle)]"
    )
    (left, right), ends = browser.run(script)
    assert left < right
    assert [min((left, right), key=lambda middle: abs(middle - end)) for end in ends] == [right, left, right]
    assert all(min(abs(left - end), abs(right - end)) < 3 for end in ends)


def test_a_script_in_a_statement_never_runs(opened: Browser) -> None:
    """Nor does one in a reason, a source or an output; they are shown as they stand."""
    assert opened.run("return window.ran") is None
    assert opened.driver.title.startswith("2 claims not as expected")
    assert any(element.text == " ".join(ATTACK.split()) for element in opened.shown(".statement"))


def test_policy_keeps_out_what_a_page_might_be_made_to_have(browser: Browser) -> None:
    """A second lock: even markup that is not escaped does nothing."""
    attack = "<h1 id=attack style='color: red' onclick='window.ran = 1'>x</h1><script>window.ran = 1</script>"
    browser.open(page(results()).replace("</main>", f"{attack}</main>"))
    browser.one("#attack").click()
    assert browser.run("return window.ran") is None
    assert browser.run("return getComputedStyle(document.querySelector('#attack')).color") != "rgb(255, 0, 0)"
    assert any("Content Security Policy" in complaint for complaint in browser.complaints())


def test_all_can_be_read_without_script(browser: Browser) -> None:
    """Claims open; what needs the script is not there."""
    browser.open(page(results()), script=False)
    assert len(browser.shown(".statement")) == 7
    assert browser.shown("button, input") == []
    browser.one("#claim-fog summary").click()
    browser.wait(lambda: browser.shown("#claim-fog .inside"))


def test_command_is_copied_or_selected(opened: Browser) -> None:
    """Whichever the browser allows; the button says which."""
    opened.one("#claim-fog summary").click()
    opened.wait(lambda: opened.shown("#claim-fog .copy"))
    button = opened.one("#claim-fog .copy")
    button.click()
    opened.wait(lambda: button.text in ("Copied", "Selected"))


def test_print_has_what_is_closed(opened: Browser) -> None:
    """What is closed on the screen takes paper, and is closed again afterwards."""
    count = "return document.querySelectorAll('details:not([open])').length"
    closed = opened.run(count)
    printed = base64.b64decode(opened.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")
    assert opened.run(count) == closed
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = opened.run(
        "const selector = '.inside p, .inside td, .inside th, .inside dd, .inside pre, .statement';"
        "return [...document.querySelectorAll(selector)]"
        ".filter(part => !part.closest('.permanent') && part.textContent.trim()"
        " && !(part.getBoundingClientRect().height && part.checkVisibility())).map(part => part.textContent)"
    )
    assert hidden == []
