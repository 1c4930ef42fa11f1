"""A reader without a mouse: from the address bar through every page, every control is reached, and seen where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from walking import VISITED, hold, reader

from tools.site import server

pytestmark = pytest.mark.slow
WIDTHS = (360, 1280)
AT_ONCE = 48

# From the address bar, at the top, once the theme has looked after what scrolls: a moment after a page got its width.
START = """async () => {
  const root = document.documentElement;
  root.tabIndex = -1;
  root.focus({preventScroll: true});
  root.blur();
  root.removeAttribute("tabindex");
  scrollTo({top: 0, behavior: "instant"});
  const boxes = "pre, .nboutput > .output_area, .cell_output > .output, .jp-RenderedHTMLCommon,"
    + ".pst-scrollable-table-container";
  const settled = () => [...document.querySelectorAll(boxes)].every((e) =>
    (e.tabIndex === 0) === (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight));
  for (const start = performance.now(); !settled() && performance.now() < start + 1000;) {
    await new Promise((done) => setTimeout(done, 20));
  }
}"""
WATCH = (Path(__file__).parent / "keyboard.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    with server.serving(built) as address:
        yield address


@pytest.fixture(scope="module")
def walker(chromium, site):
    """A page of the browser that walks through all pages."""
    with reader(chromium, reduced_motion="reduce") as page:
        page.goto(f"{site}book/index.html")
        page.evaluate("localStorage.setItem('language-offered', 'yes')")
        yield page


def walk(page, width: int) -> dict[str, list[str]]:
    """Tab from the address bar to the end of an open page; what was passed over, and what was reached unseen."""
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(START)
    stops = page.evaluate(WATCH)
    # figures that come to life on the way bring controls of their own
    for _ in range(0, 3 * stops + 100, AT_ONCE):
        hold(page, "Tab", AT_ONCE)
        if page.evaluate("walk.pressed >= walk.controls && !walk.missed().length"):
            break
    return page.evaluate("({missed: walk.missed(), unseen: walk.hidden(), stuck: walk.stuck, nameless: walk.nameless})")


@pytest.mark.parametrize("name", VISITED)
def test_the_keyboard_reaches_every_control_and_each_is_seen_to_be_reached(walker, site, name):
    """Opened on a phone; then made wide, with the figures that have come to life."""
    walker.set_viewport_size({"width": WIDTHS[0], "height": 800})
    walker.goto(site + name, wait_until="load")
    for width in WIDTHS:
        assert walk(walker, width) == {"missed": [], "unseen": [], "stuck": [], "nameless": []}, f"{name}, {width}"


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_unseen_unreachable_or_a_trap_is_found(walker, site, width):
    page = walker
    page.goto(f"{site}book/notation.html")
    source = page.content().replace(
        "</article>",
        '<button style="outline: none !important; box-shadow: none !important">unseen</button>'
        '<div style="width: 50px; overflow-x: auto">'
        '<table><tr><td><pre tabindex="-1">a very wide table, this</pre></table></div>'
        '<button onkeydown="event.preventDefault()">trap</button><button>after</button></article>',
    )
    page.route("**/planted.html", lambda route: route.fulfill(body=source, content_type="text/html; charset=utf-8"))
    page.goto(f"{site}book/planted.html", wait_until="load")
    page.unroute("**/planted.html")
    if width != WIDTHS[0]:  # as on a page that has been walked
        walk(page, WIDTHS[0])
    found = walk(page, width)
    assert "button. unseen" in found["unseen"]
    assert "button. after" in found["missed"]
    assert [line for line in found["stuck"] if "wide table" in line]
    assert [line for line in found["nameless"] if "wide table" in line]


@pytest.mark.parametrize("name", ["book/pooling.html", "zh/book/pooling.html"])
def test_the_first_link_leads_past_the_menus_into_the_text(chromium, site, name):
    with reader(chromium, viewport={"width": 1280, "height": 800}) as page:
        page.goto(site + name)
        page.keyboard.press("Tab")
        skip = page.locator(":focus")
        assert skip.get_attribute("href") == "#course-text"
        page.wait_for_function("e => e.getBoundingClientRect().top >= 0", arg=skip.element_handle())
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("Boolean(document.activeElement.closest('article'))")


@pytest.mark.parametrize("name", ["book/channels.html", "zh/book/channels.html"])
def test_a_drawer_gives_the_focus_back(chromium, site, name):
    with reader(chromium, viewport={"width": 768, "height": 800}) as page:
        page.goto(site + name)
        for side in ("primary", "secondary"):
            toggle, drawer = page.locator(f".{side}-toggle"), page.locator(f"#pst-{side}-sidebar-modal")
            for leave in ("Escape", "Enter"):
                toggle.press("Enter")
                assert drawer.is_visible()
                if leave == "Enter":
                    drawer.locator(".drawer-close").focus()
                page.keyboard.press(leave)
                drawer.wait_for(state="hidden")
                assert toggle.evaluate("e => e === document.activeElement")


def test_focus_changes_what_is_on_the_screen(chromium, site):
    """Not the style alone: the picture around a control is another when the keyboard is there."""
    with reader(chromium, viewport={"width": 1280, "height": 800}, reduced_motion="reduce") as page:
        page.goto(f"{site}book/pooling.html")
        page.evaluate(START)
        same = []
        for _ in range(45):
            page.keyboard.press("Tab")
            name, box = page.evaluate(
                "async () => { await new Promise(requestAnimationFrame);"
                " const e = document.activeElement, b = e.getBoundingClientRect(); return [e.outerHTML.slice(0, 80),"
                " {x: Math.max(0, b.x - 6), y: Math.max(0, b.y - 6), width: b.width + 12, height: b.height + 12}]; }"
            )
            with_focus = page.screenshot(clip=box)
            page.evaluate("window.held = document.activeElement; held.blur(); new Promise(requestAnimationFrame)")
            if page.screenshot(clip=box) == with_focus:
                same.append(name)
            page.evaluate("held.focus({preventScroll: true})")
        assert same == []
