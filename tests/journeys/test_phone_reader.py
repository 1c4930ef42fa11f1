"""A reader with a phone: finds the menu, a chapter, a section, the other language; and no button does nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from walking import VISITED, listening, reader

from tools.site import server

pytestmark = pytest.mark.slow
WIDTHS = (360, 768, 1100, 1280)
CONTENTS = (Path(__file__).parent / "contents.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    with server.serving(built) as address:
        yield address


@pytest.mark.parametrize(
    ("cover", "chapter", "section", "away"),
    [
        ("book/index.html", "4. Padding and stride", "4.6. Stride: take larger steps", "zh/book/padding-and-stride"),
        ("zh/book/index.html", "4. 填充和步幅", "4.6. 步幅", "book/padding-and-stride"),
    ],
)
def test_from_the_cover_to_a_section_in_the_other_language_and_back(
    whole_chromium, site, cover, chapter, section, away
):
    with reader(whole_chromium, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True) as page:
        page.goto(site + cover)
        if page.locator(".language-offer").count():
            page.locator(".language-offer button").tap()
        menu, contents = page.locator("#pst-primary-sidebar-modal"), page.locator("#pst-secondary-sidebar-modal")
        page.locator("button.primary-toggle").tap()
        assert menu.is_visible()
        menu.locator(".drawer-close").tap()
        assert not menu.is_visible()
        page.locator("button.primary-toggle").tap()
        menu.get_by_role("link", name=chapter, exact=True).tap()
        page.wait_for_url("**/padding-and-stride.html")
        page.locator("button.secondary-toggle").tap()
        assert contents.is_visible()
        contents.get_by_role("link", name=section, exact=True).tap()
        contents.wait_for(state="hidden")
        heading = page.locator("h2", has_text=section.split(". ")[1])
        page.wait_for_function("h => Math.abs(h.getBoundingClientRect().top) < 120", arg=heading.element_handle())
        here = urlsplit(page.url).path
        page.wait_for_timeout(800)  # the browser scrolls smoothly to the section
        box = page.locator("a.language-switch").bounding_box()
        page.touchscreen.tap(
            box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        )  # tap() would scroll the page first
        page.wait_for_url(re.compile(rf"/{away}\.html#sec-padding-and-stride-"))
        there = page.locator("h2", has_text=section.split(" ")[0])
        page.wait_for_function("h => Math.abs(h.getBoundingClientRect().top) < 150", arg=there.element_handle())
        page.go_back()
        page.wait_for_url(f"**{here}*")
        assert page.locator("h2", has_text=section.split(". ")[1]).is_visible()


@pytest.mark.parametrize("width", [1100, 1280])
def test_where_there_is_room_the_menu_folds_away_and_comes_back(chromium, site, width):
    with reader(chromium, viewport={"width": width, "height": 800}) as page:
        page.goto(site + "book/pooling.html")
        link = page.locator("#pst-primary-sidebar").get_by_role("link", name="10. LeNet", exact=True)
        assert link.is_visible()
        page.locator("button.primary-toggle").click()
        link.wait_for(state="hidden")
        page.locator("button.primary-toggle").click()
        link.wait_for(state="visible")


@pytest.mark.parametrize("page_name", ["book/padding-and-stride.html", "zh/book/padding-and-stride.html"])
def test_the_contents_light_the_section_that_is_read(chromium, site, page_name):
    """Every section in turn, down by the wheel's steps, and by jumps up again."""
    with reader(chromium, viewport={"width": 1280, "height": 800}) as page:
        page.goto(site + page_name)
        assert page.evaluate(CONTENTS) == []


# -- every button ---------------------------------------------------------------------------------------------------

