"""The matrix as a page."""

from __future__ import annotations

import re

from helpers.matrices import hostile
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
