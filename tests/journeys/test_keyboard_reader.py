"""A reader without a mouse: from the address bar through every page, every control is reached, and seen where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from walking import VISITED, reader

from tools import server

pytestmark = pytest.mark.slow
WIDTHS = (360, 1280)

WATCH = (Path(__file__).parent / "keyboard.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    with server.serving(built) as address:
        yield address


@pytest.fixture(scope="module")
def walkers(chromium, site):
    """A page of the browser for each width, which walk through all pages."""
    with (
        reader(chromium, site, viewport={"width": WIDTHS[0], "height": 800}, reduced_motion="reduce") as phone,
        reader(chromium, site, viewport={"width": WIDTHS[1], "height": 800}, reduced_motion="reduce") as desk,
    ):
        for page in (phone, desk):
            page.goto(f"{site}book/index.html")
            page.evaluate("localStorage.setItem('language-offered', 'yes')")
        yield {WIDTHS[0]: phone, WIDTHS[1]: desk}


def walk(page, address: str) -> dict[str, list[str]]:
    """Press Tab from the address bar to the end of a page; what was passed over, and what was reached unseen."""
    page.goto(address, wait_until="load")
    page.evaluate("document.activeElement.blur()")  # the search page starts in its field
    page.wait_for_timeout(350)  # the theme looks after what scrolls a little later
    stops = page.evaluate(WATCH)
    # figures that come to life on the way bring controls of their own
    for count in range(3 * stops + 100):
        if count >= stops and not page.evaluate("walk.missed().length"):
            break
        page.keyboard.press("Tab")
    return page.evaluate("({missed: walk.missed(), unseen: walk.hidden(), stuck: walk.stuck, nameless: walk.nameless})")


@pytest.mark.parametrize("name", VISITED)
def test_the_keyboard_reaches_every_control_and_each_is_seen_to_be_reached(walkers, site, name):
    for width, page in walkers.items():
        found = walk(page, site + name)
        assert found == {"missed": [], "unseen": [], "stuck": [], "nameless": []}, f"{name}, {width}"


def test_what_is_unseen_unreachable_or_a_trap_is_found(walkers, site):
    page = walkers[1280]
    page.goto(f"{site}book/notation.html")
    source = page.content().replace(
        "</article>",
        '<button style="outline: none !important; box-shadow: none !important">unseen</button>'
        '<div style="width: 50px; overflow-x: auto">'
        '<table><tr><td><pre tabindex="-1">a very wide table, this</pre></table></div>'
        '<button onkeydown="event.preventDefault()">trap</button><button>after</button></article>',
    )
    page.route("**/planted.html", lambda route: route.fulfill(body=source, content_type="text/html; charset=utf-8"))
    found = walk(page, f"{site}book/planted.html")
    page.unroute("**/planted.html")
    assert "button. unseen" in found["unseen"]
    assert "button. after" in found["missed"]
    assert [line for line in found["stuck"] if "wide table" in line]
    assert [line for line in found["nameless"] if "wide table" in line]


@pytest.mark.parametrize("name", ["book/pooling.html", "zh/book/pooling.html"])
def test_the_first_link_leads_past_the_menus_into_the_text(chromium, site, name):
    with reader(chromium, site, viewport={"width": 1280, "height": 800}) as page:
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
    with reader(chromium, site, viewport={"width": 768, "height": 800}) as page:
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
    with reader(chromium, site, viewport={"width": 1280, "height": 800}, reduced_motion="reduce") as page:
        page.goto(f"{site}book/pooling.html")
        page.wait_for_timeout(400)
        same = []
        for _ in range(45):
            page.keyboard.press("Tab")
            box = page.evaluate(
                "() => { const b = document.activeElement.getBoundingClientRect();"
                " return {x: b.x - 6, y: b.y - 6, width: b.width + 12, height: b.height + 12}; }"
            )
            box = {"x": max(0, box["x"]), "y": max(0, box["y"]), "width": box["width"], "height": box["height"]}
            name = page.evaluate("document.activeElement.outerHTML.slice(0, 80)")
            page.wait_for_timeout(50)
            with_focus = page.screenshot(clip=box)
            page.evaluate("window.held = document.activeElement; held.blur()")
            page.wait_for_timeout(50)
            if page.screenshot(clip=box) == with_focus:
                same.append(name)
            page.evaluate("held.focus({preventScroll: true})")
        assert same == []