PATIENT = """
  // each page as for somebody who never chose between light and dark
  ["mode", "theme"].forEach((name) => localStorage.removeItem(name));
  // what would leave the page, ask the system, or need a finger: noted in place of done
  window.called = 0;
  window.print = () => { called++; };
  document.execCommand = () => { called++; return true; };
  Element.prototype.requestFullscreen = () => { called++; return Promise.resolve(); };
  const clipboard = { writeText: () => { called++; return Promise.resolve(); } };
  Object.defineProperty(navigator, "clipboard", { value: clipboard });
"""
AWAKE = """async () => {
  for (const figure of document.querySelectorAll("figure.interactive")) {
    figure.scrollIntoView({ behavior: "instant" });
    const element = figure.firstElementChild;
    while (!element.shadowRoot?.querySelector(".figure:not([aria-busy])")) await new Promise((r) => setTimeout(r, 20));
  }
}"""
# At the other widths nothing in the text is pressed: what of it is out of sight need not be laid out.
ABOUT = "article section > * { content-visibility: auto; contain-intrinsic-size: auto 60px }"
PRESS = (Path(__file__).parent / "press.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def walker(chromium, site):
    """One page of the browser that walks through all pages, in the dark."""
    phone = {"viewport": {"width": 360, "height": 800}, "color_scheme": "dark", "reduced_motion": "reduce"}
    with reader(chromium, **phone) as page:
        page.add_init_script(PATIENT)
        page.goto(f"{site}book/index.html")
        page.evaluate("localStorage.setItem('language-offered', 'yes')")
        yield page


@pytest.fixture(scope="module")
def heard(walker, site):
    """What that page said and whom it asked."""
    return listening(walker, site)


@pytest.mark.parametrize("name", VISITED)
def test_a_dark_page_is_silent_asks_nobody_and_every_button_of_it_does_something(walker, heard, site, name):
    """What stands in the text once, on a phone; what stands around it at every width."""
    for heard_before in heard:
        heard_before.clear()
    walker.set_viewport_size({"width": WIDTHS[0], "height": 800})
    walker.goto(site + name, wait_until="load")
    walker.evaluate(AWAKE)
    assert walker.evaluate("document.documentElement.dataset.theme") == "dark"
    assert heard == ([], []), "what it said, whom it asked"
    found = {WIDTHS[0]: walker.evaluate(PRESS, True)}
    walker.add_style_tag(content=ABOUT)
    for width in WIDTHS[1:]:
        walker.set_viewport_size({"width": width, "height": 800})
        found[width] = walker.evaluate(PRESS, False)
    assert {width: dead for width, dead in found.items() if dead} == {}


def test_a_dead_button_and_a_covered_one_are_found(walker, site):
    walker.goto(f"{site}book/notation.html", wait_until="load")
    walker.evaluate(
        """() => { const add = (text, style) => { const made = document.createElement("button");
                     made.textContent = text; made.style = style; document.querySelector("article").prepend(made); };
                   add("dead", ""); add("lies", "position: relative; z-index: -1; display: block; width: 100%");
                   document.querySelector("article button").onclick = (e) => { e.target.dataset.pressed = 1; };
                   const veil = document.createElement("div");
                   veil.style = "height: 40px; margin-top: -40px; background: red";
                   document.querySelector("article button").after(veil); }"""
    )
    dead = walker.evaluate(PRESS, True)
    assert dead == ["covered: BUTTON lies", "nothing happens: BUTTON dead"]


def test_a_dead_button_around_the_text_is_found_at_the_other_widths(walker, site):
    walker.goto(f"{site}book/notation.html", wait_until="load")
    walker.add_style_tag(content=ABOUT)
    walker.set_viewport_size({"width": 1280, "height": 800})
    walker.evaluate(
        """() => { const made = document.createElement("button");
                   made.textContent = "dead"; document.querySelector(".bd-header-article").prepend(made); }"""
    )
    assert walker.evaluate(PRESS, False) == ["nothing happens: BUTTON dead"]


@pytest.mark.parametrize("name", ["lenet", "the-same-in-d2l", "measured-design"])
@pytest.mark.parametrize("folder", ["", "zh/"])
def test_a_number_or_a_name_in_a_table_is_one_line_and_plots_fit(chromium, site, folder, name):
    with reader(chromium, viewport={"width": 360, "height": 800}, is_mobile=True) as page:
        page.goto(f"{site}{folder}book/{name}.html")
        lines = """all => all.map(e => { const r = document.createRange();
            r.selectNodeContents(e.querySelector("p") || e);
            return [e.textContent, new Set([...r.getClientRects()].map(b => Math.round(b.bottom / 8))).size]; })"""
        cells = page.eval_on_selector_all("td:is(.short, .numeric):not(:has(a, math, br, code))", lines)
        assert len(cells) > 20
        assert [text for text, count in cells if count > 1] == []
        wide = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
        assert page.locator(".plot > .drawn").count() > 0
        assert page.eval_on_selector_all(".plot:has(> .drawn)", wide) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 360
