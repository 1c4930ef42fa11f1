"""A reader with a phone: finds the menu, a chapter, a section, the other language; and no button does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from walking import VISITED, reader

from tools import server

pytestmark = pytest.mark.slow
WIDTHS = (360, 768, 1100, 1280)


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    with server.serving(built) as address:
        yield address


@pytest.mark.parametrize(
    ("cover", "chapter", "section", "away"),
    [
        ("book/index.html", "3. Padding and stride", "3.6. Stride: take larger steps", "zh/book/padding-and-stride"),
        ("zh/book/index.html", "3. 填充和步幅", "3.6. 步幅：步子迈大一点", "book/padding-and-stride"),
    ],
)
def test_from_the_cover_to_a_section_in_the_other_language_and_back(chromium, site, cover, chapter, section, away):
    with reader(chromium, site, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True) as page:
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
        label = heading.evaluate("h => h.closest('section').querySelector('[id^=sec-]').id")
        page.locator("a.language-switch").tap()
        page.wait_for_url(f"**/{away}.html#{label}")
        page.wait_for_function(f"() => Math.abs(document.getElementById('{label}').getBoundingClientRect().top) < 120")
        page.go_back()
        page.wait_for_url(f"**{here}*")
        page.wait_for_function("h => h.length", arg=section)
        assert page.locator("h2", has_text=section.split(". ")[1]).is_visible()


@pytest.mark.parametrize("width", [1100, 1280])
def test_where_there_is_room_the_menu_folds_away_and_comes_back(chromium, site, width):
    with reader(chromium, site, viewport={"width": width, "height": 800}) as page:
        page.goto(site + "book/pooling.html")
        link = page.locator("#pst-primary-sidebar").get_by_role("link", name="6. LeNet", exact=True)
        assert link.is_visible()
        page.locator("button.primary-toggle").click()
        link.wait_for(state="hidden")
        page.locator("button.primary-toggle").click()
        link.wait_for(state="visible")


@pytest.mark.parametrize("page_name", ["book/padding-and-stride.html", "zh/book/padding-and-stride.html"])
def test_the_contents_light_the_section_that_is_read(chromium, site, page_name):
    """Every section in turn, down by the wheel's steps, and by jumps up again."""
    with reader(chromium, site, viewport={"width": 1280, "height": 800}) as page:
        page.goto(site + page_name)
        skipped = page.evaluate(
            """async () => {
              const links = [...document.querySelectorAll("#course-contents a")], seen = new Set(), root = document.scrollingElement;
              const frames = (n) => new Promise((done) => { const tick = () => (n-- ? requestAnimationFrame(tick) : done()); tick(); });
              const lit = () => links.filter((link) => link.getAttribute("aria-current"));
              for (let y = 0; y <= root.scrollHeight; y += 200) {
                scrollTo({top: y, behavior: "instant"});
                await frames(2);
                if (lit().length > 1) return ["two at once"];
                lit().forEach((link) => seen.add(link));
              }
              // a title right above the next one may be passed in one step
              const parts = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))).getBoundingClientRect().top);
              const wrong = links.filter((link, i) => !seen.has(link) && !(parts[i + 1] - parts[i] < 200)).map((link) => link.textContent);
              for (const link of links) {
                link.click();
                document.getElementById(decodeURIComponent(link.hash.slice(1))).scrollIntoView({behavior: "instant"});
                await frames(3);
                if (lit()[0] !== link) wrong.push(`jump to ${link.textContent}: ${lit()[0]?.textContent}`);
              }
              return wrong;
            }"""
        )
        assert skipped == []


# -- every button ---------------------------------------------------------------------------------------------------

