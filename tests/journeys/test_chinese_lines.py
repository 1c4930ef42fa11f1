"""A reader of the Chinese edition: at no width does a line of any page begin with 。 or end with （."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from root import ROOT
from walking import NAMES, reader

from tools.site import server

pytestmark = pytest.mark.slow
WIDTHS = (360, 390, 430, 768, 1280)
STARTS = (ROOT / "tests/journeys/line_starts.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    with server.serving(built) as address:
        yield address


@pytest.fixture(scope="module")
def walker(chromium):
    """A page of the browser for all pages, which share fonts and style sheets."""
    with reader(chromium, locale="zh-CN") as page:
        yield page


@pytest.mark.parametrize("name", NAMES)
def test_no_line_begins_with_a_closing_mark(walker, site, name):
    walker.set_viewport_size({"width": WIDTHS[0], "height": 900})
    walker.goto(f"{site}zh/book/{name}.html")
    walker.evaluate("() => document.fonts.ready")
    for width in WIDTHS:
        walker.set_viewport_size({"width": width, "height": 900})
        walker.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert walker.evaluate(STARTS) == [], width


def test_quotation_marks_dashes_and_dots_are_chinese(chromium, site):
    """They are as wide as a character, in text and in titles."""
    with reader(chromium, locale="zh-CN") as page:
        page.goto(f"{site}zh/book/index.html")
        widths = page.evaluate(
            """() => [...document.querySelectorAll("article p, article h1")].slice(0, 2).map((place) => {
                 const wide = (text) => {
                   const span = document.createElement("span");
                   span.textContent = text;
                   span.style.textSpacingTrim = "space-all";  // else, as it should be, a mark beside 。 is set closer
                   place.append(span);
                   const width = span.getBoundingClientRect().width / parseFloat(getComputedStyle(span).fontSize);
                   span.remove();
                   return Math.round(10 * width / text.length) / 10;
                 };
                 return ["中文", "“”", "……", "——"].map(wide);
               })"""
        )
        assert widths == [[1, 1, 1, 1]] * 2
