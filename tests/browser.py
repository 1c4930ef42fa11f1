"""A real Chromium for the tests of the figures: pages with one figure, opened from the disk in a fresh profile."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from root import ROOT

from coursecode import figures
from tools.pictures.posters import letters
from tools.site.figures import smaller

CHROMIUM = "/usr/bin/chromium"
HEADLESS = "/usr/bin/chromium-headless-shell"
# No other host is found. A route for every request would say the same, but takes the browser's cache away.
NOBODY_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-quic", NOBODY_ELSE]
# the theme's colours, as both of its modes define them
THEME = """
html[data-theme=light] { color-scheme: light; --pst-color-text-base: #222832; --pst-color-text-muted: #48566b;
  --pst-color-background: #fff; --pst-color-surface: #f3f4f5; --pst-color-border: #d1d5da; }
html[data-theme=dark] { color-scheme: dark; --pst-color-text-base: #ced6dd; --pst-color-text-muted: #9ca4af;
  --pst-color-background: #14181e; --pst-color-surface: #29313d; --pst-color-border: #48566b; }
body { margin: 0; padding: 0 12px; font-family: "Course Sans", "Noto Sans CJK SC", sans-serif; word-spacing: 0.04em;
  background: var(--pst-color-background); color: var(--pst-color-text-base); }
figure { margin: 0; }
"""


@functools.cache
def scripts_of(name: str) -> dict[str, str]:
    """The scripts of a figure as the site sends them; no test changes their sources."""
    parts = {name: figures.bundle(name)} | {part: figures.script(part) for part in figures.data(name)}
    return {part: smaller(source) for part, source in parts.items()}


def write_page(folder: Path, name: str, *, language: str = "en", settings: str = "", theme: str = "light") -> Path:
    """A page like the book's: scripts of their own, deferred; the figure with its static picture; a caption."""
    scripts = folder / "figures"
    scripts.mkdir(parents=True, exist_ok=True)
    for part, sent in scripts_of(name).items():
        (scripts / f"{part}.js").write_text(sent, encoding="utf-8")
    loaded = f'<script defer src="figures/{name}.js"></script>'
    picture = next((ROOT / "src" / "coursecode" / "figures" / "posters").glob("*.en.png")).as_uri()
    element = figures.element(name, language=language, settings=settings)
    page = folder / f"{name}-{language}-{theme}.html"
    page.write_text(
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}" data-theme="{theme}"><head>'
        f'<meta charset="utf-8"><title>{name}</title><meta name="viewport" content="width=device-width">'
        f"<style>{letters()}{THEME}</style>{loaded}</head><body><main><h1>{name}</h1>"
        f'<figure id="fig-test">{element}<img src="{picture}" alt="picture" width="300"></{name}>'
        f"<figcaption>Caption</figcaption></figure></main></body></html>",
        encoding="utf-8",
    )
    return page


# A colour painted by ::before or ::after makes axe doubt in silence, and asking for them takes most of its time. What a
# check is given stands in the place of all that it had: the rest is axe's own.
STRICT = """
axe.configure({checks: [{id: 'color-contrast', options: {ignorePseudo: true, ignoreUnicode: true, ignoreLength: false,
  boldValue: 700, boldTextPt: 14, largeTextPt: 18, pseudoSizeThreshold: 0.25,
  contrastRatio: {normal: {expected: 4.5}, large: {expected: 3}}}}]});"""


def axe() -> Any:
    """Deque's axe, which judges every colour."""
    from axe_playwright_python.base import AXE_SCRIPT
    from axe_playwright_python.sync_playwright import Axe

    return Axe(AXE_SCRIPT + STRICT)


class Tab:
    """A tab that many tests use, one after the other; it tells the one that has it what went wrong."""

    def __init__(self, browser: Any, options: dict[str, Any]) -> None:
        options = {**options}
        clock = options.pop("clock", False)
        self.page = browser.new_context(**options).new_page()
        if clock:
            self.page.clock.install()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("request", lambda r: self._asked(r.url))

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "about:", "blob:")):
            self.faults.append(url)

    def clear(self) -> None:
        """Nothing of a test is left: neither page nor routes, medium, size or faults."""
        self.page.goto("about:blank")
        self.page.unroute_all()
        self.page.emulate_media(media="null")
        self.faults = []


class Tabs:
    """Tabs of one browser, kept by what their contexts were made with: a new one costs more than most tests."""

    KEPT = 3

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.idle: dict[str, list[Tab]] = {}

    def take(self, options: dict[str, Any]) -> Tab:
        """An idle tab of a context with these options, or a new one."""
        idle = self.idle.get(repr(options))
        return idle.pop() if idle else Tab(self.browser, options)

    def give_back(self, options: dict[str, Any], tab: Tab) -> None:
        """Clear a tab for the next test; more than a few of a kind are closed."""
        idle = self.idle.setdefault(repr(options), [])
        if len(idle) == self.KEPT:
            tab.page.context.close()
            return
        tab.clear()
        idle.append(tab)


class Figures:
    """Opens figures; every console error and every request that leaves the disk is kept in ``faults``."""

    def __init__(self, tabs: Tabs, folder: Path) -> None:
        self.tabs, self.folder = tabs, folder
        self.faults: list[str] = []
        self._used: list[tuple[dict[str, Any], Tab]] = []

    def open(
        self,
        name: str,
        *,
        language: str = "en",
        settings: str = "",
        address: str = "",
        theme: str = "light",
        width: int = 1280,
        **context: Any,
    ) -> Any:
        """The page with the figure ``name``; ``address`` is the part behind ``#fig-test?``.

        With ``clock=True`` a test may turn the page's clock.
        """
        path = write_page(self.folder, name, language=language, settings=settings, theme=theme)
        options = {"viewport": {"width": width, "height": 900}, **context}
        tab = self.tabs.take(options)
        tab.faults = self.faults
        self._used.append((options, tab))
        tab.page.goto(path.as_uri() + (f"#fig-test?{address}" if address else ""), wait_until="load")
        settled(tab.page)
        return tab.page

    def close(self) -> None:
        for options, tab in self._used:
            self.tabs.give_back(options, tab)


def text(page: Any, selector: str) -> str:
    """The visible text of a part of the figure."""
    return str(page.locator(selector).first.inner_text())


def settled(page: Any) -> None:
    """Wait until the figure has the data that it loads late, and its letters."""
    page.locator(".figure[aria-busy=true]").first.wait_for(state="detached")
    page.evaluate("() => document.fonts.ready")


def say(page: Any) -> str:
    """The sentence that is read aloud."""
    settled(page)
    return text(page, ".say")


def note(page: Any) -> str:
    """What the figure refused; empty when it refused nothing."""
    return text(page, ".note") if page.locator(".note").is_visible() else ""


Opener = Callable[..., Any]