PATIENT = """
  // what would leave the page, ask the system, or need a finger: noted in place of done
  window.called = 0;
  window.print = () => { called++; };
  document.execCommand = () => { called++; return true; };
  Element.prototype.requestFullscreen = () => { called++; return Promise.resolve(); };
  Object.defineProperty(navigator, "clipboard", { value: { writeText: () => { called++; return Promise.resolve(); } } });
"""
AWAKE = """async () => {
  for (const figure of document.querySelectorAll("figure.interactive")) {
    figure.scrollIntoView({ behavior: "instant" });
    const element = figure.firstElementChild;
    while (!element.shadowRoot?.querySelector(".figure:not([aria-busy])")) await new Promise((r) => setTimeout(r, 20));
  }
}"""
# Presses every button that can be seen, those in a menu or a drawer that opens included; returns what did nothing.
PRESS = """async (everywhere) => {
  const BUTTONS = "button, summary, [role=button], input[type=checkbox], input[type=radio], .btn[onclick]";
  const NOISE = /^(?:aria-describedby|title|data-bs-original-title)$/; // of tooltips
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const seen = (e) => e.getClientRects().length && e.checkVisibility({ visibilityProperty: true, opacityProperty: false });
  const name = (e) => `${e.className || e.tagName} ${(e.getAttribute("aria-label") || e.textContent).trim().slice(0, 40)}`;
  const rest = (ms) => new Promise((done) => setTimeout(done, ms));
  const hit = (e) => {
    const box = e.getBoundingClientRect(), place = [box.left + box.width / 2, box.top + box.height / 2];
    let top = document.elementFromPoint(...place);
    while (top?.shadowRoot) { const inner = top.shadowRoot.elementFromPoint(...place); if (!inner || inner === top) break; top = inner; }
    return top && (e.contains(top) || top.contains(e) || top.closest("label")?.control === e);
  };
  const state = () => [called, location.href, scrollY, document.querySelectorAll(":checked").length, document.activeElement.name || ""];
  const roots = [document, ...all(document).map((e) => e.shadowRoot).filter(Boolean)];
  const changes = async (press) => {
    const observer = new MutationObserver(() => {});
    for (const root of roots) {
      observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    }
    const before = state();
    press();
    for (const ms of [0, 30, 300, 600]) {
      if (ms) await rest(ms);
      const real = observer.takeRecords().filter(({ target, attributeName, addedNodes, removedNodes }) => !NOISE.test(attributeName || "")
        && !(target.closest?.(".tooltip")) && ![...addedNodes, ...removedNodes].some((n) => n.classList?.contains("tooltip")));
      const now = state();
      if (real.length || `${now}` !== `${before}`) { observer.disconnect(); return true; }
    }
    observer.disconnect();
    return false;
  };
  const done = new WeakSet(), idle = [], dead = [];
  for (;;) {
    const open = document.querySelector("dialog[open]") || document.querySelector(".dropdown-menu.show");
    const e = (open ? [open] : roots).flatMap((root) => [...root.querySelectorAll(BUTTONS)]).find((one) =>
      !done.has(one) && (everywhere || !(one.getRootNode() !== document || one.closest("article"))) && seen(one));
    if (!e) {
      if (!open) break;
      if (open.tagName === "DIALOG") open.close();
      else document.body.click();
      await rest(20);
      continue;
    }
    done.add(e);
    if (e.disabled) { dead.push(`disabled: ${name(e)}`); continue; }
    if (e.type === "radio" && e.checked) continue;
    e.scrollIntoView({ block: "center", behavior: "instant" });
    if (!hit(e) && e.closest("details:not([open])") === null) { await rest(350); e.scrollIntoView({ block: "center", behavior: "instant" }); if (!hit(e)) dead.push(`covered: ${name(e)}`); }
    if (!(await changes(() => e.click()))) idle.push(e);
  }
  // a button that takes something back has work now that others were pressed
  for (const e of idle) {
    const host = e.getRootNode().host;
    const slider = host?.shadowRoot.querySelector("input[type=range]");
    if (slider) { slider.value = slider.value === slider.max ? slider.min : slider.max; slider.dispatchEvent(new Event("input", { bubbles: true })); }
    if (!seen(e) || !(await changes(() => e.click()))) dead.push(`nothing happens: ${name(e)}`);
  }
  return dead;
}"""


@pytest.fixture(scope="module")
def walker(chromium, site):
    """One page of the browser that walks through all pages."""
    with reader(chromium, site, viewport={"width": 360, "height": 800}, reduced_motion="reduce") as page:
        page.add_init_script(PATIENT)
        page.goto(f"{site}book/index.html")
        page.evaluate("localStorage.setItem('language-offered', 'yes')")
        yield page


@pytest.mark.parametrize("name", VISITED)
def test_every_button_of_a_page_does_something(walker, site, name):
    """What stands in the text once, on a phone; what stands around it at every width."""
    walker.set_viewport_size({"width": WIDTHS[0], "height": 800})
    walker.goto(site + name, wait_until="load")
    walker.evaluate(AWAKE)
    found = {WIDTHS[0]: walker.evaluate(PRESS, True)}
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
                   const veil = document.createElement("div"); veil.style = "height: 40px; margin-top: -40px; background: red";
                   document.querySelector("article button").after(veil); }"""
    )
    dead = walker.evaluate(PRESS, True)
    assert dead == ["covered: BUTTON lies", "nothing happens: BUTTON dead"]
