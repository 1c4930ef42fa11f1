"""A real Chromium for the tests of the figures: pages with one figure, opened from the disk in a fresh profile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursecode import figures
from sphinxext.figures import write_script

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-quic"]
# the theme's colours, as both of its modes define them
THEME = """
html[data-theme=light] { color-scheme: light; --pst-color-text-base: #222832; --pst-color-text-muted: #48566b;
  --pst-color-background: #fff; --pst-color-surface: #f3f4f5; --pst-color-border: #d1d5da; }
html[data-theme=dark] { color-scheme: dark; --pst-color-text-base: #ced6dd; --pst-color-text-muted: #9ca4af;
  --pst-color-background: #14181e; --pst-color-surface: #29313d; --pst-color-border: #48566b; }
body { margin: 0; padding: 0 12px; font-family: system-ui, sans-serif;
  background: var(--pst-color-background); color: var(--pst-color-text-base); }
figure { margin: 0; }
"""


def write_page(folder: Path, name: str, *, language: str = "en", settings: str = "", theme: str = "light") -> Path:
    """A page like the book's: scripts of their own, deferred; the figure with its static picture; a caption."""
    scripts = folder / "figures"
    for part in (name, *figures.data(name)):
        write_script(scripts, part, figures.bundle(name) if part == name else figures.script(part))
    loaded = f'<script defer src="figures/{name}.js"></script>'
    picture = next((ROOT / "figures" / "posters").glob("*.en.png")).as_uri()
    element = figures.element(name, language=language, settings=settings)
    page = folder / f"{name}-{language}-{theme}.html"
    page.write_text(
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}" data-theme="{theme}"><head>'
        f'<meta charset="utf-8"><title>{name}</title><meta name="viewport" content="width=device-width">'
        f"<style>{THEME}</style>{loaded}</head><body><main><h1>{name}</h1>"
        f'<figure id="fig-test">{element}<img src="{picture}" alt="picture" width="300"></{name}>'
        f"<figcaption>Caption</figcaption></figure></main></body></html>",
        encoding="utf-8",
    )
    return page


class Figures:
    """Opens figures; every console error and every request that leaves the disk is kept in ``faults``."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.faults: list[str] = []
        self._contexts: list[Any] = []

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
        """The page with the figure ``name``; ``address`` is the part behind ``#fig-test?``."""
        path = write_page(self.folder, name, language=language, settings=settings, theme=theme)
        made = self.browser.new_context(viewport={"width": width, "height": 900}, **context)
        self._contexts.append(made)
        page = made.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else self.faults.append(r.url))
        page.goto(path.as_uri() + (f"#fig-test?{address}" if address else ""), wait_until="load")
        settled(page)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def text(page: Any, selector: str) -> str:
    """The visible text of a part of the figure."""
    return str(page.locator(selector).first.inner_text())


def settled(page: Any) -> None:
    """Wait until the figure has the data that it loads late."""
    page.locator(".figure[aria-busy=true]").first.wait_for(state="detached")


def say(page: Any) -> str:
    """The sentence that is read aloud."""
    settled(page)
    return text(page, ".say")


def note(page: Any) -> str:
    """What the figure refused; empty when it refused nothing."""
    return text(page, ".note") if page.locator(".note").is_visible() else ""


Opener = Callable[..., Any]
