"""Documentation, pages "locale" and "calendar"."""

from __future__ import annotations

import locale
from collections.abc import Iterator

import pytest

from pytest_concclaims import Lab

from .turns import two_threads

SOURCE = "docs: calendar, LocaleTextCalendar; locale, setlocale"


@pytest.fixture
def other_locale() -> Iterator[str]:
    """Set the category LC_TIME to "C", and yield another locale for it."""
    before = locale.setlocale(locale.LC_TIME)
    for other in ("C.UTF-8", "en_US.UTF-8", ""):
        try:
            locale.setlocale(locale.LC_TIME, other)
        except locale.Error:
            continue
        if locale.setlocale(locale.LC_TIME, "C") != other:
            yield other
            locale.setlocale(locale.LC_TIME, before)
            return
    pytest.skip("there is no other locale than C")


@pytest.mark.claim("The locale is a setting of the process: what one thread sets, all threads have", source=SOURCE)
def test_the_locale_is_that_of_the_process(lab: Lab, other_locale: str) -> None:
    with two_threads() as (first, second):
        before = second(locale.setlocale, locale.LC_TIME)
        first(locale.setlocale, locale.LC_TIME, other_locale)
        after = second(locale.setlocale, locale.LC_TIME)
    lab.note(f"one thread has set {other_locale}; in another one, it was {before} before, and {after} after")
    assert after == other_locale != before
