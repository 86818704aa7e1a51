"""The matrix as a page."""

from __future__ import annotations

import re
from dataclasses import replace

from helpers.matrices import hostile
from helpers.sample_records import CHILD, CLAIM, record_of
from pytest_concclaims import Verdict
from pytest_concclaims.records.matrix import matrix_of
from pytest_concclaims.reports.matrix.page import matrix_page


def test_page_shows_hostile_texts_as_texts() -> None:
    """No markup of theirs is in the page, each anchor is there once, and each cell's is."""
    page = matrix_page(hostile())
    assert "<script>alert" not in page
    assert page.count("<script>") == 1
    assert "{{" in page  # and no template either
    assert not any(character in page for character in "\x1b\x00\u202e\udc80")
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in re.findall(r'href="([^"]*)"', page)} <= set(ids)
    assert not re.search(r'\sstyle="|\son[a-z]+="|https?://(?!example)', page.partition("<body>")[2])


def test_headline_is_short_and_the_summary_is_below() -> None:
    """The numbers stand in a paragraph of their own."""
    page = matrix_page(matrix_of([record_of(CLAIM), record_of(replace(CLAIM, verdict=Verdict.REFUTED))]))
    assert re.search(r"<h1 [^>]*>1 claim not as expected</h1>\s*<p class=\"remark\">1 claim in 2 runs; ", page)


def test_evidence_that_is_the_same_is_there_once() -> None:
    """Later runs refer to the first that has it; what all runs share stands with the claim."""
    seen = replace(CLAIM, evidence=(CHILD,), code="def test_x(): ...")
    others = [seen, replace(seen, duration=2.0), replace(seen, evidence=(replace(CHILD, value="43"),))]
    page = matrix_page(matrix_of([record_of(claim) for claim in others]))
    assert page.count("returned 42") == 1
    assert page.count("returned 43") == 1
    assert page.count('The same evidence as on <a href="#on-0-demo-snow">') == 1
    assert page.count("<pre>def test_x(): ...</pre>") == 1
    assert page.count(CLAIM.digest) == 1
