"""A reader whose storage is closed, as in the frame of a learning platform, and one who takes the pages on paper."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from walking import reader

from tools.site import server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    with server.serving(built) as address:
        yield address


@pytest.mark.parametrize("edition", ["", "zh/"])
def test_search_and_colours_work_in_a_frame_without_storage(chromium, site, edition):
    """The page throws nothing: the reader's walk ends with an empty list of errors."""
    with reader(chromium, viewport={"width": 1280, "height": 900}) as page:
        page.goto(f"{site}404.html")
        page.set_content(
            f'<iframe sandbox="allow-scripts allow-forms" src="{site}{edition}search.html?q=stride"></iframe>'
        )
        frame = page.frame_locator("iframe")
        frame.locator("#search-results .context").first.wait_for()
        assert frame.locator("#search-results > ul > li").count() >= 3
        root = frame.locator("html")
        before = root.get_attribute("data-theme")
        frame.locator(".theme-switch-button").dispatch_event("click")
        assert root.get_attribute("data-theme") != before


@pytest.mark.parametrize("name", ["book/exercises-pooling.html", "zh/book/exercises-pooling.html"])
def test_hints_and_solutions_are_on_the_paper_and_fold_again(chromium, site, name):
    from pypdf import PdfReader

    with reader(chromium) as page:
        page.goto(site + name)
        folded = page.locator("article details")
        texts = folded.evaluate_all("all => all.map((part) => part.innerText.trim() && part.textContent)")
        assert len(texts) >= 10
        assert not any(folded.evaluate_all("all => all.map((part) => part.open)"))
        page.evaluate(
            "addEventListener('beforeprint', () => {"
            " window.open_on_paper = [...document.querySelectorAll('article details')].every((d) => d.open); })"
        )
        printed = PdfReader(io.BytesIO(page.pdf()))
        assert page.evaluate("window.open_on_paper")
        assert not any(folded.evaluate_all("all => all.map((part) => part.open)"))
        extracted = "".join(sheet.extract_text() for sheet in printed.pages)
        paper = re.sub(r"\s+", "", unicodedata.normalize("NFKC", extracted))  # some fonts say ⼀ for 一
        hint = page.locator("article details.sd-dropdown p").first.text_content() or ""
        word = max(re.findall(r"[a-z]+|[\u4e00-\u9fff]+", hint), key=len)
        assert word in paper
